"""Walking over as_of dates: nothing looks ahead, and scores are those of the draws."""

import json

import numpy as np
import pandas as pd
import pytest
from conftest import independent_tree

from forecast.cli import main
from forecast.core.errors import DataError
from forecast.evaluation import backtesting, score
from forecast.evaluation.backtesting import Backtest, backtest, origins, what_came
from forecast.inference import sampling
from forecast.inference.fitting import child_seed
from forecast.models.market import baseline as market_baseline
from forecast.models.panels import build_panel
from forecast.tables.shipped import read_vintages
from forecast.tables.vintages import as_of, check_table


@pytest.fixture(scope="module")
def table():
    return read_vintages()


def test_origins_lie_after_quarters():
    assert origins("2023-01-01", "2023-09-01") == ["2023-02-14", "2023-05-15", "2023-08-14"]
    assert origins("2023-05-15", "2023-05-15") == ["2023-05-15"]
    with pytest.raises(DataError, match="wanted a start before its end"):
        origins("2023-05-16", "2023-06-01")


def test_what_came_is_what_was_reported(table):
    truth = what_came("earnings", table)
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
    """Return a market table of 2015 to 2025, each year reported in the January after it."""
    rng, rows = np.random.default_rng(0), []
    for metric, level in (("ai_investment", 90), ("datacenter_capex", 40), ("ai_revenue", 25)):
        path = level * np.exp(np.cumsum(0.2 + 0.1 * rng.normal(size=11)))
        for year, value in zip(range(2015, 2026), path, strict=True):
            rows.append(("AI market", metric, str(year), round(value, 1), "USD bn",
                         f"{year + 1}-01-20", "made up", "C", ""))  # fmt: skip
    columns = ["entity", "metric", "period", "value", "unit", "reported_on", "source",
               "confidence", "qualifier"]  # fmt: skip
    return check_table(pd.DataFrame(rows, columns=columns))


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
    truth = what_came("market", annual)
    for row in cells.itertuples():
        assert row.truth == float(truth.sel(series=row.series, period=row.target_period))
    # One cell by hand: the rule's own draws, on the log scale.
    cell = cells[cells["forecast"] == "drift"].iloc[-1]
    panel = build_panel(as_of(annual, cell["as_of"]), "market")
    seed = child_seed(3, cell["as_of"], "drift")
    walk = market_baseline.drift_walk(panel, until="2025", seed=seed)["y"]
    logs = np.log(walk.sel(series=cell["series"], period=cell["target_period"]))
    assert cell["crps"] == pytest.approx(float(score.crps(logs, np.log(cell["truth"]))))


def test_a_number_reported_later_changes_no_forecast(instant_sampler, walked, annual):
    """The newest year trebled: cells about other years keep their scores to the last bit."""
    changed = annual.copy()
    changed.loc[changed["period"] == "2025", "value"] *= 3.0
    changed.attrs = dict(annual.attrs)
    before, after = (backtest("market", t, DAYS, seed=3, size=500).cells for t in (annual, changed))
    moved = (before["target_period"] == "2025").to_numpy()
    capex = moved & (before["metric"] == "datacenter_capex").to_numpy()
    assert (before.loc[capex, "crps"].to_numpy() != after.loc[capex, "crps"].to_numpy()).all()
    assert capex.any()
    pd.testing.assert_frame_equal(before[~moved], after[~moved])


def test_the_summary_compares_where_all_forecast():
    def cells(what, values, periods):
        return pd.DataFrame(
            {"forecast": what, "as_of": ["a", "a", "b"][: len(values)], "series": "X/capex",
             "metric": "capex", "target_period": periods, "horizon": 1, "truth": 1.0,
             "crps": values, "log_score": 0.0, "interval_score": 0.0, "pit": 0.5,
             "c50": True, "c80": True, "c95": True}
        )  # fmt: skip

    rows = pd.concat(
        [
            cells("model", [0.1, 0.3, 0.5], ["p", "q", "p"]),
            cells("drift", [0.2, 0.2, 0.2], ["p", "q", "p"]),
            cells("seasonal", [0.4, 0.4], ["p", "q"]),
        ]
    )
    got = Backtest(rows, pd.DataFrame()).summary().set_index("forecast")
    assert got.loc["model", "n"] == 2  # the third cell has no seasonal forecast
    assert got.loc["model", "crps"] == pytest.approx(0.2)
    assert got.loc["model", "behind"] == pytest.approx(0.0)
    assert got.loc["seasonal", "behind"] == pytest.approx(0.2)
    assert list(got.index)[-1] == "seasonal"


def test_a_cell_without_a_score_leaves_no_mean_of_the_others():
    cells = pd.DataFrame(
        {"forecast": ["model", "model", "drift", "drift"], "as_of": ["a", "b"] * 2,
         "series": "X/capex", "metric": "capex", "target_period": ["p", "q"] * 2, "horizon": 1,
         "truth": 1.0, "crps": 0.1, "log_score": [0.0, np.nan, 0.0, 0.0], "interval_score": 0.0,
         "pit": 0.5, "c50": 1.0, "c80": [0.0, np.nan, 0.0, 1.0], "c95": 1.0}
    )  # fmt: skip
    got = Backtest(cells, pd.DataFrame()).summary().set_index("forecast")
    assert np.isnan(got.loc["model", ["log_score", "c80"]].astype(float)).all()
    assert got.loc["drift", ["log_score", "c80"]].tolist() == [0.0, 0.5]


def test_dates_without_a_forecast_are_said_and_passed_over(instant_sampler, annual):
    """Eighty draws are too few for the gate; the naive rule is scored all the same."""
    found = backtest("market", annual, ["2015-02-14", DAYS[0]], seed=3, size=20)
    assert found.origins["passed"].tolist() == [False, False]
    assert "nothing was reported by" in found.origins["reason"].iloc[0]
    assert "ESS" in found.origins["reason"].iloc[1]
    assert set(found.cells["forecast"]) == {"drift"}
    with pytest.raises(DataError, match="nothing to forecast from"):
        backtest("market", annual, ["2015-02-14"], seed=3)


def test_models_that_cannot_be_walked_say_so(instant_sampler, table):
    with pytest.raises(DataError, match="table without report dates"):
        backtest("hazard", table, DAYS, seed=1)
    with pytest.raises(DataError, match="nothing to score"):
        backtest("market", table, ["2026-05-06"], seed=1, size=20)


def test_a_cluster_that_does_not_answer(annual):
    with pytest.raises(DataError, match="no Dask scheduler answers"):
        backtest("market", annual, DAYS[:1], seed=3, cluster="nonsense://x")


def test_the_command(instant_sampler, annual, tmp_path, capsys):
    (tmp_path / "vintages").mkdir()
    annual.to_csv(tmp_path / "vintages" / "annual.csv", index=False)
    where = tmp_path / "cells.csv"
    words = ["backtest", "market", "--start", "2022-02-01", "--end", "2022-03-01", "--quick",
             "--data", str(tmp_path)]  # fmt: skip
    assert main.main([*words, "--json", "--csv", str(where)]) == 0
    content = json.loads(capsys.readouterr().out)
    assert {row["forecast"] for row in content["summary"]} == {"model", "drift"}
    assert [row["as_of"] for row in content["origins"]] == ["2022-02-14"]
    assert len(pd.read_csv(where)) == len(content["cells"])
    shown = backtesting.Backtest(pd.DataFrame(content["cells"]), pd.DataFrame()).summary()
    assert shown["behind"].tolist() == pytest.approx([r["behind"] for r in content["summary"]])


@pytest.mark.slow
def test_processes_and_a_cluster_give_the_same_scores(annual):
    import distributed

    alone = backtest("market", annual, DAYS, seed=3, size=1000)
    assert alone.origins["passed"].all()
    many = backtest("market", annual, DAYS, seed=3, size=1000, workers=2)
    pd.testing.assert_frame_equal(alone.cells, many.cells)
    with distributed.LocalCluster(
        n_workers=1, threads_per_worker=1, dashboard_address=None, host="127.0.0.1"
    ) as cluster:
        address = cluster.scheduler_address
        far = backtest("market", annual, DAYS, seed=3, size=1000, cluster=address)
    pd.testing.assert_frame_equal(alone.cells, far.cells)
