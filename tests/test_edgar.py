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
from forecast.core.periods import calendar_quarter, period_days
from forecast.tables import http, sec
from forecast.tables.http import Clock, Connection
from forecast.tables.sec import company_rows, fetch, period_name
from forecast.tables.vintages import as_of

CAPEX, ASSETS = sec.METRICS["capex"]
TOTAL, CONTRACTS, SALES = sec.METRICS["revenue"]
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
    (tag,) = sec.METRICS["operating_cash_flow"]
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
        (content({CAPEX: [{"start": "2024-01-01"}]}), "shape of SEC company facts"),
        (content({CAPEX: [fact("soon", "2024-03-31", 1, "2024-04-25")]}), "cannot read the date"),
        (content({CAPEX: [fact("2024-01-01", "2024-03-31", None, "2024-04-25")]}), "InvalidOp"),
        (content({CAPEX: [fact("2024-01-01", "2024-03-31", float("nan"), "2024-04-25")]}), "nan"),
        (content({}), "hold no quarter of capex"),
        ({"facts": {"ifrs-full": {}}}, "companies that report under IFRS have none"),
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
                assert 0 < sec._resolve(["MSFT"], with_junk(TICKERS, way, junk))["MSFT"] < 10**10
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
    assert rows["note"].tolist()[0] == ""
    assert rows["note"].tolist()[1].startswith("by another tag than before")
    again = fact(*quarter, 101_000_000, "2025-06-25")
    rows = company_rows("A", content({**both, TOTAL: [*both[TOTAL], again]})).rows
    assert values(rows, "revenue")[2:] == [("2024Q1", 101.0, "2025-06-25")]


def quarter_value(value, filed, kind, order, accession="1"):
    return sec.QuarterValue(dt.date(2024, 1, 1), dt.date(2024, 3, 31), Decimal(value),
                         dt.date.fromisoformat(filed), kind, order, accession, "", "")  # fmt: skip


@pytest.mark.parametrize(
    ("values", "taken"),
    [
        # of one day the metric's first tag counts, also derived against a reported part
        ([(1, "2024-05-01", sec.DIRECT, 1), (2, "2024-05-01", sec.DERIVED, 0)], [2]),
        # over two tags is last of all
        ([(1, "2024-05-01", sec.MIXED, 0), (2, "2024-05-01", sec.DERIVED, 1)], [2]),
        # of one tag the reported one counts
        ([(1, "2024-05-01", sec.DERIVED, 0), (2, "2024-05-01", sec.DIRECT, 0)], [2]),
        # and for good
        ([(1, "2024-05-01", sec.DIRECT, 0), (2, "2024-06-01", sec.DERIVED, 0)], [1]),
        ([(1, "2024-05-01", sec.DERIVED, 0), (2, "2024-06-01", sec.DIRECT, 0)], [1, 2]),
        ([(1, "2024-05-01", sec.DIRECT, 0, "2"), (2, "2024-05-01", sec.DIRECT, 0, "3")], [2]),
        # of two filings of a day the later one counts, whatever a third is subtracted from
        ([(1, "2024-05-01", sec.DIRECT, 0, "1"), (2, "2024-05-01", sec.DIRECT, 0, "2"),
          (3, "2024-05-01", sec.DERIVED, 0, "3")], [2]),
        # a tag that repeats itself after another was restated
        ([(1, "2024-05-01", sec.DIRECT, 1), (2, "2024-06-01", sec.DIRECT, 0),
          (1, "2024-07-01", sec.DIRECT, 1)], [1, 2]),
        # a restatement that is taken back
        ([(1, "2024-05-01", sec.DIRECT, 0), (2, "2024-06-01", sec.DIRECT, 0),
          (1, "2024-07-01", sec.DIRECT, 0)], [1, 2, 1]),
    ],
)  # fmt: skip
def test_of_several_values_of_a_quarter_one_is_taken(values, taken):
    found = sec.settle([quarter_value(*one) for one in values])
    assert [int(r.value) for r in found] == taken


@pytest.mark.parametrize(
    ("days", "months"),
    [(79, 0), (80, 3), (100, 3), (101, 0), (169, 0), (170, 6), (195, 6), (196, 0), (259, 0),
     (260, 9), (285, 9), (286, 0), (349, 0), (350, 12), (380, 12), (381, 0)],
)  # fmt: skip
def test_periods_are_told_by_their_days_both_ends_counted(days, months):
    start = dt.date(2024, 1, 1)
    end = start + dt.timedelta(days=days - 1)
    one = sec.Fact(CAPEX, start, end, Decimal(1), "1", "10-Q", end)
    assert one.months == months


def test_facts_of_one_filing_day_stand_by_accession():
    quarter = ("2024-01-01", "2024-03-31")
    rows = [fact(*quarter, k, "2024-04-25", accn=f"0000789019-24-00000{k}") for k in (3, 1, 2)]
    found = sec.read_facts(content({CAPEX: rows}), [CAPEX], "A")
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


@st.composite
def year_to_date_reports(draw):
    """Return quarterly flows and the reports that a company might make of them."""
    first = dt.date(2015, 1, 1) + dt.timedelta(days=draw(st.integers(0, 400)))
    years = draw(st.integers(1, 3))
    flows, facts, start = [], [], first
    for _ in range(years):
        weeks = [13, 13, 13, draw(st.sampled_from([13, 14]))]
        begin, total = start, 0
        tag = draw(st.sampled_from([CAPEX, ASSETS]))  # may migrate from year to year
        for k, length in enumerate(weeks):
            end = start + dt.timedelta(days=7 * length - 1)
            value = draw(st.integers(1, 10**12))
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


def ask(server, waits=None, tickers=("MSFT",), now=lambda: 1e9, **settings):
    waits = [] if waits is None else waits
    connection = Connection(AGENT, base_url=server.url, **settings)
    found = fetch(tickers, connection, Clock(now, time.monotonic, waits.append))
    return found.rows


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
def test_an_amount_that_no_company_has_is_a_sentence(server, number):
    body = json.dumps(GOOD).replace("100000000", number).encode()
    server.answers[FACTS] = [(200, {}, body)]
    with pytest.raises(
        DataError, match=r"MSFT: got something that has not the shape of SEC company"
    ):
        ask(server)


def test_a_number_too_large_for_any_decimal_is_a_sentence(server):
    body = json.dumps(GOOD).replace("100000000", "1e999999999999999999999").encode()
    server.answers[FACTS] = [(200, {}, body)]
    with pytest.raises(DataError, match="is not JSON, or only a part of it"):
        ask(server)


def test_a_quarter_at_the_end_of_time_is_a_sentence():
    last = fact("9999-10-01", "9999-12-31", 5_000_000, "9999-12-31")
    with pytest.raises(DataError, match="a period from 9999-10-01 to 9999-12-31"):
        company_rows("A", content({CAPEX: [*YEAR, last]}))


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
    begun = time.monotonic()
    with pytest.raises(DataError, match=r"gave up after 2 attempts; last: no answer within 0.1 s"):
        ask(server, attempts=2, timeout=0.1)
    assert time.monotonic() - begun < 5


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
        ask(server, tickers=("MSFT", "MFST", "NOTHING"))
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
    huge = fact("2025-01-01", "2025-03-31", 300_000_000_000, "2025-04-25")
    server.answers[FACTS] = [ok(content({CAPEX: [*YEAR, huge]}))]
    line = ["data", "fetch", "MSFT", "--base-url", server.url, "--no-cache", "--json",
            "--to", str(tmp_path / "t.csv")]  # fmt: skip
    assert main.main(line) == 0
    said = "MSFT capex 2025Q1: 300,000 USD m after 300 in 2024Q4: 1,000 times; look at the unit"
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
