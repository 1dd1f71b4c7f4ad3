"""What ships: the front end that was built from these sources, and a desk that loses no one's work."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from workbench.notebook.lab import desk, lab_arguments

EXTENSIONS = Path(__file__).resolve().parents[3] / "extensions"
PREBUILT = EXTENSIONS / "prebuilt" / "ip-workbench"


def test_the_prebuilt_front_end_is_that_of_these_sources() -> None:
    """`npm run build` in extensions/ builds it anew; stamp.mjs there computes the same sum."""
    files = sorted(
        file.relative_to(EXTENSIONS).as_posix()
        for folder in ("src", "style", "schema")
        for file in (EXTENSIONS / folder).rglob("*")
        if file.is_file()
    )
    total = hashlib.sha256()
    for name in sorted([*files, "package.json"]):
        total.update(f"{name}\0".encode() + (EXTENSIONS / name).read_bytes() + b"\0")
    assert (PREBUILT / "sources.sha256").read_text().strip() == total.hexdigest()


def test_the_prebuilt_front_end_is_whole_small_and_without_source_maps() -> None:
    entry = json.loads((PREBUILT / "package.json").read_text())["jupyterlab"]["_build"]["load"]
    assert (PREBUILT / entry).is_file()
    assert not list(PREBUILT.rglob("*.map"))
    assert sum(file.stat().st_size for file in PREBUILT.rglob("*") if file.is_file()) < 300_000


def test_the_wheel_brings_the_front_end_its_server_and_everything_that_is_shown(tmp_path: Path) -> None:
    pytest.importorskip("hatchling", reason="needs hatchling, of the dev group")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(command, cwd=EXTENSIONS.parent, check=True, capture_output=True, timeout=300)
    with zipfile.ZipFile(next(tmp_path.glob("*.whl"))) as wheel:
        names = {name.partition(".data/data/")[2] or name for name in wheel.namelist()}
    lab = "share/jupyter/labextensions/ip-workbench"
    built = {
        f"{lab}/{file.relative_to(PREBUILT).as_posix()}" for file in PREBUILT.rglob("*") if file.is_file()
    }
    assets = EXTENSIONS.parent / "workbench" / "notebook" / "assets"
    shown = {f"workbench/notebook/assets/{file.relative_to(assets).as_posix()}" for file in assets.rglob("*") if file.is_file()}  # fmt: skip
    guided = {f"workbench/_data/notebooks/{file.name}" for file in (EXTENSIONS.parent / "notebooks").glob("*.ipynb")}  # fmt: skip
    server = "etc/jupyter/jupyter_server_config.d/ip-workbench.json"
    assert built | shown | guided | {f"{lab}/install.json", server} <= names


def test_no_source_writes_html() -> None:
    for file in (EXTENSIONS / "src").rglob("*.ts"):
        for way in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write"):
            assert way not in file.read_text(), file


def test_the_desk_keeps_what_was_changed_and_renews_what_was_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shipped, data = tmp_path / "shipped", tmp_path / "data"
    for file, text in {"01-a.ipynb": "a", "02-b.ipynb": "b"}.items():
        shipped.mkdir(exist_ok=True)
        (shipped / file).write_text(text)
    (data / "samples").mkdir(parents=True)
    (data / "samples/fw.log").write_text("log")
    monkeypatch.setattr(desk, "guided_notebooks", lambda: shipped)
    monkeypatch.setattr(desk, "data_path", lambda: data)
    folder = desk.prepare_desk(tmp_path / "lab")
    assert (folder / "data/samples/fw.log").read_text() == "log"
    (folder / "notebooks/02-b.ipynb").write_text("mine")
    (shipped / "01-a.ipynb").write_text("a, newer")
    (shipped / "02-b.ipynb").write_text("b, newer")
    for _ in range(2):
        desk.prepare_desk(folder)
        assert (folder / "notebooks/01-a.ipynb").read_text() == "a, newer"
        assert (folder / "notebooks/02-b.ipynb").read_text() == "mine"


def test_the_guided_notebooks_lie_on_the_desk_with_their_samples(tmp_path: Path) -> None:
    folder = desk.prepare_desk(tmp_path / "lab")
    assert (folder / "notebooks/01-triage-in-five-minutes.ipynb").is_file()
    assert (folder / "data/samples/firewall.log").is_file()


def test_jupyterlab_is_told_to_ask_nothing_of_the_network(tmp_path: Path) -> None:
    arguments = lab_arguments(tmp_path, "notebooks/01 ä.ipynb")
    assert "--LabApp.news_url=None" in arguments
    assert "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate" in arguments
    assert "--LabApp.extension_manager=readonly" in arguments
    assert "--LabApp.default_url=/lab/tree/notebooks/01%20%C3%A4.ipynb" in arguments
