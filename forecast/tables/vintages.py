"""The table with two dates: every number has the period it is about and the day it became known.

A period is its days, not how they are written: a checked table has one spelling of each
(:func:`forecast.core.periods.one_spelling`), so that a key is the same wherever it is made. A report is
taken back by a row of its own, a withdrawal, and nothing is deleted: from that row's day on the report
does not count, and what was known before it counts again.

Invariant: :func:`as_of` returns at most one row a key (entity, metric, period), never a row reported
after the date, nor one withdrawn by then. ``tests/test_vintages.py`` proves it on random tables.
"""

from __future__ import annotations

import contextlib
import dataclasses
import datetime as dt
import functools
import hashlib
import io
import math
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from forecast.core import lock
from forecast.core.errors import DataError, StoreError
from forecast.core.files import read_bytes, replace_text
from forecast.core.periods import (
    LENGTHS,
    PERIOD_WANTED,
    one_spelling,
    parse_date,
    period_days,
    period_end,
)
from forecast.core.problems import Problem, listed
from forecast.core.text import one_line
from forecast.core.units import UNITS
from forecast.core.words import (
    COLUMNS,
    CONFIDENCE,
    FREE_METRICS,
    KEY,
    OPTIONAL_COLUMNS,
    QUALIFIERS,
    RANGE,
    SIGNED_METRICS,
    TABLE_COLUMNS,
    WITHDRAWN,
    WITHDRAWS,
    guided,
)
from forecast.tables.read_once import read_once

if TYPE_CHECKING:
    from forecast.tables.names import Metric

Table = pd.DataFrame
"""A checked vintage table: the columns of the schema, `value` float, the rest text."""

type Row = Mapping[Hashable, Any]
"""One row of a checked table, by column: `value` a number, the rest text."""
type _Text = Mapping[Hashable, str]
type _Add = Callable[[str, str], None]
"""Notes a problem of a row: the column, and what is wanted in it."""

_VINTAGE_KEY = (*KEY, "reported_on")
_EARLY = ("estimated", "projected")
_BOUNDS = {"percent": (0.0, 100.0)}
_SIZES = {"money": (1e-9, 1e16)}
_ANY_SIZE = (1e-15, 1e36)
"""Sizes that a number may have in its dimension's base unit, unless it is zero: beyond them it is a slip
of the keyboard, and overflows where it is squared. USD 1e16 is a hundred times what the world makes in a
year; the largest training run is below 1e28 FLOP."""


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
        content = read_bytes(path)
    except FileNotFoundError:
        raise DataError(f"{path}: there is no such file; give the path of a CSV") from None

    def checked() -> Table:
        try:
            raw = _text_cells(content)
        except (UnicodeDecodeError, pd.errors.EmptyDataError, pd.errors.ParserError) as error:
            raise DataError(
                f"{path}: got something that is not a CSV table ({type(error).__name__}: {error}); "
                f"wanted UTF-8 text with a header line naming {', '.join(COLUMNS)}"
            ) from None
        return check_table(raw, str(path), today=today)

    return read_once(checked, content, "vintages", str(today))


def _text_cells(content: bytes) -> pd.DataFrame:
    return pd.read_csv(io.BytesIO(content), dtype=str, keep_default_na=False, encoding="utf-8")


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
        The day on which rows come in: what is reported later is refused, and a period of a length that
        its metric does not have. None for a table that is held, in which one may have written what
        could be.

    Returns
    -------
    pandas.DataFrame
        The rows, each period in its one spelling.

    Raises
    ------
    DataError
        With every problem: unknown unit, unit of another dimension than the metric's (that of
        ``data/metrics.csv``, of another metric that of its first row), missing or impossible value,
        range without its ends, period that cannot be read, two reports of one key on one day of which
        none was withdrawn, report before the period's end unless it is guidance, unknown column.
    """
    missing = [column for column in COLUMNS if column not in raw.columns]
    unknown = [str(c) for c in raw.columns if c not in TABLE_COLUMNS]
    if missing or unknown:
        raise DataError(
            f"{name}: missing column(s) {one_line(missing) or 'none'}; "
            f"unknown column(s) {one_line(unknown) or 'none'}; "
            f"wanted {', '.join(COLUMNS)} and, if you like, {', '.join(OPTIONAL_COLUMNS)}"
        )
    if raw.empty:
        raise DataError(f"{name}: got a header and no rows; wanted at least one observation")
    rows = raw[[c for c in TABLE_COLUMNS if c in raw.columns]].reset_index(drop=True)
    rows = rows.apply(lambda column: column.map(lambda cell: str(cell).strip()))
    at = range(2, len(rows) + 2) if lines is None else lines  # the header is line 1
    records, measures = rows.to_dict("records"), _dimensions(rows)
    problems = [
        problem
        for line, row in zip(at, records, strict=True)
        for problem in _row_problems(line, row, measures, today)
    ]
    written = rows["period"].copy()
    rows["period"] = [period if _end_of(period) is None else one_spelling(period)
                      for period in written]  # fmt: skip
    problems += _duplicates(at, rows, written)
    if problems:
        raise DataError(
            f"{name}: {len(problems)} problem(s) in {len({p.row for p in problems})} row(s), "
            f"nothing was taken:{listed(problems)}"
        )
    rows["value"] = rows["value"].astype(float)
    return rows


def _dimensions(rows: Table) -> dict[str, str]:
    """Return what each metric measures: by the shipped list of metrics, else as its first row says."""
    shipped, found = _metrics(), dict[str, str]()
    for metric, unit in zip(rows["metric"], rows["unit"], strict=True):
        if metric not in found and metric in shipped:
            found[metric] = shipped[metric].dimension
        elif metric not in found and unit in UNITS:
            found[metric] = UNITS[unit].dimension
    return found


def _metrics() -> Mapping[str, Metric]:
    """Return the metrics that are known."""
    from forecast.tables.names import metrics  # read when a table is checked

    return metrics().things


def _row_problems(
    line: int, row: _Text, measures: Mapping[str, str], today: dt.date | None
) -> list[Problem]:
    found: list[Problem] = []

    def add(column: str, wanted: str) -> None:
        found.append(Problem(line, column, row[column], wanted))

    for column in ("entity", "metric", "source"):
        if not row[column]:
            add(column, "some text")
    wanted = measures.get(row["metric"])
    if row["unit"] not in UNITS:
        add("unit", f"one of {', '.join(UNITS)}")
    elif wanted is not None and UNITS[row["unit"]].dimension != wanted:
        some = one_line([u.name for u in UNITS.values() if u.dimension == wanted])
        add("unit", f"a unit of {wanted} ({some}), which {row['metric']} is measured in")
    if row["confidence"] not in CONFIDENCE:
        add("confidence", "A, B or C")
    if row["qualifier"] not in (*QUALIFIERS, WITHDRAWN):
        add("qualifier", f"empty or one of {', '.join(QUALIFIERS[1:])}")
    _check_value(row, add)
    _check_range(row, add)
    _check_clocks(row, today, add)
    _check_withdrawal(row, add)
    return found


def _check_value(row: _Text, add: _Add) -> None:
    try:
        value = float(row["value"])
    except ValueError:
        return add("value", "a number with a decimal point and no thousands separator")
    low, high = _BOUNDS.get(row["unit"], (-math.inf, math.inf))
    scale = UNITS[row["unit"]].scale if row["unit"] in UNITS else 1.0
    about = guided(row["metric"]) or row["metric"]
    least, most = (
        _SIZES.get(UNITS[row["unit"]].dimension, _ANY_SIZE) if row["unit"] in UNITS else _ANY_SIZE
    )
    if not math.isfinite(value * scale):
        add("value", "a finite number")
    elif value and not least <= abs(value) * scale <= most:
        add("value", f"a number whose size is {least / scale:g} to {most / scale:g} {row['unit']}")
    elif about not in SIGNED_METRICS and value < 0:
        add(
            "value",
            f"a number above zero: {row['metric']} cannot be negative: an outflow "
            "stands here without brackets or a minus sign",
        )
    elif about not in SIGNED_METRICS | FREE_METRICS and value == 0:
        add("value", f"a number above zero: leave a missing {row['metric']} out")
    elif not low <= value <= high:
        add("value", f"a number between {low:g} and {high:g} {row['unit']}")
    return None


def _check_range(row: _Text, add: _Add) -> None:
    ends = [row.get(column, "") for column in RANGE]
    if row["qualifier"] not in ("range", WITHDRAWN):
        for column, end in zip(RANGE, ends, strict=True):
            if end:
                add(column, "nothing, or the qualifier range")
        return
    if row["qualifier"] == WITHDRAWN and not any(ends):
        return
    try:
        low, value, high = float(ends[0]), float(row["value"]), float(ends[1])
    except ValueError:
        add(
            "qualifier", f"another word, or numbers in {' and '.join(RANGE)} (got {one_line(ends)})"
        )
        return
    if not low <= value <= high or low == high:
        add("value", f"a number from {ends[0]} to {ends[1]}, the ends of its range, which differ")


def _check_clocks(row: _Text, today: dt.date | None, add: _Add) -> None:
    end, reported = _end_of(row["period"]), _day(row["reported_on"])
    metric = _metrics().get(row["metric"])
    if end is None:
        add("period", PERIOD_WANTED)
    elif today and metric is not None and (wanted := _too_short(row["period"], metric.lengths)):
        add("period", f"{wanted}: {metric.name} is told of nothing shorter")
    if reported is None:
        add("reported_on", "a day such as 2026-05-06")
    early = guided(row["metric"]) or row["qualifier"] in (*_EARLY, WITHDRAWN)
    if end and reported and reported < end and not early:
        add(
            "reported_on",
            f"a day on or after the period's end {end.isoformat()}, "
            f"or the qualifier {' or '.join(_EARLY)}",
        )
    if reported and today and reported > today:
        add("reported_on", f"a day on which it was reported, not after today, {today.isoformat()}")


_EXAMPLES = {
    "month": "a month such as 2025-09",
    "quarter": "a quarter such as 2025Q3 or 2025-09-01/2025-11-30",
    "year": "a year such as 2025",
}


def _too_short(period: str, lengths: Sequence[str]) -> str:
    """Return what is wanted in place of a period shorter than a metric's own; nothing if it is not.

    What stands at a day may be told of any period, as of its last day; of a flow a longer one says less,
    but the year of a quarterly one is a number that people have.
    """
    start, end = period_days(period)
    least = min(LENGTHS[name][0] for name in lengths)
    return "" if (end - start).days + 1 >= least else " or ".join(_EXAMPLES[n] for n in lengths)


def _check_withdrawal(row: _Text, add: _Add) -> None:
    told = row.get(WITHDRAWS, "")
    if row["qualifier"] == WITHDRAWN and (_day(told) is None or told > row["reported_on"]):
        wanted = "another word: forecast data withdraw takes a report back, with the report's day"
        add("qualifier", f"{wanted} in the column {WITHDRAWS}")
    elif row["qualifier"] != WITHDRAWN and told:
        found = f"nothing, or the qualifier {WITHDRAWN}"
        add(WITHDRAWS, found)


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


def _duplicates(lines: Sequence[int], rows: Table, written: pd.Series) -> list[Problem]:
    found: list[Problem] = []
    seen: dict[tuple[str, ...], tuple[int, str]] = {}
    gone = withdrawn_on(rows)
    keys = zip(lines, same_report(rows), written, gone, strict=True)
    for line, key, period, day in keys:
        if day:
            continue
        if key not in seen:
            seen[key] = (line, period)
            continue
        first, other = seen[key]
        besides = "" if other == period else f", and line {first} has the same days as {other}"
        got = " / ".join([*key[:2], period, *key[3:]])
        wanted = f"one row for each{besides}; a revision carries a later reported_on"
        found.append(Problem(line, ", ".join(_VINTAGE_KEY), got, wanted))
    return found


# --- reports that stand ----------------------------------------------------------------------
def same_report(table: Table) -> list[tuple[str, ...]]:
    """Return by row what no other row may have that stands: of a withdrawal, also what it withdraws."""
    keys = table[list(_VINTAGE_KEY)].itertuples(index=False, name=None)
    gone = table["qualifier"] == WITHDRAWN
    if not gone.any():
        return list(keys)
    told = table[WITHDRAWS] if WITHDRAWS in table else table["reported_on"]
    more = zip(gone, told, table["value"], strict=True)
    return [
        (*key[:3], str(of), WITHDRAWN, str(value)) if withdrawal else key
        for key, (withdrawal, of, value) in zip(keys, more, strict=True)
    ]


def withdrawn_on(table: Table) -> pd.Series:
    """Return by row the day from which the report does not count; "" where it was not withdrawn.

    A withdrawal is of the report with its key, value and unit that was reported on the day it names; one
    of a report that is not there (any more) takes nothing back.
    """
    if WITHDRAWS not in table or not (table["qualifier"] == WITHDRAWN).any():
        return pd.Series("", index=table.index)
    value = pd.to_numeric(table["value"], errors="coerce")
    one = table.assign(value=value)
    gone = one[one["qualifier"] == WITHDRAWN]
    what = [*KEY, WITHDRAWS, "value", "unit"]
    pairs = zip(gone[what].itertuples(index=False, name=None), gone["reported_on"], strict=True)
    days = {report: str(day) for report, day in pairs}
    reports = one[[*KEY, "reported_on", "value", "unit"]].itertuples(index=False, name=None)
    no = one["qualifier"] == WITHDRAWN
    told = ["" if withdrawal else days.get(report, "")
            for report, withdrawal in zip(reports, no, strict=True)]  # fmt: skip
    return pd.Series(told, index=table.index)


def standing(table: Table, day: str = LAST_DAY) -> Table:
    """Return the reports that stand on a day: reported by then, and not withdrawn by then.

    Whoever looks at more than the newest report of each key looks at these.

    Parameters
    ----------
    table
        A checked vintage table.
    day
        ISO. By default all days are over: what was ever withdrawn does not stand.

    Returns
    -------
    pandas.DataFrame
        In the order of `table` and with its index; without withdrawals and their column. Of two reports
        of one key and day, of which the first was withdrawn for the second, it is the second, also
        before the withdrawal.
    """
    rows = table[table["reported_on"] <= day]
    if WITHDRAWS not in table:
        return rows
    until = withdrawn_on(table)[rows.index]
    stands = (rows["qualifier"] != WITHDRAWN) & ((until == "") | (until > day))
    rows, until = rows[stands], until[stands].replace("", "9999")
    order = until.sort_values(kind="stable").index
    last = rows.loc[order].drop_duplicates(list(_VINTAGE_KEY), keep="last").index
    return rows.loc[rows.index.isin(last)].drop(columns=WITHDRAWS)


@dataclasses.dataclass(frozen=True, eq=False)
class Known:
    """What was known on a day.

    Attributes
    ----------
    date
        The day, ISO.
    rows
        At most one row a key (entity, metric, period): the newest by then that was not withdrawn, sorted
        by key.
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


def as_if_none_were_withdrawn(table: Table) -> Table:
    """Return all reports as they stood before any was withdrawn, less what took their place."""
    if WITHDRAWS not in table:
        return table
    rows = table[table["qualifier"] != WITHDRAWN]
    order = withdrawn_on(table)[rows.index].replace("", "9999").sort_values(kind="stable").index
    first = rows.loc[order].drop_duplicates(list(_VINTAGE_KEY), keep="first").index
    return rows.loc[rows.index.isin(first)].drop(columns=WITHDRAWS)


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
    by_then = standing(table, day).sort_values([*KEY, "reported_on"], kind="stable")
    if by_then.empty:
        first = table["reported_on"].min()
        if first <= day:
            raise DataError(f"nothing is known on {day}: every report up to then was withdrawn")
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
    rows = [report_name(row) for row in later.to_dict("records")]
    return (
        f"{len(later)} row(s) are of days after today, {today.isoformat()}, and are not known yet: "
        f"{one_line(rows, 3)}; correct them, or say with --as-of which day to take for today"
    )


def report_name(row: Row) -> str:
    """Return what a row reports and when, in a few words."""
    return f"{row['entity']} {row['metric']} {row['period']} of {row['reported_on']}"


def value_text(row: Row, *, old: bool = False, grouped: bool = True) -> str:
    """Return a row's number as it was said, with its unit; of a revision what was said before.

    Parameters
    ----------
    row
        A row of the schema, or one of :class:`forecast.tables.changes.Changes`.
    old
        Whether what was known before is meant.
    grouped
        Whether a comma parts the thousands.

    Examples
    --------
    >>> value_text({"value": 135.0, "unit": "USD bn", "qualifier": "range", "low": "125", "high": "145"})
    '125 to 145 USD bn'
    >>> value_text({"value": 80.0, "unit": "USD bn", "qualifier": "at least"})
    'at least 80 USD bn'
    """
    begin = "old_" if old else ""
    form = ",.12g" if grouped else ".12g"
    said, value = row.get(f"{begin}qualifier", ""), format(float(row[f"{begin}value"]), form)
    ends = [row.get(f"{begin}{column}", "") for column in RANGE]
    if said == "range" and all(ends):
        return f"{' to '.join(format(float(end), form) for end in ends)} {row['unit']}"
    return f"{said} {value} {row['unit']}".strip()


def as_printed(rows: Table) -> Table:
    """Return the rows that say how they were printed; none of a table without that column."""
    return rows[rows["printed"].astype(str) != ""] if "printed" in rows else rows.iloc[:0]


def table_hash(table: Table) -> str:
    """Return a hash of the rows' content that does not depend on their order."""
    columns = [c for c in COLUMNS if c != "value"]
    # A table without ranges has the same hash with and without the columns for them.
    columns += [c for c in RANGE if c in table and (table[c].astype(str) != "").any()]
    texts = [table[c].astype(str) for c in columns]
    values = [repr(float(v)) for v in table["value"]]
    lines = sorted("\x1f".join(cells) for cells in zip(*texts, values, strict=True))
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def append_rows(path: str | Path, new: Table) -> int:
    """Append rows to the table at `path`; rows it already holds are passed over.

    The file is replaced in one step or not at all, and is on the disk when this returns. What the
    old rows say stays as it is written, to the letter.

    Parameters
    ----------
    path
        A vintage table; it is made if it is missing, with its folder, but not the folder around that.
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
        the file cannot be written, or there is no folder for it.
    StoreError
        If another process is writing to the table and does not come to an end.
    """
    path = Path(path).resolve()  # a link stays a link
    try:
        if not path.parent.parent.is_dir():
            raise DataError(
                f"{path.parent}: there is no such folder; make it, or give another table"
            )
        path.parent.mkdir(exist_ok=True)
        with lock.hold(path.with_name(f".{path.name}.lock"), f"the table {path}"):
            return _append(path, new)
    except StoreError:
        raise
    except OSError as error:
        raise DataError(
            f"{path}: cannot be written ({error.strerror}); it stays as it was"
        ) from error


def _append(path: Path, new: Table) -> int:
    written = pd.DataFrame(columns=[c for c in TABLE_COLUMNS if c in new.columns])
    old = new.iloc[:0]
    if path.exists():
        old = read_table(path)
        written = _text_cells(read_bytes(path))
    held, kept = set(_contents(old)), []
    for k, content in enumerate(_contents(new)):
        if content not in held:
            held.add(content)
            kept.append(k)
    fresh = new.iloc[kept].reset_index(drop=True)
    if fresh.empty:
        return 0
    check_table(pd.concat([old, fresh], ignore_index=True).fillna(""), f"{path} with the new rows")
    text = fresh.assign(value=[_number(v) for v in fresh["value"]])
    merged = pd.concat([written, text], ignore_index=True).fillna("")
    for left in path.parent.glob(f".{path.name}-*.tmp"):  # of writers that were killed
        left.unlink(missing_ok=True)
    replace_text(path, merged.to_csv(index=False, lineterminator="\n"))
    return len(fresh)


def _contents(table: Table) -> list[tuple[object, ...]]:
    """Return by row what makes it the same as another."""
    same = [*_VINTAGE_KEY, "value", "unit", "qualifier", *RANGE, WITHDRAWS]
    rows = table.assign(**{c: "" for c in (*RANGE, WITHDRAWS) if c not in table})
    return list(rows[same].itertuples(index=False, name=None))


def _number(value: float) -> str:
    """Return a number as people write it: no ``.0``, no lost digit."""
    return f"{value:.0f}" if value.is_integer() and abs(value) < 1e15 else repr(value)
