"""The command line. Heavy imports stand inside the commands, so that ``--help`` is instant.

Exit 0: done. Exit 1: the data or a gate said no, in a sentence. Exit 2: wrong usage. Progress goes to
stderr, results to stdout; ``--json`` puts only JSON there.

Invariant: no other file reads the clock or prints.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from forecast.schema import ForecastError


def _say(line: str) -> None:
    sys.stderr.write(line + "\n")
    sys.stderr.flush()


def _print(text: str) -> None:
    sys.stdout.write(text + "\n")


def _print_json(content: Any) -> None:
    _print(json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False))


def _table(rows: Sequence[Sequence[str]], widest: int = 60) -> str:
    """Return rows as aligned text; the first is the header."""
    cut = [[c if len(c) <= widest else c[: widest - 1] + "…" for c in row] for row in rows]
    widths = [max(len(row[k]) for row in cut) for k in range(len(cut[0]))]
    lines = [
        "  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip() for row in cut
    ]
    return "\n".join([lines[0], "  ".join("-" * w for w in widths), *lines[1:]])


def _verdict_table(verdicts: Any) -> str:
    from forecast.claims import window_text, word
    from forecast.schema import percent

    rows = [("claim", "definition", "probability", "in words", "window", "model", "status")]
    rows += [
        (
            v.claim,
            v.definition,
            percent(v.probability, v.draws),
            word(v.probability),
            window_text(v),
            v.model,
            v.status,
        )
        for v in verdicts
    ]
    return _table(rows)


def _run(args: argparse.Namespace) -> int:
    from forecast.pipeline import run_all

    outcome = run_all(
        args.out,
        as_of_date=args.as_of,
        data=args.data,
        seed=args.seed,
        quick=args.quick,
        models=args.models,
        workers=args.workers,
        say=_say,
    )
    _print(_verdict_table([v for v in outcome.verdicts if v.probability is not None]))
    waiting = sum(v.status == "model not built yet" for v in outcome.verdicts)
    _print(f"\n{len(outcome.verdicts)} readings in all, {waiting} wait for later models")
    _print(f"memo: {(outcome.folder / 'memo.html').resolve()}")
    return _close(args, outcome)


def _close(args: argparse.Namespace, outcome: Any) -> int:
    """Enter a run's open probabilities into the track record, dated today; say if it is a draft."""
    import datetime as dt

    from forecast.claims import read_claims
    from forecast.pipeline import CLAIMS
    from forecast.track import lock_run

    claims = read_claims(outcome.folder / CLAIMS)
    added = lock_run(args.out, outcome.folder.name, claims, dt.date.today())  # noqa: DTZ011
    if added:
        _say(f"{added} probabilities locked in {Path(args.out) / 'track' / 'forecasts.csv'}")
    if outcome.draft:
        _say("a gate said no, the memo is stamped DRAFT: " + " | ".join(outcome.draft))
        return 1
    return 0


def _claims(args: argparse.Namespace) -> int:
    from forecast import store
    from forecast.claims import Verdicts, judge, read_claims

    latest = Path(args.out) / "latest"
    if latest.exists() and args.file is None:
        folder = store.verify(latest)
        manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
        records = json.loads((folder / "verdicts.json").read_text(encoding="utf-8"))
        verdicts = Verdicts.from_records(records, manifest["draws"])
        _say(f"verdicts of the run {manifest['run']}, data as of {manifest['as_of']}")
    else:
        verdicts = judge(read_claims(args.file), [])
        _say(f"no run to take probabilities from in {args.out}; forecast run makes one")
    if args.json:
        _print_json(verdicts.records())
    else:
        _print(_verdict_table(verdicts))
    return 0


def _audit(args: argparse.Namespace) -> int:
    import dataclasses

    from forecast.audit import audit_claims, read_references
    from forecast.claims import read_claims
    from forecast.sources import read_vintages
    from forecast.vintages import as_of

    table = read_vintages(args.data)
    known = as_of(table, args.as_of or str(table["reported_on"].max()))
    findings = audit_claims(known, read_references(), read_claims())
    if args.json:
        _print_json([dataclasses.asdict(f) for f in findings])
        return 0
    for finding in findings:
        _print(f"{finding.claim} [{finding.rule}] {finding.verdict.upper()} ({finding.sure})")
        _print(f"  said:    {finding.said}")
        _print(f"  follows: {finding.follows}")
        _print(f"  source:  {finding.source}\n")
    wrong = sum(f.verdict == "contradicted" for f in findings)
    _print(f"{len(findings)} findings, {wrong} of them contradictions")
    return 0


def _fit(args: argparse.Namespace) -> int:
    from forecast.fitting import fit, summary
    from forecast.panels import TABLE_BUILDERS, build_panel
    from forecast.sources import read_own_table, read_vintages
    from forecast.vintages import as_of, read_table

    own = None
    if args.data and args.model in TABLE_BUILDERS:
        own, table = read_own_table(TABLE_BUILDERS[args.model][0], args.data), read_vintages()
    else:
        table = read_table(args.data) if args.data else read_vintages()
    known = as_of(table, args.as_of or str(table["reported_on"].max()))
    panel = _with_positions(build_panel(known, args.model, own), args.position)
    for note in json.loads(panel.data.attrs.get("notes", "[]")):
        _say(note)
    _say(f"fitting {args.model} to {panel.data.sizes['obs']} observations ...")
    run = fit(args.model, panel, seed=args.seed, variant=args.priors, progress=False)
    passed = run.gate is not None and run.gate.passed
    frame = summary(run)
    falls = _falls(run) if passed and args.model == "hazard" else []
    if args.json:
        _print_json(
            {
                "falls": falls,
                "spec": json.loads(run.spec.to_json()),
                "gate": {"passed": passed, **json.loads(run.gate.to_json() if run.gate else "{}")},
                "summary": frame.to_dict(orient="records"),
            }
        )
    else:
        head = tuple(str(c) for c in frame.columns)
        body = [tuple(c if isinstance(c, str) else f"{c:.3f}" for c in row) for row in frame.values]
        _print(_table([head, *body]))
        _print_falls(falls)
    if not passed and run.gate is not None:
        _say("the gate said no: " + "; ".join(map(str, run.gate.failures)))
        return 1
    return 0


def _with_positions(panel: Any, given: Sequence[str]) -> Any:
    """Return the panel with the user's own positions, for the hazard model."""
    import dataclasses

    from forecast.panels.hazard import read_position, with_positions
    from forecast.schema import DataError

    if not given:
        return panel
    if panel.model != "hazard":
        raise DataError(f"--position is for the hazard model; got {panel.model}: leave it out")
    held = [read_position(text, panel.as_of) for text in given]
    return dataclasses.replace(panel, data=with_positions(panel.data, held))


def _falls(run: Any) -> list[dict[str, Any]]:
    """Return each position's chances of a first fall within 18 and 24 months."""
    from forecast.correction import MONTHS
    from forecast.panels.hazard import FALLS, effective_sample
    from forecast.predict import forecast

    draws = forecast(run, seed=run.spec.seed)
    months = [m for m in MONTHS if m <= draws.sizes["period"]][-2:]
    n, independent = effective_sample(run.panel.data)
    _say(f"{n} episodes followed for 24 months count as about {independent:.0f} independent ones")
    names = dict.fromkeys(str(e) for e in draws["entity"].values)
    return [
        {"position": name, "months": month}
        | {
            f"fall_{fall}": float(
                draws["signal"].sel(series=f"{name}/fall_{fall}").isel(period=month - 1).mean()
            )
            for fall in FALLS
        }
        for name in names
        for month in months
    ]


def _print_falls(falls: Sequence[dict[str, Any]]) -> None:
    from forecast.schema import percent

    if falls:
        head = tuple(name.replace("fall_", "fall of ") for name in falls[0])
        body = [
            tuple(percent(v) if isinstance(v, float) else str(v) for v in row.values())
            for row in falls
        ]
        _print("\nchance of a first fall, percent of the peak, within the months named")
        _print(_table([head, *body]))


def _memo(args: argparse.Namespace) -> int:
    from forecast import export, store

    given = Path(args.run)
    folder = given if given.is_dir() else Path(args.out) / "runs" / args.run
    store.verify(folder)
    name, write = "memo.html", None
    if args.pdf:
        name, write = "memo.pdf", export.to_pdf
    elif args.docx:
        name, write = "memo.docx", export.to_docx
    path = folder / name
    if write is not None:
        # Beside the run folder, which stays as it was checksummed.
        path = Path(args.out) / f"{folder.resolve().name}-{name}"
        path.parent.mkdir(parents=True, exist_ok=True)
        write(folder, path)
    _print(str(path.resolve()))
    return 0


def _check(args: argparse.Namespace) -> int:
    from forecast.vintages import read_table, table_hash

    table = read_table(args.file)
    _print(f"{args.file}: {len(table)} rows are good, hash {table_hash(table)[:16]}")
    return 0


def _read(args: argparse.Namespace) -> tuple[Any, list[str]]:
    """Read a user's file as the options say, tell how, and return its rows and the unused columns."""
    from forecast.sources import read_user_table

    given = {
        "unit": args.unit,
        "entity": args.entity,
        "source": args.source,
        "reported_on": args.reported_on,
    }
    found = read_user_table(args.file, dict(args.map), {k: v for k, v in given.items() if v})
    for note in found.notes:
        _say(note)
    renamed = [f"{theirs} -> {ours}" for ours, theirs in found.columns.items() if theirs != ours]
    if renamed:
        _say(f"columns read as: {', '.join(renamed)}")
    if found.unused:
        _say(f"columns not used: {', '.join(found.unused)}")
    return found.rows, list(found.unused)


def _add(args: argparse.Namespace) -> int:
    rows, unused = _read(args)
    return _take(rows, args, {"unused_columns": unused})


def _update(args: argparse.Namespace) -> int:
    from forecast.change import change_record
    from forecast.earnings_day import update_run

    rows = _read(args)[0] if args.file else None
    done = update_run(
        args.out,
        rows,
        data=args.data,
        seed=args.seed,
        quick=args.quick,
        models=args.models,
        say=_say,
    )
    outcome, change = done.outcome, done.change
    if args.json:
        record = {} if change is None else change_record(change)
        _print_json(
            {
                "run": outcome.folder.name,
                "table": str(done.table),
                "appended": done.appended,
                **record,
                "verdicts": outcome.verdicts.records(),
            }
        )
    else:
        if change is None:
            _print(_verdict_table([v for v in outcome.verdicts if v.probability is not None]))
        else:
            _print(_news_table(change, None))
        name = "memo.html" if change is None else "change.html"
        _print(f"memo: {(outcome.folder / name).resolve()}")
    return _close(args, outcome)


def _news_table(change: Any, claim: str | None) -> str:
    """Return the change of every statistic, and its largest reasons, as text."""
    lines = [
        f"{change.before[1]} (run {change.before[0]}) to {change.after[1]} ({change.after[0]})"
    ]
    rows = [("what", "before", "after", "change", "noise, up to", "reason")]
    names = []
    for row in change.rows():
        if claim is None or claim in (row["name"], *row["name"].split("/")):
            rows.append(
                tuple(row[k] for k in ("name", "before", "after", "change", "noise", "why"))
            )
            names.append(row["name"])
    lines += ["", _table(rows)]
    if change.split is not None:
        followed = [s.name for s in change.split.statistics if s.name in names]
        lines += ["", *(change.split.sentence(name) for name in followed)]
        for name in followed if claim is not None else []:
            body = [
                (
                    r["piece"],
                    r["kind"],
                    f"{r['change']:+.4g}",
                    f"{r['low']:+.4g} to {r['high']:+.4g}",
                )
                for r in change.split.frame(name).to_dict("records")
            ]
            lines += ["", name, _table([("piece", "kind", "change", "over orders"), *body])]
    return "\n".join(lines)


def _news(args: argparse.Namespace) -> int:
    from forecast.change import between, change_record, find_run
    from forecast.fitting import child_seed
    from forecast.schema import one_line

    after = find_run(args.out, args.to_run)
    if args.before:
        return _before(args, after)
    before = find_run(args.out, args.from_run, before=after)
    if args.claim is not None and args.claim not in after.followed():
        raise ForecastError(
            f"no claim or reading is called {args.claim!r} in the run {after.id}; there are "
            + one_line(sorted(after.followed()))
        )
    seed = child_seed(int(after.manifest["seed"]), "news")
    change = between(before, after, seed=seed, say=_say)
    if args.json:
        _print_json(change_record(change, args.claim))
    else:
        _print(_news_table(change, args.claim))
    return 0


def _before(args: argparse.Namespace, run: Any) -> int:
    """Print what the coming reports could move, the most telling number of each first."""
    from forecast.earnings_day import foresee, prospect_record, prospect_rows

    found = foresee(
        run,
        companies=[args.company] if args.company else None,
        claim=args.claim,
        figures=Path(args.out) / f"before-{run.id}",
        say=_say,
    )
    if args.json:
        _print_json(
            {
                "run": run.id,
                "as_of": run.manifest["as_of"],
                "prospects": [prospect_record(one) for one in found],
            }
        )
    else:
        _print(_table(prospect_rows(found), widest=72))
        _print(
            f"{sum(not one.told for one in found)} of {len(found)} pairs of a number and a reading "
            "are not told from Monte-Carlo error and left out"
        )
        _print(f"figures: {(Path(args.out) / f'before-{run.id}').resolve()}")
    return 0


def _fetch(args: argparse.Namespace) -> int:
    import os
    import time

    from forecast.edgar import METRICS, Clock, Connection, cache_dir, fetch
    from forecast.schema import parse_date

    agent = args.user_agent or os.environ.get("FORECAST_USER_AGENT", "")
    connection = Connection(
        user_agent=agent if agent or args.base_url is None else "forecast",
        base_url=args.base_url,
        timeout=args.timeout,
        cache=None if args.no_cache else cache_dir(os.environ),
    )
    found = fetch(
        args.tickers,
        connection,
        Clock(time.time, time.monotonic, time.sleep),
        since=parse_date(args.since, "--since date") if args.since else None,
        metrics=[m.strip() for m in args.metrics.split(",")] if args.metrics else list(METRICS),
        say=_say,
    )
    for line in found.left_out:
        _say(f"left out: {line}")
    return _take(found.rows, args, {"left_out": list(found.left_out)})


def _take(rows: Any, args: argparse.Namespace, more: dict[str, Any]) -> int:
    """Show what rows would change in a table, and append them if asked to."""
    import pandas as pd

    from forecast.sources import USER_FILE, data_dir, read_vintages, vintage_files
    from forecast.vintages import append_rows, compare, read_table

    folder = Path(args.data) if args.data else data_dir()
    target = Path(args.to) if args.to else folder / USER_FILE
    within = [path.resolve() for path in vintage_files(folder)]
    new_here = target.resolve().parent == (folder / "vintages").resolve()
    if target.resolve() in within or new_here:
        table = read_vintages(folder) if within else None  # the tables of a folder are one
    else:
        table = read_table(target) if target.exists() else None
    changes, said = _with_percentiles(compare(table, rows), args.out)
    conflicts, added = len(changes.conflicts), len(changes.new) + len(changes.revisions)
    if args.write and added and not conflicts:
        fresh = [frame[rows.columns] for frame in (changes.new, changes.revisions)]
        append_rows(target, pd.concat(fresh))
    written = bool(args.write and added and not conflicts)
    if args.json:
        kinds = ("new", "revisions", "there", "conflicts")
        lists = {k: json.loads(getattr(changes, k).to_json(orient="records")) for k in kinds}
        _print_json({"table": str(target), "written": written, **said, **lists, **more})
    else:
        _print_changes(changes)
        _print(
            f"{len(changes.new)} new, {len(changes.revisions)} revisions, "
            f"{len(changes.there)} already there, {conflicts} conflicts; table {target}"
        )
    if conflicts:
        _say(
            f"forecast: {conflicts} row(s) contradict what the table says was reported on the same "
            "day; nothing was written; correct them, or give a revision its own later reported_on"
        )
        return 1
    if written:
        _say(f"{added} row(s) written to {target}")
    elif added:
        _say("nothing was written; --write does it")
    return 0


def _with_percentiles(changes: Any, out: str) -> tuple[Any, dict[str, Any]]:
    """Add to each row its percentile in the latest run's forecasts, and return that run's name.

    Rows can be added without a run, and beside a damaged one: then this is said, and no more.
    """
    import pandas as pd

    from forecast import store
    from forecast.surprise import surprised

    latest = Path(out) / "latest"
    table, run = pd.DataFrame(), None
    try:
        folder = store.verify(latest)
        table = pd.read_parquet(folder / "forecasts.parquet")
        manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
        run = {"run": manifest["run"], "as_of": manifest["as_of"]}
    except (ForecastError, OSError) as error:
        _say(f"no percentiles: {error if latest.exists() else f'there is no run in {out}'}")
    told = surprised(changes, table)
    fresh = [*told.new["percentile"], *told.revisions["percentile"]]
    if run is not None:
        _say(
            f"percentiles of the run {run['run']}, data as of {run['as_of']}: "
            f"{sum(p == p for p in fresh)} of {len(fresh)} new or revised numbers were forecast by it"
        )
    return told, {"percentiles_of": run}


def _print_changes(changes: Any) -> None:
    shown = {"new": changes.new, "revision": changes.revisions, "conflict": changes.conflicts}
    head = ("", "entity", "metric", "period", "was", "value", "unit", "percentile")
    rows: list[tuple[str, ...]] = [(*head, "reported on", "source")]
    for word, frame in shown.items():
        for row in frame.to_dict("records"):
            was = f"{row['old_value']:.12g}" if "old_value" in row else ""
            if row.get("old_qualifier"):
                was = f"{row['old_qualifier']} {was}"
            value = f"{row['qualifier']} {row['value']:.12g}".strip()
            place = (row["entity"], row["metric"], row["period"])
            said = (row["percentile_text"], row["reported_on"], row["source"])
            rows.append((word, *place, was, value, row["unit"], *said))
    told = head.index("percentile")
    if not any(row[told] for row in rows[1:]):
        rows = [row[:told] + row[told + 1 :] for row in rows]
    if len(rows) > 1:
        _print(_table(rows))


def _pair(text: str) -> tuple[str, str]:
    theirs, sign, ours = text.rpartition("=")
    if not (theirs and sign and ours):
        raise argparse.ArgumentTypeError(f"got {text!r}; wanted THEIRS=OURS, such as Sum=value")
    return theirs, ours


def _resolve(args: argparse.Namespace) -> int:
    import datetime as dt

    from forecast.claims import read_claims
    from forecast.sources import CLAIMS_FILE, own_or_shipped
    from forecast.track import resolve

    chosen = resolve(
        args.out,
        read_claims(own_or_shipped(CLAIMS_FILE, args.data)),
        args.claim,
        args.outcome,
        on=args.on,
        source=args.source,
        today=dt.date.today(),  # noqa: DTZ011
        definition=args.definition,
    )
    _say(f"{args.claim} is {args.outcome}: {', '.join(chosen)}")
    return _track(args)


def _track(args: argparse.Namespace) -> int:
    from forecast import track
    from forecast.sources import read_vintages
    from forecast.vintages import as_of

    found, came = track.record(args.out), track.outcomes(args.out)
    locked = len(track.locked(args.out))
    table = read_vintages(args.data)
    numbers = track.numbers(args.out, as_of(table, str(table["reported_on"].max())), _say)
    if args.json:
        frames = {
            "events": found.events,
            "means": found.means,
            "outcomes": came,
            "numbers": numbers,
        }
        _print_json(
            {
                **{k: json.loads(v.to_json(orient="records")) for k, v in frames.items()},
                "unscored": list(found.unscored),
                "locked": locked,
            }
        )
        return 0
    _print(f"{locked} probabilities locked, {len(came)} readings resolved")
    for frame, title in ((found.means, "claims"), (numbers, "numbers that came, log scale")):
        if len(frame):
            head = tuple(str(c) for c in frame.columns)
            body = [tuple(_cell(c) for c in row) for row in frame.itertuples(index=False)]
            _print(f"\n{title}\n{_table([head, *body])}")
    if len(found.means):
        _print(
            "\nOne vote a claim, however often it was forecast; lower is better; 90 % intervals "
            "from three claims on."
        )
    for line in found.unscored:
        _say(f"not scored: {line}")
    return 0


def _cell(value: Any) -> str:
    if isinstance(value, float):
        return "–" if value != value else f"{value:.3f}"
    return str(value)


def _calibrate(args: argparse.Namespace) -> int:
    from scipy.stats import chisquare

    from forecast.diagnose import calibrate
    from forecast.panels import build_panel
    from forecast.sources import read_vintages
    from forecast.vintages import as_of

    table = read_vintages()
    panel = build_panel(as_of(table, str(table["reported_on"].max())), args.model)
    _say(f"{args.simulations} simulations of {args.model} ...")
    ranks = calibrate(args.model, panel, simulations=args.simulations, seed=args.seed)
    bins = 10
    rows: list[dict[str, Any]] = []
    for name in ranks.columns.drop("diverged"):
        counts, _ = _histogram(ranks[name].to_numpy(), bins)
        rows.append({"parameter": name, "p": float(chisquare(counts).pvalue), "counts": counts})
    divergences = int(ranks["diverged"].sum())
    if args.json:
        _print_json({"ranks": rows, "divergences": divergences, "simulations": len(ranks)})
    else:
        head = ("parameter", "p of uniform ranks", f"counts in {bins} bins")
        body = [(r["parameter"], f"{r['p']:.3f}", " ".join(map(str, r["counts"]))) for r in rows]
        _print(_table([head, *body]))
        _print(f"{len(ranks)} simulations, {divergences} divergences")
    # One bad p among many is chance: ask of the smallest what is asked of one, times their number.
    low = min(r["p"] for r in rows) * len(rows)
    if low < 0.01:
        _say(f"ranks are not uniform: smallest p times {len(rows)} parameters is {low:.2g}")
        return 1
    return 0


def _backtest(args: argparse.Namespace) -> int:
    from forecast.backtesting import backtest, origins
    from forecast.pipeline import FULL, QUICK
    from forecast.sources import read_vintages

    table = read_vintages(args.data)
    found = backtest(
        args.model,
        table,
        origins(args.start, args.end, args.lag),
        seed=args.seed,
        horizon=args.horizon,
        size=QUICK if args.quick else FULL,
        workers=args.workers,
        cluster=args.cluster,
        say=_say,
    )
    summary = found.summary()
    if args.csv:
        found.cells.to_csv(args.csv, index=False)
    if args.json:
        kept = {"summary": summary, "origins": found.origins, "cells": found.cells}
        lists = {name: json.loads(frame.to_json(orient="records")) for name, frame in kept.items()}
        _print_json({"model": args.model, **lists})
    else:
        shown = (
            "metric",
            "forecast",
            "crps",
            "behind",
            "behind_se",
            "log_score",
            "c50",
            "c80",
            "c95",
        )
        rows: list[tuple[str, ...]] = [(*shown, "n")]
        for row in summary.to_dict("records"):
            numbers = (f"{row[name]:.3f}" for name in shown[2:])
            rows.append((row["metric"], row["forecast"], *numbers, str(row["n"])))
        _print(_table(rows))
        _print(
            "\nScores on the log scale, lower is better; behind: mean CRPS less that of the best "
            "naive rule, with its standard error by date (dates overlap: a lower bound)."
        )
    failed = found.origins[~found.origins["passed"].astype(bool)]
    if len(failed):
        _say(
            f"{len(failed)} of {len(found.origins)} dates have no forecast of ours: "
            + "; ".join(f"{row.as_of}: {row.reason}" for row in failed.itertuples())
        )
        return 1
    return 0


def _histogram(ranks: Any, bins: int) -> tuple[list[int], Any]:
    import numpy as np

    counts, edges = np.histogram(ranks, bins=bins, range=(-0.5, 99.5))
    return [int(c) for c in counts], edges


def _models(text: str) -> list[str]:
    from forecast.schema import MODEL_NAMES

    names = [name.strip() for name in text.split(",") if name.strip()]
    unknown = [name for name in names if name not in MODEL_NAMES]
    if unknown or not names:
        raise argparse.ArgumentTypeError(
            f"got {text!r}; wanted some of {', '.join(MODEL_NAMES)}, joined by commas"
        )
    return names


def _count(text: str) -> int:
    if not text.isdigit():
        raise argparse.ArgumentTypeError(f"got {text!r}; wanted a whole number from 0")
    return int(text)


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < 3600:
        raise argparse.ArgumentTypeError(f"got {text!r}; wanted seconds above 0")
    return value


def parser() -> argparse.ArgumentParser:
    """Return the command line's grammar."""
    top = argparse.ArgumentParser(
        prog="forecast",
        description="Bayesian forecasts of AI spending; predictions as executable claims.",
    )
    top.add_argument("--version", action="store_true", help="print the version and stop")
    commands = top.add_subparsers(dest="command", metavar="COMMAND")

    def add(
        name: str, what: str, act: Callable[[argparse.Namespace], int], parent: Any = None
    ) -> argparse.ArgumentParser:
        one: argparse.ArgumentParser = (parent or commands).add_parser(
            name, help=what, description=what
        )
        one.set_defaults(act=act)
        return one

    def out(one: argparse.ArgumentParser) -> None:
        one.add_argument("--out", default="out", metavar="DIR", help="output folder (out)")

    def day(one: argparse.ArgumentParser) -> None:
        one.add_argument(
            "--as-of", metavar="DATE", help="what was known on this day (the newest report's day)"
        )

    def seed(one: argparse.ArgumentParser) -> None:
        one.add_argument("--seed", type=_count, default=1, metavar="N", help="seed (1)")

    def columns(one: argparse.ArgumentParser) -> None:
        one.add_argument(
            "--map",
            type=_pair,
            action="append",
            default=[],
            metavar="THEIRS=OURS",
            help="a column of the file and its name here; may be repeated",
        )
        one.add_argument(
            "--unit", metavar="UNIT", help='where the file names none, such as "USD m"'
        )
        one.add_argument("--entity", metavar="NAME", help="where the file names none")
        one.add_argument("--source", metavar="TEXT", help="where the file names none")
        one.add_argument("--reported-on", metavar="DATE", help="where the file names none")

    def taking(one: argparse.ArgumentParser) -> None:
        one.add_argument("--data", metavar="DIR", help="a folder laid out like data/")
        one.add_argument(
            "--to", metavar="TABLE", help="the table, made if missing (vintages/user.csv there)"
        )
        out(one)
        one.add_argument("--write", action="store_true", help="write; without it, only show")
        one.add_argument("--json", action="store_true", help="only JSON on stdout")

    run = add("run", "fit, judge every claim, write the memo", _run)
    day(run)
    run.add_argument("--data", metavar="DIR", help="a folder laid out like data/")
    out(run)
    seed(run)
    run.add_argument("--quick", action="store_true", help="fewer draws, no other priors")
    run.add_argument("--models", type=_models, metavar="A,B", help="only these models")
    run.add_argument(
        "--workers",
        type=_count,
        default=min(os.cpu_count() or 1, 4),
        metavar="N",
        help="processes to fit in (one a core, at most 4)",
    )

    update = add("update", "take new numbers, fit what depends on them, say what changed", _update)
    update.add_argument(
        "file", metavar="FILE", nargs="?", help="a CSV or XLSX; without it, what the table holds"
    )
    columns(update)
    update.add_argument("--data", metavar="DIR", help="a folder laid out like data/")
    out(update)
    update.add_argument(
        "--seed", type=_count, metavar="N", help="seed (that of the latest run, or 1)"
    )
    update.add_argument("--quick", action="store_true", help="fewer draws, no other priors")
    update.add_argument(
        "--models", type=_models, metavar="A,B", help="only these (those of the latest run)"
    )
    update.add_argument("--json", action="store_true", help="only JSON on stdout")

    news = add("news", "what moved each probability between two runs, or would move it", _news)
    news.add_argument("--from", dest="from_run", metavar="RUN", help="the run before (its id)")
    news.add_argument("--to", dest="to_run", metavar="RUN", help="the later run (the latest)")
    news.add_argument("--claim", metavar="C", help="only this claim or reading, piece by piece")
    news.add_argument("--before", action="store_true", help="what the coming reports could move")
    news.add_argument("--company", metavar="NAME", help="with --before: only this company")
    news.add_argument("--json", action="store_true", help="only JSON on stdout")
    out(news)

    claims = add("claims", "print every claim with its verdict of the latest run", _claims)
    claims.add_argument("--file", metavar="TOML", help="another claims file, not judged")
    claims.add_argument("--json", action="store_true", help="only JSON on stdout")
    out(claims)

    check = add("audit", "hold the article against itself and outside figures", _audit)
    check.add_argument("--data", metavar="DIR", help="a folder laid out like data/")
    check.add_argument("--json", action="store_true", help="only JSON on stdout")
    day(check)

    fit = add("fit", "fit one model and print its parameters", _fit)
    fit.add_argument("model", metavar="MODEL", help="name of the model")
    fit.add_argument("--data", metavar="FILE", help="a table of the schema instead of the shipped")
    fit.add_argument(
        "--position",
        action="append",
        default=[],
        metavar="NAME:NET:RAW[:MONTHS[:INDUSTRY]]",
        help="hazard: a series of your own, by its run-up over two years; may be repeated",
    )
    fit.add_argument("--priors", default="default", help="prior set: default, sceptical, generous")
    fit.add_argument("--json", action="store_true", help="only JSON on stdout")
    day(fit)
    seed(fit)

    memo = add("memo", "print the path of a run's memo, or write it in another format", _memo)
    memo.add_argument("run", metavar="RUN", help="a run's folder or id")
    form = memo.add_mutually_exclusive_group()
    form.add_argument("--pdf", action="store_true", help="write PDF (needs the pdf extra)")
    form.add_argument("--docx", action="store_true", help="write DOCX (needs the docx extra)")
    out(memo)

    calibrate = add("calibrate", "simulation-based calibration of a model", _calibrate)
    calibrate.add_argument("model", metavar="MODEL", help="name of the model")
    calibrate.add_argument("--simulations", type=_count, default=200, metavar="N", help="(200)")
    calibrate.add_argument("--json", action="store_true", help="only JSON on stdout")
    seed(calibrate)

    walk = add("backtest", "forecast from past dates and score what came", _backtest)
    walk.add_argument("model", metavar="MODEL", help="name of the model")
    walk.add_argument("--start", required=True, metavar="DATE", help="first date to forecast from")
    walk.add_argument("--end", required=True, metavar="DATE", help="last date to forecast from")
    walk.add_argument(
        "--lag", type=_count, default=45, metavar="N", help="days after quarters (45)"
    )
    walk.add_argument("--horizon", type=_count, default=8, metavar="N", help="periods ahead (8)")
    place = walk.add_mutually_exclusive_group()
    place.add_argument("--workers", type=_count, default=1, metavar="N", help="processes (1)")
    place.add_argument("--cluster", metavar="ADDRESS", help="a Dask scheduler, tcp://host:8786")
    walk.add_argument("--data", metavar="DIR", help="a folder laid out like data/")
    walk.add_argument("--quick", action="store_true", help="fewer draws")
    walk.add_argument("--csv", metavar="FILE", help="write every scored cell to this file")
    walk.add_argument("--json", action="store_true", help="only JSON on stdout")
    seed(walk)

    came = add("resolve", "write down how a claim came out, and keep score", _resolve)
    came.add_argument("claim", metavar="CLAIM", help="a claim's id")
    came.add_argument("outcome", metavar="OUTCOME", help="yes, no, open, ambiguous or annulled")
    came.add_argument("--on", required=True, metavar="DATE", help="the day it was decided")
    came.add_argument("--source", required=True, metavar="S", help="where that can be checked")
    came.add_argument("--definition", metavar="D", help="one reading (all of the claim's)")
    kept = add("track", "print the track record: claims and numbers that came", _track)
    for one in (came, kept):
        one.add_argument("--data", metavar="DIR", help="a folder laid out like data/")
        one.add_argument("--json", action="store_true", help="only JSON on stdout")
        out(one)

    what = "check tables, add rows to them, fetch SEC filings"
    data = commands.add_parser("data", help=what, description=what)
    actions = data.add_subparsers(dest="action", metavar="ACTION", required=True)
    one = add("check", "check a table and name every bad row", _check, actions)
    one.add_argument("file", metavar="FILE", help="a CSV of the schema")
    own = add("add", "add a file's rows to a table; shows what would change", _add, actions)
    own.add_argument("file", metavar="FILE", help="a CSV or XLSX (needs the xlsx extra)")
    columns(own)
    taking(own)
    sec = add("fetch", "get quarters from SEC filings; shows what would change", _fetch, actions)
    sec.add_argument("tickers", metavar="TICKER", nargs="+", help="MSFT GOOGL ...")
    sec.add_argument("--base-url", metavar="URL", help="another server than SEC's")
    sec.add_argument(
        "--user-agent",
        metavar="TEXT",
        help="your name and e-mail address, which SEC asks for (or FORECAST_USER_AGENT)",
    )
    sec.add_argument("--since", metavar="DATE", help="only quarters that end on this day or later")
    sec.add_argument("--metrics", metavar="A,B", help="only these, such as capex,revenue")
    sec.add_argument(
        "--timeout", type=_seconds, default=20.0, metavar="S", help="without an answer (20)"
    )
    sec.add_argument("--no-cache", action="store_true", help="neither read nor keep answers")
    taking(sec)
    return top


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    grammar = parser()
    args = grammar.parse_args(argv)
    if args.version:
        from importlib.metadata import version

        _print(f"forecast {version('forecast')}")
        return 0
    if args.command is None:
        grammar.print_help(sys.stderr)
        return 2
    try:
        code: int = args.act(args)
    except ForecastError as error:
        _say(f"forecast: {error}")
        return 1
    except KeyboardInterrupt:
        _say("forecast: interrupted; nothing is left half-written")
        return 130
    except BrokenPipeError:
        sys.stderr.close()
        return 1
    return code


if __name__ == "__main__":
    sys.exit(main())
