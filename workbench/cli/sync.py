"""The ``sync`` command: a case file and a store, brought together."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from workbench.cli.errors import plain_errors
from workbench.cli.terminal import plain

__all__ = ["sync"]


@click.command()
@click.argument("case", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--url", envvar="WORKBENCH_STORE_URL", metavar="URL", help="The store, as yourself: postgresql://ROLE@HOST/DATABASE. By default that of the last sync, or the one on this machine.")  # fmt: skip
@plain_errors
def sync(case: Path, url: str | None) -> None:
    """Bring the profiles of the file CASE and a store together.

    What you and others changed differently stays as it is on either side and is listed, to be settled in a
    notebook: case.conflicts(), case.settle(…). Profiles no longer for you are removed from the file. It may be
    stopped at any point; the next sync goes on from there.

    \b
    Examples
      workbench sync intrusion.duckdb --url postgresql://ines@db.example/workbench
      workbench sync intrusion.duckdb
    """
    from workbench.case import Case
    from workbench.store.progress import bar
    from workbench.store.syncing.settling import unsettled
    from workbench.store.syncing.sync import sync_with

    os.umask(0o077)  # the log DuckDB keeps beside the file is for nobody else either
    with Case(case) as opened:
        try:
            with bar() as progress:
                outcome = sync_with(url, opened._file, progress)
        except KeyboardInterrupt:
            click.echo(
                f"interrupted; what was exchanged stays, and `workbench sync {case}` goes on from there",
                err=True,
            )
            sys.exit(130)
        click.echo(str(outcome))
        for one in unsettled(opened._file):
            click.echo("  " + plain(str(one))[:400])
