"""Every answered definition of every claim."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from forecast.evaluation.sensitivity import MOSTLY_DATA, MOSTLY_PRIOR
from forecast.report.section import Section

if TYPE_CHECKING:
    from forecast.claims.verdict import Verdict
    from forecast.report.record import Report


@dataclasses.dataclass(frozen=True)
class Judged:
    """The verdicts, and the factors of odds at which they rest on data or on the prior."""

    rows: tuple[Verdict, ...]
    data: float
    prior: float


def build(report: Report) -> Judged | None:
    """Return the verdicts with an answer; None where there is none."""
    rows = tuple(report.answered)
    if not rows:
        return None
    return Judged(rows, MOSTLY_DATA, MOSTLY_PRIOR)


SECTION = Section("judged", build, "Each judged definition")
