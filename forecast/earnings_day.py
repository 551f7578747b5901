"""A day on which companies report: take the numbers, fit, and say what changed.

Invariant: the table is appended in one step before anything is fitted, and only rows from which every
model could build its panel; if what follows fails, the next update goes on from the table.
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

from forecast import lock, memo, news, plots, store
from forecast.claims import Claim, Verdicts, read_claims
from forecast.figures import Fitted
from forecast.fitting import Run, child_seed
from forecast.gate import Gate
from forecast.panels import build_panel, report_calendar
from forecast.pipeline import CLAIMS, KNOWN, Outcome, panels_of, run_all
from forecast.predict import forecast
from forecast.schema import COLUMNS, DataError, Spec, StoreError, one_line, percent
from forecast.sources import USER_FILE, data_dir, read_vintages, vintage_files
from forecast.surprise import surprised
from forecast.vintages import Changes, Table, append_rows, as_of, compare, read_table, table_hash

Say = Callable[[str], None]
SPLIT = "earnings"
"""The model whose changes are split number by number; of the others, what changed is named."""
UNEXPECTED = 10.0
"""A number outside the 10 % to 90 % quantiles of its forecast is called a surprise."""


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
        Quantiles, as :func:`forecast.pipeline.quantile_table` returns them.
    """

    folder: Path
    manifest: Mapping[str, Any]
    known: Table
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
            If the run has no such fit, or it did not pass its gate.
        """
        path = self.folder / "fits" / f"{model}.nc"
        if not path.is_file():
            raise StoreError(f"the run {self.id} has no {model} fit")
        tree = store.load_tree(path)
        spec = Spec.from_json(str(tree.attrs["spec"]))
        panel = build_panel(self.known, model)
        run = Run(spec, panel, tree, Gate.from_json(str(tree.attrs["gate"])))
        return run, forecast(run, seed=child_seed(self.manifest["seed"], model, "draw"))

    def passed(self, model: str) -> bool:
        """Return whether the run has a fit of a model that passed its gate."""
        return bool(self.manifest["gate"].get(model, {}).get("passed"))


def read_run(folder: str | Path) -> Stored:
    """Read a run folder back.

    Raises
    ------
    StoreError
        If it is damaged, or was written before runs kept what was known.
    """
    folder = store.verify(folder).resolve()
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    if not (folder / KNOWN).is_file():
        raise StoreError(f"{folder}: made by an earlier version, without {KNOWN}; run it again")
    known = read_table(folder / KNOWN)
    known.attrs["as_of"] = manifest["as_of"]
    records = json.loads((folder / "verdicts.json").read_text(encoding="utf-8"))
    return Stored(
        folder=folder,
        manifest=manifest,
        known=known,
        claims=read_claims(folder / CLAIMS),
        verdicts=Verdicts.from_records(records, manifest["draws"]),
        forecasts=pd.read_parquet(folder / "forecasts.parquet"),
    )


def latest(out: str | Path) -> Stored | None:
    """Return the latest run of an output folder, None if there is none.

    Raises
    ------
    StoreError
        If it is damaged.
    """
    link = Path(out) / "latest"
    return read_run(link) if link.exists() else None


# --- the change ------------------------------------------------------------------------------
@dataclasses.dataclass(frozen=True)
class Other:
    """A reading of a model whose change is not split: before, after, and what changed of its model."""

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
    split
        The change of the earnings model in pieces, or None where one of the runs has none.
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
    split: news.News | None
    others: tuple[Other, ...]
    calendar: pd.DataFrame | None
    prospects: tuple[news.Prospect, ...]

    def rows(self) -> list[dict[str, Any]]:
        """Return every reading and headline before and after as text, the largest moves first.

        Keys name, before, after, change, noise (what it could come to), why, and clear: whether the
        change is larger than that.
        """
        return sorted([*_split_rows(self.split), *map(_other_row, self.others)],
                      key=lambda row: -row["size"])  # fmt: skip


def arrivals(before: Stored, known: Table) -> Changes:
    """Return the numbers that became known or were revised since a run, with their percentiles."""
    kept = [*COLUMNS]
    changes = compare(before.known[kept], known[kept])
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
    split = None
    prospects: tuple[news.Prospect, ...] = ()
    if later.fitted is not None:
        run, draws = later.fitted
        statistics = news.statistics_of(later.claims, SPLIT, draws)
        prospects = news.anticipate(draws, statistics, seed=seed) if statistics else ()
        if before.passed(SPLIT) and statistics:
            earlier, drawn = before.fitted(SPLIT)
            say(f"splitting the change of {len(statistics)} statistics of {SPLIT}")
            split = news.explain(
                earlier, run, later.known, statistics, (drawn, draws), seed=seed, say=say
            )
    try:
        calendar = report_calendar(later.known)
    except DataError:
        calendar = None
    return Change(
        before=(before.id, str(before.manifest["as_of"])),
        after=(later.id, str(later.known.attrs["as_of"])),
        arrived=arrivals(before, later.known),
        split=split,
        others=_others(before, later),
        calendar=calendar,
        prospects=prospects,
    )


@dataclasses.dataclass(frozen=True)
class _Later:
    id: str
    known: Table
    claims: Sequence[Claim]
    verdicts: Verdicts
    specs: Mapping[str, Spec]
    digests: Mapping[str, str]
    fitted: tuple[Run, xr.Dataset] | None


def _later(after: Stored | tuple[memo.Report, Mapping[str, Fitted]]) -> _Later:
    if isinstance(after, Stored):
        manifest = after.manifest
        return _Later(
            after.id,
            after.known,
            after.claims,
            after.verdicts,
            {n: Spec.from_json(json.dumps(s)) for n, s in manifest["spec"].items()},
            {n: g["digest"] for n, g in manifest["gate"].items()},
            after.fitted(SPLIT) if after.passed(SPLIT) else None,
        )
    report, fitted = after
    one = fitted.get(SPLIT)
    return _Later(
        report.run_id,
        report.known,
        report.claims,
        report.verdicts,
        report.specs,
        {n: g.digest for n, g in report.gates.items()},
        None if one is None or one.draws is None else (one.run, one.draws),
    )


def _others(before: Stored, later: _Later) -> tuple[Other, ...]:
    old = {(v.claim, v.definition): v for v in before.verdicts if v.probability is not None}
    found = []
    for v in later.verdicts:
        was = old.get((v.claim, v.definition))
        if was is None or v.probability is None or v.model == SPLIT:
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


# --- the update ------------------------------------------------------------------------------
@dataclasses.dataclass(frozen=True)
class Updated:
    """What an update leaves.

    Attributes
    ----------
    outcome
        The run.
    table
        The table that rows go to.
    appended
        Number of rows it took.
    change
        What changed since the run before; None if there was none to compare with.
    """

    outcome: Outcome
    table: Path
    appended: int
    change: Change | None


def update_run(
    out: str | Path,
    rows: Table | None,
    *,
    data: str | Path | None = None,
    seed: int | None = None,
    quick: bool = False,
    models: Sequence[str] | None = None,
    say: Say = lambda _: None,
) -> Updated:
    """Take new numbers, fit what depends on them, judge, and write the run with its change memo.

    Parameters
    ----------
    out
        Output folder; its latest run is what the new one is compared with.
    rows
        Checked rows of the schema; None to go on from what the table holds already.
    data
        A folder laid out like the shipped ``data/``, to whose ``vintages/user.csv`` rows are added.
    seed, models
        As in :func:`forecast.pipeline.run_all`; those of the latest run by default.
    quick
        Fewer draws, no other prior sets.
    say
        Called with a line of progress.

    Returns
    -------
    Updated

    Raises
    ------
    ForecastError
        Before anything is written if a row contradicts the table, or a model cannot take it. After
        the rows were added, of what failed then; `say` has told what was added.
    """
    Path(out).mkdir(parents=True, exist_ok=True)
    with lock.hold(Path(out) / ".update.lock", f"an update in {out}"):
        before = latest(out)
        if before is None:
            say(f"no run in {out} to compare with: this one is the first")
        else:
            seed = before.manifest["seed"] if seed is None else seed
            models = models or before.manifest["models"]
        folder = Path(data) if data is not None else data_dir()
        appended = _take(folder, rows, before, models, say) if rows is not None else 0
        try:
            outcome, change = _run(
                out, before, data, 1 if seed is None else seed, quick, models, say
            )
        except BaseException:
            if appended:
                say(
                    f"{appended} row(s) stand in {folder / USER_FILE}; the run was not finished: "
                    "forecast update without a file goes on from there"
                )
            raise
    return Updated(outcome, folder / USER_FILE, appended, change)


def _take(
    folder: Path,
    rows: Table,
    before: Stored | None,
    models: Sequence[str] | None,
    say: Say,
) -> int:
    """Check rows against the table and the models, and append them; return how many."""
    table = read_vintages(folder) if folder.is_dir() and vintage_files(folder) else None
    changes = compare(table, rows)
    if len(changes.conflicts):
        listed = [
            f"{r.entity} {r.metric} {r.period} of {r.reported_on}: {r.old_value:.12g} there, "
            f"{r.value:.12g} now"
            for r in changes.conflicts.itertuples()
        ]
        raise DataError(
            f"{len(listed)} row(s) contradict what the table says was reported on the same day: "
            f"{one_line(listed)}; nothing was written; correct them, or give a revision its own "
            "later reported_on"
        )
    if before is not None:
        for line in surprises(surprised(changes, before.forecasts)):
            say(line)
    fresh = pd.concat([frame[rows.columns] for frame in (changes.new, changes.revisions)])
    if fresh.empty:
        say(f"nothing new: all {len(rows)} rows are in the table already")
        return 0
    merged = fresh if table is None else pd.concat([table, fresh], ignore_index=True).fillna("")
    known = as_of(merged, str(merged["reported_on"].max()))
    if models:
        panels_of(known, models, folder)  # what no model could take is refused before it is stored
    count = append_rows(folder / USER_FILE, fresh)
    say(f"{count} row(s) added to {folder / USER_FILE}")
    return count


def surprises(changes: Changes) -> list[str]:
    """Return a line for each new or revised number: what it is, and where it fell in the forecast."""
    lines = []
    for word, frame in (("new", changes.new), ("revision", changes.revisions)):
        for row in frame.to_dict("records"):
            where = row["percentile_text"]
            said = f"at {where} of its forecast" if where else "not forecast"
            was = f" (was {row['old_value']:.12g})" if "old_value" in row else ""
            place = f"{row['entity']} {row['metric']} {row['period']}"
            lines.append(f"{word}: {place} {row['value']:.12g} {row['unit']}{was}, {said}")
    return lines


def _run(
    out: str | Path,
    before: Stored | None,
    data: str | Path | None,
    seed: int,
    quick: bool,
    models: Sequence[str] | None,
    say: Say,
) -> tuple[Outcome, Change | None]:
    table = read_vintages(data)
    known = as_of(table, str(table["reported_on"].max()))
    told: list[Change] = []
    if before is None or table_hash(known) == before.manifest["data_hash"]:
        again = ""
        if before is not None:
            say("nothing has become known since the latest run")
            again = before.manifest.get("previous") or ""
        outcome = run_all(
            out, data=data, seed=seed, quick=quick, models=models, previous=again, say=say
        )
        return outcome, None

    def also(folder: Path, report: memo.Report, fitted: Mapping[str, Fitted]) -> None:
        change = between(before, (report, fitted), seed=child_seed(seed, "news"), say=say)
        write_change(folder, change)
        told.append(change)

    outcome = run_all(
        out,
        data=data,
        seed=seed,
        quick=quick,
        models=models,
        previous=before.id,
        also=also,
        say=say,
    )
    if not told:  # the run was there already
        told.append(between(before, read_run(outcome.folder), seed=child_seed(seed, "news")))
    return outcome, told[0]


# --- the change memo -------------------------------------------------------------------------
def write_change(folder: Path, change: Change) -> None:
    """Write ``change.md``, ``change.html`` and ``change.json`` with their figure into a run folder."""
    figures = {}
    if change.split is not None and len(change.split.statistics):
        name = most_moved(change.split)
        ax, alt, caption = waterfall_figure(change, name)
        plots.save(ax, folder / "figures" / "change", alt=alt)
        figures["change"] = memo.Figure("figures/change", alt, caption)
    text = change_markdown(change, figures)
    (folder / "change.md").write_text(text, encoding="utf-8")
    page = memo.page(text, figures, folder, draft=False)
    (folder / "change.html").write_text(page, encoding="utf-8")
    content = json.dumps(change_record(change), indent=1, ensure_ascii=False, allow_nan=False)
    (folder / "change.json").write_text(content + "\n", encoding="utf-8")


def most_moved(split: news.News) -> str:
    """Return the probability that moved most; where there is none, the first statistic."""
    events = [k for k, s in enumerate(split.statistics) if not s.unit]
    moved = np.abs(split.after - split.before)
    return split.statistics[max(events, key=lambda k: moved[k]) if events else 0].name


def waterfall_figure(change: Change, name: str) -> tuple[Any, str, str]:
    """Return the waterfall of a statistic by report, its alternative text and its caption."""
    assert change.split is not None
    split = change.split.by_report()
    k = split.index(name)
    one = split.statistics[k]
    scale = 1.0 if one.unit else 100.0
    rows = [
        plots.WaterfallRow(
            piece.label,
            scale * float(split.change[p, k]),
            scale * float(split.low[p, k]),
            scale * float(split.high[p, k]),
            noise=piece.kind == "noise",
        )
        for p, piece in enumerate(split.pieces)
    ]
    total = float(split.after[k] - split.before[k])
    short_name = one.name.replace("_", " ").replace("/", ": ", 0 if one.unit else 1)
    verb = "up" if total > 0 else "down"
    ax = plots.waterfall(
        rows,
        scale * float(split.before[k]),
        scale * float(split.after[k]),
        unit=one.unit or "%",
        step=one.unit or "points",
        ends=(f"as of {change.before[1]}", f"as of {change.after[1]}"),
        subtitle=f"{one.why} {one.unit or 'Probability, %'}; by report",
        title=f"{short_name}: {verb} {one.moved(abs(total)).lstrip('+')}",
    )
    caption = (
        "Each bar is the change of the estimate when that report becomes known, the mean over two "
        "orders of the reports; thin lines: the range over the orders. The last bar is what no "
        f"number explains. Runs {change.before[0]} and {change.after[0]}."
    )
    return ax, split.sentence(name), caption


def change_markdown(change: Change, figures: Mapping[str, memo.Figure]) -> str:
    """Return the change memo as Markdown."""
    rows = change.rows()
    return memo.render(
        "change.md.j2",
        {
            "c": change,
            "figures": figures,
            "arrived": [r for r in _arrived_rows(change.arrived) if r["where"] or r["was"]],
            "besides": [r for r in _arrived_rows(change.arrived) if not (r["where"] or r["was"])],
            "surprising": _surprising(change.arrived),
            "moved": [r for r in rows if r["clear"]],
            "still": [r for r in rows if not r["clear"]],
            "lines": _lines(change, [r for r in rows if r["clear"]]),
            "watch": _watch(change),
            "limit": UNEXPECTED,
        },
    )


def _arrived_rows(arrived: Changes) -> list[dict[str, Any]]:
    rows = []
    for frame in (arrived.new, arrived.revisions):
        for r in frame.to_dict("records"):
            rows.append(
                {
                    "report": f"{r['entity']} {r['reported_on']}",
                    "metric": str(r["metric"]).replace("_", " "),
                    "period": r["period"],
                    "value": f"{r['value']:,.12g} {r['unit']}",
                    "was": f"{r['old_value']:,.12g}" if "old_value" in r else "",
                    "where": r["percentile_text"],
                }
            )
    return sorted(rows, key=lambda r: (r["report"].split()[-1], r["report"]))


def _surprising(arrived: Changes) -> list[str]:
    found = []
    for frame in (arrived.new, arrived.revisions):
        for r in frame.to_dict("records"):
            level = r["percentile"]
            if np.isfinite(level) and not UNEXPECTED <= level <= 100 - UNEXPECTED:
                side = "low" if level < 50 else "high"
                what = f"{r['entity']} {str(r['metric']).replace('_', ' ')} {r['period']}"
                found.append(
                    f"**{what}** came in {side}, at {r['percentile_text']} of its forecast "
                    f"({r['value']:,.12g} {r['unit']})"
                )
    return found


def _split_rows(split: news.News | None) -> list[dict[str, Any]]:
    rows = []
    for k, one in enumerate(() if split is None else split.statistics):
        assert split is not None
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
        "change": f"{100 * total:+.1f} points".replace("-", "−"),
        "noise": f"{200 * other.error:.1f} points",
        "why": f"{other.model}: {other.why}",
        "size": abs(total),
        "clear": abs(total) > 2 * other.error,
    }


def _lines(change: Change, rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return a sentence for each statistic that moved and was split."""
    if change.split is None:
        return []
    names = {s.name for s in change.split.statistics}
    return [change.split.sentence(row["name"]) for row in rows if row["name"] in names]


def _watch(change: Change) -> list[dict[str, str]]:
    """Return the coming reports by expected day, with what each could do most."""
    best: dict[str, news.Prospect] = {}
    for one in change.prospects:
        if one.company not in best or one.move > best[one.company].move:
            best[one.company] = one
    if change.calendar is None:
        return []
    rows = change.calendar[change.calendar["status"] != "reported"]
    rows = rows[rows["expected_on"].astype(bool)].sort_values("expected_on", kind="stable")
    found = []
    for r in rows.drop_duplicates("entity").to_dict("records"):
        top = best.get(str(r["entity"]))
        found.append(
            {
                "company": str(r["entity"]),
                "quarter": str(r["quarter"]),
                "day": str(r["expected_on"]),
                "range": "–"
                if r["expected_from"] == r["expected_to"]
                else f"{r['expected_from']} to {r['expected_to']}",
                "what": "" if top is None else prospect_text(top),
            }
        )
    return found


def prospect_text(one: news.Prospect) -> str:
    """Return what a coming number could do, in a line."""
    metric = one.series.split("/")[1].replace("_", " ")
    if not one.told:
        return "no probability by more than Monte-Carlo error"
    low, high = np.interp([0.1, 0.9], one.levels, one.prints)
    at = np.interp([0.1, 0.9], one.levels, one.curve)
    return (
        f"{metric} of {low:,.3g} or {high:,.3g} {one.unit} (one in ten below, above): "
        f"{one.statistic} at {100 * at[0]:.0f} % or {100 * at[1]:.0f} %, "
        f"now {100 * one.probability:.0f} %"
    )


def change_record(change: Change, claim: str | None = None) -> dict[str, Any]:
    """Return the change as plain values, for ``change.json`` and ``--json``; of one claim if given."""
    split = change.split

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
            for one in ([] if split is None else _finite(split.records()))
            if asked(one["statistic"])
        ],
        "refits": 0 if split is None else split.refits,
        "worst_pareto_k": None if split is None or np.isnan(split.worst_k) else split.worst_k,
        "others": [dataclasses.asdict(other) for other in change.others if asked(other.name)],
    }


def prospect_record(one: news.Prospect) -> dict[str, Any]:
    """Return a prospect as plain values."""
    return {
        **{
            name: getattr(one, name)
            for name in ("company", "series", "period", "statistic", "unit", "probability", "bits",
                         "move", "noise", "told")
        },
        "levels": one.levels.tolist(),
        "prints": one.prints.tolist(),
        "curve": one.curve.tolist(),
        "crossings": {f"{level:g}": value for level, value in one.crossings.items()},
        "checked": {f"{level:g}": value for level, value in one.checked.items()},
    }  # fmt: skip


def _finite(content: Any) -> Any:
    """Return nested plain values with None in place of what is no number."""
    if isinstance(content, dict):
        return {key: _finite(value) for key, value in content.items()}
    if isinstance(content, list):
        return [_finite(value) for value in content]
    return None if isinstance(content, float) and not np.isfinite(content) else content


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


# --- the evening before ----------------------------------------------------------------------
def foresee(
    run: Stored,
    *,
    companies: Sequence[str] | None = None,
    claim: str | None = None,
    figures: Path | None = None,
    say: Say = lambda _: None,
) -> list[news.Prospect]:
    """Return what the coming reports could move, the most telling first, each company's best checked.

    Parameters
    ----------
    run
        A stored run with an earnings fit.
    companies
        Only these.
    claim
        Only this claim, by id, or one of its readings.
    figures
        A folder for the figures of the checked ones; none are drawn without it.
    say
        Called with a line of progress.

    Raises
    ------
    ForecastError
        If the run has no earnings fit, or a name is unknown.
    """
    fitted, draws = run.fitted(SPLIT)
    statistics = [
        s
        for s in news.statistics_of(run.claims, SPLIT, draws)
        if claim is None or claim in (s.name, *s.name.split("/"))
    ]
    if not any(not s.unit for s in statistics):
        raise DataError(f"no reading of the {SPLIT} model is called {claim!r}")
    seed = child_seed(int(run.manifest["seed"]), "before")
    found = sorted(
        news.anticipate(draws, statistics, seed=seed, companies=companies), key=lambda p: -p.bits
    )
    checked: set[str] = set()
    for k, one in enumerate(found):
        if one.company in checked or not one.told:
            continue
        checked.add(one.company)
        say(f"checking {one.series} {one.period} against {one.statistic} by reweighting")
        statistic = next(s for s in statistics if s.name == one.statistic)
        found[k] = news.check_prospect(one, fitted, statistic, seed=seed)
        if figures is not None:
            _prospect_figure(found[k], statistic, figures)
    return found


def _prospect_figure(one: news.Prospect, statistic: news.Statistic, folder: Path) -> None:
    metric = one.series.split("/")[1]
    words = f"{one.company} {metric.replace('_', ' ')} {one.period}"
    title = f"{words}: {prospect_range(one)}"
    ax = plots.print_curve(
        plots.PrintCurve(words, metric, one.prints, one.curve, one.levels, one.checked),
        one.probability,
        unit=one.unit,
        noise=one.noise,
        title=title,
    )
    plots.save(ax, folder / one.company, alt=f"{statistic.why} {title}. {prospect_text(one)}.")


def prospect_range(one: news.Prospect) -> str:
    """Return the range over which a coming number could move a probability."""
    low, high = np.interp([0.1, 0.9], one.levels, one.curve)
    name = one.statistic.split("/")[-1].replace("_", " ")
    return f"{100 * low:.0f} % or {100 * high:.0f} % for “{name}”"


def prospect_rows(found: Sequence[news.Prospect]) -> list[tuple[str, ...]]:
    """Return a table with its header: of each company and reading the most telling number.

    What cannot be told from Monte-Carlo error is left out.
    """
    head = ("company", "number", "quarter", "reading", "now", "at 10 %", "at 90 %", "expected move")
    rows: list[tuple[str, ...]] = [(*head, "bits", "crosses", "reweighted at 5, 50, 95 %")]
    seen: set[tuple[str, str]] = set()
    for one in found:
        if (one.company, one.statistic) in seen or not one.told:
            continue
        seen.add((one.company, one.statistic))
        at = np.interp([0.1, 0.9], one.levels, one.curve)
        prints = np.interp([0.1, 0.9], one.levels, one.prints)
        crossed = [f"{100 * t:.0f} % at {v:,.3g}" for t, v in one.crossings.items()]
        rows.append(
            (
                one.company,
                one.series.split("/")[1],
                one.period,
                one.statistic.split("/")[-1],
                f"{100 * one.probability:.0f} %",
                f"{100 * at[0]:.0f} % ({prints[0]:,.3g})",
                f"{100 * at[1]:.0f} % ({prints[1]:,.3g})",
                f"{100 * one.move:.1f} points",
                f"{one.bits:.3f}",
                ", ".join(crossed),
                ", ".join(f"{100 * v:.0f}" for v in one.checked.values()),
            )
        )
    return rows
