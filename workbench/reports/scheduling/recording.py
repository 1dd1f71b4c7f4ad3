"""A report that is made on request, with a record of it."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from workbench.reports.making.running import Report, run
from workbench.reports.notebooks import template
from workbench.reports.parameters import checked, public
from workbench.reports.scheduling.ledger import Ledger

__all__ = ["recorded"]

_BY_NAME = "investigation"
"""The kind of parameter whose value may be secret in itself: the name of a matter. Of a run on request, which has the level
of the organisation whatever it is about, it is not kept."""


def recorded(
    ledger: Ledger, name: str, parameters: Mapping[str, Any], *, to: Iterable[str], output: str | Path, for_whom: Mapping[str, str] | None, progress: Any = None,
) -> Report:  # fmt: skip
    """Make it as :func:`workbench.reports.run` does, and record when, what with, how long, and what came of it.

    Raises:
        ParameterError, ReportError, LookupError, PermissionError, OSError: as there; what never began is not recorded.
    """
    one = template(name)
    values = checked(one.parameters, parameters)
    named = {parameter.name for parameter in one.parameters if parameter.kind == _BY_NAME}
    shown = {key: value for key, value in public(one.parameters, values).items() if key not in named}
    told: dict[str, Any] = {"parameters": shown}
    key = ledger.begin(one.name, told)
    assert key is not None
    try:
        made = run(name, parameters, to=to, output=output, for_whom=for_whom, progress=progress)
    except BaseException as error:
        # What went wrong may tell what is secret: the notebook that was kept has it, the record has not.
        ledger.finish(key, "failed", {**told, "error": type(error).__name__})
        raise
    facts = made.facts
    outputs = {str(path.name): str(path) for path in made.files}
    about = {
        "tlp": str(facts.level),
        "snapshot": facts.snapshot,
        "content_hash": facts.content_hash,
        "for": facts.audience,
    }
    try:
        ledger.finish(key, "done", {**told, "outputs": outputs, **about})
    except OSError as error:  # it is made all the same
        warnings.warn(f"{made.folder} is made, but that could not be recorded: {error}", stacklevel=2)
    return made
