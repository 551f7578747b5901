"""A fit is decided by its own model's files and by those they use."""

from forecast import sourcecode
from forecast.models import MODELS
from forecast.sourcecode import KINDS, ROOT, code_hash, code_of, everything


def names(*modules):
    return {path.relative_to(ROOT).as_posix() for path in code_of(*modules)}


def test_a_models_files_and_no_other_models():
    found = names("fitting", "models.earnings")
    assert found >= {"models/earnings.py", "models/collapsed.py", "models/parts.py", "fitting.py",
                     "models/__init__.py", "gate.py", "schema.py", "panels/earnings.py"}  # fmt: skip
    assert not found & {"models/market.py", "models/naive.py", "claims.py", "cli.py", "memo.py"}
    assert not any(name.startswith("plots") for name in found)
    assert "models/latent.py" in names("fitting", "models.api_price")


def test_every_model_has_files_of_its_own():
    for model in MODELS:
        others = {f"models/{name}.py" for name in MODELS if name != model}
        assert f"models/{model}.py" in names("fitting", f"models.{model}")
        assert not others & names("fitting", f"models.{model}"), model


def test_the_hash_is_of_those_files_alone(tmp_path, monkeypatch):
    root = tmp_path / "forecast"
    (root / "box").mkdir(parents=True)
    (root / "__init__.py").write_text("")
    (root / "a.py").write_text("from forecast.box import two\n")
    (root / "box" / "__init__.py").write_text(
        "from forecast.box.one import one\nfrom forecast.box.two import two\n"
    )
    for name in ("one", "two"):
        (root / "box" / f"{name}.py").write_text(f"{name} = 1\n")
    monkeypatch.setattr(sourcecode, "ROOT", root)
    fresh = code_hash.__wrapped__  # a process asks once
    before, whole = fresh("a"), fresh()
    (root / "box" / "one.py").write_text("one = 2\n")
    assert fresh("a") == before
    assert fresh() != whole
    (root / "box" / "two.py").write_text("two = 2\n")
    assert fresh("a") != before


def test_templates_are_part_of_the_package_and_tables_and_leftovers_are_not(tmp_path, monkeypatch):
    root = tmp_path / "forecast"
    for name in (
        "a.py",
        "templates/memo.md.j2",
        "_data/a.csv",
        "_data/b.py",
        "memo.md.j2~",
        "x.pyc",
    ):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("one")
    monkeypatch.setattr(sourcecode, "ROOT", root)
    assert [p.name for p in everything()] == ["a.py", "memo.md.j2"]
    fresh = code_hash.__wrapped__
    before = fresh()
    for name in ("_data/a.csv", "_data/b.py", "memo.md.j2~", "x.pyc"):
        (root / name).write_text("two")
    assert fresh() == before
    (root / "templates" / "memo.md.j2").write_text("two")
    assert fresh() != before


def test_the_package_has_no_other_kind_of_file():
    places = (p for p in ROOT.rglob("*") if p.is_file() and "__pycache__" not in p.parts)
    others = {p for p in places if "_data" not in p.relative_to(ROOT).parts} - set(everything())
    assert not {p for p in others if not p.name.startswith(".") and not p.name.endswith("~")}
    assert {p.suffix for p in everything()} == set(KINDS)
    assert {"memo.py", "memo.md.j2", "page.html.j2", "base.py"} <= {p.name for p in everything()}
