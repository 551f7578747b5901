"""What models from outside this package show, which no other section names."""

from __future__ import annotations

from forecast.models import registry
from forecast.report.record import Report
from forecast.report.section import Section, Shown


def figures() -> tuple[str, ...]:
    """Return the keys of the figures of added models."""
    added = (name for name in registry.names() if name not in registry.NAMES)
    return tuple(figure.key for name in added for figure in registry.figures_of(name))


def build(report: Report) -> Shown | None:
    """Return that there is something to show; None where none of them was drawn."""
    return Shown() if any(key in report.figures for key in figures()) else None


SECTION = Section(
    "further", build, "What further models show", figures=figures, template="figures.md.j2"
)
