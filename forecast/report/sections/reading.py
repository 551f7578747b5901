"""What must be known to read the table of definitions."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from forecast.report.section import Section, headlines

if TYPE_CHECKING:
    from forecast.report.record import Report

CLOSE, FAR = 0.03, 0.10
"""Largest distance of the baseline at which it says the same, and much the same: about the
Monte-Carlo error of a difference, and the step between two words of the scale; our rough judgement."""


@dataclasses.dataclass(frozen=True)
class Reading:
    """The warnings.

    Attributes
    ----------
    observations
        Number of the article's observations that were fitted.
    reported
        Number of quarterly figures from companies' reports that were fitted.
    naive
        The baseline's probabilities of the headline claims' definitions.
    gap
        Their largest distance from ours.
    agrees
        How far the baseline agrees, in words.
    """

    observations: int
    reported: int
    naive: tuple[float, ...]
    gap: float
    agrees: str


def build(report: Report) -> Reading:
    """Return the warnings."""
    heads = headlines(report)
    gap = max((one.gap for one in heads), default=0.0)
    return Reading(
        observations=report.observations.get("market", 0),
        reported=report.observations.get("earnings", 0),
        naive=tuple(p for one in heads for p in one.naive),
        gap=gap,
        agrees=(
            "says the same"
            if gap < CLOSE
            else "says much the same"
            if gap < FAR
            else "says something else"
        ),
    )


SECTION = Section("reading", build, "How to read these numbers", level=3)
