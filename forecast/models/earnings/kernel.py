"""The density of a quarterly panel with its Gaussian states integrated out, by hand in numba.

Series s of metric group g in quarter t = 0..T-1, on the log scale::

    y[t, s]  = mu[t, s] + x[t] . coefficient[s] + load[s] f[t, g] + N(0, noise_var[s])
    mu[t]    = mu[t-1] + d[t]     d[t] = damping[s] d[t-1] + N(0, shock_var[s])
    f[t]     = f[t-1] + u[t]      u[t] = factor_damping[g] u[t-1] + N(0, 1)
    coefficient[s] = centre + width * z[g] + N(0, own_var[s])

with mu[-1] ~ N(start[s], start_var), d[-1] and u[-1] stationary, f[-1] = 0. The regressors x are
the quarter's number (growth) and three orthonormal sum-to-zero contrasts (season); z, standard
normal, is what the series of a group share of them. A two-state Kalman filter and smoother give the
inverse covariance of a series' deviations, a few operations a cell; its own coefficients leave by a
4 x 4 Schur complement, and all that a group shares by one Cholesky factor. The gradient is the
expected score of the deviations given the data (Fisher's identity): their second moment is that of
some forty columns, which are filtered and smoothed. The cost is linear in the number of series and
quadratic in quarters, but for one small factorisation a group; what is missing is skipped.

Invariant: :func:`panel_logp_grad` is the log density of the joint normal law and its exact
gradient; ``tests/test_collapsed.py`` compares with dense matrices and finite differences.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Sequence
from pathlib import Path

import numba
import numpy as np
import pytensor.tensor as pt
from pytensor.gradient import DisconnectedType
from pytensor.graph.basic import Apply, Variable
from pytensor.graph.op import Op
from pytensor.link.numba.dispatch.basic import numba_njit, register_funcify_default_op_cache_key

NX = 4
"""Regressors of a series: growth and three season contrasts."""
LOG_2PI = float(np.log(2 * np.pi))
BLOCK = 8
"""Columns are padded to a multiple of this, so that sums over them use vector instructions."""

_jit = numba.njit(cache=True, fastmath=False, error_model="numpy", nogil=True)
"""Loops over numbers in arrays by rows compile in two fifths of the time that slices, products and
array expressions take. A literal argument would make numba compile a function once more."""


@_jit
def _zeros(rows, columns):
    return np.zeros((rows, columns))


@_jit
def _padded(size):
    return (size + BLOCK - 1) // BLOCK * BLOCK


@_jit
def _invert_factor(matrix, inverse):
    """Fill `inverse` with that of a matrix' lower Cholesky factor; return half its log determinant.

    `matrix` is overwritten. All is NaN if there is no factor.
    """
    n = matrix.shape[0]
    log_det = 0.0
    for k in range(n):  # by rows of the transposed factor: the inner loop is contiguous
        if not matrix[k, k] > 0.0:
            matrix[0, 0] = math.nan
            log_det = math.nan
            break
        scale = 1 / math.sqrt(matrix[k, k])
        for j in range(k, n):
            matrix[k, j] *= scale
        log_det += math.log(matrix[k, k])
        for i in range(k + 1, n):
            f = matrix[k, i]
            for j in range(i, n):
                matrix[i, j] -= f * matrix[k, j]
    for i in range(n):
        for j in range(n):
            inverse[i, j] = 0.0
        inverse[i, i] = 1.0
        for k in range(i):
            f = matrix[k, i]
            for j in range(k + 1):
                inverse[i, j] -= f * inverse[k, j]
        scale = 1 / matrix[i, i]
        for j in range(i + 1):
            inverse[i, j] *= scale
    return log_det


@_jit
def _filter(seen, s, damping, shock, noise, start_var, kept, at):
    """Run the variances of one series' Kalman filter forward.

    Fills a row of `kept` for each quarter, from row `at`: gains of level and slope and the innovation
    variance, all zero if nothing is seen, and the variances of level, both and slope before the step.
    One more row has the variances after all. Returns the sum of log innovation variances and the
    number of quarters seen.
    """
    p11, p12, p22 = start_var, 0.0, shock / (1 - damping * damping)
    log_det, count = 0.0, 0
    for t in range(seen.shape[0]):
        row = at + t
        kept[row, 3], kept[row, 4], kept[row, 5] = p11, p12, p22
        p22 = damping * damping * p22 + shock
        b = damping * p12 + p22
        p11, p12 = p11 + damping * p12 + b, b
        gain1, gain2, var = 0.0, 0.0, 0.0
        if seen[t, s]:
            var = p11 + noise
            gain1, gain2 = p11 / var, p12 / var
            p11, p12, p22 = p11 - gain1 * p11, p12 - gain1 * p12, p22 - gain2 * p12
            log_det += math.log(var)
            count += 1
        kept[row, 0], kept[row, 1], kept[row, 2] = gain1, gain2, var
    row = at + seen.shape[0]
    kept[row, 3], kept[row, 4], kept[row, 5] = p11, p12, p22
    return log_det, count


@_jit
def _precision(seen, s, damping, kept, at, w, out, trace, k):
    """Fill `out` with the inverse covariance of a series' deviations, zero where nothing is seen.

    By the smoother's law: with u = out y the smoothing errors, cov(u[t], u[r]) = -k[t]' L[t+1]' ...
    L[r-1]' w[r] for t < r (de Jong 1989), which costs a few operations a cell. `w` is scratch, two
    rows as long as those of `out`, which may be longer than the quarters. Row `k` of `trace` gets what
    does not depend on data of the derivatives by noise, shock, damping and the start.
    """
    size, padded = out.shape
    for j in range(padded):
        w[0, j] = 0.0
        w[1, j] = 0.0
    n11, n12, n22 = 0.0, 0.0, 0.0
    by_noise, by_shock, by_damping = 0.0, 0.0, 0.0
    for t in range(size - 1, -1, -1):
        row = at + t
        k2 = damping * kept[row, 1]
        k1 = kept[row, 0] + k2
        l11 = 1.0 - k1  # of the transition of an error: [[1 - k1, damping], [-k2, damping]]
        for j in range(padded):
            w1, w2 = w[0, j], w[1, j]
            out[t, j] = -(k1 * w1 + k2 * w2)
            w[0, j] = l11 * w1 - k2 * w2
            w[1, j] = damping * (w1 + w2)
        inverse = 0.0
        if seen[t, s]:
            m1, m2 = n11 * k1 + n12 * k2, n12 * k1 + n22 * k2
            inverse = 1 / kept[row, 2]
            out[t, t] = inverse + k1 * m1 + k2 * m2
            by_noise += out[t, t]
            w[0, t] = inverse - (l11 * m1 - k2 * m2)
            w[1, t] = -damping * (m1 + m2)
        a1, a2 = n11 * l11 - n12 * k2, n12 * l11 - n22 * k2
        b = damping * (n12 + n22)
        n22 = damping * (damping * (n11 + n12) + b)
        n12 = damping * (a1 + a2)
        n11 = inverse + l11 * a1 - k2 * a2
        p12, p22 = kept[row, 4], damping * kept[row, 5]
        by_shock += n11 + 2 * n12 + n22
        by_damping += (n11 + n12) * (p12 + p22) + (n12 + n22) * p22
    for t in range(size):
        for j in range(t):
            out[t, j] = out[j, t]
    trace[k, 0], trace[k, 1], trace[k, 2] = by_noise, by_shock, by_damping
    trace[k, 3] = damping * damping * (n11 + 2 * n12 + n22)


@_jit
def _innovations(dev, seen, s, damping, kept, at, ends):
    """Turn columns of deviations into innovations, in place, by one series' filter.

    Fills the first two rows of `ends` with level and slope after the last quarter.
    """
    size, width = dev.shape
    for c in range(width):
        ends[0, c] = 0.0
        ends[1, c] = 0.0
    for t in range(size):
        gain1, gain2 = kept[at + t, 0], kept[at + t, 1]
        known = 1.0 if seen[t, s] else 0.0
        for c in range(width):
            slope = damping * ends[1, c]
            level = ends[0, c] + slope
            error = known * (dev[t, c] - level)
            dev[t, c] = error
            ends[0, c] = level + gain1 * error
            ends[1, c] = slope + gain2 * error


@_jit
def _score(dev, s, damping, shock, kept, at, trace, k, disturbance, sums, grad):
    """Differentiate ``-0.5 (dev' A dev + log det)`` by a series' damping, shock and noise variance.

    Fills the first three rows of column `s` of `grad`. A is the inverse covariance, and `dev` holds
    innovations of :func:`_innovations`, in place of which it leaves A times the deviations. By the
    smoothed disturbances (Koopman and Shephard 1992): no recursion of variances is differentiated.
    Row `k` of `trace` is what :func:`_precision` filled; `disturbance`, of one row more than `dev`,
    and `sums`, of six rows, are scratch; the last of these is left at zero.
    """
    size, width = dev.shape
    for c in range(width):
        disturbance[size, c] = 0.0
        for i in range(6):
            sums[i, c] = 0.0
    for t in range(size - 1, -1, -1):
        gain1, gain2, var = kept[at + t, 0], damping * kept[at + t, 1], kept[at + t, 2]
        inverse = 1 / var if var > 0 else 0.0
        for c in range(width):
            r, after = sums[3, c], disturbance[t + 1, c]
            u = inverse * dev[t, c] - (gain1 * r + gain2 * after)
            r += u
            # Of a step's shock, in units of its variance: it moves level and slope alike.
            shocked = r + damping * after
            dev[t, c] = u
            sums[3, c] = r
            disturbance[t, c] = shocked
            sums[0, c] += u * u
            sums[1, c] += shocked * shocked
    start = shock / (1 - damping * damping)
    for c in range(width):
        sums[4, c] = start * damping * disturbance[0, c]
    for t in range(size):
        for c in range(width):
            slope, d = sums[4, c], disturbance[t, c]
            sums[2, c] += d * slope
            sums[4, c] = damping * slope + shock * d
    d_noise, d_shock, d_damping, first = 0.0, 0.0, 0.0, 0.0
    for c in range(width):
        d_noise += sums[0, c]
        d_shock += sums[1, c]
        d_damping += sums[2, c]
        first += disturbance[0, c] * disturbance[0, c]
    # By the variance of the stationary start.
    first = 0.5 * (damping * damping * first - trace[k, 3])
    grad[0, s] = d_damping - trace[k, 2] + first * 2 * damping * start * start / shock
    grad[1, s] = 0.5 * (d_shock - trace[k, 1]) + first * start / shock
    grad[2, s] = 0.5 * (d_noise - trace[k, 0])


@_jit
def factor_paths(damping, shocks, skip, now, level, d_level):
    """Fill `level` with a damped trend's, and `d_level` with its derivative by the damping.

    Each column of `shocks` is a trend: after `skip` rows of other things the slope before the first
    quarter in stationary sd, then the unit shock of each quarter. Four rows of `now` are scratch.
    """
    size, width = level.shape
    sd = 1 / math.sqrt(1 - damping * damping)
    for c in range(width):
        now[0, c] = sd * shocks[skip, c]
        now[1, c] = damping * sd * sd * sd * shocks[skip, c]
        now[2, c] = 0.0
        now[3, c] = 0.0
    for t in range(size):
        for c in range(width):
            u = now[0, c]
            du = damping * now[1, c] + u
            u = damping * u + shocks[skip + 1 + t, c]
            f, df = now[2, c] + u, now[3, c] + du
            now[0, c], now[1, c] = u, du
            now[2, c], now[3, c] = f, df
            level[t, c] = f
            d_level[t, c] = df


@_jit
def _to_shocks(damping, weights, now, out):
    """Fill `out` with derivatives by shocks from those by levels: :func:`factor_paths` transposed.

    Shape (size, columns) to (size + 1, columns); two rows of `now` are scratch.
    """
    size, width = weights.shape
    for c in range(width):
        now[0, c] = 0.0
        now[1, c] = 0.0
    for t in range(size - 1, -1, -1):
        for c in range(width):
            total = now[0, c] + weights[t, c]
            b = total + damping * now[1, c]
            now[0, c], now[1, c] = total, b
            out[t + 1, c] = b
    first = damping / math.sqrt(1 - damping * damping)
    for c in range(width):
        out[0, c] = first * now[1, c]


@_jit
def solve_group(
    y, seen, x, low, high, start, start_var, centre, growth_width, season_width,
    damping, shock, noise, load, growth_var, season_var, factor_damping,
    kept, trace, root, regress, inverse, mean,
):  # fmt: skip
    """Eliminate the coefficients and factor shocks of one group, the series from `low` to `high`.

    Returns the log density, and fills the last six arguments. The k-th series of the group has, in
    rows from k times their number: what its filter keeps (T + 1 rows), see :func:`_filter`; what its
    derivatives take besides, and how many quarters are seen (1); the inverse of its own coefficients'
    precision as a product root' root (4); the regression of those coefficients on deviations (4). Of
    all that is shared there are the inverse Cholesky factor of its precision, and its mean.
    """
    size, terms = y.shape[0], x.shape[1] + 1
    shared, padded = inverse.shape[0], regress.shape[1]
    # Of a series: its deviation and the regressors, by columns; these times its precision, by rows;
    # the same without the own coefficients; products of the first two and of the first and last.
    have, left = _zeros(size, terms), _zeros(terms, padded)
    inside, crossed = _zeros(terms, terms), _zeros(terms, terms)
    inv, w = _zeros(size, padded), _zeros(size, padded + size + terms)
    info, own = _zeros(terms - 1, terms - 1), _zeros(terms - 1, terms - 1)
    # Sums over series of load^2 and load times a series' precision, between the factor's levels and
    # these, y and the regressors.
    levels = _zeros(size, padded + terms)
    logp = 0.0
    for k in range(high - low):
        s = low + k
        at, row = k * (size + 1), k * NX
        log_det, n = _filter(seen, s, damping[s], shock[s], noise[s], start_var, kept, at)
        trace[k, 4] = n
        if n == 0:
            continue
        _precision(seen, s, damping[s], kept, at, w, inv, trace, k)
        for t in range(size):
            have[t, 0] = y[t, s] - start[s] - centre * x[t, 0] if seen[t, s] else 0.0
            for i in range(NX):
                have[t, 1 + i] = x[t, i]
        times = _zeros(terms, padded)
        for t in range(size):
            d, x0 = have[t, 0], have[t, 1]
            x1, x2, x3 = have[t, 2], have[t, 3], have[t, 4]
            for j in range(padded):
                v = inv[t, j]
                times[0, j] += d * v
                times[1, j] += x0 * v
                times[2, j] += x1 * v
                times[3, j] += x2 * v
                times[4, j] += x3 * v
        for i in range(terms):
            for j in range(terms):
                v = 0.0
                for t in range(size):
                    v += times[i, t] * have[t, j]
                inside[i, j] = v
        for i in range(NX):
            for j in range(NX):
                info[i, j] = inside[1 + i, 1 + j]
            info[i, i] += 1 / (growth_var[s] if i == 0 else season_var[s])
        log_own = 2 * _invert_factor(info, own)
        log_own += math.log(growth_var[s]) + (NX - 1) * math.log(season_var[s])
        # Regression of the own coefficients on deviations; without them the precision is
        # inv - times' regress.
        for i in range(NX):
            v0, v1 = 0.0, 0.0
            v2, v3 = 0.0, 0.0
            for j in range(NX):
                v = own[j, i]
                root[row + j, i] = v
                v0 += v * own[j, 0]
                v1 += v * own[j, 1]
                v2 += v * own[j, 2]
                v3 += v * own[j, 3]
            for j in range(padded):
                regress[row + i, j] = (
                    v0 * times[1, j] + v1 * times[2, j] + v2 * times[3, j] + v3 * times[4, j]
                )
        for i in range(terms):
            v0, v1 = inside[i, 1], inside[i, 2]
            v2, v3 = inside[i, 3], inside[i, 4]
            for j in range(padded):
                left[i, j] = times[i, j] - (
                    v0 * regress[row, j] + v1 * regress[row + 1, j]
                    + v2 * regress[row + 2, j] + v3 * regress[row + 3, j]
                )  # fmt: skip
        k1 = load[s]
        k2 = k1 * k1
        quadratic = 0.0
        for t in range(size):
            v0, v1 = times[1, t], times[2, t]
            v2, v3 = times[3, t], times[4, t]
            for j in range(padded):
                levels[t, j] += k2 * (inv[t, j] - (
                    v0 * regress[row, j] + v1 * regress[row + 1, j]
                    + v2 * regress[row + 2, j] + v3 * regress[row + 3, j]
                ))  # fmt: skip
            quadratic += left[0, t] * have[t, 0]
            for i in range(terms):
                levels[t, padded + i] += k1 * left[i, t]
                for j in range(terms):
                    crossed[i, j] += left[i, t] * have[t, j]
        logp -= 0.5 * (log_det + n * LOG_2PI + log_own + quadratic)
    # The same sums between shocks in place of levels: once for the rows, once for the columns.
    once, twice = _zeros(size + 1, padded + terms), _zeros(size + 1, size + 1)
    turned, precision = _zeros(size, size + 1), _zeros(shared, shared)
    _to_shocks(factor_damping, levels, w, once)
    for i in range(size + 1):
        for j in range(size):
            turned[j, i] = once[i, j]
    _to_shocks(factor_damping, turned, w, twice)
    for i in range(size + 1):
        mean[NX + i] = once[i, padded]
        for j in range(size + 1):
            precision[NX + i, NX + j] = twice[i, j]
        precision[NX + i, NX + i] += 1.0
        for j in range(NX):
            v = (growth_width if j == 0 else season_width) * once[i, padded + 1 + j]
            precision[NX + i, j] = v
            precision[j, NX + i] = v
    for i in range(NX):
        v = growth_width if i == 0 else season_width
        mean[i] = v * crossed[1 + i, 0]
        for j in range(NX):
            precision[i, j] = v * (growth_width if j == 0 else season_width) * crossed[1 + i, 1 + j]
        precision[i, i] += 1.0
    logp -= _invert_factor(precision, inverse)
    # The mean is inverse' inverse pull; the pull stands where the mean will.
    for i in range(shared - 1, -1, -1):
        v = 0.0
        for j in range(i + 1):
            v += inverse[i, j] * mean[j]
        mean[i] = v
        logp += 0.5 * v * v
    for i in range(shared):
        v = 0.0
        for j in range(i, shared):
            v += inverse[j, i] * mean[j]
        mean[i] = v
    return logp


@_jit
def _in_range(damping, shock, noise, load, growth_var, season_var, factor_damping):
    for s in range(damping.shape[0]):
        total = shock[s] + noise[s] + load[s] + growth_var[s] + season_var[s]
        positive = shock[s] > 0 and noise[s] > 0 and growth_var[s] > 0 and season_var[s] > 0
        if not (positive and load[s] > 0 and abs(damping[s]) < 1 and math.isfinite(total)):
            return False
    inside = True
    for g in range(factor_damping.shape[0]):
        inside = inside and abs(factor_damping[g]) < 1
    return inside


@_jit
def _members(group, g):
    """Return where the series of group `g` begin and end; nowhere if there are none."""
    low, count = 0, group.shape[0]
    while low < count and group[low] != g:
        low += 1
    high = low
    while high < count and group[high] == g:
        high += 1
    return low, high


@_jit
def panel_logp_grad(
    y, seen, x, group, start, start_var, centre, growth_width, season_width,
    damping, shock, noise, load, growth_var, season_var, factor_damping,
):  # fmt: skip
    """Return the log density of a panel, and its gradient.

    Parameters
    ----------
    y, seen
        Log values and whether they are known, shape (T, S); the value of an unknown cell is not
        used.
    x
        Regressors, shape (T, 4): the quarter's number and the season contrasts.
    group
        Group of each series, shape (S,), equal ones side by side.
    start, start_var
        Prior mean of each level before the first quarter, shape (S,), and its variance.
    centre, growth_width, season_width
        Prior mean and sd of a group's growth and sd of its season, shape (G,).
    damping, shock, noise, load, growth_var, season_var
        Per series, shape (S,): see the module's formula.
    factor_damping
        Per group, shape (G,).

    Returns
    -------
    tuple
        Log density; derivatives by the six of the series, shape (6, S); by `factor_damping`, (G,).
    """
    size, count = y.shape
    terms = x.shape[1]
    grad, grad_factor, logp = _zeros(terms + 2, count), np.zeros(factor_damping.shape[0]), 0.0
    if not _in_range(damping, shock, noise, load, growth_var, season_var, factor_damping):
        return -math.inf, grad, grad_factor
    # In a graph this is read-only: with a copy the form that draws use serves here too.
    begin = np.zeros(count)
    for s in range(count):
        begin[s] = start[s]
    shared = terms + size + 1
    wide = _padded(1 + shared + terms)
    kept, trace = _zeros(count * (size + 1), terms + 2), _zeros(count, terms + 1)
    root, regress = _zeros(count * terms, terms), _zeros(count * terms, _padded(size))
    inverse, mean = _zeros(shared, shared), np.zeros(shared)
    # What a series deviates by, as columns whose outer products add up to its second moment: its
    # mean, one for each direction of what is shared, and four of its own coefficients.
    z = _zeros(shared, wide)
    level, d_level = _zeros(size, wide), _zeros(size, wide)
    columns, disturbance = _zeros(size, wide), _zeros(size + 1, wide)
    both, sums = _zeros(terms, wide), _zeros(terms + 2, wide)
    for g in range(factor_damping.shape[0]):
        low, high = _members(group, g)
        if low == high:
            continue
        logp += solve_group(
            y, seen, x, low, high, begin, start_var, centre[g], growth_width[g], season_width[g],
            damping, shock, noise, load, growth_var, season_var, factor_damping[g],
            kept, trace, root, regress, inverse, mean,
        )  # fmt: skip
        for i in range(shared):
            z[i, 0] = mean[i]
            for c in range(shared):
                z[i, 1 + c] = inverse[c, i]
        factor_paths(factor_damping[g], z, terms, sums, level, d_level)
        level_bar = _zeros(size, wide)
        for k in range(high - low):
            s = low + k
            if trace[k, 4] == 0:
                continue
            ld = load[s]
            at, row = k * (size + 1), k * NX
            # The own coefficients' regression on what is left of y without the shared.
            own = _zeros(terms, wide)
            for t in range(size):
                v0, v1 = regress[row, t], regress[row + 1, t]
                v2, v3 = regress[row + 2, t], regress[row + 3, t]
                for c in range(wide):
                    v = ld * level[t, c]
                    own[0, c] -= v0 * v
                    own[1, c] -= v1 * v
                    own[2, c] -= v2 * v
                    own[3, c] -= v3 * v
                if seen[t, s]:
                    v = y[t, s] - start[s] - centre[g] * x[t, 0]
                    own[0, 0] += v0 * v
                    own[1, 0] += v1 * v
                    own[2, 0] += v2 * v
                    own[3, 0] += v3 * v
            for i in range(NX):
                for j in range(NX):
                    v = 0.0
                    for t in range(size):
                        v += regress[row + i, t] * x[t, j]
                    v *= growth_width[g] if j == 0 else season_width[g]
                    for c in range(wide):
                        own[i, c] -= v * z[j, c]
                for j in range(NX):
                    own[i, 1 + shared + j] = root[row + j, i]
                v, w = 0.0, growth_width[g] if i == 0 else season_width[g]
                for c in range(wide):
                    both[i, c] = own[i, c] + w * z[i, c]
                    v += own[i, c] * own[i, c]
                if i == 0:
                    grad[4, s] = -0.5 * (1 / growth_var[s] - v / growth_var[s] ** 2)
                else:
                    grad[5, s] -= 0.5 * (1 / season_var[s] - v / season_var[s] ** 2)
            for t in range(size):
                x0, x1 = x[t, 0], x[t, 1]
                x2, x3 = x[t, 2], x[t, 3]
                for c in range(wide):
                    columns[t, c] = -ld * level[t, c] - (
                        x0 * both[0, c] + x1 * both[1, c] + x2 * both[2, c] + x3 * both[3, c]
                    )
                if seen[t, s]:
                    columns[t, 0] += y[t, s] - start[s] - centre[g] * x[t, 0]
            _innovations(columns, seen, s, damping[s], kept, at, sums)
            _score(columns, s, damping[s], shock[s], kept, at, trace, k, disturbance, sums, grad)
            for t in range(size):
                for c in range(wide):
                    sums[5, c] += columns[t, c] * level[t, c]
                    level_bar[t, c] += ld * columns[t, c]
            for c in range(wide):
                grad[3, s] += sums[5, c]
        for c in range(wide):
            sums[0, c] = 0.0
        for t in range(size):
            for c in range(wide):
                sums[0, c] += level_bar[t, c] * d_level[t, c]
        for c in range(wide):
            grad_factor[g] += sums[0, c]
    if not math.isfinite(logp):
        logp = -math.inf
    return logp, grad, grad_factor


class PanelLogp(Op):  # type: ignore[misc]
    """:func:`panel_logp_grad` in a graph; its second and third outputs serve the gradient."""

    __props__ = ()

    def make_node(self, *inputs: Variable) -> Apply:
        """Take the sixteen arguments of :func:`panel_logp_grad`."""
        variables = [pt.as_tensor_variable(i) for i in inputs]
        return Apply(self, variables, [pt.dscalar(), pt.dmatrix(), pt.dvector()])

    def perform(
        self, node: Apply, inputs: Sequence[np.ndarray], outputs: Sequence[list[object]]
    ) -> None:
        """Compute outside of compiled code."""
        before, start_var, after = inputs[:5], float(inputs[5]), inputs[6:]
        logp, grad, grad_factor = panel_logp_grad(*before, start_var, *after)
        outputs[0][0], outputs[1][0], outputs[2][0] = np.asarray(logp), grad, grad_factor

    def pullback(
        self,
        inputs: Sequence[Variable],
        outputs: Sequence[Variable],
        cotangents: Sequence[Variable],
    ) -> list[Variable]:
        """Return the derivative by each argument; the first nine are data."""
        c = cotangents[0]
        by_series = [c * outputs[1][k] for k in range(6)]
        return [DisconnectedType()() for _ in range(9)] + by_series + [c * outputs[2]]

    def connection_pattern(self, node: Apply) -> list[list[bool]]:
        """Say that data have no derivative, and that only the density has one."""
        return [[False] * 3] * 9 + [[True, False, False]] * 7


@register_funcify_default_op_cache_key(PanelLogp)
def _in_numba(op: PanelLogp, node: Apply, **_: object) -> tuple[Callable[..., object], int]:
    """Return the compiled form, and a key of this file for the compile cache on disk."""
    density = panel_logp_grad

    @numba_njit
    def panel(
        y, seen, x, group, start, start_var, centre, growth_width, season_width,
        damping, shock, noise, load, growth_var, season_var, factor_damping,
    ):  # fmt: skip
        logp, grad, grad_factor = density(
            y, seen, x, group, start, start_var.item(), centre, growth_width, season_width,
            damping, shock, noise, load, growth_var, season_var, factor_damping,
        )  # fmt: skip
        return np.array(logp), grad, grad_factor

    source = hashlib.sha256(Path(__file__).read_bytes()).digest()
    return panel, int.from_bytes(source[:4], "big")
