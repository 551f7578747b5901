"""Annual sales of one stand."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from forecast.core.errors import DataError
from forecast.models.base import Panel, PanelSource

if TYPE_CHECKING:
    from forecast.tables.vintages import Known

METRIC, UNIT = "ice_creams", "count"


def toy_panel(known: Known) -> Panel:
    """One row a year."""
    rows = known.rows[known.rows["metric"] == METRIC].sort_values("period")
    if len(rows) < 3:
        raise DataError(f"the toy model wants three years of {METRIC}; the table has {len(rows)}")
    data = xr.Dataset(
        {"value": ("obs", rows["value"].to_numpy(float))},
        coords={
            "entity": ("obs", rows["entity"].to_numpy(str)),
            "year": ("obs", rows["period"].to_numpy(str).astype(np.int64)),
        },
    )
    return Panel("toy", known.date, data, {"value": UNIT})


PANEL = PanelSource(build=toy_panel)
