"""The density of every cell, and its gradient, by hand in numba.

It is that of :func:`forecast.models.capex_hazard.model.specification`, whose formulas stand in that
file. Here the same lines come in the same order, and then, backwards, what each adds to the derivative:
``d_x`` is the derivative of the log density by ``x``. A hazard is a product of a row's, a year's and a
time's part, each of which is computed, and carried back, once: of a cell that was survived there is
nothing to do but multiply.

Invariant: :data:`DENSITY` is the specification's log density by cell, and the gradient of its sum;
``tests/test_capex_hazard_kernel.py`` compares them at many points.
"""

from __future__ import annotations

import math

import numba
import numpy as np

from forecast.models.by_hand import RowDensity, part

# These stand here, where they are compiled in: numba's cache on disk goes by this file alone.
KINDS, FALLS = 3, 3
LEAST = 1e-12
"""A cumulative hazard below this is taken as this where a fall has come: its log stays finite."""
SMALL = 0.01
"""From here on 1 - exp(-x) is exact to 14 digits, and takes half the time of expm1."""
# Stretches of time: the quarters of two years, then the years.
QUARTERS, STRETCHES = 8, 10
# Places in `z`, the order of `_point` in the model; from the last on `index` and `other` tell them.
# Slopes are the first of the effects, and each kind has two of steep.
SLOPES, LATER, DEEPENING = 5, 5, 6
STEEP = 8
INERTIA = STEEP + KINDS * (FALLS - 1)
SPREAD, VECTORS = INERTIA + 1, INERTIA + 2
# Rows of `index`, the order of `PLACES` in the model, and of `other` after those of the slopes.
I_ROW, I_YEAR, I_STRETCH, I_BEYOND, I_DEEP, I_REACHED, I_CAME = range(7)
O_LEVEL, O_INDUSTRY = SLOPES, SLOPES + 1


@part
def _time(t, inertia, later):
    """Return the cumulative hazard at `t` years, and its derivatives by `inertia` and log of `later`."""
    if t >= 1:
        return 1 + later * (t - 1), 0.0, later * (t - 1)
    if t > 0:
        time = t**inertia
        return time, time * math.log(t), 0.0
    return 0.0, 0.0, 0.0


def _density(size, none, cells, rows, z, prior, table, other, index, by_cell, gradient):
    """Fill the log density by cell and its gradient, see :data:`forecast.models.by_hand.SIGNATURE`.

    `z` holds effects, steepness by kind, inertia and the spread of industries, and then classes, years
    and industries. `other` has, of each row of the panel, what the slopes multiply, and where its class
    and its industry stand in `z`. Priors stand in PyMC, and of a cell nothing but places is known:
    `prior` and `table` are empty.
    """
    z, gradient = numba.carray(z, size), numba.carray(gradient, size)
    other, index = numba.carray(other, (SLOPES + 2, rows)), numba.carray(index, (7, cells))
    by_cell = numba.carray(by_cell, cells)
    # The part of each class and each year.
    part_of = np.empty(size)
    for k in range(VECTORS, size):
        part_of[k] = math.exp(z[k])
    for k in range(size):
        gradient[k] = 0.0
    # What a stretch, and a fall that has come or not, make of a hazard: one number for both.
    inertia, later, deepening = z[INERTIA], math.exp(z[LATER]), math.exp(z[DEEPENING])
    stretch, d_stretch = np.empty((2, STRETCHES)), np.zeros((2, STRETCHES))
    by_inertia, by_later = np.empty(STRETCHES), np.empty(STRETCHES)
    for k in range(STRETCHES):
        length = 0.25 if k < QUARTERS else 1.0
        t = length * (k if k < QUARTERS else k - QUARTERS)
        start, end = _time(t, inertia, later), _time(t + length, inertia, later)
        stretch[0, k] = end[0] - start[0]
        stretch[1, k] = deepening * stretch[0, k]
        by_inertia[k], by_later[k] = end[1] - start[1], end[2] - start[2]
    # How often each fall comes, by kind, and last what never comes.
    scale, d_scale = np.zeros(KINDS * (FALLS + 1)), np.zeros(KINDS * (FALLS + 1))
    for kind in range(KINDS):
        at, steep = (FALLS + 1) * kind, STEEP + (FALLS - 1) * kind
        scale[at], scale[at + 1], scale[at + 2] = math.exp(z[steep]), 1.0, math.exp(-z[steep + 1])
    # The part of each row.
    of_row, d_row = np.empty(rows), np.zeros(rows)
    for i in range(rows):
        eta = z[SPREAD] * z[int(other[O_INDUSTRY, i])]
        for k in range(SLOPES):
            eta += z[k] * other[k, i]
        of_row[i] = part_of[int(other[O_LEVEL, i])] * math.exp(eta)

    for i in range(cells):
        row, year = index[I_ROW, i], index[I_YEAR, i]
        at, deep = index[I_STRETCH, i], index[I_DEEP, i]
        hazard = of_row[row] * part_of[year] * stretch[deep, at]
        beyond = index[I_BEYOND, i]
        d_log = -hazard * scale[beyond]
        by_cell[i] = d_log
        if index[I_CAME, i] == 0:
            d_scale[beyond] -= hazard
        else:
            reached = index[I_REACHED, i]
            between = hazard * (scale[reached] - scale[beyond])
            least = max(between, LEAST)
            if least > SMALL:
                survived = math.exp(-least)
                fell = 1 - survived
            else:
                fell = -math.expm1(-least)
                survived = 1 - fell
            by_cell[i] += math.log(fell)
            slope = survived / fell if between >= LEAST else 0.0
            d_log += slope * between
            d_scale[reached] += slope * hazard
            d_scale[beyond] -= (1 + slope) * hazard
        d_stretch[deep, at] += d_log
        gradient[year] += d_log
        d_row[row] += d_log

    # Backwards: rows, stretches, and how often each fall comes.
    for i in range(rows):
        industry = int(other[O_INDUSTRY, i])
        gradient[int(other[O_LEVEL, i])] += d_row[i]
        gradient[SPREAD] += d_row[i] * z[industry]
        gradient[industry] += d_row[i] * z[SPREAD]
        for k in range(SLOPES):
            gradient[k] += d_row[i] * other[k, i]
    for k in range(STRETCHES):
        d_length = (d_stretch[0, k] + d_stretch[1, k]) / stretch[0, k]
        gradient[INERTIA] += d_length * by_inertia[k]
        gradient[LATER] += d_length * by_later[k]
        gradient[DEEPENING] += d_stretch[1, k]
    for kind in range(KINDS):
        at, steep = (FALLS + 1) * kind, STEEP + (FALLS - 1) * kind
        gradient[steep] += d_scale[at] * scale[at]
        gradient[steep + 1] -= d_scale[at + 2] * scale[at + 2]


DENSITY = RowDensity("forecast_capex_hazard_density", _density)
"""The log density by cell from z, prior, table, other and index, and the gradient of its sum."""
