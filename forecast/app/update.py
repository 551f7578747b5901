"""A day on which companies report: the evening before, and the numbers when they come.

Invariant: the table is appended in one step before anything is fitted, and only rows from which every
model could build its panel. ``latest`` stays on the run before until the new run and the change
between the two are both whole; if an update ends before that, the next one goes on from the table and
from what is stored, and compares with the same run.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from forecast import plots
from forecast.app.intake import examine
from forecast.app.pipeline import Outcome, Settings, make_run
from forecast.claims.inputs import read_inputs
from forecast.core import lock
from forecast.core.errors import DataError
from forecast.core.periods import parse_date
from forecast.core.problems import few
from forecast.core.text import percent
from forecast.core.words import metric_of
from forecast.evaluation.surprise import jumps
from forecast.inference.fitting import child_seed
from forecast.news.change import AHEAD, Change, between
from forecast.news.prospects import Prospect, anticipate, ranked
from forecast.news.statistics import statistics_of
from forecast.news.stored import Stored, latest, read_run
from forecast.report.change_memo import prospect_text, write_files
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
    Table,
    append_rows,
    as_of,
    newest_day,
    table_hash,
    value_text,
)

if TYPE_CHECKING:
    from forecast.tables.changes import Changes

logger = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class Compared:
    """What changed between two runs, and the folder where that is written."""

    change: Change
    folder: Path


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
    compared
        What changed since the run before; None if there was none, or it is the same run.
    """

    outcome: Outcome
    table: Path
    appended: int
    compared: Compared | None

    @property
    def change(self) -> Change | None:
        """What changed since the run before, without its folder."""
        return None if self.compared is None else self.compared.change


def update_run(  # noqa: PLR0913 - a job, every option of it by name
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
    accept_implausible: bool = False,
    fiscal_year_ends: Mapping[str, str] | None = None,
) -> Updated:
    """Take new numbers, fit what depends on them, judge, and write the run and what it changed.

    Parameters
    ----------
    out
        Output folder; its latest run is what the new one is compared with. The change goes to
        ``out/changes/<latest>-<new>``; then ``latest`` is pointed to the new run.
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
    accept_implausible
        Whether numbers are taken that lie outside the 0.1 to 99.9 % range of the latest run's forecast,
        or five times off their series' last value.
    fiscal_year_ends
        Rules by company, where another holds than the shipped one.

    Returns
    -------
    Updated

    Raises
    ------
    ForecastError
        Before anything is written if a row contradicts the table, is implausible, or a model cannot take
        it. After
        the rows were added, of what failed then; a line of progress has told what was added.
    """
    folder = data_folder(data)
    runs.check_output(out)
    with lock.hold(Path(out) / ".update.lock", f"an update in {out}"):
        before = latest(out)
        if before is None:
            logger.info(f"no run in {out} to compare with: this one is the first")
        else:
            seed = before.manifest["seed"] if seed is None else seed
            models = models or before.manifest["models"]
            if article is None and before.manifest.get("article") in articles(folder):
                article = before.manifest["article"]
        first = 1 if seed is None else seed
        asked = Settings(as_of_date, data, article, first, quick, models)
        appended = 0
        if rows is not None:
            with held(folder):
                appended = _take(
                    folder, rows, before, asked, today, accept_implausible, fiscal_year_ends
                )
        try:
            outcome, compared = _update(out, before, asked, today)
        except BaseException:
            if appended:
                logger.warning(
                    f"{appended} row(s) stand in {folder / USER_FILE}; the update was not finished: "
                    "forecast update without a file goes on from there"
                )
            raise
    return Updated(outcome, folder / USER_FILE, appended, compared)


def _take(
    folder: Path,
    rows: Table,
    before: Stored | None,
    asked: Settings,
    today: dt.date | None,
    accept_implausible: bool,
    fiscal_year_ends: Mapping[str, str] | None,
) -> int:
    """Check rows against the table and the models, and append them; return how many."""
    if today is not None and asked.as_of_date is not None:
        asked_day = parse_date(asked.as_of_date, "as_of date")
        if asked_day > today:
            logger.warning(
                f"{asked_day} is after today, {today}: what is reported up to then is taken, and a run "
                "without that date does not know it before its day"
            )
        today = max(today, asked_day)
    tables = read_tables(folder)
    table = read_vintages(folder, asked.article) if vintage_files(folder, asked.article) else None
    found = examine(
        rows,
        table,
        forecasts=None if before is None else before.forecasts,
        must=asked.models or (),
        as_of_date=asked.as_of_date,
        today=today,
        looked_at=days_looked_at(folder),
        tables=tables,
        fiscal_year_ends=fiscal_year_ends,
    )
    for line in few(jumps(found.changes) if before is None else surprises(found.changes)):
        logger.info(line)
    for line in few(found.notes):
        logger.info(line)
    found.check(accept_implausible)
    if found.fresh.empty:
        logger.info(f"nothing new: all {len(rows)} rows are in the table already")
        return 0
    count = append_rows(folder / USER_FILE, found.fresh)
    logger.info(f"{count} row(s) added to {folder / USER_FILE}")
    return count


def surprises(changes: Changes) -> list[str]:
    """Return a line for each new or revised number: what it is, and where it fell in the forecast."""
    lines = []
    for word, frame in (("new", changes.new), ("revision", changes.revisions)):
        for row in frame.to_dict("records"):
            where = row["percentile_text"]
            said = f"at {where} of its forecast" if where else "not forecast"
            old = value_text(row, old=True, grouped=False) if "old_value" in row else ""
            was = f" (was {old.removesuffix(f' {row["unit"]}')})" if old else ""
            place = f"{row['entity']} {row['metric']} {row['period']}"
            far = f"; {row['jump']}" if row["jump"] else ""
            lines.append(f"{word}: {place} {value_text(row, grouped=False)}{was}, {said}{far}")
    return lines


def _update(
    out: str | Path, before: Stored | None, asked: Settings, today: dt.date | None
) -> tuple[Outcome, Compared | None]:
    """Make the run, write what it changed, and point ``latest`` to it."""
    inputs = read_inputs(asked.data, asked.article)
    day = asked.as_of_date or newest_day(inputs.vintages, today, inputs.looked_at)
    known = as_of(inputs.vintages, day)
    if before is not None and table_hash(known.rows) == before.manifest["data_hash"]:
        logger.info("nothing has become known since the latest run")
    outcome = make_run(out, dataclasses.replace(asked, as_of_date=known.date), inputs)
    run, compared = outcome.folder.name, None
    if before is not None and run == before.id:
        logger.info(f"nothing changed: the same inputs give the latest run, {run}, again")
    elif before is not None:
        try:
            compared = compare_runs(out, before, read_run(outcome.folder))
        except BaseException:
            logger.warning(
                f"the run {run} is whole, but what changed since {before.id} was not written: "
                "forecast update goes on from there, forecast run does without it"
            )
            raise
    runs.point_latest(out, run)
    return outcome, compared


def compare_runs(out: str | Path, before: Stored, after: Stored) -> Compared:
    """Compare two finished runs, and write what changed to ``out/changes/<before>-<after>``.

    Parameters
    ----------
    out
        Output folder.
    before, after
        Two different runs.

    Returns
    -------
    Compared
        What changed, and the folder with ``change.md``, ``change.html``, ``change.json`` and their
        figure. A folder that is there already and whole stays as it is.

    Raises
    ------
    ForecastError
        If a fit of the later run cannot be read, or nothing can be written.
    """
    logger.info(f"explain the change from the run {before.id} to {after.id} ...")
    change = between(before, after, seed=news_seed(after))
    folder = runs.write_change(out, before.id, after.id, lambda place: write_files(place, change))
    return Compared(change, folder)


def news_seed(after: Stored) -> int:
    """Return the seed of a comparison with a run, which decides it: stored and printed are the same."""
    return child_seed(int(after.manifest["seed"]), "news")


# --- the evening before ----------------------------------------------------------------------
def foresee(
    run: Stored,
    *,
    companies: Sequence[str] | None = None,
    claim: str | None = None,
    figures: Path | None = None,
) -> list[Prospect]:
    """Return what the coming reports could move: the most telling first, and last what is not told.

    Parameters
    ----------
    run
        A stored run with an earnings fit.
    companies
        Only these.
    claim
        Only this claim, by id, or one of its definitions.
    figures
        A folder for the figures of the checked ones; none are drawn without it.

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
        raise DataError(f"no definition of the {AHEAD} model is called {claim!r}")
    seed = child_seed(int(run.manifest["seed"]), "before")
    found = anticipate(draws, statistics, seed=seed, companies=companies)
    if not found:
        raise DataError(
            f"the draws of the run {run.id} end before any company reports again; forecast run makes "
            "longer ones from what is known now"
        )
    kept = ranked(found, fitted, statistics, seed=seed)
    if figures is not None:
        why = {s.name: s.why for s in statistics}
        for one in kept:
            if one.told and one.checked:
                _prospect_figure(one, why[one.statistic], figures)
    return kept


def _prospect_figure(one: Prospect, why: str, folder: Path) -> None:
    metric = metric_of(one.series)
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
    """Return a table with its header: of each company and definition the most telling number.

    What is not told is left out; :func:`untold` says why.
    """
    head = (
        "company",
        "number",
        "quarter",
        "definition",
        "now",
        "at 10 %",
        "at 90 %",
        "expected move",
    )
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
                metric_of(one.series),
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
    """Return why numbers are not told, a line each: of a definition where it is of all its numbers."""
    lines, idle = [], 0
    of: dict[tuple[str, str], list[Prospect]] = {}
    for one in found:
        if one.reason and one.curve is not None:
            idle += 1
        elif one.reason:
            of.setdefault((one.statistic, one.reason), []).append(one)
    for (statistic, reason), members in of.items():
        first = members[0]
        number = f"{first.company} {metric_of(first.series)} {first.period}"
        whose = number if len(members) == 1 else f"{len(members)} numbers"
        lines.append(f"not told: {statistic} by {whose}: {reason}")
    if idle:
        lines.append(
            f"not told: {idle} pairs of a number and a definition: their expected move may be "
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
