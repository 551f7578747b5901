"""Every claim of the article, with what became of each of its definitions."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING

from forecast.claims.audit import VERDICTS
from forecast.core.text import percent
from forecast.evaluation.sensitivity import MOSTLY_DATA, MOSTLY_PRIOR
from forecast.report.section import Section

if TYPE_CHECKING:
    from forecast.claims.records import Claim
    from forecast.claims.verdict import Verdict
    from forecast.report.record import Report


@dataclasses.dataclass(frozen=True)
class Row:
    """One definition: its words, its verdict, and what became of it."""

    why: str
    verdict: Verdict
    status: str


@dataclasses.dataclass(frozen=True)
class Claims:
    """What is printed of every claim.

    Attributes
    ----------
    rows
        Each claim with its definitions.
    statuses
        The number of definitions by status.
    data, prior
        The factors of odds at which answers rest on data, or on the prior.
    """

    rows: tuple[tuple[Claim, tuple[Row, ...]], ...]
    statuses: Mapping[str, int]
    data: float
    prior: float


def build(report: Report) -> Claims:
    """Return every claim."""
    statuses = [v.status for v in report.verdicts]
    return Claims(
        tuple(
            (
                claim,
                tuple(
                    Row(report.definition(v).why, v, standing(report, v))
                    for v in report.verdicts
                    if v.claim == claim.id
                ),
            )
            for claim in report.claims
        ),
        {status: statuses.count(status) for status in dict.fromkeys(statuses)},
        MOSTLY_DATA,
        MOSTLY_PRIOR,
    )


def standing(report: Report, one: Verdict) -> str:
    """Return what became of a definition, and what is known of its outcome."""
    definition = report.definition(one)
    parts = [_standing(report, one)]
    if definition.already:
        parts.append("true already on the day of the claim")
    if definition.unscorable:
        parts.append(f"cannot be scored: {definition.unscorable}")
    if definition.resolution is not None:
        how = definition.resolution
        parts.append(f"by {how.on}: {how.series} ({how.publisher}), {how.rule}")
    return "; ".join(parts)


def _standing(report: Report, one: Verdict) -> str:
    """Return the status of a definition, its base rate, or the audit's worst finding."""
    if one.status == "checked":
        key = (one.claim, one.definition)
        own = [f.verdict for f in report.findings if (f.claim, f.definition) == key]
        return f"checked: {min(own, key=VERDICTS.index)}" if own else "checked"
    if one.status == "judgement":
        rate = report.definition(one).base_rate
        if rate is None:
            return "Not for this model"
        return (
            f"Not for this model; base rate {percent(rate.probability)} ({rate.events:g} in "
            f"{rate.exposure:g} {rate.unit}, asked about {rate.horizon:g}: {rate.how})"
        )
    return one.status


SECTION = Section("claims", build, "Every claim of the article")
