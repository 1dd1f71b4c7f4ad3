"""The card of a profile with its threat level, tags, notes and TLP changed in place, and with nobody's work lost."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import traitlets

from workbench.notebook.browser.talking import Talking
from workbench.notebook.cards.profile import profile_tree
from workbench.notebook.showing.conflicting import differences, words_of
from workbench.notebook.showing.sheets import page
from workbench.notebook.showing.tree import plain
from workbench.secrecy import TLP
from workbench.store.errors import Conflict
from workbench.store.profiles.profile import ThreatLevel, clean_tags
from workbench.store.syncing.merging import Content, merge

if TYPE_CHECKING:
    from workbench.store.profiles.profile import Profile

__all__ = ["ProfileCard"]

TRIES = 5


class ProfileCard(Talking, entry="profile/main.js"):
    """A profile of a store or case. ``card.profile`` is the profile as it is now, after what was changed on the card."""

    tree: Any = traitlets.List().tag(sync=True)
    facts = traitlets.Dict().tag(sync=True)
    conflict = traitlets.Dict().tag(sync=True)

    def __init__(self, profile: Profile, origin: Any) -> None:
        self.profile = profile
        self._origin = origin
        self._rooms = origin.profiles if hasattr(origin, "investigations") else origin
        self._stands: list[
            Content
        ] = []  # what was shown, one after the other: what is written was written to one of them
        super().__init__()
        self._show(profile)

    def __str__(self) -> str:
        return str(self.profile)

    def static_html(self) -> str:
        return page(self._tree)

    def acts(self) -> dict[str, Callable[[dict[str, Any]], dict[str, Any] | str | None]]:
        return {"save": self._save, "level": self._set_level, "enrich": self._enrich, "reload": self._reload, "settled": self._forget}  # fmt: skip

    def _show(self, profile: Profile) -> None:
        self.profile = profile
        self._stands.append(_content(profile))
        self._tree = profile_tree(profile, self._origin)
        store = self._origin if self._rooms is not self._origin else None
        mine = store is None or profile.owner == store.me.organisation.name
        recipients = store.profiles.recipients(profile) if store and profile.secrecy == TLP.RED else []
        self.facts = {
            "editable": mine,
            "enriches": mine and store is not None,
            "levels": [str(level) for level in ThreatLevel],
            "values": {"threat_level": str(profile.threat_level), "notes": profile.notes, "tags": ", ".join(profile.tags),
                       "version": profile.version, "stand": len(self._stands) - 1},
            "level": str(profile.secrecy),
            "definitions": {str(level): level.definition for level in TLP},
            "members": [list(member) for member in store.members()] if store and mine else [],
            "recipients": recipients,
        }  # fmt: skip
        self.tree = plain(self._tree)

    def _save(self, said: dict[str, Any]) -> dict[str, Any]:
        """Merge what was written with what is there now; what both changed is shown, and stays in the fields."""
        values = said["values"]
        base = self._stands[int(said["stand"])]
        mine = Content(
            threat_level=int(ThreatLevel.parse(str(values["threat_level"]))), notes=str(values["notes"]),
            tags=frozenset(clean_tags(part for part in str(values["tags"]).split(",") if part.strip())),
            secrecy=base.secrecy, deleted=base.deleted,
        )  # fmt: skip
        if mine == base:
            return {"text": "Nothing was changed.", "saved": True}
        for _ in range(TRIES):
            now = self._rooms.get(self.profile.id)
            theirs = _content(now)
            merged = merge(base, replace(mine, secrecy=theirs.secrecy), theirs)
            wanted = {name: value for name, value in merged.conflicts.items() if name in ("threat_level", "notes")}  # fmt: skip
            lowered = theirs.secrecy < base.secrecy
            if wanted or lowered:
                # From here on what they did is known: saving again is a decision.
                self._show(now)
                self.conflict = {name: _sides(name, getattr(base, name), getattr(mine, name), value, now) for name, value in wanted.items()}  # fmt: skip
                kept = merged.content
                fields = {"threat_level": str(ThreatLevel(kept.threat_level)), "notes": kept.notes, "tags": ", ".join(sorted(kept.tags))}  # fmt: skip
                how = (
                    f"lowered it to {now.secrecy}, so that more will read what you write,"
                    if lowered
                    else "changed it"
                )
                return {
                    "kind": "error", "fields": fields, "stand": len(self._stands) - 1,
                    "text": f"{now.updated_by} {how} meanwhile (version {now.version}). Nothing is saved yet, and nothing is lost: save again if you mean it.",
                }  # fmt: skip
            changes = {name: getattr(merged.content, name) for name in ("threat_level", "notes", "tags") if getattr(merged.content, name) != getattr(theirs, name)}  # fmt: skip
            if "tags" in changes:
                changes["tags"] = sorted(changes["tags"])
            try:
                kept = self._rooms.update(now, **changes) if changes else now
            except Conflict:
                continue
            others = theirs != base
            self.conflict = {}
            self._show(kept)
            joined = f" What {now.updated_by} changed meanwhile is kept too." if others else ""
            if theirs.deleted and not base.deleted:
                joined = f" {now.updated_by} deleted the profile meanwhile: restore() brings it back, with what you wrote."
            return {"text": f"Saved.{joined}", "saved": True}
        raise Conflict("it is being changed by others at this moment: save again")

    def _set_level(self, said: dict[str, Any]) -> dict[str, Any]:
        if _content(now := self._rooms.get(self.profile.id)) != _content(self.profile):
            # Written by others for the level it had: to be read before it is shown to more.
            self._show(now)
            raise Conflict(f"{now.updated_by} changed it meanwhile (version {now.version}): read it, then set the level again")  # fmt: skip
        level = TLP.parse(str(said["level"]))
        self._show(self._rooms.set_secrecy(now, level, str(said["reason"]), [str(name) for name in said.get("recipients", ())]))  # fmt: skip
        return {"text": f"Now {level}.", "saved": True}

    def _enrich(self, said: dict[str, Any]) -> str:
        before = self.profile.snapshot
        self._show(self._rooms.enrich(self._rooms.get(self.profile.id)))
        return "It is of the current intel already." if self.profile.snapshot == before else f"Now of {self.profile.snapshot}."  # fmt: skip

    def _reload(self, said: dict[str, Any]) -> str:
        before = self.profile
        self._show(self._rooms.get(before.id))
        return "Nothing new." if self.profile == before else f"Changed by {self.profile.updated_by}."

    def _forget(self, said: dict[str, Any]) -> str:
        self.conflict = {}
        return ""


def _content(profile: Profile) -> Content:
    return Content(int(profile.threat_level), profile.notes, frozenset(profile.tags), int(profile.secrecy), profile.deleted_at is not None)  # fmt: skip


def _sides(name: str, base: Any, mine: Any, theirs: Any, now: Profile) -> dict[str, Any]:
    old, own, other = (words_of(name, value) for value in (base, mine, theirs))
    return {"mine": differences(old, own), "theirs": differences(old, other), "value": other, "by": now.updated_by}  # fmt: skip
