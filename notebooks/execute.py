"""Execute the notebooks from their percent scripts and write the paired .ipynb with outputs."""

from pathlib import Path

import jupytext
from nbclient import NotebookClient

if __name__ == "__main__":
    for script in sorted(Path(__file__).parent.glob("[0-9]*.py")):
        notebook = jupytext.read(script)
        NotebookClient(notebook, timeout=900, kernel_name="python3").execute()
        for number, cell in enumerate(notebook.cells):
            cell["id"] = f"cell-{number:02d}"  # ids are random otherwise, and every diff is whole
            cell.get("metadata", {}).pop("execution", None)  # wall-clock times
        jupytext.write(notebook, script.with_suffix(".ipynb"), fmt="ipynb")
