"""Returns of indices: their density, their paths, the falls on them, and base rates of month-ends."""

import dataclasses
import logging

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from scipy import stats

from forecast.core.errors import DataError
from forecast.core.periods import month_index
from forecast.inference.sampling import prior_draws
from forecast.models.hazard import model as hazard
from forecast.models.hazard import returns
from forecast.models.hazard.panel import (
    CLASS_VIEW,
    FALLS,
    OWN_VIEW,
    base_rates,
    hazard_panel,
    index_returns,
    month_end_rates,
    positions,
    views,
    with_positions,
)
from forecast.models.registry import get_model
from forecast.tables.shipped import read_reference_table

PRIORS = hazard.Priors()
INDEX = "PHLX semiconductor index"
SHIPPED = {"NDX 1985-2026, all": "Nasdaq-100", "SOX 1994-2026, all": INDEX,
           "S&P 500 1971-2026, all": "S&P 500"}  # fmt: skip


@pytest.fixture(scope="module")
def table():
    return read_reference_table("index_returns_monthly")


def made(values, first="2000-01", name="Mine"):
    """Return rows of the table of one index."""
    start = month_index(first)
    months = [f"{k // 12}-{k % 12 + 1:02d}" for k in range(start, start + len(values))]
    return pd.DataFrame(
        {"month": months, "series": name, "log_return": values, "log_high_over_close": 0.0,
         "log_low_over_close": 0.0}
    )  # fmt: skip


# --- the table --------------------------------------------------------------------------------
def test_shipped_base_rates_are_those_of_month_ends_to_the_articles_date(table):
    """And so of one frequency with the run-ups, and without a window that ends later."""
    assert table["month"].max() == "2026-04"
    rates = read_reference_table("drawdown_base_rates").set_index("sample")
    for sample, name in SHIPPED.items():
        own = table[table["series"] == name].sort_values("month")["log_return"].to_numpy()
        for within in (18, 24):
            said = [rates.loc[sample, f"p{fall}_{within}m"] for fall in FALLS]
            assert said == pytest.approx(month_end_rates(own, within), abs=6e-4), (sample, within)
        assert rates.loc[sample, "independent_blocks"] == len(own) // 24


def test_a_base_rate_is_the_share_of_windows_that_fell():
    own = np.random.default_rng(4).normal(0, 0.08, 60)
    level = np.exp(np.r_[0, np.cumsum(own)])
    for fall, got in zip(FALLS, month_end_rates(own, 18), strict=True):
        hit = [
            any(level[k + t] <= (1 - fall / 100) * level[k : k + t + 1].max() for t in range(19))
            for k in range(len(level) - 18)
        ]
        assert got == pytest.approx(np.mean(hit))


def test_positions_are_of_the_table_s_month_ends(table):
    wide = table.pivot(index="month", columns="series", values="log_return").loc[:"2026-04"]
    grown = 100 * np.expm1(wide.tail(24).sum())
    level = np.exp(wide.fillna(0).cumsum())
    for row in read_reference_table("positions").itertuples():
        assert row.raw == pytest.approx(grown[row.entity], abs=0.6)
        assert row.net == pytest.approx(grown[row.entity] - grown["S&P 500"], abs=0.6)
        assert level[row.entity].idxmax() == "2026-04"  # it stands at its peak


def test_months_that_are_missing_or_twice_are_named(table):
    own = table[table["series"] == INDEX]
    gap = own[~own["month"].isin(["2001-03", "2010-07"])]
    with pytest.raises(DataError, match=f"no row of {INDEX} 2001-03, {INDEX} 2010-07"):
        index_returns(gap, "2026-05-06", [INDEX])
    with pytest.raises(DataError, match=f"two rows of {INDEX} 2026-04"):
        index_returns(pd.concat([own, own.tail(1)]), "2026-05-06", [INDEX])
    assert index_returns(gap, "2000-05-06", [INDEX])["month"].values[-1] == "2000-04"
    assert not index_returns(own, "1995-01-31", [INDEX])  # eight months say nothing


# --- the density ------------------------------------------------------------------------------
def slow_variance(own, t, p):
    """Return the variance of month t by the module's formula; before the first month stands V."""
    long_run = p["volatility"] ** 2
    last = [own[t - k] if t >= k else None for k in range(1, 13)]
    down = np.mean([long_run if r is None else 2 * min(r, 0) ** 2 for r in last[:3]])
    all_moves = np.mean([long_run if r is None else r**2 for r in last])
    mixed = p["recent"] * down + (1 - p["recent"]) * all_moves
    return long_run * (1 - p["memory"]) + p["memory"] * mixed


def at_a_point(model, panel):
    """Return a point of the model, and the parameters of each index there."""
    point = {k: v + 0.0 for k, v in model.initial_point().items()}
    rng = np.random.default_rng(2)
    for v in model.free_RVs:
        name = model.rvs_to_values[v].name
        point[name] = point[name] + 0.2 * rng.standard_normal(np.shape(point[name]))
    there = {
        "drift": point["drift"], "volatility": np.exp(point["volatility_log__"]),
        "tail": np.exp(point["tail_log__"]),
        **{n: 1 / (1 + np.exp(-point[f"{n}_logodds__"])) for n in ("memory", "recent")},
    }  # fmt: skip
    return point, [{k: v[i] for k, v in there.items()} for i in range(panel.data.sizes["index"])]


def test_the_density_is_scipys_t_of_each_month_given_those_before(hazard_panel):
    model = hazard.build(hazard_panel, PRIORS)
    point, there = at_a_point(model, hazard_panel)
    fast = model.compile_fn(
        model.logp(vars=[model["returns"]]), inputs=model.value_vars, mode="FAST_COMPILE",
        on_unused_input="ignore",
    )  # fmt: skip
    total = 0.0
    for i, p in enumerate(there):
        own = hazard_panel.data["log_return"].values[:, i]
        own = own[np.isfinite(own)]
        for t, value in enumerate(own):
            unit = np.sqrt(slow_variance(own, t, p) * p["tail"] / (p["tail"] + 2))
            total += stats.t.logpdf(value, p["tail"] + 2, p["drift"], unit)
    assert float(fast(point)) == pytest.approx(total, rel=1e-9)


def law(size=1, count=1, **changed):
    usual = {"drift": 0.0, "volatility": 0.06, "memory": 0.7, "recent": 0.4, "tail": 6.0}
    return returns.Law(*(np.full((size, count), v) for v in {**usual, **changed}.values()))


def test_simulated_months_have_the_variance_of_the_formula_and_scipys_tails():
    before = np.random.default_rng(1).normal(0, 0.1, (12, 1))
    before[:4] = np.nan  # the index is eight months old
    seen = np.ones((1, 1), dtype=bool)
    drawn = returns.paths_of(law(100_000), before, seen, np.eye(1), np.random.default_rng(2))
    p = {"volatility": 0.06, "memory": 0.7, "recent": 0.4}
    variance = slow_variance(before[4:, 0], 8, p)
    unit = drawn[:, 0, 0] / np.sqrt(variance * 6 / 8)
    assert stats.kstest(unit, stats.t(8).cdf).pvalue > 0.001
    assert drawn.var() == pytest.approx(variance, rel=0.03)


def test_a_fall_makes_the_next_quarter_wilder_than_a_rise():
    def next_sd(last):
        before = np.zeros((12, 1))
        before[-1] = last
        seen = np.ones((1, 1), dtype=bool)
        return returns.paths_of(
            law(20_000), before, seen, np.eye(1), np.random.default_rng(3)
        ).std()

    assert next_sd(-0.3) > 1.2 * next_sd(0.3) > 1.2 * next_sd(0.0)


def test_replicates_stand_where_the_panel_has_returns(hazard_panel):
    p = prior_draws(get_model("hazard"), hazard_panel, PRIORS, size=3, seed=1)
    new = hazard.replicate(p, hazard_panel, PRIORS, np.random.default_rng(1))["log_return"]
    seen = np.isfinite(hazard_panel.data["log_return"].values)
    assert (np.isfinite(new) == seen).all()
    assert 0.02 < np.nanstd(new) < 0.4


def test_indices_move_together_as_their_returns_did(table):
    data = index_returns(table, "2026-05-06", ["Nasdaq-100", INDEX])["log_return"].values
    root = returns.together(data)
    both = data[np.isfinite(data).all(axis=1)]
    assert (root @ root.T)[0, 1] == pytest.approx(np.corrcoef(both.T)[0, 1], abs=0.002)
    np.testing.assert_array_equal(returns.together(data[:20]), np.eye(2))


# --- falls ------------------------------------------------------------------------------------
def certain(drift):
    """Return parameters under which an index goes by its drift and nothing else."""
    values = {"drift": drift, "volatility": 1e-9, "memory": 0.0, "recent": 0.5, "tail": 6.0}
    dims = ("chain", "draw", "index")
    return xr.Dataset({k: (dims, np.full((1, 2, 1), v)) for k, v in values.items()})


@pytest.mark.parametrize(("since", "below"), [(2, 0.15), (1, 0.05), (0, 0.0)])
def test_a_fall_is_counted_from_the_highest_month_end_since_the_record_began(since, below):
    known = np.array([[0.5], [-0.1], [-0.05]])  # two months ago it stood highest
    y, p = returns.first_falls(
        certain(-0.04), known, np.array([since]), 14, np.random.default_rng(1)
    )
    np.testing.assert_array_equal(y, p)
    by_hand = [
        next(t for t in range(1, 15) if 1 - np.exp(-below - 0.04 * t) >= fall / 100)
        for fall in FALLS
    ]
    assert (y[0, 0].argmax(axis=-1) + 1).tolist() == by_hand
    assert (np.diff(y, axis=-1) >= 0).all()  # a fall that has come stays


@pytest.fixture(scope="module")
def drawn(hazard_panel):
    p = prior_draws(get_model("hazard"), hazard_panel, PRIORS, size=3000, seed=5)
    own = {w: dataclasses.replace(PRIORS, own_returns=w) for w in (0.0, 0.5, 1.0)}
    return {
        w: hazard.draw(p, hazard_panel, priors, "2028-04", np.random.default_rng(1))
        for w, priors in own.items()
    }


def test_an_index_has_one_answer_between_those_of_two_models(drawn):
    def at(weight, entity, fall, what="y"):
        one = drawn[weight][what].sel(series=f"{entity}/fall_{fall}", period="2028-04")
        return one.values.ravel()

    for entity in (INDEX, "Nasdaq-100"):
        for fall in FALLS:
            by = [at(0.5, f"{entity}, {kind}", fall) for kind in (CLASS_VIEW, OWN_VIEW)]
            np.testing.assert_array_equal(at(0.0, entity, fall), by[0])
            np.testing.assert_array_equal(at(1.0, entity, fall), by[1])
            mixed = at(0.5, entity, fall)
            assert (np.isin(mixed, by[0]) | np.isin(mixed, by[1])).all()
            a, b = (at(0.5, f"{entity}, {k}", fall, "signal") for k in (CLASS_VIEW, OWN_VIEW))
            np.testing.assert_allclose(at(0.5, entity, fall, "signal"), (a + b) / 2)
            assert mixed.mean() == pytest.approx((by[0].mean() + by[1].mean()) / 2, abs=0.04)


def test_a_draw_goes_by_one_model_from_end_to_end(drawn):
    """Else a fall could come and go again."""
    y = drawn[0.5]["y"].sel(series=[f"{INDEX}/fall_{fall}" for fall in FALLS]).values
    assert (np.diff(y, axis=-1) >= 0).all()
    assert (np.diff(y, axis=2) <= 0).all()


def test_the_nasdaq_is_forecast_by_its_base_rate_with_its_error(drawn, hazard_panel):
    one = {p.entity: p for p in positions(hazard_panel)}["Nasdaq-100"]
    rates = base_rates(hazard_panel, one)
    signal = drawn[0.5]["signal"].sel(period="2028-04")
    for fall in FALLS:
        own = signal.sel(series=f"Nasdaq-100, {CLASS_VIEW}/fall_{fall}").values.ravel()
        p, n = rates[f"p{fall}_24m"], one.blocks
        # a Beta with half an event more on each side of every limit
        events = n * p + 0.5 * (4 - FALLS.index(fall) - 1)
        assert own.mean() == pytest.approx(events / (n + 2), abs=0.005)
        assert own.std() == pytest.approx(stats.beta(events, n + 2 - events).std(), rel=0.06)


def test_no_fixed_factor_leads_from_a_fall_to_a_deeper_one(drawn):
    """What share of falls of 20 % go on to 40 % differs between draws, in every law."""
    signal = drawn[0.5]["signal"].sel(period="2028-04")
    for entity in (INDEX, "Nasdaq-100"):
        for kind in (CLASS_VIEW, OWN_VIEW):
            deep, fell = (signal.sel(series=f"{entity}, {kind}/fall_{f}").values for f in (40, 20))
            share = (deep / np.where(fell > 0, fell, np.nan))[fell > 0.1]
            assert share.std() > 0.05, (entity, kind)


def test_an_index_whose_returns_end_too_early_is_forecast_by_its_class(table, caplog):
    runs, places = read_reference_table("runups"), read_reference_table("positions")
    short = table[~((table["series"] == INDEX) & (table["month"] == "2026-04"))]
    with caplog.at_level(logging.WARNING):
        panel = hazard_panel(runs, "2026-05-06", places, None, short)
    assert "does not reach 2026-04" in caplog.text
    told = [view.position.entity for view in views(panel)]
    assert told.count(INDEX) == 1
    assert f"{INDEX}, {OWN_VIEW}" not in told
    assert f"Nasdaq-100, {OWN_VIEW}" in told
    assert views(panel)[told.index(INDEX)].index == ""


def test_a_record_and_returns_that_disagree_are_named(table):
    places = read_reference_table("positions")
    later = places.assign(dated="2026-08-31", fell_20="2026-07")
    fallen = [made([-0.3, 0.0, 0.0, 0.0], "2026-05", name) for name in places["entity"]]
    more = pd.concat([table, *fallen])
    both = pd.concat([places, later])
    runs = read_reference_table("runups")
    with pytest.raises(DataError, match=r"its month-end closes fell by 20 % first in 2026-05"):
        hazard_panel(runs, "2026-08-31", both, None, more)
    later["fell_20"] = "2026-05"
    panel = hazard_panel(runs, "2026-08-31", pd.concat([places, later]), None, more)
    p = prior_draws(get_model("hazard"), panel, PRIORS, size=20, seed=5)
    drawn = hazard.draw(p, panel, PRIORS, "2028-04", np.random.default_rng(1))
    own = drawn["y"].sel(series=f"{INDEX}, {OWN_VIEW}/fall_20").isel(chain=0, draw=0)
    assert own.values.tolist() == [1.0] * 24


def test_a_panel_without_a_named_index_has_no_returns():
    runs, places = read_reference_table("runups"), read_reference_table("positions")
    panel = hazard_panel(runs, "2026-05-06", places.iloc[:0])
    assert "log_return" not in panel.data
    entry = get_model("hazard")
    p = prior_draws(entry, panel, PRIORS, size=3, seed=1)
    assert "drift" not in p
    assert "drift" not in entry.reported_of(p)
    assert set(entry.report) - set(entry.reported_of(p)) == set(hazard.RETURNS_REPORT)
    assert set(hazard.replicate(p, panel, PRIORS, np.random.default_rng(1))) == {
        f"{what}{fall}" for what in ("months", "event") for fall in FALLS
    }


def test_two_positions_of_one_day_are_drawn_of_the_same_months(hazard_panel):
    """The answers of two indices belong together: they fall in the same draws more often than not."""
    p = prior_draws(get_model("hazard"), hazard_panel, PRIORS, size=2000, seed=5)
    p = p.assign(tail=p["tail"] * 0 + 6)
    y = hazard.draw(p, hazard_panel, PRIORS, "2028-04", np.random.default_rng(1))["y"]
    a, b = (
        y.sel(series=f"{e}, {OWN_VIEW}/fall_20", period="2028-04").values.ravel()
        for e in (INDEX, "Nasdaq-100")
    )
    assert np.corrcoef(a, b)[0, 1] > 0.25


def test_a_user_s_position_has_one_answer(hazard_panel):
    one = dataclasses.replace(positions(hazard_panel)[-1], entity="Mine")
    told = [v.position.entity for v in views(with_positions(hazard_panel, [one]))]
    assert told[-1] == "Mine"
