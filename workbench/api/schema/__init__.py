"""The GraphQL schema."""

from __future__ import annotations

import strawberry
from strawberry.types import Info

from workbench.api.context import Context
from workbench.api.guards import guarded_schema

__all__ = ["schema"]


@strawberry.type(description="A member of the store.")
class Member:
    """Whoever asks."""

    role: str = strawberry.field(description="Her database role.")
    organisation: str = strawberry.field(description="The organisation she belongs to.")
    clearance: str = strawberry.field(description="The highest TLP level she may see.")


async def _me(info: Info[Context, None]) -> Member:
    me = await info.context.run(lambda store: store.me)
    return Member(role=me.role, organisation=me.organisation.name, clearance=str(me.clearance))


@strawberry.type(description="What can be asked.")
class Query:
    """What can be asked."""

    me: Member = strawberry.field(resolver=_me, description="Whoever asks.")


schema = guarded_schema(Query)
