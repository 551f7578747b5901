"""The density of a quarterly panel with its Gaussian states integrated out, by hand in numba.

Series s of metric group g in quarter t = 0..T-1, on the log scale::

    y[t, s]  = mu[t, s] + x[t] . coefficient[s] + load[s] f[t, g] + N(0, noise_var[s])
    mu[t]    = mu[t-1] + d[t]     d[t] = damping[s] d[t-1] + N(0, shock_var[s])
    f[t]     = f[t-1] + u[t]      u[t] = factor_damping[g] u[t-1] + N(0, 1)
    coefficient[s] = centre + width * z[g] + N(0, own_var[s])

with mu[-1] ~ N(start[s], start_var), d[-1] and u[-1] stationary, f[-1] = 0. The regressors x are
the quarter's number (growth) and three orthonormal sum-to-zero contrasts (season); z, standard
normal, is what the series of a group share of them. A two-state Kalman filter per series whitens y
together with the columns of x and of the factor's shocks; a series' own coefficients leave by a
4 x 4 Schur complement, and all that a group shares by one Cholesky factor. The cost is linear in
the number of series; what is missing is skipped. The gradient is reverse mode, written out.

Invariant: :func:`panel_logp_grad` is the log density of the joint normal law and its exact
gradient, and :func:`draw_states` with :func:`draw_paths` draw from that law given the data;
``tests/test_collapsed.py`` holds all three against dense matrices and finite differences.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numba
import numpy as np
import pytensor.tensor as pt
from pytensor.gradient import DisconnectedType
from pytensor.graph.basic import Apply
from pytensor.graph.op import Op
from pytensor.link.numba.dispatch.basic import numba_njit, register_funcify_default_op_cache_key

NX = 4
"""Regressors of a series: growth and three season contrasts."""
LOG_2PI = float(np.log(2 * np.pi))
BLOCK = 8
"""Columns are padded to a multiple of this, so that sums over them use vector instructions."""

_jit = numba.njit(cache=True, fastmath=False, error_model="numpy", nogil=True)


@_jit
def factor_columns(damping, size):
    """Return the map from unit shocks to a damped trend's level, and its derivative by the damping.

    Shape (size, size + 1) each; column 0 is the slope before the first quarter, one stationary sd,
    and column j the shock of quarter j - 1.
    """
    level = np.zeros((size, size + 1))
    slope = np.zeros((size, size + 1))
    total = np.empty(size + 1)  # sum of damping^i up to i = k, and its derivative
    d_total = np.empty(size + 1)
    h, dh, power, d_power = 0.0, 0.0, 1.0, 0.0
    for k in range(size + 1):
        h += power
        dh += d_power
        total[k] = h
        d_total[k] = dh
        d_power = d_power * damping + power
        power = power * damping
    sd = 1 / np.sqrt(1 - damping * damping)
    d_sd = damping * sd**3
    for t in range(size):
        a = total[t + 1] - 1.0
        level[t, 0] = a * sd
        slope[t, 0] = d_total[t + 1] * sd + a * d_sd
        for j in range(1, t + 2):
            level[t, j] = total[t + 1 - j]
            slope[t, j] = d_total[t + 1 - j]
    return level, slope


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
def _whiten(columns, seen, damping, shock, noise, start, start_var, white, slopes, kept):
    """Filter all columns of one series, the first of which is y.

    Fills `white` (t, column) with the standardised innovations, `slopes` with the slope before each
    step and `kept` with what the adjoint needs of the variances. Returns the sum of log innovation
    variances, the number of quarters seen, and the last state: level and slope of each column, and
    their variances.
    """
    size, width = columns.shape
    p11, p12, p22 = start_var, 0.0, shock / (1 - damping * damping)
    level, slope = np.zeros(width), np.zeros(width)
    level[0] = start
    log_det, count = 0.0, 0
    for t in range(size):
        kept[t, 0] = p12
        kept[t, 1] = p22
        c = damping * damping * p22 + shock
        b = damping * p12 + c
        a = p11 + damping * p12 + b
        for k in range(width):
            slopes[t, k] = slope[k]
            slope[k] *= damping
            level[k] += slope[k]
        if seen[t]:
            var = a + noise
            gain1, gain2, scale = a / var, b / var, 1 / np.sqrt(var)
            kept[t, 2] = a
            kept[t, 3] = b
            kept[t, 4] = var
            for k in range(width):
                error = columns[t, k] - level[k]
                white[t, k] = error * scale
                level[k] += gain1 * error
                slope[k] += gain2 * error
            p11, p12, p22 = a - gain1 * a, b - gain1 * b, c - gain2 * b
            log_det += np.log(var)
            count += 1
        else:
            for k in range(width):
                white[t, k] = 0.0
            p11, p12, p22 = a, b, c
    return log_det, count, level, slope, p11, p12, p22


@_jit
def _whiten_adjoint(bar, white, slopes, kept, seen, damping, shock, columns_bar):
    """Run :func:`_whiten` backwards for ``sum(bar * white) - 0.5 * log_det``.

    Fills `columns_bar` with the derivative by the columns; returns those by damping, shock and
    noise variance.
    """
    size, width = white.shape
    x1, x2 = np.zeros(width), np.zeros(width)
    s1, s2, s3 = np.empty(BLOCK), np.empty(BLOCK), np.empty(BLOCK)
    p1, p2, p3 = 0.0, 0.0, 0.0
    d_damping, d_shock, d_noise = 0.0, 0.0, 0.0
    n = width
    for t in range(size - 1, -1, -1):
        if seen[t]:
            # Later factor shocks are zero at and before t: nothing is wanted of them any more.
            while n > BLOCK and white[t, n - 1] == 0.0:
                n -= 1
            n = (n + BLOCK - 1) // BLOCK * BLOCK
            a, b, var = kept[t, 2], kept[t, 3], kept[t, 4]
            gain1, gain2, root = a / var, b / var, np.sqrt(var)
            scale = 1 / root
            w, wb, out = white[t], bar[t], columns_bar[t]
            s1[:] = 0.0
            s2[:] = 0.0
            s3[:] = 0.0
            for c0 in range(0, n, BLOCK):
                for k in range(BLOCK):
                    s1[k] += x1[c0 + k] * w[c0 + k]
                    s2[k] += x2[c0 + k] * w[c0 + k]
                    s3[k] += wb[c0 + k] * w[c0 + k]
            for c in range(n):
                e = x1[c] * gain1 + x2[c] * gain2 + wb[c] * scale
                out[c] = e
                x1[c] -= e
            for c in range(n, width):
                out[c] = 0.0
            k1 = s1.sum() * root - (p1 * a + p2 * b)
            k2 = s2.sum() * root - p3 * b
            s = -0.5 * (s3.sum() + 1) / var - (k1 * gain1 + k2 * gain2) / var
            d_noise += s
            p1, p2 = (
                p1 * (1 - gain1) + k1 / var + s,
                p2 * (1 - gain1) - p3 * gain2 + k2 / var,
            )
        else:
            columns_bar[t] = 0.0
        p12, p22 = kept[t, 0], kept[t, 1]
        d_shock += p1 + p2 + p3
        d_damping += p1 * (2 * p12 + 2 * damping * p22) + p2 * (p12 + 2 * damping * p22)
        d_damping += p3 * 2 * damping * p22
        s1[:] = 0.0
        before = slopes[t]
        for c0 in range(0, n, BLOCK):
            for k in range(BLOCK):
                v = x1[c0 + k] + x2[c0 + k]
                s1[k] += v * before[c0 + k]
                x2[c0 + k] = damping * v
        d_damping += s1.sum()
        p2, p3 = 2 * damping * p1 + damping * p2, damping * damping * (p1 + p2 + p3)
    left = 1 - damping * damping  # the stationary start
    d_shock += p3 / left
    d_damping += p3 * shock * 2 * damping / (left * left)
    return d_damping, d_shock, d_noise


@_jit
def _gram(white, out):
    """Fill `out` with white' white; a row stops at its last column that is not zero."""
    size, width = white.shape
    out[:] = 0.0
    for t in range(size):
        n = width
        while n > 0 and white[t, n - 1] == 0.0:
            n -= 1
        w = white[t]
        for i in range(n):
            v, row = w[i], out[i]
            for j in range(n):
                row[j] += v * w[j]


@_jit
def _solve_group(
    y, seen, x, start, start_var, centre, width,
    damping, shock, noise, load, growth_var, season_var, factor_damping,
):  # fmt: skip
    """Eliminate one group's coefficients and factor shocks.

    Returns the log density; per series the whitened columns, slopes and kept variances, the inverse
    precision of its own coefficients and their regression on all other columns, and its last state;
    for the shared block the inverse Cholesky factor and the mean; the factor's columns with their
    derivative.
    """
    size, count = y.shape
    shared = NX + size + 1
    padded = (1 + shared + BLOCK - 1) // BLOCK * BLOCK
    factor, d_factor = factor_columns(factor_damping, size)
    columns = np.zeros((size, padded))
    columns[:, 1 : 1 + NX] = x
    columns[:, 1 + NX : 1 + shared] = factor
    precision, pull, logp = np.eye(shared), np.zeros(shared), 0.0
    white, slopes = np.empty((count, size, padded)), np.empty((count, size, padded))
    kept = np.empty((count, size, 5))
    own, regress = np.zeros((count, NX, NX)), np.zeros((count, NX, padded))
    end, end_var = np.empty((count, 2, padded)), np.empty((count, 3))
    gram, rest, scale = np.empty((padded, padded)), np.empty((padded, padded)), np.zeros(padded)
    for s in range(count):
        for t in range(size):
            columns[t, 0] = y[t, s] - centre * x[t, 0]
        log_det, n, level, slope, p11, p12, p22 = _whiten(
            columns, seen[:, s], damping[s], shock[s], noise[s], start[s], start_var,
            white[s], slopes[s], kept[s],
        )  # fmt: skip
        end[s, 0] = level
        end[s, 1] = slope
        end_var[s, 0] = p11
        end_var[s, 1] = p12
        end_var[s, 2] = p22
        if n == 0:
            own[s, 0, 0] = growth_var[s]
            for k in range(1, NX):
                own[s, k, k] = season_var[s]
            continue
        _gram(white[s], gram)
        info = gram[1 : 1 + NX, 1 : 1 + NX].copy()
        info[0, 0] += 1 / growth_var[s]
        for k in range(1, NX):
            info[k, k] += 1 / season_var[s]
        lower = cholesky(info)
        inverse = inverse_lower(lower)
        own[s] = inverse.T @ inverse
        log_own = np.log(growth_var[s]) + (NX - 1) * np.log(season_var[s])
        for k in range(NX):
            log_own += 2 * np.log(lower[k, k])
        for i in range(NX):
            for j in range(padded):
                v = 0.0
                for k in range(NX):
                    v += own[s, i, k] * gram[1 + k, j]
                regress[s, i, j] = v
        r0, r1, r2, r3 = regress[s, 0], regress[s, 1], regress[s, 2], regress[s, 3]
        for i in range(padded):
            g, o = gram[i], rest[i]
            v0, v1, v2, v3 = g[1], g[2], g[3], g[4]
            for j in range(padded):
                o[j] = g[j] - v0 * r0[j] - v1 * r1[j] - v2 * r2[j] - v3 * r3[j]
        logp -= 0.5 * (log_det + n * LOG_2PI + log_own + rest[0, 0])
        scale[1 : 1 + NX] = width
        scale[1 + NX : 1 + shared] = load[s]
        s1 = scale[1:]
        for i in range(shared):
            v, m, g = s1[i], precision[i], rest[i + 1, 1:]
            pull[i] += v * rest[0, i + 1]
            for j in range(shared):
                m[j] += v * s1[j] * g[j]
    lower = cholesky(precision)
    inverse = inverse_lower(lower)
    mean = inverse.T @ (inverse @ pull)
    for i in range(shared):
        logp -= np.log(lower[i, i])
    logp += 0.5 * np.dot(pull, mean)
    return (
        logp, white, slopes, kept, own, regress, end, end_var, inverse, mean, factor, d_factor,
    )  # fmt: skip


@_jit
def _moment(second, mean, scale, regress, own, shared, half, spread, out):
    """Fill `out` with minus the second moment of (1, -coefficients, -loaded shocks) of a series.

    `spread` is left with the second moment of its own coefficients about the shared ones, less the
    part that does not depend on the data.
    """
    padded = out.shape[0]
    s1 = scale[1:]
    for i in range(shared):
        c, v, m = out[i + 1], scale[i + 1], second[i]
        c[0] = -v * mean[i]
        c1 = c[1:]
        for j in range(shared):
            c1[j] = v * s1[j] * m[j]
    out[0, 0] = 1.0
    for i in range(shared):
        out[0, i + 1] = out[i + 1, 0]
    half[:] = 0.0
    z0, z1, z2, z3 = half[0], half[1], half[2], half[3]
    for k in range(1 + shared):
        v0, v1, v2, v3 = regress[0, k], regress[1, k], regress[2, k], regress[3, k]
        c = out[k]
        for j in range(padded):
            x = c[j]
            z0[j] += v0 * x
            z1[j] += v1 * x
            z2[j] += v2 * x
            z3[j] += v3 * x
    for i in range(NX):
        for j in range(NX):
            v = 0.0
            for k in range(1 + shared):
                v += half[i, k] * regress[j, k]
            spread[i, j] = v
    for i in range(NX):
        c, z = out[i + 1], half[i]
        for j in range(padded):
            c[j] -= z[j]
    for j in range(1 + shared):
        c = out[j]
        for i in range(NX):
            c[i + 1] -= half[i, j]
    for i in range(NX):
        for j in range(NX):
            out[i + 1, j + 1] += spread[i, j] + own[i, j]
    for i in range(padded):
        for j in range(padded):
            out[i, j] = -out[i, j]


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
    padded = (1 + shared + BLOCK - 1) // BLOCK * BLOCK
    columns_bar, bar = np.empty((size, padded)), np.empty((size, padded))
    moment, half, spread = np.zeros((padded, padded)), np.empty((NX, padded)), np.empty((NX, NX))
    width, scale = np.empty(NX), np.zeros(padded)
    low = 0
    while low < count:
        high = _group_end(group, low)
        g = group[low]
        width[0] = growth_width[g]
        width[1:] = season_width[g]
        part, white, slopes, kept, own, regress, _, _, inverse, mean, factor, d_factor = (
            _solve_group(
                y[:, low:high], seen[:, low:high], x, start[low:high], start_var, centre[g], width,
                damping[low:high], shock[low:high], noise[low:high], load[low:high],
                growth_var[low:high], season_var[low:high], factor_damping[g],
            )
        )  # fmt: skip
        logp += part
        second = inverse.T @ inverse
        for i in range(shared):
            for j in range(shared):
                second[i, j] += mean[i] * mean[j]
        factor_bar = np.zeros((size, size + 1))
        for k in range(high - low):
            s = low + k
            if not seen[:, s].any():
                continue
            scale[1 : 1 + NX] = width
            scale[1 + NX : 1 + shared] = load[s]
            moment[:] = 0.0
            _moment(second, mean, scale, regress[k], own[k], shared, half, spread, moment)
            np.dot(white[k], moment, bar)
            grad[0, s], grad[1, s], grad[2, s] = _whiten_adjoint(
                bar, white[k], slopes[k], kept[k], seen[:, s], damping[s], shock[s], columns_bar
            )
            v = growth_var[s]
            grad[4, s] = -0.5 * (1 / v - (spread[0, 0] + own[k, 0, 0]) / v**2)
            v, total = season_var[s], 0.0
            for i in range(1, NX):
                total += spread[i, i] + own[k, i, i]
            grad[5, s] = -0.5 * ((NX - 1) / v - total / v**2)
            total = 0.0  # the load scales the factor's columns
            for t in range(size):
                b, f, out = columns_bar[t, 1 + NX : 1 + shared], factor[t], factor_bar[t]
                for c in range(size + 1):
                    out[c] += b[c]
                for c in range(t + 2):
                    total += b[c] * f[c]
            grad[3, s] = total / load[s]
        total = 0.0
        for t in range(size):
            for c in range(size + 1):
                total += factor_bar[t, c] * d_factor[t, c]
        grad_factor[g] = total
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
    width, own_normal = np.empty(NX), np.empty(NX)
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
            part, _, _, _, own, regress, end, end_var, inverse, mean, _, _ = _solve_group(
                y[:, low:high], seen[:, low:high], x, start[low:high], start_var, centre[g], width,
                damping[d, low:high], shock[d, low:high], noise[d, low:high], load[d, low:high],
                growth_var[d, low:high], season_var[d, low:high], factor_damping[d, g],
            )  # fmt: skip
            z = mean + inverse.T @ common[d, g]
            common[d, g] = z
            var = (inverse[:, 0] ** 2).sum()
            density[d] += part + 0.5 * (z[0] ** 2 - (z[0] - mean[0]) ** 2 / var - np.log(var))
            for k in range(high - low):
                s = low + k
                loaded = load[d, s] * z[NX:]
                for i in range(NX):
                    own_normal[i] = rng.standard_normal()
                b = regress[k, :, 0] + cholesky(own[k]) @ own_normal
                for i in range(NX):
                    for c in range(NX):
                        b[i] -= regress[k, i, 1 + c] * width[c] * z[c]
                    for c in range(size + 1):
                        b[i] -= regress[k, i, 1 + NX + c] * loaded[c]
                for i in range(NX):
                    b[i] += width[i] * z[i]
                m, v = end[k, 0, 0], end[k, 1, 0]
                for c in range(NX):
                    m -= end[k, 0, 1 + c] * b[c]
                    v -= end[k, 1, 1 + c] * b[c]
                for c in range(size + 1):
                    m -= end[k, 0, 1 + NX + c] * loaded[c]
                    v -= end[k, 1, 1 + NX + c] * loaded[c]
                l11 = np.sqrt(end_var[k, 0])
                l21 = end_var[k, 1] / l11
                l22 = np.sqrt(max(end_var[k, 2] - l21 * l21, 0.0))
                e1, e2 = rng.standard_normal(), rng.standard_normal()
                state[d, s, 0] = m + l11 * e1
                state[d, s, 1] = v + l21 * e1 + l22 * e2
                b[0] += centre[g]
                coefficient[d, s] = b
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

    def make_node(self, *inputs: Any) -> Apply:
        """Take the sixteen arguments of :func:`panel_logp_grad`."""
        variables = [pt.as_tensor_variable(i) for i in inputs]
        return Apply(self, variables, [pt.dscalar(), pt.dmatrix(), pt.dvector()])

    def perform(self, node: Any, inputs: Any, outputs: Any) -> None:
        """Compute outside of compiled code."""
        before, start_var, after = inputs[:5], float(inputs[5]), inputs[6:]
        logp, grad, grad_factor = panel_logp_grad(*before, start_var, *after)
        outputs[0][0], outputs[1][0], outputs[2][0] = np.asarray(logp), grad, grad_factor

    def pullback(self, inputs: Any, outputs: Any, cotangents: Any) -> list[Any]:
        """Return the derivative by each argument; the first nine are data."""
        c = cotangents[0]
        by_series = [c * outputs[1][k] for k in range(6)]
        return [DisconnectedType()() for _ in range(9)] + by_series + [c * outputs[2]]

    def connection_pattern(self, node: Any) -> list[list[bool]]:
        """Say that data have no derivative, and that only the density has one."""
        return [[False] * 3] * 9 + [[True, False, False]] * 7


@register_funcify_default_op_cache_key(PanelLogp)
def _in_numba(op: Any, node: Any, **_: Any) -> tuple[Any, int]:
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
