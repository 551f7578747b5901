"""What is it worth: ``audit``, ``calibrate``, ``backtest``, ``resolve``, ``track``."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING, Any

from forecast.cli import shared

if TYPE_CHECKING:
    from forecast.cli.shared import Commands

TASK = "how good it is"
"""What these commands are for, as ``--help`` groups them."""


def add_commands(commands: Commands) -> None:
    """Add the commands of this file to the grammar."""
    shared.command(
        commands,
        "audit",
        "compare the article with itself and with outside figures",
        audit,
        shared.DATA,
        shared.ARTICLE,
        shared.JSON,
        shared.AS_OF,
    )

    ranks = shared.command(
        commands,
        "calibrate",
        "simulation-based calibration of a model",
        calibrate,
        shared.JSON,
        shared.SEED,
    )
    ranks.add_argument("model", metavar="MODEL", help="name of the model")
    ranks.add_argument(
        "--simulations", type=shared.positive, default=200, metavar="N", help="(200)"
    )

    _add_backtest(commands)

    came = shared.command(
        commands,
        "resolve",
        "write down how a claim came out, and keep score",
        resolve,
        shared.DATA,
        shared.ARTICLE,
        shared.JSON,
        shared.OUT,
    )
    came.add_argument("claim", metavar="CLAIM", help="a claim's id")
    came.add_argument("outcome", metavar="OUTCOME", help="yes, no, open, ambiguous or annulled")
    came.add_argument(
        "--on",
        required=True,
        metavar="DATE",
        help="the day: of a yes in the window, of a no at its end or later",
    )
    came.add_argument("--source", required=True, metavar="S", help="where that can be checked")
    came.add_argument(
        "--definition",
        action="append",
        metavar="D",
        help="a definition that came out so (the claim's only one); may be repeated",
    )
    shared.command(
        commands,
        "track",
        "print the track record: claims and realised values",
        track,
        shared.DATA,
        shared.ARTICLE,
        shared.JSON,
        shared.OUT,
    )


def _add_backtest(commands: Commands) -> None:
    past = shared.command(
        commands,
        "backtest",
        "forecast from past dates and score what came",
        backtest,
        shared.DATA,
        shared.ARTICLE,
        shared.OUT,
        shared.JSON,
        shared.SEED,
    )
    past.add_argument("model", metavar="MODEL", help="name of the model")
    past.add_argument("--start", required=True, metavar="DATE", help="first date to forecast from")
    past.add_argument("--end", required=True, metavar="DATE", help="last date to forecast from")
    past.add_argument(
        "--step",
        type=shared.span,
        default="1q",
        metavar="SPAN",
        help="from one date to the next: 1q, 1m, 2w, 10d (1q)",
    )
    past.add_argument(
        "--lag",
        type=shared.count,
        default=45,
        metavar="N",
        help="days after the end of a month, quarter or year (45)",
    )
    past.add_argument(
        "--window",
        type=shared.span,
        metavar="SPAN",
        help="fit to the data of so long before a date, 5y or 20q (all)",
    )
    past.add_argument(
        "--horizon", type=shared.positive, default=8, metavar="N", help="periods ahead (8)"
    )
    place = past.add_mutually_exclusive_group()
    place.add_argument("--workers", type=shared.count, default=1, metavar="N", help="processes (1)")
    place.add_argument("--cluster", metavar="ADDRESS", help="a Dask scheduler, tcp://host:8786")
    past.add_argument("--quick", action="store_true", help="fewer draws")
    past.add_argument("--csv", metavar="FILE", help="write every scored cell to this file")


def audit(args: argparse.Namespace) -> int:
    """Compare the article with itself and with outside figures."""
    import dataclasses

    from forecast.claims.audit import audit_claims
    from forecast.claims.inputs import read_inputs
    from forecast.tables.vintages import as_of

    inputs = read_inputs(args.data, args.article)
    known = as_of(inputs.vintages, shared.day(inputs.vintages, args.as_of))
    findings = audit_claims(known, inputs.references, inputs.claims)
    if args.json:
        shared.print_json([dataclasses.asdict(f) for f in findings])
        return 0
    for finding in findings:
        shared.put(f"{finding.claim} [{finding.rule}] {finding.verdict.upper()} ({finding.sure})")
        shared.put(f"  said:    {finding.said}")
        shared.put(f"  follows: {finding.follows}")
        shared.put(f"  source:  {finding.source}\n")
    wrong = sum(f.verdict == "contradicted" for f in findings)
    shared.put(f"{len(findings)} findings, {wrong} of them contradictions")
    return 0


def calibrate(args: argparse.Namespace) -> int:
    """Print simulation-based calibration of a model."""
    from scipy.stats import chisquare

    from forecast.evaluation import calibration
    from forecast.models.panels import build_panel
    from forecast.tables.shipped import read_vintages
    from forecast.tables.vintages import as_of

    table = read_vintages()
    panel = build_panel(as_of(table, shared.day(table)), args.model)
    shared.say(f"{args.simulations} simulations of {args.model} ...")
    ranks = calibration.calibrate(args.model, panel, simulations=args.simulations, seed=args.seed)
    bins = 10
    rows: list[dict[str, Any]] = []
    for name in ranks.columns.drop("diverged"):
        counts, _ = _histogram(ranks[name].to_numpy(), bins)
        rows.append({"parameter": name, "p": float(chisquare(counts).pvalue), "counts": counts})
    divergences = int(ranks["diverged"].sum())
    if args.json:
        shared.print_json({"ranks": rows, "divergences": divergences, "simulations": len(ranks)})
    else:
        head = ("parameter", "p of uniform ranks", f"counts in {bins} bins")
        body = [(r["parameter"], f"{r['p']:.3f}", " ".join(map(str, r["counts"]))) for r in rows]
        shared.put(shared.table([head, *body]))
        shared.put(f"{len(ranks)} simulations, {divergences} divergences")
    # One bad p among many is chance: ask of the smallest what is asked of one, times their number.
    low = min(r["p"] for r in rows) * len(rows)
    if low < 0.01:
        shared.say(f"ranks are not uniform: smallest p times {len(rows)} parameters is {low:.2g}")
        return 1
    return 0


def backtest(args: argparse.Namespace) -> int:
    """Forecast from past dates, write the scores of what came and print the shortest table."""
    from forecast.app.jobs import FULL, QUICK
    from forecast.claims.read import read_claims
    from forecast.core.files import probe_file, replace_text
    from forecast.evaluation import backtesting, skill
    from forecast.evaluation.dates import origins
    from forecast.evaluation.hold_out import Sources
    from forecast.report.backtest_report import PAGE, write_backtest
    from forecast.store.runs import check_output
    from forecast.tables.articles import CLAIMS_FILE, find_article
    from forecast.tables.shipped import read_tables, read_vintages

    if args.csv:
        probe_file(args.csv)  # before hours of fits
    days = origins(args.start, args.end, args.lag, args.step)
    table = read_vintages(args.data, args.article)
    table = table[table["reported_on"] <= shared.day(table)]  # what is to come is no truth yet
    check_output(args.out)
    found = backtesting.backtest(
        args.model,
        Sources(table, read_tables(args.data)),
        days,
        seed=args.seed,
        horizon=args.horizon,
        size=QUICK if args.quick else FULL,
        window=args.window or "",
        workers=args.workers,
        cluster=args.cluster,
        out=args.out,
        claims=read_claims(find_article(args.data, args.article).file(CLAIMS_FILE)),
    )
    folder = write_backtest(args.out, found, seed=args.seed)
    if args.csv:
        replace_text(args.csv, found.cells.to_csv(index=False))
    numbers = skill.number_scores(found.own, ["metric"], seed=args.seed)
    events = skill.event_scores(found.events, ["metric"], seed=args.seed)
    if args.json:
        kept = {"summary": numbers, "event_summary": events, "origins": found.origins}
        kept |= {"cells": found.cells, "events": found.events}
        lists = {name: json.loads(frame.to_json(orient="records")) for name, frame in kept.items()}
        shared.print_json({"model": args.model, "folder": str(folder), **lists})
    else:
        held = ("c50", "c80", "c95", "n", "dates")
        for frame, losses in ((numbers, ("crps",)), (events, ("brier",))):
            if len(frame):
                columns = ("metric", "scale", "forecast", *losses, "skill", "better", "log_score")
                shown = [c for c in (*columns, *held) if c in frame.columns]
                rows = frame[shown].itertuples(index=False)
                body = [tuple(_cell(value) for value in row) for row in rows]
                shared.put(shared.table([tuple(shown), *body]) + "\n")
        shared.put(
            "Lower scores are better. Skill: against the best simple "
            "rule on the same cells. Better: the share of samples of dates in which it beats that rule."
        )
    shared.say(f"report and tables: {folder / PAGE}")
    failed = found.origins[~found.origins["passed"].astype(bool)]
    if len(failed):
        shared.say(
            f"{len(failed)} of {len(found.origins)} dates have no forecast of ours: "
            + "; ".join(f"{row.as_of}: {row.reason}" for row in failed.itertuples())
        )
        return 1
    return 0


def _histogram(ranks: Any, bins: int) -> tuple[list[int], Any]:
    import numpy as np

    counts, edges = np.histogram(ranks, bins=bins, range=(-0.5, 99.5))
    return [int(c) for c in counts], edges


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
        today=shared.today(),
        definition=args.definition,
    )
    shared.say(f"{args.claim}: " + ", ".join(f"{name} is {word}" for name, word in chosen.items()))
    return track(args)


def track(args: argparse.Namespace) -> int:
    """Enter what reported numbers have decided, and print the track record."""
    from forecast.claims.outcomes import decided, undone
    from forecast.claims.read import read_claims
    from forecast.evaluation import track as ledger
    from forecast.tables.articles import CLAIMS_FILE, find_article
    from forecast.tables.shipped import read_vintages
    from forecast.tables.vintages import as_of

    table, now = read_vintages(args.data, args.article), shared.today()
    claims = read_claims(find_article(args.data, args.article).file(CLAIMS_FILE))
    again = undone(ledger.by_data(args.out, claims), table, now)
    ledger.reopen(args.out, again, now)
    for back in again:
        shared.say(f"{back.claim.id}/{back.definition.id} is open again ({back.source})")
    open_ = ledger.unresolved(args.out, claims)
    for one in ledger.enter(args.out, decided(open_, table, now), now):
        shared.say(
            f"{one.claim.id}/{one.definition.id} is {one.outcome} on {one.on} ({one.source})"
        )
    found, came = ledger.record(args.out, now), ledger.outcomes(args.out)
    locked = len(ledger.locked(args.out))
    numbers = ledger.numbers(args.out, as_of(table, shared.day(table)))
    if args.json:
        frames = {
            "events": found.events,
            "means": found.means,
            "outcomes": came,
            "numbers": numbers,
        }
        told = {name: list(getattr(found, name)) for name in ("waiting", "overdue", "unscored")}
        rows = {k: json.loads(v.to_json(orient="records")) for k, v in frames.items()}
        shared.print_json({**rows, **told, "locked": locked})
        return 0
    shared.put(f"{locked} probabilities locked, {len(came)} definitions resolved")
    for frame, title in ((found.means, "claims"), (numbers, "realised values, log scale")):
        if len(frame):
            head = tuple(str(c) for c in frame.columns)
            body = [tuple(_cell(c) for c in row) for row in frame.itertuples(index=False)]
            shared.put(f"\n{title}\n{shared.table([head, *body])}")
    if len(found.means):
        shared.put(
            "\nOne vote a claim, counted when its window has closed, whether it came true early or "
            "not at all; a forecast weighs the days on which it stood; lower is better; 90 % "
            "intervals from three claims on."
        )
    for lines, word in ((found.waiting, "waits"), (found.overdue, "overdue")):
        for line in lines:
            shared.put(f"{word}: {line}")
    for line in found.unscored:
        shared.say(f"not scored: {line}")
    return 0


def _cell(value: Any) -> str:
    if isinstance(value, float):
        return "–" if value != value else f"{value:.3f}"
    return str(value)
