"""The guided notebooks run from top to bottom, where they lie."""

from __future__ import annotations

from pathlib import Path

import pytest

NOTEBOOKS = sorted((Path(__file__).resolve().parents[2] / "notebooks").glob("*.ipynb"))


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs(notebook: Path, tmp_path: Path) -> None:
    papermill = pytest.importorskip("papermill", reason="needs the reports extra")
    done = papermill.execute_notebook(
        notebook, tmp_path / notebook.name, cwd=notebook.parent, progress_bar=False
    )
    outputs = [output for cell in done.cells if cell.cell_type == "code" for output in cell.outputs]
    assert not [output for output in outputs if output.output_type == "error"]
    assert any("text/html" in output.get("data", {}) for output in outputs)
