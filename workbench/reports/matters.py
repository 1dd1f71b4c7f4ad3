"""What a store shows of addresses and investigations, as far as it is for the reader."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from workbench.exchange.stix.dossier import Dossier
from workbench.exchange.stix.fromstore import marking_of
from workbench.reports.reading import network_of
from workbench.secrecy import Marking
from workbench.store import NotFound

if TYPE_CHECKING:
    import pyarrow as pa

    from workbench.exchange.stix import Export
    from workbench.reports.document import Document
    from workbench.store import Investigation, Profile

__all__ = ["Matter", "Picture", "alerts_since", "bundle_of", "known_of", "matter_of", "on_a_map", "picture_of", "profile_row", "profiles_since", "shown", "shown_profiles"]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Matter:
    """An investigation with those of its profiles that are for the reader."""

    investigation: Investigation
    profiles: list[Profile]

    @property
    def name(self) -> str:
        return self.investigation.name

    @property
    def addresses(self) -> set[str]:
        """Of the profiles, each once."""
        return {profile.address for profile in self.profiles}


def matter_of(doc: Document, name: str) -> Matter:
    """The investigation of a name (or id), and what of it may be shown.

    Raises:
        NotFound: there is none, or it is not for the reader: the two are not told apart.
    """
    try:
        found = doc.store.investigations.get(_key(name))
    except NotFound:
        found = None
    if found is None or not shown(doc, found):
        raise NotFound(f"investigation {name}: not found, or not for {doc.audience.label}")
    return Matter(found, shown_profiles(doc, doc.store.investigations.profiles(found)))


def shown_profiles(doc: Document, profiles: Iterable[Profile]) -> list[Profile]:
    """Those that may be shown."""
    return [profile for profile in profiles if shown(doc, profile)]


def shown(doc: Document, thing: Any) -> bool:
    """Whether a profile, investigation, entity or watchlist may be shown; if so the report is at least of its level."""
    if doc.audience.recipient is None:
        return doc.admit(thing.secrecy)
    return doc.admit(thing.secrecy, marking_of(doc.store, thing.id, thing.secrecy, thing.owner))


def known_of(doc: Document, addresses: Iterable[str], most: int = 2_000) -> dict[str, list[dict[str, Any]]]:
    """By address, the profiles that may be shown: ``address, owner, secrecy, threat, tags, notes``."""
    from workbench.store.profiles.profile import SELECT, note_profiles, profile_of

    asked = list(dict.fromkeys(addresses))[:most]

    def work(con: Any) -> list[Any]:
        rows: list[Any] = con.execute(
            f"SELECT {SELECT} FROM profiles p WHERE p.address = ANY (%s::inet[]) AND p.deleted_at IS NULL ORDER BY p.address, p.secrecy, p.id",  # noqa: S608  names are ours
            (asked,),
        ).fetchall()
        note_profiles(con, "report", rows)
        return rows

    found: dict[str, list[dict[str, Any]]] = {}
    for profile in shown_profiles(doc, map(profile_of, doc.store.run("profiles", work))):
        row = {
            "address": profile.address, "owner": profile.owner, "secrecy": str(profile.secrecy), "threat": str(profile.threat_level),
            "tags": ", ".join(profile.tags), "notes": profile.notes[:2_000],
        }  # fmt: skip
        found.setdefault(profile.address, []).append(row)
    return found


def _key(name: str) -> UUID | str:
    try:
        return UUID(name) if len(name) == 36 else name
    except ValueError:
        return name


@dataclass(frozen=True, slots=True)
class Picture:
    """What hangs on a profile, for tables. Sensors and targets of sightings stay in the organisation: they are the
    insides of its network."""

    profile: Profile
    evidence: list[dict[str, Any]]
    sightings: list[dict[str, Any]]
    footprint: list[dict[str, Any]]
    entities: list[dict[str, Any]]


def picture_of(doc: Document, profile: Profile) -> Picture:
    """All of a profile that may be shown."""
    store, inside = doc.store, doc.audience.is_inside
    sightings = [
        {"first": seen.first_seen, "last": seen.last_seen, "count": seen.count, **({"sensor": seen.sensor, "target": seen.target} if inside else {})}
        for seen in store.sightings.of(profile)
    ]  # fmt: skip
    entities = [
        {"relation": relation.replace("-", " "), "kind": entity.kind, "name": entity.name, "description": entity.description}
        for relation, entity in store.entities.of(profile)
        if shown(doc, entity)
    ]  # fmt: skip
    evidence, footprint = ([asdict(item) for item in found] for found in (store.evidence.of(profile), store.footprint.of(profile)))  # fmt: skip
    return Picture(profile, evidence, sightings, footprint, entities)


def on_a_map(doc: Document, addresses: Iterable[str]) -> pa.Table:
    """Addresses (of a network the first) with what the intel says, for a map."""
    every = list(dict.fromkeys(address.partition("/")[0] for address in addresses))
    return doc.engine.enrich(every)


def profile_row(profile: Profile) -> dict[str, Any]:
    """A profile for a table."""
    return {
        **{name: getattr(profile, name) for name in ("address", "owner", "country", "reputation", "reasons", "notes", "updated_at", "created_at")},
        "verdict": profile.verdict or "", "threat": str(profile.threat_level), "secrecy": str(profile.secrecy),
        "network": network_of(profile), "tags": ", ".join(profile.tags),
    }  # fmt: skip


def alerts_since(doc: Document, moment: datetime) -> list[dict[str, Any]]:
    """Alerts raised since, newest first, whose watchlist and profile may both be shown."""
    store = doc.store
    watchlists = {one.id for one in store.watchlists.all() if shown(doc, one)}
    raised = [
        alert
        for alert in store.alerts.all(limit=5_000)
        if alert.raised_at >= moment and alert.watchlist in watchlists
    ]
    about = profiles_by_id(doc, {alert.profile for alert in raised if alert.profile is not None})
    return [
        {"raised_at": alert.raised_at, "watchlist": alert.name, "state": alert.state, "says": alert.says, "note": alert.note if doc.audience.is_inside else ""}
        for alert in raised
        if alert.profile is None or alert.profile in about
    ]  # fmt: skip


def profiles_since(doc: Document, moment: datetime, most: int = 1_000) -> list[Profile]:
    """Profiles made or changed since that may be shown, worst first."""
    found: list[Profile] = []
    page = doc.store.profiles.search(updated_since=moment, order="updated", limit=500)
    while True:
        found += page.items
        if page.next is None or len(found) >= most:
            break
        page = doc.store.profiles.search(updated_since=moment, order="updated", limit=500, after=page.next)
    every = shown_profiles(doc, found)
    return sorted(every, key=lambda one: (-one.threat_level, -(one.reputation or 0), one.address))


def profiles_by_id(doc: Document, ids: Iterable[UUID]) -> set[UUID]:
    """Which of these profiles may be shown."""
    from workbench.store.profiles.profile import SELECT, profile_of

    rows = doc.store.rows("profiles", f"SELECT {SELECT} FROM profiles p WHERE p.id = ANY (%s)", (list(ids),))  # noqa: S608  names are ours
    return {profile.id for profile in shown_profiles(doc, map(profile_of, rows))}


def bundle_of(doc: Document, matter: Matter) -> Export:
    """What may be shown of an investigation as a STIX bundle for the reader."""
    from workbench.exchange.stix import Investigation as ForPartners
    from workbench.exchange.stix import export
    from workbench.exchange.stix.fromstore import kept

    reader = doc.reader
    whole = ForPartners(
        name=matter.name,
        description=matter.investigation.description or None,
        marking=_handed(doc, marking_of(doc.store, matter.investigation.id, matter.investigation.secrecy, matter.investigation.owner)),
        dossiers=tuple(
            replace(dossier, marking=_handed(doc, dossier.marking))
            for dossier in (kept(doc.store, profile) for profile in matter.profiles)
            if isinstance(dossier, Dossier)
        ),
        concluded=matter.investigation.updated_at if matter.investigation.state == "closed" else None,
        key=str(matter.investigation.id),
    )  # fmt: skip
    return export(whole, organisation=doc.organisation, to=reader, withheld="drop")


def _handed(doc: Document, marking: Marking) -> Marking:
    """What the database showed to a member is hers to have, also where its owner's clients are not ours to know."""
    member = doc.audience.member
    if member is None:
        return marking
    owner = marking.owner
    clients = (
        owner.clients | {member.organisation.name}
        if owner.name != member.organisation.name
        else owner.clients
    )
    return Marking(marking.level, replace(owner, clients=clients), marking.recipients | {member.role})
