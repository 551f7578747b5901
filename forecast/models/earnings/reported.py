"""What has been reported of the earnings model's series, as draws."""

from __future__ import annotations

import datetime as dt

import numpy as np
import xarray as xr

from forecast.core.periods import quarter_index, quarter_name, quarter_of
from forecast.models.base import Panel, Reported, on_grid
from forecast.models.earnings.panel import CLOUD_METRICS, EARNINGS_UNIT, METRIC_GROUPS
from forecast.models.earnings.paths import quarterly_draws


def reported_path(panel: Panel, until: dt.date) -> xr.Dataset:
    """Return what was reported quarter by quarter; see :class:`forecast.models.base.Reported`."""
    when = np.array([quarter_index(str(q)) for q in panel.data["quarter"].values])
    last = quarter_index(quarter_of(until.isoformat()))
    names, grid, values = on_grid(panel, when, last)
    quarters = [quarter_name(int(k)) for k in grid]
    path, one = values[None, None], np.arange(1)
    draws = quarterly_draws(path, path, values, names, quarters, EARNINGS_UNIT, (one, one))
    return draws.assign_attrs(model=panel.model, as_of=panel.as_of)


REPORTED = Reported((*METRIC_GROUPS, *CLOUD_METRICS), reported_path)
