"""How resolvers ask the store: in a thread, as the member, and many things in one statement."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import fields
from enum import Enum
from functools import cache, partial
from typing import Annotated, Any, TypeAlias, TypeVar
from uuid import UUID

import strawberry
from graphql import GraphQLError
from strawberry.dataloader import DataLoader

from workbench.api.context import Context
from workbench.store import Store

__all__ = [
    "First",
    "Info",
    "Key",
    "Version",
    "ask",
    "at_most",
    "copied",
    "described",
    "each",
    "one",
    "several",
    "word",
]

T = TypeVar("T")
Info: TypeAlias = strawberry.Info[Context, None]
MOST = 1_000
First: TypeAlias = Annotated[int, strawberry.argument(description="How many at most, 1 to 1000.")]
Key: TypeAlias = Annotated[UUID, strawberry.argument(description="The `id` of the thing.")]
Version: TypeAlias = Annotated[
    int, strawberry.argument(description="The version that the change was made from.")
]


def described(description: str, **more: Any) -> Any:
    """A field, described."""
    return strawberry.field(description=description, **more)


async def ask(info: Info, work: Callable[[Store], T]) -> T:
    """Ask the store as the member.

    Raises:
        GraphQLError: what was asked cannot be.
    """
    from workbench.intel.snapshot import SnapshotError

    try:
        found: T = await info.context.run(work)
    except (ValueError, SnapshotError) as error:
        raise GraphQLError(str(error), extensions={"code": "BAD_USER_INPUT"}) from None
    return found


def at_most(first: int, most: int = MOST) -> int:
    """The number of things asked for, if it is one.

    Raises:
        GraphQLError: it is not.
    """
    if not 1 <= first <= most:
        raise GraphQLError(f"first is 1 to {most}, not {first}", extensions={"code": "BAD_USER_INPUT"})
    return first


async def one(info: Info, load: Callable[[Store, Sequence[Any]], dict[Any, T]], key: Any) -> T | None:
    """What ``load`` gives for a key; asked together with what else is asked at this moment."""

    async def found(keys: list[Any]) -> list[T | None]:
        every = await info.context.run(lambda store: load(store, list(dict.fromkeys(keys))))
        return [every.get(each) for each in keys]

    loader: DataLoader[Any, T | None] = _loader(info, load, found)
    return await loader.load(key)


async def several(
    info: Info, load: Callable[[Store, Sequence[Any], int], dict[Any, list[T]]], key: Any, first: int
) -> list[T]:
    """The first of what ``load`` gives for a key; asked together with what else is asked at this moment."""

    async def found(keys: list[tuple[Any, int]]) -> list[list[T]]:
        by_first: dict[int, dict[Any, None]] = defaultdict(dict)
        for name, number in keys:
            by_first[number][name] = None
        answers = await asyncio.gather(
            *(info.context.run(partial(_first_of, load, list(names), n)) for n, names in by_first.items())
        )
        every = dict(zip(by_first, answers, strict=True))
        return [every[number].get(name, []) for name, number in keys]

    loader: DataLoader[Any, list[T]] = _loader(info, load, found)
    return await loader.load((key, at_most(first)))


def _first_of(load: Any, keys: list[Any], first: int, store: Store) -> Any:
    return load(store, keys, first)


def _loader(info: Info, name: Hashable, load: Any) -> DataLoader[Any, Any]:
    """Nothing is kept from one moment to the next: a subscription's later events want the later state."""
    kept: dict[Any, Any] = info.context.cache
    if name not in kept:
        kept[name] = DataLoader(load_fn=load, cache=False)
    loader: DataLoader[Any, Any] = kept[name]
    return loader


def copied(kind: type[T], record: Any, /, **more: Any) -> T:
    """A record of the store as a GraphQL type that has fields of the same names."""
    source: Any = type(record)
    wanted: Any = kind
    return kind(**{name: getattr(record, name) for name in _names(wanted, source) if name not in more}, **more)  # fmt: skip


@cache
def _names(kind: Any, record: Any) -> tuple[str, ...]:
    return tuple(field.name for field in fields(kind) if field.init and hasattr(record, field.name))


def word(kind: Any, value: Any) -> Any:
    """The member of an enumeration that has a value; None for one of a row that somebody wrote by hand."""
    try:
        return kind(value)
    except ValueError:
        return None


def each(kind: type[Enum], values: Iterable[Any]) -> list[Any]:
    """The members of an enumeration that have these values."""
    return [member for value in values if (member := word(kind, value)) is not None]
