"""Tables of a backtest against loops, and against cases whose answer is known."""

import numpy as np
import pandas as pd
import pytest

from forecast.evaluation import skill
from forecast.evaluation.skill import (
    block_length,
    drawn_dates,
    event_scores,
    number_scores,
    pit_counts,
    reliability,
)


def cells(what, crps, days, periods=None, **more):
    """Return cells of one forecast; of what is not said every score is 0."""
    rows = pd.DataFrame({"forecast": what, "as_of": days, "crps": crps})
    rows["target_period"] = periods or [f"p{k}" for k in range(len(rows))]
    rest = {name: 0.0 for name in (*skill.NUMBERS, *skill.HELD) if name != "crps"}
    told = {"series": "X/capex", "metric": "capex", "unit": "USD bn", "scale": "log", "pit": 0.5}
    return rows.assign(**{**rest, **told, **more})


def made_up(dates=9, seed=0):
    """Return cells of two forecasts, of each date one more than of the one before."""
    rng = np.random.default_rng(seed)
    days = np.repeat([f"2020-{k + 1:02d}-01" for k in range(dates)], np.arange(1, dates + 1))
    ours, theirs = rng.gamma(2, size=(2, len(days)))
    held = (rng.random(len(days)) < 0.8).astype(float)
    return pd.concat([cells("model", ours, days, c80=held), cells("drift", theirs + 0.3, days)])


def test_dates_are_drawn_in_blocks_that_go_round():
    places = drawn_dates(10, seed=1, size=400)
    assert places.shape == (400, 10)
    assert block_length(10) == 3
    for row in places[:50]:
        for first in range(0, 10, 3):
            block = row[first : first + 3]
            assert ((np.diff(block) - 1) % 10 == 0).all()
    # Each date comes equally often: about 400 times, with a standard error below 35.
    assert np.abs(np.bincount(places.ravel()) - 400).max() < 140
    assert (drawn_dates(10, seed=1, size=400) == places).all()
    assert (drawn_dates(10, seed=2, size=400) != places).any()


def test_means_and_intervals_are_those_of_loops():
    frame = made_up()
    got = number_scores(frame, ["metric"], seed=3).set_index("forecast")
    days = np.unique(frame["as_of"])
    ours, theirs = (frame[frame["forecast"] == name] for name in ("model", "drift"))
    assert got.loc["model", "crps"] == pytest.approx(ours["crps"].mean())
    assert got.loc["model", "c80"] == pytest.approx(ours["c80"].mean())
    behind, held, lower = [], [], []
    of_day = [ours["as_of"].to_numpy() == day for day in days]
    losses = [[part["crps"].to_numpy()[own] for own in of_day] for part in (ours, theirs)]
    shares = [ours["c80"].to_numpy()[own] for own in of_day]
    for row in drawn_dates(len(days), 3):
        mine, other = (np.concatenate([by_day[k] for k in row]).mean() for by_day in losses)
        behind.append(mine - other)
        lower.append(mine < other)
        held.append(np.concatenate([shares[k] for k in row]).mean())
    ends = got.loc["model", ["behind_low", "behind_high"]].astype(float).tolist()
    assert ends == pytest.approx(np.quantile(behind, [0.025, 0.975]).tolist())
    ends = got.loc["model", ["c80_low", "c80_high"]].astype(float).tolist()
    assert ends == pytest.approx(np.quantile(held, [0.025, 0.975]).tolist())
    assert got.loc["model", "better"] == pytest.approx(np.mean(lower))
    assert got.loc["model", "skill"] == pytest.approx(
        1 - ours["crps"].mean() / theirs["crps"].mean()
    )


def test_a_forecast_that_is_always_better_is_better_in_all_draws_of_dates():
    days = [f"2020-{k + 1:02d}-01" for k in range(6)]
    losses = np.linspace(1, 2, 6)
    frame = pd.concat([cells("model", losses - 0.1, days), cells("drift", losses, days)])
    got = number_scores(frame, seed=1).set_index("forecast").loc["model"]
    assert got["better"] == 1.0
    assert got["behind_high"] == pytest.approx(-0.1)
    assert 0 < got["skill_low"] < got["skill"] < got["skill_high"]
    again = pd.concat([cells("model", losses, days), cells("drift", losses, days)])
    assert number_scores(again, seed=1).set_index("forecast").loc["model", "better"] == 0.5


def test_with_few_dates_nothing_is_said_of_uncertainty():
    frame = made_up(dates=skill.FEWEST - 1)
    got = number_scores(frame, seed=3).set_index("forecast").loc["model"]
    unknown = ["behind_low", "skill_high", "better", "c80_low", "c80_high"]
    assert got[unknown].isna().all()
    assert np.isfinite(got["skill"])
    assert np.isfinite(number_scores(made_up(skill.FEWEST), seed=3)["c80_low"]).all()


def test_forecasts_are_compared_where_all_of_a_group_have_the_cell():
    rows = pd.concat(
        [
            cells("model", [0.1, 0.3, 0.5], ["a", "a", "b"], ["p", "q", "p"]),
            cells("drift", [0.2, 0.2, 0.2], ["a", "a", "b"], ["p", "q", "p"]),
            cells("seasonal", [0.4, 0.4], ["a", "a"], ["p", "q"]),
            # Another metric, of which one rule has nothing, is compared with the rules that it has.
            cells("model", [1.0], ["a"], metric="revenue", series="X/revenue"),
            cells("drift", [2.0], ["a"], metric="revenue", series="X/revenue"),
        ]
    )
    got = number_scores(rows, ["metric"], seed=1).set_index(["metric", "forecast"])
    assert got.loc[("capex", "model"), "n"] == 2  # the third cell has no seasonal forecast
    assert got.loc[("capex", "model"), "crps"] == pytest.approx(0.2)
    assert got.loc[("capex", "seasonal"), "behind"] == pytest.approx(0.2)
    assert got.loc["capex"].index[-1] == "seasonal"
    assert got.loc[("revenue", "model"), "skill"] == pytest.approx(0.5)
    alone = number_scores(rows[rows["forecast"] == "model"], ["metric"], seed=1)
    assert alone["skill"].isna().all()
    assert (alone["best_rule"] == "").all()


def test_a_cell_without_a_score_leaves_no_mean_of_the_others():
    days = ["a", "b"]
    rows = pd.concat(
        [
            cells("model", 0.1, days, log_score=[0.0, np.nan], c80=[0.0, np.nan]),
            cells("drift", 0.1, days, c80=[0.0, 1.0]),
        ]
    )
    got = number_scores(rows, seed=1).set_index("forecast")
    assert np.isnan(got.loc["model", ["log_score", "c80"]].astype(float)).all()
    assert got.loc["drift", ["log_score", "c80"]].tolist() == [0.0, 0.5]


def test_scales_and_units_are_not_mixed():
    rows = pd.concat(
        [
            cells("model", [1.0], ["a"], ["p"], crps_level=3.0),
            cells("model", [3.0], ["a"], ["q"], crps_level=5.0),
            cells("model", [9.0], ["a"], ["r"], scale="USD bn"),
        ]
    )
    got = number_scores(rows, ["metric"], seed=1).set_index("scale")
    assert got.loc["log", ["crps", "crps_level"]].tolist() == [2.0, 4.0]
    assert got.loc["USD bn", "crps"] == 9.0
    rows.iloc[1, rows.columns.get_loc("unit")] = "percent"
    mixed = number_scores(rows, ["metric"], seed=1).set_index("scale").loc["log"]
    assert mixed["crps"] == 2.0
    assert np.isnan(mixed["crps_level"])


def events(what, said, came, days):
    return pd.DataFrame(
        {"forecast": what, "as_of": days, "series": [f"s{k}" for k in range(len(days))],
         "target_period": "p", "metric": "falls", "probability": said, "happened": came,
         "brier": (np.asarray(said) - came) ** 2, "log_score": 0.5}
    )  # fmt: skip


def test_events_are_scored_and_sorted_into_ranges():
    days = [f"2020-{k + 1:02d}-01" for k in range(6)]
    came = np.array([0.0, 0.0, 1.0, 1.0, 1.0, 1.0])
    frame = pd.concat(
        [events("model", [0.0, 0.1, 0.2, 0.9, 1.0, 1.0], came, days),
         events("naive", [0.5] * 6, came, days)]
    )  # fmt: skip
    got = event_scores(frame, ["metric"], seed=1).set_index("forecast")
    assert got.loc["model", "brier"] == pytest.approx((0.01 + 0.64 + 0.01) / 6)
    assert got.loc["model", "skill"] == pytest.approx(1 - got.loc["model", "brier"] / 0.25)
    assert got.loc["naive", "happened"] == pytest.approx(4 / 6)
    ranges = reliability(frame, seed=1)
    ours = ranges[ranges["forecast"] == "model"].set_index("low")
    assert ours["n"].to_dict() == {0.0: 2, 0.2: 1, 0.8: 3}  # an edge belongs to the range above
    assert ours["came"].tolist() == [0.0, 1.0, 1.0]
    assert ours["said"].tolist() == pytest.approx([0.05, 0.2, 2.9 / 3])
    assert ours["came_low"].isna().all()  # each of fewer dates than it takes
    naive = ranges[ranges["forecast"] == "naive"].iloc[0]
    assert naive["came_low"] < 4 / 6 < naive["came_high"]


def test_truths_are_counted_by_tenths():
    frame = cells("model", 0.1, ["a"] * 4, pit=[0.0, 0.05, 0.95, 1.0])
    row = pit_counts(frame, ["metric"]).iloc[0]
    assert [row[f"t{k}"] for k in range(1, 11)] == [2, 0, 0, 0, 0, 0, 0, 0, 0, 2]
    assert row["mean"] == pytest.approx(0.5)
    assert row["n"] == 4
