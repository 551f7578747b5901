"""Falls as often as they come at any time: the forecast to beat."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from forecast.core.errors import DataError
from forecast.core.periods import (
    last_close,
    month_index,
    month_name,
    period_end,
)
from forecast.models.hazard import paths
from forecast.models.hazard.panel import FALLS, base_rates, views

if TYPE_CHECKING:
    from forecast.models.base import Panel

FALLS_NAME = "naive: as often as at any time"


def _at_any_time(rates: Mapping[str, float], ahead: np.ndarray) -> np.ndarray:
    """Return the chance of each fall by month, shape (fall, month)."""
    rows = []
    for fall in FALLS:
        early, late = (-np.log1p(-rates[f"p{fall}_{m}m"]) for m in (18, 24))
        beyond = early + (late - early) * (ahead - 18) / 6
        rows.append(-np.expm1(-np.where(ahead <= 18, early * ahead / 18, beyond)))
    return np.stack(rows)


def unconditional_falls(
    panel: Panel, *, until: str, seed: int, chains: int = 4, draws: int = 1000
) -> xr.Dataset:
    """Draw falls as often as they come at any time, run-up or not.

    The rates within 18 and 24 months are those of the table ``drawdown_base_rates``: of the series
    itself where a position names its row there, else of US industries. Between and beyond, the chance
    of no fall goes down by a constant factor a month. Depths are drawn together: a draw that falls by
    40 % falls by 20 and 30 % too. The rates count as known.

    Parameters
    ----------
    panel
        A hazard panel.
    until
        Last month to draw.
    seed
        Seed of the draws.
    chains, draws
        Shape of the sample, to stand alongside a model's.

    Returns
    -------
    xarray.Dataset
        As :func:`forecast.models.hazard.model.draw` gives it; ``signal`` is the rate.
    """
    known, last = last_close(panel.as_of), month_index(period_end(until).isoformat())
    if last <= known:
        raise DataError(f"cannot forecast to {until!r}; closes are known to {month_name(known)}")
    held = [view.position for view in views(panel)]
    ahead = np.arange(1, last - min(one.closed for one in held) + 1)
    rate = np.stack(
        [paths.after(_at_any_time(base_rates(panel, one), ahead), one.stage) for one in held]
    )
    uniform = np.random.default_rng(seed).random((chains * draws, len(held), 1, 1))
    fallen = (uniform < rate).astype(float)
    sample = (np.arange(chains), np.arange(draws))
    return paths.monthly_falls(
        fallen, np.broadcast_to(rate, fallen.shape), held, last, sample
    ).assign_attrs(model=FALLS_NAME, as_of=panel.as_of, data_hash=panel.hash, seed=seed)
