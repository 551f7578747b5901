"""Turns in what companies spend: what they make of paths, and what statements say against them."""

import dataclasses

import numpy as np
import pytest
from test_collapsed import N, T, case
from test_guidance import group_of, statements

from forecast.models.earnings.busts import (
    BustPriors,
    Turns,
    draw_scale,
    draw_turns,
    expected_growth,
)
from forecast.models.earnings.conditioning import paths_given
from forecast.models.earnings.states import draw_paths, draw_states

__all__ = ["case"]
AHEAD = N - T
DRAWS = 1_500


def paths(case, said, turns, seed=5):
    """Return noisy paths of one group, and how far a turn has moved their last quarter."""
    data, numbers = group_of(case, DRAWS)
    rng = np.random.default_rng(seed)
    past = dataclasses.replace(data, x=data.x[:T])
    states, _ = draw_states(rng, past, numbers)
    stream = rng.bit_generator.state
    plain = draw_paths(rng, data, numbers, states)[1]
    rng.bit_generator.state = stream
    own = {0: turns(numbers, states)} if turns else {}
    found = paths_given(rng, data, numbers, states, said, np.ones((DRAWS, 1)), own)
    return plain, found.noisy


def certain(hazard=1e9, **changes):
    """Return turns that come in the first quarter, or never."""
    priors = BustPriors(hazard=hazard, hazard_log_sd=1e-9, own_sd=1e-12, depth_sd=1e-12, **changes)

    def turns(numbers, states):
        growth = expected_growth(numbers, states, AHEAD)
        return draw_turns(np.random.default_rng(1), priors, growth, AHEAD)

    return turns


def test_without_statements_and_turns_paths_are_as_they_were(case):
    plain, found = paths(case, {}, None)
    np.testing.assert_array_equal(found, plain)
    _, never = paths(case, {}, certain(hazard=1e-12))
    np.testing.assert_array_equal(never, plain)


def test_a_turn_changes_growth_from_its_quarter_on_and_nothing_before(case):
    plain, found = paths(case, {}, certain(shortest=2, longest=2, depth=-0.2))
    np.testing.assert_array_equal(found[:, :T], plain[:, :T])
    data, numbers = group_of(case, DRAWS)
    rng = np.random.default_rng(5)
    states, _ = draw_states(rng, dataclasses.replace(data, x=data.x[:T]), numbers)
    growth = expected_growth(numbers, states, AHEAD)
    step = -0.2 - growth
    wanted = np.stack([step[:, 0], step[:, :2].sum(axis=1), step[:, :2].sum(axis=1)], axis=1)
    np.testing.assert_allclose(found[:, T : T + 3] - plain[:, T : T + 3], wanted, atol=1e-9)


def test_expected_growth_is_the_mean_growth_of_paths(case):
    data, numbers = group_of(case, 20_000)
    rng = np.random.default_rng(2)
    states, _ = draw_states(rng, dataclasses.replace(data, x=data.x[:T]), numbers)
    data = dataclasses.replace(data, x=np.column_stack([data.x[:, 0], np.zeros((N, 3))]))
    signal, _ = draw_paths(rng, data, numbers, states)
    found = np.diff(signal[:, T - 1 :], axis=1)[:, 1:]  # a season ends with the data
    wanted = expected_growth(numbers, states, AHEAD)[:, 1:]
    np.testing.assert_allclose((found - wanted).mean(axis=0), 0, atol=0.003)


def test_beginnings_and_none_are_all_there_is():
    turns = Turns(np.array([0.1, 3.0]), np.zeros((5, 2, 4, 1)))
    chances = np.exp(turns.log_prior())
    np.testing.assert_allclose(chances.sum(axis=0), 1.0)
    np.testing.assert_allclose(chances[-1], np.exp(-np.array([0.1, 3.0])))
    np.testing.assert_allclose(chances[0], 1 - np.exp(-np.array([0.1, 3.0]) / 4))


@pytest.mark.parametrize(("sd", "low", "high"), [(0.02, 0.0, 0.02), (5.0, 0.45, 0.55)])
def test_what_was_said_of_a_year_speaks_against_a_turn_within_it(case, sd, low, high):
    """Half of the draws turn by three tenths at once; the year is said to be as it would be without."""
    plain, _ = paths(case, {}, None)
    middle = np.median(np.log(np.exp(plain[:, T:, 0]).sum(axis=1)))
    said = {0: statements([range(T, N)], [middle], [sd])}

    def turns(numbers, states):
        growth = expected_growth(numbers, states, AHEAD)
        one = certain(depth=-1.0)(numbers, states)
        assert growth.shape == one.shift.shape[1:]
        shift = one.shift.copy()
        shift[1:-1] = 0.0
        return Turns(np.full(DRAWS, 4 * np.log(2)), shift)

    _, found = paths(case, said, turns)
    # a series without a statement of its own tells who turned
    _, without = paths(case, said, None)
    turned = (found[:, -1, 1] - without[:, -1, 1] < -1).mean()
    assert low <= turned <= high


def test_the_scale_of_what_comes_has_the_tails_of_a_t():
    priors = BustPriors()
    scale = draw_scale(np.random.default_rng(3), priors, 200_000)
    t = scale * np.random.default_rng(4).standard_normal(200_000)
    from scipy.stats import t as student

    for q in (0.9, 0.99):
        assert np.quantile(t, q) == pytest.approx(student(priors.tail).ppf(q), rel=0.03)
