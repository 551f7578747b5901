"""Annual series of a market table, the article's own and those that publishers print of the same.

An entity such as "AI market (Dell'Oro Group)" is a publisher's measure of "AI market".
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from forecast.core.errors import DataError
from forecast.core.text import one_line
from forecast.core.units import convert
from forecast.core.words import entity_of, metric_of
from forecast.models.base import Panel, PanelSource

if TYPE_CHECKING:
    from forecast.tables.vintages import Known


def rounding_step(values: np.ndarray, most: float = 0.2) -> float:
    """Return the step to which a column of printed numbers was rounded.

    It is the largest step 1, 2 or 5 times a power of ten that divides them all, and at most the
    share `most` of the smallest of them, so that a lone round number is not taken for a guess.

    Examples
    --------
    >>> rounding_step(np.array([50.0, 70.0, 100.0, 130.0])), rounding_step(np.array([95.0, 120.0]))
    (10.0, 5.0)
    """
    limit = most * float(np.min(values))
    power = math.floor(math.log10(limit)) if limit > 0 else 0
    for exponent in range(power, power - 12, -1):
        for digit in (5.0, 2.0, 1.0):
            step = digit * 10.0**exponent
            counts = values / step
            if step <= limit and np.allclose(counts, np.round(counts), rtol=0, atol=1e-6):
                return step
    return 0.0


MARKET_METRICS = ("ai_investment", "datacenter_capex", "ai_revenue")
MARKET_UNIT = "USD bn"


def is_published(series: str) -> bool:
    """Return whether a series is a publisher's measure rather than the article's own."""
    return " (" in entity_of(series)


def quantity_of(series: str) -> str:
    """Return what a series measures, as "entity/metric".

    Examples
    --------
    >>> quantity_of("AI market (Dell'Oro Group)/datacenter_capex")
    'AI market/datacenter_capex'
    """
    return f"{entity_of(series).split(' (')[0]}/{metric_of(series)}"


def market_panel(known: Known) -> Panel:
    """Annual series in USD bn, with the sd of their rounding and a mark on estimates."""
    rows = known.rows[known.rows["metric"].isin(MARKET_METRICS)].copy()
    if rows.empty:
        raise DataError(
            f"the market model wants annual rows of {one_line(MARKET_METRICS)}; the table has none"
        )
    bounded = rows[rows["qualifier"].isin(["at least", "at most", "projected"])]
    if len(bounded):
        raise DataError(
            "the market model takes reported numbers, not bounds or projections; drop or restate "
            + one_line([f"{r.entity} {r.metric} {r.period}" for r in bounded.itertuples()])
        )
    annual = rows["period"].str.fullmatch(r"\d{4}")
    if not annual.all():
        raise DataError(
            "the market model wants whole years such as 2025; got "
            + one_line(sorted(set(rows.loc[~annual, "period"])))
        )
    rows["usd_bn"] = [
        convert(v, u, MARKET_UNIT) for v, u in zip(rows["value"], rows["unit"], strict=True)
    ]
    rows["series"] = rows["entity"] + "/" + rows["metric"]
    rows = rows.sort_values(["series", "period"], kind="stable")
    step = rows.groupby("series")["usd_bn"].transform(lambda v: rounding_step(v.to_numpy()))
    # A number rounded to a step is uniform within it: sd = step / sqrt(12), here relative.
    rounding = step / math.sqrt(12) / rows["usd_bn"]
    data = xr.Dataset(
        {
            "value": ("obs", rows["usd_bn"].to_numpy()),
            "rounding_sd": ("obs", rounding.to_numpy()),
            "estimate": ("obs", rows["qualifier"].isin(["estimated", "about"]).to_numpy(float)),
        },
        coords={
            "series": ("obs", rows["series"].to_numpy(str)),
            "year": ("obs", rows["period"].astype(int).to_numpy()),
        },
    )
    return Panel("market", known.date, data, {"value": MARKET_UNIT, "rounding_sd": "log points"})


PANEL = PanelSource(build=market_panel, latest=("year",))
