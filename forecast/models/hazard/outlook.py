"""Each position's chances of a first fall, as ``forecast fit`` prints them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import xarray as xr

from forecast.models.base import Outlook, Panel
from forecast.models.hazard.panel import FALLS, effective_sample, months_of


def falls(draws: xr.Dataset, panel: Panel, months: Sequence[int]) -> Outlook:
    """Return each position's chances of a first fall within the last two of `months` that are drawn.

    Parameters
    ----------
    draws
        Draws of the hazard model.
    panel
        The panel it was fitted to.
    months
        Months after a position's date, in order.
    """
    n, independent = effective_sample(panel.data)
    signal = draws["signal"]
    rows: list[Mapping[str, str | int | float]] = []
    for name in dict.fromkeys(str(e) for e in draws["entity"].values):
        own = months_of(draws, name)
        for month in [m for m in months if m <= len(own)][-2:]:
            at = signal.isel(period=own[month - 1])
            chances = {
                f"fall_{fall}": float(at.sel(series=f"{name}/fall_{fall}").mean()) for fall in FALLS
            }
            rows.append({"position": name, "months": month, **chances})
    return Outlook(
        note=f"{n} episodes followed for 24 months count as about {independent:.0f} independent ones",
        title="chance of a first fall, percent of the peak, within the months named",
        heads={
            "position": "position",
            "months": "months",
            **{f"fall_{fall}": f"fall of {fall}" for fall in FALLS},
        },
        rows=tuple(rows),
    )
