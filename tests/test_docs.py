"""What the site says is so: its commands, claims, columns, files and names; a build asks nobody else."""

import importlib.util
import re
import shlex
import types
from pathlib import Path

import pytest

import forecast as fc
from forecast.claims.read import read_claims
from forecast.cli.main import parser
from forecast.core.words import TABLE_COLUMNS
from forecast.tables.vintages import read_table

ROOT = Path(__file__).parent.parent
PAGES = {
    path.relative_to(ROOT / "docs").as_posix(): path.read_text(encoding="utf-8")
    for path in sorted((ROOT / "docs").rglob("*.md"))
    if "generated" not in path.parts
}


def blocks(kind, page=None):
    """Return the blocks of one language, of a page or of all."""
    texts = [PAGES[page]] if page else PAGES.values()
    return [b for text in texts for b in re.findall(rf"^```{kind}\n(.*?)^```", text, re.M | re.S)]


COMMANDS = sorted(
    {
        line.removeprefix(".venv/bin/")
        for block in blocks("sh")
        for line in block.replace("\\\n", "").splitlines()
        if line.removeprefix(".venv/bin/").startswith("forecast ")
    }
)


@pytest.fixture(scope="module")
def conf():
    spec = importlib.util.spec_from_file_location("site_conf", ROOT / "docs" / "conf.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("line", COMMANDS)
def test_the_commands_on_pages_are_commands(line):
    parser().parse_args(shlex.split(line, comments=True)[1:])


def test_pages_have_commands():
    assert len(COMMANDS) >= 15


def test_python_on_pages_names_what_there_is():
    for block in blocks("python"):
        compile(block, "page", "exec")
    named = {name for text in PAGES.values() for name in re.findall(r"\bfc\.(\w+)", text)}
    assert named <= set(fc.__all__)


def test_the_claim_of_a_page_is_one(tmp_path):
    (block,) = blocks("toml", "how_to/claim.md")
    path = tmp_path / "claims.toml"
    path.write_text('source = "The Quay Gazette"\nsource_date = "2026-04-29"\n' + block)
    (claim,) = read_claims(path)
    assert claim.definitions[0].event.series == "Northport/capex"


def test_the_guidance_of_a_page_is_a_table(tmp_path):
    (block,) = blocks("text", "how_to/guidance.md")
    (tmp_path / "guidance.csv").write_text(block)
    assert list(read_table(tmp_path / "guidance.csv")["qualifier"]) == ["range"]


def first_column(page, heading):
    """Return the words in code style of the first column of the table below a heading."""
    below = PAGES[page].split(f"## {heading}\n")[1].split("\n## ")[0]
    cells = re.findall(r"^\| (`.*?) \|", below, re.M)
    return [word for cell in cells for word in re.findall(r"`([^`]+)`", cell)]


def test_the_columns_of_a_table_are_told():
    assert first_column("reference/files.md", "Tables of observations") == list(TABLE_COLUMNS)


def test_the_files_of_a_run_are_told(adoption_run):
    told = {name.rstrip("/") for name in first_column("reference/files.md", "The files of a run")}
    there = {path.name for path in (adoption_run / "latest").iterdir()}
    assert there - {"verdicts.json"} <= told


def test_every_public_name_and_command_has_its_place(conf):
    page = conf.python_page()
    for name in set(fc.__all__) - {"plots", "events"}:
        assert re.search(rf":: forecast\.{name}$", page, re.M), name
    for module in ("forecast.plots", "forecast.claims.events"):
        assert f".. automodule:: {module}" in page
    commands = conf.commands_page()
    for words in ("doctor", "data add", "backtest"):
        assert f"## forecast {words}\n```text\nusage: forecast {words}" in commands
    assert "| `booms.csv` | `id:text`" in conf.tables_page()


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.html", '<script defer src="https://cdn.example/x.js"></script>'),
        ("a.html", "<img alt='' src='//cdn.example/x.png'>"),
        ("deep/a.css", "@font-face { src: url(https://fonts.example/x.woff2) }"),
        ("a.css", '@import "https://fonts.example/x.css";'),
    ],
)
def test_a_site_that_asks_another_host_is_refused(tmp_path, conf, name, text):
    app = types.SimpleNamespace(outdir=tmp_path, builder=types.SimpleNamespace(format="html"))
    (tmp_path / "deep").mkdir()
    (tmp_path / "good.html").write_text(
        '<a href="https://example.org">x</a><script src="_static/x.js"></script>'
    )
    conf.refuse_outside(app, None)
    (tmp_path / name).write_text(text)
    with pytest.raises(conf.ExtensionError, match=r"these ask another host: .*example"):
        conf.refuse_outside(app, None)


def test_links_lead_to_pages_of_the_site(conf):
    for there, here in conf.ELSEWHERE.items():
        assert (ROOT / "docs" / here).exists(), here
        assert (ROOT / there).exists() or (ROOT / "docs" / there).exists(), there
        source = [f"[x]({there})"]
        conf.rewrite_links(None, "index", source)
        assert source == [f"[x](/{here})"]
