"""A straight line of revenue: the forecast to beat."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from forecast.core.errors import DataError
from forecast.models.payback.model import (
    FIRST,
    LOG_NORMALS,
    NORMALS,
    ORIGIN,
    Priors,
    _drawn,
    _last_year,
)
from forecast.models.payback.panel import KINDS

if TYPE_CHECKING:
    from forecast.models.base import Panel

NAIVE_NAME = "naive: run-rate in a straight line"


def straight_line(
    panel: Panel, *, until: str, seed: int, chains: int = 4, draws: int = 1000
) -> xr.Dataset:
    """Draw paybacks if the run-rate goes on growing by as many dollars a year as lately.

    A straight line through the run-rates of the last eighteen months, bounds taken at their word,
    with the normal linear model's posterior under p(a, b, sigma) ~ 1/sigma. Margin, schedule and
    discount rate are those of the default priors: no rule of thumb knows them.

    Parameters
    ----------
    panel
        A payback panel.
    until
        Last year to draw.
    seed
        Seed of the draws.
    chains, draws
        Shape of the sample, to stand alongside a model's.

    Returns
    -------
    xarray.Dataset
        As :func:`forecast.models.payback.model.draw` gives; revenue has no noise.

    Raises
    ------
    DataError
        If fewer than three run-rates are there in those months.
    """
    rng, last = np.random.default_rng(seed), _last_year(until)
    k = np.flatnonzero(panel.data["kind"].values == KINDS.index("run rate"))
    t, rate = panel.data["time"].values[k] - ORIGIN, panel.data["value"].values[k]
    recent = t > t.max() - 1.5
    if recent.sum() < 3:
        raise DataError(f"a straight line wants three run-rates in 18 months; got {recent.sum()}")
    design = np.column_stack([np.ones(recent.sum()), t[recent]])
    inverse = np.linalg.inv(design.T @ design)
    middle = inverse @ design.T @ rate[recent]
    squares = ((rate[recent] - design @ middle) ** 2).sum()
    size = chains * draws
    sigma = np.sqrt(squares / rng.chisquare(recent.sum() - 2, size=(size, 1)))
    line = middle + sigma * rng.standard_normal((size, 2)) @ np.linalg.cholesky(inverse).T
    years = np.arange(FIRST, last + 1)
    revenue = np.maximum(line[:, [0]] + line[:, [1]] * (years + 0.5 - ORIGIN), 0.0)
    prior = dataclasses.asdict(Priors())
    drawn = {n: prior[n] + prior[f"{n}_sd"] * rng.standard_normal(size) for n in NORMALS}
    for n in LOG_NORMALS:
        drawn[n] = prior[n] * np.exp(prior[f"{n}_log_sd"] * rng.standard_normal(size))
    parameters = xr.Dataset(
        {n: (("chain", "draw"), v.reshape(chains, draws)) for n, v in drawn.items()},
        coords={"chain": np.arange(chains), "draw": np.arange(draws)},
    )
    return _drawn(
        parameters.assign(noise=0 * parameters["noise"]), last, revenue, rng
    ).assign_attrs(model=NAIVE_NAME, as_of=panel.as_of, data_hash=panel.hash, seed=seed)
