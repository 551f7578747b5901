"""The sections of the memo, in the order in which they are printed: a new one is a name here."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from forecast.report.section import Section

NAMES = (
    "head",
    "first_page",
    "definitions",
    "two_models",
    "depths",
    "clocks",
    "reading",
    "others",
    "variations",
    "scenarios",
    "hindcast",
    "series",
    "earnings",
    "costs",
    "falls",
    "spending",
    "payback",
    "added",
    "judged",
    "cost_curve",
    "prior",
    "hold_out",
    "claims",
    "audit",
    "numbers",
    "again",
)
"""Each is a module of this package with a constant ``SECTION``, and a template next to it."""


def sections() -> tuple[Section, ...]:
    """Return the sections of the memo in order."""
    return tuple(importlib.import_module(f"{__name__}.{name}").SECTION for name in NAMES)
