"""Every row of a later day altered: no panel, no fit and no forecast of a backtest is another."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

from forecast.core.periods import last_close, month_index, period_end
from forecast.evaluation.backtesting import backtest
from forecast.evaluation.hold_out import Sources
from forecast.models.panels import tables_of
from forecast.models.registry import NAMES, ahead_of, panel_source
from forecast.tables.shipped import read_tables, read_vintages

DAYS = {
    "market": "2024-05-15",
    "benchmark": "2024-05-15",
    "earnings": "2024-02-14",
    "hazard": "2023-02-14",
    "capex_hazard": "2023-02-14",
    "payback": "2025-08-14",
    "training_cost": "2024-05-15",
    "api_price": "2024-11-14",
    "gpu_rental": "2024-11-14",
    "adoption": "2025-11-14",
}
"""A day on which each model has something to foretell."""
SCORES = ["mmlu", "mmlu_pro", "gpqa_diamond", "swe_bench_verified"]
COSTS = ["training_cost_musd_mid", "cost_low", "cost_high", "cost_cloud_musd"]
TRAITS = ["params_b", "training_compute_flop", "eci"]


@pytest.fixture(scope="module")
def sources():
    return Sources(read_vintages(), read_tables())


def releases(table, day, columns):
    late = table["release_date"] > day
    return table.assign(**{c: table[c].where(~late, 0.9 * table[c]) for c in columns})


def runups(table, day):
    """Other run-ups that were identified later; falls that came later have not come."""
    closed, months = last_close(day), table["id_month"].map(month_index)
    late = months >= closed
    table = table.copy()
    table.loc[late, ["runup24_net", "runup24_raw", "volatility24"]] = (60.0, 110.0, 0.09)
    for fall in (20, 30, 40):
        fell = (table[f"event{fall}"] == 1) & (months + table[f"dur{fall}_m"] > closed)
        table.loc[fell, f"event{fall}"], table.loc[fell, f"dur{fall}_m"] = (
            0,
            table["followup_months"],
        )
    return table


def capex_runups(table, day):
    """Run-ups that were not followed yet grew otherwise; quarters and years as they become known."""
    end = table["identified"].map(lambda p: month_index(period_end(p).isoformat()))
    yearly = ~table["level"].isin(["company", "set"])
    late = np.where(yearly, end + 24, end + 3) > last_close(day)
    return table.assign(growth=table["growth"].where(~late, 50.0))


def altered(sources, day, outcomes_only=()):
    """Return the sources with every row of a later day altered.

    With columns of releases given, only those of later releases: what is foretold, and not the traits
    of a release for which it is foretold.
    """
    rows, tables = sources.history, dict(sources.tables)
    late = rows["reported_on"] > day
    changed = rows.assign(value=rows["value"].where(~late, 0.9 * rows["value"]))
    for end in ("low", "high"):  # of a range, as text
        cells = zip(rows[end], late, strict=True)
        changed[end] = [f"{0.9 * float(x):.6g}" if x and after else x for x, after in cells]
    chosen = outcomes_only or (*SCORES, *COSTS, *TRAITS)
    tables["frontier_models"] = releases(tables["frontier_models"], day, chosen)
    tables["runups"] = runups(tables["runups"], day)
    tables["capex_runups"] = capex_runups(tables["capex_runups"], day)
    places, returns = tables["positions"], tables["index_returns_monthly"]
    tables["positions"] = places.assign(net=places["net"].where(places["dated"] <= day, 150.0))
    month = returns["month"].map(month_index)
    tables["index_returns_monthly"] = returns.assign(
        log_return=returns["log_return"].where(month <= last_close(day), -0.1)
    )
    lines = tables["product_lines"]
    lines = lines.assign(until=lines["until"].where(lines["until"] <= day, ""))
    tables["product_lines"] = lines[(lines["from"] <= day) | (lines["role"] == "flagship")]
    return Sources(changed, tables)


def test_every_model_whose_data_carry_dates_is_tried():
    assert set(DAYS) == {name for name in NAMES if panel_source(name).latest}


@pytest.mark.parametrize("model", DAYS)
def test_no_panel_sees_a_later_row(model, sources):
    day = DAYS[model]
    other = altered(sources, day)
    assert other.panel(model, day).hash == sources.panel(model, day).hash
    newest = str(sources.history["reported_on"].max())
    assert other.panel(model, newest).hash != sources.panel(model, newest).hash
    used = {name for name in tables_of([model]) if name not in ("drawdown_base_rates",)}
    for name in used:
        assert not other.tables[name].equals(sources.tables[name]), f"{name} was not altered"


@pytest.mark.parametrize("model", DAYS)
def test_no_forecast_changes_with_a_later_row(model, sources, instant_sampler):
    day = DAYS[model]
    outcomes = {"benchmark": SCORES, "training_cost": COSTS}.get(model, ())
    first, second = (
        backtest(model, one, [day], seed=1, size=500)
        for one in (sources, altered(sources, day, outcomes))
    )
    assert first.origins["passed"].all()
    assert first.origins.equals(second.origins)
    key = ["forecast", "entity", "metric", "target_period"]
    found = 0
    for name, forecasts in (("cells", ["median", "dispersion"]), ("events", ["probability"])):
        before, after = (getattr(one, name) for one in (first, second))
        before, after = (one.drop_duplicates(key).set_index(key) for one in (before, after))
        assert before.index.equals(after.index)
        found += len(before)
        pd.testing.assert_frame_equal(before[forecasts], after[forecasts], check_exact=True)
        truth = "truth" if name == "cells" else "happened"
        moved = (before[truth] - after[truth]).abs() > 1e-9 * before[truth].abs()
        assert moved.any() or before.empty or model in ("hazard", "capex_hazard")
        scores = "crps" if name == "cells" else "brier"
        assert (before.loc[moved, scores] != after.loc[moved, scores]).all()
    assert found


def test_what_is_asked_of_a_past_day_is_not_what_is_asked_today(sources):
    """The industries that stood then; no fit depends on what is asked."""
    panel = sources.panel("hazard", DAYS["hazard"])
    asked = ahead_of("hazard").asked(panel)
    assert asked.content_hash == panel.content_hash
    assert asked.hash != panel.hash
    assert dataclasses.replace(asked, drawn=panel.drawn).hash == panel.hash
