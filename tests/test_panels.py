"""Known rows become labelled inputs in the model's unit."""

import dataclasses

import numpy as np
import pytest

from forecast.panels import build_panel, rounding_step, select
from forecast.schema import DataError, UnknownNameError
from forecast.sources import read_vintages
from forecast.vintages import as_of


@pytest.mark.parametrize(
    ("values", "step"),
    [([50, 70, 100, 130], 10), ([95, 120, 150, 180], 5), ([30, 45, 60, 80], 5), ([2.5, 7.5], 0.5),
     ([100.0], 20), ([3.14159, 2.71828], 1e-5)],
)  # fmt: skip
def test_rounding_step(values, step):
    assert rounding_step(np.array(values, dtype=float)) == pytest.approx(step)


def test_market_panel(market_panel):
    data = market_panel.data
    assert data.sizes["obs"] == 12
    assert data["estimate"].values.sum() == 3
    first = data.isel(obs=(data["series"] == "AI market/ai_revenue").values)
    assert first["value"].values.tolist() == [30, 45, 60, 80]
    # rounded to 5: uniform error of half a step, sd = 5 / sqrt(12) = 1.44 on 30
    assert first["rounding_sd"].values[0] == pytest.approx(5 / np.sqrt(12) / 30)


def test_benchmark_panel_is_in_order_of_release(benchmark_panel):
    data = benchmark_panel.data
    assert data["release"].values.tolist() == ["GPT-3", "GPT-4", "GPT-4o", "Llama 3.1 405B"]
    assert data["score"].values.tolist() == pytest.approx([0.439, 0.864, 0.887, 0.880])
    assert data["cost_word"].values.tolist() == [0, 1, 2, 1]
    assert data["year"].values[0] == pytest.approx(2020.4, abs=0.01)


def test_row_order_changes_nothing():
    table = read_vintages()
    for model in ("market", "benchmark"):
        one = build_panel(as_of(table, "2026-05-06"), model)
        two = build_panel(as_of(table.iloc[::-1], "2026-05-06"), model)
        assert one.hash == two.hash


def test_the_hash_sees_values_labels_and_dates(market_panel):
    bumped = market_panel.data.copy(deep=True)
    bumped["value"][0] += 1e-9
    assert dataclasses.replace(market_panel, data=bumped).hash != market_panel.hash
    assert dataclasses.replace(market_panel, as_of="2026-05-07").hash != market_panel.hash


def test_units_are_converted(known):
    in_millions = known.copy()
    hit = in_millions["metric"] == "ai_revenue"
    in_millions.loc[hit, "value"] *= 1000
    in_millions.loc[hit, "unit"] = "USD m"
    one, two = (build_panel(t, "market").data["value"].values for t in (known, in_millions))
    np.testing.assert_allclose(one, two)


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [("qualifier", "at least", "numbers, not bounds"), ("unit", "percent", "cannot turn"),
     ("period", "2025Q3", "wants whole years")],
)  # fmt: skip
def test_rows_the_market_model_cannot_take(known, column, value, message):
    bad = known.copy()
    bad.loc[(bad["metric"] == "ai_revenue") & (bad["period"] == "2025"), column] = value
    with pytest.raises(DataError, match=message):
        build_panel(bad, "market")


def test_models_and_tables_that_do_not_fit(known):
    with pytest.raises(UnknownNameError, match="no model is called 'tea leaves'"):
        build_panel(known, "tea leaves")
    with pytest.raises(DataError, match="pass it through as_of"):
        build_panel(read_vintages(), "market")
    with pytest.raises(DataError, match="the table has none"):
        build_panel(known[known["metric"] == "mmlu"], "market")
    with pytest.raises(DataError, match="at least 3 models"):
        build_panel(known[known["metric"] != "mmlu"], "benchmark")


def test_select_keeps_what_is_asked(market_panel):
    short = select(market_panel, market_panel.data["year"].values < 2025)
    assert short.data["year"].values.max() == 2024
    assert short.hash != market_panel.hash


def test_a_panel_shows_itself(market_panel):
    shown = market_panel._repr_html_()
    assert "AI market/ai_revenue" in shown
    assert market_panel.hash[:12] in shown
