"""Dates as numbers: years since 2023, months, ends of quarters."""

from __future__ import annotations

import calendar
import datetime as dt
import functools
import re
import statistics
from collections.abc import Iterable

from forecast.core.errors import DataError

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


def quarter_index(quarter: str) -> int:
    """Return a calendar quarter as a whole number that counts quarters.

    Examples
    --------
    >>> quarter_index("2025Q4") - quarter_index("2024Q4")
    4
    """
    return 4 * int(quarter[:4]) + int(quarter[5]) - 1


def quarter_name(index: int) -> str:
    """Return the calendar quarter that :func:`quarter_index` counts as `index`.

    Examples
    --------
    >>> quarter_name(quarter_index("2025Q4") + 1)
    '2026Q1'
    """
    return f"{index // 4}Q{index % 4 + 1}"


def month_index(month: str) -> int:
    """Return a month as a whole number that counts months.

    Examples
    --------
    >>> month_index("2026-01") - month_index("2025-12")
    1
    """
    return 12 * int(month[:4]) + int(month[5:7]) - 1


def month_name(index: int) -> str:
    """Return the month that :func:`month_index` counts as `index`.

    Examples
    --------
    >>> month_name(month_index("2025-12") + 1)
    '2026-01'
    """
    return f"{index // 12}-{index % 12 + 1:02d}"


def last_close(day: str) -> int:
    """Return the index of the last month whose close is known on a day.

    Examples
    --------
    >>> month_name(last_close("2026-05-06")), month_name(last_close("2026-05-31"))
    ('2026-04', '2026-05')
    """
    date = parse_date(day)
    index = 12 * date.year + date.month - 1
    return index if date == period_end(f"{date.year}-{date.month:02d}") else index - 1


def months_after(day: dt.date, months: int) -> dt.date:
    """Return the same day some months later, or the last one of a shorter month.

    Examples
    --------
    >>> months_after(dt.date(2026, 5, 6), 18).isoformat()
    '2027-11-06'
    """
    index = day.month - 1 + months
    year, month = day.year + index // 12, index % 12 + 1
    return dt.date(year, month, min(day.day, calendar.monthrange(year, month)[1]))


_PERIOD = re.compile(
    r"(?P<year>\d{4})(?:Q(?P<quarter>[1-4])|-(?P<month>\d{2})(?:-(?P<day>\d{2}))?)?"
)


_SPAN = re.compile(r"(\d{4}-\d{2}-\d{2})/(\d{4}-\d{2}-\d{2})")


PERIOD_WANTED = (
    "a year 2025, a calendar quarter 2025Q3, a month 2025-09, a day 2025-09-30 or first and last day "
    "of a fiscal period 2025-09-01/2025-11-30"
)


@functools.lru_cache(maxsize=65536)
def period_days(period: str) -> tuple[dt.date, dt.date]:
    """Return the first and the last day of a period.

    Raises
    ------
    DataError
        If the period cannot be read, or ends before it starts.

    Examples
    --------
    >>> [day.isoformat() for day in period_days("2025Q3")]
    ['2025-07-01', '2025-09-30']
    """
    span = _SPAN.fullmatch(period)
    if span is not None:
        start, end = (parse_date(day, "period") for day in span.groups())
        if end < start:
            raise DataError(f"cannot read the period {period!r}; it ends before it starts")
        return start, end
    match = _PERIOD.fullmatch(period)
    if match is None:
        raise DataError(f"cannot read the period {period!r}; wanted {PERIOD_WANTED}")
    year = int(match["year"])
    month = int(match["month"] or 3 * int(match["quarter"] or 4))
    if not (1900 <= year <= 2200 and 1 <= month <= 12):
        raise DataError(f"cannot read the period {period!r}; wanted {PERIOD_WANTED}")
    last = calendar.monthrange(year, month)[1]
    day = int(match["day"] or last)
    if not 1 <= day <= last:
        raise DataError(f"cannot read the period {period!r}; there is no such day")
    end = dt.date(year, month, day)
    if match["day"]:
        return end, end
    months = 3 if match["quarter"] else 1 if match["month"] else 12
    return dt.date(year, month - months + 1, 1), end


def period_end(period: str) -> dt.date:
    """Return the last day of a period.

    Examples
    --------
    >>> period_end("2025Q3").isoformat(), period_end("2024-02").isoformat()
    ('2025-09-30', '2024-02-29')
    """
    return period_days(period)[1]


@functools.lru_cache(maxsize=65536)
def one_spelling(period: str) -> str:
    """Return the shortest way to write a period's days: what has the same days is written the same.

    Examples
    --------
    >>> [one_spelling(p) for p in ("2019-01-01/2019-03-31", "2019-03-01/2019-03-31", "2019Q1")]
    ['2019Q1', '2019-03', '2019Q1']
    >>> one_spelling("2018-12-30/2019-03-30"), one_spelling("2019-05-06/2019-05-06")
    ('2018-12-30/2019-03-30', '2019-05-06')
    """
    start, end = period_days(period)
    shorter = (
        f"{start:%Y}",
        f"{start:%Y}Q{(start.month + 2) // 3}",
        f"{start:%Y-%m}",
        start.isoformat(),
    )
    span = f"{start.isoformat()}/{end.isoformat()}"
    return next((name for name in shorter if period_days(name) == (start, end)), span)


LENGTHS = {"day": (1, 1), "month": (28, 35), "quarter": (80, 119), "year": (350, 380)}
"""Days that a period of each length may have: a retailer's month has five weeks, its last quarter up to
seventeen."""


def length_of(period: str) -> str:
    """Return which of :data:`LENGTHS` a period has; nothing for one of another.

    Examples
    --------
    >>> length_of("2025Q3"), length_of("2025-09-30"), length_of("2025-01-01/2025-06-30")
    ('quarter', 'day', '')
    """
    start, end = period_days(period)
    days = (end - start).days + 1
    return next((name for name, (low, high) in LENGTHS.items() if low <= days <= high), "")


def next_end(period: str) -> dt.date:
    """Return the last day of the period that follows one of the same kind.

    A period of whole calendar months is followed by as many, any other by as many days.

    Examples
    --------
    >>> [next_end(p).isoformat() for p in ("2027Q4", "2028-01", "2027", "2025-12-28/2026-03-28")]
    ['2028-03-31', '2028-02-29', '2028-12-31', '2026-06-27']
    """
    start, end = period_days(period)
    after = end + dt.timedelta(days=1)
    if start.day > 1 or after.day > 1:
        return end + (after - start)
    months = 12 * (2 * after.year - start.year) + 2 * after.month - start.month - 1
    return dt.date(months // 12, months % 12 + 1, 1) - dt.timedelta(days=1)


def quarter_long(days: int) -> bool:
    """Return whether a period of so many days is a fiscal quarter.

    One of three months, of 12, 13 or 14 weeks, or of 16 or 17 weeks: companies whose other quarters have
    12 close their year with it, or open it. Four months, which are no quarter, have 120 days or more.

    Examples
    --------
    >>> [quarter_long(days) for days in (84, 91, 92, 98, 112, 119, 120, 62)]
    [True, True, True, True, True, True, False, False]
    """
    return 80 <= days <= 100 or days in (112, 119)


def calendar_quarter(period: str) -> str:
    """Return the calendar quarter in which the middle of a quarter-long period lies.

    Fiscal quarters are compared by it: that of September to November, and the one
    that ends in late January, belong to the fourth calendar quarter.

    Raises
    ------
    DataError
        If the period is not as long as a fiscal quarter (:func:`quarter_long`).

    Examples
    --------
    >>> calendar_quarter("2025-09-01/2025-11-30"), calendar_quarter("2025-10-27/2026-01-25")
    ('2025Q4', '2025Q4')
    """
    start, end = period_days(period)
    days = (end - start).days + 1
    if not quarter_long(days):
        raise DataError(f"got the period {period!r} of {days} days; wanted a quarter")
    middle = start + dt.timedelta(days=days // 2)
    return f"{middle.year}Q{(middle.month + 2) // 3}"


def calendar_quarters(periods: Iterable[str]) -> dict[str, str]:
    """Return the calendar quarter of each of one company's fiscal quarters, no two of a row the same.

    It is :func:`calendar_quarter`, unless by that two of a row of quarters without a gap fall into one:
    where they have 12, 12, 12 and 16 weeks their middles lie 84 and 98 days apart. Then the whole row
    is counted on, a quarter each, from where most of them lie.

    Examples
    --------
    >>> weeks = "2022-11-21/2023-02-12", "2023-02-13/2023-05-07", "2023-05-08/2023-09-03"
    >>> [calendar_quarter(p) for p in weeks], list(calendar_quarters(weeks).values())
    (['2023Q1', '2023Q1', '2023Q3'], ['2023Q1', '2023Q2', '2023Q3'])
    """
    found: dict[str, str] = {}
    rows: list[list[str]] = []
    for period in sorted(set(periods), key=period_days):
        gap = (period_days(period)[0] - period_days(rows[-1][-1])[1]).days if rows else 0
        if rows and gap == 1:
            rows[-1].append(period)
        else:
            rows.append([period])
    for row in rows:
        middles = [quarter_index(calendar_quarter(period)) for period in row]
        if len(set(middles)) < len(middles):
            base = statistics.median_low(index - k for k, index in enumerate(middles))
            middles = [base + k for k in range(len(row))]
        found |= {period: quarter_name(index) for period, index in zip(row, middles, strict=True)}
    return found


QUARTER_DAYS = 91.31


def quarters_in(period: str) -> tuple[int, int] | None:
    """Return a period's first calendar quarter, by :func:`quarter_index`, and how many it has.

    A fiscal quarter is the calendar quarter of its middle. None where a period is not of one to eight
    whole quarters.

    Examples
    --------
    >>> first, count = quarters_in("2025-06-01/2026-05-31")
    >>> quarter_name(first), count, quarters_in("2026-05")
    ('2025Q3', 4, None)
    """
    start, end = period_days(period)
    days = (end - start).days + 1
    count = round(days / QUARTER_DAYS)
    if not 1 <= count <= 8 or abs(days - count * QUARTER_DAYS) > 10 + 5 * (count == 1):
        return None
    middle = start + dt.timedelta(days=days / count / 2)
    return quarter_index(quarter_of(middle.isoformat())), count


def parse_date(text: str | dt.date, what: str = "date") -> dt.date:
    """Return an ISO date; `what` names it in the error.

    Raises
    ------
    DataError
        If `text` is not a day, or not written YYYY-MM-DD.
    """
    if isinstance(text, dt.date) and not isinstance(text, dt.datetime):
        return text
    try:
        if not isinstance(text, str) or re.fullmatch(r"\d{4}-\d{2}-\d{2}", text) is None:
            raise ValueError
        return dt.date.fromisoformat(text)
    except ValueError:
        raise DataError(
            f"cannot read the {what} {text!r}; wanted a day such as 2026-05-06"
        ) from None
