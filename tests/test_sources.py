"""The shipped tables are what the article prints."""

import pytest

from forecast.audit import read_references
from forecast.schema import DataError, calendar_quarter
from forecast.sources import data_dir, read_vintages
from forecast.vintages import read_table


def test_the_market_table_is_the_articles():
    table = read_vintages()
    for metric, printed in {
        "ai_investment": [95, 120, 150, 180],
        "datacenter_capex": [50, 70, 100, 130],
        "ai_revenue": [30, 45, 60, 80],
    }.items():
        rows = table[(table["entity"] == "AI market") & (table["metric"] == metric)]
        assert rows["value"].tolist() == printed
        assert rows["unit"].unique().tolist() == ["USD bn"]
        assert rows["qualifier"].tolist() == ["", "", "", "estimated"]


def test_the_model_rows_keep_their_qualifiers():
    table = read_vintages()
    cost = table[table["metric"] == "training_cost"].set_index("entity")
    assert cost["value"].to_dict() == {
        "GPT-3": 4.6, "GPT-4": 100, "GPT-4o": 200, "Llama 3.1 405B": 60,
    }  # fmt: skip
    assert cost["qualifier"].to_dict() == {
        "GPT-3": "", "GPT-4": "about", "GPT-4o": "estimated", "Llama 3.1 405B": "about",
    }  # fmt: skip
    prices = table[table["unit"] == "USD per 1M tokens"]
    assert len(prices) == 6  # as headed, wrong as they are


def test_every_shipped_row_names_its_source_and_day():
    for table in (read_vintages(), read_references()):
        assert (table["source"].str.len() > 3).all()
        assert (table["reported_on"] <= "2026-05-06").all()


def test_every_shipped_table_is_described():
    text = (data_dir() / "SOURCES.md").read_text(encoding="utf-8")
    for path in data_dir().rglob("*"):
        if path.suffix in (".csv", ".toml"):
            assert path.relative_to(data_dir()).as_posix() in text


def test_a_folder_without_tables(tmp_path):
    with pytest.raises(DataError, match="got no table"):
        read_vintages(tmp_path)
    with pytest.raises(DataError, match="no such data folder"):
        read_vintages(tmp_path / "none")


def test_a_users_own_folder(tmp_path):
    (tmp_path / "vintages").mkdir()
    (tmp_path / "vintages" / "mine.csv").write_text(
        "entity,metric,period,value,unit,reported_on,source,confidence,qualifier\n"
        "Me,capex,2024,5,USD m,2025-01-31,own books,A,\n"
    )
    assert read_vintages(tmp_path)["entity"].tolist() == ["Me"]


def test_reported_earnings_are_all_there_with_definitions_apart():
    earnings = read_table(data_dir() / "earnings.csv")
    assert len(earnings) == 869
    assert (earnings["reported_on"] <= "2026-05-06").all()
    microsoft = earnings[earnings["entity"] == "MSFT"]
    assert {"capex", "capex_incl_finance_leases"} <= set(microsoft["metric"])
    assert {"intelligent_cloud_revenue", "intelligent_cloud_revenue_recast"} <= set(
        microsoft["metric"]
    )
    oracle = earnings[(earnings["entity"] == "ORCL") & (earnings["metric"] == "capex")]
    assert [calendar_quarter(p) for p in oracle["period"].tail(2)] == ["2025Q4", "2026Q1"]
