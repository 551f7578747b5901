"""Gains of the benchmark model against finite differences of its own curve."""

import numpy as np
import xarray as xr
from scipy.special import expit, logit

from forecast.models import benchmark

PRIORS = benchmark.Priors()


def parameters(panel, n=3):
    rng = np.random.default_rng(0)
    releases = panel.data["release"].values
    scalars = {"base": 1.5, "slope": 1.0, "bend": -0.1, "progress": 0.5, "ceiling": 0.94,
               "release_spread": 0.3, "protocol_sd": 0.03}  # fmt: skip
    data = {k: (("chain", "draw"), np.full((1, n), v)) for k, v in scalars.items()}
    for k in ("log_cost", "release_effect"):
        data[k] = (("chain", "draw", "release"), 0.3 * rng.standard_normal((1, n, len(releases))))
    return xr.Dataset(data, coords={"chain": [0], "draw": np.arange(n), "release": releases})


def test_gains_are_differences_of_the_curve(benchmark_panel):
    p = parameters(benchmark_panel)
    draws = benchmark.draw(p, benchmark_panel, PRIORS, "2026", np.random.default_rng(0))
    years = benchmark_panel.data["year"].values - 2023
    for k, release in enumerate(benchmark_panel.data["release"].values):
        one = p.isel(chain=0, draw=1)

        def score(x, one=one, k=k):
            eta = 1.5 + 1.0 * x - 0.1 * x**2 + 0.5 * years[k] + float(one["release_effect"][k])
            return 25 + (94 - 25) * expit(eta)

        x = float(one["log_cost"][k])
        here, more = score(x), score(x + 1)
        at = draws["signal"].isel(chain=0, draw=1, period=0)
        np.testing.assert_allclose(at.sel(series=f"{release}/score"), here)
        np.testing.assert_allclose(at.sel(series=f"{release}/gain_points"), more - here)
        cut = 100 * (more - here) / (100 - here)
        np.testing.assert_allclose(at.sel(series=f"{release}/error_cut"), cut)
        odds = logit((more - 25) / 69) - logit((here - 25) / 69)
        np.testing.assert_allclose(at.sel(series=f"{release}/gain_logits"), odds)


def test_without_bend_log_odds_gain_the_same_everywhere_and_points_do_not(benchmark_panel):
    p = parameters(benchmark_panel)
    p["bend"] = p["bend"] * 0
    draws = benchmark.draw(p, benchmark_panel, PRIORS, "2026", np.random.default_rng(0))
    signal = draws["signal"].isel(period=0)
    logits = signal.isel(series=(draws["metric"] == "gain_logits").values)
    np.testing.assert_allclose(logits, 1.0)
    early, late = (signal.sel(series=f"{r}/gain_points") for r in ("GPT-3", "GPT-4o"))
    assert (late < early).all()


def test_only_scores_carry_observation_noise(benchmark_panel):
    draws = benchmark.draw(
        parameters(benchmark_panel), benchmark_panel, PRIORS, "2026", np.random.default_rng(0)
    )
    same = (draws["y"] == draws["signal"]).all(("chain", "draw", "period"))
    assert (same.values == (draws["metric"] != "score").values).all()
    assert draws["observed"].sel(series="GPT-4/score").item() == 86.4


def test_the_curve_stays_between_chance_and_ceiling(benchmark_panel):
    draws = benchmark.draw(
        parameters(benchmark_panel), benchmark_panel, PRIORS, "2026", np.random.default_rng(0)
    )
    assert draws["curve"].min() >= 25
    assert draws["curve"].max() <= 94
