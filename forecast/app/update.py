"""A day on which companies report: the evening before, and the numbers when they come.

Invariant: the table is appended in one step before anything is fitted, and only rows from which every
model could build its panel; if what follows fails, the next update goes on from the table.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import functools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from forecast import plots
from forecast.app.change import AHEAD, Change, Say, Stored, between, latest, read_run
from forecast.app.change_memo import prospect_text, write_change
from forecast.app.pipeline import Outcome, panels_of, run_all
from forecast.core import lock
from forecast.core.errors import DataError, few
from forecast.core.text import one_line, percent
from forecast.evaluation.surprise import jumps, surprised
from forecast.inference.fitting import child_seed
from forecast.news.prospects import Prospect, anticipate, ranked
from forecast.news.statistics import statistics_of
from forecast.report import memo
from forecast.report.figures import Fitted
from forecast.store import runs
from forecast.tables.articles import articles
from forecast.tables.shipped import (
    USER_FILE,
    data_folder,
    days_looked_at,
    held,
    read_tables,
    read_vintages,
    vintage_files,
)
from forecast.tables.vintages import (
    Changes,
    Table,
    append_rows,
    as_of,
    compare,
    newest_day,
    table_hash,
)


@dataclasses.dataclass(frozen=True)
class Updated:
    """What an update leaves.

    Attributes
    ----------
    outcome
        The run.
    table
        The table that rows go to.
    appended
        Number of rows it took.
    change
        What changed since the run before; None if there was none to compare with.
    """

    outcome: Outcome
    table: Path
    appended: int
    change: Change | None


def update_run(
    out: str | Path,
    rows: Table | None,
    *,
    as_of_date: str | None = None,
    today: dt.date | None = None,
    data: str | Path | None = None,
    article: str | None = None,
    seed: int | None = None,
    quick: bool = False,
    models: Sequence[str] | None = None,
    say: Say = lambda _: None,
) -> Updated:
    """Take new numbers, fit what depends on them, judge, and write the run with its change memo.

    Parameters
    ----------
    out
        Output folder; its latest run is what the new one is compared with.
    rows
        Checked rows of the schema; None to go on from what the table holds already.
    as_of_date
        What was known on this day; the newest report's day, up to `today`, by default.
    today
        The day on which this runs; reports of later days are not known yet.
    data
        A folder laid out like the shipped ``data/``, to whose ``vintages/user.csv`` rows are added.
    article
        Which of its articles, where there are several; that of the latest run by default.
    seed, models
        As in :func:`forecast.app.pipeline.run_all`; those of the latest run by default.
    quick
        Fewer draws, no other prior sets.
    say
        Called with a line of progress.

    Returns
    -------
    Updated

    Raises
    ------
    ForecastError
        Before anything is written if a row contradicts the table, or a model cannot take it. After
        the rows were added, of what failed then; `say` has told what was added.
    """
    folder = data_folder(data)
    runs.check_output(out)
    with lock.hold(Path(out) / ".update.lock", f"an update in {out}"):
        before = latest(out)
        if before is None:
            say(f"no run in {out} to compare with: this one is the first")
        else:
            seed = before.manifest["seed"] if seed is None else seed
            models = models or before.manifest["models"]
            if article is None and before.manifest.get("article") in articles(folder):
                article = before.manifest["article"]
        job = _Job(as_of_date, today, data, article, 1 if seed is None else seed, quick, models)
        appended = 0
        if rows is not None:
            with held(folder):
                appended = _take(folder, rows, before, job, say)
        try:
            outcome, change = _run(out, before, job, say)
        except BaseException:
            if appended:
                say(
                    f"{appended} row(s) stand in {folder / USER_FILE}; the run was not finished: "
                    "forecast update without a file goes on from there"
                )
            raise
    return Updated(outcome, folder / USER_FILE, appended, change)


@dataclasses.dataclass(frozen=True)
class _Job:
    """What the run of an update is asked for; see :func:`update_run`."""

    as_of_date: str | None
    today: dt.date | None
    data: str | Path | None
    article: str | None
    seed: int
    quick: bool
    models: Sequence[str] | None


def _take(folder: Path, rows: Table, before: Stored | None, job: _Job, say: Say) -> int:
    """Check rows against the table and the models, and append them; return how many."""
    tables = read_tables(folder)
    table = read_vintages(folder, job.article) if vintage_files(folder, job.article) else None
    changes = compare(table, rows)
    if len(changes.conflicts):
        listed = [
            f"{r.entity} {r.metric} {r.period} of {r.reported_on}: {r.old_value:.12g} there, "
            f"{r.value:.12g} now"
            for r in changes.conflicts.itertuples()
        ]
        raise DataError(
            f"{len(listed)} row(s) contradict what the table says was reported on the same day: "
            f"{one_line(listed)}; nothing was written; correct them, or give a revision its own "
            "later reported_on"
        )
    told = changes if before is None else surprised(changes, before.forecasts)
    for line in few(jumps(told) if before is None else surprises(told)):
        say(line)
    fresh = pd.concat([frame[rows.columns] for frame in (changes.new, changes.revisions)])
    if fresh.empty:
        say(f"nothing new: all {len(rows)} rows are in the table already")
        return 0
    merged = fresh if table is None else pd.concat([table, fresh], ignore_index=True).fillna("")
    day = job.as_of_date or newest_day(merged, job.today, days_looked_at(folder))
    known = as_of(merged, day)
    if job.models:
        panels_of(known, job.models, tables, merged)  # what no model could take is not stored
    count = append_rows(folder / USER_FILE, fresh)
    say(f"{count} row(s) added to {folder / USER_FILE}")
    return count


def surprises(changes: Changes) -> list[str]:
    """Return a line for each new or revised number: what it is, and where it fell in the forecast."""
    lines = []
    for word, frame in (("new", changes.new), ("revision", changes.revisions)):
        for row in frame.to_dict("records"):
            where = row["percentile_text"]
            said = f"at {where} of its forecast" if where else "not forecast"
            was = f" (was {row['old_value']:.12g})" if "old_value" in row else ""
            place = f"{row['entity']} {row['metric']} {row['period']}"
            far = f"; {row['jump']}" if row["jump"] else ""
            lines.append(f"{word}: {place} {row['value']:.12g} {row['unit']}{was}, {said}{far}")
    return lines


def _run(
    out: str | Path, before: Stored | None, job: _Job, say: Say
) -> tuple[Outcome, Change | None]:
    table = read_vintages(job.data, job.article)
    day = job.as_of_date or newest_day(table, job.today, days_looked_at(job.data))
    known = as_of(table, day)
    run = functools.partial(
        run_all,
        out,
        as_of_date=known.date,
        data=job.data,
        article=job.article,
        seed=job.seed,
        quick=job.quick,
        models=job.models,
        say=say,
    )
    told: list[Change] = []
    if before is None or table_hash(known.rows) == before.manifest["data_hash"]:
        again = ""
        if before is not None:
            say("nothing has become known since the latest run")
            again = before.manifest.get("previous") or ""
        return run(previous=again), None

    def also(folder: Path, report: memo.Report, fitted: Mapping[str, Fitted]) -> None:
        change = between(before, (report, fitted), seed=child_seed(job.seed, "news"), say=say)
        write_change(folder, change)
        told.append(change)

    outcome = run(previous=before.id, also=also)
    if not told:  # the run was there already
        told.append(between(before, read_run(outcome.folder), seed=child_seed(job.seed, "news")))
    return outcome, told[0]


# --- the evening before ----------------------------------------------------------------------
def foresee(
    run: Stored,
    *,
    companies: Sequence[str] | None = None,
    claim: str | None = None,
    figures: Path | None = None,
    say: Say = lambda _: None,
) -> list[Prospect]:
    """Return what the coming reports could move: the most telling first, and last what is not told.

    Parameters
    ----------
    run
        A stored run with an earnings fit.
    companies
        Only these.
    claim
        Only this claim, by id, or one of its readings.
    figures
        A folder for the figures of the checked ones; none are drawn without it.
    say
        Called with a line of progress.

    Raises
    ------
    ForecastError
        If the run has no earnings fit, or a name is unknown.
    """
    fitted, draws = run.fitted(AHEAD)
    statistics = [
        s
        for s in statistics_of(run.claims, AHEAD, draws, run.series)
        if claim is None or claim in (s.name, *s.name.split("/"))
    ]
    if not any(not s.unit for s in statistics):
        raise DataError(f"no reading of the {AHEAD} model is called {claim!r}")
    seed = child_seed(int(run.manifest["seed"]), "before")
    found = anticipate(draws, statistics, seed=seed, companies=companies)
    if not found:
        raise DataError(
            f"the draws of the run {run.id} end before any company reports again; forecast run makes "
            "longer ones from what is known now"
        )
    kept = ranked(found, fitted, statistics, seed=seed, say=say)
    if figures is not None:
        why = {s.name: s.why for s in statistics}
        for one in kept:
            if one.told and one.checked:
                _prospect_figure(one, why[one.statistic], figures)
    return kept


def _prospect_figure(one: Prospect, why: str, folder: Path) -> None:
    metric = one.series.split("/")[1]
    words = f"{one.company} {metric.replace('_', ' ')} {one.period}"
    title = f"{words}: {prospect_range(one)}"
    ax = plots.print_curve(
        plots.PrintCurve(words, metric, one.prints, one.at(one.levels), one.levels, one.checked),
        one.probability,
        unit=one.unit,
        noise=one.noise,
        title=title,
    )
    plots.save(ax, folder / one.company, alt=f"{why} {title}. {prospect_text(one)}.")


def prospect_range(one: Prospect) -> str:
    """Return the range over which a coming number could move a probability."""
    low, high = (percent(p) for p in one.at([0.1, 0.9]))
    name = one.statistic.split("/")[-1].replace("_", " ")
    return f"{low} or {high} for “{name}”"


def prospect_rows(found: Sequence[Prospect]) -> list[tuple[str, ...]]:
    """Return a table with its header: of each company and reading the most telling number.

    What is not told is left out; :func:`untold` says why.
    """
    head = ("company", "number", "quarter", "reading", "now", "at 10 %", "at 90 %", "expected move")
    rows: list[tuple[str, ...]] = [(*head, "bits", "crosses", "reweighted at 5, 50, 95 %")]
    seen: set[tuple[str, str]] = set()
    for one in found:
        if (one.company, one.statistic) in seen or not one.told:
            continue
        seen.add((one.company, one.statistic))
        at = one.at([0.1, 0.9])
        prints = np.interp([0.1, 0.9], one.levels, one.prints)
        crossed = [f"{100 * t:.0f} % at {v:,.3g}" for t, v in one.crossings.items()]
        rows.append(
            (
                one.company,
                one.series.split("/")[1],
                one.period,
                one.statistic.split("/")[-1],
                percent(one.probability),
                f"{percent(at[0])} ({prints[0]:,.3g})",
                f"{percent(at[1])} ({prints[1]:,.3g})",
                f"{100 * one.move:.1f} points",
                f"{one.bits:.3f}",
                ", ".join(crossed),
                ", ".join(percent(v).removesuffix(" %") for v in one.checked.values()),
            )
        )
    return rows


def untold(found: Sequence[Prospect]) -> list[str]:
    """Return why numbers are not told, in a line each: of a reading where it is of all its numbers."""
    lines, idle = [], 0
    of: dict[tuple[str, str], list[Prospect]] = {}
    for one in found:
        if one.reason and one.curve is not None:
            idle += 1
        elif one.reason:
            of.setdefault((one.statistic, one.reason), []).append(one)
    for (statistic, reason), members in of.items():
        first = members[0]
        number = f"{first.company} {first.series.split('/')[1]} {first.period}"
        whose = number if len(members) == 1 else f"{len(members)} numbers"
        lines.append(f"not told: {statistic} by {whose}: {reason}")
    if idle:
        lines.append(
            f"not told: {idle} pairs of a number and a reading: their expected move may be "
            "Monte-Carlo error"
        )
    return lines


def prospect_record(one: Prospect) -> dict[str, Any]:
    """Return a prospect as plain values; null where there is no curve."""
    names = ("company", "series", "period", "statistic", "unit", "probability", "bits", "move",
             "noise", "told", "reason")  # fmt: skip
    plain = {name: getattr(one, name) for name in names}
    return {
        **{k: None if isinstance(v, float) and np.isnan(v) else v for k, v in plain.items()},
        "levels": one.levels.tolist(),
        "prints": one.prints.tolist(),
        "curve": None if one.curve is None else one.curve.tolist(),
        "errors": None if one.errors is None else one.errors.tolist(),
        "crossings": {f"{level:g}": value for level, value in one.crossings.items()},
        "checked": {f"{level:g}": value for level, value in one.checked.items()},
    }
