"""Long work that says how far it is, and is cancelled at a point where nothing is left half done."""

from __future__ import annotations

import gzip
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import pytest

import workbench as wb
from workbench.notebook.progress import Cancelled, Progress

if TYPE_CHECKING:
    from workbench.case import Case

    from .conftest import House, Kernel

SAMPLE = Path(__file__).resolve().parents[2] / "data" / "samples" / "firewall.log"


class Pressed(Progress):
    """Cancelled by another thread, as a click is, once the work has told something ``after`` times."""

    def __init__(self, title: str = "x", after: int = 1) -> None:
        super().__init__(title)
        self.after = after
        self.told = 0

    def __call__(self, *said: Any) -> None:
        self.told += 1
        if self.told > self.after and not self.cancelled:
            thread = threading.Thread(target=self.cancel)
            thread.start()
            thread.join()
        super().__call__(*said)


def cancelled(work: Callable[[Progress], object], after: int = 1) -> Progress:
    """Do the work until it is cancelled."""
    with pytest.raises(Cancelled), Pressed(after=after) as progress:
        work(progress)
    assert progress.state == "cancelled"
    return progress


@pytest.fixture
def case(tmp_path: Path) -> Iterator[Case]:
    with wb.open_case(tmp_path / "c.duckdb") as opened:
        yield opened


def rows(path: Path, count: int) -> Path:
    with duckdb.connect() as con:
        con.execute(
            f"COPY (SELECT (i % 223 + 1) || '.8.' || (i % 77) || '.1' AS src_ip, md5(i::VARCHAR) AS m FROM range({count}) r(i)) TO '{path}'"
        )
    return path


def test_it_takes_what_any_work_tells() -> None:
    with Progress("x") as progress:
        progress(3)
        progress(4)
        progress("feed", 10, None)
        progress("feed", 20, 40)
        progress("compiling")
        progress("done", 5, 5)
    assert progress.bars == {"": (7, None), "feed": (20, 40), "compiling": (1, 1), "done": (5, 5)}
    assert progress.state == "done"


def test_it_takes_what_reports_and_taxii_tell() -> None:
    from workbench.exchange.taxii.polling import Polled
    from workbench.exchange.taxii.pushing import Pushed
    from workbench.exchange.taxii.resources import Collection
    from workbench.secrecy import PUBLIC

    collection = Collection("1", "Indicators", "https://taxii.example/1/", "https://taxii.example/")
    with Progress("x") as progress:
        progress(2, 9, "Drawing the map")
        progress(Polled(collection, objects=40))
        assert progress.bars == {"": (2, 9), "Indicators": (40, None)}
        progress(Pushed(collection, PUBLIC, total=10, taken=3, known=1))
    assert progress.bars["Indicators"] == (4, 10)
    with pytest.raises(TypeError, match="not understood"):
        progress(1, 2, 3, 4)


def test_a_failure_is_a_failure() -> None:
    with pytest.raises(ZeroDivisionError), Progress("x") as progress:
        raise ZeroDivisionError
    assert progress.state == "failed"


def test_enriching_a_table_is_cancelled_without_a_trace(case: Case, tmp_path: Path) -> None:
    case.ingest(rows(tmp_path / "big.parquet", 1_500_000))
    before = case.tables()
    cancelled(lambda progress: case.enrich("big", "src_ip", progress=progress))
    assert case.tables() == before
    assert case.con.sql("SELECT count(*) FROM big").fetchall() == [(1_500_000,)]


def test_enriching_a_column_is_cancelled() -> None:
    progress = cancelled(lambda progress: wb.enrich(["8.8.8.8"] * 1_000_000, progress=progress))
    assert progress.bars[""][0] < 1_000_000


def test_reading_a_log_is_cancelled_without_a_trace(case: Case, tmp_path: Path) -> None:
    log = tmp_path / "fw.log.gz"
    log.write_bytes(gzip.compress(SAMPLE.read_bytes() * 1_600, 1))
    progress = cancelled(lambda progress: case.ingest(log, progress=progress))
    assert progress.bars[""][0] > 0
    assert case.tables() == []
    assert case.ingest(SAMPLE).rows == 346


def test_reading_what_duckdb_reads_is_cancelled_without_a_trace(case: Case, tmp_path: Path) -> None:
    table = rows(tmp_path / "big.csv", 6_000_000)
    before = case.con.execute("SELECT current_setting('enable_progress_bar')").fetchall()
    cancelled(lambda progress: case.ingest(table, progress=progress), after=0)
    assert case.tables() == []
    assert case.con.execute("SELECT current_setting('enable_progress_bar')").fetchall() == before
    assert case.ingest(rows(tmp_path / "small.csv", 5), progress=Progress("x")).rows == 5


def test_fetching_intel_is_cancelled_and_keeps_what_it_had(home: Path, tmp_path: Path) -> None:
    from workbench.intel.source import Category, Layer, Reliability, Source

    served = tmp_path / "list.txt"
    served.write_text("198.51.100.7\n")
    facts: dict[str, Any] = {
        "reliability": Reliability.B,
        "licence": "CC0-1.0",
        "attribution": "",
        "category": Category.ATTACKER,
    }
    catalogue = {
        name: Source(
            name, name, "list", (Layer.MEMBERSHIP,), location=(f"https://127.0.0.1:1/{name}.txt",), **facts
        )
        for name in ("one", "two")
    }
    wb.intel.update("one", files={"one": served}, catalogue=catalogue)
    cancelled(
        lambda progress: wb.intel.update(
            force=True, allow_private=True, catalogue=catalogue, progress=progress
        ),
        after=0,
    )
    assert [item.source.id for item in wb.intel.sources() if item.origin == "added"] == ["one"]
    assert not list((home / "sources").glob("*/.fetching-*"))


def test_a_sync_is_cancelled_and_gone_on_with(case: Case, house: House) -> None:
    with house.store() as store:
        store.profiles.bulk_create(wb.enrich([f"45.9.{n // 250}.{n % 250}" for n in range(3_000)]))
        cancelled(lambda progress: case.sync(store, progress=progress))
        partly = len(case.profiles)
        with Progress("again") as progress:
            case.sync(store, progress=progress)
        assert len(case.profiles) >= 3_000 > partly
        assert not case.conflicts()


def test_a_terminal_shows_a_line_and_a_pipe_nothing() -> None:
    code = "import workbench as wb\nwith wb.widgets.progress('Counting') as p:\n    for n in range(9): p(n + 1, 9)\nprint('end')"
    ran = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True
    )
    assert ran.stdout == "end\n"
    assert "Counting" not in ran.stderr


def test_interrupting_the_kernel_is_cancelling(kernel: Kernel) -> None:
    ran = kernel.run(
        "%load_ext workbench\nimport workbench as wb, _thread\nwith wb.widgets.progress('Long') as p:\n"
        "    for n in range(10**9):\n        p(n, 10**9)\n        if n == 20: raise KeyboardInterrupt"
    )
    assert ran.error == ["Cancelled: Long: cancelled"]
    assert kernel.run("print(p.state)").printed == "cancelled\n"
    kernel.run("%unload_ext workbench")
    assert kernel.run("with wb.widgets.progress('Long') as p:\n    raise KeyboardInterrupt").error == [
        "Cancelled: Long: cancelled"
    ]


@pytest.mark.parametrize(("after", "looks", "drawn"), [(60, "1", 0), (0, "1", 1), (0, "0", 0)])
def test_a_bar_is_drawn_of_what_takes_long_where_somebody_looks_and_not_in_a_report(
    kernel: Kernel, after: int, looks: str, drawn: int
) -> None:
    ran = kernel.run(f"""
import os
os.environ["WORKBENCH_WIDGETS"] = "{looks}"
from workbench.store.progress import bar_if_long
with bar_if_long("enriching flows:", {after}) as told:
    told(1, 4)
    told(3, 4)
os.environ["WORKBENCH_WIDGETS"] = "0"
""")
    assert ran.status == "ok"
    assert len(ran.shown) == drawn
