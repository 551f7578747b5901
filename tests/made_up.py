"""Tables made up for tests: a year of reports after the shipped ones end, and a market year by year."""

import datetime as dt
import functools

import numpy as np
import pandas as pd

from forecast.core.periods import calendar_quarter, period_days
from forecast.tables.shipped import data_dir
from forecast.tables.vintages import check_table

GROWTH = 1.2
"""Every made-up number over that of the year before."""


@functools.cache
def reports(last_day="2026-05-06", years=1):
    """Return the rows of the companies' tables reported in the years after `last_day`, made up.

    Each report of the year to that day comes again a year later, on the same weekday or date, its
    period moved along; columns are those of ``earnings.csv``, as text.
    """
    rows = pd.read_csv(data_dir() / "earnings.csv", dtype=str, keep_default_na=False)
    first = str(dt.date.fromisoformat(last_day).replace(year=int(last_day[:4]) - 1))
    rows = rows.sort_values("reported_on", kind="stable")
    rows = rows.drop_duplicates(["entity", "metric", "period"])  # restatements are left out
    rows = rows[(rows["reported_on"] > first) & (rows["reported_on"] <= last_day)]
    out = []
    for k in range(1, years + 1):
        moved = rows.copy()
        moved["period"] = [_later(p, k) for p in rows["period"]]
        moved["reported_on"] = [_day(d, k) for d in rows["reported_on"]]
        moved["value"] = [f"{float(v) * GROWTH**k:.6g}" for v in rows["value"]]
        moved["source"], moved["confidence"] = "made up", "C"
        out.append(moved)
    return pd.concat(out, ignore_index=True).sort_values("reported_on", kind="stable")


def _day(day, years):
    date = dt.date.fromisoformat(day)
    return date.replace(year=date.year + years, day=min(date.day, 28)).isoformat()


def _later(period, years):
    if "/" not in period:
        return str(int(period[:4]) + years) + period[4:]
    first, last = period_days(period)
    weeks = (last + dt.timedelta(days=1)).day != 1  # quarters of 13 weeks, not of months
    if weeks:
        first, last = (day + dt.timedelta(weeks=52 * years) for day in (first, last))
    else:
        first = first.replace(year=first.year + years)
        last = (last + dt.timedelta(days=1)).replace(year=last.year + years)
        last = (last.replace(month=last.month) if last.month else last) - dt.timedelta(days=1)
    return f"{first}/{last}"


def quarters(rows):
    """Return the calendar quarters of rows, for looking things up."""
    return [calendar_quarter(p) for p in rows["period"]]


def annual_market():
    """Return a market table of 2010 to 2025, each year reported in the January after it."""
    rng, rows = np.random.default_rng(0), []
    for metric, level in (("ai_investment", 90), ("datacenter_capex", 40), ("ai_revenue", 25)):
        path = level * np.exp(np.cumsum(0.2 + 0.1 * rng.normal(size=16)))
        for year, value in zip(range(2010, 2026), path, strict=True):
            rows.append(("AI market", metric, str(year), round(value, 1), "USD bn",
                         f"{year + 1}-01-20", "made up", "C", ""))  # fmt: skip
    columns = ["entity", "metric", "period", "value", "unit", "reported_on", "source",
               "confidence", "qualifier"]  # fmt: skip
    return check_table(pd.DataFrame(rows, columns=columns))
