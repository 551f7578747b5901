"""From true or false in each joint draw to a probability, plain or under a condition, with its error.

A conditional probability P(B | A) is the share of the draws with A in which B happens too. A, B and the
difference to P(B) are of one joint set of draws, so that errors they share cancel.

Invariant: no number under a condition that too few draws meet. ``tests/test_conditionals.py`` holds
errors against the spread over many sets of draws.
"""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import xarray as xr

ENOUGH = 200.0
"""Effective draws that must meet a condition: standard errors are then at most 3.5 points."""


def probability(hit: xr.DataArray) -> tuple[float, float]:
    """Return the share of draws in which an event happens, and its Monte-Carlo standard error.

    The error counts the effective draws of the 0/1 chain (Vehtari et al. 2021). Where the event
    happens in none or all draws it is 0, and the bound 1/N is what is known.
    """
    values = hit.transpose("chain", "draw").values.astype(float)
    return float(values.mean()), mean_error(values)


def mean_error(values: np.ndarray) -> float:
    """Return the Monte-Carlo standard error of a mean over draws, shape (chain, draw)."""
    if np.ptp(values) == 0:
        return 0.0
    from arviz_stats.base import array_stats  # slow to load, and claims are read without draws

    return float(array_stats.mcse(values, chain_axis=0, draw_axis=1, method="mean"))


def independent(values: np.ndarray) -> float:
    """Return the effective number of draws of a quantity, infinite where all are the same.

    Parameters
    ----------
    values
        Shape (chain, draw).
    """
    if np.ptp(values) == 0:
        return math.inf
    from arviz_stats.base import array_stats  # slow to load, and claims are read without draws

    return float(array_stats.ess(values, chain_axis=0, draw_axis=1, method="mean"))


def effective(held: np.ndarray) -> float:
    """Return how many independent draws are left where a condition holds.

    The draws that hold, times the effective share of the chain of 0 and 1.

    Parameters
    ----------
    held
        Shape (chain, draw).
    """
    return float(held.sum()) * min(independent(held.astype(float)) / held.size, 1.0)


@dataclasses.dataclass(frozen=True)
class ConditionalProbability:
    """An event's probability where a condition holds, beside that without it.

    Attributes
    ----------
    probability, mcse
        P(B | A) and its Monte-Carlo standard error.
    condition
        P(A), the share of draws in which the condition holds.
    unconditional
        P(B).
    difference, difference_mcse
        P(B | A) - P(B), and its own error.
    draws
        Number of draws in which the condition holds.
    """

    probability: float
    mcse: float
    condition: float
    unconditional: float
    difference: float
    difference_mcse: float
    draws: int


def conditional_probability(hit: xr.DataArray, held: xr.DataArray) -> ConditionalProbability | None:
    """Return an event's probability where a condition holds; None if too few draws meet it.

    Errors are those of the mean influence of a draw (the delta method of a ratio): with a for A and b
    for B in a draw, a (b - P(B | A)) / P(A), less b - P(B) for the difference.

    Parameters
    ----------
    hit, held
        Whether the event happens, and whether the condition holds; boolean, dims chain, draw, of the
        same joint draws. Fewer than :data:`ENOUGH` effective draws of the condition give None.
    """
    both = [one.transpose("chain", "draw").values for one in (hit, held)]
    if both[1].sum() < ENOUGH or effective(both[1]) < ENOUGH:
        return None
    b, a = (one.astype(float) for one in both)
    given, plain = float(b[both[1]].mean()), float(b.mean())
    pull = influence(hit, held)
    return ConditionalProbability(
        given, mean_error(pull), float(a.mean()), plain, given - plain,
        mean_error(pull - (b - plain)), int(a.sum()),
    )  # fmt: skip


def share(hit: xr.DataArray, held: xr.DataArray | None) -> tuple[float, float] | None:
    """Return a probability with its error, under a condition if there is one.

    None if too few draws meet the condition.
    """
    if held is None:
        return probability(hit)
    found = conditional_probability(hit, held)
    return None if found is None else (found.probability, found.mcse)


def influence(hit: xr.DataArray, held: xr.DataArray) -> np.ndarray:
    """Return how much each draw moves P(B | A), shape (chain, draw); the mean is zero.

    Its covariance with anything is the derivative of P(B | A), as that of `hit` is of P(B).
    """
    b, a = (one.transpose("chain", "draw").values.astype(float) for one in (hit, held))
    return a * (b - (a * b).sum() / a.sum()) / a.mean()
