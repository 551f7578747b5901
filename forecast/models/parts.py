"""What the models share: priors that can be changed without a compile, and their log density.

Invariant: every prior number enters the model as ``pm.Data``, so one compiled model serves every
prior set and every panel of the same structure; ``tests/test_models.py`` refits without a compile
and compares with a fresh one.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Mapping
from typing import Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt
import xarray as xr

HYPER = "hyper"
"""Log density of the priors that a sensitivity check scales, one number a draw."""
LIKELIHOOD = "likelihood"
"""Log likelihood of all data, one number a draw."""
DENSITIES = (HYPER, LIKELIHOOD)


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
