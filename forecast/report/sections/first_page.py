"""The page that is quoted: a few numbers that stand alone, and why they could be wrong."""

from __future__ import annotations

import collections
import dataclasses
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from forecast.core.text import capitalised, percent
from forecast.evaluation.hold_out import too_sure
from forecast.models.registry import get_model
from forecast.report.quoted import quoted
from forecast.report.section import Section

if TYPE_CHECKING:
    from forecast.report.quoted import Answered
    from forecast.report.record import Guided, Report

CAUGHT, MISSED = 0.25, 0.75
"""A hindcast that gave less to what came, or more to what did not, is told; our rough judgement."""


@dataclasses.dataclass(frozen=True)
class FirstPage:
    """What is quoted.

    Attributes
    ----------
    answered
        The headline claims that have an answer.
    doubts
        Why the numbers could be wrong, a sentence each.
    watched
        What would change them, a sentence each.
    """

    answered: tuple[Answered, ...]
    doubts: tuple[str, ...]
    watched: tuple[str, ...]


def build(report: Report) -> FirstPage | None:
    """Return what is quoted; None where no headline claim has an answer."""
    answered = quoted(report)
    if not answered:
        return None
    return FirstPage(answered, tuple(_doubts(report, answered)), tuple(_watched(report)))


def _watched(report: Report) -> Iterator[str]:
    """Give what would change the numbers that rest on reports, a sentence a definition."""
    if report.watched is not None and not report.watched:
        yield (
            "No single number that is reported next moves these answers by more than the noise of the "
            "draws."
        )
    for asked in dict.fromkeys(one.asked for one in report.watched or ()):
        own = [one for one in report.watched or () if one.asked == asked]
        yield (
            f"“{capitalised(asked)}”, now {percent(own[0].now)}. {'; '.join(one.brief for one in own)}: "
            "numbers that one of ten draws lies below, or above."
        )


def _doubts(report: Report, answered: Sequence[Answered]) -> Iterator[str]:
    """Give the reasons that the run itself knows, those that are about the quoted numbers first."""
    rows = [row for one in answered for row in one.rows]
    for row in rows:
        for twin in row.twins:
            yield (
                f"Two models answer “{row.headed}”. One says "
                f"{percent(row.verdict.probability, row.verdict.draws)} and goes by "
                f"{get_model(row.verdict.model).grounds}; the other "
                f"{percent(twin.probability, twin.draws)}, by {get_model(twin.model).grounds}."
            )
    yield from (one.brief for one in _told_guidance(report.guided))
    told = dict.fromkeys(v.model for row in rows for v in row.answers)
    sure = too_sure(report.foreseen)
    yield from (f"{capitalised(sure[name])} ({name})." for name in told if name in sure)
    yield from _misses(report)


def _told_guidance(guided: Sequence[Guided]) -> list[Guided]:
    """Return the forecast of all together beside what was said, and the company's that lies farthest."""
    alone = [one for one in guided if not one.together]
    farthest = max(alone, key=lambda one: abs(one.gap), default=None)
    told = [one for one in guided if one.together]
    return told if farthest is None else [*told, farthest]


def _misses(report: Report) -> Iterator[str]:
    """Give the worst that the same tools would have said before, if it was bad.

    Of those asked once on a day: among dozens of industries some are always missed.
    """
    asked = collections.Counter((h.as_of, h.what) for h in report.hindcasts)
    alone = [h for h in report.hindcasts if asked[h.as_of, h.what] == 1]
    missed = [h.probability < CAUGHT if h.happened else h.probability > MISSED for h in alone]
    far = [h for h, wrong in zip(alone, missed, strict=True) if wrong]
    worst = max(far, key=lambda h: abs(h.probability - h.happened), default=None)
    if worst is not None:
        yield (
            f"Asked of an earlier boom ({worst.subject}) as of {worst.as_of}, the same tools gave "
            f"{percent(worst.probability)} to “{worst.what}”. What came: {worst.came}."
        )


SECTION = Section("first_page", build, figures=("quoted", "annual"))
