"""What is new at the store, merged into a case file; what is no longer for the member, taken out of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from workbench.store.syncing import feed
from workbench.store.syncing.casefile import COLUMNS, CaseFile
from workbench.store.syncing.merging import NOTHING, Content, added_words, base_of, content_of, merge
from workbench.store.syncing.pushing import sent_content

if TYPE_CHECKING:
    from workbench.store.connection import Store

__all__ = ["Pulled", "pull"]

BATCH = 2_000
HELD = 10_000
_CONTENT = frozenset({"id", "threat_level", "notes", "tags", "secrecy", "deleted_at"})


@dataclass(slots=True)
class Pulled:
    """How many profiles came in, how many of them were merged with changes here, how many were taken out."""

    taken: int = 0
    merged: int = 0
    revoked: int = 0


def pull(
    store: Store, file: CaseFile, stand: feed.Standing, since: int | None, progress: Callable[[int, int], None]
) -> Pulled:  # fmt: skip
    """Take in what changed from transaction ``since`` on (None: everything that is not here as it is there). A batch is
    taken whole or not; what was taken is not asked for again by a pull that goes on after a crash."""
    outcome = Pulled()
    found = feed.listing(store, since)
    wanted = file.differing(found)
    gone: set[UUID] = set()
    if since is None:
        there = {UUID(text) for text in found.column("id").to_pylist()}
        gone.update(key for key in file.held() if key not in there)
    else:
        held = file.held()
        for start in range(0, len(held), HELD):
            batch = held[start : start + HELD]
            gone.update(set(batch) - feed.visible(store, batch))
    _revoke(file, gone, stand.member, outcome)
    progress(0, len(wanted))
    for start in range(0, len(wanted), BATCH):
        batch = wanted[start : start + BATCH]
        incoming = feed.rows(store, batch)
        with file.transaction():
            for row in file.take(incoming):
                _merge(store, file, row, stand.member)
                outcome.merged += 1
        outcome.taken += incoming.num_rows
        # Hidden between the listing and the asking.
        hidden = set(batch) - {UUID(text) for text in incoming.column("id").to_pylist()}
        _revoke(file, hidden & set(file.held()) if hidden else hidden, stand.member, outcome)
        progress(min(start + BATCH, len(wanted)), len(wanted))
    return outcome


def _merge(store: Store, file: CaseFile, incoming: dict[str, Any], member: str) -> None:
    row, now = _here(file, incoming), datetime.now(UTC)
    theirs, mine = content_of(incoming), content_of(row)
    base = base_of(row)
    if row["id"] is None:
        base = replace(NOTHING, secrecy=theirs.secrecy)
    sent = None
    if row["sent"] is not None:
        sent = row["sent"]
        arrived = _arrived(store, incoming, theirs, sent, member)
        if arrived is not None:
            base, sent = arrived, None
        elif incoming["version"] > sent_content(sent)[0] and row["id"] is not None:
            sent = None  # somebody else made the next version, so that it never can
    opened = {each["field"] for each in file.conflicts(row["key"]) if each["kind"] == "field"}
    if row["version"] < 0 and incoming["version"] <= -row["version"]:
        # The server was restored to before what both had in common: neither side is simply newer.
        opened |= {name for name in ("threat_level", "notes", "secrecy", "deleted") if getattr(theirs, name) != getattr(base, name)}  # fmt: skip
        base = replace(base, tags=mine.tags & theirs.tags)
    merged = merge(base, mine, theirs, opened)
    plain = {name: value for name, value in incoming.items() if name in COLUMNS and name not in _CONTENT}
    file.settle(
        {**row, "id": incoming["id"], "deleted_at": incoming["deleted_at"] or row["deleted_at"]},
        merged.content, merged.base, now, id=incoming["id"], token=incoming["token"], sent=sent, **plain,
    )  # fmt: skip
    file.drop_conflicts(row["key"], "field")
    file.drop_conflicts(row["key"], "refused")
    for name, value in merged.conflicts.items():
        file.note(
            "field", row["key"], incoming["address"], now, field=name,
            base=getattr(merged.base, name), mine=getattr(merged.content, name), theirs=value,
            says=f"changed here and by {incoming['updated_by']}",
        )  # fmt: skip


def _here(file: CaseFile, incoming: dict[str, Any]) -> dict[str, Any]:
    found = (
        file.rows("id = ?", [incoming["id"]])
        or file.rows("id IS NULL AND token = ?", [incoming["token"]])
        or file.rows(
            "id IS NULL AND address = ? AND owner = ? AND secrecy = ? AND deleted_at IS NULL",
            [incoming["address"], incoming["owner"], incoming["secrecy"]],
        )
    )
    return found[0]


def _arrived(store: Store, incoming: dict[str, Any], theirs: Content, sent: str, member: str) -> Content | None:  # fmt: skip
    """What a push without an answer made of the profile, if it came through: then both sides had that in common."""
    version, content = sent_content(sent)
    if incoming["version"] <= version:
        return None
    if theirs == content and incoming["updated_by"] == member:
        return content
    for was in feed.history(store, incoming["id"], version):
        if was.get("updated_by") == member and content_of(was) == content:
            return content
    return None


def _revoke(file: CaseFile, gone: set[UUID], member: str, outcome: Pulled) -> None:
    """Take profiles out, with what both sides had in common and conflicts. Of changes not sent only what she
    wrote herself is kept, apart, without what it was written to."""
    ordered: Sequence[UUID] = sorted(gone)
    for start in range(0, len(ordered), BATCH):
        with file.transaction():
            batch = list(ordered[start : start + BATCH])
            for row in file.rows("list_contains(?::UUID[], id)", [batch]):
                hers = _own_words(row) if row["dirty"] else {}
                if hers:
                    address = row["address"] if row["created_by"] == member else None
                    file.note(
                        "revoked", None, address, datetime.now(UTC), mine=hers,
                        says="no longer for you; this is what you had written and not sent: " + "; ".join(f"{k}: {v}" for k, v in hers.items()),
                    )  # fmt: skip
                file.remove(row["key"])
                outcome.revoked += 1
            file.remember(purge="due")


def _own_words(row: dict[str, Any]) -> dict[str, Any]:
    base, mine = base_of(row), content_of(row)
    found: dict[str, Any] = {}
    if mine.threat_level != base.threat_level:
        found["threat_level"] = mine.threat_level
    if words := added_words(base.notes, mine.notes):
        found["notes"] = words
    if tags := sorted(mine.tags - base.tags):
        found["tags"] = tags
    return found
