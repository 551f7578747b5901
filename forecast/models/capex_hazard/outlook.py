"""Each state's chances of a fall, as ``forecast fit`` prints them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import xarray as xr

from forecast.core.periods import quarter_index
from forecast.models.base import Outlook, Panel
from forecast.models.capex_hazard.panel import FALLS, fall_metric, states


def falls(draws: xr.Dataset, panel: Panel, months: Sequence[int]) -> Outlook:
    """Return each state's chances of a fall within the last two of `months` that are drawn.

    Parameters
    ----------
    draws
        Draws of the capex_hazard model.
    panel
        The panel it was fitted to.
    months
        Months after a state's quarter, in order; a total is known at the end of quarters alone.
    """
    grid = np.array([quarter_index(str(q)) for q in draws["period"].values])
    rows: list[Mapping[str, str | int | float]] = []
    for one in states(panel):
        end = quarter_index(one.quarter)
        for month in [m for m in months if 3 <= m <= 3 * (grid[-1] - end)][-2:]:
            at = draws["signal"].isel(period=int(np.searchsorted(grid, end + month // 3)))
            chances = {
                f"fall_{fall}": float(at.sel(series=f"{one.entity}/{fall_metric(fall)}").mean())
                for fall in FALLS
            }
            rows.append({"state": f"{one.entity}, {one.quarter}", "months": month, **chances})
    level = panel.data["level"].values.astype(str)
    of_own = int(np.isin(level, ["company", "set"]).sum())
    return Outlook(
        note=f"{len(level) - of_own} run-ups of industries and asset types, {of_own} states of the "
        "companies; no guidance enters",
        title="chance that capex of four quarters falls below its highest by so many percent",
        heads={
            "state": "whose, as of",
            "months": "months",
            **{f"fall_{fall}": f"fall of {fall}" for fall in FALLS},
        },
        rows=tuple(rows),
    )
