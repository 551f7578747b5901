"""A fit is decided by what its own model's code means, and by what that uses."""

import shutil

import pytest

from forecast.inference import codehash
from forecast.inference.codehash import KINDS, ROOT, definitions, everything, fit_hash, package_hash
from forecast.models.registry import NAMES


def modules(model):
    return {
        module.removeprefix("forecast.") for module, _ in definitions(f"forecast.models.{model}")
    }


def test_a_models_code_and_no_other_models():
    found = modules("earnings")
    assert found >= {"models.earnings.model", "models.earnings.kernel", "models.earnings.states",
                     "models.common", "inference.sampling", "inference.gate"}  # fmt: skip
    assert not {m for m in found if m.split(".")[0] not in ("core", "inference", "models")}
    assert not found & {"models.registry", "models.panels", "core.text"}
    assert "models.latent" in modules("adoption")
    # What registers itself is used without being named.
    names = {name for module, name in definitions("forecast.models.earnings") if "kernel" in module}
    assert "" in names and "PanelLogp" in names


@pytest.mark.parametrize("model", NAMES)
def test_every_model_is_decided_by_its_own_room(model):
    rooms = {
        m.split(".")[1] for m in modules(model) if m.count(".") == 2 and m.startswith("models.")
    }
    assert rooms == {model}
    assert not {m for m in modules(model) if m.endswith((".plots", ".figures", ".baseline"))}


_trees = {}


def parsed(path, parse=codehash._parsed.__wrapped__):
    """Return a file's tree; a text that was parsed for an earlier test is not parsed again."""
    text = None if path is None else path.read_bytes()
    if text not in _trees:
        _trees[text] = parse(path)
    return _trees[text]


@pytest.fixture
def copy(tmp_path, monkeypatch):
    """Return a copy of the package that may be altered, and a function that hashes it afresh."""
    root = tmp_path / "forecast"
    shutil.copytree(ROOT, root, ignore=shutil.ignore_patterns("__pycache__", "_data"))
    monkeypatch.setattr(codehash, "ROOT", root)

    monkeypatch.setattr(codehash, "_parsed", parsed)

    def fresh(model="gpu_rental"):
        codehash._module.cache_clear()
        return fit_hash.__wrapped__(f"forecast.models.{model}")

    yield root, fresh
    codehash._module.cache_clear()


def altered(path, old, new):
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        (
            "models/gpu_rental/model.py",
            '"""Return the model of the panel;',
            '"""Return, the model;',
        ),
        (
            "models/gpu_rental/model.py",
            "    at = _layout(panel)\n",
            "    # a comment\n    at = _layout(panel)\n",
        ),
        (
            "models/gpu_rental/model.py",
            "def _layout(panel: Panel) -> _Layout:",
            "def _layout(panel):",
        ),
        ("models/gpu_rental/room.py", "what an H100 rents for", "what one rents for"),
        ("models/gpu_rental/panel.py", "three or more", "3 or more"),
        ("models/registry.py", '    "payback",\n', '    "payback",\n    "toy",\n'),
        ("models/payback/model.py", "LAST = ", "LAST = 1 + "),
        ("core/text.py", "< 1 %", "below 1 %"),
        ("core/periods.py", "def months(", "def another():\n    pass\n\n\ndef months("),
    ],
)
def test_what_has_no_part_in_a_fit_changes_no_hash(copy, file, old, new):
    root, fresh = copy
    before = fresh()
    altered(root / file, old, new)
    assert fresh() == before


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("models/gpu_rental/model.py", "-0.5 * (seen**2", "-0.4 * (seen**2"),
        ("models/gpu_rental/model.py", "np.exp(replicated[", "np.expm1(replicated["),
        ("models/gpu_rental/model.py", "QUARTERS = 12", "QUARTERS = 8"),
        ("models/latent.py", "low: float, high: float)", "high: float, low: float)"),
        ("inference/gate.py", "MAX_RHAT = 1.01", "MAX_RHAT = 1.1"),
        ("inference/compile.py", "numba__fastmath=False", "numba__fastmath=True"),
    ],
)
def test_what_decides_a_fit_changes_its_hash(copy, file, old, new):
    root, fresh = copy
    before, other = fresh(), fresh("market")
    altered(root / file, old, new)
    assert fresh() != before
    assert (fresh("market") == other) == file.startswith("models")


@pytest.mark.parametrize(
    ("file", "old", "new", "decides"),
    [
        ("kernel.py", "N_NODES = 5", "N_NODES = 7", True),
        ("abilities.py", "EDGES = 2.0", "EDGES = 3.0", True),
        ("spending.py", "own * (1 - weight)", "own * (2 - weight)", True),
        ("layout.py", "ROUGH_TREND = 1.1", "ROUGH_TREND = 1.2", True),
        ("frontier.py", "EARLIER = 5", "EARLIER = 4", False),
        ("draws.py", "100 * expected_score(", "90 * expected_score(", False),
    ],
)
def test_of_a_room_in_several_files_only_what_the_density_reaches_counts(
    copy, file, old, new, decides
):
    root, fresh = copy
    before = fresh("benchmark")
    altered(root / "models" / "benchmark" / file, old, new)
    assert (fresh("benchmark") != before) == decides


def test_templates_are_part_of_the_package_and_tables_and_leftovers_are_not(tmp_path, monkeypatch):
    root = tmp_path / "forecast"
    names = ("a.py", "templates/memo.md.j2", "_data/a.csv", "_data/b.py", "memo.md.j2~", "x.pyc")
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("one")
    monkeypatch.setattr(codehash, "ROOT", root)
    assert [p.name for p in everything()] == ["a.py", "memo.md.j2"]
    fresh = package_hash.__wrapped__
    before = fresh()
    for name in ("_data/a.csv", "_data/b.py", "memo.md.j2~", "x.pyc"):
        (root / name).write_text("two")
    assert fresh() == before
    (root / "templates" / "memo.md.j2").write_text("two")
    assert fresh() != before


def test_the_package_has_no_other_kind_of_file():
    places = (p for p in ROOT.rglob("*") if p.is_file() and "__pycache__" not in p.parts)
    others = {p for p in places if "_data" not in p.relative_to(ROOT).parts} - set(everything())
    others -= set((ROOT / "app" / "templates").iterdir())  # what `init` writes decides no run
    left = {p.name for p in others if not p.name.startswith(".") and not p.name.endswith("~")}
    assert left == {"py.typed"}
    assert {p.suffix for p in everything()} == set(KINDS)


ROOM = {
    "__init__.py": """
STEP = 1.0
""",
    "room.py": """
from forecast.models.base import Model, years
from hidden_room import model
from hidden_room.baseline import walk

MODEL = Model(
    name="hidden",
    title="a title",
    priors=model.Priors(),
    variants=model.VARIANTS,
    build=model.build,
    draw=model.draw,
    replicate=model.replicate,
    prior_checks=model.PRIOR_CHECKS,
    report=model.REPORT,
    labels={"a": "a label"},
    horizon=years(3),
    baseline=walk,
)
""",
    "baseline.py": """
def walk(panel, *, until, seed):
    return 1
""",
    "model.py": """
import dataclasses
import sys
from typing import TYPE_CHECKING

import numba
import hidden_room.plain
import hidden_room.named as alias
from hidden_room import STEP, handed, registry
from hidden_room import through as far
from hidden_room.branches import BRANCH
from hidden_room.starred import *
from . import near
from .nearer import nearest

if TYPE_CHECKING:
    from hidden_room.types import Kind
else:
    CHECKED = 5

if sys.version_info >= (3, 12):
    def by_version(): return 6

@dataclasses.dataclass(frozen=True)
class Priors:
    level: float = 1.0
    def rate(self): return 7 * self.level

class Box:
    SIZE = 8
    def size(self, by=9): return by

def adorn(f):
    return lambda *args: f(*args) + 10

@adorn
def adorned(x): return x

@numba.njit
def fast(x): return x + 11

BY_NAME = {"fast": fast, "slow": lambda x: x + 12}
(OUTER := [INNER := 13])
FIRST = (SECOND := 14) + 1
VARIANTS = {}
REPORT = ("level",)
PRIOR_CHECKS = (("a", lambda data, panel: data["a"] * 15, 0, 1),)

def build(panel, priors, *, scale=16):
    from hidden_room.late import late
    return [
        STEP, alias.f(), hidden_room.plain.f(), getattr(handed, "f" + "f")(), far.onward.f(),
        BRANCH, starred(), near.f(), nearest(), CHECKED, by_version(), priors.rate(), Box.SIZE,
        adorned(1), BY_NAME["slow"](1), SECOND, late(), registry.TABLE["added"](), lifted()
    ]

def lifted():
    return late_bound()

late_bound = getattr(near, "g")

def replicate(parameters, panel, priors, rng):
    return {}

def draw():
    return 17
""",
    "plain.py": "def f(): return 20\n",
    "named.py": "def f(): return 21\n",
    "handed.py": "def ff(): return 22\n",
    "through.py": "from hidden_room import onward\n",
    "onward.py": "def f(): return 23\n",
    "branches.py": "try:\n    from gone import BRANCH\nexcept ImportError:\n    BRANCH = 24\n",
    "starred.py": "from hidden_room.deeper import *\n",
    "deeper.py": "def starred(): return 25\n",
    "near.py": "def f(): return 26\n\ndef g(): return 27\n",
    "nearer.py": "def nearest(): return 28\n",
    "late.py": "def late(): return 29\n",
    "registry.py": """
from hidden_room import entries
TABLE = {}
def register(f):
    TABLE[f.__name__] = f
    return f
""",
    "entries.py": "import hidden_room.registry as r\n@r.register\ndef added(): return 30\n",
    "types.py": "Kind = int\n",
}
"""A room that says what decides its fits in every way that Python has."""


@pytest.fixture
def hidden(tmp_path, monkeypatch):
    """Return the folder of a made-up room, and a function that hashes it afresh."""
    room = tmp_path / "hidden_room"
    room.mkdir()
    for name, text in ROOM.items():
        (room / name).write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(codehash, "_parsed", parsed)

    def fresh():
        codehash._module.cache_clear()
        return fit_hash.__wrapped__("hidden_room")

    yield room, fresh
    codehash._module.cache_clear()


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("__init__.py", "STEP = 1.0", "STEP = 2.0"),
        ("model.py", "CHECKED = 5", "CHECKED = 0"),
        ("model.py", "return 6", "return 0"),
        ("model.py", "7 * self.level", "0 * self.level"),
        ("model.py", "SIZE = 8", "SIZE = 0"),
        ("model.py", "by=9", "by=0"),
        ("model.py", "+ 10", "+ 0"),
        ("model.py", "x + 11", "x + 0"),
        ("model.py", "x + 12", "x + 0"),
        ("model.py", "SECOND := 14", "SECOND := 0"),
        ("model.py", "* 15", "* 0"),
        ("model.py", "scale=16", "scale=0"),
        ("model.py", 'REPORT = ("level",)', 'REPORT = ("level", "another")'),
        ("plain.py", "20", "0"),
        ("named.py", "21", "0"),
        ("handed.py", "22", "0"),
        ("onward.py", "23", "0"),
        ("branches.py", "24", "0"),
        ("deeper.py", "25", "0"),
        ("near.py", "26", "0"),
        ("near.py", "27", "0"),
        ("nearer.py", "28", "0"),
        ("late.py", "29", "0"),
        ("entries.py", "30", "0"),
    ],
)
def test_no_way_of_using_code_is_overlooked(hidden, file, old, new):
    room, fresh = hidden
    before = fresh()
    altered(room / file, old, new)
    assert fresh() != before


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("room.py", "a label", "another"),
        ("baseline.py", "return 1", "return 2"),
        ("model.py", "return 17", "return 18"),
        ("types.py", "int", "float"),
    ],
)
def test_what_only_draws_or_shows_refits_nothing(hidden, file, old, new):
    room, fresh = hidden
    before = fresh()
    altered(room / file, old, new)
    assert fresh() == before


@pytest.mark.parametrize(
    "text",
    [
        "from hidden_room import model\nMODEL = Model('a', 'b', model.Priors(), {}, model.build)\n",
        "from hidden_room import model\nFIELDS = {'build': model.build}\nMODEL = Model(**FIELDS)\n",
        "from hidden_room.model import MODEL\n",
        "from hidden_room import model\nif True:\n    MODEL = make(model.build)\n",
        "from hidden_room import model\nBASE = make(model.build)\nMODEL = replace(BASE, name='a')\n",
    ],
)
def test_a_record_written_otherwise_counts_as_a_whole(hidden, text):
    room, fresh = hidden
    (room / "room.py").write_text(text)
    altered(room / "model.py", "VARIANTS = {}", "VARIANTS = {}\nMODEL = make(build)")
    before = fresh()
    altered(room / "named.py", "21", "0")
    assert fresh() != before


def test_what_is_found_by_a_text_makes_the_whole_folder_count(hidden):
    room, fresh = hidden
    (room / "secret.py").write_text("def f(): return 1\n")
    altered(
        room / "model.py",
        "return late_bound()",
        "return importlib.import_module('hidden_room.' + 'secret').f()",
    )
    before = fresh()
    altered(room / "secret.py", "1", "2")
    assert fresh() != before


def test_a_room_below_a_folder_without_code_of_its_own(tmp_path, monkeypatch):
    room = tmp_path / "bare_house" / "hidden_room"
    room.mkdir(parents=True)
    for name, text in ROOM.items():
        (room / name).write_text(text.replace("hidden_room", "bare_house.hidden_room"))
    monkeypatch.syspath_prepend(tmp_path)
    codehash._module.cache_clear()
    found = definitions("bare_house.hidden_room")
    assert ("bare_house.hidden_room.nearer", "nearest") in found
    assert ("bare_house.hidden_room", "STEP") in found
    (room / "__init__.py").unlink()
    codehash._module.cache_clear()
    assert ("bare_house.hidden_room.nearer", "nearest") in definitions("bare_house.hidden_room")


def test_a_public_name_is_followed_to_where_it_is_defined(hidden):
    room, _ = hidden
    altered(room / "model.py", "import numba\n", "import numba\nfrom forecast import convert\n")
    altered(room / "model.py", "return late_bound()", "return convert(1)")
    codehash._module.cache_clear()
    assert ("forecast.core.units", "convert") in definitions("hidden_room")
