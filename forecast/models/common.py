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
"""Log density of the priors that a sensitivity check scales, one number a draw: of models that tell it
themselves, because their parameters are not the variables that are sampled."""
LIKELIHOOD = "likelihood"
"""Log likelihood of all data, one number a draw: of models whose states are drawn after the fit, given
those states."""
DENSITIES = (HYPER, LIKELIHOOD)
ROW = "_row"
"""End of the name of a dimension whose labels are rows of the panel."""

CELL = "_cell"
"""End of the name of a dimension of an observed variable whose values are no rows of the panel: its
labels are positions along the panel's dimension of the name without this."""

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


def reported(variable: str, values: np.ndarray, rows: np.ndarray) -> Mapping[str, Any]:
    """Register what an observed variable was seen to be; return its keyword arguments.

    Parameters
    ----------
    variable
        Its name. Its dimension is that with :data:`ROW` at its end.
    values
        What was seen, shape (n,).
    rows
        The panel's rows that the values are of, shape (n,), the labels of the dimension. A row may
        come more than once.
    """
    dim = f"{variable}{ROW}"
    pm.modelcontext(None).add_coord(dim, rows)
    data = pm.Data(f"{variable}_reported", values, dims=dim)
    # As long as the data, which a compiled model is given again; a dimension's length is compiled.
    return {"observed": data, "shape": data.shape, "dims": dim}


def log_normal(name: str, median: Any, log_sd: Any, dims: str | None = None) -> Any:
    """Return a log-normal variable, parameterised by its median.

    Scales are log-normal rather than half-normal: with few series a half-normal piles up near
    zero, where the sampler diverges.
    """
    return pm.LogNormal(name, pt.log(median), log_sd, dims=dims)
