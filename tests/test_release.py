"""Earnings releases in the layout of their issuers: each number with its place, or why there is none."""

import datetime as dt
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pandas as pd
import pytest
from conftest import SECONDS
from hypothesis import given
from hypothesis import strategies as st

from forecast.cli import main
from forecast.core.errors import DataError
from forecast.core.words import COLUMNS
from forecast.tables.changes import compare
from forecast.tables.filings import exhibit, printed
from forecast.tables.filings.exhibit import Cell, Grid, plain_line, read_exhibit, text_blocks
from forecast.tables.filings.printed import said
from forecast.tables.filings.release import (
    Rule,
    dateline,
    quarter_start,
    read_release,
    read_rules,
    release_rows,
)
from forecast.tables.filings.sec import company_rows
from forecast.tables.names import metrics
from forecast.tables.shipped import read_vintages
from forecast.tables.vintages import check_table

FILES = Path(__file__).parent / "files" / "releases"
NAMES = {
    "MSFT": "msft_2026q1.htm", "GOOGL": "googl_2026q1.htm", "AMZN": "amzn_2026q1.htm",
    "META": "meta_2026q1.txt", "NVDA": "nvda_2026q4.htm", "ORCL": "orcl_2026q3.htm",
    "CRWV": "crwv_2025q4.htm",
}  # fmt: skip
END = dt.date(2026, 3, 31)
HEAD = "<p>REDMOND, Wash. — April 29, 2026 — A company announced its results.</p>"


def saved(company):
    return read_exhibit((FILES / NAMES[company]).read_bytes(), NAMES[company])


def release(company, table=None, **given):
    return read_release(company, saved(company), read_rules(company), table, **given)


def values(found):
    return {f.metric: None if f.value is None else float(f.value) for f in found.findings}


def held(*rows):
    """Return a checked table of (entity, metric, period, value, reported_on)."""
    cells = [(e, m, p, v, "USD m", day, "10-Q", "A", "") for e, m, p, v, day in rows]
    return check_table(pd.DataFrame(cells, columns=list(COLUMNS)))


def lines(*rows):
    """Return HTML of a table, a row of cells a tuple; a cell may be (text, colspan)."""

    def cell(c):
        text, wide = c if isinstance(c, tuple) else (c, 1)
        return f'<td colspan="{wide}">{text}</td>'

    return "<table>" + "".join(f"<tr>{''.join(map(cell, row))}</tr>" for row in rows) + "</table>"


def read(html, *rules, table=None, **given):
    blocks = read_exhibit((HEAD + html).encode(), "made up")
    return read_release("TOY", blocks, rules, table, **given)


CAPEX = Rule("capex", rows=("Capital expenditures",), says=("Capital expenditures",), outflow=True)
REVENUE = Rule("revenue", rows=("Revenue",), says=("Revenue",))
QUARTERS = (["", ("Three Months Ended March 31,", 2)], ["(In millions)", "2026", "2025"])


# --- the issuers' layouts --------------------------------------------------------------------
def test_microsoft_with_three_and_nine_months():
    found = release("MSFT")
    assert (found.period, found.reported_on) == ("2026Q1", dt.date(2026, 4, 29))
    assert values(found) == {
        "revenue": 82886, "capex": 30876, "capex_incl_finance_leases": 31900,
        "operating_cash_flow": 46679, "microsoft_cloud_revenue": 54500,
        "intelligent_cloud_revenue_recast": 34681,
    }  # fmt: skip
    capex = found.findings[1]
    assert capex.where == (
        'row "Additions to property and equipment" (Investing): (30,876), under "Three Months Ended '
        'March 31, 2026", in millions'
    )
    assert capex.places[1].startswith(
        'sentence "Capital expenditures including finance leases were'
    )


def test_alphabet_with_the_older_year_first():
    assert values(release("GOOGL")) == {
        "revenue": 109896, "capex": 35674, "operating_cash_flow": 45790,
        "google_cloud_revenue": 20028,
    }  # fmt: skip


def test_amazon_with_the_trailing_year_beside():
    assert values(release("AMZN")) == {
        "revenue": 181519, "capex": 44203, "operating_cash_flow": 26032, "aws_revenue": 37587,
    }  # fmt: skip


def test_meta_as_the_text_of_a_pdf():
    assert values(release("META")) == {
        "revenue": 56311, "capex": 18997, "capex_incl_finance_lease_principal": 19840,
        "finance_lease_principal_payments": 843, "operating_cash_flow": 32226,
        "depreciation_amortization": 5999,
    }  # fmt: skip


def test_nvidia_with_thirteen_weeks():
    found = release("NVDA")
    assert found.period == "2025-10-27/2026-01-25"
    assert values(found) == {
        "revenue": 68127, "capex": 1284, "operating_cash_flow": 36188,
        "data_center_revenue": 62300, "depreciation_amortization": 812,
    }  # fmt: skip
    assert len(found.findings[0].places) == 3  # the table and two sentences; no sentence on gaming


def test_coreweave_in_thousands():
    found = release("CRWV")
    assert values(found) == {"revenue": 1572.123, "capex": 4060, "operating_cash_flow": -1480.25}
    assert found.period == "2025Q4"


def test_oracle_prints_the_year_to_date_only_and_the_quarter_is_derived():
    quarters = held(
        ("ORCL", "capex", "2025-06-01/2025-08-31", 8502, "2025-09-09"),
        ("ORCL", "capex", "2025-09-01/2025-11-30", 12000, "2025-12-10"),
        ("ORCL", "capex", "2025-09-01/2025-11-30", 12033, "2025-12-20"),  # restated in time
        ("ORCL", "capex", "2025-09-01/2025-11-30", 99, "2026-06-30"),  # not known yet
    )
    found = release("ORCL", quarters)
    assert found.period == "2025-12-01/2026-02-28"
    assert values(found) == {
        "revenue": 17190, "capex": 18635, "operating_cash_flow": None, "oci_iaas_revenue": 4900,
        "total_cloud_revenue_iaas_saas": 8900,
    }  # fmt: skip
    assert found.findings[1].note == (
        "derived: nine months less the two quarters known: 39,170 − 8,502 − 12,033"
    )
    gap = held(
        ("ORCL", "capex", "2025-06-01/2025-08-31", 8502, "2025-09-09"),
        ("ORCL", "capex", "2025-03-01/2025-05-31", 9080, "2025-06-20"),
    )
    assert values(release("ORCL", gap))["capex"] is None
    flow = found.findings[2].where
    assert "only nine months are printed, which is no quarter" in flow
    assert "does not hold the quarter up to 2025-11-30" in flow


@pytest.mark.parametrize("company", list(NAMES))
def test_what_the_shipped_tables_hold_is_there_already(company):
    table = read_vintages()
    rows = release_rows(release(company, table))
    changes = compare(table, rows)
    assert (len(changes.conflicts), len(changes.revisions)) == (0, 0)
    assert len(changes.there) >= 2
    assert len(changes.new) == (company == "CRWV")  # its operating cash flow is not shipped


def test_every_metric_of_the_shipped_mapping_is_one_of_a_quarter_in_money():
    for company in NAMES:
        for rule in read_rules(company):
            metric = metrics().find(rule.metric)
            assert metric.name == rule.metric
            assert (metric.dimension, "quarter" in metric.lengths) == ("money", True)


# --- as a vintage ----------------------------------------------------------------------------
def test_the_quarterly_report_supersedes_the_release_as_a_vintage():
    first = release_rows(release("MSFT"))
    assert (
        first["source"].str.startswith("earnings release (8-K exhibit 99.1) of 2026-04-29: ").all()
    )
    assert set(zip(first["metric"], first["confidence"], strict=True)) >= {
        ("capex", "A"), ("microsoft_cloud_revenue", "B"),
    }  # fmt: skip
    facts = {
        "Revenues": 82_886_000_000, "PaymentsToAcquirePropertyPlantAndEquipment": 30_877_000_000,
    }  # fmt: skip
    filed = {"start": "2026-01-01", "end": "2026-03-31", "filed": "2026-04-30", "form": "10-Q"}
    tags = {
        tag: {"units": {"USD": [{**filed, "val": value, "accn": "0000789019-26-000001"}]}}
        for tag, value in facts.items()
    }
    later = company_rows("MSFT", {"cik": 789019, "facts": {"us-gaap": tags}}).rows
    changes = compare(first, later)
    assert changes.there["metric"].tolist() == ["revenue"]
    assert changes.revisions[["metric", "old_value", "value"]].values.tolist() == [
        ["capex", 30876.0, 30877.0]
    ]
    assert changes.conflicts.empty and changes.new.empty


def test_a_release_after_the_quarterly_report_with_the_same_number_is_nothing_new():
    table = held(("MSFT", "revenue", "2026Q1", 82886, "2026-04-28"))
    changes = compare(table, release_rows(release("MSFT", table)))
    assert changes.there["metric"].tolist() == ["revenue"]


def test_a_rounded_number_is_no_revision_of_the_exact_one():
    quarter = "2025-10-27/2026-01-25"
    table = held(("NVDA", "data_center_revenue", quarter, 62314, "2026-02-25"))
    found = release("NVDA", table)
    assert "the table has 62,314, which is the same but for rounding" in found.findings[3].where
    assert compare(table, release_rows(found)).there["metric"].tolist() == ["data_center_revenue"]
    other = held(("NVDA", "data_center_revenue", quarter, 62351, "2026-02-25"))
    conflicts = compare(other, release_rows(release("NVDA", other))).conflicts
    assert conflicts["value"].tolist() == [62300.0]  # more than half of 0.1 bn away


# --- headings --------------------------------------------------------------------------------
def test_a_column_is_known_by_its_headings_wherever_it_stands():
    for first, second, wanted in (("2026", "2025", 10), ("2025", "2026", 20)):
        html = lines(
            ["", ("Three Months Ended March 31,", 2), ("Nine Months Ended March 31,", 2)],
            ["(In millions)", first, second, first, second],
            ["Revenue", "10", "20", "30", "40"],
        )
        assert values(read(html, REVENUE)) == {"revenue": wanted}
    turned = lines(
        ["", ("Nine Months Ended March 31,", 2), ("Three Months Ended March 31,", 2)],
        ["(In millions)", "2026", "2025", "2026", "2025"],
        ["Revenue", "10", "20", "30", "40"],
    )
    assert values(read(turned, REVENUE)) == {"revenue": 30}


@pytest.mark.parametrize(
    ("head", "why"),
    [
        ([["(In millions)", "2026", "2025"]], "no length"),
        ([["", ("Year to Date March 31,", 2)], ["(In millions)", "2026", "2025"]], "no length"),
        (
            [["", ("Three Months Ended March 31, 2026 and 2025", 2)], ["(In millions)", "", ""]],
            "years",
        ),
        (
            [["", ("Five fiscal years ended March 31,", 2)], ["(In millions)", "2026", "2025"]],
            "longer",
        ),
    ],
)
def test_a_column_whose_period_is_not_said_is_not_read(head, why):
    html = "<p>for the quarter ended March 31, 2026</p>" + lines(*head, ["Revenue", "10", "20"])
    found = read(html, REVENUE)
    assert found.findings[0].value is None, why
    assert "not found" in found.findings[0].where


def test_a_length_over_the_labels_is_of_all_columns():
    html = lines(
        ["Three Months Ended March 31, (in millions)", "2026", "2025"], ["Revenue", "10", "20"]
    )
    assert values(read(html, REVENUE)) == {"revenue": 10}
    alone = lines(
        ["Three Months Ended March 31,"], ["(In millions)", "2026", "2025"], ["Revenue", "10", "20"]
    )
    assert values(read(alone, REVENUE)) == {"revenue": 10}
    # What stands alone over some columns is of these: the others have no length.
    spaced = lines(
        ["", "", "", "Three Months Ended March 31,"], ["(In millions)", "2026", "2025", "2024"],
        ["Revenue", "10", "20", "30"],
    )  # fmt: skip
    assert (
        "not found"
        in read("<p>quarter ended March 31, 2026</p>" + spaced, REVENUE).findings[0].where
    )


def test_a_heading_across_the_table_between_rows_changes_no_column():
    html = lines(*QUARTERS, [("Adjustments, % change and other", 3)], ["Revenue", "10", "20"])
    assert values(read(html, REVENUE)) == {"revenue": 10}


def test_a_second_block_of_headings_begins_anew():
    html = lines(
        *QUARTERS, ["Cost", "1", "2"],
        ["", ("Nine Months Ended March 31,", 2)], ["", "2026", "2025"], ["Revenue", "10", "20"],
    )  # fmt: skip
    found = read(html, REVENUE)
    assert "only nine months are printed" in found.findings[0].where
    days = ["", "March 31, 2026", "December 31, 2025"]  # of a balance, which has no length
    balance = lines(*QUARTERS, ["Cost", "1", "2"], days, ["Revenue", "10", "20"])
    assert "not found" in read(balance, REVENUE).findings[0].where


def test_cells_of_two_rows_and_signs_in_cells_of_their_own():
    html = (
        '<table><tr><td rowspan="2">(In millions)</td><td colspan="3">Three Months Ended March&nbsp;31,'
        '</td></tr><tr><td colspan="3">2026<sup>(1)</sup></td></tr>'
        "<tr><td>Capital expenditures<sup>2</sup></td><td>$&nbsp;(</td><td>1,234</td><td>)</td></tr>"
        "</table>"
    )
    assert values(read(html, CAPEX)) == {"capex": 1234}


@pytest.mark.parametrize(
    "cells", [("$ (", "1,234", ")"), ("$", "(1,234", ")"), ("", "(1,234)", "")]
)
def test_a_flow_in_brackets_is_negative_however_they_are_set(cells):
    flow = Rule("operating_cash_flow", rows=("Net cash",))
    html = lines(["(In millions)", ("Three Months Ended March 31, 2026", 3)], ["Net cash", *cells])
    assert values(read(html, flow)) == {"operating_cash_flow": -1234}


@pytest.mark.parametrize(
    "label, figure",
    [
        ("Revenue<sup>1</sup>", "100<sup>2</sup>"),
        ("Revenue (1)", "100 (2)"),
        ("Revenue (1)(a)*", "100*"),
        ("Revenue [1]", "100 [a]"),
        ("Revenue†", "100†"),
        ("Revenue¹", "100²"),
        ("Revenue", '100<span style="font-size:6pt; vertical-align: super">1</span>'),
        ("Revenue", '100<span style="position:relative;top:-3.5pt">1</span>'),
    ],
)
def test_a_mark_of_a_footnote_is_no_digit(label, figure):
    assert values(read(lines(*QUARTERS, [label, figure, "90"]), REVENUE)) == {"revenue": 100.0}


def test_a_label_over_two_lines_is_one():
    html = lines(*QUARTERS, ["Capital"], ["expenditures", "(10)", "(20)"])
    assert values(read(html, CAPEX)) == {"capex": 10}


def test_the_section_tells_equal_labels_apart():
    rule = Rule("google_cloud_revenue", rows=("Cloud",), under=("Revenues",))
    html = lines(
        *QUARTERS, ["Revenues:"], ["Cloud", "10", "9"], ["Operating income:"], ["Cloud", "3", "2"]
    )
    assert values(read(html, rule)) == {"google_cloud_revenue": 10}


def test_percent_and_changes_are_no_amounts():
    html = lines(
        ["", ("Three Months Ended March 31,", 2), "Change"], ["(In millions)", "2026", "2025", ""],
        ["Revenue", "10", "20", "77"], ["Revenue", "50%", "40%", "10"],
    )  # fmt: skip
    assert values(read(html, REVENUE)) == {"revenue": 10}


def test_the_unit_must_be_printed_and_be_dollars():
    bare = lines(["", "Three Months Ended March 31, 2026"], ["Revenue", "10"])
    assert "no unit" in read(bare, REVENUE).findings[0].where
    euros = lines(["(€ in millions)", "Three Months Ended March 31, 2026"], ["Revenue", "10"])
    assert "another currency" in read(euros, REVENUE).findings[0].where
    sign = lines(["(in millions)", "Three Months Ended March 31, 2026"], ["Revenue", "€10"])
    assert "another currency" in read(sign, REVENUE).findings[0].where
    apart = lines(
        ["(in millions)", ("Three Months Ended March 31, 2026", 2)], ["Revenue", "€", "10"]
    )
    assert "another currency" in read(apart, REVENUE).findings[0].where
    spoken = read("<p>quarter ended March 31, 2026</p><p>Revenue was €10.5 billion.</p>", REVENUE)
    assert "another currency (€10.5 billion)" in spoken.findings[0].where


@pytest.mark.parametrize(
    "caption, value",
    [
        ("(US$ million)", 1234.0),
        ("(Amounts in $ millions)", 1234.0),
        ("(USD '000)", 1.234),
        ("($000s)", 1.234),
        ("(in 000's, except per share data)", 1.234),
    ],
)
def test_a_unit_is_read_however_it_is_put(caption, value):
    table = lines(
        ["", ("Three Months Ended March 31,", 2)], ["", "2026", "2025"], ["Revenue", "1,234", "9"]
    )
    assert values(read(f"<p>{caption}</p>{table}", REVENUE)) == {"revenue": value}


@pytest.mark.parametrize(
    "caption",
    [
        "(SEK in millions)", "(in millions of Swedish kronor)", "(NIS in millions)", "(in DKK millions)",
        "(in NT$ millions)", "(in S$ thousands)", "(in millions of Brazilian reais)",
    ],
)  # fmt: skip
def test_millions_of_another_currency_are_never_dollars(caption):
    table = lines(
        ["", ("Three Months Ended March 31,", 2)], ["", "2026", "2025"], ["Revenue", "1,234", "9"]
    )
    (found,) = read(f"<p>{caption}</p>{table}", REVENUE).findings
    assert found.value is None
    assert "another currency" in found.where


@pytest.mark.parametrize("sign", ["R$", "NT$", "S$", "₹", "₩"])
def test_a_sign_of_another_currency_is_said(sign):
    (found,) = read(lines(*QUARTERS, ["Revenue", f"{sign} 100", "90"]), REVENUE).findings
    assert found.value is None
    assert f"another currency ({sign} 100" in found.where


@pytest.mark.parametrize(
    "title", ["Pro forma results (unaudited)", "Second Quarter Outlook", "Guidance"]
)
def test_a_table_of_what_was_not_reported_is_not_taken(title):
    other = f"<p>{title}</p>" + lines(*QUARTERS, ["Revenue", "130", "120"])
    (found,) = read(other, REVENUE).findings
    assert found.value is None
    assert f"it stands under '{title}'" in found.where
    both = lines(*QUARTERS, ["Revenue", "100", "90"]) + other
    assert values(read(both, REVENUE)) == {"revenue": 100.0}


def test_a_column_or_section_of_guidance_is_not_the_quarter():
    head = [
        "(In millions)",
        "Three Months Ended March 31, 2026",
        "Guidance, three months ended March 31, 2026",
    ]
    assert values(read(lines(head, ["Revenue", "100", "105"]), REVENUE)) == {"revenue": 100.0}
    rows = [["Revenue", "100", "90"], ["Prior guidance"], ["Revenue", "105", "95"]]
    assert values(read(lines(*QUARTERS, *rows), REVENUE)) == {"revenue": 100.0}


def test_a_row_without_a_period_is_told_from_no_row():
    good = "<p>The quarter ended March 31, 2026 was good.</p>"
    heads = lines(["(In millions)", "Q1 2026", "Q1 2025"], ["Revenue", "100", "90"])
    (found,) = read(good + heads, REVENUE).findings
    assert "there is such a row, but no heading over its figures says how long" in found.where
    two = lines(["(In millions)", "Two Months Ended March 31, 2026"], ["Revenue", "66"])
    (found,) = read(good + two, REVENUE).findings
    assert "figures up to that day, but of a period that is no quarter" in found.where


def test_a_figure_parted_among_cells_is_refused_and_a_footnote_in_its_cell_is_none():
    head = (["", ("Three Months Ended March 31,", 6)], ["(In millions)", ("2026", 3), ("2025", 3)])
    (found,) = read(lines(*head, ["Revenue", "$", "1", "00", "$", "9", "0"]), REVENUE).findings
    assert found.value is None
    assert "$1 and 00 stand under the same headings" in found.where
    noted = lines(*head, ["Capital expenditures", "$", "(30)", "(1)", "$", "(20)", "(1)"])
    assert values(read(noted, CAPEX)) == {"capex": 30.0}


@pytest.mark.parametrize(
    "captions, value",
    [
        (["(Shares in thousands, dollars in millions)"], 1234.0),
        (["(In millions, except shares in thousands)"], 1234.0),
        (["(In millions, except number of shares, which are reflected in thousands)"], 1234.0),
        (["(In millions)", "We have customers in thousands of cities."], 1234.0),
        (["Amounts are presented in thousands of dollars unless otherwise noted."], 1.234),
        (["(Dollars in millions, tons in thousands)"], None),
        (["(In millions)", "As a percentage of revenue"], None),
    ],
)
def test_a_unit_of_shares_or_of_a_sentence_is_none_of_amounts(captions, value):
    years = ["", "2026", "2025"]
    table = lines(["", ("Three Months Ended March 31,", 2)], years, ["Revenue", "1,234", "9"])
    html = "".join(f"<p>{caption}</p>" for caption in captions) + table
    assert values(read(html, REVENUE)) == {"revenue": value}


def test_a_row_whose_figures_cannot_be_read_is_shown():
    good = "<p>The quarter ended March 31, 2026 was good.</p>"
    table = lines(*QUARTERS, ["Revenue", "$1.2 billion", "$1.1 billion"])
    (found,) = read(good + table, REVENUE).findings
    assert (
        "the figures of the row 'Revenue $1.2 billion $1.1 billion' cannot be read" in found.where
    )


def test_a_footnote_in_a_line_of_text_is_no_figure():
    text = (
        "(In millions)\n"
        "               Three Months Ended March 31,\n"
        "                  2026          2025\n"
        "Revenue (1)    $   100 (2)   $   90\n"
    )
    page = f"REDMOND, Wash. — April 29, 2026 — X announced.\n\n{text}"
    blocks = read_exhibit(page.encode(), "x")
    assert values(read_release("TOY", blocks, [REVENUE])) == {"revenue": 100.0}


def test_a_revenue_in_brackets_is_refused():
    html = lines(*QUARTERS, ["Revenue", "(10)", "20"])
    assert "cannot be -10" in read(html, REVENUE).findings[0].where


# --- sentences -------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("sentence", "phrase", "wanted"),
    [
        ("Revenue was $77.7 billion and increased 18%", "Revenue", 77700),
        ("Revenue increased 18% to $77.7 billion.", "Revenue", 77700),
        ("Revenue for the third quarter was $1,234.5 million.", "Revenue", 1234.5),
        ("Total revenues were up 22% in USD, and up 18% in constant currency to $17.2 billion.",
         "revenues", 17200),
        ("Capital expenditures, including finance leases, were $34.9 billion.",
         "capital expenditures including finance leases", 34900),
        ("Q3 Cloud Infrastructure (IaaS) Revenue $4.9 billion, up 84%",
         "Cloud Infrastructure (IaaS) revenue", 4900),
        # Another figure
        ("Capital expenditures, including finance leases, were $34.9 billion.",
         "capital expenditures", None),
        ("Microsoft Cloud revenue was $54.5 billion.", "Revenue", None),
        ("Revenue in Intelligent Cloud was $34.7 billion.", "Revenue", None),
        ("Revenue increased $5.3 billion or 7%.", "Revenue", None),
        ("Cost of revenue was $5.3 billion.", "Revenue", None),
        ("Revenue was $3.10 a share.", "Revenue", None),
        # Another period
        ("Revenue was $241.8 billion for the nine months ended March 31, 2026.", "Revenue", None),
        ("For fiscal 2026, revenue was $215.9 billion.", "Revenue", None),
        ("Operating cash flow increased 2% to $148.5 billion for the trailing twelve months, compared "
         "with $113.9 billion.", "Operating cash flow", None),
        ("In the quarter ended March 31, 2025, revenue was $70.1 billion.", "Revenue", None),
        ("Revenue for the first quarter of 2025 was $70.1 billion.", "Revenue", None),
        ("Revenue for the first quarter of 2026 was $82.9 billion.", "Revenue", 82900),
        ("Fiscal 2025 Q3 revenue was $70.1 billion.", "Revenue", None),
        ("In the same quarter of last year revenue was $70.1 billion.", "Revenue", None),
        # The future
        ("We expect revenue of $86.7 billion in the fourth quarter.", "Revenue", None),
        ("Revenue of $78.0 billion is expected.", "Revenue", None),
        ("Guidance for the quarter: revenue of $78.0 billion.", "Revenue", None),
        ("Revenue is expected to be $78.0 billion, plus or minus 2%.", "Revenue", None),
        ("Revenue is expected to be between $78.0 billion and $80.0 billion.", "Revenue", None),
    ],
)  # fmt: skip
def test_a_sentence_counts_only_for_its_own_figure_and_quarter(sentence, phrase, wanted):
    found = [float(f.value) for f in said(sentence, phrase, END)]
    assert found == ([] if wanted is None else [wanted])


@pytest.mark.parametrize(
    "text",
    [
        "<h3>Second Quarter 2026 Guidance</h3><ul><li>Revenue of $120 million</li></ul>",
        "<p>Business outlook</p><p>Revenue of $120 million.</p>",
        "<p>The company gives the following guidance:</p><p>Revenue of $120 million.</p>",
        "<p>Revenue of $120 million to $125 million.</p>",
        "<p>Revenue was $120 million - $125 million.</p>",
        "<p>Revenue of $120 million, plus or minus 2%.</p><p>Revenue of $120 million ± 2%.</p>",
        "<p>Revenue was $90 million in the prior-year period.</p>",
        "<p>Revenue was $90 million a year earlier.</p>",
        "<p>Revenue was $90 million in the corresponding quarter of 2025.</p>",
        "<p>Revenue of $90 million in the fourth quarter grew to $100 million.</p>",
        "<p>In Devices, revenue was $40 million.</p>",
        "<p>Cloud segment: Revenue was $60 million.</p>",
        "<p>Revenue in constant currency was $103 million.</p>",
        "<p>Revenue was $40 million Canadian.</p>",
    ],
)
def test_an_amount_of_something_else_is_not_taken_and_shown(text):
    (found,) = read("<p>The quarter ended March 31, 2026 was good.</p>" + text, REVENUE).findings
    assert found.value is None
    if "<ul>" not in text and "utlook" not in text and "guidance:" not in text:
        assert "Revenue" in "".join(found.places) or "revenue" in "".join(found.places)


@pytest.mark.parametrize(
    "text",
    [
        "<h3>Outlook</h3><p>We aim high.</p><h3>Results</h3><p>Revenue was $100 million.</p>",
        "<p>Revenue was $100 million versus $90 million a year earlier.</p>",
        "<p>In the first quarter, revenue was $100 million.</p>",
        "<p>Revenue was $100M.</p>",
        "<p>Revenue was $100mn.</p>",
        "<p>Revenue was $0.1B.</p>",
    ],
)
def test_an_amount_of_the_quarter_is_taken(text):
    html = "<p>The quarter ended March 31, 2026 was good.</p>" + text
    assert values(read(html, REVENUE)) == {"revenue": 100.0}


def test_words_beside_an_amount_become_its_qualifier():
    assert [
        (f.qualifier, f.value)
        for text in ("Revenue was approximately $5 billion.", "Revenue was more than $5 billion.")
        for f in said(text, "revenue", END)
    ] == [("about", 5000), ("at least", 5000)]


def test_a_table_comes_before_a_sentence_that_agrees_within_rounding():
    html = lines(*QUARTERS, ["Revenue", "77,673", "1"])
    found = read(html + "<p>Revenue was $77.7 billion.</p>", REVENUE).findings[0]
    assert (found.value, found.confidence, len(found.places)) == (77673, "A", 2)


def test_two_that_differ_are_ambiguous_and_both_shown():
    html = lines(*QUARTERS, ["Revenue", "77,673", "1"])
    found = read(html + "<p>Revenue was $77.8 billion.</p>", REVENUE).findings[0]
    assert found.ambiguous and found.value is None
    assert "77,673 USD m in row" in found.where and "$77.8 billion" in found.where
    twice = read(html + lines(*QUARTERS, ["Revenue", "77,674", "1"]), REVENUE).findings[0]
    assert twice.ambiguous and "77,673 USD m" in twice.where and "77,674 USD m" in twice.where


# --- the day and the quarter -----------------------------------------------------------------
@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("REDMOND, Wash. — April 29, 2026 — Microsoft Corp. today", "2026-04-29"),
        ("SEATTLE—(BUSINESS WIRE) April 29, 2026—Amazon.com, Inc.", "2026-04-29"),
        ("AUSTIN, Texas, March 10, 2026 /PRNewswire/ -- Oracle", "2026-03-10"),
        ("SANTA CLARA, Calif.—Feb. 25, 2026—NVIDIA", "2026-02-25"),
        ("LIVINGSTON, N.J.--(BUSINESS WIRE)--Nov. 12, 2025-- CoreWeave", "2025-11-12"),
        ("MENLO PARK, Calif. – Sept. 9, 2026 – Meta", "2026-09-09"),
    ],
)
def test_datelines(text, day):
    assert dateline([text]).isoformat() == day


def test_without_a_dateline_the_day_is_asked_for():
    with pytest.raises(DataError, match="--reported-on"):
        dateline(["Results for the quarter ended March 31, 2026 were good."])


def test_a_day_far_from_the_dateline_is_refused():
    with pytest.raises(DataError, match="dateline says 2026-04-29"):
        release("MSFT", reported_on=dt.date(2025, 4, 29))
    assert release("MSFT", reported_on=dt.date(2026, 4, 30)).reported_on == dt.date(2026, 4, 30)


def test_another_quarter_of_the_release_is_taken_from_its_tables_alone():
    found = values(release("MSFT", period="2025Q1"))
    assert (found["revenue"], found["capex"]) == (70066, 16745)
    assert found["microsoft_cloud_revenue"] is None
    with pytest.raises(DataError, match="prints no quarter 2025Q4"):
        release("MSFT", period="2025Q4")


def test_where_a_quarter_of_weeks_begins():
    end, week = dt.date(2026, 1, 25), dt.timedelta(days=7)
    three = printed.Length(3)
    assert quarter_start("NVDA", three, end) == dt.date(2025, 10, 27)
    assert quarter_start("TOY", printed.Length(3, 14), end) == end - 14 * week + dt.timedelta(
        days=1
    )
    assert quarter_start("ORCL", three, dt.date(2024, 2, 29)) == dt.date(2023, 12, 1)
    assert quarter_start("MSFT", three, END) == dt.date(2026, 1, 1)
    # A Sunday at a month's end is no end of a calendar quarter.
    assert quarter_start("NVDA", three, dt.date(2022, 7, 31)) == dt.date(2022, 5, 2)


# --- the command -----------------------------------------------------------------------------
@pytest.fixture
def run(tmp_path, capsys, monkeypatch):
    """Return a function that runs the command on a data folder of one table."""
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "earnings.csv").write_text(
        ",".join(COLUMNS) + "\nMSFT,capex,2025Q4,29876,USD m,2026-01-28,10-Q,A,\n", encoding="utf-8"
    )
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))

    def act(company, file, *options):
        code = main.main(
            ["data", "release", company, str(file), "--data", str(folder),
             "--out", str(tmp_path / "out"), *options]
        )  # fmt: skip
        said = capsys.readouterr()
        return code, said.out, said.err

    act.user = folder / "vintages" / "user.csv"
    act.folder = tmp_path
    return act


def test_the_command_shows_and_writes_only_if_asked(run):
    code, out, err = run("microsoft", FILES / NAMES["MSFT"])
    assert code == 0 and "nothing was written" in err and not run.user.exists()
    assert '  capex: 30,876 USD m\n      row "Additions to property and equipment"' in out
    code, out, err = run(
        "microsoft", FILES / NAMES["MSFT"], "--write", "--metrics", "capex,revenue"
    )
    assert code == 0
    written = pd.read_csv(run.user)
    assert sorted(written["metric"]) == ["capex", "revenue"]
    assert written["period"].unique().tolist() == ["2026Q1"]


def test_a_release_of_another_company_is_refused(run):
    code, _, err = run("CRWV", FILES / NAMES["META"], "--write")
    assert code == 1 and "the release is of META, and not of CRWV" in err
    code, _, err = run("META", FILES / NAMES["MSFT"], "--write")  # it prints no symbol
    assert code == 1 and "names META nowhere" in err and not run.user.exists()
    assert run("GOOG", FILES / NAMES["GOOGL"])[0] == 0  # listed as GOOG, GOOGL


def test_json_alone_on_stdout(run):
    code, out, err = run("MSFT", FILES / NAMES["MSFT"], "--json")
    told = json.loads(out)
    assert code == 0 and told["release"]["period"] == "2026Q1" and len(told["new"]) == 6
    assert told["release"]["found"][1]["value"] == 30876
    assert "Additions to property" in err


def test_ambiguous_is_refused_but_for_what_is_asked(run):
    html = HEAD + lines(
        *QUARTERS, ["Revenue", "10", "9"], ["Revenue", "11", "9"], ["Capex", "3", "2"]
    )
    file = run.folder / "two.htm"
    file.write_text(html, encoding="utf-8")
    options = ("--map", "Revenue=revenue", "--map", "Capex=capex", "--write")
    code, out, err = run("Toy Inc", file, *options)
    assert code == 1 and not run.user.exists()
    assert "10 USD m in row" in out and "11 USD m in row" in out
    assert "take what was found with --metrics capex" in err
    code, out, err = run("Toy Inc", file, *options, "--metrics", "capex")
    assert code == 0
    assert pd.read_csv(run.user)["value"].tolist() == [3]


def test_what_is_asked_for_by_name_must_be_found(run):
    code, _, err = run("ORCL", FILES / NAMES["ORCL"], "--metrics", "capex,revenue", "--write")
    assert code == 1 and not run.user.exists()
    assert "capex: not to be had of this release" in err
    code, _out, err = run("ORCL", FILES / NAMES["ORCL"], "--write")
    assert code == 0 and "capex" not in pd.read_csv(run.user)["metric"].tolist()


def test_a_company_of_no_mapping_is_read_with_map(run):
    html = HEAD + lines(
        *QUARTERS, ["AWS"], ["Net sales", "10", "9"], ["All"], ["Net sales", "50", "9"]
    )
    file = run.folder / "toy.htm"
    file.write_text(html, encoding="utf-8")
    code, out, err = run("Toy Inc", file, "--map", "All > Net sales=revenue")
    assert code == 0 and "revenue: 50 USD m" in out
    code, out, err = run("Toy Inc", file, "--map", "Net sales=revenu")
    assert code == 1 and "did you mean revenue" in err
    code, out, err = run("Mikrosoft", file)
    assert code == 1 and "did you mean MSFT" in err
    code, out, err = run("IREN", file)
    assert code == 1 and "no mapping" in err and "--map" in err


def test_a_folder_may_have_a_mapping_of_its_own(run):
    mapping = run.folder / "data" / "releases.toml"
    mapping.write_text('[TOY.capex]\nrows = ["Plant"]\noutflow = true\n', encoding="utf-8")
    file = run.folder / "toy.htm"
    file.write_text(HEAD + lines(*QUARTERS, ["Plant", "(10)", "9"]), encoding="utf-8")
    code, out, err = run("TOY", file, "--map", "Sales=revenue")
    assert code == 0 and "capex: 10 USD m" in out
    mapping.write_text('[TOY.capex]\nrow = "Plant"\nrows = [3]\n[TOY.revenue]\n', encoding="utf-8")
    code, out, err = run("TOY", file, "--map", "Sales=revenue")
    assert code == 1 and "3 problem(s)" in err and "TOY.capex, row: got 'Plant'" in err


# --- what is no release ----------------------------------------------------------------------
@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "empty file"),
        (b" \n\t ", "empty file"),
        (b"%PDF-1.7 ...", "pdftotext"),
        (b"PK\x03\x04...", "an archive"),
        (b"\x1f\x8b\x08...", "packed"),
        (bytes(range(256)) * 4, "no text"),
        (b"<html><body><script>var x = 1;</script></body></html>", "without words"),
        (b"<html><body><p>Hello, we had a fine quarter.</p></body></html>", "--reported-on"),
        (HEAD.encode() + b"<p>It was a fine quarter.</p>", "no quarter that ended by 2026-04-29"),
        (b"<table><tr><td colspan='9999'>a</td><td>b</td></tr></table>", "columns"),
        ("<table>" + "<tr><td>a" * 150_001, "tags"),
    ],
)  # fmt: skip
def test_what_is_no_release_is_refused_in_a_sentence(run, content, why):
    file = run.folder / "bad.htm"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    code, _out, err = run("MSFT", file, "--write")
    assert code == 1 and why in err and "Traceback" not in err
    assert "did not foresee" not in err and not run.user.exists()


def test_a_file_that_is_too_large_is_not_read(run, monkeypatch):
    monkeypatch.setattr(exhibit, "MOST_BYTES", 100)
    code, _, err = run("MSFT", FILES / NAMES["MSFT"])
    assert code == 1 and "at most 100" in err
    code, _, err = run("MSFT", run.folder / "none.htm")
    assert code == 1 and "there is no such file" in err
    code, _out, err = run("MSFT", "ftp://example.com/a.htm")
    assert code == 1 and "wanted http" in err


@pytest.mark.parametrize(
    "unseen",
    [
        "<span hidden>9</span>", '<span style="font-size:0">9</span>', "<s>9</s>", "<del>9</del>",
        '<span style="opacity: 0;">9</span>', '<span class="a gone">9</span>', "<noscript>9</noscript>",
        '<span style="text-decoration:line-through">9</span>',
    ],
)  # fmt: skip
def test_what_is_hidden_or_struck_out_is_no_digit(unseen):
    style = "<style>b, .gone {color: red; display : none}</style>"
    html = style + lines(*QUARTERS, ["Revenue", f"{unseen}100", "90"])
    assert values(read(html, REVENUE)) == {"revenue": 100.0}


def test_tables_within_tables_for_the_layout_keep_their_captions_and_numbers():
    own = "<table><tr><td>$</td><td>{}</td></tr></table>"
    table = lines(["", ("Three Months Ended March 31,", 2)], ["", "2026", "2025"],
                  ["Revenue", own.format(100), own.format(90)])  # fmt: skip
    html = f"<table><tr><td><p>(In millions)</p>{table}</td><td>a note</td></tr></table>"
    assert values(read(html, REVENUE)) == {"revenue": 100.0}


@pytest.mark.parametrize(
    "words, start", [("Seventeen", "2026-01-12"), ("16", "2026-01-19"), ("Fourteen", "2026-02-02")]
)
def test_a_quarter_of_any_usual_number_of_weeks(words, start):
    head = [
        "(In millions)",
        f"{words} Weeks Ended May 10, 2026",
        "Twenty-Nine Weeks Ended May 10, 2026",
    ]
    html = "<p>ISSAQUAH, Wash. — May 28, 2026 — A company announced.</p>" + lines(
        head, ["Revenue", "100", "9"]
    )
    found = read_release("TOY", read_exhibit(html.encode(), "x"), [REVENUE])
    assert (found.start.isoformat(), values(found)) == (start, {"revenue": 100.0})


def test_what_a_reader_does_not_see_is_not_read():
    html = (
        "<!-- Revenue was $99 billion. <b>x</b> --><style>p {}</style>"
        "<p style='display: none'>Revenue was $98 billion.</p>"
        "<script>'Revenue was $97 billion.'</script>"
        "<p>Revenue was\x1b[31m $5 billion\u202e.</p><p>a < b and c > d</p>"
    )
    blocks = read_exhibit(html.encode(), "x")
    assert blocks == ["Revenue was $5 billion.", "a < b and c > d"]


@pytest.mark.parametrize(
    "text",
    [
        "<div>" * 30_000,
        "<table><tr><td>" * 20_000,
        "<" * 200_000,
        "<!--" * 200_000,
        "<![CDATA[" * 100_000,
        "<a " * 100_000 + ">",
        "<a " + "x=' " * 2_000 + ">" + "<p>" * 10,
        "<a " + '"' * 9_000 + ">" + "<p>",
        "<p>" + "&" * 1_000_000,
        "<p style='display:none'>" * 30_000,
        "<pre>" + "Three Months Ended March 31,\n  2026  2025\nRevenue  1  2\n" * 3_000,
        "Revenue of " * 100_000 + "<p>",
        "Revenue was $5 billion " * 50_000,
        "2026  2025\n" * 30_000 + "Revenue  1  2\n" * 30_000,
        "<table>" + "<tr><td>2026<td>2025" * 10_000 + "<tr><td>Revenue<td>1<td>2" * 10_000,
        "<p>" + "(" * 200_000,
        "<table><tr><td rowspan=1000 colspan=900>a</td></tr>" + "<tr><td>b" * 10_000,
    ],
    ids=lambda text: f"{text[:12]}...",
)
def test_strange_nesting_takes_time_in_proportion(text):
    begun = time.process_time()
    with_figures = text + lines(*QUARTERS, ["Revenue", "10", "9"])
    try:
        blocks = read_exhibit((HEAD + with_figures).encode(), "bomb")
        read_release("TOY", blocks, [REVENUE])
    except DataError:
        pass
    assert time.process_time() - begun < SECONDS


@given(
    st.text(alphabet="<>/!-=\"'& \n$(),.%0123456789tdrableTRMonthsEd", max_size=400),
    st.binary(max_size=60),
)
def test_no_text_ends_in_a_trace(text, content):
    for one in (text.encode(), content, b"<table><tr><td>" + text.encode()):
        try:
            blocks = read_exhibit(one, "random")
        except DataError:
            continue
        try:
            read_release("TOY", blocks, [REVENUE, CAPEX], reported_on=dt.date(2026, 4, 29))
        except DataError:
            continue


def test_cells_know_their_columns():
    html = (
        "<table><tr><td rowspan=2>a<td colspan=2>b<tr><td>c</td><td>d</td></tr>"
        "<tr><td/><td>e<table><tr><td>x</td><td>y</td></tr></table>f</table>"
    )
    assert read_exhibit(html.encode(), "x") == [
        Grid(((Cell(0, 0, "x"), Cell(1, 1, "y")),)),
        Grid((
            (Cell(0, 0, "a"), Cell(1, 2, "b")),
            (Cell(1, 1, "c"), Cell(2, 2, "d")),
            (Cell(1, 1, "e f"),),
        )),
    ]  # fmt: skip


def test_a_submission_with_several_documents_is_read_for_its_exhibit():
    whole = (
        "<SEC-DOCUMENT>\n<DOCUMENT>\n<TYPE>8-K\n<TEXT><p>The cover.</p></TEXT></DOCUMENT>\n"
        "<DOCUMENT>\n<TYPE>EX-99.1\n<TEXT><p>The release.</p></TEXT></DOCUMENT>\n"
        "<DOCUMENT>\n<TYPE>EX-99.2\n<TEXT><p>The slides.</p></TEXT></DOCUMENT>\n"
    )
    assert "The release." in read_exhibit(whole.encode(), "x")
    assert not {"The cover.", "The slides."} & set(read_exhibit(whole.encode(), "x"))


def test_a_line_of_text_with_too_few_figures_is_not_read():
    text = "Three Months Ended March 31,   Nine Months Ended March 31,\n  2026  2025  2026  2025\n"
    (grid,) = text_blocks(text + "Revenue  10  20  30  40\nOther  1  2\n")
    assert grid.rows[0] == (
        Cell(1, 2, "Three Months Ended March 31,"),
        Cell(3, 4, "Nine Months Ended March 31,"),
    )
    assert grid.rows[2][1:] == tuple(Cell(k, k, f"{k}0") for k in range(1, 5))
    assert grid.rows[3] == (Cell(0, 0, "Other 1 2"),)


def test_plain_line_has_nothing_that_steers():
    assert plain_line("a\x1b[2Jb\u200b\u202e c\x07\xa0d\n") == "a b c d"


# --- by its address --------------------------------------------------------------------------
@pytest.fixture
def address(monkeypatch):
    """Return the address of a server on this machine that gives a release, and what it was asked."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    seen = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            seen.append((self.path, self.headers["User-Agent"], self.headers["Accept"]))
            name = Path(self.path).name
            there = (FILES / name).is_file()
            body = (FILES / name).read_bytes() if there else b""
            self.send_response(302 if "moved" in name else 200 if there else 404)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}", seen
    server.shutdown()
    thread.join()
    server.server_close()


def test_by_its_address_with_a_cache(run, address):
    url, seen = address
    where = f"{url}/{NAMES['MSFT']}"
    code, _out, _err = run("MSFT", where, "--write", "--user-agent", "Jane jane@example.com")
    assert code == 0 and pd.read_csv(run.user)["source"].str.endswith(f"({where})").all()
    assert seen == [
        (f"/{NAMES['MSFT']}", "Jane jane@example.com", "text/html, text/plain, */*;q=0.1")
    ]
    assert run("MSFT", where)[0] == 0 and len(seen) == 1  # kept
    assert run("MSFT", where, "--no-cache")[0] == 0 and len(seen) == 2


def test_addresses_that_give_no_release(run, address):
    url, seen = address
    for path, why in (("none.htm", "HTTP 404"), ("moved.htm", "HTTP 302")):
        code, _, err = run("MSFT", f"{url}/{path}")
        assert code == 1 and why in err
    code, _, err = run("MSFT", "https://www.sec.gov/Archives/a.htm", "--user-agent", "me")
    assert code == 1 and "e-mail" in err
    code, _out, err = run("MSFT", "http://[oops/a.htm")
    assert code == 1 and "not a URL" in err
    code, _, err = run("MSFT", url.replace("http://", "http://jane:secret@"))
    assert code == 1 and "without" in err and "secret" not in err
    code, _, err = run("MSFT", run.folder)
    assert code == 1 and "is a folder" in err
    assert len(seen) == 2
