"""Scores of predictive draws against what came: lower is better unless said otherwise.

Invariant: each fast formula has a slow definition in ``tests/test_score.py``, compared at points
where the two could differ.
"""

from __future__ import annotations

import numpy as np
import xarray as xr

from forecast.schema import SAMPLE


def _crps(draws: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """CRPS of the last two axes' draws: E|X - y| - E|X - X'| / 2, by sorting in n log n."""
    flat = np.sort(draws.reshape(*draws.shape[:-2], -1), axis=-1)
    n = flat.shape[-1]
    weights = (2 * np.arange(1, n + 1) - n - 1) / n**2
    distance = np.abs(flat - np.asarray(truth)[..., None]).mean(axis=-1)
    return np.asarray(distance - (weights * flat).sum(axis=-1))


def crps(draws: xr.DataArray, truth: xr.DataArray | float) -> xr.DataArray:
    """Return the continuous ranked probability score, in the unit of the draws.

    Parameters
    ----------
    draws
        Dims chain, draw and any others.
    truth
        What came, with the other dims, or one number.

    Returns
    -------
    xarray.DataArray
        The other dims. Gneiting & Raftery 2007, equation 21, with the draws as the distribution.
    """
    result: xr.DataArray = xr.apply_ufunc(_crps, draws, truth, input_core_dims=[list(SAMPLE), []])
    return result


def covered(draws: xr.DataArray, truth: xr.DataArray | float, share: float) -> xr.DataArray:
    """Return whether the equal-tailed interval holding `share` of the draws holds the truth."""
    tail = (1 - share) / 2
    limits = draws.quantile([tail, 1 - tail], dim=SAMPLE)
    low, high = limits.isel(quantile=0, drop=True), limits.isel(quantile=1, drop=True)
    return (truth >= low) & (truth <= high)
