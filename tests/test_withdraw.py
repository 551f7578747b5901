"""A report is taken back by a row of its own, and everybody looks at what stands."""

import datetime as dt
import json
import re
import shutil

import pytest

from forecast.app.withdraw import withdraw
from forecast.cli import main
from forecast.core.errors import DataError
from forecast.models.panels import build_panel
from forecast.tables.shipped import data_dir, read_vintages
from forecast.tables.vintages import as_of, read_table

HEAD = "entity,metric,period,value,unit,reported_on,source,confidence,qualifier\n"
TODAY = dt.date(2026, 11, 29)


@pytest.fixture
def data(tmp_path):
    return shutil.copytree(data_dir(), tmp_path / "data")


def value_of(data, day, period="2026Q1", entity="MSFT"):
    rows = as_of(read_vintages(data), day).rows
    mine = rows[
        (rows["entity"] == entity) & (rows["metric"] == "capex") & (rows["period"] == period)
    ]
    return mine["value"].tolist()


def add(data, value, day, *more, unit="USD m"):
    path = data.parent / "new.csv"
    path.write_text(HEAD + f"MSFT,capex,2026Q1,{value},{unit},{day},10-Q,A,\n")
    return main.main(["data", "add", str(path), "--data", str(data), "--write", "--yes",
                      "--out", str(data.parent / "none"), *more])  # fmt: skip


def back(data, *words):
    return main.main(["data", "withdraw", *words, "--data", str(data)])


def test_a_mistyped_number_is_withdrawn_and_entered_rightly_on_the_same_day(data, capsys):
    shipped = value_of(data, "2026-11-29")
    assert add(data, 34.9, "2026-10-30") == 0
    assert value_of(data, "2026-11-29") == [34.9]
    capsys.readouterr()
    # Any name of the company and the metric, any spelling of the period.
    words = ("Microsoft", "Capital expenditures", "2026-01-01/2026-03-31")
    assert back(data, *words, "--why", "a thousands point", "--on", "2026-11-02") == 0
    out, err = capsys.readouterr()
    assert "MSFT capex 2026Q1 of 2026-10-30, 34.9 USD m, does not count from 2026-11-02 on" in out
    assert f"{shipped[0]:.12g} USD m, counts again" in out
    assert "user.csv" in err
    assert value_of(data, "2026-11-01") == [34.9]
    assert value_of(data, "2026-11-02") == shipped
    assert add(data, 34900, "2026-10-30") == 0
    assert value_of(data, "2026-10-30") == value_of(data, "2026-11-29") == [34900]
    table = read_table(data / "vintages" / "user.csv")
    assert table["qualifier"].tolist() == ["", "withdrawn", ""]  # nothing is deleted
    assert table["source"].tolist()[1] == "a thousands point"
    # The wrong one does not come back with the file it stood in.
    capsys.readouterr()
    assert add(data, 34.9, "2026-10-30") == 0
    assert (
        "was withdrawn on 2026-11-02 and is passed over; to report it anew"
        in capsys.readouterr().err
    )
    assert value_of(data, "2026-11-29") == [34900]
    assert (
        main.main(["data", "check", str(data / "vintages" / "user.csv"), "--data", str(data)]) == 0
    )


@pytest.mark.parametrize(
    ("company", "metric", "period"),
    [
        ("MSFT US Equity", "CapEx", "Q3 FY26"),
        ("Microsoft (MSFT)", "Capital expenditures*", "31 March 2026"),
        ("NASDAQ: MSFT", "capex", "Mrz 26"),
        ("msft", "Cap-Ex", "2026q1"),
        ("msft", "Cap-Ex", "three months ended March 31, 2026"),
    ],
)
def test_a_report_is_named_as_a_file_that_is_added_names_it(data, capsys, company, metric, period):
    assert add(data, 34.9, "2026-10-30") == 0
    capsys.readouterr()
    assert back(data, company, metric, period) == 0
    assert "MSFT capex 2026Q1 of 2026-10-30, 34.9 USD m, does not count" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("period", "wanted"),
    [
        ("Q1 2026", "wanted whose quarter it is, .*: write it as the table has it"),
        ("2026-05-31", "wanted the end of a quarter with a fiscal year that ends on 06-30"),
        ("05/06/2026", "a day of which it is said what comes first: write it as the table"),
        ("soon", "cannot read the period 'SOON'"),
    ],
)
def test_a_period_that_could_be_two_is_asked_for_when_a_report_is_taken_back(
    data, capsys, period, wanted
):
    assert back(data, "MSFT", "capex", period) == 1
    assert re.search(wanted, capsys.readouterr().err)
    assert not (data / "vintages").exists()


@pytest.mark.parametrize(("value", "unit"), [(0.0349, "USD bn"), (34900, "USD k")])
def test_a_withdrawn_number_does_not_come_back_in_another_unit(data, capsys, value, unit):
    shipped = value_of(data, "2026-11-29")
    assert add(data, 34.9, "2026-10-30") == 0
    assert back(data, "MSFT", "capex", "2026Q1", "--on", "2026-11-02") == 0
    assert add(data, value, "2026-10-30", unit=unit) == 0
    assert "was withdrawn on 2026-11-02 and is passed over" in capsys.readouterr().err
    assert value_of(data, "2026-11-29") == shipped
    assert len(read_table(data / "vintages" / "user.csv")) == 2


def test_a_report_of_a_shipped_table_is_withdrawn_in_the_users(data, capsys):
    before = (data / "earnings.csv").read_bytes()
    assert back(data, "msft", "capex", "2025q4", "--on", TODAY.isoformat(), "--json") == 0
    said = json.loads(capsys.readouterr().out)
    assert said["table"].endswith("vintages/user.csv")
    assert said["row"]["withdraws"] == "2026-01-28"
    assert said["instead"] is None
    assert value_of(data, TODAY.isoformat(), "2025Q4") == []
    assert len(value_of(data, "2026-05-06", "2025Q4")) == 1  # as it was known then
    assert (data / "earnings.csv").read_bytes() == before
    panel = build_panel(as_of(read_vintages(data), "2026-11-29"), "earnings")
    own = panel.data["quarter"].values[panel.data["series"].values == "MSFT/capex"]
    assert "2025Q3" in own
    assert "2025Q4" not in own


def test_one_of_several_reports_is_withdrawn_and_the_newest_by_default(data):
    assert add(data, 35000, "2026-10-30") == 0
    shipped = value_of(data, "2026-05-06")
    done = withdraw(data, "MSFT", "capex", "2026Q1", today=TODAY, reported_on="2026-04-29")
    assert done.instead["value"] == 35000
    assert value_of(data, TODAY) == [35000]
    done = withdraw(data, "MSFT", "capex", "2026Q1", today=TODAY)
    assert (done.row["withdraws"], done.instead) == ("2026-10-30", None)
    assert value_of(data, TODAY) == []
    assert value_of(data, "2026-05-06") == shipped


def test_what_is_not_there_or_was_withdrawn_already_is_refused_with_what_there_is(data):
    def refused(*key, match, **more):
        with pytest.raises(DataError, match=match):
            withdraw(data, *key, today=TODAY, **more)

    refused(
        "MSFT", "capex", "1999Q1", match=r"no report is MSFT capex 1999Q1; there are MSFT capex"
    )
    refused(
        "MSFT", "own", "2025Q4", match=r"no report is MSFT own 2025Q4; of MSFT there are .*capex"
    )
    refused(
        "XYZ", "capex", "2025Q4", match=r"XYZ .*there are the entities AI market, AI market \(Dell"
    )
    refused("MSFT", "capex", "2025Q4", reported_on="2020-01-01",
            match=r"2025Q4 of 2020-01-01; there are MSFT capex 2025Q4")  # fmt: skip
    refused("MSFT", "capex", "soon", match="cannot read the period")
    refused(
        "MSFT", "capex", "2025Q4", on="2026-01-01", match=r"wanted one from the report's, 2026-01"
    )
    refused("MSFT", "capex", "2025Q4", on="2062-01-01", match=r"to today's, 2026-11-29")
    assert not (data / "vintages").exists()
    withdraw(data, "MSFT", "capex", "2025Q4", today=TODAY)
    before = (data / "vintages" / "user.csv").read_bytes()
    again = r"already: MSFT capex 2025Q4 of 2026-01-28 on 2026-11-29"
    refused("MSFT", "capex", "2025Q4", match=again)
    assert (data / "vintages" / "user.csv").read_bytes() == before


def test_a_withdrawal_after_which_a_model_could_not_be_fitted_wants_a_yes(data):
    key = ("AI market", "ai_revenue", "2025")
    (data / "market_published.csv").unlink()  # with publishers' series alone it could
    rows = as_of(read_vintages(data), TODAY).rows
    own = rows["metric"].isin(["ai_investment", "datacenter_capex", "ai_revenue"])
    others = rows[own & (rows["entity"] == "AI market")].set_index(["entity", "metric", "period"])
    others = others.drop(key)
    assert len(others) > 10
    # All other numbers are gone, by rows as withdrawals write them: of each by itself others tell.
    withdrawn = others.assign(qualifier="withdrawn", withdraws=others["reported_on"], printed="")
    withdrawn = withdrawn.assign(reported_on=TODAY.isoformat()).reset_index()
    (data / "vintages").mkdir()
    columns = [*HEAD.strip().split(","), "withdraws"]
    withdrawn[columns].to_csv(data / "vintages" / "user.csv", index=False)
    with pytest.raises(DataError, match=r"the market model could not be fitted any more: .*--yes"):
        withdraw(data, *key, today=TODAY)
    assert withdraw(data, *key, today=TODAY, accept_unfitted=True).instead is None


def test_a_file_of_new_rows_takes_nothing_back(data, capsys):
    path = data.parent / "back.csv"
    path.write_text(HEAD.replace("qualifier", "qualifier,withdraws")
                    + "MSFT,capex,2025Q4,1,USD m,2026-10-30,s,A,withdrawn,2026-01-28\n")  # fmt: skip
    assert main.main(["data", "add", str(path), "--data", str(data), "--write"]) == 1
    assert "forecast data withdraw" in capsys.readouterr().err
    assert not (data / "vintages").exists()


def test_projections_that_were_withdrawn_are_no_vintages_of_payback(data):
    table = read_vintages(data)
    rows = table[(table["metric"] == "cash_flow_projection") & (table["period"] == "2028")]
    first = rows["reported_on"].min()
    withdraw(data, "OpenAI", "cash_flow_projection", "2028", today=TODAY, reported_on=first)
    table = read_vintages(data)
    panel = build_panel(as_of(table, TODAY), "payback", history=table)
    told = panel.data["reported_on"].values[panel.data["period"].values == "2028"]
    assert first not in told
    assert len(told) == len(rows) - 1
    day = (TODAY - dt.timedelta(days=1)).isoformat()
    panel = build_panel(as_of(table, day), "payback", history=table)
    assert first in panel.data["reported_on"].values[panel.data["period"].values == "2028"]


@pytest.mark.parametrize(("entity", "metric", "meant"),
                         [("METAA", "capex", "META"), ("META", "capx", "capex")])  # fmt: skip
def test_a_near_miss_of_a_withdrawal_asks(data, entity, metric, meant):
    with pytest.raises(DataError, match=rf"did you mean {meant}\?; nothing was written"):
        withdraw(data, entity, metric, "2026Q1", today=TODAY)
