"""How far each model is drawn: its own horizon, which moves with the date, or what is asked of it.

Invariant: draws to :func:`reach` hold every period that a window asks about or an event names, so that
nothing is judged on a part of its window. ``tests/test_horizon.py`` holds it for every day of two years.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import re
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from forecast.claims.events import Event, EventFunction, periods_named
from forecast.core.periods import (
    month_index,
    month_name,
    period_end,
    quarter_index,
    quarter_name,
    quarter_of,
)
from forecast.models.registry import get_model

if TYPE_CHECKING:
    from forecast.claims.comparisons import Nearest
    from forecast.claims.paths import Window
    from forecast.claims.records import Claim
    from forecast.claims.scenarios import Scenario


@dataclasses.dataclass(frozen=True)
class Question:
    """Something that is asked of a model's draws.

    Attributes
    ----------
    where
        What asks, for a reader.
    model
        The model that is asked.
    window
        Two days.
    periods
        Periods that the event names.
    """

    where: str
    model: str
    window: tuple[dt.date, dt.date]
    periods: tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class Reach:
    """The last period that a model is drawn to, and what asks for it; "" for its own horizon."""

    until: str
    asked_by: str = ""


def questions(
    claims: Sequence[Claim],
    scenarios: Sequence[Scenario] = (),
    comparisons: Sequence[Nearest] = (),
) -> tuple[Question, ...]:
    """Return all that claims, scenarios and comparisons ask of draws."""
    asked: list[tuple[str, str, Event | EventFunction | None, Window | None]] = [
        (f"claim {claim.id!r}, definition {d.id!r}", d.model, d.event, d.window)
        for claim in claims
        for d in claim.definitions
    ]
    asked += [
        (
            f"claim {claim.id!r}, definition {d.id!r}, given",
            d.model,
            d.given,
            d.given_window or d.window,
        )
        for claim in claims
        for d in claim.definitions
        if d.given_model in ("", d.model)  # another model's is not asked for: no draws are of both
    ]
    asked += [
        (f"scenario {s.id!r}", s.model, one.event, one.window)
        for s in scenarios
        for one in s.conditions
    ]
    asked += [
        (f"comparison {c.forecaster!r}", str(c.model), c.event, c.window) for c in comparisons
    ]
    return tuple(
        # Which periods a function names, written in a session, is not known.
        Question(where, model, window, periods_named(event) if isinstance(event, Event) else ())
        for where, model, event, window in asked
        if event is not None and window is not None
    )


_KINDS: Mapping[str, Callable[[str], tuple[str, str]]] = {
    # pattern of a period: of a day, the period it lies in and the one before
    r"\d{4}": lambda day: (day[:4], str(int(day[:4]) - 1)),
    r"\d{4}Q[1-4]": lambda day: (
        quarter_of(day),
        quarter_name(quarter_index(quarter_of(day)) - 1),
    ),
    r"\d{4}-\d{2}": lambda day: (day[:7], month_name(month_index(day) - 1)),
}


def reach(model: str, as_of: str, asked: Sequence[Question]) -> Reach:
    """Return how far a model must be drawn.

    Parameters
    ----------
    model
        Its name.
    as_of
        The day up to which reports are known, ISO.
    asked
        What is asked, of any model.

    Returns
    -------
    Reach
        The latest of the model's own horizon, the last period that ends within each window, and the
        periods that events name. Of a model that is told of one day it is the last day of a window
        that has closed, or else the date: it looks back at what it was asked about.
    """
    own = Reach(get_model(model).horizon(as_of))
    mine = [q for q in asked if q.model == model]
    pattern = next((p for p in _KINDS if re.fullmatch(p, own.until)), None)
    if pattern is None:
        closed = [Reach(q.window[1].isoformat(), q.where) for q in mine]
        return max((r for r in closed if r.until <= as_of), key=_end, default=own)
    found = [own]
    for q in mine:
        last = q.window[1]
        inside, before = _KINDS[pattern](last.isoformat())
        found.append(Reach(inside if period_end(inside) <= last else before, q.where))
        found += [Reach(p, q.where) for p in q.periods if re.fullmatch(pattern, p)]
    return max(found, key=_end)


def _end(one: Reach) -> dt.date:
    return period_end(one.until)
