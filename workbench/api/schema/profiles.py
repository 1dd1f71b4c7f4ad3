"""An IP profile, and what is asked of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import strawberry

from workbench.api.schema.asking import First, Info, ask, copied, described, several, word
from workbench.api.schema.enums import NetworkType, ThreatLevelName, TlpLabel, Verdict
from workbench.api.schema.hanging import Evidence, Footprint, ProfileVersion, Sighting
from workbench.api.schema.nodes import Connection, Organisation, Thing
from workbench.api.schema.paging import connected
from workbench.api.schema.scalars import ASN, CIDR, CountryCode, IPAddressOrCIDR
from workbench.store import Profile, Store
from workbench.store.profiles import observations
from workbench.store.profiles.searching import Page
from workbench.store.serving import together

if TYPE_CHECKING:
    from workbench.api.schema.alerts import Alert
    from workbench.api.schema.matters import EntityLink, Investigation

__all__ = ["IpProfile", "page_of"]


def _evidence(store: Store, ids: Sequence[UUID], first: int) -> dict[UUID, list[observations.Evidence]]:
    return together.observed(store, observations.Evidence, ids, first)


def _sightings(store: Store, ids: Sequence[UUID], first: int) -> dict[UUID, list[observations.Sighting]]:
    return together.observed(store, observations.Sighting, ids, first)


def _footprint(store: Store, ids: Sequence[UUID], first: int) -> dict[UUID, list[observations.Footprint]]:
    return together.observed(store, observations.Footprint, ids, first)


@strawberry.type(description="One address (or network) as an organisation knows it: what the intel described, and what its analysts do.")  # fmt: skip
class IpProfile(Thing):
    record: strawberry.Private[Profile]
    address: IPAddressOrCIDR = described("The address, or network, that it is of.")
    tlp: TlpLabel = described("Its secrecy level, which what hangs on it inherits.")
    threat_level: ThreatLevelName = described("The analysts' judgement.")
    notes: str = described("The analysts' notes.")
    tags: list[str] = described("The analysts' tags, in lower case.")
    snapshot: str | None = described("The intel snapshot that all of the following rests on.")
    enriched_at: datetime | None = described("When the intel was asked.")
    country: CountryCode | None = described("The country it is in.")
    region: str | None = described("The region within the country.")
    city: str | None = described("The city.")
    latitude: float | None = described("Degrees north.")
    longitude: float | None = described("Degrees east.")
    accuracy_km: int | None = described("Within how many kilometres of there.")
    asn: ASN | None = described("The autonomous system that announces it.")
    as_organisation: str | None = described("The organisation of that.")
    network_type: NetworkType | None = described("What kind of network it is of.")
    prefix: CIDR | None = described("The announced network it is in.")
    is_tor: bool = described("A Tor exit or relay.")
    is_vpn: bool = described("A VPN's exit.")
    is_proxy: bool = described("A proxy.")
    is_datacenter: bool = described("In a datacenter or cloud.")
    is_known_attacker: bool = described("On a list of attackers.")
    is_known_abuser: bool = described("On a list of abusers.")
    is_anonymous: bool = described("Tor, VPN or proxy.")
    reputation: int | None = described("0 to 100, 100 worst.")
    confidence: float | None = described("How sure the verdict is, 0 to 1.")
    verdict: Verdict | None = described("What the intel concludes.")
    reasons: str = described("Why, in words.")
    updated_by: str = described("The member (database role) who changed it last.")
    updated_at: datetime = described("When it was changed last.")

    @classmethod
    def of(cls, record: Profile) -> IpProfile:
        return copied(
            cls,
            record,
            record=record,
            owner=Organisation(name=record.owner),
            tlp=TlpLabel(record.secrecy),
            threat_level=ThreatLevelName(record.threat_level),
            tags=list(record.tags),
            as_organisation=record.as_org,
            network_type=word(NetworkType, record.network_type),
            verdict=word(Verdict, record.verdict),
        )

    @strawberry.field(description="Why somebody thinks something of it, latest first.")
    async def evidence(self, info: Info, first: First = 20) -> list[Evidence]:
        return [Evidence.of(each) for each in await several(info, _evidence, self.record.id, first)]

    @strawberry.field(description="When it was seen at one's own door, latest first.")
    async def sightings(self, info: Info, first: First = 20) -> list[Sighting]:
        return [Sighting.of(each) for each in await several(info, _sightings, self.record.id, first)]

    @strawberry.field(description="Its traces elsewhere, latest first.")
    async def footprint(self, info: Info, first: First = 20) -> list[Footprint]:
        found = await several(info, _footprint, self.record.id, first)
        return [Footprint.of(self.record.id, each) for each in found]

    @strawberry.field(description="The investigations that it is linked to, by name.")
    async def investigations(
        self, info: Info, first: First = 20
    ) -> list[Annotated[Investigation, strawberry.lazy("workbench.api.schema.matters")]]:
        from workbench.api.schema.matters import Investigation

        found = await several(info, together.investigations_of, self.record.id, first)
        return [Investigation.of(each) for each in found]

    @strawberry.field(description="Who and what stands behind it.")
    async def entities(
        self, info: Info, first: First = 20
    ) -> list[Annotated[EntityLink, strawberry.lazy("workbench.api.schema.matters")]]:
        from workbench.api.schema.matters import EntityLink

        found = await several(info, together.entities_of, self.record.id, first)
        return [EntityLink.of(relation, entity, self.record) for relation, entity in found]

    @strawberry.field(description="Alerts about it, newest first.")
    async def alerts(
        self, info: Info, first: First = 20
    ) -> list[Annotated[Alert, strawberry.lazy("workbench.api.schema.alerts")]]:
        from workbench.api.schema.alerts import Alert

        return [Alert.of(each) for each in await several(info, together.alerts_of, self.record.id, first)]

    @strawberry.field(
        description="What it was before each change, newest first; without what you could not see then."
    )
    async def history(self, info: Info, first: First = 20) -> list[ProfileVersion]:
        return [ProfileVersion.of(each) for each in await several(info, together.histories, self.record.id, first)]  # fmt: skip

    @strawberry.field(
        description="The members (database roles) that it is named for at TLP:RED; none at other levels."
    )
    async def recipients(self, info: Info) -> list[str]:
        if self.tlp is not TlpLabel.RED:
            return []
        return await ask(info, lambda store: store.profiles.recipients(self.record))


def page_of(page: Page[Profile]) -> Connection[IpProfile]:
    """A page of the store as Relay has it."""
    return connected([IpProfile.of(record) for record in page], page.cursors, page.next is not None)
