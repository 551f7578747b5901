"""What is known of the laboratories' sales, cash, funding and projections -> one row a figure.

Every figure keeps its word: "at least" and "at most" are bounds, "about" is a wider error. What is
sold gross of a cloud's share is marked. Projections keep their vintages: of each year the chain from
the newest to the oldest is there, so that the model can learn how they are revised.

Invariant: nothing reported after ``as_of`` is in it, the announced programme too. Of the projections
the shipped table holds the earlier vintages that the known table has replaced.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd
import xarray as xr

from forecast.core.errors import DataError
from forecast.core.periods import parse_date, period_days, period_end
from forecast.core.units import convert
from forecast.core.words import COLUMNS, KEY
from forecast.models.base import Panel, PanelSource, records
from forecast.tables.vintages import standing

if TYPE_CHECKING:
    from forecast.tables.vintages import Known, Table

LABORATORIES = ("OpenAI", "Anthropic")
"""The first is the one whose programme is asked about."""
UNIT = "USD bn"
KINDS = ("sales", "cash", "money", "round", "projection")
"""Run-rates and revenues; cash of a year or quarter; cash in hand; money committed in a funding round;
cash projections."""
RUN_RATES = ("revenue_run_rate", "revenue_run_rate_gross")
METRICS = {
    "revenue_run_rate": "sales",
    "revenue_run_rate_gross": "sales",
    "annual_revenue": "sales",
    "quarterly_revenue": "sales",
    "annual_cash_burn": "cash",
    "quarterly_cash_burn": "cash",
    "cash_on_hand": "money",
    "funding_raised": "money",
    "funding_committed": "round",
    "cash_flow_projection": "projection",
}
SIDES = {"at least": 1, "at most": -1}
VINTAGES = 6
"""Steps between vintages that have a shift of their own; older ones share that of the last."""
YEARS_OF_COMMITMENTS = 8
"""Years over which `compute_commitments` run: those of November 2025 were said to be over eight years
(ai_labs.csv). Where a statement names no years it is given as many."""
LAST_OF_TARGET = 2030
"""Last year of `compute_spend_target_to_2030`."""
FIRST = 2026
"""First year of spending on a programme, and of drawn cash."""


def year_of(day: str) -> float:
    """Return a day as a decimal year.

    Examples
    --------
    >>> year_of("2025-12-31") < 2026.0 <= year_of("2026-01-01")
    True
    """
    date = parse_date(day)
    return date.year + (date.timetuple().tm_yday - 1) / 365.25


@dataclasses.dataclass(frozen=True)
class Announced:
    """The latest announced programme of each laboratory, in the order of :data:`LABORATORIES`.

    Attributes
    ----------
    size
        USD bn; 0 where none is known.
    last
        Last year of its spending.
    """

    size: tuple[float, ...]
    last: tuple[int, ...]


type Rows = Sequence[Mapping[str, Any]]
"""Rows of a checked table, by column."""


class Figure(NamedTuple):
    """One figure of the panel, see :func:`payback_panel`."""

    value: float
    kind: int
    lab: int
    side: int
    rough: int
    gross: int
    start: float
    length: float
    per: float
    year: int
    committed: float
    ahead: float
    horizon: float
    newer: int
    vintage: int
    entity: str
    metric: str
    period: str
    reported_on: str


def payback_panel(known: Known, history: Table) -> Panel:
    """Return the figures of the laboratories, USD bn, projections from the newest vintage backwards.

    Variables: `value`, cash being negative where it is burnt; `kind`, an index of :data:`KINDS`;
    `lab`, of :data:`LABORATORIES`; `side`, 1 for "at least", -1 for "at most", 0 for a number; `rough`,
    1 for "about"; `gross`, 1 for sales with a cloud's share in them; `start` and `length`, the window
    that the figure is about in years, of no length for a run-rate, and from the start of 2026 to its
    day for cash in hand; `per`, the years that the number is of (1 for a run-rate); `year`;
    `committed`, money committed from 2026 to the day of cash in hand; `ahead`, the years from a
    projection to the end of its year if it is the newest, else to the next newer one; `horizon`,
    how far the end of its year is on the mean of that time; `newer`, the position of that one, -1
    if there is none; `vintage`, its rank from the newest.

    Raises
    ------
    DataError
        If the first laboratory has fewer than three figures of its sales, or a projection is a bound.
    """
    rows: Rows = [
        row
        for row in records(known.rows, COLUMNS)
        if row["entity"] in LABORATORIES and row["metric"] in METRICS
    ]
    own = [row["metric"] for row in rows if row["entity"] == LABORATORIES[0]]
    sold = sum(METRICS[metric] == "sales" for metric in own)
    if sold < 3:
        raise DataError(
            f"the payback model wants at least 3 figures of what {LABORATORIES[0]} sells "
            f"(revenue_run_rate, annual_revenue or quarterly_revenue); the table has {sold} "
            f"(and {', '.join(sorted(set(own))) or 'none'})"
        )
    rows = _with_vintages(rows, history, known.date)
    bounded = [
        f"{row['entity']} {row['period']} told on {row['reported_on']}: {row['qualifier']}"
        for row in rows
        if row["qualifier"] in SIDES and row["metric"] == "cash_flow_projection"
    ]
    if bounded:
        raise DataError(
            f"the payback model takes no bounds of projections; got {'; '.join(bounded)}"
        )
    figures: list[Figure] = []
    for row in sorted(rows, key=_order):
        figure = _figure(row, rows)
        if figure is not None and KINDS[figure.kind] == "projection":
            figure = _chained(figure, figures)
        if figure is not None:
            figures.append(figure)
    cells = map(np.array, zip(*_ranked(figures), strict=True))
    columns = dict(zip(Figure._fields, cells, strict=True))
    labels = ("entity", "metric", "period", "reported_on")
    data = xr.Dataset(
        {name: ("obs", values) for name, values in columns.items() if name not in labels},
        coords={name: ("obs", columns[name]) for name in labels},
    )
    years = dict.fromkeys(("start", "length", "per", "ahead", "horizon"), "years")
    units = {"value": UNIT, "committed": UNIT, **years}
    return Panel("payback", known.date, data, units, about=announced(known.rows))


def _figure(row: Mapping[str, Any], rows: Rows) -> Figure | None:
    """Return a row as a figure, None where it tells nothing."""
    metric, period = str(row["metric"]), str(row["period"])
    kind, end = METRICS[metric], period_end(period)
    value = convert(float(row["value"]), str(row["unit"]), UNIT)
    side, day = SIDES.get(str(row["qualifier"]), 0), year_of(end.isoformat())
    start, length, per, committed = day, 0.0, 1.0, 0.0
    if metric == "funding_raised":  # nobody has more in hand than was ever put in
        if side > 0:
            return None
        side = -1
    if kind == "money":
        start, length = float(FIRST), day - FIRST
        committed = _committed(rows, str(row["entity"]), end.isoformat())
    elif metric not in RUN_RATES and kind != "round":
        months = round((end - period_days(period)[0]).days / 30.4)
        per = length = months / 12
        start = end.year + end.month / 12 - length
    if kind == "cash":
        value, side = -value, -side
    return Figure(
        value=value,
        kind=KINDS.index(kind),
        lab=LABORATORIES.index(str(row["entity"])),
        side=side,
        rough=int(row["qualifier"] == "about"),
        gross=int(metric == "revenue_run_rate_gross"),
        start=start,
        length=length,
        per=per,
        year=end.year,
        committed=committed,
        ahead=0.0,
        horizon=0.0,
        newer=-1,
        vintage=0,
        entity=str(row["entity"]),
        metric=metric,
        period=period,
        reported_on=str(row["reported_on"]),
    )


def _chained(figure: Figure, before: list[Figure]) -> Figure | None:
    """Return a projection with its place in the chain of vintages; None if its year was over."""
    end = period_end(figure.period)
    told = [f for f in before if (f.kind, f.lab) == (figure.kind, figure.lab)]
    if parse_date(figure.reported_on) > end:  # by then it is no projection
        return None
    later, newer = end.year + 1.0, -1
    if told and told[-1].year == end.year:
        later, newer = year_of(told[-1].reported_on), len(before) - 1
    told_on = year_of(figure.reported_on)
    ahead = later - told_on
    return figure._replace(ahead=ahead, horizon=end.year + 1.0 - told_on - ahead / 2, newer=newer)


def _ranked(figures: list[Figure]) -> list[Figure]:
    """Return the figures with each projection's vintage as a rank from its laboratory's newest."""
    days: dict[int, set[str]] = {}
    for f in figures:
        if KINDS[f.kind] == "projection":
            days.setdefault(f.lab, set()).add(f.reported_on)
    rank = {
        (lab, day): min(k, VINTAGES - 1)
        for lab, told in days.items()
        for k, day in enumerate(sorted(told, reverse=True))
    }
    projection = KINDS.index("projection")
    return [
        f._replace(vintage=rank[f.lab, f.reported_on]) if f.kind == projection else f
        for f in figures
    ]


def announced(rows: pd.DataFrame) -> Announced:
    """Return the programme that each laboratory announced last."""
    size, last = [], []
    wanted = ("compute_commitments", "compute_spend_target_to_2030")
    found = [row for row in records(rows, COLUMNS) if row["metric"] in wanted]
    for name in LABORATORIES:
        own = [row for row in found if row["entity"] == name]
        if not own:
            size.append(0.0)
            last.append(FIRST)
            continue
        row = sorted(own, key=lambda row: str(row["reported_on"]))[-1]
        size.append(convert(float(row["value"]), str(row["unit"]), UNIT))
        started = max(period_end(str(row["period"])).year + 1, FIRST)
        by_target = row["metric"] == "compute_spend_target_to_2030"
        last.append(LAST_OF_TARGET if by_target else started + YEARS_OF_COMMITMENTS - 1)
    return Announced(tuple(size), tuple(last))


def _committed(rows: Rows, entity: str, day: str) -> float:
    """Return the money committed to a laboratory in rounds from 2026 to a day, bounds at their word."""
    return sum(
        convert(float(row["value"]), str(row["unit"]), UNIT)
        for row in rows
        if (row["entity"], row["metric"]) == (entity, "funding_committed")
        and f"{FIRST}" <= period_end(str(row["period"])).isoformat() <= day
    )


def _order(row: Mapping[str, Any]) -> tuple[int, int, str, float]:
    """Order by kind, laboratory and period; of one period the newest report first."""
    metric, lab = list(METRICS).index(str(row["metric"])), LABORATORIES.index(str(row["entity"]))
    return metric, lab, str(row["period"]), -year_of(str(row["reported_on"]))


def _with_vintages(rows: Rows, history: Table, as_of: str) -> Rows:
    """Return the rows with the projections that others have replaced."""
    about = history["entity"].isin(LABORATORIES) & (history["metric"] == "cash_flow_projection")
    both: dict[tuple[str, ...], Mapping[str, Any]] = {}
    for row in [*rows, *records(standing(history[about], as_of), COLUMNS)]:
        key = tuple(row[name] for name in (*KEY, "reported_on"))
        both.setdefault(key, row)
    return list(both.values())


def spending(
    programme: float, first: int, last: int, ramp: np.ndarray, years: np.ndarray
) -> np.ndarray:
    """Return a programme's spending by year, adding up to it, growing by `ramp` a year.

    Parameters
    ----------
    programme
        USD bn.
    first, last
        Years of the first and the last spending.
    ramp
        Growth, log points a year, shape (sample,).
    years
        Years, shape (year,).

    Returns
    -------
    numpy.ndarray
        Shape (sample, year).
    """
    inside = (years >= first) & (years <= last)
    weight = np.where(inside, np.exp(ramp[:, None] * (years - first)), 0.0)
    share: np.ndarray = weight / weight.sum(axis=1, keepdims=True)
    return programme * share


PANEL = PanelSource(build=payback_panel, history=True, latest=("reported_on",))
