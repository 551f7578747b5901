"""What each command does: reads its options, calls the package, prints.

Heavy imports stand inside the commands, so that ``--help`` is instant. Progress goes to stderr, results
to stdout; ``--json`` puts only JSON there. A command returns its exit code.

Invariant: no other file reads the clock or prints.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime as dt
import json
import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from forecast.core.errors import ForecastError, StoreError

_UNSEEN = re.compile("[\0-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
"""What steers a terminal, turns the direction of writing, or is no character at all."""


def _seen(text: str) -> str:
    """Return a text with what steers a terminal written out, as JSON would have it."""
    return _UNSEEN.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def say(line: str) -> None:
    """Write a line of progress or of an error to stderr."""
    sys.stderr.write(_seen(line) + "\n")
    sys.stderr.flush()


def put(text: str) -> None:
    """Write a result to stdout."""
    try:
        sys.stdout.write(_seen(text) + "\n")
        sys.stdout.flush()
    except OSError as error:
        raise OSError(error.errno, error.strerror, "standard output") from error


def _print_json(content: Any) -> None:
    # What a stream has no code for is printed as an escape, and only JSON's own may stand in JSON.
    plain = not str(sys.stdout.encoding).lower().startswith("utf")
    put(json.dumps(content, indent=1, ensure_ascii=plain, allow_nan=False))


def _table(rows: Sequence[Sequence[str]], widest: int = 60) -> str:
    """Return rows as aligned text; the first is the header."""
    flat = [[_seen(re.sub(r"[\n\t]", " ", c)) for c in row] for row in rows]
    cut = [[c if len(c) <= widest else c[: widest - 1] + "…" for c in row] for row in flat]
    widths = [max(len(row[k]) for row in cut) for k in range(len(cut[0]))]
    lines = [
        "  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip() for row in cut
    ]
    return "\n".join([lines[0], "  ".join("-" * w for w in widths), *lines[1:]])


def today() -> dt.date:
    """Return the day on which a command runs."""
    return dt.date.today()  # noqa: DTZ011


def _now(args: argparse.Namespace) -> dt.date:
    """Return the day that a command takes for today: as asked, else today."""
    from forecast.core.periods import parse_date

    return parse_date(args.as_of, "--as-of date") if args.as_of else today()


def _day(table: Any, asked: str | None = None, also: Any = ()) -> str:
    """Return the day that decides what is known: as asked, else of the newest report up to today."""
    from forecast.tables.vintages import newest_day, not_yet

    if asked:
        return asked
    note = not_yet(table, today())
    if note:
        say(note)
    return newest_day(table, today(), also)


def _verdict_table(verdicts: Any) -> str:
    from forecast.claims.verdict import answer_text, answer_word, window_text

    rows = [("claim", "definition", "probability", "in words", "window", "model", "status")]
    rows += [
        (
            v.claim,
            v.definition,
            answer_text(v),
            answer_word(v),
            window_text(v),
            v.model,
            v.status,
        )
        for v in verdicts
    ]
    return _table(rows)


def run(args: argparse.Namespace) -> int:
    """Fit, judge and write the memo."""
    from forecast.app.pipeline import run_all
    from forecast.tables.shipped import days_looked_at, read_vintages

    outcome = run_all(
        args.out,
        as_of_date=_day(
            read_vintages(args.data, args.article), args.as_of, days_looked_at(args.data)
        ),
        data=args.data,
        article=args.article,
        seed=args.seed,
        quick=args.quick,
        models=args.models,
        workers=args.workers,
        say=say,
    )
    put(_verdict_table([v for v in outcome.verdicts if v.probability is not None]))
    put(f"\n{len(outcome.verdicts)} readings in all")
    put(f"memo: {(outcome.folder / 'memo.html').resolve()}")
    return _close(args, outcome)


def _close(args: argparse.Namespace, outcome: Any) -> int:
    """Enter a run's open probabilities into the track record, dated today; say if it is a draft."""
    from forecast.claims.read import read_claims
    from forecast.evaluation.track import lock_run
    from forecast.store.runs import CLAIMS

    claims = read_claims(outcome.folder / CLAIMS)
    added = lock_run(args.out, outcome.folder.name, claims, today())
    if added:
        say(f"{added} probabilities locked in {Path(args.out) / 'track' / 'forecasts.csv'}")
    if outcome.draft:
        say("a gate said no, the memo is stamped DRAFT: " + " | ".join(outcome.draft))
        return 1
    return 0


def claims(args: argparse.Namespace) -> int:
    """Print every claim with its verdict of the latest run."""
    from forecast.claims.judge import judge
    from forecast.claims.read import read_claims
    from forecast.claims.verdict import Verdicts
    from forecast.store import runs
    from forecast.tables.articles import ARTICLES, CLAIMS_FILE, find_article
    from forecast.tables.shipped import days_looked_at, read_vintages

    file = args.file
    if file is None and (args.data is not None or args.article is not None):
        file = find_article(args.data, args.article).file(CLAIMS_FILE)
    folder = runs.latest_run(args.out) if file is None else None
    if file is not None:
        from forecast.app.pipeline import check_claims

        given = read_claims(file)
        check_claims(
            given,
            args.data,
            article=args.article,
            as_of_date=_day(
                read_vintages(args.data, args.article), None, days_looked_at(args.data)
            ),
            say=say,
        )
        verdicts = judge(given, [])
        say(
            f"{file}: nothing that a run would refuse; forecast run --data DIR judges "
            f"DIR/{ARTICLES}/NAME/{CLAIMS_FILE}"
        )
    elif folder is not None:
        manifest = runs.read_manifest(folder, "run", "as_of", "draws")
        records = runs.read_json(folder / "verdicts.json", list)
        verdicts = Verdicts.from_records(records, manifest["draws"])
        say(f"verdicts of the run {manifest['run']}, data as of {manifest['as_of']}")
    else:
        verdicts = judge(read_claims(), [])
        say(f"no run to take probabilities from in {args.out}; forecast run makes one")
    if args.json:
        _print_json(verdicts.records())
    else:
        put(_verdict_table(verdicts))
    return 0


def audit(args: argparse.Namespace) -> int:
    """Hold the article against itself and outside figures."""
    import dataclasses

    from forecast.claims.audit import audit_claims
    from forecast.claims.inputs import read_inputs
    from forecast.tables.vintages import as_of

    inputs = read_inputs(args.data, args.article)
    known = as_of(inputs.vintages, _day(inputs.vintages, args.as_of))
    findings = audit_claims(known, inputs.references, inputs.claims)
    if args.json:
        _print_json([dataclasses.asdict(f) for f in findings])
        return 0
    for finding in findings:
        put(f"{finding.claim} [{finding.rule}] {finding.verdict.upper()} ({finding.sure})")
        put(f"  said:    {finding.said}")
        put(f"  follows: {finding.follows}")
        put(f"  source:  {finding.source}\n")
    wrong = sum(f.verdict == "contradicted" for f in findings)
    put(f"{len(findings)} findings, {wrong} of them contradictions")
    return 0


def fit(args: argparse.Namespace) -> int:
    """Fit one model and print its parameters."""
    from forecast.inference import fitting
    from forecast.models.panels import build_panel
    from forecast.models.registry import panel_source
    from forecast.tables.shipped import read_own_table, read_vintages
    from forecast.tables.vintages import as_of, read_table

    own = None
    own_table = panel_source(args.model).table
    if args.table and own_table:
        own, table = read_own_table(own_table, args.table), read_vintages()
    else:
        table = read_table(args.table) if args.table else read_vintages()
    known = as_of(table, _day(table, args.as_of))
    panel = _with_positions(build_panel(known, args.model, own, history=table), args.position)
    for note in panel.notes:
        say(note)
    say(f"fitting {args.model} to {panel.data.sizes['obs']} observations ...")
    run = fitting.fit(args.model, panel, seed=args.seed, variant=args.priors, progress=False)
    passed = run.gate is not None and run.gate.passed
    frame = fitting.summary(run)
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
        put(_table([head, *body]))
        _print_falls(falls)
    if not passed and run.gate is not None:
        say("the gate said no: " + "; ".join(map(str, run.gate.failures)))
        return 1
    return 0


def _with_positions(panel: Any, given: Sequence[str]) -> Any:
    """Return the panel with the user's own positions, for the hazard model."""
    from forecast.core.errors import DataError
    from forecast.models.hazard.panel import read_position, with_positions

    if not given:
        return panel
    if panel.model != "hazard":
        raise DataError(f"--position is for the hazard model; got {panel.model}: leave it out")
    held = [read_position(text, panel.as_of) for text in given]
    return with_positions(panel, held)


def _falls(run: Any) -> list[dict[str, Any]]:
    """Return each position's chances of a first fall within 18 and 24 months."""
    from forecast.claims.variations import MONTHS
    from forecast.inference.predict import forecast
    from forecast.models.hazard.panel import FALLS, effective_sample, months_of

    draws = forecast(run, seed=run.spec.seed)
    n, independent = effective_sample(run.panel.data)
    say(f"{n} episodes followed for 24 months count as about {independent:.0f} independent ones")
    names = dict.fromkeys(str(e) for e in draws["entity"].values)
    return [
        {"position": name, "months": month}
        | {
            f"fall_{fall}": float(
                draws["signal"].sel(series=f"{name}/fall_{fall}").isel(period=own[month - 1]).mean()
            )
            for fall in FALLS
        }
        for name in names
        for own in [months_of(draws, name)]
        for month in [m for m in MONTHS if m <= len(own)][-2:]
    ]


def _print_falls(falls: Sequence[dict[str, Any]]) -> None:
    from forecast.core.text import percent

    if falls:
        head = tuple(name.replace("fall_", "fall of ") for name in falls[0])
        body = [
            tuple(percent(v) if isinstance(v, float) else str(v) for v in row.values())
            for row in falls
        ]
        put("\nchance of a first fall, percent of the peak, within the months named")
        put(_table([head, *body]))


def memo(args: argparse.Namespace) -> int:
    """Print the path of a run's memo, or write it in another format."""
    from forecast.report import export
    from forecast.store import runs

    given = Path(args.run)
    folder = given if given.is_dir() else Path(args.out) / "runs" / args.run
    runs.verify(folder)
    name, write = "memo.html", None
    if args.pdf:
        name, write = "memo.pdf", export.to_pdf
    elif args.docx:
        name, write = "memo.docx", export.to_docx
    path = folder / name
    if write is not None:
        # Beside the run folder, which stays as it was checksummed.
        path = Path(args.out) / f"{folder.resolve().name}-{name}"
        write(folder, path)
    put(str(path.resolve()))
    return 0


def check(args: argparse.Namespace) -> int:
    """Check a table."""
    from forecast.tables.vintages import read_table, table_hash

    table = read_table(args.file, _now(args))
    put(f"{args.file}: {len(table)} rows are good, hash {table_hash(table)[:16]}")
    return 0


def _read(args: argparse.Namespace) -> tuple[Any, list[str]]:
    """Read a user's file as the options say, tell how, and return its rows and the unused columns."""
    from forecast.core.text import one_line
    from forecast.tables.shipped import read_user_table

    given = {
        "unit": args.unit,
        "entity": args.entity,
        "source": args.source,
        "reported_on": args.reported_on,
    }
    found = read_user_table(
        args.file, dict(args.map), {k: v for k, v in given.items() if v}, _now(args)
    )
    for note in found.notes:
        say(note)
    renamed = [f"{theirs} -> {ours}" for ours, theirs in found.columns.items() if theirs != ours]
    if renamed:
        say(f"columns read as: {', '.join(renamed)}")
    if found.unused:
        say(f"columns not used: {one_line(found.unused)}")
    return found.rows, list(found.unused)


def add(args: argparse.Namespace) -> int:
    """Add a file's rows to a table, or show what that would change."""
    rows, unused = _read(args)
    return _take(rows, args, {"unused_columns": unused})


def update(args: argparse.Namespace) -> int:
    """Take new numbers, fit what depends on them, and say what changed."""
    from forecast.app.update import update_run
    from forecast.news.change import change_record

    rows = _read(args)[0] if args.file else None
    done = update_run(
        args.out,
        rows,
        as_of_date=args.as_of,
        today=today(),
        data=args.data,
        article=args.article,
        seed=args.seed,
        quick=args.quick,
        models=args.models,
        say=say,
    )
    outcome, compared = done.outcome, done.compared
    if args.json:
        record = {} if compared is None else change_record(compared.change)
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
        if compared is None:
            put(_verdict_table([v for v in outcome.verdicts if v.probability is not None]))
        else:
            put(_news_table(compared.change, None))
            put(f"what changed: {(compared.folder / 'change.html').resolve()}")
        put(f"memo: {(outcome.folder / 'memo.html').resolve()}")
    return _close(args, outcome)


def _news_table(change: Any, claim: str | None) -> str:
    """Return the change of every statistic, and its largest reasons, as text."""
    old, new = change.before, change.after
    lines = [f"{old.as_of} (run {old.run}) to {new.as_of} ({new.run})"]
    rows = [("what", "before", "after", "change", "noise, up to", "reason")]
    names = []
    for one in change.shifts():
        if claim is None or claim in (one.name, *one.name.split("/")):
            rows.append((one.name, one.before, one.after, one.change, one.noise, one.why))
            names.append(one.name)
    lines += ["", _table(rows)]
    split_of = {s.name: split for split in change.splits for s in split.statistics}
    followed = [name for name in names if name in split_of]
    if followed:
        lines += ["", *(split_of[name].sentence(name) for name in followed)]
    for name in followed if claim is not None else []:
        body = [
            (r["piece"], r["kind"], f"{r['change']:+.4g}", f"{r['low']:+.4g} to {r['high']:+.4g}")
            for r in split_of[name].frame(name).to_dict("records")
        ]
        lines += ["", name, _table([("piece", "kind", "change", "over orders"), *body])]
    return "\n".join(lines)


def news(args: argparse.Namespace) -> int:
    """Say what moved each probability between two runs, or what would move it."""
    from forecast.app.update import news_seed
    from forecast.core.text import one_line
    from forecast.news.change import between, change_record
    from forecast.news.stored import find_run, run_before

    after = find_run(args.out, args.to_run)
    if args.before:
        return _before(args, after)
    before = find_run(args.out, args.from_run) if args.from_run else run_before(args.out, after)
    if before.id == after.id:
        raise ForecastError(
            f"got the run {after.id} twice: nothing changed; give two runs: "
            "forecast news --from RUN --to RUN"
        )
    if args.claim is not None and args.claim not in after.followed():
        raise ForecastError(
            f"no claim or reading is called {args.claim!r} in the run {after.id}; there are "
            + one_line(sorted(after.followed()))
        )
    change = between(before, after, seed=news_seed(after), say=say)
    if args.json:
        _print_json(change_record(change, args.claim))
    else:
        put(_news_table(change, args.claim))
    return 0


def _before(args: argparse.Namespace, run: Any) -> int:
    """Print what the coming reports could move, the most telling number of each first."""
    from forecast.app.update import foresee, prospect_record, prospect_rows, untold
    from forecast.core.files import probe_folder

    figures = Path(args.out) / f"before-{run.id}"
    probe_folder(figures if os.path.lexists(figures) else args.out)
    found = foresee(
        run,
        companies=[args.company] if args.company else None,
        claim=args.claim,
        figures=figures,
        say=say,
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
        rows = prospect_rows(found)
        put(_table(rows, widest=72) if len(rows) > 1 else "no number is told of any reading")
        for line in untold(found):
            put(line)
        if len(rows) > 1:
            put(f"figures: {figures.resolve()}")
    return 0


def fetch(args: argparse.Namespace) -> int:
    """Get quarters from SEC filings, and add them as :func:`add` does."""
    import time

    from forecast.core.errors import few
    from forecast.core.periods import parse_date
    from forecast.tables import sec

    agent = args.user_agent or os.environ.get("FORECAST_USER_AGENT", "")
    connection = sec.Connection(
        user_agent=agent if agent or args.base_url is None else "forecast",
        base_url=args.base_url,
        timeout=args.timeout,
        cache=None if args.no_cache else sec.cache_dir(os.environ),
    )
    found = sec.fetch(
        args.tickers,
        connection,
        sec.Clock(time.time, time.monotonic, time.sleep),
        since=parse_date(args.since, "--since date") if args.since else None,
        metrics=[m.strip() for m in args.metrics.split(",")] if args.metrics else list(sec.METRICS),
        today=today(),
        say=say,
    )
    for line in few(found.left_out):
        say(f"left out: {line}")
    return _take(found.rows, args, {"left_out": list(found.left_out)})


def _take(rows: Any, args: argparse.Namespace, more: dict[str, Any]) -> int:
    """Show what rows would change in a table, and append them if asked to."""
    import pandas as pd

    from forecast.core.errors import few
    from forecast.evaluation.surprise import jumps
    from forecast.tables.shipped import USER_FILE, data_folder, held
    from forecast.tables.vintages import append_rows, compare

    folder = data_folder(args.data)
    target = Path(args.to) if args.to else folder / USER_FILE
    # Between the comparison and the writing nobody else may add to another table of the folder.
    with held(folder) if args.write else contextlib.nullcontext():
        changes, said = _with_percentiles(
            compare(_table_of(target, folder, args.article), rows), args.out
        )
        for line in few(jumps(changes)):
            say(line)
        conflicts, added = len(changes.conflicts), len(changes.new) + len(changes.revisions)
        written = bool(args.write and added and not conflicts)
        if written:
            fresh = [frame[rows.columns] for frame in (changes.new, changes.revisions)]
            append_rows(target, pd.concat(fresh))
    if args.json:
        kinds = ("new", "revisions", "there", "conflicts")
        lists = {k: json.loads(getattr(changes, k).to_json(orient="records")) for k in kinds}
        _print_json({"table": str(target), "written": written, **said, **lists, **more})
    else:
        _print_changes(changes)
        put(
            f"{len(changes.new)} new, {len(changes.revisions)} revisions, "
            f"{len(changes.there)} already there, {conflicts} conflicts; table {target}"
        )
    if conflicts:
        say(
            f"forecast: {conflicts} row(s) contradict what the table says was reported on the same "
            "day; nothing was written; correct them, or give a revision its own later reported_on"
        )
        return 1
    if written:
        say(f"{added} row(s) written to {target}")
    elif added:
        say("nothing was written; --write does it")
    return 0


def _table_of(target: Path, folder: Path, article: str | None) -> Any:
    """Return what rows for a table must agree with: the tables of a data folder are one."""
    from forecast.tables.shipped import read_vintages, vintage_files
    from forecast.tables.vintages import read_table

    within = [path.resolve() for path in vintage_files(folder, article)]
    if target.resolve() in within or target.resolve().parent == (folder / "vintages").resolve():
        return read_vintages(folder, article) if within else None
    return read_table(target) if target.exists() else None


def _with_percentiles(changes: Any, out: str) -> tuple[Any, dict[str, Any]]:
    """Add to each row its percentile in the latest run's forecasts, and return that run's name.

    Rows can be added without a run, and beside a damaged one: then this is said, and no more.
    """
    import pandas as pd

    from forecast.evaluation.surprise import surprised
    from forecast.store import runs

    table, run = pd.DataFrame(), None
    try:
        folder = runs.latest_run(out)
        if folder is None:
            say(f"no percentiles: there is no run in {out}")
        else:
            manifest = runs.read_manifest(folder, "run", "as_of")
            table = runs.read_frame(folder / "forecasts.parquet")
            run = {"run": manifest["run"], "as_of": manifest["as_of"]}
    except StoreError as error:
        say(f"no percentiles: {error}")
    told = surprised(changes, table)
    fresh = [*told.new["percentile"], *told.revisions["percentile"]]
    if run is not None:
        say(
            f"percentiles of the run {run['run']}, data as of {run['as_of']}: "
            f"{sum(p == p for p in fresh)} of {len(fresh)} new or revised numbers were forecast by it"
        )
    return told, {"percentiles_of": run}


MOST_ROWS = 200
"""Rows of each kind of change that are printed."""


def _print_changes(changes: Any) -> None:
    shown = {"new": changes.new, "revision": changes.revisions, "conflict": changes.conflicts}
    head = ("", "entity", "metric", "period", "was", "value", "unit", "percentile")
    rows: list[tuple[str, ...]] = [(*head, "reported on", "source")]
    for word, frame in shown.items():
        for row in frame.head(MOST_ROWS).to_dict("records"):
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
        put(_table(rows))
    for word, frame in shown.items():
        if len(frame) > MOST_ROWS:
            put(f"... and {len(frame) - MOST_ROWS:,} more {word} rows; --json has them all")


def resolve(args: argparse.Namespace) -> int:
    """Write down how a claim came out, and keep score."""
    from forecast.claims.read import read_claims
    from forecast.evaluation import track as ledger
    from forecast.tables.articles import CLAIMS_FILE, find_article

    chosen = ledger.resolve(
        args.out,
        read_claims(find_article(args.data, args.article).file(CLAIMS_FILE)),
        args.claim,
        args.outcome,
        on=args.on,
        source=args.source,
        today=today(),
        definition=args.definition,
    )
    say(f"{args.claim}: " + ", ".join(f"{name} is {word}" for name, word in chosen.items()))
    return track(args)


def track(args: argparse.Namespace) -> int:
    """Enter what reported numbers have decided, and print the track record."""
    from forecast.claims.outcomes import decided
    from forecast.claims.read import read_claims
    from forecast.evaluation import track as ledger
    from forecast.tables.articles import CLAIMS_FILE, find_article
    from forecast.tables.shipped import read_vintages
    from forecast.tables.vintages import as_of

    table, now = read_vintages(args.data, args.article), today()
    open_ = ledger.unresolved(
        args.out, read_claims(find_article(args.data, args.article).file(CLAIMS_FILE))
    )
    for one in ledger.enter(args.out, decided(open_, table, now, say), now, say):
        say(f"{one.claim.id}/{one.definition.id} is {one.outcome} on {one.on} ({one.source})")
    found, came = ledger.record(args.out, now), ledger.outcomes(args.out)
    locked = len(ledger.locked(args.out))
    numbers = ledger.numbers(args.out, as_of(table, _day(table)), say)
    if args.json:
        frames = {
            "events": found.events,
            "means": found.means,
            "outcomes": came,
            "numbers": numbers,
        }
        told = {name: list(getattr(found, name)) for name in ("waiting", "overdue", "unscored")}
        rows = {k: json.loads(v.to_json(orient="records")) for k, v in frames.items()}
        _print_json({**rows, **told, "locked": locked})
        return 0
    put(f"{locked} probabilities locked, {len(came)} readings resolved")
    for frame, title in ((found.means, "claims"), (numbers, "numbers that came, log scale")):
        if len(frame):
            head = tuple(str(c) for c in frame.columns)
            body = [tuple(_cell(c) for c in row) for row in frame.itertuples(index=False)]
            put(f"\n{title}\n{_table([head, *body])}")
    if len(found.means):
        put(
            "\nOne vote a claim, counted when its window has closed, whether it came true early or "
            "not at all; a forecast weighs the days on which it stood; lower is better; 90 % "
            "intervals from three claims on."
        )
    for lines, word in ((found.waiting, "waits"), (found.overdue, "overdue")):
        for line in lines:
            put(f"{word}: {line}")
    for line in found.unscored:
        say(f"not scored: {line}")
    return 0


def _cell(value: Any) -> str:
    if isinstance(value, float):
        return "–" if value != value else f"{value:.3f}"
    return str(value)


def calibrate(args: argparse.Namespace) -> int:
    """Print simulation-based calibration of a model."""
    from scipy.stats import chisquare

    from forecast.evaluation import calibration
    from forecast.models.panels import build_panel
    from forecast.tables.shipped import read_vintages
    from forecast.tables.vintages import as_of

    table = read_vintages()
    panel = build_panel(as_of(table, _day(table)), args.model)
    say(f"{args.simulations} simulations of {args.model} ...")
    ranks = calibration.calibrate(args.model, panel, simulations=args.simulations, seed=args.seed)
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
        put(_table([head, *body]))
        put(f"{len(ranks)} simulations, {divergences} divergences")
    # One bad p among many is chance: ask of the smallest what is asked of one, times their number.
    low = min(r["p"] for r in rows) * len(rows)
    if low < 0.01:
        say(f"ranks are not uniform: smallest p times {len(rows)} parameters is {low:.2g}")
        return 1
    return 0


def backtest(args: argparse.Namespace) -> int:
    """Forecast from past dates and print the scores of what came."""
    from forecast.app.pipeline import FULL, QUICK
    from forecast.core.files import probe_file, replace_text
    from forecast.evaluation import backtesting
    from forecast.tables.shipped import read_vintages

    if args.csv:
        probe_file(args.csv)  # before hours of fits
    table = read_vintages(args.data, args.article)
    table = table[table["reported_on"] <= _day(table)]  # what is to come is no truth yet
    found = backtesting.backtest(
        args.model,
        table,
        backtesting.origins(args.start, args.end, args.lag),
        seed=args.seed,
        horizon=args.horizon,
        size=QUICK if args.quick else FULL,
        workers=args.workers,
        cluster=args.cluster,
        say=say,
    )
    summary = found.summary()
    if args.csv:
        replace_text(args.csv, found.cells.to_csv(index=False))
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
        put(_table(rows))
        put(
            "\nScores on the log scale, lower is better; behind: mean CRPS less that of the best "
            "naive rule, with its standard error by date (dates overlap: a lower bound)."
        )
    failed = found.origins[~found.origins["passed"].astype(bool)]
    if len(failed):
        say(
            f"{len(failed)} of {len(found.origins)} dates have no forecast of ours: "
            + "; ".join(f"{row.as_of}: {row.reason}" for row in failed.itertuples())
        )
        return 1
    return 0


def _histogram(ranks: Any, bins: int) -> tuple[list[int], Any]:
    import numpy as np

    counts, edges = np.histogram(ranks, bins=bins, range=(-0.5, 99.5))
    return [int(c) for c in counts], edges
