"""``workbench stix …``: bundles in and out, and indicators hunted with in logs."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Iterator
from dataclasses import asdict, replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from workbench._sql import identifier
from workbench.cli.errors import plain_errors
from workbench.cli.matches import counting, show, with_fields
from workbench.cli.terminal import plain

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

    from workbench.exchange.stix import ObjectStore
    from workbench.secrecy import Organisation, Recipient
    from workbench.store import Store

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
    """Exchange STIX 2.1 with partners, and hunt with it in logs.

    \b
    workbench stix match partner.json firewall.log
    workbench stix import partner.json --case intrusion.duckdb
    workbench stix export firewall.log --organisation "CERT Example" --tlp green --to community -o bundle.json
    """


@stix.command("export")
@click.argument("file", required=False, type=click.Path(dir_okay=False, allow_dash=True, path_type=Path))
@click.option("--organisation", metavar="NAME", help="Who makes the bundle and owns what is in it.")
@click.option("--tlp", type=click.Choice(_LEVELS, case_sensitive=False), help="How far it may go (TLP 2.0).")  # fmt: skip
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
@click.option("--drop", is_flag=True, help="Leave out what the recipient may not have, and tell; else nothing is written.")  # fmt: skip
@click.option("--store", metavar="URL", help="Export from the store (local is the one on this machine): the --investigation, or each --profile, with the markings it has there.")  # fmt: skip
@click.option("--profile", "profiles", multiple=True, metavar="ADDRESS|ID", help="A profile of the store.")
@click.option("--outside", is_flag=True, help="The organisation it goes to is not of the community.")
@click.option("--days", type=click.IntRange(1, 3650), default=30, show_default=True, help="How long an indicator holds.")  # fmt: skip
@click.option("--identity", metavar="ID", help="The STIX id of the organisation, where it has one.")
@click.option("--snapshot", metavar="ID|DATE", help="Judge by this snapshot, not the current one.")
@plain_errors
def stix_export(
    file: Path | None, organisation: str | None, tlp: str | None, to: str, output: Path | None, case: Path | None, table: str | None,
    log_format: str | None, concern: tuple[str, ...], verdicts: tuple[str, ...], investigation: str | None,
    clients: tuple[str, ...], recipients: tuple[str, ...], drop: bool, store: str | None, profiles: tuple[str, ...],
    outside: bool, days: int, identity: str | None, snapshot: str | None,
) -> None:  # fmt: skip
    """Write a log, a case or an investigation as a STIX bundle.

    The outside addresses of FILE, or of a table of a case, are judged first; an investigation and profiles come from the
    store as they are there.

    Nothing is written where the recipient may not have it: GREEN does not go to the public, AMBER to nobody
    but the organisation and its clients. Exporting again makes newer versions of the same objects.

    \b
    workbench stix export firewall.log --organisation "CERT Example" --tlp green --to community -o bundle.json
    workbench stix export --case intrusion.duckdb --table firewall --organisation "CERT Example" \\
        --tlp amber --client Waterworks --to Waterworks --investigation "Water utility"
    workbench stix export --store local --investigation "Water utility" --to community --drop -o water.json
    """
    from workbench.exchange.stix import export

    common: dict[str, Any] = {
        "withheld": "drop" if drop else "refuse", "valid_for": timedelta(days=days), "identity": identity,
    }  # fmt: skip
    if store:
        if (
            file
            or case
            or organisation
            or tlp
            or clients
            or recipients
            or outside
            or not (investigation or profiles)
        ):
            raise click.UsageError(
                "--store goes with --investigation or --profile; organisation, level and recipients are those of the store"
            )
        with _opened(store) as opened:
            things: list[Any] = [opened.profiles.get(name) for name in profiles]
            if investigation:
                things.append(opened.investigations.get(investigation))
            result = export(things, store=opened, to=to, **common)
    else:
        if not organisation or not tlp or profiles:
            raise click.UsageError(
                "--organisation and --tlp are wanted for a file or case; --profile goes with --store"
            )
        from workbench.exchange.stix.dossier import SHARED
        from workbench.secrecy import Organisation

        own = Organisation(organisation, frozenset(clients))
        result = export(
            _judged(file, case, table, log_format, concern, snapshot),
            organisation=own,
            to=_recipient(to, own, outside),
            tlp=tlp,
            recipients=recipients,
            verdicts=verdicts or SHARED,
            investigation=investigation,
            **common,
        )
    if output:
        result.write(output)
        click.echo(f"{output}: {plain(str(result))}")
    else:
        click.echo(result.serialize())
        click.echo(plain(str(result)), err=True)


@stix.command("import")
@click.argument(
    "bundles", nargs=-1, required=True, type=click.Path(dir_okay=False, allow_dash=True, path_type=Path)
)
@click.option("--case", required=True, type=click.Path(dir_okay=False, path_type=Path), help="The case file; made where there is none.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON, a line a bundle.")
@plain_errors
def stix_import(bundles: tuple[Path, ...], case: Path, as_json: bool) -> None:
    """Take STIX 2.0 or 2.1 BUNDLES into a case.

    They may be of any size; - reads standard input. Every object is kept as it came (table stix_objects). Malformed ones are told and set aside (table
    stix_rejected) and the rest goes in. Exit code 1 if a bundle was cut off.

    \b
    workbench stix import partner.json --case intrusion.duckdb
    workbench stix match --case intrusion.duckdb --table firewall
    """
    from workbench.exchange.stix import ObjectStore, import_bundle
    from workbench.exchange.stix.stream import StreamError

    with _connected(case) as con:
        # What is more goes to disk, beside the case: a bundle may be larger than the memory.
        con.execute("SET memory_limit = '400MB'")
        store = ObjectStore(con)
        broken = False
        for path in bundles:
            source: Any = sys.stdin.buffer if str(path) == "-" else path
            try:
                with counting(str(path)) as progress:
                    report = import_bundle(source, store, name=str(path), progress=progress)
            except StreamError as error:
                raise ValueError(f"{'standard input' if str(path) == '-' else path}: {error}") from error
            broken |= bool(report.broken)
            if as_json:
                fields = ("source", "objects", "new", "repeated", "revoked", "rejected_count", "missing_count", "missing", "broken")  # fmt: skip
                problems = {
                    name: [asdict(p) for p in getattr(report, name)] for name in ("rejected", "notes")
                }
                click.echo(json.dumps({**{name: getattr(report, name) for name in fields}, **problems}))
            else:
                click.echo(plain(str(report)))
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
    """Find the rows of a log that STIX indicators describe.

    Or of a table of a case. Without PATTERN or BUNDLE the indicators that were imported into the case are used.

    \b
    workbench stix match partner.json firewall.log
    workbench stix match "[ipv4-addr:value ISSUBSET '198.51.100.0/24']" firewall.log
    workbench stix match partner.json --case intrusion.duckdb --table firewall
    workbench stix match --case intrusion.duckdb --table firewall
    workbench stix match partner.json web.csv --map src_ip=visitor --map ts=seen_at
    """
    from workbench.exchange.stix import match
    from workbench.exchange.stix.stream import StreamError

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
        typed = isinstance(indicators, str) and indicators.lstrip().startswith("[")
        if isinstance(indicators, str) and indicators == "-":
            indicators = sys.stdin.buffer
        elif isinstance(indicators, str) and not typed and not Path(indicators).exists():
            raise ValueError(
                f"{indicators!r} is no bundle that there is, and no pattern, such as [ipv4-addr:value = '198.51.100.7']"
            )
        try:
            result = match(con, log, indicators, named, within_validity=within_validity)
        except StreamError as error:
            raise ValueError(
                f"{arguments[0]} is no bundle: {error}; the indicators come first, then the log"
            ) from error
        if typed and result.not_used:
            raise ValueError(f"{result.not_used[0].name}: {result.not_used[0].reason}")
        rows = with_fields(con, log, result)
    if as_json:
        for row in rows:
            click.echo(json.dumps(row, default=str))
    elif rows:
        show(rows if everything else rows[:50], len(rows))
    if not as_json:
        click.echo(plain(result.summary))
    for label, items in (("not used", result.not_used), ("note", result.notes)):
        for item in items[:10]:
            click.echo(plain(f"{label}: {item.name}: {item.reason}"), err=True)
        if len(items) > 10:
            click.echo(f"{label}: {len(items) - 10} more", err=True)


def _opened(store: str) -> Store:
    from workbench.store import connect_store

    return connect_store(None if store == "local" else store)


def _recipient(to: str, own: Organisation, outside: bool) -> Recipient:
    from workbench.exchange.stix import recipient_of
    from workbench.secrecy import Recipient

    recipient = recipient_of(to, own)
    if not outside or recipient.organisation is None:
        return recipient
    return Recipient(replace(recipient.organisation, in_community=False), recipient.member)


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
    from workbench.frames.files import open_file

    with open_file(case or ":memory:") as con:
        yield con


def _chosen(con: duckdb.DuckDBPyConnection, case: Path | None, table: str | None) -> str:
    found = con.sql(
        "SELECT table_name FROM duckdb_tables() WHERE NOT temporary AND schema_name <> '_workbench' ORDER BY table_name"
    ).fetchall()
    names = [name for (name,) in found if not name.endswith("_unparsed") and not name.startswith("stix_")]
    if table is None and len(names) == 1:
        return names[0] if names[0].isidentifier() else identifier(names[0])
    if not names:
        raise ValueError(
            f"{case} has no table: ingest a log first, in a notebook: case.ingest('firewall.log')"
        )
    if table is None:
        raise ValueError(f"which table of {case}? --table {' or '.join(names)}")
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
