"""The command line: its grammar, and how a run of it ends.

Exit 0: done. Exit 1: the data or a gate said no, in a sentence. Exit 2: wrong usage.

Invariant: whatever is raised below ends here, as one sentence; its trace is only printed with
``--debug``. ``tests/test_cli.py`` raises it.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
import traceback
from collections.abc import Callable, Sequence
from typing import Any

from forecast.cli import commands
from forecast.core import environment
from forecast.core.errors import ForecastError
from forecast.core.files import what_failed


def _pair(text: str) -> tuple[str, str]:
    theirs, sign, ours = text.rpartition("=")
    if not (theirs and sign and ours):
        raise argparse.ArgumentTypeError(f"got {text!r}; wanted THEIRS=OURS, such as Sum=value")
    return theirs, ours


def _models(text: str) -> list[str]:
    from forecast.models.registry import NAMES as MODEL_NAMES

    names = [name.strip() for name in text.split(",") if name.strip()]
    unknown = [name for name in names if name not in MODEL_NAMES]
    if unknown or not names:
        raise argparse.ArgumentTypeError(
            f"got {text!r}; wanted some of {', '.join(MODEL_NAMES)}, joined by commas"
        )
    return names


def _count(text: str) -> int:
    if not text.isdecimal() or len(text) > 9:
        raise argparse.ArgumentTypeError(f"got {text!r}; wanted a whole number from 0 to 999999999")
    return int(text)


def _positive(text: str) -> int:
    if not _count(text):
        raise argparse.ArgumentTypeError(f"got {text!r}; wanted a whole number from 1")
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

    def debug(one: argparse.ArgumentParser, default: Any = argparse.SUPPRESS) -> None:
        what = "print the trace of what goes wrong"
        one.add_argument("--debug", action="store_true", default=default, help=what)

    debug(top, False)
    kinds = top.add_subparsers(dest="command", metavar="COMMAND")

    def add(
        name: str, what: str, act: Callable[[argparse.Namespace], int], parent: Any = None
    ) -> argparse.ArgumentParser:
        one: argparse.ArgumentParser = (parent or kinds).add_parser(
            name, help=what, description=what
        )
        one.set_defaults(act=act)
        debug(one)
        return one

    def out(one: argparse.ArgumentParser) -> None:
        one.add_argument("--out", default="out", metavar="DIR", help="output folder (out)")

    which = "which article of that folder, if it has several"

    def folder(one: argparse.ArgumentParser) -> None:
        one.add_argument("--data", metavar="DIR", help="a folder laid out like data/")
        one.add_argument("--article", metavar="NAME", help=which)

    def day(one: argparse.ArgumentParser) -> None:
        one.add_argument(
            "--as-of",
            metavar="DATE",
            help="what was known on this day (that of the newest report up to today)",
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
        folder(one)
        one.add_argument(
            "--to", metavar="TABLE", help="the table, made if missing (vintages/user.csv there)"
        )
        out(one)
        one.add_argument("--write", action="store_true", help="write; without it, only show")
        one.add_argument("--json", action="store_true", help="only JSON on stdout")

    run = add("run", "fit, judge every claim, write the memo", commands.run)
    day(run)
    folder(run)
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

    update = add(
        "update", "take new numbers, fit what depends on them, say what changed", commands.update
    )
    update.add_argument(
        "file", metavar="FILE", nargs="?", help="a CSV or XLSX; without it, what the table holds"
    )
    columns(update)
    day(update)
    folder(update)
    out(update)
    update.add_argument(
        "--seed", type=_count, metavar="N", help="seed (that of the latest run, or 1)"
    )
    update.add_argument("--quick", action="store_true", help="fewer draws, no other priors")
    update.add_argument(
        "--models", type=_models, metavar="A,B", help="only these (those of the latest run)"
    )
    update.add_argument("--json", action="store_true", help="only JSON on stdout")
    update.epilog = (
        "The run is written to OUT/runs/RUN, what changed since the latest run to "
        "OUT/changes/BEFORE-RUN (change.html, .md, .json); then OUT/latest points to the new run. "
        "An update that was interrupted is gone on from by forecast update without a file; the "
        "same inputs again change nothing."
    )

    news = add(
        "news", "what moved each probability between two runs, or would move it", commands.news
    )
    news.add_argument(
        "--from",
        dest="from_run",
        metavar="RUN",
        help="the run before, by its id or folder (the one from which the newest update began)",
    )
    news.add_argument("--to", dest="to_run", metavar="RUN", help="the later run (the latest)")
    news.add_argument("--claim", metavar="C", help="only this claim or reading, piece by piece")
    news.add_argument("--before", action="store_true", help="what the coming reports could move")
    news.add_argument("--company", metavar="NAME", help="with --before: only this company")
    news.add_argument("--json", action="store_true", help="only JSON on stdout")
    out(news)

    claims = add("claims", "print every claim with its verdict of the latest run", commands.claims)
    claims.add_argument(
        "--file", metavar="TOML", help="another claims file: checked as a run would, not judged"
    )
    claims.add_argument(
        "--data", metavar="DIR", help="check against these tables; their own claims without --file"
    )
    claims.add_argument("--article", metavar="NAME", help=which)
    claims.add_argument("--json", action="store_true", help="only JSON on stdout")
    out(claims)

    check = add("audit", "hold the article against itself and outside figures", commands.audit)
    folder(check)
    check.add_argument("--json", action="store_true", help="only JSON on stdout")
    day(check)

    fit = add("fit", "fit one model and print its parameters", commands.fit)
    fit.add_argument("model", metavar="MODEL", help="name of the model")
    instead = "a table of the schema instead of the shipped"
    fit.add_argument("--data", dest="table", metavar="FILE", help=instead)
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

    memo = add(
        "memo", "print the path of a run's memo, or write it in another format", commands.memo
    )
    memo.add_argument("run", metavar="RUN", help="a run's folder or id")
    form = memo.add_mutually_exclusive_group()
    form.add_argument("--pdf", action="store_true", help="write PDF (needs the pdf extra)")
    form.add_argument("--docx", action="store_true", help="write DOCX (needs the docx extra)")
    out(memo)

    calibrate = add("calibrate", "simulation-based calibration of a model", commands.calibrate)
    calibrate.add_argument("model", metavar="MODEL", help="name of the model")
    calibrate.add_argument("--simulations", type=_positive, default=200, metavar="N", help="(200)")
    calibrate.add_argument("--json", action="store_true", help="only JSON on stdout")
    seed(calibrate)

    walk = add("backtest", "forecast from past dates and score what came", commands.backtest)
    walk.add_argument("model", metavar="MODEL", help="name of the model")
    walk.add_argument("--start", required=True, metavar="DATE", help="first date to forecast from")
    walk.add_argument("--end", required=True, metavar="DATE", help="last date to forecast from")
    walk.add_argument(
        "--lag", type=_count, default=45, metavar="N", help="days after quarters (45)"
    )
    walk.add_argument("--horizon", type=_positive, default=8, metavar="N", help="periods ahead (8)")
    place = walk.add_mutually_exclusive_group()
    place.add_argument("--workers", type=_count, default=1, metavar="N", help="processes (1)")
    place.add_argument("--cluster", metavar="ADDRESS", help="a Dask scheduler, tcp://host:8786")
    folder(walk)
    walk.add_argument("--quick", action="store_true", help="fewer draws")
    walk.add_argument("--csv", metavar="FILE", help="write every scored cell to this file")
    walk.add_argument("--json", action="store_true", help="only JSON on stdout")
    seed(walk)

    came = add("resolve", "write down how a claim came out, and keep score", commands.resolve)
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
        help="a reading that came out so (the claim's only one); may be repeated",
    )
    kept = add("track", "print the track record: claims and numbers that came", commands.track)
    for one in (came, kept):
        folder(one)
        one.add_argument("--json", action="store_true", help="only JSON on stdout")
        out(one)

    what = "check tables, add rows to them, fetch SEC filings"
    data = kinds.add_parser("data", help=what, description=what)
    debug(data)
    actions = data.add_subparsers(dest="action", metavar="ACTION", required=True)
    one = add("check", "check a table and name every bad row", commands.check, actions)
    day(one)
    one.add_argument("file", metavar="FILE", help="a CSV of the schema")
    own = add("add", "add a file's rows to a table; shows what would change", commands.add, actions)
    own.add_argument("file", metavar="FILE", help="a CSV or XLSX (needs the xlsx extra)")
    columns(own)
    day(own)
    taking(own)
    sec = add(
        "fetch", "get quarters from SEC filings; shows what would change", commands.fetch, actions
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
        "--timeout", type=_seconds, default=20.0, metavar="S", help="without an answer (20)"
    )
    sec.add_argument("--no-cache", action="store_true", help="neither read nor keep answers")
    taking(sec)
    return top


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    grammar = parser()
    args = argparse.Namespace(debug=False)
    try:
        environment.prepare(os.environ)
        grammar.parse_args(argv, args)
        code = _act(grammar, args)
    except SystemExit:  # of the grammar: help, or wrong usage
        _let_go()
        raise
    except BaseException as error:  # noqa: BLE001 - the one boundary: each has its sentence
        code = _said(error, args.debug)
    _let_go()
    return code


def _act(grammar: argparse.ArgumentParser, args: argparse.Namespace) -> int:
    if args.version:
        from importlib.metadata import version

        commands.put(f"forecast {version('forecast')}")
        return 0
    if args.command is None:
        grammar.print_help(sys.stderr)
        return 2
    environment.check_working_directory()
    if getattr(args, "data", None) is not None:
        from forecast.tables.shipped import data_folder

        data_folder(args.data)  # one that is not there is refused before anything is done
    code: int = args.act(args)
    return code


def _said(error: BaseException, debug: bool) -> int:
    """Say in a sentence what ended a command, and return its exit code."""
    with contextlib.suppress(OSError):  # the stream for errors may be what is broken
        if debug:
            traceback.print_exception(error)
        line = _sentence(error)
        if line:
            commands.say(f"forecast: {line}")
    return 130 if isinstance(error, KeyboardInterrupt) else 1


def _sentence(error: BaseException) -> str:
    match error:
        case ForecastError():
            return str(error)
        case KeyboardInterrupt():
            return "interrupted; nothing is left half-written"
        case BrokenPipeError():
            return ""  # nobody reads on
        case OSError():
            return what_failed(error)
        case MemoryError():
            return (
                "the memory does not suffice; nothing is left half-written; try --quick, fewer "
                "--models or fewer --workers"
            )
    what = " ".join(f"{type(error).__name__}: {error}".split())
    return (
        f"something went wrong that this program did not foresee: {what[:300]}; "
        "run again with --debug for the trace, and please report it"
    )


def _let_go() -> None:
    """Write out the streams; one that takes no more is let go, or the interpreter complains of it."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            with contextlib.suppress(OSError, ValueError):
                os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


if __name__ == "__main__":
    sys.exit(main())
