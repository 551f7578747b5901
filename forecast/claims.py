"""Read claims, judge them by joint draws.

Invariant: every definition of the claims file comes back as one verdict, with a number or with the
reason why there is none; nothing is dropped. ``tests/test_claims.py`` counts them.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import html
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from arviz_stats.base import array_stats

from forecast.events import check_event, happens, single
from forecast.schema import (
    MODEL_NAMES,
    ClaimError,
    DataError,
    Verdict,
    one_line,
    parse_date,
    percent,
)
from forecast.sources import CLAIMS_FILE, data_dir

KINDS = ("forecast", "fact", "judgement")
WORDS = ("verbatim", "fragment", "paraphrase")
OUTCOMES = ("yes", "no", "open", "ambiguous", "annulled")

ICD_203 = (
    (0.05, "almost no chance", "1–5 %"),
    (0.20, "very unlikely", "5–20 %"),
    (0.45, "unlikely", "20–45 %"),
    (0.55, "roughly even", "45–55 %"),
    (0.80, "likely", "55–80 %"),
    (0.95, "very likely", "80–95 %"),
    (1.01, "almost certain", "95–99 %"),
)
"""Upper bound, words and printed range of the scale of Intelligence Community Directive 203."""


@dataclasses.dataclass(frozen=True)
class BaseRate:
    """How often such a thing happened: events in an exposure, and the horizon asked about.

    Attributes
    ----------
    events
        Number of events seen.
    exposure, horizon
        Time, or time times things, over which they were counted and are asked about, in `unit`.
    how, source
        What was counted, and where it can be checked.
    """

    events: float
    exposure: float
    horizon: float
    unit: str
    how: str
    source: str

    @property
    def probability(self) -> float:
        """Chance of at least one more event within the horizon.

        A Poisson process with Jeffreys' prior, Gamma(1/2, 0), on its rate: after k events in T the
        chance of none in h is ``(T / (T + h)) ** (k + 1/2)``.
        """
        none = (self.exposure / (self.exposure + self.horizon)) ** (self.events + 0.5)
        return 1.0 - none


@dataclasses.dataclass(frozen=True)
class Definition:
    """One operational reading of a claim.

    Attributes
    ----------
    id
        Unique within the claim.
    model
        The model that decides it; ``audit`` for facts, ``none`` for judgements.
    event
        A table of the vocabulary in :mod:`forecast.events`, or in a session a function of draws
        that leaves only chain and draw; None where the definition waits or is not for a model.
    window
        Two days, or None.
    why
        The reading in words.
    check
        For facts, the audit rule and its parameters.
    base_rate
        For judgements, or beside a model.
    waits
        Whether it waits for a model that is not built yet.
    """

    id: str
    model: str
    why: str
    event: Mapping[str, Any] | Callable[[xr.Dataset], xr.DataArray] | None = None
    window: tuple[dt.date, dt.date] | None = None
    check: Mapping[str, Any] | None = None
    base_rate: BaseRate | None = None
    waits: bool = False


@dataclasses.dataclass(frozen=True)
class Claim:
    """A prediction or statement with the words it was made in and its readings.

    Attributes
    ----------
    id
        Unique in the file.
    kind
        ``forecast``, ``fact`` or ``judgement``.
    quote
        The words at hand, empty for a paraphrase; `words` says how complete they are.
    text
        The claim in our words.
    source, source_date
        Who said it and when.
    definitions
        Its readings, at least one.
    """

    id: str
    kind: str
    words: str
    quote: str
    text: str
    source: str
    source_date: dt.date
    definitions: tuple[Definition, ...]


@dataclasses.dataclass(frozen=True)
class Verdicts(Sequence[Verdict]):
    """The verdicts in the order of the claims file."""

    rows: tuple[Verdict, ...]

    def __getitem__(self, index: Any) -> Any:
        return self.rows[index]

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[Verdict]:
        return iter(self.rows)

    def of(self, claim: str, definition: str | None = None) -> Verdict:
        """Return one verdict by claim id, and definition id where there are several.

        Raises
        ------
        ClaimError
            If there is none, or more than one.
        """
        found = [v for v in self if v.claim == claim and definition in (None, v.definition)]
        if len(found) != 1:
            raise ClaimError(
                f"{len(found)} verdicts match {claim!r} / {definition!r}; there are "
                + one_line([f"{v.claim} / {v.definition}" for v in self])
            )
        return found[0]

    def frame(self) -> pd.DataFrame:
        """Return one row a definition: claim, definition, probability, error, window, model, status."""
        return pd.DataFrame(
            [
                {
                    "claim": v.claim,
                    "definition": v.definition,
                    "probability": v.probability,
                    "mcse": v.mcse,
                    "window": window_text(v),
                    "model": v.model,
                    "status": v.status,
                }
                for v in self
            ]
        )

    def records(self) -> list[dict[str, Any]]:
        """Return the rows of ``verdicts.json``."""
        return [v.record() for v in self]

    @classmethod
    def from_records(cls, records: Sequence[Mapping[str, Any]], draws: int) -> Verdicts:
        """Return the verdicts that :meth:`records` wrote, each from `draws` joint draws."""
        return cls(
            tuple(
                Verdict(**row, draws=0 if row["probability"] is None else draws) for row in records
            )
        )

    def _repr_html_(self) -> str:
        """Show the table with probabilities as percent and an ICD 203 word."""
        rows = "".join(
            f"<tr><td>{html.escape(v.claim)}</td><td>{html.escape(v.definition)}</td>"
            f"<td style='text-align:right'>{html.escape(percent(v.probability, v.draws))}</td>"
            f"<td>{html.escape(word(v.probability))}</td><td>{html.escape(window_text(v))}</td>"
            f"<td>{html.escape(v.model)}</td><td>{html.escape(v.status)}</td></tr>"
            for v in self
        )
        heads = ("claim", "definition", "probability", "in words", "window", "model", "status")
        head = "".join(f"<th>{name}</th>" for name in heads)
        return f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"


# --- words for numbers -----------------------------------------------------------------------
def word(probability: float | None) -> str:
    r"""Return the ICD 203 words for a probability with their range, or nothing for None.

    Examples
    --------
    >>> word(0.31)
    'unlikely, 20–45\xa0%'
    """
    if probability is None:
        return ""
    return next(f"{words}, {span}" for top, words, span in ICD_203 if probability < top)


def window_text(verdict: Verdict) -> str:
    """Return the window as two days, one day, or a dash."""
    start, end = verdict.window_start, verdict.window_end
    if start is None or end is None:
        return "–"
    return start if start == end else f"{start} to {end}"


# --- reading ---------------------------------------------------------------------------------
def read_claims(path: str | Path | None = None) -> tuple[Claim, ...]:
    """Read a claims file; the shipped one by default.

    Raises
    ------
    ClaimError
        Naming the claim and definition that cannot be read, and what was wanted.
    """
    path = data_dir() / CLAIMS_FILE if path is None else Path(path)
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ClaimError(f"{path}: there is no such claims file") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ClaimError(f"{path}: got something that is not a TOML file: {error}") from None
    claims = tuple(_claim(entry, raw, str(path)) for entry in raw.get("claim", []))
    if not claims:
        raise ClaimError(f"{path}: got no [[claim]]; wanted at least one")
    ids = [claim.id for claim in claims]
    twice = sorted({i for i in ids if ids.count(i) > 1})
    if twice:
        raise ClaimError(f"{path}: more than one claim is called {one_line(twice)}")
    return claims


_CLAIM_KEYS = {"id", "kind", "words", "quote", "text", "definition", "source", "source_date"}
_DEFINITION_KEYS = {field.name for field in dataclasses.fields(Definition)}


def _check_keys(entry: Mapping[str, Any], known: set[str], must: set[str], where: str) -> None:
    missing, unknown = sorted(must - set(entry)), sorted(set(entry) - known)
    if missing or unknown:
        raise ClaimError(
            f"{where}: missing {one_line(missing) or 'nothing'}, unknown "
            f"{one_line(unknown) or 'nothing'}; wanted {one_line(sorted(must))}"
        )


def _claim(entry: Mapping[str, Any], top: Mapping[str, Any], file: str) -> Claim:
    where = f"{file}, claim {entry.get('id', '(without id)')!r}"
    _check_keys(entry, _CLAIM_KEYS, {"id", "kind", "words", "text", "definition"}, where)
    for key, allowed in (("kind", KINDS), ("words", WORDS)):
        if entry[key] not in allowed:
            raise ClaimError(f"{where}: got {key} {entry[key]!r}; wanted {', '.join(allowed)}")
    definitions = tuple(_definition(d, where) for d in entry["definition"])
    ids = [d.id for d in definitions]
    if len(set(ids)) < len(ids):
        raise ClaimError(f"{where}: two definitions have one id")
    return Claim(
        id=entry["id"],
        kind=entry["kind"],
        words=entry["words"],
        quote=entry.get("quote", ""),
        text=entry["text"],
        source=entry.get("source", top.get("source", "")),
        source_date=parse_date(entry.get("source_date", top.get("source_date", "")), "source_date"),
        definitions=definitions,
    )


def _definition(entry: Mapping[str, Any], claim: str) -> Definition:
    where = f"{claim}, definition {entry.get('id', '(without id)')!r}"
    _check_keys(entry, _DEFINITION_KEYS, {"id", "model", "why"}, where)
    model = entry["model"]
    known = (*MODEL_NAMES, "audit", "none")
    if model not in known:
        raise ClaimError(f"{where}: no model is called {model!r}; wanted one of {one_line(known)}")
    waits = bool(entry.get("waits", False))
    if "event" in entry:
        check_event(entry["event"], where)
    elif model in MODEL_NAMES and not waits:
        raise ClaimError(f"{where}: a definition for the {model} model needs an event")
    window = None
    if "window" in entry:
        if len(entry["window"]) != 2:
            raise ClaimError(f"{where}: got {len(entry['window'])} days as window; wanted two")
        try:
            start, end = (parse_date(day, "window") for day in entry["window"])
        except DataError as error:
            raise ClaimError(f"{where}: {error}") from None
        if end < start:
            raise ClaimError(f"{where}: the window ends on {end}, before it starts on {start}")
        window = (start, end)
    elif "event" in entry:
        raise ClaimError(f"{where}: an event needs a window of two days")
    rate = entry.get("base_rate")
    return Definition(
        id=entry["id"],
        model=model,
        why=entry["why"],
        event=entry.get("event"),
        window=window,
        check=entry.get("check"),
        base_rate=BaseRate(**rate) if rate else None,
        waits=waits,
    )


# --- judging ---------------------------------------------------------------------------------
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
    if definition.waits:
        return None, None, "model not built yet", f"Waits for a later model. {definition.why}", 0
    if model in failed:
        return None, None, "gate failed", failed[model], 0
    if model not in by_model:
        return None, None, "model not run", f"The {model} model is not in these draws.", 0
    try:
        hit = event_draws(definition, by_model[model])
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
        f"Not for this model; base rate {100 * rate.probability:.0f} % "
        f"({rate.events:g} in {rate.exposure:g} {rate.unit}, asked about {rate.horizon:g}: "
        f"{rate.how}). {definition.why}"
    )
