"""What wakes `workbench report tick`: cron, systemd, or the scheduler of a running JupyterLab."""

from __future__ import annotations

import json
import os
import shlex
import sys
from typing import Any

from workbench.reports.scheduling.planning import Schedule

__all__ = ["cron_line", "define_in_jupyter", "job_notebook", "systemd_units"]

MINUTES = 5


def _command(url: str | None) -> list[str]:
    return [sys.executable, "-m", "workbench", "report", "tick", *(["--url", url] if url else [])]


def cron_line(url: str | None) -> str:
    """A line for ``crontab -e``."""
    command = shlex.join(_command(url)).replace("%", "\\%")  # cron's own line break
    where = os.environ.get("WORKBENCH_HOME")
    return f"*/{MINUTES} * * * * {f'WORKBENCH_HOME={shlex.quote(where)} ' if where else ''}{command}"


def systemd_units(url: str | None) -> dict[str, str]:
    """A service and its timer, for ``~/.config/systemd/user``; secrets come from ``~/.config/ip-workbench/env``."""
    where = os.environ.get("WORKBENCH_HOME")
    words = " ".join(_word(part) for part in _command(url))
    service = [
        "[Unit]", "Description=IP Workbench: make the reports that are due", "", "[Service]", "Type=oneshot",
        "# WORKBENCH_SMTP_URL=… and the like, readable by you alone", "EnvironmentFile=-%h/.config/ip-workbench/env",
        *([f"Environment={_word(f'WORKBENCH_HOME={where}')}"] if where else []), f"ExecStart={words}", "UMask=0077",
    ]  # fmt: skip
    timer = [
        "[Unit]", "Description=IP Workbench: look for reports that are due", "", "[Timer]", f"OnCalendar=*:0/{MINUTES}",
        "Persistent=true", "", "[Install]", "WantedBy=timers.target",
    ]  # fmt: skip
    name = "workbench-reports"
    return {f"{name}.service": "\n".join(service) + "\n", f"{name}.timer": "\n".join(timer) + "\n"}


def _word(text: str) -> str:
    """One word as systemd reads it."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$") + '"'


def job_notebook(name: str, url: str | None) -> dict[str, Any]:
    """A notebook that makes one scheduled report when it is due."""
    source = f"from workbench import reports\n\nreports.tick_now({json.dumps(name)}, url={url!r})"
    cells = [
        {"cell_type": "markdown", "id": "what", "metadata": {}, "source": f"Makes the scheduled report **{_plain(name)}** if it is due. It runs with the rights of whoever runs this notebook."},
        {"cell_type": "code", "id": "tick", "metadata": {}, "source": source, "outputs": [], "execution_count": None},
    ]  # fmt: skip
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return {"cells": cells, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}


def define_in_jupyter(schedule: Schedule, server: str, token: str, url: str | None, folder: str = "") -> str:
    """Have the scheduler of a running JupyterLab make a report: puts a notebook into ``folder`` of the server and defines
    a job on it, which its job list shows with every run. The id of the job definition.

    Raises:
        OSError: the server does not answer, or refuses.
    """
    import httpx

    path = "/".join(part for part in (folder.strip("/"), f"report-{_plain(schedule.name)}.ipynb") if part)
    with httpx.Client(
        base_url=server.rstrip("/"), headers={"Authorization": f"token {token}"}, timeout=60
    ) as client:
        try:
            environments = _asked(client.get("/scheduler/runtime_environments"))
            if not environments:
                raise OSError(f"{server} has no environment to run jobs in")
            content = {"type": "notebook", "format": "json", "content": job_notebook(schedule.name, url)}
            _asked(client.put(f"/api/contents/{path}", json=content))
            for old in _asked(client.get("/scheduler/job_definitions", params={"name": schedule.name}))[
                "job_definitions"
            ]:
                if old["name"] == schedule.name:
                    _asked(client.delete(f"/scheduler/job_definitions/{old['job_definition_id']}"))
            made = _asked(
                client.post(
                    "/scheduler/job_definitions",
                    json={
                        "input_uri": path, "name": schedule.name, "runtime_environment_name": environments[0]["name"],
                        "runtime_environment_parameters": {}, "output_formats": ["ipynb"], "schedule": schedule.cron, "timezone": schedule.zone,
                    },
                )
            )  # fmt: skip
        except httpx.HTTPError as error:
            raise OSError(f"{server}: {error}") from error
    return str(made["job_definition_id"])


def _asked(answer: Any) -> Any:
    if answer.is_success:
        return answer.json() if answer.content else None
    hint = (
        ": is jupyter-scheduler installed there?" if answer.status_code == 404 else f": {answer.text[:300]}"
    )
    raise OSError(
        f"{answer.request.method} {answer.request.url.path} was refused with {answer.status_code}{hint}"
    )


def _plain(name: str) -> str:
    return "".join(c if c.isalnum() or c in "-_" else "-" for c in name)[:80]
