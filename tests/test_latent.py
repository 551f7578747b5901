"""Walks and exact conditioning against textbook formulas."""

import numpy as np
import pytest

from forecast.models import latent


def test_shared_time_is_what_two_walks_have_in_common():
    a = np.array([-2.0, -0.5, 0.0, 1.0, 3.0])
    got = latent.shared_time(a, a, -np.inf, np.inf)
    for i, x in enumerate(a):
        for j, y in enumerate(a):
            assert got[i, j] == (min(abs(x), abs(y)) if x * y > 0 else 0.0)
    split = sum(
        latent.shared_time(a, a, lo, hi) for lo, hi in [(-np.inf, -1), (-1, 2), (2, np.inf)]
    )
    np.testing.assert_allclose(split, got)
    assert latent.shared_time(np.array([3.0]), np.array([1.5]), 1.0, 2.0).item() == 0.5


def test_walks_have_the_covariance_of_shared_time():
    times = np.array([0.5, -1.0, 2.0, 0.5, 0.0, -0.25])
    n = 50_000
    variance = np.tile(0.3 * np.abs(times), (n, 1))
    drawn = latent.walk(variance, times, np.random.default_rng(0))
    wanted = 0.3 * latent.shared_time(times, times, -np.inf, np.inf)
    np.testing.assert_allclose(np.cov(drawn.T), wanted, atol=0.012)
    np.testing.assert_array_equal(drawn[:, 0], drawn[:, 3])


def test_corrected_draws_have_the_conditional_law():
    n, rng = 50_000, np.random.default_rng(1)
    root = np.array([[1.0, 0, 0], [0.6, 0.8, 0], [0.3, -0.5, 0.9]])
    cov, mean, seen = root @ root.T, np.array([0.5, -1.0, 2.0]), np.array([0.4, 1.0])
    drawn = mean + rng.standard_normal((n, 3)) @ root.T
    got = latent.corrected((drawn[:, :1], drawn[:, 1:]), cov[:1, 1:][None], cov[1:, 1:][None], seen)
    gain = cov[:1, 1:] @ np.linalg.inv(cov[1:, 1:])
    assert got.mean() == pytest.approx((mean[0] + gain @ (seen - mean[1:])).item(), abs=0.02)
    assert got.var() == pytest.approx((cov[0, 0] - gain @ cov[1:, :1]).item(), rel=0.03)
