"""How far the answers rest on the priors."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from forecast.report.section import Section

if TYPE_CHECKING:
    from forecast.evaluation.misfit import Misfit
    from forecast.evaluation.sensitivity import Sensitivity
    from forecast.report.record import Report

FIGURES = ("prior_posterior", "sensitivity")


@dataclasses.dataclass(frozen=True)
class Prior:
    """Each answer's derivatives and refits, the other prior sets by name, and misfits by model."""

    rows: tuple[Sensitivity, ...]
    variants: tuple[str, ...]
    misfits: tuple[tuple[str, Misfit], ...]


def build(report: Report) -> Prior | None:
    """Return the sensitivities; None where there is neither one nor a figure."""
    rows = tuple(report.sensitivities.values())
    far = tuple((name, one) for name, found in report.misfits.items() for one in found)
    if not rows and not far and not any(key in report.figures for key in FIGURES):
        return None
    return Prior(rows, tuple(dict.fromkeys(name for s in rows for name in s.variants)), far)


SECTION = Section("prior", build, "How much of this is prior", FIGURES)
