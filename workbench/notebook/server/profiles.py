"""``workbench/profiles``: search profiles and make one; ``workbench/investigations``: the matters they belong to."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any
from uuid import UUID

from jupyter_server.auth.decorator import authorized
from tornado import web

from workbench.notebook.server.base import RequestError
from workbench.notebook.server.shared import StoreHandler

if TYPE_CHECKING:
    from workbench.store import Profile, Store

__all__ = ["InvestigationsHandler", "ProfilesHandler", "routes"]

_PAGE = 50
_BODY_BYTES = 10_000


class ProfilesHandler(StoreHandler):
    """``GET ?text=…&investigation=…&after=…``: a page of profiles, worst first; an address or network as text is
    looked for as such. ``POST {"address", "secrecy"}``: make a profile with what the intel says."""

    @web.authenticated
    @authorized("read")  # type: ignore[untyped-decorator]
    async def get(self) -> None:
        text = self.get_query_argument("text", "").strip()
        investigation = self.get_query_argument("investigation", "")
        after = self.get_query_argument("after", None)
        await self.ask(lambda store: _search(store, text, investigation, after))

    @web.authenticated
    @authorized("write")  # type: ignore[untyped-decorator]
    async def post(self) -> None:
        try:
            body = self.body(_BODY_BYTES)
            address, secrecy = body.get("address"), body.get("secrecy", "TLP:AMBER")
            if not isinstance(address, str) or not isinstance(secrecy, str):
                raise RequestError(400, '"address" and "secrecy" are to be texts')
        except RequestError as refused:
            self.refuse(refused.status, str(refused))
            return
        await self.ask(lambda store: _shown(store.profiles.create(address, secrecy=secrecy)))


class InvestigationsHandler(StoreHandler):
    """``GET``: the investigations that the user may see, newest first."""

    @web.authenticated
    @authorized("read")  # type: ignore[untyped-decorator]
    async def get(self) -> None:
        await self.ask(_investigations)


def routes(_serverapp: Any) -> list[tuple[str, type[StoreHandler], dict[str, Any]]]:
    return [("/workbench/profiles", ProfilesHandler, {}), ("/workbench/investigations", InvestigationsHandler, {})]  # fmt: skip


def _search(store: Store, text: str, investigation: str, after: str | None) -> dict[str, Any]:
    filters: dict[str, Any] = {"limit": _PAGE, "after": after, **_wanted(text)}
    if investigation:
        filters["investigation"] = UUID(investigation)
    page = store.profiles.search(**filters)
    return {"items": [_shown(profile) for profile in page], "next": page.next}


def _wanted(text: str) -> dict[str, str]:
    import ipaddress

    try:
        network = ipaddress.ip_network(text, strict=False)
    except ValueError:
        return {"text": text} if text else {}
    return {"address": text} if network.num_addresses == 1 else {"within": str(network)}


def _shown(profile: Profile) -> dict[str, Any]:
    return {
        **asdict(profile),
        "secrecy": str(profile.secrecy),
        "threat_level": str(profile.threat_level),
    }


def _investigations(store: Store) -> dict[str, Any]:
    found = store.investigations.all()
    return {"items": [{**asdict(item), "secrecy": str(item.secrecy)} for item in found]}
