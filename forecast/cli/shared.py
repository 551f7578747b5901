"""What the commands share: options, streams, tables, and the day it is.

Progress goes to stderr, results to stdout; ``--json`` puts only JSON there.

Invariant: no other file reads the clock or prints. Heavy imports stand inside the functions, so that
``--help`` is instant.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import datetime as dt
import json
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pandas as pd

    from forecast.app.pipeline import Outcome
    from forecast.claims.verdict import Verdict
    from forecast.tables.desk.user_rows import Reading

    Commands = argparse._SubParsersAction[argparse.ArgumentParser]


# --- grammar ---------------------------------------------------------------------------------
def _option() -> argparse.ArgumentParser:
    return argparse.ArgumentParser(add_help=False)


def debug_option(default: Any = argparse.SUPPRESS) -> argparse.ArgumentParser:
    """Return ``--debug``, which stands anywhere: only the top parser has a default for it."""
    one = _option()
    what = "print the trace of what goes wrong"
    one.add_argument("--debug", action="store_true", default=default, help=what)
    return one


OUT, ARTICLE, AS_OF, SEED, JSON, COLUMNS = (_option() for _ in range(6))
DATA = argparse.ArgumentParser(add_help=False)
"""Options that several commands have, as parents of their parsers; who has the last has ARTICLE too."""
OUT.add_argument("--out", default="out", metavar="DIR", help="output folder (out)")
DATA.add_argument("--data", metavar="DIR", help="a folder laid out like data/")
ARTICLE.add_argument(
    "--article", metavar="NAME", help="which article of that folder, if it has several"
)
AS_OF.add_argument(
    "--as-of",
    metavar="DATE",
    help="what was known on this day (that of the newest report up to today)",
)
JSON.add_argument("--json", action="store_true", help="only JSON on stdout")


def command(
    commands: Commands,
    name: str,
    what: str,
    act: Callable[[argparse.Namespace], int],
    *parents: argparse.ArgumentParser,
) -> argparse.ArgumentParser:
    """Add a command to a group of them.

    Parameters
    ----------
    commands
        The group.
    name, what
        What it is called, and what it does.
    act
        Does it, and returns the exit code.
    parents
        Its options that others have too.
    """
    given = [debug_option(), *parents]
    one = commands.add_parser(name, help=what, description=what, parents=given)
    one.set_defaults(act=act)
    return one


def pair(text: str) -> tuple[str, str]:
    """Read ``THEIRS=OURS``."""
    theirs, sign, ours = text.rpartition("=")
    if not (theirs and sign and ours):
        raise argparse.ArgumentTypeError(f"got {text!r}; wanted THEIRS=OURS, such as Sum=value")
    return theirs, ours


def year_end(text: str) -> tuple[str, str]:
    """Read ``NAME=06-30``, or ``06-30`` for all companies."""
    from forecast.core.errors import DataError
    from forecast.tables.desk import fiscal

    name, _, rule = text.rpartition("=")
    try:
        fiscal.year_end(rule, 2024)
    except DataError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return name, rule


def models(text: str) -> list[str]:
    """Read names of models, joined by commas."""
    from forecast.models.registry import names as model_names

    there = model_names()
    names = [name.strip() for name in text.split(",") if name.strip()]
    unknown = [name for name in names if name not in there]
    if unknown or not names:
        raise argparse.ArgumentTypeError(
            f"got {text!r}; wanted some of {', '.join(there)}, joined by commas"
        )
    return names


def count(text: str) -> int:
    """Read a whole number."""
    if not text.isdecimal() or len(text) > 9:
        raise argparse.ArgumentTypeError(f"got {text!r}; wanted a whole number from 0 to 999999999")
    return int(text)


def positive(text: str) -> int:
    """Read a whole number from 1."""
    if not count(text):
        raise argparse.ArgumentTypeError(f"got {text!r}; wanted a whole number from 1")
    return int(text)


def span(text: str) -> str:
    """Read a length of time, such as ``1q``; it stays a text."""
    from forecast.core.errors import DataError
    from forecast.evaluation.dates import read_span

    try:
        read_span(text)
    except DataError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return text


def seconds(text: str) -> float:
    """Read a time in seconds."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < 3600:
        raise argparse.ArgumentTypeError(f"got {text!r}; wanted seconds above 0")
    return value


SEED.add_argument("--seed", type=count, default=1, metavar="N", help="seed (1)")
COLUMNS.add_argument(
    "--map",
    type=pair,
    action="append",
    default=[],
    metavar="THEIRS=OURS",
    help="a column of the file and its name here; may be repeated",
)
COLUMNS.add_argument("--unit", metavar="UNIT", help='where the file names none, such as "USD m"')
COLUMNS.add_argument("--entity", metavar="NAME", help="where the file names none")
COLUMNS.add_argument("--source", metavar="TEXT", help="where the file names none")
COLUMNS.add_argument("--reported-on", metavar="DATE", help="where the file names none")
COLUMNS.add_argument("--sheet", metavar="NAME", help="of a workbook (the first that is not hidden)")
COLUMNS.add_argument(
    "--decimal", choices=("point", "comma"), help="the decimal sign, where the numbers do not tell"
)
_order = COLUMNS.add_mutually_exclusive_group()
for _first in ("day", "month"):
    _order.add_argument(
        f"--{_first}-first",
        dest="dates",
        action="store_const",
        const=f"{_first}-first",
        help=f"days such as 05/06/2026 have the {_first} first",
    )
COLUMNS.add_argument(
    "--quarters",
    choices=("fiscal", "calendar"),
    help="whose quarters 2024Q1 and the like are, where the file does not say",
)
COLUMNS.add_argument(
    "--fiscal-year-end",
    type=year_end,
    action="append",
    default=[],
    metavar="RULE",
    help="06-30 of all companies whose fiscal year is not known, NAME=06-30 of one; may be repeated",
)
COLUMNS.add_argument(
    "--name",
    type=pair,
    action="append",
    default=[],
    metavar="THEIRS=OURS",
    help="what a company or metric of the file is called here; THEIRS=THEIRS takes it as written",
)


# --- streams ---------------------------------------------------------------------------------
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


def print_json(content: Any) -> None:
    """Write a result to stdout as JSON."""
    # What a stream has no code for is printed as an escape, and only JSON's own may stand in JSON.
    plain = not str(sys.stdout.encoding).lower().startswith("utf")
    put(json.dumps(content, indent=1, ensure_ascii=plain, allow_nan=False))


def table(rows: Sequence[Sequence[str]], widest: int = 60) -> str:
    """Return rows as aligned text; the first is the header."""
    flat = [[_seen(re.sub(r"[\n\t]", " ", c)) for c in row] for row in rows]
    cut = [[c if len(c) <= widest else c[: widest - 1] + "…" for c in row] for row in flat]
    widths = [max(len(row[k]) for row in cut) for k in range(len(cut[0]))]
    lines = [
        "  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip() for row in cut
    ]
    return "\n".join([lines[0], "  ".join("-" * w for w in widths), *lines[1:]])


def verdict_table(verdicts: Iterable[Verdict]) -> str:
    """Return verdicts as text, one a row."""
    from forecast.claims.verdict import (
        answer_text,
        answer_word,
        range_text,
        standing_text,
        window_text,
    )

    rows = [
        ("claim", "definition", "probability", "range", "in words", "window", "model", "status")
    ]
    rows += [
        (
            v.claim,
            v.definition,
            answer_text(v),
            range_text(v),
            answer_word(v),
            window_text(v),
            v.model,
            standing_text(v),
        )
        for v in verdicts
    ]
    return table(rows)


# --- days ------------------------------------------------------------------------------------
def today() -> dt.date:
    """Return the day on which a command runs."""
    return dt.date.today()  # noqa: DTZ011


def now(args: argparse.Namespace) -> dt.date:
    """Return the day that a command takes for today: as asked, else today."""
    from forecast.core.periods import parse_date

    return parse_date(args.as_of, "--as-of date") if args.as_of else today()


def day(table: pd.DataFrame, asked: str | None = None, also: Sequence[str] = ()) -> str:
    """Return the day that decides what is known: as asked, else of the newest report up to today."""
    from forecast.tables.vintages import newest_day, not_yet

    if asked:
        return asked
    note = not_yet(table, today())
    if note:
        say(note)
    return newest_day(table, today(), also)


def day_of_folder(data: str | None, article: str | None) -> str:
    """Return the day that decides what is known of a data folder; its own positions count too."""
    from forecast.tables.shipped import days_looked_at, read_vintages

    return day(read_vintages(data, article), also=days_looked_at(data))


# --- what several commands do ----------------------------------------------------------------
def close(args: argparse.Namespace, outcome: Outcome) -> int:
    """Enter a run's open probabilities into the track record, dated today; say if it is a draft."""
    from forecast.claims.read import read_claims
    from forecast.evaluation.track import lock_run
    from forecast.store.runs import CLAIMS

    given = read_claims(outcome.folder / CLAIMS)
    added = lock_run(args.out, outcome.folder.name, given, today())
    if added:
        say(f"{added} probabilities locked in {Path(args.out) / 'track' / 'forecasts.csv'}")
    if outcome.draft:
        say("a gate said no, the memo is stamped DRAFT: " + " | ".join(outcome.draft))
        return 1
    return 0


def read_rows(args: argparse.Namespace) -> tuple[pd.DataFrame, list[str]]:
    """Read a user's file as the options say, tell how, and return its rows and the unused columns."""
    from forecast.core.text import one_line
    from forecast.tables.desk.user_file import read_user_table

    given = {
        "unit": args.unit,
        "entity": args.entity,
        "source": args.source,
        "reported_on": args.reported_on,
    }
    found = read_user_table(
        args.file,
        dict(args.map),
        {k: v for k, v in given.items() if v},
        now(args),
        dataclasses.replace(
            _names_held(args),
            decimal=args.decimal or "",
            dates=args.dates or "",
            quarters=args.quarters or "",
            fiscal_year_ends=dict(args.fiscal_year_end),
            sheet=args.sheet or "",
            names=dict(args.name),
        ),
    )
    for note in found.notes:
        say(note)
    renamed = [f"{theirs} -> {ours}" for ours, theirs in found.columns.items() if theirs != ours]
    if renamed:
        say(f"columns read as: {', '.join(renamed)}")
    if found.unused:
        say(f"columns not used: {one_line(found.unused)}")
    return found.rows, list(found.unused)


def _names_held(args: argparse.Namespace) -> Reading:
    """Return the names in the tables of the data folder, and in the one that is added to.

    Tables that cannot be read are told of by the command itself, when it comes to them.
    """
    from forecast.core.errors import DataError
    from forecast.tables.desk.user_rows import Reading
    from forecast.tables.shipped import read_vintages
    from forecast.tables.vintages import read_table

    held = []
    with contextlib.suppress(DataError):
        held.append(read_vintages(args.data, args.article))
    target = getattr(args, "to", None)
    if target and Path(target).is_file():
        with contextlib.suppress(DataError):
            held.append(read_table(target))
    return Reading(
        entities=frozenset(name for table in held for name in table["entity"]),
        metrics=frozenset(name for table in held for name in table["metric"]),
    )
