"""A Dask cluster by its address: a scheduler and two workers, processes of their own on this machine."""

import json
import logging
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from conftest import SECONDS
from made_up import annual_market
from test_backtest_store import dates_of, same, walk

from forecast.core.errors import DataError
from forecast.evaluation import backtesting
from forecast.evaluation.backtesting import _on_cluster, _same_code
from forecast.inference.codehash import package_hash

distributed = pytest.importorskip("distributed")
TESTS = Path(__file__).parent
WORKER = f"""
import os, signal, sys
sys.path.insert(0, {str(TESTS)!r})
from conftest import independent_tree
from forecast.inference import sampling

def sample(entry, panel, priors, spec, *, progress=False):
    with open(FITS, "a") as file:
        file.write(f"{{panel.as_of}} {{os.getpid()}}\\n")
    try:
        os.close(os.open(VICTIM, os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        return independent_tree(entry, panel, priors, spec)
    os.kill(os.getpid(), signal.SIGKILL)

sampling.sample_model = sample
"""
"""What a worker loads first: prior draws for a sampler, and the first fit of all kills its process."""


@pytest.fixture(scope="module")
def annual():
    return annual_market()


@pytest.fixture
def started(tmp_path):
    """Start processes of Dask, and end them after the test."""
    running = []

    def start(what, *options):
        line = [sys.executable, "-W", "ignore", "-m", f"distributed.cli.dask_{what}", *options]
        with (tmp_path / f"{what}{len(running)}.log").open("w") as log:
            running.append(subprocess.Popen(line, stdout=log, stderr=log, cwd=tmp_path))
        return running[-1]

    yield start
    for one in running:
        one.kill()
        one.wait()


def waited(ready):
    end = time.monotonic() + SECONDS
    while not ready():
        assert time.monotonic() < end
        time.sleep(0.05)


def address_of(start, folder):
    file = folder / "scheduler.json"
    start("scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard",
          "--scheduler-file", str(file))  # fmt: skip
    waited(lambda: file.is_file() and file.read_text().endswith("}"))
    return json.loads(file.read_text())["address"]


@pytest.mark.slow
def test_a_worker_that_is_killed_in_the_middle_changes_no_number(
    annual, instant_sampler, started, tmp_path, caplog
):
    address = address_of(started, tmp_path)
    fits, victim = tmp_path / "fits.txt", tmp_path / "victim"
    preload = tmp_path / "preload.py"
    preload.write_text(WORKER.replace("FITS", repr(str(fits))).replace("VICTIM", repr(str(victim))))
    workers = [
        started("worker", address, "--no-nanny", "--nthreads", "1", "--no-dashboard", "--host",
                "127.0.0.1", "--preload", str(preload))
        for _ in range(2)
    ]  # fmt: skip
    with distributed.Client(address, timeout=SECONDS) as client:
        client.wait_for_workers(2, timeout=SECONDS)
    with caplog.at_level(logging.INFO, "forecast"):
        found = walk(annual, tmp_path / "out", cluster=address)
    same(found, walk(annual))
    assert len(dates_of(tmp_path / "out")) == len(found.origins)
    waited(lambda: sum(one.poll() is None for one in workers) == 1)
    (killed,) = (one for one in workers if one.poll() is not None)
    assert killed.returncode == -signal.SIGKILL
    done = [line.split() for line in fits.read_text().splitlines()]
    first = done[0]
    assert first[1] == str(killed.pid)
    assert [first[0]] == [day for day, pid in done[1:] if day == first[0]]  # once more, elsewhere
    assert len(done) == len(found.origins) + 1
    assert not [line for line in caplog.messages if "threads" in line]


def test_the_work_is_refused_where_the_code_is_other_code():
    assert _same_code(package_hash(), str.upper, "a") == "A"
    with pytest.raises(DataError, match="has other code of this package"):
        _same_code("0" * 64, str.upper, "a")


def test_an_address_where_nobody_answers(annual):
    with pytest.raises(DataError, match="no Dask scheduler answers at 'nonsense://x'"):
        walk(annual, cluster="nonsense://x")


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (lambda: distributed.KilledWorker("date-1", SimpleNamespace(address="a"), 3),
         "died again and again at the same date"),
        (lambda: distributed.CancelledError("x"), "was lost; look whether it runs, and run again"),
        (lambda: OSError("connection lost"), "the connection to the Dask scheduler at tcp://x:1"),
        (lambda: ModuleNotFoundError("No module named 'forecast'"), "lacks what it needs: No module"),
    ],
)  # fmt: skip
def test_what_goes_wrong_on_a_cluster_is_said(monkeypatch, error, said, caplog):
    cancelled = []

    class Client:
        def __init__(self, address, timeout):
            pass

        def __enter__(self):
            return self

        def __exit__(self, *_):
            pass

        def scheduler_info(self):
            return {"workers": {"a": {"nthreads": 4}}}

        def map(self, work, tasks, pure):
            assert not pure
            return list(tasks)

        def cancel(self, futures):
            cancelled.extend(futures)

    def fail(_):
        raise error()

    monkeypatch.setattr(distributed, "Client", Client)
    monkeypatch.setattr(distributed, "as_completed", fail)
    with pytest.raises(DataError, match=said):
        list(_on_cluster(str.upper, ["a", "b"], "tcp://x:1"))
    assert cancelled == ["a", "b"]
    assert any("--nthreads 1" in line for line in caplog.messages)


def test_without_dask_it_is_said_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(DataError, match=r"pip install 'forecast\[cluster\]'"):
        list(backtesting._on_cluster(str.upper, ["a"], "tcp://x:1"))
