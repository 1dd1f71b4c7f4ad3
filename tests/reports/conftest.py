"""Reports made once for all tests that look at them: making one starts a kernel and a browser."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from workbench import reports
from workbench.reports.printing import browser

ROOT = Path(__file__).resolve().parents[2]
LOG = ROOT / "data" / "samples" / "firewall.log"
HOSTILE = "<script>window.hacked=1</script><img src=x onerror='window.hacked=1'>\"'}}{{7*7}}"


@dataclass
class Made:
    """A report, and everything it consists of as text."""

    report: Any

    def path(self, suffix: str) -> Path:
        return next(path for path in self.report.files if path.suffix == suffix)

    @property
    def html(self) -> str:
        return self.path(".html").read_text(encoding="utf-8")

    @property
    def notebook(self) -> Any:
        return json.loads(self.path(".ipynb").read_text(encoding="utf-8"))

    @property
    def manifest(self) -> Any:
        return json.loads((self.report.folder / "manifest.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="session")
def formats() -> tuple[str, ...]:
    """All formats this machine can make: PDF needs Chromium."""
    try:
        browser()
    except LookupError:
        return ("html", "ipynb")
    return ("html", "pdf", "ipynb")


@pytest.fixture(scope="session")
def triage(tmp_path_factory: pytest.TempPathFactory, formats: tuple[str, ...]) -> Made:
    """The triage report of the sample log."""
    folder = tmp_path_factory.mktemp("reports")
    return Made(reports.run("triage", {"source": LOG, "concern": "HK"}, to=formats, output=folder))


def template(folder: Path, *cells: str, parameters: str = 'recipient: "recipient" = None  # for whom') -> str:
    """A notebook of the user's own, as a template."""
    import nbformat

    made = nbformat.v4.new_notebook(
        metadata={"kernelspec": {"name": "python3", "language": "python", "display_name": "Python 3"}}
    )
    first = nbformat.v4.new_code_cell(parameters, metadata={"tags": ["parameters"]})
    made.cells = [nbformat.v4.new_markdown_cell("# Mine\nA report of my own."), first]
    made.cells += [nbformat.v4.new_code_cell(cell) for cell in cells]
    path = folder / "mine.ipynb"
    nbformat.write(made, path)
    return str(path)


def pdf_text(path: Path) -> str:
    """The text of every page."""
    from pypdf import PdfReader

    return "\n".join(page.extract_text() for page in PdfReader(path).pages)
