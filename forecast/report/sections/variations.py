"""How the answers move with threshold, window and prior set."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from forecast.report.section import Moves, Section, moves

if TYPE_CHECKING:
    from forecast.report.record import Report

SETS = ("default", "sceptical", "generous")
"""Prior sets that are shown, in order; every model has them."""


@dataclasses.dataclass(frozen=True)
class Variations:
    """The moves.

    Attributes
    ----------
    days
        The days at which windows end, in order.
    months
        First and last month of the window that is asked about alone.
    rows
        One for each answered definition of the headline claims.
    sets
        The prior sets.
    """

    days: tuple[str, ...]
    months: tuple[int, int]
    rows: tuple[Moves, ...]
    sets: tuple[str, ...]


def build(report: Report) -> Variations | None:
    """Return the moves; None where nothing was varied."""
    rows = moves(report) if report.variations else ()
    if not rows:
        return None
    days = sorted({v.setting for v in report.variations if v.what == "window end"})
    last, end = report.page.months[-2:]
    return Variations(tuple(days), (last, end), rows, SETS)


SECTION = Section("variations", build, "How the answer moves")
