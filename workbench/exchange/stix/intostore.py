"""What a STIX bundle says of addresses, as evidence of profiles in the store."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from workbench.exchange.stix.intake import Imported
from workbench.exchange.stix.reading import import_bundle
from workbench.secrecy import TLP

if TYPE_CHECKING:
    from workbench.store import Investigation, Profile, Store

__all__ = ["IntoStore", "import_into"]

MOST_PROFILES = 10_000


@dataclass(frozen=True, slots=True)
class IntoStore:
    """What an import did: profiles made and added to, pieces of evidence that are new and that were there already.
    ``left_out`` counts what was not taken, by the reason."""

    read: Imported
    profiles: tuple[Profile, ...]
    created: int
    added: int
    known: int
    left_out: dict[str, int]


def import_into(
    store: Store,
    bundle: Any,
    *,
    tlp: TLP | str = TLP.AMBER,
    investigation: Investigation | None = None,
    name: str = "the bundle",
) -> IntoStore:
    """Take a STIX bundle in: each address or prefix that something is said of gets a profile of the member's
    organisation, at the level that the sender marked it with, or ``tlp`` where he did not, and what is said
    becomes evidence of it. The same bundle again adds nothing.

    What is marked RED is for the member alone who takes it in. Left out are autonomous systems, which are no
    profiles, indicators that hold under further conditions only, what is no longer valid, and levels above the
    member's clearance.

    Raises:
        ValueError: it is no bundle, or speaks of more than 10,000 addresses.
        StreamError: it holds no JSON object or list.
    """
    read = import_bundle(bundle, name=name)
    try:
        rows: list[dict[str, Any]] = read.evidence().to_pylist()
    finally:
        read.store.con.close()
    left_out: dict[str, int] = defaultdict(int)
    wanted: dict[tuple[str, TLP], list[dict[str, Any]]] = defaultdict(list)
    now, clearance = datetime.now(UTC), store.me.clearance
    for row in rows:
        level = TLP.parse(row["tlp"] or tlp)
        why = _unwanted(row, level, clearance, now)
        if why:
            left_out[why] += 1
        else:
            wanted[row["entry"], level].append(row)
    if len(wanted) > MOST_PROFILES:
        raise ValueError(
            f"{name} speaks of {len(wanted):,} addresses: up to {MOST_PROFILES:,} are taken in at once; take it into a case"
        )
    profiles, created, added, known = [], 0, 0, 0
    for (entry, level), said in wanted.items():
        profile, new = _profile(store, entry, level)
        evidence = _new(store, profile, said)
        store.evidence.add(profile, *evidence)
        created, added, known = created + new, added + len(evidence), known + len(said) - len(evidence)
        profiles.append(profile)
    if investigation is not None and profiles:
        store.investigations.link(investigation, *profiles)
    return IntoStore(read, tuple(profiles), created, added, known, dict(left_out))


def _unwanted(row: dict[str, Any], level: TLP, clearance: TLP, now: datetime) -> str | None:
    if row["kind"] == "asn":
        return "autonomous systems"
    if row["conditional"]:
        return "indicators with further conditions"
    if row["valid_until"] is not None and row["valid_until"] <= now:
        return "no longer valid"
    return "above your clearance" if level > clearance else None


def _profile(store: Store, entry: str, level: TLP) -> tuple[Profile, bool]:
    """The organisation's profile of the entry at the level; of RED the member's own. Whether it was made."""
    own = store.me
    for found in _at(store, entry, level):
        if found.secrecy == level and found.owner == own.organisation.name:
            mine = level != TLP.RED or set(store.profiles.recipients(found)) == {own.role}
            if mine:
                return found, False
    return store.profiles.create(entry, secrecy=level, reason="taken in from a STIX bundle"), True


def _at(store: Store, entry: str, level: TLP) -> Iterable[Profile]:
    return store.profiles.search(address=entry, secrecy=level, own=True)


def _new(store: Store, profile: Profile, said: list[dict[str, Any]]) -> list[Any]:
    from workbench.store import Evidence

    there = {(item.stix_id, item.entry) for item in store.evidence.of(profile)}
    return [
        Evidence(
            source=(row["said_by"] or row["source"] or "STIX")[:500],
            category=row["category"] or "observed",
            entry=row["entry"],
            label=row["label"],
            confidence=row["confidence"] / 100 if row["confidence"] is not None else None,
            first_seen=row["first_seen"],
            last_seen=row["last_seen"],
            stix_id=row["object_id"],
        )
        for row in said
        if (row["object_id"], row["entry"]) not in there
    ]
