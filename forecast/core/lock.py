"""One process at a time: a lock of the operating system on a file beside what is written.

Invariant: the lock goes with the process that holds it, however it ends; the file it stands on stays
and means nothing. ``tests/test_lock.py`` kills a holder.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path

from forecast.core.errors import StoreError

PATIENCE = 20.0
"""Seconds to wait for a lock: what is held longer is no mere write."""
_STEP = 0.05


@contextlib.contextmanager
def hold(path: str | Path, what: str, *, patience: float = PATIENCE) -> Iterator[None]:
    """Hold the lock on a file, which is made if missing.

    Parameters
    ----------
    path
        The lock file; its folder must exist.
    what
        What it guards, for the message.
    patience
        Seconds to wait for another holder.

    Raises
    ------
    StoreError
        Naming the process that holds it, after `patience`.
    """
    path = Path(path)
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        end = time.monotonic() + patience
        while not _taken(handle):
            if time.monotonic() >= end:
                raise StoreError(
                    f"{what} is in use by {_holder(handle)} (waited {patience:g} s for {path}); "
                    "try again when it has ended"
                )
            time.sleep(_STEP)
        os.ftruncate(handle, 0)
        os.pwrite(handle, f"process {os.getpid()}".encode(), 0)
        yield
    finally:
        os.close(handle)  # and with it the lock


def _taken(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _holder(handle: int) -> str:
    return os.pread(handle, 100, 0).decode(errors="replace") or "another process"


@contextlib.contextmanager
def alive(folder: str | Path) -> Iterator[None]:
    """Mark a folder as being filled, for as long as this process lives."""
    handle = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
        yield
    finally:
        os.close(handle)


def abandoned(folder: str | Path) -> bool:
    """Return whether nobody is filling a folder any more; false if it is gone."""
    try:
        handle = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        return _taken(handle)
    finally:
        os.close(handle)
