"""What a room foretells itself, as a backtest scores it; and which falls of capex have come."""

import dataclasses

import numpy as np
import pytest
import xarray as xr

from forecast.core.errors import DataError
from forecast.core.periods import quarter_index, quarter_name
from forecast.evaluation import score
from forecast.evaluation.backtesting import Design, Task, _told_rows
from forecast.evaluation.skill import SHARES
from forecast.models.base import Cell, Panel, Told
from forecast.models.capex_hazard.ahead import _outcomes
from forecast.models.capex_hazard.panel import state_of

DAY = "2024-02-14"


def task(horizon=8):
    panel = Panel("benchmark", DAY, xr.Dataset())
    return Task(Design("benchmark", 1, horizon, 50, ""), panel, panel, None)


def told(periods, unit="points", **more):
    rng = np.random.default_rng(5)
    size = len(periods)
    draws, naive = rng.normal(3, 1, (40, size)), rng.normal(2, 2, (30, size))
    cells = tuple(Cell("A", f"m{k}", period) for k, period in enumerate(periods))
    names = tuple(f"n{k}" for k in range(size))
    one = Told("figures", names, np.linspace(2, 4, size), draws, naive, unit, cells=cells)
    return dataclasses.replace(one, **more)


def array(draws):
    return xr.DataArray(draws[None], dims=("chain", "draw"))


def test_numbers_are_scored_in_their_unit():
    one = told(["2024-03-01", "2024Q4"])
    one.naive[3, 1] = np.nan  # of the second there is no whole simple forecast
    ours, naive = _told_rows(one, task())
    assert (len(ours), len(naive)) == (2, 1)
    row = ours.iloc[1]
    assert (row["scale"], row["unit"], row["forecast"]) == ("points", "points", "model")
    assert (row["series"], row["target_end"], row["horizon"]) == ("A/m1", "2024-12-31", 4)
    assert row["truth"] == 4.0
    draws = array(one.draws[:, 1])
    assert row["crps"] == row["crps_level"] == pytest.approx(float(score.crps(draws, 4.0)))
    assert row["log_score"] == pytest.approx(float(score.log_score(draws, 4.0)))
    assert row["pit"] == pytest.approx((one.draws[:, 1] < 4.0).mean())
    for share in SHARES:
        assert row[f"c{share}"] == float(score.covered(draws, 4.0, share / 100))
    assert naive["forecast"].tolist() == ["naive"]
    assert naive["crps"].iloc[0] == pytest.approx(float(score.crps(array(one.naive[:, 0]), 2.0)))


def test_logarithms_are_scored_as_such_and_in_the_unit():
    (ours, _) = _told_rows(told(["2024-03-01"], "log points"), task())
    one, row = told(["2024-03-01"], "log points"), ours.iloc[0]
    assert row["scale"] == "log"
    assert row["truth"] == pytest.approx(np.exp(2.0))
    assert row["median"] == pytest.approx(np.exp(np.median(one.draws[:, 0])))
    level = array(np.exp(one.draws[:, 0]))
    assert row["crps_level"] == pytest.approx(float(score.crps(level, np.exp(2.0))))
    assert row["crps"] == pytest.approx(float(score.crps(array(one.draws[:, 0]), 2.0)))


def test_draws_that_are_the_truth_count_half():
    one = told(["2024-03-01"], draws=np.array([[2.0], [2.0], [1.0], [3.0]]))
    assert _told_rows(one, task())[0]["pit"].iloc[0] == 0.5


def test_events_are_scored_by_the_share_of_draws():
    one = told(["2024-12", "2025-12"], "", event=True, truth=np.array([1.0, 0.0]))
    one = dataclasses.replace(
        one, draws=np.array([[0.2, 1.0], [0.4, 0.0]]), naive=np.array([[0.5, np.nan]])
    )
    ours, naive = _told_rows(one, task())
    assert ours["probability"].tolist() == pytest.approx([0.3, 0.5])
    assert ours["brier"].tolist() == pytest.approx([0.49, 0.25])
    assert ours["log_score"].tolist() == pytest.approx([-np.log(0.3), np.log(2)])
    assert naive["series"].tolist() == ["A/m0"]


def test_what_lies_further_than_the_horizon_or_has_no_truth_is_left_out():
    periods = ["2024-05-14", "2024-05-15", "2024Q4", "2023Q4"]
    one = told(periods)
    ours = _told_rows(one, task(horizon=1))[0]
    assert ours["target_period"].tolist() == ["2024-05-14", "2023Q4"]  # reported late, still ahead
    assert ours["horizon"].tolist() == [1, 1]
    one.truth[0] = np.nan
    assert _told_rows(one, task(horizon=1))[0]["target_period"].tolist() == ["2023Q4"]


def test_of_what_is_told_step_by_step_only_the_first_step_is_a_forecast():
    cells = tuple(Cell(e, "return", p) for e, p in
                  (("A", "2024-04"), ("A", "2024-03"), ("B", "2024-05")))  # fmt: skip
    one = told(["2024-04", "2024-03", "2024-05"], cells=cells, stepwise=True)
    ours = _told_rows(one, task())[0]
    assert list(zip(ours["entity"], ours["target_period"], strict=True)) == [
        ("A", "2024-03"), ("B", "2024-05")
    ]  # fmt: skip


def test_a_room_that_does_not_say_which_figures_it_tells_is_named():
    with pytest.raises(DataError, match="benchmark does not tell which figures its figures are"):
        _told_rows(told(["2024-03-01"], cells=()), task())


# --- falls of capex ---------------------------------------------------------------------------
def flows(quarterly, first="2020Q1"):
    start = quarter_index(first)
    return {"A": {quarter_name(start + k): value for k, value in enumerate(quarterly)}}


def asked(quarterly, known, as_of):
    """Return what came after the state by the first `known` quarters, by quarters ahead and fall."""
    state = state_of("A", ("A",), flows(quarterly[:known]), {}, as_of)
    start = quarter_index(state.quarter)
    return {(when - start, fall): came for when, fall, came in _outcomes(state, flows(quarterly))}


RISING = [10.0] * 4 + [20.0] * 4 + [30.0] * 4  # totals of 40, 80 and 120 at the ends of three years


def test_falls_are_from_the_highest_total_and_asked_after_one_year_and_two():
    later = [30.0, 28.0, 26.0, 26.0] + [40.0] * 4  # totals 120, 118, 114, 110, then up again
    assert asked(RISING + later, 12, "2023-02-14") == {
        (4, 5): True, (4, 10): False, (4, 20): False,
        (8, 5): True, (8, 10): False, (8, 20): False,
    }  # fmt: skip
    # Up first and then down: from the new height of 160, not from where it stood.
    up = [40.0] * 4 + [30.0] * 4
    found = asked(RISING + up, 12, "2023-02-14")
    assert (found[4, 5], found[8, 20], found[8, 10]) == (False, True, True)


def test_no_more_is_asked_than_totals_are_known():
    assert asked([*RISING, 30.0, 30.0, 30.0], 12, "2023-02-14") == {}
    assert {step for step, _ in asked(RISING + [30.0] * 5, 12, "2023-02-14")} == {4}
    # Of the fourth quarter nothing is known: the total of the eighth is, but not what came between.
    capex = flows(RISING + [30.0] * 8)
    state = state_of("A", ("A",), flows(RISING), {}, "2023-02-14")
    assert len(_outcomes(state, capex)) == 6
    del capex["A"][quarter_name(quarter_index(state.quarter) + 4)]
    assert _outcomes(state, capex) == []


def test_a_fall_that_a_state_stands_below_is_not_asked_and_counts_from_the_record():
    fallen = [*RISING, 25.0, 25.0, 25.0, 25.0]  # 100, a sixth below 120
    found = asked([*fallen, 24.0, 24.0, 24.0, 23.0], 16, "2024-02-14")
    assert found == {(4, 20): True}  # 95 is 21 % below the record, 5 % below where it stood
