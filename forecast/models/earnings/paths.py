"""Quarterly paths as labelled draws, with sums over companies and ratios."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import xarray as xr

from forecast.core.periods import period_end
from forecast.core.words import entity_of, metric_of
from forecast.models.earnings.panel import CLOUD_METRICS

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
            if entity_of(name) in entities and metric_of(name) in CLOUD_METRICS
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
    entities = list(dict.fromkeys(entity_of(n) for n in names))
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
    ratios = [f"{entity_of(top)}/capex_to_revenue" for top, _ in _ratios(flows)]
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
        entity=("series", [entity_of(n) for n in labels]),
        metric=("series", [metric_of(n) for n in labels]),
        unit=("series", [unit] * len(flows) + ["ratio"] * len(ratios)),
        period_end=("period", [period_end(q).isoformat() for q in quarters]),
    )
