"""Sheets of what the case, the store and the intel give."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from workbench.notebook.showing.sheets import Listing, Sheet, chip
from workbench.notebook.showing.tree import link

if TYPE_CHECKING:
    from workbench.case import Case, Ingested
    from workbench.intel.snapshot import Snapshot
    from workbench.intel.timeline import Difference, History
    from workbench.store.connection import Store
    from workbench.store.matters.entities import Entity
    from workbench.store.matters.investigations import Investigation
    from workbench.store.profiles.profile import Created, Profile
    from workbench.store.profiles.searching import Page
    from workbench.store.syncing.offline import CaseProfiles
    from workbench.store.syncing.settling import Unsettled
    from workbench.store.syncing.sync import Synced
    from workbench.store.watching.alerts import Alert, Watchlist

ROWS = 20


def case(thing: Case) -> Sheet:
    import duckdb

    try:
        sizes = thing.con.execute(
            "SELECT table_name, estimated_size, column_count FROM duckdb_tables() WHERE NOT temporary AND schema_name <> '_workbench'"
        ).fetchall()
        shown = set(thing.tables())
        unsettled = len(thing.conflicts())
        profiles = len(thing.profiles)
    except duckdb.ConnectionException:
        return Sheet(f"Case {thing.path.name}", notes=["Closed. wb.open_case opens it again."])
    rows = [(name, count, columns) for name, count, columns in sorted(sizes) if name in shown]
    first = rows[0][0] if rows else ""
    return Sheet(
        f"Case {thing.path.name}",
        [("profiles", profiles), ("to settle", unsettled and f"{unsettled}: case.conflicts()"), ("file", str(thing.path))],
        [Listing("", ("table", "rows", "columns"), rows[:ROWS], max(0, len(rows) - ROWS))],
        hint=f'case.enrich("{first}")   case.triage("{first}")   case.map("{first}")' if rows else 'case.ingest("access.log")',
    )  # fmt: skip


def ingested(thing: Ingested) -> Sheet:
    return Sheet(
        f"Table {thing.name}",
        [("read as", thing.format), ("rows", thing.rows), ("not understood", thing.unparsed and f"{thing.unparsed:,} lines, in {thing.name}_unparsed")],
        hint=f'case.enrich("{thing.name}")' if thing.rows else "nothing was found in it: look into the file",
    )  # fmt: skip


def store(thing: Store) -> Sheet:
    me = thing.me
    raised = len(thing.alerts.all(state="raised", limit=1000))
    open_ones = [item.name for item in thing.investigations.all(state="open")]
    return Sheet(
        f"Store of {me.organisation.name}",
        [
            ("you are", f"{me.role}, cleared up to {me.clearance}"), ("alerts raised", f"{raised:,}{'+' if raised == 1000 else ''}"),
            ("open investigations", ", ".join(open_ones[:8]) + (f" … {len(open_ones) - 8} more" if len(open_ones) > 8 else "")),
        ],
        hint='store.profiles.search(text="…")   store.profiles.get("9.9.9.9")   wb.widgets.alerts(store)',
    )  # fmt: skip


def found(thing: Page[Any]) -> Sheet:
    """A page of whatever was searched for; of profiles a row each."""
    items = list(thing)
    if items and hasattr(items[0], "threat_level"):
        listing = profiles(items)
    else:
        listing = Listing("", ("found",), [(str(item),) for item in items[:ROWS]], max(0, len(items) - ROWS))
    title = f"{len(items):,} {'profile' if len(items) == 1 else 'profiles'}" if items else "Nothing found"
    return Sheet(title, (), [listing], level=max((p.secrecy for p in items if hasattr(p, "secrecy")), default=None),
                 notes=["There are more: search(…, after=page.next)."] if thing.next else [])  # fmt: skip


def profiles(items: list[Profile], limit: int = 50) -> Listing:
    """Profiles as rows."""
    rows = [
        (item.address, chip(item.verdict) or "", item.reputation, str(item.threat_level), item.country or "",
         f"AS{item.asn} {item.as_org or ''}".strip() if item.asn else "", ", ".join(item.tags), str(item.secrecy), item.owner)
        for item in items[:limit]
    ]  # fmt: skip
    heads = ("address", "verdict", "reputation", "threat", "country", "network", "tags", "TLP", "owner")
    return Listing("", heads, rows, max(0, len(items) - limit))


def created(thing: Created) -> Sheet:
    return Sheet(
        f"{thing.created:,} {'profile' if thing.created == 1 else 'profiles'} created",
        [("there already", thing.existing), ("no address", thing.invalid)],
    )


def case_profiles(thing: CaseProfiles) -> Sheet:
    items = thing.list()
    waiting = len(thing.list(deleted=True, changed=True))
    return Sheet(
        f"{len(items):,} {'profile' if len(items) == 1 else 'profiles'} in the case", [("not yet in the store", waiting)],
        [profiles(items)], level=max((item.secrecy for item in items), default=None), hint="case.sync()",
    )  # fmt: skip


def investigation(thing: Investigation) -> Sheet:
    return Sheet(
        thing.name,
        [
            ("state", thing.state), ("", thing.description), ("owner", thing.owner), ("opened", f"{thing.created_at:%Y-%m-%d} by {thing.created_by}"),
            ("changed", f"{thing.updated_at:%Y-%m-%d %H:%M} by {thing.updated_by}, version {thing.version}"), ("deleted", thing.deleted_at),
        ],
        level=thing.secrecy, hint="store.investigations.profiles(investigation)",
    )  # fmt: skip


def entity(thing: Entity) -> Sheet:
    return Sheet(
        thing.name,
        [("kind", thing.kind), ("", thing.description), ("owner", thing.owner), ("deleted", thing.deleted_at)],
        level=thing.secrecy, hint="store.entities.profiles(entity)",
    )  # fmt: skip


def alert(thing: Alert) -> Sheet:
    changed = thing.changed_by and f"{thing.changed_by}, {thing.changed_at:%Y-%m-%d %H:%M}"
    return Sheet(
        thing.says,
        [("state", thing.state), ("raised", thing.raised_at), ("watchlist", thing.name), ("note", thing.note), ("changed by", changed)],
        hint="store.alerts.acknowledge(alert)   wb.widgets.alerts(store)",
    )  # fmt: skip


def watchlist(thing: Watchlist) -> Sheet:
    return Sheet(
        thing.name,
        [
            ("watches", thing.network or thing.country or (f"AS{thing.asn}" if thing.asn is not None else f"threat level {thing.threat_level} and above")),
            ("owner", thing.owner), ("made", f"{thing.created_at:%Y-%m-%d} by {thing.created_by}"), ("deleted", thing.deleted_at),
        ],
        level=thing.secrecy,
    )  # fmt: skip


def synced(thing: Synced) -> Sheet:
    return Sheet(
        "Synced" if any((thing.pulled, thing.created, thing.pushed, thing.refused, thing.revoked)) else "Synced: nothing new on either side",
        [
            ("pulled", thing.pulled), ("of them merged with yours", thing.merged), ("created", thing.created), ("pushed", thing.pushed),
            ("refused", thing.refused), ("no longer for you and removed", thing.revoked), ("to settle", thing.unsettled), ("", thing.whole),
        ],
        hint="wb.widgets.conflicts(case)" if thing.unsettled else "",
    )  # fmt: skip


def unsettled(thing: Unsettled) -> Sheet:
    from workbench.notebook.showing.conflicting import words_of

    sides = [] if thing.kind != "field" else [("yours", words_of(thing.field, thing.mine)), ("theirs", words_of(thing.field, thing.theirs)), ("before", words_of(thing.field, thing.base))]  # fmt: skip
    name = thing.address or "A profile no longer for you"
    return Sheet(f"{name}: {(thing.field or thing.kind).replace('_', ' ')}", [("", thing.says), *sides], hint="wb.widgets.conflicts(case)")  # fmt: skip


def snapshot(thing: Snapshot) -> Sheet:
    age = (datetime.now(UTC) - thing.as_of).days
    rows = [
        (link(source.title, source.homepage), source.category or ", ".join(source.layers), source.as_of and f"{source.as_of:%Y-%m-%d}",
         source.entries, source.reliability, source.licence)
        for source in sorted(thing.sources, key=lambda source: (source.category or "", source.id))
    ]  # fmt: skip
    return Sheet(
        f"Snapshot {thing.id}", [("intel as of", f"{thing.as_of:%Y-%m-%d}, {age:,} days ago"), ("built", thing.created)],
        [Listing(f"{len(rows)} sources", ("source", "for", "as of", "entries", "reliability (A–F)", "licence"), rows[:60], max(0, len(rows) - 60))],
    )  # fmt: skip


def history(thing: History) -> Sheet:
    places = [
        (f"{p.first:%Y-%m-%d}", f"{p.last:%Y-%m-%d}", p.country or "", f"AS{p.asn} {p.as_org or ''}".strip() if p.asn else "", p.prefix)
        for p in thing.located
    ]  # fmt: skip
    lists = [
        (f"{p.first:%Y-%m-%d}", f"{p.last:%Y-%m-%d}", p.title, f"{p.category} {p.label}".strip(), p.entry)
        for p in thing.listed
    ]
    return Sheet(
        f"{thing.address} through {len(thing.snapshots):,} {'snapshot' if len(thing.snapshots) == 1 else 'snapshots'}",
        [] if lists else [("listed", "on no list in any of them")],
        [Listing("Listed", ("from", "to", "source", "as", "entry"), lists[:60], max(0, len(lists) - 60)),
         Listing("Where and whose", ("from", "to", "country", "network", "prefix"), places[:30], max(0, len(places) - 30))],
    )  # fmt: skip


def difference(thing: Difference) -> Sheet:
    rows = [
        (
            row["source"],
            row["status"],
            row["entries_before"],
            row["entries_after"],
            row["listed"],
            row["unlisted"],
        )
        for row in thing.sources.to_pylist()
        if row["status"] != "same"
    ]
    return Sheet(
        f"{thing.before} → {thing.after}",
        [] if rows else [("", "nothing changed")],
        [Listing("", ("source", "status", "entries before", "after", "listed", "unlisted"), rows[:60], max(0, len(rows) - 60))],
        hint="difference.listed.to_pandas()" if rows else "",
    )  # fmt: skip
