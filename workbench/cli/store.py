"""``workbench store …``: set up and look after the shared store of profiles."""

from __future__ import annotations

from typing import Any

import click

from workbench.cli.errors import plain_errors

__all__ = ["store"]

_URL = click.option("--url", envvar="WORKBENCH_STORE_ADMIN_URL", metavar="URL", help="The database, as its administrator: postgresql://admin@host/name; by default WORKBENCH_STORE_ADMIN_URL, else the server on this machine. Passwords belong in ~/.pgpass.")  # fmt: skip


@click.group()
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
    """Bring the tables to this version, in one transaction: all of it or nothing. Make a dump first."""
    with _administration(url) as administration:
        click.echo(administration.migrate())


@store.command()
@_URL
@plain_errors
def status(url: str | None) -> None:
    """Tell the version of server and tables, and how much is in them."""
    with _administration(url) as administration:
        click.echo(administration.status())


@store.command()
@click.argument("name")
@click.option("--client-of", multiple=True, metavar="NAME", help="An organisation whose TLP:AMBER is for this one too; may be repeated.")  # fmt: skip
@click.option("--not-client-of", multiple=True, metavar="NAME", help="Undo --client-of.")
@click.option("--outside", is_flag=True, help="It is not of the community: TLP:GREEN is not for it.")
@_URL
@plain_errors
def organisation(name: str, client_of: tuple[str, ...], not_client_of: tuple[str, ...], outside: bool, url: str | None) -> None:  # fmt: skip
    """Add the organisation NAME, or change whose client it is and whether it is of the community."""
    with _administration(url) as administration:
        administration.add_organisation(name, client_of=client_of, in_community=not outside)
        for owner in not_client_of:
            administration.remove_client(owner, name)
    click.echo(
        f"{name}: {'outside' if outside else 'in'} the community"
        + "".join(f", client of {owner}" for owner in client_of)
    )


@store.command()
@click.argument("role")
@click.option("--organisation", required=True, metavar="NAME", help="The organisation she belongs to.")
@click.option("--clearance", default="amber", show_default=True, metavar="TLP", help="The highest level she may see.")  # fmt: skip
@click.option("--name", "display_name", default="", help="Her name, as others see it.")
@click.option("--country", "countries", multiple=True, metavar="CC", help="Country she may use the API from (ISO 3166-1 alpha-2), may be repeated; by default any.")  # fmt: skip
@click.option("--password", is_flag=True, help="Ask for a password to log in with.")
@click.option("--suspend", is_flag=True, help="She sees nothing from now on.")
@_URL
@plain_errors
def member(role: str, organisation: str, clearance: str, display_name: str, countries: tuple[str, ...], password: bool, suspend: bool, url: str | None) -> None:  # fmt: skip
    """Make the database role ROLE a member, or change her organisation, clearance or countries."""
    from workbench.secrecy import TLP

    level = TLP.parse(clearance)
    secret = click.prompt("Password", hide_input=True, confirmation_prompt=True) if password else None
    with _administration(url) as administration:
        administration.add_member(
            role, organisation, level, display_name=display_name, countries=countries or None, password=secret
        )
        if suspend:
            administration.suspend_member(role)
    click.echo(
        f"{role} of {organisation}, " + ("suspended" if suspend else f"cleared up to {level}")
        + (f", from {', '.join(countries)} only" if countries else "")
    )  # fmt: skip


@store.command("api-login")
@click.argument("role")
@click.option("--password", is_flag=True, help="Ask for a password to log in with.")
@_URL
@plain_errors
def api_login(role: str, password: bool, url: str | None) -> None:
    """Make ROLE the login of the API server: by itself it sees nothing, and it may take on every member's role.

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
    from workbench.store.server import embedded

    return Administration(url or embedded())
