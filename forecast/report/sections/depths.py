"""A correction distinguished from a crash, for the page's reference positions."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from forecast.models.hazard.panel import FALLS
from forecast.report.section import Section

if TYPE_CHECKING:
    from forecast.claims.variations import Depth
    from forecast.report.record import Report


@dataclasses.dataclass(frozen=True)
class Depths:
    """The deepest falls, those within the article's last month, and what a fall and a crash are."""

    rows: tuple[Depth, ...]
    last: tuple[Depth, ...]
    fall: int
    crash: int


def build(report: Report) -> Depths | None:
    """Return the depths; None where the hazard model has none."""
    if not report.depths:
        return None
    last = tuple(d for d in report.depths if d.months == report.page.months[-1])
    return Depths(tuple(report.depths), last, FALLS[0], FALLS[-1])


SECTION = Section("depths", build, "A correction or a crash", level=3)
