"""What a machine must have for a run, looked at one by one, each with a remedy.

Invariant: nothing is left behind but compiled code, and what is missing or broken is a line of the
report and never an error of it: each check imports what it needs by itself. ``tests/test_doctor.py``
breaks one thing after another.
"""

from __future__ import annotations

import dataclasses
import importlib.metadata
import os
import platform
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from forecast.core import environment
from forecast.core.files import can_write
from forecast.core.text import one_line

if TYPE_CHECKING:
    from packaging.specifiers import SpecifierSet

State = Literal["ok", "warning", "fault"]
"""``warning``: a run works, slower or not everywhere. ``fault``: it does not."""

DISTRIBUTION = "forecast"
ENOUGH_SPACE, LEAST_SPACE = 1_000_000_000, 250_000_000
"""Bytes: a full run of ten models writes 115 MB, and as much of fits that later runs use again."""
SLOW_FIT = 60.0
"""Seconds after which a first small fit, which also compiles, is slow: it took 23 on two busy cores."""


@dataclasses.dataclass(frozen=True, slots=True)
class Finding:
    """What one check found.

    Attributes
    ----------
    check
        What was looked at.
    state
        See :data:`State`.
    said
        What was found, a sentence.
    remedy
        What to do; "" where nothing is to be done.
    """

    check: str
    state: State
    said: str
    remedy: str = ""


def examine(
    out: str | Path, *, data: str | Path | None = None, article: str | None = None
) -> Iterator[Finding]:
    """Look at what a run needs, one finding after another.

    Parameters
    ----------
    out
        The output folder that runs would go to; it is not made.
    data, article
        The data folder and its article, as :func:`forecast.app.pipeline.run_all` takes them.

    Yields
    ------
    Finding
        The last of them is of a small fit, which takes a second, and half a minute where nothing was
        compiled before.
    """
    checks: tuple[tuple[str, Callable[[], Iterator[Finding]]], ...] = (
        ("Python", _python),
        ("libraries", _libraries),
        ("versions tried", _tried),
        ("extras", _extras),
        ("caches", _caches),
        ("folders", lambda: _folders(Path(out), data)),
        ("disk space", lambda: _space(Path(out))),
        ("tables", lambda: _tables(data, article)),
        ("a small fit", _small_fit),
    )
    for name, check in checks:
        try:
            yield from check()
        except Exception as error:  # noqa: BLE001 - whatever it is, it is what was looked for
            what = " ".join(f"{type(error).__name__}: {error}".split())
            remedy = "put right what stands above, or set up a new environment (make setup)"
            yield Finding(name, "fault", what[:500], remedy)


def _python() -> Iterator[Finding]:
    told = importlib.metadata.metadata(DISTRIBUTION)
    names = " ".join(told.get_all("Classifier") or [])
    tried = sorted(int(minor) for minor in re.findall(r"Python :: 3\.(\d+)", names))
    here = f"Python {platform.python_version()}, {sys.executable}"
    if sys.version_info[1] < tried[0]:
        remedy = f"install Python 3.{tried[-1]} and set up a new environment with it"
        yield Finding("Python", "fault", f"{here}; 3.{tried[0]} or newer is needed", remedy)
    elif sys.version_info[1] > tried[-1]:
        remedy = f"if something fails, set up an environment with Python 3.{tried[-1]}"
        yield Finding("Python", "warning", f"{here}; newer than any tried, 3.{tried[-1]}", remedy)
    else:
        yield Finding("Python", "ok", here)


def _libraries() -> Iterator[Finding]:
    """Yield each library that is missing or of a version that is not asked for, or one line on all."""
    bad, good = [], []
    for name, wanted in _wanted(""):
        found = _version(name)
        if found and wanted.contains(found, prereleases=True):
            good.append(f"{name} {found}")
            continue
        said = f"{name} {found}; wanted {wanted}" if found else f"{name} is not installed"
        bad.append(Finding("libraries", "fault", said, f'pip install "{name}{wanted}"'))
    yield from bad or [Finding("libraries", "ok", one_line(good, len(good)))]


def _tried() -> Iterator[Finding]:
    from forecast.inference.compile import TRIED, private_doors

    ranges = [f"{name} {_version(name)} (tried: {a} up to {b})" for name, (a, b) in TRIED.items()]
    if private_doors():
        yield Finding("versions tried", "ok", one_line(ranges))
        return
    names = " ".join(f'"{name}>={a},<{b}"' for name, (a, b) in TRIED.items())
    yield Finding(
        "versions tried",
        "warning",
        f"{one_line(ranges)}: draws are the same, but models are compiled anew in each process",
        f"pip install {names}",
    )


def _extras() -> Iterator[Finding]:
    every = importlib.metadata.metadata(DISTRIBUTION).get_all("Provides-Extra") or []
    without = [x for x in every if not all(_version(name) for name, _ in _wanted(x))]
    there = [x for x in every if x not in without]
    said = f"there: {one_line(there) or 'none'}; not there: {one_line(without) or 'none'}"
    remedy = f'to have them: pip install "{DISTRIBUTION}[{",".join(without)}]"' if without else ""
    yield Finding("extras", "ok", said, remedy)


def _caches() -> Iterator[Finding]:
    """Yield each folder in which libraries keep what they compute once, as the process has it."""
    passing = Path(tempfile.gettempdir()).resolve()
    for name, folder in environment.caches(os.environ).items():
        if not can_write(folder):
            remedy = f"change its permissions or set {name} to another folder"
            yield Finding("caches", "fault", f"{name}: {folder} cannot be written", remedy)
        elif folder.resolve().is_relative_to(passing):
            said = f"{name}: {folder}, among temporary files: it is gone when they are swept"
            remedy = f"let the home folder be writable, or set {name} to a folder that stays"
            yield Finding("caches", "warning", said, remedy)
        else:
            yield Finding("caches", "ok", f"{name}: {folder}")


def _folders(out: Path, data: str | Path | None) -> Iterator[Finding]:
    from forecast.tables.articles import data_folder

    if can_write(out):
        yield Finding("folders", "ok", f"runs can be written to {out.resolve()}")
    else:
        remedy = "change its permissions or give another folder, --out DIR"
        yield Finding("folders", "fault", f"{out.resolve()} cannot be written", remedy)
    tables = data_folder(data)
    if can_write(tables):
        yield Finding("folders", "ok", f"rows can be added to the tables in {tables.resolve()}")
    else:
        yield Finding(
            "folders",
            "warning",
            f"no rows can be added to the tables in {tables.resolve()}",
            "make a data folder of your own, forecast init FOLDER, and name it with --data FOLDER",
        )


def _space(out: Path) -> Iterator[Finding]:
    places = {"runs": out, "temporary files": Path(tempfile.gettempdir())}
    for what, folder in places.items():
        there = folder.resolve()
        while not there.exists():
            there = there.parent
        free = shutil.disk_usage(there).free
        state: State = "ok"
        if free < ENOUGH_SPACE:
            state = "warning" if free >= LEAST_SPACE else "fault"
        said = f"{free / 1e9:,.1f} GB for {what}, {there}"
        remedy = "make room, or give another folder: a run takes about a quarter of a GB"
        yield Finding("disk space", state, said, remedy if state != "ok" else "")


def _tables(data: str | Path | None, article: str | None) -> Iterator[Finding]:
    from forecast.claims.inputs import read_inputs
    from forecast.core.errors import ForecastError

    try:
        inputs = read_inputs(data, article)
    except ForecastError as error:
        remedy = "correct that file; forecast claims --data DIR checks a folder"
        yield Finding("tables", "fault", str(error), remedy)
        return
    said = (
        f"{len(inputs.vintages):,} reported numbers, the article {inputs.article} with "
        f"{len(inputs.claims)} claims"
    )
    yield Finding("tables", "ok", said)


def _small_fit() -> Iterator[Finding]:
    """Fit the model with the fewest observations, which compiles, samples and looks at the draws."""
    from forecast.core.errors import DataError
    from forecast.inference.fitting import fit
    from forecast.models.panels import build_panel
    from forecast.models.registry import NAMES
    from forecast.tables.shipped import read_vintages
    from forecast.tables.vintages import as_of, newest_day

    table = read_vintages()
    known, panels = as_of(table, newest_day(table)), []
    for name in NAMES:
        try:
            panels.append(build_panel(known, name))
        except DataError:  # it is fitted to a table of a user's own
            continue
    panel = min(panels, key=lambda one: one.data.sizes["obs"])
    start = time.perf_counter()
    fit(panel.model, panel, seed=1, draws=200, chains=2, progress=False)
    seconds = time.perf_counter() - start
    said = f"the {panel.model} model compiles and samples, in {seconds:.1f} seconds"
    if seconds > SLOW_FIT:
        remedy = "end what else runs here, or give it more cores; the next fit needs no compiling"
        yield Finding("a small fit", "warning", said, remedy)
    else:
        yield Finding("a small fit", "ok", said)


def _wanted(extra: str) -> Iterator[tuple[str, SpecifierSet]]:
    """Yield the libraries that the package asks for, with those of one of its extras."""
    from packaging.requirements import Requirement

    for line in importlib.metadata.requires(DISTRIBUTION) or []:
        one = Requirement(line)
        if one.marker is None or one.marker.evaluate({"extra": extra}):
            yield one.name, one.specifier


def _version(name: str) -> str:
    """Return the version of a library, "" where it is not installed."""
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return ""
