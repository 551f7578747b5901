"""Names of companies and metrics, however people write them."""

from __future__ import annotations

import pytest

from forecast import read_vintages
from forecast.core.units import UNITS
from forecast.tables.names import Names, companies, metrics


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("msft", "MSFT"),
        ("Microsoft Corporation", "MSFT"),
        ("amazon.com, inc.", "AMZN"),
        ("goog", "GOOGL"),
        ("NVIDIA", "NVDA"),
    ],
)
def test_a_company_is_found_under_every_name(written, name):
    assert companies().find(written).name == name


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("Capital expenditures", "capex"),
        ("Net sales", "revenue"),
        ("D&A", "depreciation_amortization"),
        ("Depreciation and amortization", "depreciation_amortization"),
        ("google-cloud revenue", "google_cloud_revenue"),
    ],
)
def test_a_metric_is_found_under_every_name(written, name):
    assert metrics().find(written).name == name


def test_what_is_almost_a_name_is_none_but_near_to_one():
    assert metrics().find("capx") is None
    assert metrics().near("capx") == ["capex"]
    assert companies().find("Microsfot") is None
    assert companies().near("Microsfot") == ["MSFT"]


def test_every_shipped_metric_is_known_with_its_dimension():
    known = metrics().things
    for row in read_vintages().drop_duplicates(["metric", "unit"]).itertuples():
        assert known[row.metric].dimension == UNITS[row.unit].dimension, row.metric


def test_every_company_that_reports_is_known():
    table = read_vintages()
    assert set(table[table["metric"] == "revenue"]["entity"]) <= set(companies().things)


def test_names_of_nothing_know_nothing():
    assert Names({}, {}).find("x") is None
    assert Names({}, {}).near("x") == []
