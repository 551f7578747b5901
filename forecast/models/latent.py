"""What the models of one latent walk share: covariance, exact conditioning, labels, how far data reach.

A walk is zero at its origin and has independent increments in both directions of time, so its
covariance at two dates is the variance gathered on the way that both have in common.

Invariant: :func:`walk` has the covariance that :func:`shared_time` gives, and :func:`corrected` the
exact conditional law. ``tests/test_latent.py`` compares both with the textbook formulas.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
import xarray as xr

from forecast.core.periods import period_end
from forecast.core.words import TOLD_UNTIL, entity_of, metric_of

NARROWED = 0.9
"""Share of the prior's band that data must leave, at most, where a period is told: a tenth off, which is
more than the Monte-Carlo error of two bands of a thousand draws."""
ENOUGH = 500
"""Draws from which the ends of a band are known well enough to compare two."""


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


def prior_scales(
    priors: object, names: Sequence[str], size: int, rng: np.random.Generator
) -> xr.Dataset:
    """Draw parameters from a prior record as models do, dims chain (one) and draw.

    Parameters
    ----------
    priors
        A frozen record of numbers. NAME with NAME_sd is normal; with NAME_log_sd log-normal, NAME being
        the median.
    names
        Which ones.
    size
        Number of draws.
    rng
        Source of the draws.
    """
    numbers = {f.name: getattr(priors, f.name) for f in dataclasses.fields(priors)}  # type: ignore[arg-type]
    drawn = {}
    for name in names:
        z, at = rng.standard_normal((1, size)), numbers[name]
        log_sd = numbers.get(f"{name}_log_sd")
        values = at + numbers[f"{name}_sd"] * z if log_sd is None else at * np.exp(log_sd * z)
        drawn[name] = (("chain", "draw"), values)
    return xr.Dataset(drawn, coords={"chain": [0], "draw": np.arange(size)})


def told_until(
    posterior: np.ndarray, prior: np.ndarray, ends: Sequence[str], last: str
) -> list[str]:
    """Return how far the data tell of each series: until their band is hardly narrower than the prior's.

    Both are bands of 80 % of the path without the error of a report, on a scale without end (logarithm,
    log-odds). Where the data take less than a tenth off the prior's, the prior would answer.

    Parameters
    ----------
    posterior, prior
        Draws given the data, and before any datum, shape (sample, series, period).
    ends
        Last day of each period, ISO.
    last
        Day of the last datum, ISO: what lies before is told.

    Returns
    -------
    list of str
        A last day for each series; that of the last period where nothing is cut off, and where there are
        too few draws to tell (:data:`ENOUGH`).
    """
    if min(len(posterior), len(prior)) < ENOUGH:
        return [ends[-1]] * posterior.shape[1]
    width = [np.diff(np.quantile(x, [0.1, 0.9], axis=0), axis=0)[0] for x in (posterior, prior)]
    ahead = np.array([end > last for end in ends])
    beyond = (width[0] > NARROWED * width[1]) & ahead
    first = np.where(beyond.any(axis=1), beyond.argmax(axis=1), len(ends))
    return [ends[max(k - 1, 0)] for k in first]


def with_reach(draws: xr.Dataset, until: Sequence[str]) -> xr.Dataset:
    """Return draws that say, along series, until what day each of them is told."""
    return draws.assign_coords({TOLD_UNTIL: ("series", list(until))})


def as_far_as_told(draws: xr.Dataset, series: str) -> tuple[xr.Dataset, str]:
    """Return draws cut where a series is told no further, and a sentence on that.

    The sentence is empty if nothing is cut.

    Draws that do not say how far they are told come back whole.
    """
    if TOLD_UNTIL not in draws.coords:
        return draws, ""
    until = str(draws[TOLD_UNTIL].sel(series=series).values)
    inside = draws["period_end"].values.astype(str) <= until
    if inside.all():
        return draws, ""
    kept = draws.isel(period=np.flatnonzero(inside))
    last = kept["period"].values[-1]
    return kept, (
        f"The fan ends with {last}: further ahead the data hardly narrow what the prior says, and "
        "nothing is judged."
    )
