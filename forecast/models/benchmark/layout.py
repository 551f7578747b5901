"""The panel's rows by score and by release, and the covariates of each release.

A score is an answer of one release to one benchmark under one protocol, in the terms of item response
theory a response of a person to an item; the covariates (date, openness, reasoning, compute and cost)
belong to the release. Flags are centred, so that levels are those of the mixture of releases::

    t = year - 2024.5,  x = log10(FLOP) - 24,  closed = 0.6 - open,  reasoning = reasons - 0.2

Each benchmark's curve turns about a fixed capability, a rough one of the releases tested on it::

    centre[b] = mean over the scores on b of (1.1 t + 0.6 reasoning)
"""

from __future__ import annotations

import dataclasses
import datetime as dt
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from forecast.models.benchmark.panel import BENCHMARKS, REFERENCES

if TYPE_CHECKING:
    from forecast.models.base import Panel

NAMES = tuple(BENCHMARKS)
OTHER = "another"
"""Label of an organisation, or of a protocol, that is not yet seen."""
YEAR_ORIGIN = 2024.5
DAYS_IN_YEAR = 365.25
COMPUTE_ORIGIN = 24.0
"""Log10 FLOP."""
OPEN_SHARE, REASONING_SHARE = 0.6, 0.2
"""Centres of the two flags, so that levels are of a mixture."""
ROUGH_TREND = 1.1
"""Capability a year, log-odds, in :func:`centres`: 0.6 of progress at fixed compute and half a decade of
growth in compute at 1.1 a decade, as the priors have them. Roughly is enough: it says where a curve
turns, and so which model the priors of easiness are about."""
ROUGH_REASONING = 0.6
"""What reasoning adds there, log-odds: a little below the middle of its prior."""


@dataclasses.dataclass(frozen=True)
class Layout:
    """The panel's rows by score and by release.

    Attributes
    ----------
    releases, organisations, protocols
        Labels; the last two end with one that no row has, for what is not yet seen.
    first
        Row of each release's first score, shape (release,); its scores follow one another.
    release, benchmark, protocol
        Index of each score, shape (obs,); a reference protocol has the index past the last label.
    organisation
        Index of each release's organisation.
    """

    releases: list[str]
    organisations: list[str]
    protocols: list[str]
    first: np.ndarray
    release: np.ndarray
    benchmark: np.ndarray
    protocol: np.ndarray
    organisation: np.ndarray


def layout(panel: Panel) -> Layout:
    """Return where the panel's rows belong."""
    data = panel.data
    labels = data["release"].values
    first = np.flatnonzero(np.r_[True, labels[1:] != labels[:-1]])
    benchmark = np.array([NAMES.index(b) for b in data["benchmark"].values])
    named = [
        "" if REFERENCES[b] == p else f"{b}: {p}"
        for b, p in zip(data["benchmark"].values, data["protocol"].values, strict=True)
    ]
    protocols = [*sorted(set(named) - {""}), OTHER]
    organisations = [*sorted({str(o) for o in data["organisation"].values}), OTHER]
    return Layout(
        releases=[str(r) for r in labels[first]],
        organisations=organisations,
        protocols=protocols,
        first=first,
        release=np.repeat(np.arange(len(first)), np.diff(np.r_[first, len(labels)])),
        benchmark=benchmark,
        protocol=np.array([protocols.index(n) if n else len(protocols) for n in named]),
        organisation=np.array([organisations.index(o) for o in data["organisation"].values[first]]),
    )


def covariates(panel: Panel, first: np.ndarray) -> dict[str, np.ndarray]:
    """Return each release's covariates, shape (release,), and the rows with compute and cost."""
    data = panel.data
    at = {str(name): data[name].values[first] for name in data.data_vars}
    has_compute = np.isfinite(at["log_compute"])
    has_cost = np.isfinite(at["log_cost"])
    return {
        "years": at["year"] - YEAR_ORIGIN,
        "closed_flag": OPEN_SHARE - at["open"],
        "reasoning_flag": at["reasoning"] - REASONING_SHARE,
        "has_compute": has_compute.astype(float),
        "has_cost": has_cost.astype(float),
        "log_compute": np.where(has_compute, at["log_compute"] - COMPUTE_ORIGIN, 0.0),
        "log_cost": np.where(has_cost, at["log_cost"], 0.0),
        "compute_word": at["compute_word"].astype(int),
        "stated_flag": at["stated_cost"],
    }


def centres(panel: Panel, where: Layout, data: dict[str, np.ndarray]) -> np.ndarray:
    """Return a fixed capability about which each benchmark's curve turns, shape (benchmark,).

    About what models tested on it have, so that easiness and slope are nearly independent.
    """
    rough = ROUGH_TREND * data["years"] + ROUGH_REASONING * data["reasoning_flag"]
    weights = np.eye(len(NAMES))[where.benchmark]
    return (weights.T @ rough[where.release]) / np.maximum(weights.sum(0), 1.0)


def flat_draws(parameters: xr.Dataset) -> dict[str, np.ndarray]:
    """Return parameters with all draws on the first axis; scalars keep a last axis of one."""
    flat = {}
    for name in parameters.data_vars:
        if not {"chain", "draw"} <= set(parameters[name].dims):
            continue
        values = parameters[name].transpose("chain", "draw", ...).values
        flat[str(name)] = values.reshape(values.shape[0] * values.shape[1], -1)
    return flat


def decimal_year(day: dt.date) -> float:
    """Return a date in years."""
    return day.year + (day.timetuple().tm_yday - 1) / DAYS_IN_YEAR
