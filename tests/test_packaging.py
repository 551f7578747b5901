"""The package works as a wheel, outside the checkout, with its shipped data."""

import ast
import itertools
import json
import os
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


def test_no_file_names_a_registry_or_a_place_on_this_machine():
    listed = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False
    ).stdout.split()
    for name in listed:
        if Path(name).suffix in (".py", ".toml", ".md", ".lock", ".csv", ".ipynb", ".yml", ""):
            text = (ROOT / name).read_text(encoding="utf-8", errors="replace")
            for word in ("pypi" + ".org", "files.python" + "hosted", "/ro" + "ot/", "/wo" + "rk/"):
                assert word not in text, (name, word)


def test_one_version_stands_everywhere():
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    changes = (ROOT / "CHANGELOG.md").read_text()
    newest = re.search(r"^## (\d\S+) \((\d{4}-\d\d-\d\d)\)$", changes, re.M)
    assert newest.group(1) == version
    citation = (ROOT / "CITATION.cff").read_text()
    assert f"\nversion: {version}\n" in citation
    assert f'\ndate-released: "{newest.group(2)}"\n' in citation


def test_what_is_imported_is_declared():
    """Whoever installs the package without the lock gets all that it imports."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = [
        *project["dependencies"],
        *itertools.chain(*project["optional-dependencies"].values()),
    ]
    declared = {re.match(r"[\w-]+", w).group().lower().replace("-", "_") for w in wanted}
    declared |= {"docx", "markdown_it"}  # python-docx, markdown-it-py
    declared |= {
        "pytensor",
        "arviz_stats",
    }  # PyMC's and ArviZ' own, of the version that they ask for
    declared |= {"forecast", "_typeshed"} | set(
        sys.stdlib_module_names
    )  # the latter of type checkers
    imported = set()
    for path in (ROOT / "forecast").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                imported |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                imported.add(node.module.split(".")[0])
    assert imported <= declared, imported - declared


@pytest.mark.slow
def test_the_wheel_runs_anywhere(tmp_path):
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation",
         "--wheel-dir", str(tmp_path), str(ROOT)],
        check=True, capture_output=True,
    )  # fmt: skip
    (wheel,) = tmp_path.glob("forecast-*.whl")
    place = tmp_path / "site"
    zipfile.ZipFile(wheel).extractall(place)
    names = {p.relative_to(place).as_posix() for p in place.rglob("*")}
    article = "forecast/_data/articles/cuban_2026_05"
    assert {f"{article}/market.csv", f"{article}/claims.toml", f"{article}/page.toml",
            "forecast/_data/references.csv", "forecast/py.typed", "forecast/__init__.pyi",
            "forecast/report/sections/head.md.j2"} <= names  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-c", "import sys, forecast.cli.main as c; print(c.__file__, file=sys.stderr); "
         "sys.exit(c.main(['audit', '--json']))"],
        cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(place)}, capture_output=True, text=True,
        check=True,
    )  # fmt: skip
    assert str(place) in done.stderr
    assert len(json.loads(done.stdout)) > 15
