"""Runs and changes on disk: written whole or not at all, checksummed, verified on read, no pickle.

Invariant: the folder of a run, or of the change between two, appears under its final name only when
every file in it is complete, and ``latest`` always points to a complete run, whenever a writer is
killed and however many write at once. ``tests/test_store.py`` flips, cuts and removes files,
``tests/test_kill.py`` kills writers.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from forecast.core import lock
from forecast.core.errors import StoreError
from forecast.core.files import probe_folder, writing
from forecast.core.text import one_line

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

CHECKSUMS, MANIFEST = "checksums.json", "manifest.json"
KNOWN, VINTAGES, CLAIMS, TABLES = "known.csv", "vintages.csv", "claims.toml", "tables"
"""Alongside a run's results: what was known, every vintage of it (where a model looks at earlier ones),
what was asked, and the folder of the models' own tables."""
LOCK = ".lock"


def run_id(*parts: str) -> str:
    """Return a run's name from the content that decides it."""
    return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()[:16]


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _files(folder: Path) -> dict[str, str]:
    """Return the checksum of every file by its path within the folder; what is no file has none."""
    paths = [p for p in sorted(folder.rglob("*")) if p.is_symlink() or not p.is_dir()]
    found = {p.relative_to(folder).as_posix(): p for p in paths if p != folder / CHECKSUMS}
    return {
        name: sha256_of(p) if p.is_file() and not p.is_symlink() else ""
        for name, p in found.items()
    }


def _seal(sums: Mapping[str, str]) -> str:
    """Return the checksum of a list of checksums, its entry for itself."""
    return hashlib.sha256(json.dumps(dict(sums), sort_keys=True).encode()).hexdigest()


def write_run(
    out: str | Path, name: str, fill: Callable[[Path], None], *, latest: bool = True
) -> Path:
    """Write a run folder in one step and point ``latest`` to it.

    Parameters
    ----------
    out
        The output folder; runs go to ``out/runs/name``.
    name
        The run's id: letters, digits, dots, dashes.
    fill
        Writes the files into the folder it is given.
    latest
        Whether to point ``latest`` to it; else :func:`point_latest` can do so later.

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
    return _write(Path(out), Path("runs") / _named(name), fill, point=latest)


def write_change(out: str | Path, before: str, after: str, fill: Callable[[Path], None]) -> Path:
    """Write what changed between two runs to ``out/changes/before-after`` in one step.

    Parameters
    ----------
    out
        The output folder.
    before, after
        Ids of the runs.
    fill
        Writes the files into the folder it is given.

    Returns
    -------
    pathlib.Path
        The finished folder, checksummed as a run is. A whole one of that name stays as it is, and
        becomes the newest.

    Raises
    ------
    StoreError
        As of :func:`write_run`.
    """
    place = Path("changes") / f"{_named(before)}-{_named(after)}"
    folder = _write(Path(out), place, fill, point=False)
    with contextlib.suppress(OSError):  # another user's folder keeps its day
        os.utime(folder)
    return folder


def write_part(out: str | Path, place: Sequence[str], fill: Callable[[Path], None]) -> Path:
    """Write another folder of results, ``out/place[0]/place[1]/...``, in one step.

    Parameters
    ----------
    out
        The output folder.
    place
        Names of the folders that lead to it, its own the last.
    fill
        Writes the files into the folder it is given.

    Returns
    -------
    pathlib.Path
        The finished folder, checksummed as a run is. A whole one of that name stays as it is.

    Raises
    ------
    StoreError
        As of :func:`write_run`.
    """
    return _write(Path(out), Path(*map(_named, place)), fill, point=False)


def compared_with(out: str | Path, after: str) -> list[str]:
    """Return the ids of the runs whose changes to a run are stored, the newest first.

    A run that is not there any more is left out.
    """
    stored = (Path(out) / "changes").glob(f"[!.]*/{CHECKSUMS}")
    found = [p.parent for p in stored if p.parent.name.endswith(f"-{after}")]
    found.sort(key=lambda p: (p.stat().st_mtime_ns, p.name), reverse=True)
    names = [p.name.removesuffix(f"-{after}") for p in found]
    return [name for name in names if (Path(out) / "runs" / name / CHECKSUMS).is_file()]


def stored_runs(out: str | Path) -> list[str]:
    """Return the ids of the runs of an output folder, in the order of their names."""
    return sorted(p.parent.name for p in (Path(out) / "runs").glob(f"[!.]*/{CHECKSUMS}"))


def _named(name: str) -> str:
    if re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,80}", name) is None:
        raise StoreError(f"got the run name {name!r}; wanted letters, digits, dots and dashes")
    return name


def _write(out: Path, place: Path, fill: Callable[[Path], None], *, point: bool) -> Path:
    """Write the folder ``out/place`` in one step, with its checksums."""
    final = out / place
    with writing(out):
        final.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(dir=final.parent, prefix=".tmp-"))
        try:
            with lock.alive(temporary):
                fill(temporary)
                sums = _files(temporary)
                text = json.dumps({**sums, CHECKSUMS: _seal(sums)}, indent=1, sort_keys=True)
                (temporary / CHECKSUMS).write_text(text + "\n", encoding="utf-8")
                temporary.chmod(0o755)
                with lock.hold(out / LOCK, f"the output folder {out}"):
                    _put(temporary, final)
                    if point:
                        _point(out, final.name)
                    _sweep(final.parent)
        except BaseException:
            shutil.rmtree(temporary, ignore_errors=True)
            raise
    return final


def check_output(out: str | Path) -> None:
    """See that runs can be stored in an output folder, before anything is fitted in vain.

    Raises
    ------
    StoreError
        If something else stands where a folder or the link should, or nothing can be written there.
    """
    out = Path(out)
    probe_folder(out)
    for name in ("runs", "changes", "fits", "track", "backtests"):
        if os.path.lexists(out / name):
            probe_folder(out / name)
    _link_of(out)


def _link_of(out: Path) -> Path | None:
    """Return the link to the latest run, None if nothing stands there."""
    link = out / "latest"
    if not os.path.lexists(link):
        return None
    if not link.is_symlink():
        raise StoreError(f"{link} is no link to a run; move it away, forecast run makes the link")
    return link


def latest_run(out: str | Path) -> Path | None:
    """Return the folder of the latest run, found whole; None if there is none yet.

    Raises
    ------
    StoreError
        If it is damaged, or the link leads elsewhere.
    """
    link = _link_of(Path(out))
    if link is None:
        return None
    try:
        folder = link.resolve(strict=True)
    except (OSError, RuntimeError):  # a circle of links is either, by the version of Python
        raise StoreError(
            f"{link} points to {link.readlink()}, which is not there; forecast run fixes it"
        ) from None
    if folder.parent != (Path(out) / "runs").resolve():
        raise StoreError(
            f"{link} points to {folder}, which is not in {Path(out) / 'runs'}; forecast run fixes it"
        )
    return verify(folder)


MOST_NAMED = 5
"""Runs that are named where another was asked for."""


def find_run(out: str | Path, name: str) -> Path:
    """Return a run's folder, by its path, its id, or the word ``latest``; it may be damaged.

    Raises
    ------
    StoreError
        If there is none, with the ids of the newest.
    """
    given, there = Path(name), Path(out) / "runs"
    if given.is_dir():  # or a link to one, as OUT/latest
        return given
    if given.is_symlink():
        raise StoreError(f"{given} points to {given.readlink()}, which is not there")
    if name == "latest" and (folder := latest_run(out)) is not None:
        return folder
    if name and "/" not in name and (there / name).is_dir():
        return there / name
    known = [f for f in there.glob("[!.]*") if f.is_dir()]
    known.sort(key=lambda f: (f.stat().st_mtime, f.name), reverse=True)
    names = [f.name for f in known[:MOST_NAMED]]
    newest = f"the newest there are {', '.join(names)}" if names else "there is none"
    raise StoreError(
        f"{name}: not a run folder, nor the id of a run in {there}; {newest}; give a run's id or "
        "folder, or latest"
    )


def _put(temporary: Path, final: Path) -> None:
    """Give a finished folder its name; a whole one of that name is the same and stays."""
    if final.exists():
        with contextlib.suppress(StoreError):
            verify(final)
            shutil.rmtree(temporary)
            return
        final.rename(Path(tempfile.mkdtemp(dir=final.parent, prefix=".old-")) / final.name)
    temporary.rename(final)


def _sweep(place: Path) -> None:
    """Remove what killed writers left."""
    for folder in [*place.glob(".tmp-*"), *place.glob(".old-*")]:
        if lock.abandoned(folder):
            shutil.rmtree(folder, ignore_errors=True)


def point_latest(out: str | Path, name: str) -> None:
    """Make ``out/latest`` point to a run, without a moment in which it points nowhere."""
    link = _link_of(Path(out))
    if link is not None and link.readlink() == Path("runs") / name:
        return
    with writing(out), lock.hold(Path(out) / LOCK, f"the output folder {out}"):
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
    if not (folder / CHECKSUMS).exists():
        raise StoreError(f"{folder}: not a run folder, it has no {CHECKSUMS}")
    wanted = read_json(folder / CHECKSUMS, dict)
    seal = wanted.pop(CHECKSUMS, None)
    # Before lists had an entry for themselves, every run had a manifest.
    if seal != _seal(wanted) and (seal is not None or MANIFEST not in wanted):
        raise StoreError(
            f"{folder / CHECKSUMS}: altered; make the run again, nothing is read from it"
        )
    try:
        got = _files(folder)
    except OSError as error:
        raise StoreError(f"{folder}: cannot be read ({error.strerror})") from error
    missing = sorted(set(wanted) - set(got))
    altered = sorted(n for n in set(wanted) & set(got) if wanted[n] != got[n])
    strange = sorted(set(got) - set(wanted))
    if missing or altered or strange:
        raise StoreError(
            f"{folder}: missing {one_line(missing) or 'nothing'}, altered "
            f"{one_line(altered) or 'nothing'}, not of the run {one_line(strange) or 'nothing'}; "
            "make the run again, nothing is read from it"
        )
    return folder


def read_json[Content](path: Path, kind: type[Content]) -> Content:
    """Read a JSON file of a run, which holds a list or a dict.

    Raises
    ------
    StoreError
        If it cannot be read, or holds something else.
    """
    try:
        content = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise StoreError(f"{path}: cannot be read ({error}); make the run again") from error
    if not isinstance(content, kind):
        raise StoreError(
            f"{path}: got a {type(content).__name__}, wanted a {kind.__name__}; make the run again"
        )
    return content


_MANIFEST: Mapping[str, type] = {
    "run": str, "as_of": str, "seed": int, "models": list, "draft": list, "draws": int,
    "data_hash": str, "spec": dict, "gate": dict,
}  # fmt: skip
"""What is read from a manifest again, and of what kind it is."""


def read_manifest(folder: Path, *wanted: str) -> dict[str, Any]:
    """Read the manifest of a run, of which some entries are wanted, by default all that are read.

    Raises
    ------
    StoreError
        If it cannot be read, or one of them is missing or of another kind.
    """
    manifest = read_json(folder / MANIFEST, dict)
    names = wanted or tuple(_MANIFEST)
    bad = [name for name in names if not isinstance(manifest.get(name), _MANIFEST[name])]
    if bad:
        raise StoreError(f"{folder / MANIFEST}: no good {one_line(bad)}; make the run again")
    return manifest


def read_frame(path: Path) -> pd.DataFrame:
    """Read a Parquet file of a run.

    Raises
    ------
    StoreError
        If it is missing or damaged.
    """
    import pandas as pd  # most of a run is JSON, read without
    import pyarrow as pa

    try:
        return pd.read_parquet(path)
    except (OSError, pa.ArrowException) as error:
        raise StoreError(f"{path}: cannot be read ({error}); make the run again") from error


def save_tree(tree: xr.DataTree, path: Path) -> None:
    """Write a fitted tree as netCDF with a checksum on every block."""
    blocks = {"zlib": True, "complevel": 3, "fletcher32": True}
    encoding = {
        f"/{group}": {
            str(v): blocks for v, a in tree[group].data_vars.items() if a.ndim and a.dtype != object
        }
        for group in tree.children
    }
    # In memory first: on a full disk the library leaves a trail of its own errors.
    content = io.BytesIO()
    tree.to_netcdf(content, engine="h5netcdf", encoding=encoding)
    path.write_bytes(content.getvalue())


_NO_TREE = (OSError, KeyError, ValueError, TypeError, AttributeError, RuntimeError)
"""What reading arbitrary bytes as a tree was seen to raise, and its relatives."""


def load_tree(path: Path) -> xr.DataTree:
    """Read a fitted tree into memory.

    Raises
    ------
    StoreError
        If the file is missing or damaged.
    """
    import xarray as xr

    try:
        with xr.open_datatree(path, engine="h5netcdf") as tree:
            return tree.load()
    except _NO_TREE as error:
        raise StoreError(f"{path}: cannot be read ({error}); make the run again") from error


# --- fits, by what decided them --------------------------------------------------------------
