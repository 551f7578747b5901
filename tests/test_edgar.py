"""SEC company facts in their real shape, from a server on this machine: traps, faults, manners."""

import datetime as dt
import gzip
import json
import sys
import threading
import time
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecast.cli import main
from forecast.core.errors import DataError, UnknownNameError
from forecast.core.periods import (
    calendar_quarter,
    calendar_quarters,
    period_days,
    quarter_index,
)
from forecast.models.earnings.panel import earnings_panel
from forecast.tables.filings import coverage, facts, http, quarters, sec
from forecast.tables.filings.http import Clock, Connection
from forecast.tables.filings.quarters import period_name
from forecast.tables.filings.sec import company_rows, fetch
from forecast.tables.vintages import as_of

CAPEX, ASSETS = facts.METRICS["capex"]
TOTAL, CONTRACTS, SALES = facts.METRICS["revenue"]
AGENT = "Jane Doe jane@example.com"
TICKERS = {
    "0": {"cik_str": 789019, "ticker": "MSFT", "title": "MICROSOFT CORP"},
    "1": {"cik_str": 1067983, "ticker": "BRK-B", "title": "BERKSHIRE HATHAWAY INC"},
}


def fact(start, end, val, filed, *, form="10-Q", accn=None, fy=2025, fp="Q1"):
    """Return one figure; fy and fp are the filing's, as at SEC, and may mislead."""
    accn = accn or f"0000789019-{filed[2:4]}-{filed[5:7]}{filed[8:]}00"
    return {"start": start, "end": end, "val": val, "accn": accn, "fy": fy, "fp": fp,
            "form": form, "filed": filed}  # fmt: skip


def content(tags, cik=789019, **other):
    units = {tag: {"label": tag, "description": "", "units": {"USD": rows}}
             for tag, rows in tags.items()}  # fmt: skip
    return {"cik": cik, "entityName": "A CORP", "facts": {"dei": {}, "us-gaap": units, **other}}


def values(rows, metric="capex"):
    """Return (period, value, reported_on) of every vintage."""
    part = rows[rows["metric"] == metric].sort_values(["reported_on", "period"])
    return list(part[["period", "value", "reported_on"]].itertuples(index=False, name=None))


# --- from facts to quarters ------------------------------------------------------------------
YEAR = [
    fact("2024-01-01", "2024-03-31", 100_000_000, "2024-04-25"),
    fact("2024-01-01", "2024-06-30", 250_000_000, "2024-07-25"),
    fact("2024-01-01", "2024-09-30", 450_000_001, "2024-10-25"),
    fact("2024-01-01", "2024-12-31", 750_000_001, "2025-02-01", form="10-K", fp="FY"),
]


def test_year_to_date_figures_become_quarters_with_their_filings():
    rows = company_rows("A", content({CAPEX: YEAR})).rows
    assert values(rows) == [
        ("2024Q1", 100.0, "2024-04-25"),
        ("2024Q2", 150.0, "2024-07-25"),
        ("2024Q3", 200.000001, "2024-10-25"),
        ("2024Q4", 300.0, "2025-02-01"),
    ]
    assert set(rows["unit"]) == {"USD m"}
    assert rows["source"].iloc[0] == (
        f"SEC company facts, us-gaap {CAPEX}, 10-Q 0000789019-24-042500"
    )
    assert rows["source"].iloc[3] == (
        f"SEC company facts, us-gaap {CAPEX}, 10-K 0000789019-25-020100 less "
        "10-Q 0000789019-24-102500"
    )
    assert rows["note"].tolist()[:2] == ["", "derived: 6 months less 3"]


def test_trailing_twelve_months_and_comparatives_never_meet_the_year():
    trailing = fact("2023-10-01", "2024-09-30", 999_000_000, "2024-10-25")
    last_year = fact("2023-01-01", "2023-09-30", 300_000_000, "2024-10-25", fp="Q3")
    rows = company_rows("A", content({CAPEX: [trailing, last_year, *YEAR]})).rows
    assert values(rows) == values(company_rows("A", content({CAPEX: YEAR})).rows)


def test_only_figures_that_begin_on_the_same_day_are_subtracted():
    nine = fact("2024-01-08", "2024-09-30", 400_000_000, "2024-10-25")  # another beginning
    rows = company_rows("A", content({CAPEX: [nine, *YEAR[:2], YEAR[3]]})).rows
    assert [v[0] for v in values(rows)] == ["2024Q1", "2024Q2"]


def test_reported_quarters_count_before_derived_ones():
    months = [fact("2024-04-01", "2024-06-30", 151_000_000, "2024-07-25")]  # rounded elsewhere
    later = [fact("2024-01-01", "2024-06-30", 250_000_000, "2025-07-25")]  # comparative
    rows = company_rows("A", content({CAPEX: [*YEAR, *months, *later]})).rows
    assert [v for v in values(rows) if v[0] == "2024Q2"] == [("2024Q2", 151.0, "2024-07-25")]


def test_a_fourth_quarter_waits_for_nine_months_that_are_filed_later():
    year = fact("2024-01-01", "2024-12-31", 700_000_000, "2025-03-01", form="10-K")
    nine = fact("2024-01-01", "2024-09-30", 400_000_000, "2025-11-10")
    rows = company_rows("A", content({CAPEX: [year, nine]})).rows
    assert values(rows) == [("2024Q4", 300.0, "2025-11-10")]


def test_a_fiscal_year_that_ends_in_may():
    rows = company_rows("ORCL", content({CAPEX: [
        fact("2025-06-01", "2025-08-31", 8_502_000_000, "2025-09-10"),
        fact("2025-06-01", "2025-11-30", 20_535_000_000, "2025-12-11"),
        fact("2024-06-01", "2025-05-31", 21_215_000_000, "2025-06-18", form="10-K"),
        fact("2024-06-01", "2025-02-28", 12_135_000_000, "2025-03-11"),
    ]})).rows  # fmt: skip
    assert values(rows) == [
        ("2025-03-01/2025-05-31", 9080.0, "2025-06-18"),
        ("2025-06-01/2025-08-31", 8502.0, "2025-09-10"),
        ("2025-09-01/2025-11-30", 12033.0, "2025-12-11"),
    ]
    assert [calendar_quarter(p) for p in rows["period"]] == ["2025Q2", "2025Q3", "2025Q4"]


def test_a_fiscal_year_of_53_weeks_that_ends_in_late_january():
    rows = company_rows("NVDA", content({ASSETS: [
        fact("2022-01-31", "2022-10-30", 1_324_000_000, "2022-11-18"),
        fact("2022-01-31", "2023-01-29", 1_833_000_000, "2023-02-24", form="10-K"),
        fact("2016-02-01", "2016-10-30", 129_000_000, "2016-11-22"),
        fact("2016-02-01", "2017-02-05", 176_000_000, "2017-03-01", form="10-K"),
    ]})).rows  # fmt: skip
    assert values(rows) == [
        ("2016-10-31/2017-02-05", 47.0, "2017-03-01"),  # fourteen weeks
        ("2022-10-31/2023-01-29", 509.0, "2023-02-24"),
    ]


def test_a_migrated_tag_is_followed_and_an_old_one_is_not_taken_for_new():
    rows = company_rows("A", content({
        CAPEX: [fact("2018-01-01", "2018-03-31", 10_000_000, "2018-04-25"),
                fact("2018-01-01", "2018-06-30", 25_000_000, "2018-07-25"),
                fact("2018-01-01", "2018-09-30", 45_000_000, "2018-10-25")],
        ASSETS: [fact("2018-01-01", "2018-12-31", 75_000_000, "2019-02-01", form="10-K"),
                 fact("2019-01-01", "2019-03-31", 40_000_000, "2019-04-25"),
                 fact("2018-01-01", "2018-03-31", 10_000_000, "2019-04-25"),
                 fact("2018-01-01", "2018-09-30", 45_000_000, "2019-10-25")],
    })).rows  # fmt: skip
    assert values(rows) == [
        ("2018Q1", 10.0, "2018-04-25"),
        ("2018Q2", 15.0, "2018-07-25"),
        ("2018Q3", 20.0, "2018-10-25"),
        ("2018Q4", 30.0, "2019-02-01"),  # over both tags, known at once
        ("2019Q1", 40.0, "2019-04-25"),
    ]
    fourth = rows[rows["period"] == "2018Q4"]["source"].item()
    assert f"{ASSETS} less {CAPEX}" in fourth


def test_where_a_filing_has_a_total_and_a_part_the_total_counts():
    quarter = ("2024-01-01", "2024-03-31")
    rows = company_rows("A", content({
        CONTRACTS: [fact(*quarter, 98_000_000, "2024-04-25")],
        TOTAL: [fact(*quarter, 100_000_000, "2024-04-25")],
        SALES: [fact("2012-01-01", "2012-03-31", 7_000_000, "2012-04-25")],
    })).rows  # fmt: skip
    assert values(rows, "revenue") == [
        ("2012Q1", 7.0, "2012-04-25"), ("2024Q1", 100.0, "2024-04-25"),
    ]  # fmt: skip


def test_a_restated_figure_is_a_second_vintage_and_a_repeated_one_is_not():
    rows = company_rows("A", content({CAPEX: [
        *YEAR,
        fact("2024-01-01", "2024-03-31", 110_000_000, "2025-04-25"),  # restated
        fact("2024-01-01", "2024-06-30", 260_000_000, "2025-07-25"),  # by the same amount
        fact("2024-01-01", "2024-09-30", 450_000_001, "2025-10-25"),  # as before
    ]})).rows  # fmt: skip
    assert [v for v in values(rows) if v[0] in ("2024Q1", "2024Q2")] == [
        ("2024Q1", 100.0, "2024-04-25"),
        ("2024Q2", 150.0, "2024-07-25"),  # and never 140, between the two restatements
        ("2024Q1", 110.0, "2025-04-25"),
    ]
    known = as_of(rows, "2024-12-31").rows.set_index("period")["value"]
    assert known["2024Q1"] == 100
    assert as_of(rows, "2025-12-31").rows.set_index("period")["value"]["2024Q1"] == 110


def test_an_amendment_of_the_same_day_counts():
    quarter = ("2024-01-01", "2024-03-31")
    rows = company_rows("A", content({CAPEX: [
        fact(*quarter, 2_000_000, "2024-04-25", accn="0000789019-24-000002", form="10-Q/A"),
        fact(*quarter, 1_000_000, "2024-04-25", accn="0000789019-24-000001"),
    ]})).rows  # fmt: skip
    assert values(rows) == [("2024Q1", 2.0, "2024-04-25")]


def test_figures_that_cannot_be_rows_are_named():
    found = company_rows("A", content({CAPEX: [
        *YEAR, fact("2025-01-01", "2025-03-31", 0, "2025-04-25"),
        fact("2025-04-01", "2025-06-30", 5, "2025-04-25"),
    ]}))  # fmt: skip
    assert len(found.rows) == 4
    assert "A capex 2025Q1: 0 is not above zero" in found.left_out[0]
    assert "A capex 2025Q2: filed before its end" in found.left_out[1]


def test_cash_may_flow_out_and_old_quarters_may_be_left_out():
    (tag,) = facts.METRICS["operating_cash_flow"]
    flow = content({tag: [fact("2024-01-01", "2024-03-31", -5_000_000, "2024-04-25"),
                          fact("2023-01-01", "2023-03-31", 5_000_000, "2023-04-25")]})  # fmt: skip
    assert values(company_rows("A", flow).rows, "operating_cash_flow")[1][1] == -5
    recent = company_rows("A", flow, dt.date(2024, 1, 1)).rows
    assert recent["period"].tolist() == ["2024Q1"]


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ({}, "shape of SEC company facts"),
        ([], "shape of SEC company facts"),
        (content({CAPEX: [{"start": "2024-01-01"}]}), "without the form of its filing"),
        (content({CAPEX: [fact("soon", "2024-03-31", 1, "2024-04-25")]}), r"read \(start\)"),
        (content({CAPEX: [fact("2024-01-01", "2024-03-31", None, "2024-04-25")]}), "no amount"),
        (content({CAPEX: [fact("2024-01-01", "2024-03-31", float("nan"), "2024-04-25")]}), "nan"),
        (content({}), "hold no quarter of capex"),
        ({"facts": {"ifrs-full": {}}}, "companies that report under IFRS mostly tag years"),
    ],
)
def test_other_content_is_refused_in_words(bad, message):
    with pytest.raises(DataError, match=message):
        company_rows("A", bad)


JUNK = (None, True, -1, 0, 10**30, float("inf"), float("nan"), 1e-300, "", "x", "9999-12-31",
        "0001-01-01", "2024-01-01", "²", "9" * 400, [], {}, [[]], [1], {"a": 1}, "\x1b[31m")  # fmt: skip


def places(node, way=()):
    """Return the way to every node below one."""
    inner = node.items() if isinstance(node, dict) else enumerate(node)
    found = [way]
    for key, child in inner:
        deeper = isinstance(child, dict | list)
        found += places(child, (*way, key)) if deeper else [(*way, key)]
    return found


def with_junk(whole, way, junk):
    if not way:
        return junk
    copy = dict(whole) if isinstance(whole, dict) else list(whole)
    copy[way[0]] = with_junk(copy[way[0]], way[1:], junk)
    return copy


def test_junk_anywhere_in_an_answer_is_a_sentence():
    """Each node of the answers replaced by each kind of nonsense, and dates at the ends of time."""
    whole, refused = content({CAPEX: YEAR[:2]}), 0
    for way in places(whole):
        for junk in JUNK:
            bad = json.loads(json.dumps(with_junk(whole, way, junk)), parse_float=Decimal)
            try:
                company_rows("A", bad)
            except DataError as error:
                refused += 1
                assert len(str(error)) < 2000
    assert refused > 100
    for way in places(TICKERS):
        for junk in JUNK:
            try:
                found = sec._registrants(["MSFT"], with_junk(TICKERS, way, junk)).companies
                assert all(0 < sec._cik(name, cik) < 10**10 for name, cik in found.items())
            except (DataError, UnknownNameError):
                refused += 1


@pytest.mark.parametrize(
    "junk", [float("inf"), float("nan"), "seven", [789019], -5, True, 1.5, 10**30, 0]
)
def test_a_cik_that_is_no_number_is_a_sentence(server, junk):
    bad = {**TICKERS, "0": {**TICKERS["0"], "cik_str": junk}}
    server.answers["/files/company_tickers.json"] = [ok(bad)]
    with pytest.raises(
        DataError, match=r"the list of tickers has the CIK .* for MSFT; wanted a number"
    ):
        ask(server)
    # It stands in no other company's way.
    server.answers["/api/xbrl/companyfacts/CIK0001067983.json"] = [ok(GOOD)]
    assert len(ask(server, tickers=("BRK-B",))) == 4


def test_what_is_filed_after_today_is_left_out_in_words():
    later = fact("2025-01-01", "2025-03-31", 9_000_000, "2062-07-29")
    found = company_rows("A", content({CAPEX: [*YEAR, later]}), today=dt.date(2026, 11, 29))
    assert len(found.rows) == 4
    (line,) = found.left_out
    assert line.startswith("A capex 2025Q1: filed on 2062-07-29, after today, 2026-11-29")
    assert len(company_rows("A", content({CAPEX: [*YEAR, later]})).rows) == 5
    day = company_rows("A", content({CAPEX: YEAR}), today=dt.date(2025, 2, 1))
    assert (len(day.rows), day.left_out) == (4, ())
    again = {**YEAR[0], "filed": "2025-04-25", "accn": "a"}  # a year later, as it was
    day = company_rows("A", content({CAPEX: [*YEAR, again]}), today=dt.date(2025, 2, 1))
    assert (len(day.rows), day.left_out) == (4, ())


def test_a_comparative_by_the_part_alone_is_no_revision_of_the_total():
    quarter = ("2024-01-01", "2024-03-31")
    both = {
        TOTAL: [fact(*quarter, 100_000_000, "2024-04-25")],
        CONTRACTS: [fact(*quarter, 98_000_000, "2024-04-25"),
                    fact(*quarter, 98_000_000, "2025-04-25")],
    }  # fmt: skip
    rows = company_rows("A", content(both)).rows
    assert values(rows, "revenue") == [("2024Q1", 100.0, "2024-04-25")]
    # Where the part was not known, or changed too, it may be a restatement: it comes with a note.
    both[CONTRACTS][1]["val"] = 97_000_000
    rows = company_rows("A", content(both)).rows
    assert values(rows, "revenue")[1:] == [("2024Q1", 97.0, "2025-04-25")]
    assert rows["note"].tolist() == [
        f"the total, by {TOTAL}; the same filing day has a part, 98 by us-gaap {CONTRACTS}",
        "by another tag than before: the scope may have changed, and not the figure",
    ]
    assert rows["confidence"].tolist() == ["A", "B"]
    again = fact(*quarter, 101_000_000, "2025-06-25")
    rows = company_rows("A", content({**both, TOTAL: [*both[TOTAL], again]})).rows
    assert values(rows, "revenue")[2:] == [("2024Q1", 101.0, "2025-06-25")]


def quarter_value(value, filed, kind, order, accession="1"):
    tag = (TOTAL, CONTRACTS)[order]
    return quarters.QuarterValue(dt.date(2024, 1, 1), dt.date(2024, 3, 31), Decimal(value),
                         dt.date.fromisoformat(filed), kind, tag, order, accession, "")  # fmt: skip


@pytest.mark.parametrize(
    ("values", "taken"),
    [
        # of one day the metric's first tag counts, also derived against a reported part
        ([(1, "2024-05-01", quarters.DIRECT, 1), (2, "2024-05-01", quarters.DERIVED, 0)], [2]),
        # over two tags is last of all
        ([(1, "2024-05-01", quarters.MIXED, 0), (2, "2024-05-01", quarters.DERIVED, 1)], [2]),
        # of one tag the reported one counts
        ([(1, "2024-05-01", quarters.DERIVED, 0), (2, "2024-05-01", quarters.DIRECT, 0)], [2]),
        # and for good
        ([(1, "2024-05-01", quarters.DIRECT, 0), (2, "2024-06-01", quarters.DERIVED, 0)], [1]),
        ([(1, "2024-05-01", quarters.DERIVED, 0), (2, "2024-06-01", quarters.DIRECT, 0)], [1, 2]),
        ([(1, "2024-05-01", quarters.DIRECT, 0, "2"), (2, "2024-05-01", quarters.DIRECT, 0, "3")], [2]),
        # of two filings of a day the later one counts, whatever a third is subtracted from
        ([(1, "2024-05-01", quarters.DIRECT, 0, "1"), (2, "2024-05-01", quarters.DIRECT, 0, "2"),
          (3, "2024-05-01", quarters.DERIVED, 0, "3")], [2]),
        # a tag that repeats itself after another was restated
        ([(1, "2024-05-01", quarters.DIRECT, 1), (2, "2024-06-01", quarters.DIRECT, 0),
          (1, "2024-07-01", quarters.DIRECT, 1)], [1, 2]),
        # a restatement that is taken back
        ([(1, "2024-05-01", quarters.DIRECT, 0), (2, "2024-06-01", quarters.DIRECT, 0),
          (1, "2024-07-01", quarters.DIRECT, 0)], [1, 2, 1]),
    ],
)  # fmt: skip
def test_of_several_values_of_a_quarter_one_is_taken(values, taken):
    found = quarters.settle([quarter_value(*one) for one in values])
    assert [int(r.value) for r in found] == taken


@pytest.mark.parametrize(
    ("days", "is_quarter"),
    [(79, False), (80, True), (84, True), (100, True), (101, False), (111, False), (112, True),
     (113, False), (118, False), (119, True), (120, False), (123, False), (182, False)],
)  # fmt: skip
def test_quarters_are_told_by_their_days_both_ends_counted(days, is_quarter):
    end = dt.date(2024, 1, 1) + dt.timedelta(days=days - 1)
    one = fact("2024-01-01", end.isoformat(), 7_000_000, "2024-12-31")
    flow = [fact("2025-01-01", "2025-03-31", 1_000_000, "2025-04-25")]
    (depreciation,) = facts.METRICS["depreciation_ppe"]
    rows = company_rows("A", content({CAPEX: [one], depreciation: flow})).rows
    assert (rows["metric"] == "capex").sum() == is_quarter


def test_facts_of_one_filing_day_stand_by_accession():
    quarter = ("2024-01-01", "2024-03-31")
    rows = [fact(*quarter, k, "2024-04-25", accn=f"0000789019-24-00000{k}") for k in (3, 1, 2)]
    found = facts.read_facts(content({CAPEX: rows}), [CAPEX], "A").facts
    assert [int(f.value) for f in found] == [1, 2, 3]


def test_nine_and_twelve_months_filed_on_one_day_are_subtracted():
    nine = fact("2024-01-01", "2024-09-30", 400_000_000, "2025-03-01")
    year = fact("2024-01-01", "2024-12-31", 700_000_000, "2025-03-01", form="10-K")
    assert values(company_rows("A", content({CAPEX: [nine, year]})).rows) == [
        ("2024Q4", 300.0, "2025-03-01")
    ]


def test_of_several_waiting_years_the_one_filed_last_is_used():
    nine = fact("2024-01-01", "2024-09-30", 400_000_000, "2025-11-10")
    years = [fact("2024-01-01", "2024-12-31", v, day, form="10-K")
             for v, day in ((700_000_000, "2025-03-01"), (710_000_000, "2025-05-01"))]  # fmt: skip
    assert values(company_rows("A", content({CAPEX: [nine, *years]})).rows) == [
        ("2024Q4", 310.0, "2025-11-10")
    ]


def test_a_derived_span_that_is_no_quarter_is_dropped():
    """Nine months of 260 days and a year of 380 leave 120 days."""
    nine = fact("2024-01-01", "2024-09-16", 400_000_000, "2024-11-10")
    year = fact("2024-01-01", "2025-01-14", 700_000_000, "2025-03-01", form="10-K")
    quarter = fact("2024-01-01", "2024-03-31", 100_000_000, "2024-04-25")
    rows = company_rows("A", content({CAPEX: [nine, year, quarter]})).rows
    assert [v[0] for v in values(rows)] == ["2024Q1"]


def test_only_whole_calendar_quarters_have_short_names():
    assert period_name(dt.date(2024, 2, 1), dt.date(2024, 4, 30)) == "2024-02-01/2024-04-30"
    assert period_name(dt.date(2024, 1, 1), dt.date(2024, 3, 30)) == "2024-01-01/2024-03-30"
    assert period_name(dt.date(2023, 10, 1), dt.date(2023, 12, 31)) == "2023Q4"


CALENDARS = [
    (13, 13, 13, 13), (13, 13, 13, 14), (14, 13, 13, 13), (12, 12, 12, 16), (12, 12, 12, 17),
    (16, 12, 12, 12), (16, 12, 12, 13), (12, 16, 12, 12), (12, 12, 16, 12),
]  # fmt: skip
"""Weeks of a fiscal year's quarters."""


@st.composite
def year_to_date_reports(draw):
    """Return quarterly flows and the reports that a company might make of them."""
    first = dt.date(2015, 1, 1) + dt.timedelta(days=draw(st.integers(0, 400)))
    years = draw(st.integers(1, 3))
    flows, facts, start = [], [], first
    for _ in range(years):
        begin, total, weeks = start, 0, draw(st.sampled_from(CALENDARS))
        tag = draw(st.sampled_from([CAPEX, ASSETS]))  # may migrate from year to year
        for k, length in enumerate(weeks):
            end = start + dt.timedelta(days=7 * length - 1)
            value = draw(st.integers(2 * 10**10, 10**12))  # less than 100 times another
            total += value
            filed = (end + dt.timedelta(days=draw(st.integers(1, 60)))).isoformat()
            flows.append((period_name(start, end), value, filed))
            form = "10-K" if k == 3 else "10-Q"
            facts.append((tag, fact(begin.isoformat(), end.isoformat(), total, filed, form=form)))
            if draw(st.booleans()):  # a comparative, a year later, unchanged
                late = (end + dt.timedelta(days=400)).isoformat()
                again = fact(begin.isoformat(), end.isoformat(), total, late, form=form)
                facts.append((tag, again))
            start = end + dt.timedelta(days=1)
    return flows, draw(st.permutations(facts))


@given(year_to_date_reports())
def test_year_to_date_reports_of_random_flows_give_the_flows_back(case):
    flows, facts = case
    tags = {t: [f for tag, f in facts if tag == t] for t in (CAPEX, ASSETS)}
    rows = company_rows("A", content(tags)).rows
    got = {(r.period, r.value, r.reported_on) for r in rows.itertuples()}
    assert got == {(p, v / 1e6, d) for p, v, d in flows}
    for row in rows.itertuples():
        assert row.reported_on > period_days(row.period)[1].isoformat()


# --- what counts -----------------------------------------------------------------------------
def test_only_periodic_reports_count():
    """A proxy statement gives the year in thousands as if in dollars: the fourth quarter was -449.25."""
    proxy = fact("2024-01-01", "2024-12-31", 750_000, "2025-04-10", form="DEF 14A")
    others = [fact("2024-01-01", "2024-03-31", 7, "2025-04-11", form=form)
              for form in ("8-K", "8-K/A", "S-1", "424B4", "8-K")]  # fmt: skip
    found = company_rows("A", content({CAPEX: [*YEAR, proxy, *others]}))
    assert values(found.rows) == values(company_rows("A", content({CAPEX: YEAR})).rows)
    assert found.left_out == (
        "A: 6 figure(s) that stand in no periodic report (10-K, 10-Q, 20-F, 40-F, 6-K): 8-K 2, "
        "DEF 14A 1, 8-K/A 1, S-1 1, 424B4 1",
    )


@pytest.mark.parametrize("form", ["10-K", "10-Q", "20-F", "40-F", "6-K", "10-KT", "10-QT"])
def test_every_periodic_form_counts_and_its_amendment(form):
    quarter = ("2024-01-01", "2024-03-31")
    rows = company_rows("A", content({CAPEX: [
        fact(*quarter, 1_000_000, "2024-04-25", form=form),
        fact(*quarter, 2_000_000, "2024-05-25", form=f"{form}/A"),
    ]})).rows  # fmt: skip
    assert values(rows) == [("2024Q1", 1.0, "2024-04-25"), ("2024Q1", 2.0, "2024-05-25")]


QUARTER = ("2024-01-01", "2024-03-31")
UNKNOWN = "which is the total is not known, and the larger was taken"


@pytest.mark.parametrize(
    ("metric", "tags", "confidence", "note"),
    [
        # the larger contains the smaller by the taxonomy: it is the total
        ("capex", {CAPEX: 500, ASSETS: 4848}, "A",
         f"the total, by {ASSETS}; the same filing day has a part, 500 by us-gaap {CAPEX}"),
        ("revenue", {TOTAL: 4848, CONTRACTS: 500}, "A",
         f"the total, by {TOTAL}; the same filing day has a part, 500 by us-gaap {CONTRACTS}"),
        ("revenue", {TOTAL: 4848, CONTRACTS: 500, SALES: 400}, "A",
         f"the total, by {TOTAL}; the same filing day has a part, 500 by us-gaap {CONTRACTS}, "
         f"400 by us-gaap {SALES}"),
        # a "part" larger than its total, or tags of which none contains the other: not known
        ("capex", {CAPEX: 4848, ASSETS: 500}, "C",
         f"two tags differ: 4848 by us-gaap {CAPEX}, 500 by us-gaap {ASSETS}; {UNKNOWN}"),
        ("revenue", {TOTAL: 500, CONTRACTS: 4848}, "C",
         f"two tags differ: 4848 by us-gaap {CONTRACTS}, 500 by us-gaap {TOTAL}; {UNKNOWN}"),
        ("revenue", {CONTRACTS: 500, SALES: 4848}, "C",
         f"two tags differ: 4848 by us-gaap {SALES}, 500 by us-gaap {CONTRACTS}; {UNKNOWN}"),
        # the same, or the same but for the rounding of what is printed: no rival
        ("revenue", {TOTAL: 4848, CONTRACTS: 4848}, "A", ""),
        ("revenue", {TOTAL: 4848, CONTRACTS: 4847}, "A", ""),
    ],
)  # fmt: skip
def test_of_two_tags_that_differ_the_total_is_taken_or_the_doubt_is_told(
    metric, tags, confidence, note
):
    given = {t: [fact(*QUARTER, v * 1_000_000, "2024-04-25")] for t, v in tags.items()}
    (row,) = company_rows("A", content(given)).rows.to_dict("records")
    assert row["metric"] == metric
    assert (row["value"], row["confidence"], row["note"]) == (4848, confidence, note)


def test_rivals_are_noticed_between_differences_too():
    half = ("2024-01-01", "2024-06-30")
    both = {
        tag: [fact(*QUARTER, first, "2024-04-25"), fact(*half, total, "2024-07-25")]
        for tag, first, total in (
            (CAPEX, 100_000_000, 300_000_000),
            (ASSETS, 150_000_000, 400_000_000),
        )
    }
    rows = company_rows("A", content(both)).rows
    assert values(rows) == [("2024Q1", 150.0, "2024-04-25"), ("2024Q2", 250.0, "2024-07-25")]
    assert rows["note"].tolist()[1] == (
        f"derived: 6 months less 3; the total, by {ASSETS}; the same filing day has a part, "
        f"200 by us-gaap {CAPEX}"
    )


HALF = ("2024-01-01", "2024-06-30")
ALONE = "by which alone there is this quarter"


@pytest.mark.parametrize(
    ("tags", "value", "confidence", "note"),
    [
        # the total of half a year without what to take off, in the filing that gives the part's too
        ({CAPEX: {QUARTER: 35_700, HALF: 71_000}, ASSETS: {HALF: 79_000}}, 35_300, "C",
         f"derived: 6 months less 3; a part of the total: 2024-01-01/2024-06-30 is 79000 by us-gaap "
         f"{ASSETS} and 71000 by us-gaap {CAPEX}, {ALONE}"),
        # the other way round the quarter is that of the total
        ({ASSETS: {QUARTER: 35_700, HALF: 79_000}, CAPEX: {HALF: 71_000}}, 43_300, "A",
         "derived: 6 months less 3"),
        # a part that is larger than its total
        ({CAPEX: {QUARTER: 35_700, HALF: 71_000}, ASSETS: {HALF: 60_000}}, 35_300, "C",
         f"derived: 6 months less 3; two tags differ: 2024-01-01/2024-06-30 is 60000 by us-gaap "
         f"{ASSETS} and 71000 by us-gaap {CAPEX}, {ALONE}; which is the total is not known"),
        # the quarters by one tag, which come to less than the half year by the other
        ({CAPEX: {QUARTER: 35_700, ("2024-04-01", "2024-06-30"): 35_300}, ASSETS: {HALF: 79_000}},
         35_300, "C",
         f"a part of the total: 2024-01-01/2024-06-30 is 79000 by us-gaap {ASSETS} and 71000 by "
         f"us-gaap {CAPEX}, {ALONE}"),
        # the same but for rounding
        ({CAPEX: {QUARTER: 35_700, HALF: 71_000}, ASSETS: {HALF: 71_001}}, 35_300, "A",
         "derived: 6 months less 3"),
    ],
)  # fmt: skip
def test_tags_that_differ_in_the_year_to_date_only_are_told_in_the_quarter(
    tags, value, confidence, note
):
    filed = {"2024-03-31": "2024-04-25", "2024-06-30": "2024-07-25"}
    given = {
        tag: [fact(*span, v * 1_000_000, filed[span[1]]) for span, v in spans.items()]
        for tag, spans in tags.items()
    }
    row = company_rows("A", content(given)).rows.to_dict("records")[-1]
    assert (row["period"], row["value"], row["confidence"]) == ("2024Q2", value, confidence)
    assert row["note"] == note


def contracts_and_total(total):
    """Return three quarters and a year of contracts, and the total of some periods."""
    days = ("2024-04-25", "2024-07-25", "2024-10-25", "2025-02-01")
    ends = ("2024-03-31", "2024-06-30", "2024-09-30", "2024-12-31")
    return content({
        CONTRACTS: [fact("2024-01-01", end, 90_000_000 * (k + 1), day)
                    for k, (end, day) in enumerate(zip(ends, days, strict=True))],
        TOTAL: [fact("2024-01-01", ends[k], v, days[k]) for k, v in total.items()],
    })  # fmt: skip


def test_a_fourth_quarter_of_the_part_says_what_the_year_is_by_the_total():
    rows = company_rows("A", contracts_and_total({3: 400_000_000})).rows.to_dict("records")
    assert [(r["value"], r["confidence"]) for r in rows] == [(90, "A")] * 3 + [(90, "C")]
    assert rows[3]["note"] == (
        f"derived: 12 months less 9; a part of the total: 2024-01-01/2024-12-31 is 400 by us-gaap "
        f"{TOTAL} and 360 by us-gaap {CONTRACTS}, {ALONE}"
    )


def test_quarters_by_the_part_alone_say_so_until_both_tags_are_the_same():
    rows = company_rows("A", contracts_and_total({0: 100_000_000})).rows.to_dict("records")
    assert [(r["value"], r["confidence"]) for r in rows] == [(100, "A")] + [(90, "C")] * 3
    assert rows[3]["note"] == (
        f"derived: 12 months less 9; a part of the total: 2024-01-01/2024-03-31 is 100 by us-gaap "
        f"{TOTAL} and 90 by us-gaap {CONTRACTS}, {ALONE}"
    )
    given = contracts_and_total({0: 100_000_000, 2: 270_000_000})
    assert [r["confidence"] for r in company_rows("A", given).rows.to_dict("records")] == list(
        "ACAA"
    )


def test_a_tag_that_took_another_s_place_on_a_new_basis_is_no_disagreement():
    """The quarter of the year before is 7 by the old tag, and 8 by the new one a year later."""
    rows = company_rows("A", content({
        SALES: [fact("2017-01-01", "2017-03-31", 7_000_000, "2017-04-25")],
        CONTRACTS: [fact("2017-01-01", "2017-03-31", 8_000_000, "2018-04-25"),
                    fact("2018-01-01", "2018-03-31", 9_000_000, "2018-04-25")],
    })).rows.set_index(["period", "value"])  # fmt: skip
    assert rows.loc[("2018Q1", 9.0), ["confidence", "note"]].tolist() == ["A", ""]


def test_two_values_by_one_tag_in_one_filing_are_told():
    """One is in thousands: what stood last in the answer was taken, and said to be sure."""
    small = fact("2024-01-01", "2024-12-31", 750_000, "2025-02-01", form="10-K", fp="FY")
    for entries in ([*YEAR, small], [small, *YEAR]):
        row = company_rows("A", content({CAPEX: entries})).rows.to_dict("records")[3]
        assert (row["value"], row["confidence"]) == (300, "C")
        assert row["note"] == (
            "derived: 12 months less 9; 10-K 0000789019-25-020100 gives 2024-01-01/2024-12-31 as "
            "750.000001 and as 0.75 by one tag; the larger was taken"
        )
    twice = company_rows("A", content({CAPEX: [*YEAR, *YEAR]})).rows
    assert twice.equals(company_rows("A", content({CAPEX: YEAR})).rows)


def test_tags_that_are_known_to_differ_are_never_subtracted():
    year = fact("2024-01-01", "2024-12-31", 900_000_000, "2025-02-01", form="10-K")
    both = {CAPEX: [*YEAR[:3]], ASSETS: [year]}
    rows = company_rows("A", content(both)).rows.set_index("period")
    assert rows.loc["2024Q4", "value"] == 449.999999
    assert rows.loc["2024Q4", ["confidence", "note"]].tolist() == [
        "B", "derived: 12 months less 9; over two tags: their scope may differ",
    ]  # fmt: skip
    # The nine months of the year before stand under both, and are not the same.
    both[CAPEX].append(fact("2023-01-01", "2023-09-30", 300_000_000, "2023-10-25"))
    both[ASSETS].append(fact("2023-01-01", "2023-09-30", 420_000_000, "2024-11-25"))
    found = company_rows("A", content(both))
    assert "2024Q4" not in set(found.rows["period"])
    assert cells(found)[-1] == (
        "2024Q4", "missing", f"only the 12 months from 2024-01-01 by {ASSETS}, and what to subtract by "
        f"{CAPEX}, which is known to differ",
    )  # fmt: skip


def test_a_difference_of_one_tag_counts_before_one_over_two():
    both = {ASSETS: YEAR, CAPEX: [YEAR[3]]}
    row = company_rows("A", content(both)).rows.to_dict("records")[3]
    assert (row["value"], row["confidence"], row["note"]) == (300, "A", "derived: 12 months less 9")
    assert f"us-gaap {ASSETS}, 10-K" in row["source"]


# --- figures that cannot be ------------------------------------------------------------------
def replaced(k, val, **more):
    """Return the four reports of a year with another figure in one of them."""
    return [*YEAR[:k], {**YEAR[k], "val": val, **more}, *YEAR[k + 1 :]]


def left(found):
    """Return why each quarter was left out."""
    return {line.split(": ")[0]: line.split(": ", 1)[1].split(" (SEC")[0]
            for line in found.left_out}  # fmt: skip


def test_a_figure_with_a_wrong_sign_is_subtracted_from_nothing():
    """The first quarter is -100, the half year 250: the second quarter was 350."""
    found = company_rows("A", content({CAPEX: replaced(0, -100_000_000)}))
    assert [v[:2] for v in values(found.rows)] == [("2024Q3", 200.000001), ("2024Q4", 300.0)]
    sign = "-100000000 is not above zero"
    rests = f"rests on the 3 months of 10-Q 0000789019-24-042500, {sign}"
    assert left(found) == {"A capex 2024Q1": sign, "A capex 2024Q2": rests}
    assert cells(found)[:2] == [("2024Q1", "missing", sign), ("2024Q2", "missing", rests)]


@pytest.mark.parametrize("wrong", [{"val": -250_000_000}, {"val": 0}, {"filed": "2024-05-25"}])
def test_what_a_longer_figure_that_cannot_be_leads_to_is_left_out_on_both_sides(wrong):
    found = company_rows("A", content({CAPEX: replaced(1, **{"val": 250_000_000, **wrong})}))
    assert [v[:2] for v in values(found.rows)] == [("2024Q1", 100.0), ("2024Q4", 300.0)]
    assert list(left(found)) == ["A capex 2024Q2", "A capex 2024Q3"]


def test_an_amendment_in_the_wrong_unit_is_passed_over_in_words():
    wrong = fact(*QUARTER, 100, "2024-05-25", form="10-Q/A")
    found = company_rows("A", content({CAPEX: [*YEAR, wrong]}))
    assert values(found.rows) == values(company_rows("A", content({CAPEX: YEAR})).rows)
    why = (
        f"0.0001 USD m is far below most figures of us-gaap {CAPEX} within a year, 100 times or more by "
        "the day: the unit may be wrong"
    )
    assert left(found) == {"A capex 2024Q1": why}
    assert found.rows[["confidence", "note"]].to_numpy().tolist()[1] == [
        "B",
        f"derived: 6 months less 3; passed over: the 3 months of 10-Q/A 0000789019-24-052500, {why}",
    ]
    again = fact(*QUARTER, 110_000_000, "2024-06-25", form="10-Q/A")
    row = company_rows("A", content({CAPEX: [*YEAR, wrong, again]})).rows.to_dict("records")[2]
    assert (row["period"], row["value"], row["confidence"]) == ("2024Q2", 140, "A")


def test_a_first_report_in_the_wrong_unit_leaves_out_what_rests_on_it():
    """Nine months of 0.00045 made a fourth quarter of all the year."""
    found = company_rows("A", content({CAPEX: replaced(2, 450)}))
    assert [v[:2] for v in values(found.rows)] == [("2024Q1", 100.0), ("2024Q2", 150.0)]
    assert list(left(found)) == ["A capex 2024Q3", "A capex 2024Q4"]
    assert "rests on the 9 months of 10-Q 0000789019-24-102500" in left(found)["A capex 2024Q4"]


def test_of_two_figures_that_contradict_each_other_neither_is_refused():
    two = [fact(*QUARTER, 100, "2024-04-25"), fact(*QUARTER, 100_000_000, "2024-05-25")]
    found = company_rows("A", content({CAPEX: two}))
    assert (values(found.rows)[1][1], found.left_out) == (100, ())
    assert found.rows["confidence"].tolist() == ["C", "C"]
    found = company_rows("A", content({CAPEX: [two[0], YEAR[1]]}))
    assert [v[1] for v in values(found.rows)] == [0.0001, 249.9999]
    assert found.rows["confidence"].tolist() == ["C", "C"]
    assert found.rows["note"][1] == (
        "derived: 6 months less 3; the 6 months of 10-Q 0000789019-24-072500 are 250, 100 times or more "
        "off the 3 months, 0.0001, by the day: one of both may be in a wrong unit"
    )


def test_cash_that_flows_out_is_subtracted_and_in_the_wrong_unit_is_not():
    (tag,) = facts.METRICS["operating_cash_flow"]
    rows = company_rows("A", content({tag: replaced(0, -100_000_000)})).rows
    assert [v[1] for v in values(rows, "operating_cash_flow")] == [-100, 350, 200.000001, 300]
    found = company_rows("A", content({tag: replaced(0, 100)}))
    assert [v[0] for v in values(found.rows, "operating_cash_flow")] == ["2024Q3", "2024Q4"]


def test_nine_months_that_are_less_than_six_are_told_in_what_rests_on_them():
    rows = company_rows("A", content({CAPEX: replaced(2, 240_000_000)})).rows.to_dict("records")
    assert [(r["period"], r["value"], r["confidence"]) for r in rows] == [
        ("2024Q1", 100, "A"), ("2024Q2", 150, "C"), ("2024Q4", 510.000001, "C"),
    ]  # fmt: skip
    assert rows[2]["note"] == (
        "derived: 12 months less 9; the 9 months from 2024-01-01 are 240, less than the 6 months, 250: "
        "one of both is wrong"
    )


# --- quarters of weeks -----------------------------------------------------------------------
WEEKS = [
    # 12, 12, 12 and 17 weeks to the Sunday nearest to the end of August, then 16.
    fact("2022-08-29", "2022-11-20", 1_000_000_000, "2022-12-08"),
    fact("2022-08-29", "2023-02-12", 2_100_000_000, "2023-03-02"),
    fact("2022-08-29", "2023-05-07", 3_000_000_000, "2023-05-25"),
    fact("2022-08-29", "2023-09-03", 4_300_000_000, "2023-10-11", form="10-K"),
    fact("2023-09-04", "2023-11-26", 1_100_000_000, "2023-12-14"),
    fact("2023-09-04", "2024-02-18", 2_200_000_000, "2024-03-07"),
    fact("2023-09-04", "2024-05-12", 3_300_000_000, "2024-05-30"),
    fact("2023-09-04", "2024-09-01", 4_700_000_000, "2024-10-09", form="10-K"),
]


def test_quarters_of_twelve_and_sixteen_or_seventeen_weeks():
    found = company_rows("COST", content({CAPEX: WEEKS}))
    assert [v[:2] for v in values(found.rows)] == [
        ("2022-08-29/2022-11-20", 1000.0), ("2022-11-21/2023-02-12", 1100.0),
        ("2023-02-13/2023-05-07", 900.0), ("2023-05-08/2023-09-03", 1300.0),
        ("2023-09-04/2023-11-26", 1100.0), ("2023-11-27/2024-02-18", 1100.0),
        ("2024-02-19/2024-05-12", 1100.0), ("2024-05-13/2024-09-01", 1400.0),
    ]  # fmt: skip
    assert set(found.rows["note"]) == {
        "", "derived: 24 weeks less 12", "derived: 36 weeks less 24", "derived: 53 weeks less 36",
        "derived: 52 weeks less 36",
    }  # fmt: skip
    assert [(c.period, c.state) for c in found.coverage if c.metric == "capex"] == [
        (v[0], "found" if k % 4 == 0 else "derived") for k, v in enumerate(values(found.rows))
    ]


def test_forty_weeks_less_twenty_eight():
    """Sixteen weeks first: 112, 196, 280 and 364 days."""
    rows = company_rows("KR", content({CAPEX: [
        fact("2024-02-04", "2024-05-25", 1_000_000_000, "2024-06-28"),
        fact("2024-02-04", "2024-08-17", 1_800_000_000, "2024-09-20"),
        fact("2024-02-04", "2024-11-09", 2_500_000_000, "2024-12-13"),
        fact("2024-02-04", "2025-02-01", 3_400_000_000, "2025-04-01", form="10-K"),
    ]})).rows  # fmt: skip
    assert [v[:2] for v in values(rows)] == [
        ("2024-02-04/2024-05-25", 1000.0), ("2024-05-26/2024-08-17", 800.0),
        ("2024-08-18/2024-11-09", 700.0), ("2024-11-10/2025-02-01", 900.0),
    ]  # fmt: skip


def test_quarters_of_weeks_are_a_calendar_quarter_each_in_the_earnings_panel():
    """By their middles alone two fell into the first quarter of 2023, and every run refused."""
    rows = company_rows("COST", content({CAPEX: WEEKS})).rows
    panel = earnings_panel(as_of(rows, "2024-12-31"))
    assert panel.data["quarter"].values.tolist() == [
        "2022Q4", "2023Q1", "2023Q2", "2023Q3", "2023Q4", "2024Q1", "2024Q2", "2024Q3",
    ]  # fmt: skip
    assert panel.data["value"].values.tolist() == [1.0, 1.1, 0.9, 1.3, 1.1, 1.1, 1.1, 1.4]


@pytest.mark.parametrize("weeks", [weeks for weeks in CALENDARS if sum(weeks) == 52])
@pytest.mark.parametrize("first", ["2015-02-01", "2015-05-20", "2015-08-31", "2015-12-27"])
def test_no_two_quarters_of_a_row_are_one_calendar_quarter(weeks, first):
    periods, start = [], dt.date.fromisoformat(first)
    for k, length in enumerate(weeks * 6):
        end = start + dt.timedelta(days=7 * (length + (k == 15)) - 1)  # the fourth year has 53
        periods.append(period_name(start, end))
        start = end + dt.timedelta(days=1)
    found = calendar_quarters(periods[::-1])
    order = [quarter_index(found[period]) for period in periods]
    assert order == list(range(order[0], order[0] + 24))
    assert all(
        abs(quarter_index(calendar_quarter(p)) - k) <= 1
        for p, k in zip(periods, order, strict=True)
    )


def test_one_quarter_under_two_spellings_of_its_days_is_one():
    """The last Saturday in one filing, the last day of the month in two."""
    rows = company_rows("A", content({CAPEX: [
        fact("2024-01-01", "2024-03-30", 100_000_000, "2024-04-25"),
        fact(*QUARTER, 110_000_000, "2025-04-25"), fact(*QUARTER, 110_000_000, "2026-04-25"),
    ]})).rows  # fmt: skip
    assert values(rows) == [("2024Q1", 100.0, "2024-04-25"), ("2024Q1", 110.0, "2025-04-25")]
    assert rows["note"].tolist() == ["its days are given as 2024-01-01/2024-03-30", ""]


def test_quarters_of_two_fiscal_years_that_overlap_are_not_both_kept():
    found = company_rows("A", content({CAPEX: [
        *YEAR, fact("2024-02-01", "2024-04-30", 120_000_000, "2025-05-25"),
    ]}))  # fmt: skip
    assert len(found.rows) == 4
    assert found.left_out == (
        "A capex 2024-02-01/2024-04-30: overlaps a quarter that more filings give",
    )


def test_totals_since_a_company_was_founded_are_no_years():
    rows = company_rows("A", content({CAPEX: [
        *YEAR, fact("2019-06-01", "2025-03-31", 5_000_000_000, "2025-04-25"),
        fact("2019-06-01", "2025-06-30", 5_100_000_000, "2025-07-25"),
    ]})).rows  # fmt: skip
    assert values(rows) == values(company_rows("A", content({CAPEX: YEAR})).rows)


# --- a recast year ---------------------------------------------------------------------------
def recast(nine_later=(), year_later=()):
    """Return nine months of 450, and a year of 600 without a part that was sold: 100 of those."""
    before = fact("2023-01-01", "2023-12-31", 900_000_000, "2024-02-01", form="10-K")
    again = fact("2023-01-01", "2023-12-31", 700_000_000, "2025-02-01", form="10-K")
    year = fact("2024-01-01", "2024-12-31", 600_000_000, "2025-02-01", form="10-K")
    return content({CAPEX: [*YEAR[:3], before, again, year, *nine_later, *year_later]})


NINE = ("2024-01-01", "2024-09-30")


def fourth(given):
    rows = company_rows("A", given).rows
    return rows[rows["period"] == "2024Q4"].to_dict("records")


def test_a_fourth_quarter_of_a_recast_year_says_so():
    (row,) = fourth(recast())
    assert (row["value"], row["confidence"]) == (149.999999, "B")
    assert row["note"] == (
        "derived: 12 months less 9; may rest on two bases: 10-K 0000789019-25-020100 restates "
        "2023-01-01/2023-12-31 from 900 to 700, and the 9 months are as they were before"
    )


def test_a_change_from_thousands_to_millions_is_no_recast():
    thousands = [fact("2023-01-01", "2023-12-31", 53_679_000, "2024-02-01", form="10-K"), *YEAR[:3]]
    millions = [fact("2023-01-01", "2023-12-31", 53_600_000, "2025-02-01", form="10-K"), YEAR[3]]
    (row,) = fourth(content({CAPEX: [*thousands, *millions]}))
    assert (row["confidence"], row["note"]) == ("A", "derived: 12 months less 9")


def test_the_restated_nine_months_correct_it_when_they_come():
    later = fact(*NINE, 350_000_000, "2025-10-25")
    first, second = fourth(recast([later]))
    assert first["confidence"] == "B"
    assert (second["value"], second["reported_on"], second["confidence"]) == (
        250,
        "2025-10-25",
        "A",
    )
    assert second["note"].endswith("corrected for the recast: 9 months as restated on 2025-10-25")
    again = fact("2024-01-01", "2024-12-31", 600_000_000, "2026-02-01", form="10-K")
    assert [r["value"] for r in fourth(recast([later], [again]))] == [149.999999, 250]


def test_an_amended_year_less_the_nine_months_of_before_is_a_recast():
    """As Apple's of 2009: the 10-K/A restates the year, and the nine months came again in July 2010.

    The year as amended less the nine months as first reported, 450, is no revision of 300.
    """
    amended = fact("2024-01-01", "2024-12-31", 900_000_001, "2025-03-25", form="10-K/A")
    later = fact(*NINE, 550_000_001, "2025-10-25")
    rows = fourth(content({CAPEX: [*YEAR, amended, later]}))
    assert [(r["value"], r["reported_on"], r["confidence"]) for r in rows] == [
        (300, "2025-02-01", "A"), (350, "2025-10-25", "A"),
    ]  # fmt: skip


def test_a_recast_that_the_nine_months_knew_already_is_none():
    """The 10-Q of the third quarter restates the nine months of the year before as well."""
    nine = [fact("2023-01-01", "2023-09-30", 600_000_000, "2023-10-25"),
            fact("2023-01-01", "2023-09-30", 500_000_000, "2024-10-25")]  # fmt: skip
    (row,) = fourth(recast(nine))
    assert (row["confidence"], row["note"]) == ("A", "derived: 12 months less 9")


def test_nine_months_that_come_after_a_recast_year_are_of_its_basis():
    given = recast([fact(*NINE, 350_000_000, "2025-10-25")])
    del given["facts"]["us-gaap"][CAPEX]["units"]["USD"][2]  # the nine months as first reported
    (row,) = fourth(given)
    assert (row["value"], row["reported_on"], row["confidence"]) == (250, "2025-10-25", "A")
    assert row["note"] == "derived: 12 months less 9"


def test_nine_months_restated_alone_are_told_in_the_fourth_quarter():
    later = fact(*NINE, 350_000_000, "2025-10-25")
    (row,) = fourth(content({CAPEX: [*YEAR, later]}))
    assert (row["value"], row["confidence"]) == (300, "B")
    assert row["note"] == (
        "derived: 12 months less 9; may rest on two bases: the 9 months were restated on 2025-10-25 "
        "from 450.000001 to 350, the 12 months were not"
    )
    # Restated together, a year later: each difference is of one basis.
    year = fact("2024-01-01", "2024-12-31", 640_000_000, "2026-02-01", form="10-K")
    rows = fourth(content({CAPEX: [*YEAR, later, year]}))
    assert [(r["value"], r["confidence"]) for r in rows] == [(300, "A"), (290, "A")]


# --- a year-to-date figure that is amended alone ---------------------------------------------
def amended(k, val, filed, **more):
    """Return the report of so many quarters of 2024, amended."""
    form = f"{YEAR[k]['form']}/A"
    return fact(YEAR[k]["start"], YEAR[k]["end"], val, filed, form=form, **more)


def vintages(found, period):
    rows = found.rows[found.rows["period"] == period].sort_values("reported_on")
    return list(rows[["value", "reported_on", "confidence"]].itertuples(index=False, name=None))


def on(rows, day):
    """Return the quarters' values as known on a day, in order of time."""
    return as_of(rows, day).rows.set_index("period")["value"].sort_index()


@pytest.mark.parametrize(
    ("k", "what", "rest", "was", "day"),
    [(1, "6 months from 250 to 270", "3 months", 150, "2024-08-25"),
     (2, "9 months from 450.000001 to 470.000001", "6 months", 200.000001, "2024-11-25"),
     (3, "12 months from 750.000001 to 770.000001", "9 months", 300, "2025-03-25")],
)  # fmt: skip
def test_a_year_to_date_figure_that_is_amended_alone_changes_its_last_quarter(
    k, what, rest, was, day
):
    one = amended(k, YEAR[k]["val"] + 20_000_000, day)
    found = company_rows("A", content({CAPEX: [*YEAR[: k + 1], one]}))
    period = f"2024Q{k + 1}"
    assert vintages(found, period) == [
        (was, YEAR[k]["filed"], "A"), (pytest.approx(was + 20), day, "B"),
    ]  # fmt: skip
    note = found.rows[found.rows["reported_on"] == day]["note"].item()
    assert note.endswith(
        f"; rests on an amendment: {one['form']} {one['accn']} amends the {what}, and the first {rest} "
        "are taken to stand"
    )
    assert (len(found.rows), found.left_out) == (k + 2, ())


def test_a_quarter_after_an_amended_half_year_adds_up_with_it():
    half = amended(1, 270_000_000, "2024-08-25")
    found = company_rows("A", content({CAPEX: [*YEAR[:2], half, *YEAR[2:]]}))
    assert vintages(found, "2024Q3") == [(180.000001, "2024-10-25", "A")]
    assert on(found.rows, "2024-08-24").tolist() == [100, 150]
    assert on(found.rows, "2024-12-31").tolist() == [100, 170, 180.000001]
    assert sum(on(found.rows, "2025-12-31")) == pytest.approx(750.000001)
    # The year after, all stands as amended: no news.
    again = [fact("2024-01-01", "2024-03-31", 100_000_000, "2025-04-25"),
             fact("2024-01-01", "2024-06-30", 270_000_000, "2025-07-25")]  # fmt: skip
    rows = company_rows("A", content({CAPEX: [*YEAR[:2], half, *YEAR[2:], *again]})).rows
    assert values(rows) == values(found.rows)


def test_an_amendment_after_the_next_report_moves_between_the_two_quarters():
    """The nine months stand: what the half year has more, the third quarter has less."""
    half = amended(1, 270_000_000, "2024-11-25")
    found = company_rows("A", content({CAPEX: [*YEAR[:3], half]}))
    assert vintages(found, "2024Q2")[1:] == [(170, "2024-11-25", "B")]
    assert vintages(found, "2024Q3") == [
        (200.000001, "2024-10-25", "B"), (180.000001, "2024-11-25", "B"),
    ]  # fmt: skip
    assert found.rows["note"].tolist()[-1] == (
        f"derived: 9 months less 6; rests on an amendment: 10-Q/A {half['accn']} amends the 6 months "
        "from 250 to 270, and the 9 months are taken to stand"
    )
    first = amended(0, 110_000_000, "2024-08-25")
    found = company_rows("A", content({CAPEX: [*YEAR[:2], first, *YEAR[2:]]}))
    assert vintages(found, "2024Q2")[1:] == [(140, "2024-08-25", "B")]
    assert sum(on(found.rows, "2024-12-31")) == pytest.approx(450.000001)


@pytest.mark.parametrize("days", [("2024-08-25", "2024-08-25"), ("2024-08-23", "2024-08-25"),
                                  ("2024-08-25", "2024-08-23")])  # fmt: skip
def test_reports_that_are_amended_together_give_one_vintage(days):
    """One filing with both, or two some days apart: never 140 or 170 between them."""
    accn = "0000789019-24-082500" if len(set(days)) == 1 else None
    both = [
        amended(0, 110_000_000, days[0], accn=accn),
        amended(1, 270_000_000, days[1], accn=accn),
    ]
    found = company_rows("A", content({CAPEX: [*YEAR[:2], *both]}))
    assert vintages(found, "2024Q2") == [(150, "2024-07-25", "A"), (160, "2024-08-25", "A")]


def test_a_restated_quarter_that_is_said_again_is_of_the_basis_of_what_follows():
    firsts = [amended(0, 110_000_000, day) for day in ("2024-08-23", "2024-08-24")]
    half = amended(1, 270_000_000, "2024-08-25")
    found = company_rows("A", content({CAPEX: [*YEAR[:2], *firsts, half]}))
    assert vintages(found, "2024Q2") == [(150, "2024-07-25", "A"), (160, "2024-08-25", "A")]


def test_an_amended_year_waits_for_nine_months_that_move_the_same_way_only():
    """See the year of Apple above; nine months that fall do not tell why the year rose."""
    year = amended(3, 900_000_001, "2025-03-25")
    later = fact(*NINE, 440_000_001, "2025-10-25")
    found = company_rows("A", content({CAPEX: [*YEAR, year, later]}))
    assert vintages(found, "2024Q4") == [(300, "2025-02-01", "A"), (450, "2025-03-25", "B")]


def test_an_amendment_that_turns_the_sign_of_cash_is_told_in_what_rests_on_it():
    (tag,) = facts.METRICS["operating_cash_flow"]
    half = amended(1, -250_000_000, "2024-08-25")
    found = company_rows("A", content({tag: [*YEAR[:2], half, YEAR[2]]}))
    assert vintages(found, "2024Q2") == [(150, "2024-07-25", "A"), (-350, "2024-08-25", "C")]
    assert vintages(found, "2024Q3") == [(700.000001, "2024-10-25", "C")]
    turned = (
        f"the 6 months have their sign turned by 10-Q/A {half['accn']}: one of both may be wrong"
    )
    assert [turned in note for note in found.rows["note"]].count(True) == 2
    found = company_rows("A", content({tag: [*YEAR[:2], amended(1, 50_000_000, "2024-08-25")]}))
    assert vintages(found, "2024Q2")[1:] == [(-50, "2024-08-25", "B")]


def test_an_amendment_that_restates_the_year_before_too_is_said_and_changes_no_quarter():
    """So it is of another basis, on which the first quarter was not restated."""
    before = [fact("2023-01-01", "2023-06-30", 200_000_000, "2023-07-25"),
              fact("2023-01-01", "2023-06-30", 215_000_000, "2024-08-25", form="10-Q/A")]  # fmt: skip
    half = amended(1, 270_000_000, "2024-08-25")
    found = company_rows("A", content({CAPEX: [*YEAR[:3], half, *before]}))
    assert vintages(found, "2024Q2") == [(150, "2024-07-25", "A")]
    assert left(found) == {"A capex 2024Q2": (
        f"10-Q/A {half['accn']} amends the 6 months from 250 to 270; how much of it is this quarter's "
        "is not known, and 150 stays"
    )}  # fmt: skip
    assert vintages(found, "2024Q3") == [(180.000001, "2024-10-25", "B")]
    assert (
        found.rows["note"].tolist()[-1].endswith("and the quarters in them are as they were before")
    )
    # Said again by a second amendment, it tells no more.
    again = [{**one, "filed": "2024-09-25", "accn": "0000789019-24-092500"}
             for one in (half, before[1])]  # fmt: skip
    found = company_rows("A", content({CAPEX: [*YEAR[:3], half, *before, *again]}))
    assert vintages(found, "2024Q2") == [(150, "2024-07-25", "A")]


def test_an_amendment_that_a_reported_quarter_stands_against_is_said():
    quarter = ("2024-04-01", "2024-06-30")
    direct = fact(*quarter, 150_000_000, "2024-07-25")
    half = amended(1, 270_000_000, "2024-08-25")
    found = company_rows("A", content({CAPEX: [*YEAR[:2], direct, half, YEAR[2]]}))
    assert vintages(found, "2024Q2") == [(150, "2024-07-25", "A")]
    assert list(left(found)) == ["A capex 2024Q2"]
    assert left(found)["A capex 2024Q2"].endswith("and 150 stays")
    assert vintages(found, "2024Q3") == [(180.000001, "2024-10-25", "B")]
    # Amended as well, by as much: both say the same.
    both = fact(*quarter, 170_000_000, "2024-08-25", form="10-Q/A")
    found = company_rows("A", content({CAPEX: [*YEAR[:2], direct, both, half, YEAR[2]]}))
    assert vintages(found, "2024Q2")[1:] == [(170, "2024-08-25", "A")]
    assert (vintages(found, "2024Q3"), found.left_out) == ([(180.000001, "2024-10-25", "A")], ())


def test_an_amended_half_year_below_the_first_quarter_is_said():
    half = amended(1, 90_000_000, "2024-08-25")
    found = company_rows("A", content({CAPEX: [*YEAR[:2], half, YEAR[2]]}))
    assert vintages(found, "2024Q2") == [(150, "2024-07-25", "C")]
    assert left(found) == {"A capex 2024Q2": (
        f"10-Q/A {half['accn']} amends the 6 months from 250 to 90; -10000000 is not above zero"
    )}  # fmt: skip
    assert vintages(found, "2024Q3") == [(360.000001, "2024-10-25", "C")]


def test_what_an_amended_report_says_of_the_year_before_is_a_comparative():
    later = [fact("2025-01-01", "2025-12-31", 800_000_001, "2026-02-01", form="10-K"),
             fact("2025-01-01", "2025-12-31", 900_000_001, "2026-03-25", form="10-K/A"),
             amended(3, 800_000_001, "2026-03-25")]  # fmt: skip
    found = company_rows("A", content({CAPEX: [*YEAR, *later]}))
    assert vintages(found, "2024Q4") == [(300, "2025-02-01", "A")]


@given(st.lists(st.integers(100, 200), min_size=2, max_size=4), st.data())
def test_quarters_add_up_to_the_figures_that_stand_on_a_day(flows, data):
    (tag,) = facts.METRICS["operating_cash_flow"]
    odd = 1_000_001  # no round numbers, whose differences may be rounding
    reports = [{**YEAR[k], "val": sum(flows[: k + 1]) * odd} for k in range(len(flows))]
    k = data.draw(st.integers(0, len(flows) - 1))
    day = dt.date.fromisoformat(YEAR[k]["filed"]) + dt.timedelta(data.draw(st.integers(1, 400)))
    one = amended(
        k, data.draw(st.integers(100, 800)) * odd, day.isoformat(), accn="0000789019-26-1"
    )
    rows = company_rows("A", content({tag: [*reports, one]})).rows
    for day in {r["filed"] for r in (*reports, one)}:
        stand = {r["end"]: r["val"] / 1e6 for r in (*reports, one) if r["filed"] <= day}
        known = on(rows[rows["reported_on"] <= day], "2030-12-31").cumsum()
        assert known.tolist() == pytest.approx([stand[end] for end in sorted(stand)])


# --- what was expected -----------------------------------------------------------------------
def cells(found, metric="capex"):
    return [(c.period, c.state, c.why) for c in found.coverage if c.metric == metric]


def test_every_expected_quarter_has_an_answer():
    given = content({
        CAPEX: [*YEAR, fact("2025-01-01", "2025-03-31", 9_000_000, "2025-04-25"),
                fact("2025-01-01", "2025-09-30", 30_000_000, "2025-10-25"),
                fact("2025-10-01", "2025-12-31", 0, "2026-02-01", form="10-K")],
        TOTAL: [fact("2024-04-01", "2024-06-30", 70_000_000, "2024-07-25"),
                fact("2024-01-01", "2024-12-31", 300_000_000, "2025-02-01", form="10-K"),
                fact("2026-01-01", "2026-03-31", 80_000_000, "2026-04-25")],
        "Depreciation": [fact("2024-01-01", "2024-03-31", 3, "2024-04-25", form="8-K")],
    })  # fmt: skip
    given["facts"]["us-gaap"]["NetCashProvidedByUsedInOperatingActivities"] = {
        "units": {"EUR": [fact(*QUARTER, 5, "2024-04-25")]}
    }
    found = company_rows("A", given, today=dt.date(2026, 8, 16))
    within, year = "only within the 9 months from 2025-01-01", "only the year is given"
    none = "no figure in the reports of that time"
    assert cells(found) == [
        ("2024Q1", "found", ""), ("2024Q2", "derived", ""), ("2024Q3", "derived", ""),
        ("2024Q4", "derived", ""), ("2025Q1", "found", ""),
        ("2025Q2", "missing", within), ("2025Q3", "missing", within),
        ("2025Q4", "missing", "0 is not above zero"), ("2026Q1", "missing", none),
        ("2026Q2", "missing", "not filed by 2026-08-16"),
    ]  # fmt: skip
    assert cells(found, "revenue") == [
        ("2024Q2", "found", ""), ("2024Q3", "missing", year), ("2024Q4", "missing", year),
        *((f"2025Q{k}", "missing", none) for k in (1, 2, 3, 4)),
        ("2026Q1", "found", ""), ("2026Q2", "missing", "not filed by 2026-08-16"),
    ]  # fmt: skip
    assert {why for _, _, why in cells(found, "operating_cash_flow")} == {
        "only in EUR, not in US dollars"
    }
    assert {why for _, _, why in cells(found, "depreciation_ppe")} == {
        "no figure in a periodic report, only in 8-K"
    }
    assert {why for _, _, why in cells(found, "depreciation_amortization")} == {
        "no figure under us-gaap DepreciationDepletionAndAmortization, us-gaap "
        "DepreciationAndAmortization or their like under IFRS"
    }
    assert coverage.summary(found.coverage)[1:3] == [
        ("A", "capex", "2024Q1", "2025Q1", "2", "3", "5"),
        ("A", "revenue", "2024Q2", "2026Q1", "2", "0", "7"),
    ]
    assert coverage.gaps(found.coverage)[:2] == [
        f"A capex 2025Q2 to 2025Q3, 2 quarters: {within}", "A capex 2025Q4: 0 is not above zero",
    ]  # fmt: skip
    assert f"A revenue 2025Q1 to 2025Q4, 4 quarters: {none}" in coverage.gaps(found.coverage)
    assert "A capex, revenue 2026Q2: not filed by 2026-08-16" in coverage.gaps(found.coverage)


def test_what_was_not_read_is_named_where_a_quarter_was_not_filed():
    given = content({CAPEX: [*YEAR, fact("2025-01-01", "2025-03-31", 5, "2025-04-25", form="S-4"),
                             fact("2025-04-01", "2025-06-30", None, "2025-07-25")]})  # fmt: skip
    given["facts"]["us-gaap"][CAPEX]["units"]["EUR"] = [fact(*QUARTER, 5, "2025-04-25")]
    found = company_rows("A", given, today=dt.date(2025, 6, 1))
    assert cells(found)[-1] == (
        "2025Q1", "missing",
        "not filed by 2025-06-01; not read: 1 figure(s) that cannot be read, figures in EUR, "
        "figures in S-4",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("today", "last"),
    [("2025-05-15", "2024Q4"), ("2025-05-16", "2025Q1"), ("2026-03-31", "2025Q3"),
     ("2026-04-01", "2025Q4"), ("2026-05-16", "2026Q1")],
)  # fmt: skip
def test_a_quarter_is_expected_45_days_after_its_end_and_the_fourth_after_90(today, last):
    found = company_rows("A", content({CAPEX: YEAR}), today=dt.date.fromisoformat(today))
    assert cells(found)[-1][0] == last
    assert {why for _, state, why in cells(found) if state == "missing"} <= {
        f"not filed by {today}"
    }


def test_a_quarter_of_another_century_is_not_waited_for():
    wrong = fact("2190-01-01", "2190-03-31", 5_000_000, "2025-04-25")
    found = company_rows("A", content({CAPEX: [*YEAR, wrong]}), today=dt.date(2025, 5, 1))
    assert [c[0] for c in cells(found)] == ["2024Q1", "2024Q2", "2024Q3", "2024Q4"]
    assert found.left_out[0].startswith("A capex 2190Q1: filed before its end")


def test_a_company_abroad_has_120_days():
    facts_abroad = [*YEAR[:3], {**YEAR[3], "form": "20-F"}]
    for day, last in (("2025-07-29", "2024Q4"), ("2025-07-30", "2025Q1")):
        found = company_rows("A", content({CAPEX: facts_abroad}), today=dt.date.fromisoformat(day))
        assert cells(found)[-1][0] == last


def test_a_quarter_of_sixteen_weeks_is_expected_at_its_own_end():
    found = company_rows("COST", content({CAPEX: WEEKS}), today=dt.date(2025, 12, 30))
    assert [p for p, state, _ in cells(found) if state == "missing"] == [
        "2024-09-02/2024-11-24", "2024-11-25/2025-02-16", "2025-02-17/2025-05-11",
        "2025-05-12/2025-08-31",
    ]  # fmt: skip
    assert len(company_rows("COST", content({CAPEX: WEEKS})).coverage) == 5 * 8  # no day: no more


def test_quarters_in_a_gap_end_where_reported_periods_do():
    rows = [fact("2022-11-21", "2023-02-12", 9_000_000, "2023-03-02"),
            fact("2023-09-04", "2023-11-26", 9_000_000, "2023-12-14")]  # fmt: skip
    halves = ["2023-02-13/2023-05-25", "2023-05-26/2023-09-03"]
    assert [c[0] for c in cells(company_rows("COST", content({CAPEX: rows})))][1:3] == halves
    rows.append(fact("2022-05-09", "2023-05-07", 40_000_000, "2023-06-28"))  # trailing
    assert [c[0] for c in cells(company_rows("COST", content({CAPEX: rows})))][1:3] == [
        "2023-02-13/2023-05-07", "2023-05-08/2023-09-03",
    ]  # fmt: skip
    whole_months = [fact(*QUARTER, 9_000_000, "2024-04-25"),
                    fact("2025-01-01", "2025-03-31", 9_000_000, "2025-04-25")]  # fmt: skip
    assert [c[0] for c in cells(company_rows("A", content({CAPEX: whole_months})))] == [
        "2024Q1", "2024Q2", "2024Q3", "2024Q4", "2025Q1",
    ]  # fmt: skip


def test_what_lies_before_a_day_is_not_expected():
    found = company_rows("A", content({CAPEX: YEAR}), since=dt.date(2024, 7, 1))
    assert [c[0] for c in cells(found)] == ["2024Q3", "2024Q4"]


# --- bad entries, other currencies -----------------------------------------------------------
@pytest.mark.parametrize(
    ("change", "kind"),
    [
        ({"val": "1000"}, "a value that is no amount of money (val)"),
        ({"val": float("nan")}, "a value that is no amount of money (val)"),
        ({"val": True}, "a value that is no amount of money (val)"),
        ({"start": "2024-02-30"}, "a date that cannot be read (start)"),
        ({"end": 20240630}, "a date that cannot be read (end)"),
        ({"end": "2023-06-30"}, "a period that ends before it starts"),
        ({"filed": "0024-07-25"}, "a date outside 1900 to 2200 (filed)"),
        ({"start": "1924-01-01", "end": "1924-03-31"},
         "a period that ended over 50 years before it was filed"),
        ({"accn": None}, "a figure without the accession number of its filing"),
        ({"accn": "\x1b[31m"}, "a figure without the accession number of its filing"),
        ({"form": ["10-K"]}, "a figure without the form of its filing"),
    ],
)  # fmt: skip
def test_a_bad_entry_is_left_out_by_kind_and_the_others_are_taken(change, kind):
    bad = {**fact("2024-01-01", "2024-03-31", 5_000_000, "2024-07-25"), **change}
    found = company_rows("A", content({CAPEX: [bad, *YEAR, bad, None]}))
    assert values(found.rows) == values(company_rows("A", content({CAPEX: YEAR})).rows)
    assert found.left_out[0].startswith(f"A: 2 time(s) {kind}; the first: us-gaap {CAPEX}: {{")
    assert found.left_out[1:] == (
        f"A: 1 time(s) an entry that is no figure; the first: us-gaap {CAPEX}: None",
    )


def test_figures_under_ifrs_in_dollars_are_read_and_others_told():
    tag = "PurchaseOfPropertyPlantAndEquipmentClassifiedAsInvestingActivities"
    half = [{**one, "form": "6-K"} for one in YEAR]
    ifrs = {tag: {"units": {"USD": half}}, "Revenue": {"units": {"EUR": half, "shares": []}}}
    found = company_rows("IREN", content({}, **{"ifrs-full": ifrs}))
    assert values(found.rows) == values(company_rows("A", content({CAPEX: YEAR})).rows)
    assert found.rows["source"][0] == (
        f"SEC company facts, ifrs-full {tag}, 6-K 0000789019-24-042500"
    )
    assert {why for _, _, why in cells(found, "revenue")} == {"only in EUR, not in US dollars"}
    with pytest.raises(
        DataError,
        match=r"hold no quarter of revenue in US dollars; there are figures in EUR; companies that",
    ):
        company_rows("IREN", content({}, **{"ifrs-full": ifrs}), metrics=["revenue"])
    years = {"Revenue": {"units": {"USD": [{**YEAR[3], "form": "20-F"}]}}}
    with pytest.raises(DataError, match="there are 1 figures, of 366 to 366 days"):
        company_rows("IREN", content({}, **{"ifrs-full": years}))


# --- over the wire ---------------------------------------------------------------------------
@pytest.fixture
def server(monkeypatch):
    """Return a server that gives each path its list of answers in turn, the last for ever."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    answers, seen = {}, []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            seen.append((self.path, dict(self.headers)))
            plan = answers.get(self.path, [(404, {}, b"")])
            code, headers, body = plan.pop(0) if len(plan) > 1 else plan[0]
            time.sleep(float(headers.get("X-Sleep", 0)))
            self.send_response(code)
            for name, value in {"Content-Length": str(len(body)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args):
            pass

    class Quiet(ThreadingHTTPServer):
        def handle_error(self, request, client_address):
            pass  # a client that hangs up is part of the test

    serving = Quiet(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=serving.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    serving.url = f"http://127.0.0.1:{serving.server_address[1]}"
    serving.answers, serving.seen = answers, seen
    answers["/files/company_tickers.json"] = [ok(TICKERS)]
    yield serving
    serving.shutdown()
    thread.join()
    serving.server_close()


FACTS = "/api/xbrl/companyfacts/CIK0000789019.json"
GOOD = content({CAPEX: YEAR})


def ok(what, **headers):
    return 200, headers, json.dumps(what).encode()


def whole(server, waits=None, tickers=("MSFT",), now=lambda: 1e9, **settings):
    waits = [] if waits is None else waits
    connection = Connection(AGENT, base_url=server.url, **settings)
    return fetch(tickers, connection, Clock(now, time.monotonic, waits.append))


def ask(server, waits=None, tickers=("MSFT",), now=lambda: 1e9, **settings):
    return whole(server, waits, tickers, now, **settings).rows


def test_facts_are_fetched_with_a_name_and_without_hurry(server):
    server.answers[FACTS] = [ok(GOOD)]
    server.answers["/api/xbrl/companyfacts/CIK0001067983.json"] = [ok(GOOD)]
    waits = []
    rows = ask(server, waits, tickers=("msft", "BRK.B", "MSFT"))
    assert rows["entity"].unique().tolist() == ["MSFT", "BRK-B"]
    assert len(rows) == 8
    assert waits == [sec.PAUSE]
    assert {headers["User-Agent"] for _, headers in server.seen} == {AGENT}
    assert len(server.seen) == 3


def test_a_packed_answer_is_unpacked(server):
    packed = gzip.compress(json.dumps(GOOD).encode())
    server.answers[FACTS] = [(200, {"Content-Encoding": "gzip"}, packed)]
    assert len(ask(server)) == 4


@pytest.mark.parametrize(
    ("headers", "waited"),
    [
        ({}, 1.0),
        ({"Retry-After": "7"}, 7.0),
        ({"Retry-After": "Sun, 09 Sep 2001 01:46:49 GMT"}, 9.0),  # 1e9 + 9 s
        ({"Retry-After": "soon"}, 1.0),
        ({"Retry-After": "²"}, 1.0),  # a digit, and no number
        ({"Retry-After": "-5"}, 1.0),
        ({"Retry-After": "1e3"}, 1.0),
        ({"Retry-After": "inf"}, 1.0),
        ({"Retry-After": "Mon, 01 Jan 0001 00:00:00 GMT"}, 1.0),
        ({"Retry-After": "Sun, 99 Sep 2001 01:46:49 GMT"}, 1.0),
        ({"Retry-After": "1, 2"}, 1.0),
    ],
)
def test_too_many_requests_are_waited_out(server, headers, waited):
    server.answers[FACTS] = [(429, headers, b""), ok(GOOD)]
    waits = []
    assert len(ask(server, waits)) == 4
    assert waits == [waited]


def test_a_long_wait_is_left_to_the_reader(server):
    server.answers[FACTS] = [(429, {"Retry-After": "3600"}, b"")]
    waits = []
    with pytest.raises(DataError, match="asks to wait 3600 s"):
        ask(server, waits)
    assert waits == []


@pytest.mark.parametrize("text", ["9" * 400, "Fri, 31 Dec 9999 23:59:59 -2359", "9" * 5000])
def test_a_wait_for_ever_is_left_to_the_reader_too(server, text):
    server.answers[FACTS] = [(429, {"Retry-After": text}, b"")]
    with pytest.raises(DataError, match=r"asks to wait \d{9,10} s"):
        ask(server)


@pytest.mark.parametrize(
    "text",
    [
        "01 Jan 2001 00:00:00 +99999999999999999999",
        "٣",
        "²",
        "",
        " ",
        "\x00",
        "5\n5",
        "Mon, 01 Jan -5 00:00:00",
        "0 0 0 0 0",
    ],
)
def test_a_retry_after_of_any_text_is_some_seconds(text):
    clock = Clock(lambda: 1e9, time.monotonic, lambda seconds: None)
    assert http._retry_after(text, clock) == 0.0


@pytest.mark.parametrize("number", ["1e9999999", "-1e9999999", "1e-9999999", "1e16", "Infinity"])
def test_an_amount_that_no_company_has_is_left_out_in_words(server, number):
    body = json.dumps(GOOD).replace("100000000", number).encode()
    server.answers[FACTS] = [(200, {}, body)]
    found = whole(server)
    assert [v[0] for v in values(found.rows)] == ["2024Q3", "2024Q4"]  # those without the bad one
    assert found.left_out[0].startswith("MSFT: 1 time(s) a value that is no amount of money (val)")


def test_a_number_too_large_for_any_decimal_is_a_sentence(server):
    body = json.dumps(GOOD).replace("100000000", "1e999999999999999999999").encode()
    server.answers[FACTS] = [(200, {}, body)]
    with pytest.raises(DataError, match="is not JSON, or only a part of it"):
        ask(server)


def test_a_quarter_at_the_end_of_time_is_left_out_in_words():
    last = fact("9999-10-01", "9999-12-31", 5_000_000, "9999-12-31")
    found = company_rows("A", content({CAPEX: [*YEAR, last]}))
    assert len(found.rows) == 4
    assert "A: 1 time(s) a date outside 1900 to 2200 (start); the first:" in found.left_out[0]


def test_a_validator_that_cannot_be_sent_back_is_not(server, tmp_path):
    server.answers[FACTS] = [ok(GOOD, ETag='"é"'), ok(GOOD)]
    ask(server, cache=tmp_path, now=lambda: 1e9)
    assert len(ask(server, cache=tmp_path, now=lambda: 1e9 + 86_400)) == 4
    assert "If-None-Match" not in server.seen[-1][1]


def test_a_cached_answer_from_the_future_is_not_used(server, tmp_path):
    server.answers[FACTS] = [ok(GOOD)]
    ask(server, cache=tmp_path, now=lambda: 2e9)
    asked = len(server.seen)
    ask(server, cache=tmp_path, now=lambda: 1e9)
    assert len(server.seen) == asked + 2


def test_a_server_error_passes_or_does_not(server):
    server.answers[FACTS] = [(500, {}, b""), (503, {}, b""), ok(GOOD)]
    waits = []
    assert len(ask(server, waits)) == 4
    assert waits == [1.0, 2.0]
    server.answers[FACTS] = [(500, {}, b"")]
    with pytest.raises(DataError, match="gave up after 4 attempts; last: HTTP 500"):
        ask(server, waits)
    assert waits[2:] == [1.0, 2.0, 4.0]


def test_a_truncated_body_is_asked_for_again(server):
    whole = json.dumps(GOOD).encode()
    cut = (200, {"Content-Length": str(len(whole))}, whole[:50])
    server.answers[FACTS] = [cut, ok(GOOD)]
    assert len(ask(server, attempts=2, timeout=2)) == 4
    server.answers[FACTS] = [cut]
    with pytest.raises(DataError, match=r"gave up after 2 attempts; last: .*(broke off|time-out)"):
        ask(server, attempts=2, timeout=2)


@pytest.mark.parametrize(
    ("body", "message"),
    [(b"<html>maintenance</html>", r"not JSON.*starts '<html>main"), (b"", "0 bytes is not JSON"),
     (json.dumps(GOOD).encode()[:60], "only a part of it"), (b"[" * 100_000, "RecursionError")],
)  # fmt: skip
def test_a_body_that_is_no_json(server, tmp_path, body, message):
    server.answers[FACTS] = [(200, {}, body)]
    with pytest.raises(DataError, match=message):
        ask(server, cache=tmp_path)
    server.answers[FACTS] = [ok(GOOD)]
    assert len(ask(server, cache=tmp_path)) == 4  # the bad one was not kept


def test_a_hang_ends_in_a_time_out(server):
    server.answers[FACTS] = [(200, {"X-Sleep": "0.5"}, b"{}")]
    with pytest.raises(DataError, match=r"gave up after 2 attempts; last: no answer within 0.1 s"):
        ask(server, attempts=2, timeout=0.1)


def test_a_trickle_ends_at_the_deadline(server):
    server.answers[FACTS] = [ok(GOOD)]
    ticks = iter(range(0, 1000, 100))
    clock = Clock(lambda: 1e9, lambda: float(next(ticks)), lambda seconds: None)
    connection = Connection(AGENT, base_url=server.url, deadline=50, attempts=1)
    with pytest.raises(DataError, match="no whole answer within 50 s"):
        fetch(["MSFT"], connection, clock)


def test_an_answer_too_large_is_not_taken_even_packed(server):
    bomb = gzip.compress(b" " * 1_000_000)
    server.answers[FACTS] = [(200, {"Content-Encoding": "gzip"}, bomb)]
    with pytest.raises(DataError, match="larger than 100000 bytes"):
        ask(server, max_bytes=100_000)


def test_only_the_metrics_asked_for(server, tmp_path, capsys):
    quarter = [fact("2024-01-01", "2024-03-31", 9_000_000, "2024-04-25")]
    server.answers[FACTS] = [ok(content({CAPEX: YEAR, TOTAL: quarter}))]
    assert set(ask(server)["metric"]) == {"capex", "revenue"}
    line = ["data", "fetch", "MSFT", "--base-url", server.url, "--no-cache", "--json",
            "--to", str(tmp_path / "t.csv"), "--metrics"]  # fmt: skip
    assert main.main([*line, "revenue"]) == 0
    assert [r["metric"] for r in json.loads(capsys.readouterr().out)["new"]] == ["revenue"]
    assert main.main([*line, "revenue,tea"]) == 1
    assert "not read for tea; there are capex, revenue" in capsys.readouterr().err


def test_unknown_tickers_are_all_named(server):
    with pytest.raises(UnknownNameError, match=r"MFST \(near: MSFT\), NOTHING; nothing was"):
        ask(server, tickers=("MFST", "NOTHING"))
    server.answers[FACTS] = [ok(GOOD)]
    found = whole(server, tickers=("MSFT", "MFST", "NOTHING"))
    assert set(found.rows["entity"]) == {"MSFT"}
    assert found.failed == (
        "MFST: SEC lists no such ticker (near: MSFT)", "NOTHING: SEC lists no such ticker",
    )  # fmt: skip
    with pytest.raises(DataError, match="404; there are no company facts of BRK-B"):
        ask(server, tickers=("BRK-B",))


@pytest.mark.parametrize(
    ("answer", "message"),
    [((404, {}, b""), "no list of tickers there; check --base-url"),
     ((403, {}, b""), "HTTP 403; SEC refuses who does not name a contact"),
     ((301, {"Location": "/"}, b""), "HTTP 301"), (ok([1]), "another shape than SEC's")],
)  # fmt: skip
def test_a_wrong_server_is_said(server, answer, message):
    server.answers["/files/company_tickers.json"] = [answer]
    with pytest.raises(DataError, match=message):
        ask(server)


def test_nobody_there(server):
    connection = Connection(AGENT, base_url="http://127.0.0.1:9", attempts=2)
    clock = Clock(lambda: 1e9, time.monotonic, lambda seconds: None)
    with pytest.raises(DataError, match="last: cannot be reached"):
        fetch(["MSFT"], connection, clock)


def test_the_cache_is_used_while_young_and_asked_about_when_old(server, tmp_path):
    server.answers[FACTS] = [ok(GOOD, ETag='"1"'), (304, {}, b"")]
    first = ask(server, cache=tmp_path, now=lambda: 1e9)
    asked = len(server.seen)
    assert ask(server, cache=tmp_path, now=lambda: 1e9 + 3600).equals(first)
    assert len(server.seen) == asked  # nothing was asked
    assert ask(server, cache=tmp_path, now=lambda: 1e9 + 86_400).equals(first)
    assert server.seen[-1][1]["If-None-Match"] == '"1"'
    asked = len(server.seen)
    assert ask(server, cache=tmp_path, now=lambda: 1e9 + 86_401).equals(first)
    assert len(server.seen) == asked  # the 304 made it young again
    assert not list(tmp_path.glob("*.tmp"))


def test_a_damaged_cache_is_passed_over(server, tmp_path):
    server.answers[FACTS] = [ok(GOOD)]
    ask(server, cache=tmp_path)
    for path in tmp_path.iterdir():
        path.write_bytes(path.read_bytes()[:-5])
    asked = len(server.seen)
    assert len(ask(server, cache=tmp_path)) == 4
    assert len(server.seen) == asked + 2


GOOGLE = {
    "0": {"cik_str": 1652044, "ticker": "GOOGL", "title": "Alphabet Inc."},
    "1": {"cik_str": 1652044, "ticker": "GOOG", "title": "Alphabet Inc."},
    "2": {"cik_str": 1067983, "ticker": "BRK-B", "title": "BERKSHIRE HATHAWAY INC"},
    "3": {"cik_str": 1067983, "ticker": "BRK-A", "title": "BERKSHIRE HATHAWAY INC"},
    "4": {"cik_str": 7, "ticker": "FB", "title": "A fund that has the ticker now"},
    "5": {"cik_str": 8, "ticker": "META", "title": "Meta Platforms, Inc."},
}


def test_two_tickers_of_one_registrant_are_one_company(server):
    server.answers["/files/company_tickers.json"] = [ok(GOOGLE)]
    for cik in (1652044, 1067983, 7):
        server.answers[sec.FACTS.format(cik=cik)] = [ok(GOOD)]
    found = whole(server, tickers=("GOOG", "GOOGL", "BRK.A", "fb"))
    assert found.rows["entity"].unique().tolist() == ["GOOGL", "BRK-B", "FB"]
    assert len(found.rows) == 12
    assert len(server.seen) == 4  # the list, and each company once
    assert found.merged == (
        "GOOG and GOOGL are one company at SEC; it is stored as GOOGL",
        "BRK-A and BRK-B are one company at SEC; it is stored as BRK-B",
    )


def test_the_tables_name_counts_also_where_sec_lists_another_ticker_first(server):
    turned = {"0": GOOGLE["1"], "1": GOOGLE["0"]}
    server.answers["/files/company_tickers.json"] = [ok(turned)]
    server.answers[sec.FACTS.format(cik=1652044)] = [ok(GOOD)]
    assert set(ask(server, tickers=("GOOG",))["entity"]) == {"GOOGL"}


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ((404, {}, b""), "404; there are no company facts of BRK-B"),
        ((200, {}, b"<html>"), "is not JSON"),
        (ok([]), "BRK-B: got something that has not the shape of SEC company facts"),
        (ok({"facts": None}), "BRK-B: got something that has not the shape of SEC company facts"),
        (ok({"facts": {}}), "BRK-B: its company facts hold no quarter"),
        ((500, {}, b""), "gave up after 4 attempts"),
    ],
)
def test_one_company_does_not_refuse_the_batch(server, tmp_path, capsys, answer, message):
    server.answers[FACTS] = [ok(GOOD)]
    server.answers["/api/xbrl/companyfacts/CIK0001067983.json"] = [answer]
    found = whole(server, tickers=("BRK-B", "MSFT"))
    assert set(found.rows["entity"]) == {"MSFT"}
    (line,) = found.failed
    assert message in line


def test_a_batch_without_rows_is_refused_with_every_reason(server):
    with pytest.raises(DataError, match=r"(?s)no company facts of MSFT.*no company facts of BRK-B"):
        ask(server, tickers=("MSFT", "BRK-B"))


def test_the_command_takes_the_good_companies_and_ends_with_1(server, tmp_path, capsys):
    server.answers[FACTS] = [ok(GOOD)]
    target = tmp_path / "t.csv"
    line = ["data", "fetch", "BRK-B", "MSFT", "--base-url", server.url, "--no-cache", "--write",
            "--to", str(target)]  # fmt: skip
    assert main.main([*line, "--json"]) == 1
    out, err = capsys.readouterr()
    assert len(json.loads(out)["new"]) == 4
    (failed,) = json.loads(out)["failed"]
    assert f"forecast: no rows of {failed}" in err
    assert len(target.read_text().splitlines()) == 5


def test_the_command_ends_with_a_coverage_table(server, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("forecast.cli.shared.today", lambda: dt.date(2025, 9, 1))
    server.answers[FACTS] = [ok(content({CAPEX: [*YEAR[:2], YEAR[3]]}))]
    line = ["data", "fetch", "MSFT", "--base-url", server.url, "--no-cache", "--metrics", "capex",
            "--to", str(tmp_path / "t.csv")]  # fmt: skip
    assert main.main(line) == 0
    assert capsys.readouterr().out.splitlines()[-5:] == [
        "entity  metric  first   last    found  derived  missing",
        "------  ------  ------  ------  -----  -------  -------",
        "MSFT    capex   2024Q1  2024Q2  1      1        4",
        "missing: MSFT capex 2024Q3 to 2024Q4, 2 quarters: only the year is given",
        "missing: MSFT capex 2025Q1 to 2025Q2, 2 quarters: not filed by 2025-09-01",
    ]
    assert main.main([*line, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["coverage"][1] == {
        "entity": "MSFT", "metric": "capex", "period": "2024Q2", "state": "derived", "why": "",
    }  # fmt: skip


# --- beside what the table holds -------------------------------------------------------------
HEADER = "entity,metric,period,value,unit,reported_on,source,confidence,qualifier,note\n"
SAID = {
    "a release of that day, one off": (
        "MSFT,capex,2024Q2,151,USD m,2024-07-25,release,A,,", "151 USD m",
    ),
    "a sentence of it, in billions": (
        "MSFT,capex,2024Q3,0.2,USD bn,2024-10-25,s,B,about,printed $0.2 billion: rounded to USD 1 m",
        "about 200 USD m",
    ),
}  # fmt: skip


@pytest.fixture
def fetched(server, tmp_path, capsys):
    """Return a function that fetches into a data folder which holds some rows."""
    folder = tmp_path / "data"
    (folder / "vintages").mkdir(parents=True)
    server.answers[FACTS] = [ok(GOOD)]
    server.answers["/api/xbrl/companyfacts/CIK0001067983.json"] = [ok(GOOD)]

    def act(held, *tickers, more=("--write", "--yes")):
        if held:
            text = HEADER + "".join(f"{line}\n" for line in held)
            (folder / "vintages" / "own.csv").write_text(text)
        code = main.main(["data", "fetch", *tickers, "--base-url", server.url, "--no-cache", *more,
                          "--data", str(folder), "--metrics", "capex"])  # fmt: skip
        said = capsys.readouterr()
        user = folder / "vintages" / "user.csv"
        lines = user.read_text().splitlines()[1:] if user.exists() else []
        return code, said.out, said.err, [tuple(line.split(",")[:4]) for line in lines]

    return act


@pytest.mark.parametrize("what", SAID)
def test_what_the_table_has_of_that_day_but_for_rounding_stays_and_is_said(fetched, what):
    line, has = SAID[what]
    code, out, err, written = fetched([line], "MSFT")
    assert code == 0 and "3 new, 0 revisions, 1 already there, 0 conflicts" in out
    period, number = ("2024Q2", "150") if "2024Q2" in line else ("2024Q3", "200.000001")
    assert f"MSFT capex {period}" in err and f": {number} by SEC company facts" in err
    assert f"is what the table has, {has}, but for rounding; what is there stays" in err
    assert period not in {row[2] for row in written} and len(written) == 3


@pytest.mark.parametrize(
    "line",
    [
        "MSFT,capex,2024Q2,153,USD m,2024-07-25,release,A,,",  # more than one off
        "MSFT,capex,2024Q1,101,USD m,2024-04-25,release,A,,",  # both as printed
        "MSFT,capex,2024Q2,200,USD m,2024-07-25,release,B,,printed $0.20 billion: rounded to USD 10 m",
        "MSFT,capex,2024Q2,0.2,USD bn,2024-07-25,desk,C,,",
        "MSFT,capex,2024Q2,150,USD m,2024-07-25,desk,C,about,",
    ],
)
def test_a_contradiction_refuses_its_own_row_and_the_coverage_comes(fetched, line):
    code, out, err, written = fetched([line], "MSFT", "BRK-B")
    assert code == 1
    assert "conflict  MSFT" in out and "\nBRK-B   capex   2024Q1  2024Q4" in out
    assert "forecast: refused, the other rows are not: 1 row(s) contradict what the table" in err
    quarter = line.split(",")[2]
    assert {row[2] for row in written if row[0] == "MSFT"} == {
        f"2024Q{k}" for k in (1, 2, 3, 4)
    } - {quarter}
    assert len(written) == 7


def test_where_all_is_refused_the_coverage_and_what_failed_come_too(fetched):
    held = [f"MSFT,capex,2024Q{k},9,USD m,{day},s,A,," for k, day in enumerate(
        ("2024-04-25", "2024-07-25", "2024-10-25", "2025-02-01"), 1)]  # fmt: skip
    code, out, err, written = fetched(held, "MSFT", "NOSUCH")
    assert (code, written) == (1, [])
    assert "\nMSFT    capex   2024Q1  2024Q4" in out
    assert "forecast: no rows of NOSUCH: SEC lists no such ticker" in err
    assert "4 row(s) contradict what the table says" in err


def test_an_unknown_ticker_does_not_refuse_the_batch(fetched):
    code, _, err, written = fetched([], "NOSUCH", "MSFT")
    assert (code, len(written)) == (1, 4)
    assert "forecast: no rows of NOSUCH: SEC lists no such ticker" in err


def test_where_the_cache_is(tmp_path):
    assert http.cache_dir({"XDG_CACHE_HOME": str(tmp_path)}, "sec") == tmp_path / "forecast" / "sec"
    assert http.cache_dir({"XDG_CACHE_HOME": "relative"}, "sec").is_absolute()


def test_sec_is_not_asked_without_a_contact(monkeypatch, capsys):
    monkeypatch.delenv("FORECAST_USER_AGENT", raising=False)
    assert main.main(["data", "fetch", "MSFT"]) == 1
    assert "SEC wants the name and e-mail address" in capsys.readouterr().err
    clock = Clock(lambda: 1e9, time.monotonic, lambda seconds: None)
    for agent, url in ((AGENT + "\nX: y", None), (AGENT, "ftp://example.com")):
        with pytest.raises(DataError, match="wanted"):
            fetch(["MSFT"], Connection(agent, base_url=url), clock)


def test_the_missing_library_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "httpx", None)
    clock = Clock(lambda: 1e9, time.monotonic, lambda seconds: None)
    with pytest.raises(DataError, match=r"pip install 'forecast\[sec\]'"):
        fetch(["MSFT"], Connection(AGENT), clock)


def test_the_command_says_which_quarter_is_far_from_the_one_before(server, tmp_path, capsys):
    huge = fact("2025-01-01", "2025-03-31", 6_000_000_000, "2025-04-25")
    server.answers[FACTS] = [ok(content({CAPEX: [*YEAR, huge]}))]
    line = ["data", "fetch", "MSFT", "--base-url", server.url, "--no-cache", "--json",
            "--to", str(tmp_path / "t.csv")]  # fmt: skip
    assert main.main(line) == 0
    said = "MSFT capex 2025Q1: 6,000 USD m after 300 in 2024Q4: 20 times; look at the unit"
    assert said in capsys.readouterr().err.splitlines()


def test_the_command_leaves_out_what_is_filed_after_today(server, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("forecast.cli.shared.today", lambda: dt.date(2024, 10, 24))
    server.answers[FACTS] = [ok(GOOD)]
    line = ["data", "fetch", "MSFT", "--base-url", server.url, "--no-cache", "--json",
            "--to", str(tmp_path / "t.csv")]  # fmt: skip
    assert main.main(line) == 0
    out, err = capsys.readouterr()
    assert [r["period"] for r in json.loads(out)["new"]] == ["2024Q1", "2024Q2"]
    assert "left out: MSFT capex 2024Q3: filed on 2024-10-25, after today, 2024-10-24" in err


def test_the_command_shows_then_writes_and_twice_is_once(server, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("FORECAST_USER_AGENT", AGENT)
    restated = fact("2024-01-01", "2024-03-31", 110_000_000, "2025-04-25")
    server.answers[FACTS] = [ok(content({CAPEX: [*YEAR, restated]}))]
    target = tmp_path / "data" / "vintages" / "user.csv"
    target.parent.mkdir(parents=True)
    line = ["data", "fetch", "MSFT", "--base-url", server.url, "--data", str(tmp_path / "data")]
    assert main.main(line) == 0
    out, err = capsys.readouterr()
    assert "4 new, 1 revisions, 0 already there, 0 conflicts" in out
    assert "--write does it" in err
    assert not target.exists()
    asked = len(server.seen)
    assert main.main([*line, "--write", "--json"]) == 0
    assert len(server.seen) == asked  # from the cache
    assert json.loads(capsys.readouterr().out)["written"] is True
    once = target.read_bytes()
    assert main.main([*line, "--no-cache", "--write", "--json", "--since", "2024-06-01"]) == 0
    assert len(json.loads(capsys.readouterr().out)["there"]) == 3
    assert len(server.seen) == asked + 2
    assert target.read_bytes() == once
