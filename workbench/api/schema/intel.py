"""What the intel described, whoever asks: addresses, sources, snapshots, and what was known when."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import strawberry

from workbench.api.schema.asking import First, Info, copied, described, each, one, several, word
from workbench.api.schema.enums import (
    IntelCategory,
    IntelLayer,
    IpScope,
    NetworkType,
    SourceReliability,
    Verdict,
)
from workbench.api.schema.profiles import IpProfile
from workbench.api.schema.scalars import ASN, CIDR, CountryCode, IPAddress
from workbench.store import Store
from workbench.store.serving import together

if TYPE_CHECKING:
    from workbench.enrichment.record import Evidence
    from workbench.intel.snapshot import Snapshot, SnapshotSource
    from workbench.intel.timeline import History

__all__ = ["AddressHistory", "IntelSnapshot", "IntelSource", "IpAddress", "addresses_of", "history_of", "snapshots"]  # fmt: skip


@strawberry.type(description="A list entry that covers an address, and what it adds to the verdict.")
class IntelEvidence:
    source: str = described("The id of the source.")
    title: str = described("The name of the source.")
    category: IntelCategory | None = described("What it means to be on the list.")
    label: str = described("The list's own word for it.")
    entry: str = described("The address or network that is listed.")
    weight: float = described("The chance, 0 to 1, that this entry alone makes the address hostile.")
    reliability: SourceReliability | None = described("How far the source is trusted.")
    first_seen: datetime | None = described("Since when it is listed.")
    last_seen: datetime | None = described("When the listing was last confirmed.")
    published: datetime | None = described("The date of the list.")
    note: str | None = described("What the source notes.")
    licence: str = described("The terms it may be used under.")

    @classmethod
    def of(cls, record: Evidence) -> IntelEvidence:
        return copied(
            cls,
            record,
            category=word(IntelCategory, record.category),
            reliability=word(SourceReliability, record.reliability),
        )


@strawberry.type(description="What one intel snapshot described of an address. It needs no profile.")
class IpAddress:
    input: str = described("The text that was asked about.")
    address: IPAddress | None = described("The address in canonical form; null if the text is none.")
    version: int | None = described("4 or 6.")
    scope: IpScope = described("What the IANA special-purpose registries say.")
    country: CountryCode | None = described("The country it is in.")
    country_name: str | None = described("The name of the country in English.")
    region: str | None = described("The region within the country.")
    city: str | None = described("The city.")
    latitude: float | None = described("Degrees north.")
    longitude: float | None = described("Degrees east.")
    accuracy_km: int | None = described("Within how many kilometres of there.")
    timezone: str | None = described("The time zone by its name in the IANA database.")
    asn: ASN | None = described("The autonomous system that announces it.")
    as_organisation: str | None = described("The organisation of that.")
    network_type: NetworkType | None = described("What kind of network it is of.")
    prefix: CIDR | None = described("The announced network it is in.")
    registry: str | None = described("The regional Internet registry: afrinic, apnic, arin, lacnic, ripencc.")
    is_tor: bool | None = described("A Tor exit or relay.")
    is_vpn: bool | None = described("A VPN's exit.")
    is_proxy: bool | None = described("A proxy.")
    is_datacenter: bool | None = described("In a datacenter or cloud.")
    is_known_attacker: bool | None = described("On a list of attackers.")
    is_known_abuser: bool | None = described("On a list of abusers.")
    is_anonymous: bool | None = described("Tor, VPN or proxy.")
    reputation: int | None = described("0 to 100, 100 worst.")
    confidence: float | None = described("How sure the verdict is, 0 to 1.")
    verdict: Verdict = described("What the intel concludes.")
    reasons: str = described("Why, in words.")
    snapshot: str = described("The snapshot that described so: ask for it again and get the same.")

    @strawberry.field(description="The list entries that cover it, the heaviest first.")
    async def evidence(self, info: Info) -> list[IntelEvidence]:
        if self.address is None:
            return []
        found = await one(info, _evidence, (self.address, self.snapshot))
        return [IntelEvidence.of(item) for item in found or ()]

    @strawberry.field(
        description="The profiles of exactly this address that you may see, the strictest first."
    )
    async def profiles(self, info: Info, first: First = 10) -> list[IpProfile]:
        if self.address is None:
            return []
        found = await several(info, together.profiles_at, self.address, first)
        return [IpProfile.of(record) for record in found]


def addresses_of(texts: Sequence[str], snapshot: str | None) -> list[IpAddress]:
    """What a snapshot described of addresses, all looked up in one pass; text that is none is ``invalid``.

    Raises:
        SnapshotError: there is no such snapshot.
    """
    from workbench.enrichment import open_engine

    engine = open_engine(snapshot)
    rows: list[dict[str, Any]] = engine.enrich(list(texts)).to_pylist()
    return [_address(text, row) for text, row in zip(texts, rows, strict=True)]


def _address(text: str, row: dict[str, Any]) -> IpAddress:
    row["as_organisation"], row["registry"] = row.pop("as_org"), row.pop("rir")
    row["scope"], row["verdict"] = IpScope(row["scope"]), Verdict(row["verdict"])
    row["network_type"] = word(NetworkType, row["network_type"])
    row["reasons"] = row["reasons"] or ""
    return IpAddress(input=text, **row)


def _evidence(_: Store, keys: Sequence[tuple[str, str]]) -> dict[tuple[str, str], list[Evidence]]:
    from workbench.enrichment import open_engine
    from workbench.enrichment.record import evidence_of

    return {(address, name): evidence_of(open_engine(name), address) for address, name in keys}


@strawberry.type(description="A source of intel, as a snapshot holds it.")
class IntelSource:
    id: strawberry.ID = described("Its id in the catalogue.")
    title: str = described("Its name.")
    layers: list[IntelLayer] = described("What kind of statements it makes.")
    category: IntelCategory | None = described("What it means to be on it, where it is a list.")
    reliability: SourceReliability | None = described("How far it is trusted.")
    licence: str = described("The terms it may be used under.")
    attribution: str = described("Whom to name when it is used.")
    homepage: str | None = described("Where it is described.")
    published: datetime | None = described("The date it gives itself.")
    fetched: datetime | None = described("When it was fetched.")
    entries: int = described("How many entries it has.")
    rejected: int = described("How many lines of it could not be read.")

    @classmethod
    def of(cls, record: SnapshotSource) -> IntelSource:
        return copied(
            cls,
            record,
            layers=each(IntelLayer, record.layers),
            category=word(IntelCategory, record.category),
            reliability=word(SourceReliability, record.reliability),
        )


@strawberry.type(
    description="An immutable, dated compilation of all sources. A verdict names the one it rests on."
)
class IntelSnapshot:
    id: strawberry.ID = described("Its id, which begins with its date.")
    created: datetime = described("When it was built.")
    as_of: datetime = described("What moment it speaks of: the date of its newest source.")
    is_current: bool = described("Whether it is the one that is asked by default.")
    sources: list[IntelSource] = described("The sources it was built from.")

    @classmethod
    def of(cls, record: Snapshot, current: str) -> IntelSnapshot:
        return cls(
            id=strawberry.ID(record.id),
            created=record.created,
            as_of=record.as_of,
            is_current=record.id == current,
            sources=[IntelSource.of(source) for source in record.sources],
        )


def snapshots(first: int) -> list[IntelSnapshot]:
    """The snapshots of the server, newest first; damaged ones are passed over."""
    from workbench.intel import library
    from workbench.intel.snapshot import SnapshotError

    current = library.current().id
    found = []
    for name in reversed(library.snapshot_ids()):
        try:
            found.append(IntelSnapshot.of(library.open_snapshot(name), current))
        except SnapshotError:
            continue
        if len(found) == first:
            break
    return found


@strawberry.type(description="An entry of a list that covered an address, in snapshots from `first` to `last` without a gap.")  # fmt: skip
class Listing:
    source: str = described("The id of the source.")
    title: str = described("The name of the source.")
    category: IntelCategory | None = described("What it means to be on the list.")
    label: str = described("The list's own word for it.")
    entry: str = described("The address or network that was listed.")
    first: datetime = described("The first snapshot that has it.")
    last: datetime = described("The last snapshot that has it.")


@strawberry.type(description="Where and whose an address was, in snapshots from `first` to `last`.")
class Locating:
    country: CountryCode | None = described("The country it was in.")
    asn: ASN | None = described("The autonomous system that announced it.")
    as_organisation: str | None = described("The organisation of that.")
    prefix: CIDR | None = described("The announced network it was in.")
    first: datetime = described("The first snapshot that described so.")
    last: datetime = described("The last snapshot that described so.")


@strawberry.type(description="An address through all snapshots of the server, oldest first.")
class AddressHistory:
    address: IPAddress = described("The address.")
    listed: list[Listing] = described("Which lists it was on, from when to when.")
    located: list[Locating] = described("Where and whose it was, from when to when.")
    snapshots: list[str] = described("The ids of the snapshots that were asked.")


def history_of(record: History) -> AddressHistory:
    """What was known of an address when."""
    return AddressHistory(
        address=record.address,  # type: ignore[arg-type]
        listed=[copied(Listing, item, category=word(IntelCategory, item.category)) for item in record.listed],
        located=[copied(Locating, item, as_organisation=item.as_org) for item in record.located],
        snapshots=list(record.snapshots),
    )
