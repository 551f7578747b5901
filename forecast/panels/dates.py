"""Dates as numbers: years since 2023, months, ends of quarters."""

from __future__ import annotations

import datetime as dt

from forecast.schema import period_end

YEAR_ORIGIN = dt.date(2023, 1, 1)


def years_since(period: str) -> float:
    """Return the end of a period in years since the start of 2023.

    Examples
    --------
    >>> round(years_since("2023-12-31"), 2), round(years_since("2025Q2"), 2)
    (1.0, 2.49)
    """
    return (period_end(period) - YEAR_ORIGIN).days / 365.25


def quarter_of(day: str) -> str:
    """Return the calendar quarter in which a day lies.

    Examples
    --------
    >>> quarter_of("2026-05-06")
    '2026Q2'
    """
    return f"{day[:4]}Q{(int(day[5:7]) + 2) // 3}"


def months(first: str, last: str) -> list[str]:
    """Return all months from the end of one period to the end of another.

    Examples
    --------
    >>> months("2025Q3", "2025-11-30")
    ['2025-09', '2025-10', '2025-11']
    """
    days = [period_end(period) for period in (first, last)]
    start, end = (12 * day.year + day.month - 1 for day in days)
    return [f"{k // 12}-{k % 12 + 1:02d}" for k in range(start, end + 1)]
