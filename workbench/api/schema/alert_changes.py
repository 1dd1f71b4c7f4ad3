"""Watching and watching no more; alerts acknowledged and closed."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated
from uuid import UUID

import strawberry

from workbench.api.schema.alerts import Alert, Watchlist
from workbench.api.schema.asking import Info, described
from workbench.api.schema.enums import ThreatLevelName, TlpLabel
from workbench.api.schema.problems import Conflict, Forbidden, InvalidInput, NotFound, attempt
from workbench.api.schema.profile_changes import Versioned
from workbench.api.schema.scalars import ASN, CountryCode, IPAddressOrCIDR
from workbench.store import Store
from workbench.store.watching import alerts

__all__ = ["AlertChanges"]

WatchlistResult = Annotated[
    Watchlist | Conflict | NotFound | Forbidden | InvalidInput,
    strawberry.union("WatchlistResult", description="The watchlist as it is now, or why nothing was done."),
]
AlertResult = Annotated[
    Alert | Conflict | NotFound | Forbidden | InvalidInput,
    strawberry.union("AlertResult", description="The alert as it is now, or why nothing was done."),
]


@strawberry.input(description="What is to be watched: exactly one of network, asn, country and threatLevel.")
class WatchInput:
    name: str = described("What the watchlist is called, 1 to 200 characters.")
    network: IPAddressOrCIDR | None = described("An address or network.", default=None)
    asn: ASN | None = described("An autonomous system.", default=None)
    country: CountryCode | None = described("A country.", default=None)
    threat_level: ThreatLevelName | None = described("Profiles that reach this level.", default=None)
    tlp: TlpLabel = described("Its secrecy level. It hears of profiles that everyone who sees it may see.", default=TlpLabel.AMBER_STRICT)  # fmt: skip
    recipients: list[str] = described("At TLP:RED, the members (database roles) it is named for, besides you.", default_factory=list)  # fmt: skip


@strawberry.input(description="An alert of a watchlist of your organisation, and what there is to say of it.")
class AlertInput:
    id: UUID = described("The `id` of the alert.")
    note: str = described("A note, up to 10,000 characters; left out, the one it has stays.", default="")


@strawberry.type(description="Changes of watchlists and alerts.")
class AlertChanges:
    @strawberry.mutation(
        description="Watch a network, autonomous system, country or threat level. Alerts are raised when a profile there is made, or its verdict or threat level changes."
    )
    async def watch(
        self, info: Info, input: Annotated[WatchInput, strawberry.argument(description="The watchlist.")]
    ) -> WatchlistResult:
        def work(store: Store) -> alerts.Watchlist:
            return store.watchlists.create(
                input.name,
                network=input.network,
                asn=input.asn,
                country=input.country,
                threat_level=input.threat_level.value if input.threat_level else None,
                secrecy=input.tlp.value,
                recipients=input.recipients,
            )

        return await attempt(info, work, Watchlist.of)

    @strawberry.mutation(description="Watch no more. The alerts raised so far stay.")
    async def unwatch(
        self, info: Info, input: Annotated[Versioned, strawberry.argument(description="The watchlist.")]
    ) -> WatchlistResult:
        def work(store: Store) -> alerts.Watchlist:
            store.watchlists.delete(replace(store.watchlists.get(input.id), version=input.expected_version))
            return store.watchlists.get(input.id)

        return await attempt(
            info,
            work,
            Watchlist.of,
            version_of=lambda store: store.watchlists.get(input.id).version,
        )

    @strawberry.mutation(description="Say that somebody looks after an alert.")
    async def acknowledge_alert(
        self, info: Info, input: Annotated[AlertInput, strawberry.argument(description="The alert.")]
    ) -> AlertResult:
        return await attempt(
            info,
            lambda store: store.alerts.acknowledge(store.alerts.get(input.id), input.note),
            Alert.of,
        )

    @strawberry.mutation(description="Say that an alert is done with.")
    async def close_alert(
        self, info: Info, input: Annotated[AlertInput, strawberry.argument(description="The alert.")]
    ) -> AlertResult:
        return await attempt(
            info, lambda store: store.alerts.close(store.alerts.get(input.id), input.note), Alert.of
        )
