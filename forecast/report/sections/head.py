"""The finding, what the memo was made from, and whether it is a draft."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from forecast.report.quoted import finding
from forecast.report.section import Section

if TYPE_CHECKING:
    from forecast.report.record import Report


@dataclasses.dataclass(frozen=True)
class Head:
    """The first lines.

    Attributes
    ----------
    title
        The finding, or the page's own title.
    coming
        Who reports next and when; empty where no company's reports are followed.
    """

    title: str
    coming: str


def build(report: Report) -> Head:
    """Return the first lines; they are always printed."""
    return Head(finding(report), report.coming)


SECTION = Section("head", build)
