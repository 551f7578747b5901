"""What new rows would do to a table: what they add, revise, repeat or contradict.

Invariant: nothing is written here, and a row is sorted by the reports that stand: what was withdrawn is
neither repeated nor contradicted.
"""

from __future__ import annotations

import bisect
import dataclasses
import datetime as dt
import math
import re
import shlex
from collections.abc import Hashable, Mapping, Sequence
from decimal import Decimal
from typing import NamedTuple

import pandas as pd

from forecast.core.errors import DataError
from forecast.core.periods import period_days, quarter_long
from forecast.core.text import one_line
from forecast.core.units import convert
from forecast.core.words import KEY, RANGE, SIGNED_METRICS, guided
from forecast.tables.desk.fiscal import Span, fiscal_quarter
from forecast.tables.names import companies, metrics, plain
from forecast.tables.vintages import (
    Known,
    Row,
    Table,
    report_name,
    standing,
    value_text,
    withdrawn_on,
)


@dataclasses.dataclass(frozen=True)
class Changes:
    """What new rows would do to a table.

    Attributes
    ----------
    new
        Rows that are the first on their key, or its first known vintage by their day; ``jump`` says
        in words if a number is far from its neighbour, the period before it or else the one after,
        and of guidance from the last report of what it is about, at that rate; ``first`` is True where
        there is nothing to compare it with.
    revisions
        Rows that change what was known; ``old_value``, ``old_low`` and ``old_high`` (in the row's own
        unit), ``old_qualifier`` and ``old_reported_on`` say what, and ``jump`` if the two are far apart:
        of what was reported by more than a tenth.
    there
        Rows that say what the table already says on their day; ``withdrawn_on`` is the day on which
        that very report was withdrawn, or empty. ``rounded`` is what the table says in their unit, where
        that is another number but the same report within the rounding of what is printed; else empty.
    conflicts
        Rows that contradict what the table says was reported on the very same day, with
        what it says there, and ``old_source``.
    withdrawn
        Rows of the table that no longer count, with ``now_value`` and ``now_reported_on``, what counts
        in their place; NaN and empty if nothing does. Only :func:`arrived` has such.
    """

    new: Table
    revisions: Table
    there: Table
    conflicts: Table
    withdrawn: Table


def compare(table: Table | None, new: Table) -> Changes:
    """Sort new rows by what they would change in a table; nothing is written.

    A row is there already if, on the day it was reported, its key was known with the same value and
    the same qualifier, and of a range the same ends: adding it would change no ``as_of``. Values are
    compared in the new row's unit, so that 2.565 USD bn is 2565 USD m. A number of the same day that is
    another only for rounding (a release prints the quarter, the quarterly report of that day the year to
    date, and the difference is one off) contradicts nothing: what was there first stays. A report
    that was withdrawn does not come back by being told once more as of its day: it is there, and says
    that it was withdrawn.

    Parameters
    ----------
    table
        The checked table to which the rows would go, or None if there is none yet.
    new
        Checked rows; vintages of one key may come together.
    """
    history: dict[tuple[str, ...], list[Row]] = {}
    series: dict[tuple[str, ...], list[_Spot]] = {}
    for row in [] if table is None else standing(table).to_dict("records"):
        history.setdefault(tuple(row[c] for c in KEY), []).append(row)
        bisect.insort(series.setdefault((row["entity"], row["metric"]), []), _spot(row))
    coming = _series(new)
    gone = {} if table is None else _gone(table)
    found: dict[str, list[Row]] = {f.name: [] for f in dataclasses.fields(Changes)}
    for row in new.sort_values([*KEY, "reported_on"], kind="stable").to_dict("records"):
        withdrawals = gone.get(tuple(row[c] for c in _REPORT), ())
        if day := next((day for report, day in withdrawals if _same_value(report, row)), ""):
            found["there"].append({**row, "withdrawn_on": day, "rounded": ""})
            continue
        vintages = history.setdefault(tuple(row[c] for c in KEY), [])
        by_then = [v for v in vintages if v["reported_on"] <= row["reported_on"]]
        before = max(by_then, key=lambda v: v["reported_on"], default=None)
        kind, said = _change(before, row)
        if kind in ("new", "revisions"):
            spots, spot = series.setdefault((row["entity"], row["metric"]), []), _spot(row)
            other = _neighbour(spots, spot) if before is None else _spot(before)
            about = guided(row["metric"])
            far = FAR_FLOW if (about or row["metric"]) in SIGNED_METRICS else FAR
            rate = _rate(series.get((row["entity"], about), ()), spot)
            if before is not None and _is_report(before) and _is_report(row):
                said["jump"] = _far_revision(before, row, far)
            elif rate is not None:
                said["jump"] = _off_rate(rate, about, spot, far)
            else:
                said["jump"] = "" if other is None else _jump(other, spot, far)
            known = [*spots, *coming[row["entity"], row["metric"]]]
            said["jump"] = said["jump"] or _off_quarters(row["metric"], known, spot)
            if kind == "new":
                said["first"] = other is None and rate is None
            vintages.append(row)
            bisect.insort(spots, spot)
        if kind == "there":
            said = {"withdrawn_on": "", "rounded": "", **said}
        found[kind].append({**row, **said})
    extra = {
        "new": ("jump", "first"),
        "there": ("withdrawn_on", "rounded"),
        "revisions": (*_OLD, "old_reported_on", "jump"),
        "conflicts": (*_OLD, "old_source"),
        "withdrawn": ("now_value", "now_reported_on"),
    }
    return Changes(
        **{
            kind: pd.DataFrame(rows, columns=[*new.columns, *extra.get(kind, ())])
            for kind, rows in found.items()
        }
    )


_REPORT = (*KEY, "reported_on")
_OLD = ("old_value", "old_qualifier", *(f"old_{column}" for column in RANGE))


def _gone(table: Table) -> dict[tuple[object, ...], list[tuple[Row, str]]]:
    """Return the withdrawn reports of each key and report day, with the days of their withdrawal."""
    days = withdrawn_on(table)
    gone = table[days != ""]
    found: dict[tuple[object, ...], list[tuple[Row, str]]] = {}
    for report, day in zip(gone.to_dict("records"), days[gone.index], strict=True):
        found.setdefault(tuple(report[c] for c in _REPORT), []).append((report, str(day)))
    return found


def _same_value(one: Row, other: Row) -> bool:
    """Return whether two rows say the same number, or the same range, whatever their units."""
    if not math.isclose(_in_unit(one, other["unit"]), other["value"], rel_tol=1e-12):
        return False
    old, new = _ends(one, other["unit"]), _ends(other, other["unit"])
    return len(old) == len(new) and all(map(math.isclose, old, new))


COARSEST = 0.01
"""The most that the last digit may be worth, as a part of a number, for another to be its rounding."""

_ROUNDED = re.compile(r"\brounded to USD ([\d.]+) m\b")
"""How the note of a number out of a sentence says to what it was rounded."""


def _rounded_alike(one: Row, other: Row) -> bool:
    """Return whether two numbers of one report are the same but for rounding, the one by the other's."""
    words = {
        ""
        if row["qualifier"] == "about" and _ROUNDED.search(str(row.get("note")))
        else row["qualifier"]
        for row in (one, other)
    }
    if any(_ends(row, row["unit"]) for row in (one, other)) or len(words) > 1:
        return False
    offs = (_in_unit({**row, "value": _off(row)}, other["unit"]) for row in (one, other))
    apart = abs(_in_unit(one, other["unit"]) - other["value"])
    return bool(apart <= max(offs) * (1 + 1e-9))


def _off(row: Row) -> float:
    """Return how far a number may be from what it stands for, in its unit: half of its last digit.

    That of a number out of a sentence is in its note; else a zero before the point is taken for a digit.
    A difference of two printed numbers may be off by half a digit of each.
    """
    note = str(row.get("note", ""))
    if told := _ROUNDED.search(note):
        return _in_unit({"value": float(told[1]) / 2, "unit": "USD m"}, row["unit"])
    exponent = Decimal(repr(float(row["value"]))).normalize().as_tuple().exponent
    step = 10.0 ** min(0, int(exponent))
    return step if "derived: " in note else min(step, COARSEST * abs(row["value"])) / 2


def _ends(row: Row, unit: str) -> list[float]:
    """Return the ends of a row's range in a unit, NaN in one of another dimension; none without one."""
    texts = [str(row.get(column, "")) for column in RANGE]
    return [_in_unit({**row, "value": float(text)}, unit) for text in texts if text]


def arrived(before: Known, after: Known) -> Changes:
    """Return what became known, was revised or was withdrawn between two days.

    A number is withdrawn if at the later day another counts in its place that is not newer: an earlier
    report, one of the same day that was entered for it, or none.
    """
    columns = [c for c in before.rows.columns if c in after.rows.columns]
    now = {tuple(row[c] for c in KEY): row for row in after.rows[columns].to_dict("records")}
    withdrawn, keys = [], set()
    for row in before.rows[columns].to_dict("records") if before.date <= after.date else ():
        key = tuple(row[c] for c in KEY)
        other = now.get(key)
        if other is not None and other["reported_on"] > row["reported_on"]:
            continue
        same_day = other is not None and other["reported_on"] == row["reported_on"]
        if other is not None and same_day and _change(row, other).kind == "there":
            continue
        value = math.nan if other is None else _in_unit(other, row["unit"])
        told = "" if other is None else other["reported_on"]
        withdrawn.append({**row, "now_value": value, "now_reported_on": told})
        keys.add(key)
    rest = [tuple(key) not in keys for key in after.rows[list(KEY)].to_numpy()]
    found = compare(before.rows[columns], after.rows.loc[rest, columns])
    names = [*columns, "now_value", "now_reported_on"]
    return dataclasses.replace(found, withdrawn=pd.DataFrame(withdrawn, columns=names))


def _in_unit(row: Row, unit: str) -> float:
    """Return a row's value in a unit; NaN in one of another dimension."""
    try:
        return convert(row["value"], row["unit"], unit)
    except DataError:
        return math.nan


FAR, FAR_FLOW = 5.0, 100.0
"""How many times its neighbour a number may almost be, or its neighbour it, without a word; a flow that
may be negative comes near zero by itself."""


FAR_REVISION = 0.1
"""By what share of itself a reported number may be revised without a word. No report of a quarter in the
shipped tables is revised at all; their 74 revisions are of plans, 12 of projected cash flows (by 3 % to
six times) and 62 of guidance (up to 60 %), which are told to change. Companies restate a quarter by a
few percent, and a year in the place of its last quarter is three times it or more."""


def _is_report(row: Row) -> bool:
    """Return whether a row says what came, and neither what may come nor a bound of it."""
    plans = ("projected", "estimated", "at least", "at most")
    return not guided(row["metric"]) and row["qualifier"] not in plans


def _far_revision(before: Row, row: Row, far: float) -> str:
    """Return a revision by more than :data:`FAR_REVISION` in words, or nothing."""
    old, new = _in_unit(before, row["unit"]), row["value"]
    if math.isnan(old) or abs(new - old) <= FAR_REVISION * abs(old):
        return ""
    if said := _jump(_spot(before), _spot(row), far):
        return said
    how_far = ""
    if old and new / old > 0:
        times = new / old
        larger = max(times, 1 / times)
        how_far = f": {100 * (times - 1):+.3g} %"
        if larger >= 2:
            how_far = f": {'' if times > 1 else '1/'}{larger:.2g}{' times' if times > 1 else ''}"
    return (
        f"{new:,.6g} {row['unit']} in place of {old:,.6g}{how_far}, and a report is seldom revised by "
        f"more than {100 * FAR_REVISION:g} %; look at the period and at what is counted"
    )


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


def _rate(spots: Sequence[_Spot], spot: _Spot) -> _Spot | None:
    """Return what was last reported, by the day of a statement, of what it is about."""
    known = [
        s for s in spots if s.reported_on <= spot.reported_on and s.reported_on > s.end.isoformat()
    ]
    return max(known, key=lambda s: (s.end, s.reported_on), default=None)


def _off_rate(last: _Spot, about: str, spot: _Spot, far: float) -> str:
    """Return a statement that is far from the last report at its rate in words, or nothing."""
    try:
        old = convert(last.value, last.unit, spot.unit)
    except DataError:
        return ""
    at_rate = dataclasses.replace(last, value=old * spot.days / last.days, unit=spot.unit)
    if not _jump(at_rate, spot, far):
        return ""
    return (
        f"{spot.value:,.6g} {spot.unit}, where {about.replace('_', ' ')} at the rate of {last.period}, "
        f"{old:,.6g}, would come to {at_rate.value:,.6g}; look at the unit"
    )


def _series(rows: Table) -> dict[tuple[str, str], list[_Spot]]:
    """Return numbers by company and metric."""
    found: dict[tuple[str, str], list[_Spot]] = {}
    for row in rows.to_dict("records"):
        found.setdefault((row["entity"], row["metric"]), []).append(_spot(row))
    return found


def _off_quarters(metric: str, spots: Sequence[_Spot], year: _Spot) -> str:
    """Return a year that is far from the sum of its quarters in words, or nothing.

    Nothing too if not all are known, or the metric is no money that flows: of others a year is no sum.
    """
    known = metrics().things.get(metric)
    if known is None or known.dimension != "money" or set(known.lengths) != {"quarter"}:
        return ""
    first = year.end - dt.timedelta(days=year.days - 1)
    within: dict[str, _Spot] = {}
    for spot in sorted(spots, key=lambda s: s.reported_on):
        starts = spot.end - dt.timedelta(days=spot.days - 1)
        if spot.days < 130 and first <= starts and spot.end <= year.end:
            within[spot.period] = spot
    whole = len(within) == 4 and sum(spot.days for spot in within.values()) == year.days
    if not whole:
        return ""
    try:
        total = sum(convert(spot.value, spot.unit, year.unit) for spot in within.values())
    except DataError:
        return ""
    if abs(year.value - total) <= FAR_REVISION * abs(total):
        return ""
    return (
        f"{year.value:,.6g} {year.unit}, and the quarters of {year.period} come to {total:,.6g}; look "
        "at the unit and at the period"
    )


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
    larger = max(times, 1 / times)
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
    old = _in_unit(before, row["unit"])
    if _same_value(before, row) and before["qualifier"] == row["qualifier"]:
        return _Change("there", {})
    ends = [f"{end:.12g}" for end in _ends(before, row["unit"])] or ["", ""]
    said: dict[Hashable, object] = dict(zip(_OLD, (old, before["qualifier"], *ends), strict=True))
    if before["reported_on"] < row["reported_on"]:
        return _Change("revisions", {**said, "old_reported_on": before["reported_on"]})
    if _rounded_alike(before, row):
        return _Change("there", {"rounded": value_text({**row, **said}, old=True)})
    return _Change("conflicts", {**said, "old_source": before["source"]})


# --- whose quarters --------------------------------------------------------------------------
def misplaced(
    table: Table | None,
    new: Table,
    year_ends: Mapping[str, str] | None = None,
    *,
    filed: bool = False,
) -> list[str]:
    """Return why quarters of new rows are none of their company's, a sentence for each of its days.

    Two quarters of a company that overlap cannot both be, and the wrong one would make the right one
    refused later: a quarter must have the days that others have of it, or lie beside all of them. It
    must also be one by the company's fiscal year; where that is not known, of the kind of its last ones.

    Parameters
    ----------
    table
        What is held, or None.
    new
        Rows that would be added.
    year_ends
        When fiscal years end, by company, as of :attr:`forecast.tables.desk.user_rows.Reading`; those of
        the shipped companies are known.
    filed
        Whether the days are those of the company's own filings, which may change its fiscal year.
    """
    held = {} if table is None else _quarters(standing(table))
    found = []
    for entity, spans in _quarters(new).items():
        own = held.setdefault(entity, {})
        rule = _year_end(entity, year_ends or {})
        for span, rows in spans.items():
            if span not in own and (why := _misplaced(entity, span, own, rule, filed)):
                found.append(f"{one_line([report_name(row) for row in rows], 3)}: {why}")
            else:
                own.setdefault(span, rows)
    return found


def _misplaced(
    entity: str, span: Span, own: Mapping[Span, Sequence[Row]], rule: str, filed: bool
) -> str:
    """Return why a quarter is none of a company's, beside those it has; empty if it is one."""
    right, name = _fiscal(rule, span)
    say = f"say when its year ends with --fiscal-year-end {entity}=RULE"
    if right is not None and not filed and not _about(right, span):
        return (
            f"got {_days(span)}, which are no fiscal quarter of {entity}; wanted {_days(right)} "
            f"({name}); correct it, or if its fiscal year does not end on {rule} any more {say}"
        )
    clash = next((s for s in own if s[0] <= span[1] and span[0] <= s[1]), None)
    if clash is not None:
        there = one_line([report_name(row) for row in own[clash]], 3)
        back = one_line([_withdrawal(row) for row in own[clash]], 3)
        if right == span and _fiscal(rule, clash)[0] != clash:
            return (
                f"overlaps {there}, whose days are no fiscal quarter of {entity}; take that back first: "
                f"{back}"
            )
        return (
            f"got {_days(span)}, which overlap {_days(clash)} of {there}: both cannot be quarters of "
            f"{entity}; correct it, or take that back: {back}"
        )
    if filed:
        return ""
    last = sorted(own, key=lambda s: s[1])[-4:]
    if right is None and any(all(unlike(span, s) for s in last) for unlike in _UNLIKE if last):
        return (
            f"got {_days(span)}; wanted a quarter like those of {entity} in the table, the last of "
            f"which is {_days(last[-1])}; correct it, or {say}"
        )
    return ""


def _quarters(rows: Table) -> dict[str, dict[Span, list[Row]]]:
    """Return the rows of quarters of the metrics that have such, by company and by their days."""
    known = metrics().things
    quarterly = rows[[m in known and "quarter" in known[m].lengths for m in rows["metric"]]]
    found: dict[str, dict[Span, list[Row]]] = {}
    for row in quarterly.to_dict("records"):
        first, last = period_days(row["period"])
        if quarter_long((last - first).days + 1):
            found.setdefault(row["entity"], {}).setdefault((first, last), []).append(row)
    return found


def _year_end(entity: str, year_ends: Mapping[str, str]) -> str:
    """Return the rule of a company's fiscal year: as given, or as shipped; empty if it is not known."""
    for name, rule in year_ends.items():
        known = companies().find(name)
        if name and plain(known.name if known else name) == plain(entity):
            return rule
    shipped = companies().things.get(entity)
    return shipped.fiscal_year_end if shipped else year_ends.get("", "")


def _fiscal(rule: str, span: Span) -> tuple[Span | None, str]:
    """Return the fiscal quarter in which the middle of some days lies, and its name."""
    middle = span[0] + (span[1] - span[0]) / 2
    for year in (middle.year - 1, middle.year, middle.year + 1) if rule else ():
        for quarter in (1, 2, 3, 4):
            one = fiscal_quarter(rule, year, quarter)
            if one[0] <= middle <= one[1]:
                return one, f"Q{quarter} FY{year % 100:02d}"
    return None, ""


def _about(right: Span, span: Span) -> bool:
    """Return whether days are those of a fiscal quarter, of one of whole weeks but for a week.

    The rule of a year has its 53rd week in the fourth quarter, the company may have it in another.
    """
    weeks = not _of_months(right)
    off = [abs((a - b).days) for a, b in zip(right, span, strict=True)]
    return max(off) == 0 or (weeks and set(off) <= {0, 7})


def _of_months(span: Span) -> bool:
    return span[0].day == 1 and (span[1] + dt.timedelta(days=1)).day == 1


def _unlike_months(one: Span, other: Span) -> bool:
    """Return whether the other is one of whole months, and the one does not begin with a fourth one."""
    if not _of_months(other):
        return False
    return not _of_months(one) or (one[0].month - other[0].month) % 3 != 0


def _unlike_weeks(one: Span, other: Span) -> bool:
    """Return whether the other is one of whole weeks, and the one does not end on their day."""
    whole = ((other[1] - other[0]).days + 1) % 7 == 0 and not _of_months(other)
    return whole and one[1].weekday() != other[1].weekday()


_UNLIKE = (_unlike_months, _unlike_weeks)


def _days(span: Span) -> str:
    return f"{span[0]}/{span[1]}"


def _withdrawal(row: Row) -> str:
    """Return the command that takes a report back."""
    return (
        f"forecast data withdraw {shlex.quote(row['entity'])} {row['metric']} {row['period']} "
        f"--reported-on {row['reported_on']}"
    )
