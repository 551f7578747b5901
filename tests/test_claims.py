"""Every definition comes back as one verdict; nothing of the article is dropped."""

import dataclasses
import datetime as dt
import re

import numpy as np
import pytest
import xarray as xr
from conftest import event_of, make_draws

from forecast.claims.events import Threshold
from forecast.claims.judge import judge
from forecast.claims.pool import pool
from forecast.claims.probabilities import probability
from forecast.claims.read import read_claims
from forecast.claims.records import BaseRate, Claim, Definition, Pool
from forecast.claims.verdict import Verdict, Verdicts, range_text, window_text, word
from forecast.core.errors import ClaimError
from forecast.core.text import percent

WINDOW = (dt.date(2025, 6, 30), dt.date(2027, 12, 31))


def claim(event, *, kind="forecast", **more):
    definition = Definition(
        "d", more.pop("model", "market"), "why", event_of(event), WINDOW, **more
    )
    return Claim("c", kind, "verbatim", "q", "t", "s", dt.date(2026, 5, 6), (definition,))


def market_draws(n=1000):
    rng = np.random.default_rng(0)
    paths = np.exp(rng.standard_normal((4, n, 3, 9)) * 0.1 + 4)
    names = ("AI market/ai_investment", "AI market/datacenter_capex", "AI market/ai_revenue")
    return make_draws(paths, names=names, periods=[str(y) for y in range(2022, 2031)])


def test_every_definition_gets_one_verdict_with_a_number_or_a_reason():
    claims = read_claims()
    verdicts = judge(claims, market_draws(), failed={"benchmark": "R-hat 1.2"})
    assert [(v.claim, v.definition) for v in verdicts] == [
        (c.id, d.id) for c in claims for d in c.definitions
    ]
    for v in verdicts:
        assert (v.probability is not None) == (v.status == "judged")
        assert v.text
    status = {(v.claim, v.definition): v.status for v in verdicts}
    assert status["value_correction", "article_ratio_below_1.3"] == "judged"
    assert status["value_correction", "big_five_capex_down_10"] == "model not run"
    assert status["value_correction", "sector_price_down_20"] == "model not run"
    assert status["diminishing_returns", "fewer_points"] == "gate failed"
    assert status["microsoft_control", "control_by_2026"] == "judgement"


def test_a_range_over_priors_is_in_the_record_and_the_table():
    found = judge([claim(Threshold("AI market/ai_revenue", ">", 50.0, at="2027"))], market_draws())
    assert (found[0].low, found[0].high, range_text(found[0])) == (None, None, "–")
    told = found.with_ranges({("c", "d"): (0.2, 0.9), ("c", "e"): (0.0, 0.0)})
    assert [(row["low"], row["high"]) for row in told.records()] == [(0.2, 0.9)]
    assert range_text(told[0]) == "20 % to 90 %"
    assert Verdicts.from_records(told.records(), 4000) == told
    assert list(told.frame()[["low", "high"]].iloc[0]) == [0.2, 0.9]


def test_a_judgement_states_its_base_rate():
    text = judge(read_claims(), []).of("microsoft_control").text
    assert "base rate 4 %" in text
    assert "no such change since" in text


def test_the_script_interface_has_exactly_its_keys():
    rows = judge(read_claims(), market_draws()).records()
    wanted = {"claim", "definition", "kind", "polarity", "model", "probability", "mcse", "low", "high",
              "window_start", "window_end", "status", "text"}  # fmt: skip
    assert all(set(row) == wanted for row in rows)
    back = Verdicts.from_records(rows, 4000)
    assert back.records() == rows
    assert {v.draws for v in back if v.probability is not None} == {4000}
    assert {v.draws for v in back if v.probability is None} == {0}
    polarity = {(row["claim"], row["definition"]): row["polarity"] for row in rows}
    assert polarity["value_correction", "crash"] == "opposite"
    assert polarity["value_correction", "correction_not_crash"] == "same"


def test_a_window_is_told_as_two_days_or_one():
    verdicts = judge(read_claims(), [])
    one_day = verdicts.of("diminishing_returns", "fewer_points")
    two_days = verdicts.of("cost_doubling", "doubling_below_6_months")
    assert window_text(one_day) == "2026-05-06"
    assert window_text(two_days) == "2026-05-06 to 2027-12-31"
    assert window_text(verdicts.of("survivors")) == "–"


def test_a_fact_is_checked_and_a_forecast_judged():
    event = {
        "kind": "threshold",
        "series": "AI market/ai_revenue",
        "at": "2027",
        "op": ">",
        "value": 1,
    }
    fact = claim(event, kind="fact")
    (found,) = judge([fact], market_draws(), facts={("c", "d"): "Agrees."})
    assert (found.status, found.text, found.probability) == ("checked", "Agrees.", None)
    (found,) = judge([fact], market_draws(), facts={("c", "other"): "Agrees."})
    assert (found.status, found.text) == ("model not run", "The audit was not run. why")
    (found,) = judge([claim(event)], market_draws())
    assert found.status == "judged"


def test_an_event_of_a_users_own_is_a_function_of_draws():
    draws = market_draws()
    (found,) = judge([claim(lambda d: (d["y"] > 60).any(("series", "period")))], draws)
    assert found.status == "judged"
    assert found.probability == float((draws["y"] > 60).any(("series", "period")).mean())
    with pytest.raises(
        ClaimError, match="definition 'd': the event must be true or false for each"
    ):
        judge([claim(lambda d: d["y"] > 60)], draws)


def test_the_words_of_a_verdict_count_its_own_draws():
    event = {
        "kind": "threshold",
        "series": "AI market/ai_revenue",
        "at": "2027",
        "op": "<",
        "value": 0,
    }
    (found,) = judge([claim(event)], market_draws(n=25))
    assert found.draws == 100
    assert found.text == "< 1/100 (almost no chance, below 5\xa0%). why"


def test_records_of_before_polarity_are_read_as_same():
    rows = judge(read_claims(), market_draws()).records()
    former = [{k: v for k, v in row.items() if k != "polarity"} for row in rows]
    back = Verdicts.from_records(former, 4000)
    assert [v.probability for v in back] == [row["probability"] for row in rows]
    assert {v.polarity for v in back} == {"same"}


def test_probability_is_the_share_of_draws_and_its_error_knows_about_autocorrelation():
    rng = np.random.default_rng(1)
    independent = xr.DataArray(rng.random((4, 1000)) < 0.3, dims=("chain", "draw"))
    p, error = probability(independent)
    assert p == pytest.approx(independent.values.mean())
    assert error == pytest.approx(np.sqrt(p * (1 - p) / 4000), rel=0.15)
    sticky = xr.DataArray(np.repeat(rng.random((4, 50)) < 0.3, 20, axis=1), dims=("chain", "draw"))
    assert probability(sticky)[1] > 2.5 * error


def test_an_event_of_all_or_no_draws():
    never = xr.DataArray(np.zeros((4, 1000), dtype=bool), dims=("chain", "draw"))
    assert probability(never) == (0.0, 0.0)


@pytest.mark.parametrize(
    ("p", "shown"),
    [
        (0.0, "< 1/4000"),
        (1.0, "> 1 - 1/4000"),
        (0.001, "< 1 %"),
        (0.274, "27 %"),
        (0.999, "> 99 %"),
    ],
)
def test_percent_never_says_nought_or_certainty(p, shown):
    assert percent(p, 4000) == shown


@pytest.mark.parametrize(
    ("p", "words"),
    [(0.0, "almost no chance"), (0.044, "almost no chance"), (0.05, "very unlikely"),
     (0.194, "very unlikely"), (0.20, "unlikely"), (0.31, "unlikely"), (0.444, "unlikely"),
     (0.45, "roughly even"), (0.5, "roughly even"), (0.55, "likely"), (0.80, "very likely"),
     (0.944, "very likely"), (0.95, "almost certain"), (1.0, "almost certain")],
)  # fmt: skip
def test_words_follow_the_scale(p, words):
    assert word(p).startswith(words + ",")


def test_the_words_beside_a_number_contain_it():
    for p in np.linspace(0, 1, 4001):
        ends = [int(n) for n in re.findall(r"\d+", word(p))]
        low, high = {"below": (0, *ends), "more": (*ends, 100)}.get(
            next((w for w in ("below", "more") if w in word(p)), ""), tuple(ends)
        )
        said = float(re.sub(r"[^\d.]", "", percent(p)))
        assert low <= said <= high, (p, percent(p), word(p))


def test_base_rate_is_jeffreys_poisson_prediction():
    rate = BaseRate(2, 1.6, 1.0, "years", "", "")
    draws = np.random.default_rng(0).gamma(2.5, 1 / 1.6, 400_000)
    assert rate.probability == pytest.approx(1 - np.exp(-draws).mean(), abs=2e-3)


def test_a_base_rate_of_numbers_near_the_end_of_the_scale():
    """No event in a time, asked about as long again: whatever the size, 1 - (1/2) ** (1/2)."""
    for size in (1e-300, 1.0, 1e308):
        assert BaseRate(0, size, size, "years", "", "").probability == pytest.approx(1 - 0.5**0.5)
    assert BaseRate(1e300, 1, 1, "years", "", "").probability == 1.0


def test_a_certain_base_rate_is_not_said_to_be_certain():
    rate = BaseRate(500, 1.0, 9.0, "years", "h", "s")
    (found,) = judge([claim(None, kind="judgement", model="none", base_rate=rate)], [])
    assert "base rate > 99 % (500 in 1 years, asked about 9: h)" in found.text


def test_an_event_may_be_a_function_of_draws_but_must_reduce():
    good = claim(lambda d: (d["y"] > 50).any(("series", "period")))
    assert judge([good], market_draws()).of("c").probability is not None
    bad = claim(lambda d: d["y"] > 50)
    with pytest.raises(ClaimError, match=r"claim 'c', definition 'd'.*reduce the rest"):
        judge([bad], market_draws())


def test_a_series_no_model_covers_is_named():
    event = {"kind": "growth", "series": "AI market/tea", "op": "<", "value": 0}
    with pytest.raises(
        ClaimError, match=r"claim 'c'.*no series AI market/tea; there are AI market"
    ):
        judge([claim(event)], market_draws())


def write(tmp_path, text):
    path = tmp_path / "claims.toml"
    path.write_text('source = "x"\nsource_date = "2026-05-06"\n' + text)
    return path


HEAD = '[[claim]]\nid = "a"\nkind = "forecast"\nwords = "verbatim"\nquote = "q"\ntext = "t"\n'
DEF = '[[claim.definition]]\nid = "d"\nwhy = "w"\n'
EVENT = 'event = { kind = "growth", series = "A/x", op = "<", value = 0 }\n'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "at the top of the file: missing claim; it takes claim, source, source_date, sums"),
        ("[[claim]]\nid = 3 =", "not a TOML file"),
        ('[[claim]]\nid = "a"\n', "missing definition, kind, text, words"),
        (HEAD.replace("forecast", "hope") + DEF + 'model = "none"\n',
         "got kind 'hope', wanted one of forecast"),
        (HEAD + DEF + 'model = "oracle"\n', "got model 'oracle', wanted one of market"),
        (HEAD + DEF + 'model = "market"\n', "needs an event"),
        (HEAD + DEF + 'model = "market"\n' + EVENT, "needs a window"),
        (HEAD + DEF + 'model = "market"\nwindow = ["2027-01-01", "2026-01-01"]\n' + EVENT,
         "before it starts"),
        (HEAD + DEF + 'model = "market"\nwindow = ["2026", "2027"]\n' + EVENT,
         "got window .'2026', '2027'., wanted two days"),
        (HEAD + DEF + 'model = "none"\ncolour = 1\n', "unknown colour"),
        (2 * (HEAD + DEF + 'model = "none"\n'), "more than one claim is called a"),
        (HEAD + 2 * (DEF + 'model = "none"\n'), "two definitions have one id"),
    ],
)  # fmt: skip
def test_a_bad_claims_file_says_where_and_what(tmp_path, text, message):
    with pytest.raises(ClaimError, match=message):
        read_claims(write(tmp_path, text))


def test_a_missing_claims_file(tmp_path):
    with pytest.raises(ClaimError, match="no such claims file"):
        read_claims(tmp_path / "none.toml")


def test_verdicts_show_themselves():
    shown = judge(read_claims(), market_draws())._repr_html_()
    assert "value_correction" in shown
    assert "model not run" in shown


# --- pooled answers, sums, thresholds -----------------------------------------------------------
def two_readings(weights, **more):
    event = Threshold("A/x", ">", 1.0, at="2027")
    definitions = (Definition("a", "market", "why", event, WINDOW),
                   Definition("b", "earnings", "why", event, WINDOW))  # fmt: skip
    return Claim("c", "forecast", "verbatim", "q", "t", "s", dt.date(2026, 5, 6), definitions,
                 pool=Pool(weights, "because"), **more)  # fmt: skip


def shares(p, model, n=1000):
    paths = np.zeros((4, n // 4, 1, 4))
    hit = np.random.default_rng(5).permutation(n) < p * n
    paths[..., 0, 3] = 2 * hit.reshape(4, -1)
    return make_draws(paths, names=["A/x"], model=model)


def test_a_pool_is_the_chance_that_a_definition_drawn_by_weight_comes_true():
    claims = [two_readings({"a": 3, "b": 1})]
    verdicts = judge(claims, [shares(0.1, "market"), shares(0.5, "earnings")])
    found = pool(claims[0], verdicts, {("c", "a"): 0.5, ("c", "b"): 0.3})
    assert found.probability == pytest.approx(0.2)
    assert found.naive == pytest.approx(0.45)
    assert found.weights == {"a": 0.75, "b": 0.25}
    # the error, against the spread of mixtures of independent runs
    rng = np.random.default_rng(0)
    again = rng.binomial(1000, [0.1, 0.5], (4000, 2)) / 1000 @ [0.75, 0.25]
    assert found.error == pytest.approx(np.std(again), rel=0.2)


def pooled(weights, *readings):
    """Pool verdicts given by id, model, probability, error and draws."""
    one = two_readings(weights)
    rows = [
        Verdict("c", d, "forecast", model, p, error, None, None, "judged", "", draws)
        for d, model, p, error, draws in readings
    ]
    return pool(one, Verdicts(tuple(rows)))


def test_errors_of_one_model_add_up_and_those_of_two_are_independent():
    a, b = ("a", "market", 0.1, 0.01, 4000), ("b", "earnings", 0.5, 0.02, 4000)
    own = 0.75 * 0.01, 0.25 * 0.02
    assert pooled({"a": 3, "b": 1}, a, b).error == pytest.approx(np.hypot(*own))
    found = pooled({"a": 3, "b": 1}, a, ("b", "market", 0.5, 0.02, 4000))
    assert found.error == pytest.approx(sum(own))  # one model, the same draws


def test_a_pool_takes_the_readings_of_its_own_claim():
    claims = [two_readings({"a": 1, "b": 1})]
    own = judge(claims, [shares(0.2, "market"), shares(0.5, "earnings")])
    other = dataclasses.replace(own[0], claim="another", probability=0.9)
    assert pool(claims[0], Verdicts((*own, other))) == pool(claims[0], own)
    assert pool(claims[0], Verdicts((other, own[1]))).missing == ("a",)


def test_a_reading_without_a_number_leaves_no_pool_and_is_named():
    claims = [two_readings({"a": 1, "b": 1})]
    found = pool(claims[0], judge(claims, shares(0.1, "market")))
    assert found.probability is None
    assert found.missing == ("b",)
    assert pool(claims[0], judge(claims, []), {}).missing == ("a", "b")
    assert pool(claim(None, model="none"), judge([], [])) is None  # no weights, no pool


def test_a_definition_of_no_draws_weighs_as_much_as_any_other():
    claims = [two_readings({"a": 1, "b": 1})]
    verdicts = judge(claims, [shares(0.0, "market"), shares(0.5, "earnings")])
    assert pool(claims[0], verdicts).probability == 0.25
    assert pool(claims[0], verdicts).naive is None


def test_a_sum_of_the_file_is_the_sum_of_its_members(tmp_path):
    text = '[sums]\nours = ["AI market", "B"]\n' + HEAD + DEF + (
        'model = "market"\nwindow = ["2026-05-06", "2027-12-31"]\n'
        'event = { kind = "threshold", series = "ours/x", over = ["B/x", "ours/y"], at = "2026", '
        'op = ">", value = 1 }\n')  # fmt: skip
    (one,) = read_claims(write(tmp_path, text))
    event = one.definitions[0].event
    assert event.series == ("AI market/x", "B/x")
    assert event.over == ("B/x", "AI market/y", "B/y")


POOL = '[claim.pool]\nwhy = "w"\nweights = '
OF_MARKET = 'model = "market"\nwindow = ["2026-05-06", "2027-12-31"]\n'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[sums]\nours = 'MSFT'\n" + HEAD + DEF + 'model = "none"\n', "wanted two or more names"),
        ('[sums]\nours = ["MSFT", "MSFT"]\n' + HEAD + DEF + 'model = "none"\n', "each once"),
        ('[sums]\nours = ["MSFT", "META", "MSFT"]\n' + HEAD + DEF + 'model = "none"\n', "each once"),
        ('[sums]\nours = ["MSFT/capex", "META"]\n' + HEAD + DEF + 'model = "none"\n',
         "names without a metric"),
        ("[[clam]]\n" + HEAD + DEF + 'model = "none"\n', "at the top of the file: unknown clam"),
        (HEAD + POOL + "{ e = 1 }\n" + DEF + 'model = "none"\n', "no definition is called e"),
        (HEAD + POOL + "{ d = 0 }\n" + DEF + 'model = "none"\n', "one or more, each a number above 0"),
        (HEAD + POOL + "{}\n" + DEF + 'model = "none"\n', "wanted a table of id = weight"),
        (HEAD + "[claim.implied]\nlow = 0.9\nhigh = 0.1\nhow = 'h'\n" + DEF + 'model = "none"\n',
         "0 <= low <= high <= 1"),
        (HEAD + DEF + OF_MARKET + EVENT + 'thresholds = ["a"]\n', "wanted a list of numbers"),
        (HEAD + DEF + 'model = "none"\npolarity = "oposite"\n', "'d': got polarity 'oposite'"),
        (HEAD + DEF + 'model = "none"\npolarity = ["same"]\n', "got polarity"),
        (HEAD + DEF + 'model = "none"\nexcludes = "e"\n', "'d': got excludes 'e'"),
        (HEAD + DEF + 'model = "none"\nexcludes = [1]\n', r"got excludes \[1\]"),
        (HEAD + DEF + 'model = "none"\nexcludes = ["d"]\n', "it excludes d; wanted other .*none"),
        (HEAD + DEF + 'model = "none"\nexcludes = ["e"]\n', "'d': it excludes e; wanted other"),
        (HEAD + POOL + "{ d = 1 }\n" + DEF + 'model = "none"\npolarity = "opposite"\n',
         "d speaks against the claim"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_pools_sums_thresholds_and_directions_is_said(tmp_path, text, message):
    with pytest.raises(ClaimError, match=message):
        read_claims(write(tmp_path, text))
