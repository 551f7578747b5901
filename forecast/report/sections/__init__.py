"""The sections of the memo, in the order in which they are printed: a new one is a name here.

The memo is what a reader prints: the first page, then each subject once. The annex is for looking things
up: every definition of every claim, how numbers move, priors, inputs. It stands in the page on a screen,
and in other formats on request.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from forecast.report.section import Section

MEMO = (
    "head",
    "first_page",
    "definitions",
    "overview",
    "two_models",
    "depths",
    "clocks",
    "reading",
    "series",
    "earnings",
    "spending",
    "falls",
    "payback",
    "costs",
    "cost_curve",
    "added",
    "others",
    "scenarios",
    "hindcast",
    "hold_out",
)
ANNEX = (
    "glossary",
    "claims",
    "strip",
    "variations",
    "conditional",
    "companies",
    "prior",
    "audit",
    "numbers",
    "again",
)
NAMES = (*MEMO, *ANNEX)
"""Each is a module of this package with a constant ``SECTION``, and a template next to it."""


def sections() -> tuple[Section, ...]:
    """Return the sections of the memo in order, those of the annex last."""
    return tuple(importlib.import_module(f"{__name__}.{name}").SECTION for name in NAMES)
