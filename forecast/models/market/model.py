"""Annual totals of a market: level, pooled growth, slow drift of growth, shared shocks.

What it cannot know: which total is meant. Published series of one name differ by factors, and their
growth parts by tens of percent a year; nobody prints the article's own table any further.

A quantity q (an entity's metric) has one growth and one path; measure m of it is the series that the
article prints, or that of a publisher. In year t, on the log scale, with h = t - t0 and t0 the last year
of the panel::

    log y[m, t] = level[m] + growth[q] h + w[q, t] + d[m, t] + e[m, t]
    growth[q]   = growth_mean + growth_spread z[q]
    cov(w[q, t], w[r, u]) = R[q, r] (shock_sd^2 K1[t, u] + drift_sd^2 K2[t, u])
    cov(d[m, t], d[m, u]) = definition_sd^2 K1[t, u]

`w` is a random walk (K1) plus a random walk of the growth rate (K2), both zero at t0; R has ones on
its diagonal and `correlation` elsewhere. The level of a measure is its scale: what its definition
covers. `d`, a random walk of a publisher's series about the quantity, is the error of definition: what
is covered changes. The article's own series is taken as it defines itself, without one; a prior set
gives it one as large (`own_error`). `e` is rounding, and more for a printed estimate. Given the six
numbers growth_mean, growth_spread, shock_sd, drift_sd, correlation and definition_sd all else is
Gaussian, so level, growth, `w` and `d` are integrated out of the fit and drawn exactly afterwards.

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
from forecast.core.words import metric_of
from forecast.models import common, latent
from forecast.models.market import paths
from forecast.models.market.panel import MARKET_UNIT, is_published, quantity_of

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
    # By how much the growth of a published series parts from that of what it is taken to measure, in
    # one year: what is covered changes. Our rough judgement; 95 %: 0.06 to 0.65.
    definition: float = 0.20
    definition_log_sd: float = 0.6
    # Share of that error which the article's own series has too.
    own_error: float = 0.0
    # Probability a year that the boom turns, and by how much yearly growth falls in the three years
    # from then on: none, where the growth rate alone may drift.
    turn: float = 0.0
    turn_spending: float = 0.48
    turn_revenue: float = 0.09


VARIANTS = {
    # A boom is mean-reverting until shown otherwise: no growth expected, and it can turn quickly.
    "sceptical": Priors(growth_mean=0.0, growth_mean_sd=0.15, drift=0.18, shock=0.15),
    # A young market keeps growing, and steadily.
    "generous": Priors(growth_mean=0.30, growth_mean_sd=0.25, drift=0.05, shock=0.06),
    # Another structure: a turning point. Infrastructure booms took 3.1 years from start to peak in the
    # mean (booms.csv, eight with both days, all of which burst). US telecom capex grew by 0.24 a year
    # to 2000 and fell by as much to 2003, revenue went from 0.09 to none (telecom_1995_2004.csv).
    "a turning point": Priors(turn=0.3),
    # Another structure: the article's table errs about the market as much as published ones do.
    "the table errs too": Priors(own_error=1.0),
}
TURNED = 3
"""Years for which growth is less after a turning point, as telecom capex fell."""

REPORT = (
    "level", "growth", "growth_mean", "growth_spread", "shock_sd", "drift_sd", "correlation",
    "definition_sd",
)  # fmt: skip
LABELS = {
    "growth_mean": "mean growth of the market, log points a year",
    "growth_spread": "spread of growth between series, log points a year",
    "shock_sd": "yearly shock, log points",
    "drift_sd": "change of growth from year to year, log points",
    "correlation": "correlation of shocks between series",
    "definition_sd": "yearly change of what a published series covers, log points",
}
SPENDING = ("ai_investment", "datacenter_capex")
"""Metrics that a turning point takes down; revenue turns by less."""


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


@dataclasses.dataclass(frozen=True)
class _Layout:
    """Which measure and which year each observation is of, and what each measure is of.

    Attributes
    ----------
    names, quantities
        Measures, and quantities, as "entity/metric".
    of
        The quantity of each measure, a position; shape (measure,).
    published
        1 for a publisher's measure, 0 for the article's own; shape (measure,).
    index, years
        Measure, a position, and year of each observation; shape (obs,).
    origin
        The last year.
    """

    names: np.ndarray
    quantities: np.ndarray
    of: np.ndarray
    published: np.ndarray
    index: np.ndarray
    years: np.ndarray
    origin: int

    def error_share(self, priors: Priors) -> np.ndarray:
        """Return the share of the error of definition that each measure has, shape (measure,)."""
        return self.published + (1 - self.published) * priors.own_error


def _layout(panel: Panel) -> _Layout:
    names, index = np.unique(panel.data["series"].values, return_inverse=True)
    quantities, of = np.unique([quantity_of(str(n)) for n in names], return_inverse=True)
    published = np.array([float(is_published(str(n))) for n in names])
    years = panel.data["year"].values
    return _Layout(names, quantities, of, published, index, years, int(years.max()))


def _centre(panel: Panel) -> np.ndarray:
    """Return the mean log value of each series, about which its level has a wide prior."""
    at = _layout(panel)
    log_value = np.log(panel.data["value"].values)
    return np.array([log_value[at.index == s].mean() for s in range(len(at.names))])


def _kernels(panel: Panel) -> np.ndarray:
    """Return what the covariance of the observations is a weighted sum of, shape (10, obs, obs).

    In this order, with the weights of :func:`build`: rounding; one measure; one quantity, h times h;
    K1 of one quantity and of all; K2 likewise; K1 of one published measure, and of the article's own;
    estimates.
    """
    at, data = _layout(panel), panel.data
    walk, drift = (m @ m.T for m in shock_maps(at.years, at.origin))
    h, quantity = at.years - at.origin, at.of[at.index]
    same = (quantity[:, None] == quantity[None, :]).astype(float)
    measure = (at.index[:, None] == at.index[None, :]).astype(float)
    published = measure * at.published[at.index]
    return np.stack(
        [
            np.diag(data["rounding_sd"].values ** 2), measure, same * np.outer(h, h),
            same * walk, walk, same * drift, drift,
            published * walk, (measure - published) * walk, np.diag(data["estimate"].values ** 2),
        ]
    )  # fmt: skip


def build(panel: Panel, priors: Priors) -> pm.Model:
    """Return the model of the panel, with all but the six scalar parameters integrated out."""
    at = _layout(panel)
    with pm.Model() as model:
        prior = common.prior_data(priors)
        centre = pm.Data("centre", _centre(panel)[at.index])
        h = pm.Data("h", (at.years - at.origin).astype(float))
        # One array of kernels, for each of its own took some nodes of the graph, which is compiled.
        kernels = pm.Data("kernels", _kernels(panel))
        log_value = np.log(panel.data["value"].values)
        told = common.reported("log_value", log_value, np.arange(len(at.years)))

        mean = pm.Normal("growth_mean", prior["growth_mean"], prior["growth_mean_sd"])
        spread = common.log_normal(
            "growth_spread", prior["growth_spread"], prior["growth_spread_log_sd"]
        )
        shock = common.log_normal("shock_sd", prior["shock"], prior["shock_log_sd"])
        turn = common.log_normal("drift_sd", prior["drift"], prior["drift_log_sd"])
        rho = pm.Beta("correlation", prior["correlation_a"], prior["correlation_b"])
        definition = common.log_normal(
            "definition_sd", prior["definition"], prior["definition_log_sd"]
        )
        weights = pt.stack(
            [
                1.0, prior["level_sd"] ** 2, spread**2,
                shock**2 * (1 - rho), shock**2 * rho, turn**2 * (1 - rho), turn**2 * rho,
                definition**2, (definition * prior["own_error"]) ** 2, prior["estimate_sd"] ** 2,
            ]
        )  # fmt: skip
        chol = pt.linalg.cholesky((weights[:, None, None] * kernels).sum(axis=0))
        pm.MvNormal("log_value", centre + mean * h, chol=chol, **told)
    return model


def _deviations(
    parameters: xr.Dataset,
    maps: tuple[np.ndarray, np.ndarray],
    at: _Layout,
    priors: Priors,
    rng: np.random.Generator,
) -> np.ndarray:
    """Return draws of `w + d` from the prior given the scales, shape (sample, measure, year)."""
    walk, drift = maps
    rho, shock, turn, definition = _scales(parameters)

    def correlated(columns: int) -> np.ndarray:
        own = rng.standard_normal((len(rho), len(at.quantities), columns))
        common = rng.standard_normal((len(rho), 1, columns))
        return np.sqrt(rho) * common + np.sqrt(1 - rho) * own

    w = shock * (correlated(walk.shape[1]) @ walk.T) + turn * (correlated(drift.shape[1]) @ drift.T)
    covers = rng.standard_normal((len(rho), len(at.names), walk.shape[1])) @ walk.T
    return w[:, at.of] + definition * at.error_share(priors)[:, None] * covers


def _error_sd(panel: Panel, priors: Priors) -> np.ndarray:
    data = panel.data
    return np.hypot(data["rounding_sd"].values, data["estimate"].values * priors.estimate_sd)


def _scales(parameters: xr.Dataset) -> tuple[np.ndarray, ...]:
    """Return correlation and the sds of shock, drift and definition, each shaped (sample, 1, 1)."""
    names = ("correlation", "shock_sd", "drift_sd", "definition_sd")
    return tuple(sample_first(parameters, name)[:, None, None] for name in names)


def _walk_cov(
    parameters: xr.Dataset,
    maps: tuple[np.ndarray, np.ndarray],
    at: _Layout,
    priors: Priors,
    cells: tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]],
) -> np.ndarray:
    """Return the covariance of `w + d` at two sets of cells for each draw, shape (sample, n, m).

    A set is (measure of each cell, position of its year).
    """
    rho, shock, turn, definition = _scales(parameters)
    left, right = cells
    kernels = [(m @ m.T)[np.ix_(left[1], right[1])] for m in maps]
    same = at.of[left[0]][:, None] == at.of[right[0]][None, :]
    share = at.error_share(priors)[left[0]][:, None] * (left[0][:, None] == right[0][None, :])
    market = np.where(same, 1.0, rho) * (shock**2 * kernels[0] + turn**2 * kernels[1])
    out: np.ndarray = market + (definition * share) ** 2 * kernels[0]
    return out


def complete(
    parameters: xr.Dataset, panel: Panel, priors: Priors, rng: np.random.Generator, *, given: bool
) -> xr.Dataset:
    """Add each measure's level and each quantity's growth, drawn exactly given the scalars.

    Parameters
    ----------
    parameters
        Draws of the six scalars, dims chain, draw.
    panel, priors, rng
        What the fit was of, and the source of the draws that are added.
    given
        Whether to condition on the panel's values; if not, the draws are from the prior.

    Returns
    -------
    xarray.Dataset
        `parameters` with ``level`` (log USD bn at the last year), dims chain, draw, series, and
        ``growth`` (log points a year), dims chain, draw, quantity; if `given`, with ``likelihood``,
        the log density of the data given them, `w` and `d` integrated out.
    """
    at = _layout(panel)
    h = (at.years - at.origin).astype(float)
    error = _error_sd(panel, priors)
    mean, spread = (
        sample_first(parameters, "growth_mean"),
        sample_first(parameters, "growth_spread"),
    )
    size, quantity = len(mean), at.of[at.index]
    level = _centre(panel) + priors.level_sd * rng.standard_normal((size, len(at.names)))
    growth = mean[:, None] + spread[:, None] * rng.standard_normal((size, len(at.quantities)))
    if given:
        maps = shock_maps(at.years, at.origin)
        cells = (at.index, np.arange(len(h)))
        walks = _walk_cov(parameters, maps, at, priors, (cells, cells)) + np.diag(error**2)
        noise = np.linalg.cholesky(walks) @ rng.standard_normal((*walks.shape[:2], 1))
        log_value = np.log(panel.data["value"].values)
        residual = log_value - level[:, at.index] - growth[:, quantity] * h - noise[:, :, 0]
        levels = priors.level_sd**2 * (at.index[:, None] == at.index[None, :])
        same = quantity[:, None] == quantity[None, :]
        lines = levels + same * spread[:, None, None] ** 2 * np.outer(h, h)
        weight = np.linalg.solve(walks + lines, residual[:, :, None])[:, :, 0]
        member = np.arange(len(at.names))[:, None] == at.index[None, :]
        level += priors.level_sd**2 * weight @ member.T
        grown = np.arange(len(at.quantities))[:, None] == quantity[None, :]
        growth += spread[:, None] ** 2 * (weight * h) @ grown.T
    sizes = (parameters.sizes["chain"], parameters.sizes["draw"])
    full = parameters.assign(
        level=(("chain", "draw", "series"), level.reshape(*sizes, -1)),
        growth=(("chain", "draw", "quantity"), growth.reshape(*sizes, -1)),
    ).assign_coords(series=at.names, quantity=at.quantities)
    if given:
        off = log_value - level[:, at.index] - growth[:, quantity] * h
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
    at = _layout(panel)
    grid = np.unique(at.years)
    paths_drawn = _prior_paths(parameters, panel, priors, grid, rng)
    mu = paths_drawn[:, at.index, np.searchsorted(grid, at.years)]
    return {"log_value": mu + rng.standard_normal(mu.shape) * _error_sd(panel, priors)}


def _lines(parameters: xr.Dataset, at: _Layout, grid: np.ndarray) -> np.ndarray:
    """Return level and growth as a path of each measure, shape (sample, measure, year)."""
    level, growth = sample_first(parameters, "level"), sample_first(parameters, "growth")
    lines: np.ndarray = level[:, :, None] + growth[:, at.of, None] * (grid - at.origin)
    return lines


def _prior_paths(
    parameters: xr.Dataset,
    panel: Panel,
    priors: Priors,
    grid: np.ndarray,
    rng: np.random.Generator,
) -> np.ndarray:
    """Draw log paths given the parameters, as before any datum, shape (sample, measure, year)."""
    at = _layout(panel)
    w = _deviations(parameters, shock_maps(grid, at.origin), at, priors, rng)
    return _lines(parameters, at, grid) + w


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
        period, NaN where nothing was reported. In reported cells ``y`` is the report. A publisher's
        series is one of its own, with its scale and its error of definition; the ratio of capex to
        revenue is one too, from the same draws.
    """
    at = _layout(panel)
    last = _until_year(until, at.origin)
    grid = np.arange(at.years.min(), last + 1)
    maps = shock_maps(grid, at.origin)
    when = np.searchsorted(grid, at.years)
    error = _error_sd(panel, priors)
    log_value = np.log(panel.data["value"].values)

    w = _deviations(parameters, maps, at, priors, rng)
    lines = _lines(parameters, at, grid)
    drawn = (lines + w)[:, at.index, when] + rng.standard_normal((len(w), len(when))) * error
    cells = (at.index, when)
    everywhere = (
        np.repeat(np.arange(len(at.names)), len(grid)),
        np.tile(np.arange(len(grid)), len(at.names)),
    )
    cov = _walk_cov(parameters, maps, at, priors, (cells, cells)) + np.diag(error**2)
    weight = np.linalg.solve(cov, (log_value - drawn)[:, :, None])
    across = _walk_cov(parameters, maps, at, priors, (everywhere, cells))
    mu = lines + w + (across @ weight).reshape(w.shape)

    report_sd = np.array(
        [panel.data["rounding_sd"].values[at.index == s].mean() for s in range(len(at.names))]
    )
    noise = rng.standard_normal(mu.shape) * report_sd[:, None]
    mu = mu + _turned(at, priors, grid, len(mu), rng)
    y = mu + noise
    y[:, at.index, when] = log_value
    observed = np.full((len(at.names), len(grid)), np.nan)
    observed[at.index, when] = panel.data["value"].values
    draws = _labelled(parameters, at.names, grid, np.exp(y), np.exp(mu), observed)
    before = _prior_paths(_prior(panel, priors, len(mu), rng), panel, priors, grid, rng)
    ends = [str(end) for end in draws["period_end"].values]
    told = latent.told_until(mu, before, ends, f"{at.origin}-12-31")
    return paths.with_reach(draws, dict(zip(map(str, at.names), told, strict=True)))


def _prior(panel: Panel, priors: Priors, size: int, rng: np.random.Generator) -> xr.Dataset:
    """Draw all parameters as before any datum, dims chain (one) and draw."""
    names = {
        "growth_mean": "growth_mean", "growth_spread": "growth_spread", "shock": "shock_sd",
        "drift": "drift_sd", "definition": "definition_sd",
    }  # fmt: skip
    drawn = latent.prior_scales(priors, list(names), size, rng).rename(names)
    rho = rng.beta(priors.correlation_a, priors.correlation_b, (1, size))
    drawn = drawn.assign(correlation=(("chain", "draw"), rho))
    return complete(drawn, panel, priors, rng, given=False)


def _turned(
    at: _Layout, priors: Priors, grid: np.ndarray, size: int, rng: np.random.Generator
) -> np.ndarray | float:
    """Return what a turning point takes from log values, shape (sample, measure, year).

    In each year after the last of the data the boom turns with the probability `turn`; from that year
    on growth is less, for :data:`TURNED` years.
    """
    if not priors.turn:
        return 0.0
    turns = at.origin + rng.geometric(priors.turn, size=size)
    years = np.clip(grid[None, :] - turns[:, None] + 1, 0, TURNED)
    fall = np.array(
        [
            priors.turn_spending if metric_of(str(name)) in SPENDING else priors.turn_revenue
            for name in at.names
        ]
    )
    taken: np.ndarray = -fall[:, None] * years[:, None, :]
    return taken


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
    at = _layout(panel)
    years, spans = at.years, []
    for s in range(len(at.names)):
        cells = np.flatnonzero(at.index == s)
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
