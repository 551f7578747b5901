"""A fit is decided by its own model's files and by those they use."""

from forecast import sourcecode
from forecast.models import MODELS
from forecast.sourcecode import ROOT, code_hash, code_of


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
