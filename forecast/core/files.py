"""Files: what is read is a file, what is written is there whole or not at all.

Invariant: an error of the operating system on writing comes out as a sentence with the path, and then
the file is as it was before.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import tempfile
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from forecast.core.errors import ClaimError, DataError, ForecastError, StoreError

_PROBE = 1 << 20
"""Bytes written to see whether a folder takes any: a disk that is full but for less will not do."""
_ADVICE = {
    errno.ENOSPC: "make room there and run again",
    errno.EDQUOT: "make room there and run again",
    errno.EACCES: "change its permissions or give another path",
    errno.EPERM: "change its permissions or give another path",
    errno.EROFS: "give a path that can be written",
    errno.ENOENT: "look whether it is still there, and run again",
    errno.EEXIST: "move away what stands there or give another path",
    errno.ENOTDIR: "a file stands where a folder should: move it away or give another path",
    errno.EISDIR: "a folder stands where a file should: move it away or give another path",
}


def what_failed(error: OSError, path: Path | None = None) -> str:
    """Return what the operating system refused and what to do, of `path` or of what it names."""
    what = f"{type(error).__name__}: {error}" if error.errno is None else os.strerror(error.errno)
    places = _places(error) if path is None else [str(path)]
    advice = _ADVICE.get(error.errno or 0, "put that right and run again")
    return f"{' to '.join(places) or 'the system refused'}: {' '.join(what.split())}; {advice}"


def _places(error: OSError) -> list[str]:
    given = (error.filename, error.filename2)
    return [os.fsdecode(place) for place in given if isinstance(place, str | bytes)]


@contextlib.contextmanager
def writing(path: str | Path) -> Iterator[None]:
    """Say of which file or folder it was that writing failed.

    Raises
    ------
    StoreError
        In place of any error of the operating system. It names `path`, not a file within it or the
        unfinished one beside it.
    """
    path = Path(path)
    try:
        yield
    except ForecastError:
        raise
    except OSError as error:
        named = Path([*_places(error), str(path)][0])
        own = named.is_relative_to(path) or named.parent == path.parent
        raise StoreError(f"cannot write {what_failed(error, path if own else named)}") from error


def read_bytes(path: str | Path) -> bytes:
    """Return a file's content.

    Raises
    ------
    FileNotFoundError
        If there is none.
    DataError
        If it is no regular file, or cannot be read. A pipe is refused, for one without a writer
        never ends.
    """
    try:
        kind = Path(path).stat().st_mode
        if not stat.S_ISREG(kind):
            what = "a folder" if stat.S_ISDIR(kind) else "a pipe or a device"
            raise DataError(f"{path} is {what}; give the path of a file")
        return Path(path).read_bytes()
    except FileNotFoundError:
        raise
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}); give another file") from None


def read_text(path: str | Path) -> str:
    """Return a UTF-8 file's text, without the mark that some editors put before it.

    Raises errors as :func:`read_bytes` does, and ``UnicodeDecodeError``.
    """
    return read_bytes(path).decode("utf-8-sig").replace("\r\n", "\n")


def read_toml(path: str | Path, what: str) -> dict[str, Any]:
    """Return a TOML file's content; `what` names its kind in the error.

    Raises
    ------
    ClaimError
        If there is none, or it is not TOML.
    DataError
        As of :func:`read_bytes`.
    """
    try:
        return tomllib.loads(read_text(path))
    except FileNotFoundError:
        raise ClaimError(f"{path}: there is no such {what}") from None
    except DataError:
        raise
    except (ValueError, RecursionError) as error:
        raise ClaimError(f"{path}: got something that is not a TOML file: {error}") from None


@contextlib.contextmanager
def whole(path: str | Path, *, durable: bool = False) -> Iterator[Path]:
    """Give a path beside a file to write to, and put it in the file's place once it is finished.

    Parameters
    ----------
    path
        The file; its folder is made.
    durable
        Whether it must have reached the disk before it counts.

    Raises
    ------
    StoreError
        If it cannot be written; the file is then as it was.
    """
    path = _place(path)
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        mode = path.stat().st_mode & 0o777 if path.exists() else 0o644
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-", suffix=".tmp")
        os.close(handle)
        fresh = Path(name)
        try:
            yield fresh
            if durable:
                _sync(fresh)
            fresh.chmod(mode)
            fresh.replace(path)
        except BaseException:
            fresh.unlink(missing_ok=True)
            raise
        if durable:
            _sync(path.parent)


def replace_text(path: str | Path, text: str) -> None:
    """Put `text` in the place of a file in one step, through to the disk; errors as of :func:`whole`."""
    with whole(path, durable=True) as fresh:
        fresh.write_bytes(text.encode("utf-8"))


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def can_write(folder: str | Path) -> bool:
    """Return whether a folder could be filled, made first if it is missing; leaves no trace."""
    folder = Path(folder)
    while not os.path.lexists(folder) and folder != folder.parent:
        folder = folder.parent
    try:
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False


def probe_folder(folder: str | Path) -> None:
    """Make a folder if it is missing, and see that it takes a file.

    Raises
    ------
    StoreError
        If not, before anything long is begun in vain.
    """
    with writing(folder):
        Path(folder).mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(bytes(_PROBE))


def probe_file(path: str | Path) -> None:
    """See that a file could be written; errors as of :func:`probe_folder`."""
    probe_folder(_place(path).parent)


def _place(path: str | Path) -> Path:
    """Return where a file goes: a link stays a link, and what is no file is not replaced."""
    path = Path(path).resolve()
    if path.exists() and not path.is_file():
        raise StoreError(f"cannot write {path}: what stands there is no file; give another path")
    return path
