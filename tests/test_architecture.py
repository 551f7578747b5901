"""The page `docs/architecture.md` says what there is, and the packages keep to it."""

import ast
import contextlib
import functools
import importlib
import re
from pathlib import Path

import pytest

from forecast.models.registry import NAMES

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "forecast"
PAGE = ROOT / "docs" / "architecture.md"
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")]
DEEPEST = 12
"""Modules in the longest chain of imports: this may fall, not rise."""
ROOMS_SEEN = {
    "claims/variations.py",  # a correction against a crash
    "core/words.py",  # a metric of that name
    "evaluation/hindcast.py",  # the boom before: its spending and its prices
    "evaluation/left_out.py",  # scores left out
    "news/change.py",  # the reports that are looked ahead to
    "news/prospects.py",
    "plots/style.py",  # a metric of that name
    "report/figures.py",
    "report/results.py",
    *(  # a section that is about one model
        f"report/sections/{name}.py"
        for name in ("cost_curve", "depths", "earnings", "hindcast", "payback", "reading")
    ),
    "report/sections/__init__.py",  # keys of sections
}
"""Files that still name a room other than their own: the list may shrink, not grow."""


def module_name(path):
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_name(path): path for path in sorted(PACKAGE.rglob("*.py"))}


def at_import(body):
    """Yield the import statements that run when a module is imported."""
    for node in body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield node
        elif isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            yield from at_import(node.orelse)
        elif not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            for field in ("body", "orelse", "handlers", "finalbody"):
                yield from at_import(getattr(node, field, []))


def targets(node):
    """Return the modules of the package that an import statement names."""
    if isinstance(node, ast.Import):
        named = [alias.name for alias in node.names]
    else:
        inside = [f"{node.module}.{alias.name}" for alias in node.names]
        named = [name if name in MODULES else node.module for name in inside]
    return {name for name in named if name in MODULES}


@functools.cache
def tree(module):
    return ast.parse(MODULES[module].read_text(encoding="utf-8"))


@functools.cache
def imports(module):
    found = set().union(*(targets(node) for node in at_import(tree(module).body)))
    return tuple(sorted(found - {module}))


@functools.cache
def chain(module):
    return (module, *max((chain(name) for name in imports(module)), key=len, default=()))


def room_of(module):
    """Return the room that a module belongs to, "" outside of all."""
    parts = module.split(".")
    return parts[2] if parts[1:2] == ["models"] and len(parts) > 2 and parts[2] in NAMES else ""


def rooms_named(module):
    """Return the rooms that a module imports from, and outside of all rooms those it names in quotes."""
    nodes = list(ast.walk(tree(module)))
    imported = [n for n in nodes if isinstance(n, ast.Import | ast.ImportFrom)]
    found = {room_of(target) for node in imported for target in targets(node)}
    if not room_of(module):
        found |= {n.value for n in nodes if isinstance(n, ast.Constant) and n.value in NAMES}
    return found - {"", room_of(module)}


def the_map():
    """Return the files that the page's map names, by package."""
    rows = re.findall(r"^\| `([a-z_<>/]+)/` \|(.+)\|$", PAGE.read_text(encoding="utf-8"), re.M)
    return {package: re.findall(r"`([\w/]+\.py)`", what) for package, what in rows}


def test_every_package_stands_in_the_map():
    packages = {path.name for path in PACKAGE.iterdir() if (path / "__init__.py").is_file()}
    assert {package.split("/")[0] for package in the_map()} == packages


@pytest.mark.parametrize("package", the_map())
def test_the_map_names_only_files_that_there_are(package):
    if package.endswith("<name>"):
        files = {path.name for room in NAMES for path in (PACKAGE / "models" / room).iterdir()}
        missing = set(the_map()[package]) - files
    else:
        missing = {f for f in the_map()[package] if not (PACKAGE / package / f).is_file()}
    assert not missing, f"docs/architecture.md names {missing} in {package}/"


def test_every_room_has_the_files_of_a_room():
    for room in NAMES:
        assert {"panel.py", "model.py", "room.py"} <= {
            path.name for path in (PACKAGE / "models" / room).iterdir()
        }, room


def test_no_module_imports_itself_by_way_of_others():
    waiting = {module: set(imports(module)) for module in MODULES}
    while free := [module for module, wanted in waiting.items() if not wanted & set(waiting)]:
        for module in free:
            del waiting[module]
    assert not waiting, f"import one another: {sorted(waiting)}"


def test_the_chains_of_imports_are_short():
    longest = max(map(chain, MODULES), key=len)
    assert len(longest) <= DEEPEST, "\n".join((f"{len(longest)} modules:", *longest))


def test_no_room_imports_another():
    found = {m: rooms_named(m) for m in MODULES if room_of(m) and rooms_named(m)}
    assert not found


def test_rooms_are_named_in_the_registry_alone():
    found = {
        MODULES[module].relative_to(PACKAGE).as_posix(): rooms_named(module)
        for module in MODULES
        if module != "forecast.models.registry" and rooms_named(module)
    }
    assert set(found) <= ROOMS_SEEN, {path: found[path] for path in set(found) - ROOMS_SEEN}


# --- docstrings --------------------------------------------------------------------------------
def sources():
    return {module: path.read_text(encoding="utf-8") for module, path in MODULES.items()}


def leads(name):
    """Return whether a full name is that of a module, or of something that stands in one."""
    parts = name.split(".")
    for k in range(len(parts), 0, -1):
        with contextlib.suppress(ModuleNotFoundError):
            home = importlib.import_module(".".join(parts[:k]))
            break
    else:
        return False
    for part in parts[k:]:
        if part in getattr(
            home, "__dataclass_fields__", {}
        ):  # no attribute where it has no default
            return True
        if not hasattr(home, part):
            return False
        home = getattr(home, part)
    return True


@pytest.mark.parametrize("module", MODULES)
def test_cross_references_lead_somewhere(module):
    text = MODULES[module].read_text(encoding="utf-8")
    classes = re.findall(r"^class (\w+)", text, re.MULTILINE)
    homes = ["", f"{module}.", *(f"{module}.{name}." for name in classes)]
    named = re.findall(r":(?:func|data|mod|class|meth|attr):`~?([\w.]+)`", text)
    assert not [name for name in named if not any(leads(home + name) for home in homes)]


def test_a_parameter_is_documented_where_its_function_is():
    section = re.compile(r"Parameters\n-+\n(.*?)(?:\n\n?[A-Z]\w+\n-+\n|\Z)", re.DOTALL)
    wrong = []
    for module, text in sources().items():
        if module.endswith(".kernel"):  # arrays by the dozen, named in the module's docstring
            continue
        for node in ast.walk(ast.parse(text)):
            if not isinstance(node, ast.FunctionDef):
                continue
            told = section.search(ast.get_docstring(node) or "")
            if told is None:
                continue
            heads = [line for line in told[1].splitlines() if line and not line[0].isspace()]
            names = {name.strip(" *") for head in heads for name in head.split(",")}
            takes = node.args
            every = (*takes.posonlyargs, *takes.args, *takes.kwonlyargs, takes.vararg)
            taken = {one.arg for one in every if one is not None}
            if names != taken - {"self", "cls"}:
                wrong.append((module, node.name, names ^ (taken - {"self", "cls"})))
    assert not wrong


def test_the_tests_that_are_named_exist():
    pages = [*sources().values(), *(p.read_text(encoding="utf-8") for p in PAGES)]
    named = {name for text in pages for name in re.findall(r"tests/(test_\w+\.py)", text)}
    there = {path.name for path in Path(__file__).parent.glob("test_*.py")}
    assert named - {"test_NAME.py"} <= there
