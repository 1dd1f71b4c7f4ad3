"""What all things of the store have in common, and what they belong to."""

from __future__ import annotations

from datetime import datetime
from typing import Generic, TypeVar

import strawberry

from workbench.api.schema.asking import Info, described, one
from workbench.store.serving import together

__all__ = ["Connection", "Edge", "Node", "Organisation", "PageInfo", "Thing"]

T = TypeVar("T")


@strawberry.interface(description="A thing with an id of its own (Relay's global object identification). The id is a UUID.")  # fmt: skip
class Node:
    id: strawberry.ID = described("The id, the same for ever.")


@strawberry.type(description="An organisation of this store.")
class Organisation:
    name: str = described("Its name, unique in the store.")

    @strawberry.field(description="Whether it belongs to the community, for which TLP:GREEN is meant.")
    async def in_community(self, info: Info) -> bool:
        found: bool | None = await one(info, together.communities, self.name)
        return bool(found)

    @strawberry.field(description="Whether it is your own.")
    def is_mine(self, info: Info) -> bool:
        return bool(info.context.member.organisation.name == self.name)


@strawberry.interface(description="A node that an organisation owns and that changes by versions.")
class Thing(Node):
    owner: Organisation = described("The organisation that it is of; members of others may only read it.")
    version: int = described("How often it was changed, from 1. A change is made from a version, and refused from an old one.")  # fmt: skip
    created_by: str = described("The member (database role) who made it.")
    created_at: datetime = described("When it was made.")
    deleted_at: datetime | None = described("When it was deleted; null if it was not.")


@strawberry.type(description="Where a page of a connection begins and ends (Relay).")
class PageInfo:
    has_next_page: bool = described("Whether there is more after `endCursor`.")
    has_previous_page: bool = described("Always false: pages are walked forwards.")
    start_cursor: str | None = described("The cursor of the first edge.")
    end_cursor: str | None = described("The cursor of the last edge: `after` it the next page begins.")


@strawberry.type(description="An item of a connection, with its place (Relay).")
class Edge(Generic[T]):
    node: T = described("The item.")
    cursor: str = described("The place: give it as `after` to go on from here.")


@strawberry.type(
    description="A page of items (Relay). There is no total: counting all would cost more than the page."
)
class Connection(Generic[T]):
    edges: list[Edge[T]] = described("The items with their places.")
    nodes: list[T] = described("The items alone.")
    page_info: PageInfo = described("Where the page begins and ends.")
