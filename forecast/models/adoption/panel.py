"""Shares of open-weight models in use, dated, by who counts what.

An entity such as "enterprise LLM usage (Menlo Ventures)" is one measure: what is counted, and by whom.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
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
    """One row a survey: the share as a ratio, strictly between zero and one, and by whom."""
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
    rows = rows.sort_values(["year", "entity"], kind="stable")
    data = xr.Dataset(
        {
            "value": ("obs", rows["share"].to_numpy(float)),
            "year": ("obs", rows["year"].to_numpy(float)),
            "about": ("obs", rows["qualifier"].isin(["about", "estimated"]).to_numpy(bool)),
        },
        coords={
            "survey": ("obs", rows["entity"].to_numpy(str)),
            "surveyed": ("obs", rows["period"].to_numpy(str)),
        },
    )
    return Panel("adoption", known.date, data, {"value": "ratio", "year": "years since 2023"})


def measures(panel: Panel) -> tuple[list[str], np.ndarray]:
    """Return the name of each measure's series, and the measure of each row, a position.

    A measure is called by what it counts; where several count the same, that with most rows is, and the
    others by their full names. That with most rows stands first.
    """
    whom = panel.data["survey"].values.astype(str)
    entities, count = np.unique(whom, return_counts=True)
    order = [str(entities[k]) for k in np.argsort(-count, kind="stable")]
    names: list[str] = []
    for entity in order:
        what = entity.split(" (")[0]
        names.append(entity if what in names else what)
    return names, np.array([order.index(one) for one in whom])


PANEL = PanelSource(build=adoption_panel, latest=("surveyed",))
