"""Which models there are, and how one is found.

A room is a package of files by a fixed name: ``room`` holds ``MODEL``, ``panel`` holds ``PANEL``, and
``figures``, ``reported`` and ``ahead``, where there are such, ``FIGURES``, ``REPORTED`` and ``AHEAD``.
Each is imported when it is first asked for, so that a panel is built without PyMC and a model is fitted
without Matplotlib.

Invariant: nothing outside a room names it; ``tests/test_rooms.py`` adds a model from a folder outside
the package and takes it through every step.
"""

from __future__ import annotations

import functools
import importlib
import importlib.metadata
import importlib.util
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from forecast.core.errors import DataError, UnknownNameError

if TYPE_CHECKING:
    from forecast.models.base import Ahead, AnyModel, Figure, PanelSource, Reported

NAMES = (
    "market",
    "benchmark",
    "earnings",
    "hazard",
    "capex_hazard",
    "payback",
    "training_cost",
    "scaling_law",
    "api_price",
    "gpu_rental",
    "adoption",
)
"""The rooms of this package, in the order in which they are fitted: a new one is a line here."""
GROUP = "forecast.models"
"""Entry points of this group name rooms of other packages: ``toy = "package.toy"``."""

_added: dict[str, str] = {}


@functools.cache
def _brought() -> dict[str, tuple[str, ...]]:
    """Return the rooms that installed packages bring, by name; several of one name stand together."""
    found: dict[str, dict[str, None]] = {}
    for entry in importlib.metadata.entry_points(group=GROUP):
        found.setdefault(entry.name, {})[entry.module] = None
    return {name: tuple(sorted(rooms)) for name, rooms in found.items()}


def _installed() -> dict[str, str]:
    return {name: rooms[0] for name, rooms in _brought().items()}


def _rooms() -> dict[str, str]:
    own = {name: f"{__package__}.{name}" for name in NAMES}
    return {**own, **{n: m for n, m in {**_installed(), **_added}.items() if n not in own}}


def names() -> tuple[str, ...]:
    """Return the names of all models."""
    return tuple(_rooms())


def add(name: str, package: str) -> None:
    """Add a model from a room outside this package, for this process.

    A package that is installed names its rooms in the entry points of :data:`GROUP` instead.

    Parameters
    ----------
    name
        The model's name.
    package
        The room's dotted name; it must be importable.

    Raises
    ------
    DataError
        If the name is taken, or the package has no ``room`` and ``panel``.
    """
    taken = {**_installed(), **_added}.get(name, package)
    if name in NAMES or taken != package:
        raise DataError(f"a model is called {name!r} already; give the room {package} another name")
    missing = [file for file in ("room", "panel") if not _has(package, file)]
    if missing:
        raise DataError(
            f"the room {package} has no {' and no '.join(missing)}; a room is a package with "
            "room.py (MODEL) and panel.py (PANEL)"
        )
    _added[name] = package


def added() -> tuple[tuple[str, str], ...]:
    """Return what :func:`add` added, for a process to add again."""
    return tuple(_added.items())


def carrying[Task, Result](work: Callable[[Task], Result]) -> Callable[[Task], Result]:
    """Return `work` as another process can do it: with the models that were added to this one."""
    return functools.partial(_with_models, added(), work)


def _with_models[Task, Result](
    rooms: tuple[tuple[str, str], ...], work: Callable[[Task], Result], task: Task
) -> Result:
    for name, package in rooms:
        add(name, package)
    return work(task)


def outside(models: Sequence[str]) -> tuple[str, ...]:
    """Return the rooms of models that are not of this package, by their dotted names."""
    return tuple(room_of(name) for name in models if name not in NAMES)


def _has(package: str, file: str) -> bool:
    try:
        return importlib.util.find_spec(f"{package}.{file}") is not None
    except ModuleNotFoundError:
        return False


def room_of(name: str) -> str:
    """Return the dotted name of a model's room.

    Raises
    ------
    UnknownNameError
        If no model has that name.
    DataError
        If installed packages bring several rooms of that name.
    """
    rooms = _rooms()
    if name not in rooms:
        raise UnknownNameError(f"no model is called {name!r}; there are {', '.join(rooms)}")
    several = () if name in NAMES else _brought().get(name, ())
    if len(several) > 1:
        raise DataError(
            f"several installed packages bring a model called {name!r}: {', '.join(several)}; "
            "uninstall all but one"
        )
    return rooms[name]


def _from_room(name: str, file: str, constant: str) -> Any:
    """Return what a room exports in one of its files.

    Raises
    ------
    DataError
        If the file cannot be imported, or exports no such thing.
    """
    module = f"{room_of(name)}.{file}"
    try:
        exported = importlib.import_module(module)
    except Exception as error:  # a room may be anybody's code
        what = " ".join(f"{type(error).__name__}: {error}".split())
        raise DataError(
            f"{module}, of the model {name!r}, cannot be imported: {what}; mend the room, or leave "
            "the model out with --models"
        ) from error
    if not hasattr(exported, constant):
        raise DataError(f"{module}, of the model {name!r}, exports no {constant}")
    return getattr(exported, constant)


def get_model(name: str) -> AnyModel:
    """Return the model called `name`.

    Raises
    ------
    UnknownNameError
        If no model has that name.
    DataError
        If its room cannot be imported, or its record has another name.
    """
    model: AnyModel = _from_room(name, "room", "MODEL")
    if model.name != name:
        raise DataError(
            f"the room {room_of(name)} is listed as {name!r}, and its MODEL has the name "
            f"{model.name!r}; give both one name"
        )
    return model


def panel_source(name: str) -> PanelSource:
    """Return what the panel of the model called `name` is made from.

    Raises
    ------
    UnknownNameError
        If no model has that name.
    DataError
        If its room cannot be imported.
    """
    source: PanelSource = _from_room(name, "panel", "PANEL")
    return source


def figures_of(name: str) -> tuple[Figure, ...]:
    """Return the figures of the model called `name`, in order; none if its room has no such file.

    Raises
    ------
    UnknownNameError
        If no model has that name.
    DataError
        If its room cannot be imported.
    """
    if not _has(room_of(name), "figures"):
        return ()
    figures: tuple[Figure, ...] = _from_room(name, "figures", "FIGURES")
    return figures


def reported_of(name: str) -> Reported | None:
    """Return what has been reported of a model's series; None where they are no reported numbers.

    Raises
    ------
    UnknownNameError
        If no model has that name.
    DataError
        If its room cannot be imported.
    """
    if not _has(room_of(name), "reported"):
        return None
    reported: Reported = _from_room(name, "reported", "REPORTED")
    return reported


def ahead_of(name: str) -> Ahead | None:
    """Return how the model called `name` foretells its newest figures; None where the common rule does.

    Raises
    ------
    UnknownNameError
        If no model has that name.
    DataError
        If its room cannot be imported.
    """
    if not _has(room_of(name), "ahead"):
        return None
    ahead: Ahead = _from_room(name, "ahead", "AHEAD")
    return ahead
