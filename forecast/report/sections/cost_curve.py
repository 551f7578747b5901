"""Whether spending still buys scores."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from forecast.report.section import Section

if TYPE_CHECKING:
    from forecast.report.record import Report


@dataclasses.dataclass(frozen=True)
class CostCurve:
    """How many scores the benchmark model was fitted to."""

    scores: int


def build(report: Report) -> CostCurve | None:
    """Return the number of scores; None where no curve was drawn."""
    if "cost_curve" not in report.figures:
        return None
    return CostCurve(report.observations.get("benchmark", 0))


SECTION = Section("cost_curve", build, "Does spending still buy scores", ("cost_curve", "open_lag"))
