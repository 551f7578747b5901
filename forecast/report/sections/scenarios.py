"""What the answers become if something else comes true."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from forecast.claims.probabilities import ENOUGH
from forecast.report.section import Section

if TYPE_CHECKING:
    from forecast.claims.verdict import Verdict
    from forecast.report.record import Report


@dataclasses.dataclass(frozen=True)
class Row:
    """One definition in one scenario, and without it."""

    scenario: str
    why: str
    given: Verdict
    plain: Verdict


@dataclasses.dataclass(frozen=True)
class Scenarios:
    """The conditional answers, and how many effective draws they need."""

    rows: tuple[Row, ...]
    enough: float


def build(report: Report) -> Scenarios | None:
    """Return the conditional answers; None without a scenario."""
    if not report.scenarios:
        return None
    rows = tuple(
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
    return Scenarios(rows, ENOUGH)


SECTION = Section("scenarios", build, "If something else comes true: conditional forecasts")
