"""The random walk with drift is a proper predictive distribution."""

import numpy as np
import pytest
from scipy import stats

from forecast.models.naive import drift_walk
from forecast.panels import select
from forecast.schema import DataError


def test_one_step_ahead_is_students_t(market_panel):
    draws = drift_walk(market_panel, until="2026", seed=1, draws=20_000)
    data = market_panel.data
    groups = {
        s: np.log(data["value"].values[(data["series"] == s).values])
        for s in np.unique(data["series"].values)
    }
    changes = {s: np.diff(v) for s, v in groups.items()}
    freedom = sum(len(c) - 1 for c in changes.values())
    sigma = np.sqrt(sum(((c - c.mean()) ** 2).sum() for c in changes.values()) / freedom)
    for s, c in changes.items():
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
