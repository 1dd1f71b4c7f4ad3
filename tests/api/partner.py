"""A partner of the town who polls the store with the clients she has."""

from __future__ import annotations

from typing import Any

from taxii2client import v21

from tests.api.conftest import Api
from workbench.exchange import stix, taxii

ACCEPT = {"accept": "application/taxii+json;version=2.1"}


class Partner:
    """A member with a client of each kind: OASIS's own, ours, and bare HTTP."""

    def __init__(self, api: Api, name: str) -> None:
        self.api, self.token = api, api.token(name)
        self.http = api.client(name, **ACCEPT)
        self.server = v21.Server(f"{api.url}/taxii2/", user="token", password=self.token)
        self.place: dict[str, str] = {}
        self.case = stix.ObjectStore()

    def collection(self, title: str = "Everything") -> v21.Collection:
        (root,) = self.server.api_roots
        root.refresh_collections()
        return next(each for each in root.collections if each.title == title)

    def all(self, title: str = "Everything", **filters: Any) -> list[dict[str, Any]]:
        """Everything in a collection, page by page."""
        found: list[dict[str, Any]] = []
        for page in v21.as_pages(self.collection(title).get_objects, per_request=7, **filters):
            found += page.get("objects", [])
        return found

    def addresses(self, title: str = "Everything") -> set[str]:
        return {value["value"] for value in self.all(title, type="ipv4-addr")}

    def poll(self, title: str = "Everything") -> taxii.Polls:
        """As an analyst does, into one case."""
        return taxii.run(
            taxii.poll(f"{self.api.url}/taxii2/", self.case, collections=title, auth=self.token, limit=9)
        )

    def latest(self, kind: str) -> list[dict[str, Any]]:
        ids = self.case.con.execute(
            "SELECT DISTINCT id FROM stix_objects WHERE type = ? ORDER BY id", [kind]
        ).fetchall()
        return [value for (identifier,) in ids if (value := self.case.get(identifier))]
