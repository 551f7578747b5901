"""One process at a time, and a dead one holds nothing."""

import os
import signal
import subprocess
import sys
import time

import pytest

from forecast.core import lock
from forecast.core.errors import StoreError
from forecast.core.lock import abandoned, alive, hold

HOLDER = """
import sys, time
from forecast.core.lock import hold
with hold(sys.argv[1], "it"):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def holder(tmp_path):
    """Return a process that holds the lock."""
    command = [sys.executable, "-c", HOLDER, str(tmp_path / "lock")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_another_process_is_named_and_its_death_frees_the_lock(tmp_path, holder):
    start = time.monotonic()
    with (
        pytest.raises(StoreError, match=rf"the table is in use by process {holder.pid}"),
        hold(tmp_path / "lock", "the table", patience=0.2),
    ):
        pass
    assert time.monotonic() - start >= 0.2
    os.kill(holder.pid, signal.SIGKILL)
    holder.wait()
    with hold(tmp_path / "lock", "the table", patience=0.2):
        assert (tmp_path / "lock").read_text() == f"process {os.getpid()}"


def test_where_no_lock_can_be_made_nobody_is_said_to_hold_it(tmp_path, monkeypatch):
    def acquire(self):
        raise lock.filelock.Timeout(self.lock_file)

    monkeypatch.setattr(lock.filelock.FileLock, "acquire", acquire)
    with (
        pytest.raises(StoreError, match="the table cannot be locked: no file can be made at"),
        hold(tmp_path / "lock", "the table", patience=0.1),
    ):
        pass


def test_it_is_free_again_after_an_error(tmp_path):
    with pytest.raises(ZeroDivisionError), hold(tmp_path / "lock", "it"):
        raise ZeroDivisionError
    with hold(tmp_path / "lock", "it", patience=0):
        pass


def test_a_folder_is_abandoned_when_nobody_fills_it(tmp_path):
    with alive(tmp_path):
        assert not abandoned(tmp_path)
    assert abandoned(tmp_path)
    assert not abandoned(tmp_path / "none")


def test_no_folder_is_made_for_a_lock(tmp_path):
    with pytest.raises(FileNotFoundError, match="none"), hold(tmp_path / "none" / "lock", "it"):
        pass
    assert not (tmp_path / "none").exists()


def test_without_fcntl_a_lock_holds_and_nothing_counts_as_abandoned(tmp_path, monkeypatch):
    monkeypatch.setattr(lock, "fcntl", None)
    with alive(tmp_path), hold(tmp_path / "lock", "it"):
        assert not abandoned(tmp_path)
    assert not abandoned(tmp_path)
