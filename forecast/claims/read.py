"""Claims from a file, every key checked."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from forecast.claims.events import FIELDS, Event, level_name, read_event
from forecast.claims.records import (
    KINDS,
    POLARITIES,
    WORDS,
    BaseRate,
    Claim,
    Definition,
    Implied,
    Pool,
    Resolution,
)
from forecast.claims.rules import RULES, Rule
from forecast.core import fields
from forecast.core.errors import ClaimError
from forecast.core.files import read_toml
from forecast.core.periods import parse_date
from forecast.core.text import one_line
from forecast.models import registry
from forecast.tables.articles import CLAIMS_FILE, find_article

CHECKS: Mapping[str, fields.Keys] = {
    "sum": fields.Keys(
        {"entity": fields.TEXT, "metric": fields.TEXT, "first": fields.PERIOD}
        | {"last": fields.PERIOD, "said": fields.ABOVE_ZERO, "unit": fields.UNIT}
    ),
    "ratio": fields.Keys(
        dict.fromkeys(("entity", "metric", "top", "bottom"), fields.TEXT), {"note": fields.TEXT}
    ),
    "reference": fields.Keys({}, {"entity": fields.TEXT, "metric": fields.TEXT}),
    "doubling": fields.Keys(
        {"metric": fields.TEXT, "said_months": fields.ABOVE_ZERO}, {"said": fields.TEXT}
    ),
    "score_gain": fields.Keys(
        dict.fromkeys(("metric", "from", "to"), fields.TEXT) | {"said": fields.NUMBER}
    ),
    "unit": fields.Keys({}),
    "homes": fields.Keys(
        {"entity": fields.TEXT}, dict.fromkeys(("low", "high", "said", "each"), fields.TEXT)
    ),
    "stale": fields.Keys({"metric": fields.TEXT}, {"entity": fields.TEXT}),
    "range": fields.Keys(dict.fromkeys(("entity", "low", "high"), fields.TEXT)),
}
"""Parameters of the audit's rules, by rule."""
RENAMED = {"from": "before", "to": "after"}
"""Parameters that have another name in a rule's record; Python keeps ``from`` for itself."""


WEIGHTS = fields.Field(
    "a table of id = weight, one or more, each a number above 0 (leave a definition out that is to "
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


def definition_keys() -> fields.Keys:
    """Return what a definition may hold; its model is one of those that there are by now."""
    return fields.Keys(
        {
            "id": fields.NAME,
            "model": fields.one_of(*registry.names(), "audit", "none"),
            "why": fields.TEXT,
        },
        {
            "event": fields.TABLE,
            "window": fields.WINDOW,
            "check": fields.TABLE,
            "base_rate": fields.TABLE,
            "group": fields.ANY_TEXT,
            "label": fields.ANY_TEXT,
            "phrase": fields.TEXT,
            "thresholds": fields.NUMBERS,
            "polarity": fields.one_of(*POLARITIES),
            "excludes": fields.NAMES,
            "same_event": fields.NAMES,
            "resolution": fields.TABLE,
            "unscorable": fields.TEXT,
            "already": fields.FLAG,
            "given": fields.TABLE,
            "given_window": fields.WINDOW,
            "given_model": fields.one_of(*registry.names()),
        },
    )


RESOLUTION = fields.Keys(
    {
        "series": fields.TEXT,
        "publisher": fields.TEXT,
        "rule": fields.TEXT,
        "on": fields.DAY,
    }
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


def read_claims(path: str | Path | None = None) -> tuple[Claim, ...]:
    """Read a claims file; the shipped one by default.

    Raises
    ------
    ClaimError
        Naming the file, the claim, the definition and the key that cannot be read, and what was
        wanted.
    """
    path = find_article().file(CLAIMS_FILE) if path is None else Path(path)
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
    entry: Mapping[str, fields.Value],
    top: Mapping[str, fields.Value],
    sums: Mapping[str, Sequence[str]],
    where: str,
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
        wrong = _no_twin(one, {d.id: d for d in definitions})
        if wrong:
            raise ClaimError(f"{where}, definition {one.id!r}: {wrong}")
    claim = Claim(
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
    weights = {} if claim.pool is None else claim.pool.weights
    alone = [f"{n} without {t}" for n in weights for t in claim.twins(n) if t not in weights]
    if alone:
        raise ClaimError(
            f"{where}, pool: got {one_line(alone)}, the same event by another model; wanted weights of "
            "both: no answer rests on one model where two tell of the event"
        )
    return claim


def _no_twin(one: Definition, by_id: Mapping[str, Definition]) -> str:
    """Return what is wrong with the definitions that are said to ask the same event of other models."""
    for name in one.same_event:
        other = by_id.get(name)
        if other is None or other is one:
            there = one_line([i for i in by_id if i != one.id], 60) or "none"
            return f"got same_event {name!r}; wanted other definitions of the claim: {there}"
        if other.model == one.model or other.event is None or one.event is None:
            return (
                f"got same_event {name!r}, by {other.model}; wanted this definition's event asked of "
                f"another model than {one.model}"
            )
        if (other.window, other.polarity) != (one.window, one.polarity):
            return f"got same_event {name!r} of another window or polarity; wanted the same of both"
    return ""


def read_sums(entry: fields.Value, file: str) -> dict[str, list[str]]:
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


def _pool(entry: fields.Value, definitions: Sequence[Definition], claim: str) -> Pool:
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
            f"{where}: {one_line(against)} speaks against the claim; wanted weights of definitions that "
            "speak for it: leave it out"
        )
    unscorable = [d.id for d in definitions if d.id in weights and d.unscorable]
    if unscorable:
        raise ClaimError(
            f"{where}: nobody can score {one_line(unscorable)}; wanted weights of definitions whose "
            "outcome somebody can tell: leave it out"
        )
    if not math.isfinite(sum(float(w) for w in weights.values())):
        raise ClaimError(f"{where}: the sum of the weights is infinite; wanted smaller ones")
    return Pool({str(n): float(w) for n, w in weights.items()}, entry["why"])


def _implied(entry: fields.Value, claim: str) -> Implied:
    where = f"{claim}, implied"
    fields.check(entry, IMPLIED, where)
    low, high = float(entry["low"]), float(entry["high"])
    if low > high:
        raise ClaimError(f"{where}: got {low} to {high}; wanted shares, 0 <= low <= high <= 1")
    return Implied(low, high, entry["how"])


def _definition(
    entry: Mapping[str, fields.Value], kind: str, sums: Mapping[str, Sequence[str]], where: str
) -> Definition:
    if "waits" in entry:
        raise ClaimError(f"{where}: waits is no key any more, for no model is waited for; drop it")
    fields.check(entry, definition_keys(), where)
    wrong = _contradiction(entry, kind)
    if wrong:
        raise ClaimError(f"{where}: {wrong}")
    window = read_window(entry["window"], where) if "window" in entry else None
    event = None
    if "event" in entry and window is not None:
        event = read_event(entry["event"], f"{where}, event", window, sums)
    given, given_window = None, window
    if "given" in entry:
        if "given_window" in entry:
            given_window = read_window(entry["given_window"], f"{where}, given_window")
        given = read_event(entry["given"], f"{where}, given", given_window, sums)
        if given == event and given_window == window:
            raise ClaimError(f"{where}: got one event as event and given; wanted two")
    if "base_rate" in entry:
        fields.check(entry["base_rate"], BASE_RATE, f"{where}, base_rate")
    return Definition(
        id=entry["id"],
        model=entry["model"],
        why=entry["why"],
        event=event,
        window=window,
        check=read_rule(entry["check"], f"{where}, check") if "check" in entry else None,
        base_rate=BaseRate(**entry["base_rate"]) if "base_rate" in entry else None,
        group=entry.get("group", ""),
        label=entry.get("label", ""),
        phrase=entry.get("phrase", ""),
        thresholds=_thresholds(entry.get("thresholds", []), event, where),
        polarity=entry.get("polarity", "same"),
        excludes=tuple(entry.get("excludes", ())),
        same_event=tuple(entry.get("same_event", ())),
        resolution=_resolution(entry, window, where),
        unscorable=entry.get("unscorable", ""),
        already=entry.get("already", False),
        given=given,
        given_window=given_window if given is not None else None,
        given_model=entry.get("given_model", ""),
    )


def _resolution(
    entry: Mapping[str, fields.Value], window: tuple[dt.date, dt.date] | None, where: str
) -> Resolution | None:
    if "resolution" not in entry:
        return None
    given = entry["resolution"]
    fields.check(given, RESOLUTION, f"{where}, resolution")
    on = parse_date(given["on"])
    if window is not None and on < window[1]:
        raise ClaimError(
            f"{where}, resolution: got on {on}, before the window ends on {window[1]}; wanted the day "
            "on which the outcome can be looked up at the latest"
        )
    return Resolution(given["series"], given["publisher"], given["rule"], on)


def _contradiction(entry: Mapping[str, fields.Value], kind: str) -> str:
    """Return what is wrong with keys of a definition that are right one by one; "" if nothing is."""
    model = entry["model"]
    if (kind == "fact") != (model == "audit"):
        return f"got model {model} in a claim of the kind {kind}; wanted facts, and they alone, audited"
    if (model == "audit") != ("check" in entry):
        return "a definition for the audit, and no other, needs a check"
    decides = model not in ("audit", "none")
    if "event" in entry and not decides:
        return f"got an event and model {model}; wanted a model that decides it"
    if "event" not in entry and decides:
        return f"a definition for the {model} model needs an event"
    if "event" in entry and "window" not in entry:
        return "an event needs a window of two days"
    if "resolution" in entry and "unscorable" in entry:
        return "got resolution and unscorable; wanted how its outcome is told, or why nobody can"
    alone = [
        key for key in ("given_window", "given_model") if key in entry and "given" not in entry
    ]
    if "given" in entry and "event" not in entry:
        return "a condition, given, needs an event beside it"
    if alone:
        return f"got {one_line(alone)} without given; wanted the condition too, an event's table"
    return ""


def read_window(entry: fields.Value, where: str) -> tuple[dt.date, dt.date]:
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


def read_rule(entry: Mapping[str, fields.Value], where: str) -> Rule:
    """Return a rule of the audit as it stands in a file, checked; `where` names it in the error.

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
    make: Callable[..., Rule] = RULES[rule]
    return make(**{RENAMED.get(k, k): value for k, value in entry.items() if k != "rule"})


def _thresholds(values: Sequence[float], event: Event | None, where: str) -> tuple[float, ...]:
    """Return other values of an event's level, its ``fall`` or ``value``; each must fit there."""
    level = level_name(event) if event is not None else ""
    if values and not level:
        raise ClaimError(f"{where}: thresholds need an event with a fall or a value")
    bad = [v for v in values if not FIELDS[level].fits(v)]
    if bad:
        raise ClaimError(
            f"{where}: got thresholds {fields.shown(bad)}, wanted what {level} takes: "
            f"{FIELDS[level].wanted}"
        )
    return tuple(float(v) for v in values)
