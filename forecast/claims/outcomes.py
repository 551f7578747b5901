"""What reported numbers have decided: definitions that came true, or can no longer.

Some models are of numbers that are reported (:class:`forecast.models.base.Reported`), so their
definitions need no draws once the numbers are there. :func:`decided` goes through the days on which
numbers were reported, in order, and asks each event of the one path that was known on that day (a panel
as of the day, with sums and ratios as in the draws). What was not reported is not there, and a total or
a sum without one of its parts is not either.

Invariant: an outcome holds whatever is still to come. ``yes`` is told of an event that some reported
periods bring about by themselves (a passage, a fall, growth in one period) or of which every number
is there; ``no`` of one of which every number is there, or which a reported period has broken (growth
in *all* periods). The first day counts: a number restated later takes nothing back. A number that was
withdrawn was none: it decides nothing on any day, and what it had decided is open again
(:func:`undone`).
``tests/test_decided.py`` checks each kind of event on reports of one quarter after another.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from forecast.claims.events import (
    Event,
    FirstPassage,
    Growth,
    Ordering,
    PeakToTrough,
    SlopeBetween,
    Threshold,
    happens,
)
from forecast.claims.verdict import Verdict, Verdicts
from forecast.core.draws import listed, path
from forecast.core.errors import ClaimError, DataError
from forecast.core.periods import period_days, period_end
from forecast.core.text import one_line
from forecast.core.words import PERIOD
from forecast.models import registry
from forecast.models.panels import build_panel
from forecast.tables.vintages import (
    Known,
    Table,
    as_if_none_were_withdrawn,
    as_of,
    report_name,
    standing,
    withdrawn_on,
)

if TYPE_CHECKING:
    from forecast.claims.paths import Series, Window
    from forecast.claims.records import Claim, Definition
    from forecast.models.base import Reported

logger = logging.getLogger(__name__)
NO_REPORT = ("at least", "at most", "projected")
"""Qualifiers of rows that decide nothing."""


@dataclasses.dataclass(frozen=True)
class Decision:
    """How a definition came out by reported numbers.

    Attributes
    ----------
    claim, definition
        The definition.
    outcome
        ``yes`` or ``no``.
    on
        The day on which the number was reported that decided it; of a ``no``, not before the
        window's end.
    source
        Which numbers, in words; it starts with "data:".
    """

    claim: Claim
    definition: Definition
    outcome: str
    on: dt.date
    source: str


def decided(
    definitions: Sequence[tuple[Claim, Definition]],
    table: Table,
    today: dt.date,
) -> tuple[Decision, ...]:
    """Return the definitions that reported numbers have decided.

    Parameters
    ----------
    definitions
        The definitions that are open; those of which no reported number can decide are passed over.
    table
        A checked vintage table, with all its vintages.
    today
        The last day that is known. A ``no`` waits for the day on which the window ends.

    Returns
    -------
    tuple of Decision
        In the order of `definitions`.
    """
    found: dict[tuple[str, str], Decision] = {}
    table = standing(table, today.isoformat())
    for model, source in _reporting().items():
        mine = [(c, d) for c, d in definitions if d.model == model and of_reports(d)]
        rows, trouble = reports_of(table, source.metrics, today), ""
        if not mine or rows.empty:
            continue
        until = max(d.window[1] for _, d in mine if d.window is not None)
        said = {claim.source_date for claim, _ in mine}
        reports = {dt.date.fromisoformat(day) for day in rows["reported_on"]}
        for day in sorted(d for d in said | reports if min(said) <= d <= today):
            try:
                reported = source.path(build_panel(as_of(rows, day), model), until)
            except DataError as error:
                trouble = f"{model}: what was reported by {day} decides nothing: {error}"
                continue
            trouble = ""
            for claim, definition in mine:
                key = (claim.id, definition.id)
                if key not in found and claim.source_date <= day:
                    one = _decision(claim, definition, reported, day)
                    if one is not None and one.on <= today:
                        found[key] = one
        if trouble:
            logger.warning(trouble)
    return tuple(found[c.id, d.id] for c, d in definitions if (c.id, d.id) in found)


@dataclasses.dataclass(frozen=True)
class Undone:
    """A definition of which an outcome was entered that followed from numbers withdrawn since."""

    claim: Claim
    definition: Definition
    source: str


def undone(
    entered: Sequence[tuple[Claim, Definition, str]], table: Table, today: dt.date
) -> tuple[Undone, ...]:
    """Return the definitions whose outcome rested on numbers that have been withdrawn.

    Parameters
    ----------
    entered
        Definitions with the outcome that was entered by reported numbers.
    table
        A checked vintage table, with all its vintages and withdrawals.
    today
        The last day that is known.

    Returns
    -------
    tuple of Undone
        Those that the table decides so if nothing was withdrawn, and not so as it stands. An outcome
        that the table never gave is not touched: it may have come from another one.
    """
    told = table[table["reported_on"] <= today.isoformat()]
    days = withdrawn_on(told)
    gone = told[days != ""]
    if gone.empty or not entered:
        return ()
    pairs = [(claim, definition) for claim, definition, _ in entered]
    was, now = (
        {(d.claim.id, d.definition.id): d.outcome for d in decided(pairs, rows, today)}
        for rows in (as_if_none_were_withdrawn(told), told)
    )
    reports = [f"{report_name(row)} on {days[k]}" for k, row in zip(
        gone.index, gone.to_dict("records"), strict=True)]  # fmt: skip
    return tuple(
        Undone(claim, definition, f"data: withdrawn since: {one_line(reports, 3)}")
        for claim, definition, outcome in entered
        if was.get((claim.id, definition.id)) == outcome != now.get((claim.id, definition.id))
    )


def _reporting() -> dict[str, Reported]:
    """Return the models whose series are reported numbers, with what has been reported of them."""
    found = {name: registry.reported_of(name) for name in registry.names()}
    return {name: one for name, one in found.items() if one is not None}


def reports_of(table: Table, metrics: Sequence[str], today: dt.date) -> Table:
    """Return the rows of some metrics that report a number, not a bound or a running period."""
    rows = table[table["metric"].isin(metrics) & ~table["qualifier"].isin(NO_REPORT)]
    over = [
        period_end(str(period)).isoformat() <= day <= today.isoformat()
        for period, day in zip(rows["period"], rows["reported_on"], strict=True)
    ]
    return rows[np.array(over, dtype=bool)].reset_index(drop=True)


def of_reports(definition: Definition) -> bool:
    """Return whether a definition is a windowed event of values as reported, without a condition."""
    event = definition.event
    if definition.given is not None:
        return False
    return definition.window is not None and isinstance(event, Event) and event.on == "y"


def _decision(
    claim: Claim, definition: Definition, reported: xr.Dataset, day: dt.date
) -> Decision | None:
    event, window = definition.event, definition.window
    assert isinstance(event, Event) and window is not None  # of_reports
    came = happened(reported, event, window)
    if came is None:
        return None
    source = f"data: {one_line(listed(event.series), 3)}, by what was reported up to {day}"
    on = day if came else max(day, window[1])
    return Decision(claim, definition, "yes" if came else "no", on, source)


def settled(
    verdicts: Verdicts, claims: Sequence[Claim], draws: Sequence[xr.Dataset], known: Known
) -> Verdicts:
    """Return verdicts in which what has come settles the definitions that nothing to come can change.

    Parameters
    ----------
    verdicts, claims
        What was judged, and the claims.
    draws
        The draws that it was judged by; what is on record of each series is their ``observed``.
    known
        What was known. A number that was told before its period had ended is no report: of its period
        nothing counts as on record.

    Returns
    -------
    Verdicts
        A settled definition has the status ``decided`` and the probability 0 or 1 without an error. One
        whose window is over, but of which not all is on record, says so: it is a forecast still.
    """
    by_model = {str(one.attrs["model"]): one for one in draws}
    definitions = {(c.id, d.id): d for c in claims for d in c.definitions}
    early = {model: _early(known, one.metrics) for model, one in _reporting().items()}
    return Verdicts(
        tuple(
            _settled(
                v, definitions[v.claim, v.definition], by_model[v.model], early.get(v.model, ())
            )
            if v.status == "judged"
            else v
            for v in verdicts
        )
    )


def _early(known: Known, metrics: Sequence[str]) -> tuple[dt.date, ...]:
    """Return the ends of the periods of which a number was told before they had ended."""
    rows = known.rows[known.rows["metric"].isin(metrics)]
    pairs = zip(rows["period"].astype(str), rows["reported_on"].astype(str), strict=True)
    return tuple({period_end(p) for p, day in pairs if period_end(p).isoformat() > day})


def _settled(
    verdict: Verdict, definition: Definition, draws: xr.Dataset, early: Sequence[dt.date]
) -> Verdict:
    event, window, day = definition.event, definition.window, str(draws.attrs["as_of"])
    if window is None or not isinstance(event, Event):
        return verdict
    came = None
    if of_reports(definition):
        whole = [not _within(early, str(p)) for p in draws[PERIOD].values]
        seen = draws["observed"].where(xr.DataArray(whole, dims=PERIOD))
        record = seen.expand_dims(chain=1, draw=1).to_dataset(name="y")
        came = happened(record.assign_attrs(draws.attrs), event, window)
    if came is None and window[1].isoformat() < day:
        said = "The window is over, but what came is not all on record: this is a forecast still. "
        return dataclasses.replace(verdict, text=verdict.text.replace(". ", f". {said}", 1))
    if came is None:
        return verdict
    over = window[1].isoformat() <= day
    word = "It came true" if came else "It did not come true" if over else "It cannot come true now"
    return dataclasses.replace(
        verdict,
        probability=float(came),
        mcse=0.0,
        status="decided",
        text=f"{word}, by what was on record on {day}. {definition.why}",
    )


def _within(days: Sequence[dt.date], period: str) -> bool:
    first, last = period_days(period)
    return any(first <= day <= last for day in days)


# --- events of a path that is not all there --------------------------------------------------
def happened(reported: xr.Dataset, event: Event, window: Window) -> bool | None:
    """Return whether an event has happened, or None if what is still to come decides.

    Parameters
    ----------
    reported
        As :class:`forecast.models.base.Reported` gives it, or the ``observed`` of draws.
    event, window
        As :func:`forecast.claims.events.happens` takes them.
    """
    try:
        ends = np.array([period_end(str(p)) for p in reported[PERIOD].values])
        inside = np.flatnonzero((ends > window[0]) & (ends <= window[1]))
        if not len(inside):
            return None
        told, whole = _told(reported, event, inside)
        if whole:
            return _happens(reported, event, window, inside[-1])
        if isinstance(event, Threshold | Ordering | SlopeBetween):
            return None
        # Any period that does it settles it; where all must, any that does not.
        settles = not (isinstance(event, Growth) and event.how == "all")
        row = (event.row or 1) if isinstance(event, Growth) else 1
        for run in _runs(inside[told]):
            if len(run) < row:
                continue
            start = max(window[0], ends[run[0] - 1]) if run[0] else window[0]
            if _happens(reported, event, (start, ends[run[-1]]), run[-1]) == settles:
                return settles
    except ClaimError:  # not a series of these reports, or not an event of this path
        return None
    return None


def _happens(reported: xr.Dataset, event: Event, window: Window, last: int) -> bool:
    return bool(happens(reported.isel({PERIOD: slice(0, int(last) + 1)}), event, window).item())


def _told(reported: xr.Dataset, event: Event, inside: np.ndarray) -> tuple[np.ndarray, bool]:
    """Return which periods of the window can be compared, and whether all that is needed is there."""
    periods = [str(p) for p in reported[PERIOD].values]

    def there(series: Series) -> np.ndarray:
        values = path(reported, series, event.over, "y", event.total)
        return np.isfinite(values.transpose(..., PERIOD).values.ravel())

    def at(known: np.ndarray, period: str | None) -> bool:
        return period in periods and bool(known[periods.index(period)])

    known = there(event.series)
    told, first = known[inside], int(inside[0])
    match event:
        case Threshold():
            return told, at(known, event.at)
        case Ordering():
            other = at(there(event.than), event.than_at or event.at)
            return told, at(known, event.at) and other
        case Growth():
            told = told & known[np.maximum(inside - event.lag, 0)] & (inside >= event.lag)
            return told, bool(told.all())
        case PeakToTrough() if event.peak_from == "record":
            first = min(int(np.argmax(known)), first)
        case SlopeBetween():
            first = max(first - 1, 0)
        case FirstPassage() | PeakToTrough():
            pass
    return told, bool(known[first : inside[-1] + 1].all())


def _runs(at: np.ndarray) -> list[np.ndarray]:
    """Return whole numbers in order as runs without a gap."""
    return [run for run in np.split(at, np.flatnonzero(np.diff(at) > 1) + 1) if len(run)]
