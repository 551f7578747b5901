"""Fits, by what decided them."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

import xarray as xr

from forecast.core import lock
from forecast.core.errors import StoreError
from forecast.core.files import whole, writing
from forecast.store.runs import LOCK, load_tree, save_tree, sha256_of

KEY = "key"
"""Attribute of a stored fit: its own name."""


FITS_KEPT = 128
"""Stored fits are kept up to this number, two runs of all models; then those used longest ago go."""


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
    own = tree.copy(deep=False)
    own.attrs = {**tree.attrs, KEY: key}
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        with lock.hold(folder / LOCK, f"the folder of fits {folder}"):
            for left in (*folder.glob(".tmp-*"), *folder.glob(".*.tmp")):
                left.unlink()
            with whole(folder / f"{key}.nc") as fresh:
                save_tree(own, fresh)
                text = _note(fresh, key)
            with whole(folder / f"{key}.sha256") as fresh:
                fresh.write_bytes(text)
            by_use = sorted(folder.glob("*.nc"), key=lambda path: path.stat().st_mtime_ns)
            for old in by_use[:-FITS_KEPT]:
                old.unlink()
                old.with_suffix(".sha256").unlink(missing_ok=True)


def _note(path: Path, key: str) -> bytes:
    """Return what is stored alongside a fit."""
    return f"{sha256_of(path)}  {key}.nc\n".encode()


def has_fit(folder: str | Path, key: str) -> bool:
    """Return whether a tree is stored under that hash, damaged or not."""
    return (Path(folder) / f"{key}.nc").is_file()


def kept_fit(folder: str | Path, key: str) -> xr.DataTree | None:
    """Return the stored tree of that hash, or None if there is none.

    Raises
    ------
    StoreError
        If it is damaged, or another fit under that name; the file is named.
    """
    path = Path(folder) / f"{key}.nc"
    note = path.with_suffix(".sha256")
    if not has_fit(folder, key):
        return None
    try:
        whole = note.is_file() and note.read_bytes() == _note(path, key)
    except OSError as error:
        raise StoreError(f"{path}: cannot be read ({error.strerror}); it is not used") from error
    if not whole:
        raise StoreError(f"{path}: altered or not written to its end; it is not used")
    tree = load_tree(path)
    if tree.attrs.pop(KEY, None) != key:
        raise StoreError(f"{path}: another fit stands under this name; it is not used")
    with contextlib.suppress(OSError):
        os.utime(path)  # used now: pruned last
    return tree
