"""Section D, prospects: a curve averages to the probability, and what cannot be told is not told."""

import dataclasses
import itertools
import json
import types

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from conftest import make_draws
from scipy.stats import norm, rankdata

from forecast.app.update import foresee, prospect_record, prospect_rows, untold
from forecast.core.errors import DataError
from forecast.models.earnings.calendar import Calendar
from forecast.news import prospects, statistics
from forecast.news.prospects import anticipate, check_prospect, ranked
from forecast.news.reweight import AsIf
from forecast.report import change_memo


def draws_of(*scores):
    """Return draws in which the next number of company A, B, ... is 100 times exp(score / 10)."""
    paths = 100 * np.exp(0.1 * np.stack(scores, axis=-1)).reshape(4, -1, len(scores), 1)
    paths = np.concatenate([np.full_like(paths, 100), paths, paths], axis=-1)
    names = [f"{letter}/capex" for letter in "ABCDEFGH"[: len(scores)]]
    draws = make_draws(paths, names=names, periods=("2025Q4", "2026Q1", "2026Q2"))
    draws["observed"][:, 0] = 100.0
    return draws


def event(hit, name="c/d"):
    """Return a statistic that is true of these draws."""
    of = xr.DataArray(np.asarray(hit, bool).reshape(4, -1), dims=("chain", "draw"))
    return statistics.Statistic(name, lambda draws: of, why="It happens.")


def jointly_normal(share, rho, n=4000, seed=0):
    """Return scores, events of a joint normal law, and the probability given a score."""
    rng = np.random.default_rng([seed, int(1e4 * share), int(100 * rho)])
    z, cut, rest = rng.standard_normal(n), norm.ppf(share), np.sqrt(1 - rho**2)
    hit = rho * z + rest * rng.standard_normal(n) < cut
    return z, hit, lambda score: norm.cdf((cut - rho * score) / rest)


def one_of(z, hit, **more):
    return anticipate(draws_of(z), [event(hit)], seed=1, **more)[0]


SHARES, RHOS = (0.02, 0.05, 0.2, 0.5, 0.97), (0.0, 0.3, 0.8, 0.99)


@pytest.fixture
def few_shuffles(monkeypatch):
    """Where the curve is the subject and not what chance gives."""
    monkeypatch.setattr(prospects, "SHUFFLES", 3)


# --- the curve -------------------------------------------------------------------------------
@pytest.mark.parametrize("rho", RHOS)
@pytest.mark.parametrize("share", SHARES)
def test_the_curves_average_over_the_prints_is_the_probability(share, rho, few_shuffles):
    z, hit, _ = jointly_normal(share, rho)
    one = one_of(z, hit)
    given = one.at((rankdata(z) - 0.5) / len(z))
    assert one.probability == hit.mean()
    assert abs(given.mean() - hit.mean()) < 1e-12
    # Over all levels too, straight between those that are shown and flat beyond the outermost.
    ends = one.levels[0] * one.curve[0] + (1 - one.levels[-1]) * one.curve[-1]
    assert np.trapezoid(one.curve, one.levels) + ends == pytest.approx(hit.mean(), abs=2e-5)
    # Move and bits are of this very curve.
    p = hit.mean()
    assert one.move == pytest.approx(np.abs(given - p).mean(), abs=1e-12)
    bits = given * np.log2(given / p) + (1 - given) * np.log2((1 - given) / (1 - p))
    assert one.bits == pytest.approx(bits.mean(), abs=0.004)  # less what shuffles give


def test_equal_prints_and_few_draws_average_to_the_probability_too():
    z, hit, _ = jointly_normal(0.3, 0.8, n=804)
    z = z.round(1)
    one = one_of(z, hit)
    assert one.told
    assert one.at((rankdata(z) - 0.5) / len(z)).mean() == pytest.approx(hit.mean(), abs=1e-12)
    # Draws whose numbers are all the same tell nothing, in whatever order they stand.
    same = one_of(np.zeros(804), np.sort(hit))
    np.testing.assert_allclose(same.curve, hit.mean(), atol=1e-9)
    assert not same.told


def test_on_joint_normals_the_curve_is_the_known_probability_within_its_errors(few_shuffles):
    off, moves = [], []
    for share, rho, seed in itertools.product(SHARES, RHOS[:3], (1, 2, 3)):
        z, hit, truth = jointly_normal(share, rho, seed=seed)
        one = one_of(z, hit)
        inner = (one.levels > 0.04) & (one.levels < 0.96)
        off += list(((one.curve - truth(norm.ppf(one.levels))) / one.errors)[inner][::3])
        grid = truth(norm.ppf((np.arange(20000) + 0.5) / 20000))
        moves.append(one.move - np.abs(grid - share).mean())
    assert 0.8 < np.sqrt(np.mean(np.square(off))) < 1.3
    assert np.abs(off).max() < 5
    assert np.abs(moves).max() < 0.02
    # With a number that all but decides it the curve is steep where it must be.
    z, hit, truth = jointly_normal(0.5, 0.99)
    np.testing.assert_allclose(
        one_of(z, hit).at([0.3, 0.7]), truth(norm.ppf([0.3, 0.7])), atol=0.01
    )


def test_a_rare_event_does_not_explode_in_the_tails(few_shuffles):
    """Newton's steps went to infinity here: 50 hits of 4,000 had a curve up to 99.9 %."""
    for seed in range(20):
        z, hit, truth = jointly_normal(0.0125, 0.5, seed=seed)
        if hit.sum() >= 50:
            one = one_of(z, hit)
            assert one.curve.max() < 0.3
            inner = one.levels > 0.02  # the outermost stands for all that is beyond it
            off = (one.curve - truth(norm.ppf(one.levels)))[inner]
            assert (np.abs(off) < 4 * one.errors[inner] + 0.001).all()


def test_a_fall_after_a_low_and_after_a_high_number_has_a_curve_with_two_arms(few_shuffles):
    rng = np.random.default_rng(5)
    z = rng.standard_normal(4000)
    true = norm.cdf(np.abs(z) - 2.5)
    one = one_of(z, rng.random(4000) < true)
    off = one.curve - norm.cdf(np.abs(norm.ppf(one.levels)) - 2.5)
    assert (np.abs(off) < 3 * one.errors + 0.01).all()
    assert one.curve[0] > 0.3 < one.curve[-1]
    assert one.at([0.5])[0] < 0.03


def test_a_number_that_tells_and_one_that_does_not():
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((2, 4000))
    truth = 1 / (1 + np.exp(-2 * a))
    draws = draws_of(a, b)
    one, other = anticipate(draws, [event(rng.random(4000) < truth)], seed=1)
    assert one.told
    assert (one.company, one.period, one.series, one.unit) == ("A", "2026Q1", "A/capex", "USD bn")
    np.testing.assert_allclose(one.prints, np.quantile(draws["y"].values[:, :, 0, 1], one.levels))
    inner = (one.levels > 0.04) & (one.levels < 0.96)
    given = 1 / (1 + np.exp(-2 * norm.ppf(one.levels)))
    np.testing.assert_allclose(one.curve[inner], given[inner], atol=0.03)
    told = truth * np.log2(2 * truth) + (1 - truth) * np.log2(2 * (1 - truth))
    assert one.bits == pytest.approx(told.mean(), abs=0.03)
    assert one.move == pytest.approx(np.abs(truth - 0.5).mean(), abs=0.02)
    assert one.crossings[0.5] == pytest.approx(100, abs=1)
    assert one.crossings[0.25] < 100 < one.crossings[0.75]
    assert not other.told
    assert other.reason.startswith("its expected move of 0.")
    assert "may be Monte-Carlo error" in other.reason
    assert other.bits < 0.001
    assert other.noise == one.noise  # that of the event, whoever's number it is


def test_a_number_that_has_nothing_to_do_with_the_event_is_told_about_never():
    rng = np.random.default_rng(7)
    scores = rng.standard_normal((8, 4000))
    events = [event(rng.random(4000) < share, f"c/{share}") for share in (0.02, 0.1, 0.3, 0.5, 0.8)]
    found = anticipate(draws_of(*scores), events, seed=2)
    assert len(found) == 40
    assert sum(one.told for one in found) <= 1
    assert sum(one.bits == 0 for one in found) > 20  # what shuffles give is taken off


# --- too few ---------------------------------------------------------------------------------
def test_an_event_in_8_of_4000_draws_is_not_told_and_says_so(few_shuffles):
    """GOOGL's capex of 40 or 62.5 bn made 0.2 % of it 23 % or 9 %, and ranked it first."""
    z = np.random.default_rng(2).standard_normal(4000)
    rare = np.zeros(4000, bool)
    rare[np.argsort(z)[[0, 1, 2, 3, 4, -1, -2, -3]]] = True  # in the tails, to tempt a polynomial
    usual = z < 0
    found = anticipate(draws_of(z), [event(rare, "c/rare"), event(usual, "c/usual")], seed=1)
    one, other = found
    assert one.reason == (
        "the event happens in 8 of 4,000 draws: too few to say what a number would do"
    )
    assert (one.told, one.curve, one.errors, one.crossings) == (False, None, None, {})
    assert np.isnan([one.bits, one.move, one.noise, *one.at([0.1, 0.9])]).all()
    assert one.probability == 0.002
    record = json.loads(json.dumps(prospect_record(one), allow_nan=False))
    assert (record["told"], record["reason"]) == (False, one.reason)
    assert record["curve"] is record["errors"] is record["bits"] is record["move"] is None
    assert len(record["prints"]) == len(record["levels"])
    assert other.told
    assert [row[3] for row in prospect_rows(found)[1:]] == ["usual"]
    assert untold(found) == [f"not told: c/rare by A capex 2026Q1: {one.reason}"]


@pytest.mark.parametrize(
    ("hits", "text"),
    [
        (49, "in 49 of 4,000"),
        (50, ""),
        (3950, ""),
        (3951, "in all but 49 of 4,000"),
        (4000, "in all but 0 of 4,000"),
        (0, "in 0 of 4,000"),
    ],
)
def test_fewer_than_50_with_or_without_the_event_are_too_few(hits, text, few_shuffles):
    z = np.arange(4000) / 1000
    one = one_of(z, z < hits / 1000)
    assert one.told == (text == "")
    assert text in one.reason


# --- the check -------------------------------------------------------------------------------
def reweighting(monkeypatch, answers):
    """Put answers in the place of reweighted runs: by series, changes and their errors."""
    asked = []

    def as_if(run, statistic, series, period, values, *, seed, until, size):
        asked.append((series, statistic.name))
        changes, error = answers[series]
        return [AsIf(np.nan, change, error) for change in changes]

    monkeypatch.setattr(prospects, "as_if", as_if)
    return asked


def test_where_reweighting_contradicts_the_curve_there_is_no_curve_and_no_rank(monkeypatch):
    z, hit, truth = jointly_normal(0.2, 0.5)
    one = one_of(z, hit)
    right = truth(norm.ppf([0.05, 0.5, 0.95])) - hit.mean()
    reweighting(monkeypatch, {"A/capex": (right, 0.01)})
    good = check_prospect(one, None, event(hit), seed=1)
    assert good.told
    assert list(good.checked) == [0.05, 0.5, 0.95]
    np.testing.assert_allclose(list(good.checked.values()), right + hit.mean())
    reweighting(monkeypatch, {"A/capex": (right + np.array([0, 0, 0.1]), 0.01)})
    bad = check_prospect(one, None, event(hit), seed=1)
    assert (bad.told, bad.curve, bad.crossings) == (False, None, {})
    assert np.isnan([bad.bits, bad.move]).all()
    at = np.quantile(100 * np.exp(z / 10), 0.95)
    assert bad.reason.startswith(f"at a print of {at:,.4g} USD bn reweighting says 12.")
    assert "standard errors apart" in bad.reason
    # The same distance within the errors is no contradiction.
    reweighting(monkeypatch, {"A/capex": (right + np.array([0, 0, 0.1]), 0.04)})
    assert check_prospect(one, None, event(hit), seed=1).told
    # A probability stays one.
    reweighting(monkeypatch, {"A/capex": ([-0.9, 0, 0.9], 1.0)})
    assert [*check_prospect(one, None, event(hit), seed=1).checked.values()][::2] == [0.0, 1.0]


def test_the_next_best_of_a_company_is_checked_when_the_best_is_refused(monkeypatch, caplog):
    rng = np.random.default_rng(11)
    a, b, c = rng.standard_normal((3, 4000))
    first, second = a + 0.5 * rng.standard_normal(4000) < -1, a + rng.standard_normal(4000) < -1
    third = b + rng.standard_normal(4000) < 0
    events = [event(first, "c/1"), event(second, "c/2"), event(third, "c/3"), event(a > 9, "c/4")]
    found = anticipate(draws_of(a, b, c), events, seed=1)
    curves = {(one.series, one.statistic): one for one in found if one.curve is not None}
    asked = []

    def as_if(run, statistic, series, period, values, *, seed, until, size):
        asked.append((series, statistic.name))
        one = curves[series, statistic.name]
        off = 0.3 if statistic.name == "c/1" else 0.0
        given = one.at([0.05, 0.5, 0.95]) - one.probability + off
        return [AsIf(np.nan, change, 0.01) for change in given]

    monkeypatch.setattr(prospects, "as_if", as_if)
    caplog.set_level("INFO", logger="forecast")
    kept = ranked(found, None, events, seed=1)
    assert sorted(asked) == [("A/capex", "c/1"), ("A/capex", "c/2"), ("B/capex", "c/3")]
    told = [(one.series, one.statistic) for one in kept if one.told]
    assert told == [("B/capex", "c/3"), ("A/capex", "c/2")]  # by their bits, and first
    assert [one.told for one in kept] == sorted((one.told for one in kept), reverse=True)
    assert any(line.startswith("not told: at a print of") for line in caplog.messages)
    lines = untold(kept)
    assert any("c/1 by A capex 2026Q1: at a print of" in line for line in lines)
    assert any("c/4 by 3 numbers: the event happens in 0 of 4,000 draws" in line for line in lines)
    assert lines[-1].startswith("not told: 6 pairs of a number and a definition")
    rows = prospect_rows(kept)[1:]
    assert [row[0] for row in rows] == ["B", "A"]


def test_what_is_not_told_has_no_rank_whatever_its_bits(monkeypatch, few_shuffles):
    z, hit, _ = jointly_normal(0.2, 0.5)
    one = one_of(z, hit)
    reweighting(monkeypatch, {"A/capex": (one.at([0.05, 0.5, 0.95]) - one.probability, 0.01)})
    idle = dataclasses.replace(one, bits=9.0, reason="its expected move may be chance")
    kept = ranked([idle, one], None, [event(hit)], seed=1)
    assert [k.told for k in kept] == [True, False]
    assert len(prospect_rows([idle])) == 1


def test_what_has_no_curve_is_not_checked(monkeypatch):
    asked = reweighting(monkeypatch, {})
    z = np.random.default_rng(4).standard_normal(400)
    one = one_of(z, z > 9)
    assert check_prospect(one, None, event(z > 9), seed=1) is one
    assert asked == []


def test_numbers_of_small_probabilities_are_never_nought():
    z, hit, _ = jointly_normal(0.0125, 0.8)
    one = one_of(z, hit)
    row = dict(zip(*prospect_rows([one]), strict=True))
    assert row["now"] == "1 %"
    assert row["at 90 %"].startswith("< 1 %")


def test_companies_and_runs_without_a_coming_report(few_shuffles):
    z, hit, _ = jointly_normal(0.3, 0.5, n=400)
    draws = draws_of(z, z)
    (one,) = anticipate(draws, [event(hit)], seed=1, companies=["A"])
    assert one.company == "A"
    with pytest.raises(DataError, match="no report is expected of C; of A, B"):
        anticipate(draws, [event(hit)], seed=1, companies=["C"])
    draws["observed"][:] = 100.0  # all is reported
    assert anticipate(draws, [event(hit)], seed=1) == ()
    with pytest.raises(DataError, match="no report is expected of A; the draws end before any"):
        anticipate(draws, [event(hit)], seed=1, companies=["A"])


def test_the_change_memo_names_the_most_telling_number_or_says_that_none_is():
    rng = np.random.default_rng(3)
    a, b = rng.standard_normal((2, 4000))
    found = anticipate(draws_of(a, b), [event(a > 9, "c/rare"), event(a > 1, "c/usual")], seed=1)
    found = sorted(found, key=prospects._rank)
    day = {"status": "expected", "quarter": "2026Q1", "expected_on": "2026-07-29",
           "expected_from": "2026-07-28", "expected_to": "2026-07-30", "overdue_since": ""}  # fmt: skip
    rows = pd.DataFrame([{"entity": name, **day} for name in ("A", "B", "Z")])
    calendar = Calendar("2026-07-01", rows)
    change = types.SimpleNamespace(prospects=found, calendar=calendar)
    of = {one.company: one.what for one in change_memo._watch(change)}
    assert of["A"].startswith("capex of 88")
    assert "c/usual at < 1 % or > 99 %, now 16 %" in of["A"]
    assert of["B"] == change_memo.UNTOLD
    assert of["Z"] == ""


def test_the_evening_before_says_where_the_draws_end_too_early(monkeypatch):
    z, hit, _ = jointly_normal(0.3, 0.5, n=400)
    draws = draws_of(z)
    draws["observed"][:] = 100.0
    run = types.SimpleNamespace(
        id="r1", claims=(), series=(), manifest={"seed": 1}, fitted=lambda model: (None, draws)
    )
    monkeypatch.setattr("forecast.app.update.statistics_of", lambda *args: [event(hit)])
    with pytest.raises(DataError, match="draws of the run r1 end before any company reports again"):
        foresee(run)
