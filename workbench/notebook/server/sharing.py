"""The guard: notebooks do not leave through the server's own doors above the limit that was set.

What counts is the marking of the notebook; where it has none, the strictest label that its outputs show.

Closed are ``/files/…`` (download and open in a new tab) and ``/nbconvert/…`` (export), whoever asks: JupyterLab, a
script with the token, or a link that was passed on. Not closed are the doors that make a notebook a notebook: the
contents API hands it to the browser that edits it, and code in a kernel or a terminal reads any file of its user.
The guard keeps marked work from leaving by mistake; it does not hold a user who means to take it away.
"""

from __future__ import annotations

import json
import posixpath
from typing import TYPE_CHECKING, Any

from jupyter_core.utils import ensure_async
from jupyter_server.auth.decorator import authorized
from jupyter_server.base.handlers import JupyterHandler, path_regex
from jupyter_server.nbconvert.handlers import NbconvertFileHandler, NbconvertPostHandler
from tornado import web

from workbench.notebook.markings import strictest_shown
from workbench.notebook.server.settings import sharing_limit
from workbench.secrecy import TLP

if TYPE_CHECKING:
    from jupyter_server.serverapp import ServerApp

__all__ = ["marking_of", "routes", "shown_in"]


def marking_of(notebook: object) -> TLP | None:
    """The level in a notebook's metadata, ``workbench.tlp``; ``None`` where it is not marked.

    A marking that is no TLP label counts as ``TLP:RED``: somebody meant to mark it.
    """
    metadata = notebook.get("metadata") if isinstance(notebook, dict) else None
    ours = metadata.get("workbench") if isinstance(metadata, dict) else None
    label = ours.get("tlp") if isinstance(ours, dict) else None
    if label is None:
        return None
    try:
        return TLP.parse(label if isinstance(label, str) else "")
    except ValueError:
        return TLP.RED


def routes(serverapp: ServerApp) -> list[tuple[str, type[JupyterHandler], dict[str, Any]]]:
    """Jupyter's own handlers of these doors, each behind the guard."""
    found: list[tuple[str, type[JupyterHandler], dict[str, Any]]] = [
        (r"/nbconvert/(?P<format>\w+)", _GuardedConversion, {}),
        (rf"/nbconvert/(?P<format>\w+){path_regex}", _GuardedExport, {}),
    ]
    contents: Any = serverapp.contents_manager
    for path, handler, arguments in contents.get_extra_handlers():
        if path.startswith("/files/"):
            found.append((path, _guarded_files(handler), arguments))
    return found


def shown_in(notebook: object) -> TLP | None:
    """The strictest level whose label is in the HTML that a notebook shows; ``None`` where there is none."""
    cells = notebook.get("cells") if isinstance(notebook, dict) else None
    outputs = [each for cell in _dicts(cells) for each in _dicts(cell.get("outputs"))]
    data = [each["data"].get("text/html") for each in outputs if isinstance(each.get("data"), dict)]
    return strictest_shown("".join(map(str, html)) if isinstance(html, list) else str(html) for html in data)


def _dicts(found: object) -> list[dict[str, Any]]:
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []


def _check(handler: JupyterHandler, notebook: object, name: str) -> None:
    marked = marking_of(notebook)
    level = shown_in(notebook) if marked is None else marked
    if level is None or level == TLP.CLEAR:
        return
    limit = sharing_limit(handler.settings["serverapp"])
    if level > limit:
        handler.log.warning("not handed out: %s is %s, the limit is %s", name, level, limit)
        raise web.HTTPError(
            403,
            f"{name} {'is' if marked is not None else 'is not marked and shows'} {level}: "
            f"notebooks above {limit} are not exported or downloaded from here",
        )


async def _check_file(handler: JupyterHandler, path: str) -> None:
    # As the file handler will read it: "a.ipynb/." is a.ipynb.
    path = posixpath.normpath(f"/{path}").strip("/")
    if not path.lower().endswith(".ipynb"):
        return
    contents: Any = handler.contents_manager
    model = await ensure_async(contents.get(path, type="notebook"))
    _check(handler, model["content"], model["name"])


class _GuardedExport(NbconvertFileHandler):
    @web.authenticated
    @authorized
    async def get(self, format: str, path: str) -> Any:
        await _check_file(self, path)
        return await ensure_async(super().get(format, path))


class _GuardedConversion(NbconvertPostHandler):
    @web.authenticated
    @authorized
    async def post(self, format: str) -> Any:
        try:
            body = json.loads(self.request.body)
        except ValueError:
            raise web.HTTPError(400, "the request is no JSON") from None
        if isinstance(body, dict):
            _check(self, body.get("content"), str(body.get("name", "the notebook")))
        return await ensure_async(super().post(format))


def _guarded_files(handler: Any) -> Any:
    class GuardedFiles(handler):  # type: ignore[misc]
        """The handler of the contents manager that is in use, behind the guard."""

        @web.authenticated
        @authorized
        async def get(self, path: str, *arguments: Any, **options: Any) -> Any:
            await _check_file(self, path)
            return await ensure_async(super().get(path, *arguments, **options))

    return GuardedFiles
