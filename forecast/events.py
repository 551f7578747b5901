"""The vocabulary of definitions: what may happen to a path, as functions of joint draws.

An event is data (a table in the claims file), so an analyst adds one without code. A path is one
series, a sum of series, or the ratio of two such; ``over`` makes any event one about a ratio.
``total = 4`` takes, before anything else, the sum of each period and the three before it: on
quarterly paths, four-quarter totals. Events are about ``y``, the path as it would be reported;
``on = "signal"`` takes the path without observation noise.

=================  ================================================================================
kind               happens if
=================  ================================================================================
threshold          the path stands ``op value`` at the period ``at``, which may be left out where
                   the draws have one period only
first_passage      the path is ``op value`` in some period of the window
growth             the change over ``lag`` periods, in percent, is ``op value`` in any or all
                   periods of the window (``how``), or in ``row`` periods of it one after another
peak_to_trough     the path falls ``fall`` percent or more below its running peak in the window;
                   the peak counts from the first period on record, or of the window (``peak_from``)
ordering           ``series`` stands ``op`` ``than`` plus ``margin`` at the period ``at``, as above,
                   or ``than`` at another period, ``than_at``
rope               the slope of the path's logarithm, percent a year, by least squares over the
                   window and the period before it, lies between ``low`` and ``high``
=================  ================================================================================

Invariant: :func:`happens` returns a boolean array with dims chain and draw, and no others.
``tests/test_events.py`` checks every kind against a hand-worked path.
"""

from __future__ import annotations

import datetime as dt
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr

from forecast.schema import CHAIN, DRAW, PERIOD, SERIES, ClaimError, one_line, period_end, unit_of

OPS: Mapping[str, Callable[[Any, Any], Any]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
Window = tuple[dt.date, dt.date]


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
        Dims chain, draw, period; NaN in the first ``total - 1`` periods, and where a series had not
        begun.

    Raises
    ------
    ClaimError
        If the model has no such series, a sum mixes units, or `total` is not a whole number from
        1 to the number of periods.
    """
    if on not in ("y", "signal"):
        raise ClaimError(f"got on = {on!r}; wanted y or signal")
    top = _total(draws, [series] if isinstance(series, str) else list(series), on)
    top = _trailing(top, _count(total, "total", top.sizes[PERIOD]))
    return top if over is None else top / path(draws, over, on=on, total=total)


def change(values: xr.DataArray, lag: int = 1) -> xr.DataArray:
    """Return the change of a path over `lag` periods, in percent; NaN in the first of them."""
    before = values.shift({PERIOD: lag})
    result: xr.DataArray = 100 * (values - before) / before  # so that 80 after 100 is exactly -20
    return result


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
        capex over that of revenue. ``observed`` is there where every quarter it needs is reported.
        Draws that are not quarterly, or shorter than five quarters, come back as they are.
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
    before = flows[..., :-YEAR]
    growth[..., YEAR:] = 100 * (flows[..., YEAR:] - before) / before
    above, below = (totals[..., at, :] for at in ratio)
    return np.concatenate([values, totals, growth, above / below], axis=-2)


def _path(draws: xr.Dataset, event: Mapping[str, Any], series: str = "series") -> xr.DataArray:
    return path(
        draws, event[series], event.get("over"), event.get("on", "y"), event.get("total", 1)
    )


def _count(value: Any, name: str, most: int) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= most:
        raise ClaimError(f"got {name} = {value!r}; wanted a number of periods from 1 to {most}")
    return value


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


def in_window(draws: xr.DataArray, window: Window) -> np.ndarray:
    """Return which periods end after the window's start and by its end.

    Raises
    ------
    ClaimError
        If none does, or the draws stop before the window does.
    """
    ends = np.array([period_end(str(p)) for p in draws[PERIOD].values])
    inside = np.array([window[0] < end <= window[1] for end in ends])
    if not inside.any():
        raise ClaimError(
            f"no period of the draws ({ends[0]} to {ends[-1]}) ends in the window "
            f"{window[0]} to {window[1]}; forecast further, or move the window"
        )
    step = (ends[-1] - ends[-2]).days if len(ends) > 1 else 0
    if ends[-1] + dt.timedelta(days=step) <= window[1]:
        raise ClaimError(
            f"the draws end on {ends[-1]}, before the window does on {window[1]}; forecast further"
        )
    return inside


def _at(draws: xr.DataArray, period: str | None) -> xr.DataArray:
    there = [str(p) for p in draws[PERIOD].values]
    if period is None and len(there) == 1:
        return draws[{PERIOD: 0}]
    if period not in there:
        raise ClaimError(f"the draws have no period {period!r}; there are {one_line(there)}")
    return draws.sel({PERIOD: period})


def _compare(event: Mapping[str, Any], left: Any, right: Any) -> Any:
    if event["op"] not in OPS:
        raise ClaimError(f"got the comparison {event['op']!r}; wanted one of {', '.join(OPS)}")
    return OPS[event["op"]](left, right)


def _threshold(draws: xr.Dataset, event: Mapping[str, Any], window: Window) -> xr.DataArray:
    values = _path(draws, event)
    return _compare(event, _at(values, event.get("at")), event["value"])


def _first_passage(draws: xr.Dataset, event: Mapping[str, Any], window: Window) -> xr.DataArray:
    values = _path(draws, event)
    inside = in_window(values, window)
    return _compare(event, values[{PERIOD: np.flatnonzero(inside)}], event["value"]).any(PERIOD)


def _growth(draws: xr.Dataset, event: Mapping[str, Any], window: Window) -> xr.DataArray:
    values = _path(draws, event)
    lag = _count(event.get("lag", 1), "lag", values.sizes[PERIOD])
    moves = change(values, lag)
    inside = in_window(values, window)
    base = lag + event.get("total", 1) - 1
    if inside[:base].any():
        raise ClaimError(f"growth over {lag} period(s) needs {base} period(s) before the window")
    hit = _compare(event, moves[{PERIOD: np.flatnonzero(inside)}], event["value"])
    how = event.get("how", "any")
    if how not in ("any", "all"):
        raise ClaimError(f"got how = {how!r}; wanted any or all")
    if "row" in event:
        if how == "all":
            raise ClaimError("a growth event takes row with how = any; all periods are one row")
        row = _count(event["row"], "row", hit.sizes[PERIOD])
        starts = range(hit.sizes[PERIOD] - row + 1)
        runs = [hit[{PERIOD: slice(k, k + row)}].all(PERIOD) for k in starts]
        return xr.concat(runs, dim="start").any("start")
    return hit.any(PERIOD) if how == "any" else hit.all(PERIOD)


def _peak_to_trough(draws: xr.Dataset, event: Mapping[str, Any], window: Window) -> xr.DataArray:
    values = _path(draws, event).transpose(CHAIN, DRAW, PERIOD)
    inside = np.flatnonzero(in_window(values, window))
    origin = event.get("peak_from", "record")
    if origin not in ("record", "window"):
        raise ClaimError(f"got peak_from = {origin!r}; wanted record or window")
    start = 0 if origin == "record" else int(inside[0])
    # fmax: before a series began there is no value, and no peak
    peak = np.fmax.accumulate(values.values[:, :, start:], axis=2)
    fall = 100 * (peak - values.values[:, :, start:]) / peak
    hit = (fall[:, :, inside - start] >= event["fall"]).any(axis=2)
    return xr.DataArray(hit, dims=(CHAIN, DRAW))


def _ordering(draws: xr.Dataset, event: Mapping[str, Any], window: Window) -> xr.DataArray:
    left = _at(_path(draws, event), event.get("at"))
    right = _at(_path(draws, event, "than"), event.get("than_at", event.get("at")))
    return _compare(event, left, right + event.get("margin", 0.0))


def _rope(draws: xr.Dataset, event: Mapping[str, Any], window: Window) -> xr.DataArray:
    values = _path(draws, event).transpose(CHAIN, DRAW, PERIOD)
    inside = np.flatnonzero(in_window(values, window))
    first = max(int(inside[0]) - 1, 0)
    used = np.arange(first, inside[-1] + 1)
    days = np.array([period_end(str(p)).toordinal() for p in values[PERIOD].values[used]])
    if len(used) < 2:
        raise ClaimError("a slope needs two periods; widen the window")
    years = (days - days.mean()) / 365.25
    slope = 100 * (np.log(values.values[:, :, used]) @ years) / (years @ years)
    hit = (slope >= event["low"]) & (slope <= event["high"])
    return xr.DataArray(hit, dims=(CHAIN, DRAW))


EVERY = frozenset({"on", "over", "total"})
KINDS: Mapping[str, tuple[Callable[..., xr.DataArray], frozenset[str], frozenset[str]]] = {
    # kind: function, parameters that must be given, parameters that may be
    "threshold": (_threshold, frozenset({"series", "op", "value"}), EVERY | {"at"}),
    "first_passage": (_first_passage, frozenset({"series", "op", "value"}), EVERY),
    "growth": (_growth, frozenset({"series", "op", "value"}), EVERY | {"lag", "how", "row"}),
    "peak_to_trough": (_peak_to_trough, frozenset({"series", "fall"}), EVERY | {"peak_from"}),
    "ordering": (
        _ordering,
        frozenset({"series", "than", "op"}),
        EVERY | {"at", "than_at", "margin"},
    ),
    "rope": (_rope, frozenset({"series", "low", "high"}), EVERY),
}


def check_event(event: Mapping[str, Any], where: str) -> None:
    """Check an event's kind and parameter names.

    Raises
    ------
    ClaimError
        Saying which parameter is missing or not known for the kind.
    """
    kind = str(event.get("kind"))
    if kind not in KINDS:
        raise ClaimError(f"{where}: got the event kind {kind!r}; wanted one of {', '.join(KINDS)}")
    _, must, may = KINDS[kind]
    given = set(event) - {"kind"}
    missing, unknown = sorted(must - given), sorted(given - must - may)
    if missing or unknown:
        raise ClaimError(
            f"{where}: a {kind} event is missing {one_line(missing) or 'nothing'} and has unknown "
            f"{one_line(unknown) or 'nothing'}; it takes {one_line(sorted(must))} and may take "
            f"{one_line(sorted(may)) or 'nothing else'}"
        )


NAMES = ("series", "over", "than")
"""Parameters of an event that name a series, or several to add up."""


def expand_sums(event: Mapping[str, Any], sums: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """Return an event with "SUM/metric" written out as the series of the sum's members.

    Examples
    --------
    >>> expand_sums({"series": "ads/capex"}, {"ads": ["GOOGL", "META"]})
    {'series': ['GOOGL/capex', 'META/capex']}
    """

    def members(name: str) -> list[str]:
        entity, slash, metric = name.partition("/")
        return [f"{one}{slash}{metric}" for one in sums[entity]] if entity in sums else [name]

    expanded = dict(event)
    for key in (k for k in NAMES if k in event):
        named = [event[key]] if isinstance(event[key], str) else event[key]
        listed = [one for name in named for one in members(str(name))]
        expanded[key] = listed[0] if len(listed) == 1 else listed
    return expanded


def happens(draws: xr.Dataset, event: Mapping[str, Any], window: Window) -> xr.DataArray:
    """Return in which draws an event happens.

    Parameters
    ----------
    draws
        Joint draws of one model, from :func:`forecast.predict.forecast`.
    event
        A table with ``kind`` and that kind's parameters.
    window
        Two days; periods that end after the first and by the second count.

    Returns
    -------
    xarray.DataArray
        Boolean, dims chain, draw.

    Raises
    ------
    ClaimError
        If the event cannot be evaluated on these draws.
    """
    check_event(event, "event")
    return single(KINDS[event["kind"]][0](draws, event, window), "event")


def single(hit: xr.DataArray, where: str) -> xr.DataArray:
    """Return `hit` if it leaves only chain and draw.

    Raises
    ------
    ClaimError
        If a dim is left over, or one is gone, or the values are not true or false.
    """
    if set(hit.dims) != {CHAIN, DRAW} or hit.dtype != bool:
        raise ClaimError(
            f"{where}: the event must be true or false for each chain and draw; it left dims "
            f"{hit.dims} of {hit.dtype}; reduce the rest (any, all, sum)"
        )
    return hit.transpose(CHAIN, DRAW)
