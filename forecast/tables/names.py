"""Names of companies and metrics that the shipped tables know, and what else people call them.

Invariant: a name means one company or one metric, however it is written; what is no such name comes back
as none, with those it is near to, and is never replaced in silence.
"""

from __future__ import annotations

import csv
import dataclasses
import difflib
import functools
import re
import unicodedata
from collections.abc import Mapping, Sequence
from pathlib import Path

from forecast.core.errors import DataError
from forecast.core.text import one_line
from forecast.core.words import GUIDANCE
from forecast.tables.articles import data_dir


@dataclasses.dataclass(frozen=True)
class Company:
    """A company of ``data/companies.csv``.

    Attributes
    ----------
    name
        What it is called in the tables.
    called
        What a reader calls it.
    fiscal_year_end
        The month and day on which its fiscal year ends, ``06-30``, or a rule such as
        ``last Sunday of January``.
    """

    name: str
    called: str
    fiscal_year_end: str


@dataclasses.dataclass(frozen=True)
class Metric:
    """A metric of ``data/metrics.csv``.

    Attributes
    ----------
    name
        What it is called in the tables.
    dimension
        What its units measure, as in :mod:`forecast.core.units`.
    lengths
        How long its periods may be: of ``day``, ``month``, ``quarter``, ``year``.
    """

    name: str
    dimension: str
    lengths: tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class Names[T]:
    """Things by name, and every other way to call them.

    Attributes
    ----------
    things
        By the name that tables use.
    spellings
        That name by every spelling, as :func:`plain` writes it.
    """

    things: Mapping[str, T]
    spellings: Mapping[str, str]

    def find(self, text: str) -> T | None:
        """Return what is called so, in any case and with any signs; None if nothing is."""
        name = self.spellings.get(plain(text))
        return None if name is None else self.things[name]

    def near(self, text: str) -> list[str]:
        """Return the names of things that are called almost so, the nearest first, at most three."""
        close = difflib.get_close_matches(plain(text), self.spellings, n=6, cutoff=0.75)
        return list(dict.fromkeys(self.spellings[spelling] for spelling in close))[:3]


def plain(text: str) -> str:
    """Return a name in lower case and of plain width, without spaces and signs; ``&`` is "and".

    Examples
    --------
    >>> plain("Amazon.com, Inc."), plain("D&A")
    ('amazoncominc', 'danda')
    """
    return re.sub(r"[\W_]", "", unicodedata.normalize("NFKC", text).lower().replace("&", "and"))


@functools.cache
def companies() -> Names[Company]:
    """Return the companies that the shipped tables know."""
    rows = _rows("companies.csv", ("entity", "called", "fiscal_year_end", "also"))
    things = {row[0]: Company(*row[:3]) for row in rows}
    named = [[entity, f"{name}|{also}".strip("|")] for entity, name, _, also in rows]
    return Names(things, _spellings("companies.csv", named))


def called(entity: str) -> str:
    """Return what a reader calls a company, or the entity itself where the tables know no other name.

    Examples
    --------
    >>> called("AMZN"), called("PHLX semiconductor index")
    ('Amazon', 'PHLX semiconductor index')
    """
    known = companies().things.get(entity)
    return entity if known is None else known.called


@functools.cache
def metrics() -> Names[Metric]:
    """Return the metrics that the shipped tables know, and the guidance on those in money."""
    rows = _rows("metrics.csv", ("metric", "dimension", "lengths", "also"))
    rows += [
        _guidance_on(row) for row in rows if row[1] == "money" and row[2] in ("quarter", "year")
    ]
    things = {row[0]: Metric(row[0], row[1], tuple(row[2].split("|"))) for row in rows}
    return Names(things, _spellings("metrics.csv", rows))


_GUIDANCE_NAMES = (
    "{} guidance", "{} guidance range", "{} guide", "{} outlook", "guidance {}", "guided {}",
    "outlook {}",
)  # fmt: skip


def _guidance_on(row: Sequence[str]) -> list[str]:
    """Return the metric of what issuers say beforehand of a metric: of a quarter or a year."""
    metric, dimension, _, also = row
    names = (metric, *filter(None, also.split("|")))
    spellings = [form.format(name) for name in names for form in _GUIDANCE_NAMES]
    return [f"{metric}{GUIDANCE}", dimension, "quarter|year", "|".join(spellings)]


def _rows(name: str, wanted: Sequence[str]) -> list[list[str]]:
    path: Path = data_dir() / name
    with path.open(encoding="utf-8", newline="") as file:
        header, *rows = csv.reader(file)
    if header != list(wanted):
        raise DataError(f"{path}: got the columns {one_line(header)}; wanted {one_line(wanted)}")
    return rows


def _spellings(file: str, rows: Sequence[Sequence[str]]) -> dict[str, str]:
    """Return the name by each spelling, or refuse one that could mean two things."""
    found: dict[str, str] = {}
    for name, *_, also in rows:
        for spelling in (name, *filter(None, also.split("|"))):
            other = found.setdefault(plain(spelling), name)
            if other != name:
                raise DataError(f"{file}: {spelling!r} stands for {other} and for {name}")
    return found
