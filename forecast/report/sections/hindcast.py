"""What the same tools would have said in the telecom boom."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from forecast.models.hazard.panel import FALLS
from forecast.models.hazard.room import MODEL
from forecast.report.section import Section

if TYPE_CHECKING:
    from forecast.evaluation.hindcast import Hindcast
    from forecast.report.record import Report


@dataclasses.dataclass(frozen=True)
class Falls:
    """How many industries were expected to fall, by us and by the baseline, and how many did."""

    as_of: str
    what: str
    number: int
    expected: float
    naive: float
    fell: int


@dataclasses.dataclass(frozen=True)
class Telecom:
    """The hindcast.

    Attributes
    ----------
    spending
        What was said of capex.
    falls
        What was said of prices, by day and size of fall.
    empty
        Days on which no industry stood after a run-up.
    months
        Months asked about.
    fall
        Percent of the smallest fall.
    rests_on
        Which cells of low confidence it rests on.
    """

    spending: tuple[Hindcast, ...]
    falls: tuple[Falls, ...]
    empty: tuple[str, ...]
    months: int
    fall: int
    rests_on: str


def build(report: Report) -> Telecom | None:
    """Return the hindcast; None where none was made."""
    if not report.hindcasts:
        return None
    prices = [h for h in report.hindcasts if h.model == MODEL.name]
    days = {h.as_of for h in report.hindcasts} - {h.as_of for h in prices}
    return Telecom(
        spending=tuple(h for h in report.hindcasts if h.model != MODEL.name),
        falls=_falls(prices),
        empty=tuple(sorted(days)),
        months=report.page.months[-1],
        fall=FALLS[0],
        rests_on=report.hindcasts[0].rests_on,
    )


def _falls(prices: list[Hindcast]) -> tuple[Falls, ...]:
    rows = []
    for day, what in dict.fromkeys((h.as_of, h.what) for h in prices):
        own = [h for h in prices if (h.as_of, h.what) == (day, what)]
        rows.append(
            Falls(
                as_of=day,
                what=what,
                number=len(own),
                expected=sum(h.probability for h in own),
                naive=sum(h.naive or 0.0 for h in own),
                fell=sum(h.happened for h in own),
            )
        )
    return tuple(rows)


SECTION = Section("hindcast", build, "What the same tools would have said in the telecom boom")
