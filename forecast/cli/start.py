"""The first hour: ``init``, ``doctor``."""

from __future__ import annotations

import argparse
import shlex
from typing import TYPE_CHECKING

from forecast.cli import shared

if TYPE_CHECKING:
    from forecast.cli.shared import Commands

TASK = "begin"
"""What these commands are for, as ``--help`` groups them."""


def add_commands(commands: Commands) -> None:
    """Add the commands of this file to the grammar."""
    first = shared.command(
        commands, "init", "make a data folder with an article of your own to begin with", init
    )
    first.add_argument("folder", metavar="FOLDER", help="a new or an empty one")
    first.add_argument(
        "--article", default="my_article", metavar="NAME", help="what it is called (my_article)"
    )

    shared.command(
        commands,
        "doctor",
        "look whether this machine has what a run needs, and say what to do if not",
        doctor,
        shared.DATA,
        shared.ARTICLE,
        shared.OUT,
        shared.JSON,
    )


def init(args: argparse.Namespace) -> int:
    """Make a data folder with an article of one's own."""
    from forecast.app.first_article import make_folder

    for one in make_folder(args.folder, args.article):
        shared.put(f"{one.path}: {one.what}")
    folder = shlex.quote(args.folder)
    shared.say(
        f"next: forecast claims --data {folder} checks it, forecast run --data {folder} answers"
    )
    return 0


def doctor(args: argparse.Namespace) -> int:
    """Look at what a run needs; end with 1 if something is at fault."""
    import dataclasses

    from forecast.app.doctor import examine

    shared.say("looking; the small fit takes half a minute where nothing was compiled yet")
    found = []
    for one in examine(args.out, data=args.data, article=args.article):
        found.append(one)
        if args.json:
            continue
        shared.put(f"{one.state:<9}{one.check}: {one.said}")
        if one.remedy:
            shared.put(f"{'':<9}-> {one.remedy}")
    if args.json:
        shared.print_json([dataclasses.asdict(one) for one in found])
    return 1 if any(one.state == "fault" for one in found) else 0
