"""Draws -> verdicts."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import xarray as xr

from forecast.claims.events import Event, as_table, happens, single
from forecast.claims.probabilities import ENOUGH, conditional_probability, probability
from forecast.claims.verdict import Given, Status, Verdict, Verdicts, word
from forecast.core.errors import ClaimError, UndefinedError
from forecast.core.text import percent

if TYPE_CHECKING:
    from forecast.claims.records import Claim, Definition


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


def condition_draws(definition: Definition, draws: xr.Dataset) -> xr.DataArray | None:
    """Return in which draws a definition's condition holds, dims chain, draw; None if it has none.

    Raises
    ------
    ClaimError
        If the condition cannot be evaluated on these draws, or is another model's to tell.
    """
    if definition.given is None:
        return None
    own = str(draws.attrs.get("model", definition.model))
    if definition.given_model not in ("", own):
        raise ClaimError(f"the condition: {_apart(definition)}")
    window = definition.given_window or definition.window
    condition = dataclasses.replace(definition, event=definition.given, window=window)
    try:
        return event_draws(condition, draws)
    except UndefinedError as error:
        raise UndefinedError(f"the condition: {error}") from error
    except ClaimError as error:
        raise ClaimError(
            f"the condition: {error}; what another model forecasts is named with given_model"
        ) from error


def _apart(definition: Definition) -> str:
    return (
        f"it is told by the {definition.given_model} model and the event by the {definition.model} "
        "model: two fits, never put together draw by draw, and no model has both"
    )


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
                    given=answer.given,
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
    given: Given | None = None


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
        joint = definition.given_model in ("", model)
        held = condition_draws(definition, by_model[model]) if joint else None
    except UndefinedError as error:
        day = by_model[model].attrs.get("as_of", "this day")
        return _Answer("not judged", f"Not to be told as of {day}: {error}. {definition.why}")
    except ClaimError as error:
        raise ClaimError(f"claim {claim.id!r}, definition {definition.id!r}: {error}") from error
    p, mcse = probability(hit)
    if definition.given is not None:
        return _conditional(definition, hit, held, p)
    text = f"{percent(p, hit.size)} ({word(p)}). {definition.why}"
    return _Answer("judged", text, p, mcse, hit.size)


def _conditional(
    definition: Definition, hit: xr.DataArray, held: xr.DataArray | None, plain: float
) -> _Answer:
    """Return the answer to a definition with a condition; without joint draws of it `held` is None."""
    event = as_table(definition.given) if isinstance(definition.given, Event) else {}
    without = f"Without the condition: {percent(plain, hit.size)}. {definition.why}"
    if held is None:
        said = f"No probability under the condition: {_apart(definition)}. {without}"
        return _Answer("not judged", said, given=Given(event, None, plain, None, None))
    found = conditional_probability(hit, held)
    if found is None:
        values = held.transpose("chain", "draw").values
        said = (
            f"No probability under the condition: it holds in {int(values.sum())} of {values.size} "
            f"draws, and {ENOUGH:.0f} independent ones are wanted: ask for more draws, or suppose less. "
            f"{without}"
        )
        return _Answer(
            "not judged", said, given=Given(event, float(values.mean()), plain, None, None)
        )
    given = Given(
        event, found.condition, found.unconditional, found.difference, found.difference_mcse
    )
    p = found.probability
    text = (
        f"{percent(p, found.draws)} ({word(p)}) under the condition. {given.beside(hit.size)} "
        f"{definition.why}"
    )
    return _Answer("judged", text, p, found.mcse, found.draws, given)


def _judgement(definition: Definition) -> str:
    rate = definition.base_rate
    if rate is None:
        return f"Not for this model. {definition.why}"
    return (
        f"Not for this model; base rate {percent(rate.probability)} "
        f"({rate.events:g} in {rate.exposure:g} {rate.unit}, asked about {rate.horizon:g}: "
        f"{rate.how}). {definition.why}"
    )
