"""Log readers: files of known formats to DuckDB tables with common column names.

To add a format: write a module like its siblings with a :class:`~workbench.addresses.logs.format.Format`
and name it in :data:`FORMATS`.
"""

from __future__ import annotations

import calendar
import itertools
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from workbench._sql import identifier
from workbench.addresses.logs import (
    asa,
    fortigate,
    netfilter,
    paloalto,
    pfsense,
    sshd,
    suricata,
    vpcflow,
    web,
    zeek,
)
from workbench.addresses.logs.format import Format

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

__all__ = ["FORMATS", "LogTable", "detect", "read_log"]

FORMATS: dict[str, Format] = {
    item.name: item
    for item in (
        netfilter.FORMAT,
        asa.FORMAT,
        paloalto.FORMAT,
        fortigate.FORMAT,
        pfsense.FORMAT,
        vpcflow.FORMAT,
        zeek.FORMAT,
        zeek.JSON,
        suricata.FORMAT,
        web.FORMAT,
        sshd.FORMAT,
    )
}
"""All formats by name."""

SNIFFED_LINES = 500
KEPT_TEXT = 2000
"""Characters kept of a line that was not understood."""


@dataclass(frozen=True, slots=True)
class LogTable:
    """A log as DuckDB tables: ``name`` with a row a line understood, ``<name>_unparsed`` with the others.

    Both have ``line``, the number of the line in the file counted from 1; the latter ``text``.
    """

    name: str
    format: str
    rows: int
    unparsed: int


def detect(path: Path | str) -> str | None:
    """The name of the format most of the first lines are in, or ``None``.

    Raises:
        LinesError, OSError: the file cannot be read.
    """
    from workbench.addresses.lines import first_lines

    lines = [line for line in first_lines(Path(path), SNIFFED_LINES) if line.strip()]
    if not lines:
        return None
    share = {
        name: sum(1 for line in lines if re.search(item.sign, line[:20_000])) / len(lines)
        for name, item in FORMATS.items()
    }
    best = max(share, key=lambda name: share[name])
    # sshd and the firewalls share files with other daemons: a fifth of the lines is enough to know them.
    return best if share[best] >= 0.2 else None


def read_log(
    con: duckdb.DuckDBPyConnection,
    path: Path | str,
    *,
    format: str | None = None,
    name: str | None = None,
    year: int | None = None,
    progress: Callable[[int, None], None] | None = None,
) -> LogTable:
    """Read a log into the new table ``name`` (the file's stem by default) of ``con``.

    ``format`` is one of :data:`FORMATS`, found out by default. Timestamps without a year (RFC 3164) get
    ``year``, by default that of the file's last change, and never lie after it; those without a zone are
    taken as UTC. Addresses are kept as written, malformed ones too. Empty lines count nowhere. ``progress`` is
    called with the number of lines read, and None, as how many there are is not known before the end.

    Raises:
        ValueError: the format is unknown, or could not be found out.
        LinesError, OSError: the file cannot be read.
    """
    path = Path(path)
    chosen = _format(path, format)
    table = name or re.sub(r"\W+", "_", path.name.partition(".")[0]) or "log"
    changed = datetime.fromtimestamp(path.stat().st_mtime, UTC) + timedelta(days=1)
    latest = changed if year is None else datetime(year + 1, 1, 1, tzinfo=UTC)
    query = _query(chosen, year or changed.year, latest)
    rest = f"{_PRESENT} AND NOT ({_comment(chosen)})"

    from workbench.addresses.lines import LINES, line_reader

    name, unparsed = identifier(table), identifier(f"{table}_unparsed")
    counts = [0, 0]
    with _reading(con, (name, unparsed)):
        con.register(_CHUNK, LINES.empty_table())
        con.execute(f"CREATE TABLE {name} AS {query}")
        con.execute(f"CREATE TABLE {unparsed} (line BIGINT, text VARCHAR)")
        with line_reader(path) as reader:
            for chunk in _chunks(reader):
                if progress and len(chunk):
                    progress(chunk.column("line")[-1].as_py(), None)
                con.register(_CHUNK, chunk)
                read = _changed(con, f"INSERT INTO {name} {query}")
                counts[0] += read
                if read < len(chunk):
                    first = chunk.column("line")[0].as_py()
                    counts[1] += _changed(
                        con,
                        f"INSERT INTO {unparsed} SELECT line, left(text, {KEPT_TEXT}) FROM {_CHUNK} WHERE {rest} "
                        f"AND line NOT IN (SELECT line FROM {name} WHERE line >= {first}) ORDER BY line",
                    )
    return LogTable(table, chosen.name, *counts)


_CHUNK = "_workbench_lines"
_PRESENT = r"regexp_matches(text, '\S')"
_CHUNK_BLOCKS = 4
"""Blocks of lines that are taken apart together: enough for all threads, and all that memory holds."""


def _query(chosen: Format, year: int, latest: datetime) -> str:
    """SQL that takes the lines of a chunk apart, leaving out those that are not understood."""
    leap = next(y for y in range(year, 0, -1) if calendar.isleap(y))

    def dated(expression: str) -> str:
        moments = {"$year": f"{year}", "$leap": f"{leap}", "$latest": f"{latest:%Y-%m-%d %H:%M:%S}"}
        for word, moment in moments.items():
            expression = expression.replace(word, moment)
        return expression

    # A header may name no addresses: then no line is understood, which is better than no table.
    found = chosen.columns if "src_ip" in chosen.columns else chosen.columns | {"src_ip": "NULL::VARCHAR"}
    columns = ", ".join(
        f"{dated(expression)} AS {identifier(column)}" for column, expression in found.items()
    )
    fields = f", {chosen.fields} AS f" if chosen.fields else ""
    staged = "".join(
        f", {expression} AS {identifier(column)}" for column, expression in chosen.staged.items()
    )
    known = "src_ip IS NOT NULL" + (" OR dst_ip IS NOT NULL" if "dst_ip" in chosen.columns else "")
    wanted = chosen.filter or f"regexp_matches(text, {_text(chosen.sign)})"
    # Materialised, lest the optimiser moves the last condition, and all it rests on, in front of the rest;
    # and because expressions over Arrow run at half the speed.
    return (
        f"WITH lines AS MATERIALIZED (FROM {_CHUNK}), "
        f"read AS MATERIALIZED (SELECT line, {columns} FROM (SELECT *{fields} FROM (SELECT line, text{staged} FROM lines "
        f"WHERE ({wanted}) AND NOT ({_comment(chosen)})))) SELECT * FROM read WHERE {known}"
    )


def _comment(chosen: Format) -> str:
    return f"regexp_matches(text, {_text(chosen.comment)})" if chosen.comment else "false"


def _chunks(reader: pa.RecordBatchReader) -> Iterator[pa.Table]:
    """The lines in tables of a few blocks, cut into batches that threads can share."""
    import pyarrow as pa

    blocks = iter(reader)
    while some := list(itertools.islice(blocks, _CHUNK_BLOCKS)):
        batches = pa.Table.from_batches(some).to_batches(max_chunksize=1 << 14)
        if batches:
            yield pa.Table.from_batches(batches)


def _changed(con: duckdb.DuckDBPyConnection, insert: str) -> int:
    return int(con.execute(insert).fetchall()[0][0])


@contextmanager
def _reading(con: duckdb.DuckDBPyConnection, created: tuple[str, str]) -> Iterator[None]:
    """Read in UTC, as casts of timestamps follow the zone of the session; leave no half of a table behind."""
    import duckdb

    there = {row[0] for row in con.execute("SHOW TABLES").fetchall()}
    (zone,) = con.execute("SELECT current_setting('TimeZone')").fetchall()[0]
    con.execute("SET TimeZone = 'UTC'")
    try:
        yield
    except BaseException:
        with suppress(duckdb.Error):  # in a transaction that has failed there is nothing to tidy up
            for name in created:
                if name not in {identifier(table) for table in there}:
                    con.execute(f"DROP TABLE IF EXISTS {name}")
        raise
    finally:
        with suppress(duckdb.Error):
            con.execute(f"SET TimeZone = {_text(zone)}")
            con.unregister(_CHUNK)


def _format(path: Path, wanted: str | None) -> Format:
    from workbench.addresses.lines import first_lines

    found = wanted or detect(path)
    if found is None:
        raise ValueError(f"{path}: no known log format; say which, one of: {', '.join(FORMATS)}")
    if found not in FORMATS:
        raise ValueError(f"no log format {found!r}; there are: {', '.join(FORMATS)}")
    item = FORMATS[found]
    return item.header(first_lines(path, 50)) if item.header else item


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
