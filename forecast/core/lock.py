"""One process at a time: a lock of the operating system on a file beside what is written.

``hold`` is filelock's lock, which knows the ways of each operating system; what it does not say, whom
one waits for, is written into the file. ``alive`` marks a folder, which filelock cannot lock, so that
nothing need be put into it: that is our own, and without ``fcntl`` (on Windows) no folder counts as
abandoned, so that nothing is swept away there.

Invariant: the lock goes with the process that holds it, however it ends; the file it stands on stays
and means nothing. ``tests/test_lock.py`` kills a holder.
"""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import filelock

from forecast.core.errors import StoreError

fcntl: Any
try:
    import fcntl
except ImportError:
    fcntl = None

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
        Naming the process that holds it, after `patience`, or that no lock file can be made there.
    """
    path = Path(path)
    if not path.parent.is_dir():  # filelock would make it
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path))
    lock = filelock.FileLock(path, timeout=patience, poll_interval=_STEP)
    try:
        lock.acquire()
    except filelock.Timeout:
        if not path.exists():  # as in folders of the kernel, which look writable
            raise StoreError(
                f"{what} cannot be locked: no file can be made at {path} (tried for {patience:g} s); "
                "give another folder"
            ) from None
        raise StoreError(
            f"{what} is in use by {_holder(path)} (waited {patience:g} s for {path}); "
            "try again when it has ended"
        ) from None
    try:
        with contextlib.suppress(OSError):  # Windows lets nobody else write to a locked file
            path.write_text(f"process {os.getpid()}", encoding="utf-8")
        yield
    finally:
        lock.release()


def _holder(path: Path) -> str:
    with contextlib.suppress(OSError):
        return path.read_text(encoding="utf-8", errors="replace")[:100] or "another process"
    return "another process"


@contextlib.contextmanager
def alive(folder: str | Path) -> Iterator[None]:
    """Mark a folder as being filled, for as long as this process lives."""
    if fcntl is None:
        yield
        return
    handle = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
        yield
    finally:
        os.close(handle)


def abandoned(folder: str | Path) -> bool:
    """Return whether nobody is filling a folder any more; false if it is gone, or nobody can tell."""
    if fcntl is None:
        return False
    try:
        handle = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(handle)
    return True
