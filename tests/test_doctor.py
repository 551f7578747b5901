"""The doctor: one thing after another is broken, and it is that line which says so."""

import json
import subprocess
import sys
import types

import pytest

from forecast.app import doctor
from forecast.cli import main
from forecast.inference import compile as code
from forecast.inference import sampling

CHECKS = ["Python", "libraries", "versions tried", "extras", "caches", "folders", "disk space",
          "tables", "a small fit"]  # fmt: skip


@pytest.fixture
def well(monkeypatch, tmp_path, instant_sampler):
    """A machine that has what it needs: caches that stay, room, and a fit that costs nothing."""
    stays = {name: tmp_path / name for name in ("MPLCONFIGDIR", "NUMBA_CACHE_DIR", "code")}
    for name in ("MPLCONFIGDIR", "NUMBA_CACHE_DIR"):
        monkeypatch.setenv(name, str(stays[name]))
    monkeypatch.setenv("PYTENSOR_FLAGS", f"base_compiledir={stays['code']}")
    monkeypatch.setattr(doctor.tempfile, "gettempdir", lambda: "/nowhere")
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda folder: types.SimpleNamespace(free=5e9))
    return tmp_path


def found(tmp_path, check, data=None):
    """Return what one check says; no other may be at fault."""
    every = list(doctor.examine(tmp_path / "out", data=data))
    assert [one.check for one in every if one.state != "ok" and one.check != check] == []
    return [one for one in every if one.check == check]


def test_a_machine_that_has_all(well, capsys):
    every = list(doctor.examine(well / "out"))
    assert list(dict.fromkeys(one.check for one in every)) == CHECKS
    assert {one.state for one in every} == {"ok"}
    assert not any(one.remedy for one in every if one.check != "extras")
    assert list(well.iterdir()) == []  # nothing is left behind
    assert main.main(["doctor", "--out", str(well / "out")]) == 0
    out, err = capsys.readouterr()
    assert "ok       Python: Python 3." in out
    assert "model compiles and samples, in " in out.splitlines()[-1]
    assert "half a minute" in err


def test_json_and_the_exit_code(well, capsys, monkeypatch):
    assert main.main(["doctor", "--json", "--out", "/proc/out"]) == 1
    rows = json.loads(capsys.readouterr().out)
    assert [row["check"] for row in rows if row["state"] == "fault"] == ["folders"]
    assert set(rows[0]) == {"check", "state", "said", "remedy"}
    monkeypatch.setattr(doctor, "SLOW_FIT", 0.0)
    assert main.main(["doctor"]) == 0  # a warning alone
    out, _ = capsys.readouterr()
    assert "warning  a small fit" in out
    assert "         -> end what else runs here" in out


@pytest.mark.parametrize(
    ("minor", "state", "said"),
    [(8, "fault", "3.12 or newer is needed"), (99, "warning", "newer than any tried, 3.")],
)
def test_python_of_another_version(well, monkeypatch, minor, state, said):
    monkeypatch.setattr(
        doctor, "sys", types.SimpleNamespace(version_info=(3, minor), executable="/bin/python")
    )
    (one,) = found(well, "Python")
    assert (one.state, said in one.said) == (state, True)
    assert "environment with" in one.remedy


@pytest.mark.parametrize(
    ("version", "said", "remedy"),
    [
        ("", "xarray is not installed", 'pip install "xarray>=2025.9"'),
        ("2024.1", "xarray 2024.1; wanted >=2025.9", 'pip install "xarray>=2025.9"'),
    ],
)
def test_a_library_that_is_not_there_or_of_another_version(
    well, monkeypatch, version, said, remedy
):
    real = doctor._version
    told = lambda name: version if name == "xarray" else real(name)  # noqa: E731
    monkeypatch.setattr(doctor, "_version", told)
    (one,) = found(well, "libraries")
    assert (one.state, one.said, one.remedy) == ("fault", said, remedy)


def test_versions_whose_private_doors_nobody_tried(well, monkeypatch):
    monkeypatch.setattr(code, "TRIED", {**code.TRIED, "numba": ("0.1", "0.2")})
    (one,) = found(well, "versions tried")
    assert one.state == "warning"
    assert 'pip install "numba>=0.1,<0.2" "nutpie>=' in one.remedy


def test_extras_that_are_not_there_are_no_fault(well, monkeypatch):
    real = doctor._version
    monkeypatch.setattr(doctor, "_version", lambda name: "" if name == "typst" else real(name))
    (one,) = found(well, "extras")
    assert "not there: pdf" in one.said
    assert one.remedy == 'to have them: pip install "forecast[pdf]"'


@pytest.mark.parametrize("variable", ["MPLCONFIGDIR", "NUMBA_CACHE_DIR"])
def test_a_cache_that_cannot_be_written_or_does_not_stay(well, monkeypatch, variable):
    monkeypatch.setenv(variable, "/proc/cache")
    bad = [one for one in found(well, "caches") if one.state == "fault"]
    assert [one.said for one in bad] == [f"{variable}: /proc/cache cannot be written"]
    monkeypatch.setenv(variable, str(well / "fleeting" / "cache"))
    monkeypatch.setattr(doctor.tempfile, "gettempdir", lambda: str(well / "fleeting"))
    (bad,) = [one for one in found(well, "caches") if one.state != "ok"]
    assert bad.state == "warning"
    assert f"set {variable} to a folder that stays" in bad.remedy


def test_tables_to_which_nothing_can_be_added(well, monkeypatch):
    real = doctor.can_write
    monkeypatch.setattr(doctor, "can_write", lambda folder: folder.name != "data" and real(folder))
    (bad,) = [one for one in found(well, "folders") if one.state != "ok"]
    assert bad.state == "warning"
    assert "forecast init FOLDER" in bad.remedy


@pytest.mark.parametrize(("free", "state"), [(3e8, "warning"), (1e8, "fault")])
def test_a_disk_that_is_nearly_full(well, monkeypatch, free, state):
    monkeypatch.setattr(
        doctor.shutil, "disk_usage", lambda folder: types.SimpleNamespace(free=free)
    )
    every = found(well, "disk space")
    assert [one.state for one in every] == [state, state]
    assert every[0].said == f"{free / 1e9:.1f} GB for runs, {well}"


def test_a_data_folder_that_a_run_would_refuse(well):
    (well / "data" / "articles" / "mine").mkdir(parents=True)
    (well / "data" / "articles" / "mine" / "claims.toml").write_text("[[claim]]\n")
    (well / "data" / "earnings.csv").write_text("entity\n")
    (one,) = found(well, "tables", well / "data")
    assert one.state == "fault"
    assert "earnings.csv" in one.said


def test_a_fit_that_fails_is_a_line_and_no_trace(well, monkeypatch, capsys):
    def broken(*args, **kwargs):
        raise RuntimeError("no\nLLVM")

    monkeypatch.setattr(sampling, "sample_model", broken)
    (one,) = found(well, "a small fit")
    assert (one.state, one.said) == ("fault", "RuntimeError: no LLVM")
    assert main.main(["doctor", "--out", str(well / "out")]) == 1


@pytest.mark.slow
def test_a_real_fit_in_a_process_of_its_own(tmp_path):
    """With caches of its own, so that it compiles: what a new machine would see."""
    flags = {"PYTENSOR_FLAGS": f"base_compiledir={tmp_path / 'code'}", "PATH": "/usr/bin:/bin"}
    done = subprocess.run(
        [sys.executable, "-m", "forecast", "doctor", "--json"],
        capture_output=True, text=True, check=False, cwd=tmp_path, env={"HOME": str(tmp_path), **flags},
    )  # fmt: skip
    rows = json.loads(done.stdout)
    assert rows[-1]["said"].startswith("the adoption model compiles and samples, in ")
    assert done.returncode == 0
    assert any((tmp_path / "code").rglob("*"))
