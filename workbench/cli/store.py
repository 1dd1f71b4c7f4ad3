"""``workbench store …``: set up and look after the shared store of profiles."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from workbench.cli.errors import plain_errors
from workbench.cli.groups import Gathered

__all__ = ["store"]

_URL = click.option("--url", envvar="WORKBENCH_STORE_ADMIN_URL", metavar="URL", help="The database, as its administrator: postgresql://admin@host/name; by default WORKBENCH_STORE_ADMIN_URL, else the server on this machine. Passwords belong in ~/.pgpass.")  # fmt: skip


_BY_MEMBERS = {
    **dict.fromkeys(("alerts", "forward", "refresh", "watch"), "workbench.cli.watching"),
    "audit": "workbench.cli.audit",
}


@click.group(cls=Gathered, found_in=_BY_MEMBERS)
def store() -> None:
    """The store of profiles in PostgreSQL, shared under TLP.

    \b
    On your own machine nothing is to be set up: wb.connect_store() in a notebook does it all.
    A shared one, by the administrator of its database (PostgreSQL 15 or newer):
      createdb workbench
      export WORKBENCH_STORE_ADMIN_URL=postgresql://postgres@db.example/workbench
      workbench store init
      workbench store organisation "CERT Example"
      workbench store member ines --organisation "CERT Example" --clearance red --password
    Then ines writes wb.connect_store("postgresql://ines@db.example/workbench").

    \b
    By members, as themselves (WORKBENCH_STORE_URL, or the store on this machine):
      workbench store watch substation --network 192.0.2.0/24
      workbench store alerts
      workbench store audit 84.205.67.213 --since 7d
    """


@store.command()
@_URL
@plain_errors
def init(url: str | None) -> None:
    """Make the tables, roles and policies. Harmless where they are there."""
    with _administration(url) as administration:
        click.echo(administration.migrate())


@store.command()
@_URL
@plain_errors
def migrate(url: str | None) -> None:
    """Bring the tables to the version of this workbench.

    In one transaction: all of it or nothing. Make a dump first: workbench store backup.
    """
    with _administration(url) as administration:
        click.echo(administration.migrate())


@store.command()
@_URL
@plain_errors
def status(url: str | None) -> None:
    """Tell the version of server and tables, and what they hold."""
    with _administration(url) as administration:
        click.echo(administration.status())


@store.command()
@click.argument("name")
@click.option("--client-of", multiple=True, metavar="NAME", help="An organisation whose TLP:AMBER is for this one too; may be repeated.")  # fmt: skip
@click.option("--not-client-of", multiple=True, metavar="NAME", help="Undo --client-of.")
@click.option("--outside/--inside", "outside", default=None, help="Whether it is outside the community, so that TLP:GREEN is not for it. A new one is inside.")  # fmt: skip
@_URL
@plain_errors
def organisation(name: str, client_of: tuple[str, ...], not_client_of: tuple[str, ...], outside: bool | None, url: str | None) -> None:  # fmt: skip
    """Add the organisation NAME, or change one.

    What is not named stays as it is.
    """
    with _administration(url) as administration:
        administration.add_organisation(
            name, client_of=client_of, in_community=None if outside is None else not outside
        )
        for owner in not_client_of:
            administration.remove_client(owner, name)
        click.echo(str(administration.organisation(name)))


@store.command()
@click.argument("role")
@click.option(
    "--organisation", metavar="NAME", help="The organisation she belongs to; a new member needs one."
)
@click.option(
    "--clearance", metavar="TLP", help="The highest level she may see; that of a new member is amber."
)
@click.option("--name", "display_name", help="Her name, as others see it.")
@click.option("--country", "countries", multiple=True, metavar="CC", help="Country she may use the API from (ISO 3166-1 alpha-2), may be repeated; `any` lifts the restriction.")  # fmt: skip
@click.option("--password", is_flag=True, help="Ask for a password to log in with.")
@click.option("--suspend", is_flag=True, help="She sees nothing from now on; without it she is let in again.")
@_URL
@plain_errors
def member(role: str, organisation: str | None, clearance: str | None, display_name: str | None, countries: tuple[str, ...], password: bool, suspend: bool, url: str | None) -> None:  # fmt: skip
    """Make the database role ROLE a member, or change one.

    What is not named stays as it is.

    \b
      workbench store member ines --organisation "CERT Example" --clearance red --password
      workbench store member ines --country DE --country AT
      workbench store member ines --suspend
    """
    from workbench.secrecy import TLP

    level = TLP.parse(clearance) if clearance else None
    with _administration(url) as administration:
        known = {each.role: each for each in administration.members()}.get(role)
        if suspend:
            administration.suspend_member(role)
        else:
            if organisation is None and known is None:
                raise ValueError(f"{role} is no member yet: --organisation NAME says of which organisation")
            before = known.countries if known else None
            secret = click.prompt("Password", hide_input=True, confirmation_prompt=True) if password else None
            administration.add_member(
                role,
                organisation or known.organisation,  # type: ignore[union-attr]
                level if level is not None else known.clearance if known else TLP.AMBER,
                display_name=display_name
                if display_name is not None
                else known.display_name
                if known
                else "",
                countries=None if countries == ("any",) else countries or before,
                password=secret,
            )
        (now,) = (each for each in administration.members() if each.role == role)
    click.echo(str(now))


@store.command()
@_URL
@plain_errors
def members(url: str | None) -> None:
    """List the organisations and their members, suspended too."""
    with _administration(url) as administration:
        everyone = administration.members()
        for each in administration.organisations():
            click.echo(str(each))
            for one in everyone:
                if one.organisation == each.name:
                    click.echo(f"  {one}")


@store.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@_URL
@plain_errors
def backup(file: Path, url: str | None) -> None:
    """Write the whole store to FILE, while others go on working.

    FILE holds everything, TLP:RED too, as a custom-format dump of pg_dump: keep it like the database itself. It does
    not hold the passwords of members and the logins of the API, which are the server's (pg_dumpall --roles-only).

    \b
      workbench store backup store-$(date +%F).dump
    """
    from rich.console import Console

    from workbench.store.administering.backup import backup as written

    with Console(stderr=True).status("writing …"):
        size = written(_url(url), file)
    click.echo(f"{file}: {size / 1e6:,.1f} MB")


@store.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@_URL
@plain_errors
def restore(file: Path, url: str | None) -> None:
    """Make the store that FILE holds, where there is none.

    \b
      createdb workbench2
      workbench store restore store-2026-11-25.dump --url postgresql://postgres@db.example/workbench2

    Case files notice at their next sync that the store was restored, and compare everything.
    """
    from rich.console import Console

    from workbench.store.administering.backup import restore as restored

    with Console(stderr=True).status("restoring …"):
        done = restored(_url(url), file)
    click.echo(done.status)
    if done.roles:
        click.echo(f"made roles, which have no password yet: {', '.join(done.roles)}")
    if done.status.schema != done.status.newest:
        click.echo("now bring it to this version: workbench store migrate")


@store.command("api-login")
@click.argument("role")
@click.option("--password", is_flag=True, help="Ask for a password to log in with.")
@_URL
@plain_errors
def api_login(role: str, password: bool, url: str | None) -> None:
    """Make ROLE the login of the API server.

    By itself it sees nothing, and it may take on every member's role.

    \b
      workbench store api-login gate --password
      workbench serve --url postgresql://gate@db.example/workbench
    """
    secret = click.prompt("Password", hide_input=True, confirmation_prompt=True) if password else None
    with _administration(url) as administration:
        administration.add_api_login(role, password=secret)
    click.echo(f"{role} may act for every member: workbench serve --url postgresql://{role}@…")


def _administration(url: str | None) -> Any:
    from workbench.store import Administration

    return Administration(_url(url))


def _url(url: str | None) -> str:
    from workbench.store.administering.server import embedded

    return url or embedded()
