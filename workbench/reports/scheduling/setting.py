"""Set a report to be made again and again, and make what is due."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from workbench.reports.making.running import FORMATS
from workbench.reports.notebooks import template
from workbench.reports.parameters import checked
from workbench.reports.scheduling.delivering import check_target
from workbench.reports.scheduling.ledger import open_ledger
from workbench.reports.scheduling.planning import Schedule, local_zone, next_due
from workbench.reports.scheduling.ticking import Outcome, tick
from workbench.secrecy import TLP

__all__ = ["schedule", "tick_now"]


def schedule(
    name: str, *, cron: str, deliver: Iterable[str], parameters: Mapping[str, Any] | None = None, called: str | None = None,
    zone: str | None = None, to: Iterable[str] = ("html",), for_whom: Mapping[str, str] | None = None, on_failure: Iterable[str] = (),
    retries: int = 2, secrecy: TLP | str = TLP.AMBER_STRICT, url: str | None = None,
) -> Schedule:  # fmt: skip
    """Have the report ``name`` made at the times of ``cron`` and delivered to every target in ``deliver``; see
    :mod:`workbench.reports.scheduling.delivering`. Whatever can be found wrong is found now, not in the night.

    ``url`` is the store that keeps the schedule and its runs; without one it is kept on this machine. It runs with
    the rights of whoever runs ``workbench report tick`` there: its maker.

    Raises:
        ValueError: a time, target, format or parameter is none, or there is a schedule so called.
        LookupError: there is no such report.
    """
    one = template(name)
    given = dict(parameters or {})
    values = checked(one.parameters, given)
    formats = tuple(to)
    if unknown := [text for text in formats if text not in FORMATS]:
        raise ValueError(f"{unknown[0]!r} is no format of a report; there are: {', '.join(FORMATS)}")
    if not 0 <= retries <= 10:
        raise ValueError(f"retries={retries}: 0 to 10 are possible")
    targets = tuple(check_target(target, for_whom) for target in deliver)
    if not targets:
        raise ValueError("where to? Name a folder, s3://…, mailto:… or https://… to deliver to")
    wanted = Schedule(
        id=str(uuid4()), name=called or name, template=str(one.path) if name.endswith(".ipynb") else name, cron=cron, zone=zone or local_zone(),
        parameters={key: values[key] for key in given}, formats=formats, for_whom=for_whom, deliveries=targets,
        on_failure=tuple(check_target(target, for_whom, notice=True) for target in on_failure), retries=retries, secrecy=TLP.parse(secrecy),
    )  # fmt: skip
    next_due(wanted, datetime.now(UTC))
    ledger = open_ledger(url)
    try:
        return ledger.add(wanted)
    finally:
        ledger.close()


def tick_now(only: str | None = None, *, url: str | None = None, force: bool = False) -> list[Outcome]:
    """Make what is due, of all schedules of yours or of one.

    Raises:
        RuntimeError: a report failed for good; the message has every outcome.
    """
    ledger = open_ledger(url)
    try:
        outcomes = list(tick(ledger, only=only, force=force))
    finally:
        ledger.close()
    if any(outcome.status == "failed" for outcome in outcomes):
        raise RuntimeError("\n".join(map(str, outcomes)))
    return outcomes
