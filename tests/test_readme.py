"""The README's list of commands is the grammar of the command line."""

import argparse
import re
from pathlib import Path

import pytest

from forecast.cli.main import parser

README = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")
EVERYWHERE = {"-h", "--help", "--debug"}
"""Options of every command, which the text names once."""


def commands(grammar, name="forecast"):
    """Yield every command and its grammar."""
    groups = [a for a in grammar._actions if isinstance(a, argparse._SubParsersAction)]
    if not groups:
        yield name, grammar
    for group in groups:
        for word, below in group.choices.items():
            yield from commands(below, f"{name} {word}")


GRAMMAR = dict(commands(parser()))


def usages():
    """Return the README's usage of each command, by its name."""
    block = re.search(r"^## Commands\n+```\n(.+?)^```", README, re.S | re.M).group(1)
    lines = re.split(r"\n(?=forecast )", block)
    return {" ".join(re.match(r"forecast( [a-z]+)+", u).group().split()): u for u in lines}


def test_the_readme_lists_every_command():
    assert set(usages()) == set(GRAMMAR)


def outside_brackets(usage):
    """Return what a usage asks for always."""
    while (inner := re.sub(r"\[[^\[\]]*\]", "", usage)) != usage:
        usage = inner
    return usage


@pytest.mark.parametrize("command", GRAMMAR)
def test_the_readme_lists_every_option_and_argument(command):
    usage = usages()[command]
    actions = GRAMMAR[command]._actions
    options = {option for action in actions for option in action.option_strings} - EVERYWHERE
    assert set(re.findall(r"--[a-z-]+", usage)) == options
    bare = re.sub(r"\[?--[a-z-]+( [A-Z][^\s\]|]*)?", "", usage)
    arguments = {action.metavar for action in actions if not action.option_strings}
    assert set(re.findall(r"(?<![\w:=])[A-Z]+\b(?![:=])", bare)) == arguments
    required = {a.option_strings[-1] for a in actions if a.option_strings and a.required}
    assert set(re.findall(r"--[a-z-]+", outside_brackets(usage))) == required


@pytest.mark.parametrize("target", ["memo", "test"])
def test_the_first_screen_names_what_to_type_first(target):
    assert re.search(rf"^make {target}\b", "\n".join(README.splitlines()[:20]), re.M)


@pytest.mark.parametrize("path", sorted(set(re.findall(r"\]\(([^)#:]+)\)", README))))
def test_the_readme_links_to_files_that_there_are(path):
    assert (Path(__file__).parent.parent / path).exists()
