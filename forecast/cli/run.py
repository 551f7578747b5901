"""Fit and judge: ``run``, ``claims``, ``fit``, ``memo``."""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

from forecast.cli import shared

if TYPE_CHECKING:
    from forecast.claims.verdict import Verdicts
    from forecast.cli.shared import Commands
    from forecast.inference.fitting import Run
    from forecast.models.base import Outlook, Panel

TASK = "forecast and judge"
"""What these commands are for, as ``--help`` groups them."""


def add_commands(commands: Commands) -> None:
    """Add the commands of this file to the grammar."""
    all_of_it = shared.command(
        commands,
        "run",
        "fit, judge every claim, write the memo",
        run,
        shared.AS_OF,
        shared.DATA,
        shared.ARTICLE,
        shared.OUT,
        shared.SEED,
    )
    all_of_it.add_argument("--quick", action="store_true", help="fewer draws, no other priors")
    all_of_it.add_argument("--models", type=shared.models, metavar="A,B", help="only these models")
    all_of_it.add_argument(
        "--workers",
        type=shared.count,
        default=min(os.cpu_count() or 1, 4),
        metavar="N",
        help="processes to fit in (one a core, at most 4)",
    )

    told = shared.command(
        commands,
        "claims",
        "print every claim with its verdict of the latest run",
        claims,
        shared.ARTICLE,
        shared.JSON,
        shared.OUT,
    )
    told.add_argument(
        "--file",
        metavar="TOML",
        help="another claims file, judged by the latest run's draws; without a run only checked",
    )
    told.add_argument(
        "--data", metavar="DIR", help="check against these tables; their own claims without --file"
    )

    one = shared.command(
        commands,
        "fit",
        "fit one model and print its parameters",
        fit,
        shared.JSON,
        shared.AS_OF,
        shared.SEED,
    )
    one.add_argument("model", metavar="MODEL", help="name of the model")
    one.add_argument("--table", metavar="FILE", help="a table of the schema instead of the shipped")
    # Told apart by what stands there: a file under this name was the table before there was --table.
    one.add_argument(
        "--data",
        dest="place",
        metavar="DIR",
        help="a folder laid out like data/; a FILE is taken as --table takes it",
    )
    one.add_argument(
        "--position",
        action="append",
        default=[],
        metavar="NAME:NET:RAW[:MONTHS[:INDUSTRY]]",
        help="hazard: a series of your own, by its run-up over two years; may be repeated",
    )
    one.add_argument("--priors", default="default", help="prior set: default, sceptical, generous")

    written = shared.command(
        commands,
        "memo",
        "print the path of a run's memo, or write it in another format",
        memo,
        shared.OUT,
    )
    written.add_argument("run", metavar="RUN", help="a run's folder or id, or latest")
    form = written.add_mutually_exclusive_group()
    form.add_argument("--pdf", action="store_true", help="write PDF (needs the pdf extra)")
    form.add_argument("--docx", action="store_true", help="write DOCX (needs the docx extra)")
    written.add_argument("--annex", action="store_true", help="with the annex, which memo.html has")


def run(args: argparse.Namespace) -> int:
    """Fit, judge and write the memo."""
    from forecast.app.pipeline import run_all

    outcome = run_all(
        args.out,
        as_of_date=args.as_of,
        data=args.data,
        article=args.article,
        seed=args.seed,
        quick=args.quick,
        models=args.models,
        workers=args.workers,
        today=shared.today(),
    )
    shared.put(shared.verdict_table([v for v in outcome.verdicts if v.probability is not None]))
    shared.put(f"\n{len(outcome.verdicts)} definitions in all")
    shared.put(f"memo: {(outcome.folder / 'memo.html').resolve()}")
    return shared.close(args, outcome)


def claims(args: argparse.Namespace) -> int:
    """Print every claim with its verdict of the latest run."""
    from forecast.claims.verdict import Verdicts
    from forecast.store import runs

    folder, unreached = runs.latest_run(args.out), tuple[str, ...]()
    if args.file is not None or args.data is not None or args.article is not None:
        verdicts, unreached = _of_file(args, folder)
    elif folder is not None:
        manifest = runs.read_manifest(folder, "run", "as_of", "draws")
        records = runs.read_json(folder / "verdicts.json", list)
        verdicts = Verdicts.from_records(records, manifest["draws"])
        shared.say(f"verdicts of the run {manifest['run']}, data as of {manifest['as_of']}")
    else:
        from forecast.claims.judge import judge
        from forecast.claims.read import read_claims

        verdicts = judge(read_claims(), [])
        shared.say(f"no run to take probabilities from in {args.out}; forecast run makes one")
    if args.json:
        shared.print_json(verdicts.records())
    else:
        shared.put(shared.verdict_table(verdicts))
    for line in unreached:
        shared.say(f"not judged: {line}")
    return 1 if unreached else 0


def _of_file(args: argparse.Namespace, folder: Path | None) -> tuple[Verdicts, tuple[str, ...]]:
    """Return what the latest run's draws say of a file's claims, and what they do not reach.

    Without a run, and of a folder's own claims, it is checked what a run would refuse.
    """
    from forecast.claims.judge import judge
    from forecast.claims.read import read_claims
    from forecast.tables.articles import ARTICLES, CLAIMS_FILE, find_article

    file = args.file or find_article(args.data, args.article).file(CLAIMS_FILE)
    given = read_claims(file)
    if args.data is not None or args.file is None or folder is None:
        from forecast.app.pipeline import check_claims

        check_claims(
            given,
            args.data,
            article=args.article,
            as_of_date=shared.day_of_folder(args.data, args.article),
        )
        shared.say(
            f"{file}: nothing that a run would refuse; forecast run --data DIR judges "
            f"DIR/{ARTICLES}/NAME/{CLAIMS_FILE}"
        )
    if args.file is None or folder is None:
        return judge(given, []), ()
    from forecast.app.asked import judge_stored
    from forecast.claims.audit import read_references
    from forecast.news.stored import read_run
    from forecast.tables.shipped import REFERENCE_FILE, own_or_shipped

    run = read_run(folder)
    answers = judge_stored(run, given, read_references(own_or_shipped(REFERENCE_FILE, args.data)))
    shared.say(f"{file}: judged by the draws of the run {run.id}, data as of {run.as_of}")
    return answers.verdicts, answers.unreached


def fit(args: argparse.Namespace) -> int:
    """Fit one model and print its parameters."""
    from forecast.inference import fitting

    panel = _panel(args)
    for note in panel.notes:
        shared.say(note)
    shared.say(f"fitting {args.model} to {panel.data.sizes['obs']} observations ...")
    run = fitting.fit(args.model, panel, seed=args.seed, variant=args.priors, progress=False)
    passed = run.gate is not None and run.gate.passed
    frame = fitting.summary(run)
    outlook = _outlook(run) if passed else None
    if args.json:
        shared.print_json(
            {
                "falls": list(outlook.rows) if outlook else [],
                "spec": json.loads(run.spec.to_json()),
                "gate": {"passed": passed, **json.loads(run.gate.to_json() if run.gate else "{}")},
                "summary": frame.to_dict(orient="records"),
            }
        )
    else:
        head = tuple(str(c) for c in frame.columns)
        body = [tuple(c if isinstance(c, str) else f"{c:.3f}" for c in row) for row in frame.values]
        shared.put(shared.table([head, *body]))
        if outlook:
            _print_outlook(outlook)
    if not passed and run.gate is not None:
        shared.say("the gate said no: " + "; ".join(map(str, run.gate.failures)))
        return 1
    return 0


def _panel(args: argparse.Namespace) -> Panel:
    """Return the panel to fit: of the shipped tables, or of a folder, a table or series of one's own."""
    from forecast.core.errors import DataError
    from forecast.models.panels import build_panel, with_positions
    from forecast.models.registry import panel_source
    from forecast.tables.shipped import days_looked_at, read_own_table, read_tables, read_vintages
    from forecast.tables.vintages import as_of, read_table

    file, folder = args.table, args.place
    if folder is not None and not Path(folder).is_dir():
        if file is not None:
            raise DataError(f"got the tables {file} and {folder}; leave one of them out")
        file, folder = folder, None
    source, own = panel_source(args.model), None
    if file and source.table:
        own, table = read_own_table(source.table, file), read_vintages(folder)
    else:
        table = read_table(file) if file else read_vintages(folder)
    tables = None if folder is None else read_tables(folder)
    looked_at = () if folder is None else days_looked_at(folder)
    known = as_of(table, shared.day(table, args.as_of, looked_at))
    panel = build_panel(known, args.model, own, tables=tables, history=table)
    return with_positions(panel, args.position)


def _outlook(run: Run) -> Outlook | None:
    """Return what the draws say of the series a user follows, if the model has such."""
    from forecast.claims.variations import MONTHS
    from forecast.inference.predict import forecast
    from forecast.models.registry import get_model

    tell = get_model(run.spec.model).outlook
    if tell is None:
        return None
    found = tell(forecast(run, seed=run.spec.seed), run.panel, MONTHS)
    shared.say(found.note)
    return found


def _print_outlook(outlook: Outlook) -> None:
    from forecast.core.text import percent

    if outlook.rows:
        body = [
            tuple(percent(v) if isinstance(v, float) else str(v) for v in row.values())
            for row in outlook.rows
        ]
        shared.put(f"\n{outlook.title}")
        shared.put(shared.table([tuple(outlook.heads[name] for name in outlook.rows[0]), *body]))


def memo(args: argparse.Namespace) -> int:
    """Print the path of a run's memo, or write it in another format."""
    from forecast.report import export
    from forecast.store import runs

    folder = runs.verify(runs.find_run(args.out, args.run))
    name, write = "memo.html", None
    if args.pdf:
        name, write = "memo.pdf", export.to_pdf
    elif args.docx:
        name, write = "memo.docx", export.to_docx
    path = folder / name
    if write is not None:
        # Next to the run folder, which stays as it was checksummed.
        path = Path(args.out) / f"{folder.resolve().name}-{name}"
        write(folder, path, annex=args.annex)
    shared.put(str(path.resolve()))
    return 0
