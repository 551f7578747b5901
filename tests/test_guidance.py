"""Statements about quarters to come: sensitivities, and draws against dense matrices."""

import dataclasses

import numpy as np
import pytest
from test_collapsed import (
    AHEAD,
    CENTRE,
    GROWTH_WIDTH,
    SEASON_WIDTH,
    START_VAR,
    N,
    T,
    X,
    case,
    dense,
    observed,
)

from forecast.models.earnings.conditioning import Statements, condition, sensitivities
from forecast.models.earnings.states import (
    Data,
    Numbers,
    eliminated,
    path_normals,
    paths_of,
    state_normals,
    states_of,
)

__all__ = ["case"]
ONE = slice(0, 3)
"""The series of the first group."""


def group_of(case, n):
    """Return the first group's data and as many equal draws of its numbers."""
    (y, seen, *_), (damping, shock, noise, load, growth_var, season_var, factor_damping) = case
    data = Data(y[:, ONE], seen[:, ONE], X, np.zeros(3, int), case[0][4][ONE], START_VAR,
                CENTRE[:1], GROWTH_WIDTH[:1], SEASON_WIDTH[:1])  # fmt: skip
    rows = [np.tile(v[ONE], (n, 1)) for v in (damping, shock, noise, load, growth_var, season_var)]
    return data, Numbers(*rows, np.full((n, 1), factor_damping[0]))


def statements(cells, value, sd, *, series=(0,), bound=(0,), size=1e9):
    """Return statements of one issuer whose size is known to be 1, without bias."""
    grid = np.zeros((len(series), N), bool)
    for row, own in zip(grid, cells, strict=True):
        row[list(own)] = True
    return Statements(
        np.array(series), grid, np.zeros(len(series)), np.array(value, float),
        np.array(sd, float), np.ones(len(series)), np.array(bound), np.zeros(len(series), int),
        np.array([size]), np.array([size]), np.zeros(1), np.zeros((1, 1)),
    )  # fmt: skip


def test_sensitivities_are_the_derivatives_of_paths(case):
    """Of a quarter to come, of a past one that is not reported, and of sums over both."""
    data, numbers = group_of(case, 1)
    left = eliminated(data, numbers)
    scale = np.full((1, 1), 1.3)
    series = np.array([0, 2, 2])
    weights = np.zeros((N, 1, 3))
    weights[T + 2, 0, 0] = 1.0
    weights[[T - 2, T - 1, T, T + 3], 0, 1] = [0.1, 0.2, 0.3, 0.4]
    weights[[T - 2], 0, 2] = 1.0
    assert not data.seen[T - 2 :, 2].any()
    by_states, by_paths = sensitivities(weights, series, data, numbers, left, scale)
    none = dataclasses.replace(data, y=0 * data.y, start=np.zeros(3), centre=np.zeros(1))
    still = dataclasses.replace(left, mean=0 * left.mean)

    def sums(own, other):
        states = states_of(none, numbers, still, own[None])
        path = paths_of(none, numbers, states, other[None].copy(), scale)[1][0]
        return np.einsum("tr,tr->r", weights[:, 0], path[:, series])

    own, other = state_normals(data, numbers)[1], path_normals(data, numbers)[1]
    wanted = [sums(row, np.zeros(other)) for row in np.eye(own)]
    np.testing.assert_allclose(by_states[0].T, wanted, atol=1e-12)
    wanted = [sums(np.zeros(own), row) for row in np.eye(other)]
    np.testing.assert_allclose(by_paths[0].T, wanted, atol=1e-12)


def drawn(case, said, n=8_000, seed=3):
    data, numbers = group_of(case, n)
    rng = np.random.default_rng(seed)
    left = eliminated(data, numbers)
    states = states_of(data, numbers, left, rng.standard_normal(state_normals(data, numbers)))
    normal = rng.standard_normal(path_normals(data, numbers))
    return condition(rng, data, numbers, states, normal, said, np.ones((n, 1))).noisy


def law(case):
    """Mean and covariance of the noisy paths of the first group given the data, (series, quarter)."""
    mean, cov = dense(case)
    at, values, noise = observed(case)
    noisy = cov + np.diag(np.repeat(case[1][2], N))
    gain = np.linalg.solve(cov[np.ix_(at, at)] + np.diag(noise), noisy[at]).T
    mean = mean + gain @ (values - mean[at])
    cov = noisy - gain @ noisy[at]
    return mean[: 3 * N], cov[: 3 * N, : 3 * N]


def test_single_quarters_give_the_dense_normal_law(case):
    """Statements about two series move a third, by what they share."""
    said = statements([[T], [T + 1]], [9.0, 8.6], [0.05, 0.1], series=(0, 2), bound=(0, 0))
    mean, cov = law(case)
    at = [T, 2 * N + T + 1]
    total = cov[np.ix_(at, at)] + np.diag(said.sd**2)
    gain = np.linalg.solve(total, cov[at]).T
    wanted, spread = mean + gain @ (said.value - mean[at]), cov - gain @ cov[at]
    path = drawn(case, said).transpose(0, 2, 1).reshape(8_000, -1)
    look = [s * N + t for s in range(3) for t in range(T, N)] + [2 * N + T - 2]
    sd = np.sqrt(np.diag(spread)[look])
    np.testing.assert_allclose((path.mean(axis=0) - wanted)[look] / sd, 0, atol=0.05)
    found = np.cov(path[:, look].T)
    np.testing.assert_allclose(
        found / np.outer(sd, sd), spread[np.ix_(look, look)] / np.outer(sd, sd), atol=0.06
    )


def test_a_year_is_the_sum_of_its_quarters(case):
    """The sum lies where was said, by weights of draws without the statement."""
    said = statements([range(T, T + 4)], [np.log(4) + 8.7], [0.05])
    found = drawn(case, said)[:, T:, 0]
    without = statements([[T]], [0.0], [1e6])
    free = drawn(case, without, seed=4)[:, T:, 0]
    off = (np.log(np.exp(free).sum(axis=1)) - said.value[0]) / 0.05
    weights = np.exp(-0.5 * off**2)
    weights /= weights.sum()
    for t in range(AHEAD):
        mean = weights @ free[:, t]
        sd = np.sqrt(weights @ (free[:, t] - mean) ** 2)
        assert found[:, t].mean() == pytest.approx(mean, abs=0.12 * sd)
        assert found[:, t].std() == pytest.approx(sd, rel=0.08)
