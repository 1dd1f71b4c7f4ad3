"""What a STIX bundle says of addresses, as evidence of profiles in the store."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from workbench.exchange.stix.intake import Imported
from workbench.exchange.stix.reading import import_bundle
from workbench.secrecy import TLP
from workbench.store.serving import together

if TYPE_CHECKING:
    import pyarrow as pa

    from workbench.store import Evidence, Investigation, Profile, Store

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

    It is done in a few steps, of which what was done stays done. What is marked RED is for the member alone who takes it in. Left out are autonomous systems, which are no
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
    profiles, created = _profiles(store, list(wanted))
    there = together.stix_known(store, [profile.id for profile in profiles.values()])
    said = [(profiles[key], row) for key, rows in wanted.items() for row in rows]
    new = [
        (profile, row) for profile, row in said if (profile.id, row["object_id"], row["entry"]) not in there
    ]
    store.evidence.add_all((profile, _evidence(row)) for profile, row in new)
    if investigation is not None and profiles:
        store.investigations.link(investigation, *profiles.values())
    return IntoStore(read, tuple(profiles.values()), created, len(new), len(said) - len(new), dict(left_out))


def _unwanted(row: dict[str, Any], level: TLP, clearance: TLP, now: datetime) -> str | None:
    if row["kind"] == "asn":
        return "autonomous systems"
    if row["conditional"]:
        return "indicators with further conditions"
    if row["valid_until"] is not None and row["valid_until"] <= now:
        return "no longer valid"
    return "above your clearance" if level > clearance else None


def _profiles(store: Store, wanted: Sequence[tuple[str, TLP]]) -> tuple[dict[tuple[str, TLP], Profile], int]:
    """The organisation's profile of each entry at its level, of RED the member's own; how many were made."""
    found: dict[tuple[str, TLP], Profile] = {}
    made = 0
    for level in sorted({level for _, level in wanted}):
        entries = [entry for entry, each in wanted if each == level]
        if level == TLP.RED:
            for entry in entries:
                found[entry, level], new = _for_herself(store, entry)
                made += new
            continue
        made += store.profiles.bulk_create(_enriched(entries), secrecy=level).created
        found |= {
            (entry, level): each for entry, each in together.own_profiles(store, entries, level).items()
        }
    return found, made


def _enriched(entries: list[str]) -> pa.Table:
    """Intel on addresses, and on networks that of their first address."""
    import pyarrow as pa

    from workbench.enrichment import open_engine

    table = open_engine().enrich([entry.partition("/")[0] for entry in entries])
    return table.set_column(table.column_names.index("address"), "address", pa.array(entries, pa.string()))


def _for_herself(store: Store, entry: str) -> tuple[Profile, bool]:
    own = store.me
    for found in store.profiles.search(address=entry, secrecy=TLP.RED, own=True):
        if set(store.profiles.recipients(found)) == {own.role}:
            return found, False
    return store.profiles.create(entry, secrecy=TLP.RED, reason="taken in from a STIX bundle"), True


def _evidence(row: dict[str, Any]) -> Evidence:
    from workbench.store import Evidence

    return Evidence(
        source=(row["said_by"] or row["source"] or "STIX")[:500],
        category=row["category"] or "observed",
        entry=row["entry"],
        label=row["label"],
        confidence=row["confidence"] / 100 if row["confidence"] is not None else None,
        first_seen=row["first_seen"],
        last_seen=row["last_seen"],
        stix_id=row["object_id"],
    )
