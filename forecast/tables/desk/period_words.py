"""Periods and days as people write them: ``Q1 FY24``, ``1Q24``, ``30.06.2026``, ``May 6, 2026``.

Invariant: what a text leaves open (day or month first, fiscal or calendar) stays open here; who reads a
column or knows the company decides it.
"""

from __future__ import annotations

import calendar
import dataclasses
import datetime as dt
import functools
import re
from collections.abc import Iterable

DAY_FIRST, MONTH_FIRST = "day-first", "month-first"
"""The two orders of a day written with its month as a number, the year last."""

FISCAL, CALENDAR_YEAR = "fiscal", "calendar"
"""Whose quarters and years are meant."""

_MONTHS = {
    short: k
    for k in range(1, 13)
    for short in (calendar.month_name[k].lower(), calendar.month_abbr[k].lower())
} | {"sept": 9} | {
    name: k
    for k, names in {
        1: "januar jänner", 2: "februar feber", 3: "märz maerz mär mrz", 5: "mai", 6: "juni",
        7: "juli", 10: "oktober okt", 12: "dezember dez",
    }.items()
    for name in names.split()
}  # fmt: skip
"""Names of months in English and German; where the two agree it is said once."""

_YEARS_OF_TABLES = range(1900, 2201)
"""Other years are none of a table, and left to its check."""

_ISO = re.compile(r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})(?:[T ]00:00(?::00(?:\.0+)?)?Z?)?")
_JOINED = re.compile(r"((?:19|20)\d\d)(\d\d)(\d\d)")
_NUMERIC = re.compile(r"(\d{1,2})([-/.])\s?(\d{1,2})\2\s?(\d{4}|\d{2})")
_DAY_NAMED = re.compile(
    r"(\d{1,2})(?:st|nd|rd|th)?[\s.\-/]*([A-Za-zäÄ]{3,9})\.?,?[\s\-/]*(\d{4}|\d{2})"
)
_NAMED_DAY = re.compile(r"([A-Za-z]{3,9})\.?\s*(\d{1,2})(?:st|nd|rd|th)?,?\s+(\d{4})")
_MONTH = re.compile(r"([A-Za-zäÄ]{3,9})\.?[\s\-/']*(\d{4}|\d{2})|(\d{4})[\s\-/]([A-Za-zäÄ]{3,9})")


def _year(text: str) -> int:
    return int(text) + (2000 if len(text) == 2 else 0)


def _date(year: int, month: int, day: int) -> dt.date | None:
    try:
        return dt.date(year, month, day) if year in _YEARS_OF_TABLES else None
    except ValueError:
        return None


_CLOCK = re.compile(
    r"(?<=\d)(?:T|,?\s+)\d{1,2}:\d\d(?::\d\d(?:\.\d+)?)?\s*(?:[ap]m|Z|UTC|[+-]\d\d:?\d\d)?$",
    re.IGNORECASE,
)


def without_time(text: str) -> str:
    """Return a moment without its time of day: it lies on the day that it names.

    Examples
    --------
    >>> without_time("2026-07-29T16:05:00Z"), without_time("29/07/2026 4:05 PM")
    ('2026-07-29', '29/07/2026')
    """
    return re.sub(_CLOCK, "", text.strip())


def order_told_by(texts: Iterable[str]) -> set[str]:
    """Return the orders that the days of a column show: one number above 12 is a day.

    Examples
    --------
    >>> order_told_by(["05/06/2026", "30/06/2026"])
    {'day-first'}
    """
    told = set()
    for text in texts:
        found = _NUMERIC.fullmatch(text.strip())
        if found and int(found[1]) > 12 >= int(found[3]):
            told.add(DAY_FIRST)
        elif found and int(found[3]) > 12 >= int(found[1]):
            told.add(MONTH_FIRST)
    return told


def needs_order(text: str) -> bool:
    """Return whether a day can be read in two ways that differ."""
    found = _NUMERIC.fullmatch(text.strip())
    return found is not None and found[1].lstrip("0") != found[3].lstrip("0")


@functools.lru_cache(maxsize=4096)
def day_of(text: str, order: str = "") -> dt.date | None:
    """Return the day that a text is, or None; `order` is that of numbers with the year last.

    Examples
    --------
    >>> [day_of(text).isoformat() for text in ("6 May 2026", "May 6, 2026", "2026-05-06T00:00:00")]
    ['2026-05-06', '2026-05-06', '2026-05-06']
    >>> day_of("06/05/2026"), day_of("06/05/2026", "day-first").isoformat()
    (None, '2026-05-06')
    """
    text = text.strip()
    if found := _ISO.fullmatch(text) or _JOINED.fullmatch(text):
        return _date(int(found[1]), int(found[2]), int(found[3]))
    if found := _NUMERIC.fullmatch(text):
        one, two, year = int(found[1]), int(found[3]), _year(found[4])
        if order == DAY_FIRST or (not order and one == two):
            return _date(year, two, one)
        return _date(year, one, two) if order == MONTH_FIRST else None
    if (found := _DAY_NAMED.fullmatch(text)) and found[2].lower() in _MONTHS:
        return _date(_year(found[3]), _MONTHS[found[2].lower()], int(found[1]))
    if (found := _NAMED_DAY.fullmatch(text)) and found[1].lower() in _MONTHS:
        return _date(int(found[3]), _MONTHS[found[1].lower()], int(found[2]))
    return None


def serial_day(text: str, first_day: dt.date) -> dt.date | None:
    """Return the day that a spreadsheet's number of a day is, from 2000 to 2099; None for others."""
    if re.fullmatch(r"\d{5}", text):
        day = first_day + dt.timedelta(days=int(text))
        return day if 2000 <= day.year <= 2099 else None
    return None


@dataclasses.dataclass(frozen=True)
class Spelled:
    """A period as it is written.

    Attributes
    ----------
    kind
        ``quarter``, ``year``, ``month``, ``day``, ``span``, or ``months`` for another length.
    year, number
        The year, and which quarter or month of it; 0 where there is none. Of ``months`` how many.
    whose
        :data:`FISCAL` or :data:`CALENDAR_YEAR` where the text says so, else empty.
    day
        Of a day, or the last day of a quarter or year that is named by it.
    estimate
        Whether the text says that it is not a reported period: ``2026E``.
    """

    kind: str
    year: int = 0
    number: int = 0
    whose: str = ""
    day: dt.date | None = None
    estimate: bool = False


_MARK = r"fy|cy|fiscal(?:\s+year)?|calendar(?:\s+year)?|f|c"
_YY = r"\d{4}|\d{2}"
_QUARTERS = [
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        rf"(?P<mark>{_MARK})?\s*'?(?P<year>{_YY})[\s\-/]*(?:q|quarter\s*)(?P<q>[1-4])",
        rf"(?P<before>{_MARK})?\s*(?:q|quarter\s*)(?P<q>[1-4])[\s\-/,']*(?:of\s+)?(?P<mark>{_MARK})?[\s']*"
        rf"(?P<year>{_YY})",
        rf"(?P<before>{_MARK})?\s*(?P<q>[1-4])\s*q[\s\-/,']*(?P<mark>{_MARK})?[\s']*(?P<year>{_YY})",
    )
]
_YEARS = re.compile(rf"(?P<mark>{_MARK})[\s\-']*(?P<year>{_YY})", re.IGNORECASE)
_ESTIMATE = re.compile(
    r"(?<=\d)\s*\(?(?:(a|act|actual)|(e|est|estimate|f|fcst|p|b))\)?\.?", re.IGNORECASE
)
_COUNTS = {
    "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9,
    "ten": 10, "eleven": 11, "twelve": 12, "thirteen": 13, "fourteen": 14, "sixteen": 16,
    "seventeen": 17, "twenty-six": 26, "thirty-nine": 39, "forty": 40, "fifty-two": 52,
    "fifty-three": 53,
}  # fmt: skip
_COUNT = rf"\d{{1,2}}|{'|'.join(sorted(_COUNTS, key=len, reverse=True))}"
_ENDED = re.compile(
    rf"(?:for\s+)?(?:the\s+)?(?P<length>(?:{_COUNT})[\s-]*(?:months?|weeks?|m)|quarters?|qtr|qe"
    r"|(?:(?:full|fiscal|calendar)\s+)?years?|fye)"
    r"\s*(?:ended|ending|end|to)?[\s:]+(?P<day>.+)", re.IGNORECASE,
)  # fmt: skip
_ORDINALS = {"first": "Q1", "1st": "Q1", "second": "Q2", "2nd": "Q2", "third": "Q3", "3rd": "Q3",
             "fourth": "Q4", "4th": "Q4"}  # fmt: skip


@functools.lru_cache(maxsize=4096)
def spelled(text: str, order: str = "") -> Spelled | None:
    """Return what a text says of a period, or None if it is none.

    Parameters
    ----------
    text
        A cell of a column of periods, or a column's header.
    order
        That of days in numbers.

    Examples
    --------
    >>> spelled("1Q FY24")
    Spelled(kind='quarter', year=2024, number=1, whose='fiscal', day=None, estimate=False)
    >>> spelled("2024Q1") == spelled("Q1'24") == spelled("1Q24") == spelled("Q1-24")
    True
    """
    plain = re.sub(r"[\u2018\u2019`]", "'", re.sub(r"[\s\u00a0]+", " ", text)).strip()
    if re.fullmatch(r"\d{4}-\d{2}-\d{2}/\d{4}-\d{2}-\d{2}", plain):
        return Spelled("span")
    ended = _ENDED.fullmatch(plain)
    if ended and (day := day_of(ended["day"], order)):
        long = length_code(ended["length"])
        months = long.months if long else 0
        kind = {3: "quarter", 12: "year"}.get(months, "months")
        return Spelled(kind, number=months if kind == "months" else 0, day=day)
    day = day_of(plain, order)
    if day is not None:
        return Spelled("day", day=day)
    one = _quarter_or_year(plain) or _month(plain)
    return one if one is not None and one.year in _YEARS_OF_TABLES else None


def _quarter_or_year(plain: str) -> Spelled | None:
    words = re.sub(
        r"\b(first|second|third|fourth|1st|2nd|3rd|4th)\s+(?:fiscal\s+)?(?:quarter|qtr)\b",
        lambda found: _ORDINALS[found[1].lower()], plain, flags=re.IGNORECASE,
    )  # fmt: skip
    suffix = re.search(_ESTIMATE.pattern + "$", words, re.IGNORECASE)
    estimate = bool(suffix and suffix[2])
    if suffix:
        words = words[: suffix.start()].strip()
    for pattern in _QUARTERS:
        if found := pattern.fullmatch(words):
            parts = found.groupdict()
            whose = _whose(parts.get("before") or parts["mark"])
            return Spelled("quarter", _year(parts["year"]), int(parts["q"]), whose, None, estimate)
    if found := _YEARS.fullmatch(words):
        return Spelled("year", _year(found["year"]), 0, _whose(found["mark"]), None, estimate)
    if re.fullmatch(r"(19|20)\d\d", words):
        return Spelled("year", int(words), estimate=estimate)
    return None


def _whose(mark: str | None) -> str:
    return "" if not mark else FISCAL if mark[0].lower() == "f" else CALENDAR_YEAR


def _month(plain: str) -> Spelled | None:
    if (found := re.fullmatch(r"(\d{4})-(\d{1,2})", plain)) and 1 <= int(found[2]) <= 12:
        return Spelled("month", int(found[1]), int(found[2]))
    if found := _MONTH.fullmatch(plain):
        name, year = (found[1] or found[4]).lower(), found[2] or found[3]
        if name in _MONTHS:
            return Spelled("month", _year(year), _MONTHS[name])
    return None


@dataclasses.dataclass(frozen=True)
class Length:
    """How long a text says that periods are.

    Attributes
    ----------
    months
        In months; 0 for a year to date, which is as long as its day says.
    text
        The words that say so.
    """

    months: int
    text: str


_LENGTHS = [
    (re.compile(pattern, re.IGNORECASE), months)
    for pattern, months in (
        (rf"\b({_COUNT})[\s-]*months?\b", -1),
        (rf"\b({_COUNT})[\s-]*weeks?\b", -2),
        (r"\b(?:year[\s-]*to[\s-]*date|ytd|cumulative)\b", 0),
        (r"(?<![$€£.,\d])\b(6|9|12)\s?M\b", -1),
        (r"\bmonthly\s+average\b", 1),
        (r"\b(?:half[\s-]*year(?:ly|s)?|half(?=\s+end)|semi[\s-]*annual(?:ly)?)\b", 6),
        (r"\b(?:quarterly|quarters?\s+end(?:ed|ing)?|quarter[\s-]*to[\s-]*date|qtd)\b", 3),
        (r"(?<!half )(?<!half-)\b(?:full[\s-]*years?|years?\s+end(?:ed|ing)?)\b", 12),
        (
            r"(?<!semi )(?<!semi-)\b(?:annual(?:ly)?(?!\s+(?:recurring|reports?))|yearly|ltm|ttm)\b",
            12,
        ),
    )
]
_LENGTH_NAMES = [
    (re.compile(pattern, re.IGNORECASE), months)
    for pattern, months in (
        (r"[hs][12]|half|semester", 6),
        (r"q[1-4]?|[1-4]q", 3),
        (r"m|month|monthly", 1),
        (r"a|y", 12),
        (r"10-?k(?:/a)?|20-?f|40-?f", 12),
        (r"10-?q(?:/a)?", 3),
    )
]
_LENGTH_HEADERS = [
    (re.compile(r"\b(?:quarters?|qtrs?)\b", re.IGNORECASE), 3),
    (re.compile(r"\b(?:years?|fye?)\b", re.IGNORECASE), 12),
]


@functools.lru_cache(maxsize=4096)
def lengths_said(text: str) -> tuple[Length, ...]:
    """Return all that a title says of how long periods are; "six months year to date" is six months.

    Examples
    --------
    >>> [said.text for said in lengths_said("Annual and quarterly figures")]
    ['quarterly', 'Annual']
    """
    found: dict[int, str] = {}
    for pattern, months in _LENGTHS:
        for one in pattern.finditer(text):
            found.setdefault(_months(one[1], months) if months < 0 else months, one[0])
    if len(found) > 1:
        found.pop(0, None)
    return tuple(Length(months, words) for months, words in found.items())


def length_said(text: str) -> Length | None:
    """Return how long a title says that periods are, or None if it says nothing, or two things.

    Examples
    --------
    >>> length_said("META, annual figures ($m)").months, length_said("Six months ended").months
    (12, 6)
    >>> length_said("META year to date").months, length_said("Annual and quarterly figures")
    (0, None)
    """
    said = lengths_said(text)
    return said[0] if len(said) == 1 else None


def _months(count: str, kind: int) -> int:
    """Return how many months a count of months (kind -1) or weeks is."""
    number = int(count) if count.isdecimal() else _COUNTS[count.lower()]
    if kind == -1:
        return number
    # Of retailers the last quarter has up to 17 weeks.
    return 3 if 12 <= number <= 17 else round(number * 12 / 52)


def length_header(text: str) -> Length | None:
    """Return how long periods are by the header of their column, or None if it does not say.

    Examples
    --------
    >>> [length_header(text).months for text in ("Fiscal quarter", "Fiscal year", "FYE", "Year end")]
    [3, 12, 12, 12]
    >>> length_header("Period ending")
    """
    words = text.replace("_", " ")
    named = (Length(months, text) for pattern, months in _LENGTH_HEADERS if pattern.search(words))
    return length_said(words) or next(named, None)


_LENGTH_WORDS = frozenset({
    "for", "the", "of", "months", "month", "weeks", "week", "quarter", "quarters", "quarterly", "qtr",
    "qtrs", "year", "years", "yearly", "annual", "annually", "fiscal", "calendar", "full", "half",
    "semi", "period", "periods", "ended", "ending", "ends", "end", "to", "date", "ytd", "qtd", "ltm",
    "ttm", "fy", "fye", "unaudited", "twenty", "thirty", "fifty", *_COUNTS,
})  # fmt: skip


def says_only_length(text: str) -> bool:
    """Return whether a text says how long periods are and nothing else, such as whose they are.

    Examples
    --------
    >>> says_only_length("12 Months Ending"), says_only_length("Amazon quarterly")
    (True, False)
    """
    words = re.findall(r"[^\W\d_]+", text.lower())
    return bool(words) and set(words) <= _LENGTH_WORDS and length_header(text) is not None


def length_code(text: str) -> Length | None:
    """Return how long a period is by a cell that names nothing but that.

    Examples
    --------
    >>> [length_code(text).months for text in ("Annual", "FY", "6", "9M", "Q4", "Fiscal year", "365")]
    [12, 12, 6, 9, 3, 12, 12]
    >>> length_code("Forecast")
    """
    plain = " ".join(text.split())
    if said := length_header(plain):
        return said
    if found := re.fullmatch(r"(?i)(?:(\d{1,2})\s*(?:m|mo|mos|mths?)|m(\d{1,2}))", plain):
        return Length(int(found[1] or found[2]), plain)
    if found := re.fullmatch(r"(\d{1,3})(?:\s*days?)?", plain):
        number = int(found[1])
        if not number:
            return None
        months = number if number <= 12 else _months(found[1], -2) if number <= 53 else 0
        return Length(months or round(number * 12 / 365), plain)
    for pattern, months in _LENGTH_NAMES:
        if pattern.fullmatch(plain):
            return Length(months, plain)
    return None


def length_word(text: str) -> Length | None:
    """Return how long a period is by a cell that says nothing else, under any header.

    A single letter may be a mark, and a number anything.

    Examples
    --------
    >>> [length_word(text).months for text in ("FY", "H2", "9M", "LTM", "10-K", "Q3")]
    [12, 6, 9, 12, 12, 3]
    >>> [length_word(text) for text in ("Y", "6", "M1", "a strong quarter")]
    [None, None, None, None]
    """
    plain = " ".join(text.split())
    if len(plain) < 2 or not re.search(r"[^\W\d_]", plain) or re.fullmatch(r"(?i)m\d+", plain):
        return None
    said = length_said(plain)
    whole = said is not None and said.text == plain
    only = whole or says_only_length(plain) or not length_header(plain)
    return length_code(plain) if only else None


def quarter_alone(text: str) -> int:
    """Return which quarter ``Q1``, ``1Q`` or ``First quarter`` is; 0 if the text is none."""
    plain = text.strip().lower()
    if found := re.fullmatch(r"q([1-4])|([1-4])q|quarter ([1-4])", plain):
        return int(found[1] or found[2] or found[3])
    found = re.fullmatch(r"(\w+) quarter", plain)
    return int(_ORDINALS.get(found[1], "Q0")[1]) if found else 0
