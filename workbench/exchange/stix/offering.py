"""What the store offers to a member who polls, as STIX objects made thing by thing.

Every object follows from its thing alone, so that it is the same on whichever page it comes. Its owner is its maker. What
a member is offered is what row-level security shows her, and who may see a thing may receive it
(:mod:`workbench.secrecy`): nothing is left out here, and everything bears its marking.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import stix2

from workbench.exchange.stix.building import INDICATED, Builder, indicator_id, relationship_id
from workbench.exchange.stix.dossier import Dossier
from workbench.exchange.stix.dossier import Investigation as Matter
from workbench.exchange.stix.fromstore import dossier_of
from workbench.exchange.stix.markings import marking
from workbench.exchange.stix.objects import OBSERVABLES
from workbench.exchange.stix.versions import id_after, stable_id, timestamp
from workbench.secrecy import TLP, Marking, Organisation
from workbench.store.matters.investigations import Investigation
from workbench.store.profiles.profile import Profile

if TYPE_CHECKING:
    from workbench.store.serving.offers import Offer, Offered

__all__ = ["has_versions", "ids_to_keep", "objects_of_offer", "records_of"]

VALID = timedelta(days=30)
_ALWAYS = "2022-10-01T00:00:00.000Z"
"""When identities and places were made, whose content follows from their ids: they have one version."""
_ONE_VERSION = frozenset(("identity", "location"))
_WITHDRAWN = frozenset(
    ("indicator", "note", "grouping", "report", "sighting", "observed-data", "relationship")
)


def objects_of_offer(offered: Offered) -> list[dict[str, Any]]:
    """The objects of a thing in a fixed order; none where it was changed since it was offered."""
    about = offered.about
    if isinstance(about, TLP):
        return [marking(about)]
    if isinstance(about, Profile):
        return list(_of_profile(offered, about))
    if isinstance(about, Investigation):
        return list(_of_investigation(offered, about))
    if not about:
        return []
    builder = _builder(about, offered.offer.at)
    builder.maker()
    return [
        _stamped(builder, value, offered.offer.at, offered.offer.at) for value in builder.versioned.values()
    ]


def ids_to_keep(offer: Offer, made: Sequence[dict[str, Any]]) -> list[str]:
    """The ids of what was made of a thing, and behind them, with a minus, of places that were shown of it before, since
    what takes a relationship back names both its ends; with an exclamation mark those that are revoked."""
    ids = [value["id"] for value in made]
    places = {each.removeprefix("-") for each in offer.objects} - set(ids)
    revoked = [f"!{value['id']}" for value in made if value.get("revoked")]
    return ids + sorted(f"-{each}" for each in places if each.startswith("location--")) + revoked


def records_of(offer: Offer) -> list[dict[str, Any]]:
    """What a manifest tells of the objects that were made of a thing, without making them again."""
    return [_record_of(offer, each) for each in offer.objects if each[0] not in "-!"]


def _record_of(offer: Offer, identifier: str) -> dict[str, Any]:
    kind = identifier.partition("--")[0]
    record = {"id": identifier, "type": kind}
    if kind in OBSERVABLES:
        return record
    if kind == "marking-definition":
        return record | {"created": _ALWAYS}
    return record | {"modified": _ALWAYS if kind in _ONE_VERSION else timestamp(offer.changed_at)}


def has_versions(value: dict[str, Any]) -> bool:
    """Whether an object may be another than it was under the same id, with a time that tells them apart."""
    return "modified" in value and value["type"] not in _ONE_VERSION


def _ids_now(ids: Iterable[str], objects: Collection[str], withdrawn: bool = False) -> dict[str, str]:
    """Of these ids those that were revoked, each with the one under which the same is said now, by the ``objects``
    that were made of the thing before. What is withdrawn is so under the last that was shown."""
    now = {}
    for identifier in ids:
        each = identifier
        while f"!{each}" in objects and (not withdrawn or id_after(each) in objects):
            each = id_after(each)
        if each != identifier:
            now[identifier] = each
    return now


def _builder(owner: str, at: datetime) -> Builder:
    return Builder(owner, stable_id("identity", owner), VALID, at)


def _stamped(
    builder: Builder, value: dict[str, Any], created: datetime, modified: datetime
) -> dict[str, Any]:
    value = builder.marked(value)
    if value["type"] in _ONE_VERSION:
        return value | {"created": _ALWAYS, "modified": _ALWAYS}
    # A clock that was set back must not make an object older than its birth.
    return value | {"created": timestamp(created), "modified": timestamp(max(created, modified))}


def _of_profile(offered: Offered, profile: Profile) -> Iterator[dict[str, Any]]:
    offer = offered.offer
    own = Marking(profile.secrecy, Organisation(profile.owner))
    dossier = dossier_of(profile, own, offered.evidence, offered.sightings, offered.footprint)
    builder = _builder(profile.owner, profile.created_at)
    (address, *_) = builder.dossier(dossier)
    for identifier in builder.levels:
        if identifier.startswith("autonomous-system--"):
            builder.levels[identifier] = TLP.CLEAR  # who announces what is public
    builder.rename(_ids_now(builder.versioned, offer.objects, offer.withdrawn))
    if not offer.withdrawn:
        yield from (builder.marked(value) for value in builder.observables.values())
    for value in builder.versioned.values():
        if offer.withdrawn and value["type"] not in _WITHDRAWN:
            continue
        stamped = _stamped(builder, value, profile.created_at, offer.changed_at)
        yield stamped | {"revoked": True} if offer.withdrawn else stamped
    shown = [identifier.removeprefix("-") for identifier in offer.objects if identifier[0] != "!"]
    related = _relationships(profile.owner, dossier.address, address, shown)
    for identifier in shown:
        taken = related.get(identifier) or _taken_back(identifier, profile.owner, dossier, address)
        if taken and identifier not in builder.versioned:
            builder.levels[identifier] = profile.secrecy
            yield _stamped(
                builder, _revoked(builder, identifier, taken), profile.created_at, offer.changed_at
            )


def _revoked(builder: Builder, identifier: str, content: dict[str, Any]) -> dict[str, Any]:
    common = {"type": identifier.partition("--")[0], "spec_version": "2.1", "id": identifier, "revoked": True}
    return common | content | {"created_by_ref": builder.identity}


def _relationships(owner: str, at: str, address: str, shown: Collection[str]) -> dict[str, dict[str, Any]]:
    """What can have been said of two objects that were shown, by id."""
    pairs = {"observed-data": (indicator_id(owner, at), "based-on"), "location": (address, "related-to")}
    found = {}
    for target in shown:
        if pair := pairs.get(target.partition("--")[0]):
            source, kind = pair
            identifier = relationship_id(owner, source, kind, target)
            while identifier in shown:
                found[identifier] = {"relationship_type": kind, "source_ref": source, "target_ref": target}
                identifier = id_after(identifier)
    return found


def _taken_back(identifier: str, owner: str, dossier: Dossier, address: str) -> dict[str, Any] | None:
    """What was shown of a profile and is no longer so, as far as it stands by itself: the indicator of a verdict that was
    changed, a note, a sighting that was removed."""
    kind = identifier.partition("--")[0]
    if kind == "note":
        return {"content": "withdrawn", "object_refs": [address]}
    if kind == "sighting":
        return {"sighting_of_ref": indicator_id(owner, dossier.address)}
    if kind == "observed-data":
        seen = {"first_observed": _ALWAYS, "last_observed": _ALWAYS, "number_observed": 1}
        return seen | {"object_refs": [address]}
    if kind != "indicator":
        return None
    family, sign = ("6" if ":" in dossier.address else "4"), ("ISSUBSET" if "/" in dossier.address else "=")
    return {
        "name": f"{dossier.address}: withdrawn", "indicator_types": ["unknown"], "pattern_type": "stix", "pattern_version": "2.1",
        "pattern": f"[ipv{family}-addr:value {sign} '{dossier.address}']", "valid_from": _ALWAYS,
    }  # fmt: skip


def _of_investigation(offered: Offered, investigation: Investigation) -> Iterator[dict[str, Any]]:
    """The grouping or report over the addresses and indicators of its profiles; nothing where she sees none of them.
    What she was shown and is no more, as one is closed or the last of its profiles was taken out, is taken back."""
    offer = offered.offer
    builder = _builder(investigation.owner, investigation.created_at)
    members = []
    for profile in offered.linked:
        for identifier in _named(profile, offered.told.get(profile.id, ())):
            builder.levels[identifier] = max(profile.secrecy, builder.levels.get(identifier, TLP.CLEAR))
            members.append(identifier)
    matter = Matter(
        name=investigation.name, description=investigation.description or None, dossiers=(), key=str(investigation.id),
        marking=Marking(investigation.secrecy, Organisation(investigation.owner)),
        concluded=investigation.updated_at if investigation.state == "closed" else None,
    )  # fmt: skip
    if members:
        builder.investigation(matter, members)
        builder.rename(_ids_now(builder.versioned, offer.objects, offer.withdrawn))
    for value in builder.versioned.values():
        stamped = _stamped(builder, value, investigation.created_at, offer.changed_at)
        yield stamped | {"revoked": True} if offer.withdrawn else stamped
    for identifier in offer.objects:
        if identifier[0] != "!" and identifier not in builder.versioned:
            builder.levels[identifier] = investigation.secrecy
            content = {"name": investigation.name, "object_refs": [builder.identity]}
            content |= (
                {"published": _ALWAYS} if identifier.startswith("report--") else {"context": "unspecified"}
            )
            taken = _revoked(builder, identifier, content)
            yield _stamped(builder, taken, investigation.created_at, offer.changed_at)


def _named(profile: Profile, objects: Collection[str]) -> Iterator[str]:
    dossier = dossier_of(profile, Marking(profile.secrecy, Organisation(profile.owner)), (), (), ())
    kind = stix2.v21.IPv6Address if ":" in profile.address else stix2.v21.IPv4Address
    yield str(kind(value=profile.address).id)
    if dossier.intel["verdict"] in INDICATED:
        identifier = indicator_id(profile.owner, profile.address)
        yield _ids_now([identifier], objects).get(identifier, identifier)
