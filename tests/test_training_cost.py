"""Selection of the frontier, the density against its definition, and what the draws say."""

import dataclasses
import math

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from scipy import stats

from forecast.core.errors import DataError
from forecast.inference.fitting import fit, summary
from forecast.inference.predict import forecast
from forecast.inference.sampling import prior_draws
from forecast.models.panels import build_panel
from forecast.models.registry import get_model
from forecast.models.training_cost import baseline as training_cost_baseline
from forecast.models.training_cost import model as training_cost
from forecast.models.training_cost.panel import FRONTIER_RULES, top_at_release, training_cost_panel
from forecast.tables.shipped import read_own_table, read_reference_table

PRIORS = training_cost.Priors()
DAY = "2026-05-06"


def table(n=41, growth=0.875, spread=1.0, error=0.73, seed=0):
    """Return made-up releases whose estimates carry errors of their own beside the spread."""
    rng = np.random.default_rng(seed)
    days = pd.to_datetime("2016-01-01") + pd.to_timedelta(np.linspace(0, 3000, n).round(), "D")
    years = (days - pd.Timestamp("2021-01-01")).days.to_numpy() / 365.25
    log_cost = -0.5 + growth * years + spread * rng.standard_normal(n)
    log_cost += error * rng.standard_normal(n)
    return pd.DataFrame(
        {
            "model": [f"m{k}" for k in range(n)],
            "release_date": days.strftime("%Y-%m-%d"),
            "training_cost_musd_mid": np.exp(log_cost),
        }
    )


def panel_of(frame, rules=tuple(FRONTIER_RULES)):
    return training_cost_panel(frame, DAY, rules)


# --- the panel -------------------------------------------------------------------------------
def test_top_at_release_compares_with_earlier_runs_only():
    compute = np.array([1.0, 5.0, 3.0, 2.0, np.nan, 9.0])
    day = np.array(["2020", "2021", "2022", "2023", "2023", "2024"])
    assert top_at_release(compute, day, top=2).tolist() == [True, True, True, False, False, True]
    assert top_at_release(compute, day, top=1).tolist() == [True, True, False, False, False, True]


def test_the_shipped_rules(training_cost_panel):
    data = training_cost_panel.data
    counts = {str(r): int((data["rule"] == r).sum()) for r in np.unique(data["rule"])}
    assert counts == {"frontier": 51, "frontier_since_2020": 35, "notable": 94}
    assert training_cost.rules_of(training_cost_panel) == list(FRONTIER_RULES)
    frontier = set(data["release"].values[data["rule"].values == "frontier"])
    assert {"AlphaGo Zero", "gpt-3-175b-davinci", "gpt-4-0314", "grok-4-0709"} <= frontier
    assert not frontier & {"ALBERT-xxlarge", "LLaVA", "deepseek-v3", "llama-2-7b"}
    # One run, one row: later releases of the same run are left out.
    assert not {"gpt-4-0613", "llama-3.1-405b-instruct", "grok-2-1212"} & set(
        data["release"].values
    )
    # 90 % within x[0.34, 3.7] on GPUs and x[0.27, 4.9] on TPUs
    at = list(data["release"].values)
    assert data["error_sd"].values[at.index("gpt-4-0314")] == pytest.approx(0.726, abs=0.002)
    assert data["error_sd"].values[at.index("palm-540b")] == pytest.approx(0.881, abs=0.002)


def test_nothing_later_than_as_of_enters():
    shipped = read_reference_table("frontier_models")
    early = training_cost_panel(shipped, "2023-06-30").data
    assert max(early["released"].values.tolist()) <= "2023-06-30"
    giant = shipped.iloc[[-1]].assign(
        model="later", release_date="2023-07-01", training_compute_flop=1e30,
        training_cost_musd_mid=1e6,
    )  # fmt: skip
    one, two = (
        training_cost_panel(t, "2023-06-30") for t in (shipped, pd.concat([shipped, giant]))
    )
    assert one.hash == two.hash
    assert (
        "later"
        in training_cost_panel(pd.concat([shipped, giant]), "2023-07-01").data["release"].values
    )
    shuffled = shipped.sample(frac=1, random_state=1)
    assert training_cost_panel(shuffled, DAY).hash == (training_cost_panel(shipped, DAY).hash)


def test_without_compute_every_row_is_taken_and_said(tmp_path):
    path = tmp_path / "mine.csv"
    table().assign(colour="blue").to_csv(path, index=False)
    panel = training_cost_panel(read_own_table("frontier_models", path), DAY)
    data = panel.data
    assert data.sizes["obs"] == 41
    assert set(data["rule"].values) == {"frontier"}
    assert panel.notes == ("frontier: every row given (41), for there is no compute to rank by",)
    assert np.isnan(data["error_sd"]).all()
    assert (data["basis"] == 0).all()


def test_the_rule_can_be_switched():
    shipped = read_reference_table("frontier_models")
    other = panel_of(shipped, ("notable", "frontier"))
    assert training_cost.rules_of(other) == ["notable", "frontier"]
    with pytest.raises(DataError, match="wanted some of frontier"):
        panel_of(shipped, ("biggest",))


def test_bases_are_read_from_their_words():
    words = ["amortised hardware", "Cloud rental", "hardware acquisition", "developer-reported", ""]
    frame = table(5).assign(cost_basis=words)
    assert panel_of(frame).data["basis"].values.tolist() == [0, 1, 3, 2, 0]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda t: t.drop(columns="release_date"), "release_date is missing"),
        (lambda t: t.head(4), "at least 5 releases"),
        (lambda t: t.assign(training_cost_musd_mid=math.nan), "the table has 0"),
        (lambda t: t.assign(training_cost_musd_mid=-1.0), "must be above zero"),
        (lambda t: t.assign(cost_low=9e9, cost_high=1e10), "in this order"),
        (lambda t: t.assign(cost_basis="guess"), "got the cost_basis 'guess'"),
        (
            lambda t: t.assign(training_compute_flop=[1e20] * 4 + [math.nan] * (len(t) - 4)),
            "leaves 4 of 41 releases",
        ),
    ],
)
def test_errors_say_what_to_do(change, said):
    with pytest.raises(DataError, match=said):
        panel_of(change(table()))


# --- the model -------------------------------------------------------------------------------
def parameters(panel, n=1, **more):
    rules = training_cost.rules_of(panel)
    rng = np.random.default_rng(1)
    shape = (1, n, len(rules))
    by_rule = {"level": -0.5, "log_growth": 0.9, "spread": 1.0, "tail": 6.0}
    data = {k: (("chain", "draw", "rule"), v + 0.1 * rng.random(shape)) for k, v in by_rule.items()}
    data["offset"] = (("chain", "draw", "rule", "other_basis"), rng.random((*shape, 3)))
    growth = data["log_growth"][1]
    data["growth_by_rule"] = (("chain", "draw", "rule"), np.exp(growth))
    data["doubling_by_rule"] = (("chain", "draw", "rule"), 12 * np.log(2) / growth)
    for name, value in {"shared_error": 0.0, "budget": 40.0, "budget_growth": 0.0, **more}.items():
        data[name] = (("chain", "draw"), np.full((1, n), value))
    return xr.Dataset(data, coords={"chain": [0], "draw": np.arange(n), "rule": rules})


def test_the_density_is_its_definition():
    """A loop over rows, with the scales and offsets written out."""
    frame = table(6).assign(
        cost_basis=["", "cloud", "developer", "", "acquisition", ""],
        cost_low=lambda t: t["training_cost_musd_mid"] * [0.3, math.nan, 0.5, 0.3, 0.3, 0.3],
        cost_high=lambda t: t["training_cost_musd_mid"] * 4,
    )
    panel = panel_of(frame)
    p = parameters(panel)
    model = training_cost.build(panel, PRIORS)
    point = {v.name: v for v in model.value_vars}
    z_sd = np.array([PRIORS.cloud_sd, PRIORS.statement_sd, PRIORS.acquisition_sd])
    centre = np.array([PRIORS.cloud, PRIORS.statement, PRIORS.acquisition])
    one = p.isel(chain=0, draw=0)
    values = {
        "level": one["level"].values,
        "log_growth": one["log_growth"].values,
        "spread_log__": np.log(one["spread"].values),
        "tail_above_1_log__": np.log(one["tail"].values - 1),
        "z_offset": (one["offset"].values - centre) / z_sd,
    }
    for name in ("shared_error", "budget", "budget_growth"):
        del point[name]  # no cost tells of them
    logp = model.compile_fn(
        model.logp(vars=model.observed_RVs), inputs=list(point.values()), mode="FAST_COMPILE"
    )
    wanted = 0.0
    offset = dict(zip(("cloud", "statement", "acquisition"), one["offset"].values[0], strict=True))
    offset["amortised"] = 0.0
    names = ["amortised", "cloud", "statement", "amortised", "acquisition", "amortised"]
    for k, row in enumerate(frame.itertuples()):
        stated = not math.isnan(row.cost_low)
        error = (
            math.log(row.cost_high / row.cost_low) / (2 * stats.norm.ppf(0.95)) if stated else 0.73
        )
        years = (pd.Timestamp(row.release_date) - pd.Timestamp("2021-01-01")).days / 365.25
        mean = one["level"].item() + one["log_growth"].item() * years + offset[names[k]]
        scale = math.sqrt(one["spread"].item() ** 2 + error**2)
        wanted += stats.t.logpdf(
            math.log(row.training_cost_musd_mid), one["tail"].item(), mean, scale
        )
    assert float(logp(values)) == pytest.approx(wanted, rel=1e-9)


def test_draws_of_a_known_trend(training_cost_panel):
    n = 4000
    p = parameters(training_cost_panel, n)
    draws = training_cost.draw(p, training_cost_panel, PRIORS, "2030", np.random.default_rng(0))
    assert draws["period"].values.tolist() == [str(year) for year in range(2020, 2031)]
    years = (pd.Timestamp("2028-12-31") - pd.Timestamp("2021-01-01")).days / 365.25
    trend = draws["signal"].sel(series="frontier/training_cost", period="2028").values
    level, growth = (p[k].sel(rule="frontier").values for k in ("level", "log_growth"))
    np.testing.assert_allclose(trend, np.exp(level + growth * years))
    noisy = np.log(draws["y"].sel(series="frontier/training_cost", period="2028").values / trend)
    scale = np.sqrt(p["spread"].sel(rule="frontier").values ** 2 + 0.726**2)
    tail = p["tail"].sel(rule="frontier").values
    u = stats.t.cdf(noisy / scale, tail).ravel()  # uniform if scale and tail are right
    assert stats.kstest(u, "uniform").pvalue > 1e-3
    months = draws["y"].sel(series="frontier/doubling_months", period="2030").values
    np.testing.assert_allclose(2 ** (12 / months), np.exp(growth))
    np.testing.assert_allclose(draws["trend"].sel(rule="notable").isel(time=0).values > 0, True)


def test_years_that_are_over_move_no_forecast(training_cost_panel, monkeypatch):
    p = parameters(training_cost_panel, 20)
    long = training_cost.draw(p, training_cost_panel, PRIORS, "2028", np.random.default_rng(0))
    monkeypatch.setattr(training_cost, "first_year", lambda panel: 2025)
    short = training_cost.draw(p, training_cost_panel, PRIORS, "2028", np.random.default_rng(0))
    assert short["period"].values[0] == "2025"
    same = long.sel(period=short["period"])
    xr.testing.assert_identical(same[["y", "signal"]], short[["y", "signal"]])


def test_a_year_that_was_asked_about_stays_when_later_runs_are_known(training_cost_panel):
    later = dataclasses.replace(training_cost_panel, as_of="2028-06-30")
    p = parameters(later, 20)
    draws = training_cost.draw(p, later, PRIORS, "2032", np.random.default_rng(0))
    assert {"2026", "2027", "2032"} <= set(draws["period"].values)


def test_the_largest_run_never_falls_and_starts_at_the_largest_known(training_cost_panel):
    p = parameters(training_cost_panel, 2000)
    draws = training_cost.draw(p, training_cost_panel, PRIORS, "2030", np.random.default_rng(0))
    largest = draws["y"].sel(series="frontier/largest_run")
    assert (largest.diff("period") >= 0).all()
    assert largest.sel(period="2025").min() == pytest.approx(387.84)  # the largest known by then
    assert largest.sel(period="2020").values == pytest.approx(4.1773, rel=1e-4)
    rent = draws["y"].sel(series="frontier/largest_run_cloud")
    offset = p["offset"].sel(rule="frontier").isel(other_basis=0)
    xr.testing.assert_allclose(
        (rent / largest).sel(period="2028", drop=True).drop_vars(["series", "entity", "metric", "unit"],
                                                             errors="ignore"),
        np.exp(offset).drop_vars(["rule", "other_basis"], errors="ignore").rename(None),
    )  # fmt: skip
    # By the definition: the chance that none of a Poisson number of runs by the end of 2030 passes
    # a limit is exp(-rate x mean chance of one), at constant parameters.
    fixed = p.isel(draw=[0] * 4000).assign_coords(draw=np.arange(4000))
    draws = training_cost.draw(fixed, training_cost_panel, PRIORS, "2030", np.random.default_rng(3))
    data = training_cost_panel.data
    years = data["years"].values[data["rule"].values == "frontier"]
    end = (pd.Timestamp("2030-12-31") - pd.Timestamp("2021-01-01")).days / 365.25
    rate = len(years) / np.ptp(years)
    at = np.linspace(years.max(), end, 2001)
    one = p.isel(chain=0, draw=0).sel(rule="frontier")
    limit = 2e4
    mean = one["level"].item() + one["log_growth"].item() * at
    over = stats.t.sf((np.log(limit) - mean) / one["spread"].item(), one["tail"].item()).mean()
    wanted = np.exp(-rate * (end - years.max()) * over)
    got = (draws["signal"].sel(series="frontier/largest_run", period="2030") < limit).mean()
    assert 0.1 < wanted < 0.9
    assert float(got) == pytest.approx(wanted, abs=4 * np.sqrt(0.25 / 4000))


def test_no_run_to_come_costs_more_than_its_budget(training_cost_panel):
    p = parameters(training_cost_panel, 500, budget=np.log(1000.0), budget_growth=0.5)
    draws = training_cost.draw(p, training_cost_panel, PRIORS, "2030", np.random.default_rng(0))
    spent = draws["signal"].sel(series="frontier/largest_run")
    allowed = 1000 * np.exp(0.5 * (np.arange(2026, 2031) - 2025))
    by_year = spent.sel(period=[str(y) for y in range(2026, 2031)]).max(["chain", "draw"]).values
    known = float(spent.sel(period="2025").max())
    assert (by_year <= np.maximum(allowed * 1.002, known)).all()
    assert by_year[-1] > 0.9 * allowed[-1]  # it binds
    middle = draws["signal"].sel(series="frontier_since_2020/training_cost", period="2030")
    assert (middle <= allowed[-1] * 1.002).all()


def test_the_largest_cost_is_not_the_largest_of_noisy_estimates(training_cost_panel):
    p = parameters(training_cost_panel, 2000)
    draws = training_cost.draw(p, training_cost_panel, PRIORS, "2026", np.random.default_rng(0))
    at = {"series": "frontier/largest_run", "period": "2025"}
    spent, told = draws["signal"].sel(at), draws["y"].sel(at)
    assert float(np.log(spent).mean()) < float(np.log(told).mean())
    assert float(np.log(spent).std()) > 0.2  # what a run has cost is not known


def test_known_costs_share_a_residual_as_the_squares_of_spread_and_error():
    """Against brute force: of many runs drawn by the density, those whose estimate is near."""
    rng = np.random.default_rng(2)
    n, spread, error, tail, known = 2_000_000, 1.0, 0.7, 5.0, 2.0
    scale = np.sqrt(rng.chisquare(tail, n) / tail)
    cost = spread * rng.standard_normal(n) / scale
    near = np.abs(cost + error * rng.standard_normal(n) / scale - known) < 0.02
    one = [np.full((near.sum(), 1), v) for v in (0.0, 0.0, spread, tail, 0.0, 40.0, 0.0)]
    drawn = training_cost._known_costs(
        training_cost._Law(*one),
        np.array([error]),
        np.full((near.sum(), 1), known),
        np.zeros(1),
        rng,
    )
    assert stats.ks_2samp(cost[near], drawn[:, 0]).pvalue > 1e-3


def test_what_all_estimates_share_is_taken_off_what_runs_cost(training_cost_panel):
    draws = [
        training_cost.draw(parameters(training_cost_panel, 50, shared_error=shared),
                           training_cost_panel, PRIORS, "2028", np.random.default_rng(0))
        for shared in (0.0, 0.3)
    ]  # fmt: skip
    plain, high = (d["signal"].sel(series="frontier/largest_run") for d in draws)
    np.testing.assert_allclose(high / plain, np.exp(-0.3), rtol=1e-9)
    plain, high = (d["y"].sel(series="frontier/largest_run") for d in draws)
    np.testing.assert_allclose(high, plain, rtol=1e-9)


def test_years_out_of_reach(training_cost_panel):
    p = parameters(training_cost_panel, 2)
    for until in ("2025", "2080"):
        with pytest.raises(DataError, match="wanted a year from 2026 to 2055"):
            training_cost.draw(p, training_cost_panel, PRIORS, until, np.random.default_rng(0))


def test_a_flat_trend_has_a_finite_doubling_time(training_cost_panel):
    drawn = prior_draws(get_model("training_cost"), training_cost_panel, PRIORS, size=1000, seed=3)
    slow = drawn["growth_by_rule"].values < 1.01
    assert slow.any()  # the prior allows falling costs
    assert drawn["doubling_by_rule"].values[slow] == pytest.approx(1200 * np.log(2))
    assert (drawn["doubling_months"] == drawn["doubling_by_rule"].isel(rule=0)).all()


def test_the_record_walk(training_cost_panel):
    walk = training_cost_baseline.cost_records(training_cost_panel, until="2030", seed=1)
    largest = walk["y"].sel(series="frontier/largest_run")
    assert largest.sel(period="2025").values == pytest.approx(387.84)
    assert (largest.diff("period") >= 0).all()
    # Drift of ten steps from 0.19 (2016) to 388 (2025) USD m: nine changes.
    growth = np.log(walk["y"].sel(series="frontier/growth_per_year", period="2030"))
    assert float(growth.median()) == pytest.approx(np.log(387.84 / 0.19431) / 9, abs=0.05)


# --- the fit ---------------------------------------------------------------------------------
@pytest.mark.slow
def test_known_growth_is_recovered_and_errors_do_not_bend_it():
    """Twenty made-up tables of 41 rows: centred on the truth, and 90 % intervals that hold it."""
    truth, found, held = 2.4, [], 0
    for k in range(20):
        panel = panel_of(table(growth=np.log(truth), seed=k))
        run = fit("training_cost", panel, seed=1, draws=500, progress=False)
        row = summary(run).set_index("parameter").loc["growth_per_year"]
        found.append(np.log(row["mean"]))
        held += row["q05"] < truth < row["q95"]
    spread = np.std(found, ddof=1) / np.sqrt(len(found))
    assert abs(np.mean(found) - np.log(truth)) < 3 * spread + 0.01
    assert held >= stats.binom.ppf(0.001, 20, 0.9)


@pytest.mark.slow
def test_the_published_exercise_as_far_as_the_rows_go(known):
    """Runs among the ten largest, 2016 to May 2024: published 2.4x a year, 2.0-2.9 (90 %).

    41 of the authors' rows are not these 43: costs and compute were revised since.
    """
    before = dataclasses.replace(known, date="2024-05-31")
    run = fit("training_cost", build_panel(before, "training_cost"), seed=1, progress=False)
    assert run.gate.passed
    rows = summary(run).set_index("parameter")
    growth = rows.loc["growth_per_year"]
    assert 2.0 < growth["mean"] < 2.9
    assert growth["q05"] < 2.4 < growth["q95"]
    assert 12 * np.log(2) / np.log(growth["mean"]) == pytest.approx(
        rows.loc["doubling_months", "mean"], rel=0.05
    )


@pytest.mark.slow
def test_the_answer_depends_on_the_rule(training_cost_panel):
    run = fit("training_cost", training_cost_panel, seed=1, progress=False)
    rows = summary(run).set_index("parameter")["mean"]
    assert rows["growth_per_year"] == rows["growth_by_rule[frontier]"]
    assert rows["growth_by_rule[frontier_since_2020]"] > rows["growth_per_year"] + 0.5
    draws = forecast(run, seed=2)
    fast = {
        r: float((draws["y"].sel(series=f"{r}/doubling_months", period="2027") < 6).mean())
        for r in training_cost.rules_of(training_cost_panel)
    }
    assert fast["frontier"] < 0.05 < 0.2 < fast["frontier_since_2020"] < 0.8


@pytest.mark.slow
def test_offsets_are_learnt_where_bases_are_mixed():
    frame = table(60, spread=0.5, error=0.1, seed=3)
    rented = np.arange(60) % 2 == 1
    frame.loc[rented, "training_cost_musd_mid"] *= 3.0
    frame["cost_basis"] = np.where(rented, "cloud", "amortised")
    run = fit("training_cost", panel_of(frame), seed=1, progress=False)
    low, high = run.posterior["basis_factor"].sel(other_basis="cloud").quantile([0.005, 0.995])
    assert low < 3.0 < high
    assert high / low < 3
