"""Scores of predictive draws against what came: lower is better unless said otherwise.

Of a truth or a draw that is no finite number there is no score: it is NaN, never zero or a miss.

Invariant: each fast formula has a slow definition in ``tests/test_score.py``, compared at points
where the two could differ.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import xarray as xr

from forecast.core.words import SAMPLE


def _scored(
    score: Callable[[np.ndarray, np.ndarray], np.ndarray],
    draws: xr.DataArray,
    truth: xr.DataArray | float,
) -> xr.DataArray:
    """Return a score of the draws on the last axis, NaN where a draw or the truth is not finite."""

    def known(values: np.ndarray, came: np.ndarray) -> np.ndarray:
        flat, came = values.reshape(*values.shape[:-2], -1), np.asarray(came, dtype=float)
        there = np.isfinite(flat).all(axis=-1) & np.isfinite(came)
        found = score(np.where(there[..., None], flat, 0.0), np.where(there, came, 0.0))
        return np.where(there, found, np.nan)

    result: xr.DataArray = xr.apply_ufunc(known, draws, truth, input_core_dims=[list(SAMPLE), []])
    return result


def _crps(draws: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """CRPS of the last axis' draws: E|X - y| - E|X - X'| / 2, by sorting in n log n."""
    flat = np.sort(draws, axis=-1)
    n = flat.shape[-1]
    weights = (2 * np.arange(1, n + 1) - n - 1) / n**2
    distance = np.abs(flat - truth[..., None]).mean(axis=-1)
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
    return _scored(_crps, draws, truth)


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


def _limits(draws: np.ndarray, share: float) -> np.ndarray:
    """Return the limits of the equal-tailed interval that holds `share` of the last axis' draws."""
    return np.asarray(np.quantile(draws, [(1 - share) / 2, (1 + share) / 2], axis=-1))


def covered(draws: xr.DataArray, truth: xr.DataArray | float, share: float) -> xr.DataArray:
    """Return 1 where the equal-tailed interval holding `share` of the draws holds the truth, else 0."""

    def held(values: np.ndarray, came: np.ndarray) -> np.ndarray:
        low, high = _limits(values, share)
        return ((came >= low) & (came <= high)).astype(float)

    return _scored(held, draws, truth)


def pit(draws: xr.DataArray, truth: xr.DataArray | float) -> xr.DataArray:
    """Return the share of the draws below the truth; uniform over many truths if calibrated."""
    return _scored(lambda values, came: (values < came[..., None]).mean(axis=-1), draws, truth)


@dataclasses.dataclass(frozen=True, slots=True)
class IntervalScore:
    """The interval score in three parts, each with the dims of the score and in the unit of the draws.

    Attributes
    ----------
    dispersion
        Width of the interval.
    overprediction
        What a truth below the interval costs: the forecast was too high.
    underprediction
        What a truth above the interval costs: the forecast was too low.
    """

    dispersion: xr.DataArray
    overprediction: xr.DataArray
    underprediction: xr.DataArray

    @property
    def total(self) -> xr.DataArray:
        """The score itself, the sum of its parts."""
        return self.dispersion + self.overprediction + self.underprediction


def interval_score(
    draws: xr.DataArray, truth: xr.DataArray | float, share: float = 0.8
) -> IntervalScore:
    """Return the interval score of the equal-tailed interval that holds `share` of the draws, in parts.

    Parameters
    ----------
    draws
        Dims chain, draw and any others.
    truth
        What came, with the other dims, or one number.
    share
        Of the draws that the interval holds, above 0 and below 1.

    Returns
    -------
    IntervalScore
        The interval's width, and ``2 / (1 - share)`` times how far the truth lies outside it on either
        side: the three terms of Gneiting & Raftery 2007, equation 43.
    """
    cost = 2 / (1 - share)

    def width(values: np.ndarray, _: np.ndarray) -> np.ndarray:
        low, high = _limits(values, share)
        return np.asarray(high - low)

    def above(values: np.ndarray, came: np.ndarray) -> np.ndarray:
        return cost * np.maximum(_limits(values, share)[0] - came, 0)

    def below(values: np.ndarray, came: np.ndarray) -> np.ndarray:
        return cost * np.maximum(came - _limits(values, share)[1], 0)

    return IntervalScore(*(_scored(part, draws, truth) for part in (width, above, below)))


def _log_score(draws: np.ndarray, truth: np.ndarray) -> np.ndarray:
    low, high = np.quantile(draws, [0.25, 0.75], axis=-1)
    spread = np.minimum(draws.std(axis=-1, ddof=1), (high - low) / 1.34)
    width = 0.9 * np.where(spread > 0, spread, np.nan) * draws.shape[-1] ** -0.2
    z = (truth[..., None] - draws) / width[..., None]
    peak = (-0.5 * z**2).max(axis=-1, keepdims=True)
    density = np.exp(-0.5 * z**2 - peak).mean(axis=-1)
    return -(np.log(density) + peak[..., 0] - np.log(width * np.sqrt(2 * np.pi)))


def log_score(draws: xr.DataArray, truth: xr.DataArray | float) -> xr.DataArray:
    """Return minus the log density of the truth, by a normal kernel over the draws.

    The kernel's width is Silverman's rule with the smaller of the sd and the interquartile range
    over 1.34 (Silverman 1986, equation 3.31); NaN where that is zero. Far outside the draws it is
    the kernel that speaks.
    """
    return _scored(_log_score, draws, truth)


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
