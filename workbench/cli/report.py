"""``workbench report …``: reports made, described and repeated."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from workbench.cli.errors import plain_errors

if TYPE_CHECKING:
    from workbench.reports.scheduling.ledger import Ledger
    from workbench.reports.scheduling.planning import Schedule

__all__ = ["report"]

F = TypeVar("F", bound=Callable[..., Any])
_LEVELS = ["clear", "green", "amber", "amber+strict", "red"]


_URL = click.option("--url", envvar="WORKBENCH_STORE_URL", metavar="URL", help="The store that keeps schedules and runs: postgresql://ROLE@HOST/DATABASE without password, env:NAME, or local; by default WORKBENCH_STORE_URL, else a file on this machine.")  # fmt: skip


@click.group()
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
@_URL
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
    with _ledger(url) as ledger, _Progress() as progress:
        made = recorded(
            ledger,
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
    """Tell what the report NAME is for and what it takes.

    \b
    workbench report describe triage
    """
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
@_URL
@plain_errors
def list_(url: str | None) -> None:
    """List the reports there are, and your schedules."""
    from datetime import UTC, datetime

    from workbench import reports
    from workbench.reports.scheduling.planning import next_due

    _print_table(
        ("report", "what it tells"),
        [(one.name, one.description) for one in reports.templates()],
        whole=("report",),
    )
    with _ledger(url) as ledger:
        rows = []
        for one in ledger.schedules():
            last = next(iter(ledger.runs(one, limit=1)), None)
            came = f"{last.status} {last.started_at.astimezone():%Y-%m-%d %H:%M}" if last else "never made"
            following = f"{next_due(one, datetime.now(UTC)):%Y-%m-%d %H:%M %Z}" if one.active else "paused"
            rows.append((one.name, one.template, one.cron, following, came, one.created_by))
    if rows:
        click.echo()
        _print_table(("schedule", "report", "cron", "next", "last", "by"), rows, whole=("next", "last"))


@report.command()
@click.argument("name")
@_made_by
@click.option("--cron", required=True, metavar="EXPRESSION", help="When: minute hour day month weekday, such as '0 7 * * 1-5'.")  # fmt: skip
@click.option("--zone", metavar="ZONE", help="The time zone of --cron, such as Europe/Amsterdam; by default that of this machine.")  # fmt: skip
@click.option("--deliver", "targets", multiple=True, required=True, metavar="TARGET", help="A folder, s3://bucket/path, mailto:a@b.example or https://hook.example; may be repeated.")  # fmt: skip
@click.option("--on-failure", multiple=True, metavar="TARGET", help="mailto:… or https://… that is told when it fails for good; may be repeated.")  # fmt: skip
@click.option("--retries", default=2, show_default=True, type=click.IntRange(0, 10), help="Attempts after the first one.")  # fmt: skip
@click.option("--as", "called", metavar="NAME", help="What the schedule is called; by default as the report.")
@click.option("--secrecy", default="amber+strict", show_default=True, type=click.Choice(_LEVELS), help="Level of the schedule and the record of its runs in a store; red: for you alone.")  # fmt: skip
@click.option("--timer", type=click.Choice(["cron", "systemd"]), help="Print what wakes it on a server.")
@click.option("--jupyter", metavar="URL", help="Let the scheduler of this running JupyterLab wake it; its token is taken from JUPYTER_TOKEN.")  # fmt: skip
@_URL
@plain_errors
def schedule(
    name: str, parameters: tuple[str, ...], formats: str, for_member: str | None, for_tlp: str | None, for_organisation: str | None,
    cron: str, zone: str | None, targets: tuple[str, ...], on_failure: tuple[str, ...], retries: int, called: str | None, secrecy: str,
    timer: str | None, jupyter: str | None, url: str | None,
) -> None:  # fmt: skip
    """Have the report NAME made again and again.

    Whatever runs `workbench report tick` makes it. What was missed is made up for once; no two machines make it at the same time. No target holds a password:
    mail goes through the server in WORKBENCH_SMTP_URL (smtps://user:password@mail.example), webhooks are signed with
    WORKBENCH_WEBHOOK_SECRET, storage takes its keys from where its client looks for them (AWS_ACCESS_KEY_ID …).

    \b
    workbench report schedule daily-watch --cron "0 7 * * 1-5" --to pdf --deliver /srv/reports --timer systemd
    workbench report schedule partner-bulletin -p investigation="Operation X" -p store=env:OUR_STORE \\
        --for-organisation "CERT B" --cron "0 16 * * 5" --to pdf --deliver mailto:soc@cert-b.example
    """
    import os
    from datetime import UTC, datetime

    from workbench import reports
    from workbench.reports.scheduling.planning import next_due
    from workbench.reports.scheduling.timers import define_in_jupyter

    token = os.environ.get("JUPYTER_TOKEN", "")
    if jupyter and not token:
        raise click.UsageError(
            "--jupyter needs the token of the server in JUPYTER_TOKEN (jupyter server list)"
        )
    made = reports.schedule(
        name, cron=cron, deliver=targets, parameters=given(parameters), called=called, zone=zone, to=formats.split(","),
        for_whom=reports.recipient(for_member, for_tlp, for_organisation), on_failure=on_failure, retries=retries, secrecy=secrecy, url=url,
    )  # fmt: skip
    click.echo(f"{made.name}: next on {next_due(made, datetime.now(UTC)):%Y-%m-%d %H:%M %Z}")
    if jupyter:
        try:
            job = define_in_jupyter(made, jupyter, token, url)
        except OSError:
            with _ledger(url) as ledger:
                ledger.remove(made)  # all of it or nothing
            raise
        click.echo(f"JupyterLab makes it: job definition {job}")
    elif timer:
        _print_timer(timer, url)
    else:
        click.echo("`workbench report tick` makes what is due; what runs it: --timer cron, --timer systemd or --jupyter URL, or `workbench report timer`")  # fmt: skip


@report.command()
@click.argument("kind", type=click.Choice(["cron", "systemd"]))
@_URL
@plain_errors
def timer(kind: str, url: str | None) -> None:
    """Print what makes a server look for reports that are due.

    A line for cron, or units for systemd.

    \b
    workbench report timer cron
    """
    _print_timer(kind, url)


@report.command()
@click.argument("name")
@_URL
@plain_errors
def unschedule(name: str, url: str | None) -> None:
    """Take the schedule NAME away; the record of its runs stays.

    \b
    workbench report unschedule daily-watch
    """
    with _ledger(url) as ledger:
        ledger.remove(_named(ledger, name))
    click.echo(f"{name}: not made any more")


@report.command()
@click.argument("name")
@click.option("--resume", is_flag=True, help="Go on with it.")
@_URL
@plain_errors
def pause(name: str, resume: bool, url: str | None) -> None:
    """Pause the schedule NAME, or --resume it.

    What was due meanwhile is then made up for once.

    \b
    workbench report pause daily-watch
    workbench report pause daily-watch --resume
    """
    with _ledger(url) as ledger:
        ledger.set_active(_named(ledger, name), resume)
    click.echo(f"{name}: {'goes on' if resume else 'paused'}")


@report.command()
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1, 10_000), help="How many.")
@click.option(
    "--json", "as_json", is_flag=True, help="Print JSON lines, with parameters, outputs and hashes."
)
@_URL
@plain_errors
def runs(limit: int, as_json: bool, url: str | None) -> None:
    """List the latest runs, what came of them and where it is."""
    import json
    from dataclasses import asdict

    with _ledger(url) as ledger:
        names = {one.id: one.name for one in ledger.schedules()}
        found = ledger.runs(limit=limit)
    if as_json:
        for run in found:
            click.echo(
                json.dumps({**asdict(run), "told": dict(run.told), "seconds": run.seconds}, default=str)
            )
        return
    rows = [
        (
            f"{run.started_at.astimezone():%Y-%m-%d %H:%M}", names.get(run.schedule or "", run.template), run.status + (f" ({run.attempt})" if run.attempt > 1 else ""),
            f"{run.seconds:.0f} s" if run.seconds is not None else "", run.told.get("tlp", ""),
            _why(run.told.get("error")) or ", ".join(run.told.get("outputs", {}).values()),
        )
        for run in found
    ]  # fmt: skip
    if not rows:
        click.echo("nothing was made yet")
        return
    _print_table(("when", "report", "status", "took", "marking", "outputs, or why not"), rows, whole=("when", "status", "took", "marking"))  # fmt: skip


@report.command()
@click.option("--only", metavar="NAME", help="Look at this schedule alone.")
@click.option("--now", "force", is_flag=True, help="Make it now, due or not; with --only.")
@click.option("--dry-run", is_flag=True, help="Tell what is due, and make nothing.")
@_URL
@plain_errors
def tick(only: str | None, force: bool, dry_run: bool, url: str | None) -> None:
    """Make every report of yours that is due. For cron and timers; exit code 1 if one failed for good."""
    import sys
    from datetime import UTC, datetime

    from workbench.reports.scheduling.ticking import is_due
    from workbench.reports.scheduling.ticking import tick as make_due

    if force and not only:
        raise click.UsageError("--now is for one schedule: name it with --only")
    failed = False
    with _ledger(url) as ledger:
        if only:
            _named(ledger, only)
        if dry_run:
            for one in ledger.schedules():
                if (
                    ledger.is_mine(one)
                    and one.active
                    and only in (None, one.name)
                    and is_due(ledger, one, datetime.now(UTC))
                ):
                    click.echo(f"{one.name}: due")
            return
        with _Progress() as progress:
            for outcome in make_due(ledger, only=only, force=force, progress=progress):
                failed |= outcome.status == "failed"
                if outcome.status != "waiting":
                    click.echo(str(outcome))
                    for where in outcome.outputs:
                        click.echo(f"  {where}")
    if failed:
        sys.exit(1)


def _why(error: str | None) -> str | None:
    """Of a run on request the record has the kind of error alone: what was wrong with it may be secret."""
    return f"{error}: the notebook that was kept tells" if error and error.isidentifier() else error


@contextmanager
def _ledger(url: str | None) -> Iterator[Ledger]:
    from workbench.reports.scheduling.ledger import open_ledger

    opened = open_ledger(url)
    try:
        yield opened
    finally:
        opened.close()


def _named(ledger: Ledger, name: str) -> Schedule:
    every = ledger.schedules()
    for one in sorted(every, key=lambda one: not ledger.is_mine(one)):
        if one.name == name:
            return one
    raise LookupError(
        f"there is no schedule {name!r}; there are: {', '.join(one.name for one in every) or 'none'}"
    )


def _print_timer(kind: str, url: str | None) -> None:
    from workbench.reports.scheduling.timers import cron_line, systemd_units

    if kind == "cron":
        click.echo("# crontab -e, then add:")
        click.echo(cron_line(url))
        return
    for name, text in systemd_units(url).items():
        click.echo(f"# ~/.config/systemd/user/{name}\n{text}")
    click.echo("# then: systemctl --user enable --now workbench-reports.timer; loginctl enable-linger")


def _print_table(
    headings: tuple[str, ...], rows: Sequence[tuple[str, ...]], whole: tuple[str, ...] = ()
) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in headings:
        table.add_column(heading, no_wrap=heading in whole, overflow="fold")
    for row in rows:
        # What others wrote does not steer the terminal.
        table.add_row(*(Text("".join(c if c.isprintable() else " " for c in cell)) for cell in row))
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
