"""What others published, alongside ours, and whether famous warnings told anything."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from forecast.report.section import Headline, Section, headlines

if TYPE_CHECKING:
    from forecast.report.record import Report


@dataclasses.dataclass(frozen=True)
class Others:
    """The headline claims whose words imply a probability; the rest stands in the results."""

    implied: tuple[Headline, ...]


def build(report: Report) -> Others | None:
    """Return the claims that others can be compared with; None where nobody has said a number."""
    implied = tuple(one for one in headlines(report) if one.claim.implied)
    return Others(implied) if implied or report.others else None


SECTION = Section("others", build, "What others say", ("others",))
