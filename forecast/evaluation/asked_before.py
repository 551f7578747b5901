"""Definitions of claims, asked as they could have been asked on a past day.

A question of a past day is the definition with its window, and the periods that its event names, moved
by as many quarters as lie between the day of the claim and that day. Asked are definitions whose event
means the same at any time, a change, an order or a level of a ratio, of models whose series are reported
numbers; an amount of dollars is another question a few years before. One counts when its window has
closed and reports tell whether it happened.

Invariant: what happened is told by :func:`forecast.claims.outcomes.happened`, which decides open claims
too; ``tests/test_asked_before.py`` compares with sums of reports by hand.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Sequence
from typing import TYPE_CHECKING

from forecast.claims.events import (
    Event,
    FirstPassage,
    Ordering,
    Threshold,
    as_table,
    happens,
    periods_named,
)
from forecast.claims.outcomes import happened, of_reports, reports_of
from forecast.claims.probabilities import probability
from forecast.core.errors import ClaimError, DataError
from forecast.core.periods import (
    month_index,
    months_after,
    parse_date,
    quarter_index,
    quarter_name,
    quarter_of,
)
from forecast.models.panels import build_panel
from forecast.models.registry import reported_of
from forecast.tables.vintages import Table, as_of

if TYPE_CHECKING:
    import xarray as xr

    from forecast.claims.records import Claim, Definition


@dataclasses.dataclass(frozen=True, slots=True)
class Question:
    """A definition as it is asked on a past day.

    Attributes
    ----------
    claim, definition
        Ids of the claim and of the definition.
    event, window
        What is asked, and the two days within which it counts.
    happened
        Whether it came.
    """

    claim: str
    definition: str
    event: Event
    window: tuple[dt.date, dt.date]
    happened: bool

    def told(self, draws: xr.Dataset) -> float | None:
        """Return the probability by draws from the day, None where they cannot tell."""
        try:
            return probability(happens(draws, self.event, self.window))[0]
        except ClaimError:
            return None  # not a series of these draws yet, or too short a record before the window

    def record(self) -> list[object]:
        """Return it as plain values."""
        days = [day.isoformat() for day in self.window]
        return [self.claim, self.definition, as_table(self.event), days, self.happened]


def questions(
    model: str, claims: Sequence[Claim], table: Table, dates: Sequence[str]
) -> dict[str, tuple[Question, ...]]:
    """Return what could have been asked of a model on past days, and what came.

    Parameters
    ----------
    model
        Name of the model.
    claims
        The claims, whose definitions name their model.
    table
        A checked vintage table; its newest report is the last day that is known.
    dates
        The past days, ISO.

    Returns
    -------
    dict
        By day; empty tuples where nothing could be asked, or has come out yet.
    """
    source = reported_of(model)
    mine = [(c, d) for c in claims for d in c.definitions if d.model == model and _lasting(d)]
    found: dict[str, tuple[Question, ...]] = dict.fromkeys(dates, ())
    if source is None or not mine:
        return found
    today = parse_date(str(table["reported_on"].max()))
    rows = reports_of(table, source.metrics, today)
    try:
        reported = source.path(build_panel(as_of(rows, today), model, history=table), today)
    except DataError:
        return found  # nothing was reported of its series
    for day in found:
        asked = []
        for claim, definition in mine:
            moved = _moved(definition, claim.source_date, parse_date(day))
            if moved is None or moved[1][1] > today:
                continue
            came = happened(reported, *moved)
            if came is not None:
                asked.append(Question(claim.id, definition.id, *moved, came))
        found[day] = tuple(asked)
    return found


def _lasting(definition: Definition) -> bool:
    """Return whether a definition is decided by reports and asks the same at any time."""
    event = definition.event
    if not of_reports(definition) or definition.unscorable or not isinstance(event, Event):
        return False
    if isinstance(event, Ordering) and event.margin and event.over is None:
        return False
    return not isinstance(event, Threshold | FirstPassage) or event.over is not None


def _moved(
    definition: Definition, said: dt.date, day: dt.date
) -> tuple[Event, tuple[dt.date, dt.date]] | None:
    """Return a definition's event and window as of another day; None where they cannot move so."""
    event, window = definition.event, definition.window
    assert isinstance(event, Event) and window is not None  # of_reports
    quarters = quarter_index(quarter_of(day.isoformat())) - quarter_index(
        quarter_of(said.isoformat())
    )
    start, end = (months_after(one, 3 * quarters) for one in window)
    if window[0] <= said:  # it is about all that comes from the day on which it is said
        start = day
    if start >= end:
        return None
    try:
        names = {old: _period_after(old, quarters) for old in periods_named(event)}
    except DataError:
        return None
    if isinstance(event, Threshold) and event.at is not None:
        event = dataclasses.replace(event, at=names[event.at])
    if isinstance(event, Ordering):
        at, than_at = (None if p is None else names[p] for p in (event.at, event.than_at))
        event = dataclasses.replace(event, at=at, than_at=than_at)
    return event, (start, end)


def _period_after(period: str, quarters: int) -> str:
    """Return a period some quarters later.

    Raises
    ------
    DataError
        If it is a year and these are no whole years, or is no year, quarter or month.

    Examples
    --------
    >>> _period_after("2027Q4", -6), _period_after("2027", -8), _period_after("2027-02", 1)
    ('2026Q2', '2025', '2027-05')
    """
    if "Q" in period:
        return quarter_name(quarter_index(period) + quarters)
    if len(period) == 4 and quarters % 4 == 0:
        return str(int(period) + quarters // 4)
    if len(period) == 7:
        index = month_index(period) + 3 * quarters
        return f"{index // 12}-{index % 12 + 1:02d}"
    raise DataError(f"{period} cannot be moved by {quarters} quarters")
