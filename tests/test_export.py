"""The memo in other formats says what the Markdown says."""

import sys

import pytest

from forecast.cli import main
from forecast.core.errors import DataError
from forecast.report import export

MEMO = """# Title with 5 % and *stars* #tag $cash$

> **31 %** quoted

- one **bold** item

| head | other |
|---|---|
| cell_1 | a [link] |

![alt](figures/a.svg)
"""


@pytest.fixture
def folder(tmp_path):
    from matplotlib.figure import Figure

    (tmp_path / "figures").mkdir()
    Figure().savefig(tmp_path / "figures" / "a.png")
    (tmp_path / "memo.md").write_text(MEMO)
    return tmp_path


def test_docx(folder):
    docx = pytest.importorskip("docx")
    export.to_docx(folder, folder / "memo.docx")
    document = docx.Document(str(folder / "memo.docx"))
    text = [p.text for p in document.paragraphs]
    assert text[0].startswith("Title with 5 % and")
    assert "31 % quoted" in text
    assert "one bold item" in text
    assert [c.text for row in document.tables[0].rows for c in row.cells] == [
        "head", "other", "cell_1", "a [link]",
    ]  # fmt: skip
    assert len(document.inline_shapes) == 1


def test_pdf(folder):
    pytest.importorskip("typst")
    export.to_pdf(folder, folder / "memo.pdf")
    content = (folder / "memo.pdf").read_bytes()
    assert content.startswith(b"%PDF")
    assert b"/Image" in content


def test_a_missing_extra_is_said_in_words(folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "docx", None)
    with pytest.raises(DataError, match=r"needs the docx extra; install it with pip"):
        export.to_docx(folder, folder / "memo.docx")


@pytest.mark.parametrize(("flag", "name"), [("--pdf", "memo.pdf"), ("--docx", "memo.docx")])
def test_the_command_writes_beside_the_run_and_leaves_it_whole(
    flag, name, tmp_path, folder, capsys
):
    from forecast.store.runs import verify, write_run

    pytest.importorskip("typst")
    pytest.importorskip("docx")

    def fill(place):
        (place / "figures").mkdir()
        for source in ("memo.md", "figures/a.png"):
            (place / source).write_bytes((folder / source).read_bytes())

    run = write_run(tmp_path / "out", "abc", fill)
    assert main.main(["memo", str(run), flag, "--out", str(tmp_path / "out")]) == 0
    path = capsys.readouterr().out.strip()
    assert path.endswith(f"abc-{name}")
    verify(run)
