"""A case: one DuckDB file with the logs, enriched tables and findings of one matter."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench._extras import naming_extras
from workbench._sql import identifier
from workbench.frames.interrupts import ctrl_c

if TYPE_CHECKING:
    import duckdb

    from workbench.enrichment import Intel, Triage
    from workbench.notebook.maps import AddressMap
    from workbench.store.connection import Store
    from workbench.store.syncing.casefile import CaseFile
    from workbench.store.syncing.offline import CaseProfiles
    from workbench.store.syncing.settling import Unsettled
    from workbench.store.syncing.sync import Synced

__all__ = ["Case", "Ingested", "Origin"]

_ADDRESS_COLUMNS = re.compile(
    r"(?:^|_)(?:src|dst|source|destination|client|remote|peer|orig|resp)?_?(?:ip|addr|address|host|h)$"
)
_JSON = frozenset({".json", ".jsonl", ".ndjson"})
_STIX = frozenset({"stix_objects", "stix_evidence", "stix_references", "stix_rejected"})


@dataclass(frozen=True, slots=True)
class Ingested:
    """A table made from a file. ``format`` is a log format, ``csv``, ``json``, ``parquet`` or ``text``;
    ``unparsed`` counts the lines kept in ``<name>_unparsed``."""

    name: str
    format: str
    rows: int
    unparsed: int = 0


@dataclass(frozen=True, slots=True)
class Origin:
    """The case that a triage was made of, and the tables and their columns."""

    case: Case
    columns: tuple[tuple[str, str], ...]


class Case:
    """Open or create the case file at ``path``; use it in a ``with`` block or close it when done.

    ``con`` is its DuckDB connection, with the ``ip_…`` functions attached.

    Raises:
        OSError: the file is no DuckDB file, or another process has it open.
    """

    def __init__(self, path: str | Path) -> None:
        from workbench.frames.duckdb import attach
        from workbench.frames.files import open_file

        self.path = Path(path)
        self.con: duckdb.DuckDBPyConnection = open_file(path)
        attach(self.con)

    def __enter__(self) -> Case:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Write everything and let go of the file."""
        self.con.close()

    def __repr__(self) -> str:
        return f"<Case {self.path}: {', '.join(self.tables()) or 'empty'}>"

    def tables(self) -> list[str]:
        """Names of the tables, without those of lines not understood and of imported STIX objects."""
        return [name for name in self._names() if not name.endswith("_unparsed") and name not in _STIX]

    def _names(self) -> list[str]:
        rows = self.con.sql(
            "SELECT table_name FROM duckdb_tables() WHERE NOT temporary AND schema_name <> '_workbench' ORDER BY table_name"
        ).fetchall()
        return [name for (name,) in rows]

    def _known(self, table: str) -> duckdb.DuckDBPyRelation:
        """A table or view by its name, which is told of where there is none."""
        import duckdb

        try:
            return self.con.table(table)
        except duckdb.CatalogException:
            names = ", ".join(self.tables())
            said = f"there are: {names}" if names else "it has none yet: ingest a log first"
            raise ValueError(f"the case has no table {table!r}; {said}") from None

    @ctrl_c()
    def ingest(
        self, path: str | Path, name: str | None = None, format: str | None = None, replace: bool = False,
        progress: Callable[[int, int | None], None] | None = None,
    ) -> Ingested:  # fmt: skip
        """Read a file into a new table: a log of a known format, CSV, JSON lines, Parquet, or any text.

        Of text that is none of these the table has a row an address (``address, kind, count, first_line,
        last_line``). Lines of a log, CSV or JSON lines that do not fit are kept in ``<name>_unparsed`` (``line, text``). Nothing of the
        table is left if reading fails. ``progress`` is called with lines read and
        None, or, of what DuckDB reads by itself, with per cent done and 100; what it raises ends the reading.
        Without it a bar is shown of what takes long, in a terminal and in a notebook. ``replace`` reads into a table that is there
        already, as a cell does that is run again; what was in it stays if reading fails.

        Raises:
            ValueError: the file is damaged or binary, the format unknown, or the table exists already.
            OSError: the file cannot be opened.
        """
        from workbench.store.progress import bar_if_long

        path = Path(path)
        table = name or re.sub(r"\W+", "_", path.name.partition(".")[0]).strip("_") or "table"
        there = table in self.tables()
        if there and not replace:
            raise ValueError(
                f"the case has a table {table!r} already: pass another name=, or replace=True to read it anew"
            )
        with nullcontext(progress) if progress else bar_if_long(f"reading {path.name}:") as told:
            made = self._take(path, f"{table}_anew" if there else table, format, told)
        if there:
            self._swap(table, made.name)
        return Ingested(table, made.format, made.rows, made.unparsed)

    def _take(
        self, path: Path, table: str, format: str | None, progress: Callable[[int, int | None], None]
    ) -> Ingested:
        from workbench.addresses.logs import detect, read_log
        from workbench.frames.duckdb import transaction, watched
        from workbench.frames.tabular import read_json

        found = format or detect(path)
        if found:
            with transaction(self.con):
                log = read_log(self.con, path, format=found, name=table, progress=progress)
            return Ingested(table, log.format, log.rows, log.unparsed)
        if {suffix.lower() for suffix in path.suffixes} & _JSON:
            unparsed = read_json(self.con, path, table, progress)
            return Ingested(table, "json", self._count(table), unparsed)
        with watched(self.con, progress):
            kind, unparsed = self._read(path, table)
            return Ingested(table, kind, self._count(table), unparsed)

    def _swap(self, table: str, made: str) -> None:
        """Put a table, and its lines that were not understood, in the place of another."""
        from workbench.frames.duckdb import transaction

        with transaction(self.con):
            for ending in ("", "_unparsed"):
                self.con.execute(f"DROP TABLE IF EXISTS {identifier(table + ending)}")
                if made + ending in self._names():
                    self.con.execute(
                        f"ALTER TABLE {identifier(made + ending)} RENAME TO {identifier(table + ending)}"
                    )

    def _read(self, path: Path, table: str) -> tuple[str, int]:
        """Make a table of a file that is neither log nor JSON, as its name says; the kind, and the lines put aside."""
        from workbench.frames.tabular import read_csv, read_parquet

        suffixes = {suffix.lower() for suffix in path.suffixes}
        if suffixes & {".csv", ".tsv"}:
            return "csv", read_csv(self.con, path, table)
        if suffixes & {".parquet", ".pq"}:
            read_parquet(self.con, path, table)
            return "parquet", 0
        from workbench.addresses.extract import extract
        from workbench.addresses.lines import is_binary

        found = extract(path)
        if not len(found) and is_binary(path):
            raise ValueError(found.nothing())
        self.con.from_arrow(found.table).create(table)
        return "text", 0

    def enrich(
        self, table: str, column: str | None = None, into: str | None = None, replace: bool = False,
        progress: Callable[[int, int], None] | None = None,
    ) -> duckdb.DuckDBPyRelation:  # fmt: skip
        """Write ``table`` with intel on ``column`` to ``into`` (``<table>_ip`` by default); returns it. ``replace``
        takes the place of what is there, once all of the new is. ``progress`` is called with rows done and rows in all;
        without it a bar is shown of what takes long, in a terminal and in a notebook.

        Raises:
            ValueError: the table or column is missing, the column is not said and cannot be guessed, or ``into`` is
                there already.
        """
        from workbench.frames.duckdb import enrich_table
        from workbench.store.progress import bar_if_long

        chosen = column or self._address_columns(table)[0]
        result = into or f"{table}_ip"
        there = result in self._names()
        if there and not replace:
            raise ValueError(
                f"the case has a table {result!r} already: pass another into=, or replace=True to make it anew"
            )
        self._known(table)
        made = f"{result}_anew" if there else result
        with nullcontext(progress) if progress else bar_if_long(f"enriching {table}:") as told:
            enrich_table(self.con, table, chosen, made, progress=told)
        if there:
            self._swap(result, made)
        return self.con.table(result)

    @ctrl_c()
    def triage(
        self, table: str | None = None, concern: Iterable[str] = (), *, column: str | None = None
    ) -> Triage:
        """Judge the distinct external addresses of a table, or of all tables, worst first: those of ``column``, else of
        the columns whose name or content says that they hold addresses.

        Raises:
            ValueError: there is no such table or column, it has no column of addresses, or ``concern`` is no country code.
        """
        from workbench.enrichment import open_engine
        from workbench.enrichment.triage import triage

        names = [table] if table else self.tables()
        columns = tuple(
            (name, chosen)
            for name in names
            for chosen in (
                self._column(name, column)
                if column
                else self._address_columns(name, required=table is not None)
            )
        )
        if not columns:
            raise ValueError("the case has no table with addresses: ingest a log first")
        parts = [
            self.con.table(name).project(f"{identifier(column)}::VARCHAR AS address")
            for name, column in columns
        ]
        union = parts[0]
        for part in parts[1:]:
            union = union.union(part)
        counted = union.filter("address IS NOT NULL").aggregate("address, count(*) AS hits").to_arrow_table()
        found = triage(open_engine(), counted.column("address"), concern, counted.column("hits"))
        return replace(found, origin=Origin(self, columns))

    @ctrl_c()
    @naming_extras()
    def map(self, table: str | None = None, **options: Any) -> AddressMap:
        """Draw a table on a map, with its flows and times, or, without one, all addresses of the case; the
        options are those of :func:`workbench.map`.

        Raises:
            ValueError: there is no such table, or none with addresses.
        """
        from workbench.notebook.maps import draw

        if table is None:
            named = [name for name in self.tables() if self._address_columns(name, required=False)]
            table = named[0] if len(named) == 1 else None
        case = "Case" if str(self.path) == ":memory:" else self.path.stem
        options.setdefault("title", f"{case}: {table}" if table else case)
        if table and len(found := self._address_columns(table, required=False)) == 1:
            options.setdefault("source", found[0])
        return draw(self._known(table) if table else self.triage(), **options)

    def profile(self, address: str) -> Intel:
        """Everything known of one address."""
        from workbench.enrichment import open_engine, record

        return record.lookup(open_engine(), address)

    @cached_property
    def profiles(self) -> CaseProfiles:
        """Profiles of this case: made and changed here without a server, shared by :meth:`sync`."""
        from workbench.store.syncing.offline import CaseProfiles

        return CaseProfiles(self._file)

    @naming_extras()
    def sync(
        self, store: Store | str | None = None, *, progress: Callable[[str, int, int], None] | None = None
    ) -> Synced:
        """Bring the profiles here and those of a store together: the one given, connected or by its URL, that of the
        last time, or the one on this machine. ``progress`` is called with what is being done, how much is done and how much there is; without
        it a bar is shown, in a terminal and in a notebook.

        What both sides changed differently stays as it is on each, and is in :meth:`conflicts`. Profiles that are no
        longer for you are removed from the file. Stopped at any point, it is gone on with by the next.

        Raises:
            StoreError: the case goes with another store, organisation or member.
            Unreachable: the server does not answer; the case is as it was, or further.
        """
        from workbench.store.progress import bar
        from workbench.store.syncing.sync import sync, sync_with

        with nullcontext(progress) if progress else bar() as told:
            if store is None or isinstance(store, str):
                return sync_with(store, self._file, told)
            return sync(store, self._file, told)

    def conflicts(self) -> list[Unsettled]:
        """What is to be settled after a sync, oldest first."""
        from workbench.store.syncing.settling import unsettled

        return unsettled(self._file)

    def settle(
        self, conflict: Unsettled, choice: str | None = None, *, value: Any = None, reason: str = ""
    ) -> None:
        """Settle a conflict: with ``"mine"``, ``"theirs"`` or another ``value``; the next sync sends it. A level that is
        not theirs needs a ``reason``. Of a change that was refused ``"mine"`` tries again and ``"theirs"`` undoes it; what was
        kept of a profile no longer for you goes with either.

        Raises:
            LookupError: it was settled already.
            ValueError: neither, or both, or a value that is none of the field.
        """
        from workbench.store.syncing.settling import settle

        settle(self._file, conflict, choice, value, reason)

    @cached_property
    def _file(self) -> CaseFile:
        from workbench.store.syncing.casefile import CaseFile

        return CaseFile(self.con, self.path)

    def _column(self, table: str, column: str) -> list[str]:
        columns = self._known(table).columns
        if column not in columns:
            raise ValueError(f"{table} has no column {column!r}; it has: {', '.join(columns)}")
        return [column]

    def _address_columns(self, table: str, required: bool = True) -> list[str]:
        """The columns that hold addresses by their name, else by what is in them."""
        relation = self._known(table)
        texts = [
            n for n, kind in zip(relation.columns, relation.types, strict=True) if str(kind) == "VARCHAR"
        ]
        found = [name for name in texts if _known_by_name(name)] or [
            name for name in texts if self._holds_addresses(table, name)
        ]
        if not found and required:
            raise ValueError(
                f"which column of {table} holds addresses? pass column=, one of: {', '.join(relation.columns)}"
            )
        return found

    def _holds_addresses(self, table: str, column: str) -> bool:
        """Whether nine in ten of the first texts in it are addresses."""
        from workbench.addresses import parse

        text = identifier(column)
        first = self.con.table(table).filter(f"{text} IS NOT NULL").project(text).limit(1000).to_arrow_table()
        return len(first) > 0 and bool((parse(first.column(0)).version > 0).mean() >= 0.9)

    def _count(self, table: str) -> int:
        (count,) = self.con.table(table).count("*").fetchall()[0]
        return int(count)


def _known_by_name(column: str) -> bool:
    name = re.sub(r"\W+", "_", column.lower())
    return bool(_ADDRESS_COLUMNS.search(name)) and not name.endswith("host")
