"""The density of every row, and its gradient, by hand in numba.

It is that of :func:`forecast.models.api_price.model.specification`, whose formulas stand in that file.
Here the same lines come in the same order, and then, backwards, what each adds to the derivative:
``d_x`` is the derivative of the log density by ``x``.

Invariant: :data:`DENSITY` is the specification's log density by row, and the gradient of its sum;
``tests/test_api_price_kernel.py`` compares them at many points.
"""

from __future__ import annotations

import math

import numba
import numpy as np

from forecast.models.by_hand import RowDensity, part

# These stand here, where they are compiled in: numba's cache on disk goes by this file alone.
FREEDOM = 4.0
STUDENT = (
    math.lgamma(0.5 * FREEDOM + 0.5)
    - math.lgamma(0.5 * FREEDOM)
    - 0.5 * math.log(math.pi * FREEDOM)
)
HALF_LOG_2PI = 0.5 * math.log(2 * math.pi)
ROOT_2, ROOT_PI = math.sqrt(2.0), math.sqrt(math.pi)
FAR = 5.0
"""From here on the complementary error function is told by its series."""
# Columns of `prior`, the order of `PARAMETERS` in the model; those that are sampled stand so in `z`.
(RATE_SPREAD, SLOPE, EXCESS, HOUSE_SPREAD, ERROR, PRODUCT_RATE, PRODUCT_SIZE, FLAGSHIP_RATE, GONE_RATE,
 SPREAD, DEVIATION, SMALL_SPREAD, LEVEL, FLOOR, FLOOR_FALL, PRODUCT_CHANGE, SMALL, MEAN, PACE,
 RATE, ROUNDING, GAIN) = range(22)  # fmt: skip
SCALES, SCALARS = 12, 19
"""Number of those that are log-normal, the first, and of all that have a place in `z`."""
# Rows of `table` and of `index`, the order of `COLUMNS` and `PLACES` in the model.
T_VALUE, T_WATCHED, T_YEARS, T_POINTS, T_UNSURE, T_TURNED = range(6)
I_KIND, I_TIER, I_HOUSE, I_GUESS, I_TURN = range(5)
(K_OFFER, K_PRODUCT_CHANGES, K_FLAGSHIP_CHANGES, K_PRODUCT_MOVE, K_GONE, K_FLAGSHIP,
 K_SMALL_SHARE) = range(7)  # fmt: skip


@part
def _student(off):
    """Return the log density of a Student's t, and its derivative."""
    return STUDENT - 0.5 * (FREEDOM + 1) * math.log1p(off * off / FREEDOM), -(FREEDOM + 1) * off / (
        FREEDOM + off * off
    )


@part
def _tail(w):
    """Return the log of the complementary error function, and its derivative."""
    if w < FAR:
        mass = math.erfc(w)
        return math.log(mass), -2 / ROOT_PI * math.exp(-w * w) / mass
    v = 1 / (w * w)
    series = 1 - 0.5 * v + 0.75 * v * v - 1.875 * v * v * v
    bent = (v - 3 * v * v + 11.25 * v * v * v) / w
    return -w * w - math.log(w * ROOT_PI) + math.log(series), -2 * w - 1 / w + bent / series


def _density(size, names, rows, turns, z, prior, table, paths, index, by_row, gradient):
    """Fill the log density by row and its gradient, see :data:`forecast.models.by_hand.SIGNATURE`.

    `z` holds the scalars, what tiers, houses, guessed capabilities and flagships' levels have of
    their own, and last the growth of prices along the frontier. `paths` makes correlated levels of the
    flagships' numbers, shape (turn, turn), with nothing above its diagonal.
    """
    z, gradient = numba.carray(z, size), numba.carray(gradient, size)
    prior, table = numba.carray(prior, (2, names)), numba.carray(table, (6, rows))
    paths, index = numba.carray(paths, (turns, turns)), numba.carray(index, (5, rows))
    by_row = numba.carray(by_row, rows)
    p, d = np.empty(SCALARS), np.zeros(SCALARS)
    for k in range(SCALARS):
        p[k] = prior[0, k] + prior[1, k] * z[k]
        if k < SCALES:
            p[k] = math.exp(p[k])
    for k in range(size):
        gradient[k] = 0.0
    rate, d_rate = prior[0, GAIN] * p[SLOPE] - z[size - 1], 0.0
    first_turn = size - 1 - turns
    x, d_x = np.zeros(turns), np.zeros(turns)
    for k in range(turns):
        for j in range(k + 1):
            x[k] += paths[k, j] * z[first_turn + j]

    for i in range(rows):
        kind, value, watched = index[I_KIND, i], table[T_VALUE, i], table[T_WATCHED, i]
        by_row[i] = 0.0
        if kind == K_OFFER:
            years, turned, unsure = table[T_YEARS, i], table[T_TURNED, i], table[T_UNSURE, i]
            tier, house, guess = index[I_TIER, i], index[I_HOUSE, i], index[I_GUESS, i]
            able = table[T_POINTS, i] + unsure * z[guess]
            cost = p[LEVEL] - rate * years + p[SLOPE] * able - p[RATE_SPREAD] * z[tier] * turned
            least = p[FLOOR] - p[FLOOR_FALL] * years
            # The larger of the two and log(1 + exp(-distance)), so that nothing overflows.
            away = math.exp(-abs(cost - least))
            frontier = max(cost, least) + math.log1p(away)
            share = 1 / (1 + away) if cost > least else away / (1 + away)
            error = share * p[ERROR]
            sd = math.sqrt(error * error + prior[0, ROUNDING] ** 2)
            excess = p[EXCESS] * math.exp(p[HOUSE_SPREAD] * z[house])
            over = value - frontier
            tail, d_w = _tail((sd / excess - over / sd) / ROOT_2)
            ratio = sd / excess
            by_row[i] = -math.log(2 * excess) + 0.5 * ratio * ratio - over / excess + tail
            # Backwards.
            d_w /= ROOT_2
            d_over = -1 / excess - d_w / sd
            d_sd = ratio / excess + d_w * (1 / excess + over / (sd * sd))
            d_log_excess = -1 - ratio * ratio + over / excess - d_w * ratio
            d[EXCESS] += d_log_excess / p[EXCESS]
            d[HOUSE_SPREAD] += d_log_excess * z[house]
            gradient[house] += d_log_excess * p[HOUSE_SPREAD]
            d[ERROR] += d_sd * error * share / sd
            d_between = d_sd * error * p[ERROR] / sd * share * (1 - share)
            d_cost = d_between - d_over * share
            d_least = -d_between - d_over * (1 - share)
            d[LEVEL] += d_cost
            d_rate -= d_cost * years
            d[SLOPE] += d_cost * able
            gradient[guess] += d_cost * p[SLOPE] * unsure
            d[RATE_SPREAD] -= d_cost * z[tier] * turned
            gradient[tier] -= d_cost * p[RATE_SPREAD] * turned
            d[FLOOR] += d_least
            d[FLOOR_FALL] -= d_least * years
        elif kind in (K_PRODUCT_CHANGES, K_FLAGSHIP_CHANGES):
            of = PRODUCT_RATE if kind == K_PRODUCT_CHANGES else FLAGSHIP_RATE
            by_row[i] = -p[of] * watched - math.lgamma(value + 1)
            if value > 0:
                by_row[i] += value * math.log(p[of] * watched)
            d[of] += value / p[of] - watched
        elif kind == K_PRODUCT_MOVE:
            off = (value - p[PRODUCT_CHANGE]) / p[PRODUCT_SIZE]
            density, d_off = _student(off)
            by_row[i] = density - math.log(p[PRODUCT_SIZE])
            d[PRODUCT_CHANGE] -= d_off / p[PRODUCT_SIZE]
            d[PRODUCT_SIZE] -= (d_off * off + 1) / p[PRODUCT_SIZE]
        elif kind == K_FLAGSHIP:
            k = index[I_TURN, i] - first_turn
            off = (value - p[MEAN] - p[SPREAD] * x[k]) / p[DEVIATION]
            density, d_off = _student(off)
            by_row[i] = density - math.log(p[DEVIATION])
            d_level = -d_off / p[DEVIATION]
            d[MEAN] += d_level
            d[SPREAD] += d_level * x[k]
            d_x[k] += d_level * p[SPREAD]
            d[DEVIATION] -= (d_off * off + 1) / p[DEVIATION]
        elif kind == K_GONE:
            lasted, ended = math.exp(value), -math.expm1(-p[GONE_RATE] * watched)
            by_row[i] = math.log(p[GONE_RATE]) + value - p[GONE_RATE] * lasted - math.log(ended)
            d[GONE_RATE] += 1 / p[GONE_RATE] - lasted - watched * (1 - ended) / ended
        elif kind == K_SMALL_SHARE:
            off = (value - p[SMALL]) / p[SMALL_SPREAD]
            by_row[i] = -0.5 * off * off - HALF_LOG_2PI - math.log(p[SMALL_SPREAD])
            d[SMALL] += off / p[SMALL_SPREAD]
            d[SMALL_SPREAD] += (off * off - 1) / p[SMALL_SPREAD]

    for k in range(turns):
        for j in range(k + 1):
            gradient[first_turn + j] += d_x[k] * paths[k, j]
    d[SLOPE] += d_rate * prior[0, GAIN]
    gradient[size - 1] = -d_rate
    for k in range(SCALARS):
        by = prior[1, k] * p[k] if k < SCALES else prior[1, k]
        gradient[k] += by * d[k]


DENSITY = RowDensity("forecast_api_price_density", _density)
"""The log density by row from z, prior, table, paths and index, and the gradient of its sum."""
