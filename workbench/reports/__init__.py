"""Reports: notebooks with parameters, made for one recipient, delivered whole or not at all.

``wb.report("triage", source="firewall.log", to=["html", "pdf"])`` makes one (:mod:`~workbench.reports.making`);
``workbench report schedule`` repeats it (:mod:`~workbench.reports.scheduling`). What lies beside the two is what templates
are found by (``notebooks``, ``parameters``) and what they write and read with.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from workbench._extras import naming_extras

if TYPE_CHECKING:
    from workbench.reports.document import Document
    from workbench.reports.making.executing import ReportError
    from workbench.reports.making.running import FORMATS, Report, recipient, run
    from workbench.reports.notebooks import Template, template, templates
    from workbench.reports.parameters import Parameter, ParameterError
    from workbench.reports.pieces import Column
    from workbench.reports.scheduling.setting import schedule, tick_now
    from workbench.reports.scheduling.timers import cron_line

_FROM = {
    "FORMATS": "making.running",
    "Column": "pieces",
    "Document": "document",
    "Parameter": "parameters",
    "ParameterError": "parameters",
    "Report": "making.running",
    "ReportError": "making.executing",
    "Template": "notebooks",
    "cron_line": "scheduling.timers",
    "recipient": "making.running",
    "run": "making.running",
    "schedule": "scheduling.setting",
    "tick_now": "scheduling.setting",
    "template": "notebooks",
    "templates": "notebooks",
}
__all__ = ["FORMATS", "Column", "Document", "Parameter", "ParameterError", "Report", "ReportError", "Template", "cron_line", "recipient", "run", "schedule", "template", "templates", "tick_now"]  # fmt: skip


@naming_extras("reports")
def __getattr__(name: str) -> Any:
    if name not in _FROM:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_FROM[name]}"), name)
