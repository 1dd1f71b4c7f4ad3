"""A store acted on for members: one pool of connections of a login that may take on every member's role."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from workbench.store.connection import SESSION, TIMEOUT_SECONDS, Store
from workbench.store.errors import StoreError, plain

if TYPE_CHECKING:
    import psycopg

    from workbench.secrecy import Member

__all__ = ["ActingStore", "Pool", "is_member"]

NOBODY = "the role is nobody who is a member of this store"


class Pool:
    """Connections of a login that is in ``workbench_api``: by itself it sees nothing, and for each transaction it
    takes on a member's role. Safe to share between threads.

    A statement longer than ``statement_seconds`` is ended by the server.

    Raises:
        Unreachable: the server does not answer.
        StoreError: the login sees more than it should, or is none of ``workbench_api``.
    """

    def __init__(self, url: str, size: int = 10, *, statement_seconds: float = 30) -> None:
        from psycopg_pool import ConnectionPool

        self.url = url
        self.size = size
        limits = f" -c statement_timeout={int(statement_seconds * 1000)} -c idle_in_transaction_session_timeout=60s"
        self._checking = threading.Lock()
        self._pool: ConnectionPool[psycopg.Connection[Any]] = ConnectionPool(
            url,
            kwargs={**SESSION, "autocommit": True, "options": SESSION["options"] + limits},
            min_size=min(2, size),
            max_size=size,
            timeout=TIMEOUT_SECONDS,
            reconnect_timeout=TIMEOUT_SECONDS,
            open=False,
            name="workbench",
        )
        _check_login(url)
        with plain("the store"):
            self._pool.open(wait=True, timeout=TIMEOUT_SECONDS)

    def close(self) -> None:
        """Let all connections go; those in use are closed as they come back."""
        self._pool.close(TIMEOUT_SECONDS)

    def act_as(self, role: str) -> ActingStore:
        """The store as the member ``role`` sees it; nothing is asked of the server yet."""
        return ActingStore(self, role)

    def busy(self) -> int:
        """How many transactions wait for a connection."""
        return int(self._pool.get_stats().get("requests_waiting", 0))

    def ping(self) -> None:
        """Ask the server for nothing.

        Raises:
            Unreachable: it does not answer.
        """
        with plain("the store"), self._pool.connection(timeout=3) as con:
            con.execute("SELECT 1")

    @contextmanager
    def transaction(self, role: str) -> Iterator[psycopg.Connection[Any]]:
        """A transaction in which the connection is ``role`` and nobody else.

        Raises:
            PermissionError: there is no such role, or the login may not act for it.
        """
        import psycopg
        from psycopg import errors, sql

        # "none" would be the login itself, and what is too long would be cut.
        if role.lower() == "none" or not 0 < len(role.encode()) <= 63 or "\0" in role:
            raise PermissionError(NOBODY)
        begin = sql.SQL("BEGIN; SET LOCAL ROLE {}").format(sql.Identifier(role))
        with self._pool.connection() as con:
            try:
                try:
                    con.execute(begin, prepare=False)  # in one message
                except (errors.InvalidParameterValue, errors.InsufficientPrivilege):
                    raise PermissionError(NOBODY) from None
                yield con
            except BaseException:
                with contextlib.suppress(psycopg.Error):
                    con.rollback()
                raise
            con.commit()

    def drop_broken(self) -> None:
        """After a lost connection: find out which others are lost as well. One thread does it for all."""
        if self._checking.acquire(blocking=False):
            try:
                self._pool.check()
            finally:
                self._checking.release()


class ActingStore(Store):
    """A :class:`~workbench.store.connection.Store` whose transactions are those of one member, on a connection
    that others use before and after. Everything else is as there; opening it asks nothing of the server.

    Raises, when it is used:
        PermissionError: the role is no active member, or not one that the login may take on.
    """

    def __init__(self, pool: Pool, role: str) -> None:
        self.url = pool.url
        self.role = role
        self._pool = pool

    def __repr__(self) -> str:
        return f"<Store, acted on for {self.role}>"

    def close(self) -> None:
        """Nothing to let go: the connections are the pool's."""

    def standing(self) -> tuple[Member, frozenset[str] | None]:
        """The member, and the countries (ISO 3166-1 alpha-2) she may ask from; None: any.

        Raises:
            PermissionError: the role is no active member, or not one that the login may take on.
        """

        def work(con: psycopg.Connection[Any]) -> tuple[Member, frozenset[str] | None]:
            # A role may be taken on and yet be no member: that of the API itself.
            (usable,) = con.execute("SELECT pg_has_role('workbench_member', 'USAGE')").fetchone() or (False,)
            if not usable:
                raise PermissionError(NOBODY)
            member = self._identity(con)[1]
            row = con.execute("SELECT countries::text[] FROM clearances WHERE role = current_user").fetchone()
            return member, frozenset(row[0]) if row and row[0] is not None else None

        return self.run("your membership", work)

    @contextmanager
    def _transaction(self) -> Iterator[psycopg.Connection[Any]]:
        with self._pool.transaction(self.role) as con:
            yield con

    def _forget(self) -> None:
        self._pool.drop_broken()


def is_member(url: str, role: str) -> bool:
    """Whether the database role is that of a member, as any login may ask.

    Raises:
        Unreachable: there is no such store.
    """
    import psycopg

    with plain("the store"), psycopg.connect(url, **{**SESSION, "autocommit": True}) as con:
        found = con.execute(
            "SELECT EXISTS (SELECT FROM pg_auth_members g JOIN pg_roles r ON r.oid = g.member JOIN pg_roles m ON m.oid = g.roleid "
            "WHERE r.rolname = %s AND m.rolname = 'workbench_member')",
            (role,),
        ).fetchone()
    return bool(found and found[0])


def _check_login(url: str) -> None:
    """One connection first: its error says more than that of a pool that was not filled."""
    import psycopg

    with plain("the store"), psycopg.connect(url, **{**SESSION, "autocommit": True}) as con:
        (role, free, acts, member) = con.execute(
            "SELECT current_user, rolsuper OR rolbypassrls, "
            "EXISTS (SELECT FROM pg_roles a WHERE a.rolname = 'workbench_api' AND pg_has_role(a.oid, 'MEMBER')), "
            "EXISTS (SELECT FROM pg_roles m WHERE m.rolname = 'workbench_member' AND pg_has_role(m.oid, 'USAGE')) "
            "FROM pg_roles r WHERE r.rolname = current_user"
        ).fetchone() or ("", True, False, False)
    mend = "give the API a role of its own: workbench store api-login ROLE"
    if free:
        raise StoreError(f"{role} is a superuser or bypasses row-level security: {mend}")
    if member:
        raise StoreError(f"{role} is a member herself: {mend}")
    if not acts:
        raise StoreError(f"{role} may not act for members: {mend}")
