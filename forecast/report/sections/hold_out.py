"""Whether the last year would have been foreseen."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from forecast.report.section import Section

if TYPE_CHECKING:
    from forecast.evaluation.hold_out import HoldOut
    from forecast.report.record import Report

BAND = 80
"""Percent of the draws within the band that is printed."""


@dataclasses.dataclass(frozen=True)
class LastYear:
    """The series held out, on how many of them ours was better, and the percent of their band."""

    rows: tuple[HoldOut, ...]
    wins: int
    band: int


def build(report: Report) -> LastYear | None:
    """Return the hold-out; None where none was made."""
    rows = tuple(report.hold_outs)
    if not rows:
        return None
    return LastYear(rows, sum(h.crps < h.naive_crps for h in rows), BAND)


SECTION = Section("hold_out", build, "Would it have foreseen the last year")
