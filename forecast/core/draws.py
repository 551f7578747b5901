"""The contract of draws, which every model gives and everything above reads, and paths taken from them.

Draws are an ``xarray.Dataset`` of joint samples: what is read from one draw belongs together.

=============  ====================================================================================
``y``          each series as it would be reported; dims chain, draw, series, period
``signal``     the same without observation noise, same dims
``observed``   what has been reported; dims series, period; NaN where nothing has
=============  ====================================================================================

Where a path of a series is reported period by period, ``y`` is the report itself in every draw. NaN
means that a series had not begun or is not defined; the pattern may differ between draws. A model may
give variables and dims besides, for its own figures.

==============  ===================================================================================
``chain``       number of the chain, from 0
``draw``        number of the draw within its chain, from 0
``series``      "entity/metric", such as ``MSFT/capex``
``entity``      along series: the part before the stroke
``metric``      along series: the part after it
``unit``        along series: a unit of :mod:`forecast.core.units`
``period``      of one kind and in order: 2027, 2027Q3, 2027-09 or 2027-09-30
``period_end``  along period: its last day, ISO
``ahead_only``  along series, where a model has such: true of a series that is told only of what comes
                after the draws' date, from where it stands then
``told_until``  along series, where a model has such: the last day, ISO, of which the data say more than
                the prior; draws go on, and no event beyond it is judged
==============  ===================================================================================

``attrs``: ``model``, its name; ``as_of``, the day up to which reports were known, ISO; ``data_hash``,
that of the panel; ``seed``, of the draws; ``variant``, the name of the prior set, which draws of a
baseline do not have.

Invariant: an operation on draws keeps chain and draw and works within a draw; a value that is not
defined is NaN. ``tests/test_events.py`` checks it, and ``tests/test_figures.py`` that the draws of
every model keep the contract.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr

from forecast.core import fields
from forecast.core.errors import ClaimError
from forecast.core.text import one_line, significant
from forecast.core.units import unit_of
from forecast.core.words import CHAIN, DRAW, PERIOD, SERIES, entity_of, metric_of


def path(
    draws: xr.Dataset,
    series: str | Sequence[str],
    over: Any = None,
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
    top = _trailing(top, counted(total, "total", top.sizes[PERIOD]))
    if over is None:
        return top
    below = path(draws, over, on=on, total=total)
    return top / below.where((below > 0) & np.isfinite(below))


def change(values: xr.DataArray, lag: int = 1) -> xr.DataArray:
    """Return the change of a path over `lag` periods, in percent.

    NaN in the first of them, and from a base that is not above zero: there is no percentage of it.
    """
    before = values.shift({PERIOD: lag})
    before = before.where(before > 0)
    result: xr.DataArray = 100 * (values - before) / before  # so that 80 after 100 is exactly -20
    return result


@dataclasses.dataclass(frozen=True)
class Interval:
    """The median of a quantity, and the ends of the interval in which it lies with 80 %."""

    low: float
    median: float
    high: float

    @property
    def span(self) -> str:
        """Both ends as text, to two significant digits."""
        return f"{significant(self.low)} to {significant(self.high)}"

    @property
    def between(self) -> str:
        """Both ends as text that follows "80 % between"."""
        return f"{significant(self.low)} and {significant(self.high)}"


def interval(values: xr.DataArray) -> Interval:
    """Return the 10, 50 and 90 % points of draws, over all their dims.

    Parameters
    ----------
    values
        Draws of one quantity, dims chain and draw.
    """
    low, median, high = (float(q) for q in values.quantile([0.1, 0.5, 0.9]).values)
    return Interval(low, median, high)


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
        | {"entity": (SERIES, [entity_of(n) for n in names])}
        | {"metric": (SERIES, [metric_of(n) for n in names])}
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


def listed(series: Any) -> list[str]:
    """Return a series, several or none as a list."""
    return [series] if isinstance(series, str) else list(series or ())


def counted(value: Any, name: str, most: int) -> int:
    """Return a number of periods, from 1 to `most`; `name` names it in the error.

    Raises
    ------
    ClaimError
        If it is none.
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
    entity = entity_of(missing[0])
    own = [name for name in there if name.startswith(f"{entity}/")]
    entities = list(dict.fromkeys(entity_of(name) for name in there))
    return (
        f"the {model} draws have no series {one_line(missing)}; there are "
        + (one_line(own) if own else f"{one_line(there)}, of {one_line(entities)}")
        + "; an event takes its series from one model: name another model, or another series"
    )


def sample_first(parameters: xr.Dataset, name: str) -> np.ndarray:
    """Return a variable with all draws on the first axis, shape (sample, ...), contiguous."""
    values = parameters[name].transpose("chain", "draw", ...).values
    return np.ascontiguousarray(values.reshape(-1, *values.shape[2:]))
