"""The item response curve: ability, discrimination, difficulty, guessing floor and upper asymptote.

A four-parameter logistic model (4PL; Birnbaum 1968 for discrimination and guessing, Barton and Lord
1981 for the upper asymptote) with continuous scores. Release i (the person), benchmark b (the item),
protocol p::

    score      = floor[b] + (1 - mistakes[b] - floor[b]) logistic(eta) + normal noise
    eta        = easiness[b] + drift[b] since[i] + slope[b] (capability[i] - centre[b] - middle)
                 + protocol[p] + effort
    capability = returns(x, t) + progress t + sum_k rate_change[k] ramp[k, i] + reasoning graded[i]
                 + closed + organisation + N(0, spread^2)

The second line is slope (ability - difficulty) with difficulty = centre + middle - easiness / slope;
the third, a latent regression of ability on covariates. `middle` is the mean of returns over the
releases, so that easiness is that of an average one. Slopes multiply to one over benchmarks, which
fixes the unit of ability.

Rate: `progress` is that of mid-2024; from there it walks, by N(0, rate_spread^2) a root year, forwards
and backwards in half years. Dates after the last release go on changing. `drift` is what a year adds
on one benchmark alone, `since` the years from the middle of its scores.

Reasoning: the mark of a release goes stale. Since the first that reasoned, more and more that are not
marked do, on request or by what they were taught. A release that is not marked has reasoning with
probability ``1 - exp(-uptake t')``, t' years since then; it enters by its mean and its variance, that
of a yes or no, so that such a release is foreseen less sharply and says less of the rest::

    graded = 1 if marked, else 1 - exp(-uptake t');  variance reasoning^2 graded (1 - graded)

Quadrature: abilities are integrated out. Given all else each has one dimension, so adaptive
Gauss-Hermite quadrature with five nodes does it; afterwards they are drawn from that one dimension's
conditional, on a fine grid::

    p(scores) = width / sd sum_k w[k] exp(-squares(c[k]) / 2) / prod_j sqrt(2 pi var[j])
    squares(c) = sum_j (score[j] - expected[j](c))^2 / var[j] + (c - mean)^2 / sd^2
    c[k] = peak + width node[k],  w[k] = weight[k] exp(node[k]^2 / 2) / sqrt(2 pi)

Over all scores the quadrature misses the log density by 0.4, nearly the same everywhere (sd over the
posterior 0.1): half of it in one release near the floor.
"""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import TYPE_CHECKING

import numpy as np
import pymc as pm
import pytensor.tensor as pt
from scipy.special import expit

from forecast.models.benchmark.kernel import N_NODES, NODES, SOFT_END, WEIGHTS
from forecast.models.benchmark.layout import (
    NAMES,
    OPEN_SHARE,
    REASONING_SHARE,
    YEAR_ORIGIN,
    Layout,
    Turns,
    ramps,
    turns_of,
)
from forecast.models.benchmark.spending import returns

if TYPE_CHECKING:
    from forecast.models.base import Panel
    from forecast.models.common import Array, Arrays

EDGES = 2.0 * np.sinh(np.linspace(-4.4, 4.4, 49))
"""Edges of the cells that capabilities are drawn from, in widths from the peak: narrow there, and far
enough out for scores near the floor, which say little of how far below a capability lies."""
SLICE = 25
"""Samples at a time there: the whole grid at once would not fit in memory."""


def regression(
    xp: ModuleType,
    p: Arrays,
    data: Arrays,
    spend: Arrays,
    organisation: Array,
) -> tuple[Array, Array, Array]:
    """Return mean and variance of capability given the covariates, and the mean of returns."""
    brought, variance = returns(xp, p, data["years"], spend["mean"], spend["variance"])
    without = xp.exp(-p["uptake"] * data["since_reasoning"])
    variance = variance + p["reasoning"] ** 2 * data["unmarked"] * without * (1 - without)
    mean = (
        brought
        + p["progress"] * data["years"]
        + p["rate_change"] @ data["ramps"]
        + p["reasoning"] * (data["reasoning_flag"] + data["unmarked"] * (1 - without))
        + p["closed"] * data["closed_flag"]
        + organisation
    )
    return mean, p["release_spread"] ** 2 + variance, brought.mean(axis=-1, keepdims=True)


def curve_of(p: Arrays, of: Arrays, middle: Array) -> dict[str, Array]:
    """Return the curve that each score lies about: floor, rise, shift, slope, noise variance.

    Parameters
    ----------
    p
        Parameters, whose last axis is that of benchmarks.
    of
        ``benchmark``, ``centre``, ``since``, ``offset`` and ``se`` of each score.
    middle
        Mean over releases of what compute brings.
    """
    b = of["benchmark"]
    slope, floor = p["slope"][..., b], p["floor"][..., b]
    easiness = p["easiness"][..., b] + p["drift"][..., b] * of["since"]
    return {
        "slope": slope,
        "floor": floor,
        "rise": 1 - p["mistakes"][..., b] - floor,
        "shift": easiness - slope * (of["centre"] + middle) + of["offset"],
        "variance": of["se"] ** 2 + (p["noise"] ** 2)[..., b],
    }


def log_odds(
    flat: dict[str, np.ndarray],
    b: np.ndarray,
    centre: np.ndarray,
    capability: np.ndarray,
    since: np.ndarray,
) -> np.ndarray:
    """Return log-odds above the floor under the reference protocols, shape (sample, score).

    Parameters
    ----------
    flat, b
        Parameters and the benchmark of each score.
    centre
        Capability about which each benchmark's curve turns.
    capability, since
        Of each score: ability, and years from the middle of the benchmark's scores.
    """
    above = capability - centre[b] - flat["middle"]
    eta: np.ndarray = flat["easiness"][:, b] + flat["slope"][:, b] * above
    return eta + flat["drift"][:, b] * since


def expected_score(flat: dict[str, np.ndarray], b: np.ndarray, eta: np.ndarray) -> np.ndarray:
    """Return expected scores, shares, of benchmarks `b` at log-odds `eta`, shape (sample, score)."""
    floor, top = flat["floor"][:, b], 1 - flat["mistakes"][:, b]
    return floor + (top - floor) * expit(eta)


def steepness(flat: dict[str, np.ndarray], b: np.ndarray, eta: np.ndarray) -> np.ndarray:
    """Return the derivative of expected scores by capability, shares, shape (sample, score)."""
    floor, top = flat["floor"][:, b], 1 - flat["mistakes"][:, b]
    found: np.ndarray = flat["slope"][:, b] * (top - floor) * expit(eta) * expit(-eta)
    return found


def score_noise(
    flat: dict[str, np.ndarray], b: np.ndarray, se: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Draw what a score differs by from the expected one, shares, shape (sample, score)."""
    scale = np.sqrt(se**2 + flat["noise"][:, b] ** 2)
    return scale * rng.standard_normal(scale.shape)


def protocol_offset(flat: dict[str, np.ndarray], protocol: np.ndarray) -> np.ndarray:
    """Return what each score's protocol adds to its log-odds, shape (sample, score)."""
    offsets = np.column_stack([flat["protocol"], np.zeros(len(flat["protocol"]))])
    return offsets[:, protocol]


def given_covariates(
    flat: dict[str, np.ndarray],
    data: dict[str, np.ndarray],
    spend: Arrays,
    effect: np.ndarray,
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray]:
    """Draw capabilities from the regression; also return the mean of returns."""
    mean, variance, middle = regression(np, flat, data, spend, effect)
    return mean + np.sqrt(variance) * rng.standard_normal(mean.shape), middle


def expected_percent(
    flat: dict[str, np.ndarray],
    turns: Turns,
    years: np.ndarray,
    x: np.ndarray,
    reasoning: np.ndarray,
) -> np.ndarray:
    """Return expected percent of a closed model of an average organisation.

    Shape (sample, benchmark, point); `x` is log10 compute, a value a point or also a sample, the
    other arguments have one value a point; `reasoning` is 0 without and 1 with it.
    """
    brought, _ = returns(np, flat, years, x, np.zeros(len(years)))
    capability = (
        brought
        + flat["progress"] * years
        + flat["rate_change"] @ ramps(years, turns.knots)
        + flat["reasoning"] * (reasoning - REASONING_SHARE)
        + flat["closed"] * OPEN_SHARE
    )
    shares = []
    for k in range(len(NAMES)):
        b = np.full(len(years), k)
        eta = log_odds(flat, b, turns.centre, capability, years - turns.middle[k])
        shares.append(100 * expected_score(flat, b, eta))
    return np.stack(shares, axis=1)


def score_density(
    p: Arrays,
    of: Arrays,
    given: tuple[Array, Array],
    middle: Array,
) -> Array:
    """Return the log density of each release's scores, its capability integrated out."""
    at, score = of["release"], of["score"]
    mean, variance = given

    def by_release(values: Array, *width: int) -> Array:
        return pt.inc_subtensor(pt.zeros((mean.shape[0], *width))[at], values)

    curve = curve_of(p, of, middle)
    peak, width = placed(pt, curve, score, at, given, by_release)
    sd, scale = pt.sqrt(variance), pt.sqrt(curve["variance"])
    level = curve["shift"] + curve["slope"] * peak[at]
    step = curve["slope"] * width[at]
    share = pm.math.sigmoid(level[:, None] + step[:, None] * NODES)
    left = ((score - curve["floor"]) / scale)[:, None] - (curve["rise"] / scale)[:, None] * share
    squares = by_release(left**2, N_NODES)
    squares = squares + (((peak - mean) / sd)[:, None] + (width / sd)[:, None] * NODES) ** 2
    integral = pt.logsumexp(np.log(WEIGHTS) - 0.5 * squares, axis=1)
    errors = by_release(pt.log(scale) + 0.5 * np.log(2 * np.pi))
    return integral + pt.log(width) - pt.log(sd) - errors


def placed(
    xp: ModuleType,
    curve: Arrays,
    score: Array,
    at: Array,
    given: tuple[Array, Array],
    by_release: Callable[[Array], Array],
) -> tuple[Array, Array]:
    """Return about where, and how widely, each capability lies given its scores.

    First from the log-odds that the scores by themselves suggest, then by one Gauss-Newton step on
    the scores as they are. The integral is exact wherever its nodes stand; this makes few enough.

    Parameters
    ----------
    xp
        ``numpy`` or ``pytensor.tensor``.
    curve, score, at
        :func:`curve_of` the scores, the scores, and the release of each.
    given
        Mean and variance of the regression, by release.
    by_release
        Sums over each release's scores.
    """
    (mean, variance), slope, shift = given, curve["slope"], curve["shift"]
    said, precision = _said(xp, score, curve)
    weight = by_release(slope**2 * precision) + 1 / variance
    peak = (by_release(slope * precision * (said - shift)) + mean / variance) / weight
    share = logistic(xp, shift + slope * peak[..., at])
    steep = slope * curve["rise"] * share * (1 - share)
    gap = score - curve["floor"] - curve["rise"] * share
    weight = by_release(steep**2 / curve["variance"]) + 1 / variance
    pull = by_release(steep * gap / curve["variance"]) + (mean - peak) / variance
    return peak + pull / weight, 1 / xp.sqrt(weight)


def _said(xp: ModuleType, score: Array, curve: Arrays) -> tuple[Array, Array]:
    """Return log-odds and precision that a score by itself suggests, also beyond floor and top."""
    above = _kept_positive(xp, score - curve["floor"])
    below = _kept_positive(xp, curve["floor"] + curve["rise"] - score)
    derivative = above * below / (above + below)
    return xp.log(above / below), derivative**2 / curve["variance"]


def _kept_positive(xp: ModuleType, x: Array) -> Array:
    return (x + xp.sqrt(x**2 + 4 * SOFT_END**2)) / 2


def logistic(xp: ModuleType, x: Array) -> Array:
    """Return the logistic function of numbers, or of a variable of a model."""
    return expit(x) if xp is np else pm.math.sigmoid(x)


def given_scores(
    flat: dict[str, np.ndarray],
    panel: Panel,
    where: Layout,
    given: tuple[np.ndarray, np.ndarray],
    rng: np.random.Generator,
) -> np.ndarray:
    """Draw capabilities given scores and all else, shape (sample, release)."""
    b, data, at = where.benchmark, panel.data, where.release
    mean, variance = given
    score, se = data["score"].values, data["score_se"].values
    turns, effort = turns_of(panel, where), data["effort_steps"].values
    since = data["year"].values - YEAR_ORIGIN - turns.middle[b]
    drawn = np.empty_like(mean)
    for start in range(0, len(mean), SLICE):
        rows = slice(start, start + SLICE)
        p = {name: values[rows] for name, values in flat.items()}
        offset = protocol_offset(p, where.protocol) + p["effort"] * effort
        of = {"benchmark": b, "centre": turns.centre[b], "since": since, "offset": offset, "se": se}
        curve = curve_of(p, of, p["middle"])
        here = mean[rows], variance[rows]

        def by_release(values: np.ndarray) -> np.ndarray:
            sums: np.ndarray = np.add.reduceat(values, where.first, axis=-1)
            return sums

        peak, width = placed(np, curve, score, at, here, by_release)
        grid = peak[..., None] + width[..., None] * (EDGES[1:] + EDGES[:-1]) / 2
        eta = curve["shift"][..., None] + curve["slope"][..., None] * grid[:, at]
        left = (score - curve["floor"])[..., None] - curve["rise"][..., None] * expit(eta)
        squares = np.add.reduceat(left**2 / curve["variance"][..., None], where.first, axis=1)
        squares += (grid - here[0][..., None]) ** 2 / here[1][..., None]
        mass = np.exp(-0.5 * (squares - squares.min(axis=-1, keepdims=True))) * np.diff(EDGES)
        above = rng.random((*peak.shape, 1)) * mass.sum(axis=-1, keepdims=True)
        cell = (mass.cumsum(axis=-1) < above).sum(axis=-1)
        within = np.diff(EDGES)[cell] * rng.random(peak.shape)
        drawn[rows] = peak + width * (EDGES[cell] + within)
    return drawn
