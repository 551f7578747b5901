"""Quarterly company figures, by calendar quarter."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import xarray as xr

from forecast.core.errors import DataError
from forecast.core.periods import calendar_quarters, period_days, quarter_long
from forecast.core.text import one_line
from forecast.core.units import convert
from forecast.core.words import COLUMNS, entity_of, metric_of
from forecast.models.base import Definitions, Panel, PanelSource, records
from forecast.models.earnings.guidance import Guidance, Quarter, guidance_of

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


def _one_segment(rows: Sequence[Quarter]) -> list[Quarter]:
    """Keep one cloud segment per company: the first of the list that has enough quarters."""
    counts: dict[str, Counter[str]] = {}
    for row in rows:
        if row.group == "cloud_revenue":
            counts.setdefault(row.entity, Counter())[row.metric] += 1
    chosen = {}
    for entity, own in counts.items():
        long = [metric for metric in CLOUD_METRICS if own[metric] >= ENOUGH_QUARTERS]
        chosen[entity] = long[0] if long else max(own, key=own.__getitem__)
    return [row for row in rows if row.group != "cloud_revenue" or row.metric == chosen[row.entity]]


def quarterly(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of quarters, with the calendar quarter of each in the column quarter.

    Quarters of 12 and of 16 weeks are taken as they were reported, each for one calendar quarter: that
    in which its middle lies, or the next in the company's own order. Scaling them to 13 weeks would make
    numbers that nobody reported, and their sum over a year would no longer be the year's.
    """
    long = [
        quarter_long((last - first).days + 1)
        for first, last in map(period_days, rows["period"].tolist())
    ]
    rows = rows[np.array(long, dtype=bool)]
    periods: dict[str, list[str]] = {}
    told = records(rows, ("entity", "period"))
    for row in told:
        periods.setdefault(row["entity"], []).append(row["period"])
    own = {entity: calendar_quarters(each) for entity, each in periods.items()}
    return rows.assign(quarter=[own[row["entity"]][row["period"]] for row in told])


def earnings_panel(known: Known) -> Panel:
    """Quarterly capex, revenue and cloud revenue of every company, USD bn, by calendar quarter.

    Rows of other lengths (a fiscal year of the same metric) are left out. What is missing, starts
    late or ends early is simply not there. What issuers said of quarters to come goes along: draws are
    given it.
    """
    group = {metric: metric for metric in METRIC_GROUPS} | dict.fromkeys(
        CLOUD_METRICS, "cloud_revenue"
    )
    table = quarterly(known.rows[known.rows["metric"].isin(group)])
    if table.empty:
        raise DataError(
            f"the earnings model wants quarterly rows of {one_line(METRIC_GROUPS)}, with periods "
            "such as 2025Q3 or 2025-09-01/2025-11-30; the table has none"
        )
    bounded = table[table["qualifier"].isin(["at least", "at most", "projected"])]
    if len(bounded):
        raise DataError(
            "the earnings model takes reported numbers, not bounds or projections; drop or restate "
            + one_line([f"{r.entity} {r.metric} {r.period}" for r in bounded.itertuples()])
        )
    rows = [
        Quarter(
            row["entity"], row["metric"], group[row["metric"]], row["quarter"], row["period"],
            row["reported_on"], convert(row["value"], row["unit"], EARNINGS_UNIT),
        )
        for row in records(table, (*COLUMNS, "quarter"))
    ]  # fmt: skip
    times = Counter((row.entity, row.metric, row.quarter) for row in rows)
    twice = [row for row in rows if times[row.entity, row.metric, row.quarter] > 1]
    if twice:
        raise DataError(
            "two fiscal quarters fall into one calendar quarter: "
            + one_line([f"{row.entity} {row.metric} {row.period}" for row in twice])
        )
    rows = _one_segment(rows)
    longest = max(Counter((row.entity, row.metric) for row in rows).values())
    if longest < ENOUGH_QUARTERS:
        raise DataError(
            f"the earnings model wants {ENOUGH_QUARTERS} quarters of at least one series; "
            f"the longest has {longest}"
        )
    rows.sort(key=lambda row: (METRIC_GROUPS.index(row.group), row.entity, row.quarter))
    data = xr.Dataset(
        {"value": ("obs", np.array([row.usd_bn for row in rows]))},
        coords={
            "series": ("obs", np.array([f"{row.entity}/{row.metric}" for row in rows])),
            "group": ("obs", np.array([row.group for row in rows])),
            "quarter": ("obs", np.array([row.quarter for row in rows])),
            "fiscal_period": ("obs", np.array([row.period for row in rows])),
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
