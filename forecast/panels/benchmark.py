"""Scores and training costs of model releases."""

from __future__ import annotations

import json

import numpy as np
import xarray as xr

from forecast.schema import (
    DataError,
    convert,
    one_line,
    period_end,
)
from forecast.vintages import Table

COST_WORDS = ("", "about", "estimated")
"""How a cost was worded, from firm to weak; the benchmark model gives each its own error."""


def benchmark_panel(known: Table) -> xr.Dataset:
    """One row a model release: score as a share, training cost in USD m and how it was worded."""
    wide = {
        metric: known[known["metric"] == metric].set_index("entity")
        for metric in ("mmlu", "training_cost")
    }
    entities = sorted(set(wide["mmlu"].index) & set(wide["training_cost"].index))
    if len(entities) < 3:
        raise DataError(
            f"the benchmark model wants at least 3 models with both mmlu and training_cost; "
            f"the table has {len(entities)}"
        )
    score, cost = wide["mmlu"].loc[entities], wide["training_cost"].loc[entities]
    bad = [e for e in entities if cost.loc[e, "qualifier"] not in COST_WORDS]
    if bad:
        raise DataError(
            f"the benchmark model takes costs worded {', '.join(map(repr, COST_WORDS))}; "
            f"got a bound for {one_line(bad)}"
        )
    released = [period_end(str(p)) for p in score["period"]]
    share = [convert(v, u, "ratio") for v, u in zip(score["value"], score["unit"], strict=True)]
    usd_m = [convert(v, u, "USD m") for v, u in zip(cost["value"], cost["unit"], strict=True)]
    order = np.argsort([d.toordinal() for d in released], kind="stable")
    return xr.Dataset(
        {
            "score": ("obs", np.array(share)[order]),
            "cost": ("obs", np.array(usd_m)[order]),
            "cost_word": (
                "obs",
                np.array([COST_WORDS.index(q) for q in cost["qualifier"]])[order],
            ),
            "year": (
                "obs",
                np.array([d.year + (d.timetuple().tm_yday - 1) / 365.25 for d in released])[order],
            ),
        },
        coords={
            "release": ("obs", np.array(entities)[order]),
            "released": ("obs", np.array([d.isoformat() for d in released])[order]),
        },
        attrs={"units": json.dumps({"score": "ratio", "cost": "USD m", "year": "years"})},
    )
