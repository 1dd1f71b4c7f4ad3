"""Things by their ids, of whatever kind they are."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any
from uuid import UUID

from workbench.api.schema.alerts import Alert, Watchlist
from workbench.api.schema.asking import Info, one
from workbench.api.schema.hanging import Evidence, Footprint, Sighting
from workbench.api.schema.matters import Entity, Investigation
from workbench.api.schema.nodes import Node
from workbench.api.schema.profiles import IpProfile
from workbench.store import Store
from workbench.store.profiles import observations
from workbench.store.serving import together

__all__ = ["by_id", "by_text"]


def _observed(kind: Any, store: Store, ids: Sequence[UUID]) -> dict[UUID, Any]:
    return together.observed_by_id(store, kind, ids)


_OF: dict[str, tuple[Any, Any]] = {
    "profiles": (together.profiles, IpProfile.of),
    "investigations": (together.investigations, Investigation.of),
    "entities": (together.entities, Entity.of),
    "watchlists": (together.watchlists, Watchlist.of),
    "alerts": (together.alerts, Alert.of),
    "evidence": (partial(_observed, observations.Evidence), lambda found: Evidence.of(found[1])),
    "sightings": (partial(_observed, observations.Sighting), lambda found: Sighting.of(found[1])),
    "footprint": (partial(_observed, observations.Footprint), lambda found: Footprint.of(*found)),
}


async def by_text(info: Info, text: str) -> Node | None:
    """The thing of an id, or None where there is none for the one who asks."""
    try:
        key = UUID(text) if len(text) == 36 else None
    except ValueError:
        key = None
    kind = await _kind(info, key) if key else None
    return await by_id(info, kind, key) if kind and key else None


async def _kind(info: Info, key: UUID) -> str | None:
    return await one(info, together.kinds_of, key)


async def by_id(info: Info, kind: str, key: UUID) -> Node | None:
    """The same of an id whose table is known."""
    if kind not in _OF:
        return None
    load, made = _OF[kind]
    found: Any = await one(info, load, key)
    thing: Node | None = made(found) if found else None
    return thing
