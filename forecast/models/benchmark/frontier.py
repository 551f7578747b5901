"""Gains at the frontier, the lag of open models behind closed ones, and how the frontier grew.

For a day d, with c*(d) the best capability released by it and x*(d) the largest run reported by it::

    gain(d)      = returns(x* + 1, t) - returns(x*, t)              (log-odds of an average benchmark)
    gain_points  = 100 (score[b](c* + gain) - score[b](c*))
    flattening   = gain_points(five years earlier) - gain_points(now)
                 = by ceiling (same gain, from another place on the curve) + by returns (another gain)
    lag          = 12 (d - first day on which a closed model did what the best open one does on d)
    rate(d)      = progress + changes up to d                       (log-odds of all benchmarks a year)
    progress_in_compute = 10^(rate / gain of a decade at 1e24 FLOP)

Cost, at the edge: with x in decades and ``steep`` the points that a decade of compute adds there::

    cost_of_point(d)     = ln(10) 10^x* price(d) / steep(c*, x*)                     (USD m a point)
    same_score_cost(d)   = 10^(price_trend - (rate(d) + drift[b] / slope[b]) / gain at 1e24 FLOP)

the second being what the training cost of a fixed score on benchmark b is multiplied by in a year.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import math
from typing import TYPE_CHECKING

import numpy as np

from forecast.models.benchmark.abilities import (
    expected_percent,
    expected_score,
    log_odds,
    regression,
    steepness,
)
from forecast.models.benchmark.layout import (
    COMPUTE_ORIGIN,
    NAMES,
    OPEN_SHARE,
    YEAR_ORIGIN,
    Layout,
    Turns,
    decimal_year,
    rates,
)
from forecast.models.benchmark.spending import returns

if TYPE_CHECKING:
    from forecast.models.common import Arrays

COMPUTE_GRID = np.linspace(21.0, 27.5, 27)
"""Log10 FLOP at which curves are told: from the smallest runs of the panel to beyond the largest."""
EARLIER = 5
"""Years between the two frontiers that gains are compared at."""
CURVE_BEFORE = 3
"""Years between the two curves that are drawn."""
MONTHS = 12
SAFE_DAY = 28
"""Every month has one."""
MOST_DECADES = 12.0
"""Bound on a year's progress in decades of compute, for draws whose gain is nearly zero."""


@dataclasses.dataclass(frozen=True)
class Sampled:
    """What the draws are made from: flat parameters and the panel's arrays.

    Attributes
    ----------
    flat
        Parameters and capabilities by name, all draws on the first axis.
    where, data
        The panel's rows, and the covariates of each release.
    spend
        :func:`~forecast.models.benchmark.spending.compute_given` them.
    turns
        Fixed points that the parameters are about.
    years, is_open
        Release date in years, and openness, shape (release,).
    """

    flat: dict[str, np.ndarray]
    where: Layout
    data: dict[str, np.ndarray]
    spend: Arrays
    turns: Turns
    years: np.ndarray
    is_open: np.ndarray


@dataclasses.dataclass(frozen=True)
class Series:
    """A quantity by its name, with its unit and its draws, shape (sample,)."""

    name: str
    unit: str
    values: np.ndarray


def leader(capability: np.ndarray, years: np.ndarray, among: np.ndarray, at: float) -> np.ndarray:
    """Return the best capability released by a date among some releases, shape (sample,).

    NaN where there is none.
    """
    there = among & (years <= at)
    if not there.any():
        return np.full(len(capability), np.nan)
    best: np.ndarray = capability[:, there].max(axis=1)
    return best


def lag_months(
    capability: np.ndarray, years: np.ndarray, is_open: np.ndarray, at: float
) -> np.ndarray:
    """Return by how many months open models trail closed ones at a date, shape (sample,).

    The time since a closed model first did what the best open one does by then; where the best open
    model leads, minus the time since an open one first did what the best closed one does.

    Parameters
    ----------
    capability
        Shape (sample, release).
    years, is_open
        Release date and openness, shape (release,); dates ascending.
    at
        The date, in years.
    """
    best_open, best_closed = (leader(capability, years, a, at) for a in (is_open, ~is_open))
    open_leads = best_open >= best_closed
    lag = np.full(len(capability), np.nan)
    for ahead, sign, target, among in (
        (~open_leads, 1.0, best_open, ~is_open),
        (open_leads, -1.0, best_closed, is_open),
    ):
        there = among & (years <= at)
        if not there.any() or np.isnan(target).any():
            continue
        first = (capability[:, there] >= target[:, None]).argmax(axis=1)
        lag = np.where(ahead, sign * MONTHS * (at - years[there][first]), lag)
    return lag


def months_before(as_of: str, first: float) -> list[dt.date]:
    """Return the same day of every month back from `as_of` to the year `first`, ascending."""
    end = dt.date.fromisoformat(as_of)
    days: list[dt.date] = []
    k = 0
    while True:
        months = end.year * MONTHS + end.month - 1 - k
        day = dt.date(months // MONTHS, months % MONTHS + 1, min(end.day, SAFE_DAY))
        if k and decimal_year(day) < first:
            return days[::-1]
        days.append(end if k == 0 else day)
        k += 1


def _frontier_compute(fit: Sampled, at: float, rng: np.random.Generator) -> np.ndarray:
    """Return draws of the true log10 compute of the largest run reported by a date.

    Its report and its capability both speak; the latter through the slope of returns. Where no run
    is reported, the trend of closed models at that date.
    """
    flat, there = fit.flat, (fit.spend["known"] > 0) & (fit.years <= at)
    z = rng.standard_normal(len(flat["gain"]))
    if not there.any():
        years = at - YEAR_ORIGIN
        mean = flat["compute_level"] + flat["compute_growth"] * years
        mean = mean + flat["compute_closed"] * OPEN_SHARE
        return (mean + flat["compute_spread"] * z[:, None])[:, 0]
    report = np.median(np.broadcast_to(fit.spend["report"], fit.spend["mean"].shape), axis=0)
    k = int(np.where(there, report, -np.inf).argmax())
    mean, variance = fit.spend["mean"][:, k], fit.spend["variance"][:, k]
    effect = flat["organisation_effect"][:, fit.where.organisation]
    expected, total = (a[:, k] for a in regression(np, flat, fit.data, fit.spend, effect)[:2])
    one = {name: values[:, 0] for name, values in flat.items() if values.shape[1] == 1}
    _, brought = returns(np, one, fit.data["years"][k], mean, variance)
    weight = np.sqrt(brought * variance) / total
    shifted = mean + weight * (flat["capability"][:, k] - expected)
    left = variance * (1 - brought / total)
    drawn: np.ndarray = shifted + np.sqrt(np.maximum(left, 0)) * z
    return drawn


def gain_of_tenfold(flat: dict[str, np.ndarray], years: float, x: np.ndarray) -> np.ndarray:
    """Return what ten times the compute adds to capability, shape (sample,).

    Parameters
    ----------
    flat
        ``gain``, ``bend`` and ``gain_trend``, shape (sample, 1).
    years, x
        Date from mid-2024, and log10 compute over 1e24 FLOP, shape (sample,).
    """
    one = {name: flat[name][:, 0] for name in ("gain", "bend", "gain_trend")}
    zero = np.zeros(len(x))
    more, here = (returns(np, one, years, at, zero)[0] for at in (x + 1, x))
    gained: np.ndarray = more - here
    return gained


def gain_at(flat: dict[str, np.ndarray], years: float, x: np.ndarray) -> np.ndarray:
    """Return what compute adds to capability at the edge, log-odds a decade, shape (sample,).

    Parameters are those of :func:`gain_of_tenfold`.
    """
    trend, bend = flat["gain_trend"][:, 0] * years, flat["bend"][:, 0] * x
    found: np.ndarray = flat["gain"][:, 0] * np.exp(trend + bend)
    return found


def cost_at(flat: dict[str, np.ndarray], years: float, x: np.ndarray) -> np.ndarray:
    """Return USD m of a run of `x` log10 compute over 1e24 FLOP at a date, shape (sample,)."""
    cost: np.ndarray = 10 ** (x + (flat["price"] + flat["price_trend"] * years)[:, 0])
    return cost


def rate_at(fit: Sampled, years: float) -> np.ndarray:
    """Return what a year adds to capability at fixed compute at a date, shape (sample,)."""
    flat = fit.flat
    rate: np.ndarray = flat["progress"][:, 0] + flat["rate_change"] @ rates(years, fit.turns.knots)
    return rate


def in_decades(fit: Sampled, years: float, rate: np.ndarray) -> np.ndarray:
    """Return how many decades of compute at 1e24 FLOP a rate of progress is worth at a date."""
    here = gain_at(fit.flat, years, np.zeros(len(rate)))
    return np.clip(rate / here, -MOST_DECADES, MOST_DECADES)


def same_score_cost(fit: Sampled, years: float, k: int) -> np.ndarray:
    """Return what the cost of a fixed score is multiplied by in a year, shape (sample,).

    At a date, years from mid-2024, and 1e24 FLOP, on benchmark `k`: progress, the benchmark's own
    included, makes the compute it takes less, and the price of a FLOP falls.
    """
    flat = fit.flat
    rate = rate_at(fit, years) + flat["drift"][:, k] / flat["slope"][:, k]
    factor: np.ndarray = 10 ** (flat["price_trend"][:, 0] - in_decades(fit, years, rate))
    return factor


def gain_series(fit: Sampled, day: str, rng: np.random.Generator) -> list[Series]:
    """Return the series about the two frontiers: now and five years earlier."""
    today = dt.date.fromisoformat(day)
    days = {
        "now": decimal_year(today),
        "five years earlier": decimal_year(
            today.replace(year=today.year - EARLIER, day=min(today.day, SAFE_DAY))
        ),
    }
    best, gain, at_compute = {}, {}, {}
    for label, at in days.items():
        frontier = leader(fit.flat["capability"], fit.years, np.ones(len(fit.years), bool), at)
        if np.isnan(frontier).any():  # no release is that old: the definition has no first half
            continue
        best[label] = frontier
        x = _frontier_compute(fit, at, rng)
        gain[label], at_compute[label] = gain_of_tenfold(fit.flat, at - YEAR_ORIGIN, x), x
    found = []
    for k, name in enumerate(NAMES):
        b = np.array([k])

        def odds(capability: np.ndarray, label: str, b: np.ndarray = b) -> np.ndarray:
            since = days[label] - YEAR_ORIGIN - fit.turns.middle[b]
            return log_odds(fit.flat, b, fit.turns.centre, capability[:, None], since)

        def percent(capability: np.ndarray, label: str, b: np.ndarray = b) -> np.ndarray:
            return 100 * expected_score(fit.flat, b, odds(capability, label))[:, 0]

        points = {}
        for label, capability in best.items():
            here = percent(capability, label)
            points[label] = percent(capability + gain[label], label) - here
            years, x = days[label] - YEAR_ORIGIN, at_compute[label]
            steep = 100 * steepness(fit.flat, b, odds(capability, label))[:, 0]
            steep = steep * gain_at(fit.flat, years, x)
            found += [
                Series(f"{name} {label}/frontier_score", "percent", here),
                Series(f"{name} {label}/gain_points", "points", points[label]),
                Series(
                    f"{name} {label}/gain_logits", "logits", fit.flat["slope"][:, k] * gain[label]
                ),
                Series(f"{name} {label}/error_cut", "percent", 100 * points[label] / (100 - here)),
                Series(
                    f"{name} {label}/cost_of_point",
                    "USD m",
                    cost_at(fit.flat, years, x) * math.log(10) / steep,
                ),
                Series(f"{name} {label}/same_score_cost", "ratio", same_score_cost(fit, years, k)),
            ]
        if len(points) < len(days):
            continue
        now, then = days
        same = percent(best[now] + gain[then], now) - percent(best[now], now)
        found += [
            Series(f"{name}/flattening_points", "points", points[then] - points[now]),
            Series(f"{name}/flattening_by_ceiling", "points", points[then] - same),
            Series(f"{name}/flattening_by_returns", "points", same - points[now]),
        ]
    return found


def open_series(fit: Sampled, lags: np.ndarray, today: float) -> list[Series]:
    """Return the series about open and closed models, given their `lags` (sample, month) to `today`."""
    flat, years = fit.flat, today - YEAR_ORIGIN
    rate = rate_at(fit, years)
    found = [
        Series("all models/progress_in_compute", "ratio", 10 ** in_decades(fit, years, rate)),
        Series("all models/progress_per_year", "logits", rate),
        Series("all models/progress_per_year_before", "logits", rate_at(fit, years - 1)),
    ]
    if fit.is_open.all() or not fit.is_open.any():
        return found  # nothing to trail, or nobody who trails
    best = [leader(flat["capability"], fit.years, a, today) for a in (fit.is_open, ~fit.is_open)]
    return [
        *found,
        Series("open models/lag_months", "months", lags[:, -1]),
        Series("open models/mean_lag_months", "months", lags[:, -MONTHS:].mean(axis=1)),
        Series("open models/capability_gap", "logits", best[1] - best[0]),
    ]


def expected_curves(fit: Sampled, as_of: str) -> tuple[np.ndarray, list[str]]:
    """Return a closed model's expected percent by compute, before and now, and the two days.

    Shape (sample, benchmark, day, compute): without reasoning before, with it now.
    """
    today = dt.date.fromisoformat(as_of)
    before = today.replace(year=today.year - CURVE_BEFORE, day=min(today.day, SAFE_DAY))
    x, ones = COMPUTE_GRID - COMPUTE_ORIGIN, np.ones(len(COMPUTE_GRID))
    both = [
        expected_percent(
            fit.flat, fit.turns, (decimal_year(day) - YEAR_ORIGIN) * ones, x, flag * ones
        )
        for day, flag in ((before, 0.0), (today, 1.0))
    ]
    return np.stack(both, axis=2), [before.isoformat(), as_of]


def price_of_run(fit: Sampled, as_of: str) -> np.ndarray:
    """Return USD m of a run of 1e24 FLOP at a day, shape (sample,)."""
    years = decimal_year(dt.date.fromisoformat(as_of)) - YEAR_ORIGIN
    return cost_at(fit.flat, years, np.zeros(len(fit.flat["price"])))
