"""Bringing a case file and a store together."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit, urlunsplit

from workbench.frames.interrupts import is_ctrl_c
from workbench.intel.home import home
from workbench.store.errors import StoreError, Unreachable
from workbench.store.syncing import feed
from workbench.store.syncing.casefile import SCHEMA, CaseFile
from workbench.store.syncing.pulling import pull
from workbench.store.syncing.pushing import push

if TYPE_CHECKING:
    from workbench.store.connection import Store

__all__ = ["Synced", "sync", "sync_with"]

ROUNDS = 5
ATTEMPTS = 4


@dataclass(slots=True)
class Synced:
    """What a sync did, in profiles. ``whole`` says why everything was compared, if it was; ``unsettled`` is how many
    conflicts there are now."""

    pulled: int = 0
    merged: int = 0
    created: int = 0
    pushed: int = 0
    refused: int = 0
    revoked: int = 0
    unsettled: int = 0
    whole: str | None = None

    def __str__(self) -> str:
        parts = [
            f"{count:,} {what}"
            for count, what in (
                (self.pulled, "pulled"),
                (self.merged, "of them merged with yours"),
                (self.created, "created"),
                (self.pushed, "pushed"),
                (self.refused, "refused"),
                (self.revoked, "no longer for you and removed"),
                (self.unsettled, "to settle: see case.conflicts()"),
            )
            if count
        ]
        return (", ".join(parts) or "nothing new on either side") + (f" ({self.whole})" if self.whole else "")

    __repr__ = __str__


def sync(store: Store, file: CaseFile, progress: Callable[[str, int, int], None] | None = None) -> Synced:
    """Pull and push until both sides agree, but for what is to be settled.

    ``progress`` is called with what is being done, how much of it is done and how much there is. A sync that is
    stopped, at any point, is gone on with by the next.

    Raises:
        StoreError: the case goes with another store, organisation or member.
        Unreachable: the server went away, and did not come back; what was done is kept.
    """
    told = progress or (lambda *_: None)
    for attempt in range(ATTEMPTS):
        try:
            return _sync(store, file, told)
        except BaseException as error:
            if is_ctrl_c(error):
                file.abandon()
                if isinstance(error, KeyboardInterrupt):
                    raise
                raise KeyboardInterrupt from None
            if not isinstance(error, Unreachable) or attempt == ATTEMPTS - 1:
                raise
            time.sleep(0.2 * 2**attempt * (1 + random.random()))  # noqa: S311
    raise AssertionError


def sync_with(
    url: str | None, file: CaseFile, progress: Callable[[str, int, int], None] | None = None
) -> Synced:
    """:func:`sync` with the store at ``url``, or that of the last time, or the one on this machine."""
    from workbench.store import connect_store

    with connect_store(url or file.meta().get("url")) as store:
        return sync(store, file, progress)


def _sync(store: Store, file: CaseFile, told: Callable[[str, int, int], None]) -> Synced:
    outcome = Synced()
    for _ in range(ROUNDS):
        stand = feed.standing(store)
        if file.meta().get("purge"):
            _purge(file)
        since, why = _bind(file, stand)
        outcome.whole = outcome.whole or why
        pulled = pull(store, file, stand, since, lambda done, total: told("pulling", done, total))
        file.remember(
            cursor=stand.cursor, audiences=stand.audiences, lineage=stand.lineage, url=_kept(store.url)
        )
        outcome.pulled += pulled.taken
        outcome.merged += pulled.merged
        outcome.revoked += pulled.revoked
        if file.meta().get("purge"):
            _purge(file)
        waiting, done = len(file.rows("dirty")), 0

        def one_more(count: int, waiting: int = waiting) -> None:
            nonlocal done
            done += count
            told("pushing", done, waiting)

        pushed = push(store, file, one_more)
        outcome.created += pushed.created
        outcome.pushed += pushed.changed
        outcome.refused = pushed.refused
        if not pushed.stale:
            break
    outcome.unsettled = len(file.conflicts())
    return outcome


def _bind(file: CaseFile, stand: feed.Standing) -> tuple[int | None, str | None]:
    """Hold the file to its store, organisation and member; since which transaction to ask, or why for everything."""
    file.make()
    meta = file.meta()
    if "store" not in meta:
        with file.transaction():
            file.remember(
                store=stand.store,
                organisation=stand.organisation,
                organisation_name=stand.organisation_name,
                member=stand.member,
            )
            file.con.execute(
                f"UPDATE {SCHEMA}.profiles SET owner = ?, created_by = ?, updated_by = ?",
                [stand.organisation_name, stand.member, stand.member],
            )
        return None, None
    if (meta["store"], meta["organisation"], meta["member"]) != (
        stand.store,
        stand.organisation,
        stand.member,
    ):
        other = "another store, " if meta["store"] != stand.store else ""
        raise StoreError(
            f"this case goes with {meta['member']} of {meta['organisation_name']}, and this is {other}{stand.member} of "
            f"{stand.organisation_name}: nothing was exchanged; connect as {meta['member']}, or open another case file"
        )
    if meta["organisation_name"] != stand.organisation_name:
        with file.transaction():
            file.remember(organisation_name=stand.organisation_name)
            file.con.execute(
                f"UPDATE {SCHEMA}.profiles SET owner = ? WHERE owner = ?",
                [stand.organisation_name, meta["organisation_name"]],
            )
    if "cursor" not in meta:
        return None, None
    if meta.get("lineage") != stand.lineage or int(meta["cursor"]) > stand.newest:
        with file.transaction():
            file.forget_versions()
            file.remember(cursor=None)
        return None, "the server was restored or moved: everything was compared"
    if meta.get("audiences") != stand.audiences:
        return None, "what you may see has changed: everything was compared"
    return int(meta["cursor"]), None


def _purge(file: CaseFile) -> None:
    file.purge()
    file.remember(purge=None)


def _kept(url: str) -> str | None:
    """The URL as it may be written down: without a password, and not that of the server on this machine, which is
    to be started first."""
    parts = urlsplit(url)
    if str(home() / "store") in unquote(parts.query):
        return None
    who, at, where = parts.netloc.rpartition("@")
    query = urlencode(
        [(n, v) for n, v in parse_qsl(parts.query) if n.lower() not in ("password", "sslpassword")]
    )
    return urlunsplit((parts.scheme, who.partition(":")[0] + at + where, parts.path, query, ""))
