"""Readers: the tables that ship with the package, and a user's own.

Invariant: whatever comes out of here as observations went through
:func:`forecast.vintages.check_table`.
"""

from __future__ import annotations

import csv
import dataclasses
import datetime as dt
import io
import re
import warnings
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from forecast.schema import COLUMNS, KEY, OPTIONAL_COLUMNS, UNITS, DataError, one_line
from forecast.vintages import Table, check_table, read_table

VINTAGE_FILES = (
    "article/market.csv",
    "article/models.csv",
    "article/companies.csv",
    "earnings.csv",
)
"""The shipped tables of the vintage schema, below the data folder."""

USER_FILE = "vintages/user.csv"
"""Where a user's own rows go if no other table is named, below the data folder."""

REFERENCE_FILE = "references.csv"
CLAIMS_FILE = "article/claims.toml"


def data_dir() -> Path:
    """Return the folder of the shipped tables: inside the wheel, or at the checkout's top level."""
    packaged = Path(__file__).parent / "_data"
    return packaged if packaged.is_dir() else Path(__file__).parent.parent / "data"


def read_vintages(folder: str | Path | None = None) -> Table:
    """Read every vintage table of a data folder as one.

    Parameters
    ----------
    folder
        A folder laid out like the shipped ``data/``; every file of :data:`VINTAGE_FILES` that it
        has is read, and any other ``*.csv`` directly in ``folder/vintages/``. The shipped folder
        by default.

    Raises
    ------
    DataError
        If the folder is missing or holds no table, or if any table is bad.
    """
    base = data_dir() if folder is None else Path(folder)
    if not base.is_dir():
        raise DataError(f"{base}: there is no such data folder; give one laid out like data/")
    paths = vintage_files(base)
    if not paths:
        raise DataError(
            f"{base}: got no table; wanted at least one of {', '.join(VINTAGE_FILES)} "
            "or a CSV in vintages/"
        )
    tables = {path.relative_to(base).as_posix(): read_table(path) for path in paths}
    merged = pd.concat(
        [table.assign(_file=name) for name, table in tables.items()], ignore_index=True
    ).fillna("")
    once = [*KEY, "reported_on"]
    again = merged[merged.duplicated(once, keep=False)]
    if len(again):
        listed = [
            f"{' / '.join(map(str, key))} in {' and '.join(rows['_file'])}"
            for key, rows in again.groupby(once, sort=False)
        ]
        raise DataError(
            f"{base}: {len(listed)} report(s) stand in more than one table: {one_line(listed)}; "
            "take each out of one of them"
        )
    return merged[[c for c in (*COLUMNS, *OPTIONAL_COLUMNS) if c in merged.columns]]


def vintage_files(folder: Path) -> list[Path]:
    """Return the files that :func:`read_vintages` reads from a data folder."""
    named = [folder / name for name in VINTAGE_FILES if (folder / name).is_file()]
    return named + sorted((folder / "vintages").glob("*.csv"))


# --- a user's own file -----------------------------------------------------------------------
SYNONYMS: Mapping[str, tuple[str, ...]] = {
    "entity": ("ticker", "company", "symbol", "name", "firm", "issuer"),
    "metric": ("item", "measure", "series", "line", "lineitem", "variable", "concept"),
    "period": ("quarter", "fiscalquarter", "calendarquarter", "fiscalperiod", "year", "fiscalyear"),
    "value": ("amount", "figure", "number", "val"),
    "unit": ("units", "currency", "scale"),
    "reported_on": ("reported", "reportdate", "reportedon", "reportingdate", "filed", "filingdate",
                    "published", "releasedate", "announced"),
    "source": ("reference", "document", "filing", "link", "url"),
    "confidence": ("grade", "quality"),
    "qualifier": ("hedge", "bound"),
    "printed": ("asprinted",),
    "note": ("notes", "comment", "comments", "remark", "remarks"),
}  # fmt: skip
"""Header names of other people's files, in lower case, without spaces and signs."""

DEFAULTS: Mapping[str, str] = {"confidence": "C", "qualifier": ""}
"""What a file that does not say is taken to say. Confidence is C, the lowest: a number whose grade
nobody stated has not been checked against its source; whoever has checked it says A or B."""


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
) -> UserTable:
    """Read a user's CSV or XLSX, whatever its columns are called, and check it.

    Parameters
    ----------
    path
        A CSV (comma, semicolon or tab; UTF-8) or an XLSX, of which the first sheet is read.
    renamed
        The schema's name by the file's, for headers that :data:`SYNONYMS` does not know or that
        compete.
    given
        Values for columns that the file lacks or leaves empty, such as ``unit``.

    Returns
    -------
    UserTable

    Raises
    ------
    DataError
        If the file cannot be read or lacks a column, or naming every bad row at once.
    """
    path = Path(path)
    header, body, notes = _cells(path)
    columns, unused = _match(header, renamed or {}, str(path))
    filled = {**DEFAULTS, **(given or {})}
    missing = [c for c in COLUMNS if c not in columns and c not in filled]
    if missing:
        raise DataError(
            f"{path}: no column is known to be {one_line(missing)}; the file has "
            f"{one_line(header) or 'no header'}; name it with --map THEIRS={missing[0]}"
            + _options(missing)
        )
    at = {ours: header.index(theirs) for ours, theirs in columns.items()}
    rows = [
        {
            c: _tidy(c, (cells[at[c]] if c in at else "") or filled.get(c, ""))
            for c in (*COLUMNS, *OPTIONAL_COLUMNS)
            if c in at or c in filled
        }
        for _, cells in body
    ]
    if "period" in columns and "fiscal" in columns["period"].lower():
        notes = (
            *notes,
            f"column {columns['period']!r}: 2025Q3 is read as the calendar quarter; a fiscal one is "
            "written first day/last day, 2025-06-01/2025-08-31",
        )
    frame = pd.DataFrame(rows, columns=list(rows[0]) if rows else list(COLUMNS), dtype=str)
    checked = check_table(frame, str(path), [line for line, _ in body])
    return UserTable(checked, columns, tuple(unused), notes)


def _options(missing: Sequence[str]) -> str:
    known = {
        "unit": '--unit "USD m"',
        "entity": "--entity MSFT",
        "source": '--source "10-Q"',
        "reported_on": "--reported-on 2026-05-06",
    }
    named = [known[c] for c in missing if c in known]
    return f" or say it for all rows with {one_line(named)}" if named else ""


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def _match(
    header: Sequence[str], renamed: Mapping[str, str], name: str
) -> tuple[dict[str, str], list[str]]:
    """Return the file's header names by ours, and those that match nothing."""
    ours = (*COLUMNS, *OPTIONAL_COLUMNS)
    wrong = [t for t in renamed if t not in header] + [o for o in renamed.values() if o not in ours]
    if wrong:
        raise DataError(
            f"{name}: cannot map {one_line(wrong)}; the file has {one_line(header)}; "
            f"the schema has {one_line(ours)}"
        )
    twice = sorted({h for h in header if h and header.count(h) > 1})
    if twice:
        raise DataError(f"{name}: more than one column is called {one_line(twice)}")
    columns: dict[str, str] = {}
    rivals: list[str] = []
    for column in ours:
        free = [h for h in header if h not in renamed]
        found = [
            [t for t, o in renamed.items() if o == column],
            [h for h in free if _plain(h) == _plain(column)],
            [h for h in free if _plain(h) in SYNONYMS[column]],
        ]
        best = next((f for f in found if f), [])
        if len(best) > 1:
            rivals.append(f"{one_line(best)} could each be {column}")
        elif best:
            columns[column] = best[0]
    if rivals:
        raise DataError(f"{name}: {'; '.join(rivals)}; say which with --map THEIRS=OURS")
    return columns, [h for h in header if h and h not in columns.values()]


_UNIT_NAMES = {re.sub(r"\s", "", name).lower(): name for name in UNITS}


def _tidy(column: str, cell: str) -> str:
    """Return a cell as the schema writes it, where there is no doubt what is meant."""
    cell = cell.strip()
    if column == "unit":
        return _UNIT_NAMES.get(re.sub(r"\s", "", cell).lower(), cell)
    if column == "metric":
        return re.sub(r"[\s-]+", "_", cell.lower())
    if column == "period":
        match = re.fullmatch(r"(\d{4})[\s-]*[Qq]([1-4])|[Qq]([1-4])[\s-]*(\d{4})", cell)
        if match:
            return f"{match[1] or match[4]}Q{match[2] or match[3]}"
    if column == "confidence":
        return cell.upper()
    return cell.lower() if column == "qualifier" else cell


Body = list[tuple[int, list[str]]]


def _cells(path: Path) -> tuple[list[str], Body, tuple[str, ...]]:
    """Return a file's header, its rows with their line numbers, and notes on the reading."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise DataError(f"{path}: there is no such file; give the path of a CSV or XLSX") from None
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}); give a CSV or XLSX") from None
    xlsx = path.suffix.lower() in (".xlsx", ".xlsm") or content.startswith(b"PK\x03\x04")
    lines, notes = _xlsx_lines(path, content) if xlsx else _csv_lines(path, content)
    filled = [(n, cells) for n, cells in lines if any(cells)]
    if not filled:
        raise DataError(f"{path}: got an empty table; wanted a header line and rows below it")
    header = filled[0][1]
    while header and not header[-1]:
        header = header[:-1]
    wide = [f"line {n} has {len(c)} cells" for n, c in filled[1:] if any(c[len(header) :])]
    if wide:
        raise DataError(f"{path}: the header has {len(header)} cells, but {one_line(wide)}")
    body = [(n, (c + [""] * len(header))[: len(header)]) for n, c in filled[1:]]
    return header, body, notes


def _csv_lines(path: Path, content: bytes) -> tuple[Body, tuple[str, ...]]:
    try:
        text = content.decode("utf-8-sig")
        first = text.partition("\n")[0]
        mark = max(",;\t", key=first.count)
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=mark, strict=True)
        if "\0" in text:
            raise csv.Error("it holds NUL bytes")
        rows = [(reader.line_num, [cell.strip() for cell in row]) for row in reader]
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
            rows = [
                (number, [_cell_text(value) for value in row])
                for number, row in enumerate(sheet.iter_rows(values_only=True), start=1)
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
