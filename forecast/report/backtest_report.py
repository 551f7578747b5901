"""The report of a backtest: a page of Markdown, and the tables it was made of as Parquet files.

Invariant: every number on the page is a mean of the stored cells; the page and the tables are written
together, whole or not at all.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Hashable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from forecast.core.text import percent, significant
from forecast.core.words import metric_of
from forecast.evaluation import skill
from forecast.evaluation.dates import read_span
from forecast.evaluation.skill import FEWEST, MODEL, SHARES, TENTHS
from forecast.models.registry import ahead_of, get_model, panel_source
from forecast.report import memo
from forecast.store.origins import FOLDER, write_tables
from forecast.store.runs import write_part

if TYPE_CHECKING:
    from forecast.evaluation.backtesting import Backtest

PAGE = "report.md"
ALL = "all"
BY: Mapping[str, str] = {
    ALL: "", "metric": "metric", "horizon": "horizon", "entity": "series", "date": "as_of",
}  # fmt: skip
"""What scores are grouped by, and the column of the cells that says so; none of all together."""

type _Row = Mapping[Hashable, Any]


@dataclasses.dataclass(frozen=True, slots=True)
class Line:
    """Scores of one forecast in one group, as text.

    Attributes
    ----------
    group
        What the cells have in common, and their scale where that is not the logarithm.
    forecast
        Whose forecast it is.
    n, dates
        How many cells, of how many dates.
    loss
        Mean CRPS, or Brier score of events.
    skill
        Against the best simple rule, with its interval.
    better
        The share of samples of dates in which it beats that rule.
    log_score
        The mean log score.
    parts
        The interval score and its three parts; of events the mean probability, the share that came.
    held
        What the 50, 80 and 95 % intervals held, each with its interval; none of events.
    """

    group: str
    forecast: str
    n: int
    dates: int
    loss: str
    skill: str
    better: str
    log_score: str
    parts: tuple[str, ...]
    held: tuple[str, ...]


@dataclasses.dataclass(frozen=True, slots=True)
class Table:
    """A table of scores.

    Attributes
    ----------
    title
        What its rows are grouped by; "" of all together.
    lines
        Its rows.
    """

    title: str
    lines: tuple[Line, ...]


def all_scores(found: Backtest, *, seed: int) -> dict[str, pd.DataFrame]:
    """Return mean scores of all, by metric, horizon, entity and date, as two tidy tables.

    Parameters
    ----------
    found
        A backtest.
    seed
        Decides which dates the bootstrap draws.

    Returns
    -------
    dict
        ``scores``, of numbers (:func:`forecast.evaluation.skill.number_scores`), and ``event_scores``,
        of events, each with the columns ``by`` (one of :data:`BY`) and ``group`` (text) before the
        others; without rows where there is none. By entity, sums and ratios have rows too; elsewhere
        they would count the same numbers twice.
    """
    tables: dict[str, list[pd.DataFrame]] = {"scores": [], "event_scores": []}
    for by, column in BY.items():
        cells = found.cells if by == "entity" else found.own
        columns = [column] if column else []
        own = (
            skill.number_scores(cells, columns, seed=seed),
            skill.event_scores(found.events, columns, seed=seed),
        )
        for name, table in zip(tables, own, strict=True):
            if len(table):
                told = table.drop(columns=columns)
                told.insert(0, "by", by)
                told.insert(1, "group", table[column].astype(str) if column else ALL)
                tables[name].append(told)
    return {
        name: pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()
        for name, parts in tables.items()
    }


def write_backtest(out: str | Path, found: Backtest, *, seed: int) -> Path:
    """Write a backtest to a folder of its own below ``out/backtests``, in one step.

    Parameters
    ----------
    out
        The output folder.
    found
        The backtest.
    seed
        Decides which dates the bootstrap draws.

    Returns
    -------
    pathlib.Path
        The folder: ``report.md``, and as Parquet ``cells``, ``events``, ``origins``, ``scores``,
        ``event_scores``.

    Raises
    ------
    StoreError
        If it cannot be written; then nothing is.
    """
    scores = all_scores(found, seed=seed)

    def fill(folder: Path) -> None:
        kept = {"cells": found.cells, "events": found.events, "origins": found.origins}
        write_tables(folder, {**kept, **scores})
        text = backtest_markdown(found, scores, seed=seed)
        (folder / PAGE).write_text(text, encoding="utf-8")

    return write_part(out, (FOLDER, f"{found.design.model}-{found.key}"), fill)


def backtest_markdown(found: Backtest, scores: Mapping[str, pd.DataFrame], *, seed: int) -> str:
    """Return the report of a backtest as Markdown.

    Parameters
    ----------
    found
        The backtest.
    scores
        Its means, from :func:`all_scores`.
    seed
        Decides which dates the bootstrap of reliability draws.
    """
    origins, design = found.origins, found.design
    passed, rules = origins["passed"].astype(bool), ahead_of(design.model)
    tables = {name: _tables(table) for name, table in scores.items()}
    pit = skill.pit_counts(found.own, ["metric"])
    reliable = skill.reliability(found.events, seed=seed)
    return memo.render(
        "backtest.md.j2",
        {
            "design": design,
            "title": get_model(design.model).title,
            "tells": rules is not None and rules.tell is not None,
            "own_table": panel_source(design.model).table,
            "window": str(read_span(design.window)) if design.window else "",
            "first": str(origins["as_of"].min()),
            "last": str(origins["as_of"].max()),
            "dates": len(origins),
            "passed": int(passed.sum()),
            "failed": list(_records(origins[~passed])),
            "numbers": tables["scores"],
            "events": tables["event_scores"],
            "pit": [(r, [r[f"t{k + 1}"] for k in range(TENTHS)]) for r in _records(pit)],
            "reliability": [
                {**r, "said": f"{r['said']:.2f}", "range": f"{r['low']:.1f} to {r['high']:.1f}",
                 "came": _between(r["came"], r["came_low"], r["came_high"], 2)}
                for r in _records(reliable)
            ],
            "shares": SHARES,
            "fewest": FEWEST,
            "few": len(origins) < FEWEST,
        },
    )  # fmt: skip


def _records(table: pd.DataFrame) -> list[_Row]:
    return list(table.to_dict("records"))


def _tables(scores: pd.DataFrame) -> tuple[Table, ...]:
    if scores.empty:
        return ()
    return tuple(
        Table(
            "" if by == ALL else by,
            tuple(_line(row, by) for row in _shown(scores[scores["by"] == by], by)),
        )
        for by in BY
    )


def _shown(table: pd.DataFrame, by: str) -> Sequence[_Row]:
    """Return the rows that are printed: of all and each metric all forecasts, else ours and the best."""
    if by not in (ALL, "metric"):
        ours = table["forecast"].isin([MODEL]) | (table["forecast"] == table["best_rule"])
        table = table[ours]
    if by == "horizon":
        table = table.assign(_at=table["group"].astype(int)).sort_values("_at", kind="stable")
    return _records(table)


def _line(row: _Row, by: str) -> Line:
    scale = row.get("scale", "log")
    numbers = "crps" in row
    names = ("interval_score", *skill.PARTS) if numbers else ("probability", "happened")
    group = str(row["group"])
    return Line(
        group=(group if by != "metric" else metric_of(group).replace("_", " "))
        + ("" if scale == "log" else f" ({scale})"),
        forecast=str(row["forecast"]),
        n=int(row["n"]),
        dates=int(row["dates"]),
        loss=_number(row["crps" if numbers else "brier"]),
        skill=_between(row["skill"], row["skill_low"], row["skill_high"], 2),
        better=percent(None if math.isnan(row["better"]) else row["better"]),
        log_score=_number(row["log_score"]),
        parts=tuple(_number(row[name]) for name in names),
        held=tuple(
            _between(row[name], row[f"{name}_low"], row[f"{name}_high"], 2)
            for name in (skill.HELD if numbers else ())
        ),
    )


def _number(value: float) -> str:
    return significant(value, 3) if math.isfinite(value) else "–"


def _between(value: float, low: float, high: float, places: int) -> str:
    """Return a number with its interval, where there is one."""
    if not math.isfinite(value):
        return "–"
    text = _rounded(value, places)
    if not math.isfinite(low):
        return text
    return f"{text} ({_rounded(low, places)} to {_rounded(high, places)})"


def _rounded(value: float, places: int) -> str:
    """Return a number to some places; what rounds to nothing has no sign.

    Examples
    --------
    >>> _rounded(-0.004, 2), _rounded(-0.006, 2)
    ('0.00', '-0.01')
    """
    return f"{round(value, places) + 0.0:.{places}f}"
