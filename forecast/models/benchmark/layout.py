"""The panel's rows by score and by release, and the covariates of each release.

A score is an answer of one release to one benchmark under one protocol, in the terms of item response
theory a response of a person to an item; the covariates (date, openness, reasoning, compute and cost)
belong to the release. Flags are centred, so that levels are those of the mixture of releases::

    t = year - 2024.5,  x = log10(FLOP) - 24,  closed = 0.6 - open,  reasoning = reasons - 0.2

Each benchmark's curve turns about a fixed capability, a rough one of the releases tested on it::

    centre[b] = mean over the scores on b of (1.1 t + 0.6 reasoning)

Progress changes its rate at dates half a year apart, the knots, forwards and backwards from mid-2024::

    ramp[k, i] = sqrt(1/2) max(t[i] - knot[k], 0) after mid-2024, sqrt(1/2) max(knot[k] - t[i], 0) before
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import math
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
"""Capability a year, log-odds, in :func:`turns_of`: 0.6 of progress at fixed compute and half a decade
of growth in compute at 1.1 a decade, as the priors have them. Roughly is enough: it says where a curve
turns, and so which model the priors of easiness are about."""
ROUGH_REASONING = 0.6
"""What reasoning adds there, log-odds: a little below the middle of its prior."""
FIRST_REASONING = 2024.7
"""When models began to be trained to reason: o1-preview came on 12 September 2024."""
STEP = 0.5
"""Years from one knot to the next: a few releases of each leading organisation."""


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
    """Return each release's covariates, shape (release,), and of ``ramps`` (knot, release)."""
    data = panel.data
    at = {str(name): data[name].values[first] for name in data.data_vars}
    has_compute = np.isfinite(at["log_compute"])
    has_cost = np.isfinite(at["log_cost"])
    has_size = np.isfinite(at["log_size"])
    years = at["year"] - YEAR_ORIGIN
    return {
        "years": years,
        "closed_flag": OPEN_SHARE - at["open"],
        "reasoning_flag": at["reasoning"] - REASONING_SHARE,
        "has_compute": has_compute.astype(float),
        "has_cost": has_cost.astype(float),
        "log_compute": np.where(has_compute, at["log_compute"] - COMPUTE_ORIGIN, 0.0),
        "log_cost": np.where(has_cost, at["log_cost"], 0.0),
        "compute_word": at["compute_word"].astype(int),
        "stated_flag": at["stated_cost"],
        "unmarked": 1 - at["reasoning"],
        "since_reasoning": np.maximum(at["year"] - FIRST_REASONING, 0.0),
        "has_size": has_size.astype(float),
        "log_size": np.where(has_size, at["log_size"], 0.0),
        "ramps": ramps(years, knots(years)),
    }


def knots(years: np.ndarray) -> np.ndarray:
    """Return when the rate of progress changes, years from mid-2024, ascending.

    From the first to the last of `years`, likewise from mid-2024; one on either side at least.
    """
    before, after = (max(math.ceil(end / STEP), 2) for end in (-years.min(), years.max()))
    return STEP * np.r_[-np.arange(before - 1, 0, -1), np.arange(1, after)]


def ramps(years: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Return what a change of the rate by one unit at each knot `at` adds, shape (knot, year)."""
    beyond: np.ndarray = np.sign(at)[:, None] * (years - at[:, None])
    return math.sqrt(STEP) * np.maximum(beyond, 0.0)


def rates(years: float, at: np.ndarray) -> np.ndarray:
    """Return the derivative of :func:`ramps` by date at one date, shape (knot,)."""
    passed = np.sign(at) * (years - at) > 0
    return np.where(passed, math.sqrt(STEP) * np.sign(at), 0.0)


@dataclasses.dataclass(frozen=True)
class Turns:
    """Fixed points of a panel that its parameters are about.

    Attributes
    ----------
    centre
        Capability about which each benchmark's curve turns, about what models tested on it have, so
        that easiness and slope are nearly independent; shape (benchmark,).
    middle
        Mean date of each benchmark's scores, years from mid-2024, about which its own trend turns;
        shape (benchmark,).
    knots
        When the rate of progress changes, years from mid-2024, shape (knot,).
    """

    centre: np.ndarray
    middle: np.ndarray
    knots: np.ndarray


def turns_of(panel: Panel, where: Layout) -> Turns:
    """Return the fixed points of a panel."""
    data = covariates(panel, where.first)
    rough = ROUGH_TREND * data["years"] + ROUGH_REASONING * data["reasoning_flag"]
    weights = np.eye(len(NAMES))[where.benchmark].T
    count = np.maximum(weights.sum(1), 1.0)
    years = data["years"][where.release]
    return Turns(
        weights @ rough[where.release] / count, weights @ years / count, knots(data["years"])
    )


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
