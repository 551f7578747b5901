"""A turn in what companies spend: how likely, when, how deep, and what it makes of paths.

From a quarter k after the data on, for a while, the growth of every series of capex is no longer that of
its path but ``depth + own``, in log points a quarter; afterwards the path goes on from where it is. The
turn comes at a rate of `hazard` a year, which no quarter of the panel can tell: it comes from other
booms (:class:`BustPriors`). What issuers have said of quarters to come speaks against an early turn, as
far as their statements have held: the quarter is drawn given them
(:mod:`forecast.models.earnings.conditioning`).

Invariant: before its quarter a turn changes nothing, and without one a path is as it was;
``tests/test_busts.py``.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from forecast.models.earnings.states import Numbers, States


@dataclasses.dataclass(frozen=True)
class BustPriors:
    """Prior numbers of a turn in capex.

    Three records bound the rate. Sums of these companies' capex over four quarters fell by a tenth
    three times in 28 years (2001-02, 2008-10, 2011-12) and not since 2012: .04 to .13 a year. Broad
    totals at a record after a doubling, in US national accounts since 1901: .28 to .38 within two
    years, .16 to .24 a year. Sums of the five largest firms of an industry at a record: .55 to .75
    within two years, .4 a year and more. The middle of the three, and wide enough to hold all.
    """

    hazard: float = 0.15
    hazard_log_sd: float = 0.6
    # Growth during a turn, log points a quarter: 2001-02 -.33, 2008-10 -.67 and US telecom 2001-02 -.54
    # in log points, over five to eight quarters.
    depth: float = -0.08
    depth_sd: float = 0.04
    # Companies turn together, not alike: in .75 of sums that fell three or more of five members did.
    own_sd: float = 0.05
    shortest: int = 4
    longest: int = 8
    # Degrees of freedom of a scale that all shocks to come share: bands of capex had held 71 % of what
    # came in place of 80, and 58 % of its sums.
    tail: float = 5.0


@dataclasses.dataclass(frozen=True)
class Turns:
    """Draws of a turn, if there were one, and of the rate at which it comes.

    Attributes
    ----------
    hazard
        A year, shape (n,).
    shift
        What a turn makes of the paths, log points, by the quarter after the data in which it begins;
        the last one is that of no turn, zero: shape (quarters + 1, n, quarters, S).
    """

    hazard: np.ndarray
    shift: np.ndarray

    def part(self, some: slice) -> Turns:
        """Return some of the draws."""
        return Turns(self.hazard[some], self.shift[:, some])

    def chosen(self, begun: np.ndarray) -> np.ndarray:
        """Return the shift of the beginning that each draw has, shape (n, quarters, S)."""
        return np.asarray(self.shift[begun, np.arange(len(begun))])

    def log_prior(self) -> np.ndarray:
        """Return the log probability of each beginning, and of none, shape (quarters + 1, n)."""
        quarters = len(self.shift) - 1
        rate = self.hazard / 4
        waited = -np.arange(quarters + 1)[:, None] * rate
        waited[:-1] += np.log(-np.expm1(-rate))
        return np.asarray(waited)


def draw_turns(
    rng: np.random.Generator, priors: BustPriors, growth: np.ndarray, quarters: int
) -> Turns:
    """Draw turns of one group's series.

    Parameters
    ----------
    rng
        Source of the draws.
    priors
        Prior numbers.
    growth
        Growth that is expected without one, log points, shape (n, quarters or more, S).
    quarters
        How many quarters after the data a turn may begin in.
    """
    n, _, count = growth.shape
    hazard = np.exp(rng.normal(np.log(priors.hazard), priors.hazard_log_sd, n))
    depth = np.asarray(rng.normal(priors.depth, priors.depth_sd, n))
    own = depth[:, None] + priors.own_sd * rng.standard_normal((n, count))
    length = np.asarray(rng.integers(priors.shortest, priors.longest + 1, n))
    step = own[:, None] - growth[:, :quarters]
    beginning = np.arange(quarters + 1)
    since = np.arange(quarters) - beginning[:, None]  # (beginning, quarter)
    inside = (since >= 0)[:, None] & (since[:, None] < length[:, None])
    inside[-1] = False
    return Turns(hazard, np.cumsum(inside[..., None] * step, axis=2))


def expected_growth(numbers: Numbers, states: States, quarters: int) -> np.ndarray:
    """Return the growth of each quarter to come without season, by where paths stand, (n, quarters, S).

    For one group, whose factor all its series share.
    """
    phi, shared = numbers.damping, numbers.factor_damping
    slope, swing = states.state[..., 1], states.factor_slope
    found = []
    for _ in range(quarters):
        slope, swing = phi * slope, shared * swing
        found.append(states.coefficient[..., 0] + slope + numbers.load * swing)
    return np.stack(found, axis=1)


def draw_scale(rng: np.random.Generator, priors: BustPriors, n: int) -> np.ndarray:
    """Return how large the shocks to come are beside those before: a root of an inverse gamma, (n,)."""
    return np.asarray(np.sqrt(priors.tail / 2 / rng.standard_gamma(priors.tail / 2, n)))
