"""The main job: tables -> fits -> gate -> draws -> verdicts -> figures -> memo, in one run folder.

Invariant: the run's id is a hash of all that decides it (data, claims, prior sets, code, seed,
settings), so the same inputs find the same folder, and a folder is complete or absent.
"""

from __future__ import annotations

import contextlib
import dataclasses
import importlib.metadata
import json
import time
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from forecast import audit as audits
from forecast import diagnose, memo, plots, store
from forecast.claims import Claim, Verdicts, judge, probability, read_claims
from forecast.claims import event_draws as hits
from forecast.events import path
from forecast.fitting import Run, code_hash, fit, prior_draws
from forecast.models import MODELS, get_model, naive
from forecast.panels import COST_WORDS, Panel, build_panel
from forecast.predict import forecast
from forecast.schema import ForecastError, StoreError, percent
from forecast.sources import CLAIMS_FILE, data_dir, read_vintages
from forecast.vintages import Table, as_of, table_hash

Say = Callable[[str], None]
QUANTILES = (0.005, 0.01, *(round(0.025 * k, 3) for k in range(1, 40)), 0.99, 0.995)
FULL, QUICK = 1000, 500  # draws, and as many tuning steps, per chain


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What the main job leaves: the run folder, its verdicts, and why it is a draft if it is one."""

    folder: Path
    verdicts: Verdicts
    draft: tuple[str, ...]
    reused: bool


@dataclasses.dataclass(frozen=True)
class _Fitted:
    """One model's runs and draws; `draws` is None if the gate was not passed."""

    run: Run
    draws: xr.Dataset | None
    variants: Mapping[str, xr.Dataset]


def child_seed(seed: int, *names: str) -> int:
    """Return the seed of one step, the same whatever other steps are run."""
    words = [seed, *(zlib.crc32(name.encode()) for name in names)]
    return int(np.random.SeedSequence(words).generate_state(1)[0])


@contextlib.contextmanager
def _stage(name: str, seconds: dict[str, float], say: Say) -> Iterator[None]:
    say(f"{name} ...")
    start = time.perf_counter()
    yield
    seconds[name] = round(time.perf_counter() - start, 3)
    say(f"{name}: {seconds[name]:.1f} s")


def run_all(
    out: str | Path,
    *,
    as_of_date: str | None = None,
    data: str | Path | None = None,
    seed: int = 1,
    quick: bool = False,
    models: Sequence[str] | None = None,
    say: Say = lambda _: None,
) -> Outcome:
    """Do the main job and write the run folder.

    Parameters
    ----------
    out
        Output folder.
    as_of_date
        What was known on this day; the newest report's day by default.
    data
        A folder laid out like the shipped ``data/``.
    seed
        Decides all random numbers.
    quick
        Fewer draws, no other prior sets, no hold-out.
    models
        Which models to fit; all by default.
    say
        Called with a line of progress.

    Returns
    -------
    Outcome

    Raises
    ------
    ForecastError
        If a table, a claim or a name is bad; then nothing is written.
    """
    seconds: dict[str, float] = {}
    names = [get_model(name).name for name in models] if models else list(MODELS)
    with _stage("read tables and claims", seconds, say):
        table = read_vintages(data)
        day = as_of_date or str(table["reported_on"].max())
        known = as_of(table, day)
        claims_file = Path(data) / CLAIMS_FILE if data is not None else None
        if claims_file is not None and not claims_file.is_file():
            claims_file = None
        claims = read_claims(claims_file)
        panels = {name: build_panel(known, name) for name in names}
    references = audits.read_references()
    claims_text = (claims_file or data_dir() / CLAIMS_FILE).read_text(encoding="utf-8")
    run_id = store.run_id(
        table_hash(known),
        table_hash(references),
        claims_text,
        code_hash(),
        json.dumps([day, seed, quick, names, sorted(_versions().items())]),
    )
    kept = _kept(Path(out), run_id)
    if kept is not None:
        say(f"unchanged inputs: using the run {run_id} as it is")
        return kept
    with _stage("audit the article", seconds, say):
        findings = audits.audit_claims(known, references, claims)
    fitted = {name: _fit_model(name, panels[name], seed, quick, seconds, say) for name in names}
    report = _report(run_id, day, seed, claims, findings, known, fitted, quick, seconds, say)
    folder = store.write_run(
        out, run_id, lambda place: _write(place, report, fitted, quick, seconds, say)
    )
    return Outcome(folder, report.verdicts, report.draft, reused=False)


def _versions() -> dict[str, str]:
    names = ("pymc", "pytensor", "nutpie", "numba", "numpy", "xarray", "pandas", "matplotlib")
    return {name: importlib.metadata.version(name) for name in names}


def _kept(out: Path, run_id: str) -> Outcome | None:
    """Return the outcome of a complete earlier run with this id, or None."""
    folder = out / "runs" / run_id
    try:
        store.verify(folder)
    except StoreError:
        return None
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    if manifest["draft"]:
        return None
    store.point_latest(out, run_id)
    verdicts = Verdicts.from_records(
        json.loads((folder / "verdicts.json").read_text(encoding="utf-8")), manifest["draws"]
    )
    return Outcome(folder, verdicts, (), reused=True)


def _fit_model(
    name: str, panel: Panel, seed: int, quick: bool, seconds: dict[str, float], say: Say
) -> _Fitted:
    model = get_model(name)
    size = QUICK if quick else FULL
    with _stage(f"fit {name}", seconds, say):
        run = fit(
            name,
            panel,
            seed=child_seed(seed, name, "fit"),
            draws=size,
            tune=size,
            progress=False,
        )
    draw_seed = child_seed(seed, name, "draw")
    if run.gate is None or not run.gate.passed:
        return _Fitted(run, None, {})
    draws = forecast(run, seed=draw_seed)
    variants: dict[str, xr.Dataset] = {}
    if not quick:
        with _stage(f"other priors for {name}", seconds, say):
            for variant in model.variants:
                # The same seeds: what differs between prior sets is the priors.
                other = fit(
                    name,
                    panel,
                    seed=child_seed(seed, name, "fit"),
                    variant=variant,
                    progress=False,
                )
                if other.gate is not None and other.gate.passed:
                    variants[variant] = forecast(other, seed=draw_seed)
                else:
                    say(f"the {variant} priors of {name} did not pass the gate: left out")
    return _Fitted(run, draws, variants)


def _report(
    run_id: str,
    day: str,
    seed: int,
    claims: Sequence[Claim],
    findings: Sequence[audits.Finding],
    known: Table,
    fitted: Mapping[str, _Fitted],
    quick: bool,
    seconds: dict[str, float],
    say: Say,
) -> memo.Report:
    with _stage("judge the claims", seconds, say):
        draws = [f.draws for f in fitted.values() if f.draws is not None]
        failed = {
            name: "; ".join(map(str, f.run.gate.failures))
            for name, f in fitted.items()
            if f.run.gate is not None and f.draws is None
        }
        verdicts = judge(claims, draws, facts=audits.sentences(findings), failed=failed)
        sensitivities = _sensitivities(claims, fitted)
        beside = _naive_probabilities(claims, _walks(fitted, seed))
    hold_outs: tuple[diagnose.HoldOut, ...] = ()
    if not quick and "market" in fitted and fitted["market"].draws is not None:
        with _stage("hold out the last year", seconds, say):
            hold_outs = _hold_outs(fitted["market"].run.panel, seed, say)
    return memo.Report(
        run_id=run_id,
        as_of=day,
        seed=seed,
        version=importlib.metadata.version("forecast"),
        claims=claims,
        verdicts=verdicts,
        sensitivities=sensitivities,
        naive=beside,
        hold_outs=hold_outs,
        findings=findings,
        figures={},
        known=known,
        specs={name: f.run.spec for name, f in fitted.items()},
        gates={name: f.run.gate for name, f in fitted.items() if f.run.gate is not None},
        seconds=seconds,
        cost_errors=_cost_errors(fitted),
        observations=_observations(fitted, ("market", "benchmark")),
        reported=_observations(fitted, ("earnings",)),
    )


def _observations(fitted: Mapping[str, _Fitted], names: Sequence[str]) -> int:
    return sum(int(f.run.panel.data.sizes["obs"]) for n, f in fitted.items() if n in names)


def _hold_outs(panel: Panel, seed: int, say: Say) -> tuple[diagnose.HoldOut, ...]:
    try:
        return diagnose.hold_out_last_year(panel, seed=child_seed(seed, "market", "hold out"))
    except ForecastError as error:
        say(f"no hold-out: {error}")
        return ()


def _sensitivities(
    claims: Sequence[Claim], fitted: Mapping[str, _Fitted]
) -> dict[tuple[str, str], diagnose.Sensitivity]:
    found = {}
    for claim in claims:
        for definition in claim.definitions:
            one = fitted.get(definition.model)
            if one is None or one.draws is None or definition.waits or not one.variants:
                continue
            found[claim.id, definition.id] = diagnose.sensitivity(
                claim, definition, one.run, one.draws, one.variants
            )
    return found


NAIVE: Mapping[str, Callable[..., xr.Dataset]] = {
    "market": naive.drift_walk,
    "earnings": naive.quarterly,
}


def _walk(name: str, fitted: Mapping[str, _Fitted], seed: int) -> xr.Dataset | None:
    """Return the random walk with drift of a model's series, or None where none can be made."""
    if name not in fitted:
        return None
    panel, until = fitted[name].run.panel, get_model(name).until
    try:
        return NAIVE[name](panel, until=until, seed=child_seed(seed, name, "naive"))
    except ForecastError:
        return None  # too short a history: the memo then shows no naive column, and says so


def _walks(fitted: Mapping[str, _Fitted], seed: int) -> dict[str, xr.Dataset]:
    walks = {name: _walk(name, fitted, seed) for name in NAIVE}
    return {name: walk for name, walk in walks.items() if walk is not None}


def _naive_probabilities(
    claims: Sequence[Claim], walks: Mapping[str, xr.Dataset]
) -> dict[tuple[str, str], float]:
    found = {}
    for claim in claims:
        for definition in claim.definitions:
            walk = walks.get(definition.model)
            if walk is None or definition.waits:
                continue
            with contextlib.suppress(ForecastError):  # a series too short for a walk
                found[claim.id, definition.id] = probability(hits(definition, walk))[0]
    return found


def _cost_sd(one: _Fitted) -> dict[str, float]:
    """Return the log10 sd of each release's training cost, by its wording."""
    priors = get_model("benchmark").priors
    sd = (priors.cost_error_plain, priors.cost_error_about, priors.cost_error_estimated)
    data = one.run.panel.data
    assert len(sd) == len(COST_WORDS)
    return {
        str(release): sd[int(word)]
        for release, word in zip(data["release"].values, data["cost_word"].values, strict=True)
    }


def _cost_errors(fitted: Mapping[str, _Fitted]) -> list[tuple[str, float]]:
    if "benchmark" not in fitted:
        return []
    found = [(name, 10**sd) for name, sd in _cost_sd(fitted["benchmark"]).items()]
    return sorted(found, key=lambda pair: pair[1])


# --- writing ---------------------------------------------------------------------------------
def _write(
    folder: Path,
    report: memo.Report,
    fitted: Mapping[str, _Fitted],
    quick: bool,
    seconds: dict[str, float],
    say: Say,
) -> None:
    (folder / "fits").mkdir()
    (folder / "figures").mkdir()
    with _stage("draw the figures", seconds, say):
        figures = _figures(folder / "figures", report, fitted)
    with _stage("write fits and tables", seconds, say):
        for name, one in fitted.items():
            store.save_tree(one.run.tree, folder / "fits" / f"{name}.nc")
        draws = [one.draws for one in fitted.values() if one.draws is not None]
        quantile_table(draws).to_parquet(folder / "forecasts.parquet", index=False)
        _json(folder / "verdicts.json", report.verdicts.records())
        _json(
            folder / "sensitivity.json",
            [
                {**dataclasses.asdict(s), "grade": s.grade, "naive": report.naive.get(key)}
                for key, s in report.sensitivities.items()
            ],
        )
        _json(folder / "audit.json", [dataclasses.asdict(f) for f in report.findings])
    report = dataclasses.replace(report, figures=figures, seconds=dict(seconds))
    text = memo.markdown(report)
    (folder / "memo.md").write_text(text, encoding="utf-8")
    (folder / "memo.html").write_text(memo.page(report, text, folder), encoding="utf-8")
    _json(
        folder / "manifest.json",
        {
            "run": report.run_id,
            "as_of": report.as_of,
            "seed": report.seed,
            "quick": quick,
            "version": report.version,
            "versions": _versions(),
            "draft": list(report.draft),
            "draws": max((v.draws for v in report.verdicts), default=0),
            "data_hash": table_hash(report.known),
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

    Returns
    -------
    pandas.DataFrame
        Columns model, as_of, entity, metric, target_period, target_end, horizon, quantile, value,
        unit; cells that were already reported are left out. `horizon` counts periods after the
        series' last report; quantities without a time are at horizon 0.
    """
    tables = []
    for one in draws:
        seen = np.isfinite(one["observed"].transpose("series", "period").values)
        ahead = (
            np.arange(seen.shape[1])
            - np.where(seen.any(1), seen.shape[1] - 1 - seen[:, ::-1].argmax(1), 0)[:, None]
        )
        levels = one["y"].quantile(list(QUANTILES), dim=("chain", "draw"), skipna=False)
        single = one.sizes["period"] == 1
        for s in range(one.sizes["series"]):
            for t in range(one.sizes["period"]):
                if ahead[s, t] <= 0 and not single:
                    continue
                label = one.isel(series=s, period=t)
                tables.append(
                    pd.DataFrame(
                        {
                            "model": str(one.attrs["model"]),
                            "as_of": str(one.attrs["as_of"]),
                            "entity": str(label["entity"].values),
                            "metric": str(label["metric"].values),
                            "target_period": str(label["period"].values),
                            "target_end": str(label["period_end"].values),
                            "horizon": int(max(ahead[s, t], 0)),
                            "quantile": QUANTILES,
                            "value": levels.isel(series=s, period=t).values,
                            "unit": str(label["unit"].values),
                        }
                    )
                )
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()


# --- figures ---------------------------------------------------------------------------------
def _figures(
    folder: Path, report: memo.Report, fitted: Mapping[str, _Fitted]
) -> dict[str, memo.Figure]:
    figures: dict[str, memo.Figure] = {}
    article, filings = report.claims[0].source, "company filings"
    both = f"{article}, {filings}" if "earnings" in fitted else article
    origin = {"series": article, "ratio": article, "cost_curve": article, "earnings": filings}

    def add(name: str, shown: Any, alt: str, caption: str) -> None:
        plots.save(shown, folder / name, alt=alt)
        caption += f" Source: {origin.get(name, both)}; data as of {report.as_of}; "
        caption += f"run {report.run_id}."
        figures[name] = memo.Figure(f"figures/{name}", alt, caption)

    market, benchmark = fitted.get("market"), fitted.get("benchmark")
    if market is not None and market.draws is not None:
        walk = _walk("market", fitted, report.seed)
        add("series", *_series_figure(market, walk))
        add("ratio", *_ratio_figure(report, market, walk))
    earnings = fitted.get("earnings")
    if earnings is not None and earnings.draws is not None:
        add("earnings", *_earnings_figure(earnings, _walk("earnings", fitted, report.seed)))
    if any(v.claim == report.claims[0].id and v.status == "judged" for v in report.verdicts):
        add("strip", *_strip_figure(report))
    if benchmark is not None and benchmark.draws is not None:
        add("cost_curve", *_cost_figure(report, benchmark))
    if report.sensitivities:
        add("sensitivity", *_sensitivity_figure(report))
    shown = {n: f for n, f in fitted.items() if f.draws is not None}
    if shown:
        add("prior_posterior", *_prior_figure(shown))
    return figures


def _estimated(panel: Panel) -> list[str]:
    data = panel.data
    return sorted({str(y) for y in data["year"].values[data["estimate"].values > 0]})


def _series_figure(one: _Fitted, walk: xr.Dataset | None) -> tuple[Any, str, str]:
    draws = one.draws
    assert draws is not None
    names = [str(n) for n in draws["series"].values if not str(n).endswith("/capex_to_revenue")]
    figure, axes = plots.small_multiples(len(names))
    said = []
    for ax, name in zip(axes, names, strict=True):
        entity, metric = name.split("/")
        end = str(draws["period"].values[-1])
        ends = draws["y"].sel(series=name, period=end).quantile([0.1, 0.5, 0.9]).values
        low, middle, high = (memo.significant(float(q)) for q in ends)
        words = plots.words(metric)
        plots.fan(
            draws,
            metric,
            entity,
            baseline=walk,
            estimated=_estimated(one.run.panel),
            title=f"{words[0].upper()}{words[1:]} {low} to {high} in {end}",
            ax=ax,
        )
        unit = str(draws["unit"].sel(series=name).values)
        said.append(f"{words}: median {middle} {unit} in {end}, 80 % between {low} and {high}")
    caption = (
        "Annual series of the article, joint draws as they would be reported; titles give the 80 % "
        "interval of the last year; dashed: random walk with drift, its median and 80 % interval."
    )
    return figure, "Fans of the article's series. " + "; ".join(said) + ".", caption


EARNINGS_SHOWN = (("capex", "big_five"), ("capex_to_revenue", "big_five"))


def _earnings_figure(one: _Fitted, walk: xr.Dataset | None) -> tuple[Any, str, str]:
    draws = one.draws
    assert draws is not None
    there = {str(name) for name in draws["series"].values}
    shown = [(m, e) for m, e in EARNINGS_SHOWN if f"{e}/{m}" in there]
    if not shown:  # a user's own companies: the first series stands for them
        entity, metric = str(draws["series"].values[0]).split("/")
        shown = [(metric, entity)]
    figure, axes = plots.small_multiples(len(shown), columns=2, size=(5.0, 3.4))
    end = str(draws["period"].values[-1])
    said = []
    for ax, (metric, entity) in zip(axes, shown, strict=True):
        name = f"{entity}/{metric}"
        ends = draws["y"].sel(series=name, period=end).quantile([0.1, 0.5, 0.9]).values
        low, middle, high = (memo.significant(float(q)) for q in ends)
        words = plots.words(metric)
        title = f"{words[0].upper()}{words[1:]} {low} to {high} in {end}"
        plots.fan(draws, metric, entity, baseline=walk, title=title, ax=ax)
        said.append(f"{entity}, {words}: median {middle} in {end}, 80 % between {low} and {high}")
    caption = (
        "Quarterly sums of the five companies' filings (big five: Microsoft, Alphabet, Amazon, "
        "Meta, Oracle), from joint draws; titles give the 80 % interval of the last quarter; "
        "dashed: random walk with drift."
    )
    return figure, "Fans of the companies' quarterly figures. " + "; ".join(said) + ".", caption


def _ratio_figure(
    report: memo.Report, one: _Fitted, walk: xr.Dataset | None
) -> tuple[Any, str, str]:
    draws = one.draws
    assert draws is not None
    top, bottom = "AI market/datacenter_capex", "AI market/ai_revenue"
    events = [
        d.event
        for c in report.claims
        for d in c.definitions
        if isinstance(d.event, Mapping) and d.event.get("kind") == "first_passage"
    ]
    event = next((e for e in events if e.get("series") == top and e.get("over") == bottom), None)
    ratio = path(draws, top, bottom)
    beside = None if walk is None else path(walk, top, bottom).assign_attrs(model=naive.NAME)
    figure, axes = plots.small_multiples(2 if event else 1, columns=2, size=(5.0, 3.4))
    end = str(ratio["period"].values[-1])
    low, high = (float(q) for q in ratio.sel(period=end).quantile([0.1, 0.9]))
    name = "AI market/capex_to_revenue"
    plots.path_fan(
        ratio,
        as_of=report.as_of,
        unit="ratio",
        label="capex over revenue",
        observed=draws["observed"].sel(series=name),
        metric="capex_to_revenue",
        threshold=event["value"] if event else None,
        threshold_label=f"{event['value']}" if event else None,
        baseline=beside,
        baseline_label="naive",
        log=True,
        estimated=_estimated(one.run.panel),
        title=f"The ratio may be {low:.1f} to {high:.1f} by {end}",
        ax=axes[0],
    )
    alt = f"Fan of capex over revenue: 80 % between {low:.1f} and {high:.1f} in {end}."
    if event:
        below = (ratio.isel(period=slice(-5, None)) < event["value"]).mean(("chain", "draw"))
        plots.threshold_probability(
            ratio,
            op=event["op"],
            value=event["value"],
            as_of=report.as_of,
            label="capex over revenue",
            baseline=beside,
            title=f"Below {event['value']}: {percent(float(below[-1]))} by {end}",
            ax=axes[1],
        )
        years = zip(below["period"].values, below.values, strict=True)
        alt += " Probability of standing below " + f"{event['value']}: "
        alt += ", ".join(f"{y} {percent(float(p))}" for y, p in years) + "."
    caption = (
        "Ratio of data-centre capex to AI revenue, from joint draws of both; right: the share of "
        "draws beyond the threshold in each single year, hollow: random walk with drift."
    )
    return figure, alt, caption


def _strip_figure(report: memo.Report) -> tuple[Any, str, str]:
    claim = report.claims[0]
    verdicts = [v for v in report.verdicts if v.claim == claim.id and v.status == "judged"]
    reasons = {d.id: d.why for d in claim.definitions}
    rows = []
    for v in verdicts:
        s = report.sensitivities.get((v.claim, v.definition))
        rows.append(
            plots.StripRow(
                label=reasons[v.definition],
                probability=v.probability,
                low=s.low if s else None,
                high=s.high if s else None,
                naive=report.naive.get((v.claim, v.definition)),
                draws=v.draws,
            )
        )
    low, high = (f(v.probability or 0.0 for v in verdicts) for f in (min, max))
    title = f"From {percent(low)} to {percent(high)}, depending on what counts"
    said = "; ".join(f"{reasons[v.definition]} {percent(v.probability, v.draws)}" for v in verdicts)
    alt = f"Probability of “{claim.quote}” under each reading: {said}."
    waiting = sum(v.claim == claim.id for v in report.verdicts) - len(verdicts)
    caption = f"Claim: {claim.text} {waiting} more readings wait for later models."
    return plots.definition_strip(rows, title=title), alt, caption


def _cost_figure(report: memo.Report, one: _Fitted) -> tuple[Any, str, str]:
    draws = one.draws
    assert draws is not None
    priors = get_model("benchmark").priors
    gains = draws["signal"].mean(("chain", "draw")).isel(period=0)
    panel = one.run.panel.data
    first, last = (str(panel["release"].values[k]) for k in (0, int(panel["cost"].values.argmax())))
    early, late = (float(gains.sel(series=f"{r}/gain_points")) for r in (first, last))
    ax = plots.cost_curve(
        draws,
        one.run.panel,
        cost_log10_sd=_cost_sd(one),
        floor=100 * priors.floor,
        ceiling=100 * priors.ceiling,
        label="MMLU score",
        title=f"Ten times the cost adds {early:.0f} points at {first}'s, {late:.0f} at {last}'s",
    )
    alt = (
        f"MMLU score against training cost with the costs' errors; ten times the cost adds about "
        f"{early:.0f} points at {first}'s cost and {late:.0f} at {last}'s."
    )
    caption = (
        "Curve at the date of the last release, so earlier releases lie below it; bars: one "
        "standard deviation of the printed cost; ceiling: what wrong labels leave (MMLU-Redux)."
    )
    return ax, alt, caption


def _sensitivity_figure(report: memo.Report) -> tuple[Any, str, str]:
    rows = [
        plots.SensitivityRow(
            f"{s.claim}: {s.definition}".replace("_", " "),
            s.prior,
            s.prior_mcse,
            s.likelihood,
            s.likelihood_mcse,
        )
        for s in report.sensitivities.values()
    ]
    most = max(report.sensitivities.values(), key=lambda s: abs(s.prior))
    title = f"The prior weighs most on {most.definition.replace('_', ' ')}"
    alt = (
        "Change of each probability when the prior's or the data's weight is doubled: "
        + "; ".join(
            f"{r.label} {100 * r.prior:+.1f} and {100 * r.likelihood:+.1f} points" for r in rows
        )
    )
    caption = "Power-scaling derivative of each probability; bars: two Monte-Carlo standard errors."
    return plots.sensitivity(rows, title=title), alt, caption


SHOWN_PARAMETERS = (
    ("market", "growth_mean"),
    ("market", "drift_sd"),
    ("benchmark", "slope"),
    ("benchmark", "bend"),
)


def _prior_figure(fitted: Mapping[str, _Fitted]) -> tuple[Any, str, str]:
    shown = [(m, p) for m, p in SHOWN_PARAMETERS if m in fitted]
    figure, axes = plots.small_multiples(len(shown), columns=2, size=(5.0, 2.8))
    said = []
    for ax, (name, parameter) in zip(axes, shown, strict=True):
        run, model = fitted[name].run, get_model(name)
        prior = prior_draws(model, run.panel, model.priors, size=4000, seed=run.spec.seed)
        before, after = (float(d[parameter].std()) for d in (prior, run.posterior))
        words = model.labels[parameter].split(",")[0]
        plots.prior_posterior(
            prior,
            run.posterior,
            parameter,
            label=model.labels[parameter],
            title=f"{words[0].upper()}{words[1:]}: sd {before:.2f} to {after:.2f}",
            ax=ax,
        )
        said.append(f"{words}: standard deviation {before:.2f} before, {after:.2f} after the data")
    caption = (
        "Grey: prior; filled: posterior; marks: 90 % intervals. Where the two lie on each other, "
        "the data said nothing."
    )
    return figure, "Prior against posterior. " + "; ".join(said) + ".", caption
