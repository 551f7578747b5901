"""What the process was given: streams, a home, a working directory.

Invariant: after :func:`prepare` every stream takes any text, and the libraries that keep compiled code
or fonts below the home find a folder that can be written. It imports nothing heavy and runs before
anything that looks at the environment. ``tests/test_environment.py`` starts processes without each.
"""

from __future__ import annotations

import io
import os
import re
import stat
import sys
import tempfile
from collections.abc import Mapping, MutableMapping
from pathlib import Path

from forecast.core.errors import DataError
from forecast.core.files import can_write

_CACHES = {"MPLCONFIGDIR": ".config/matplotlib", "NUMBA_CACHE_DIR": ".cache/numba"}
"""Where libraries keep files, below the home, by the variable that says another place."""
_COMPILED = ".pytensor"


def prepare(environ: MutableMapping[str, str]) -> None:
    """Correct the streams of this process and, in `environ`, what libraries would stumble over.

    Figures are only written here, never shown, so that whatever backend is set is replaced.
    """
    _mend_streams()
    environ["MPLBACKEND"] = "agg"
    home = Path(os.path.expanduser("~"))  # noqa: PTH111 - Path.home() fails where there is none
    if not home.is_absolute():
        home = _substitute()
        environ["HOME"] = str(home)
    for variable, place in _CACHES.items():
        if not can_write(Path(environ.get(variable) or home / place)):
            environ[variable] = str(_substitute() / place)
    if not can_write(_compiled(environ, home)):
        flags = environ.get("PYTENSOR_FLAGS", "")
        there = f"base_compiledir={_substitute() / _COMPILED}"  # of two flags the last counts
        environ["PYTENSOR_FLAGS"] = f"{flags},{there}" if flags else there


def caches(environ: Mapping[str, str]) -> dict[str, Path]:
    """Return where libraries keep files after :func:`prepare`, by the setting that moves them."""
    home = Path(os.path.expanduser("~"))  # noqa: PTH111 - as above
    found = {name: Path(environ.get(name) or home / place) for name, place in _CACHES.items()}
    return {**found, "PYTENSOR_FLAGS=base_compiledir": _compiled(environ, home)}


def _compiled(environ: Mapping[str, str], home: Path) -> Path:
    said = re.findall(r"base_compiledir=([^,]*)", environ.get("PYTENSOR_FLAGS", ""))
    return Path(said[-1]) if said else home / _COMPILED


def check_working_directory() -> None:
    """Refuse to start in a folder that is gone: no path could be told from it.

    Raises
    ------
    DataError
        Saying what to do.
    """
    try:
        Path.cwd()
    except OSError as error:
        raise DataError(
            f"the working directory is gone ({error.strerror}); change to another one and run again"
        ) from None


def _substitute() -> Path:
    """Return this user's own folder among the temporary files."""
    folder = Path(tempfile.gettempdir()) / f"forecast-{os.getuid()}"
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        held = folder.lstat()
        # Compiled code is loaded from there: nobody else may have made it, or write to it.
        if held.st_uid == os.getuid() and held.st_mode == stat.S_IFDIR | 0o700:
            return folder
    except OSError:
        pass
    return Path(tempfile.mkdtemp(prefix="forecast-"))


def _mend_streams() -> None:
    """Open closed streams on nothing, and print signs that a stream has no code for as escapes."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            # The lowest number that is free: its own, which no file opened later then takes.
            handle = os.open(os.devnull, os.O_RDWR)
            setattr(sys, name, os.fdopen(handle, mode, encoding="utf-8"))
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
