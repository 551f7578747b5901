"""Before the report: what a coming number could do to a probability, and whose number matters.

The joint draws hold the coming numbers and the events, so the probability of an event given a number is
a regression over draws. It is checked by taking the number as if it were reported
(:func:`forecast.news.as_if`).

Invariant: what shuffled draws give as well is not told as news. ``tests/test_prospects.py`` has a number
that tells and one that does not.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np
import xarray as xr
from scipy.stats import norm

from forecast.fitting import Run
from forecast.models import parts
from forecast.news import Statistic, as_if
from forecast.panels import EARNINGS_UNIT
from forecast.schema import DataError, convert, one_line, unit_of


@dataclasses.dataclass(frozen=True)
class Prospect:
    """What a company's coming report could do to one statistic.

    Attributes
    ----------
    company, series, period
        Whose number, of which quarter.
    statistic
        What it would move.
    probability
        The probability before the report.
    levels, prints
        Quantile levels of the coming number, and its values there, in `unit`.
    curve
        The probability given each of the prints, same shape.
    crossings
        By threshold, the print at which the curve crosses it; none where it does not within the
        range of the prints.
    bits
        Expected information in the number about the event, in bits, less what shuffled draws give.
    move
        Mean absolute change of the probability that it is expected to bring.
    noise
        What `move` may come to when the number has nothing to do with the event: mean and four
        standard deviations over shuffled draws, for many numbers and events are looked at. A move
        below it cannot be told from nothing.
    checked
        By level, the probability with the run reweighted to the print as if reported.
    """

    company: str
    series: str
    period: str
    statistic: str
    unit: str
    probability: float
    levels: np.ndarray
    prints: np.ndarray
    curve: np.ndarray
    crossings: Mapping[float, float]
    bits: float
    move: float
    noise: float
    checked: Mapping[float, float] = dataclasses.field(default_factory=dict)

    @property
    def told(self) -> bool:
        """Whether the expected move can be told from Monte-Carlo error."""
        return self.move > self.noise


PRINT_LEVELS = np.array([0.01, 0.025, *np.arange(0.05, 0.96, 0.05).round(2), 0.975, 0.99])
THRESHOLDS = (0.25, 0.5, 0.75)
SHUFFLES = 20


def anticipate(
    draws: xr.Dataset,
    statistics: Sequence[Statistic],
    *,
    seed: int,
    companies: Sequence[str] | None = None,
) -> tuple[Prospect, ...]:
    """Return what each number of the coming reports could do to each probability.

    The joint draws are conditioned on the number: whether the event happens is regressed on the
    normal score of the number, by a logistic curve with three terms.

    Parameters
    ----------
    draws
        Quarterly joint draws.
    statistics
        What to follow; medians are passed over.
    seed
        Decides the shuffles that show what is noise.
    companies
        Only these; all by default.

    Returns
    -------
    tuple of Prospect
        One a number of the next quarter of each company and a probability, in that order.

    Raises
    ------
    DataError
        If the draws hold no company that could report, or a company is unknown.
    """
    coming = _coming(draws)
    if companies is not None:
        unknown = [c for c in companies if c not in {s.split("/")[0] for s in coming}]
        if unknown:
            names = list(dict.fromkeys(s.split("/")[0] for s in coming))
            raise DataError(f"no report is expected of {one_line(unknown)}; of {one_line(names)}")
        coming = {s: p for s, p in coming.items() if s.split("/")[0] in companies}
    if not coming:
        raise DataError("the draws hold no company's coming report; forecast a quarter ahead")
    events = [s for s in statistics if not s.unit]
    hits = {s.name: s.of(draws).transpose("chain", "draw").values.ravel() for s in events}
    rng = np.random.default_rng([seed, 4])
    return tuple(
        _prospect(draws, series, period, name, hit.astype(float), rng)
        for series, period in coming.items()
        for name, hit in hits.items()
    )


def _coming(draws: xr.Dataset) -> dict[str, str]:
    """Return the first unreported quarter after the last report of each company's series."""
    found = {}
    observed = draws["observed"].transpose("series", "period").values
    periods = [str(p) for p in draws["period"].values]
    for k, name in enumerate(str(n) for n in draws["series"].values):
        entity = name.split("/")[0]
        money = unit_of(str(draws["unit"].values[k])).dimension == "money"
        reported = np.flatnonzero(np.isfinite(observed[k]))
        if entity in parts.TOTALS or not money or not len(reported):
            continue
        if reported[-1] + 1 < len(periods):
            found[name] = periods[reported[-1] + 1]
    return found


def _terms(score: np.ndarray) -> np.ndarray:
    return np.column_stack([np.ones_like(score), score, score**2 - 1, score**3 - 3 * score])


def _logistic(x: np.ndarray, hit: np.ndarray) -> np.ndarray:
    """Return the coefficients of a logistic regression, with a light penalty on all but the level."""
    penalty = np.diag([0.0, 0.5, 2.0, 4.0])
    share = np.clip(hit.mean(), 1e-4, 1 - 1e-4)
    beta = np.array([np.log(share / (1 - share)), 0.0, 0.0, 0.0])
    for _ in range(30):
        p = 1 / (1 + np.exp(-np.clip(x @ beta, -30, 30)))
        w = np.maximum(p * (1 - p), 1e-9)
        step = np.linalg.solve((x.T * w) @ x + penalty, x.T @ (hit - p) - penalty @ beta)
        beta = beta + np.clip(step, -2, 2)
        if np.abs(step).max() < 1e-8:
            break
    return beta


def _curve(score: np.ndarray, hit: np.ndarray, at: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the fitted probability of every draw and at some scores."""
    if hit.min() == hit.max():
        return np.full(len(score), hit[0]), np.full(len(at), hit[0])
    beta = _logistic(_terms(score), hit)
    fitted, there = (1 / (1 + np.exp(-np.clip(_terms(z) @ beta, -30, 30))) for z in (score, at))
    return fitted, there


def _prospect(
    draws: xr.Dataset,
    series: str,
    period: str,
    statistic: str,
    hit: np.ndarray,
    rng: np.random.Generator,
) -> Prospect:
    value = draws["y"].sel(series=series, period=period)
    print_ = value.transpose("chain", "draw").values.ravel()
    score = norm.ppf((np.argsort(np.argsort(print_)) + 0.5) / len(print_))
    fitted, curve = _curve(score, hit, norm.ppf(PRINT_LEVELS))
    share = float(hit.mean())
    move = float(np.abs(fitted - share).mean())
    shuffled = [_curve(score, rng.permutation(hit), score[:1])[0] for _ in range(SHUFFLES)]
    by_chance = np.array([np.abs(one - share).mean() for one in shuffled])
    noise = float(by_chance.mean() + 4 * by_chance.std(ddof=1))
    bits = _bits(fitted, share) - float(np.mean([_bits(one, share) for one in shuffled]))
    prints = np.quantile(print_, PRINT_LEVELS)
    return Prospect(
        company=series.split("/")[0],
        series=series,
        period=period,
        statistic=statistic,
        unit=str(value["unit"].values),
        probability=share,
        levels=PRINT_LEVELS,
        prints=prints,
        curve=curve,
        crossings=_crossings(prints, curve),
        bits=max(bits, 0.0),
        move=move,
        noise=noise,
    )


def _bits(fitted: np.ndarray, share: float) -> float:
    """Return the mean divergence of the fitted probabilities from their share, in bits."""
    if share in (0.0, 1.0):
        return 0.0
    p = np.clip(fitted, 1e-12, 1 - 1e-12)
    told = p * np.log2(p / share) + (1 - p) * np.log2((1 - p) / (1 - share))
    return float(told.mean())


def _crossings(prints: np.ndarray, curve: np.ndarray) -> dict[float, float]:
    found = {}
    for level in THRESHOLDS:
        above = curve >= level
        turns = np.flatnonzero(above[1:] != above[:-1])
        if len(turns):
            # Where the curve crosses more than once, the crossing nearest the middle counts.
            k = int(turns[np.argmin(np.abs(turns - len(curve) / 2))])
            at = (level - curve[k]) / (curve[k + 1] - curve[k])
            found[level] = float(prints[k] + at * (prints[k + 1] - prints[k]))
    return found


def check_prospect(
    prospect: Prospect,
    run: Run,
    statistic: Statistic,
    *,
    seed: int,
    levels: Sequence[float] = (0.05, 0.5, 0.95),
    size: int = 1000,
) -> Prospect:
    """Return a prospect with its curve checked: the number taken as reported, the run reweighted.

    Parameters
    ----------
    prospect
        From :func:`anticipate`.
    run
        The run whose draws it was made from.
    statistic
        What it is about.
    seed
        Decides the random numbers.
    levels
        At which quantiles of the number.
    size
        Draws of the run that are reweighted.

    Raises
    ------
    DataError
        If the run's model cannot be held against another panel.
    """
    values = [
        convert(
            float(np.interp(level, prospect.levels, prospect.prints)), prospect.unit, EARNINGS_UNIT
        )
        for level in levels
    ]
    # Against the same draws without the number: the error of a difference is small.
    without, *found = as_if(
        run,
        statistic,
        prospect.series,
        prospect.period,
        [np.nan, *values],
        seed=seed,
        size=size,
    )
    told = [min(max(prospect.probability + one - without, 0.0), 1.0) for one in found]
    return dataclasses.replace(prospect, checked=dict(zip(levels, told, strict=True)))
