"""Every command refuses a damaged run in words, whatever is damaged, and reads nothing from it."""

import json
import shutil
from pathlib import Path

import pytest
from conftest import without_pictures

from forecast.cli import main
from forecast.inference import sampling
from forecast.store import runs

COMMANDS = {
    "claims": ["claims", "--out", "OUT"],
    "memo": ["memo", "RUN", "--out", "OUT"],
    "news": ["news", "--from", "RUN", "--out", "OUT"],
    "news --before": ["news", "--before", "--out", "OUT"],
    "update": ["update", "--out", "OUT"],
}


@pytest.fixture
def out(adoption_run, tmp_path, monkeypatch):
    monkeypatch.setattr(sampling, "sample_model", None)  # nothing is fitted
    return Path(shutil.copytree(adoption_run, tmp_path / "out", symlinks=True))


def said(command, out, capsys):
    run = out / "runs" / next(p.name for p in (out / "runs").iterdir())
    known = {"OUT": str(out), "RUN": str(run)}
    capsys.readouterr()
    code = main.main([known.get(word, word) for word in COMMANDS[command]])
    err = capsys.readouterr().err.splitlines()
    assert code == 1, err
    assert err[-1].startswith("forecast: ")
    assert "did not foresee" not in err[-1]
    return err[-1]


def folder_of(out):
    return (out / "latest").resolve()


def cut(name):
    def damage(out):
        path = folder_of(out) / name
        path.write_bytes(path.read_bytes()[:-20])

    return damage


def gone(name):
    return lambda out: (folder_of(out) / name).unlink()


def more(out):
    (folder_of(out) / "more.txt").write_text("x")


def empty_list(out):
    (folder_of(out) / "checksums.json").write_text("{}")


def dropped_entry(out):
    path = folder_of(out) / "checksums.json"
    sums = json.loads(path.read_text())
    del sums["verdicts.json"]
    path.write_text(json.dumps(sums))


WHERE = {
    "a cut manifest": (cut("manifest.json"), "altered manifest.json"),
    "a cut fit": (cut("fits/adoption.nc"), "altered fits/adoption.nc"),
    "cut forecasts": (cut("forecasts.parquet"), "altered forecasts.parquet"),
    "a cut list of checksums": (cut("checksums.json"), "checksums.json: cannot be read"),
    "no verdicts": (gone("verdicts.json"), "missing verdicts.json"),
    "no manifest": (gone("manifest.json"), "missing manifest.json"),
    "no list of checksums": (gone("checksums.json"), "not a run folder"),
    "a file more": (more, "not of the run more.txt"),
    "an empty list": (empty_list, "checksums.json: altered"),
    "a dropped entry": (dropped_entry, "checksums.json: altered"),
}


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("what", WHERE)
def test_a_damaged_run_is_refused_by_every_command(what, command, out, capsys):
    damage, words = WHERE[what]
    damage(out)
    assert words in said(command, out, capsys)


def seal(folder):
    """Make the list of checksums agree with what is there, as no accident would."""
    sums = runs._files(folder)
    text = json.dumps({**sums, "checksums.json": runs._seal(sums)})
    (folder / "checksums.json").write_text(text)


CONTENT = {
    "a manifest that is a list": ("manifest.json", "[]", "got a list, wanted a dict"),
    "half a manifest": ("manifest.json", '{"run": ', "cannot be read"),
    "a manifest of other kinds": ("manifest.json", '{"run": 1}', "manifest.json: no good"),
    "verdicts that are a dict": ("verdicts.json", "{}", "got a dict, wanted a list"),
    "verdicts that are none": ("verdicts.json", "[1]", "no verdict"),
    "verdicts of other keys": ("verdicts.json", '[{"a": 1}]', "no verdict"),
}


@pytest.mark.parametrize("command", [c for c in COMMANDS if c != "memo"])
@pytest.mark.parametrize("what", CONTENT)
def test_content_that_is_not_a_runs_is_refused_though_its_checksums_agree(
    what, command, out, capsys
):
    name, text, words = CONTENT[what]
    (folder_of(out) / name).write_text(text)
    seal(folder_of(out))
    assert words in said(command, out, capsys)


@pytest.mark.parametrize("name", ["forecasts.parquet", "known.csv", "claims.toml"])
def test_tables_that_are_none_are_refused_though_their_checksums_agree(name, out, capsys):
    (folder_of(out) / name).write_text("garbage")
    seal(folder_of(out))
    assert name in said("news --before", out, capsys)


def nowhere(out):
    (out / "latest").unlink()
    (out / "latest").symlink_to("runs/gone")


def outside(out):
    shutil.copytree(folder_of(out), out.parent / "mine")
    (out / "latest").unlink()
    (out / "latest").symlink_to(out.parent / "mine")


def a_file(out):
    (out / "latest").unlink()
    (out / "latest").write_text("")


LINKS = {nowhere: "points to runs/gone, which is not there", outside: "which is not in",
         a_file: "is no link to a run"}  # fmt: skip


@pytest.mark.parametrize("link", LINKS)
@pytest.mark.parametrize("command", ["claims", "news --before", "update"])
def test_a_latest_that_leads_nowhere_is_said(link, command, out, capsys):
    link(out)
    assert LINKS[link] in said(command, out, capsys)


def test_rows_are_added_beside_a_damaged_run_without_percentiles(out, tmp_path, capsys):
    more(out)
    (tmp_path / "data").mkdir()
    (tmp_path / "new.csv").write_text(
        "entity,metric,period,value,unit,reported_on,source,confidence,qualifier\n"
        "M,capex,2025Q1,5,USD m,2025-04-30,s,A,\n"
    )
    argv = ["data", "add", str(tmp_path / "new.csv"), "--data", str(tmp_path / "data"), "--write"]
    assert main.main([*argv, "--out", str(out)]) == 0
    assert "no percentiles: " in capsys.readouterr().err
    assert (tmp_path / "data" / "vintages" / "user.csv").is_file()


def test_one_byte_in_a_stored_checksum_is_said_and_the_fit_made_anew(
    adoption_run, tmp_path, capsys, instant_sampler, monkeypatch
):
    without_pictures(monkeypatch)
    out = Path(shutil.copytree(adoption_run, tmp_path / "out", symlinks=True))
    (note,) = (out / "fits").glob("*.sha256")
    note.write_bytes(b"\x80" + note.read_bytes()[1:])
    shutil.rmtree(out / "runs")
    argv = ["run", "--quick", "--models", "adoption", "--out", str(out)]
    assert main.main(argv) == 0  # latest led nowhere: mended
    assert (
        f"{note.stem}.nc: altered or not written to its end; it is not used; fitting adoption "
        in (capsys.readouterr().err)
    )
    runs.verify(runs.latest_run(out))
    assert b"\x80" not in note.read_bytes()
