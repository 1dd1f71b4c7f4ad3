"""Intel in DuckDB: scalar functions on any connection, and whole tables enriched at the speed of columns."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from typing import Any

import duckdb
import pyarrow as pa

from workbench import enrichment
from workbench.enrichment.engine import SCHEMA, Engine
from workbench.frames.interrupts import ctrl_c

__all__ = ["attach", "enrich_table", "transaction", "watched"]

BATCH_ROWS = 491520

_SQL_TYPE = {
    pa.string(): "VARCHAR",
    pa.uint8(): "UTINYINT",
    pa.uint16(): "USMALLINT",
    pa.uint32(): "UINTEGER",
    pa.float32(): "FLOAT",
    pa.float64(): "DOUBLE",
    pa.bool_(): "BOOLEAN",
}
_FUNCTION = {"address": "ip_canonical"}


def _plain(kind: pa.DataType) -> pa.DataType:
    return pa.string() if pa.types.is_dictionary(kind) else kind


def attach(con: duckdb.DuckDBPyConnection, snapshot: Any = None) -> duckdb.DuckDBPyConnection:
    """Add the ``ip_…`` functions to a connection and return it.

    ``ip_enrich(addr)`` gives a STRUCT of all columns; ``ip_country``, ``ip_asn``, ``ip_is_tor``,
    ``ip_verdict`` … give one each; ``ip_canonical`` the canonical text. Text that is no address gives
    NULL, and ``invalid`` for scope and verdict. For millions of rows
    :func:`enrich_table` is several times faster.
    """
    engine = enrichment.open_engine(snapshot)
    file = _file_of(con)
    held = _Held(engine)
    try:
        for name, (function, kind) in held.functions.items():
            with contextlib.suppress(duckdb.Error):  # not attached before
                con.remove_function(name)
            con.create_function(
                name, function, [duckdb.sqltype("VARCHAR")], kind, type="arrow", null_handling="special"
            )  # type: ignore[call-overload]
    except duckdb.CatalogException:  # another connection to the same database has them in its catalogue
        there = _HELD.get(file or engine.snapshot.id)
        if there is None:
            raise ValueError(
                "another connection to this database has the ip_ functions of another snapshot: attach to that one"
            ) from None
        there.engine = engine
        return con
    _HELD[file or engine.snapshot.id] = held
    return con


class _Held:
    """The functions of a database, and the engine they ask. DuckDB gives them to every connection to the database in
    this process, but keeps them alive only as long as the one that made them: called after that, they crash it."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.functions: dict[str, tuple[Callable[[Any], Any], Any]] = {
            _FUNCTION.get(field.name, f"ip_{field.name}"): (
                self._one_column(field.name), duckdb.sqltype(_SQL_TYPE[_plain(field.type)]),
            )
            for field in SCHEMA
        }  # fmt: skip
        struct = duckdb.struct_type({f.name: duckdb.sqltype(_SQL_TYPE[_plain(f.type)]) for f in SCHEMA})
        self.functions["ip_enrich"] = (self._all_columns, struct)

    def _one_column(self, name: str) -> Callable[[Any], Any]:
        def column(addresses: Any) -> Any:
            return _decoded(self.engine.enrich(addresses).column(name))

        return column

    def _all_columns(self, addresses: Any) -> Any:
        table = self.engine.enrich(addresses)
        return pa.StructArray.from_arrays([_decoded(c) for c in table.columns], names=table.column_names)


_HELD: dict[str, _Held] = {}
"""By the file of a database; of those in memory by snapshot, whose functions are all alike."""


def _file_of(con: duckdb.DuckDBPyConnection) -> str:
    rows = con.execute(
        "SELECT path FROM duckdb_databases() WHERE database_name = current_database()"
    ).fetchall()
    return str(rows[0][0] or "") if rows else ""


def _decoded(column: pa.ChunkedArray) -> pa.Array:
    flat = column.combine_chunks()
    if isinstance(flat, pa.ChunkedArray):
        flat = flat.chunk(0)
    return flat.dictionary_decode() if pa.types.is_dictionary(flat.type) else flat


@contextlib.contextmanager
def transaction(con: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """All of the block or nothing of it."""
    con.begin()
    try:
        yield
    except BaseException:
        con.rollback()
        raise
    con.commit()


@contextlib.contextmanager
def watched(con: duckdb.DuckDBPyConnection, progress: Callable[[int, int], None] | None) -> Iterator[None]:
    """Run the block as one transaction, and tell ``progress`` how many per cent of the statement that runs are done,
    and 100. What it raises ends the block and undoes it, and is raised in its place."""
    if progress is None:
        with transaction(con):
            yield
        return
    ((bar, printed),) = con.execute("SELECT current_setting('enable_progress_bar'), current_setting('enable_progress_bar_print')").fetchall()  # fmt: skip
    con.execute("SET enable_progress_bar = true")
    con.execute("SET enable_progress_bar_print = false")
    try:
        with transaction(con), _looked_at(con, progress):
            yield
    finally:
        con.execute(f"SET enable_progress_bar = {bool(bar)}")
        con.execute(f"SET enable_progress_bar_print = {bool(printed)}")


@contextlib.contextmanager
def _looked_at(con: duckdb.DuckDBPyConnection, progress: Callable[[int, int], None]) -> Iterator[None]:
    raised: list[BaseException] = []
    over = threading.Event()

    def look() -> None:
        while not over.wait(0.2):
            try:
                progress(max(0, int(con.query_progress())), 100)
            except BaseException as error:
                raised.append(error)
                break
        while not over.is_set():  # an interrupt that comes between two statements is lost
            con.interrupt()
            over.wait(0.05)

    thread = threading.Thread(target=look, name="workbench-watch", daemon=True)
    thread.start()
    try:
        yield
    except Exception:
        if not raised:
            raise
    finally:
        over.set()
        thread.join()
    if raised:
        raise raised[0] from None


@ctrl_c()
def enrich_table(
    con: duckdb.DuckDBPyConnection,
    table: str,
    column: str,
    into: str,
    *,
    prefix: str | None = None,
    snapshot: Any = None,
    progress: Callable[[int, int], None] | None = None,
) -> duckdb.DuckDBPyRelation:
    """Write ``table`` with intel on ``column`` to the new table ``into``; returns it as a relation.

    The new columns are prefixed ``<column>_`` (or ``prefix``). Rows stream through in batches, so memory
    is bounded whatever the size. ``progress`` is called with (rows done, rows in all). Stopped or failed
    half way, nothing is left of ``into``.

    Raises:
        duckdb.CatalogException: there is no such table, or ``into`` exists already.
        ValueError: the table has no such column, or has a column the intel would replace.
    """
    engine = enrichment.open_engine(snapshot)
    source = con.table(table)
    if column not in source.columns:
        raise ValueError(f"{table} has no column {column!r}; it has: {', '.join(source.columns)}")
    lead = f"{column}_" if prefix is None else prefix
    taken = [name for name in source.columns if name in {lead + field.name for field in SCHEMA}]
    if taken:
        raise ValueError(f"{table} has these columns already: {', '.join(taken)}; pass another prefix=")
    total = source.count("*").fetchall()[0][0]
    reader: Any = con.cursor().table(table).to_arrow_reader(BATCH_ROWS)
    schema = pa.schema([*reader.schema, *(pa.field(lead + f.name, f.type) for f in SCHEMA)])

    def batches() -> Iterator[pa.RecordBatch]:
        done = 0
        for batch in reader:
            added = engine.enrich(batch.column(column)).combine_chunks()
            columns = [
                *batch.columns,
                *(c.chunk(0) if c.num_chunks else pa.array([], c.type) for c in added.columns),
            ]
            yield pa.RecordBatch.from_arrays(columns, schema=schema)
            done += len(batch)
            if progress:
                progress(done, total)

    stream = pa.RecordBatchReader.from_batches(schema, batches())
    con.register("_workbench_enriched", stream)
    try:
        con.table("_workbench_enriched").create(into)
    finally:
        con.unregister("_workbench_enriched")
    return con.table(into)
