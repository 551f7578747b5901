"""A sheet of an XLSX, with what it hides: sheets, rows, columns, merged cells, formulas without a value.

openpyxl reads values and formats row by row; what it leaves out in that mode is read from the
sheet's XML in one more pass. Only imported once openpyxl is there.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import re
import xml.etree.ElementTree as ET
from typing import Any

from openpyxl.utils.cell import column_index_from_string, coordinate_from_string, range_boundaries
from openpyxl.utils.datetime import CALENDAR_MAC_1904

from forecast.core.errors import DataError
from forecast.core.text import one_line
from forecast.tables.cells import (
    DAY,
    MONTH,
    NOTHING,
    NUMBER,
    TEXT,
    YEAR,
    Cell,
    Lines,
    Sheet,
    column_name,
    without_ends,
)

NO_VALUE = "a formula without a stored value: open the file, let it calculate, and save it"
ERROR = "an error of the spreadsheet"


def chosen(book: Any, name: str) -> tuple[Any, tuple[str, ...]]:
    """Return the sheet asked for, or the first that is not hidden, and what to say of the others.

    Raises
    ------
    DataError
        If there is no such sheet, or no sheet is shown.
    """
    sheets = {sheet.title: sheet for sheet in book.worksheets}
    hidden = [title for title, sheet in sheets.items() if sheet.sheet_state != "visible"]
    shown = [title for title in sheets if title not in hidden]
    if name and name not in sheets:
        raise DataError(f"there is no sheet {name!r}; the workbook has {one_line(list(sheets))}")
    if not name and not shown:
        raise DataError(
            f"all sheets are hidden: {one_line(hidden) or 'there is none'}; say which with --sheet NAME"
        )
    picked = name or shown[0]
    others = [title for title in shown if title != picked]
    notes = []
    if others and not name:
        which = "first sheet" if picked == next(iter(sheets)) else "sheet"
        notes.append(
            f"only the {which} {picked!r} was read, not {one_line(others)}; --sheet NAME reads another"
        )
    if unread := [title for title in hidden if title != picked]:
        notes.append(f"hidden sheet(s) were not read: {one_line(unread)}")
    if picked in hidden:
        notes.append(f"the sheet {picked!r} is hidden")
    return sheets[picked], tuple(notes)


@dataclasses.dataclass
class _Hidden:
    """What a sheet's XML says beside values: rows and columns by number, from 1."""

    rows: set[int] = dataclasses.field(default_factory=set)
    columns: list[tuple[int, int]] = dataclasses.field(default_factory=list)
    merged: list[str] = dataclasses.field(default_factory=list)
    without_value: set[str] = dataclasses.field(default_factory=set)


def _no_size(size: str | None) -> bool:
    """Return whether a row's height or a column's width is 0: it is hidden too."""
    return size is not None and re.fullmatch(r"0+(\.0*)?", size) is not None


def _hidden(book: Any, sheet: Any) -> _Hidden:
    found = _Hidden()
    with book._archive.open(sheet._worksheet_path) as source:
        for _, element in ET.iterparse(source):
            kind = element.tag.rpartition("}")[2]
            if kind == "row":
                if element.get("hidden") in ("1", "true") or _no_size(element.get("ht")):
                    found.rows.add(int(element.get("r", "0")))
                element.clear()
            elif kind == "c":
                parts = {child.tag.rpartition("}")[2]: child for child in element}
                value = parts.get("v")
                # An empty text is a value too, and stands there as such.
                held = value is not None and (value.text or element.get("t") == "str")
                if "f" in parts and not held:
                    found.without_value.add(element.get("r", ""))
            elif kind == "col" and (
                element.get("hidden") in ("1", "true") or _no_size(element.get("width"))
            ):
                found.columns.append((int(element.get("min", "0")), int(element.get("max", "0"))))
            elif kind == "mergeCell":
                found.merged.append(element.get("ref", ""))
    return found


def sheet_of(book: Any, sheet: Any, notes: tuple[str, ...]) -> Sheet:
    """Return a sheet's cells, without hidden rows and columns; a merged text stands in all its cells."""
    hidden = _hidden(book, sheet)
    # Rows are as wide as what they hold: else one stray cell fills up the whole sheet.
    sheet.reset_dimensions()
    rows = {
        number: [_cell(cell) for cell in row]
        for number, row in enumerate(sheet.iter_rows(), start=1)
        if row
    }
    for where in hidden.without_value:
        letters, number = coordinate_from_string(where)
        cells, at = rows.setdefault(number, []), column_index_from_string(letters) - 1
        cells += [NOTHING] * (at + 1 - len(cells))
        cells[at] = Cell(fault=NO_VALUE)
    said = list(notes)
    if spread := [ref for ref in sorted(hidden.merged, key=_corner) if _spread(rows, ref)]:
        said.append(f"merged cells were read as if their text stood in each: {one_line(spread)}")
    lines = _shown(rows, hidden, said)
    first_day = dt.date(1904, 1, 1) if book.epoch == CALENDAR_MAC_1904 else dt.date(1899, 12, 30)
    return Sheet(lines, tuple(said), sheet.title, first_day=first_day)


def _shown(rows: dict[int, list[Cell]], hidden: _Hidden, said: list[str]) -> Lines:
    """Return the lines that are shown, and say what is not."""
    unseen = {k - 1 for a, b in hidden.columns for k in range(a, min(b, 16_384) + 1)}
    lines: Lines = []
    left_rows: list[int] = []
    left: set[int] = set()
    for number in sorted(rows):
        cells = without_ends(rows[number])
        if cells and number in hidden.rows:
            left_rows.append(number)
            continue
        if unseen:
            left |= {k for k, cell in enumerate(cells) if k in unseen and cell != NOTHING}
            cells = without_ends([NOTHING if k in unseen else c for k, c in enumerate(cells)])
        if cells:
            lines.append((number, cells))
    if left_rows:
        said.append(
            f"hidden row(s) were not read: {_ranges(left_rows)}; show them to have them read"
        )
    if left:
        names = one_line([column_name(k) for k in sorted(left)])
        said.append(f"hidden column(s) were not read: {names}; show them to have them read")
    return lines


def _corner(ref: str) -> tuple[int, int]:
    left, top, _, _ = range_boundaries(ref)
    return int(top or 0), int(left or 0)


def _spread(rows: dict[int, list[Cell]], ref: str) -> bool:
    """Write a merged range's text into each of its cells; a number stays where it is."""
    left, top, right, bottom = range_boundaries(ref)
    first = rows.get(top, [])
    text = first[left - 1] if left <= len(first) else NOTHING
    if (
        text.kind == NUMBER
        or text in (NOTHING,)
        or (right - left + 1) * (bottom - top + 1) > 100_000
    ):
        return False
    for number in range(top, bottom + 1):
        if number not in rows and number != top:
            continue
        cells = rows[number]
        cells += [NOTHING] * (right - len(cells))
        cells[left - 1 : right] = [text] * (right - left + 1)
    return True


def _ranges(numbers: list[int]) -> str:
    """Return row numbers with runs drawn together, ``3-5, 9``."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return one_line([f"{a}-{b}" if b > a else str(a) for a, b in runs])


def _cell(cell: Any) -> Cell:
    """Return a cell of openpyxl: a day as ISO, a whole number without a point."""
    value = cell.value
    if value is None:
        return NOTHING
    if isinstance(value, dt.datetime | dt.date):
        moment = value if isinstance(value, dt.datetime) else dt.datetime.combine(value, dt.time())
        text = moment.date().isoformat() if moment.time() == dt.time() else moment.isoformat()
        shown = re.sub(r'"[^"]*"|\\.|\[[^\]]*\]', "", str(cell.number_format).lower())
        month = moment.day == 1 and "d" not in shown and "y" in shown and "m" in shown
        year = re.fullmatch(r"[\s;@]*y+[\s;@]*", shown) is not None
        return Cell(text, MONTH if month else YEAR if year else DAY)
    if isinstance(value, bool):
        return Cell(str(value))
    if isinstance(value, int | float):
        plain = isinstance(value, float) and value.is_integer() and abs(value) < 1e15
        form = str(cell.number_format)
        return Cell(
            f"{value:.0f}" if plain else str(value), NUMBER, "" if form == "General" else form
        )
    text = str(value).strip()
    if cell.data_type == "e":
        return Cell(text, TEXT, "", ERROR)
    return Cell(text) if text else NOTHING
