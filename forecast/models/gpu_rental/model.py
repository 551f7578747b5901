"""Rental price of one accelerator: one latent trend, a level for each index, quarters of turmoil.

Quote i of stretch s (an index between two changes of its composition) at date t, in years, with h
counted from the last quote::

    log y[i] = level + drift h + w[t] + offset[s] + spot[s, t] + e[i]
    var of w over quarter q = (volatility exp(turmoil z[q]))^2 / 4

`w` is a random walk whose volatility differs from quarter to quarter: a quarter of large `z` is a
break, and over quarters the steps have heavy tails. Offsets are normal about zero, which defines
the reference level: a quote of an index that is neither dear nor cheap. Interruptible (spot)
indices wander about the market with a memory of their own. Level, walk, offsets and wandering are
integrated out; bounds enter by the probability that the quote lies beyond them, given the others
(separation of variables, Genz 1992, with one uniform number a bound).

Invariant: :func:`draw` conditions on the covariance that :func:`build` fits, with bounds replaced by
values beyond them; ``tests/test_gpu_rental.py`` compares both with brute force.
"""

from __future__ import annotations

import dataclasses
import itertools
from typing import TYPE_CHECKING

import numpy as np
import pymc as pm
import pytensor.tensor as pt
import xarray as xr
from scipy.special import ndtr, ndtri

from forecast.core.draws import sample_first
from forecast.core.errors import DataError
from forecast.core.periods import months, period_end, years_since
from forecast.models import common, latent
from forecast.models.gpu_rental.panel import RENTAL_METRIC, RENTAL_UNIT

if TYPE_CHECKING:
    from forecast.models.base import Panel

QUARTERS = 12
"""Quarters before the last quote that have a volatility of their own; what lies before shares that
of the earliest."""
EDGES = np.append(np.append(-np.inf, np.arange(-QUARTERS + 1, 1) / 4), np.inf)
"""Ends of the quarters, years from the last quote; the last span is the future."""


@dataclasses.dataclass(frozen=True)
class Priors:
    """Numbers of the priors; log points."""

    # The accelerator rents for 1 to 8 USD an hour (95 %) before any quote is seen.
    level: float = 1.04
    level_sd: float = 0.5
    # Price-performance of accelerators improves by 0.14 orders of magnitude, 0.32 log points, a year
    # (arXiv 2405.21015): what an old one rents for tends to fall by as much.
    drift: float = -0.32
    drift_sd: float = 0.3
    # Steps of a usual quarter, per root year: 0.3 is 15 % a quarter; 95 %: 0.12 to 0.8. Our rough
    # judgement.
    volatility: float = 0.3
    volatility_log_sd: float = 0.5
    # One quarter in twenty has exp(1.64 * 0.5) = 2.3 times the usual volatility. Our rough judgement.
    turmoil: float = 0.5
    turmoil_log_sd: float = 0.4
    # Large clouds ask for twice to four times what small ones do; contracts less than on-demand.
    # Our rough judgement; 95 %: 0.15 to 0.8.
    offset: float = 0.35
    offset_log_sd: float = 0.4
    # Spot prices swing about the market by some 30 %, for weeks to months. Our rough judgement.
    spot: float = 0.3
    spot_log_sd: float = 0.5
    memory: float = 0.1
    memory_log_sd: float = 0.6
    # Rounding, day and terms of a quote; 95 %: 0.01 to 0.16. Our rough judgement.
    error: float = 0.04
    error_log_sd: float = 0.7


VARIANTS = {
    # Supply catches up: prices fall by 0.7 log points a year, and break more often.
    "sceptical": Priors(drift=-0.7, drift_sd=0.3, volatility=0.35, turmoil=0.7),
    # Demand holds: no fall expected, and a quieter market.
    "generous": Priors(drift=0.0, drift_sd=0.25, volatility=0.22),
}

REPORT = ("drift", "volatility", "turmoil", "offset_sd", "spot_sd", "memory", "error")
LABELS = {
    "drift": "drift of the H100's rent, log points a year",
    "volatility": "usual volatility of the rent, log points per root year",
    "turmoil": "log spread of volatility between quarters",
    "offset_sd": "differences between indices, log points",
    "spot_sd": "swing of spot prices about the market, log points",
    "memory": "memory of that swing, years",
    "error": "error of a quote, log points",
}
_SCALES = ("volatility", "turmoil", "offset", "spot", "memory", "error")


@dataclasses.dataclass(frozen=True)
class _Layout:
    """What the covariance of the quotes is made of, numbers first; h in years from the last quote.

    `order` holds the panel's row of each quote.
    """

    order: np.ndarray
    h: np.ndarray
    stretch: np.ndarray
    names: list[str]
    spot: np.ndarray
    bound: np.ndarray
    log_value: np.ndarray

    @property
    def numbers(self) -> int:
        return int((self.bound == 0).sum())


def _layout(panel: Panel) -> _Layout:
    data = panel.data
    order = np.argsort(data["bound"].values != 0, kind="stable")
    years = data["year"].values[order]
    names, stretch = np.unique(data["stretch"].values[order].astype(str), return_inverse=True)
    return _Layout(
        order,
        years - years.max(),
        stretch,
        [str(n) for n in names],
        data["spot"].values[order],
        data["bound"].values[order],
        np.log(data["value"].values[order]),
    )


def _kernels(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return the time two dates share in each span of :data:`EDGES`, shape (span, n, m)."""
    spans = itertools.pairwise(EDGES)
    return np.array([latent.shared_time(a, b, low, high) for low, high in spans])


def build(panel: Panel, priors: Priors) -> pm.Model:
    """Return the model of the panel; the scales, the drift and each quarter's turmoil are sampled."""
    at = _layout(panel)
    m = len(at.h) - at.numbers
    coords = {"quarter": np.arange(-QUARTERS, 0), **({"bound": np.arange(m)} if m else {})}
    coords[f"quote{common.ROW}"] = at.order
    with pm.Model(coords=coords) as model:
        prior = common.prior_data(priors)
        when = pm.Data("h", at.h)
        kernels = pm.Data("kernels", _kernels(at.h, at.h)[:-1])
        same = pm.Data("same", (at.stretch[:, None] == at.stretch[None, :]).astype(float))
        apart = pm.Data("apart", np.abs(at.h[:, None] - at.h[None, :]))
        spots = pm.Data("spots", at.spot)
        unit = pm.Data("unit", np.eye(len(at.h)))
        observed = pm.Data("log_value", at.log_value)

        drift = pm.Normal("drift", prior["drift"], prior["drift_sd"])
        scale = {}
        for name in _SCALES:
            label = f"{name}_sd" if name in ("offset", "spot") else name
            scale[name] = common.log_normal(label, prior[name], prior[f"{name}_log_sd"])
        z = pm.Normal("z", 0.0, 1.0, dims="quarter")
        variance = (scale["volatility"] * pt.exp(scale["turmoil"] * z)) ** 2
        cov = (
            prior["level_sd"] ** 2
            + (variance[:, None, None] * kernels).sum(axis=0)
            + same * scale["offset"] ** 2
            + same * spots[:, None] * scale["spot"] ** 2 * pt.exp(-apart / scale["memory"])
            + unit * scale["error"] ** 2
        )
        root = pt.linalg.cholesky(cov)
        n = root.shape[0] - m
        residual = observed - prior["level"] - drift * when
        seen = pt.linalg.solve_triangular(root[:n, :n], residual[:n], lower=True)
        by_quote = [-0.5 * (seen**2 + np.log(2 * np.pi)) - pt.log(pt.diag(root)[:n])]
        if m:
            sign = pm.Data("sign", at.bound[at.numbers :].astype(float))
            u = pm.Uniform("u", 0.0, 1.0, dims="bound")
            by_quote += _bounds(root, residual, seen, u, sign, m)
        # Each given the quotes before it, which is what a Cholesky factor is about.
        pm.Potential("quotes", pt.concatenate(by_quote), dims=f"quote{common.ROW}")
    return model


def _bounds(
    root: pt.TensorVariable,
    residual: pt.TensorVariable,
    seen: pt.TensorVariable,
    u: pt.TensorVariable,
    sign: pt.TensorVariable,
    count: int,
) -> list[pt.TensorVariable]:
    """Return the log probability of each bound given the numbers, by separation of variables.

    A bound's own standard normal shock must lie beyond a limit; `u` says where, which matters to
    the bounds after it.
    """
    n, found, shocks = root.shape[0] - count, [], seen
    for k in range(count):
        row = root[n + k]
        limit = (residual[n + k] - (row[: n + k] * shocks).sum()) / row[n + k]
        mass = 0.5 * pt.erfc(sign[k] * limit / np.sqrt(2.0))
        found.append(pt.log(mass)[None])
        if k + 1 < count:
            shock = -sign[k] * np.sqrt(2.0) * pt.erfinv(2 * u[k] * mass - 1)
            shocks = pt.concatenate([shocks, shock[None]])
    return found


def _walk_cov(parameters: xr.Dataset, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return the covariance of the walk at `a` and `b` with none in the future, (sample, n, m)."""
    z = sample_first(parameters, "z")
    usual = sample_first(parameters, "volatility")[:, None]
    turmoil = sample_first(parameters, "turmoil")[:, None]
    kernels = _kernels(a, b)[:-1]
    variance = (usual * np.exp(turmoil * z)) ** 2
    return (variance @ kernels.reshape(len(kernels), -1)).reshape(-1, len(a), len(b))


def _quote_cov(parameters: xr.Dataset, at: _Layout, priors: Priors) -> np.ndarray:
    """Return the covariance of the quotes, shape (sample, n, n)."""
    offset, spot, memory, error = (
        sample_first(parameters, name)[:, None, None]
        for name in ("offset_sd", "spot_sd", "memory", "error")
    )
    same = at.stretch[:, None] == at.stretch[None, :]
    apart = np.abs(at.h[:, None] - at.h[None, :])
    return (
        priors.level_sd**2
        + _walk_cov(parameters, at.h, at.h)
        + same * offset**2
        + same * at.spot[:, None] * spot**2 * np.exp(-apart / memory)
        + np.eye(len(at.h)) * error**2
    )


def replicate(
    parameters: xr.Dataset, panel: Panel, priors: Priors, rng: np.random.Generator
) -> dict[str, np.ndarray]:
    """Draw new quotes, shape (sample, obs), by data name; in place of a bound, a number."""
    at = _layout(panel)
    root = np.linalg.cholesky(_quote_cov(parameters, at, priors))
    drift = sample_first(parameters, "drift")[:, None]
    shocks = rng.standard_normal((len(drift), len(at.h)))
    drawn = priors.level + drift * at.h + np.einsum("sij,sj->si", root, shocks)
    place = np.argsort(np.argsort(panel.data["bound"].values != 0, kind="stable"), kind="stable")
    return {"log_value": drawn[:, place]}


def _settled(parameters: xr.Dataset, at: _Layout, priors: Priors, cov: np.ndarray) -> np.ndarray:
    """Return the log quotes with each bound replaced by a draw beyond it, shape (sample, obs)."""
    values = np.repeat(at.log_value[None], len(cov), axis=0)
    mean = priors.level + sample_first(parameters, "drift")[:, None] * at.h
    root = np.linalg.cholesky(cov)
    for k in range(at.numbers, len(at.h)):
        shocks = np.zeros((len(cov), k))
        for j in range(k):  # forward substitution: the shocks of what is settled so far
            known = np.einsum("sj,sj->s", root[:, j, :j], shocks[:, :j])
            shocks[:, j] = (values[:, j] - mean[:, j] - known) / root[:, j, j]
        base = mean[:, k] + np.einsum("sj,sj->s", root[:, k, :k], shocks)
        limit, sign = (at.log_value[k] - base) / root[:, k, k], at.bound[k]
        u = sample_first(parameters, "u")[:, k - at.numbers]
        values[:, k] = base - sign * root[:, k, k] * ndtri(u * ndtr(-sign * limit))
    return values


def draw(
    parameters: xr.Dataset, panel: Panel, priors: Priors, until: str, rng: np.random.Generator
) -> xr.Dataset:
    """Draw the reference price and every index month by month.

    Returns
    -------
    xarray.Dataset
        "H100/h100_rental", the reference: an index whose offset is zero, without error, so its
        ``y`` is its ``signal``; and "INDEX/h100_rental", the index on its latest stretch, ``y`` as
        it would be quoted. USD per hour, by month from the first quote to `until`. ``observed``
        holds the last number of a month; bounds are not in it.

    Raises
    ------
    DataError
        If `until` lies before the last quote or more than ten years after it.
    """
    at = _layout(panel)
    origin = float(panel.data["year"].values.max())
    days = sorted(str(d) for d in panel.data["day"].values)
    ahead = years_since(until) - origin
    if not 0 <= ahead <= 10:
        raise DataError(
            f"cannot forecast rents to {until!r}; wanted a month at most ten years after {days[-1]}"
        )
    grid = months(days[0], until)
    when = np.array([years_since(m) for m in grid]) - origin
    path, offset = _paths(parameters, at, priors, when, rng)
    return _draws(parameters, panel, at, (grid, path, offset), rng)


def _variance(parameters: xr.Dataset, h: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return the walk's variance at `h`, shape (sample, n); future quarters are drawn."""
    usual, turmoil = (sample_first(parameters, n)[:, None] for n in ("volatility", "turmoil"))
    steps = max(int(np.ceil(4 * h.max(initial=0.0))), 1)
    z = np.concatenate(
        [sample_first(parameters, "z"), rng.standard_normal((len(usual), steps))], axis=1
    )
    edges = np.append(EDGES[:-1], np.arange(1, steps + 1) / 4)
    low, high = edges[:-1], edges[1:]
    inside = np.clip(np.maximum(h, 0)[:, None], low, high) - np.clip(
        np.minimum(h, 0)[:, None], low, high
    )
    return (usual * np.exp(turmoil * z)) ** 2 @ inside.T


def _paths(
    parameters: xr.Dataset,
    at: _Layout,
    priors: Priors,
    when: np.ndarray,
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray]:
    """Draw the log reference at `when`, (sample, month), and each stretch's offset.

    All is drawn from the prior given the scales and then corrected by the quotes. The walk at a
    future date has nothing in common with a past one, so only past kernels enter the correction.
    """
    drift = sample_first(parameters, "drift")[:, None]
    cov = _quote_cov(parameters, at, priors)
    seen = _settled(parameters, at, priors, cov)
    count, t, size = len(at.names), len(when), len(drift)
    offset_sd = sample_first(parameters, "offset_sd")[:, None]
    times = np.concatenate([when, at.h])
    level = priors.level + priors.level_sd * rng.standard_normal((size, 1))
    path = level + drift * times
    path = path + latent.walk(_variance(parameters, times, rng), times, rng)
    offset = offset_sd * rng.standard_normal((size, count))
    member = (np.arange(count)[:, None] == at.stretch[None, :]).astype(float)
    quotes = path[:, t:] + offset[:, at.stretch] + _wander(parameters, at, rng)
    across = np.concatenate(
        [
            priors.level_sd**2 + _walk_cov(parameters, when, at.h),
            offset_sd[:, :, None] ** 2 * member,
        ],
        axis=1,
    )
    state = latent.corrected(
        (np.concatenate([path[:, :t], offset], axis=1), quotes), across, cov, seen
    )
    return state[:, :t], state[:, t:]


def _wander(parameters: xr.Dataset, at: _Layout, rng: np.random.Generator) -> np.ndarray:
    """Draw what a quote has of its own: the swing of spot indices, and error."""
    spot, memory, error = (
        sample_first(parameters, name)[:, None] for name in ("spot_sd", "memory", "error")
    )
    out = error * rng.standard_normal((len(spot), len(at.h)))
    for k in range(len(at.names)):
        own = np.flatnonzero((at.stretch == k) & (at.spot > 0))
        own = own[np.argsort(at.h[own], kind="stable")]
        for j, i in enumerate(own):
            shock = rng.standard_normal(len(spot))
            if j == 0:
                swing = shock
            else:
                kept = np.exp(-(at.h[i] - at.h[own[j - 1]]) / memory[:, 0])
                swing = kept * swing + np.sqrt(1 - kept**2) * shock
            out[:, i] += spot[:, 0] * swing
    return out


def _draws(
    parameters: xr.Dataset,
    panel: Panel,
    at: _Layout,
    state: tuple[list[str], np.ndarray, np.ndarray],
    rng: np.random.Generator,
) -> xr.Dataset:
    grid, path, offset = state
    data = panel.data
    entities = data["index"].values.astype(str)
    names, y, signal, observed = ["H100"], [path], [path], [np.full(len(grid), np.nan)]
    for name in dict.fromkeys(entities):
        own = entities == name
        last = str(data["stretch"].values[own][np.argmax(data["year"].values[own])])
        level = path + offset[:, [at.names.index(last)]]
        sd = np.hypot(
            sample_first(parameters, "error"),
            sample_first(parameters, "spot_sd") * data["spot"].values[own][0],
        )
        names.append(str(name))
        signal.append(level)
        y.append(level + sd[:, None] * rng.standard_normal(level.shape))
        seen = np.full(len(grid), np.nan)
        for day, value, bound in sorted(
            zip(data["day"].values[own], data["value"].values[own], data["bound"].values[own],
                strict=True)
        ):  # fmt: skip
            if bound == 0:
                seen[grid.index(period_end(str(day)).isoformat()[:7])] = value
        y[-1][:, np.isfinite(seen)] = np.log(seen[np.isfinite(seen)])
        observed.append(seen)
    return latent.labelled(
        parameters,
        (np.exp(np.stack(y, 1)), np.exp(np.stack(signal, 1)), np.stack(observed)),
        [f"{name}/{RENTAL_METRIC}" for name in names],
        [RENTAL_UNIT] * len(names),
        grid,
    )


def _quotes(replicated: dict[str, np.ndarray], panel: Panel) -> np.ndarray:
    return np.exp(replicated["log_value"]).ravel()


PRIOR_CHECKS = (
    # An accelerator draws some 0.7 kW, so power alone is near 0.1 USD an hour; at 40 it would earn its
    # price of some 30,000 USD back in a month. Our rough judgement.
    ("rental price, USD per hour", _quotes, 0.3, 40.0),
)
