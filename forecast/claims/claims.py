"""Read claims, judge them by joint draws.

Invariant: every definition of the claims file comes back as one verdict, with a number or with the
reason why there is none; nothing is dropped. ``tests/test_claims.py`` counts them.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import html
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from arviz_stats.base import array_stats

from forecast.claims.events import FIELDS, happens, read_event, single
from forecast.claims.verdict import Verdict
from forecast.core import fields
from forecast.core.errors import ClaimError, UndefinedError
from forecast.core.files import read_toml
from forecast.core.periods import parse_date
from forecast.core.text import one_line, percent
from forecast.models.registry import NAMES as MODEL_NAMES
from forecast.tables.shipped import CLAIMS_FILE, data_dir

KINDS = ("forecast", "fact", "judgement")
WORDS = ("verbatim", "fragment", "paraphrase")
POLARITIES = ("same", "opposite")

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
        none = (1 + self.horizon / self.exposure) ** -(self.events + 0.5)
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
        A table of the vocabulary in :mod:`forecast.claims.events`, or in a session a function of draws
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
    group
        The clock it reads, such as prices or spending; readings of one group stand together.
    label
        A few words for a figure; "" for one that is not drawn when it may come.
    thresholds
        Other values of the event's ``fall`` or ``value``, for the table of how the answer moves.
    polarity
        ``same``, or ``opposite`` if its coming true speaks against the claim.
    excludes
        Readings of the claim that cannot come true if this one does, and the other way round.
    """

    id: str
    model: str
    why: str
    event: Mapping[str, Any] | Callable[[xr.Dataset], xr.DataArray] | None = None
    window: tuple[dt.date, dt.date] | None = None
    check: Mapping[str, Any] | None = None
    base_rate: BaseRate | None = None
    waits: bool = False
    group: str = ""
    label: str = ""
    thresholds: tuple[float, ...] = ()
    polarity: str = "same"
    excludes: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class Pool:
    """How much each reading of a claim weighs in its pooled answer.

    Attributes
    ----------
    weights
        By definition id, above nought; they are divided by their sum.
    why
        Why these readings and these weights.
    """

    weights: Mapping[str, float]
    why: str


@dataclasses.dataclass(frozen=True)
class Implied:
    """The probability that a claim's own words imply.

    Attributes
    ----------
    low, high
        Range, shares.
    how
        How it is read off the words.
    """

    low: float
    high: float
    how: str


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
    pool
        Weights of a pooled answer, None for none.
    implied
        The probability that its words imply, None where they name none.
    """

    id: str
    kind: str
    words: str
    quote: str
    text: str
    source: str
    source_date: dt.date
    definitions: tuple[Definition, ...]
    pool: Pool | None = None
    implied: Implied | None = None


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
        """Return the verdicts that :meth:`records` wrote, each from `draws` joint draws.

        Records of before the field ``polarity`` come back as ``same``.

        Raises
        ------
        ClaimError
            If they are not what it writes.
        """
        try:
            return cls(
                tuple(
                    Verdict(**row, draws=0 if row["probability"] is None else draws)
                    for row in records
                )
            )
        except (TypeError, KeyError) as error:
            raise ClaimError(
                f"got something that is no verdict ({error}); make the run again"
            ) from error

    def _repr_html_(self) -> str:
        """Show the table with probabilities as percent and an ICD 203 word."""
        rows = "".join(
            f"<tr><td>{html.escape(v.claim)}</td><td>{html.escape(v.definition)}</td>"
            f"<td style='text-align:right'>{html.escape(answer_text(v))}</td>"
            f"<td>{html.escape(answer_word(v))}</td><td>{html.escape(window_text(v))}</td>"
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


def answer_text(verdict: Verdict) -> str:
    """Return a verdict's answer: a probability with the bound of its draws, yes or no, or a dash."""
    if verdict.status == "decided":
        return "yes" if verdict.probability else "no"
    return percent(verdict.probability, verdict.draws)


def answer_word(verdict: Verdict) -> str:
    """Return the words for a verdict's probability; nothing for what is decided or has none."""
    return "" if verdict.status == "decided" else word(verdict.probability)


def window_text(verdict: Verdict) -> str:
    """Return the window as two days, one day, or a dash."""
    start, end = verdict.window_start, verdict.window_end
    if start is None or end is None:
        return "–"
    return start if start == end else f"{start} to {end}"


# --- reading ---------------------------------------------------------------------------------
CHECKS: Mapping[str, fields.Keys] = {
    "sum": fields.Keys(
        {"entity": fields.TEXT, "metric": fields.TEXT, "first": fields.PERIOD}
        | {"last": fields.PERIOD, "said": fields.ABOVE_ZERO, "unit": fields.UNIT}
    ),
    "ratio": fields.Keys(dict.fromkeys(("entity", "metric", "top", "bottom"), fields.TEXT)),
    "reference": fields.Keys({}, {"entity": fields.TEXT, "metric": fields.TEXT}),
    "doubling": fields.Keys({"metric": fields.TEXT, "said_months": fields.ABOVE_ZERO}),
    "score_gain": fields.Keys(
        dict.fromkeys(("metric", "from", "to"), fields.TEXT) | {"said": fields.NUMBER}
    ),
    "unit": fields.Keys({}),
    "homes": fields.Keys({"entity": fields.TEXT}),
    "stale": fields.Keys({"metric": fields.TEXT}, {"entity": fields.TEXT}),
    "range": fields.Keys(dict.fromkeys(("entity", "low", "high"), fields.TEXT)),
}
"""Parameters of the audit's rules, by rule."""

WEIGHTS = fields.Field(
    "a table of id = weight, one or more, each a number above 0 (leave a reading out that is to "
    "weigh nothing)",
    lambda v: isinstance(v, Mapping) and bool(v) and all(map(fields.ABOVE_ZERO.fits, v.values())),
)
TOP = fields.Keys(
    {"claim": fields.TABLES},
    {"source": fields.ANY_TEXT, "source_date": fields.DAY, "sums": fields.TABLE},
)
CLAIM = fields.Keys(
    {
        "id": fields.NAME,
        "kind": fields.one_of(*KINDS),
        "words": fields.one_of(*WORDS),
        "text": fields.TEXT,
        "definition": fields.TABLES,
    },
    {
        "quote": fields.ANY_TEXT,
        "source": fields.ANY_TEXT,
        "source_date": fields.DAY,
        "pool": fields.TABLE,
        "implied": fields.TABLE,
    },
)
POOL = fields.Keys({"weights": WEIGHTS, "why": fields.TEXT})
IMPLIED = fields.Keys({"low": fields.SHARE, "high": fields.SHARE, "how": fields.TEXT})
DEFINITION = fields.Keys(
    {
        "id": fields.NAME,
        "model": fields.one_of(*MODEL_NAMES, "audit", "none"),
        "why": fields.TEXT,
    },
    {
        "event": fields.TABLE,
        "window": fields.WINDOW,
        "check": fields.TABLE,
        "base_rate": fields.TABLE,
        "waits": fields.FLAG,
        "group": fields.ANY_TEXT,
        "label": fields.ANY_TEXT,
        "thresholds": fields.NUMBERS,
        "polarity": fields.one_of(*POLARITIES),
        "excludes": fields.NAMES,
    },
)
BASE_RATE = fields.Keys(
    {
        "events": fields.NOT_NEGATIVE,
        "exposure": fields.ABOVE_ZERO,
        "horizon": fields.ABOVE_ZERO,
        "unit": fields.TEXT,
        "how": fields.TEXT,
        "source": fields.TEXT,
    }
)
CLAIM_KEYS, DEFINITION_KEYS = set(CLAIM.all), set(DEFINITION.all)


def read_claims(path: str | Path | None = None) -> tuple[Claim, ...]:
    """Read a claims file; the shipped one by default.

    Raises
    ------
    ClaimError
        Naming the file, the claim, the definition and the key that cannot be read, and what was
        wanted.
    """
    path = data_dir() / CLAIMS_FILE if path is None else Path(path)
    raw = read_toml(path, "claims file")
    fields.check(raw, TOP, f"{path}, at the top of the file")
    sums = read_sums(raw.get("sums", {}), str(path))
    claims = tuple(
        _claim(entry, raw, sums, f"{path}, claim {fields.title(entry, n)}")
        for n, entry in enumerate(raw["claim"], 1)
    )
    twice = _twice([claim.id for claim in claims])
    if twice:
        raise ClaimError(f"{path}: more than one claim is called {one_line(twice)}")
    return claims


def _twice(names: Sequence[str]) -> list[str]:
    return sorted({name for name in names if names.count(name) > 1})


def _claim(
    entry: Mapping[str, Any], top: Mapping[str, Any], sums: Mapping[str, Sequence[str]], where: str
) -> Claim:
    fields.check(entry, CLAIM, where)
    if "source_date" not in {*entry, *top}:
        raise ClaimError(f"{where}: missing source_date, here or at the top of the file")
    definitions = tuple(
        _definition(one, entry["kind"], sums, f"{where}, definition {fields.title(one, n)}")
        for n, one in enumerate(entry["definition"], 1)
    )
    ids = [d.id for d in definitions]
    twice = _twice(ids)
    if twice:
        raise ClaimError(f"{where}: two definitions have one id: {one_line(twice)}")
    for one in definitions:
        strange = [name for name in one.excludes if name == one.id or name not in ids]
        if strange:
            raise ClaimError(
                f"{where}, definition {one.id!r}: it excludes {one_line(strange)}; wanted other "
                f"definitions of the claim: {one_line([i for i in ids if i != one.id], 60) or 'none'}"
            )
    return Claim(
        id=entry["id"],
        kind=entry["kind"],
        words=entry["words"],
        quote=entry.get("quote", ""),
        text=entry["text"],
        source=entry.get("source", top.get("source", "")),
        source_date=parse_date(entry.get("source_date", top.get("source_date"))),
        definitions=definitions,
        pool=_pool(entry["pool"], definitions, where) if "pool" in entry else None,
        implied=_implied(entry["implied"], where) if "implied" in entry else None,
    )


def read_sums(entry: Any, file: str) -> dict[str, list[str]]:
    """Return the sums a file names, each with its members.

    Raises
    ------
    ClaimError
        If a sum is no list of two or more names.
    """
    if not isinstance(entry, Mapping):
        raise ClaimError(
            f"{file}, sums: got {fields.shown(entry)}; wanted a table of name = [members]"
        )
    for name, members in entry.items():
        where = f"{file}, sums, {name!r}"
        listed = isinstance(members, list) and all(isinstance(m, str) for m in members)
        if not listed or len(set(members)) < max(len(members), 2):
            raise ClaimError(
                f"{where}: got {fields.shown(members)}; wanted two or more names, each once, "
                'such as ["MSFT", "META"]'
            )
        bad = [one for one in (name, *members) if not fields.NAME.fits(one)]
        if bad:
            raise ClaimError(
                f"{where}: got {fields.shown(bad)}; wanted names without a metric: the metric stands "
                "in the event, as in SUM/capex"
            )
    return {str(name): list(members) for name, members in entry.items()}


def _pool(entry: Any, definitions: Sequence[Definition], claim: str) -> Pool:
    where = f"{claim}, pool"
    fields.check(entry, POOL, where)
    weights, ids = entry["weights"], [d.id for d in definitions]
    strange = [name for name in weights if name not in ids]
    if strange:
        raise ClaimError(
            f"{where}: no definition is called {fields.names(strange)}; there are {one_line(ids, 60)}"
        )
    against = [d.id for d in definitions if d.id in weights and d.polarity == "opposite"]
    if against:
        raise ClaimError(
            f"{where}: {one_line(against)} speaks against the claim; wanted weights of readings that "
            "speak for it: leave it out"
        )
    if not math.isfinite(sum(float(w) for w in weights.values())):
        raise ClaimError(f"{where}: the sum of the weights is infinite; wanted smaller ones")
    return Pool({str(n): float(w) for n, w in weights.items()}, entry["why"])


def _implied(entry: Any, claim: str) -> Implied:
    where = f"{claim}, implied"
    fields.check(entry, IMPLIED, where)
    low, high = float(entry["low"]), float(entry["high"])
    if low > high:
        raise ClaimError(f"{where}: got {low} to {high}; wanted shares, 0 <= low <= high <= 1")
    return Implied(low, high, entry["how"])


def _definition(
    entry: Mapping[str, Any], kind: str, sums: Mapping[str, Sequence[str]], where: str
) -> Definition:
    fields.check(entry, DEFINITION, where)
    wrong = _contradiction(entry, kind)
    if wrong:
        raise ClaimError(f"{where}: {wrong}")
    window = read_window(entry["window"], where) if "window" in entry else None
    event = None
    if "event" in entry and window is not None:
        event = read_event(entry["event"], f"{where}, event", window, sums)
    if "check" in entry:
        check_rule(entry["check"], f"{where}, check")
    if "base_rate" in entry:
        fields.check(entry["base_rate"], BASE_RATE, f"{where}, base_rate")
    return Definition(
        id=entry["id"],
        model=entry["model"],
        why=entry["why"],
        event=event,
        window=window,
        check=entry.get("check"),
        base_rate=BaseRate(**entry["base_rate"]) if "base_rate" in entry else None,
        waits=entry.get("waits", False),
        group=entry.get("group", ""),
        label=entry.get("label", ""),
        thresholds=_thresholds(entry, where),
        polarity=entry.get("polarity", "same"),
        excludes=tuple(entry.get("excludes", ())),
    )


def _contradiction(entry: Mapping[str, Any], kind: str) -> str:
    """Return what is wrong with keys of a definition that are right one by one; "" if nothing is."""
    model = entry["model"]
    if (kind == "fact") != (model == "audit"):
        return f"got model {model} in a claim of the kind {kind}; wanted facts, and they alone, audited"
    if (model == "audit") != ("check" in entry):
        return "a definition for the audit, and no other, needs a check"
    if "event" in entry and model not in MODEL_NAMES:
        return f"got an event and model {model}; wanted a model that decides it"
    if "event" not in entry and model in MODEL_NAMES and not entry.get("waits", False):
        return f"a definition for the {model} model needs an event"
    if "event" in entry and "window" not in entry:
        return "an event needs a window of two days"
    return ""


def read_window(entry: Any, where: str) -> tuple[dt.date, dt.date]:
    """Return a window of two days as written in a file; `where` names it in the error.

    Raises
    ------
    ClaimError
        If there are not two days, one cannot be read, or the window ends before it starts.
    """
    if not fields.WINDOW.fits(entry):
        raise ClaimError(
            f"{where}: got window {fields.shown(entry)}, wanted {fields.WINDOW.wanted}"
        )
    start, end = (parse_date(day) for day in entry)
    if end < start:
        raise ClaimError(f"{where}: the window ends on {end}, before it starts on {start}")
    return start, end


def check_rule(entry: Mapping[str, Any], where: str) -> None:
    """Check the parameters of a rule of the audit; `where` names it in the error.

    Raises
    ------
    ClaimError
        If there is no such rule, or a parameter is missing, not known, or not what is wanted.
    """
    rule = entry.get("rule")
    if not isinstance(rule, str) or rule not in CHECKS:
        raise ClaimError(
            f"{where}: no audit rule is called {fields.shown(rule)}; there are {', '.join(CHECKS)}"
        )
    keys = CHECKS[rule]
    fields.check(entry, fields.Keys({"rule": fields.TEXT, **keys.must}, keys.may), where)


def _thresholds(entry: Mapping[str, Any], where: str) -> tuple[float, ...]:
    """Return other values of an event's ``fall`` or ``value``; each must fit there."""
    values = entry.get("thresholds", [])
    key = next((k for k in ("fall", "value") if k in entry.get("event", {})), None)
    if values and key is None:
        raise ClaimError(f"{where}: thresholds need an event with a fall or a value")
    bad = [v for v in values if not FIELDS[str(key)].fits(v)]
    if bad:
        raise ClaimError(
            f"{where}: got thresholds {fields.shown(bad)}, wanted what {key} takes: "
            f"{FIELDS[str(key)].wanted}"
        )
    return tuple(float(v) for v in values)


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
    if definition.waits:
        return None, None, "model not built yet", f"Waits for a later model. {definition.why}", 0
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


# --- pooling ---------------------------------------------------------------------------------
@dataclasses.dataclass(frozen=True)
class Pooled:
    """The readings of one claim as one number; it never stands alone.

    Attributes
    ----------
    claim
        Its id.
    probability, error
        The logarithmic pool and its Monte-Carlo standard error; None if a reading has no number.
    linear
        The same readings averaged: the chance that the claim comes true if one of them, drawn by
        weight, is what was meant.
    naive
        The pool of the naive forecast's numbers, None where a reading has none.
    weights
        By definition id; they sum to one.
    missing
        Readings with a weight but no number.
    why
        Why these weights.
    """

    claim: str
    probability: float | None
    error: float | None
    linear: float | None
    naive: float | None
    weights: Mapping[str, float]
    missing: tuple[str, ...]
    why: str


def log_pool(probabilities: Sequence[float], weights: Sequence[float]) -> float:
    """Return the logarithmic pool: log-odds averaged by weight (Genest and Zidek 1986).

    Examples
    --------
    >>> round(log_pool([0.2, 0.8], [1, 1]), 9), round(log_pool([0.1, 0.5], [3, 1]), 3)
    (0.5, 0.161)
    """
    p, w = np.asarray(probabilities, float), np.asarray(weights, float)
    odds = float((w * np.log(p / (1 - p))).sum() / w.sum())
    return 1 / (1 + float(np.exp(-odds)))


def pool(
    claim: Claim, verdicts: Verdicts, naive: Mapping[tuple[str, str], float] | None = None
) -> Pooled | None:
    """Pool the readings of a claim by the weights of its file, None if it names none.

    A probability of nought or one of N draws is taken for 1/(2 N) away from it, or one reading
    would decide all. The error is that of the log-odds by the delta method: errors of one model's
    readings, which share their draws, are added up, those of different models are independent.

    Parameters
    ----------
    claim, verdicts
        The claim, and verdicts that hold its own.
    naive
        The naive forecast's probabilities by (claim id, definition id).
    """
    if claim.pool is None:
        return None
    total = sum(claim.pool.weights.values())
    weights = {name: weight / total for name, weight in claim.pool.weights.items()}
    rows = {v.definition: v for v in verdicts if v.claim == claim.id and v.definition in weights}
    missing = tuple(n for n in weights if n not in rows or rows[n].probability is None)
    if missing:
        return Pooled(claim.id, None, None, None, None, weights, missing, claim.pool.why)

    def inside(p: float | None, draws: int) -> float:
        edge = 0.5 / max(draws, 1)
        return float(np.clip(p if p is not None else np.nan, edge, 1 - edge))

    p = {n: inside(rows[n].probability, rows[n].draws) for n in weights}
    by_model: dict[str, float] = {}
    for n, weight in weights.items():
        own = weight * (rows[n].mcse or 0.0) / (p[n] * (1 - p[n]))
        by_model[rows[n].model] = by_model.get(rows[n].model, 0.0) + own
    pooled = log_pool(list(p.values()), list(weights.values()))
    error = pooled * (1 - pooled) * float(np.sqrt(sum(e**2 for e in by_model.values())))
    others = {n: (naive or {}).get((claim.id, n)) for n in weights}
    known = None not in others.values()
    return Pooled(
        claim.id,
        pooled,
        error,
        sum(w * (rows[n].probability or 0.0) for n, w in weights.items()),
        log_pool([inside(others[n], rows[n].draws) for n in weights], list(weights.values()))
        if known
        else None,
        weights,
        (),
        claim.pool.why,
    )


def _judgement(definition: Definition) -> str:
    rate = definition.base_rate
    if rate is None:
        return f"Not for this model. {definition.why}"
    return (
        f"Not for this model; base rate {percent(rate.probability)} "
        f"({rate.events:g} in {rate.exposure:g} {rate.unit}, asked about {rate.horizon:g}: "
        f"{rate.how}). {definition.why}"
    )
