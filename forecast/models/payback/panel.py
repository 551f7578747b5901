"""What is known of a laboratory's run-rate, revenue, cash and projections -> one row a figure.

Every figure keeps its word: "at least" and "at most" are bounds, "about" is a wider error.
Projections keep their vintages: of each year the chain from the newest to the oldest is there, so
that the model can learn how they are revised.

Invariant: nothing reported after ``as_of`` is in it. Of the projections the shipped table holds the
earlier vintages that the known table has replaced.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd
import xarray as xr

from forecast.core.errors import DataError
from forecast.core.periods import parse_date, period_end
from forecast.core.units import convert
from forecast.models.base import Panel, PanelSource
from forecast.tables.vintages import standing

if TYPE_CHECKING:
    from forecast.tables.vintages import Known, Row, Table

ENTITY = "OpenAI"
UNIT = "USD bn"
KINDS = ("run rate", "revenue", "cash", "projection")
METRICS = {
    "revenue_run_rate": "run rate",
    "annual_revenue": "revenue",
    "annual_cash_burn": "cash",
    "cash_flow_projection": "projection",
}
SIDES = {"at least": 1, "at most": -1}


def year_of(day: str) -> float:
    """Return a day as a decimal year.

    Examples
    --------
    >>> year_of("2025-12-31") < 2026.0 <= year_of("2026-01-01")
    True
    """
    date = parse_date(day)
    return date.year + (date.timetuple().tm_yday - 1) / 365.25


class Figure(NamedTuple):
    """One figure of the panel, see :func:`payback_panel`."""

    value: float
    kind: int
    side: int
    rough: int
    time: float
    year: int
    ahead: float
    newer: int
    period: str
    reported_on: str


def payback_panel(known: Known, history: Table) -> Panel:
    """Return the figures of one laboratory, USD bn, projections from the newest vintage backwards.

    Variables: `value`; `kind`, an index of :data:`KINDS`; `side`, 1 for "at least", -1 for "at most",
    0 for a number; `rough`, 1 for "about"; `time`, the decimal year of a run-rate; `year`, that of a
    flow; `ahead`, the years from a projection to the end of its year if it is the newest, else to
    the next newer one; `newer`, the position of that one, -1 if there is none.
    """
    rows = known.rows
    rows = rows[(rows["entity"] == ENTITY) & rows["metric"].isin(METRICS)]
    kinds = set(rows["metric"])
    if sum(rows["metric"] == "revenue_run_rate") < 3:
        raise DataError(
            f"the payback model wants at least 3 rows of {ENTITY} revenue_run_rate; the table has "
            f"{sum(rows['metric'] == 'revenue_run_rate')} (and {', '.join(sorted(kinds)) or 'none'})"
        )
    bounded = rows["qualifier"].isin(SIDES) & (rows["metric"] != "revenue_run_rate")
    if bounded.any():
        raise DataError("the payback model takes bounds of run-rates only, not of yearly flows")
    rows = _with_vintages(rows, history, known.date)
    figures: list[Figure] = []
    order = sorted(rows.to_dict("records"), key=_order)
    for row in order:
        kind, period = METRICS[str(row["metric"])], str(row["period"])
        end, told = period_end(period), str(row["reported_on"])
        value = convert(float(row["value"]), str(row["unit"]), UNIT)
        figure = Figure(
            value=-value if kind == "cash" else value,
            kind=KINDS.index(kind),
            side=SIDES.get(str(row["qualifier"]), 0),
            rough=int(row["qualifier"] == "about"),
            time=year_of(end.isoformat()),
            year=end.year,
            ahead=0.0,
            newer=-1,
            period=period,
            reported_on=told,
        )
        if kind == "projection":
            if parse_date(told) > end:  # by then it is no projection
                continue
            before = figures[-1] if figures else None
            later, newer = end.year + 1.0, -1
            if before is not None and (before.kind, before.year) == (figure.kind, end.year):
                later, newer = year_of(before.reported_on), len(figures) - 1
            figure = figure._replace(ahead=later - year_of(told), newer=newer)
        figures.append(figure)
    frame = pd.DataFrame(figures)
    columns = ("value", "kind", "side", "rough", "time", "year", "ahead", "newer")
    data = xr.Dataset(
        {c: ("obs", frame[c].to_numpy()) for c in columns},
        coords={c: ("obs", frame[c].to_numpy(str)) for c in ("period", "reported_on")},
    )
    units = {"value": UNIT, "time": "years", "ahead": "years"}
    return Panel("payback", known.date, data, units)


def _order(row: Row) -> tuple[int, str, float]:
    """Order by kind and period; of one period the newest report first."""
    metric = list(METRICS).index(str(row["metric"]))
    return metric, str(row["period"]), -year_of(str(row["reported_on"]))


def _with_vintages(rows: pd.DataFrame, history: Table, as_of: str) -> pd.DataFrame:
    told = standing(history, as_of)
    older = told[(told["entity"] == ENTITY) & (told["metric"] == "cash_flow_projection")]
    both = pd.concat([rows, older], ignore_index=True)
    return both.drop_duplicates(["metric", "period", "reported_on"], keep="first")


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


PANEL = PanelSource(build=payback_panel, history=True, latest="reported_on")
