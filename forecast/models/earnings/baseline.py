"""Four rules for quarterly series: the forecasts to beat."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr
from scipy import optimize

from forecast.core.errors import DataError
from forecast.core.periods import (
    period_end,
    quarter_index,
    quarter_name,
)
from forecast.models.baselines import NAME, mean_and_sd
from forecast.models.earnings.panel import EARNINGS_UNIT
from forecast.models.earnings.paths import quarterly_draws

if TYPE_CHECKING:
    from forecast.models.base import Panel

SHORTEST = 8
"""Quarters in a row, up to its last report, that a series must have."""


Rule = Callable[[np.ndarray, int, int, np.random.Generator], np.ndarray]
"""``(log values, steps, size, rng) -> log paths``, shape (size, steps)."""


def _drift(y: np.ndarray, steps: int, size: int, rng: np.random.Generator) -> np.ndarray:
    """Return a random walk with drift: h steps ahead Student's t with variance h + h^2 / n."""
    mean, sigma = mean_and_sd(np.diff(y), size, rng)
    return y[-1] + np.cumsum(mean + sigma * rng.standard_normal((size, steps)), axis=1)


def _seasonal(y: np.ndarray, steps: int, size: int, rng: np.random.Generator) -> np.ndarray:
    """Return the same quarter's last value plus a yearly drift, one walk for each season."""
    mean, sigma = mean_and_sd(y[4:] - y[:-4], size, rng)
    moves = mean + sigma * rng.standard_normal((size, steps))
    paths = np.concatenate([np.repeat(y[None, -4:], size, axis=0), moves], axis=1)
    for h in range(4, 4 + steps):
        paths[:, h] += paths[:, h - 4]
    return paths[:, 4:]


def _last_growth(y: np.ndarray, steps: int, size: int, rng: np.random.Generator) -> np.ndarray:
    """Return the last four quarters' growth carried on.

    The sd at each horizon is the root mean square error that the rule made at that horizon within
    the known history; beyond the longest horizon with four errors it grows in proportion. Errors of
    one path are tied as those of a random walk.
    """
    rate = (y[-1] - y[-5]) / 4
    errors = [
        y[o + h] - y[o] - h * (y[o] - y[o - 4]) / 4
        for h in range(1, len(y) - 7)
        for o in [np.arange(4, len(y) - h)]
    ]
    rms = [float(np.sqrt((e**2).mean())) for e in errors] or [float(np.diff(y).std(ddof=1))]
    sd = [rms[h - 1] if h <= len(rms) else rms[-1] * h / len(rms) for h in range(1, steps + 1)]
    h = np.arange(1, steps + 1)
    walk = np.cumsum(rng.standard_normal((size, steps)), axis=1) / np.sqrt(h)
    return y[-1] + h * rate + np.array(sd) * walk


def _damped_fit(y: np.ndarray) -> tuple[float, float, float, float, float, float]:
    """Fit ETS(A, Ad, N): sd, alpha, beta, phi in 0.80 to 0.98, last level and last slope."""

    def run(p: np.ndarray) -> tuple[np.ndarray, tuple[float, ...]]:
        share = 1 / (1 + np.exp(-p[:3]))
        alpha, beta, phi = share[0], share[0] * share[1], 0.8 + 0.18 * share[2]
        level, slope, errors = p[3], p[4], np.empty(len(y))
        for t, value in enumerate(y):
            mean = level + phi * slope
            errors[t] = value - mean
            level, slope = mean + alpha * errors[t], phi * slope + beta * errors[t]
        return errors, (alpha, beta, phi, level, slope)

    def loss(p: np.ndarray) -> float:
        # A weak pull keeps the smoothing constants off their limits, where the loss is flat.
        errors = run(p)[0]
        return float(len(y) * np.log((errors**2).sum()) + 0.5 * ((p[:3] / 3) ** 2).sum())

    first = np.diff(y)[:7].mean()
    starts = [[a, b, 0.0, y[0], first] for a in (-0.5, 1.5) for b in (-2.0, 0.0)]
    with np.errstate(over="ignore", invalid="ignore"):
        fits = [optimize.minimize(loss, np.array(s), method="BFGS") for s in starts]
        errors, (alpha, beta, phi, level, slope) = run(min(fits, key=lambda f: f.fun).x)
    sd = float(np.sqrt((errors**2).sum() / max(len(y) - 4, 2)))
    return sd, alpha, beta, phi, level, slope


def _damped(y: np.ndarray, steps: int, size: int, rng: np.random.Generator) -> np.ndarray:
    """Return a damped trend fitted by maximum likelihood; its parameters count as known."""
    sd, alpha, beta, phi, level0, slope0 = _damped_fit(y)
    level, slope = np.full(size, level0), np.full(size, slope0)
    paths = np.empty((size, steps))
    for h in range(steps):
        error = sd * rng.standard_normal(size)
        mean = level + phi * slope
        paths[:, h] = mean + error
        level, slope = mean + alpha * error, phi * slope + beta * error
    return paths


RULES: Mapping[str, Rule] = {
    "drift": _drift,
    "seasonal": _seasonal,
    "last_growth": _last_growth,
    "damped": _damped,
}


QUARTERLY_NAMES = {
    "drift": NAME,
    "seasonal": "naive: seasonal with drift",
    "last_growth": "naive: last growth",
    "damped": "naive: damped trend",
}


def quarterly(
    panel: Panel, *, rule: str = "drift", until: str, seed: int, chains: int = 4, draws: int = 1000
) -> xr.Dataset:
    """Draw every quarterly series by a naive rule on the log scale.

    Parameters
    ----------
    panel
        A panel of quarterly earnings.
    rule
        ``drift``: random walk with drift. ``seasonal``: last value of the same quarter plus a yearly
        drift. ``last_growth``: growth of the last four quarters carried on. ``damped``: exponential
        smoothing with a damped trend, ETS(A, Ad, N).
    until
        Last quarter to draw.
    seed
        Seed of the draws.
    chains, draws
        Shape of the sample, to stand alongside a model's.

    Returns
    -------
    xarray.Dataset
        As :func:`forecast.inference.predict.forecast` gives, with sums and ratios; ``signal`` is
        ``y``. Series
        with fewer than eight quarters in a row up to their last report are left out. Gaps, and what
        lies before a series began, are NaN.

    Raises
    ------
    DataError
        If no rule has that name, `until` lies before the last quarter, or every series is too
        short.
    """
    if rule not in RULES:
        raise DataError(f"no naive rule is called {rule!r}; there are {', '.join(RULES)}")
    rng = np.random.default_rng(seed)
    labels = panel.data["series"].values.astype(str)
    at = np.array([quarter_index(q) for q in panel.data["quarter"].values.astype(str)])
    first, end = int(at.min()), period_end(until)
    count = quarter_index(f"{end.year}Q{(end.month + 2) // 3}") - first + 1
    if count < at.max() - first + 1:
        raise DataError(f"cannot forecast to {until!r}; the panel ends in {quarter_name(at.max())}")
    names, values, paths = [], [], []
    for name in dict.fromkeys(labels):
        value = np.full(count, np.nan)
        value[at[labels == name] - first] = panel.data["value"].values[labels == name]
        last = int(np.flatnonzero(np.isfinite(value))[-1])
        gaps = np.flatnonzero(np.isnan(value[: last + 1]))
        tail = np.log(value[gaps[-1] + 1 if len(gaps) else 0 : last + 1])
        if len(tail) < SHORTEST:
            continue
        path = np.repeat(value[None], chains * draws, axis=0)
        steps = count - last - 1
        path[:, last + 1 :] = np.exp(RULES[rule](tail, steps, chains * draws, rng))
        names.append(str(name))
        values.append(value)
        paths.append(path)
    if not names:
        raise DataError(f"a naive rule wants {SHORTEST} quarters in a row; every series is shorter")
    y = np.stack(paths, axis=1).reshape(chains, draws, len(names), count)
    return quarterly_draws(
        y,
        y.copy(),
        np.stack(values),
        names,
        [quarter_name(first + t) for t in range(count)],
        EARNINGS_UNIT,
        (np.arange(chains), np.arange(draws)),
    ).assign_attrs(model=QUARTERLY_NAMES[rule], as_of=panel.as_of, data_hash=panel.hash, seed=seed)
