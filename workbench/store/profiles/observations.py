"""What hangs on a profile: evidence, sightings, and the digital footprint of the address."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar
from uuid import UUID

from workbench.store.profiles.profile import Profile

if TYPE_CHECKING:
    from workbench.store.connection import Store

__all__ = ["Evidence", "Footprint", "Observations", "Sighting"]


@dataclass(frozen=True, slots=True)
class Evidence:
    """Why somebody thinks something of an address. ``category`` is one of :class:`workbench.intel.Category`,
    ``confidence`` 0-1, ``stix_id`` the object it came with."""

    table: ClassVar[str] = "evidence"
    source: str
    category: str
    entry: str | None = None
    label: str | None = None
    confidence: float | None = None
    first_seen: datetime | None = None
    last_seen: datetime | None = None
    licence: str | None = None
    stix_id: str | None = None
    id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Sighting:
    """That an address was seen: ``count`` times between two moments, by ``sensor``, busy with ``target``."""

    table: ClassVar[str] = "sightings"
    first_seen: datetime
    last_seen: datetime
    count: int = 1
    sensor: str = ""
    target: str = ""
    id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Footprint:
    """A trace of an address elsewhere. ``kind`` is hostname, domain, url, account, device or certificate."""

    table: ClassVar[str] = "footprint"
    kind: str
    value: str
    source: str
    first_seen: datetime | None = None
    last_seen: datetime | None = None
    id: UUID | None = None


T = TypeVar("T", bound="Evidence | Sighting | Footprint")


class Observations(Generic[T]):
    """Those of one kind. Profiles of the member's own organisation may be added to."""

    def __init__(self, store: Store, kind: type[T]) -> None:
        self._store = store
        self._kind = kind
        self._columns = [field.name for field in fields(kind) if field.name != "id"]

    def of(self, profile: Profile) -> list[T]:
        """All of a profile, latest first."""
        order = "last_seen" if self._kind is Sighting else "recorded_at"
        found = self._store.read(
            "profiles",
            self._kind.table,
            f"SELECT profile, {', '.join(self._columns)}, id FROM {self._kind.table} WHERE profile = %s ORDER BY {order} DESC, id",
            (profile.id,),
        )
        return [self._kind(*row[1:]) for row in found]

    def add(self, profile: Profile, *observed: T) -> int:
        """Add to a profile; how many are new. A footprint that its source told before is not told twice.

        Raises:
            StoreError: a value is outside its bounds; the message names them.
            PermissionError: the profile is another organisation's.
        """
        return self.add_all((profile, item) for item in observed)

    def add_all(self, observed: Iterable[tuple[Profile, T]]) -> int:
        """Add to many profiles, all or none; see :meth:`add`."""
        rows = [(profile.id, *(getattr(item, name) for name in self._columns)) for profile, item in observed]
        places = ", ".join(["%s"] * (len(self._columns) + 1))
        query = f"INSERT INTO {self._kind.table} (profile, {', '.join(self._columns)}) VALUES ({places})" + (
            " ON CONFLICT DO NOTHING" if self._kind is Footprint else ""
        )

        def work(con: Any) -> int:
            with con.cursor() as cursor:
                cursor.executemany(query, rows)
                return int(cursor.rowcount)

        return self._store.run(self._kind.table, work, repeatable=self._kind is Footprint) if rows else 0

    def remove(self, observed: Iterable[T]) -> int:
        """Remove some; how many were there. The audit keeps what they said."""
        ids = [item.id for item in observed if item.id is not None]
        return self._store.run(
            self._kind.table,
            lambda con: (
                con.execute(f"DELETE FROM {self._kind.table} WHERE id = ANY (%s::uuid[])", (ids,)).rowcount
            ),
        )
