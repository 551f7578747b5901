"""The title, what the memo was made from, and whether it is a draft."""

from __future__ import annotations

from forecast.report.record import Report
from forecast.report.section import Section, Shown


def build(report: Report) -> Shown:
    """Return that it is always printed."""
    del report
    return Shown()


SECTION = Section("head", build)
