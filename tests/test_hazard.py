"""Episodes that never overlap, the fast likelihood, the process, and the published base rates."""

import dataclasses
import datetime as dt

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from scipy import stats
from scipy.special import expit

from forecast.claims.events import FirstPassage, expand_sums, happens
from forecast.claims.judge import judge
from forecast.claims.outcomes import settled
from forecast.claims.read import read_claims
from forecast.core.errors import DataError
from forecast.core.periods import last_close, month_index
from forecast.evaluation.warnings import warnings_against_base
from forecast.inference.fitting import fit
from forecast.inference.predict import forecast
from forecast.inference.sampling import prior_draws
from forecast.models.hazard import baseline as hazard_baseline
from forecast.models.hazard import model as hazard
from forecast.models.hazard.panel import (
    CLASS_VIEW,
    FALLS,
    LONGEST,
    OWN_VIEW,
    Asked,
    Position,
    _position,
    effective_sample,
    episodes,
    kaplan_meier,
    positions,
    relative_hazard,
    with_positions,
)
from forecast.models.hazard.panel import hazard_panel as hazard_panel_of
from forecast.models.hazard.rows import spans
from forecast.models.panels import build_panel
from forecast.models.registry import get_model
from forecast.tables.shipped import read_reference_table
from forecast.tables.vintages import Known

PRIORS = hazard.Priors()


@pytest.fixture(scope="module")
def table():
    return read_reference_table("runups")


def row(industry="Chips", month="2000-01", net=60.0, followup=48, falls=(48, 48, 48), events=""):
    """Return one row of the table; `events` names the falls that came."""
    base = {"industry": industry, "id_month": month, "runup24_raw": net + 40, "runup24_net": net,
            "followup_months": float(followup)}  # fmt: skip
    for fall, months in zip(FALLS, falls, strict=True):
        base[f"dur{fall}_m"] = float(months)
        base[f"event{fall}"] = int(str(fall) in events.split())
    return base


# --- the panel --------------------------------------------------------------------------------
def test_no_month_of_an_industry_is_counted_twice(table):
    own = episodes(table, "2026-05-06")
    start = own["identified"].map(month_index)
    for _, one in own.assign(start=start).groupby("industry"):
        ends = (one["start"] + one["followup"]).to_numpy()
        assert (one["start"].to_numpy()[1:] >= ends[:-1]).all()
    # so no fall of an industry is there twice, while the table has 50 of them under both rules
    fell = own[own["event20"] == 1]
    assert not fell.assign(at=start + own["months20"]).duplicated(["industry", "at"]).any()
    seen = table[table["event20"] == 1]
    at = seen["id_month"].map(month_index) + seen["dur20_m"]
    assert seen.assign(at=at).duplicated(["industry", "at"]).sum() > 40
    assert len(own) == 251
    assert own["event20"].sum() < seen.assign(at=at).drop_duplicates(["industry", "at"]).shape[0]


def test_a_run_up_that_grows_is_one_episode_in_two_parts():
    rows = pd.DataFrame(
        [row(net=60, falls=(20, 30, 48), events="20 30"),
         row(month="2001-01", net=110, falls=(8, 18, 48), events="20 30"),
         # two thirds of a year later, still above 50 points: the same run-up
         row(month="2001-09", net=70, falls=(48, 48, 48)),
         # after two years it is another one
         row(month="2003-02", net=55, falls=(3, 48, 48), events="20")]
    )  # fmt: skip
    own = episodes(rows, "2026-05-06")
    assert own["identified"].tolist() == ["2000-01", "2001-01", "2003-02"]
    assert own["followup"].tolist() == [12, 25, 48]
    assert own["event20"].tolist() == [0, 1, 1]
    assert own["months20"].tolist() == [12, 8, 3]
    assert own["months40"].tolist() == [12, 25, 48]
    # identified by two rules in one month, it stands once
    twice = pd.DataFrame([row(net=120), row(net=120)])
    assert len(episodes(twice, "2026-05-06")) == 1


def test_nothing_after_the_date_reaches_the_panel(known, table):
    day = "2009-06-15"  # closes are known to May
    known = dataclasses.replace(known, date=day)
    before = build_panel(known, "hazard", table)
    later = [row("Autos", "2009-06", 160.0), row("Gold", "2019-01", 300.0)]
    more = pd.concat([table, pd.DataFrame(later)], ignore_index=True)
    assert build_panel(known, "hazard", more).hash == before.hash
    changed = table.copy()
    month = changed["id_month"].map(month_index) + changed["dur20_m"]
    still = (changed["event20"] == 1) & (month > last_close(day))
    assert still.sum() > 20
    changed.loc[still, [f"event{fall}" for fall in FALLS]] = 0
    changed.loc[still, [f"dur{fall}_m" for fall in FALLS]] = changed["followup_months"]
    assert build_panel(known, "hazard", changed).hash == before.hash
    assert build_panel(known, "hazard", table.sample(frac=1, random_state=1)).hash == before.hash
    data = before.data
    ends = [month_index(m) for m in data["identified"].values] + data["followup"].values
    assert ends.max() == month_index("2009-05")
    assert [p.entity for p in positions(before)] == [f"industry up {n}" for n in (50, 100, 150)]
    first = "1928-07-31"
    known = dataclasses.replace(known, date=first)
    with pytest.raises(DataError, match="no run-up was identified a month or more before"):
        build_panel(known, "hazard", table)


@pytest.mark.parametrize(
    "bad",
    [row(falls=(50, 48, 48)), row(falls=(10, 8, 48), events="20 30"), row(followup=12),
     row(falls=(48, 8, 48), events="30"), row(falls=(1.5, 48, 48))],
)  # fmt: skip
def test_durations_that_contradict_each_other(bad):
    with pytest.raises(DataError, match="look at Chips 2000-01"):
        episodes(pd.DataFrame([bad]), "2026-05-06")


def test_a_table_without_a_column(table):
    with pytest.raises(DataError, match="event30; wanted industry"):
        episodes(table.drop(columns="event30"), "2026-05-06")
    few = table.drop(columns=["rule", "maxdd_18m", "gain_id_to_peak_pct"])
    assert len(episodes(few, "2026-05-06")) == 251


def test_a_position_below_the_class_is_forecast_by_its_base_rate_or_not_at_all(known):
    places = read_reference_table("positions")
    small = places[places["entity"] == "Nasdaq-100"]
    panel = hazard_panel_of(read_reference_table("runups"), known.date, small.assign(sample=""))
    assert [p.entity for p in positions(panel)] == [f"industry up {n}" for n in (50, 100, 150)]


def test_positions_of_the_class_and_others(hazard_panel):
    held = {p.entity: p for p in positions(hazard_panel)}
    chips, wide = held["PHLX semiconductor index"], held["Nasdaq-100"]
    assert (chips.net, chips.industry, chips.at_any_time) == (84, "Chips", False)
    assert (wide.net, wide.at_any_time) == (14, True)  # not after a run-up: its class is itself
    mine = Position("mine", "2026-05-06", "", 80, 130, 6, "own")
    assert positions(with_positions(hazard_panel, [mine]))[-1] == mine
    for wrong, message in (
        (dataclasses.replace(mine, industry="Robots"), "no industry 'Robots'"),
        (dataclasses.replace(mine, net=16), "50 to 250 points"),
        (dataclasses.replace(mine, months=60), "60 months ago"),
        (dataclasses.replace(mine, sample="FTSE"), "no base rate of 'FTSE'"),
    ):
        with pytest.raises(DataError, match=message):
            with_positions(hazard_panel, [wrong])


def test_relative_hazard_is_a_ratio_of_cumulative_hazards():
    ratio, error = relative_hazard("SOX 1994-2026, all")
    assert np.exp(ratio) == pytest.approx(np.log(1 - 0.656) / np.log(1 - 0.44))
    assert ratio == pytest.approx(0.61, abs=0.005)  # month-ends by month-ends; on daily closes 1.42
    drawn = np.random.default_rng(0).binomial(1500, 0.656, 20_000) / 1500  # a hundredfold sample
    assert error == pytest.approx(10 * np.log(-np.log1p(-drawn)).std(), rel=0.03)
    rates = read_reference_table("drawdown_base_rates").set_index("sample")
    rates.loc["SOX 1994-2026, all", "p20_24m"] = 1.0
    with pytest.raises(DataError, match="wanted rates of falls in 24 months between 0 and 1"):
        relative_hazard("SOX 1994-2026, all", rates.reset_index())
    with pytest.raises(DataError, match="number of independent blocks; got nan"):
        relative_hazard("US industries, unconditional")


def test_a_deeper_fall_has_a_ratio_of_its_own_and_a_larger_error():
    """Twice as many falls need not be twice as many crashes among them."""
    first, deepest = (relative_hazard("SOX 1994-2026, all", fall=fall) for fall in (20, 40))
    n = 15 * 0.411  # blocks that fell by 30 %
    share = (15 * 0.308 + 0.5) / (n + 1)
    wanted = np.log(np.log(1 - share) / np.log(1 - 0.11 / 0.23))
    assert deepest[0] == pytest.approx(wanted)
    assert deepest[1] > first[1]
    # a series that never fell so far, and one that always did, have a ratio too
    rates = read_reference_table("drawdown_base_rates").set_index("sample")
    for p30 in (0.0, 0.656):
        rates.loc["SOX 1994-2026, all", ["p30_24m", "p40_24m"]] = (p30, 0.0)
        assert np.isfinite(relative_hazard("SOX 1994-2026, all", rates.reset_index(), 30)).all()


def test_kaplan_meier_by_hand():
    share, error = kaplan_meier(np.array([1, 2, 2, 4, 4]), np.array([1, 1, 0, 1, 0]))
    np.testing.assert_allclose(share, [1, 0.8, 0.6, 0.6, 0.3])
    assert error[1] == pytest.approx(np.sqrt(0.8 * 0.2 / 5))
    assert error[2] == pytest.approx(0.6 * np.sqrt(1 / (5 * 4) + 1 / (4 * 3)))


def test_episodes_of_one_year_with_one_fate_count_as_one():
    def data(fell):
        event = np.array(fell)
        return xr.Dataset(
            {"event20": ("obs", event), "months20": ("obs", np.where(event, 5, 48)),
             "followup": ("obs", np.full(len(event), 48))},
            coords={"identified": ("obs", np.repeat([f"{y}-03" for y in range(1950, 1970)], 5))},
        )  # fmt: skip

    years = np.arange(20) % 2
    n, same = effective_sample(data(np.repeat(years, 5)))
    assert (n, same) == (100, pytest.approx(19))  # twenty clusters less one
    _, mixed = effective_sample(data(np.random.default_rng(1).permutation(np.repeat(years, 5))))
    assert mixed > 70


# --- the model --------------------------------------------------------------------------------
def slow_likelihood(panel, point):
    """Return the log likelihood month by month, straight from the module's formula."""
    data = panel.data
    _, which, start, years = spans(panel)
    rate = [point["rate"], *point["deeper_rate"]]
    shape = [point["shape"], *point["deeper_shape"]]
    runup = [point["runup"], *point["deeper_runup"]]
    market = [point["market"], *point["deeper_market"]]
    wild = [point["wild"], *point["deeper_wild"]]
    load = [1.0, *point["load"]]
    jump = [np.nan, *point["jump_rate"]]
    total = 0.0
    for i in range(data.sizes["obs"]):
        net, raw = float(data["net"][i]), float(data["raw"][i])
        x, m = np.log2(net / 100), (raw - net - 40) / 50
        v = np.log(float(data["volatility"][i]) / 0.075) - 0.36 * x
        stage, t, fresh = 0, 0, False
        for month in range(1, int(data["followup"][i]) + 1):
            t += 1
            z = point["year_level"][(start[i] + month) // 12 - years[0]]
            effect = point["industry_sd"] * point["z_industry"][which[i]] + z - point["rate"]
            while stage < 3:
                log_h = (
                    runup[stage] * x + market[stage] * m + load[stage] * effect + wild[stage] * v
                )
                log_h += jump[stage] if fresh else rate[stage] + shape[stage] * np.log(t / 12)
                h = 1 - np.exp(-np.exp(log_h))
                fell = data[f"event{FALLS[stage]}"][i] and data[f"months{FALLS[stage]}"][i] == month
                total += np.log(h if fell else 1 - h)
                if not fell:
                    break
                stage, t, fresh = stage + 1, 0, True
            fresh = False
    return total


def without_returns(panel):
    return dataclasses.replace(panel, data=panel.data.drop_dims(["month", "index"]))


def test_the_likelihood_is_the_sum_over_months(hazard_panel):
    hazard_panel = without_returns(hazard_panel)
    model = hazard.build(hazard_panel, PRIORS)
    rng = np.random.default_rng(3)
    point = {
        v.name: np.asarray(model.initial_point()[model.rvs_to_values[v].name])
        for v in model.free_RVs
    }
    point = {k: 0.3 * rng.standard_normal(v.shape) + v for k, v in point.items()}
    point |= {"rate": np.array(-3.0), "shape": np.array(0.2)}
    values = {model.rvs_to_values[v].name: point[v.name] for v in model.free_RVs}
    for v in model.free_RVs:  # scales are sampled as logs
        if v.name.endswith("_sd"):
            point[v.name] = np.exp(values[model.rvs_to_values[v].name])
    fast = model.compile_fn(
        model.logp(vars=model.observed_RVs), inputs=model.value_vars, mode="FAST_COMPILE",
        on_unused_input="ignore",
    )  # fmt: skip
    assert float(fast(values)) == pytest.approx(slow_likelihood(hazard_panel, point), rel=1e-9)


def parameters(panel, size=400, **fixed):
    """Return prior draws with some parameters fixed."""
    drawn = prior_draws(get_model("hazard"), panel, PRIORS, size=size, seed=4)
    return drawn.assign({k: drawn[k] * 0 + v for k, v in fixed.items()})


@pytest.fixture(scope="module")
def drawn(hazard_panel):
    p = parameters(hazard_panel, size=4000, rate=-3.0, deeper_rate=-2.5)
    return hazard.draw(p, hazard_panel, PRIORS, "2028-04", np.random.default_rng(1))


def test_draws_agree_with_their_probabilities(drawn):
    y, signal = drawn["y"], drawn["signal"]
    error = np.sqrt(signal.mean(("chain", "draw")) * (1 - signal.mean(("chain", "draw"))) / 4000)
    off = (y.mean(("chain", "draw")) - signal.mean(("chain", "draw"))) / error
    assert float(abs(off).max()) < 4.5
    assert float(abs(off).mean()) < 1.3
    assert list(drawn["period"].values[[0, -1]]) == ["2026-05", "2028-04"]
    fall = {
        m: y.sel(series=f"PHLX semiconductor index/{m}") for m in ("fall_20", "fall_30", "fall_40")
    }
    assert (fall["fall_20"] >= fall["fall_30"]).all()
    assert (fall["fall_30"] >= fall["fall_40"]).all()
    assert (fall["fall_20"].diff("period") >= 0).all()
    crash = y.sel(series="PHLX semiconductor index/correction") + fall["fall_40"]
    assert (crash == fall["fall_20"]).all()


def test_the_first_stage_by_hand(hazard_panel):
    """Without effects: S(t) is the product of the months' survival."""
    p = parameters(hazard_panel, 3, rate=-3.0, shape=0.4, runup=0.5, market=0.0,
                   year_sd=0.0, year_effect=0.0,
                   industry_sd=0.0)  # fmt: skip
    drawn = hazard.draw(p, hazard_panel, PRIORS, "2028-04", np.random.default_rng(1))
    t = np.arange(1, 25)
    for net in (50, 100):
        alive = np.exp(-np.cumsum(np.exp(-3 + 0.5 * np.log2(net / 100) + 0.4 * np.log(t / 12))))
        got = drawn["signal"].sel(series=f"industry up {net}/fall_20").isel(chain=0, draw=0)
        np.testing.assert_allclose(got, 1 - alive)


def test_a_position_is_forecast_given_that_it_has_survived(hazard_panel):
    fixed = {"rate": -3.0, "shape": 0.4, "runup": 0.0, "market": 0.0, "year_sd": 0.0, "year_effect": 0.0,
             "industry_sd": 0.0}  # fmt: skip
    held = [Position(f"after {m}", "2026-05-06", "", 100, 140, m, "own") for m in (0, 9)]
    panel = with_positions(hazard_panel, held)
    p = parameters(panel, 3, **fixed)
    drawn = hazard.draw(p, panel, PRIORS, "2028-04", np.random.default_rng(1))
    alive = np.exp(-np.cumsum(np.exp(-3 + 0.4 * np.log(np.arange(1, 40) / 12))))
    got = drawn["signal"].sel(series="after 9/fall_20").isel(chain=0, draw=0).values
    np.testing.assert_allclose(got, 1 - alive[9:33] / alive[8])
    assert drawn["passed"].sel(position="after 9") == 9
    # Nobody has looked since: three months later it is not known to have survived them.
    later = dataclasses.replace(panel, as_of="2026-07-31")
    same = hazard.draw(p, later, PRIORS, "2028-04", np.random.default_rng(1))
    np.testing.assert_array_equal(same["signal"].sel(series="after 9/fall_20").values[0, 0], got)
    with pytest.raises(DataError, match="wanted a month from 2026-08"):
        hazard.draw(p, later, PRIORS, "2026-07", np.random.default_rng(1))


LAW = {"rate": -3.0, "shape": 0.4, "runup": 0.0, "market": 0.0, "year_sd": 0.0, "year_effect": 0.0,
       "industry_sd": 0.0}  # fmt: skip


def at(panel, day, **row):
    """Return the panel on a day with one more position, whose record began on 6 May 2026."""
    months = row.pop("months", 0)
    one = Position("Mine", row.pop("dated"), "", 100, 140, months, "own", "2026-05-06", **row)
    return dataclasses.replace(with_positions(panel, [one]), as_of=day)


def survival(stage, p, months):
    """Return the chance of no fall by month of a stage, by the law of the module's docstring."""
    t = np.arange(1, months + 1)
    if stage == 0:
        rate, shape = p["rate"], p["shape"]
    else:
        rate, shape = (p[n].isel(stage=stage - 1) for n in ("deeper_rate", "deeper_shape"))
    rate, shape = (float(v.isel(chain=0, draw=0)) for v in (rate, shape))
    return np.exp(-np.cumsum(np.exp(rate + shape * np.log(t / 12))))


def test_months_survived_since_the_claim_are_on_record_and_the_rest_is_forecast(hazard_panel):
    panel = at(hazard_panel, "2026-09-30", dated="2026-08-31", months=4)
    p = parameters(panel, 3, **LAW)
    mine = hazard.draw(p, panel, PRIORS, "2028-04", np.random.default_rng(1)).sel(
        series="Mine/fall_20"
    )
    assert mine["period"].values[0] == "2026-05"
    assert mine["observed"].values[:4].tolist() == [0, 0, 0, 0]  # May to August
    assert np.isnan(mine["observed"].values[4:]).all()
    alive = survival(0, p, 24)
    got = mine["signal"].isel(chain=0, draw=0).values
    np.testing.assert_allclose(got, np.r_[0, 0, 0, 0, 1 - alive[4:] / alive[3]])


def test_a_fall_on_record_has_come_and_the_deeper_ones_are_forecast_from_it(hazard_panel):
    panel = at(hazard_panel, "2026-09-30", dated="2026-09-30", fell=("2026-07", "", ""))
    p = parameters(panel, 2000, **LAW)
    drawn = hazard.draw(p, panel, PRIORS, "2028-04", np.random.default_rng(1))
    fall = {k: drawn.sel(series=f"Mine/fall_{k}") for k in FALLS}
    assert fall[20]["observed"].values.tolist() == [0, 0, *[1] * 22]  # it stays
    assert fall[30]["observed"].values[:5].tolist() == [0, 0, 0, 0, 0]
    assert (fall[20]["y"].isel(period=slice(2, None)) == 1).all()
    assert (fall[20]["signal"].isel(period=slice(2, None)) == 1).all()
    # it is in its third month of the second stage: two have passed since July
    alive = survival(1, p, 30)
    got = fall[30]["signal"].isel(chain=0, draw=0).values[5:]
    np.testing.assert_allclose(got, 1 - alive[2 : 2 + len(got)] / alive[1])
    share = fall[30]["y"].isel(period=-1).mean().item()
    assert share == pytest.approx(fall[30]["signal"].isel(period=-1).mean().item(), abs=0.04)
    assert (fall[40]["y"] <= fall[30]["y"]).all()


def test_a_window_that_is_over_is_decided_by_the_record(hazard_panel):
    fell = ("2026-07", "2026-11", "")
    panel = at(hazard_panel, "2028-06-30", dated="2028-06-30", fell=fell)
    drawn = hazard.draw(parameters(panel, 3), panel, PRIORS, "2030-06", np.random.default_rng(1))
    drawn = drawn.assign_attrs(model="hazard")
    window = (dt.date(2026, 5, 6), dt.date(2028, 5, 6))
    for fall, came in ((20, True), (30, True), (40, False)):
        event = FirstPassage(f"Mine/fall_{fall}", ">=", 1)
        assert (happens(drawn, event, window) == came).all()


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([("2026-05-06", "", ""), ("2026-08-31", "2026-04", "")], "after 2026-04 and by 2026-08"),
        ([("2026-05-06", "", ""), ("2026-08-30", "2026-08", "")], "after 2026-04 and by 2026-07"),
        ([("2026-05-06", "", ""), ("2026-08-31", "", "2026-07")], "no earlier than a smaller one"),
        ([("2026-05-06", "", ""), ("2026-08-31", "2026-07", ""), ("2026-09-30", "", "")],
         "a new run-up after a fall is another entity"),
        ([("2026-05-06", "", ""), ("2026-08-31", "2026-07", ""), ("2026-09-30", "2026-08", "")],
         "wanted one month"),
        ([("2026-05-06", "", ""), ("2026-05-06", "", "")], "two rows of 2026-05-06"),
    ],
)  # fmt: skip
def test_rows_of_a_position_that_contradict_each_other(rows, words):
    table = pd.DataFrame(
        [{"entity": "Mine", "dated": day, "industry": "", "sample": "", "net": 100.0, "raw": 140.0,
          "months": 0.0, "fell_20": a, "fell_30": b, "fell_40": "", "source": "x"}
         for day, a, b in rows]
    )  # fmt: skip
    with pytest.raises(DataError, match=words):
        _position("Mine", table, 50.0)


def test_the_fit_does_not_know_the_date_nor_where_a_position_stands(hazard_panel):
    table = read_reference_table("runups")
    later = hazard_panel_of(table, "2026-07-23")
    assert later.content_hash == hazard_panel.content_hash
    assert later.hash != hazard_panel.hash
    moved = at(hazard_panel, hazard_panel.as_of, dated="2026-05-06")
    assert moved.content_hash == hazard_panel.content_hash
    assert moved.hash != hazard_panel.hash


def test_run_ups_identified_later_do_not_move_the_class(hazard_panel):
    table = read_reference_table("runups")
    small = table.iloc[[0]].assign(id_month="2026-09", runup24_net=10.0, followup_months=1.0,
                                   dur20_m=1.0, dur30_m=1.0, dur40_m=1.0, event20=0, event30=0,
                                   event40=0)  # fmt: skip
    panel = hazard_panel_of(pd.concat([table, small]), "2026-05-06")
    assert panel.hash == hazard_panel.hash


def test_no_later_row_of_any_table_reaches_a_forecast():
    """Lower run-ups, other volatilities, falls, positions and returns after the date."""
    day, closed = "2010-06-15", month_index("2010-05")
    runs, places, returns = (
        read_reference_table(n) for n in ("runups", "positions", "index_returns_monthly")
    )
    early = places.assign(dated="2010-06-01")
    before = hazard_panel_of(runs, day, early, None, returns)
    assert before.data.sizes["index"] == 2
    months = runs["id_month"].map(month_index)
    late = months >= closed
    runs.loc[late, ["runup24_net", "runup24_raw", "volatility24"]] = (1.0, 3.0, 9.0)
    for fall in FALLS:
        fell = (runs[f"event{fall}"] == 1) & (months + runs[f"dur{fall}_m"] > closed)
        runs.loc[fell, f"event{fall}"], runs.loc[fell, f"dur{fall}_m"] = 0, runs["followup_months"]
    newer = early.assign(dated="2010-06-16", net=200.0, raw=240.0, sample="")
    later = returns["month"].map(month_index) > closed
    returns.loc[later, "log_return"] = -0.9
    returns = pd.concat([returns, returns.tail(1).assign(month="2031-01")])
    after = hazard_panel_of(runs, day, pd.concat([early, newer]), None, returns)
    assert after.hash == before.hash
    earlier = returns["month"].map(month_index) == closed
    returns.loc[earlier, "log_return"] = -0.9
    assert hazard_panel_of(runs, day, early, None, returns).hash != before.hash


def test_draws_that_have_names_stay_as_they_are(hazard_panel):
    entry, p = get_model("hazard"), parameters(hazard_panel, 2)
    rng = np.random.default_rng(1)
    for given in (True, False):
        assert entry.completed(p, hazard_panel, PRIORS, rng, given=given) is p


def test_the_wilder_a_position_the_more_it_falls_and_unknown_is_usual(hazard_panel):
    usual = 0.075 * np.exp(0.36 * np.log2(0.84))
    held = [Position(f"at {v:g}", "2026-05-06", "", 84, 124, 0, "own", volatility=v)
            for v in (usual, np.e * usual, np.nan)]  # fmt: skip
    panel = with_positions(hazard_panel, held)
    p = parameters(panel, 3, **{**LAW, "shape": 0.0, "wild": 0.5})
    drawn = hazard.draw(p, panel, PRIORS, "2028-04", np.random.default_rng(1))
    mild, wild, unknown = (
        drawn["signal"].sel(series=f"{one.entity}/fall_20").isel(chain=0, draw=0, period=-1).item()
        for one in held
    )
    assert mild == unknown
    assert np.log1p(-wild) / np.log1p(-mild) == pytest.approx(np.exp(0.5))


def test_a_base_rate_says_a_position_s_own_effects_stage_by_stage(hazard_panel):
    """Where industries hardly differ it says nothing; where they do, what it says and how surely."""
    said = {"relative": (0.6, 0.2, -0.1), "relative_sd": (0.3, 0.4, 0.5)}
    one = Position("mine", "2026-05-06", "", 100, 140, 0, "own", **said)
    rng = np.random.default_rng(1)
    for spread in (1e-6, 100.0):
        p = parameters(hazard_panel, 4000, industry_sd=spread, load=1.0)
        effect = hazard._own_effect(p, one, rng)
        if spread < 1:
            assert abs(effect).max() < 1e-4
        else:
            np.testing.assert_allclose(effect.mean(axis=0), said["relative"], atol=0.04)
            np.testing.assert_allclose(effect.std(axis=0), said["relative_sd"], rtol=0.05)


def test_years_are_shared_and_industries_are_not(hazard_panel):
    p = parameters(hazard_panel, 2000, year_sd=1.5, industry_sd=1e-6)
    drawn = hazard.draw(p, hazard_panel, PRIORS, "2028-04", np.random.default_rng(1))["signal"]
    low, high = (drawn.sel(series=f"industry up {n}/fall_20", period="2027-04") for n in (50, 100))
    assert float(xr.corr(low, high)) > 0.9


def test_replicates_follow_each_episode_as_long_as_it_was(hazard_panel):
    p = parameters(hazard_panel, 50)
    new = hazard.replicate(p, hazard_panel, PRIORS, np.random.default_rng(0))
    followup = hazard_panel.data["followup"].values
    for fall in FALLS:
        months, event = new[f"months{fall}"], new[f"event{fall}"]
        assert (months <= followup).all()
        assert (months[event == 0] == np.broadcast_to(followup, months.shape)[event == 0]).all()
    assert (new["months30"] >= new["months20"]).all()
    assert (new["event30"] <= new["event20"]).all()


# --- beside the model -------------------------------------------------------------------------
def test_the_naive_forecast_is_the_base_rate(hazard_panel):
    drawn = hazard_baseline.unconditional_falls(hazard_panel, until="2028-04", seed=1)
    rates = hazard_panel.part(Asked).base_rates
    for entity, sample in (("industry up 100", "US industries, unconditional"),
                           ("PHLX semiconductor index", "SOX 1994-2026, all"),
                           ("Nasdaq-100, by its own returns", "NDX 1985-2026, all")):  # fmt: skip
        for fall in FALLS:
            path = drawn.sel(series=f"{entity}/fall_{fall}")
            for k, months in ((17, "18m"), (23, "24m")):
                wanted = rates[sample][f"p{fall}_{months}"]
                assert path["signal"].isel(chain=0, draw=0, period=k).item() == pytest.approx(
                    wanted
                )
                assert path["y"].isel(period=k).mean().item() == pytest.approx(wanted, abs=0.03)
    with pytest.raises(DataError, match="closes are known to 2026-04"):
        hazard_baseline.unconditional_falls(hazard_panel, until="2026-04", seed=1)


def test_the_claims_are_events_over_the_draws(drawn):
    verdicts = judge(read_claims(), [drawn.assign_attrs(model="hazard", as_of="2026-05-06")])
    mine = {v.definition: v.probability for v in verdicts if v.model == "hazard"}
    assert len(mine) == 8
    assert all(p is not None for p in mine.values())
    assert mine["sector_price_down_20"] == pytest.approx(
        mine["correction_not_crash"] + mine["crash"]
    )
    y = drawn["y"].sel(series="PHLX semiconductor index/fall_20").mean(("chain", "draw"))
    between = float(y.sel(period="2028-04") - y.sel(period="2027-10"))
    assert mine["sector_price_down_20_in_18_to_24_months"] == pytest.approx(between)


def test_famous_warnings_added_nothing():
    smaller, larger = warnings_against_base(read_reference_table("warnings"))
    assert (smaller.warnings, smaller.fell) == (26, 19)
    assert (larger.warnings, larger.fell) == (26, 13)
    assert smaller.fell < smaller.expected
    assert larger.fell < larger.expected
    assert smaller.low < 0 < smaller.high
    assert larger.informative < 0.5


def test_a_warning_that_knew_would_show():
    rng = np.random.default_rng(0)
    n, base = 400, 0.5
    hit = rng.random(n) < expit(1.0)
    table = pd.DataFrame(
        {"primary_series": True, "ai_boom": False, "obs_m": 60.0,
         **{f"event{f}": hit.astype(int) for f in (20, 30)},
         **{f"dur{f}_m": np.where(hit, 10.0, 60.0) for f in (20, 30)},
         **{f"series_base_P{f}_24m": np.full(n, base) for f in (20, 30)}}
    )  # fmt: skip
    found = warnings_against_base(table)[0]
    assert found.shift == pytest.approx(1.0, abs=4 * (found.high - found.low) / 2.56)
    assert found.informative > 0.999


# --- real fits --------------------------------------------------------------------------------
@pytest.mark.slow
def test_the_published_base_rates_come_back(hazard_panel):
    """20, 53 and 80 % crash within 24 months after run-ups of 50, 100 and 150 points.

    The published 53 % is of 40 episodes; the class is wider than its limit, and episodes of one
    year are not independent, so the errors are those of the effective sample of our table.
    """
    run = fit("hazard", hazard_panel, seed=1, progress=False)
    assert run.gate.passed
    data = hazard_panel.data
    for net, published, n in ((50, 0.20, 214), (100, 0.53, 40), (150, 0.80, 21)):
        like = (data["net"].values >= 100) == (net >= 100)
        known, independent = effective_sample(data.isel(obs=like), 40)
        rate = hazard.rate_in_class(
            run.posterior.isel(draw=slice(None, None, 4)), hazard_panel, net
        )
        error = np.hypot(
            np.sqrt(published * (1 - published) / (n * independent / known)), float(rate.std())
        )
        assert abs(float(rate.mean()) - published) < 1.96 * error, net
    # the index falls more often than at any time, and less than it did after larger run-ups, by
    # both of its models; and of its falls about as many go on as have gone on
    drawn = forecast(run, seed=1)["signal"].mean(("chain", "draw"))
    rates = read_reference_table("drawdown_base_rates").set_index("sample")
    low, high = rates.loc["SOX 1994-2026, all"], rates.loc["SOX, trailing 2y >= 100%"]
    for kind in (CLASS_VIEW, OWN_VIEW):
        got = {
            fall: float(
                drawn.sel(series=f"PHLX semiconductor index, {kind}/fall_{fall}", period="2028-04")
            )
            for fall in FALLS
        }
        for fall in (20, 30):
            assert low[f"p{fall}_24m"] < got[fall] < high[f"p{fall}_24m"], (kind, fall)
        assert got[40] / got[20] == pytest.approx(low["p40_24m"] / low["p20_24m"], abs=0.12)


@pytest.mark.slow
def test_a_known_process_is_recovered(hazard_panel):
    """Three times the table, made up from known parameters."""
    data = hazard_panel.data.isel(obs=np.tile(np.arange(hazard_panel.data.sizes["obs"]), 3))
    panel = dataclasses.replace(hazard_panel, data=data)
    model = get_model("hazard")
    truth = prior_draws(model, panel, model.priors, size=4, seed=8).isel(draw=[2])
    new = hazard.replicate(truth, panel, model.priors, np.random.default_rng(5))
    made = panel.data.assign({k: (panel.data[k].dims, v[0]) for k, v in new.items()})
    run = fit("hazard", dataclasses.replace(panel, data=made), seed=1, progress=False)
    assert run.gate.passed, [str(c) for c in run.gate.failures]
    outside = []
    for name in get_model("hazard").report:
        low, high = run.posterior[name].quantile([0.002, 0.998], ("chain", "draw")).values
        value = truth[name].values[0, 0]
        outside += np.ravel((value < low) | (value > high)).tolist()
    # Of some sixty numbers one may well lie outside an interval of 99.6 %.
    assert sum(outside) <= stats.binom.ppf(0.999, len(outside), 0.004)
    # and the data said something: the main slopes and rates are narrower than their priors
    assert float(run.posterior["rate"].std()) < 0.5 * PRIORS.rate_sd
    assert float(run.posterior["runup"].std()) < 0.5 * PRIORS.runup_sd


def test_the_longest_follow_up_is_the_table_s(table):
    assert table["followup_months"].max() == LONGEST


def test_what_the_record_has_made_impossible_is_decided(hazard_panel):
    """The index has fallen by 40 %: it cannot be a correction, nor first fall later."""
    fell = ("2026-07", "2026-08", "2026-09")
    panel = at(hazard_panel, "2026-09-30", dated="2026-09-30", fell=fell)
    drawn = hazard.draw(parameters(panel, 3), panel, PRIORS, "2028-04", np.random.default_rng(1))
    asked = read_claims()
    mine = [
        dataclasses.replace(d, event=expand_sums(d.event, {"PHLX semiconductor index": ["Mine"]}))
        for d in asked[0].definitions
        if d.model == "hazard" and "PHLX semiconductor index/" in str(d.event)
    ]  # fmt: skip
    claim = dataclasses.replace(asked[0], definitions=tuple(mine), pool=None)
    drawn = drawn.assign_attrs(model="hazard", as_of="2026-09-30")
    nothing = Known("2026-09-30", pd.DataFrame(columns=["metric", "period", "reported_on"]))
    told = settled(judge([claim], drawn), [claim], [drawn], nothing)
    assert {v.definition: (v.status, v.probability) for v in told} == {
        "sector_price_down_20": ("decided", 1.0),
        "sector_price_down_20_in_18_to_24_months": ("decided", 0.0),
        "sector_price_down_30": ("decided", 1.0),
        "correction_not_crash": ("decided", 0.0),
        "crash": ("decided", 1.0),
    }
    assert told.of("value_correction", "correction_not_crash").text.startswith(
        "It cannot come true now"
    )
