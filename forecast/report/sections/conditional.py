"""Every definition under every condition."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from forecast.report.section import Section
from forecast.report.sections.scenarios import Row, all_rows

if TYPE_CHECKING:
    from forecast.report.record import Report


@dataclasses.dataclass(frozen=True)
class Conditional:
    """All conditional answers."""

    rows: tuple[Row, ...]


def build(report: Report) -> Conditional | None:
    """Return the answers; None where there is none."""
    rows = all_rows(report)
    return Conditional(rows) if rows else None


SECTION = Section("conditional", build, "Every conditional forecast")
