"""The board in Python: its columns and times, what is chosen on it, and what is done with that."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import workbench as wb
from workbench.case import Case
from workbench.notebook.board import actions
from workbench.notebook.board.actions import Keeper, Outcome, Step
from workbench.notebook.board.rows import FLAGS, arrow_bytes, rows_of
from workbench.notebook.board.times import Met, times_of
from workbench.notebook.intake import Roles
from workbench.notebook.intake.condensed import condensed
from workbench.notebook.verdicts import LOOKS
from workbench.secrecy import TLP

pytest.importorskip("anywidget", reason="needs the lab extra")

SAMPLE = Path(__file__).resolve().parents[2] / "data" / "samples" / "firewall.log"
ATTACKER, EXIT = "84.205.67.213", "185.246.188.74"


@pytest.fixture
def case(tmp_path: Path) -> Iterator[Case]:
    with wb.open_case(str(tmp_path / "intrusion.duckdb")) as case:
        case.ingest(SAMPLE)
        yield case


class Told:
    """What a board says to its front end."""

    def __init__(self, board: Any) -> None:
        self.board = board
        self.messages: list[dict[str, Any]] = []
        self.files: list[bytes] = []
        board.send = self._send

    def _send(self, content: dict[str, Any], buffers: list[bytes] | None = None) -> None:
        self.messages.append(content)
        self.files += buffers or []

    def say(self, **content: Any) -> dict[str, Any]:
        self.board._handle_custom_msg(content, [])
        return self.messages[-1] if self.messages else {}

    def act(self, action: str, **options: str) -> dict[str, Any]:
        return self.say(kind="act", id="1", action=action, options=options)


def done(action: actions.Action) -> tuple[list[Step], Outcome]:
    """The steps of an action, and what came of it."""
    steps = []
    while True:
        try:
            steps.append(next(action))
        except StopIteration as end:
            return steps, end.value


# What goes to the browser.


def test_the_columns_have_the_rows_of_the_triage_in_its_order_and_no_nulls(case: Case) -> None:
    triage = case.triage(concern={"HK"})
    rows, places = rows_of(triage.table, None)
    assert rows.column("address").to_pylist() == triage.table.column("address").to_pylist()
    assert [LOOKS[code].name for code in rows.column("verdict").to_pylist()] == triage.table.column("verdict").to_pylist()  # fmt: skip
    assert all(column.null_count == 0 for column in rows.columns)
    concerned = [bits >> FLAGS.index("concern") & 1 for bits in rows.column("flags").to_pylist()]
    assert concerned == [int(value) for value in triage.table.column("concern").to_pylist()]
    assert pc.max(rows.column("place")).as_py() <= len(places)
    parsed = [ip_address(text) for text in rows.column("address").to_pylist()]
    by_number = sorted(range(len(rows)), key=lambda row: (parsed[row].version, int(parsed[row])))
    assert np.argsort(rows.column("rank").to_numpy()).tolist() == by_number


def test_few_rows_carry_no_dictionary_of_all_the_intel() -> None:
    rows, _ = rows_of(wb.triage(["8.8.8.8", ATTACKER]).table, None)
    assert len(arrow_bytes(rows)) < 8_000


def test_a_board_of_nothing_is_a_board() -> None:
    board = wb.board([])
    assert len(board) == 0
    assert len(board.selected) == len(board.shown) == 0


@settings(max_examples=60)
@given(
    st.lists(st.tuples(st.integers(0, 4), st.floats(0, 4e9), st.integers(1, 9)), max_size=60),
    st.lists(st.integers(0, 4), max_size=5),
)
def test_no_hit_of_a_known_address_is_lost_in_time(rows: list[tuple[int, float, int]], unknown: list[int]) -> None:  # fmt: skip
    written = ["192.0.2.1", "::ffff:192.0.2.2", "2001:DB8::0001", "198.51.100.7", "no address"]
    addresses = pa.chunked_array([["2001:db8::1", "192.0.2.1", "192.0.2.2"]])
    known = {0: 1, 1: 2, 2: 0}
    met = Met.of(
        pa.array([written[at] for at, _, _ in rows], pa.string()),
        np.array([seconds for _, seconds, _ in rows], float),
    )._replace(hits=np.array([hits for _, _, hits in rows], np.int64))
    times = times_of([met, Met.of(pa.array([written[3]] * len(unknown), pa.string()), np.zeros(len(unknown)))], addresses)  # fmt: skip
    expected = [(known[at], seconds, hits) for at, seconds, hits in rows if at in known]
    if not expected:
        assert times is None
        return
    assert times is not None
    assert times.bins <= 120
    for row in range(3):
        own = [(seconds, hits) for at, seconds, hits in expected if at == row]
        assert times.hits[times.row == row].sum() == sum(hits for _, hits in own)
        if own:
            assert times.first[row] == min(own)[0]
            assert times.last[row] == max(seconds for seconds, _ in own)
        else:
            assert np.isnan(times.first[row])
    for at, seconds, _ in expected:
        assert int((seconds - times.start) // times.step) in times.bin[times.row == at]


def test_a_case_brings_the_times_of_its_logs_and_its_name(case: Case) -> None:
    board = wb.board(case, {"HK"})
    assert board._facts["title"] == "intrusion"
    assert board._facts["concern"] == [{"code": "HK", "name": "Hong Kong"}]
    found = pa.ipc.open_stream(board._events).read_all()
    assert sum(found.column("hits").to_pylist()) == pc.sum(board.triage.table.column("hits")).as_py()
    first = case.con.sql(f"SELECT min(ts) FROM firewall WHERE src_ip = '{ATTACKER}'").fetchall()[0][0]
    (row,) = board.shown.filter(pc.equal(board.shown.column("address"), ATTACKER)).to_pylist()
    assert row["first_seen"].replace(tzinfo=None) == first


def test_times_with_a_zone_are_those_of_utc_wherever_the_analyst_is() -> None:
    with wb.open_case(":memory:") as case:
        case.con.execute("SET TimeZone = 'America/New_York'")
        case.con.execute("CREATE TABLE log AS SELECT TIMESTAMPTZ '2026-10-05 00:00:00Z' + to_minutes(i) AS ts, '8.8.8.8' AS src_ip FROM range(300) r(i)")  # fmt: skip
        board = wb.board(case)
        assert board.shown.column("first_seen")[0].as_py() == datetime(2026, 10, 5, tzinfo=UTC)
        assert board.shown.column("last_seen")[0].as_py() == datetime(2026, 10, 5, 4, 59, tzinfo=UTC)
        mapped = condensed(case.con.table("log"), Roles("src_ip", None, "ts", None, ()))
        assert pc.min(mapped.column("ts")).as_py() == datetime(2026, 10, 5)


def test_a_frame_brings_its_own_times(case: Case) -> None:
    frame = case.con.sql("SELECT src_ip, ts FROM firewall").df()
    assert wb.board(frame)._facts["time"] == wb.board(case.triage("firewall"))._facts["time"]
    assert wb.board(frame["src_ip"])._facts["time"] is None
    with pytest.raises(ValueError, match="no column 'when'"):
        wb.board(frame, time="when")
    with pytest.raises(ValueError, match="'XX' is no country code"):
        wb.board(frame, {"XX"})


def test_beyond_the_limit_the_least_bad_are_left_out_and_it_is_said(case: Case) -> None:
    board = wb.board(case, limit=5)
    assert len(board) == 5
    assert "18 addresses are left out, the least bad" in board._facts["notes"][-1]
    assert max(pa.ipc.open_stream(board._events).read_all().column("row").to_pylist()) == 4


# What is chosen.


def test_what_is_chosen_in_the_browser_is_a_table_in_python(case: Case) -> None:
    board = wb.board(case)
    bits = np.packbits([1, 0, 1] + [0] * 20, bitorder="little").tobytes()
    board.set_state({"_selected": memoryview(bits), "filters": {"verdict": ["malicious"]}})
    expected = board.triage.table.column("address").to_pylist()
    assert board.selected.column("address").to_pylist() == [expected[0], expected[2]]
    assert board.filters == {"verdict": ["malicious"]}
    assert board.select([EXIT, "192.0.2.1"]) == 1
    assert board.selected.to_pandas()["address"].tolist() == [EXIT]
    assert len(board.shown) == 23


# What is done with it.


def test_profiles_are_made_in_the_case_once(case: Case) -> None:
    board = wb.board(case)
    told = Told(board)
    board.select([ATTACKER, EXIT])
    said = told.act("profile", level="TLP:GREEN", threat="high", tags="c2, Vpn")
    assert said["text"] == "2 profiles created at TLP:GREEN in the case intrusion"
    profile = case.profiles.get(ATTACKER)
    assert (str(profile.secrecy), str(profile.threat_level), profile.tags) == (
        "TLP:GREEN",
        "high",
        ("c2", "vpn"),
    )
    again = told.act("profile", level="TLP:GREEN", threat="low", tags="")
    assert again["text"] == "0 profiles created at TLP:GREEN in the case intrusion; 2 had one already"
    assert str(case.profiles.get(ATTACKER).threat_level) == "high"
    told.say(kind="evidence", row=board.triage.table.column("address").to_pylist().index(ATTACKER))
    assert told.messages[-1]["profiles"][0]["tags"] == ["c2", "vpn"]


def test_levels_are_set_with_a_reason(case: Case) -> None:
    board = wb.board(case)
    told = Told(board)
    board.select([ATTACKER, EXIT])
    assert (
        "create profiles first"
        in told.act("level", level="TLP:GREEN", reason="shared", recipients="")["text"]
    )
    case.profiles.create(ATTACKER)
    assert (
        "recorded with its reason" in told.act("level", level="TLP:GREEN", reason=" ", recipients="")["text"]
    )
    said = told.act("level", level="TLP:GREEN", reason="agreed with the source", recipients="")
    assert said["text"] == "1 profile set to TLP:GREEN; 1 address has no profile"
    assert case.profiles.get(ATTACKER).secrecy == TLP.GREEN
    assert told.act("level", level="TLP:GREEN", reason="again", recipients="")["text"] == "0 profiles set to TLP:GREEN; 1 there already; 1 address has no profile"  # fmt: skip


@pytest.mark.parametrize(
    ("action", "options", "said"),
    [
        ("profile", {"level": "TLP:AMBER"}, "the board knows no place for profiles: wb.board(triage, store="),
        ("link", {"investigation": "x"}, "investigations are in a store"),
        ("level", {"level": "TLP:AMBER", "reason": "x"}, "the board knows no place for profiles"),
        ("stix", {"level": "TLP:AMBER", "organisation": "CERT", "to": "public"}, "is TLP:AMBER and may not go to the public"),
        ("stix", {"level": "TLP:GREEN", "organisation": "CERT", "to": " "}, "whom is it for?"),
        ("stix", {"level": "TLP:GREEN", "organisation": "", "to": "community"}, "has no name"),
        ("nonsense", {}, "the board has no action 'nonsense'; there are: profile, "),
    ],
)  # fmt: skip
def test_what_cannot_be_done_is_said_in_place(action: str, options: dict[str, str], said: str) -> None:
    board = wb.board([ATTACKER, "8.8.8.8"])
    told = Told(board)
    assert told.act(action, **options)["text"] == "nothing is chosen: choose addresses in the table first"
    board.select([ATTACKER])
    failed = told.act(action, **options)
    assert failed["kind"] == "failed"
    assert said in failed["text"]


def test_csv_has_every_column_and_no_formula(case: Case) -> None:
    board = wb.board(case)
    told = Told(board)
    board.select([ATTACKER])
    said = told.act("csv")
    text = told.files[0].decode()
    assert said["file"]["name"].startswith("intrusion-2026-")
    assert text.splitlines()[0].replace('"', "").split(",") == board.selected.column_names
    assert f'"{ATTACKER}"' in text
    table = pa.table({"as_org": ['=cmd|"/c calc"!A0', "+1", "@x", "fine", None]})
    _, outcome = done(actions.export_csv(table, name="x"))
    assert outcome.file is not None
    lines = outcome.file.content.decode().splitlines()[1:]
    assert [line[:3] for line in lines] == ["\"'=", "\"'+", "\"'@", '"fi', ""]


def test_a_stix_bundle_holds_the_chosen_and_says_what_it_leaves_out(case: Case, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:  # fmt: skip
    monkeypatch.setenv("WORKBENCH_HOME", os.environ["WORKBENCH_HOME"])
    board = wb.board(case)
    told = Told(board)
    board.select([ATTACKER, "8.8.8.8"])
    said = told.act("stix", level="TLP:GREEN", organisation="CERT Example", to="community", matter="VPN")
    bundle = json.loads(told.files[0])
    values = {value.get("value") for value in bundle["objects"]}
    assert ATTACKER in values
    assert "8.8.8.8" not in values
    assert "left out: 1 clean" in said["text"]
    assert any(value["type"] == "grouping" and value["name"] == "VPN" for value in bundle["objects"])
    case.profiles.create(ATTACKER, secrecy="amber+strict")
    refused = told.act("stix", level="TLP:GREEN", organisation="CERT Example", to="community", matter="")
    assert refused["kind"] == "failed"
    assert f"{ATTACKER} (TLP:AMBER+STRICT) marked above TLP:GREEN" in refused["text"]


def test_links_and_levels_in_a_store(house: Any) -> None:
    triage = wb.triage([ATTACKER, EXIT, "8.8.8.8", "9.9.9.9"])
    with house.store("ines") as store, house.store("pia") as elsewhere:
        kept = store.profiles.create("9.9.9.9", secrecy="clear")
        keeper = Keeper(store)
        steps, outcome = done(actions.link(triage.table, keeper, investigation="VPN", level="amber", threat="low"))  # fmt: skip
        assert steps == [Step(4, 4)]
        assert (
            outcome.text == "4 profiles linked to 'VPN', opened at TLP:AMBER; 3 profiles created at TLP:AMBER"
        )
        matter = store.investigations.get("VPN")
        assert {p.address for p in store.investigations.profiles(matter)} == {
            ATTACKER,
            EXIT,
            "8.8.8.8",
            "9.9.9.9",
        }
        assert store.profiles.get(kept.id).version == kept.version
        again = done(actions.link(triage.table, keeper, investigation=str(matter.id)))[1]
        assert again.text == "0 profiles linked to 'VPN'"
        told = Told(wb.board(triage, store=store))
        assert [m["name"] for m in told.say(kind="matters")["matters"]] == ["VPN"]
        told.board.select([ATTACKER, EXIT])
        said = told.act("level", level="TLP:RED", reason="named source", recipients="otto")
        assert said["text"] == "2 profiles set to TLP:RED"
        assert "otto" in store.profiles.recipients(store.profiles.get(EXIT))
        other = Told(wb.board(triage, store=elsewhere))
        other.board.select([ATTACKER])
        assert "create profiles first" in other.act("level", level="TLP:GREEN", reason="x", recipients="")["text"]  # fmt: skip


def test_long_work_is_told_as_it_goes_and_can_be_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    began = []

    def slow(*_: Any, **__: Any) -> actions.Action:
        for number in range(1, 1000):
            began.append(number)
            yield Step(number, 1000)
        return Outcome("never")

    monkeypatch.setattr(actions, "create_profiles", slow)
    board = wb.board([ATTACKER])
    told = Told(board)
    board.select([ATTACKER])

    async def session() -> None:
        told.say(kind="act", id="7", action="profile", options={})
        for _ in range(20):
            await asyncio.sleep(0.002)
        told.say(kind="stop", id="7")
        while told.messages[-1]["kind"] != "stopped":
            await asyncio.sleep(0.002)

    asyncio.run(session())
    kinds = [message["kind"] for message in told.messages]
    assert kinds.count("progress") == len(began) > 1
    assert len(began) < 1000
    assert told.messages[-1]["text"].startswith(f"stopped after {len(began):,}")


def test_evidence_is_told_with_source_and_date_and_an_old_snapshot_is_no_crash(case: Case) -> None:
    board = wb.board(case)
    told = Told(board)
    row = board.triage.table.column("address").to_pylist().index(ATTACKER)
    (item,) = told.say(kind="evidence", row=row)["items"]
    assert item["title"] == "Exercise indicators (not real)"
    assert item["seen"] == "2026-10-04"
    from dataclasses import replace

    gone = Told(wb.board(case))
    gone.board.triage = replace(gone.board.triage, snapshot="2019-01-01-0000000000")
    assert "2019-01-01-0000000000" in gone.say(kind="evidence", row=row)["error"]


# How it is shown.

_SESSION = """
import json, sys
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
if {kernel}: shell.kernel = object()
import workbench as wb
from workbench.case import Case
triage = wb.triage(["84.205.67.213", "8.8.8.8"], {{"HK"}})
data, _ = shell.display_formatter.format(triage)
print(json.dumps(sorted(data)), "84.205.67.213" in data["text/html"])
"""


@pytest.mark.parametrize(
    ("kernel", "environment", "widget"),
    [
        (True, {"JPY_SESSION_NAME": "x.ipynb"}, True),
        (True, {"VSCODE_PID": "1"}, True),
        (True, {}, False),
        (False, {"JPY_SESSION_NAME": "x.ipynb"}, False),
        (True, {"JPY_SESSION_NAME": "x.ipynb", "WORKBENCH_KERNEL": "1"}, False),
        (True, {"JPY_SESSION_NAME": "x.ipynb", "WORKBENCH_WIDGETS": "0"}, False),
    ],
)
def test_a_triage_is_a_board_where_somebody_looks_and_a_table_elsewhere(kernel: bool, environment: dict[str, str], widget: bool) -> None:  # fmt: skip
    signs = ("JPY_SESSION_NAME", "VSCODE_PID", "VSCODE_CWD", "VSCODE_IPC_HOOK_CLI", "COLAB_RELEASE_TAG", "WORKBENCH_KERNEL", "WORKBENCH_WIDGETS")  # fmt: skip
    around = {name: value for name, value in os.environ.items() if name not in signs} | environment
    found = subprocess.run([sys.executable, "-c", _SESSION.format(kernel=kernel)], env=around, capture_output=True, text=True, check=True, timeout=300)  # fmt: skip
    kinds = '["application/vnd.jupyter.widget-view+json", "text/html", "text/plain"]' if widget else '["text/html", "text/plain"]'  # fmt: skip
    assert found.stdout.strip() == f"{kinds} True"


def test_a_terminal_shows_the_lines_of_the_triage(case: Case) -> None:
    board = wb.board(case, {"HK"})
    assert repr(board) == repr(board.triage)
    assert repr(wb.widgets.lookup()) == "<LookupBox>"


def test_what_is_no_triage_is_told() -> None:
    with pytest.raises(TypeError, match="a table, a triage or addresses are wanted, not a thing of type int"):
        wb.board(5)


def test_without_its_state_a_board_in_a_notebook_is_converted_as_the_table(case: Case) -> None:
    nbformat = pytest.importorskip("nbformat")
    nbconvert = pytest.importorskip("nbconvert")
    data, metadata = wb.board(case, {"HK"})._repr_mimebundle_()
    cell = nbformat.v4.new_code_cell("case.triage()", outputs=[nbformat.v4.new_output("display_data", data, metadata=metadata)])  # fmt: skip
    page, _ = nbconvert.HTMLExporter().from_notebook_node(nbformat.v4.new_notebook(cells=[cell]))
    assert "known attacker EXERCISE" in page
    assert 'data-mark="✖">malicious' in page
    text, _ = nbconvert.MarkdownExporter().from_notebook_node(nbformat.v4.new_notebook(cells=[cell]))
    assert ATTACKER in text
