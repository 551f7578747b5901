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

MOSTLY_DATA, MOSTLY_PRIOR = 0.05, 0.20


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
        The probability under each other prior set.
    """

    claim: str
    definition: str
    probability: float
    prior: float
    prior_mcse: float
    likelihood: float
    likelihood_mcse: float
    variants: Mapping[str, float]

    @property
    def low(self) -> float:
        """Lowest probability over all prior sets."""
        return min(self.probability, *self.variants.values())

    @property
    def high(self) -> float:
        """Highest probability over all prior sets."""
        return max(self.probability, *self.variants.values())

    @property
    def grade(self) -> str:
        """How much of the answer is evidence, from the range over prior sets.

        ``mostly data`` if it is below 5 points, ``data and prior`` below 20, else ``mostly prior``.
        """
        spread = self.high - self.low
        if spread < MOSTLY_DATA:
            return "mostly data"
        return "data and prior" if spread < MOSTLY_PRIOR else "mostly prior"


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
    )
