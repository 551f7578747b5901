"""What the models share: priors that can be changed without a compile, and their log density.

Invariant: every prior number enters the model as ``pm.Data``, so one compiled model serves every
prior set and every panel of the same structure; ``tests/test_fitting.py`` refits without a compile
and compares with a fresh one.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt

HYPER = "hyper"
"""Log density of the priors that a sensitivity check scales, one number a draw."""
LIKELIHOOD = "likelihood"
"""Log likelihood of all data, one number a draw."""
DENSITIES = (HYPER, LIKELIHOOD)

type Array = np.ndarray | pt.TensorVariable
"""Numbers, or a variable of a model: one formula serves draws and density."""
type Arrays = Mapping[str, Array]
"""Such by name."""
SLOWEST_GROWTH = 0.01
"""A cost that grows by less than this (log points a year), or falls, is told as doubling in 69
years: a doubling time has no end there."""


def prior_data(priors: object) -> Mapping[str, Any]:
    """Register every field of a frozen record of numbers as data; return them by field name."""
    return {
        field.name: pm.Data(f"prior_{field.name}", np.float64(getattr(priors, field.name)))
        for field in dataclasses.fields(priors)  # type: ignore[arg-type]
    }


def normal(name: str, mean: Any, sd: Any) -> tuple[Any, Any]:
    """Return a normal variable and its log density."""
    variable = pm.Normal(name, mean, sd)
    return variable, pm.logp(pm.Normal.dist(mean, sd), variable)


def log_normal(name: str, median: Any, log_sd: Any) -> tuple[Any, Any]:
    """Return a log-normal variable, told by its median, and its log density.

    Scales are log-normal rather than half-normal: with few series a half-normal piles up near
    zero, where the sampler diverges.
    """
    variable = pm.LogNormal(name, pt.log(median), log_sd)
    return variable, pm.logp(pm.LogNormal.dist(pt.log(median), log_sd), variable)


def beta(name: str, a: Any, b: Any) -> tuple[Any, Any]:
    """Return a beta variable and its log density."""
    variable = pm.Beta(name, a, b)
    return variable, pm.logp(pm.Beta.dist(a, b), variable)


def likelihood(name: str, density: Any) -> None:
    """Add the log density of the data to the model, and keep it by draw as :data:`LIKELIHOOD`."""
    pm.Potential(name, density)
    # A variable of its own: one that is both is lost when a model's data are replaced.
    pm.Deterministic(LIKELIHOOD, 1.0 * density)
