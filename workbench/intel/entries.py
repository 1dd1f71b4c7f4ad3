"""What every parser returns: ranges with attributes, one table a layer."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

import pyarrow as pa

from workbench.addresses.columns import Ranges
from workbench.intel.source import Layer

__all__ = ["GEO", "MEMBERSHIP", "NETWORK", "SYSTEMS", "Entries", "ParsedSource", "Rejected"]

GEO = pa.schema(
    {
        "country": pa.string(),  # ISO 3166-1 alpha-2
        "region": pa.string(),
        "city": pa.string(),
        "latitude": pa.float64(),  # degrees, WGS 84
        "longitude": pa.float64(),
        "accuracy_km": pa.uint16(),
        "timezone": pa.string(),  # IANA time zone name
    }
)
NETWORK = pa.schema(
    {
        "asn": pa.uint32(),
        "as_org": pa.string(),
        "prefix": pa.string(),  # announced CIDR, where the source is a routing table; else null
        "network_type": pa.string(),  # isp, hosting, business, education, government, mobile, cdn
        "rir": pa.string(),  # afrinic, apnic, arin, lacnic, ripencc
    }
)
MEMBERSHIP = pa.schema(
    {
        "category": pa.string(),  # a Category
        "label": pa.string(),  # what the source calls it: provider, malware family, list name
        "level": pa.uint16(),  # how many observers agree (IPsum's count); 1 where the source has no such thing
        "confidence": pa.uint8(),  # 0-100 where the source states one (STIX, abuse.ch), else null
        "first_seen": pa.timestamp("s", tz="UTC"),
        "last_seen": pa.timestamp("s", tz="UTC"),
        "note": pa.string(),
    }
)
SYSTEMS = pa.schema({"asn": pa.uint32(), "network_type": pa.string()})
"""What a source says of ASes as such, wherever they announce."""


@dataclass(frozen=True, slots=True)
class Entries:
    """``n`` ranges and ``n`` rows of attributes; the columns are a subset of the layer's schema, in its types."""

    ranges: Ranges
    attributes: pa.Table


@dataclass(frozen=True, slots=True)
class Rejected:
    """One entry that could not be read: where it stood, its text (bounded), what was wrong."""

    position: int
    text: str
    reason: str


@dataclass(frozen=True, slots=True)
class ParsedSource:
    """All that one file of a source said. ``rejected`` holds the first hundred; ``rejected_count`` counts all."""

    layers: dict[Layer, Entries]
    published: datetime | None = None
    rejected: tuple[Rejected, ...] = ()
    rejected_count: int = 0
    metadata: dict[str, str] = field(default_factory=dict)
    systems: pa.Table | None = None
