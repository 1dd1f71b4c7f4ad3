"""DuckDB files, opened with errors in the analyst's words."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import duckdb

__all__ = ["open_file"]


def open_file(path: Path | str) -> duckdb.DuckDBPyConnection:
    """Open or create a DuckDB file, a case file among them; a new one is readable by its owner alone, since a case
    may hold TLP:AMBER and above. ``:memory:`` is none.

    Raises:
        OSError: it is open in another process, no DuckDB file, or cannot be read or made.
    """
    import duckdb

    file = Path(path)
    new = not file.exists()
    if file.is_dir():
        raise OSError(f"{path} is a folder: a case is a file, such as {file / 'case.duckdb'}")
    if file.is_file() and not _is_database(file):
        # DuckDB would open a CSV or JSON file too, as a database that is not kept.
        raise OSError(
            f"{path} cannot be opened as a case: it is no DuckDB file, or the beginning of one is damaged; "
            f"a log or table goes into a case with ingest()"
        )
    try:
        con = duckdb.connect(str(path))
    except (duckdb.IOException, duckdb.InvalidInputException, duckdb.SerializationException) as error:
        raise OSError(_why(path, str(error))) from error
    if new and file.is_file():
        file.chmod(0o600)
    return con


def _is_database(file: Path) -> bool:
    with file.open("rb") as opened:
        return opened.read(12)[8:] == b"DUCK"


def _why(path: Path | str, said: str) -> str:
    if holder := re.search(r"Conflicting lock is held in (\S+)(?: \(PID (\d+)\))?", said):
        process = f" ({Path(holder[1]).name}, process {holder[2]})" if holder[2] else ""
        return f"{path} is open in another process{process}: close it there, in a notebook by shutting its kernel down"
    return f"{path} cannot be opened as a case: {said.splitlines()[0]}"
