"""Choosing a level of the Traffic Light Protocol."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import traitlets

from workbench.notebook.browser.talking import Talking
from workbench.notebook.showing.sheets import Sheet
from workbench.secrecy import TLP

if TYPE_CHECKING:
    from workbench.store import Store

__all__ = ["TLPPicker"]

_ROOMS = {"Profile": "profiles", "Investigation": "investigations", "Entity": "entities", "Watchlist": "watchlists"}  # fmt: skip


class TLPPicker(Talking, entry="tlp/main.js"):
    """Levels in FIRST's words, for whom RED is, and the reason. ``picker.value`` is the level chosen, ``picker.reason``
    and ``picker.recipients`` what was said with it. With a thing of a store its button sets the level."""

    level = traitlets.Unicode().tag(sync=True)
    picked = traitlets.Unicode().tag(sync=True)
    reason = traitlets.Unicode().tag(sync=True)
    recipients = traitlets.List(traitlets.Unicode()).tag(sync=True)
    members: Any = traitlets.List().tag(sync=True)
    definitions = traitlets.Dict().tag(sync=True)
    subject = traitlets.Unicode().tag(sync=True)
    applies = traitlets.Bool().tag(sync=True)

    def __init__(self, thing: Any = TLP.AMBER, store: Store | None = None) -> None:
        self.thing = None
        self._rooms: Any = None
        subject, recipients = "", []
        if isinstance(thing, TLP | str):
            level = TLP.parse(thing)
        else:
            store, self._rooms = _home_of(thing, store)
            self.thing, level = thing, thing.secrecy
            subject = str(getattr(thing, "address", None) or thing.name)
            if level == TLP.RED and hasattr(self._rooms, "recipients"):
                recipients = self._rooms.recipients(thing)
        super().__init__(
            level=str(level), picked=str(level), subject=subject, applies=self._rooms is not None, recipients=recipients,
            definitions={str(each): each.definition for each in TLP}, members=[list(member) for member in store.members()] if store else [],
        )  # fmt: skip

    @property
    def value(self) -> TLP:
        """The level chosen."""
        return TLP.parse(self.picked)

    def acts(self) -> dict[str, Callable[[dict[str, Any]], dict[str, Any] | str | None]]:
        return {"level": self._set}

    def static_html(self) -> str:
        return Sheet(self.subject or "Level", [("reason", self.reason)], level=self.value).html()

    def _set(self, said: dict[str, Any]) -> str:
        level, reason = TLP.parse(str(said["level"])), str(said["reason"])
        named = [str(name) for name in said.get("recipients", ())]
        self.thing = self._rooms.set_secrecy(self.thing, level, reason, named)
        self.reason, self.recipients, self.picked = reason, named, str(level)
        self.level = str(level)
        return f"Now {level}."


def _home_of(thing: Any, store: Store | None) -> tuple[Any, Any]:
    """The store and the room of it that a thing is in; of a profile also the one it was read from."""
    from workbench.store.profiles.profile import Profile, origin_of

    if isinstance(thing, Profile) and store is None:
        origin = origin_of(thing)
        if origin is not None and not hasattr(origin, "investigations"):
            return None, origin
        store = origin
    room = _ROOMS.get(type(thing).__name__)
    if room is None:
        raise TypeError(f"a {type(thing).__name__} has no level of its own: give a level, or a {', '.join(_ROOMS)}")  # fmt: skip
    if store is None:
        raise ValueError("which store is it of? wb.widgets.tlp(thing, store)")
    return store, getattr(store, room)
