"""What may be asked."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Annotated, Any, TypeVar
from uuid import UUID

import strawberry
from graphql import GraphQLError

from workbench.api.schema import intel
from workbench.api.schema.alerts import Alert, Watchlist
from workbench.api.schema.asking import First, Info, Key, ask, at_most, described, one
from workbench.api.schema.audit import AuditEntry, AuditFilter
from workbench.api.schema.bulk import BulkEnrichment
from workbench.api.schema.by_id import by_text
from workbench.api.schema.enums import (
    AlertState,
    EntityKind,
    FootprintKind,
    InvestigationState,
    ProfileOrder,
    TlpLabel,
)
from workbench.api.schema.hanging import Footprint
from workbench.api.schema.matters import Entity, Investigation
from workbench.api.schema.nodes import Connection, Node, Organisation
from workbench.api.schema.paging import After, listed
from workbench.api.schema.profiles import IpProfile, page_of
from workbench.api.schema.scalars import CountryCode, IPAddress, IPAddressOrCIDR
from workbench.api.schema.searching import IpProfileFilter, filters
from workbench.store import NotFound, Store
from workbench.store.serving import together

__all__ = ["Query"]

T = TypeVar("T")
MOST_ADDRESSES = 10_000
SnapshotName = Annotated[
    str | None,
    strawberry.argument(description="The snapshot by id, or the newest at or before a date; else the current one."),
]  # fmt: skip


@strawberry.type(description="You, as the server knows you.")
class Me:
    role: str = described("Your name in the store: the database role that every transaction takes on.")
    organisation: Organisation = described("The organisation you belong to.")
    clearance: TlpLabel = described("The highest level that is shown to you.")
    address: IPAddress | None = described("The address that you are asking from, as the server sees it.")
    country: CountryCode | None = described("The country of that address, where the server's intel knows it.")


@strawberry.type(description="A member of the store, for whom a thing can be named at TLP:RED.")
class Colleague:
    role: str = described("The database role.")
    organisation: str = described("The organisation.")


@strawberry.type(description="What may be asked. Everything is answered as far as you may see it.")
class Query:
    @strawberry.field(description="You, as the server knows you.")
    async def me(self, info: Info) -> Me:
        member, client = info.context.member, info.context.client
        return Me(
            role=member.role,
            organisation=Organisation(name=member.organisation.name),
            clearance=TlpLabel(member.clearance),
            address=IPAddress(client.address) if client.address else None,
            country=CountryCode(client.country) if client.country else None,
        )

    @strawberry.field(description="The active members of the store.")
    async def members(self, info: Info) -> list[Colleague]:
        found = await ask(info, lambda store: store.members())
        return [Colleague(role=role, organisation=organisation) for role, organisation in found]

    @strawberry.field(description="What the intel says of an address.")
    async def ip_address(
        self,
        info: Info,
        address: Annotated[IPAddress, strawberry.argument(description="The address.")],
        snapshot: SnapshotName = None,
    ) -> intel.IpAddress:
        (found,) = await ask(info, lambda _: intel.addresses_of([address], snapshot))
        return found

    @strawberry.field(
        description="What the intel says of many addresses, in the order given. Text that is no address gives the verdict INVALID and stops nothing."
    )
    async def bulk_lookup(
        self,
        info: Info,
        addresses: Annotated[list[str], strawberry.argument(description="Up to 10,000 addresses.")],
        snapshot: SnapshotName = None,
    ) -> list[intel.IpAddress]:
        if len(addresses) > MOST_ADDRESSES:
            raise GraphQLError(
                f"addresses: up to {MOST_ADDRESSES:,} are looked up at once, these are {len(addresses):,}",
                extensions={"code": "BAD_USER_INPUT"},
            )
        found = await ask(info, lambda _: intel.addresses_of(addresses, snapshot))
        return _by_and_by(found)  # type: ignore[return-value]

    @strawberry.field(
        description="A profile by id, or that of an address: of several, your own organisation's at its strictest level. Null if there is none for you."
    )
    async def ip_profile(
        self,
        info: Info,
        id: Annotated[UUID | None, strawberry.argument(description="The `id` of a profile.")] = None,
        address: Annotated[
            IPAddressOrCIDR | None, strawberry.argument(description="Its address or network.")
        ] = None,
    ) -> IpProfile | None:
        if (id is None) == (address is None):
            raise GraphQLError("ipProfile wants id or address", extensions={"code": "BAD_USER_INPUT"})
        if id is not None:
            by_id = await one(info, together.profiles, id)
            return IpProfile.of(by_id) if by_id else None
        try:
            return IpProfile.of(await ask(info, lambda store: store.profiles.get(str(address))))
        except NotFound:
            return None

    @strawberry.field(description="Profiles that meet every condition, a page of them.")
    async def search_ip_profiles(
        self,
        info: Info,
        filter: Annotated[
            IpProfileFilter | None,
            strawberry.argument(description="The conditions; without them, all profiles."),
        ] = None,
        order_by: Annotated[
            ProfileOrder | None, strawberry.argument(description="The order; by default the filter's own.")
        ] = None,
        first: First = 50,
        after: After = None,
    ) -> Connection[IpProfile]:
        given = filters(filter)
        at_most(first)
        order = order_by.value if order_by else None
        return page_of(
            await ask(
                info,
                lambda store: store.profiles.search(**given, order=order, limit=first, after=after),
            )
        )

    @strawberry.field(description="An investigation by id; null if there is none for you.")
    async def investigation(self, info: Info, id: Key) -> Investigation | None:
        found = await one(info, together.investigations, id)
        return Investigation.of(found) if found else None

    @strawberry.field(description="The investigations, newest first.")
    async def investigations(
        self,
        info: Info,
        state: Annotated[
            InvestigationState | None, strawberry.argument(description="Only those in this state.")
        ] = None,
        first: First = 50,
        after: After = None,
    ) -> Connection[Investigation]:
        wanted = state.value if state else None
        return await listed(
            info, "created_at", first, after,
            lambda store, limit, at: store.investigations.all(state=wanted, limit=limit, after=at),
            Investigation.of,
        )  # fmt: skip

    @strawberry.field(description="An entity by id; null if there is none for you.")
    async def entity(self, info: Info, id: Key) -> Entity | None:
        found = await one(info, together.entities, id)
        return Entity.of(found) if found else None

    @strawberry.field(description="The entities whose name begins with a text, by name.")
    async def entities(
        self,
        info: Info,
        name: Annotated[
            str, strawberry.argument(description="How the name begins; case does not matter.")
        ] = "",
        kind: Annotated[
            EntityKind | None, strawberry.argument(description="Only those of this kind.")
        ] = None,
        first: First = 50,
        after: After = None,
    ) -> Connection[Entity]:
        wanted = kind.value if kind else None
        return await listed(
            info, "name", first, after,
            lambda store, limit, at: store.entities.find(name, wanted, limit=limit, after=at),
            Entity.of,
        )  # fmt: skip

    @strawberry.field(
        description="Digital footprint: that of a profile, or every trace of one value, which leads from a domain or certificate to the other addresses that share it."
    )
    async def footprint(
        self,
        info: Info,
        profile: Annotated[UUID | None, strawberry.argument(description="Of this profile.")] = None,
        value: Annotated[
            str | None, strawberry.argument(description="Of exactly this value, wherever it occurs.")
        ] = None,
        kinds: Annotated[
            list[FootprintKind] | None, strawberry.argument(description="Only of these kinds.")
        ] = None,
        first: First = 50,
    ) -> list[Footprint]:
        at_most(first)
        wanted = [kind.value for kind in kinds or ()]

        def work(store: Store) -> Sequence[tuple[UUID, Any]]:
            return together.traces(store, value=value, profile=profile, kinds=wanted, first=first)

        return [Footprint.of(key, trace) for key, trace in await ask(info, work)]

    @strawberry.field(description="The alerts, newest first.")
    async def alerts(
        self,
        info: Info,
        state: Annotated[
            AlertState | None, strawberry.argument(description="Only those in this state.")
        ] = None,
        first: First = 50,
        after: After = None,
    ) -> Connection[Alert]:
        wanted = state.value if state else None
        return await listed(
            info, "raised_at", first, after,
            lambda store, limit, at: store.alerts.all(state=wanted, limit=limit, after=at),
            Alert.of,
        )  # fmt: skip

    @strawberry.field(
        description="Who read and wrote what, newest first: what you did yourself, what was done in your organisation to what you may see, and which other organisations read that of yours."
    )
    async def audit(
        self,
        info: Info,
        filter: Annotated[
            AuditFilter | None,
            strawberry.argument(description="The conditions; without them, everything."),
        ] = None,
        first: First = 50,
        after: After = None,
    ) -> Connection[AuditEntry]:
        given = filter or AuditFilter()
        return await listed(info, "at", first, after, given.search, AuditEntry.of)

    @strawberry.field(description="The watchlists, by name.")
    async def watchlists(self, info: Info, first: First = 50, after: After = None) -> Connection[Watchlist]:
        return await listed(
            info, "name", first, after,
            lambda store, limit, at: store.watchlists.all(limit=limit, after=at),
            Watchlist.of,
        )  # fmt: skip

    @strawberry.field(
        description="What verdicts rest on: the sources of a snapshot, with their dates and licences."
    )
    async def sources(self, info: Info, snapshot: SnapshotName = None) -> list[intel.IntelSource]:
        from workbench.intel import library

        found = await ask(info, lambda _: library.open_snapshot(snapshot).sources)
        return [intel.IntelSource.of(source) for source in found]

    @strawberry.field(description="The intel snapshots of the server, newest first.")
    async def snapshots(self, info: Info, first: First = 20) -> list[intel.IntelSnapshot]:
        at_most(first)
        return await ask(info, lambda _: intel.snapshots(first))

    @strawberry.field(
        description="Which lists an address was on, and where and whose it was, from when to when."
    )
    async def history(
        self,
        info: Info,
        address: Annotated[IPAddress, strawberry.argument(description="The address.")],
    ) -> intel.AddressHistory:
        from workbench.intel import timeline

        return intel.history_of(await ask(info, lambda _: timeline.history(address)))

    @strawberry.field(description="A bulk enrichment that you began; null if there is none such, or the server was started anew.")  # fmt: skip
    async def bulk_enrichment(self, info: Info, id: Key) -> BulkEnrichment | None:
        return BulkEnrichment.known(info.context.member.role, id)

    @strawberry.field(description="A thing by its id (Relay); null if there is none for you.")
    async def node(
        self,
        info: Info,
        id: Annotated[strawberry.ID, strawberry.argument(description="The `id` of any node.")],
    ) -> Node | None:
        return await by_text(info, id)

    @strawberry.field(
        description="Things by their ids (Relay), in the order given; null for what is not there for you."
    )
    async def nodes(
        self,
        info: Info,
        ids: Annotated[list[strawberry.ID], strawberry.argument(description="Up to 1000 ids.")],
    ) -> list[Node | None]:
        if len(ids) > 1000:
            raise GraphQLError("ids: up to 1,000", extensions={"code": "BAD_USER_INPUT"})
        return list(await asyncio.gather(*(by_text(info, each) for each in ids)))


async def _by_and_by(many: list[T]) -> AsyncIterator[T]:
    """A long list with pauses, so that writing it out does not hold up everybody else."""
    for number, each in enumerate(many):
        if number % 50 == 0:
            await asyncio.sleep(0)
        yield each
