"""A finished memo in other formats: PDF through typst, DOCX through python-docx, both extras.

Invariant: both are made from the run's own ``memo.md`` and figures, so no number is written twice; a
file is there whole or not at all.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import markdown_it

from forecast.core.errors import DataError
from forecast.core.files import whole

if TYPE_CHECKING:
    from markdown_it.token import Token


def _extra(module: str, extra: str) -> Any:
    try:
        return importlib.import_module(module)
    except ImportError:
        raise DataError(
            f"writing this format needs the {extra} extra; install it with "
            f'pip install "forecast[{extra}]", or open memo.html and print it'
        ) from None


def _tokens(folder: Path) -> list[Token]:
    text = (folder / "memo.md").read_text(encoding="utf-8")
    return markdown_it.MarkdownIt("commonmark").enable("table").parse(text)


def _blocks(tokens: list[Token]) -> Iterator[tuple[str, Any]]:
    """Yield (kind, content) of each block: heading-N, paragraph, quote, item, image, table."""
    quoted = listed = 0
    rows: list[list[Any]] = []
    kind = "paragraph"
    for token in tokens:
        quoted += (token.type == "blockquote_open") - (token.type == "blockquote_close")
        listed += (token.type == "list_item_open") - (token.type == "list_item_close")
        if token.type == "heading_open":
            kind = f"heading-{token.tag[1]}"
        elif token.type == "paragraph_open":
            kind = "quote" if quoted else "item" if listed else "paragraph"
        elif token.type == "table_open":
            rows, kind = [], "cell"
        elif token.type == "tr_open":
            rows.append([])
        elif token.type == "table_close":
            yield "table", rows
        elif token.type == "inline" and kind == "cell":
            rows[-1].append(token)
        elif token.type == "inline":
            images = [c for c in token.children or () if c.type == "image"]
            yield ("image", images[0]) if images else (kind, token)


def _runs(inline: Token) -> Iterator[tuple[str, bool]]:
    """Yield (text, bold) of an inline token."""
    bold = 0
    for child in inline.children or ():
        bold += (child.type == "strong_open") - (child.type == "strong_close")
        if child.type in ("text", "code_inline"):
            yield child.content, bool(bold)
        elif child.type in ("softbreak", "hardbreak"):
            yield " ", bool(bold)


def to_docx(folder: Path, path: Path) -> None:
    """Write the memo of a run folder as DOCX.

    Raises
    ------
    DataError
        If python-docx is not installed.
    StoreError
        If the file cannot be written.
    """
    docx = _extra("docx", "docx")
    shared = importlib.import_module("docx.shared")
    document = docx.Document()

    def fill(paragraph: Any, inline: Token, size: float | None = None) -> None:
        for text, bold in _runs(inline):
            run = paragraph.add_run(text)
            run.bold = bold or None
            if size:
                run.font.size = shared.Pt(size)

    for kind, content in _blocks(_tokens(folder)):
        if kind.startswith("heading"):
            fill(document.add_heading(level=int(kind[-1])), content)
        elif kind == "image":
            source = folder / Path(str(content.attrs["src"])).with_suffix(".png")
            document.add_picture(str(source), width=shared.Cm(16))
        elif kind == "table":
            table = document.add_table(len(content), len(content[0]), style="Light List")
            for cells, row in zip(table.rows, content, strict=True):
                for cell, inline in zip(cells.cells, row, strict=True):
                    fill(cell.paragraphs[0], inline, 7.5)
        else:
            styles = {"quote": "Intense Quote", "item": "List Bullet", "paragraph": "Normal"}
            fill(document.add_paragraph(style=styles[kind]), content)
    with whole(path) as fresh:
        document.save(str(fresh))


_PREAMBLE = """#set page(paper: "a4", margin: (x: 1.6cm, y: 1.8cm), numbering: "1")
#set text(size: 9.5pt)
#set par(justify: false)
#show heading.where(level: 2): it => block(above: 1.4em, below: .6em, it)
"""


def _typst_text(text: str) -> str:
    return re.sub(r"([\\#$*_`<>@\[\]~=+\-/\"'])", r"\\\1", text)


def _typst_inline(inline: Token) -> str:
    return "".join(
        f"#strong[{_typst_text(text)}]" if bold else _typst_text(text)
        for text, bold in _runs(inline)
    )


def _typst_table(rows: list[list[Any]]) -> str:
    head, *body = [[f"[{_typst_inline(cell)}]" for cell in row] for row in rows]
    # Long text wants room: share the width by the longest cell of a column, within bounds.
    longest = [max(len(row[k].content) for row in rows) for k in range(len(head))]
    widths = ", ".join(f"{min(max(n, 6), 60) ** 0.6:.2f}fr" for n in longest)
    cells = ",\n".join(", ".join(row) for row in body)
    return (
        f"#text(size: 6.8pt, table(columns: ({widths},), stroke: none, inset: 3pt, align: left,\n"
        f"table.hline(), table.header({', '.join(head)}), table.hline(),\n{cells}, table.hline()))\n"
    )


def _typst_block(kind: str, content: Any) -> str:
    if kind.startswith("heading"):
        return f"{'=' * int(kind[-1])} {_typst_inline(content)}\n"
    if kind == "image":
        source = Path(str(content.attrs["src"])).with_suffix(".png").as_posix()
        return f'#image("{source}", width: 100%)\n'
    if kind == "table":
        return _typst_table(content)
    text = _typst_inline(content)
    shapes: dict[str, Callable[[str], str]] = {
        "quote": lambda t: f"#block(inset: (left: 8pt), stroke: (left: 2pt + gray), [{t}])\n",
        "item": lambda t: f"- {t}\n",
        "paragraph": lambda t: f"{t}\n",
    }
    return shapes[kind](text)


def to_pdf(folder: Path, path: Path) -> None:
    """Write the memo of a run folder as PDF.

    Raises
    ------
    DataError
        If typst is not installed.
    StoreError
        If the file cannot be written.
    """
    typst = _extra("typst", "pdf")
    blocks = (_typst_block(kind, content) for kind, content in _blocks(_tokens(folder)))
    source = _PREAMBLE + "\n".join(blocks)
    content = typst.compile(source.encode("utf-8"), root=str(folder))
    with whole(path) as fresh:
        fresh.write_bytes(content)
