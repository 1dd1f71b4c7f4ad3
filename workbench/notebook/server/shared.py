"""The store of profiles behind the panel: one connection of the server's user, made when it is first needed."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from workbench.notebook.server.base import RequestError, WorkbenchHandler
from workbench.notebook.server.settings import WorkbenchServer

if TYPE_CHECKING:
    from workbench.store import Store

__all__ = ["STORE_WORKERS", "StoreHandler", "store_at_hand"]

# Apart from those that look addresses up: a database that does not answer holds up nothing else.
STORE_WORKERS = ThreadPoolExecutor(2, thread_name_prefix="workbench-store")
_LOCK = threading.Lock()
_OPEN: dict[str, Store] = {}


def store_at_hand(options: WorkbenchServer) -> bool:
    """Whether there is a store to ask without making one: a URL is set, or this machine has one already."""
    from workbench.intel.home import home

    return bool(options.store_url) or (home() / "store").is_dir()


class StoreHandler(WorkbenchHandler):
    """Base of handlers that read or write the store, as the member that the server's user is.

    What she sees and may write, row-level security decides; nothing is decided again here.
    """

    def store(self) -> Store:
        """The connection; for threads of :data:`STORE_WORKERS`.

        Raises:
            RequestError: the store's packages are not installed.
            OSError, PermissionError, ValueError: as :func:`workbench.store.connect_store`.
        """
        url = self.workbench.store_url
        with _LOCK:
            if url not in _OPEN:
                try:
                    from workbench.store import connect_store

                    _OPEN[url] = connect_store(url or None)
                except ImportError as error:
                    raise RequestError(
                        503, f"profiles need {error.name}: `pip install 'ip-workbench[store]'`"
                    ) from None
            return _OPEN[url]

    async def ask(self, work: Callable[[Store], dict[str, Any]]) -> None:
        """Run ``work`` with the store in a thread, and answer with its result."""
        await self.answer(lambda: work(self.store()), STORE_WORKERS)
