"""From a template and its parameters to files that are delivered whole or not at all."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from html import escape
from pathlib import Path
from typing import Any

from workbench.intel.home import home
from workbench.intel.writing import sha256_of
from workbench.reports.making.executing import (
    Progress,
    ReportError,
    execute,
    public_notebook,
    secrets_behind,
    without,
)
from workbench.reports.making.facts import Facts, facts_of
from workbench.reports.making.rendering import byline, colophon, html_of
from workbench.reports.notebooks import Template, template
from workbench.reports.parameters import checked, public
from workbench.secrecy import TLP

__all__ = ["FORMATS", "Report", "keep_failed", "make", "manifest_of", "place", "recipient", "run", "workroom"]

FORMATS = ("html", "pdf", "ipynb")


@dataclass(frozen=True, slots=True)
class Report:
    """A finished report: ``folder`` holds ``files`` and ``manifest.json``, which names each with its SHA-256."""

    folder: Path
    files: tuple[Path, ...]
    facts: Facts

    @property
    def level(self) -> TLP:
        """What it is marked with: the highest level of what is in it."""
        return self.facts.level

    @property
    def content_hash(self) -> str:
        """The same for the same content, whenever and wherever it is made."""
        return self.facts.content_hash

    def __str__(self) -> str:
        names = ", ".join(path.name for path in self.files)
        return f"{self.facts.title}: {self.level}, for {self.facts.audience}\n{self.folder}: {names}"

    __repr__ = __str__

    def _repr_html_(self) -> str:
        names = ", ".join(f"<code>{escape(path.name)}</code>" for path in self.files)
        return (
            f"<b>{escape(self.facts.title)}</b><br>{escape(str(self.level))}, for {escape(self.facts.audience)}; "
            f"snapshot {escape(self.facts.snapshot)}<br>{escape(str(self.folder))}: {names}"
        )


def recipient(
    for_member: str | None = None,
    for_tlp: str | TLP | None = None,
    for_organisation: str | None = None,
) -> dict[str, str] | None:
    """For whom, as the parameter of that name has it; None: for the author's own eyes.

    Raises:
        ValueError: no such level, or what excludes one another.
    """
    if for_member and for_organisation:
        raise ValueError(
            "--for-member and --for-organisation exclude one another: a member has an organisation"
        )
    asked = {
        "member": for_member,
        "tlp": TLP.parse(for_tlp).label if for_tlp is not None else None,
        "organisation": for_organisation,
    }
    found = {name: text for name, text in asked.items() if text}
    return found or None


def run(
    name: str, parameters: Mapping[str, Any] | None = None, *, to: Iterable[str] = ("html",), output: str | Path = ".",
    for_whom: Mapping[str, str] | None = None, progress: Progress | None = None,
) -> Report:  # fmt: skip
    """Make the report ``name`` into a new folder below ``output``; all of it appears at once, or nothing.

    Raises:
        LookupError: there is no such report, or no Chromium for a PDF.
        ParameterError: a parameter is missing, unknown, or of no use; no kernel was started.
        ReportError: a cell failed; the notebook up to there is kept beside where the report would be.
        PermissionError: something may not go to the recipient.
    """
    one = template(name)
    values = checked(one.parameters, parameters or {})
    wanted = _formats(to)
    target = Path(output)
    target.mkdir(parents=True, exist_ok=True)
    with workroom() as room:
        try:
            facts, files = make(one, values, wanted, room, for_whom, progress)
        except ReportError as error:
            raise _kept(error, one, target) from None
        folder = place(files, facts, target)
    return Report(folder, tuple(folder / path.name for path in files), facts)


def make(
    one: Template, values: Mapping[str, Any], wanted: Iterable[str], room: Path,
    for_whom: Mapping[str, str] | None = None, progress: Progress | None = None,
) -> tuple[Facts, list[Path]]:  # fmt: skip
    """Make the files in the folder ``room``, without a manifest and delivered to nobody.

    Raises:
        ReportError, PermissionError, LookupError, OSError: as :func:`run`.
    """
    import nbformat

    formats = _formats(wanted)
    if "pdf" in formats:
        from workbench.reports.making.printing import browser

        browser()  # before the work, not after it
    secrets = secrets_behind(values.values())
    draft = room / "draft.ipynb"
    given = {**values, "recipient": dict(for_whom) if for_whom else None}
    moment = datetime.now().astimezone()
    try:
        executed = execute(one, given, draft, progress)
    except ReportError as error:
        draft.write_text(without(draft.read_text(encoding="utf-8"), secrets), encoding="utf-8")
        raise ReportError(without(str(error), secrets), draft) from None
    shown = public(one.parameters, values)
    facts = facts_of(executed, one.name, shown, moment, for_others=bool(for_whom))
    about = facts.as_json()
    notebook = public_notebook(
        executed, shown, about, f"**{facts.level}** · {_markdown(facts.title)} · for {_markdown(facts.audience)}",
        colophon(_about(facts)), secrets,
    )  # fmt: skip
    files = []
    if "ipynb" in formats:
        files.append(room / f"{one.name}.ipynb")
        nbformat.write(notebook, files[-1])
    if {"html", "pdf"} & set(formats):
        page = room / f"{one.name}.html"
        page.write_text(_with_byline(html_of(notebook, facts), facts), encoding="utf-8")
        if "html" in formats:
            files.append(page)
        if "pdf" in formats:
            from workbench.reports.making.printing import pdf_of

            files.append(room / f"{one.name}.pdf")
            pdf_of(page, files[-1], facts, facts.attachments)
    for file in facts.attachments:
        files.append(room / Path(file.name).name)
        files[-1].write_bytes(file.content)
    return facts, files


def place(files: Iterable[Path], facts: Facts, target: Path, stem: str | None = None) -> Path:
    """Deliver files and their manifest to a new folder below ``target``, which appears whole, by one rename.

    With ``stem``, which names the folder, doing it twice is doing it once.
    """
    every = list(files)
    name = stem or f"{facts.template}-{facts.made_at:%Y%m%d-%H%M%S}"
    draft = Path(tempfile.mkdtemp(prefix=f".{name}-", suffix=".part", dir=target))
    try:
        for path in every:
            _copy(path, draft / path.name)
        manifest = draft / "manifest.json"
        manifest.write_text(manifest_of(facts, every), encoding="utf-8")
        _flush(manifest)
        for number in range(1000):
            final = target / (name if not number else f"{name}-{number + 1}")
            if final.exists():
                if stem:
                    return final
                continue
            try:
                draft.rename(final)
            except OSError:
                if final.exists():
                    continue
                raise
            final.chmod(0o700 if facts.level > TLP.GREEN else 0o755)
            return final
        raise FileExistsError(f"{target} has a thousand reports {name} already")
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def manifest_of(facts: Facts, files: Iterable[Path]) -> str:
    """What the report is, and the SHA-256 of each file."""
    listed = {path.name: {"sha256": sha256_of(path), "bytes": path.stat().st_size} for path in files}
    return json.dumps({**facts.as_json(), "files": listed}, indent=1, ensure_ascii=False) + "\n"


class workroom:  # noqa: N801  used as a function
    """A folder for drafts that nobody else reads, gone afterwards; those of runs that were killed are swept out."""

    def __init__(self) -> None:
        self._folder = home() / "reports" / "work"

    def __enter__(self) -> Path:
        import fcntl

        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        for left in self._folder.iterdir():
            _sweep(left)
        while True:
            self._room = Path(tempfile.mkdtemp(dir=self._folder))
            self._lock = (self._room / ".lock").open("w")
            fcntl.flock(self._lock, fcntl.LOCK_EX)
            if (self._room / ".lock").exists():  # else it was swept before it was locked
                break
            self._lock.close()
        return self._room

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self._room, ignore_errors=True)
        self._lock.close()


def _sweep(room: Path) -> None:
    import fcntl

    try:
        with (room / ".lock").open("r+") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(room, ignore_errors=True)
    except OSError:  # in use, not yet locked, or not ours
        return


def _formats(to: Iterable[str]) -> list[str]:
    asked = [part.strip() for part in to.split(",")] if isinstance(to, str) else list(to)
    for one in asked:
        if one not in FORMATS:
            raise ValueError(f"to={one!r} is no format of a report; there are: {', '.join(FORMATS)}")
    if not asked:
        raise ValueError(f"in which format? to= one or more of {', '.join(FORMATS)}")
    return [one for one in FORMATS if one in asked]


def keep_failed(notebook: Path, name: str, target: Path) -> Path:
    """Keep the notebook of a report that failed, for its author's eyes alone."""
    target.mkdir(parents=True, exist_ok=True, mode=0o700)
    kept = target / f"{name}-failed-{datetime.now():%Y%m%d-%H%M%S}.ipynb"
    kept.touch(0o600)
    shutil.copyfile(notebook, kept)
    return kept


def _kept(error: ReportError, one: Template, target: Path) -> ReportError:
    assert error.notebook is not None
    kept = keep_failed(error.notebook, one.name, target)
    return ReportError(f"{one.name}: {error}; the notebook up to there: {kept}", kept)


def _about(facts: Facts) -> list[tuple[str, str]]:
    said = "; ".join(f"{name}={value}" for name, value in facts.parameters.items())
    return [
        ("Report", f"{facts.template}, made {facts.made_at:%Y-%m-%d %H:%M %Z}"),
        ("Marking", f"{facts.level}, for {facts.audience}"),
        ("Snapshot", facts.snapshot),
        ("Parameters", said or "none"),
        ("Packages", ", ".join(f"{name} {number}" for name, number in facts.packages.items())),
        (
            "Content hash",
            f"SHA-256 {facts.content_hash}: the same parameters on the same snapshot give it again",
        ),
    ]


def _with_byline(page: str, facts: Facts) -> str:
    said = f"{facts.made_at:%-d %B %Y, %H:%M %Z} · for {facts.audience} · intel {facts.snapshot}"
    return page.replace("</h1></header>", f"</h1>{byline(said)}</header>", 1)


def _markdown(text: str) -> str:
    return "".join(f"\\{c}" if c in "\\`*_{}[]<>()#+-.!|&~$" else c for c in text)


def _copy(source: Path, target: Path) -> None:
    shutil.copyfile(source, target)
    _flush(target)


def _flush(path: Path) -> None:
    with path.open("rb") as handle:
        os.fsync(handle.fileno())
