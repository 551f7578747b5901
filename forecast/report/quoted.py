"""The few definitions that are quoted, each as numbers and words that stand alone.

Invariant: every sentence is put together from what the run found; ``tests/test_first_page.py`` changes
the numbers and sees the words follow.
"""

from __future__ import annotations

import dataclasses
import re
from typing import TYPE_CHECKING

from forecast.claims.verdict import answer_word
from forecast.core.text import capitalised, frequency, percent

if TYPE_CHECKING:
    from forecast.claims.records import Claim, Definition
    from forecast.claims.verdict import Verdict
    from forecast.report.record import Report

MOST = 6
"""Numbers of one claim, as many as are taken in at one look."""


@dataclasses.dataclass(frozen=True)
class Quoted:
    """One definition on the first page.

    Attributes
    ----------
    definition, verdict
        What is asked, and the answer.
    twins
        Answers of other models to the same question.
    naive
        The naive forecast's probability; None where it has none.
    low, high
        The answer's range over prior sets and structures; None where no others were fitted.
    implied
        What the claim's words imply for it, of an opposite definition for its not coming; None where
        they imply nothing.
    """

    definition: Definition
    verdict: Verdict
    twins: tuple[Verdict, ...]
    naive: float | None
    low: float | None
    high: float | None
    implied: tuple[float, float] | None

    @property
    def answers(self) -> tuple[Verdict, ...]:
        """All models' answers, the less probable first."""
        return tuple(sorted((self.verdict, *self.twins), key=lambda v: v.probability or 0.0))

    @property
    def what(self) -> str:
        """What is asked, in words that stand alone."""
        return self.definition.phrase or self.definition.why.rstrip(".")

    @property
    def headed(self) -> str:
        """The same for a title, without what stands in brackets."""
        return re.sub(r"\s*\([^()]*\)", "", self.what)

    @property
    def words(self) -> str:
        """The answer in the words of the scale, those of all models."""
        words = (answer_word(v).split(",")[0] for v in self.answers)
        return " to ".join(dict.fromkeys(words))

    @property
    def often(self) -> str:
        """The answer as a natural frequency, those of all models."""
        if self.verdict.status == "decided":
            return "it came" if self.verdict.probability else "it did not come"
        each = dict.fromkeys(frequency(v.probability, v.draws) for v in self.answers)
        return ", or ".join(each)

    @property
    def beside(self) -> str:
        """The number, and what stands beside it."""
        if self.verdict.status == "decided":
            return "decided by what has come"
        numbers = dict.fromkeys(percent(v.probability, v.draws) for v in self.answers)
        told = [f"{' or '.join(numbers)}, {self.words}"]
        if self.naive is not None:
            told.append(f"naive forecast {percent(self.naive)}")
        if (
            self.low is not None
            and self.high is not None
            and percent(self.low) != percent(self.high)
        ):
            told.append(f"other priors and structures {percent(self.low)} to {percent(self.high)}")
        return "; ".join(told)


@dataclasses.dataclass(frozen=True)
class Answered:
    """One headline claim and its quoted definitions, in the page's order."""

    claim: Claim
    rows: tuple[Quoted, ...]

    @property
    def verdict(self) -> str:
        """How the words compare with what would bear them out; empty where they imply nothing."""
        implied = self.claim.implied
        same = [row for row in self.rows if row.definition.polarity == "same"]
        chances = [v.probability or 0.0 for row in same for v in row.answers]
        if implied is None or not chances:
            return ""
        low, high = 100 * implied.low, 100 * implied.high
        read = f"The words, read as {low:.0f} to {high:.0f} in 100, "
        but = "" if len(same) == len(self.rows) else " that would bear them out"
        above = sum(p >= implied.low for p in chances)
        if not above:
            return f"{read}claim more than any of these numbers{but}."
        if above == len(chances):
            return f"{read}claim no more than these numbers{but}."
        return f"{read}claim more than some of these numbers and no more than others{but}."


def quoted(report: Report) -> tuple[Answered, ...]:
    """Return the headline claims with the definitions that stand on the first page.

    Those that the page names, in its order. Of a claim of which it names none: of each group the
    definition that weighs most in the pool, or the first, of those that would bear the claim out and
    that somebody can score; where there is no such one, the first that has an answer.
    """
    found = []
    for claim in report.headline:
        rows = [_row(report, claim, d) for d in _chosen(report, claim)]
        if rows:
            found.append(Answered(claim, tuple(rows)))
    return tuple(found)


def _chosen(report: Report, claim: Claim) -> list[Definition]:
    answered = {v.definition for v in report.answered if v.claim == claim.id}
    own = [d for d in claim.definitions if d.id in answered]
    named = [d for name in report.page.quoted for d in own if d.id == name]
    if named:
        return named[:MOST]
    plain = [d for d in own if d.polarity == "same" and not d.unscorable] or own[:1]
    weights = claim.pool.weights if claim.pool else {}
    groups = dict.fromkeys(d.group for d in plain)
    return [
        max((d for d in plain if d.group == g), key=lambda d: weights.get(d.id, 0)) for g in groups
    ][:MOST]


def _row(report: Report, claim: Claim, one: Definition) -> Quoted:
    by_id = {v.definition: v for v in report.answered if v.claim == claim.id}
    key = (claim.id, one.id)
    spread = report.sensitivities.get(key)
    return Quoted(
        definition=one,
        verdict=by_id[one.id],
        twins=tuple(by_id[name] for name in claim.twins(one.id) if name in by_id),
        naive=report.naive.get(key),
        low=spread.low if spread else None,
        high=spread.high if spread else None,
        implied=_implied(claim, one),
    )


def _implied(claim: Claim, one: Definition) -> tuple[float, float] | None:
    if claim.implied is None:
        return None
    low, high = claim.implied.low, claim.implied.high
    return (low, high) if one.polarity == "same" else (1 - high, 1 - low)


def finding(report: Report) -> str:
    """Return the first page's title: its most and its least probable number in words.

    Where a definition has no phrase of its own, or nothing is still open, the page's own title.
    """
    rows = [row for one in quoted(report)[:1] for row in one.rows]
    rows = [row for row in rows if row.definition.phrase and row.verdict.status == "judged"]
    if not rows:
        return report.page.title
    order = sorted(rows, key=lambda row: row.verdict.probability or 0.0)
    high, low = order[-1], order[0]
    told = f"{capitalised(high.headed)} is {high.words}"
    return told if high is low else f"{told}; {low.headed}, {low.words}"
