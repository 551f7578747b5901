"""What has been reported of the market model's series, as draws."""

from __future__ import annotations

import datetime as dt

import numpy as np
import xarray as xr

from forecast.models.base import Panel, Reported, on_grid
from forecast.models.market.panel import MARKET_METRICS, MARKET_UNIT
from forecast.models.market.paths import annual_draws


def reported_path(panel: Panel, until: dt.date) -> xr.Dataset:
    """Return what was reported year by year; see :class:`forecast.models.base.Reported`."""
    names, years, values = on_grid(panel, panel.data["year"].values, until.year)
    one = np.arange(1)
    coords = {"chain": one, "draw": one, "series": names, "period": years.astype(str)}
    path = xr.DataArray(values[None, None], coords, tuple(coords))
    draws = annual_draws(path, path, values, MARKET_UNIT)
    return draws.assign_attrs(model=panel.model, as_of=panel.as_of)


REPORTED = Reported(MARKET_METRICS, reported_path)
