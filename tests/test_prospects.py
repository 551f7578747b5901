"""A number that tells of an event is found, one that does not is called chance."""

import numpy as np
import pytest
import xarray as xr
from conftest import make_draws

from forecast import news
from forecast.prospects import anticipate
from forecast.schema import DataError


def joint(n=4000, seed=0):
    """Return draws in which A's next number tells of the event and B's does not."""
    rng = np.random.default_rng(seed)
    z = rng.standard_normal((4, n // 4, 2))
    paths = np.exp(0.1 * np.stack([z, z + rng.standard_normal(z.shape)], axis=-1))
    paths = np.concatenate([np.ones((*paths.shape[:3], 1)), paths], axis=-1)
    draws = make_draws(paths, names=("A/capex", "B/capex"), periods=("2025Q4", "2026Q1", "2026Q2"))
    draws["observed"][:, 0] = 1.0
    truth = 1 / (1 + np.exp(-2 * z[..., 0]))
    hit = rng.random(truth.shape) < truth
    return draws, xr.DataArray(hit, dims=("chain", "draw")), truth


def test_the_curve_is_the_probability_given_the_number():
    draws, hit, truth = joint()
    event = news.Statistic("c/d", lambda d: hit)
    found = {p.company: p for p in anticipate(draws, [event], seed=1)}
    a, b = found["A"], found["B"]
    assert a.told
    assert not b.told
    assert (a.period, a.series, a.unit) == ("2026Q1", "A/capex", "USD bn")
    true = 1 / (1 + np.exp(-2 * np.log(a.prints) / 0.1))
    np.testing.assert_allclose(a.curve, true, atol=0.04)
    assert a.move == pytest.approx(np.abs(truth - truth.mean()).mean(), abs=0.02)
    told = truth * np.log2(truth / 0.5) + (1 - truth) * np.log2((1 - truth) / 0.5)
    assert a.bits == pytest.approx(told.mean(), abs=0.03)
    assert a.crossings[0.5] == pytest.approx(1.0, abs=0.01)
    assert a.crossings[0.25] < 1 < a.crossings[0.75]
    assert b.bits < 0.003


def test_companies_and_events_that_never_happen():
    draws, hit, _ = joint(400)
    never = news.Statistic("c/never", lambda d: hit & False)
    (one,) = anticipate(draws, [never], seed=1, companies=["A"])
    assert (one.bits, one.move, one.told, one.crossings) == (0.0, 0.0, False, {})
    with pytest.raises(DataError, match="no report is expected of C"):
        anticipate(draws, [never], seed=1, companies=["C"])
