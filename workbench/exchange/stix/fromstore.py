"""Profiles and investigations of the store as dossiers, with the markings they have there."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any
from uuid import UUID

from workbench.exchange.stix.dossier import Dossier, Investigation, Remark, Seen
from workbench.exchange.stix.recipients import recipient_of
from workbench.secrecy import TLP, Marking, Organisation, Recipient

if TYPE_CHECKING:
    from workbench import store as rooms

__all__ = ["dossier_of", "kept", "known_recipient", "marking_of"]

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
    from workbench.store import Profile

    if isinstance(thing, Profile):
        return _dossier(store, thing)
    return Investigation(
        name=thing.name,
        description=thing.description or None,
        marking=marking_of(store, thing.id, thing.secrecy, thing.owner),
        dossiers=tuple(_dossier(store, profile) for profile in store.investigations.profiles(thing)),
        concluded=thing.updated_at if thing.state == "closed" else None,
        key=str(thing.id),
    )


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


def _dossier(store: rooms.Store, profile: rooms.Profile) -> Dossier:
    marking = marking_of(store, profile.id, profile.secrecy, profile.owner)
    return dossier_of(
        profile, marking, store.evidence.of(profile), store.sightings.of(profile), store.footprint.of(profile)
    )


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
    intel["evidence"] = [{**asdict(item), "title": item.source} for item in evidence]
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
    )


def marking_of(store: rooms.Store, thing: UUID, level: TLP, owner: str) -> Marking:
    """The marking of a profile, investigation or other thing with a level, as far as the member knows it."""
    own = store.me.organisation
    # Whom another organisation serves is not for us to say: its AMBER goes back to it and nowhere else.
    who = own if owner == own.name else Organisation(owner)
    named: frozenset[str] = frozenset()
    if level == TLP.RED:
        named = frozenset(role for (role,) in store.rows("recipients", "SELECT recipients_of(%s)", (thing,)))
    return Marking(level, who, named)
