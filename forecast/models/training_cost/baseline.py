"""A walk of the record: the forecast to beat."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from forecast.core.errors import DataError
from forecast.core.periods import (
    period_end,
)
from forecast.core.words import entity_of, metric_of
from forecast.models import common
from forecast.models.baselines import mean_and_sd
from forecast.models.training_cost.panel import COST_UNIT

if TYPE_CHECKING:
    from forecast.models.base import Panel


def cost_records(
    panel: Panel, *, until: str, seed: int, chains: int = 4, draws: int = 1000
) -> xr.Dataset:
    """Draw the most expensive training run so far as a random walk with drift, year by year.

    Parameters
    ----------
    panel
        A panel of training costs. Costs are taken as they stand, whatever their basis and error.
    until
        Last year to draw.
    seed
        Seed of the draws.
    chains, draws
        Shape of the sample, to stand alongside a model's.

    Returns
    -------
    xarray.Dataset
        As :func:`forecast.inference.predict.forecast` gives; ``signal`` is ``y``. For each rule r of the
        panel "r/largest_run" (USD m), which never falls, "r/growth_per_year" and
        "r/doubling_months" of its drift; periods are years from the first in which every rule has
        a release.

    Raises
    ------
    DataError
        If a rule has fewer than four years from its first to its last release, or `until` is past.
    """
    rng = np.random.default_rng(seed)
    now, last = int(panel.as_of[:4]), period_end(until).year
    if last < now:
        raise DataError(f"cannot forecast training costs to {until!r} as of {panel.as_of}")
    rule = panel.data["rule"].values.astype(str)
    released = np.array([int(day[:4]) for day in panel.data["released"].values.astype(str)])
    first = max(int(released[rule == name].min()) for name in set(rule))
    grid = np.arange(min(first, now - 1), last + 1)
    size = chains * draws
    names, units, paths = [], [], []
    for name in dict.fromkeys(rule):
        year, cost = released[rule == name], panel.data["value"].values[rule == name]
        seen = np.arange(year.min(), year.max() + 1)
        record = np.log([cost[year <= t].max() for t in seen])
        if len(record) < 4:
            raise DataError(f"a walk of records wants four years; {name} has {len(record)}")
        mean, sigma = mean_and_sd(np.diff(record), size, rng)
        steps = max(int(grid[-1] - seen[-1]), 0)
        walk = record[-1] + np.cumsum(mean + sigma * rng.standard_normal((size, steps)), axis=1)
        ahead = np.maximum.accumulate(np.maximum(walk, record[-1]), axis=1)
        whole = np.hstack([np.broadcast_to(record, (size, len(record))), ahead])
        at = np.clip(grid - seen[0], 0, whole.shape[1] - 1)
        same = np.ones((1, len(grid)))
        paths += [
            np.exp(whole[:, at]),
            np.exp(mean) * same,
            12 * np.log(2) / np.maximum(mean, common.SLOWEST_GROWTH) * same,
        ]
        names += [f"{name}/{m}" for m in ("largest_run", "growth_per_year", "doubling_months")]
        units += [COST_UNIT, "ratio", "months"]
    y = np.stack(paths, axis=1).reshape(chains, draws, len(names), len(grid))
    dims = ("chain", "draw", "series", "period")
    return xr.Dataset(
        {
            "y": (dims, y),
            "signal": (dims, y.copy()),
            "observed": (dims[2:], np.full(y.shape[2:], np.nan)),
        },
        coords={
            "chain": np.arange(chains),
            "draw": np.arange(draws),
            "series": names,
            "entity": ("series", [entity_of(n) for n in names]),
            "metric": ("series", [metric_of(n) for n in names]),
            "unit": ("series", units),
            "period": grid.astype(str),
            "period_end": ("period", [period_end(str(t)).isoformat() for t in grid]),
        },
    ).assign_attrs(
        model="naive: walk of the record", as_of=panel.as_of, data_hash=panel.hash, seed=seed
    )
