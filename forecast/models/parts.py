"""What the models share: priors that can be changed without a compile, and their log density.

Invariant: every prior number enters the model as ``pm.Data``, so one compiled model serves every
prior set and every panel of the same structure; ``tests/test_fitting.py`` refits without a compile
and compares with a fresh one.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt
import xarray as xr

from forecast.panels import CLOUD_METRICS
from forecast.panels.hazard import CLASS, Position, last_close, month_name
from forecast.schema import period_end

HYPER = "hyper"
"""Log density of the priors that a sensitivity check scales, one number a draw."""
LIKELIHOOD = "likelihood"
"""Log likelihood of all data, one number a draw."""
DENSITIES = (HYPER, LIKELIHOOD)
SLOWEST_GROWTH = 0.01
"""A cost that grows by less than this (log points a year), or falls, is told as doubling in 69
years: a doubling time has no end there."""


def prior_data(priors: object) -> Mapping[str, Any]:
    """Register every field of a frozen record of numbers as data; return them by field name."""
    return {
        field.name: pm.Data(f"prior_{field.name}", np.float64(getattr(priors, field.name)))
        for field in dataclasses.fields(priors)  # type: ignore[arg-type]
    }


def normal(name: str, mean: Any, sd: Any) -> tuple[Any, Any]:
    """Return a normal variable and its log density."""
    variable = pm.Normal(name, mean, sd)
    return variable, pm.logp(pm.Normal.dist(mean, sd), variable)


def log_normal(name: str, median: Any, log_sd: Any) -> tuple[Any, Any]:
    """Return a log-normal variable, told by its median, and its log density.

    Scales are log-normal rather than half-normal: with few series a half-normal piles up near
    zero, where the sampler diverges.
    """
    variable = pm.LogNormal(name, pt.log(median), log_sd)
    return variable, pm.logp(pm.LogNormal.dist(pt.log(median), log_sd), variable)


def beta(name: str, a: Any, b: Any) -> tuple[Any, Any]:
    """Return a beta variable and its log density."""
    variable = pm.Beta(name, a, b)
    return variable, pm.logp(pm.Beta.dist(a, b), variable)


def likelihood(name: str, density: Any) -> None:
    """Add the log density of the data to the model, and keep it by draw as :data:`LIKELIHOOD`."""
    pm.Potential(name, density)
    # A variable of its own: one that is both is lost when a model's data are replaced.
    pm.Deterministic(LIKELIHOOD, 1.0 * density)


def annual_draws(
    y: xr.DataArray, signal: xr.DataArray, observed: np.ndarray, unit: str
) -> xr.Dataset:
    """Label annual paths, and add the ratio of capex to revenue where an entity has both.

    Parameters
    ----------
    y, signal
        Dims chain, draw, series, period; series are "entity/metric", periods whole years.
    observed
        Reported values, shape (series, period), NaN where there is none.
    unit
        Unit of the values.

    Returns
    -------
    xarray.Dataset
        The joint draws with their coordinates; the added series is "entity/capex_to_revenue".
    """
    names = [str(n) for n in y["series"].values]
    seen = xr.DataArray(observed, dims=("series", "period"), coords={"series": names})
    draws = xr.Dataset({"y": y, "signal": signal, "observed": seen})
    units = [unit] * len(names)
    for entity in sorted({n.split("/")[0] for n in names}):
        top, bottom = f"{entity}/datacenter_capex", f"{entity}/ai_revenue"
        if top in names and bottom in names:
            ratio = draws.sel(series=top, drop=True) / draws.sel(series=bottom, drop=True)
            ratio = ratio.expand_dims(series=[f"{entity}/capex_to_revenue"])
            draws = xr.concat([draws, ratio], dim="series", join="outer")
            names.append(f"{entity}/capex_to_revenue")
            units.append("ratio")
    ends = [dt.date(int(t), 12, 31).isoformat() for t in y["period"].values]
    return draws.transpose("chain", "draw", "series", "period").assign_coords(
        entity=("series", [n.split("/")[0] for n in names]),
        metric=("series", [n.split("/")[1] for n in names]),
        unit=("series", units),
        period_end=("period", ends),
    )


FALL_METRICS = ("fall_20", "fall_30", "fall_40", "correction")
"""Series of falls from a running peak; a correction is a fall of 20 but not of 40 %."""


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
        entity=("series", [n.split("/")[0] for n in names]),
        metric=("series", [n.split("/")[1] for n in names]),
        unit=("series", ["ratio"] * len(names)),
        period_end=("period", [period_end(m).isoformat() for m in months]),
        ahead_only=("series", [one.source == CLASS for one in held for _ in FALL_METRICS]),
    )


TOTALS: Mapping[str, tuple[str, ...]] = {
    "big_four": ("MSFT", "GOOGL", "AMZN", "META"),
    "big_five": ("MSFT", "GOOGL", "AMZN", "META", "ORCL"),
}
"""Groups of companies that are added up."""


def _members(names: list[str], metric: str, entities: tuple[str, ...]) -> list[int]:
    """Return where the series to add up stand; none if a company is missing.

    Not every company reports a cloud segment, so there the sum is over those that do.
    """
    if metric == "cloud_revenue":
        found = [
            k
            for k, name in enumerate(names)
            if name.split("/")[0] in entities and name.split("/")[1] in CLOUD_METRICS
        ]
        return found if len(found) > 1 else []
    wanted = [f"{entity}/{metric}" for entity in entities]
    return [names.index(w) for w in wanted] if set(wanted) <= set(names) else []


def _with_sums(array: np.ndarray, sums: Mapping[str, list[int]], names: list[str]) -> np.ndarray:
    """Append sums and then ratios of capex to revenue on the last axis but one."""
    added = [array[..., at, :].sum(axis=-2, keepdims=True) for at in sums.values()]
    full = np.concatenate([array, *added], axis=-2)
    pairs = [(names.index(top), names.index(bottom)) for top, bottom in _ratios(names)]
    ratios = [full[..., [top], :] / full[..., [bottom], :] for top, bottom in pairs]
    return np.concatenate([full, *ratios], axis=-2)


def _ratios(names: list[str]) -> list[tuple[str, str]]:
    entities = list(dict.fromkeys(n.split("/")[0] for n in names))
    both = [(f"{e}/capex", f"{e}/revenue") for e in entities]
    return [pair for pair in both if set(pair) <= set(names)]


def quarterly_draws(
    y: np.ndarray,
    signal: np.ndarray,
    observed: np.ndarray,
    names: list[str],
    quarters: list[str],
    unit: str,
    sample: tuple[np.ndarray, np.ndarray],
) -> xr.Dataset:
    """Label quarterly paths, and add sums over companies and ratios of capex to revenue.

    Parameters
    ----------
    y, signal
        Shape (chain, draw, series, quarter); NaN before a series begins.
    observed
        Reported values, shape (series, quarter), NaN where there is none.
    names, quarters
        Series as "entity/metric", and calendar quarters such as 2026Q1.
    unit
        Unit of the values.
    sample
        Labels of the chains and of the draws.

    Returns
    -------
    xarray.Dataset
        The joint draws with their coordinates. Added: "big_four/capex", "big_five/capex" and the
        same of ``revenue`` and ``cloud_revenue`` (of those that report one), each the sum of the
        same draw; "entity/capex_to_revenue" of companies and of sums, the ratio of the same draw.
    """
    sums = {
        f"{group}/{metric}": _members(names, metric, entities)
        for group, entities in TOTALS.items()
        for metric in ("capex", "revenue", "cloud_revenue")
    }
    sums = {name: at for name, at in sums.items() if at}
    flows = [*names, *sums]
    ratios = [f"{top.split('/')[0]}/capex_to_revenue" for top, _ in _ratios(flows)]
    labels = [*flows, *ratios]
    dims = ("chain", "draw", "series", "period")
    return xr.Dataset(
        {
            "y": (dims, _with_sums(y, sums, flows)),
            "signal": (dims, _with_sums(signal, sums, flows)),
            "observed": (dims[2:], _with_sums(observed, sums, flows)),
        },
        coords={"chain": sample[0], "draw": sample[1], "series": labels, "period": quarters},
    ).assign_coords(
        entity=("series", [n.split("/")[0] for n in labels]),
        metric=("series", [n.split("/")[1] for n in labels]),
        unit=("series", [unit] * len(flows) + ["ratio"] * len(ratios)),
        period_end=("period", [period_end(q).isoformat() for q in quarters]),
    )
