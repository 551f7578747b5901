"""A correction distinguished from a crash, for the page's reference positions."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING

from forecast.models.hazard.panel import FALLS
from forecast.report.section import Section

if TYPE_CHECKING:
    from forecast.claims.variations import Depth
    from forecast.report.record import Report


@dataclasses.dataclass(frozen=True)
class Depths:
    """How deep prices may fall.

    Attributes
    ----------
    rows
        The deepest falls; those within the article's last month are `last`.
    likelier
        Of those, the entities by what is the more probable for them, a correction or a crash.
    fall, crash
        What the two are, percent.
    """

    rows: tuple[Depth, ...]
    last: tuple[Depth, ...]
    likelier: Mapping[str, tuple[str, ...]]
    fall: int
    crash: int


def build(report: Report) -> Depths | None:
    """Return the depths; None where the hazard model has none."""
    if not report.depths:
        return None
    last = tuple(d for d in report.depths if d.months == report.page.months[-1])
    likelier: dict[str, tuple[str, ...]] = {}
    for d in last:
        what = "a correction" if d.correction > d.crash else "a crash"
        likelier[what] = (*likelier.get(what, ()), d.entity)
    return Depths(tuple(report.depths), last, likelier, FALLS[0], FALLS[-1])


SECTION = Section("depths", build, "A correction or a crash", level=3)
