"""What a run found -> a memo in Markdown and HTML, section by section.

Invariant: every number in the memo comes from the record it is given; the templates hold none.
``tests/test_memo.py`` fails on a digit in a template's prose.
"""

from __future__ import annotations

import html
import re
import urllib.parse
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jinja2
from markdown_it.common.utils import escapeHtml
from markdown_it.token import Token

from forecast.claims.verdict import answer_text, answer_word
from forecast.core.text import capitalised, east_asian, percent, significant, visible
from forecast.report import blocks, words
from forecast.report.sections import ANNEX, sections
from forecast.report.words import escaped

if TYPE_CHECKING:
    from forecast.report.record import Figure as Figure
    from forecast.report.record import Report as Report

TEMPLATES, SECTIONS = (Path(__file__).parent / name for name in ("templates", "sections"))
"""Folders of the templates: of whole pages, and of the memo's sections."""


def _image(one: Figure) -> words.Markdown:
    """Return a figure with its caption on the line below, as :mod:`forecast.report.blocks` reads it."""
    source = urllib.parse.quote(f"{one.stem}.svg")
    return words.Markdown(f"![{escaped(one.alt)}]({source})\\\n{escaped(one.caption)}")


def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader([TEMPLATES, SECTIONS]),
        undefined=jinja2.StrictUndefined,
        autoescape=False,  # that would be HTML, and this is Markdown: all values pass `escaped`
        finalize=escaped,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters.update(
        probability=percent,  # of a number
        of_verdict=answer_text,  # of a verdict, with the bound of its draws
        in_words=answer_word,
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
    parts: list[str] = []
    annex = False
    for section in sections():
        record = section.build(report)
        if record is None:
            continue
        if section.key in ANNEX and not annex:
            parts, annex = [*parts, f"# {blocks.ANNEX}"], True
        template = environment.get_template(section.template or f"{section.key}.md.j2")
        body = template.render(r=report, record=record, figures=section.drawn(report))
        parts += [part for part in (section.heading(report), body.strip("\n")) if part]
    return "\n\n".join(parts) + "\n"


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
    language = east_asian(text)
    parser = blocks.parser()
    parser.add_render_rule("table_open", lambda *_: '<div class="wide"><table>\n')
    parser.add_render_rule("table_close", lambda *_: "</table></div>\n")
    parser.add_render_rule("text", lambda _, found, at, *__: _text(found[at].content, language))
    by_source = {f"{figure.stem}.svg": figure for figure in figures.values()}
    tokens = blocks.tokens(text, by_source.__contains__)
    for token in [t for t in tokens if t.type == "inline"]:
        source = blocks.figure_source(token)
        if source is not None:
            _put(tokens, token, _shown(by_source[source], folder))
    _lay_out(tokens)
    body = parser.renderer.render(tokens, parser.options, {})
    # Not of `_environment`, whose values become Markdown.
    source = (TEMPLATES / "page.html.j2").read_text(encoding="utf-8")
    filled = jinja2.Template(source, autoescape=True, undefined=jinja2.StrictUndefined)
    return filled.render(
        title=blocks.title(tokens),
        body=body,
        draft=draft,
        annex=blocks.annex_at(tokens) is not None,
    )


def _lay_out(tokens: list[Token]) -> None:
    """Give headings an address, list them after the first page, and put the annex into its own part."""
    annex = blocks.annex_at(tokens)
    places = blocks.headings(tokens)
    listed: dict[bool, list[str]] = {False: [], True: []}
    for number, k in enumerate(k for k in places if tokens[k].tag == "h2"):
        tokens[k].attrSet("id", f"part-{number + 1}")
        name = escapeHtml(blocks.heading(tokens, k))
        listed[annex is not None and k > annex].append(
            f'<li><a href="#part-{number + 1}">{name}</a></li>'
        )
    if annex is not None:
        tokens[annex].attrSet("id", "annex")
        tokens.insert(annex, Token("html_block", "", 0, content='<section class="annex">\n'))
        tokens.append(Token("html_block", "", 0, content="</section>\n"))
    first = next((k for k in places if tokens[k].tag == "h2"), None)
    if first is not None and (annex is None or first < annex):
        items = "".join(listed[False])
        more = f'<p><a href="#annex">{blocks.ANNEX}</a></p><ol>{"".join(listed[True])}</ol>'
        contents = f'<nav aria-label="Contents"><ol>{items}</ol>{more if annex else ""}</nav>\n'
        tokens.insert(first, Token("html_block", "", 0, content=f"</div>\n{contents}"))
        tokens.insert(0, Token("html_block", "", 0, content='<div class="first">\n'))


def _text(text: str, language: str) -> str:
    """Return text as HTML: long words may break, and who draws Han characters is told how.

    A percent sign stays with its number.
    """
    text = re.sub(r"(?<=\d) %", "\N{NO-BREAK SPACE}%", text)
    told = "<wbr>".join(escapeHtml(part) for part in blocks.breakable(text))
    return f'<span lang="{language}">{told}</span>' if east_asian(text) else told


def _put(tokens: list[Token], inline: Token, shown: str) -> None:
    """Put HTML in the place of a paragraph, which is an opening, an inline and a closing token."""
    at = tokens.index(inline)
    tokens[at - 1 : at + 2] = [Token("html_block", "", 0, content=f"{shown}\n")]


def _shown(figure: Figure, folder: Path) -> str:
    svg = _inline(folder / f"{figure.stem}.svg", figure)
    alt, caption = visible(figure.alt), visible(figure.caption)
    return (
        f'<figure role="img" aria-label="{html.escape(alt, quote=True)}">{svg}'
        f"<figcaption>{_text(caption, east_asian(caption))}</figcaption></figure>"
    )


def _inline(path: Path, figure: Figure) -> str:
    """Return an SVG that can stand in a page beside others, in the page's own colours."""
    from forecast import plots

    svg = path.read_text(encoding="utf-8")
    svg = re.sub(r"<!--.*?-->", "", svg[svg.index("<svg") :], flags=re.DOTALL)
    prefix = re.sub(r"\W", "-", figure.stem)
    # Two figures of one page must not share ids: a clip path would be taken from the other one.
    svg = re.sub(r'\bid="', f'id="{prefix}-', svg)
    svg = re.sub(r'(href="#|url\(#)', rf"\g<1>{prefix}-", svg)
    for name in ("INK", "MUTED", "RULE", "PAPER"):
        colour = getattr(plots, name)
        svg = svg.replace(colour.lower(), f"var(--{name.lower()})")
    # On paper all figures are shown at one scale, so that their letters are of one size.
    width = re.search(r'<svg[^>]*? width="([\d.]+pt)"', svg)
    own = f' style="--own: {width[1]}"' if width else ""
    svg = re.sub(r'(<svg[^>]*?) width="[^"]*"', rf"\1{own}", svg, count=1)
    return re.sub(r'(<svg[^>]*?) height="[^"]*"', r"\1", svg, count=1)
