"""Which quarters were reported when, and when the next report should come."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest

from forecast import as_of, read_vintages, report_calendar
from forecast.core.errors import DataError
from forecast.tables.vintages import check_table


def table(rows, as_of_day):
    full = [
        {"entity": e, "metric": m, "period": p, "value": 1, "unit": "USD bn", "reported_on": day,
         "source": "s", "confidence": "A", "qualifier": ""}
        for e, m, p, day in rows
    ]  # fmt: skip
    return as_of(check_table(pd.DataFrame(full)), as_of_day)


def after(period_end, days):
    return (dt.date.fromisoformat(period_end) + dt.timedelta(days=days)).isoformat()


ENDS = {"2024Q1": "2024-03-31", "2024Q2": "2024-06-30", "2024Q3": "2024-09-30",
        "2024Q4": "2024-12-31", "2025Q1": "2025-03-31"}  # fmt: skip


def own(lags, metric="capex"):
    return [("A", metric, q, after(ENDS[q], lag)) for q, lag in zip(ENDS, lags, strict=False)]


def of(calendar, entity="A"):
    return calendar.rows[calendar.rows["entity"] == entity].set_index("quarter")


def test_reported_missing_and_running_quarters():
    calendar = of(report_calendar(table(own([30, 31, 29, 40]), "2025-04-15")))
    assert calendar["status"].to_dict() == dict.fromkeys(list(ENDS)[:4], "reported") | {
        "2025Q1": "missing", "2025Q2": "running",
    }  # fmt: skip
    assert calendar.loc["2024Q1", "reported_on"] == "2024-04-30"
    late = calendar.loc["2025Q1"]
    # 29, 30, 31 and 40 days after 31 March: the median is the 30.5th, rounded up
    assert (late["expected_from"], late["expected_on"], late["expected_to"]) == (
        "2025-04-29", "2025-05-01", "2025-05-10",
    )  # fmt: skip
    assert late["lags"] == 4
    assert calendar.loc["2025Q2", "period_end"] == "2025-06-30"


def test_an_expected_day_lies_after_the_date_and_on_a_working_day():
    known = table(own([30, 31, 29, 40]), "2025-04-30")
    late = of(report_calendar(known)).loc["2025Q1"]
    assert (late["expected_from"], late["expected_to"]) == ("2025-05-01", "2025-05-10")
    assert late["expected_on"] == "2025-05-06"  # 35.5 days are rounded up, to Tuesday
    gone = of(report_calendar(table(own([30, 31, 29, 40]), "2025-05-30"))).loc["2025Q1"]
    assert gone["status"] == "missing"
    assert (gone["expected_on"], gone["lags"]) == ("", 0)
    assert gone["overdue_since"] == "2025-05-10"  # the longest lag, 40 days after 31 March
    assert late["overdue_since"] == ""
    for row in report_calendar(as_of(read_vintages(), "2026-02-10")).rows.itertuples():
        if row.expected_on:
            assert "2026-02-10" < row.expected_from <= row.expected_on <= row.expected_to
            assert np.is_busday(row.expected_on) or row.lags == 1


def test_the_same_quarter_of_other_years_goes_before_the_last_quarters():
    ends = ("03-31", "06-30", "09-30", "12-31")
    rows = [
        ("A", "capex", f"{year}Q{q}", after(f"{year}-{end}", 60 if q == 4 else 20))
        for year in (2021, 2022, 2023)
        for q, end in enumerate(ends, 1)
    ]
    calendar = of(report_calendar(table(rows, "2024-02-29")))
    assert calendar.loc["2024Q1", "expected_from"] == "2024-04-20"
    rows = rows[:-1]  # the last fourth quarter is still out: only two others, so all count
    calendar = of(report_calendar(table(rows, "2024-01-05")))
    assert (calendar.loc["2023Q4", "expected_from"], calendar.loc["2023Q4", "lags"]) == (
        "2024-01-20", 8,
    )  # fmt: skip


def test_the_first_metric_counts_and_a_prospectus_is_no_lag():
    rows = [*own([300, 31, 30], "revenue"), *own([310, 35, 29], "capex")]
    calendar = of(report_calendar(table(rows, "2025-02-01")))
    assert calendar.loc["2024Q2", "reported_on"] == "2024-07-31"
    assert calendar.loc["2024Q3", "reported_on"] == "2024-10-29"
    assert calendar.loc["2024Q1", "reported_on"] == "2025-01-25"
    # 300 days are left out; what remains has passed for the fourth quarter
    assert calendar.loc["2025Q1", "expected_to"] == "2025-05-01"
    assert calendar.loc["2025Q1", "lags"] == 2


def test_fiscal_quarters_are_carried_on():
    rows = [("NV", "capex", "2025-10-27/2026-01-25", "2026-02-25"),
            ("OR", "capex", "2025-12-01/2026-02-28", "2026-03-10")]  # fmt: skip
    calendar = report_calendar(table(rows, "2026-05-06"))
    assert of(calendar, "NV")["period_end"].to_dict() == {
        "2025Q4": "2026-01-25", "2026Q1": "2026-04-26", "2026Q2": "2026-07-26",
    }  # fmt: skip
    assert of(calendar, "OR")["period_end"].to_dict() == {
        "2026Q1": "2026-02-28", "2026Q2": "2026-05-31",
    }  # fmt: skip


def test_a_hole_in_the_past_is_missing_and_nothing_is_expected_of_it():
    rows = own([30, 30, 30, 30])
    calendar = of(report_calendar(table(rows[:1] + rows[2:], "2025-02-01")))
    assert calendar.loc["2024Q2", "status"] == "missing"
    assert calendar.loc["2024Q2", "expected_on"] == ""


def test_the_shipped_calendar_on_the_articles_day(known):
    calendar = report_calendar(known)
    out = calendar.out[calendar.out["status"] == "missing"]
    assert set(zip(out["entity"], out["quarter"], strict=True)) == {
        ("CRWV", "2026Q1"), ("NVDA", "2026Q1"),
    }  # fmt: skip
    assert calendar.rows.groupby("entity")["status"].last().eq("running").all()


def test_later_reports_change_nothing_before_them():
    full = read_vintages()
    early = report_calendar(as_of(full, "2026-02-10"))
    cut = report_calendar(as_of(full[full["reported_on"] <= "2026-02-10"], "2026-02-10"))
    pd.testing.assert_frame_equal(early.rows, cut.rows)
    assert early.date == cut.date == "2026-02-10"


def test_tables_without_a_calendar():
    full = read_vintages()
    with pytest.raises(DataError, match="pass it through as_of"):
        report_calendar(full)
    with pytest.raises(DataError, match="wants quarterly rows of tea; got none"):
        report_calendar(as_of(full, "2026-05-06"), metrics=["tea"])
