"""Where reported spending may go, and why it differs from what companies have said."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from forecast.report.section import Section

if TYPE_CHECKING:
    from forecast.report.record import Report

FIGURES = (
    "earnings",
    "companies_capex",
    "companies_revenue",
    "cash_ratio",
    "report_calendar",
)


@dataclasses.dataclass(frozen=True)
class Earnings:
    """A sentence a company with guidance on a year still open, and one on the companies together."""

    sentences: tuple[str, ...]


def build(report: Report) -> Earnings | None:
    """Return the sentences; None where the first figure was not drawn."""
    if FIGURES[0] not in report.figures:
        return None
    return Earnings(tuple(one.sentence for one in report.guided))


SECTION = Section("earnings", build, "Where reported spending may go", FIGURES)
