"""What a section of the memo is, and what the sections on the headline claims share."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from forecast.core.text import percent
from forecast.report.words import escaped

if TYPE_CHECKING:
    from forecast.claims.pool import Pooled
    from forecast.claims.records import Claim
    from forecast.claims.verdict import Verdict
    from forecast.report.record import Figure, Report


@dataclasses.dataclass(frozen=True)
class Section:
    """A section of the memo.

    Attributes
    ----------
    key
        Its name; its template is ``<key>.md.j2`` next to its module.
    build
        Takes the run's results and returns what the template reads, a frozen record; None where
        there is nothing to say, and the section is not printed.
    title
        Its heading, or what tells it from the results; empty for none.
    figures
        Keys of the figures it shows; those that were drawn are handed to the template in this order.
    level
        Depth of the heading.
    template
        Another template than its own.
    """

    key: str
    build: Callable[[Report], object | None]
    title: str | Callable[[Report], str] = ""
    figures: tuple[str, ...] = ()
    level: int = 2
    template: str = ""

    def heading(self, report: Report) -> str:
        """Return the heading as Markdown; empty for none."""
        title = self.title if isinstance(self.title, str) else self.title(report)
        return f"{'#' * self.level} {escaped(title)}" if title else ""

    def drawn(self, report: Report) -> dict[str, Figure]:
        """Return its figures that were drawn, by key."""
        return {key: report.figures[key] for key in self.figures if key in report.figures}


@dataclasses.dataclass(frozen=True)
class Shown:
    """What a section of figures says besides them: nothing."""


def of_figures(key: str, title: str | Callable[[Report], str], figures: Sequence[str]) -> Section:
    """Return a section that is printed where the first of its figures was drawn, and is only them."""
    first = figures[0]
    return Section(
        key=key,
        build=lambda report: Shown() if first in report.figures else None,
        title=title,
        figures=tuple(figures),
        template="figures.md.j2",
    )


# --- the headline claims -----------------------------------------------------------------------
@dataclasses.dataclass(frozen=True)
class Moves:
    """One definition's probabilities under other settings, as text.

    Attributes
    ----------
    why
        The definition in words.
    definition
        Its id.
    thresholds
        Threshold and probability, in a row.
    by_day, late
        By the end of the window; and for what comes in its last months only.
    priors
        By prior set.
    """

    why: str
    definition: str
    thresholds: str
    by_day: Mapping[str, str]
    late: str
    priors: Mapping[str, str]


@dataclasses.dataclass(frozen=True)
class Clock:
    """The definitions of one group that would bear a claim out: their range, and the naive forecast's.

    Attributes
    ----------
    group
        What they look at, such as prices.
    low, high
        The ends of their probabilities.
    naive_low, naive_high
        Those of the naive forecast; None where it has none.
    """

    group: str
    low: float
    high: float
    naive_low: float | None
    naive_high: float | None

    @property
    def text(self) -> str:
        """The ranges in words."""
        if self.naive_low is None or self.naive_high is None:
            return _range(self.low, self.high)
        return f"{_range(self.low, self.high)}, naive {_range(self.naive_low, self.naive_high)}"


def _range(low: float, high: float) -> str:
    ends = dict.fromkeys((percent(low), percent(high)))
    return " to ".join(ends)


@dataclasses.dataclass(frozen=True)
class Headline:
    """What the first page says of one claim.

    Attributes
    ----------
    claim
        The claim.
    judged
        Its verdicts with an answer, from the lowest probability to the highest.
    low, high
        The ends of those that are still open and that somebody can score, or of all where none is.
    range_low, range_high
        The ends under other prior sets; None where none were fitted.
    grades
        How far the answers rest on data.
    naive, gap
        The naive forecast's probabilities, and the largest distance to ours.
    error
        The largest Monte-Carlo standard error of the probabilities.
    end
        The last day of all windows.
    over
        Number of definitions whose window is over, and whose number is a forecast still.
    pooled
        The pooled answer, None without one.
    groups
        The verdicts by the group of their definition, in the order of the claims file.
    clocks
        The range of each named group.
    """

    claim: Claim
    judged: tuple[Verdict, ...]
    low: Verdict | None
    high: Verdict | None
    range_low: float | None
    range_high: float | None
    grades: tuple[str, ...]
    naive: tuple[float, ...]
    gap: float
    error: float
    end: str | None
    over: int
    pooled: Pooled | None
    groups: Mapping[str, tuple[Verdict, ...]]
    clocks: tuple[Clock, ...]


def headlines(report: Report) -> tuple[Headline, ...]:
    """Return what the first page says of each headline claim."""
    return tuple(_headline(report, claim) for claim in report.headline)


def _headline(report: Report, claim: Claim) -> Headline:
    own = {v.definition: v for v in report.answered if v.claim == claim.id}
    judged = sorted(own.values(), key=lambda v: v.probability or 0.0)
    told = [v for v in judged if not report.definition(v).unscorable] or judged
    open_ = [v for v in told if v.status == "judged"] or told
    keys = [(v.claim, v.definition) for v in judged]
    spread = [report.sensitivities[k] for k in keys if k in report.sensitivities]
    beside = {v: report.naive[k] for v, k in zip(judged, keys, strict=True) if k in report.naive}
    named = dict.fromkeys(d.group for d in claim.definitions)
    groups = {
        group: tuple(own[d.id] for d in claim.definitions if d.group == group and d.id in own)
        for group in named
    }
    return Headline(
        claim=claim,
        judged=tuple(judged),
        low=open_[0] if open_ else None,
        high=open_[-1] if open_ else None,
        range_low=min((s.low for s in spread), default=None),
        range_high=max((s.high for s in spread), default=None),
        grades=tuple(sorted({s.grade for s in spread})),
        naive=tuple(beside.values()),
        gap=max((abs(p - (v.probability or 0.0)) for v, p in beside.items()), default=0.0),
        error=max((v.mcse or 0.0 for v in judged), default=0.0),
        end=max((v.window_end for v in judged if v.window_end), default=None),
        over=sum(
            v.status == "judged" and (v.window_end or report.as_of) < report.as_of for v in judged
        ),
        pooled=report.pooled.get(claim.id),
        groups=groups,
        clocks=tuple(_clocks(groups, report)),
    )


def _clocks(groups: Mapping[str, Sequence[Verdict]], report: Report) -> Iterator[Clock]:
    for group, rows in groups.items():
        speaking = [
            v
            for v in rows
            if v.polarity == "same" and v.status == "judged" and not report.definition(v).unscorable
        ]
        if not group or not speaking:
            continue
        ours = [v.probability or 0.0 for v in speaking]
        beside = [report.naive.get((v.claim, v.definition)) for v in speaking]
        naive = [p for p in beside if p is not None]
        yield Clock(group, min(ours), max(ours), min(naive, default=None), max(naive, default=None))


def moves(report: Report) -> tuple[Moves, ...]:
    """Return how each answered definition of the headline claims moves with its settings."""
    return tuple(
        _moves(report, verdict)
        for claim in report.headline
        for d in claim.definitions
        for verdict in report.answered
        if (verdict.claim, verdict.definition) == (claim.id, d.id)
    )


def _moves(report: Report, verdict: Verdict) -> Moves:
    key = (verdict.claim, verdict.definition)
    own = [v for v in report.variations if (v.claim, v.definition) == key]
    found = {
        what: {
            v.setting: percent(v.probability, verdict.draws)
            for v in own
            if v.what == what and not (what == "window start" and v.own)
        }
        for what in ("threshold", "window end", "window start", "prior")
    }
    return Moves(
        why=report.definition(verdict).why,
        definition=verdict.definition,
        thresholds="; ".join(f"{at}: {p}" for at, p in found["threshold"].items()),
        by_day=found["window end"],
        late=next(iter(found["window start"].values()), ""),
        priors=found["prior"],
    )
