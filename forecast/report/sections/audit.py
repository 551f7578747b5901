"""What does not add up in the article."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from forecast.report.section import Section

if TYPE_CHECKING:
    from forecast.claims.audit import Finding
    from forecast.report.record import Report


@dataclasses.dataclass(frozen=True)
class Audit:
    """The findings."""

    rows: tuple[Finding, ...]


def build(report: Report) -> Audit | None:
    """Return the findings; None where no fact was checked."""
    return Audit(tuple(report.findings)) if report.findings else None


SECTION = Section("audit", build, "What does not add up in the article")
