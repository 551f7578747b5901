"""From what a cell of a user's sheet says to what a table says: names, numbers, units, periods, days.

Invariant: where a cell can mean two things, and nobody said which, there is a problem and no row;
whatever is read as something else than it says is noted.
"""

from __future__ import annotations

import calendar
import contextlib
import dataclasses
import datetime as dt
import difflib
import itertools
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from functools import partial
from typing import NoReturn

from forecast.core.errors import DataError
from forecast.core.periods import length_of, one_spelling, period_days
from forecast.core.problems import Problem
from forecast.core.text import one_line
from forecast.core.units import UNITS
from forecast.core.words import KEY, RANGE, guided
from forecast.tables.cells import NOTHING, NUMBER, TEXT, YEAR, Cell, shown_period
from forecast.tables.desk import fiscal, numerals, period_words
from forecast.tables.desk.beside import Beside, is_harmless
from forecast.tables.desk.layout import Entry
from forecast.tables.desk.period_words import (
    CALENDAR_YEAR,
    FISCAL,
    Length,
    Spelled,
    length_code,
    length_header,
    length_said,
    quarter_alone,
)
from forecast.tables.desk.spoken import Spoken, qualifier_of, spoken
from forecast.tables.desk.unit_words import UnitWords, combined, split_unit, unit_name, unit_words
from forecast.tables.names import Company, Metric, Names, companies, metrics, plain


@dataclasses.dataclass(frozen=True)
class Reading:
    """What a user says of how a file is to be read.

    Attributes
    ----------
    decimal
        The decimal sign, ``point`` or ``comma``; told from the column if empty.
    dates
        ``day-first`` or ``month-first``, for days in numbers; told from the column if empty.
    quarters
        Whose quarters and years are meant where the file does not say: ``fiscal`` or ``calendar``.
    fiscal_year_ends
        By company, or by "" for all whose fiscal year is not known: a rule as of
        :func:`forecast.tables.desk.fiscal.year_end`.
    sheet
        Which sheet of a workbook; the first that is not hidden if empty.
    names
        Our name of a company or metric by the file's; a name by itself is taken as it is written.
    entities, metrics
        Names that the user's own tables hold.
    """

    decimal: str = ""
    dates: str = ""
    quarters: str = ""
    fiscal_year_ends: Mapping[str, str] = dataclasses.field(default_factory=dict)
    sheet: str = ""
    names: Mapping[str, str] = dataclasses.field(default_factory=dict)
    entities: frozenset[str] = frozenset()
    metrics: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        """Refuse what is no such convention."""
        for what, allowed in (
            ("decimal", (numerals.POINT, numerals.COMMA)),
            ("dates", (period_words.DAY_FIRST, period_words.MONTH_FIRST)),
            ("quarters", (FISCAL, CALENDAR_YEAR)),
        ):
            if (got := getattr(self, what)) and got not in allowed:
                raise DataError(f"got {what} {got!r}; wanted {' or '.join(allowed)}")
        for rule in self.fiscal_year_ends.values():
            fiscal.year_end(rule, 2024)


class Wanted(Exception):
    """What a column should have held, and what was got in its place."""

    def __init__(self, column: str, got: str, wanted: str) -> None:
        super().__init__(wanted)
        self.column, self.got, self.wanted = column, got, wanted


@dataclasses.dataclass
class Said:
    """Notes on what was read as what, by kind, each once."""

    kinds: dict[str, dict[str, int]] = dataclasses.field(default_factory=dict)

    def add(self, kind: str, text: str) -> None:
        """Note one more case of a kind."""
        cases = self.kinds.setdefault(kind, {})
        cases[text] = cases.get(text, 0) + 1

    def notes(self, most: int = 12) -> list[str]:
        """Return a line a kind, with the first cases and how many more there are."""
        return [f"{kind}: {one_line(list(cases), most)}" for kind, cases in self.kinds.items()]


# --- names -----------------------------------------------------------------------------------
_EXCHANGE = re.compile(r"(?i)^(nasdaq|nyse|nys|nms)\s*:\s*")


@dataclasses.dataclass(frozen=True)
class Namer:
    """Tells what a company or metric is called here.

    Attributes
    ----------
    what
        ``entity`` or ``metric``.
    shipped
        Those of the shipped tables.
    own
        Those that the user's tables hold.
    stated
        Our name by the file's, as the user says.
    told, nearest
        What was found under a text before, and near it: a column repeats its names.
    """

    what: str
    shipped: Names[Company] | Names[Metric]
    own: frozenset[str]
    stated: Mapping[str, str]
    told: dict[str, str] = dataclasses.field(default_factory=dict)
    nearest: dict[str, list[str]] = dataclasses.field(default_factory=dict)

    def known(self, text: str) -> str:
        """Return the name of what is known under a text; empty if nothing is."""
        if text not in self.told:
            self.told[text] = self._known(text)
        return self.told[text]

    def _known(self, text: str) -> str:
        for form in self._forms(text):
            if form in self.stated:
                ours = self.stated[form]
                found = None if ours in (form, *self.own) else self.shipped.find(ours)
                return found.name if found else ours
            if form in self.own:
                return form
            if found := self.shipped.find(form):
                return found.name
            same = [name for name in sorted(self.own) if plain(name) == plain(form) and plain(form)]
            if same:
                return same[0]
        return ""

    def _forms(self, text: str) -> list[str]:
        """Return a text as it is, without footnote marks, and a ticker without its exchange."""
        bare = _without_marks(text)
        forms = [text, bare]
        if self.what == "entity":
            forms.append(re.sub(_EXCHANGE, "", bare))
            forms.append(re.sub(r"(?i)\s+u[snwq](\s+equity)?$|\.(o|n|oq|us)$", "", bare))
            if both := re.fullmatch(r"(.+?)\s*\(([^()]+)\)", bare):
                parts = [both[1], re.sub(_EXCHANGE, "", both[2])]
                # "Microsoft (MSFT)" is one company under two names. "LinkedIn (Microsoft)" and "Meta
                # (Reality Labs)" are parts of one: whose figures they are is asked.
                forms += parts if len({self.shipped.find(part) for part in parts}) == 1 else ()
        return forms

    def near(self, text: str) -> list[str]:
        """Return known names that are almost so."""
        if text not in self.nearest:
            self.nearest[text] = self._near(text)
        return self.nearest[text]

    def _near(self, text: str) -> list[str]:
        own = {plain(name): name for name in sorted(self.own)}
        close = difflib.get_close_matches(plain(text), own, n=3, cutoff=0.75)
        parts = re.split(r"[()]", text) if self.what == "entity" and "(" in text else []
        named = filter(None, map(self.known, filter(plain, parts)))
        return list(dict.fromkeys([*named, *self.shipped.near(text), *(own[c] for c in close)]))[:3]

    def name(self, cell: Cell, said: Said) -> str:
        """Return what a cell's company or metric is called here, and note it.

        Raises
        ------
        Wanted
            If it is almost a known name, or may be none.
        """
        text = cell.text.strip()
        if cell.fault not in ("", "heading"):
            raise Wanted(self.what, text, f"a name, and its cell holds {cell.fault}")
        new = (
            re.sub(r"[\s-]+", "_", _without_marks(text).lower()) if self.what == "metric" else text
        )
        if not text:
            return ""
        if found := self.known(text) or (self.known(new) if new else ""):
            if found != text:
                said.add("names read", f"{text} -> {found}")
            return found
        if self.what == "metric":
            self._check_label(text)
        keep = f"--name {_quoted(f'{text}={new}')}"
        if cell.fault == "heading":
            wanted = f"a company's name, or no line of its own; if it is a company: {keep}"
            raise Wanted(self.what, text, wanted)
        if near := self.near(text):
            change = " or ".join(f"--name {_quoted(f'{text}={one}')}" for one in near)
            raise Wanted(
                self.what,
                text,
                f"a known name: did you mean {' or '.join(near)}? {change}; {keep} keeps it",
            )
        said.add(f"new {'companies' if self.what == 'entity' else 'metrics'}, in no table yet", new)
        return new

    def _check_label(self, text: str) -> None:
        """Refuse what stands where metrics are named and names none: a number, a company.

        Raises
        ------
        Wanted
            If it is one.
        """
        wanted = "the name of a metric; "
        if quarter_alone(text) or period_words.length_word(text):
            wanted = (
                f"the name of a metric, and {text} is a period: write quarters as columns, each with "
                "its year, such as Q1 2025, or a line a figure, with metric and period"
            )
            raise Wanted(self.what, text, wanted)
        if plain(text) in _SUMS:
            wanted += "this is a sum: say of which metric, or leave the line out"
            raise Wanted(self.what, text, wanted)
        if numerals.numeral(text).body and not re.search(r"[^\W\d_]", text):
            wanted += "a column of numbers was taken for that of names: --map THEIRS=metric"
            raise Wanted(self.what, text, wanted)
        if company := companies().find(text):
            wanted += (
                f"this is a company, {company.name}: --map THEIRS=entity, the metric in the title"
            )
            raise Wanted(self.what, text, wanted)


def _quoted(text: str) -> str:
    return text if re.fullmatch(r"[\w=.&-]+", text) and "&" not in text else f'"{text}"'


def _without_marks(text: str) -> str:
    """Return a label without the marks of footnotes."""
    return re.sub(r"\s*(?:[*†‡¹²³⁴]+|\(\d\)|\[\d\]|:)+$", "", text.strip()) or text.strip()


def namers(reading: Reading) -> tuple[Namer, Namer]:
    """Return who knows companies, and who knows metrics."""
    return (
        Namer("entity", companies(), reading.entities, reading.names),
        Namer("metric", metrics(), reading.metrics, reading.names),
    )


def is_called(entity: str, text: str) -> bool:
    """Return whether a text is a company's name, by any of its names and in any case."""
    found = companies().find(text)
    return (found.name if found else plain(text)) in (entity, plain(entity)) and text != ""


# --- numbers and units -----------------------------------------------------------------------
@dataclasses.dataclass(frozen=True)
class Column:
    """How the numbers and days of a file are written.

    Attributes
    ----------
    decimal
        ``point`` or ``comma``; empty if nothing tells.
    commas
        Whether, where nothing tells, a comma before three digits parts the thousands.
    contrary
        Whether the numbers show both decimal signs.
    orders
        The order of days in numbers, by column; empty if nothing tells.
    """

    decimal: str
    commas: bool
    contrary: bool
    orders: Mapping[str, str]


def column_of_numbers(entries: Sequence[Entry], reading: Reading, mark: str) -> Column:
    """Return how the numbers and days of a file are written, as stated or as the columns show."""
    values = [e.cells.get(c, NOTHING) for e in entries for c in ("value", *RANGE)]
    texts = [t for c in values if c.kind == TEXT and c.text for t in spoken(c.text).numbers]
    bodies = [numerals.numeral(text).body for text in texts]
    told = numerals.told_by(bodies)
    open_ = [body for body in bodies if re.search("[.,]", body) and not numerals.shown_by(body)]
    orders = {}
    for column in ("period", "reported_on"):
        of = ("period", "start") if column == "period" else (column,)
        cells = [e.cells.get(c, NOTHING) for e in entries for c in of]
        if column == "period":
            cells += [one.cell for e in entries for one in e.beside if one.period]
        shown = period_words.order_told_by(
            {period_words.without_time(c.text) for c in cells if c.kind == TEXT}
        )
        orders[column] = reading.dates or (shown.pop() if len(shown) == 1 else "")
    return Column(
        decimal=reading.decimal or (next(iter(told)) if len(told) == 1 else ""),
        # Where cells are parted by semicolons the comma is likely the decimal sign.
        commas=mark != ";" and not any("." in body for body in open_),
        contrary=len(told) > 1 and not reading.decimal,
        orders=orders,
    )


def _number(cell: Cell, column: Column, said: Said) -> tuple[float, str]:
    """Return a cell's number, and the words that stand with it.

    Raises
    ------
    Wanted
        If it is none, or could be two.
    """
    if cell.fault:
        raise Wanted("value", cell.text, f"a number, and its cell holds {cell.fault}")
    if cell.kind == NUMBER:
        return _held_number(cell, said)
    if cell.kind != TEXT:
        raise Wanted(
            "value", cell.text, "a number, and its cell holds a day: the spreadsheet made it one"
        )
    if power := re.fullmatch(r"([-+]?[0-9]+)(?:([.,])([0-9]+))?([eE][-+]?[0-9]+)", cell.text):
        whole, sign, part, exponent = power.groups(default="")
        # No one parts thousands before a power of ten: the sign is the decimal sign.
        if sign and column.decimal not in ("", numerals.POINT if sign == "." else numerals.COMMA):
            raise Wanted("value", cell.text, f"a number with the decimal {column.decimal}")
        return float(f"{whole}.{part or 0}{exponent}"), ""
    parts = numerals.numeral(cell.text)
    if not parts.body:
        raise Wanted("value", cell.text, "a number")
    value = numerals.value_of(parts.body, _decimal(cell.text, parts.body, column, said))
    if value is None:
        sign = f" with the decimal {column.decimal}" if column.decimal else ""
        raise Wanted("value", cell.text, f"a number{sign}, thousands parted in groups of three")
    if parts.minus and "(" in cell.text:
        said.add("brackets read as below zero", cell.text)
    return (-value if parts.minus else value), parts.words


def _decimal(text: str, body: str, column: Column, said: Said) -> str:
    """Return the decimal sign of a number."""
    if column.decimal or not re.search("[.,]", body):
        return column.decimal or numerals.POINT
    if column.contrary:
        wanted = (
            "one decimal sign in all numbers, they show both: --decimal point or --decimal comma"
        )
        raise Wanted("value", text, wanted)
    if column.commas:
        said.add(
            "read with the comma between thousands (--decimal comma if it is the decimal sign)",
            text,
        )
        return numerals.POINT
    point, comma = (numerals.value_of(body, sign) for sign in (numerals.POINT, numerals.COMMA))
    raise Wanted(
        "value", text,
        f"a decimal sign that is stated: --decimal point makes it {point!r}, --decimal comma {comma!r}",
    )  # fmt: skip


def _held_number(cell: Cell, said: Said) -> tuple[float, str]:
    """Return a number of a workbook, and what its format says of it."""
    shown = _format_of(cell)
    plain = re.sub(r'"[^"]*"|\\.|_.|\*.|\[[^\]]*\]', "", shown)
    words = _words_of(shown)
    if cell.format and not re.search(r"[0#?@]|(?i:general)", plain):
        said.add("shown without its number, what is held was read", f"{cell.text} ({cell.format})")
        return float(cell.text), ""
    if float(cell.text) < 0 and ";" in cell.format and not re.search(r"[-(]", shown):
        said.add("below zero and shown without a sign", cell.text)
    if "%" in plain:
        percent = float(Decimal(cell.text) * 100)
        said.add("cells shown in percent", f"{cell.text} read as {percent:g} percent")
        return percent, "%"
    if scaled := re.search(r"[0#](,+)(?:\.0*)?(?![0#,])|[0#](,+)$", plain):
        commas = len(scaled[1] or scaled[2])
        shown_as = float(Decimal(cell.text) / 1000**commas)
        named = unit_words(words) if words else None
        if named and named.scale:
            # The scale is that of what is shown: of 61000 as "61.0bn" neither 61000 bn nor 61 is meant.
            said.add(
                "read as shown, in the unit of its format", f"{cell.text} ({shown_as:g} {words})"
            )
            return shown_as, words
        said.add(
            "shown in another scale than held, what is held was read",
            f"{cell.text} (shown about {shown_as:.4g})",
        )
    if words and unit_words(words) is None:
        said.add("the number's format adds a text that was not read", f"{words} ({cell.text})")
        words = ""
    return float(cell.text), words


def _format_of(cell: Cell) -> str:
    """Return the part of a cell's format that shows its number: each sign or condition may have one."""
    parts = re.split(r';(?=(?:[^"]*"[^"]*")*[^"]*$)', cell.format)[:3]
    value, conditions = float(cell.text), [_CONDITION.search(part) for part in parts]
    if any(conditions):
        for part, asked in zip(parts, conditions, strict=True):
            if asked is None or _COMPARED[asked[1]](value, float(asked[2])):
                return part
    at = 0 if value > 0 or len(parts) == 1 else 1 if value < 0 else 2
    return parts[at] if at < len(parts) else parts[0]


_CONDITION = re.compile(r"\[(<=|>=|<>|<|>|=)\s*(-?[0-9.]+)\]")
_COMPARED: Mapping[str, Callable[[float, float], bool]] = {
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge, "=": operator.eq,
    "<>": operator.ne,
}  # fmt: skip


def _words_of(shown: str) -> str:
    r"""Return the words that a format shows with a number: in quotes, escaped, as ``[$€-407]``, bare.

    Examples
    --------
    >>> _words_of('#,##0.0\\ "bn"'), _words_of("[$€-407]#,##0_);"), _words_of("[Red]$0.0")
    ('bn', '€', '$')
    """
    texts = []
    for quoted, escaped, money, bare in _SHOWN_TEXT.findall(shown):
        texts.append(quoted or escaped or money or bare)
    return " ".join("".join(texts).strip(" -+().,").split())


_SHOWN_TEXT = re.compile(r'"([^"]*)"|\\(.)|_.|\*.|\[\$([^\]\-]*)[^\]]*\]|\[[^\]]*\]|([$€£¥₩₹ ])')


def _unit(
    entry: Entry, words: str, label: str, metric: Metric | None, given: str
) -> tuple[str, float]:
    """Return the unit of an entry, and by what its number is to be multiplied.

    Raises
    ------
    Wanted
        If what stands about it does not agree, or does not make a unit.
    """
    # Of a metric that is not known money is likely, and a share possible.
    dimension = metric.dimension if metric else "any"
    raw = entry.cells.get("unit", NOTHING).text.strip()
    money = entry.cells.get("currency", NOTHING).text.strip()
    near = [unit_words(raw), _scale(entry.cells.get("scale", NOTHING).text)]
    near += [unit_words(money), unit_words(label)]
    if raw and near[0] is None:
        return raw, 1.0  # the check of the table says what units there are
    if money and near[2] is None and not numerals.is_empty(money):
        raise Wanted("currency", money, "a currency such as USD, or nothing")
    _agreed([w for w in near if w], [raw, money, label])
    far = [
        w
        for w in map(unit_words, entry.units)
        if w and (dimension in ("money", "any") or _measures(w) == dimension)
    ]
    said = [w for w in (*near, *far) if w]
    # A currency alone is a unit where it is called one, not in a column of currencies.
    called = bool(raw or label or far)
    total = combined(said)
    if not (called or total.unit or total.scale) or (not total.unit and not total.currency):
        total = combined([*said, *filter(None, [unit_words(given)])])
        called = called or bool(given)
    own = unit_words(words) if words else None
    if words and own is None:
        raise Wanted(
            "value", f"{entry.cells['value'].text or words}", f"a number and a unit, not {words!r}"
        )
    if own is not None:
        return _with_own(entry, own, total, dimension, called)
    if given and not (said or unit_words(given)):
        return given, 1.0
    return _named(entry, total, dimension, called), 1.0


def _agreed(said: Sequence[UnitWords], texts: Sequence[str]) -> None:
    """Refuse what one line says of its unit in several of its cells and differently.

    A line of a share may have a currency all the same, in a column of those.
    """
    shares = [words for words in said if words.unit in ("percent", "ratio")]
    if shares and any(words.scale for words in said):
        raise Wanted("unit", one_line([text for text in texts if text]), "one unit of them")
    for part in ("unit", "currency", "scale"):
        if len({getattr(words, part) for words in said} - {"", 0.0}) > 1:
            got = one_line([text for text in texts if text])
            raise Wanted("unit", got, f"one {part if part != 'unit' else 'unit of them'}")


def _measures(words: UnitWords) -> str:
    return UNITS[words.unit].dimension if words.unit in UNITS else "money" if words.currency else ""


def _scale(text: str) -> UnitWords | None:
    """Return what a column of scales says: ``millions``, ``1000000``; None if it is empty.

    Raises
    ------
    Wanted
        If it says anything else, of which a unit made of the rest would know nothing.
    """
    digits = re.sub(r"[\s,.']", "", text)
    words = unit_words(text)
    if re.fullmatch(r"1(000){0,4}", digits):
        words = UnitWords(scale=float(digits))
    if words is None and digits:
        raise Wanted("scale", text, "a scale such as 1000, million or bn")
    return words


def _with_own(
    entry: Entry, own: UnitWords, total: UnitWords, dimension: str, called: bool
) -> tuple[str, float]:
    """Return the unit of a number that has one in its own cell."""
    text = entry.cells["value"].text
    shown = own.currency or own.unit
    said = any(mark in text for mark in "$€£¥%") or shown in text.upper()
    text = text if said else f"{text} {shown}"
    if own.unit:
        if dimension not in ("share", "any"):
            raise Wanted("value", text, f"a number in a unit of {dimension}, which the metric is")
        if total.unit == "ratio" and own.unit == "percent":
            return "ratio", 0.01
        stated = entry.cells.get("unit", NOTHING).text
        if own.unit != total.unit and stated:
            raise Wanted("unit", stated or total.unit, f"the unit of {text!r}, {own.unit}")
        return own.unit, 1.0
    for part in ("currency", "scale"):
        one, other = getattr(own, part), getattr(total, part)
        if one and other and one != other:
            name = unit_name(total, dimension) or str(other)
            raise Wanted("value", text, f"a number in {name}, as what stands around it says")
    if total.unit and total.unit != "percent" and not own.currency:
        return total.unit, 1.0
    if total.unit:
        raise Wanted("value", text, f"a number in {total.unit}, as what stands around it says")
    both = combined([own, total])
    return _named(entry, both, dimension, called or bool(own.scale)), 1.0


def _named(entry: Entry, words: UnitWords, dimension: str, called: bool) -> str:
    if words.currency and not words.scale and not called:
        raise Wanted(
            "unit", words.currency,
            f'a unit, which a currency alone is not: --unit "{words.currency} m", or --map THEIRS=unit',
        )  # fmt: skip
    if words.scale and not words.currency and not unit_name(words, dimension):
        scale = {1e3: "k", 1e6: "m", 1e9: "bn", 1e12: "tn"}.get(words.scale, "m")
        texts = [entry.cells.get(c, NOTHING).text for c in ("unit", "scale")]
        texts += [split_unit(entry.cells.get("metric", NOTHING).text)[1], *entry.units]
        scales = (text for text in texts if (one := unit_words(text)) and one.scale)
        said = next(scales, entry.cells["value"].text)
        raise Wanted("unit", said, f'a currency too: say --unit "USD {scale}"')
    return unit_name(words, dimension)


# --- statements ------------------------------------------------------------------------------
@dataclasses.dataclass(frozen=True)
class _Figure:
    """A number, the words that stand with it, and of a statement its qualifier and ends."""

    value: float
    words: str
    qualifier: str = ""
    ends: tuple[float, float] | None = None


def _statement(
    value: Cell, ends: Sequence[Cell], stated: str, column: Column, said: Said
) -> _Figure:
    """Return what cells say beforehand: a number, a bound, or a range in one cell or in two.

    Raises
    ------
    Wanted
        If a part is no number, or what they say does not agree.
    """
    found = spoken(value.text if value.kind == TEXT and not value.fault else "")
    cells, own = _parts_of(value, ends, found)
    wanted = qualifier_of(stated)
    if wanted and own and wanted != own and {wanted, own} != {"range", "about"}:
        raise Wanted("qualifier", stated, f"{own}, as its number says, or nothing")
    values, words = _of_one_scale({k: _number_in(c, column, said) for k, c in cells.items()})
    if found.give:
        give = _number_in(_part(value, found.give), column, said)
        values |= _around(values["middle"], give, words, value.text)
    if "low" not in values:
        return _Figure(values["middle"], words, own or wanted)
    low, high = values["low"], values["high"]
    got = value.text or " to ".join(c.text for c in ends)
    if low >= high:
        raise Wanted("value", got, "a range from its low end to its high one")
    if "middle" not in values:
        said.add("ranges read, with their middle", got)
    middle = values.get("middle", float(f"{(low + high) / 2:.12g}"))
    return _Figure(middle, words, "range", (low, high))


def _parts_of(value: Cell, ends: Sequence[Cell], found: Spoken) -> tuple[dict[str, Cell], str]:
    """Return the cells of a statement's numbers, each of one number, and the qualifier they make."""
    there = [c for c in ends if not _is_empty(c)]
    if there and found.low:
        raise Wanted("value", value.text, "one range, in one cell or in low and high")
    if found.low:
        return {"low": _part(value, found.low), "high": _part(value, found.high)}, "range"
    own = {} if _is_empty(value) else {"middle": _part(value, found.middle or value.text)}
    if len(there) == 2:
        return {**own, "low": ends[0], "high": ends[1]}, "range"
    if there and own:
        missing = RANGE[0] if there[0] is ends[1] else RANGE[1]
        raise Wanted(missing, "", "the other end of the range")
    if there:
        return {"middle": there[0]}, "at least" if there[0] is ends[0] else "at most"
    return own, found.qualifier


def _is_empty(cell: Cell) -> bool:
    return not cell.fault and cell.kind == TEXT and numerals.is_empty(cell.text)


def _part(cell: Cell, text: str) -> Cell:
    return cell if text == cell.text else dataclasses.replace(cell, text=text)


def _number_in(cell: Cell, column: Column, said: Said) -> tuple[float, str]:
    try:
        return _number(cell, column, said)
    except Wanted as problem:
        if problem.wanted != "a number":
            raise
        wanted = "a number, a range such as 125-145, or a bound such as at least 80"
        raise Wanted("value", cell.text, wanted) from None


def _of_one_scale(
    parts: Mapping[str, tuple[float, str]],
) -> tuple[dict[str, float], str]:
    """Return numbers in the scale of the last that names one, and the words that hold for all."""
    words = {name: unit_words(text) for name, (_, text) in parts.items() if text}
    scales = [one.scale for one in words.values() if one and one.scale]
    if len(set(scales)) <= 1:
        texts = dict.fromkeys(text for _, text in parts.values() if text)
        return {name: value for name, (value, _) in parts.items()}, " ".join(texts)
    values = {}
    for name, (value, _) in parts.items():
        one = words.get(name)
        times = one.scale / scales[-1] if one and one.scale else 1.0
        values[name] = float(f"{value * times:.12g}")
    last = [text for name, (_, text) in parts.items() if (w := words.get(name)) and w.scale][-1]
    money = {one.currency for one in words.values() if one and one.currency}
    own = unit_words(last)
    return values, last if (own and own.currency) or len(money) != 1 else f"{money.pop()} {last}"


def _around(middle: float, give: tuple[float, str], words: str, text: str) -> dict[str, float]:
    """Return the ends of a range from its middle and what it gives to either side."""
    own, by = unit_words(give[1]) if give[1] else None, give[0]
    if own and own.unit == "percent":
        by = abs(middle) * give[0] / 100
    elif give[1]:
        total = unit_words(words)
        if own is None or not own.scale or total is None or not total.scale:
            raise Wanted("value", text, "the same unit on both sides of the sign, or percent")
        by = give[0] * own.scale / total.scale
    return {"low": float(f"{middle - by:.12g}"), "high": float(f"{middle + by:.12g}")}


# --- periods and days ------------------------------------------------------------------------
@dataclasses.dataclass(frozen=True)
class Calendar:
    """What decides which days a period is.

    Attributes
    ----------
    reading
        What the user says.
    titles
        The texts above the table, which may say that quarters are fiscal.
    lengths
        How long they, or the sheet's name, say that periods are.
    ends
        The days on which periods end, where they are written so, by what :func:`_row_of` says.
    """

    reading: Reading
    titles: str
    lengths: tuple[Length, ...]
    ends: Mapping[Row, tuple[dt.date, ...]]

    @property
    def length(self) -> Length | None:
        """What is said of how long periods are, unless two things are."""
        return self.lengths[0] if len(self.lengths) == 1 else None

    def contrary(self, kind: str) -> Length | None:
        """Return the length of what is said above a table, if no quarters, or years, can have it.

        Years may stand among the quarters of a quarterly table, and "year ended June 30", or a year
        beside the word quarter, tells of quarters which year they are of.
        """
        said = self.length
        if said is None or said.months not in (1, 3, 12):
            return said
        of_quarters = re.search(r"(?i)quarter|\bqtr|\bq[1-4]|\b[1-4]q|year[\s-]*end", self.titles)
        year = said.months == 12 and kind == "quarter" and not of_quarters
        return said if said.months == 1 or year else None

    def rule(self, entity: str) -> str:
        """Return the rule of a company's fiscal year; empty if it is not known."""
        ends, known = self.reading.fiscal_year_ends, companies().things.get(entity)
        own = next((rule for name, rule in ends.items() if is_called(entity, name)), "")
        return own or (known.fiscal_year_end if known else ends.get("", ""))

    def whose(self, one: Spelled, heads: tuple[str, str]) -> str:
        """Return whose quarter is meant, as the text, the user, the header or the title says."""
        if one.whose or self.reading.quarters:
            return one.whose or self.reading.quarters
        for text in (" ".join(heads), self.titles):
            fiscal_said = re.search(r"(?i)fiscal|\bFY\b", text)
            calendar_said = re.search(r"(?i)calendar|\bCY\b", text)
            if bool(fiscal_said) != bool(calendar_said):
                return FISCAL if fiscal_said else CALENDAR_YEAR
        return ""


type Row = tuple[Cell, ...]
"""What days of one row of periods have in common: where quarters are columns all their headers, else
company and metric."""


def _row_of(entry: Entry) -> Row:
    return entry.columns or tuple(entry.cells.get(c, NOTHING) for c in KEY[:2])


def ends_of(
    entries: Sequence[Entry], column: Column, first_day: dt.date
) -> dict[Row, tuple[dt.date, ...]]:
    """Return the days on which periods end, where they are written so: in each row of them, in order."""
    found: dict[Row, set[dt.date]] = {}
    seen: Row = ()
    for entry in entries:
        if entry.columns and entry.columns is seen:  # the figures of a line share them
            continue
        row = seen = _row_of(entry)
        cells = entry.columns or (entry.cells.get("period", NOTHING),)
        ends = (_end_of(cell, column.orders["period"], first_day) for cell in cells)
        found.setdefault(row, set()).update(end for end in ends if end)
    return {row: tuple(sorted(days)) for row, days in found.items()}


def _end_of(cell: Cell, order: str, first_day: dt.date) -> dt.date | None:
    one = period_words.spelled(shown_period(cell), order)
    if one is not None and one.kind == "month":
        return _last_of(one)
    day = one.day if one is not None and one.kind == "day" else None
    return day or period_words.serial_day(cell.text, first_day)


def _last_of(month: Spelled) -> dt.date:
    return dt.date(month.year, month.number, calendar.monthrange(month.year, month.number)[1])


def _years_apart(days: Sequence[dt.date]) -> bool:
    """Return whether two of these that follow on one another are about a year apart, or two or three.

    Quarters are told by 91 days, in a row of some of them also by 182 or 274.
    """
    gaps = [(b - a).days for a, b in itertools.pairwise(days)]
    return any(abs(gap - 365.25 * k) <= 20 for gap in gaps for k in (1, 2, 3))


def _period(
    entry: Entry, entity: str, metric: Metric | None, column: Column, clock: Calendar,
    first_day: dt.date, said: Said,
) -> str:  # fmt: skip
    """Return a period as the table writes it.

    Raises
    ------
    Wanted
        If it could be two periods, or is the end of none that the metric has.
    """
    cell = entry.cells.get("period", NOTHING)
    if cell.fault:
        raise Wanted("period", cell.text, f"a period, and its cell holds {cell.fault}")
    text = shown_period(cell)
    order = column.orders["period"]
    if cell.kind == TEXT and period_words.needs_order(text) and not order:
        raise Wanted("period", text, _ORDER)
    one = period_words.spelled(text, order)
    if one is None and (serial := period_words.serial_day(text, first_day)):
        said.add("days written as a spreadsheet's numbers", f"{text} -> {serial.isoformat()}")
        one = Spelled("day", day=serial)
    if one is not None and one.kind == "year" and one.day is None and entry.span:
        # "Three Months Ended June 30," stands above "2026", and "Q4" above "2025".
        over = re.sub(r"\(.*?\)", "", entry.span).strip()
        if joined := period_words.spelled(f"{over} {text}", order):
            one, text = joined, f"{over} {text}"
    if one is None or one.kind == "span":
        return text
    start = entry.cells.get("start", NOTHING)
    if (start.text or start.fault) and one.kind in ("day", "month"):
        name = _from(start, one, column, first_day)
        if stated := _stated(entry):
            _agrees(stated, length_of(name), text)
    else:
        name = _days_of(one, text, entry, entity, metric, clock)
    if name != text:
        known = re.fullmatch(r"\d{4}-\d{2}-\d{2}", name) or clock.rule(entity) in (
            "",
            fiscal.CALENDAR,
        )
        said.add("periods read", f"{text} -> {name}" if known else f"{text} of {entity} -> {name}")
    return name


_ORDER = "a day of which it is said what comes first: --day-first or --month-first"


def period_of(text: str, entity: str, metric: str) -> str:
    """Return the period that a text is of a company's metric, as a table writes it.

    Raises
    ------
    DataError
        If it could be two.

    Examples
    --------
    >>> period_of("Q4 FY26", "MSFT", "capex"), period_of("31 Dec 2025", "META", "revenue")
    ('2026Q2', '2025Q4')
    """
    plain_text = text.strip()
    cell = Cell(plain_text.upper() if re.fullmatch(r"\d{4}[qQ][1-4]", plain_text) else plain_text)
    entry = Entry(1, {"period": cell}, (), ("period", ""), "")
    order = period_words.order_told_by([cell.text])
    column = Column("", False, False, {"period": order.pop() if order else ""})
    clock = Calendar(Reading(), "", (), {})
    try:
        return _period(
            entry, entity, metrics().things.get(metric), column, clock, dt.date.min, Said()
        )
    except Wanted as problem:
        raise DataError(
            f"got the period {text!r} of {entity} {metric}; wanted {problem.wanted.split(': --')[0]}: "
            "write it as the table has it, such as 2025Q4 or 2025-12-01/2026-02-28"
        ) from None


def _stated(entry: Entry) -> Length | None:
    """Return how long a period is said to be by its line, or by what stands above or beside its header.

    Raises
    ------
    Wanted
        If a cell that should say so says something else.
    """
    cell = entry.cells.get("length", NOTHING)
    if cell.fault:
        raise Wanted("length", cell.text, f"a length, and its cell holds {cell.fault}")
    if cell.text and plain(cell.text) not in _INSTANTS and not numerals.is_empty(cell.text):
        if said := length_code(cell.text):
            return said
        wanted = "how long the period is: quarterly, annual, or a count of months"
        raise Wanted("length", cell.text, wanted)
    if entry.cells.get("period", NOTHING).kind == YEAR:
        return Length(12, "a day that is shown as a year")
    over, head = entry.heads
    for one in entry.beside:
        if not one.period and (said := _length_beside(one.cell.text)):
            return said
    # A column that is called by its metric says nothing of its periods: "Annual recurring revenue".
    label = entry.cells.get("metric", NOTHING).text
    texts = (entry.span, "" if label and head.startswith(label) else head, over)
    return next(filter(None, map(length_said, texts)), None)


def _length_beside(text: str) -> Length | None:
    return length_said(text) or period_words.length_word(text)


_INSTANTS = frozenset({"instant", "pointintime", "spot", "asof", "daily", "day"})
"""What a column of lengths says of a day that ends nothing."""

_KINDS: Mapping[int, str] = {1: "month", 3: "quarter", 12: "year"}


def _kind_of(length: Length, text: str, metric: Metric | None) -> str:
    """Return which kind of period has a length.

    Raises
    ------
    Wanted
        If no row of the metric has it.
    """
    kind = _KINDS.get(length.months, "")
    if kind and (kind != "month" or metric is None or kind in metric.lengths):
        return kind
    how_long = f"{length.months} month(s)" if length.months else "the year to its day"
    raise Wanted(
        "period", text,
        f"a quarter or a year, and {length.text!r} says that it is {how_long}, which no row can be: "
        "take the earlier quarters off, or leave these figures out",
    )  # fmt: skip


def _from(start: Cell, one: Spelled, column: Column, first_day: dt.date) -> str:
    """Return the period from a first day to a last one, or to the end of a month.

    Raises
    ------
    Wanted
        If the first day is none, or the two make no quarter and no year.
    """
    order = column.orders["period"]
    if start.fault:
        raise Wanted("start", start.text, f"a day, and its cell holds {start.fault}")
    if start.kind == TEXT and period_words.needs_order(start.text) and not order:
        raise Wanted("start", start.text, _ORDER)
    first = period_words.day_of(start.text, order) or period_words.serial_day(start.text, first_day)
    if first is None:
        raise Wanted("start", start.text, "the first day of the period, such as 2026-04-01")
    last = one.day or _last_of(one)
    days = (last - first).days + 1
    name = one_spelling(f"{first.isoformat()}/{last.isoformat()}") if days > 0 else ""
    if not name or length_of(name) not in ("day", "month", "quarter", "year"):
        raise Wanted(
            "period", name or f"{first.isoformat()}/{last.isoformat()}",
            f"a quarter or a year, and these are {days} days, which no row can be: take the earlier "
            "quarters off, or leave these figures out",
        )  # fmt: skip
    return name


def _days_of(
    one: Spelled,
    text: str,
    entry: Entry,
    entity: str,
    metric: Metric | None,
    clock: Calendar,
) -> str:
    rule, heads, stated = clock.rule(entity), entry.heads, _stated(entry)
    if one.kind == "months":
        _kind_of(Length(one.number, text), text, None)
    if one.kind in ("quarter", "year"):
        loose = clock.contrary(one.kind)
        # "FY25" may stand among the quarters of a quarterly table, and no line of a quarter is a year.
        among = one.kind == "year" and not entry.cells.get("length", NOTHING).text
        if (said := stated or loose) and not (among and said.months == 3 and one.day is None):
            _agrees(said, one.kind, text)
    if one.day is not None or one.kind == "month":
        return _ending(one, text, entry, metric, clock, rule)
    whose = clock.whose(one, heads)
    # The schema's own spelling in a column of its own name is the schema's: of the calendar.
    schema = re.fullmatch(r"\d{4}(Q[1-4])?", text) and heads[0].lower() == "period"
    if not whose and rule not in ("", fiscal.CALENDAR) and not schema:
        raise Wanted(
            "period", text,
            f"whose {one.kind} it is, since a fiscal year of {entity} is no calendar year: "
            "--quarters fiscal or --quarters calendar",
        )  # fmt: skip
    if schema and not one.whose and not clock.reading.quarters:
        whose = CALENDAR_YEAR
    if whose == FISCAL and not rule:
        raise Wanted(
            "period", text,
            f"the end of the fiscal year of {entity}: --fiscal-year-end {_quoted(f'{entity}=06-30')}",
        )  # fmt: skip
    used = rule if whose == FISCAL else fiscal.CALENDAR
    if one.kind == "year":
        return fiscal.period_name(fiscal.fiscal_year(used, one.year))
    return fiscal.period_name(fiscal.fiscal_quarter(used, one.year, one.number))


def _agrees(said: Length, kind: str, text: str) -> None:
    """Refuse a quarter or a year that is said to have another length."""
    if _kind_of(said, text, None) != kind:
        raise Wanted(
            "period",
            text,
            f"a period as long as {said.text!r} says, or no word of that: write "
            "the period that the number is of (--map THEIRS=note keeps a column as a remark)",
        )


def _ending(
    one: Spelled, text: str, entry: Entry, metric: Metric | None, clock: Calendar, rule: str
) -> str:
    """Return the period that ends on a day or in a month.

    It is as long as its cell, its line, a header or a title says, or else as the metric's periods are.
    """
    lengths = metric.lengths if metric else ("day", "month")
    plain_name = one.day.isoformat() if one.day else f"{one.year}-{one.number:02d}"
    if metric and one.kind in ("day", "month") and one.kind in lengths:
        return plain_name
    used, year = rule or fiscal.CALENDAR, one.day.year if one.day else one.year

    def ends(last: dt.date) -> bool:
        return last == one.day if one.day else (last.year, last.month) == (one.year, one.number)

    said = _stated(entry) or length_header(entry.heads[0]) or clock.length
    if one.kind in ("quarter", "year"):
        length = one.kind
    elif said is not None:
        length = _kind_of(said, text, metric)
    elif one.kind in lengths:
        return plain_name
    else:
        ends_year = fiscal.year_that(used, year, ends) is not None
        length = _unsaid(text, entry, lengths, clock, ends_year)
    if length == "day":
        raise Wanted(
            "period", text,
            f"the day on which it stood, such as {_last_of(one).isoformat()}: "
            "this metric has no months",
        )  # fmt: skip
    if length == "month":
        if one.day is None or (one.day + dt.timedelta(days=1)).day == 1:
            return plain_name[:7]
        _no_end(text, "month", rule)
    span = (fiscal.year_that if length == "year" else fiscal.quarter_that)(used, year, ends)
    return fiscal.period_name(span) if span else _no_end(text, length, rule, said)


def _unsaid(
    text: str, entry: Entry, lengths: Sequence[str], clock: Calendar, ends_year: bool
) -> str:
    """Return how long a period is of which only the end is known: as those of its metric are.

    Raises
    ------
    Wanted
        If dates are a year apart, as those of years are, or the metric has quarters and years.
    """
    apart = "quarter" in lengths and _years_apart(clock.ends.get(_row_of(entry), ()))
    several = [repr(said.text) for said in clock.lengths] if "quarter" in lengths else []
    if apart or len(several) > 1 or (ends_year and {"quarter", "year"} <= set(lengths)):
        why = "these dates are a year apart" if apart else "it is told of quarters and of years"
        why = f"what stands above says {' and '.join(several)}" if len(several) > 1 else why
        raise Wanted(
            "period", text,
            f"how long the period is that ends then, since {why}: write the quarter or the year, "
            "2025Q4 or 2025, or 'Quarter ended' or 'Year ended' over the dates",
        )  # fmt: skip
    return lengths[0]


def _no_end(text: str, length: str, rule: str, said: Length | None = None) -> NoReturn:
    why = f", since {said.text!r} says how long it is" if said else ""
    whose = (
        f"with a fiscal year that ends on {rule}"
        if rule
        else "of the calendar (or say --fiscal-year-end)"
    )
    raise Wanted("period", text, f"the end of a {length} {whose}, or the {length} itself{why}")


def _reported(cell: Cell, order: str, first_day: dt.date, said: Said) -> str:
    """Return a day as the table writes it; what is none is left for the check of the table.

    Raises
    ------
    Wanted
        If it could be two days.
    """
    text = cell.text.strip()
    if cell.fault:
        raise Wanted("reported_on", text, f"a day, and its cell holds {cell.fault}")
    if (
        cell.kind == TEXT
        and period_words.needs_order(period_words.without_time(text))
        and not order
    ):
        raise Wanted("reported_on", text, _ORDER)
    # A moment lies on the day that it names, wherever that is.
    day = period_words.day_of(period_words.without_time(text), order)
    if day is None and (serial := period_words.serial_day(text, first_day)):
        said.add("days written as a spreadsheet's numbers", f"{text} -> {serial.isoformat()}")
        day = serial
    if day is None:
        return text
    if cell.kind == TEXT and day.isoformat() != text:
        said.add("days read", f"{text} -> {day.isoformat()}")
    return day.isoformat()


# --- a row -----------------------------------------------------------------------------------
@dataclasses.dataclass(frozen=True)
class Reader:
    """All that decides how an entry becomes a row.

    Attributes
    ----------
    entities, metrics
        Who knows the names.
    column
        How numbers and days are written.
    clock
        What decides which days a period is.
    given
        What is said for all rows, by column.
    first_day
        The day that a workbook counts as 0.
    said
        Takes the notes.
    """

    entities: Namer
    metrics: Namer
    column: Column
    clock: Calendar
    given: Mapping[str, str]
    first_day: dt.date
    said: Said

    def row(self, entry: Entry) -> tuple[dict[str, str] | None, list[Problem]]:
        """Return an entry as a row of text, or None if it holds no figure, and what is wrong with it."""
        value = entry.cells.get("value", NOTHING)
        period = entry.cells.get("period", NOTHING)
        label, unit_text = self._label(entry)
        ranged = self._ranged(entry, label)
        ends = [entry.cells.get(c, NOTHING) for c in RANGE] if ranged else []
        if all(
            not c.fault and c.kind == TEXT and numerals.is_empty(c.text) for c in (value, *ends)
        ):
            self.said.add("left out, without a number", _place(entry, value))
            return None, []
        if plain(self._cell(entry, "entity").text) in _SUMS:
            self.said.add("left out, sums and the like", entry.cells["entity"].text)
            return None, []
        one = period_words.spelled(period.text)
        if one is not None and one.estimate and not ranged:
            self.said.add("left out, marked as estimates", period.text)
            return None, []
        problems: list[Problem] = []

        def take[T](read: Callable[[], T], otherwise: T) -> T:
            try:
                return read()
            except Wanted as problem:
                where = (
                    f" (cell {entry.place})" if entry.place and problem.column == "value" else ""
                )
                got = f"{problem.got}{where}".strip()
                problems.append(Problem(entry.line, problem.column, got, problem.wanted))
                return otherwise

        entity = take(lambda: self.entities.name(self._cell(entry, "entity"), self.said), "")
        fault = self._cell(entry, "metric").fault
        metric = take(lambda: self.metrics.name(Cell(label, fault=fault), self.said), "")
        known = metrics().things.get(metric)
        figure = take(lambda: self._figure(entry, ranged), _Figure(0.0, ""))
        given, words = self.given.get("unit", ""), figure.words
        worded = dataclasses.replace(entry, cells={"value": Cell(words), **entry.cells})
        unit, factor = take(lambda: _unit(worded, words, unit_text, known, given), ("", 1.0))
        row = {c: take(partial(_text, c, self._cell(entry, c)), "") for c in self._columns(entry)}
        around = (
            text for text in (row.get("unit", ""), unit_text, *entry.units) if unit_words(text)
        )
        theirs = words or next(around, "")
        if unit and theirs and theirs != unit:
            self.said.add("units read", f"{theirs} -> {unit}")
        row |= {"entity": entity, "metric": metric, "unit": unit}
        row["value"] = repr(figure.value * factor) if factor != 1.0 else repr(figure.value)
        # Without a company there is no fiscal year, and one problem is enough.
        row["period"] = (
            ""
            if problems
            else take(
                lambda: _period(
                    entry, entity, known, self.column, self.clock, self.first_day, self.said
                ),
                "",
            )
        )
        for other in () if problems else entry.beside:
            take(partial(self._check_beside, other, entry, row, known), None)
        row["reported_on"] = take(
            lambda: _reported(
                self._cell(entry, "reported_on"), self.column.orders["reported_on"],
                self.first_day, self.said,
            ), "",
        )  # fmt: skip
        row["confidence"] = row.get("confidence", "").upper()
        row["qualifier"] = figure.qualifier if ranged else row.get("qualifier", "").lower()
        row |= dict.fromkeys(set(RANGE) & set(row), "")
        if figure.ends is not None:
            row |= {c: repr(v * factor) for c, v in zip(RANGE, figure.ends, strict=True)}
        elif not ranged and any(entry.cells.get(c, NOTHING).text for c in RANGE):
            self.said.add(
                "low and high, which only guidance and ranges have, were not read", metric
            )
        return row, list(dict.fromkeys(problems))

    def _check_beside(
        self, one: Beside, entry: Entry, row: Mapping[str, str], metric: Metric | None
    ) -> None:
        """Refuse a cell beside a figure that changes what the figure is.

        Raises
        ------
        Wanted
            If it is none of what changes nothing.
        """
        text = one.cell.text
        if one.period:
            if self._same_period(one, entry, row, metric):
                return
            raise Wanted(
                one.header, text,
                f"the period that its line has elsewhere, {row['period']}: put what both say in one "
                f"column, such as Q4 2026; --map {_quoted(f'{one.header}=note')} keeps it as a remark",
            )  # fmt: skip
        if one.remark:
            if self.metrics.known(row["metric"]) and guided(row["metric"]):
                return
            raise Wanted(
                one.header, text,
                f"nothing in the column {one.header!r} that says it is no report of the company: leave "
                f"such lines out, or give them a metric of their own; "
                f"--map {_quoted(f'{one.header}={one.remark}')} keeps it as a remark",
            )  # fmt: skip
        same = row["entity"] == self.entities.known(text) or row["metric"] == self.metrics.known(
            text
        )
        if same or is_harmless(one.cell):
            return
        column = f"the column {one.header!r}" if one.header else "a column without a header"
        keep = f"; --map {_quoted(f'{one.header}=note')} keeps it as a remark" if one.header else ""
        if said := _length_beside(text):
            with contextlib.suppress(DataError):
                kind = length_of(row["period"])
                if kind in ("quarter", "year") and _KINDS.get(said.months) != kind:
                    raise Wanted(
                        one.header or "beside", text,
                        f"the length of {row['period']} in {column}, a {kind}: write the period "
                        f"that the number is of{keep}",
                    )  # fmt: skip
            return
        raise Wanted(
            one.header or "beside", text,
            f"nothing in {column} that makes it another number than the company's own: leave such lines "
            f"out, or give them a metric of their own{keep}",
        )  # fmt: skip

    def _same_period(
        self, one: Beside, entry: Entry, row: Mapping[str, str], metric: Metric | None
    ) -> bool:
        """Return whether a second period of a line is its first, or holds it, or lies within."""
        try:
            mine = period_days(row["period"])
        except DataError:  # the check of the table says so
            return True
        bare = one.cell.text if re.fullmatch("[1-4]", one.cell.text) else "0"
        if quarter := quarter_alone(one.cell.text) or int(bare):
            rules = {fiscal.CALENDAR, self.clock.rule(row["entity"]) or fiscal.CALENDAR}
            years = range(mine[0].year - 1, mine[1].year + 2)
            return mine in (fiscal.fiscal_quarter(r, y, quarter) for r in rules for y in years)
        if said := length_code(one.cell.text):
            return _KINDS.get(said.months) == length_of(row["period"])
        there = {c: v for c, v in entry.cells.items() if c not in ("length", "start")}
        other = dataclasses.replace(
            entry, cells={**there, "period": one.cell}, heads=(one.header, ""), beside=()
        )
        for whose in ("", FISCAL, CALENDAR_YEAR):
            reading = self.clock.reading
            clock = dataclasses.replace(
                self.clock, reading=dataclasses.replace(reading, quarters=whose or reading.quarters),
                ends={},
            )  # fmt: skip
            with contextlib.suppress(Wanted, DataError):
                name = _period(
                    other, row["entity"], metric, self.column, clock, self.first_day, Said()
                )
                first, last = period_days(name)
                if first <= mine[0] <= mine[1] <= last or mine[0] <= first <= last <= mine[1]:
                    return True
        return False

    def _ranged(self, entry: Entry, label: str) -> bool:
        """Return whether an entry is guidance, or is said to be a range: then words are read too."""
        metric = self.metrics.known(label) or re.sub(r"[\s-]+", "_", _without_marks(label).lower())
        return (
            bool(guided(metric)) or self._cell(entry, "qualifier").text.strip().lower() == "range"
        )

    def _figure(self, entry: Entry, ranged: bool) -> _Figure:
        """Return an entry's number with the words about it, and the ends of its range.

        Raises
        ------
        Wanted
            If it is none, could be two, or does not agree with itself.
        """
        value = entry.cells.get("value", NOTHING)
        if not ranged:
            return _Figure(*_number(value, self.column, self.said))
        ends = [entry.cells.get(column, NOTHING) for column in RANGE]
        return _statement(value, ends, self._cell(entry, "qualifier").text, self.column, self.said)

    def _columns(self, entry: Entry) -> list[str]:
        return [c for c in dict.fromkeys((*entry.cells, *self.given)) if c not in UNKEPT]

    def _cell(self, entry: Entry, column: str) -> Cell:
        cell = entry.cells.get(column, NOTHING)
        return cell if cell.text or cell.fault else Cell(self.given.get(column, ""))

    def _label(self, entry: Entry) -> tuple[str, str]:
        """Return the metric's name as it is written, and the unit that stands with it."""
        text = self._cell(entry, "metric").text
        name, unit = split_unit(text)
        # Names are compared without signs: "Revenue (€)" is known, and its currency must not be lost.
        whole = not self.metrics.known(name) and self.metrics.known(text)
        return (text, "") if whole else (name, unit)


UNKEPT = ("currency", "scale", "length", "start")
"""What cells say of a unit or a period, and no column of the schema keeps."""

_SUMS = frozenset({"total", "totals", "sum", "subtotal", "grandtotal", "average", "mean", "median"})
"""What stands in a column of companies and is none."""


def _text(column: str, cell: Cell) -> str:
    """Return the text of a cell in a column that has no reading of its own.

    Raises
    ------
    Wanted
        If nothing can be read from it.
    """
    if cell.fault and column not in ("entity", "metric", "period", "value", "reported_on"):
        raise Wanted(column, cell.text, f"some text, and its cell holds {cell.fault}")
    return cell.text.strip()


def _place(entry: Entry, value: Cell) -> str:
    return (f"cell {entry.place}" if entry.place else f"line {entry.line}") + (
        f" {value.text!r}" if value.text else ""
    )
