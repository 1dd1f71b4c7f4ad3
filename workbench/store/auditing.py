"""The audit: who read and wrote what. It is only ever added to."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from workbench.store.profiles.profile import Profile

if TYPE_CHECKING:
    from workbench.store.connection import Store

__all__ = ["Act", "Audit"]


@dataclass(frozen=True, slots=True)
class Act:
    """One line: ``actor`` (a member, logged in as ``login``) did ``action`` to ``subject``, a row of ``kind``.

    ``read`` has the text of a statement and no subject; ``read row`` names what a statement of this library gave.
    """

    at: datetime
    actor: str
    login: str
    action: str
    kind: str | None
    subject: UUID | None
    detail: dict[str, Any] | None
    statement: str | None


class Audit:
    """What the member did herself, and what was done in her organisation to what she may see."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def of(self, profile: Profile, *, limit: int = 1000) -> list[Act]:
        """What was done to a profile, newest first."""
        return self._acts("subject = %s", profile.id, limit)

    def by(self, role: str, *, limit: int = 1000) -> list[Act]:
        """What a member did, newest first."""
        return self._acts("actor = %s", role, limit)

    def _acts(self, condition: str, value: Any, limit: int) -> list[Act]:
        rows = self._store.rows(
            "the audit",
            "SELECT at, actor, login, action, kind, subject, detail, statement FROM audit "
            f"WHERE {condition} ORDER BY at DESC LIMIT %s",
            (value, limit),
        )
        return [Act(*row) for row in rows]
