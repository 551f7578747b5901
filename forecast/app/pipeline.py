"""The main job: tables -> fits -> gate -> draws -> verdicts -> figures -> memo, in one run folder.

Invariant: the run's id is a hash of all that decides it (data, claims, prior sets, code, seed,
settings), so the same inputs find the same folder, and a folder is complete or absent.
"""

from __future__ import annotations

import contextlib
import dataclasses
import datetime as dt
import importlib.metadata
import json
import logging
import platform
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import xarray as xr

from forecast.app.jobs import Done, Job, Results, at_work, drawn, hindcasts_of
from forecast.claims import audit as audits
from forecast.claims.horizon import Reach, questions, reach
from forecast.claims.inputs import Inputs, read_inputs
from forecast.claims.judge import condition_draws, event_draws, judge
from forecast.claims.outcomes import settled
from forecast.claims.probabilities import share
from forecast.claims.verdict import Verdicts
from forecast.core.draws import YEAR, with_yearly
from forecast.core.errors import ClaimError, DataError, ForecastError, StoreError
from forecast.core.progress import stage
from forecast.evaluation import sensitivity
from forecast.evaluation.hindcast import MODELS as HINDCAST_MODELS
from forecast.evaluation.hold_out import FORESEEN, Sources, too_sure
from forecast.inference.codehash import package_hash, room_hash
from forecast.inference.predict import outline
from forecast.models import registry
from forecast.models.panels import build_panel, shipped, tables_of
from forecast.models.registry import get_model, panel_source
from forecast.report import memo
from forecast.report.figures import draw_overall, draw_room
from forecast.report.record import Report
from forecast.report.results import complete
from forecast.store import runs
from forecast.store.runs import CLAIMS, KNOWN, TABLES, VINTAGES
from forecast.tables.shipped import write_tables
from forecast.tables.vintages import (
    Known,
    Table,
    as_of,
    newest_day,
    not_yet,
    standing,
    table_hash,
)

if TYPE_CHECKING:
    from forecast.claims.records import Claim
    from forecast.inference.predict import Fitted
    from forecast.models.base import Panel

logger = logging.getLogger(__name__)
QUANTILES = (0.005, 0.01, *(round(0.025 * k, 3) for k in range(1, 40)), 0.99, 0.995)


@dataclasses.dataclass(frozen=True)
class Settings:
    """What a run is asked for; see :func:`run_all`."""

    as_of_date: str | None = None
    data: str | Path | None = None
    article: str | None = None
    seed: int = 1
    quick: bool = False
    models: Sequence[str] | None = None
    workers: int = 1
    today: dt.date | None = None


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What the main job leaves: the run folder, its verdicts, and why it is a draft if it is one."""

    folder: Path
    verdicts: Verdicts
    draft: tuple[str, ...]
    reused: bool


def run_all(
    out: str | Path,
    *,
    as_of_date: str | None = None,
    data: str | Path | None = None,
    article: str | None = None,
    seed: int = 1,
    quick: bool = False,
    models: Sequence[str] | None = None,
    workers: int = 1,
    today: dt.date | None = None,
) -> Outcome:
    """Do the main job, write the run folder, and point ``latest`` to it.

    Progress goes to the logger ``forecast`` and is not printed by itself: after
    ``logging.basicConfig(level="INFO")`` it is, a line for each stage.

    Parameters
    ----------
    out
        Output folder.
    as_of_date
        What was known on this day; the newest report's day by default.
    data
        A folder laid out like the shipped ``data/``.
    article
        Which of its articles, where there are several.
    seed
        Decides all random numbers.
    quick
        Fewer draws, no other prior sets, no hold-out.
    models
        Which models to fit; those of the article's page by default, or all that have data.
    workers
        Processes in which models are fitted: compiling uses one core at a time. From a script of your
        own more than one needs the usual ``if __name__ == "__main__":``.
    today
        The day on which this runs; reports of later days are not known yet.

    Returns
    -------
    Outcome

    Raises
    ------
    ForecastError
        If a table, a claim or a name is bad; then nothing is written.
    """
    outcome = make_run(
        out, Settings(as_of_date, data, article, seed, quick, models, workers, today)
    )
    runs.point_latest(out, outcome.folder.name)
    return outcome


def make_run(out: str | Path, settings: Settings, inputs: Inputs | None = None) -> Outcome:
    """Do the main job and write the run folder; ``latest`` stays where it is.

    Parameters and errors are those of :func:`run_all`; `inputs` are those of the settings' data
    folder, where they have been read already.
    """
    models = settings.models
    seed, quick = settings.seed, settings.quick
    seconds: dict[str, float] = {}
    names = [get_model(name).name for name in models] if models else []
    with stage("read tables and claims", seconds):
        inputs = inputs or read_inputs(settings.data, settings.article)
        names = names or list(inputs.page.models)
        names = names or [name for name in registry.names() if _has_data(name, inputs)]
        day = settings.as_of_date or _newest(inputs, settings.today)
        known = as_of(inputs.vintages, day)
        panels = panels_of(known, names, inputs.tables, inputs.vintages)
        asked = questions(inputs.claims, inputs.scenarios, inputs.comparisons)
        until = {name: reach(name, day, asked) for name in panels}
    run_id = runs.run_id(
        known.rows.to_csv(index=False),
        *(panel.hash for panel in panels.values()),
        inputs.hash,
        package_hash(),
        *map(room_hash, registry.outside(names)),
        json.dumps([day, seed, quick, names, sorted(_versions().items())]),
    )
    kept = _kept(Path(out), run_id)
    if kept is not None:
        logger.info(f"unchanged inputs: using the run {run_id} as it is")
        return kept
    jobs = _jobs(panels, until, settings, inputs, Path(out) / "fits")
    with at_work(jobs, settings.workers) as results:
        with stage("audit the article", seconds):
            for verdict in _ask_outlines(inputs.claims, panels, until):
                # Whether enough draws meet a condition, an outline cannot tell.
                if verdict.status == "not judged" and verdict.given is None:
                    logger.info(f"{verdict.claim}, {verdict.definition}: {verdict.text}")
            findings = audits.audit_claims(known, inputs.references, inputs.claims)
        runs.check_output(out)
        begun = _start(run_id, seed, inputs, known, findings, seconds)
        made: list[Report] = []

        def fill(folder: Path) -> None:
            known.rows.to_csv(folder / KNOWN, index=False, lineterminator="\n")
            (folder / CLAIMS).write_text(inputs.claims_text, encoding="utf-8")
            if any(panel_source(name).history for name in names):
                rows = standing(inputs.vintages, known.date)
                rows.to_csv(folder / VINTAGES, index=False, lineterminator="\n")
            write_tables({n: inputs.tables[n] for n in tables_of(names)}, folder / TABLES)
            made.append(_make(folder, begun, inputs, jobs, results, seconds))

        folder = runs.write_run(out, run_id, fill, latest=False)
    (report,) = made
    return Outcome(folder, report.verdicts, report.draft, reused=False)


def _newest(inputs: Inputs, today: dt.date | None) -> str:
    """Return the day of the newest report up to today, and tell of those to come."""
    if today is not None and (note := not_yet(inputs.vintages, today)):
        logger.info(note)
    return newest_day(inputs.vintages, today, inputs.looked_at)


def _make(
    folder: Path,
    begun: Report,
    inputs: Inputs,
    jobs: Sequence[Job],
    results: Results,
    seconds: dict[str, float],
) -> Report:
    """Fit, judge and write into a folder; what needs one model alone, while others are fitted."""
    for name in ("fits", "figures"):
        (folder / name).mkdir()
    by_model = {job.model: job for job in jobs}
    fitted, done, tables, figures = {}, {}, {}, {}
    for one in results():
        name = one.model
        seconds.update(one.seconds)
        with stage("draw and keep each model", seconds, quiet=True):
            fitted[name] = drawn(by_model[name], one.runs)
            done[name] = dataclasses.replace(one, runs={})  # fits of other priors are done with
            runs.save_tree(fitted[name].run.tree, folder / "fits" / f"{name}.nc")
            draws = fitted[name].draws
            tables[name] = [] if draws is None else [quantile_table([draws])]
            figures[name] = draw_room(folder / "figures", begun, name, fitted[name])
    fitted = {name: fitted[name] for name in by_model}  # as ordered, whatever was begun first
    report = _report(begun, inputs, fitted, [done[name] for name in by_model], seconds)
    with stage("draw the figures", seconds):
        shown = [figures[name] for name in registry.names() if name in figures]
        shown.append(draw_overall(folder / "figures", report, fitted))
        report = dataclasses.replace(
            report, figures={k: v for own in shown for k, v in own.items()}
        )
    forecasts = [table for name in by_model for table in tables[name]]
    table = pd.concat(forecasts, ignore_index=True) if forecasts else pd.DataFrame()
    _write(folder, report, fitted, table, any(job.quick for job in jobs), seconds)
    return report


def check_claims(
    claims: Sequence[Claim],
    data: str | Path | None = None,
    *,
    article: str | None = None,
    as_of_date: str | None = None,
) -> None:
    """Refuse claims that a run would refuse, as far as that is known without a fit.

    Parameters
    ----------
    claims
        From :func:`forecast.claims.read.read_claims`.
    data
        A folder laid out like the shipped ``data/``.
    article
        Which of its articles, where there are several.
    as_of_date
        As in :func:`run_all`.

    Raises
    ------
    ClaimError
        If a definition names a series, a period or a window that its model's draws do not have, or a
        fact's rule cannot be evaluated on the tables.
    """
    inputs = read_inputs(data, article)
    day = as_of_date or newest_day(inputs.vintages, also=inputs.looked_at)
    known = as_of(inputs.vintages, day)
    named = dict.fromkeys(d.model for c in claims for d in c.definitions if d.event is not None)
    models = [name for name in named if _has_data(name, inputs)]
    logger.info(
        f"asking for the series, periods and windows of {', '.join(models) or 'no model'} ..."
    )
    panels, asked = panels_of(known, models, inputs.tables, inputs.vintages), questions(claims)
    until = {name: reach(name, panel.as_of, asked) for name, panel in panels.items()}
    _ask_outlines(claims, panels, until)
    audits.audit_claims(known, inputs.references, claims)


def _ask_outlines(
    claims: Sequence[Claim], panels: Mapping[str, Panel], until: Mapping[str, Reach]
) -> Verdicts:
    """Evaluate every definition on an outline: what no draw has is refused before anything is fitted."""
    named = {d.model for claim in claims for d in claim.definitions if d.event is not None}
    return judge(claims, [_outlined(p, until[name]) for name, p in panels.items() if name in named])


def _outlined(panel: Panel, to: Reach) -> xr.Dataset:
    """Return the outline of a model's draws; what asks for too much is named."""
    try:
        return outline(panel, to.until)
    except DataError as error:
        if not to.asked_by:
            raise
        raise ClaimError(
            f"{to.asked_by} asks the {panel.model} model to look to {to.until}: {error}"
        ) from error


def panels_of(
    known: Known, models: Sequence[str], tables: Mapping[str, pd.DataFrame], history: Table
) -> dict[str, Panel]:
    """Return the panels of models; arguments as of :func:`forecast.models.panels.build_panel`."""
    return {name: build_panel(known, name, tables=tables, history=history) for name in models}


def _has_data(model: str, inputs: Inputs) -> bool:
    return shipped(model) or panel_source(model).table in inputs.tables


def _versions() -> dict[str, str]:
    """Return the versions of Python, of this package and of every one that it is built on."""
    wanted = importlib.metadata.requires("forecast") or []
    names = {re.split(r"[^\w.-]", line)[0] for line in wanted if "extra ==" not in line}
    names |= {"forecast", "pytensor"}
    found = {name: importlib.metadata.version(name) for name in sorted(names)}
    return {"python": platform.python_version(), **found}


def _kept(out: Path, run_id: str) -> Outcome | None:
    """Return the outcome of a complete earlier run with this id, or None."""
    folder = out / "runs" / run_id
    try:
        runs.verify(folder)
        manifest = runs.read_manifest(folder, "draft", "draws")
        records = runs.read_json(folder / "verdicts.json", list)
        verdicts = Verdicts.from_records(records, manifest["draws"])
    except (StoreError, ClaimError):
        return None
    if manifest["draft"]:
        return None
    return Outcome(folder, verdicts, (), reused=True)


def _jobs(
    panels: Mapping[str, Panel],
    until: Mapping[str, Reach],
    settings: Settings,
    inputs: Inputs,
    place: Path,
) -> list[Job]:
    """Return what is fitted to each panel; one that must be quick, with the default priors alone."""
    whole = not settings.quick
    days = inputs.page.hindcast if whole and panels.keys() >= {*HINDCAST_MODELS} else ()
    found, sources = [], Sources(inputs.vintages, inputs.tables)
    for name, panel in panels.items():
        own, back = get_model(name), days if name in HINDCAST_MODELS else ()
        found.append(
            Job(
                panel,
                until[name].until,
                settings.seed,
                settings.quick,
                place,
                variants=tuple(own.variants) if whole else (),
                sources=sources if whole else None,
                days=tuple(back),
                tables=inputs.tables if back else {},
            )
        )
    return found


def _start(
    run_id: str,
    seed: int,
    inputs: Inputs,
    known: Known,
    findings: Sequence[audits.Finding],
    seconds: Mapping[str, float],
) -> Report:
    """Return the record of a run before anything is asked of its draws."""
    return Report(
        run_id=run_id,
        as_of=known.date,
        seed=seed,
        version=importlib.metadata.version("forecast"),
        article=inputs.article,
        page=inputs.page,
        claims=inputs.claims,
        verdicts=Verdicts(()),
        sensitivities={},
        naive={},
        findings=findings,
        known=known,
        specs={},
        gates={},
        seconds=seconds,
    )


def _report(
    report: Report,
    inputs: Inputs,
    fitted: Mapping[str, Fitted],
    done: Sequence[Done],
    seconds: dict[str, float],
) -> Report:
    """Return the record of a run with all that its draws say."""
    claims = report.claims
    newest = tuple(row for one in done for row in one.foreseen)
    with stage("judge the claims", seconds):
        draws = [f.draws for f in fitted.values() if f.draws is not None]
        failed = {
            name: "; ".join(map(str, f.run.gate.failures))
            for name, f in fitted.items()
            if f.run.gate is not None and f.draws is None
        }
        verdicts = settled(
            judge(claims, draws, facts=audits.sentences(report.findings), failed=failed),
            claims,
            draws,
            report.known,
        ).with_cautions(too_sure(newest))
        tested = _sensitivities(claims, verdicts, fitted)
        report = dataclasses.replace(
            report,
            verdicts=verdicts.with_ranges(
                {key: (s.low, s.high) for key, s in tested.items()}
            ).with_other_models(claims),
            sensitivities=tested,
            naive=_naive_probabilities(claims, fitted),
            specs={name: f.run.spec for name, f in fitted.items()},
            gates={name: f.run.gate for name, f in fitted.items() if f.run.gate is not None},
            observations={n: int(f.run.panel.data.sizes["obs"]) for n, f in fitted.items()},
            foreseen=newest,
        )
    # In the order of those models, and only where each of them passed.
    back = [one for n in HINDCAST_MODELS for one in done if one.model == n and one.hindcasts]
    both = len(back) == len(HINDCAST_MODELS)
    report = dataclasses.replace(
        report,
        hindcasts=hindcasts_of(back, inputs.page.hindcast) if both else (),
    )
    with stage("put together the first page", seconds):
        return complete(report, inputs, fitted)


def _sensitivities(
    claims: Sequence[Claim], verdicts: Verdicts, fitted: Mapping[str, Fitted]
) -> dict[tuple[str, str], sensitivity.Sensitivity]:
    found = {}
    for claim in claims:
        for definition in claim.definitions:
            one = fitted.get(definition.model)
            if one is None or one.draws is None or not one.variants:
                continue
            if verdicts.of(claim.id, definition.id).status != "judged":
                continue
            found[claim.id, definition.id] = sensitivity.sensitivity(
                claim, definition, one.run, one.draws, one.variants
            )
    return found


def _naive_probabilities(
    claims: Sequence[Claim], fitted: Mapping[str, Fitted]
) -> dict[tuple[str, str], float]:
    found = {}
    for claim in claims:
        for definition in claim.definitions:
            one = fitted.get(definition.model)
            if one is None or one.baseline is None:
                continue
            with contextlib.suppress(ForecastError):  # a series too short for a baseline
                held = condition_draws(definition, one.baseline)
                answer = share(event_draws(definition, one.baseline), held)
                if answer is not None:
                    found[claim.id, definition.id] = answer[0]
    return found


def _write(
    folder: Path,
    report: Report,
    fitted: Mapping[str, Fitted],
    forecasts: pd.DataFrame,
    quick: bool,
    seconds: dict[str, float],
) -> None:
    with stage("write tables", seconds):
        _json(folder / "verdicts.json", report.verdicts.records())
        _json(
            folder / "sensitivity.json",
            [
                {
                    **dataclasses.asdict(s),
                    "grade": s.grade,
                    "moved_by": s.moved_by,
                    "naive": report.naive.get(key),
                }
                for key, s in report.sensitivities.items()
            ],
        )
        _json(folder / "pooled.json", [dataclasses.asdict(p) for p in report.pooled.values()])
        _json(folder / "variations.json", [dataclasses.asdict(v) for v in report.variations])
        _json(folder / FORESEEN, [one.record() for one in report.foreseen])
        _json(folder / "audit.json", [dataclasses.asdict(f) for f in report.findings])
        forecasts.to_parquet(folder / "forecasts.parquet", index=False)
    report = dataclasses.replace(report, seconds=dict(seconds))
    text = memo.markdown(report)
    (folder / "memo.md").write_text(text, encoding="utf-8")
    (folder / "memo.html").write_text(
        memo.page(text, report.figures, folder, draft=bool(report.draft)), encoding="utf-8"
    )
    _json(
        folder / "manifest.json",
        {
            "run": report.run_id,
            "article": report.article,
            "followed": list(report.page.followed),
            "as_of": report.as_of,
            "seed": report.seed,
            "quick": quick,
            "models": list(fitted),
            "until": {name: one.until for name, one in fitted.items()},
            "version": report.version,
            "versions": _versions(),
            "draft": list(report.draft),
            "draws": max((v.draws for v in report.verdicts), default=0),
            "data_hash": table_hash(report.known.rows),
            "sampler": {name: spec.sampler for name, spec in report.specs.items()},
            "spec": {name: json.loads(spec.to_json()) for name, spec in report.specs.items()},
            "gate": {
                name: {"passed": gate.passed, **json.loads(gate.to_json())}
                for name, gate in report.gates.items()
            },
            "seconds": dict(seconds),
        },
    )


def _json(path: Path, content: Any) -> None:
    text = json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False)
    path.write_text(text + "\n", encoding="utf-8")


def quantile_table(draws: Sequence[xr.Dataset]) -> pd.DataFrame:
    """Return forecasts as a long table of quantiles of ``y``.

    Quarterly draws bring their four-quarter totals and growth
    (:func:`forecast.core.draws.with_yearly`).

    Returns
    -------
    pandas.DataFrame
        Columns model, as_of, entity, metric, target_period, target_end, horizon, quantile, value,
        unit; cells that were already reported are left out. `horizon` counts periods after the
        series' last report, of a total or a growth rate after that of the series it is made of; of
        one that was never reported (a sum whose parts were never reported together, a quantity of
        the model) after the last report of all, or the last period that had ended; quantities without
        a time are at horizon 0.
    """
    tables = [_quantiles(one) for one in draws]
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()


def _quantiles(draws: xr.Dataset) -> pd.DataFrame:
    """Return the quantiles of one model's draws."""
    own = [str(name) for name in draws["series"].values]
    ended = int((draws["period_end"].values.astype(str) <= str(draws.attrs["as_of"])).sum()) - 1
    reports = _last_reports(draws["observed"].transpose("series", "period").values, ended)
    first = max(int(reports.min()) + 1 - YEAR, 0)  # what lies further back decides no quantile
    draws = with_yearly(draws[["y", "observed"]].isel(period=slice(first, None)))
    names = [str(name) for name in draws["series"].values]
    made_of = [name if name in own else re.sub("_(4q|growth)$", "", name) for name in names]
    last = reports[[own.index(name) for name in made_of]]
    ahead = np.arange(draws.sizes["period"]) + first - last[:, None]
    y = draws["y"].transpose("series", "period", "chain", "draw").values
    cells = np.isfinite(y).all((2, 3))
    if draws.sizes["period"] > 1:
        cells &= ahead > 0
    at, when = np.nonzero(cells)
    levels = np.quantile(y[at, when].reshape(len(at), y[0, 0].size), QUANTILES, axis=1).T
    size = len(QUANTILES)

    def along(name: str, index: np.ndarray) -> np.ndarray:
        return np.repeat(draws[name].values.astype(str)[index], size)

    return pd.DataFrame(
        {
            "model": str(draws.attrs["model"]),
            "as_of": str(draws.attrs["as_of"]),
            "entity": along("entity", at),
            "metric": along("metric", at),
            "target_period": along("period", when),
            "target_end": along("period_end", when),
            "horizon": np.repeat(np.maximum(ahead[at, when], 0), size),
            "quantile": np.tile(QUANTILES, len(at)),
            "value": levels.ravel(),
            "unit": along("unit", at),
        }
    )


def _last_reports(observed: np.ndarray, ended: int) -> np.ndarray:
    """Return the number of each series' last reported period.

    Of a series without one it is the last of all, or, where nothing is ever reported, the last period
    that had `ended`, -1 if none had.
    """
    seen = np.isfinite(observed)
    last = np.where(seen, np.arange(seen.shape[1]), -1).max(axis=1)
    return np.where(last < 0, last.max() if seen.any() else ended, last)
