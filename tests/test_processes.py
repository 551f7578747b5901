"""Work over processes: every result comes, an error does not wait for the rest, no worker is left."""

import multiprocessing
import os
import signal
import subprocess
import sys
import time

import pytest

from forecast.core import lock
from forecast.core.processes import crew, each


def place(task):
    return task, os.getpid()


def nap(path):
    if path is None:
        raise ValueError("no nap")
    time.sleep(10)
    path.touch()


def place_of(path):
    path.write_text("begun")
    time.sleep(10)
    path.write_text("done")


def test_one_worker_is_this_process_in_order():
    assert list(each(place, [3, 1, 2], 1)) == [(k, os.getpid()) for k in (3, 1, 2)]
    assert list(each(place, [3], 4)) == [(3, os.getpid())]
    assert list(each(place, [], 4)) == []


def test_several_workers_are_other_processes():
    found = list(each(place, [1, 2, 3, 4], 2))
    assert sorted(task for task, _ in found) == [1, 2, 3, 4]
    assert os.getpid() not in {process for _, process in found}


def test_an_error_ends_the_others(tmp_path):
    with pytest.raises(ValueError, match="no nap"):
        list(each(nap, [tmp_path / "slept", None], 2))
    assert not (tmp_path / "slept").exists()
    assert not multiprocessing.active_children()


def test_a_crew_is_there_before_it_has_work():
    with crew(place, 2) as hand_out:
        assert len(multiprocessing.active_children()) == 2
        found = list(hand_out([1, 2, 3]))
    assert sorted(task for task, _ in found) == [1, 2, 3]
    assert not multiprocessing.active_children()


def test_work_begins_when_it_is_handed_out_and_an_error_beside_it_ends_it(tmp_path):
    with pytest.raises(ValueError, match="no claim"), crew(place_of, 2) as hand_out:
        hand_out([tmp_path / "one", tmp_path / "two"])  # nobody asks for the results
        wait_until(lambda: [p.read_text() for p in tmp_path.iterdir()] == ["begun"] * 2, 60)
        raise ValueError("no claim")
    assert {path.read_text() for path in tmp_path.iterdir()} == {"begun"}
    assert not multiprocessing.active_children()


# Two workers, one asleep and one at work; each marks its folder for as long as it lives.
WORK = """
import signal, sys, time
from pathlib import Path
from forecast.core import lock
from forecast.core.processes import each

def work(folder):
    with lock.alive(folder):
        (folder / "begun").touch()
        end = time.monotonic() + 120
        while time.monotonic() < end:
            if folder.name == "sleeps":
                time.sleep(120)
        (folder / "done").touch()

if __name__ == "__main__":
    # Started in the background by a shell it would not hear Ctrl-C at all.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for _ in each(work, [Path(place) for place in sys.argv[1:]], 2):
        pass
"""


@pytest.mark.parametrize("how", ["SIGKILL", "SIGTERM", "SIGINT"])
def test_workers_end_with_their_parent_however_it_ends(tmp_path, how):
    (tmp_path / "work.py").write_text(WORK)
    folders = [tmp_path / "sleeps", tmp_path / "works"]
    for folder in folders:
        folder.mkdir()
    command = [sys.executable, tmp_path / "work.py", *folders]
    where = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    with subprocess.Popen(command, env=where, stderr=subprocess.DEVNULL) as parent:
        wait_until(lambda: all((folder / "begun").exists() for folder in folders), 60)
        assert not any(map(lock.abandoned, folders))
        parent.send_signal(getattr(signal, how))
        parent.wait(45)
    wait_until(lambda: all(map(lock.abandoned, folders)), 20)
    assert not any((folder / "done").exists() for folder in folders)


def wait_until(met, seconds):
    end = time.monotonic() + seconds
    while not met():
        assert time.monotonic() < end, f"not within {seconds} s"
        time.sleep(0.02)
