"""The forecasts to beat, each a proper predictive distribution of joint paths.

Annual series are drawn by :func:`drift_walk`; quarterly ones by :func:`quarterly`, by one of four
rules; the record of training costs by :func:`cost_records`; falls after run-ups by
:func:`unconditional_falls`. Every rule looks at one series at a time, so a sum of their draws is
narrower than it would be if companies moved together.

Invariant: what a rule estimates keeps its uncertainty where the rule has a law for it.
``tests/test_naive.py`` holds the laws of one and of several steps against their closed forms.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import xarray as xr
from scipy import optimize
from scipy.special import expit, logit

from forecast.models import latent, parts
from forecast.panels import (
    COST_UNIT,
    EARNINGS_UNIT,
    MARKET_UNIT,
    PRICE_UNIT,
    RENTAL_METRIC,
    RENTAL_UNIT,
    SHARE_METRIC,
    Panel,
    months,
    price_history,
    quarter_index,
    quarter_name,
    years_since,
)
from forecast.panels.hazard import (
    FALLS,
    Position,
    base_rates,
    last_close,
    month_index,
    month_name,
    positions,
)
from forecast.schema import DataError, one_line, period_end

NAME = "naive: drift random walk"


def drift_walk(
    panel: Panel, *, until: str, seed: int, chains: int = 4, draws: int = 1000
) -> xr.Dataset:
    """Draw each annual series as a random walk with drift on the log scale.

    Series i has n[i] yearly log changes with mean m[i]; their spread is shared, for three changes
    of one series alone would leave a Student's t with two degrees of freedom. With the prior
    p(mu, sigma) ~ 1/sigma and S the sum of squares about the means, of v = sum(n[i] - 1) degrees of
    freedom, the posterior is sigma^2 ~ S / chi^2(v), mu[i] ~ N(m[i], sigma^2 / n[i]) (Gelman et al.,
    BDA3, section 3.2); paths are drawn from it, series independently of each other.

    Parameters
    ----------
    panel
        A market panel.
    until
        Last year to draw.
    seed
        Seed of the draws.
    chains, draws
        Shape of the sample, to stand beside a model's.

    Returns
    -------
    xarray.Dataset
        As :func:`forecast.predict.forecast` gives; ``signal`` is ``y``.

    Raises
    ------
    DataError
        If a series has fewer than three years in a row.
    """
    rng = np.random.default_rng(seed)
    names, index = np.unique(panel.data["series"].values, return_inverse=True)
    years = panel.data["year"].values
    grid = np.arange(years.min(), period_end(until).year + 1)
    value = np.full((len(names), len(grid)), np.nan)
    value[index, np.searchsorted(grid, years)] = panel.data["value"].values
    rows = [np.log(row[np.isfinite(row)]) for row in value]
    starts = [int(np.flatnonzero(np.isfinite(row))[0]) for row in value]
    gaps = [np.isnan(v[s : s + len(r)]).any() for v, s, r in zip(value, starts, rows, strict=True)]
    short = [str(n) for n, r, g in zip(names, rows, gaps, strict=True) if len(r) < 3 or g]
    if short:
        raise DataError(
            f"a random walk with drift wants three years in a row; too few for {one_line(short)}"
        )
    changes = [np.diff(row) for row in rows]
    squares = sum(float(((c - c.mean()) ** 2).sum()) for c in changes)
    freedom = sum(len(c) - 1 for c in changes)
    size = chains * draws
    sigma = np.sqrt(squares / rng.chisquare(freedom, size=(size, 1)))
    paths = np.full((size, *value.shape), np.nan)
    for s, (row, change, start) in enumerate(zip(rows, changes, starts, strict=True)):
        mean = change.mean() + sigma / np.sqrt(len(change)) * rng.standard_normal((size, 1))
        last = start + len(row) - 1
        steps = mean + sigma * rng.standard_normal((size, len(grid) - last - 1))
        paths[:, s, start : last + 1] = row
        paths[:, s, last + 1 :] = row[-1] + np.cumsum(steps, axis=1)
    coords = {
        "chain": np.arange(chains),
        "draw": np.arange(draws),
        "series": names,
        "period": grid.astype(str),
    }
    shape = (chains, draws, *value.shape)
    y = xr.DataArray(np.exp(paths).reshape(shape), coords, tuple(coords))
    return parts.annual_draws(y, y.copy(), value, MARKET_UNIT).assign_attrs(
        model=NAME, as_of=panel.as_of, data_hash=panel.hash, seed=seed
    )


# --- quarterly series -------------------------------------------------------------------------
SHORTEST = 8
"""Quarters in a row, up to its last report, that a series must have."""
Rule = Callable[[np.ndarray, int, int, np.random.Generator], np.ndarray]
"""``(log values, steps, size, rng) -> log paths``, shape (size, steps)."""


def _mean_and_sd(
    changes: np.ndarray, size: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Draw mean and sd of normal changes from their posterior under p(mu, sigma) ~ 1/sigma."""
    n = len(changes)
    squares = ((changes - changes.mean()) ** 2).sum()
    sigma = np.sqrt(squares / rng.chisquare(n - 1, size=(size, 1)))
    return changes.mean() + sigma / np.sqrt(n) * rng.standard_normal((size, 1)), sigma


def _drift(y: np.ndarray, steps: int, size: int, rng: np.random.Generator) -> np.ndarray:
    """Return a random walk with drift: h steps ahead Student's t with variance h + h^2 / n."""
    mean, sigma = _mean_and_sd(np.diff(y), size, rng)
    return y[-1] + np.cumsum(mean + sigma * rng.standard_normal((size, steps)), axis=1)


def _seasonal(y: np.ndarray, steps: int, size: int, rng: np.random.Generator) -> np.ndarray:
    """Return the same quarter's last value plus a yearly drift, one walk for each season."""
    mean, sigma = _mean_and_sd(y[4:] - y[:-4], size, rng)
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
        Shape of the sample, to stand beside a model's.

    Returns
    -------
    xarray.Dataset
        As :func:`forecast.predict.forecast` gives, with sums and ratios; ``signal`` is ``y``. Series
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
    return parts.quarterly_draws(
        y,
        y.copy(),
        np.stack(values),
        names,
        [quarter_name(first + t) for t in range(count)],
        EARNINGS_UNIT,
        (np.arange(chains), np.arange(draws)),
    ).assign_attrs(model=QUARTERLY_NAMES[rule], as_of=panel.as_of, data_hash=panel.hash, seed=seed)


# --- records ----------------------------------------------------------------------------------
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
        Shape of the sample, to stand beside a model's.

    Returns
    -------
    xarray.Dataset
        As :func:`forecast.predict.forecast` gives; ``signal`` is ``y``. For each rule r of the
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
        mean, sigma = _mean_and_sd(np.diff(record), size, rng)
        steps = max(int(grid[-1] - seen[-1]), 0)
        walk = record[-1] + np.cumsum(mean + sigma * rng.standard_normal((size, steps)), axis=1)
        ahead = np.maximum.accumulate(np.maximum(walk, record[-1]), axis=1)
        whole = np.hstack([np.broadcast_to(record, (size, len(record))), ahead])
        at = np.clip(grid - seen[0], 0, whole.shape[1] - 1)
        same = np.ones((1, len(grid)))
        paths += [
            np.exp(whole[:, at]),
            np.exp(mean) * same,
            12 * np.log(2) / np.maximum(mean, parts.SLOWEST_GROWTH) * same,
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
            "entity": ("series", [n.split("/")[0] for n in names]),
            "metric": ("series", [n.split("/")[1] for n in names]),
            "unit": ("series", units),
            "period": grid.astype(str),
            "period_end": ("period", [period_end(str(t)).isoformat() for t in grid]),
        },
    ).assign_attrs(
        model="naive: walk of the record", as_of=panel.as_of, data_hash=panel.hash, seed=seed
    )


# --- reports at uneven dates ------------------------------------------------------------------
def _uneven(
    changes: tuple[np.ndarray, np.ndarray],
    ahead: np.ndarray,
    size: int,
    rng: np.random.Generator,
) -> np.ndarray:
    """Draw how far a walk with drift goes from its last report, shape (size, len(ahead)).

    Changes d over spans t are N(mu t, sigma^2 t). Under p(mu, sigma) ~ 1/sigma, with m changes,
    T = sum(t), M = sum(d) / T and S = sum((d - M t)^2 / t): sigma^2 ~ S / chi^2(m - 1) and
    mu ~ N(M, sigma^2 / T).
    """
    d, t = changes
    if len(d) < 2:
        raise DataError("a random walk with drift wants three reports")
    mean = d.sum() / t.sum()
    squares = ((d - mean * t) ** 2 / t).sum()
    sigma = np.sqrt(squares / rng.chisquare(len(d) - 1, size=(size, 1)))
    mu = mean + sigma / np.sqrt(t.sum()) * rng.standard_normal((size, 1))
    spans = np.diff(ahead, prepend=0.0)
    walk = np.cumsum(np.sqrt(spans) * rng.standard_normal((size, len(ahead))), axis=1)
    return mu * ahead + sigma * walk


def _sample(chains: int, draws: int) -> xr.Dataset:
    return xr.Dataset(coords={"chain": np.arange(chains), "draw": np.arange(draws)})


def price_walk(
    panel: Panel, *, until: str, seed: int, chains: int = 4, draws: int = 1000
) -> xr.Dataset:
    """Draw each price at the ends of quarters as a random walk with drift of its logarithm.

    For the cheapest price at a capability this carries on the line of its record lows. Series with
    fewer than four quarters, or that never moved, are left out.

    Parameters
    ----------
    panel
        A panel of list prices.
    until, seed, chains, draws
        As in :func:`quarterly`.

    Returns
    -------
    xarray.Dataset
        As the api_price model draws; ``signal`` is ``y``.
    """
    rng, size = np.random.default_rng(seed), chains * draws
    quarters, known, history = price_history(panel.data, until)
    ends = np.array([years_since(q) for q in quarters])
    names, paths, observed = [], [], []
    for name, past in history.items():
        held = np.flatnonzero(np.isfinite(past))
        change = np.diff(np.log(past[held]))
        if len(held) < 4 or not change.any():
            continue
        ahead = ends[known:] - ends[held[-1]]
        steps = _uneven((change, np.diff(ends[held])), ahead, size, rng)
        future = past[held[-1]] * np.exp(steps)
        names.append(name)
        paths.append(np.concatenate([np.tile(past, (size, 1)), future], axis=1))
        observed.append(np.append(past, np.full(len(ahead), np.nan)))
    if not names:
        raise DataError("a random walk with drift wants four quarters of a price that has moved")
    y = np.stack(paths, axis=1)
    return _named(panel, (y, np.stack(observed)), (names, [PRICE_UNIT] * len(names)), quarters, seed,
                  _sample(chains, draws))  # fmt: skip


def rental_walk(
    panel: Panel, *, until: str, seed: int, chains: int = 4, draws: int = 1000
) -> xr.Dataset:
    """Draw the newest index month by month as a random walk with drift of its logarithm.

    Drift and spread come from the monthly changes within every stretch of an index, pooled; bounds
    are left out. A spot index's own swings count as the market's, which makes this rule very wide.
    Between two quotes of the newest index its path is drawn straight.

    Parameters
    ----------
    panel
        A panel of rental prices.
    until, seed, chains, draws
        As in :func:`quarterly`.

    Returns
    -------
    xarray.Dataset
        One series, "H100/h100_rental", by month from the newest index's first quote.
    """
    rng, size = np.random.default_rng(seed), chains * draws
    data = panel.data.isel(obs=np.flatnonzero(panel.data["bound"].values == 0))
    index, day = data["stretch"].values.astype(str), data["day"].values.astype(str)
    changes: list[np.ndarray] = []
    spans: list[np.ndarray] = []
    for name in np.unique(index):
        own = np.flatnonzero(index == name)
        last = {day[k][:7]: k for k in own[np.argsort(day[own], kind="stable")]}
        at = np.array(list(last.values()))
        changes.append(np.diff(np.log(data["value"].values[at])))
        spans.append(np.diff(data["year"].values[at]))
    newest = index[np.argmax(data["year"].values)]
    own = np.flatnonzero(index == newest)
    own = own[np.argsort(day[own], kind="stable")]
    grid = months(day[own[0]], until)
    when = np.array([years_since(m) for m in grid])
    years, log_value = data["year"].values[own], np.log(data["value"].values[own])
    past = when <= years[-1]
    steps = _uneven(
        (np.concatenate(changes), np.concatenate(spans)), when[~past] - years[-1], size, rng
    )
    held = np.tile(np.interp(when[past], years, log_value), (size, 1))
    y = np.exp(np.concatenate([held, log_value[-1] + steps], axis=1))[:, None]
    observed = np.full((1, len(grid)), np.nan)
    for k in own:
        observed[0, grid.index(day[k][:7])] = data["value"].values[k]
    names = ([f"H100/{RENTAL_METRIC}"], [RENTAL_UNIT])
    return _named(panel, (y, observed), names, grid, seed, _sample(chains, draws))


def share_walk(
    panel: Panel, *, until: str, seed: int, chains: int = 4, draws: int = 1000
) -> xr.Dataset:
    """Draw a share month by month as a random walk with drift of its log-odds.

    Parameters
    ----------
    panel
        A panel of shares.
    until, seed, chains, draws
        As in :func:`quarterly`.

    Returns
    -------
    xarray.Dataset
        The series of the adoption model; between two surveys the path is drawn straight.
    """
    rng, size = np.random.default_rng(seed), chains * draws
    years, odds = panel.data["year"].values, logit(panel.data["value"].values)
    surveyed = panel.data["surveyed"].values.astype(str)
    grid = months(surveyed[0], until)
    when = np.array([years_since(m) for m in grid])
    past = when <= years[-1]
    steps = _uneven((np.diff(odds), np.diff(years)), when[~past] - years[-1], size, rng)
    held = np.tile(np.interp(when[past], years, odds), (size, 1))
    y = expit(np.concatenate([held, odds[-1] + steps], axis=1))[:, None]
    observed = np.full((1, len(grid)), np.nan)
    observed[0, [grid.index(s[:7]) for s in surveyed]] = panel.data["value"].values
    entity = str(panel.data["survey"].values[0]).split(" (")[0]
    names = ([f"{entity}/{SHARE_METRIC}"], ["ratio"])
    return _named(panel, (y, observed), names, grid, seed, _sample(chains, draws))


def _named(
    panel: Panel,
    arrays: tuple[np.ndarray, np.ndarray],
    series: tuple[list[str], list[str]],
    periods: list[str],
    seed: int,
    sample: xr.Dataset,
) -> xr.Dataset:
    y, observed = arrays
    return latent.labelled(sample, (y, y, observed), *series, periods).assign_attrs(
        model=NAME, as_of=panel.as_of, data_hash=panel.hash, seed=seed
    )


# --- falls after run-ups ----------------------------------------------------------------------
FALLS_NAME = "naive: as often as at any time"


def _at_any_time(rates: Mapping[str, float], ahead: np.ndarray) -> np.ndarray:
    """Return the chance of each fall by month, shape (fall, month)."""
    rows = []
    for fall in FALLS:
        early, late = (-np.log1p(-rates[f"p{fall}_{m}m"]) for m in (18, 24))
        beyond = early + (late - early) * (ahead - 18) / 6
        rows.append(-np.expm1(-np.where(ahead <= 18, early * ahead / 18, beyond)))
    return np.stack(rows)


def _after(one: Position, rates: Mapping[str, float], ahead: np.ndarray) -> np.ndarray:
    """Return the same after the falls on record: a deeper one given the last that has come.

    A fall of 40 % is as likely after one of 20 % in so many months as their rates' ratio says.
    """
    chance = _at_any_time(rates, ahead)
    reached = one.stage
    return chance / chance[reached - 1] if reached else chance


def unconditional_falls(
    panel: Panel, *, until: str, seed: int, chains: int = 4, draws: int = 1000
) -> xr.Dataset:
    """Draw falls as often as they come at any time, run-up or not.

    The rates within 18 and 24 months are those of the table ``drawdown_base_rates``: of the series
    itself where a position names its row there, else of US industries. Between and beyond, the chance
    of no fall goes down by a constant factor a month. Depths are drawn together: a draw that falls by
    40 % falls by 20 and 30 % too. The rates count as known.

    Parameters
    ----------
    panel
        A hazard panel.
    until
        Last month to draw.
    seed
        Seed of the draws.
    chains, draws
        Shape of the sample, to stand beside a model's.

    Returns
    -------
    xarray.Dataset
        As :func:`forecast.models.hazard.draw` gives it; ``signal`` is the rate.
    """
    known, last = last_close(panel.as_of), month_index(period_end(until).isoformat())
    if last <= known:
        raise DataError(f"cannot forecast to {until!r}; closes are known to {month_name(known)}")
    held = positions(panel.data)
    ahead = np.arange(1, last - min(one.closed for one in held) + 1)
    rate = np.stack([_after(one, base_rates(panel.data, one), ahead) for one in held])
    uniform = np.random.default_rng(seed).random((chains * draws, len(held), 1, 1))
    fallen = (uniform < rate).astype(float)
    sample = (np.arange(chains), np.arange(draws))
    return parts.monthly_falls(
        fallen, np.broadcast_to(rate, fallen.shape), held, last, sample
    ).assign_attrs(model=FALLS_NAME, as_of=panel.as_of, data_hash=panel.hash, seed=seed)
