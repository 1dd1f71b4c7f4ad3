"""What a store tells a case file: who is asking, what changed, and the rows of it that are for her."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from workbench.store.profiles.profile import SELECT
from workbench.store.syncing.casefile import COLUMNS
from workbench.store.things import note_read

if TYPE_CHECKING:
    import pyarrow as pa

    from workbench.store.connection import Store

__all__ = ["Standing", "history", "listing", "rows", "standing", "visible"]

_COPIED = SELECT.replace("p.tags,", "array_to_json(p.tags) AS tags,") + ", p.token"


@dataclass(frozen=True, slots=True)
class Standing:
    """Where the server and the member stand. ``lineage`` is another after a restore, ``audiences`` after a change
    of what she may see, ``cursor`` the oldest transaction that was running: what it and later ones change is
    asked for the next time."""

    store: str
    lineage: str
    organisation: str
    organisation_name: str
    member: str
    audiences: str
    cursor: int
    newest: int


def standing(store: Store) -> Standing:
    """Ask for it, in one transaction, before anything else is asked."""

    def work(con: Any) -> Standing:
        con.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        found = con.execute(
            "SELECT s.id::text, concat_ws('/', c.system_identifier, k.timeline_id, d.oid), m.organisation::text, o.name, m.role::text, "
            "pg_snapshot_xmin(pg_current_snapshot())::text::bigint, pg_snapshot_xmax(pg_current_snapshot())::text::bigint "
            "FROM store s, pg_control_system() c, pg_control_checkpoint() k, pg_database d, members m JOIN organisations o ON o.id = m.organisation "
            "WHERE d.datname = current_database() AND m.role = current_user AND m.active"
        ).fetchone()
        if found is None:
            raise PermissionError("your database role is no active member of this store")
        identity, lineage, organisation, name, member, oldest, newest = found
        audiences = con.execute("SELECT DISTINCT audience::text FROM my_audiences ORDER BY 1").fetchall()
        digest = hashlib.sha256("\n".join(row[0] for row in audiences).encode()).hexdigest()
        return Standing(identity, lineage, organisation, name, member, digest, oldest, newest)

    return store.run("the state of the store", work)


def listing(store: Store, since: int | None) -> pa.Table:
    """``id`` and ``version`` (text) of every profile the member sees, or of those changed in transaction ``since``
    or later."""
    condition = "" if since is None else "WHERE changed_in >= %s::text::xid8"
    return _copied(
        store, "the changes", f"SELECT id, version FROM profiles {condition}", () if since is None else (str(since),), ("id", "version")
    )  # fmt: skip


def visible(store: Store, ids: Sequence[UUID]) -> set[UUID]:
    """Those of the ids that the member may see now."""
    found = store.rows("profiles held here", "SELECT id FROM profiles WHERE id = ANY (%s)", (list(ids),))
    return {row[0] for row in found}


def rows(store: Store, ids: Sequence[UUID]) -> pa.Table:
    """The rows, as texts; reading those of AMBER and above is written down. What she may not see is not in it."""
    wanted = list(ids)
    return _copied(
        store, "profiles", f"SELECT {_COPIED} FROM profiles p WHERE p.id = ANY (%s)", (wanted,), (*COLUMNS, "token"), noted=wanted
    )  # fmt: skip


def history(store: Store, profile: UUID, after: int) -> list[dict[str, Any]]:
    """What the profile was at each version after this one."""
    found = store.rows(
        "history",
        "SELECT was FROM profile_history WHERE profile = %s AND version > %s ORDER BY version",
        (profile, after),
    )
    return [row[0] for row in found]


def _copied(store: Store, what: str, query: str, values: Sequence[Any], names: Sequence[str], noted: Sequence[UUID] = ()) -> pa.Table:  # fmt: skip
    import pyarrow as pa
    import pyarrow.csv as csv

    def work(con: Any) -> bytes:
        sink = io.BytesIO()
        with con.cursor().copy(f"COPY ({query}) TO STDOUT (FORMAT csv)", values) as copy:
            for block in copy:
                sink.write(block)
        note_read(con, "profiles", "sync", noted)
        return sink.getvalue()

    data = store.run(what, work)
    if not data:
        return pa.table({name: pa.array([], pa.string()) for name in names})
    return csv.read_csv(
        pa.BufferReader(data),
        csv.ReadOptions(column_names=list(names), block_size=32 << 20),
        csv.ParseOptions(newlines_in_values=True),
        # An empty text is quoted, a null is not.
        csv.ConvertOptions(column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=True, quoted_strings_can_be_null=False, null_values=[""]),
    )  # fmt: skip
