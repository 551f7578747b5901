"""Figures that a document prints: in a row of a table under its headings, or in a sentence.

Invariant: a figure of a table belongs to a period only by the headings above its own columns, which must
say how long the period is and on which day it ended; and it has a unit only if one is printed. A
figure in a sentence counts only where nothing in the sentence speaks of another period, of another part
of the business, or of the future.
"""

from __future__ import annotations

import calendar
import contextlib
import dataclasses
import datetime as dt
import functools
import re
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple

from forecast.core.text import shortened
from forecast.tables.filings.exhibit import MOST_HEADINGS

if TYPE_CHECKING:
    from forecast.tables.filings.exhibit import Block, Cell, Grid

# --- lengths and days ------------------------------------------------------------------------
_MONTHS = {"three": 3, "six": 6, "nine": 9, "twelve": 12, **{str(m): m for m in (3, 6, 9, 12)}}
_WEEKS = {
    "twelve": 12, "thirteen": 13, "fourteen": 14, "sixteen": 16, "seventeen": 17, "twenty-four": 24,
    "twenty-six": 26, "twenty-seven": 27, "twenty-eight": 28, "thirty-six": 36, "thirty-nine": 39,
    "forty": 40, "forty-one": 41, "fifty-two": 52, "fifty-three": 53,
}  # fmt: skip
_OF_WEEKS = {
    12: 3,
    13: 3,
    14: 3,
    16: 3,
    17: 3,
    24: 6,
    26: 6,
    27: 6,
    28: 6,
    36: 9,
    39: 9,
    40: 9,
    41: 9,
    52: 12,
    53: 12,
}
"""A fiscal year's quarters, halves and so on in months by their weeks."""

_NAMES = {name.lower(): k for k, name in enumerate(calendar.month_name) if name}
_NAMES |= {name.lower(): k for k, name in enumerate(calendar.month_abbr) if name} | {"sept": 9}
MONTH = r"(?:" + "|".join(sorted(_NAMES, key=len, reverse=True)) + r")\b\.?"
_DAY = re.compile(rf"\b({MONTH})\s*(\d{{1,2}})\b(?!\d)", re.IGNORECASE)
_FULL_DAY = re.compile(rf"\b({MONTH})\s*(\d{{1,2}})\s*,?\s*((?:19|20)\d\d)\b", re.IGNORECASE)
_YEAR = re.compile(r"(?<![\d,.])(?:19|20)\d\d(?![\d,]|\.\d)")
_LENGTH = re.compile(
    r"\b(?P<number>(?:(?:twenty|thirty|forty|fifty)[\s-])?\w+)[\s-]+(?P<unit>months?|weeks?)(?:\s+period)?s?[\s-]+ended\b"
    r"|\b(?P<quarter>quarters?[\s-]+ended)\b|\b(?P<year>years?[\s-]+ended)\b"
    r"|\b(?P<open>year[\s-]+to[\s-]+date)\b",
    re.IGNORECASE,
)


class Length(NamedTuple):
    """How long a period is: months, 0 where that is not said, and weeks where it is counted in them."""

    months: int
    weeks: int = 0


@functools.lru_cache(maxsize=4096)
def _lengths(text: str) -> frozenset[Length]:
    """Return every length that a heading names; a table repeats its headings."""
    found: set[Length] = set()
    for match in _LENGTH.finditer(text):
        if match["quarter"]:
            found.add(Length(3))
        elif match["year"]:
            before = text[: match.start()].lower().replace("fiscal", "").split()[-1:]
            several = bool(before) and before[0] in ("two", "three", "four", "five", "ten")
            found.add(Length(0 if several else 12))
        elif match["number"]:
            number, weeks = (
                "-".join(match["number"].lower().split()),
                match["unit"].lower().startswith("week"),
            )
            count = (_WEEKS if weeks else _MONTHS).get(number, 0)
            if weeks:
                count = count or (int(number) if number.isdecimal() and len(number) < 3 else 0)
            found.add(Length(_OF_WEEKS.get(count, 0), count) if weeks else Length(count))
        else:
            found.add(Length(0))
    return frozenset(found)


def full_days(text: str) -> list[tuple[dt.date, int, int]]:
    """Return the days written as ``March 31, 2026`` in a text, each with where it starts and ends."""
    found = []
    for match in _FULL_DAY.finditer(text):
        with contextlib.suppress(ValueError):
            day = dt.date(int(match[3]), _NAMES[match[1].lower().rstrip(".")], int(match[2]))
            found.append((day, match.start(), match.end()))
    return found


# --- units -----------------------------------------------------------------------------------
_SCALES = {
    "thousand": 3, "million": 6, "billion": 9, "trillion": 12, "bn": 9, "b": 9, "mn": 6, "m": 6,
}  # fmt: skip
_SYMBOL = "[$€£¥₩₹₽₪₺₫₴₱₦฿]"
_SIGN = rf"(?:[A-Z]{{1,3}})?{_SYMBOL}"
_UNIT = re.compile(
    rf"(?:\bin\s+|\(\s*|{_SIGN}\s*)(?:u\.?s\.?\s*)?(?:dollars\s+in\s+)?(?:(?:{_SIGN}|[A-Z]{{3}})\s*)?"
    r"(?:(?P<word>thousand|million|billion)s?\b|['’]?(?P<zeros>000)['’]?s?\b)",
    re.IGNORECASE,
)
_FOREIGN = re.compile(
    rf"(?!\$){_SYMBOL}|(?<![A-Za-z])(?!US\$)[A-Z]{{1,3}}\$"
    r"|\b(?:RMB|CNY|EUR|GBP|JPY|CHF|INR|KRW|CAD|AUD|NZD|HKD|SGD|TWD|SEK|NOK|DKK|ISK|PLN|CZK|HUF|RUB|TRY"
    r"|ILS|NIS|AED|SAR|ZAR|BRL|MXN|ARS|CLP|COP|THB|IDR|MYR|PHP|VND"
    r"|yen|euros?|pounds|rupees|francs|won|kron(?:or|er|a|e)|renminbi|yuan|shekels?|pesos|reais|rand"
    r"|ringgit|baht|liras?|zloty|forint|koruna|rub(?:le|el)s|dirhams?|riyals?|rupiah|dong)\b"
    r"|\b(?:Canadian|Australian|New Zealand|Hong Kong|Singapore|Taiwan)\b"
)


class Unit(NamedTuple):
    """A table's unit as printed: its power of ten, and what it is called; or what is wrong with it."""

    power: int
    word: str
    wrong: str = ""


NO_UNIT = Unit(0, "", "no unit such as (in millions) is printed at its table")


_OF_COUNTS = re.compile(
    r"\b(?:shares?|units|customers|employees|headcount|users|subscribers)\b[^,;()]*$", re.IGNORECASE
)
_OF_AMOUNTS = re.compile(
    r"\b(?:amounts?|figures|dollars|stated|expressed|presented|reported|shown|tabular|unless)\b",
    re.IGNORECASE,
)


def _unit_of(text: str, before: Unit) -> Unit:
    """Return the unit that a text names; without one, that of the text before it.

    What follows "except", and what is said of shares and other counts, is no unit of amounts; neither is
    what a sentence says that does not speak of amounts.
    """
    own = re.split(r"\b(?:except|other than|excluding)\b", text, maxsplit=1, flags=re.IGNORECASE)[0]
    prose = text.endswith(".") or len(text.split()) > TITLE
    found = {
        (match["word"] or "thousand").lower()
        for match in _UNIT.finditer(own)
        if not _OF_COUNTS.search(own[: match.start()])
        and (not prose or match[0].startswith("(") or _OF_AMOUNTS.search(own))
    }
    if not found:
        return before
    if len(found) > 1:
        return Unit(0, "", f"two units are printed at its table ({shortened(text, 80)})")
    (word,) = found
    foreign = _FOREIGN.search(text)
    wrong = f"it is in another currency ({shortened(text, 80)})" if foreign else ""
    return Unit(_SCALES[word], f"in {word}s", wrong)


# --- tables ----------------------------------------------------------------------------------
@dataclasses.dataclass(frozen=True)
class Figure:
    """A figure as printed, and where.

    Attributes
    ----------
    value
        In USD m.
    step
        In USD m, the last printed digit's worth.
    printed
        As it stands there.
    where
        The row with its headings, or the sentence.
    length
        How long its period is; of a sentence, a quarter.
    end
        The last day of its period; of a sentence None, which is the document's own quarter.
    wrong
        Why it cannot be taken; empty if it can.
    qualifier
        A word such as "about" that stands next to it.
    column
        The headings over it; of a sentence none.
    """

    value: Decimal
    step: Decimal
    printed: str
    where: str
    length: Length
    end: dt.date | None
    wrong: str = ""
    qualifier: str = ""
    column: str = ""

    @property
    def in_table(self) -> bool:
        """Whether it stands in a table."""
        return self.end is not None


@dataclasses.dataclass(frozen=True)
class Row:
    """A row of a table: its label, also with the line before it, its section, and its figures."""

    labels: tuple[str, ...]
    section: str
    figures: tuple[Figure, ...]


_NOTES = r"(?:\s*(?:\(\w\)|\[\w{1,2}\]|[*†‡§]+|[¹²³⁰⁴-⁹]+))*"
"""Marks of footnotes behind a label, a year or a figure."""
_AMOUNT = re.compile(
    rf"(?P<minus>[-−–]\s*)?(?P<sign>{_SIGN}\s*)?(?P<open>\(\s*)?(?:(?P<inner>{_SIGN})\s*)?"
    r"(?P<digits>\d{1,3}(?:,\d{3})+|\d{1,15})(?P<decimals>\.\d{1,6})?\s*(?P<close>\))?"
    rf"\s*(?P<percent>%|pts|bps)?{_NOTES}"
)
_PREFIX = re.compile(rf"(?:{_SIGN}|[(\-−–])?\s*(?:{_SIGN})?\s*\(?")
_SUFFIX = re.compile(r"\s*\)?\s*%?\s*")
_NIL = re.compile(r"[$€£¥]?\s*[—–\-−]+\s*%?")
_PARTED = re.compile(r"[$€£¥]?\s*\d{1,3}(?:[ '’.]\d{3})+(?:,\d+)?")
_YEAR_CELL = re.compile(rf"(?:19|20)\d\d{_NOTES}")
_OTHER_COLUMN = re.compile(
    r"%|\bchange|constant currency|\badj|non-?gaap|pro forma|impact|effect|as (?:previously )?reported"
    r"|recast|restated|\bguidance|\boutlook|\bforecast|\bconsensus|\bestimate|\bexpect|\bbudget",
    re.IGNORECASE,
)
_OTHER_TABLE = re.compile(
    r"\bpro[\s-]forma\b|\bguidance\b|\boutlook\b|\bforecast\b|\bpercent(?:age)?s? of\b",
    re.IGNORECASE,
)
TITLE, TITLES = 15, 3
"""Words that the title of a table may have, and how many lines before a table may be one."""
CAPTION = 8
"""Paragraphs before a table among which its unit may stand."""


class _Amount(NamedTuple):
    """A figure of a row, put together from its cells, and the columns of all of them."""

    first: int
    last: int
    text: str


def rows(blocks: Sequence[Block]) -> Iterator[Row]:
    """Yield every row of every table; its figures are those under headings that name their period."""
    before: list[str] = []
    for block in blocks:
        if isinstance(block, str):
            before.append(block)
        else:
            yield from _grid_rows(block, before[-CAPTION:])
            before = []


def _grid_rows(grid: Grid, caption: Sequence[str]) -> Iterator[Row]:
    headings: list[tuple[Cell, ...]] = []
    unit = functools.reduce(lambda last, text: _unit_of(text, last), caption, NO_UNIT)
    title = next(filter(_is_other_title, reversed(caption[-TITLES:])), "")
    section = above = ""
    done = False
    for row in grid.rows:
        if _is_heading(row):
            if done and _tells_period(row):
                headings, done = [], False
            line = " ".join(cell.text for cell in row)
            unit = _unit_of(line, unit)
            if len(row) == 1 and not _tells_period(row):  # of what follows, not of a column
                if not _UNIT.search(line):
                    section = above = line
            else:
                headings = [*headings[-MOST_HEADINGS:], row]
            continue
        label, amounts = _amounts(row)
        done = True
        figures = tuple(f for a in amounts if (f := _figure(a, label, section, headings, unit)))
        other = title or (section if _is_other_title(section) else "")
        if other:
            wrong = f"it stands under {shortened(other, 80)!r}"
            figures = tuple(dataclasses.replace(f, wrong=f.wrong or wrong) for f in figures)
        figures = _one_each(figures)
        if label and (amounts or len(row) > 1):
            labels = (label, f"{above} {label}") if above else (label,)
            yield Row(labels, section, figures)
        above = ""


def _one_each(figures: Sequence[Figure]) -> tuple[Figure, ...]:
    """Return figures of a row, of which no two stand under the same headings.

    If two do, the second is the mark of a footnote in a cell of its own, or neither is whole.
    """
    kept: list[Figure] = []
    for figure in figures:
        same = [k for k, f in enumerate(kept) if f.column == figure.column]
        if same and re.fullmatch(r"\(\d\)", figure.printed):
            continue
        if same:
            wrong = f"{kept[same[0]].printed} and {figure.printed} stand under the same headings"
            kept[same[0]] = dataclasses.replace(kept[same[0]], wrong=kept[same[0]].wrong or wrong)
            figure = dataclasses.replace(figure, wrong=figure.wrong or wrong)
        kept.append(figure)
    return tuple(kept)


def _is_other_title(text: str) -> bool:
    """Return whether a title is that of a table whose figures were not reported, such as an outlook."""
    short = len(text.split()) <= TITLE and not text.endswith(".")
    return short and _OTHER_TABLE.search(text) is not None


def without_notes(label: str) -> str:
    """Return a label without the marks of footnotes behind it.

    Examples
    --------
    >>> without_notes("Revenue (1)(a)*"), without_notes("Cloud (IaaS)")
    ('Revenue', 'Cloud (IaaS)')
    """
    return re.sub(rf"{_NOTES}\s*$", "", label)


def _is_heading(row: Sequence[Cell]) -> bool:
    """Return whether a row holds no figures, or only years without the label of a row of figures."""
    texts = [cell.text for cell in row]
    years = [k for k, text in enumerate(texts) if _YEAR_CELL.fullmatch(text)]
    if any(_AMOUNT.fullmatch(t) and not _YEAR_CELL.fullmatch(t) for t in texts):
        return False
    if any(_MONEY.match(t) or _PARTED.fullmatch(t) for t in texts[1:]):
        return False
    if years:
        label = " ".join(texts[: years[0]])
        return len(years) > 1 or not label or _tells_period(row[: years[0]]) or "(" in label
    return not (len(texts) > 1 and any(_NIL.fullmatch(text) for text in texts[1:]))


def _tells_period(row: Sequence[Cell]) -> bool:
    texts = [cell.text for cell in row]
    if any(_YEAR_CELL.fullmatch(text) for text in texts):
        return True
    return any(_lengths(text) or _DAY.match(text) for text in texts)


def _amounts(row: Sequence[Cell]) -> tuple[str, list[_Amount]]:
    """Return a row's label and its figures, with signs and brackets that stand in cells of their own."""
    label: list[str] = []
    found: list[_Amount] = []
    prefix: Cell | None = None
    for cell in row:
        last = found[-1] if found else None
        whole = f"{prefix.text}{cell.text}" if prefix else cell.text
        if _AMOUNT.fullmatch(whole) or _NIL.fullmatch(whole):
            found.append(_Amount(prefix.first if prefix else cell.first, cell.last, whole))
            prefix = None
        elif last and _SUFFIX.fullmatch(cell.text):
            found[-1] = _Amount(last.first, cell.last, last.text + cell.text)
        elif _PREFIX.fullmatch(cell.text) and cell.text:
            prefix = cell
        elif not found:
            label.append(cell.text)
    return " ".join(label), found


def _figure(
    amount: _Amount, label: str, section: str, headings: Sequence[Sequence[Cell]], unit: Unit
) -> Figure | None:
    """Return a figure with its period; None if it is no amount, or no heading tells its period."""
    match = _AMOUNT.fullmatch(amount.text)
    over = [texts for row in headings if (texts := _above(row, amount))]
    column = " ".join(" ".join(texts) for texts in over)
    if match is None or match["percent"] or _OTHER_COLUMN.search(column):
        return None
    length, end = _period(over)
    if length is None or end is None:
        return None
    sign = match["sign"] or match["inner"] or ""
    wrong = unit.wrong
    if sign.strip() not in ("", "$", "US$") or (_FOREIGN.search(column) and not unit.wrong):
        wrong = f"it is in another currency ({shortened(amount.text, 40)} under {column!r})"
    step = Decimal(1).scaleb(-len((match["decimals"] or ".")[1:]))
    number = Decimal(match["digits"].replace(",", "") + (match["decimals"] or ""))
    minus = bool(match["minus"] or match["open"] or match["close"])
    power = unit.power - 6
    part = f" ({shortened(section.rstrip(':'), 60)})" if section else ""
    where = f'row "{shortened(label, 120)}"{part}: {amount.text}, under "{shortened(column, 120)}"'
    return Figure(
        (-number if minus else number).scaleb(power), step.scaleb(power), amount.text,
        f"{where}, {unit.word}" if unit.word else where, length, end, wrong, column=column,
    )  # fmt: skip


def _above(row: Sequence[Cell], amount: _Amount) -> list[str]:
    """Return the headings of a row that stand over a figure.

    A length at the left of a row of years, over the labels, is of all its columns, and what stands alone
    at the left of a row is of the whole table.
    """
    if len(row) == 1 and row[0].first == 0:
        return [row[0].text]
    texts = [c.text for c in row if c.first <= amount.last and amount.first <= c.last]
    left = row[0]
    own = any(_lengths(cell.text) for cell in row[1:])
    beside = bool(texts) and left.last < amount.first and bool(_lengths(left.text))
    return [left.text, *texts] if beside and not own else texts


def _period(over: Sequence[Sequence[str]]) -> tuple[Length | None, dt.date | None]:
    """Return the length and last day that the headings over a figure name, the nearest of each kind.

    Where the nearest line that names one names two, the figure has none.
    """
    lines = [" ".join(texts) for texts in reversed(over)]
    lines.append(" ".join(reversed(lines)))  # "Three Months" above "Ended" are one heading
    length = _only(next(filter(None, map(_lengths, lines)), frozenset()))
    day = _only(next(filter(None, map(_days, lines)), frozenset()))
    year = _only(next(filter(None, map(_years, lines)), frozenset()))
    if day is not None and year is not None:
        with contextlib.suppress(ValueError):
            return length, dt.date(int(year), *day)
    return length, None


def _days(text: str) -> frozenset[tuple[int, int]]:
    return frozenset({(_NAMES[m[1].lower().rstrip(".")], int(m[2])) for m in _DAY.finditer(text)})


def _years(text: str) -> frozenset[str]:
    return frozenset(_YEAR.findall(text))


def _only[T](found: frozenset[T]) -> T | None:
    return next(iter(found)) if len(found) == 1 else None


# --- sentences -------------------------------------------------------------------------------
_ORDINALS = ("first", "second", "third", "fourth")
_QUARTERS = {*_ORDINALS, *(f"{word}-quarter" for word in _ORDINALS), "q1", "q2", "q3", "q4"}
_BEFORE = _QUARTERS | {
    "the", "our", "its", "a", "record", "total", "quarterly", "consolidated", "gaap", "quarter",
    "fiscal",
}  # fmt: skip
_VERBS = {
    "today", "reported", "reports", "announced", "delivered", "posted", "generated", "achieved", "and",
    "with", "that",
}  # fmt: skip
_ENDS = {"was", "were", "of", "to", "totaled", "totalled", "reached", "at"}
_BETWEEN = _QUARTERS | _ENDS | {
    "in", "for", "the", "this", "a", "record", "quarter", "quarterly", "fiscal", "ended", "year", "over",
    "year-over-year", "up", "down", "increased", "decreased", "grew", "rose", "growth", "increase", "by",
    "or", "and", "usd", "constant", "currency", "on", "basis",
}  # fmt: skip
_HEDGES = {
    "approximately": "about", "about": "about", "roughly": "about", "around": "about", "nearly": "about",
    "almost": "about", "more than": "at least", "over": "at least",
}  # fmt: skip
_MONEY = re.compile(
    r"(?P<sign>(?:US|NT|HK|CA?|AU?|S)?\$|[€£¥]|(?:USD|RMB|CNY|EUR|GBP)\b)\s?"
    r"(?P<digits>\d{1,3}(?:,\d{3})+|\d{1,12})(?P<decimals>\.\d{1,6})?"
    rf"[\s-]?(?P<scale>{'|'.join(_SCALES)})\b",
    re.IGNORECASE,
)
_OTHER_PERIOD = re.compile(
    r"\b(?:six|nine|twelve|6|9|12)[\s-]months?|year[\s-]to[\s-]date|\btrailing|\bttm\b|\bannual|\bhalf\b"
    r"|\bfull[\s-](?:fiscal )?year|run[\s-]rate|\byear ended|\byear[\s-]ago"
    r"|\b(?:for|in|during) (?:the )?(?:fiscal |calendar )?(?:year|(?:19|20)\d\d)\b"
    r"|\bfiscal year \d{4}(?! (?:first|second|third|fourth))|(?<!q[1-4] )\bfy ?\d{2,4}\b"
    r"|\b(?:last|prior|previous|same|corresponding|comparable)[\s-](?:year|quarter|period)"
    r"|\b(?:year|quarter|period) (?:earlier|before|ago)\b",
    re.IGNORECASE,
)
_NOT_SO = re.compile(
    r"\bexpect|\boutlook|\bguid|\banticipat|\bwill be\b|\bforecast|\bproject(?:ed|ions?)\b"
    r"|\bplan(?:s|ned)?\b|\btarget|\brange\b|\bexcluding|\badjusted|\bnon-gaap|\bwould\b|\bcould\b"
    r"|\bif\b|\bpro[\s-]forma\b|\bconsensus\b",
    re.IGNORECASE,
)
_QUARTER_OF_YEAR = re.compile(
    r"\b(?:first|second|third|fourth|q[1-4])\b[\s-]*(?:quarter)?\s*(?:of\s+)?(?:fiscal\s+)?(?:year\s+)?"
    r"((?:19|20)\d\d)"
    r"|\b((?:19|20)\d\d)\s+(?:first|second|third|fourth|q[1-4])\b",
    re.IGNORECASE,
)
_CLAUSE_END = re.compile(
    r"[,;.(:]|\band\b|\bup\b|\bdown\b|\bcompared|\bversus\b|\bfrom\b|\ban? (?:in|de)crease"
)


_GOES_ON = re.compile(
    r"\s*(?:to|-|–|—|and|or)\s*(?:[$€£¥]|\d)|,?\s*(?:\+/[-−]|±|plus or minus)"
    r"|[^,;:(.]*\b(?:grew|rose|increased|declined|decreased|fell) to\b",
    re.IGNORECASE,
)
"""What follows an amount that is one end of a range, or from which another was reached."""
_ABROAD = re.compile(
    r"\s*(?:in\s+)?(?:Canadian|Australian|New Zealand|Hong Kong|Singapore|New Taiwan)\b",
    re.IGNORECASE,
)

LONGEST = 3000
"""Characters of a sentence: what is longer is none."""


_AHEAD = re.compile(
    r"\b(?:guidance|outlook|forecast|looking ahead|expectations|targets)\b", re.IGNORECASE
)


def sentences(blocks: Iterable[Block]) -> Iterator[str]:
    """Yield the sentences of a document; a cell that holds several words is one too.

    What stands under a title such as "Outlook", or behind "the following guidance:", up to the next
    title is of the future and is none.
    """
    ahead = False
    for block in blocks:
        texts = [block] if isinstance(block, str) else [c.text for row in block.rows for c in row]
        if isinstance(block, str) and _leads_on(block):
            ahead = _AHEAD.search(block) is not None
        for text in texts:
            if not ahead and len(text.split()) > 2 and re.search(r"\d", text):
                found = re.split(r"(?<=[.;!?])\s+(?=[A-Z“\"•])", text)
                yield from (one for one in found if len(one) <= LONGEST)


def _leads_on(text: str) -> bool:
    """Return whether a paragraph is a title or leads to a list: no amount, short, or with a colon."""
    if _MONEY.search(text) or re.search(r"\d\s?%", text):
        return False
    return text.endswith(":") or (len(text.split()) <= TITLE and text[-1] not in ".;,!?")


def names_amount(sentence: str, phrase: str) -> bool:
    """Return whether a sentence holds a phrase and some amount, whether or not they belong together."""
    return phrase.lower() in sentence.lower() and _MONEY.search(sentence) is not None


def said(sentence: str, phrase: str, end: dt.date) -> Iterator[Figure]:
    """Yield the amounts that a sentence gives for what a phrase names, of the quarter up to `end`.

    Between the phrase and the amount stand only words that lead from one to the other, such as "was",
    "increased 18% to" or "for the third quarter of"; what else stands there would make it another
    figure: "capital expenditures including finance leases were" is none of capital expenditures.
    """
    words = r"[\s,]+".join(re.escape(word) for word in phrase.split())
    for match in re.finditer(rf"(?<![\w-]){words}(?![\w-])", sentence, re.IGNORECASE):
        amount = _MONEY.search(sentence, match.end(), match.end() + 240)
        if amount is None:
            continue
        hedge = _leads(sentence[match.end() : amount.start()])
        if hedge is None or not _starts(sentence[: match.start()]):
            continue
        rest = sentence[amount.end() :]
        if _GOES_ON.match(rest):
            continue
        stop = _CLAUSE_END.search(rest)
        around = sentence[: amount.start()] + " ... " + (rest[: stop.start()] if stop else rest)
        if _OTHER_PERIOD.search(around) or _NOT_SO.search(around):
            continue
        if any(day != end for day, *_ in _ended(around)) or not _of_the_year(around, end):
            continue
        power = _SCALES[amount["scale"].lower()] - 6
        number = Decimal(amount["digits"].replace(",", "") + (amount["decimals"] or ""))
        step = Decimal(1).scaleb(-len((amount["decimals"] or ".")[1:]))
        where = f'sentence "{shortened(sentence, 300)}"'
        dollars = amount["sign"].upper() in ("$", "US$", "USD")
        printed = amount[0] + rest[: abroad.end()] if (abroad := _ABROAD.match(rest)) else amount[0]
        wrong = "" if dollars and not abroad else f"it is in another currency ({printed})"
        yield Figure(
            number.scaleb(power), step.scaleb(power), amount[0], where, Length(3), None, wrong, hedge
        )  # fmt: skip


def _of_the_year(text: str, end: dt.date) -> bool:
    """Return whether the quarters that a text names by a year may be the one up to `end`.

    A fiscal year is called after that in which it ends, the quarter's own or the next.
    """
    years = {int(m[1] or m[2]) for m in _QUARTER_OF_YEAR.finditer(text)}
    return years <= {end.year, end.year + 1}


def _ended(text: str) -> list[tuple[dt.date, int, int]]:
    """Return the days on which a text says that something ended."""
    return [d for d in full_days(text) if re.search(r"\bended\s*$", text[: d[1]], re.IGNORECASE)]


def quarter_ends(blocks: Iterable[Block]) -> set[dt.date]:
    """Return the days on which paragraphs say that a quarter ended."""
    found = set()
    for block in blocks:
        if isinstance(block, str):
            for day, start, _ in full_days(block):
                lead = block[max(0, start - 40) : start]
                if re.search(r"\b(?:quarter|three months)\s+ended\s*$", lead, re.IGNORECASE):
                    found.add(day)
    return found


_OF_A_PART = re.compile(
    r"\b(?:segment|division|business unit|subsidiary)\b[^.;]*$"
    r"|(?:^|[.;(“\"•]\s*|\band )(?:in|within|at|across)\s+"
    r"(?!(?:the|our|its|this|a)\b[\w\s-]*\b(?:quarter|period|months|weeks)\b)"
    r"(?!(?:fiscal\b|q[1-4]\b|first\b|second\b|third\b|fourth\b|total\b|addition\b|(?:19|20)\d\d\b))"
    rf"(?!{MONTH})[^,;]*,\s*(?:the|our|its)?\s*$",
    re.IGNORECASE,
)
"""A clause before a figure that makes it one of a part of the company: "In Devices, revenue was"."""


def _starts(before: str) -> bool:
    """Return whether a phrase after this begins a clause, but for words such as "record"."""
    if _OF_A_PART.search(before):
        return False
    words = re.findall(r"[\w’'&-]+|[^\w\s]", before.lower())
    while words and words[-1] in _BEFORE:
        words.pop()
    return not words or words[-1] in _VERBS or not re.match(r"[\w’'&)(%/-]", words[-1])


def _leads(between: str) -> str | None:
    """Return the qualifier of an amount that words lead to, "" without one; None if they do not."""
    if re.match(r"\s*(?:\(|in |on an? )?(?:at )?constant[\s-]currenc", between, re.IGNORECASE):
        return None
    text = _FULL_DAY.sub(" ", between.lower())
    words = re.findall(r"[a-z][a-z0-9’'-]*|\d[\d.,]*%?|[^\w\s]", text)
    hedge = ""
    for word, qualifier in _HEDGES.items():
        parts = word.split()
        if words[-len(parts) :] == parts:
            hedge, words = qualifier, words[: -len(parts)]
    while words and words[-1] in ("a", "record"):
        words.pop()
    if not words or words == [":"] or words in (["-"], ["–"], ["—"]):
        return hedge
    known = all(
        w in _BETWEEN or re.fullmatch(r"\d[\d.]*%?|[,%()]|(?:19|20)\d\d,?", w) for w in words
    )
    return hedge if known and words[-1] in {*_ENDS, ":"} else None
