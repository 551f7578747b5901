"""One question asked of two models: their answers, and how far they are apart.

Definitions of a claim ask one question where the claims file says so (`same_event`).
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from forecast.models.registry import get_model
from forecast.report.section import Section

if TYPE_CHECKING:
    from forecast.claims.records import Claim
    from forecast.claims.verdict import Verdict
    from forecast.report.record import Report


@dataclasses.dataclass(frozen=True)
class Pair:
    """Two models' answers to one question.

    Attributes
    ----------
    why
        The question, as the first of the two definitions says it.
    low, high
        The verdicts, the less probable first.
    points
        Their distance in percentage points.
    odds
        The odds of the second over those of the first, at the most that the draws can tell; None where
        the two are the same.
    apart
        Whether their ranges over prior sets do not meet; None where one was not fitted under others.
    """

    why: str
    low: Verdict
    high: Verdict
    points: float
    odds: float | None
    apart: bool | None


@dataclasses.dataclass(frozen=True)
class TwoModels:
    """The questions, and what each model's answers rest on."""

    pairs: tuple[Pair, ...]
    rests_on: Mapping[str, str]


def build(report: Report) -> TwoModels | None:
    """Return the questions of the headline claims that two models answer; None where there is none."""
    pairs = tuple(pair for claim in report.headline for pair in _pairs(report, claim))
    if not pairs:
        return None
    names = dict.fromkeys(v.model for pair in pairs for v in (pair.low, pair.high))
    return TwoModels(pairs, {name: get_model(name).grounds for name in names})


def _pairs(report: Report, claim: Claim) -> Iterator[Pair]:
    asked = {d.id: d for d in claim.definitions}
    judged = [
        v
        for v in report.verdicts
        if v.claim == claim.id and v.status == "judged" and v.probability is not None
    ]
    for a, b in itertools.combinations(judged, 2):
        if b.definition not in claim.twins(a.definition):
            continue
        one = asked[a.definition]
        low, high = sorted((a, b), key=lambda v: v.probability or 0.0)
        p, q = (_held(v) for v in (low, high))
        ranges = [report.sensitivities.get((v.claim, v.definition)) for v in (low, high)]
        yield Pair(
            why=one.why,
            low=low,
            high=high,
            points=100 * ((high.probability or 0.0) - (low.probability or 0.0)),
            odds=q / (1 - q) / (p / (1 - p)) if q > p else None,
            apart=None
            if ranges[0] is None or ranges[1] is None
            else ranges[0].high < ranges[1].low,
        )


def _held(verdict: Verdict) -> float:
    """Return a probability no nearer to nought or one than half a draw."""
    least = 0.5 / max(verdict.draws or 1, 1)
    return min(max(verdict.probability or 0.0, least), 1 - least)


SECTION = Section("two_models", build, "One question, two models", level=3)
