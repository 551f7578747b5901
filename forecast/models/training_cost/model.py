"""Trend of training costs: a heavy-tailed regression of log cost on date, by rule of selection.

Release i that rule r takes, years[i] after the start of 2021, costs (USD m)::

    log cost[i] = level[r] + log_growth[r] years[i] + offset[r, basis of i] + e[i]
    e[i] ~ Student's t(tail[r]), squared scale spread[r]^2 + error[i]^2

`error` is the estimate's own, from its 90 % range: estimates of a run on known chips are good to a
factor of two, and more where chips, their number or their price are guessed. It widens the
residuals but does not bend the trend, for the date is known. The sum of the squared scales stands
for the sum of the two errors, which is exact for normal ones. `offset` turns other bases of cost
into amortised ones. Chip prices, utilisation and overheads are one method's in all estimates, so that
their errors have a part in common, which no regression on them can see: `shared_error`, which keeps its
prior. What a run has cost is its estimate less that part and its own error.

No laboratory spends on one run what it has not got: runs to come cost at most ::

    log budget(t) = budget + budget_growth (t - end of 2025)

which no cost tells of either. Since August 2025 no closed laboratory has said or let estimate what a
run cost; those releases are not missing at random, and only the budget bounds what they may have cost.

The rules share no number: each is a regression of its own, all in one fit, so
that one sees how far the answer is the rule's. A release that two rules take enters both.

Invariant: the main rule's growth is ``growth_per_year``, and ``doubling_months`` is the same number
told as a time. ``tests/test_training_cost.py`` compares the density with its plain definition.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
from typing import TYPE_CHECKING

import numpy as np
import pymc as pm
import pytensor.tensor as pt
import xarray as xr

from forecast.core.draws import sample_first
from forecast.core.errors import DataError
from forecast.core.periods import period_end
from forecast.core.words import entity_of, metric_of
from forecast.models import common
from forecast.models.training_cost.panel import COST_BASES, COST_UNIT, years_since_origin

if TYPE_CHECKING:
    from forecast.models.base import Panel

TREND_POINTS = 61
LARGEST_LOG_COST = 300.0


@dataclasses.dataclass(frozen=True)
class Priors:
    """Numbers of the priors; levels and growth are log points."""

    # A large run of early 2021 cost about half a million USD, amortised (Jurassic-1, GLaM and Gopher
    # are priced at 0.5-0.8 by Epoch AI); a factor of 7 either way at one sd: all kinds of releases.
    level: float = -0.7
    level_sd: float = 2.0
    # Epoch AI in January 2023, on 124 systems of 2009-2022: about 0.5 orders of magnitude a year,
    # 3.2x (see data/SOURCES.md). Widened to 1.2x-8x (90 %), for it rests in part on the same runs.
    log_growth: float = 1.15
    log_growth_sd: float = 0.6
    # Residuals of published regressions have sds of 1.3 (cloud) to 1.7 (amortised) log points,
    # estimation errors within them; 95 %: 0.35 to 3.9.
    spread: float = 1.2
    spread_log_sd: float = 0.6
    # Degrees of freedom above 1: from heavy tails to nearly normal ones; our rough judgement.
    tail: float = 5.0
    tail_log_sd: float = 0.75
    # 90 % of x[0.34, 3.7] about an estimate on GPUs (Cottier et al. 2024, arXiv 2405.21015).
    unstated_error: float = 0.73
    # Same runs on two bases: rent is 2.25 times amortised cost (sd of the log 0.51, 36 runs),
    # purchase 53 times (1.12, 33 runs).
    cloud: float = 0.81
    cloud_sd: float = 0.51
    acquisition: float = 3.97
    acquisition_sd: float = 1.12
    # What developers say: GPT-4 "more than 100" against 37-69, Llama 3.1 405B 62 against 37-73 USD m;
    # its scope is seldom stated. Our rough judgement.
    statement: float = 0.4
    statement_sd: float = 0.7
    # A factor of 1.35 at one sd that all estimates have in common; our rough judgement.
    shared_error: float = 0.3
    # A tenth, 3 to 30 % (90 %), of some 50 bn that the laboratory with most money could spend in 2025:
    # OpenAI's revenue of 13.1 bn (data/ai_labs.csv) and what it had raised, 58 bn by that August
    # (data/references.csv). The share is our rough judgement: experiments and serving take most
    # of a laboratory's compute. Log USD m.
    budget: float = 8.5
    budget_sd: float = 0.7
    # Revenue run rates of the two pure laboratories rose by 1.3 log points and more in 2025; the
    # companies' own projections to 2030 are slower (data/ai_labs.csv).
    budget_growth: float = 0.6
    budget_growth_sd: float = 0.3


VARIANTS = {
    # Costs double about once a year.
    "sceptical": Priors(log_growth=0.7, log_growth_sd=0.3),
    # Costs double every five to six months.
    "generous": Priors(log_growth=1.6, log_growth_sd=0.3),
    # Another structure: the trend runs on, whatever it costs.
    "no budget": Priors(budget=25.0),
}

REPORT = (
    "growth_per_year",
    "doubling_months",
    "growth_by_rule",
    "doubling_by_rule",
    "level",
    "spread",
    "tail",
    "basis_factor",
    "shared_error",
    "budget",
    "budget_growth",
)
LABELS = {
    "growth_per_year": "growth of the frontier's training cost, factor a year",
    "doubling_months": "doubling time of the frontier's training cost, months",
    "growth_by_rule": "growth under each rule of selection, factor a year",
    "doubling_by_rule": "doubling time under each rule of selection, months",
    "level": "cost at the start of 2021, log USD m",
    "spread": "spread between releases of one date, log points",
    "tail": "degrees of freedom of the residuals",
    "basis_factor": "cost on another basis over amortised cost, factor",
    "shared_error": "error that all estimates share, log points",
    "budget": "most that one run may cost at the end of 2025, log USD m",
    "budget_growth": "growth of that most, log points a year",
}


def rules_of(panel: Panel) -> list[str]:
    """Return the rules of a panel, the main one first."""
    return list(dict.fromkeys(str(r) for r in panel.data["rule"].values))


def _rule_index(panel: Panel) -> np.ndarray:
    names = rules_of(panel)
    return np.array([names.index(str(r)) for r in panel.data["rule"].values])


def _errors(panel: Panel, priors: Priors) -> np.ndarray:
    """Return each estimate's own log sd, the prior's where none is stated."""
    sd = panel.data["error_sd"].values
    return np.where(np.isfinite(sd), sd, priors.unstated_error)


def build(panel: Panel, priors: Priors) -> pm.Model:
    """Return the regressions of the panel's rules."""
    data = panel.data
    stated = np.isfinite(data["error_sd"].values)
    with pm.Model(coords={"rule": rules_of(panel), "other_basis": list(COST_BASES[1:])}) as model:
        prior = common.prior_data(priors)
        rule = pm.Data("rule_index", _rule_index(panel))
        basis = pm.Data("basis", data["basis"].values)
        years = pm.Data("years", data["years"].values)
        error = pm.Data("error_sd", np.where(stated, data["error_sd"].values, 0.0))
        unstated = pm.Data("unstated", (~stated).astype(float))
        rows = np.arange(len(stated))
        told = common.reported("log_value", np.log(data["value"].values), rows)

        level = pm.Normal("level", prior["level"], prior["level_sd"], dims="rule")
        growth = pm.Normal("log_growth", prior["log_growth"], prior["log_growth_sd"], dims="rule")
        spread = common.log_normal("spread", prior["spread"], prior["spread_log_sd"], "rule")
        above = common.log_normal("tail_above_1", prior["tail"] - 1, prior["tail_log_sd"], "rule")
        centre, sd = (
            pt.stack([prior[f"{name}{end}"] for name in COST_BASES[1:]]) for end in ("", "_sd")
        )
        z = pm.Normal("z_offset", 0.0, 1.0, dims=("rule", "other_basis"))
        offset = pm.Deterministic("offset", centre + sd * z, dims=("rule", "other_basis"))
        tail = pm.Deterministic("tail", 1 + above, dims="rule")

        # No cost tells of these three: they come out as they go in.
        pm.Normal("shared_error", 0.0, prior["shared_error"])
        pm.Normal("budget", prior["budget"], prior["budget_sd"])
        pm.Normal("budget_growth", prior["budget_growth"], prior["budget_growth_sd"])

        table = pt.concatenate([pt.zeros_like(offset[:, :1]), offset], axis=1)
        mean = level[rule] + growth[rule] * years + table[rule, basis]
        own = error + unstated * prior["unstated_error"]
        sd = pt.sqrt(spread[rule] ** 2 + own**2)
        pm.StudentT("log_value", nu=tail[rule], mu=mean, sigma=sd, **told)

        by_rule = pm.Deterministic("growth_by_rule", pt.exp(growth), dims="rule")
        months = 12 * np.log(2) / pt.maximum(growth, common.SLOWEST_GROWTH)
        doubling = pm.Deterministic("doubling_by_rule", months, dims="rule")
        pm.Deterministic("growth_per_year", by_rule[0])
        pm.Deterministic("doubling_months", doubling[0])
        pm.Deterministic("basis_factor", pt.exp(offset[0]), dims="other_basis")
    return model


def _offsets(parameters: xr.Dataset) -> np.ndarray:
    """Return the offsets of all bases, zero for amortised, shape (sample, rule, basis)."""
    return np.pad(sample_first(parameters, "offset"), ((0, 0), (0, 0), (1, 0)))


def replicate(
    parameters: xr.Dataset, panel: Panel, priors: Priors, rng: np.random.Generator
) -> dict[str, np.ndarray]:
    """Draw new costs for the panel's cells, shape (sample, obs), by data name."""
    rule = _rule_index(panel)
    mean = (
        sample_first(parameters, "level")[:, rule]
        + sample_first(parameters, "log_growth")[:, rule] * panel.data["years"].values
        + _offsets(parameters)[:, rule, panel.data["basis"].values]
    )
    scale = np.hypot(sample_first(parameters, "spread")[:, rule], _errors(panel, priors))
    return {"log_value": mean + scale * rng.standard_t(sample_first(parameters, "tail")[:, rule])}


def draw(
    parameters: xr.Dataset, panel: Panel, priors: Priors, until: str, rng: np.random.Generator
) -> xr.Dataset:
    """Draw trend, single runs and the largest run under every rule, to the end of `until`.

    The largest run so far is the most expensive known, amortised, or a later one: they come as often
    as before (Poisson), at random days, about the trend, and none costs more than its budget.

    Returns
    -------
    xarray.Dataset
        ``y`` and ``signal``, dims chain, draw, series, period; periods are years from the first in
        which every rule has a release. For each rule r: "r/training_cost" (USD m, amortised;
        ``signal`` is what the middle of the trend costs at the year's end, ``y`` the estimate of one
        release then),
        "r/growth_per_year" (factor) and "r/doubling_months", the same in every year; of the frontier
        rules also "r/largest_run" and "r/largest_run_cloud" (USD m, the most expensive release by
        the year's end, amortised and as rent). ``signal`` is what runs cost, without the errors of their
        estimates: the largest of noisy estimates is no estimate of the largest. ``observed`` is NaN: a
        year has many releases. ``trend``, dims chain, draw, rule, time: the trend of estimates in USD m
        at ``time``, decimal years.
    """
    grid = _grid(panel, until)
    names = rules_of(panel)
    members = [np.flatnonzero(_rule_index(panel) == k) for k in range(len(names))]
    y, signal, labels, units = [], [], [], []
    for k, name in enumerate(names):
        own = _one_rule(parameters, panel, priors, k, members[k], grid, rng)
        for metric, (noisy, clean, unit) in own.items():
            y.append(noisy)
            signal.append(clean)
            labels.append(f"{name}/{metric}")
            units.append(unit)
    sizes = (parameters.sizes["chain"], parameters.sizes["draw"])
    shape = (*sizes, len(labels), len(grid))
    dims = ("chain", "draw", "series", "period")
    first = float(panel.data["years"].values.min())
    time = np.linspace(first, _year_end(int(grid[-1])), TREND_POINTS)
    lines = (
        sample_first(parameters, "level")[..., None]
        + sample_first(parameters, "log_growth")[..., None] * time
    )
    return xr.Dataset(
        {
            "y": (dims, np.stack(y, axis=1).reshape(shape)),
            "signal": (dims, np.stack(signal, axis=1).reshape(shape)),
            "observed": (dims[2:], np.full(shape[2:], np.nan)),
            "trend": (
                ("chain", "draw", "rule", "time"),
                _cost(lines).reshape(*sizes, -1, len(time)),
            ),
        },
        coords={
            "chain": parameters["chain"].values,
            "draw": parameters["draw"].values,
            "series": labels,
            "entity": ("series", [entity_of(n) for n in labels]),
            "metric": ("series", [metric_of(n) for n in labels]),
            "unit": ("series", units),
            "period": grid.astype(str),
            "period_end": ("period", [dt.date(int(t), 12, 31).isoformat() for t in grid]),
            "rule": names,
            "time": 2021 + time,
        },
    )


def _grid(panel: Panel, until: str) -> np.ndarray:
    now, last = int(panel.as_of[:4]), period_end(until).year
    if not now <= last < now + 30:
        raise DataError(
            f"cannot forecast training costs to {until!r}; wanted a year from {now} to {now + 29}"
        )
    return np.arange(min(first_year(panel), now - 1), last + 1)


def first_year(panel: Panel) -> int:
    """Return the first year by whose end every rule of the panel has a release."""
    rule = panel.data["rule"].values.astype(str)
    released = panel.data["released"].values.astype(str)
    return max(int(min(released[rule == name])[:4]) for name in set(rule))


def _year_end(year: int) -> float:
    return years_since_origin(f"{year}-12-31")


@dataclasses.dataclass(frozen=True)
class _Law:
    """What decides the costs of one rule's runs, each field of shape (sample, 1), logs in USD m."""

    level: np.ndarray
    growth: np.ndarray
    spread: np.ndarray
    tail: np.ndarray
    shared: np.ndarray
    budget: np.ndarray
    budget_growth: np.ndarray

    def trend(self, years: np.ndarray) -> np.ndarray:
        """Return the middle of the estimates, shape (sample, year)."""
        return self.level + self.growth * years

    def true(self, estimate: np.ndarray, years: np.ndarray) -> np.ndarray:
        """Return what runs to come cost whose estimates, but for their own errors, are these."""
        most = self.budget + self.budget_growth * (years - _year_end(2025))
        return np.minimum(estimate - self.shared, most)


def _law(parameters: xr.Dataset, rule: int) -> _Law:
    of_rule = (
        sample_first(parameters, name)[:, [rule]]
        for name in ("level", "log_growth", "spread", "tail")
    )
    of_all = (
        sample_first(parameters, name)[:, None]
        for name in ("shared_error", "budget", "budget_growth")
    )
    return _Law(*of_rule, *of_all)


def _one_rule(
    parameters: xr.Dataset,
    panel: Panel,
    priors: Priors,
    rule: int,
    rows: np.ndarray,
    grid: np.ndarray,
    rng: np.random.Generator,
) -> dict[str, tuple[np.ndarray, np.ndarray, str]]:
    """Return y, signal (sample, period) and unit of a rule's series by metric."""
    law, offsets = _law(parameters, rule), _offsets(parameters)[:, rule]
    errors = _errors(panel, priors)[rows]
    error = float(np.median(errors))
    ends = np.array([_year_end(int(t)) for t in grid])
    # Years that are over are drawn from a stream of their own: how many there are moves no forecast.
    past = int((grid < int(panel.as_of[:4]) - 1).sum())
    parts = ((rng.spawn(1)[0], ends[:past]), (rng, ends[past:]))
    single = np.concatenate([_estimates(law, error, at, stream)[0] for stream, at in parts], axis=1)
    years = panel.data["years"].values[rows]
    known = np.log(panel.data["value"].values[rows]) - offsets[:, panel.data["basis"].values[rows]]
    spent = _known_costs(law, errors, known, years, rng)
    noisy, clean = _largest(law, error, known, spent, years, ends, rng)
    rent = np.exp(offsets[:, [COST_BASES.index("cloud")]])
    largest = {
        "largest_run": (_cost(noisy), _cost(clean), COST_UNIT),
        "largest_run_cloud": (rent * _cost(noisy), rent * _cost(clean), COST_UNIT),
    }
    shape = (len(known), len(ends))
    factor = np.broadcast_to(sample_first(parameters, "growth_by_rule")[:, [rule]], shape)
    months = np.broadcast_to(sample_first(parameters, "doubling_by_rule")[:, [rule]], shape)
    middle = law.true(law.trend(ends), ends)
    return {
        "training_cost": (_cost(single), _cost(middle), COST_UNIT),
        **(largest if rules_of(panel)[rule] != "notable" else {}),
        "growth_per_year": (factor, factor, "ratio"),
        "doubling_months": (months, months, "months"),
    }


def _estimates(
    law: _Law, error: float, at: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Return log estimates and log costs of runs at `at`, shape (sample, run) or (run,).

    The t of a run's spread and that of its error are one in the density, a normal over one random
    scale; here too.
    """
    shape = np.broadcast_shapes(law.level.shape, at.shape)
    scale = np.sqrt(rng.chisquare(np.broadcast_to(law.tail, shape)) / law.tail)
    spread, own = rng.standard_normal((2, *shape))
    cost = law.true(law.trend(at) + law.spread * spread / scale, at)
    return cost + law.shared + error * own / scale, cost


def _known_costs(
    law: _Law, errors: np.ndarray, known: np.ndarray, years: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Draw what known runs cost, given their estimates: log USD m, shape (sample, release).

    Given the random scale of a t, that of a Gamma law, spread and error are normal, and a residual is
    shared between them as their squares are.
    """
    residual = known - law.trend(years)
    total = law.spread**2 + errors**2
    shape = (law.tail + 1) / 2
    weight = rng.gamma(shape, 2 / (law.tail + residual**2 / total))
    left = law.spread * errors / np.sqrt(total * weight)
    deviation = law.spread**2 / total * residual + left * rng.standard_normal(known.shape)
    return np.asarray(law.trend(years) + deviation - law.shared)


def _cost(log_cost: np.ndarray) -> np.ndarray:
    """Return costs from their logs; the far end of a heavy tail stays a finite number."""
    return np.asarray(np.exp(np.minimum(log_cost, LARGEST_LOG_COST)))


def _largest(
    law: _Law,
    error: float,
    known: np.ndarray,
    spent: np.ndarray,
    years: np.ndarray,
    ends: np.ndarray,
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray]:
    """Return the log of the largest estimate, and of the largest cost, by each of `ends`.

    `known` and `spent` are the log estimates and costs of the rule's releases at `years`, shape (sample,
    release). A release after the last of them is drawn about the trend; `ends` before it show what was
    known by then.
    """
    last = float(years.max())
    rate = len(years) / max(last - float(years.min()), 1.0)
    horizon = max(float(ends[-1]) - last, 0.0)
    count = rng.poisson(rate * horizon, size=(len(known), 1))
    most = max(int(count.max()), 1)
    at = last + horizon * rng.random((len(known), most))
    there = np.arange(most) < count
    found = []
    for old, new in zip((known, spent), _estimates(law, error, at, rng), strict=True):
        columns = []
        for end in ends:
            before = np.where(years <= end, old, -np.inf).max(axis=1)
            later = np.where(there & (at <= end), new, -np.inf).max(axis=1)
            columns.append(np.maximum(before, later))
        found.append(np.stack(columns, axis=1))
    return found[0], found[1]


def _log10_costs(replicated: dict[str, np.ndarray], panel: Panel) -> np.ndarray:
    return replicated["log_value"].ravel() / np.log(10)


PRIOR_CHECKS = (
    # From a fine-tune of ten dollars to a run of a hundred billion.
    ("training cost, log10 USD m", _log10_costs, -5.0, 5.0),
)
