"""``workbench stix …``: bundles in and out, and indicators hunted with in logs."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Iterator
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from workbench.cli.errors import plain_errors

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

    from workbench.exchange.stix import Matches, ObjectStore

__all__ = ["stix"]

_LEVELS = ["clear", "green", "amber", "amber+strict", "red"]
_VERDICTS = ["malicious", "suspicious", "anonymised", "watch", "clean"]
_KINDS = {"address": "addresses", "asn": "autonomous systems", "prefix": "prefixes"}
_CASE = click.option(
    "--case", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="The case file."
)
_TABLE = click.option("--table", metavar="NAME", help="The table of the case; needed where it has several.")
_FORMAT = click.option("--format", "log_format", metavar="NAME", help="Log format, where it is not to be found out.")  # fmt: skip


@click.group()
def stix() -> None:
    """Exchange STIX 2.1 with partners, and find in logs what their indicators describe.

    \b
    workbench stix match partner.json firewall.log
    workbench stix import partner.json --case intrusion.duckdb
    workbench stix export firewall.log --organisation "CERT Example" --tlp green --to community -o bundle.json
    """


@stix.command("export")
@click.argument("file", required=False, type=click.Path(dir_okay=False, allow_dash=True, path_type=Path))
@click.option(
    "--organisation", required=True, metavar="NAME", help="Who makes the bundle and owns what is in it."
)
@click.option("--tlp", required=True, type=click.Choice(_LEVELS, case_sensitive=False), help="How far it may go (TLP 2.0).")  # fmt: skip
@click.option(
    "--to", required=True, metavar="WHO", help="public, community, an organisation, or member@organisation."
)
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="Write here; standard output by default.")  # fmt: skip
@_CASE
@_TABLE
@_FORMAT
@click.option("--concern", multiple=True, metavar="CC", help="Country of concern, as for triage.")
@click.option("--verdict", "verdicts", multiple=True, type=click.Choice(_VERDICTS), help="Export these verdicts; all but clean by default.")  # fmt: skip
@click.option("--investigation", metavar="NAME", help="The matter: a grouping of what is exported.")
@click.option("--client", "clients", multiple=True, metavar="NAME", help="A client of ours, whom AMBER is meant for as well.")  # fmt: skip
@click.option(
    "--recipient", "recipients", multiple=True, metavar="MEMBER", help="Someone it is named for at RED."
)
@click.option("--outside", is_flag=True, help="The organisation it goes to is not of the community.")
@click.option("--days", type=click.IntRange(1, 3650), default=30, show_default=True, help="How long an indicator holds.")  # fmt: skip
@click.option("--identity", metavar="ID", help="The STIX id of the organisation, where it has one.")
@click.option("--snapshot", metavar="ID|DATE", help="Judge by this snapshot, not the current one.")
@plain_errors
def stix_export(
    file: Path | None, organisation: str, tlp: str, to: str, output: Path | None, case: Path | None, table: str | None,
    log_format: str | None, concern: tuple[str, ...], verdicts: tuple[str, ...], investigation: str | None,
    clients: tuple[str, ...], recipients: tuple[str, ...], outside: bool, days: int, identity: str | None,
    snapshot: str | None,
) -> None:  # fmt: skip
    """Judge the outside addresses of FILE, or of a table of a case, and write them as a STIX 2.1 bundle.

    Nothing is written where the recipient may not have it: GREEN does not go to the public, AMBER to nobody
    but the organisation and its clients. Exporting again makes newer versions of the same objects.

    \b
    workbench stix export firewall.log --organisation "CERT Example" --tlp green --to community -o bundle.json
    workbench stix export --case intrusion.duckdb --table firewall --organisation "CERT Example" \\
        --tlp amber --client Waterworks --to Waterworks --investigation "Water utility"
    """
    from workbench.exchange.stix import export, recipient_of
    from workbench.exchange.stix.dossier import SHARED
    from workbench.secrecy import Organisation, Recipient

    own = Organisation(organisation, frozenset(clients))
    recipient = recipient_of(to, own)
    if outside and recipient.organisation is not None:
        named = recipient.organisation
        recipient = Recipient(Organisation(named.name, named.clients, in_community=False), recipient.member)
    result = export(
        _judged(file, case, table, log_format, concern, snapshot),
        organisation=own,
        to=recipient,
        tlp=tlp,
        recipients=recipients,
        verdicts=verdicts or SHARED,
        valid_for=timedelta(days=days),
        identity=identity,
        investigation=investigation,
    )
    if output:
        result.write(output)
        click.echo(f"{output}: {_plain(str(result))}")
    else:
        click.echo(result.serialize())
        click.echo(_plain(str(result)), err=True)


@stix.command("import")
@click.argument(
    "bundles", nargs=-1, required=True, type=click.Path(dir_okay=False, allow_dash=True, path_type=Path)
)
@click.option("--case", required=True, type=click.Path(dir_okay=False, path_type=Path), help="The case file; made where there is none.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON, a line a bundle.")
@plain_errors
def stix_import(bundles: tuple[Path, ...], case: Path, as_json: bool) -> None:
    """Take STIX 2.0 or 2.1 BUNDLES into a case, whatever their size; - reads standard input.

    Every object is kept as it came (table stix_objects). Malformed ones are told and set aside (table
    stix_rejected) and the rest goes in. Exit code 1 if a bundle was cut off.

    \b
    workbench stix import partner.json --case intrusion.duckdb
    workbench stix match --case intrusion.duckdb --table firewall
    """
    from workbench.exchange.stix import ObjectStore, import_bundle

    with _connected(case) as con:
        store = ObjectStore(con)
        broken = False
        for path in bundles:
            source: Any = sys.stdin.buffer if str(path) == "-" else path
            report = import_bundle(source, store, name=str(path))
            broken |= bool(report.broken)
            if as_json:
                fields = ("source", "objects", "new", "repeated", "revoked", "rejected_count", "missing_count", "missing", "broken")  # fmt: skip
                problems = {
                    name: [asdict(p) for p in getattr(report, name)] for name in ("rejected", "notes")
                }
                click.echo(json.dumps({**{name: getattr(report, name) for name in fields}, **problems}))
            else:
                click.echo(_plain(str(report)))
        if not as_json:
            kinds = con.execute(
                "SELECT kind, count(DISTINCT entry) FROM stix_evidence GROUP BY kind ORDER BY kind"
            )
            said = ", ".join(f"{count:,} {_KINDS[kind]}" for kind, count in kinds.fetchall())
            click.echo(f"{case}: evidence on {said or 'no address'}")
    if broken:
        sys.exit(1)


@stix.command("match")
@click.argument("arguments", nargs=-1, metavar="[PATTERN|BUNDLE] [FILE]")
@_CASE
@_TABLE
@_FORMAT
@click.option("--map", "mapping", multiple=True, metavar="ROLE=COLUMN", help="Take a column for src_ip, dst_ip, ts, domain … or a STIX path; ROLE= takes it away.")  # fmt: skip
@click.option(
    "--within-validity", is_flag=True, help="Leave out rows before valid_from and from valid_until on."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON lines, a match a line.")
@click.option("--all", "everything", is_flag=True, help="Print matches beyond the first fifty as well.")
@plain_errors
def stix_match(
    arguments: tuple[str, ...], case: Path | None, table: str | None, log_format: str | None,
    mapping: tuple[str, ...], within_validity: bool, as_json: bool, everything: bool,
) -> None:  # fmt: skip
    """Find the rows of a log, or of a table of a case, that STIX indicators describe.

    Without PATTERN or BUNDLE the indicators that were imported into the case are used.

    \b
    workbench stix match partner.json firewall.log
    workbench stix match "[ipv4-addr:value ISSUBSET '198.51.100.0/24']" firewall.log
    workbench stix match partner.json --case intrusion.duckdb --table firewall
    workbench stix match --case intrusion.duckdb --table firewall
    workbench stix match partner.json web.csv --map src_ip=visitor --map ts=seen_at
    """
    from workbench.exchange.stix import match

    wanted = 1 if case else 2
    if len(arguments) > wanted or (not case and len(arguments) < 2):
        raise click.UsageError(
            "give a pattern or bundle and a log, or --case with a pattern, a bundle or neither"
        )
    named: dict[str, Any] = {}
    for given in mapping:
        role, equals, column = given.rpartition("=")
        if not equals:
            raise ValueError(f"--map wants ROLE=COLUMN, not {given!r}")
        named[role] = column or None
    with _log(case, table, Path(arguments[-1]) if arguments else None, log_format) as (con, log):
        indicators: Any = arguments[0] if arguments else _imported(con, case)
        if isinstance(indicators, str) and indicators == "-":
            indicators = sys.stdin.buffer
        result = match(con, log, indicators, named, within_validity=within_validity)
        rows = _with_fields(con, log, result)
    if as_json:
        for row in rows:
            click.echo(json.dumps(row, default=str))
    elif rows:
        _show(rows if everything else rows[:50], len(rows))
    if not as_json:
        click.echo(_plain(result.summary))
    for label, items in (("not used", result.not_used), ("note", result.notes)):
        for item in items[:10]:
            click.echo(_plain(f"{label}: {item.name}: {item.reason}"), err=True)
        if len(items) > 10:
            click.echo(f"{label}: {len(items) - 10} more", err=True)


def _judged(
    file: Path | None, case: Path | None, table: str | None, log_format: str | None, concern: tuple[str, ...],
    snapshot: str | None,
) -> pa.Table:  # fmt: skip
    from workbench.exchange.stix import observed

    if (file is None) == (case is None):
        raise click.UsageError("give a FILE, or --case and --table")
    if case is not None:
        with _connected(case) as con:
            return observed(con, _chosen(con, case, table), concern=concern, snapshot=snapshot)
    assert file is not None
    if str(file) != "-":
        from workbench.addresses.logs import detect, read_log

        if found := log_format or detect(file):
            with _connected(None) as con:
                read_log(con, file, format=found, name="log")
                return observed(con, "log", concern=concern, snapshot=snapshot)
    from workbench.cli.addresses_of import addresses_of
    from workbench.enrichment import open_engine
    from workbench.enrichment.triage import triage

    found_in = addresses_of(file, log_format)
    return triage(open_engine(snapshot), found_in.addresses, concern, found_in.hits).table


@contextlib.contextmanager
def _connected(case: Path | None) -> Iterator[duckdb.DuckDBPyConnection]:
    import duckdb

    try:
        con = duckdb.connect(str(case) if case else ":memory:")
    except duckdb.Error as error:
        raise OSError(f"{case} cannot be opened as a case: {str(error).splitlines()[0]}") from error
    with con:
        yield con


def _chosen(con: duckdb.DuckDBPyConnection, case: Path | None, table: str | None) -> str:
    found = con.sql(
        "SELECT table_name FROM duckdb_tables() WHERE NOT temporary ORDER BY table_name"
    ).fetchall()
    names = [name for (name,) in found if not name.endswith("_unparsed") and not name.startswith("stix_")]
    if table is None and len(names) == 1:
        return names[0] if names[0].isidentifier() else '"{}"'.format(names[0].replace('"', '""'))
    if table is None:
        raise ValueError(
            f"which table of {case}? --table {' or '.join(names)}" if names else f"{case} has no table"
        )
    return table


@contextlib.contextmanager
def _log(
    case: Path | None, table: str | None, file: Path | None, log_format: str | None
) -> Iterator[tuple[duckdb.DuckDBPyConnection, str]]:
    """The table of a case, or the file as a case would read it."""
    if case is not None:
        with _connected(case) as con:
            yield con, _chosen(con, case, table)
        return
    from workbench.case import Case

    assert file is not None
    with Case(":memory:") as desk:
        desk.ingest(file, name="log", format=log_format)
        yield desk.con, "log"


def _imported(con: duckdb.DuckDBPyConnection, case: Path | None) -> ObjectStore:
    from workbench.exchange.stix import ObjectStore

    store = ObjectStore(con)
    if next(store.indicators(), None) is None:
        raise LookupError(
            f"{case} has no indicators: name a pattern or bundle, or import one (workbench stix import)"
        )
    return store


def _with_fields(con: duckdb.DuckDBPyConnection, table: str, result: Matches) -> list[dict[str, Any]]:
    """The matches with the columns of their rows that are known by name, where rows can be found again."""
    import duckdb

    from workbench.exchange.stix.columns import identifier
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


def _show(rows: list[dict[str, Any]], total: int) -> None:
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
        table.add_row(*(Text(_plain(value)) for value in (*values, row["name"])))
    console = Console(highlight=False)
    (console if console.is_terminal else Console(highlight=False, width=200)).print(table)
    if total > len(rows):
        click.echo(f"… and {total - len(rows):,} more; --all shows them, --json holds them")


def _plain(text: str) -> str:
    """Text of others without what a terminal would obey."""
    return "".join(c if c.isprintable() or c == "\n" else "\N{REPLACEMENT CHARACTER}" for c in text)
