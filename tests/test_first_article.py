"""``forecast init``: a folder that a run accepts as it is, or none."""

import shutil
import string

import pytest
from conftest import without_pictures

from forecast.app import first_article
from forecast.claims.inputs import read_inputs
from forecast.cli import main
from forecast.core.errors import DataError, StoreError
from forecast.tables.desk.user_file import read_user_table


def test_a_run_accepts_it_as_it_is(tmp_path, capsys, instant_sampler, monkeypatch):
    without_pictures(monkeypatch)
    data, out = tmp_path / "new" / "data", tmp_path / "out"
    assert main.main(["init", str(data), "--article", "harbours"]) == 0
    said, err = capsys.readouterr()
    assert f"{data}/articles/harbours/claims.toml: what the article says" in said
    assert f"forecast run --data {data} answers" in err
    assert main.main(["claims", "--data", str(data)]) == 0
    assert "claims.toml: nothing that a run would refuse" in capsys.readouterr().err
    assert main.main(["run", "--quick", "--data", str(data), "--out", str(out)]) == 0
    memo = (out / "latest" / "memo.md").read_text(encoding="utf-8")
    assert "more capex at Microsoft in 2027 than in 2026" in memo
    assert "cuban" not in memo.lower()
    assert "“”" not in memo  # the claim has no quote
    kinds = {path.name for path in (out / "latest" / "fits").iterdir()}
    assert kinds == {"earnings.nc"}


def test_what_stands_behind_a_sign_is_good_too(tmp_path):
    """The second definition, which the claims file has in comments."""
    first_article.make_folder(tmp_path / "data")
    path = tmp_path / "data" / "articles" / "my_article" / "claims.toml"
    head, tail = path.read_text().split("# [[claim.definition]]")
    path.write_text(head + "[[claim.definition]]" + tail.replace("\n# ", "\n"))
    (claim,) = read_inputs(tmp_path / "data").claims
    assert [one.id for one in claim.definitions] == [
        "capex_above_year_before",
        "capex_a_fifth_above",
    ]
    assert main.main(["claims", "--data", str(tmp_path / "data")]) == 0


def test_the_template_of_a_table_is_one(tmp_path):
    import datetime as dt

    first_article.make_folder(tmp_path / "data")
    path = tmp_path / "data" / "templates" / "observations.csv"
    assert len(read_user_table(path, today=dt.date(2026, 5, 6)).rows) == 2
    assert "Northport" not in set(read_inputs(tmp_path / "data").vintages["entity"])


def test_no_placeholder_is_left(tmp_path):
    first_article.make_folder(tmp_path / "data")
    for path in (tmp_path / "data").rglob("*"):
        if path.is_file() and path.parent != tmp_path / "data":
            assert not string.Template(path.read_text()).get_identifiers(), path


def test_an_empty_folder_is_filled_and_a_full_one_refused(tmp_path, capsys):
    data = tmp_path / "data"
    data.mkdir()
    assert main.main(["init", str(data)]) == 0
    before = sorted(path.relative_to(data) for path in data.rglob("*"))
    for line, wanted in (
        ([str(data)], "got a folder with files in it; wanted a new or an empty folder"),
        ([str(data / "README.md")], "got a file; wanted a new or an empty folder"),
        ([str(tmp_path / "b"), "--article", "a/b"], "got the article's name 'a/b'; wanted a name"),
        ([str(tmp_path / "b"), "--article", ".b"], "that does not begin with a dot"),
    ):
        assert main.main(["init", *line]) == 1
        assert wanted in capsys.readouterr().err
    assert sorted(path.relative_to(data) for path in data.rglob("*")) == before
    assert [path.name for path in tmp_path.iterdir()] == ["data"]


def test_nobody_is_left_standing_nowhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match="got the working directory; give a folder below it"):
        first_article.make_folder(".")


@pytest.mark.parametrize("step", ["copy", "rename"])
def test_nothing_is_half_written(tmp_path, monkeypatch, step):
    def full(*args, **kwargs):
        raise OSError(28, "No space left on device", str(tmp_path / "data"))

    if step == "copy":
        monkeypatch.setattr(shutil, "copyfile", full)
    else:
        monkeypatch.setattr(first_article.Path, "rename", full)
    with pytest.raises(StoreError, match="No space left on device; make room there"):
        first_article.make_folder(tmp_path / "data")
    assert list(tmp_path.iterdir()) == []


def test_what_comes_in_between_stays(tmp_path, monkeypatch):
    """Somebody writes to the folder while it is made: theirs is kept."""
    data = tmp_path / "data"
    real = shutil.copyfile

    def meanwhile(source, target):
        data.mkdir(exist_ok=True)
        (data / "theirs").write_text("kept")
        return real(source, target)

    monkeypatch.setattr(shutil, "copyfile", meanwhile)
    with pytest.raises(StoreError, match="cannot write"):
        first_article.make_folder(data)
    assert [path.name for path in data.iterdir()] == ["theirs"]
