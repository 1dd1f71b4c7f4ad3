"""``workbench store watch``, ``alerts``, ``forward`` and ``refresh``: what members do, as themselves."""

from __future__ import annotations

import base64
import binascii
import json
import os
import signal
import threading
from typing import TYPE_CHECKING, Any
from uuid import UUID

import click

from workbench._extras import naming_extras
from workbench.cli.errors import plain_errors
from workbench.cli.terminal import plain

if TYPE_CHECKING:
    from workbench.store import Alert, Store

__all__ = ["URL", "alerts", "bring_along", "forward", "refresh", "watch"]

URL = click.option("--url", envvar="WORKBENCH_STORE_URL", metavar="URL", help="The store, as yourself: postgresql://ROLE@HOST/DATABASE; by default WORKBENCH_STORE_URL, else the one on this machine.")  # fmt: skip


@click.command()
@click.argument("name")
@click.option("--network", metavar="CIDR", help="An address or network.")
@click.option("--asn", type=int, metavar="N", help="An autonomous system.")
@click.option("--country", metavar="CC", help="A country (ISO 3166-1 alpha-2).")
@click.option(
    "--threat-level", metavar="LEVEL", help="Profiles that reach it: low, medium, high or critical."
)
@click.option("--secrecy", default="amber+strict", show_default=True, metavar="TLP", help="Who sees that this is watched.")  # fmt: skip
@URL
@plain_errors
def watch(name: str, network: str | None, asn: int | None, country: str | None, threat_level: str | None, secrecy: str, url: str | None) -> None:  # fmt: skip
    """Watch one thing under NAME; what happens raises an alert.

    \b
      workbench store watch substation --network 192.0.2.0/24
      workbench store watch "our carrier" --asn 64496
    """
    with _store(url) as store:
        made = store.watchlists.create(name, network=network, asn=asn, country=country, threat_level=threat_level, secrecy=secrecy)  # fmt: skip
        watched = made.network or made.country or (f"AS{made.asn}" if made.asn else f"threat level {made.threat_level}")  # fmt: skip
        click.echo(f"{made.name}: {watched}, {made.secrecy}")


@click.command()
@click.option("--all", "everything", is_flag=True, help="Also those acknowledged and closed.")
@click.option("--follow", is_flag=True, help="Go on, and print each as it is raised, until Ctrl-C.")
@click.option("--json", "as_json", is_flag=True, help="A line of JSON an alert.")
@click.option("--acknowledge", metavar="ID", help="Say that you look after the alert ID; its first digits are enough.")  # fmt: skip
@click.option("--close", metavar="ID", help="Say that the alert ID is done with.")
@click.option("--note", default="", help="What to note with it.")
@URL
@plain_errors
def alerts(everything: bool, follow: bool, as_json: bool, acknowledge: str | None, close: str | None, note: str, url: str | None) -> None:  # fmt: skip
    """List the alerts that nobody looks after yet, newest first.

    \b
      workbench store alerts
      workbench store alerts --acknowledge 3f2a --note "called the operator"
      workbench store alerts --follow
    """
    with _store(url) as store:
        for key, act in ((acknowledge, store.alerts.acknowledge), (close, store.alerts.close)):
            if key is not None:
                _print(act(_alert(store, key), note), as_json)
        if acknowledge is not None or close is not None:
            return
        known = store.alerts.all(state=None if everything else "raised")
        for alert in known:
            _print(alert, as_json)
        if follow:
            printed = {alert.id for alert in known}
            for alert in store.alerts.listen(stop=_until_interrupted(), backlog=True):
                if alert.id not in printed:
                    _print(alert, as_json)
        elif not known and not as_json:
            click.echo("no alerts" if everything else "no alerts that nobody looks after", err=True)


@click.command()
@click.argument("webhook")
@click.option("--secret-variable", default="WORKBENCH_WEBHOOK_SECRET", show_default=True, metavar="NAME", help="The environment variable with the secret that messages are signed with: text, or whsec_ and base64.")  # fmt: skip
@URL
@plain_errors
def forward(webhook: str, secret_variable: str, url: str | None) -> None:
    """Post every alert to the URL WEBHOOK, signed.

    Until Ctrl-C; those raised before and not looked after come first.

    Messages and signature are those of Standard Webhooks: webhook-id, webhook-timestamp, webhook-signature. They name
    ids only; who takes them reads the alert with rights of its own. What is not taken is posted again, up to six
    times, and by the next run.

    \b
      WORKBENCH_WEBHOOK_SECRET=… workbench store forward https://chat.example/hooks/workbench
    """
    from workbench.store.watching.webhook import forward as posting

    secret = _secret(os.environ.get(secret_variable, ""), secret_variable)
    if not webhook.startswith(("https://", "http://")):
        raise ValueError(f"{webhook!r} is no http or https URL")
    with _store(url) as store:
        posting(
            store,
            webhook,
            secret,
            stop=_until_interrupted(),
            delivered=lambda alert: click.echo(f"posted {alert.id}"),
        )


@click.command()
@URL
@plain_errors
def refresh(url: str | None) -> None:
    """Bring your profiles to the current intel.

    Those of your organisation; alerts are raised for what is listed anew.

    To be run after `workbench intel update`, which does so itself for the store on this machine or in
    WORKBENCH_STORE_URL. It may be stopped at any point, and repeated.
    """
    with _store(url) as store:
        click.echo(_refreshed(store))


def _refreshed(store: Store) -> str:
    """Do it, with a progress bar on standard error; what was done, in a line."""
    from workbench.store.progress import bar

    with bar() as told:
        seen = 0

        def progress(more: int) -> None:
            nonlocal seen
            seen += more
            told("profiles", seen, 0)

        changed = store.profiles.enrich_all(progress=progress)
        raised = store.watchlists.check()
    return f"{changed:,} profiles brought to the current intel, {raised:,} alerts of new listings"


def bring_along() -> None:
    """After a build: the same for the store in WORKBENCH_STORE_URL or on this machine, if there is one. Its failure
    is told and is no failure of the build."""
    from workbench.store.administering.server import exists

    url = os.environ.get("WORKBENCH_STORE_URL")
    if not url and not exists():
        return
    try:
        with naming_extras(), _store(url) as store:
            click.echo(f"store: {_refreshed(store)}")
    except (OSError, ValueError, LookupError, ImportError) as error:
        click.echo(f"the store was not brought along: {error}\nlater: workbench store refresh", err=True)


def _store(url: str | None) -> Store:
    from workbench.store import connect_store

    return connect_store(url)


def _alert(store: Store, key: str) -> Alert:
    """By its id, or by the first digits of it."""
    try:
        return store.alerts.get(UUID(key))
    except ValueError:
        pass
    found = [alert for alert in store.alerts.all() if key and str(alert.id).startswith(key.lower())]
    if len(found) != 1:
        raise LookupError(
            f"alert {key}: " + ("not found, or not for you" if not found else f"{len(found)} begin so")
        )
    return found[0]


def _print(alert: Alert, as_json: bool) -> None:
    if as_json:
        fields: dict[str, Any] = {name: getattr(alert, name) for name in ("id", "name", "profile", "cause", "says", "state", "note", "raised_at", "changed_by", "changed_at")}  # fmt: skip
        click.echo(json.dumps(fields, default=str, ensure_ascii=False))
        return
    text = f"{str(alert.id)[:8]}  {alert}" + (f" ({alert.note})" if alert.note else "")
    click.echo(plain(text))


def _secret(text: str, variable: str) -> bytes:
    if not text:
        raise ValueError(f"messages are signed: put the secret shared with the receiver into {variable}")
    if text.startswith("whsec_"):
        try:
            return base64.b64decode(text.removeprefix("whsec_"), validate=True)
        except binascii.Error:
            raise ValueError(f"{variable}: what follows whsec_ is no base64") from None
    return text.encode()


def _until_interrupted() -> threading.Event:
    """Set by Ctrl-C and by the service manager's end, so that what is being posted is posted to its end."""
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    return stop
