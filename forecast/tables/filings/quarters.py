"""From tagged figures of filings to quarters: de-cumulated, of one basis, each with its day.

Invariant: a period is identified by its first and last day, never by ``fy`` and ``fp``, which belong to
the filing and not to the figure, nor by how many days a quarter should have; what is subtracted began on
the same day. ``tests/test_edgar.py`` proves that year-to-date reports of random quarterly flows, of 12
to 17 weeks each, give the flows back.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING

from forecast.core.periods import quarter_long
from forecast.core.text import one_line
from forecast.tables.filings.facts import PARTS, tag_name

if TYPE_CHECKING:
    from forecast.tables.filings.facts import Fact

DIRECT, DERIVED, RECAST, MIXED = range(4)
"""A quarter as reported; one year-to-date figure less another; the same where the longer is known to be
on another basis; the same over two tags. The lower the better."""

LONGEST_YEAR = 380
"""Days of the longest year; what is longer counts since the company was founded."""

ROUNDING, COARSEST = Decimal("0.001"), Decimal("0.01")
"""Relative differences that are rounding: always; and where one figure has fewer digits and the other
lies within its last, as after a change from thousands to millions."""

FAR, FAR_FLOW = 100, 100_000
"""How many times a figure may be most others of its tag within a year, by the day, or they it: a wrong
unit is a thousand or a million. A flow that may be negative comes near zero by itself."""

TOGETHER = 31
"""Days within which a company files the amendments of a year's reports, one after the other."""

type Span = tuple[dt.date, dt.date]
"""First and last day."""


@dataclasses.dataclass(frozen=True)
class QuarterValue:
    """One quarter's figure as it could be known from the day `filed` on.

    Attributes
    ----------
    start, end
        First and last day of the quarter.
    value
        In US dollars.
    filed, accession
        Day of the last filing it rests on, and the accession number of that of the longer period.
    kind
        One of :data:`DIRECT`, :data:`DERIVED`, :data:`RECAST`, :data:`MIXED`.
    tag, order
        The tag, and its place among the metric's.
    source, note, confidence
        As in the vintage schema.
    refused
        Why it cannot be a row; empty if it can.
    amends
        What an amendment changed, in words, if the value is a difference that rests on that change
        alone: it is told where a better value stands against it.
    """

    start: dt.date
    end: dt.date
    value: Decimal
    filed: dt.date
    kind: int
    tag: str
    order: int
    accession: str
    source: str
    note: str = ""
    confidence: str = "A"
    refused: str = ""
    amends: str = ""

    @property
    def span(self) -> Span:
        """First and last day."""
        return self.start, self.end

    def doubted(self, note: str, confidence: str = "A") -> QuarterValue:
        """Return the same with one more note, and no more confidence than given."""
        return dataclasses.replace(
            self,
            note="; ".join(filter(None, (self.note, note))),
            confidence=max(self.confidence, confidence),
        )


def in_millions(value: Decimal) -> str:
    """Return dollars as USD m, exactly.

    Examples
    --------
    >>> in_millions(Decimal(4848000000)), in_millions(Decimal(200000001))
    ('4848', '200.000001')
    """
    text = f"{value.scaleb(-6):f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def differ(one: Decimal, other: Decimal) -> bool:
    """Return whether two amounts differ by more than the rounding of what was printed.

    Examples
    --------
    >>> differ(Decimal(53_679_000), Decimal(53_600_000)), differ(Decimal(4848), Decimal(4500))
    (False, True)
    """
    apart, size = abs(one - other), max(abs(one), abs(other))
    digit = max(_last_digit(one), _last_digit(other))
    return apart > ROUNDING * size and apart >= min(digit, COARSEST * size)


def _last_digit(value: Decimal) -> Decimal:
    """Return the place of the last digit that is not zero: 100,000 of 53,600,000."""
    exponent = value.normalize().as_tuple().exponent
    return Decimal(1).scaleb(exponent) if isinstance(exponent, int) else Decimal(0)


def quarter_values(
    facts: Iterable[Fact], tags: Sequence[str], signed: bool = False
) -> list[QuarterValue]:
    """Return every value of every quarter: as reported, and year-to-date less year-to-date.

    A figure that cannot be (:func:`refusals`) is subtracted from none, nor anything from it; what could
    be had by it alone is among the values, refused, with the reason.

    Two figures are subtracted only if they start on the same day, that of the fiscal year, and end a
    quarter apart, so trailing twelve months and comparatives of another year never meet, and neither
    months nor weeks are counted: quarters of 12, 12, 12 and 16 weeks come out as those of 13 do. Each
    filing of the longer figure is compared with the newest shorter one known on that day: a first half
    that a later year's report restates waits for the restated nine months. An amendment waits for none:
    it changes the quarter at the end of its period, and the next one if that is known, with confidence B
    (:func:`_amended_alone`), so that quarters add up to the figures that stand on a day. What a company
    restates for the longer period only lands in the last quarter of it; where that can be noticed
    (:func:`_recast`, :func:`_left_behind`) it is said, with confidence B, and the restated shorter
    figure corrects it when it comes.

    Over two tags, as in the year of a change of tags, figures are subtracted with confidence B, and not
    at all if the two are known to differ for a period that both give. Where they do, a quarter that only
    one of them gives says so, with confidence C, unless that one is the total (:func:`_beside`).

    Parameters
    ----------
    facts
        All figures of a metric.
    tags
        Its tags.
    signed
        Whether it may be negative.
    """
    ordered = sorted(facts, key=_by_filing)
    bad = refusals(ordered, signed)
    told = _Told.of([f for f in ordered if f not in bad], signed)
    usable = [f for f in ordered if f.days <= LONGEST_YEAR]
    by_start: dict[dt.date, dict[tuple[dt.date, str], list[Fact]]] = {}
    for fact in usable:
        by_start.setdefault(fact.start, {}).setdefault((fact.end, fact.tag), []).append(fact)
    found = [
        dataclasses.replace(_apart(told, _direct(f, tags.index(f.tag)), f), refused=bad.get(f, ""))
        for f in usable
        if quarter_long(f.days)
    ]
    for spans in by_start.values():
        for (end, tag), longer in spans.items():
            for (before, other), shorter in spans.items():
                if quarter_long((end - before).days) and told.agree(tag, other):
                    found += _good_differences(told, longer, shorter, tags.index(tag), bad)
    by_span: dict[Span, list[QuarterValue]] = {}
    for one in found:
        by_span.setdefault(one.span, []).append(one)
    return [_beside(told, one, by_span[one.span]) for one in found]


def _by_filing(fact: Fact) -> tuple[dt.date, str]:
    return fact.filed, fact.accession


def refusals(ordered: Sequence[Fact], signed: bool = False) -> dict[Fact, str]:
    """Return why figures cannot be, by figure: of those that can there is none.

    They are not above zero where they must be, were filed before their period ended, or are so far from
    most others of their tag within a year that they are in another unit: at least two others, by the
    day, so that of two figures that contradict each other neither is refused.
    """
    found: dict[Fact, str] = {}
    for fact in ordered:
        if fact.value <= 0 and not signed:
            found[fact] = f"{fact.value} is not above zero"
        elif fact.filed < fact.end:
            found[fact] = "filed before its end"
    far = FAR_FLOW if signed else FAR
    good = [f for f in ordered if f not in found and f.value and f.days <= LONGEST_YEAR]
    rates = {f: float(abs(f.value)) / f.days for f in good}
    for fact in good:
        near = [
            rates[f] / rates[fact]
            for f in good
            if f.tag == fact.tag and f is not fact and abs((f.end - fact.end).days) <= LONGEST_YEAR
        ]
        below, above = sum(r >= far for r in near), sum(r * far <= 1 for r in near)
        if len(near) > 1 and 2 * max(below, above) > len(near):
            side = "below" if below else "above"
            found[fact] = (
                f"{in_millions(fact.value)} USD m is far {side} most figures of {tag_name(fact.tag)} "
                f"within a year, {far} times or more by the day: the unit may be wrong"
            )
    return found


def _direct(fact: Fact, order: int) -> QuarterValue:
    source = f"SEC company facts, {tag_name(fact.tag)}, {fact.form} {fact.accession}"
    one = QuarterValue(
        fact.start,
        fact.end,
        fact.value,
        fact.filed,
        DIRECT,
        fact.tag,
        order,
        fact.accession,
        source,
    )
    return _rivalled(one, fact)


def _rivalled(one: QuarterValue, *facts: Fact) -> QuarterValue:
    """Return a value with a note of each figure it rests on of which its filing gives two."""
    for fact in facts:
        if fact.rival is not None and differ(fact.rival, fact.value):
            one = one.doubted(
                f"{fact.form} {fact.accession} gives {fact.start}/{fact.end} as "
                f"{in_millions(fact.value)} and as {in_millions(fact.rival)} by one tag; the larger was "
                "taken",
                "C",
            )
    return one


def _good_differences(
    told: _Told,
    longer: Sequence[Fact],
    shorter: Sequence[Fact],
    order: int,
    bad: Mapping[Fact, str],
) -> Iterator[QuarterValue]:
    """Yield differences of figures that can be, or one that is refused where there are none."""
    passed = [f for f in (*longer, *shorter) if f in bad]
    a, b = ([f for f in own if f not in bad] for own in (longer, shorter))
    if a and b:
        for one in _differences(told, a, b, order):
            later = [f for f in passed if f.filed <= one.filed and not _older(f, (*a, *b), one)]
            if later:
                one = one.doubted(f"passed over: {_why_not(later[-1], bad)}", "B")
            if one.value <= 0 and not told.signed:
                why = "; ".join(filter(None, (one.amends, f"{one.value} is not above zero")))
                one = dataclasses.replace(one, refused=why)
            yield one
    elif passed and longer[-1].tag == shorter[-1].tag:
        one = _less(longer[-1], shorter[-1], order)
        yield dataclasses.replace(one, refused=f"rests on {_why_not(passed[-1], bad)}")


def _older(fact: Fact, good: Iterable[Fact], one: QuarterValue) -> bool:
    """Return whether a good figure of the same period came after one, up to a value's day."""
    return any(g.end == fact.end and fact.filed < g.filed <= one.filed for g in good)


def _why_not(fact: Fact, bad: Mapping[Fact, str]) -> str:
    return f"the {length(fact)} of {fact.form} {fact.accession}, {bad[fact]}"


def _differences(
    told: _Told, longer: Sequence[Fact], shorter: Sequence[Fact], order: int
) -> Iterator[QuarterValue]:
    for a, b in _pairs(longer, shorter):
        one = _less(a, b, order)
        before = _amended_alone(told, a, b, shorter)
        after = [f.filed for f in longer if f.filed > a.filed and differ(f.value, a.value)]
        stood = min(after, default=dt.date.max)  # from then on another longer figure counts
        later = [s for s in shorter if a.filed < s.filed < stood and differ(s.value, b.value)]
        elsewhere = before is not None and (
            _spread(told, a, b.end) or _awaited(told, a, a.value - before.value, [b, *later[:1]])
        )
        if before is not None and not elsewhere:
            one = _resting(one, before, a, b)
        if a.tag != b.tag:
            yield one.doubted("over two tags: their scope may differ", "B")
            continue
        one = _apart(told, one, b, a)
        for fact in (a, b):
            one = _disordered(told, one, fact)
        one = _on_amended(told, one, b)
        recast = _recast(told, a, b)
        if before is not None and elsewhere:
            recast = recast or f"may rest on two bases: {_amendment(before, a)}"
            # What is awaited comes as a correction, and says so itself.
            one = dataclasses.replace(one, amends="" if later else _amendment(before, a))
        elif _replaced(told, a) is not None:
            recast = ""  # both were restated, or the change is taken to be this quarter's
        behind = _left_behind(a, b, longer, shorter)
        if recast:
            one = dataclasses.replace(one.doubted(recast, "B"), kind=RECAST)
        yield one.doubted(behind, "B") if behind and not recast else one
        if recast and later:
            said = f"corrected for the recast: {length(b)} as restated on {later[0].filed}"
            yield _less(a, later[0], order).doubted(said)
    if longer[0].tag == shorter[0].tag:
        yield from _after_amendments(told, longer, shorter, order)


def _after_amendments(
    told: _Told, longer: Sequence[Fact], shorter: Sequence[Fact], order: int
) -> Iterator[QuarterValue]:
    """Yield what a longer figure gives that stands when the shorter one is amended after it.

    The quarter before has what was amended; if this one were as before, the two would not add up to
    what stands. If the longer figure is amended within :data:`TOGETHER` days, that is awaited, unless
    something longer was filed by then (:func:`_awaited`).
    """
    for b in shorter:
        before, standing = _replaced(told, b), [f for f in longer if f.filed <= b.filed]
        if before is None or not standing or standing[-1].filed == b.filed:
            continue  # no amendment; nothing to add up to; or paired with what came that day
        a = standing[-1]
        later = [
            f
            for f in longer
            if 0 < (f.filed - b.filed).days <= TOGETHER and _replaced(told, f) is not None
        ]
        if _spread(told, b, b.start) or _awaited(told, a, b.value - before.value, [a, *later[:1]]):
            continue
        one = _apart(told, _less(a, b, order), b, a)
        for fact in (a, b):
            one = _disordered(told, one, fact)
        yield _resting(one, before, b, a)


def _pairs(longer: Sequence[Fact], shorter: Sequence[Fact]) -> Iterator[tuple[Fact, Fact]]:
    """Pair figures, both by filing date, as each becomes known; see :func:`quarter_values`."""
    for fact in longer:
        known = [s for s in shorter if s.filed <= fact.filed]
        if known:
            yield fact, known[-1]
    first = shorter[0]
    waiting = [f for f in longer if f.filed < first.filed]
    if waiting:
        yield waiting[-1], first


def _less(longer: Fact, shorter: Fact, order: int) -> QuarterValue:
    same = longer.tag == shorter.tag
    tags = tag_name(longer.tag) + ("" if same else f" less {shorter.tag}")
    one = QuarterValue(
        shorter.end + dt.timedelta(days=1),
        longer.end,
        longer.value - shorter.value,
        max(longer.filed, shorter.filed),
        DERIVED if same else MIXED,
        longer.tag,
        order,
        longer.accession,
        f"SEC company facts, {tags}, {longer.form} {longer.accession} less "
        f"{shorter.form} {shorter.accession}",
        f"derived: {_lengths(longer, shorter)}",
    )
    return _rivalled(one, longer, shorter)


_MONTHS = {3: (89, 92), 6: (180, 185), 9: (272, 276), 12: (363, 372)}
"""Days of so many months, or of as many times 13 weeks; a year may have a 53rd week."""


def _months(days: int) -> int:
    return next((m for m, (low, high) in _MONTHS.items() if low <= days <= high), 0)


def _lengths(longer: Fact, shorter: Fact) -> str:
    """Return two lengths in words: in months, in weeks or in days, the same for both."""
    a, b = longer.days, shorter.days
    if _months(a) and _months(b):
        return f"{_months(a)} months less {_months(b)}"
    return f"{a // 7} weeks less {b // 7}" if a % 7 == b % 7 == 0 else f"{a} days less {b}"


def length(fact: Fact) -> str:
    """Return the length of a figure's period in words: months, else weeks, else days."""
    if _months(fact.days):
        return f"{_months(fact.days)} months"
    return f"{fact.days // 7} weeks" if fact.days % 7 == 0 else f"{fact.days} days"


# --- whether two figures are of one basis ----------------------------------------------------
@dataclasses.dataclass(frozen=True)
class _Told:
    """All figures of a metric, by filing date; by period and tag, filing and tag, first day and tag.

    `both` has, by two tags, what each gave on one filing day for one period, sums of quarters among it.
    """

    facts: Sequence[Fact]
    by_period: Mapping[tuple[str, Span], Sequence[Fact]]
    by_filing: Mapping[tuple[str, str], Sequence[Fact]]
    by_start: Mapping[tuple[str, dt.date], Sequence[Fact]]
    apart: frozenset[frozenset[str]]
    both: Mapping[tuple[str, str], Sequence[tuple[Fact, Fact]]]
    signed: bool

    @staticmethod
    def of(ordered: Sequence[Fact], signed: bool) -> _Told:
        periods: dict[tuple[str, Span], list[Fact]] = {}
        filings: dict[tuple[str, str], list[Fact]] = {}
        starts: dict[tuple[str, dt.date], list[Fact]] = {}
        newest: dict[Span, dict[str, Decimal]] = {}
        for fact in ordered:
            periods.setdefault((fact.tag, (fact.start, fact.end)), []).append(fact)
            filings.setdefault((fact.accession, fact.tag), []).append(fact)
            starts.setdefault((fact.tag, fact.start), []).append(fact)
            newest.setdefault((fact.start, fact.end), {})[fact.tag] = fact.value
        apart = frozenset(
            frozenset((one, other))
            for values in newest.values()
            for one in values
            for other in values
            if differ(values[one], values[other])
        )
        return _Told(ordered, periods, filings, starts, apart, _both(ordered), signed)

    def agree(self, tag: str, other: str) -> bool:
        """Return whether two tags never differed for one period."""
        return frozenset((tag, other)) not in self.apart

    def changed(self, filing: Fact, since: Callable[[Fact], bool]) -> list[tuple[Fact, Fact]]:
        """Return what a filing says otherwise than the last figure that `since` holds for, with that."""
        found = []
        for fact in self.by_filing[filing.accession, filing.tag]:
            before = [f for f in self.by_period[fact.tag, (fact.start, fact.end)] if since(f)]
            if before and differ(before[-1].value, fact.value):
                found.append((before[-1], fact))
        return found


def _both(ordered: Sequence[Fact]) -> dict[tuple[str, str], list[tuple[Fact, Fact]]]:
    """Return what two tags gave on one filing day for one period, by the tags."""
    days: dict[tuple[dt.date, Span], dict[str, Fact]] = {}
    for fact in [*_sums(ordered), *ordered]:  # what a tag gives counts before what it adds up to
        days.setdefault((fact.filed, (fact.start, fact.end)), {})[fact.tag] = fact
    found: dict[tuple[str, str], list[tuple[Fact, Fact]]] = {}
    for given in days.values():
        for tag, fact in given.items():
            for other in given.values():
                if other.tag != tag:
                    found.setdefault((tag, other.tag), []).append((fact, other))
    return found


def _sums(ordered: Sequence[Fact]) -> list[Fact]:
    """Return what figures of one tag come to with the quarter after them, on that quarter's day.

    A company may give its quarters by one tag and its year by another: they differ where the sum does.
    """
    found: list[Fact] = []
    ends: dict[tuple[str, dt.date], dict[dt.date, Fact]] = {}
    for fact in ordered:
        given = ends.setdefault((fact.tag, fact.end), {})
        if quarter_long(fact.days):
            before = ends.get((fact.tag, fact.start - dt.timedelta(days=1)), {}).values()
            for one in before:
                whole = dataclasses.replace(fact, start=one.start, value=one.value + fact.value)
                if whole.days <= LONGEST_YEAR:
                    found.append(whole)
                    given.setdefault(whole.start, whole)
        given[fact.start] = fact
    return found


def _beside(told: _Told, one: QuarterValue, same: Iterable[QuarterValue]) -> QuarterValue:
    """Return a value with a note of each tag that differed from its own and does not give the quarter.

    What counts is the last period up to then that a filing day gives by both tags, first of those that
    the quarter lies in: where the year is 400 by the total and 360 by a part, a quarter of 90 is the
    part's. The total by :data:`PARTS` needs no note, if it is the larger.

    Parameters
    ----------
    told
        All figures of the metric.
    one
        The value.
    same
        All values of its quarter.
    """
    if one.kind == MIXED:
        return one  # of two tags that never differed
    given = {one.tag}
    given |= {v.tag for v in same if v.filed <= one.filed and v.kind != MIXED and not v.refused}
    for (tag, other), pairs in told.both.items():
        if tag != one.tag or other in given:
            continue
        known = [
            (its.end >= one.start, its.end, differ(own.value, its.value), k)
            for k, (own, its) in enumerate(pairs)
            if its.filed <= one.filed and its.start <= one.end
        ]
        if known and max(known)[2]:
            one = _parted(one, *pairs[max(known)[3]])
    return one


def _parted(one: QuarterValue, own: Fact, its: Fact) -> QuarterValue:
    """Return a quarter's value with a note that another tag differed from its own, if it is a doubt."""
    if own.value > its.value and its.tag in PARTS.get(own.tag, ()):
        return one
    both = (
        f"{its.start}/{its.end} is {in_millions(its.value)} by {tag_name(its.tag)} and "
        f"{in_millions(own.value)} by {tag_name(own.tag)}, by which alone there is this quarter"
    )
    if own.tag in PARTS.get(its.tag, ()) and its.value > own.value:
        return one.doubted(f"a part of the total: {both}", "C")
    return one.doubted(f"two tags differ: {both}; which is the total is not known", "C")


def _apart(told: _Told, one: QuarterValue, *facts: Fact) -> QuarterValue:
    """Return a value with a note if a figure it rests on is far from another of its period or year.

    Where most figures tell which of them is in a wrong unit, that one is refused before.
    """
    far = FAR_FLOW if told.signed else FAR
    for fact in facts:
        rate = abs(fact.value) / fact.days
        for other in told.by_start.get((fact.tag, fact.start), ()):
            off = abs(other.value) / other.days
            if rate and off and max(rate, off) >= far * min(rate, off):
                return one.doubted(
                    f"the {length(other)} of {other.form} {other.accession} are "
                    f"{in_millions(other.value)}, {far} times or more off the {length(fact)}, "
                    f"{in_millions(fact.value)}, by the day: one of both may be in a wrong unit",
                    "C",
                )
    return one


def _disordered(told: _Told, one: QuarterValue, fact: Fact) -> QuarterValue:
    """Return a difference with a note if a figure it rests on and another cannot both be.

    Nine months of 19 after six of 20, of what cannot be negative: one of them is wrong, and it is not
    known which.
    """
    same = () if told.signed else told.by_start[fact.tag, fact.start]
    newest = {other.end: other for other in same if other.end != fact.end}
    for other in newest.values():
        short, long = sorted((fact, other), key=lambda f: f.end)
        if short.value > long.value and differ(short.value, long.value):
            return one.doubted(
                f"the {length(long)} from {long.start} are {in_millions(long.value)}, less than the "
                f"{length(short)}, {in_millions(short.value)}: one of both is wrong",
                "C",
            )
    return one


def _recast(told: _Told, longer: Fact, shorter: Fact) -> str:
    """Return why the longer figure may be on another basis than the shorter; empty if nothing says so.

    Its filing restates periods of the same tag, as is done after a part of the company was sold, and the
    filing of the shorter one had not yet: no part of any of them.
    """
    if longer.accession == shorter.accession or longer.filed < shorter.filed:
        return ""
    moved = told.changed(longer, lambda f: f.filed <= shorter.filed) or told.changed(
        longer, lambda f: f.filed < longer.filed
    )
    already = [fact for _, fact in told.changed(shorter, lambda f: f.filed < shorter.filed)]
    if not moved or any(m.start <= f.start and f.end <= m.end for f in already for _, m in moved):
        return ""
    before, fact = moved[-1]
    return (
        f"may rest on two bases: {longer.form} {longer.accession} restates {fact.start}/{fact.end} from "
        f"{in_millions(before.value)} to {in_millions(fact.value)}, and the {length(shorter)} are as "
        "they were before"
    )


def _left_behind(
    longer: Fact, shorter: Fact, longers: Sequence[Fact], shorters: Sequence[Fact]
) -> str:
    """Return that the shorter figure was restated later and the longer was not; empty if not so."""
    last = max(longer.filed, shorter.filed)
    later = [s for s in shorters if s.filed > last and differ(s.value, shorter.value)]
    if not later or any(f.filed > longer.filed and differ(f.value, longer.value) for f in longers):
        return ""
    return (
        f"may rest on two bases: the {length(shorter)} were restated on {later[0].filed} from "
        f"{in_millions(shorter.value)} to {in_millions(later[0].value)}, the {length(longer)} were not"
    )


# --- a year-to-date figure that is amended alone ---------------------------------------------
def _replaced(told: _Told, fact: Fact) -> Fact | None:
    """Return the figure in whose place an amendment puts another; None if it does not, or is none.

    Only for the period that the filing is about, its last: what an amended report says of the year
    before is a comparative as in any other. A second amendment that says what the first did replaces
    what that one replaced.
    """
    if not fact.form.endswith("/A"):
        return None
    if any(f.end > fact.end for f in told.by_filing[fact.accession, fact.tag]):
        return None
    same = told.by_period[fact.tag, (fact.start, fact.end)]
    earlier = [f for f in same if _by_filing(f) < _by_filing(fact)]
    return next((f for f in reversed(earlier) if differ(f.value, fact.value)), None)


def _amended_alone(
    told: _Told, longer: Fact, shorter: Fact, shorters: Iterable[Fact]
) -> Fact | None:
    """Return what an amendment changed of the longer figure, if the shorter one is as it was then.

    The cash flow of an amended 10-Q gives the year to date only: what it changes is taken to be the
    quarter at the end, unless the shorter figure was restated by then too.
    """
    before = _replaced(told, longer)
    if before is None or longer.accession == shorter.accession or shorter.filed > longer.filed:
        return None
    known = [s for s in shorters if s.filed <= before.filed]
    return None if known and differ(known[-1].value, shorter.value) else before


def _amendment(before: Fact, fact: Fact) -> str:
    return (
        f"{fact.form} {fact.accession} amends the {length(fact)} from {in_millions(before.value)} to "
        f"{in_millions(fact.value)}"
    )


def _resting(one: QuarterValue, before: Fact, amended: Fact, other: Fact) -> QuarterValue:
    """Return a difference with a note that one of its figures was amended and the other was not."""
    said = _amendment(before, amended)
    first = "first " if other.end < amended.end else ""
    note = f"rests on an amendment: {said}, and the {first}{length(other)} are taken to stand"
    one = one.doubted(note, "B")
    if amended.tag == other.tag:
        one = dataclasses.replace(one, amends=said)
    return _turned(one, before, amended)


def _turned(one: QuarterValue, before: Fact, amended: Fact) -> QuarterValue:
    """Return a difference with a note if an amendment only turned the sign: that is mostly a slip."""
    if differ(-before.value, amended.value):
        return one
    said = f"the {length(amended)} have their sign turned by {amended.form} {amended.accession}"
    return one.doubted(f"{said}: one of both may be wrong", "C")


def _spread(told: _Told, fact: Fact, day: dt.date) -> bool:
    """Return whether an amendment restates what ended by a day too: then not one quarter changed."""
    moved = told.changed(fact, lambda f: _by_filing(f) < _by_filing(fact))
    return any(f.end <= day for _, f in moved)


def _awaited(told: _Told, longer: Fact, change: Decimal, other: Sequence[Fact]) -> bool:
    """Return whether a later restatement of the other figure tells better which quarter changed.

    It moves that figure as the amendment moved its own. Not if by then one longer than both was known,
    such as nine months after six: the quarter at its end is what it leaves over the six as amended, so
    that the quarters before have to add up to these.

    Parameters
    ----------
    told
        All figures of the metric.
    longer
        The longer figure of the two.
    change
        By how much the amendment changed its figure.
    other
        The other figure as it was, and as first restated after the amendment, if it was.
    """
    if len(other) == 1 or (other[-1].value - other[0].value) * change <= 0:
        return False
    return not any(
        f.end > longer.end and f.days <= LONGEST_YEAR and f.filed < other[-1].filed
        for f in told.by_start[longer.tag, longer.start]
    )


def _on_amended(told: _Told, one: QuarterValue, shorter: Fact) -> QuarterValue:
    """Return a difference with a note if what is subtracted was amended and the quarters before not."""
    before = _replaced(told, shorter)
    if before is None:
        return one
    one = _turned(one, before, shorter)
    same = [f for f in told.by_start[shorter.tag, shorter.start] if f.filed <= shorter.filed]
    newest = {f.end: f for f in same if quarter_long((shorter.end - f.end).days)}
    for start in newest.values():
        if _amended_alone(told, shorter, start, [f for f in same if f.end == start.end]) is None:
            continue
        rest = shorter.value - start.value
        span = start.end + dt.timedelta(days=1), shorter.end
        given = [f for f in told.by_period.get((start.tag, span), ()) if f.filed <= shorter.filed]
        if (
            _spread(told, shorter, start.end)
            or (rest <= 0 and not told.signed)
            or (given and differ(given[-1].value, rest))
        ):
            said = (
                f"{_amendment(before, shorter)}, and the quarters in them are as they were before"
            )
            return one.doubted(f"may rest on two bases: {said}", "B")
    return one


# --- of several values one -------------------------------------------------------------------
def settle(values: Iterable[QuarterValue]) -> list[QuarterValue]:
    """Return the vintages of each quarter: one a filing day, and only where the value changes.

    After them comes what is refused, once for each reason, unless a better value was known by then; and
    an amendment that such a value stands against.

    A derived value never replaces a reported one that was known before, nor one over two bases or two
    tags a derived one. Of several tags on one day that differ the total is taken (:func:`_total`). A tag
    that says again what it said is no news, whatever another tag, of wider scope, said in between.
    """
    quarters: dict[Span, list[QuarterValue]] = {}
    for quarter in values:
        quarters.setdefault(quarter.span, []).append(quarter)
    found: list[QuarterValue] = []
    for _, everything in sorted(quarters.items()):
        group = [r for r in everything if not r.refused]
        said_of = {r.value for r in group}  # what is said again is no news
        refused = [
            r
            for r in everything
            if r.refused and r.value not in said_of and (r.amends or not _beaten(r, group))
        ]
        refused += _withstood(group)
        last: QuarterValue | None = None
        for day in sorted({r.filed for r in group}):
            said = [r for r in group if r.filed == day and not _beaten(r, group)]
            if not said:
                continue
            best = _total(said)
            if _repeated(best, group) or (last is not None and best.value == last.value):
                continue
            found.append(best if last is None else _after(last, best))
            last = best
        found += {
            r.refused: r for r in sorted(refused, key=lambda r: r.filed, reverse=True)
        }.values()
    return found


def _total(said: Sequence[QuarterValue]) -> QuarterValue:
    """Return of one day's values the one to take, with a note of those that differ from it.

    Of one tag: as reported before derived, and the latest filing. Of several tags: the one that contains
    all others by :data:`PARTS`, if it is not smaller than one of them; then it is known to be the total.
    If it is smaller, or none contains the others, which is the total is not known: the larger is taken,
    since a line of a statement is smaller than the total above it, with confidence C. (The total of
    revenue may rightly be below that from contracts, after losses on hedges: hence not A.)
    """
    own: list[QuarterValue] = []
    for tag in dict.fromkeys(r.tag for r in said):
        same = [r for r in said if r.tag == tag]
        latest = max(r.accession for r in same)
        own.append(min(same, key=lambda r: (r.kind, r.accession != latest)))
    largest = max(own, key=lambda r: (r.value, -r.order))
    own.sort(key=lambda r: r.order)
    rivals = [r for r in own if differ(r.value, largest.value)]
    if not rivals:
        return own[0]
    alike = [r for r in own if r not in rivals]
    others = {r.tag for r in rivals}
    whole = next((r for r in alike if others <= set(PARTS.get(r.tag, ()))), None)
    best = alike[0] if whole is None else whole
    told = one_line([f"{in_millions(r.value)} by {tag_name(r.tag)}" for r in rivals])
    if whole is not None:
        return best.doubted(f"the total, by {best.tag}; the same filing day has a part, {told}")
    return best.doubted(
        f"two tags differ: {in_millions(best.value)} by {tag_name(best.tag)}, {told}; which is the "
        "total is not known, and the larger was taken",
        "C",
    )


def _after(last: QuarterValue, best: QuarterValue) -> QuarterValue:
    """Return a revision, with a note and less confidence if it is by another tag."""
    if last.tag == best.tag:
        return best
    said = "by another tag than before: the scope may have changed, and not the figure"
    return best.doubted(said, "B")


def _repeated(quarter: QuarterValue, group: Iterable[QuarterValue]) -> bool:
    before = [r for r in group if r.tag == quarter.tag and r.filed < quarter.filed]
    return bool(before) and max(before, key=lambda r: r.filed).value == quarter.value


def _withstood(group: Sequence[QuarterValue]) -> Iterator[QuarterValue]:
    """Yield, refused, what an amendment alone would change, and a better value stands against."""
    for one in group:
        better = [r for r in group if r.kind < one.kind and r.filed <= one.filed]
        if one.amends and better and _beaten(one, group):
            best = max(better, key=lambda r: (r.filed, -r.kind))
            if differ(best.value, one.value):
                said = f"{one.amends}; how much of it is this quarter's is not known, and "
                yield dataclasses.replace(one, refused=f"{said}{in_millions(best.value)} stays")


def _beaten(quarter: QuarterValue, group: Iterable[QuarterValue]) -> bool:
    better = [r for r in group if r.kind < quarter.kind and r.filed <= quarter.filed]
    return any(
        r.filed < quarter.filed or r.tag == quarter.tag or quarter.kind == MIXED for r in better
    )


# --- one calendar a company ------------------------------------------------------------------
SLOPPY = 6
"""Days by which filings may write one quarter's first or last day differently: less than a week."""


def one_calendar(values: Sequence[QuarterValue]) -> Mapping[Span, Span]:
    """Return by which days each quarter is called; one that overlaps one more often given, by none.

    Some companies close on the last Saturday and write the last day of the month in some filings.
    Quarters whose ends lie within :data:`SLOPPY` days are one, called as most filings call it. Quarters
    that overlap by more than half, as after a change of the fiscal year, cannot both be kept.

    Parameters
    ----------
    values
        Of all metrics of one company.
    """
    filings: dict[Span, set[str]] = {}
    first: dict[Span, dt.date] = {}
    for one in values:
        filings.setdefault(one.span, set()).add(one.accession)
        first[one.span] = min(one.filed, first.get(one.span, one.filed))
    found: dict[Span, Span] = {}
    kept: list[Span] = []
    for span in sorted(filings, key=lambda s: (-len(filings[s]), first[s], s)):
        near = [s for s in kept if overlap(s, span) > 0.5]
        if not near:
            kept.append(span)
            found[span] = span
        elif all(abs((a - b).days) <= SLOPPY for a, b in zip(near[0], span, strict=True)):
            found[span] = near[0]
    return found


def overlap(one: Span, other: Span) -> float:
    """Return the days that two spans share, as a part of the shorter one.

    Examples
    --------
    >>> days = [dt.date(2024, 1, k) for k in (1, 10, 6, 25)]
    >>> overlap((days[0], days[1]), (days[2], days[3]))
    0.5
    """
    shared = (min(one[1], other[1]) - max(one[0], other[0])).days + 1
    return max(0, shared) / min((b - a).days + 1 for a, b in (one, other))


def period_name(start: dt.date, end: dt.date) -> str:
    """Return a quarter's name: 2025Q3 if it is a calendar quarter, else first and last day.

    Examples
    --------
    >>> period_name(dt.date(2025, 7, 1), dt.date(2025, 9, 30))
    '2025Q3'
    >>> period_name(dt.date(2025, 9, 1), dt.date(2025, 11, 30))
    '2025-09-01/2025-11-30'
    """
    whole = start.day == 1 and start.month % 3 == 1 and (end + dt.timedelta(days=1)).day == 1
    if whole and (end.year, end.month) == (start.year, start.month + 2):
        return f"{start.year}Q{end.month // 3}"
    return f"{start.isoformat()}/{end.isoformat()}"
