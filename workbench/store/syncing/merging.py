"""Three-way merge of what two analysts made of one profile."""

from __future__ import annotations

import difflib
from collections.abc import Collection
from dataclasses import dataclass, field, replace
from typing import Any

__all__ = ["FIELDS", "NOTHING", "WORDS", "Content", "Merged", "added_words", "base_of", "content_of", "merge"]

FIELDS = ("threat_level", "notes", "tags", "secrecy", "deleted")
WORDS = 4_000
"""More words than these are compared line by line: the comparison is quadratic."""


@dataclass(frozen=True, slots=True)
class Content:
    """What analysts change of a profile."""

    threat_level: int = 0
    notes: str = ""
    tags: frozenset[str] = frozenset()
    secrecy: int = 2
    deleted: bool = False

    def plain(self, name: str) -> Any:
        """A field as JSON has it: tags as a sorted list."""
        found = getattr(self, name)
        return sorted(found) if isinstance(found, frozenset) else found


NOTHING = Content()


def content_of(row: dict[str, Any]) -> Content:
    """What analysts change, of a row here or of the server."""
    return Content(
        int(row["threat_level"]), row["notes"], frozenset(row["tags"] or ()), int(row["secrecy"]), row["deleted_at"] is not None
    )  # fmt: skip


def base_of(row: dict[str, Any]) -> Content:
    """The same, as both sides last had it."""
    return Content(
        int(row["base_threat_level"]), row["base_notes"], frozenset(row["base_tags"] or ()), int(row["base_secrecy"]), bool(row["base_deleted"])
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Merged:
    """``content`` is what holds here from now on, ``base`` what both sides last had in common, field by field,
    ``conflicts`` the fields to be settled, with what the other side has."""

    content: Content
    base: Content
    conflicts: dict[str, Any] = field(default_factory=dict)

    @property
    def held(self) -> bool:
        """Nothing may be sent before the level is settled: it would be seen by others than it was written for."""
        return "secrecy" in self.conflicts


def merge(base: Content, mine: Content, theirs: Content, open: Collection[str] = ()) -> Merged:
    """Merge field by field: the side that changed a field has it; where both did, and differently, it is a conflict
    and ``mine`` stays here as theirs stays there. Tags added or taken away on either side are so on both.

    A deletion and a change of anything else is a conflict; so is lowering the level on one side where the
    other wrote something, which was written for fewer readers. A field of ``open`` was in conflict before
    and remains so until both sides agree.
    """
    settled, common, conflicts = mine, base, dict[str, Any]()

    def take(name: str, value: Any) -> None:
        nonlocal settled, common
        settled, common = replace(settled, **{name: value}), replace(common, **{name: value})

    for name in ("threat_level", "notes"):
        b, m, t = (getattr(side, name) for side in (base, mine, theirs))
        if m == t or (m == b and name not in open):
            take(name, t)
        elif t != b or name in open:
            conflicts[name] = t
    settled = replace(settled, tags=(theirs.tags | (mine.tags - base.tags)) - (base.tags - mine.tags))
    common = replace(common, tags=theirs.tags)

    written = _written(base, mine), _written(base, theirs)
    b, m, t = base.secrecy, mine.secrecy, theirs.secrecy
    if m == t:
        take("secrecy", t)
    elif "secrecy" in open:
        conflicts["secrecy"] = t
    elif m == b:
        if t < b and written[0]:
            conflicts["secrecy"] = t
        else:
            take("secrecy", t)
    elif t != b or (m < b and written[1]):
        conflicts["secrecy"] = t

    if mine.deleted == theirs.deleted:
        take("deleted", theirs.deleted)
    elif "deleted" in open:
        conflicts["deleted"] = theirs.deleted
    else:
        hers = mine.deleted != base.deleted
        other = theirs if hers else mine
        if (mine if hers else theirs).deleted and (_written(base, other) or other.secrecy != base.secrecy):
            conflicts["deleted"] = theirs.deleted
        elif not hers:
            take("deleted", theirs.deleted)
    return Merged(settled, common, conflicts)


def _written(base: Content, side: Content) -> bool:
    return (base.threat_level, base.notes, base.tags) != (side.threat_level, side.notes, side.tags)


def added_words(before: str, after: str) -> str:
    """What was written into a text, without what had been there; a passage a line."""
    a, b = (text.split() for text in (before, after))
    if len(a) + len(b) > WORDS:
        a, b = before.splitlines(), after.splitlines()
    found = difflib.SequenceMatcher(None, a, b, autojunk=False).get_opcodes()
    # A word that was there before, anywhere, is no word of hers: moving a passage does not make it so.
    known = set(a)
    passages = (
        " ".join(word for word in b[j1:j2] if word not in known)
        for kind, _, _, j1, j2 in found
        if kind in ("insert", "replace")
    )
    return "\n".join(passage for passage in passages if passage)
