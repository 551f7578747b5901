"""The naive forecasts are proper predictive distributions."""

import numpy as np
import pytest
from scipy import stats

from forecast.core.errors import DataError
from forecast.models.base import select
from forecast.models.earnings.baseline import RULES, _damped_fit, quarterly
from forecast.models.market.baseline import drift_walk


def test_one_step_ahead_is_students_t(market_panel):
    draws = drift_walk(market_panel, until="2026", seed=1, draws=20_000)
    data = market_panel.data
    groups = {
        s: np.log(data["value"].values[(data["series"] == s).values])
        for s in np.unique(data["series"].values)
    }
    changes = {s: np.diff(v) for s, v in groups.items()}
    for s, c in changes.items():
        # The article's own series share a spread, and publishers' another.
        alike = [d for other, d in changes.items() if ("(" in other) == ("(" in s)]
        freedom = sum(len(d) - 1 for d in alike)
        sigma = np.sqrt(sum(((d - d.mean()) ** 2).sum() for d in alike) / freedom)
        law = stats.t(freedom, groups[s][-1] + c.mean(), sigma * np.sqrt(1 + 1 / len(c)))
        drawn = np.log(draws["y"].sel(series=s, period="2026").values.ravel())
        assert stats.kstest(drawn, law.cdf).pvalue > 1e-3


def test_drift_uncertainty_grows_with_the_horizon(market_panel):
    y = np.log(drift_walk(market_panel, until="2030", seed=1)["y"])
    sd = y.sel(series="AI market/ai_revenue").std(("chain", "draw")).sel(period=["2026", "2030"])
    # variance h + h^2 / n with n = 3: 1.33 at one step, 13.3 at five
    assert sd[1] / sd[0] == pytest.approx(np.sqrt(13.33 / 1.333), rel=0.15)


def test_history_is_kept_and_the_seed_decides(market_panel):
    one, two, three = (drift_walk(market_panel, until="2028", seed=s) for s in (1, 1, 2))
    assert one.equals(two)
    assert not one.equals(three)
    assert np.unique(one["y"].sel(series="AI market/ai_revenue", period="2022")) == pytest.approx(
        30
    )


def test_too_few_years(market_panel):
    short = select(market_panel, market_panel.data["year"].values > 2023)
    with pytest.raises(DataError, match="three years in a row"):
        drift_walk(short, until="2028", seed=1)


def known_logs(panel, series):
    data = panel.data
    return np.log(data["value"].values[(data["series"] == series).values])


def law(rule, y, h):
    """Predictive law h steps ahead in closed form."""
    if rule == "drift":
        d = np.diff(y)
        scale = d.std(ddof=1) * np.sqrt(h + h**2 / len(d))
        return stats.t(len(d) - 1, y[-1] + h * d.mean(), scale)
    if rule == "seasonal":
        d, k = y[4:] - y[:-4], -(-h // 4)
        scale = d.std(ddof=1) * np.sqrt(k + k**2 / len(d))
        return stats.t(len(d) - 1, y[-1 + h - 4 * k] + k * d.mean(), scale)
    if rule == "last_growth":
        o = np.arange(4, len(y) - h)
        error = y[o + h] - y[o] - h * (y[o] - y[o - 4]) / 4
        return stats.norm(y[-1] + h * (y[-1] - y[-5]) / 4, np.sqrt((error**2).mean()))
    sd, alpha, beta, phi, level, slope = _damped_fit(y)
    weight = [alpha + beta * sum(phi**j for j in range(1, k + 1)) for k in range(1, h)]
    mean = level + slope * sum(phi**j for j in range(1, h + 1))
    return stats.norm(mean, sd * np.sqrt(1 + sum(w * w for w in weight)))


@pytest.mark.parametrize("rule", sorted(RULES))
def test_quarterly_rules_have_their_laws(rule, earnings_panel):
    series = "AMZN/revenue"
    data = earnings_panel.data
    panel = select(earnings_panel, (data["series"] == series).values)
    draws = quarterly(panel, rule=rule, until="2027Q4", seed=1, draws=5000)
    y = known_logs(panel, series)
    for h, quarter in ((1, "2026Q2"), (3, "2026Q4"), (7, "2027Q4")):
        drawn = np.log(draws["y"].sel(series=series, period=quarter).values.ravel())
        assert stats.kstest(drawn, law(rule, y, h).cdf).pvalue > 1e-3, (h, quarter)


@pytest.mark.parametrize("rule", sorted(RULES))
def test_quarterly_draws_are_like_a_models(rule, earnings_panel):
    draws = quarterly(earnings_panel, rule=rule, until="2027Q2", seed=1, draws=50)
    future = draws["y"].sel(period="2027Q2").reset_coords(drop=True)
    assert np.isfinite(future).all()
    four = [f"{e}/capex" for e in ("MSFT", "GOOGL", "AMZN", "META")]
    np.testing.assert_allclose(future.sel(series=four).sum("series"),
                               future.sel(series="big_four/capex"))  # fmt: skip
    assert {"big_five/capex_to_revenue", "MSFT/capex_to_revenue"} <= set(draws["series"].values)
    assert draws["y"].sel(series="MSFT/capex", period="2019Q1").values == pytest.approx(2.565)
    assert draws["y"].sel(series="CRWV/capex", period="2022Q1").isnull().all()
    again = quarterly(earnings_panel, rule=rule, until="2027Q2", seed=1, draws=50)
    assert draws.equals(again)


def test_what_quarterly_rules_cannot_draw(earnings_panel):
    with pytest.raises(DataError, match="there are drift, seasonal, last_growth, damped"):
        quarterly(earnings_panel, rule="tea", until="2027Q2", seed=1)
    with pytest.raises(DataError, match="the panel ends in 2026Q1"):
        quarterly(earnings_panel, until="2025Q4", seed=1)
    late = select(earnings_panel, earnings_panel.data["quarter"].values >= "2025Q1")
    with pytest.raises(DataError, match="every series is shorter"):
        quarterly(late, until="2027Q2", seed=1)
