"""What the memo of one article is about, read from its ``page.toml``, every key checked.

All that is true of one article and not of the toolkit stands there: the title, the claims of the
first page, the series followed from run to run, the months asked about, whose prices are
looked at. Without the file, or a key, the defaults of :class:`Page` hold, which name nobody.

Invariant: nothing here names an article; ``tests/test_another_article.py`` makes the memo of another
one.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from forecast.claims.variations import MONTHS
from forecast.core import fields
from forecast.core.errors import ClaimError
from forecast.core.files import read_toml
from forecast.core.text import one_line
from forecast.models import registry
from forecast.tables.articles import CLAIMS_FILE, PAGE_FILE, Article

if TYPE_CHECKING:
    from forecast.claims.records import Claim


@dataclasses.dataclass(frozen=True)
class Programme:
    """A programme of spending whose payback is shown.

    Attributes
    ----------
    name
        The entity of the payback model's draws.
    heading
        The heading of its section.
    """

    name: str
    heading: str


@dataclasses.dataclass(frozen=True)
class Page:
    """What an article's memo shows.

    Attributes
    ----------
    title
        The memo's first line.
    publisher
        Who published the article, and when, as it stands below the title.
    headline
        Ids of the claims of the first page, each with a table of its definitions, in order.
    quoted
        Ids of definitions of those claims that stand on the first page, in order; where it names none
        of a claim, one of each group.
    followed
        Series ("entity/metric", quarterly) whose totals of calendar years are followed from run to
        run alongside the claims.
    months
        Months after a claim at which windows end; the last two are the article's own.
    positions
        Entities of the hazard model's draws for which a correction is distinguished from a crash.
    programme
        The programme whose payback is shown, None for the first that the draws have.
    hindcast
        Days as of which the tools are evaluated on the telecom boom, ISO; none for no hindcast.
    models
        The models that a run fits where none are asked for; all that have data if empty.
    caveat
        What else must be known of the article's own table, the end of a sentence.
    """

    title: str
    publisher: str
    headline: tuple[str, ...]
    quoted: tuple[str, ...] = ()
    followed: tuple[str, ...] = ()
    months: tuple[int, ...] = MONTHS
    positions: tuple[str, ...] = ()
    programme: Programme | None = None
    hindcast: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    caveat: str = ""


def _some(field: fields.Field) -> fields.Field:
    """Return the field of a list, each entry once, of what fits another field."""
    return fields.Field(
        f"a list, each entry once, each {field.wanted}",
        lambda v: (
            isinstance(v, list) and all(map(field.fits, v)) and len(set(map(str, v))) == len(v)
        ),
    )


def _rising(value: fields.Value) -> bool:
    whole = isinstance(value, list) and all(map(fields.COUNT.fits, value))
    return whole and len(value) >= 2 and value == sorted(set(value)) and value[-1] <= 600


HEADLINE = fields.Field(
    "a list of claims' ids, one or more, each once",
    lambda v: bool(v) and _some(fields.NAME).fits(v),
)
ONE_SERIES = fields.Field(
    '"entity/metric" in quotes', lambda v: isinstance(v, str) and fields.SERIES.fits(v)
)
ISO_DAY = fields.Field(
    'a day in quotes, such as "2026-05-06"',
    lambda v: isinstance(v, str) and fields.DAY.fits(v),
)
PROGRAMME = fields.Keys({"name": fields.NAME, "heading": fields.TEXT})


def page_keys() -> fields.Keys:
    """Return what a page may hold; its models are of those that there are by now."""
    return fields.Keys(
        {"title": fields.TEXT, "headline": HEADLINE},
        {
            "publisher": fields.TEXT,
            "quoted": _some(fields.NAME),
            "followed": _some(ONE_SERIES),
            "months": fields.Field("two whole numbers or more, rising, from 1 to 600", _rising),
            "positions": _some(fields.NAME),
            "programme": fields.TABLE,
            "hindcast": _some(ISO_DAY),
            "models": _some(fields.one_of(*registry.names())),
            "caveat": fields.TEXT,
        },
    )


def page_of(article: Article, claims: Sequence[Claim]) -> Page:
    """Return an article's page: its own file, or the defaults.

    A data folder of the older layout has no page: with claims of its own it takes what the shipped
    article looks at, under a title of its own.

    Raises
    ------
    ClaimError
        As of :func:`read_page`.
    """
    if (article.folder / PAGE_FILE).is_symlink() or (article.folder / PAGE_FILE).exists():
        return read_page(article.folder / PAGE_FILE, claims)
    if article.fallback is None:
        return default_page(claims)
    path = article.fallback / PAGE_FILE
    if article.file(CLAIMS_FILE).parent == article.fallback:
        return read_page(path, claims)
    plain = default_page(claims)
    return dataclasses.replace(
        read_page(path),
        title=plain.title,
        publisher=plain.publisher,
        headline=plain.headline,
        quoted=(),
    )


def default_page(claims: Sequence[Claim]) -> Page:
    """Return the page of an article that says nothing of it: of its first claim."""
    first = claims[0]
    whose = f" of {first.source}" if first.source else ""
    return Page(f"The predictions{whose}, put to the numbers", first.source, (first.id,))


def read_page(path: str | Path, claims: Sequence[Claim] | None = None) -> Page:
    """Read a page.

    Parameters
    ----------
    path
        A ``page.toml``.
    claims
        The article's claims, among which those of the headline must be; not looked at without.

    Raises
    ------
    ClaimError
        Naming the file and the key that cannot be read, and what was wanted.
    """
    raw = read_toml(Path(path), "page file")
    where = f"{path}, at the top of the file"
    fields.check(raw, page_keys(), where)
    known = {claim.id: claim for claim in claims or ()}
    strange = [name for name in raw["headline"] if name not in known]
    if strange and claims is not None:
        raise ClaimError(
            f"{where}: headline names {one_line(strange)}; wanted ids of the claims file: "
            f"{one_line(list(known), 60)}"
        )
    there = {d.id for name in raw["headline"] if name in known for d in known[name].definitions}
    unknown = [name for name in raw.get("quoted", ()) if name not in there]
    if unknown and claims is not None:
        raise ClaimError(
            f"{where}: quoted names {one_line(unknown)}; wanted ids of definitions of the headline "
            f"claims: {one_line(sorted(there), 60)}"
        )
    first = known.get(raw["headline"][0])
    return Page(
        title=raw["title"],
        publisher=raw.get("publisher", first.source if first else ""),
        headline=tuple(raw["headline"]),
        quoted=tuple(raw.get("quoted", ())),
        followed=tuple(raw.get("followed", ())),
        months=tuple(raw.get("months", MONTHS)),
        positions=tuple(raw.get("positions", ())),
        programme=_programme(raw["programme"], f"{path}, programme")
        if "programme" in raw
        else None,
        hindcast=tuple(raw.get("hindcast", ())),
        models=tuple(raw.get("models", ())),
        caveat=raw.get("caveat", ""),
    )


def _programme(entry: Mapping[str, fields.Value], where: str) -> Programme:
    fields.check(entry, PROGRAMME, where)
    return Programme(**entry)
