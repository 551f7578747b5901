"""The words of the memo that not every reader uses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from forecast.report.section import Section, Shown

if TYPE_CHECKING:
    from forecast.report.record import Report


def build(report: Report) -> Shown:
    """Return nothing: the words stand in the template."""
    return Shown()


SECTION = Section("glossary", build, "Words")
