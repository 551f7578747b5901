"""What the answers of the first page, and those that move most, become if something else comes true."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING

from forecast.claims.probabilities import ENOUGH
from forecast.report.quoted import quoted
from forecast.report.section import Section

if TYPE_CHECKING:
    from forecast.claims.verdict import Verdict
    from forecast.report.record import Report

SHOWN = 3
"""Definitions of a scenario that are shown where the first page has fewer; the annex has all."""


@dataclasses.dataclass(frozen=True)
class Row:
    """One definition in one scenario, and without it."""

    scenario: str
    why: str
    given: Verdict
    plain: Verdict

    @property
    def moved(self) -> float:
        """How far the condition moves the probability."""
        return abs((self.given.probability or 0.0) - (self.plain.probability or 0.0))


@dataclasses.dataclass(frozen=True)
class Scenarios:
    """The conditional answers, and how many effective draws they need."""

    rows: tuple[Row, ...]
    enough: float


def build(report: Report) -> Scenarios | None:
    """Return the conditional answers that are shown; None without a scenario."""
    if not report.scenarios:
        return None
    first = {(v.claim, v.definition) for a in quoted(report) for q in a.rows for v in q.answers}
    by_scenario = itertools.groupby(all_rows(report), key=lambda row: row.scenario)
    rows = tuple(row for _, own in by_scenario for row in _shown(list(own), first))
    return Scenarios(rows, ENOUGH)


def _shown(rows: Sequence[Row], first: set[tuple[str, str]]) -> list[Row]:
    """Return those of the first page, filled up with those that move most, in their order."""
    asked = [row for row in rows if (row.plain.claim, row.plain.definition) in first]
    others = sorted((row for row in rows if row not in asked), key=lambda row: -row.moved)
    chosen = [*asked, *others[: max(SHOWN - len(asked), 0)]]
    return [row for row in rows if row in chosen]


def all_rows(report: Report) -> tuple[Row, ...]:
    """Return every definition that has an answer under a condition."""
    return tuple(
        Row(
            one.scenario.id,
            report.definition(given).why,
            given,
            report.verdicts.of(given.claim, given.definition),
        )
        for one in report.scenarios
        for given in one.verdicts or ()
        if given.probability is not None
    )


SECTION = Section("scenarios", build, "If something else comes true: conditional forecasts")
