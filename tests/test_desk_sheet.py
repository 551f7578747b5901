"""A desk's own spreadsheet: names, quarters, numbers, units and layouts as people write them."""

from __future__ import annotations

import calendar
import datetime as dt
import re
import time
import zipfile
from pathlib import Path

import openpyxl
import pytest
from conftest import SECONDS
from hypothesis import given as over
from hypothesis import settings
from hypothesis import strategies as st

from forecast import read_vintages
from forecast.cli import main
from forecast.core.errors import DataError
from forecast.tables.changes import compare
from forecast.tables.desk import fiscal, numerals
from forecast.tables.desk.period_words import spelled
from forecast.tables.desk.unit_words import UnitWords, split_unit, unit_name, unit_words
from forecast.tables.desk.user_file import read_user_table
from forecast.tables.desk.user_rows import Reading
from forecast.tables.names import companies
from forecast.tables.shipped import data_dir

FILES = Path(__file__).parent / "files"
FOR_ALL = {"unit": "USD m", "source": "desk", "reported_on": "2026-11-01"}
KEYS = ["entity", "metric", "period", "value", "unit"]


@pytest.fixture
def read(tmp_path):
    """Return a reader of a CSV given as text; what the file lacks is said for all rows."""

    def reader(text, given=FOR_ALL, name="new.csv", renamed=None, **said):
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return read_user_table(path, renamed, given, None, Reading(**said))

    return reader


def rows_of(found, columns=KEYS):
    return [tuple(row) for row in found.rows[columns].itertuples(index=False)]


def note(found, kind):
    return next((n for n in found.notes if n.startswith(kind)), "")


SHORT = "entity,metric,period,value\n"


# --- names -----------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("company", "metric", "wanted"),
    [
        ("msft", "Capital expenditures", ("MSFT", "capex")),
        ("Microsoft", "net sales", ("MSFT", "revenue")),
        ("Alphabet Inc.", "CAP-EX", ("GOOGL", "capex")),
        ("nvidia corp", "Total revenues (1)", ("NVDA", "revenue")),
        ("Amazon.com", "Capex*", ("AMZN", "capex")),
        ("Meta", "D&A", ("META", "depreciation_amortization")),
        ("MSFT US Equity", "CFO", ("MSFT", "operating_cash_flow")),
        ("NASDAQ: AMZN", "Sales", ("AMZN", "revenue")),
        ("Oracle (ORCL)", "Capital spending", ("ORCL", "capex")),
    ],
)
def test_names_and_synonyms_are_matched_in_any_case_and_said(read, company, metric, wanted):
    found = read(f"{SHORT}{company},{metric},2025Q1,5\n")
    assert rows_of(found, ["entity", "metric"]) == [wanted]
    assert f"{company} -> {wanted[0]}" in note(found, "names read") or company == wanted[0]
    assert f"{metric} -> {wanted[1]}" in note(found, "names read")


@pytest.mark.parametrize(
    ("company", "whole"),
    [("LinkedIn (Microsoft)", "MSFT"), ("Azure (MSFT)", "MSFT"), ("Meta (Reality Labs)", "META")],
)
def test_a_part_of_a_company_is_never_the_company(read, company, whole):
    with pytest.raises(DataError, match=rf"did you mean {whole}\?"):
        read(f"{SHORT}{company},revenue,2025Q1,5\n")


@pytest.mark.parametrize(
    "company", ["Microsoft Corporation (NASDAQ: MSFT)", "\uff2d\uff33\uff26\uff34", "Google (GOOG)"]
)
def test_two_names_of_one_company_and_wide_letters_are_its_name(read, company):
    (entity,) = rows_of(read(f"{SHORT}{company},revenue,2024-06-30,5\n"), ["entity"])[0]
    assert entity in ("MSFT", "GOOGL")


def test_a_near_miss_asks_and_names_all_rows(read):
    with pytest.raises(DataError) as error:
        read(f"{SHORT}Microsfot,capx,2025Q1,5\nMSFT,capex,2025Q1,5\nOracel,revenue,2025Q1,5\n")
    text = str(error.value)
    assert "3 problem(s) in 2 row(s)" in text
    assert "line 2, entity: got 'Microsfot', wanted a known name: did you mean MSFT?" in text
    assert "line 2, metric: got 'capx'" in text
    assert "did you mean capex? --name capx=capex; --name capx=capx keeps it" in text
    assert "line 4, entity: got 'Oracel', wanted a known name: did you mean ORCL?" in text


def test_a_near_miss_goes_in_as_it_is_called_or_as_it_is_written(read):
    text = f"{SHORT}MSFT,capx,2025Q1,5\n"
    assert rows_of(read(text, names={"capx": "capex"}))[0][1] == "capex"
    assert rows_of(read(text, names={"capx": "capx"}))[0][1] == "capx"


def test_a_near_miss_may_be_called_by_any_of_our_names(read):
    names = {"Microsfot": "Microsoft", "capx": "Capital expenditures"}
    found = read(f"{SHORT}Microsfot,capx,2025Q1,5\n", names=names)
    assert rows_of(found, ["entity", "metric"]) == [("MSFT", "capex")]


def test_unknown_names_are_new_and_said(read):
    found = read(f"{SHORT}Micron,gross bits shipped,2025Q1,5\n")
    assert rows_of(found, ["entity", "metric"]) == [("Micron", "gross_bits_shipped")]
    assert note(found, "new companies") == "new companies, in no table yet: Micron"
    assert note(found, "new metrics") == "new metrics, in no table yet: gross_bits_shipped"


def test_names_of_the_users_own_tables_are_known(read):
    text = f"{SHORT}MICRON,Bits shipped,2025Q1,5\nMicorn,bits_shipped,2025Q2,5\n"
    own = {"entities": frozenset({"Micron"}), "metrics": frozenset({"bits_shipped"})}
    with pytest.raises(DataError, match=r"line 3, entity: got 'Micorn'.*did you mean Micron"):
        read(text, **own)
    found = read(text.replace("Micorn", "micron"), **own)
    assert set(rows_of(found, ["entity", "metric"])) == {("Micron", "bits_shipped")}
    assert not note(found, "new")


def test_a_users_own_name_that_the_shipped_tables_know_under_another_stays(read):
    found = read(f"{SHORT}Microsoft,capex,2025Q1,5\n", entities=frozenset({"Microsoft"}))
    assert rows_of(found)[0][0] == "Microsoft"


@pytest.mark.parametrize(
    ("name", "title", "given"),
    [
        ("microsoft.csv", "", {}),
        ("desk_MSFT_2026.csv", "", {}),
        ("new.csv", "Microsoft Corp: key figures\n", {}),
        ("new.csv", "", {"entity": "microsoft"}),
    ],
)
def test_a_company_is_taken_from_option_title_or_file_name(read, name, title, given):
    found = read(f"{title}metric,period,value\ncapex,2025Q1,5\n", {**FOR_ALL, **given}, name)
    assert rows_of(found)[0][0] == "MSFT"
    assert "MSFT" in " ".join(found.notes)


@pytest.mark.parametrize(
    ("title", "got"),
    [
        ("Apple Inc. ($m); peers: Meta", "peers"), ("Meta - Street estimates ($m)", "Street"),
        ("Meta consensus", "consensus"), ("Meta ($m) budget 2026", "budget"),
        ("Meta pro forma", "pro forma"), ("Meta guidance", "guidance"), ("Meta bull case", "bull case"),
        ("Meta Reality Labs ($m)", "Labs"), ("Google Cloud and Alphabet", "Cloud"),
        ("Meta Europe", "Europe"), ("Meta in constant currency", "constant currency"),
        ("Meta, quarter-on-quarter change ($m)", "quarter-on-quarter"), ("Meta annualised", "annu"),
        ("Meta run-rate ($m)", "run-rate"), ("Pinterest vs Meta", "Pinterest, vs"),
        ("Microsoft Corp: our view", "view"), ("Meta Platforms\nConsensus estimates", "Consensus"),
        ("Meta vs Google ($m)", "GOOGL, META"),
    ],
)  # fmt: skip
def test_a_title_that_says_more_than_a_companys_name_is_asked_for(read, title, got):
    """An estimate, a part of a company or another company was stored as the company's report."""
    lines = "".join(f'"{line}"\n' for line in title.split("\n"))
    text = f"{lines},Q1 2026,Q2 2026\nRevenue,5,6\n"
    with pytest.raises(DataError, match=rf"got '?{got}.* in the title .*--entity NAME"):
        read(text)
    assert len(read(text, {**FOR_ALL, "entity": "META"}).rows) == 2


@pytest.mark.parametrize(
    "title",
    [
        "Meta Platforms, Inc. - income statement ($m)", "Meta: quarterly results, reported",
        "META key figures Q1 2026", "Meta's capital expenditures in USD m", "Meta (NASDAQ: META)",
        "Meta financials as of 30 June 2026",
    ],
)  # fmt: skip
def test_a_title_of_harmless_words_names_its_company(read, title):
    text = f'"{title}"\n,Q1 2026,Q2 2026\nRevenue,5,6\n'
    assert rows_of(read(text), ["entity"]) == [("META",), ("META",)]


@pytest.mark.parametrize("name", ["snap peers meta.csv", "meta_consensus.csv", "meta vs msft.csv"])
def test_a_files_name_that_says_more_than_a_company_is_asked_for(read, name):
    with pytest.raises(DataError, match=r"got .* in the file's name .*--entity NAME"):
        read(",Q1 2026,Q2 2026\nRevenue,5,6\n", name=name)


def test_a_title_of_estimates_over_a_column_of_companies_is_refused(read):
    text = "Consensus estimates as of 28 July 2026\nCompany,Metric,Period,Value\nMETA,{},2026Q2,5\n"
    with pytest.raises(DataError, match="got 'Consensus' above the table, in 'Consensus est"):
        read(text.format("Revenue"))
    told = text.replace("Consensus estimates", "Guidance").format("capex_guidance")
    assert rows_of(read(told), ["metric"]) == [("capex_guidance",)]


@pytest.mark.parametrize(
    ("title", "months"),
    [
        ("LTM", "LTM"), ("TTM ($m)", "TTM"), ("full year", "full year"), ("9M", "9M"),
        ("half-years", "half-years"), ("last 12 months", "12 months"), ("annual", "annual"),
        ("six months", "six months"),
    ],
)  # fmt: skip
def test_a_title_with_another_length_than_the_quarters_below_it_is_refused(read, title, months):
    """Twelve months were stored as a quarter."""
    wide = f"Meta {title}\n,Q1 2026,Q2 2026\nRevenue,5,6\n"
    long = f"{title} figures\nCompany,Metric,Period,Value\nMETA,Revenue,2026Q2,5\n"
    for text in (wide, long):
        with pytest.raises(DataError, match=rf"period: got .* wanted .*'{months}'"):
            read(text)
    for other in ("Annual and quarterly", "Fiscal year ended June 30", "Full-year and Q4"):
        assert len(read(wide.replace(title, other), {**FOR_ALL, "entity": "META"}).rows) == 2


YAHOO = """name,ttm,12/31/2025,12/31/2024
TotalRevenue,"215,000,000","200,966,000","164,501,000"
DepreciationAndAmortization,"9,000,000","8,000,000","7,000,000"
"""


def test_a_column_called_name_that_holds_metrics_is_of_metrics(read):
    """The company was TotalRevenue and the metric 215,000,000."""
    given = {**SINCE, "entity": "META", "unit": "USD k"}
    with pytest.raises(
        DataError, match=r"line 2, period: got '12/31/2025', .*dates are a year apart"
    ):
        read(YAHOO, given)
    found = read("Annual figures\n" + YAHOO, given)
    assert rows_of(found)[0] == ("META", "revenue", "2025", 200966000.0, "USD k")
    assert found.unused == ("ttm",)
    both = "Name,Metric,Period,Value\nMicron,Revenue,2025Q4,5\n"
    assert rows_of(read(both), ["entity"]) == [("Micron",)]


@pytest.mark.parametrize(
    ("text", "got"),
    [
        ("name,ttm,Q4 2025\nFoo,215,200\n", "215"),
        ("id,Q1 2026,Q2 2026,label\n0,56311,61000,Revenue\n", "0"),
        (f'{SHORT}META,"215,000,000",2025Q4,5\n', "215,000,000"),
        (f"{SHORT}META,12.5%,2025Q4,5\n", "12.5%"),
        (f"{SHORT}META,(1),2025Q4,5\n", "(1)"),
    ],
)
def test_a_number_is_no_name_of_a_metric(read, text, got):
    given = FOR_ALL if "name," in text or text.startswith(SHORT) else {**FOR_ALL, "entity": "META"}
    with pytest.raises(
        DataError, match=rf"line 2, metric: got '{re.escape(got)}', wanted the name of"
    ):
        read(text, given)


def test_a_company_is_no_metric(read):
    with pytest.raises(DataError, match="got 'AMZN', wanted the name of a metric; this is a comp"):
        read("Capex ($m),Q1 2026\nAMZN,5\n", {**SINCE, "entity": "META"})


def test_a_company_for_all_rows_that_the_file_contradicts_is_refused(read):
    text = f"{SHORT}Micron,capex,2025Q1,5\nAMZN,capex,2025Q1,5\n"
    with pytest.raises(DataError, match="--entity says META, and the file has Micron, AMZN in its"):
        read(text, {**FOR_ALL, "entity": "META"})
    found = read(text.replace("Micron", ""), {**FOR_ALL, "entity": "META"})
    assert rows_of(found, ["entity"]) == [("META",), ("AMZN",)]
    assert "--entity META is of the rows that name no company; others name AMZN" in found.notes
    same = read(text.replace("Micron", "Amazon.com").replace("AMZN,capex", "Amazon,revenue"),
                {**FOR_ALL, "entity": "amazon"})  # fmt: skip
    assert rows_of(same, ["entity"]) == [("AMZN",), ("AMZN",)]


def test_a_company_that_stands_once_is_that_of_the_lines_below(read):
    text = (
        "Company,Metric,Period,Value\nMETA,Revenue,2026Q1,56311\n,Capex,2026Q1,19840\n"
        "Amazon,Revenue,2026Q1,180000\n\n,Capex,2026Q1,44000\n"
    )
    found = read(text)
    assert [row[:2] for row in rows_of(found)] == [
        ("META", "revenue"), ("META", "capex"), ("AMZN", "revenue"), ("AMZN", "capex"),
    ]  # fmt: skip
    assert note(found, "lines without a company").endswith("above: 3 (META), 6 (Amazon)")
    # What is said for all rows fills them, and above the first there is none.
    with pytest.raises(DataError, match="line 2, entity: got ''"):
        read("Company,Metric,Period,Value\n,Capex,2026Q1,5\nMETA,Revenue,2026Q1,5\n")
    other = read(text.replace(",Capex", ",Net income", 1), {**FOR_ALL, "entity": "Micron"})
    assert rows_of(other, ["entity"]) == [("META",), ("Micron",), ("AMZN",), ("Micron",)]


# --- quarters --------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("company", "written", "period"),
    [
        ("MSFT", "Q1 FY24", "2023Q3"),
        ("MSFT", "FY2024Q1", "2023Q3"),
        ("MSFT", "FY24 Q1", "2023Q3"),
        ("MSFT", "1Q FY24", "2023Q3"),
        ("MSFT", "FQ1 2024", "2023Q3"),
        ("MSFT", "First quarter of fiscal 2024", "2023Q3"),
        ("ORCL", "Q1 FY24", "2023-06-01/2023-08-31"),
        ("ORCL", "Q3 FY24", "2023-12-01/2024-02-29"),
        ("NVDA", "Q4 FY21", "2020-10-26/2021-01-31"),
        ("META", "Mrz 26", "2026Q1"),
        ("META", "Mär-26", "2026Q1"),
        ("META", "MÄRZ 2026", "2026Q1"),
        ("META", "31. März 2026", "2026Q1"),
        ("META", "Dez-25", "2025Q4"),
        ("NVDA", "Okt 2025", "2025-07-28/2025-10-26"),
        ("ORCL", "31. Mai 2026", "2026-03-01/2026-05-31"),
        ("META", "20260630", "2026Q2"),
        ("AMZN", "1Q24", "2024Q1"),
        ("AMZN", "Q1'24", "2024Q1"),
        ("AMZN", "Q1 ’24", "2024Q1"),
        ("AMZN", "Q1 2024", "2024Q1"),
        ("AMZN", "2024 Q1", "2024Q1"),
        ("AMZN", "Q1-24", "2024Q1"),
        ("AMZN", "FY24 Q1", "2024Q1"),
        ("AMZN", "FY24", "2024"),
        ("MSFT", "FY24", "2023-07-01/2024-06-30"),
        ("NVDA", "CY24Q1", "2024Q1"),
        ("MSFT", "2026-06-30", "2026Q2"),
        ("MSFT", "30.06.2026", "2026Q2"),
        ("MSFT", "June 30, 2026", "2026Q2"),
        ("MSFT", "Quarter ended June 30, 2026", "2026Q2"),
        ("MSFT", "2026-06", "2026Q2"),
        ("MSFT", "Jun-26", "2026Q2"),
        ("NVDA", "2026-04", "2026-01-26/2026-04-26"),
        ("NVDA", "2026-01-25", "2025-10-27/2026-01-25"),
        ("ORCL", "2026-02-28", "2025-12-01/2026-02-28"),
        ("Micron", "2026-06-30", "2026Q2"),
    ],
)
def test_a_period_of_a_flow_is_read_as_its_quarter_and_said(read, company, written, period):
    found = read(f'entity,metric,Quarter,value\n{company},capex,"{written}",5\n')
    assert rows_of(found)[0][2] == period
    assert f"{written}" in note(found, "periods read")
    assert f"-> {period}" in note(found, "periods read")


@pytest.mark.parametrize("written", ["2026-05-31", "2026-06-29", "2026-05", "15 May 2026"])
def test_a_day_that_ends_no_quarter_of_the_company_is_refused(read, written):
    with pytest.raises(
        DataError, match=r"line 2, period: .*wanted the end of a quarter with a fiscal"
    ):
        read(f'{SHORT}MSFT,capex,"{written}",5\n')


def test_a_day_of_a_level_stays_a_day(read):
    found = read(f"{SHORT}OpenAI,revenue run-rate,2026-05-31,5\n")
    assert rows_of(found)[0][1:3] == ("revenue_run_rate", "2026-05-31")


def test_a_month_of_what_stands_on_a_day_is_refused_with_a_day_that_would_do(read):
    with pytest.raises(DataError, match="wanted the day on which it stood, such as 2026-02-28"):
        read(f"{SHORT}OpenAI,revenue run-rate,2026-02,5\n")


@pytest.mark.parametrize("written", ["1Q24", "Q1'24", "2024Q1", "2024"])
@pytest.mark.parametrize("company", ["MSFT", "NVDA", "ORCL"])
def test_whose_quarter_is_asked_of_a_company_with_another_year(read, company, written):
    text = f"entity,metric,Quarter,value\n{company},capex,{written},5\n"
    with pytest.raises(DataError, match="--quarters fiscal or --quarters calendar"):
        read(text)
    name = "2024" if written == "2024" else "2024Q1"
    assert rows_of(read(text, quarters="calendar"))[0][2] == name
    assert rows_of(read(text, quarters="fiscal"))[0][2] not in (name, "")
    fiscal_said = read(text.replace("Quarter", "Fiscal quarter"))
    assert rows_of(fiscal_said) == rows_of(read(text, quarters="fiscal"))
    calendar_said = read(text.replace("Quarter", "Calendar quarter"))
    assert rows_of(calendar_said)[0][2] == name


def test_a_column_of_years_and_one_of_quarters_are_one_period(read):
    text = "Fiscal year,Quarter,Company,Item,Amount\n2024,{},MSFT,capex,5\n"
    for quarter in ("Q1", "1", "1Q"):
        assert rows_of(read(text.format(quarter)))[0][2] == "2023Q3"
    plain = text.replace("Fiscal year", "Year").replace("MSFT", "AMZN")
    assert rows_of(read(plain.format("Q1")))[0][2] == "2024Q1"
    with pytest.raises(DataError, match="Year, Quarter could each be period"):
        read(plain.format("2024Q1"))


def test_the_schemas_own_spelling_under_its_own_header_is_of_the_calendar(read):
    assert rows_of(read(f"{SHORT}MSFT,capex,2024Q1,5\n"))[0][2] == "2024Q1"
    assert rows_of(read(f"{SHORT}MSFT,capex,2024Q1,5\n", quarters="fiscal"))[0][2] == "2023Q3"


def test_the_fiscal_year_of_an_unknown_company_is_asked(read):
    text = f"{SHORT}Micron,capex,Q1 FY24,5\nDell,capex,Q1 FY24,5\n"
    with pytest.raises(DataError, match="--fiscal-year-end Micron=06-30"):
        read(text)
    ends = {"Micron": "Thursday nearest 08-31", "": "01-31"}
    assert [row[2] for row in rows_of(read(text, fiscal_year_ends=ends))] == [
        "2023-09-01/2023-11-30",
        "2023-02-01/2023-04-30",
    ]
    with pytest.raises(DataError, match="cannot read the end of a fiscal year '13-01'"):
        read(text, fiscal_year_ends={"": "13-01"})


@pytest.mark.parametrize("name", ["apple", "APPLE", "Apple"])
def test_a_fiscal_year_is_stated_under_any_spelling_of_its_company(read, name):
    found = read(f"{SHORT}Apple,capex,Q1 FY25,5\n", fiscal_year_ends={name: "09-30"})
    assert rows_of(found, ["entity", "period"]) == [("Apple", "2024Q4")]
    found = read(f"{SHORT}MSFT,capex,Q1 FY25,5\n", fiscal_year_ends={"Microsoft": "09-30"})
    assert rows_of(found, ["period"]) == [("2024Q4",)]


def test_a_fiscal_year_of_a_company_that_is_not_there_is_said(read):
    found = read(f"{SHORT}Oracle,capex,Q1 FY25,5\n", fiscal_year_ends={"Oracel": "09-30"})
    assert note(found, "fiscal year ends of companies that the file does not have: Oracel")


def test_shipped_fiscal_years_give_the_quarters_of_the_shipped_table():
    """Every quarter that NVIDIA, Oracle and Microsoft report is one of their fiscal quarters."""
    table = read_vintages()
    for name in ("NVDA", "ORCL", "MSFT"):
        rule = companies().things[name].fiscal_year_end
        held = set(table[(table["entity"] == name) & (table["metric"] == "revenue")]["period"])
        made = {
            fiscal.period_name(fiscal.fiscal_quarter(rule, year, quarter))
            for year in range(2019, 2028)
            for quarter in (1, 2, 3, 4)
        }
        assert len(held) >= 28
        assert held <= made


MONTH_ENDS = st.integers(1, 12).map(lambda m: f"{m:02d}-{calendar.monthrange(2023, m)[1]}")
WEEK_ENDS = st.tuples(
    st.sampled_from(list(calendar.day_name)),
    st.integers(1, 12),
    st.sampled_from(["last", "nearest"]),
).map(
    lambda t: (
        f"last {t[0]} of {calendar.month_name[t[1]]}"
        if t[2] == "last"
        else f"{t[0]} nearest {t[1]:02d}-{calendar.monthrange(2023, t[1])[1]}"
    )
)


@settings(deadline=None, max_examples=200)
@over(MONTH_ENDS | WEEK_ENDS, st.integers(2000, 2090), st.integers(1, 4))
def test_quarters_of_any_fiscal_year_follow_on_one_another_and_round_trip(rule, year, quarter):
    first, last = fiscal.fiscal_quarter(rule, year, quarter)
    then = (year, quarter + 1) if quarter < 4 else (year + 1, 1)
    assert fiscal.fiscal_quarter(rule, *then)[0] == last + dt.timedelta(days=1)
    assert 84 <= (last - first).days + 1 <= 98
    assert fiscal.quarter_that(rule, last.year, lambda end: end == last) == (first, last)
    if quarter == 4:
        assert last == fiscal.year_end(rule, year)
    for text in (f"Q{quarter} FY{year}", f"FY{year}Q{quarter}", f"{quarter}Q FY{year % 100:02d}"):
        one = spelled(text)
        assert (one.year, one.number, one.whose) == (year, quarter, "fiscal")


# --- how long a period is --------------------------------------------------------------------
LONG = "Company,Metric,{},Value\nMETA,Revenue,{},5\n"


@pytest.mark.parametrize(
    "head", ["Fiscal year", "Year", "Year ended", "FYE", "Fiscal year end", "FY"]
)
@pytest.mark.parametrize("day", ["31/12/2025", "2025-12-31", "Dec-25"])
def test_a_header_of_years_over_dates_makes_years(read, head, day):
    """A year's revenue stood as that of its last quarter, since the metric has quarters."""
    assert rows_of(read(LONG.format(head, day)), ["period"]) == [("2025",)]
    found = read(LONG.format("Fiscal year", "30/06/2025").replace("META", "MSFT"))
    assert rows_of(found, ["period"]) == [("2024-07-01/2025-06-30",)]
    with pytest.raises(DataError, match=r"the end of a year .*since '.*' says how long it is"):
        read(LONG.format(head, "2025-09-30"))


@pytest.mark.parametrize(
    ("more", "cell", "period"),
    [
        ("Frequency", "Annual", "2025"),
        ("Frequency", "Quarterly", "2025Q4"),
        ("Period type", "FY", "2025"),
        ("Period type", "Q4", "2025Q4"),
        ("Months", "12", "2025"),
        ("Months", "3", "2025Q4"),
        ("Duration", "52 weeks", "2025"),
        ("Duration", "92 days", "2025Q4"),
        ("Period start", "2025-01-01", "2025"),
        ("Period start", "2025-10-01", "2025Q4"),
        ("Start date", "01/10/2025", "2025Q4"),
        ("Months", "6", "'6' says that it is 6 month"),
        ("Months", "9", "9 month"),
        ("Period type", "YTD", "the year to its day"),
        ("Frequency", "Semi-annual", "6 month"),
        ("Frequency", "odd", "got 'odd', wanted how long the period is: quarterly, annual"),
        ("Period start", "2025-07-01", "these are 184 days, which no row can be"),
        ("Period start", "2026-07-01", "which no row can be"),
        ("Period start", "early", "start: got 'early', wanted the first day"),
    ],
)
def test_a_column_says_how_long_the_period_of_its_line_is(read, more, cell, period):
    text = f"Company,Metric,{more},Period end,Value\nMETA,Revenue,{cell},31/12/2025,5\n"
    if period[0] == "2":
        assert rows_of(read(text), ["period"]) == [(period,)]
        return
    with pytest.raises(DataError, match=f"line 2, .*{period}"):
        read(text)


@pytest.mark.parametrize(
    ("cell", "period"), [("Annual", "2025Q4"), ("Quarterly", "2025"), ("6", "2025Q4")]
)
def test_a_length_that_a_period_does_not_have_is_refused(read, cell, period):
    with pytest.raises(DataError, match=r"line 2, period: got .*wanted"):
        read(f"Company,Metric,Frequency,Period,Value\nMETA,Revenue,{cell},{period},5\n")


def test_a_year_may_stand_among_the_quarters_of_a_quarterly_table(read):
    found = read("Quarterly results,Q4 2025,FY 2025\nRevenue,5,20\n", {**FOR_ALL, "entity": "META"})
    assert rows_of(found, ["period"]) == [("2025Q4",), ("2025",)]


def test_the_first_day_makes_fiscal_quarters_too(read):
    text = "Company,Metric,Start date,End date,Value\nNVDA,capex,{},2026-01-25,5\n"
    for first, period in (
        ("2025-10-27", "2025-10-27/2026-01-25"),
        ("2025-01-27", "2025-01-27/2026-01-25"),
    ):
        assert rows_of(read(text.format(first)), ["period"]) == [(period,)]


ABOVE = "META ($m)\n,{},\n,{},{}\nRevenue,5,6\n"
SINCE = {"source": "s", "reported_on": "2026-11-01"}


@pytest.mark.parametrize(
    ("above", "heads", "periods"),
    [
        ("Twelve months ended", ("31 Dec 2024", "31 Dec 2025"), ("2024", "2025")),
        ("Three months ended", ("31 Dec 2024", "31 Dec 2025"), ("2024Q4", "2025Q4")),
        ('"Year Ended December 31,"', ("2024", "2025"), ("2024", "2025")),
        ('"Three Months Ended December 31,"', ("2024", "2025"), ("2024Q4", "2025Q4")),
        ('"Three Months Ended June 30, (unaudited)"', ("2025", "2026"), ("2025Q2", "2026Q2")),
        ('"For the quarter ended Sept 30,"', ("2024", "2025"), ("2024Q3", "2025Q3")),
        ('"Thirteen weeks ended June 30,"', ("2025", "2026"), ("2025Q2", "2026Q2")),
        ("Q4", ("2024", "2025"), ("2024Q4", "2025Q4")),
        ("Six months ended", ("30 Jun 2025", "30 Jun 2026"), ()),
        ('"Nine Months Ended September 30,"', ("2024", "2025"), ()),
        ("Year to date", ("30 Jun 2025", "30 Jun 2026"), ()),
        ("YTD", ("Q1 2026", "Q2 2026"), ()),
    ],
)
def test_what_stands_above_the_dates_says_how_long_their_periods_are(read, above, heads, periods):
    text = ABOVE.format(above, *heads)
    if periods:
        assert rows_of(read(text, SINCE), ["period"]) == [(p,) for p in periods]
        return
    with pytest.raises(DataError, match=r"line 4, period: .*which no row can be: take the earlier"):
        read(text, SINCE)


@pytest.mark.parametrize(
    ("corner", "periods"),
    [
        ("12 Months Ending", ("2024", "2025")),
        ("3 Months Ending", ("2024Q4", "2025Q4")),
        ("Quarter ended", ("2024Q4", "2025Q4")),
        ("Year ended ($m)", ("2024", "2025")),
        ("9 Months Ending", ()),
        ("Period ending", ()),
    ],
)
def test_the_corner_says_how_long_the_periods_beside_it_are(read, corner, periods):
    text = f"META US Equity,,\nIn Millions of USD,,\n{corner},12/31/2024,12/31/2025\nRevenue,5,6\n"
    if periods:
        assert rows_of(read(text, SINCE), ["entity", "period", "unit"]) == [
            ("META", p, "USD m") for p in periods
        ]
        return
    with pytest.raises(DataError, match=r"line 4, period: got '12/31/2024', wanted"):
        read(text, SINCE)


def test_a_corner_that_says_whose_the_periods_are_says_it_of_a_later_block_too(read):
    text = (
        "META ($m),Q1 2026,Q2 2026\nRevenue,5,6\nAmazon quarterly ($m),Q1 2026,Q2 2026\nCapex,7,8\n"
    )
    named = read(text, SINCE)
    assert rows_of(named)[2][:2] == ("Amazon quarterly", "capex")  # a new company, and never META
    assert note(named, "new companies")
    found = read(text.replace("Amazon quarterly ($m)", "3 Months Ending"), SINCE)
    assert rows_of(found)[2] == ("META", "capex", "2026Q1", 7.0, "USD m")


def test_two_lines_of_headers_are_one_and_keep_the_unit(read):
    text = "META US Equity,,\nIn Millions of USD,FY 2024,FY 2025\n"
    found = read(
        f'{text}12 Months Ending,12/31/2024,12/31/2025\nRevenue,"164,501","200,966"\n', SINCE
    )
    assert rows_of(found) == [
        ("META", "revenue", "2024", 164501.0, "USD m"),
        ("META", "revenue", "2025", 200966.0, "USD m"),
    ]


@pytest.mark.parametrize(
    ("title", "periods"),
    [
        ("META annual figures ($m)", ("2024", "2025")),
        ("META full-year results ($m)", ("2024", "2025")),
        ("META quarterly figures ($m)", ("2024Q4", "2025Q4")),
        ("META year to date ($m)", ()),
        ("META annual and quarterly figures ($m)", ()),
        ("META ($m)", ()),
    ],
)
def test_a_title_says_how_long_periods_are(read, title, periods):
    text = f"{title}\nMetric,31 Dec 2024,31 Dec 2025\nRevenue,5,6\n"
    if periods:
        assert rows_of(read(text, SINCE), ["period"]) == [(p,) for p in periods]
        return
    with pytest.raises(DataError, match=r"line 3, period: got '31 Dec 2024', wanted"):
        read(text, SINCE)


def test_a_title_of_two_lengths_is_asked_of_where_only_a_day_is_known(read):
    text = "META, $m, for the 3 months and 12 months ended\nMetric,{}\nRevenue,5\n"
    with pytest.raises(
        DataError, match="since what stands above says '3 months' and '12 months': "
    ):
        read(text.format("31/12/2025"), SINCE)
    assert rows_of(read(text.format("Q4 2025"), {**SINCE, "unit": "USD m"}), ["period"]) == [
        ("2025Q4",)
    ]


@pytest.mark.parametrize(
    "heads",
    [
        "META ($m),Dec-23,Dec-24,Dec-25",
        "META ($m),Dec-25,Dec-23",
        "MSFT ($m),30 Jun 2024,30 Jun 2025",
        "NVDA ($m),2025-01-26,2026-01-25",
        "META ($m),2024-12-31,2025-12-31,2026-03-31",
    ],
)
def test_dates_a_year_apart_are_asked_of_and_not_taken_for_quarters(read, heads):
    figures = ",5" * heads.count(",")
    with pytest.raises(DataError, match="since these dates are a year apart: write the quarter or"):
        read(f"{heads}\nRevenue{figures}\n", SINCE)
    company, *days = heads.replace(" ($m)", "").split(",")
    long = "".join(f"{company},Revenue,{day},5\n" for day in days)
    with pytest.raises(DataError, match="since these dates are a year apart"):
        read(f"Company,Metric,Period,Value\n{long}")
    if "2026-03" not in heads:
        found = read(f"Company,Metric,Quarter ended,Value\n{long}")
        assert len(found.rows) == len(days)


def test_quarters_with_gaps_are_quarters(read):
    heads = "META ($m),Jun-25,Mar-26,Jun-26\n"
    assert rows_of(read(f"{heads}Revenue,5,6,7\n", SINCE), ["period"]) == [
        ("2025Q2",), ("2026Q1",), ("2026Q2",),
    ]  # fmt: skip


def test_guidance_on_the_end_of_a_year_is_of_a_quarter_or_a_year(read):
    with pytest.raises(DataError, match="since it is told of quarters and of years"):
        read(f"{SHORT}META,capex guidance,2026-12-31,130\n")
    assert rows_of(read(f"{SHORT}META,capex guidance,2026-09-30,30\n"))[0][2] == "2026Q3"


@pytest.mark.parametrize(
    ("year", "month", "period"),
    [("2025", "12", "2025Q4"), ("2026", "6", "2026Q2"), ("2026", "June", "2026Q2"),
     ("2026", "5", "")],
)  # fmt: skip
def test_a_column_of_years_and_one_of_months_are_one_period(read, year, month, period):
    text = f"Company,Metric,Year,Month,Value\nMETA,Revenue,{year},{month},5\n"
    if period:
        assert rows_of(read(text), ["period"]) == [(period,)]
        return
    with pytest.raises(
        DataError, match=r"line 2, period: got '2026-5', wanted the end of a quarter"
    ):
        read(text)


# --- days ------------------------------------------------------------------------------------
DATED = "entity,metric,period,value,reported_on\n"


@pytest.mark.parametrize(
    ("written", "said", "day"),
    [
        ("2026-05-06", {}, "2026-05-06"),
        ("6 May 2026", {}, "2026-05-06"),
        ('"May 6, 2026"', {}, "2026-05-06"),
        ("6-May-26", {}, "2026-05-06"),
        ("30/05/2026", {}, "2026-05-30"),
        ("05/30/2026", {}, "2026-05-30"),
        ("30.05.2026", {}, "2026-05-30"),
        ("06/05/2026", {"dates": "day-first"}, "2026-05-06"),
        ("05/06/2026", {"dates": "month-first"}, "2026-05-06"),
        ("05/05/2026", {}, "2026-05-05"),
        ("46148", {}, "2026-05-06"),
        ("20260506", {}, "2026-05-06"),
        ("2026-05-06 16:05", {}, "2026-05-06"),
        ("2026-05-06T20:00:00Z", {}, "2026-05-06"),
        ("2026-05-06T20:00:00.000+02:00", {}, "2026-05-06"),
        ("30/05/2026 4:05 PM", {}, "2026-05-30"),
        ("6. Mai 2026", {}, "2026-05-06"),
        ("06/05/2026 16:05", {"dates": "day-first"}, "2026-05-06"),
        ("2026-05-06 00:00:00", {}, "2026-05-06"),
    ],
)
def test_a_day_is_read_however_it_is_written(read, written, said, day):
    found = read(
        f"{DATED}MSFT,capex,2026Q1,5,{written}\n", {"unit": "USD m", "source": "s"}, **said
    )
    assert found.rows["reported_on"].tolist() == [day]


def test_a_time_of_day_does_not_hide_that_the_order_of_days_is_open(read):
    with pytest.raises(
        DataError, match="line 2, reported_on: got '06/05/2026 16:05', wanted a day of"
    ):
        read(f"{DATED}MSFT,capex,2026Q1,5,06/05/2026 16:05\n", {"unit": "USD m", "source": "s"})


def test_the_order_of_days_is_told_by_the_column_or_asked(read):
    rest = {"unit": "USD m", "source": "s"}
    told = f"{DATED}MSFT,capex,2026Q1,5,06/05/2026\nMSFT,revenue,2026Q1,5,30/04/2026\n"
    assert read(told, rest).rows["reported_on"].tolist() == ["2026-05-06", "2026-04-30"]
    with pytest.raises(DataError, match=r"line 2, reported_on.*--day-first or --month-first"):
        read(told.replace("30/04", "04/04"), rest)
    with pytest.raises(DataError, match=r"line 2, reported_on.*--day-first or --month-first"):
        read(told + "MSFT,net_income,2026Q1,5,04/30/2026\n", rest)  # both orders


# --- numbers ---------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("1,234", 1234.0),
        ("(1,234)", -1234.0),
        ("1,234.5", 1234.5),
        ("1.234,5", 1234.5),
        ("$1,234", 1234.0),
        ("($1,234)", -1234.0),
        ("1\u00a0234", 1234.0),
        ("1\u202f234,5", 1234.5),
        ("1 234 567", 1234567.0),
        ("1'234", 1234.0),
        ("1’234.5", 1234.5),
        ("\u22121,234", -1234.0),
        ("1,234-", -1234.0),
        ("1.5e3", 1500.0),
        ("1234.567", 1234.567),
        ("0.125", 0.125),
        (".5", 0.5),
        ("USD 35m", 35.0),
    ],
)
def test_a_number_is_read_however_it_is_written(read, written, value):
    found = read(f'{SHORT}MSFT,net income,2026Q1,"{written}"\n')
    assert found.rows["value"].tolist() == [value]


@pytest.mark.parametrize(
    "written",
    ["٣٤", "1５", "34,900²", "12-13", "1,23,4", "five", "1.2.3", "12 34", "3 lots", "nan", "#REF!"],
)
def test_what_is_no_number_is_refused(read, written):
    with pytest.raises(DataError, match=r"line 2, value: got .*wanted a number"):
        read(f'{SHORT}MSFT,capex,2026Q1,"{written}"\n')


AMBIGUOUS = f"{SHORT}MSFT,capex,2026Q1,34.900\nMSFT,revenue,2026Q1,81273\n"


@pytest.mark.parametrize(
    "written", ["1.234,-", "34'900.-", "1.234,\u2013", "34.9 (1)", "3.490 (2)", "34.9 (34.8)"]
)
def test_no_cents_and_footnotes_are_no_sign_and_no_digits(read, written):
    """German and Swiss amounts end in a dash for no cents; a free cash flow became negative by it."""
    with pytest.raises(DataError, match=r"line 2, value: got .*, wanted a number") as error:
        read(f'{SHORT}AMZN,FCF,2025Q1,"{written}"\n')
    assert "None" not in str(error.value)


def test_brackets_about_a_unit_are_no_sign(read):
    found = read(f"{SHORT}AMZN,FCF,2025Q1,34.9 (USD m)\n")
    assert rows_of(found, ["value", "unit"]) == [(34.9, "USD m")]


@pytest.mark.parametrize(
    ("written", "decimal", "value"),
    [("3,49E+04", "comma", 34900.0), ("3.49E+04", "point", 34900.0), ("3,49E+04", "", 34900.0),
     ("3.490E4", "comma", None), ("3,490E4", "point", None)],
)  # fmt: skip
def test_powers_of_ten_keep_the_decimal_sign(read, written, decimal, value):
    text = f'{SHORT}AMZN,capex,2025Q1,"{written}"\n'
    if value is not None:
        assert rows_of(read(text, decimal=decimal), ["value"]) == [(value,)]
        return
    with pytest.raises(DataError, match=f"wanted a number with the decimal {decimal}"):
        read(text, decimal=decimal)


def test_a_factor_of_a_thousand_is_asked_and_not_guessed(read):
    with pytest.raises(DataError) as error:
        read(AMBIGUOUS)
    assert "line 2, value: got '34.900', wanted a decimal sign that is stated" in str(error.value)
    assert "--decimal point makes it 34.9, --decimal comma 34900.0" in str(error.value)
    assert read(AMBIGUOUS, decimal="comma").rows["value"].tolist() == [34900.0, 81273.0]
    assert read(AMBIGUOUS, decimal="point").rows["value"].tolist() == [34.9, 81273.0]


def test_a_column_tells_its_decimal_sign(read):
    told = AMBIGUOUS.replace("81273", '"81.273,5"')
    assert read(told).rows["value"].tolist() == [34900.0, 81273.5]
    assert read(AMBIGUOUS.replace("81273", "81273.5")).rows["value"].tolist() == [34.9, 81273.5]
    with pytest.raises(DataError, match="one decimal sign in all numbers"):
        read(told + "MSFT,net_income,2026Q1,1.5\n")


def test_a_comma_between_thousands_is_said_and_in_a_file_of_semicolons_asked(read):
    found = read(f'{SHORT}MSFT,capex,2026Q1,"34,900"\n')
    assert found.rows["value"].tolist() == [34900.0]
    assert "34,900" in note(found, "read with the comma between thousands")
    with pytest.raises(DataError, match=r"--decimal point makes it 34900.0, --decimal comma 34.9"):
        read("entity;metric;period;value\nMSFT;capex;2026Q1;34,900\n")


@pytest.mark.parametrize("written", ["-", "n/a", "—", "N.A.", ""])
def test_a_cell_that_says_there_is_no_number_is_left_out_and_said(read, written):
    found = read(f"{SHORT}MSFT,capex,2026Q1,5\nMSFT,revenue,2026Q1,{written}\n")
    assert len(found.rows) == 1
    assert "line 3" in note(found, "left out, without a number")
    with pytest.raises(DataError, match="got no number in any row"):
        read(f"{SHORT}MSFT,capex,2026Q1,{written}\n")


GROUPS = {
    "point": [("", "."), (",", "."), (" ", "."), ("'", "."), ("\u202f", ".")],
    "comma": [("", ","), (".", ","), (" ", ","), ("\u00a0", ",")],
}


@settings(deadline=None, max_examples=300)
@over(
    st.integers(-(10**12), 10**12),
    st.integers(0, 4),
    st.sampled_from([(c, *pair) for c, pairs in GROUPS.items() for pair in pairs]),
    st.booleans(),
)
def test_numbers_of_each_convention_read_back(whole, places, convention, brackets):
    decimal, group, sign = convention
    value = whole / 10**places
    text = f"{abs(value):,.{places}f}".replace(",", "G").replace(".", "D")
    text = text.replace("G", group).replace("D", sign)
    text = (f"({text})" if brackets else f"-{text}") if value < 0 else text
    parts = numerals.numeral(text)
    got = numerals.value_of(parts.body, decimal)
    assert (-got if parts.minus else got) == pytest.approx(value, rel=1e-15)
    # What a number shows of its sign is never the other one.
    assert numerals.shown_by(parts.body) in ("", decimal)


# --- units -----------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("header", "unit"),
    [
        ("Amount (USD m)", "USD m"),
        ("Value ($bn)", "USD bn"),
        ("Amount ($m)", "USD m"),
        ("Amount in US$ millions", "USD m"),
        ("Amount USD mn", "USD m"),
        ("Value, USD (millions)", "USD m"),
        ("Amount in millions of USD", "USD m"),
        ("Amount (millions of U.S. dollars)", "USD m"),
        ("Value ($'000)", "USD k"),
        ("Amount (USD)", "USD"),
    ],
)
def test_a_unit_in_a_header_is_read(read, header, unit):
    rest = {"source": "s", "reported_on": "2026-11-01"}
    found = read(f'entity,metric,period,"{header}"\nMSFT,capex,2026Q1,5.5\n', rest)
    assert found.rows["unit"].tolist() == [unit]
    assert found.columns["value"] == header


@pytest.mark.parametrize(
    "written", ["$m", "USD mn", "US$ millions", "in millions of USD", "usdm", "USD Million"]
)
def test_a_unit_in_its_column_is_read(read, written):
    text = f"entity,metric,period,value,unit\nMSFT,capex,2026Q1,5.5,{written}\n"
    assert read(text, {"source": "s", "reported_on": "2026-11-01"}).rows["unit"].tolist() == [
        "USD m"
    ]


@pytest.mark.parametrize(
    "title", ["USD in millions", "(in millions of US dollars)", "All figures in $m"]
)
def test_a_unit_in_the_title_is_read(read, title):
    text = f"{title},,\nentity,metric,period,value\nMSFT,capex,2026Q1,5.5\n"
    found = read(text, {"source": "s", "reported_on": "2026-11-01"})
    assert found.rows["unit"].tolist() == ["USD m"]
    assert "above the table" in found.notes[0]


def test_a_unit_below_the_header_is_read(read):
    text = "entity,metric,period,value\n,,,USD bn\nMSFT,capex,2026Q1,5.5\n"
    assert read(text, {"source": "s", "reported_on": "2026-11-01"}).rows["unit"].tolist() == [
        "USD bn"
    ]


def test_another_currency_is_never_dollars(read):
    rest = {"source": "s", "reported_on": "2026-11-01"}
    for header in ("Amount (EUR m)", "Amount (€m)", "Amount in A$ millions"):
        with pytest.raises(DataError, match=r"line 2, unit: got '(EUR|AUD) m', wanted one of USD"):
            read(f"entity,metric,period,{header}\nMSFT,capex,2026Q1,5.5\n", rest)
    with pytest.raises(DataError, match=r"says EUR m, --unit says USD m"):
        read("entity,metric,period,Amount (EUR m)\nMSFT,capex,2026Q1,5.5\n")
    with pytest.raises(DataError, match=r"got '€5.5', wanted a number in USD m"):
        read(f"{SHORT}MSFT,capex,2026Q1,€5.5\n")


def test_a_currency_is_not_a_unit(read):
    rest = {"source": "s", "reported_on": "2026-11-01"}
    text = "entity,metric,period,value,Currency\nMSFT,capex,2026Q1,5.5,USD\n"
    with pytest.raises(
        DataError, match=r'line 2, unit: got .USD.*a currency alone is not: --unit "USD m"'
    ):
        read(text, rest)
    assert read(text).rows["unit"].tolist() == ["USD m"]  # said for all rows
    with pytest.raises(DataError, match="EUR m"):
        read(text.replace("USD\n", "EUR\n"))
    both = "entity,metric,period,value,Currency,Scale\nMSFT,capex,2026Q1,5.5,USD,{}\n"
    for scale, unit in (("millions", "USD m"), ("bn", "USD bn"), ("1000000", "USD m")):
        assert read(both.format(scale), rest).rows["unit"].tolist() == [unit]
    scale_alone = both.replace(",Currency", "").replace(",USD", "")
    with pytest.raises(DataError, match='a currency too: say --unit "USD m"'):
        read(scale_alone.format("millions"), rest)


@pytest.mark.parametrize(
    ("text", "got"),
    [
        ("entity,metric,period,Value (m)\nMETA,Revenue,2026Q1,61000\n", "m"),
        ("In millions\nentity,metric,period,value\nMETA,Revenue,2026Q1,61000\n", "In millions"),
        (f"{SHORT}META,Revenue (bn),2026Q1,61\n", "bn"),
    ],
)
def test_a_scale_without_a_currency_is_named_where_it_stands(read, text, got):
    with pytest.raises(DataError, match=rf"unit: got '{got}', wanted a currency too"):
        read(text, {"source": "s", "reported_on": "2026-11-01"})


def test_a_unit_in_the_cell_is_its_unit_or_agrees_with_that_around_it(read):
    rest = {"source": "s", "reported_on": "2026-11-01"}
    found = read(f"{SHORT}MSFT,capex,2026Q1,$34.9bn\nMSFT,revenue,2026Q1,$81 bn\n", rest)
    assert rows_of(found)[0][3:] == (34.9, "USD bn")
    with pytest.raises(DataError, match=r"got '34.9bn', wanted a number in USD m"):
        read("entity,metric,period,Amount (USD m)\nMSFT,capex,2026Q1,34.9bn\n", rest)
    with pytest.raises(DataError, match=r"got '34.9bn', wanted a currency too"):
        read(f"{SHORT}MSFT,capex,2026Q1,34.9bn\nMSFT,revenue,2026Q1,$81bn\n", rest)


@pytest.mark.parametrize("sign", ["€", "£", "¥", "%"])
@pytest.mark.parametrize("label", ["Revenue ({})", "Net sales {}", "Revenue, {}"])
def test_a_sign_beside_a_known_metric_is_not_lost(read, label, sign):
    """Names are compared without signs, so that "Revenue (€)" was revenue in dollars."""
    said = label.format(sign)
    for text in (f'{SHORT}AMZN,"{said}",2025Q1,5\n',
                 f'entity,metric,period,Amount (USD m)\nAMZN,"{said}",2025Q1,5\n',
                 f'Amazon,Q1 2025,Q2 2025\n"{said}",5,6\n'):  # fmt: skip
        with pytest.raises(DataError, match=r"line 2, unit: got '(EUR|GBP|JPY|percent)"):
            read(text)


@pytest.mark.parametrize(
    ("unit", "currency", "scale", "metric"),
    [("USD m", "EUR", "", "revenue"), ("USD m", "", "bn", "revenue"), ("USD m", "XXX", "", "revenue"),
     ("USD m", "", "", "Revenue (€)"), ("USD m", "", "", "Revenue ($bn)"),
     ("", "USD", "m", "Revenue (€)"),
     ("USD m", "", "", "Revenue %"), ("%", "", "m", "revenue")],
)  # fmt: skip
def test_cells_of_a_line_that_disagree_on_its_unit_are_refused(read, unit, currency, scale, metric):
    with pytest.raises(DataError, match=r"line 2, (unit|currency): got"):
        read(
            f"{SHORT.strip()},unit,currency,scale\nAMZN,{metric},2025Q1,5,{unit},{currency},{scale}\n"
        )


@pytest.mark.parametrize("scale", ["10", "100", "6", "1e6", "x1000", "10,000"])
def test_a_scale_that_is_none_is_refused(read, scale):
    for unit in ("", "USD m"):
        text = "entity,metric,period,value,currency,scale,unit\nAMZN,capex,2025Q1,5,USD,"
        with pytest.raises(DataError, match=r"line 2, scale: got .*wanted a scale such as"):
            read(f'{text}"{scale}",{unit}\n')


@pytest.mark.parametrize("unit", ["TUSD", "T USD", "T$"])
def test_t_before_a_currency_is_thousands_or_trillions_and_neither(read, unit):
    with pytest.raises(DataError, match=f"line 2, unit: got '{re.escape(unit)}'"):
        read(f"{SHORT.strip()},unit\nAMZN,capex,2025Q1,5,{unit}\n")


def test_a_label_may_carry_its_unit(read):
    text = (
        "entity,item,period,value\nMSFT,Capex ($bn),2026Q1,5.5\nMSFT,Gross margin (%),2026Q1,68.5\n"
    )
    found = read(text, {"source": "s", "reported_on": "2026-11-01"})
    assert rows_of(found) == [
        ("MSFT", "capex", "2026Q1", 5.5, "USD bn"),
        ("MSFT", "gross_margin", "2026Q1", 68.5, "percent"),
    ]


@pytest.mark.parametrize(
    "text", ["Revenue", "currency", "Capex", "in", "Q1 FY24", "million things"]
)
def test_what_is_no_unit_is_none(text):
    assert unit_words(text) is None
    assert split_unit(text) == (text, "")


def test_parameters_have_a_scale_and_no_currency():
    assert unit_name(UnitWords(scale=1e9), "parameters") == "bn parameters"


# --- layouts ---------------------------------------------------------------------------------
def test_the_shipped_messy_sheet_goes_in_with_one_answer():
    """Wide, blocks of companies with their fiscal quarters, a title, synonyms, one wrong number."""
    found = read_user_table(
        data_dir() / "examples" / "messy_desk_sheet.csv", None, {"source": "desk"}
    )
    rows = {(r.entity, r.metric, r.period): r for r in found.rows.itertuples()}
    assert len(rows) == 17
    assert {r.unit for r in rows.values()} == {"USD m"}
    made_up = {
        ("MSFT", "capex", "2026Q2"): (34.9, "2026-07-28"),
        ("MSFT", "revenue", "2026Q2"): (86400.0, "2026-07-28"),
        ("ORCL", "capex", "2026-03-01/2026-05-31"): (19200.0, "2026-06-16"),
        ("ORCL", "revenue", "2026-03-01/2026-05-31"): (18900.0, "2026-06-16"),
        ("NVDA", "capex", "2026-01-26/2026-04-26"): (1750.0, "2026-05-27"),
    }
    assert {k: (rows[k].value, rows[k].reported_on) for k in made_up} == made_up
    changes = compare(read_vintages(), found.rows)
    assert len(changes.there) == 12  # what earnings.csv says, to the day
    assert len(changes.new) == 5
    assert len(changes.conflicts) == len(changes.revisions) == 0
    jumps = changes.new[changes.new["jump"] != ""]
    assert jumps["metric"].tolist() == ["capex"]  # the wrong number is told
    assert jumps["value"].tolist() == [34.9]
    assert "left out, without a number: cell D17 'n/a'" in found.notes


def test_the_shipped_messy_sheet_goes_in_with_one_command(tmp_path, capsys):
    sheet = data_dir() / "examples" / "messy_desk_sheet.csv"
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "earnings.csv").write_bytes((data_dir() / "earnings.csv").read_bytes())
    place = ["--data", str(tmp_path / "data"), "--out", str(tmp_path / "out")]
    assert main.main(["data", "add", str(sheet), "--source", "desk", *place]) == 0
    out, err = capsys.readouterr()
    assert "5 new, 0 revisions, 12 already there, 0 conflicts" in out
    assert "Q4 FY26 of MSFT -> 2026Q2" in err


def test_blocks_of_companies_below_one_header():
    found = read_user_table(
        FILES / "blocks.csv", None, {"source": "s"}, None, Reading(decimal="comma")
    )
    assert rows_of(found, ["entity", "metric", "period", "value", "reported_on"]) == [
        ("MSFT", "capex", "2023Q3", 9917.0, "2023-10-24"),
        ("MSFT", "capex", "2023Q4", 9735.0, "2024-01-30"),
        ("MSFT", "revenue", "2023Q3", 56517.0, "2023-10-24"),
        ("MSFT", "revenue", "2023Q4", 62020.0, "2024-01-30"),
        ("ORCL", "capex", "2023-06-01/2023-08-31", 1314.0, "2023-09-11"),
        ("ORCL", "capex", "2023-09-01/2023-11-30", 1080.0, "2023-12-11"),
    ]
    assert "line 7 'Income statement'" in note(found, "lines with a text")
    with pytest.raises(DataError, match="decimal sign that is stated"):
        read_user_table(FILES / "blocks.csv", None, {"source": "s"})


def test_what_was_said_of_one_company_does_not_hold_for_the_next(read):
    text = (FILES / "blocks.csv").read_text().replace("Report date;11.09.2023;11.12.2023\n", "")
    with pytest.raises(DataError, match=r"line 10, reported_on: got ''"):
        read(text, {"source": "s"}, decimal="comma")


def test_an_unknown_line_of_its_own_is_asked_for(read):
    text = (FILES / "blocks.csv").read_text().replace("Oracle", "Micron")
    end = {"fiscal_year_ends": {"Micron": "05-31"}, "decimal": "comma"}
    with pytest.raises(
        DataError, match=r"got 'Micron', wanted a company's name.*--name Micron=Micron"
    ):
        read(text, {"source": "s"}, **end)
    found = read(text, {"source": "s"}, names={"Micron": "Micron"}, **end)
    assert set(found.rows["entity"]) == {"MSFT", "Micron"}


def test_quarters_below_their_years():
    found = read_user_table(FILES / "years_above.csv", None, FOR_ALL)
    rows = {row[:3]: row[3] for row in rows_of(found)}
    assert len(rows) == 15
    assert rows["MSFT", "capex", "2024Q3"] == 14923.0
    assert rows["MSFT", "revenue", "2025Q3"] == 77673.0
    assert rows["ORCL", "capex", "2024-06-01/2024-08-31"] == 2303.0


def test_metrics_as_columns():
    found = read_user_table(FILES / "metrics_across.csv")
    assert rows_of(found) == [
        ("AMZN", "capex", "2026Q1", 43200.0, "USD m"),
        ("AMZN", "revenue", "2026Q1", 181.5, "USD bn"),
        ("AMZN", "capex", "2025Q4", 39500.0, "USD m"),
        ("AMZN", "revenue", "2025Q4", 213.4, "USD bn"),
    ]


def test_a_german_file_under_its_own_headers():
    names = {"Firma": "entity", "Kennzahl": "metric", "Quartal": "period", "gemeldet am": "reported_on",
             "Betrag (USD m)": "value"}  # fmt: skip
    found = read_user_table(FILES / "german_long.csv", names, {"source": "s"})
    assert rows_of(found) == [
        ("MSFT", "capex", "2026Q1", 30876.0, "USD m"),
        ("MSFT", "revenue", "2026Q1", 82886.5, "USD m"),
    ]
    assert found.rows["reported_on"].tolist() == ["2026-04-29"] * 2


def test_a_table_of_companies_whose_title_names_the_metric(read):
    text = "Capex (USD bn),,\nCompany,1Q26,2Q26\nAmazon,1,2\nMeta,3,4\nTotal,4,6\n"
    found = read(text, {"source": "s", "reported_on": "2026-11-01"})
    assert rows_of(found)[3] == ("META", "capex", "2026Q2", 4.0, "USD bn")
    assert len(found.rows) == 4
    assert "left out, sums and the like: Total" in found.notes


@pytest.mark.parametrize(
    ("header", "cell"),
    [
        ("Type", "Forecast"), ("Type", "Estimate"), ("Our view", "Bull"), ("Scenario", "Upside 2"),
        ("Region", "North America"), ("Segment", "AWS"), ("Product", "Azure"), ("Basis", "Non-GAAP"),
        ("What", "consensus"), ("Status", "preliminary"), ("Estimate", "yes"),
    ],
)  # fmt: skip
def test_a_column_that_makes_it_another_number_is_asked_for(read, header, cell):
    """A forecast, a region's or a segment's number was stored as the company's report."""
    long = f"Company,Metric,Period,{header},Value\nAMZN,Revenue,2026Q2,{cell},5\n"
    wide = f"Company,{header},Metric,Q1 2026,Q2 2026\nAMZN,{cell},Revenue,5,6\n"
    across = f"Company,Quarter,{header},Revenue,Capex\nAMZN,2Q26,{cell},5,6\n"
    for text in (long, wide, across):
        with pytest.raises(DataError, match=rf"line 2, {header}: got '{cell}', wanted nothing in"):
            read(text)
        assert len(read(text, renamed={header: "note"}).rows) == (1 if text == long else 2)


@pytest.mark.parametrize(
    ("header", "cell"),
    [
        ("Type", "Actual"), ("Type", "A"), ("Segment", "Total"), ("Segment", "Amazon"),
        ("Region", "Worldwide"),
        ("Basis", "As reported"), ("Type", "Quarterly"), ("Segment", ""), ("Type", "Revenue"),
        ("Estimate", "60.5"), ("Estimate", "$60bn"), ("Estimate", "n/a"), ("Analyst", "Jo Bull"),
        ("Comment made", "beat the forecast by far"), ("#", "1"), ("Scenario", "-"),
    ],
)  # fmt: skip
def test_a_column_that_changes_nothing_is_passed_over(read, header, cell):
    long = f"Company,Metric,Period,{header},Value\nAMZN,Revenue,2026Q2,{cell},5\n"
    wide = f"Company,{header},Metric,Q1 2026,Q2 2026\nAMZN,{cell},Revenue,5,6\n"
    for text in (long, wide):
        found = read(text)
        assert header in found.unused
        assert rows_of(found, ["period", "value"])[-1][0] == "2026Q2"


def test_a_column_without_a_header_may_say_that_a_number_is_no_report(read):
    text = "Company,Metric,Period,,Value\nAMZN,Revenue,2026Q1,ok,5\nAMZN,Revenue,2026Q2,{},5\n"
    assert len(read(text.format("late")).rows) == 2
    with pytest.raises(
        DataError, match="line 3, beside: got 'Forecast', wanted nothing in a column w"
    ):
        read(text.format("Forecast").replace(",ok,", ",,"))


@pytest.mark.parametrize(
    ("company", "period", "header", "cell", "same"),
    [
        ("MSFT", "2026Q2", "Fiscal period", "Q4 FY26", True),
        ("MSFT", "2025Q4", "Fiscal period", "Q4 FY26", False),
        ("MSFT", "2026Q2", "Fiscal period", "Q4", True),
        ("MSFT", "2026Q2", "Fiscal quarter", "3", False),
        ("META", "2026Q2", "Year", "2026", True),
        ("META", "2026Q2", "Year", "2025", False),
        ("MSFT", "2025Q3", "Fiscal year", "2026", True),
        ("META", "2026Q2", "Period end", "30/06/2026", True),
        ("META", "2026Q2", "Period end", "31/03/2026", False),
        ("META", "2025", "Fiscal period", "FY", True),
        ("META", "2025Q4", "Fiscal period", "FY", False),
        ("META", "2025Q4", "Fiscal period", "later", False),
    ],
)
def test_a_second_period_of_a_line_is_its_first_or_is_refused(
    read, company, period, header, cell, same
):
    text = f"Company,Metric,Period,{header},Value\n{company},Revenue,{period},{cell},5\n"
    if same:
        assert rows_of(read(text), ["period"]) == [(period,)]
        return
    with pytest.raises(
        DataError, match=f"line 2, {header}: got '{cell}', wanted the period that its"
    ):
        read(text)


@pytest.mark.parametrize(
    ("header", "cell", "year", "wanted"),
    [
        ("FQ", "Q4", "2026", "2026Q2"), ("Fiscal Qtr", "Q4", "2026", "2026Q2"),
        ("FQtr", "4", "2026", "2026Q2"), ("Q", "4", "2026", "2026Q2"), ("fp", "Q4", "2026", "2026Q2"),
        ("Quarter number", "4", "2026", "2026Q2"), ("Interval", "Q4", "2026", "2026Q2"),
        ("fp", "FY", "2026", "2025-07-01/2026-06-30"),
    ],
)  # fmt: skip
def test_a_quarter_beside_a_year_is_read_under_any_header(read, header, cell, year, wanted):
    """The column was not used, and the quarter's number was stored as the year's."""
    text = f"Ticker,Fiscal Year,{header},Revenue\nMSFT,{year},{cell},5\nMSFT,{year},Q1,4\n"
    assert rows_of(read(text), ["period"]) == [(wanted,), ("2025Q3",)]


@pytest.mark.parametrize(
    ("header", "cell"), [("fp", "FY"), ("Form", "10-K"), ("What", "Annual"), ("Sort", "LTM")]
)
def test_a_year_under_an_unknown_header_beside_a_date_is_read(read, header, cell):
    text = f"Ticker,Period End,{header},Revenue\nMSFT,2026-06-30,{cell},5\n"
    assert rows_of(read(text), ["period"]) == [("2025-07-01/2026-06-30",)]
    quarter = text.replace(cell, "10-Q" if header == "Form" else "Q4")
    assert rows_of(read(quarter), ["period"]) == [("2026Q2",)]


@pytest.mark.parametrize(
    ("header", "cell", "period"),
    [
        ("Half", "H2", "2025"), ("Span", "9M", "2025"), ("Window", "9M", "2025Q3"),
        ("Window", "LTM", "2025Q3"), ("Form", "10-K", "2025Q4"), ("Rank", "4", "2025"),
        ("Part", "Q4", "2025"), ("Part of it", "fourth quarter", "2025"),
    ],
)  # fmt: skip
def test_a_length_that_is_not_that_of_the_period_is_refused(read, header, cell, period):
    text = f"Ticker,Period,{header},Revenue\nMETA,{period},{cell},5\n"
    with pytest.raises(DataError, match=r"line 2, .*: got .*, wanted "):
        read(text)
    assert rows_of(read(text, renamed={header: "note"}), ["period"]) == [(period,)]


def test_a_line_of_periods_below_the_header_agrees_with_it_or_is_refused(read):
    text = "META ($m),Q1 2026,Q2 2026\nPeriod end,31/03/2026,{}\nRevenue,5,6\n"
    assert len(read(text.format("30/06/2026"), SINCE).rows) == 2
    with pytest.raises(
        DataError, match="Period end: got '30/09/2026', wanted the period that its line"
    ):
        read(text.format("30/09/2026"), SINCE)


@pytest.mark.parametrize("corner", ["META ($m),", ",META ($m)", "META ($m),Line"])
def test_a_part_of_a_company_beside_the_metric_is_not_the_company(read, corner):
    text = f"{corner},Q1 2026,Q2 2026\nTotal,Revenue,56311,61000\n"
    assert rows_of(read(text, SINCE))[1] == ("META", "revenue", "2026Q2", 61000.0, "USD m")
    with pytest.raises(
        DataError, match="line 3, beside: got 'Reality Labs', wanted nothing in a c"
    ):
        read(f"{text}Reality Labs,Revenue,500,600\n", SINCE)


@pytest.mark.parametrize(
    ("years", "quarters", "got"),
    [
        (",,2025,,,,2026,", ",Q1,Q2,Q3,Q4,Q1,Q2", "Q1 left of the first year, 2025"),
        (",,,FY25,,,,FY26", ",Q1,Q2,Q3,Q4,Q1,Q2", "Q1, Q2 left of the first year, FY25"),
        (",2025,,,,2026,", ",Q1,Q2,Q4,Q3,Q1,Q2", "Q1, Q2, Q4, Q3 under 2025"),
        (",2025,,,,,2026", ",Q1,Q2,Q3,Q4,Q1,Q2", "Q1, Q2, Q3, Q4, Q1 under 2025"),
    ],
)
def test_a_year_that_stands_over_the_middle_of_its_quarters_is_refused(read, years, quarters, got):
    """The quarters right of it went to that year, and those left of it to none."""
    text = f"{years}\n{quarters}\nRevenue,1,2,3,4,5,6\n"
    with pytest.raises(DataError, match=f"got {got}; wanted each year above the first"):
        read(text, {**SINCE, "entity": "META", "unit": "USD m"})


@pytest.mark.parametrize("quarters", ["Q1,Q2,Q3,Q4", "Q4,Q3,Q2,Q1"])
def test_quarters_that_follow_in_order_under_their_year_are_read(read, quarters):
    text = f",2025,,,\n,{quarters}\nRevenue,1,2,3,4\n"
    found = read(text, {**SINCE, "entity": "META", "unit": "USD m"})
    assert {row[2] for row in rows_of(found)} == {f"2025Q{k}" for k in range(1, 5)}


def test_quarters_as_rows_under_years_are_no_metrics(read):
    """They were stored as metrics that are called q1 to q4, and their sum as one called total."""
    text = "Meta Platforms: Revenue ($m)\n,2024,2025\nQ1,1,2\nH2,3,4\nTotal,5,6\n"
    with pytest.raises(DataError) as error:
        read(text, SINCE)
    for label in ("Q1", "H2"):
        told = f"metric: got '{label}', wanted the name of a metric, and {label} is a period"
        assert told in str(error.value)
    assert "metric: got 'Total', wanted the name of a metric; this is a sum" in str(error.value)


@pytest.mark.parametrize(
    "line",
    ["(in thousands of US dollars)", "All figures in thousands of euros", "Figures in EUR",
     "Note: all figures in USD bn"],
)  # fmt: skip
def test_a_line_below_or_above_a_table_that_says_another_unit_is_refused(read, line):
    """The unit that was said for all rows, or in the header, was used without a word."""
    wide = "META ($m),Q1 2026,Q2 2026\nRevenue,5,6\n"
    long = "Company,Metric,Period,Value ($m)\nMETA,Revenue,2026Q1,5\n"
    for text in (f"{wide}\n{line}\n", f"{long}{line},,,\n"):
        with pytest.raises(DataError, match=r"got numbers in USD m, and a line above or below the"):
            read(text, SINCE)
    with pytest.raises(DataError, match="got numbers in USD m, and a line"):
        read(f"{wide.replace(' ($m)', '')}{line}\n", {**SINCE, "unit": "USD m"})
    both = read(f"USD m\n{wide}Capex (USD bn),1,2\n", SINCE)
    assert {row[4] for row in rows_of(both)} == {"USD m", "USD bn"}
    same = read(
        f"{wide}All figures in USD millions\nShare count in thousands\nMargins in %\n", SINCE
    )
    assert rows_of(same, ["unit"]) == [("USD m",), ("USD m",)]


@pytest.mark.parametrize(
    ("header", "cell"),
    [
        ("Comment", "analyst estimate before the report"), ("Comment", "consensus"),
        ("Source", "FactSet consensus"), ("Annualised", "yes"), ("FX", "constant currency"),
        ("Remarks", "run-rate"), ("What", "cc"),
    ],
)  # fmt: skip
def test_a_remark_that_says_that_a_number_is_no_report_is_asked_for(read, header, cell):
    """It was kept as a remark or passed over, and the number was stored as the company's report."""
    text = f"Company,Metric,Period,Value,{header}\nMETA,Revenue,2026Q2,5,{cell}\n"
    with pytest.raises(DataError, match=rf"line 2, {header}: got '{cell}', wanted nothing in"):
        read(text)
    kept = "source" if header == "Source" else "note"
    assert rows_of(read(text, renamed={header: kept}), [kept]) == [(cell,)]


def test_a_remark_that_compares_a_number_with_an_estimate_is_kept(read):
    text = "Company,Metric,Period,Value,Comment\nMETA,Revenue,2026Q2,5,beat consensus\n"
    assert rows_of(read(text), ["note"]) == [("beat consensus",)]
    guided = text.replace("Revenue", "capex_guidance").replace("beat", "below")
    assert rows_of(read(guided), ["note"]) == [("below consensus",)]


def test_the_sum_of_a_year_among_quarters_is_passed_over(read):
    text = "META,2025,,,,\n$m,Q1,Q2,Q3,Q4,FY\nRevenue,1,2,3,4,10\n"
    found = read(text, {**SINCE, "entity": "META"})
    assert rows_of(found, ["value"]) == [(1.0,), (2.0,), (3.0,), (4.0,)]


@pytest.mark.parametrize(
    "text",
    [
        "META ($m),Q1 2026,Q2 2026,,ORCL ($m),Q3 2026\nRevenue,56311,61000,,Revenue,64000\n",
        "META ($m),Q1 2026,Q2 2026,,Micron ($m),Q3 2026\nRevenue,56311,61000,,Sales,64000\n",
        "META ($m),Q1 2026,,Metric,Q3 2026\nRevenue,56311,,Revenue,64000\n",
        "META ($m),Q1 2026,,,Q3 2026\nRevenue,56311,,Capex,64000\n",
        "META ($m),Q1 2026,,,Q3 2026\nbits,56311,,bits,64000\n",
        "META ($m),Q1 2026,Q2 2026\nRevenue,5,6\nAMZN,Q1 2026,ORCL,Q3 2026\nCapex,5,,7\n",
    ],
)
def test_tables_side_by_side_are_refused(read, text):
    """The numbers of the right one went to the company of the left one."""
    with pytest.raises(
        DataError, match=r"between columns of periods \(cell [A-E]\d\), as where two"
    ):
        read(text, SINCE)


def test_changes_and_remarks_between_quarters_are_passed_over(read):
    text = "META ($m),Q1 2026,YoY,,Q2 2026,Remark\nRevenue,56311,33%,good,61000,Revenue up\n"
    assert rows_of(read(text, SINCE), ["period", "value"]) == [
        ("2026Q1", 56311.0),
        ("2026Q2", 61000.0),
    ]


@pytest.mark.parametrize(
    "written", ["FY9999", "FY0001", "Q1 0000", "0001-01-01", "9999-12-31", "9999-12", "²", "99999"]
)
@pytest.mark.parametrize("company", ["AMZN", "NVDA"])
def test_a_period_of_no_table_is_refused_in_words(read, company, written):
    with pytest.raises(DataError, match=r"line 2, (period|reported_on)"):
        read(f"{SHORT}{company},capex,{written},5\n", quarters="fiscal")


def test_a_later_header_may_be_shorter_than_the_column_of_metrics(read):
    text = "x,y,Item,1Q26,2Q26\na,b,Capex,5,6\n3Q26,4Q26\n7,8,Revenue,9\n"
    with pytest.raises(DataError, match="line 4"):
        read(text, {**FOR_ALL, "entity": "AMZN"})


def test_one_quarter_as_a_column_and_estimates_that_stay_out(read):
    found = read("Item,Q3 FY26,Q4 FY26E\nCapex,5,6\n", {**FOR_ALL, "entity": "MSFT"})
    assert rows_of(found) == [("MSFT", "capex", "2026Q1", 5.0, "USD m")]
    assert note(found, "left out, marked") == "left out, marked as estimates: Q4 FY26E"
    one = read("Item,Unit,Q3 FY26\nCapex,USD bn,5\n", {**FOR_ALL, "entity": "MSFT"})
    assert rows_of(one) == [("MSFT", "capex", "2026Q1", 5.0, "USD bn")]


def test_a_wrong_number_of_a_wide_table_is_named_by_its_cell(read):
    with pytest.raises(DataError, match=r"line 2, value: got 'five \(cell C2\)'"):
        read("Item,1Q26,2Q26\nCapex,5,five\n", {**FOR_ALL, "entity": "AMZN"})


def test_a_file_without_a_number_says_what_was_left_out(read):
    with pytest.raises(DataError, match=r"no number in any row.*\n  left out, marked as estimates"):
        read(f"{SHORT}AMZN,capex,Q1 2025E,5\n")


def test_footnotes_and_titles_are_said(read):
    text = f"Our sheet,,\n,,\n{SHORT}AMZN,capex,2026Q1,5\n,,\nSource: filings,,\n* unaudited,,\n"
    found = read(text)
    assert len(found.rows) == 1
    assert note(found, "above the table") == "above the table: 'Our sheet'"
    assert "line 6 'Source: filings', line 7 '* unaudited'" in note(found, "lines with a text")


def test_three_kinds_of_errors_are_three_groups_and_not_84_lines():
    with pytest.raises(DataError) as error:
        read_user_table(FILES / "three_kinds.csv")
    lines = str(error.value).splitlines()
    assert "84 problem(s) in 84 row(s)" in lines[0]
    assert len(lines) == 1 + 3 * 5 + 3
    assert sum("and 23 more like that" in line for line in lines) == 3


def test_problems_of_the_reading_and_of_the_check_are_named_at_once(read):
    with pytest.raises(DataError) as error:
        read(f"{SHORT}MSFT,capx,2026Q1,5\nMSFT,capex,soon,5\n")
    assert "line 2, metric: got 'capx'" in str(error.value)
    assert "line 3, period: got 'soon'" in str(error.value)


# --- workbooks -------------------------------------------------------------------------------
HEAD = ["Company", "Item", "Quarter", "Amount", "Unit", "Report date", "Source"]
ROW = ["MSFT", "capex", "Q1 FY24", 9917, "USD m", dt.date(2023, 10, 24), "10-Q"]
NEXT = ["Oracle", "capex", "Q1 FY24", 1314, "USD m", dt.date(2023, 9, 11), "10-Q"]


@pytest.fixture
def book(tmp_path):
    """Return a reader of a workbook of two rows, after a change to it."""

    def reader(change, rows=(HEAD, ROW, NEXT), given=None, **said):
        made = openpyxl.Workbook()
        for row in rows:
            made.active.append(row)
        change(made, made.active)
        made.save(tmp_path / "new.xlsx")
        return read_user_table(tmp_path / "new.xlsx", None, given, None, Reading(**said))

    return reader


def put(**cells):
    """Return a change that writes cells, and formats given as a pair."""

    def change(made, sheet):
        for place, content in cells.items():
            value, form = content if isinstance(content, tuple) else (content, None)
            sheet[place] = value
            if form:
                sheet[place].number_format = form

    return change


def test_a_formula_without_a_stored_value_is_refused_with_its_cell(book):
    with pytest.raises(DataError, match=r"got '\(cell D2\)'.*a formula without a stored value"):
        book(put(D2="=1+1"))


@pytest.mark.parametrize("place", ["A2", "B2", "C2", "E2", "F2", "G2"])
@pytest.mark.parametrize("content", ["#REF!", "=1+1"])
def test_an_error_or_an_empty_formula_in_any_column_is_refused(book, place, content):
    with pytest.raises(DataError, match=r"line 2, .*its cell holds (an error|a formula)"):
        book(put(**{place: content}))


def test_an_error_in_a_number_is_refused(book):
    with pytest.raises(
        DataError, match=r"line 2, value: got '#DIV/0!'.*an error of the spreadsheet"
    ):
        book(put(D2="#DIV/0!"))


@pytest.mark.parametrize(
    ("unit", "value", "read_as"),
    [("percent", 45.0, "percent"), ("ratio", 0.45, "ratio"), (None, 45.0, "percent")],
)
def test_a_cell_shown_in_percent_is_never_a_hundredth_of_it(book, unit, value, read_as):
    found = book(put(B2="Gross margin", D2=(0.45, "0 %"), E2=unit), (HEAD, ROW))
    assert rows_of(found, ["value", "unit"]) == [(value, read_as)]
    assert "0.45 read as 45 percent" in note(found, "cells shown in percent")


@pytest.mark.parametrize(
    "form", ['0.0"bn"', r"0.0\b\n", '#,##0.0" Mrd."', '"CHF" 0.0', '0.0"%"', '[<1000]0.0,,"bn";0',
             '"USD "0.0"bn"']
)  # fmt: skip
def test_words_of_a_numbers_format_are_its_unit(book, form):
    """A cell that shows 34.9bn holds 34.9, and was 34.9 of the unit of its row."""
    with pytest.raises(DataError, match=r"line 2, value: got '34\.9.*wanted a number"):
        book(put(D2=(34.9, form)))
    assert len(book(put(D2=(34.9, '#,##0.0"m"'))).rows) == 2


@pytest.mark.parametrize(
    ("value", "form", "kind"),
    [
        (34900, ";;;", "shown without its number"),
        (34900, '"n/a"', "shown without its number"),
        (34900, '0" TEUR"', "the number's format adds a text that was not read: TEUR"),
        (34900, '"~"0', "the number's format adds a text that was not read: ~"),
        (34900, "[<1000]0;#,##0,", "shown in another scale"),
        (-34900, "#,##0;(#,##0,)", "shown in another scale"),
        (-34900, "0;0", "below zero and shown without a sign: -34900"),
    ],
)
def test_what_a_format_hides_is_said(book, value, form, kind):
    found = book(put(B2="Free cash flow", D2=(value, form)))
    assert found.rows["value"][0] == value
    assert note(found, kind)


@pytest.mark.parametrize(
    ("title", "held", "form", "value", "unit"),
    [
        ("All figures in USD", 61000, '#,##0.0,"bn"', 61.0, "USD bn"),
        ("All figures in USD", 61_000_000_000, '$#,##0.0,,," bn"', 61.0, "USD bn"),
        ("All figures in USD", 61_000_000_000, '#,##0,,"m"', 61000.0, "USD m"),
        ("All figures in USD m", 61_000_000_000, '#,##0,,"m"', 61000.0, "USD m"),
        ("All figures in USD m", 61000, "#,##0.0,", 61000.0, "USD m"),
        ("All figures in USD m", 61000, '#,##0"m"', 61000.0, "USD m"),
        ("All figures in USD m", 61000, '#,##0.0," TEUR"', 61000.0, "USD m"),
    ],
)
def test_a_format_that_scales_and_names_a_unit_does_both_or_neither(
    book, title, held, form, value, unit
):
    """61000 shown as 61.0bn was read as 61,000 USD bn."""
    rows = ([title], ["Company", "Metric", "Period", "Value"], ["META", "Revenue", "2026Q1", held])
    found = book(put(D3=(held, form)), rows, SINCE)
    assert rows_of(found, ["value", "unit"]) == [(value, unit)]


@pytest.mark.parametrize("form", ["#,##0;(#,##0,)", "[>1000000]#,##0,;0", "0;;", '0;"-"0;"nil"'])
def test_a_part_of_a_format_for_other_numbers_says_nothing(book, form):
    found = book(put(D2=(34900, form)))
    assert not note(found, "shown") and not note(found, "the number's format")


@pytest.mark.parametrize(("place", "change"), [("row", 'ht="0"'), ("column", 'width="0"')])
def test_a_row_or_column_of_no_size_is_hidden(tmp_path, place, change):
    made, path = openpyxl.Workbook(), tmp_path / "flat.xlsx"
    for row in ([*HEAD, "note"], [*ROW, "x"], [*NEXT, "y"]):
        made.active.append(row)
    made.active.row_dimensions[3].height = 7
    made.active.column_dimensions["H"].width = 7
    made.save(tmp_path / "made.xlsx")
    with zipfile.ZipFile(tmp_path / "made.xlsx") as old, zipfile.ZipFile(path, "w") as new:
        for name in old.namelist():
            text = old.read(name).decode()
            new.writestr(name, re.sub(f'{change.split("=")[0]}="7"', change, text))
    found = read_user_table(path)
    assert note(found, f"hidden {place}(s) were not read")
    assert len(found.rows) == (1 if place == "row" else 2)


def test_a_share_is_no_amount_of_money(book, read):
    with pytest.raises(DataError, match=r"got '0\.45 percent', wanted a number in a unit of money"):
        book(put(D2=(0.45, "0%")))
    with pytest.raises(
        DataError, match=r"line 2, value: got '45 %', wanted a number in a unit of money"
    ):
        read(f"{SHORT}MSFT,capex,2026Q1,45 %\n")
    with pytest.raises(DataError, match="line 2, unit: got 'USD m', wanted the unit of"):
        book(put(B2="Gross margin", D2=(0.45, "0%")))


def test_a_format_that_shows_thousands_is_said_and_what_is_held_is_read(book):
    found = book(put(D2=(34900, "#,##0,")))
    assert found.rows["value"].tolist() == [34900.0, 1314.0]
    assert "34900 (shown about 34.9)" in note(found, "shown in another scale")


def test_a_format_in_another_currency_is_no_dollars(book):
    for form in ("[$€-407] #,##0", '#,##0 "€"', "#,##0 [$EUR]"):
        with pytest.raises(
            DataError, match="line 2, value: got '9917 EUR', wanted a number in USD m"
        ):
            book(put(D2=(9917, form)))
    assert book(put(D2=(9917, '"$"#,##0'))).rows["value"].tolist() == [9917.0, 1314.0]


def test_hidden_rows_and_columns_are_not_read_and_said(book):
    def change(made, sheet):
        sheet.row_dimensions[3].hidden = True

    found = book(change)
    assert found.rows["entity"].tolist() == ["MSFT"]
    assert (
        note(found, "hidden row") == "hidden row(s) were not read: 3; show them to have them read"
    )

    def column(made, sheet):
        sheet.column_dimensions["E"].hidden = True

    with pytest.raises(
        DataError, match=r"known to be unit(.|\n)*hidden column\(s\) were not read: E"
    ):
        book(column)


def test_hidden_sheets_are_said_and_a_sheet_can_be_named(book):
    def change(made, sheet):
        made.create_sheet("Old", 0).sheet_state = "hidden"
        made["Old"].append(HEAD)
        made["Old"].append(NEXT)
        made.create_sheet("More")

    found = book(change)
    assert len(found.rows) == 2
    assert "only the sheet 'Sheet' was read, not More; --sheet NAME reads another" in found.notes
    assert "hidden sheet(s) were not read: Old" in found.notes
    hidden = book(change, sheet="Old")
    assert hidden.rows["entity"].tolist() == ["ORCL"]
    assert "the sheet 'Old' is hidden" in hidden.notes
    with pytest.raises(
        DataError, match="there is no sheet 'old'; the workbook has Old, Sheet, More"
    ):
        book(change, sheet="old")


def test_days_as_days_months_and_serial_numbers(book):
    found = book(put(C2=dt.date(2023, 9, 30), C3=(dt.date(2023, 8, 1), "mmm-yy")))
    assert found.rows["period"].tolist() == ["2023Q3", "2023-06-01/2023-08-31"]
    serial = book(put(C2=45199, F2="45223"))
    assert serial.rows["period"].tolist()[0] == "2023Q3"
    assert serial.rows["reported_on"].tolist()[0] == "2023-10-24"
    assert "45199 -> 2023-09-30" in note(serial, "days written as")
    with pytest.raises(DataError, match="its cell holds a day: the spreadsheet made it one"):
        book(put(D2=dt.date(2024, 1, 5)))


@pytest.mark.parametrize(
    ("day", "period"), [(dt.date(2023, 6, 30), "2022-07-01/2023-06-30"), (dt.date(2024, 1, 1), "")]
)
def test_a_day_that_is_shown_as_a_year_is_a_year(book, day, period):
    if period:
        assert book(put(C2=(day, "yyyy"))).rows["period"][0] == period
        return
    with pytest.raises(DataError, match="got '2024', wanted whose year it is"):
        book(put(C2=(day, "yyyy")))


def test_days_that_are_shown_as_years_over_columns_are_years(book):
    rows = (["META ($m)", "x", "y"], ["Revenue", 164501, 200966])
    shown = {"B1": (dt.date(2024, 12, 31), "yyyy"), "C1": (dt.date(2025, 12, 31), "yyyy;@")}
    found = book(put(**shown), rows, SINCE)
    assert rows_of(found, ["period", "value"]) == [("2024", 164501.0), ("2025", 200966.0)]


def test_the_name_of_a_sheet_says_how_long_periods_are(book):
    def change(made, sheet):
        sheet.title = "Annual"

    rows = (
        ["META ($m)", dt.date(2024, 12, 31), dt.date(2025, 12, 31)],
        ["Revenue", 164501, 200966],
    )
    assert book(change, rows, SINCE).rows["period"].tolist() == ["2024", "2025"]


def test_merged_headers_titles_and_companies(book):
    def change(made, sheet):
        for place in ("A1:E1", "C2:F2", "A4:A5"):
            sheet.merge_cells(place)

    rows = (
        ["Capital spending, USD in millions", None, None, None, None, None],
        [None, None, "FY2024", None, None, None],
        ["Company", "Item", "Q1", "Q2", "Q3", "Q4"],
        ["Microsoft", "Capex", 9917, 9735, 10952, 13873],
        [None, "Net sales", 56517, 62020, 61858, 64727],
    )
    found = book(change, rows, {"source": "s", "reported_on": "2024-07-30"})
    got = {row[1:3]: row[3:] for row in rows_of(found)}
    assert set(found.rows["entity"]) == {"MSFT"}
    assert got["capex", "2023Q3"] == (9917.0, "USD m")
    assert got["revenue", "2024Q2"] == (64727.0, "USD m")
    assert "A1:E1, C2:F2, A4:A5" in note(found, "merged cells")


@pytest.mark.parametrize("place", ["XFD1048576", "A1048576", "XFD2"])
def test_a_stray_cell_of_a_wide_sheet_costs_nothing(book, place):
    rows = (["Item", "1Q26", "2Q26"], ["Capex", 5, 6])
    begun = time.process_time()
    found = book(put(**{place: "x"}), rows, {**FOR_ALL, "entity": "AMZN"})
    assert len(found.rows) == 2
    assert "not read" in " ".join(found.notes)
    assert time.process_time() - begun < SECONDS


# --- the command -----------------------------------------------------------------------------
def test_the_options_of_the_command_reach_the_reading(tmp_path, capsys):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "earnings.csv").write_text(
        "entity,metric,period,value,unit,reported_on,source,confidence,qualifier\n"
        "Micron,bits,2025Q1,5,USD m,2025-05-01,s,A,\n"
    )
    path = tmp_path / "new.csv"
    path.write_text(
        "Company,Item,Quarter,Amount (USD m),Report date,Source\n"
        "msft,capx,1Q23,34.900,05/11/2023,10-Q\nDell,capex,Q1 FY24,1.234,05/11/2023,10-Q\n"
        "micron,BITS,Q1 FY25,1.234,05/11/2025,10-Q\n"
    )
    place = [
        "--data",
        str(tmp_path / "data"),
        "--out",
        str(tmp_path / "out"),
        "--as-of",
        "2026-05-06",
    ]
    said = ["--decimal", "comma", "--month-first", "--quarters", "fiscal", "--name", "capx=capex",
            "--fiscal-year-end", "Dell=01-31", "--fiscal-year-end", "08-31"]  # fmt: skip
    assert main.main(["data", "add", str(path), *place, *said, "--write", "--yes"]) == 0
    written = (tmp_path / "data" / "vintages" / "user.csv").read_text().splitlines()
    assert sorted(written)[:3] == [
        "Dell,capex,2023-02-01/2023-04-30,1234,USD m,2023-05-11,10-Q,C,",
        "MSFT,capex,2022Q3,34900,USD m,2023-05-11,10-Q,C,",
        "Micron,bits,2024-09-01/2024-11-30,1234,USD m,2025-05-11,10-Q,C,",
    ]
    capsys.readouterr()
    with pytest.raises(SystemExit):
        main.main(["data", "add", str(path), *place, "--fiscal-year-end", "soon"])
    assert "cannot read the end of a fiscal year 'soon'" in capsys.readouterr().err


@pytest.mark.parametrize("said", [{"decimal": "dot"}, {"dates": "first"}, {"quarters": "mine"}])
def test_a_convention_that_is_none_is_refused(said):
    with pytest.raises(DataError, match=r"wanted .* or "):
        Reading(**said)


WORDS = st.sampled_from([
    "", "", "Company", "Item", "Quarter", "Amount (USD m)", "Unit", "Report date", "Source", "Currency",
    "Scale", "Year", "MSFT", "Microsoft", "Oracle", "Foo Corp", "capex", "Net sales", "margin %",
    "Q1 FY24", "Q2 FY24", "1Q25", "2025Q3", "2024", "FY25E", "Q1", "2026-03-31", "31/03/2026",
    "05/06/2026", "46148", "USD m", "$bn", "in millions", "EUR", "%", "1,234", "34.900", "(5)", "45 %",
    "$34.9bn", "n/a", "#REF!", "1.234,5", "Total", "Notes", "²", "((", "-", "9999-12-31", "x" * 300,
    "Year ended", "Frequency", "Annual", "Months", "6", "Period start", "Period end", "2025-01-01",
    "Three Months Ended June 30,", "12 Months Ending", "Year to date", "Dec-24", "Dec-25", "Mär 25",
    "Month", "Region", "North America", "Type", "Forecast", "name", "ttm", "215", "20260630", "FY",
])  # fmt: skip


@settings(deadline=None, max_examples=300)
@over(
    st.lists(st.lists(WORDS, min_size=1, max_size=7), min_size=1, max_size=9),
    st.sampled_from([{}, FOR_ALL, {**FOR_ALL, "entity": "NVDA"}]),
    st.sampled_from([{}, {"decimal": "comma", "quarters": "fiscal", "dates": "day-first"}]),
)
def test_no_table_ends_in_a_traceback(tmp_path_factory, rows, said, how):
    path = tmp_path_factory.getbasetemp() / "any.csv"
    path.write_text("\n".join(";".join(row) for row in rows), encoding="utf-8")
    try:
        found = read_user_table(path, None, said, None, Reading(**how))
    except DataError:
        return
    assert len(found.rows)
    assert (found.rows["source"] != "").all()
