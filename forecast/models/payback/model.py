"""Is a programme earned back, and does the funding last: sales, a margin, the cost it leaves out, cash.

Run-rates follow a Richards curve, a continuous family from Gompertz (bend near 0) to logistic (bend 1)
and beyond, told by where it stands at the start of 2025, a curve for each laboratory::

    d log R / dt = k (1 - (R / K)^bend),   K = R(2025) + headroom,   growth = k (1 - (R(2025)/K)^bend)

Its logarithm in closed form, with s = (R / K)^bend: ``s(t) = 1 / (1 + (1 - s0) / s0 exp(-k bend t))``
and ``log R = log K + log s / bend``. Figures gross of a cloud's share are exp(gross) times as much.

The margin is after all running costs, compute that is bought included::

    margin(t) = margin_end - (margin_end - margin_start) exp(-(t - 2025.5) / margin_years)

An announced programme is mostly compute that is bought, so most of it is in the margin already. Only
the `share` f of it that is not is taken off besides; nothing is paid twice::

    net cash of a window = integral of margin R dt - f (programme spent in the window)

A programme is earned back in the first year in which the discounted margin on sales since 2026 reaches
f times the discounted whole of its spending. What f is decides the answer (:func:`chance_by_share`).

Cash in hand is `reserve`, at the start of 2026, with what is committed in rounds and net cash since.
Funding runs out in the first year at whose end it is below zero, if no year before had positive cash:
without new rounds (``out_of_funding``), or with rounds to come as a Poisson process of log-normal sums
(``out_of_cash``), which does not know whether they are needed.

Company projections of cash are noisy and biased statements, the more the farther their year is. With
h the mean years to its end while d years go by, from the newest vintage to that end or between two::

    newest = net cash + h (optimism d + shift_sd sqrt(d) shift[0]) + h revision sqrt(d) error
    older  = newer    + h (optimism d + shift_sd sqrt(d) shift[v]) + h revision sqrt(d) error

Both are in USD bn: in shares of a year's sales, small sales would explain small errors, and projections
of cash would pull sales down.

`shift` is common to the years of a vintage: two revisions of plans are two observations of the bias,
not eleven. What is left in the newest vintage has the law of the revisions and of the one year that is
over (2025: -7 and -9 projected, -8 came), pooled, so the bias cannot take up what f and the margin owe.

What is sampled are deviations in units of the priors, but for two ridges along which a sampler creeps:
``told``, the level of sales as they are told, gross or not, stands for the level, and ``moved``, what a
vintage was moved by, for its shift (:func:`_laws`). :func:`specification` is the law of the figures in
PyMC, line by line; :func:`build` is the same with their density, and its gradient, in one piece
(:mod:`~forecast.models.payback.kernel`).

Invariant: balance and net cash are of one margin, and of each programme f is paid besides and 1 - f
within it; ``tests/test_payback.py`` adds both up year by year and compares the curve with its
differential equation and every density with its slow definition.

Nothing here decides the margins of 2035, the schedule or the discount rate, and four years of growth do
not decide where it ends: on those the answer is mostly prior. No figure of Anthropic's cash is in the
tables, so its margin is the prior of a laboratory, its years to the long run OpenAI's.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt
import xarray as xr
from scipy.special import logit, ndtr, ndtri

from forecast.core.draws import sample_first
from forecast.core.errors import DataError
from forecast.core.periods import period_end
from forecast.core.words import SAMPLE, entity_of, metric_of
from forecast.models import common
from forecast.models.payback import kernel
from forecast.models.payback.panel import (
    FIRST,
    KINDS,
    LABORATORIES,
    UNIT,
    VINTAGES,
    Announced,
    spending,
    year_of,
)

if TYPE_CHECKING:
    from forecast.models.base import Panel
    from forecast.models.common import Array, Arrays

ORIGIN = 2025.0
LAST = 2060
"""Last year of cash; "ever" ends with it."""
SPENT = np.arange(FIRST, FIRST + 15)
"""Years in which a programme may be spent."""
PROGRAMMES: Mapping[str, tuple[float, int]] = {
    # USD bn and last year of spending. 600 "to 2030" was said in February 2026, 1,400 "over eight
    # years" in November 2025 (ai_labs.csv); the article's 1,000 is given the eight years too.
    "0.6 tn programme": (600.0, 2030),
    "1.0 tn programme": (1000.0, 2033),
    "1.4 tn programme": (1400.0, 2033),
}
MONTHS = (np.arange(12) + 0.5) / 12


@dataclasses.dataclass(frozen=True)
class Priors:
    """Numbers of the priors; growth is in log points a year, money in USD bn.

    Of both laboratories the priors are the same.
    """

    # 3.7 USD bn, times or divided by 2.2: a laboratory's run-rate at the start of 2025, large or small.
    level: float = 1.3
    level_sd: float = 0.8
    # Doubling to fivefold a year; wide. The data decide it.
    growth: float = 1.1
    growth_sd: float = 0.5
    # Room above the level of 2025: 400 USD bn a year, times or divided by 2.5. All AI together is
    # 1,200 a year by 2030 if Bain's 2,000 are 800 short (public_forecasts.csv); a third of it. Our
    # rough judgement.
    headroom: float = 400.0
    headroom_log_sd: float = 0.9
    # From Gompertz to logistic; growth slows early if the bend is small. Our rough judgement.
    bend: float = 0.4
    bend_log_sd: float = 0.7
    # Reported run-rates are rounded and cover unlike months, and growth comes in bursts; "about" is
    # twice as wide. 95 %: 0.03 to 0.4.
    noise: float = 0.1
    noise_log_sd: float = 0.7
    # What a cloud's share adds to sales that are told gross: 5 to 45 %. No number is on record; our
    # rough judgement.
    gross: float = 0.15
    gross_log_sd: float = 0.55
    # OpenAI's cash of 2025 was -8 of 13.1 revenue (ai_labs.csv); wide.
    margin_start: float = -0.6
    margin_start_sd: float = 0.3
    # Large platforms keep 20 to 45 % of revenue as operating cash; a laboratory that must replace
    # its machines may keep less. Our rough judgement.
    margin_end: float = 0.25
    margin_end_sd: float = 0.12
    # Years in which two thirds of the way are gone; our rough judgement, times or divided by 1.5.
    margin_years: float = 3.0
    margin_years_log_sd: float = 0.4
    # Share of a programme that running costs do not hold. Against a margin path fitted to 2025, the
    # company's own projections of cash imply about 0.15 for 2026 and 0.24 for 2026-30, and programmes
    # of 1,400 and 600 were told of within four months while that of 2026 moved by 8. Between the two,
    # 95 %: 0.03 to 0.65: as wide as that because the projections speak once more in the likelihood.
    share: float = 0.20
    share_logit_sd: float = 1.0
    # Spending grows through the programme; our rough judgement.
    ramp: float = 0.2
    ramp_sd: float = 0.15
    # Cost of capital of a venture between a large listed firm's 8 % and 15 %; our rough judgement.
    discount: float = 0.10
    discount_log_sd: float = 0.2
    # Optimism of projections, USD bn a year for each year that theirs is away: large undertakings run
    # over more often than under. Our rough judgement; 95 %: -8 to 16.
    optimism: float = 4.0
    optimism_sd: float = 6.0
    # What the years of one vintage are revised by together, and each by itself, USD bn per root year
    # for each year that theirs is away: as much as the company burnt in 2025. Our rough judgement.
    shift_sd: float = 10.0
    shift_sd_log_sd: float = 0.5
    revision: float = 8.0
    revision_log_sd: float = 0.5
    # Cash of a year about its path, share of sales: payments ahead and late. Our rough judgement.
    swing: float = 0.1
    swing_log_sd: float = 0.5
    # In hand and committed at the start of 2026. OpenAI had raised 58 by August 2025 (ai_labs.csv) and
    # burnt 8 in the year, so less than 50; of others nothing is on record. 95 %: 7 to 80.
    reserve: float = 24.0
    reserve_log_sd: float = 0.6
    # Three primary rounds of OpenAI stand in ai_labs.csv in the 18 months to March 2026, and one of
    # Anthropic: about one a year, times or divided by 1.5.
    round_rate: float = 1.0
    round_rate_log_sd: float = 0.4
    # A round of a leading laboratory is 40, times or divided by 2.2, and rounds of one differ by a
    # factor of two. Our rough judgement.
    round_size: float = 40.0
    round_size_log_sd: float = 0.8
    round_spread: float = 0.7
    round_spread_log_sd: float = 0.3


VARIANTS = {
    # Growth ends early, margins stay thin, capital is dear, more of a programme is paid besides.
    "sceptical": Priors(
        headroom=200.0, headroom_log_sd=0.7, bend=0.25, margin_end=0.15, margin_end_sd=0.10,
        margin_years=4.0, discount=0.12, share=0.35, optimism=8.0, round_rate=0.5,
    ),
    # A large market, platform margins, cheap capital, nearly all compute is in running costs.
    "generous": Priors(
        headroom=800.0, headroom_log_sd=0.9, bend=0.6, margin_end=0.35, margin_end_sd=0.12,
        margin_years=2.5, discount=0.08, share=0.12, optimism=0.0,
    ),
}  # fmt: skip

ALTERNATIVES: Mapping[str, Mapping[str, float]] = {
    "the whole programme is paid besides running costs": {"share": 1.0},
    "half of the programme is paid besides running costs": {"share": 0.5},
    "as much besides as the projection of 2026 implies": {"share": 0.15},
    "no round after those committed": {"round_rate": 0.0},
}
"""Other structures, each by the parameters that take the place of every draw's own, as a scenario's
``fixed`` does. The first is what the model held before it knew `share`."""

BY_LABORATORY = (
    "level", "growth", "headroom", "bend", "noise", "margin_start", "margin_end", "reserve",
    "round_size",
)  # fmt: skip
NORMALS = ("level", "growth", "margin_start", "margin_end", "ramp", "optimism")
LOG_NORMALS = (
    "headroom", "bend", "noise", "gross", "margin_years", "discount", "shift_sd", "revision", "swing",
    "reserve", "round_rate", "round_size", "round_spread",
)  # fmt: skip
REPORT = (*NORMALS, *LOG_NORMALS, "share")
SHARED = tuple(n for n in REPORT if n not in BY_LABORATORY)
PARAMETERS = (*BY_LABORATORY, *SHARED)
"""In the order in which they stand in the vector of deviations, of each of the first a number for each
laboratory; the shifts follow."""
LABELS = {
    "level": "log run-rate at the start of 2025, USD bn a year",
    "growth": "growth at the start of 2025, log points a year",
    "headroom": "room above the run-rate of 2025, USD bn a year",
    "bend": "form of saturation, 0 Gompertz, 1 logistic",
    "margin_end": "cash margin in the long run, share of revenue",
    "margin_years": "years in which two thirds of the way there are gone",
    "share": "share of a programme that running costs do not hold",
    "discount": "discount rate, a year",
    "optimism": "optimism of projections, USD bn a year for each year ahead",
    "revision": "size of a year's revision of projections, USD bn for each year ahead",
    "reserve": "cash in hand and committed at the start of 2026, USD bn",
    "round_rate": "funding rounds a year",
    "round_size": "usual funding round, USD bn",
}
CASH_ERROR = 0.5
"""Rounding of reported cash, USD bn; twice as much for "about"."""


# --- curves -----------------------------------------------------------------------------------------
def log_rate(p: Arrays, t: Array, xp: ModuleType = np) -> Array:
    """Return the log run-rate at `t` years after the start of 2025.

    `p` holds level, growth, headroom and bend, broadcast against `t`; `xp` is numpy or PyTensor.
    """
    softplus = pt.softplus if xp is pt else _softplus  # log(1 + exp(x))
    room = softplus(xp.log(p["headroom"]) - p["level"])  # log K - level
    left = -xp.expm1(-p["bend"] * room)  # 1 - s0
    odds = xp.log(left) + p["bend"] * room - p["growth"] / left * p["bend"] * t
    return p["level"] + room - softplus(odds) / p["bend"]


def _softplus(x: Array) -> Array:
    return np.logaddexp(0.0, x)


def margin_way(p: Arrays, t: Array, xp: ModuleType = np) -> Array:
    """Return the share of the way to the long-run margin that is gone at a moment."""
    return 1 - xp.exp(-(t - ORIGIN - 0.5) / p["margin_years"])


def over(p: Arrays, start: Array, length: Array, xp: ModuleType = np) -> tuple[Array, Array]:
    """Return the mean run-rate of a window, and the share of the way to the long-run margin.

    The way is weighted by the run-rate, so that the margin it gives, times revenue, is the cash of
    the window. Parameters broadcast against `start` and `length`; both results are shaped like them.
    """
    names = ("level", "growth", "headroom", "bend", "margin_years")
    each = {name: p[name][..., None] for name in names}
    t = start[:, None] + length[:, None] * MONTHS
    rate = xp.exp(log_rate(each, t - ORIGIN, xp))
    mean = rate.mean(axis=-1)
    return mean, (rate * margin_way(each, t, xp)).mean(axis=-1) / mean


def at_way(p: Arrays, way: Array) -> Array:
    """Return the margin where so much of the way is gone."""
    return p["margin_start"] + (p["margin_end"] - p["margin_start"]) * way


def _spent(p: Arrays, d: Arrays, xp: ModuleType) -> Array:
    """Return what is spent in each row's window on the laboratory's announced programme, USD bn.

    `d["inside"]` holds the part of each year of the programme that lies in the window, shape
    (row, year), negative for a window that runs backwards; `d["of"]` is 1 in its years, and
    `d["programme"]` its whole.
    """
    weight = xp.exp(p["ramp"][..., None] * (SPENT - FIRST)) * d["of"]
    whole: Array = d["programme"] * (weight * d["inside"]).sum(axis=-1) / weight.sum(axis=-1)
    return whole


def _windows(panel: Panel, lab: np.ndarray, start: np.ndarray, length: np.ndarray) -> Arrays:
    """Return what :func:`_spent` reads of windows of laboratories."""
    plan = panel.part(Announced)
    size, last = np.asarray(plan.size)[lab], np.asarray(plan.last)[lab]
    end = (start + length)[:, None]
    inside = np.clip(end - SPENT, 0, 1) - np.clip(start[:, None] - SPENT, 0, 1)
    return {"programme": size, "of": (last[:, None] >= SPENT).astype(float), "inside": inside}


# --- the law of every figure, for the fit and for new figures ---------------------------------------
# In the specification `xp` is PyTensor and parameters are scalars or by row; of draws it is numpy, and
# they have the draw as their first axis.
def _law(p: Arrays, d: Arrays, xp: ModuleType) -> tuple[Array, Array]:
    """Return mean and sd of every row as it is reported.

    Sales and rounds are told in logs, the rest in USD bn. `d` has a column of 0 and 1 for each of
    :data:`KINDS`; an older projection walks from the value `d["after"]` of the next newer one.
    """
    rate, way = over(p, d["start"], d["length"], xp)
    revenue = rate * d["length"]
    net = at_way(p, way) * revenue - p["share"] * _spent(p, d, xp)
    time = xp.sqrt(d["ahead"])
    bias = d["horizon"] * (p["optimism"] * d["ahead"] + p["shift_sd"] * time * p["shift"])
    mean = (
        d["sales"] * (xp.log(rate * d["per"]) + p["gross"] * d["gross"])
        + d["cash"] * net
        + d["money"] * (p["reserve"] + d["committed"] + net)
        + d["round"] * xp.log(p["round_size"])
        + d["projection"] * (xp.where(d["newest"] > 0, net, d["after"]) + bias)
    )
    flow = d["cash"] + d["money"]
    spread = flow * p["swing"] * revenue + d["horizon"] * p["revision"] * time
    error = CASH_ERROR * (1 + flow * d["rough"])
    sd = (
        d["sales"] * p["noise"] * (1 + d["rough"])
        + d["round"] * p["round_spread"]
        + (flow + d["projection"]) * xp.sqrt(error**2 + spread**2)
    )
    return mean, sd


LOGARITHMIC = ("sales", "round")
COLUMNS = ("start", "length", "per", "gross", "rough", "committed", "ahead", "horizon")


def _columns(panel: Panel) -> dict[str, np.ndarray]:
    """Return what :func:`_law` reads of the panel's rows."""
    data = panel.data
    own = {c: data[c].values.astype(float) for c in COLUMNS}
    own |= {kind: (data["kind"].values == k).astype(float) for k, kind in enumerate(KINDS)}
    newer = data["newer"].values
    own |= {"newest": (newer < 0).astype(float), "after": data["value"].values[newer].astype(float)}
    return {**own, **_windows(panel, data["lab"].values, own["start"], own["length"])}


def _seen(panel: Panel) -> tuple[np.ndarray, np.ndarray]:
    """Return whether a row is told in logs, and its value on that scale."""
    logs = np.isin(panel.data["kind"].values, [KINDS.index(k) for k in LOGARITHMIC])
    value = panel.data["value"].values.astype(float)
    return logs, np.where(logs, np.log(np.abs(value)), value)


def _by_row(p: Arrays, lab: Array) -> dict[str, Array]:
    """Return the parameters with those of a laboratory taken for each row."""
    return {n: v[..., lab] if n in BY_LABORATORY else v for n, v in p.items()}


def prior_array(priors: Priors) -> np.ndarray:
    """Return means and sds of the normal laws of :data:`PARAMETERS`, shape (2, parameter).

    They are of the logarithm or the log-odds of what has no normal law.
    """
    middle, sd = [], []
    for name in PARAMETERS:
        value = np.float64(getattr(priors, name))
        kind = "_log_sd" if name in LOG_NORMALS else "_logit_sd" if name == "share" else "_sd"
        middle.append({"_log_sd": np.log, "_logit_sd": logit, "_sd": np.float64}[kind](value))
        sd.append(getattr(priors, f"{name}{kind}"))
    return np.array([middle, sd], dtype=float)


def parameters_of(xp: ModuleType, z: Array, prior: np.ndarray) -> dict[str, Array]:
    """Return the parameters by name, and the shifts, from what is sampled.

    Parameters
    ----------
    xp
        ``numpy``, or ``pytensor.tensor``.
    z
        Deviations in units of the priors, in the order of :data:`PARAMETERS`, then the shifts, shape
        (..., deviation).
    prior
        Of :func:`prior_array`.

    Returns
    -------
    dict
        Shape (...), or (..., laboratory) of what each laboratory has of its own; "shift" of shape
        (..., laboratory, vintage).
    """
    p: dict[str, Array] = {}
    at, count = 0, len(LABORATORIES)
    for name, mean, sd in zip(PARAMETERS, *prior, strict=True):
        own = name in BY_LABORATORY
        x = mean + sd * (z[..., at : at + count] if own else z[..., at])
        x = xp.exp(x) if name in LOG_NORMALS else 1 / (1 + xp.exp(-x)) if name == "share" else x
        p[name], at = x, at + (count if own else 1)
    ends = at + VINTAGES * np.arange(count)
    p["shift"] = xp.stack([z[..., k : k + VINTAGES] for k in ends], axis=-2)
    return p


PLACES = ("kind", "lab", "vintage", "side", "newest", "years")
"""What is known of a row in whole numbers, in the order of the kernel's rows."""


def _ridges(panel: Panel) -> Arrays:
    """Return the share of a laboratory's sales that is told gross, and which vintages have figures.

    "gross" has shape (laboratory,), "seen", of 0 and 1, shape (laboratory, vintage).
    """
    d, kind = panel.data, panel.data["kind"].values
    gross, seen = np.zeros(len(LABORATORIES)), np.zeros((len(LABORATORIES), VINTAGES))
    for lab in range(len(LABORATORIES)):
        own = (kind == KINDS.index("sales")) & (d["lab"].values == lab)
        gross[lab] = d["gross"].values[own].mean() if own.any() else 0.0
    told = kind == KINDS.index("projection")
    seen[d["lab"].values[told], d["vintage"].values[told]] = 1.0
    return {"gross": gross, "seen": seen}


def _laws(xp: ModuleType, z: Array, prior: Array, ridges: Arrays) -> tuple[Array, Array]:
    """Return the middle of ``told``, whose sd is 1, and the sd of ``moved``, whose middle is 0.

    ``told = level + middle`` in units of the level's prior, shape (..., laboratory), and
    ``moved = spread shift``, shape (..., laboratory, vintage), of a vintage without figures the shift.
    `z` holds the deviations of all else, shape (..., sampled).
    """
    gross, size = (
        prior[1, k] * z[..., k - len(BY_LABORATORY) + len(LABORATORIES) * (len(BY_LABORATORY) - 1)]
        for k in map(PARAMETERS.index, ("gross", "shift_sd"))
    )
    gross = xp.exp(prior[0, PARAMETERS.index("gross")] + gross)
    level = PARAMETERS.index("level")
    middle = gross[..., None] * ridges["gross"] / prior[1, level]
    return middle, xp.exp(size[..., None, None] * ridges["seen"])


def _deviations(xp: ModuleType, sampled: Arrays, laws: tuple[Array, Array]) -> Array:
    """Return what :func:`parameters_of` reads, from ``told``, ``z`` and ``moved``."""
    (middle, spread), z = laws, sampled["z"]
    shift = sampled["moved"] / spread
    each = [shift[..., lab, :] for lab in range(len(LABORATORIES))]
    return xp.concatenate([sampled["told"] - middle, z, *each], axis=-1)


def _variables(prior: Array, ridges: Arrays) -> pt.TensorVariable:
    """Register what is sampled; return the deviations."""
    labels = [f"{n} of {lab}" for n in BY_LABORATORY if n != "level" for lab in LABORATORIES]
    coords = {**_labels(), "sampled": [*labels, *SHARED]}
    pm.modelcontext(None).add_coords(coords)
    z = pm.Normal("z", dims="sampled")
    middle, spread = laws = _laws(pt, z, prior, ridges)
    told = pm.Normal("told", middle, dims="laboratory")
    moved = pm.Normal("moved", 0.0, spread, dims=("laboratory", "vintage"))
    return _deviations(pt, {"z": z, "told": told, "moved": moved}, laws)


def _labels() -> dict[str, list[object]]:
    return {"laboratory": [*LABORATORIES], "vintage": [*range(VINTAGES)]}


def build(panel: Panel, priors: Priors) -> pm.Model:
    """Return the model of the panel's figures.

    It is that of :func:`specification`, with their density in one piece.
    """
    d, data = _columns(panel), panel.data
    table = [*(d[c] for c in COLUMNS), d["programme"], d["after"], _seen(panel)[1]]
    whole = {c: data[c].values for c in ("kind", "lab", "vintage", "side")}
    whole |= {"newest": d["newest"], "years": d["of"].sum(axis=1)}
    known: dict[str, Any] = {
        "prior": prior_array(priors), "table": np.array(table), "inside": d["inside"],
        "index": np.array([whole[c].astype(np.int64) for c in PLACES]),
    }  # fmt: skip
    rows = f"figure{common.ROW}"
    with pm.Model(coords={rows: np.arange(data.sizes["obs"])}) as model:
        known = {name: pm.Data(name, array) for name, array in known.items()}
        ridges = {name: pm.Data(name, array) for name, array in _ridges(panel).items()}
        density = kernel.DENSITY(_variables(known["prior"], ridges), *known.values())[0]
        pm.Potential("figures", density, dims=rows)
    return model


def specification(panel: Panel, priors: Priors) -> pm.Model:
    """Return the same model as :func:`build`, written out in PyMC: to be read, and slow to compile."""
    data, value = panel.data, _seen(panel)[1]
    lab, vintage, side = (data[c].values for c in ("lab", "vintage", "side"))
    with pm.Model() as model:
        prior = prior_array(priors)
        p = parameters_of(pt, _variables(prior, _ridges(panel)), prior)
        of_row = {**_by_row(p, lab), "shift": p["shift"][lab, vintage]}
        mean, sd = _law(of_row, _columns(panel), pt)
        k = np.flatnonzero(side == 0)
        pm.Normal("number", mean[k], sd[k], observed=value[k])
        k = np.flatnonzero(side != 0)
        # Of a bound the normal mass on its side: what a censored variable has, whose tail as PyMC
        # computes it is good to nine digits.
        off = side[k] * (value[k] - mean[k]) / sd[k]
        pm.Potential("bound", pt.log(0.5 * pt.erfc(off * np.sqrt(0.5))))
    return model


def complete(
    parameters: xr.Dataset, panel: Panel, priors: Priors, rng: np.random.Generator, *, given: bool
) -> xr.Dataset:
    """Add the parameters by name, and of a fit the density of their priors, to a constant."""
    prior = prior_array(priors)
    sampled = {n: parameters[n].values for n in ("z", "told", "moved")}
    z = _deviations(np, sampled, _laws(np, sampled["z"], prior, _ridges(panel)))
    p = parameters_of(np, z, prior)
    dims = {1: ("laboratory",), 2: ("laboratory", "vintage")}
    named = {n: ((*SAMPLE, *dims.get(v.ndim - 2, ())), v) for n, v in p.items()}
    if given:
        # The shifts, which come last, are part of the process.
        density = -0.5 * (z[..., : -p["shift"][0, 0].size] ** 2).sum(axis=-1)
        slopes = [p[n] for n in LOG_NORMALS] + [p["share"] * (1 - p["share"])]
        for slope in slopes:
            density -= np.log(slope).sum(axis=-1) if slope.ndim > 2 else np.log(slope)
        named[common.HYPER] = (SAMPLE, density)
    return parameters.assign(named).assign_coords(_labels())


# --- draws ------------------------------------------------------------------------------------------
def _flat(parameters: xr.Dataset) -> dict[str, np.ndarray]:
    """Return every parameter with the draw first: shape (sample, 1), or (sample, laboratory)."""
    own = {n: sample_first(parameters, n) for n in REPORT}
    return {n: v if n in BY_LABORATORY else v[:, None] for n, v in own.items()}


def replicate(
    parameters: xr.Dataset, panel: Panel, priors: Priors, rng: np.random.Generator
) -> dict[str, np.ndarray]:
    """Draw new figures for the panel's cells, shape (sample, obs), by data name.

    A bound stays where it is; on which side of it the truth lies is drawn.
    """
    data, (logs, at) = panel.data, _seen(panel)
    lab, vintage = data["lab"].values, data["vintage"].values
    shift = sample_first(parameters, "shift")[:, lab, vintage]
    d = _columns(panel)
    mean, sd = _law({**_by_row(_flat(parameters), lab), "shift": shift}, d, np)
    drawn = mean + sd * rng.standard_normal(mean.shape)
    for cell in np.flatnonzero(data["newer"].values >= 0):  # the newer of two comes first
        newer = data["newer"].values[cell]
        drawn[:, cell] += drawn[:, newer] - d["after"][cell]
    bounded = data["side"].values != 0
    value = np.where(bounded, data["value"].values, np.where(logs, np.exp(drawn * logs), drawn))
    side = np.where(bounded, np.where(drawn >= at, 1, -1), 0)
    return {"value": value, "side": side}


@dataclasses.dataclass(frozen=True)
class Plan:
    """Cash and spending of one programme by draw, USD bn.

    Attributes
    ----------
    years
        Shape (year,).
    revenue, margin
        Shape (sample, year).
    discount
        Factor of each year, shape (sample, year); 1 in the middle of 2026.
    whole
        Discounted whole of the spending, shape (sample,).
    share
        Of it that running costs do not hold, shape (sample,).
    end, way
        Margin in the long run, shape (sample, 1), and the share of the way to it that is gone by
        each year, shape (sample, year).
    """

    years: np.ndarray
    revenue: np.ndarray
    margin: np.ndarray
    discount: np.ndarray
    whole: np.ndarray
    share: np.ndarray
    end: np.ndarray
    way: np.ndarray

    @property
    def cost(self) -> np.ndarray:
        """What must be earned besides running costs, discounted."""
        return self.share * self.whole

    @property
    def earned(self) -> np.ndarray:
        """Discounted margin on sales since 2026, shape (sample, year)."""
        earned: np.ndarray = np.cumsum(self.discount * self.margin * self.revenue, axis=1)
        return earned

    @property
    def balance(self) -> np.ndarray:
        """Discounted margin on sales since 2026 less what the programme costs besides."""
        return self.earned - self.cost[:, None]


def plan_of(
    parameters: xr.Dataset, programme: str, until: int = LAST, revenue: np.ndarray | None = None
) -> Plan:
    """Return what each draw says of a programme, by its name in :data:`PROGRAMMES`.

    `revenue` takes the place of the curve's, USD bn, shape (sample, year from 2026).
    """
    p = _flat(parameters)
    own = _by_row(p, np.array([0]))
    years = np.arange(FIRST, until + 1)
    amount, last = PROGRAMMES[programme]
    all_years = np.arange(FIRST, max(last, until) + 1)
    factor = (1 + p["discount"]) ** -(all_years - FIRST)
    whole = (spending(amount, FIRST, last, p["ramp"][:, 0], all_years) * factor).sum(axis=1)
    rate, way = over(own, years.astype(float), np.ones(len(years)))
    return Plan(
        years,
        rate if revenue is None else revenue,
        at_way(own, way),
        factor[:, : len(years)],
        whole,
        p["share"][:, 0],
        own["margin_end"],
        way,
    )


def chance_by_share(plan: Plan, by: int, shares: Sequence[float] | np.ndarray) -> np.ndarray:
    """Return the probability that a programme is earned back by a year, for shares put in by hand.

    Parameters
    ----------
    plan
        Of :func:`plan_of`; all but the share is its draws' own.
    by
        Year of payback.
    shares
        Shares of the programme that running costs do not hold, shape (share,).

    Returns
    -------
    numpy.ndarray
        Shape (share,). With the draws' own shares the mean of ``recovered`` is the same question
        integrated over what is known of them.
    """
    best = plan.earned[:, plan.years <= by].max(axis=1)
    found: np.ndarray = (best[:, None] >= plan.whole[:, None] * np.asarray(shares)).mean(axis=0)
    return found


def required_revenue(plan: Plan, by: int, margins: np.ndarray, at: int = 2035) -> np.ndarray:
    """Return the revenue of year `at` with which a programme is earned back by a year.

    Each draw keeps the form of its revenue path, its way to the long-run margin, its schedule, its
    share and its discount rate; the path is scaled until the balance at the end of `by` is zero.

    Parameters
    ----------
    plan
        Of :func:`plan_of`.
    by
        Year of payback.
    margins
        Long-run cash margins, shape (margin,); each takes the place of the draw's own.
    at
        The year whose revenue is told.

    Returns
    -------
    numpy.ndarray
        USD bn, shape (sample, margin); infinite where no revenue would do.
    """
    inside = plan.years <= by
    out = np.empty((len(plan.cost), len(margins)))
    base = plan.discount[:, inside] * plan.revenue[:, inside]
    told = plan.revenue[:, plan.years == at][:, 0]
    for k, wanted in enumerate(margins):
        earned = (base * (plan.margin + (wanted - plan.end) * plan.way)[:, inside]).sum(axis=1)
        out[:, k] = np.where(earned > 0, told * plan.cost / np.where(earned > 0, earned, 1), np.inf)
    return out


def draw(
    parameters: xr.Dataset, panel: Panel, priors: Priors, until: str, rng: np.random.Generator
) -> xr.Dataset:
    """Draw sales, cash and funding of each laboratory and the balance of every programme by year.

    Returns
    -------
    xarray.Dataset
        ``y`` and ``signal``, dims chain, draw, series, period (years from 2026). Per laboratory
        "annual_revenue" (USD bn, net of a cloud's share; ``y`` with the noise of a report),
        "cash_margin" (ratio, before what a programme costs besides), "net_cash" (USD bn after
        everything, as it would be reported), "funding_left" and "cash" (USD bn at the end of the
        year, without and with rounds to come) and "out_of_funding" and "out_of_cash" (1 from the
        first year in which it is below zero, if no earlier year had positive cash). Per programme of
        :data:`PROGRAMMES` "balance" (discounted, USD bn) and "recovered" (1 from the first year in
        which the balance is not negative).
    """
    return drawn_of(parameters, panel, _last_year(until), {}, rng)


def horizon(as_of: str) -> str:
    """Return the last year that is drawn, whatever the day: a programme's own years count."""
    return str(LAST)


def _last_year(until: str) -> int:
    last: int = period_end(until).year
    if not FIRST + 1 <= last <= LAST:
        raise DataError(f"cannot draw paybacks to {until!r}; wanted a year from 2027 to {LAST}")
    return last


def drawn_of(
    parameters: xr.Dataset,
    panel: Panel,
    last: int,
    revenue: Mapping[str, np.ndarray],
    rng: np.random.Generator,
) -> xr.Dataset:
    """Draw as :func:`draw` does; `revenue` of a laboratory takes the place of its curve's."""
    years = np.arange(FIRST, last + 1)
    series: dict[str, tuple[np.ndarray, np.ndarray, str]] = {}
    for lab, name in enumerate(LABORATORIES):
        own = _laboratory(parameters, panel, lab, years, revenue.get(name), rng)
        series |= {f"{name}/{metric}": arrays for metric, arrays in own.items()}
    for name in PROGRAMMES:
        balance = plan_of(parameters, name, last, revenue.get(LABORATORIES[0])).balance
        reached = np.maximum.accumulate(balance >= 0, axis=1).astype(float)
        series[f"{name}/balance"] = (balance, balance, UNIT)
        series[f"{name}/recovered"] = (reached, reached, "ratio")
    names = list(series)
    sizes = (parameters.sizes["chain"], parameters.sizes["draw"], len(names), len(years))
    y, signal = (np.stack([arrays[k] for arrays in series.values()], axis=1) for k in (0, 1))
    observed = np.full(sizes[2:], np.nan)
    for name, known in _reported(panel).items():
        for year, value in known.items():
            if year in years:
                observed[names.index(name), year - FIRST] = value
    dims = ("chain", "draw", "series", "period")
    return xr.Dataset(
        {
            "y": (dims, y.reshape(sizes)),
            "signal": (dims, signal.reshape(sizes)),
            "observed": (dims[2:], observed),
        },
        coords={
            "chain": parameters["chain"].values,
            "draw": parameters["draw"].values,
            "series": names,
            "period": years.astype(str),
        },
    ).assign_coords(
        entity=("series", [entity_of(n) for n in names]),
        metric=("series", [metric_of(n) for n in names]),
        unit=("series", [unit for _, _, unit in series.values()]),
        period_end=("period", [period_end(str(t)).isoformat() for t in years]),
    )


def _laboratory(
    parameters: xr.Dataset,
    panel: Panel,
    lab: int,
    years: np.ndarray,
    revenue: np.ndarray | None,
    rng: np.random.Generator,
) -> dict[str, tuple[np.ndarray, np.ndarray, str]]:
    """Return ``y``, ``signal`` and unit of a laboratory's series; arrays have shape (sample, year)."""
    p, name = _by_row(_flat(parameters), np.array([lab])), LABORATORIES[lab]
    start, length = years.astype(float), np.ones(len(years))
    rate, way = over(p, start, length)
    rate = rate if revenue is None else revenue
    margin = at_way(p, way)
    windows = _windows(panel, np.full(len(years), lab), start, length)
    net = margin * rate - p["share"] * _spent(p, windows, np)
    spread = np.sqrt(CASH_ERROR**2 + (p["swing"] * rate) ** 2)
    sold = rate * np.exp(p["noise"] * rng.standard_normal(rate.shape))
    paid = net + spread * rng.standard_normal(rate.shape)
    known = _reported(panel)
    for metric, values in (("annual_revenue", sold), ("net_cash", paid)):
        for year, value in known.get(f"{name}/{metric}", {}).items():
            values[:, years == year] = value
    committed = _committed(p, panel, lab, years, rng)
    to_come = np.cumsum(_rounds(p, year_of(panel.as_of), years, rng), axis=1)
    out: dict[str, tuple[np.ndarray, np.ndarray, str]] = {
        "annual_revenue": (sold, rate, UNIT),
        "cash_margin": (margin, margin, "ratio"),
        "net_cash": (paid, net, UNIT),
    }
    for metric, gone, new in (
        ("funding_left", "out_of_funding", 0.0),
        ("cash", "out_of_cash", to_come),
    ):
        left = [p["reserve"] + committed + new + np.cumsum(flow, axis=1) for flow in (paid, net)]
        out[metric] = (left[0], left[1], UNIT)
        out[gone] = (run_out(left[0], paid), run_out(left[1], net), "ratio")
    return out


def run_out(left: np.ndarray, net: np.ndarray) -> np.ndarray:
    """Return 1 from the first year in which nothing is left, if no earlier one had positive cash.

    Parameters
    ----------
    left, net
        Money at the end of a year and net cash of it, USD bn, shape (sample, year).
    """
    earlier = np.maximum.accumulate(net > 0, axis=1)
    earlier = np.concatenate([np.zeros_like(earlier[:, :1]), earlier[:, :-1]], axis=1)
    gone = np.maximum.accumulate((left < 0) & ~earlier, axis=1).astype(float)
    return np.where(np.isfinite(left), gone, np.nan)


def _committed(
    p: Arrays, panel: Panel, lab: int, years: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Return what rounds since 2026 have committed by the end of each year, shape (sample, year).

    A number counts as it is. Of a bound the sum beyond it is drawn from the law of rounds.
    """
    d, size = panel.data, len(p["reserve"])
    total = np.zeros((size, len(years)))
    own = (d["kind"].values == KINDS.index("round")) & (d["lab"].values == lab)
    for k in np.flatnonzero(own & (d["start"].values >= FIRST)):
        value, side = float(d["value"].values[k]), int(d["side"].values[k])
        amount = np.full((size, 1), value)
        if side:
            middle, sd = np.log(p["round_size"]), p["round_spread"]
            # The upper tail by symmetry, which keeps its digits: z is of the side that is asked for.
            mass = ndtr(-side * (np.log(value) - middle) / sd)
            amount = np.exp(middle - side * sd * ndtri(rng.uniform(size=(size, 1)) * mass))
        total += np.where(years >= d["year"].values[k], amount, 0.0)
    return total


def _rounds(p: Arrays, today: float, years: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return what rounds after today bring in each year, USD bn, shape (sample, year)."""
    ahead = np.clip(years + 1 - today, 0, 1)
    number = rng.poisson(p["round_rate"] * ahead)
    total = np.zeros(number.shape)
    for k in range(int(number.max(initial=0))):
        sums = p["round_size"] * np.exp(p["round_spread"] * rng.standard_normal(number.shape))
        total += np.where(number > k, sums, 0.0)
    return total


def _reported(panel: Panel) -> dict[str, dict[int, float]]:
    """Return years that have been reported as numbers, by series and year, net of a cloud's share."""
    names = {"annual_revenue": "annual_revenue", "annual_cash_burn": "net_cash"}
    found: dict[str, dict[int, float]] = {}
    data = panel.data
    for k in np.flatnonzero(data["side"].values == 0):
        entity, metric = (str(data[c].values[k]) for c in ("entity", "metric"))
        if metric in names:
            own = found.setdefault(f"{entity}/{names[metric]}", {})
            own[int(data["year"].values[k])] = float(data["value"].values[k])
    return found


# --- prior ranges -----------------------------------------------------------------------------------
def _last_rate(replicated: dict[str, np.ndarray], panel: Panel) -> np.ndarray:
    """Last exact run-rate of the first two years of the first laboratory, USD bn a year."""
    d = panel.data
    exact = (d["kind"].values == KINDS.index("sales")) & (d["side"].values == 0)
    exact &= (d["lab"].values == 0) & (d["length"].values == 0)
    # The range is of a company of that age, whenever it is looked at.
    early = np.flatnonzero(exact & (d["start"].values < ORIGIN + 2))
    k = early[-1:] if len(early) else np.flatnonzero(exact)[:1]
    return replicated["value"][:, k].ravel()


def _cash(replicated: dict[str, np.ndarray], panel: Panel) -> np.ndarray:
    own = panel.data["kind"].values == KINDS.index("projection")
    return replicated["value"][:, own].ravel()


PRIOR_CHECKS = (
    # A start-up of 2023 is neither nothing by mid-2024 nor as large as a cloud segment by 2026.
    ("run-rate at the last exact report by 2026, USD bn", _last_rate, 0.5, 60.0),
    # No company has had a yearly cash flow beyond a few hundred USD bn either way.
    ("projected cash of a year, USD bn", _cash, -400.0, 300.0),
)
