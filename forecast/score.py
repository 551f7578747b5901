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


def crps_of_quantiles(levels: np.ndarray, values: np.ndarray, truth: float) -> float:
    """Return the CRPS of a distribution known by its quantiles, in their unit.

    Twice the pinball loss, integrated over the levels by trapezoids; beyond the outermost levels
    the loss is that at them (Gneiting & Raftery 2007, section 4.2; Laio & Tamea 2007).

    Parameters
    ----------
    levels, values
        Ascending levels within 0 and 1, and the quantiles.
    truth
        What came.
    """
    loss = (levels - (truth < values)) * (truth - values)
    inner = float(np.trapezoid(loss, levels))
    ends = float(loss[0] * levels[0] + loss[-1] * (1 - levels[-1]))
    return 2 * (inner + ends)


def covered(draws: xr.DataArray, truth: xr.DataArray | float, share: float) -> xr.DataArray:
    """Return whether the equal-tailed interval holding `share` of the draws holds the truth."""
    tail = (1 - share) / 2
    limits = draws.quantile([tail, 1 - tail], dim=SAMPLE)
    low, high = limits.isel(quantile=0, drop=True), limits.isel(quantile=1, drop=True)
    return (truth >= low) & (truth <= high)


def pit(draws: xr.DataArray, truth: xr.DataArray | float) -> xr.DataArray:
    """Return the share of the draws below the truth; uniform over many truths if calibrated."""
    result: xr.DataArray = (draws < truth).mean(SAMPLE)
    return result


def interval_score(
    draws: xr.DataArray, truth: xr.DataArray | float, share: float = 0.8
) -> xr.DataArray:
    """Return the interval score of the equal-tailed interval holding `share` of the draws.

    Its width, and ``2 / (1 - share)`` times the distance of a truth outside it (Gneiting & Raftery
    2007, equation 43).
    """
    tail = (1 - share) / 2
    limits = draws.quantile([tail, 1 - tail], dim=SAMPLE)
    low, high = limits.isel(quantile=0, drop=True), limits.isel(quantile=1, drop=True)
    missed = np.maximum(low - truth, 0) + np.maximum(truth - high, 0)
    result: xr.DataArray = (high - low) + 2 / (1 - share) * missed
    return result


def _log_score(draws: np.ndarray, truth: np.ndarray) -> np.ndarray:
    flat = draws.reshape(*draws.shape[:-2], -1)
    low, high = np.quantile(flat, [0.25, 0.75], axis=-1)
    spread = np.minimum(flat.std(axis=-1, ddof=1), (high - low) / 1.34)
    width = 0.9 * spread * flat.shape[-1] ** -0.2
    z = (np.asarray(truth)[..., None] - flat) / width[..., None]
    peak = (-0.5 * z**2).max(axis=-1, keepdims=True)
    density = np.exp(-0.5 * z**2 - peak).mean(axis=-1)
    return -(np.log(density) + peak[..., 0] - np.log(width * np.sqrt(2 * np.pi)))


def log_score(draws: xr.DataArray, truth: xr.DataArray | float) -> xr.DataArray:
    """Return minus the log density of the truth, by a normal kernel over the draws.

    The kernel's width is Silverman's rule with the smaller of the sd and the interquartile range
    over 1.34 (Silverman 1986, equation 3.31). Far outside the draws it is the kernel that speaks.
    """
    result: xr.DataArray = xr.apply_ufunc(
        _log_score, draws, truth, input_core_dims=[list(SAMPLE), []]
    )
    return result


def brier(probability: float, happened: bool) -> float:
    """Return the squared distance of a probability from what happened (Brier 1950, halved)."""
    return (probability - float(happened)) ** 2


def log_loss(probability: float, happened: bool, bound: float = 1e-4) -> float:
    """Return minus the log of the probability given to what happened, in nats.

    Probabilities are kept within `bound` of 0 and 1: no number of draws shows that something is
    certain.
    """
    p = min(max(probability, bound), 1 - bound)
    return float(-np.log(p if happened else 1 - p))
