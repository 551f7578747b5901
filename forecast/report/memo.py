"""What a run found -> a memo in Markdown and HTML, section by section.

Invariant: every number in the memo comes from the record it is given; the templates hold none.
``tests/test_memo.py`` fails on a digit in a template's prose.
"""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jinja2
import markdown_it
from markdown_it.common.utils import escapeHtml
from markdown_it.token import Token

from forecast.claims.verdict import answer_text, answer_word
from forecast.core.text import capitalised, percent, significant
from forecast.report import words
from forecast.report.sections import sections

if TYPE_CHECKING:
    from forecast.report.record import Figure as Figure
    from forecast.report.record import Report as Report

TEMPLATES, SECTIONS = (Path(__file__).parent / name for name in ("templates", "sections"))
"""Folders of the templates: of whole pages, and of the memo's sections."""


def _image(one: Figure) -> str:
    return f"![{one.alt}]({one.stem}.svg)"


def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader([TEMPLATES, SECTIONS]),
        undefined=jinja2.StrictUndefined,
        autoescape=False,  # Markdown; the HTML page is made from it by a parser that escapes
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters.update(
        probability=percent,  # of a number
        of_verdict=answer_text,  # of a verdict, with the bound of its draws
        in_words=answer_word,
        cell=words.cell,
        significant=significant,
        short=words.short,
        shorter=words.shorter,
        counted=words.counted,
        capitalised=capitalised,
        pairs=words.pairs,
        unbroken=words.unbroken,
    )
    environment.globals.update(
        points=words.points, evidence=words.evidence, figure=_image, checks=words.CHECKS
    )
    return environment


def render(template: str, content: Mapping[str, Any]) -> str:
    """Return a template filled with what it names."""
    return _environment().get_template(template).render(content)


def markdown(report: Report) -> str:
    """Return the memo as Markdown, with links to the figures' SVG files."""
    environment = _environment()
    blocks = []
    for section in sections():
        record = section.build(report)
        if record is None:
            continue
        template = environment.get_template(section.template or f"{section.key}.md.j2")
        body = template.render(r=report, record=record, figures=section.drawn(report))
        blocks += [part for part in (section.heading(report), body.strip("\n")) if part]
    return "\n\n".join(blocks) + "\n"


# --- HTML ------------------------------------------------------------------------------------
def page(text: str, figures: Mapping[str, Figure], folder: Path, *, draft: bool) -> str:
    """Return a memo as one self-contained HTML page.

    Parameters
    ----------
    text
        The memo in Markdown, such as from :func:`markdown`.
    figures
        The figures it shows.
    folder
        Where the figures' SVG files lie; they are put into the page.
    draft
        Whether to stamp it.
    """
    parser = markdown_it.MarkdownIt("commonmark", {"html": False}).enable("table")
    parser.add_render_rule("table_open", lambda *_: '<div class="wide"><table>\n')
    parser.add_render_rule("table_close", lambda *_: "</table></div>\n")
    by_source = {f"{figure.stem}.svg": figure for figure in figures.values()}
    tokens = parser.parse(text)
    for token in [t for t in tokens if t.type == "inline"]:
        images = [child for child in token.children or () if child.type == "image"]
        figure = by_source.get(str(images[0].attrs["src"])) if len(images) == 1 else None
        if figure is not None:
            _put(tokens, token, _shown(figure, folder))
    title = next((tokens[k + 1].content for k, t in enumerate(tokens) if t.tag == "h1"), "")
    body = parser.renderer.render(tokens, parser.options, {})
    return (
        _environment()
        .get_template("page.html.j2")
        .render(title=escapeHtml(title), body=body, draft=draft)
    )


def _put(tokens: list[Token], inline: Token, shown: str) -> None:
    """Put HTML in the place of a paragraph, which is an opening, an inline and a closing token."""
    at = tokens.index(inline)
    tokens[at - 1 : at + 2] = [Token("html_block", "", 0, content=f"{shown}\n")]


def _shown(figure: Figure, folder: Path) -> str:
    svg = _inline(folder / f"{figure.stem}.svg", figure)
    return (
        f'<figure role="img" aria-label="{html.escape(figure.alt, quote=True)}">{svg}'
        f"<figcaption>{html.escape(figure.caption)}</figcaption></figure>"
    )


def _inline(path: Path, figure: Figure) -> str:
    """Return an SVG that can stand in a page beside others, in the page's own colours."""
    from forecast import plots

    svg = path.read_text(encoding="utf-8")
    svg = svg[svg.index("<svg") :]
    prefix = re.sub(r"\W", "-", figure.stem)
    # Two figures of one page must not share ids: a clip path would be taken from the other one.
    svg = re.sub(r'\bid="', f'id="{prefix}-', svg)
    svg = re.sub(r'(href="#|url\(#)', rf"\g<1>{prefix}-", svg)
    for name in ("INK", "MUTED", "RULE", "PAPER"):
        colour = getattr(plots, name)
        svg = svg.replace(colour.lower(), f"var(--{name.lower()})")
    svg = re.sub(r'(<svg[^>]*?) width="[^"]*"', r"\1", svg, count=1)
    return re.sub(r'(<svg[^>]*?) height="[^"]*"', r"\1", svg, count=1)
