"""Fast scores against their slow definitions."""

import numpy as np
import pytest
import xarray as xr
from scipy import stats

from forecast.score import covered, crps


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
