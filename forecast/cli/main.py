"""The command line: where it begins, and how a run of it ends.

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
from collections.abc import Sequence

from forecast.cli import data, evaluate, news, run, shared, start
from forecast.core import environment
from forecast.core.errors import ForecastError
from forecast.core.files import what_failed
from forecast.core.progress import heard_by

GROUPS = (start, run, news, data, evaluate)
"""The files of commands, a task each, in the order of ``--help``."""


def parser() -> argparse.ArgumentParser:
    """Return the command line's grammar."""
    top = argparse.ArgumentParser(
        prog="forecast",
        usage="forecast [-h] [--debug] [--version] COMMAND ...",
        description="Bayesian forecasts of AI spending; predictions as executable claims.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        parents=[shared.debug_option(default=False)],
    )
    top.add_argument("--version", action="store_true", help="print the version and stop")
    # argparse lists commands in one row; by task they stand below the options.
    commands = top.add_subparsers(
        dest="command", metavar="COMMAND", prog="forecast", help=argparse.SUPPRESS
    )
    tasks = []
    for group in GROUPS:
        before = set(commands.choices)
        group.add_commands(commands)
        own = {name: one for name, one in commands.choices.items() if name not in before}
        lines = [f"  {name:<11}{one.description}" for name, one in own.items()]
        tasks.append("\n".join([f"{group.TASK}:", *lines]))
    tasks.append("forecast COMMAND --help tells the options of one.")
    top.epilog = "\n\n".join(tasks)
    return top


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    grammar = parser()
    args = argparse.Namespace(debug=False)
    try:
        environment.prepare(os.environ)
        grammar.parse_args(argv, args)
        with heard_by(lambda record: shared.say(record.getMessage())):
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

        shared.put(f"forecast {version('forecast')}")
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
            shared.say(f"forecast: {line}")
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
