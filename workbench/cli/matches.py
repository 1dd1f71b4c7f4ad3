"""STIX on the terminal: matches of indicators, the progress of an import."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    import duckdb

    from workbench.exchange.stix import Matches

from workbench.cli.terminal import plain

__all__ = ["counting", "show", "with_fields"]


@contextmanager
def counting(what: str) -> Iterator[Callable[[int], None]]:
    """A line on standard error that counts objects, where somebody looks at it."""
    from rich.console import Console
    from rich.text import Text

    total = 0
    with Console(stderr=True).status(Text(plain(what))) as status:

        def progress(done: int) -> None:
            nonlocal total
            total += done
            status.update(Text(f"{plain(what)}: {total:,} objects"))

        yield progress


def with_fields(con: duckdb.DuckDBPyConnection, table: str, result: Matches) -> list[dict[str, Any]]:
    """The matches with the columns of their rows that are known by name, where rows can be found again."""
    import duckdb

    from workbench._sql import identifier
    from workbench.exchange.stix.matching import quoted

    rows: list[dict[str, Any]] = result.table.select(["row", "time", "indicator", "name"]).to_pylist()
    used = [c for role, names in result.columns.roles.items() if role != "ts" for c in names]
    wanted = [*dict.fromkeys(["line", *used] if _has_line(con, table) else used)]
    if not rows or not wanted:
        return rows
    numbers = result.table.select(["row"]).group_by("row").aggregate([])
    con.register("__matched", numbers)
    try:
        found = con.sql(
            f"SELECT rowid AS __row, {', '.join(map(identifier, wanted))} FROM {quoted(table)} "  # noqa: S608
            "WHERE rowid IN (SELECT row FROM __matched)"
        ).to_arrow_table()
    except duckdb.BinderException:  # a view
        return rows
    finally:
        con.unregister("__matched")
    fields = {row.pop("__row"): row for row in found.to_pylist()}
    return [{**row, "fields": fields[row["row"]]} for row in rows]


def _has_line(con: duckdb.DuckDBPyConnection, table: str) -> bool:
    from workbench.exchange.stix.matching import quoted

    return "line" in con.sql(f"SELECT * FROM {quoted(table)} LIMIT 0").columns  # noqa: S608


def show(rows: list[dict[str, Any]], total: int) -> None:
    """The first rows that matched, of ``total``, as a table."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    fields = list(rows[0].get("fields", {}))
    first = "line" if "line" in fields else "row"
    fields = [name for name in fields if name != "line"]
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1))
    for name in (first, "time (UTC)", *fields, "indicator"):
        table.add_column(name, justify="right" if name == first else "left", overflow="fold")
    for row in rows:
        known = row.get("fields", {})
        time = f"{row['time']:%Y-%m-%d %H:%M:%S}" if row["time"] else ""
        values = [
            str(known.get("line", row["row"])),
            time,
            *("" if known.get(f) is None else str(known[f]) for f in fields),
        ]
        table.add_row(*(Text(plain(value)) for value in (*values, row["name"])))
    console = Console(highlight=False)
    (console if console.is_terminal else Console(highlight=False, width=200)).print(table)
    if total > len(rows):
        click.echo(f"… and {total - len(rows):,} more; --all shows them, --json holds them")
