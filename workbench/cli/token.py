"""``workbench token …``: the tokens of a small install, signed by keys of its own."""

from __future__ import annotations

import os
from datetime import datetime
from typing import TYPE_CHECKING

import click

from workbench.cli.errors import plain_errors
from workbench.cli.terminal import print_table

if TYPE_CHECKING:
    from workbench.api.keys import KeyRing

__all__ = ["token"]


@click.group()
def token() -> None:
    """Tokens for the API server of a small install. Larger ones have an OpenID provider: workbench serve --help.

    Keys and the ledger of tokens are kept in the workbench's home, for your eyes alone; run this as the user and on the
    machine that run `workbench serve`, which takes note at once.

    \b
      workbench token create ines --days 7 --note "laptop"
      workbench token list
      workbench token revoke 9f3a2
      workbench token rotate
    """


@token.command()
@click.argument("role", required=False)
@click.option("--days", type=float, default=30, show_default=True, help="For how long it holds, up to a year.")  # fmt: skip
@click.option("--note", default="", help="What it is for, as `token list` tells.")
@click.option("--audience", default="ip-workbench", show_default=True, help="That of the server: workbench serve --audience.")  # fmt: skip
@plain_errors
def create(role: str | None, days: float, note: str, audience: str) -> None:
    """Make a token for the member ROLE and print it, once.

    ROLE is her database role, by default yours on this machine. It is looked for in the store of WORKBENCH_SERVE_URL or
    WORKBENCH_STORE_URL, else in the one on this machine.

    \b
      export WORKBENCH_TOKEN=$(workbench token create ines)
      curl -H "Authorization: Bearer $WORKBENCH_TOKEN" http://127.0.0.1:8000/graphql \\
           --json '{"query": "{ me { role organisation { name } } }"}'
    """
    from workbench.store.administering.server import system_role

    member = role or system_role()
    _check_member(member)
    click.echo(_ring().create(member, audience=audience, days=days, note=note))
    click.echo(f"for {member}, {days:g} days; it is not shown again", err=True)


@token.command("list")
@plain_errors
def list_tokens() -> None:
    """Tell which tokens were given out, for whom, and whether they hold."""
    found = _ring().tokens()
    if not found:
        click.echo("no tokens yet: workbench token create ROLE", err=True)
        return
    print_table(
        ("id", "member", "state", "made", "ends", "note"),
        [
            (each.id, each.role, each.state, _day(each.issued), _day(each.expires), each.note)
            for each in found
        ],
    )


@token.command()
@click.argument("identity", metavar="ID")
@plain_errors
def revoke(identity: str) -> None:
    """Refuse the token ID from now on. The beginning of an id is enough; of an OpenID provider's token give the whole jti."""
    found = _ring().revoke(identity)
    if found is None:
        click.echo(f"no token of ours is {identity}: a token of the OpenID provider with this jti is refused from now on")  # fmt: skip
    else:
        click.echo(f"revoked: {found.id} of {found.role}")


@token.command()
@click.option("--at-once", is_flag=True, help="The old keys and all their tokens hold no longer: after a break-in.")  # fmt: skip
@plain_errors
def rotate(at_once: bool) -> None:
    """Sign with a new key from now on. Tokens of the old one hold until they end."""
    left = _ring().rotate(at_once=at_once)
    click.echo("a new key signs from now on; " + ("no earlier token holds" if at_once else f"{left} earlier tokens hold"))  # fmt: skip


def _check_member(role: str) -> None:
    """Refuse a role that the store does not know; without a store here there is nobody to ask."""
    from workbench.store.administering.server import embedded, exists
    from workbench.store.serving.acting import is_member

    url = os.environ.get("WORKBENCH_SERVE_URL") or os.environ.get("WORKBENCH_STORE_URL")
    if not url and not exists():
        return
    try:
        known = is_member(url or embedded(), role)
    except OSError as error:
        click.echo(f"not checked whether {role} is a member: {error}", err=True)
        return
    if not known:
        raise LookupError(
            f"{role} is no member of the store: workbench store member {role} --organisation NAME"
        )


def _ring() -> KeyRing:
    from workbench.api.keys import KeyRing
    from workbench.intel.home import home

    return KeyRing(home() / "api")


def _day(seconds: int) -> str:
    return f"{datetime.fromtimestamp(seconds):%Y-%m-%d %H:%M}"
