"""A random walk with drift of a share: the forecast to beat."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import xarray as xr
from scipy.special import expit, logit

from forecast.core.periods import (
    months,
    years_since,
)
from forecast.models.adoption.panel import SHARE_METRIC
from forecast.models.baselines import empty_sample, label_baseline, uneven_steps

if TYPE_CHECKING:
    from forecast.models.base import Panel


def share_walk(
    panel: Panel, *, until: str, seed: int, chains: int = 4, draws: int = 1000
) -> xr.Dataset:
    """Draw a share month by month as a random walk with drift of its log-odds.

    Parameters
    ----------
    panel
        A panel of shares.
    until
        Last month to draw.
    seed
        Seed of the draws.
    chains, draws
        Shape of the sample, to stand beside a model's.

    Returns
    -------
    xarray.Dataset
        The series of the adoption model; between two surveys the path is drawn straight.
    """
    rng, size = np.random.default_rng(seed), chains * draws
    years, odds = panel.data["year"].values, logit(panel.data["value"].values)
    surveyed = panel.data["surveyed"].values.astype(str)
    grid = months(surveyed[0], until)
    when = np.array([years_since(m) for m in grid])
    past = when <= years[-1]
    steps = uneven_steps((np.diff(odds), np.diff(years)), when[~past] - years[-1], size, rng)
    held = np.tile(np.interp(when[past], years, odds), (size, 1))
    y = expit(np.concatenate([held, odds[-1] + steps], axis=1))[:, None]
    observed = np.full((1, len(grid)), np.nan)
    observed[0, [grid.index(s[:7]) for s in surveyed]] = panel.data["value"].values
    entity = str(panel.data["survey"].values[0]).split(" (")[0]
    names = ([f"{entity}/{SHARE_METRIC}"], ["ratio"])
    return label_baseline(panel, (y, observed), names, grid, seed, empty_sample(chains, draws))
