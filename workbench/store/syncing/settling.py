"""What a sync leaves to be settled by the analyst, and settling it."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from workbench.secrecy import TLP
from workbench.store.errors import NotFound, StoreError
from workbench.store.profiles.profile import ThreatLevel
from workbench.store.syncing.casefile import CaseFile
from workbench.store.syncing.merging import base_of, content_of
from workbench.store.syncing.offline import bounded

__all__ = ["Unsettled", "settle", "unsettled"]


@dataclass(frozen=True, slots=True)
class Unsettled:
    """Something for the analyst to settle. ``kind`` is

    - ``field``: she and somebody else changed ``field`` of a profile differently;
    - ``refused``: the store does not take her change, and ``says`` why;
    - ``revoked``: the profile is no longer for her; ``mine`` is what she had written into it and not yet sent.
    """

    id: UUID
    kind: str
    profile: UUID | None
    address: str | None
    field: str | None
    base: Any
    mine: Any
    theirs: Any
    says: str
    at: datetime

    def __str__(self) -> str:
        name = self.address or "a profile no longer for you"
        if self.kind == "field":
            return f"{name}, {self.field}: yours {self.mine!r}, theirs {self.theirs!r}, before {self.base!r}"
        return f"{name}, {self.kind}: {self.says or self.mine}"

    __repr__ = __str__


def unsettled(file: CaseFile) -> list[Unsettled]:
    """What is to be settled, oldest first."""
    names = [each.name for each in fields(Unsettled)][:-1]
    return [
        Unsettled(**{n: json.loads(row[n]) if n in ("base", "mine", "theirs") else row[n] for n in names}, at=row["noted_at"])
        for row in file.conflicts()
    ]  # fmt: skip


def settle(file: CaseFile, one: Unsettled, choice: str | None, value: Any, reason: str) -> None:
    """Settle one; see :meth:`workbench.case.Case.settle`.

    Raises:
        NotFound: it was settled, or the last sync found something else.
        ValueError: neither side nor a value is chosen, or both.
        StoreError: a change of level has no reason, or the value is more than the store keeps.
    """
    if one.id not in {row["id"] for row in file.conflicts()}:
        raise NotFound(
            "this was settled already, or the last sync found something else: see case.conflicts()"
        )
    if (choice is None) == (value is None) or choice not in (None, "mine", "theirs"):
        raise ValueError("settle with 'mine', with 'theirs', or with value=")
    found = file.rows("key = ?", [one.profile]) if one.profile else []
    with file.transaction():
        file.drop_conflict(one.id)
        if not found or one.kind == "revoked":
            return
        (row,) = found
        now = datetime.now(UTC)
        if one.kind == "refused":
            if choice == "theirs" and row["id"] is None:
                file.remove(row["key"])
            elif choice == "theirs":
                file.settle(row, base_of(row), base_of(row), now)
            return
        name = str(one.field)
        chosen = _typed(name, value if choice is None else one.theirs if choice == "theirs" else content_of(row).plain(name))  # fmt: skip
        if name == "secrecy" and chosen != one.theirs and not (reason.strip() or row["reason"]):
            raise StoreError("a change of level needs a reason: settle(…, reason=…)")
        more = {"reason": reason} if reason.strip() else {}
        content = replace(content_of(row), **{name: chosen})
        base = replace(base_of(row), **{name: one.theirs})
        file.settle(row, content, base, now, **more)


def _typed(name: str, value: Any) -> Any:
    if name == "threat_level":
        return int(ThreatLevel.parse(value))
    if name == "secrecy":
        return int(value) if isinstance(value, int) else int(TLP.parse(value))
    if name == "notes":
        bounded(value, ())
    return value
