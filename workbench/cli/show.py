"""Tables on the terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from workbench.cli.terminal import plain

if TYPE_CHECKING:
    from workbench.enrichment.triage import Triage
    from workbench.intel.holdings import SourceFile
    from workbench.intel.refresh import Failure
    from workbench.intel.snapshot import Snapshot
    from workbench.intel.source import Source

__all__ = ["show_catalogue", "show_health", "show_providers", "show_sources", "show_triage"]

_STYLE = {
    "malicious": "bold white on red",
    "suspicious": "bold black on dark_orange",
    "anonymised": "bold white on purple4",
    "watch": "black on yellow",
    "clean": "green",
}


def _console() -> Console:
    console = Console(highlight=False, soft_wrap=False)
    # Not a terminal: a file or a pager wants the reasons whole, not cut at eighty characters.
    return console if console.is_terminal else Console(highlight=False, width=200)


def show_triage(result: Triage, limit: int | None) -> None:
    """Print the table, worst first, and the summary as the last line."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1))
    for name in ("verdict", "address", "hits", "cc", "network", "type", "flags", "rep", "conf", "reasons"):
        table.add_column(name, justify="right" if name in ("hits", "rep", "conf") else "left", overflow="fold", ratio=3 if name == "reasons" else None)  # fmt: skip
    rows = result.rows()
    shown = rows if limit is None else rows[:limit]
    for row in shown:
        network = f"AS{row['asn']} {row['as_org'] or ''}".strip() if row["asn"] else ""
        table.add_row(
            Text(row["verdict"], _STYLE.get(row["verdict"], "")),
            row["address"],
            f"{row['hits']:,}",
            row["country"] or "",
            Text(plain(network)),
            row["network_type"] or "",
            row["flags"],
            str(row["reputation"]),
            f"{row['confidence']:.2f}",
            Text(plain(row["reasons"])),
        )
    console = _console()
    if shown:
        console.print(table)
    if len(shown) < len(rows):
        console.print(f"… and {len(rows) - len(shown):,} more; --all shows them, --html and --json hold them")
    console.print(Text(result.summary, "bold"))


def show_sources(sources: list[SourceFile], current: Snapshot, failures: Sequence[Failure] = ()) -> None:
    """Print the sources at hand with their age and licence, and why the last refresh of some failed."""
    built = {source.id: source for source in current.sources}
    now = datetime.now(UTC)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1))
    for name in ("source", "title", "says", "date", "age", "entries", "origin", "grade", "licence"):
        table.add_column(name, justify="right" if name in ("age", "entries") else "left", overflow="fold")
    for item in sources:
        known = built.get(item.source.id)
        spoken = item.published or item.fetched
        table.add_row(
            item.source.id,
            Text(plain(item.source.title)),
            item.source.category or ", ".join(item.source.layers),
            item.dated,
            f"{(now - spoken).days} d" if spoken else "",
            f"{known.entries:,}" if known else "not built",
            item.origin,
            item.source.reliability,
            Text(plain(item.source.licence)),
        )
    console = _console()
    console.print(table)
    for failure in failures:
        console.print(
            Text(f"{failure.id}: refresh failed {failure.when:%Y-%m-%d %H:%M} UTC: {plain(failure.reason)}")
        )
    console.print(Text(f"current snapshot {current.id}, as of {current.as_of:%Y-%m-%d}", "bold"))


def show_catalogue(catalogue: Mapping[str, Source], at_hand: list[SourceFile]) -> None:
    """Print every source that could be fetched, and which are at hand; those off by default last."""
    from workbench.intel.catalogue import keys_needed

    dates = {item.source.id: item.dated for item in at_hand}
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1))
    for name in ("source", "title", "says", "every", "at hand", "needs", "grade", "licence"):
        table.add_column(name, justify="right" if name == "every" else "left", overflow="fold")
    for source in sorted(catalogue.values(), key=lambda source: (not source.default, source.id)):
        table.add_row(
            Text(source.id if source.default else f"{source.id} (by name)"),
            Text(plain(source.title)),
            source.category or ", ".join(source.layers),
            f"{source.refresh.days} d" if source.refresh.days else f"{source.refresh.seconds // 3600} h",
            dates.get(source.id, ""),
            ", ".join(keys_needed(source)) or ("a file" if not source.location else ""),
            source.reliability,
            Text(plain(source.licence)),
        )
    console = _console()
    console.print(table)
    console.print("`workbench intel update` fetches those that are due; one (by name) only when it is named.")


def show_health() -> bool:
    """Print what the installation is and whether it is sound."""
    import platform
    from importlib.metadata import PackageNotFoundError, version

    from workbench import __version__
    from workbench.intel import SnapshotError, library
    from workbench.intel.catalogue import load, user_catalogue
    from workbench.intel.home import data_path, home

    checks: list[tuple[str, str, bool]] = [
        ("workbench", f"{__version__}, Python {platform.python_version()}", True)
    ]
    for package in ("pyarrow", "duckdb", "numba", "pandas"):
        try:
            checks.append((package, version(package), True))
        except PackageNotFoundError:
            checks.append((package, "missing", False))
    pack: Any = data_path() / "pack" / "pack.toml"
    checks.append(("shipped data", str(pack.parent), pack.exists()))
    checks.append(("home", str(home()), True))
    own = user_catalogue()
    try:
        checks.append(
            (
                "catalogue",
                f"{len(load())} sources; yours: {own}{'' if own.is_file() else ' (none yet)'}",
                True,
            )
        )
    except (ValueError, OSError) as error:
        checks.append(("catalogue", str(error), False))
    try:
        snapshot = library.current()
        snapshot.verify()
        checks.append(("snapshot", f"{snapshot.id}, checksums right", True))
        days = (datetime.now(UTC) - snapshot.as_of).days
        checks.append(
            (
                "intel age",
                f"{days} days" + (": refresh it with `workbench intel update`" if days > 30 else ""),
                days <= 30,
            )
        )
    except SnapshotError as error:
        checks.append(("snapshot", str(error), False))
    console = _console()
    for name, text, good in checks:
        console.print(
            Text.assemble(
                (" ok  " if good else " !!  ", "green" if good else "bold red"), f"{name:<13}{text}"
            )
        )
    return all(good for name, _, good in checks if name != "intel age")


def show_providers() -> None:
    """Print every external provider with key, quota and terms."""
    from workbench.intel.providers import PROVIDERS, ProviderError
    from workbench.intel.providers.allowance import left
    from workbench.intel.providers.keys import key_place, variable
    from workbench.intel.providers.ledger import open_ledger

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1))
    for name in ("provider", "key", "left of quota", "grade", "terms"):
        table.add_column(name, overflow="fold")
    ledger = open_ledger()
    places = {name: key_place(name) for name in {p.key for p in PROVIDERS.values()} if name is not None}
    for provider in PROVIDERS.values():
        key = "none wanted"
        if provider.key is not None:
            key = places[provider.key] or f"missing: {variable(provider.key)}"
        try:
            rest = left(ledger, provider)
            quota = "no limit known" if rest.requests is None else f"{rest.requests:,}"
            if rest.requests is not None and rest.of is not None:
                quota += f" of {rest.of:,}"
            if rest.resets is not None:
                quota += f" until {rest.resets:%m-%d %H:%M} UTC"
        except ProviderError as error:
            quota = error.reason
        table.add_row(
            Text(provider.id), Text(key), Text(quota), str(provider.reliability), Text(provider.terms)
        )
    ledger.close()
    console = _console()
    console.print(table)
    console.print("None is asked unless it is named: asking tells it which addresses you look into.")
