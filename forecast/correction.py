"""How the answer to one claim moves with the reading: threshold, window, prior set, model, depth.

Everything here is another event over draws that are there already; nothing is fitted. A window that
starts later than the claim counts what comes in it and not before.

Invariant: what cannot be evaluated is left out, never guessed; the numbers of a variation come from
the same joint draws as the reading it varies.
"""

from __future__ import annotations

import calendar
import dataclasses
import datetime as dt
from collections.abc import Mapping, Sequence

import pandas as pd
import xarray as xr

from forecast.claims import Claim, Definition, event_draws, probability
from forecast.schema import ClaimError, DataError

MONTHS = (6, 12, 18, 24)
"""Months after the claim at which windows end; the last two are the article's."""
DATED = ("first_passage", "peak_to_trough", "growth")
"""Kinds of events that come at some time within a window."""


def months_after(day: dt.date, months: int) -> dt.date:
    """Return the same day some months later, or the last one of a shorter month.

    Examples
    --------
    >>> months_after(dt.date(2026, 5, 6), 18).isoformat()
    '2027-11-06'
    """
    index = day.month - 1 + months
    year, month = day.year + index // 12, index % 12 + 1
    return dt.date(year, month, min(day.day, calendar.monthrange(year, month)[1]))


@dataclasses.dataclass(frozen=True)
class Variation:
    """One reading's probability with one thing changed.

    Attributes
    ----------
    claim, definition, model
        What is varied, and the model that decides it.
    what
        ``threshold``, ``window end``, ``window start``, ``prior`` or ``model``.
    setting
        What it was changed to: a number, a day, a prior set, or ``naive``.
    own
        Whether this is how the reading stands.
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


def _with(definition: Definition, value: float) -> Definition:
    event = dict(definition.event)  # type: ignore[arg-type]
    event["fall" if "fall" in event else "value"] = value
    return dataclasses.replace(definition, event=event)


def first_in(
    definition: Definition, draws: xr.Dataset, start: dt.date, end: dt.date
) -> xr.DataArray:
    """Return in which draws the event comes after `start` and by `end`, but not before `start`.

    Raises
    ------
    ClaimError
        If it cannot be evaluated, or the reading has no window.
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
    walk: xr.Dataset | None = None,
) -> tuple[Variation, ...]:
    """Return one reading's probability under other thresholds, windows, prior sets and models.

    Parameters
    ----------
    claim, definition
        What is varied. Windows vary only where the reading's own begins with the claim and its
        event comes at some time within it; thresholds where the claims file names others.
    draws
        Joint draws of the reading's model.
    variants
        Joint draws under other prior sets, by name.
    walk
        Draws of the naive forecast.
    """
    if definition.window is None or not isinstance(definition.event, Mapping):
        return ()
    start, end = definition.window
    event = definition.event
    own = event.get("fall", event.get("value"))
    asked: list[tuple[str, str, bool, Definition, xr.Dataset, dt.date, dt.date]] = []
    if definition.thresholds:
        for value in sorted({*definition.thresholds, float(own)}):
            one = _with(definition, value)
            asked.append(("threshold", f"{value:g}", value == own, one, draws, start, end))
    if event["kind"] in DATED and start == claim.source_date and event.get("how") != "all":
        for months in MONTHS:
            day = months_after(start, months)
            if day <= end:
                asked.append(
                    ("window end", day.isoformat(), day == end, definition, draws, start, day)
                )
        later = months_after(start, MONTHS[-2])
        for day in (start, later):
            if day < end:
                asked.append(
                    ("window start", day.isoformat(), day == start, definition, draws, day, end)
                )
    for name, other in {"default": draws, **(variants or {})}.items():
        asked.append(("prior", name, name == "default", definition, other, start, end))
    asked.append(("model", definition.model, True, definition, draws, start, end))
    if walk is not None:
        asked.append(("model", "naive", False, definition, walk, start, end))
    found = []
    for what, setting, is_own, one, source, begins, ends in asked:
        try:
            p, mcse = probability(first_in(one, source, begins, ends))
        except ClaimError:
            continue
        found.append(
            Variation(claim.id, one.id, definition.model, what, setting, is_own, p, mcse)
        )
    return tuple(found)


def variation_table(found: Sequence[Variation]) -> pd.DataFrame:
    """Return variations as a table: claim, definition, what, setting, own, probability, mcse."""
    return pd.DataFrame([dataclasses.asdict(v) for v in found])


@dataclasses.dataclass(frozen=True)
class Depth:
    """How deep the worst fall of one series is within some months.

    Attributes
    ----------
    entity, months
        Whose fall, and the months after the draws' date.
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
    walk: xr.Dataset | None = None,
    months: Sequence[int] = MONTHS[-2:],
) -> tuple[Depth, ...]:
    """Split what may happen to prices into no fall, a correction and a crash.

    Parameters
    ----------
    draws
        Joint draws of the hazard model.
    entities
        Series of them; those that the draws do not have are left out.
    walk
        The naive forecast of the same series.
    months
        Months after the draws' date.

    Raises
    ------
    DataError
        If the draws are shorter than the months asked about.
    """
    if max(months) > draws.sizes["period"]:
        raise DataError(
            f"the draws have {draws.sizes['period']} months; wanted {max(months)}: forecast further"
        )

    def shares(source: xr.Dataset, entity: str, month: int) -> list[tuple[float, float]]:
        def at(metric: str) -> xr.DataArray:
            return source["y"].sel(series=f"{entity}/{metric}").isel(period=month - 1) > 0.5

        fell, deep = at("fall_20"), at("fall_40")
        return [probability(hit) for hit in (~fell, fell & ~deep, deep)]

    found = []
    there = set(draws["entity"].values.astype(str))
    for entity in (e for e in entities if e in there):
        for month in months:
            ours = shares(draws, entity, month)
            beside = shares(walk, entity, month) if walk is not None else None
            found.append(
                Depth(
                    entity,
                    month,
                    *(p for p, _ in ours),
                    errors=(ours[0][1], ours[1][1], ours[2][1]),
                    naive=(beside[0][0], beside[1][0], beside[2][0]) if beside else None,
                )
            )
    return tuple(found)
