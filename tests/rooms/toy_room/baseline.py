"""A random walk with drift of log sales: the forecast to beat."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from forecast.models.baselines import empty_sample, label_baseline, uneven_steps
from toy_room.panel import METRIC, UNIT

if TYPE_CHECKING:
    from forecast.models.base import Panel


def sales_walk(
    panel: Panel, *, until: str, seed: int, chains: int = 4, draws: int = 1000
) -> xr.Dataset:
    """Draw the sales year by year."""
    rng, size = np.random.default_rng(seed), chains * draws
    years, logs = panel.data["year"].values, np.log(panel.data["value"].values)
    ahead = np.arange(1, int(until) - years[-1] + 1)
    steps = uneven_steps((np.diff(logs), np.diff(years)), ahead, size, rng)
    y = np.exp(np.concatenate([np.tile(logs, (size, 1)), logs[-1] + steps], axis=1))[:, None]
    observed = np.concatenate([np.exp(logs), np.full(len(ahead), np.nan)])[None]
    grid = [str(year) for year in (*years, *(years[-1] + ahead))]
    names = ([f"{panel.data['entity'].values[0]}/{METRIC}"], [UNIT])
    return label_baseline(panel, (y, observed), names, grid, seed, empty_sample(chains, draws))
