"""What is to be settled after a sync, side by side."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import traitlets

from workbench.notebook.browser.talking import Talking
from workbench.notebook.showing.conflicting import Pieces, differences, words_of
from workbench.notebook.showing.sheets import Listing, Sheet
from workbench.secrecy import TLP
from workbench.store.profiles.profile import ThreatLevel

if TYPE_CHECKING:
    from workbench.case import Case
    from workbench.store.syncing.settling import Unsettled

__all__ = ["ConflictResolver"]

_NAMES = {"threat_level": "threat level", "secrecy": "TLP level", "deleted": "deleted or not"}
_CHOICES = {"threat_level": [str(level) for level in ThreatLevel], "secrecy": [str(level) for level in TLP], "deleted": ["kept", "deleted"]}  # fmt: skip


class ConflictResolver(Talking, entry="conflicts/main.js"):
    """The conflicts of a case, each to be settled with one's own side, the other, or another value."""

    conflicts: Any = traitlets.List().tag(sync=True)
    done = traitlets.Int().tag(sync=True)

    def __init__(self, case: Case) -> None:
        self._case = case
        super().__init__()
        self._read()

    def acts(self) -> dict[str, Callable[[dict[str, Any]], dict[str, Any] | str | None]]:
        return {"settle": self._settle}

    def static_html(self) -> str:
        rows = [
            (item["address"] or "", item["name"], _joined(item["mine"]), _joined(item["theirs"]) or item["says"])
            for item in self.conflicts
        ]  # fmt: skip
        title = f"{len(rows):,} to settle" if rows else "Nothing to settle"
        return Sheet(title, (), [Listing("", ("profile", "field", "yours", "theirs"), rows)], hint="wb.widgets.conflicts(case)" if rows else "").html()  # fmt: skip

    def _read(self) -> None:
        self._open = {str(each.id): each for each in self._case.conflicts()}
        self.conflicts = [_plain(each) for each in self._open.values()]

    def _settle(self, said: dict[str, Any]) -> dict[str, Any]:
        one = self._open.get(str(said["id"]))
        if one is None:
            self._read()
            raise LookupError("this was settled already")
        choice, reason = said.get("choice"), str(said.get("reason", ""))
        if choice is None:
            self._case.settle(one, value=_typed(str(one.field), str(said["value"])), reason=reason)
        else:
            self._case.settle(one, str(choice), reason=reason)
        self.done += 1
        self._read()
        how = {"mine": "yours", "theirs": "theirs", None: "another value"}[choice]
        return {"text": f"{one.address or 'It'}: settled with {how}." if one.kind == "field" else "Settled.", "settled": str(one.id)}  # fmt: skip


def _plain(one: Unsettled) -> dict[str, Any]:
    field = one.field
    mine, theirs, before = (words_of(field, value) for value in (one.mine, one.theirs, one.base))
    return {
        "id": str(one.id), "kind": one.kind, "field": field, "name": _NAMES.get(field or "", field or one.kind), "address": one.address,
        "says": one.says, "before": before, "value_mine": mine, "choices": _CHOICES.get(field or ""),
        "mine": _compared(one, before, mine), "theirs": _compared(one, before, theirs) if one.kind == "field" else [],
    }  # fmt: skip


def _compared(one: Unsettled, before: str, after: str) -> Pieces:
    """Differences of what is written; of what is chosen the choice alone."""
    if one.kind == "field" and one.field in ("notes", "tags"):
        return differences(before, after)
    return [("same", after)] if after else []


def _typed(field: str, text: str) -> Any:
    if field == "deleted":
        return text == "deleted"
    return [part.strip() for part in text.split(",") if part.strip()] if field == "tags" else text


def _joined(pieces: list[Any]) -> str:
    return "".join(text for how, text in pieces if how != "gone")
