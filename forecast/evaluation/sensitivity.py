"""How far a probability rests on the prior."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from forecast.claims.judge import condition_draws, event_draws
from forecast.claims.probabilities import influence, share
from forecast.inference.groups import total

if TYPE_CHECKING:
    from forecast.claims.records import Claim, Definition
    from forecast.inference.fitting import Run

MOSTLY_DATA, MOSTLY_PRIOR = 1.25, 2.0
"""Factors of odds: below the first an answer is mostly data, from the second on mostly prior."""
DOUBLED = "the prior's weight doubled"


@dataclasses.dataclass(frozen=True)
class Sensitivity:
    """How far one definition's probability rests on the prior.

    Attributes
    ----------
    claim, definition, probability
        Which one, and its probability under the default priors.
    prior, prior_mcse
        Change of the probability when the prior's weight is doubled, to first order, and its
        Monte-Carlo error.
    likelihood, likelihood_mcse
        The same for the data's weight.
    variants
        The probability under each other prior set and structure.
    draws
        Number of draws behind each probability.
    """

    claim: str
    definition: str
    probability: float
    prior: float
    prior_mcse: float
    likelihood: float
    likelihood_mcse: float
    variants: Mapping[str, float]
    draws: int

    @property
    def low(self) -> float:
        """Lowest probability over all prior sets and structures."""
        return min(self.probability, *self.variants.values())

    @property
    def high(self) -> float:
        """Highest probability over all prior sets and structures."""
        return max(self.probability, *self.variants.values())

    @property
    def factor(self) -> float:
        """Factor by which the odds differ at most, and never less than 1.

        Between any two of the prior sets and structures, or between the default and the prior with its
        weight doubled, so that sets which do not touch what decides an answer cannot call it data. A
        probability of no or all draws is taken for half a draw away.
        """
        return float(
            np.exp(max(self._log_odds(self.high) - self._log_odds(self.low), self._doubled))
        )

    @property
    def moved_by(self) -> str:
        """What moves the odds most: a prior set or structure, or the prior's weight."""
        moves = {DOUBLED: self._doubled} | {
            name: abs(self._log_odds(p) - self._log_odds(self.probability))
            for name, p in self.variants.items()
        }
        return max(moves, key=lambda name: moves[name])

    @property
    def grade(self) -> str:
        """How much of the answer is evidence, by :attr:`factor`.

        ``mostly data``, ``data and prior`` or ``mostly prior``; ``too rare to grade`` where the factor
        could be Monte-Carlo error.
        """
        if self.factor < MOSTLY_DATA:
            return "mostly data"
        error = np.hypot(self._error(self.low), self._error(self.high))
        if np.log(self.factor) < 2 * error:
            return "too rare to grade"
        return "data and prior" if self.factor < MOSTLY_PRIOR else "mostly prior"

    @property
    def _doubled(self) -> float:
        """Change of the log-odds by doubling the prior's weight; 0 where that may be noise."""
        p = self._inside(self.probability)
        told = abs(self.prior) > 2 * self.prior_mcse
        return abs(self.prior) / (p * (1 - p)) if told else 0.0

    def _inside(self, p: float) -> float:
        edge = 0.5 / self.draws
        return min(max(p, edge), 1 - edge)

    def _log_odds(self, p: float) -> float:
        return float(np.log(self._inside(p) / (1 - self._inside(p))))

    def _error(self, p: float) -> float:
        """Return the standard error of log-odds counted on independent draws."""
        p = self._inside(p)
        return float(1 / np.sqrt(self.draws * p * (1 - p)))


def scaling_effect(hit: np.ndarray, log_density: np.ndarray) -> tuple[float, float]:
    """Return how a probability moves when a log density's weight is doubled, and its error.

    If a component of the posterior is raised to the power a, then ``dP/da`` at a = 1 is the
    covariance of the event with that component's log density (the derivative that power-scaling
    approximates by importance weights; Kallioinen et al. 2024, arXiv 2107.14054); a doubling is
    ``log 2`` times it, to first order.

    Parameters
    ----------
    hit
        Whether the event happens, shape (chain, draw).
    log_density
        The component's log density, shape (chain, draw).

    Returns
    -------
    tuple of float
        Effect and Monte-Carlo standard error, as probabilities.
    """
    from arviz_stats.base import array_stats  # slow to load

    product = (hit - hit.mean()) * (log_density - log_density.mean())
    effect = np.log(2) * product.mean()
    if np.ptp(product) == 0:
        return float(effect), 0.0
    error = array_stats.mcse(product, chain_axis=0, draw_axis=1, method="mean")
    return float(effect), float(np.log(2) * error)


def sensitivity(
    claim: Claim,
    definition: Definition,
    run: Run,
    draws: xr.Dataset,
    variants: Mapping[str, xr.Dataset],
) -> Sensitivity:
    """Say how far one definition's probability rests on the prior.

    Parameters
    ----------
    claim, definition
        What is asked.
    run, draws
        The run under default priors, and its joint draws.
    variants
        Joint draws under other prior sets, by name.
    """
    hit, held = event_draws(definition, draws), condition_draws(definition, draws)
    values = hit.values.astype(float) if held is None else influence(hit, held)
    own = share(hit, held)
    assert own is not None  # only definitions with an answer are asked
    others = {
        name: share(event_draws(definition, d), condition_draws(definition, d))
        for name, d in variants.items()
    }
    (prior, prior_mcse), (likelihood, likelihood_mcse) = (
        scaling_effect(values, total(run.tree[group].to_dataset()).values)
        for group in ("log_prior", "log_likelihood")
    )
    return Sensitivity(
        claim.id,
        definition.id,
        own[0],
        prior,
        prior_mcse,
        likelihood,
        likelihood_mcse,
        {name: one[0] for name, one in others.items() if one is not None},
        hit.size if held is None else int(held.sum()),
    )
