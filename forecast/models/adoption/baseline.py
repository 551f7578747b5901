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
from forecast.models.adoption.panel import SHARE_METRIC, measures
from forecast.models.baselines import empty_sample, label_baseline, uneven_steps

if TYPE_CHECKING:
    from forecast.models.base import Panel


def share_walk(
    panel: Panel, *, until: str, seed: int, chains: int = 4, draws: int = 1000
) -> xr.Dataset:
    """Draw each measure's share month by month as a random walk with drift of its log-odds.

    Drift and spread are those of the measure's own changes; a measure with fewer than two of them takes
    its steps from the changes of all measures. Measures are drawn independently.

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
        The series of the adoption model; between two surveys the path is drawn straight, and a series
        is NaN before its first.
    """
    rng, size = np.random.default_rng(seed), chains * draws
    names, measure = measures(panel)
    data = panel.data
    years, odds = data["year"].values, logit(data["value"].values)
    surveyed = data["surveyed"].values.astype(str)
    grid = months(surveyed[0], until)
    when = np.array([years_since(m) for m in grid])
    own = [np.flatnonzero(measure == m) for m in range(len(names))]
    steps = [(np.diff(odds[k]), np.diff(years[k])) for k in own]
    pooled = tuple(np.concatenate(part) for part in zip(*steps, strict=True))
    y = np.full((size, len(names), len(grid)), np.nan)
    observed = np.full((len(names), len(grid)), np.nan)
    for m, k in enumerate(own):
        past = when <= years[k][-1]
        change = steps[m] if len(steps[m][0]) > 1 else (pooled[0], pooled[1])
        ahead = uneven_steps(change, when[~past] - years[k][-1], size, rng)
        held = np.interp(when[past], years[k], odds[k])
        y[:, m, past] = expit(np.where(when[past] < years[k][0], np.nan, held))
        y[:, m, ~past] = expit(odds[k][-1] + ahead)
        at = [grid.index(s[:7]) for s in surveyed[k]]
        observed[m, at] = data["value"].values[k]
        y[:, m, at] = data["value"].values[k]
    called = ([f"{name}/{SHARE_METRIC}" for name in names], ["ratio"] * len(names))
    return label_baseline(panel, (y, observed), called, grid, seed, empty_sample(chains, draws))
