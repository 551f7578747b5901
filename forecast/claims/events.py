"""The vocabulary of definitions: what may happen to a path, as functions of joint draws.

An event is a frozen record of one of the kinds below, in a file a table of the same names, so an
analyst adds one without code. Each kind has its own function of draws, ``hits``. A path is one
series, a sum of series, or the ratio of two such; ``over`` makes any event one about a ratio, whose
denominator must be above zero. ``total = 4`` takes, before anything else, the sum of each period and
the three before it: on quarterly paths, four-quarter totals. Events are about ``y``, the path as it
would be reported; ``on = "signal"`` takes the path without observation noise.

=================  ================================================================================
kind               happens if
=================  ================================================================================
threshold          the path stands ``op value`` at the period ``at``, which may be left out where
                   the draws have one period only
first_passage      the path is ``op value`` in some period of the window
growth             the change over ``lag`` periods, in percent of a base above zero, is ``op value``
                   in any or all periods of the window (``how``), or in ``row`` periods of it one
                   after another
peak_to_trough     the path falls ``fall`` percent or more below its running peak in the window;
                   the peak counts from the first period on record, or of the window (``peak_from``)
ordering           ``series`` stands ``op`` ``than`` plus ``margin`` at the period ``at``, as above,
                   or ``than`` at another period, ``than_at``
rope               the slope of the path's logarithm, percent a year, by least squares over the
                   window and the period before it, lies between ``low`` and ``high``
=================  ================================================================================

Undefined is not false: if a path has no number in a period that an event looks at, in any draw, or
none from which a percentage or a logarithm can be taken, the event is refused.

Invariant: :func:`happens` returns a boolean array with dims chain and draw, and no others; what a file
may hold of an event is what its record has, name by name. ``tests/test_events.py`` checks every kind
against a hand-worked path.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
import xarray as xr

from forecast.claims.paths import Path, Series, Window, in_window, path_of, place
from forecast.core import fields
from forecast.core.draws import change as change  # offered to an analyst alongside the events
from forecast.core.draws import counted, listed
from forecast.core.draws import path as path
from forecast.core.draws import with_yearly as with_yearly
from forecast.core.errors import ClaimError
from forecast.core.periods import period_end
from forecast.core.text import one_line
from forecast.core.words import CHAIN, DRAW, PERIOD, SAMPLE

OPS: Mapping[str, Callable[[np.ndarray, np.ndarray | float], np.ndarray]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


# --- the kinds -------------------------------------------------------------------------------
@dataclasses.dataclass(frozen=True)
class Threshold:
    """The path stands `op` `value` at one period.

    Attributes
    ----------
    series, over, on, total
        The path, see :func:`forecast.core.draws.path`.
    op, value
        One of :data:`OPS`, and a level in the path's unit.
    at
        The period; None where the draws have one only.
    """

    kind: ClassVar[str] = "threshold"
    series: Series
    op: str
    value: float
    at: str | None = None
    over: Series | None = None
    on: str = "y"
    total: int = 1

    def hits(self, draws: xr.Dataset, window: Window) -> np.ndarray:
        """Return in which draws it happens, shape (chain, draw)."""
        values = _path(draws, self).numbers(place(draws, self.at, window))
        return OPS[self.op](values[:, :, 0], self.value)


@dataclasses.dataclass(frozen=True)
class FirstPassage:
    """The path is `op` `value` in some period of the window.

    Attributes
    ----------
    series, over, on, total
        The path, see :func:`forecast.core.draws.path`.
    op, value
        One of :data:`OPS`, and a level in the path's unit.
    """

    kind: ClassVar[str] = "first_passage"
    series: Series
    op: str
    value: float
    over: Series | None = None
    on: str = "y"
    total: int = 1

    def hits(self, draws: xr.Dataset, window: Window) -> np.ndarray:
        """Return in which draws it happens, shape (chain, draw)."""
        values = _path(draws, self).numbers(np.flatnonzero(in_window(draws, window)))
        return OPS[self.op](values, self.value).any(axis=2)


@dataclasses.dataclass(frozen=True)
class Growth:
    """The change of the path over some periods, in percent, is `op` `value`.

    Attributes
    ----------
    series, over, on, total
        The path, see :func:`forecast.core.draws.path`.
    op, value
        One of :data:`OPS`, and a change in percent of a base above zero.
    lag
        Periods from the base to the period of the window.
    how
        ``any`` period of the window, or ``all`` of them.
    row
        Periods one after another in which it must be so; None for `how`.
    """

    kind: ClassVar[str] = "growth"
    series: Series
    op: str
    value: float
    lag: int = 1
    how: str = "any"
    row: int | None = None
    over: Series | None = None
    on: str = "y"
    total: int = 1

    def hits(self, draws: xr.Dataset, window: Window) -> np.ndarray:
        """Return in which draws it happens, shape (chain, draw)."""
        one, lag = _path(draws, self), counted(self.lag, "lag", draws.sizes[PERIOD])
        inside = np.flatnonzero(in_window(draws, window))
        base = lag + one.total - 1
        if inside[0] < base:
            raise ClaimError(
                f"growth over {lag} period(s) needs {base} period(s) before the window"
            )
        after, before = one.numbers(inside), one.numbers(inside - lag)
        if (before <= 0).any():
            raise one.undefined(
                before <= 0,
                inside - lag,
                "growth in percent is not defined from a base of zero or below",
                "ask for a difference with an ordering: than_at the base's period, and a margin",
            )
        hit = OPS[self.op](100 * (after - before) / before, self.value)  # 80 after 100: -20
        if self.row is not None:
            row = counted(self.row, "row", len(inside))
            runs = np.lib.stride_tricks.sliding_window_view(hit, row, axis=2)
            return runs.all(axis=3).any(axis=2)
        return hit.any(axis=2) if self.how == "any" else hit.all(axis=2)


@dataclasses.dataclass(frozen=True)
class PeakToTrough:
    """The path falls some percent or more below its running peak in the window.

    Attributes
    ----------
    series, over, on, total
        The path, see :func:`forecast.core.draws.path`.
    fall
        Percent of the peak.
    peak_from
        Whether the peak counts from the first period on ``record``, or of the ``window``.
    """

    kind: ClassVar[str] = "peak_to_trough"
    series: Series
    fall: float
    peak_from: str = "record"
    over: Series | None = None
    on: str = "y"
    total: int = 1

    def hits(self, draws: xr.Dataset, window: Window) -> np.ndarray:
        """Return in which draws it happens, shape (chain, draw)."""
        one = _path(draws, self)
        inside = np.flatnonzero(in_window(draws, window))
        # Before a series began there is no value, and no peak.
        first = min(one.began(), inside[0]) if self.peak_from != "window" else inside[0]
        values = one.numbers(np.arange(first, inside[-1] + 1))
        peak = np.maximum.accumulate(values, axis=2)[:, :, inside - first]
        if (peak <= 0).any():
            raise one.undefined(
                peak <= 0,
                inside,
                "a fall in percent is not defined from a peak of zero or below",
                "ask for a level, with first_passage",
            )
        falls = 100 * (peak - values[:, :, inside - first]) / peak
        return (falls >= self.fall).any(axis=2)


@dataclasses.dataclass(frozen=True)
class Ordering:
    """One path stands `op` another plus `margin`, at one period or at two.

    Attributes
    ----------
    series, op, than
        The two paths, and one of :data:`OPS` between them.
    over, on, total
        Of both paths, see :func:`forecast.core.draws.path`.
    at
        The period; None where the draws have one only.
    than_at
        The period of `than`; None for the same.
    margin
        Added to `than`, in the paths' unit.
    """

    kind: ClassVar[str] = "ordering"
    series: Series
    op: str
    than: Series
    at: str | None = None
    than_at: str | None = None
    margin: float = 0.0
    over: Series | None = None
    on: str = "y"
    total: int = 1

    def hits(self, draws: xr.Dataset, window: Window) -> np.ndarray:
        """Return in which draws it happens, shape (chain, draw)."""
        one = _path(draws, self)
        other = path_of(draws, self.than, self.over, self.on, self.total)
        units = [str(p.own(0)["unit"].values[0]) for p in (one, other)]
        if units[0] != units[1]:
            raise ClaimError(
                f"cannot compare {one.name} with {other.name}: their units are {one_line(units)}"
            )
        left = one.numbers(place(draws, self.at, window))
        right = other.numbers(place(draws, self.than_at or self.at, window))
        return OPS[self.op](left[:, :, 0], right[:, :, 0] + self.margin)


@dataclasses.dataclass(frozen=True)
class SlopeBetween:
    """The slope of the path's logarithm lies between two values; in a file, ``rope``.

    Attributes
    ----------
    series, over, on, total
        The path, see :func:`forecast.core.draws.path`.
    low, high
        Percent a year, by least squares over the window and the period before it.
    """

    kind: ClassVar[str] = "rope"
    series: Series
    low: float
    high: float
    over: Series | None = None
    on: str = "y"
    total: int = 1

    def hits(self, draws: xr.Dataset, window: Window) -> np.ndarray:
        """Return in which draws it happens, shape (chain, draw)."""
        one = _path(draws, self)
        inside = np.flatnonzero(in_window(draws, window))
        if inside[0] == 0:
            raise ClaimError("a slope needs two periods, the first of them before the window")
        used = np.arange(inside[0] - 1, inside[-1] + 1)
        values = one.numbers(used)
        if (values <= 0).any():
            raise one.undefined(
                values <= 0,
                used,
                "the slope of the logarithm is not defined at zero or below",
                "ask for a level, with threshold or first_passage",
            )
        days = np.array([period_end(str(p)).toordinal() for p in draws[PERIOD].values[used]])
        years = (days - days.mean()) / 365.25
        slope = 100 * (np.log(values) @ years) / (years @ years)
        return (slope >= self.low) & (slope <= self.high)


Event = Threshold | FirstPassage | Growth | PeakToTrough | Ordering | SlopeBetween
EventFunction = Callable[[xr.Dataset], xr.DataArray]
"""An event of a user's own, written in a session: joint draws to true or false for each of them."""
KINDS: Mapping[str, type[Event]] = {
    one.kind: one for one in (Threshold, FirstPassage, Growth, PeakToTrough, Ordering, SlopeBetween)
}


def _path(draws: xr.Dataset, event: Event) -> Path:
    return path_of(draws, event.series, event.over, event.on, event.total)


# --- what readers of an event ask of it ------------------------------------------------------
def as_table(event: Event) -> dict[str, Any]:
    """Return an event as it may stand in a file: its kind, and what is not as if left out.

    Raises
    ------
    ClaimError
        If it is no event of the vocabulary.

    Examples
    --------
    >>> as_table(PeakToTrough("MSFT/capex", fall=10, total=4))
    {'kind': 'peak_to_trough', 'series': 'MSFT/capex', 'fall': 10, 'total': 4}
    """
    if not isinstance(event, Event):
        raise ClaimError(
            f"got {fields.shown(event)} as an event; wanted one of "
            f"{', '.join(one.__name__ for one in KINDS.values())}, or a table through read_event"
        )
    given = [(f, getattr(event, f.name)) for f in dataclasses.fields(event)]
    return {"kind": event.kind} | {f.name: value for f, value in given if not _left_out(f, value)}


def _left_out(field: dataclasses.Field[Any], value: object) -> bool:
    if field.default is dataclasses.MISSING:
        return False
    return value is None if field.default is None else bool(value == field.default)


def periods_named(event: Event) -> tuple[str, ...]:
    """Return the periods that an event names, the path's own and that of the one beside it."""
    named: tuple[str | None, ...] = ()
    if isinstance(event, Threshold):
        named = (event.at,)
    elif isinstance(event, Ordering):
        named = (event.at, event.than_at)
    return tuple(period for period in named if period is not None)


def level_name(event: Event) -> str:
    """Return which parameter of an event is its level: ``value``, ``fall``, or "" for none.

    Examples
    --------
    >>> level_name(PeakToTrough("MSFT/capex", fall=10))
    'fall'
    """
    return next((name for name in ("fall", "value") if hasattr(event, name)), "")


def with_level(event: Event, level: float) -> Event:
    """Return an event with another level; one that has none comes back as it is."""
    if isinstance(event, PeakToTrough):
        return dataclasses.replace(event, fall=level)
    if isinstance(event, Threshold | FirstPassage | Growth):
        return dataclasses.replace(event, value=level)
    return event


# --- from a file -----------------------------------------------------------------------------
FIELDS: fields.Fields = {
    "kind": fields.one_of(*KINDS),
    "series": fields.SERIES,
    "over": fields.SERIES,
    "than": fields.SERIES,
    "on": fields.one_of("y", "signal"),
    "total": fields.COUNT,
    "op": fields.one_of(*OPS),
    "value": fields.NUMBER,
    "at": fields.PERIOD,
    "than_at": fields.PERIOD,
    "margin": fields.NUMBER,
    "lag": fields.COUNT,
    "row": fields.COUNT,
    "how": fields.one_of("any", "all"),
    "fall": fields.PERCENT,
    "peak_from": fields.one_of("record", "window"),
    "low": fields.NUMBER,
    "high": fields.NUMBER,
}
"""What a parameter of an event may be."""


def keys_of(kind: str | None) -> fields.Keys:
    """Return the keys of a kind of event in a file, or without a kind all that there are."""
    if kind is None:
        return fields.Keys({"kind": FIELDS["kind"]}, {k: FIELDS[k] for k in FIELDS if k != "kind"})
    own = dataclasses.fields(KINDS[kind])
    must = ["kind", *(f.name for f in own if f.default is dataclasses.MISSING)]
    return fields.Keys(
        {name: FIELDS[name] for name in must},
        {f.name: FIELDS[f.name] for f in own if f.name not in must},
    )


def read_event(
    entry: object,
    where: str,
    window: Window | None = None,
    sums: Mapping[str, Sequence[str]] | None = None,
) -> Event:
    """Return an event as it stands in a file, checked, with its sums written out.

    Parameters
    ----------
    entry
        What stands in the file.
    where
        File and entry, for the error.
    window
        Its window, in which ``at`` must end; ``than_at`` may end before it.
    sums
        Members of the sums that the file names.

    Raises
    ------
    ClaimError
        If it is no event, its parameters do not go together, or it names a series twice once the
        sums are written out; saying what was got and what was wanted.
    """
    kind = entry.get("kind") if isinstance(entry, Mapping) else None
    if kind is not None and not FIELDS["kind"].fits(kind):
        raise ClaimError(
            f"{where}: got the event kind {fields.shown(kind)}; wanted {FIELDS['kind'].wanted}"
        )
    fields.check(entry, keys_of(kind), where)
    assert isinstance(entry, Mapping) and isinstance(kind, str)  # checked above
    given = {k: tuple(v) if isinstance(v, list) else v for k, v in entry.items() if k != "kind"}
    make: Callable[..., Event] = KINDS[kind]
    event = make(**given)
    check_event(event, where, window)
    event = expand_sums(event, sums or {})
    check_event(event, where, window)
    return event


def check_event(event: Event, where: str, window: Window | None = None) -> None:
    """Check an event's parameters, and how they go together.

    Parameters
    ----------
    event, where, window
        As in :func:`read_event`.

    Raises
    ------
    ClaimError
        Saying what was got and what was wanted.
    """
    fields.check(as_table(event), keys_of(event.kind), where)
    wrong = [*_contradictions(event), *(_outside(event, window) if window else ())]
    if wrong:
        raise ClaimError(f"{where}: {'; '.join(wrong)}")


def _contradictions(event: Event) -> list[str]:
    """Return what is wrong with parameters that are right one by one."""
    wrong = []
    if isinstance(event, SlopeBetween) and not event.low < event.high:
        wrong.append(f"got low {event.low} and high {event.high}, wanted low below high")
    if isinstance(event, Growth) and event.row is not None and event.how == "all":
        wrong.append("a growth event takes row with how = any; all periods are one row")
    together = isinstance(event, Ordering) and event.than_at in (None, event.at)
    parts = {key: sorted(listed(value)) for key, value in _named(event).items()}
    if "over" in parts and parts["over"] in (parts["series"], parts.get("than")):
        wrong.append(f"got one path as {' and '.join(parts)}: a path over itself is always 1")
    elif together and parts["than"] == parts["series"]:
        wrong.append("got one path as series and than: wanted another, or another period than_at")
    return wrong


def _named(event: Event) -> dict[str, Series]:
    """Return the parameters of an event that name a series, or several to add up."""
    named = {"series": event.series, "over": event.over}
    if isinstance(event, Ordering):
        named["than"] = event.than
    return {key: series for key, series in named.items() if series is not None}


def _outside(event: Event, window: Window) -> list[str]:
    """Return what is wrong with the periods that an event names."""
    wrong = []
    for key, first in (("at", window[0]), ("than_at", dt.date.min)):
        period = getattr(event, key, None)
        if period is not None and not first < (end := period_end(period)) <= window[1]:
            wrong.append(
                f"got {key} {period!r}, which ends on {end}, outside the window {window[0]} to "
                f"{window[1]}; wanted one that ends {'' if key == 'than_at' else 'after its start and '}"
                "by its end"
            )
    return wrong


def expand_sums(event: Event, sums: Mapping[str, Sequence[str]]) -> Event:
    """Return an event with "SUM/metric" written out as the series of the sum's members.

    Examples
    --------
    >>> expand_sums(PeakToTrough("ads/capex", fall=10), {"ads": ["GOOGL", "META"]}).series
    ('GOOGL/capex', 'META/capex')
    """

    def members(name: str) -> list[str]:
        entity, slash, metric = name.rpartition("/")
        return [f"{one}{slash}{metric}" for one in sums[entity]] if entity in sums else [name]

    expanded: dict[str, Any] = {}
    for key, series in _named(event).items():
        every = tuple(one for name in listed(series) for one in members(name))
        expanded[key] = every[0] if len(every) == 1 else every
    return dataclasses.replace(event, **expanded)


# --- of draws --------------------------------------------------------------------------------
def happens(draws: xr.Dataset, event: Event, window: Window) -> xr.DataArray:
    """Return in which draws an event happens.

    Parameters
    ----------
    draws
        Joint draws of one model, from :func:`forecast.inference.predict.forecast`.
    event
        One of the records of this module, such as :class:`Threshold`.
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
    check_event(event, "event", window)
    coords = {name: draws[name].values for name in SAMPLE}
    return single(xr.DataArray(event.hits(draws, window), coords, SAMPLE), "event")


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
