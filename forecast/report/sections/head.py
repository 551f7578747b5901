"""The title, what the memo was made from, and whether it is a draft."""

from __future__ import annotations

from typing import TYPE_CHECKING

from forecast.report.section import Section, Shown

if TYPE_CHECKING:
    from forecast.report.record import Report


def build(report: Report) -> Shown:
    """Return that it is always printed."""
    del report
    return Shown()


SECTION = Section("head", build)
