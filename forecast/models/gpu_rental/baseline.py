"""A random walk with drift of the newest index: the forecast to beat."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from forecast.core.periods import (
    months,
    years_since,
)
from forecast.models.baselines import empty_sample, label_baseline, uneven_steps
from forecast.models.gpu_rental.panel import RENTAL_METRIC, RENTAL_UNIT

if TYPE_CHECKING:
    from forecast.models.base import Panel


def rental_walk(
    panel: Panel, *, until: str, seed: int, chains: int = 4, draws: int = 1000
) -> xr.Dataset:
    """Draw the newest index month by month as a random walk with drift of its logarithm.

    Drift and spread come from the monthly changes within every stretch of an index, pooled; bounds
    are left out. A spot index's own swings count as the market's, which makes this rule very wide.
    Between two quotes of the newest index its path is drawn straight.

    Parameters
    ----------
    panel
        A panel of rental prices.
    until
        Last month to draw.
    seed
        Seed of the draws.
    chains, draws
        Shape of the sample, to stand beside a model's.

    Returns
    -------
    xarray.Dataset
        One series, "H100/h100_rental", by month from the newest index's first quote.
    """
    rng, size = np.random.default_rng(seed), chains * draws
    data = panel.data.isel(obs=np.flatnonzero(panel.data["bound"].values == 0))
    index, day = data["stretch"].values.astype(str), data["day"].values.astype(str)
    changes: list[np.ndarray] = []
    spans: list[np.ndarray] = []
    for name in np.unique(index):
        own = np.flatnonzero(index == name)
        last = {day[k][:7]: k for k in own[np.argsort(day[own], kind="stable")]}
        at = np.array(list(last.values()))
        changes.append(np.diff(np.log(data["value"].values[at])))
        spans.append(np.diff(data["year"].values[at]))
    newest = index[np.argmax(data["year"].values)]
    own = np.flatnonzero(index == newest)
    own = own[np.argsort(day[own], kind="stable")]
    grid = months(day[own[0]], until)
    when = np.array([years_since(m) for m in grid])
    years, log_value = data["year"].values[own], np.log(data["value"].values[own])
    past = when <= years[-1]
    steps = uneven_steps(
        (np.concatenate(changes), np.concatenate(spans)), when[~past] - years[-1], size, rng
    )
    held = np.tile(np.interp(when[past], years, log_value), (size, 1))
    y = np.exp(np.concatenate([held, log_value[-1] + steps], axis=1))[:, None]
    observed = np.full((1, len(grid)), np.nan)
    for k in own:
        observed[0, grid.index(day[k][:7])] = data["value"].values[k]
    names = ([f"H100/{RENTAL_METRIC}"], [RENTAL_UNIT])
    return label_baseline(panel, (y, observed), names, grid, seed, empty_sample(chains, draws))
