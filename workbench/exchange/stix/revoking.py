"""What a recipient was given before and is no longer said: STIX revokes it, under the ids that it was given.

What a thing of the store was made into is known by the thing: a sighting that was removed, a relationship to where an
address is no longer, all of a profile that was deleted. Of a table it is the verdict on each address: that the rest
is not in another table takes nothing back. A profile that is only no longer in an investigation, or no longer for the
recipient, is not revoked: the one is true as before, and of the other nothing is said.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field

from workbench.exchange.stix.dossier import Dossier, Investigation
from workbench.exchange.stix.versions import Versions, id_after, stable_id
from workbench.secrecy import Recipient

__all__ = ["Sources"]

Standing = Callable[[Iterable[str]], Mapping[str, bool]]
"""Of profiles by key whether they are there, or deleted; those that are not for the recipient are not in it."""

_REVOKED = frozenset(("indicator", "note", "sighting", "observed-data", "relationship", "grouping", "report"))


@dataclass(slots=True)
class Sources:
    """What a bundle of ``own`` for ``recipient`` is made of, by source; and what of it was given before."""

    own: str
    recipient: Recipient
    made: dict[str, set[str]] = field(default_factory=dict)
    silent: set[str] = field(default_factory=set)

    def dossier(self, dossier: Dossier, ids: Iterable[str]) -> None:
        """Note the objects that were made of one; none where it is withdrawn."""
        told = {identifier for identifier in ids if _kind(identifier) in _REVOKED}
        if not dossier.withdrawn:
            self._note("address", dossier.address, {each for each in told if _kind(each) == "indicator"})
        if dossier.key is not None:
            self._note("thing", dossier.key, told)

    def investigation(self, matter: Investigation, ids: Iterable[str]) -> None:
        """Note the objects that were made of one, those of its members among them."""
        if matter.key is not None:
            told = {identifier for identifier in ids if _kind(identifier) in _REVOKED}
            self._note("investigation", matter.key, told)

    def kept_back(self, address: str, remark: str) -> None:
        """Note that a remark, by its key, is no longer for the recipient: nothing is said of it."""
        self.silent.add(stable_id("note", self.own, address, remark))

    def rename(self, ids: Mapping[str, str]) -> None:
        """Objects that were made have other ids."""
        for source, made in self.made.items():
            self.made[source] = {ids.get(each, each) for each in made}

    def dropped(self, versions: Versions, standing: Standing | None) -> set[str]:
        """The ids that the recipient was given of these sources, and that are no longer made of anything."""
        circles = _circles(self.recipient)
        before = versions.handed(circles, self.made)
        told = set().union(*before.values())
        gone = told - set().union(*self.made.values()) - _said_again(self.silent, told)
        # Another thing says it as well, unless it was deleted; one that nobody may tell of is not given away by that.
        mine = f"thing\x1f{self.own}\x1f"
        holders = {
            identifier: {source for source in sources if source.startswith(mine)}
            for identifier, sources in versions.holders(circles, gone).items()
        }
        others = set().union(*holders.values()) - self.made.keys()
        there = standing([each.removeprefix(mine) for each in others]) if standing and others else {}
        deleted = {each for each in others if there.get(each.removeprefix(mine)) is False}
        gone -= {each for each in gone if holders[each] - self.made.keys() - deleted}
        # Of a member of an investigation of which no thing is known nobody can say that it is no more.
        itself = {
            each for source, ids in before.items() if not source.startswith("investigation") for each in ids
        }
        return {e for e in gone if holders[e] or e in itself or _kind(e) in ("grouping", "report")}

    def hand(self, versions: Versions) -> None:
        """Remember what the recipient is given."""
        versions.hand(str(self.recipient), self.made)

    def _note(self, kind: str, key: str, ids: set[str]) -> None:
        self.made.setdefault(f"{kind}\x1f{self.own}\x1f{key}", set()).update(ids)


def _kind(identifier: str) -> str:
    return identifier.partition("--")[0]


def _said_again(ids: Iterable[str], told: Collection[str]) -> set[str]:
    """The ids, and those under which the same was told again after it was revoked."""
    found = set(ids)
    for identifier in ids:
        while (identifier := id_after(identifier)) in told:
            found.add(identifier)
    return found


def _circles(recipient: Recipient) -> list[str]:
    """The names under which a recipient was given something: as itself, and with everybody it is among."""
    circles = [str(recipient)]
    organisation = recipient.organisation
    if organisation is not None:
        circles.append(organisation.name)
    if organisation.in_community if organisation is not None else not recipient.is_public:
        circles.append("the community")
    return list(dict.fromkeys([*circles, "the public"]))
