"""``workbench taxii …``: collections of partners polled into a case, and pushed to."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from workbench.cli.errors import plain_errors
from workbench.cli.terminal import plain

if TYPE_CHECKING:
    from workbench.exchange.taxii import Polled, Pushed

__all__ = ["taxii"]

_LEVELS = ["clear", "green", "amber", "amber+strict", "red"]


def _connecting(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options of every command that talks to a server."""
    for option in (
        click.option("--proxy", metavar="URL", help="Go through this proxy; by default HTTPS_PROXY and NO_PROXY say."),
        click.option("--ca", type=click.Path(exists=True, dir_okay=False), help="Trust the authorities of this file (PEM), not the usual ones."),
        click.option("--key", type=click.Path(exists=True, dir_okay=False), help="The key of --cert, where it is not in the same file."),
        click.option("--cert", type=click.Path(exists=True, dir_okay=False), help="Show this client certificate (PEM)."),
    ):  # fmt: skip
        command = option(command)
    return command


@click.group()
def taxii() -> None:
    """Poll collections of TAXII 2.1 servers, and push to them.

    \b
    workbench taxii login https://taxii.example
    workbench taxii discover https://taxii.example
    workbench taxii poll https://taxii.example --into intrusion.duckdb
    workbench stix match --case intrusion.duckdb --table firewall

    Credentials come from the keyring (workbench taxii login) or from the environment, one variable a host:
    for taxii.example it is WORKBENCH_TAXII_TAXII_EXAMPLE_KEY, with USER:PASSWORD or a token in it.
    """


@taxii.command()
@click.argument("url")
@click.option("--token", is_flag=True, help="It wants a token (Bearer), not user and password.")
@click.option("--stdin", "from_stdin", is_flag=True, help="Read the secret from standard input, for scripts.")
@plain_errors
def login(url: str, token: bool, from_stdin: bool) -> None:
    """Keep the credential for the host of URL in the keyring.

    It is asked for, or read from standard input: never on the command line.

    \b
    workbench taxii login https://taxii.example
    pass show taxii | workbench taxii login https://taxii.example --token --stdin
    """
    from workbench.exchange.taxii.connection import parsed_url
    from workbench.exchange.taxii.credentials import keep

    target = parsed_url(url)
    user = "" if token else click.prompt("User", err=True)
    secret = sys.stdin.readline().strip() if from_stdin else click.prompt("Token" if token else "Password", hide_input=True, err=True)  # fmt: skip
    if ":" in user or (token and ":" in secret):
        raise ValueError("there is no colon in a user name, and none in a token")
    keep(target, secret if token else f"{user}:{secret}")
    click.echo(f"kept for {target.netloc.decode()}")


@taxii.command()
@click.argument("url")
@plain_errors
def logout(url: str) -> None:
    """Take the credential for the host of URL out of the keyring."""
    from workbench.exchange.taxii.connection import parsed_url
    from workbench.exchange.taxii.credentials import forget

    target = parsed_url(url)
    click.echo(("forgotten: " if forget(target) else "nothing was kept for ") + target.netloc.decode())


@taxii.command()
@click.argument("url")
@_connecting
@plain_errors
def discover(url: str, **connecting: Any) -> None:
    """Show the API roots and collections behind URL.

    URL is that of a server (its discovery; of a bare host name /taxii2/ is asked), of an API root or a collection.
    """
    from workbench.exchange import taxii as room

    click.echo(plain(str(room.run(room.discover(url, **connecting)))))


@taxii.command()
@click.argument("url")
@click.option("--json", "as_json", is_flag=True, help="Print JSON lines instead of a table.")
@_connecting
@plain_errors
def collections(url: str, as_json: bool, **connecting: Any) -> None:
    """List the collections behind URL: id, what you may do, title."""
    from workbench.exchange import taxii as room

    server = room.run(room.discover(url, **connecting))
    for each in server.collections:
        if as_json:
            click.echo(json.dumps(asdict(each)))
        else:
            may = ("r" if each.can_read else "-") + ("w" if each.can_write else "-")
            click.echo(plain(f"{each.id}  {may}  {each.title}"))
    for root in server.roots:
        if root.problem:
            click.echo(plain(root.problem), err=True)


@taxii.command()
@click.argument("url")
@click.option("--collection", required=True, metavar="ID", help="The collection: its id, alias or title.")
@click.option("--type", "types", multiple=True, metavar="TYPE", help="Only objects of this type, like indicator; may be repeated.")  # fmt: skip
@click.option("--version", "versions", multiple=True, metavar="VERSION", help="first, last, all, or a timestamp; by default the last of each object.")  # fmt: skip
@click.option("--added-after", metavar="TIME", help="Only what was added later (2026-10-05T00:00:00Z).")
@click.option("--json", "as_json", is_flag=True, help="Print JSON lines instead of a table.")
@_connecting
@plain_errors
def manifest(
    url: str, collection: str, types: tuple[str, ...], versions: tuple[str, ...], added_after: str | None, as_json: bool, **connecting: Any
) -> None:  # fmt: skip
    """List what is in a collection, without taking it.

    When each object was added, its version and id.
    """
    from workbench.exchange import taxii as room

    table = room.run(
        room.manifest(url, collection, types=types, versions=versions, added_after=added_after, **connecting)
    )
    for row in table.to_pylist():
        if as_json:
            click.echo(json.dumps(row, default=str))
        else:
            added = f"{row['date_added']:%Y-%m-%d %H:%M:%S}" if row["date_added"] else "?"
            click.echo(plain(f"{added}  {row['version']}  {row['id']}"))


@taxii.command()
@click.argument("url")
@click.option("--into", "case", required=True, type=click.Path(dir_okay=False, path_type=Path), help="The case file; made where there is none.")  # fmt: skip
@click.option("--collection", "collections", multiple=True, metavar="ID", help="This collection (id, alias or title), may be repeated; by default all you may read.")  # fmt: skip
@click.option("--type", "types", multiple=True, metavar="TYPE", help="Only objects of this type, like indicator; may be repeated.")  # fmt: skip
@click.option("--id", "ids", multiple=True, metavar="ID", help="Only this object; may be repeated.")
@click.option("--version", "versions", multiple=True, metavar="VERSION", help="first, last, all, or a timestamp; by default the last of each object.")  # fmt: skip
@click.option("--spec-version", "spec_versions", multiple=True, metavar="2.0|2.1", help="Only objects of this version of STIX.")  # fmt: skip
@click.option("--added-after", metavar="TIME", help="Begin here (2026-10-05T00:00:00Z), not where the last poll ended.")  # fmt: skip
@click.option("--again", is_flag=True, help="Begin at the beginning; what is here is not taken twice.")
@click.option("--limit", type=click.IntRange(1), metavar="N", help="Objects a page; by default the server decides.")  # fmt: skip
@click.option("--max-mib", type=click.IntRange(1), default=128, show_default=True, metavar="MIB", help="The most that one answer may have.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON, a line a collection.")
@_connecting
@plain_errors
def poll(
    url: str, case: Path, collections: tuple[str, ...], types: tuple[str, ...], ids: tuple[str, ...], versions: tuple[str, ...],
    spec_versions: tuple[str, ...], added_after: str | None, again: bool, limit: int | None, max_mib: int, as_json: bool, **connecting: Any,
) -> None:  # fmt: skip
    """Take what is new in the collections behind URL into a case.

    Every object is kept as it came; the place in each collection is kept with the objects, so that a poll that is
    stopped or killed at any point goes on from there the next time. Exit code 1 if a collection could not be read to
    its end.

    \b
    workbench taxii poll https://taxii.example --into intrusion.duckdb
    workbench taxii poll https://taxii.example --collection "Indicators" --type indicator --into intrusion.duckdb
    """
    from workbench.exchange import taxii as room

    with _counting() as progress:
        try:
            result = room.run(
                room.poll(
                    url, case, collections=collections, types=types, ids=ids, versions=versions, spec_versions=spec_versions,
                    added_after=added_after, again=again, limit=limit, max_bytes=max_mib << 20, progress=progress, **connecting,
                )
            )  # fmt: skip
        except KeyboardInterrupt:
            raise click.ClickException(f"stopped; what came so far is in {case}, the next poll goes on from there") from None  # fmt: skip
    with result.store.con:
        for each in result.collections:
            if as_json:
                click.echo(json.dumps(asdict(each)))
            else:
                click.echo(plain(str(each)))
        if not as_json:
            (addresses, indicators) = result.store.con.execute(
                "SELECT (SELECT count(DISTINCT entry) FROM stix_evidence), "
                "(SELECT count(DISTINCT id) FROM stix_objects WHERE type = 'indicator')"
            ).fetchall()[0]
            click.echo(f"{case}: {indicators:,} indicators, evidence on {addresses:,} addresses, prefixes and autonomous systems")  # fmt: skip
    if not result.complete:
        sys.exit(1)


@taxii.command()
@click.argument("url")
@click.argument("bundle", required=False, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--collection", required=True, metavar="ID", help="The collection: its id, alias or title.")
@click.option("--to", required=True, metavar="WHO", help="Who reads the collection: public, community, an organisation, or member@organisation.")  # fmt: skip
@click.option("--organisation", metavar="NAME", help="Who pushes; wanted for a bundle or a case.")
@click.option("--client", "clients", multiple=True, metavar="NAME", help="A client of ours, whom our AMBER is meant for as well.")  # fmt: skip
@click.option("--recipient", "recipients", multiple=True, metavar="MEMBER", help="Someone RED is named for.")
@click.option("--tlp", type=click.Choice(_LEVELS, case_sensitive=False), help="How far objects without a TLP marking may go.")  # fmt: skip
@click.option("--drop", is_flag=True, help="Keep back what the recipient may not have, and tell; else nothing is pushed.")  # fmt: skip
@click.option("--store", metavar="URL", help="Push from the store (local is the one on this machine): the --investigation, or each --profile.")  # fmt: skip
@click.option("--investigation", metavar="NAME", help="An investigation of the store, with its profiles.")
@click.option("--profile", "profiles", multiple=True, metavar="ADDRESS|ID", help="A profile of the store.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
@_connecting
@plain_errors
def push(
    url: str, bundle: Path | None, collection: str, to: str, organisation: str | None, clients: tuple[str, ...], recipients: tuple[str, ...],
    tlp: str | None, drop: bool, store: str | None, investigation: str | None, profiles: tuple[str, ...], as_json: bool, **connecting: Any,
) -> None:  # fmt: skip
    """Add objects to a collection behind URL.

    Those of BUNDLE, of a case, or of the store.

    Markings are asked first: what WHO may not have stops the push before anything leaves. BUNDLE is a STIX file or
    a case (.duckdb) whose STIX objects go on. Pushing again is harmless. Exit code 1 if the server failed to take something.

    \b
    workbench taxii push https://taxii.example bundle.json --collection Intake --organisation "CERT Example" --to "CERT B"
    workbench taxii push https://taxii.example --collection Intake --store local --investigation "Water utility" --to "CERT B"
    """
    from workbench.exchange import taxii as room
    from workbench.secrecy import Organisation

    common: dict[str, Any] = {"to": to, "withheld": "drop" if drop else "refuse", **connecting}
    with _counting() as progress:
        common["progress"] = progress
        if store:
            if bundle or organisation or clients or recipients or tlp or not (investigation or profiles):
                raise click.UsageError(
                    "--store goes with --investigation or --profile; organisation, level and recipients are those of the store"
                )
            from workbench.store import connect_store

            with connect_store(None if store == "local" else store) as opened:
                things: list[Any] = [opened.profiles.get(name) for name in profiles]
                if investigation:
                    things.append(opened.investigations.get(investigation))
                result = room.run(room.push(url, collection, things, store=opened, **common))
        else:
            if bundle is None or organisation is None or investigation or profiles:
                raise click.UsageError(
                    "give a BUNDLE or case and --organisation; --investigation and --profile go with --store"
                )
            own = Organisation(organisation, frozenset(clients))
            with _objects(bundle) as what:
                result = room.run(room.push(url, collection, what, organisation=own, tlp=tlp, recipients=recipients, **common))  # fmt: skip
    if as_json:
        fields = {name: getattr(result, name) for name in ("total", "taken", "known", "pending")}
        click.echo(json.dumps({**fields, "failed": [asdict(failure) for failure in result.failed], "withheld": [str(each) for each in result.withheld]}))  # fmt: skip
    else:
        click.echo(plain(str(result)))
    if not result.complete:
        sys.exit(1)


@contextmanager
def _objects(path: Path) -> Iterator[Any]:
    """The file itself, or the objects of a case."""
    with path.open("rb") as file:
        is_case = file.read(12)[8:] == b"DUCK"
    if not is_case:
        yield path
        return
    import duckdb

    from workbench.exchange.stix import ObjectStore

    try:
        con = duckdb.connect(str(path))
    except duckdb.Error as error:
        raise OSError(f"{path} cannot be opened as a case: {str(error).splitlines()[0]}") from error
    with con:
        yield ObjectStore(con)


@contextmanager
def _counting() -> Iterator[Callable[[Any], None]]:
    """A line a collection on standard error, where somebody looks at it."""
    from rich.console import Console
    from rich.live import Live
    from rich.text import Text

    lines: dict[str, str] = {}

    def progress(done: Polled | Pushed) -> None:
        from workbench.exchange.taxii import Polled

        counted = f"{done.objects:,} objects, {done.new:,} new" if isinstance(done, Polled) else f"{done.total:,} objects"  # fmt: skip
        lines[done.collection.url] = plain(f"{done.collection.title}: {counted}")
        live.update(Text("\n".join(lines.values())))

    with Live(Text(""), console=Console(stderr=True), transient=True, refresh_per_second=8) as live:
        yield progress
