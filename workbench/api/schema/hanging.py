"""What hangs on a profile: evidence, sightings, footprint, and what it was before."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import strawberry

from workbench.api.schema.asking import Info, copied, described, one, word
from workbench.api.schema.enums import FootprintKind, ThreatLevelName, TlpLabel, Verdict
from workbench.api.schema.nodes import Node
from workbench.api.schema.scalars import ASN, CIDR, BigInt, CountryCode
from workbench.secrecy import TLP
from workbench.store import ThreatLevel
from workbench.store.serving import together

if TYPE_CHECKING:
    from workbench.api.schema.profiles import IpProfile
    from workbench.store.profiles.profile import Past

__all__ = ["Evidence", "Footprint", "ProfileVersion", "Sighting"]


@strawberry.type(description="Why somebody thinks something of an address.")
class Evidence(Node):
    source: str = described("Who described so.")
    category: str = described("What it means: one of IntelCategory in lower case, or the source's own word.")
    entry: str | None = described("The address or network that the source names.")
    label: str | None = described("The source's own word for it.")
    confidence: float | None = described("How sure the source is, 0 to 1.")
    first_seen: datetime | None = described("Since when.")
    last_seen: datetime | None = described("When it was last confirmed.")
    licence: str | None = described("The terms it may be used under.")
    stix_id: str | None = described("The STIX object it came with.")

    @classmethod
    def of(cls, record: Any) -> Evidence:
        return copied(cls, record)


@strawberry.type(description="That an address was seen at one's own door.")
class Sighting(Node):
    first_seen: datetime = described("When it was first seen.")
    last_seen: datetime = described("When it was last seen.")
    count: BigInt = described("How often.")
    sensor: str = described("By which sensor.")
    target: str = described("Busy with what.")

    @classmethod
    def of(cls, record: Any) -> Sighting:
        return copied(cls, record)


@strawberry.type(description="A trace of an address elsewhere.")
class Footprint(Node):
    profile_id: strawberry.Private[UUID]
    kind: FootprintKind = described("What it is.")
    value: str = described("The hostname, domain, URL, account, device or certificate.")
    source: str = described("Who described so.")
    first_seen: datetime | None = described("Since when.")
    last_seen: datetime | None = described("When it was last confirmed.")

    @strawberry.field(description="The profile that it is of.")
    async def profile(
        self, info: Info
    ) -> Annotated[IpProfile, strawberry.lazy("workbench.api.schema.profiles")] | None:
        from workbench.api.schema.profiles import IpProfile

        found = await one(info, together.profiles, self.profile_id)
        return IpProfile.of(found) if found else None

    @classmethod
    def of(cls, profile: UUID, record: Any) -> Footprint:
        return copied(cls, record, profile_id=profile, kind=FootprintKind(record.kind))


@strawberry.type(description="What a profile was until it was changed.")
class ProfileVersion:
    version: int = described("The version that it was.")
    until: datetime = described("When it was changed.")
    changed_by: str = described("The member (database role) who changed it.")
    tlp: TlpLabel = described("The level that it had.")
    threat_level: ThreatLevelName = described("The threat level that it had.")
    notes: str = described("Its notes.")
    tags: list[str] = described("Its tags.")
    verdict: Verdict | None = described("What the intel concluded then.")
    reputation: int | None = described("Its reputation, 0 to 100, 100 worst.")
    reasons: str = described("Why.")
    country: CountryCode | None = described("The country it was in.")
    asn: ASN | None = described("The autonomous system it was of.")
    as_organisation: str | None = described("The organisation of that.")
    prefix: CIDR | None = described("The announced network it was in.")
    snapshot: str | None = described("The intel snapshot that said so.")
    deleted_at: datetime | None = described("When it had been deleted; null if it had not.")

    @classmethod
    def of(cls, past: Past) -> ProfileVersion:
        was = past.was
        deleted = was.get("deleted_at")
        return cls(
            version=past.version,
            until=past.until,
            changed_by=past.changed_by,
            tlp=TlpLabel(TLP(was["secrecy"])),
            threat_level=ThreatLevelName(ThreatLevel(was["threat_level"])),
            notes=was["notes"],
            tags=was["tags"],
            verdict=word(Verdict, was.get("verdict")),
            reputation=was.get("reputation"),
            reasons=was["reasons"],
            country=was.get("country"),
            asn=was.get("asn"),
            as_organisation=was.get("as_org"),
            prefix=was.get("prefix"),
            snapshot=was.get("snapshot"),
            deleted_at=datetime.fromisoformat(deleted) if deleted else None,
        )
