"""A model is a room: one from a folder outside the package goes through every step.

The room is ``tests/rooms/toy_room``. Nothing in the package names it, its metric or its series.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from forecast.app.pipeline import run_all
from forecast.claims.judge import judge
from forecast.claims.read import read_claims
from forecast.cli import main
from forecast.core.errors import DataError, UnknownNameError
from forecast.core.processes import each
from forecast.evaluation.calibration import calibrate
from forecast.inference import fitting
from forecast.inference.codehash import fit_hash, room_hash
from forecast.inference.predict import forecast
from forecast.models import registry
from forecast.models.panels import build_panel
from forecast.tables.shipped import read_vintages
from forecast.tables.vintages import as_of

ROOMS = Path(__file__).with_name("rooms")
SALES = (80, 92, 101, 118, 125, 140)
CLAIMS = """
source = "the stand's own paper"
source_date = "2026-05-06"
[[claim]]
id = "sells_more"
kind = "forecast"
words = "paraphrase"
text = "The stand will sell more than 150 ice creams."
[[claim.definition]]
id = "in_2027"
model = "toy"
why = "Its books count them."
event = { kind = "threshold", series = "Stand/ice_creams", op = ">", value = 150, at = "2027" }
window = ["2026-05-06", "2027-12-31"]
"""


@pytest.fixture
def toy(monkeypatch, added_rooms):
    """Add the toy model for one test."""
    monkeypatch.syspath_prepend(ROOMS)
    registry.add("toy", "toy_room")


@pytest.fixture
def folder(tmp_path):
    """Return a data folder of the stand: its books, and what is said of it."""
    place = tmp_path / "data"
    article = place / "articles" / "stand"
    article.mkdir(parents=True)
    rows = [
        ("Stand", "ice_creams", str(2020 + k), sold, "count", f"{2021 + k}-01-31", "books", "A", "")
        for k, sold in enumerate(SALES)
    ]
    columns = ["entity", "metric", "period", "value", "unit", "reported_on", "source",
               "confidence", "qualifier"]  # fmt: skip
    pd.DataFrame(rows, columns=columns).to_csv(article / "sales.csv", index=False)
    (article / "claims.toml").write_text(CLAIMS)
    (article / "page.toml").write_text(
        'title = "The stand, put to the numbers"\nheadline = ["sells_more"]\nmodels = ["toy"]\n'
    )
    return place


@pytest.fixture
def panel(toy, folder):
    return build_panel(as_of(read_vintages(folder), "2026-05-06"), "toy")


def test_the_panel_holds_the_stands_books(panel):
    assert panel.data["value"].values.tolist() == list(map(float, SALES))
    assert (panel.model, panel.units) == ("toy", {"value": "count"})


def test_from_panel_to_verdict(panel, folder, instant_sampler):
    run = fitting.fit("toy", panel, seed=1, progress=False)
    assert run.gate.passed
    draws = forecast(run, seed=2)
    assert draws["period"].values[-1] == "2029"
    claims = read_claims(folder / "articles" / "stand" / "claims.toml")
    (verdict,) = judge(claims, [draws])
    assert verdict.status == "judged"
    above = draws["y"].sel(series="Stand/ice_creams", period="2027") > 150
    assert verdict.probability == float(above.mean())


def test_a_run_has_the_models_claim_and_figure_in_its_memo(toy, folder, tmp_path, instant_sampler):
    outcome = run_all(tmp_path / "out", data=folder, models=["toy"], quick=True)
    memo = (outcome.folder / "memo.md").read_text()
    assert memo.startswith("# The stand, put to the numbers")
    assert "The stand will sell more than 150 ice creams." in memo
    assert "figures/toy_sales" in memo
    assert "Source: the books of the stand" in (outcome.folder / "memo.html").read_text()
    (verdict,) = json.loads((outcome.folder / "verdicts.json").read_text())
    assert (verdict["model"], verdict["status"]) == ("toy", "judged")
    table = pd.read_parquet(outcome.folder / "forecasts.parquet")
    assert set(table["metric"]) == {"ice_creams"}
    assert run_all(tmp_path / "out", data=folder, models=["toy"], quick=True).reused


def test_the_commands_know_it(toy, folder, tmp_path, capsys, instant_sampler):
    assert main.main(["fit", "toy", "--data", str(folder), "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)["summary"]
    assert [row["parameter"] for row in shown] == ["level", "growth", "noise"]
    place = ["--data", str(folder), "--out", str(tmp_path / "out")]
    assert main.main(["run", "--quick", "--models", "toy", *place]) == 0
    assert "in_2027" in capsys.readouterr().out
    assert main.main(["claims", "--data", str(folder), "--json"]) == 0
    assert "series, periods and windows of toy" in capsys.readouterr().err
    line = ["--start", "2024-01-01", "--end", "2025-12-31", "--quick", "--json"]
    line += ["--data", str(folder), "--out", str(tmp_path / "out")]
    assert main.main(["backtest", "toy", *line]) == 0
    cells = json.loads(capsys.readouterr().out)["cells"]
    assert {cell["forecast"] for cell in cells} == {"model", "drift"}


def test_it_changes_no_other_models_fit(monkeypatch, added_rooms):
    fresh = fit_hash.__wrapped__
    rooms = [registry.room_of(name) for name in registry.NAMES]
    before = [fresh(room) for room in rooms]
    monkeypatch.syspath_prepend(ROOMS)
    registry.add("toy", "toy_room")
    assert [fresh(room) for room in rooms] == before
    assert fresh("toy_room") not in before


def test_the_code_of_its_room_is_part_of_a_runs_name(toy, tmp_path, monkeypatch):
    assert registry.outside(["market", "toy"]) == ("toy_room",)
    room = tmp_path / "another_room"
    room.mkdir()
    for path in (ROOMS / "toy_room").glob("*.py"):
        (room / path.name).write_text(path.read_text())
    monkeypatch.syspath_prepend(tmp_path)
    assert room_hash("another_room") == room_hash("toy_room")
    text = (room / "baseline.py").read_text()
    (room / "third.py").write_text(text.replace("logs[-1] + steps", "logs[-1] - steps"))
    assert room_hash("another_room") != room_hash("toy_room")


def test_other_processes_know_it(toy):
    found = set(each(registry.carrying(registry.room_of), ["toy", "market"], 2))
    assert found == {"toy_room", "forecast.models.market"}


def test_a_package_may_bring_its_room(tmp_path, monkeypatch):
    """An installed package names its rooms in an entry point; nobody calls ``add``."""
    about = tmp_path / "stand-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: stand\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[forecast.models]\ntoy = toy_room\n")
    monkeypatch.syspath_prepend(ROOMS)
    monkeypatch.syspath_prepend(tmp_path)
    registry._brought.cache_clear()
    try:
        assert registry.names() == (*registry.NAMES, "toy")
        assert registry.get_model("toy").title == "what a stand sells in a year"
        with pytest.raises(DataError, match="a model is called 'toy' already"):
            registry.add("toy", "forecast.models.market")
    finally:
        registry._brought.cache_clear()
    monkeypatch.undo()
    with pytest.raises(UnknownNameError, match="no model is called 'toy'; there are market"):
        registry.get_model("toy")


def test_a_room_that_cannot_be_added(toy):
    with pytest.raises(DataError, match="a model is called 'market' already"):
        registry.add("market", "toy_room")
    with pytest.raises(DataError, match="the room json has no room and no panel"):
        registry.add("other", "json")
    with pytest.raises(DataError, match="the room nowhere has no room and no panel"):
        registry.add("other", "nowhere")


@pytest.fixture
def strange(tmp_path, monkeypatch, added_rooms):
    """Return a function that makes a copy of the toy's room with one file altered, and adds it."""
    monkeypatch.syspath_prepend(ROOMS)
    monkeypatch.syspath_prepend(tmp_path)

    def make(room, file, old, new):
        shutil.copytree(ROOMS / "toy_room", tmp_path / room)
        path = tmp_path / room / file
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))
        registry.add("toy", room)

    return make


@pytest.mark.parametrize(
    ("room", "file", "old", "new", "said"),
    [
        ("typo_room", "room.py", "title=", "titel=",
         "typo_room.room, of the model 'toy', cannot be imported: TypeError: .*titel"),
        ("bare_room", "room.py", "MODEL = ", "MODELL = ",
         "bare_room.room, of the model 'toy', exports no MODEL"),
        ("other_room", "room.py", 'name="toy"', 'name="tea"',
         "other_room is listed as 'toy', and its MODEL has the name 'tea'"),
    ],
)  # fmt: skip
def test_a_room_that_is_wrong_is_named(strange, capsys, room, file, old, new, said):
    strange(room, file, old, new)
    with pytest.raises(DataError, match=said):
        registry.get_model("toy")
    assert main.main(["fit", "toy"]) == 1
    assert "did not foresee" not in capsys.readouterr().err


def test_a_package_that_is_gone_or_comes_twice_is_named(monkeypatch, capsys):
    brought = {"ghost": ("nowhere.ghost",), "toy": ("one.toy", "two.toy"), "market": ("x.market",)}
    monkeypatch.setattr(registry, "_brought", lambda: brought)
    assert main.main(["fit", "ghost"]) == 1
    said = capsys.readouterr().err
    assert "nowhere.ghost.panel, of the model 'ghost', cannot be imported" in said or (
        "nowhere.ghost.room, of the model 'ghost', cannot be imported" in said
    )
    assert main.main(["fit", "toy"]) == 1
    assert "several installed packages bring a model called 'toy': one.toy, two.toy" in (
        capsys.readouterr().err
    )
    assert registry.room_of("market") == "forecast.models.market"
    for command in (["audit", "--json"], ["claims", "--json"]):
        assert main.main(command) == 0


def test_no_shared_code_names_it():
    root = Path(registry.__file__).parents[1]
    for path in root.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        assert "ice_creams" not in text
        assert "toy_room" not in text


@pytest.mark.slow
def test_a_real_fit_in_two_processes(toy, folder, tmp_path):
    line = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from forecast.app.pipeline import run_all\n"
        "from forecast.models import registry\n"
        "if __name__ == '__main__':\n"
        "    registry.add('toy', 'toy_room')\n"
        "    run_all(sys.argv[3], data=sys.argv[2], models=['toy', 'adoption'], quick=True, workers=2)\n"
    )
    (tmp_path / "job.py").write_text(line)
    table = (Path(registry.__file__).parents[2] / "data" / "open_share.csv").read_text()
    (folder / "open_share.csv").write_text(table)
    command = [sys.executable, str(tmp_path / "job.py"), str(ROOMS), str(folder)]
    root = str(Path(registry.__file__).parents[2])
    environ = {**os.environ, "PYTHONPATH": root}
    subprocess.run([*command, str(tmp_path / "out")], check=True, env=environ)
    (verdict,) = json.loads((tmp_path / "out" / "latest" / "verdicts.json").read_text())
    assert 0.2 < verdict["probability"] < 1


@pytest.mark.slow
def test_it_is_calibrated(panel):
    ranks = calibrate("toy", panel, simulations=60, seed=1)
    assert ranks["diverged"].sum() == 0
    for name in ("level", "growth", "noise"):
        assert abs(ranks[name].mean() - 49.5) < 4 * np.sqrt(100**2 / 12 / 60)
