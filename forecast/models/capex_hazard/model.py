"""Months from a state of spending to the first fall of 5, 10 and 20 % of a total: the spending clock.

The deepest fall of a total below its highest since the state was identified is a running maximum. What
a stretch of time adds to it is independent of what came before, given the rates, and is at least f
percent deep with the chance of a cumulative hazard::

    P(deepest fall of months a..b is f or more) = 1 - exp(-exp(eta + year_effect) S(f) (T(b) - T(a)))
    T(t) = min(t / 12, 1)^inertia + exp(later) max(t / 12 - 1, 0)
    S(5) = exp(steep_5),  S(10) = 1,  S(20) = exp(-steep_20),  straight in log f between and beyond
    eta  = rate + growth g + before h + below [below record] + cash c + members m
           + deepening [a fall of 5 % has come] + spread_industry z[industry]

with g the log growth of the last year and h that of the year before, both against what is usual after a
run-up; c capex over operating cash flow and m the log of the effective number of members, both against
the five largest companies in 2026; what is not known counts as usual. Totals of four quarters change
slowly at first: that is `inertia`; of totals of calendar years, which are known once a year, it says
nothing. A year's effect is shared by all that is followed in it, so what falls in one year is not taken
for independent.

Rates are pooled by level of aggregation, in two kinds: broad (groups, industries, asset types of the
whole economy) and narrow (one industry's spending on one asset, narrow manufacturing industries)::

    rate[level] ~ N(broad or narrow, spread_levels)
    own         ~ N(place broad + (1 - place) narrow + quarterly, own_sd)

The companies' own record, alone and as sets, is a class of its own, `own`. To which of the two kinds it
is near is not known: `place` is 1 for broad aggregates and 0 for narrow industries, uniform but for the
ends before the data, and the record, three falls of a tenth in 28 years, moves it. That is the posterior
between classes. ``broad_aggregates`` and ``own_record`` are the structural alternatives.

What the model does not know: no guidance, no orders, no news. What companies have said of the year to
come speaks against a fall in the first year, and nothing here takes account of it.

The likelihood is a product over cells (a quarter, or a year of annual totals) of survived stretches and
first falls. :func:`specification` is the model in PyMC, line by line; :func:`build` is the same with the
density of cells, and its gradient, in one piece (:mod:`~forecast.models.capex_hazard.kernel`).
``tests/test_capex_hazard.py`` compares both with a plain loop, and the draws with the exact chances.

Invariant: no month of an entity, nor of the chain of sets of the same companies, enters twice.
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
from forecast.core.periods import period_end, quarter_index, quarter_name, quarter_of
from forecast.models import common
from forecast.models.capex_hazard import kernel
from forecast.models.capex_hazard.panel import (
    BROAD,
    CLASSES,
    COVARIATES,
    FALLS,
    LEVELS,
    LONGEST,
    NARROW,
    OWN,
    RECORD,
    State,
    fall_metric,
    states,
)

if TYPE_CHECKING:
    from forecast.models.base import Panel
    from forecast.models.common import Array

KINDS = ("broad", "narrow", "own")
KIND = np.array([0] * len(BROAD) + [1] * len(NARROW) + [2] * len(OWN))
"""The kind of each of :data:`LEVELS`."""
USUAL_GROWTH = 0.22
"""Log growth of a year that counts as usual after a run-up: 25 %."""
USUAL_CASH, MOST_CASH = 0.75, 1.5
"""Capex over operating cash flow of the five largest in 2026Q1; the most that is told apart, because
what is paid out of debt altogether has no upper end."""
USUAL_MEMBERS = 4.5
"""Effective number of members of the five largest."""
MOST_GROWTH = np.log(4.0)
"""Log growth of a year is held between this and its negative: beyond it a total began from nothing."""
FARTHEST = 32
"""Quarters from a state that may be drawn."""
QUARTER, YEAR = 3, 12


@dataclasses.dataclass(frozen=True)
class Priors:
    """Numbers of the priors; rates are log cumulative hazards of a fall of a tenth in the first year."""

    # Broad aggregates at a record fall by a tenth within 12 months in one of ten cases, times or
    # divided by 1.8; our rough judgement before the table was fitted: investment of a whole economy
    # falls so in deep recessions, one year in ten.
    broad: float = -2.2
    broad_sd: float = 0.6
    # Narrow industries and single uses: one in four, likewise.
    narrow: float = -1.2
    narrow_sd: float = 0.6
    # Levels of one kind differ by a factor of 1.2 to 2. Our rough judgement.
    levels: float = 0.35
    levels_log_sd: float = 0.4
    # Where sums of a few large firms lie between narrow (0) and broad (1), on the logit scale: in
    # between, 95 % from 0.12 to 0.88. Of US firms of 1996-2017 after doubling at a record 0.85 fell by
    # a tenth within 24 months, sums of five 0.75, of a sector 0.69, asset types of the whole economy
    # 0.38 (public filings and national accounts; the firms' rows are not shipped).
    place: float = 0.0
    place_sd: float = 1.0
    # How far the companies' own rate may lie from that point: times or divided by 1.5.
    own_sd: float = 0.4
    # A total of four quarters, looked at each quarter, falls more often than one of a calendar year:
    # cumulative hazards 1.0 to 1.35 times as large, of the same firms and years.
    quarterly: float = 0.15
    quarterly_sd: float = 0.15
    # Growth of the last year, per log point. Of sums of five firms at a record 0.39 fell within 24
    # months after 10 to 25 %, 0.74 after 50 % and more: a log hazard higher by 1.0 for 0.45 log points.
    # One study of one kind of data: half of it, from none to twice that.
    growth: float = 1.0
    growth_sd: float = 0.7
    # Growth of the year before: there it added nothing.
    before: float = 0.0
    before_sd: float = 0.5
    # Below its record: no evidence before the data.
    below: float = 0.0
    below_sd: float = 0.4
    # Capex over operating cash flow, per unit: log odds 0.71 (0.2) there, which are log hazards of
    # about half.
    cash: float = 0.4
    cash_sd: float = 0.3
    # Log of the effective number of members: a firm against a sum of five, log hazards 0.25 to 0.4
    # apart over 1.25 log points there.
    members: float = -0.25
    members_sd: float = 0.2
    # The second year's rate against the first's; falls of 5 % that have come. Our rough judgement.
    later: float = 0.2
    later_sd: float = 0.4
    deepening: float = 0.5
    deepening_sd: float = 0.5
    # Totals of four quarters: by six months a third of the cumulative hazard of twelve, a power of 1.8
    # there.
    inertia: float = 1.8
    inertia_log_sd: float = 0.15
    # Falls of 5 % are 1.2 to 2 times as frequent as those of 10 %, these 1.3 to 2.5 times as those of
    # 20 %. Our rough judgement.
    steep_5: float = 0.4
    steep_5_log_sd: float = 0.5
    steep_20: float = 0.6
    steep_20_log_sd: float = 0.5
    # Spread between industries and between calendar years: years like 1975, 1982, 2001, 2009 have two
    # to four times the usual rate. Our rough judgement.
    industry: float = 0.3
    industry_log_sd: float = 0.5
    year: float = 0.6
    year_log_sd: float = 0.4


VARIANTS = {
    # Spending falls less often, and run-ups say little.
    "sceptical": Priors(
        broad=-2.6, narrow=-1.6, place=1.0, growth=0.3, growth_sd=0.5, deepening=0.2, quarterly=0.0
    ),
    # Booms end: falls are frequent, and more so after fast growth.
    "generous": Priors(
        broad=-1.8, narrow=-0.8, place=-1.0, growth=1.7, growth_sd=0.7, deepening=0.8
    ),
    # The companies are a broad aggregate, whatever their own record says.
    "broad_aggregates": Priors(place=6.0, place_sd=0.1, own_sd=0.02, members_sd=0.02),
    # Nothing but their own record: the classes do not bound the rate.
    "own_record": Priors(own_sd=1.5),
}
"""The last two are structural alternatives: what the companies are taken for."""

SLOPES = ("growth", "before", "below", "cash", "members")
EFFECTS = (*SLOPES, "later", "deepening", "quarterly")
"""What is added to a log hazard; what the first five multiply is :func:`covariates`."""
SPREADS = ("levels", "industry", "year")
STEPS = ("steep_5", "steep_20")
REPORT = ("rate", "own", "place", "effect", "inertia", "steep", "spread")
LABELS = {
    "rate": "log hazard of a fall of a tenth in a year: broad aggregates, narrow industries",
    "own": "the same of the five largest companies' sum",
    "place": "where the companies lie: 0 with narrow industries, 1 with broad aggregates",
    "effect": "change of the log hazard: by log growth of the last year and of the one before, below "
    "the record, by capex over cash flow, by log members, in the second year, after a fall of 5 %, of "
    "totals of four quarters",
    "inertia": "power of time in the first year, totals of four quarters",
    "steep": "log of how much more often falls of 5 % come than of 10 %, and these than of 20 %",
    "spread": "spread of log hazards between levels of one kind, industries, calendar years",
}


def covariates(
    growth: np.ndarray, runup: np.ndarray, at_record: np.ndarray, cash: np.ndarray,
    members: np.ndarray,
) -> np.ndarray:  # fmt: skip
    """Return what the slopes of :data:`SLOPES` multiply, shape (row, slope).

    Parameters
    ----------
    growth, runup
        Change of a total over one and over two years, percent.
    at_record
        1 where it is the highest so far.
    cash, members
        Capex over operating cash flow, and the effective number of members; NaN where not known.
    """
    g, both = (np.log1p(np.asarray(a, float) / 100) for a in (growth, runup))
    g, h = (np.clip(a, -MOST_GROWTH, MOST_GROWTH) - USUAL_GROWTH for a in (g, both - g))
    c = np.minimum(cash, MOST_CASH) - USUAL_CASH
    m = np.log(members) - np.log(USUAL_MEMBERS)
    columns = (g, h, 1.0 - np.asarray(at_record, float), c, m)
    return np.nan_to_num(np.column_stack(columns))


def _design(data: xr.Dataset) -> np.ndarray:
    return covariates(*(data[name].values for name in COVARIATES))


@dataclasses.dataclass(frozen=True)
class _Rows:
    """What the panel's rows are, by number.

    Attributes
    ----------
    level
        Index in :data:`LEVELS`, shape (row,).
    industries, industry
        The industries, and that of each row; one more than there are where it has none.
    years
        Calendar years in which something is followed.
    first
        The first calendar year, or quarter, that is followed, by index, shape (row,).
    step
        Months of a cell, 3 or 12, shape (row,).
    """

    level: np.ndarray
    industries: list[str]
    industry: np.ndarray
    years: np.ndarray
    first: np.ndarray
    step: np.ndarray

    def year(self, cell: int | np.ndarray, rows: np.ndarray | slice = slice(None)) -> np.ndarray:
        """Return the calendar year in which a cell of rows lies, as a position in :attr:`years`."""
        at = self.first[rows] + cell
        year = np.where(self.step[rows] == QUARTER, at // 4, at) - self.years[0]
        return np.minimum(year, len(self.years) - 1)


def _index(panel: Panel) -> _Rows:
    data = panel.data
    level = np.array([LEVELS.index(v) for v in data["level"].values.astype(str)])
    names = data["industry"].values.astype(str)
    industries = sorted({name for name in names if name})
    industry = np.array([industries.index(n) if n else len(industries) for n in names])
    when = data["identified"].values.astype(str)
    own = KIND[level] == KINDS.index("own")
    first = np.array(
        [quarter_index(w) if q else int(w) for w, q in zip(when, own, strict=True)]
    ) + 1  # fmt: skip
    step = np.where(own, QUARTER, YEAR)
    last = first + data["followup"].values // step - 1
    low = np.where(own, first // 4, first).min()
    high = np.where(own, last // 4, last).max()
    return _Rows(level, industries, industry, np.arange(low, high + 1), first, step)


def risk(panel: Panel) -> np.ndarray:
    """Return the cells that the likelihood is a product over.

    Returns
    -------
    numpy.ndarray
        Whole numbers, shape (cell, 8): row, year, months before the cell, months to its end, the
        smallest fall that did not come (an index of :data:`FALLS`, or one more), whether a smaller one
        came before, the deepest fall that came (0 where none did), whether one came.
    """
    data, rows = panel.data, _index(panel)
    months = np.stack([data[f"months{fall}"].values.astype(int) for fall in FALLS])
    smallest = np.searchsorted(FALLS, data["smallest"].values)
    cells: list[tuple[int, ...]] = []
    for i, followup in enumerate(data["followup"].values.astype(int)):
        step, reached = int(rows.step[i]), int(smallest[i])  # the next fall that may come
        for k in range(followup // step):
            end, deep = step * (k + 1), int(reached > smallest[i])
            came = [s for s in range(reached, len(FALLS)) if months[s, i] == end]
            reached = came[-1] + 1 if came else reached
            year = int(rows.year(k, np.array([i]))[0])
            fell = (came[-1], 1) if came else (0, 0)
            cells.append((i, year, end - step, end, reached, deep, *fell))
            if reached == len(FALLS):
                break
    return np.array(cells, dtype=np.int64).reshape(-1, 8)


# --- the density ------------------------------------------------------------------------------
def _sampled(prior: Mapping[str, Any]) -> dict[str, Array]:
    """Register the parameters in the model in whose context it is called; return them by name.

    Many have one distribution: each vector is one node of the compiled code.
    """

    def both(names: Sequence[str], end: str) -> tuple[Array, Array]:
        return tuple(pt.stack([prior[name + tail] for name in names]) for tail in ("", end))

    middle, error = both(("broad", "narrow"), "_sd")
    rate = pm.Normal("rate", middle, error, dims="aggregation")
    middle, error = both(EFFECTS, "_sd")
    effect = pm.Normal("effect", middle, error, dims="effect_name")
    middle, error = both(SPREADS, "_log_sd")
    spread = pm.LogNormal("spread", pt.log(middle), error, dims="spread_name")
    middle, error = both(STEPS, "_log_sd")
    steep = pm.LogNormal("steep", pt.log(middle), error, dims=("kind", "step"))
    inertia = common.log_normal("inertia", prior["inertia"], prior["inertia_log_sd"])
    logit = pm.Normal("place_logit", prior["place"], prior["place_sd"])
    place = pm.Deterministic("place", pm.math.sigmoid(logit))
    # Rates of the other classes go by how far they are from the reference's, and effects of years are
    # about their own mean: so data decide each, and hardly two together.
    reference = pm.Normal("reference", rate[0], spread[0])
    offset = pm.Normal("offset", rate[KIND[1 : -len(OWN)]] - reference, spread[0], dims="class")
    between = place * rate[0] + (1 - place) * rate[1] + effect[-1]
    own_offset = pm.Normal("own_offset", between - reference, prior["own_sd"])
    pm.Deterministic("own", reference + own_offset)
    year = pm.Normal("year_level", 0.0, spread[2], dims="year")
    zero, own = pt.zeros(1), pt.atleast_1d(own_offset)
    return {
        "effect": effect,
        "spread": spread,
        "steep": steep,
        "inertia": inertia,
        "offset": pt.concatenate([zero, offset, *[own] * len(OWN)]),
        "year": reference + year - pt.mean(year),
        "industry": pt.concatenate([pm.Normal("z_industry", 0.0, 1.0, dims="industry"), zero]),
    }


PLACES = ("row", "year", "stretch", "beyond", "deep", "reached", "came")
"""What is known of a cell, in whole numbers, in the order of the kernel's rows."""


def _coords(rows: _Rows) -> dict[str, Any]:
    """Return the labels of what is sampled."""
    return {
        "kind": list(KINDS),
        "aggregation": list(KINDS[:2]),
        "effect_name": list(EFFECTS),
        "spread_name": list(SPREADS),
        "step": list(STEPS),
        "class": list(LEVELS[1 : -len(OWN)]),
        "industry": rows.industries,
        "year": rows.years,
    }


def _point(p: Mapping[str, Array]) -> Array:
    """Return all that the density of cells depends on, in one vector."""
    numbers = (p["effect"], p["steep"].flatten(), p["inertia"][None], p["spread"][1:2])
    return pt.concatenate([*numbers, p["offset"], p["year"], p["industry"]])


def _known(panel: Panel) -> dict[str, np.ndarray]:
    """Return the tables of the kernel: what is known of a row, and :data:`PLACES` of each cell.

    Level, industry and year are positions in what :func:`_point` returns.
    """
    rows, cells = _index(panel), risk(panel)
    row, year, start, end, beyond, deep, reached, came = _flat(cells, KIND[rows.level])
    years = kernel.VECTORS + len(LEVELS)
    step = end - start
    known = {
        "row": row, "year": years + year,
        "stretch": np.where(step == YEAR, LONGEST // QUARTER, 0) + start // step,
        "beyond": beyond, "deep": deep, "reached": reached, "came": came,
    }  # fmt: skip
    level, industry = kernel.VECTORS + rows.level, years + len(rows.years) + rows.industry
    return {
        "prior": np.empty((2, 0)),  # the priors stand in PyMC
        "table": np.empty((0, len(cells))),
        "other": np.array([*_design(panel.data).T, level, industry]),
        "index": np.array([known[name] for name in PLACES], dtype=np.int64),
    }


def build(panel: Panel, priors: Priors) -> pm.Model:
    """Return the model of the panel's rows.

    It is that of :func:`specification`, with the density of cells in one piece.
    """
    known, rows = _known(panel), _index(panel)
    of_cell = f"came{common.ROW}"
    labels = {of_cell: known["index"][PLACES.index("row")]}
    with pm.Model(coords={**_coords(rows), **labels}) as model:
        point = _point(_sampled(common.prior_data(priors)))
        data = [pm.Data(name, array) for name, array in known.items()]
        pm.Potential("came", kernel.DENSITY(point, *data)[0], dims=of_cell)
    return model


def specification(panel: Panel, priors: Priors) -> pm.Model:
    """Return the same model as :func:`build`, written out in PyMC: to be read, and slow to sample."""
    rows, cells = _index(panel), risk(panel)
    row, year, start, end, beyond, deep, reached, came = _flat(cells, KIND[rows.level])
    with pm.Model(coords=_coords(rows)) as model:
        p = _sampled(common.prior_data(priors))
        eta = (
            p["offset"][rows.level]
            + pt.dot(_design(panel.data), p["effect"][: len(SLOPES)])
            + p["spread"][1] * p["industry"][rows.industry]
        )
        t = np.arange(LONGEST + 1) / YEAR
        later = pt.exp(p["effect"][len(SLOPES)]) * np.maximum(t - 1, 0.0)
        timed = np.minimum(t, 1.0) ** p["inertia"] + later
        none = pt.zeros((len(KINDS), 1))
        scale = pt.concatenate(
            [pt.exp(p["steep"][:, :1]), none + 1, pt.exp(-p["steep"][:, 1:]), none], axis=1
        ).flatten()
        base = eta[row] + p["year"][year] + p["effect"][len(SLOPES) + 1] * deep
        hazard = pt.exp(base) * (timed[end] - timed[start])
        pm.CustomDist(
            "came", hazard * scale[beyond], hazard * scale[reached], logp=_log_chance,
            dtype="int64", **common.reported("came", came, row),
        )  # fmt: skip
    return model


def _flat(cells: np.ndarray, kind: np.ndarray) -> np.ndarray:
    """Return cells by column, falls as positions in the flat table of scales by kind and fall."""
    flat = cells.T.copy()
    flat[[4, 6]] += kind[flat[0]] * (len(FALLS) + 1)
    return flat


def _log_chance(came: Array, deeper: Array, cumulative: Array) -> Array:
    """Return the log probability of what came in cells.

    Parameters
    ----------
    came
        1 where a fall came and no deeper one; 0 where none came, which is not its counterpart: of a
        cell one of the two is asked.
    deeper, cumulative
        Cumulative hazards of the smallest fall that did not come, and of that which came. They are exact
        where the 1 - p of a probability would be rounded.
    """
    fell = pt.log(-pt.expm1(-pt.maximum(cumulative - deeper, 1e-12)))
    return pt.where(pt.eq(came, 1), fell, 0.0) - deeper


# --- the process, for replicates and forecasts ------------------------------------------------
def time_of(parameters: xr.Dataset, months: np.ndarray) -> np.ndarray:
    """Return T of the module's formula, shape (sample, month)."""
    t = np.asarray(months) / YEAR
    inertia = sample_first(parameters, "inertia")[:, None]
    later = _effect(parameters, "later")[:, None]
    grown: np.ndarray = np.minimum(t, 1.0) ** inertia + np.exp(later) * np.maximum(t - 1, 0.0)
    return grown


def _effect(parameters: xr.Dataset, name: str) -> np.ndarray:
    """Return one of :data:`EFFECTS`, (sample,)."""
    found: np.ndarray = sample_first(parameters, "effect")[:, EFFECTS.index(name)]
    return found


def _spread(parameters: xr.Dataset, name: str) -> np.ndarray:
    """Return one of :data:`SPREADS`, (sample,)."""
    found: np.ndarray = sample_first(parameters, "spread")[:, SPREADS.index(name)]
    return found


def _years(parameters: xr.Dataset) -> np.ndarray:
    """Return the effects of the panel's years, (sample, year)."""
    level = sample_first(parameters, "year_level")
    effect: np.ndarray = level - level.mean(axis=1, keepdims=True)
    return effect


def scale_of(parameters: xr.Dataset, falls: np.ndarray, kind: int) -> np.ndarray:
    """Return S of the module's formula for falls of any depth above zero, shape (sample, fall)."""
    log_falls, at = np.log(np.array(FALLS, float)), np.log(np.asarray(falls, float))
    slopes = (sample_first(parameters, "steep")[:, kind] / np.diff(log_falls)).T
    below, above = np.minimum(at - log_falls[1], 0), np.maximum(at - log_falls[1], 0)
    scale: np.ndarray = np.exp(-slopes[0][:, None] * below - slopes[1][:, None] * above)
    return scale


@dataclasses.dataclass(frozen=True)
class _Law:
    """Hazards of some units by draw.

    Attributes
    ----------
    base
        Cumulative hazard of a fall of a tenth in each step where no fall has come, (sample, unit, step).
    scale
        S of each fall, (sample, unit, fall), or the same of every unit, (sample, 1, fall).
    deepening
        What a fall that has come adds to the log hazard, (sample,).
    began
        Number of falls that have come at the start, (unit,).
    """

    base: np.ndarray
    scale: np.ndarray
    deepening: np.ndarray
    began: np.ndarray

    def reach(self, step: int, fallen: np.ndarray | float) -> np.ndarray:
        """Return the chance that a step's deepest fall is each one or more, (sample, unit, fall).

        Parameters
        ----------
        step
            Position of the step.
        fallen
            Whether one has come before, (sample, unit) or one for all.
        """
        raised = np.exp(self.deepening[:, None] * fallen)
        chance: np.ndarray = -np.expm1(-(raised * self.base[:, :, step])[:, :, None] * self.scale)
        return chance


def _probabilities(law: _Law) -> np.ndarray:
    """Return the exact chance that each fall has come by each step, (sample, unit, fall, step)."""
    sample, units, steps = law.base.shape
    falls = len(FALLS)
    share = np.zeros((sample, units, falls + 1))  # of having had that many falls
    share[:, np.arange(units), law.began] = 1.0
    come = np.empty((sample, units, falls, steps))
    for k in range(steps):
        new = np.zeros_like(share)
        fresh, deep = law.reach(k, 0.0), law.reach(k, 1.0)
        for held in range(falls + 1):
            p = deep if held else fresh
            for then in range(held, falls + 1):
                least = p[:, :, then - 1] if then > held else 1.0
                beyond = p[:, :, then] if then < falls else 0.0
                new[:, :, then] += share[:, :, held] * (least - beyond)
        share = new
        come[..., k] = np.cumsum(share[:, :, :0:-1], axis=2)[:, :, ::-1]
    return come


def _simulate(law: _Law, rng: np.random.Generator) -> np.ndarray:
    """Return the number of falls that have come by each step, (sample, unit, step)."""
    sample, units, steps = law.base.shape
    count = np.broadcast_to(law.began, (sample, units)).astype(np.int64)
    number = np.arange(1, len(FALLS) + 1)
    path = np.empty((sample, units, steps), dtype=np.int64)
    for k in range(steps):
        hit = rng.random((sample, units, 1)) < law.reach(k, (count > 0).astype(float))
        count = np.maximum(count, (hit * number).max(axis=2))
        path[:, :, k] = count
    return path


def _class_rates(parameters: xr.Dataset) -> np.ndarray:
    """Return the rate of each of :data:`LEVELS`, (sample, level)."""
    first, own = (sample_first(parameters, name)[:, None] for name in ("reference", "own"))
    others = first + sample_first(parameters, "offset")
    return np.hstack([first, others, np.repeat(own, len(OWN), axis=1)])


def replicate(
    parameters: xr.Dataset, panel: Panel, priors: Priors, rng: np.random.Generator
) -> dict[str, np.ndarray]:
    """Draw new months of first falls for the panel's rows, shape (sample, obs), by data name.

    Each row is followed as long as it was; what ends its follow-up does not depend on falls.
    """
    del priors
    data, rows = panel.data, _index(panel)
    followup = data["followup"].values.astype(int)
    slopes = sample_first(parameters, "effect")[:, : len(SLOPES)]
    z = _spread(parameters, "industry")[:, None] * sample_first(parameters, "z_industry")
    z = np.column_stack([z, np.zeros(len(z))])  # of rows without an industry
    eta = _class_rates(parameters)[:, rows.level] + slopes @ _design(data).T + z[:, rows.industry]
    effect, deepening = _years(parameters), _effect(parameters, "deepening")
    drawn = {f"months{fall}": np.zeros(eta.shape, dtype=np.int64) for fall in FALLS}
    for kind in range(len(KINDS)):
        own = np.flatnonzero(KIND[rows.level] == kind)
        if not len(own):
            continue
        step = int(rows.step[own[0]])
        ends = np.arange(0, LONGEST + 1, step)
        timed = np.diff(time_of(parameters, ends), axis=1)
        year = rows.year(np.arange(len(ends) - 1)[None, :], own[:, None])
        base = np.exp(eta[:, own, None] + effect[:, year]) * timed[:, None, :]
        # where a row does not tell of the smallest fall, it tells of none of it here either
        told = data["smallest"].values[own, None] <= np.array(FALLS)
        scale = scale_of(parameters, np.array(FALLS), kind)[:, None] * told
        path = _simulate(_Law(base, scale, deepening, np.zeros(len(own), np.int64)), rng)
        for s, fall in enumerate(FALLS):
            at = step * ((path > s).argmax(axis=2) + 1)
            came = (path[:, :, -1] > s) & (at <= followup[own]) & told[:, s]
            drawn[f"months{fall}"][:, own] = np.where(came, at, 0)
    return drawn


def chances(
    parameters: xr.Dataset, panel: Panel, asked: Sequence[State], steps: int,
    rng: np.random.Generator, *, from_now: bool = False,
) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
    """Return which falls come from where some states stand, and their exact chances given each draw.

    Parameters
    ----------
    parameters, panel
        Draws of the parameters, and what they were fitted to.
    asked
        The states.
    steps
        Quarters after each one's own last quarter.
    rng
        Source of random numbers: of years and classes that the panel does not have, and of the falls.
    from_now
        Whether falls are from the highest total from the state on, as the table's rows tell them, and
        not from the highest on record.

    Returns
    -------
    numpy.ndarray, numpy.ndarray
        0 or 1, and the chance, shape (sample, state, fall, quarter).
    """
    rows = _index(panel)
    size = parameters.sizes["chain"] * parameters.sizes["draw"]
    first = np.array([quarter_index(one.quarter) for one in asked])
    calendar = (first[:, None] + 1 + np.arange(steps)) // 4 - rows.years[0]
    later = max(int(calendar.max()) + 1 - len(rows.years), 0)
    new_years = _spread(parameters, "year")[:, None] * rng.standard_normal((size, later))
    effect = np.column_stack([_years(parameters), new_years])
    of_industry = _spread(parameters, "industry")[:, None] * np.column_stack(
        [sample_first(parameters, "z_industry"), np.zeros(size)]
    )
    at = [
        rows.industries.index(one.entity) if one.entity in rows.industries else -1 for one in asked
    ]
    # what a class alone says: of one more level of its kind, by totals of four quarters
    new_level = _spread(parameters, "levels") * rng.standard_normal(size)
    of_class = sample_first(parameters, "rate") + (
        new_level + _effect(parameters, "quarterly")
    )[:, None]  # fmt: skip
    by_kind = {
        "own": sample_first(parameters, "own"), "broad": of_class[:, 0], "narrow": of_class[:, 1],
    }  # fmt: skip
    slopes = sample_first(parameters, "effect")[:, : len(SLOPES)]
    design = covariates(
        *(np.array(column, float) for column in zip(*map(_seen, asked), strict=True))
    )
    eta = (
        np.column_stack([by_kind[one.by] for one in asked]) + slopes @ design.T + of_industry[:, at]
    )
    timed = np.diff(time_of(parameters, QUARTER * np.arange(steps + 1)), axis=1)
    base = np.exp(eta[:, :, None] + effect[:, calendar]) * timed[:, None, :]
    scale = np.empty((size, len(asked), len(FALLS)))
    began = np.zeros(len(asked), dtype=np.int64)
    for k, one in enumerate(asked):
        depth = 0.0 if from_now else one.depth
        began[k] = 0 if from_now else one.sure
        left = 100 * (1 - (1 - np.array(FALLS) / 100) / (1 - depth / 100))
        scale[:, k] = scale_of(parameters, np.maximum(left, 0.1), KINDS.index(one.by))
    law = _Law(base, scale, _effect(parameters, "deepening"), began)
    fallen = _simulate(law, rng)[:, :, None, :] > np.arange(len(FALLS))[:, None]
    return fallen.astype(float), _probabilities(law)


def _seen(one: State) -> tuple[float, ...]:
    """Return the covariates of a state; a class has no cash, no members, and stands at its record."""
    own = one.by == "own"
    return (
        one.growth, one.runup, float(one.depth <= 0), one.cash if own else np.nan,
        one.effective if own else np.nan,
    )  # fmt: skip


def draw(
    parameters: xr.Dataset, panel: Panel, priors: Priors, until: str, rng: np.random.Generator
) -> xr.Dataset:
    """Draw by quarter whether the totals of each state have come to stand below their highest.

    Each is forecast from its own last quarter that is known. A fall is from the highest total on record,
    so one that stands lower already needs less of a fall to come; where it stands so low, it has
    come. What companies share is the calendar year alone: of a set and of its members no more is
    joint, so a fall of the set without one of a member may be drawn.

    Returns
    -------
    xarray.Dataset
        ``y`` and ``signal``, dims chain, draw, series, period (calendar quarters). Series are
        "entity/capex_fall_5", "/capex_fall_10", "/capex_fall_20": in quarters to come ``y`` is 1 from
        that of the first such fall on, ``signal`` the probability of it by then given the draw's
        parameters and years. In quarters on record both are 1 where the total of four quarters stood
        so far below the highest by then, and 0 else, and so is ``observed``.

    Raises
    ------
    DataError
        If `until` is not after the last quarter known, or too far.
    """
    del priors
    asked = states(panel)
    ends = [quarter_index(one.quarter) for one in asked]
    last = quarter_index(quarter_of(period_end(until).isoformat()))
    if not last - max(ends) > 0 or last - min(ends) > FARTHEST:
        raise DataError(
            f"cannot forecast falls of capex to {until!r}; wanted a quarter from "
            f"{quarter_name(max(ends) + 1)} to {quarter_name(min(ends) + FARTHEST)}, as of {panel.as_of}"
        )
    fallen, chance = chances(parameters, panel, asked, last - min(ends), rng)
    labels = (parameters["chain"].values, parameters["draw"].values)
    return labelled(fallen, chance, asked, last, labels)


def labelled(
    fallen: np.ndarray,
    chance: np.ndarray,
    asked: Sequence[State],
    last: int,
    sample: tuple[np.ndarray, np.ndarray],
) -> xr.Dataset:
    """Label falls by quarter, behind what is on record of each state.

    Parameters
    ----------
    fallen, chance
        Whether a fall has come (0 or 1) and its probability, shape (sample, state, fall, quarter), by
        quarter after the state's own.
    asked
        The states.
    last
        Index of the last quarter to label.
    sample
        Labels of the chains and of the draws.

    Returns
    -------
    xarray.Dataset
        See :func:`draw`.
    """
    ends = [quarter_index(one.quarter) for one in asked]
    grid = np.arange(min(ends) - RECORD + 1, last + 1)
    record = np.full((len(asked), len(FALLS), len(grid)), np.nan)
    y, signal = (np.full((len(fallen), *record.shape), np.nan) for _ in range(2))
    for k, (one, end) in enumerate(zip(asked, ends, strict=True)):
        at = grid.searchsorted(np.arange(end - len(one.record) + 1, end + 1))
        depth = np.array(one.record)
        below = np.where(np.isfinite(depth), depth >= np.array(FALLS)[:, None], np.nan)
        record[k][:, at] = below
        y[:, k] = signal[:, k] = record[k]
        ahead = grid > end
        y[:, k, :, ahead] = np.moveaxis(fallen[:, k, :, : ahead.sum()], -1, 0)
        signal[:, k, :, ahead] = np.moveaxis(chance[:, k, :, : ahead.sum()], -1, 0)
    names = [f"{one.entity}/{fall_metric(fall)}" for one in asked for fall in FALLS]
    sizes = (len(sample[0]), len(sample[1]), len(names), len(grid))
    dims = ("chain", "draw", "series", "period")
    quarters = [quarter_name(int(k)) for k in grid]
    return xr.Dataset(
        {
            "y": (dims, y.reshape(sizes)),
            "signal": (dims, signal.reshape(sizes)),
            "observed": (dims[2:], record.reshape(sizes[2:])),
        },
        coords={"chain": sample[0], "draw": sample[1], "series": names, "period": quarters},
    ).assign_coords(
        entity=("series", [one.entity for one in asked for _ in FALLS]),
        metric=("series", [fall_metric(fall) for _ in asked for fall in FALLS]),
        unit=("series", ["ratio"] * len(names)),
        period_end=("period", [period_end(q).isoformat() for q in quarters]),
        ahead_only=("series", [one.entity in CLASSES.values() for one in asked for _ in FALLS]),
    )


def _share_fallen(replicated: dict[str, np.ndarray], panel: Panel) -> np.ndarray:
    """Percent of the rows followed for 24 months whose total fell by a tenth."""
    whole = panel.data["followup"].values >= LONGEST
    share: np.ndarray = 100 * (replicated["months10"][:, whole] > 0).mean(axis=1)
    return share


def _share_deep(replicated: dict[str, np.ndarray], panel: Panel) -> np.ndarray:
    """Percent of the falls of a tenth that came to a fifth within the follow-up."""
    del panel
    fell = (replicated["months10"] > 0).sum(axis=1)
    share: np.ndarray = 100 * (replicated["months20"] > 0).sum(axis=1) / np.maximum(fell, 1)
    return share


PRIOR_CHECKS = (
    # Capex of some industry always falls within two years, and never that of all of them.
    ("falls of a tenth within 24 months, percent of the rows", _share_fallen, 8.0, 90.0),
    ("falls of a tenth that came to a fifth, percent", _share_deep, 25.0, 95.0),
)
