"""Several definitions of one claim together: the linear mixture, with the sentence that it answers.

Definitions are different events, so that no number is "the" probability of the claim. The mixture has
a meaning of its own: if one of the definitions, drawn by weight, is what was meant, this is the chance
that it comes true. A logarithmic pool is of several opinions on one event (Genest and Zidek 1986), and
has none here.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from forecast.claims.records import Claim
    from forecast.claims.verdict import Verdicts


@dataclasses.dataclass(frozen=True)
class Pooled:
    """The linear mixture of the definitions of one claim; it never stands alone.

    Attributes
    ----------
    claim
        Its id.
    probability, error
        The chance that a definition drawn by weight comes true, and its Monte-Carlo standard error; None
        if a definition has no number.
    naive
        The same of the naive forecast's numbers, None where a definition has none.
    weights
        By definition id; they sum to one.
    missing
        Definitions with a weight but no number.
    why
        Why these weights.
    """

    claim: str
    probability: float | None
    error: float | None
    naive: float | None
    weights: Mapping[str, float]
    missing: tuple[str, ...]
    why: str


def pool(
    claim: Claim, verdicts: Verdicts, naive: Mapping[tuple[str, str], float] | None = None
) -> Pooled | None:
    """Mix the definitions of a claim by the weights of its file, None if it names none.

    Errors of one model's definitions, which share their draws, are added up; those of different models
    are independent.

    Parameters
    ----------
    claim, verdicts
        The claim, and verdicts that hold its own.
    naive
        The naive forecast's probabilities by (claim id, definition id).
    """
    if claim.pool is None:
        return None
    total = sum(claim.pool.weights.values())
    weights = {name: weight / total for name, weight in claim.pool.weights.items()}
    rows = {v.definition: v for v in verdicts if v.claim == claim.id and v.definition in weights}
    chances = {n: v.probability for n, v in rows.items() if v.probability is not None}
    missing = tuple(n for n in weights if n not in chances)
    if missing:
        return Pooled(claim.id, None, None, None, weights, missing, claim.pool.why)
    by_model: dict[str, float] = {}
    for n, weight in weights.items():
        own = weight * (rows[n].mcse or 0.0)
        by_model[rows[n].model] = by_model.get(rows[n].model, 0.0) + own
    others = {n: (naive or {}).get((claim.id, n)) for n in weights}
    known = {n: p for n, p in others.items() if p is not None}
    return Pooled(
        claim.id,
        sum(w * chances[n] for n, w in weights.items()),
        math.hypot(*by_model.values()),
        sum(w * known[n] for n, w in weights.items()) if len(known) == len(weights) else None,
        weights,
        (),
        claim.pool.why,
    )
