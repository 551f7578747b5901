"""Quarterly company figures, by calendar quarter."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pandas as pd
import xarray as xr

from forecast.core.errors import DataError
from forecast.core.periods import calendar_quarters, period_days, quarter_long
from forecast.core.text import one_line
from forecast.core.units import convert
from forecast.core.words import entity_of, metric_of
from forecast.models.base import Definitions, Panel, PanelSource
from forecast.models.earnings.guidance import Guidance, guidance_of

if TYPE_CHECKING:
    from forecast.tables.vintages import Known

EARNINGS_UNIT = "USD bn"
METRIC_GROUPS = ("capex", "revenue", "cloud_revenue")
"""Metrics that share their hyper-parameters; the last one holds the segments below."""
CLOUD_METRICS = (
    "cloud_revenue",
    "aws_revenue",
    "google_cloud_revenue",
    "microsoft_cloud_revenue",
    "intelligent_cloud_revenue_recast",
    "intelligent_cloud_revenue",
    "oci_iaas_revenue",
    "data_center_revenue",
)
"""Cloud and AI segments, the preferred one of a company first. Segments before and after a recast
are never chained. Of Microsoft's three, Microsoft Cloud is the only one that runs through the
recast of 2024: the recast Intelligent Cloud is still short of :data:`ENOUGH_QUARTERS`, and the old
one ends in mid-2024."""
ENOUGH_QUARTERS = 8


def _one_segment(rows: pd.DataFrame) -> pd.DataFrame:
    """Keep one cloud segment per company: the first of the list that has enough quarters."""
    kept = [rows[rows["group"] != "cloud_revenue"]]
    for _, own in rows[rows["group"] == "cloud_revenue"].groupby("entity"):
        counts = own["metric"].value_counts()
        ranked = sorted(counts.index, key=CLOUD_METRICS.index)
        long = [metric for metric in ranked if counts[metric] >= ENOUGH_QUARTERS]
        kept.append(own[own["metric"] == (long[0] if long else counts.idxmax())])
    return pd.concat(kept)


def quarterly(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of quarters, with the calendar quarter of each in the column quarter.

    Quarters of 12 and of 16 weeks are taken as they were reported, each for one calendar quarter: that
    in which its middle lies, or the next in the company's own order. Scaling them to 13 weeks would make
    numbers that nobody reported, and their sum over a year would no longer be the year's.
    """
    days = [(last - first).days + 1 for first, last in map(period_days, rows["period"].map(str))]
    rows = rows[pd.Series(map(quarter_long, days), index=rows.index, dtype=bool)].copy()
    own = {
        entity: calendar_quarters(map(str, periods))
        for entity, periods in rows.groupby("entity")["period"]
    }
    pairs = zip(rows["entity"], rows["period"].map(str), strict=True)
    rows["quarter"] = [own[entity][period] for entity, period in pairs]
    return rows


def earnings_panel(known: Known) -> Panel:
    """Quarterly capex, revenue and cloud revenue of every company, USD bn, by calendar quarter.

    Rows of other lengths (a fiscal year of the same metric) are left out. What is missing, starts
    late or ends early is simply not there. What issuers said of quarters to come goes along: draws are
    given it.
    """
    group = {metric: metric for metric in METRIC_GROUPS} | dict.fromkeys(
        CLOUD_METRICS, "cloud_revenue"
    )
    rows = quarterly(known.rows[known.rows["metric"].isin(group)])
    if rows.empty:
        raise DataError(
            f"the earnings model wants quarterly rows of {one_line(METRIC_GROUPS)}, with periods "
            "such as 2025Q3 or 2025-09-01/2025-11-30; the table has none"
        )
    bounded = rows[rows["qualifier"].isin(["at least", "at most", "projected"])]
    if len(bounded):
        raise DataError(
            "the earnings model takes reported numbers, not bounds or projections; drop or restate "
            + one_line([f"{r.entity} {r.metric} {r.period}" for r in bounded.itertuples()])
        )
    rows["group"] = rows["metric"].map(group)
    rows["usd_bn"] = [
        convert(v, u, EARNINGS_UNIT) for v, u in zip(rows["value"], rows["unit"], strict=True)
    ]
    twice = rows[rows.duplicated(["entity", "metric", "quarter"], keep=False)]
    if len(twice):
        raise DataError(
            "two fiscal quarters fall into one calendar quarter: "
            + one_line([f"{r.entity} {r.metric} {r.period}" for r in twice.itertuples()])
        )
    rows = _one_segment(rows)
    longest = rows.groupby(["entity", "metric"]).size().max()
    if longest < ENOUGH_QUARTERS:
        raise DataError(
            f"the earnings model wants {ENOUGH_QUARTERS} quarters of at least one series; "
            f"the longest has {longest}"
        )
    rows["order"] = rows["group"].map(METRIC_GROUPS.index)
    rows = rows.sort_values(["order", "entity", "quarter"], kind="stable")
    data = xr.Dataset(
        {"value": ("obs", rows["usd_bn"].to_numpy(float))},
        coords={
            "series": ("obs", (rows["entity"] + "/" + rows["metric"]).to_numpy(str)),
            "group": ("obs", rows["group"].to_numpy(str)),
            "quarter": ("obs", rows["quarter"].to_numpy(str)),
            "fiscal_period": ("obs", rows["period"].to_numpy(str)),
        },
    )
    said = guidance_of(known.rows, rows, group)
    return Panel("earnings", known.date, data, {"value": EARNINGS_UNIT}, drawn=said)


def definitions(panel: Panel) -> Definitions:
    """Return what the metrics that companies guide are in the series of a panel."""
    said = panel.drawn.statements if isinstance(panel.drawn, Guidance) else ()
    return {
        (entity_of(s.series), s.about): (
            metric_of(s.series),
            None if s.offset is None else math.exp(s.offset),
        )
        for s in said
    }


PANEL = PanelSource(build=earnings_panel, latest=("quarter",), definitions=definitions)
