"""A scenario keeps the draws in which it holds, says how many those are, and refuses too few."""

import dataclasses
import datetime as dt

import numpy as np
import pytest
from conftest import make_draws
from scipy.stats import norm

from forecast.claims.events import SlopeBetween, Threshold
from forecast.claims.probabilities import ENOUGH, effective
from forecast.claims.records import Claim, Definition
from forecast.claims.scenarios import (
    Condition,
    Scenario,
    condition,
    conditional,
    read_scenarios,
)
from forecast.core.errors import ClaimError
from forecast.inference import predict
from forecast.inference.fitting import fit
from forecast.inference.predict import forecast

WINDOW = (dt.date(2025, 6, 30), dt.date(2027, 12, 31))


def scenario(value, series="A/x"):
    event = Threshold(series, ">", value, at="2027")
    return Scenario("s", "A is high.", "why", "market", (Condition(event, WINDOW),))


@pytest.fixture
def draws():
    rng = np.random.default_rng(1)
    return make_draws(np.exp(rng.standard_normal((4, 500, 2, 4))), names=["A/x", "B/x"])


def claims(series="A/x", value=2.0):
    event = Threshold(series, ">", value, at="2027")
    mine = Definition("d", "market", "why", event, WINDOW)
    other = Definition("o", "earnings", "why", event, WINDOW)
    return [Claim("c", "forecast", "verbatim", "q", "t", "s", dt.date(2026, 5, 6), (mine, other))]


def test_the_answer_is_the_share_of_the_draws_left(draws):
    found = conditional(scenario(1.0), claims(), None, draws)
    a = draws["y"].sel(series="A/x", period="2027").values
    assert found.share == pytest.approx((a > 1).mean())
    assert found.verdicts.of("c").probability == pytest.approx((a > 2).sum() / (a > 1).sum())
    assert len(found.verdicts) == 1  # a reading of another model has no joint draws with it
    assert found.left == pytest.approx((a > 1).sum(), rel=0.15)
    assert found.grade == "plausible"
    independent = conditional(scenario(1.0), claims("B/x"), None, draws).verdicts.of("c")
    b = draws["y"].sel(series="B/x", period="2027").values
    assert independent.probability == pytest.approx((b > 2).mean(), abs=0.04)


def independent_paths(seen):
    def drawn(run, *, until, seed):
        seen.append((until, seed))
        paths = np.exp(np.random.default_rng(seed).standard_normal((4, 500, 2, 4)))
        return make_draws(paths, names=["A/x", "B/x"])

    return drawn


def test_too_few_draws_are_refused(draws, monkeypatch):
    seen = []
    monkeypatch.setattr(predict, "forecast", independent_paths(seen))
    found = conditional(scenario(12.0), claims(), None, draws, seed=10)
    assert seen == [("2027", 10 + k) for k in range(1, 8)]  # eight times the draws, no more
    assert found.verdicts is None
    assert found.left < ENOUGH
    assert "wanted 200: ask less of it" in found.refused
    assert found.grade == "far out"


def test_more_paths_are_drawn_until_there_are_enough(draws, monkeypatch):
    seen = []
    monkeypatch.setattr(predict, "forecast", independent_paths(seen))
    found = conditional(scenario(4.0), claims(value=5.0), None, draws, seed=10)
    assert 1 <= len(seen) < 7
    assert found.left >= ENOUGH
    assert found.share == pytest.approx(norm.sf(np.log(4)), abs=0.01)
    given = norm.sf(np.log(5)) / norm.sf(np.log(4))
    assert found.verdicts.of("c").probability == pytest.approx(given, abs=0.08)


def test_the_same_paths_again_are_no_more_draws(draws, monkeypatch):
    monkeypatch.setattr(predict, "forecast", lambda run, until, seed: draws)
    one = effective((draws["y"].sel(series="A/x", period="2027") > 4).values)
    found = conditional(scenario(4.0), claims(), None, draws)
    assert found.left < 1.3 * one


def test_neighbours_that_say_the_same_count_once():
    rng = np.random.default_rng(2)
    held = rng.random((4, 1000)) < 0.3
    sticky = np.repeat(held[:, ::10], 10, axis=1)
    assert effective(sticky) < 0.3 * effective(held)
    assert effective(np.ones((2, 10), bool)) == 20
    assert effective(np.zeros((2, 10), bool)) == 0


def test_conditions_are_of_one_model_and_all_hold(draws):
    both = dataclasses.replace(
        scenario(1.0), conditions=(*scenario(1.0).conditions, *scenario(1.0, "B/x").conditions)
    )
    one, two = (condition(scenario(1.0, s), draws) for s in ("A/x", "B/x"))
    assert (condition(both, draws) == (one & two)).all()
    with pytest.raises(ClaimError, match="about the market model; got draws of earnings"):
        condition(scenario(1.0), draws.assign_attrs(model="earnings"))
    with pytest.raises(ClaimError, match="scenario 's': the market draws have no series C/x"):
        condition(scenario(1.0, "C/x"), draws)


def test_a_fixed_parameter_makes_the_draws_anew(market_panel, instant_sampler):
    run = fit("market", market_panel, seed=1, draws=200, tune=10, progress=False)
    draws = forecast(run, until="2028", seed=2)
    growing = dataclasses.replace(scenario(1.0), conditions=(), fixed={"shock_sd": 2.0})
    flat = SlopeBetween("AI market/datacenter_capex", -3, 3, over="AI market/ai_revenue")
    window = (dt.date(2026, 5, 6), dt.date(2028, 12, 31))
    asked = [dataclasses.replace(claims()[0], definitions=(
        Definition("flat", "market", "why", flat, window),
    ))]  # fmt: skip
    found = conditional(growing, asked, run, draws, seed=3)
    still = conditional(dataclasses.replace(growing, fixed={"shock_sd": 0.001, "drift_sd": 0.001}),
                        asked, run, draws, seed=3)  # fmt: skip
    ratio = [f.verdicts.of("c", "flat").probability for f in (found, still)]
    assert ratio[0] < ratio[1]
    assert found.share < 0.05  # far out in the posterior
    with pytest.raises(ClaimError, match="no parameter nothing; there are level"):
        conditional(dataclasses.replace(growing, fixed={"nothing": 1.0}), (), run, draws)


def test_a_parameter_that_cannot_have_its_value_is_told(training_cost_panel, instant_sampler):
    run = fit("training_cost", training_cost_panel, seed=1, draws=5, tune=5, progress=False)
    draws = make_draws(np.ones((4, 5, 1, 4)), model="training_cost")
    light = Scenario(
        "s", "Tails of minus one degree.", "why", "training_cost", fixed={"tail": -1.0}
    )
    with pytest.raises(ClaimError, match="scenario 's': the training_cost model cannot be drawn with "
                                         "tail = -1: df <= 0"):  # fmt: skip
        conditional(light, (), run, draws)


def test_the_shipped_scenarios_name_their_sources():
    found = read_scenarios()
    assert {s.id for s in found} >= {"guidance_met", "funding_stop", "efficiency_shock"}
    assert all(s.source and s.why for s in found)
    stop = next(s for s in found if s.id == "funding_stop")
    assert stop.conditions[0].event.series == ("ORCL/capex", "CRWV/capex")


ENTRY = '[[scenario]]\nid = "a"\ntext = "t"\nwhy = "w"\nmodel = "market"\n'
EVENT = 'event = { kind = "threshold", series = "A/x", op = ">", value = 1 }\n'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (ENTRY, "wanted either"),
        (ENTRY.replace("market", "weather"), "got model 'weather', wanted one of market"),
        (ENTRY + "colour = 1\n", "unknown colour"),
        (ENTRY + "[[scenario.condition]]\n" + EVENT,
         "condition 1: missing window; it takes event, window"),
        (ENTRY + '[[scenario.condition]]\nwindow = ["2027-01-01", "2026-01-01"]\n' + EVENT,
         "before it starts"),
        (2 * (ENTRY + "[scenario.fixed]\ngrowth_mean = 1\n"), "more than one scenario is called a"),
        ("[[claim]]\n", "at the top of the file: unknown claim; it takes scenario, sums"),
        (ENTRY + "[scenario.fixed]\nweather = 1\n", "no parameter weather; there are level"),
    ],
)  # fmt: skip
def test_a_bad_file_says_where_and_what(tmp_path, text, message):
    (tmp_path / "s.toml").write_text(text)
    with pytest.raises(ClaimError, match=message):
        read_scenarios(tmp_path / "s.toml")
