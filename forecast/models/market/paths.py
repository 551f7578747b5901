"""Annual paths as labelled draws."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

import numpy as np
import xarray as xr

from forecast.core.words import TOLD_UNTIL, entity_of, metric_of

RATIO = {"capex_to_revenue": ("datacenter_capex", "ai_revenue")}
"""The ratio, with what stands above and below."""


def annual_draws(
    y: xr.DataArray, signal: xr.DataArray, observed: np.ndarray, unit: str
) -> xr.Dataset:
    """Label annual paths, and add the ratio of capex to revenue where an entity has both.

    Parameters
    ----------
    y, signal
        Dims chain, draw, series, period; series are "entity/metric", periods whole years.
    observed
        Reported values, shape (series, period), NaN where there is none.
    unit
        Unit of the values.

    Returns
    -------
    xarray.Dataset
        The joint draws with their coordinates; the added series is "entity/capex_to_revenue".
    """
    names = [str(n) for n in y["series"].values]
    seen = xr.DataArray(observed, dims=("series", "period"), coords={"series": names})
    draws = xr.Dataset({"y": y, "signal": signal, "observed": seen})
    units = [unit] * len(names)
    for entity in sorted({entity_of(n) for n in names}):
        top, bottom = f"{entity}/datacenter_capex", f"{entity}/ai_revenue"
        if top in names and bottom in names:
            ratio = draws.sel(series=top, drop=True) / draws.sel(series=bottom, drop=True)
            ratio = ratio.expand_dims(series=[f"{entity}/capex_to_revenue"])
            draws = xr.concat([draws, ratio], dim="series", join="outer")
            names.append(f"{entity}/capex_to_revenue")
            units.append("ratio")
    ends = [dt.date(int(t), 12, 31).isoformat() for t in y["period"].values]
    return draws.transpose("chain", "draw", "series", "period").assign_coords(
        entity=("series", [entity_of(n) for n in names]),
        metric=("series", [metric_of(n) for n in names]),
        unit=("series", units),
        period_end=("period", ends),
    )


def with_reach(draws: xr.Dataset, until: Mapping[str, str]) -> xr.Dataset:
    """Return annual draws that say until what day each series is told; a ratio, as far as both parts."""
    days = []
    for name in map(str, draws["series"].values):
        parts = RATIO.get(metric_of(name), (metric_of(name),))
        days.append(min(until[f"{entity_of(name)}/{part}"] for part in parts))
    return draws.assign_coords({TOLD_UNTIL: ("series", days)})
