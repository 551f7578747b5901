"""Probabilities under a condition: from one joint set of draws, or refused in words."""

from __future__ import annotations

import dataclasses
import datetime as dt

import numpy as np
import pytest
import xarray as xr
from conftest import make_draws

from forecast.claims.events import Threshold
from forecast.claims.horizon import questions
from forecast.claims.judge import condition_draws, judge
from forecast.claims.probabilities import ENOUGH, conditional_probability, influence
from forecast.claims.read import read_claims
from forecast.claims.records import Claim, Definition
from forecast.claims.variations import variations
from forecast.claims.verdict import Verdicts
from forecast.core.errors import ClaimError
from forecast.evaluation.sensitivity import scaling_effect
from forecast.evaluation.track import question
from forecast.news.statistics import statistics_of

WINDOW = (dt.date(2026, 5, 6), dt.date(2027, 12, 31))
HIGH = Threshold("A/x", ">", 1.0, at="2027")
FIRST = Threshold("A/x", ">", 0.0, at="2026")
FILE = """
source = "s"
source_date = "2026-05-06"

[[claim]]
id = "c"
kind = "forecast"
words = "paraphrase"
text = "If x rises, it stays high."

[[claim.definition]]
id = "d"
model = "market"
event = { kind = "threshold", series = "AI market/ai_revenue", at = "2027", op = ">", value = 30 }
given = { kind = "threshold", series = "AI market/ai_revenue", at = "2026", op = ">", value = 20 }
window = ["2026-05-06", "2027-12-31"]
why = "Where it rises, it stays high."
"""


def draws(n=1000, seed=0, noise=0.5, **more):
    """x of 2027 is x of 2026 and noise, both about normal."""
    rng = np.random.default_rng(seed)
    paths = rng.standard_normal((4, n, 1, 4))
    paths[..., 3] = paths[..., 2] + noise * paths[..., 3]
    return make_draws(paths, **more)


def definition(**more):
    return Definition("d", "market", "why", HIGH, WINDOW, given=FIRST, **more)


def judged(one, given=None):
    claim = Claim("c", "forecast", "paraphrase", "", "t", "s", dt.date(2026, 5, 6), (one,))
    return judge([claim], given if given is not None else draws())[0]


def test_both_probabilities_and_the_difference_are_of_one_joint_set():
    given = draws()
    y = given["y"].sel(series="A/x")
    held, hit = y.sel(period="2026") > 0, y.sel(period="2027") > 1
    found = judged(definition(), given)
    assert found.status == "judged"
    assert found.probability == pytest.approx(float((held & hit).sum() / held.sum()))
    assert found.given.unconditional == pytest.approx(float(hit.mean()))
    assert found.given.probability == pytest.approx(float(held.mean()))
    assert found.given.difference == pytest.approx(found.probability - float(hit.mean()))
    assert found.draws == int(held.sum())
    assert "under the condition" in found.text
    assert "Without it: 18 %, a difference of +18.6" in found.text


def test_the_errors_are_the_spread_over_many_sets_of_draws():
    rng = np.random.default_rng(3)
    found = []
    for _ in range(400):
        a = rng.random((4, 500)) < 0.4
        b = np.where(a, rng.random(a.shape) < 0.6, rng.random(a.shape) < 0.1)
        pair = (xr.DataArray(one, dims=("chain", "draw")) for one in (b, a))
        found.append(conditional_probability(*pair))
    for value, error in (("probability", "mcse"), ("difference", "difference_mcse")):
        spread = np.std([getattr(one, value) for one in found])
        assert np.mean([getattr(one, error) for one in found]) == pytest.approx(spread, rel=0.12)


def test_the_influence_gives_the_derivative_of_a_conditional_probability():
    """Draws weighted by exp(e g) move P(B | A) by e times the covariance of g with the influence."""
    given = draws(seed=5)
    y = given["y"].sel(series="A/x")
    held, hit = y.sel(period="2026") > 0, y.sel(period="2027") > 1
    g = y.sel(period="2027").values
    step = 1e-5
    weights = np.exp(step * g)
    moved = (weights * (held & hit)).values.sum() / (weights * held).values.sum()
    slope = (moved - float((held & hit).sum() / held.sum())) / step
    assert scaling_effect(influence(hit, held), g)[0] == pytest.approx(np.log(2) * slope, rel=1e-3)


def test_too_few_draws_of_the_condition_give_no_number_and_say_how_many_there_are():
    rare = dataclasses.replace(definition(), given=Threshold("A/x", ">", 3.0, at="2026"))
    found = judged(rare)
    assert found.probability is None
    assert found.status == "not judged"
    assert f"of 4000 draws, and {ENOUGH:.0f} independent ones are wanted" in found.text
    assert found.given.unconditional > 0.1
    assert found.given.difference is None


def test_draws_that_stick_together_count_less():
    held = xr.DataArray(
        np.repeat(np.arange(40).reshape(4, 10) % 2 == 0, 100, axis=1), dims=("chain", "draw")
    )
    assert held.sum() == 2000
    assert conditional_probability(held, held) is None


def test_an_outline_of_a_few_draws_gives_no_number():
    assert judged(definition(), draws(n=1)).status == "not judged"


def test_a_condition_of_another_model_is_refused_in_words():
    found = judged(definition(given_model="earnings"))
    assert found.status == "not judged"
    assert found.probability is None
    assert "told by the earnings model and the event by the market model" in found.text
    assert found.given.unconditional == pytest.approx(0.19, abs=0.02)
    with pytest.raises(ClaimError, match="two fits"):
        condition_draws(definition(given_model="earnings"), draws())


def test_a_condition_on_a_series_that_the_model_has_not_says_what_to_do():
    strange = dataclasses.replace(definition(), given=Threshold("B/y", ">", 3.0, at="2026"))
    with pytest.raises(ClaimError, match=r"the condition: .*B/y.*given_model"):
        judged(strange)


def test_the_record_of_a_conditional_comes_back_as_it_was():
    claim = Claim("c", "forecast", "paraphrase", "", "t", "s", dt.date(2026, 5, 6), (definition(),))
    found = judge([claim], draws())
    (record,) = found.records()
    assert record["given"]["kind"] == "threshold"
    assert record["unconditional"] == found[0].given.unconditional
    assert {"difference", "difference_mcse", "given_probability"} <= set(record)
    assert Verdicts.from_records([record], 4000) == found


def test_a_plain_record_has_no_word_of_conditions():
    plain = dataclasses.replace(definition(), given=None)
    claim = Claim("c", "forecast", "paraphrase", "", "t", "s", dt.date(2026, 5, 6), (plain,))
    assert not {"given", "unconditional"} & set(judge([claim], draws()).records()[0])


def test_other_settings_keep_the_condition():
    claim = Claim("c", "forecast", "paraphrase", "", "t", "s", dt.date(2026, 5, 6), (definition(),))
    found = variations(claim, definition(thresholds=(0.5,)), draws(), {"generous": draws(seed=9)})
    own = judged(definition()).probability
    by_setting = {(v.what, v.setting): v.probability for v in found}
    assert by_setting["threshold", "1"] == own
    assert by_setting["threshold", "0.5"] > own
    assert by_setting["prior", "generous"] == pytest.approx(own, abs=0.05)
    assert by_setting["prior", "generous"] == judged(definition(), draws(seed=9)).probability


def test_a_condition_is_another_question_and_asks_for_draws_of_its_own_window():
    late = definition(given_window=(dt.date(2026, 5, 6), dt.date(2029, 12, 31)))
    claim = Claim("c", "forecast", "paraphrase", "", "t", "s", dt.date(2026, 5, 6), (late,))
    plain = dataclasses.replace(late, given=None)
    assert len({question(claim, one) for one in (plain, late, definition())}) == 3
    assert max(q.window[1] for q in questions([claim])) == dt.date(2029, 12, 31)
    assert not statistics_of([claim], "market", draws(), ())


def test_a_condition_is_read_from_a_file(tmp_path):
    path = tmp_path / "claims.toml"
    path.write_text(FILE)
    (claim,) = read_claims(path)
    (one,) = claim.definitions
    assert one.given == Threshold("AI market/ai_revenue", ">", 20, at="2026")
    assert one.given_window == one.window


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("value = 20 }", "value = nan }", "given"),
        ('at = "2026", op', 'at = "2029", op', "outside the window"),
        ("event = {", "given_model = 5\nevent = {", "given_model"),
        ("given = {", "given_window = [1, 2]\ngiven = {", "given_window"),
        ('op = ">", value = 20', 'op = ">", value = 30', "got one event"),
    ],
)
def test_a_condition_that_means_nothing_is_refused_with_its_place(tmp_path, old, new, said):
    text = FILE.replace(old, new)
    if said == "got one event":
        text = text.replace('at = "2026"', 'at = "2027"')
    path = tmp_path / "claims.toml"
    path.write_text(text)
    with pytest.raises(ClaimError, match=said):
        read_claims(path)


def test_a_window_or_a_model_of_a_condition_that_is_not_there_is_refused(tmp_path):
    path = tmp_path / "claims.toml"
    lines = [line for line in FILE.splitlines() if not line.startswith("given")]
    path.write_text("\n".join([*lines, 'given_model = "earnings"']))
    with pytest.raises(ClaimError, match="given_model without given"):
        read_claims(path)
