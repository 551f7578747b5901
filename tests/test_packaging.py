"""The package works as a wheel, outside the checkout, with its shipped data."""

import json
import os
import subprocess
import sys
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
            "forecast/_data/references.csv",
            "forecast/report/templates/memo.md.j2"} <= names  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-c", "import sys, forecast.cli.main as c; print(c.__file__, file=sys.stderr); "
         "sys.exit(c.main(['audit', '--json']))"],
        cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(place)}, capture_output=True, text=True,
        check=True,
    )  # fmt: skip
    assert str(place) in done.stderr
    assert len(json.loads(done.stdout)) > 15
