"""What is asked of a list of TAXII 2.1, and the errors of it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from workbench.api.errors import ApiError
from workbench.exchange.stix.indicators import moment
from workbench.store.serving.offers import STEP

if TYPE_CHECKING:
    from starlette.requests import Request

__all__ = ["MOST", "Asked", "Item", "Refused", "text_of"]

MOST = 1_000
"""Objects of a page at most, and where no limit is asked for."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Refused(ApiError):
    """An error of TAXII 2.1 section 3.6.1."""

    def __init__(self, status: int, title: str) -> None:
        super().__init__(title)
        self.status = status
        self.code = str(status)


@dataclass(frozen=True, slots=True)
class Item:
    """An object of a collection: when it was added there, and its place: the time of its thing and its number in it.
    ``last`` and ``first`` say whether the member has a later and an earlier version of it."""

    value: dict[str, Any]
    added: datetime
    place: tuple[datetime, int]
    last: bool = True
    first: bool = True

    @property
    def version(self) -> str:
        return str(self.value.get("modified") or self.value.get("created") or text_of(self.added))

    @property
    def name(self) -> tuple[str, str]:
        """Id and version; what has none is told apart by what it says."""
        version = self.value.get("modified") or self.value.get("created")
        return self.value["id"], version or json.dumps(self.value)


def text_of(at: datetime) -> str:
    """A timestamp of TAXII: UTC, to the microsecond."""
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%fZ}"


@dataclass(frozen=True, slots=True)
class Asked:
    """The parameters of a request (TAXII 2.1 section 3.4 and 3.5)."""

    added_after: datetime | None
    after: tuple[datetime, int] | None
    limit: int
    ids: frozenset[str]
    types: frozenset[str]
    versions: frozenset[str]
    spec_versions: frozenset[str]

    @classmethod
    def of(cls, request: Request) -> Asked:
        given = request.query_params
        added_after = moment(given["added_after"]) if "added_after" in given else None
        if "added_after" in given and added_after is None:
            raise Refused(400, "added_after is a timestamp, like 2026-10-05T00:00:00.000000Z")
        if added_after is not None:
            added_after = max(added_after, _EPOCH)
        limit = given.get("limit", str(MOST))
        if not (limit.isascii() and limit.isdecimal() and len(limit) < 10 and int(limit) > 0):
            raise Refused(400, "limit is a whole number above 0")
        after = None
        if "next" in given:
            at, _, number = given["next"].partition("~")
            begun = moment(at)
            if begun is None or not (number.isascii() and number.isdecimal() and len(number) < 10):
                raise Refused(400, "next is not one that a page gave")
            after = (begun, int(number))
        several = {name: frozenset(part for value in given.getlist(f"match[{name}]") for part in value.split(",") if part) for name in ("id", "type", "version", "spec_version")}  # fmt: skip
        for version in several["version"]:
            if version not in ("first", "last", "all") and moment(version) is None:
                raise Refused(400, "match[version] is first, last, all, or a timestamp")
        return cls(
            added_after, after, min(int(limit), MOST), several["id"], several["type"], several["version"], several["spec_version"]
        )  # fmt: skip

    def matches(self, item: Item) -> bool:
        value = item.value
        return (
            (self.added_after is None or item.added > self.added_after)
            and (self.after is None or item.place > self.after)
            and (not self.ids or value["id"] in self.ids)
            and (not self.types or value["type"] in self.types)
            and (not self.spec_versions or "2.1" in self.spec_versions)
            and self._is_version(item)
        )

    def _is_version(self, item: Item) -> bool:
        wanted = self.versions or {"last"}
        return (
            "all" in wanted
            or (item.last and "last" in wanted)
            or (item.first and "first" in wanted)
            or moment(item.version) in self._dates
        )

    @property
    def _dates(self) -> set[datetime | None]:
        return {moment(version) for version in self.versions - {"first", "last", "all"}}

    @property
    def earlier(self) -> bool:
        """Whether others than the last versions are asked for."""
        return not self.versions <= {"last"}

    @property
    def since(self) -> datetime | None:
        """Things offered before cannot have an object that matches."""
        begins = [self.after[0]] if self.after else []
        if self.added_after is not None:
            begins.append(self.added_after - timedelta(microseconds=STEP))
        return max(begins, default=None)
