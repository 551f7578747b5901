"""What issuers said, for a reader: what it is about in the model's series, and why a forecast differs.

Invariant: nothing here decides a draw. A statement is compared with the sum of the very quarters it is
about, in the same joint draws, by the definition it was made in.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from forecast.core.periods import quarter_index, quarter_name
from forecast.core.text import significant
from forecast.core.words import entity_of, metric_of
from forecast.models.base import Step
from forecast.models.earnings.guidance import Guidance, Statement
from forecast.tables.names import called

if TYPE_CHECKING:
    from forecast.models.base import Panel

YEAR = 4
"""Quarters of a year."""

type Key = tuple[str, str, str]
"""A statement's series, the metric spoken of, and its period: of each the newest counts."""


def said_text(one: Statement) -> str:
    """Return what was said in a few words, in USD bn.

    Examples
    --------
    >>> import dataclasses
    >>> one = Statement("META/capex", "capex", "2026", "2026Q1", 4, "range", 135, 125, 145, "2026-04-29",
    ...                 0.75, 0, 0.0)
    >>> said_text(one), said_text(dataclasses.replace(one, kind="at least", low=135, high=135))
    ('125 to 145', 'at least 135')
    """
    if one.low < one.high:
        return f"{one.low:,.6g} to {one.high:,.6g}"
    value = f"{one.value:,.6g}"
    return f"{one.kind} {value}" if one.kind in ("at least", "at most") else value


def said_of(one: Statement) -> str:
    """Return whose statement it is and what about, in a few words."""
    return f"{entity_of(one.series)} {one.about.replace('_', ' ')} guided for {span_text(one)}"


def span_text(one: Statement) -> str:
    """Return the period of a statement, a fiscal year by its first and last quarter."""
    if "/" not in one.period:
        return one.period
    first = quarter_index(one.first)
    last = quarter_name(first + one.quarters - 1)
    return one.first if one.quarters == 1 else f"{one.first}–{last}"


def open_said(panel: Panel, series: str) -> tuple[Statement, ...]:
    """Return what stands of a series about periods that are not wholly reported, one a period.

    Of several definitions of one period the newest statement is taken; what cannot be compared with the
    series is left out.
    """
    data, said = panel.data, panel.drawn
    own = data["series"].values.astype(str) == series
    reported = {quarter_index(q) for q in data["quarter"].values.astype(str)[own]}
    found: dict[tuple[int, int], Statement] = {}
    for one in said.statements if isinstance(said, Guidance) else ():
        span = quarter_index(one.first), one.quarters
        still = set(range(span[0], span[0] + span[1])) - reported
        if one.series == series and one.offset is not None and still and max(still) > max(reported):
            before = found.get(span)
            found[span] = one if before is None or one.said_on > before.said_on else before
    return tuple(found[span] for span in sorted(found))


def steps_between(before: object, after: object) -> tuple[Step, ...]:
    """Return what was said, revised or withdrawn between two days, a step each.

    Statements that stand as they did, but are worth something else by what has been reported since, are
    one step together.

    Parameters
    ----------
    before, after
        Records that panels of the model carry.
    """
    old, new = _by_key(before), _by_key(after)
    found, moved = [], dict[Key, Statement | None]()
    for key in [*new, *(key for key in old if key not in new)]:
        one, other = old.get(key), new.get(key)
        if one == other:
            continue
        if one is not None and other is not None and _same(one, other):
            moved[key] = other
            continue
        kind, label = _told(one, other)
        who = other or one
        assert who is not None
        taken = functools.partial(_with, {key: other})
        found.append(Step(kind, label, entity_of(who.series), who.said_on, taken))
    found.sort(key=lambda step: (step.day, step.entity))
    if moved:
        label = "earlier guidance, by what has been reported since"
        found.insert(0, Step("guidance", label, "", "", functools.partial(_with, moved)))
    return tuple(found)


def _told(one: Statement | None, other: Statement | None) -> tuple[str, str]:
    if one is None and other is not None:
        return "new guidance", f"{said_of(other)}: {said_text(other)}"
    if one is not None and other is None:
        return "withdrawn guidance", f"{said_of(one)}, was {said_text(one)}"
    assert one is not None
    assert other is not None
    return "revised guidance", f"{said_of(other)}: {said_text(one)} → {said_text(other)}"


def _same(one: Statement, other: Statement) -> bool:
    """Return whether two say the same on the same day, whatever they are worth."""
    return dataclasses.replace(other, share=one.share, wait=one.wait, offset=one.offset) == one


def _key(one: Statement) -> Key:
    return one.series, one.about, one.period


def _by_key(record: object) -> dict[Key, Statement]:
    return {_key(s): s for s in record.statements} if isinstance(record, Guidance) else {}


def _with(changed: Mapping[Key, Statement | None], record: object) -> Guidance:
    """Return what was said with some statements put in place, or taken out."""
    merged = {**_by_key(record), **changed}
    kept = [one for one in merged.values() if one is not None]
    order = sorted(
        kept, key=lambda s: (s.series, quarter_index(s.first), s.quarters, s.about, s.period)
    )
    return Guidance(tuple(order))


# --- why a forecast differs from what was said ---------------------------------------------------
@dataclasses.dataclass(frozen=True)
class Against:
    """A forecast beside what was said of the same sum, by the definition of whoever said it.

    Attributes
    ----------
    name, about, period
        Whose, as a reader calls it, of which metric, and the period in words.
    kind
        Of the statement; ``range`` of several together.
    said_low, said, said_high
        What was said, USD bn.
    said_on
        ISO; of several the newest.
    median, low, high
        Of the forecast of that sum, with the ends of its 80 % interval.
    pace
        What the sum would be if each quarter still to come were as the last reported.
    past
        How far sums that were reported since lay from the last statement on each, as a share of it.
    together
        Whether it is of several companies.
    """

    name: str
    about: str
    period: str
    kind: str
    said_low: float
    said: float
    said_high: float
    said_on: str
    median: float
    low: float
    high: float
    pace: float
    past: tuple[float, ...]
    together: bool = False

    @property
    def gap(self) -> float:
        """How far the median lies above what was said, as a share of it."""
        return self.median / self.said - 1

    @property
    def place(self) -> str:
        """Where the forecast lies beside what was said, which is told with its day."""
        side = "above" if self.gap > 0 else "below"
        level = {"at least": "floor", "at most": "ceiling"}.get(self.kind, "guidance")
        said = (
            f"{self.said_low:,.4g} to {self.said_high:,.4g}"
            if self.said_low < self.said_high
            else f"{self.said:,.4g}"
        )
        size = abs(100 * self.gap)
        place = f"at the {level}" if size < 0.5 else f"{size:.0f} % {side} the {level}"
        return f"{place} of {said} ({self.said_on})"

    @property
    def brief(self) -> str:
        """Where the forecast lies beside what was said, and why, in a sentence for a first page."""
        why = "no earlier statement tells how far to trust it"
        if self.past:
            percent = round(100 * float(np.median(self.past)))
            side = (
                f"{abs(percent)} % {'above' if percent > 0 else 'below'}"
                if percent
                else "level with"
            )
            why = f"before, it came out {side} what had been said (median of {len(self.past)})"
        return (
            f"{self.name}: our median for {self.about} of {self.period} is "
            f"{significant(self.median, 3)} USD bn, {self.place}; {why}."
        )

    @property
    def sentence(self) -> str:
        """Where the forecast lies, what was said, and what speaks for the difference."""
        record = "there is no record of earlier statements"
        if self.past:
            shares = sorted(100 * e for e in self.past)
            spread = f", {shares[0]:+.0f} to {shares[-1]:+.0f} %" if len(shares) > 1 else ""
            middle = round(float(np.median(shares))) + 0.0
            record = (
                f"what came lay {middle:+.0f} % from the last statement before it "
                f"(median, n = {len(shares)}{spread})"
            )
        return (
            f"{self.name}, {self.about} of {self.period}: forecast {self.median:,.4g} USD bn "
            f"(80 % {self.low:,.4g} to {self.high:,.4g}), {self.place}; {record}, "
            f"and at the pace of the last quarter it would come to {self.pace:,.4g}."
        )


def against_guidance(
    panel: Panel, draws: xr.Dataset, metric: str = "capex", together: Sequence[str] = ()
) -> tuple[Against, ...]:
    """Return the forecast beside the last guidance on a year still open, company by company.

    Parameters
    ----------
    panel
        Of the model, with what was said.
    draws
        Its joint draws.
    metric
        Of the model's series.
    together
        Companies that are added up at the end, each in its own year, where two or more of them have
        guidance; the statements of bounds count with their value.

    Returns
    -------
    tuple of Against
        One a company with guidance on a year that draws cover, in the order of the draws.
    """
    names = [str(n) for n in draws["series"].values if metric_of(str(n)) == metric]
    found: list[tuple[str, Against, np.ndarray]] = []
    for series in names:
        open_years = [one for one in open_said(panel, series) if one.quarters == YEAR]
        for one in open_years[:1]:
            sums = _sums(draws, one)
            if sums is not None:
                found.append((entity_of(series), _against(panel, one, sums), sums))
    told = [one for _, one, _ in found]
    several = [(one, sums) for entity, one, sums in found if entity in together]
    if len(several) > 1:
        total = np.sum([sums for _, sums in several], axis=0)
        told.append(_total_of([one for one, _ in several], total))
    return tuple(told)


def _sums(draws: xr.Dataset, one: Statement) -> np.ndarray | None:
    """Return the draws of the sum that a statement is about, in its definition, or None."""
    first = quarter_index(one.first)
    quarters = [quarter_name(q) for q in range(first, first + one.quarters)]
    if not set(quarters) <= set(draws["period"].values.astype(str)):
        return None
    chosen = draws["y"].sel(series=one.series, period=quarters).sum("period", skipna=False)
    values = chosen.transpose("chain", "draw").values.ravel() * np.exp(-(one.offset or 0.0))
    return values if np.isfinite(values).all() else None


def _against(panel: Panel, one: Statement, sums: np.ndarray) -> Against:
    low, median, high = (float(q) for q in np.quantile(sums, [0.1, 0.5, 0.9]))
    reported = _reported(panel, one.series)
    ratio, last = float(np.exp(-(one.offset or 0.0))), max(reported)
    first = quarter_index(one.first)
    pace = sum(reported.get(q, reported[last]) for q in range(first, first + one.quarters))
    return Against(
        name=called(entity_of(one.series)), about=one.about.replace("_", " "), period=span_text(one),
        kind=one.kind, said_low=one.low, said=one.value, said_high=one.high, said_on=one.said_on,
        median=median, low=low, high=high, pace=ratio * pace, past=_past(panel, one, reported),
    )  # fmt: skip


def _reported(panel: Panel, series: str) -> dict[int, float]:
    frame = panel.frame()
    own = frame[frame["series"] == series]
    return dict(zip(own["quarter"].map(quarter_index), own["value"].astype(float), strict=True))


def _past(panel: Panel, one: Statement, reported: Mapping[int, float]) -> tuple[float, ...]:
    """Return how far what was reported lay from earlier statements of the same length."""
    said = panel.drawn.statements if isinstance(panel.drawn, Guidance) else ()
    errors: dict[int, tuple[str, float]] = {}
    for past in said:
        first = quarter_index(past.first)
        span = range(first, first + past.quarters)
        alike = past.series == one.series and past.quarters == one.quarters
        bound = past.kind in ("at least", "at most")
        if not alike or bound or past.offset is None or not set(span) <= set(reported):
            continue
        came = sum(reported[q] for q in span) * float(np.exp(-past.offset))
        if first not in errors or errors[first][0] < past.said_on:
            errors[first] = past.said_on, came / past.value - 1
    return tuple(error for _, (_, error) in sorted(errors.items()))


def _total_of(several: Sequence[Against], sums: np.ndarray) -> Against:
    low, median, high = (float(q) for q in np.quantile(sums, [0.1, 0.5, 0.9]))
    names = [one.name for one in several]
    return Against(
        name=f"{', '.join(names[:-1])} and {names[-1]} together", about=several[0].about.split()[0],
        period="the years that they have guided", kind="range",
        said_low=sum(one.said_low for one in several), said=sum(one.said for one in several),
        said_high=sum(one.said_high for one in several),
        said_on=max(one.said_on for one in several),
        median=median, low=low, high=high, pace=sum(one.pace for one in several),
        past=tuple(error for one in several for error in one.past), together=True,
    )  # fmt: skip
