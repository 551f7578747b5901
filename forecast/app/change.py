"""Two runs side by side: what became known between them, and what that did to every number.

Invariant: both runs are read from whole folders, and each number that a run gave when it was made stays
as it was given.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from forecast.app.pipeline import CLAIMS, KNOWN, TABLES
from forecast.claims.read import read_claims
from forecast.claims.records import Claim
from forecast.claims.verdict import Verdicts
from forecast.core.errors import ClaimError, DataError, ForecastError, StoreError
from forecast.core.text import one_line, percent
from forecast.core.words import COLUMNS
from forecast.evaluation.surprise import surprised
from forecast.inference.fitting import Run, child_seed
from forecast.inference.gate import Gate
from forecast.inference.predict import forecast
from forecast.inference.spec import Spec
from forecast.models.earnings.calendar import Calendar, report_calendar
from forecast.models.panels import build_panel
from forecast.news.explain import News, explain
from forecast.news.prospects import Prospect, anticipate, ranked
from forecast.news.statistics import Statistic, signed, statistics_of, totals
from forecast.report import memo
from forecast.report.figures import Fitted
from forecast.store import runs
from forecast.tables.shipped import read_tables
from forecast.tables.vintages import Changes, Known, compare, read_table

Say = Callable[[str], None]
AHEAD = "earnings"
"""The model whose coming reports are looked ahead to."""


@dataclasses.dataclass(frozen=True)
class Stored:
    """A run folder, read back.

    Attributes
    ----------
    folder
        The folder, found whole.
    manifest
        Its manifest.
    known
        What was known.
    claims, verdicts
        What was asked, and the answers.
    forecasts
        Quantiles, as :func:`forecast.app.pipeline.quantile_table` returns them.
    """

    folder: Path
    manifest: Mapping[str, Any]
    known: Known
    claims: tuple[Claim, ...]
    verdicts: Verdicts
    forecasts: pd.DataFrame

    @property
    def id(self) -> str:
        """The run's id."""
        return str(self.manifest["run"])

    def fitted(self, model: str) -> tuple[Run, xr.Dataset]:
        """Return a model's run and its draws, those that the run's own results were made from.

        Raises
        ------
        StoreError
            If the run has no such fit, or the code makes another panel of the same rows today.
        """
        path = self.folder / "fits" / f"{model}.nc"
        if not path.is_file():
            raise StoreError(f"the run {self.id} has no {model} fit")
        tree = runs.load_tree(path)
        try:
            spec = Spec.from_json(str(tree.attrs["spec"]))
            stamp = Gate.from_json(str(tree.attrs["gate"]))
        except (KeyError, TypeError, ValueError) as error:
            raise StoreError(
                f"{path}: no good spec or gate ({error}); make the run again"
            ) from error
        held = self.folder / TABLES  # of a run before these were kept, those shipped
        panel = build_panel(self.known, model, tables=read_tables(held) if held.is_dir() else None)
        if panel.hash != spec.data_hash:
            raise StoreError(
                f"the {model} panel of the run {self.id} is not what the code makes of its rows now"
            )
        run = Run(spec, panel, tree, stamp)
        until = self.manifest.get("until", {}).get(model)  # runs of version 0.1 name none
        return run, forecast(
            run, until=until, seed=child_seed(self.manifest["seed"], model, "draw")
        )

    def followed(self) -> set[str]:
        """Return the names by which something of the run can be asked for."""
        judged = [v for v in self.verdicts if v.probability is not None]
        names = {f"{v.claim}/{v.definition}" for v in judged}
        names |= {name for v in judged for name in (v.claim, v.definition)}
        day = str(self.manifest["as_of"])
        return names | {f"{series} {year}" for series, year in totals(self.series, day)}

    @property
    def series(self) -> tuple[str, ...]:
        """The series whose totals are followed from run to run."""
        return tuple(self.manifest.get("followed", ()))

    def passed(self, model: str) -> bool:
        """Return whether the run has a fit of a model that passed its gate."""
        return bool(self.manifest["gate"].get(model, {}).get("passed"))


def read_run(folder: str | Path) -> Stored:
    """Read a run folder back.

    Raises
    ------
    StoreError
        If it is damaged, or was written by an earlier version that did not keep what was known, or
        whose claims are not read any more.
    """
    folder = runs.verify(folder).resolve()
    manifest = runs.read_manifest(folder)
    if not (folder / KNOWN).is_file():
        raise StoreError(f"{folder}: made by an earlier version, without {KNOWN}; run it again")
    known = Known(str(manifest["as_of"]), read_table(folder / KNOWN))
    try:
        claims = read_claims(folder / CLAIMS)
    except ClaimError as error:
        raise StoreError(f"made by an earlier version; run it again: {error}") from error
    records = runs.read_json(folder / "verdicts.json", list)
    return Stored(
        folder=folder,
        manifest=manifest,
        known=known,
        claims=claims,
        verdicts=Verdicts.from_records(records, manifest["draws"]),
        forecasts=runs.read_frame(folder / "forecasts.parquet"),
    )


def latest(out: str | Path) -> Stored | None:
    """Return the latest run of an output folder, None if there is none.

    Raises
    ------
    StoreError
        If it is damaged, or the link leads elsewhere.
    """
    folder = runs.latest_run(out)
    return None if folder is None else read_run(folder)


def find_run(out: str | Path, name: str | None, *, before: Stored | None = None) -> Stored:
    """Return a stored run by id, the latest by default, or the one before a run.

    Raises
    ------
    ForecastError
        If there is none.
    """
    if name is None and before is not None:
        name = before.manifest.get("previous")
        if not name:
            raise DataError(
                f"the run {before.id} was not made by an update; say what to compare it with: "
                "forecast news --from RUN"
            )
    if name is None:
        found = latest(out)
        if found is None:
            raise DataError(f"no run in {out}; forecast run makes one")
        return found
    place = Path(name)
    return read_run(place if place.is_dir() else Path(out) / "runs" / name)


# --- the change ------------------------------------------------------------------------------
@dataclasses.dataclass(frozen=True)
class Other:
    """A reading of a model whose fit is the same, or whose change cannot be split."""

    name: str
    model: str
    before: float
    after: float
    error: float
    draws: int
    why: str


@dataclasses.dataclass(frozen=True)
class Change:
    """What happened between two runs.

    Attributes
    ----------
    before, after
        Ids and dates of the runs.
    arrived
        New and revised numbers, with ``percentile`` and ``percentile_text`` in the earlier run.
    splits
        The change in pieces of each model that was fitted anew.
    others
        The readings of the other models.
    calendar
        The report calendar at the later run.
    prospects
        What the coming reports could do.
    """

    before: tuple[str, str]
    after: tuple[str, str]
    arrived: Changes
    splits: tuple[News, ...]
    others: tuple[Other, ...]
    calendar: Calendar | None
    prospects: tuple[Prospect, ...]

    def rows(self) -> list[dict[str, Any]]:
        """Return every reading and headline before and after as text, the largest moves first.

        Keys name, before, after, change, noise (what it could come to), why, and clear: whether the
        change is larger than that.
        """
        split = (row for one in self.splits for row in _split_rows(one))
        return sorted([*split, *map(_other_row, self.others)], key=lambda row: -row["size"])


def arrivals(before: Stored, known: Known) -> Changes:
    """Return the numbers that became known or were revised since a run, with their percentiles."""
    kept = [*COLUMNS]
    changes = compare(before.known.rows[kept], known.rows[kept])
    return surprised(changes, before.forecasts)


def between(
    before: Stored,
    after: Stored | tuple[memo.Report, Mapping[str, Fitted]],
    *,
    seed: int,
    say: Say = lambda _: None,
) -> Change:
    """Return what changed between two runs, the later one stored or just made.

    Raises
    ------
    ForecastError
        If a stored fit cannot be read.
    """
    later = _later(after)
    prospects: tuple[Prospect, ...] = ()
    splits = {}
    for model in later.specs:
        fitted = later.fitted(model) if model == AHEAD or _anew(before, later, model) else None
        if fitted is None:
            continue
        statistics = statistics_of(later.claims, model, fitted[1], later.series)
        if not statistics:
            continue
        if model == AHEAD:
            coming = anticipate(fitted[1], statistics, seed=seed)
            prospects = tuple(ranked(coming, fitted[0], statistics, seed=seed, say=say))
        if before.passed(model):
            say(f"splitting the change of {len(statistics)} statistics of {model}")
            split = _split(before, later, fitted, statistics, seed, say)
            if split is not None:
                splits[model] = split
    try:
        calendar = report_calendar(later.known)
    except DataError:
        calendar = None
    return Change(
        before=(before.id, str(before.manifest["as_of"])),
        after=(later.id, later.known.date),
        arrived=arrivals(before, later.known),
        splits=tuple(splits.values()),
        others=_others(before, later, set(splits)),
        calendar=calendar,
        prospects=prospects,
    )


def _anew(before: Stored, later: _Later, model: str) -> bool:
    """Return whether a model has another fit than before."""
    return bool(before.manifest["gate"].get(model, {}).get("digest") != later.digests.get(model))


def _split(
    before: Stored,
    later: _Later,
    fitted: tuple[Run, xr.Dataset],
    statistics: Sequence[Statistic],
    seed: int,
    say: Say,
) -> News | None:
    """Return the change of a model in pieces, None where its earlier fit cannot be read any more."""
    run, draws = fitted
    try:
        earlier, drawn = before.fitted(run.spec.model)
    except (ForecastError, KeyError, ValueError) as error:
        say(f"the change of {run.spec.model} is not split: {error}")
        return None
    statistics = [one for one in statistics if one.told_by(drawn)]
    if not statistics:
        return None
    said = {
        f"{v.claim}/{v.definition}": v.probability
        for v in before.verdicts
        if v.probability is not None
    }
    return explain(
        earlier,
        run,
        later.known,
        statistics,
        (drawn, draws),
        seed=seed,
        earlier=before.known,
        said=said,
        say=say,
    )


@dataclasses.dataclass(frozen=True)
class _Later:
    id: str
    known: Known
    claims: Sequence[Claim]
    verdicts: Verdicts
    specs: Mapping[str, Spec]
    digests: Mapping[str, str]
    series: Sequence[str]
    fitted: Callable[[str], tuple[Run, xr.Dataset] | None]


def _later(after: Stored | tuple[memo.Report, Mapping[str, Fitted]]) -> _Later:
    if isinstance(after, Stored):
        manifest, stored = after.manifest, after
        return _Later(
            after.id,
            after.known,
            after.claims,
            after.verdicts,
            {n: Spec.from_json(json.dumps(s)) for n, s in manifest["spec"].items()},
            {n: g["digest"] for n, g in manifest["gate"].items()},
            after.series,
            lambda model: stored.fitted(model) if stored.passed(model) else None,
        )
    report, fitted = after

    def of(model: str) -> tuple[Run, xr.Dataset] | None:
        one = fitted.get(model)
        return None if one is None or one.draws is None else (one.run, one.draws)

    return _Later(
        report.run_id,
        report.known,
        report.claims,
        report.verdicts,
        report.specs,
        {n: g.digest for n, g in report.gates.items()},
        report.page.followed,
        of,
    )


def _others(before: Stored, later: _Later, split: set[str]) -> tuple[Other, ...]:
    old = {(v.claim, v.definition): v for v in before.verdicts if v.probability is not None}
    found = []
    for v in later.verdicts:
        was = old.get((v.claim, v.definition))
        if was is None or v.probability is None or v.model in split:
            continue
        error = float(np.hypot(was.mcse or 0.0, v.mcse or 0.0))
        found.append(
            Other(
                f"{v.claim}/{v.definition}",
                v.model,
                float(was.probability or 0.0),
                float(v.probability),
                error,
                v.draws,
                _reason(before, later, v.model),
            )
        )
    return tuple(found)


def _reason(before: Stored, later: _Later, model: str) -> str:
    """Return what changed of a model between two runs, in a word or two."""
    manifest = before.manifest
    if model not in manifest["spec"] or model not in later.specs:
        return "fitted in one of the runs only"
    old, new = Spec.from_json(json.dumps(manifest["spec"][model])), later.specs[model]
    if manifest["gate"][model]["digest"] == later.digests[model]:
        return "the same fit" if old.as_of == new.as_of else "the same fit, from a later date"
    reasons = [
        ("code_hash", "the model's code"),
        ("priors", "prior numbers"),
        ("versions", "libraries"),
        ("seed", "seed"),
        ("draws", "number of draws"),
    ]
    said = [text for name, text in reasons if getattr(old, name) != getattr(new, name)]
    return one_line(said or ["its data"])


# --- as plain values -------------------------------------------------------------------------
def _split_rows(split: News) -> list[dict[str, Any]]:
    rows = []
    for k, one in enumerate(split.statistics):
        total = float(split.after[k] - split.before[k])
        noise = max(abs(float(split.change[-1, k])), 2 * float(split.error[-1, k]))
        rows.append(
            {
                "name": one.name,
                "before": one.text(float(split.before[k]), split.draws),
                "after": one.text(float(split.after[k]), split.draws),
                "change": one.moved(total),
                "noise": one.moved(noise).lstrip("+"),
                "why": "split below",
                "size": abs(total) / (abs(float(split.before[k])) if one.unit else 1.0),
                "clear": abs(total) > noise,
            }
        )
    return rows


def _other_row(other: Other) -> dict[str, Any]:
    total = other.after - other.before
    return {
        "name": other.name,
        "before": percent(other.before, other.draws),
        "after": percent(other.after, other.draws),
        "change": signed(100 * total, "points"),
        "noise": f"{200 * other.error:.1f} points",
        "why": f"{other.model}: {other.why}",
        "size": abs(total),
        "clear": abs(total) > 2 * other.error,
    }


def change_record(change: Change, claim: str | None = None) -> dict[str, Any]:
    """Return the change as plain values, for ``change.json`` and ``--json``; of one claim if given."""

    def asked(name: str) -> bool:
        return claim is None or claim in (name, *name.split("/"))

    arrived = {
        name: json.loads(getattr(change.arrived, name).to_json(orient="records"))
        for name in ("new", "revisions")
    }
    return {
        "from": {"run": change.before[0], "as_of": change.before[1]},
        "to": {"run": change.after[0], "as_of": change.after[1]},
        **arrived,
        "changes": [
            one
            for split in change.splits
            for one in _finite(split.records())
            if asked(one["statistic"])
        ],
        "refits": sum(split.refits for split in change.splits),
        "worst_pareto_k": max(
            (split.worst_k for split in change.splits if not np.isnan(split.worst_k)), default=None
        ),
        "others": [dataclasses.asdict(other) for other in change.others if asked(other.name)],
    }


def _finite(content: Any) -> Any:
    """Return nested plain values with None in place of what is no number."""
    if isinstance(content, dict):
        return {key: _finite(value) for key, value in content.items()}
    if isinstance(content, list):
        return [_finite(value) for value in content]
    return None if isinstance(content, float) and not np.isfinite(content) else content
