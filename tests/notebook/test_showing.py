"""What a notebook shows of what the rooms give: useful, short and escaped, also where the data is hostile."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import workbench as wb
from workbench.notebook.showing import BUNDLES, SHEETS, shown

if TYPE_CHECKING:
    from tests.notebook.conftest import House, Kernel

SAMPLE = Path(__file__).resolve().parents[2] / "data" / "samples" / "firewall.log"
MARKUP = "<img src=x onerror=alert(1)><script>alert(1)</script>"
HOSTILE = MARKUP + "\x1b[2J | `x` [y](javascript:alert(1))"


class Page(HTMLParser):
    """The elements of a piece of HTML, and whether they are closed in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.names: list[str] = []
        self.text = ""
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert not [name for name, _ in attrs if name.startswith("on") or name in ("src", "style")]
        self.names.append(tag)
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.text += f" {data}"


def looked_at(thing: Any) -> tuple[str, str]:
    """The text of the page and the Markdown, once both were held to be harmless."""
    bundle = shown(thing)
    page = Page(bundle["text/html"])
    assert not {"script", "img", "iframe", "form", "input"} & set(page.names)
    assert "\x1b" not in bundle["text/html"] + bundle["text/markdown"]
    assert not re.search(r"(?<!\\)<", bundle["text/markdown"])
    return " ".join(page.text.split()), bundle["text/markdown"]


@pytest.fixture
def case(tmp_path: Path) -> Any:
    with wb.open_case(tmp_path / "intrusion.duckdb") as opened:
        opened.ingest(SAMPLE)
        yield opened


def test_every_class_and_every_sheet_is_there() -> None:
    from importlib import import_module

    for (module, name), maker in {**SHEETS, **BUNDLES}.items():
        assert getattr(import_module(module), name).__name__ == name
        room, _, function = maker.partition(":")
        assert callable(getattr(import_module(f"workbench.notebook.{room}"), function))


def test_a_case_shows_its_tables_and_what_to_do(case: Any) -> None:
    text, markdown = looked_at(case)
    assert "Case intrusion.duckdb" in text
    assert "firewall 346" in text
    assert 'case.enrich("firewall")' in text
    assert "| firewall | 346 |" in markdown
    case.close()
    assert "Closed. wb.open_case opens it again." in looked_at(case)[0]


def test_what_was_ingested_says_what_was_not_understood(case: Any, tmp_path: Path) -> None:
    made = case.ingest(SAMPLE, name="again")
    text, _ = looked_at(made)
    assert "Table again" in text
    assert "346" in text
    assert "2 lines, in again_unparsed" in text


def test_snapshots_show_what_they_rest_on() -> None:
    text, _ = looked_at(wb.intel.open())
    assert "intel as of" in text
    assert "Tor" in text
    assert "84.205.67.213" in looked_at(wb.intel.history("84.205.67.213"))[0]
    assert "nothing changed" in looked_at(wb.intel.diff(wb.intel.open(), wb.intel.open()))[0]


def test_profiles_of_a_case_and_what_a_sync_did(case: Any, house: House) -> None:
    case.profiles.create("84.205.67.213", notes=HOSTILE, tags=["<b>vpn</b>"], secrecy="amber+strict")
    text, markdown = looked_at(case.profiles)
    assert "1 profile in the case" in text
    assert "84.205.67.213" in text
    assert "<b>vpn</b>" in text
    assert "TLP:AMBER+STRICT" in text.split("1 profile")[0]
    assert markdown.startswith("**TLP:AMBER+STRICT**")
    with house.store() as store:
        text, _ = looked_at(case.sync(store))
    assert "created 1" in text


def test_what_a_store_gives(house: House) -> None:
    with house.store() as store:
        made = store.investigations.create(f"Gate {HOSTILE}", description=HOSTILE, secrecy="green")
        text, _ = looked_at(made)
        assert MARKUP in text
        assert text.startswith("TLP:GREEN")
        assert "cleared up to TLP:RED" in looked_at(store)[0]
        assert MARKUP in looked_at(store.entities.create("malware", HOSTILE))[0]
        watch = store.watchlists.create(HOSTILE, network="198.51.100.0/24")
        assert "198.51.100.0/24" in looked_at(watch)[0]
        for number in range(3):
            store.profiles.create(f"198.51.100.{number}", tags=["shown"], notes=HOSTILE)
        page = store.profiles.search(tag="shown", limit=2)
        text, _ = looked_at(page)
        assert "2 profiles" in text
        assert "search(…, after=page.next)" in text
        assert "198.51.100" in repr(page)
        assert "after=page.next" in repr(page)
        assert "Nothing found" in looked_at(store.profiles.search(tag="no-such"))[0]
        alert = store.alerts.all(limit=1)[0]
        assert "raised" in looked_at(alert)[0]
        assert repr(alert) == str(alert)


def test_stix_in_out_and_matched(case: Any, tmp_path: Path) -> None:
    bundle = wb.stix.export(case.triage(), to="cert", organisation="cert", tlp="green")
    text, _ = looked_at(bundle)
    assert "STIX bundle for cert" in text
    assert "indicator" in text
    path = tmp_path / f"{'<i>'}.json"
    objects = [*bundle.bundle()["objects"], {"type": "indicator", "id": MARKUP}]
    path.write_text(json.dumps({"type": "bundle", "id": bundle.id, "objects": objects}))
    text, _ = looked_at(wb.stix.import_bundle(path, case.con))
    assert "set aside" in text
    assert MARKUP in text
    text, _ = looked_at(wb.stix.match(case.con, "firewall", "[ipv4-addr:value = '84.205.67.213']"))
    assert "1 of 1 indicator matches" in text


def test_a_kernel_shows_it_and_a_terminal_does_not_import_it(kernel: Kernel) -> None:
    ran = kernel.run("import workbench as wb\nwb.intel.open()")
    assert "Snapshot" in ran.shown[0]["text/html"]
    assert "text/markdown" in ran.shown[0]
    assert ran.shown[0]["text/plain"].startswith("<Snapshot")
    code = (
        "from IPython.terminal.interactiveshell import TerminalInteractiveShell as T\nimport sys\nshell = T.instance()\n"
        "import workbench as wb\nshell.display_formatter.format(wb.intel.open())\nprint('workbench.notebook.showing.sheets' in sys.modules)"
    )
    assert kernel.run(f"import subprocess, sys\nprint(subprocess.run([sys.executable, '-c', {code!r}], capture_output=True, text=True).stdout.split()[-1])").printed == "False\n"  # fmt: skip


def test_importing_the_workbench_stays_light(kernel: Kernel) -> None:
    code = "import sys, workbench\nprint([m for m in ('IPython', 'pandas', 'duckdb', 'pyarrow', 'ipywidgets', 'folium') if m in sys.modules])"
    assert kernel.run(f"import subprocess, sys\nprint(subprocess.run([sys.executable, '-c', {code!r}], capture_output=True, text=True).stdout)").printed.strip() == "[]"  # fmt: skip


def test_what_taxii_brings_and_takes(case: Any) -> None:
    from workbench.exchange.taxii.polling import Polled, Polls
    from workbench.exchange.taxii.pushing import Failure, Pushed
    from workbench.exchange.taxii.resources import Collection
    from workbench.secrecy import COMMUNITY

    collection = Collection("1", f"Indicators {MARKUP}", "https://taxii.example/1/", "https://taxii.example/")
    store = wb.stix.import_bundle({"type": "bundle", "id": "bundle--1", "objects": []}).store
    text, _ = looked_at(Polls(store, (Polled(collection, 40, 7, problem=HOSTILE),)))
    assert "7 new objects by TAXII" in text
    assert text.count(MARKUP) == 2
    failure = Failure(*[MARKUP] * len(Failure.__dataclass_fields__))
    text, _ = looked_at(Pushed(collection, COMMUNITY, total=10, taken=9, failed=(failure,)))
    assert "9 of 10 objects taken" in text
    assert "Failed" in text


def test_a_triage_reads_as_lines_where_it_is_no_board() -> None:
    said = repr(wb.triage(["84.205.67.213", "8.8.8.8", "10.0.0.1"]))
    first, worst, *_ = said.splitlines()
    assert first.startswith("2 external addresses: 1 known attacker")
    assert worst.split()[:3] == ["malicious", "84.205.67.213", "76"]
