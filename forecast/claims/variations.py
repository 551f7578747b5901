"""How the answer to one claim moves with the definition: threshold, window, prior set, model, depth.

Everything here is another event over draws that are there already; nothing is fitted. A window that
starts later than the claim counts what comes in it and not before.

Invariant: what cannot be evaluated is left out, never guessed; the numbers of a variation come from
the same joint draws as the definition it varies.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import pandas as pd
import xarray as xr

from forecast.claims.events import Event, FirstPassage, Growth, PeakToTrough, level_name, with_level
from forecast.claims.judge import condition_draws, event_draws
from forecast.claims.probabilities import probability, share
from forecast.core.errors import ClaimError
from forecast.core.periods import months_after, period_end
from forecast.models.hazard.panel import months_of

if TYPE_CHECKING:
    from forecast.claims.records import Claim, Definition

MONTHS = (6, 12, 18, 24)
"""Months after a claim at which windows end, where its article's page names no others."""
DATED = (FirstPassage, PeakToTrough, Growth)
"""Kinds of events that come at some time within a window."""


@dataclasses.dataclass(frozen=True)
class Variation:
    """One definition's probability with one thing changed.

    Attributes
    ----------
    claim, definition, model
        What is varied, and the model that decides it.
    what
        ``threshold``, ``window end``, ``window start``, ``prior`` or ``model``.
    setting
        What it was changed to: a number, a day, a prior set, or ``naive``.
    own
        Whether this is how the definition stands.
    probability, mcse
        The probability and its Monte-Carlo standard error.
    """

    claim: str
    definition: str
    model: str
    what: str
    setting: str
    own: bool
    probability: float
    mcse: float


def first_in(
    definition: Definition, draws: xr.Dataset, start: dt.date, end: dt.date
) -> xr.DataArray:
    """Return in which draws the event comes after `start` and by `end`, but not before `start`.

    Raises
    ------
    ClaimError
        If it cannot be evaluated, or the definition has no window.
    """
    if definition.window is None:
        raise ClaimError(f"the definition {definition.id!r} has no window")
    begins = definition.window[0]
    hit = event_draws(dataclasses.replace(definition, window=(begins, end)), draws)
    if start <= begins:
        return hit
    before = dataclasses.replace(definition, window=(begins, start))
    try:
        return hit & ~event_draws(before, draws)
    except ClaimError:  # no period ends so early: nothing can have come
        return hit


def variations(
    claim: Claim,
    definition: Definition,
    draws: xr.Dataset,
    variants: Mapping[str, xr.Dataset] | None = None,
    baseline: xr.Dataset | None = None,
    months: Sequence[int] = MONTHS,
) -> tuple[Variation, ...]:
    """Return one definition's probability under other thresholds, windows, prior sets and models.

    Parameters
    ----------
    claim, definition
        What is varied. Windows vary only where the definition's own begins with the claim and its
        event comes at some time within it; thresholds where the claims file names others.
    draws
        Joint draws of the definition's model.
    variants
        Joint draws under other prior sets, by name.
    baseline
        Draws of the naive forecast.
    months
        Months after the claim at which other windows end; one more window begins at the last but
        one.
    """
    if definition.window is None or not isinstance(definition.event, Event):
        return ()
    start, end = definition.window
    as_it_stands = _Asked("model", definition.model, True, definition, draws, start, end)
    asked = [
        *_thresholds(definition, as_it_stands),
        *_windows(claim, definition, as_it_stands, months),
        *(
            dataclasses.replace(
                as_it_stands, what="prior", setting=name, own=name == "default", draws=other
            )
            for name, other in {"default": draws, **(variants or {})}.items()
        ),
        as_it_stands,
    ]
    if baseline is not None:
        asked.append(dataclasses.replace(as_it_stands, setting="naive", own=False, draws=baseline))
    found = []
    for one in asked:
        try:
            hit = first_in(one.definition, one.draws, one.start, one.end)
            answer = share(hit, condition_draws(definition, one.draws))
        except ClaimError:
            continue
        if answer is None:
            continue
        found.append(
            Variation(
                claim.id,
                definition.id,
                definition.model,
                one.what,
                one.setting,
                one.own,
                *answer,
            )
        )
    return tuple(found)


@dataclasses.dataclass(frozen=True)
class _Asked:
    """A variation before it is evaluated."""

    what: str
    setting: str
    own: bool
    definition: Definition
    draws: xr.Dataset
    start: dt.date
    end: dt.date


def _thresholds(definition: Definition, own: _Asked) -> list[_Asked]:
    event = definition.event
    if not definition.thresholds or not isinstance(event, Event):
        return []
    here = float(getattr(event, level_name(event)))
    return [
        dataclasses.replace(
            own,
            what="threshold",
            setting=f"{value:g}",
            own=value == here,
            definition=dataclasses.replace(definition, event=with_level(event, value)),
        )
        for value in sorted({*definition.thresholds, here})
    ]


def _windows(
    claim: Claim, definition: Definition, own: _Asked, months: Sequence[int]
) -> list[_Asked]:
    event = definition.event
    if not isinstance(event, DATED) or (isinstance(event, Growth) and event.how == "all"):
        return []
    if own.start != claim.source_date:
        return []
    days = [months_after(own.start, ahead) for ahead in months]
    ends = [
        dataclasses.replace(
            own, what="window end", setting=day.isoformat(), own=day == own.end, end=day
        )
        for day in days
        if day <= own.end
    ]
    starts = [
        dataclasses.replace(
            own, what="window start", setting=day.isoformat(), own=day == own.start, start=day
        )
        for day in (own.start, days[-2])
        if day < own.end
    ]
    return ends + starts


def variation_table(found: Sequence[Variation]) -> pd.DataFrame:
    """Return variations as a table: claim, definition, what, setting, own, probability, mcse."""
    return pd.DataFrame([dataclasses.asdict(v) for v in found])


@dataclasses.dataclass(frozen=True)
class Curve:
    """When one definition may come true.

    Attributes
    ----------
    definition, label
        The definition, and what it is about in a few words.
    days
        Ends of the periods of its window.
    probabilities
        Probability that it has come by each of them.
    """

    definition: str
    label: str
    days: tuple[dt.date, ...]
    probabilities: tuple[float, ...]


def curve(definition: Definition, draws: xr.Dataset, label: str) -> Curve:
    """Return the probability that a definition has come true by the end of each period of its window.

    Raises
    ------
    ClaimError
        If it has no window, or cannot be evaluated.
    """
    if definition.window is None:
        raise ClaimError(f"the definition {definition.id!r} has no window")
    start, end = definition.window
    ends = [period_end(str(p)) for p in draws["period"].values]
    days = tuple(day for day in ends if start < day <= end)
    if not days:
        raise ClaimError(f"no period of the draws ends in the window {start} to {end}")
    last = probability(first_in(definition, draws, start, end))[0]
    chance = []
    for day in days[:-1]:
        try:
            chance.append(probability(first_in(definition, draws, start, day))[0])
        except ClaimError:  # the whole window can be asked, so this part is too short to hold it
            chance.append(0.0)
    chance.append(last)
    return Curve(definition.id, label, days, tuple(chance))


@dataclasses.dataclass(frozen=True)
class Depth:
    """How deep the worst fall of one series is within some months.

    Attributes
    ----------
    entity, months
        Whose fall, and the months after the day from which its falls are on record.
    spared, correction, crash
        Probability of a fall of less than 20 %, of 20 to 40 %, and of 40 % or more.
    errors
        Their Monte-Carlo standard errors.
    naive
        The same three by the naive forecast, None without one.
    """

    entity: str
    months: int
    spared: float
    correction: float
    crash: float
    errors: tuple[float, float, float]
    naive: tuple[float, float, float] | None

    @property
    def stays_a_correction(self) -> float:
        """Of the falls of 20 %, the share that does not reach 40 %; NaN without a fall."""
        fell = self.correction + self.crash
        return self.correction / fell if fell else float("nan")


def depths(
    draws: xr.Dataset,
    entities: Sequence[str],
    baseline: xr.Dataset | None = None,
    months: Sequence[int] = MONTHS[-2:],
) -> tuple[Depth, ...]:
    """Split what may happen to prices into no fall, a correction and a crash.

    Parameters
    ----------
    draws
        Joint draws of the hazard model.
    entities
        Series of them; those that the draws do not have are left out.
    baseline
        The naive forecast of the same series.
    months
        Months after the day from which an entity's falls are on record: that of its first row in
        the table of positions. Those that the draws do not reach are left out.
    """

    def shares(source: xr.Dataset, entity: str, month: int) -> list[tuple[float, float]]:
        period = months_of(source, entity)[month - 1]

        def at(metric: str) -> xr.DataArray:
            return source["y"].sel(series=f"{entity}/{metric}").isel(period=period) > 0.5

        fell, deep = at("fall_20"), at("fall_40")
        return [probability(hit) for hit in (~fell, fell & ~deep, deep)]

    found = []
    there = set(draws["entity"].values.astype(str))
    for entity in (e for e in entities if e in there):
        for month in (m for m in months if m <= len(months_of(draws, entity))):
            (spared, a), (middle, b), (deep, c) = shares(draws, entity, month)
            naive = None
            if baseline is not None:
                x, y, z = shares(baseline, entity, month)
                naive = (x[0], y[0], z[0])
            found.append(Depth(entity, month, spared, middle, deep, (a, b, c), naive))
    return tuple(found)
