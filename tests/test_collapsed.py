"""The collapsed density, its gradient and the conditional draws against dense matrices."""

import dataclasses

import numpy as np
import pytest
from scipy.stats import multivariate_normal

from forecast.models.earnings.kernel import (
    NX,
    PanelLogp,
    factor_paths,
    panel_logp_grad,
)
from forecast.models.earnings.states import Data, Numbers, draw_paths, draw_states

T, AHEAD = 12, 4
GROUP = np.array([0, 0, 0, 1, 1, 1])
S, N = len(GROUP), T + AHEAD
START_VAR, CENTRE = 25.0, np.array([0.05, 0.04])
GROWTH_WIDTH, SEASON_WIDTH = np.array([0.02, 0.03]), np.array([0.1, 0.05])
CONTRASTS = np.array([[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]]) / 2
X = np.column_stack([np.arange(N), CONTRASTS[np.arange(N) % 4]]).astype(float)


@pytest.fixture(scope="module")
def case():
    """Six series of two groups: missing cells, a late start, a ragged end, one never seen."""
    rng = np.random.default_rng(0)
    y = 8 + np.cumsum(rng.normal(0.05, 0.1, (T, S)), axis=0)
    seen = rng.random((T, S)) < 0.9
    seen[:7, 1] = False
    seen[-2:, 2] = False
    seen[:, 5] = False
    start = y[0].copy()
    parameters = [
        rng.uniform(0.3, 0.9, S),
        rng.uniform(0.02, 0.1, S) ** 2,
        rng.uniform(0.02, 0.1, S) ** 2,
        rng.uniform(0.02, 0.05, S),
        rng.uniform(0.01, 0.03, S) ** 2,
        rng.uniform(0.02, 0.1, S) ** 2,
        np.array([0.7, 0.85]),
    ]
    data = (np.where(seen, y, 0.0), seen, X[:T].copy(), GROUP, start, START_VAR, CENTRE,
            GROWTH_WIDTH, SEASON_WIDTH)  # fmt: skip
    return data, parameters


def trends(damping, shocks):
    """Levels of damped trends and their derivatives, columns of (size, columns)."""
    level, slope = (np.empty((len(shocks) - 1, shocks.shape[1])) for _ in range(2))
    factor_paths(damping, shocks, 0, np.empty((4, shocks.shape[1])), level, slope)
    return level, slope


def dense(case):
    """Mean and covariance of all paths (series, quarter), from the equations."""
    data, (damping, shock, _, load, growth_var, season_var, factor_damping) = case
    growth, season = np.outer(X[:, 0], X[:, 0]), X[:, 1:] @ X[:, 1:].T
    cov = np.zeros((S, N, S, N))
    for i in range(S):
        own = trends(damping[i], np.eye(N + 1))[0]
        cov[i, :, i] += shock[i] * own @ own.T + START_VAR
        cov[i, :, i] += growth_var[i] * growth + season_var[i] * season
        shared = trends(factor_damping[GROUP[i]], np.eye(N + 1))[0]
        for j in np.flatnonzero(GROUP[i] == GROUP):
            g = GROUP[i]
            cov[i, :, j] += load[i] * load[j] * shared @ shared.T
            cov[i, :, j] += GROWTH_WIDTH[g] ** 2 * growth + SEASON_WIDTH[g] ** 2 * season
    mean = data[4][:, None] + CENTRE[GROUP][:, None] * X[:, 0]
    return mean.ravel(), cov.reshape(S * N, S * N)


def observed(case):
    (y, seen, *_), (_, _, noise, *_) = case
    at = np.concatenate([s * N + np.flatnonzero(seen[:, s]) for s in range(S)])
    values = np.concatenate([y[seen[:, s], s] for s in range(S)])
    return at, values, np.concatenate([np.full(seen[:, s].sum(), noise[s]) for s in range(S)])


def test_factor_paths_follow_the_recursion():
    level, slope = trends(0.6, np.eye(6))
    for column in range(6):
        u = 1 / np.sqrt(1 - 0.36) if column == 0 else 0.0
        f = 0.0
        for t in range(5):
            u = 0.6 * u + (column == t + 1)
            f += u
            assert level[t, column] == pytest.approx(f)
    ends = [trends(0.6 + sign * 1e-6, np.eye(6))[0] for sign in (1, -1)]
    step = (ends[0] - ends[1]) / 2e-6
    np.testing.assert_allclose(slope, step, rtol=1e-6, atol=1e-8)


def test_the_density_is_the_dense_normal(case):
    data, parameters = case
    mean, cov = dense(case)
    at, values, noise = observed(case)
    wanted = multivariate_normal(mean[at], cov[np.ix_(at, at)] + np.diag(noise)).logpdf(values)
    assert panel_logp_grad(*data, *parameters)[0] == pytest.approx(wanted, rel=1e-9)


def test_the_gradient_is_that_of_finite_differences(case):
    data, parameters = case
    _, by_series, by_group = panel_logp_grad(*data, *parameters)
    for k, (values, gradient) in enumerate(zip(parameters, [*by_series, by_group], strict=True)):
        for i in range(len(values)):
            step = 1e-5 * values[i]
            ends = []
            for sign in (1, -1):
                moved = [p.copy() for p in parameters]
                moved[k][i] += sign * step
                ends.append(panel_logp_grad(*data, *moved)[0])
            numeric = (ends[0] - ends[1]) / (2 * step)
            assert gradient[i] == pytest.approx(numeric, rel=1e-4, abs=1e-3), (k, i)


def test_out_of_range_is_minus_infinity(case):
    data, parameters = case
    for k in range(7):
        bad = [p.copy() for p in parameters]
        bad[k][0] = 1.5 if k in (0, 6) else -1.0
        assert panel_logp_grad(*data, *bad)[0] == -np.inf
    broken = [p.copy() for p in parameters]
    broken[3][0] = np.inf
    assert panel_logp_grad(*data, *broken)[0] == -np.inf


def test_draws_have_the_dense_conditional_law(case):
    data, parameters = case
    n = 20_000
    many = Numbers(*(np.repeat(p[None], n, axis=0) for p in parameters))
    rng = np.random.default_rng(5)
    states, _ = draw_states(rng, Data(*data), many)
    ahead = dataclasses.replace(Data(*data), x=X)
    signal, noisy = draw_paths(rng, ahead, many, states)
    mean, cov = dense(case)
    at, values, noise_var = observed(case)
    gain = np.linalg.solve(cov[np.ix_(at, at)] + np.diag(noise_var), cov[at]).T
    wanted_mean = mean + gain @ (values - mean[at])
    wanted = cov - gain @ cov[at]
    flat = signal.transpose(0, 2, 1).reshape(n, -1)
    sd = np.sqrt(np.diag(wanted))
    np.testing.assert_allclose((flat.mean(0) - wanted_mean) / sd, 0, atol=4.5 / np.sqrt(n))
    got = np.cov(flat.T) / np.outer(sd, sd)
    np.testing.assert_allclose(got, wanted / np.outer(sd, sd), atol=6.5 / np.sqrt(n))
    spread = (noisy - signal).std(axis=(0, 1))
    np.testing.assert_allclose(spread, np.sqrt(parameters[2]), rtol=0.02)


def test_the_density_given_the_shared_growth(case):
    """p(y | z) = p(y) p(z | y) / p(z), against the dense normal with z known."""
    data, parameters = case
    rng = np.random.default_rng(6)
    states, density = draw_states(rng, Data(*data), Numbers(*(p[None] for p in parameters)))
    common = states.shared
    mean, cov = dense(case)
    at, values, noise = observed(case)
    cov = cov.reshape(S, N, S, N)
    mean = mean.reshape(S, N)
    for i in range(S):
        g = GROUP[i]
        mean[i] += GROWTH_WIDTH[g] * common[0, g, 0] * X[:, 0]
        for j in np.flatnonzero(g == GROUP):
            cov[i, :, j] -= GROWTH_WIDTH[g] ** 2 * np.outer(X[:, 0], X[:, 0])
    mean, cov = mean.ravel(), cov.reshape(S * N, S * N)
    wanted = multivariate_normal(mean[at], cov[np.ix_(at, at)] + np.diag(noise)).logpdf(values)
    assert density[0] == pytest.approx(wanted, rel=1e-8)
    assert common.shape == (1, 2, NX + T + 1)


def test_the_op_computes_and_differentiates_outside_of_numba(case):
    import pytensor
    import pytensor.tensor as pt

    data, parameters = case
    shock = pt.dvector()
    inputs = [*data[:5], np.float64(data[5]), *data[6:], parameters[0], shock, *parameters[2:]]
    logp = PanelLogp()(*inputs)[0]
    call = pytensor.function([shock], [logp, pt.grad(logp, shock)], mode="FAST_COMPILE")
    value, gradient = call(parameters[1])
    wanted, by_series, _ = panel_logp_grad(*data, *parameters)
    assert value == pytest.approx(wanted)
    np.testing.assert_allclose(gradient, by_series[1])
