"""Who holds a connection, and who makes way: a place that serves a member is hers, any other goes to the next who comes.

Refusing whoever comes when all is full would let those who hold connections and say nothing keep the members out. So
nobody is turned away at the door: the connection that has served nobody for longest is ended instead, first of the
newcomer's own address, then of all. Whoever shows a good token at once is the youngest there.
"""

from __future__ import annotations

import logging
import time
from collections import Counter, OrderedDict
from collections.abc import Callable
from ipaddress import IPv6Address, ip_address
from typing import TYPE_CHECKING, Literal

from workbench.api.errors import Busy, RateLimited
from workbench.api.metrics import CONNECTIONS, MADE_WAY

if TYPE_CHECKING:
    from workbench.api.settings import Limits, Network

__all__ = ["Place", "Places", "places_for"]

log = logging.getLogger("workbench.api")
Kind = Literal["request", "websocket"]
TOLD_SECONDS = 10


def places_for(members: int) -> int:
    """Connections there may be where so many may serve members: a tenth more, for whoever is about to say who she is."""
    return members + max(20, members // 10)


class Place:
    """One connection. It rests until it serves a member, and after."""

    __slots__ = ("_places", "address", "end", "holder")

    def __init__(self, places: Places, end: Callable[[], object], address: str | None) -> None:
        self._places = places
        self.end = end
        self.address = address
        self.holder: tuple[str, Kind] | None = None

    def serve(self, role: str, kind: Kind) -> None:
        """It is for a member from now on, for one request or as a WebSocket.

        Raises:
            RateLimited: she has as many as one may have.
            Busy: members have all that there are.
        """
        self._places.serve(self, role, kind)

    def rest(self) -> None:
        """It serves nobody any more, and is the last to make way."""
        self._places.rest(self)

    def leave(self) -> None:
        """The connection is gone. May be said twice."""
        self._places.leave(self)


class Places:
    """``limits.connections`` places for members, and :func:`places_for` in all."""

    def __init__(self, limits: Limits, proxies: tuple[Network, ...] = ()) -> None:
        self._limits = limits
        self._proxies = proxies
        self.most = places_for(limits.connections)
        self.resting: OrderedDict[Place, None] = OrderedDict()
        """Places that serve nobody, that which has done so for longest first."""
        self._of_address: dict[str, OrderedDict[Place, None]] = {}
        self._serving: set[Place] = set()
        self.held: Counter[tuple[str, Kind]] = Counter()
        """Places that serve a member."""
        self._told = -1e9

    def arrive(self, end: Callable[[], object], address: str | None) -> Place:
        """A place for a new connection, which ``end`` ends at once. ``address`` is the other end's; that of a proxy is
        nobody's, since many come by it."""
        place = Place(self, end, self._counted(address))
        self._add(place)
        if len(self.resting) + len(self._serving) > self.most:
            self._make_way(next(iter(self.resting)), "all")
        return place

    def serve(self, place: Place, role: str, kind: Kind) -> None:
        holder = (role, kind)
        most = self._limits.sockets if kind == "websocket" else self._limits.requests
        if self.held[holder] >= most:
            what = "connections open" if kind == "websocket" else "requests under way"
            raise RateLimited(f"you have {self.held[holder]} {what}, up to that many are served at a time")
        if len(self._serving) >= self._limits.connections:
            raise Busy("the server is full: try again in a moment")
        if place not in self.resting:
            raise Busy("the connection has ended")  # while it was asked who she is
        self._drop(place)
        self._serving.add(place)
        self.held[holder] += 1
        place.holder = holder
        self._count()

    def rest(self, place: Place) -> None:
        if place in self._serving:
            self._free(place)
            self._add(place)

    def leave(self, place: Place) -> None:
        if place in self._serving:
            self._free(place)
        elif place in self.resting:
            self._drop(place)
        self._count()

    def _add(self, place: Place) -> None:
        self.resting[place] = None
        if place.address is not None:
            of_it = self._of_address.setdefault(place.address, OrderedDict())
            of_it[place] = None
            if len(of_it) > self._limits.per_address:
                self._make_way(next(iter(of_it)), "address")
        self._count()

    def _drop(self, place: Place) -> None:
        del self.resting[place]
        if place.address is not None:
            of_it = self._of_address[place.address]
            del of_it[place]
            if not of_it:
                del self._of_address[place.address]

    def _free(self, place: Place) -> None:
        self._serving.discard(place)
        assert place.holder is not None
        self.held[place.holder] -= 1
        if not self.held[place.holder]:
            del self.held[place.holder]
        place.holder = None

    def _make_way(self, place: Place, why: Literal["address", "all"]) -> None:
        self._drop(place)
        MADE_WAY.labels(why).inc()
        now = time.monotonic()
        if now - self._told > TOLD_SECONDS:
            self._told = now
            log.warning(
                "connections that serve nobody make way", extra={"limit": why, "client": place.address}
            )
        place.end()

    def _count(self) -> None:
        CONNECTIONS.labels("member").set(len(self._serving))
        CONNECTIONS.labels("nobody").set(len(self.resting))

    def _counted(self, address: str | None) -> str | None:
        """An address as it is counted: of IPv6 a /64, since who has one address there has all of them."""
        try:
            found = ip_address((address or "").partition("%")[0])
        except ValueError:
            return None
        if isinstance(found, IPv6Address) and found.ipv4_mapped:
            found = found.ipv4_mapped
        if any(found in network for network in self._proxies):
            return None
        if isinstance(found, IPv6Address):
            return f"{IPv6Address(int(found) >> 64 << 64)}/64"
        return str(found)
