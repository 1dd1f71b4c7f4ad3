"""Pages of things that the store lists in order, as Relay has them."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Annotated, Any, TypeAlias, TypeVar
from uuid import UUID

import strawberry
from graphql import GraphQLError

from workbench.api.schema.asking import Info, ask, at_most
from workbench.api.schema.nodes import Connection, Edge, PageInfo
from workbench.store import Store

__all__ = ["After", "connected", "listed"]

T = TypeVar("T")
R = TypeVar("R")
After: TypeAlias = Annotated[
    str | None, strawberry.argument(description="The cursor that the page begins after.")
]


def connected(nodes: Sequence[T], cursors: Sequence[str], more: bool) -> Connection[T]:
    """A page of nodes with their places."""
    return Connection(
        edges=[Edge(node=node, cursor=cursor) for node, cursor in zip(nodes, cursors, strict=True)],
        nodes=list(nodes),
        page_info=PageInfo(
            has_next_page=more,
            has_previous_page=False,
            start_cursor=cursors[0] if cursors else None,
            end_cursor=cursors[-1] if cursors else None,
        ),
    )


_MOMENTS = ("at", "created_at", "raised_at")


async def listed(
    info: Info, field: str, first: int, after: str | None,
    read: Callable[[Store, int, Any], list[R]], made: Callable[[R], T],
) -> Connection[T]:  # fmt: skip
    """A page of a list that is in order of ``field`` and id; ``read`` gets how many, and the position they come after."""
    at_most(first)
    position = _position(field, after) if after is not None else None
    rows = await ask(info, lambda store: read(store, first + 1, position))
    shown = rows[:first]
    return connected([made(row) for row in shown], [_cursor(field, row) for row in shown], len(rows) > first)


def _cursor(field: str, row: Any) -> str:
    value = getattr(row, field)
    text = value.isoformat() if isinstance(value, datetime) else value
    return base64.urlsafe_b64encode(json.dumps([field, text, str(row.id)]).encode()).decode()


def _position(field: str, cursor: str) -> tuple[Any, UUID]:
    try:
        made_of, text, key = json.loads(base64.urlsafe_b64decode(cursor.encode()))
        if made_of != field or not isinstance(text, str):
            raise ValueError
        return (datetime.fromisoformat(text) if field in _MOMENTS else text), UUID(key)
    except (ValueError, TypeError, AttributeError):
        raise GraphQLError(
            f"after: {cursor[:40]!r} is no cursor of this list", extensions={"code": "BAD_USER_INPUT"}
        ) from None
