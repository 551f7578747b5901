"""Where the article's own series may go."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from forecast.report.section import Section

if TYPE_CHECKING:
    from forecast.report.record import Report

FIGURES = ("series", "ratio")
BANDS = (50, 80, 95)
"""Percent of the draws within the bands of a fan."""


@dataclasses.dataclass(frozen=True)
class Series:
    """What must be said below the figures."""

    bands: tuple[int, ...]


def build(report: Report) -> Series | None:
    """Return the bands; None where no series was drawn."""
    return Series(BANDS) if any(key in report.figures for key in FIGURES) else None


SECTION = Section("series", build, "Where the article's series may go", FIGURES)
