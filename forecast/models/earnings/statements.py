"""What issuers said, for a reader: what it is about in the model's series, and why a forecast differs.

Invariant: nothing here decides a draw. A statement is compared with the sum of the very quarters it is
about, in the same joint draws, by the definition it was made in.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from forecast.core.errors import DataError
from forecast.core.periods import quarter_index, quarter_name
from forecast.core.words import entity_of, metric_of
from forecast.models.base import Step
from forecast.models.earnings.guidance import Guidance, Statement
from forecast.models.earnings.panel import earnings_panel

if TYPE_CHECKING:
    from forecast.models.base import Panel
    from forecast.tables.vintages import Known

type Key = tuple[str, str, str]
"""A statement's series, the metric spoken of, and its period: of each the newest counts."""

type Definitions = Mapping[tuple[str, str], tuple[str, float | None]]
"""By company and metric spoken of: the metric of the model's series, and that series over what was
spoken of; None where the two were never reported for one quarter."""


def definitions_of(known: Known) -> Definitions:
    """Return what the metrics that companies guide are in the series of the model.

    Parameters
    ----------
    known
        The result of :func:`forecast.tables.vintages.as_of`.

    Returns
    -------
    mapping
        Empty where no panel can be built.
    """
    try:
        said = earnings_panel(known).drawn
    except DataError:
        return {}
    statements = said.statements if isinstance(said, Guidance) else ()
    return {
        (entity_of(s.series), s.about): (
            metric_of(s.series),
            None if s.offset is None else float(np.exp(s.offset)),
        )
        for s in statements
    }


def said_text(one: Statement) -> str:
    """Return what was said in a few words, in USD bn.

    Examples
    --------
    >>> import dataclasses
    >>> one = Statement("META/capex", "capex", "2026", "2026Q1", 4, "range", 135, 125, 145, "2026-04-29",
    ...                 0.75, 0, 0.0)
    >>> said_text(one), said_text(dataclasses.replace(one, kind="at least", low=135, high=135))
    ('125 to 145', 'at least 135')
    """
    if one.low < one.high:
        return f"{one.low:,.6g} to {one.high:,.6g}"
    value = f"{one.value:,.6g}"
    return f"{one.kind} {value}" if one.kind in ("at least", "at most") else value


def said_of(one: Statement) -> str:
    """Return whose statement it is and what about, in a few words."""
    return f"{entity_of(one.series)} {one.about.replace('_', ' ')} guided for {span_text(one)}"


def span_text(one: Statement) -> str:
    """Return the period of a statement, a fiscal year by its first and last quarter."""
    if "/" not in one.period:
        return one.period
    first = quarter_index(one.first)
    last = quarter_name(first + one.quarters - 1)
    return one.first if one.quarters == 1 else f"{one.first}–{last}"


def open_said(panel: Panel, series: str) -> tuple[Statement, ...]:
    """Return what stands of a series about periods that are not wholly reported, one a period.

    Of several definitions of one period the newest statement is taken; what cannot be compared with the
    series is left out.
    """
    data, said = panel.data, panel.drawn
    own = data["series"].values.astype(str) == series
    reported = {quarter_index(q) for q in data["quarter"].values.astype(str)[own]}
    found: dict[tuple[int, int], Statement] = {}
    for one in said.statements if isinstance(said, Guidance) else ():
        span = quarter_index(one.first), one.quarters
        still = set(range(span[0], span[0] + span[1])) - reported
        if one.series == series and one.offset is not None and still and max(still) > max(reported):
            before = found.get(span)
            found[span] = one if before is None or one.said_on > before.said_on else before
    return tuple(found[span] for span in sorted(found))


def steps_between(before: object, after: object) -> tuple[Step, ...]:
    """Return what was said, revised or withdrawn between two days, a step each.

    Statements that stand as they did, but are worth something else by what has been reported since, are
    one step together.

    Parameters
    ----------
    before, after
        Records that panels of the model carry.
    """
    old, new = _by_key(before), _by_key(after)
    found, moved = [], dict[Key, Statement | None]()
    for key in [*new, *(key for key in old if key not in new)]:
        one, other = old.get(key), new.get(key)
        if one == other:
            continue
        if one is not None and other is not None and _same(one, other):
            moved[key] = other
            continue
        kind, label = _told(one, other)
        who = other or one
        assert who is not None
        taken = functools.partial(_with, {key: other})
        found.append(Step(kind, label, entity_of(who.series), who.said_on, taken))
    found.sort(key=lambda step: (step.day, step.entity))
    if moved:
        label = "earlier guidance, by what has been reported since"
        found.insert(0, Step("guidance", label, "", "", functools.partial(_with, moved)))
    return tuple(found)


def _told(one: Statement | None, other: Statement | None) -> tuple[str, str]:
    if one is None and other is not None:
        return "new guidance", f"{said_of(other)}: {said_text(other)}"
    if one is not None and other is None:
        return "withdrawn guidance", f"{said_of(one)}, was {said_text(one)}"
    assert one is not None
    assert other is not None
    return "revised guidance", f"{said_of(other)}: {said_text(one)} → {said_text(other)}"


def _same(one: Statement, other: Statement) -> bool:
    """Return whether two say the same on the same day, whatever they are worth."""
    return dataclasses.replace(other, share=one.share, wait=one.wait, offset=one.offset) == one


def _key(one: Statement) -> Key:
    return one.series, one.about, one.period


def _by_key(record: object) -> dict[Key, Statement]:
    return {_key(s): s for s in record.statements} if isinstance(record, Guidance) else {}


def _with(changed: Mapping[Key, Statement | None], record: object) -> Guidance:
    """Return what was said with some statements put in place, or taken out."""
    merged = {**_by_key(record), **changed}
    kept = [one for one in merged.values() if one is not None]
    order = sorted(
        kept, key=lambda s: (s.series, quarter_index(s.first), s.quarters, s.about, s.period)
    )
    return Guidance(tuple(order))
