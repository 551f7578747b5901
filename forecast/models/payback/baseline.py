"""A straight line of revenue: the forecast to beat."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from forecast.core.errors import DataError
from forecast.models.payback.model import (
    BY_LABORATORY,
    LOG_NORMALS,
    NORMALS,
    ORIGIN,
    Priors,
    _last_year,
    drawn_of,
)
from forecast.models.payback.panel import FIRST, LABORATORIES, RUN_RATES

if TYPE_CHECKING:
    from forecast.models.base import Panel

NAIVE_NAME = "naive: run-rate in a straight line"


def straight_line(
    panel: Panel, *, until: str, seed: int, chains: int = 4, draws: int = 1000
) -> xr.Dataset:
    """Draw paybacks if the run-rate goes on growing by as many dollars a year as lately.

    A straight line through the run-rates of the last eighteen months, bounds taken at their word,
    with the normal linear model's posterior under p(a, b, sigma) ~ 1/sigma. Margin, schedule, the
    share of a programme and funding are those of the default priors: no rule of thumb knows them.

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
        As :func:`forecast.models.payback.model.draw` gives; revenue has no noise. Of a laboratory
        other than the first with fewer than three run-rates in those months, what depends on sales
        is NaN.

    Raises
    ------
    DataError
        If fewer than three run-rates of the first laboratory are there in those months.
    """
    rng, last = np.random.default_rng(seed), _last_year(until)
    size = chains * draws
    prior = dataclasses.asdict(Priors())

    def shape(name: str) -> tuple[int, ...]:
        return (size, len(LABORATORIES)) if name in BY_LABORATORY else (size,)

    revenue = {name: _line(panel, name, last, size, rng) for name in LABORATORIES}
    drawn = {n: prior[n] + prior[f"{n}_sd"] * rng.standard_normal(shape(n)) for n in NORMALS}
    for n in LOG_NORMALS:
        drawn[n] = prior[n] * np.exp(prior[f"{n}_log_sd"] * rng.standard_normal(shape(n)))
    odds = prior["share"] / (1 - prior["share"])
    odds = odds * np.exp(prior["share_logit_sd"] * rng.standard_normal(size))
    drawn["share"] = odds / (1 + odds)
    drawn["noise"] = 0 * drawn["noise"]
    sample = ("chain", "draw")
    parameters = xr.Dataset(
        {
            n: ((*sample, *("laboratory",) * (v.ndim - 1)), v.reshape(chains, draws, *v.shape[1:]))
            for n, v in drawn.items()
        },
        coords={"chain": np.arange(chains), "draw": np.arange(draws)},
    )
    return drawn_of(parameters, panel, last, revenue, rng).assign_attrs(
        model=NAIVE_NAME, as_of=panel.as_of, data_hash=panel.hash, seed=seed
    )


def _line(
    panel: Panel, laboratory: str, last: int, size: int, rng: np.random.Generator
) -> np.ndarray:
    """Draw revenue by year from 2026 on a straight line of run-rates, shape (size, year)."""
    data, years = panel.data, np.arange(FIRST, last + 1)
    own = (data["entity"].values == laboratory) & np.isin(data["metric"].values, RUN_RATES)
    t, rate = data["start"].values[own] - ORIGIN, data["value"].values[own]
    recent = t > t.max(initial=-np.inf) - 1.5
    if recent.sum() < 3:
        if laboratory != LABORATORIES[0]:
            return np.full((size, len(years)), np.nan)
        raise DataError(f"a straight line wants three run-rates in 18 months; got {recent.sum()}")
    design = np.column_stack([np.ones(recent.sum()), t[recent]])
    inverse = np.linalg.inv(design.T @ design)
    middle = inverse @ design.T @ rate[recent]
    squares = ((rate[recent] - design @ middle) ** 2).sum()
    sigma = np.sqrt(squares / rng.chisquare(recent.sum() - 2, size=(size, 1)))
    line = middle + sigma * rng.standard_normal((size, 2)) @ np.linalg.cholesky(inverse).T
    path: np.ndarray = np.maximum(line[:, [0]] + line[:, [1]] * (years + 0.5 - ORIGIN), 0.0)
    return path
