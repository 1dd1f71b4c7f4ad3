"""What all handlers of the extension share: bounded bodies, work off the event loop, errors in one sentence."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any
from uuid import UUID

from jupyter_server.base.handlers import APIHandler

from workbench.notebook.server.settings import WorkbenchServer

__all__ = ["RequestError", "WorkbenchHandler"]

# Two, so that a long text being searched does not hold up a hover card; more would only fight over the interpreter.
_WORKERS = ThreadPoolExecutor(2, thread_name_prefix="workbench")


class RequestError(ValueError):
    """A request that is not answered; ``status`` is the HTTP status, the message is for the user."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class WorkbenchHandler(APIHandler):
    """Base of the handlers. Mark methods with ``@web.authenticated`` and ``@authorized``, as Jupyter's own are."""

    auth_resource = "workbench"

    @property
    def workbench(self) -> WorkbenchServer:
        options: WorkbenchServer = self.settings["workbench"]
        return options

    def body(self, limit: int) -> dict[str, Any]:
        """The JSON object of the request.

        Raises:
            RequestError: longer than ``limit`` bytes, or no JSON object.
        """
        if len(self.request.body) > limit:
            raise RequestError(
                413, f"the request has {len(self.request.body):,} bytes, at most {limit:,} are read"
            )
        try:
            value = json.loads(self.request.body)
        except (ValueError, RecursionError):
            raise RequestError(400, "the request is no JSON") from None
        if not isinstance(value, dict):
            raise RequestError(400, "the request is no JSON object")
        return value

    async def answer(
        self, work: Callable[[], dict[str, Any]], workers: ThreadPoolExecutor = _WORKERS
    ) -> None:
        """Run ``work`` in a thread and send what it returns; errors of the user's world as ``{"message": …}``."""
        from workbench.intel import SnapshotError

        try:
            result = await asyncio.get_running_loop().run_in_executor(workers, work)
        except RequestError as refusal:
            self.refuse(refusal.status, str(refusal))
        except PermissionError as error:
            self.refuse(403, str(error))
        except LookupError as error:
            self.refuse(404, str(error))
        except (SnapshotError, OSError) as error:
            self.refuse(503, str(error))
        except ValueError as error:
            self.refuse(400, str(error))
        else:
            self.finish(json.dumps(result, default=_plain))

    def refuse(self, status: int, message: str) -> None:
        self.set_status(status)
        self.finish(json.dumps({"message": message}))


def _plain(value: Any) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, UUID):
        return str(value)
    raise TypeError(f"no JSON for {value!r}")
