"""``workbench store audit``: who read and wrote what."""

from __future__ import annotations

import csv
import json
import re
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING, Any
from uuid import UUID

import click

from workbench.cli.errors import plain_errors
from workbench.cli.terminal import plain, print_table
from workbench.cli.watching import URL

if TYPE_CHECKING:
    from workbench.store import Store
    from workbench.store.auditing import Act

__all__ = ["audit"]

PAGE = 1_000
_AGO = re.compile(r"(\d{1,6})\s*([mhdw])")
_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_KINDS = {"investigation_profiles": "investigation link", "entity_profiles": "entity link", "entities": "entity", "profiles": "profile", "investigations": "investigation", "watchlists": "watchlist", "alerts": "alert", "sightings": "sighting", "report_schedules": "scheduled report", "report_runs": "report"}  # fmt: skip
_COLUMNS = ("at", "actor", "organisation", "action", "kind", "thing", "subject", "detail", "statement", "login")  # fmt: skip


@click.command()
@click.argument("thing", required=False)
@click.option("--by", "member", metavar="ROLE", help="Done by this member.")
@click.option("--action", "actions", multiple=True, metavar="ACTION", help="One of these actions, may be repeated: read, “read row”, “read elsewhere”, create, update, “set secrecy” …; a wrong one lists them.")  # fmt: skip
@click.option("--since", metavar="WHEN", help="From then on: 7d, 12h, 30m, 2w ago, or 2026-11-25, or 2026-11-25T14:00Z. UTC where no zone is given.")  # fmt: skip
@click.option("--until", metavar="WHEN", help="Before then.")
@click.option("--limit", default=100, show_default=True, type=click.IntRange(1), help="Lines at most.")
@click.option("--all", "everything", is_flag=True, help="However many there are.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON lines instead of a table.")
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV instead of a table.")
@URL
@plain_errors
def audit(
    thing: str | None, member: str | None, actions: tuple[str, ...], since: str | None, until: str | None,
    limit: int, everything: bool, as_json: bool, as_csv: bool, url: str | None,
) -> None:  # fmt: skip
    """Tell who read and wrote what, newest first.

    THING is the address of profiles, as it is pasted, or the id of anything; without it, all that you may see the audit of:
    what you did yourself, and what members of your organisation did to what you may see. Reading is in it from TLP:AMBER
    on. “read elsewhere” is another organisation that read what is yours, once a day, without who it was.

    \b
    workbench store audit 84.205.67.213
    workbench store audit 84.205.67.213 --action "read elsewhere"
    workbench store audit --by ines --since 7d
    workbench store audit --since 2026-11-01 --until 2026-12-01 --all --csv > november.csv

    What the lines are about is named as far as you may see it, and that you read it is written down.
    """
    from workbench.store import connect_store

    if as_json and as_csv:
        raise click.UsageError("--json or --csv, not both")
    now = datetime.now(UTC)
    wanted: dict[str, Any] = {"member": member, "actions": actions or None, "since": _moment(since, now), "until": _moment(until, now)}  # fmt: skip
    with connect_store(url) as store:
        wanted["things"] = _things(store, thing) if thing is not None else None
        lines = _lines(store, wanted)
        if not everything:
            lines = islice(lines, limit + 1)
        pages = iter(lambda: list(islice(lines, PAGE)), [])
        shown = 0
        left = False
        write = _writer(as_json, as_csv)
        for page in pages:
            if not everything and shown + len(page) > limit:
                page, left = page[: limit - shown], True
            shown += len(page)
            write(page, store.audit.names(page))
    if left:
        click.echo(f"the newest {limit:,}; --limit N or --all shows more, --since and --until part of it", err=True)  # fmt: skip
    elif not shown:
        click.echo("nothing in the audit that you may see", err=True)


def _lines(store: Store, wanted: dict[str, Any]) -> Iterator[Act]:
    after = None
    while page := store.audit.search(**wanted, limit=PAGE, after=after):
        yield from page
        after = (page[-1].at, page[-1].id)


def _things(store: Store, text: str) -> list[UUID]:
    """The profiles of an address, or the thing of an id.

    Raises:
        LookupError: there is no profile of the address for her.
        ValueError: it is neither.
    """
    from ipaddress import ip_network

    from workbench.enrichment.record import as_pasted

    try:
        return [UUID(text)]
    except ValueError:
        pass
    address = as_pasted(text)
    try:
        ip_network(address)
    except ValueError:
        raise ValueError(f"{text!r} is neither an address or network nor the id of a thing") from None
    found = store.audit.at(address)
    if not found:
        raise LookupError(f"{address}: there is no profile of it that you may see")
    return found


def _moment(text: str | None, now: datetime) -> datetime | None:
    """A time, or a span before now.

    Raises:
        ValueError: it is neither.
    """
    if text is None:
        return None
    try:
        if ago := _AGO.fullmatch(text.strip().lower()):
            return now - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
        found = datetime.fromisoformat(text.strip())
    except (ValueError, OverflowError):
        raise ValueError(
            f"{text!r} is no time: 7d, 12h, 30m or 2w ago, 2026-11-25 or 2026-11-25T14:00Z"
        ) from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _writer(as_json: bool, as_csv: bool) -> Any:
    """What writes a page of lines, given the names of what they are about."""
    if as_csv:
        rows = csv.writer(sys.stdout, lineterminator="\n")
        rows.writerow(_COLUMNS)
        steered = plain if sys.stdout.isatty() else str
        return lambda page, names: rows.writerows(map(steered, _cells(act, names)) for act in page)
    if as_json:
        return _json_lines
    return _table


def _json_lines(page: Sequence[Act], names: dict[UUID, str]) -> None:
    for act in page:
        click.echo(json.dumps(_record(act, names), default=str, ensure_ascii=False))


def _record(act: Act, names: dict[UUID, str]) -> dict[str, Any]:
    more = {"thing": names.get(act.subject) if act.subject else None}
    return {name: more[name] if name in more else getattr(act, name) for name in _COLUMNS}


def _cells(act: Act, names: dict[UUID, str]) -> list[str]:
    """For a spreadsheet, which would run what begins like a formula."""
    record = _record(act, names)
    record["at"] = act.at.astimezone(UTC).isoformat()
    record["detail"] = json.dumps(act.detail, ensure_ascii=False) if act.detail else None
    texts = ["" if value is None else str(value) for value in record.values()]
    return ["'" + text if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text for text in texts]


def _table(page: Sequence[Act], names: dict[UUID, str]) -> None:
    rows = [
        (
            f"{act.at.astimezone(UTC):%Y-%m-%d %H:%M:%SZ}",
            act.actor or "",
            act.organisation or "",
            act.action,
            _KINDS.get(act.kind or "", act.kind or ""),
            names.get(act.subject, str(act.subject)[:8]) if act.subject else "",
            _said(act),
        )
        for act in page
    ]
    print_table(("when", "who", "of", "did", "to", "which", "more"), rows, whole=("when", "did"))


def _said(act: Act) -> str:
    """The rest of a line in a few words."""
    if act.statement is not None:
        return plain(" ".join(act.statement.split()))
    detail = act.detail or {}
    if act.action == "set secrecy":
        from workbench.secrecy import TLP

        return f"{TLP(detail['from'])} to {TLP(detail['to'])}: {detail.get('reason', '')}"
    if act.action == "read elsewhere":
        return "first of that day"
    if "how" in detail:
        return f"by {detail['how']}"
    if "version" in detail:
        return f"version {detail['version']}"
    return ", ".join(f"{name} {value}" for name, value in detail.items() if value is not None and name not in ("id", "profile"))  # fmt: skip
