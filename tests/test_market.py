"""The collapsed market model against its slow definition."""

import dataclasses
import datetime as dt

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from scipy.special import logit
from scipy.stats import multivariate_normal

from forecast.claims.audit import read_references
from forecast.claims.events import FirstPassage
from forecast.claims.judge import judge
from forecast.claims.records import Claim, Definition
from forecast.core.errors import DataError
from forecast.core.words import TOLD_UNTIL
from forecast.inference.fitting import fit
from forecast.models import common
from forecast.models.base import Scene, select
from forecast.models.market import baseline as market_baseline
from forecast.models.market import model as market
from forecast.models.market.figures import FIGURES, UNKNOWN
from forecast.tables.shipped import read_vintages

PRIORS = market.Priors()
DAY = dt.date(2026, 5, 6)
TRUE = {
    "growth_mean": 0.2,
    "growth_spread": 0.08,
    "shock_sd": 0.1,
    "drift_sd": 0.06,
    "correlation": 0.4,
    "definition_sd": 0.25,
}
DELL_ORO = "AI market (Dell'Oro Group)/datacenter_capex"


def parameters(n):
    return xr.Dataset(
        {k: (("chain", "draw"), np.full((1, n), v)) for k, v in TRUE.items()},
        coords={"chain": [0], "draw": np.arange(n)},
    )


def quantities(names):
    """What each series measures, and the share of the error of definition it has, by its name alone."""
    of = [
        name.replace(" (Dell'Oro Group)", "").replace(" (Stanford AI Index)", "") for name in names
    ]
    return of, [float(name != other) for name, other in zip(names, of, strict=True)]


def brute_covariance(panel, years, own_error=0.0):
    """Covariance of the deviations of all series by simulating the equations literally."""
    at = market._layout(panel)
    names, origin = list(at.names), at.origin

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
    of, published = quantities(names)
    rho = np.array([[1.0 if a == b else TRUE["correlation"] for a in of] for b in of])
    share = np.diag([TRUE["definition_sd"] * (p + (1 - p) * own_error) for p in published])
    covers = sum(np.outer(c, c) for c in shock_columns)
    return np.kron(rho, within) + np.kron(share**2, covers)


def test_shock_maps_follow_the_equations(market_panel):
    years = np.arange(2022, 2031)
    walk, drift = market.shock_maps(years, 2025)
    within = TRUE["shock_sd"] ** 2 * walk @ walk.T + TRUE["drift_sd"] ** 2 * drift @ drift.T
    first = list(market._layout(market_panel).names).index("AI market/ai_investment") * len(years)
    brute = brute_covariance(market_panel, years)[first:, first:]
    np.testing.assert_allclose(within, brute[: len(years), : len(years)], atol=1e-12)


def dense_law(panel, years, own_error=0.0):
    """Mean and covariance of log y and of all paths, given the six scalars, as dense matrices."""
    layout = market._layout(panel)
    of, _ = quantities(list(layout.names))
    s, n = len(layout.names), len(years)
    h = np.tile(years - layout.origin, s)
    levels = np.kron(np.eye(s), np.ones((n, n)))
    same = np.kron([[float(a == b) for a in of] for b in of], np.ones((n, n)))
    cov = brute_covariance(panel, years, own_error) + levels * PRIORS.level_sd**2
    cov = cov + same * TRUE["growth_spread"] ** 2 * np.outer(h, h)
    mean = np.repeat(market._centre(panel), n) + TRUE["growth_mean"] * h
    at = layout.index * n + np.searchsorted(years, layout.years)
    error = np.diag(market._error_sd(panel, PRIORS) ** 2)
    return mean, cov, at, error


@pytest.mark.parametrize("own_error", [0.0, 1.0])
def test_the_collapsed_likelihood_is_the_dense_normal(market_panel, own_error):
    years = np.arange(2022, 2026)
    mean, cov, at, error = dense_law(market_panel, years, own_error)
    log_value = np.log(market_panel.data["value"].values)
    wanted = multivariate_normal(mean[at], cov[np.ix_(at, at)] + error).logpdf(log_value)
    model = market.build(market_panel, dataclasses.replace(PRIORS, own_error=own_error))
    logp = model.compile_fn(
        model.logp(vars=model.observed_RVs), inputs=model.value_vars, mode="FAST_COMPILE"
    )
    point = {
        "growth_mean": TRUE["growth_mean"],
        "growth_spread_log__": np.log(TRUE["growth_spread"]),
        "shock_sd_log__": np.log(TRUE["shock_sd"]),
        "drift_sd_log__": np.log(TRUE["drift_sd"]),
        "correlation_logodds__": logit(TRUE["correlation"]),
        "definition_sd_log__": np.log(TRUE["definition_sd"]),
    }
    assert float(logp(point)) == pytest.approx(wanted, abs=1e-6)


def test_draws_have_the_dense_conditional_law(market_panel):
    """Mean and covariance of the future against conditioning the dense normal."""
    n, years = 20_000, np.arange(2022, 2029)
    mean, cov, at, error = dense_law(market_panel, years)
    log_value = np.log(market_panel.data["value"].values)
    gain = cov[:, at] @ np.linalg.inv(cov[np.ix_(at, at)] + error)
    wanted_mean = mean + gain @ (log_value - mean[at])
    wanted_cov = cov - gain @ cov[at]
    rng = np.random.default_rng(3)
    full = market.complete(parameters(n), market_panel, PRIORS, rng, given=True)
    draws = market.draw(full, market_panel, PRIORS, "2028", rng)
    names = list(market._layout(market_panel).names)
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
    layout = market._layout(market_panel)
    grid = np.arange(2022, 2026)
    at = layout.index * len(grid) + np.searchsorted(grid, layout.years)
    of, _ = quantities(list(layout.names))
    cov = brute_covariance(market_panel, grid)[np.ix_(at, at)]
    cov = cov + np.diag(market._error_sd(market_panel, PRIORS) ** 2)
    for k in range(3):
        one = full.isel(chain=0, draw=k)
        growth = one["growth"].sel(quantity=[of[k] for k in layout.index]).values
        mean = one["level"].values[layout.index] + growth * (layout.years - layout.origin)
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


def test_what_publishers_print_is_that_of_the_references():
    """One figure stands in two tables: under what it measures, and as the audit's outside number."""
    table = read_vintages()
    printed = table[table["entity"].str.startswith("AI market (")]
    outside = read_references()
    outside = outside[(outside["entity"] == "AI market") & (outside["metric"] != "ai_revenue")]
    cells = ["metric", "period", "value", "reported_on", "source", "qualifier"]
    kept = [t[cells].sort_values(cells).reset_index(drop=True) for t in (printed, outside)]
    pd.testing.assert_frame_equal(*kept)


def test_a_published_series_moves_the_articles_only_by_what_they_share(market_panel):
    """A publisher's other scale is nothing to the article's series; its growth is, the more the less
    definitions err."""
    data, n = market_panel.data, 4000
    mine = (data["series"] == DELL_ORO).values
    factor = np.where(mine, 3.0, 1.0)
    faster = np.where(mine & (data["year"].values == 2025), 1.5, 1.0)

    def median(scale, definition):
        panel = dataclasses.replace(market_panel, data=data.assign(value=data["value"] * scale))
        given = parameters(n).assign(definition_sd=parameters(n)["definition_sd"] * 0 + definition)
        full = market.complete(given, panel, PRIORS, np.random.default_rng(1), given=True)
        draws = market.draw(full, panel, PRIORS, "2028", np.random.default_rng(2))
        one = draws["signal"].sel(series="AI market/datacenter_capex", period="2028")
        return float(np.log(one).median())

    as_it_is = median(1.0, 0.25)
    assert median(factor, 0.25) == pytest.approx(as_it_is, abs=0.02)
    moved = [median(faster, d) - median(1.0, d) for d in (0.02, 0.25, 2.0)]
    assert moved[0] > moved[1] > moved[2]
    assert moved[2] == pytest.approx(0.0, abs=0.02)


def test_a_turning_point_takes_spending_down_and_leaves_the_past(market_panel):
    rng = np.random.default_rng(0)
    full = market.complete(parameters(4000), market_panel, PRIORS, rng, given=True)
    plain, turned = (
        market.draw(full, market_panel, priors, "2030", np.random.default_rng(1))["signal"]
        for priors in (PRIORS, dataclasses.replace(PRIORS, turn=1.0))
    )
    for name, fall in (("datacenter_capex", 0.48), ("ai_revenue", 0.09)):
        change = np.log(turned / plain).sel(series=f"AI market/{name}").median(("chain", "draw"))
        wanted = [0.0] * 4 + [-fall, -2 * fall, -3 * fall, -3 * fall, -3 * fall]
        np.testing.assert_allclose(change.values, wanted, atol=1e-9)


def test_the_horizon_ends_where_the_prior_says_as_much(market_panel):
    """Told as far as drawn where data narrow the band; of a band as wide as the prior's, to the last."""
    rng = np.random.default_rng(0)
    full = market.complete(parameters(600), market_panel, PRIORS, rng, given=True)
    draws = market.draw(full, market_panel, PRIORS, "2028", rng)
    assert set(draws[TOLD_UNTIL].values) == {"2028-12-31"}
    vague = full.assign(growth=full["growth"] + 4 * rng.standard_normal(full["growth"].shape))
    cut = market.draw(vague, market_panel, PRIORS, "2030", rng)[TOLD_UNTIL]
    assert set(cut.values) == {"2025-12-31"}


def test_the_memo_says_first_what_cannot_be_known(market_panel, known):
    rng = np.random.default_rng(0)
    full = market.complete(parameters(600), market_panel, PRIORS, rng, given=True)
    draws = market.draw(full, market_panel, PRIORS, "2030", rng)
    draws = draws.assign_attrs(model="market", as_of="2026-05-06")
    baseline = market_baseline.drift_walk(market_panel, until="2030", seed=1, draws=50)
    scene = Scene(market_panel, full, draws, baseline, "2026-05-06", known)
    drawn = FIGURES[0].draw(scene)
    assert drawn.caption.startswith(UNKNOWN)
    assert "Dell'Oro Group's data-centre capex 5.5, Stanford AI Index's" in drawn.caption
    assert FIGURES[1].draw(scene).caption.startswith("What cannot be known here")


@pytest.mark.slow
def test_a_known_market_is_recovered(market_panel):
    """Made-up series of seven years with a publisher's beside two of them."""
    names = np.unique(market_panel.data["series"].values)
    years = np.arange(2019, 2026)
    n = len(names) * len(years)
    data = xr.Dataset(
        {
            "value": ("obs", np.ones(n)),
            "rounding_sd": ("obs", np.full(n, 0.005)),
            "estimate": ("obs", np.zeros(n)),
        },
        coords={
            "series": ("obs", np.repeat(names, len(years))),
            "year": ("obs", np.tile(years, 5)),
        },
    )
    panel = dataclasses.replace(market_panel, data=data)
    rng = np.random.default_rng(2)
    truth = market.complete(parameters(1), panel, PRIORS, rng, given=False)
    values = market.replicate(truth, panel, PRIORS, rng)["log_value"][0]
    made = dataclasses.replace(panel, data=data.assign(value=("obs", np.exp(values))))
    run = fit("market", made, seed=1, draws=500, tune=600, progress=False)
    assert run.gate.passed, [str(c) for c in run.gate.failures]
    for name, true in TRUE.items():
        low, high = run.posterior[name].quantile([0.005, 0.995]).values
        assert low < true < high, name
    assert np.log(run.posterior["definition_sd"]).std() < 0.3  # the prior's is 0.6


def test_nothing_is_judged_further_ahead_than_it_is_told(market_panel):
    rng = np.random.default_rng(0)
    full = market.complete(parameters(600), market_panel, PRIORS, rng, given=True)
    draws = market.draw(full, market_panel, PRIORS, "2030", rng)
    draws = draws.assign_attrs(model="market", as_of="2026-05-06")
    draws[TOLD_UNTIL].loc[{"series": "AI market/ai_revenue"}] = "2027-12-31"
    ratio = {"series": "AI market/datacenter_capex", "over": "AI market/ai_revenue", "op": "<"}
    by = {"2027": "judged", "2028": "not judged"}
    definitions = tuple(
        Definition(
            year,
            "market",
            "why",
            FirstPassage(**ratio, value=1.3),
            (DAY, dt.date(int(year), 12, 31)),
        )
        for year in by
    )
    claim = Claim("c", "forecast", "verbatim", "q", "t", "s", DAY, definitions)
    found = judge([claim], draws)
    assert {v.definition: v.status for v in found} == by
    assert "is told until 2027-12-31: further ahead the data hardly narrow" in found[1].text
    assert "that is 2028" in found[1].text


def test_the_naive_rule_keeps_publishers_swings_to_them(market_panel):
    """The article's own series are drawn as if no publisher's stood beside them."""
    alone = select(
        market_panel,
        ~np.char.startswith(market_panel.data["series"].values.astype(str), "AI market ("),
    )
    wide, narrow = (
        market_baseline.drift_walk(p, until="2028", seed=1, draws=4000)["y"].sel(
            series="AI market/datacenter_capex", period="2028"
        )
        for p in (market_panel, alone)
    )
    assert np.log(wide).std() == pytest.approx(float(np.log(narrow).std()), rel=0.1)
