"""The table with two dates: every number has the period it is about and the day it became known.

Invariant: :func:`as_of` returns at most one row a key (entity, metric, period), and never a row
reported after the date. ``tests/test_vintages.py`` proves both on random tables.
"""

from __future__ import annotations

import bisect
import contextlib
import dataclasses
import datetime as dt
import functools
import hashlib
import io
import math
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from forecast.core import lock
from forecast.core.errors import DataError, StoreError
from forecast.core.files import read_bytes, replace_text
from forecast.core.periods import PERIOD_WANTED, parse_date, period_days, period_end
from forecast.core.problems import Problem, listed
from forecast.core.text import one_line
from forecast.core.units import UNITS, convert
from forecast.core.words import (
    COLUMNS,
    CONFIDENCE,
    FREE_METRICS,
    KEY,
    OPTIONAL_COLUMNS,
    QUALIFIERS,
    SIGNED_METRICS,
)

Table = pd.DataFrame
"""A checked vintage table: the columns of the schema, `value` float, the rest text."""

type Row = Mapping[Hashable, Any]
"""One row of a checked table, by column: `value` a number, the rest text."""
type _Text = Mapping[Hashable, str]

_VINTAGE_KEY = (*KEY, "reported_on")
_EARLY = ("estimated", "projected")
_BOUNDS = {"percent": (0.0, 100.0)}


FIRST_DAY, LAST_DAY = "1900-01-01", "2200-12-31"
"""Days between which something may be known: those of all periods."""


def read_table(path: str | Path, today: dt.date | None = None) -> Table:
    """Read one CSV of the vintage schema and check it.

    Parameters
    ----------
    path
        A UTF-8 CSV with at least the columns of :data:`forecast.core.words.COLUMNS`.
    today
        As in :func:`check_table`.

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
        raw = _text_cells(path)
    except FileNotFoundError:
        raise DataError(f"{path}: there is no such file; give the path of a CSV") from None
    except (UnicodeDecodeError, pd.errors.EmptyDataError, pd.errors.ParserError) as error:
        raise DataError(
            f"{path}: got something that is not a CSV table ({type(error).__name__}: {error}); "
            f"wanted UTF-8 text with a header line naming {', '.join(COLUMNS)}"
        ) from None
    return check_table(raw, str(path), today=today)


def _text_cells(path: Path) -> pd.DataFrame:
    content = io.BytesIO(read_bytes(path))
    return pd.read_csv(content, dtype=str, keep_default_na=False, encoding="utf-8")


def check_table(
    raw: pd.DataFrame,
    name: str = "table",
    lines: Sequence[int] | None = None,
    today: dt.date | None = None,
) -> Table:
    """Return `raw` as a checked table, or raise one error that names every bad row.

    Parameters
    ----------
    raw
        Rows with all columns as text, or values already as numbers.
    name
        What to call the table in the error.
    lines
        The line of each row in the file it came from; 2, 3, ... by default.
    today
        The day on which rows come in: what is reported later is refused. None for a table that is
        held, in which one may have written what could be.

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
    at = range(2, len(rows) + 2) if lines is None else lines  # the header is line 1
    records = rows.to_dict("records")
    problems = [
        problem
        for line, row in zip(at, records, strict=True)
        for problem in _row_problems(line, row, today)
    ]
    problems += _duplicates(at, records)
    if problems:
        raise DataError(
            f"{name}: {len(problems)} problem(s) in {len({p.row for p in problems})} row(s), "
            f"nothing was taken:{listed(problems)}"
        )
    rows["value"] = rows["value"].astype(float)
    return rows


def _row_problems(line: int, row: _Text, today: dt.date | None) -> list[Problem]:
    found: list[Problem] = []

    def add(column: str, wanted: str) -> None:
        found.append(Problem(line, column, row[column], wanted))

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
    _check_clocks(row, today, add)
    return found


def _check_value(row: _Text, add: Callable[[str, str], None]) -> None:
    try:
        value = float(row["value"])
    except ValueError:
        return add("value", "a number with a decimal point and no thousands separator")
    low, high = _BOUNDS.get(row["unit"], (-math.inf, math.inf))
    scale = UNITS[row["unit"]].scale if row["unit"] in UNITS else 1.0
    if not math.isfinite(value * scale):
        add("value", "a finite number")
    elif row["metric"] not in SIGNED_METRICS and value < 0:
        add("value", f"a number above zero: {row['metric']} cannot be negative")
    elif row["metric"] not in SIGNED_METRICS | FREE_METRICS and value == 0:
        add("value", f"a number above zero: leave a missing {row['metric']} out")
    elif not low <= value <= high:
        add("value", f"a number between {low:g} and {high:g} {row['unit']}")
    return None


def _check_clocks(row: _Text, today: dt.date | None, add: Callable[[str, str], None]) -> None:
    end, reported = _end_of(row["period"]), _day(row["reported_on"])
    if end is None:
        add("period", PERIOD_WANTED)
    if reported is None:
        add("reported_on", "a day such as 2026-05-06")
    if end and reported and reported < end and row["qualifier"] not in _EARLY:
        add(
            "reported_on",
            f"a day on or after the period's end {end.isoformat()}, "
            f"or the qualifier {' or '.join(_EARLY)}",
        )
    if reported and today and reported > today:
        add("reported_on", f"a day on which it was reported, not after today, {today.isoformat()}")


@functools.lru_cache(maxsize=4096)
def _end_of(period: str) -> dt.date | None:
    """Return a period's last day, or None if it cannot be read; a table repeats its periods."""
    with contextlib.suppress(DataError):
        return period_end(period)
    return None


@functools.lru_cache(maxsize=4096)
def _day(text: str) -> dt.date | None:
    with contextlib.suppress(DataError):
        return parse_date(text)
    return None


def _duplicates(lines: Sequence[int], records: Sequence[_Text]) -> list[Problem]:
    found: list[Problem] = []
    seen: set[tuple[str, ...]] = set()
    for line, row in zip(lines, records, strict=True):
        key = tuple(row[c] for c in _VINTAGE_KEY)
        if key in seen:
            found.append(
                Problem(
                    line,
                    ", ".join(_VINTAGE_KEY),
                    " / ".join(key),
                    "one row for each; a revision carries a later reported_on",
                )
            )
        seen.add(key)
    return found


@dataclasses.dataclass(frozen=True, eq=False)
class Known:
    """What was known on a day.

    Attributes
    ----------
    date
        The day, ISO.
    rows
        At most one row a key (entity, metric, period), the newest by then, sorted by key.
    """

    date: str
    rows: Table

    def with_rows(self, rows: Table) -> Known:
        """Return other rows as known on the same day: some of these, or these changed."""
        return Known(self.date, rows)

    def _repr_html_(self) -> str:
        """Show the rows as a table with the day."""
        head = f"<p><b>Known as of {self.date}</b>, {len(self.rows):,} observations</p>"
        return head + self.rows.to_html(index=False, max_rows=20)


def require_known(known: Known) -> Known:
    """Return what was known as it is given, which a table without its day is not.

    Raises
    ------
    DataError
        If it did not come from :func:`as_of`.
    """
    if not isinstance(known, Known):
        raise DataError("the table has no as_of date; pass it through as_of(table, date) first")
    return known


def as_of(table: Table, date: str | dt.date) -> Known:
    """Return what was known on `date`: per key, the newest row reported by then.

    Parameters
    ----------
    table
        A checked vintage table.
    date
        The day; rows reported on it are known.

    Returns
    -------
    Known
        The date, and at most one row a key (entity, metric, period), sorted by key.

    Raises
    ------
    DataError
        If nothing was known on that day.
    """
    day = parse_date(date, "as_of date").isoformat()
    if not FIRST_DAY <= day <= LAST_DAY:
        raise DataError(f"got the as_of date {day}; wanted one from {FIRST_DAY} to {LAST_DAY}")
    by_then = table[table["reported_on"] <= day].sort_values([*KEY, "reported_on"], kind="stable")
    if by_then.empty:
        first = table["reported_on"].min()
        raise DataError(f"nothing was reported by {day}; the first report is of {first}")
    return Known(day, by_then.drop_duplicates(list(KEY), keep="last").reset_index(drop=True))


def newest_day(table: Table, today: dt.date | None = None, also: Iterable[str] = ()) -> str:
    """Return the newest report day that is not after today: what is known where no day is asked for.

    Without a `today` every report counts; `also` are days of other tables that count as well.

    Raises
    ------
    DataError
        If all reports are of later days.
    """
    days = table["reported_on"]
    known = days if today is None else days[days <= today.isoformat()]
    if today is not None and known.empty:
        raise DataError(
            f"got no report up to today, {today.isoformat()}; the first is of {days.min()}: correct its "
            "reported_on, or say with --as-of which day to take for today"
        )
    more = [day for day in also if today is None or day <= today.isoformat()]
    return max([str(known.max()), *more])


def not_yet(table: Table, today: dt.date) -> str:
    """Return a sentence on rows that a table holds of days after today; empty if there are none."""
    later = table[table["reported_on"] > today.isoformat()]
    if later.empty:
        return ""
    rows = [f"{r.entity} {r.metric} {r.period} of {r.reported_on}" for r in later.itertuples()]
    return (
        f"{len(later)} row(s) are of days after today, {today.isoformat()}, and are not known yet: "
        f"{one_line(rows, 3)}; correct them, or say with --as-of which day to take for today"
    )


def as_printed(rows: Table) -> Table:
    """Return the rows that say how they were printed; none of a table without that column."""
    return rows[rows["printed"].astype(str) != ""] if "printed" in rows else rows.iloc[:0]


def table_hash(table: Table) -> str:
    """Return a hash of the rows' content that does not depend on their order."""
    texts = [table[c].astype(str) for c in COLUMNS if c != "value"]
    values = [repr(float(v)) for v in table["value"]]
    lines = sorted("\x1f".join(cells) for cells in zip(*texts, values, strict=True))
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


@dataclasses.dataclass(frozen=True)
class Changes:
    """What new rows would do to a table.

    Attributes
    ----------
    new
        Rows that are the first on their key, or its first known vintage by their day; ``jump`` says
        in words if a number is far from its neighbour, the period before it or else the one after.
    revisions
        Rows that change what was known; ``old_value`` (in the row's own unit) and
        ``old_reported_on`` say what, and ``jump`` if the two are far apart.
    there
        Rows that say what the table already says on their day.
    conflicts
        Rows that contradict what the table says was reported on the very same day, with
        ``old_value``, ``old_qualifier`` and ``old_source``.
    """

    new: Table
    revisions: Table
    there: Table
    conflicts: Table


def compare(table: Table | None, new: Table) -> Changes:
    """Sort new rows by what they would change in a table; nothing is written.

    A row is there already if, on the day it was reported, its key was known with the same value and
    the same qualifier: adding it would change no ``as_of``. Values are compared in the new row's
    unit, so that 2.565 USD bn is 2565 USD m.

    Parameters
    ----------
    table
        The checked table to which the rows would go, or None if there is none yet.
    new
        Checked rows; vintages of one key may come together.
    """
    history: dict[tuple[str, ...], list[Row]] = {}
    series: dict[tuple[str, ...], list[_Spot]] = {}
    for row in [] if table is None else table.to_dict("records"):
        history.setdefault(tuple(row[c] for c in KEY), []).append(row)
        bisect.insort(series.setdefault((row["entity"], row["metric"]), []), _spot(row))
    found: dict[str, list[Row]] = {f.name: [] for f in dataclasses.fields(Changes)}
    for row in new.sort_values([*KEY, "reported_on"], kind="stable").to_dict("records"):
        vintages = history.setdefault(tuple(row[c] for c in KEY), [])
        by_then = [v for v in vintages if v["reported_on"] <= row["reported_on"]]
        before = max(by_then, key=lambda v: v["reported_on"], default=None)
        kind, said = _change(before, row)
        if kind in ("new", "revisions"):
            spots, spot = series.setdefault((row["entity"], row["metric"]), []), _spot(row)
            other = _neighbour(spots, spot) if before is None else _spot(before)
            far = FAR_FLOW if row["metric"] in SIGNED_METRICS else FAR
            said["jump"] = "" if other is None else _jump(other, spot, far)
            vintages.append(row)
            bisect.insort(spots, spot)
        found[kind].append({**row, **said})
    extra = {
        "new": ("jump",),
        "revisions": ("old_value", "old_reported_on", "jump"),
        "conflicts": ("old_value", "old_qualifier", "old_source"),
    }
    return Changes(
        **{
            kind: pd.DataFrame(rows, columns=[*new.columns, *extra.get(kind, ())])
            for kind, rows in found.items()
        }
    )


FAR, FAR_FLOW = 5.0, 100.0
"""How many times its neighbour a number may almost be, or its neighbour it, without a word; a flow that
may be negative comes near zero by itself."""


@dataclasses.dataclass(frozen=True, order=True)
class _Spot:
    """A number in its series: by the last day of its period, its length in days, its report day."""

    end: dt.date
    days: int
    reported_on: str
    period: str
    value: float
    unit: str


def _spot(row: Row) -> _Spot:
    start, end = period_days(row["period"])
    return _Spot(
        end, (end - start).days + 1, row["reported_on"], row["period"], row["value"], row["unit"]
    )


def _neighbour(spots: Sequence[_Spot], spot: _Spot) -> _Spot | None:
    """Return what was last reported of the nearest period before, of like length, or else after."""
    k = bisect.bisect_left(spots, spot.end, key=lambda s: s.end)
    for ordered in (reversed(spots[:k]), spots[k:]):
        like = (s for s in ordered if 0.8 < s.days / spot.days < 1.25 and s.period != spot.period)
        nearest = next(like, None)
        if nearest is not None:
            return max(
                (s for s in spots if s.period == nearest.period), key=lambda s: s.reported_on
            )
    return None


def _jump(other: _Spot, spot: _Spot, far: float) -> str:
    """Return two numbers that are far apart in words, or nothing."""
    try:
        old = convert(other.value, other.unit, spot.unit)
    except DataError:  # another dimension: no distance
        return ""
    if not old or not spot.value:
        return ""
    times = abs(spot.value / old)
    if 1 / far < times < far:
        return ""
    larger = max(times, 1 / times if times else math.inf)
    count = f"{larger:,.0f}" if larger >= 10 else f"{larger:.2g}"
    link, where = "after" if other.end <= spot.end else "before", f" in {other.period}"
    if other.period == spot.period:
        link, where = "in place of", ""
    return (
        f"{spot.value:,.6g} {spot.unit} {link} {old:,.6g}{where}: "
        f"{count + ' times' if times > 1 else '1/' + count}; look at the unit"
    )


class _Change(NamedTuple):
    """What a row is to the vintage before it, by a field of :class:`Changes`, and what that one said."""

    kind: str
    said: dict[Hashable, object]


def _change(before: Row | None, row: Row) -> _Change:
    """Return what `row` is to the vintage before it, and what it must say of that one."""
    if before is None:
        return _Change("new", {})
    try:
        old = convert(before["value"], before["unit"], row["unit"])
    except DataError:  # another dimension
        old = math.nan
    if math.isclose(old, row["value"], rel_tol=1e-12) and before["qualifier"] == row["qualifier"]:
        return _Change("there", {})
    if before["reported_on"] < row["reported_on"]:
        return _Change("revisions", {"old_value": old, "old_reported_on": before["reported_on"]})
    said: dict[Hashable, object] = {
        "old_qualifier": before["qualifier"],
        "old_source": before["source"],
    }
    return _Change("conflicts", {"old_value": old, **said})


def append_rows(path: str | Path, new: Table) -> int:
    """Append rows to the table at `path`; rows it already holds are passed over.

    The file is replaced in one step or not at all, and is on the disk when this returns. What the
    old rows say stays as it is written, to the letter.

    Parameters
    ----------
    path
        A vintage table; it is made, with its folder, if it is missing.
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
        what was reported on a day does not change, a revision has a later ``reported_on``. Also if
        the file cannot be written.
    StoreError
        If another process is writing to the table and does not come to an end.
    """
    path = Path(path).resolve()  # a link stays a link
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with lock.hold(path.with_name(f".{path.name}.lock"), f"the table {path}"):
            return _append(path, new)
    except StoreError:
        raise
    except OSError as error:
        raise DataError(
            f"{path}: cannot be written ({error.strerror}); it stays as it was"
        ) from error


def _append(path: Path, new: Table) -> int:
    written = pd.DataFrame(columns=[c for c in (*COLUMNS, *OPTIONAL_COLUMNS) if c in new.columns])
    old = new.iloc[:0]
    if path.exists():
        old = read_table(path)
        written = _text_cells(path)
    held = set(map(tuple, old[_CONTENT].to_numpy()))
    fresh = new[[tuple(row) not in held for row in new[_CONTENT].to_numpy()]]
    fresh = fresh.drop_duplicates(_CONTENT, ignore_index=True)
    if fresh.empty:
        return 0
    check_table(pd.concat([old, fresh], ignore_index=True).fillna(""), f"{path} with the new rows")
    text = fresh.assign(value=[_number(v) for v in fresh["value"]])
    merged = pd.concat([written, text], ignore_index=True).fillna("")
    for left in path.parent.glob(f".{path.name}-*.tmp"):  # of writers that were killed
        left.unlink(missing_ok=True)
    replace_text(path, merged.to_csv(index=False, lineterminator="\n"))
    return len(fresh)


_CONTENT = [*_VINTAGE_KEY, "value", "unit", "qualifier"]


def _number(value: float) -> str:
    """Return a number as people write it: no ``.0``, no lost digit."""
    return f"{value:.0f}" if value.is_integer() and abs(value) < 1e15 else repr(value)
