"""How a server is set up; each is an option of ``workbench serve``."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path

__all__ = ["Limits", "Network", "Oidc", "Settings", "networks"]

Network = IPv4Network | IPv6Network


@dataclass(frozen=True, slots=True)
class Limits:
    """What one request, one connection and one member may ask for.

    ``cost`` counts the objects an operation may bring back: each field that has fields of its own, times the
    ``first``, ``last`` or ``limit`` of the lists around it.
    """

    depth: int = 15
    cost: int = 100_000
    aliases: int = 30
    tokens: int = 2_000
    batch: int = 10
    body_bytes: int = 2 << 20
    request_seconds: float = 30
    per_minute: int = 600
    """Operations of one member a minute; a fifth of it may come at once."""
    connections: int = 2_000
    """Connections that serve members at one time; further members are told to come back."""
    per_address: int = 250
    """Connections of one address that serve nobody; for a further one the eldest is ended. Of IPv6 a /64 counts as one."""
    requests: int = 100
    """Requests of one member at one time, over HTTP."""
    sockets: int = 50
    """WebSocket connections of one member."""
    subscriptions: int = 50
    """Operations at one time on one WebSocket connection."""
    head_seconds: float = 15
    """For a connection to say what it wants: until its first request, and each next one's headers, are there."""
    init_seconds: float = 10
    """For a WebSocket to say who it is."""
    check_seconds: float = 15
    """Between two looks at whether the member of an open WebSocket is still to be served."""
    send_seconds: float = 30
    """A client that takes nothing for so long is let go; over WebSocket it resumes from its cursor."""
    waiting: int = 2_000
    """Requests that wait for the database; further ones are told to come back."""


@dataclass(frozen=True, slots=True)
class Oidc:
    """An OpenID provider whose tokens are taken. ``jwks`` is the URL or file of its keys; None: what its discovery
    document says. ``claim`` names the member's database role."""

    issuer: str
    audience: str
    jwks: str | None = None
    algorithm: str = "RS256"
    claim: str = "sub"
    roles: dict[str, str] | None = None
    """From values of the claim to database roles; None: the value is the role."""


@dataclass(frozen=True, slots=True)
class Settings:
    """``store_url`` logs in as a role of ``workbench_api``. ``home`` is where own keys and tokens are kept."""

    store_url: str
    home: Path
    audience: str = "ip-workbench"
    oidc: Oidc | None = None
    pool_size: int = 10
    trusted_proxies: tuple[Network, ...] = ()
    origins: tuple[str, ...] = ()
    """Web origins that may call from a browser, for CORS and WebSocket; by default none but our own."""
    metrics_from: tuple[Network, ...] = field(default_factory=lambda: networks("127.0.0.0/8", "::1/128"))
    introspection: bool = True
    queries: Path | None = None
    """A file of the only queries that are answered (JSON, from SHA-256 to text)."""
    limits: Limits = field(default_factory=Limits)
    clock_skew: float = 30

    def with_limits(self, **changed: float) -> Settings:
        """The same with other limits."""
        return replace(self, limits=replace(self.limits, **changed))  # type: ignore[arg-type]


def networks(*texts: str) -> tuple[Network, ...]:
    """Networks from CIDR, an address being one.

    Raises:
        ValueError: a text is none; it is named.
    """
    found = []
    for text in texts:
        for part in re.split(r"[,\s]+", text.strip()):
            if part:
                try:
                    found.append(ip_network(part))
                except ValueError as error:
                    raise ValueError(f"{part!r} is no network in CIDR notation: {error}") from None
    return tuple(found)
