"""Paths given statements about sums of quarters still to come.

Given the sampled numbers, states and paths are linear in standard normal numbers z. A statement g of
the sum X of some quarters of one series, of which some may be reported, says::

    log X(z) = log g + e        e ~ N(bias, (size * sd)^2)

log X is linearised at each draw's own path, again after each step. With A its derivatives by z and
S = A A' + (size * sd)^2 on the diagonal, a draw z moves by ``A' S^-1 (log g + e - log X(z))``, e drawn:
the result is a draw given the statements (Matheron's rule). All series of the group move with it, by
what they share. An issuer's `size` is unknown: its square has an inverse gamma prior and is drawn
in turn with log X, so that a statement that is far from everything else is believed less. A bound says
that ``log X - e`` lies beyond log g, and is drawn as a normal number cut off there.

Statements say nothing about the sampled numbers: these are learnt from reports alone. What they would
say is the density of the statements, which is returned, so that it can be looked at.

Invariant: :func:`sensitivities` are the derivatives of the paths of
:mod:`forecast.models.earnings.states`, and the draws those of a dense normal law;
``tests/test_guidance.py`` compares.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import ndtr, ndtri

from forecast.models.earnings.kernel import NX
from forecast.models.earnings.states import (
    Data,
    Eliminated,
    Numbers,
    States,
    blocks,
    eliminated,
    filtered,
    one_group,
    part,
    path_normals,
    paths_of,
    state_normals,
    states_of,
)

if TYPE_CHECKING:
    from forecast.models.earnings.busts import Turns
    from forecast.models.earnings.guidance import Statements

STEPS = 3
"""How often a sum's logarithm is linearised: a fourth step moves no path by a thousandth."""
SWEEPS = 6
"""How often sizes of errors and sums are drawn in turn before a draw is taken."""


@dataclasses.dataclass(frozen=True)
class Conditioned:
    """Paths given statements.

    Attributes
    ----------
    signal, noisy
        Shape (n, T or more, S), log scale.
    density
        Log density of the numbers that were said, given each draw of the rest, (n,).
    """

    signal: np.ndarray
    noisy: np.ndarray
    density: np.ndarray


def log_sum(path: np.ndarray, said: Statements) -> np.ndarray:
    """Return the logarithm of each statement's sum, shape (n, R), on paths of shape (n, T, S)."""
    with np.errstate(divide="ignore"):
        begun = np.log(said.reported)
    own = path[:, :, said.series].transpose(0, 2, 1)
    own = np.where(said.cells, own, -np.inf)
    top = np.maximum(own.max(axis=2), begun)
    total = np.exp(own - top[..., None]).sum(axis=2) + np.exp(begun - top)
    return np.asarray(top + np.log(total))


def _weights(path: np.ndarray, said: Statements) -> np.ndarray:
    """Return derivatives of the logarithms of sums by the quarters of a path, shape (T, n, R)."""
    own = path[:, :, said.series].transpose(1, 0, 2)
    share = np.exp(np.minimum(own - log_sum(path, said), 0.0))
    return np.where(said.cells.T[:, None, :], share, 0.0)


def sensitivities(
    weights: np.ndarray,
    series: np.ndarray,
    data: Data,
    numbers: Numbers,
    left: Eliminated,
    scale: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Differentiate weighted sums of a path's quarters by the normal numbers it is made of.

    Parameters
    ----------
    weights
        Of each quarter of the noisy path, shape (T or more, n, R).
    series
        The series of each sum, shape (R,); all of one group, the only one of `data`.
    data, numbers, left, scale
        As :func:`forecast.models.earnings.states.paths_of` takes them.

    Returns
    -------
    tuple of numpy.ndarray
        By the numbers of the states, and by those of the paths, shape (n, R, ...).
    """
    (size, count), total = data.y.shape, len(data.x)
    ahead, n, sums = total - size, weights.shape[1], len(series)
    phi, q = numbers.damping[:, series], numbers.shock[:, series]
    load, later = numbers.load[:, series], scale[:, [0]]
    after = [tuple(part[:, series] for part in step) for step in filtered(
        np.zeros((size, n, count)), data, numbers)]  # fmt: skip
    own = np.zeros((2 * total - 1, n, sums))  # past, coming, noise: as a path's own numbers stand
    past, coming, noise = np.split(own, [size - 1, size - 1 + ahead])
    noise[:] = np.sqrt(numbers.noise[:, series]) * weights
    noise[size:] *= later
    # Quarters to come, from the last: by the level and the slope of the last quarter of the data.
    m, v = np.zeros((n, sums)), np.zeros((n, sums))
    for t in range(ahead - 1, -1, -1):
        m = m + weights[size + t]
        v = v + m
        coming[t] = later * np.sqrt(q) * v
        v = phi * v
    # Past quarters that are not reported, drawn one before the other, so from the first.
    of_level, of_slope = np.zeros((size, n, sums)), np.zeros((size, n, sums))
    before_m, before_v = np.zeros((n, sums)), np.zeros((n, sums))
    some = np.flatnonzero(weights[:size].any(axis=(1, 2)))
    for t in range(int(some[0]) if len(some) else size - 1, size - 1):
        _, _, a, b, c, *_ = after[t]
        rest = np.maximum(c - b * b / a, 0.0)
        gain = phi * rest / (phi * phi * rest + q)
        here_m = weights[t] + before_m
        here_v = before_v
        past[size - 2 - t] = np.sqrt(np.maximum(rest - gain * phi * rest, 0.0)) * here_v
        centre = (1 - gain * phi) * here_v
        here_m = here_m + b / a * centre
        of_level[t], of_slope[t] = -b / a * centre, centre
        before_m, before_v = here_m, gain * here_v - here_m
    m, v = m + weights[size - 1] + before_m, v + before_v
    # By the filter's end and what was left of it; then through the filter to the deviations.
    _, _, p11, p12, p22, *_ = after[-1]
    l11 = np.sqrt(p11)
    l21 = p12 / l11
    l22 = np.sqrt(np.maximum(p22 - l21 * l21, 0.0))
    states = np.zeros((n, sums, NX + 2))
    states[..., NX], states[..., NX + 1] = l11 * m + l21 * v, l22 * v
    of_level[-1] += m
    of_slope[-1] += v
    of_dev = np.zeros((size, n, sums))
    m, v = np.zeros((n, sums)), np.zeros((n, sums))
    for t in range(size - 1, -1, -1):
        *_, g1, g2 = after[t]
        m, v = m + of_level[t], v + of_slope[t]
        of_dev[t] = g1 * m + g2 * v
        m = m - of_dev[t]
        v = phi * (v + m)
    # By the coefficients, of which the own ones also go by the deviations, and by the factor.
    direct = weights.copy()
    direct[:size] -= of_dev
    of_own = np.einsum("ti,tdr->dri", data.x, direct)
    root, regress = left.root[:, series], left.regress[:, series]
    states[..., :NX] = np.einsum("drji,dri->drj", root, of_own)
    by_own = np.einsum("drit,dri->tdr", regress, of_own) * data.seen[:, None, :][:, :, series]
    of_shared = of_own - np.einsum("ti,tdr->dri", data.x[:size], by_own)
    of_factor = load * direct
    of_factor[:size] -= load * by_own
    damping = numbers.factor_damping
    level, slope = np.zeros((n, sums)), np.zeros((n, sums))
    shocks = np.zeros((n, sums, total + 1))
    for t in range(total - 1, -1, -1):
        level = level + of_factor[t]
        slope = slope + level
        shocks[..., t + 1] = slope
        slope = damping * slope
    shocks[..., 0] = slope / np.sqrt(1 - damping * damping)
    width = np.array([data.growth_width[0], *[data.season_width[0]] * (NX - 1)])
    common = np.concatenate([width * of_shared, shocks[..., : size + 1]], axis=-1)
    shared = np.einsum("dji,dri->drj", left.inverse[:, 0], common)
    # In the order in which states and paths take their numbers.
    by_states = np.zeros((n, sums, shared.shape[-1] + count * (NX + 2)))
    by_states[..., : shared.shape[-1]] = shared
    by_paths = np.zeros((n, sums, ahead + count * (2 * total - 1)))
    by_paths[..., :ahead] = shocks[..., size + 1 :] * later[..., None]
    for r, s in enumerate(series):
        start = shared.shape[-1] + s * (NX + 2)
        by_states[:, r, start : start + NX + 2] = states[:, r]
        start = ahead + s * (2 * total - 1)
        by_paths[:, r, start : start + 2 * total - 1] = own[:, :, r].T
    return by_states, by_paths


@dataclasses.dataclass(frozen=True)
class _Chance:
    """Random numbers of all steps of one block: sizes and sums differ by what they are given only."""

    bias: np.ndarray
    size: np.ndarray
    own: np.ndarray
    error: np.ndarray
    cut: np.ndarray
    last: np.ndarray


def _chance(rng: np.random.Generator, said: Statements, n: int) -> _Chance:
    sums, issuers = len(said.series), len(said.shape)
    count = np.bincount(said.issuer, minlength=issuers)
    return _Chance(
        bias=said.bias + rng.standard_normal((n, issuers)) @ said.bias_root.T,
        size=rng.standard_gamma(said.shape + count / 2, (SWEEPS, n, issuers)),
        own=rng.standard_normal((SWEEPS, n, sums)),
        error=rng.standard_normal((SWEEPS, n, sums)),
        cut=rng.random((SWEEPS, n, sums)),
        last=rng.standard_normal((n, sums)),
    )


def _total(cov: np.ndarray, sd: np.ndarray) -> np.ndarray:
    """Return the covariance of sums with their errors, shape (n, R, R)."""
    total = cov.copy()
    total[:, np.arange(sd.shape[1]), np.arange(sd.shape[1])] += sd**2
    return total


def _beyond(
    value: np.ndarray, aim: np.ndarray, centre: np.ndarray, total: np.ndarray, said: Statements,
    cut: np.ndarray,
) -> np.ndarray:  # fmt: skip
    """Return values with bounds moved to where the truth may lie: one given the rest, in turn."""
    value = value.copy()
    for r in np.flatnonzero(said.bound):
        rest = np.delete(np.arange(value.shape[1]), r)
        mean, var = centre[:, r], total[:, r, r]
        if len(rest):
            cross = total[:, r, rest]
            by = np.linalg.solve(total[:, rest][:, :, rest], cross[..., None])[..., 0]
            mean = mean + (by * (value[:, rest] - centre[:, rest])).sum(axis=1)
            var = var - (by * cross).sum(axis=1)
        sd, sign = np.sqrt(np.maximum(var, 1e-12)), said.bound[r]
        below = ndtr((aim[:, r] - mean) / sd * sign)
        u = np.clip(below + (1 - below) * cut[:, r], 1e-12, 1 - 1e-12)
        far = aim[:, r] + sign * 1e-3 * sd  # beyond seven sds the bound itself
        value[:, r] = np.where(below < 1 - 1e-11, mean + sign * sd * ndtri(u), far)
    return value


def _solved(
    centre: np.ndarray, cov: np.ndarray, aim: np.ndarray, said: Statements, chance: _Chance
) -> tuple[np.ndarray, np.ndarray]:
    """Draw sizes of errors in turn with the sums.

    Returns
    -------
    tuple of numpy.ndarray
        Where the truth would lie without an error, of bounds as drawn, and the sds of errors, (n, R).
    """
    n, sums = centre.shape
    size = np.sqrt(said.rate / said.shape) + np.zeros((n, len(said.shape)))
    root = np.linalg.cholesky(cov + 1e-10 * np.eye(sums))
    value = aim
    for k in range(SWEEPS):
        sd = said.sd * size[:, said.issuer]
        total = _total(cov, sd)
        value = _beyond(value, aim, centre, total, said, chance.cut[k])
        drawn = centre + np.einsum("drs,ds->dr", root, chance.own[k])
        off = value - drawn - sd * chance.error[k]
        drawn = drawn + np.einsum("drs,ds->dr", cov, np.linalg.solve(total, off[..., None])[..., 0])
        squares = ((value - drawn) / said.sd) ** 2
        by_issuer = np.stack(
            [squares[:, said.issuer == i].sum(axis=1) for i in range(len(said.shape))], axis=1
        )
        size = np.sqrt((said.rate + by_issuer / 2) / chance.size[k])
    return value, said.sd * size[:, said.issuer]


def _squared(parts: tuple[np.ndarray, ...]) -> np.ndarray:
    """Return the covariance of sums from their sensitivities, shape (n, R, R)."""
    return np.sum([np.einsum("dra,dsa->drs", part, part) for part in parts], axis=0)


def _turned(path: np.ndarray, shift: np.ndarray) -> np.ndarray:
    """Return a path with what a turn makes of its last quarters."""
    path = path.copy()
    path[:, path.shape[1] - shift.shape[1] :] += shift
    return path


def _begun(
    rng: np.random.Generator,
    log_prior: np.ndarray,
    ways: np.ndarray,
    cov: np.ndarray,
    aim: np.ndarray,
    said: Statements,
) -> np.ndarray:
    """Draw when a turn begins, in turn with sizes of errors and sums; shape (n,).

    Parameters
    ----------
    rng
        Source of the draws.
    log_prior
        Log probability of each beginning, shape (K, n).
    ways
        Logarithms of sums for each beginning, shape (K, n, R).
    cov
        Of sums without errors, shape (n, R, R).
    aim, said
        Where the truth would lie without an error, (n, R), and the statements; bounds do not speak.
    """
    points = np.flatnonzero(said.bound == 0)
    n = len(aim)
    ways, aim, cov = ways[..., points], aim[:, points], cov[:, points][:, :, points]
    base, issuer = said.sd[points], said.issuer[points]
    size = np.sqrt(said.rate / said.shape) + np.zeros((n, len(said.shape)))
    count = np.bincount(issuer, minlength=len(said.shape))
    root = np.linalg.cholesky(cov + 1e-10 * np.eye(len(points)))
    begun = np.zeros(n, dtype=int)
    for _ in range(SWEEPS):
        sd = base * size[:, issuer]
        total = _total(cov, sd)
        off = np.moveaxis(aim - ways, 0, 2)  # (n, R, K)
        scores = -0.5 * (off * np.linalg.solve(total, off)).sum(axis=1).T + log_prior
        begun = (scores + rng.gumbel(size=scores.shape)).argmax(axis=0)
        centre = ways[begun, np.arange(n)]
        drawn = centre + np.einsum("drs,ds->dr", root, rng.standard_normal(centre.shape))
        left = aim - drawn - sd * rng.standard_normal(centre.shape)
        drawn += np.einsum("drs,ds->dr", cov, np.linalg.solve(total, left[..., None])[..., 0])
        squares = ((aim - drawn) / base) ** 2
        by_issuer = np.stack(
            [squares[:, issuer == i].sum(axis=1) for i in range(len(said.shape))], axis=1
        )
        gamma = rng.standard_gamma(said.shape + count / 2, size.shape)
        size = np.sqrt((said.rate + by_issuer / 2) / gamma)
    return begun


def condition(
    rng: np.random.Generator,
    data: Data,
    numbers: Numbers,
    states: States,
    normal: np.ndarray,
    said: Statements,
    scale: np.ndarray,
    turns: Turns | None = None,
) -> Conditioned:
    """Return the paths of one group's series through drawn states, given statements about them.

    Parameters
    ----------
    rng
        Source of the errors.
    data, numbers, states, scale
        Of the one group, with the regressors of all quarters, as
        :func:`forecast.models.earnings.states.paths_of` takes them; the states were drawn without
        the statements.
    normal
        The numbers of which that function makes the paths without the statements.
    said
        At least one statement, each about a quarter of the grid that is not reported.
    turns
        What growth may turn to, where it may.
    """
    n, count = len(normal), data.y.shape[1]
    chance = _chance(rng, said, n)
    left = eliminated(data, numbers)
    none = dataclasses.replace(
        data, y=np.zeros_like(data.y), start=np.zeros(count), centre=np.zeros(1)
    )
    still = dataclasses.replace(left, mean=np.zeros_like(left.mean))
    mean_states = states_of(data, numbers, left, np.zeros(state_normals(data, numbers)))
    mean, _ = paths_of(data, numbers, mean_states, np.zeros(path_normals(data, numbers)), scale)
    signal, noisy = paths_of(data, numbers, states, normal.copy(), scale)
    aim = said.value + said.share * chance.bias[:, said.issuer]
    if turns is not None:
        weights = _weights(mean, said)
        cov = _squared(sensitivities(weights, said.series, data, numbers, left, scale))
        ways = np.stack([log_sum(_turned(mean, shift), said) for shift in turns.shift])
        shift = turns.chosen(_begun(rng, turns.log_prior(), ways, cov, aim, said))
        mean, signal, noisy = (_turned(path, shift) for path in (mean, signal, noisy))
    here, moved = mean, (signal, noisy)
    density = np.zeros(n)
    for _ in range(STEPS):
        weights = _weights(here, said)
        by_states, by_paths = sensitivities(weights, said.series, data, numbers, left, scale)
        cov = _squared((by_states, by_paths))
        at = log_sum(here, said)
        centre, own = (
            at + np.einsum("tdr,dtr->dr", weights, (path - here)[:, :, said.series])
            for path in (mean, noisy)
        )
        value, sd = _solved(centre, cov, aim, said, chance)
        total = _total(cov, sd)
        off = value - own - sd * chance.last
        by = np.linalg.solve(total, off[..., None])[..., 0]
        change = states_of(none, numbers, still, np.einsum("dra,dr->da", by_states, by))
        more = paths_of(none, numbers, change, np.einsum("dra,dr->da", by_paths, by), scale)
        moved = (signal + more[0], noisy + more[1])
        here = moved[1]
        points = said.bound == 0
        density = _normal_density((value - centre)[:, points], total[:, points][:, :, points])
    return Conditioned(*moved, density)


def _normal_density(off: np.ndarray, total: np.ndarray) -> np.ndarray:
    if not off.shape[1]:
        return np.zeros(len(off))
    root = np.linalg.cholesky(total)
    z = np.linalg.solve(root, off[..., None])[..., 0]
    log_det = np.log(np.diagonal(root, axis1=1, axis2=2)).sum(axis=1)
    return np.asarray(-0.5 * (z**2).sum(axis=1) - log_det - 0.5 * off.shape[1] * np.log(2 * np.pi))


def paths_given(
    rng: np.random.Generator,
    data: Data,
    numbers: Numbers,
    states: States,
    said: Mapping[int, Statements],
    scale: np.ndarray,
    turns: Mapping[int, Turns],
) -> Conditioned:
    """Draw paths as :func:`forecast.models.earnings.states.draw_paths` does, given statements.

    Parameters
    ----------
    rng
        What is drawn of it does not depend on the statements, whose errors have a source of their own.
    data, numbers, states
        As that function takes them.
    said
        Statements by group; their series are counted within the group.
    scale
        How large shocks to come are beside those before, shape (n, G).
    turns
        By group, where growth may turn.
    """
    errors = rng.spawn(1)[0]
    found = []
    for some in blocks(numbers):
        mine, at = part(numbers, some), part(states, some)
        normal = rng.standard_normal(path_normals(data, mine))
        signal, noisy = paths_of(data, mine, at, normal.copy(), scale[some])
        density = np.zeros(len(normal))
        for g in sorted({*said, *turns}):
            series = np.flatnonzero(data.group == g)
            turn = turns[g].part(some) if g in turns else None
            if g in said:
                own = _of_group(data, mine, at, normal, g)
                one = condition(errors, *own, said[g], scale[some][:, [g]], turn)
                signal[..., series], noisy[..., series] = one.signal, one.noisy
                density += one.density
            elif turn is not None:
                prior = turn.log_prior()
                shift = turn.chosen((prior + errors.gumbel(size=prior.shape)).argmax(axis=0))
                for path in (signal, noisy):
                    path[..., series] = _turned(path[..., series], shift)
        found.append((signal, noisy, density))
    return Conditioned(*(np.concatenate(parts) for parts in zip(*found, strict=True)))


def _of_group(
    data: Data, numbers: Numbers, states: States, normal: np.ndarray, g: int
) -> tuple[Data, Numbers, States, np.ndarray]:
    """Return what belongs to one group."""
    at = np.flatnonzero(data.group == g)
    ahead, count = len(data.x) - len(data.y), len(data.group)
    groups = numbers.factor_damping.shape[1]
    of_series = normal[:, groups * ahead :].reshape(len(normal), count, -1)[:, at]
    own = [normal[:, g * ahead : (g + 1) * ahead], of_series.reshape(len(normal), -1)]
    return (
        dataclasses.replace(
            data, y=data.y[:, at], seen=data.seen[:, at], group=np.zeros(len(at), dtype=int),
            start=data.start[at], centre=data.centre[[g]], growth_width=data.growth_width[[g]],
            season_width=data.season_width[[g]],
        ),
        *one_group(numbers, states, data.group, g),
        np.concatenate(own, axis=1),
    )  # fmt: skip
