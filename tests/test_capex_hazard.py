"""Run-ups of capex that never overlap, the likelihood, the process, and where companies stand."""

import dataclasses
import datetime as dt
import math
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from forecast.claims.events import FirstPassage, happens
from forecast.claims.read import read_claims
from forecast.core.errors import DataError
from forecast.core.periods import quarter_index, quarter_name
from forecast.evaluation.calibration import refill
from forecast.inference.fitting import fit
from forecast.inference.sampling import prior_draws
from forecast.models.capex_hazard import baseline
from forecast.models.capex_hazard import model as capex_hazard
from forecast.models.capex_hazard.panel import (
    FALLS,
    SETS,
    state_of,
    states,
    with_states,
    with_views,
)
from forecast.models.panels import build_panel, with_positions
from forecast.models.registry import get_model
from forecast.report.sections import two_models
from forecast.tables.shipped import read_reference_table
from forecast.tables.vintages import as_of

PRIORS = capex_hazard.Priors()
EXTERNAL = Path(__file__).parents[2] / "shared" / "data" / "external" / "capex_runups_firms.csv"


@pytest.fixture(scope="module")
def table():
    return read_reference_table("capex_runups")


def named(panel, entity):
    return next(one for one in states(panel) if one.entity == entity)


def parameters(panel, n=1, seed=0, **values):
    """Return `n` draws from the prior in one chain, with some values put in their place."""
    entry = get_model("capex_hazard")
    drawn = prior_draws(entry, panel, PRIORS, size=n, seed=seed)
    return drawn.assign({k: drawn[k] * 0 + v for k, v in values.items()})


# --- the table --------------------------------------------------------------------------------
def test_no_month_is_followed_twice(table):
    fitted = table[table["fitted"] == 1]
    for (level, entity), own in fitted.groupby(["level", "entity"]):
        step = 4 if "Q" in own["identified"].iloc[0] else 1
        at = own["identified"].map(quarter_index if step == 4 else int).to_numpy()
        assert (np.diff(at) * 12 / step >= own["followup"].to_numpy()[:-1]).all(), (level, entity)
    chain = fitted[fitted["level"] == "set"].sort_values("identified")
    at = chain["identified"].map(quarter_index).to_numpy()
    assert list(np.diff(at)) == [8] * 13  # from the end of 1998 to the day, without a gap
    again = table.assign(fitted=np.where(table["entity"] == "big_five", 1, table["fitted"]))
    with pytest.raises(DataError, match=r"of the sets of companies fitted rows overlap in time"):
        build_panel_of(again)


def build_panel_of(table, day="2026-05-06"):
    from forecast.tables.shipped import read_vintages

    return build_panel(as_of(read_vintages(), day), "capex_hazard", tables={"capex_runups": table})


def test_the_companies_fell_three_times_in_28_years_and_never_since_2012(table):
    chain = table[(table["level"] == "set") & (table["fitted"] == 1)]
    fell = chain[chain["months10"].notna()]
    assert sorted(fell["identified"]) == ["2000Q4", "2008Q4", "2010Q4"]
    assert sorted(fell.loc[fell["months20"].notna(), "identified"]) == ["2000Q4", "2008Q4"]


def test_the_companies_rows_are_their_reported_figures(table, known):
    """What the table says of a company since 2021 follows from the shipped quarters."""
    from forecast.models.capex_hazard.panel import _flows, totals_of

    capex, cash = _flows(known, "capex"), _flows(known, "operating_cash_flow")
    for name, who in {"MSFT": ("MSFT",), "META": ("META",), "big_five": SETS["big_five"]}.items():
        totals = {k: sum(parts) for k, parts in totals_of(capex, who).items()}
        own = table[(table["entity"] == name) & (table["identified"] >= "2021Q4")]
        assert len(own) == 18
        for row in own.itertuples():
            at = quarter_index(row.identified)
            path = np.array([totals[k] for k in range(at, at + int(row.followup) // 3 + 1)])
            depth = 100 * (1 - path / np.maximum.accumulate(path))
            for fall in FALLS:
                hit = np.flatnonzero(depth >= fall)
                said = getattr(row, f"months{fall}")
                assert said == 3 * hit[0] if len(hit) else math.isnan(said)
            assert row.growth == pytest.approx(100 * (totals[at] / totals[at - 4] - 1), abs=0.06)
            flow = sum(totals_of(cash, who)[at])
            assert row.cash == pytest.approx(totals[at] / flow, abs=0.006)


def test_every_bad_row_is_named_at_once(table):
    bad = table.copy()
    bad.loc[0, ["months10", "months20"]] = [24.0, 12.0]
    bad.loc[1, "level"] = "firm"
    bad.loc[2, "followup"] = 25.0
    bad.loc[3, "growth"] = -100.0
    company = bad.index[bad["level"] == "company"][0]
    bad.loc[company, "members"] = math.nan
    with pytest.raises(DataError) as told:
        build_panel_of(bad)
    for what in ("a level other than", "whole quarters", "-100 % or less", "before a smaller one",
                 "without a number of members"):  # fmt: skip
        assert what in str(told.value)


def test_nothing_later_than_the_day_reaches_the_panel(table):
    """A year's total counts as known a year after its end, a quarter's a month after."""
    day = "2013-06-30"
    rows = table[table["fitted"] == 1]
    later = rows["identified"].str[:4].astype(int) + np.where(
        rows["level"].isin(["company", "set"]), 0, 1
    )
    known = capex_seen(rows, day)
    assert known["identified"].max() <= "2012Q4"
    changed = rows.assign(growth=np.where(later >= 2013, 50.0, rows["growth"]))
    year = rows["identified"].str[:4].astype(int)
    yearly = ~rows["level"].isin(["company", "set"])
    # what was followed to 2011 was known by then; a fall of 2012 in an annual total was not
    second = yearly & (year == 2010) & (rows["months10"].isna())
    assert second.sum() > 5
    changed.loc[second, ["months5", "months10"]] = 24.0
    pd.testing.assert_frame_equal(capex_seen(changed, day), known)
    assert not capex_seen(changed, "2013-12-31").equals(capex_seen(rows, "2013-12-31"))
    with pytest.raises(DataError, match="the first one is of 1946"):
        capex_seen(rows, "1946-01-01")


def capex_seen(rows, day):
    from forecast.models.capex_hazard.panel import seen

    return seen(rows, day)


# --- where companies stand --------------------------------------------------------------------
def test_the_five_stand_where_their_reports_say(capex_hazard_panel):
    five = named(capex_hazard_panel, "big_five")
    assert five.quarter == "2026Q1"
    assert five.total == pytest.approx(482.1, abs=0.1)
    assert (five.growth, five.runup) == (
        pytest.approx(78.0, abs=0.1),
        pytest.approx(194.8, abs=0.1),
    )
    assert five.depth == 0.0
    assert five.cash == pytest.approx(0.75, abs=0.005)
    assert five.effective == pytest.approx(4.44, abs=0.01)
    names = [one.entity for one in states(capex_hazard_panel)]
    assert {"MSFT", "GOOGL", "AMZN", "META", "ORCL", "big_four"} <= set(names)
    assert "CRWV" not in names  # two years of it are known


def test_a_later_report_changes_no_earlier_state(known):
    from forecast.tables.shipped import read_vintages

    every = read_vintages()
    before = build_panel(as_of(every, "2024-05-06"), "capex_hazard")
    late = every["reported_on"] > "2024-05-06"
    changed = every.assign(value=every["value"].where(~late, every["value"] * 3))
    assert build_panel(as_of(changed, "2024-05-06"), "capex_hazard").hash == before.hash
    assert named(before, "big_five").quarter == "2024Q1"
    # a set stands where its last member to report does
    gone = every[~((every["entity"] == "ORCL") & (every["period"] >= "2023-12-01"))]
    gone = gone[~((gone["entity"] == "ORCL") & (gone["period"].str.startswith("2024")))]
    lagging = build_panel(as_of(gone, "2024-05-06"), "capex_hazard")
    assert named(lagging, "big_five").quarter == "2023Q4"
    assert named(lagging, "big_four").quarter == "2024Q1"


def test_a_gap_or_an_old_total_is_no_state():
    flows = {
        "A": {quarter_name(k): 1.0 for k in range(quarter_index("2020Q1"), quarter_index("2026Q2"))}
    }
    assert state_of("A", ("A",), flows, {}, "2026-05-06").quarter == "2026Q1"
    assert state_of("A", ("A",), flows, {}, "2029-05-06") is None
    holed = {"A": {q: v for q, v in flows["A"].items() if q != "2024Q1"}}
    assert state_of("A", ("A",), holed, {}, "2026-05-06") is None
    assert state_of("B", ("B",), flows, {}, "2026-05-06") is None
    assert math.isnan(state_of("A", ("A",), flows, {}, "2026-05-06").cash)


def test_a_set_of_ones_own_is_asked_about(capex_hazard_panel):
    panel = with_positions(capex_hazard_panel, ["ours:MSFT+META"])
    ours = named(panel, "ours")
    assert ours.members == ("MSFT", "META")
    assert 1 < ours.effective < 2
    draws = capex_hazard.draw(
        parameters(panel, 8), panel, PRIORS, "2028Q1", np.random.default_rng(0)
    )
    assert "ours/capex_fall_10" in draws["series"].values
    for text, match in (
        ("MSFT+META", "wanted NAME:COMPANY"),
        ("a/b:MSFT", "wanted NAME:COMPANY"),
        ("ours:MSFT+XYZ", "different companies of which capex is known"),
        ("ours:MSFT+MSFT", "different companies"),
        ("ours:MSFT+CRWV", "not known for 12 quarters"),
    ):
        with pytest.raises(DataError, match=match):
            with_positions(capex_hazard_panel, [text])


# --- the density ------------------------------------------------------------------------------
def slow_log_likelihood(panel, p):  # noqa: C901
    """Sum over rows and cells of the log probability of what came, in plain loops."""
    data, total = panel.data, 0.0
    years = list(p["year_level"]["year"].values)
    reference = float(p["reference"])
    rate = {"asset": reference, **{str(n): reference + float(p["offset"].sel({"class": n}))
                                   for n in p["offset"]["class"].values}}  # fmt: skip
    rate["company"] = rate["set"] = float(p["own"])
    effect = {
        str(n): float(p["effect"].sel(effect_name=n)) for n in p["effect"]["effect_name"].values
    }
    spread = {
        str(n): float(p["spread"].sel(spread_name=n)) for n in p["spread"]["spread_name"].values
    }
    kind = {"asset": "broad", "industry": "broad", "group": "broad", "cell": "narrow",
            "manufacturing": "narrow", "company": "own", "set": "own"}  # fmt: skip

    def survival(fall, log_hazard, of):
        steep = p["steep"].sel(kind=of).values
        scale = {5: math.exp(steep[0]), 10: 1.0, 20: math.exp(-steep[1]), 99: 0.0}[fall]
        return math.exp(-math.exp(log_hazard) * scale)

    def time(months):
        t = months / 12
        return min(t, 1) ** float(p["inertia"]) + math.exp(effect["later"]) * max(t - 1, 0)

    for i in range(data.sizes["obs"]):
        row = data.isel(obs=i)
        level, when = str(row["level"].values), str(row["identified"].values)
        step = 3 if "Q" in when else 12
        g, both = math.log1p(float(row["growth"]) / 100), math.log1p(float(row["runup"]) / 100)
        held = lambda x: min(max(x, -math.log(4)), math.log(4))  # noqa: E731
        eta = rate[level] + effect["growth"] * (held(g) - 0.22)
        eta += effect["before"] * (held(both - g) - 0.22)
        eta += effect["below"] * (1 - float(row["at_record"]))
        if math.isfinite(row["cash"]):
            eta += effect["cash"] * (min(float(row["cash"]), 1.5) - 0.75)
        if math.isfinite(row["members"]):
            eta += effect["members"] * math.log(float(row["members"]) / 4.5)
        industry = str(row["industry"].values)
        if industry:
            eta += spread["industry"] * float(p["z_industry"].sel(industry=industry))
        falls = [f for f in FALLS if f >= float(row["smallest"])]
        come = 0
        for end in range(step, int(row["followup"]) + 1, step):
            if "Q" in when:
                year = int(quarter_name(quarter_index(when) + end // 3)[:4])
            else:
                year = int(when) + end // 12
            effect_of_year = float(p["year_level"][years.index(year)] - p["year_level"].mean())
            log_hazard = eta + effect_of_year + (effect["deepening"] if come else 0.0)
            log_hazard += math.log(time(end) - time(end - step))
            new = [f for f in falls[come:] if int(row[f"months{f}"]) == end]
            beyond = [*falls, 99][come + len(new)]
            chance = survival(beyond, log_hazard, kind[level])
            if new:
                chance -= survival(new[-1], log_hazard, kind[level])
            total += math.log(chance)
            come += len(new)
            if come == len(falls):
                break
    return total


@pytest.mark.parametrize("of", [capex_hazard.build, capex_hazard.specification])
def test_the_likelihood_is_the_product_over_cells(of, capex_hazard_panel):
    level = capex_hazard_panel.data["level"].values.astype(str)
    keep = np.sort(np.concatenate(
        [np.flatnonzero(level == name)[:12] for name in np.unique(level)]
        + [np.flatnonzero(capex_hazard_panel.data["smallest"].values == 10)]
    ))  # fmt: skip
    panel = dataclasses.replace(
        capex_hazard_panel, data=capex_hazard_panel.data.isel(obs=np.unique(keep))
    )
    assert (panel.data["months20"].values > 0).sum() > 5
    drawn = parameters(panel, 1, seed=5)
    model = of(panel, PRIORS)
    point = {v.name: drawn[v.name].values[0, 0] for v in model.free_RVs}
    f = model.compile_fn(
        model.logp(vars=[*model.observed_RVs, *model.potentials], sum=True),
        inputs=model.value_vars, mode="FAST_COMPILE", on_unused_input="ignore",
    )  # fmt: skip
    at = {}
    for v in model.free_RVs:
        value, transform = model.rvs_to_values[v], model.rvs_to_transforms[v]
        x = point[v.name]
        if transform is not None:
            x = np.log(x)
        at[value.name] = x
    assert float(f(at)) == pytest.approx(
        slow_log_likelihood(panel, drawn.isel(chain=0, draw=0)), rel=1e-9
    )


def test_what_is_not_known_counts_as_usual():
    nan = np.full(2, np.nan)
    x = capex_hazard.covariates(
        np.array([25.0, 900.0]), np.array([56.25, 800.0]), np.ones(2), nan, nan
    )
    assert x[0] == pytest.approx([np.log(1.25) - 0.22, np.log(1.25) - 0.22, 0, 0, 0])
    assert x[1, 0] == pytest.approx(np.log(4) - 0.22)  # held
    debt = capex_hazard.covariates(*(np.array([v]) for v in (25.0, 56.25, 0, 2.05, 1.0)))
    assert debt[0, 2:] == pytest.approx([1, 0.75, -np.log(4.5)])


# --- the process ------------------------------------------------------------------------------
def test_simulated_falls_come_as_often_as_their_exact_chances(capex_hazard_panel):
    one = parameters(capex_hazard_panel, 1, seed=3)
    many = one.isel(draw=np.zeros(20_000, dtype=int))
    asked = [named(capex_hazard_panel, "big_five"), named(capex_hazard_panel, "MSFT")]
    fallen, chance = capex_hazard.chances(
        many.assign(spread=many["spread"] * [1, 1, 1e-9]), capex_hazard_panel, asked, 9,
        np.random.default_rng(1),
    )  # fmt: skip
    assert chance.std(axis=0).max() < 1e-6
    expected = chance.mean(axis=0)
    error = np.sqrt(expected * (1 - expected) / 20_000)
    assert (np.abs(fallen.mean(axis=0) - expected) < 4.5 * error + 1e-12).all()
    assert (np.diff(fallen, axis=3) >= 0).all()  # what has come stays
    assert (np.diff(fallen, axis=2) <= 0).all()  # a deeper fall passes the smaller ones
    assert (np.diff(chance, axis=2) <= 1e-12).all()


def test_a_total_below_its_record_needs_less_of_a_fall(capex_hazard_panel):
    at = named(capex_hazard_panel, "big_five")
    low, lower = (dataclasses.replace(at, depth=d, entity=f"down {d}") for d in (4.0, 12.0))
    drawn = parameters(capex_hazard_panel, 50, effect=0.0)
    _, chance = capex_hazard.chances(
        drawn, capex_hazard_panel, [at, low, lower], 8, np.random.default_rng(0)
    )
    assert (chance[:, 1] > chance[:, 0]).all()
    np.testing.assert_allclose(chance[:, 2, :2], 1.0)  # it has come
    assert (chance[:, 2, 2] < 1).all()
    _, anew = capex_hazard.chances(
        drawn, capex_hazard_panel, [at, low, lower], 8, np.random.default_rng(0), from_now=True
    )
    np.testing.assert_allclose(anew[:, 1], anew[:, 0])


def test_scales_run_straight_between_and_beyond_the_falls_of_the_table(capex_hazard_panel):
    one = parameters(capex_hazard_panel, 3)
    scale = capex_hazard.scale_of(one, np.array([2.5, 5, 7.07107, 10, 20, 40]), 2)
    steep = one["steep"].sel(kind="own").values[0]
    expected = np.exp(np.column_stack([2 * steep[:, 0], steep[:, 0], steep[:, 0] / 2, 0 * steep[:, 0],
                                       -steep[:, 1], -2 * steep[:, 1]]))  # fmt: skip
    np.testing.assert_allclose(scale, expected, rtol=1e-5)


def test_draws_carry_the_record_and_first_passages_can_be_asked(known):
    from forecast.tables.shipped import read_vintages

    panel = build_panel(as_of(read_vintages(), "2024-05-06"), "capex_hazard")
    draws = capex_hazard.draw(
        parameters(panel, 40), panel, PRIORS, "2026Q2", np.random.default_rng(0)
    )
    amazon = draws["observed"].sel(series="AMZN/capex_fall_10")
    assert float(amazon.sel(period="2024Q1")) == 1.0  # 19 % below its highest
    assert float(draws["observed"].sel(series="big_five/capex_fall_5", period="2023Q3")) == 0.0
    assert (draws["y"].sel(series="AMZN/capex_fall_10", period="2024Q2") == 1).all()
    window = (dt.date(2024, 5, 6), dt.date(2026, 5, 6))
    event = FirstPassage("big_five/capex_fall_10", ">=", 1)
    hit = happens(draws, event, window)
    last = draws["y"].sel(series="big_five/capex_fall_10", period="2026Q1")
    assert (hit == (last == 1)).all()
    assert bool(draws["ahead_only"].sel(series="broad aggregate after doubling/capex_fall_10"))
    with pytest.raises(DataError, match="wanted a quarter from 2024Q2"):
        capex_hazard.draw(parameters(panel), panel, PRIORS, "2024Q1", np.random.default_rng(0))


def test_prior_sets_are_what_their_names_say(capex_hazard_panel):
    entry = get_model("capex_hazard")
    own = {}
    for name in ("broad_aggregates", "own_record"):
        drawn = prior_draws(entry, capex_hazard_panel, entry.variants[name], size=400, seed=1)
        between = drawn["rate"].sel(aggregation="broad") + drawn["effect"].sel(
            effect_name="quarterly"
        )
        own[name] = float((drawn["own"] - between).std())
    assert own["broad_aggregates"] < 0.05
    assert own["own_record"] > 1.4


def test_the_baseline_is_the_record_of_the_level_at_any_time(capex_hazard_panel):
    five, one = named(capex_hazard_panel, "big_five"), named(capex_hazard_panel, "MSFT")
    # three falls of a tenth in 13 windows of two years and one of 15 months, the rest survived
    years = (24 * 10 + 15 + 12 * 3) / 12
    assert baseline.rates(capex_hazard_panel, five)[1] == pytest.approx(3.5 / years)
    assert baseline.rates(capex_hazard_panel, one)[1] > baseline.rates(capex_hazard_panel, five)[1]
    draws = baseline.falls_at_any_time(capex_hazard_panel, until="2028Q1", seed=1)
    said = float(draws["signal"].sel(series="big_five/capex_fall_10", period="2028Q1").mean())
    assert said == pytest.approx(1 - np.exp(-2 * 3.5 / years))


def test_views_stand_beside_sets_alone(capex_hazard_panel):
    assert len(with_views(named(capex_hazard_panel, "MSFT"))) == 1
    assert [one.by for one in with_views(named(capex_hazard_panel, "big_five"))] == [
        "own", "broad", "narrow",
    ]  # fmt: skip
    twice = with_states(capex_hazard_panel, [named(capex_hazard_panel, "MSFT")])
    assert len(states(twice)) == len(states(capex_hazard_panel))


# --- one question, two models -----------------------------------------------------------------
def judged(definition, model, probability, **other):
    return SimpleNamespace(
        claim="value_correction", definition=definition, model=model, probability=probability,
        status="judged", draws=4000, **other,
    )  # fmt: skip


def report_of(*verdicts, ranges=None):
    claim = next(c for c in read_claims() if c.id == "value_correction")
    return SimpleNamespace(
        headline=(claim,), verdicts=verdicts,
        sensitivities={("value_correction", k): SimpleNamespace(low=a, high=b)
                       for k, (a, b) in (ranges or {}).items()},
    )  # fmt: skip


def test_a_question_asked_of_two_models_is_told_with_its_distance():
    one, other = "big_five_capex_down_10", "big_five_capex_down_10_after_a_run_up"
    verdicts = (judged(one, "earnings", 0.02), judged(other, "capex_hazard", 0.38))
    ranges = {one: (0.01, 0.03), other: (0.2, 0.5)}
    found = two_models.build(report_of(*verdicts, ranges=ranges))
    (pair,) = found.pairs
    assert (pair.low.model, pair.high.model) == ("earnings", "capex_hazard")
    assert pair.points == pytest.approx(36)
    assert pair.odds == pytest.approx((0.38 / 0.62) / (0.02 / 0.98))
    assert pair.apart is True
    assert "whatever has been said" in found.rests_on["capex_hazard"]
    never = two_models.build(report_of(judged(one, "earnings", 0.0), verdicts[1]))
    assert never.pairs[0].odds == pytest.approx((0.38 / 0.62) / (0.5 / 3999.5))
    assert never.pairs[0].apart is None


def test_only_one_question_of_two_models_is_a_pair():
    """Another window, another rule, or the same model twice: nothing to set side by side."""
    rest = [
        judged("big_five_capex_down_10", "earnings", 0.02),
        judged("big_five_capex_down_10_by_18_months_after_a_run_up", "capex_hazard", 0.3),
        judged("big_five_capex_down_20_after_a_run_up", "capex_hazard", 0.2),
        judged("sector_price_down_20", "hazard", 0.6),
        judged("sector_price_down_20_by_its_class", "hazard", 0.7),
    ]
    assert two_models.build(report_of(*rest)) is None


# --- with the sampler -------------------------------------------------------------------------
@pytest.mark.slow
def test_known_rates_are_recovered(capex_hazard_panel):
    """Half of the rows with made-up falls."""
    panel = dataclasses.replace(
        capex_hazard_panel, data=capex_hazard_panel.data.isel(obs=slice(None, None, 2))
    )
    entry = get_model("capex_hazard")
    truth = prior_draws(entry, panel, PRIORS, size=4, seed=2)
    drawn = entry.replicate(truth, panel, PRIORS, np.random.default_rng(2))
    run = fit(
        "capex_hazard", refill(panel, {k: v[1] for k, v in drawn.items()}), seed=1, progress=False
    )
    assert run.gate.passed, [str(c) for c in run.gate.failures]
    for name in capex_hazard.REPORT:
        low, high = run.posterior[name].quantile([0.0005, 0.9995], dim=("chain", "draw")).values
        assert (low < truth[name][0, 1].values).all(), name
        assert (truth[name][0, 1].values < high).all(), name
    assert (
        float(run.posterior["effect"].sel(effect_name="growth").std()) < 0.5
    )  # the prior's is 0.7


@pytest.mark.slow
@pytest.mark.skipif(not EXTERNAL.exists(), reason="rows of firms that may not be passed on")
def test_sums_of_five_firms_lie_between_the_two_kinds_of_class(capex_hazard_panel):
    """The firms' rows are no part of the fit: their sums fall as often as it says of such classes."""
    firms = pd.read_csv(EXTERNAL)
    sums = firms[
        (firms["level"] == "sum") & (firms["at_record"] == 1) & (firms["runup2y_pct"] >= 100)
    ]
    sums = sums[sums["fall_within_24m_pct"].notna() & (sums["nonoverlap"] == 1)]
    rate = (sums["fall_within_24m_pct"] >= 10).mean()
    run = fit("capex_hazard", capex_hazard_panel, seed=1, progress=False)
    asked = [one for one in states(capex_hazard_panel) if one.entity.endswith("after doubling")]
    _, chance = capex_hazard.chances(
        run.posterior, capex_hazard_panel, asked, 8, np.random.default_rng(0)
    )
    broad, narrow = chance[:, :, 1, -1].mean(axis=0)
    assert broad < narrow
    assert broad < rate < narrow + 0.25
