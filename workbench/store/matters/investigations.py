"""Investigations: what profiles are linked to."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from workbench.secrecy import TLP
from workbench.store.errors import NotFound
from workbench.store.profiles.profile import SELECT, Profile, note_profiles, profile_of, read_from
from workbench.store.things import OWN, change, create, set_level

if TYPE_CHECKING:
    from workbench.store.connection import Store

__all__ = ["SELECT_INVESTIGATION", "Investigation", "Investigations", "investigation_of"]

SELECT_INVESTIGATION = (
    "SELECT t.id, t.name, t.description, t.state, (SELECT o.name FROM organisations o WHERE o.id = t.owner) AS owner, "
    "t.secrecy, t.version, t.created_by, t.created_at, t.updated_by, t.updated_at, t.deleted_at FROM investigations t"
)


@dataclass(frozen=True, slots=True)
class Investigation:
    """A matter under investigation; ``state`` is open or closed."""

    id: UUID
    name: str
    description: str
    state: str
    owner: str
    secrecy: TLP
    version: int
    created_by: str
    created_at: datetime
    updated_by: str
    updated_at: datetime
    deleted_at: datetime | None

    def __str__(self) -> str:
        return f"{self.name}: {self.state}, {self.secrecy}"

    __repr__ = __str__


class Investigations:
    """The investigations that the member may see; those of her own organisation she may change."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def create(
        self, name: str, *, description: str = "", secrecy: TLP | str = TLP.AMBER,
        recipients: Iterable[str] = (), reason: str = "created",
    ) -> Investigation:  # fmt: skip
        """Open an investigation.

        Raises:
            StoreError: the organisation has one of this name at this level.
            PermissionError: the level is above the member's clearance.
        """
        made = create(self._store, "investigations", {"name": name, "description": description}, TLP.parse(secrecy), reason, recipients)  # fmt: skip
        return self.get(made)

    def get(self, key: UUID | str) -> Investigation:
        """By id or by name; of several of one name the member's own organisation's comes first.

        Raises:
            NotFound: there is none, or none the member may see.
        """
        condition = "t.id = %s" if isinstance(key, UUID) else "t.name = %s AND t.deleted_at IS NULL"
        order = f" ORDER BY t.owner = {OWN} DESC, t.secrecy DESC LIMIT 1"
        found = self._store.read(
            "investigations",
            f"investigation {key}",
            f"{SELECT_INVESTIGATION} WHERE {condition}{order}",
            (key,),
        )
        if not found:
            raise NotFound(f"investigation {key}: not found, or not for you")
        return investigation_of(found[0])

    def all(
        self, *, state: str | None = None, limit: int | None = None, after: tuple[datetime, UUID] | None = None
    ) -> list[Investigation]:  # fmt: skip
        """All the member may see, newest first; or those ``after`` one that was created then and has this id."""
        at, key = after or (None, None)
        found = self._store.read(
            "investigations",
            "investigations",
            f"{SELECT_INVESTIGATION} WHERE t.deleted_at IS NULL AND (%(state)s::text IS NULL OR t.state = %(state)s) "
            "AND (%(at)s::timestamptz IS NULL OR t.created_at < %(at)s OR t.created_at = %(at)s AND t.id > %(key)s) "
            "ORDER BY t.created_at DESC, t.id LIMIT %(limit)s",
            {"state": state, "at": at, "key": key, "limit": limit},
        )
        return [investigation_of(row) for row in found]

    def update(self, investigation: Investigation, **changes: Any) -> Investigation:
        """Change ``name``, ``description`` or ``state``, if it is still as given.

        Raises:
            Conflict, NotFound, PermissionError: as :meth:`workbench.store.profiles.profiles.Profiles.update`.
        """
        change(
            self._store, "investigations", investigation.id, investigation.version, investigation.name, changes,
            ("name", "description", "state"),
        )  # fmt: skip
        return self.get(investigation.id)

    def set_secrecy(
        self, investigation: Investigation, level: TLP | str, reason: str, recipients: Iterable[str] = ()
    ) -> Investigation:
        """Raise or lower the level; see :meth:`workbench.store.profiles.profiles.Profiles.set_secrecy`."""
        set_level(self._store, "investigations", investigation.id, investigation.version, level, reason, recipients)  # fmt: skip
        return self.get(investigation.id)

    def link(self, investigation: Investigation, *profiles: Profile, note: str = "") -> int:
        """Link profiles to an investigation of the member's organisation; how many were not linked before.

        Raises:
            PermissionError: the investigation is another organisation's, or a profile is not to be seen.
        """
        return self._store.run(
            f"investigation {investigation.name!r}",
            lambda con: (
                con.execute(
                    "INSERT INTO investigation_profiles (investigation, profile, note) "
                    "SELECT %s, unnest(%s::uuid[]), %s ON CONFLICT DO NOTHING",
                    (investigation.id, [profile.id for profile in profiles], note),
                ).rowcount
            ),
        )

    def unlink(self, investigation: Investigation, *profiles: Profile) -> int:
        """Undo :meth:`link`; how many were linked."""
        return self._store.run(
            f"investigation {investigation.name!r}",
            lambda con: (
                con.execute(
                    "DELETE FROM investigation_profiles WHERE investigation = %s AND profile = ANY (%s::uuid[])",
                    (investigation.id, [profile.id for profile in profiles]),
                ).rowcount
            ),
        )

    def profiles(self, investigation: Investigation) -> list[Profile]:
        """Every linked profile the member may see, worst first."""

        def work(con: Any) -> list[Any]:
            rows: list[Any] = con.execute(
                f"SELECT {SELECT} FROM investigation_profiles l JOIN profiles p ON p.id = l.profile "
                "WHERE l.investigation = %s AND p.deleted_at IS NULL ORDER BY p.rank DESC, p.id",
                (investigation.id,),
            ).fetchall()
            note_profiles(con, "investigation", rows)
            return rows

        rows = self._store.run("profiles of an investigation", work)
        return [read_from(self._store, profile_of(row)) for row in rows]

    def of(self, profile: Profile) -> list[Investigation]:
        """The investigations a profile is linked to."""
        found = self._store.read(
            "investigations",
            "investigations of a profile",
            f"{SELECT_INVESTIGATION} JOIN investigation_profiles l ON l.investigation = t.id "
            "WHERE l.profile = %s AND t.deleted_at IS NULL ORDER BY t.name",
            (profile.id,),
        )
        return [investigation_of(row) for row in found]


def investigation_of(row: Any) -> Investigation:
    """A row of :data:`SELECT_INVESTIGATION` as an investigation."""
    values = list(row)
    values[5] = TLP(values[5])
    return Investigation(*values)
