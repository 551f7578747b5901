"""What reports alone say of the earnings model's series."""

from __future__ import annotations

import datetime as dt

import numpy as np
import xarray as xr

from forecast.core.periods import quarter_index, quarter_name
from forecast.models.base import Panel, Reported
from forecast.models.earnings.panel import CLOUD_METRICS, EARNINGS_UNIT, METRIC_GROUPS
from forecast.models.earnings.paths import quarterly_draws


def path(panel: Panel, until: dt.date) -> xr.Dataset:
    """Return what was reported, dims chain and draw (one of each), series, period to `until`."""
    data = panel.data
    when = np.array([quarter_index(str(q)) for q in data["quarter"].values])
    last = quarter_index(f"{until.year}Q{(until.month + 2) // 3}")
    names = list(dict.fromkeys(str(n) for n in data["series"].values))
    grid = np.arange(when.min(), max(int(when.max()), last) + 1)
    values = np.full((len(names), len(grid)), np.nan)
    at = [names.index(str(n)) for n in data["series"].values]
    values[at, when - grid[0]] = data["value"].values
    y, one = values[None, None], np.arange(1)
    quarters = [quarter_name(int(k)) for k in grid]
    return quarterly_draws(y, y, values, names, quarters, EARNINGS_UNIT, (one, one))


REPORTED = Reported((*METRIC_GROUPS, *CLOUD_METRICS), path)
