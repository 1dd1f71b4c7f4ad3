"""Watchlists, and the alerts raised for them."""

from __future__ import annotations

from datetime import datetime

import strawberry

from workbench.api.schema.asking import Info, copied, described, one, word
from workbench.api.schema.enums import AlertState, ThreatLevelName, TlpLabel
from workbench.api.schema.nodes import Node, Organisation, Thing
from workbench.api.schema.profiles import IpProfile
from workbench.api.schema.scalars import ASN, CIDR, CountryCode
from workbench.store.serving import together
from workbench.store.watching import alerts

__all__ = ["Alert", "Watchlist"]


@strawberry.type(
    description="What is watched: one of a network, an autonomous system, a country, or a threat level."
)
class Watchlist(Thing):
    name: str = described("What it is called.")
    network: CIDR | None = described("The network that is watched; an address is one of /32 or /128.")
    asn: ASN | None = described("The autonomous system that is watched.")
    country: CountryCode | None = described("The country that is watched.")
    threat_level: ThreatLevelName | None = described("Profiles that reach this level are watched for.")
    tlp: TlpLabel = described("Its secrecy level. It hears of profiles that everyone who sees it may see.")

    @classmethod
    def of(cls, record: alerts.Watchlist) -> Watchlist:
        return copied(
            cls,
            record,
            owner=Organisation(name=record.owner),
            tlp=TlpLabel(record.secrecy),
            threat_level=word(ThreatLevelName, record.threat_level),
        )


@strawberry.type(description="Something happened to what is watched.")
class Alert(Node):
    record: strawberry.Private[alerts.Alert]
    message: str = described("What happened, in words.")
    cause: str = described("What raised it. One cause raises one alert on a watchlist.")
    state: AlertState = described("How far it has been dealt with.")
    note: str = described("What was noted when it was acknowledged or closed.")
    raised_at: datetime = described("When it was raised.")
    changed_by: str | None = described("The member (database role) who acknowledged or closed it.")
    changed_at: datetime | None = described("When.")

    @classmethod
    def of(cls, record: alerts.Alert) -> Alert:
        return copied(cls, record, record=record, message=record.says, state=AlertState(record.state))

    @strawberry.field(description="The watchlist that it was raised for.")
    async def watchlist(self, info: Info) -> Watchlist | None:
        found = await one(info, together.watchlists, self.record.watchlist)
        return Watchlist.of(found) if found else None

    @strawberry.field(description="The profile that it is about; null where it is about new intel.")
    async def profile(self, info: Info) -> IpProfile | None:
        if self.record.profile is None:
            return None
        found = await one(info, together.profiles, self.record.profile)
        return IpProfile.of(found) if found else None
