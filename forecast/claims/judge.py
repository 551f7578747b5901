"""Draws -> verdicts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import xarray as xr
from arviz_stats.base import array_stats

from forecast.claims.events import happens, single
from forecast.claims.records import Claim, Definition
from forecast.claims.verdict import Verdict, Verdicts, word
from forecast.core.errors import ClaimError, UndefinedError
from forecast.core.text import percent


def probability(hit: xr.DataArray) -> tuple[float, float]:
    """Return the share of draws in which an event happens, and its Monte-Carlo standard error.

    The error counts the effective draws of the 0/1 chain (Vehtari et al. 2021). Where the event
    happens in none or all draws it is 0, and the bound 1/N is what is known.
    """
    values = hit.transpose("chain", "draw").values.astype(float)
    p = float(values.mean())
    if p in (0.0, 1.0):
        return p, 0.0
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
        From :func:`read_claims`.
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
            start = end = None
            if definition.window is not None:
                start, end = (day.isoformat() for day in definition.window)
            p, mcse, status, text, n = _decide(
                claim, definition, by_model, dict(facts or {}), dict(failed or {})
            )
            rows.append(
                Verdict(
                    claim=claim.id,
                    definition=definition.id,
                    kind=claim.kind,
                    model=definition.model,
                    probability=p,
                    mcse=mcse,
                    window_start=start,
                    window_end=end,
                    status=status,
                    text=text,
                    draws=n,
                    polarity=definition.polarity,
                )
            )
    return Verdicts(tuple(rows))


def _decide(
    claim: Claim,
    definition: Definition,
    by_model: Mapping[str, xr.Dataset],
    facts: Mapping[tuple[str, str], str],
    failed: Mapping[str, str],
) -> tuple[float | None, float | None, str, str, int]:
    """Return probability, error, status, sentence and number of draws of one definition."""
    model = definition.model
    if claim.kind == "fact":
        finding = facts.get((claim.id, definition.id))
        if finding is None:
            return None, None, "model not run", f"The audit was not run. {definition.why}", 0
        return None, None, "checked", finding, 0
    if model == "none":
        return None, None, "judgement", _judgement(definition), 0
    if model in failed:
        return None, None, "gate failed", failed[model], 0
    if model not in by_model:
        return None, None, "model not run", f"The {model} model is not in these draws.", 0
    try:
        hit = event_draws(definition, by_model[model])
    except UndefinedError as error:
        day = by_model[model].attrs.get("as_of", "this day")
        return None, None, "not judged", f"Not to be told as of {day}: {error}. {definition.why}", 0
    except ClaimError as error:
        raise ClaimError(f"claim {claim.id!r}, definition {definition.id!r}: {error}") from error
    p, mcse = probability(hit)
    text = f"{percent(p, hit.size)} ({word(p)}). {definition.why}"
    return p, mcse, "judged", text, int(np.prod(hit.shape))


def _judgement(definition: Definition) -> str:
    rate = definition.base_rate
    if rate is None:
        return f"Not for this model. {definition.why}"
    return (
        f"Not for this model; base rate {percent(rate.probability)} "
        f"({rate.events:g} in {rate.exposure:g} {rate.unit}, asked about {rate.horizon:g}: "
        f"{rate.how}). {definition.why}"
    )
