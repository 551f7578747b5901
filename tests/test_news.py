"""The pieces of a change add up, and reweighting agrees with fits."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from conftest import make_draws

from forecast.claims.read import read_claims
from forecast.core.errors import DataError
from forecast.inference import fitting, gate, sampling
from forecast.inference.fitting import fit
from forecast.inference.predict import forecast
from forecast.models import common
from forecast.models.base import select
from forecast.models.panels import build_panel
from forecast.models.registry import get_model
from forecast.news import explain as explained
from forecast.news import reweight, statistics
from forecast.news.explain import explain
from forecast.news.prospects import anticipate, check_prospect
from forecast.news.statistics import statistics_of
from forecast.tables.shipped import read_vintages
from forecast.tables.vintages import as_of

FEW = ("MSFT/capex", "META/capex", "MSFT/revenue", "META/revenue")
SUM = {
    "name": "two",
    "of": lambda d: d["y"].sel(series=list(FEW[:2])).sum("series").isel(period=-1),
}


def little(panel, first="2022Q1"):
    """Return the panel of two companies since a quarter; of guidance test_guidance_news.py tells."""
    data = panel.data
    keep = np.isin(data["series"].values.astype(str), FEW)
    panel = dataclasses.replace(panel, drawn=None)
    return select(panel, keep & (data["quarter"].values.astype(str) >= first))


def followed(level):
    hit = statistics.Statistic("sum/high", lambda d: SUM["of"](d) > level)
    return hit, statistics.Statistic("sum", lambda d: SUM["of"](d), unit="USD bn")


@pytest.fixture(scope="module")
def days():
    table = read_vintages()
    known = [as_of(table, day) for day in ("2026-01-15", "2026-01-28")]
    return known, [little(build_panel(one, "earnings")) for one in known]


@pytest.fixture(scope="module")
def parameters(days):
    """Return draws of the sampled parameters from the prior: they cost no sampler."""
    entry, panel = get_model("earnings"), days[1][1]
    drawn = sampling.prior_draws(entry, panel, entry.priors, size=60, seed=1)
    return drawn.assign({common.HYPER: xr.zeros_like(drawn["chain"] + drawn["draw"], dtype=float)})


@pytest.fixture
def run_of(parameters, monkeypatch):
    """Return a function that makes a run of a panel in no time, also where a fit is asked for."""

    def make(spec, panel):
        entry = get_model("earnings")
        shift = 1.1 if spec.variant == "sceptical" else 1.0
        full = entry.completed(
            parameters.assign(scale=shift * parameters["scale"]), panel, fitting.priors_of(spec),
            np.random.default_rng(spec.seed), given=True,
        )  # fmt: skip
        stamp = gate.Gate((), gate.digest(full))
        return fitting.Run(spec, panel, xr.DataTree.from_dict({"posterior": full}), stamp)

    monkeypatch.setattr(explained, "fit_spec", make)
    return lambda panel, variant="default": make(
        fitting.spec_of("earnings", panel, seed=1, variant=variant), panel
    )


def test_pieces_add_up_whatever_the_draws(days, run_of, caplog):
    # Prior draws are far from any posterior: panels in between are fitted, and it still adds up.
    (_, known), panels = days
    runs = [run_of(panel) for panel in panels]
    draws = tuple(forecast(run, seed=2) for run in runs)
    caplog.set_level("INFO", logger="forecast")
    split = explain(*runs, known, followed(120), draws, seed=3, size=40)
    kinds = [piece.kind for piece in split.pieces]
    assert kinds == ["new number"] * 4 + ["noise"]
    assert split.refits == len(caplog.messages) > 0
    np.testing.assert_allclose(split.change.sum(axis=0), split.after - split.before, atol=1e-9)
    reports = split.by_report()
    assert [p.label for p in reports.pieces[:-1]] == ["META 2026-01-28", "MSFT 2026-01-28"]
    np.testing.assert_allclose(reports.change.sum(axis=0), split.after - split.before, atol=1e-9)
    assert (split.low <= split.change + 1e-12).all()
    assert (split.change <= split.high + 1e-12).all()
    for name in ("sum/high", "sum"):
        assert name in split.sentence(name)
        assert len(split.frame(name)) == 5
    with pytest.raises(DataError, match="0 statistics match 'tea'"):
        split.index("tea")


def test_the_same_run_is_no_news(days, run_of):
    (known, _), (panel, _) = days
    run = run_of(panel)
    draws = forecast(run, seed=2)
    split = explain(run, run, known, followed(120), (draws, draws), seed=3)
    assert [p.kind for p in split.pieces] == ["noise"]
    assert (split.change == 0).all()


def test_what_the_earlier_run_gave_counts(days, run_of, monkeypatch):
    # Whether panels in between are fitted is of no matter here, and the fits take their time.
    monkeypatch.setattr(reweight, "MAX_K", np.inf)
    monkeypatch.setattr(reweight, "MIN_EFFECTIVE", 0.0)
    (_, known), panels = days
    runs = [run_of(panel) for panel in panels]
    draws = tuple(forecast(run, seed=2) for run in runs)
    split = explain(*runs, known, followed(120), draws, seed=3, size=40, said={"sum/high": 0.125})
    assert split.before[0] == 0.125
    np.testing.assert_allclose(split.change.sum(axis=0), split.after - split.before, atol=1e-9)


def test_other_assumptions_and_another_model_are_pieces(days, run_of):
    (known, _), (panel, _) = days
    runs = [run_of(panel, variant) for variant in ("default", "sceptical")]
    draws = tuple(forecast(run, seed=2) for run in runs)
    split = explain(*runs, known, followed(120), draws, seed=3)
    assert [p.kind for p in split.pieces] == ["assumptions", "noise"]
    assert split.change[0, 1] != 0
    np.testing.assert_allclose(split.change[1], 0, atol=1e-9)  # the refit is the later run
    old = dataclasses.replace(runs[0], spec=dataclasses.replace(runs[0].spec, code_hash="older"))
    split = explain(old, runs[1], known, followed(120), draws, seed=3)
    assert [p.kind for p in split.pieces] == ["model", "assumptions", "noise"]
    np.testing.assert_allclose(split.change.sum(axis=0), split.after - split.before, atol=1e-9)


def test_other_series_cannot_be_walked_between(days, run_of):
    (_, known), panels = days
    fewer = select(panels[0], panels[0].data["series"].values != "META/capex")
    level = statistics.Statistic(
        "m/high", lambda d: d["y"].sel(series="MSFT/capex").isel(period=-1) > 50
    )
    run = run_of(panels[1])
    draws = forecast(run, seed=2)
    old = dataclasses.replace(run, panel=fewer)
    split = explain(old, run, known, [level], (draws, draws), seed=3)
    assert [p.kind for p in split.pieces] == ["data", "noise"]


def test_a_revision_and_a_withdrawn_number_are_named(days):
    (_, known), (before, after) = days
    data = before.data.copy(deep=True)
    data["value"][3] *= 1.1
    old = dataclasses.replace(before, data=data.isel(obs=slice(0, -1)))
    cells = reweight.cells_of(old, after)
    moves = explained._moves(cells, known)
    kinds = sorted(m.piece.kind for m in moves)
    assert kinds == ["new number"] * 5 + ["revision"]
    assert "→" in next(m.piece.label for m in moves if m.piece.kind == "revision")
    back = explained._moves(reweight.cells_of(after, before), known)
    assert {m.piece.kind for m in back} == {"withdrawn"}


def test_pooled_weights_recover_both_ends():
    # Two normal laws: the pool's weights give the mean of each, and of one in between.
    rng = np.random.default_rng(0)
    centres = (0.0, 1.5)
    x = np.concatenate([rng.normal(c, 1, 20000) for c in centres])
    logs = [-0.5 * (x - c) ** 2 + 7 * c for c in centres]  # constants must not matter
    pool = reweight.pooled(*logs)
    for centre in (*centres, 0.75):
        weights, k = reweight._weights(-0.5 * (x - centre) ** 2 - pool)
        assert k < 0.7
        assert weights @ x == pytest.approx(centre, abs=0.04)


def test_the_error_of_a_median_is_that_of_many_samples():
    rng = np.random.default_rng(1)
    n = 4000
    medians, errors = [], []
    for _ in range(200):
        one = reweight.estimate_of(rng.normal(3, 2, (n, 1)), np.full(n, 1 / n), np.array([True]))
        medians.append(one.value[0])
        errors.append(np.sqrt((one.influence**2).sum()))
    assert np.mean(errors) == pytest.approx(np.std(medians), rel=0.2)


def test_a_weighted_median_lies_where_half_the_weight_does():
    values, weights = np.array([[1.0], [2.0], [3.0], [4.0]]), np.array([0.1, 0.2, 0.4, 0.3])
    one = reweight.estimate_of(values, weights, np.array([True]))
    # The weight up to the middle of each draw: 0.05, 0.2, 0.5, 0.85.
    assert one.value[0] == pytest.approx(3.0)
    below = reweight.estimate_of(values, np.array([0.4, 0.3, 0.2, 0.1]), np.array([True]))
    assert below.value[0] == pytest.approx(1 + 0.3 / 0.35)  # 0.2, 0.55


def test_a_number_taken_as_reported_moves_a_probability_with_the_error_of_the_difference(
    days, run_of, monkeypatch
):
    monkeypatch.setattr(reweight, "MAX_K", np.inf)
    monkeypatch.setattr(reweight, "MIN_EFFECTIVE", 0.0)
    run, (hit, _) = run_of(days[1][0]), followed(120)
    ask = {"series": "MSFT/capex", "period": "2025Q4", "seed": 3, "size": 40}
    low, high, low_too = reweight.as_if(run, hit, values=[18.0, 40.0, 18.0], **ask)
    assert low == low_too
    assert low.value < high.value
    # By hand: the weight of each draw is the likelihood of the panel with the number over that without.
    road_of = {}

    def points(road, panels):
        road_of.update(road=road, panels=panels)
        return real(road, panels)

    real = reweight.points_of
    monkeypatch.setattr(reweight, "points_of", points)
    (again,) = reweight.as_if(run, hit, values=[40.0], **ask)
    assert again == high
    (plain, happens), (density, would) = (
        reweight.look(road_of["road"], road_of["road"].sides, values)
        for values in road_of["panels"]
    )
    weights, _ = reweight._weights(density - plain)
    happens, would, n = happens[:, 0], would[:, 0], len(plain)
    assert high.value == pytest.approx(weights @ would)
    assert high.change == pytest.approx(weights @ would - happens.mean())
    apart = weights * (would - weights @ would) - (happens - happens.mean()) / n
    assert high.error == pytest.approx(np.sqrt((apart**2).sum()))


def test_far_posteriors_share_no_draws():
    """Each of one side's draws has the largest weight there is: no tail to smooth."""
    rng = np.random.default_rng(8)
    x = np.concatenate([rng.normal(0, 1, 500), rng.normal(90, 1, 500)])
    logs = [-0.5 * (x - centre) ** 2 for centre in (0, 90)]
    weights, k = reweight._weights(logs[0] - reweight.pooled(*logs))
    assert k == -np.inf
    np.testing.assert_allclose(weights, np.repeat([1 / 500, 0], 500), atol=1e-12)


def test_what_is_followed(known):
    names = ("big_five/capex", "big_four/capex", "NVDA/data_center_revenue")
    quarters = [f"{y}Q{q}" for y in range(2025, 2029) for q in (1, 2, 3, 4)]
    draws = make_draws(np.ones((2, 3, 3, 16)), names=names, periods=quarters, model="earnings")
    found = {s.name: s for s in statistics_of(read_claims(), "earnings", draws, ["big_five/capex"])}
    assert {"value_correction/big_five_capex_down_10", "big_five/capex 2026"} <= set(found)
    total = found["big_five/capex 2026"].of(draws)
    assert (total == 4).all()
    assert set(total.dims) == {"chain", "draw"}


def test_reports_of_new_and_revised_numbers_are_told_in_their_order(known, monkeypatch):
    """A year's three figures come first, then two revisions of another day, then what no model sees."""
    market = known.rows[known.rows["entity"] == "AI market"]
    earlier = as_of(market[market["period"] < "2025"], "2026-07-01")
    later = market[market["period"] == "2025"].assign(reported_on="2026-05-10")
    revised = market[market["period"] == "2024"].iloc[:2]
    revised = revised.assign(value=revised["value"] * 1.1, reported_on="2026-06-01")
    beside = (
        known.rows[known.rows["metric"] == "depreciation_ppe"]
        .iloc[:1]
        .assign(reported_on="2026-06-15")
    )
    # The revisions are known first: rows do not stand in the order of their days.
    rows = pd.concat([earlier.rows, beside, revised, later], ignore_index=True)
    now = as_of(rows, "2026-07-01")
    before, after = (build_panel(one, "market") for one in (earlier, now))
    pieces, panel_of = explained._reports(before, after, earlier, now)
    assert [p.label for p in pieces] == ["AI market 2026-05-10", "AI market 2026-06-01"]
    assert {p.kind for p in pieces} == {"report"}
    assert panel_of((0, 1)).content_hash == after.content_hash
    alone = as_of(pd.concat([earlier.rows, revised], ignore_index=True), "2026-07-01")
    assert panel_of((1,)).content_hash == build_panel(alone, "market").content_hash
    monkeypatch.setattr(explained, "MOST_REFITS", 1)
    assert explained._reports(before, after, earlier, now) is None  # too many to fit each


# --- real fits -------------------------------------------------------------------------------
@pytest.mark.slow
def test_reweighting_agrees_with_fits_and_with_the_print(days):
    (_, known), (before, after) = days
    middle = select(after, ~np.isin(np.arange(after.data.sizes["obs"]), _new(before, after)[1:]))
    runs = [fit("earnings", p, seed=1, progress=False)
            for p in (before, after, middle)]  # fmt: skip
    draws = [forecast(run, seed=2) for run in runs]
    level = float(SUM["of"](draws[0]).median())
    statistics = followed(level)
    split = explain(runs[0], runs[1], known, statistics, tuple(draws[:2]), seed=3)
    assert (split.refits, split.worst_k < 0.7) == (0, True)
    np.testing.assert_allclose(split.change.sum(axis=0), split.after - split.before, atol=1e-12)
    assert (np.abs(split.change[-1]) < 4 * split.error[-1]).all()
    # One number of the walk, by a fit of its own.
    road = explained._road(runs[0], runs[1], statistics, draws[1], seed=3, size=1000)
    values = road.cells["value_old"].to_numpy(float).copy()
    row = _cell(road.cells, middle, before)
    values[row] = road.cells["value"].to_numpy(float)[row]
    (point,) = reweight.points_of(road, [reweight.Told(values, middle.drawn)])
    fresh = reweight.plainly(statistics, draws[2]).value
    assert not point.fitted
    assert point.k < 0.7
    assert abs(point.estimate.value[0] - fresh[0]) < 0.05
    error = float(np.sqrt((point.estimate.influence[:, 1] ** 2).sum()))  # of the reweighted median
    assert abs(point.estimate.value[1] - fresh[1]) < 3 * error < 0.1 * fresh[1]
    # What a number would do, by regression over draws and by reweighting.
    prospects = anticipate(draws[0], statistics[:1], seed=5)
    best = check_prospect(max(prospects, key=lambda p: p.bits), runs[0], statistics[0], seed=6)
    for at, value in best.checked.items():
        assert abs(value - np.interp(at, best.levels, best.curve)) < 0.08


@pytest.mark.slow
def test_a_model_with_sampled_states_is_split_report_by_report_by_fits(known):
    """Two revisions of the article's market, of two days: the four fits of every order of them."""
    market = known.rows[known.rows["entity"] == "AI market"]
    rows = market[market["period"] == "2025"].set_index("metric", drop=False)
    revised = rows.loc[["datacenter_capex", "ai_revenue"]].assign(
        value=[160.0, 100.0], reported_on=["2026-06-01", "2026-07-01"]
    )
    states = [
        as_of(pd.concat([market, revised.iloc[list(chosen)]], ignore_index=True), "2026-07-01")
        for chosen in ((), (0,), (1,), (0, 1))
    ]
    panels = [build_panel(state, "market") for state in states]
    runs = [fit("market", panel, seed=1, progress=False) for panel in panels]
    assert all(run.gate.passed for run in runs)
    draws = [forecast(run, seed=2) for run in runs]
    capex = statistics.Statistic(
        "capex", lambda d: d["y"].sel(series="AI market/datacenter_capex", period="2027"), "USD bn"
    )
    ends = (runs[0], runs[3], states[3], [capex], (draws[0], draws[3]))
    split = explain(*ends, seed=3, earlier=states[0])
    assert [p.kind for p in split.pieces] == ["revision", "revision", "noise"]
    assert split.pieces[0].label == "AI market datacenter capex 2025 160 USD bn"
    assert split.refits == 2
    medians = [float(d["y"].sel(series="AI market/datacenter_capex", period="2027").median())
               for d in draws]  # fmt: skip
    first, both = medians[1] - medians[0], medians[3] - medians[2]
    assert split.change[0, 0] == pytest.approx((first + both) / 2)
    assert (split.low[0, 0], split.high[0, 0]) == pytest.approx(sorted((first, both)))
    assert split.change[0, 0] > 20  # USD 30 bn more in 2025
    assert split.change.sum() == pytest.approx(medians[3] - medians[0])
    assert split.change[2, 0] == pytest.approx(0, abs=1e-9)
    # Without what was known before it is one piece.
    whole = explain(*ends, seed=3)
    assert [p.kind for p in whole.pieces] == ["data", "noise"]


def _new(before, after):
    old = set(zip(before.frame()["series"], before.frame()["quarter"], strict=True))
    new = list(zip(after.frame()["series"], after.frame()["quarter"], strict=True))
    return [k for k, key in enumerate(new) if key not in old]


def _cell(cells, middle, before):
    k = _new(before, middle)[0]
    frame = middle.frame()
    at = (cells["series"] == frame["series"][k]) & (cells["quarter"] == frame["quarter"][k])
    return int(np.flatnonzero(at)[0])
