"""What goes wrong around the workbench: each ends in a clear message, and nothing that was there is lost.

The table of all faults tried, here and in the rooms, is in ``tests/README.md``.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

import workbench as wb

SAMPLE = Path(__file__).resolve().parents[2] / "data" / "samples" / "firewall.log"


def _may_mount() -> bool:
    if not shutil.which("unshare"):
        return False
    tried = subprocess.run(_apart("true", "64k", "/tmp"), check=False, capture_output=True)
    return tried.returncode == 0


def _apart(script: str, size: str, folder: Path | str) -> list[str]:
    """A shell script in a mount namespace of its own, where ``folder`` is a file system of ``size``."""
    rights = [] if os.getuid() == 0 else ["--user", "--map-root-user"]
    return ["unshare", *rights, "--mount", "sh", "-c", f"mount -t tmpfs -o size={size} none {folder} && cd {folder} && {script}"]  # fmt: skip


@pytest.fixture
def full(tmp_path: Path) -> Path:
    """A folder that :func:`on_full_disk` makes a small file system."""
    if not _may_mount():
        pytest.skip("needs the right to mount a small file system (unshare --mount)")
    folder = tmp_path / "full"
    folder.mkdir()
    return folder


def on_full_disk(folder: Path, size: str, script: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"WORKBENCH": f"{sys.executable} -m workbench", "SAMPLE": str(SAMPLE), "PYTHON": sys.executable}  # fmt: skip
    return subprocess.run(_apart(script, size, folder), capture_output=True, text=True, check=False, timeout=120, env=environment)  # fmt: skip


def test_a_full_disk_stops_a_build_and_leaves_nothing_of_it(full: Path) -> None:
    ran = on_full_disk(full, "2m", "WORKBENCH_HOME=. $WORKBENCH intel build; echo rc $?; find . -type f -not -name .lock")  # fmt: skip
    assert ran.stdout.endswith("rc 1\n")
    assert "Error: the disk is full" in ran.stderr
    assert "WORKBENCH_HOME moves it" in ran.stderr
    assert "Traceback" not in ran.stderr


def test_a_full_disk_leaves_the_page_that_was_there(full: Path) -> None:
    wb.lookup("9.9.9.9")  # so that there is a snapshot to judge by
    script = "echo before > page.html && head -c 90000 /dev/zero > pad; $WORKBENCH triage $SAMPLE --html page.html >/dev/null; echo rc $?; ls -A; cat page.html"
    ran = on_full_disk(full, "100k", script)
    assert ran.stdout == "rc 1\npad\npage.html\nbefore\n"
    assert "Error: the disk is full" in ran.stderr


def test_a_full_disk_keeps_the_case_as_it_was(full: Path) -> None:
    program = textwrap.dedent("""
        import os, duckdb, workbench as wb
        with wb.open_case("case.duckdb") as case:
            case.ingest(os.environ["SAMPLE"])
            try:
                case.con.execute("CREATE TABLE many AS SELECT md5(i::VARCHAR) || md5((i + 1)::VARCHAR) AS text FROM range(2000000) t(i)")
                case.con.execute("CHECKPOINT")
            except duckdb.Error as error:
                print("No space left" in str(error))
        with wb.open_case("case.duckdb") as case:
            print(case.tables(), case.con.sql("SELECT count(*) FROM firewall").fetchall())
    """)
    (full.parent / "program.py").write_text(program)
    ran = on_full_disk(full, "4m", f"$PYTHON {full.parent / 'program.py'}")
    assert ran.stdout == "True\n['firewall'] [(346,)]\n", ran.stderr


def test_a_home_that_cannot_be_written_is_done_without(tmp_path: Path) -> None:
    if os.getuid() == 0 and not shutil.which("setpriv"):
        pytest.skip("needs setpriv, to be somebody else than root")
    nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"] if os.getuid() == 0 else []
    environment = {"HOME": "/proc", "PATH": os.environ["PATH"], "TMPDIR": "/tmp"}
    command = [*nobody, sys.executable, "-m", "workbench", "lookup", "9.9.9.9"]
    ran = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, cwd="/", timeout=120)  # fmt: skip
    if "Permission denied" in ran.stderr and "No module named" in ran.stderr:
        pytest.skip("the checkout cannot be read by others than root")
    assert ran.returncode == 0, ran.stderr
    assert "9.9.9.9" in ran.stdout


def test_output_to_a_full_device_is_told() -> None:
    with open("/dev/full", "w") as device:
        ran = subprocess.run([sys.executable, "-m", "workbench", "triage", str(SAMPLE), "--json"], stdout=device, stderr=subprocess.PIPE, text=True, check=False, timeout=120)  # fmt: skip
    assert ran.returncode == 1
    assert "the disk is full" in ran.stderr
    assert "Traceback" not in ran.stderr


def test_a_case_that_is_open_elsewhere_names_who_has_it(tmp_path: Path) -> None:
    path = tmp_path / "case.duckdb"
    holder = subprocess.Popen(
        [sys.executable, "-c", f"import workbench as wb\ncase = wb.open_case({str(path)!r})\nprint('open', flush=True)\ninput()"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "open\n"
        with pytest.raises(OSError, match=rf"is open in another process \(.*process {holder.pid}\): close it there"):  # fmt: skip
            wb.open_case(str(path))
    finally:
        holder.kill()
        holder.communicate()
    wb.open_case(str(path)).close()


def test_a_case_whose_writer_was_killed_opens_with_what_was_committed(tmp_path: Path) -> None:
    path = tmp_path / "case.duckdb"
    program = textwrap.dedent(f"""
        import workbench as wb
        case = wb.open_case({str(path)!r})
        case.ingest({str(SAMPLE)!r})
        case.con.begin()
        case.con.execute("CREATE TABLE half AS FROM range(1000000)")
        print("half", flush=True)
        input()
    """)
    writer = subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)  # fmt: skip
    assert writer.stdout is not None
    assert writer.stdout.readline() == "half\n"
    writer.send_signal(signal.SIGKILL)
    writer.communicate()
    with wb.open_case(str(path)) as case:
        assert case.tables() == ["firewall"]
        assert case.con.sql("SELECT count(*) FROM firewall").fetchall() == [(346,)]


@pytest.mark.parametrize("content", [b"", b"garbage" * 1000], ids=["empty", "garbage"])
def test_a_file_that_is_no_case_is_refused_and_left_alone(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "case.duckdb"
    path.write_bytes(content)
    with pytest.raises(OSError, match="cannot be opened as a case"):
        wb.open_case(str(path))
    assert path.read_bytes() == content


def test_a_case_file_cut_in_half_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "case.duckdb"
    with wb.open_case(str(path)) as case:
        case.ingest(SAMPLE)
    os.truncate(path, path.stat().st_size // 2)
    program = f"import workbench as wb\ncase = wb.open_case({str(path)!r})\nprint(case.tables(), case.con.sql('SELECT count(src_ip), min(src_ip) FROM firewall').fetchall())"
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=60)  # fmt: skip
    assert ran.returncode == 1, ran.stdout  # never half of the rows as if they were all
    assert "Error" in ran.stderr
