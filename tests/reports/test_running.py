"""A report made from a real log: what is in it, that it can be made again, and what is left when it cannot be made."""

from __future__ import annotations

import hashlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from workbench import reports
from workbench.cli.commands import workbench
from workbench.reports.making.executing import ReportError, without
from workbench.reports.making.running import workroom

from .conftest import LOG, ROOT, Made, pdf_text, template

WRITES = "from workbench.reports import Document\ndoc = Document(recipient=recipient)\ndoc.opening('Mine', 'My title', ['All is well.'])"


def test_the_summary_says_what_was_found(triage: Made) -> None:
    page = re.sub(r"<[^>]+>", " ", triage.html.partition("srcdoc")[0])
    assert "23 outside addresses in 346 lines of firewall.log, of which six deserve attention." in page
    assert "Two are known attackers" in page
    assert "10.20.30.17; look at it first" in page


def test_the_manifest_names_every_file_with_its_checksum(triage: Made) -> None:
    manifest = triage.manifest
    assert set(manifest["files"]) == {path.name for path in triage.report.files}
    for path in triage.report.files:
        assert manifest["files"][path.name]["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert {path.name for path in triage.report.folder.iterdir()} == {*manifest["files"], "manifest.json"}
    assert manifest["tlp"] == "TLP:AMBER"
    assert manifest["packages"]["duckdb"]


def test_snapshot_parameters_and_hash_stand_in_the_page_and_the_notebook(triage: Made) -> None:
    facts = triage.report.facts
    notebook = triage.notebook
    assert notebook["metadata"]["workbench"]["tlp"] == "TLP:AMBER"
    assert notebook["metadata"]["workbench"]["report"]["content_hash"] == facts.content_hash
    for said in (facts.snapshot, facts.content_hash, "firewall.log (SHA-256", "papermill "):
        assert said in triage.html
        assert said in json.dumps(notebook)


def test_nothing_tells_where_on_the_machine_it_was_made(triage: Made) -> None:
    for path in triage.report.files:
        content = path.read_bytes()
        for place in (str(LOG.parent), str(Path.home() / "."), os.environ["WORKBENCH_HOME"]):
            assert place.encode() not in content or len(place) < 6, (path, place)


def test_the_same_snapshot_gives_the_same_verdicts_and_hash(triage: Made, tmp_path: Path) -> None:
    again = reports.run(
        "triage", {"source": LOG, "concern": ["HK"], "snapshot": triage.report.facts.snapshot}, to=["ipynb"], output=tmp_path
    )  # fmt: skip
    assert again.content_hash == triage.report.content_hash
    other = reports.run("triage", {"source": LOG, "concern": ["SE"]}, to=["ipynb"], output=tmp_path)
    assert other.content_hash != triage.report.content_hash


def test_every_printed_page_is_marked_and_numbered(triage: Made, formats: tuple[str, ...]) -> None:
    if "pdf" not in formats:
        pytest.skip("needs Chromium")
    from pypdf import PdfReader

    reader = PdfReader(triage.path(".pdf"))
    assert len(reader.pages) > 2
    for number, page in enumerate(reader.pages, 1):
        text = page.extract_text()
        assert text.count("TLP:AMBER") >= 2
        assert f"Page {number} of {len(reader.pages)}" in text
        assert [round(float(side)) for side in page.mediabox[2:]] == [595, 842]
    assert reader.metadata["/Title"] == "TLP:AMBER Triage of firewall.log"
    assert triage.report.content_hash in reader.metadata["/Keywords"]


def test_sources_are_attributed_in_print_too(triage: Made, formats: tuple[str, ...]) -> None:
    assert "IP geolocation by DB-IP" in triage.html
    if "pdf" in formats:
        assert "DB-IP" in pdf_text(triage.path(".pdf"))


def test_without_a_browser_the_message_names_what_to_install(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("WORKBENCH_CHROMIUM", raising=False)
    told = CliRunner().invoke(workbench, ["report", "run", "triage", "-p", f"source={LOG}", "--to", "pdf", "-o", str(tmp_path)])  # fmt: skip
    assert told.exit_code == 1
    assert "apt-get install chromium" in told.output


def test_a_failed_report_keeps_the_notebook_up_to_there_with_the_error_first(tmp_path: Path) -> None:
    mine = template(
        tmp_path, WRITES, "print('so far')", "raise LookupError('the <b>sensor</b> is gone')", "never = 1"
    )
    with pytest.raises(ReportError, match="the <b>sensor</b> is gone; the notebook up to there: ") as told:
        reports.run(mine, output=tmp_path / "out")
    kept = told.value.notebook
    assert kept is not None
    assert kept.stat().st_mode & 0o077 == 0
    cells = json.loads(kept.read_text())["cells"]
    assert "the &lt;b&gt;sensor&lt;/b&gt; is gone" in "".join(cells[0]["source"])
    assert any("so far" in json.dumps(cell.get("outputs")) for cell in cells)
    assert [path.name for path in (tmp_path / "out").iterdir()] == [kept.name]


def test_a_kernel_that_dies_or_hangs_is_told_and_its_notebook_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dying = template(tmp_path, WRITES, "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)")
    with pytest.raises(ReportError, match="the kernel died") as told:
        reports.run(dying, output=tmp_path / "out")
    assert told.value.notebook is not None
    assert "the kernel died" in told.value.notebook.read_text()
    monkeypatch.setattr("workbench.reports.making.executing.CELL_SECONDS", 2)
    hanging = template(tmp_path, "import time\ntime.sleep(600)")
    with pytest.raises(ReportError, match="ran for longer than"):
        reports.run(hanging, output=tmp_path / "out")


def test_a_secret_named_by_a_parameter_is_nowhere_in_the_output(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = 'hunter2"\\é'
    monkeypatch.setenv("OUR_STORE", f"postgresql://ines:{secret}@127.0.0.1:1/none")
    mine = template(
        tmp_path, WRITES,
        "import os, sys, warnings\nprint('connecting to', os.environ[store[4:]], file=sys.stderr)\ndoc.paragraph('at ' + os.environ[store[4:]])",
        parameters='store: "store" = None  # where\nrecipient: "recipient" = None  # whom',
    )  # fmt: skip
    made = reports.run(mine, {"store": "env:OUR_STORE"}, to=["html", "ipynb"], output=tmp_path)
    failing = template(tmp_path, WRITES, "from workbench.reports.audience import open_store\nopen_store(store)",
                       parameters='store: "store" = None  # where\nrecipient: "recipient" = None  # whom')  # fmt: skip
    with pytest.raises(ReportError) as told:
        reports.run(failing, {"store": "env:OUR_STORE"}, output=tmp_path)
    assert "hunter2" not in str(told.value)
    for path in [*made.folder.iterdir(), told.value.notebook]:
        assert b"hunter2" not in path.read_bytes(), path


def test_secrets_are_taken_out_as_json_writes_them_too() -> None:
    assert without(json.dumps('a "quoted" é'), ['a "quoted" é']) == '"[secret]"'


def test_what_was_not_written_through_a_document_goes_to_nobody_else(tmp_path: Path) -> None:
    mine = template(tmp_path, WRITES, "print('203.0.113.9 is ours')")
    own = reports.run(mine, output=tmp_path)
    assert str(own.level) == "TLP:AMBER+STRICT"
    with pytest.raises(PermissionError, match="shows something of which no level is known"):
        reports.run(mine, output=tmp_path, for_whom=reports.recipient(for_tlp="green"))


def test_a_log_that_is_marked_higher_does_not_go_to_the_recipient(tmp_path: Path) -> None:
    with pytest.raises(ReportError, match="the log is marked TLP:AMBER and may not go to the community"):
        reports.run("triage", {"source": LOG}, output=tmp_path, for_whom=reports.recipient(for_tlp="green"))
    assert not [path for path in tmp_path.iterdir() if path.is_dir()]


def test_progress_tells_each_cell(tmp_path: Path) -> None:
    told: list[tuple[int, int, str]] = []
    reports.run(
        template(tmp_path, f"# Writing it\n{WRITES}"), output=tmp_path, progress=lambda *now: told.append(now)
    )
    assert [done for done, _, _ in told] == list(range(len(told)))
    assert (told[-2][2], told[-1][2]) == ("Writing it", "done")
    assert told[-1][0] == told[-1][1]


def test_nobody_looks_at_the_kernel_of_a_report_and_that_is_said_to_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Made from within a notebook or a Jupyter server, whose own kernels have somebody who looks."""
    monkeypatch.setenv("JPY_SESSION_NAME", "mine.ipynb")
    monkeypatch.delenv("WORKBENCH_KERNEL", raising=False)
    looked = "from workbench._front_end import front_end\nassert not front_end()"
    reports.run(template(tmp_path, looked, WRITES), output=tmp_path / "out")
    assert "WORKBENCH_KERNEL" not in os.environ


def test_two_reports_of_one_second_have_folders_of_their_own(tmp_path: Path) -> None:
    mine = template(tmp_path, WRITES)
    from workbench.reports.making.running import place

    first = reports.run(mine, output=tmp_path)
    second = place(first.files, first.facts, tmp_path)
    assert second != first.folder
    assert {path.name for path in second.iterdir()} == {path.name for path in first.folder.iterdir()}


def test_a_killed_run_delivers_nothing_and_its_draft_is_swept_by_the_next(tmp_path: Path, home: Path) -> None:
    mine = template(tmp_path, WRITES, "from pathlib import Path\nPath(marker).touch()\nimport time\ntime.sleep(120)",
                    parameters='marker: "text" = ...  # tells that it runs\nrecipient: "recipient" = None  # whom')  # fmt: skip
    marker, out = tmp_path / "running", tmp_path / "out"
    command = [
        sys.executable,
        "-m",
        "workbench",
        "report",
        "run",
        mine,
        "-p",
        f"marker={marker}",
        "-o",
        str(out),
    ]
    process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 120
        while not marker.exists() and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.05)
        assert marker.exists()
        assert list((home / "reports" / "work").iterdir())
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert not list(out.iterdir())
    with workroom() as room:
        assert list((home / "reports" / "work").iterdir()) == [room]


def test_a_file_that_cannot_be_written_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = template(tmp_path, WRITES)
    out = tmp_path / "out"

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("workbench.reports.making.running._copy", full)
    with pytest.raises(OSError, match="No space left"):
        reports.run(mine, output=out)
    assert not list(out.iterdir())
