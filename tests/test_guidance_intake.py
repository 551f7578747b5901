"""Guidance before it is stored: against the sum it is about, its unit, and whether a model reads it."""

import pandas as pd
import pytest

from forecast.app.intake import examine
from forecast.core.periods import quarter_name, quarters_in
from forecast.evaluation.surprise import cells_of as cells
from forecast.evaluation.surprise import forecast_of, implausible, percentiles, surprised
from forecast.models.panels import definitions_of
from forecast.tables.changes import compare
from forecast.tables.shipped import read_vintages
from forecast.tables.vintages import as_of, check_table, read_table, value_text

LEVELS = (0.005, 0.25, 0.5, 0.75, 0.995)


@pytest.fixture(scope="module")
def shipped():
    return read_vintages()


def few(table):
    """Return what the table has of two companies."""
    return table[table["entity"].isin(["META", "ORCL"])].reset_index(drop=True)


def row(value=135, low="125", high="145", **more):
    plain = {"entity": "META", "metric": "capex_guidance", "period": "2026", "value": value,
             "unit": "USD bn", "reported_on": "2026-07-29", "source": "call", "confidence": "A",
             "qualifier": "range" if low else "", "low": low, "high": high}  # fmt: skip
    return plain | more


def table(*rows):
    return check_table(pd.DataFrame(list(rows)).astype(str))


def forecasts(entity="META", metric="capex_4q", period="2026Q4", scale=50.0):
    """Quantiles of one cell: `scale` times 1 to 5."""
    cell = {"model": "earnings", "as_of": "2026-05-06", "entity": entity, "metric": metric,
            "target_period": period, "unit": "USD bn"}  # fmt: skip
    return pd.DataFrame(
        [{**cell, "quantile": q, "value": scale * (k + 1)} for k, q in enumerate(LEVELS)]
    )


def test_a_period_is_quarters_or_none():
    assert quarters_in("2026") == (quarters_in("2026Q1")[0], 4)
    assert quarter_name(quarters_in("2025-07-01/2026-06-30")[0]) == "2025Q3"
    assert quarters_in("2024-01-29/2024-04-28") == (quarters_in("2024Q1")[0], 1)
    assert [quarters_in(p) for p in ("2026-05", "2026-05-06", "2026-01-01/2026-05-15")] == [
        None
    ] * 3


@pytest.mark.parametrize(
    ("more", "percentile", "text"),
    [
        ({"value": 150, "low": ""}, 50, "50 %"),
        ({"value": 125, "low": "100", "high": "150"}, 37.5, "25 to 50 %"),
        ({"value": 45, "low": "40", "high": "50"}, 0, "below 0.5 % to 0.5 %"),
        ({"value": 150, "low": "", "period": "2025-07-01/2026-06-30"}, None, ""),
        ({"value": 150, "low": "", "qualifier": "at least"}, None, ""),
        ({"value": 150, "low": "", "period": "2026Q4"}, None, ""),
        ({"value": 150_000, "low": "", "unit": "USD m"}, 50, "50 %"),
    ],
)  # fmt: skip
def test_a_statement_stands_in_the_forecast_of_its_sum(more, percentile, text):
    more = {"high": "", **more} if not more["low"] else more
    found = percentiles(forecasts(), pd.DataFrame([row(**more)])).iloc[0]
    assert found["text"] == text
    assert (None if text == "" else found["percentile"]) == (
        None if percentile is None else pytest.approx(percentile)
    )


def test_another_definition_is_compared_by_its_ratio_and_a_quarter_with_its_own():
    leases = row(value=100, low="", high="", metric="capex_incl_finance_leases_guidance")
    told = pd.DataFrame([leases])
    by = {("META", "capex_incl_finance_leases"): ("capex", 0.5)}
    assert percentiles(forecasts(), told, by)["percentile"].tolist() == [pytest.approx(0.5)]
    assert percentiles(forecasts(), told)["text"].tolist() == [""]
    none = {("META", "capex_incl_finance_leases"): ("capex", None)}
    assert percentiles(forecasts(), told, none)["text"].tolist() == [""]
    quarter = pd.DataFrame([row(value=150, low="", high="", period="2026Q3")])
    assert percentiles(forecasts(metric="capex", period="2026Q3"), quarter)["text"].tolist() == [
        "50 %"
    ]


def test_a_statement_is_no_outcome():
    """The record of forecasts scores what was reported."""
    assert forecast_of(cells(forecasts(metric="capex")), row(period="2026Q4")) is None


@pytest.mark.parametrize(
    ("more", "doubtful"),
    [
        ({}, False),
        ({"value": 500, "low": "300", "high": "700"}, True),
        ({"value": 300, "low": "200", "high": "400"}, False),  # a part of it is within
        ({"value": 10, "low": "", "high": "", "qualifier": "at least"}, False),
        ({"value": 900, "low": "", "high": "", "qualifier": "at least"}, True),
        ({"value": 900, "low": "", "high": "", "qualifier": "at most"}, False),
    ],
)  # fmt: skip
def test_a_doubt_is_of_the_forecast_of_the_sum_where_there_is_one(shipped, more, doubtful):
    changes = compare(shipped, table(row(**more)))
    assert bool(implausible(changes, forecasts())) == doubtful


def test_without_a_forecast_a_year_is_compared_with_four_quarters_at_the_last_rate(shipped):
    fine = compare(shipped, table(row(entity="ORCL", period="2026-06-01/2027-05-31", value=75,
                                      low="70", high="80")))  # fmt: skip
    assert implausible(fine) == []
    slip = compare(shipped, table(row(value=135_000, low="125000", high="145000")))
    assert len(implausible(slip)) == 1
    assert "look at the unit" in implausible(slip)[0]
    assert "at the rate of 2026Q1" in implausible(slip)[0]


def test_a_range_of_other_ends_is_a_revision_and_the_same_range_is_there(shipped):
    first = table(row())
    held = pd.concat([shipped, first]).fillna("")
    later = compare(held, table(row(low="120", high="150", reported_on="2026-10-28")))
    assert value_text(later.revisions.iloc[0].to_dict(), old=True) == "125 to 145 USD bn"
    assert value_text(later.revisions.iloc[0].to_dict()) == "120 to 150 USD bn"
    again = compare(held, table(row(value=135_000, low="125000", high="145000", unit="USD m")))
    assert len(again.there) == 1
    assert len(compare(held, table(row(low="120", high="150"))).conflicts) == 1


def test_a_model_reads_guidance_of_its_companies_and_no_other(shipped):
    rows = [
        row(),
        row(metric="net_income_guidance"),
        row(entity="TSLA", value=25, low="20", high="30"),
    ]
    said = " ".join(examine(table(*rows), few(shipped)).notes)
    assert "no model reads META/net_income_guidance (2026)" in said
    assert "no model reads TSLA/capex_guidance (2026)" in said
    assert "no model reads META/capex_guidance" not in said


def test_guidance_by_a_definition_nobody_reported_is_said_to_be_of_no_use_yet(shipped):
    found = examine(table(row(entity="ORCL", metric="capex_gross_guidance", value=60, low="50",
                              high="70", period="2026-06-01/2027-05-31")), few(shipped))  # fmt: skip
    assert any("ORCL/capex_gross beside ORCL/capex" in note for note in found.notes)


def test_definitions_are_those_of_the_panel(shipped):
    found = definitions_of(as_of(shipped, "2026-05-06"))
    assert found["META", "capex_incl_finance_lease_principal"][0] == "capex"
    assert 0.9 < found["META", "capex_incl_finance_lease_principal"][1] < 1
    assert found["NVDA", "revenue"] == ("revenue", 1.0)
    assert definitions_of(as_of(shipped[shipped["metric"] == "mmlu"], "2026-05-06")) == {}


def test_surprised_keeps_what_is_no_guidance_as_it_was(shipped):
    told = surprised(compare(shipped, table(row())), forecasts())
    assert told.new["jump"].tolist() == [""]
    assert told.new["percentile_text"].tolist() == ["38 to 48 %"]


def test_the_shipped_guidance_has_no_doubts(shipped):
    """Each row against the table without guidance: none is far from what was reported before it."""
    guidance = read_table("data/guidance.csv")
    rest = shipped[~shipped["metric"].str.endswith("_guidance")]
    doubts = implausible(compare(rest, guidance))
    assert doubts == []
