"""Every notebook runs from top to bottom."""

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient


NOTEBOOKS = sorted((Path(__file__).parents[1] / "notebooks").glob("*.ipynb"))


def test_the_story_is_complete() -> None:
    story = ["01_one_cell", "02_one_tile", "03_one_layer", "04_one_chip", "05_training"]
    assert [path.stem for path in NOTEBOOKS] == story


SHORT = ("01_one_cell", "04_one_chip")
EACH = [pytest.param(path, id=path.stem, marks=[] if path.stem in SHORT else pytest.mark.slow) for path in NOTEBOOKS]


@pytest.mark.parametrize("path", EACH)
@pytest.mark.filterwarnings("default")  # of the machinery that runs notebooks, not of their code
def test_notebook_runs(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    NotebookClient(notebook, timeout=180, resources={"metadata": {"path": str(path.parent)}}).execute()
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    assert any("image/png" in output.get("data", {}) for output in outputs)
    assert not [output["text"] for output in outputs if output.get("name") == "stderr"]
