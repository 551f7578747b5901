"""Notebooks run from top to bottom with real fits, and their pairs are in step."""

from pathlib import Path

import jupytext
import nbformat
import pytest
from nbclient import NotebookClient

NOTEBOOKS = sorted((Path(__file__).parent.parent / "notebooks").glob("[0-9]*.py"))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_the_pair_is_in_step_and_carries_outputs(path):
    source = jupytext.read(path)
    paired = nbformat.read(path.with_suffix(".ipynb"), as_version=4)
    assert [c.source for c in paired.cells] == [c.source for c in source.cells]
    code = [c for c in paired.cells if c.cell_type == "code"]
    assert sum(bool(c.outputs) for c in code) > len(code) / 2
    assert not any(o.output_type == "error" for c in code for o in c.outputs)


@pytest.mark.slow
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_the_notebook_runs(path, tmp_path):
    notebook = jupytext.read(path)
    NotebookClient(notebook, timeout=600, kernel_name="python3",
                   resources={"metadata": {"path": str(tmp_path)}}).execute()  # fmt: skip
    text = "\n".join(
        str(o.get("text", "")) + str(o.get("data", {})) for c in notebook.cells
        if c.cell_type == "code" for o in c.outputs
    )  # fmt: skip
    assert "gate passed" in text
    assert "image/png" in text
