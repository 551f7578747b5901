"""Monthly returns of named indices: volatility that changes, and heavy tails.

The log return of index i in month t, given the months before::

    r[t, i] = drift[i] + s[t, i] e[t, i],      e ~ t with tail[i] + 2 degrees, scaled to variance 1
    s[t, i]^2 = V (1 - memory[i]) + memory[i] (recent[i] D + (1 - recent[i]) A),   V = volatility[i]^2
    D = mean of 2 r^2 [r < 0] over the last 3 months,   A = mean of r^2 over the last 12

an ARCH process with two weights in place of twelve (as in Mueller et al. 1997 and Corsi 2009): a fall
makes the next quarter wilder, a move in either direction the next year. In place of a month before
an index's first stands V. The regressors are data, so that the density has no recursion.

No parameter is shared by two indices: those of one country move together, and a shared one would
count the same months twice. In draws their shocks have the correlation that their returns have had.

Invariant: the density is that of the process that :func:`paths_of` simulates.
``tests/test_first_passage.py`` compares it with SciPy's t, and simulated months with it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt
import xarray as xr
from pymc.distributions.transforms import logodds

from forecast.core.draws import sample_first
from forecast.models import common
from forecast.models.hazard.panel import FALLS

if TYPE_CHECKING:
    from forecast.models.common import Array

RECENT, LONG = 3, 12
"""Months of the two means of squared returns."""
INNER = 16
"""Paths of a draw whose share gives its probability; the first is the draw itself."""


def regressors(log_return: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return what the months before say of each month's variance.

    Parameters
    ----------
    log_return
        Shape (month, index), NaN where an index has none.

    Returns
    -------
    tuple of numpy.ndarray
        Known parts of the means D and A, and the shares of their months that are known, both of
        shape (2, month, index).
    """
    months, down = len(log_return), _down(log_return)
    known, shares = (np.zeros((2, *log_return.shape)) for _ in range(2))
    for t in range(1, months):
        for k, (length, squares) in enumerate(((RECENT, down), (LONG, log_return**2))):
            before = slice(max(0, t - length), t)
            known[k, t] = np.nansum(squares[before], axis=0) / length
            shares[k, t] = np.isfinite(squares[before]).sum(axis=0) / length
    return known, shares


def _down(returns: np.ndarray) -> np.ndarray:
    """Return twice the squares of falls: on average as much as all squares."""
    return 2 * np.minimum(returns, 0) ** 2


@dataclasses.dataclass(frozen=True)
class Cells:
    """Returns that are known, month by month.

    Attributes
    ----------
    value, index
        Log return, and the position of its index; shape (cell,).
    past, missing
        What the months before say of the variance, by falls and by all moves, and the shares of
        months that are missing in the two; shape (2, cell).
    """

    value: np.ndarray
    index: np.ndarray
    past: np.ndarray
    missing: np.ndarray


def cells(log_return: np.ndarray) -> Cells:
    """Return the known ones of returns of shape (month, index), in which others are NaN."""
    seen = np.isfinite(log_return)
    known, shares = regressors(log_return)
    return Cells(log_return[seen], np.nonzero(seen)[1], known[:, seen], 1 - shares[:, seen])


def block(log_return: np.ndarray, prior: Mapping[str, Any]) -> None:
    """Register the parameters and the returns in the model in whose context it is called.

    Parameters
    ----------
    log_return
        Shape (month, index), NaN where an index has none; the model has the dim index.
    prior
        Prior numbers by name, as data.
    """
    drift = pm.Normal("drift", prior["drift"], prior["drift_sd"], dims="index")
    volatility, tail = (
        common.log_normal(name, prior[name], prior[f"{name}_log_sd"], dims="index")
        for name in ("volatility", "tail")
    )
    memory, recent = (
        pm.LogitNormal(
            name, prior[name], prior[f"{name}_sd"], dims="index", default_transform=logodds
        )
        for name in ("memory", "recent")
    )
    known = cells(log_return)
    past = pm.Data("squares", known.past)
    missing = pm.Data("squares_missing", known.missing)
    at = pm.Data("index_of_return", known.index)
    dim = f"index{common.CELL}"
    pm.modelcontext(None).add_coord(dim, known.index)
    reported = pm.Data("returns_reported", known.value, dims=dim)
    # Freedom is tail + 2, so that there is a variance.
    scale = pt.gammaln((tail + 3) / 2) - pt.gammaln((tail + 2) / 2) - pt.log(np.pi * tail) / 2
    rows = pt.stack([drift, pt.square(volatility), memory, recent, tail, scale])[:, at]
    mixed = rows[3] * (past[0] + missing[0] * rows[1])
    mixed += (1 - rows[3]) * (past[1] + missing[1] * rows[1])
    variance = rows[1] * (1 - rows[2]) + rows[2] * mixed
    pm.CustomDist(
        "returns", rows[0], variance, rows[4], rows[5],
        logp=_density, random=_drawn, dims=dim, observed=reported, shape=reported.shape,
    )  # fmt: skip


def _density(value: Array, drift: Array, variance: Array, tail: Array, scale: Array) -> Array:
    """Return the log density of returns given the months before them."""
    beyond = pt.log1p(pt.square(value - drift) / (variance * tail))
    found: Array = scale - pt.log(variance) / 2 - (tail + 3) / 2 * beyond
    return found


def _drawn(
    drift: np.ndarray,
    variance: np.ndarray,
    tail: np.ndarray,
    scale: np.ndarray,
    rng: np.random.Generator,
    size: tuple[int, ...] | None = None,
) -> np.ndarray:
    """Draw months given those before them."""
    shape = tuple(size or np.shape(variance))
    shock = rng.standard_normal(shape) * np.sqrt(tail / rng.chisquare(tail + 2, shape))
    drawn: np.ndarray = drift + np.sqrt(variance) * shock
    return drawn


# --- the process, for replicates and forecasts ------------------------------------------------
@dataclasses.dataclass(frozen=True)
class Law:
    """The process by draw, each of shape (sample, index)."""

    drift: np.ndarray
    volatility: np.ndarray
    memory: np.ndarray
    recent: np.ndarray
    tail: np.ndarray


def law(parameters: xr.Dataset) -> Law:
    """Return the process of each posterior or prior draw."""
    return Law(*(sample_first(parameters, f.name) for f in dataclasses.fields(Law)))


def together(log_return: np.ndarray) -> np.ndarray:
    """Return the root of the correlation of indices in the months that all of them have.

    Shape (index, index), lower; that of no correlation where there are fewer than two years of such.
    """
    common_months = log_return[np.isfinite(log_return).all(axis=1)]
    count = log_return.shape[1]
    if count == 1 or len(common_months) < 2 * LONG:
        return np.eye(count)
    correlation = 0.999 * np.corrcoef(common_months.T) + 0.001 * np.eye(
        count
    )  # if two are the same
    return np.linalg.cholesky(correlation)


def paths_of(
    one: Law, before: np.ndarray, seen: np.ndarray, root: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Draw monthly log returns.

    Parameters
    ----------
    one
        The process of each draw.
    before
        The :data:`LONG` months before the first, shape (month, index), NaN where there is none.
    seen
        Which months an index has, boolean, shape (month, index); the others are not drawn, and are
        no past of later ones.
    root
        Root of the correlation of their shocks, see :func:`together`.
    rng
        Source of random numbers.

    Returns
    -------
    numpy.ndarray
        Shape (sample, month, index), NaN where nothing is drawn.
    """
    shape, square = one.drift.shape, one.volatility**2
    past = np.broadcast_to(before[:, None, :], (len(before), *shape)).copy()
    out = np.empty((shape[0], *seen.shape))
    for t in range(len(seen)):
        means = []
        for last in (_down(past[len(past) - RECENT :]), past[len(past) - LONG :] ** 2):
            means.append(np.where(np.isfinite(last), last, square).mean(axis=0))
        mixed = one.recent * means[0] + (1 - one.recent) * means[1]
        variance = square * (1 - one.memory) + one.memory * mixed
        shock = rng.standard_normal(shape) @ root.T
        shock *= np.sqrt(one.tail / rng.chisquare(one.tail + 2))
        drawn = one.drift + np.sqrt(variance) * shock
        out[:, t] = np.where(seen[t], drawn, np.nan)
        past = np.concatenate([past[1:], out[:, t][None]])
    return out


def replicated(parameters: xr.Dataset, data: xr.Dataset, rng: np.random.Generator) -> np.ndarray:
    """Draw new returns of the panel's months, shape (sample, month, index), NaN where it has none."""
    known = data["log_return"].values
    nothing, seen = np.full((LONG, known.shape[1]), np.nan), np.isfinite(known)
    return paths_of(law(parameters), nothing, seen, together(known), rng)


def first_falls(
    parameters: xr.Dataset, log_return: np.ndarray, since: np.ndarray, months: int,
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
    """Draw by when indices have fallen from their highest month-end close.

    Parameters
    ----------
    parameters
        Draws of the process.
    log_return
        Known months, shape (month, index), NaN before an index begins.
    since
        Of each index, how many of the last months belong to its record: its peak is the highest close
        from their beginning on.
    months
        Months to forecast.
    rng
        Source of random numbers.

    Returns
    -------
    tuple of numpy.ndarray
        Whether each of :data:`FALLS` has come so far (0 or 1), and the probability of it given the
        draw's parameters: the share of :data:`INNER` paths, of which the first is the draw. Both of
        shape (sample, index, fall, month).
    """
    one = law(parameters)
    before = log_return[-LONG:]
    if len(before) < LONG:
        before = np.concatenate([np.full((LONG - len(before), before.shape[1]), np.nan), before])
    seen = np.ones((months, log_return.shape[1]), dtype=bool)
    level, peak, reached = _standing(log_return, since)
    root, first, share = together(log_return), None, 0.0
    for _ in range(INNER):
        path = level + np.cumsum(paths_of(one, before, seen, root, rng), axis=1)
        top = np.maximum(np.maximum.accumulate(path, axis=1), peak)
        depth = np.maximum.accumulate(1 - np.exp(path - top), axis=1)
        depth = np.maximum(depth, reached).transpose(0, 2, 1)[:, :, None]
        fallen = (depth >= np.array(FALLS)[:, None] / 100).astype(float)
        first = fallen if first is None else first
        share = share + fallen / INNER
    assert first is not None
    return first, np.asarray(share)


def _standing(log_return: np.ndarray, since: np.ndarray) -> tuple[np.ndarray, ...]:
    """Return of each index its last log level, its peak and its deepest fall within its record."""
    found = []
    for own, count in zip(log_return.T, since, strict=True):
        level = np.concatenate([[0.0], np.cumsum(own[len(own) - count :])])
        peak = np.maximum.accumulate(level)
        found.append((level[-1], peak[-1], float((1 - np.exp(level - peak)).max())))
    level, peak, deepest = np.array(found).T
    return level, peak, deepest
