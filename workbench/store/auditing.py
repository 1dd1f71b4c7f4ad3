"""The audit: who read and wrote what. It is only ever added to."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from workbench.store.profiles.profile import Profile

if TYPE_CHECKING:
    from workbench.store.connection import Store

__all__ = ["ACTIONS", "MOST", "Act", "Audit"]

MOST = 10_000
ACTIONS = {
    "read": "a statement of her own read, whatever it was",
    "read row": "a thing of TLP:AMBER or above was read",
    "read elsewhere": "another organisation read a thing of TLP:AMBER or above; once a day, without saying who",
    "create": "a thing was made",
    "update": "a thing was changed",
    "delete": "a thing was deleted, recoverably",
    "restore": "a deleted thing was brought back",
    "set secrecy": "its level was set, for a reason",
    "add": "something was hung on a profile: evidence, a sighting, footprint, a link",
    "remove": "such a thing was taken away",
    "raise": "an alert was raised",
    "acknowledged": "somebody looks after an alert",
    "closed": "an alert is done with",
}
"""What there is to do, in words."""

_NAMES = {"profiles": "abbrev(address)", "investigations": "name", "entities": "name", "watchlists": "name"}
_ON_PROFILES = ("evidence", "sightings", "footprint", "investigation_profiles", "entity_profiles")


@dataclass(frozen=True, slots=True)
class Act:
    """One line: ``actor`` (a member, logged in as ``login``, of ``organisation``) did ``action`` to ``subject``, a row of
    ``kind`` or, where that is a kind of what hangs on profiles, a profile.

    ``read`` has the text of a statement and no subject; ``read row`` names what a statement of this library gave, and
    ``read elsewhere`` what members of another organisation read, without an actor.
    """

    at: datetime
    actor: str | None
    login: str | None
    action: str
    kind: str | None
    subject: UUID | None
    detail: dict[str, Any] | None
    statement: str | None
    organisation: str | None
    id: UUID

    @property
    def on(self) -> str | None:
        """The kind of thing that ``subject`` is: ``profiles``, ``investigations``, ``entities``, ``watchlists`` or ``alerts``."""
        return "profiles" if self.kind in _ON_PROFILES else self.kind


class Audit:
    """What the member did herself, what was done in her organisation to what she may see, and which other
    organisations read that of her own."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def of(self, profile: Profile, *, limit: int = 1000) -> list[Act]:
        """What was done to a profile, newest first."""
        return self.search(things=[profile.id], limit=limit)

    def by(self, role: str, *, limit: int = 1000) -> list[Act]:
        """What a member did, newest first."""
        return self.search(member=role, limit=limit)

    def search(
        self,
        *,
        things: Iterable[UUID] | None = None,
        member: str | None = None,
        actions: Iterable[str] | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int = 100,
        after: tuple[datetime, UUID] | None = None,
    ) -> list[Act]:
        """Lines that meet every condition, newest first, up to ``limit`` (10,000 at most): of any of some ``things``, by a
        ``member``, of some ``actions`` (:data:`ACTIONS`), from ``since`` on and before ``until``. A page goes on
        ``after`` the time and id of the last line of the page before.

        Raises:
            ValueError: an action is none, a time has no zone, or the limit is too large.
        """
        wanted = None if actions is None else list(actions)
        for action in wanted or ():
            if action not in ACTIONS:
                raise ValueError(f"no action {action!r}; there are: {', '.join(ACTIONS)}")
        for name, moment in (("since", since), ("until", until)):
            if moment is not None and moment.tzinfo is None:
                raise ValueError(f"{name}: {moment} has no time zone")
        if not 1 <= limit <= MOST:
            raise ValueError(f"limit is 1 to {MOST:,}, not {limit}")
        place = after or (None, None)
        values = (None if things is None else list(things), member, wanted, since, until, *place, limit)

        def work(con: Any) -> list[Any]:
            query = "SELECT audit_lines(%s::uuid[], %s, %s::text[], %s, %s, %s, %s, %s)"
            (ids,) = con.execute(query, values).fetchone()
            found: list[Any] = con.execute(
                "SELECT a.at, nullif(a.actor, ''), nullif(a.login, ''), a.action, a.kind, a.subject, a.detail, a.statement, "
                "CASE WHEN a.action = 'read elsewhere' THEN a.detail ->> 'organisation' ELSE o.name END, a.id "
                "FROM unnest(%s::uuid[]) AS l (id) CROSS JOIN LATERAL (SELECT * FROM audit WHERE id = l.id LIMIT 1) AS a "
                "LEFT JOIN members m ON m.role = a.actor LEFT JOIN organisations o ON o.id = m.organisation "
                "ORDER BY a.at DESC, a.id DESC",
                (ids,),
            ).fetchall()
            return found

        return [Act(*row) for row in self._store.run("the audit", work)]

    def at(self, address: str) -> list[UUID]:
        """The profiles of an address or network that the member may see, deleted ones too."""
        query = "SELECT id FROM profiles WHERE address = %s::inet"
        return [row[0] for row in self._store.rows(f"profiles of {address}", query, (address,))]

    def names(self, acts: Sequence[Act]) -> dict[UUID, str]:
        """The addresses of the profiles and the names of the things that lines are about, as far as the member may see
        them; that she read those of AMBER and above is written down."""
        named: dict[UUID, str] = {}
        for kind, name in _NAMES.items():
            ids = list({act.subject for act in acts if act.on == kind and act.subject is not None})
            if ids:
                query = f"SELECT id, {name} FROM {kind} WHERE id = ANY (%s)"
                named |= dict(self._store.read(kind, "audit", query, (ids,)))
        return named
