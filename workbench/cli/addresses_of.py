"""The addresses of a file the analyst points at, whatever it is."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import duckdb

__all__ = ["Found", "addresses_of"]


@dataclass(frozen=True, slots=True)
class Found:
    """Distinct addresses with how often each occurred, and what to tell about the reading."""

    addresses: Any
    hits: Any
    notes: list[str] = field(default_factory=list)


def addresses_of(file: Path, log_format: str | None = None) -> Found:
    """Source and destination addresses of a log whose format is known, else every address in the text.

    Raises:
        ValueError: ``log_format`` is none, or the file holds no address.
        OSError: the file cannot be read.
    """
    if str(file) != "-":
        from workbench.addresses.logs import detect

        if not file.exists() and _is_address(str(file)):
            raise ValueError(f"there is no file {file}; one address: workbench lookup {file}")

        found = log_format or detect(file)
        if found:
            return _of_log(file, found)
    elif log_format:
        raise ValueError("--format needs a file; standard input is read as text")
    return _of_text(file)


def _of_log(file: Path, log_format: str) -> Found:
    import duckdb

    from workbench.addresses.logs import read_log

    con = duckdb.connect()
    log = read_log(con, file, format=log_format, name="log")
    if not log.rows and log.unparsed:
        raise ValueError(f"{file}: none of {log.unparsed:,} lines is {log.format}{_first_unparsed(con)}")
    table = con.table("log")
    columns = [name for name in ("src_ip", "dst_ip") if name in table.columns]
    union = table.project(f"{columns[0]} AS address")
    for column in columns[1:]:
        union = union.union(table.project(f"{column} AS address"))
    counted = union.filter("address IS NOT NULL").aggregate("address, count(*) AS hits").to_arrow_table()
    notes = [f"{log.rows} lines of {log.format}"]
    if log.unparsed:
        notes = [f"{notes[0]}; {log.unparsed} not understood{_first_unparsed(con)}"]
    return Found(counted.column("address"), counted.column("hits"), notes)


def _first_unparsed(con: duckdb.DuckDBPyConnection) -> str:
    line, text = con.sql("SELECT line, text FROM log_unparsed ORDER BY line LIMIT 1").fetchall()[0]
    return f", the first is line {line}: {text[:80]!r}"


def _of_text(file: Path) -> Found:
    import pyarrow.compute as pc

    from workbench.addresses.extract import extract

    found = extract("-" if str(file) == "-" else file)
    addresses = found.table.filter(pc.equal(found.table.column("kind").cast("string"), "address"))
    if not len(addresses):
        raise ValueError(found.nothing())
    notes = [f"{found.rejected_count} malformed addresses"] if found.rejected_count else []
    return Found(addresses.column("address"), addresses.column("count"), notes)


def _is_address(text: str) -> bool:
    from workbench.addresses.text import parse

    return bool(parse([text]).version[0])
