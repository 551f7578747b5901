"""log sales[t] = level + growth (t - last year) + noise e[t], e ~ N(0, 1)."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
import pymc as pm
import xarray as xr

from forecast.core.draws import sample_first
from forecast.core.errors import DataError
from forecast.models import common, latent
from toy_room.panel import METRIC, UNIT

if TYPE_CHECKING:
    from forecast.models.base import Panel


@dataclasses.dataclass(frozen=True)
class Priors:
    """Numbers of the priors; log points."""

    level: float = 4.6
    level_sd: float = 1.0
    growth: float = 0.0
    growth_sd: float = 0.2
    noise: float = 0.1
    noise_log_sd: float = 0.6


VARIANTS = {"sceptical": Priors(growth=-0.1), "generous": Priors(growth=0.1)}
REPORT = ("level", "growth", "noise")
LABELS = {
    "level": "log sales of the last year",
    "growth": "growth, log points a year",
    "noise": "noise of a year, log points",
}


def build(panel: Panel, priors: Priors) -> pm.Model:
    """Return the model of the panel."""
    years = panel.data["year"].values
    with pm.Model() as model:
        prior = common.prior_data(priors)
        when = pm.Data("when", (years - years.max()).astype(float))
        observed = pm.Data("log_sales", np.log(panel.data["value"].values))
        level = pm.Normal("level", prior["level"], prior["level_sd"])
        growth = pm.Normal("growth", prior["growth"], prior["growth_sd"])
        noise = common.log_normal("noise", prior["noise"], prior["noise_log_sd"])
        pm.Normal("y", level + growth * when, noise, observed=observed)
    return model


def _paths(parameters: xr.Dataset, h: np.ndarray) -> np.ndarray:
    level, growth = (sample_first(parameters, name)[:, None] for name in ("level", "growth"))
    return level + growth * h


def replicate(
    parameters: xr.Dataset, panel: Panel, priors: Priors, rng: np.random.Generator
) -> dict[str, np.ndarray]:
    """Draw new sales for the panel's years, shape (sample, obs), by data name."""
    years = panel.data["year"].values
    path = _paths(parameters, years - years.max())
    noise = sample_first(parameters, "noise")[:, None]
    return {"value": np.exp(path + noise * rng.standard_normal(path.shape))}


def draw(
    parameters: xr.Dataset, panel: Panel, priors: Priors, until: str, rng: np.random.Generator
) -> xr.Dataset:
    """Draw the sales year by year."""
    years, value = panel.data["year"].values, panel.data["value"].values
    first, last = int(years.min()), int(years.max())
    if int(until) < last:
        raise DataError(f"cannot forecast sales to {until!r}; the panel ends in {last}")
    grid = np.arange(first, int(until) + 1)
    path = _paths(parameters, grid - last)
    noise = sample_first(parameters, "noise")[:, None]
    y = np.exp(path + noise * rng.standard_normal(path.shape))
    observed = np.full(len(grid), np.nan)
    observed[years - first] = value
    y[:, years - first] = value
    return latent.labelled(
        parameters,
        (y[:, None], np.exp(path)[:, None], observed[None]),
        [f"{panel.data['entity'].values[0]}/{METRIC}"],
        [UNIT],
        [str(year) for year in grid],
    )


def _sales(replicated: dict[str, np.ndarray], panel: Panel) -> np.ndarray:
    return replicated["value"].ravel()


PRIOR_CHECKS = (("sales of a year", _sales, 10.0, 1000.0),)
