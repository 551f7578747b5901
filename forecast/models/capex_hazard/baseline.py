"""Falls as often as the companies' own record has had them at any time: the forecast to beat."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from forecast.core.periods import period_end, quarter_index, quarter_of
from forecast.models.capex_hazard.model import labelled
from forecast.models.capex_hazard.panel import FALLS, State, states

if TYPE_CHECKING:
    from forecast.models.base import Panel

NAME = "naive: as often as at any time"


def rates(panel: Panel, one: State) -> np.ndarray:
    """Return how often each fall comes, a year, of the level of a state at any time.

    Parameters
    ----------
    panel
        A capex_hazard panel.
    one
        The state; a company is of the companies' record, several are of their sets', a class of its own
        levels'.

    Returns
    -------
    numpy.ndarray
        Shape (fall,): first falls, and half a one more (Jeffreys), over the years at risk of them.
    """
    level = panel.data["level"].values.astype(str)
    own = level == "company" if len(one.members) == 1 else level == "set"
    if one.by != "own" or not own.any():
        own = ~np.isin(level, ["company", "set"])
    followup = panel.data["followup"].values[own]
    found = []
    for fall in FALLS:
        month = panel.data[f"months{fall}"].values[own]
        told = panel.data["smallest"].values[own] <= fall
        years = np.where(month > 0, month, followup)[told].sum() / 12
        found.append(((month[told] > 0).sum() + 0.5) / years if years else 0.5)
    # a smaller fall, of which fewer rows tell, comes no less often
    return np.maximum.accumulate(found[::-1])[::-1]


def falls_at_any_time(
    panel: Panel, *, until: str, seed: int, chains: int = 4, draws: int = 1000
) -> xr.Dataset:
    """Draw falls as often as they come at any time, run-up or not.

    Rates are those of the rows that were fitted: of a company those of all companies, of several those
    of the chain of their sets, since 1998. They count as known, and falls of one draw go together: a
    draw that falls by 20 % falls by 5 and 10 % too.

    Parameters
    ----------
    panel
        A capex_hazard panel.
    until
        Last quarter to draw.
    seed
        Seed of the draws.
    chains, draws
        Shape of the sample, to stand alongside a model's.

    Returns
    -------
    xarray.Dataset
        As :func:`forecast.models.capex_hazard.model.draw` gives it; ``signal`` is the rate's chance.
    """
    asked = states(panel)
    last = quarter_index(quarter_of(period_end(until).isoformat()))
    steps = np.arange(1, last - min(quarter_index(one.quarter) for one in asked) + 1)
    rate = np.stack([rates(panel, one) for one in asked])
    chance = -np.expm1(-rate[:, :, None] * steps / 4)
    for k, one in enumerate(asked):
        chance[k, : one.sure] = 1.0
    uniform = np.random.default_rng(seed).random((chains * draws, len(asked), 1, 1))
    fallen = (uniform < chance).astype(float)
    sample = (np.arange(chains), np.arange(draws))
    return labelled(
        fallen, np.broadcast_to(chance, fallen.shape), asked, last, sample
    ).assign_attrs(model=NAME, as_of=panel.as_of, data_hash=panel.hash, seed=seed)
