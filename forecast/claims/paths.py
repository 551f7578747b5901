"""Paths of joint draws, and the periods of them that a window asks about.

A path is one series, a sum of series, or the ratio of two such, whose denominator must be above zero.

Invariant: a value that is not defined is NaN, and a window that the draws do not cover is refused, so
that nothing is answered from a part of what was asked. ``tests/test_events.py`` checks both.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import re
from collections.abc import Sequence

import numpy as np
import xarray as xr

from forecast.core import fields
from forecast.core.errors import ClaimError, UndefinedError
from forecast.core.periods import next_end, period_days, period_end
from forecast.core.text import one_line
from forecast.core.units import unit_of
from forecast.core.words import AHEAD_ONLY, CHAIN, DRAW, PERIOD, SAMPLE, SERIES

Window = tuple[dt.date, dt.date]
Series = str | Sequence[str]
"""A series, "entity/metric", or several to add up."""


def path(
    draws: xr.Dataset,
    series: Series,
    over: Series | None = None,
    on: str = "y",
    total: int = 1,
) -> xr.DataArray:
    """Return the draws of a series, a sum of series, or a ratio of them.

    Parameters
    ----------
    draws
        Joint draws of one model.
    series
        "entity/metric", or several to add up. All must have one unit.
    over
        The denominator, in the same form, or None.
    on
        ``y``, as it would be reported, or ``signal``, without observation noise.
    total
        Number of periods to add up, each with those before it; of a ratio, above and below.

    Returns
    -------
    xarray.DataArray
        Dims chain, draw, period; NaN in the first ``total - 1`` periods, where a series had not
        begun, and where a denominator is not above zero.

    Raises
    ------
    ClaimError
        If the model has no such series, a sum mixes units, or `total` is not a whole number from
        1 to the number of periods.
    """
    if on not in ("y", "signal"):
        raise ClaimError(f"got on {on!r}; wanted y or signal")
    if not fields.SERIES.fits(series):
        raise ClaimError(f"got series {fields.shown(series)}; wanted {fields.SERIES.wanted}")
    top = _total(draws, listed(series), on)
    top = _trailing(top, count(total, "total", top.sizes[PERIOD]))
    if over is None:
        return top
    below = path(draws, over, on=on, total=total)
    return top / below.where((below > 0) & np.isfinite(below))


YEAR = 4
"""Quarters of a year."""
_QUARTER = re.compile(r"\d{4}Q[1-4]")


def with_yearly(draws: xr.Dataset) -> xr.Dataset:
    """Add four-quarter totals, their ratios, and growth over a year to quarterly draws.

    Parameters
    ----------
    draws
        Joint draws of companies and their sums by quarter.

    Returns
    -------
    xarray.Dataset
        The same draws and, from the same joint draws, of every series in money: "entity/X_4q",
        its total over each quarter and the three before; and "entity/X_growth", its change from
        the same quarter a year before, in percent. "entity/capex_to_revenue_4q" is the total of
        capex over that of revenue. Growth from a base that is not above zero, and a ratio to such a
        total, are NaN. ``observed`` is there where every quarter it needs is reported. Draws that
        are not quarterly, or shorter than five quarters, come back as they are.
    """
    quarters = [str(p) for p in draws[PERIOD].values]
    units = [str(u) for u in draws["unit"].values]
    money = [k for k, unit in enumerate(units) if unit_of(unit).dimension == "money"]
    if not money or len(quarters) <= YEAR or not all(map(_QUARTER.fullmatch, quarters)):
        return draws
    flows = [str(draws[SERIES].values[k]) for k in money]
    both = [(n, n.replace("/capex", "/revenue")) for n in flows if n.endswith("/capex")]
    both = [pair for pair in both if pair[1] in flows]
    at = [[flows.index(pair[k]) for pair in both] for k in (0, 1)]
    names = [str(n) for n in draws[SERIES].values]
    names += [f"{n}_4q" for n in flows] + [f"{n}_growth" for n in flows]
    names += [f"{top}_to_revenue_4q" for top, _ in both]
    units += [units[k] for k in money] + ["percent"] * len(money) + ["ratio"] * len(both)
    ordered = draws.transpose(CHAIN, DRAW, SERIES, PERIOD)
    return xr.Dataset(
        {
            name: (ordered[name].dims, _with_yearly(ordered[name].values, money, at))
            for name in ("y", "signal", "observed")
            if name in draws
        },
        coords={d: draws[d].values for d in (CHAIN, DRAW, PERIOD)}
        | {SERIES: names}
        | {"entity": (SERIES, [n.split("/")[0] for n in names])}
        | {"metric": (SERIES, [n.split("/")[1] for n in names])}
        | {"unit": (SERIES, units), "period_end": (PERIOD, draws["period_end"].values)},
        attrs=draws.attrs,
    )


def _with_yearly(values: np.ndarray, money: list[int], ratio: list[list[int]]) -> np.ndarray:
    """Append totals, growth and ratios of totals on the last axis but one."""
    flows = values[..., money, :]
    totals, growth = np.full_like(flows, np.nan), np.full_like(flows, np.nan)
    totals[..., YEAR - 1 :] = sum(flows[..., k : k - YEAR + 1 or None] for k in range(YEAR))
    before = _above_zero(flows[..., :-YEAR])
    growth[..., YEAR:] = 100 * (flows[..., YEAR:] - before) / before
    above, below = (totals[..., at, :] for at in ratio)
    return np.concatenate([values, totals, growth, above / _above_zero(below)], axis=-2)


def _above_zero(values: np.ndarray) -> np.ndarray:
    return np.where(values > 0, values, np.nan)


def listed(series: Series | None) -> list[str]:
    """Return a series or several as a list, empty for None."""
    return [series] if isinstance(series, str) else list(series or ())


def count(value: int, name: str, most: int) -> int:
    """Return a number of periods, `name` of an event, if it is one from 1 to `most`.

    Raises
    ------
    ClaimError
        If it is not.
    """
    if not fields.COUNT.fits(value) or value > most:
        got = fields.shown(value)
        raise ClaimError(f"got {name} = {got}; wanted a number of periods from 1 to {most}")
    return int(value)


def _trailing(values: xr.DataArray, total: int) -> xr.DataArray:
    """Return the sum of each period and the ``total - 1`` before it; NaN where there are fewer."""
    out = values
    for lag in range(1, total):
        out = out + values.shift({PERIOD: lag})
    return out


def _total(draws: xr.Dataset, names: list[str], on: str) -> xr.DataArray:
    there = [str(name) for name in draws[SERIES].values]
    missing = [name for name in names if name not in there]
    if missing:
        raise ClaimError(_no_series(str(draws.attrs.get("model", "")), missing, there))
    chosen = draws[on].sel({SERIES: names})
    units = sorted({str(u) for u in chosen["unit"].values})
    if len(units) > 1:
        raise ClaimError(f"cannot add up {one_line(names)}: their units are {one_line(units)}")
    return chosen.sum(SERIES, skipna=False)  # a sum without one of its parts is not the sum


def _no_series(model: str, missing: list[str], there: list[str]) -> str:
    """Return what a model covers in place of a series it does not have."""
    entity = missing[0].partition("/")[0]
    own = [name for name in there if name.startswith(f"{entity}/")]
    entities = list(dict.fromkeys(name.partition("/")[0] for name in there))
    return (
        f"the {model} draws have no series {one_line(missing)}; there are "
        + (one_line(own) if own else f"{one_line(there)}, of {one_line(entities)}")
        + "; an event takes its series from one model: name another model, or another series"
    )


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
        As :func:`path` takes them.
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
            If it is told only of what comes after the draws' date, and a period has passed.
        """
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
    """Return a path with what it is made of; as :func:`path`, which it raises the errors of."""
    values = path(draws, series, over, on, total).transpose(CHAIN, DRAW, PERIOD).values
    return Path(draws, tuple(listed(series)), tuple(listed(over)), on, total, values)
