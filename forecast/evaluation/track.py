"""Keep score: forecasts locked when they are made, outcomes as they come, one vote an event.

``OUT/track/forecasts.csv`` holds every probability that a run gave to a definition, with the day it
was written and what others said of the same event; ``outcomes.csv`` holds how definitions were resolved.
Rows are only ever added, and none can be changed or lost unnoticed (:mod:`forecast.store.chain`).

A forecast and an outcome belong together if they are about one question (:func:`question`). A forecast
weighs the days on which it stood: from the day it was made to that of the next one, or to the outcome
or the window's end, whichever is first.

Invariant: a forecast written on the day of the outcome or later has no score. A claim counts in the
means when its window has closed, whenever its outcome became known: if one that came true early
counted at once, while one that does not come true counts at the end, the means up to then would be of
those that came true.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import hashlib
import json
import logging
import re
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd

from forecast.claims.events import Event, Growth, SlopeBetween, as_table, periods_named
from forecast.core import lock
from forecast.core.errors import ClaimError, DataError, StoreError
from forecast.core.periods import parse_date, period_end
from forecast.core.text import one_line
from forecast.evaluation import score
from forecast.evaluation.surprise import Forecast, cells_of, forecast_of
from forecast.store import chain, runs

if TYPE_CHECKING:
    from forecast.claims.outcomes import Decision, Undone
    from forecast.claims.records import Claim, Definition
    from forecast.tables.vintages import Known

logger = logging.getLogger(__name__)
OUTCOMES = ("yes", "no", "open", "ambiguous", "annulled")
"""How a definition can stand: the first two are scored; ``open`` takes an outcome back."""
BY_DATA = "data:"
"""How the source of an outcome begins that reported numbers decided, or took back."""
SOURCES = ("model", "naive", "base_rate", "implied")
"""Whose probabilities are scored: ours, the naive rule's, a stated base rate, and what the words of
the claim imply."""
FORECASTS = (
    "written_on", "as_of", "run", "claim", "definition", "question", "window_end", *SOURCES, "link",
)  # fmt: skip
RESOLVED = ("written_on", "claim", "definition", "question", "outcome", "on", "source", "link")
LEVELS = (50, 80, 95)


def _place(out: str | Path) -> Path:
    place = Path(out) / "track"
    place.mkdir(parents=True, exist_ok=True)
    return place


def _held(out: str | Path) -> AbstractContextManager[None]:
    return lock.hold(_place(out) / ".lock", f"the track record in {out}")


def question(claim: Claim, definition: Definition) -> str:
    """Return a hash of what a definition asks: of the claim's words, a dash, of event and window.

    The words are the quote, of a paraphrase the text, and where there is no event the definition's
    own; only their letters and digits count, so that a comma put right is no other question. What makes
    no difference to the answer is not in it: the ``why`` of a definition with an event, labels,
    groups, other thresholds, the model that judges.

    Raises
    ------
    ClaimError
        If the event is a function: what it asks is not known from its name.
    """
    if callable(definition.event):
        raise ClaimError(f"{claim.id}/{definition.id}: an event that is a function has no record")
    said = claim.quote or claim.text
    if definition.event is None:
        said = f"{said} {definition.why}"
    words = " ".join(re.findall(r"\w+", said.casefold()))
    # What is written out as it would be if it were left out asks the same.
    event = None if definition.event is None else _plain(as_table(definition.event))
    asked: list[object] = [event, definition.window]
    if definition.given is not None:
        if callable(definition.given):
            raise ClaimError(
                f"{claim.id}/{definition.id}: a condition that is a function has no record"
            )
        window = definition.given_window or definition.window
        asked += [_plain(as_table(definition.given)), window]
    content = json.dumps(asked, sort_keys=True, default=str)
    return "-".join(hashlib.sha256(part.encode()).hexdigest()[:12] for part in (words, content))


def _plain(value: object) -> object:
    """Return a value as one of those that ask the same: 10.0 is 10, a list of one its member."""
    if isinstance(value, Mapping):
        return {key: _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return _plain(value[0]) if len(value) == 1 else sorted(map(_plain, value), key=str)
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _same(one: str, other: str) -> bool:
    """Return whether two hashes are of one question; former ones are of event and window only."""
    parts = min((one.split("-"), other.split("-")), key=len)
    return one.split("-")[-len(parts) :] == other.split("-")[-len(parts) :]


# --- writing ---------------------------------------------------------------------------------
def lock_run(out: str | Path, run: str, claims: Sequence[Claim], today: dt.date) -> int:
    """Lock the probabilities of a run's definitions; what is locked already is passed over.

    Parameters
    ----------
    out
        Output folder.
    run
        A run in it.
    claims
        The claims it judged.
    today
        The day on which the forecast is made, whatever the data's date.

    Returns
    -------
    int
        Number of rows added: definitions with an open window whose number or question is new.

    Raises
    ------
    StoreError
        If the run is damaged, or the track record was altered.
    """
    folder = runs.verify(Path(out) / "runs" / run)
    manifest, verdicts, sensitivity = (
        json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
        for name in ("manifest", "verdicts", "sensitivity")
    )
    naive = {(s["claim"], s["definition"]): s["naive"] for s in sensitivity}
    judged = {(v["claim"], v["definition"]): v for v in verdicts}
    rows = []
    for claim, definition in _definitions(claims):
        verdict = judged.get((claim.id, definition.id))
        if verdict is None or verdict["status"] != "judged" or definition.window is None:
            continue  # without a number, or decided: nothing is forecast
        if definition.window[1] < today:
            continue  # what is over is not forecast
        rate, said = definition.base_rate, claim.implied
        rows.append(
            {
                "written_on": today.isoformat(),
                "as_of": manifest["as_of"],
                "run": folder.name,
                "claim": claim.id,
                "definition": definition.id,
                "question": question(claim, definition),
                "window_end": definition.window[1].isoformat(),
                "model": _number(verdict["probability"]),
                "naive": _number(naive.get((claim.id, definition.id))),
                "base_rate": _number(None if rate is None else rate.probability),
                "implied": _number(None if said is None else (said.low + said.high) / 2),
            }
        )
    with _held(out):
        path = _place(out) / "forecasts.csv"
        known: dict[tuple[str, ...], list[str]] = {}
        for old in chain.read(path, FORECASTS):
            known.setdefault(_forecast(old), []).append(old["question"])
        fresh = [
            row
            for row in rows
            if not any(_same(row["question"], q) for q in known.get(_forecast(row), []))
        ]
        if fresh:
            chain.append(path, FORECASTS, fresh)
    return len(fresh)


def _forecast(row: Mapping[str, str]) -> tuple[str, ...]:
    """Return what, with its question, makes two rows the same forecast."""
    return tuple(row[name] for name in ("run", "claim", "definition"))


def _number(value: float | None) -> str:
    return "" if value is None else repr(float(value))


def _definitions(claims: Sequence[Claim]) -> list[tuple[Claim, Definition]]:
    return [(claim, definition) for claim in claims for definition in claim.definitions]


def resolve(
    out: str | Path,
    claims: Sequence[Claim],
    claim: str,
    outcome: str,
    *,
    on: str,
    source: str,
    today: dt.date,
    definition: str | Sequence[str] | None = None,
) -> Mapping[str, str]:
    """Write down how a claim came out.

    Parameters
    ----------
    out
        Output folder.
    claims
        The claims file's content.
    claim
        A claim's id.
    outcome
        One of :data:`OUTCOMES`. A later one takes the place of an earlier one; both stay on file.
    on
        The day it was decided, ISO: of a ``yes`` a day of the window, of a ``no`` the window's last
        or a later one.
    source
        Where that can be checked.
    today
        The day this is written.
    definition
        A definition or several; `outcome` is then theirs, whatever it says of the claim. Without one
        it is the claim's: a claim of one definition gets it, turned round if that definition speaks
        against it; of several definitions ``yes`` and ``no`` do not say which came true.

    Returns
    -------
    mapping
        By definition, the outcome that was written.

    Raises
    ------
    ClaimError
        If no claim or definition is called so, the outcome is no word of the list, the claim alone does
        not decide its definitions, or two that exclude each other would be true.
    DataError
        If the day cannot be read, has not come, or is none on which the outcome can be known, or the
        source is empty.
    StoreError
        If the track record was altered.
    """
    found = next((c for c in claims if c.id == claim), None)
    if found is None:
        raise ClaimError(
            f"no claim is called {claim!r}; there are {one_line([c.id for c in claims])}"
        )
    if outcome not in OUTCOMES:
        raise ClaimError(f"got the outcome {outcome!r}; wanted one of {', '.join(OUTCOMES)}")
    given = [definition] if isinstance(definition, str) else definition
    chosen = _chosen(found, outcome, given)
    day = parse_date(on, "day of the outcome")
    if not found.source_date <= day <= today:
        raise DataError(
            f"got {day} as the day of the outcome; wanted one from the claim's, "
            f"{found.source_date}, to today's, {today}"
        )
    for one, word in chosen:
        _check_day(found, one, word, day)
    if not source.strip().isprintable() or not source.strip():
        raise DataError(
            f"got the source {source!r}; say in a line where the outcome can be checked"
        )
    with _held(out):
        standing = outcomes(out)
        for one, word in chosen:
            if word == "yes":
                _check_excluded(found, one, {d.id: w for d, w in chosen}, standing)
        rows = [_row(found, one, word, day, source.strip(), today) for one, word in chosen]
        chain.append(_place(out) / "outcomes.csv", RESOLVED, rows)
    return {one.id: word for one, word in chosen}


def _row(
    claim: Claim, definition: Definition, outcome: str, on: dt.date, source: str, today: dt.date
) -> dict[str, str]:
    return {
        "written_on": today.isoformat(),
        "claim": claim.id,
        "definition": definition.id,
        "question": question(claim, definition),
        "outcome": outcome,
        "on": on.isoformat(),
        "source": source,
    }


def _chosen(
    claim: Claim, outcome: str, names: Sequence[str] | None
) -> list[tuple[Definition, str]]:
    """Return the definitions that an outcome is about, each with its own.

    Raises
    ------
    ClaimError
        If there is no such definition, or the claim's outcome is not that of its definitions.
    """
    all_names = [d.id for d in claim.definitions]
    if names:
        strange = [name for name in names if name not in all_names]
        if strange:
            raise ClaimError(
                f"{claim.id} has no definition {one_line(strange)!r}; there are "
                + one_line(all_names, 60)
            )
        return [(d, outcome) for d in claim.definitions if d.id in names]
    turned = {"yes": "no", "no": "yes"}
    if outcome in turned and len(all_names) > 1:
        raise ClaimError(
            f"{claim.id} has {len(all_names)} definitions, and a {outcome} of the claim does not say "
            f"how each came out; name those that are {outcome} with --definition: "
            + one_line(all_names, 60)
        )
    return [
        (d, turned.get(outcome, outcome) if d.polarity == "opposite" else outcome)
        for d in claim.definitions
    ]


def _check_day(claim: Claim, definition: Definition, outcome: str, day: dt.date) -> None:
    """Refuse a day on which an outcome cannot be known.

    Raises
    ------
    DataError
        Of a ``yes`` outside the window or before a period that must be over, and of a ``no`` before
        the window has closed; a definition without a window never closes, unless it is of a fact.
    """
    name, window = f"{claim.id}/{definition.id}", definition.window
    if window is None:
        if outcome == "no" and claim.kind != "fact":
            raise DataError(
                f"{name} has no window and may still come true: a no is never known; wanted yes, "
                "ambiguous or annulled"
            )
        return
    if outcome == "no" and day < window[1]:
        raise DataError(
            f"{name} may still come true: its window closes on {window[1]}; got a no on {day}, wanted "
            "one on that day or later"
        )
    first = max(window[0], _known_from(definition))
    if outcome == "yes" and not first <= day <= window[1]:
        raise DataError(
            f"got {day} as the day on which {name} came true; wanted one from {first}, before which "
            f"it cannot have, to {window[1]}, when its window closes"
        )


def _known_from(definition: Definition) -> dt.date:
    """Return the first day on which an event can have come true, as far as its periods tell."""
    event, window = definition.event, definition.window
    if not isinstance(event, Event) or window is None:
        return dt.date.min
    if isinstance(event, SlopeBetween) or (isinstance(event, Growth) and event.how == "all"):
        return window[1]  # every period of the window has a say
    ends = [period_end(p) for p in periods_named(event)]
    return min(max(ends, default=dt.date.min), window[1])


def _check_excluded(
    claim: Claim, definition: Definition, words: Mapping[str, str], standing: pd.DataFrame
) -> None:
    """Refuse a second ``yes`` among definitions that exclude each other.

    Raises
    ------
    ClaimError
        Naming the definition that is true already, or would be.
    """
    for other in claim.definitions:
        if other.id in definition.excludes or definition.id in other.excludes:
            asked = question(claim, other)
            rows = standing[(standing["claim"] == claim.id) & (standing["definition"] == other.id)]
            same = [w for w, q in zip(rows["outcome"], rows["question"], strict=True) if q == asked]
            if words.get(other.id, same[-1] if same else "open") == "yes":
                raise ClaimError(
                    f"{claim.id}/{definition.id} cannot be yes: it and {other.id}, which is yes, "
                    "exclude each other; take that back first, with the outcome open"
                )


def unresolved(out: str | Path, claims: Sequence[Claim]) -> list[tuple[Claim, Definition]]:
    """Return the definitions of whose question no outcome was ever written, or it was undone by data."""
    came = outcomes(out)
    came = came[(came["outcome"] != "open") | ~came["source"].str.startswith(BY_DATA)]
    known = set(came[["claim", "definition", "question"]].itertuples(index=False, name=None))
    return [
        (claim, definition)
        for claim, definition in _definitions(claims)
        if not (callable(definition.event) or callable(definition.given))
        and (claim.id, definition.id, question(claim, definition)) not in known
    ]


def by_data(out: str | Path, claims: Sequence[Claim]) -> list[tuple[Claim, Definition, str]]:
    """Return the definitions whose outcome was entered by reported numbers, with it."""
    came = outcomes(out)
    came = came[came["outcome"].isin(["yes", "no"]) & came["source"].str.startswith(BY_DATA)]
    columns = ["claim", "definition", "question"]
    known = dict(
        zip(came[columns].itertuples(index=False, name=None), came["outcome"], strict=True)
    )
    keys = [
        (claim, definition, (claim.id, definition.id, question(claim, definition)))
        for claim, definition in _definitions(claims)
        if not callable(definition.event)
    ]
    return [(claim, definition, known[key]) for claim, definition, key in keys if key in known]


def reopen(out: str | Path, undone: Sequence[Undone], today: dt.date) -> None:
    """Write down that outcomes are open again, with what was withdrawn; errors as of :func:`enter`."""
    if not undone:
        return
    rows = [_row(one.claim, one.definition, "open", today, one.source, today) for one in undone]
    with _held(out):
        chain.append(_place(out) / "outcomes.csv", RESOLVED, rows)


def enter(out: str | Path, decisions: Sequence[Decision], today: dt.date) -> tuple[Decision, ...]:
    """Write down what reported numbers decided, each once, and return what was new.

    Parameters
    ----------
    out
        Output folder.
    decisions
        From :func:`forecast.claims.outcomes.decided`.
    today
        The day this is written.

    Raises
    ------
    StoreError
        If the track record was altered.
    """
    if not decisions:
        return ()
    entered = []
    with _held(out):
        for one in decisions:
            if not unresolved(out, [dataclasses.replace(one.claim, definitions=(one.definition,))]):
                continue
            try:
                if one.outcome == "yes":
                    _check_excluded(one.claim, one.definition, {}, outcomes(out))
            except ClaimError as error:
                logger.warning(f"not entered, though the data say yes: {error}")
                continue
            row = _row(one.claim, one.definition, one.outcome, one.on, one.source, today)
            chain.append(_place(out) / "outcomes.csv", RESOLVED, [row])
            entered.append(one)
    return tuple(entered)


# --- reading ---------------------------------------------------------------------------------
def locked(out: str | Path) -> pd.DataFrame:
    """Return every locked forecast, oldest first; numbers are NaN where nobody said one.

    Raises
    ------
    StoreError
        If a row is not what was written.
    """
    frame = pd.DataFrame(
        chain.read(Path(out) / "track" / "forecasts.csv", FORECASTS), columns=FORECASTS
    )
    return frame.assign(**{name: pd.to_numeric(frame[name]) for name in SOURCES})


def outcomes(out: str | Path) -> pd.DataFrame:
    """Return how each definition stands: the last word written on it, on each question it asked.

    One that was written before outcomes held their question has none, and stands as long as nothing
    later is written on the definition.

    Raises
    ------
    StoreError
        If a row is not what was written.
    """
    frame = pd.DataFrame(
        chain.read(Path(out) / "track" / "outcomes.csv", RESOLVED), columns=RESOLVED
    )
    last = frame.drop_duplicates(["claim", "definition", "question"], keep="last")
    over = (last["question"] == "") & last.duplicated(["claim", "definition"], keep="last")
    return last[~over].reset_index(drop=True)


@dataclasses.dataclass(frozen=True)
class Mean:
    """A mean score over events with its 90 % interval; NaN where events are too few for one.

    Attributes
    ----------
    events
        Number of events: claims, or realised values.
    mean
        Mean score, lower is better.
    low, high
        Student's t interval of the mean, from three events on. Events of one time share its luck:
        read it as the narrowest that could be.
    """

    events: int
    mean: float
    low: float
    high: float


def mean_of(values: Sequence[float]) -> Mean:
    """Return the mean of independent scores with its interval."""
    x = np.asarray(values, dtype=float)
    n = len(x)
    if n < 3:
        return Mean(n, float(x.mean()) if n else np.nan, np.nan, np.nan)
    from scipy import stats  # slow to load, and few records have more than one outcome

    half = float(stats.t.ppf(0.95, n - 1) * x.std(ddof=1) / np.sqrt(n))
    return Mean(n, float(x.mean()), float(x.mean()) - half, float(x.mean()) + half)


@dataclasses.dataclass(frozen=True)
class Record:
    """The score so far.

    Attributes
    ----------
    events
        One row a resolved claim, forecaster and whether its windows have closed: claim, forecaster,
        closed; brier and log; model_brier and model_log, the model's over the same days; forecasts,
        those that stood for a day or more; days, on which one stood; definitions.
    means
        Of closed windows, one row a forecaster and score: forecaster, score, and the fields of
        :class:`Mean`; ``model less ...`` compares on the days on which both forecast.
    waiting
        Sentences: what is resolved and counts when its window has closed.
    overdue
        Sentences: what was forecast, has closed and has no outcome. Until it has one, the means lean
        towards what became known.
    unscored
        Sentences: what is resolved without a score, and why.
    """

    events: pd.DataFrame
    means: pd.DataFrame
    waiting: tuple[str, ...]
    overdue: tuple[str, ...]
    unscored: tuple[str, ...]


KINDS = ("brier", "log")
EVENT = ("claim", "forecaster", "closed")


def record(out: str | Path, today: dt.date) -> Record:
    """Score resolved claims; a claim has one vote, however often it was forecast and read.

    A definition's score is the mean over its forecasts of the question that came out, each weighed by
    the days on which it stood (of several made on a day the last); a claim's is the mean over its
    definitions. Windows that have closed by `today` count in the means, and only these.

    Raises
    ------
    StoreError
        If the track record was altered.
    """
    forecasts, came = locked(out), outcomes(out)
    rows: list[dict[str, object]] = []
    waiting, unscored = [], []
    for one in (_Outcome(*map(str, row)) for row in came[list(_Outcome._fields)].to_numpy()):
        name = f"{one.claim}/{one.definition}"
        stood = _stood(forecasts, one)
        if isinstance(stood, str):
            unscored.append(f"{name} {stood}")
            continue
        closes = str(stood["window_end"].iloc[-1])
        if closes >= today.isoformat():
            waiting.append(
                f"{name} was {one.outcome} on {one.on}; it counts when its window has closed, on "
                f"{closes}, like those that do not come true"
            )
        given = {"claim": one.claim, "definition": one.definition, "question": one.question}
        scores = _scores_of(stood, str(one.outcome) == "yes")
        rows += [{**given, "closed": closes < today.isoformat(), **row} for row in scores]
    numbers = [*KINDS, *(f"model_{kind}" for kind in KINDS)]
    columns = [*EVENT, "definition", "question", *numbers, "forecasts", "days"]
    scored = pd.DataFrame(rows, columns=columns)
    grouped = scored.groupby(list(EVENT), as_index=False, sort=False)
    events = grouped.agg(
        **{name: (name, "mean") for name in numbers},
        forecasts=("forecasts", "sum"), days=("days", "sum"), definitions=("definition", "nunique"),
    )  # fmt: skip
    means = _means(events[events["closed"].astype(bool)])
    return Record(events, means, tuple(waiting), _overdue(forecasts, came, today), tuple(unscored))


class _Outcome(NamedTuple):
    """How a definition came out: what it asked, the word, and the day."""

    claim: str
    definition: str
    question: str
    outcome: str
    on: str


def _stood(forecasts: pd.DataFrame, one: _Outcome) -> pd.DataFrame | str:
    """Return the forecasts of an outcome's question with the days on which each stood, or why none.

    What is made on the window's last day, or has a later one of the same day, stands for no day.
    """
    if one.outcome not in ("yes", "no"):
        return f"is {one.outcome}"
    if not one.question:
        return "was resolved before outcomes held their question; resolve it again"
    mine = forecasts[
        (forecasts["claim"] == one.claim) & (forecasts["definition"] == one.definition)
    ]
    asked = mine[[_same(q, one.question) for q in mine["question"]]]
    if asked.empty:
        others = f"; {len(mine)} asked another question (other words, event or window)"
        return f"has no forecast to score: none made{others if len(mine) else ''}"
    early = asked[(asked["written_on"] < one.on) & (asked["as_of"] < one.on)]
    if early.empty:
        return f"has no forecast to score: none of {len(asked)} was written before {one.on}"
    last = early.sort_values("written_on", kind="stable").drop_duplicates("written_on", keep="last")
    days = days_stood(list(last["written_on"]), min(one.on, str(last["window_end"].iloc[-1])))
    if not days.sum():
        return "has no forecast to score: none stood for a day before its window closed"
    return last.assign(days=days)[days > 0]


def days_stood(made: Sequence[str], end: str) -> np.ndarray:
    """Return for how many days each forecast stood, from its day to the next one's or the end.

    Parameters
    ----------
    made
        Days on which forecasts were made, ISO, in any order; those of one day share its time.
    end
        The day from which nothing stands, ISO.

    Examples
    --------
    >>> days_stood(["2026-05-07", "2026-08-01", "2026-08-01"], "2026-08-11").tolist()
    [86.0, 5.0, 5.0]
    """
    starts, which, count = np.unique(
        np.asarray(made, "M8[D]"), return_inverse=True, return_counts=True
    )
    ends = np.append(starts[1:], np.datetime64(end, "D"))
    days = np.maximum((ends - starts).astype(int), 0) / count
    return np.asarray(days[which])


def _scores_of(stood: pd.DataFrame, yes: bool) -> list[dict[str, object]]:
    """Return one row a forecaster: its scores and the model's over the days on which it stood."""
    rows = []
    for who in SOURCES:
        part = stood[stood[who].notna()]
        if len(part):
            row: dict[str, object] = {"forecaster": who}
            for kind, rule in zip(KINDS, (score.brier, score.log_loss), strict=True):
                for name, source in ((kind, who), (f"model_{kind}", "model")):
                    each = [rule(p, yes) for p in part[source]]
                    row[name] = float(np.average(each, weights=part["days"]))
            rows.append({**row, "forecasts": len(part), "days": int(part["days"].sum())})
    return rows


def _overdue(forecasts: pd.DataFrame, came: pd.DataFrame, today: dt.date) -> tuple[str, ...]:
    """Return what was forecast and has closed without an outcome, in sentences."""
    last = forecasts.drop_duplicates(["claim", "definition"], keep="last")  # what is asked now
    last = last[last["window_end"] < today.isoformat()]
    done = came[came["outcome"] != "open"]
    told: dict[tuple[str, str], list[str]] = {}
    for row in done.to_dict("records"):
        told.setdefault((row["claim"], row["definition"]), []).append(row["question"])
    return tuple(
        f"{row['claim']}/{row['definition']} closed on {row['window_end']} without an outcome"
        for row in last.to_dict("records")
        if not any(
            _same(row["question"], q) for q in told.get((row["claim"], row["definition"]), [])
        )
    )


def _means(events: pd.DataFrame) -> pd.DataFrame:
    rows = []
    for kind in KINDS:
        for who in (name for name in SOURCES if name in set(events["forecaster"])):
            mine = events[events["forecaster"] == who]
            rows.append((who, kind, *dataclasses.astuple(mean_of(mine[kind].tolist()))))
            if who != "model":
                apart = (mine[f"model_{kind}"] - mine[kind]).tolist()
                rows.append((f"model less {who}", kind, *dataclasses.astuple(mean_of(apart))))
    columns = ["forecaster", "score", *(f.name for f in dataclasses.fields(Mean))]
    return pd.DataFrame(rows, columns=columns)


# --- realised values -------------------------------------------------------------------------
def numbers(out: str | Path, known: Known) -> pd.DataFrame:
    """Score the numbers that earlier runs forecast and that have come since.

    Parameters
    ----------
    out
        Output folder; every whole run in it counts, a damaged one is named and left out.
    known
        What is known now, from :func:`forecast.tables.vintages.as_of`.

    Returns
    -------
    pandas.DataFrame
        One row a metric: metric, events (a number has one vote, the mean over its forecasts, each
        weighed by the days from its data's date to the next one's or the report; those of one date
        share its time), forecasts, crps on the log scale with the 90 % interval of its mean
        (``low``, ``high``), and the share of numbers that the 50, 80 and 95 % intervals held.
    """
    rows = known.rows.to_dict("records")
    scored = []
    for folder in sorted((Path(out) / "runs").glob("[!.]*")):
        try:
            runs.verify(folder)
            quantiles = pd.read_parquet(folder / "forecasts.parquet")
        except (StoreError, OSError) as error:
            logger.warning(f"left out: {error}")
            continue
        cells = cells_of(quantiles)
        dates = sorted(set(quantiles["as_of"])) if len(quantiles) else []
        for row in rows:
            found = forecast_of(cells, row)
            if found is not None and found.came > 0 and (found.values > 0).all():
                place = {name: row[name] for name in ("entity", "metric", "period", "reported_on")}
                made = max(day for day in dates if day < row["reported_on"])
                scored.append({**place, "made": made, **_scores(found)})
    if not scored:
        return pd.DataFrame()
    table, shown = pd.DataFrame(scored), []
    for metric, part in table.groupby("metric"):
        votes = [_vote(one) for _, one in part.groupby(["entity", "period"])]
        mean = mean_of([vote["crps"] for vote in votes])
        held = {
            name: float(np.mean([v[name] for v in votes])) for name in votes[0] if name != "crps"
        }
        shown.append(
            {"metric": metric, "events": mean.events, "forecasts": len(part), "crps": mean.mean,
             "low": mean.low, "high": mean.high, **held}
        )  # fmt: skip
    return pd.DataFrame(shown)


def _vote(one: pd.DataFrame) -> dict[str, float]:
    """Return the scores of one number, its forecasts weighed by the days on which they stood."""
    days = days_stood(list(one["made"]), str(one["reported_on"].iloc[0]))
    names = ("crps", *(f"c{level}" for level in LEVELS))
    return {name: float(np.average(one[name], weights=days)) for name in names}


def _scores(found: Forecast) -> dict[str, float]:
    """Return the scores of one number from the quantiles that were forecast, log scale."""
    values, came = np.log(found.values), float(np.log(found.came))
    scores = {"crps": score.crps_of_quantiles(found.levels, values, came)}
    for level in LEVELS:
        tail = (1 - level / 100) / 2
        low, high = np.interp([tail, 1 - tail], found.levels, values)
        scores[f"c{level}"] = float(low <= came <= high)
    return scores
