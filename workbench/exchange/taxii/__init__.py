"""TAXII 2.1: poll collections into a case, push to them what the recipient may have.

``await taxii.poll("https://taxii.example/taxii2/", case)`` in a notebook, and
``taxii.run(taxii.poll(…))`` where there is no ``await``, or inside a loop that runs.

Requests are made by httpx, resources (discovery, API roots, collections, status) are read and checked by
taxii2-client, of documents that httpx fetched. taxii2-client alone falls short for polling: it returns the JSON of
an answer and drops its headers, ``X-TAXII-Date-Added-Last`` and ``Retry-After`` among them; it reads answers of any
size and waits for them without end; it never tries again; and it is synchronous, a thread for each of many
collections.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from workbench._extras import naming_extras

if TYPE_CHECKING:
    from workbench.exchange.taxii.errors import RejectedError, TaxiiError, TooLargeError
    from workbench.exchange.taxii.manifests import manifest
    from workbench.exchange.taxii.polling import Polled, Polls, poll
    from workbench.exchange.taxii.pushing import Failure, Pushed, push
    from workbench.exchange.taxii.resources import Collection, Root, Server, discover
    from workbench.exchange.taxii.running import run

_HOME = {
    "Collection": "resources",
    "Failure": "pushing",
    "Polled": "polling",
    "Polls": "polling",
    "Pushed": "pushing",
    "RejectedError": "errors",
    "Root": "resources",
    "Server": "resources",
    "TaxiiError": "errors",
    "TooLargeError": "errors",
    "discover": "resources",
    "manifest": "manifests",
    "poll": "polling",
    "push": "pushing",
    "run": "running",
}
__all__ = [
    "Collection", "Failure", "Polled", "Polls", "Pushed", "RejectedError", "Root", "Server", "TaxiiError", "TooLargeError",
    "discover", "manifest", "poll", "push", "run",
]  # fmt: skip


@naming_extras("exchange")
def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
