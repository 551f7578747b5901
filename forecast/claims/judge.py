"""Draws -> verdicts."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import xarray as xr

from forecast.claims.events import happens, single
from forecast.claims.verdict import Status, Verdict, Verdicts, word
from forecast.core.errors import ClaimError, UndefinedError
from forecast.core.text import percent

if TYPE_CHECKING:
    from forecast.claims.records import Claim, Definition


def probability(hit: xr.DataArray) -> tuple[float, float]:
    """Return the share of draws in which an event happens, and its Monte-Carlo standard error.

    The error counts the effective draws of the 0/1 chain (Vehtari et al. 2021). Where the event
    happens in none or all draws it is 0, and the bound 1/N is what is known.
    """
    values = hit.transpose("chain", "draw").values.astype(float)
    p = float(values.mean())
    if p in (0.0, 1.0):
        return p, 0.0
    from arviz_stats.base import array_stats  # slow to load, and claims are read without draws

    return p, float(array_stats.mcse(values, chain_axis=0, draw_axis=1, method="mean"))


def event_draws(definition: Definition, draws: xr.Dataset) -> xr.DataArray:
    """Return in which draws a definition's event happens, dims chain, draw.

    Raises
    ------
    ClaimError
        If it has no event, or the event cannot be evaluated on these draws.
    """
    if definition.event is None or definition.window is None:
        raise ClaimError(f"the definition {definition.id!r} has no event or no window")
    if callable(definition.event):
        return single(definition.event(draws), f"definition {definition.id!r}")
    return happens(draws, definition.event, definition.window)


def judge(
    claims: Sequence[Claim],
    draws: xr.Dataset | Sequence[xr.Dataset],
    *,
    facts: Mapping[tuple[str, str], str] | None = None,
    failed: Mapping[str, str] | None = None,
) -> Verdicts:
    """Put claims to joint draws.

    Parameters
    ----------
    claims
        From :func:`forecast.claims.read.read_claims`.
    draws
        The draws of one model, or of several; each definition is judged by its own model's.
    facts
        Sentences of the audit by (claim id, definition id).
    failed
        Models whose run did not pass, with the reason.

    Returns
    -------
    Verdicts
        One verdict a definition, in order.

    Raises
    ------
    ClaimError
        If an event cannot be evaluated on its model's draws.
    """
    given = [draws] if isinstance(draws, xr.Dataset) else list(draws)
    by_model = {str(d.attrs["model"]): d for d in given}
    rows = []
    for claim in claims:
        for definition in claim.definitions:
            answer = _decide(claim, definition, by_model, facts or {}, failed or {})
            start, end = definition.window or (None, None)
            rows.append(
                Verdict(
                    claim=claim.id,
                    definition=definition.id,
                    kind=claim.kind,
                    model=definition.model,
                    probability=answer.probability,
                    mcse=answer.mcse,
                    window_start=None if start is None else start.isoformat(),
                    window_end=None if end is None else end.isoformat(),
                    status=answer.status,
                    text=answer.text,
                    draws=answer.draws,
                    polarity=definition.polarity,
                )
            )
    return Verdicts(tuple(rows))


@dataclasses.dataclass(frozen=True)
class _Answer:
    """What there is to say of one definition; the fields are those of its verdict."""

    status: Status
    text: str
    probability: float | None = None
    mcse: float | None = None
    draws: int = 0


def _decide(
    claim: Claim,
    definition: Definition,
    by_model: Mapping[str, xr.Dataset],
    facts: Mapping[tuple[str, str], str],
    failed: Mapping[str, str],
) -> _Answer:
    model = definition.model
    if claim.kind == "fact":
        finding = facts.get((claim.id, definition.id))
        if finding is None:
            return _Answer("model not run", f"The audit was not run. {definition.why}")
        return _Answer("checked", finding)
    if model == "none":
        return _Answer("judgement", _judgement(definition))
    if model in failed:
        return _Answer("gate failed", failed[model])
    if model not in by_model:
        return _Answer("model not run", f"The {model} model is not in these draws.")
    try:
        hit = event_draws(definition, by_model[model])
    except UndefinedError as error:
        day = by_model[model].attrs.get("as_of", "this day")
        return _Answer("not judged", f"Not to be told as of {day}: {error}. {definition.why}")
    except ClaimError as error:
        raise ClaimError(f"claim {claim.id!r}, definition {definition.id!r}: {error}") from error
    p, mcse = probability(hit)
    text = f"{percent(p, hit.size)} ({word(p)}). {definition.why}"
    return _Answer("judged", text, p, mcse, hit.size)


def _judgement(definition: Definition) -> str:
    rate = definition.base_rate
    if rate is None:
        return f"Not for this model. {definition.why}"
    return (
        f"Not for this model; base rate {percent(rate.probability)} "
        f"({rate.events:g} in {rate.exposure:g} {rate.unit}, asked about {rate.horizon:g}: "
        f"{rate.how}). {definition.why}"
    )
