"""Profiles and investigations of the store as dossiers, with the markings they have there."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any
from uuid import UUID

from workbench.exchange.stix.dossier import Dossier, Investigation, Remark, Seen
from workbench.exchange.stix.recipients import recipient_of
from workbench.secrecy import TLP, Marking, Organisation, Recipient, may_receive

if TYPE_CHECKING:
    from workbench import store as rooms

__all__ = ["dossier_of", "kept", "kept_all", "known_recipient", "marking_of", "standing"]

EVERY = 1 << 30

_ANALYST = {"medium": "suspicious", "high": "malicious", "critical": "malicious"}
_ORDER = ("clean", "watch", "anonymised", "suspicious", "malicious")
_INTEL = (
    "country", "region", "city", "latitude", "longitude", "accuracy_km", "asn", "as_org", "network_type", "prefix",
    "is_tor", "is_vpn", "is_proxy", "is_datacenter", "is_known_attacker", "is_known_abuser", "is_anonymous",
    "reputation", "confidence", "verdict", "reasons", "snapshot",
)  # fmt: skip


def kept(store: rooms.Store, thing: rooms.Profile | rooms.Investigation) -> Dossier | Investigation:
    """What the member may see of a profile, or of an investigation with its profiles.

    Sensors and targets of sightings stay here: they are the insides of somebody's network. A threat level of
    medium or above is the analyst's judgement, and stands where the intel judged more mildly.
    """
    (found,) = kept_all(store, [thing])
    return found


def kept_all(
    store: rooms.Store, things: Sequence[rooms.Profile | rooms.Investigation]
) -> list[Dossier | Investigation]:
    """The same of many things, in a few statements however many profiles there are."""
    from workbench.store import Profile

    linked = {
        thing.id: store.investigations.profiles(thing) for thing in things if not isinstance(thing, Profile)
    }
    profiles = [thing for thing in things if isinstance(thing, Profile)]
    dossiers = _dossiers(store, [*profiles, *(profile for each in linked.values() for profile in each)])
    return [
        dossiers[thing.id]
        if isinstance(thing, Profile)
        else Investigation(
            name=thing.name,
            description=thing.description or None,
            marking=marking_of(store, thing.id, thing.secrecy, thing.owner),
            dossiers=tuple(dossiers[profile.id] for profile in linked[thing.id]),
            concluded=thing.updated_at if thing.state == "closed" else None,
            key=str(thing.id),
            withdrawn=thing.deleted_at is not None,
        )
        for thing in things
    ]


def standing(store: rooms.Store, recipient: Recipient, keys: Iterable[str]) -> dict[str, bool]:
    """Of the profiles with these ids those that the recipient may hear of: whether they are there, or deleted."""
    from workbench.store.serving.together import profiles

    ids = []
    for key in keys:
        with suppress(ValueError):  # of what somebody else made a dossier
            ids.append(UUID(key))
    return {
        str(key): profile.deleted_at is None
        for key, profile in profiles(store, ids).items()
        if may_receive(recipient, marking_of(store, key, profile.secrecy, profile.owner))
    }


def known_recipient(store: rooms.Store, to: str | Recipient | Organisation) -> Recipient:
    """The recipient, with what the store knows of its organisation; one it does not know is not of the community."""
    recipient = recipient_of(to, store.me.organisation)
    if (
        not isinstance(to, str)
        or recipient.organisation is None
        or recipient.organisation == store.me.organisation
    ):
        return recipient
    name = recipient.organisation.name
    found = store.rows("organisations", "SELECT in_community FROM organisations WHERE name = %s", (name,))
    return Recipient(Organisation(name, in_community=bool(found and found[0][0])), recipient.member)


def _dossiers(store: rooms.Store, profiles: Sequence[rooms.Profile]) -> dict[UUID, Dossier]:
    from workbench.store import Evidence, Footprint, Sighting
    from workbench.store.serving.together import observed

    own, ids = store.me.organisation, [profile.id for profile in profiles]
    evidence = observed(store, Evidence, ids, EVERY)
    sightings = observed(store, Sighting, ids, EVERY)
    footprint = observed(store, Footprint, ids, EVERY)
    return {
        profile.id: dossier_of(
            profile,
            _marking(store, own, profile.id, profile.secrecy, profile.owner),
            evidence.get(profile.id, ()),
            sightings.get(profile.id, ()),
            footprint.get(profile.id, ()),
        )
        for profile in profiles
    }


def dossier_of(
    profile: rooms.Profile, marking: Marking, evidence: Iterable[rooms.Evidence], sightings: Iterable[rooms.Sighting],
    footprint: Iterable[rooms.Footprint],
) -> Dossier:  # fmt: skip
    """A profile with what hangs on it as a dossier; see :func:`kept`."""
    intel: dict[str, Any] = {name: getattr(profile, name) for name in _INTEL}
    judged = _ANALYST.get(str(profile.threat_level))
    if judged and (intel["verdict"] not in _ORDER or _ORDER.index(judged) > _ORDER.index(intel["verdict"])):
        said = f"an analyst of {profile.owner} judged the threat {profile.threat_level}"
        reasons = "; ".join(part for part in (said, intel["reasons"]) if part)
        # The confidence is that of the intel in its own verdict.
        intel |= {"verdict": judged, "reasons": reasons, "confidence": None}
    intel["evidence"] = [
        {"title": item.source, "category": item.category, "entry": item.entry, "licence": item.licence}
        for item in evidence
    ]
    return Dossier(
        address=profile.address,
        marking=marking,
        intel=intel,
        sightings=tuple(
            Seen(seen.first_seen, seen.last_seen, seen.count, key=str(seen.id)) for seen in sightings
        ),
        remarks=(Remark(profile.notes, key="notes"),) if profile.notes.strip() else (),
        tags=profile.tags,
        domains=tuple(trace.value for trace in footprint if trace.kind in ("domain", "hostname")),
        key=str(profile.id),
        withdrawn=profile.deleted_at is not None,
    )


def marking_of(store: rooms.Store, thing: UUID, level: TLP, owner: str) -> Marking:
    """The marking of a profile, investigation or other thing with a level, as far as the member knows it."""
    return _marking(store, store.me.organisation, thing, level, owner)


def _marking(store: rooms.Store, own: Organisation, thing: UUID, level: TLP, owner: str) -> Marking:
    # Whom another organisation serves is not for us to say: its AMBER goes back to it and nowhere else.
    who = own if owner == own.name else Organisation(owner)
    named: frozenset[str] = frozenset()
    if level == TLP.RED:
        named = frozenset(role for (role,) in store.rows("recipients", "SELECT recipients_of(%s)", (thing,)))
    return Marking(level, who, named)
