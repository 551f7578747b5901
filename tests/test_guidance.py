"""Statements about quarters to come: sensitivities, and draws against dense matrices."""

import dataclasses

import numpy as np
import pandas as pd
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

from forecast.core.words import guided
from forecast.inference.sampling import prior_draws
from forecast.models.earnings import model as earnings
from forecast.models.earnings.conditioning import condition, sensitivities
from forecast.models.earnings.guidance import Guidance, Statements, open_statements
from forecast.models.earnings.panel import METRIC_GROUPS
from forecast.models.earnings.states import (
    Data,
    Numbers,
    eliminated,
    path_normals,
    paths_of,
    state_normals,
    states_of,
)
from forecast.models.panels import build_panel
from forecast.models.registry import get_model
from forecast.tables.shipped import read_vintages
from forecast.tables.vintages import as_of

__all__ = ["case"]
PRIORS = earnings.Priors()
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


# --- statements of the shipped panel ----------------------------------------------------------


@pytest.fixture(scope="module")
def parameters(earnings_panel):
    """Prior draws of the sampled numbers, completed given the data: any will do here."""
    drawn = prior_draws(get_model("earnings"), earnings_panel, PRIORS, size=300, seed=1)
    drawn = drawn.assign(hyper=(("chain", "draw"), np.zeros((1, 300))))
    rng = np.random.default_rng(2)
    return earnings.complete(drawn, earnings_panel, PRIORS, rng, given=True)


def year_of(panel, parameters, series="META/capex", quarters=(1, 2, 3, 4)):
    """Draws of a sum of quarters of 2026."""
    rng = np.random.default_rng(3)
    draws = earnings.draw(parameters, panel, PRIORS, "2027Q2", rng)
    own = draws["y"].sel(series=series, period=[f"2026Q{k}" for k in quarters])
    return own.sum("period").values.ravel()


def with_statements(panel, change):
    said = [change(one) for one in panel.drawn.statements]
    return dataclasses.replace(panel, drawn=Guidance(tuple(one for one in said if one)))


def is_metas_year(one):
    return (one.series, one.period) == ("META/capex", "2026")


def times(factor):
    def change(one):
        if not is_metas_year(one):
            return one
        ends = {name: factor * getattr(one, name) for name in ("low", "value", "high")}
        return dataclasses.replace(one, **ends)

    return change


def test_a_higher_range_raises_the_company_s_next_quarter_and_year(earnings_panel, parameters):
    higher = with_statements(earnings_panel, times(1.1))
    for quarters in ((2,), (1, 2, 3, 4)):
        before, after = (
            year_of(panel, parameters, quarters=quarters) for panel in (earnings_panel, higher)
        )
        assert 1.0 < np.median(after) / np.median(before) < 1.12
    # what the five share moves the others a little
    before, after = (
        year_of(panel, parameters, "GOOGL/capex") for panel in (earnings_panel, higher)
    )
    assert 0.99 < np.median(after) / np.median(before) < 1.05


def test_the_year_lies_near_what_was_said_and_far_less_widely(earnings_panel, parameters):
    with_said, without = (
        year_of(panel, parameters)
        for panel in (earnings_panel, with_statements(earnings_panel, lambda one: None))
    )
    said = 135 * np.exp(-0.034)  # with finance leases, USD bn
    assert abs(np.log(np.median(with_said) / said)) < abs(np.log(np.median(without) / said))
    assert np.log(with_said).std() < 0.7 * np.log(without).std()


def test_without_statements_draws_are_those_of_a_table_without_them(earnings_panel, parameters):
    table = read_vintages()
    bare = build_panel(as_of(table[table["metric"].map(guided) == ""], "2026-05-06"), "earnings")
    assert bare.content_hash == earnings_panel.content_hash
    assert bare.hash != earnings_panel.hash
    withheld = with_statements(earnings_panel, lambda one: None)
    assert (year_of(withheld, parameters) == year_of(bare, parameters)).all()


def test_what_is_said_after_the_day_changes_nothing(earnings_panel):
    table = read_vintages()
    later = (
        table[table["metric"] == "capex_guidance"]
        .tail(1)
        .assign(reported_on="2026-05-07", period="2027")
    )
    more = pd.concat([table, later], ignore_index=True)
    assert build_panel(as_of(more, "2026-05-06"), "earnings").hash == earnings_panel.hash
    assert build_panel(as_of(more, "2026-05-07"), "earnings").hash != earnings_panel.hash


def test_a_statement_that_contradicts_all_else_widens_and_does_not_break(
    earnings_panel, parameters
):
    """Said to be ten times as much: believed less than one step for one step, and told widely."""
    absurd = with_statements(earnings_panel, times(10.0))
    before, after = (year_of(panel, parameters) for panel in (earnings_panel, absurd))
    assert np.isfinite(after).all()
    assert np.log(np.median(after) / np.median(before)) < 0.75 * np.log(10)
    assert np.log(after).std() > 1.5 * np.log(before).std()


def test_a_floor_is_no_point(earnings_panel, parameters):
    """Half of what is said, as a floor, changes next to nothing; as a point, much."""

    def floor(kind):
        def change(one):
            half = times(0.5)(one)
            if not is_metas_year(one):
                return half
            return dataclasses.replace(half, kind=kind, low=half.value, high=half.value)

        return with_statements(earnings_panel, change)

    none = with_statements(earnings_panel, lambda one: None if is_metas_year(one) else one)
    without, bound, point = (
        np.median(year_of(panel, parameters)) for panel in (none, floor("at least"), floor("about"))
    )
    assert bound == pytest.approx(without, rel=0.05)
    assert point < 0.85 * without
    high = with_statements(
        earnings_panel,
        lambda one: (
            dataclasses.replace(times(1.5)(one), kind="at least") if is_metas_year(one) else one
        ),
    )
    assert np.median(year_of(high, parameters)) > 1.2 * without
    least = year_of(floor("at most"), parameters)
    assert np.median(least) < 0.85 * without


def test_statements_say_what_of_their_period_was_known_and_how_far_ahead(earnings_panel):
    told = {(s.series, s.period): s for s in earnings_panel.drawn.statements}
    year = told["META/capex", "2026"]
    assert (year.kind, year.first, year.quarters, year.share, year.wait) == (
        "range", "2026Q1", 4, 0.75, 0,
    )  # fmt: skip
    assert year.offset == pytest.approx(-0.034, abs=0.01)  # with finance leases it is more
    fiscal = told["ORCL/capex", "2025-06-01/2026-05-31"]
    assert (fiscal.first, fiscal.quarters, fiscal.share) == ("2025Q3", 4, 0.25)
    nvidia = told["NVDA/revenue", "2026-01-26/2026-04-26"]
    assert (nvidia.first, nvidia.quarters, nvidia.share, nvidia.wait) == ("2026Q1", 1, 1.0, 0)
    assert {s.said_on > "2026-05-06" for s in earnings_panel.drawn.statements} == {False}


def test_an_issuer_s_record_makes_its_bias_and_size(earnings_panel):
    """NVIDIA clears its own bar by some 5 %, and one that has missed by far is believed less."""
    flat = earnings.layout(earnings_panel)
    g = METRIC_GROUPS.index("revenue")
    mine = flat.group == g
    names = [n for n, own in zip(flat.names, mine, strict=True) if own]
    arrays = flat.y[:, mine], flat.seen[:, mine]
    total = len(flat.y) + 4
    said = open_statements(earnings_panel.drawn, names, "revenue", flat.first, *arrays, total)
    at = [names[s] for s in said.series]
    nvidia = said.issuer[at.index("NVDA/revenue")]
    assert said.bias[nvidia] == pytest.approx(0.05, abs=0.015)
    size = said.rate / said.shape
    assert size[nvidia] > 2 * size[said.issuer[at.index("MSFT/revenue")]]
    assert open_statements(Guidance(), names, "revenue", flat.first, *arrays, total) is None
