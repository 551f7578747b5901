"""The article's other predictions, a line each."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import TYPE_CHECKING

from forecast.claims.verdict import answer_text, answer_word
from forecast.core.text import percent
from forecast.report.section import Section

if TYPE_CHECKING:
    from collections.abc import Sequence

    from forecast.claims.records import Claim
    from forecast.claims.verdict import Verdict
    from forecast.report.record import Report


@dataclasses.dataclass(frozen=True)
class Line:
    """One claim and its answers together.

    Attributes
    ----------
    said
        What was said.
    number
        How many definitions that would bear it out have an answer.
    ours, words, naive
        The least and the greatest answer, as numbers and as words; the naive forecast's.
    opposite
        The same of definitions of the claim's opposite; empty where there is none.
    """

    said: str
    number: int
    ours: str
    words: str
    naive: str
    opposite: str


@dataclasses.dataclass(frozen=True)
class Overview:
    """The claims with an answer that are not on the first page."""

    lines: tuple[Line, ...]


def build(report: Report) -> Overview | None:
    """Return the lines; None where no other claim has an answer."""
    lines = tuple(_lines(report))
    return Overview(lines) if lines else None


def _lines(report: Report) -> Iterator[Line]:
    for claim in report.claims:
        if claim in report.headline:
            continue
        own = [v for v in report.answered if v.claim == claim.id]
        same = [v for v in own if v.polarity == "same"]
        if own:
            yield _line(report, claim, same, [v for v in own if v.polarity == "opposite"])


def _line(
    report: Report, claim: Claim, same: Sequence[Verdict], opposite: Sequence[Verdict]
) -> Line:
    naive = [report.naive.get((v.claim, v.definition)) for v in same]
    known = sorted(p for p in naive if p is not None)
    return Line(
        said=f"“{claim.quote}”" if claim.quote else claim.text,
        number=len(same),
        ours=_ends([answer_text(v) for v in _sorted(same)]),
        words=_ends([word for v in _sorted(same) if (word := answer_word(v).split(",")[0])]),
        naive=_ends([percent(p) for p in known]),
        opposite=_ends([answer_text(v) for v in _sorted(opposite)]) if opposite else "",
    )


def _sorted(verdicts: Sequence[Verdict]) -> list[Verdict]:
    return sorted(verdicts, key=lambda v: v.probability or 0.0)


def _ends(texts: Sequence[str]) -> str:
    """Return the first and the last of some texts; a dash for none."""
    return " to ".join(dict.fromkeys((texts[0], texts[-1]))) if texts else "–"


SECTION = Section("overview", build, "The article's other predictions", level=3)
