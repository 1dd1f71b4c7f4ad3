"""The first commands, and where the groups of the others are; each imports what it needs when it runs."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import click

from workbench import __version__
from workbench.cli.errors import plain_errors
from workbench.cli.groups import Gathered
from workbench.cli.terminal import plain

__all__ = ["workbench"]


FROM = {
    "intel": "workbench.cli.intel",
    "store": "workbench.cli.store",
    "sync": "workbench.cli.sync",
    "lab": "workbench.cli.lab",
    "report": "workbench.cli.report",
    "stix": "workbench.cli.stix",
    "serve": "workbench.cli.serve",
    "token": "workbench.cli.token",
    "taxii": "workbench.cli.taxii",
}
"""Where the groups of further commands are."""


@click.group(
    cls=Gathered,
    found_in=FROM,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)
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
@click.option(
    "--format",
    "log_format",
    metavar="NAME",
    help="Log format, where it is not found out by itself; a wrong name lists them.",
)
@click.option("--html", type=click.Path(dir_okay=False, path_type=Path), help="Write the same as one self-contained HTML file.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print JSON lines instead of a table.")
@click.option("--snapshot", metavar="ID|DATE", help="Judge by this snapshot, not the current one.")
@click.option(
    "--all", "everything", is_flag=True, help="Print clean addresses beyond the first fifty as well."
)
@plain_errors
def triage(
    file: Path, concern: tuple[str, ...], log_format: str | None, html: Path | None, as_json: bool,
    snapshot: str | None, everything: bool,
) -> None:  # fmt: skip
    """Judge the outside addresses of a log or text, worst first.

    FILE is a log, CSV, JSON lines, Parquet or plain text, gzip or zstd included; - reads standard input. Each verdict
    comes with its reasons, and how far it may be relied on (conf, 0 to 1).

    \b
    workbench triage firewall.log --concern HK
    workbench triage access.log.gz --html triage.html
    zgrep sshd auth.log.1.gz | workbench triage - --json
    """
    from workbench.cli.addresses_of import addresses_of
    from workbench.enrichment import open_engine
    from workbench.enrichment.triage import triage as judge

    engine = open_engine(snapshot)
    found = addresses_of(file, log_format)
    result = judge(engine, found.addresses, concern, found.hits)
    if html:  # before anything is printed: whoever reads that may have enough of it, as head does
        from workbench.enrichment.page import triage_page
        from workbench.intel.writing import write_text

        write_text(
            html, triage_page(result, engine.snapshot, "standard input" if str(file) == "-" else file.name)
        )
    if as_json:
        for row in result.table.to_pylist():
            click.echo(json.dumps(row, default=str))
    else:
        from workbench.cli.show import show_triage

        show_triage(result, limit=None if everything else 50)
    for note in [*found.notes, *_little_known(result)]:
        click.echo(note, err=True)
    if html:
        click.echo(f"written: {html}", err=True)


def _little_known(result: Any) -> list[str]:
    """What "clean" is worth where the lists at hand name hardly an attacker, as those that are shipped do."""
    import pyarrow.compute as pc

    clean = result.table.filter(pc.equal(result.table.column("verdict").cast("string"), "clean"))
    unsure = pc.sum(pc.less(clean.column("confidence"), 0.05)).as_py()
    if not unsure:
        return []
    return [
        f"{unsure:,} of the clean have confidence (conf) near 0: the lists at hand name hardly any attackers; `workbench intel update` fetches more"
    ]


@workbench.command()
@click.argument("addresses", nargs=-1, required=True)
@click.option("--json", "as_json", is_flag=True, help="Print JSON lines.")
@click.option("--snapshot", metavar="ID|DATE", help="Ask this snapshot, not the current one.")
@click.option("--provider", "providers", multiple=True, metavar="NAME", help="Ask this provider too, may be repeated. It learns which addresses you look into. `workbench intel providers` lists them.")  # fmt: skip
@click.option("--force-refresh", is_flag=True, help="Ask providers anew, whatever the cache holds.")
@click.option("--offline", is_flag=True, help="Of providers only what the cache holds; ask nobody.")
@plain_errors
def lookup(
    addresses: tuple[str, ...], as_json: bool, snapshot: str | None, providers: tuple[str, ...],
    force_refresh: bool, offline: bool,
) -> None:  # fmt: skip
    """Tell everything known of ADDRESSES, with the evidence.

    They may be as they are in a report or log, 1[.]2[.]3[.]4 or 1.2.3.4:443. Exit code 1 if one is no address, or a
    provider failed.

    \b
    workbench lookup 185.246.188.74
    workbench lookup 185.246.188[.]74 2620:fe::fe --snapshot 2026-10-05
    workbench lookup 185.246.188.74 --provider internetdb --provider abuseipdb
    workbench lookup 185.246.188.74 --provider internetdb --force-refresh
    """
    from dataclasses import asdict

    from workbench.enrichment import open_engine, record

    engine = open_engine(snapshot)
    answers: list[Any] = []
    if providers:
        from workbench.intel import ask

        pasted = [record.as_pasted(address) for address in addresses]
        answers = list(ask(pasted, providers, force_refresh=force_refresh, offline=offline))
    elif force_refresh or offline:
        raise click.UsageError("--force-refresh and --offline are about providers: name one with --provider")
    each = len(answers) // len(addresses)
    found = [
        record.lookup(engine, address, answers[row * each : (row + 1) * each])
        for row, address in enumerate(addresses)
    ]
    for address, intel in zip(addresses, found, strict=True):
        if as_json:
            click.echo(json.dumps({"input": address, **asdict(intel)}, default=str))
        else:
            click.echo(plain(str(intel)) if intel.address else f"{address}: not an IP address")
    if any(intel.address is None for intel in found) or any(answer.error for answer in answers):
        sys.exit(1)


@workbench.command()
@click.argument("file", type=click.Path(dir_okay=False, allow_dash=True, path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print JSON lines with counts and lines.")
@plain_errors
def extract(file: Path, as_json: bool) -> None:
    """Find the addresses in a text, however they are written.

    They are printed one a line, canonical and most frequent first: 1[.]2[.]3[.]4, hxxp://…, [2001:db8::1]:443 and the like
    are understood. FILE may be text, CSV, JSON lines or Parquet, gzip or zstd; - reads standard input.

    \b
    workbench extract report.txt
    pdftotext report.pdf - | workbench extract - --json
    """
    from workbench.addresses.extract import extract as find

    found = find("-" if str(file) == "-" else file)
    for row in found.table.to_pylist():
        click.echo(json.dumps(row, default=str) if as_json else row["address"])
    if not len(found.table):
        click.echo(found.nothing(), err=True)
    if found.rejected_count:
        click.echo(
            f"{found.rejected_count} malformed addresses, the first: {_first_rejected(found)}", err=True
        )


def _first_rejected(found: Any) -> str:
    first = found.rejected[0]
    return f"{first.text!r} in line {first.line}"


@workbench.command()
@plain_errors
def doctor() -> None:
    """Check the installation and the current snapshot.

    Versions, directories, checksums, the age of the intel. Exit code 1 if something is wrong.
    """
    from workbench.cli.show import show_health

    if not show_health():
        sys.exit(1)
