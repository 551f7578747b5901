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
    assert found >= {"models.earnings.model", "models.earnings.kernel", "models.common",
                     "inference.sampling", "inference.gate"}  # fmt: skip
    assert not {m for m in found if m.split(".")[0] not in ("core", "inference", "models")}
    assert not found & {"models.registry", "models.panels", "core.text"}
    assert "models.latent" in modules("api_price")
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


@pytest.fixture
def copy(tmp_path, monkeypatch):
    """Return a copy of the package that may be altered, and a function that hashes it afresh."""
    root = tmp_path / "forecast"
    shutil.copytree(ROOT, root, ignore=shutil.ignore_patterns("__pycache__", "_data"))
    monkeypatch.setattr(codehash, "ROOT", root)

    def fresh(model="gpu_rental"):
        for cached in (codehash._parsed, codehash._module):
            cached.cache_clear()
        return fit_hash.__wrapped__(f"forecast.models.{model}")

    yield root, fresh
    for cached in (codehash._parsed, codehash._module):
        cached.cache_clear()


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
        ("inference/sampling.py", "numba__fastmath=False", "numba__fastmath=True"),
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
        ("abilities.py", "N_NODES = 5", "N_NODES = 7", True),
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
    left = {p.name for p in others if not p.name.startswith(".") and not p.name.endswith("~")}
    assert left == {"py.typed"}
    assert {p.suffix for p in everything()} == set(KINDS)
