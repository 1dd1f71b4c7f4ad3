"""CSV, JSON and Parquet files as DuckDB tables, whatever their encoding and packing; lines that do not fit are put aside,
none is lost."""

from __future__ import annotations

import codecs
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import duckdb

from workbench._sql import identifier
from workbench.addresses.lines import LinesError, first_lines, line_reader, read_blocks
from workbench.frames.duckdb import watched

__all__ = ["read_csv", "read_json", "read_parquet"]

_PACKING = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd"}
_DAMAGED = (duckdb.IOException, duckdb.DataError, duckdb.ProgrammingError)
"""What DuckDB raises for a file that it cannot read."""
_REJECTED, _SCANS = "_workbench_rejected", "_workbench_rejected_scans"


def read_csv(con: duckdb.DuckDBPyConnection, path: Path, table: str) -> int:
    """Read a CSV file into the new ``table``; returns how many lines of it are in ``<table>_unparsed`` (line, text).

    gzip, zstd and UTF-16 are told by the first bytes, not by the name; what is no UTF-8 is read as Latin-1. To be called within a transaction.

    Raises:
        ValueError: the file is damaged, or in big-endian UTF-16.
        OSError: the file cannot be opened.
    """
    with path.open("rb") as file:
        head = file.read(4)
    packing = next((name for magic, name in _PACKING.items() if head.startswith(magic)), "none")
    if head.startswith(b"\xfe\xff") or head[::2] == b"\0\0":
        raise ValueError(f"{path} is in big-endian UTF-16, which is not read as CSV: save it as UTF-8")
    wide = (
        head.startswith(b"\xff\xfe") or head[1::2] == b"\0\0"
    )  # what Windows writes, with and without a mark
    # What spreadsheets in much of Europe write; what comes after the first block is taken to be like it.
    encoding = ", encoding = 'utf-16'" if wide else "" if _is_utf8(path) else ", encoding = 'latin-1'"
    how = f"compression = '{packing}'{encoding}"
    try:
        put_aside = _read(con, path, table, how)
        if put_aside > _count(con, table):
            put_aside = _read_below_a_title(con, path, table, how) or put_aside
        if not put_aside:
            con.execute(f"DROP TABLE {identifier(f'{table}_unparsed')}")
    except _DAMAGED as error:
        raise ValueError(f"{path} cannot be read as CSV: {_said(error)}") from error
    return put_aside


def _is_utf8(path: Path) -> bool:
    try:
        codecs.getincrementaldecoder("utf-8")().decode(next(read_blocks(path), b""))
    except UnicodeDecodeError:
        return False
    except LinesError:  # damaged: told of when it is read
        return True
    return True


def _read(con: duckdb.DuckDBPyConnection, path: Path, table: str, how: str) -> int:
    # With store_rejects DuckDB takes the columns from the first line; without, from the longest run of lines that fit
    # together, and says nothing of those before.
    con.execute(
        f"CREATE TABLE {identifier(table)} AS FROM read_csv($1, {how}, store_rejects = true, "
        f"rejects_table = '{_REJECTED}', rejects_scan = '{_SCANS}')",
        [str(path)],
    )
    unparsed = f"{table}_unparsed"
    con.execute(
        f"CREATE TABLE {identifier(unparsed)} AS SELECT line::BIGINT AS line, any_value(csv_line) AS text "
        f"FROM {_REJECTED} GROUP BY ALL ORDER BY line"
    )
    con.execute(f"DROP TABLE {_REJECTED}; DROP TABLE {_SCANS}")
    return _count(con, unparsed)


def _read_below_a_title(con: duckdb.DuckDBPyConnection, path: Path, table: str, how: str) -> int:
    """Read anew a file with a title or notes above its columns, if DuckDB finds columns further down; the number of
    lines above, which are put aside, or 0."""
    (skipped,) = con.execute(f"SELECT SkipRows FROM sniff_csv($1, {how})", [str(path)]).fetchall()[0]
    if not skipped:
        return 0
    unparsed = identifier(f"{table}_unparsed")
    con.execute(f"CREATE OR REPLACE TABLE {identifier(table)} AS FROM read_csv($1, {how})", [str(path)])
    con.execute(f"CREATE OR REPLACE TABLE {unparsed} (line BIGINT, text VARCHAR)")
    con.executemany(f"INSERT INTO {unparsed} VALUES (?, ?)", list(enumerate(first_lines(path, skipped), 1)))
    return int(skipped)


def read_json(
    con: duckdb.DuckDBPyConnection, path: Path, table: str, progress: Callable[[int, int], None] | None = None
) -> int:
    """Read a JSON document, an array of objects or an object a line, into the new ``table``; returns how many lines of
    it are in ``<table>_unparsed`` (line, text).

    Of objects a line those that are damaged are put aside, and a value that is not of the kind of the others makes its
    column JSON; a document or an array that is damaged is refused as a whole.

    Raises:
        ValueError: the file is damaged, and not in single lines.
        OSError: the file cannot be opened.
    """
    with path.open("rb"):
        pass  # a file that is not there is told of in the words of the system

    def whole(records: Literal["true", "auto"]) -> int:
        con.read_json(str(path), records=records).create(table)
        return 0

    # Each in a transaction of its own: the one in which a statement failed is over.
    attempts: tuple[Callable[[], int], ...] = (
        lambda: whole("true"),
        lambda: _read_sound_lines(con, path, table),
        lambda: whole("auto"),  # values that are no objects, in a column "json"
    )
    for read in attempts:
        try:
            with watched(con, progress):
                return read()
        except LinesError as error:
            raise ValueError(str(error)) from error
        except _DAMAGED as error:
            complaint = error
    raise ValueError(f"{path} cannot be read: {_said(complaint)}") from complaint


def _read_sound_lines(con: duckdb.DuckDBPyConnection, path: Path, table: str) -> int:
    """The lines that are objects as ``table``, the others as ``<table>_unparsed``; how many those are.

    The sound ones go to DuckDB once more as a file, so that they get the types they would have had without the others.
    """
    unparsed = identifier(f"{table}_unparsed")
    with line_reader(path) as lines, tempfile.NamedTemporaryFile(suffix=".ndjson") as sound:  # noqa: F841
        con.execute(
            "CREATE TEMP TABLE _workbench_json AS SELECT line, text, "
            "CASE WHEN json_valid(text) THEN json_type(text) = 'OBJECT' ELSE false END AS sound "
            "FROM lines WHERE trim(text) <> ''"
        )
        for batch in con.sql("SELECT text FROM _workbench_json WHERE sound ORDER BY line").to_arrow_reader(
            50_000
        ):
            sound.writelines(f"{text}\n".encode() for text in batch.column(0).to_pylist())
        sound.flush()
        if not sound.tell():
            raise duckdb.InvalidInputException("no line of it is an object")
        con.read_json(sound.name, format="newline_delimited", sample_size=-1).create(table)
    con.execute(
        f"CREATE TABLE {unparsed} AS SELECT line, text FROM _workbench_json WHERE NOT sound ORDER BY line"
    )
    con.execute("DROP TABLE _workbench_json")
    if not (put_aside := _count(con, f"{table}_unparsed")):
        con.execute(f"DROP TABLE {unparsed}")
    return put_aside


def read_parquet(con: duckdb.DuckDBPyConnection, path: Path, table: str) -> None:
    """Read a Parquet file into the new ``table``. To be called within a transaction.

    Raises:
        ValueError: the file is damaged.
    """
    try:
        con.read_parquet(str(path)).create(table)
    except _DAMAGED as error:
        raise ValueError(f"{path} cannot be read: {_said(error)}") from error


def _said(error: duckdb.Error) -> str:
    return " ".join(str(error).split())[:200]


def _count(con: duckdb.DuckDBPyConnection, table: str) -> int:
    return int(con.execute(f"SELECT count(*) FROM {identifier(table)}").fetchall()[0][0])
