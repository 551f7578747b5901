"""The laws against their slow definitions, cash added up by hand, bounds, vintages and the frontier."""

import dataclasses

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from scipy.integrate import quad, solve_ivp
from scipy.special import logit
from scipy.stats import norm

from forecast.claims.judge import judge
from forecast.claims.read import read_claims
from forecast.core.errors import DataError
from forecast.inference.fitting import fit
from forecast.inference.predict import forecast
from forecast.inference.sampling import prior_draws
from forecast.models.panels import build_panel
from forecast.models.payback import baseline as payback_baseline
from forecast.models.payback import model as payback
from forecast.models.payback import plots as payback_plots
from forecast.models.payback.panel import KINDS, Announced, announced, spending
from forecast.models.registry import get_model
from forecast.tables.shipped import read_vintages
from forecast.tables.vintages import as_of

PRIORS = payback.Priors()
QUARTERS = ("2025-03-31", "2025-06-30", "2025-09-30", "2025-12-31", "2026-03-31", "2026-05-06")
"""Days on which a fit must pass: the ends of quarters since 2025, and the article's."""


@pytest.fixture(scope="module")
def parameters(payback_panel):
    return prior_draws(get_model("payback"), payback_panel, PRIORS, size=300, seed=2)


def row(entity, metric, period, value, day, qualifier=""):
    return {"entity": entity, "metric": metric, "period": period, "value": value, "unit": "USD bn",
            "reported_on": day, "source": "made up", "confidence": "C",
            "qualifier": qualifier}  # fmt: skip


def with_rows(*rows, day="2026-05-06"):
    """Return the shipped panel of a day with made-up rows besides."""
    table = pd.concat([read_vintages(), pd.DataFrame(rows)], ignore_index=True)
    return build_panel(as_of(table, day), "payback", history=table)


MADE_UP = (
    row("OpenAI", "quarterly_cash_burn", "2026Q1", 3.0, "2026-05-01", "at least"),
    row("OpenAI", "quarterly_revenue", "2026Q1", 5.5, "2026-05-01"),
    row("Anthropic", "annual_revenue", "2025", 4.5, "2026-02-01", "at most"),
    row("Anthropic", "cash_on_hand", "2026-03-31", 40.0, "2026-04-20", "about"),
    row("Anthropic", "funding_committed", "2026-04-30", 10.0, "2026-05-01", "at least"),
)
"""Figures of every kind that the shipped table does not have."""


# --- the panel --------------------------------------------------------------------------------
def test_words_and_vintages_reach_the_panel(payback_panel):
    data = payback_panel.data.to_dataframe()
    kinds = {KINDS[k]: n for k, n in data["kind"].value_counts().items()}
    assert kinds == {"sales": 16, "cash": 1, "money": 1, "round": 2, "projection": 17}
    assert data.loc[data["side"] == 1, "value"].tolist() == [20, 25, 9]
    assert data.loc[data["side"] == -1, ["metric", "value"]].to_numpy().tolist() == [
        ["revenue_run_rate_gross", 20], ["funding_raised", 58]]  # fmt: skip
    assert set(data.loc[data["gross"] == 1, "entity"]) == {"Anthropic"}
    told = data[data["year"] == 2028].query("kind == 4")
    at = np.flatnonzero((data["year"] == 2028) & (data["kind"] == 4))
    assert told["value"].tolist() == [-85, -47, -11]  # the newest first
    assert told["vintage"].tolist() == [0, 1, 2]
    assert told["newer"].tolist() == [-1, at[0], at[1]]
    assert told["ahead"].tolist() == pytest.approx([2.84, 0.485, 0.433], abs=0.01)
    assert told["horizon"].tolist() == pytest.approx([1.42, 3.08, 3.54], abs=0.01)
    # what was told of 2025 in 2026 is no projection
    old = data.query("kind == 4 and year == 2025")
    assert (old["value"].tolist(), old["vintage"].tolist()) == ([-9, -7], [1, 2])
    assert data.query("kind == 1")["value"].tolist() == [-8]


def test_windows_and_words_of_every_kind_of_figure():
    data = with_rows(*MADE_UP).data.to_dataframe().set_index("metric")
    burn, sold = data.loc["quarterly_cash_burn"], data.loc["quarterly_revenue"]
    assert (burn["value"], burn["side"]) == (-3, -1)  # at least 3 burnt is at most -3 of cash
    for quarter in (burn, sold):
        assert (quarter["start"], quarter["length"], quarter["per"]) == (2026.0, 0.25, 0.25)
    money = data.loc["cash_on_hand"]
    assert (money["start"], money["rough"]) == (2026.0, 1)
    assert money["length"] == pytest.approx(0.2437, abs=1e-3)
    assert money["committed"] == 30  # the round of February, not that of April
    bound = data[(data.index == "funding_committed") & (data["value"] == 10)]
    assert bound["side"].tolist() == [1]


def test_nothing_reported_later_reaches_the_panel():
    table = read_vintages()
    before = build_panel(as_of(table, "2025-10-01"), "payback")
    assert max(before.data["reported_on"].values.tolist()) <= "2025-10-01"
    late = table[(table["entity"] == "OpenAI") & (table["metric"] == "revenue_run_rate")].iloc[[-1]]
    more = pd.concat([table, late.assign(period="2025-09-30", value=99.0)], ignore_index=True)
    assert build_panel(as_of(more, "2025-10-01"), "payback").hash == before.hash
    assert build_panel(as_of(more, "2026-05-06"), "payback").hash != before.hash


@pytest.mark.parametrize(
    ("day", "size", "last"),
    [("2025-01-30", 0, 2026), ("2025-10-01", 500, 2033), ("2025-12-31", 1400, 2033),
     ("2026-05-06", 600, 2030)],
)  # fmt: skip
def test_the_programme_is_that_announced_by_the_day(day, size, last):
    assert announced(as_of(read_vintages(), day).rows) == Announced((size, 0), (last, 2026))


def test_tables_that_do_not_do(known):
    sales = known.rows["metric"].isin(["revenue_run_rate", "annual_revenue"])
    with pytest.raises(DataError, match=r"at least 3 figures of what OpenAI sells .* has 0"):
        build_panel(known.with_rows(known.rows[~sales]), "payback")
    bad = known.rows.copy()
    bad.loc[bad["metric"] == "cash_flow_projection", "qualifier"] = "at least"
    with pytest.raises(
        DataError, match=r"no bounds of projections; got OpenAI 2025 .*; OpenAI 2030"
    ):
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


def truth_of():
    """Return parameters by name, a pair where each laboratory has its own, and the shifts."""
    p = {"level": [1.8, 0.2], "growth": [1.1, 2.0], "headroom": [300.0, 500.0], "bend": [0.5, 0.7],
         "noise": [0.1, 0.2], "gross": 0.2, "margin_start": [-0.5, -0.7], "margin_end": [0.3, 0.2],
         "margin_years": 2.5, "share": 0.3, "ramp": 0.1, "discount": 0.1, "optimism": 4.0,
         "shift_sd": 9.0, "revision": 7.0, "swing": 0.1, "reserve": [30.0, 12.0],
         "round_rate": 0.9, "round_size": [60.0, 20.0], "round_spread": 0.6}  # fmt: skip
    return p, np.arange(12.0).reshape(2, 6) / 10 - 0.5


def slow_cash(p, lab, start, end, programme):
    """Return net cash and revenue of a window by quadrature, and the programme year by year."""
    rate = slow_rate(p, lab)
    left = lambda t: np.exp(-(t - 2025.5) / p["margin_years"])  # noqa: E731
    high, low = p["margin_end"][lab], p["margin_start"][lab]
    net = quad(lambda t: rate(t) * (high - (high - low) * left(t)), start, end)[0]
    size, last = programme
    weights = {y: np.exp(p["ramp"] * (y - 2026)) for y in range(2026, last + 1)}
    for year, weight in weights.items():
        inside = max(0.0, min(end, year + 1) - max(start, year))
        net -= p["share"] * size * inside * weight / sum(weights.values())
    return net, quad(rate, start, end)[0]


def slow_rate(p, lab):
    one = {n: p[n][lab] for n in ("level", "growth", "headroom", "bend")}
    return lambda t: np.exp(payback.log_rate(one, t - 2025.0))


def slow_likelihood(panel, p, shift):
    """Return the log likelihood figure by figure."""
    d = panel.data.to_dataframe().reset_index(drop=True)
    plan, total = panel.part(Announced), 0.0
    for r in d.itertuples():
        net, sold = slow_cash(
            p, r.lab, r.start, r.start + r.length, (plan.size[r.lab], plan.last[r.lab])
        )
        value, kind = r.value, KINDS[r.kind]
        if kind == "sales":
            mean = np.log(sold if r.length else slow_rate(p, r.lab)(r.start)) + p["gross"] * r.gross
            value, sd = np.log(value), p["noise"][r.lab] * (1 + r.rough)
        elif kind in ("cash", "money"):
            mean = net + (p["reserve"][r.lab] + r.committed if kind == "money" else 0)
            sd = np.hypot(0.5 * (1 + r.rough), p["swing"] * sold)
        elif kind == "round":
            value, mean, sd = np.log(value), np.log(p["round_size"][r.lab]), p["round_spread"]
        else:
            base = net if r.newer < 0 else d["value"].iloc[r.newer]
            step = p["shift_sd"] * np.sqrt(r.ahead) * shift[r.lab, r.vintage]
            mean = base + (p["optimism"] * r.ahead + step) * r.horizon
            sd = np.hypot(0.5, p["revision"] * np.sqrt(r.ahead) * r.horizon)
        law = norm(mean, sd)
        total += {0: law.logpdf, 1: law.logsf, -1: law.logcdf}[r.side](value)
    return total


def test_the_likelihood_is_the_sum_over_figures():
    panel = with_rows(*MADE_UP)
    model = payback.build(panel, PRIORS)
    p, shift = truth_of()
    middle, sd = payback.prior_array(PRIORS)
    z = []
    for name, m, s in zip(payback.PARAMETERS, middle, sd, strict=True):
        x = np.atleast_1d(p[name])
        x = np.log(x) if name in payback.LOG_NORMALS else logit(x) if name == "share" else x
        z.extend((x - m) / s)
    fast = model.compile_fn(
        model.logp(vars=model.potentials), inputs=model.value_vars, mode="FAST_COMPILE"
    )  # fmt: skip
    wanted = slow_likelihood(panel, p, shift)
    told, rest = np.split(np.array(z), [2])
    own = panel.frame()[panel.data["kind"].values == KINDS.index("sales")]
    told += p["gross"] * own.groupby("lab")["gross"].mean().values / PRIORS.level_sd
    moved = shift.copy()
    for row in panel.frame()[panel.data["kind"].values == KINDS.index("projection")].itertuples():
        moved[row.lab, row.vintage] = shift[row.lab, row.vintage] * p["shift_sd"] / PRIORS.shift_sd
    got = float(fast({"told": told, "z": rest, "moved": moved}))
    assert got == pytest.approx(wanted, rel=2e-4)  # twelve points a window


def constant(p, shift, size):
    """Return parameters that are the same in every draw."""

    def of(x):
        x = np.asarray(x, dtype=float)
        dims = {0: (), 1: ("laboratory",), 2: ("laboratory", "vintage")}[x.ndim]
        return (("chain", "draw", *dims), np.broadcast_to(x, (1, size, *x.shape)))

    sizes = {"chain": [0], "draw": np.arange(size)}
    return xr.Dataset({n: of(x) for n, x in {**p, "shift": shift}.items()}, coords=sizes)


def test_replicates_lie_about_the_truth_and_bounds_stay():
    panel = with_rows(*MADE_UP)
    p, shift = truth_of()
    new = payback.replicate(
        constant(p, shift, 4000), panel, PRIORS, np.random.default_rng(0)
    )  # fmt: skip
    d, plan = panel.data.to_dataframe().reset_index(drop=True), panel.part(Announced)
    bound = d["side"].to_numpy() != 0
    assert bound.sum() == 8
    assert (new["value"][:, bound] == d["value"].to_numpy()[bound]).all()
    assert (new["side"][:, ~bound] == 0).all()
    rates = np.flatnonzero((d["kind"] == 0) & (d["length"] == 0) & (d["side"] == 1))
    for cell in rates:
        r = d.iloc[cell]
        mean = np.log(slow_rate(p, int(r["lab"]))(r["start"])) + p["gross"] * r["gross"]
        z = (np.log(r["value"]) - mean) / p["noise"][int(r["lab"])]
        assert (new["side"][:, cell] == 1).mean() == pytest.approx(norm.sf(z), abs=0.04)
    newest, older = (np.flatnonzero((d["year"] == 2028) & (d["kind"] == 4))[k] for k in (0, 1))
    net, _ = slow_cash(p, 0, 2028.0, 2029.0, (plan.size[0], plan.last[0]))
    for cell, base in ((newest, net), (older, new["value"][:, newest])):
        ahead, away = (float(d[c].iloc[cell]) for c in ("ahead", "horizon"))
        known = shift[0, int(d["vintage"].iloc[cell])] * p["shift_sd"] * np.sqrt(ahead)
        step = new["value"][:, cell] - base
        assert step.mean() == pytest.approx(
            (p["optimism"] * ahead + known) * away, abs=4 * step.std() / 63
        )
        assert step.std() == pytest.approx(
            np.hypot(0.5, p["revision"] * np.sqrt(ahead) * away), rel=0.06
        )


def test_a_programme_is_spent_whole():
    plan = spending(600, 2026, 2030, np.array([0.0, 0.4]), np.arange(2026, 2061))
    np.testing.assert_allclose(plan.sum(axis=1), 600)
    np.testing.assert_allclose(plan[0, :5], 120)
    assert (plan[:, 5:] == 0).all()
    np.testing.assert_allclose(plan[1, 1:5] / plan[1, :4], np.exp(0.4))


def test_nothing_is_paid_twice(payback_panel):
    """Net cash and the balance of the announced programme are of one margin and f of the spending."""
    p, shift = truth_of()
    draws = payback.draw(
        constant(p, shift, 3), payback_panel, PRIORS, "2060", np.random.default_rng(0)
    )  # fmt: skip
    signal = draws["signal"].isel(chain=0, draw=0)
    net = signal.sel(series="OpenAI/net_cash").values
    for k, year in enumerate(range(2026, 2034)):
        wanted = slow_cash(p, 0, year, year + 1.0, (600.0, 2030))
        assert net[k] == pytest.approx(wanted[0], rel=2e-3, abs=0.02)
    before = (
        signal.sel(series="OpenAI/annual_revenue") * signal.sel(series="OpenAI/cash_margin")
    ).values
    # what is paid besides adds up to f of the programme, and to nothing after it
    assert (before - net).sum() == pytest.approx(0.3 * 600)
    assert (before - net)[5:] == pytest.approx(0)
    np.testing.assert_allclose(
        signal.sel(series="Anthropic/net_cash"),
        signal.sel(series="Anthropic/annual_revenue") * signal.sel(series="Anthropic/cash_margin"),
    )
    weights = np.exp(0.1 * np.arange(5))
    cost = 0.3 * (600 * weights / weights.sum() / 1.1 ** np.arange(5)).sum()
    earned = (before / 1.1 ** np.arange(35)).cumsum()
    np.testing.assert_allclose(signal.sel(series="0.6 tn programme/balance"), earned - cost)
    reached = (earned - cost >= 0).cumsum() > 0
    np.testing.assert_array_equal(signal.sel(series="0.6 tn programme/recovered"), reached)
    assert reached.any()
    assert not reached.all()


def test_cash_in_hand_is_reserve_rounds_and_net_cash(payback_panel):
    p, shift = truth_of()
    without = {**p, "round_rate": 0.0}
    draws = payback.draw(
        constant(without, shift, 50), payback_panel, PRIORS, "2040", np.random.default_rng(0)
    )  # fmt: skip
    for name, start in (("OpenAI", 30.0 + 122), ("Anthropic", 12.0 + 30)):
        for kind in ("y", "signal"):
            own = draws[kind].isel(chain=0)
            wanted = start + own.sel(series=f"{name}/net_cash").cumsum("period")
            np.testing.assert_allclose(own.sel(series=f"{name}/funding_left"), wanted)
            np.testing.assert_allclose(own.sel(series=f"{name}/cash"), wanted)
    more = payback.draw(
        constant(p, shift, 4000), payback_panel, PRIORS, "2030", np.random.default_rng(0)
    )["signal"].isel(chain=0)  # fmt: skip
    new = more.sel(series="OpenAI/cash") - more.sel(series="OpenAI/funding_left")
    ahead = 2031 - 2026.342
    mean = 0.9 * ahead * 60 * np.exp(0.6**2 / 2)
    assert float(new.isel(period=-1).mean()) == pytest.approx(mean, rel=0.05)
    assert float((new.isel(period=-1) == 0).mean()) == pytest.approx(np.exp(-0.9 * ahead), abs=0.01)


def test_of_a_round_that_is_a_bound_the_rest_is_drawn():
    panel = with_rows(MADE_UP[-1])
    p, shift = truth_of()
    p = {**p, "round_rate": 0.0}
    own = payback.draw(
        constant(p, shift, 4000), panel, PRIORS, "2030", np.random.default_rng(0)
    )["signal"].isel(chain=0, period=0)  # fmt: skip
    got = own.sel(series="Anthropic/cash") - own.sel(series="Anthropic/net_cash") - 12 - 30
    assert float(got.min()) >= 10 * (1 - 1e-9)
    z = norm.rvs(size=200_000, random_state=1)
    sums = 20 * np.exp(0.6 * z)
    assert float(got.median()) == pytest.approx(np.median(sums[sums >= 10]), rel=0.05)


def test_funding_runs_out_once_and_before_positive_cash():
    left = np.array([[5, -1, -2, 9], [5, 2, -1, -3], [-1, 3, 4, 5], [5, 5, 5, -1], [5, 5, 5, 5]])
    net = np.array([[-1, -6, -1, 11], [-1, 3, -3, -2], [1, 4, 1, 1], [-1, -1, -1, -6], [-1] * 4])
    gone = payback.run_out(left.astype(float), net.astype(float))
    assert gone.tolist() == [[0, 1, 1, 1], [0, 0, 0, 0], [1, 1, 1, 1], [0, 0, 0, 1], [0, 0, 0, 0]]
    assert np.isnan(payback.run_out(np.array([[np.nan]]), np.array([[np.nan]]))).all()


def test_a_year_that_is_reported_is_that_number(parameters):
    panel = with_rows(
        row("OpenAI", "annual_cash_burn", "2026", 30, "2027-02-01", "about"),
        row("OpenAI", "annual_revenue", "2026", 33, "2027-02-01"), day="2027-03-01",
    )  # fmt: skip
    draws = payback.draw(parameters, panel, PRIORS, "2030", np.random.default_rng(0))
    for series, value in (("OpenAI/net_cash", -30), ("OpenAI/annual_revenue", 33)):
        one = draws.sel(series=series, period="2026")
        assert (one["y"] == value).all()
        assert float(one["observed"]) == value
    left = draws["y"].sel(series="OpenAI/funding_left", period="2026").values.ravel()
    np.testing.assert_allclose(left, parameters["reserve"].values[0, :, 0] + 122 - 30)


def test_the_answer_by_share_is_that_of_draws_with_that_share(payback_panel, parameters):
    plan = payback.plan_of(parameters, "1.0 tn programme")
    shares = [0.15, 0.5, 1.0]
    chances = payback.chance_by_share(plan, 2035, shares)
    for share, chance in zip(shares, chances, strict=True):
        fixed = parameters.assign(share=parameters["share"] * 0 + share)
        draws = payback.draw(fixed, payback_panel, PRIORS, "2036", np.random.default_rng(0))
        own = draws["y"].sel(series="1.0 tn programme/recovered", period="2035")
        assert float(own.mean()) == pytest.approx(chance)
    assert chances[0] > chances[1] > chances[2]


def test_the_figure_shows_the_answer_by_share():
    shares = np.linspace(0, 1, 11)
    chances = 0.8 - 0.5 * shares
    own = np.random.default_rng(0).beta(2, 8, size=500)
    ax = payback_plots.payback_share(shares, chances, own, 0.7, marked=(0.5, 1.0))
    np.testing.assert_allclose(ax.lines[0].get_ydata(), 100 * chances)
    told = " ".join(" ".join(t.get_text().split()) for t in ax.texts)
    for text in ("50 %: 55 %", "100 %: 30 %", "over what is known of it: 70 %"):
        assert text in told
    plt.close("all")


def test_programmes_are_ordered_and_years_end(payback_panel, parameters):
    drawn = payback.draw(parameters, payback_panel, PRIORS, "2060", np.random.default_rng(0))
    y = drawn["y"]
    cheap, dear = (y.sel(series=f"{n} tn programme/recovered") for n in ("0.6", "1.4"))
    assert (cheap >= dear).all()
    assert (y.sel(series="1.0 tn programme/recovered").diff("period") >= 0).all()
    assert 0 < float(cheap.sel(period="2040").mean()) < 1
    with pytest.raises(DataError, match="wanted a year from 2027 to 2060"):
        payback.draw(parameters, payback_panel, PRIORS, "2090", np.random.default_rng(0))


def test_alternatives_are_parameters_put_in_place_of_the_draws(payback_panel, parameters):
    answers = {}
    for name, fixed in {"as it is": {}, **payback.ALTERNATIVES}.items():
        assert set(fixed) <= set(payback.REPORT)
        other = parameters.assign({n: parameters[n] * 0 + v for n, v in fixed.items()})
        draws = payback.draw(other, payback_panel, PRIORS, "2040", np.random.default_rng(0))
        answers[name] = [
            float(draws["y"].sel(series=s, period="2035").mean())
            for s in ("1.0 tn programme/recovered", "OpenAI/out_of_cash")
        ]
    back, broke = zip(*answers.values(), strict=True)
    assert back[1] < back[2] < back[3]
    assert broke[4] > broke[0]


def test_the_required_revenue_pays_back(parameters):
    """With the path scaled to it, and the margin put in, the balance is nought."""
    plan = payback.plan_of(parameters, "1.0 tn programme")
    need = payback.required_revenue(plan, 2040, np.array([0.15, 0.3]))
    k = int(np.flatnonzero(np.isfinite(need[:, 1]))[0])
    factor = need[k, 1] / plan.revenue[k, plan.years == 2035][0]
    start = float(parameters["margin_start"][0, k, 0])
    margin = start + (0.3 - start) * plan.way[k]
    inside = plan.years <= 2040
    earned = (plan.discount[k] * margin * factor * plan.revenue[k])[inside].sum()
    assert earned == pytest.approx(float(parameters["share"][0, k]) * plan.whole[k])
    both = np.isfinite(need).all(axis=1)
    assert (need[both, 0] > need[both, 1]).all()  # a thinner margin needs more


def test_the_straight_line_beside_the_model(payback_panel):
    drawn = payback_baseline.straight_line(payback_panel, until="2060", seed=1)
    d = payback_panel.data.to_dataframe().reset_index()
    own = d[(d["entity"] == "OpenAI") & (d["metric"] == "revenue_run_rate")]
    recent = own[own["start"] > own["start"].max() - 1.5]
    slope, start = np.polyfit(recent["start"] - 2026, recent["value"], 1)
    path = drawn["signal"].sel(series="OpenAI/annual_revenue")
    assert float(path.sel(period="2030").median()) == pytest.approx(start + 4.5 * slope, rel=0.03)
    assert (drawn["y"].sel(series="OpenAI/annual_revenue") == path).all()
    share = drawn["y"].sel(series="1.0 tn programme/recovered", period="2035").mean()
    assert 0.05 < float(share) < 0.6


def test_a_straight_line_wants_three_run_rates():
    early = build_panel(as_of(read_vintages(), "2025-06-30"), "payback")
    drawn = payback_baseline.straight_line(early, until="2030", seed=1, draws=10)
    assert drawn["y"].sel(series="Anthropic/annual_revenue").isnull().all()
    assert drawn["y"].sel(series="Anthropic/out_of_cash").isnull().all()
    assert drawn["y"].sel(series="OpenAI/cash").notnull().all()
    before = build_panel(as_of(read_vintages(), "2025-03-31"), "payback")
    with pytest.raises(DataError, match="three run-rates in 18 months; got 2"):
        payback_baseline.straight_line(before, until="2030", seed=1)


def test_the_claims_are_events_over_the_draws(payback_panel, parameters):
    drawn = payback.draw(parameters, payback_panel, PRIORS, "2060", np.random.default_rng(0))
    verdicts = judge(read_claims(), [drawn.assign_attrs(model="payback", as_of="2026-05-06")])
    asked = ("never_recovered", "funding_before_profit")
    p = {v.definition: v.probability for v in verdicts if v.claim in asked}
    assert len(p) == 8
    assert p["restated_by_2035"] <= p["one_trillion_by_2035"] <= p["full_commitments_by_2035"]
    assert p["one_trillion_ever"] <= p["one_trillion_by_2040"] <= p["one_trillion_by_2030"]
    gone = drawn["y"].sel(series="OpenAI/out_of_funding", period="2035")
    assert p["openai_funding_runs_out"] == float(gone.mean())
    assert 0 < p["anthropic_funding_runs_out"] < 1


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
        low, high = run.posterior[name].quantile([0.002, 0.998], ("chain", "draw")).values
        assert (low < truth[name].values[0, 0]).all(), name
        assert (truth[name].values[0, 0] < high).all(), name
    # the data decide where growth stands, and not where margins end
    spread = {n: run.posterior[n].isel(laboratory=0).std() for n in ("growth", "margin_end")}
    assert float(spread["growth"]) < 0.5 * PRIORS.growth_sd
    assert float(spread["margin_end"]) > 0.5 * PRIORS.margin_end_sd


@pytest.mark.parametrize(
    "day",
    [
        pytest.param(d, marks=pytest.mark.slow if d in QUARTERS[::4] else pytest.mark.proof)
        for d in QUARTERS
    ],
)
def test_each_quarter_passes_and_foresees_what_it_was_told(day):
    """The gate as it is, every figure inside its 99 % predictive interval."""
    panel = build_panel(as_of(read_vintages(), day), "payback")
    run = fit("payback", panel, seed=1, progress=False)
    assert run.gate.passed, [str(c) for c in run.gate.failures]
    new = payback.replicate(run.posterior, panel, PRIORS, np.random.default_rng(1))
    number = panel.data["side"].values == 0
    low, high = np.quantile(new["value"], [0.005, 0.995], axis=0)
    value = panel.data["value"].values
    out = number & ((value < low) | (value > high))
    assert not out.any(), panel.frame()[out]
    held = (new["side"] == panel.data["side"].values).mean(axis=0)[~number]
    assert (held > 0.005).all(), panel.frame()[~number][held <= 0.005]


@pytest.mark.slow
def test_cash_of_2026_holds_what_the_company_said_of_it(payback_panel):
    run = fit("payback", payback_panel, seed=1, progress=False)
    assert run.gate.passed, [str(c) for c in run.gate.failures]
    cash = forecast(run, seed=2)["y"].sel(series="OpenAI/net_cash", period="2026")
    low, high = cash.quantile([0.1, 0.9]).values
    assert low < -25 < high
    # the bias is what revisions were and does not take up what f owes
    assert float(run.posterior["optimism"].mean()) < 15
    assert float((run.posterior["share"] > 0.9).mean()) < 0.01
