"""The vocabulary of definitions: what may happen to a path, as functions of joint draws.

An event is data (a table in the claims file), so an analyst adds one without code. A path is one
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

Invariant: :func:`happens` returns a boolean array with dims chain and draw, and no others.
``tests/test_events.py`` checks every kind against a hand-worked path.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr

from forecast.core import fields
from forecast.core.draws import change as change  # offered to an analyst beside the events
from forecast.core.draws import counted, listed
from forecast.core.draws import path as path
from forecast.core.draws import with_yearly as with_yearly
from forecast.core.errors import ClaimError, UndefinedError
from forecast.core.periods import next_end, period_days, period_end
from forecast.core.text import one_line
from forecast.core.words import AHEAD_ONLY, CHAIN, DRAW, PERIOD, SAMPLE, SERIES

OPS: Mapping[str, Callable[[Any, Any], Any]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
Window = tuple[dt.date, dt.date]


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


def _place(draws: xr.Dataset, period: str | None, window: Window) -> np.ndarray:
    """Return where a period stands in the draws: without a name, their only one.

    Raises
    ------
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
class _Path:
    """A path of an event, and what it is made of.

    Attributes
    ----------
    draws, event, key
        Where it is from; `key` names the parameter with its series.
    values
        Shape (chain, draw, period).
    """

    draws: xr.Dataset
    event: Mapping[str, Any]
    key: str
    values: np.ndarray

    @property
    def name(self) -> str:
        """How it is called in an error."""
        over = self.event.get("over")
        parts = [" + ".join(listed(part)) for part in (self.event[self.key], over) if part]
        return " over ".join(parts)

    @property
    def total(self) -> int:
        """Periods that are added up."""
        return int(self.event.get("total", 1))

    def own(self, period: int) -> xr.DataArray:
        """Return the values of its series that a period needs."""
        names = [*listed(self.event[self.key]), *listed(self.event.get("over"))]
        chosen = self.draws[self.event.get("on", "y")].sel({SERIES: names})
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
        names = np.array([*listed(self.event[self.key]), *listed(self.event.get("over"))])
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
        if "over" in self.event and np.isfinite(own).all():
            over = " + ".join(listed(self.event["over"]))
            return (
                f"its denominator {over} is not above zero, and there is no ratio to that; ask about "
                "the two apart, such as with an ordering"
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


def _path(draws: xr.Dataset, event: Mapping[str, Any], key: str = "series") -> _Path:
    values = path(draws, event[key], event.get("over"), event.get("on", "y"), event.get("total", 1))
    return _Path(draws, event, key, values.transpose(CHAIN, DRAW, PERIOD).values)


def _compare(event: Mapping[str, Any], left: Any, right: Any) -> np.ndarray:
    return np.asarray(OPS[event["op"]](left, right))


def _threshold(draws: xr.Dataset, event: Mapping[str, Any], window: Window) -> np.ndarray:
    values = _path(draws, event).numbers(_place(draws, event.get("at"), window))
    return _compare(event, values[:, :, 0], event["value"])


def _first_passage(draws: xr.Dataset, event: Mapping[str, Any], window: Window) -> np.ndarray:
    values = _path(draws, event).numbers(np.flatnonzero(in_window(draws, window)))
    return _compare(event, values, event["value"]).any(axis=2)


def _growth(draws: xr.Dataset, event: Mapping[str, Any], window: Window) -> np.ndarray:
    one, lag = _path(draws, event), counted(event.get("lag", 1), "lag", draws.sizes[PERIOD])
    inside = np.flatnonzero(in_window(draws, window))
    base = lag + one.total - 1
    if inside[0] < base:
        raise ClaimError(f"growth over {lag} period(s) needs {base} period(s) before the window")
    after, before = one.numbers(inside), one.numbers(inside - lag)
    if (before <= 0).any():
        raise one.undefined(
            before <= 0,
            inside - lag,
            "growth in percent is not defined from a base of zero or below",
            "ask for a difference with an ordering: than_at the base's period, and a margin",
        )
    hit = _compare(event, 100 * (after - before) / before, event["value"])  # 80 after 100: -20
    if "row" in event:
        row = counted(event["row"], "row", len(inside))
        runs = np.lib.stride_tricks.sliding_window_view(hit, row, axis=2)
        return runs.all(axis=3).any(axis=2)
    return hit.any(axis=2) if event.get("how", "any") == "any" else hit.all(axis=2)


def _peak_to_trough(draws: xr.Dataset, event: Mapping[str, Any], window: Window) -> np.ndarray:
    one = _path(draws, event)
    inside = np.flatnonzero(in_window(draws, window))
    # Before a series began there is no value, and no peak.
    first = min(one.began(), inside[0]) if event.get("peak_from") != "window" else inside[0]
    values = one.numbers(np.arange(first, inside[-1] + 1))
    peak = np.maximum.accumulate(values, axis=2)[:, :, inside - first]
    if (peak <= 0).any():
        raise one.undefined(
            peak <= 0,
            inside,
            "a fall in percent is not defined from a peak of zero or below",
            "ask for a level, with first_passage",
        )
    fall = 100 * (peak - values[:, :, inside - first]) / peak
    return (fall >= event["fall"]).any(axis=2)


def _ordering(draws: xr.Dataset, event: Mapping[str, Any], window: Window) -> np.ndarray:
    one, other, at = _path(draws, event), _path(draws, event, "than"), event.get("at")
    units = [str(p.own(0)["unit"].values[0]) for p in (one, other)]
    if units[0] != units[1]:
        raise ClaimError(
            f"cannot compare {one.name} with {other.name}: their units are {one_line(units)}"
        )
    left = one.numbers(_place(draws, at, window))
    right = other.numbers(_place(draws, event.get("than_at", at), window))
    return _compare(event, left[:, :, 0], right[:, :, 0] + event.get("margin", 0.0))


def _rope(draws: xr.Dataset, event: Mapping[str, Any], window: Window) -> np.ndarray:
    one = _path(draws, event)
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
    return (slope >= event["low"]) & (slope <= event["high"])


EVERY = frozenset({"on", "over", "total"})
KINDS: Mapping[str, tuple[Callable[..., np.ndarray], frozenset[str], frozenset[str]]] = {
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


def check_event(event: Any, where: str, window: Window | None = None) -> None:
    """Check an event's kind, its parameters, and how they go together.

    Parameters
    ----------
    event
        What stands in the file.
    where
        File and entry, for the error.
    window
        Its window, in which ``at`` must end; ``than_at`` may end before it.

    Raises
    ------
    ClaimError
        Saying what was got and what was wanted.
    """
    kind = event.get("kind") if isinstance(event, Mapping) else None
    if kind is not None and not FIELDS["kind"].fits(kind):
        raise ClaimError(
            f"{where}: got the event kind {fields.shown(kind)}; wanted {FIELDS['kind'].wanted}"
        )
    must, may = KINDS[kind][1:] if kind else (frozenset(), frozenset(FIELDS) - {"kind"})
    of = fields.Keys({k: FIELDS[k] for k in ("kind", *must)}, {k: FIELDS[k] for k in may})
    fields.check(event, of, where)
    wrong = [*_contradictions(event), *(_outside(event, window) if window else ())]
    if wrong:
        raise ClaimError(f"{where}: {'; '.join(wrong)}")


def _contradictions(event: Mapping[str, Any]) -> list[str]:
    """Return what is wrong with parameters that are right one by one."""
    wrong = []
    if event["kind"] == "rope" and not event["low"] < event["high"]:
        wrong.append(f"got low {event['low']} and high {event['high']}, wanted low below high")
    if "row" in event and event.get("how") == "all":
        wrong.append("a growth event takes row with how = any; all periods are one row")
    parts = {key: sorted(listed(event[key])) for key in NAMES if key in event}
    if "over" in parts and parts["over"] in (parts["series"], parts.get("than")):
        wrong.append(f"got one path as {' and '.join(parts)}: a path over itself is always 1")
    elif parts.get("than") == parts["series"] and event.get("than_at") in (None, event.get("at")):
        wrong.append("got one path as series and than: wanted another, or another period than_at")
    return wrong


def _outside(event: Mapping[str, Any], window: Window) -> list[str]:
    """Return what is wrong with the periods that an event names."""
    wrong = []
    for key, first in (("at", window[0]), ("than_at", dt.date.min)):
        if key in event and not first < (end := period_end(event[key])) <= window[1]:
            wrong.append(
                f"got {key} {event[key]!r}, which ends on {end}, outside the window {window[0]} to "
                f"{window[1]}; wanted one that ends {'' if key == 'than_at' else 'after its start and '}"
                "by its end"
            )
    return wrong


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


def read_event(
    entry: Any, where: str, window: Window, sums: Mapping[str, Sequence[str]] | None = None
) -> dict[str, Any]:
    """Return an event as it stands in a file, checked, with its sums written out.

    Parameters
    ----------
    entry, where, window
        As in :func:`check_event`.
    sums
        Members of the sums that the file names.

    Raises
    ------
    ClaimError
        If it is no event, or names a series twice once the sums are written out.
    """
    check_event(entry, where, window)
    event = expand_sums(entry, sums or {})
    check_event(event, where, window)
    return event


def happens(draws: xr.Dataset, event: Mapping[str, Any], window: Window) -> xr.DataArray:
    """Return in which draws an event happens.

    Parameters
    ----------
    draws
        Joint draws of one model, from :func:`forecast.inference.predict.forecast`.
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
    check_event(event, "event", window)
    hit = KINDS[event["kind"]][0](draws, event, window)
    coords = {name: draws[name].values for name in SAMPLE}
    return single(xr.DataArray(hit, coords, SAMPLE), "event")


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
