"""``workbench report schedule``, ``tick`` and what else repeats reports."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from workbench.cli.errors import plain_errors
from workbench.cli.report import LEVELS, URL, CellProgress, given, ledger_of, made_by
from workbench.cli.terminal import plain, print_table

if TYPE_CHECKING:
    from workbench.reports.scheduling.ledger import Ledger
    from workbench.reports.scheduling.planning import Schedule

__all__ = ["pause", "runs", "schedule", "tick", "timer", "unschedule"]


@click.command()
@click.argument("name")
@made_by
@click.option("--cron", required=True, metavar="EXPRESSION", help="When: minute hour day month weekday, such as '0 7 * * 1-5'.")  # fmt: skip
@click.option("--zone", metavar="ZONE", help="The time zone of --cron, such as Europe/Amsterdam; by default that of this machine.")  # fmt: skip
@click.option("--deliver", "targets", multiple=True, required=True, metavar="TARGET", help="A folder, s3://bucket/path, mailto:a@b.example or https://hook.example; may be repeated.")  # fmt: skip
@click.option("--on-failure", multiple=True, metavar="TARGET", help="mailto:… or https://… that is told when it fails for good; may be repeated.")  # fmt: skip
@click.option("--retries", default=2, show_default=True, type=click.IntRange(0, 10), help="Attempts after the first one.")  # fmt: skip
@click.option("--as", "called", metavar="NAME", help="What the schedule is called; by default as the report.")
@click.option("--secrecy", default="amber+strict", show_default=True, type=click.Choice(LEVELS), help="Level of the schedule and the record of its runs in a store; red: for you alone.")  # fmt: skip
@click.option("--timer", type=click.Choice(["cron", "systemd"]), help="Print what wakes it on a server.")
@click.option("--jupyter", metavar="URL", help="Let the scheduler of this running JupyterLab wake it; its token is taken from JUPYTER_TOKEN.")  # fmt: skip
@URL
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
            with ledger_of(url) as ledger:
                ledger.remove(made)  # all of it or nothing
            raise
        click.echo(f"JupyterLab makes it: job definition {job}")
    elif timer:
        _print_timer(timer, url)
    else:
        click.echo("`workbench report tick` makes what is due; what runs it: --timer cron, --timer systemd or --jupyter URL, or `workbench report timer`")  # fmt: skip


@click.command()
@click.argument("kind", type=click.Choice(["cron", "systemd"]))
@URL
@plain_errors
def timer(kind: str, url: str | None) -> None:
    """Print what makes a server look for reports that are due.

    A line for cron, or units for systemd.

    \b
    workbench report timer cron
    """
    _print_timer(kind, url)


@click.command()
@click.argument("name")
@URL
@plain_errors
def unschedule(name: str, url: str | None) -> None:
    """Take the schedule NAME away; the record of its runs stays.

    \b
    workbench report unschedule daily-watch
    """
    with ledger_of(url) as ledger:
        ledger.remove(_named(ledger, name))
    click.echo(f"{name}: not made any more")


@click.command()
@click.argument("name")
@click.option("--resume", is_flag=True, help="Go on with it.")
@URL
@plain_errors
def pause(name: str, resume: bool, url: str | None) -> None:
    """Pause the schedule NAME, or --resume it.

    What was due meanwhile is then made up for once.

    \b
    workbench report pause daily-watch
    workbench report pause daily-watch --resume
    """
    with ledger_of(url) as ledger:
        ledger.set_active(_named(ledger, name), resume)
    click.echo(f"{name}: {'goes on' if resume else 'paused'}")


@click.command()
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1, 10_000), help="How many.")
@click.option(
    "--json", "as_json", is_flag=True, help="Print JSON lines, with parameters, outputs and hashes."
)
@URL
@plain_errors
def runs(limit: int, as_json: bool, url: str | None) -> None:
    """List the latest runs, what came of them and where it is."""
    import json
    from dataclasses import asdict

    with ledger_of(url) as ledger:
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
    print_table(("when", "report", "status", "took", "marking", "outputs, or why not"), rows, whole=("when", "status", "took", "marking"))  # fmt: skip


@click.command()
@click.option("--only", metavar="NAME", help="Look at this schedule alone.")
@click.option("--now", "force", is_flag=True, help="Make it now, due or not; with --only.")
@click.option("--dry-run", is_flag=True, help="Tell what is due, and make nothing.")
@URL
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
    with ledger_of(url) as ledger:
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
        with CellProgress() as progress:
            for outcome in make_due(ledger, only=only, force=force, progress=progress):
                failed |= outcome.status == "failed"
                if outcome.status != "waiting":
                    click.echo(plain(str(outcome)))
                    for where in outcome.outputs:
                        click.echo(f"  {where}")
    if failed:
        sys.exit(1)


def _why(error: str | None) -> str | None:
    """Of a run on request the record has the kind of error alone: what was wrong with it may be secret."""
    return f"{error}: the notebook that was kept tells" if error and error.isidentifier() else error


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
