"""The density of every figure, and its gradient, by hand in numba.

It is that of :func:`forecast.models.payback.model.specification`, whose formulas stand in that file.
Here the same lines come in the same order, and then, backwards, what each adds to the derivative:
``d_x`` is the derivative of the log density by ``x``. What depends on a laboratory alone is computed,
and carried back, once for all its rows.

Invariant: :data:`DENSITY` is the specification's log density by row, and the gradient of its sum;
``tests/test_payback_kernel.py`` compares them at many points.
"""

from __future__ import annotations

import math

import numba
import numpy as np

from forecast.models.by_hand import RowDensity, part

# These stand here, where they are compiled in: numba's cache on disk goes by this file alone.
LABORATORIES, VINTAGES, MONTHS = 2, 6, 12
ORIGIN, START_OF_MARGIN = 2025.0, 2025.5
CASH_ERROR = 0.5
HALF_LOG_2PI = 0.5 * math.log(2 * math.pi)
ROOT_HALF, ROOT_2_PI = math.sqrt(0.5), math.sqrt(2 * math.pi)
FAR = 20.0
"""From so many sds on the normal tail is a series, whose tenth term is below rounding there."""
TERMS = 10
# Places in the vector of names, the order of `BY_LABORATORY` and `COMMON` in the model.
(LEVEL, GROWTH, HEADROOM, BEND, NOISE, MARGIN_START, MARGIN_END, RESERVE, ROUND_SIZE) = range(9)
(RAMP, OPTIMISM, GROSS, MARGIN_YEARS, DISCOUNT, SHIFT_SD, REVISION, SWING, ROUND_RATE,
 ROUND_SPREAD, SHARE) = range(9, 20)  # fmt: skip
OWN, NAMES = 9, 20
# Rows of `table` and of `index`, the order of `COLUMNS` and `PLACES` in the model.
(T_START, T_LENGTH, T_PER, T_GROSS, T_ROUGH, T_COMMITTED, T_AHEAD, T_HORIZON, T_PROGRAMME, T_AFTER,
 T_VALUE) = range(11)  # fmt: skip
I_KIND, I_LABORATORY, I_VINTAGE, I_SIDE, I_NEWEST, I_YEARS = range(6)
SALES, CASH, MONEY, ROUND, PROJECTION = range(5)


@part
def _softplus(x):
    return x + math.log1p(math.exp(-x)) if x > 0 else math.log1p(math.exp(x))


@part
def _logistic(x):
    return 1 / (1 + math.exp(-x)) if x > 0 else math.exp(x) / (1 + math.exp(x))


@part
def _tail(z):
    """Return the log of the normal mass above `z`, and its derivative less its sign."""
    if z < 0:
        below = 0.5 * math.erfc(-z * ROOT_HALF)
        return math.log1p(-below), math.exp(-0.5 * z * z) / (ROOT_2_PI * (1 - below))
    if z < FAR:
        mass = 0.5 * math.erfc(z * ROOT_HALF)
        return math.log(mass), math.exp(-0.5 * z * z) / (ROOT_2_PI * mass)
    series, term = 1.0, 1.0
    for k in range(TERMS):
        term *= -(2 * k + 1) / (z * z)
        series += term
    return -0.5 * z * z - math.log(z * ROOT_2_PI) + math.log(series), z / series


def _density(size, names, rows, years, z, prior, table, inside, index, by_row, gradient):
    """Fill the log density by row and its gradient, see :data:`forecast.models.by_hand.SIGNATURE`.

    `z` holds what laboratories have of their own, name by name, what they share, and the shifts;
    `inside` the part of each year of a programme that lies in a row's window, shape (row, year).
    """
    z, gradient = numba.carray(z, size), numba.carray(gradient, size)
    prior, table = numba.carray(prior, (2, names)), numba.carray(table, (11, rows))
    inside, index = numba.carray(inside, (rows, years)), numba.carray(index, (6, rows))
    by_row = numba.carray(by_row, rows)
    first_shift = OWN * LABORATORIES + NAMES - OWN
    # Parameters by name and laboratory; those that are shared stand twice. Of headroom the logarithm.
    p, d = np.empty((NAMES, LABORATORIES)), np.zeros((NAMES, LABORATORIES))
    for name in range(NAMES):
        for lab in range(LABORATORIES):
            at = name * LABORATORIES + lab if name < OWN else OWN * (LABORATORIES - 1) + name
            p[name, lab] = prior[0, name] + prior[1, name] * z[at]
            if name in (BEND, NOISE, RESERVE, ROUND_SIZE) or GROSS <= name < SHARE:
                p[name, lab] = math.exp(p[name, lab])
            elif name == SHARE:
                p[name, lab] = _logistic(p[name, lab])
    for k in range(size):
        gradient[k] = 0.0
    # Of each laboratory's curve: room to the ceiling, log odds at the origin, their slope.
    room, left, odds_then = np.empty(LABORATORIES), np.empty(LABORATORIES), np.empty(LABORATORIES)
    slope = np.empty(LABORATORIES)
    d_room, d_then, d_slope = np.zeros(LABORATORIES), np.zeros(LABORATORIES), np.zeros(LABORATORIES)
    for lab in range(LABORATORIES):
        room[lab] = _softplus(p[HEADROOM, lab] - p[LEVEL, lab])
        left[lab] = -math.expm1(-p[BEND, lab] * room[lab])
        odds_then[lab] = math.log(left[lab]) + p[BEND, lab] * room[lab]
        slope[lab] = p[GROWTH, lab] / left[lab] * p[BEND, lab]

    rate, gone, odds = np.empty(MONTHS), np.empty(MONTHS), np.empty(MONTHS)
    for i in range(rows):
        kind, lab, vintage = index[I_KIND, i], index[I_LABORATORY, i], index[I_VINTAGE, i]
        length, value, side = table[T_LENGTH, i], table[T_VALUE, i], index[I_SIDE, i]
        bend, swing, share = p[BEND, lab], p[SWING, lab], p[SHARE, lab]
        # The mean run-rate of the window, and the share of the way of its margin.
        months = 0 if kind == ROUND else 1 if length == 0 else MONTHS
        mean_rate, way = 0.0, 0.0
        for k in range(months):
            t = table[T_START, i] + length * (k + 0.5) / MONTHS - ORIGIN
            odds[k] = odds_then[lab] - slope[lab] * t
            rate[k] = math.exp(p[LEVEL, lab] + room[lab] - _softplus(odds[k]) / bend)
            gone[k] = math.exp(-(t + ORIGIN - START_OF_MARGIN) / p[MARGIN_YEARS, lab])
            mean_rate += rate[k] / months
            way += rate[k] * (1 - gone[k]) / months
        if months > 0:
            way /= mean_rate
        revenue = mean_rate * length
        margin = p[MARGIN_START, lab] + (p[MARGIN_END, lab] - p[MARGIN_START, lab]) * way
        # What of the programme is spent in the window, and its derivative by the ramp.
        total, total_t, within, within_t = 0.0, 0.0, 0.0, 0.0
        for k in range(index[I_YEARS, i]):
            weight = math.exp(p[RAMP, lab] * k)
            total += weight
            total_t += weight * k
            within += weight * inside[i, k]
            within_t += weight * inside[i, k] * k
        spent, spent_t = 0.0, 0.0
        if total > 0:
            spent = table[T_PROGRAMME, i] * within / total
            spent_t = table[T_PROGRAMME, i] * (within_t - within * total_t / total) / total
        net = margin * revenue - share * spent

        # The law of the row: its mean, its sd, and the density.
        rough, ahead, horizon = table[T_ROUGH, i], table[T_AHEAD, i], table[T_HORIZON, i]
        time, error, spread = math.sqrt(ahead), CASH_ERROR, 0.0
        at_shift = first_shift + lab * VINTAGES + vintage
        if kind == SALES:
            mean = math.log(mean_rate * table[T_PER, i]) + p[GROSS, lab] * table[T_GROSS, i]
            sd = p[NOISE, lab] * (1 + rough)
        elif kind == ROUND:
            mean, sd = math.log(p[ROUND_SIZE, lab]), p[ROUND_SPREAD, lab]
        else:
            mean = net
            if kind == PROJECTION:
                if index[I_NEWEST, i] == 0:
                    mean = table[T_AFTER, i]
                shift = p[SHIFT_SD, lab] * time * z[at_shift]
                mean += horizon * (p[OPTIMISM, lab] * ahead + shift)
                spread = horizon * p[REVISION, lab] * time
            else:
                if kind == MONEY:
                    mean += p[RESERVE, lab] + table[T_COMMITTED, i]
                error, spread = CASH_ERROR * (1 + rough), swing * revenue
            sd = math.sqrt(error * error + spread * spread)
        if side == 0:
            off = (value - mean) / sd
            by_row[i] = -0.5 * off * off - HALF_LOG_2PI - math.log(sd)
            d_mean, d_sd = off / sd, (off * off - 1) / sd
        else:
            off = side * (value - mean) / sd
            by_row[i], falls = _tail(off)
            d_mean, d_sd = side * falls / sd, falls * off / sd

        # Backwards: the law, net cash, the window.
        d_net, d_revenue, d_rate = 0.0, 0.0, 0.0
        if kind == SALES:
            d_rate = d_mean / mean_rate
            d[GROSS, lab] += d_mean * table[T_GROSS, i]
            d[NOISE, lab] += d_sd * (1 + rough)
        elif kind == ROUND:
            d[ROUND_SIZE, lab] += d_mean / p[ROUND_SIZE, lab]
            d[ROUND_SPREAD, lab] += d_sd
        else:
            d_spread = d_sd * spread / sd
            if kind == PROJECTION:
                if index[I_NEWEST, i] != 0:
                    d_net = d_mean
                d[OPTIMISM, lab] += d_mean * horizon * ahead
                d[SHIFT_SD, lab] += d_mean * horizon * time * z[at_shift]
                gradient[at_shift] += d_mean * horizon * time * p[SHIFT_SD, lab]
                d[REVISION, lab] += d_spread * horizon * time
            else:
                d_net = d_mean
                if kind == MONEY:
                    d[RESERVE, lab] += d_mean
                d[SWING, lab] += d_spread * revenue
                d_revenue = d_spread * swing
        d_revenue += d_net * margin
        d_rate += d_revenue * length
        d[SHARE, lab] -= d_net * spent
        d[RAMP, lab] -= d_net * share * spent_t
        d_margin = d_net * revenue
        d[MARGIN_START, lab] += d_margin * (1 - way)
        d[MARGIN_END, lab] += d_margin * way
        d_way = d_margin * (p[MARGIN_END, lab] - p[MARGIN_START, lab])
        for k in range(months):
            t = table[T_START, i] + length * (k + 0.5) / MONTHS - ORIGIN
            d_gone = -d_way * rate[k] / (mean_rate * months)
            since = t + ORIGIN - START_OF_MARGIN
            d[MARGIN_YEARS, lab] += d_gone * gone[k] * since / p[MARGIN_YEARS, lab] ** 2
            d_log = rate[k] * (d_rate + d_way * (1 - gone[k] - way) / mean_rate) / months
            d_odds = -d_log * _logistic(odds[k]) / bend
            d[LEVEL, lab] += d_log
            d_room[lab] += d_log
            d[BEND, lab] += d_log * _softplus(odds[k]) / (bend * bend)
            d_then[lab] += d_odds
            d_slope[lab] -= d_odds * t

    # The curves, and from the parameters to what is sampled.
    for lab in range(LABORATORIES):
        bend = p[BEND, lab]
        d_left = (d_then[lab] - d_slope[lab] * slope[lab]) / left[lab]
        kept = math.exp(-bend * room[lab])
        d_room[lab] += bend * (d_then[lab] + d_left * kept)
        d[BEND, lab] += room[lab] * (d_then[lab] + d_left * kept)
        d[BEND, lab] += d_slope[lab] * p[GROWTH, lab] / left[lab]
        d[GROWTH, lab] += d_slope[lab] * bend / left[lab]
        above = _logistic(p[HEADROOM, lab] - p[LEVEL, lab])
        d[HEADROOM, lab] += d_room[lab] * above
        d[LEVEL, lab] -= d_room[lab] * above
    for name in range(NAMES):
        for lab in range(LABORATORIES):
            at = name * LABORATORIES + lab if name < OWN else OWN * (LABORATORIES - 1) + name
            by = prior[1, name]
            if name in (BEND, NOISE, RESERVE, ROUND_SIZE) or GROSS <= name < SHARE:
                by *= p[name, lab]
            elif name == SHARE:
                by *= p[name, lab] * (1 - p[name, lab])
            gradient[at] += by * d[name, lab]


DENSITY = RowDensity("forecast_payback_density", _density)
"""The log density by row from z, prior, table, inside and index, and the gradient of its sum."""
