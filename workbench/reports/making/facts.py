"""What an executed report says of itself: gathered from its outputs, written into it and beside it."""

from __future__ import annotations

import base64
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from workbench.reports.document import MIME
from workbench.reports.hashing import content_hash
from workbench.secrecy import TLP

__all__ = ["Attachment", "Facts", "UnmarkedError", "facts_of"]

_PACKAGES = ("ip-workbench", "duckdb", "numpy", "pyarrow", "papermill", "nbconvert")


class UnmarkedError(PermissionError):
    """A report for others shows something of which no level is known."""


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that goes with a report."""

    name: str
    kind: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Facts:
    """``content_hash`` is over what is said, the parameters and the snapshot, not over when and where it was made;
    ``nonces`` are those of the scripts that may run in it, of its maps."""

    template: str
    kicker: str
    title: str
    audience: str
    level: TLP
    snapshot: str
    parameters: Mapping[str, Any]
    packages: Mapping[str, str]
    made_at: datetime
    content_hash: str
    nonces: tuple[str, ...] = ()
    attachments: tuple[Attachment, ...] = ()

    @property
    def short_title(self) -> str:
        """Fit for the head of a page."""
        return self.title if len(self.title) <= 70 else f"{self.title[:67]}…"

    def as_json(self) -> dict[str, Any]:
        """For the manifest, and the metadata of the notebook."""
        return {
            "report": self.template,
            "title": self.title,
            "tlp": str(self.level),
            "for": self.audience,
            "snapshot": self.snapshot,
            "parameters": dict(self.parameters),
            "packages": dict(self.packages),
            "made_at": self.made_at.isoformat(timespec="seconds"),
            "content_hash": self.content_hash,
        }


def facts_of(
    notebook: Any, template: str, parameters: Mapping[str, Any], made_at: datetime, *, for_others: bool
) -> Facts:
    """Gather them.

    Raises:
        UnmarkedError: the report is for others, and an output was not written through a Document.
        ValueError: the notebook has no opening.
    """
    marks, level, opening, nonces, attachments = [], TLP.CLEAR, None, [], []
    for number, cell in enumerate(notebook.cells, 1):
        for output in cell.get("outputs", []):
            mark = output.get("metadata", {}).get(MIME)
            if mark is None:
                if output.output_type == "stream" and output.name == "stderr":
                    continue
                if for_others:
                    raise UnmarkedError(
                        f"cell {number} of {template} shows something of which no level is known: what goes to others is "
                        "written through a Document"
                    )
                level = max(level, TLP.AMBER_STRICT)
                continue
            level = max(level, TLP.parse(mark["level"]))
            marks.append(mark["hash"])
            opening = opening or mark.get("opening")
            if nonce := mark.get("nonce"):
                nonces.append(nonce)
            if file := mark.get("attachment"):
                attachments.append(Attachment(file["name"], file["kind"], base64.b64decode(file["content"])))
    if opening is None:
        raise ValueError(f"{template} wrote no opening: its Document is to begin with .opening(…)")
    asked = {name: value for name, value in parameters.items() if name != "snapshot"}
    return Facts(
        template=template,
        kicker=opening["kicker"],
        title=opening["title"],
        audience=opening["audience"],
        level=level,
        snapshot=opening["snapshot"],
        parameters=dict(parameters),
        packages=packages(),
        made_at=made_at,
        content_hash=content_hash([template, asked, opening["snapshot"], *marks]),
        nonces=tuple(nonces),
        attachments=tuple(attachments),
    )


def packages() -> dict[str, str]:
    """Versions of what made the report."""
    found = {"python": platform.python_version()}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
