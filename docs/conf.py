"""The site: Sphinx over the pages of this folder, the docstrings and the command line's own help.

``make docs`` builds it with warnings as errors. Pages that can be read off the code are written to
``generated/`` on the way, so that none of them can be out of date. Invariant: a page asks no other host
for anything; a build that would is refused.
"""

from __future__ import annotations

import argparse
import functools
import importlib.metadata
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx
from sphinx.errors import ExtensionError

from forecast.cli.main import parser
from forecast.tables.shipped import REFERENCE_TABLES

HERE = Path(__file__).parent
PUBLIC = {
    f"forecast.{module}.{name}": name
    for module, name in re.findall(
        r"^from \.(\S+) import (\w+) as",
        (HERE.parent / "forecast" / "__init__.pyi").read_text(),
        re.M,
    )
    if name != "events"  # a module
}
"""The public name of a function by the name under which it stands in the code."""
GROUPS = {
    "tables": "Numbers",
    "core": "Numbers",
    "models": "Models",
    "inference": "Fits and draws",
    "claims": "Claims and questions",
    "evaluation": "How good it is",
    "news": "An earnings day",
    "app": "Whole runs",
}
"""Headings of the Python page, by the package in which a function stands."""
OUTSIDE = re.compile(
    r"""(?:<(?:script|img|iframe|link)\b[^>]*?\b(?:src|href)=|url\(|@import\s)\s*["']?"""
    r"""(?:https?:)?//[^\s"')>]*"""
)
"""What makes a browser ask another host; a link that a reader follows does not."""

ELSEWHERE = {
    "../data/articles/README.md": "reference/claims_language.md",
    "../benchmarks/README.md": "benchmarks.md",
    "../CHANGELOG.md": "changes.md",
    "docs/experiments.md": "experiments.md",
    "docs/architecture.md": "architecture.md",
    "docs/clusters.md": "clusters.md",
    "benchmarks/README.md": "benchmarks.md",
}
"""Pages of the checkout outside this folder, and where the site has them."""

project = "forecast"
author = copyright = "The forecast developers"
version = release = importlib.metadata.version("forecast")
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
myst_heading_anchors = 3
exclude_patterns = ["generated/tables.md"]  # it is part of another page
default_role = "code"
autodoc_typehints_format = "short"
maximum_signature_line_length = 90
napoleon_google_docstring = False
html_theme = "pydata_sphinx_theme"
html_static_path = ["_static"]
html_title = f"forecast {version}"
html_theme_options = {
    "navigation_with_keys": False,
    "show_prev_next": True,
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": ["copyright"],
    "footer_end": [],
}
html_sidebars = {"index": [], "quick_start": []}  # they stand in no section
html_copy_source = False
html_show_sourcelink = False


# --- pages that are read off the code --------------------------------------------------------
def python_page() -> str:
    """Return the page of public functions, in the order of the package's road."""
    found = defaultdict(list)
    road = list(GROUPS)
    for full, name in sorted(PUBLIC.items(), key=lambda one: road.index(one[0].split(".")[1])):
        kind = "autoclass" if name[0].isupper() else "autofunction"
        found[GROUPS[full.split(".")[1]]].append(f".. {kind}:: forecast.{name}\n")
    parts = ["# Python", "Every name is one of `import forecast as fc`.", ""]
    for heading in dict.fromkeys(GROUPS.values()):
        parts += [f"## {heading}", "```{eval-rst}", *found[heading], "```", ""]
    for heading, module, also in (
        ("Figures", "forecast.plots", "   :imported-members:\n"),
        ("Events", "forecast.claims.events", ""),
    ):
        told = f".. automodule:: {module}\n   :members:\n{also}"
        parts += [f"## {heading}", f"Names of `fc.{module.split('.')[-1]}`.", ""]
        parts += ["```{eval-rst}", told, "```", ""]
    return "\n".join(parts)


def commands_page() -> str:
    """Return the page of all commands, each with the help that it prints."""
    parts = ["# Commands", "What `forecast COMMAND --help` prints.", ""]
    for words, grammar in _commands(parser(), "forecast"):
        grammar.formatter_class = functools.partial(argparse.HelpFormatter, width=72)
        parts += [f"## {words}", "```text", grammar.format_help().strip(), "```", ""]
    return "\n".join(parts)


def _commands(
    grammar: argparse.ArgumentParser, words: str
) -> Iterator[tuple[str, argparse.ArgumentParser]]:
    groups = [a for a in grammar._actions if isinstance(a, argparse._SubParsersAction)]
    if not groups:
        yield words, grammar
    for group in groups:
        for name, below in group.choices.items():
            yield from _commands(below, f"{words} {name}")


def tables_page() -> str:
    """Return the tables with columns of their own: a column and its kind each."""
    parts = ["| table | columns and their kinds |", "|---|---|"]
    for name, columns in REFERENCE_TABLES.items():
        shown = ", ".join(f"`{one}`" for one in columns.split())
        parts.append(f"| `{name}.csv` | {shown} |")
    return "\n".join(parts)


def write_pages(app: Sphinx) -> None:
    """Write the generated pages, each only if it changed: what did not is not built anew."""
    folder = HERE / "generated"
    folder.mkdir(exist_ok=True)
    pages = {"python.md": python_page(), "commands.md": commands_page(), "tables.md": tables_page()}
    for name, text in pages.items():
        path = folder / name
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")


# --- what Sphinx asks on the way -------------------------------------------------------------
def rewrite_links(app: Sphinx, name: str, source: list[str]) -> None:
    """Let links to pages outside this folder lead to those of the site that hold them."""
    for there, here in ELSEWHERE.items():
        source[0] = source[0].replace(f"]({there})", f"](/{here})")


def rewrite_included(app: Sphinx, path: Path, parent: str, source: list[str]) -> None:
    """Do the same with a file that a page consists of."""
    rewrite_links(app, parent, source)


def to_public(app: Sphinx, env: Any, node: Any, contnode: Any) -> Any:
    """Let a reference to a function lead to the public name under which it is described."""
    target = str(node.get("reftarget", "")).lstrip("~")
    if target not in PUBLIC:
        return None
    domain, kind = env.get_domain("py"), node.get("reftype", "func")
    name = f"forecast.{PUBLIC[target]}"
    return domain.resolve_xref(env, node.get("refdoc", ""), app.builder, kind, name, node, contnode)


def refuse_outside(app: Sphinx, error: Exception | None) -> None:
    """End a build with a page, a style or a script that asks another host for something."""
    if error is not None or app.builder.format != "html":
        return
    found = [
        f"{path.relative_to(app.outdir)}: {hit.group()[:120]}"
        for path in sorted(Path(app.outdir).rglob("*"))
        if path.suffix in (".html", ".css")
        for hit in OUTSIDE.finditer(path.read_text(encoding="utf-8"))
    ]
    if found:
        raise ExtensionError("these ask another host: " + "; ".join(found[:10]))


def setup(app: Sphinx) -> None:
    """Join the steps above to the build."""
    app.connect("builder-inited", write_pages)
    app.connect("source-read", rewrite_links)
    app.connect("include-read", rewrite_included)
    app.connect("missing-reference", to_public)
    app.connect("build-finished", refuse_outside)
