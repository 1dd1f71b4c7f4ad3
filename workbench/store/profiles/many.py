"""Many profiles at once, by COPY and one statement: made of an enriched table, and brought to the current intel."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any
from uuid import UUID

from workbench.secrecy import TLP
from workbench.store.profiles.enriched import COLUMNS, lines
from workbench.store.profiles.profile import Created, ThreatLevel, clean_tags
from workbench.store.things import OWN

if TYPE_CHECKING:
    import pyarrow as pa

    from workbench.store.connection import Store

__all__ = ["BATCH", "create_many", "enrich_many", "level_of_many"]

BATCH = 2_000
"""Profiles that are enriched in one transaction."""
_NAMES = ", ".join(COLUMNS)
_CHANGES = ", ".join(f"{name} = i.{name}" for name in COLUMNS)
_DIFFER = " OR ".join(f"p.{name} IS DISTINCT FROM i.{name}" for name in COLUMNS if name != "snapshot")


def level_of_many(secrecy: TLP | str) -> TLP:
    """The level of profiles that are made together.

    Raises:
        ValueError: TLP:RED, which is named for people one profile at a time.
    """
    level = TLP.parse(secrecy)
    if level == TLP.RED:
        raise ValueError(
            "TLP:RED is for named recipients: create the profiles one by one, or set it afterwards"
        )
    return level


def create_many(
    store: Store, table: pa.Table, secrecy: TLP | str, threat_level: ThreatLevel | str, tags: Iterable[str],
    investigation: UUID | None,
) -> Created:  # fmt: skip
    """See :meth:`workbench.store.profiles.profiles.Profiles.bulk_create`."""
    level, threat = level_of_many(secrecy), ThreatLevel.parse(threat_level)
    valid = table.filter(table.column("address").is_valid())

    def work(con: Any) -> Created:
        _copy_in(con, valid)
        distinct = con.execute("SELECT count(DISTINCT address) FROM pg_temp.incoming").fetchone()[0]
        made = con.execute(
            f"INSERT INTO profiles (address, owner, secrecy, enriched_at, threat_level, tags, {_NAMES}) "
            f"SELECT DISTINCT ON (address) address, {OWN}, %s, now(), %s, %s, {_NAMES} FROM pg_temp.incoming "
            "ON CONFLICT DO NOTHING",
            (int(level), int(threat), clean_tags(tags)),
        ).rowcount
        if investigation is not None:
            con.execute(
                "INSERT INTO investigation_profiles (investigation, profile) SELECT %s, p.id FROM profiles p "
                "JOIN (SELECT DISTINCT address FROM pg_temp.incoming) i USING (address) "
                f"WHERE p.secrecy = %s AND p.deleted_at IS NULL AND p.owner = {OWN} ON CONFLICT DO NOTHING",
                (investigation, int(level)),
            )
        return Created(made, distinct - made, table.num_rows - valid.num_rows)

    return store.run("bulk create", work)


def enrich_many(
    store: Store, only: Sequence[UUID] | None, snapshot: Any, force_refresh: bool, progress: Callable[[int], None] | None
) -> int:  # fmt: skip
    """See :meth:`workbench.store.profiles.profiles.Profiles.enrich_all`."""
    from workbench.enrichment import open_engine

    engine = open_engine(snapshot)
    changed = 0
    for batch in _outdated(store, only, engine.snapshot.id, snapshot is not None, force_refresh):
        table = engine.enrich([row[1] for row in batch])

        def work(con: Any, batch: Any = batch, table: pa.Table = table) -> int:
            _copy_in(con, table)
            con.execute("CREATE TEMP TABLE which (id uuid, address inet, version int) ON COMMIT DROP")
            with con.cursor().copy("COPY pg_temp.which FROM STDIN") as copy:
                for row in batch:
                    copy.write_row(row)
            # Without statistics every profile there is would seem few enough to be gone through for each of the batch.
            con.execute("SET LOCAL enable_nestloop = off")
            done: int = con.execute(
                f"UPDATE profiles p SET {_CHANGES}, enriched_at = now() FROM pg_temp.which w "
                "JOIN (SELECT DISTINCT ON (address) * FROM pg_temp.incoming) i USING (address) "
                f"WHERE p.id = ANY (%s) AND p.id = w.id AND p.version = w.version AND (%s OR {_DIFFER} OR p.snapshot IS DISTINCT FROM i.snapshot)",
                ([row[0] for row in batch], force_refresh),
            ).rowcount
            return done

        changed += store.run("enrichment", work)
        if progress:
            progress(len(batch))
    return changed


def _outdated(
    store: Store, only: Sequence[UUID] | None, newest: str, exactly: bool, force_refresh: bool
) -> Iterator[list[Any]]:
    """Ids, addresses and versions of profiles that are not of the ``newest`` intel, or of other than ``exactly`` that."""
    query = (
        f"SELECT id, host(network(address)), version FROM profiles WHERE {{}} AND deleted_at IS NULL AND owner = {OWN} "
        "AND (%s OR snapshot IS NULL OR snapshot < %s OR snapshot <> %s AND %s) ORDER BY id LIMIT %s"
    )
    asked = (force_refresh, newest, newest, exactly, BATCH)
    if only is not None:
        for start in range(0, len(only), BATCH):
            if batch := store.rows("profiles", query.format("id = ANY (%s)"), (list(only[start : start + BATCH]), *asked)):  # fmt: skip
                yield batch
        return
    after = UUID(int=0)
    while batch := store.rows("profiles", query.format("id > %s"), (after, *asked)):
        yield batch
        after = batch[-1][0]


def _copy_in(con: Any, table: pa.Table) -> None:
    """Put an enriched table into ``incoming``, which is there for the transaction."""
    con.execute(
        f"CREATE TEMP TABLE incoming ON COMMIT DROP AS SELECT address, {_NAMES} FROM workbench.profiles WITH NO DATA"
    )
    with con.cursor().copy(f"COPY pg_temp.incoming (address, {_NAMES}) FROM STDIN (FORMAT csv)") as copy:
        for chunk in lines(table):
            copy.write(chunk)
