"""Which definitions decide a fit, and a hash of what they mean.

Invariant: the hash of a fit is of syntax trees without docstrings, annotations, comments and layout, of
those definitions alone that its density, its states and its gate use, directly or not. So a comma in a
docstring, another model or a new name in a file that is used by others refits nothing.
``tests/test_codehash.py`` checks both sides.
"""

from __future__ import annotations

import ast
import dataclasses
import functools
import hashlib
import importlib.util
from collections.abc import Iterator, Mapping
from pathlib import Path

ROOT = Path(__file__).parents[1]
KINDS = (".py", ".pyi", ".j2")
"""Endings of the package's files: code, the list of public names, and templates."""
DECIDES = ("build", "complete", "replicate", "prior_checks", "sampled", "latent")
"""Of a model's record, what its fit and its gate depend on; prior numbers and settings of the sampler
stand in the spec itself."""
ENGINE = (
    ("forecast.inference.sampling", "full_tree"),
    ("forecast.inference.sampling", "prior_misses"),
    ("forecast.inference.gate", "inspect_run"),
)
"""What every fit goes through."""
_HARMLESS = {"dataclass", "njit", "cache", "lru_cache", "contextmanager", "overload"}
"""Decorators that register nothing: what they adorn counts where it is used."""

Name = tuple[str, str]


@functools.cache
def package_hash() -> str:
    """Return a hash of the whole package, its templates included, as it is when first asked for."""
    sha = hashlib.sha256()
    for path in everything():
        sha.update(path.relative_to(ROOT).as_posix().encode() + b"\0")
        sha.update(ast.dump(_parsed(path)).encode() if path.suffix == ".py" else path.read_bytes())
    return sha.hexdigest()


def room_hash(room: str) -> str:
    """Return a hash of all code in the folder of a room, for one that is not in this package.

    Parameters
    ----------
    room
        Its dotted name.
    """
    file = _file(room)
    assert file is not None  # it has been imported
    sha = hashlib.sha256()
    for path in sorted(file.parent.rglob("*.py")):
        sha.update(path.relative_to(file.parent).as_posix().encode() + b"\0")
        sha.update(ast.dump(_parsed(path)).encode())
    return sha.hexdigest()


@functools.cache
def fit_hash(room: str) -> str:
    """Return a hash of all code that decides the fits of a model.

    Parameters
    ----------
    room
        The dotted name of its room, such as ``forecast.models.earnings``.
    """
    sha = hashlib.sha256()
    for module, name in sorted(definitions(room)):
        text = "".join(ast.dump(node) for node in _module(module).parts[name])
        sha.update(f"{module}.{name}\0{text}\0".encode())
    return sha.hexdigest()


def everything() -> tuple[Path, ...]:
    """Return the files of the whole package in order; the tables in a wheel are no code."""
    paths = (path for kind in KINDS for path in ROOT.rglob(f"*{kind}"))
    return tuple(sorted(p for p in paths if p.relative_to(ROOT).parts[0] != "_data"))


def definitions(room: str) -> set[Name]:
    """Return (module, name) of every definition that decides the fits of a model.

    The name "" stands for the statements of a module that define nothing, such as the registering of
    an implementation.
    """
    waiting = [*ENGINE, *_record(room)]
    found: set[Name] = set()
    while waiting:
        module, name = waiting.pop()
        here = _module(module)
        if name not in here.parts:  # gathered by an __init__ from another file
            waiting += [here.names[name]] if name in here.names else []
            continue
        if (module, name) in found:
            continue
        found.add((module, name))
        waiting += [one for node in here.parts[name] for one in _uses(here, node)]
        waiting.append((module, ""))
    return {(module, name) for module, name in found if _module(module).parts[name]}


@dataclasses.dataclass(frozen=True)
class _Module:
    name: str
    parts: Mapping[str, tuple[ast.stmt, ...]]
    modules: Mapping[str, str]
    names: Mapping[str, Name]


@functools.cache
def _module(name: str) -> _Module:
    """Return a module's definitions by name, and what it imports from packages that are followed."""
    tree = _parsed(_file(name))
    parts: dict[str, tuple[ast.stmt, ...]] = {"": ()}
    modules: dict[str, str] = {}
    names: dict[str, Name] = {}
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and _followed(node.module or "", name):
            for alias in node.names:
                local, full = alias.asname or alias.name, f"{node.module}.{alias.name}"
                if _file(full, missing=True) is not None:
                    modules[local] = full
                else:
                    names[local] = (str(node.module), alias.name)
        elif not isinstance(node, (ast.Import, ast.ImportFrom)):
            for defined in _defines(node):
                parts[defined] = (*parts.get(defined, ()), node)
    return _Module(name, parts, modules, names)


def _followed(module: str, within: str) -> bool:
    return module.split(".")[0] in ("forecast", within.split(".")[0])


def _defines(node: ast.stmt) -> list[str]:
    if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
        registers = isinstance(node, ast.FunctionDef) and any(
            _last(one) not in _HARMLESS for one in node.decorator_list
        )
        return [node.name, ""] if registers else [node.name]
    targets: list[ast.expr] = []
    if isinstance(node, ast.Assign):
        targets = node.targets
    elif isinstance(node, (ast.AnnAssign, ast.AugAssign)):
        targets = [node.target]
    return [n.id for one in targets for n in ast.walk(one) if isinstance(n, ast.Name)] or [""]


def _last(decorator: ast.expr) -> str:
    called = decorator.func if isinstance(decorator, ast.Call) else decorator
    return called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")


def _uses(here: _Module, node: ast.AST) -> Iterator[Name]:
    """Yield the definitions that a piece of code names, its own included."""
    for one in ast.walk(node):
        if isinstance(one, ast.Attribute) and isinstance(one.value, ast.Name):
            if one.value.id in here.modules:
                yield here.modules[one.value.id], one.attr
        elif isinstance(one, ast.Name) and one.id in here.parts:
            yield here.name, one.id
        elif isinstance(one, ast.Name) and one.id in here.names:
            yield here.names[one.id]


def _record(room: str) -> list[Name]:
    """Return what a room's ``MODEL`` names for the fields that decide a fit."""
    here = _module(f"{room}.room")
    (node,) = here.parts["MODEL"]
    calls = (one for one in ast.walk(node) if isinstance(one, ast.Call))
    fields = [k.value for call in calls for k in call.keywords if k.arg in DECIDES]
    return [used for value in fields for used in _uses(here, value)]


def _file(module: str, *, missing: bool = False) -> Path | None:
    """Return a module's file, by its dotted name."""
    head, _, rest = module.partition(".")
    if head == ROOT.name:
        place = ROOT.joinpath(*rest.split(".")) if rest else ROOT
    else:
        spec = importlib.util.find_spec(head)
        if spec is None or spec.origin is None:
            return None
        place = Path(spec.origin).parent.joinpath(*rest.split("."))
    for path in (place / "__init__.py", place.with_suffix(".py")):
        if path.is_file():
            return path
    return None


@functools.cache
def _parsed(path: Path) -> ast.Module:
    """Return a file's syntax tree without docstrings, wherever they stand, and annotations."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            node.returns = None
        elif isinstance(node, ast.arg):
            node.annotation = None
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)):
            node.body = [one for one in node.body if not (_is_text(one) or _is_for_types(one))]
    return tree


def _is_text(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )


def _is_for_types(node: ast.AST) -> bool:
    """Return whether a statement is a block of imports that only a type checker reads."""
    return (
        isinstance(node, ast.If)
        and isinstance(node.test, ast.Name)
        and node.test.id == "TYPE_CHECKING"
    )
