"""Runs on disk: written whole or not at all, checksummed, verified on read, no pickle.

Invariant: a run folder appears under its final name only when every file in it is complete, and
``latest`` always points to a complete one, whenever a writer is killed and however many write at
once. ``tests/test_store.py`` flips, cuts and removes files, ``tests/test_kill.py`` kills writers.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import xarray as xr

from forecast import lock
from forecast.schema import StoreError, one_line

CHECKSUMS = "checksums.json"
LOCK = ".lock"
FITS_KEPT = 60
"""Stored fits are kept up to this number; then those that were used longest ago go."""


def run_id(*parts: str) -> str:
    """Return a run's name from the content that decides it."""
    return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()[:16]


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _files(folder: Path) -> dict[str, str]:
    """Return the checksum of every file by its path within the folder."""
    paths = sorted(p for p in folder.rglob("*") if p.is_file() and p.name != CHECKSUMS)
    return {p.relative_to(folder).as_posix(): _sha256(p) for p in paths}


def write_run(out: str | Path, name: str, fill: Callable[[Path], None]) -> Path:
    """Write a run folder in one step and point ``latest`` to it.

    Parameters
    ----------
    out
        The output folder; runs go to ``out/runs/name``.
    name
        The run's id: letters, digits, dots, dashes.
    fill
        Writes the files into the folder it is given.

    Returns
    -------
    pathlib.Path
        The finished folder. If `fill` raises, nothing is left behind and ``latest`` stays. A whole
        folder of that name stays as it is: the name says that the content is the same.

    Raises
    ------
    StoreError
        If the name could leave the folder, or another process holds the output folder.
    """
    if re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,80}", name) is None:
        raise StoreError(f"got the run name {name!r}; wanted letters, digits, dots and dashes")
    runs = Path(out) / "runs"
    runs.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(dir=runs, prefix=".tmp-"))
    try:
        with lock.alive(temporary):
            fill(temporary)
            sums = json.dumps(_files(temporary), indent=1, sort_keys=True)
            (temporary / CHECKSUMS).write_text(sums + "\n", encoding="utf-8")
            temporary.chmod(0o755)
            with lock.hold(Path(out) / LOCK, f"the output folder {out}"):
                _put(temporary, runs / name)
                _point(Path(out), name)
                _sweep(runs)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise
    return runs / name


def _put(temporary: Path, final: Path) -> None:
    """Give a finished folder its name; a whole one of that name is the same and stays."""
    if final.exists():
        with contextlib.suppress(StoreError):
            verify(final)
            shutil.rmtree(temporary)
            return
        final.rename(Path(tempfile.mkdtemp(dir=final.parent, prefix=".old-")) / final.name)
    temporary.rename(final)


def _sweep(runs: Path) -> None:
    """Remove what killed writers left."""
    for folder in [*runs.glob(".tmp-*"), *runs.glob(".old-*")]:
        if lock.abandoned(folder):
            shutil.rmtree(folder, ignore_errors=True)


def point_latest(out: str | Path, name: str) -> None:
    """Make ``out/latest`` point to a run, without a moment in which it points nowhere."""
    with lock.hold(Path(out) / LOCK, f"the output folder {out}"):
        _point(Path(out), name)


def _point(out: Path, name: str) -> None:
    link, fresh = out / "latest", out / ".latest-next"
    with contextlib.suppress(FileNotFoundError):
        fresh.unlink()
    fresh.symlink_to(Path("runs") / name)
    fresh.replace(link)


def verify(folder: str | Path) -> Path:
    """Return a run folder if it is whole.

    Raises
    ------
    StoreError
        Naming every file that is missing, altered or not of the run.
    """
    folder = Path(folder)
    try:
        wanted = json.loads((folder / CHECKSUMS).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise StoreError(f"{folder}: not a run folder, it has no {CHECKSUMS}") from None
    except ValueError:
        raise StoreError(f"{folder / CHECKSUMS}: cannot be read; make the run again") from None
    got = _files(folder)
    missing = sorted(set(wanted) - set(got))
    altered = sorted(n for n in set(wanted) & set(got) if wanted[n] != got[n])
    if missing or altered:
        raise StoreError(
            f"{folder}: missing {one_line(missing) or 'nothing'}, altered "
            f"{one_line(altered) or 'nothing'}; make the run again, nothing is read from it"
        )
    return folder


def save_tree(tree: xr.DataTree, path: Path) -> None:
    """Write a fitted tree as netCDF with a checksum on every block."""
    blocks = {"zlib": True, "complevel": 3, "fletcher32": True}
    encoding = {
        f"/{group}": {
            str(v): blocks for v, a in tree[group].data_vars.items() if a.ndim and a.dtype != object
        }
        for group in tree.children
    }
    tree.to_netcdf(path, engine="h5netcdf", encoding=encoding)


def load_tree(path: Path) -> xr.DataTree:
    """Read a fitted tree into memory.

    Raises
    ------
    StoreError
        If the file is missing or damaged.
    """
    try:
        with xr.open_datatree(path, engine="h5netcdf") as tree:
            return tree.load()
    except (OSError, KeyError, ValueError) as error:
        raise StoreError(f"{path}: cannot be read ({error}); make the run again") from error


# --- fits, by what decided them --------------------------------------------------------------
def keep_fit(folder: str | Path, key: str, tree: xr.DataTree) -> None:
    """Store a fitted tree under the hash of all that decided it.

    Parameters
    ----------
    folder
        Where fits are kept; made if missing. Beyond :data:`FITS_KEPT` the fits that were used
        longest ago are removed.
    key
        Hexadecimal name.
    tree
        The fitted tree.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    with lock.hold(folder / LOCK, f"the folder of fits {folder}"):
        for left in folder.glob(".tmp-*"):
            left.unlink()
        fresh = folder / f".tmp-{key}.nc"
        save_tree(tree, fresh)
        digest = _sha256(fresh)
        fresh.replace(folder / f"{key}.nc")
        note = folder / f".tmp-{key}.sha256"
        note.write_text(f"{digest}  {key}.nc\n", encoding="utf-8")
        note.replace(folder / f"{key}.sha256")
        by_use = sorted(folder.glob("*.nc"), key=lambda path: path.stat().st_mtime_ns)
        for old in by_use[:-FITS_KEPT]:
            old.unlink()
            old.with_suffix(".sha256").unlink(missing_ok=True)


def has_fit(folder: str | Path, key: str) -> bool:
    """Return whether a tree is stored under that hash, damaged or not."""
    return (Path(folder) / f"{key}.nc").is_file()


def kept_fit(folder: str | Path, key: str) -> xr.DataTree | None:
    """Return the stored tree of that hash, or None if there is none.

    Raises
    ------
    StoreError
        If it is damaged; the file is named.
    """
    path = Path(folder) / f"{key}.nc"
    note = path.with_suffix(".sha256")
    if not has_fit(folder, key):
        return None
    wanted = note.read_text(encoding="utf-8")[:64] if note.is_file() else ""
    if wanted != _sha256(path):
        raise StoreError(f"{path}: altered or not written to its end; it is not used")
    with contextlib.suppress(OSError):
        os.utime(path)  # used now: pruned last
    return load_tree(path)
