"""Rows that are only added: a CSV whose rows are tied together, with a head that knows its end.

The last column of a row is a hash of its cells and of the hash before it. The head, a file of the same
name and the ending ``.head``, holds the number of rows and the last hash; while rows are added, the old
end and the new one, so that a writer who is killed leaves either. It keeps against loss and slips, not
against somebody who writes all of it again.

Invariant: rows that were changed, removed, put elsewhere or cut off the end are noticed, and then
nothing is read. ``tests/test_chain.py`` does each, and stops writers between any two of their steps.
"""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from forecast.core.errors import StoreError
from forecast.core.files import replace_text
from forecast.core.text import one_line

QUESTION = "question"
"""A column that outcomes of an earlier version do not have: there it is empty, and not hashed. Rows of
that version, whose questions have no dash, may stand without a head."""


def _linked(before: str, row: Mapping[str, str], columns: Sequence[str]) -> str:
    """Return the hash that ties a row to the one before it; `columns` ends with that hash itself."""
    cells = [row[name] for name in columns[:-1] if name != QUESTION or row[name]]
    return hashlib.sha256("\x1f".join([before, *cells]).encode()).hexdigest()[:16]


def read(path: Path, columns: Sequence[str]) -> list[dict[str, str]]:
    """Return the rows of a file that is what was written; none if there is none and none was.

    Raises
    ------
    StoreError
        Naming the first line that is not what was written, or what is missing at the end.
    """
    ends = _ends(path)
    rows = _rows(path, columns)
    if ends is None and not any("-" in row[QUESTION] for row in rows):
        return rows  # written before there were heads
    # Of a writer at work the head was read before or after it came to its end.
    ends = {*(ends or ()), *(_ends(path) or ())}
    if _end(rows) not in ends:
        wanted = " or ".join(sorted(ends)) or "that file, which is missing"
        raise StoreError(
            f"{path}: got the end {_end(rows)!r} (rows, last hash); wanted by "
            f"{path.with_suffix('.head').name} {wanted}; restore both files, nothing is read from them"
        )
    return rows


def _rows(path: Path, columns: Sequence[str]) -> list[dict[str, str]]:
    """Return the rows of a file whose chain holds; none if there is no file."""
    try:
        text = path.read_bytes().decode()  # line ends within a cell stay what they are
    except FileNotFoundError:
        return []
    except UnicodeDecodeError as error:
        raise StoreError(
            f"{path}: got bytes that are no text ({error}); restore the file"
        ) from None
    reader = csv.DictReader(io.StringIO(text, newline=""), restval="")
    names, former = tuple(reader.fieldnames or ()), tuple(c for c in columns if c != QUESTION)
    if names not in (tuple(columns), former):
        raise StoreError(
            f"{path}: got the columns {one_line(list(names))}; wanted {one_line(list(columns))}; "
            "restore the file, nothing is read from it"
        )
    rows: list[dict[str, str]] = []
    before = ""
    for number, read in enumerate(_cells(reader, path), start=2):
        row = {QUESTION: "", **read}
        if set(row) != set(columns) or row["link"] != _linked(before, row, columns):
            raise StoreError(
                f"{path}: line {number} is not what was written there, or a line before it is "
                "missing; restore the file, nothing is read from it"
            )
        rows.append(row)
        before = row["link"]
    return rows


def _cells(reader: Iterable[dict[str, str]], path: Path) -> Iterator[dict[str, str]]:
    try:
        yield from reader
    except csv.Error as error:
        raise StoreError(f"{path}: cannot be read ({error}); restore the file") from None


def _end(rows: Sequence[Mapping[str, str]]) -> str:
    """Return what a head says of these rows: their number and the last hash."""
    return f"{len(rows)} {rows[-1]['link'] if rows else '-'}"


def _ends(path: Path) -> set[str] | None:
    """Return the ends that a file may have by its head, None if it has no head."""
    head = path.with_suffix(".head")
    try:
        return set(head.read_text(encoding="utf-8").splitlines())
    except FileNotFoundError:
        return None
    except UnicodeDecodeError:
        raise StoreError(f"{head}: got bytes that are no text; restore the file") from None


def append(path: Path, columns: Sequence[str], fresh: Iterable[Mapping[str, str]]) -> None:
    """Add rows; whoever is killed in between leaves the old ones or all."""
    rows = read(path, columns)
    for left in path.parent.glob(".*.tmp"):  # of writers that were killed
        left.unlink(missing_ok=True)
    old, before = _end(rows), rows[-1]["link"] if rows else ""
    for row in fresh:
        before = _linked(before, row, columns)
        rows.append({**row, "link": before})
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    head = path.with_suffix(".head")
    replace_text(head, f"{old}\n{_end(rows)}\n")  # until the rows are there, both are whole
    replace_text(path, text.getvalue())
    replace_text(head, f"{_end(rows)}\n")
