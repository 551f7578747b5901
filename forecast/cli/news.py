"""New numbers: ``update`` and ``news``."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING

from forecast.cli import shared
from forecast.core.errors import ForecastError

if TYPE_CHECKING:
    from forecast.cli.shared import Commands
    from forecast.news.change import Change
    from forecast.news.stored import Stored

TASK = "an earnings day"
"""What these commands are for, as ``--help`` groups them."""


def add_commands(commands: Commands) -> None:
    """Add the commands of this file to the grammar."""
    new = shared.command(
        commands,
        "update",
        "take new numbers, fit what depends on them, say what changed",
        update,
        shared.COLUMNS,
        shared.AS_OF,
        shared.DATA,
        shared.ARTICLE,
        shared.OUT,
        shared.JSON,
    )
    new.epilog = (
        "The run is written to OUT/runs/RUN, what changed since the latest run to "
        "OUT/changes/BEFORE-RUN (change.html, .md, .json); then OUT/latest points to the new run. "
        "An update that was interrupted is gone on from by forecast update without a file; the "
        "same inputs again change nothing."
    )
    new.add_argument(
        "file", metavar="FILE", nargs="?", help="a CSV or XLSX; without it, what the table holds"
    )
    new.add_argument(
        "--yes", action="store_true", help="take numbers that are far from what was expected"
    )
    new.add_argument(
        "--seed", type=shared.count, metavar="N", help="seed (that of the latest run, or 1)"
    )
    new.add_argument("--quick", action="store_true", help="fewer draws, no other priors")
    new.add_argument(
        "--models",
        type=shared.models,
        metavar="A,B",
        help="only these (those of the latest run)",
    )

    moved = shared.command(
        commands,
        "news",
        "what moved each probability between two runs, or would move it",
        news,
        shared.JSON,
        shared.OUT,
    )
    moved.add_argument(
        "--from",
        dest="from_run",
        metavar="RUN",
        help="the run before, by its id or folder (the one from which the newest update began)",
    )
    moved.add_argument("--to", dest="to_run", metavar="RUN", help="the later run (the latest)")
    moved.add_argument("--claim", metavar="C", help="only this claim or definition, piece by piece")
    moved.add_argument("--before", action="store_true", help="what the coming reports could move")
    moved.add_argument("--company", metavar="NAME", help="with --before: only this company")


def update(args: argparse.Namespace) -> int:
    """Take new numbers, fit what depends on them, and say what changed."""
    from forecast.app.update import update_run
    from forecast.news.change import change_record

    rows = shared.read_rows(args)[0] if args.file else None
    done = update_run(
        args.out,
        rows,
        as_of_date=args.as_of,
        today=shared.today(),
        data=args.data,
        article=args.article,
        seed=args.seed,
        quick=args.quick,
        models=args.models,
        accept_implausible=args.yes,
        fiscal_year_ends=dict(args.fiscal_year_end),
    )
    outcome, compared = done.outcome, done.compared
    if args.json:
        record = {} if compared is None else change_record(compared.change)
        shared.print_json(
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
            shared.put(
                shared.verdict_table([v for v in outcome.verdicts if v.probability is not None])
            )
        else:
            shared.put(_news_table(compared.change, None))
            shared.put(f"what changed: {(compared.folder / 'change.html').resolve()}")
        shared.put(f"memo: {(outcome.folder / 'memo.html').resolve()}")
    return shared.close(args, outcome)


def _news_table(change: Change, claim: str | None) -> str:
    """Return the change of every statistic, and its largest reasons, as text."""
    old, new = change.before, change.after
    lines = [f"{old.as_of} (run {old.run}) to {new.as_of} ({new.run})"]
    rows = [("what", "before", "after", "change", "noise, up to", "reason")]
    names = []
    for one in change.shifts():
        if claim is None or claim in (one.name, *one.name.split("/")):
            rows.append((one.name, one.before, one.after, one.change, one.noise, one.why))
            names.append(one.name)
    lines += ["", shared.table(rows)]
    split_of = {s.name: split for split in change.splits for s in split.statistics}
    followed = [name for name in names if name in split_of]
    if followed:
        lines += ["", *(split_of[name].sentence(name) for name in followed)]
    for name in followed if claim is not None else []:
        body = [
            (r["piece"], r["kind"], f"{r['change']:+.4g}", f"{r['low']:+.4g} to {r['high']:+.4g}")
            for r in split_of[name].frame(name).to_dict("records")
        ]
        lines += ["", name, shared.table([("piece", "kind", "change", "over orders"), *body])]
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
            f"no claim or definition is called {args.claim!r} in the run {after.id}; there are "
            + one_line(sorted(after.followed()))
        )
    change = between(before, after, seed=news_seed(after))
    if args.json:
        shared.print_json(change_record(change, args.claim))
    else:
        shared.put(_news_table(change, args.claim))
    return 0


def _before(args: argparse.Namespace, run: Stored) -> int:
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
    )
    if args.json:
        shared.print_json(
            {
                "run": run.id,
                "as_of": run.manifest["as_of"],
                "prospects": [prospect_record(one) for one in found],
            }
        )
    else:
        rows = prospect_rows(found)
        shared.put(
            shared.table(rows, widest=72)
            if len(rows) > 1
            else "no number is told of any definition"
        )
        for line in untold(found):
            shared.put(line)
        if len(rows) > 1:
            shared.put(f"figures: {figures.resolve()}")
    return 0
