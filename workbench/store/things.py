"""What profiles, investigations, entities and watchlists have in common."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any
from uuid import UUID

from workbench.secrecy import TLP
from workbench.store.errors import Conflict, NotFound

if TYPE_CHECKING:
    from workbench.store.connection import Store

__all__ = ["NOW", "OWN", "change", "create", "note_read", "only", "refused", "set_level"]

OWN = "(SELECT organisation FROM members WHERE role = current_user)"
"""The member's organisation, in SQL."""
_WORDS = {"investigations": "investigation", "entities": "entity", "watchlists": "watchlist"}


def create(
    store: Store, table: str, values: Mapping[str, Any], level: TLP, reason: str, recipients: Iterable[str]
) -> UUID:
    """Make a row of the member's organisation; at RED by way of AMBER+STRICT, in one transaction."""

    def work(con: Any) -> UUID:
        columns = ", ".join(values)
        places = ", ".join(["%s"] * len(values))
        (made,) = con.execute(
            f"INSERT INTO {table} (owner, secrecy, {columns}) VALUES ({OWN}, %s, {places}) RETURNING id",
            (min(level, TLP.AMBER_STRICT), *values.values()),
        ).fetchone()
        if level == TLP.RED:
            con.execute(
                "SELECT set_secrecy(%s, %s, 1, 4::smallint, %s, %s::name[])",
                (table, made, reason, list(recipients)),
            )
        found: UUID = made
        return found

    return store.run(f"{_WORDS[table]} {values['name']!r}", work, repeatable=False)


def change(
    store: Store, table: str, key: UUID, version: int, name: str, changes: Mapping[str, Any], allowed: Iterable[str]
) -> None:  # fmt: skip
    """Change fields of a row if it is still at ``version``; a value ``NOW`` is the time of the server.

    Raises:
        TypeError: a field is not among those allowed.
        Conflict, NotFound, PermissionError: see :func:`refused`.
    """
    only(changes, allowed)
    if not changes:
        return
    sets = ", ".join(
        f"{column} = " + ("now()" if value is NOW else "%s") for column, value in changes.items()
    )
    values = [value for value in changes.values() if value is not NOW]

    def work(con: Any) -> None:
        done = con.execute(
            f"UPDATE {table} SET {sets} WHERE id = %s AND version = %s", (*values, key, version)
        )
        if done.rowcount == 0:
            refused(con, table, key, version, name)

    store.run(name, work, repeatable=False)


NOW: Any = object()


def only(changes: Iterable[str], allowed: Iterable[str]) -> None:
    """See that nothing is changed but what is ``allowed``.

    Raises:
        TypeError: a field is not among those.
    """
    if unknown := set(changes) - set(allowed):
        raise TypeError(
            f"not changed this way: {', '.join(sorted(unknown))}; there are: {', '.join(sorted(allowed))}"
        )


def note_read(con: Any, kind: str, how: str, ids: Iterable[UUID]) -> None:
    """Write down that things of a kind were read, in the transaction that read them; of those given, the database notes
    each that is AMBER or above. The statement alone, which always is in the audit, does not name them; on a server that
    only reads there is nothing else, and that in its log."""
    if noted := list(set(ids)):
        con.execute(
            "SELECT note_rows_read(%s, %s, %s) WHERE NOT current_setting('transaction_read_only')::boolean",
            (kind, noted, how),
        )


def refused(con: Any, table: str, key: UUID, version: int, name: str) -> None:
    """Tell why nothing was changed.

    Raises:
        NotFound, Conflict, PermissionError: always one of them.
    """
    found = con.execute(
        f"SELECT version, owner = {OWN}, updated_by FROM {table} WHERE id = %s",
        (key,),
    ).fetchone()
    if found is None:
        raise NotFound(f"{name}: not found, or no longer for you")
    if not found[1]:
        raise PermissionError(f"{name}: it is another organisation's, you may read it only")
    raise Conflict(
        f"{name}: {found[2]} changed it meanwhile (version {found[0]}, yours is {version}): get it again, then repeat the change"
    )


def set_level(
    store: Store, kind: str, key: UUID, version: int, level: TLP | str, reason: str, recipients: Iterable[str]
) -> None:  # fmt: skip
    """Set the secrecy of a thing of any kind."""
    store.run(
        "setting the level",
        lambda con: con.execute(
            "SELECT set_secrecy(%s, %s, %s, %s::smallint, %s, %s::name[])",
            (kind, key, version, int(TLP.parse(level)), reason, list(recipients)),
        ),
        repeatable=False,
    )
