"""What reports alone say of the market model's series."""

from __future__ import annotations

import datetime as dt

import numpy as np
import xarray as xr

from forecast.core.words import PERIOD, SERIES
from forecast.models.base import Panel, Reported
from forecast.models.market.panel import MARKET_METRICS, MARKET_UNIT
from forecast.models.market.paths import annual_draws


def path(panel: Panel, until: dt.date) -> xr.Dataset:
    """Return what was reported, dims chain and draw (one of each), series, period to `until`."""
    data = panel.data
    when, last = data["year"].values, until.year
    names = list(dict.fromkeys(str(n) for n in data["series"].values))
    grid = np.arange(when.min(), max(int(when.max()), last) + 1)
    values = np.full((len(names), len(grid)), np.nan)
    at = [names.index(str(n)) for n in data["series"].values]
    values[at, when - grid[0]] = data["value"].values
    one = np.arange(1)
    coords = {"chain": one, "draw": one, SERIES: names, PERIOD: grid.astype(str)}
    array = xr.DataArray(values[None, None], coords, tuple(coords))
    return annual_draws(array, array, values, MARKET_UNIT)


REPORTED = Reported(MARKET_METRICS, path)
