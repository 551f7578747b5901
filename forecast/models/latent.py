"""What the models of one latent walk share: its covariance, exact conditioning, labelled draws.

A walk is zero at its origin and has independent increments in both directions of time, so its
covariance at two dates is the variance gathered on the way that both have in common.

Invariant: :func:`walk` has the covariance that :func:`shared_time` gives, and :func:`corrected` the
exact conditional law. ``tests/test_latent.py`` compares both with the textbook formulas.
"""

from __future__ import annotations

import numpy as np
import xarray as xr

from forecast.core.periods import period_end
from forecast.core.words import entity_of, metric_of


def shared_time(a: np.ndarray, b: np.ndarray, low: float, high: float) -> np.ndarray:
    """Return the time that two walks from zero have in common within a span.

    Parameters
    ----------
    a, b
        Dates in years from the origin, shapes (n,) and (m,); negative before it.
    low, high
        The span, years from the origin.

    Returns
    -------
    numpy.ndarray
        Length of the intersection of the ways from 0 to `a`, from 0 to `b`, and the span, shape
        (n, m), in years.
    """
    first = np.maximum(np.minimum(a, 0)[:, None], np.minimum(b, 0)[None, :])
    last = np.minimum(np.maximum(a, 0)[:, None], np.maximum(b, 0)[None, :])
    return np.maximum(np.minimum(last, high) - np.maximum(first, low), 0.0)


def walk(variance: np.ndarray, times: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Draw a walk that is zero at time 0 and has independent increments away from it.

    Parameters
    ----------
    variance
        Variance of the walk at `times`, shape (sample, n); it grows with the distance from 0.
    times
        Dates in years from the origin, shape (n,), in any order; equal dates have equal values.
    rng
        Source of the draws.

    Returns
    -------
    numpy.ndarray
        Shape (sample, n).
    """
    out = np.zeros(variance.shape)
    for side in (1, -1):
        at = np.flatnonzero(side * times > 0)
        far, first, back = np.unique(np.abs(times[at]), return_index=True, return_inverse=True)
        gained = np.diff(variance[:, at[first]], axis=1, prepend=0.0)
        steps = np.sqrt(np.maximum(gained, 0.0)) * rng.standard_normal((len(out), len(far)))
        out[:, at] = np.cumsum(steps, axis=1)[:, back]
    return out


def corrected(
    drawn: tuple[np.ndarray, np.ndarray],
    across: np.ndarray,
    cov: np.ndarray,
    seen: np.ndarray,
) -> np.ndarray:
    """Turn prior draws into draws given what was seen (Matheron's rule).

    ``x + cov(x, y) cov(y)^-1 (seen - y)`` has the conditional law of `x` if x and y were drawn
    jointly.

    Parameters
    ----------
    drawn
        Joint prior draws of the unseen, shape (sample, m), and of the seen, shape (sample, n).
    across
        Covariance of unseen with seen, shape (sample, m, n).
    cov
        Covariance of the seen, shape (sample, n, n).
    seen
        The seen values, shape (n,) or (sample, n).

    Returns
    -------
    numpy.ndarray
        Shape (sample, m).
    """
    weight = np.linalg.solve(cov, (seen - drawn[1])[:, :, None])
    return drawn[0] + (across @ weight)[:, :, 0]


def labelled(
    parameters: xr.Dataset,
    arrays: tuple[np.ndarray, np.ndarray, np.ndarray],
    names: list[str],
    units: list[str],
    periods: list[str],
) -> xr.Dataset:
    """Label joint draws.

    Parameters
    ----------
    parameters
        Draws whose chain and draw labels are taken over.
    arrays
        `y` and `signal`, shape (sample, series, period), and `observed`, shape (series, period).
    names
        Series as "entity/metric".
    units
        The unit of each series.
    periods
        Periods such as 2026-05 or 2026Q2.

    Returns
    -------
    xarray.Dataset
        ``y`` and ``signal``, dims chain, draw, series, period; ``observed``, dims series, period;
        coordinates as in all draws.
    """
    shape = (parameters.sizes["chain"], parameters.sizes["draw"], len(names), len(periods))
    dims = ("chain", "draw", "series", "period")
    y, signal, observed = arrays
    return xr.Dataset(
        {
            "y": (dims, y.reshape(shape)),
            "signal": (dims, signal.reshape(shape)),
            "observed": (dims[2:], observed),
        },
        coords={
            "chain": parameters["chain"].values,
            "draw": parameters["draw"].values,
            "series": names,
            "entity": ("series", [entity_of(n) for n in names]),
            "metric": ("series", [metric_of(n) for n in names]),
            "unit": ("series", units),
            "period": periods,
            "period_end": ("period", [period_end(p).isoformat() for p in periods]),
        },
    )
