"""Whether objects may go to somebody: their markings, asked before anything leaves."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from workbench._text import printable
from workbench.exchange.stix import WithheldError
from workbench.exchange.stix.markings import level_of_marking
from workbench.exchange.stix.objects import MalformedError, check, marking_refs
from workbench.exchange.stix.stream import Found
from workbench.exchange.stix.versions import stable_id
from workbench.secrecy import LEVEL_OF_ID, TLP, Marking, Organisation, Recipient, Withheld, withheld

__all__ = ["Permission", "permitted"]

_NOBODY = Organisation("whoever made it")


@dataclass(slots=True)
class Permission:
    """What ``recipient`` may have of the objects of ``own``. ``unmarked`` is how far objects without a TLP marking
    may go, ``named`` the members that RED is named for."""

    recipient: Recipient
    own: Organisation
    unmarked: TLP | None = None
    named: frozenset[str] = frozenset()
    _levels: dict[str, TLP | None] = field(default_factory=lambda: dict(LEVEL_OF_ID))
    _makers: dict[str, str] = field(default_factory=dict)
    _creators: set[str] = field(default_factory=set)

    def learn(self, value: dict[str, Any]) -> None:
        """Note what an object says of markings and makers."""
        if value["type"] == "marking-definition":
            self._levels.setdefault(value["id"], level_of_marking(value))
        elif value["type"] == "identity":
            self._makers[value["id"]] = str(value.get("name"))
        if isinstance(value.get("created_by_ref"), str):
            self._creators.add(value["created_by_ref"])

    def withheld(self, value: dict[str, Any]) -> list[Withheld]:
        """Empty if the object may go.

        Raises:
            ValueError: it has no TLP marking, and nobody said how far it may go.
        """
        if value["type"] == "marking-definition":
            return []
        # A marking whose definition nobody sent counts as red; one that is not of TLP says nothing here.
        found = [self._levels.get(ref, TLP.RED) for ref in marking_refs(value)]
        levels = [level for level in found if level is not None]
        if not levels and self.unmarked is not None:
            levels = [self.unmarked]
        if not levels and (
            value["type"] == "extension-definition" or value["id"] == stable_id("identity", self.own.name)
        ):
            return []
        if not levels:
            raise ValueError(
                f"{_name(value)} bears no TLP marking: say how far what is unmarked may go (tlp='green', --tlp green)"
            )
        level = max(levels)
        return withheld(self.recipient, [(_name(value), Marking(level, self._owner(value), self.named))])

    def _owner(self, value: dict[str, Any]) -> Organisation:
        """Who made it; what names no maker is of the maker of all that does."""
        maker = value.get("created_by_ref")
        if maker is None:
            makers = {self._named(ref) for ref in self._creators} or {self.own}
            return makers.pop() if len(makers) == 1 else _NOBODY
        return self._named(str(maker))

    def _named(self, maker: str) -> Organisation:
        name = self._makers.get(maker)
        if name == self.own.name or maker == stable_id("identity", self.own.name):
            return self.own
        # Whom another organisation serves is not for us to say: its AMBER goes back to it and nowhere else.
        return Organisation(name) if name else _NOBODY


def permitted(
    objects: Callable[[], Iterable[Found]], permission: Permission, *, drop: bool
) -> tuple[Iterator[Found], tuple[Withheld, ...]]:
    """The objects that may go, read anew, and what is kept back of them.

    Raises:
        WithheldError: something may not go, and nobody said to ``drop`` it.
        ValueError: an object is malformed, or without a marking.
    """
    for found in objects():
        if found.value is None:
            raise ValueError(f"object {found.index}: {found.reason}: nothing pushed")
        try:
            check(found.value)
        except MalformedError as error:
            raise ValueError(f"object {found.index}: {error}: nothing pushed") from None
        permission.learn(found.value)
    kept_back: dict[int, Withheld] = {}
    for found in objects():
        assert found.value is not None
        for each in permission.withheld(found.value):
            kept_back[found.index] = each
    if kept_back and not drop:
        raise WithheldError(list(kept_back.values()), nothing="nothing pushed")
    return (found for found in objects() if found.index not in kept_back), tuple(kept_back.values())


def _name(value: dict[str, Any]) -> str:
    called = value.get("name") or value.get("value") or value["id"]
    text = printable(str(called))[:100]
    return text if called == value["id"] else f"{value['type']} {text}"
