"""The store: profiles shared in PostgreSQL, where row-level security decides who sees what.

``store = wb.connect_store()`` opens the one on this machine, with a server of its own;
``wb.connect_store("postgresql://ines@db.example/workbench")`` one that is shared.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench._extras import naming_extras

if TYPE_CHECKING:
    from workbench.store.administering.administration import Administration, Status
    from workbench.store.administering.server import as_role, embedded
    from workbench.store.connection import Store
    from workbench.store.errors import Conflict, NotFound, StoreError, Unreachable
    from workbench.store.matters.entities import Entity
    from workbench.store.matters.investigations import Investigation
    from workbench.store.profiles.observations import Evidence, Footprint, Sighting
    from workbench.store.profiles.profile import Profile, ThreatLevel
    from workbench.store.watching.alerts import Alert, Watchlist

__all__ = ["Administration", "Alert", "Conflict", "Entity", "Evidence", "Footprint", "Investigation", "NotFound", "Profile", "Sighting", "Status", "Store", "StoreError", "ThreatLevel", "Unreachable", "Watchlist", "as_role", "connect_store", "embedded"]  # fmt: skip

_FROM = {
    "Administration": "administering.administration",
    "Alert": "watching.alerts",
    "Conflict": "errors",
    "Entity": "matters.entities",
    "Evidence": "profiles.observations",
    "Footprint": "profiles.observations",
    "Investigation": "matters.investigations",
    "NotFound": "errors",
    "Profile": "profiles.profile",
    "ThreatLevel": "profiles.profile",
    "Sighting": "profiles.observations",
    "Status": "administering.administration",
    "Store": "connection",
    "StoreError": "errors",
    "Unreachable": "errors",
    "Watchlist": "watching.alerts",
    "as_role": "administering.server",
    "embedded": "administering.server",
}


def connect_store(
    url: str | None = None, *, organisation: str = "My organisation", directory: Path | str | None = None
) -> Store:
    """Connect to the store at ``url`` (``postgresql://role@host/database``) as a member of it.

    Without a URL: to the store on this machine, whose server is started, set up with you as member of
    ``organisation`` cleared up to TLP:RED, and stopped when the last process using it ends. It lies in
    ``directory``, by default below the workbench's home.

    Raises:
        Unreachable: the server does not answer or does not start.
        StoreError: there is no store at the URL, or not of this version.
        PermissionError: the role is no active member.
    """
    from workbench.store.connection import Store

    if url is not None:
        return Store(url)
    from workbench.secrecy import TLP
    from workbench.store.administering.administration import Administration
    from workbench.store.administering.server import as_role, embedded, system_role

    superuser = embedded(Path(directory) if directory is not None else None)
    role = system_role()
    with Administration(superuser) as administration:
        state = administration.status()
        if state.schema != state.newest:
            administration.migrate()
        if role not in {member.role for member in administration.members()}:
            administration.add_organisation(organisation)
            administration.add_member(role, organisation, TLP.RED)
    return Store(as_role(superuser, role))


@naming_extras()
def __getattr__(name: str) -> Any:
    if name not in _FROM:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_FROM[name]}"), name)
