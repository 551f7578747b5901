"""Keep score: forecasts locked when they are made, outcomes as they come, one vote an event.

``OUT/track/forecasts.csv`` holds every probability that a run gave to a reading, with the day it was
written and what others said of the same event; ``outcomes.csv`` holds how claims were resolved. Rows
are only ever added, and each carries a hash of itself and of the row before it.

Invariant: a row that was changed, removed or put elsewhere after it was written breaks the chain of
hashes, and then nothing is read. A forecast written on the day of the outcome or later has no score.
"""

from __future__ import annotations

import csv
import dataclasses
import datetime as dt
import hashlib
import io
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from forecast import lock, score, store
from forecast.claims import Claim, Definition
from forecast.files import replace_text
from forecast.schema import ClaimError, DataError, StoreError, one_line, parse_date
from forecast.surprise import Forecast, cells_of, forecast_of

OUTCOMES = ("yes", "no", "open", "ambiguous", "annulled")
"""How a claim can stand: the first two are scored; ``open`` takes an outcome back."""
SOURCES = ("model", "naive", "base_rate", "implied")
"""Whose probabilities are scored: ours, the naive rule's, a stated base rate, and what the words of
the claim imply."""
FORECASTS = (
    "written_on", "as_of", "run", "claim", "definition", "question", "window_end", *SOURCES, "link",
)  # fmt: skip
RESOLVED = ("written_on", "claim", "definition", "outcome", "on", "source", "link")
LEVELS = (50, 80, 95)


# --- the two files ---------------------------------------------------------------------------
def _linked(before: str, cells: Sequence[str]) -> str:
    """Return the hash that ties a row to the one before it."""
    return hashlib.sha256("\x1f".join([before, *cells]).encode()).hexdigest()[:16]


def _read(path: Path, columns: Sequence[str]) -> list[dict[str, str]]:
    """Return the rows of a file whose chain holds; none if there is no file.

    Raises
    ------
    StoreError
        Naming the first line that is not what was written.
    """
    if not path.is_file():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file)
        if tuple(reader.fieldnames or ()) != tuple(columns):
            raise StoreError(
                f"{path}: got the columns {one_line(list(reader.fieldnames or ()))}; wanted "
                f"{one_line(list(columns))}; restore the file, nothing is read from it"
            )
        rows, before = [], ""
        for number, row in enumerate(reader, start=2):
            cells = [row[name] or "" for name in columns[:-1]]
            if row["link"] != _linked(before, cells):
                raise StoreError(
                    f"{path}: line {number} is not what was written there, or a line before it is "
                    "missing; restore the file, nothing is read from it"
                )
            rows.append(row)
            before = row["link"]
    return rows


def _append(path: Path, columns: Sequence[str], fresh: Iterable[Mapping[str, str]]) -> None:
    rows = _read(path, columns)
    before = rows[-1]["link"] if rows else ""
    for row in fresh:
        before = _linked(before, [row[name] for name in columns[:-1]])
        rows.append({**row, "link": before})
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    replace_text(path, text.getvalue())


def _place(out: str | Path) -> Path:
    place = Path(out) / "track"
    place.mkdir(parents=True, exist_ok=True)
    return place


def _held(out: str | Path) -> Any:
    return lock.hold(_place(out) / ".lock", f"the track record in {out}")


def question(definition: Definition) -> str:
    """Return a hash of what a reading asks: a changed event or window is another question."""
    content = json.dumps([definition.event, definition.window], sort_keys=True, default=str)
    return hashlib.sha256(content.encode()).hexdigest()[:12]


# --- writing ---------------------------------------------------------------------------------
def lock_run(out: str | Path, run: str, claims: Sequence[Claim], today: dt.date) -> int:
    """Lock the probabilities of a run's readings; what is locked already is passed over.

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
        Number of rows added: readings with an open window whose number or question is new.

    Raises
    ------
    StoreError
        If the run is damaged, or the track record was altered.
    """
    folder = store.verify(Path(out) / "runs" / run)
    manifest, verdicts, sensitivity = (
        json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
        for name in ("manifest", "verdicts", "sensitivity")
    )
    naive = {(s["claim"], s["definition"]): s["naive"] for s in sensitivity}
    judged = {(v["claim"], v["definition"]): v for v in verdicts}
    rows = []
    for claim, definition in _readings(claims):
        verdict = judged.get((claim.id, definition.id))
        if verdict is None or verdict["probability"] is None or definition.window is None:
            continue
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
                "question": question(definition),
                "window_end": definition.window[1].isoformat(),
                "model": _number(verdict["probability"]),
                "naive": _number(naive.get((claim.id, definition.id))),
                "base_rate": _number(None if rate is None else rate.probability),
                "implied": _number(None if said is None else (said.low + said.high) / 2),
            }
        )
    with _held(out):
        path = _place(out) / "forecasts.csv"
        known = {_asked(row) for row in _read(path, FORECASTS)}
        fresh = [row for row in rows if _asked(row) not in known]
        if fresh:
            _append(path, FORECASTS, fresh)
    return len(fresh)


def _asked(row: Mapping[str, str]) -> tuple[str, ...]:
    """Return what makes two rows the same forecast."""
    return tuple(row[name] for name in ("run", "claim", "definition", "question"))


def _number(value: float | None) -> str:
    return "" if value is None else repr(float(value))


def _readings(claims: Sequence[Claim]) -> list[tuple[Claim, Definition]]:
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
    definition: str | None = None,
) -> tuple[str, ...]:
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
        The day it was decided, ISO.
    source
        Where that can be checked.
    today
        The day this is written.
    definition
        One reading; all of the claim's by default.

    Returns
    -------
    tuple of str
        The readings that were resolved.

    Raises
    ------
    ClaimError
        If no claim or reading is called so, or the outcome is no word of the list.
    DataError
        If the day cannot be read or has not come, or the source is empty.
    StoreError
        If the track record was altered.
    """
    found = next((c for c in claims if c.id == claim), None)
    if found is None:
        raise ClaimError(
            f"no claim is called {claim!r}; there are {one_line([c.id for c in claims])}"
        )
    names = [d.id for d in found.definitions]
    if definition is not None and definition not in names:
        raise ClaimError(f"{claim} has no reading {definition!r}; there are {one_line(names)}")
    if outcome not in OUTCOMES:
        raise ClaimError(f"got the outcome {outcome!r}; wanted one of {', '.join(OUTCOMES)}")
    day = parse_date(on, "day of the outcome")
    if not found.source_date <= day <= today:
        raise DataError(
            f"got {day} as the day of the outcome; wanted one from the claim's, "
            f"{found.source_date}, to today's, {today}"
        )
    if not source.strip():
        raise DataError("got an empty source; say where the outcome can be checked")
    chosen = names if definition is None else [definition]
    with _held(out):
        _append(
            _place(out) / "outcomes.csv",
            RESOLVED,
            [
                {
                    "written_on": today.isoformat(),
                    "claim": claim,
                    "definition": name,
                    "outcome": outcome,
                    "on": day.isoformat(),
                    "source": source.strip(),
                }
                for name in chosen
            ],
        )
    return tuple(chosen)


# --- reading ---------------------------------------------------------------------------------
def locked(out: str | Path) -> pd.DataFrame:
    """Return every locked forecast, oldest first; numbers are NaN where nobody said one.

    Raises
    ------
    StoreError
        If a row is not what was written.
    """
    frame = pd.DataFrame(_read(Path(out) / "track" / "forecasts.csv", FORECASTS), columns=FORECASTS)
    return frame.assign(**{name: pd.to_numeric(frame[name]) for name in SOURCES})


def outcomes(out: str | Path) -> pd.DataFrame:
    """Return how each reading stands: the last word written on it.

    Raises
    ------
    StoreError
        If a row is not what was written.
    """
    frame = pd.DataFrame(_read(Path(out) / "track" / "outcomes.csv", RESOLVED), columns=RESOLVED)
    return frame.drop_duplicates(["claim", "definition"], keep="last", ignore_index=True)


@dataclasses.dataclass(frozen=True)
class Mean:
    """A mean score over events with its 90 % interval; NaN where events are too few for one.

    Attributes
    ----------
    events
        Number of events: claims, or numbers that came.
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
    half = float(stats.t.ppf(0.95, n - 1) * x.std(ddof=1) / np.sqrt(n))
    return Mean(n, float(x.mean()), float(x.mean()) - half, float(x.mean()) + half)


@dataclasses.dataclass(frozen=True)
class Record:
    """The score so far.

    Attributes
    ----------
    events
        One row a resolved claim and source of probabilities: claim, forecaster, brier, log,
        forecasts (how often it was forecast), readings.
    means
        One row a forecaster and score: forecaster, score, and the fields of :class:`Mean`;
        ``model less ...`` compares on the events that both forecast.
    unscored
        Sentences: what is resolved without a score, and why.
    """

    events: pd.DataFrame
    means: pd.DataFrame
    unscored: tuple[str, ...]


def record(out: str | Path) -> Record:
    """Score resolved claims; a claim has one vote, however often it was forecast and read.

    A reading's score is the mean over its forecasts that were written before its outcome's day, a
    claim's the mean over its readings.

    Raises
    ------
    StoreError
        If the track record was altered.
    """
    forecasts, came = locked(out), outcomes(out)
    rows, unscored = [], []
    for one in came.itertuples():
        name = f"{one.claim}/{one.definition}"
        if one.outcome not in ("yes", "no"):
            unscored.append(f"{name} is {one.outcome}")
            continue
        mine = forecasts[
            (forecasts["claim"] == one.claim) & (forecasts["definition"] == one.definition)
        ]
        early = mine[(mine["written_on"] < one.on) & (mine["as_of"] < one.on)]
        if early.empty:
            late = f"none of {len(mine)} was written before {one.on}" if len(mine) else "none made"
            unscored.append(f"{name} has no forecast to score: {late}")
            continue
        for who in SOURCES:
            said = early[who].dropna()
            if len(said):
                yes = bool(one.outcome == "yes")
                rows.append(
                    {
                        "claim": one.claim,
                        "definition": one.definition,
                        "forecaster": who,
                        "brier": float(np.mean([score.brier(p, yes) for p in said])),
                        "log": float(np.mean([score.log_loss(p, yes) for p in said])),
                        "forecasts": len(said),
                    }
                )
    columns = ["claim", "definition", "forecaster", "brier", "log", "forecasts"]
    readings = pd.DataFrame(rows, columns=columns)
    events = (
        readings.groupby(["claim", "forecaster"], as_index=False, sort=False)
        .agg(brier=("brier", "mean"), log=("log", "mean"), forecasts=("forecasts", "sum"),
             readings=("definition", "nunique"))
    )  # fmt: skip
    return Record(events, _means(events), tuple(unscored))


def _means(events: pd.DataFrame) -> pd.DataFrame:
    rows = []
    for kind in ("brier", "log"):
        wide = events.pivot(index="claim", columns="forecaster", values=kind)
        for who in (name for name in SOURCES if name in wide):
            rows.append((who, kind, *dataclasses.astuple(mean_of(wide[who].dropna().tolist()))))
            if who != "model" and "model" in wide:
                apart = (wide["model"] - wide[who]).dropna().tolist()
                rows.append((f"model less {who}", kind, *dataclasses.astuple(mean_of(apart))))
    columns = ["forecaster", "score", *(f.name for f in dataclasses.fields(Mean))]
    return pd.DataFrame(rows, columns=columns)


# --- numbers that came -----------------------------------------------------------------------
def numbers(out: str | Path, known: pd.DataFrame, say: Callable[[str], None]) -> pd.DataFrame:
    """Score the numbers that earlier runs forecast and that have come since.

    Parameters
    ----------
    out
        Output folder; every whole run in it counts, a damaged one is named and left out.
    known
        What is known now, from :func:`forecast.vintages.as_of`.
    say
        Called with a line for each run that is left out.

    Returns
    -------
    pandas.DataFrame
        One row a metric: metric, events (a number has one vote, however often it was forecast),
        forecasts, crps on the log scale with the 90 % interval of its mean (``low``, ``high``), and
        the share of numbers that the 50, 80 and 95 % intervals held.
    """
    rows = known.to_dict("records")
    scored = []
    for folder in sorted((Path(out) / "runs").glob("[!.]*")):
        try:
            store.verify(folder)
            cells = cells_of(pd.read_parquet(folder / "forecasts.parquet"))
        except (StoreError, OSError) as error:
            say(f"left out: {error}")
            continue
        for row in rows:
            found = forecast_of(cells, row)
            if found is not None and found.came > 0 and (found.values > 0).all():
                place = {name: row[name] for name in ("entity", "metric", "period")}
                scored.append({**place, **_scores(found)})
    if not scored:
        return pd.DataFrame()
    table, shown = pd.DataFrame(scored), []
    for metric, part in table.groupby("metric"):
        votes = part.drop(columns="metric").groupby(["entity", "period"]).mean()
        mean = mean_of(votes["crps"].tolist())
        held = {f"c{level}": float(votes[f"c{level}"].mean()) for level in LEVELS}
        shown.append(
            {"metric": metric, "events": mean.events, "forecasts": len(part), "crps": mean.mean,
             "low": mean.low, "high": mean.high, **held}
        )  # fmt: skip
    return pd.DataFrame(shown)


def _scores(found: Forecast) -> dict[str, float]:
    """Return the scores of one number from the quantiles that were forecast, log scale."""
    values, came = np.log(found.values), float(np.log(found.came))
    scores = {"crps": score.crps_of_quantiles(found.levels, values, came)}
    for level in LEVELS:
        tail = (1 - level / 100) / 2
        low, high = np.interp([tail, 1 - tail], found.levels, values)
        scores[f"c{level}"] = float(low <= came <= high)
    return scores
