"""What an event reads of joint draws: the periods of its window, and the numbers of its paths.

Invariant: a period that the draws do not hold, and a value that is not defined, are refused, so that
nothing is answered from a part of what was asked. ``tests/test_events.py`` checks both.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Sequence

import numpy as np
import xarray as xr

from forecast.core.draws import listed, path
from forecast.core.errors import ClaimError, UndefinedError
from forecast.core.periods import next_end, period_days, period_end
from forecast.core.text import one_line
from forecast.core.words import AHEAD_ONLY, CHAIN, DRAW, PERIOD, SAMPLE, SERIES, TOLD_UNTIL

Window = tuple[dt.date, dt.date]
Series = str | Sequence[str]
"""A series, "entity/metric", or several to add up."""


def in_window(draws: xr.Dataset | xr.DataArray, window: Window) -> np.ndarray:
    """Return which periods end after the window's start and by its end.

    Raises
    ------
    ClaimError
        If none does, or the window also holds a period that comes before the first of the draws, or
        after the last of them.
    """
    periods = [str(p) for p in draws[PERIOD].values]
    ends = [period_end(p) for p in periods]
    inside = np.array([window[0] < end <= window[1] for end in ends])
    if not inside.any():
        raise ClaimError(
            f"no period of the draws ({ends[0]} to {ends[-1]}) ends in the window "
            f"{window[0]} to {window[1]}; forecast further, or move the window"
        )
    before = period_days(periods[0])[0] - dt.timedelta(days=1)
    if before > window[0]:
        raise UndefinedError(
            f"the draws begin with {periods[0]}, but the window from {window[0]} also holds the period "
            f"that ends on {before}; begin the window on that day or later"
        )
    after = next_end(periods[-1])
    if after <= window[1]:
        raise ClaimError(
            f"the draws end with {periods[-1]}, but the window to {window[1]} also holds the period "
            f"that ends on {after}; forecast further, or end the window before that day"
        )
    return inside


def place(draws: xr.Dataset, period: str | None, window: Window) -> np.ndarray:
    """Return where a period stands in the draws, shape (1,): without a name, their only one.

    Raises
    ------
    ClaimError
        If the draws have no such period, or have several and none is named.
    UndefinedError
        If that one lies outside the window: it is of another day than is asked about.
    """
    there = [str(p) for p in draws[PERIOD].values]
    if period is None and len(there) > 1:
        raise ClaimError(
            f"the event has no period at, and the draws have several, {there[0]} to {there[-1]}; "
            "name one"
        )
    if period is not None and period not in there:
        raise ClaimError(f"the draws have no period {period!r}; there are {one_line(there)}")
    if period is None and not window[0] <= period_end(there[0]) <= window[1]:
        raise UndefinedError(
            f"the draws tell of {there[0]} alone, outside the window {window[0]} to {window[1]}"
        )
    return np.array([0 if period is None else there.index(period)])


@dataclasses.dataclass(frozen=True)
class Path:
    """A path, and what it is made of.

    Attributes
    ----------
    draws
        Joint draws of one model.
    series, over
        Series that are added up, above and below; none below for a path that is no ratio.
    on, total
        As :func:`forecast.core.draws.path` takes them.
    values
        Shape (chain, draw, period).
    """

    draws: xr.Dataset
    series: tuple[str, ...]
    over: tuple[str, ...]
    on: str
    total: int
    values: np.ndarray

    @property
    def name(self) -> str:
        """How it is called in an error."""
        return " over ".join(" + ".join(part) for part in (self.series, self.over) if part)

    @property
    def told_until(self) -> str:
        """The last day, ISO, of which the data say more than the prior; that of no end where all do."""
        if TOLD_UNTIL not in self.draws.coords:
            return dt.date.max.isoformat()
        names = [*self.series, *self.over]
        return min(str(day) for day in self.draws[TOLD_UNTIL].sel({SERIES: names}).values)

    def own(self, period: int) -> xr.DataArray:
        """Return the values of its series that a period needs."""
        chosen = self.draws[self.on].sel({SERIES: [*self.series, *self.over]})
        return chosen.isel({PERIOD: slice(max(period - self.total + 1, 0), period + 1)})

    def numbers(self, places: np.ndarray) -> np.ndarray:
        """Return its values in some periods, shape (chain, draw, place), if all are numbers.

        Raises
        ------
        ClaimError
            Naming the periods in which there is none, and why.
        UndefinedError
            If it is told only of what comes after the draws' date, and a period has passed; or if a
            period lies further ahead than the data tell.
        """
        self._check_told(places)
        values = self.values[:, :, places]
        bad = ~np.isfinite(values)
        if bad.any():
            self._check_passed(places[_where(bad)])
            why = self._why(int(places[_where(bad)[0]]))
            raise self.undefined(bad, places, "no number", why)
        return values

    def _check_passed(self, places: np.ndarray) -> None:
        """Refuse periods that have passed of a series that draws tell only from their date on."""
        if AHEAD_ONLY not in self.draws.coords:
            return
        names = np.array([*self.series, *self.over])
        only = names[self.draws[AHEAD_ONLY].sel({SERIES: names}).values]
        day = str(self.draws.attrs.get("as_of", ""))
        periods = [str(p) for p in self.draws[PERIOD].values[places]]
        passed = [p for p in periods if period_end(p).isoformat() <= day]
        if passed and len(only):
            raise UndefinedError(
                f"{one_line(only)} is told only of what comes after {day}, from where it stands then; "
                f"{one_line(passed, 3)} have passed"
            )

    def _check_told(self, places: np.ndarray) -> None:
        """Refuse periods of which the prior says as much as the data do."""
        until = self.told_until
        periods = [str(p) for p in self.draws[PERIOD].values[places]]
        beyond = [p for p in periods if period_end(p).isoformat() > until]
        if beyond:
            raise UndefinedError(
                f"{self.name} is told until {until}: further ahead the data hardly narrow what the "
                f"prior says, and the prior would answer; that is {one_line(beyond, 3)}"
            )

    def undefined(self, bad: np.ndarray, places: np.ndarray, what: str, why: str) -> ClaimError:
        """Return the error of an event that some draws do not define in some periods."""
        periods = self.draws[PERIOD].values[places[_where(bad)]]
        draws, of = int(bad.any(axis=2).sum()), bad.shape[0] * bad.shape[1]
        return ClaimError(
            f"{self.name}: {what} at {one_line(periods)}"
            f"{'' if draws == of else f' in {draws} of {of} draws'}: {why}"
        )

    def _why(self, period: int) -> str:
        own = self.own(period)
        empty = own[SERIES].values[own.isnull().any([*SAMPLE, PERIOD]).values]
        if len(empty):
            return f"{one_line(empty)} had not begun, or has a gap; ask about other periods"
        if period < self.total - 1:
            return f"a total of {self.total} needs {self.total - 1} period(s) before it; ask later"
        if self.over and np.isfinite(own).all():
            return (
                f"its denominator {' + '.join(self.over)} is not above zero, and there is no "
                "ratio to that; ask about the two apart, such as with an ordering"
            )
        return "it is infinite"

    def began(self) -> int:
        """Return the first period for which all that the path is made of is there, in any draw."""
        end = self.draws.sizes[PERIOD]
        for period in range(self.total - 1, end):
            if self.own(period).notnull().all([SERIES, PERIOD]).any():
                return period
        return end


def _where(bad: np.ndarray) -> np.ndarray:
    """Return which places of the last axis are bad in any draw."""
    return np.flatnonzero(bad.any(axis=(0, 1)))


def path_of(draws: xr.Dataset, series: Series, over: Series | None, on: str, total: int) -> Path:
    """Return a path with what it is made of; it raises what :func:`forecast.core.draws.path` does."""
    values = path(draws, series, over, on, total).transpose(CHAIN, DRAW, PERIOD).values
    return Path(draws, tuple(listed(series)), tuple(listed(over)), on, total, values)
