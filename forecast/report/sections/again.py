"""What the memo can be made from again."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from forecast.claims.verdict import ICD_203
from forecast.report.section import Section

if TYPE_CHECKING:
    from forecast.report.record import Report


@dataclasses.dataclass(frozen=True)
class Again:
    """The seconds that the run took, and the scale of words."""

    seconds: float
    scale_name: str
    scale: tuple[tuple[float, str, str], ...]


def build(report: Report) -> Again:
    """Return them."""
    scale_name = "Intelligence Community Directive 203"
    return Again(sum(report.seconds.values()), scale_name, ICD_203)


SECTION = Section("again", build, "To make this memo again")
