"""Monthly falls as labelled draws."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr

from forecast.core.periods import last_close, month_name, period_end
from forecast.core.words import entity_of, metric_of
from forecast.models.hazard.panel import CLASS, Position

FALL_METRICS = ("fall_20", "fall_30", "fall_40", "correction")
"""Series of falls from a running peak; a correction is a fall of 20 but not of 40 %."""


def after(chance: np.ndarray, reached: int) -> np.ndarray:
    """Return the chance of each fall after those on record, of a deeper one given the last that came.

    A fall of 40 % is as likely after one of 20 % in so many months as their rates' ratio says.

    Parameters
    ----------
    chance
        Of falls at any time, shape (..., fall, month).
    reached
        How many falls have come.

    Returns
    -------
    numpy.ndarray
        The same shape; of falls that have come it means nothing.
    """
    return chance / chance[..., [reached - 1], :] if reached else chance


def monthly_falls(
    fallen: np.ndarray,
    chance: np.ndarray,
    held: Sequence[Position],
    last: int,
    sample: tuple[np.ndarray, np.ndarray],
) -> xr.Dataset:
    """Label monthly paths of falls, behind what is on record of each position.

    Parameters
    ----------
    fallen, chance
        Whether a fall has come so far (0 or 1) and the probability of it, shape (sample, position,
        fall, month), by month after the position's last one on record. A fall on record has come.
    held
        The positions.
    last
        Index of the last month to label.
    sample
        Labels of the chains and of the draws.

    Returns
    -------
    xarray.Dataset
        The joint draws with their coordinates, by month from the first that is on record or
        forecast: of each position every one of :data:`FALL_METRICS`.
    """
    first = min(last_close(one.since or one.dated) for one in held) + 1
    grid = np.arange(first, last + 1)
    record = np.stack([one.record(grid) for one in held])
    shape = (*fallen.shape[:3], len(grid))
    y, signal = (np.broadcast_to(record, shape).copy() for _ in range(2))
    for k, one in enumerate(held):
        ahead = slice(one.closed + 1 - first, None)
        count = last - one.closed
        for whole, drawn in ((y, fallen), (signal, chance)):
            whole[:, k, :, ahead] = drawn[:, k, :, :count]
            whole[:, k, : one.stage, ahead] = 1.0
        record[k, : one.stage, ahead] = 1.0  # a fall that has come stays
    y, signal = (np.concatenate([a, a[:, :, [0]] - a[:, :, [-1]]], axis=2) for a in (y, signal))
    record = np.concatenate([record, record[:, [0]] - record[:, [-1]]], axis=1)
    names = [f"{one.entity}/{metric}" for one in held for metric in FALL_METRICS]
    months = [month_name(int(k)) for k in grid]
    sizes = (len(sample[0]), len(sample[1]), len(names), len(grid))
    dims = ("chain", "draw", "series", "period")
    return xr.Dataset(
        {
            "y": (dims, y.reshape(sizes)),
            "signal": (dims, signal.reshape(sizes)),
            "observed": (dims[2:], record.reshape(sizes[2:])),
        },
        coords={"chain": sample[0], "draw": sample[1], "series": names, "period": months},
    ).assign_coords(
        entity=("series", [entity_of(n) for n in names]),
        metric=("series", [metric_of(n) for n in names]),
        unit=("series", ["ratio"] * len(names)),
        period_end=("period", [period_end(m).isoformat() for m in months]),
        ahead_only=("series", [one.source == CLASS for one in held for _ in FALL_METRICS]),
    )
