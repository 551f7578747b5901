"""Shares of open-weight models in use, dated."""

from __future__ import annotations

from typing import TYPE_CHECKING

import xarray as xr

from forecast.core.errors import DataError
from forecast.core.periods import years_since
from forecast.core.text import one_line
from forecast.core.units import convert
from forecast.models.base import Panel, PanelSource

if TYPE_CHECKING:
    from forecast.tables.vintages import Known

SHARE_METRIC = "open_weight_share"


def adoption_panel(known: Known) -> Panel:
    """One row a survey: the share as a ratio, strictly between zero and one."""
    rows = known.rows[known.rows["metric"] == SHARE_METRIC].copy()
    if len(rows) < 2:
        raise DataError(
            f"the adoption model wants two or more rows of {SHARE_METRIC}; the table has {len(rows)}"
        )
    bounded = rows[rows["qualifier"].isin(["at least", "at most", "projected"])]
    if len(bounded):
        raise DataError(
            "the adoption model takes shares, not bounds or projections; drop or restate "
            + one_line([f"{r.entity} {r.metric} {r.period}" for r in bounded.itertuples()])
        )
    entities = sorted(set(rows["entity"]))
    if len(entities) > 1:
        raise DataError(
            "the adoption model takes one survey, for surveys count different things; got "
            + one_line(entities)
        )
    rows["share"] = [
        convert(v, u, "ratio") for v, u in zip(rows["value"], rows["unit"], strict=True)
    ]
    outside = rows[(rows["share"] <= 0) | (rows["share"] >= 1)]
    if len(outside):
        raise DataError(
            "the adoption model wants shares between 0 and 1, both excluded; got "
            + one_line([f"{r.share:g} in {r.period}" for r in outside.itertuples()])
        )
    rows["year"] = [years_since(str(p)) for p in rows["period"]]
    rows = rows.sort_values("year", kind="stable")
    data = xr.Dataset(
        {
            "value": ("obs", rows["share"].to_numpy(float)),
            "year": ("obs", rows["year"].to_numpy(float)),
        },
        coords={
            "survey": ("obs", rows["entity"].to_numpy(str)),
            "surveyed": ("obs", rows["period"].to_numpy(str)),
        },
    )
    return Panel("adoption", known.date, data, {"value": "ratio", "year": "years since 2023"})


PANEL = PanelSource(build=adoption_panel, latest=("surveyed",))
