"""When each company reported each quarter and should report the next; ratios of what it reported.

Invariant: a day of the past is the table's own ``reported_on``; a day that has not come is an
estimate from the company's own lags, lies after ``as_of``, and is never called reported. A report of
which the last such day has passed is overdue since then.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import itertools
import math
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from forecast.core.errors import DataError
from forecast.core.periods import (
    parse_date,
    period_end,
    quarter_index,
    quarter_name,
)
from forecast.core.text import one_line
from forecast.core.units import convert
from forecast.models.earnings.panel import EARNINGS_UNIT, quarterly
from forecast.tables.vintages import Known, Table, require_known

REPORTED = ("capex", "revenue")
"""A quarter counts as reported with the first of these."""
LONGEST_LAG = 120
"""Days; what came later than this was filed for another reason (a prospectus, a restatement)."""
SAME_QUARTER, LAST = 4, 8
"""Lags that are looked at: of the same quarter in as many years, else of as many last quarters."""
ENOUGH = 3
COLUMNS = (
    "entity", "quarter", "period_end", "status", "reported_on", "expected_on", "expected_from",
    "expected_to", "overdue_since", "lags",
)  # fmt: skip


@dataclasses.dataclass(frozen=True, eq=False)
class Calendar:
    """Which quarters each company has reported, and when the next reports are expected.

    Attributes
    ----------
    date
        The day on which this was known, ISO.
    rows
        One row a company and calendar quarter, see :func:`report_calendar`.
    """

    date: str
    rows: pd.DataFrame

    @property
    def out(self) -> pd.DataFrame:
        """The rows of quarters that are not reported yet."""
        return self.rows[self.rows["status"] != "reported"]

    def _repr_html_(self) -> str:
        """Show the rows as a table with the day."""
        return f"<p><b>Reports as of {self.date}</b></p>" + self.rows.to_html(index=False)


def report_calendar(known: Known, *, metrics: Sequence[str] = REPORTED) -> Calendar:
    """Return which quarters each company has reported, and when the next reports are expected.

    Parameters
    ----------
    known
        The result of :func:`forecast.tables.vintages.as_of`. Of a restated number it holds the newest
        report only; the first of all `metrics` counts.
    metrics
        Metrics by which a quarter counts as reported.

    Returns
    -------
    Calendar
        The date, and one row a company and calendar quarter (of its fiscal quarter's middle),
        from its first report to the first quarter that has not ended, with text columns

        - entity, quarter, period_end: the last day of the fiscal quarter; of one that was not
          reported it is carried on from the last one that was;
        - status: ``reported``; ``missing`` if it has ended; ``running`` if it has not;
        - reported_on: the day, or empty;
        - expected_on, expected_from, expected_to: median, earliest and latest day by the company's
          own past lags, of those after ``as_of``; empty where it was reported, where there is no
          lag to go by, or where all of them have passed;
        - overdue_since: where all of them have passed, the last of them;
        - lags: the number of past lags these days rest on.

    Raises
    ------
    DataError
        If `known` did not come from ``as_of``, or has no quarterly row of these metrics.
    """
    today = parse_date(require_known(known).date)
    rows = []
    for entity, reports in _reports(known.rows, metrics).items():
        rows += [(entity, *row) for row in _company(reports, today)]
    if not rows:
        raise DataError(f"a report calendar wants quarterly rows of {one_line(metrics)}; got none")
    return Calendar(known.date, pd.DataFrame(rows, columns=list(COLUMNS)))


Reports = Mapping[int, tuple[dt.date, dt.date]]
"""By number of the calendar quarter: last day of the fiscal quarter, and day of the report."""


def _reports(table: Table, metrics: Sequence[str]) -> Mapping[str, Reports]:
    found: dict[str, dict[int, tuple[dt.date, dt.date]]] = {}
    rows = quarterly(table[table["metric"].isin(metrics)]).sort_values(["entity", "reported_on"])
    columns = ["entity", "period", "reported_on", "quarter"]
    for entity, period, day, quarter in rows[columns].itertuples(index=False):
        last, reported = period_end(str(period)), parse_date(str(day))
        # What was said before the quarter's end was a projection.
        if reported >= last:
            own = found.setdefault(str(entity), {})
            own.setdefault(quarter_index(str(quarter)), (last, reported))
    return found


def _company(reports: Reports, today: dt.date) -> list[tuple[object, ...]]:
    """Return one company's rows without its name, up to the first quarter that has not ended."""
    rows: list[tuple[object, ...]] = []
    last = max(reports)
    for quarter in itertools.count(min(reports)):
        end, day = reports.get(quarter, (None, None))
        if end is None:
            base = max(q for q in reports if q < quarter)
            end = _later(reports[base][0], quarter - base)
        running = end > today
        status = "reported" if day else "running" if running else "missing"
        days: tuple[str, str, str] = ("", "", "")
        overdue, lags = "", list[int]()
        if day is None and quarter > last:
            usual = _lags(reports, quarter)
            lags = [d for d in usual if end + dt.timedelta(days=d) > today]
            days = _expected(end, lags)
            if usual and not lags:
                overdue = (end + dt.timedelta(days=max(usual))).isoformat()
        row = (quarter_name(quarter), end.isoformat(), status, day.isoformat() if day else "")
        rows.append((*row, *days, overdue, len(lags)))
        if running and quarter >= last:
            return rows
    raise AssertionError("unreachable")


def _later(end: dt.date, quarters: int) -> dt.date:
    """Return the end of a fiscal quarter some quarters on: of months, or of 13 weeks each."""
    next_day = end + dt.timedelta(days=1)
    if next_day.day != 1:
        return end + dt.timedelta(days=91 * quarters)
    months = 12 * next_day.year + next_day.month - 1 + 3 * quarters
    return dt.date(months // 12, months % 12 + 1, 1) - dt.timedelta(days=1)


def _lags(reports: Reports, quarter: int) -> list[int]:
    """Return the lags to go by, in days."""
    lag = {q: (day - end).days for q, (end, day) in sorted(reports.items())}
    usual = {q: days for q, days in lag.items() if days <= LONGEST_LAG}
    same = [usual[q] for q in range(quarter - 4 * SAME_QUARTER, quarter, 4) if q in usual]
    return same if len(same) >= ENOUGH else list(usual.values())[-LAST:]


def _expected(end: dt.date, lags: Sequence[int]) -> tuple[str, str, str]:
    """Return the median, earliest and latest day; the median on a working day of the range."""
    if not lags:
        return "", "", ""
    low, high = (end + dt.timedelta(days=d) for d in (min(lags), max(lags)))
    middle = end + dt.timedelta(days=math.floor(float(np.median(lags)) + 0.5))
    middle += dt.timedelta(days={5: -1, 6: 1}.get(middle.weekday(), 0))  # no reports at weekends
    return min(max(middle, low), high).isoformat(), low.isoformat(), high.isoformat()


def reported_ratio(
    known: Known,
    top: str = "capex",
    bottom: str = "operating_cash_flow",
    *,
    sums: Mapping[str, Sequence[str]] | None = None,
) -> pd.DataFrame:
    """Return the ratio of two reported metrics, each the total of four quarters.

    Parameters
    ----------
    known
        The result of :func:`forecast.tables.vintages.as_of`.
    top, bottom
        Two metrics in money.
    sums
        Groups of companies to add up before dividing, by name.

    Returns
    -------
    pandas.DataFrame
        Columns entity, quarter (the last of the four, a calendar quarter) and ratio, in order. Only
        where all eight numbers are known, of every company of a sum, and the total below the line is
        above zero.

    Raises
    ------
    DataError
        If `known` did not come from ``as_of``, or no company has the two metrics for four quarters
        in a row.
    """
    table = require_known(known).rows
    above, below = (_yearly_totals(table, metric) for metric in (top, bottom))
    for name, members in (sums or {}).items():
        for totals in (above, below):
            if set(members) <= set(totals.columns):
                totals[name] = totals[list(members)].sum(axis=1, skipna=False)
    ratio = (above / below.where(below > 0)).to_dict()
    rows = [
        (str(entity), quarter_name(int(quarter)), value)
        for entity, values in sorted(ratio.items())
        for quarter, value in sorted(values.items())
        if math.isfinite(value)
    ]
    if not rows:
        raise DataError(
            f"a ratio wants {top} and {bottom} of four quarters in a row of one company; the table "
            "has none"
        )
    return pd.DataFrame(rows, columns=["entity", "quarter", "ratio"])


def _yearly_totals(table: Table, metric: str) -> pd.DataFrame:
    """Return totals of four quarters in USD bn, by number of the last quarter and by entity."""
    rows = table[(table["metric"] == metric) & ~table["qualifier"].isin(["at least", "at most"])]
    cells: dict[tuple[int, str], float] = {}
    for row in quarterly(rows).to_dict("records"):
        value = convert(float(row["value"]), str(row["unit"]), EARNINGS_UNIT)
        cells[quarter_index(str(row["quarter"])), str(row["entity"])] = value
    if not cells:
        return pd.DataFrame()
    wide = pd.Series(cells).unstack()
    return wide.reindex(range(wide.index.min(), wide.index.max() + 1)).rolling(4).sum()
