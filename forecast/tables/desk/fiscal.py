"""Fiscal years and their quarters as days, by the rule on which a company's year ends.

Invariant: the four quarters of a fiscal year are its days, each once, and each year begins on the day
after the one before. A fiscal year is called by the calendar year in which it ends.
"""

from __future__ import annotations

import calendar
import datetime as dt
import functools
import re
from collections.abc import Callable

from forecast.core.errors import DataError

type Span = tuple[dt.date, dt.date]
"""First and last day of a period."""

CALENDAR = "12-31"
"""The rule of a fiscal year that is the calendar year."""

WANTED = (
    "a month and its last day such as 06-30, or a rule such as 'last Sunday of January' or "
    "'Saturday nearest 08-31'"
)

_ONE_DAY = dt.timedelta(days=1)
_WEEKDAYS = {name.lower(): k for k, name in enumerate(calendar.day_name)}
_MONTHS = {name.lower(): k for k, name in enumerate(calendar.month_name) if name}


@functools.lru_cache(maxsize=4096)
def year_end(rule: str, year: int) -> dt.date:
    """Return the last day of a fiscal year.

    Parameters
    ----------
    rule
        A month and its last day, ``06-30``; or, for years of 52 and 53 weeks, ``last Sunday of January``
        or ``Saturday nearest 08-31``.
    year
        The year by which it is called.

    Raises
    ------
    DataError
        If the rule is none of these.

    Examples
    --------
    >>> [year_end(rule, 2024).isoformat() for rule in ("02-28", "last Sunday of January")]
    ['2024-02-29', '2024-01-28']
    """
    if found := re.fullmatch(r"(\d\d)-(\d\d)", rule):
        month, day = int(found[1]), int(found[2])
        # The last of February is written with 28 or 29 days, whatever the year.
        if 1 <= month <= 12 and day in {calendar.monthrange(y, month)[1] for y in (2023, 2024)}:
            return dt.date(year, month, calendar.monthrange(year, month)[1])
    if found := re.fullmatch(r"last (\w+) of (\w+)", rule, re.IGNORECASE):
        weekday, month = _WEEKDAYS.get(found[1].lower()), _MONTHS.get(found[2].lower(), 0)
        if weekday is not None and month:
            last = dt.date(year, month, calendar.monthrange(year, month)[1])
            return last - dt.timedelta(days=(last.weekday() - weekday) % 7)
    if found := re.fullmatch(r"(\w+) nearest (\d\d)-(\d\d)", rule, re.IGNORECASE):
        weekday, month = _WEEKDAYS.get(found[1].lower()), int(found[2])
        if weekday is not None and 1 <= month <= 12:
            days = calendar.monthrange(year, month)[1]
            anchor = dt.date(year, month, min(max(int(found[3]), 1), days))
            return anchor + dt.timedelta(days=(weekday - anchor.weekday() + 3) % 7 - 3)
    raise DataError(f"cannot read the end of a fiscal year {rule!r}; wanted {WANTED}")


def fiscal_year(rule: str, year: int) -> Span:
    """Return the first and the last day of a fiscal year."""
    return year_end(rule, year - 1) + _ONE_DAY, year_end(rule, year)


@functools.lru_cache(maxsize=4096)
def fiscal_quarter(rule: str, year: int, quarter: int) -> Span:
    """Return the first and the last day of a fiscal quarter.

    A year of weeks has quarters of 13 weeks, and its 53rd week is in the fourth.

    Examples
    --------
    >>> [day.isoformat() for day in fiscal_quarter("06-30", 2024, 1)]
    ['2023-07-01', '2023-09-30']
    >>> [day.isoformat() for day in fiscal_quarter("last Sunday of January", 2021, 4)]
    ['2020-10-26', '2021-01-31']
    """
    first, last = fiscal_year(rule, year)
    if re.fullmatch(r"\d\d-\d\d", rule):
        ends = [_months_before(last, 3 * (4 - q)) for q in range(5)]
    else:
        ends = [first - _ONE_DAY + dt.timedelta(weeks=13 * q) for q in range(4)] + [last]
    return ends[quarter - 1] + _ONE_DAY, ends[quarter]


def _months_before(end: dt.date, months: int) -> dt.date:
    """Return the last day of the month that lies some months before the month of a day."""
    index = 12 * end.year + end.month - 1 - months
    year, month = index // 12, index % 12 + 1
    return dt.date(year, month, calendar.monthrange(year, month)[1])


def quarter_that(rule: str, year: int, ends: Callable[[dt.date], bool]) -> Span | None:
    """Return the fiscal quarter whose last day is as asked, of those that end about a calendar year."""
    spans = (fiscal_quarter(rule, y, q) for y in (year - 1, year, year + 1) for q in (1, 2, 3, 4))
    return next((span for span in spans if ends(span[1])), None)


def year_that(rule: str, year: int, ends: Callable[[dt.date], bool]) -> Span | None:
    """Return the fiscal year whose last day is as asked, of those that end about a calendar year."""
    spans = (fiscal_year(rule, y) for y in (year - 1, year, year + 1))
    return next((span for span in spans if ends(span[1])), None)


def period_name(span: Span) -> str:
    """Return days as a table writes them: a calendar quarter or year by its name, else both days.

    Examples
    --------
    >>> period_name((dt.date(2024, 1, 1), dt.date(2024, 3, 31)))
    '2024Q1'
    >>> period_name((dt.date(2023, 6, 1), dt.date(2023, 8, 31)))
    '2023-06-01/2023-08-31'
    """
    first, last = span
    if (first.month, first.day) == (1, 1) and (last.month, last.day) == (12, 31):
        if first.year == last.year:
            return str(first.year)
    elif span == fiscal_quarter(CALENDAR, last.year, (last.month + 2) // 3):
        return f"{last.year}Q{last.month // 3}"
    return f"{first.isoformat()}/{last.isoformat()}"
