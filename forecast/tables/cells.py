"""The cells of a CSV or XLSX file as text, each row with its line.

Invariant: a file is read as a whole or refused in words; no cell is guessed at. What a workbook shows
and what it holds may differ: a cell carries what is needed to say so.
"""

from __future__ import annotations

import codecs
import collections
import csv
import dataclasses
import datetime as dt
import io
import warnings
import zipfile
import zlib
from pathlib import Path

from forecast.core.errors import DataError
from forecast.core.files import read_bytes
from forecast.core.text import one_line

Body = list[tuple[int, list[str]]]
"""A table's rows as text, each with its line in the file."""

TEXT, NUMBER, DAY, MONTH, YEAR = "text", "number", "day", "month", "year"
"""What a cell holds. Only a workbook has others than text."""


@dataclasses.dataclass(frozen=True, slots=True)
class Cell:
    """A cell of a sheet.

    Attributes
    ----------
    text
        What it holds, as text: a day as ISO, a number with a decimal point.
    kind
        One of :data:`TEXT`, :data:`NUMBER`, :data:`DAY`, and :data:`MONTH` or :data:`YEAR` for a day
        that is shown as a month or as a year.
    format
        How a workbook shows a number; empty if as it is.
    fault
        Why nothing can be read from it; empty if something can.
    """

    text: str = ""
    kind: str = TEXT
    format: str = ""
    fault: str = ""


NOTHING = Cell()


def shown_period(cell: Cell) -> str:
    """Return a cell as a period is read from it: a day that is shown as a month without its day.

    A day that is shown as a year stays one, unless it is the first: what ends then is for the reader.
    """
    cut = {MONTH: 7, YEAR: 4 if cell.text.endswith("-01-01") else None}
    return cell.text[: cut.get(cell.kind)].strip()


Lines = list[tuple[int, list[Cell]]]
"""The lines of a sheet that hold something, each with its number and its cells up to the last filled."""


@dataclasses.dataclass(frozen=True)
class Sheet:
    """A sheet of a workbook, or a CSV, cell by cell.

    Attributes
    ----------
    lines
        See :data:`Lines`.
    notes
        What a reader must know: other sheets, hidden rows and columns, merged cells.
    title
        Of the sheet; empty for a CSV.
    mark
        What parts the cells of a CSV; empty for a workbook.
    first_day
        The day that a workbook counts as 0.
    """

    lines: Lines
    notes: tuple[str, ...] = ()
    title: str = ""
    mark: str = ""
    first_day: dt.date = dt.date(1899, 12, 30)


def column_name(index: int) -> str:
    """Return what a spreadsheet calls a column, counted from 0.

    Examples
    --------
    >>> column_name(0), column_name(27)
    ('A', 'AB')
    """
    name = ""
    while index >= 0:
        index, letter = divmod(index, 26)
        name, index = chr(ord("A") + letter) + name, index - 1
    return name


def sheet_bytes(path: Path) -> bytes:
    """Return what stands in the file of a table.

    Raises
    ------
    DataError
        If there is no such file, or it cannot be read.
    """
    try:
        return read_bytes(path)
    except FileNotFoundError:
        raise DataError(f"{path}: there is no such file; give the path of a CSV or XLSX") from None


def read_sheet(path: Path, sheet: str = "", content: bytes | None = None) -> Sheet:
    """Return a CSV, or a sheet of an XLSX.

    Parameters
    ----------
    path
        A CSV (comma, semicolon or tab; UTF-8, or UTF-16 with its mark) or an XLSX.
    sheet
        Which sheet; the first that is not hidden by default.
    content
        What stands in the file, by whom has read it already.

    Raises
    ------
    DataError
        If there is no such file or sheet, it cannot be read as a CSV or XLSX, or holds nothing.
    """
    if content is None:
        content = sheet_bytes(path)
    xlsx = path.suffix.lower() in (".xlsx", ".xlsm") or content.startswith(b"PK\x03\x04")
    if sheet and not xlsx:
        raise DataError(f"{path}: got the sheet {sheet!r}; a CSV has no sheets")
    found = _xlsx_sheet(path, content, sheet) if xlsx else _csv_sheet(path, content)
    if not found.lines:
        said = "".join(f"; {note}" for note in found.notes)
        raise DataError(f"{path}: got an empty table; wanted a header line and rows below it{said}")
    return found


def read_cells(path: Path, content: bytes | None = None) -> tuple[list[str], Body, tuple[str, ...]]:
    """Return the header of a table of our own, its rows with their lines, and notes on the reading.

    The header is the first line. Lines without a cell that holds something are none, and columns without
    a name are left out.

    Raises
    ------
    DataError
        As of :func:`read_sheet`, or if a row is wider than the header.
    """
    found = read_sheet(path, content=content)
    filled = [(n, [cell.text for cell in cells]) for n, cells in found.lines]
    header, notes = filled[0][1], found.notes
    wide = [f"line {n} has {len(c)} cells" for n, c in filled[1:] if len(c) > len(header)]
    if wide:
        raise DataError(f"{path}: the header has {len(header)} cells, but {one_line(wide)}")
    named = [k for k, name in enumerate(header) if name]
    nameless = [n for n, c in filled[1:] if any(c[k] and not header[k] for k in range(len(c)))]
    if nameless:
        notes = (*notes, f"cells under no header were not read: of line(s) {one_line(nameless)}")
    body = [(n, [c[k] if k < len(c) else "" for k in named]) for n, c in filled[1:]]
    return [header[k] for k in named], body, notes


def without_ends(cells: list[Cell]) -> list[Cell]:
    """Return cells up to the last that holds something."""
    end = next((k for k in range(len(cells), 0, -1) if cells[k - 1] != NOTHING), 0)
    return cells[:end]


def _csv_sheet(path: Path, content: bytes) -> Sheet:
    try:
        text = _decoded(path, content)
        if "\0" in text:
            raise csv.Error("it holds NUL bytes")
        mark = _mark(text)
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=mark, strict=True)
        lines = [(reader.line_num, [cell.strip() for cell in row]) for row in reader]
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(
            f"{path}: got something that is not a CSV table ({type(error).__name__}: {error}); "
            "wanted UTF-8 text with a header line, or an XLSX"
        ) from None
    cells = ((n, [Cell(text) if text else NOTHING for text in row]) for n, row in lines)
    return Sheet([(n, filled) for n, row in cells if (filled := without_ends(row))], mark=mark)


def _decoded(path: Path, content: bytes) -> str:
    """Return what a text file says: UTF-8, or UTF-16 if it begins with the mark of that.

    Raises
    ------
    DataError
        If it is text in a code of which nothing in the file says which.
    """
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return content.decode("utf-16")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        if b"\0" in content:
            raise
        at = error.start
        near = content[max(0, at - 12) : at + 12].decode("cp1252", "replace")
        raise DataError(
            f"{path}: got text that is not a CSV table in UTF-8, as older spreadsheets save it: byte "
            f"0x{content[at]:02x} in line {content.count(b'\n', 0, at) + 1}, near "
            f"{' '.join(near.split())!r}; wanted UTF-8: save it as 'CSV UTF-8', or as XLSX"
        ) from None


def _mark(text: str, sample: int = 200) -> str:
    """Return what parts the cells of a CSV: the mark by which most lines are equally wide.

    A title above the table has no mark, or another; where two marks do as well, the first line decides.
    """
    head = text.splitlines(keepends=True)[:sample]

    def agreement(mark: str) -> tuple[int, int, int]:
        try:
            widths = [len(row) for row in csv.reader(head, delimiter=mark) if any(row)]
        except csv.Error:
            return 0, 0, 0
        counted = collections.Counter(w for w in widths if w > 1)
        width, lines = max(counted.items(), key=lambda c: (c[1], c[0]), default=(0, 0))
        return lines, width, head[0].count(mark)

    return max(",;\t", key=agreement) if head else ","


_NOT_XLSX = (
    zipfile.BadZipFile, zlib.error, EOFError, OSError,  # no archive, or a broken one
    KeyError, ValueError, TypeError, IndexError, SyntaxError,  # another archive, broken XML
    AttributeError, OverflowError,
)  # fmt: skip


def _xlsx_sheet(path: Path, content: bytes, name: str) -> Sheet:
    try:
        import openpyxl
    except ImportError:
        raise DataError(
            f"{path}: reading XLSX needs openpyxl; pip install 'forecast[xlsx]', or save as CSV"
        ) from None
    from forecast.tables.workbook import chosen, sheet_of

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of styles and validations that are of no use here
            book = openpyxl.load_workbook(io.BytesIO(content), read_only=True, data_only=True)
            try:
                picked, notes = chosen(book, name)
                return sheet_of(book, picked, notes)
            finally:
                book.close()
    except DataError as error:
        raise DataError(f"{path}: {error}") from None
    except _NOT_XLSX as error:
        raise DataError(
            f"{path}: got something that is not an XLSX workbook ({type(error).__name__}); "
            "open it and save it again, or save it as CSV"
        ) from None
