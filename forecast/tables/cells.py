"""The cells of a CSV or XLSX file as text, each row with its line.

Invariant: a file is read as a whole or refused in words; no cell is guessed at.
"""

from __future__ import annotations

import csv
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


def read_cells(path: Path) -> tuple[list[str], Body, tuple[str, ...]]:
    """Return a file's header, its rows with their line numbers, and notes on the reading.

    Lines without a cell that holds something are none, and columns without a name are left out.

    Raises
    ------
    DataError
        If there is no such file, it cannot be read as a CSV or XLSX, or a row is wider than the header.
    """
    try:
        content = read_bytes(path)
    except FileNotFoundError:
        raise DataError(f"{path}: there is no such file; give the path of a CSV or XLSX") from None
    xlsx = path.suffix.lower() in (".xlsx", ".xlsm") or content.startswith(b"PK\x03\x04")
    filled, notes = _xlsx_lines(path, content) if xlsx else _csv_lines(path, content)
    if not filled:
        raise DataError(f"{path}: got an empty table; wanted a header line and rows below it")
    header = filled[0][1]
    wide = [f"line {n} has {len(c)} cells" for n, c in filled[1:] if len(c) > len(header)]
    if wide:
        raise DataError(f"{path}: the header has {len(header)} cells, but {one_line(wide)}")
    named = [k for k, name in enumerate(header) if name]
    nameless = [n for n, c in filled[1:] if any(c[k] and not header[k] for k in range(len(c)))]
    if nameless:
        notes = (*notes, f"cells under no header were not read: of line(s) {one_line(nameless)}")
    body = [(n, [c[k] if k < len(c) else "" for k in named]) for n, c in filled[1:]]
    return [header[k] for k in named], body, notes


def _without_ends(cells: list[str]) -> list[str]:
    """Return cells up to the last that holds something."""
    end = next((k for k in range(len(cells), 0, -1) if cells[k - 1]), 0)
    return cells[:end]


def _csv_lines(path: Path, content: bytes) -> tuple[Body, tuple[str, ...]]:
    try:
        text = content.decode("utf-8-sig")
        first = text.partition("\n")[0]
        mark = max(",;\t", key=first.count)
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=mark, strict=True)
        if "\0" in text:
            raise csv.Error("it holds NUL bytes")
        lines = ((reader.line_num, [cell.strip() for cell in row]) for row in reader)
        rows = [(n, filled) for n, cells in lines if (filled := _without_ends(cells))]
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(
            f"{path}: got something that is not a CSV table ({type(error).__name__}: {error}); "
            "wanted UTF-8 text with a header line, or an XLSX"
        ) from None
    return rows, ()


_NOT_XLSX = (
    zipfile.BadZipFile, zlib.error, EOFError, OSError,  # no archive, or a broken one
    KeyError, ValueError, TypeError, IndexError, SyntaxError,  # another archive, broken XML
)  # fmt: skip


def _xlsx_lines(path: Path, content: bytes) -> tuple[Body, tuple[str, ...]]:
    try:
        import openpyxl
    except ImportError:
        raise DataError(
            f"{path}: reading XLSX needs openpyxl; pip install 'forecast[xlsx]', or save as CSV"
        ) from None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of styles and validations that are of no use here
            book = openpyxl.load_workbook(io.BytesIO(content), read_only=True, data_only=True)
        try:
            sheet = book.worksheets[0]
            # Rows are as wide as what they hold: else one stray cell fills up the whole sheet.
            sheet.reset_dimensions()
            rows = [
                (number, filled)
                for number, row in enumerate(sheet.iter_rows(values_only=True), start=1)
                if row and (filled := _without_ends([_cell_text(value) for value in row]))
            ]
            others = book.sheetnames[1:]
        finally:
            book.close()
    except _NOT_XLSX as error:
        raise DataError(
            f"{path}: got something that is not an XLSX workbook ({type(error).__name__}); "
            "open it and save it again, or save it as CSV"
        ) from None
    note = f"only the first sheet {sheet.title!r} was read, not {one_line(others)}"
    return rows, (note,) if others else ()


def _cell_text(value: object) -> str:
    """Return a cell of a workbook as text: a day as ISO, a whole number without a point."""
    if value is None:
        return ""
    if isinstance(value, dt.datetime):
        return value.date().isoformat() if value.time() == dt.time() else value.isoformat()
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return f"{value:.0f}"
    return str(value).strip()
