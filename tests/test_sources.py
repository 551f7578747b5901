"""The shipped tables are what the article prints."""

import numpy as np
import pytest

from forecast.claims.audit import read_references
from forecast.core.errors import DataError, UnknownNameError
from forecast.core.periods import calendar_quarter, parse_date, period_end
from forecast.tables import shipped
from forecast.tables.shipped import REFERENCE_TABLES, data_dir, read_reference_table, read_vintages
from forecast.tables.vintages import as_of, read_table


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
    prices = table[table["metric"].str.startswith("api_price")]
    assert set(prices["unit"]) == {"USD per 1M tokens"}
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


def table_of(name):
    return read_table(data_dir() / name)


def test_the_default_day_is_the_articles():
    assert read_vintages()["reported_on"].max() == "2026-05-06"


def test_ai_labs_keep_their_bounds_and_projections():
    labs = table_of("ai_labs.csv")
    assert len(labs) == 47
    assert labs["qualifier"].value_counts().to_dict() == {
        "": 18, "projected": 17, "at least": 4, "about": 7, "at most": 1,
    }  # fmt: skip
    projected = labs[labs["qualifier"] == "projected"]
    assert set(projected["metric"]) == {"cash_flow_projection"}
    assert set(projected["note"]) == {"about"}
    nears = labs[labs["qualifier"] == "at most"]
    assert nears[["entity", "value", "note"]].to_numpy().tolist() == [
        ["Anthropic", 20.0, "nears 20; gross of cloud resale"]
    ]
    early = [parse_date(r.reported_on) < period_end(r.period) for r in labs.itertuples()]
    assert set(labs.loc[early, "qualifier"]) == {"projected"}


def test_a_projection_is_known_by_its_newest_vintage():
    labs = table_of("ai_labs.csv")
    for day, burn in (("2025-06-30", -20), ("2025-12-31", -35), ("2026-05-06", -57)):
        known = as_of(labs, day)
        row = known.rows[
            (known.rows["metric"] == "cash_flow_projection") & (known.rows["period"] == "2027")
        ]
        assert row["value"].item() == burn


def test_list_prices_come_in_pairs_and_keep_their_history():
    prices = table_of("api_prices.csv")
    assert len(prices) == 216
    assert set(prices["unit"]) == {"USD per 1M tokens"}
    wide = prices.pivot(index=["entity", "period"], columns="metric", values="value")
    assert wide.shape == (108, 2)
    assert not wide.isna().any(axis=None)
    assert wide.loc[("gpt-4 (8k)", "2023-03-14")].to_dict() == {
        "list_price_input": 30, "list_price_output": 60,
    }  # fmt: skip
    assert wide.loc["o3"]["list_price_input"].to_dict() == {"2025-04-16": 10, "2025-06-10": 2}
    providers = prices["source"].str.split(":").str[0]
    assert providers.nunique() == 10
    assert (providers == "OpenAI").sum() == 82


def test_rental_prices_keep_their_indices_apart():
    rental = table_of("h100_rental.csv")
    assert rental["entity"].value_counts().to_dict() == {
        "AWS EC2 spot H100 US zones": 16, "SemiAnalysis H100 1-year contract": 2,
        "H100 spot market": 1, "H100 neocloud market (Latent Space)": 1,
        "H100 on-demand SXM (SemiAnalysis tweet)": 1,
    }  # fmt: skip
    assert set(rental["unit"]) == {"USD per hour"}
    assert rental.loc[rental["qualifier"] == "at least", "value"].tolist() == [8]
    assert rental["reported_on"].iloc[-1] == "2026-04-02"  # later than the day it is about


def test_open_share_has_four_surveys_and_two_points_of_a_router():
    share = table_of("open_share.csv")
    assert share["value"].tolist() == [0.2, 0.19, 0.13, 0.11, 0.267, 0.33]
    assert set(share["unit"]) == {"ratio"}


ROWS = {"booms": 58, "capex_runups": 1754, "drawdown_base_rates": 7, "frontier_models": 486,
        "index_returns_monthly": 2194, "positions": 2, "product_lines": 54, "public_forecasts": 8,
        "runups": 272, "telecom_1995_2004": 10, "warnings": 42}  # fmt: skip


@pytest.mark.parametrize("name", sorted(REFERENCE_TABLES))
def test_reference_tables_are_whole(name):
    table = read_reference_table(name)
    assert len(table) == ROWS[name]
    assert not table.duplicated().any()


def test_reference_cells_have_types():
    models = read_reference_table("frontier_models").set_index("model")
    assert models["open_weights"].dtype == bool
    assert models["cost_inherited_from_base"].isna().sum() == 94
    assert np.isnan(models.loc["Meena", "mmlu"])
    assert models.loc["gpt-3-175b-davinci", "mmlu"] == 43.9
    assert models["compute_benchmark_dependence"].value_counts()[["full", "partial"]].sum() == 19
    runups = read_reference_table("runups")
    assert (runups["event20"].sum(), runups["event30"].sum(), runups["event40"].sum()) == (
        238, 178, 121,
    )  # fmt: skip
    assert (runups["dur40_m"] <= runups["followup_months"]).all()
    assert read_reference_table("telecom_1995_2004")["year"].tolist() == list(range(1995, 2005))
    assert read_reference_table("booms")["boom_start"].min() == "1790-01-01"
    assert read_reference_table("public_forecasts")["value"].isna().sum() == 2
    assert read_reference_table("warnings")["primary_series"].sum() == 26


def test_other_names_are_refused_with_those_there_are():
    for name in ("earnings", "../claims", ""):
        with pytest.raises(UnknownNameError, match="there are booms, capex_runups"):
            read_reference_table(name)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("sample,", "sampled,", r"missing column\(s\) sample; unknown column\(s\) sampled"),
        ("0.262", "42", "line 2, p20_18m: got '42', wanted a number from 0 to 1"),
        ("0.262", "", "line 2, p20_18m: got ''"),
        ("0.262", "nan", "line 2, p20_18m: got 'nan'"),
    ],
)
def test_bad_reference_cells_are_named(tmp_path, old, new, message):
    text = (data_dir() / "drawdown_base_rates.csv").read_text(encoding="utf-8")
    (tmp_path / "drawdown_base_rates.csv").write_text(text.replace(old, new, 1))
    with pytest.raises(DataError, match=message):
        read_reference_table("drawdown_base_rates", tmp_path)


def test_an_unknown_column_of_a_reference_table_is_refused(tmp_path):
    header, _, rest = (data_dir() / "drawdown_base_rates.csv").read_text().partition("\n")
    lines = "".join(f"{line},1\n" for line in rest.splitlines())
    (tmp_path / "drawdown_base_rates.csv").write_text(f"{header},colour\n{lines}")
    with pytest.raises(DataError, match=r"missing column\(s\) none; unknown column\(s\) colour"):
        read_reference_table("drawdown_base_rates", tmp_path)


def test_a_reference_table_without_rows(tmp_path):
    header, _ = (data_dir() / "drawdown_base_rates.csv").read_text().split("\n", 1)
    (tmp_path / "drawdown_base_rates.csv").write_text(f"{header}\n")
    with pytest.raises(DataError, match="got a header and no rows"):
        read_reference_table("drawdown_base_rates", tmp_path)


def test_a_reference_table_of_bad_cells_prints_a_page(tmp_path):
    text = (data_dir() / "drawdown_base_rates.csv").read_text().splitlines()
    bad = text[1].replace("0.262", "42", 1)
    (tmp_path / "drawdown_base_rates.csv").write_text("\n".join([text[0], *[bad] * 5000]))
    with pytest.raises(DataError) as error:
        read_reference_table("drawdown_base_rates", tmp_path)
    assert "5000 problem(s) in 5000 row(s)" in str(error.value)
    assert "and 4,995 more like that of line 2, p20_18m, up to line 5001" in str(error.value)
    assert len(str(error.value)) < 1500


def test_reference_kinds_are_checked(tmp_path):
    with pytest.raises(DataError, match="no such file"):
        read_reference_table("runups", tmp_path)
    bad = {"text": "", "grade": "D", "day": "2026-02-30", "month": "2026-13", "period": "soon",
           "year": "26", "number": "inf", "share": "1.1", "percent": "-1", "flag": "yes",
           "role": "big", "event": "2", "stretch": "2026-03"}  # fmt: skip
    assert set(bad) == set(shipped._KINDS)
    for kind, cell in bad.items():
        assert not shipped._fits(cell, kind)
        assert shipped._fits("", kind + "?")
    good = {"day": "1790-01-01", "month": "2026-05", "period": "2026-05", "flag": "True",
            "stretch": "2026Q1"}  # fmt: skip
    assert all(shipped._fits(cell, kind) for kind, cell in good.items())


def test_an_own_table_may_leave_columns_out(tmp_path):
    path = tmp_path / "own.csv"
    path.write_text("release_date,model,ours\n2024-01-02,A,x\n2025-01-02,B,y\n")
    table = shipped.read_own_table("frontier_models", path)
    assert list(table.columns) == ["model", "release_date"]
    assert table["model"].tolist() == ["A", "B"]
    path.write_text("release_date,model\n2024-13-02,A\n")
    with pytest.raises(DataError, match="line 2, release_date: got '2024-13-02'"):
        shipped.read_own_table("frontier_models", path)
    path.write_text("release_date,model,Release Date\n2024-01-02,A,2024-01-02\n")
    with pytest.raises(DataError, match="more than one column release_date"):
        shipped.read_own_table("frontier_models", path)
    path.write_text("a,b\n1,2\n")
    with pytest.raises(DataError, match="got the columns a, b; wanted some of model"):
        shipped.read_own_table("frontier_models", path)
