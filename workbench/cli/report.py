"""``workbench report …``: reports made, described and repeated."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from workbench.cli.errors import plain_errors

__all__ = ["report"]

F = TypeVar("F", bound=Callable[..., Any])
_LEVELS = ["clear", "green", "amber", "amber+strict", "red"]


@click.group()
def report() -> None:
    """Reports for people who decide: made for one recipient, without what is not for them.

    \b
    workbench report list
    workbench report describe triage
    workbench report run triage -p source=firewall.log -p concern=HK --to html,pdf
    workbench report run investigation -p investigation="Operation X" -p store=local --for-tlp green
    """


def _made_by(command: F) -> F:
    """The options of a report, alike where it is made and where it is scheduled."""
    for option in reversed((
        click.option("-p", "--parameter", "parameters", multiple=True, metavar="NAME=VALUE", help="A parameter, may be repeated; `workbench report describe NAME` tells which there are. No passwords: env:NAME names an environment variable."),
        click.option("--to", "formats", default="html", show_default=True, metavar="FORMATS", help="html, pdf, ipynb, or several with commas."),
        click.option("--for-member", metavar="ROLE", help="For this member of the store, asked for with her rights."),
        click.option("--for-tlp", type=click.Choice(_LEVELS), help="Nothing above this level: clear for the public, green for the community, else for your organisation or the one named."),
        click.option("--for-organisation", metavar="NAME", help="For this organisation, by the rules of TLP."),
    )):  # fmt: skip
        command = option(command)
    return command


@report.command()
@click.argument("name")
@_made_by
@click.option("-o", "--output", default=".", show_default=True, type=click.Path(file_okay=False, path_type=Path), help="The folder in which a new one is made for the report.")  # fmt: skip
@plain_errors
def run(
    name: str, parameters: tuple[str, ...], formats: str, for_member: str | None, for_tlp: str | None,
    for_organisation: str | None, output: Path,
) -> None:  # fmt: skip
    """Make the report NAME, or of a notebook of your own (a path that ends in .ipynb).

    All files appear at once in a new folder, with a manifest that has their SHA-256. If a cell fails, the notebook up
    to there is kept, the error first.

    \b
    workbench report run triage -p source=firewall.log --to html,pdf,ipynb
    workbench report run partner-bulletin -p source=firewall.log -p tlp=green --for-organisation "CERT B" -o outgoing
    """
    from workbench import reports

    for_whom = reports.recipient(for_member, for_tlp, for_organisation)
    with _Progress() as progress:
        made = reports.run(
            name,
            given(parameters),
            to=formats.split(","),
            output=output,
            for_whom=for_whom,
            progress=progress,
        )
    click.echo(str(made.facts.level) + f", for {made.facts.audience}: {made.facts.title}")
    for path in made.files:
        click.echo(f"  {path}")


@report.command()
@click.argument("name")
@plain_errors
def describe(name: str) -> None:
    """Tell what the report NAME is good for and which parameters it takes."""
    from rich.console import Console
    from rich.table import Table

    from workbench import reports

    one = reports.template(name)
    click.echo(f"{one.name}: {one.title}\n{one.description}\n")
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("parameter", "default", "what it is", "a value is"):
        table.add_column(heading, overflow="fold")
    for parameter in one.parameters:
        if parameter.kind != "recipient":
            default = "needed" if parameter.required else _default(parameter.default)
            table.add_row(parameter.name, default, parameter.help, parameter.expects)
    Console().print(table)


@report.command("list")
@plain_errors
def list_() -> None:
    """List the reports there are."""
    from rich.console import Console
    from rich.table import Table

    from workbench import reports

    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("report", no_wrap=True)
    table.add_column("what it tells")
    for one in reports.templates():
        table.add_row(one.name, one.description)
    Console().print(table)


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


class _Progress:
    """A bar on the terminal, a cell at a time, with what the cell does."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

        self._bar = Progress(
            TextColumn("{task.description:28}"), BarColumn(), MofNCompleteColumn(), console=Console(stderr=True), transient=True
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
