"""For whom a report is, and what may be in it: decided before anything is written."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from workbench.secrecy import (
    COMMUNITY,
    PUBLIC,
    TLP,
    Marking,
    Member,
    Organisation,
    Recipient,
    may_receive,
    may_see,
)

if TYPE_CHECKING:
    import psycopg

    from workbench.store import Store

__all__ = ["Audience", "audience_of", "open_store"]


@dataclass(frozen=True, slots=True)
class Audience:
    """Who reads a report: its author (neither ``member`` nor ``recipient``), a ``member`` whom the database knows and as
    whom the store was asked, or a ``recipient`` outside, for whom the rule of :mod:`workbench.secrecy` decides. Nothing is
    above ``cap``; ``own`` is the author's organisation."""

    label: str
    cap: TLP
    member: Member | None = None
    recipient: Recipient | None = None
    own: Organisation = Organisation("")  # noqa: RUF009  frozen

    def admits(self, marking: Marking, *, shown: bool = False) -> bool:
        """Whether a thing so marked may be in the report; ``shown`` tells that the store showed it."""
        if marking.level > self.cap:
            return False
        if self.recipient is not None:
            return may_receive(self.recipient, marking)
        return self.member is None or shown or may_see(self.member, marking)

    @property
    def is_inside(self) -> bool:
        """Whether it stays in the author's organisation: only then the insides of its network are shown."""
        if self.recipient is None and self.member is None:
            return True
        reader = self.recipient if self.recipient is not None else self.member
        whose = reader.organisation if reader is not None else None
        return whose is not None and bool(self.own.name) and whose.name == self.own.name


def audience_of(recipient: Mapping[str, str] | None, store: str | None) -> tuple[Audience, Store | None]:
    """The audience that ``recipient`` describes (``member``, ``tlp``, ``organisation``; nothing: the author
    alone), and the store as that audience sees it, or as the author where the audience is outside of it.

    Raises:
        PermissionError: the login may not act as the member, or is no member itself.
        ValueError: what is asked for does not go together.
        LookupError: there is no such member.
    """
    asked = dict(recipient or {})
    cap = TLP.parse(asked["tlp"]) if "tlp" in asked else TLP.RED
    named = asked.get("member")
    if named:
        if store is None:
            raise ValueError("--for-member asks the store: name it with -p store=…")
        if "organisation" in asked:
            raise ValueError(
                "--for-member and --for-organisation exclude one another: a member has an organisation"
            )
        own = _organisation_of(store)
        opened = open_store(store, named)
        member = opened.me
        return Audience(
            f"{named} of {member.organisation.name}", min(cap, member.clearance), member, own=own
        ), opened
    kept = open_store(store) if store is not None else None
    me = kept.me if kept is not None else None
    own = me.organisation if me else Organisation("")
    if "tlp" not in asked and "organisation" not in asked:
        return Audience(f"{me.role} of {own.name}" if me else "its author", TLP.RED, own=own), kept
    outside = _outside(asked.get("organisation"), cap, own, kept)
    label = (
        str(outside)
        if outside.organisation is None or outside.organisation.name
        else "its author's organisation"
    )
    return Audience(label, cap, recipient=outside, own=own), kept


def _outside(name: str | None, cap: TLP, own: Organisation, store: Store | None) -> Recipient:
    if name is not None:
        if store is not None:
            from workbench.exchange.stix.fromstore import known_recipient

            return known_recipient(store, name)
        return Recipient(Organisation(name))
    if cap <= TLP.GREEN:
        return PUBLIC if cap == TLP.CLEAR else COMMUNITY
    return Recipient(own, store.me.role if store is not None and cap == TLP.RED else None)


def _organisation_of(store: str) -> Organisation:
    try:
        with open_store(store) as opened:
            return opened.me.organisation
    except PermissionError:  # a service's login, which is nobody's
        return Organisation("")


def open_store(where: str, role: str | None = None) -> Store:
    """The store at ``where`` (``local``, a URL, or ``env:NAME``), as ``role`` where that is given.

    Raises:
        PermissionError: the login may not act as ``role``, or that is no active member.
        Unreachable: the server does not answer.
    """
    from workbench.store import Store, connect_store
    from workbench.store.administering.server import as_role, embedded

    if where == "local":
        if role is None:
            return connect_store()
        connect_store().close()
        return Store(as_role(embedded(), role))
    url = os.environ.get(where[4:], "") if where.startswith("env:") else where
    if not url:
        raise ValueError(
            f"the environment variable {where[4:]} is not set: it is to hold the URL of the store"
        )
    return _as_member(url, role) if role else Store(url)


def _as_member(url: str, role: str) -> Store:
    from psycopg import sql

    from workbench.store.connection import Store as Kept

    class _Acting(Kept):
        """Every connection of it is the member's before anything is asked."""

        def _connected(self) -> psycopg.Connection[Any]:
            fresh = self._con is None or self._con.closed
            con = super()._connected()
            if fresh:
                try:
                    con.execute(sql.SQL("SET ROLE {}").format(sql.Identifier(role)))
                except Exception:
                    con.close()
                    raise
            return con

    try:
        opened: Store = _Acting(url)
    except PermissionError as error:
        if "set role" not in str(error):
            raise
        raise PermissionError(
            f"this login may not act as {role}: give one that is in workbench_api, or, for what {role} may have by "
            "the rules of TLP, --for-tlp LEVEL --for-organisation NAME"
        ) from None
    except ValueError as error:
        if "does not exist" in str(error):
            raise LookupError(f"there is no member {role!r} in the store") from None
        raise
    return opened
