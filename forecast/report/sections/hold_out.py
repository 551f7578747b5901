"""Whether each model would have foreseen its newest figures."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from forecast.evaluation.hold_out import FEWEST, JUDGED, SHARES, TOO_SURE, too_sure
from forecast.report.section import Section

if TYPE_CHECKING:
    from forecast.evaluation.hold_out import Foreseen
    from forecast.report.record import Report

NONE = "–"


@dataclasses.dataclass(frozen=True)
class Row:
    """What was held out of one model, and how well it was foretold, as text.

    Attributes
    ----------
    model, what
        Whose figures, and which, with the days from which they were foretold.
    number
        How many.
    inside
        For each band the share that it held, or the count where they are too few.
    pit
        Mean PIT.
    ours, naive
        Mean score, and the baseline's of the same numbers.
    measure
        Which score, in what unit.
    says
        The grade, or why there is none.
    """

    model: str
    what: str
    number: int
    inside: tuple[str, ...]
    pit: str
    ours: str
    naive: str
    measure: str
    says: str


@dataclasses.dataclass(frozen=True)
class Newest:
    """The rows, the models of which nothing could be foretold with the reason, and the rules.

    Attributes
    ----------
    rows, reasons
        One a kind of number, and model and reason of each other model.
    shares
        Percent of the bands.
    judged, least
        The band by which a model is judged, and the percent of the numbers that it must hold.
    fewest
        With fewer numbers nothing is graded.
    """

    rows: tuple[Row, ...]
    reasons: tuple[tuple[str, str], ...]
    shares: tuple[int, ...]
    judged: int
    least: int
    fewest: int


def build(report: Report) -> Newest | None:
    """Return what was foreseen; None where no model was asked."""
    if not report.foreseen:
        return None
    said = too_sure(report.foreseen)
    return Newest(
        rows=tuple(_row(one, said) for one in report.foreseen if one.numbers),
        reasons=tuple((one.model, one.reason) for one in report.foreseen if not one.numbers),
        shares=SHARES,
        judged=JUDGED,
        least=round(100 * TOO_SURE),
        fewest=FEWEST,
    )


def _row(one: Foreseen, said: dict[str, str]) -> Row:
    count = len(one.numbers)
    days = one.days if len(one.days) < 3 else (one.days[0], "…", one.days[-1])
    return Row(
        model=one.model,
        what=f"{one.what}, as of {', '.join(days)}",
        number=count,
        inside=tuple(_held(one, share) for share in SHARES),
        pit=NONE if one.pit is None else f"{one.pit:.2f}",
        ours=_score(one.score),
        naive=_score(one.naive),
        measure="Brier" if one.event else f"CRPS, {one.unit}",
        says=_says(one, said),
    )


def _held(one: Foreseen, share: int) -> str:
    if one.event:
        return NONE
    held, count = one.held(share), len(one.numbers)
    return f"{100 * held / count:.0f} %" if one.graded else f"{held} of {count}"


def _score(value: float | None) -> str:
    return NONE if value is None else f"{value:.3g}"


def _says(one: Foreseen, said: dict[str, str]) -> str:
    if one.event:
        return "no bands"
    if one.model in said:
        return "too sure"
    return "bands held" if one.graded else "too few to grade"


SECTION = Section("hold_out", build, "Did it foresee the newest figures?")
