"""Known rows become labelled inputs in the model's unit."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

from forecast.core.errors import DataError, UnknownNameError
from forecast.models.api_price.panel import Listing
from forecast.models.base import select
from forecast.models.earnings.panel import METRIC_GROUPS
from forecast.models.hazard.panel import Asked
from forecast.models.market.panel import rounding_step
from forecast.models.panels import build_panel, latest_of, shipped
from forecast.models.registry import NAMES, panel_source
from forecast.tables.shipped import read_vintages
from forecast.tables.vintages import as_of


@pytest.mark.parametrize(
    ("values", "step"),
    [([50, 70, 100, 130], 10), ([95, 120, 150, 180], 5), ([30, 45, 60, 80], 5), ([2.5, 7.5], 0.5),
     ([100.0], 20), ([3.14159, 2.71828], 1e-5)],
)  # fmt: skip
def test_rounding_step(values, step):
    assert rounding_step(np.array(values, dtype=float)) == pytest.approx(step)


def test_market_panel(market_panel):
    data = market_panel.data
    assert data.sizes["obs"] == 20  # twelve of the article's table, eight of publishers
    assert data["estimate"].values.sum() == 4
    first = data.isel(obs=(data["series"] == "AI market/ai_revenue").values)
    assert first["value"].values.tolist() == [30, 45, 60, 80]
    # rounded to 5: uniform error of half a step, sd = 5 / sqrt(12) = 1.44 on 30
    assert first["rounding_sd"].values[0] == pytest.approx(5 / np.sqrt(12) / 30)


def test_benchmark_panel_is_in_order_of_release(benchmark_panel):
    data = benchmark_panel.data
    assert data["released"].values.tolist() == sorted(data["released"].values.tolist())
    assert data["release"].values[0] == "gpt-3-175b-davinci"
    assert data["score"].values[0] == pytest.approx(0.439)
    assert data["year"].values[0] == pytest.approx(2020.4, abs=0.01)


def test_row_order_changes_nothing():
    table = read_vintages()
    for model in ("market", "benchmark", "earnings"):
        one = build_panel(as_of(table, "2026-05-06"), model)
        two = build_panel(as_of(table.iloc[::-1], "2026-05-06"), model)
        assert one.hash == two.hash


def test_the_hash_sees_values_labels_and_dates(market_panel):
    bumped = market_panel.data.copy(deep=True)
    bumped["value"][0] += 1e-9
    assert dataclasses.replace(market_panel, data=bumped).hash != market_panel.hash
    assert dataclasses.replace(market_panel, as_of="2026-05-07").hash != market_panel.hash


def test_the_hash_sees_all_that_a_panel_holds(market_panel, api_price_panel, hazard_panel):
    base = market_panel
    listing = api_price_panel.part(Listing)
    swapped = dataclasses.replace(listing, flagships=listing.smalls, smalls=listing.flagships)
    panels = [
        base,
        dataclasses.replace(base, units={**base.units, "value": "USD m"}),
        dataclasses.replace(base, notes=("one", "two")),
        dataclasses.replace(base, notes=("one, two",)),
        dataclasses.replace(base, about=("a", "b")),
        dataclasses.replace(base, about=("ab",)),
        dataclasses.replace(base, about={"a": 1.0}),
        dataclasses.replace(base, about={"a": 1}),
        dataclasses.replace(base, data=base.data.reset_coords("year")),
        api_price_panel,
        dataclasses.replace(api_price_panel, about=swapped),
    ]
    assert len({p.content_hash for p in panels}) == len({p.hash for p in panels}) == len(panels)
    turned = dataclasses.replace(base, units=dict(reversed(base.units.items())))
    assert turned.hash == base.hash
    asked = hazard_panel.part(Asked)
    fewer = dataclasses.replace(hazard_panel, drawn=dataclasses.replace(asked, base_rates={}))
    assert fewer.content_hash == hazard_panel.content_hash
    assert fewer.hash != hazard_panel.hash


def test_a_panel_takes_nothing_in_attrs_and_says_what_it_lacks(market_panel):
    for data in (
        market_panel.data.assign_attrs(units="USD bn"),
        market_panel.data.assign(value=market_panel.data["value"].assign_attrs(units="USD bn")),
    ):
        with pytest.raises(DataError, match="for market has units in attrs; give units, notes"):
            dataclasses.replace(market_panel, data=data)
    with pytest.raises(DataError, match="for market carries no Listing; make it with build_panel"):
        market_panel.part(Listing)
    with pytest.raises(DataError, match="pass it through as_of"):
        build_panel(read_vintages(), "market")


def test_units_are_converted(known):
    in_millions = known.rows.copy()
    hit = in_millions["metric"] == "ai_revenue"
    in_millions.loc[hit, "value"] *= 1000
    in_millions.loc[hit, "unit"] = "USD m"
    one, two = (
        build_panel(t, "market").data["value"].values for t in (known, known.with_rows(in_millions))
    )
    np.testing.assert_allclose(one, two)


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [("qualifier", "at least", "not bounds"), ("qualifier", "projected", "or projections"),
     ("unit", "percent", "cannot turn"), ("period", "2025Q3", "wants whole years")],
)  # fmt: skip
def test_rows_the_market_model_cannot_take(known, column, value, message):
    bad = known.rows.copy()
    bad.loc[(bad["metric"] == "ai_revenue") & (bad["period"] == "2025"), column] = value
    with pytest.raises(DataError, match=message):
        build_panel(known.with_rows(bad), "market")


def test_models_and_tables_that_do_not_fit(known):
    with pytest.raises(UnknownNameError, match="no model is called 'tea leaves'"):
        build_panel(known, "tea leaves")
    with pytest.raises(DataError, match="pass it through as_of"):
        build_panel(read_vintages(), "market")
    with pytest.raises(DataError, match="the table has none"):
        build_panel(known.with_rows(known.rows[known.rows["metric"] == "mmlu"]), "market")


def test_select_keeps_what_is_asked(market_panel):
    short = select(market_panel, market_panel.data["year"].values < 2025)
    assert short.data["year"].values.max() == 2024
    assert short.hash != market_panel.hash


def test_a_panel_shows_itself(market_panel):
    shown = market_panel._repr_html_()
    assert "AI market/ai_revenue" in shown
    assert market_panel.hash[:12] in shown


def series_of(panel, name):
    data = panel.data
    mine = data.isel(obs=(data["series"] == name).values)
    return dict(zip(mine["quarter"].values.tolist(), mine["value"].values.tolist(), strict=True))


def test_earnings_panel(earnings_panel):
    data = earnings_panel.data
    names = list(dict.fromkeys(data["series"].values.tolist()))
    assert len(names) == 19
    assert series_of(earnings_panel, "MSFT/capex")["2019Q1"] == pytest.approx(2.565)
    # fiscal quarters stand at the calendar quarter of their middle
    assert list(series_of(earnings_panel, "ORCL/capex"))[-1] == "2026Q1"
    assert list(series_of(earnings_panel, "NVDA/capex"))[-1] == "2025Q4"
    assert next(iter(series_of(earnings_panel, "CRWV/capex"))) == "2024Q1"
    groups = data["group"].values.tolist()
    assert groups == sorted(groups, key=METRIC_GROUPS.index)


def test_one_cloud_segment_a_company(known, earnings_panel):
    def microsoft(panel):
        return {str(s) for s in panel.data["series"].values if "MSFT" in s and "cloud" in s}

    assert microsoft(earnings_panel) == {"MSFT/microsoft_cloud_revenue"}
    without = known.rows[known.rows["metric"] != "microsoft_cloud_revenue"]
    assert microsoft(build_panel(known.with_rows(without), "earnings")) == {
        "MSFT/intelligent_cloud_revenue"
    }
    short = known.rows["metric"].isin(["microsoft_cloud_revenue"]) & (
        known.rows["period"] < "2025Q3"
    )
    assert microsoft(build_panel(known.with_rows(known.rows[~short]), "earnings")) == {
        "MSFT/intelligent_cloud_revenue"
    }


def company(known, periods, **columns):
    row = known.rows[(known.rows["entity"] == "MSFT") & (known.rows["metric"] == "capex")].iloc[[0]]
    rows = [row.assign(entity="OWN", period=p, **columns) for p in periods]
    return known.with_rows(pd.concat([known.rows, *rows], ignore_index=True))


def test_another_company_joins_with_its_rows(known):
    panel = build_panel(company(known, ["2025Q2", "2025Q4"]), "earnings")
    assert series_of(panel, "OWN/capex") == pytest.approx({"2025Q2": 2.565, "2025Q4": 2.565})


@pytest.mark.parametrize(
    ("periods", "columns", "message"),
    [(["2025Q2"], {"qualifier": "at least"}, "not bounds or projections.*OWN capex 2025Q2"),
     (["2025Q2"], {"unit": "percent"}, "cannot turn"),
     (["2025Q2", "2025-04-05/2025-07-04"], {}, "two fiscal quarters fall into one")],
)  # fmt: skip
def test_rows_the_earnings_model_cannot_take(known, periods, columns, message):
    with pytest.raises(DataError, match=message):
        build_panel(company(known, periods, **columns), "earnings")


def test_tables_without_quarters(known):
    with pytest.raises(DataError, match="the table has none"):
        build_panel(known.with_rows(known.rows[known.rows["period"].str.len() == 4]), "earnings")
    with pytest.raises(DataError, match="the longest has 2"):
        build_panel(
            known.with_rows(known.rows[known.rows["period"].isin(["2025Q1", "2025Q2"])]), "earnings"
        )
    whole_years = build_panel(company(known, ["2024"]), "earnings")
    assert not (whole_years.data["series"] == "OWN/capex").any()


@pytest.mark.parametrize("name", [name for name in NAMES if shipped(name)])
def test_every_room_says_where_its_data_end(known, name):
    panel = build_panel(known, name)
    last = latest_of(panel)
    assert last[:4].isdigit()
    named = panel_source(name).latest
    assert last == max(str(value) for one in named for value in panel.data[one].values)


def test_data_of_two_kinds_end_where_the_later_does(known):
    """The newest run-up was identified a year before the newest return of an index."""
    panel = build_panel(known, "hazard")
    assert max(panel.data["identified"].values) == "2025-04"
    assert latest_of(panel) == "2026-04"
    alone = dataclasses.replace(panel, data=panel.data.drop_dims("month"))
    assert latest_of(alone) == "2025-04"
