"""Walking over as_of dates: nothing looks ahead, and scores are those of the draws."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from conftest import independent_tree
from made_up import annual_market

from forecast.cli import main
from forecast.core.errors import DataError
from forecast.core.text import significant
from forecast.evaluation import score
from forecast.evaluation.backtesting import backtest, what_came
from forecast.evaluation.dates import origins, read_span, within
from forecast.inference import sampling
from forecast.inference.fitting import child_seed
from forecast.models.market import baseline as market_baseline
from forecast.models.panels import build_panel
from forecast.report.backtest_report import all_scores, backtest_markdown
from forecast.store.runs import verify
from forecast.tables.shipped import read_vintages
from forecast.tables.vintages import as_of


@pytest.fixture(scope="module")
def table():
    return read_vintages()


def test_origins_lie_after_quarters():
    assert origins("2023-01-01", "2023-09-01") == ["2023-02-14", "2023-05-15", "2023-08-14"]
    assert origins("2023-05-15", "2023-05-15") == ["2023-05-15"]
    with pytest.raises(DataError, match="wanted a start before its end"):
        origins("2023-05-16", "2023-06-01")


@pytest.mark.parametrize(
    ("step", "lag", "days"),
    [
        ("1q", 45, ["2023-02-14", "2023-05-15", "2023-08-14"]),
        ("2q", 45, ["2023-02-14", "2023-08-14"]),
        ("3m", 10, ["2023-01-10", "2023-04-10", "2023-07-10"]),
        ("1y", 31, ["2023-01-31"]),
        ("10w", 45, ["2023-01-02", "2023-03-13", "2023-05-22", "2023-07-31"]),
        ("100d", 0, ["2023-01-02", "2023-04-12", "2023-07-21"]),
    ],
)
def test_steps_go_by_periods_or_by_days(step, lag, days):
    assert origins("2023-01-02", "2023-09-01", lag, step) == days


@pytest.mark.parametrize("step", ["", "q", "0q", "1h", "-1d", "1.5m", "1000d", "1 q"])
def test_a_step_that_is_none_is_refused(step):
    with pytest.raises(DataError, match="cannot read the length of time"):
        origins("2023-01-01", "2023-09-01", 45, step)


def test_a_window_leaves_what_had_not_ended_before_it(annual):
    panel = build_panel(as_of(annual, "2024-02-14"), "market")
    years = within(panel, read_span("4y")).data["year"].values
    assert sorted(set(years)) == [2020, 2021, 2022, 2023]
    # On the day itself a year that ended exactly a window before is out.
    last = dataclasses.replace(panel, as_of="2024-12-31")
    assert sorted(set(within(last, read_span("4y")).data["year"].values)) == [2021, 2022, 2023]
    with pytest.raises(DataError, match="no data of market are of the last month"):
        within(panel, read_span("1m"))
    assert within(panel, read_span("99y")).hash == panel.hash


def test_what_came_is_what_was_reported(table):
    newest = str(table["reported_on"].max())
    truth = what_came(build_panel(as_of(table, newest), "earnings"))
    rows = table[(table["entity"] == "MSFT") & (table["metric"] == "capex")]
    last = rows.sort_values("reported_on").iloc[-1]
    known = truth.sel(series="MSFT/capex").dropna("period")
    assert float(known[-1]) == pytest.approx(last["value"] / 1000)  # USD m
    parts = [f"{e}/capex" for e in ("MSFT", "GOOGL", "AMZN", "META")]
    assert float(truth.sel(series="big_four/capex", period="2024Q1")) == pytest.approx(
        float(truth.sel(series=parts, period="2024Q1").sum())
    )


DAYS = ["2022-02-14", "2024-02-14"]


@pytest.fixture(scope="module")
def annual():
    return annual_market()


@pytest.fixture(scope="module")
def walked(annual):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sampling, "sample_model", independent_tree)
        return backtest("market", annual, DAYS, seed=3, horizon=3, size=250)


def test_scores_are_those_of_the_draws(walked, annual):
    cells = walked.cells
    assert set(cells["forecast"]) == {"model", "drift"}
    assert set(cells["as_of"]) == set(DAYS)
    assert set(cells["horizon"]) == {1, 2, 3}
    assert cells["pit"].between(0, 1).all()
    truth = what_came(build_panel(as_of(annual, "2026-02-01"), "market"))
    for row in cells.itertuples():
        assert row.truth == float(truth.sel(series=row.series, period=row.target_period))
    # One cell by hand: the rule's own draws, on the log scale.
    cell = walked.own[walked.own["forecast"] == "drift"].iloc[-1]
    panel = build_panel(as_of(annual, cell["as_of"]), "market")
    seed = child_seed(3, cell["as_of"], "drift")
    walk = market_baseline.drift_walk(panel, until="2025", seed=seed)["y"]
    logs = np.log(walk.sel(series=cell["series"], period=cell["target_period"]))
    truth = np.log(cell["truth"])
    assert cell["crps"] == pytest.approx(float(score.crps(logs, truth)))
    assert cell["crps_level"] == pytest.approx(float(score.crps(np.exp(logs), cell["truth"])))
    parts = score.interval_score(logs, truth)
    for name in ("dispersion", "overprediction", "underprediction"):
        assert cell[name] == pytest.approx(float(getattr(parts, name)))
    assert cell["interval_score"] == pytest.approx(float(parts.total))
    assert cell["median"] == pytest.approx(float(np.exp(logs.median())))
    assert (cell["unit"], cell["scale"], cell["target_end"]) == ("USD bn", "log", "2025-12-31")


def test_dates_without_a_forecast_are_said_and_passed_over(instant_sampler, annual):
    """Eighty draws are too few for the gate; the naive rule is scored all the same."""
    found = backtest("market", annual, ["2010-02-14", DAYS[0]], seed=3, size=20)
    assert found.origins["passed"].tolist() == [False, False]
    assert "nothing was reported by" in found.origins["reason"].iloc[0]
    assert "ESS" in found.origins["reason"].iloc[1]
    assert set(found.cells["forecast"]) == {"drift"}
    with pytest.raises(DataError, match="nothing to forecast from"):
        backtest("market", annual, ["2010-02-14"], seed=3)


def test_models_that_cannot_be_walked_say_so(instant_sampler, table):
    with pytest.raises(DataError, match="the data of scaling_law carry no dates"):
        backtest("scaling_law", table, DAYS, seed=1)
    with pytest.raises(DataError, match="nothing to score"):
        backtest("market", table, ["2026-05-06"], seed=1, size=20)


def test_a_rolling_window_is_another_fit(instant_sampler, annual):
    day = ["2024-02-14"]
    whole, rolled = (backtest("market", annual, day, seed=3, window=w) for w in ("", "5y"))
    assert whole.origins["observations"].tolist() == [42]
    assert rolled.origins["observations"].tolist() == [15]
    assert rolled.design.window == "5y"
    assert rolled.key != whole.key
    assert (rolled.cells["truth"] == whole.cells["truth"]).all()
    assert (rolled.cells["crps"] != whole.cells["crps"]).all()
    with pytest.raises(DataError, match="cannot read the length of time 'long'"):
        backtest("market", annual, day, seed=3, window="long")


def test_sums_are_told_from_the_series_that_are_added(instant_sampler, table):
    found = backtest("earnings", table, ["2024-11-14"], seed=1, horizon=1, size=500)
    derived = found.cells[found.cells["derived"]]
    assert {"big_four/capex", "big_five/capex"} <= set(derived["series"])
    assert "MSFT/capex" in set(found.own["series"])
    assert not {"big_four", "big_five"} & set(found.own["entity"])


def folder_of(table, place):
    (place / "vintages").mkdir(parents=True)
    table.to_csv(place / "vintages" / "annual.csv", index=False)
    return str(place)


def test_the_command(instant_sampler, annual, tmp_path, capsys):
    data, out, where = (
        folder_of(annual, tmp_path / "data"),
        tmp_path / "out",
        tmp_path / "cells.csv",
    )
    words = ["backtest", "market", "--start", "2017-01-01", "--end", "2023-03-01", "--step", "1y",
             "--quick", "--window", "9y", "--data", data, "--out", str(out)]  # fmt: skip
    assert main.main([*words, "--json", "--csv", str(where)]) == 0
    said = capsys.readouterr()
    content = json.loads(said.out)
    assert {row["forecast"] for row in content["summary"]} == {"model", "drift"}
    days = [f"{year}-02-14" for year in range(2017, 2024)]
    assert [row["as_of"] for row in content["origins"]] == days
    assert len(pd.read_csv(where)) == len(content["cells"])
    folder = Path(content["folder"])
    assert folder.parent == out / "backtests"
    verify(folder)
    cells = pd.read_parquet(folder / "cells.parquet")
    pd.testing.assert_frame_equal(
        cells, pd.DataFrame(content["cells"]), check_exact=False, check_dtype=False
    )
    scores = pd.read_parquet(folder / "scores.parquet")
    assert set(scores["by"]) == {"all", "metric", "horizon", "entity", "date"}
    assert scores[scores["by"] == "all"]["group"].tolist() == ["all", "all"]
    one = scores[(scores["by"] == "horizon") & (scores["group"] == "2")].set_index("forecast")
    of_two = cells[(cells["horizon"] == 2) & ~cells["derived"]]
    wide = of_two.pivot(index=["as_of", "series"], columns="forecast", values="crps").dropna()
    assert one.loc["model", "n"] == len(wide)
    assert one.loc["model", "crps"] == pytest.approx(wide["model"].mean())
    # Printed without --json the same folder is found, and no date is done again.
    assert main.main(words) == 0
    again = capsys.readouterr()
    assert f"{len(days)} of {len(days)} dates were finished before" in again.err
    assert str(folder / "report.md") in again.err
    head = again.out.splitlines()[0].split()
    assert head == ["metric", "scale", "forecast", "crps", "skill", "better", "log_score", "c50",
                    "c80", "c95", "n", "dates"]  # fmt: skip
    assert [path.name for path in (out / "backtests").iterdir() if path.name != "dates"] == [
        folder.name
    ]


def test_the_report_says_what_the_tables_say(walked):
    scores = all_scores(walked, seed=1)
    text = backtest_markdown(walked, scores, seed=1)
    first, last = DAYS
    assert text.startswith(f"# Backtest of market, {first} to {last}\n")
    assert "fitted on 2 of 2 dates" in text
    assert "an expanding window" in text
    by_metric = scores["scores"].query("by == 'metric' and forecast == 'model'").set_index("group")
    row = by_metric.loc["ai_revenue"]
    line = next(x for x in text.splitlines() if x.startswith("| ai revenue | model |"))
    wanted = [significant(row[name], 3) for name in ("crps", "log_score", "dispersion")]
    assert [line.split(" | ")[k] for k in (4, 7, 9)] == wanted
    assert "With fewer than 5 dates there are none." in text
    tables = [x for x in text.splitlines() if x.startswith("|")]
    assert len({x.count("|") for x in tables if "ai revenue | " in x}) == 1
    assert "## Events" not in text
