"""Fast scores against their slow definitions."""

import numpy as np
import pytest
import xarray as xr
from scipy import stats

from forecast.evaluation.score import (
    brier,
    covered,
    crps,
    crps_of_quantiles,
    interval_score,
    log_loss,
    log_score,
    pit,
)


def array(values):
    return xr.DataArray(values, dims=("chain", "draw"))


@pytest.mark.parametrize("truth", [-3.0, 0.2, 1.7])
def test_crps_is_the_pairwise_definition(truth):
    draws = np.random.default_rng(0).gamma(2.0, size=(2, 40))
    flat = draws.ravel()
    slow = np.abs(flat - truth).mean() - 0.5 * np.abs(flat[:, None] - flat[None, :]).mean()
    assert float(crps(array(draws), truth)) == pytest.approx(slow, rel=1e-12)


def test_crps_of_the_standard_normal_at_its_mean():
    draws = stats.norm.ppf((np.arange(20_000) + 0.5) / 20_000).reshape(4, -1)
    assert float(crps(array(draws), 0.0)) == pytest.approx(
        (np.sqrt(2) - 1) / np.sqrt(np.pi), abs=1e-4
    )


def test_crps_keeps_other_dims():
    draws = xr.DataArray(
        np.random.default_rng(0).random((2, 50, 3)), dims=("chain", "draw", "period")
    )
    truth = xr.DataArray([0.1, 0.5, 2.0], dims="period")
    got = crps(draws, truth)
    assert got.dims == ("period",)
    for k in range(3):
        assert float(got[k]) == pytest.approx(float(crps(draws[:, :, k], float(truth[k]))))


def test_covered():
    draws = array(np.linspace(0, 1, 1001).reshape(1, -1))
    assert bool(covered(draws, 0.11, 0.8))
    assert not bool(covered(draws, 0.09, 0.8))
    assert not bool(covered(draws, 0.95, 0.8))


@pytest.mark.parametrize("truth", [0.5, -0.1, 1.3])
def test_the_interval_score_by_hand(truth):
    got = interval_score(array(np.linspace(0, 1, 1001).reshape(1, -1)), truth, 0.8)
    parts = [float(p) for p in (got.dispersion, got.overprediction, got.underprediction)]
    wanted = [0.8, 10 * max(0.1 - truth, 0), 10 * max(truth - 0.9, 0)]
    assert parts == pytest.approx(wanted, abs=1e-9)
    assert float(got.total) == pytest.approx(sum(wanted), abs=1e-9)


@pytest.mark.parametrize("low", [0.25, 0.125, 0.0625])  # exact in binary
def test_the_interval_holds_its_own_limits(low):
    draws = array(np.linspace(0, 1, 1025).reshape(1, -1))
    for limit, out in ((low, -1), (1 - low, 1)):
        assert covered(draws, limit, 1 - 2 * low) == 1
        assert covered(draws, limit + out * 1e-9, 1 - 2 * low) == 0


@pytest.mark.parametrize(("truth", "below"), [(2.5, 0.5), (1.5, 0.25), (3.0, 0.5), (9.0, 1.0)])
def test_pit_counts_draws_below(truth, below):
    """A draw that is the truth is not below it."""
    assert float(pit(array([[1.0, 2.0], [3.0, 4.0]]), truth)) == below


SCORES = {
    "crps": crps,
    "covered": lambda draws, truth: covered(draws, truth, 0.8),
    "pit": pit,
    "interval_score": lambda draws, truth: interval_score(draws, truth).total,
    "log_score": log_score,
}


@pytest.mark.parametrize("what", SCORES)
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_what_has_no_number_has_no_score(what, bad):
    """Three cells: the truth of the second is no number, nor one draw of the third."""
    values = np.random.default_rng(2).normal(size=(2, 50, 3))
    draws = xr.DataArray(values, dims=("chain", "draw", "cell"))
    truth = xr.DataArray([0.3, 0.3, 0.3], dims="cell")
    whole = SCORES[what](draws, truth)
    values[1, 7, 2], truth[1] = bad, bad
    got = SCORES[what](draws, truth)
    assert np.isnan(got.values).tolist() == [False, True, True]
    assert float(got[0]) == float(whole[0])
    assert np.isnan(got.mean(skipna=False))
    assert np.isnan(float(SCORES[what](array(values[:, :, 0]), bad)))


def test_draws_that_are_all_one_number_have_no_density():
    assert np.isnan(float(log_score(array(np.ones((2, 30))), 1.0)))
    assert float(crps(array(np.ones((2, 30))), 3.0)) == 2


def test_the_log_score_of_draws_with_a_far_tail_takes_the_middle_half():
    draws = np.append(np.random.default_rng(3).normal(size=299), 1e4).reshape(2, 150)
    low, high = np.quantile(draws, [0.25, 0.75])
    width = 0.9 * (high - low) / 1.34 * 300**-0.2
    slow = -np.logaddexp.reduce(stats.norm.logpdf(0.5, draws.ravel(), width)) + np.log(300)
    assert float(log_score(array(draws), 0.5)) == pytest.approx(slow)


@pytest.mark.parametrize("truth", [0.0, 1.5, 40.0])
def test_the_log_score_is_the_sum_over_kernels(truth):
    draws = np.random.default_rng(1).normal(size=(2, 300))
    low, high = np.quantile(draws, [0.25, 0.75])
    width = 0.9 * min(draws.std(ddof=1), (high - low) / 1.34) * 600**-0.2
    slow = -np.logaddexp.reduce(stats.norm.logpdf(truth, draws.ravel(), width)) + np.log(600)
    assert float(log_score(array(draws), truth)) == pytest.approx(slow)


def test_the_log_score_of_many_normal_draws_is_that_of_the_normal():
    draws = stats.norm.ppf((np.arange(20_000) + 0.5) / 20_000).reshape(4, -1)
    assert float(log_score(array(draws), 0.7)) == pytest.approx(-stats.norm.logpdf(0.7), abs=0.01)


def test_scores_of_a_probability():
    assert brier(0.7, True) == pytest.approx(0.09)
    assert log_loss(0.7, False) == pytest.approx(-np.log(0.3))
    assert log_loss(0.0, True) == pytest.approx(-np.log(1e-4))  # never infinite
    assert log_loss(1.0, False) == pytest.approx(-np.log(1e-4))
    assert np.isnan([brier(np.nan, True), log_loss(np.nan, False)]).all()


@pytest.mark.parametrize("truth", [-3.5, -0.4, 1.2])
def test_the_crps_of_quantiles_is_near_that_of_the_draws(truth):
    from forecast.app.pipeline import QUANTILES

    levels = np.array(QUANTILES)
    draws = stats.norm.ppf((np.arange(20_000) + 0.5) / 20_000).reshape(4, -1)
    got = crps_of_quantiles(levels, stats.norm.ppf(levels), truth)
    assert got == pytest.approx(float(crps(array(draws), truth)), rel=0.02)


def test_the_crps_of_few_quantiles_by_hand():
    """Quartiles 0, 1, 3 and a truth of 7: pinball losses 1.75, 3, 3, the outer ones to the ends."""
    levels, values = np.array([0.25, 0.5, 0.75]), np.array([0.0, 1.0, 3.0])
    inner = 0.25 * (1.75 / 2 + 3 + 3 / 2)
    got = crps_of_quantiles(levels, values, 7.0)
    assert got == pytest.approx(2 * (inner + 0.25 * 1.75 + 0.25 * 3))
    # and of -5: losses 0.75 * 5, 0.5 * 6, 0.25 * 8
    inner = 0.25 * (3.75 / 2 + 3 + 2 / 2)
    got = crps_of_quantiles(levels, values, -5.0)
    assert got == pytest.approx(2 * (inner + 0.25 * 3.75 + 0.25 * 2))
    assert np.isnan(crps_of_quantiles(levels, values, np.nan))
