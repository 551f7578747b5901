"""A random walk with drift of each price: the forecast to beat."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from forecast.core.errors import DataError
from forecast.core.periods import (
    years_since,
)
from forecast.models.api_price.panel import PRICE_UNIT, price_history
from forecast.models.baselines import empty_sample, label_baseline, uneven_steps

if TYPE_CHECKING:
    from forecast.models.base import Panel


def price_walk(
    panel: Panel, *, until: str, seed: int, chains: int = 4, draws: int = 1000
) -> xr.Dataset:
    """Draw each price at the ends of quarters as a random walk with drift of its logarithm.

    For the cheapest price at a capability this carries on the line of its record lows. Series with
    fewer than four quarters, or that never moved, are left out.

    Parameters
    ----------
    panel
        A panel of list prices.
    until
        Last quarter to draw.
    seed
        Seed of the draws.
    chains, draws
        Shape of the sample, to stand beside a model's.

    Returns
    -------
    xarray.Dataset
        As the api_price model draws; ``signal`` is ``y``.
    """
    rng, size = np.random.default_rng(seed), chains * draws
    quarters, known, history = price_history(panel, until)
    ends = np.array([years_since(q) for q in quarters])
    names, paths, observed = [], [], []
    for name, past in history.items():
        held = np.flatnonzero(np.isfinite(past))
        change = np.diff(np.log(past[held]))
        if len(held) < 4 or not change.any():
            continue
        ahead = ends[known:] - ends[held[-1]]
        steps = uneven_steps((change, np.diff(ends[held])), ahead, size, rng)
        with np.errstate(
            over="ignore"
        ):  # after few changes, all large, a path may leave all numbers
            future = past[held[-1]] * np.exp(steps)
        names.append(name)
        paths.append(np.concatenate([np.tile(past, (size, 1)), future], axis=1))
        observed.append(np.append(past, np.full(len(ahead), np.nan)))
    if not names:
        raise DataError("a random walk with drift wants four quarters of a price that has moved")
    y = np.stack(paths, axis=1)
    series, sample = (names, [PRICE_UNIT] * len(names)), empty_sample(chains, draws)
    return label_baseline(panel, (y, np.stack(observed)), series, quarters, seed, sample)
