"""Where the figures of a sheet stand: a line each, or in columns of quarters or of metrics.

Invariant: every cell that holds something is part of an entry, or is named in a note. Nothing is read
here beyond headers; what the cells mean is decided in :mod:`forecast.tables.desk.user_rows`.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Mapping, Sequence

from forecast.core.errors import DataError
from forecast.core.text import one_line, shortened
from forecast.core.words import COLUMNS, KEY, OPTIONAL_COLUMNS
from forecast.tables.cells import (
    NOTHING,
    NUMBER,
    TEXT,
    Cell,
    Lines,
    Sheet,
    column_name,
    shown_period,
)
from forecast.tables.desk.beside import (
    Beside,
    beside,
    changes_figures,
    is_quarter_of_year,
    says_no_report,
)
from forecast.tables.desk.period_words import (
    DAY_FIRST,
    length_word,
    needs_order,
    order_told_by,
    quarter_alone,
    says_only_length,
    spelled,
)
from forecast.tables.desk.unit_words import split_unit, title_unit, unit_words

SYNONYMS: Mapping[str, tuple[str, ...]] = {
    "entity": ("ticker", "company", "symbol", "name", "firm", "issuer", "companyname"),
    "metric": ("item", "measure", "series", "line", "lineitem", "variable", "concept", "kpi",
               "metricname"),
    "period": ("quarter", "fiscalquarter", "calendarquarter", "fiscalperiod", "year", "fiscalyear",
               "calendaryear", "calendarperiod", "qtr", "periodend", "periodending", "periodended",
               "quarterend", "quarterending", "quarterended", "yearend", "yearending", "yearended",
               "fiscalyearend", "fiscalyearending", "fiscalyearended", "fy", "fye", "enddate",
               "periodenddate"),
    "value": ("amount", "figure", "number", "val", "values", "amounts", "reportedvalue", "actual",
              "midpoint", "guidancemidpoint"),
    "unit": ("units", "unitofmeasure", "uom"),
    "reported_on": ("reported", "reportdate", "reportedon", "reportingdate", "filed", "filingdate",
                    "published", "releasedate", "announced", "datereported", "earningsdate",
                    "publicationdate", "released", "issued", "issuedon", "guidancedate", "saidon"),
    "source": ("reference", "document", "filing", "link", "url"),
    "confidence": ("grade", "quality"),
    "qualifier": ("hedge", "bound"),
    "low": ("lowend", "lowerend", "rangelow", "guidancelow", "lowguidance", "lower", "min", "minimum"),
    "high": ("highend", "upperend", "rangehigh", "guidancehigh", "highguidance", "upper", "max",
             "maximum"),
    "printed": ("asprinted",),
    "note": ("notes", "comment", "comments", "remark", "remarks"),
    "currency": ("ccy", "cur", "reportingcurrency"),
    "scale": ("multiplier", "magnitude", "scaling"),
    "length": ("frequency", "freq", "periodtype", "periodicity", "reportingfrequency", "months",
               "numberofmonths", "noofmonths", "durationmonths", "duration", "periodlength",
               "periodmonths", "timeframe"),
    "start": ("periodstart", "periodstartdate", "startdate", "startofperiod", "periodbegin",
              "periodbeginning", "begin", "begins", "quarterstart", "yearstart"),
}  # fmt: skip
"""Header names of other people's files, in lower case, without spaces and signs. Of the last four none
is a column of the schema: a currency and a scale make a unit, a length or a first day a period."""

_NAMED = (*COLUMNS, *OPTIONAL_COLUMNS, "currency", "scale", "length", "start")

MOST_TITLES = 40
"""So many lines may stand above the header."""

_SECTIONS = frozenset({
    "incomestatement", "cashflow", "cashflows", "cashflowstatement", "cashflowitems", "balancesheet",
    "segments", "segment", "keyfigures", "highlights", "kpis", "other", "memo", "profitandloss", "pandl",
    "financials", "results", "summary", "metrics", "quarterly", "annual", "notes", "source", "sources",
})  # fmt: skip
"""Headings within a table that name no company."""


_OF_COLUMNS = (
    "reported_on",
    "source",
    "unit",
    "confidence",
    "qualifier",
    "note",
    "length",
    "start",
)
"""What a line of a table of quarters may say of its columns."""


@dataclasses.dataclass(frozen=True)
class Entry:
    """A figure as a sheet has it.

    Attributes
    ----------
    line
        Its line.
    cells
        By column of the schema (and ``currency``, ``scale``, ``length``, ``start``), what stands for
        it; ``value`` is its own.
    units
        What headers and titles say of its unit, the nearest first.
    heads
        The header of its period (in a table of quarters as columns that of the column of metrics), and
        that under which its value stands.
    place
        The cell of its value, such as ``C5``, where quarters are columns or nothing can be read from it;
        empty where the line says enough.
    span
        Where quarters are columns, what stands above the header of its own, such as ``Three Months Ended
        June 30,``.
    columns
        Where quarters are columns, the headers of all of them.
    beside
        What stands in its line in columns that are not read and may change what it is.
    """

    line: int
    cells: Mapping[str, Cell]
    units: tuple[str, ...]
    heads: tuple[str, str]
    place: str
    span: str = ""
    columns: tuple[Cell, ...] = ()
    beside: tuple[Beside, ...] = ()


@dataclasses.dataclass(frozen=True)
class Layout:
    """What a sheet holds.

    Attributes
    ----------
    entries
        In the order of the sheet.
    columns
        The file's header names by the schema's.
    unused
        The file's header names that were passed over.
    titles
        The texts above the header.
    notes
        What was left out, and how the table was taken.
    footers
        The texts in lines without a figure.
    """

    entries: tuple[Entry, ...]
    columns: Mapping[str, str]
    unused: tuple[str, ...]
    titles: tuple[str, ...]
    notes: tuple[str, ...]
    footers: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class Known:
    """How to tell a company and a metric by a text, and what headers the user named.

    Attributes
    ----------
    company, metric
        Whether a text is the name of one.
    renamed
        The schema's name by the file's.
    order
        Of days in numbers, if stated.
    """

    company: Callable[[str], bool]
    metric: Callable[[str], bool]
    renamed: Mapping[str, str]
    order: str = ""


def plain(name: str) -> str:
    """Return a header in lower case, without spaces and signs."""
    return re.sub(r"[^a-z0-9]", "", name.lower())


def column_of(header: str, renamed: Mapping[str, str]) -> str:
    """Return the schema's name of a header, or nothing; a unit in it does not matter.

    Examples
    --------
    >>> column_of("Amount (USD m)", {}), column_of("Fiscal Quarter", {}), column_of("Colour", {})
    ('value', 'period', '')
    """
    if header in renamed:
        return renamed[header]
    for text in (header, split_unit(header)[0]):
        for ours in _NAMED:
            if plain(text) and (plain(text) == plain(ours) or plain(text) in SYNONYMS[ours]):
                return ours
    return ""


def layout(sheet: Sheet, known: Known, name: str) -> Layout:
    """Find the header of a sheet and return its figures.

    Raises
    ------
    DataError
        If a header could mean two things, or the user's names of headers are not there.
    """
    lines = [(n, _once(cells)) for n, cells in sheet.lines]
    at, years = _header(lines, known)
    titles = tuple(dict.fromkeys(c.text for _, row in lines[:at] for c in row if c.text))
    header = lines[at][1]
    if years:
        titles = tuple(dict.fromkeys(c.text for _, row in lines[: at - 1] for c in row if c.text))
        lines[at] = (lines[at][0], header := _with_years(header, lines[at - 1][1], name))
    lines[at:] = _with_year_column(lines[at:])
    header = lines[at][1]
    _check_names(header, known.renamed, name)
    periods = _period_columns(header, known.order)
    roles = _named_metrics(_roles(header, known, name, periods), header, lines[at + 1 :], known)
    notes = (
        [f"above the table: {one_line([repr(shortened(t, 60)) for t in titles], 4)}"]
        if titles
        else []
    )
    corner = next((k for k, column in roles.items() if column == "period"), -1)
    of_days = len(periods) >= 2 and all(_is_end(c) for c in periods.values())
    within = len(periods) >= 2 and corner > min(periods)
    if corner >= 0 and (of_days or within) and "value" not in roles.values():
        # "Quarter ended" beside days says what these are, and "FY" among quarters is one more sum.
        del roles[corner]
    if not {"value", "period"} & set(roles.values()) and periods:
        above = [row for _, row in lines[max(0, at - years - 3) : at - years]]
        return _wide(lines[at:], known, titles, notes, above, name)
    melted = _metric_columns(header, roles, known)
    return _long(lines[at:], roles, melted, titles, notes, name, known)


def _once(cells: list[Cell]) -> list[Cell]:
    """Return a line's cells; of a text that was merged over the whole line only the first."""
    held = [c for c in cells if c != NOTHING]
    if len(held) > 2 and len(set(held)) == 1 and held[0].kind != NUMBER:
        at = cells.index(held[0])
        return cells[: at + 1]
    return cells


# --- the header ------------------------------------------------------------------------------
def _header(lines: Lines, known: Known) -> tuple[int, bool]:
    """Return which line is the header, and whether the years stand in the line above it."""
    for at, (_, cells) in enumerate(lines[:MOST_TITLES]):
        ours = {column_of(c.text, known.renamed) for c in cells if c.kind != NUMBER} - {""}
        periods = _period_columns(cells, known.order)
        metrics = any(known.metric(split_unit(c.text)[0]) for c in cells if c.text)
        if len(ours) >= 2 or len(periods) >= 2 or (ours and (periods or metrics)):
            above = lines[at - 1][1] if at else []
            follows = lines[at + 1][1] if at + 1 < len(lines) else []
            if _bare_quarters(follows) >= 2 and _is_years(cells):
                return at + 1, True
            return at, bool(_bare_quarters(cells) >= 2 and _is_years(above))
        if at and _bare_quarters(cells) >= 2 and _is_years(lines[at - 1][1]):
            return at, True
    return 0, False


def _bare_quarters(cells: Sequence[Cell]) -> int:
    return sum(1 for c in cells if quarter_alone(c.text))


def _is_years(cells: Sequence[Cell]) -> bool:
    found = [spelled(c.text) for c in cells if c.text]
    return any(one is not None and one.kind == "year" for one in found)


def _check_years(header: Sequence[Cell], years: Sequence[Cell], name: str) -> None:
    """Refuse years that do not stand above, or left of, the first of their quarters.

    Raises
    ------
    DataError
        If a quarter stands left of all years, or those of one year are in no order.
    """
    groups: list[tuple[str, list[int]]] = [("", [])]
    for k, cell in enumerate(header):
        above = _at(years, k).text
        one = spelled(above)
        if one is not None and one.kind == "year" and above != groups[-1][0]:
            groups.append((above, []))
        if quarter := quarter_alone(cell.text):
            groups[-1][1].append(quarter)
    for year, quarters in groups:
        shown = one_line([f"Q{quarter}" for quarter in quarters])
        got = f"{shown} under {year}" if year else f"{shown} left of the first year, {groups[1][0]}"
        ordered = quarters in (sorted(set(quarters)), sorted(set(quarters), reverse=True))
        if (quarters and not year and len(groups) > 1) or not ordered:
            raise DataError(
                f"{name}: got {got}; wanted each year above the first of its quarters, which follow in "
                "order: move the years there, or write Q1 2025 in each header"
            )


def _with_years(header: Sequence[Cell], years: Sequence[Cell], name: str) -> list[Cell]:
    """Return a header of quarters with the year that stands above each, or left of that."""
    _check_years(header, years, name)
    merged, year = [], ""
    for k, cell in enumerate(header):
        above = years[k].text if k < len(years) else ""
        one = spelled(above)
        is_year = one is not None and one.kind == "year"
        year = above if is_year else year
        quarter = quarter_alone(cell.text)
        if not quarter and cell == NOTHING and k < len(years) and not is_year:
            cell = years[k]  # what names a column may stand in either of the two lines
        merged.append(Cell(f"Q{quarter} {year}") if quarter and year else cell)
    return merged


_YEAR_COLUMNS = ("year", "fiscalyear", "calendaryear", "fy")
_QUARTER_COLUMNS = (
    "quarter", "fiscalquarter", "calendarquarter", "qtr", "fiscalqtr", "fqtr", "fq", "q",
    "quarternumber", "quarterno", "qtrnumber",
)  # fmt: skip
_MONTH_COLUMNS = ("month", "monthnumber", "mon")


def _with_year_column(lines: Lines) -> Lines:
    """Return a table with a column of years and one of quarters, or months, as one with one column.

    Which month of a fiscal year is meant nobody says: there the two columns stay.
    """
    header = lines[0][1]
    names = [plain(c.text) for c in header]
    years = [k for k, name in enumerate(names) if name in _YEAR_COLUMNS]
    quarters = [k for k, name in enumerate(names) if name in _QUARTER_COLUMNS]
    if not quarters:  # under any other name it is told by its cells
        free = [k for k, name in enumerate(names) if name and k not in years]
        quarters = [
            k
            for k in free
            if column_of(header[k].text, {}) in ("", "period", "length")
            and (texts := {text for _, row in lines[1:] if (text := _at(row, k).text)})
            and any(map(quarter_alone, texts))
            and all(quarter_alone(text) or _is_year_long(text) for text in texts)
        ]
    months = [k for k, name in enumerate(names) if name in _MONTH_COLUMNS]
    if len(years) == len(months) == 1 and not quarters and not names[years[0]].startswith("f"):
        return _with_months(lines, years[0], months[0])
    if len(years) != 1 or len(quarters) != 1:
        return lines
    at, of = quarters[0], years[0]
    whose = next((w for w in ("Fiscal", "Calendar") if w.lower() in names[at] + names[of]), "")
    joined: Lines = []
    for number, row in lines:
        cells = [*row, *[NOTHING] * (max(at, of) + 1 - len(row))]
        quarter = int(cells[at].text) if cells[at].text in "1234" and cells[at].text else 0
        quarter = quarter or quarter_alone(cells[at].text)
        if row is header:
            cells[at] = Cell(f"{whose} quarter".strip())
        elif quarter and cells[of].text:
            cells[at] = Cell(f"Q{quarter} {cells[of].text}")
        elif _is_year_long(cells[at].text) and cells[of].text:
            cells[at] = Cell(cells[of].text)
        elif cells[at] != NOTHING or cells[of] != NOTHING:
            return lines  # another kind of column: which is the period is asked
        cells[of] = NOTHING
        joined.append((number, cells))
    return joined


def _is_year_long(text: str) -> bool:
    said = length_word(text)
    return said is not None and said.months == 12


def _with_months(lines: Lines, of: int, at: int) -> Lines:
    """Return a table with a column of years and one of months as one with a column of both."""
    joined: Lines = []
    for number, row in lines:
        cells = [*row, *[NOTHING] * (max(at, of) + 1 - len(row))]
        year, month = cells[of].text, cells[at].text
        if row is lines[0][1]:
            cells[at] = Cell("Period")
        elif year and month:
            cells[at] = Cell(f"{year}-{month}" if month.isdecimal() else f"{month} {year}")
        elif year or month:
            return lines  # which is the period is asked
        cells[of] = NOTHING
        joined.append((number, cells))
    return joined


def _is_end(cell: Cell) -> bool:
    """Return whether a header is a day or a month, which is no more than where a period ends."""
    one = spelled(shown_period(cell))
    return needs_order(cell.text) or (one is not None and one.kind in ("day", "month"))


def _period_columns(cells: Sequence[Cell], order: str) -> dict[int, Cell]:
    """Return the cells of a header that are periods, of one kind, by their place."""
    told = order_told_by(c.text for c in cells)
    order = order or (told.pop() if len(told) == 1 else "")
    found: dict[int, tuple[str, Cell]] = {}
    for k, cell in enumerate(cells):
        text = shown_period(cell)
        if (
            not text
            or len(text) > 60
            or (cell.kind == NUMBER and not re.fullmatch(r"20\d\d", text))
        ):
            continue
        # A day whose order nobody told is one all the same; who reads it asks.
        one = spelled(text, order or (DAY_FIRST if needs_order(text) else ""))
        if one is not None:
            kind = "quarter" if one.kind == "span" else one.kind
            found[k] = (kind, cell)
    kinds = [kind for kind, _ in found.values()]
    if not kinds or (len(set(kinds)) > 1 and not set(kinds) <= {"quarter", "year", "months"}):
        return {}
    return {k: cell for k, (_, cell) in found.items()}


def _check_names(header: Sequence[Cell], renamed: Mapping[str, str], name: str) -> None:
    texts, ours = [c.text for c in header if c.text], (*COLUMNS, *OPTIONAL_COLUMNS)
    wrong = [t for t in renamed if t not in texts] + [o for o in renamed.values() if o not in ours]
    if wrong:
        raise DataError(
            f"{name}: cannot map {one_line(wrong)}; the file has {one_line(texts)}; "
            f"the schema has {one_line(ours)}"
        )
    matter = (t for t in texts if t in renamed or column_of(t, renamed) or spelled(t) is not None)
    twice = sorted({t for t in matter if texts.count(t) > 1})
    if twice:
        raise DataError(
            f"{name}: more than one column is called {one_line(twice)}; wanted a name of its own for "
            "each: if they are of several lengths, such as three and six months, keep the quarters, or "
            "the years, and take the others out"
        )


def _roles(
    header: Sequence[Cell], known: Known, name: str, periods: Mapping[int, Cell]
) -> dict[int, str]:
    """Return which column of the schema stands where."""
    roles: dict[int, str] = {}
    rivals: list[str] = []
    for column in _NAMED:
        free = [
            k
            for k, c in enumerate(header)
            if c.text and c.text not in known.renamed and k not in periods
        ]
        found = [
            [k for k, c in enumerate(header) if known.renamed.get(c.text) == column],
            [k for k in free if plain(header[k].text) == plain(column)],
            [k for k in free if plain(header[k].text) in SYNONYMS[column]],
            [k for k in free if column_of(header[k].text, {}) == column],
        ]
        best = next((f for f in found if f), [])
        if len(best) > 1:
            rivals.append(f"{one_line([header[k].text for k in best])} could each be {column}")
        elif best:
            roles[best[0]] = column
    if rivals:
        raise DataError(f"{name}: {'; '.join(rivals)}; say which with --map THEIRS=OURS")
    return roles


def _named_metrics(
    roles: dict[int, str], header: Sequence[Cell], body: Lines, known: Known
) -> dict[int, str]:
    """Return the roles of columns; a column called "name" is of metrics if those stand in it."""
    at = next((k for k, column in roles.items() if column == "entity"), -1)
    if at < 0 or "metric" in roles.values() or plain(header[at].text) != "name":
        return roles
    names = [split_unit(text)[0] for _, row in body if (text := _at(row, at).text)]
    if any(map(known.company, names)) or not any(map(known.metric, names)):
        return roles
    return {**roles, at: "metric"}


def _metric_columns(
    header: Sequence[Cell], roles: Mapping[int, str], known: Known
) -> dict[int, Cell]:
    """Return the columns that are called by a metric, where no column is of values."""
    if {"value", "metric"} & set(roles.values()):
        return {}
    free = ((k, c) for k, c in enumerate(header) if c.text and k not in roles)
    return {k: c for k, c in free if known.metric(split_unit(c.text)[0])}


# --- a line a figure -------------------------------------------------------------------------
def _long(
    lines: Lines, roles: Mapping[int, str], melted: Mapping[int, Cell], titles: tuple[str, ...],
    notes: list[str], name: str, known: Known,
) -> Layout:  # fmt: skip
    header = lines[0][1]
    wide = [f"line {n} has {len(c)} cells" for n, c in lines[1:] if len(c) > len(header)]
    if wide:
        raise DataError(f"{name}: the header has {len(header)} cells, but {one_line(wide)}")
    at = {column: k for k, column in roles.items()}
    body, below = lines[1:], ""
    values = list(melted) or [at[c] for c in ("value",) if c in at]
    if body and (units := _units_row(body[0][1], values)):
        below, body = units, body[1:]
        notes.append(f"line {lines[1][0]} below the header was read as units: {below}")
    whole = body
    body, left = _without_footnotes(body, values, [at[c] for c in ("period",) if c in at])
    notes += left
    nameless = [
        n
        for n, c in body
        if any(cell != NOTHING and header[k] == NOTHING for k, cell in enumerate(c))
    ]
    if nameless:
        notes.append(f"cells under no header were not read: of line(s) {one_line(nameless)}")
    entries: list[Entry] = []
    # A column of our own name, or that the user named, is as whoever wrote it means it.
    remarks = [
        c
        for c in ("note", "source")
        if c in at and header[at[c]].text not in known.renamed and header[at[c]].text != c
    ]
    passed = [k for k in range(len(header)) if k not in roles and k not in melted]
    periods = [_at(row, at["period"]) for _, row in body] if "period" in at else []
    bare = {k for k in passed if is_quarter_of_year([_at(row, k) for _, row in body], periods)}
    asked = [
        k
        for k in passed
        if k in bare
        or column_of(header[k].text, {}) == "period"
        or changes_figures(header[k].text, (_at(row, k) for _, row in body))
    ]
    for number, row in body:
        others = tuple(
            beside(header[k].text, cell, column_of(header[k].text, {}) == "period" or k in bare)
            for k in asked
            if (cell := _at(row, k)) != NOTHING
        ) + tuple(
            Beside(header[at[c]].text, cell, remark=c)
            for c in remarks
            if says_no_report((cell := _at(row, at[c])).text)
        )
        cells = {column: row[k] if k < len(row) else NOTHING for column, k in at.items()}
        for k in values or [-1]:
            head = header[k].text if k >= 0 else ""
            label, unit = split_unit(head)
            own = dict(cells)
            if k >= 0:
                own["value"] = row[k] if k < len(row) else NOTHING
            if melted:
                if own["value"] == NOTHING:
                    continue
                own["metric"] = Cell(label)
            said = (unit if unit_words(unit) else "", below, *map(title_unit, titles))
            period = header[at["period"]].text if "period" in at else ""
            value = own.get("value", NOTHING)
            place = f"{column_name(k)}{number}" if value.fault and not value.text else ""
            entries.append(
                Entry(number, own, tuple(filter(None, said)), (period, head), place, beside=others)
            )
    columns = {column: header[k].text for column, k in at.items()}
    if melted:
        columns |= {"metric": one_line([c.text for c in melted.values()])}
        columns |= {"value": one_line([c.text for c in melted.values()])}
    unused = [header[k].text for k in passed if header[k].text]
    return Layout(tuple(entries), columns, tuple(unused), titles, tuple(notes), _lone_texts(whole))


def _lone_texts(lines: Lines) -> tuple[str, ...]:
    """Return the texts of lines that hold nothing else."""
    held = ([cell for cell in row if cell != NOTHING] for _, row in lines)
    return tuple(cells[0].text for cells in held if len(cells) == 1 and cells[0].kind == TEXT)


def _units_row(row: Sequence[Cell], values: Sequence[int]) -> str:
    """Return the unit that stands below the header, if all that the line holds are units."""
    held = [c.text for c in row if c != NOTHING]
    if held and all(unit_words(text) for text in held) and not any(c.kind == NUMBER for c in row):
        under = [row[k].text for k in values if k < len(row) and row[k].text]
        if under and len(set(under)) == 1:
            return under[0]
    return ""


def _without_footnotes(
    body: Lines, values: Sequence[int], periods: Sequence[int]
) -> tuple[Lines, list[str]]:
    """Return the lines that hold figures, and what to say of those with a text and no more."""
    kept: Lines = []
    left: list[str] = []
    for number, row in body:
        held = [k for k, cell in enumerate(row) if cell != NOTHING]
        lone = len(held) == 1 and held[0] not in (*values, *periods) and bool(row[held[0]].text)
        if lone and len(row) and values:
            left.append(f"line {number} {shortened(row[held[0]].text, 60)!r}")
        else:
            kept.append((number, row))
    return kept, [
        f"lines with a text and no figure were not read: {one_line(left, 4)}"
    ] if left else []


# --- quarters as columns ---------------------------------------------------------------------
@dataclasses.dataclass
class _Block:
    """Where a wide table is being read: what stood above the line."""

    header: list[Cell]
    periods: dict[int, Cell]
    roles: dict[int, str]
    label: int
    units: tuple[str, ...]
    spans: dict[int, str]
    corner: str
    asked: tuple[int, ...]
    """Columns that are not read and may change what figures are."""
    entity: Cell = NOTHING
    above: Cell = NOTHING
    said: dict[str, dict[int, Cell]] = dataclasses.field(default_factory=dict)
    """What lines such as "Report date" say of each column."""
    beneath: dict[int, Beside] = dataclasses.field(default_factory=dict)
    """What a line of periods below the header says of each column."""
    common: tuple[tuple[str, ...], dict[str, dict[int, Cell]]] = ((), {})
    """What was said of units and columns before the first company, and holds for all."""

    def enter(self, entity: Cell) -> None:
        """Go on to another company: what was said of the one before does not hold for it."""
        if NOTHING == self.entity == self.above:
            self.common = (self.units, dict(self.said))
        elif entity not in (self.entity, self.above):
            self.units, self.said = self.common[0], dict(self.common[1])


def _wide(
    lines: Lines, known: Known, titles: tuple[str, ...], notes: list[str], above: list[list[Cell]],
    name: str,
) -> Layout:  # fmt: skip
    of_titles = tuple(filter(None, map(title_unit, titles)))
    block = _block(lines[0][1], known, of_titles, None, lines[1:], above)
    first, entries, left = block, [], []
    _check_one_table(*lines[0], block, known, name)
    unused = _passed_over(block)
    nameless: list[int] = []
    notes.append(f"quarters or years as columns: {len(block.periods)} of them, {_span_text(block)}")
    for k, (number, row) in enumerate(lines[1:]):
        label = _at(row, block.label).text
        column = column_of(label, {})
        named = _named(row, block)
        if named != NOTHING:  # a company stands once, on the first of its lines
            block.enter(named)
            block.above = named
        if column in _OF_COLUMNS and _figures(row, block.periods):
            block.said[column] = {c: row[c] for c in block.periods if c < len(row)}
            continue
        # A company may be named in the first cell of the next header.
        periods = _period_columns(row, known.order)
        if len(periods) >= 2 and column != "period":
            block = _block(row, known, of_titles, block, lines[k + 2 :])
            _check_one_table(number, row, block, known, name)
        elif not _figures(row, block.periods):
            said = _heading(row, block, known, lines[k + 2 :])
            left += [f"line {number} {shortened(said, 60)!r}"] if said else []
        elif column == "period":
            left.append(f"line {number} {shortened(label, 60)!r}")
            block.beneath = {
                c: Beside(label, row[c], period=True)
                for c in block.periods
                if c < len(row) and row[c] != NOTHING
            }
        elif not label and (units := _units_row(row, list(block.periods))):
            block.units = (units, *of_titles)
        else:
            _check_one_table(number, row, block, known, name)
            nameless += [number] if _beyond(row, block) else []
            entries += _entries(number, row, block)
    if left:
        notes.append(f"lines with a text and no figure were not read: {one_line(left, 4)}")
    if nameless:
        notes.append(f"cells under no header were not read: of line(s) {one_line(nameless)}")
    columns = {
        column: first.header[k].text for k, column in first.roles.items() if first.header[k].text
    }
    columns |= {"period": _span_text(first), "value": _span_text(first)}
    # A line within the table that names a unit holds for those below it.
    last = max((entry.line for entry in entries), default=0)
    footers = _lone_texts([(number, row) for number, row in lines[1:] if number > last])
    return Layout(tuple(entries), columns, tuple(unused), titles, tuple(notes), footers)


def _at(row: Sequence[Cell], place: int) -> Cell:
    """Return the cell at a place of a line, which may end before it."""
    return row[place] if place < len(row) else NOTHING


def _named(row: Sequence[Cell], block: _Block) -> Cell:
    """Return what stands in the column of companies, if there is one."""
    found = [k for k, column in block.roles.items() if column == "entity" and k < len(row)]
    return row[found[0]] if found else NOTHING


def _span_text(block: _Block) -> str:
    texts = [c.text for c in block.periods.values()]
    return texts[0] if len(texts) == 1 else f"{texts[0]} to {texts[-1]}"


def _figures(row: Sequence[Cell], periods: Mapping[int, Cell]) -> bool:
    return any(k < len(row) and row[k] != NOTHING for k in periods)


def _passed_over(block: _Block) -> list[str]:
    taken = {*block.periods, *block.roles, block.label}
    return [c.text for k, c in enumerate(block.header) if c.text and k not in taken]


def _beyond(row: Sequence[Cell], block: _Block) -> bool:
    """Return whether a line holds something under no header."""
    taken = {*block.periods, *block.roles, block.label}
    return any(
        cell != NOTHING
        and k not in taken
        and (k >= len(block.header) or block.header[k] == NOTHING)
        for k, cell in enumerate(row)
    )


def _block(
    header: list[Cell], known: Known, titles: tuple[str, ...], before: _Block | None,
    below: Lines, above: Sequence[Sequence[Cell]] = (),
) -> _Block:  # fmt: skip
    """Return how to read the lines below a header of periods.

    The first cell of such a header names the column of metrics, the company, the unit, or says how long
    the periods are.
    """
    periods = _period_columns(header, known.order)
    own = _named_metrics(_roles(header, known, "header", periods), header, below, known)
    own = {k: column for k, column in own.items() if column != "period"}
    roles = own or (before.roles if before else {})
    labels = [k for k, column in roles.items() if column == "metric"]
    free = [k for k in range(min(periods)) if k not in roles]
    first = free[0] if free else min(periods)
    label = labels[0] if labels else _labels_in(free, below, known) if len(free) > 1 else first
    at = label
    if first not in (label, *periods) and (
        not _at(header, label).text or known.company(split_unit(_at(header, first).text)[0])
    ):
        at = first  # "META ($m)" stands over what is left of the metrics
    corner = _at(header, at).text if at not in periods else ""
    units, entity = titles, before.entity if before else NOTHING
    name, unit = split_unit(corner)
    if column_of(name, {}) == "period" or says_only_length(name):
        units = (unit, *titles) if unit else before.units if before else titles
    elif corner and at not in own and (at == label or unit or known.company(name)):
        if unit_words(corner):
            units = (corner, *titles)
        else:
            units = (unit, *titles) if unit else titles
            entity = Cell(name) if known.company(name) or before else entity
    elif before:
        units = before.units
    spans = {k: _span_above(k, min(periods), above) for k in periods}
    free = [k for k in free if k != label]
    passed = [k for k in range(len(header)) if k not in periods and k not in roles and k != label]
    asked = [
        k
        for k in passed
        if (k in free and not (header[k].text and header[k].text != corner))
        or changes_figures(header[k].text, (_at(row, k) for _, row in below))
    ]
    block = _Block(header, periods, dict(roles), label, units, spans, corner, tuple(asked), entity)
    # The columns of another header may lie elsewhere; where they do not, what holds for all still does.
    if before is not None and list(before.periods) == list(periods):
        if before.entity == NOTHING:
            block.said = dict(before.said)
            block.common = (units, dict(before.said))
        else:
            block.said = dict(before.said if entity == before.entity else before.common[1])
            block.common = before.common
    return block


def _check_one_table(
    number: int, row: Sequence[Cell], block: _Block, known: Known, name: str
) -> None:
    """Refuse a second table beside the first: what stands right of its labels is another's.

    Raises
    ------
    DataError
        If a company, a metric or the label of a line stands between columns of periods.
    """
    label = _at(row, block.label)
    for k in range(min(block.periods) + 1, max(block.periods)):
        cell = _at(row, k)
        if k in block.periods or cell.kind != TEXT or not cell.text:
            continue
        bare, unit = split_unit(cell.text)
        names = known.company(bare) or known.metric(bare) or column_of(bare, {}) in KEY[:2]
        if names or (row is block.header and unit) or cell.text == label.text:
            raise DataError(
                f"{name}: line {number}: got {cell.text!r} between columns of periods (cell "
                f"{column_name(k)}{number}), as where two tables stand side by side; wanted one table: "
                "put them below each other, or each on a sheet of its own"
            )


def _labels_in(free: Sequence[int], below: Lines, known: Known) -> int:
    """Return which of several columns holds the labels: that with most metrics that are known.

    "Reality Labs" may stand beside "Revenue", and is a part of the company.
    """
    names = {
        k: sum(known.metric(split_unit(_at(row, k).text)[0]) for _, row in below[:40]) for k in free
    }
    return max(free, key=lambda k: (names[k], -k))


def _span_above(k: int, first: int, above: Sequence[Sequence[Cell]]) -> str:
    """Return what stands above a period's header, or left of that: a text over several columns."""
    for row in reversed(above):
        held = [c.text for c in row[first : k + 1] if c.text and c.kind == TEXT]
        if held:
            return held[-1]
    return ""


def _heading(row: Sequence[Cell], block: _Block, known: Known, after: Lines) -> str:
    """Take what a line without figures says of those below it; return its text if it says nothing."""
    held = [c for c in row if c != NOTHING]
    text = held[0].text
    name, unit = split_unit(text)
    if len(held) > 1 or not text:
        return " | ".join(c.text for c in held)
    if block.roles.get(row.index(held[0])) == "entity":
        block.enter(held[0])
        block.above = held[0]
        return ""
    if unit_words(text):
        block.units = (text, *block.units)
        return ""
    followed = any(_figures(cells, block.periods) for _, cells in after)
    if (
        not followed
        or plain(name) in _SECTIONS
        or re.match(r"(?i)(notes?|sources?|\*|\(?\d\))\b", text)
    ):
        return text
    if known.metric(name) and not known.company(name):  # a line of the table that has no figure yet
        return text
    # Whether an unknown name is a company or a heading is for the reader of names: it asks.
    entity = Cell(name, fault="" if known.company(name) else "heading")
    block.enter(entity)
    block.entity, block.above = entity, NOTHING
    if unit:
        block.units = (unit, *block.units)
    return ""


def _entries(number: int, row: Sequence[Cell], block: _Block) -> list[Entry]:
    """Return the figures of a line of a wide table: one a period that holds something."""
    cells = {column: row[k] if k < len(row) else NOTHING for k, column in block.roles.items()}
    label = (
        row[block.label] if block.label < len(row) and block.label not in block.periods else NOTHING
    )
    if label != NOTHING:
        cells["metric"] = label
    if "entity" in cells:
        cells["entity"] = block.above
    elif block.entity != NOTHING:
        cells["entity"] = block.entity
    others = tuple(
        beside("" if (text := _at(block.header, k).text) == block.corner else text, cell)
        for k in block.asked
        if (cell := _at(row, k)) != NOTHING
    )
    found, columns = [], tuple(block.periods.values())
    for k, head in block.periods.items():
        value = row[k] if k < len(row) else NOTHING
        if value == NOTHING:
            continue
        more = {column: by[k] for column, by in block.said.items() if k in by and by[k] != NOTHING}
        own = {**more, **{c: v for c, v in cells.items() if v != NOTHING}}
        own |= {"period": head, "value": value}
        below = (block.beneath[k],) if k in block.beneath else ()
        found.append(
            Entry(
                number, own, tuple(block.units), (block.corner, head.text),
                f"{column_name(k)}{number}", block.spans[k], columns,
                (*others, *below),
            )
        )  # fmt: skip
    return found
