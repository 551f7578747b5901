"""A finished memo in other formats: PDF through typst, DOCX through python-docx, both extras.

Invariant: both are made from the run's own ``memo.md`` and figures, so no number is written twice; a
file is there whole or not at all, and the same run gives the same bytes.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import importlib
import io
import itertools
import re
import struct
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from forecast.core.errors import DataError, StoreError
from forecast.core.files import whole
from forecast.core.text import east_asian, one_line
from forecast.plots import style
from forecast.report import blocks
from forecast.report.blocks import Block, Heading, Paragraph, Picture, Quote, Spans, Table
from forecast.store import runs

AUTHOR = "forecast"
TEXT = (17.4, 26.1)
"""Width and height in centimetres of what an A4 page holds between the margins."""
HIGHEST, SCALE = 22.0, 0.66
"""Height of a figure, in centimetres, that leaves room for its caption; and how many times its own size
it has, the same for all, so that their letters are of one size."""


def _extra(module: str, extra: str) -> Any:
    try:
        return importlib.import_module(module)
    except ImportError:
        raise DataError(
            f"writing this format needs the {extra} extra; install it with "
            f'pip install "forecast[{extra}]", or open memo.html and print it'
        ) from None


# --- the run's memo ----------------------------------------------------------------------------
@dataclasses.dataclass(frozen=True)
class Memo:
    """A run's memo as it is exported.

    Attributes
    ----------
    title
        Its first heading.
    blocks
        What it consists of.
    day
        The day up to which its data are known; None where the folder does not say it.
    run
        The run's name.
    language
        "zh", "ja" or "ko" where it holds text of that language, else empty.
    text
        All that is written in it.
    """

    title: str
    blocks: tuple[Block, ...]
    day: dt.date | None
    run: str
    language: str
    text: str

    @property
    def subject(self) -> str:
        """What the document is of."""
        day = f", data as of {self.day}" if self.day else ""
        return f"Forecast memo, run {self.run}{day}"


def read_memo(folder: Path, *, annex: bool = False) -> Memo:
    """Read a run folder's memo.

    Parameters
    ----------
    folder
        The run's.
    annex
        Whether with the annex; a memo of before there was one comes whole.

    Raises
    ------
    StoreError
        If the memo or one of its figures cannot be read; the figures are named.
    """
    path = folder / "memo.md"
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise StoreError(f"{path}: cannot be read ({error}); make the run again") from error
    title, found = blocks.read(text, _is_figure)
    if not annex:
        found = list(itertools.takewhile(lambda block: not blocks.is_annex(block), found))
    pictures = [block.source for block in found if isinstance(block, Picture)]
    bad = [png.as_posix() for png in map(_png, pictures) if _size(folder / png) is None]
    if bad:
        raise StoreError(
            f"{folder}: the memo shows {one_line(bad)}, and there is no such PNG file; "
            "make the run again"
        )
    manifest = runs.read_json(folder / runs.MANIFEST, dict) if _has_manifest(folder) else {}
    return Memo(
        title=title,
        blocks=tuple(found),
        day=_day(manifest.get("as_of")),
        run=str(manifest.get("run", folder.resolve().name)),
        language=east_asian(text),
        text=text,
    )


def _has_manifest(folder: Path) -> bool:
    return (folder / runs.MANIFEST).is_file()


def _day(text: object) -> dt.date | None:
    try:
        return dt.date.fromisoformat(str(text))
    except ValueError:
        return None


def _is_figure(source: str) -> bool:
    """Return whether a run's figure can have this path: SVG files directly in its folder of figures."""
    parts = source.split("/")
    return len(parts) == 2 and parts[0] == "figures" and parts[1].endswith(".svg")


def _png(source: str) -> Path:
    return Path(source).with_suffix(".png")


def _size(path: Path) -> tuple[int, int] | None:
    """Return width and height of a PNG file in pixels; None if it is none, or only a link to one."""
    try:
        if path.is_symlink():
            return None
        with path.open("rb") as file:
            head = file.read(24)
    except OSError:
        return None
    if len(head) < 24 or not head.startswith(b"\x89PNG\r\n\x1a\n"):
        return None
    width, height = struct.unpack(">II", head[16:24])
    return (width, height) if width and height else None


def _figure_width(folder: Path, picture: Picture) -> float:
    """Return how wide a figure is shown, in centimetres, so that it fits the page with its caption."""
    size = _size(folder / _png(picture.source))
    assert size is not None  # seen by `read_memo`
    drawn = size[0] / style.DPI * 2.54
    return min(TEXT[0], HIGHEST * size[0] / size[1], SCALE * drawn)


def _unbroken(spans: Spans) -> Spans:
    """Return the text of a number, which does not break."""
    return tuple(
        dataclasses.replace(span, text=span.text.replace(" ", "\N{NO-BREAK SPACE}"))
        for span in spans
    )


# --- DOCX --------------------------------------------------------------------------------------
EAST_ASIAN = {
    "zh": ("zh-CN", "Microsoft YaHei"),
    "ja": ("ja-JP", "Yu Gothic"),
    "ko": ("ko-KR", "Malgun Gothic"),
}
"""Language as Word names it, and the font that Word brings for it."""
LINE, SMALL = "D8DEE4", 7.5
"""Colour of a table's lines, and points of its text."""
LETTER, CELL = 0.52, 0.38
"""Width of a letter over the font size, on average; and centimetres left and right in a cell."""
EPOCH = (1980, 1, 1, 0, 0, 0)
"""The first time that a ZIP file, and so a DOCX, can have: in place of that of writing."""


def to_docx(folder: Path, path: Path, *, annex: bool = False) -> None:
    """Write the memo of a run folder as DOCX: on A4, the same bytes every time.

    Parameters
    ----------
    folder, path
        The run's folder, and what is written.
    annex
        Whether with the annex.

    Raises
    ------
    DataError
        If python-docx is not installed.
    StoreError
        If the memo cannot be read or the file not be written.
    """
    docx = _extra("docx", "docx")
    memo = read_memo(folder, annex=annex)
    document = docx.Document()
    _set_up(document, memo)
    for block in memo.blocks:
        _add(document, block, folder)
    made = io.BytesIO()
    document.save(made)
    with whole(path) as fresh:
        fresh.write_bytes(_timeless(made.getvalue()))


def _timeless(content: bytes) -> bytes:
    """Return a ZIP file with no time in it."""
    made = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(content)) as old,
        zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as new,
    ):
        for name in old.namelist():
            entry = zipfile.ZipInfo(name, EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            new.writestr(entry, old.read(name))
    return made.getvalue()


def _tag(name: str, **attributes: object) -> Any:
    """Return an element of WordprocessingML."""
    oxml, ns = (importlib.import_module(f"docx.oxml{part}") for part in ("", ".ns"))
    made = oxml.OxmlElement(f"w:{name}")
    for key, value in attributes.items():
        made.set(ns.qn(f"w:{key}"), str(value))
    return made


def _set_up(document: Any, memo: Memo) -> None:
    """Set page, language, properties and page numbers."""
    shared, ns = (importlib.import_module(f"docx.{part}") for part in ("shared", "oxml.ns"))
    section = document.sections[0]
    section.page_width, section.page_height = shared.Cm(21.0), shared.Cm(29.7)
    section.left_margin = section.right_margin = shared.Cm((21.0 - TEXT[0]) / 2)
    section.top_margin = section.bottom_margin = shared.Cm((29.7 - TEXT[1]) / 2)
    footer = section.footer.paragraphs[0]
    footer.alignment = 1
    field = _tag("fldSimple", instr="PAGE")
    field.append(_tag("r"))  # Word writes the number into it
    footer._p.append(field)

    language, font = EAST_ASIAN.get(memo.language, ("", ""))
    defaults = document.styles.element.find(f".//{ns.qn('w:rPrDefault')}/{ns.qn('w:rPr')}")
    for old in defaults.findall(ns.qn("w:lang")):
        defaults.remove(old)
    told = {"val": "en-GB"} | ({"eastAsia": language} if language else {})
    defaults.append(_tag("lang", **told))
    if font:
        for fonts in document.styles.element.iter(ns.qn("w:rFonts")):
            fonts.attrib.pop(ns.qn("w:eastAsiaTheme"), None)
            fonts.set(ns.qn("w:eastAsia"), font)

    told_of = document.core_properties
    told_of.title, told_of.subject = memo.title[:255], memo.subject[:255]  # no longer ones exist
    told_of.author = told_of.last_modified_by = AUTHOR
    told_of.comments = ""
    told_of.language = "en-GB"
    day = memo.day or dt.date(*EPOCH[:3])
    told_of.created = told_of.modified = dt.datetime(day.year, day.month, day.day, tzinfo=dt.UTC)


def _add(document: Any, block: Block, folder: Path) -> None:
    """Add a block at the end of a document."""
    if isinstance(block, Heading):
        _fill(document.add_heading(level=block.level), block.spans)
    elif isinstance(block, Paragraph):
        _fill(document.add_paragraph(style="List Bullet" if block.item else "Normal"), block.spans)
    elif isinstance(block, Quote):
        for spans in block.paragraphs:
            _add_quoted(document, spans)
    elif isinstance(block, Picture):
        _add_picture(document, block, folder)
    else:
        _add_table(document, block)


def _fill(paragraph: Any, spans: Spans, size: float | None = None) -> None:
    shared = importlib.import_module("docx.shared")
    for span in spans:
        run = paragraph.add_run(span.text)
        run.bold = span.bold or None
        if size:
            run.font.size = shared.Pt(size)


def _add_quoted(document: Any, spans: Spans) -> None:
    shared = importlib.import_module("docx.shared")
    paragraph = document.add_paragraph()
    paragraph.paragraph_format.left_indent = shared.Cm(0.6)
    paragraph.paragraph_format.space_after = shared.Pt(4)
    edge = _tag("pBdr")
    edge.append(_tag("left", val="single", sz=12, space=8, color="6E7781"))
    paragraph._p.get_or_add_pPr().insert_element_before(edge, "w:spacing", "w:ind", "w:jc", "w:rPr")
    _fill(paragraph, spans)


def _add_picture(document: Any, block: Picture, folder: Path) -> None:
    shared, image = (importlib.import_module(f"docx.{p}") for p in ("shared", "image.exceptions"))
    source = folder / _png(block.source)
    try:
        shape = document.add_picture(str(source), width=shared.Cm(_figure_width(folder, block)))
    except (OSError, image.UnrecognizedImageError, image.UnexpectedEndOfFileError) as error:
        raise StoreError(f"{source}: not a whole PNG file ({error}); make the run again") from error
    told = shape._inline.docPr
    told.set("descr", block.alt)
    told.set("name", Path(block.source).stem)
    document.paragraphs[-1].paragraph_format.keep_with_next = bool(block.caption)
    if block.caption:
        _fill(document.add_paragraph(style="Caption"), block.caption)


def _add_table(document: Any, block: Table) -> None:
    text, shared = (importlib.import_module(f"docx.{p}") for p in ("text.paragraph", "shared"))
    letter = SMALL * LETTER * 2.54 / 72  # centimetres
    room = (TEXT[0] - CELL * len(block.numbers)) / letter
    widths = [CELL + letter * n for n in blocks.column_widths(block, room)]
    table = document.add_table(len(block.rows), len(widths))
    table.autofit = False
    edges = _tag("tblBorders")
    for side in ("top", "bottom", "insideH"):
        edges.append(_tag(side, val="single", sz=4, space=0, color=LINE))
    table._tbl.tblPr.insert_element_before(
        edges, "w:shd", "w:tblLayout", "w:tblCellMar", "w:tblLook"
    )
    for column, width in zip(table._tbl.tblGrid.gridCol_lst, widths, strict=True):
        column.w = shared.Cm(width)
    for k, (row, cells) in enumerate(zip(table._tbl.tr_lst, block.rows, strict=True)):
        kept = row.get_or_add_trPr()
        kept.append(_tag("cantSplit"))
        if not k:
            kept.append(_tag("tblHeader"))
        for cell, spans, width, number in zip(
            row.tc_lst, cells, widths, block.numbers, strict=True
        ):
            cell.width = shared.Cm(width)
            paragraph = text.Paragraph(cell.p_lst[0], table)
            paragraph.paragraph_format.space_after = shared.Pt(0)
            if number:
                paragraph.alignment = 2
            shown = _unbroken(spans) if number and k else spans
            _fill(paragraph, shown if k else _bold(shown), SMALL)
    document.add_paragraph().paragraph_format.space_after = shared.Pt(2)


def _bold(spans: Spans) -> Spans:
    return tuple(dataclasses.replace(span, bold=True) for span in spans)


# --- PDF ---------------------------------------------------------------------------------------
TYPED, ROWS = 6.8, 40
"""Points of a table's text; lines of it in a row that must be able to break."""
SETTINGS = """
#set page(paper: "a4", margin: (x: {x:.2f}cm, y: {y:.2f}cm), numbering: "1")
#set text(font: ({fonts},), size: 9.5pt, lang: "en")
#set par(justify: false)
#show heading.where(level: 2): it => block(above: 1.4em, below: .6em, it)
"""


def to_pdf(folder: Path, path: Path, *, annex: bool = False) -> None:
    """Write the memo of a run folder as PDF: on A4, the same bytes every time on one machine.

    What no installed font has is a box and is told to the logger.

    Parameters
    ----------
    folder, path
        The run's folder, and what is written.
    annex
        Whether with the annex.

    Raises
    ------
    DataError
        If typst is not installed.
    StoreError
        If the memo cannot be read or set, or the file not be written.
    """
    typst = _extra("typst", "pdf")
    memo = read_memo(folder, annex=annex)
    names, there = _fonts(typst, memo)
    source = _document(memo, names) + "".join(f"#{_set(b, folder)}\n" for b in memo.blocks)
    try:
        content = typst.compile(source.encode("utf-8"), root=str(folder), font_paths=there)
    except RuntimeError as error:
        why = " ".join(str(error).split())
        raise StoreError(
            f"{path}: the typesetter did not take the memo of {folder} ({why[:300]}); "
            "write it with --docx, or open memo.html and print it"
        ) from error
    with whole(path) as fresh:
        fresh.write_bytes(content)


def _fonts(typst: Any, memo: Memo) -> tuple[list[str], Any]:
    """Return the fonts to set the memo in, typst's own before those of figures, and where they are."""
    # Not the folder that comes with Matplotlib: a font in it has a sign for each script in place of
    # its characters, and what is copied from the document would be the wrong text.
    files = [file for file in style.font_files() if not style.is_shipped(file)]
    there = typst.Fonts(font_paths=sorted({str(Path(file).parent) for file in files}))
    paths = dict.fromkeys(font.path for font in there.fonts() if font.path)
    asked = "".join(c for c in memo.text if not _OWN.match(c))
    boxes = style.lacking(asked, list(paths))
    if boxes:
        style.say_lacking(boxes, "the PDF has boxes in their place; memo.html has the text")
    known = {name.lower() for name in there.families()}
    return [n for n in ("Libertinus Serif", *style.family()) if n.lower() in known], there


_OWN = re.compile("[\u0000-\u06ff\u1e00-\u27bf\ufb00-\ufb4f\ufffd]")
"""What the fonts within typst have, of which it tells no file."""


def _document(memo: Memo, fonts: Sequence[str]) -> str:
    """Return what stands before the blocks: the document's properties and settings."""
    day = memo.day
    date = (
        "none" if day is None else f"datetime(year: {day.year}, month: {day.month}, day: {day.day})"
    )
    told = (
        f"#set document(title: {_string(memo.title)}, author: {_string(AUTHOR)}, "
        f"description: {_string(memo.subject)}, date: {date})"
    )
    x, y = (21.0 - TEXT[0]) / 2, (29.7 - TEXT[1]) / 2
    return told + SETTINGS.format(x=x, y=y, fonts=", ".join(map(_string, fonts)))


def _string(text: str) -> str:
    """Return a text as a string of typst, in which nothing is markup."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _content(spans: Spans, long: int = blocks.LONG, part: int = blocks.PART) -> str:
    """Return text as an expression of typst; words of more than `long` letters may break."""
    pieces = []
    for span in spans:
        text = _string("\N{ZERO WIDTH SPACE}".join(blocks.breakable(span.text, long, part)))
        language = east_asian(span.text)
        told = f'text(lang: "{language}", {text})' if language else text
        pieces.append(f"strong({told})" if span.bold else told)
    return f"{{{'; '.join(pieces)}}}" if pieces else '""'


def _set(block: Block, folder: Path) -> str:
    """Return a block as an expression of typst."""
    if isinstance(block, Heading):
        return f"heading(level: {block.level}, {_content(block.spans)})"
    if isinstance(block, Paragraph):
        return f"{'list' if block.item else 'par'}({_content(block.spans)})"
    if isinstance(block, Quote):
        inside = "; ".join(f"par({_content(spans)})" for spans in block.paragraphs)
        return f"block(inset: (left: 8pt, y: 2pt), stroke: (left: 2pt + gray), {{{inside}}})"
    return _set_picture(block, folder) if isinstance(block, Picture) else _set_table(block)


def _set_picture(block: Picture, folder: Path) -> str:
    width = _figure_width(folder, block)
    source, alt = _string(_png(block.source).as_posix()), _string(block.alt)
    image = f"block(sticky: true, image({source}, width: {width:.2f}cm, alt: {alt}))"
    if not block.caption:
        return image
    caption = f"block(above: .5em, text(size: 8pt, fill: luma(90), {_content(block.caption)}))"
    return f"{{{image}; {caption}}}"


def _set_table(block: Table) -> str:
    inset = 4.0  # points left and right in a cell
    room = (TEXT[0] / 2.54 * 72 - 2 * inset * len(block.numbers)) / (TYPED * LETTER)
    letters = blocks.column_widths(block, room)
    widths = ", ".join(f"{n * TYPED * LETTER + 2 * inset:.1f}fr" for n in letters)
    highest = max(
        blocks.characters(blocks.plain(spans)) / n
        for row in block.rows
        for spans, n in zip(row, letters, strict=True)
    )
    # A row that is as high as a page must break; no other should.
    breaks = "true" if highest > ROWS else "false"
    aligned = ", ".join("right" if number else "left" for number in block.numbers)

    def cell(spans: Spans, k: int, number: bool) -> str:
        most = max(int(letters[k]), 2)
        return _content(_unbroken(spans) if number else spans, most, most)

    head, *body = block.rows
    names = ", ".join(cell(spans, k, False) for k, spans in enumerate(head))
    cells = [cell(s, k, block.numbers[k]) for row in body for k, s in enumerate(row)]
    inside = [
        f"columns: ({widths},), inset: (x: {inset}pt, y: 3pt), align: ({aligned},)",
        "stroke: (x: none, y: .3pt + luma(80%))",
        f"table.hline(stroke: .8pt), table.header({names}), table.hline(stroke: .8pt)",
        *cells,
        "table.hline(stroke: .8pt)",
    ]
    told = f"set table.cell(breakable: {breaks}); set text(size: {TYPED}pt)"
    return f"{{{told}; table({', '.join(inside)})}}"
