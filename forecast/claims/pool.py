"""One number of several definitions, by log-odds."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from forecast.claims.records import Claim
    from forecast.claims.verdict import Verdicts


@dataclasses.dataclass(frozen=True)
class Pooled:
    """The definitions of one claim as one number; it never stands alone.

    Attributes
    ----------
    claim
        Its id.
    probability, error
        The logarithmic pool and its Monte-Carlo standard error; None if a definition has no number.
    linear
        The same definitions averaged: the chance that the claim comes true if one of them, drawn by
        weight, is what was meant.
    naive
        The pool of the naive forecast's numbers, None where a definition has none.
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
    linear: float | None
    naive: float | None
    weights: Mapping[str, float]
    missing: tuple[str, ...]
    why: str


def log_pool(probabilities: Sequence[float], weights: Sequence[float]) -> float:
    """Return the logarithmic pool: log-odds averaged by weight (Genest and Zidek 1986).

    Examples
    --------
    >>> round(log_pool([0.2, 0.8], [1, 1]), 9), round(log_pool([0.1, 0.5], [3, 1]), 3)
    (0.5, 0.161)
    """
    p, w = np.asarray(probabilities, float), np.asarray(weights, float)
    odds = float((w * np.log(p / (1 - p))).sum() / w.sum())
    return 1 / (1 + float(np.exp(-odds)))


def pool(
    claim: Claim, verdicts: Verdicts, naive: Mapping[tuple[str, str], float] | None = None
) -> Pooled | None:
    """Pool the definitions of a claim by the weights of its file, None if it names none.

    A probability of zero or one of N draws is taken for 1/(2 N) away from it, or one definition
    would decide all. The error is that of the log-odds by the delta method: errors of one model's
    definitions, which share their draws, are added up, those of different models are independent.

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
    missing = tuple(n for n in weights if n not in rows or rows[n].probability is None)
    if missing:
        return Pooled(claim.id, None, None, None, None, weights, missing, claim.pool.why)

    def inside(p: float | None, draws: int) -> float:
        edge = 0.5 / max(draws, 1)
        return float(np.clip(p if p is not None else np.nan, edge, 1 - edge))

    p = {n: inside(rows[n].probability, rows[n].draws) for n in weights}
    by_model: dict[str, float] = {}
    for n, weight in weights.items():
        own = weight * (rows[n].mcse or 0.0) / (p[n] * (1 - p[n]))
        by_model[rows[n].model] = by_model.get(rows[n].model, 0.0) + own
    pooled = log_pool(list(p.values()), list(weights.values()))
    error = pooled * (1 - pooled) * float(np.sqrt(sum(e**2 for e in by_model.values())))
    others = {n: (naive or {}).get((claim.id, n)) for n in weights}
    known = None not in others.values()
    return Pooled(
        claim.id,
        pooled,
        error,
        sum(w * (rows[n].probability or 0.0) for n, w in weights.items()),
        log_pool([inside(others[n], rows[n].draws) for n in weights], list(weights.values()))
        if known
        else None,
        weights,
        (),
        claim.pool.why,
    )
