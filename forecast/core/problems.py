"""What is wrong with the rows of a table, listed by kind: what was got, what was wanted."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence

from forecast.core.text import shortened


@dataclasses.dataclass(frozen=True)
class Problem:
    """One thing wrong with one row of a table: what was got, what was wanted."""

    row: int
    column: str
    got: str
    wanted: str

    def __str__(self) -> str:
        """Return one line; rows are counted as in a spreadsheet, the header being line 1."""
        got, wanted = (shortened(text, 400) for text in (repr(self.got), self.wanted))
        return f"line {self.row}, {self.column}: got {got}, wanted {wanted}"


SHOWN, KINDS = 5, 20
"""Of a bad table so many rows of a kind of problem are listed, of so many kinds; the rest is counted."""


def listed(problems: Sequence[Problem]) -> str:
    """Return problems by row, a line each: the first of each kind, and how many more there are.

    A kind is a column and what is wanted in it, but for the numbers and days in that.
    """
    kinds: dict[tuple[str, str], list[Problem]] = {}
    for one in sorted(problems, key=lambda p: p.row):
        kinds.setdefault((one.column, re.sub(r"\d+", "", one.wanted)), []).append(one)
    some = list(kinds.values())[:KINDS]
    first = sorted((one for same in some for one in same[:SHOWN]), key=lambda p: p.row)
    lines = [str(one) for one in first]
    lines += [
        f"and {len(same) - SHOWN:,} more like that of line {same[0].row}, {same[0].column}, "
        f"up to line {same[-1].row}"
        for same in some
        if len(same) > SHOWN
    ]
    rest = [len(same) for same in kinds.values()][KINDS:]
    if rest:
        lines.append(f"and {sum(rest):,} of {len(rest):,} other kinds")
    return "".join(f"\n  {line}" for line in lines)


def few(lines: Sequence[str], most: int = 100) -> list[str]:
    """Return lines, of many the first and how many more there are."""
    rest = len(lines) - most
    return [*lines[:most], *([f"... and {rest:,} more"] if rest > 0 else [])]
