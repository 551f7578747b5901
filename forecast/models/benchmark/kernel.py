"""The density of all scores and reports, and its gradient, by hand in numba.

It is that of :func:`forecast.models.benchmark.model.specification`, whose formulas stand where they
are coded there, in :mod:`~forecast.models.benchmark.abilities` and
:mod:`~forecast.models.benchmark.spending`. Here the same lines come in the same order, and then,
backwards, what each adds to the derivative: ``d_x`` is the derivative of the log density by ``x``.
Of a release's scores, with node k at capability c[k] and part q[k] of the integral::

    d log p / d x = sum_k q[k] d log p(its scores, c[k]) / d x

It is the derivative of the sum over nodes, not of the integral that the sum is near: that goes through
the places of the nodes too. Without it energy would not be kept along the sampler's paths.

All is compiled once, behind a name that the sampler's code calls it by: a function of this length
linked into that code would be optimised again in each layer around it.

Invariant: :func:`panel_logp_grad` is the specification's log density by release, and the gradient
of its sum; ``tests/test_benchmark_kernel.py`` compares them at many points.
"""

from __future__ import annotations

import functools
import hashlib
import math
from collections.abc import Callable, Sequence
from pathlib import Path

import llvmlite.binding
import numba
import numpy as np
import pytensor.tensor as pt
from numba import types
from pytensor.gradient import DisconnectedType
from pytensor.graph.basic import Apply, Variable
from pytensor.graph.op import Op
from pytensor.link.numba.dispatch.basic import numba_njit, register_funcify_default_op_cache_key
from pytensor.scalar.basic import Second
from pytensor.tensor.elemwise import DimShuffle, Elemwise

# These stand here, where they are compiled in: numba's cache on disk goes by this file alone.
N_NODES = 5
NODES, _weights = np.polynomial.hermite_e.hermegauss(N_NODES)
WEIGHTS = _weights * np.exp(NODES**2 / 2) / np.sqrt(2 * np.pi)
"""Of an integral against no density: the nodes stand about the peak and not about the regression."""
SOFT_END = 0.02
"""Two points, about the noise of a score: so near floor or top, and beyond them, a score is taken for
one just inside, for its log-odds would be infinite. It moves nodes and cells, not the integral."""
LEAST_BEND = 1e-5
"""A bend nearer zero than this is taken as this: at three decades (exp(bend x) - 1) / bend is then
within 2 in 100,000 of its limit, x, without zero over zero."""
LOG2_E, ROUNDS = math.log2(math.e), 1.5 * 2.0**52
"""Added to a number, the second rounds it to a whole one."""
LOG_2_HIGH, LOG_2_LOW = float.fromhex("0x1.62e42feep-1"), float.fromhex("0x1.a39ef35793c76p-33")
"""The logarithm of two in two parts, the first of few digits, so that a multiple of it is exact."""
SERIES = tuple(1 / math.factorial(k) for k in range(13, -1, -1))
HALF_LOG_2PI = 0.5 * math.log(2 * math.pi)
# Places in the vectors of parameters, the order of `SCALARS` and `OWN` in the model.
(PROGRESS, BEND, GAIN_TREND, REASONING, CLOSED, EFFORT, COMPUTE_LEVEL, COMPUTE_GROWTH,
 COMPUTE_CLOSED, PRICE, PRICE_TREND, STATED_COST, COMPUTE_PER_SIZE,
 COMPUTE_PER_SIZE_TREND) = range(14)  # fmt: skip
(GAIN, ORGANISATION_SPREAD, RELEASE_SPREAD, PROTOCOL_SPREAD, COMPUTE_SPREAD,
 PRICE_SPREAD, SIZE_SPREAD, RATE_SPREAD, UPTAKE) = range(9)  # fmt: skip
EASINESS, FLOOR, DRIFT, NOISE, MISTAKES = range(5)
SAMPLED = 7
"""Arguments of :func:`panel_logp_grad` that have a derivative: the first."""

_OPTIONS = {"cache": True, "fastmath": False, "error_model": "numpy", "nogil": True}
_jit = numba.njit(**_OPTIONS)
_part = numba.njit(inline="always", **_OPTIONS)
"""Of a function that is part of :func:`_density`: not compiled by itself, and then again."""


@_part
def _logistic(x):
    return 1 / (1 + math.exp(-x))


@_part
def _mean(x):
    total = 0.0
    for value in x:
        total += value
    return total / len(x)


@_part
def _regression(p, q, effect, change, of_release, organisation_of, ramps, kept, by_release):
    """Fill `kept` for :func:`_regression_grad`, and `by_release` with the density of reports.

    `effect` is what an organisation adds, `change` the changes of the rate of progress.
    Returns the mean over releases of what compute brings.
    """
    middle, own = 0.0, q[COMPUTE_SPREAD] ** 2
    bend = LEAST_BEND if abs(p[BEND]) < LEAST_BEND else p[BEND]
    for i in range(of_release.shape[1]):
        t, closed, reasoning = of_release[0, i], of_release[1, i], of_release[2, i]
        has_compute, has_cost = of_release[3, i], of_release[4, i]
        log_compute, log_cost, stated = of_release[5, i], of_release[6, i], of_release[7, i]
        expected = p[COMPUTE_LEVEL] + p[COMPUTE_GROWTH] * t + p[COMPUTE_CLOSED] * closed
        price = p[PRICE] + p[PRICE_TREND] * t + p[STATED_COST] * stated
        only_cost = has_cost * (1 - has_compute)
        has_size, log_size = of_release[11, i], of_release[12, i]
        per_size = p[COMPUTE_PER_SIZE] + p[COMPUTE_PER_SIZE_TREND] * t
        only_size = has_size * (1 - has_compute) * (1 - has_cost)
        known, both = has_compute + only_cost + only_size, has_compute * has_cost
        left = has_compute * log_compute + only_cost * (log_cost - price) - expected
        left += only_size * (log_size + per_size)
        total = own + only_cost * q[PRICE_SPREAD] ** 2 + only_size * q[SIZE_SPREAD] ** 2
        total += (1 - only_size) * of_release[8, i] ** 2
        weight = known * own / total
        by_release[i] = -0.5 * known * (left * left / total + math.log(total))
        if both > 0:
            off = (log_cost - log_compute - price) / q[PRICE_SPREAD]
            by_release[i] -= both * (0.5 * off * off + math.log(q[PRICE_SPREAD]))
        if has_compute * has_size > 0:
            off = (log_compute - log_size - per_size) / q[SIZE_SPREAD]
            by_release[i] -= 0.5 * off * off + math.log(q[SIZE_SPREAD])
        compute, variance = expected + weight * left, own * (1 - weight)
        gain = q[GAIN] * math.exp(p[GAIN_TREND] * t) / bend
        spread = bend * bend * variance
        more = math.expm1(bend * compute + 0.5 * spread)
        wide = math.expm1(spread)
        grown = gain * (1 + more)
        middle += gain * more
        unmarked, without = of_release[9, i], math.exp(-q[UPTAKE] * of_release[10, i])
        unsure = unmarked * without * (1 - without)
        kept[0, i] = (
            gain * more
            + p[PROGRESS] * t
            + p[REASONING] * (reasoning + unmarked * (1 - without))
            + p[CLOSED] * closed
            + effect[organisation_of[i]]
        )
        for k in range(len(change)):
            kept[0, i] += change[k] * ramps[k, i]
        kept[1, i] = q[RELEASE_SPREAD] ** 2 + grown * grown * wide + p[REASONING] ** 2 * unsure
        kept[2, i], kept[3, i], kept[4, i], kept[5, i] = left, total, weight, compute
        kept[6, i], kept[7, i], kept[8, i] = gain, more, wide
    return middle / of_release.shape[1]


@_part
def _regression_grad(
    p, q, of_release, organisation_of, ramps, kept, d_kept, d_middle, d_p, d_q, d_effect, d_change
):  # fmt: skip
    """Add the derivatives by what :func:`_regression` took, given those by what it gave.

    `d_kept` has those by mean and variance of capability.
    """
    count, own = of_release.shape[1], q[COMPUTE_SPREAD] ** 2
    clipped = abs(p[BEND]) < LEAST_BEND
    bend = LEAST_BEND if clipped else p[BEND]
    d_own = 0.0
    for i in range(count):
        t, closed, reasoning = of_release[0, i], of_release[1, i], of_release[2, i]
        has_compute, has_cost = of_release[3, i], of_release[4, i]
        log_compute, log_cost, stated = of_release[5, i], of_release[6, i], of_release[7, i]
        left, total, weight, compute = kept[2, i], kept[3, i], kept[4, i], kept[5, i]
        gain, more, wide = kept[6, i], kept[7, i], kept[8, i]
        d_mean, d_variance = d_kept[0, i], d_kept[1, i]
        d_p[PROGRESS] += d_mean * t
        unmarked, without = of_release[9, i], math.exp(-q[UPTAKE] * of_release[10, i])
        unsure = unmarked * without * (1 - without)
        d_p[REASONING] += d_mean * (reasoning + unmarked * (1 - without))
        d_p[REASONING] += 2 * d_variance * p[REASONING] * unsure
        d_without = (
            unmarked * p[REASONING] * (d_variance * p[REASONING] * (1 - 2 * without) - d_mean)
        )
        d_q[UPTAKE] -= d_without * without * of_release[10, i]
        d_p[CLOSED] += d_mean * closed
        for k in range(len(d_change)):
            d_change[k] += d_mean * ramps[k, i]
        d_effect[organisation_of[i]] += d_mean
        d_q[RELEASE_SPREAD] += 2 * q[RELEASE_SPREAD] * d_variance
        # Of returns, by their factor, the exponent and what the variance of compute makes of it.
        grown, variance = gain * (1 + more), own * (1 - weight)
        d_brought = d_mean + d_middle / count
        d_square = 2 * grown * grown * wide * d_variance
        d_exponent = d_brought * grown + d_square
        d_log_gain = d_brought * gain * more + d_square
        d_spread = 0.5 * d_exponent + grown * grown * (1 + wide) * d_variance
        d_q[GAIN] += d_log_gain / q[GAIN]
        d_p[GAIN_TREND] += d_log_gain * t
        if not clipped:
            d_p[BEND] += d_exponent * compute + 2 * bend * variance * d_spread - d_log_gain / bend
        d_compute = bend * d_exponent
        # Of true compute given its report, and of the report.
        only_cost = has_cost * (1 - has_compute)
        has_size, log_size = of_release[11, i], of_release[12, i]
        only_size = has_size * (1 - has_compute) * (1 - has_cost)
        known, both = has_compute + only_cost + only_size, has_compute * has_cost
        d_weight = d_compute * left - own * bend * bend * d_spread
        d_left = d_compute * weight - known * left / total
        d_total = 0.5 * known * (left * left / total - 1) / total - d_weight * weight / total
        d_own += (1 - weight) * bend * bend * d_spread + known / total * d_weight + d_total
        d_q[PRICE_SPREAD] += 2 * q[PRICE_SPREAD] * only_cost * d_total
        d_q[SIZE_SPREAD] += 2 * q[SIZE_SPREAD] * only_size * d_total
        d_per_size = only_size * d_left
        if has_compute * has_size > 0:
            per_size = p[COMPUTE_PER_SIZE] + p[COMPUTE_PER_SIZE_TREND] * t
            off = (log_compute - log_size - per_size) / q[SIZE_SPREAD]
            d_per_size += off / q[SIZE_SPREAD]
            d_q[SIZE_SPREAD] += (off * off - 1) / q[SIZE_SPREAD]
        d_p[COMPUTE_PER_SIZE] += d_per_size
        d_p[COMPUTE_PER_SIZE_TREND] += d_per_size * t
        d_price = -only_cost * d_left
        if both > 0:
            price = p[PRICE] + p[PRICE_TREND] * t + p[STATED_COST] * stated
            off = (log_cost - log_compute - price) / q[PRICE_SPREAD]
            d_price += both * off / q[PRICE_SPREAD]
            d_q[PRICE_SPREAD] += both * (off * off - 1) / q[PRICE_SPREAD]
        d_p[PRICE] += d_price
        d_p[PRICE_TREND] += d_price * t
        d_p[STATED_COST] += d_price * stated
        d_expected = d_compute - d_left
        d_p[COMPUTE_LEVEL] += d_expected
        d_p[COMPUTE_GROWTH] += d_expected * t
        d_p[COMPUTE_CLOSED] += d_expected * closed
    d_q[COMPUTE_SPREAD] += 2 * q[COMPUTE_SPREAD] * d_own


@_part
def _curves(own, slope, protocol, effort, middle, of_score, index, curves):
    """Fill `curves`: floor, rise, slope, shift and noise variance of each score, shape (5, score)."""
    for j in range(curves.shape[1]):
        b, k = index[1, j], index[2, j]
        shift = own[EASINESS, b] - slope[b] * (of_score[3, j] + middle) + effort * of_score[2, j]
        shift += own[DRIFT, b] * of_score[4, j]
        if k < protocol.shape[0]:  # a reference protocol, past the last label, has no offset
            shift += protocol[k]
        curves[0, j] = own[FLOOR, b]
        curves[1, j] = 1 - own[MISTAKES, b] - own[FLOOR, b]
        curves[2, j] = slope[b]
        curves[3, j] = shift
        curves[4, j] = of_score[1, j] ** 2 + own[NOISE, b] ** 2


@_jit
def _exponential(x, scratch):
    """Replace a vector by its exponential, within rounding, several times faster than one by one.

    ``exp(x) = 2^n exp(r)`` with r at most half of log 2, where a Taylor series of degree 13 is exact
    to rounding: plain sums and products, which the compiler turns into vector instructions.
    """
    bits = scratch.view(np.int64)
    for j in range(len(x)):
        v = 700.0 if x[j] > 700.0 else x[j]
        x[j] = -700.0 if v < -700.0 else v
        scratch[j] = x[j] * LOG2_E + ROUNDS  # its last bits are n
    for j in range(len(x)):
        n = scratch[j] - ROUNDS
        r = x[j] - n * LOG_2_HIGH - n * LOG_2_LOW
        v = SERIES[0]
        for k in range(1, len(SERIES)):
            v = v * r + SERIES[k]
        x[j] = v
    for j in range(len(x)):
        bits[j] = (bits[j] + 1023) << 52  # 2^n
    for j in range(len(x)):
        x[j] *= scratch[j]


@_jit
def _logistic_of(x, scratch):
    """Replace a vector by its logistic function."""
    for j in range(len(x)):
        x[j] = -x[j]
    _exponential(x, scratch)
    for j in range(len(x)):
        x[j] = 1 / (1 + x[j])


@_part
def _said(scores, curves, said):
    """Fill `said`, shape (6, score), with what each score says by itself.

    Log-odds less the curve's shift, and their precision; for the gradient what lies above the floor
    and below the top, and the roots in the two.
    """
    floor, rise, slope, shift, noise = curves[0], curves[1], curves[2], curves[3], curves[4]
    off, precision, above, below = said[0], said[1], said[2], said[3]
    for j in range(len(scores)):
        a = scores[j] - floor[j]
        b = rise[j] - a
        said[4, j] = math.sqrt(a * a + 4 * SOFT_END**2)
        said[5, j] = math.sqrt(b * b + 4 * SOFT_END**2)
        above[j] = 0.5 * (a + said[4, j])
        below[j] = 0.5 * (b + said[5, j])
        root = above[j] * below[j] / (above[j] + below[j])
        precision[j] = slope[j] * root * root / noise[j]
    for j in range(len(scores)):
        off[j] = math.log(above[j] / below[j]) - shift[j]


@_part
def _scores(scores, at, curves, kept, by_release, d_curves, d_kept):
    """Add the density of each release's scores; fill the derivatives by their curves and regression.

    `at` has the release of each score. A loop does one thing, so that those without an exponential
    or a look-up by release use vector instructions.
    """
    count, releases = len(scores), len(by_release)
    mean, variance, d_mean, d_variance = kept[0], kept[1], d_kept[0], d_kept[1]
    floor, rise, slope, shift, noise = curves[0], curves[1], curves[2], curves[3], curves[4]
    d_floor, d_rise, d_slope = d_curves[0], d_curves[1], d_curves[2]
    d_shift, d_noise = d_curves[3], d_curves[4]
    said, scratch = np.empty((6, count)), np.empty(N_NODES * count)
    share, steep, gap = np.empty(count), np.empty(count), np.empty(count)
    weight, first, pull = np.empty(releases), np.empty(releases), np.empty(releases)
    rough, peak, width = np.empty(releases), np.empty(releases), np.empty(releases)

    # Where the nodes stand: roughly by what the scores suggest, then a Gauss-Newton step.
    _said(scores, curves, said)
    off, precision = said[0], said[1]
    for i in range(releases):
        first[i], pull[i] = 1 / variance[i], mean[i] / variance[i]
    for j in range(count):
        first[at[j]] += slope[j] * precision[j]
        pull[at[j]] += precision[j] * off[j]
    for i in range(releases):
        rough[i] = pull[i] / first[i]
        weight[i], pull[i] = 1 / variance[i], (mean[i] - rough[i]) / variance[i]
    for j in range(count):
        share[j] = shift[j] + slope[j] * rough[at[j]]
    _logistic_of(share, scratch[:count])
    for j in range(count):
        steep[j] = slope[j] * rise[j] * share[j] * (1 - share[j])
        gap[j] = scores[j] - floor[j] - rise[j] * share[j]
    for j in range(count):
        weight[at[j]] += steep[j] * steep[j] / noise[j]
        pull[at[j]] += steep[j] * gap[j] / noise[j]
    for i in range(releases):
        peak[i], width[i] = rough[i] + pull[i] / weight[i], 1 / math.sqrt(weight[i])

    # The integral.
    level, step, inverse = np.empty(count), np.empty(count), np.empty(count)
    nodes, left = np.empty((N_NODES, count)), np.empty((N_NODES, count))
    part = np.empty((N_NODES, releases))
    for j in range(count):
        level[j], step[j] = shift[j] + slope[j] * peak[at[j]], slope[j] * width[at[j]]
        inverse[j] = 1 / noise[j]
        by_release[at[j]] -= 0.5 * math.log(noise[j]) + HALF_LOG_2PI
    for k in range(N_NODES):
        for j in range(count):
            nodes[k, j] = level[j] + step[j] * NODES[k]
        for i in range(releases):
            part[k, i] = (peak[i] + width[i] * NODES[k] - mean[i]) ** 2 / variance[i]
    _logistic_of(nodes.reshape(-1), scratch)
    for k in range(N_NODES):
        for j in range(count):
            left[k, j] = scores[j] - floor[j] - rise[j] * nodes[k, j]
        for j in range(count):
            part[k, at[j]] += left[k, j] * left[k, j] * inverse[j]
    d_peak, d_width = np.zeros(releases), np.empty(releases)
    for i in range(releases):
        least = part[0, i]
        for k in range(1, N_NODES):
            least = min(least, part[k, i])
        for k in range(N_NODES):
            part[k, i] = -0.5 * (part[k, i] - least)
        by_release[i] -= 0.5 * least
    _exponential(part.reshape(-1), np.empty(N_NODES * releases))
    for i in range(releases):
        total = 0.0
        for k in range(N_NODES):
            part[k, i] *= WEIGHTS[k]
            total += part[k, i]
        by_release[i] += math.log(width[i] * total / math.sqrt(variance[i]))
        # From here on backwards, each node counting by its part of the integral.
        d_width[i], square = 1 / width[i], 0.0
        for k in range(N_NODES):
            part[k, i] /= total
            away = peak[i] + width[i] * NODES[k] - mean[i]
            pulled = part[k, i] * away / variance[i]
            square += pulled * away
            d_peak[i] -= pulled
            d_width[i] -= pulled * NODES[k]
        d_mean[i], d_variance[i] = -d_peak[i], 0.5 * (square - 1) / variance[i]
    d_curves[:] = 0.0
    d_step = np.zeros(count)
    pulled = scratch[:count]
    for k in range(N_NODES):
        for j in range(count):
            pulled[j] = part[k, at[j]] * inverse[j]
        for j in range(count):
            s, v = nodes[k, j], pulled[j] * left[k, j]
            d_floor[j] += v
            d_rise[j] += v * s
            d_noise[j] += v * left[k, j]
            v *= rise[j] * s * (1 - s)
            d_shift[j] += v
            d_step[j] += v * NODES[k]
    for j in range(count):
        i = at[j]
        d_noise[j] = 0.5 * (d_noise[j] - 1) * inverse[j]
        d_slope[j] = d_shift[j] * peak[i] + d_step[j] * width[i]
        d_peak[i] += d_shift[j] * slope[j]
        d_width[i] += d_step[j] * slope[j]

    # Through the places of the nodes: first the step, then the rough place.
    d_pull, d_weight, d_rough = np.empty(releases), np.empty(releases), np.empty(releases)
    for i in range(releases):
        d_pull[i] = d_peak[i] / weight[i]
        d_weight[i] = -(d_pull[i] * pull[i] + 0.5 * d_width[i] * width[i]) / weight[i]
        d_mean[i] += d_pull[i] / variance[i]
        d_rough[i] = d_peak[i] - d_pull[i] / variance[i]
        d_variance[i] -= (d_pull[i] * (mean[i] - rough[i]) + d_weight[i]) / variance[i] ** 2
    for j in range(count):
        i = at[j]
        bent, by_pull, by_weight = share[j] * (1 - share[j]), d_pull[i], d_weight[i]
        d_gap = by_pull * steep[j] * inverse[j]
        d_steep = (by_pull * gap[j] + 2 * by_weight * steep[j]) * inverse[j]
        d_eta = (d_steep * slope[j] * rise[j] * (1 - 2 * share[j]) - d_gap * rise[j]) * bent
        d_floor[j] -= d_gap
        d_rise[j] += d_steep * slope[j] * bent - d_gap * share[j]
        d_slope[j] += d_steep * rise[j] * bent + d_eta * rough[i]
        d_shift[j] += d_eta
        d_noise[j] -= (by_pull * gap[j] + by_weight * steep[j]) * steep[j] * inverse[j] ** 2
        d_rough[i] += d_eta * slope[j]
    for i in range(releases):
        d_pull[i] = d_rough[i] / first[i]
        d_weight[i] = -d_pull[i] * rough[i]
        d_mean[i] += d_pull[i] / variance[i]
        d_variance[i] -= (d_pull[i] * mean[i] + d_weight[i]) / variance[i] ** 2
    above, below = said[2], said[3]
    for j in range(count):
        by_pull, by_weight = d_pull[at[j]], d_weight[at[j]]
        d_precision = by_weight * slope[j] + by_pull * off[j]
        d_off = by_pull * precision[j]
        both = 1 / (above[j] + below[j])
        d_root = 2 * d_precision * slope[j] * inverse[j] * above[j] * below[j] * both**3
        # The derivative of what is above by the score is its share of the root.
        d_above = (d_root * below[j] * below[j] * above[j] + d_off) / said[4, j]
        d_below = (d_root * above[j] * above[j] * below[j] - d_off) / said[5, j]
        d_floor[j] += d_below - d_above
        d_rise[j] += d_below
        d_slope[j] += by_weight * precision[j] + d_precision * precision[j] / slope[j]
        d_shift[j] -= d_off
        d_noise[j] -= d_precision * precision[j] * inverse[j]


_FLOATS, _INTEGERS = types.CPointer(types.float64), types.CPointer(types.int32)
_SYMBOL = "forecast_benchmark_density"
_SIGNATURE = types.void(*[types.intp] * 6, *[_FLOATS] * 10, types.float64, _FLOATS, _INTEGERS, _FLOATS,
                        _FLOATS, _INTEGERS, *[_FLOATS] * 8)  # fmt: skip
_external = types.ExternalFunction(_SYMBOL, _SIGNATURE)


def _density(
    organisations, benchmarks, protocols, knots, releases, scores,
    z_normal, z_log_normal, z_organisation, z_own, z_slope, z_protocol, z_rate,
    prior_normal, prior_log_normal, prior_own, slope_spread,
    of_release, organisation_of, ramps, of_score, index,
    by_release, d_normal, d_log_normal, d_organisation, d_own, d_slope, d_protocol, d_rate,
):  # fmt: skip
    """Fill the last seven arguments with what :func:`panel_logp_grad` returns.

    Lengths come first; all else but `slope_spread` are addresses, of whole tables row by row.
    """
    z_normal = numba.carray(z_normal, 14)
    z_log_normal = numba.carray(z_log_normal, 9)
    z_organisation = numba.carray(z_organisation, organisations)
    z_own = numba.carray(z_own, (5, benchmarks))
    z_slope = numba.carray(z_slope, benchmarks)
    z_protocol = numba.carray(z_protocol, protocols)
    d_normal = numba.carray(d_normal, 14)
    d_log_normal = numba.carray(d_log_normal, 9)
    d_organisation = numba.carray(d_organisation, organisations)
    d_own = numba.carray(d_own, (5, benchmarks))
    d_slope = numba.carray(d_slope, benchmarks)
    d_protocol = numba.carray(d_protocol, protocols)
    z_rate, d_rate = numba.carray(z_rate, knots), numba.carray(d_rate, knots)
    ramps = numba.carray(ramps, (knots, releases))
    prior_normal = numba.carray(prior_normal, (2, 14))
    prior_log_normal = numba.carray(prior_log_normal, (2, 9))
    prior_own = numba.carray(prior_own, (2, 5, benchmarks))
    of_release = numba.carray(of_release, (13, releases))
    organisation_of = numba.carray(organisation_of, releases)
    of_score = numba.carray(of_score, (5, scores))
    index = numba.carray(index, (3, scores))
    by_release = numba.carray(by_release, releases)
    p, q, own = np.empty_like(z_normal), np.empty_like(z_log_normal), np.empty_like(z_own)
    for k in range(len(p)):
        p[k] = prior_normal[0, k] + prior_normal[1, k] * z_normal[k]
    for k in range(len(q)):
        q[k] = math.exp(prior_log_normal[0, k] + prior_log_normal[1, k] * z_log_normal[k])
    for k in range(5):
        for b in range(benchmarks):
            own[k, b] = prior_own[0, k, b] + prior_own[1, k, b] * z_own[k, b]
    slope, middle_z = np.empty(benchmarks), _mean(z_slope)
    for b in range(benchmarks):
        own[NOISE, b] = math.exp(own[NOISE, b])
        own[MISTAKES, b] = _logistic(own[MISTAKES, b])
        slope[b] = math.exp(slope_spread * (z_slope[b] - middle_z))
    effect, protocol = np.empty_like(z_organisation), np.empty_like(z_protocol)
    middle_z = _mean(z_organisation)
    for k in range(len(effect)):
        effect[k] = q[ORGANISATION_SPREAD] * (z_organisation[k] - middle_z)
    for k in range(len(protocol)):
        protocol[k] = q[PROTOCOL_SPREAD] * z_protocol[k]
    change = np.empty_like(z_rate)
    for k in range(len(change)):
        change[k] = q[RATE_SPREAD] * z_rate[k]

    kept, d_kept = np.empty((9, releases)), np.zeros((2, releases))
    curves, d_curves = np.empty((5, scores)), np.empty((5, scores))
    middle = _regression(p, q, effect, change, of_release, organisation_of, ramps, kept, by_release)
    _curves(own, slope, protocol, p[EFFORT], middle, of_score, index, curves)
    _scores(of_score[0], index[0], curves, kept, by_release, d_curves, d_kept)

    for gradient in (d_normal, d_log_normal, d_organisation, d_slope, d_protocol, d_rate):
        gradient[:] = 0.0
    d_own[:] = 0.0
    d_middle = 0.0
    for j in range(scores):
        b, k = index[1, j], index[2, j]
        d_shift = d_curves[3, j]
        d_own[EASINESS, b] += d_shift
        d_own[DRIFT, b] += of_score[4, j] * d_shift
        d_own[FLOOR, b] += d_curves[0, j] - d_curves[1, j]
        d_own[NOISE, b] += 2 * own[NOISE, b] * d_curves[4, j]
        d_own[MISTAKES, b] -= d_curves[1, j]
        d_slope[b] += d_curves[2, j] - (of_score[3, j] + middle) * d_shift
        d_middle -= slope[b] * d_shift
        d_normal[EFFORT] += of_score[2, j] * d_shift
        if k < len(protocol):
            d_protocol[k] += d_shift
    _regression_grad(
        p, q, of_release, organisation_of, ramps, kept, d_kept, d_middle,
        d_normal, d_log_normal, d_organisation, d_rate,
    )  # fmt: skip

    # From the parameters to what is sampled.
    for k in range(len(effect)):
        d_log_normal[ORGANISATION_SPREAD] += d_organisation[k] * effect[k] / q[ORGANISATION_SPREAD]
    for k in range(len(protocol)):
        d_log_normal[PROTOCOL_SPREAD] += d_protocol[k] * z_protocol[k]
        d_protocol[k] *= q[PROTOCOL_SPREAD]
    for k in range(len(change)):
        d_log_normal[RATE_SPREAD] += d_rate[k] * z_rate[k]
        d_rate[k] *= q[RATE_SPREAD]
    d_mean = _mean(d_organisation)
    for k in range(len(effect)):
        d_organisation[k] = q[ORGANISATION_SPREAD] * (d_organisation[k] - d_mean)
    for b in range(benchmarks):
        d_own[NOISE, b] *= own[NOISE, b]
        d_own[MISTAKES, b] *= own[MISTAKES, b] * (1 - own[MISTAKES, b])
        d_slope[b] *= slope_spread * slope[b]
        for k in range(5):
            d_own[k, b] *= prior_own[1, k, b]
    d_mean = _mean(d_slope)
    for b in range(benchmarks):
        d_slope[b] -= d_mean
    for k in range(len(p)):
        d_normal[k] *= prior_normal[1, k]
    for k in range(len(q)):
        d_log_normal[k] *= prior_log_normal[1, k] * q[k]


def panel_logp_grad(
    z_normal, z_log_normal, z_organisation, z_own, z_slope, z_protocol, z_rate,
    prior_normal, prior_log_normal, prior_own, slope_spread,
    of_release, organisation_of, ramps, of_score, index,
):  # fmt: skip
    """Return the log density of each release's scores and reports, and the gradient of their sum.

    Parameters
    ----------
    z_normal, z_log_normal, z_organisation, z_own, z_slope, z_protocol, z_rate
        What is sampled, in units of the priors: vectors, but for `z_own`, shape (5, benchmark).
    prior_normal, prior_log_normal, prior_own
        Means and sds as :func:`~forecast.models.benchmark.model.prior_arrays` gives them, shapes
        (2, 14), (2, 9) and (2, 5, benchmark).
    slope_spread
        Log sd of slopes over benchmarks.
    of_release, organisation_of
        Covariates of each release in the order of the model's `OF_RELEASE`, shape (13, release); its
        organisation.
    ramps
        How far each change of the rate of progress moves each release, shape (knot, release).
    of_score, index
        Score, its sampling error, steps of effort, the capability about which its benchmark's curve
        turns, and years from the middle of that benchmark's scores, shape (5, score); release,
        benchmark and protocol, shape (3, score).

    Returns
    -------
    tuple of numpy.ndarray
        Log density, shape (release,); the derivatives by the first seven arguments, in their shapes.
    """
    # By its name; numba has the addresses of arrays in `ctypes`.
    by_release, d_normal = np.empty(of_release.shape[1]), np.empty_like(z_normal)
    d_log_normal, d_organisation = np.empty_like(z_log_normal), np.empty_like(z_organisation)
    d_own, d_slope, d_protocol, d_rate = (
        np.empty_like(z_own),
        np.empty_like(z_slope),
        np.empty_like(z_protocol),
        np.empty_like(z_rate),
    )
    _external(
        len(z_organisation), len(z_slope), len(z_protocol), len(z_rate), of_release.shape[1],
        of_score.shape[1],
        z_normal.ctypes, z_log_normal.ctypes, z_organisation.ctypes, z_own.ctypes, z_slope.ctypes,
        z_protocol.ctypes, z_rate.ctypes, prior_normal.ctypes, prior_log_normal.ctypes,
        prior_own.ctypes, slope_spread, of_release.ctypes, organisation_of.ctypes, ramps.ctypes,
        of_score.ctypes, index.ctypes,
        by_release.ctypes, d_normal.ctypes, d_log_normal.ctypes, d_organisation.ctypes, d_own.ctypes,
        d_slope.ctypes, d_protocol.ctypes, d_rate.ctypes,
    )  # fmt: skip
    return by_release, d_normal, d_log_normal, d_organisation, d_own, d_slope, d_protocol, d_rate


@functools.cache
def _native() -> object:
    """Return the compiled :func:`_density`, which code that is linked from now on finds by its name."""
    density = numba.cfunc(_SIGNATURE, cache=True, error_model="numpy", fastmath=False)(_density)
    llvmlite.binding.add_symbol(_SYMBOL, density.address)
    return density


@functools.cache
def compiled() -> Callable[..., tuple[np.ndarray, ...]]:
    """Return the compiled :func:`panel_logp_grad`, of the one signature that there is."""
    _native()
    vectors, tables, cubes = (types.Array(types.float64, ndim, "C") for ndim in (1, 2, 3))
    gives = types.Tuple((*[vectors] * 4, tables, vectors, vectors, vectors))
    # What is only read may be writeable or not.
    vector, table, cube = (x.copy(readonly=True) for x in (vectors, tables, cubes))
    place, places = (types.Array(types.int32, ndim, "C", readonly=True) for ndim in (1, 2))
    sampled = (vector, vector, vector, table, vector, vector, vector)
    takes = (*sampled, table, table, cube, types.float64, table, place, table, table, places)
    found: Callable[..., tuple[np.ndarray, ...]] = numba.njit(gives(*takes), **_OPTIONS)(
        panel_logp_grad
    )
    return found


class PanelLogp(Op):  # type: ignore[misc]
    """:func:`panel_logp_grad` in a graph; all outputs but the first serve the gradient."""

    __props__ = ()

    def make_node(self, *inputs: Variable) -> Apply:
        """Take the sixteen arguments of :func:`panel_logp_grad`."""
        _native()  # before any code is linked, be it taken from a cache on disk
        variables = [pt.as_tensor_variable(i) for i in inputs]
        sampled = [v.type() for v in variables[:SAMPLED]]
        return Apply(self, variables, [pt.dvector(), *sampled])

    def perform(
        self, node: Apply, inputs: Sequence[np.ndarray], outputs: Sequence[list[object]]
    ) -> None:
        """Compute outside of compiled code."""
        before, after = (
            [np.ascontiguousarray(x) for x in part] for part in (inputs[:10], inputs[11:])
        )
        found = compiled()(*before, float(inputs[10]), *after)
        for place, value in zip(outputs, found, strict=True):
            place[0] = value

    def pullback(
        self,
        inputs: Sequence[Variable],
        outputs: Sequence[Variable],
        cotangents: Sequence[Variable],
    ) -> list[Variable]:
        """Return the derivative of a multiple of the sum over releases.

        Raises
        ------
        NotImplementedError
            If the releases do not all count alike.
        """
        each = _of_each(cotangents[0])
        derivatives = [each * one for one in outputs[1:]]
        return [*derivatives, *(DisconnectedType()() for _ in inputs[SAMPLED:])]

    def connection_pattern(self, node: Apply) -> list[list[bool]]:
        """Say that data have no derivative, and that only the density has one."""
        none = [False] * len(node.outputs)
        first = [True, *none[1:]]
        return [first if k < SAMPLED else none for k in range(len(node.inputs))]


def _of_each(cotangent: Variable) -> Variable:
    """Return the one number that all releases' densities count by, as in their sum."""
    node = cotangent.owner
    if node is not None and isinstance(node.op, Elemwise) and isinstance(node.op.scalar_op, Second):
        spread = node.inputs[1].owner
        if spread is not None and isinstance(spread.op, DimShuffle) and spread.inputs[0].ndim == 0:
            return spread.inputs[0]
    raise NotImplementedError("only the sum of the releases' densities has its gradient at hand")


@register_funcify_default_op_cache_key(PanelLogp)
def _in_numba(op: PanelLogp, node: Apply, **_: object) -> tuple[Callable[..., object], int]:
    """Return the compiled form, and a key of this file for the compile cache on disk."""
    density = compiled()

    @numba_njit
    def panel(
        z_normal, z_log_normal, z_organisation, z_own, z_slope, z_protocol, z_rate,
        prior_normal, prior_log_normal, prior_own, slope_spread,
        of_release, organisation_of, ramps, of_score, index,
    ):  # fmt: skip
        return density(
            z_normal, z_log_normal, z_organisation, z_own, z_slope, z_protocol, z_rate,
            prior_normal, prior_log_normal, prior_own, slope_spread.item(),
            of_release, organisation_of, ramps, of_score, index,
        )  # fmt: skip

    source = hashlib.sha256(Path(__file__).read_bytes()).digest()
    return panel, int.from_bytes(source[:4], "big")
