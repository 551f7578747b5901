"""A user's own spreadsheet of observations, however it writes its columns, numbers and quarters.

Invariant: what comes out went through :func:`forecast.tables.vintages.check_table`; where a header, a
number, a day, a quarter or a name could mean two things, it is asked and not guessed.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from forecast.core.errors import DataError
from forecast.core.problems import Problem, listed
from forecast.core.text import one_line, shortened
from forecast.core.words import COLUMNS, KEY, OPTIONAL_COLUMNS, RANGE, guided
from forecast.tables.cells import Cell, Sheet, read_sheet
from forecast.tables.desk.layout import Entry, Known, Layout, layout
from forecast.tables.desk.period_words import lengths_said
from forecast.tables.desk.titles import company_of, not_reported
from forecast.tables.desk.unit_words import combined, split_unit, title_unit, unit_name, unit_words
from forecast.tables.desk.user_rows import (
    Calendar,
    Namer,
    Reader,
    Reading,
    Said,
    column_of_numbers,
    ends_of,
    is_called,
    namers,
)
from forecast.tables.vintages import Table, check_table

DEFAULTS: Mapping[str, str] = {"confidence": "C", "qualifier": ""}
"""What a file that does not say is taken to say. Confidence is C, the lowest: a number whose grade
nobody stated has not been checked against its source; whoever has checked it says A or B."""

AS_IT_SAYS = Reading()
"""The reading of a file of which nothing is said: whatever its columns do not tell is asked."""


@dataclasses.dataclass(frozen=True)
class UserTable:
    """A user's file in the words of the schema.

    Attributes
    ----------
    rows
        The checked rows.
    columns
        The file's header names by the schema's names.
    unused
        The file's header names that were passed over.
    notes
        What a reader must know of how the file was read.
    """

    rows: Table
    columns: Mapping[str, str]
    unused: tuple[str, ...]
    notes: tuple[str, ...]


def read_user_table(
    path: str | Path,
    renamed: Mapping[str, str] | None = None,
    given: Mapping[str, str] | None = None,
    today: dt.date | None = None,
    reading: Reading = AS_IT_SAYS,
) -> UserTable:
    """Read a user's CSV or XLSX, whatever its columns are called, and check it.

    A line a figure, or quarters as columns, or metrics as columns; titles may stand above the table and
    notes below it.

    Parameters
    ----------
    path
        A CSV (comma, semicolon or tab; UTF-8) or an XLSX.
    renamed
        The schema's name by the file's, for headers that compete or that
        :data:`forecast.tables.desk.layout.SYNONYMS` does not know.
    given
        Values for columns that the file lacks or leaves empty, such as ``unit``.
    today
        The day on which rows come in: what is reported later is refused. Any day will do without.
    reading
        What the file leaves open: the decimal sign, the order of days, whose quarters, fiscal years, the
        sheet, names.

    Returns
    -------
    UserTable

    Raises
    ------
    DataError
        If the file cannot be read or lacks a column, or naming every bad row at once.
    """
    path = Path(path)
    sheet = read_sheet(path, reading.sheet)
    try:
        return _read(sheet, path, renamed or {}, {**DEFAULTS, **(given or {})}, today, reading)
    except DataError as error:
        # What was not read may be what is missing.
        raise DataError(str(error) + "".join(f"\n  {note}" for note in sheet.notes)) from None


def _read(
    sheet: Sheet, path: Path, renamed: Mapping[str, str], given: Mapping[str, str],
    today: dt.date | None, reading: Reading,
) -> UserTable:  # fmt: skip
    entities, metrics = namers(reading)
    known = Known(
        lambda text: bool(entities.known(text)),
        lambda text: bool(metrics.known(text)),
        renamed,
        reading.dates,
    )
    found = layout(sheet, known, str(path))
    said, notes = Said(), [*sheet.notes, *found.notes]
    if "entity" not in given:
        found = dataclasses.replace(found, entries=_once_each(found.entries, said))
    around, told = _around(found, sheet, path, given, entities, metrics)
    given, notes = {**given, **around}, [*notes, *told]
    _require(found, given, str(path))
    notes += _of_others(found.entries, given.get("entity", ""), entities, str(path))
    _agree(found.entries, given.get("unit", ""), str(path))
    column = column_of_numbers(found.entries, reading, sheet.mark)
    clock = Calendar(
        reading, " ".join(found.titles), lengths_said(" | ".join([*found.titles, sheet.title])),
        ends_of(found.entries, column, sheet.first_day),
    )  # fmt: skip
    reader = Reader(entities, metrics, column, clock, given, sheet.first_day, said)
    rows: list[dict[str, str]] = []
    lines: list[int] = []
    problems: list[Problem] = []
    for entry in found.entries:
        row, wrong = reader.row(entry)
        problems += [one for one in wrong if one not in problems[-50:]]
        if row is not None and not wrong:
            rows.append(row)
            lines.append(entry.line)
    if found.entries and not rows and not problems:
        why = "".join(f"\n  {line}" for line in said.notes())
        raise DataError(f"{path}: got no number in any row; wanted at least one observation{why}")
    _check_footers(found, rows, str(path))
    table = _checked(rows, lines, problems, str(path), today)
    for name in filter(None, reading.fiscal_year_ends):
        if not any(is_called(entity, name) for entity in table["entity"].unique()):
            said.add("fiscal year ends of companies that the file does not have", name)
    return UserTable(table, found.columns, found.unused, (*notes, *said.notes()))


def _around(
    found: Layout,
    sheet: Sheet,
    path: Path,
    given: Mapping[str, str],
    entities: Namer,
    metrics: Namer,
) -> tuple[dict[str, str], list[str]]:
    """Return the company and the metric that no column has and a title names, with notes on them."""
    missing = {
        c for c in KEY[:2] if c not in given and not any(c in e.cells for e in found.entries)
    }
    around, notes = dict[str, str](), list[str]()
    if "entity" in missing:
        places = (
            ("the title", found.titles),
            (f"the sheet's name {sheet.title!r}", [sheet.title]),
            (f"the file's name {path.name!r}", [path.stem]),
        )
        told = _is_guidance(found.entries, metrics)
        entity, where = company_of(places, entities.known, metrics.known, told, str(path))
        if entity:
            around["entity"] = entity
            notes.append(f"all rows are of {entity}, named in {where}")
    elif "entity" not in given:
        _check_titles(found, sheet, metrics, str(path))
    if "metric" in missing:
        named = {metrics.known(split_unit(title)[0]) for title in found.titles} - {""}
        if len(named) == 1:
            around["metric"] = named.pop()
            notes.append(f"all rows are {around['metric']}, named in the title")
    return around, notes


def _check_titles(found: Layout, sheet: Sheet, metrics: Namer, name: str) -> None:
    """Refuse a table with a column of companies whose title says that its numbers are no reports.

    Raises
    ------
    DataError
        If it does.
    """
    guided = _is_guidance(found.entries, metrics)
    for text in (*found.titles, sheet.title):
        if words := not_reported(text, guided):
            raise DataError(
                f"{name}: got {words!r} above the table, in {shortened(text, 60)!r}; wanted numbers "
                "that companies reported: leave the others out, or give them a metric of their own, and "
                "take the words out of the title"
            )


def _is_guidance(entries: Sequence[Entry], metrics: Namer) -> bool:
    labels = {split_unit(e.cells.get("metric", Cell()).text)[0] for e in entries}
    return any(guided(metrics.known(label) or label.lower()) for label in labels)


def _once_each(entries: Sequence[Entry], said: Said) -> tuple[Entry, ...]:
    """Return entries whose company stands once, on the first of its lines, each with its company."""
    filled, last = [], Cell()
    for entry in entries:
        cell = entry.cells.get("entity")
        if cell == Cell() and last != Cell():
            said.add(
                "lines without a company, read as of that above", f"{entry.line} ({last.text})"
            )
            entry = dataclasses.replace(entry, cells={**entry.cells, "entity": last})
        last = cell if cell is not None and cell != Cell() else last
        filled.append(entry)
    return tuple(filled)


def _of_others(entries: Sequence[Entry], given: str, namer: Namer, name: str) -> list[str]:
    """Return a note on companies that a file names and that are not the one given for all rows.

    Raises
    ------
    DataError
        If it names a company in every row, so that the one given is of none.
    """
    texts = [e.cells.get("entity", Cell()).text for e in entries]
    ours = namer.known(given) or given
    others = list(dict.fromkeys(t for t in texts if t and (namer.known(t) or t) != ours))
    if not given or not others:
        return []
    if all(texts):
        raise DataError(
            f"{name}: --entity says {given}, and the file has {one_line(others)} in its column of "
            "companies; leave --entity out, or say with --map THEIRS=metric what that column is"
        )
    return [f"--entity {given} is of the rows that name no company; others name {one_line(others)}"]


def _require(found: Layout, given: Mapping[str, str], name: str) -> None:
    """Refuse a file that lacks a column which nobody stated."""
    there = {*found.columns, *given}
    for entry in found.entries:
        there |= {column for column, cell in entry.cells.items() if cell.text or cell.fault}
        if any(unit_words(text) for text in entry.units) or _says_unit(entry):
            there.add("unit")
        if any(entry.cells.get(c, Cell()).text for c in RANGE):  # the middle is read from the ends
            there.add("value")
    missing = [c for c in COLUMNS if c not in there]
    if missing:
        has = [*found.columns.values(), *found.unused]
        raise DataError(
            f"{name}: no column is known to be {one_line(missing)}; the file has "
            f"{one_line(list(dict.fromkeys(has))) or 'no header'}; name it with --map "
            f"THEIRS={missing[0]}{_options(missing)}"
        )


def _says_unit(entry: Entry) -> bool:
    """Return whether a unit can stand in the value's own cell, beside the metric, or in parts."""
    metric = entry.cells.get("metric", Cell())
    return (
        any(_with_unit(entry.cells.get(c, Cell())) for c in ("value", *RANGE))
        or bool(split_unit(metric.text)[1])
        or bool({"currency", "scale"} & set(entry.cells))
    )


def _with_unit(value: Cell) -> bool:
    return (
        "%" in value.format + value.text
        or bool(set(value.text) & set("$€£¥"))
        or value.text[-1:].isalpha()
    )


def _options(missing: Sequence[str]) -> str:
    known = {
        "unit": '--unit "USD m"',
        "entity": "--entity MSFT",
        "source": '--source "10-Q"',
        "reported_on": "--reported-on 2026-05-06",
    }
    named = [known[c] for c in missing if c in known]
    return f" or say it for all rows with {one_line(named)}" if named else ""


def _agree(entries: Sequence[Entry], given: str, name: str) -> None:
    """Refuse a unit for all rows that contradicts a header or a title."""
    stated = unit_words(given) if given else None
    if stated is None or not stated.scale:
        return
    for texts in dict.fromkeys(e.units for e in entries):
        words = [w for w in map(unit_words, texts) if w]
        there = combined(words)
        for part in ("currency", "scale"):
            one = getattr(there, part)
            if not there.unit and one and one != getattr(stated, part):
                raise DataError(
                    f"{name}: {one_line([repr(t) for t in texts])} says "
                    f"{unit_name(there) or 'another scale'}, --unit says {given}; leave one of them out"
                )


def _check_footers(found: Layout, rows: Sequence[Mapping[str, str]], name: str) -> None:
    """Refuse numbers in another currency or scale than a line below or above the table says.

    Raises
    ------
    DataError
        If it says another than that of any of them; one of a share says nothing of money.
    """
    used = {row["unit"]: one for row in rows if (one := unit_words(row["unit"])) and one.currency}
    for text in (*found.footers, *found.titles):
        said = unit_words(title_unit(text))
        of_others = not unit_words(text) and re.search(r"(?i)share|user|employee|people", text)
        if said is None or not used or of_others:
            continue
        # Where some numbers are in this unit the others have one of their own.
        if not any(
            said.currency in ("", one.currency) and said.scale in (0.0, one.scale or 1.0)
            for one in used.values()
        ):
            raise DataError(
                f"{name}: got numbers in {one_line(list(used))}, and a line above or below the table "
                f"says {shortened(text, 60)!r}; wanted one unit: say the right one with --unit or in "
                "the header, and take the other out"
            )


def _checked(
    rows: list[dict[str, str]], lines: list[int], problems: Sequence[Problem], name: str,
    today: dt.date | None,
) -> Table:  # fmt: skip
    """Return rows as a checked table, or refuse naming every bad row, of the reading and the check."""
    order = [
        c for c in (*COLUMNS, *OPTIONAL_COLUMNS) if c in COLUMNS or any(c in row for row in rows)
    ]
    frame = pd.DataFrame(rows, columns=order, dtype=str).fillna("")
    told = ""
    if problems:
        told = (
            f"{name}: {len(problems)} problem(s) in {len({p.row for p in problems})} row(s), "
            f"nothing was taken:{listed(problems)}"
        )
    try:
        if rows or not problems:
            table = check_table(frame, name, lines, today)
    except DataError as error:
        raise DataError(f"{told}\n{error}" if told else str(error)) from None
    if told:
        raise DataError(told)
    return table
