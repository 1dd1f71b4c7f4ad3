"""Entities: who and what stands behind addresses, and how."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from workbench.secrecy import TLP
from workbench.store.errors import NotFound
from workbench.store.profiles.profile import SELECT, Profile, note_profiles, profile_of, read_from
from workbench.store.things import NOW, change, create, set_level

if TYPE_CHECKING:
    from workbench.store.connection import Store

__all__ = ["KINDS", "RELATIONS", "SELECT_ENTITY", "Entities", "Entity", "entity_of"]

KINDS = ("person", "organisation", "threat-actor", "malware", "device", "account")
RELATIONS = ("uses", "owns", "controls", "communicates-with", "targets", "hosts", "attributed-to", "related-to")  # fmt: skip
"""STIX 2.1 relationship types, and ``owns``: of the entity to the address."""

SELECT_ENTITY = (
    "SELECT t.id, t.kind, t.name, t.description, (SELECT o.name FROM organisations o WHERE o.id = t.owner) AS owner, "
    "t.secrecy, t.version, t.created_by, t.created_at, t.updated_by, t.updated_at, t.deleted_at FROM entities t"
)


@dataclass(frozen=True, slots=True)
class Entity:
    """A person, organisation, threat actor, malware, device or account."""

    id: UUID
    kind: str
    name: str
    description: str
    owner: str
    secrecy: TLP
    version: int
    created_by: str
    created_at: datetime
    updated_by: str
    updated_at: datetime
    deleted_at: datetime | None


class Entities:
    """The entities that the member may see; those of her own organisation she may change."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def create(
        self, kind: str, name: str, *, description: str = "", secrecy: TLP | str = TLP.AMBER,
        recipients: Iterable[str] = (), reason: str = "created",
    ) -> Entity:  # fmt: skip
        """Make an entity; ``kind`` is one of :data:`KINDS`.

        Raises:
            StoreError: there is no such kind.
            PermissionError: the level is above the member's clearance.
        """
        values = {"kind": kind, "name": name, "description": description}
        return self.get(create(self._store, "entities", values, TLP.parse(secrecy), reason, recipients))

    def get(self, key: UUID) -> Entity:
        """By id.

        Raises:
            NotFound: there is none, or none the member may see.
        """
        found = self._store.read("entities", f"entity {key}", f"{SELECT_ENTITY} WHERE t.id = %s", (key,))
        if not found:
            raise NotFound(f"entity {key}: not found, or not for you")
        return entity_of(found[0])

    def find(
        self, name: str = "", kind: str | None = None, *, limit: int = 100, after: tuple[str, UUID] | None = None
    ) -> list[Entity]:  # fmt: skip
        """Entities whose name begins with ``name``, in order of it; or those ``after`` one of this name and id."""
        last, key = after or (None, None)
        found = self._store.read(
            "entities",
            "entities",
            f"{SELECT_ENTITY} WHERE t.deleted_at IS NULL AND starts_with(lower(t.name), lower(%(name)s)) "
            "AND (%(kind)s::text IS NULL OR t.kind = %(kind)s) AND (%(last)s::text IS NULL OR (t.name, t.id) > (%(last)s, %(key)s)) "
            "ORDER BY t.name, t.id LIMIT %(limit)s",
            {"name": name, "kind": kind, "last": last, "key": key, "limit": limit},
        )
        return [entity_of(row) for row in found]

    def update(self, entity: Entity, **changes: Any) -> Entity:
        """Change ``kind``, ``name`` or ``description``, if it is still as given.

        Raises:
            Conflict, NotFound, PermissionError: as :meth:`workbench.store.profiles.profiles.Profiles.update`.
        """
        change(self._store, "entities", entity.id, entity.version, entity.name, changes, ("kind", "name", "description"))  # fmt: skip
        return self.get(entity.id)

    def delete(self, entity: Entity) -> Entity:
        """Take it out of sight, recoverably."""
        change(self._store, "entities", entity.id, entity.version, entity.name, {"deleted_at": NOW}, ("deleted_at",))  # fmt: skip
        return self.get(entity.id)

    def restore(self, entity: Entity) -> Entity:
        """Undo :meth:`delete`."""
        change(self._store, "entities", entity.id, entity.version, entity.name, {"deleted_at": None}, ("deleted_at",))  # fmt: skip
        return self.get(entity.id)

    def set_secrecy(
        self, entity: Entity, level: TLP | str, reason: str, recipients: Iterable[str] = ()
    ) -> Entity:
        """Raise or lower the level; see :meth:`workbench.store.profiles.profiles.Profiles.set_secrecy`."""
        set_level(self._store, "entities", entity.id, entity.version, level, reason, recipients)
        return self.get(entity.id)

    def link(self, entity: Entity, profile: Profile, relation: str, *, note: str = "") -> bool:
        """Say how an entity of the member's organisation relates to a profile; whether it was not said before.

        Raises:
            StoreError: ``relation`` is none of :data:`RELATIONS`.
            PermissionError: the entity is another organisation's, or one of the two is not to be seen.
        """
        return self._store.run(
            f"entity {entity.name!r}",
            lambda con: (
                con.execute(
                    "INSERT INTO entity_profiles (entity, profile, relation, note) VALUES (%s, %s, %s, %s) ON CONFLICT DO NOTHING",
                    (entity.id, profile.id, relation, note),
                ).rowcount
                == 1
            ),
        )

    def unlink(self, entity: Entity, profile: Profile, relation: str) -> bool:
        """Undo :meth:`link`; whether there was such a link."""
        return self._store.run(
            f"entity {entity.name!r}",
            lambda con: (
                con.execute(
                    "DELETE FROM entity_profiles WHERE entity = %s AND profile = %s AND relation = %s",
                    (entity.id, profile.id, relation),
                ).rowcount
                == 1
            ),
        )

    def of(self, profile: Profile) -> list[tuple[str, Entity]]:
        """The entities of a profile, each with its relation to it."""
        found = self._store.read(
            "entities",
            "entities of a profile",
            f"SELECT l.relation, e.* FROM entity_profiles l JOIN ({SELECT_ENTITY} WHERE t.deleted_at IS NULL) e ON e.id = l.entity "
            "WHERE l.profile = %s ORDER BY l.relation, e.name",
            (profile.id,),
            column=1,
        )
        return [(row[0], entity_of(row[1:])) for row in found]

    def profiles(self, entity: Entity) -> list[tuple[str, Profile]]:
        """The profiles of an entity, each with its relation to it, worst first."""

        def work(con: Any) -> list[Any]:
            rows: list[Any] = con.execute(
                f"SELECT {SELECT}, l.relation FROM entity_profiles l JOIN profiles p ON p.id = l.profile "
                "WHERE l.entity = %s AND p.deleted_at IS NULL ORDER BY p.rank DESC, p.id",
                (entity.id,),
            ).fetchall()
            note_profiles(con, "entity", rows)
            return rows

        rows = self._store.run("profiles of an entity", work)
        return [(row[-1], read_from(self._store, profile_of(row[:-1]))) for row in rows]


def entity_of(row: Any) -> Entity:
    """A row of :data:`SELECT_ENTITY` as an entity."""
    values = list(row)
    values[5] = TLP(values[5])
    return Entity(*values)
