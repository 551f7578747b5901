"""The log density of the hazard model, priors and panel, and its gradient, by hand in numba.

It is that of :func:`forecast.models.hazard.model.build`, whose formulas stand there and in
:mod:`~forecast.models.hazard.returns`, of one vector: :mod:`~forecast.models.hazard.compact` says which
number stands where in it, and in what units. Here the same lines come in the same order, and then,
backwards, what each adds to the derivative: ``d_x`` is the derivative of the log density by ``x``, or
by the log of ``x`` where ``x`` is a factor of a hazard.

All is compiled once, behind a name that the sampler's code calls it by: a function of this length
linked into that code would be optimised again in each layer around it. A panel without returns has none
of their rows and parameters, and the same code.

Invariant: :func:`logp_grad` is the log density that PyMC has for the model, and its gradient;
``tests/test_hazard_kernel.py`` compares them at many points of several panels and prior sets.
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

# These stand here, where they are compiled in: numba's cache on disk goes by this file alone.
STAGES, MONTHS, YEAR_OF = 3, 48, 12.0
"""Steps of a fall, months that an episode is followed, and the scale of time, as in the model."""
LEAST = 1e-12
"""A cumulative hazard below this is taken as this where a fall has come: its log stays finite."""
HALF_LOG_2PI = 0.5 * math.log(2 * math.pi)
# Places of parameters in the point, the order of `LAYOUT` in compact.py: numbers, then pairs of the
# two later stages, from which the vectors by year, industry and index begin.
RATE, SHAPE, RUNUP, MARKET, WILD, INDUSTRY_SD, YEAR_SD, PAIRS = range(8)
# Rows of the table of what differs between stages: the pairs in their order.
(OWN_RATE, OWN_JUMP, OWN_SHAPE, OWN_RUNUP, OWN_MARKET, OWN_WILD, OWN_LOAD, OWN) = range(8)
VECTORS = PAIRS + OWN * (STAGES - 1)
DRIFT, VOLATILITY, TAIL, MEMORY, RECENT, OF_INDEX = range(6)
SMALL, LARGE = 1e-100, 1e100
"""A sum of logarithms is that of a product, which is a tenth of the work; between these it is exact to
rounding, and beyond them its logarithm is taken and a new one begun."""
ASYMPTOTIC = 10.0
"""From here on seven terms of the digamma function's series are exact to rounding."""

_OPTIONS = {"cache": True, "fastmath": False, "error_model": "numpy", "nogil": True}
_part = numba.njit(inline="always", **_OPTIONS)
"""Of a function that is part of :func:`_density`: not compiled by itself, and then again."""


@_part
def _digamma(x):
    """Return the derivative of the log of the gamma function at a number above zero."""
    found = 0.0
    while x < ASYMPTOTIC:
        found -= 1 / x
        x += 1
    y = 1 / (x * x)
    series = 1 / 240 - y * (1 / 132 - y * (691 / 32760 - y / 12))
    return found + math.log(x) - 0.5 / x - y * (1 / 12 - y * (1 / 120 - y * (1 / 252 - y * series)))


@_part
def _fall(hazard):
    """Return the probability of a fall at a cumulative hazard, and the slope of its log by that log."""
    if hazard < LEAST:
        return LEAST, 0.0
    fallen = -math.expm1(-hazard)
    return fallen, hazard * (1 - fallen) / fallen if fallen < 1 else 0.0


@_part
def _episodes(law, d_law, effect, d_effect, industry, d_industry, of_episode, industry_of,
              stretches, falls, firsts):  # fmt: skip
    """Return the log density of what came after run-ups; add to its derivatives.

    `law` has what differs between stages, shape (:data:`OWN`, stage); `effect` and `industry` are
    the effects of years and industries in the first stage.
    """
    episodes, years = of_episode.shape[1], len(effect)
    monthly, at_once = np.empty(STAGES * episodes), np.empty(STAGES * episodes)
    calendar = np.empty(STAGES * years)
    timed, sums = np.empty(STAGES * MONTHS), np.empty(STAGES * (MONTHS + 1))
    for s in range(STAGES):
        rate, at_start = math.exp(law[OWN_RATE, s]), math.exp(law[OWN_JUMP, s])
        for i in range(episodes):
            linear = law[OWN_RUNUP, s] * of_episode[0, i] + law[OWN_MARKET, s] * of_episode[1, i]
            linear += law[OWN_WILD, s] * of_episode[2, i]
            linear += law[OWN_LOAD, s] * industry[industry_of[i]]
            factor = math.exp(linear)
            monthly[s * episodes + i] = rate * factor
            at_once[s * episodes + i] = at_start * factor
        for y in range(years):
            calendar[s * years + y] = math.exp(law[OWN_LOAD, s] * effect[y])
        so_far = 0.0
        for t in range(MONTHS):
            timed[s * MONTHS + t] = math.exp(law[OWN_SHAPE, s] * math.log((t + 1) / YEAR_OF))
            sums[s * (MONTHS + 1) + t] = so_far
            so_far += timed[s * MONTHS + t]
        sums[s * (MONTHS + 1) + MONTHS] = so_far

    d_monthly, d_at_once, d_calendar = (
        np.zeros_like(monthly),
        np.zeros_like(at_once),
        np.zeros_like(calendar),
    )
    d_timed, d_sums = np.zeros_like(timed), np.zeros_like(sums)
    total, product = 0.0, 1.0
    for j in range(stretches.shape[1]):
        i, y, before, to = stretches[0, j], stretches[1, j], stretches[2, j], stretches[3, j]
        each = monthly[i] * calendar[y]
        hazard = each * (sums[to] - sums[before])
        total -= hazard
        d_monthly[i] -= hazard
        d_calendar[y] -= hazard
        d_sums[to] -= each
        d_sums[before] += each
    for j in range(falls.shape[1]):
        i, y, t = falls[0, j], falls[1, j], falls[2, j]
        fallen, d = _fall(monthly[i] * calendar[y] * timed[t])
        product *= fallen
        if product < SMALL:
            total += math.log(product)
            product = 1.0
        d_monthly[i] += d
        d_calendar[y] += d
        d_timed[t] += d
    for j in range(firsts.shape[1]):
        i, y = firsts[0, j], firsts[1, j]
        hazard = at_once[i] * calendar[y]
        if firsts[2, j]:
            fallen, d = _fall(hazard)
            product *= fallen
            if product < SMALL:
                total += math.log(product)
                product = 1.0
        else:
            total -= hazard
            d = -hazard
        d_at_once[i] += d
        d_calendar[y] += d
    total += math.log(product)

    # From here on backwards.
    for s in range(STAGES):
        later = 0.0  # of the sums beyond a month, which all hold it
        for t in range(MONTHS - 1, -1, -1):
            later += d_sums[s * (MONTHS + 1) + t + 1]
            d = d_timed[s * MONTHS + t] + timed[s * MONTHS + t] * later
            d_law[OWN_SHAPE, s] += d * math.log((t + 1) / YEAR_OF)
        for y in range(years):
            d_effect[y] += d_calendar[s * years + y] * law[OWN_LOAD, s]
            d_law[OWN_LOAD, s] += d_calendar[s * years + y] * effect[y]
        for i in range(episodes):
            d = d_monthly[s * episodes + i] + d_at_once[s * episodes + i]
            d_law[OWN_RATE, s] += d_monthly[s * episodes + i]
            d_law[OWN_JUMP, s] += d_at_once[s * episodes + i]
            d_law[OWN_RUNUP, s] += d * of_episode[0, i]
            d_law[OWN_MARKET, s] += d * of_episode[1, i]
            d_law[OWN_WILD, s] += d * of_episode[2, i]
            d_law[OWN_LOAD, s] += d * industry[industry_of[i]]
            d_industry[industry_of[i]] += d * law[OWN_LOAD, s]
    return total


@_part
def _returns(p, d_p, of_return, index_of):
    """Return the log density of returns of indices, and add to its derivatives by their numbers.

    Both tables have the shape (:data:`OF_INDEX`, index), with the square of volatility in its place.
    """
    indices, total = p.shape[1], 0.0
    product = 1.0
    count, beyond, beyonds = np.zeros(indices), np.zeros(indices), np.ones(indices)
    for j in range(len(index_of)):
        k = index_of[j]
        square, tail, memory, recent = p[VOLATILITY, k], p[TAIL, k], p[MEMORY, k], p[RECENT, k]
        down = of_return[1, j] + of_return[3, j] * square
        moves = of_return[2, j] + of_return[4, j] * square
        mixed = recent * down + (1 - recent) * moves
        variance = square * (1 - memory) + memory * mixed
        off = of_return[0, j] - p[DRIFT, k]
        far = off * off / (variance * tail)
        product *= variance
        if product < SMALL or product > LARGE:
            total -= 0.5 * math.log(product)
            product = 1.0
        beyonds[k] *= 1 + far
        if beyonds[k] > LARGE:
            beyond[k] += math.log(beyonds[k])
            beyonds[k] = 1.0
        pull = (tail + 3) / (1 + far)
        d_variance = 0.5 * (pull * far - 1) / variance
        missing = recent * of_return[3, j] + (1 - recent) * of_return[4, j]
        d_p[DRIFT, k] += pull * off / (variance * tail)
        d_p[VOLATILITY, k] += d_variance * (1 - memory + memory * missing)
        d_p[TAIL, k] += 0.5 * pull * far / tail
        d_p[MEMORY, k] += d_variance * (mixed - square)
        d_p[RECENT, k] += d_variance * memory * (down - moves)
        count[k] += 1
    for k in range(indices):
        tail, half = p[TAIL, k], 0.5 * (p[TAIL, k] + 3)
        beyond[k] += math.log(beyonds[k])
        scale = math.lgamma(half) - math.lgamma(half - 0.5) - 0.5 * math.log(math.pi * tail)
        total += count[k] * scale - half * beyond[k]
        slope = _digamma(half) - _digamma(half - 0.5) - 1 / tail
        d_p[TAIL, k] += 0.5 * (count[k] * slope - beyond[k])
    return total - 0.5 * math.log(product)


_FLOATS, _INTEGERS = types.CPointer(types.float64), types.CPointer(types.int32)
_SYMBOL = "forecast_hazard_density"
_SIGNATURE = types.float64(*[types.intp] * 6, *[_FLOATS] * 4, *[_INTEGERS] * 6, _FLOATS)
_external = types.ExternalFunction(_SYMBOL, _SIGNATURE)


def _density(
    size, episodes, survived, fell, began, months,
    point, units, of_episode, of_return,
    sizes, industry_of, stretches, falls, firsts, index_of,
    gradient,
):  # fmt: skip
    """Fill the last argument with the gradient that :func:`logp_grad` returns, and return the density.

    Lengths come first: of the point, and of episodes, stretches, falls, first months and returns. All
    else are addresses, of whole tables row by row.
    """
    x, gradient = numba.carray(point, size), numba.carray(gradient, size)
    units = numba.carray(units, (2, size))
    sizes = numba.carray(sizes, 3)
    industries, years, indices = sizes[0], sizes[1], sizes[2]
    of_years, of_industries = VECTORS, VECTORS + years
    of_indices = of_industries + industries
    v, d = np.empty(size), np.zeros(size)
    total = -HALF_LOG_2PI * size
    for k in range(size):
        v[k] = units[0, k] + units[1, k] * x[k]
        if k < of_years or k >= of_industries:
            total -= 0.5 * x[k] * x[k]

    # What differs between stages; the first jumps nowhere, and has all of the effects.
    law, d_law = np.zeros((OWN, STAGES)), np.zeros((OWN, STAGES))
    law[OWN_RATE, 0], law[OWN_SHAPE, 0], law[OWN_RUNUP, 0] = v[RATE], v[SHAPE], v[RUNUP]
    law[OWN_MARKET, 0], law[OWN_WILD, 0], law[OWN_LOAD, 0] = v[MARKET], v[WILD], 1.0
    for k in range(OWN):
        for s in range(1, STAGES):
            law[k, s] = v[PAIRS + k * (STAGES - 1) + s - 1]
    industry_sd, year_sd = math.exp(v[INDUSTRY_SD]), math.exp(v[YEAR_SD])
    effect, d_effect = np.empty(years), np.zeros(years)
    industry, d_industry = np.empty(industries), np.zeros(industries)
    for y in range(years):
        effect[y] = v[of_years + y] - v[RATE]
    for k in range(industries):
        industry[k] = industry_sd * v[of_industries + k]
    total += _episodes(
        law, d_law, effect, d_effect, industry, d_industry,
        numba.carray(of_episode, (3, episodes)), numba.carray(industry_of, episodes),
        numba.carray(stretches, (4, survived)), numba.carray(falls, (3, fell)),
        numba.carray(firsts, (3, began)),
    )  # fmt: skip
    for y in range(years):
        off = effect[y] / year_sd
        total -= 0.5 * off * off + v[YEAR_SD]
        d_effect[y] -= off / year_sd
        d[YEAR_SD] += off * off - 1
        d[of_years + y] = d_effect[y]
        d[RATE] -= d_effect[y]
    for k in range(industries):
        d[of_industries + k] = d_industry[k] * industry_sd
        d[INDUSTRY_SD] += d_industry[k] * industry[k]
    d[RATE] += d_law[OWN_RATE, 0]
    d[SHAPE], d[RUNUP] = d_law[OWN_SHAPE, 0], d_law[OWN_RUNUP, 0]
    d[MARKET], d[WILD] = d_law[OWN_MARKET, 0], d_law[OWN_WILD, 0]
    for k in range(OWN):
        for s in range(1, STAGES):
            d[PAIRS + k * (STAGES - 1) + s - 1] = d_law[k, s]

    # Indices: from the point to the process, and back.
    p, d_p = np.empty((OF_INDEX, indices)), np.zeros((OF_INDEX, indices))
    for k in range(indices):
        at = of_indices + k
        p[DRIFT, k] = v[at]
        p[VOLATILITY, k] = math.exp(2 * v[at + VOLATILITY * indices])
        p[TAIL, k] = math.exp(v[at + TAIL * indices])
        p[MEMORY, k] = 1 / (1 + math.exp(-v[at + MEMORY * indices]))
        p[RECENT, k] = 1 / (1 + math.exp(-v[at + RECENT * indices]))
    total += _returns(p, d_p, numba.carray(of_return, (5, months)), numba.carray(index_of, months))
    for k in range(indices):
        at = of_indices + k
        d[at] = d_p[DRIFT, k]
        d[at + VOLATILITY * indices] = 2 * d_p[VOLATILITY, k] * p[VOLATILITY, k]
        d[at + TAIL * indices] = d_p[TAIL, k] * p[TAIL, k]
        for row in (MEMORY, RECENT):
            d[at + row * indices] = d_p[row, k] * p[row, k] * (1 - p[row, k])

    for k in range(size):
        gradient[k] = d[k] * units[1, k]
        if k < of_years or k >= of_industries:
            gradient[k] -= x[k]
    return total


def logp_grad(
    point, units, of_episode, of_return, sizes, industry_of, stretches, falls, firsts, index_of
):
    """Return the log density of a point of the whole model, and its gradient.

    Parameters
    ----------
    point
        The parameters without bounds, each in its own unit, shape (size,).
    units
        What stands at 0 of each, and the length of its unit, shape (2, size): mean and sd of a
        parameter's prior, so that it is standard normal, but for levels of years.
    of_episode
        The run-up, the market's and the volatility of each episode, shape (3, episode).
    of_return
        Each return, what the months before say of its variance by falls and by all moves, and the
        shares of months that are missing in the two, shape (5, return).
    sizes
        Numbers of industries, years and indices.
    industry_of
        Industry of each episode.
    stretches, falls, firsts
        Survived stretches, falls, and first months of later stages with whether a fall came in them,
        shapes (4, stretch), (3, fall) and (3, first): positions in flat tables by stage.
    index_of
        Index of each return.

    Returns
    -------
    tuple
        The log density, and its gradient by the point, shape (size,).
    """
    gradient = np.empty_like(point)
    # By its name; numba has the addresses of arrays in `ctypes`.
    density = _external(
        len(point), len(industry_of), stretches.shape[1], falls.shape[1], firsts.shape[1],
        len(index_of),
        point.ctypes, units.ctypes, of_episode.ctypes, of_return.ctypes, sizes.ctypes,
        industry_of.ctypes, stretches.ctypes, falls.ctypes, firsts.ctypes, index_of.ctypes,
        gradient.ctypes,
    )  # fmt: skip
    return density, gradient


@functools.cache
def _native() -> object:
    """Return the compiled :func:`_density`, which code that is linked from now on finds by its name."""
    density = numba.cfunc(_SIGNATURE, cache=True, error_model="numpy", fastmath=False)(_density)
    llvmlite.binding.add_symbol(_SYMBOL, density.address)
    return density


@functools.cache
def compiled() -> Callable[..., tuple[float, np.ndarray]]:
    """Return the compiled :func:`logp_grad`, of the one signature that there is."""
    _native()
    gives = types.Tuple((types.float64, types.Array(types.float64, 1, "C")))
    # What is only read may be writeable or not.
    vector, table = (types.Array(types.float64, n, "C", readonly=True) for n in (1, 2))
    places, rows = (types.Array(types.int32, n, "C", readonly=True) for n in (1, 2))
    takes = (vector, table, table, table, places, places, rows, rows, rows, places)
    found: Callable[..., tuple[float, np.ndarray]] = numba.njit(gives(*takes), **_OPTIONS)(
        logp_grad
    )
    return found


class Logp(Op):  # type: ignore[misc]
    """:func:`logp_grad` in a graph; the second output serves the gradient."""

    __props__ = ()

    def make_node(self, *inputs: Variable) -> Apply:
        """Take the ten arguments of :func:`logp_grad`."""
        _native()  # before any code is linked, be it taken from a cache on disk
        variables = [pt.as_tensor_variable(i) for i in inputs]
        return Apply(self, variables, [pt.dscalar(), variables[0].type()])

    def perform(
        self, node: Apply, inputs: Sequence[np.ndarray], outputs: Sequence[list[object]]
    ) -> None:
        """Compute outside of compiled code."""
        density, gradient = compiled()(*(np.ascontiguousarray(x) for x in inputs))
        outputs[0][0], outputs[1][0] = np.asarray(density), gradient

    def pullback(
        self,
        inputs: Sequence[Variable],
        outputs: Sequence[Variable],
        cotangents: Sequence[Variable],
    ) -> list[Variable]:
        """Return the derivative of a multiple of the density by the point."""
        none = [DisconnectedType()() for _ in inputs[1:]]
        return [cotangents[0] * outputs[1], *none]

    def connection_pattern(self, node: Apply) -> list[list[bool]]:
        """Say that data have no derivative, and that only the density has one."""
        return [[k == 0, False] for k in range(len(node.inputs))]


@register_funcify_default_op_cache_key(Logp)
def _in_numba(op: Logp, node: Apply, **_: object) -> tuple[Callable[..., object], int]:
    """Return the compiled form, and a key of this file for the compile cache on disk."""
    density = compiled()

    @numba_njit
    def whole(
        point, units, of_episode, of_return, sizes, industry_of, stretches, falls, firsts, index_of
    ):
        found, gradient = density(
            point, units, of_episode, of_return, sizes, industry_of, stretches, falls, firsts,
            index_of,
        )  # fmt: skip
        return np.asarray(found), gradient

    source = hashlib.sha256(Path(__file__).read_bytes()).digest()
    return whole, int.from_bytes(source[:4], "big")
