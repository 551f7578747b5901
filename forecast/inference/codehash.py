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
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).parents[1]
KINDS = (".py", ".pyi", ".j2")
"""Endings of the package's files: code, the list of public names, and templates."""
DECIDES = (
    "priors",
    "build",
    "compact",
    "complete",
    "replicate",
    "prior_checks",
    "report",
    "sampled",
    "latent",
    "optional",
)
"""Of a model's record, what its fit and its gate depend on; settings of the sampler and the numbers of
the prior set stand in the spec itself, what the prior record makes of its numbers does not."""
ENGINE = (
    ("forecast.inference.sampling", "full_tree"),
    ("forecast.inference.sampling", "prior_misses"),
    ("forecast.inference.gate", "inspect_run"),
    ("forecast.models.base", "Model.completed"),
    ("forecast.models.base", "Model.reported_of"),
    ("forecast.models.base", "Panel.part"),
)
"""What every fit goes through; of the records that it is handed, the methods."""
_HARMLESS = {"dataclass", "njit", "cache", "lru_cache", "contextmanager", "overload"}
"""Decorators that register nothing: what they adorn counts where it is used."""
_BY_TEXT = {"import_module", "__import__", "globals", "eval", "exec"}
"""What finds a definition by a text that no tree shows: then all code of its package counts."""

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
    place = _place(room)
    assert place is not None  # it has been imported
    folder = place if place.is_dir() else place.parent
    sha = hashlib.sha256()
    for path in sorted(folder.rglob("*.py")):
        sha.update(path.relative_to(folder).as_posix().encode() + b"\0")
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
        nodes = _module(module).parts[name]
        text = "".join(ast.dump(node) for node in nodes)
        sha.update(f"{module}.{name}\0{text}\0".encode())
        if any(_last(one) in _BY_TEXT for node in nodes for one in ast.walk(node)):
            sha.update(room_hash(module).encode())
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
        if (module, name) in found:
            continue
        found.add((module, name))
        here = _module(module)
        waiting += [one for node in here.parts.get(name, ()) for one in _uses(here, node)]
        if name in here.names:  # gathered by an __init__ from another file
            waiting.append(here.names[name])
        elif name in here.modules:
            waiting += _whole(here.modules[name])
        elif name not in here.parts:  # defined under an if, or by what a star brings
            waiting += [one for star in here.stars for one in _whole(star)]
        # An import runs a module, and the packages it lies in.
        waiting += [(one, "") for one in (module, *here.runs)]
    # The package's first file names what is loaded and silences loggers: no draw depends on it.
    found.discard((ROOT.name, ""))
    return {(module, name) for module, name in found if _module(module).parts.get(name)}


@dataclasses.dataclass(frozen=True)
class _Module:
    name: str
    parts: Mapping[str, tuple[ast.stmt, ...]]
    modules: Mapping[str, str]
    names: Mapping[str, Name]
    stars: tuple[str, ...]
    runs: tuple[str, ...]


@functools.cache
def _module(name: str) -> _Module:
    """Return a module's definitions by name, and what it imports from packages that are followed."""
    tree = _parsed(_file(name))
    parts: dict[str, tuple[ast.stmt, ...]] = {"": ()}
    for part in tree.body:
        if not isinstance(part, (ast.Import, ast.ImportFrom)):
            for defined in _defines(part):
                parts[defined] = (*parts.get(defined, ()), part)
            if isinstance(part, ast.ClassDef):
                methods = (one for one in part.body if isinstance(one, ast.FunctionDef))
                parts |= {f"{part.name}.{method.name}": (method,) for method in methods}
    modules: dict[str, str] = {}
    names: dict[str, Name] = {}
    stars: list[str] = []
    runs = _packages(name)
    for local, origin, gathered in _imports(tree, name):
        runs += [*_packages(origin), origin]
        if gathered == "*":
            stars.append(origin)
        elif gathered:
            names[local] = (origin, gathered)
        else:
            modules[local] = origin
    # What a package loads when it is asked for stands in its stub; nothing of it is run before.
    file = _file(name)
    if file is not None and (stub := file.with_suffix(".pyi")).is_file():
        names = {
            **{local: (origin, one) for local, origin, one in _imports(_parsed(stub), name)},
            **names,
        }
    return _Module(name, parts, modules, names, tuple(stars), tuple(dict.fromkeys(runs)))


def _imports(tree: ast.Module, within: str) -> Iterator[tuple[str, str, str]]:
    """Yield (local name, module, what is taken from it or "") of imports, wherever they stand.

    Those in a function or under an ``if`` count too.
    """
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if _followed(alias.name, within):
                    head = alias.name.split(".")[0]
                    yield alias.asname or head, alias.name if alias.asname else head, ""
                    yield alias.name, alias.name, ""
        elif isinstance(node, ast.ImportFrom):
            origin = _origin(node, within)
            for alias in node.names if _followed(origin, within) else ():
                local, full = alias.asname or alias.name, f"{origin}.{alias.name}"
                if _place(full) is not None:
                    yield local, full, ""
                else:
                    yield local, origin, alias.name


def _followed(module: str, within: str) -> bool:
    return module.split(".")[0] in (ROOT.name, within.split(".")[0])


def _packages(module: str) -> list[str]:
    """Return the packages that a module lies in, outermost first, where they have code."""
    heads = module.split(".")[:-1]
    places = [".".join(heads[: k + 1]) for k in range(len(heads))]
    return [place for place in places if _file(place) is not None]


def _origin(node: ast.ImportFrom, within: str) -> str:
    """Return the dotted name that an import is from, a relative one included."""
    if not node.level:
        return str(node.module)
    file = _file(within)
    inside = file is not None and file.name == "__init__.py"
    heads = within.split(".")
    heads = heads[: len(heads) - node.level + inside]
    return ".".join([*heads, node.module] if node.module else heads)


def _whole(module: str) -> list[Name]:
    """Return all that a module defines or gathers: it may be asked for any of it by a text."""
    here = _module(module)
    return [(module, name) for name in ("", *here.parts, *here.names)]


def _defines(node: ast.stmt) -> list[str]:
    """Return the names that a statement defines; "" for what acts as soon as the module is run."""
    if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
        registers = any(_last(one) not in _HARMLESS for one in node.decorator_list)
        return [node.name, ""] if registers else [node.name]
    targets: list[ast.expr] = []
    if isinstance(node, ast.Assign):
        targets = node.targets
    elif isinstance(node, (ast.AnnAssign, ast.AugAssign)):
        targets = [node.target]
    elif isinstance(node, ast.TypeAlias):
        targets = [node.name]
    walked = [n for one in targets for n in ast.walk(one)]
    defined = [n.id for n in walked if isinstance(n, ast.Name)]
    defined += [n.target.id for n in ast.walk(node) if isinstance(n, ast.NamedExpr)]
    # What alters something of another module is not asked for by a name of this one.
    alters = any(isinstance(n, ast.Attribute) for n in walked)
    return [*defined, ""] if alters or not defined else defined


def _last(decorator: ast.AST) -> str:
    called = decorator.func if isinstance(decorator, ast.Call) else decorator
    return called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")


def _uses(here: _Module, node: ast.AST) -> Iterator[Name]:
    """Yield the definitions that a piece of code names, its own included."""
    seen: set[ast.AST] = set()  # what is part of a longer chain of names
    for one in ast.walk(node):
        if isinstance(one, ast.Attribute) and one not in seen:
            links, base = [one.attr], one.value
            while isinstance(base, ast.Attribute):
                seen.add(base)
                links.append(base.attr)
                base = base.value
            if isinstance(base, ast.Name) and base.id in here.modules:
                seen.add(base)
                yield from _linked(here.modules[base.id], links[::-1])
                yield from [(here.name, base.id)] if base.id in here.parts else []
        elif isinstance(one, ast.Name) and one not in seen:
            yield from _named(here, one.id)


def _named(here: _Module, name: str) -> Iterator[Name]:
    if name in here.parts:
        yield here.name, name
    if name in here.names:
        yield here.names[name]
    if name in here.modules:  # handed on as it is
        yield from _whole(here.modules[name])
    for star in here.stars:
        yield star, name


def _linked(module: str, links: Sequence[str]) -> Iterator[Name]:
    """Yield the definition that ``module.a.b`` names, by way of the modules between."""
    for link in links:
        below = f"{module}.{link}"
        if _file(module) is not None:
            yield module, link
            below = _module(module).modules.get(link, below)
            if link in _module(module).parts or link in _module(module).names:
                return
        if _place(below) is None:
            return
        module = below
    yield from _whole(module)


def _record(room: str) -> list[Name]:
    """Return what a room's ``MODEL`` names for the fields that decide a fit.

    Where the record is not written as one call with each field by its name, all that it names counts.
    """
    module = f"{room}.room"
    here = _module(module)
    nodes = here.parts.get("MODEL", ())
    call = getattr(nodes[0], "value", None) if len(nodes) == 1 else None
    if not isinstance(call, ast.Call) or call.args or not all(k.arg for k in call.keywords):
        return [(module, ""), (module, "MODEL")]
    given = {k.arg: k.value for k in call.keywords}
    if not {"build", "replicate", "prior_checks", "priors", "report"} <= given.keys():
        return [(module, ""), (module, "MODEL")]
    fields = [given[name] for name in DECIDES if name in given]
    return [(module, ""), *(used for value in fields for used in _uses(here, value))]


def _place(module: str) -> Path | None:
    """Return where a module lies by its dotted name, without an ending; None where nothing does."""
    head, _, rest = module.partition(".")
    roots: Iterable[str | Path] = [ROOT]
    if head != ROOT.name:
        spec = importlib.util.find_spec(head)
        if spec is None:
            return None
        roots = spec.submodule_search_locations or []
        if not roots and not rest:  # a single file
            return Path(str(spec.origin)).with_suffix("")
    places = [Path(root).joinpath(*filter(None, rest.split("."))) for root in roots]
    return next((p for p in places if p.is_dir() or p.with_suffix(".py").is_file()), None)


def _file(module: str) -> Path | None:
    """Return a module's file, by its dotted name; None for a folder without code of its own."""
    place = _place(module)
    if place is not None:
        for path in (place / "__init__.py", place.with_suffix(".py")):
            if path.is_file():
                return path
    return None


@functools.cache
def _parsed(path: Path | None) -> ast.Module:
    """Return a file's syntax tree without docstrings, wherever they stand, and annotations."""
    if path is None:
        return ast.Module([], [])
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and not _by_annotation(node):
            node.returns = None
            for arg in ast.walk(node.args):
                if isinstance(arg, ast.arg):
                    arg.annotation = None
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)):
            node.body = [one for part in node.body for one in _read(part)]
    return tree


def _by_annotation(node: ast.FunctionDef) -> bool:
    """Return whether a decorator may read the annotations, as those that choose by type do."""
    return any(_last(one) not in _HARMLESS for one in node.decorator_list)


def _read(node: ast.stmt) -> list[ast.stmt]:
    """Return what is run of a statement: no text, and no imports that only a type checker reads."""
    if isinstance(node, ast.If) and _last(node.test) == "TYPE_CHECKING":
        return node.orelse
    value = node.value if isinstance(node, ast.Expr) else None
    return [] if isinstance(value, ast.Constant) and isinstance(value.value, str) else [node]
