"""Rental prices of one accelerator by index: levels differ, so each index is a series of its own."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from forecast.core.errors import DataError
from forecast.core.periods import period_end, years_since
from forecast.core.text import one_line
from forecast.core.units import convert
from forecast.models.base import Panel, PanelSource

if TYPE_CHECKING:
    from forecast.tables.vintages import Known

RENTAL_METRIC = "h100_rental"
RENTAL_UNIT = "USD per hour"
_BREAKS = re.compile(r"breaks when [^(]*\(([^)]*)\)")


def _segment(note: str, day: str) -> int:
    """Return in which stretch of its index a day lies, by the breaks that the note declares."""
    found = _BREAKS.search(note)
    dates = [d.strip() for d in found[1].split(",")] if found else []
    return sum(day >= date for date in dates)


def gpu_rental_panel(known: Known) -> Panel:
    """One row a quote, USD per hour, with its index, stretch and whether it is a bound.

    Where a note declares that an index changed its composition ("breaks when ... (dates)"), each
    stretch has a level of its own: such a jump is the index's, not the market's. Rows of one index
    and day with the same value are one. Bounds stand last.
    """
    rows = known.rows[known.rows["metric"] == RENTAL_METRIC].copy()
    numbers = rows[~rows["qualifier"].isin(["at least", "at most"])]
    if len(numbers) < 3:
        raise DataError(
            f"the gpu_rental model wants three or more numbers of {RENTAL_METRIC}; "
            f"the table has {len(numbers)}"
        )
    projected = rows[rows["qualifier"] == "projected"]
    if len(projected):
        raise DataError(
            "the gpu_rental model takes prices and bounds, not projections; drop "
            + one_line([f"{r.entity} {r.period}" for r in projected.itertuples()])
        )
    rows["usd"] = [
        convert(v, u, RENTAL_UNIT) for v, u in zip(rows["value"], rows["unit"], strict=True)
    ]
    rows["day"] = [period_end(str(p)).isoformat() for p in rows["period"]]
    notes = rows["note"] if "note" in rows else [""] * len(rows)
    rows["stretch"] = [
        f"{entity} {_segment(str(note), day) + 1}"
        for entity, note, day in zip(rows["entity"], notes, rows["day"], strict=True)
    ]
    rows["bound"] = rows["qualifier"].map({"at least": 1, "at most": -1}).fillna(0).astype(int)
    rows["last"] = rows["bound"] != 0
    rows = rows.sort_values(["last", "entity", "day", "usd"], kind="stable")
    data = xr.Dataset(
        {
            "value": ("obs", rows["usd"].to_numpy(float)),
            "year": ("obs", np.array([years_since(d) for d in rows["day"]])),
            "bound": ("obs", rows["bound"].to_numpy(int)),
            # Interruptible capacity is auctioned by zone and wanders about the market's level.
            "spot": ("obs", rows["entity"].str.contains("spot", case=False).to_numpy(float)),
        },
        coords={
            "index": ("obs", rows["entity"].to_numpy(str)),
            "stretch": ("obs", rows["stretch"].to_numpy(str)),
            "day": ("obs", rows["day"].to_numpy(str)),
        },
    )
    return Panel("gpu_rental", known.date, data, {"value": RENTAL_UNIT, "year": "years since 2023"})


PANEL = PanelSource(build=gpu_rental_panel, latest=("day",))
