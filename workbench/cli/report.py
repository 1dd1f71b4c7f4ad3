"""``workbench report …``: reports described and made; what repeats them is in :mod:`~workbench.cli.schedules`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from workbench.cli.errors import plain_errors
from workbench.cli.groups import Gathered
from workbench.cli.terminal import plain, print_table

if TYPE_CHECKING:
    from workbench.reports.scheduling.ledger import Ledger

__all__ = ["LEVELS", "URL", "CellProgress", "given", "ledger_of", "made_by", "report"]

F = TypeVar("F", bound=Callable[..., Any])
LEVELS = ["clear", "green", "amber", "amber+strict", "red"]
_REPEATED = dict.fromkeys(
    ("pause", "runs", "schedule", "tick", "timer", "unschedule"), "workbench.cli.schedules"
)
URL = click.option("--url", envvar="WORKBENCH_STORE_URL", metavar="URL", help="The store that keeps schedules and runs: postgresql://ROLE@HOST/DATABASE without password, env:NAME, or local; by default WORKBENCH_STORE_URL, else a file on this machine.")  # fmt: skip


@click.group(cls=Gathered, found_in=_REPEATED)
def report() -> None:
    """Reports for people who decide, each for one recipient.

    What is not for the reader is not in them.

    \b
    workbench report list
    workbench report describe triage
    workbench report run triage -p source=firewall.log -p concern=HK --to html,pdf
    workbench report run investigation -p investigation="Operation X" -p store=local --for-tlp green
    workbench report schedule daily-watch --cron "0 7 * * 1-5" --to pdf --deliver /srv/reports
    """


def made_by(command: F) -> F:
    """The options of a report, alike where it is made and where it is scheduled."""
    for option in reversed((
        click.option("-p", "--parameter", "parameters", multiple=True, metavar="NAME=VALUE", help="A parameter, may be repeated; `workbench report describe NAME` tells which there are. No passwords: env:NAME names an environment variable."),
        click.option("--to", "formats", default="html", show_default=True, metavar="FORMATS", help="html, pdf, ipynb, or several with commas."),
        click.option("--for-member", metavar="ROLE", help="For this member of the store, asked for with her rights."),
        click.option("--for-tlp", type=click.Choice(LEVELS), help="Nothing above this level: clear for the public, green for the community, else for your organisation or the one named."),
        click.option("--for-organisation", metavar="NAME", help="For this organisation, by the rules of TLP."),
    )):  # fmt: skip
        command = option(command)
    return command


@report.command()
@click.argument("name")
@made_by
@click.option("-o", "--output", default=".", show_default=True, type=click.Path(file_okay=False, path_type=Path), help="The folder in which a new one is made for the report.")  # fmt: skip
@URL
@plain_errors
def run(
    name: str, parameters: tuple[str, ...], formats: str, for_member: str | None, for_tlp: str | None,
    for_organisation: str | None, output: Path, url: str | None,
) -> None:  # fmt: skip
    """Make the report NAME, or that of your own notebook.

    `workbench report list` tells the names; a path that ends in .ipynb is a notebook of your own. All files appear at once in a new folder, with a manifest that has their SHA-256. If a cell fails, the notebook up
    to there is kept, the error first.

    \b
    workbench report run triage -p source=firewall.log --to html,pdf,ipynb
    workbench report run partner-bulletin -p source=firewall.log -p tlp=green --for-organisation "CERT B" -o outgoing
    """
    from workbench import reports
    from workbench.reports.scheduling.recording import recorded

    for_whom = reports.recipient(for_member, for_tlp, for_organisation)
    with ledger_of(url) as ledger, CellProgress() as progress:
        made = recorded(
            ledger,
            name,
            given(parameters),
            to=formats.split(","),
            output=output,
            for_whom=for_whom,
            progress=progress,
        )
    click.echo(plain(f"{made.facts.level}, for {made.facts.audience}: {made.facts.title}"))
    for path in made.files:
        click.echo(f"  {path}")


@report.command()
@click.argument("name")
@plain_errors
def describe(name: str) -> None:
    """Tell what the report NAME is for and what it takes.

    \b
    workbench report describe triage
    """
    from workbench import reports

    one = reports.template(name)
    click.echo(plain(f"{one.name}: {one.title}\n{one.description}\n"))
    print_table(
        ("parameter", "default", "what it is", "a value is"),
        [
            (each.name, "needed" if each.required else _default(each.default), each.help, each.expects)
            for each in one.parameters
            if each.kind != "recipient"
        ],
    )


@report.command("list")
@URL
@plain_errors
def list_(url: str | None) -> None:
    """List the reports there are, and your schedules."""
    from datetime import UTC, datetime

    from workbench import reports
    from workbench.reports.scheduling.planning import next_due

    print_table(
        ("report", "what it tells"),
        [(one.name, one.description) for one in reports.templates()],
        whole=("report",),
    )
    with ledger_of(url) as ledger:
        rows = []
        for one in ledger.schedules():
            last = next(iter(ledger.runs(one, limit=1)), None)
            came = f"{last.status} {last.started_at.astimezone():%Y-%m-%d %H:%M}" if last else "never made"
            following = f"{next_due(one, datetime.now(UTC)):%Y-%m-%d %H:%M %Z}" if one.active else "paused"
            rows.append((one.name, one.template, one.cron, following, came, one.created_by))
    if rows:
        click.echo()
        print_table(("schedule", "report", "cron", "next", "last", "by"), rows, whole=("next", "last"))


@contextmanager
def ledger_of(url: str | None) -> Iterator[Ledger]:
    """What keeps schedules and runs: the store there, or a file of this machine."""
    from workbench.reports.scheduling.ledger import open_ledger

    opened = open_ledger(url)
    try:
        yield opened
    finally:
        opened.close()


def given(parameters: tuple[str, ...]) -> dict[str, str]:
    """``NAME=VALUE`` as names and values.

    Raises:
        ValueError: an equals sign is missing.
    """
    found = {}
    for parameter in parameters:
        name, equals, value = parameter.partition("=")
        if not equals:
            raise ValueError(f"-p wants NAME=VALUE, not {parameter!r}")
        found[name.strip()] = value
    return found


def _default(value: Any) -> str:
    if value is None or value == []:
        return "none"
    return str(value)


class CellProgress:
    """A bar on the terminal, a cell at a time, with what the cell does."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

        console = Console(stderr=True)
        self._bar = Progress(
            TextColumn("{task.description:28}"), BarColumn(), MofNCompleteColumn(), console=console, transient=True,
            disable=not console.is_terminal,  # cron would send the empty line it leaves by mail
        )  # fmt: skip

    def __enter__(self) -> Callable[[int, int, str], None]:
        self._bar.start()
        task = self._bar.add_task("Starting", total=None)

        def progress(done: int, total: int, what: str) -> None:
            shown = {"done": "Writing the files", "Parameters": "Starting"}.get(what, what)
            self._bar.update(task, completed=done, total=total, description=shown[:28] or None)

        return progress

    def __exit__(self, *_: object) -> None:
        self._bar.stop()
