"""The draws that claims and figures are told from: the series by name, with their units.

Each draw of the posterior gives every score of the panel anew, under the benchmark's reference
protocol at usual effort::

    signal = 100 (floor[b] + (1 - mistakes[b] - floor[b]) logistic(eta))
    eta    = easiness[b] + drift[b] since[i] + slope[b] (capability[i] - centre[b] - middle)
    y      = signal + 100 N(0, se^2 + noise[b]^2)

and, without noise, the series of :mod:`forecast.models.benchmark.frontier`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from forecast.core.errors import DataError
from forecast.core.periods import period_days
from forecast.models.benchmark.abilities import expected_score, log_odds, score_noise
from forecast.models.benchmark.frontier import (
    COMPUTE_GRID,
    Sampled,
    Series,
    expected_curves,
    gain_series,
    lag_months,
    leader,
    months_before,
    open_series,
    price_of_run,
)
from forecast.models.benchmark.layout import (
    NAMES,
    covariates,
    decimal_year,
    flat_draws,
    layout,
    turns_of,
)
from forecast.models.benchmark.model import Priors, report_errors
from forecast.models.benchmark.panel import BENCHMARKS
from forecast.models.benchmark.spending import compute_given

if TYPE_CHECKING:
    from forecast.models.base import Panel


def draw(
    parameters: xr.Dataset, panel: Panel, priors: Priors, until: str, rng: np.random.Generator
) -> xr.Dataset:
    """Draw scores under one protocol, gains at the frontier, and the lag of open models.

    Returns
    -------
    xarray.Dataset
        ``y``, ``signal`` and ``observed``, dims chain, draw, series, period with one period, the day
        `until` (today below), of which everything is told. Series:

        - "release/mmlu" and the like, percent, for every score in the panel: what the release gets
          under the benchmark's reference protocol at usual effort. Only these carry noise in ``y``.
        - "MMLU now/..." and "MMLU five years earlier/...", and of the other benchmarks: the best
          model released by that day and the most compute known to have been spent by then.
          ``frontier_score`` in percent; and what ten times that compute, or spend, would add at that
          date: ``gain_points``, ``gain_logits``, ``error_cut`` (share of wrong answers removed,
          percent); ``cost_of_point``, USD m that one point more costs at the edge; and
          ``same_score_cost``, what the training cost of a fixed score is multiplied by in a year, at
          1e24 FLOP.
        - "MMLU/flattening_points" and the like: gain five years earlier less gain now;
          ``flattening_by_ceiling`` is the part from standing elsewhere on the curve,
          ``flattening_by_returns`` the part from another gain in log-odds. They add up.
        - "open models/lag_months", ``mean_lag_months`` over the last twelve month ends, and
          ``capability_gap`` in log-odds (closed less open).
        - "all models/progress_per_year" and ``progress_per_year_before``: what a year adds to
          capability at fixed compute, log-odds, on that day and a year before;
          ``progress_in_compute``: the factor of compute that it is worth at 1e24 FLOP on that day.

        For figures: ``curve`` (dims chain, draw, benchmark, when, compute; expected percent of a
        closed model of an average organisation, on that day with reasoning and three years earlier
        without), ``frontier`` (chain, draw, access, date; capability) and ``lag`` (chain, draw,
        date; months). Price of 1e24 FLOP then: ``price_now`` (chain, draw; USD m).
    """
    day = _day(panel, until)
    fit = _prepare(parameters, panel, priors)
    months = months_before(day, float(fit.years.min()))
    score, noisy, names, seen = _score_series(fit, panel, rng)
    lags, frontier = _by_month(fit, months)
    rest: list[Series] = [
        *gain_series(fit, day, rng),
        *open_series(fit, lags, decimal_year(months[-1])),
    ]
    series = [*names, *(one.name for one in rest)]
    extra = np.column_stack([one.values for one in rest])
    units = ["percent"] * len(names) + [one.unit for one in rest]
    shape = (parameters.sizes["chain"], parameters.sizes["draw"])

    def shaped(array: np.ndarray) -> np.ndarray:
        return array.reshape(*shape, *array.shape[1:])

    dims = ("chain", "draw", "series", "period")
    curve, when = expected_curves(fit, day)
    return xr.Dataset(
        {
            "y": (dims, shaped(np.column_stack([noisy, extra])[..., None])),
            "signal": (dims, shaped(np.column_stack([score, extra])[..., None])),
            "observed": (dims[2:], np.r_[seen, np.full(len(rest), np.nan)][:, None]),
            "curve": (("chain", "draw", "benchmark", "when", "compute"), shaped(curve)),
            "frontier": (("chain", "draw", "access", "date"), shaped(frontier)),
            "lag": (("chain", "draw", "date"), shaped(lags)),
            "price_now": (("chain", "draw"), shaped(price_of_run(fit, day))),
        },
        coords={
            "chain": parameters["chain"].values,
            "draw": parameters["draw"].values,
            "series": series,
            "entity": ("series", [n.rsplit("/", 1)[0] for n in series]),
            "metric": ("series", [n.rsplit("/", 1)[1] for n in series]),
            "unit": ("series", units),
            "period": [day],
            "period_end": ("period", [day]),
            "benchmark": list(NAMES),
            "when": when,
            "compute": 10.0**COMPUTE_GRID,
            "access": ["open", "closed"],
            "date": [d.isoformat() for d in months],
        },
    )


def _by_month(fit: Sampled, days: Sequence[dt.date]) -> tuple[np.ndarray, np.ndarray]:
    """Return the lag of open models, and the best capability of open and of closed ones, by day.

    Shapes (sample, day) and (sample, access, day).
    """
    capability, at = fit.flat["capability"], [decimal_year(day) for day in days]
    lags = [lag_months(capability, fit.years, fit.is_open, year) for year in at]
    best = [
        np.stack([leader(capability, fit.years, among, year) for year in at], 1)
        for among in (fit.is_open, ~fit.is_open)
    ]
    return np.stack(lags, 1), np.stack(best, axis=1)


def _day(panel: Panel, until: str) -> str:
    """Return the day that is told of: the last of `until`, or the panel's date within it.

    Raises
    ------
    DataError
        If all of it lies after the panel's date: what is released later is not known.
    """
    first, last = (day.isoformat() for day in period_days(until))
    if first > panel.as_of:
        raise DataError(
            f"cannot tell of benchmark scores in {until}: releases are known to {panel.as_of}, and no "
            "later ones are forecast; ask about that day or an earlier one"
        )
    return min(last, panel.as_of)


def _prepare(parameters: xr.Dataset, panel: Panel, priors: Priors) -> Sampled:
    where = layout(panel)
    data = covariates(panel, where.first)
    flat = flat_draws(parameters)
    return Sampled(
        flat,
        where,
        data,
        compute_given(flat, data, report_errors(priors, data["compute_word"])),
        turns_of(panel, where),
        panel.data["year"].values[where.first],
        panel.data["open"].values[where.first] > 0,
    )


def _score_series(
    fit: Sampled, panel: Panel, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, list[str], np.ndarray]:
    """Return signal and noisy scores, percent, their names, and what the reference reports."""
    where = fit.where
    pairs = np.column_stack([where.release, where.benchmark])
    unique, rows = np.unique(pairs, axis=0, return_index=True)
    i, b = unique.T
    since = fit.data["years"][i] - fit.turns.middle[b]
    eta = log_odds(fit.flat, b, fit.turns.centre, fit.flat["capability"][:, i], since)
    signal = 100 * expected_score(fit.flat, b, eta)
    noisy = signal + 100 * score_noise(fit.flat, b, panel.data["score_se"].values[rows], rng)
    names = [f"{where.releases[k]}/{BENCHMARKS[NAMES[m]]}" for k, m in unique]
    seen = np.full(len(unique), np.nan)
    usual = (where.protocol == len(where.protocols)) & (panel.data["effort_steps"].values == 0)
    by_pair = {tuple(pair): n for n, pair in enumerate(unique.tolist())}
    for row in np.flatnonzero(usual):
        seen[by_pair[tuple(pairs[row].tolist())]] = 100 * panel.data["score"].values[row]
    return signal, noisy, names, seen
