"""A card for each headline claim: its words and the ends of its answers."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from forecast.report.section import Headline, Section, headlines

if TYPE_CHECKING:
    from forecast.report.record import Report


@dataclasses.dataclass(frozen=True)
class Cards:
    """The headline claims that have an answer."""

    cards: tuple[Headline, ...]


def build(report: Report) -> Cards | None:
    """Return the cards; None where no headline claim has an answer."""
    cards = tuple(one for one in headlines(report) if one.judged)
    return Cards(cards) if cards else None


SECTION = Section("cards", build)
