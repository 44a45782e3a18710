"""Every notebook runs from top to bottom."""

import os
import re
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient


NOTEBOOKS = sorted((Path(__file__).parents[1] / "notebooks").glob("*.ipynb"))


def test_the_story_is_complete() -> None:
    story = ["01_one_cell", "02_one_tile", "03_one_layer", "04_one_chip", "05_training", "06_a_sweep",
             "07_differentiating_through_hardware"]  # fmt: skip
    assert [path.stem for path in NOTEBOOKS] == story


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
@pytest.mark.filterwarnings("default")  # of the machinery that runs notebooks, not of their code
def test_notebook_runs(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    where = {"metadata": {"path": str(path.parent)}}
    quick = {**os.environ, "JAX_DISABLE_MOST_OPTIMIZATIONS": "1"}  # as all tests: nearly all the time is compilation
    NotebookClient(notebook, timeout=600, startup_timeout=300, resources=where).execute(env=quick)
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    assert any("image/png" in output.get("data", {}) for output in outputs)
    assert not [output["text"] for output in outputs if output.get("name") == "stderr"]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_reads_well_without_running(path: Path) -> None:
    cells = nbformat.read(path, as_version=4).cells
    assert len({cell["id"] for cell in cells}) == len(cells)
    assert cells[0].source.startswith(f"# {int(path.stem[:2])} · ")
    outputs = [output for cell in cells for output in cell.get("outputs", [])]
    assert any("image/png" in output.get("data", {}) for output in outputs)
    assert not [output for output in outputs if output.output_type == "error" or output.get("name") == "stderr"]
    for cell in cells:
        for name in re.findall(r"\]\(([\w.]+\.ipynb)\)", cell.source):
            assert (path.parent / name).is_file(), name
