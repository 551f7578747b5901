"""The curve against its differential equation, censored words, vintages and the frontier."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
from scipy.integrate import solve_ivp
from scipy.stats import norm

from forecast.claims.judge import judge
from forecast.claims.read import read_claims
from forecast.core.errors import DataError
from forecast.inference.fitting import fit
from forecast.inference.sampling import prior_draws
from forecast.models.panels import build_panel
from forecast.models.payback import baseline as payback_baseline
from forecast.models.payback import model as payback
from forecast.models.payback.panel import spending
from forecast.models.registry import get_model
from forecast.tables.shipped import read_vintages
from forecast.tables.vintages import as_of

PRIORS = payback.Priors()


@pytest.fixture(scope="module")
def parameters(payback_panel):
    return prior_draws(get_model("payback"), payback_panel, PRIORS, size=300, seed=2)


# --- the panel --------------------------------------------------------------------------------
def test_words_and_vintages_reach_the_panel(payback_panel):
    data = payback_panel.data.to_dataframe()
    assert data["kind"].value_counts().to_dict() == {3: 17, 0: 7, 1: 2, 2: 1}
    assert data.loc[data["side"] == 1, "value"].tolist() == [20, 25]
    told = data[data["year"] == 2028].query("kind == 3")
    assert told["value"].tolist() == [-85, -47, -11]  # the newest first
    assert told["newer"].tolist() == [-1, told.index[0], told.index[1]]
    assert told["ahead"].tolist() == pytest.approx([2.84, 0.485, 0.433], abs=0.01)
    # what was told of 2025 in 2026 is no projection
    assert data.query("kind == 3 and year == 2025")["value"].tolist() == [-9, -7]
    assert data.query("kind == 2")["value"].tolist() == [-8]


def test_nothing_reported_later_reaches_the_panel():
    table = read_vintages()
    before = build_panel(as_of(table, "2025-10-01"), "payback")
    assert max(before.data["reported_on"].values.tolist()) <= "2025-10-01"
    late = table[(table["entity"] == "OpenAI") & (table["metric"] == "revenue_run_rate")].iloc[[-1]]
    more = pd.concat([table, late.assign(period="2025-09-30", value=99.0)], ignore_index=True)
    assert build_panel(as_of(more, "2025-10-01"), "payback").hash == before.hash
    assert build_panel(as_of(more, "2026-05-06"), "payback").hash != before.hash


def test_tables_that_do_not_do(known):
    few = known.rows[known.rows["metric"] != "revenue_run_rate"]
    with pytest.raises(DataError, match="at least 3 rows of OpenAI revenue_run_rate"):
        build_panel(known.with_rows(few), "payback")
    bad = known.rows.copy()
    bad.loc[bad["metric"] == "annual_revenue", "qualifier"] = "at least"
    with pytest.raises(DataError, match="bounds of run-rates only"):
        build_panel(known.with_rows(bad), "payback")


# --- the model --------------------------------------------------------------------------------
@pytest.mark.parametrize(("bend", "growth"), [(0.05, 0.9), (1.0, 1.2), (2.5, 0.4)])
def test_the_curve_solves_its_equation(bend, growth):
    p = {"level": 3.0, "growth": growth, "headroom": 200.0, "bend": bend}
    ceiling = np.log(np.exp(3.0) + 200)
    k = growth / (1 - np.exp(bend * (3.0 - ceiling)))
    t = np.linspace(0, 12, 25)
    solved = solve_ivp(lambda _, y: k * (1 - np.exp(bend * (y - ceiling))), (0, 12), [3.0],
                       t_eval=t, rtol=1e-9, atol=1e-11)  # fmt: skip
    np.testing.assert_allclose(payback.log_rate(p, t), solved.y[0], rtol=1e-6)
    step = 1e-5
    slope = (payback.log_rate(p, step) - payback.log_rate(p, -step)) / (2 * step)
    assert slope == pytest.approx(growth, rel=1e-6)
    assert payback.log_rate(p, 500.0) == pytest.approx(ceiling, abs=1e-3)


def slow_likelihood(panel, p):
    """Return the log likelihood figure by figure."""
    d = panel.data.to_dataframe()
    total = 0.0

    def revenue(year):
        return np.mean(
            [np.exp(payback.log_rate(p, year + m - payback.ORIGIN)) for m in payback.MONTHS]
        )

    for r in d.itertuples():
        if r.kind == 0:
            z = (
                (np.log(r.value) - payback.log_rate(p, r.time - payback.ORIGIN))
                / p["noise"]
                / (1 + r.rough)
            )
            total += {
                0: norm.logpdf(z) - np.log(p["noise"] * (1 + r.rough)),
                1: norm.logsf(z),
                -1: norm.logcdf(z),
            }[r.side]
        elif r.kind == 1:
            z = (np.log(r.value) - np.log(revenue(r.year))) / p["noise"]
            total += norm.logpdf(z) - np.log(p["noise"])
        elif r.kind == 2:
            cash = payback.margin(p, r.year) * revenue(r.year)
            total += norm.logpdf(r.value, cash, 0.5 * (1 + r.rough))
        else:
            years = np.arange(2026, 2031)
            plan = spending(600, 2026, 2030, np.array([p["ramp"]]), years)[0]
            spent = plan[years == r.year].sum()
            truth = payback.margin(p, r.year) * revenue(r.year) - spent
            base = truth if r.newer < 0 else d["value"].iloc[r.newer]
            sd = p["revision"] * np.sqrt(r.ahead)
            total += norm.logpdf(r.value, base + p["optimism"] * r.ahead, sd)
    return total


def test_the_likelihood_is_the_sum_over_figures(payback_panel):
    side = payback_panel.data["side"].values.copy()
    side[3] = -1
    data = payback_panel.data.assign(side=("obs", side))
    panel = dataclasses.replace(payback_panel, data=data)
    model = payback.build(panel, PRIORS)
    p = {"level": 3.0, "growth": 1.1, "margin_start": -0.5, "margin_end": 0.3, "ramp": 0.1,
         "optimism": 12.0, "headroom": 300.0, "bend": 0.5, "noise": 0.1, "margin_years": 2.5,
         "discount": 0.1, "revision": 15.0}  # fmt: skip
    values = {}
    for v in model.free_RVs:
        at = model.rvs_to_values[v]
        values[at] = np.array(np.log(p[v.name]) if v.name in payback.LOG_NORMALS else p[v.name])
    fast = model.compile_fn(
        model.logp(vars=model.observed_RVs), inputs=model.value_vars, mode="FAST_COMPILE",
        on_unused_input="ignore",
    )  # fmt: skip
    named = {at.name: value for at, value in values.items()}
    assert float(fast(named)) == pytest.approx(slow_likelihood(panel, p), rel=1e-9)


def test_replicates_lie_about_the_truth_and_bounds_stay(payback_panel, parameters):
    same = parameters.isel(draw=[0] * 4000).assign_coords(draw=np.arange(4000))
    new = payback.replicate(same, payback_panel, PRIORS, np.random.default_rng(0))
    data, p = payback_panel.data, {k: float(same[k][0, 0]) for k in payback.REPORT}
    bound = data["side"].values == 1
    assert (new["value"][:, bound] == data["value"].values[bound]).all()
    t = data["time"].values[bound] - payback.ORIGIN
    z = (np.log(data["value"].values[bound]) - payback.log_rate(p, t)) / p["noise"]
    np.testing.assert_allclose((new["side"][:, bound] == 1).mean(0), norm.sf(z), atol=0.04)
    # an older projection is the newer one and the optimism of the time between
    newest, older = (
        np.flatnonzero((data["year"] == 2028) & (data["kind"] == 3))[k] for k in (0, 1)
    )
    step = new["value"][:, older] - new["value"][:, newest]
    ahead = float(data["ahead"][older])
    assert step.mean() == pytest.approx(p["optimism"] * ahead, abs=4 * step.std() / 60)
    assert step.std() == pytest.approx(p["revision"] * np.sqrt(ahead), rel=0.06)


def test_a_programme_is_spent_whole():
    plan = spending(600, 2026, 2030, np.array([0.0, 0.4]), np.arange(2026, 2061))
    np.testing.assert_allclose(plan.sum(axis=1), 600)
    np.testing.assert_allclose(plan[0, :5], 120)
    assert (plan[:, 5:] == 0).all()
    np.testing.assert_allclose(plan[1, 1:5] / plan[1, :4], np.exp(0.4))


def test_balances_by_hand(payback_panel, parameters):
    plan = payback.plan_of(parameters, "1.0 tn programme")
    k = 7
    rate = float(parameters["discount"][0, k])
    earned = sum(
        plan.revenue[k, t] * plan.margin[k, t] / (1 + rate) ** t for t in range(10)
    )  # to the end of 2035
    assert plan.balance[k, 9] == pytest.approx(earned - plan.cost[k])
    drawn = payback.draw(parameters, payback_panel, PRIORS, "2060", np.random.default_rng(0))
    reached = drawn["y"].sel(series="1.0 tn programme/recovered", period="2035")[0, k].item()
    assert reached == float((plan.balance[k, :10] >= 0).any())
    y = drawn["y"]
    cheap, dear = (y.sel(series=f"{n} tn programme/recovered") for n in ("0.6", "1.4"))
    assert (cheap >= dear).all()
    assert (y.sel(series="1.0 tn programme/recovered").diff("period") >= 0).all()
    assert 0 < float(cheap.sel(period="2040").mean()) < 1
    with pytest.raises(DataError, match="wanted a year from 2027 to 2060"):
        payback.draw(parameters, payback_panel, PRIORS, "2090", np.random.default_rng(0))


def test_the_required_revenue_pays_back(parameters):
    """With the path scaled to it, and the margin put in, the balance is nought."""
    plan = payback.plan_of(parameters, "1.0 tn programme")
    need = payback.required_revenue(plan, 2040, np.array([0.15, 0.3]))
    k = int(np.flatnonzero(np.isfinite(need[:, 1]))[0])
    factor = need[k, 1] / plan.revenue[k, plan.years == 2035][0]
    margin = plan.margin[k] + (0.3 - plan.end[k]) * plan.way[k]
    own = {n: float(parameters[n][0, k]) for n in payback.REPORT} | {"margin_end": 0.3}
    np.testing.assert_allclose(margin, payback.margin(own, plan.years))
    inside = plan.years <= 2040
    earned = (plan.discount[k] * margin * factor * plan.revenue[k])[inside].sum()
    assert earned == pytest.approx(plan.cost[k])
    both = np.isfinite(need).all(axis=1)
    assert (need[both, 0] > need[both, 1]).all()  # a thinner margin needs more


def test_the_straight_line_beside_the_model(payback_panel):
    drawn = payback_baseline.straight_line(payback_panel, until="2060", seed=1)
    k = payback_panel.data["kind"].values == 0
    t, rate = payback_panel.data["time"].values[k], payback_panel.data["value"].values[k]
    recent = t > t.max() - 1.5
    slope, start = np.polyfit(t[recent] - 2026, rate[recent], 1)
    path = drawn["signal"].sel(series="OpenAI/annual_revenue")
    assert float(path.sel(period="2030").median()) == pytest.approx(start + 4.5 * slope, rel=0.03)
    shares = drawn["y"].mean(("chain", "draw"))
    assert float(shares.sel(series="1.0 tn programme/recovered", period="2060")) < 0.2
    few = payback_panel.data.isel(obs=np.arange(len(t) - 5, payback_panel.data.sizes["obs"]))
    old = few.assign(time=("obs", np.arange(few.sizes["obs"]) * 5.0))
    with pytest.raises(DataError, match="three run-rates in 18 months; got 1"):
        payback_baseline.straight_line(
            dataclasses.replace(payback_panel, data=old), until="2060", seed=1
        )


def test_the_claims_are_events_over_the_draws(payback_panel, parameters):
    drawn = payback.draw(parameters, payback_panel, PRIORS, "2060", np.random.default_rng(0))
    verdicts = judge(read_claims(), [drawn.assign_attrs(model="payback", as_of="2026-05-06")])
    p = {v.definition: v.probability for v in verdicts if v.claim == "never_recovered"}
    assert len(p) == 6
    assert p["restated_by_2035"] <= p["one_trillion_by_2035"] <= p["full_commitments_by_2035"]
    assert p["one_trillion_ever"] <= p["one_trillion_by_2040"] <= p["one_trillion_by_2030"]


# --- real fits --------------------------------------------------------------------------------
@pytest.mark.slow
def test_known_figures_are_recovered(payback_panel):
    model = get_model("payback")
    truth = prior_draws(model, payback_panel, model.priors, size=6, seed=3).isel(draw=[4])
    new = payback.replicate(truth, payback_panel, model.priors, np.random.default_rng(1))
    data = payback_panel.data.assign({k: ("obs", v[0]) for k, v in new.items()})
    run = fit("payback", dataclasses.replace(payback_panel, data=data), seed=1, progress=False)
    assert run.gate.passed, [str(c) for c in run.gate.failures]
    for name in payback.REPORT:
        low, high = run.posterior[name].quantile([0.002, 0.998]).values
        assert low < truth[name].item() < high, name
    # the data decide where growth stands, and not where margins end
    assert float(run.posterior["growth"].std()) < 0.5 * PRIORS.growth_sd
    assert float(run.posterior["margin_end"].std()) > 0.5 * PRIORS.margin_end_sd


@pytest.mark.slow
def test_projections_have_been_optimistic(payback_panel):
    run = fit("payback", payback_panel, seed=1, progress=False)
    assert run.gate.passed, [str(c) for c in run.gate.failures]
    assert float((run.posterior["optimism"] > 0).mean()) > 0.9
