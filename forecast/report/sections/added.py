"""What models from outside this package show."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from forecast.models import registry
from forecast.report.section import Section

if TYPE_CHECKING:
    from forecast.report.record import Figure, Report


@dataclasses.dataclass(frozen=True)
class Added:
    """The figures of rooms that were added at run time."""

    figures: tuple[Figure, ...]


def build(report: Report) -> Added | None:
    """Return the figures that no other section names; None without such a model."""
    added = (name for name in report.specs if name not in registry.NAMES)
    keys = [figure.key for name in added for figure in registry.figures_of(name)]
    shown = tuple(report.figures[key] for key in keys if key in report.figures)
    return Added(shown) if shown else None


SECTION = Section("added", build, "What further models show")
