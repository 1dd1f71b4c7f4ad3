"""What a recipient may not have is in no byte of what she is given: notebook, page, PDF with its text, attachments and
metadata, map data, STIX. The store is a real one, with several organisations."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest
from pypdf import PdfReader

from workbench import reports
from workbench.reports import Document
from workbench.reports.making.executing import ReportError
from workbench.reports.matters import (
    alerts_since,
    known_of,
    matter_of,
    picture_of,
    profile_row,
    profiles_since,
)
from workbench.store import NotFound

from .conftest import ADDRESSES, LOG, MATTER, WORDS, Town, everything_in

LEVELS = list(WORDS)
DOSSIER = ("investigation", {"investigation": MATTER})
# For whom, as whom it is made, and the levels she is to find.
READERS = {
    "the public": ({"for_tlp": "clear"}, "ines", ["clear"]),
    "the community": ({"for_tlp": "green"}, "ines", ["clear", "green"]),
    "bank": ({"for_organisation": "bank", "for_tlp": "red"}, "ines", ["clear", "green"]),
    "grid, a client outside the community": ({"for_organisation": "grid"}, "ines", ["clear", "amber"]),
    "cert up to AMBER": ({"for_tlp": "amber"}, "ines", ["clear", "green", "amber"]),
    "ines herself": ({}, "ines", LEVELS),
    "otto, cleared for GREEN": ({"for_member": "otto"}, "gate", ["clear", "green"]),
    "clara of grid": ({"for_member": "clara"}, "gate", ["clear", "amber"]),
    "pia of bank": ({"for_member": "pia"}, "gate", ["clear", "green"]),
    "ida, who is not named at RED": ({"for_member": "ida"}, "gate", ["clear", "green", "amber", "amber+strict"]),
    "ida up to GREEN": ({"for_member": "ida", "for_tlp": "green"}, "gate", ["clear", "green"]),
}  # fmt: skip


@pytest.fixture
def made(town: Town, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, formats: tuple[str, ...]) -> Any:
    def make(name: str, parameters: dict[str, Any], login: str = "ines", to: Any = None, **whom: str) -> Any:
        monkeypatch.setenv("OUR_STORE", town.url_of(login))
        values = {"store": "env:OUR_STORE", **parameters}
        return reports.run(
            name, values, to=to or formats, output=tmp_path, for_whom=reports.recipient(**whom)
        )

    return make


def held(folder: Path) -> list[str]:
    """The levels of which something is in a report."""
    text = everything_in(folder).lower()
    return [level for level, word in WORDS.items() if word in text or ADDRESSES[level] in text]


@pytest.mark.parametrize("reader", READERS)
def test_what_is_asked_for_a_reader_is_what_she_may_have(town: Town, reader: str) -> None:
    """What every template asks, without a kernel."""
    whom, login, levels = READERS[reader]
    doc = Document(recipient=reports.recipient(**whom), store=town.url_of(login))
    matter = matter_of(doc, MATTER)
    pictures = [picture_of(doc, profile) for profile in matter.profiles]
    told = json.dumps([[asdict(picture), profile_row(picture.profile)] for picture in pictures], default=str)
    assert [level for level, word in WORDS.items() if word in told] == levels
    assert sorted(known_of(doc, ADDRESSES.values())) == sorted(ADDRESSES[level] for level in levels)
    assert doc.level.label == levels[-1]
    watched = json.dumps(alerts_since(doc, datetime(2000, 1, 1, tzinfo=UTC)), default=str)
    assert {level for level, word in WORDS.items() if word in watched} <= set(levels)
    changed = profiles_since(doc, datetime(2000, 1, 1, tzinfo=UTC))
    assert sorted(profile.address for profile in changed) == sorted(ADDRESSES[level] for level in levels)
    doc.store.close()


@pytest.mark.parametrize(
    "reader", ["the community", "otto, cleared for GREEN", "clara of grid", "ines herself"]
)
def test_a_dossier_has_what_its_reader_may_have_and_nothing_else(made: Any, reader: str) -> None:
    whom, login, levels = READERS[reader]
    # As PDF for those where most is taken out.
    to = None if reader in ("the community", "clara of grid") else ["html", "ipynb"]
    report = made(*DOSSIER, login=login, to=to, **whom)
    assert held(report.folder) == levels
    assert report.level.label == levels[-1]
    text = everything_in(report.folder)
    for level in levels:
        word = WORDS[level]
        assert all(said in text for said in (f"{word} note", f"{word} label", f"{word}.example", f"{word} kit")), (level, word)  # fmt: skip


def test_the_search_of_a_report_finds_what_is_in_each_of_its_parts(
    made: Any, formats: tuple[str, ...]
) -> None:
    """Without this the tests here could pass for want of looking."""
    report = made("partner-bulletin", {"investigation": MATTER}, for_tlp="green")
    parts = {path.name: path for path in report.folder.iterdir()}
    assert "bulletin.stix.json" in parts
    folder = report.folder.parent / "alone"
    folder.mkdir()
    for name, path in parts.items():
        if name != "manifest.json":
            (folder / name).write_bytes(path.read_bytes())
            assert held(folder) == ["clear", "green"], name
            (folder / name).unlink()


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("daily-watch", {}),
        ("infrastructure-map", {"investigation": MATTER}),
        ("partner-bulletin", {"investigation": MATTER}),
        ("triage", {"source": LOG, "investigation": MATTER, "tlp": "clear"}),
    ],
)
def test_the_other_reports_keep_to_it_too(made: Any, name: str, parameters: dict[str, Any]) -> None:
    report = made(name, parameters, to=["html", "ipynb"], for_tlp="green")
    text = everything_in(report.folder).lower()
    assert {level for level, word in WORDS.items() if word in text} <= {"clear", "green"}
    assert ("marmot" in text) == (name != "infrastructure-map")
    if name != "triage":  # the log has some of the addresses, and is TLP:CLEAR here
        assert held(report.folder) in (["clear", "green"], ["green"])
    assert report.level.label == "green"


def test_alerts_of_a_closer_watchlist_are_not_told(town: Town) -> None:
    def told(**whom: str) -> list[str]:
        doc = Document(recipient=reports.recipient(**whom), store=town.url_of("ines"))
        with doc.store:
            return [row["watchlist"] for row in alerts_since(doc, datetime(2000, 1, 1, tzinfo=UTC))]

    assert "quokka watch" in told(for_tlp="green")
    assert "wombat list" not in told(for_tlp="green")
    assert "wombat list" in told()


def test_insides_of_the_network_stay_in_the_organisation(made: Any, town: Town) -> None:
    def seen(**whom: str) -> str:
        doc = Document(recipient=reports.recipient(**whom), store=town.url_of("ines"))
        with doc.store:
            return json.dumps([picture_of(doc, one).sightings for one in matter_of(doc, MATTER).profiles], default=str)  # fmt: skip

    assert "quokka target" in seen()
    assert "quokka target" in seen(for_tlp="amber")
    assert "quokka target" not in seen(for_tlp="green")
    log = everything_in(made("triage", {"source": LOG, "tlp": "clear"}, to=["ipynb"], for_tlp="clear").folder)
    assert "10.20.30.17" not in log


@pytest.mark.parametrize(("whom", "login"), [({"for_tlp": "green"}, "ines"), ({"for_member": "pia"}, "gate")])
def test_an_investigation_that_is_not_for_the_reader_is_as_one_that_does_not_exist(
    town: Town, whom: dict[str, str], login: str
) -> None:
    doc = Document(recipient=reports.recipient(**whom), store=town.url_of(login))
    told = []
    for name in ("narwhal matter", "no such matter"):
        with pytest.raises(NotFound, match="not found, or not for ") as refused:
            matter_of(doc, name)
        told.append(str(refused.value).replace(name, "IT"))
    assert told[0] == told[1]
    doc.store.close()


def test_who_may_not_act_as_a_member_is_told_what_to_do_instead(town: Town) -> None:
    with pytest.raises(PermissionError, match=r"this login may not act as pia.*--for-organisation"):
        Document(recipient={"member": "pia"}, store=town.url_of("ines"))
    for login in ("ines", "gate"):
        with pytest.raises((PermissionError, LookupError), match="nobody_here"):
            Document(recipient={"member": "nobody_here"}, store=town.url_of(login))


def test_acting_as_a_member_is_written_down_as_her_reading(town: Town) -> None:
    doc = Document(recipient={"member": "clara"}, store=town.url_of("gate"))
    matter_of(doc, MATTER)
    doc.store.close()
    with psycopg.connect(town.url) as con:
        con.execute("SET ROLE workbench_warden")
        (rows,) = con.execute("SELECT count(*) FROM workbench.audit WHERE actor = 'clara' AND login = 'gate'").fetchone()  # fmt: skip
    assert rows > 0


def test_the_bundle_of_a_bulletin_is_marked_and_attached_to_the_pdf(
    made: Any, formats: tuple[str, ...]
) -> None:
    report = made("partner-bulletin", {"investigation": MATTER}, for_organisation="grid")
    bundle = json.loads((report.folder / "bulletin.stix.json").read_text())
    markings = {value["name"] for value in bundle["objects"] if value["type"] == "marking-definition"}
    assert markings == {"TLP:CLEAR", "TLP:AMBER"}
    if "pdf" in formats:
        attached = PdfReader(report.folder / "partner-bulletin.pdf").attachments
        assert json.loads(attached["bulletin.stix.json"][0]) == bundle


def test_the_failed_notebook_of_a_report_for_others_is_the_authors_alone(made: Any) -> None:
    with pytest.raises(ReportError) as told:
        made("investigation", {"investigation": "no such matter"}, to=["ipynb"], for_tlp="green")
    assert told.value.notebook is not None
    assert told.value.notebook.stat().st_mode & 0o077 == 0
