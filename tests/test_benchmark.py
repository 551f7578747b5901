"""Scores of public models: what enters the panel, what the density says, and what gains are."""

import dataclasses
import datetime as dt

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from scipy import special, stats
from scipy.special import expit

from forecast.core.errors import DataError
from forecast.evaluation.calibration import refill
from forecast.evaluation.left_out import predict_left_out
from forecast.inference.fitting import fit
from forecast.inference.sampling import prior_draws
from forecast.models.base import Panel, select
from forecast.models.benchmark import abilities, frontier, layout, spending
from forecast.models.benchmark import model as benchmark
from forecast.models.benchmark.draws import draw
from forecast.models.benchmark.panel import admitted, benchmark_panel
from forecast.models.registry import get_model
from forecast.tables.shipped import read_reference_table

AS_OF = "2026-05-06"
PRIORS = benchmark.Priors()


@pytest.fixture(scope="module")
def table():
    return read_reference_table("frontier_models")


def panel_of(table, as_of=AS_OF):
    return benchmark_panel(table, as_of)


def few(table, most=40):
    """Releases of two organisations, open and closed, circular compute among them."""
    scored = table[["mmlu", "gpqa_diamond"]].notna().any(axis=1)
    chosen = table[scored & table["organisation"].isin(["OpenAI", "Meta AI"])]
    return chosen.iloc[:most].reset_index(drop=True)


@pytest.fixture(scope="module")
def small(table):
    return panel_of(few(table))


# --- panel -----------------------------------------------------------------------------------
def test_compute_inferred_from_benchmarks_changes_neither_panel_nor_draws(table):
    some = few(table)
    circular = some["compute_benchmark_dependence"].isin(["full", "partial"])
    assert circular.sum() >= 3
    changed = some.copy()
    changed.loc[circular, ["training_compute_flop", "training_cost_musd_mid"]] *= 1000.0
    one, two = panel_of(some), panel_of(changed)
    assert one.hash == two.hash
    model, draws = get_model("benchmark"), []
    for panel in (one, two):
        parameters = prior_draws(model, panel, PRIORS, size=40, seed=1)
        draws.append(model.draw(parameters, panel, PRIORS, "2026", np.random.default_rng(0)))
    assert draws[0].equals(draws[1])
    # and the same change where compute is independent is seen
    changed.loc[~circular, "training_compute_flop"] *= 1000.0
    assert panel_of(changed).hash != one.hash


def test_all_circular_compute_and_its_cost_is_left_out(table, benchmark_panel):
    circular = table[table["compute_benchmark_dependence"].isin(["full", "partial"])]
    rows = np.isin(benchmark_panel.data["release"].values, circular["model"])
    assert rows.sum() > 20
    assert np.isnan(benchmark_panel.data["log_compute"].values[rows]).all()
    assert np.isnan(benchmark_panel.data["log_cost"].values[rows]).all()
    assert np.isfinite(benchmark_panel.data["log_compute"].values).sum() > 250


@pytest.mark.parametrize(
    ("dependence", "confidence", "wanted"),
    [("none", "Speculative", True), ("full", "Confident", False), ("partial", "Likely", False),
     ("", "Likely", True), ("", "Speculative", False), ("", "", True)],
)  # fmt: skip
def test_which_compute_is_admitted(dependence, confidence, wanted):
    record = pd.Series(
        {"compute_benchmark_dependence": dependence, "compute_confidence_epoch": confidence}
    )
    assert admitted(record) is wanted


def test_later_releases_are_not_seen(table):
    later = table.iloc[[-1]].assign(model="from the future", release_date="2026-05-07", mmlu=99.0)
    more = pd.concat([table, later], ignore_index=True)
    assert panel_of(more).hash == panel_of(table).hash
    assert panel_of(more, "2026-05-07").data.sizes["obs"] > panel_of(table).data.sizes["obs"]
    early = panel_of(table, "2023-12-31")
    assert max(early.data["released"].values.tolist()) <= "2023-12-31"
    gone = table[table["release_date"] <= "2023-12-31"]
    assert panel_of(gone, "2023-12-31").hash == early.hash


def test_every_protocol_is_a_row_of_its_own(benchmark_panel):
    rows = benchmark_panel.frame().set_index(["release", "protocol"])["score"]
    gpt = rows.loc["gpt-4o-2024-11-20"]
    assert gpt["5-shot, developer"] == pytest.approx(0.881)
    assert gpt["0-shot with reasoning, simple-evals"] == pytest.approx(0.857)
    assert rows.loc[("gpt-4-0613", "5-shot, HELM")].item() == pytest.approx(0.824)


def test_scores_far_below_chance_are_left_out_and_named(table):
    panel = panel_of(table)
    gpqa = 100 * panel.data["score"].values[panel.data["benchmark"].values == "GPQA Diamond"]
    printed = table.loc[table["gpqa_diamond"] < 18, ["model", "gpqa_diamond"]]
    chance_less_three = 25 - 3 * 100 * np.sqrt(0.25 * 0.75 / 198)
    assert gpqa.min() > chance_less_three > printed["gpqa_diamond"].min()
    (note,) = panel.notes
    for name in printed.loc[printed["gpqa_diamond"] < chance_less_three, "model"]:
        assert name in note
    assert (gpqa < 25).any()  # a little below chance is chance


def test_a_table_with_few_columns_is_enough(table):
    own = table[["model", "release_date", "open_weights", "mmlu"]]
    data = panel_of(own).data
    assert set(data["protocol"].values) == {"not stated"}
    assert np.isnan(data["log_compute"].values).all()


def test_tables_the_model_cannot_take(table):
    with pytest.raises(DataError, match=r"missing open_weights"):
        panel_of(table.drop(columns="open_weights"))
    with pytest.raises(DataError, match=r"more than one row of gpt-5\.5"):
        panel_of(pd.concat([table, table[table["model"] == "gpt-5.5"]], ignore_index=True))
    with pytest.raises(DataError, match="released by 2019-01-01; the table has none"):
        panel_of(table, "2019-01-01")
    with pytest.raises(DataError, match="wanted a positive number"):
        panel_of(table.assign(training_compute_flop=0.0))


# --- the density -----------------------------------------------------------------------------
@pytest.mark.parametrize("bend", [-0.6, 1e-9, 0.4])
def test_moments_of_returns_against_simulation(bend):
    p = {"gain": 1.3, "bend": bend, "gain_trend": 0.1}
    mean, variance = spending.returns(np, p, 1.5, 0.7, 0.3)
    x = np.random.default_rng(0).normal(0.7, np.sqrt(0.3), 400_000)
    drawn = 1.3 * np.exp(0.15) * (x if abs(bend) < 1e-5 else np.expm1(bend * x) / bend)
    assert mean == pytest.approx(drawn.mean(), abs=0.01)
    assert variance == pytest.approx(drawn.var(), rel=0.02)


def plain_density(panel, flat):
    """Log density of scores, compute and costs, written as it is read; dense sums for capabilities.

    Also the mean and sd of each capability given the scores.
    """
    where = layout.layout(panel)
    data = layout.covariates(panel, where.first)
    p = {k: v.ravel() for k, v in flat.items()}
    error = np.array([0.29, 0.5, 0.7])[data["compute_word"]]
    total, means, sds, returned = 0.0, [], [], []
    turns, brought_by_rate = layout.turns_of(panel, where), np.zeros(len(where.releases))
    for i in range(len(where.releases)):
        t, closed = data["years"][i], data["closed_flag"][i]
        m = p["compute_level"] + p["compute_growth"] * t + p["compute_closed"] * closed
        s2, price = p["compute_spread"] ** 2, p["price"] + p["price_trend"] * t
        price = price + p["stated_cost"] * data["stated_flag"][i]
        report, e2 = None, error[i] ** 2
        if data["has_compute"][i]:
            report = data["log_compute"][i]
            if data["has_cost"][i]:
                total += stats.norm.logpdf(data["log_cost"][i], report + price, p["price_spread"])
        elif data["has_cost"][i]:
            report, e2 = data["log_cost"][i] - price, e2 + p["price_spread"] ** 2
        per_size = p["compute_per_size"] + p["compute_per_size_trend"] * t
        if data["has_size"][i] and data["has_compute"][i]:
            total += stats.norm.logpdf(data["log_size"][i], report - per_size, p["size_spread"])
        elif data["has_size"][i] and report is None:
            report, e2 = data["log_size"][i] + per_size, p["size_spread"] ** 2
        mean, var = m, s2
        if report is not None:
            total += stats.norm.logpdf(report, m, np.sqrt(s2 + e2))
            mean, var = (report * s2 + m * e2) / (s2 + e2), s2 * e2 / (s2 + e2)
        brought, spread = spending.returns(np, p, t, mean, var)
        # The rate walks from half-year to half-year, away from mid-2024 on either side.
        gone = np.where(turns.knots > 0, t - turns.knots, turns.knots - t)
        brought_by_rate[i] = p["rate_change"] @ (np.sqrt(0.5) * np.maximum(gone, 0))
        reasons = panel.data["reasoning"].values[where.first[i]]
        later = max(panel.data["year"].values[where.first[i]] - 2024.7, 0)
        chance = 1.0 if reasons else 1 - np.exp(-p["uptake"] * later)
        spread = spread + p["reasoning"] ** 2 * chance * (1 - chance)
        mean = brought + p["progress"] * t + brought_by_rate[i] + p["reasoning"] * (chance - 0.2)
        mean = mean + p["closed"] * closed + p["organisation_effect"][where.organisation[i]]
        returned.append(brought)
        means.append(mean.item())
        sds.append(np.sqrt(p["release_spread"] ** 2 + spread).item())
    middle = np.mean(returned)
    offsets = np.r_[p["protocol"], 0.0]
    moments = []
    for i, (mean, sd) in enumerate(zip(means, sds, strict=True)):
        c = mean + sd * np.linspace(-9, 9, 3001)
        log = stats.norm.logpdf(c, mean, sd)
        for k in np.flatnonzero(where.release == i):
            b = where.benchmark[k]
            eta = p["easiness"][b] + p["slope"][b] * (c - turns.centre[b] - middle)
            eta += p["drift"][b] * (data["years"][i] - turns.middle[b])
            eta += offsets[where.protocol[k]] + p["effort"] * panel.data["effort_steps"].values[k]
            top = 1 - p["mistakes"][b]
            expected = p["floor"][b] + (top - p["floor"][b]) * expit(eta)
            scale = np.hypot(panel.data["score_se"].values[k], p["noise"][b])
            log += stats.norm.logpdf(panel.data["score"].values[k], expected, scale)
        whole = special.logsumexp(log) + np.log(c[1] - c[0])
        weight = np.exp(log - whole) * (c[1] - c[0])
        middle_here = (weight * c).sum()
        moments.append((middle_here, np.sqrt((weight * (c - middle_here) ** 2).sum())))
        total += whole
    return float(np.squeeze(total)), np.array(moments)


@pytest.fixture(scope="module")
def near_the_fit(benchmark_panel):
    """A few parameter values about where a fit of all scores lies, and the log likelihood at each."""
    import pytensor

    model = benchmark.build(benchmark_panel, PRIORS)
    values = pytensor.function(
        model.free_RVs,
        sum(v.sum() for v in model.potentials),
        mode="FAST_COMPILE",
        on_unused_input="ignore",
    )
    rng = np.random.default_rng(0)
    about = {
        "z_slope": [-0.4, -0.7, 0.7, 0.4],
        "z_normal": [-0.3, -2.7, 1.1, -0.2, -1.1, 0.2, 0.3, 0.2, 1.4, -0.4, 0.2, 0.8,
                     0.0, 0.0],
        "z_log_normal": [0.4, 0.8, -1.2, -0.1, -1.2, -0.9, 0.0, 0.0, 0.0],
        "z_own": [[0.5, 0.3, -0.1, 0.0], [-0.9, 0.0, -1.5, 0.0], [-1.0, 0.2, 0.4, 0.6],
                  [0.3, -0.5, 0.2, 1.4], [0.5, -0.1, -0.1, 0.2]],
    }  # fmt: skip
    points, found = [], []
    for _ in range(3):
        point = {v.name: 0.2 * rng.standard_normal(v.shape.eval()) for v in model.free_RVs}
        point = {name: z + about.get(name, 0.0) for name, z in point.items()}
        points.append(point)
        found.append(float(values(*(point[v.name] for v in model.free_RVs))))
    dims = {v.name: model.named_vars_to_dims[v.name] for v in model.free_RVs}
    drawn = xr.Dataset(
        {
            n: (("chain", "draw", *axes), np.stack([p[n] for p in points])[None])
            for n, axes in dims.items()
        }
    )
    return drawn, found


def test_the_sampled_density_is_the_plain_one(benchmark_panel, near_the_fit):
    """Over all scores: five nodes a release against three thousand points."""
    drawn, found = near_the_fit
    done = benchmark.complete(drawn, benchmark_panel, PRIORS, np.random.default_rng(0), given=True)
    reports = layout.covariates(benchmark_panel, layout.layout(benchmark_panel).first)
    terms = (reports["has_compute"] * (1 + reports["has_cost"] + reports["has_size"])).sum()
    terms += (reports["has_size"] * (1 - reports["has_compute"]) * (1 - reports["has_cost"])).sum()
    plains = []
    constant = 0.5 * np.log(2 * np.pi) * terms  # of reports the density is to a constant
    for k, ours in enumerate(found):
        flat = {n: done[n].values[0, k] for n in done.data_vars}
        plain, _ = plain_density(benchmark_panel, flat)
        assert ours - constant == pytest.approx(
            plain, abs=2.0
        )  # some off the fit, where it is best
        plains.append(plain)
    assert np.ptp(plains) > 20  # the points differ, so agreement says something


def test_capabilities_are_drawn_from_their_conditional(small):
    """Their means and sds against dense sums, releases near floor and top among them."""
    model = get_model("benchmark")
    one = prior_draws(model, small, PRIORS, size=2, seed=5)
    many = one.isel(draw=np.zeros(4000, int))
    done = benchmark.complete(many, small, PRIORS, np.random.default_rng(1), given=True)
    flat = {n: done[n].values[0, 0] for n in done.data_vars}
    _, moments = plain_density(small, flat)
    drawn = done["capability"].values[0]
    error = moments[:, 1] / np.sqrt(len(drawn))
    assert (np.abs(drawn.mean(axis=0) - moments[:, 0]) < 4.5 * error + 0.01 * moments[:, 1]).all()
    np.testing.assert_allclose(drawn.std(axis=0), moments[:, 1], rtol=0.06)


def test_prior_capabilities_do_not_look_at_scores(small):
    model = get_model("benchmark")
    moved = dataclasses.replace(small, data=small.data.assign(score=small.data["score"] * 0 + 0.9))
    one, two = (
        prior_draws(model, p, PRIORS, size=20, seed=4)["capability"] for p in (small, moved)
    )
    np.testing.assert_array_equal(one, two)


# --- draws -----------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def drawn(small):
    model = get_model("benchmark")
    parameters = prior_draws(model, small, PRIORS, size=60, seed=2)
    return parameters, model.draw(parameters, small, PRIORS, "2026", np.random.default_rng(0))


def test_gains_are_differences_of_the_curve(small, drawn):
    parameters, draws = drawn
    turns = layout.turns_of(small, layout.layout(small))
    flat = {k: float(parameters[k][0, 7]) for k in ("gain", "bend", "gain_trend")}
    x, t = np.array([0.3]), 1.7
    gained = frontier.gain_of_tenfold({k: np.array([[v]]) for k, v in flat.items()}, t, x)
    steps = np.linspace(x[0], x[0] + 1, 20_001)
    slopes = flat["gain"] * np.exp(flat["gain_trend"] * t + flat["bend"] * steps)
    assert gained[0] == pytest.approx(np.trapezoid(slopes, steps), rel=1e-6)

    signal = draws["signal"].isel(chain=0, draw=7, period=0)
    best = float(parameters["capability"][0, 7].max())
    today = layout.decimal_year(dt.date.fromisoformat(AS_OF)) - 2024.5
    middle = float(parameters["middle"][0, 7])
    for k, name in enumerate(layout.NAMES):
        one = {v: float(parameters[v][0, 7, k])
               for v in ("easiness", "drift", "slope", "floor", "mistakes")}  # fmt: skip

        def percent(capability, one=one, k=k):
            eta = one["easiness"] + one["slope"] * (capability - turns.centre[k] - middle)
            eta += one["drift"] * (today - turns.middle[k])
            return 100 * (one["floor"] + (1 - one["mistakes"] - one["floor"]) * expit(eta))

        now = {m: float(signal.sel(series=f"{name} now/{m}"))
               for m in ("frontier_score", "gain_points", "gain_logits", "error_cut")}  # fmt: skip
        assert now["frontier_score"] == pytest.approx(percent(best))
        more = percent(best + now["gain_logits"] / one["slope"])
        assert now["gain_points"] == pytest.approx(more - percent(best))
        assert now["error_cut"] == pytest.approx(
            100 * (more - percent(best)) / (100 - percent(best))
        )


def test_what_a_cost_buys_is_the_curve_at_the_compute_it_pays_for(small, drawn):
    parameters, draws = drawn
    day = dt.date.fromisoformat(AS_OF)
    one = parameters.assign(reasoning=parameters["reasoning"] * 0)  # the curve of today has it
    curve = draw(one, small, PRIORS, "2026", np.random.default_rng(0))["curve"]
    for k in (3, 20):
        price = float(draws["price_now"][0, k])  # USD m for 1e24 FLOP
        cost = price * 10.0 ** (frontier.COMPUTE_GRID[12] - 24)
        bought = benchmark.expected_for_cost(one, small, day, cost)[k]
        np.testing.assert_allclose(bought, curve[0, k, :, -1, 12], rtol=1e-6)
    assert (np.diff(benchmark.expected_for_cost(one, small, day, 1e3), axis=0) != 0).any()


def test_a_cost_stands_for_compute_where_there_is_none(small):
    """The article's rows have no compute; a dearer run of them is then a larger one."""
    own = pd.DataFrame(
        {"model": ["a", "b"], "release_date": ["2023-03-14", "2023-03-14"], "open_weights": False,
         "mmlu": [70.0, 70.0], "training_cost_musd_mid": [1.0, 100.0]}
    )  # fmt: skip
    panel = panel_of(own)
    data = layout.covariates(panel, layout.layout(panel).first)
    flat = {k: np.array([[v]]) for k, v in
            {"compute_level": 0.0, "compute_growth": 0.5, "compute_closed": 0.5, "price": 0.2,
             "compute_spread": 0.8, "price_trend": -0.1, "stated_cost": 0.0,
             "price_spread": 0.25, "compute_per_size": -1.7, "compute_per_size_trend": 0.2,
             "size_spread": 0.5}.items()}  # fmt: skip
    found = spending.compute_given(flat, data, 0.3)
    weight = 0.64 / (0.64 + 0.09 + 0.0625)
    np.testing.assert_allclose(np.diff(found["report"]), 2.0)
    np.testing.assert_allclose(np.diff(found["mean"]), 2.0 * weight)


def test_a_size_stands_for_compute_where_neither_compute_nor_cost_is_known(table):
    """Small open models state their parameters and no compute: they are not of average compute."""
    own = pd.DataFrame(
        {"model": ["a", "b", "c"], "release_date": ["2024-07-01"] * 3, "open_weights": True,
         "mmlu": [70.0, 70.0, 70.0], "params_b": [2.0, 200.0, np.nan]}
    )  # fmt: skip
    panel = panel_of(own)
    data = layout.covariates(panel, layout.layout(panel).first)
    flat = {k: np.array([[v]]) for k, v in
            {"compute_level": 0.0, "compute_growth": 0.5, "compute_closed": 0.5, "price": 0.2,
             "compute_spread": 0.8, "price_trend": -0.1, "stated_cost": 0.0, "price_spread": 0.25,
             "compute_per_size": -1.7, "compute_per_size_trend": 0.2,
             "size_spread": 0.5}.items()}  # fmt: skip
    found = spending.compute_given(flat, data, 0.3)
    np.testing.assert_array_equal(found["known"], [1, 1, 0])
    weight = 0.64 / (0.64 + 0.25)  # the spread of sizes holds the error of reports
    np.testing.assert_allclose(np.diff(found["mean"][0, :2]), 2.0 * weight)
    np.testing.assert_allclose(found["variance"][0], [0.64 * (1 - weight)] * 2 + [0.64])
    told = 10 ** found["report"][0, 0] * 1e24 / (6 * 2e9)  # tokens, in mid-2024
    assert told == pytest.approx(10**-1.7 * 1e24 / 6e9, rel=1e-3)
    # in the shipped table those without compute are the smaller ones
    recent = table[
        table["open_weights"] & (table["release_date"].between("2025-01-01", "2025-06-30"))
    ]
    sizes = np.log10(recent["params_b"]).groupby(recent["training_compute_flop"].notna()).mean()
    assert sizes[True] - sizes[False] > 0.5


def test_a_stated_effort_marks_a_release_as_reasoning(table):
    data = panel_of(table).data
    marked = dict(zip(data["release"].values, data["reasoning"].values, strict=True))
    stated = table.loc[table["gpqa_effort"] != "", "model"]
    assert {marked[name] for name in stated} == {1.0}
    assert not table.set_index("model")["reasoning_model"]["openai/gpt-oss-120b"]
    assert marked["gpt-4o-2024-08-06"] == 0.0


def test_a_release_that_is_not_marked_may_reason(small):
    """Its mean moves up with the years since the first that did, and it is foreseen less sharply."""
    from forecast.models.benchmark.abilities import regression

    where = layout.layout(small)
    data = layout.covariates(small, where.first)
    p = {"gain": 1.0, "bend": 0.1, "gain_trend": 0.0, "progress": 0.0, "reasoning": 1.5,
         "uptake": 0.7, "closed": 0.0, "release_spread": 0.2,
         "rate_change": np.zeros(len(data["ramps"]))}  # fmt: skip
    none = {"mean": np.zeros(len(data["years"])), "variance": np.zeros(len(data["years"]))}
    mean, variance, _ = regression(np, p, data, none, np.zeros(1))
    later = np.maximum(data["years"] + 2024.5 - 2024.7, 0)
    reasons = small.data["reasoning"].values[where.first]
    rng = np.random.default_rng(0)
    for i in (0, int(np.flatnonzero(reasons)[0]), int(np.flatnonzero(reasons == 0)[-1])):
        chance = 1.0 if reasons[i] else 1 - np.exp(-0.7 * later[i])
        has = rng.random(200_000) < chance
        assert mean[i] == pytest.approx(1.5 * (has.mean() - 0.2), abs=0.01)
        assert variance[i] == pytest.approx(0.04 + (1.5 * has).var(), abs=0.01)
    assert np.ptp(later[reasons == 0]) > 0  # both before and after the first


def test_the_rate_of_progress_is_the_slope_of_what_dates_bring():
    """Both ways from mid-2024, where it is the rate that the prior is of."""
    years = np.array([-3.2, -0.9, 0.0, 0.7, 2.1])
    at = layout.knots(years)
    np.testing.assert_allclose(at, [*np.arange(-3.0, 0, 0.5), *np.arange(0.5, 2.5, 0.5)])
    np.testing.assert_array_equal(layout.knots(np.array([0.1])), [-0.5, 0.5])
    assert (layout.ramps(years, at)[:, 2] == 0).all()
    change = np.random.default_rng(3).standard_normal(len(at))
    for year in (-2.7, -0.3, 0.2, 0.9, 2.3):
        up, down = (change @ layout.ramps(np.array([year + e]), at) for e in (1e-6, -1e-6))
        assert (up - down) / 2e-6 == pytest.approx(change @ layout.rates(year, at), abs=1e-6)
    # a walk: the variance of the rate grows by half a unit a half-year, either way
    moved = [np.sum(layout.rates(y, at) ** 2) for y in (0.2, 0.7, 1.2, -0.7, -1.2)]
    np.testing.assert_allclose(moved, [0.0, 0.5, 1.0, 0.5, 1.0])


def test_scores_to_come_are_less_sure_the_more_the_rate_may_change(table):
    """By what it does after the last release of the fit: what comes before is the fit's."""
    panel = panel_of(few(table, most=120))
    year = panel.data["year"].values
    known, later = select(panel, year < 2025), select(panel, year >= 2025.6)
    parameters = prior_draws(get_model("benchmark"), known, PRIORS, size=400, seed=3)
    one = parameters.isel(draw=np.zeros(400, int))  # of one draw, all but what is drawn anew
    still, moving = (one.assign(rate_spread=one["rate_spread"] * 0 + x) for x in (0.0, 1.5))
    spreads = [
        benchmark.predict_scores(p, known, later, PRIORS, np.random.default_rng(0)).std(axis=0)
        for p in (still, moving)
    ]
    assert spreads[1].mean() > 1.2 * spreads[0].mean()


def test_the_other_structures_are_what_they_are_called(small):
    model = get_model("benchmark")
    for variant, names in (
        ("constant rate", ["rate_change"]),
        ("returns do not bend", ["bend", "gain_trend"]),
    ):
        drawn = {
            v: prior_draws(model, small, p, size=50, seed=1)
            for v, p in (("", PRIORS), (variant, model.variants[variant]))
        }
        for name in names:
            assert np.abs(drawn[variant][name]).max() < 0.01 < np.abs(drawn[""][name]).max()


def test_costs_are_of_the_curve_and_the_price_of_a_run(small, drawn):
    parameters, draws = drawn
    signal = draws["signal"].isel(chain=0, period=0)
    p = {n: parameters[n].values[0] for n in
         ("gain", "bend", "gain_trend", "price", "price_trend", "progress")}  # fmt: skip
    t = layout.decimal_year(dt.date.fromisoformat(AS_OF)) - 2024.5
    at = layout.turns_of(small, layout.layout(small)).knots
    rate = p["progress"] + parameters["rate_change"].values[0] @ layout.rates(t, at)
    np.testing.assert_allclose(signal.sel(series="all models/progress_per_year"), rate)
    decades = np.clip(rate / (p["gain"] * np.exp(p["gain_trend"] * t)), -12, 12)
    worth = signal.sel(series="all models/progress_in_compute")
    np.testing.assert_allclose(worth, 10**decades, rtol=1e-9)
    for k, name in enumerate(layout.NAMES):
        own = parameters["drift"].values[0, :, k] / parameters["slope"].values[0, :, k]
        decades = (rate + own) / (p["gain"] * np.exp(p["gain_trend"] * t))
        factor = 10 ** (p["price_trend"] - np.clip(decades, -12, 12))
        found = signal.sel(series=f"{name} now/same_score_cost")
        np.testing.assert_allclose(found, factor, rtol=1e-9)
    # what a point costs at the edge, by a small step of compute along the curve
    flat = {name: values[7:8] for name, values in layout.flat_draws(parameters).items()}
    turns, step = layout.turns_of(small, layout.layout(small)), 1e-5
    x = np.array([0.4, 0.4 + step])
    here, more = abilities.expected_percent(flat, turns, np.full(2, t), x, np.ones(2))[0].T
    for k, name in enumerate(layout.NAMES):
        floor, top = flat["floor"][0, k], 1 - flat["mistakes"][0, k]
        eta = special.logit((here[k] / 100 - floor) / (top - floor))
        steep = 100 * abilities.steepness(flat, np.array([k]), np.array([[eta]]))[0, 0]
        steep *= frontier.gain_at(flat, t, x[:1])[0]
        assert (more[k] - here[k]) / step == pytest.approx(steep, rel=1e-3)
        point = draws["signal"].sel(series=f"{name} now/cost_of_point")
        gained = draws["signal"].sel(series=f"{name} now/gain_points")
        assert ((point > 0) & np.isfinite(point)).all()
        assert np.corrcoef(np.log(point).values.ravel(), np.log(gained).values.ravel())[0, 1] < 0


def test_flattening_adds_up(drawn):
    signal = drawn[1]["signal"].isel(period=0)
    for name in layout.NAMES:
        parts = [signal.sel(series=f"{name}/flattening_{k}") for k in ("by_ceiling", "by_returns")]
        whole = signal.sel(series=f"{name}/flattening_points")
        np.testing.assert_allclose(parts[0] + parts[1], whole, atol=1e-9)
        then, now = (
            signal.sel(series=f"{name} {w}/gain_points") for w in ("five years earlier", "now")
        )
        np.testing.assert_allclose(whole, then - now, atol=1e-9)


def test_without_bend_and_trend_log_odds_gain_the_same_at_every_frontier(small, drawn):
    flat = drawn[0].assign(bend=drawn[0]["bend"] * 0, gain_trend=drawn[0]["gain_trend"] * 0)
    draws = draw(flat, small, PRIORS, "2026", np.random.default_rng(0))
    signal = draws["signal"].isel(period=0)
    now, then = (signal.sel(series=f"MMLU {w}/gain_logits") for w in ("now", "five years earlier"))
    np.testing.assert_allclose(now, then, rtol=1e-3)
    np.testing.assert_allclose(signal.sel(series="MMLU/flattening_by_returns"), 0, atol=0.1)


def test_only_scores_carry_noise_and_reports_are_of_the_reference_protocol(small, drawn):
    draws = drawn[1]
    same = (draws["y"] == draws["signal"]).all(("chain", "draw", "period")).values
    scores = np.isin(
        draws["metric"].values, ["mmlu", "mmlu_pro", "gpqa_diamond", "swe_bench_verified"]
    )
    assert (same == ~scores).all()
    assert draws["observed"].sel(series="gpt-4-0314/mmlu").item() == pytest.approx(86.4)
    assert np.isnan(draws["observed"].sel(series="gpt-4-0613/mmlu").item())


def test_lag_on_a_hand_worked_history():
    years = np.array([2022.0, 2022.5, 2023.0, 2023.25, 2024.0])
    is_open = np.array([False, True, False, True, True])
    capability = np.array([[1.0, 0.5, 2.0, 0.9, 1.5], [1.0, 0.5, 2.0, 0.9, 2.5]])
    # open at 0.9 in mid-2023, which a closed model did in early 2022
    np.testing.assert_allclose(frontier.lag_months(capability, years, is_open, 2023.5), 18.0)
    # then 1.5, done by closed models in early 2023; in the second draw the open one leads at once
    np.testing.assert_allclose(frontier.lag_months(capability, years, is_open, 2024.0), [12.0, 0.0])
    np.testing.assert_allclose(
        frontier.lag_months(capability, years, is_open, 2024.5), [18.0, -6.0]
    )
    assert np.isnan(frontier.lag_months(capability, years, is_open, 2022.1)).all()


def test_predictions_do_not_look_at_the_scores_they_predict(small, drawn):
    year = small.data["year"].values
    known, later = select(small, year < 2024), select(small, year >= 2024)
    parameters = prior_draws(get_model("benchmark"), known, PRIORS, size=50, seed=3)
    moved = dataclasses.replace(later, data=later.data.assign(score=later.data["score"] / 2))
    one, two = (
        benchmark.predict_scores(parameters, known, p, PRIORS, np.random.default_rng(0))
        for p in (later, moved)
    )
    np.testing.assert_array_equal(one, two)
    assert one.shape == (50, later.data.sizes["obs"])


# --- real fits -------------------------------------------------------------------------------
@pytest.mark.slow
def test_known_scores_are_recovered(benchmark_panel):
    """Scores drawn from the model for all releases: the parameters lie where the posterior says."""
    model = get_model("benchmark")
    truth = prior_draws(model, benchmark_panel, model.priors, size=3, seed=8)
    data = model.replicate(truth, benchmark_panel, model.priors, np.random.default_rng(8))
    made = refill(benchmark_panel, {name: values[1] for name, values in data.items()})
    run = fit("benchmark", made, seed=1, progress=False)
    assert run.gate.passed, [str(c) for c in run.gate.failures]
    for name in ("gain", "bend", "progress", "reasoning", "closed", "compute_growth", "slope"):
        low, high = run.posterior[name].quantile([0.001, 0.999], dim=("chain", "draw")).values
        here = truth[name][0, 1].values
        assert ((low < here) & (here < high)).all(), name
    assert run.posterior["gain"].std() < 0.5 * truth["gain"].mean()


@pytest.mark.slow
def test_an_organisation_left_out_is_foreseen(benchmark_panel):
    who = benchmark_panel.data["organisation"].values
    out = predict_left_out(benchmark_panel, who != "DeepSeek", who == "DeepSeek", seed=1)
    inside = (out["truth"] >= out["low"]) & (out["truth"] <= out["high"])
    assert len(out) > 30
    assert 0.6 < inside.mean() <= 1.0
    assert out["crps"].mean() < out["crps_last"].mean()


def test_left_out_scores_want_something_to_fit(small):
    none = np.zeros(small.data.sizes["obs"], bool)
    with pytest.raises(DataError, match="wanted some"):
        predict_left_out(small, none, ~none, seed=1)


def test_rivals_are_the_last_year_and_a_line():
    from forecast.models.benchmark.baseline import rivals

    data = xr.Dataset(
        {"score": ("obs", np.linspace(0.1, 0.5, 9)), "year": ("obs", np.linspace(2020, 2024, 9))},
        coords={"benchmark": ("obs", ["MMLU"] * 9)},
    )
    known = Panel("benchmark", AS_OF, data)
    last, line = rivals(known, ("MMLU", 2025.0), np.random.default_rng(0))
    np.testing.assert_allclose(last, [45.0, 50.0])
    np.testing.assert_allclose(line, 60.0)
    with pytest.raises(DataError, match="no score on GPQA"):
        rivals(known, ("GPQA Diamond", 2025.0), np.random.default_rng(0))
