"""IP Workbench: turn a pile of IP addresses into decisions.

``import workbench as wb``, then ``wb.lookup("185.220.101.4")``, ``wb.triage(addresses)``,
``df.ip.enrich("src_ip")``. Nothing heavy is imported before it is used.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from workbench._accessors import register_when_pandas_loads as _register_when_pandas_loads
from workbench._extras import naming_extras as _naming_extras
from workbench.notebook import session as _session

if TYPE_CHECKING:
    from pathlib import Path

    import duckdb
    import pyarrow as pa

    from workbench import intel as intel
    from workbench.case import Case
    from workbench.enrichment import Intel, Triage
    from workbench.exchange import stix as stix
    from workbench.exchange import taxii as taxii
    from workbench.intel import Snapshot
    from workbench.notebook import widgets as widgets
    from workbench.notebook.board import Board
    from workbench.notebook.maps import AddressMap
    from workbench.reports import Report
    from workbench.store import Store

__version__ = "0.1.0"
__all__ = [
    "attach",
    "board",
    "connect_store",
    "enrich",
    "enrich_table",
    "intel",
    "lookup",
    "map",
    "open_case",
    "report",
    "stix",
    "taxii",
    "triage",
    "widgets",
]


@_naming_extras()
def lookup(
    address: str,
    *,
    snapshot: Snapshot | str | None = None,
    providers: str | Sequence[str] = (),
    force_refresh: bool = False,
    offline: bool = False,
) -> Intel:
    """Look one address up: where, whose, on which lists, and the verdict with its evidence.

    ``snapshot`` is a snapshot, its id or a date; the current one by default. ``providers`` are asked as well, and
    what they find enters the verdict. **Each learns which address you look into**, so none is asked that is
    not named; see :mod:`workbench.intel.providers` for them, ``force_refresh`` and ``offline``.
    """
    from workbench import enrichment
    from workbench.enrichment import record

    engine = enrichment.open_engine(snapshot)
    answers: Sequence[Any] = ()
    if providers:
        from workbench.intel.providers import ask

        answers = ask([record.as_pasted(address)], providers, force_refresh=force_refresh, offline=offline)
    return record.lookup(engine, address, answers)


def enrich(
    addresses: Any, *, snapshot: Snapshot | str | None = None, progress: Callable[[int], None] | None = None
) -> pa.Table:
    """Intel on a column of addresses: a pyarrow Table with one row per input, in the same order.

    ``addresses`` is a list, pandas Series, Arrow array, or a DuckDB relation of one column. Malformed and
    null addresses give nulls, scope ``invalid`` and verdict ``invalid``.
    """
    from workbench import enrichment

    return enrichment.open_engine(snapshot).enrich(_column(addresses), progress)


def triage(addresses: Any, concern: Iterable[str] = (), *, snapshot: Snapshot | str | None = None) -> Triage:
    """Judge the distinct external addresses and sort them worst first, with the reasons.

    ``concern`` are ISO 3166-1 alpha-2 codes of countries where a datacenter is worth a look.
    """
    from workbench import enrichment
    from workbench.enrichment import triage as room

    return room.triage(enrichment.open_engine(snapshot), _column(addresses), concern)


def attach(con: duckdb.DuckDBPyConnection, *, snapshot: Any = None) -> duckdb.DuckDBPyConnection:
    """Add ``ip_enrich(addr)``, ``ip_country(addr)``, ``ip_is_tor(addr)`` … to a DuckDB connection."""
    from workbench.frames import duckdb as room

    return room.attach(con, snapshot)


def enrich_table(
    con: duckdb.DuckDBPyConnection, table: str, column: str, into: str, **options: Any
) -> duckdb.DuckDBPyRelation:
    """Write a DuckDB table with intel on one of its columns to a new table; see :func:`workbench.frames.duckdb.enrich_table`."""
    from workbench.frames import duckdb as room

    return room.enrich_table(con, table, column, into, **options)


@_naming_extras()
def board(data: Any, concern: Iterable[str] = (), **options: Any) -> Board:
    """Show a triage, a case, a table or addresses as a board to filter and to act on; see
    :func:`workbench.notebook.board.board` for the options: ``store=``, ``case=``, ``time=``, ``title=`` …
    ``board.selected`` are the rows chosen on it."""
    from workbench.notebook import board as room

    return room.board(data, concern, **options)


@_naming_extras()
def map(data: Any, **options: Any) -> AddressMap:
    """Draw a triage, a table or addresses on a map that works offline; see :func:`workbench.notebook.maps.draw`
    for the options: ``target=`` for flows, ``time=``, ``home=``, ``tlp=``, ``title=`` … ``.save("map.html")`` writes it."""
    from workbench.notebook import maps

    return maps.draw(data, **options)


def open_case(path: str) -> Case:
    """Open or create a case: a DuckDB file that holds the logs, enriched tables and profiles of one matter."""
    from workbench.case import Case

    return Case(path)


@_naming_extras()
def connect_store(
    url: str | None = None, *, organisation: str = "My organisation", directory: Path | str | None = None
) -> Store:
    """Connect to a shared store of profiles, or, without a URL, to the one on this machine; see
    :func:`workbench.store.connect_store`."""
    from workbench.store import connect_store as connect

    return connect(url, organisation=organisation, directory=directory)


@_naming_extras("reports")
def report(
    name: str,
    *,
    to: str | Sequence[str] = ("html",),
    output: str = ".",
    for_member: str | None = None,
    for_tlp: str | None = None,
    for_organisation: str | None = None,
    progress: Callable[[int, int, str], None] | None = None,
    **parameters: Any,
) -> Report:
    """Make a report: ``wb.report("triage", source="firewall.log", to=["html", "pdf"])``.

    ``to`` are one or more of html, pdf and ipynb, ``output`` the folder in which a new one for the report is made. What
    the recipient may not see is taken out before anything is written: a member of the store (``for_member``, a database
    role), or somebody outside (``for_tlp``, a level, perhaps with ``for_organisation``, a name); by default it is for your own
    eyes. ``workbench report describe NAME`` tells the ``parameters``; see :func:`workbench.reports.run` for what is raised.
    """
    from workbench import reports

    for_whom = reports.recipient(for_member, for_tlp, for_organisation)
    formats = to.split(",") if isinstance(to, str) else to
    return reports.run(name, parameters, to=formats, output=output, for_whom=for_whom, progress=progress)


def _column(addresses: Any) -> Any:
    """A DuckDB relation of one column is that column."""
    if type(addresses).__name__ in ("DataFrame", "Table") and hasattr(addresses, "columns"):
        raise TypeError(
            "a column of addresses is wanted, not a whole table: pass one of it, such as df['src_ip']"
        )
    if type(addresses).__name__ != "DuckDBPyRelation":
        return addresses
    if len(addresses.columns) != 1:
        raise TypeError(f"the relation has {len(addresses.columns)} columns, one is wanted: project it first")
    return addresses.to_arrow_table().column(0)


_ROOMS = {
    "intel": "workbench.intel",
    "stix": "workbench.exchange.stix",
    "taxii": "workbench.exchange.taxii",
    "widgets": "workbench.notebook.widgets",
}


def __getattr__(name: str) -> Any:
    if name in _ROOMS:
        from importlib import import_module

        with _naming_extras():
            return import_module(_ROOMS[name])
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__


def load_ipython_extension(shell: Any) -> None:
    """``%load_ext workbench``: the magics ``%ip`` and ``%%ip``, and errors in one line."""
    _session.load(shell)


def unload_ipython_extension(shell: Any) -> None:
    """``%unload_ext workbench``."""
    _session.unload(shell)


_register_when_pandas_loads()
_session.greet()
