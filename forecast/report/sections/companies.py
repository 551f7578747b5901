"""What else the companies report, when they report next, and forecasts beside what they have said."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from forecast.report.section import Section

if TYPE_CHECKING:
    from forecast.report.record import Report

FIGURES = ("companies_revenue", "cash_ratio", "report_calendar")


@dataclasses.dataclass(frozen=True)
class Companies:
    """A sentence a company with guidance on a year still open, and one on the companies together."""

    sentences: tuple[str, ...]


def build(report: Report) -> Companies | None:
    """Return the sentences; None where there is neither one nor a figure."""
    sentences = tuple(one.sentence for one in report.guided)
    there = sentences or any(key in report.figures for key in FIGURES)
    return Companies(sentences) if there else None


SECTION = Section("companies", build, "What else the companies report and have said", FIGURES)
