"""Run a template's notebook by papermill, and make of it what may be handed on."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterable, Mapping
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, unquote, urlsplit

from workbench.reports.notebooks import Template

__all__ = ["Progress", "ReportError", "execute", "public_notebook", "secrets_behind", "without"]

CELL_SECONDS = 3_600
"""A cell that takes longer holds up its schedule, and is stopped."""
Progress = Callable[[int, int, str], None]
"""Called before each cell with cells done, cells in all, and what comes now; at the end with the two equal."""


class ReportError(ValueError):
    """A report could not be made. ``notebook`` is the notebook as far as it got, the error first."""

    def __init__(self, message: str, notebook: Path | None = None) -> None:
        super().__init__(message)
        self.notebook = notebook


def execute(
    template: Template, values: Mapping[str, Any], draft: Path, progress: Progress | None = None
) -> Any:
    """Run the cells from top to bottom in a kernel of its own; ``draft`` is kept up to date, cell by cell.

    Raises:
        ReportError: a cell failed; ``draft`` then begins with the error.
    """
    import logging

    from nbclient.exceptions import CellTimeoutError, DeadKernelError
    from papermill import execute_notebook
    from papermill.exceptions import PapermillExecutionError

    logging.getLogger("papermill").setLevel(logging.ERROR)
    os.environ.setdefault("PYDEVD_DISABLE_FILE_VALIDATION", "1")  # the kernel's debugger warns on stderr
    try:
        return execute_notebook(
            template.notebook,
            str(draft).replace("{", "{{").replace("}", "}}"),
            parameters=dict(values),
            engine_name=_engine(),
            kernel_name="python3",
            progress_bar=False,
            cwd=draft.parent,
            tell=progress,
            config=_private(),
            kernel_manager_class=_unwatched(),
            execution_timeout=CELL_SECONDS,
        )
    except PapermillExecutionError as error:
        said = _without_colours(_said(error.ename, error.evalue))
    except DeadKernelError:
        said = "the kernel died: out of memory, or killed"
    except CellTimeoutError:
        said = f"a cell ran for longer than {CELL_SECONDS // 60} minutes and was stopped"
    _error_first(draft, said)
    raise ReportError(said, draft)


_PLAIN = {"ValueError", "LookupError", "OSError", "PermissionError", "FileNotFoundError", "NotFound", "StoreError", "Broken", "SourceError", "SnapshotError", "Unreachable"}  # fmt: skip
"""Errors whose text is written for users: their names would tell them nothing."""


def _said(name: str, text: str) -> str:
    return text if text and name in _PLAIN else f"{name}: {text}" if text else name


def _private() -> Any:
    """A kernel that is spoken with over sockets of this user, not over the network of the machine."""
    from traitlets.config import Config

    config = Config()
    config.KernelManager.transport = "ipc"
    return config


def _unwatched() -> Any:
    """What starts a kernel that knows that nobody looks at it. Others that this process starts, as a server does, have
    somebody who looks, so that it is not said in the environment of the process."""
    from jupyter_client.manager import AsyncKernelManager

    class Unwatched(AsyncKernelManager):
        async def start_kernel(self, **options: Any) -> None:  # type: ignore[override]
            environment = {**os.environ, "WORKBENCH_KERNEL": str(os.getpid())}
            await super().start_kernel(env=environment, **options)

    return Unwatched


def _engine() -> str:
    """Papermill's own engine, telling of each cell."""
    from papermill.engines import NBClientEngine, papermill_engines

    class Telling(NBClientEngine):  # type: ignore[misc]
        @classmethod
        def execute_managed_notebook(
            cls, nb_man: Any, kernel_name: str, tell: Progress | None = None, **options: Any
        ) -> Any:
            start, cells = nb_man.cell_start, nb_man.nb.cells

            def started(cell: Any, cell_index: int | None = None, **more: Any) -> None:
                if tell:
                    tell(cell_index or 0, len(cells), _what(cell))
                start(cell, cell_index, **more)

            nb_man.cell_start = started
            done = super().execute_managed_notebook(nb_man, kernel_name, **options)
            if tell:
                tell(len(cells), len(cells), "done")
            return done

    papermill_engines.register("workbench", Telling)
    return "workbench"


def _what(cell: Any) -> str:
    """What a cell does: the comment it begins with."""
    first = str(cell.source).lstrip().partition("\n")[0]
    return first.lstrip("# ").strip() if first.startswith("#") and cell.cell_type == "code" else ""


def _error_first(draft: Path, said: str) -> None:
    """Papermill marks where it failed; what failed is put before that."""
    import nbformat

    notebook = nbformat.read(draft, as_version=4)
    text = f"<b>The report was not made.</b> <code>{escape(said)}</code>"
    notebook.cells.insert(0, nbformat.v4.new_markdown_cell(text))
    nbformat.write(notebook, draft)


def public_notebook(
    notebook: Any,
    shown: Mapping[str, Any],
    about: Mapping[str, Any],
    first: str,
    last: str,
    secrets: Iterable[str],
) -> Any:
    """A copy that may be handed on: parameters as they may be shown, nothing of this machine, marked and signed.

    ``first`` is the banner (markdown), ``last`` the colophon (HTML). ``secrets`` are taken out wherever they
    occur: none should, and a library's error or warning may hold one all the same.
    """
    import nbformat
    from papermill.translators import PythonTranslator

    text = nbformat.writes(notebook)
    copy = nbformat.reads(without(text, secrets), as_version=4)
    copy.metadata.pop("papermill", None)
    copy.metadata["workbench"] = {"tlp": about["tlp"], "report": dict(about)}
    for cell in copy.cells:
        cell.metadata = {k: v for k, v in cell.metadata.items() if k in ("tags", "jupyter")}
        if "injected-parameters" in cell.metadata.get("tags", []):
            cell.source = PythonTranslator.codify(dict(shown), "Parameters of this report")
        if cell.cell_type == "code":
            cell.outputs = [o for o in cell.outputs if not (o.output_type == "stream" and o.name == "stderr")]
    copy.cells.insert(0, nbformat.v4.new_markdown_cell(first, id="marking"))
    output = nbformat.v4.new_output("display_data", {"text/html": last, "text/plain": "about this report"})
    copy.cells.append(nbformat.v4.new_code_cell("# About this report", outputs=[output], id="about"))
    return copy


def without(text: str, secrets: Iterable[str]) -> str:
    """Text with secrets taken out, also as HTML, URLs, Python or JSON would write them."""
    forms = {
        form
        for secret in secrets
        for form in (secret, escape(secret), quote(secret, safe=""), repr(secret)[1:-1])
    }
    forms |= {
        json.dumps(form, ensure_ascii=ascii_only)[1:-1] for form in forms for ascii_only in (True, False)
    }
    for form in sorted(forms, key=len, reverse=True):
        text = text.replace(form, "[secret]")
    return text


def secrets_behind(values: Iterable[Any]) -> list[str]:
    """What is behind values that name environment variables (``env:NAME``): each whole and, of a URL, its password."""
    found = []
    for value in values:
        if not isinstance(value, str) or not value.startswith("env:"):
            continue
        secret = os.environ.get(value[4:], "")
        try:
            parts = urlsplit(secret)
            inner = [parts.password, *parse_qs(parts.query).get("password", [])]
        except ValueError:
            inner = []
        words = [secret, *inner, *(unquote(word) for word in inner if word)]
        found += [word for word in words if word and len(word) >= 4]
    return found


def _without_colours(text: str) -> str:
    return re.sub(r"\x1b\[[0-9;]*m", "", text)
