"""Months from a run-up to the first fall of 20, 30 and 40 %: three stages of one process.

A stage s begins at the identification (s = 0, to the first -20 %), in the month of the first -20 %
(s = 1, on to -30 %) and in the month of the first -30 % (s = 2, on to -40 %). In month t of a stage
the fall comes, if it has not yet, with the probability of a complementary log-log link::

    h[s, t] = 1 - exp(-exp(lin[s] + shape[s] log(t / 12)))       t = 1, 2, ...
    lin[s]  = rate[s] + runup[s] x + market[s] m + wild[s] v
              + load[s] (industry_sd z_industry + year_effect),        load[0] = 1

with x the net run-up in doublings from 100 points, m the market's own run-up in units of 50 % above
40 %, v the log of the volatility of the industry's returns over the run-up against what is usual
after a run-up of that size, and year_effect the frailty of the calendar year in which the month
lies: episodes that overlap in time share it, so they are not taken for independent. A later stage may
also be passed in the very month in which it begins (a month that takes a price from -15 to -32 %)::

    jump[s] = 1 - exp(-exp(lin[s] - rate[s] + jump_rate[s]))

A correction is a process that stops after the first or second stage, a crash one that passes all
three. Censored months enter as survival only.

An index with returns of its own has a second law, :mod:`forecast.models.hazard.returns`; the two are
fitted in one model and share no parameter. What the draws say of the index is a mixture of both, with
what each says alone under names of their own (:func:`forecast.models.hazard.panel.views`). An index that
is not after a run-up has, in place of the first law, its base rate at any time with the error of its
few independent windows.

The log likelihood needs no month by month sum: within a calendar year the linear part of a stage
does not change, so a stretch of survived months a..b adds ``-exp(lin) (F[b] - F[a - 1])`` with
``F[t] = sum over u <= t of (u / 12)^shape``. ``tests/test_hazard.py`` compares it with the sum.

Invariant: no month of an industry enters twice (the panel sees to it), and a position that has
survived so far is forecast from the month it has reached.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt
import xarray as xr

from forecast.core.draws import sample_first
from forecast.core.errors import DataError
from forecast.core.periods import last_close, month_index, month_name, period_end
from forecast.core.text import one_line
from forecast.models import common
from forecast.models.hazard import paths, returns
from forecast.models.hazard.panel import (
    FALLS,
    LONGEST,
    OWN_VIEW,
    Position,
    View,
    base_rates,
    views,
)
from forecast.models.hazard.rows import (
    NET_ORIGIN,
    YEAR_OF,
    Covariates,
    covariates_of,
    labels_of,
    of_episodes,
    rows_of,
    spans,
)

if TYPE_CHECKING:
    from forecast.models.base import Panel
    from forecast.models.common import Array


@dataclasses.dataclass(frozen=True)
class Priors:
    """Numbers of the priors; rates are log hazards a month."""

    # Monthly hazard of the first -20 % a year after a run-up of 100 points: 4 %, times or divided
    # by 2. Over 24 months that is a chance of 38 to 86 %, from below the 44 % of US industries at
    # any time (drawdown_base_rates.csv) to above the crash rates of Greenwood, Shleifer and You
    # (2019) after the largest run-ups.
    rate: float = -3.2
    rate_sd: float = 0.7
    # Once down 20 or 30 %, the next step comes at 3 % a month after a year; our rough judgement.
    deeper_rate: float = -3.5
    deeper_rate_sd: float = 0.7
    # One fall in four goes on to the next step in the same month; our rough judgement, times or
    # divided by 2.
    jump: float = -1.25
    jump_sd: float = 0.7
    # Hazards that neither rise nor fall are the middle; the later ones fall, because prices that
    # have recovered are no longer on the way down. Our rough judgement.
    shape: float = 0.0
    shape_sd: float = 0.3
    deeper_shape: float = -0.5
    deeper_shape_sd: float = 0.3
    # Crash rates of 20, 53, 80 % in 24 months after 50, 100, 150 points (Greenwood, Shleifer and You
    # 2019) are log cumulative hazards that rise by 1.2 from 50 to 100 and by 0.76 from 100 to 150,
    # that is by 1.2 to 1.3 a doubling, over all stages together; a third of it for each, and wide,
    # because a run-up does not predict low returns there.
    runup: float = 0.4
    runup_sd: float = 0.4
    # The market's own run-up: no evidence either way.
    market: float = 0.0
    market_sd: float = 0.3
    # Volatility: the time in which a random walk first loses a fifth goes with the inverse square of
    # it, so a log hazard rises by up to two per unit of its log; but volatility of the past
    # persists only in part. Our rough judgement, from none to all of that.
    wild: float = 0.7
    wild_sd: float = 0.5
    # Spread of log hazards between industries and between years. Whole-sample rates of -20 % in 24
    # months are 0.27 for the S&P 500 and 0.66 for semiconductors (drawdown_base_rates.csv): log
    # hazards 1.2 apart, that is two or three sd of industries. Years differ more than industries:
    # falls cluster in 1929, 1937, 1974, 1987, 2000, 2008 (booms.csv).
    industry: float = 0.4
    industry_log_sd: float = 0.5
    year: float = 0.7
    year_log_sd: float = 0.5
    # How much of both the later stages share: from none to all.
    load: float = 0.5
    load_sd: float = 0.4
    # Returns of indices, log points a month. Shares have earned 4 to 10 % a year over long times:
    # 95 % from -2 to 17 % a year.
    drift: float = 0.006
    drift_sd: float = 0.004
    # From 3 % (a quiet broad index) to 13 % (a wild trade); 95 %.
    volatility: float = 0.06
    volatility_log_sd: float = 0.4
    # Half to nine tenths of the variance is told by the last year, recent falls and the year about
    # alike. Our rough judgement, on the logit scale.
    memory: float = 1.2
    memory_sd: float = 0.7
    recent: float = -0.5
    recent_sd: float = 0.7
    # Degrees of freedom over two: monthly returns have tails of 4 to 20 degrees.
    tail: float = 6.0
    tail_log_sd: float = 0.6
    # Share of an index's draws that go by its own returns, not by its class. From past days they told
    # its falls better than its base rate did (benchmarks/README.md); the class of run-ups, to which
    # it has seldom belonged, cannot be scored so. Equal parts, for want of a reason for others.
    own_returns: float = 0.5


VARIANTS = {
    # Falls after run-ups are as frequent as at other times, and the size of the run-up says little.
    "sceptical": Priors(
        rate=-3.7,
        rate_sd=0.5,
        deeper_rate=-4.0,
        jump=-1.6,
        runup=0.0,
        runup_sd=0.2,
        wild=0.3,
        wild_sd=0.3,
        drift=0.007,
        drift_sd=0.003,
    ),
    # Run-ups are bubbles: falls are frequent and deep, and more so after larger run-ups.
    "generous": Priors(
        rate=-2.7,
        rate_sd=0.5,
        deeper_rate=-3.0,
        jump=-0.9,
        runup=0.6,
        runup_sd=0.3,
        wild=1.1,
        wild_sd=0.4,
        drift=0.003,
        drift_sd=0.003,
    ),
}

REPORT = (
    "rate",
    "shape",
    "runup",
    "market",
    "wild",
    "deeper_rate",
    "jump_rate",
    "deeper_shape",
    "deeper_runup",
    "deeper_market",
    "deeper_wild",
    "load",
    "industry_sd",
    "year_sd",
)
RETURNS_REPORT = ("drift", "volatility", "memory", "recent", "tail")
"""Parameters of the returns of indices, which a panel without a named index does not have."""
LABELS = {
    "rate": "log monthly hazard of the first -20 %, a year after a run-up of 100 points",
    "shape": "power of time in that hazard",
    "runup": "change of its log per doubling of run-up",
    "market": "change of its log per 50 % of the market's own run-up",
    "wild": "change of its log per unit of log volatility",
    "deeper_rate": "log monthly hazard of the next step down, a year after the last",
    "jump_rate": "log of the same within the month of the last step",
    "deeper_shape": "power of time in the next step's hazard",
    "deeper_runup": "change of the next step's log hazard per doubling of run-up",
    "deeper_market": "change of the next step's log hazard per 50 % of the market's run-up",
    "deeper_wild": "change of the next step's log hazard per unit of log volatility",
    "load": "share of the industry's and the year's effect in the next step",
    "industry_sd": "spread of log hazards between industries, beyond their volatility",
    "year_sd": "spread of log hazards between calendar years",
    "drift": "drift of an index, log points a month",
    "volatility": "long-run volatility of an index, log points a month",
    "memory": "share of a month's variance that the last twelve months tell",
    "recent": "of it, the share that falls of the last three months tell",
    "tail": "degrees of freedom of the tails of returns, less two",
}


@dataclasses.dataclass(frozen=True)
class _Tables:
    """The parts of a log hazard, and a stage's hazard so far.

    They are read by the positions of :class:`~forecast.models.hazard.rows.Rows`.

    Attributes
    ----------
    monthly, at_once
        By stage and episode: in a month of the stage, and in the month it begins.
    of_calendar
        By stage and calendar year.
    timed
        By stage and month of the stage, of the duration.
    sums
        The exponential of `timed`, summed over the months before, one column more.
    """

    monthly: Array
    at_once: Array
    of_calendar: Array
    timed: Array
    sums: Array


def _tables(
    prior: Mapping[str, Any], covariates: tuple[Array, Array, Array], industry: Array
) -> _Tables:
    """Register the parameters in the model in whose context it is called; return the hazard's parts."""

    def scalar(name: str, field: str) -> Array:
        return pm.Normal(name, prior[field], prior[f"{field}_sd"])

    def deeper(name: str, field: str) -> Array:
        return pm.Normal(name, prior[field], prior[f"{field}_sd"], dims="stage")

    def spread(name: str, field: str) -> Array:
        return common.log_normal(name, prior[field], prior[f"{field}_log_sd"])

    def stages(name: str, own: Array, later: Array) -> Array:
        return pt.concatenate([pt.atleast_1d(own), later])

    first_rate = scalar("rate", "rate")
    rate = stages("rate", first_rate, deeper("deeper_rate", "deeper_rate"))
    jump = stages("jump", 0.0, deeper("jump_rate", "jump"))
    shape = stages("shape", scalar("shape", "shape"), deeper("deeper_shape", "deeper_shape"))
    runup = stages("runup", scalar("runup", "runup"), deeper("deeper_runup", "runup"))
    market = stages("market", scalar("market", "market"), deeper("deeper_market", "market"))
    wild = stages("wild", scalar("wild", "wild"), deeper("deeper_wild", "wild"))
    load = stages("load", 1.0, deeper("load", "load"))
    of_industry, of_year = spread("industry_sd", "industry"), spread("year_sd", "year")
    # The level of a year is what its falls tell; its effect is what that has over the rate.
    year_level = pm.Normal("year_level", first_rate, of_year, dims="year")
    year_effect = pm.Deterministic("year_effect", year_level - first_rate, dims="year")
    z_industry = pm.Normal("z_industry", 0.0, 1.0, dims="industry")

    # Tables by stage and episode, stage and year, stage and month, read by flat positions.
    of_episode = (
        sum(slope[:, None] * x for slope, x in zip((runup, market, wild), covariates, strict=True))
        + load[:, None] * (of_industry * z_industry)[industry]
    )
    of_calendar = load[:, None] * year_effect
    log_t = np.log(np.arange(1, LONGEST + 1) / YEAR_OF)
    timed = shape[:, None] * log_t
    sums = pt.cumsum(pt.exp(timed), axis=1)
    sums = pt.concatenate([pt.zeros((len(FALLS), 1)), sums], axis=1).flatten()
    monthly = (rate[:, None] + of_episode).flatten()
    at_once = (jump[:, None] + of_episode).flatten()
    return _Tables(monthly, at_once, of_calendar.flatten(), timed.flatten(), sums)


def build(panel: Panel, priors: Priors) -> pm.Model:
    """Return the model of the panel's episodes.

    The sampler takes the same density from :func:`forecast.models.hazard.compact.compact`.
    """
    data, rows = panel.data, rows_of(panel)
    with pm.Model(coords=labels_of(panel)) as model:
        prior = common.prior_data(priors)
        industry = pm.Data("industry_index", rows.industry)
        labels = ("net_runup", "market_runup", "log_volatility")
        covariates = [pm.Data(n, x) for n, x in zip(labels, rows.covariates, strict=True)]
        survived = pm.Data("survived_at", rows.survived)
        falls = pm.Data("falls", rows.falls)
        first = pm.Data("first", rows.first)
        ones = np.ones(len(rows.survived_episode), np.int64)
        stretches = common.reported("survived", ones, rows.survived_episode)
        months = common.reported("fell", rows.fell, rows.fell_episode)

        parts = _tables(prior, (covariates[0], covariates[1], covariates[2]), industry)
        i, y, before, to = (survived[k] for k in range(4))
        cumulative = pt.exp(parts.monthly[i] + parts.of_calendar[y]) * (
            parts.sums[to] - parts.sums[before]
        )
        pm.CustomDist(
            "survived", cumulative, logp=_survival, random=_survived, dtype="int64", **stretches
        )
        i, y, t = (falls[k] for k in range(3))
        later = pt.exp(parts.monthly[i] + parts.of_calendar[y] + parts.timed[t])
        i, y = (first[k] for k in range(2))
        cumulative = pt.concatenate([later, pt.exp(parts.at_once[i] + parts.of_calendar[y])])
        pm.CustomDist("fell", cumulative, logp=_fall, random=_fell, dtype="int64", **months)
        if "log_return" in data:
            returns.block(data["log_return"].values, prior)
    return model


# Bernoulli variables of a complementary log-log link, told by their cumulative hazard: exact where
# the 1 - p of the usual one would be rounded.
def _fall(fell: Array, cumulative: Array) -> Array:
    """Return the log probability that a fall comes, or not, at a cumulative hazard."""
    falls = pt.log(-pt.expm1(-pt.maximum(cumulative, 1e-12)))
    return pt.where(pt.eq(fell, 1), falls, -cumulative)


def _fell(
    cumulative: np.ndarray, rng: np.random.Generator, size: tuple[int, ...] | None = None
) -> np.ndarray:
    """Draw whether falls come."""
    return (rng.random(size or np.shape(cumulative)) < -np.expm1(-cumulative)).astype(np.int64)


def _survival(survived: Array, cumulative: Array) -> Array:
    """Return the log probability that a stretch is survived; one that is not is none."""
    return pt.where(pt.eq(survived, 1), -cumulative, -np.inf)


def _survived(
    cumulative: np.ndarray, rng: np.random.Generator, size: tuple[int, ...] | None = None
) -> np.ndarray:
    """Draw whether stretches are survived."""
    return 1 - _fell(cumulative, rng, size)


# --- the process, for replicates and forecasts ------------------------------------------------
@dataclasses.dataclass(frozen=True)
class _Law:
    """Log hazards of some units by draw; every array has the draws on its first axis.

    Attributes
    ----------
    rate, jump, shape
        By stage, shape (sample, 3).
    fixed
        Covariates and the industry's effect, by unit and stage, shape (sample, unit, 3).
    year
        The calendar year's effect, by unit and month ahead, shape (sample, unit, month).
    load
        By stage, shape (sample, 3).
    stage
        The stage that each unit has reached at the start, shape (unit,).
    passed
        Months of it already survived, shape (unit,).
    """

    rate: np.ndarray
    jump: np.ndarray
    shape: np.ndarray
    fixed: np.ndarray
    year: np.ndarray
    load: np.ndarray
    stage: np.ndarray
    passed: np.ndarray

    def hazard(
        self, stage: int, ahead: int, t: np.ndarray | int, cells: tuple[np.ndarray, np.ndarray]
    ) -> np.ndarray:
        """Return the probability of the fall in the month `ahead`, being month `t` of the stage.

        Parameters
        ----------
        stage
            0, 1 or 2.
        ahead
            Position of the calendar month, from 0.
        t
            Month of the stage; 0 is the month in which it begins.
        cells
            Sample and unit of each probability.

        Returns
        -------
        numpy.ndarray
            One for each of `cells`.
        """
        i, j = cells
        linear = self.fixed[i, j, stage] + self.load[i, stage] * self.year[i, j, ahead]
        timed = self.rate[i, stage] + self.shape[i, stage] * np.log(np.maximum(t, 1) / YEAR_OF)
        begins = np.asarray(t) == 0
        rate: np.ndarray = -np.expm1(-np.exp(linear + np.where(begins, self.jump[i, stage], timed)))
        return rate


def _law(
    parameters: xr.Dataset,
    covariates: Covariates,
    effect: np.ndarray,
    year: np.ndarray,
    reached: tuple[np.ndarray, np.ndarray],
) -> _Law:
    """Return the law of units with given effects, (sample, unit, stage) and (sample, unit, month).

    `effect` is what a unit itself adds at each stage; `reached` is the stage of each unit at the
    start, and the months of it that have passed.
    """

    def stages(own: np.ndarray | float, later: str) -> np.ndarray:
        rest = sample_first(parameters, later)
        return np.column_stack([np.broadcast_to(own, len(rest)), rest])

    load = stages(1.0, "load")
    fixed = effect
    for name, x in zip(("runup", "market", "wild"), covariates, strict=True):
        slope = stages(sample_first(parameters, name), f"deeper_{name}")
        fixed = fixed + slope[:, None, :] * x[:, None]
    return _Law(
        stages(sample_first(parameters, "rate"), "deeper_rate"),
        stages(0.0, "jump_rate"),
        stages(sample_first(parameters, "shape"), "deeper_shape"),
        fixed,
        year,
        load,
        *reached,
    )


def _of_industry(parameters: xr.Dataset, industry: np.ndarray) -> np.ndarray:
    """Return the effect of units' industries at each stage, (sample, unit, stage)."""
    load = sample_first(parameters, "load")
    load = np.column_stack([np.ones(len(load)), load])
    effect: np.ndarray = load[:, None, :] * industry[:, :, None]
    return effect


def _identified(units: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the stage and the months passed of units that have just been identified."""
    return np.zeros(units, dtype=np.int64), np.zeros(units, dtype=np.int64)


def _simulate(law: _Law, rng: np.random.Generator) -> np.ndarray:
    """Return the month ahead (from 1) of each stage's fall, 0 for none, (sample, unit, stage).

    Falls that have come at the start are no part of it.
    """
    sample, units, ahead = law.year.shape
    reached = np.zeros((sample, units, len(FALLS)), dtype=np.int64)
    stage = np.broadcast_to(law.stage, (sample, units)).astype(np.int64)
    t = np.broadcast_to(law.passed, (sample, units)).copy()
    for k in range(ahead):
        t += 1
        fresh = np.zeros((sample, units), dtype=bool)  # began this month: the month-0 chance
        for s in range(len(FALLS)):
            cells = np.nonzero((stage == s) & ((t > 0) | fresh))
            p = law.hazard(s, k, np.where(fresh[cells], 0, t[cells]), cells)
            fell = rng.random(len(p)) < p
            hit = (cells[0][fell], cells[1][fell])
            reached[(*hit, s)] = k + 1
            stage[hit], t[hit] = s + 1, 0
            fresh = np.zeros((sample, units), dtype=bool)
            fresh[hit] = True
    return reached


def _probabilities(law: _Law) -> np.ndarray:
    """Return the exact chance that each stage is reached by each month, given the law.

    Returns
    -------
    numpy.ndarray
        Shape (sample, unit, stage, month); what :func:`_simulate` gives on average, and 0 for falls
        that have come at the start.
    """
    sample, units, ahead = law.year.shape
    out = np.zeros((sample, units, len(FALLS), ahead))
    began = np.zeros((sample, units, ahead))  # chance that the stage begins in a month
    cells = tuple(np.indices((sample, units)))
    for s in range(len(FALLS)):
        passes = np.zeros((sample, units, ahead))
        # The units that are in the stage at the start, then those that come to it in month j.
        for j in range(-1, ahead):
            if j < 0:
                left = np.broadcast_to((law.stage == s).astype(float), (sample, units))
            else:
                left = began[:, :, j]
            if not left.any():
                continue
            for k in range(max(j, 0), ahead):
                t = law.passed + k + 1 if j < 0 else k - j
                p = left * law.hazard(s, k, t, (cells[0], cells[1]))
                passes[:, :, k] += p
                left = left - p
        out[:, :, s] = np.cumsum(passes, axis=2)
        began = passes
    return out


def replicate(
    parameters: xr.Dataset, panel: Panel, priors: Priors, rng: np.random.Generator
) -> dict[str, np.ndarray]:
    """Draw new months and events for the panel's episodes, shape (sample, obs), by data name.

    And new returns of its indices, (sample, month, index), where it has any.

    Each episode is followed as long as it was; what ends its follow-up does not depend on falls.
    """
    data = panel.data
    _, which, start, years = spans(panel)
    followup = data["followup"].values.astype(int)
    industry = (
        sample_first(parameters, "industry_sd")[:, None] * sample_first(parameters, "z_industry")
    )[:, which]
    at = (start[:, None] + 1 + np.arange(followup.max())[None, :]) // 12 - years[0]
    at = np.minimum(at, len(years) - 1)  # beyond its follow-up an episode is cut off below
    effect = sample_first(parameters, "year_effect")
    law = _law(
        parameters, of_episodes(data), _of_industry(parameters, industry), effect[:, at],
        _identified(len(start)),
    )  # fmt: skip
    reached = _simulate(law, rng)
    drawn = {}
    for s, fall in enumerate(FALLS):
        event = (reached[:, :, s] > 0) & (reached[:, :, s] <= followup)
        drawn[f"event{fall}"] = event.astype(int)
        drawn[f"months{fall}"] = np.where(event, reached[:, :, s], followup)
    if "log_return" in data:
        drawn["log_return"] = returns.replicated(parameters, data, rng)
    return drawn


def rate_in_class(
    parameters: xr.Dataset, panel: Panel, net: float, fall: int = 40, within: int = 24
) -> xr.DataArray:
    """Return the chance of a fall after a run-up, in the years in which the class was identified.

    A published base rate is a share of the episodes of a class, so it is of their calendar years;
    :func:`draw` is about years to come, whose effects are not known. Episodes of at least 100 points
    stand for the class of 100 and more, the others for that of 50; each is given the run-up `net`.

    Parameters
    ----------
    parameters, panel
        Posterior draws, and what the fit was of.
    net
        Net run-up in points.
    fall, within
        Fall in percent, and months after the identification.

    Returns
    -------
    xarray.DataArray
        Dims chain, draw.
    """
    data = panel.data
    keep = (data["net"].values >= NET_ORIGIN) == (net >= NET_ORIGIN)
    keep &= data["followup"].values >= min(within, int(data["followup"].values.max()))
    _, which, start, years = spans(panel)
    at = (start[keep][:, None] + 1 + np.arange(within)[None, :]) // 12 - years[0]
    effect = sample_first(parameters, "year_effect")
    industry = sample_first(parameters, "industry_sd")[:, None] * sample_first(
        parameters, "z_industry"
    )
    market = (data["raw"] - data["net"]).values[keep]
    law = _law(
        parameters,
        covariates_of(np.full(keep.sum(), net), net + market, np.full(keep.sum(), np.nan)),
        _of_industry(parameters, industry[:, which[keep]]),
        effect[:, np.minimum(at, len(years) - 1)],
        _identified(int(keep.sum())),
    )
    chance = _probabilities(law)[:, :, FALLS.index(fall), -1].mean(axis=1)
    shape = (parameters.sizes["chain"], parameters.sizes["draw"])
    return xr.DataArray(chance.reshape(shape), dims=("chain", "draw"))


def _last_month(panel: Panel, until: str) -> int:
    """Return the index of the last month to forecast."""
    known, last = last_close(panel.as_of), month_index(period_end(until).isoformat())
    if not 1 <= last - known <= LONGEST:
        raise DataError(
            f"cannot forecast falls to {until!r}; wanted a month from {month_name(known + 1)} to "
            f"{month_name(known + LONGEST)}, as of {panel.as_of}"
        )
    return last


@dataclasses.dataclass(frozen=True)
class _Ahead:
    """What is forecast, and how far: the random numbers and the last month drawn.

    Attributes
    ----------
    parameters, panel
        Draws of the parameters, and what they were fitted to.
    last
        Index of the last month.
    rng
        Source of random numbers.
    """

    parameters: xr.Dataset
    panel: Panel
    last: int
    rng: np.random.Generator

    @property
    def size(self) -> int:
        """Number of draws."""
        return int(self.parameters.sizes["chain"] * self.parameters.sizes["draw"])


def draw(
    parameters: xr.Dataset, panel: Panel, priors: Priors, until: str, rng: np.random.Generator
) -> xr.Dataset:
    """Draw the first falls of every position by month.

    A position is forecast from its own last month on record: what happened to it since then is not
    known, however much later the panel's ``as_of`` is. Without a fall on record it is taken to stand
    at its peak, and not to have fallen by 20 % in the months since its run-up was identified.
    Positions share the effects of calendar years; those of one industry of the table share its
    effect, the others share that of a newly drawn industry. One with a base rate of its own and no
    industry has its own effects, for each step down one: what its rate says (:func:`relative_hazard
    <forecast.models.hazard.panel.relative_hazard>`), drawn towards none by the spread of industries.

    Returns
    -------
    xarray.Dataset
        ``y`` and ``signal``, dims chain, draw, series, period (months). Series are
        "entity/fall_20", "/fall_30", "/fall_40": ``y`` is 1 from the month of the first such fall
        on, ``signal`` the probability of it by that month given the draw's parameters; and
        "entity/correction", the first less the last: a fall of 20 but not of 40 % so far. Their
        mean over draws is the same. Entities are those of :func:`forecast.models.hazard.panel.views`.
        In months on record both are what came, and so is ``observed``; before its record a position
        has NaN. ``passed``, dim position: months survived before the forecast, in the stage it had
        reached.

    Raises
    ------
    DataError
        If `until` is not within :data:`forecast.models.hazard.panel.LONGEST` months, or a position
        is too old to be followed so far.
    """
    ahead = _Ahead(parameters, panel, _last_month(panel, until), rng)
    asked = views(panel)
    held = [view.position for view in asked]
    old = [one for one in held if one.passed + ahead.last - one.closed > 2 * LONGEST]
    if old:
        raise DataError(
            f"{one_line([f'{one.entity}, of {one.dated}' for one in old])}: too old to be followed to "
            f"{until}, {2 * LONGEST} months at most; enter where it stands now in positions.csv"
        )
    # A view of its own stands for each law; an answer is one of its two laws in each draw.
    months = ahead.last - min(one.closed for one in held)
    fallen, chance = (np.zeros((ahead.size, len(held), len(FALLS), months)) for _ in range(2))
    for which, by in (
        ([k for k, v in enumerate(asked) if _lies_in_class(v)], _by_class),
        (
            [k for k, v in enumerate(asked) if v.kind != OWN_VIEW and v.position.at_any_time],
            _by_rate,
        ),
        ([k for k, v in enumerate(asked) if v.kind == OWN_VIEW], _by_returns),
    ):
        if which:
            y, p = by(ahead, [asked[k] for k in which])
            fallen[:, which, :, : y.shape[-1]] = y
            chance[:, which, :, : p.shape[-1]] = p
    own = rng.random(ahead.size) < priors.own_returns  # of all indices in a draw alike
    for k, view in enumerate(asked):
        if not view.kind and view.index:  # its two views follow it
            fallen[:, k] = np.where(own[:, None, None], fallen[:, k + 2], fallen[:, k + 1])
            chance[:, k] = (
                priors.own_returns * chance[:, k + 2] + (1 - priors.own_returns) * chance[:, k + 1]
            )
    labels = (parameters["chain"].values, parameters["draw"].values)
    drawn = paths.monthly_falls(fallen, chance, held, ahead.last, labels)
    passed = np.array([one.passed for one in held])
    return drawn.assign(passed=("position", passed)).assign_coords(
        position=[one.entity for one in held]
    )


def _lies_in_class(view: View) -> bool:
    """Return whether a view is forecast by the class of run-ups: a mixture is put together later."""
    mixed = bool(view.index) and not view.kind
    return view.kind != OWN_VIEW and not mixed and not view.position.at_any_time


def _by_class(ahead: _Ahead, asked: Sequence[View]) -> tuple[np.ndarray, np.ndarray]:
    """Return the falls of positions after a run-up and their chances, (sample, view, fall, month)."""
    parameters, rng = ahead.parameters, ahead.rng
    held = [view.position for view in asked]
    names, _, _, years = spans(ahead.panel)
    closed, passed, stage = (
        np.array([getattr(one, name) for one in held]) for name in ("closed", "passed", "stage")
    )
    months = ahead.last - int(closed.min())
    # one more industry, and the years after the panel's: newly drawn from their spread
    z_industry = np.column_stack(
        [sample_first(parameters, "z_industry"), rng.standard_normal((ahead.size, 1))]
    )
    calendar = (closed[:, None] + 1 + np.arange(months)) // 12 - years[0]
    later = max(int(calendar.max()) + 1 - len(years), 0)
    spread = sample_first(parameters, "year_sd")[:, None]
    new_years = spread * rng.standard_normal((ahead.size, later))
    year = np.column_stack([sample_first(parameters, "year_effect"), new_years])
    which = np.array([list(names).index(p.industry) if p.industry else -1 for p in held])
    industry = sample_first(parameters, "industry_sd")[:, None] * z_industry[:, which]
    effect = _of_industry(parameters, industry)
    for k, one in enumerate(held):
        if one.relative and not one.industry:
            effect[:, k] = _own_effect(parameters, one, rng)
    net, raw, volatility = (np.array([getattr(p, n) for p in held]) for n in _COVARIATES)
    law = _law(
        parameters, covariates_of(net, raw, volatility), effect, year[:, calendar], (stage, passed)
    )
    chance = _probabilities(law)
    reached = _simulate(law, rng)[..., None]
    fallen = ((reached > 0) & (reached <= np.arange(1, months + 1))).astype(float)
    return fallen, chance


_COVARIATES = ("net", "raw", "volatility")


def _own_effect(parameters: xr.Dataset, one: Position, rng: np.random.Generator) -> np.ndarray:
    """Draw the effects at each stage of a position with a base rate of its own, (sample, stage).

    Effects are normal about 0 with the spread of the table's industries at that stage; the base rate
    says its own with an error of its own at each.
    """
    of_industry = sample_first(parameters, "industry_sd")[:, None]
    load = sample_first(parameters, "load")
    spread = np.abs(np.column_stack([np.ones(len(load)), load]) * of_industry)
    error = np.array(one.relative_sd)
    weight = spread**2 / (spread**2 + error**2)
    drawn: np.ndarray = weight * np.array(one.relative) + np.sqrt(weight) * error * (
        rng.standard_normal(spread.shape)
    )
    return drawn


def _by_rate(ahead: _Ahead, asked: Sequence[View]) -> tuple[np.ndarray, np.ndarray]:
    """Return the falls of positions at any time and their chances, (sample, view, fall, month).

    The shares of windows of 24 months that fell less than 20 %, 20 to 30, 30 to 40 and further are
    Dirichlet, with as many windows as are independent and half an event each (Jeffreys). Depths are
    drawn together, and the chance of no fall goes down by a constant factor a month.
    """
    held = [view.position for view in asked]
    months = ahead.last - min(one.closed for one in held)
    t = np.arange(1, months + 1)
    chance = np.empty((ahead.size, len(held), len(FALLS), months))
    for k, one in enumerate(held):
        rates = base_rates(ahead.panel, one)
        by = [1.0, *(rates[f"p{fall}_24m"] for fall in FALLS), 0.0]
        shares = ahead.rng.dirichlet(one.blocks * -np.diff(by) + 0.5, size=ahead.size)
        beyond = np.cumsum(shares[:, :0:-1], axis=1)[:, ::-1]  # by 20, 30, 40 % or more
        monthly = -np.expm1(np.log1p(-beyond)[:, :, None] * t / 24)
        chance[:, k] = paths.after(monthly, one.stage)
    fallen = ahead.rng.random((ahead.size, len(held), 1, 1)) < chance
    return fallen.astype(float), chance


def _by_returns(ahead: _Ahead, asked: Sequence[View]) -> tuple[np.ndarray, np.ndarray]:
    """Return the falls of indices by their own returns, and their chances.

    Both of shape (sample, view, fall, month).
    """
    data = ahead.panel.data
    names = [str(name) for name in data["index"].values]
    grid = np.array([month_index(str(m)) for m in data["month"].values])
    months = ahead.last - min(view.position.closed for view in asked)
    fallen, chance = (np.zeros((ahead.size, len(asked), len(FALLS), months)) for _ in range(2))
    for closed in sorted({view.position.closed for view in asked}):  # indices move together
        own = [k for k, view in enumerate(asked) if view.position.closed == closed]
        since = np.zeros(len(names), dtype=np.int64)
        for k in own:
            one = asked[k].position
            since[names.index(asked[k].index)] = closed - last_close(one.since or one.dated)
        known = data["log_return"].values[grid <= closed]
        drawn = returns.first_falls(ahead.parameters, known, since, ahead.last - closed, ahead.rng)
        at = [names.index(asked[k].index) for k in own]
        for whole, part in zip((fallen, chance), drawn, strict=True):
            whole[:, own, :, : ahead.last - closed] = part[:, at]
    return fallen, chance


def _share_fallen(replicated: dict[str, np.ndarray], panel: Panel) -> np.ndarray:
    """Percent of the episodes followed for 24 months that fell by 20 % in them."""
    event, months = replicated["event20"], replicated["months20"]
    hit = (event == 1) & (months <= 24)
    known = hit | (panel.data["followup"].values >= 24)
    share: np.ndarray = 100 * hit.sum(axis=1) / known.sum(axis=1)
    return share


def _share_crashed(replicated: dict[str, np.ndarray], panel: Panel) -> np.ndarray:
    """Percent of the falls of 20 % that went on to 40 % within the follow-up."""
    fell = replicated["event20"].sum(axis=1)
    share: np.ndarray = 100 * replicated["event40"].sum(axis=1) / np.maximum(fell, 1)
    return share


def _months_down_a_fifth(replicated: dict[str, np.ndarray], panel: Panel) -> np.ndarray:
    """Percent of the windows of 24 months in which an index falls by 20 %; nothing without indices."""
    if "log_return" not in replicated:
        return np.empty(0)
    level = np.nancumsum(replicated["log_return"], axis=1)
    level = np.where(np.isfinite(replicated["log_return"]), level, np.nan)[:, ::12]
    windows = np.lib.stride_tricks.sliding_window_view(level, 3, axis=1)
    depth = 1 - np.exp(windows - np.maximum.accumulate(windows, axis=-1)).min(axis=-1)
    known = np.isfinite(windows).all(axis=-1)
    share: np.ndarray = 100 * ((depth >= 0.2) & known).sum(axis=(1, 2)) / known.sum(axis=(1, 2))
    return share


PRIOR_CHECKS = (
    # US industries fall by 20 % in 44 of 100 periods of 24 months at any time; some must not fall.
    ("falls of 20 % within 24 months, percent of episodes", _share_fallen, 15.0, 99.0),
    ("falls of 20 % that went on to 40 %, percent", _share_crashed, 3.0, 90.0),
    # At year ends alone a broad index was 20 % below an earlier one in one window of ten.
    (
        "indices 20 % down at a year's end within 24 months, percent",
        _months_down_a_fifth,
        0.5,
        60.0,
    ),
)
