"""``%%ip``: SQL over a case in a cell, and ``%ip``: look an address up in a line."""

# mypy: disable-error-code="no-untyped-call,untyped-decorator"

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from IPython.core.magic import Magics, line_cell_magic, magics_class
from IPython.core.magic_arguments import argument, magic_arguments, parse_argstring

from workbench.frames.interrupts import ctrl_c

if TYPE_CHECKING:
    import duckdb
    import pandas as pd

__all__ = ["IPMagics", "bound", "register"]

ROWS = 10_000
_PLACES = re.compile(
    r"""'(?:[^']|'')*' | "(?:[^"]|"")*" | --[^\n]* | /\*.*?\*/ | \$(\w*)\$.*?\$\1\$ | \{\s*(?P<name>[A-Za-z_]\w*)\s*\}""",
    re.VERBOSE | re.DOTALL,
)


def register(shell: Any) -> None:
    """Add the magics to a session."""
    shell.register_magics(IPMagics)


@magics_class
class IPMagics(Magics):
    """The magics of the workbench."""

    _own: duckdb.DuckDBPyConnection | None = None

    @magic_arguments()
    @argument(
        "what",
        nargs="*",
        help="of a cell: the case (or DuckDB connection) to ask; of a line: addresses, also 1[.]2[.]3[.]4",
    )
    @argument(
        "--into", metavar="NAME", help="keep all rows as the pandas frame NAME, in place of showing them"
    )
    @argument("--rows", type=int, default=ROWS, help="rows to show at most (10,000)")
    @line_cell_magic
    def ip(self, line: str, cell: str | None = None) -> Any:
        """Ask a case in SQL, or look addresses up.

        %%ip case
        SELECT src_ip, ip_country(src_ip), count(*) FROM firewall WHERE src_ip IN {suspects} GROUP BY ALL

        The functions ip_country, ip_asn, ip_is_tor, ip_verdict, ip_enrich … are there. {name} stands for a Python
        variable: a value or a list is bound, never pasted into the query; a frame is a table. Without the name of a
        case the only one of the notebook is asked, and where there is none a database in memory.

        %ip 185.246.188[.]74

        shows what is known of an address, of several their triage.
        """
        given = parse_argstring(self.ip, line)
        if cell is None:
            return _looked_up(" ".join(given.what))
        if len(given.what) > 1:
            raise ValueError(f"one case is asked at a time, not {' and '.join(given.what)}")
        if given.into is not None and not given.into.isidentifier():
            raise ValueError(f"--into {given.into}: no name for a variable")
        con = self._connection(given.what[0] if given.what else None)
        found = _asked(con, cell, self._variables, None if given.into else given.rows)
        if given.into is None:
            return found
        if found is None:
            raise ValueError(f"--into {given.into}: the statement gives no rows")
        self._variables[given.into] = found
        print(f"{given.into}: {len(found):,} rows, {len(found.columns)} columns")
        return None

    @property
    def _variables(self) -> dict[str, Any]:
        assert self.shell is not None
        found: dict[str, Any] = self.shell.user_ns
        return found

    def _connection(self, name: str | None) -> duckdb.DuckDBPyConnection:
        """Of the case so named, of the only one, or one in memory."""
        from duckdb import DuckDBPyConnection

        from workbench.case import Case

        variables = self._variables
        if name is not None:
            thing = variables.get(name)
            if isinstance(thing, Case):
                return thing.con
            if isinstance(thing, DuckDBPyConnection):
                return _with_functions(thing)
            known = _cases(variables)
            raise ValueError(
                f"{name} is no case: " + (f"there are {', '.join(known)}" if known else f'{name} = wb.open_case("{name}.duckdb") opens one')
            )  # fmt: skip
        known = _cases(variables)
        if len(known) > 1:
            raise ValueError(f"which case? there are {', '.join(known)}: write %%ip {next(iter(known))}")
        if known:
            (case,) = known.values()
            return case.con  # type: ignore[no-any-return]
        if IPMagics._own is None:
            import duckdb

            IPMagics._own = _with_functions(duckdb.connect())
        return IPMagics._own


def _cases(variables: dict[str, Any]) -> dict[str, Any]:
    """The cases of a notebook by name, each once."""
    from workbench.case import Case

    found: dict[int, tuple[str, Any]] = {}
    for name, thing in list(variables.items()):
        if isinstance(thing, Case) and not name.startswith("_"):
            found.setdefault(id(thing), (name, thing))
    return dict(found.values())


def _with_functions(con: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
    from workbench.frames.duckdb import attach

    there = con.execute("SELECT 1 FROM duckdb_functions() WHERE function_name = 'ip_enrich' LIMIT 1")
    return con if there.fetchall() else attach(con)


def _looked_up(text: str) -> Any:
    from workbench import lookup, triage
    from workbench.addresses.extract import extract_text

    found = extract_text(text).table
    addresses = [row["address"] for row in found.to_pylist() if row["kind"] == "address"]
    if not addresses:
        raise ValueError(f"{text[:100]!r} holds no IP address" if text else "which address? %ip 9.9.9.9")
    return lookup(addresses[0]) if len(addresses) == 1 else triage(addresses)


def bound(sql: str, variables: dict[str, Any]) -> tuple[str, dict[str, Any], dict[str, Any]]:
    """The query with its ``{name}`` replaced, the values to bind, and the tables to register, each by name.

    Quoted text and comments are left as they are.

    Raises:
        LookupError: there is no variable of that name.
        TypeError: it is nothing that SQL knows.
    """
    values: dict[str, Any] = {}
    tables: dict[str, Any] = {}

    def replaced(found: re.Match[str]) -> str:
        name = found["name"]
        if name is None:
            return found[0]
        if name not in variables:
            raise LookupError(f"{{{name}}}: there is no variable {name} in this notebook")
        key = f"py_{name}"
        thing = variables[name]
        table = _table_of(thing)
        if table is not None:
            tables[key] = table
            return f'"{key}"'
        values[key] = _value_of(name, thing)
        return f"${key}"

    return _PLACES.sub(replaced, sql), values, tables


def _table_of(thing: Any) -> Any:
    """What DuckDB can read as a table, or None."""
    import pyarrow as pa

    table = getattr(thing, "table", None)
    if isinstance(table, pa.Table):  # a triage, an extraction, matches
        return table
    kind = f"{type(thing).__module__.partition('.')[0]}.{type(thing).__name__}"
    if isinstance(thing, pa.Table) or kind in ("pandas.DataFrame", "polars.DataFrame", "polars.LazyFrame"):
        return thing
    if kind.endswith(".DuckDBPyRelation"):
        return thing.to_arrow_table()
    return None


def _value_of(name: str, thing: Any) -> Any:
    """A value to bind: plain, or a list of plain ones."""
    import ipaddress
    from datetime import date, time, timedelta
    from decimal import Decimal
    from uuid import UUID

    if thing is None or isinstance(thing, str | int | float | bool | bytes | date | time | timedelta | Decimal | UUID):  # fmt: skip
        return thing
    if isinstance(thing, ipaddress._BaseAddress | ipaddress._BaseNetwork):
        return str(thing)
    if hasattr(thing, "to_pylist") or hasattr(thing, "tolist"):  # Arrow, pandas and numpy
        thing = thing.to_pylist() if hasattr(thing, "to_pylist") else thing.tolist()
        return thing if not isinstance(thing, list) else [_value_of(name, item) for item in thing]
    if isinstance(thing, list | tuple | set | frozenset):
        return [_value_of(name, item) for item in thing]
    if hasattr(thing, "address"):  # a profile, an Intel record
        return thing.address
    raise TypeError(f"{{{name}}}: a {type(thing).__name__} is no value and no table for SQL")


def _asked(con: duckdb.DuckDBPyConnection, sql: str, variables: dict[str, Any], limit: int | None) -> pd.DataFrame | None:  # fmt: skip
    """What the last statement gives, ``limit`` rows at most."""
    query, values, tables = bound(sql, variables)
    with ctrl_c(), _mended(con):
        statements = con.extract_statements(query)
        if not statements:
            raise ValueError("there is no statement in the cell")
        for name, table in tables.items():
            con.register(name, table)
        try:
            for number, statement in enumerate(statements, 1):
                wanted = {name: values[name] for name in statement.named_parameters if name in values}
                if number == len(statements):
                    return _frame(con, statement, wanted, limit)
                con.execute(statement, wanted or None)
            return None
        finally:
            for name in tables:
                con.unregister(name)


def _frame(con: duckdb.DuckDBPyConnection, statement: Any, values: dict[str, Any], limit: int | None) -> pd.DataFrame | None:  # fmt: skip
    if statement.type.name in ("INSERT", "UPDATE", "DELETE", "MERGE_INTO"):
        con.execute(statement, values or None)
        names = [column[0] for column in con.description or ()]
        if names == ["Count"]:
            print(f"{con.fetchall()[0][0]:,} rows")
            return None
        found: pd.DataFrame = con.df()  # RETURNING
        return found
    relation = con.sql(statement, params=values or None)
    if relation is None:
        return None
    table = (relation if limit is None else relation.limit(limit + 1)).to_arrow_table()
    if limit is not None and len(table) > limit:
        print(f"the first {limit:,} rows; --into NAME keeps all, --rows N shows more")
        table = table.slice(0, limit)
    return _pandas(table)


def _pandas(table: Any) -> pd.DataFrame:
    """Integers stay integers where some are null, and sums are numbers."""
    import pandas as pd
    import pyarrow as pa

    for place, field in enumerate(table.schema):
        if pa.types.is_decimal(field.type) and field.type.scale == 0:  # DuckDB's HUGEINT, of sum()
            try:
                table = table.set_column(place, field.name, table.column(place).cast(pa.int64()))
            except pa.ArrowInvalid:
                continue
    nullable = {
        pa.int8(): pd.Int8Dtype(), pa.int16(): pd.Int16Dtype(), pa.int32(): pd.Int32Dtype(), pa.int64(): pd.Int64Dtype(),
        pa.uint8(): pd.UInt8Dtype(), pa.uint16(): pd.UInt16Dtype(), pa.uint32(): pd.UInt32Dtype(),
        pa.uint64(): pd.UInt64Dtype(), pa.bool_(): pd.BooleanDtype(),
    }  # fmt: skip
    frame: pd.DataFrame = table.to_pandas(types_mapper=nullable.get)
    return frame


@contextmanager
def _mended(con: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Errors of DuckDB in one line, with what there is instead."""
    import duckdb

    try:
        yield
    except duckdb.ConnectionException:
        raise ValueError("the case is closed: open it again with wb.open_case(…)") from None
    except duckdb.ParserException as error:
        raise ValueError(f"SQL: {_where(str(error))}") from None
    except duckdb.CatalogException as error:
        first = str(error).partition("\n")[0].removeprefix("Catalog Error: ")
        missing = re.match(r"Table with name (.+?) does not exist", first)
        if not missing:
            raise ValueError(f"SQL: {' '.join(str(error).split())}") from None
        tables = []
        with suppress(duckdb.Error):  # a transaction that has failed tells nothing any more
            tables = [row[0] for row in con.execute("SHOW TABLES").fetchall() if not row[0].startswith("py_")]
        raise ValueError(
            f"SQL: no table {missing[1]}; there are: {', '.join(tables) or 'none, ingest a log first'}; a frame of this notebook is {{{missing[1]}}}"
        ) from None
    except duckdb.Error as error:
        raise ValueError(f"SQL: {' '.join(str(error).partition(chr(10) + 'LINE')[0].split())}") from None


def _where(text: str) -> str:
    """A syntax error with the piece of the line it is in, in place of a caret below it."""
    message, _, rest = text.removeprefix("Parser Error: ").partition("\n")
    line = re.search(r"LINE (\d+): (.*)", rest)
    return f"{message} in line {line[1]}: {line[2].strip()[:120]}" if line else message
