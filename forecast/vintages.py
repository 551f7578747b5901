"""The table with two clocks: every number has the period it is about and the day it became known.

Invariant: :func:`as_of` returns at most one row a key (entity, metric, period), and never a row
reported after the date. ``tests/test_vintages.py`` proves both on random tables.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import math
import os
import tempfile
from pathlib import Path

import pandas as pd

from forecast.schema import (
    COLUMNS,
    CONFIDENCE,
    FREE_METRICS,
    KEY,
    OPTIONAL_COLUMNS,
    PERIOD_WANTED,
    QUALIFIERS,
    SIGNED_METRICS,
    UNITS,
    DataError,
    Problem,
    one_line,
    parse_date,
    period_end,
)

Table = pd.DataFrame
"""A checked vintage table: the columns of the schema, `value` float, the rest text."""

_EARLY = ("estimated", "projected")
_BOUNDS = {"percent": (0.0, 100.0)}


def read_table(path: str | Path) -> Table:
    """Read one CSV of the vintage schema and check it.

    Parameters
    ----------
    path
        A UTF-8 CSV with at least the columns of :data:`forecast.schema.COLUMNS`.

    Returns
    -------
    pandas.DataFrame
        The checked rows in file order.

    Raises
    ------
    DataError
        If the file cannot be read as such a table, or naming every bad row at once.
    """
    path = Path(path)
    try:
        raw = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8")
    except FileNotFoundError:
        raise DataError(f"{path}: there is no such file; give the path of a CSV") from None
    except IsADirectoryError:
        raise DataError(f"{path} is a folder; give the path of a CSV file") from None
    except (UnicodeDecodeError, pd.errors.EmptyDataError, pd.errors.ParserError) as error:
        raise DataError(
            f"{path}: got something that is not a CSV table ({type(error).__name__}: {error}); "
            f"wanted UTF-8 text with a header line naming {', '.join(COLUMNS)}"
        ) from None
    return check_table(raw, str(path))


def check_table(raw: pd.DataFrame, name: str = "table") -> Table:
    """Return `raw` as a checked table, or raise one error that names every bad row.

    Parameters
    ----------
    raw
        Rows with all columns as text, or values already as numbers.
    name
        What to call the table in the error.

    Raises
    ------
    DataError
        With every problem: unknown unit, missing or impossible value, period that cannot be read,
        duplicate key, report before the period's end, unknown column.
    """
    missing = [column for column in COLUMNS if column not in raw.columns]
    unknown = [str(c) for c in raw.columns if c not in (*COLUMNS, *OPTIONAL_COLUMNS)]
    if missing or unknown:
        raise DataError(
            f"{name}: missing column(s) {one_line(missing) or 'none'}; "
            f"unknown column(s) {one_line(unknown) or 'none'}; "
            f"wanted {', '.join(COLUMNS)} and, if you like, {', '.join(OPTIONAL_COLUMNS)}"
        )
    if raw.empty:
        raise DataError(f"{name}: got a header and no rows; wanted at least one observation")
    order = [*COLUMNS, *(c for c in OPTIONAL_COLUMNS if c in raw.columns)]
    rows = raw[order].reset_index(drop=True)
    rows = rows.apply(lambda column: column.map(lambda cell: str(cell).strip()))
    problems = [p for index, row in rows.iterrows() for p in _row_problems(int(str(index)), row)]
    problems += _duplicates(rows)
    if problems:
        listed = "\n".join(f"  {p}" for p in sorted(problems, key=lambda p: p.row))
        raise DataError(
            f"{name}: {len(problems)} problem(s) in {len({p.row for p in problems})} row(s), "
            f"nothing was taken:\n{listed}"
        )
    rows["value"] = rows["value"].astype(float)
    return rows


def _row_problems(index: int, row: pd.Series) -> list[Problem]:
    line = index + 2  # the header is line 1
    found: list[Problem] = []

    def add(column: str, wanted: str) -> None:
        found.append(Problem(line, column, str(row[column]), wanted))

    for column in ("entity", "metric", "source"):
        if not row[column]:
            add(column, "some text")
    if row["unit"] not in UNITS:
        add("unit", f"one of {', '.join(UNITS)}")
    if row["confidence"] not in CONFIDENCE:
        add("confidence", "A, B or C")
    if row["qualifier"] not in QUALIFIERS:
        add("qualifier", f"empty or one of {', '.join(QUALIFIERS[1:])}")
    _check_value(row, add)
    _check_clocks(row, add)
    return found


def _check_value(row: pd.Series, add) -> None:  # type: ignore[no-untyped-def]
    try:
        value = float(row["value"])
    except ValueError:
        return add("value", "a number with a decimal point and no thousands separator")
    low, high = _BOUNDS.get(row["unit"], (-math.inf, math.inf))
    if not math.isfinite(value):
        add("value", "a finite number")
    elif row["metric"] not in SIGNED_METRICS and value < 0:
        add("value", f"a number above zero: {row['metric']} cannot be negative")
    elif row["metric"] not in SIGNED_METRICS | FREE_METRICS and value == 0:
        add("value", f"a number above zero: leave a missing {row['metric']} out")
    elif not low <= value <= high:
        add("value", f"a number between {low:g} and {high:g} {row['unit']}")
    return None


def _check_clocks(row: pd.Series, add) -> None:  # type: ignore[no-untyped-def]
    end = reported = None
    try:
        end = period_end(row["period"])
    except DataError:
        add("period", PERIOD_WANTED)
    try:
        reported = parse_date(row["reported_on"])
    except DataError:
        add("reported_on", "a day such as 2026-05-06")
    if end and reported and reported < end and row["qualifier"] not in _EARLY:
        add(
            "reported_on",
            f"a day on or after the period's end {end.isoformat()}, "
            f"or the qualifier {' or '.join(_EARLY)}",
        )


def _duplicates(rows: pd.DataFrame) -> list[Problem]:
    subset = [*KEY, "reported_on"]
    first = rows.groupby(subset, sort=False).cumcount()
    return [
        Problem(
            int(str(index)) + 2,
            "entity, metric, period, reported_on",
            " / ".join(rows.loc[index, subset]),
            "one row for each; a revision carries a later reported_on",
        )
        for index in rows.index[first > 0]
    ]


def as_of(table: Table, date: str | dt.date) -> Table:
    """Return what was known on `date`: per key, the newest row reported by then.

    Parameters
    ----------
    table
        A checked vintage table.
    date
        The day; rows reported on it are known.

    Returns
    -------
    pandas.DataFrame
        At most one row a key (entity, metric, period), sorted by key; ``attrs["as_of"]`` holds
        the date.

    Raises
    ------
    DataError
        If nothing was known on that day.
    """
    day = parse_date(date, "as_of date").isoformat()
    known = table[table["reported_on"] <= day].sort_values([*KEY, "reported_on"], kind="stable")
    if known.empty:
        first = table["reported_on"].min()
        raise DataError(f"nothing was reported by {day}; the first report is of {first}")
    newest = known.drop_duplicates(list(KEY), keep="last").reset_index(drop=True)
    newest.attrs["as_of"] = day
    return newest


def table_hash(table: Table) -> str:
    """Return a hash of the rows' content that does not depend on their order."""
    lines = sorted(
        "\x1f".join([*(str(row[c]) for c in COLUMNS if c != "value"), repr(float(row["value"]))])
        for _, row in table.iterrows()
    )
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def append_rows(path: str | Path, new: Table) -> int:
    """Append rows to the table at `path`; rows it already holds are passed over.

    The file is replaced in one step or not at all.

    Parameters
    ----------
    path
        An existing vintage table.
    new
        Checked rows.

    Returns
    -------
    int
        Number of rows added.

    Raises
    ------
    DataError
        If a new row gives another value for a key and report day that the table already has:
        what was reported on a day does not change, a revision has a later ``reported_on``.
    """
    path = Path(path)
    old = read_table(path)
    merged = pd.concat([old, new], ignore_index=True).fillna("")
    merged = merged.drop_duplicates([*KEY, "reported_on", "value", "unit"], ignore_index=True)
    added = len(merged) - len(old)
    if added:
        check_table(merged, f"{path} with the new rows")
        with tempfile.NamedTemporaryFile(
            "w", dir=path.parent, suffix=".tmp", delete=False, encoding="utf-8", newline=""
        ) as file:
            merged.to_csv(file, index=False, lineterminator="\n")
            file.flush()
            os.fsync(file.fileno())
        Path(file.name).replace(path)
    return added
