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
gradient, and :func:`draw_states` with :func:`draw_paths` draw from that law given the data;
``tests/test_collapsed.py`` compares all three with dense matrices and finite differences.
"""

from __future__ import annotations

import hashlib
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


@_jit
def cholesky(matrix):
    """Return the lower Cholesky factor; NaN in its corner if there is none."""
    n = matrix.shape[0]
    upper = matrix.copy()  # by rows of the transposed factor: the inner loop is contiguous
    for k in range(n):
        if not upper[k, k] > 0.0:
            upper[0, 0] = np.nan
            return upper
        scale = 1 / np.sqrt(upper[k, k])
        row = upper[k]
        for j in range(k, n):
            row[j] *= scale
        for i in range(k + 1, n):
            f = row[i]
            other = upper[i]
            for j in range(i, n):
                other[j] -= f * row[j]
    lower = np.zeros((n, n))
    for i in range(n):
        for j in range(i + 1):
            lower[i, j] = upper[j, i]
    return lower


@_jit
def inverse_lower(lower):
    """Return the inverse of a lower triangular matrix."""
    n = lower.shape[0]
    out = np.zeros((n, n))
    for i in range(n):
        out[i, i] = 1.0
        for k in range(i):
            f = lower[i, k]
            for j in range(k + 1):
                out[i, j] -= f * out[k, j]
        scale = 1 / lower[i, i]
        for j in range(i + 1):
            out[i, j] *= scale
    return out


@_jit
def _filter(seen, damping, shock, noise, start_var, kept):
    """Run the variances of one series' Kalman filter forward.

    Fills a row of `kept` for each quarter: gains of level and slope and the innovation variance, all
    zero if nothing is seen, and the variances of level, both and slope before the step. One more
    row has the variances after all. Returns the sum of log innovation variances and the number of
    quarters seen.
    """
    p11, p12, p22 = start_var, 0.0, shock / (1 - damping * damping)
    log_det, count = 0.0, 0
    for t in range(seen.shape[0]):
        row = kept[t]
        row[3], row[4], row[5] = p11, p12, p22
        c = damping * damping * p22 + shock
        b = damping * p12 + c
        a = p11 + damping * p12 + b
        if seen[t]:
            var = a + noise
            gain1, gain2 = a / var, b / var
            row[0], row[1], row[2] = gain1, gain2, var
            p11, p12, p22 = a - gain1 * a, b - gain1 * b, c - gain2 * b
            log_det += np.log(var)
            count += 1
        else:
            row[:3] = 0.0
            p11, p12, p22 = a, b, c
    row = kept[seen.shape[0]]
    row[3], row[4], row[5] = p11, p12, p22
    return log_det, count


@_jit
def _precision(seen, damping, kept, w1, w2, out):
    """Fill `out` with the inverse covariance of a series' deviations, zero where nothing is seen.

    By the smoother's law: with u = out y the smoothing errors, cov(u[t], u[s]) = -k[t]' L[t+1]' ...
    L[s-1]' w[s] for t < s (de Jong 1989), which costs a few operations a cell. `w1` and `w2` are
    scratch, one cell a quarter; rows of `out` may be longer than the quarters. Returns what does
    not depend on data of the derivatives by noise, shock, damping and the start.
    """
    size = seen.shape[0]
    out[:] = 0.0
    w1[:] = 0.0
    w2[:] = 0.0
    n11, n12, n22 = 0.0, 0.0, 0.0
    by_noise, by_shock, by_damping = 0.0, 0.0, 0.0
    for t in range(size - 1, -1, -1):
        gain1, gain2 = kept[t, 0], kept[t, 1]
        k2 = damping * gain2
        k1 = gain1 + k2
        l11 = 1.0 - k1  # of the transition of an error: [[1 - k1, damping], [-k2, damping]]
        row = out[t]
        if seen[t]:
            for s in range(row.shape[0]):
                row[s] = -(k1 * w1[s] + k2 * w2[s])
        for s in range(row.shape[0]):
            v = damping * (w1[s] + w2[s])
            w1[s] = l11 * w1[s] - k2 * w2[s]
            w2[s] = v
        if seen[t]:
            m1, m2 = n11 * k1 + n12 * k2, n12 * k1 + n22 * k2
            inverse = 1 / kept[t, 2]
            row[t] = inverse + k1 * m1 + k2 * m2
            by_noise += row[t]
            w1[t] = inverse - (l11 * m1 - k2 * m2)
            w2[t] = -damping * (m1 + m2)
        else:
            inverse = 0.0
        a1, a2 = n11 * l11 - n12 * k2, n12 * l11 - n22 * k2
        b = damping * (n12 + n22)
        n22 = damping * (damping * (n11 + n12) + b)
        n12 = damping * (a1 + a2)
        n11 = inverse + l11 * a1 - k2 * a2
        p12, p22 = kept[t, 4], damping * kept[t, 5]
        by_shock += n11 + 2 * n12 + n22
        by_damping += (n11 + n12) * (p12 + p22) + (n12 + n22) * p22
    for t in range(size):
        for s in range(t):
            out[t, s] = out[s, t]
    return by_noise, by_shock, by_damping, damping * damping * (n11 + 2 * n12 + n22)


@_jit
def _innovations(dev, seen, damping, kept):
    """Turn columns of deviations into innovations, in place, by one series' filter.

    Returns level and slope after the last quarter.
    """
    size, width = dev.shape
    level, slope = np.zeros(width), np.zeros(width)
    for t in range(size):
        for k in range(width):
            slope[k] *= damping
            level[k] += slope[k]
        if seen[t]:
            gain1, gain2 = kept[t, 0], kept[t, 1]
            for k in range(width):
                dev[t, k] -= level[k]
                level[k] += gain1 * dev[t, k]
            for k in range(width):
                slope[k] += gain2 * dev[t, k]
    return level, slope


@_jit
def _score(dev, seen, damping, shock, kept, trace, disturbance, slope):
    """Return the derivative of ``-0.5 (dev' A dev + log det)`` by damping, shock and noise variance.

    A is the inverse covariance, and `dev` holds innovations of :func:`_innovations`, in place of
    which it leaves A times the deviations. By the smoothed disturbances (Koopman and Shephard 1992):
    no recursion of variances is differentiated. `trace` is what :func:`_precision` returned;
    `disturbance` and `slope`, of one row more than `dev`, are scratch.
    """
    size, width = dev.shape
    r = np.zeros(width)
    disturbance[size] = 0.0
    for t in range(size - 1, -1, -1):
        if seen[t]:
            gain1, gain2, inverse = kept[t, 0], damping * kept[t, 1], 1 / kept[t, 2]
            for k in range(width):
                dev[t, k] = inverse * dev[t, k] - (gain1 * r[k] + gain2 * disturbance[t + 1, k])
                r[k] += dev[t, k]
        else:
            for k in range(width):
                dev[t, k] = 0.0
        # Of a step's shock, in units of its variance: it moves level and slope alike.
        for k in range(width):
            disturbance[t, k] = r[k] + damping * disturbance[t + 1, k]
    start = shock / (1 - damping * damping)
    for k in range(width):
        slope[0, k] = start * damping * disturbance[0, k]
    for t in range(size):
        for k in range(width):
            slope[t + 1, k] = damping * slope[t, k] + shock * disturbance[t, k]
    d_noise = 0.5 * (_product(dev, dev) - trace[0])
    d_shock = 0.5 * (_product(disturbance, disturbance) - trace[1])
    d_damping = _product(disturbance, slope) - trace[2]
    # By the variance of the stationary start.
    first = 0.5 * (damping**2 * np.dot(disturbance[0], disturbance[0]) - trace[3])
    d_shock += first * start / shock
    d_damping += first * 2 * damping * start * start / shock
    return d_damping, d_shock, d_noise


@_jit
def _product(a, b):
    return np.dot(a.reshape(-1), b.reshape(-1))


@_jit
def factor_paths(damping, shocks):
    """Return a damped trend's level, and its derivative by the damping, for columns of unit shocks.

    Row 0 of `shocks` is the slope before the first quarter in stationary sd, row j the shock of
    quarter j - 1: shape (size + 1, columns) gives (size, columns).
    """
    size, width = shocks.shape[0] - 1, shocks.shape[1]
    level, d_level = np.empty((size, width)), np.empty((size, width))
    sd = 1 / np.sqrt(1 - damping * damping)
    u, du = sd * shocks[0], damping * sd**3 * shocks[0]
    f, df = np.zeros(width), np.zeros(width)
    for t in range(size):
        e, out, d_out = shocks[t + 1], level[t], d_level[t]
        for k in range(width):
            du[k] = damping * du[k] + u[k]
            u[k] = damping * u[k] + e[k]
            f[k] += u[k]
            df[k] += du[k]
            out[k] = f[k]
            d_out[k] = df[k]
    return level, d_level


@_jit
def _to_shocks(damping, weights):
    """Return derivatives by shocks from those by levels: :func:`factor_paths` transposed.

    Shape (size, columns) to (size + 1, columns).
    """
    size, width = weights.shape
    out = np.empty((size + 1, width))
    total, b = np.zeros(width), np.zeros(width)
    for t in range(size - 1, -1, -1):
        w, row = weights[t], out[t + 1]
        for k in range(width):
            total[k] += w[k]
            b[k] = total[k] + damping * b[k]
            row[k] = b[k]
    out[0] = damping / np.sqrt(1 - damping * damping) * b
    return out


@_jit
def _solve_group(
    y, seen, x, start, start_var, centre, width,
    damping, shock, noise, load, growth_var, season_var, factor_damping,
):  # fmt: skip
    """Eliminate one group's coefficients and factor shocks.

    Returns the log density; of each series what its filter keeps, the inverse of its own
    coefficients' precision as a product inverse' inverse, and the regression of those coefficients
    on deviations; for all that is shared the inverse Cholesky factor of its precision, and its mean.
    """
    size, count = y.shape
    shared, padded = NX + size + 1, _padded(size)
    kept, traces = np.empty((count, size + 1, 6)), np.zeros((count, 4))
    root, regress = np.zeros((count, NX, NX)), np.zeros((count, NX, padded))
    # Sums over series of load^2, load and 1 times a series' precision, between the factor's levels,
    # the regressors and y; in columns: levels, regressors, y.
    levels = np.zeros((size, padded + NX + 1))
    crossed, pull_x = np.zeros((NX, NX)), np.zeros(NX)
    inv, xa = np.zeros((size, padded)), np.empty((NX, padded))
    left, ya, w1, w2 = np.empty((NX, padded)), np.empty(padded), np.empty(padded), np.empty(padded)
    info, gram = np.empty((NX, NX)), np.empty((NX, NX))
    dev, xy, logp = np.empty(size), np.empty(NX), 0.0
    for s in range(count):
        log_det, n = _filter(seen[:, s], damping[s], shock[s], noise[s], start_var, kept[s])
        if n == 0:
            root[s, 0, 0] = np.sqrt(growth_var[s])
            for k in range(1, NX):
                root[s, k, k] = np.sqrt(season_var[s])
            continue
        traces[s] = _precision(seen[:, s], damping[s], kept[s], w1, w2, inv)
        ya[:] = 0.0
        xa[:] = 0.0
        q0, q1, q2, q3 = xa[0], xa[1], xa[2], xa[3]
        for t in range(size):
            if seen[t, s]:
                dev[t] = y[t, s] - start[s] - centre * x[t, 0]
                d, x0, x1, x2, x3, row = dev[t], x[t, 0], x[t, 1], x[t, 2], x[t, 3], inv[t]
                for j in range(padded):
                    v = row[j]
                    ya[j] += d * v
                    q0[j] += x0 * v
                    q1[j] += x1 * v
                    q2[j] += x2 * v
                    q3[j] += x3 * v
            else:
                dev[t] = 0.0
        gram[:] = 0.0
        xy[:] = 0.0
        for t in range(size):
            for i in range(NX):
                xy[i] += xa[i, t] * dev[t]
                for j in range(NX):
                    gram[i, j] += xa[i, t] * x[t, j]
        info[:] = gram
        info[0, 0] += 1 / growth_var[s]
        for k in range(1, NX):
            info[k, k] += 1 / season_var[s]
        lower = cholesky(info)
        inverse = inverse_lower(lower)
        root[s] = inverse
        own = inverse.T @ inverse
        log_own = np.log(growth_var[s]) + (NX - 1) * np.log(season_var[s])
        for k in range(NX):
            log_own += 2 * np.log(lower[k, k])
        # E: regression of the own coefficients on deviations; the precision without them is
        # inv - xa' E.
        e0, e1, e2, e3 = regress[s, 0], regress[s, 1], regress[s, 2], regress[s, 3]
        for i in range(NX):
            e = regress[s, i]
            for k in range(NX):
                v, q = own[i, k], xa[k]
                for j in range(padded):
                    e[j] += v * q[j]
        quadratic = 0.0
        for t in range(size):
            quadratic += ya[t] * dev[t]
        beta = own @ xy
        for i in range(NX):
            quadratic -= beta[i] * xy[i]
        logp -= 0.5 * (log_det + n * LOG_2PI + log_own + quadratic)
        k1 = load[s]
        k2 = k1 * k1
        for t in range(size):
            out, row = levels[t], inv[t]
            v0, v1, v2, v3 = xa[0, t], xa[1, t], xa[2, t], xa[3, t]
            for j in range(padded):
                out[j] += k2 * (row[j] - v0 * e0[j] - v1 * e1[j] - v2 * e2[j] - v3 * e3[j])
        for i in range(NX):
            out, v0, v1, v2, v3 = left[i], gram[i, 0], gram[i, 1], gram[i, 2], gram[i, 3]
            q = xa[i]
            for j in range(padded):
                out[j] = q[j] - v0 * e0[j] - v1 * e1[j] - v2 * e2[j] - v3 * e3[j]
            pull_x[i] += xy[i] - v0 * beta[0] - v1 * beta[1] - v2 * beta[2] - v3 * beta[3]
        for t in range(size):
            v = ya[t]
            for i in range(NX):
                v -= xa[i, t] * beta[i]
                levels[t, padded + i] += k1 * left[i, t]
                for j in range(NX):
                    crossed[i, j] += left[i, t] * x[t, j]
            levels[t, padded + NX] += k1 * v
    precision, pull = np.eye(shared), np.empty(shared)
    once = _to_shocks(factor_damping, levels)
    twice = _to_shocks(factor_damping, np.ascontiguousarray(once[:, :size].T))
    for i in range(size + 1):
        pull[NX + i] = once[i, padded + NX]
        for j in range(size + 1):
            precision[NX + i, NX + j] += twice[i, j]
        for j in range(NX):
            v = width[j] * once[i, padded + j]
            precision[NX + i, j] = v
            precision[j, NX + i] = v
    for i in range(NX):
        pull[i] = width[i] * pull_x[i]
        for j in range(NX):
            precision[i, j] += width[i] * width[j] * crossed[i, j]
    lower = cholesky(precision)
    inverse = inverse_lower(lower)
    mean = inverse.T @ (inverse @ pull)
    for i in range(shared):
        logp -= np.log(lower[i, i])
    logp += 0.5 * np.dot(pull, mean)
    return logp, kept, traces, root, regress, inverse, mean


@_jit
def _padded(size):
    return (size + BLOCK - 1) // BLOCK * BLOCK


@_jit
def _in_range(damping, shock, noise, load, growth_var, season_var, factor_damping):
    for s in range(damping.shape[0]):
        total = shock[s] + noise[s] + load[s] + growth_var[s] + season_var[s]
        positive = shock[s] > 0 and noise[s] > 0 and growth_var[s] > 0 and season_var[s] > 0
        if not (positive and load[s] > 0 and abs(damping[s]) < 1 and np.isfinite(total)):
            return False
    return bool(np.all(np.abs(factor_damping) < 1))


@_jit
def _group_end(group, low):
    high = low
    while high < group.shape[0] and group[high] == group[low]:
        high += 1
    return high


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
    grad, grad_factor, logp = np.zeros((6, count)), np.zeros(factor_damping.shape[0]), 0.0
    if not _in_range(damping, shock, noise, load, growth_var, season_var, factor_damping):
        return -np.inf, grad, grad_factor
    shared = NX + size + 1
    wide = _padded(1 + shared + NX)
    # What a series deviates by, as columns whose outer products add up to its second moment: its
    # mean, one for each direction of what is shared, and four of its own coefficients.
    z = np.zeros((NX + _padded(size) + 1, wide))
    columns, disturbance = np.empty((size, wide)), np.empty((size + 1, wide))
    slope, sums = np.empty((size + 1, wide)), np.empty(wide)
    own, coefficient = np.empty((NX, wide)), np.empty((NX, wide))
    level_bar, ex, second = np.empty((size, wide)), np.empty((NX, NX)), np.empty(NX)
    low = 0
    while low < count:
        high = _group_end(group, low)
        g = group[low]
        width = np.full(NX, season_width[g])
        width[0] = growth_width[g]
        part, kept, traces, root, regress, inverse, mean = _solve_group(
            y[:, low:high], seen[:, low:high], x, start[low:high], start_var, centre[g], width,
            damping[low:high], shock[low:high], noise[low:high], load[low:high],
            growth_var[low:high], season_var[low:high], factor_damping[g],
        )  # fmt: skip
        logp += part
        z[:shared, 0] = mean
        z[:shared, 1 : 1 + shared] = inverse.T
        common = width.reshape(-1, 1) * z[:NX]
        level, d_level = factor_paths(factor_damping[g], z[NX:])
        by_level = regress.reshape(-1, level.shape[0]) @ level
        level_bar[:] = 0.0
        for k in range(high - low):
            s = low + k
            if not seen[:, s].any():
                continue
            ld = load[s]
            # The own coefficients' regression on what is left of y without the shared.
            row = k * NX
            for i in range(NX):
                for j in range(NX):
                    v = 0.0
                    for t in range(size):
                        v += regress[k, i, t] * x[t, j]
                    ex[i, j] = v
            for i in range(NX):
                for c in range(wide):
                    own[i, c] = -ld * by_level[row + i, c]
                for j in range(NX):
                    v = ex[i, j]
                    for c in range(wide):
                        own[i, c] -= v * common[j, c]
                for t in range(size):
                    if seen[t, s]:
                        own[i, 0] += regress[k, i, t] * (y[t, s] - start[s] - centre[g] * x[t, 0])
                for j in range(NX):
                    own[i, 1 + shared + j] = root[k, j, i]
                for c in range(wide):
                    coefficient[i, c] = own[i, c] + common[i, c]
            np.dot(x, coefficient, columns)
            for t in range(size):
                for c in range(wide):
                    columns[t, c] = -columns[t, c] - ld * level[t, c]
                columns[t, 0] += y[t, s] - start[s] - centre[g] * x[t, 0]
            _innovations(columns, seen[:, s], damping[s], kept[k])
            grad[0, s], grad[1, s], grad[2, s] = _score(
                columns, seen[:, s], damping[s], shock[s], kept[k], traces[k], disturbance, slope
            )
            for i in range(NX):
                v = 0.0
                for c in range(wide):
                    v += own[i, c] * own[i, c]
                second[i] = v
            v = growth_var[s]
            grad[4, s] = -0.5 * (1 / v - second[0] / v**2)
            v = season_var[s]
            grad[5, s] = -0.5 * ((NX - 1) / v - (second[1] + second[2] + second[3]) / v**2)
            sums[:] = 0.0
            for t in range(size):
                for c in range(wide):
                    sums[c] += columns[t, c] * level[t, c]
                for c in range(wide):
                    level_bar[t, c] += ld * columns[t, c]
            grad[3, s] = sums.sum()
        sums[:] = 0.0
        for t in range(size):
            for c in range(wide):
                sums[c] += level_bar[t, c] * d_level[t, c]
        grad_factor[g] = sums.sum()
        low = high
    if not np.isfinite(logp):
        logp = -np.inf
    return logp, grad, grad_factor


@_jit
def draw_states(
    rng, y, seen, x, group, start, start_var, centre, growth_width, season_width,
    damping, shock, noise, load, growth_var, season_var, factor_damping,
):  # fmt: skip
    """Draw what :func:`panel_logp_grad` integrates out, exactly, once for each draw of the rest.

    Parameters are those of :func:`panel_logp_grad`, with a leading dimension n on the last seven.

    Returns
    -------
    tuple of numpy.ndarray
        What each group shares (n, G, 4 + T + 1): standard normal growth, season and factor shocks;
        coefficients (n, S, 4); level and slope of the last quarter (n, S, 2); the factor's slope
        then (n, G); the log density of the data given the groups' growth (n,).
    """
    draws, (size, count) = damping.shape[0], y.shape
    groups, shared = factor_damping.shape[1], NX + size + 1
    common = np.empty((draws, groups, shared))
    coefficient, state = np.empty((draws, count, NX)), np.empty((draws, count, 2))
    factor_slope, density = np.zeros((draws, groups)), np.zeros(draws)
    width, normal, dev = np.empty(NX), np.empty(NX), np.zeros((size, 1))
    for d in range(draws):
        for g in range(groups):
            for i in range(shared):
                common[d, g, i] = rng.standard_normal()
        low = 0
        while low < count:
            high = _group_end(group, low)
            g = group[low]
            width[0] = growth_width[g]
            width[1:] = season_width[g]
            part, kept, _, root, regress, inverse, mean = _solve_group(
                y[:, low:high], seen[:, low:high], x, start[low:high], start_var, centre[g], width,
                damping[d, low:high], shock[d, low:high], noise[d, low:high], load[d, low:high],
                growth_var[d, low:high], season_var[d, low:high], factor_damping[d, g],
            )  # fmt: skip
            z = mean + inverse.T @ common[d, g]
            common[d, g] = z
            var = (inverse[:, 0] ** 2).sum()
            density[d] += part + 0.5 * (z[0] ** 2 - (z[0] - mean[0]) ** 2 / var - np.log(var))
            b = width * z[:NX]
            b[0] += centre[g]
            line = x @ b
            path, _ = factor_paths(factor_damping[d, g], z[NX:].copy().reshape(-1, 1))
            for k in range(high - low):
                s = low + k
                for t in range(size):
                    if seen[t, s]:
                        dev[t, 0] = y[t, s] - start[s] - line[t] - load[d, s] * path[t, 0]
                for i in range(NX):
                    normal[i] = rng.standard_normal()
                own = root[k].T @ normal
                for i in range(NX):
                    for t in range(size):
                        if seen[t, s]:
                            own[i] += regress[k, i, t] * dev[t, 0]
                for t in range(size):
                    for i in range(NX):
                        dev[t, 0] -= x[t, i] * own[i]
                level, slope = _innovations(dev, seen[:, s], damping[d, s], kept[k])
                l11 = np.sqrt(kept[k, size, 3])
                l21 = kept[k, size, 4] / l11
                l22 = np.sqrt(max(kept[k, size, 5] - l21 * l21, 0.0))
                e1, e2 = rng.standard_normal(), rng.standard_normal()
                state[d, s, 0] = start[s] + level[0] + l11 * e1
                state[d, s, 1] = slope[0] + l21 * e1 + l22 * e2
                coefficient[d, s] = b + own
            low = high
        for g in range(groups):
            p, shocks = factor_damping[d, g], common[d, g, NX:]
            u = shocks[0] / np.sqrt(1 - p * p)
            for t in range(size):
                u = p * u + shocks[t + 1]
            factor_slope[d, g] = u
    return common, coefficient, state, factor_slope, density


@_jit
def draw_paths(
    rng, y, seen, x, group, start, start_var, ahead,
    damping, shock, noise, load, factor_damping, common, coefficient, state, factor_slope,
):  # fmt: skip
    """Draw the paths that lead to the states of :func:`draw_states` and go on from them.

    Parameters
    ----------
    x
        Regressors of the T quarters and of those to come, shape (T + ahead, 4).
    ahead
        Number of quarters to come.
    damping, shock, noise, load, factor_damping
        As in :func:`draw_states`, which gave the last four arguments.

    Returns
    -------
    tuple of numpy.ndarray
        Paths without and with observation noise, shape (n, T + ahead, S), log scale.
    """
    draws, (size, count) = damping.shape[0], y.shape
    groups = factor_damping.shape[1]
    signal, noisy = (
        np.empty((draws, size + ahead, count)),
        np.empty((draws, size + ahead, count)),
    )
    mean, var = np.empty((size, 2)), np.empty((size, 3))
    factor = np.empty((groups, size + ahead))
    for d in range(draws):
        for g in range(groups):
            p, shocks = factor_damping[d, g], common[d, g, NX:]
            u, f = shocks[0] / np.sqrt(1 - p * p), 0.0
            for t in range(size):
                u = p * u + shocks[t + 1]
                f += u
                factor[g, t] = f
            u = factor_slope[d, g]
            for t in range(size, size + ahead):
                u = p * u + rng.standard_normal()
                f += u
                factor[g, t] = f
        for s in range(count):
            phi, q, r = damping[d, s], shock[d, s], noise[d, s]
            line = load[d, s] * factor[group[s]]
            for t in range(size + ahead):
                for c in range(NX):
                    line[t] += x[t, c] * coefficient[d, s, c]
            # Forward: the filtered states; then backward: states drawn one before the other.
            m, v = start[s], 0.0
            a, b, c_ = start_var, 0.0, q / (1 - phi * phi)
            for t in range(size):
                c_, b, a = (
                    phi * phi * c_ + q,
                    phi * b + phi * phi * c_ + q,
                    a + 2 * phi * b + phi * phi * c_ + q,
                )
                v *= phi
                m += v
                if seen[t, s]:
                    total = a + r
                    error = y[t, s] - line[t] - m
                    g1, g2 = a / total, b / total
                    m += g1 * error
                    v += g2 * error
                    a, b, c_ = a - g1 * a, b - g1 * b, c_ - g2 * b
                mean[t, 0] = m
                mean[t, 1] = v
                var[t, 0] = a
                var[t, 1] = b
                var[t, 2] = c_
            m, v = state[d, s, 0], state[d, s, 1]
            for t in range(size - 1, -1, -1):
                if t < size - 1:
                    m, after = m - v, v  # the level before is this one less the slope
                    a, b, c_ = var[t, 0], var[t, 1], var[t, 2]
                    centre = mean[t, 1] + b / a * (m - mean[t, 0])
                    left = max(c_ - b * b / a, 0.0)
                    total = phi * phi * left + q
                    gain = phi * left / total
                    centre += gain * (after - phi * centre)
                    v = centre + np.sqrt(max(left - gain * phi * left, 0.0)) * rng.standard_normal()
                signal[d, t, s] = m + line[t]
            m, v = state[d, s, 0], state[d, s, 1]
            for t in range(size, size + ahead):
                v = phi * v + np.sqrt(q) * rng.standard_normal()
                m += v
                signal[d, t, s] = m + line[t]
            sd = np.sqrt(r)
            for t in range(size + ahead):
                noisy[d, t, s] = signal[d, t, s] + sd * rng.standard_normal()
    return signal, noisy


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
