"""Which quarters could be expected of a company, and what became of each.

Invariant: between a company's first quarter and the newest that should have been filed by a day there is
one answer for each metric and quarter, and what is missing says why.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import itertools
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from forecast.core.periods import next_end
from forecast.tables.filings.quarters import DIRECT, length, overlap, period_name

if TYPE_CHECKING:
    from forecast.tables.filings.facts import Fact
    from forecast.tables.filings.quarters import QuarterValue, Span

DUE, DUE_YEAR, DUE_ABROAD = 45, 90, 120
"""Days after its end by which a quarter must be filed: on 10-Q by the slowest filers, with the year on
10-K (https://www.sec.gov/files/form10-q.pdf and form10-k.pdf, general instruction A), and on 20-F."""

YEAR = (350, 380)
"""How long a fiscal year may be, in days."""

FOUND, DERIVED, MISSING = "found", "derived", "missing"


@dataclasses.dataclass(frozen=True)
class Cell:
    """What became of one expected quarter of one metric.

    Attributes
    ----------
    entity, metric, period
        As in the vintage schema.
    state
        ``found`` as reported, ``derived`` as a difference, or ``missing``.
    why
        Why it is missing; empty otherwise.
    """

    entity: str
    metric: str
    period: str
    state: str
    why: str = ""


@dataclasses.dataclass(frozen=True)
class Evidence:
    """What there was of one metric.

    Attributes
    ----------
    facts
        All figures read, of any length.
    taken
        The newest vintage of each quarter that became a row.
    refused
        Why a quarter's figure could not be a row.
    nothing
        Why there is no figure at all; for a metric with figures it is not used.
    besides
        What else there is that was not read, such as figures in euros; empty without any.
    """

    facts: Sequence[Fact]
    taken: Mapping[Span, QuarterValue]
    refused: Mapping[Span, str]
    nothing: str
    besides: str = ""


def coverage(
    entity: str,
    evidence: Mapping[str, Evidence],
    since: dt.date | None = None,
    today: dt.date = dt.date.max,
) -> tuple[Cell, ...]:
    """Return what became of every expected quarter, by metric and in order of time.

    A metric is expected from its first quarter on, and one without any from the company's first.

    Parameters
    ----------
    entity
        What the company is called.
    evidence
        What there was, by metric.
    since
        Quarters that end before this day are not expected.
    today
        The day by which reports are due; on ``dt.date.max`` nothing is expected after the newest figure.
    """
    facts = [f for e in evidence.values() for f in e.facts if f.end <= f.filed <= today]
    newest = max((f.end for f in facts), default=dt.date.min)
    spans = [s for e in evidence.values() for s in (*e.taken, *e.refused) if s[1] <= newest]
    expected = _expected(spans, facts, today)
    cells = []
    for metric, one in evidence.items():
        own = [*one.taken, *one.refused]
        first = min(own)[0] if own else dt.date.min
        for span in expected:
            if span[1] < first or (since is not None and span[1] < since):
                continue
            taken = next((q for s, q in one.taken.items() if overlap(s, span) > 0.5), None)
            state = MISSING if taken is None else FOUND if taken.kind == DIRECT else DERIVED
            why = _why(one, span, newest, today) if taken is None else ""
            cells.append(Cell(entity, metric, period_name(*span), state, why))
    return tuple(cells)


def _expected(spans: Iterable[Span], facts: Sequence[Fact], today: dt.date) -> list[Span]:
    """Return a company's quarters without a gap, up to the newest due or reported."""
    known = sorted(set(spans))
    if not known:
        return []
    ends = {f.end for f in facts}
    found = [known[0]]
    for span in known[1:]:
        found += _between(found[-1][1] + _DAY, span[0] - _DAY, ends)
        found.append(span)
    last, years = max(ends, default=found[-1][1]), _year_ends(facts)
    abroad = any(f.form.startswith(("20-F", "40-F")) for f in facts[-1:])
    while True:
        span = _next(found)
        lag = DUE_ABROAD if abroad else DUE_YEAR if _closes(span, years) else DUE
        due = today != dt.date.max and span[1] + dt.timedelta(days=lag) < today
        if not due and span[1] - _NEAR > last:
            return found
        found.append(span)


_DAY, _NEAR = dt.timedelta(days=1), dt.timedelta(days=14)


def _between(first: dt.date, last: dt.date, ends: Iterable[dt.date]) -> list[Span]:
    """Return a gap as quarters of about equal length, cut where reported periods end if any do."""
    days = (last - first).days + 1
    count = round(days / 91)
    cuts = [first - _DAY]
    for k in range(1, count):
        at = first + dt.timedelta(days=round(k * days / count)) - _DAY
        near = [e for e in ends if abs((e - at).days) <= 21 and cuts[-1] < e < last]
        if near:
            at = min(near, key=lambda e: (abs((e - at).days), e))
        cuts.append(_month_end(at) if first.day == 1 else at)
    return [(a + _DAY, b) for a, b in itertools.pairwise([*cuts, last])] if count else []


def _month_end(day: dt.date) -> dt.date:
    """Return the last day of a month if it is near, else the day."""
    around = (day + dt.timedelta(days=k) for k in sorted(range(-4, 5), key=abs))
    return next((d for d in around if (d + _DAY).day == 1), day)


def _next(found: Sequence[Span]) -> Span:
    """Return the quarter after the last: of months, or as long as a year before, or as the last."""
    start, end = found[-1]
    if start.day == 1 and (end + _DAY).day == 1:
        return end + _DAY, next_end(f"{start}/{end}")
    year = found[-4:]
    row = len(year) == 4 and all((b[0] - a[1]).days == 1 for a, b in itertools.pairwise(year))
    before = year[0] if row else found[-1]
    return end + _DAY, end + _DAY + (before[1] - before[0])


def _year_ends(facts: Iterable[Fact]) -> set[dt.date]:
    return {f.end for f in facts if YEAR[0] <= f.days <= YEAR[1] and f.form.startswith("10-K")}


def _closes(span: Span, years: set[dt.date]) -> bool:
    """Return whether a quarter ends as the last fiscal year did, some years later."""
    if not years:
        return False
    off = (span[1] - max(years)).days % 365.25
    return min(off, 365.25 - off) <= 14


def _why(one: Evidence, span: Span, newest: dt.date, today: dt.date) -> str:
    refused = [why for s, why in one.refused.items() if overlap(s, span) > 0.5]
    if refused:
        return refused[-1]
    if not one.facts:
        return one.nothing
    if newest < span[1] - _NEAR:
        return f"not filed by {today}" + (f"; not read: {one.besides}" if one.besides else "")
    over = [f for f in one.facts if overlap((f.start, f.end), span) > 0.5]
    if not over:
        return "no figure in the reports of that time"
    shortest = min(over, key=lambda f: f.days)
    before = [f for f in one.facts if f.start == shortest.start and f.end < span[0]]
    if before and shortest.tag not in {f.tag for f in before} and shortest.end <= span[1] + _NEAR:
        return (
            f"only the {length(shortest)} from {shortest.start} by {shortest.tag}, and what to subtract "
            f"by {before[-1].tag}, which is known to differ"
        )
    if shortest.days >= YEAR[0]:
        return "only the year is given"
    return f"only within the {length(shortest)} from {shortest.start}"


def summary(cells: Iterable[Cell]) -> list[tuple[str, ...]]:
    """Return a table with its header: a row a company and metric, how many quarters of which state."""
    rows: list[tuple[str, ...]] = [
        ("entity", "metric", "first", "last", "found", "derived", "missing")
    ]
    for (entity, metric), own in _by_series(cells):
        counts = [sum(c.state == state for c in own) for state in (FOUND, DERIVED, MISSING)]
        had = [c.period for c in own if c.state != MISSING]
        ends = (had[0], had[-1]) if had else ("", "")
        rows.append((entity, metric, *ends, *map(str, counts)))
    return rows


def gaps(cells: Iterable[Cell]) -> list[str]:
    """Return a line for each row of missing quarters with one reason, and the metrics it is true of."""
    lines: dict[tuple[str, str], list[str]] = {}
    for (entity, metric), own in _by_series(cells):
        for (state, why), run in itertools.groupby(own, lambda c: (c.state, c.why)):
            periods = [c.period for c in run]
            if state == MISSING:
                count = f" to {periods[-1]}, {len(periods)} quarters" if len(periods) > 1 else ""
                lines.setdefault((entity, f"{periods[0]}{count}: {why}"), []).append(metric)
    return [f"{entity} {', '.join(own)} {said}" for (entity, said), own in lines.items()]


def _by_series(cells: Iterable[Cell]) -> list[tuple[tuple[str, str], list[Cell]]]:
    return [(k, list(own)) for k, own in itertools.groupby(cells, lambda c: (c.entity, c.metric))]
