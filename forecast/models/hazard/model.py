"""Months from a run-up to the first fall of 20, 30 and 40 %: three stages of one process.

A stage s begins at the identification (s = 0, to the first -20 %), in the month of the first -20 %
(s = 1, on to -30 %) and in the month of the first -30 % (s = 2, on to -40 %). In month t of a stage
the fall comes, if it has not yet, with the probability of a complementary log-log link::

    h[s, t] = 1 - exp(-exp(lin[s] + shape[s] log(t / 12)))       t = 1, 2, ...
    lin[s]  = rate[s] + runup[s] x + market[s] m
              + load[s] (industry_sd z_industry + year_effect),        load[0] = 1

with x the net run-up in doublings from 100 points, m the market's own run-up in units of 50 % above
40 %, and year_effect the frailty of the calendar year in which the month lies: episodes that
overlap in time share it, so they are not taken for independent. A later stage may also be passed in
the very month in which it begins (a month that takes a price from -15 to -32 %)::

    jump[s] = 1 - exp(-exp(lin[s] - rate[s] + jump_rate[s]))

A correction is a process that stops after the first or second stage, a crash one that passes all
three. Censored months enter as survival only.

The log likelihood needs no month by month sum: within a calendar year the linear part of a stage
does not change, so a stretch of survived months a..b adds ``-exp(lin) (F[b] - F[a - 1])`` with
``F[t] = sum over u <= t of (u / 12)^shape``. ``tests/test_hazard.py`` compares it with the sum.

Invariant: no month of an industry enters twice (the panel sees to it), and a position that has
survived so far is forecast from the month it has reached.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
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
from forecast.models.hazard import paths
from forecast.models.hazard.panel import FALLS, LONGEST, MARKET_MEAN, positions

if TYPE_CHECKING:
    from forecast.models.base import Panel
    from forecast.models.common import Array

NET_ORIGIN = 100.0  # points
MARKET_STEP = 50.0  # percent
YEAR_OF = 12.0  # months; the scale of t
STAGES = tuple(f"-{fall} %" for fall in FALLS)
DEEPER = STAGES[1:]


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
    # Spread of log hazards between industries and between years. Whole-sample rates of -20 % in 24
    # months are 0.41 for the S&P 500 and 0.91 for semiconductors (drawdown_base_rates.csv): log
    # hazards 1.5 apart, that is two or three sd of industries. Years differ more than industries:
    # falls cluster in 1929, 1937, 1974, 1987, 2000, 2008 (booms.csv).
    industry: float = 0.4
    industry_log_sd: float = 0.5
    year: float = 0.7
    year_log_sd: float = 0.5
    # How much of both the later stages share: from none to all.
    load: float = 0.5
    load_sd: float = 0.4


VARIANTS = {
    # Falls after run-ups are as frequent as at other times, and the size of the run-up says little.
    "sceptical": Priors(
        rate=-3.7, rate_sd=0.5, deeper_rate=-4.0, jump=-1.6, runup=0.0, runup_sd=0.2
    ),
    # Run-ups are bubbles: falls are frequent and deep, and more so after larger run-ups.
    "generous": Priors(
        rate=-2.7, rate_sd=0.5, deeper_rate=-3.0, jump=-0.9, runup=0.6, runup_sd=0.3
    ),
}

REPORT = (
    "rate",
    "shape",
    "runup",
    "market",
    "deeper_rate",
    "jump_rate",
    "deeper_shape",
    "deeper_runup",
    "deeper_market",
    "load",
    "industry_sd",
    "year_sd",
)
LABELS = {
    "rate": "log monthly hazard of the first -20 %, a year after a run-up of 100 points",
    "shape": "power of time in that hazard",
    "runup": "change of its log per doubling of run-up",
    "market": "change of its log per 50 % of the market's own run-up",
    "deeper_rate": "log monthly hazard of the next step down, a year after the last",
    "jump_rate": "log of the same within the month of the last step",
    "deeper_shape": "power of time in the next step's hazard",
    "deeper_runup": "change of the next step's log hazard per doubling of run-up",
    "deeper_market": "change of the next step's log hazard per 50 % of the market's run-up",
    "load": "share of the industry's and the year's effect in the next step",
    "industry_sd": "spread of log hazards between industries (in place of their volatility)",
    "year_sd": "spread of log hazards between calendar years",
}


def _covariates(net: np.ndarray, raw: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return np.log2(net / NET_ORIGIN), (raw - net - MARKET_MEAN) / MARKET_STEP


def _index(panel: Panel) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return industries, the industry of each episode, its month of identification, and years.

    Years run from the first month at risk to the last one followed.
    """
    data = panel.data
    names, which = np.unique(data["industry"].values.astype(str), return_inverse=True)
    start = np.array([month_index(m) for m in data["identified"].values.astype(str)])
    last = start + data["followup"].values
    return names, which, start, np.arange((start.min() + 1) // 12, last.max() // 12 + 1)


@dataclasses.dataclass(frozen=True)
class _Risk:
    """Stretches survived, falls and first months, each by stage, episode and year of the panel.

    Attributes
    ----------
    survived
        Columns stage, episode, year, months before the stretch, months to its end.
    fell
        Columns stage, episode, year, month of the stage.
    first
        Columns stage, episode, year, whether the stage was passed in the month it began.
    """

    survived: np.ndarray
    fell: np.ndarray
    first: np.ndarray


def risk(panel: Panel) -> _Risk:
    """Return the spells that the likelihood is a product over, from the panel's months and events."""
    data = panel.data
    _, _, start, years = _index(panel)
    survived: list[tuple[int, ...]] = []
    fell: list[tuple[int, ...]] = []
    first: list[tuple[int, ...]] = []
    followup = data["followup"].values.astype(int)
    months = [data[f"months{fall}"].values.astype(int) for fall in FALLS]
    events = [data[f"event{fall}"].values.astype(int) for fall in FALLS]
    for i in range(len(start)):
        began, origin = 0, int(start[i])  # months after identification; calendar month
        for s in range(len(FALLS)):
            if s:
                jumped = int(events[s][i] and months[s][i] == began)
                first.append((s, i, (origin + began) // 12 - years[0], jumped))
                if jumped:
                    continue
            end = int(months[s][i]) - 1 if events[s][i] else int(followup[i])
            at = began + 1
            while at <= end:  # to the end of the calendar year, or of the stretch
                year = (origin + at) // 12
                to = min(end, 12 * year + 11 - origin)
                survived.append((s, i, year - years[0], at - 1 - began, to - began))
                at = to + 1
            if not events[s][i]:
                break
            fell.append((s, i, (origin + end + 1) // 12 - years[0], end + 1 - began))
            began = end + 1

    def table(rows: list[tuple[int, ...]], width: int) -> np.ndarray:
        return np.array(rows, dtype=np.int64).reshape(-1, width)

    return _Risk(table(survived, 5), table(fell, 4), table(first, 4))


def _places(rows: np.ndarray, sizes: tuple[int, int], months: int) -> np.ndarray:
    """Return the columns of :class:`_Risk` as positions in flat tables by stage, shape (column, row).

    The tables have a row a stage, and `sizes` episodes, `sizes` years and `months` as columns; with
    no `months` the last columns are left as they are.
    """
    stage, rest = rows[:, 0], rows[:, 1:].T
    widths = np.array([*sizes, *[months] * (len(rest) - 2)])
    return rest + stage * widths[:, None]


@dataclasses.dataclass(frozen=True)
class _Tables:
    """The parts of a log hazard, read by the positions of :func:`_places`, and a stage's hazard so far.

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


def _tables(prior: Mapping[str, Any], net: Array, market_runup: Array, industry: Array) -> _Tables:
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
    load = stages("load", 1.0, deeper("load", "load"))
    of_industry, of_year = spread("industry_sd", "industry"), spread("year_sd", "year")
    # The level of a year is what its falls tell; its effect is what that has over the rate.
    year_level = pm.Normal("year_level", first_rate, of_year, dims="year")
    year_effect = pm.Deterministic("year_effect", year_level - first_rate, dims="year")
    z_industry = pm.Normal("z_industry", 0.0, 1.0, dims="industry")

    # Tables by stage and episode, stage and year, stage and month, read by flat positions.
    of_episode = (
        runup[:, None] * net
        + market[:, None] * market_runup
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
    """Return the model of the panel's episodes."""
    data = panel.data
    names, which, _, years = _index(panel)
    x, m = _covariates(data["net"].values, data["raw"].values)
    counted, sizes = risk(panel), (len(which), len(years))
    coords = {"industry": names, "year": years, "stage": list(DEEPER)}
    with pm.Model(coords=coords) as model:
        prior = common.prior_data(priors)
        industry = pm.Data("industry_index", which)
        net, market_runup = pm.Data("net_runup", x), pm.Data("market_runup", m)
        survived = pm.Data("survived_at", _places(counted.survived, sizes, LONGEST + 1))
        falls = pm.Data("falls", _places(counted.fell - [0, 0, 0, 1], sizes, LONGEST))
        first = pm.Data("first", _places(counted.first[:, :3], sizes, 0))
        stretches = common.reported(
            "survived", np.ones(len(counted.survived), np.int64), counted.survived[:, 1]
        )
        months = common.reported(
            "fell",
            np.concatenate([np.ones(len(counted.fell), np.int64), counted.first[:, 3]]),
            np.concatenate([counted.fell[:, 1], counted.first[:, 1]]),
        )

        parts = _tables(prior, net, market_runup, industry)
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
    covariates: tuple[np.ndarray, np.ndarray],
    industry: np.ndarray,
    year: np.ndarray,
    reached: tuple[np.ndarray, np.ndarray],
) -> _Law:
    """Return the law of units with given effects, (sample, unit) and (sample, unit, month).

    `reached` is the stage of each unit at the start, and the months of it that have passed.
    """

    def stages(own: np.ndarray | float, later: str) -> np.ndarray:
        rest = sample_first(parameters, later)
        return np.column_stack([np.broadcast_to(own, len(rest)), rest])

    load = stages(1.0, "load")
    x, m = covariates
    runup = stages(sample_first(parameters, "runup"), "deeper_runup")
    market = stages(sample_first(parameters, "market"), "deeper_market")
    fixed = runup[:, None, :] * x[:, None] + market[:, None, :] * m[:, None]
    return _Law(
        stages(sample_first(parameters, "rate"), "deeper_rate"),
        stages(0.0, "jump_rate"),
        stages(sample_first(parameters, "shape"), "deeper_shape"),
        fixed + load[:, None, :] * industry[:, :, None],
        year,
        load,
        *reached,
    )


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

    Each episode is followed as long as it was; what ends its follow-up does not depend on falls.
    """
    data = panel.data
    _, which, start, years = _index(panel)
    followup = data["followup"].values.astype(int)
    industry = (
        sample_first(parameters, "industry_sd")[:, None] * sample_first(parameters, "z_industry")
    )[:, which]
    at = (start[:, None] + 1 + np.arange(followup.max())[None, :]) // 12 - years[0]
    at = np.minimum(at, len(years) - 1)  # beyond its follow-up an episode is cut off below
    effect = sample_first(parameters, "year_effect")
    x, m = _covariates(data["net"].values, data["raw"].values)
    law = _law(parameters, (x, m), industry, effect[:, at], _identified(len(start)))
    reached = _simulate(law, rng)
    drawn = {}
    for s, fall in enumerate(FALLS):
        event = (reached[:, :, s] > 0) & (reached[:, :, s] <= followup)
        drawn[f"event{fall}"] = event.astype(int)
        drawn[f"months{fall}"] = np.where(event, reached[:, :, s], followup)
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
    _, which, start, years = _index(panel)
    at = (start[keep][:, None] + 1 + np.arange(within)[None, :]) // 12 - years[0]
    effect = sample_first(parameters, "year_effect")
    industry = sample_first(parameters, "industry_sd")[:, None] * sample_first(
        parameters, "z_industry"
    )
    market = (data["raw"] - data["net"]).values[keep]
    law = _law(
        parameters,
        _covariates(np.full(keep.sum(), net), net + market),
        industry[:, which[keep]],
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


def draw(
    parameters: xr.Dataset, panel: Panel, priors: Priors, until: str, rng: np.random.Generator
) -> xr.Dataset:
    """Draw the first falls of every position by month.

    A position is forecast from its own last month on record: what happened to it since then is not
    known, however much later the panel's ``as_of`` is. Without a fall on record it is taken to stand
    at its peak, and not to have fallen by 20 % in the months since its run-up was identified.
    Positions share the effects of calendar years; those of one industry of the table share its
    effect, the others share that of a newly drawn industry, and those with a base rate of their own
    have the effect it implies, in proportional hazards.

    Returns
    -------
    xarray.Dataset
        ``y`` and ``signal``, dims chain, draw, series, period (months). Series are
        "entity/fall_20", "/fall_30", "/fall_40": ``y`` is 1 from the month of the first such fall
        on, ``signal`` the probability of it by that month given the draw's parameters; and
        "entity/correction", the first less the last: a fall of 20 but not of 40 % so far. Their
        mean over draws is the same. In months on record both are what came, and so is
        ``observed``; before its record a position has NaN. ``passed``, dim position: months
        survived before the forecast, in the stage it had reached.

    Raises
    ------
    DataError
        If `until` is not within :data:`forecast.models.hazard.panel.LONGEST` months, or a position
        is too old to be followed so far.
    """
    last = _last_month(panel, until)
    names, _, _, years = _index(panel)
    held = positions(panel)
    closed, passed, stage = (
        np.array([getattr(one, name) for one in held]) for name in ("closed", "passed", "stage")
    )
    months = last - int(closed.min())
    old = [one for one in held if one.passed + last - one.closed > 2 * LONGEST]
    if old:
        raise DataError(
            f"{one_line([f'{one.entity}, of {one.dated}' for one in old])}: too old to be followed to "
            f"{until}, {2 * LONGEST} months at most; enter where it stands now in positions.csv"
        )
    sample = parameters.sizes["chain"] * parameters.sizes["draw"]
    # one more industry, and the years after the panel's: newly drawn from their spread
    z_industry = np.column_stack(
        [sample_first(parameters, "z_industry"), rng.standard_normal((sample, 1))]
    )
    calendar = (closed[:, None] + 1 + np.arange(months)) // 12 - years[0]
    later = max(int(calendar.max()) + 1 - len(years), 0)
    new_years = sample_first(parameters, "year_sd")[:, None] * rng.standard_normal((sample, later))
    effect = np.column_stack([sample_first(parameters, "year_effect"), new_years])
    which = np.array([list(names).index(p.industry) if p.industry else -1 for p in held])
    own = np.array([bool(p.sample) for p in held])
    ratio, error = (np.array([getattr(p, f) for p in held]) for f in ("relative", "relative_sd"))
    industry = np.where(
        own,
        ratio + error * rng.standard_normal((sample, len(held))),
        sample_first(parameters, "industry_sd")[:, None] * z_industry[:, which],
    )
    x, m = _covariates(np.array([p.net for p in held]), np.array([p.raw for p in held]))
    law = _law(parameters, (x, m), industry, effect[:, calendar], (stage, passed))
    chance = _probabilities(law)
    reached = _simulate(law, rng)[..., None]
    fallen = ((reached > 0) & (reached <= np.arange(1, months + 1))).astype(float)
    drawn = paths.monthly_falls(
        fallen, chance, held, last, (parameters["chain"].values, parameters["draw"].values)
    )
    return drawn.assign(passed=("position", passed)).assign_coords(
        position=[one.entity for one in held]
    )


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


PRIOR_CHECKS = (
    # US industries fall by 20 % in 44 of 100 periods of 24 months at any time; some must not fall.
    ("falls of 20 % within 24 months, percent of episodes", _share_fallen, 15.0, 99.0),
    ("falls of 20 % that went on to 40 %, percent", _share_crashed, 3.0, 90.0),
)
