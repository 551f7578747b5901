"""A user's own spreadsheet of observations, whatever its columns are called.

Invariant: what comes out went through :func:`forecast.tables.vintages.check_table`; where a header could
mean two things, it is asked and not guessed.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from forecast.core.errors import DataError
from forecast.core.text import one_line
from forecast.core.units import UNITS
from forecast.core.words import COLUMNS, OPTIONAL_COLUMNS
from forecast.tables.cells import read_cells
from forecast.tables.vintages import Table, check_table

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
    today: dt.date | None = None,
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
    today
        The day on which rows come in: what is reported later is refused. Any day will do without.

    Returns
    -------
    UserTable

    Raises
    ------
    DataError
        If the file cannot be read or lacks a column, or naming every bad row at once.
    """
    path = Path(path)
    header, body, notes = read_cells(path)
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
    checked = check_table(frame, str(path), [line for line, _ in body], today)
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
