"""Streams, homes and folders as they come: a result or a sentence, never a trace."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from forecast.cli import main
from forecast.core import environment
from forecast.core.errors import DataError
from forecast.evaluation.dates import origins

ROOT = Path(__file__).parent.parent
ROW = (
    "entity,metric,period,value,unit,reported_on,source,confidence,qualifier\n"
    "Société,revenue,2025Q1,5,USD m,2025-04-30,10-Q,A,\n"
)


def command(*argv, shell="", **more):
    """Run the command line in a process of its own, through a redirection of the shell if given."""
    environ = {**os.environ, "PYTHONPATH": str(ROOT), **more.pop("env", {})}
    line = [sys.executable, "-m", "forecast", *map(str, argv)]
    if shell:
        line = ["sh", "-c", f'exec "$@" {shell}', "sh", *line]
    return subprocess.run(
        line, env=environ, text=True, encoding="utf-8", timeout=120, check=False,
        **{"capture_output": True, **more},
    )  # fmt: skip


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "tablé.csv"
    path.write_text(ROW, encoding="utf-8")
    return path


def test_a_stream_that_knows_ascii_only_gets_escapes(table):
    done = command("data", "check", table, env={"PYTHONIOENCODING": "ascii"})
    assert done.returncode == 0
    assert done.stderr.isascii()
    assert "new companies, in no table yet: Soci\\xe9t\\xe9" in done.stderr
    assert "tabl\\xe9.csv: 1 rows are good" in done.stdout


def test_json_on_such_a_stream_is_json(table, tmp_path):
    (tmp_path / "data").mkdir()
    argv = ["data", "add", table, "--data", tmp_path / "data", "--out", tmp_path / "out", "--json"]
    done = command(*argv, env={"PYTHONIOENCODING": "ascii"})
    assert done.returncode == 0
    assert done.stdout.isascii()
    assert json.loads(done.stdout)["new"][0]["entity"] == "Société"


@pytest.mark.parametrize("closed", [">&-", ">&- 2>&-", "<&- >&- 2>&-"])
def test_closed_streams_are_no_error(closed, table):
    done = command("data", "check", table, shell=closed)
    assert (done.returncode, done.stdout) == (0, "")
    assert "Traceback" not in done.stderr
    assert ("Société" in done.stderr) == ("2>" not in closed)


def test_a_full_device_is_said(table):
    done = command("data", "check", table, shell="> /dev/full")
    assert done.returncode == 1
    assert done.stderr.endswith(
        "\nforecast: standard output: No space left on device; make room there and run again\n"
    )
    done = command("data", "check", table, shell="> /dev/full 2> /dev/full")
    assert (done.returncode, done.stderr) == (1, "")


def test_a_reader_that_leaves_ends_it_quietly(table):
    read, write = os.pipe()
    os.close(read)
    done = command("data", "check", table, capture_output=False, stdout=write,
                   stderr=subprocess.PIPE)  # fmt: skip
    os.close(write)
    assert done.returncode == 1
    assert "forecast:" not in done.stderr


@pytest.mark.parametrize(
    "given",
    [{"HOME": "/dev/null", "MPLBACKEND": "nonsense"},
     {"MPLCONFIGDIR": "/dev/null/a", "NUMBA_CACHE_DIR": "/dev/null/b",
      "PYTENSOR_FLAGS": "base_compiledir=/dev/null/c"}],
)  # fmt: skip
def test_a_run_is_used_again_without_a_home_and_under_any_backend(given, adoption_run, tmp_path):
    argv = ["run", "--quick", "--models", "adoption", "--out", adoption_run]
    done = command(*argv, env={"TMPDIR": str(tmp_path), **given})
    assert done.returncode == 0, done.stderr
    assert "using the run" in done.stderr
    assert "atplotlib" not in done.stderr


def test_caches_go_elsewhere_only_where_the_home_cannot_be_written(tmp_path, monkeypatch):
    monkeypatch.setattr(environment.tempfile, "tempdir", str(tmp_path))
    good = {"HOME": str(tmp_path / "home"), "PYTENSOR_FLAGS": "floatX=float64"}
    monkeypatch.setenv("HOME", good["HOME"])
    environ = dict(good)
    environment.prepare(environ)
    assert environ == {**good, "MPLBACKEND": "agg"}
    assert list(tmp_path.iterdir()) == []  # nothing is made where all is well

    monkeypatch.setenv("HOME", "/dev/null")
    mine = str(tmp_path / "mine")
    environ = {"MPLCONFIGDIR": mine, "PYTENSOR_FLAGS": "floatX=float64"}
    environment.prepare(environ)
    own = tmp_path / f"forecast-{os.getuid()}"
    assert environ == {
        "MPLBACKEND": "agg",
        "MPLCONFIGDIR": mine,
        "NUMBA_CACHE_DIR": f"{own}/.cache/numba",
        "PYTENSOR_FLAGS": f"floatX=float64,base_compiledir={own}/.pytensor",
    }
    assert own.stat().st_mode & 0o777 == 0o700


def test_compiled_code_is_never_taken_from_a_folder_that_others_can_write(tmp_path, monkeypatch):
    monkeypatch.setattr(environment.tempfile, "tempdir", str(tmp_path))
    own = tmp_path / f"forecast-{os.getuid()}"
    own.mkdir()
    own.chmod(0o777)
    assert environment._substitute() != own
    own.rmdir()
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    own.symlink_to(tmp_path / "elsewhere")
    assert environment._substitute() not in (own, tmp_path / "elsewhere")


def test_a_working_directory_that_is_gone_is_said(tmp_path):
    gone = tmp_path / "gone"
    gone.mkdir()
    line = f'cd "{gone}"; rmdir "{gone}"; exec "{sys.executable}" -m forecast claims'
    done = subprocess.run(["sh", "-c", line], env={**os.environ, "PYTHONPATH": str(ROOT)},
                          capture_output=True, text=True, timeout=60, check=False)  # fmt: skip
    assert done.returncode == 1
    assert done.stderr == (
        "forecast: the working directory is gone (No such file or directory); change to another "
        "one and run again\n"
    )


@pytest.mark.parametrize("day", ["now", "x", "2026", "2026-02-30", "today"])
@pytest.mark.parametrize("option", ["--start", "--end"])
def test_backtest_takes_days_only(day, option, capsys):
    days = {"--start": "2025-01-01", "--end": "2026-01-01", option: day}
    argv = [word for pair in days.items() for word in pair]
    assert main.main(["backtest", "adoption", *argv]) == 1
    assert f"cannot read the {option[2:]} date {day!r}; wanted a day" in capsys.readouterr().err


def test_a_lag_of_centuries_is_refused():
    with pytest.raises(DataError, match="got 99999999999 days after quarters; wanted at most 3660"):
        origins("2025-01-01", "2026-01-01", 99999999999)


# --- what is no file -------------------------------------------------------------------------
@pytest.fixture
def limit():
    """Let no test wait for ever."""

    def late(*_):
        raise TimeoutError("it waits")

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(30)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


INPUTS = {
    "data check": ["data", "check", "FILE"],
    "data add": ["data", "add", "FILE", "--data", "DIR"],
    "update": ["update", "FILE", "--data", "DIR", "--out", "OUT"],
    "fit, observations": ["fit", "market", "--table", "FILE"],
    "fit, a table": ["fit", "hazard", "--table", "FILE"],
    "claims": ["claims", "--file", "FILE"],
}


@pytest.mark.parametrize("what", INPUTS)
@pytest.mark.parametrize("kind", ["a pipe", "a device", "a folder"])
def test_what_is_no_file_is_refused_and_not_waited_for(what, kind, tmp_path, limit, capsys):
    path = tmp_path / "input"
    if kind == "a pipe":
        os.mkfifo(path)
    elif kind == "a device":
        path.symlink_to("/dev/zero")
    else:
        path.mkdir()
    (tmp_path / "data").mkdir()
    known = {"FILE": path, "DIR": tmp_path / "data", "OUT": tmp_path / "out"}
    assert main.main([str(known.get(word, word)) for word in INPUTS[what]]) == 1
    said = "a folder" if kind == "a folder" else "a pipe or a device"
    assert f"{path} is {said}; give the path of a file" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
    assert list((tmp_path / "data").iterdir()) == []
