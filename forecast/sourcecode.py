"""Which source files decide a result.

Invariant: a file whose change could change the draws of a model is among those of its hash, and the
file of another model is not. ``tests/test_sourcecode.py`` checks both.
"""

from __future__ import annotations

import ast
import functools
import hashlib
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent
KINDS = (".py", ".j2")
"""Endings of the package's files: code, and templates."""


@functools.lru_cache(maxsize=64)
def code_hash(*modules: str) -> str:
    """Return a hash of source files, as they are when it is first asked for.

    Parameters
    ----------
    modules
        Modules of this package, such as ``models.earnings``; they count with all that they import.
        Without any, the hash is of the whole package, its templates included.
    """
    paths = code_of(*modules) if modules else everything()
    sha = hashlib.sha256()
    for path in paths:
        sha.update(path.relative_to(ROOT).as_posix().encode() + b"\0" + path.read_bytes())
    return sha.hexdigest()


def everything() -> tuple[Path, ...]:
    """Return the files of the whole package in order; the tables in a wheel are no code."""
    paths = (path for kind in KINDS for path in ROOT.rglob(f"*{kind}"))
    return tuple(sorted(p for p in paths if p.relative_to(ROOT).parts[0] != "_data"))


def code_of(*modules: str) -> tuple[Path, ...]:
    """Return the files of modules and of all they import, directly or not, in order.

    The ``__init__`` of a folder counts itself, but what it gathers from its files does not: who takes
    one name from it depends on the file that name comes from.
    """
    found: set[Path] = set()
    waiting = [_file(module) for module in modules]
    while waiting:
        path = waiting.pop()
        if path in found:
            continue
        found.add(path)
        if path.name != "__init__.py":
            waiting += [p for p in _imports(path) if p not in found]
    return tuple(sorted(found))


def _file(module: str) -> Path:
    """Return a module's file, by its name within the package."""
    place = ROOT.joinpath(*module.split(".")) if module else ROOT
    return place / "__init__.py" if place.is_dir() else place.with_suffix(".py")


def _imports(path: Path) -> list[Path]:
    return [
        one
        for module, name in _names(path)
        for one in _origins(module, name)
        if one != ROOT / "__init__.py"
    ]


def _names(path: Path) -> Iterator[tuple[str, str]]:
    """Yield (module within the package, name) of every import from the package."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            pairs = [(alias.name, "") for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            pairs = [(node.module or "", alias.name) for alias in node.names]
        else:
            continue
        for module, name in pairs:
            if module.split(".")[0] == ROOT.name:
                yield module.partition(".")[2], name


def _origins(module: str, name: str) -> list[Path]:
    """Return the files that a name of a module comes from."""
    file = _file(module)
    if file.name != "__init__.py":
        return [file]
    inside = _file(f"{module}.{name}".strip("."))
    if inside.is_file():
        return [inside]
    return [file, *_gathered(file).get(name, ())]


@functools.lru_cache(maxsize=16)
def _gathered(init: Path) -> dict[str, tuple[Path, ...]]:
    """Return the file of each name that an ``__init__`` takes from its own files."""
    return {name: (_file(module),) for module, name in _names(init)}
