"""Log readers: files of known formats to DuckDB tables with common column names.

To add a format: write a module like its siblings with a :class:`~workbench.addresses.logs.format.Format`
and name it in :data:`FORMATS`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

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
) -> LogTable:
    """Read a log into the new table ``name`` (the file's stem by default) of ``con``.

    ``format`` is one of :data:`FORMATS`, found out by default. Timestamps without a year (RFC 3164) get
    ``year``, by default that of the file's last change, and never lie after it; those without a zone are
    taken as UTC. Addresses are kept as written, malformed ones too. Empty lines count nowhere.

    Raises:
        ValueError: the format is unknown, or could not be found out.
        LinesError, OSError: the file cannot be read.
    """
    path = Path(path)
    chosen = _format(path, format)
    table = name or re.sub(r"\W+", "_", path.name.partition(".")[0]) or "log"
    changed = datetime.fromtimestamp(path.stat().st_mtime, UTC) + timedelta(days=1)
    latest = changed if year is None else datetime(year + 1, 1, 1, tzinfo=UTC)

    def dated(expression: str) -> str:
        return expression.replace("$year", str(year or changed.year)).replace(
            "$latest", f"{latest:%Y-%m-%d %H:%M:%S}"
        )

    with _Lines(con, path) as lines:
        comment = f"NOT regexp_matches(text, {_text(chosen.comment)})" if chosen.comment else "true"
        understood = f"regexp_matches(text, {_text(chosen.sign)})"
        columns = ", ".join(
            f"{dated(expression)} AS {_name(column)}" for column, expression in chosen.columns.items()
        )
        fields = f", {chosen.fields} AS f" if chosen.fields else ""
        known = "src_ip IS NOT NULL" + (" OR dst_ip IS NOT NULL" if "dst_ip" in chosen.columns else "")
        con.execute(
            f"CREATE TABLE {_name(table)} AS SELECT * FROM (SELECT line, {columns} FROM (SELECT line, text{fields} "
            f"FROM {lines} WHERE {understood} AND {comment})) WHERE {known}"
        )
        con.execute(
            f"CREATE TABLE {_name(table + '_unparsed')} AS SELECT line, left(text, {KEPT_TEXT}) AS text FROM {lines} "
            f"WHERE {comment} AND trim(text) <> '' AND line NOT IN (SELECT line FROM {_name(table)}) ORDER BY line"
        )
    counts = [con.table(_name(n)).count("*").fetchall()[0][0] for n in (table, f"{table}_unparsed")]
    return LogTable(table, chosen.name, *counts)


def _format(path: Path, wanted: str | None) -> Format:
    from workbench.addresses.lines import first_lines

    found = wanted or detect(path)
    if found is None:
        raise ValueError(f"{path}: no known log format; say which, one of: {', '.join(FORMATS)}")
    if found not in FORMATS:
        raise ValueError(f"no log format {found!r}; there are: {', '.join(FORMATS)}")
    item = FORMATS[found]
    return item.header(first_lines(path, 50)) if item.header else item


class _Lines:
    """The lines of the file as a temporary table, for as long as they are taken apart."""

    def __init__(self, con: duckdb.DuckDBPyConnection, path: Path) -> None:
        self._con, self._path = con, path

    def __enter__(self) -> str:
        from workbench.addresses.lines import line_reader

        with line_reader(self._path) as lines:
            self._con.register("_workbench_lines_in", lines)
            try:
                self._con.execute("CREATE OR REPLACE TEMP TABLE _workbench_lines AS FROM _workbench_lines_in")
            finally:
                self._con.unregister("_workbench_lines_in")
        return "_workbench_lines"

    def __exit__(self, *_: object) -> None:
        self._con.execute("DROP TABLE IF EXISTS _workbench_lines")


def _name(identifier: str) -> str:
    return '"' + identifier.replace('"', '""') + '"'


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
