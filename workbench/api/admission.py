"""Who is let in: a good token, of an active member, from a country she may ask from."""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from workbench.api.context import Client, Context
from workbench.api.errors import Denied, Unauthenticated

if TYPE_CHECKING:
    from workbench.api.changes import Changes
    from workbench.api.context import Workers
    from workbench.api.settings import Settings
    from workbench.api.tokens import Grant, Verifier
    from workbench.secrecy import Member
    from workbench.store.serving.acting import Pool

__all__ = ["Admission", "country_of", "token_of"]

log = logging.getLogger("workbench.api")
FRESH_SECONDS = 2
MOST = 10_000


@dataclass(frozen=True, slots=True)
class _Standing:
    member: Member
    countries: frozenset[str] | None
    asked: float


class Admission:
    """Makes the context of whoever shows a good token. What the store says of a member is asked again after
    :data:`FRESH_SECONDS`; what she may see, the database decides in every transaction anyway."""

    def __init__(self, settings: Settings, verifier: Verifier, pool: Pool, workers: Workers, changes: Changes) -> None:  # fmt: skip
        self._settings = settings
        self._verifier = verifier
        self._pool = pool
        self._workers = workers
        self._changes = changes
        self._standings: dict[str, _Standing] = {}
        self._asking: dict[str, asyncio.Future[_Standing]] = {}

    async def admit(self, token: str | None, client: Client, request_id: str) -> Context:
        """The context for a token, from a client.

        Raises:
            Unauthenticated: no token, or none that is good.
            Denied: no active member, or not from this country.
            Unreachable: the store does not answer.
        """
        if token is None:
            raise Unauthenticated("a token is needed: Authorization: Bearer …")
        grant = await self._verifier.verify(token)
        member = await self.still(grant, client)
        return Context(
            member, self._pool.act_as(grant.role), client, grant, self._settings, self._changes, self._workers, request_id
        )  # fmt: skip

    async def still(self, grant: Grant, client: Client) -> Member:
        """Check a grant again: that it has not ended or been revoked, that she is a member, and from where.

        Raises:
            Unauthenticated, Denied, Unreachable: as above.
        """
        self._verifier.check(grant)
        standing = await self._standing(grant.role)
        if standing.countries is not None and client.country not in standing.countries:
            where = client.country or "an unknown country"
            raise Denied(f"you may not ask from {where}: the store's administrator set from where")
        return standing.member

    def forget(self) -> None:
        """Ask the store of every member anew."""
        self._standings.clear()

    async def _standing(self, role: str) -> _Standing:
        found = self._standings.get(role)
        if found is not None and time.monotonic() - found.asked < FRESH_SECONDS:
            return found
        if role not in self._asking:
            # Of all who ask for the same member at once, one asks the store.
            self._asking[role] = asyncio.ensure_future(self._ask(role))
        return await asyncio.shield(self._asking[role])

    async def _ask(self, role: str) -> _Standing:
        try:
            member, countries = await self._workers.run(self._pool.act_as(role).standing)
        except PermissionError:
            self._standings.pop(role, None)
            raise Denied("the token is of nobody who is an active member of this store") from None
        finally:
            self._asking.pop(role, None)
        if len(self._standings) > MOST:
            self._standings.clear()
        found = self._standings[role] = _Standing(member, countries, time.monotonic())
        return found


def token_of(authorization: str | None) -> str | None:
    """The token of an ``Authorization: Bearer`` header, or None."""
    kind, _, token = (authorization or "").strip().partition(" ")
    return token.strip() or None if kind.lower() == "bearer" else None


def country_of(address: str) -> str | None:
    """ISO 3166-1 alpha-2 code by the current snapshot, or None where that does not know or cannot be read."""
    from workbench.enrichment import open_engine
    from workbench.intel import SnapshotError

    try:
        return _country(open_engine().snapshot.id, address)
    except (SnapshotError, OSError) as error:
        log.warning("the country of a client is not known", extra={"error": type(error).__name__})
        return None


@lru_cache(maxsize=10_000)
def _country(snapshot: str, address: str) -> str | None:
    from workbench.enrichment import open_engine

    found: str | None = open_engine(snapshot).enrich([address]).column("country")[0].as_py()
    return found
