"""A page as PDF, by headless Chromium, with its marking on every sheet."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from workbench.reports.making.facts import Attachment, Facts

__all__ = ["browser", "pdf_of"]

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "microsoft-edge")
_OLDEST = 131
"""The first version that prints the margin boxes of a page, where the marking stands."""
TIMEOUT_SECONDS = 240


def browser() -> str:
    """The path of a Chromium: ``WORKBENCH_CHROMIUM``, else the first that is found.

    Raises:
        LookupError: there is none, and how to get one.
    """
    asked = os.environ.get("WORKBENCH_CHROMIUM")
    for name in [asked] if asked else _NAMES:
        if found := shutil.which(name):
            return found
    raise LookupError(
        f"PDF needs Chromium{f', and {asked} (WORKBENCH_CHROMIUM) is not there' if asked else ''}: install it "
        "(apt-get install chromium, dnf install chromium, or Google Chrome), or ask for html only (--to html)"
    )


def pdf_of(html: Path, target: Path, facts: Facts, attachments: Sequence[Attachment] = ()) -> None:
    """Print ``html`` to ``target``, and put in what the PDF says of itself and carries along.

    Raises:
        LookupError: there is no Chromium.
        OSError: it fails, or is too old to print the marking on every page.
    """
    program = browser()
    with tempfile.TemporaryDirectory(prefix="workbench-print-") as folder:
        printed = Path(folder) / "printed.pdf"
        command = [
            program, "--headless", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--disable-extensions", "--disable-sync",
            "--disable-background-networking", "--disable-component-update", "--host-resolver-rules=MAP * ~NOTFOUND",
            f"--user-data-dir={folder}/profile", "--no-pdf-header-footer", "--virtual-time-budget=15000",
            f"--print-to-pdf={printed}", html.resolve().as_uri(),
        ]  # fmt: skip
        if os.geteuid() == 0:
            command.insert(1, "--no-sandbox")  # Chromium has none for root
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_SECONDS, check=False)  # noqa: S603  # fmt: skip
        except subprocess.TimeoutExpired:
            raise OSError(f"{program} did not print within {TIMEOUT_SECONDS} seconds") from None
        if not printed.is_file() or done.returncode:
            raise OSError(
                f"{program} did not print: {(done.stderr.strip().splitlines() or ['no word why'])[-1]}"
            )
        _finish(printed, target, facts, attachments, program)


def _finish(
    printed: Path, target: Path, facts: Facts, attachments: Sequence[Attachment], program: str
) -> None:
    from pypdf import PdfReader, PdfWriter

    reader = PdfReader(printed)
    for number, page in enumerate(reader.pages, 1):
        if _packed(page.extract_text()).count(_packed(str(facts.level))) < 2:
            raise OSError(
                f"{program} left the marking {facts.level} off page {number}, and nothing is handed out without it: "
                f"Chromium {_OLDEST} or newer prints it"
            )
    writer = PdfWriter(clone_from=reader)
    writer.add_metadata({
        "/Title": f"{facts.level} {facts.title}",
        "/Subject": f"{facts.level}, for {facts.audience}",
        "/Keywords": f"{facts.level}, snapshot {facts.snapshot}, content {facts.content_hash}",
        "/Creator": "IP Workbench",
    })  # fmt: skip
    for file in attachments:
        writer.add_attachment(file.name, file.content)
    writer.write(target)


def _packed(text: str) -> str:
    """Without white space: a printed label may come back in pieces."""
    return re.sub(r"\s+", "", text)
