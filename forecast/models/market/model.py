"""Annual totals of a market: level, pooled growth, slow drift of growth, shared shocks.

Series s in year t, on the log scale, with h = t - t0 and t0 the last year of the panel::

    log y[s, t] = level[s] + growth[s] h + w[s, t] + e[s, t]
    growth[s]   = growth_mean + growth_spread z[s]
    cov(w[s, t], w[r, u]) = R[s, r] (shock_sd^2 K1[t, u] + drift_sd^2 K2[t, u])

`w` is a random walk (K1) plus a random walk of the growth rate (K2), both zero at t0; R has ones on
its diagonal and `correlation` elsewhere. `e` is rounding, and more for a printed estimate. Given the
five numbers growth_mean, growth_spread, shock_sd, drift_sd and correlation all else is Gaussian, so
level, growth and `w` are integrated out of the fit and drawn exactly afterwards.

Invariant: :func:`complete` and :func:`draw` condition on the same covariance that :func:`build`
fits; ``tests/test_market.py`` compares them with brute-force conditioning.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
import pymc as pm
import pytensor.tensor as pt
import xarray as xr

from forecast.core.draws import sample_first
from forecast.core.errors import DataError
from forecast.core.periods import period_end
from forecast.models import common
from forecast.models.market import paths
from forecast.models.market.panel import MARKET_UNIT

if TYPE_CHECKING:
    from forecast.models.base import Panel


@dataclasses.dataclass(frozen=True)
class Priors:
    """Numbers of the priors; growth and drift are log points per year."""

    # The US telecom build-out of 1996-2004 grew about +0.24 a year going up and -0.35 coming down
    # (FCC and USTelecom series); the prior covers both within two sd, leaning to growth.
    growth_mean: float = 0.15
    growth_mean_sd: float = 0.25
    # Series of one market tend to grow within some ten points of each other; 95 %: 0.02 to 0.4.
    growth_spread: float = 0.10
    growth_spread_log_sd: float = 0.75
    # One-off yearly deviations: US telecom capex left its trend by about 0.1 in quiet years, and
    # wireless capex swung by 0.2-0.5 (TIA, 1999-2002); 95 %: 0.03 to 0.32.
    shock: float = 0.10
    shock_log_sd: float = 0.6
    # Change of the growth rate from one year to the next: telecom went from +0.24 to -0.35 in two
    # years, most capital-goods series move far less; 95 %: 0.025 to 0.4.
    drift: float = 0.10
    drift_log_sd: float = 0.7
    # Shocks to spending and to sales of one boom come together more often than not; 95 %: 0.1-0.9.
    correlation_a: float = 2.0
    correlation_b: float = 2.0
    # The level is decided by the data: one log point around the series' own mean.
    level_sd: float = 1.0
    # A printed estimate of the running year: our judgement, about the size of first revisions.
    estimate_sd: float = 0.08


VARIANTS = {
    # A boom is mean-reverting until shown otherwise: no growth expected, and it can turn quickly.
    "sceptical": Priors(growth_mean=0.0, growth_mean_sd=0.15, drift=0.18, shock=0.15),
    # A young market keeps growing, and steadily.
    "generous": Priors(growth_mean=0.30, growth_mean_sd=0.25, drift=0.05, shock=0.06),
}

REPORT = ("level", "growth", "growth_mean", "growth_spread", "shock_sd", "drift_sd", "correlation")
LABELS = {
    "growth_mean": "mean growth of the market, log points a year",
    "growth_spread": "spread of growth between series, log points a year",
    "shock_sd": "yearly shock, log points",
    "drift_sd": "change of growth from year to year, log points",
    "correlation": "correlation of shocks between series",
}


def shock_maps(years: np.ndarray, origin: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the maps from yearly unit shocks to the deviation `w` at `years`.

    Parameters
    ----------
    years
        Whole years, shape (t,).
    origin
        The year where both deviations are zero.

    Returns
    -------
    tuple of numpy.ndarray
        L1 and L2, shape (t, k): random walk, and random walk of the growth rate. The kernels of
        the module's formula are ``L1 @ L1.T`` and ``L2 @ L2.T``. With ``growth`` the step into the
        origin's year, forward ``w(h) = sum_i (h - i + 1) d_i`` and backward
        ``w(-h) = sum_i (h - i) d_i``.
    """
    h = years - origin
    steps = np.arange(1, int(np.abs(h).max(initial=1)) + 1)
    forward, backward = np.maximum(h, 0)[:, None], np.maximum(-h, 0)[:, None]
    walk = np.hstack([steps <= forward, steps <= backward]).astype(float)
    drift = np.hstack([np.maximum(forward - steps + 1, 0), np.maximum(backward - steps, 0)])
    return walk, drift.astype(float)


def _layout(panel: Panel) -> tuple[np.ndarray, np.ndarray, np.ndarray, int]:
    """Return series names, the series of each observation, its year, and the origin year."""
    names, index = np.unique(panel.data["series"].values, return_inverse=True)
    years = panel.data["year"].values
    return names, index, years, int(years.max())


def _centre(panel: Panel) -> np.ndarray:
    """Return the mean log value of each series, about which its level has a wide prior."""
    names, index, _, _ = _layout(panel)
    log_value = np.log(panel.data["value"].values)
    return np.array([log_value[index == s].mean() for s in range(len(names))])


def build(panel: Panel, priors: Priors) -> pm.Model:
    """Return the model of the panel, with all but the five scalar parameters integrated out."""
    _, index, years, origin = _layout(panel)
    walk, drift = shock_maps(years, origin)
    log_value = np.log(panel.data["value"].values)
    with pm.Model() as model:
        prior = common.prior_data(priors)
        series = pm.Data("series_index", index)
        centre = pm.Data("centre", _centre(panel))
        h = pm.Data("h", (years - origin).astype(float))
        walk_kernel = pm.Data("walk_kernel", walk @ walk.T)
        drift_kernel = pm.Data("drift_kernel", drift @ drift.T)
        rounding = pm.Data("rounding_sd", panel.data["rounding_sd"].values)
        estimate = pm.Data("estimate", panel.data["estimate"].values)
        told = common.reported("log_value", log_value, np.arange(len(index)))

        mean = pm.Normal("growth_mean", prior["growth_mean"], prior["growth_mean_sd"])
        spread = common.log_normal(
            "growth_spread", prior["growth_spread"], prior["growth_spread_log_sd"]
        )
        shock = common.log_normal("shock_sd", prior["shock"], prior["shock_log_sd"])
        turn = common.log_normal("drift_sd", prior["drift"], prior["drift_log_sd"])
        rho = pm.Beta("correlation", prior["correlation_a"], prior["correlation_b"])

        same = pt.eq(series[:, None], series[None, :])
        walks = pt.switch(same, 1.0, rho) * (shock**2 * walk_kernel + turn**2 * drift_kernel)
        lines = same * (prior["level_sd"] ** 2 + spread**2 * h[:, None] * h[None, :])
        error = rounding**2 + (estimate * prior["estimate_sd"]) ** 2
        chol = pt.linalg.cholesky(walks + lines + pt.diag(error))
        trend = centre[series] + mean * h
        pm.MvNormal("log_value", trend, chol=chol, **told)
    return model


def _deviations(
    parameters: xr.Dataset,
    maps: tuple[np.ndarray, np.ndarray],
    series: int,
    rng: np.random.Generator,
) -> np.ndarray:
    """Return draws of `w` from its prior given the scales, shape (sample, series, year)."""
    walk, drift = maps
    rho, shock, turn = _scales(parameters)

    def correlated(columns: int) -> np.ndarray:
        own = rng.standard_normal((len(rho), series, columns))
        common = rng.standard_normal((len(rho), 1, columns))
        return np.sqrt(rho) * common + np.sqrt(1 - rho) * own

    return shock * (correlated(walk.shape[1]) @ walk.T) + turn * (
        correlated(drift.shape[1]) @ drift.T
    )


def _error_sd(panel: Panel, priors: Priors) -> np.ndarray:
    data = panel.data
    return np.hypot(data["rounding_sd"].values, data["estimate"].values * priors.estimate_sd)


def _scales(parameters: xr.Dataset) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return correlation, shock sd and drift sd, each shaped (sample, 1, 1)."""
    names = ("correlation", "shock_sd", "drift_sd")
    rho, shock, turn = (sample_first(parameters, name)[:, None, None] for name in names)
    return rho, shock, turn


def _walk_cov(
    parameters: xr.Dataset,
    maps: tuple[np.ndarray, np.ndarray],
    left: tuple[np.ndarray, np.ndarray],
    right: tuple[np.ndarray, np.ndarray],
) -> np.ndarray:
    """Return cov(w[left], w[right]) for each draw; a side is (series index, year position)."""
    rho, shock, turn = _scales(parameters)
    kernels = [(m @ m.T)[np.ix_(left[1], right[1])] for m in maps]
    same = left[0][:, None] == right[0][None, :]
    return np.where(same, 1.0, rho) * (shock**2 * kernels[0] + turn**2 * kernels[1])


def complete(
    parameters: xr.Dataset, panel: Panel, priors: Priors, rng: np.random.Generator, *, given: bool
) -> xr.Dataset:
    """Add each series' level and growth, drawn exactly given the scalar parameters.

    Parameters
    ----------
    parameters
        Draws of the five scalars, dims chain, draw.
    panel, priors, rng
        What the fit was of, and the source of the draws that are added.
    given
        Whether to condition on the panel's values; if not, the draws are from the prior.

    Returns
    -------
    xarray.Dataset
        `parameters` with ``level`` (log USD bn at the last year) and ``growth`` (log points a
        year), dims chain, draw, series; if `given`, with ``likelihood``, the log density of the
        data given them, `w` integrated out.
    """
    names, index, years, origin = _layout(panel)
    h = (years - origin).astype(float)
    error = _error_sd(panel, priors)
    mean, spread = (
        sample_first(parameters, "growth_mean"),
        sample_first(parameters, "growth_spread"),
    )
    shape = (len(mean), len(names))
    level = _centre(panel) + priors.level_sd * rng.standard_normal(shape)
    growth = mean[:, None] + spread[:, None] * rng.standard_normal(shape)
    if given:
        maps = shock_maps(years, origin)
        cells = (index, np.arange(len(years)))
        walks = _walk_cov(parameters, maps, cells, cells) + np.diag(error**2)
        noise = np.linalg.cholesky(walks) @ rng.standard_normal((*walks.shape[:2], 1))
        log_value = np.log(panel.data["value"].values)
        residual = log_value - level[:, index] - growth[:, index] * h - noise[:, :, 0]
        same = index[:, None] == index[None, :]
        lines = same * (priors.level_sd**2 + spread[:, None, None] ** 2 * np.outer(h, h))
        weight = np.linalg.solve(walks + lines, residual[:, :, None])[:, :, 0]
        member = np.arange(len(names))[:, None] == index[None, :]
        level += priors.level_sd**2 * weight @ member.T
        growth += spread[:, None] ** 2 * (weight * h) @ member.T
    sizes = (parameters.sizes["chain"], parameters.sizes["draw"])
    dims = ("chain", "draw", "series")
    full = parameters.assign(
        level=(dims, level.reshape(*sizes, -1)), growth=(dims, growth.reshape(*sizes, -1))
    ).assign_coords(series=names)
    if given:
        off = log_value - level[:, index] - growth[:, index] * h
        full["likelihood"] = (("chain", "draw"), _log_density(off, walks).reshape(sizes))
    return full


def _log_density(off: np.ndarray, cov: np.ndarray) -> np.ndarray:
    """Return the log density of centred normals, one a draw."""
    root = np.linalg.cholesky(cov)
    z = np.linalg.solve(root, off[:, :, None])[:, :, 0]
    log_det = np.log(np.diagonal(root, axis1=1, axis2=2)).sum(axis=1)
    return -0.5 * (z**2).sum(axis=1) - log_det - 0.5 * off.shape[1] * np.log(2 * np.pi)


def replicate(
    parameters: xr.Dataset, panel: Panel, priors: Priors, rng: np.random.Generator
) -> dict[str, np.ndarray]:
    """Draw new observations for the panel's cells, shape (sample, obs), by data name."""
    names, index, years, origin = _layout(panel)
    grid = np.unique(years)
    w = _deviations(parameters, shock_maps(grid, origin), len(names), rng)
    at = np.searchsorted(grid, years)
    mu = sample_first(parameters, "level")[:, index] + sample_first(parameters, "growth")[
        :, index
    ] * (years - origin)
    noise = rng.standard_normal((len(mu), len(years))) * _error_sd(panel, priors)
    return {"log_value": mu + w[:, index, at] + noise}


def draw(
    parameters: xr.Dataset, panel: Panel, priors: Priors, until: str, rng: np.random.Generator
) -> xr.Dataset:
    """Draw every series to the year `until`, exactly from the Gaussian conditional.

    The shocks are drawn from their prior and then corrected by what the data say of them
    (Matheron's rule): ``w + cov(w, y) cov(y)^-1 (y - drawn y)`` has the conditional law of `w`.

    Returns
    -------
    xarray.Dataset
        ``y`` (as it would be reported) and ``signal`` (without reporting error; with log-normal
        noise its median), in USD bn, dims chain, draw, series, period; ``observed``, dims series,
        period, NaN where nothing was reported. In reported cells ``y`` is the report. The ratio
        of capex to revenue is a series of its own, from the same draws.
    """
    names, index, years, origin = _layout(panel)
    last = _until_year(until, origin)
    grid = np.arange(years.min(), last + 1)
    maps = shock_maps(grid, origin)
    at = np.searchsorted(grid, years)
    error = _error_sd(panel, priors)
    log_value = np.log(panel.data["value"].values)

    level, growth = sample_first(parameters, "level"), sample_first(parameters, "growth")
    w = _deviations(parameters, maps, len(names), rng)
    drawn = w[:, index, at] + rng.standard_normal((len(w), len(years))) * error
    residual = log_value - level[:, index] - growth[:, index] * (years - origin) - drawn
    cells = (index, at)
    everywhere = (
        np.repeat(np.arange(len(names)), len(grid)),
        np.tile(np.arange(len(grid)), len(names)),
    )
    cov = _walk_cov(parameters, maps, cells, cells) + np.diag(error**2)
    weight = np.linalg.solve(cov, residual[:, :, None])
    w = w + (_walk_cov(parameters, maps, everywhere, cells) @ weight).reshape(w.shape)
    mu = level[:, :, None] + growth[:, :, None] * (grid - origin) + w

    report_sd = np.array(
        [panel.data["rounding_sd"].values[index == s].mean() for s in range(len(names))]
    )
    y = mu + rng.standard_normal(mu.shape) * report_sd[:, None]
    y[:, index, at] = log_value
    observed = np.full((len(names), len(grid)), np.nan)
    observed[index, at] = panel.data["value"].values
    return _labelled(parameters, names, grid, np.exp(y), np.exp(mu), observed)


def _until_year(until: str, origin: int) -> int:
    year: int = period_end(until).year
    if not origin <= year <= origin + 30:
        raise DataError(
            f"cannot forecast the market to {until!r}; wanted a year from {origin} to {origin + 30}"
        )
    return year


def _labelled(
    parameters: xr.Dataset,
    names: np.ndarray,
    grid: np.ndarray,
    y: np.ndarray,
    signal: np.ndarray,
    observed: np.ndarray,
) -> xr.Dataset:
    shape = (parameters.sizes["chain"], parameters.sizes["draw"], len(names), len(grid))
    coords = {
        "chain": parameters["chain"].values,
        "draw": parameters["draw"].values,
        "series": names,
        "period": grid.astype(str),
    }
    both = [xr.DataArray(a.reshape(shape), coords, tuple(coords)) for a in (y, signal)]
    return paths.annual_draws(both[0], both[1], observed, MARKET_UNIT)


def _last_growth(replicated: dict[str, np.ndarray], panel: Panel) -> np.ndarray:
    """Growth over the panel's span in percent a year, of each replicated series."""
    names, index, years, _ = _layout(panel)
    spans = []
    for s in range(len(names)):
        cells = np.flatnonzero(index == s)
        first, last = cells[np.argmin(years[cells])], cells[np.argmax(years[cells])]
        change = replicated["log_value"][:, last] - replicated["log_value"][:, first]
        spans.append(100 * np.expm1(change / max(years[last] - years[first], 1)))
    return np.concatenate(spans)


PRIOR_CHECKS = (
    # what, statistic of replicated data, low, high: nine in ten prior draws must lie between, and
    # not all of them in a tenth of the range. Falls of half a year and triplings are rare in any
    # investment boom (booms.csv of the project's reference class).
    ("average growth, percent a year", _last_growth, -50.0, 150.0),
)
