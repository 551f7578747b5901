"""The collapsed market model against its slow definition."""

import numpy as np
import pytest
import xarray as xr
from scipy.special import logit
from scipy.stats import multivariate_normal

from forecast.core.errors import DataError
from forecast.models import common
from forecast.models.base import select
from forecast.models.market import model as market

PRIORS = market.Priors()
TRUE = {
    "growth_mean": 0.2,
    "growth_spread": 0.08,
    "shock_sd": 0.1,
    "drift_sd": 0.06,
    "correlation": 0.4,
}


def parameters(n):
    return xr.Dataset(
        {k: (("chain", "draw"), np.full((1, n), v)) for k, v in TRUE.items()},
        coords={"chain": [0], "draw": np.arange(n)},
    )


def brute_covariance(panel, years):
    """Covariance of (level, growth, level + growth h + w) by simulating the equations literally."""
    names, _, _, origin = market._layout(panel)
    s = len(names)

    def path(unit_level, unit_growth, shocks, drifts):
        """Follow one series year by year; `shocks` and `drifts` are dicts year -> unit shock."""
        level, growth = {origin: unit_level}, {origin: unit_growth}
        for t in range(origin + 1, years.max() + 1):
            growth[t] = growth[t - 1] + drifts.get(t, 0.0)
            level[t] = level[t - 1] + growth[t] + shocks.get(t, 0.0)
        for t in range(origin, years.min(), -1):
            level[t - 1] = level[t] - growth[t] + shocks.get(t, 0.0)
            growth[t - 1] = growth[t] + drifts.get(t, 0.0)
        return np.array([level[t] for t in years])

    shock_columns = [path(0, 0, {t: 1.0}, {}) for t in range(years.min(), years.max() + 1)]
    drift_columns = [path(0, 0, {}, {t: 1.0}) for t in range(years.min(), years.max() + 1)]
    within = TRUE["shock_sd"] ** 2 * sum(np.outer(c, c) for c in shock_columns)
    within = within + TRUE["drift_sd"] ** 2 * sum(np.outer(c, c) for c in drift_columns)
    rho = np.full((s, s), TRUE["correlation"]) + (1 - TRUE["correlation"]) * np.eye(s)
    return np.kron(rho, within)


def test_shock_maps_follow_the_equations(market_panel):
    years = np.arange(2022, 2031)
    walk, drift = market.shock_maps(years, 2025)
    within = TRUE["shock_sd"] ** 2 * walk @ walk.T + TRUE["drift_sd"] ** 2 * drift @ drift.T
    brute = brute_covariance(market_panel, years)
    np.testing.assert_allclose(within, brute[: len(years), : len(years)], atol=1e-12)


def dense_law(panel, years):
    """Mean and covariance of log y and of all paths, given the five scalars, as dense matrices."""
    names, index, obs_years, origin = market._layout(panel)
    s, n = len(names), len(years)
    h = np.tile(years - origin, s)
    block = np.kron(np.eye(s), np.ones((n, n)))
    cov = brute_covariance(panel, years)
    cov = cov + block * (PRIORS.level_sd**2 + TRUE["growth_spread"] ** 2 * np.outer(h, h))
    mean = np.repeat(market._centre(panel), n) + TRUE["growth_mean"] * h
    at = index * n + np.searchsorted(years, obs_years)
    error = np.diag(market._error_sd(panel, PRIORS) ** 2)
    return mean, cov, at, error


def test_the_collapsed_likelihood_is_the_dense_normal(market_panel):
    years = np.arange(2022, 2026)
    mean, cov, at, error = dense_law(market_panel, years)
    log_value = np.log(market_panel.data["value"].values)
    wanted = multivariate_normal(mean[at], cov[np.ix_(at, at)] + error).logpdf(log_value)
    model = market.build(market_panel, PRIORS)
    logp = model.compile_fn(
        model.logp(vars=model.observed_RVs), inputs=model.value_vars, mode="FAST_COMPILE"
    )
    point = {
        "growth_mean": TRUE["growth_mean"],
        "growth_spread_log__": np.log(TRUE["growth_spread"]),
        "shock_sd_log__": np.log(TRUE["shock_sd"]),
        "drift_sd_log__": np.log(TRUE["drift_sd"]),
        "correlation_logodds__": logit(TRUE["correlation"]),
    }
    assert float(logp(point)) == pytest.approx(wanted, abs=1e-6)


def test_draws_have_the_dense_conditional_law(market_panel):
    """Mean and covariance of the future against conditioning the dense normal."""
    n, years = 40_000, np.arange(2022, 2029)
    mean, cov, at, error = dense_law(market_panel, years)
    log_value = np.log(market_panel.data["value"].values)
    gain = cov[:, at] @ np.linalg.inv(cov[np.ix_(at, at)] + error)
    wanted_mean = mean + gain @ (log_value - mean[at])
    wanted_cov = cov - gain @ cov[at]
    rng = np.random.default_rng(3)
    full = market.complete(parameters(n), market_panel, PRIORS, rng, given=True)
    draws = market.draw(full, market_panel, PRIORS, "2028", rng)
    names = list(np.unique(market_panel.data["series"].values))
    signal = np.log(draws["signal"].sel(series=names)).transpose(
        "chain", "draw", "series", "period"
    )
    flat = signal.values.reshape(n, -1)
    sd = np.sqrt(np.diag(wanted_cov))
    np.testing.assert_allclose((flat.mean(0) - wanted_mean) / sd, 0, atol=5 / np.sqrt(n))
    got = np.cov(flat.T) / np.outer(sd, sd)
    np.testing.assert_allclose(got, wanted_cov / np.outer(sd, sd), atol=6 / np.sqrt(n))


def test_reported_cells_are_the_reports(market_panel):
    rng = np.random.default_rng(0)
    full = market.complete(parameters(50), market_panel, PRIORS, rng, given=True)
    draws = market.draw(full, market_panel, PRIORS, "2027", rng)
    cell = draws["y"].sel(series="AI market/ai_revenue", period="2024")
    assert np.unique(cell.values).tolist() == pytest.approx([60.0])
    assert draws["observed"].sel(series="AI market/ai_revenue", period="2027").isnull()


def test_the_ratio_is_that_of_the_same_draw(market_panel):
    rng = np.random.default_rng(0)
    full = market.complete(parameters(50), market_panel, PRIORS, rng, given=True)
    draws = market.draw(full, market_panel, PRIORS, "2030", rng)
    top, bottom, ratio = (
        draws["y"].sel(series=f"AI market/{m}").reset_coords(drop=True)
        for m in ("datacenter_capex", "ai_revenue", "capex_to_revenue")
    )
    xr.testing.assert_allclose(top / bottom, ratio)
    assert str(draws["unit"].sel(series="AI market/capex_to_revenue").values) == "ratio"


def test_the_likelihood_kept_for_power_scaling(market_panel):
    """log p(y | level, growth, scales) of one draw against the dense normal given that draw."""
    rng = np.random.default_rng(1)
    full = market.complete(parameters(3), market_panel, PRIORS, rng, given=True)
    _, index, years, origin = market._layout(market_panel)
    grid = np.arange(2022, 2026)
    at = index * len(grid) + np.searchsorted(grid, years)
    cov = brute_covariance(market_panel, grid)[np.ix_(at, at)]
    cov = cov + np.diag(market._error_sd(market_panel, PRIORS) ** 2)
    for k in range(3):
        one = full.isel(chain=0, draw=k)
        mean = one["level"].values[index] + one["growth"].values[index] * (years - origin)
        wanted = multivariate_normal(mean, cov).logpdf(np.log(market_panel.data["value"].values))
        assert float(one[common.LIKELIHOOD]) == pytest.approx(wanted, abs=1e-6)


def test_ragged_panels_work(market_panel):
    """A series that ends a year early is forecast from its own last year."""
    data = market_panel.data
    keep = ~((data["series"] == "AI market/ai_revenue") & (data["year"] == 2025)).values
    ragged = select(market_panel, keep)
    rng = np.random.default_rng(0)
    full = market.complete(parameters(200), ragged, PRIORS, rng, given=True)
    draws = market.draw(full, ragged, PRIORS, "2027", rng)
    late = draws["y"].sel(series="AI market/ai_revenue", period="2025")
    assert late.std() > 1
    assert np.isfinite(draws["y"]).all()


@pytest.mark.parametrize("until", ["2024", "2090"])
def test_horizons_out_of_reach(market_panel, until):
    rng = np.random.default_rng(0)
    full = market.complete(parameters(2), market_panel, PRIORS, rng, given=True)
    with pytest.raises(DataError, match="wanted a year from 2025 to 2055"):
        market.draw(full, market_panel, PRIORS, until, rng)
