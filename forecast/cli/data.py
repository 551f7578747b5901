"""The tables: ``data check``, ``add``, ``withdraw``, ``fetch`` and ``release``."""

from __future__ import annotations

import argparse
import contextlib
import functools
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from forecast.cli import release as releases
from forecast.cli import shared
from forecast.core.errors import DataError, StoreError

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable

    import pandas as pd

    from forecast.app.intake import Intake
    from forecast.cli.shared import Commands
    from forecast.tables.changes import Changes

MOST_ROWS = 200
"""Rows of each kind of change that are printed."""

TASK = "numbers of your own"
"""What these commands are for, as ``--help`` groups them."""


def add_commands(commands: Commands) -> None:
    """Add the commands of this file to the grammar."""
    what = "check tables, add rows to them or take them back, fetch SEC filings"
    group = commands.add_parser(
        "data", help=what, description=what, parents=[shared.debug_option()]
    )
    actions = group.add_subparsers(dest="action", metavar="ACTION", required=True)
    one = shared.command(
        actions,
        "check",
        "check a file as its rows would be taken, and name every bad row",
        check,
        shared.COLUMNS,
        shared.AS_OF,
        shared.DATA,
        shared.ARTICLE,
        shared.OUT,
    )
    one.add_argument("file", metavar="FILE", help="a CSV or XLSX (needs the xlsx extra)")
    taking = argparse.ArgumentParser(
        add_help=False, parents=[shared.DATA, shared.ARTICLE, shared.OUT, shared.JSON]
    )
    taking.add_argument(
        "--to", metavar="TABLE", help="the table, made if missing (vintages/user.csv there)"
    )
    taking.add_argument("--write", action="store_true", help="write; without it, only show")
    taking.add_argument(
        "--yes", action="store_true", help="take numbers that are far from what was expected"
    )
    own = shared.command(
        actions,
        "add",
        "add a file's rows to a table; shows what would change",
        add,
        shared.COLUMNS,
        shared.AS_OF,
        taking,
    )
    own.add_argument("file", metavar="FILE", help="a CSV or XLSX (needs the xlsx extra)")
    back = shared.command(
        actions,
        "withdraw",
        "take a report back: a row of its own, nothing is deleted",
        withdraw,
        shared.DATA,
        shared.ARTICLE,
        shared.JSON,
    )
    for name, what in (("entity", "MSFT"), ("metric", "capex"), ("period", "2026Q1")):
        back.add_argument(name, metavar=name.upper(), help=f"such as {what}")
    back.add_argument(
        "--reported-on", metavar="DATE", help="the report's day (the newest that stands)"
    )
    back.add_argument("--why", metavar="TEXT", default="", help="why, in a line")
    back.add_argument("--on", metavar="DATE", help="from which day it does not count (today)")
    back.add_argument(
        "--yes", action="store_true", help="though a model could not be fitted any more"
    )
    sec = shared.command(
        actions, "fetch", "get quarters from SEC filings; shows what would change", fetch, taking
    )
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
        "--timeout", type=shared.seconds, default=20.0, metavar="S", help="without an answer (20)"
    )
    sec.add_argument("--no-cache", action="store_true", help="neither read nor keep answers")
    what = "read an earnings release (8-K, exhibit 99.1); shows each number with its place"
    releases.add_options(shared.command(actions, "release", what, release, taking))


def check(args: argparse.Namespace) -> int:
    """Check a file as its rows would be taken, and say what :func:`add` would do with them."""
    from forecast.app.intake import examine
    from forecast.core.problems import few
    from forecast.tables.shipped import (
        USER_FILE,
        data_folder,
        days_looked_at,
        read_vintages,
        vintage_files,
    )
    from forecast.tables.vintages import standing, table_hash

    rows = _rows_of(args)
    folder = data_folder(args.data)
    found = examine(
        standing(rows),
        read_vintages(folder, args.article) if vintage_files(folder, args.article) else None,
        forecasts=_latest_forecasts(args.out)[0],
        today=_today(args),
        looked_at=days_looked_at(folder),
        fiscal_year_ends=dict(args.fiscal_year_end),
    )
    for line in few([*found.doubts, *found.notes]):
        shared.say(line)
    _put_changes(found.changes, folder / USER_FILE)
    found.check(accept_implausible=True)
    far = ""
    if found.doubts:
        far = f" but {len(found.doubts)} number(s) are far from what was expected and will want --yes,"
    shared.put(f"{args.file}: {len(rows)} rows are good,{far} hash {table_hash(rows)[:16]}")
    return 0


def add(args: argparse.Namespace) -> int:
    """Add a file's rows to a table, or show what that would change."""
    from forecast.app.intake import examine

    rows, unused = shared.read_rows(args)
    ask = functools.partial(examine, fiscal_year_ends=dict(args.fiscal_year_end))
    return _take(rows, args, {"unused_columns": unused}, ask)


def fetch(args: argparse.Namespace) -> int:
    """Get quarters from SEC filings, and add them as :func:`add` does.

    The exit code is 1 too if there are rows of some companies and not of all, or some are refused.
    """
    import dataclasses
    import time

    from forecast.app.intake import examine_each
    from forecast.core.periods import parse_date
    from forecast.core.problems import few
    from forecast.tables.filings import coverage, facts, http, sec

    agent = args.user_agent or os.environ.get("FORECAST_USER_AGENT", "")
    connection = http.Connection(
        user_agent=agent if agent or args.base_url is None else "forecast",
        base_url=args.base_url,
        timeout=args.timeout,
        cache=None if args.no_cache else http.cache_dir(os.environ, "sec"),
    )
    found = sec.fetch(
        args.tickers,
        connection,
        http.Clock(time.time, time.monotonic, time.sleep),
        since=parse_date(args.since, "--since date") if args.since else None,
        metrics=[m.strip() for m in args.metrics.split(",")] if args.metrics else [*facts.METRICS],
        today=shared.today(),
    )
    for line in found.merged:
        shared.say(line)
    for line in few(found.left_out):
        shared.say(f"left out: {line}")
    more = {
        "left_out": list(found.left_out),
        "coverage": [dataclasses.asdict(cell) for cell in found.coverage],
        "failed": list(found.failed),
        "merged": list(found.merged),
    }
    try:
        code = _take(found.rows, args, more, examine_each)
    finally:  # what came of every company is told whatever becomes of the rows
        if not args.json:
            shared.put(f"\n{shared.table(coverage.summary(found.coverage))}")
            for line in few(coverage.gaps(found.coverage)):
                shared.put(f"missing: {line}")
        for line in few(found.failed):
            shared.say(f"forecast: no rows of {line}")
    return 1 if found.failed else code


def release(args: argparse.Namespace) -> int:
    """Read an earnings release, show each number with its place, and add it as :func:`add` does."""
    from forecast.app.intake import examine
    from forecast.tables.shipped import USER_FILE, data_folder

    folder = data_folder(args.data)
    target = Path(args.to) if args.to else folder / USER_FILE
    found = releases.read(args, _table_of(target, folder, args.article))
    if found.refused or found.rows is None:
        shared.say(f"forecast: {found.refused}")
        if args.json:
            shared.print_json({"written": False, **found.said})
        return 1
    return _take(found.rows, args, found.said, functools.partial(examine, filed=True))


def _take(
    rows: pd.DataFrame,
    args: argparse.Namespace,
    more: dict[str, Any],
    ask: Callable[..., Intake],
) -> int:
    """Show what rows would change in a table by what is asked of them, and append them if wanted."""
    from forecast.core.problems import few
    from forecast.tables.shipped import USER_FILE, data_folder, days_looked_at, held
    from forecast.tables.vintages import append_rows

    folder = data_folder(args.data)
    target = Path(args.to) if args.to else folder / USER_FILE
    if args.to and not target.parent.is_dir():
        raise DataError(f"{target.parent}: there is no such folder; make it, or give another --to")
    forecasts, run = _latest_forecasts(args.out)
    # Between the comparison and the writing nobody else may add to another table of the folder.
    with held(folder) if args.write else contextlib.nullcontext():
        found = ask(
            rows,
            _table_of(target, folder, args.article),
            forecasts=forecasts,
            today=_today(args),
            looked_at=days_looked_at(folder),
        )
        stopped = bool(found.refusals or (found.doubts and not args.yes))
        written = bool(args.write and len(found.fresh) and not stopped)
        if written:
            append_rows(target, found.fresh)
    changes = found.changes
    if run is not None:
        fresh = [*changes.new["percentile"], *changes.revisions["percentile"]]
        shared.say(
            f"percentiles of the run {run['run']}, data as of {run['as_of']}: "
            f"{sum(p == p for p in fresh)} of {len(fresh)} new or revised numbers were forecast by it"
        )
    for line in few([*(found.doubts if written or not args.write else ()), *found.notes]):
        shared.say(line)
    if args.json:
        kinds = ("new", "revisions", "there", "conflicts")
        lists = {k: json.loads(getattr(changes, k).to_json(orient="records")) for k in kinds}
        said = {k: list(getattr(found, k)) for k in ("refusals", "doubts", "notes", "set_aside")}
        place = {"table": str(target), "written": written, "percentiles_of": run}
        shared.print_json({**place, **lists, **said, **more})
    else:
        _put_changes(changes, target)
    for line in few(found.set_aside):
        shared.say(f"forecast: refused, the other rows are not: {line}")
    found.check(args.yes or not args.write)
    if written:
        shared.say(f"{len(found.fresh)} row(s) written to {target}")
    elif len(found.fresh):
        stop = "; it will want --yes for what is far from what was expected" if stopped else ""
        shared.say(f"nothing was written; --write does it{stop}")
    return 1 if found.set_aside else 0


def withdraw(args: argparse.Namespace) -> int:
    """Take a report back."""
    from forecast.app.withdraw import withdraw as take_back
    from forecast.core.words import WITHDRAWS
    from forecast.tables.vintages import report_name

    done = take_back(
        args.data,
        args.entity,
        args.metric,
        args.period,
        today=shared.today(),
        reported_on=args.reported_on,
        on=args.on,
        why=args.why,
        article=args.article,
        accept_unfitted=args.yes,
    )
    row, instead = done.row, done.instead
    if args.json:
        shared.print_json({"table": str(done.table), "row": row, "instead": instead})
        return 0
    report = report_name({**row, "reported_on": row[WITHDRAWS]})
    shared.put(
        f"{report}, {row['value']:.12g} {row['unit']}, does not count from {row['reported_on']} on"
    )
    if instead is None:
        shared.put("nothing is known of it now")
    else:
        shared.put(
            f"{report_name(instead)}, {instead['value']:.12g} {instead['unit']}, counts again"
        )
    shared.say(
        f"a row was added to {done.table}; forecast update without a file fits without the report, and "
        "forecast track looks again at what it had decided"
    )
    return 0


def _rows_of(args: argparse.Namespace) -> pd.DataFrame:
    """Return a file's rows; a table of ours may hold withdrawals, which no user's file does."""
    from forecast.core.words import TABLE_COLUMNS, WITHDRAWS
    from forecast.tables.cells import read_cells
    from forecast.tables.vintages import read_table

    with contextlib.suppress(DataError):  # what cannot be read is told by the reader below
        header = read_cells(Path(args.file))[0]
        if WITHDRAWS in header and set(header) <= set(TABLE_COLUMNS):
            return read_table(args.file, shared.now(args))
    return shared.read_rows(args)[0]


def _today(args: argparse.Namespace) -> dt.date:
    """Return the day to take for today, and say if it has not come."""
    asked: dt.date = shared.now(args) if getattr(args, "as_of", None) else shared.today()
    if asked > shared.today():
        shared.say(
            f"--as-of {asked} is after today, {shared.today()}: what is reported up to then is taken, "
            "and no run knows it before its day"
        )
    return asked


def _table_of(target: Path, folder: Path, article: str | None) -> pd.DataFrame | None:
    """Return what rows for a table must agree with: the tables of a data folder are one."""
    from forecast.tables.shipped import read_vintages, vintage_files
    from forecast.tables.vintages import read_table

    within = [path.resolve() for path in vintage_files(folder, article)]
    if target.resolve() in within or target.resolve().parent == (folder / "vintages").resolve():
        return read_vintages(folder, article) if within else None
    return read_table(target) if target.exists() else None


def _latest_forecasts(out: str) -> tuple[pd.DataFrame | None, dict[str, Any] | None]:
    """Return the latest run's forecasts, and that run's name.

    Rows can be added without a run, and beside a damaged one: then this is said, and no more.
    """
    from forecast.store import runs

    try:
        folder = runs.latest_run(out)
        if folder is None:
            shared.say(f"no percentiles: there is no run in {out}")
            return None, None
        manifest = runs.read_manifest(folder, "run", "as_of")
        table = runs.read_frame(folder / "forecasts.parquet")
        return table, {"run": manifest["run"], "as_of": manifest["as_of"]}
    except StoreError as error:
        shared.say(f"no percentiles: {error}")
        return None, None


def _put_changes(changes: Changes, target: Path) -> None:
    """Print what rows would change in a table: each that would, and how many there are of each kind."""
    from forecast.tables.vintages import value_text

    shown = {"new": changes.new, "revision": changes.revisions, "conflict": changes.conflicts}
    head = ("", "entity", "metric", "period", "was", "value", "unit", "percentile")
    rows: list[tuple[str, ...]] = [(*head, "reported on", "source")]
    for word, frame in shown.items():
        for row in frame.head(MOST_ROWS).to_dict("records"):
            unit = f" {row['unit']}"
            value = value_text(row, grouped=False).removesuffix(unit)
            was = ""
            if "old_value" in row:
                was = value_text(row, old=True, grouped=False).removesuffix(unit)
            place = (row["entity"], row["metric"], row["period"])
            said = (row["percentile_text"], row["reported_on"], row["source"])
            rows.append((word, *place, was, value, row["unit"], *said))
    told = head.index("percentile")
    if not any(row[told] for row in rows[1:]):
        rows = [row[:told] + row[told + 1 :] for row in rows]
    if len(rows) > 1:
        shared.put(shared.table(rows))
    for word, frame in shown.items():
        if len(frame) > MOST_ROWS:
            shared.put(f"... and {len(frame) - MOST_ROWS:,} more {word} rows; --json has them all")
    shared.put(
        f"{len(changes.new)} new, {len(changes.revisions)} revisions, "
        f"{len(changes.there)} already there, {len(changes.conflicts)} conflicts; table {target}"
    )
