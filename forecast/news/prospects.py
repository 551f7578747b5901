"""Before the report: what a coming number could do to a probability, and whose number matters.

The joint draws hold the coming numbers and the events, so the probability p(z) of an event given a
number is a regression over draws on the number's normal score z: a penalised likelihood

    sum over draws of log Bernoulli(hit | p(z))  -  lambda/2 * integral of (logit p)''(z)^2 dz

with logit p linear between the quantile levels and constant beyond the outermost. lambda is what makes
the draws most probable, so the curve is a two-parameter logit unless they say otherwise
(``benchmarks/prospect_curves.py`` compares it with others). It is checked by taking the number as if it
were reported (:func:`forecast.news.reweight.as_if`).

Invariant: the curve, linear between the levels, averages over the prints to the probability itself; what
shuffled draws give as well, what happens in too few draws and what reweighting contradicts is not told.
``tests/test_prospects.py`` proves each.
"""

from __future__ import annotations

import dataclasses
import functools
import logging
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr
from scipy.optimize import brentq
from scipy.special import expit, logit
from scipy.stats import norm, rankdata

from forecast.core.errors import DataError
from forecast.core.text import one_line
from forecast.core.units import convert, unit_of
from forecast.core.words import entity_of
from forecast.models.earnings import paths
from forecast.models.earnings.panel import EARNINGS_UNIT
from forecast.news.reweight import as_if

if TYPE_CHECKING:
    from forecast.inference.fitting import Run
    from forecast.news.statistics import Statistic

logger = logging.getLogger(__name__)


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
    curve, errors
        The probability given each of the prints, and its standard error, same shape; linear between
        the levels and constant beyond them. None where there is none to tell.
    crossings
        By threshold, the print at which the curve crosses it; none where it does not within the
        range of the prints.
    bits
        Expected information in the number about the event, in bits, less what shuffled draws give;
        NaN without a curve, as the two that follow.
    move
        Mean absolute change of the probability that it is expected to bring.
    noise
        What `move` may come to when the number has nothing to do with the event: mean and four
        standard deviations over shuffled draws, for many numbers and events are looked at. A move
        below it cannot be distinguished from nothing.
    checked
        By level, the probability with the run reweighted to the print as if reported.
    reason
        Why it is not told, in words; empty if it is.
    until
        The last period of the draws that it was made from.
    """

    company: str
    series: str
    period: str
    statistic: str
    unit: str
    probability: float
    levels: np.ndarray
    prints: np.ndarray
    curve: np.ndarray | None = None
    errors: np.ndarray | None = None
    crossings: Mapping[float, float] = dataclasses.field(default_factory=dict)
    bits: float = float("nan")
    move: float = float("nan")
    noise: float = float("nan")
    checked: Mapping[float, float] = dataclasses.field(default_factory=dict)
    reason: str = ""
    until: str | None = None

    @property
    def told(self) -> bool:
        """Whether the number is known to tell something of the event."""
        return not self.reason

    def at(self, levels: Sequence[float] | np.ndarray) -> np.ndarray:
        """Return the probability given the number at quantile levels; NaN without a curve."""
        if self.curve is None:
            return np.full(len(levels), np.nan)
        return np.interp(levels, self.levels, self.curve)


PRINT_LEVELS = np.array([0.01, 0.025, *np.arange(0.05, 0.96, 0.05).round(2), 0.975, 0.99])
THRESHOLDS = (0.25, 0.5, 0.75)
SHUFFLES = 100
FEWEST = 50
"""Draws that must have an event, and that must not have it, before a number is compared with it."""
AGREE = 3.0
"""Standard errors by which the curve and the reweighted probability may differ."""


def anticipate(
    draws: xr.Dataset,
    statistics: Sequence[Statistic],
    *,
    seed: int,
    companies: Sequence[str] | None = None,
) -> tuple[Prospect, ...]:
    """Return what each number of the coming reports could do to each probability.

    The joint draws are conditioned on the number: whether the event happens is regressed on the
    normal score of the number, by a logistic curve as smooth as the draws say.

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
        One a number of the next quarter of each company and a probability, in that order. Where
        the event happens in fewer than :data:`FEWEST` draws, or in all but as few, there is no curve.
        Empty if the draws end before any company reports again.

    Raises
    ------
    DataError
        If no report is expected of a company that is named.
    """
    coming = _coming(draws)
    if companies is not None:
        unknown = [c for c in companies if c not in {entity_of(s) for s in coming}]
        if unknown:
            names = list(dict.fromkeys(entity_of(s) for s in coming))
            others = f"of {one_line(names)}" if names else "the draws end before any"
            raise DataError(f"no report is expected of {one_line(unknown)}; {others}")
        coming = {s: p for s, p in coming.items() if entity_of(s) in companies}
    events = [s for s in statistics if not s.unit]
    hits = {s.name: s.of(draws).transpose("chain", "draw").values.ravel() for s in events}
    rng = np.random.default_rng([seed, 4])
    chance = {name: _chance(hit, rng) for name, hit in hits.items()}
    return tuple(
        _prospect(draws, (series, period), name, hit, chance[name])
        for series, period in coming.items()
        for name, hit in hits.items()
    )


def _coming(draws: xr.Dataset) -> dict[str, str]:
    """Return the first unreported quarter after the last report of each company's series."""
    found = {}
    observed = draws["observed"].transpose("series", "period").values
    periods = [str(p) for p in draws["period"].values]
    for k, name in enumerate(str(n) for n in draws["series"].values):
        entity = entity_of(name)
        money = unit_of(str(draws["unit"].values[k])).dimension == "money"
        reported = np.flatnonzero(np.isfinite(observed[k]))
        if entity in paths.TOTALS or not money or not len(reported):
            continue
        if reported[-1] + 1 < len(periods):
            found[name] = periods[reported[-1] + 1]
    return found


@dataclasses.dataclass(frozen=True)
class _Chance:
    """What a number that has nothing to do with an event seems to tell of it.

    Why no number can be compared with the event, if so; else the bits and the move that shuffled draws
    give, for the latter mean and four standard deviations.
    """

    reason: str = ""
    bits: float = float("nan")
    move: float = float("nan")


def _chance(hit: np.ndarray, rng: np.random.Generator) -> _Chance:
    draws, hits = len(hit), int(hit.sum())
    if min(hits, draws - hits) < FEWEST:
        often = f"{hits:,}" if hits < FEWEST else f"all but {draws - hits:,}"
        return _Chance(
            f"the event happens in {often} of {draws:,} draws: too few to say what a number would do"
        )
    ranks = _ranks(np.arange(draws))
    shuffled = [_told(ranks, rng.permutation(hit)) for _ in range(SHUFFLES)]
    move = np.array([one.move for one in shuffled])
    return _Chance(
        bits=float(np.mean([one.bits for one in shuffled])),
        move=float(move.mean() + 4 * move.std(ddof=1)),
    )


def _prospect(
    draws: xr.Dataset, number: tuple[str, str], statistic: str, hit: np.ndarray, chance: _Chance
) -> Prospect:
    series, period = number
    value = draws["y"].sel(series=series, period=period)
    print_ = value.transpose("chain", "draw").values.ravel()
    bare = Prospect(
        until=str(draws["period"].values[-1]),
        company=entity_of(series),
        series=series,
        period=period,
        statistic=statistic,
        unit=str(value["unit"].values),
        probability=float(hit.mean()),
        levels=PRINT_LEVELS,
        prints=np.quantile(print_, PRINT_LEVELS),
        reason=chance.reason,
    )
    if chance.reason:
        return bare
    told = _told(_ranks(print_), hit)
    idle = (
        f"its expected move of {100 * told.move:.1f} points may be Monte-Carlo error, which comes to "
        f"{100 * chance.move:.1f}"
    )
    return dataclasses.replace(
        bare,
        curve=told.curve,
        errors=told.errors,
        crossings=_crossings(bare.prints, told.curve),
        bits=max(told.bits - chance.bits, 0.0),
        move=told.move,
        noise=chance.move,
        reason="" if told.move > chance.move else idle,
    )


# --- the curve -------------------------------------------------------------------------------
GROUPS = 100
"""Draws of neighbouring ranks count together: the curve does not move within one percent."""
STIFFNESS = 10.0 ** np.arange(4, -3, -1)
"""Values of lambda that are tried, from a straight line to one that follows the draws."""
SLOPE = 0.5
"""Precision of the prior of the curve's slope, logits a unit of score: near to none."""


@functools.cache
def _basis() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return what maps logits at the levels to those of the groups, and the penalties.

    Shapes (group, level); (level, level) of the roughness and of the slope.
    """
    at = norm.ppf(PRINT_LEVELS)
    middles = norm.ppf((np.arange(GROUPS) + 0.5) / GROUPS)
    to_groups = np.column_stack([np.interp(middles, at, one) for one in np.eye(len(at))])
    gap = np.diff(at)
    slopes = np.diff(np.eye(len(at)), axis=0) / gap[:, None]
    bends = np.diff(slopes, axis=0) / np.sqrt((gap[1:] + gap[:-1]) / 2)[:, None]
    slope = at / (at @ at)
    return to_groups, bends.T @ bends, np.outer(slope, slope)


@dataclasses.dataclass(frozen=True)
class _Ranks:
    """Where the number of each draw stands: its rank between 0 and 1, and its group.

    With the size of each group, and the weight of each level in the mean of a curve over the draws.
    """

    rank: np.ndarray
    group: np.ndarray
    size: np.ndarray
    weight: np.ndarray


def _ranks(prints: np.ndarray) -> _Ranks:
    rank = (rankdata(prints) - 0.5) / len(prints)
    group = np.minimum((rank * GROUPS).astype(int), GROUPS - 1)
    weight = [np.interp(rank, PRINT_LEVELS, one).mean() for one in np.eye(len(PRINT_LEVELS))]
    return _Ranks(rank, group, np.bincount(group, minlength=GROUPS), np.array(weight))


@dataclasses.dataclass(frozen=True)
class _Told:
    """The probability at the levels with its standard errors, and what it tells over all draws."""

    curve: np.ndarray
    errors: np.ndarray
    bits: float
    move: float


def _told(ranks: _Ranks, hit: np.ndarray) -> _Told:
    """Return what the number of each draw tells of its event."""
    to_groups, rough, slope = _basis()
    hits, share = np.bincount(ranks.group, hit, GROUPS), float(hit.mean())
    theta, best = np.full(len(PRINT_LEVELS), logit(share)), (-np.inf, np.empty(0), np.empty(0))
    for stiff in STIFFNESS:
        penalty = stiff * rough + SLOPE * slope
        theta, bend, height = _mode(theta, hits, ranks.size, to_groups, penalty)
        # Laplace's approximation to the probability of the draws.
        evidence = height + (len(rough) - 2) / 2 * np.log(stiff) - np.linalg.slogdet(bend)[1] / 2
        if evidence > best[0]:
            best = (evidence, theta, bend)
    _, theta, bend = best
    # Between the levels the curve is straight, and not its logit: that moves its mean a little.
    by = brentq(lambda by: ranks.weight @ expit(theta + by) - share, -5, 5, xtol=1e-14)
    curve = expit(theta + by)
    errors = curve * (1 - curve) * np.sqrt(np.diag(np.linalg.inv(bend)))
    given = np.interp(ranks.rank, PRINT_LEVELS, curve)
    return _Told(curve, errors, _bits(given, share), float(np.abs(given - share).mean()))


def _mode(
    theta: np.ndarray,
    hits: np.ndarray,
    size: np.ndarray,
    to_groups: np.ndarray,
    penalty: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, float]:
    """Return the most probable logits at the levels, the bend of the log density there, its height.

    Newton's steps are halved until they climb: whole ones leave for infinity when events are rare.
    """

    def height(at: np.ndarray) -> float:
        eta = to_groups @ at
        return float(hits @ eta - size @ np.logaddexp(0, eta) - at @ penalty @ at / 2)

    now = height(theta)
    for _ in range(100):
        p = expit(to_groups @ theta)
        bend = (to_groups.T * (size * p * (1 - p))) @ to_groups + penalty
        step = np.linalg.solve(bend, to_groups.T @ (hits - size * p) - penalty @ theta)
        while (then := height(theta + step)) < now and np.abs(step).max() > 1e-10:
            step = step / 2
        if np.abs(step).max() < 1e-6:
            break
        theta, now = theta + step, then
    return theta, bend, now


def _bits(fitted: np.ndarray, share: float) -> float:
    """Return the mean divergence of the fitted probabilities from their share, in bits."""
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


# --- the check -------------------------------------------------------------------------------
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

    Where the two differ by more than :data:`AGREE` of their standard errors there is no curve.

    Parameters
    ----------
    prospect
        From :func:`anticipate`; one without a curve is returned as it is.
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
        If the run's model cannot be evaluated on another panel.
    """
    if prospect.curve is None or prospect.errors is None:
        return prospect
    prints = np.interp(levels, prospect.levels, prospect.prints)
    values = [convert(float(one), prospect.unit, EARNINGS_UNIT) for one in prints]
    found = as_if(
        run,
        statistic,
        prospect.series,
        prospect.period,
        values,
        seed=seed,
        until=prospect.until,
        size=size,
    )
    # Against the same draws without the number: the error of a difference is small.
    told = np.clip([prospect.probability + one.change for one in found], 0, 1)
    curve, errors = prospect.at(levels), np.interp(levels, prospect.levels, prospect.errors)
    apart = np.abs(told - curve) / np.hypot(errors, [one.error for one in found])
    checked = dataclasses.replace(prospect, checked=dict(zip(levels, told.tolist(), strict=True)))
    worst = int(apart.argmax())
    if apart[worst] <= AGREE:
        return checked
    return _without_curve(
        checked,
        f"at a print of {prints[worst]:,.4g} {prospect.unit} reweighting says "
        f"{100 * told[worst]:.1f} % and the regression over draws {100 * curve[worst]:.1f} %, "
        f"{apart[worst]:.0f} standard errors apart",
    )


def _without_curve(prospect: Prospect, reason: str) -> Prospect:
    nothing = float("nan")
    return dataclasses.replace(
        prospect, curve=None, errors=None, crossings={}, bits=nothing, move=nothing, noise=nothing,
        reason=reason,
    )  # fmt: skip


def ranked(
    found: Sequence[Prospect],
    run: Run,
    statistics: Sequence[Statistic],
    *,
    seed: int,
) -> list[Prospect]:
    """Return prospects with the most telling of each company checked: told ones first, by their bits.

    A company's prospects are checked in the order of their bits until one stands the check.

    Parameters
    ----------
    found
        From :func:`anticipate`.
    run
        The run whose draws they were made from.
    statistics
        What they are about.
    seed
        Decides the random numbers of the checks.

    Raises
    ------
    DataError
        If the run's model cannot be evaluated on another panel.
    """
    of = {s.name: s for s in statistics}
    stand: set[str] = set()
    kept = []
    for one in sorted(found, key=_rank):
        if one.told and one.company not in stand:
            logger.info(
                f"checking {one.series} {one.period} against {one.statistic} by reweighting"
            )
            one = check_prospect(one, run, of[one.statistic], seed=seed)
            if one.told:
                stand.add(one.company)
            else:
                logger.info(f"not told: {one.reason}")
        kept.append(one)
    return sorted(kept, key=_rank)


def _rank(one: Prospect) -> tuple[bool, float]:
    return not one.told, -one.bits if one.told else 0.0
