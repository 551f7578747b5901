"""The memo in other formats says what the Markdown says: all of it, as text, and nothing else."""

import datetime as dt
import errno
import json
import re
import shutil
import sys
import zipfile
from html.parser import HTMLParser
from pathlib import Path

import markdown_it
import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from matplotlib import font_manager
from matplotlib.figure import Figure as Drawing

from forecast.app.pipeline import run_all
from forecast.cli import main
from forecast.core.errors import DataError, StoreError
from forecast.core.text import visible
from forecast.plots import style
from forecast.report import blocks, export
from forecast.report.memo import page
from forecast.report.words import escaped
from forecast.store.runs import verify, write_run
from forecast.tables.shipped import data_dir

MARKS = (
    "**", "a", " ", "_", "`", "[x](y)", "![q](z)", "<AI>", "<b", "&amp;", "&#35;", "#", "|", "\\", "\n",
    "\n\n", "1.", "- ", "+ ", "> ", "===", "---", "~~", "$\\frac$", ":-:", "<!--", '"', "\t", "]", "(",
    "http://a.b", "```", "    x", "\u202e", "\x00", "\ud800", "中", "ש", "﷽", "*", "\\n", "\\u{41}",
)  # fmt: skip
FOREIGN = st.one_of(
    st.text(max_size=60), st.lists(st.sampled_from(MARKS), max_size=12).map("".join)
)
"""Texts, of which many are made of what means something in Markdown, HTML or typst."""

MEMO = """# Title with 5 % and \\*stars\\* #tag $cash$

> **31 %** quoted
>
> again

- one **bold** item

| head | number |
|---|---:|
| cell_1 | 20 % to 45 % |

![alt, in words](figures/a.svg)\\
What it shows. Source: somebody.
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "figures").mkdir()
    Drawing(figsize=(7.2, 3)).savefig(tmp_path / "figures" / "a.png", dpi=50)
    (tmp_path / "memo.md").write_text(MEMO)
    (tmp_path / "manifest.json").write_text('{"run": "abc", "as_of": "2026-05-06"}')
    return tmp_path


def written(folder, text, extension="docx"):
    """Return the path of a memo with this text in another format."""
    (folder / "memo.md").write_text(text, encoding="utf-8")
    path = folder / f"memo.{extension}"
    {"docx": export.to_docx, "pdf": export.to_pdf}[extension](folder, path)
    return path


def docx_text(path):
    """Return the text of a DOCX file, tables too, in its order."""
    docx = pytest.importorskip("docx")
    body = docx.Document(str(path)).element.body
    return "\n".join(p.text for p in (docx.text.paragraph.Paragraph(e, None)
                                      for e in body.iter(docx.oxml.ns.qn("w:p"))))  # fmt: skip


def test_the_annex_is_left_out_unless_it_is_asked_for(folder):
    pytest.importorskip("docx")
    text = f"{MEMO}\n\n# Annex\n\n## Looked up\n\nA long table.\n"
    assert "Looked up" not in docx_text(written(folder, text))
    export.to_docx(folder, folder / "whole.docx", annex=True)
    assert "A long table." in docx_text(folder / "whole.docx")
    assert "Annex of a title" in docx_text(written(folder, "# T\n\n## Annex of a title\n"))


class _Html(HTMLParser):
    """What a page shows, and the tags it is made of."""

    def __init__(self, text):
        super().__init__()
        self.shown, self.tags, self.given, self._unseen = [], set(), [], 0
        self.feed(text)
        self.text = "".join(self.shown)

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.given += attrs
        self._unseen += tag in ("style", "title", "svg")

    def handle_endtag(self, tag):
        self._unseen -= tag in ("style", "title", "svg")

    def handle_data(self, data):
        if not self._unseen:
            self.shown.append(data)


def close(text):
    """Return a text without white space: where a line ends is not what is compared."""
    return re.sub(r"[\s\u200b\u2060]", "", text)


# --- DOCX --------------------------------------------------------------------------------------
def test_docx(folder):
    docx = pytest.importorskip("docx")
    export.to_docx(folder, folder / "memo.docx")
    document = docx.Document(str(folder / "memo.docx"))
    told = [(p.style.name, p.text) for p in document.paragraphs if p.text]
    assert told == [
        ("Heading 1", "Title with 5 % and *stars* #tag $cash$"),
        ("Normal", "31 % quoted"),
        ("Normal", "again"),
        ("List Bullet", "one bold item"),
        ("Caption", "What it shows. Source: somebody."),
    ]
    assert [c.text for row in document.tables[0].rows for c in row.cells] == [
        "head", "number", "cell_1", "20\xa0%\xa0to\xa045\xa0%",
    ]  # fmt: skip
    assert len(document.inline_shapes) == 1


def test_docx_repeats_table_headers_and_keeps_rows_whole(folder):
    docx = pytest.importorskip("docx")
    export.to_docx(folder, folder / "memo.docx")
    rows = docx.Document(str(folder / "memo.docx")).tables[0]._tbl.tr_lst
    asked = [[element.tag.split("}")[1] for element in row.trPr] for row in rows]
    assert asked == [["cantSplit", "tblHeader"], ["cantSplit"]]


def test_docx_has_alternative_texts_properties_page_and_language(folder):
    docx = pytest.importorskip("docx")
    export.to_docx(folder, folder / "memo.docx")
    document = docx.Document(str(folder / "memo.docx"))
    assert document.inline_shapes[0]._inline.docPr.get("descr") == "alt, in words"
    told = document.core_properties
    assert told.title == "Title with 5 % and *stars* #tag $cash$"
    assert (told.author, told.language, told.comments) == ("forecast", "en-GB", "")
    assert told.subject == "Forecast memo, run abc, data as of 2026-05-06"
    assert told.created == told.modified == dt.datetime(2026, 5, 6, tzinfo=dt.UTC)
    section = document.sections[0]
    assert [round(n.cm, 1) for n in (section.page_width, section.page_height)] == [21.0, 29.7]
    text = section.page_width - section.left_margin - section.right_margin
    assert document.inline_shapes[0].width <= text + 1000
    assert 'w:instr="PAGE"' in section.footer._element.xml
    assert 'w:val="en-GB"' in document.styles.element.xml


def test_docx_of_a_memo_in_chinese_names_language_and_font(folder):
    docx = pytest.importorskip("docx")
    path = written(folder, "# 标题\n\n人工智能\n")
    styles = docx.Document(str(path)).styles.element.xml
    assert 'w:eastAsia="zh-CN"' in styles
    assert 'w:eastAsia="Microsoft YaHei"' in styles
    assert "eastAsiaTheme" not in styles
    assert "人工智能" in docx_text(path)


def test_a_title_longer_than_a_property_can_be_is_cut_there_and_nowhere_else(folder):
    docx = pytest.importorskip("docx")
    path = written(folder, f"# {'long ' * 100}\n")
    document = docx.Document(str(path))
    assert len(document.core_properties.title) == 255
    assert len(document.paragraphs[0].text) == 499


# --- PDF ---------------------------------------------------------------------------------------
def test_pdf(folder):
    pytest.importorskip("typst")
    export.to_pdf(folder, folder / "memo.pdf")
    content = (folder / "memo.pdf").read_bytes()
    assert content.startswith(b"%PDF")
    assert b"/Subtype/Image" in content
    for part in (b"(alt, in words)", b"D:20260506", b"/Author(forecast)", b"595.2756 841.8898"):
        assert part in content, part


def test_a_figure_fits_its_page_and_all_are_at_one_scale(folder):
    for inches, centimetres in (
        ((7.2, 3), 12.07),
        ((12, 3), 17.4),
        ((7.2, 28), 22 * 7.2 / 28),
        ((2, 1), 3.35),
    ):
        Drawing(figsize=inches).savefig(folder / "figures" / "a.png", dpi=style.DPI)
        shown = export._figure_width(folder, blocks.Picture("figures/a.svg", "", ()))
        assert shown == pytest.approx(centimetres, abs=0.02)


@given(st.lists(FOREIGN, min_size=30, max_size=60))
@settings(max_examples=10)
def test_any_text_is_a_string_of_typst(texts):
    typst = pytest.importorskip("typst")
    texts = [visible(text) for text in texts]  # as all text of a memo is
    source = f"#metadata(({', '.join(map(export._string, texts))})) <x>"
    told = typst.query(source.encode(), "<x>", field="value", one=True)
    assert json.loads(told) == texts


def test_a_row_breaks_only_where_it_is_as_high_as_a_page(folder):
    spans = (blocks.Span("word " * 3000),)
    table = blocks.Table((((blocks.Span("head"),),), (spans,)), (False,))
    assert "breakable: true" in export._set_table(table)
    table = blocks.Table((((blocks.Span("head"),),), (spans[:0],)), (False,))
    assert "breakable: false" in export._set_table(table)


def test_what_the_typesetter_refuses_is_one_sentence(folder, monkeypatch):
    typst = pytest.importorskip("typst")

    def refuse(*args, **kwargs):
        raise typst.TypstError("unknown\nvariable", "there", [], [])

    monkeypatch.setattr(typst, "compile", refuse)
    with pytest.raises(StoreError, match=r"the typesetter did not take .* --docx, or open memo"):
        export.to_pdf(folder, folder / "memo.pdf")
    assert not (folder / "memo.pdf").exists()


# --- both --------------------------------------------------------------------------------------
@pytest.mark.parametrize("extension", ["pdf", "docx"])
def test_the_same_run_gives_the_same_bytes(folder, extension):
    pytest.importorskip({"pdf": "typst", "docx": "docx"}[extension])
    first = written(folder, MEMO, extension).read_bytes()
    assert written(folder, MEMO, extension).read_bytes() == first
    if extension == "docx":
        with zipfile.ZipFile(folder / "memo.docx") as file:
            assert {entry.date_time for entry in file.infolist()} == {export.EPOCH}


@pytest.mark.parametrize("extension", ["pdf", "docx"])
def test_a_table_with_a_header_only_is_set(folder, extension):
    pytest.importorskip({"pdf": "typst", "docx": "docx"}[extension])
    path = written(folder, "# T\n\n| a | b |\n|---|---:|\n\nafter\n", extension)
    assert path.stat().st_size > 1000


@pytest.mark.parametrize("extension", ["pdf", "docx"])
def test_a_missing_or_broken_figure_is_named_and_nothing_is_written(folder, extension):
    pytest.importorskip({"pdf": "typst", "docx": "docx"}[extension])
    (folder / "figures" / "b.png").write_bytes(b"\x89PNG")
    text = "# T\n\n![a](figures/b.svg)\n\n![a](figures/gone.svg)\n"
    with pytest.raises(StoreError, match=r"figures/b.png, figures/gone.png.*make the run again"):
        written(folder, text, extension)
    assert not (folder / f"memo.{extension}").exists()


@pytest.mark.parametrize("extension", ["pdf", "docx"])
@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EROFS])
def test_a_document_that_cannot_be_written_leaves_nothing(folder, extension, code, monkeypatch):
    pytest.importorskip({"pdf": "typst", "docx": "docx"}[extension])
    place = folder / "out"
    place.mkdir()
    write = {"docx": export.to_docx, "pdf": export.to_pdf}[extension]

    def full(self, content):
        self.open("wb").close()
        raise OSError(code, "no", str(self))

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", full)
        with pytest.raises(StoreError, match=rf"cannot write .*memo.{extension}"):
            write(folder, place / f"memo.{extension}")
    assert list(place.iterdir()) == []


@pytest.mark.parametrize("extension", ["pdf", "docx"])
def test_no_picture_that_a_text_names_gets_in(folder, extension):
    """A memo of an older version may hold foreign text as it came."""
    pytest.importorskip({"pdf": "typst", "docx": "docx"}[extension])
    Drawing().savefig(folder / "secret.png", dpi=20)
    (folder / "figures" / "link.png").symlink_to(folder / "secret.png")
    named = ["secret.svg", "../secret.svg", "figures/../secret.svg", "http://127.0.0.1:9/q.png"]
    text = "# T\n\n" + "\n\n".join(f"![q]({name})" for name in named)
    path = written(folder, text + "\n\nin words ![q](figures/a.svg)\n", extension)
    if extension == "docx":
        with zipfile.ZipFile(path) as file:
            assert [n for n in file.namelist() if "media" in n] == []
        assert "![q](../secret.svg)" in docx_text(path)
    else:
        assert b"/Subtype/Image" not in path.read_bytes()
    with pytest.raises(StoreError, match=r"figures/link\.png"):
        written(folder, "![q](figures/link.svg)\n", extension)


def test_marks_that_our_templates_do_without_are_text(folder):
    text = "# T\n\n[x](javascript:y) <b>z</b> <http://a> &amp; `c`\n\n    code\n\n```\nfence\n```\n"
    told = docx_text(written(folder, text))
    for part in ("[x](javascript:y)", "<b>z</b>", "<http://a>", "&amp;", "code", "fence"):
        assert part in told
    shown = _Html(page(text, {}, folder, draft=False))
    assert "[x](javascript:y) <b>z</b> <http://a> &amp;" in shown.text
    assert not {"a", "b", "img", "pre", "script"} & shown.tags


def test_a_missing_extra_is_said_in_words(folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "docx", None)
    with pytest.raises(DataError, match=r"needs the docx extra; install it with pip"):
        export.to_docx(folder, folder / "memo.docx")


@pytest.mark.parametrize(("flag", "name"), [("--pdf", "memo.pdf"), ("--docx", "memo.docx")])
def test_the_command_writes_beside_the_run_and_leaves_it_whole(
    flag, name, tmp_path, folder, capsys
):
    pytest.importorskip("typst")
    pytest.importorskip("docx")

    def fill(place):
        (place / "figures").mkdir()
        for source in ("memo.md", "figures/a.png", "manifest.json"):
            (place / source).write_bytes((folder / source).read_bytes())

    run = write_run(tmp_path / "out", "abc", fill)
    assert main.main(["memo", str(run), flag, "--out", str(tmp_path / "out")]) == 0
    path = capsys.readouterr().out.strip()
    assert path.endswith(f"abc-{name}")
    verify(run)


# --- widths ------------------------------------------------------------------------------------
def table_of(*rows, numbers=None):
    cells = tuple(tuple((blocks.Span(text),) for text in row) for row in rows)
    return blocks.Table(cells, numbers or (False,) * len(rows[0]))


def test_columns_are_wide_by_their_content_and_numbers_whole():
    long = "a sentence that goes on for some time and says what happened then and there"
    table = table_of(("what", "chance"), (long, "20 % to 45 %"), numbers=(False, True))
    text, number = blocks.column_widths(table, 60)
    assert number == len("20 % to 45 %")
    assert text == 60 - number


@given(
    st.lists(
        st.lists(st.text(alphabet="ab 中", max_size=60), min_size=3, max_size=3),
        min_size=1,
        max_size=4,
    ),
    st.lists(st.booleans(), min_size=3, max_size=3),
)
def test_columns_have_exactly_the_room_there_is(rows, numbers):
    widths = blocks.column_widths(table_of(*rows, numbers=tuple(numbers)), 100.0)
    assert sum(widths) == pytest.approx(100.0)
    assert min(widths) > 0


def test_east_asian_characters_are_two_letters_wide():
    assert blocks.characters("AI 中文") == 7


# --- foreign text ------------------------------------------------------------------------------
PLACES = """{0}

# {0}

> **{0}**
> {0}
{0}

- **{0}**: {0}

| head {0} | number |
|---|---:|
| {0} | **{0}** |
"""


def common_mark(text):
    """Return what CommonMark, with GitHub's tables, makes of a memo: HTML that must hold no mark."""
    rules = markdown_it.MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
    return _Html(rules.render(text))


@given(FOREIGN)
@settings(max_examples=300)
def test_any_text_comes_out_as_that_text_in_markdown_and_html(text):
    seen = visible(text)
    assume(seen)  # what is empty is bold nowhere
    memo = "before\n\n" + PLACES.format(escaped(text))
    plain = {
        "p",
        "h1",
        "blockquote",
        "ul",
        "li",
        "table",
        "thead",
        "tbody",
        "tr",
        "th",
        "td",
        "strong",
    }
    shown = common_mark(memo)
    assert shown.tags == plain
    assert {name for name, _ in shown.given} == {"style"}  # of a column of numbers
    html_page = _Html(page(memo, {}, Path(), draft=False))
    assert html_page.tags - {"span", "wbr"} == plain | PAGE
    wanted = close("before" + re.sub(r"[*|>#]|---:?|- ", "", PLACES).replace("{0}", seen))
    assert close(shown.text) == wanted
    assert close(html_page.text) == wanted


PAGE = {"html", "head", "meta", "title", "style", "body", "div"}


@given(FOREIGN)
@settings(max_examples=30)
def test_any_text_comes_out_as_that_text_in_docx(tmp_path_factory, text):
    pytest.importorskip("docx")
    assume(visible(text))
    place = tmp_path_factory.mktemp("any")
    told = docx_text(written(place, PLACES.format(escaped(text))))
    shutil.rmtree(place)
    wanted = re.sub(r"[*|>#]|---:?|- ", "", PLACES).replace("{0}", visible(text))
    assert close(told) == close(wanted)


@pytest.mark.parametrize(
    ("text", "memo"),
    [
        ("**a**(b)", r"\*\*a\*\*(b)"),
        ("x <y> z", r"x \<y> z"),
        ("< 1 %", "< 1 %"),
        ("> 99 %", r"\> 99 %"),
        ("$500 bn", "$500 bn"),
        ("capex_to_revenue", "capex_to_revenue"),
        ("_a_", r"\_a\_"),
        ("AT&T and R & D", r"AT\&T and R & D"),
        ("1. first", r"1\. first"),
        ("2026-05-06", "2026-05-06"),
        ("-0.3 points", "-0.3 points"),
        ("- item", r"\- item"),
        ("a\n\n# b", "a # b"),
        ("C #", r"C \#"),
        (":-: ", r"\:-:"),
        ("\x1b[31m", "�\\[31m"),
        ("\ud800", "�"),
    ],
)
def test_only_what_would_begin_something_is_escaped(text, memo):
    assert escaped(text) == memo
    assert escaped(escaped(text)) == memo


# --- fonts -------------------------------------------------------------------------------------
@pytest.fixture
def forgetful(monkeypatch, tmp_path):
    """Let fonts be found, and said to be missing, anew; return what gives them."""
    monkeypatch.setattr(style, "_said", set())
    monkeypatch.setattr(style, "_boxed", {})
    yield monkeypatch
    for found in (style.family, style.font_files, style._look_again):
        found.cache_clear()


def _only(patch, *names):
    """Let no font be installed but Matplotlib's own and these."""
    manager = font_manager.fontManager
    own = [font for font in manager.ttflist if style.is_shipped(font.fname)]
    patch.setattr(manager, "ttflist", own + [f for f in manager.ttflist if f.name in names])
    patch.setattr(font_manager, "findSystemFonts", lambda *args, **kwargs: [])
    for found in (style.family, style.font_files, style._look_again):
        found.cache_clear()


def test_without_a_font_for_chinese_a_pdf_is_whole_and_it_is_said_once(folder, forgetful, caplog):
    typst = pytest.importorskip("typst")
    _only(forgetful)
    fonts = typst.Fonts

    def embedded(font_paths):
        return fonts(include_system_fonts=False, font_paths=font_paths)

    forgetful.setattr(typst, "Fonts", embedded)
    for _ in range(2):
        assert written(folder, "# 标题\n\n人工智能 🙂 שלום\n", "pdf").stat().st_size > 1000
    assert [r.getMessage() for r in caplog.records] == [
        "no font that is installed has characters such as 标, 题, 人, 工, 智 and 2 more: the PDF has "
        "boxes in their place; memo.html has the text; install a font of Chinese, Japanese and Korean "
        "such as Noto Sans CJK"
    ]


# --- an article --------------------------------------------------------------------------------
HOSTILE = Path(__file__).parent / "hostile_article"
TEXTS = (
    '《北方日报》**粗**(x) <AI> `a` | #read("/etc/passwd")',
    "九个月内将停下 # heading ![q](http://127.0.0.1:9911/q.png) **a**(b) x <y> z <AI> $\\frac$ &amp; "
    "&lt; \\",
    "[x](javascript:alert(1)) <script>alert(1)</script> 开放模型的份额会上升。",
    "开放_falls *x* <b> $y$",
    "> 份额 | *g*",
    '1. #read("/etc/passwd") ![..](../../etc/x.png) | `code` ~~s~~ --- 企业使用的开放模型份额达到一半。',
    "�[31mred�[0m �gnirts� � שלום مرحبا 🙂 aaaaaaaaaabbbbbbbbbb",
    "nnnnnnnnnn",
    "[s](http://127.0.0.1:9911/) | <img src=x> 北方日报",
    "北港 **b**(c) <AI> $\\frac$ _x_ #y",
    "**9** `x` | <y>",
)
"""What the article's texts are for a reader."""


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    """Return the run of an article in Chinese without facts, whose texts are full of marks."""
    from conftest import without_sampling

    place = tmp_path_factory.mktemp("hostile")
    shutil.copytree(HOSTILE, place / "data" / "articles" / "敌意 *x* $y$")
    shutil.copy(data_dir() / "open_share.csv", place / "data")
    with pytest.MonkeyPatch.context() as patch:
        without_sampling(patch)
        return run_all(place / "out", data=place / "data", models=["adoption"]).folder


def test_in_another_language_without_facts_with_hostile_text_all_documents_are_whole(
    hostile, tmp_path
):
    pytest.importorskip("typst")
    verify(hostile)
    assert json.loads((hostile / "audit.json").read_text()) == []
    memo = (hostile / "memo.md").read_text(encoding="utf-8")
    assert not re.search(r"^\|[-:|]+\|$\n(?!\|)", memo, re.MULTILINE), "a table without rows"
    export.to_docx(hostile, tmp_path / "memo.docx", annex=True)
    export.to_pdf(hostile, tmp_path / "memo.pdf", annex=True)
    html_page = _Html((hostile / "memo.html").read_text(encoding="utf-8"))
    in_markdown = common_mark(memo)
    told = {
        "memo.md": in_markdown.text,
        "memo.html": html_page.text,
        "memo.docx": docx_text(tmp_path / "memo.docx"),
    }
    lost = [(n, t) for n, text in told.items() for t in TEXTS if close(t) not in close(text)]
    assert lost == []
    assert (tmp_path / "memo.pdf").read_bytes().startswith(b"%PDF")
    # Nothing is fetched, and nothing is run.
    own = sorted(f"figures/{p.stem}.svg" for p in (hostile / "figures").glob("*.svg"))
    assert {value for name, value in in_markdown.given if name == "src"} <= set(own)
    assert not {"a", "script", "b", "y", "ai", "code", "s", "em"} & in_markdown.tags
    assert not {"script", "b", "y", "ai", "img", "image", "code", "em"} & html_page.tags
    linked = [v for n, v in html_page.given if n in ("src", "href", "xlink:href")]
    assert [v for v in linked if not v.startswith("#")] == []
    policy = next(v for _, v in html_page.given if v and v.startswith("default-src"))
    assert "default-src 'none'" in policy
    with zipfile.ZipFile(tmp_path / "memo.docx") as file:
        media = [name for name in file.namelist() if "media" in name]
    assert len(media) == memo.count("](figures/")


def test_every_figure_of_the_memo_has_caption_and_source_in_each_document(hostile, tmp_path):
    docx = pytest.importorskip("docx")
    export.to_docx(hostile, tmp_path / "memo.docx", annex=True)
    document = docx.Document(str(tmp_path / "memo.docx"))
    captions = [p.text for p in document.paragraphs if p.style.name == "Caption"]
    assert len(captions) == len(document.inline_shapes) >= 3
    assert all(f"Source: {TEXTS[0]}" in caption for caption in captions[:2])
    html_page = (hostile / "memo.html").read_text(encoding="utf-8")
    assert html_page.count("<figcaption>") == len(captions)


def test_who_draws_han_characters_is_told_the_language(hostile):
    html_page = (hostile / "memo.html").read_text(encoding="utf-8")
    assert '<html lang="en">' in html_page
    assert '<span lang="zh">“九个月内将停下' in html_page


def test_texts_of_a_page_are_not_fetched_from_an_svg(hostile):
    """What a figure says stands in comments of its file, and these are left out of the page."""
    html_page = (hostile / "memo.html").read_text(encoding="utf-8")
    assert "<!--" not in html_page
    assert np.all(["<!--" in p.read_text() for p in (hostile / "figures").glob("*.svg")])


def test_a_company_with_a_slash_in_its_name_is_one_in_draws_figures_and_memo(tmp_path):
    from conftest import one_other_prior_set, without_pictures, without_sampling

    entity = "Novo A/S (a survey)"
    folder = tmp_path / "data" / "articles" / "own"
    folder.mkdir(parents=True)
    table = (data_dir() / "open_share.csv").read_text(encoding="utf-8")
    table = table.replace("enterprise LLM usage (Menlo Ventures)", entity)
    (tmp_path / "data" / "open_share.csv").write_text(table, encoding="utf-8")
    claims = (HOSTILE / "claims.toml").read_text(encoding="utf-8")
    claims = claims.replace("enterprise LLM usage/", "Novo A/S/")
    (folder / "claims.toml").write_text(claims, encoding="utf-8")
    shutil.copy(HOSTILE / "printed.csv", folder)
    with pytest.MonkeyPatch.context() as patch:
        without_sampling(patch)
        without_pictures(patch)
        one_other_prior_set(patch)
        run = run_all(tmp_path / "out", data=tmp_path / "data", models=["adoption"]).folder
    told = pd.read_parquet(run / "forecasts.parquet")
    assert set(told["entity"]) == {"Novo A/S", "open router tokens"}
    assert set(told["metric"]) == {"open_weight_share"}
    verify(run)
