"""A saved document, HTML or text, as paragraphs and tables in the order in which they stand.

Invariant: what a reader would not see (scripts, styles, hidden elements, control characters) is not
there, and a cell keeps the columns that it spans, so that a header is found by what stands below it.
Nothing here recurses: however deep tags are nested, reading takes time in proportion to the text.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator, Sequence
from html.parser import HTMLParser
from typing import NamedTuple

from forecast.core.errors import DataError

MOST_BYTES = 20_000_000
"""The largest document that is read; exhibits are a few megabytes."""
MOST_TAGS, MOST_COLUMNS = 300_000, 1000
"""Tags of a document, about 25 microseconds each, and columns of a table that are read."""
MOST_TAG = 10_000
"""Characters up to the end of a tag: a longer one is no tag, and searching for its end again and again
would take forever."""


@dataclasses.dataclass(frozen=True)
class Cell:
    """A cell of a table: its first and last column, counted from 0, and its text."""

    first: int
    last: int
    text: str


@dataclasses.dataclass(frozen=True)
class Grid:
    """A table: rows of cells that hold something, from left to right."""

    rows: tuple[tuple[Cell, ...], ...]


type Block = str | Grid
"""A paragraph or a table."""


def read_exhibit(content: bytes, name: str) -> list[Block]:
    """Return the paragraphs and tables of a document.

    Parameters
    ----------
    content
        HTML, or text with columns set apart by two spaces or more, such as ``pdftotext -layout``
        writes; in UTF-8, UTF-16 with its mark, or else cp1252. Of a complete SEC submission, which
        holds several documents, those of type EX-99.1 are read.
    name
        What to call it in errors.

    Raises
    ------
    DataError
        If it is empty, too large, no text, or holds no words.
    """
    text = _own_part(_decoded(content, name))
    html = re.search(r"<(?:html|body|tr|p|div|pre)\b", text, re.IGNORECASE)
    blocks = _html_blocks(text, name) if html else text_blocks(text)
    if not blocks:
        raise DataError(f"{name}: got a document without words; wanted the text of a release")
    return blocks


_KINDS = {
    b"%PDF": "a PDF: save its text (pdftotext -layout FILE) as .txt",
    b"PK\x03\x04": "an archive or an office document: save its text as .txt, or as HTML",
    b"\x1f\x8b": "a packed file: unpack it",
}


def _decoded(content: bytes, name: str) -> str:
    if len(content) > MOST_BYTES:
        raise DataError(
            f"{name}: got {len(content):,} bytes; wanted at most {MOST_BYTES:,}: give the exhibit "
            "alone, not a whole filing"
        )
    if not content.strip():
        raise DataError(f"{name}: got an empty file; wanted the text of a release")
    for start, what in _KINDS.items():
        if content.startswith(start):
            raise DataError(f"{name}: got {what}, and give that")
    wide = content.startswith((b"\xff\xfe", b"\xfe\xff"))
    try:
        text = content.decode("utf-16" if wide else "utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("utf-16" if wide else "cp1252", "replace")
    strange = len(re.findall(r"[\0-\x08\x0e-\x1f\ufffd]", text))
    if "\0" in text or strange > len(text) // 10:
        raise DataError(f"{name}: got something that is no text; wanted HTML or plain text")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _own_part(text: str) -> str:
    """Return of a complete SEC submission the documents of type EX-99.1, of any other text all."""
    parts = re.split(r"(?=<DOCUMENT>\s*<TYPE>)", text)
    own = [part for part in parts if re.match(r"<DOCUMENT>\s*<TYPE>EX-99\.0?1\b", part)]
    return "\n".join(own) if len(parts) > 2 and own else text


_STEERING = [(0x200B, 0x2010), (0x202A, 0x202F), (0x2060, 0x2070), (0xAD, 0xAE), (0xFEFF, 0xFF00)]
_NO_WIDTH = dict.fromkeys(code for first, end in _STEERING for code in range(first, end))
_CONTROL = re.compile(r"\x1b\[[0-9;?]*[@-~]|[\0-\x09\x0b-\x1f\x7f-\x9f]")


def plain_line(text: str) -> str:
    """Return a text on one line, with single spaces, without characters that steer a terminal."""
    return " ".join(_CONTROL.sub(" ", text.translate(_NO_WIDTH)).split())


# --- HTML ------------------------------------------------------------------------------------
_BLOCKS = frozenset(
    [
        "p",
        "div",
        "li",
        "ul",
        "ol",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "hr",
        "section",
        "article",
        "header",
        "footer",
        "blockquote",
        "center",
        "title",
        "document",
        "type",
        "sequence",
        "filename",
        "description",
        "text",
    ]
)
_UNSEEN = frozenset(
    ("script", "style", "template", "title", "ix:header", "sup", "noscript", "del", "s", "strike")
)
_VOID = frozenset(
    [
        "area",
        "base",
        "br",
        "col",
        "embed",
        "hr",
        "img",
        "input",
        "link",
        "meta",
        "source",
        "track",
        "wbr",
    ]
)
_HIDDEN = re.compile(
    r"display\s*:\s*none|visibility\s*:\s*(?:hidden|collapse)"
    r"|(?:font-size|opacity)\s*:\s*0+(?:\.0+)?(?:[a-z%]+)?\s*(?:!|;|$)|line-through",
    re.IGNORECASE,
)
_RAISED = re.compile(r"vertical-align\s*:\s*super\b|(?<![\w-])top\s*:\s*-\s*\.?\d", re.IGNORECASE)
"""How the mark of a footnote is set without ``<sup>``."""
_NUMBER = re.compile(r"[^A-Za-z]*\d[^A-Za-z]*")
"""What a table within a cell holds whose own cells part a number from its sign."""
MOST_LAYOUT = 8
"""Tables around one that are looked at."""
_RULE = re.compile(r"([^{}]{1,2000})\{([^{}]{0,2000})\}")


@dataclasses.dataclass
class _Table:
    """A table that is being read: its rows, the text of its open cell, and which columns are taken."""

    rows: list[list[Cell]] = dataclasses.field(default_factory=list)
    taken: dict[int, int] = dataclasses.field(default_factory=dict)
    column: int = 0
    span: tuple[int, int] | None = None
    text: list[str] = dataclasses.field(default_factory=list)


class _Reader(HTMLParser):
    """The standard library's parser, which calls a method of this class at every tag."""

    def __init__(self, name: str) -> None:
        super().__init__(convert_charrefs=True)
        self.name = name
        self.blocks: list[Block] = []
        self.tables: list[_Table] = []
        self.text: list[str] = []
        self.unseen: list[str] = []
        self.pre = 0
        self.hidden: frozenset[str] = frozenset()

    def is_unseen(self, tag: str, given: dict[str, str | None]) -> bool:
        """Return whether a reader does not see an element, or sees a mark of a footnote."""
        style = given.get("style") or ""
        if tag in _VOID:
            return False
        raised = tag not in ("table", "tr", "td", "th") and _RAISED.search(style)
        classes = self.hidden.intersection((given.get("class") or "").split())
        return bool(
            tag in _UNSEEN or "hidden" in given or classes or raised or _HIDDEN.search(style)
        )

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if self.unseen:
            if tag == self.unseen[0]:
                self.unseen.append(tag)
            return
        given = dict(attrs)
        if self.is_unseen(tag, given):
            self.unseen.append(tag)
        elif tag == "table":
            self.flush()
            self.tables.append(_Table())
        elif tag in ("td", "th", "tr") and self.tables:
            self.close_cell()
            self.open_row(tag, given)
        elif tag == "br":
            self.handle_text("\n")
        elif tag == "pre":
            self.flush()
            self.pre += 1
        elif tag in _BLOCKS:
            self.flush()

    def open_row(self, tag: str, given: dict[str, str | None]) -> None:
        table = self.tables[-1]
        if tag == "tr" or not table.rows:
            table.rows.append([])
            table.column = 0
        if tag == "tr":
            return
        here = len(table.rows)
        while table.taken.get(table.column, 0) >= here:
            table.column += 1
        wide, high = (_count(given.get(key)) for key in ("colspan", "rowspan"))
        table.span = (table.column, table.column + wide - 1)
        if table.span[1] >= MOST_COLUMNS:
            raise DataError(
                f"{self.name}: got a table of more than {MOST_COLUMNS:,} columns; wanted a release"
            )
        table.column += wide
        if high > 1:
            table.taken.update(
                dict.fromkeys(range(table.column - wide, table.column), here + high - 1)
            )

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in ("td", "th", "tr"):
            self.handle_starttag(tag, attrs)
        elif tag in _VOID or tag in _BLOCKS:  # <div/> hides nothing
            self.handle_starttag(tag, [])

    def handle_endtag(self, tag: str) -> None:
        if self.unseen:
            if tag == self.unseen[0]:
                self.unseen.pop()
        elif tag == "table" and self.tables:
            self.close_table()
        elif tag in ("td", "th", "tr") and self.tables:
            self.close_cell()
        elif tag == "pre" and self.pre:
            self.flush()
            self.pre -= 1
        elif tag in _BLOCKS:
            self.flush()

    def handle_data(self, data: str) -> None:
        if not self.unseen:
            self.handle_text(data if self.pre else data.replace("\n", " "))

    def handle_text(self, text: str) -> None:
        """Add text to the open cell, or else to the paragraph."""
        within = bool(self.tables) and self.tables[-1].span is not None
        (self.tables[-1].text if within else self.text).append(text)

    def flush(self) -> None:
        """End a paragraph; within a cell that is a space."""
        if self.tables and self.tables[-1].span is not None:
            self.tables[-1].text.append(" ")
            return
        text, self.text = "".join(self.text), []
        if self.pre:
            self.blocks += text_blocks(text)
        else:
            self.blocks += filter(None, map(plain_line, re.split(r"\n\s*\n", text)))

    def close_cell(self) -> None:
        table = self.tables[-1]
        if table.span is None:
            return
        text, table.text = plain_line("".join(table.text)), []
        if text:
            table.rows[-1].append(Cell(*table.span, text))
        table.span = None

    def close_table(self) -> None:
        self.close_cell()
        rows = tuple(tuple(row) for row in self.tables.pop().rows if row)
        within = bool(self.tables) and self.tables[-1].span is not None
        line = " ".join(cell.text for row in rows for cell in row)
        if within and len(rows) == 1 and _NUMBER.fullmatch(line):
            self.tables[-1].text += [" ", line, " "]
        elif any(len(row) > 1 for row in rows):
            self.leave_layout()
            self.blocks.append(Grid(rows))
        else:  # only there for the layout
            self.blocks += [cell.text for row in rows for cell in row]

    def leave_layout(self) -> None:
        """Give what tables around one that are only layout say before it as paragraphs."""
        for table in self.tables[-MOST_LAYOUT:]:
            if any(len(row) > 1 for row in table.rows):
                return
            before = [cell.text for row in table.rows for cell in row]
            self.blocks += filter(None, [*before, plain_line("".join(table.text))])
            table.rows, table.text = [[]], []

    def finish(self) -> list[Block]:
        """Close what is still open, and return the blocks."""
        while self.tables:
            self.close_table()
        self.flush()
        return self.blocks


def _count(text: str | None) -> int:
    """Return how many columns or rows a cell spans; more than a browser takes count as many."""
    found = re.match(r"\s*(\d{1,9})", text or "")
    return min(max(int(found[1]), 1), 1000) if found else 1


def _html_blocks(text: str, name: str) -> list[Block]:
    tags = text.count("<")
    if tags > MOST_TAGS:
        raise DataError(
            f"{name}: got HTML of {tags:,} tags; wanted at most {MOST_TAGS:,}: give the exhibit alone, "
            "or save its text as .txt"
        )
    reader = _Reader(name)
    reader.hidden = _hidden_classes(text)
    reader.feed(_tidy(text))
    reader.close()
    return reader.finish()


def _hidden_classes(text: str) -> frozenset[str]:
    """Return the classes that a document's own style sheets hide."""
    found: set[str] = set()
    for sheet in re.findall(r"<style\b[^<>]{0,1000}>([^<]*)", text, re.IGNORECASE):
        for names, style in _RULE.findall(sheet):
            if _HIDDEN.search(style):
                own = (re.fullmatch(r"\s*\.([\w-]+)\s*", name) for name in names.split(","))
                found |= {match[1] for match in own if match}
    return frozenset(found)


def _tidy(text: str) -> str:
    """Return HTML without comments and declarations, every ``<`` that begins no tag written out.

    The parser looks for the end of such things again and again, up to the end of the text.
    """
    first, *rest = text.split("<!--")
    text = first + " ".join(part.partition("-->")[2] for part in rest)
    text = re.sub(r"<[!?][^<>]*>", " ", text)
    pieces = re.split(r"(?=<)", text)
    good = (
        piece if re.match(r"</?[a-zA-Z]", piece) and ">" in piece[:MOST_TAG] else "&lt;" + piece[1:]
        for piece in pieces[1:]
    )
    return pieces[0] + "".join(good)


# --- text ------------------------------------------------------------------------------------
_MONTH = r"(?:Jan|Feb|Mar|Apr|May|June?|July?|Aug|Sept?|Oct|Nov|Dec)[a-z]*\.?"
_END = rf"(?: {_MONTH} \d+,?(?: \d{{4}})?)?"
_CHANGE = re.compile(r"[%$]?(?: ?increase)? ?change|[%$] ?change.*", re.IGNORECASE)
_CAPTION = re.compile(r"\(|(?:\$ )?in (?:millions|thousands|billions)\b|unaudited", re.IGNORECASE)
_HEADING = re.compile(
    rf"(?:For the )?(?:three|six|nine|twelve|thirteen|\d+) (?:months|weeks)(?: ended)?{_END}"
    rf"|(?:fiscal )?(?:quarters?|years?) (?:ended|to date){_END}"
    rf"|{_MONTH} \d{{1,2}},?(?: \d{{4}})?|(?:19|20)\d\d|\(?unaudited\)?"
    rf"|{_CHANGE.pattern}|(?:\$ )?in (?:millions|thousands|billions)\b.*"
    r"|\(.*\b(?:millions|thousands|billions)\b.*\)",
    re.IGNORECASE,
)
_FIGURE = re.compile(
    r"(?:[$€£¥] ?)?[-−]?(?:\( ?)?(?:[$€£¥] ?)?(?:\d[\d,]*(?:\.\d+)?|[—–-])(?: ?\))?(?: ?%)?"
)


MOST_HEADINGS = 20
"""Lines of headings over a table that are looked at."""


class _Piece(NamedTuple):
    """A piece of a line, and where it starts."""

    at: int
    text: str


def text_blocks(text: str) -> list[Block]:
    """Return the paragraphs and tables of plain text.

    A table starts with lines of which every piece is a heading of columns (a length, a day, a year) and
    goes on in lines of a label and figures. Pieces stand two spaces apart. The line of headings with
    most pieces counts the columns, and "% Change" is one by itself; lines with fewer are shared out
    among them in equal parts. A line with another number of figures than there are columns is kept as a
    label, for nothing says whose they are.
    """
    blocks: list[Block] = []
    paragraph: list[str] = []
    headings: list[list[_Piece]] = []
    rows: list[tuple[Cell, ...]] = []

    def end_paragraph() -> None:
        blocks.extend(filter(None, [" ".join(paragraph)]))
        paragraph.clear()

    def end_table() -> None:
        if rows:
            blocks.append(Grid((*_spread(headings), *rows)))
        headings.clear()
        rows.clear()

    for line in text.split("\n"):
        pieces = _pieces(line)
        if pieces and all(_HEADING.fullmatch(piece.text) for piece in pieces):
            end_paragraph()
            if rows:
                end_table()
            headings.append(pieces)
            del headings[:-MOST_HEADINGS]
        elif pieces and headings and (row := _text_row(pieces, _width(headings))):
            end_paragraph()
            rows.append(row)
        elif pieces:
            if len(line) > 100 or line.rstrip().endswith("."):
                end_table()
            paragraph.append(" ".join(piece.text for piece in pieces))
        else:
            end_paragraph()
    end_paragraph()
    end_table()
    return blocks


def _pieces(line: str) -> list[_Piece]:
    found = re.finditer(r"\S+(?:[ \xa0]\S+)*", line.expandtabs())
    return [_Piece(m.start(), text) for m in found if (text := plain_line(m[0]))]


def _columns(pieces: Sequence[_Piece]) -> tuple[list[_Piece], list[_Piece]]:
    """Return the pieces of a line of headings that name periods, and those that name changes."""
    named = [p for p in pieces if not _CAPTION.match(p.text)]
    changes = [p for p in named if _CHANGE.fullmatch(p.text)]
    return [p for p in named if p not in changes], changes


def _leaves(headings: Sequence[Sequence[_Piece]]) -> list[_Piece]:
    """Return the pieces that stand for one column each, from left to right."""
    lines = [_columns(pieces) for pieces in headings]
    periods = max((named for named, _ in lines), key=len)
    return sorted([*periods, *(p for _, changes in lines for p in changes)])


def _width(headings: Sequence[Sequence[_Piece]]) -> int:
    return len(_leaves(headings))


def _spread(headings: Sequence[Sequence[_Piece]]) -> Iterator[tuple[Cell, ...]]:
    """Yield lines of headings as cells over columns 1, 2, ...; what cannot be shared out is dropped."""
    leaves = _leaves(headings)
    own = [k for k, p in enumerate(leaves, start=1) if not _CHANGE.fullmatch(p.text)]
    for pieces in headings:
        named, changes = _columns(pieces)
        captions = [p.text for p in pieces if p not in named and p not in changes]
        if captions:
            yield (Cell(0, 0, " ".join(captions)),)
        cells = [Cell(k, k, p.text) for p in changes for k in [leaves.index(p) + 1]]
        if named and len(own) % len(named) == 0:
            each = len(own) // len(named)
            shares = [own[k : k + each] for k in range(0, len(own), each)]
            cells += [Cell(s[0], s[-1], p.text) for s, p in zip(shares, named, strict=True)]
        if cells:
            yield tuple(sorted(cells, key=lambda cell: cell.first))


def _text_row(pieces: Sequence[_Piece], width: int) -> tuple[Cell, ...]:
    """Return a line of a text table as cells; its label alone without figures; empty if it is none."""
    label, *rest = (piece.text for piece in pieces)
    text = " ".join(rest)
    figures = [found[0] for found in _FIGURE.finditer(text)]
    if "".join(figures).replace(" ", "") != text.replace(" ", ""):
        return ()
    if len(figures) > width:  # the mark of a footnote behind a figure
        figures = [f for f in figures if not re.fullmatch(r"\(\d\)", f)]
    if not figures:  # the heading of a section, or the first half of a label
        return () if len(label) > 100 or label.endswith(".") else (Cell(0, 0, label),)
    if len(figures) != width:
        return (Cell(0, 0, f"{label} {text}"),)
    return (Cell(0, 0, label), *(Cell(k, k, f) for k, f in enumerate(figures, start=1)))
