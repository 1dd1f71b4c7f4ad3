"""Two versions of one thing, as a reader compares them."""

from __future__ import annotations

import difflib
import re
from typing import Any

from workbench.secrecy import TLP
from workbench.store.profiles.profile import ThreatLevel
from workbench.store.syncing.merging import WORDS

__all__ = ["Pieces", "differences", "words_of"]

ALIKE = 0.4
"""Texts that have less in common are shown whole, one after the other."""
Pieces = list[tuple[str, str]]
"""A text in pieces: how each stands to the other side (``same``, ``gone``, ``new``), and its words."""


def words_of(field: str | None, value: Any) -> str:
    """A value of a field of a profile in words."""
    if field == "secrecy" and isinstance(value, int):
        return str(TLP(value))
    if field == "threat_level" and isinstance(value, int):
        return str(ThreatLevel(value))
    if field == "deleted":
        return "deleted" if value else "kept"
    if isinstance(value, dict):
        return "; ".join(f"{name}: {words_of(name, each)}" for name, each in value.items())
    if isinstance(value, list | tuple | set | frozenset):
        return ", ".join(sorted(map(str, value)))
    return "" if value is None else str(value)


def differences(before: str, after: str) -> Pieces:
    """``after`` in pieces, with what it has lost and gained from ``before``; long texts line by line."""
    old, new = (re.findall(r"\S+|\s+", text) for text in (before, after))
    if len(old) + len(new) > 2 * WORDS:
        old, new = (text.splitlines(keepends=True) for text in (before, after))
    if len(old) + len(new) > 4 * WORDS:  # the comparison is quadratic
        return [("same", after)] if before == after else [("gone", before), ("new", after)]
    matched = difflib.SequenceMatcher(None, old, new, autojunk=False)
    if matched.ratio() < ALIKE:
        return [(how, text) for how, text in (("gone", before), ("new", after)) if text]
    found: Pieces = []
    gone = came = ""
    for kind, i1, i2, j1, j2 in [*matched.get_opcodes(), ("end", 0, 0, 0, 0)]:
        same = "".join(new[j1:j2]) if kind == "equal" else ""
        if kind in ("replace", "delete", "insert"):
            gone, came = gone + "".join(old[i1:i2]), came + "".join(new[j1:j2])
        elif same.isspace() and (gone or came):  # the space between two words that changed
            gone, came = gone + same, came + same
        else:
            found += [("gone", gone), ("new", came), ("same", same)]
            gone = came = ""
    return [(how, text) for how, text in found if text]
