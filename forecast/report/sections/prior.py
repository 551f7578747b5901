"""How far the answers rest on the priors."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from forecast.report.section import Section

if TYPE_CHECKING:
    from forecast.evaluation.sensitivity import Sensitivity
    from forecast.report.record import Report

FIGURES = ("prior_posterior", "sensitivity")


@dataclasses.dataclass(frozen=True)
class Prior:
    """Each answer's derivatives and refits, and the other prior sets by name."""

    rows: tuple[Sensitivity, ...]
    variants: tuple[str, ...]


def build(report: Report) -> Prior | None:
    """Return the sensitivities; None where there is neither one nor a figure."""
    rows = tuple(report.sensitivities.values())
    if not rows and not any(key in report.figures for key in FIGURES):
        return None
    return Prior(rows, tuple(dict.fromkeys(name for s in rows for name in s.variants)))


SECTION = Section("prior", build, "How much of this is prior", FIGURES)
