"""Draws of the Gaussian states that the density has integrated out, and of the paths through them.

The equations are those of :mod:`forecast.models.earnings.kernel`, which also eliminates what a group
shares and a series' own coefficients. All else is a recursion over quarters, done here for many
draws at a time: nothing of it has to be compiled, and without data nothing at all.

Invariant: :func:`draw_states` with :func:`draw_paths` draw from the joint normal law given the data;
``tests/test_collapsed.py`` compares with dense matrices. A draw's random numbers stand next to each
other in the stream, so that the first draws are the same however many there are.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from forecast.models.earnings.kernel import BLOCK, NX, solve_group

AT_ONCE = 256
"""Draws that are worked on together, so that their arrays stay in the processor's cache."""


@dataclasses.dataclass(frozen=True)
class Data:
    """What the states are given, of T quarters, S series and G groups.

    Attributes
    ----------
    y, seen
        Log values and whether they are known, shape (T, S); the value of an unknown cell is not used.
    x
        Regressors, shape (T or more, 4): the quarter's number and the season contrasts.
    group
        Group of each series, shape (S,), equal ones side by side.
    start, start_var
        Prior mean of each level before the first quarter, shape (S,), and its variance.
    centre, growth_width, season_width
        Prior mean and sd of a group's growth and sd of its season, shape (G,).
    """

    y: np.ndarray
    seen: np.ndarray
    x: np.ndarray
    group: np.ndarray
    start: np.ndarray
    start_var: float
    centre: np.ndarray
    growth_width: np.ndarray
    season_width: np.ndarray


@dataclasses.dataclass(frozen=True)
class Numbers:
    """Draws of what is sampled, n of each: see the formula of the kernel.

    Attributes
    ----------
    damping, shock, noise, load, growth_var, season_var
        Per series, shape (n, S).
    factor_damping
        Per group, shape (n, G).
    """

    damping: np.ndarray
    shock: np.ndarray
    noise: np.ndarray
    load: np.ndarray
    growth_var: np.ndarray
    season_var: np.ndarray
    factor_damping: np.ndarray


@dataclasses.dataclass(frozen=True)
class States:
    """Draws of what is integrated out.

    Attributes
    ----------
    shared
        What each group shares, standard normal: growth, season and factor shocks, (n, G, 4 + T + 1).
    coefficient
        Of the regressors, (n, S, 4).
    state
        Level and slope of the last quarter, (n, S, 2).
    factor_slope
        The factor's slope then, (n, G).
    """

    shared: np.ndarray
    coefficient: np.ndarray
    state: np.ndarray
    factor_slope: np.ndarray


@dataclasses.dataclass(frozen=True)
class Eliminated:
    """What :func:`forecast.models.earnings.kernel.solve_group` leaves of each group given each draw.

    Attributes
    ----------
    root, regress
        Of the own coefficients: a root of the covariance (n, S, 4, 4), and the regression on
        deviations (n, S, 4, T).
    inverse, mean
        Of what is shared: the inverse Cholesky factor of the precision (n, G, K, K), and the mean
        (n, G, K).
    logp
        The log density, (n, G).
    """

    root: np.ndarray
    regress: np.ndarray
    inverse: np.ndarray
    mean: np.ndarray
    logp: np.ndarray


def draw_states(
    rng: np.random.Generator, data: Data, numbers: Numbers
) -> tuple[States, np.ndarray]:
    """Draw what the density integrates out, exactly, once for each draw of the rest.

    Returns
    -------
    States, numpy.ndarray
        The draws, and the log density of the data given the groups' growth, (n,).
    """
    found = []
    for some in blocks(numbers):
        mine = part(numbers, some)
        left = eliminated(data, mine)
        normal = rng.standard_normal(state_normals(data, mine))
        states = states_of(data, mine, left, normal)
        found.append((states, _given_growth(left, states)))
    drawn, density = zip(*found, strict=True)
    names = [field.name for field in dataclasses.fields(States)]
    joined = {name: np.concatenate([getattr(one, name) for one in drawn]) for name in names}
    return States(**joined), np.concatenate(density)


def draw_paths(
    rng: np.random.Generator, data: Data, numbers: Numbers, states: States
) -> tuple[np.ndarray, np.ndarray]:
    """Draw the paths that lead to drawn states and go on from them, as far as there are regressors.

    Returns
    -------
    tuple of numpy.ndarray
        Paths without and with observation noise, shape (n, len(x), S), log scale.
    """
    found = []
    for some in blocks(numbers):
        mine = part(numbers, some)
        normal = rng.standard_normal(path_normals(data, mine))
        found.append(paths_of(data, mine, part(states, some), normal))
    signal, noisy = (np.concatenate(paths) for paths in zip(*found, strict=True))
    return signal, noisy


def part[Draws: (Numbers, States)](draws: Draws, some: slice) -> Draws:
    """Return some of the draws."""
    names = [field.name for field in dataclasses.fields(draws)]
    return dataclasses.replace(draws, **{name: getattr(draws, name)[some] for name in names})


def one_group(
    numbers: Numbers, states: States, group: np.ndarray, g: int
) -> tuple[Numbers, States]:
    """Return what of the draws belongs to the series of one group, `group` being that of each series."""
    mine = group == g
    own = {
        field.name: getattr(numbers, field.name)[:, mine if field.name != "factor_damping" else [g]]
        for field in dataclasses.fields(Numbers)
    }
    return Numbers(**own), States(
        states.shared[:, [g]],
        states.coefficient[:, mine],
        states.state[:, mine],
        states.factor_slope[:, [g]],
    )


def blocks(numbers: Numbers) -> list[slice]:
    """Return the parts in which draws are worked on."""
    return [slice(i, i + AT_ONCE) for i in range(0, len(numbers.damping), AT_ONCE)]


def eliminated(data: Data, numbers: Numbers) -> Eliminated:
    """Solve each group given each draw."""
    (n, groups), (size, count) = numbers.factor_damping.shape, data.y.shape
    shared, padded = NX + size + 1, -(-size // BLOCK) * BLOCK
    root = np.zeros((n, count, NX, NX))
    own_var = np.stack([numbers.growth_var, *[numbers.season_var] * (NX - 1)], axis=-1)
    root[..., np.arange(NX), np.arange(NX)] = np.sqrt(own_var)
    regress = np.zeros((n, count, NX, padded))
    inverse = np.zeros((n, groups, shared, shared))
    inverse[:] = np.eye(shared)
    mean, logp = np.zeros((n, groups, shared)), np.zeros((n, groups))
    kept, trace = np.empty((count * (size + 1), 6)), np.empty((count, 5))
    # Arrays in row order, and no whole numbers: one form alone is compiled.
    y, seen, x, start = (
        np.ascontiguousarray(a) for a in (data.y, data.seen, data.x[:size], data.start)
    )
    rows = [np.ascontiguousarray(a) for a in dataclasses.astuple(numbers)[:-1]]
    start_var = float(data.start_var)
    for g in range(groups):
        mine = np.flatnonzero(data.group == g)
        if not data.seen[:, mine].any():
            continue  # the prior
        low, high = int(mine[0]), int(mine[-1]) + 1
        for d in range(n):
            logp[d, g] = solve_group(
                y, seen, x, low, high, start, start_var,
                data.centre[g], data.growth_width[g], data.season_width[g],
                *(values[d] for values in rows), numbers.factor_damping[d, g], kept, trace,
                root[d, low:high].reshape(-1, NX), regress[d, low:high].reshape(-1, padded),
                inverse[d, g], mean[d, g],
            )  # fmt: skip
    return Eliminated(root, regress[..., :size], inverse, mean, logp)


def _given_growth(left: Eliminated, states: States) -> np.ndarray:
    """Return the log density of the data given the groups' growth, (n,)."""
    growth, expected = states.shared[..., 0], left.mean[..., 0]
    var = (left.inverse[..., 0] ** 2).sum(axis=-1)
    given = left.logp + 0.5 * (growth**2 - (growth - expected) ** 2 / var - np.log(var))
    return np.asarray(given.sum(axis=1))


def state_normals(data: Data, numbers: Numbers) -> tuple[int, int]:
    """Return the shape of the standard normal numbers that states are made of."""
    (n, groups), (size, count) = numbers.factor_damping.shape, data.y.shape
    return n, groups * (NX + size + 1) + count * (NX + 2)


def states_of(data: Data, numbers: Numbers, left: Eliminated, normal: np.ndarray) -> States:
    """Return the states that are made of standard normal numbers, linear in these and in the data."""
    (n, groups), (size, count) = numbers.factor_damping.shape, data.y.shape
    shared = left.mean.shape[-1]
    of_groups = normal[:, : groups * shared].reshape(n, groups, shared)
    of_series = normal[:, groups * shared :].reshape(n, count, NX + 2)
    common = left.mean + np.einsum("dgji,dgj->dgi", left.inverse, of_groups)
    # Paths of the factors and of the regressors' common part; (T, n, G).
    width = np.column_stack([data.growth_width, *[data.season_width] * (NX - 1)])
    b = width * common[..., :NX]
    b[..., 0] += data.centre
    path, slope = _factor(numbers.factor_damping, common[..., NX:])
    line = np.einsum("ti,dgi->tdg", data.x[:size], b)
    known = data.seen[:, None, :]
    y = np.where(data.seen, data.y, 0.0)[:, None, :]
    dev = y - line[..., data.group] - numbers.load * path[..., data.group]
    dev = np.where(known, dev, 0.0)
    start = np.where(known, data.start, 0.0)
    own = np.einsum("dsji,dsj->dsi", left.root, of_series[..., :NX])
    own += np.einsum("dsit,tds->dsi", left.regress, dev - start)
    dev -= np.einsum("ti,dsi->tds", data.x[:size], own)
    level, trend, p11, p12, p22, *_ = filtered(dev, data, numbers)[-1]
    l11 = np.sqrt(p11)
    l21 = p12 / l11
    l22 = np.sqrt(np.maximum(p22 - l21 * l21, 0.0))
    e1, e2 = of_series[..., NX], of_series[..., NX + 1]
    state = np.stack([level + l11 * e1, trend + l21 * e1 + l22 * e2], axis=-1)
    return States(common, b[:, data.group] + own, state, slope)


def _factor(damping: np.ndarray, shocks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the factors' levels (T, n, G) and their slopes at the end (n, G) from (n, G, T + 1)."""
    u = shocks[..., 0] / np.sqrt(1 - damping * damping)
    level = np.zeros_like(u)
    path = []
    for t in range(1, shocks.shape[-1]):
        u = damping * u + shocks[..., t]
        level = level + u
        path.append(level)
    return np.stack(path), u


def filtered(dev: np.ndarray, data: Data, numbers: Numbers) -> list[tuple[np.ndarray, ...]]:
    """Return mean of level and slope, variances of level, both and slope, and gains, of each quarter.

    `dev` is what is left of `y` without the regressors and the factor, shape (T, n, S).
    """
    phi, q, r = numbers.damping, numbers.shock, numbers.noise
    m, v = data.start + np.zeros_like(phi), np.zeros_like(phi)
    a, b, c = data.start_var + np.zeros_like(phi), np.zeros_like(phi), q / (1 - phi * phi)
    after: list[tuple[np.ndarray, ...]] = []
    for seen, y in zip(data.seen, dev, strict=True):
        c, b, a = (
            phi * phi * c + q,
            phi * b + phi * phi * c + q,
            a + 2 * phi * b + phi * phi * c + q,
        )
        v = phi * v
        m = m + v
        total = a + r
        g1, g2 = seen * (a / total), seen * (b / total)  # nothing is learnt from what is not seen
        error = y - m
        m, v = m + g1 * error, v + g2 * error
        a, b, c = a - g1 * a, b - g1 * b, c - g2 * b
        after.append((m, v, a, b, c, g1, g2))
    return after


def path_normals(data: Data, numbers: Numbers) -> tuple[int, int]:
    """Return the shape of the standard normal numbers that paths through states are made of."""
    (n, groups), (size, count), total = numbers.factor_damping.shape, data.y.shape, len(data.x)
    return n, groups * (total - size) + count * (2 * total - 1)


def paths_of(
    data: Data,
    numbers: Numbers,
    states: States,
    normal: np.ndarray,
    scale: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Return the paths through states that are made of standard normal numbers, linear in all of them.

    Of each series these are for the past quarters but the last, those to come, and the noise of all.
    What comes after the data is `scale` times as large as what came before, shape (n, G).
    """
    (n, groups), (size, count) = numbers.factor_damping.shape, data.y.shape
    ahead = len(data.x) - size
    phi, q = numbers.damping, numbers.shock
    of_groups = normal[:, : groups * ahead].reshape(n, groups, ahead)
    of_series = normal[:, groups * ahead :].reshape(n, count, -1).transpose(2, 0, 1).copy()
    past, coming, noise = np.split(of_series, [size - 1, size - 1 + ahead])
    if scale is not None:
        of_groups = of_groups * scale[..., None]
        coming = coming * scale[:, data.group]
        noise[size:] *= scale[:, data.group]
    path, _ = _factor(numbers.factor_damping, states.shared[..., NX:])
    factor, f, u = list(path), path[-1], states.factor_slope
    for t in range(ahead):
        u = numbers.factor_damping * u + of_groups[..., t]
        f = f + u
        factor.append(f)
    line = numbers.load * np.stack(factor)[..., data.group]
    for i in range(NX):
        line += data.x[:, None, None, i] * states.coefficient[..., i]
    # Forward: the filtered states; then backward: states drawn one before the other.
    y = np.where(data.seen, data.y, 0.0)[:, None, :]
    after = filtered(y - line[:size], data, numbers)
    signal = line
    m, v = states.state[..., 0], states.state[..., 1]
    signal[size - 1] += m
    for t in range(size - 2, -1, -1):
        m, later = m - v, v  # the level before is this one less the slope
        level, slope, a, b, c, *_ = after[t]
        centre = slope + b / a * (m - level)
        left = np.maximum(c - b * b / a, 0.0)
        gain = phi * left / (phi * phi * left + q)
        centre += gain * (later - phi * centre)
        v = centre + np.sqrt(np.maximum(left - gain * phi * left, 0.0)) * past[size - 2 - t]
        signal[t] += m
    m, v = states.state[..., 0], states.state[..., 1]
    for t in range(ahead):
        v = phi * v + np.sqrt(q) * coming[t]
        m = m + v
        signal[size + t] += m
    noisy = signal + np.sqrt(numbers.noise) * noise
    return signal.transpose(1, 0, 2), noisy.transpose(1, 0, 2)
