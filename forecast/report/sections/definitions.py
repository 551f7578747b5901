"""Every answered definition of the headline claims, with its error, baseline and evidence."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from forecast.report.section import Headline, Section, headlines

if TYPE_CHECKING:
    from forecast.report.record import Report


@dataclasses.dataclass(frozen=True)
class Definitions:
    """The headline claims that have an answer."""

    claims: tuple[Headline, ...]


def build(report: Report) -> Definitions | None:
    """Return the claims; None where no headline claim has an answer."""
    answered = tuple(one for one in headlines(report) if one.judged)
    return Definitions(answered) if answered else None


SECTION = Section("definitions", build, "Every definition")
