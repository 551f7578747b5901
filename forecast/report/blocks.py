"""A memo in Markdown, read back for the formats that are made from it.

Invariant: foreign text stays text. There is no link, no HTML and no code, and a picture only where a
paragraph begins with one of the run's own figures; what follows it there is its caption.
"""

from __future__ import annotations

import dataclasses
import re
import unicodedata
import urllib.parse
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

import markdown_it
from markdown_it.token import Token

from forecast.core.text import shown

if TYPE_CHECKING:
    from markdown_it import MarkdownIt

OFF = ("link", "autolink", "entity", "html_inline", "html_block", "reference", "code", "fence")
"""Rules of Markdown that the memo's own templates do without: their marks are text. Without them,
what an older memo took over from foreign text is harmless too."""


def parser() -> MarkdownIt:
    """Return a parser of the Markdown that our templates write."""
    made = markdown_it.MarkdownIt("commonmark", {"html": False}).enable("table")
    return made.disable(list(OFF))


def tokens(text: str, own: Callable[[str], bool]) -> list[Token]:
    """Return the tokens of a memo, in which all pictures but the figures have become text.

    Parameters
    ----------
    text
        The memo.
    own
        Whether a path within the run's folder, such as ``figures/strip.svg``, is of a figure.
    """
    found = parser().parse(text)
    for place, token in enumerate(found):
        begins = place > 0 and found[place - 1].type == "paragraph_open"
        for k, child in enumerate(token.children or ()):
            if child.type == "image" and not (begins and k == 0 and own(_source(child))):
                told = f"![{child.content}]({child.attrs['src']})"
                assert token.children is not None
                token.children[k] = Token("text", "", 0, content=told)
    return found


def _source(image: Token) -> str:
    return urllib.parse.unquote(str(image.attrs["src"]))


def figure_source(inline: Token) -> str | None:
    """Return the path of the figure that a paragraph is, None if it is none."""
    children = inline.children or ()
    return _source(children[0]) if children and children[0].type == "image" else None


ANNEX = "Annex"
"""Heading of the first depth below which the annex stands; foreign text makes no heading."""


def annex_at(found: Sequence[Token]) -> int | None:
    """Return where the annex begins; None where there is none."""
    return next(
        (k for k in headings(found) if found[k].tag == "h1" and heading(found, k) == ANNEX), None
    )


def headings(found: Sequence[Token]) -> list[int]:
    """Return where headings begin."""
    return [k for k, token in enumerate(found) if token.type == "heading_open"]


def heading(found: Sequence[Token], place: int) -> str:
    """Return the text of the heading that begins at a place."""
    return plain(_spans(found[place + 1].children or ()))


def title(found: Sequence[Token]) -> str:
    """Return the text of the first heading."""
    at = next((k for k in headings(found) if found[k].tag == "h1"), None)
    return "" if at is None else heading(found, at)


# --- blocks ------------------------------------------------------------------------------------
@dataclasses.dataclass(frozen=True)
class Span:
    """A piece of text."""

    text: str
    bold: bool = False


Spans = tuple[Span, ...]


def plain(spans: Spans) -> str:
    """Return the text of spans."""
    return "".join(span.text for span in spans)


@dataclasses.dataclass(frozen=True)
class Heading:
    """A heading and its depth, from 1."""

    level: int
    spans: Spans


@dataclasses.dataclass(frozen=True)
class Paragraph:
    """A paragraph, or an item of a list."""

    spans: Spans
    item: bool = False


@dataclasses.dataclass(frozen=True)
class Quote:
    """The paragraphs of a block quotation."""

    paragraphs: tuple[Spans, ...]


@dataclasses.dataclass(frozen=True)
class Picture:
    """A figure: its path within the run's folder, its text alternative and its caption."""

    source: str
    alt: str
    caption: Spans


@dataclasses.dataclass(frozen=True)
class Table:
    """A table: cells by row, the first row being the header; and which columns are of numbers."""

    rows: tuple[tuple[Spans, ...], ...]
    numbers: tuple[bool, ...]


Block = Heading | Paragraph | Quote | Picture | Table


def is_annex(block: Block) -> bool:
    """Return whether the annex begins with a block."""
    return isinstance(block, Heading) and block.level == 1 and plain(block.spans) == ANNEX


def read(text: str, own: Callable[[str], bool]) -> tuple[str, list[Block]]:
    """Return the title and the blocks of a memo; parameters as of :func:`tokens`."""
    found = tokens(text, own)
    return title(found), list(_blocks(iter(found)))


def _blocks(found: Iterator[Token]) -> Iterator[Block]:
    listed = 0
    for token in found:
        listed += (token.type == "list_item_open") - (token.type == "list_item_close")
        if token.type == "heading_open":
            yield Heading(int(token.tag[1]), _spans(next(found).children or ()))
        elif token.type == "paragraph_open":
            yield _paragraph(next(found), item=listed > 0)
        elif token.type == "blockquote_open":
            yield Quote(tuple(_quoted(found)))
        elif token.type == "table_open":
            yield _table(found)


def _paragraph(inline: Token, *, item: bool) -> Block:
    source, children = figure_source(inline), inline.children or []
    if source is None:
        return Paragraph(_spans(children), item)
    alt = plain(_spans(children[0].children or ()))
    caption = _spans(children[2:] if len(children) > 1 else ())  # between them a line ends
    return Picture(source, alt, caption)


def _quoted(found: Iterator[Token]) -> Iterator[Spans]:
    depth = 1
    for token in found:
        depth += (token.type == "blockquote_open") - (token.type == "blockquote_close")
        if not depth:
            return
        if token.type == "inline":
            yield _spans(token.children or ())


def _table(found: Iterator[Token]) -> Table:
    rows: list[list[Spans]] = []
    numbers: list[bool] = []
    for token in found:
        if token.type == "table_close":
            break
        if token.type == "tr_open":
            rows.append([])
        elif token.type == "th_open":
            numbers.append("right" in str(token.attrs.get("style", "")))
        elif token.type == "inline":
            rows[-1].append(_spans(token.children or ()))
    return Table(tuple(map(tuple, rows)), tuple(numbers))


def _spans(children: Sequence[Token]) -> Spans:
    """Return the pieces of text; neighbours of one kind are one piece."""
    pieces: list[Span] = []
    bold = 0
    for child in children:
        bold += (child.type == "strong_open") - (child.type == "strong_close")
        text = " " if child.type in ("softbreak", "hardbreak") else shown(child.content)
        if pieces and pieces[-1].bold == bool(bold):
            pieces[-1] = Span(pieces[-1].text + text, bool(bold))
        elif text:
            pieces.append(Span(text, bool(bold)))
    return tuple(pieces)


# --- room --------------------------------------------------------------------------------------
LONG, PART = 36, 24
"""Characters of a word from which on it may break anywhere, and of the parts it then has."""


def breakable(text: str, long: int = LONG, part: int = PART) -> list[str]:
    """Return the parts of a text between which a line may end within a very long word.

    Words of more than `long` characters have parts of `part`.

    Examples
    --------
    >>> breakable("a word"), [len(part) for part in breakable("so " + 60 * "x")]
    (['a word'], [27, 24, 12])
    """
    cuts = [0]
    for word in re.finditer(rf"[^\s]{{{long + 1},}}", text):
        cuts += range(word.start() + part, word.end(), part)
    return [text[a:b] for a, b in zip(cuts, [*cuts[1:], len(text)], strict=True)]


def characters(text: str) -> int:
    """Return about how wide a text is, in letters; an East Asian character is two wide."""
    return sum(
        0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1
        for c in text
    )


def column_widths(table: Table, room: float) -> list[float]:
    """Return how wide the columns should be, in letters, that together have `room`.

    No word breaks and no number, as long as there is room for that; what is left goes to the columns
    with most text, and is shared by all where no text breaks.
    """
    columns = list(zip(*[[plain(cell) for cell in row] for row in table.rows], strict=True))
    least = [_least(texts, number) for texts, number in zip(columns, table.numbers, strict=True)]
    most = [max(n, *map(characters, texts)) for n, texts in zip(least, columns, strict=True)]
    if sum(least) >= room:
        return [room * width / sum(least) for width in least]
    if sum(most) <= room:
        return [width * room / sum(most) for width in most]
    wanted = [
        0.0 if number else min(m, ENOUGH) - n
        for m, n, number in zip(most, least, table.numbers, strict=True)
    ]
    wanted = wanted if any(w > 0 for w in wanted) else [1.0] * len(least)
    spare = (room - sum(least)) / sum(max(w, 0) for w in wanted)
    return [n + spare * max(w, 0) for n, w in zip(least, wanted, strict=True)]


ENOUGH = 90
"""Letters of a column's text beyond which it does not ask for more width."""


def _least(texts: Sequence[str], number: bool) -> float:
    head, *cells = texts
    parts = [word for text in ([head] if number else texts) for word in text.split()]
    words = max((min(characters(word), LONG) for word in parts), default=0)
    whole = max((characters(text) for text in cells if number), default=0)
    return max(words, min(whole, LONG), 4)
