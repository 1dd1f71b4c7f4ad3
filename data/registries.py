"""Which regional registry administers a range: IANA's registries, narrowed where they are too coarse."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
from items import Item, merged
from packages import PACKAGES, fetched

from workbench.addresses.columns import Ranges
from workbench.addresses.text import parse_networks
from workbench.intel.entries import Entries, ParsedSource
from workbench.intel.source import Layer, Reliability, Source

__all__ = ["registries"]

RIRS = {"afrinic": "afrinic", "apnic": "apnic", "arin": "arin", "lacnic": "lacnic", "ripe": "ripencc"}
"""Word in IANA's whois column -> name of the registry."""


def registries(folder: Path, located: Entries) -> Item:
    """Which RIR administers a range, by the IANA registries that netaddr ships.

    IANA names one RIR for each legacy /8, yet most of them were shared out among all of them: measured
    against the countries, 27 % of their addresses lie in another RIR's region (of the other blocks 3 %). There
    IANA's word is taken only for ranges in a country of that RIR's region, and the rest is left unsaid.
    """
    package = fetched(folder, "netaddr") / "netaddr" / "ip"
    prefixes: list[str] = []
    registry: list[str] = []
    shared: dict[int, str] = {}
    updated: list[str] = []
    for name in ("ipv4-address-space.xml", "ipv6-unicast-address-assignments.xml"):
        root = ElementTree.parse(package / name).getroot()
        updated.append(_text(root, "updated"))
        for record in root.iter("{http://www.iana.org/assignments}record"):
            rir = next((rir for word, rir in RIRS.items() if word in _text(record, "whois")), None)
            if rir is None:
                continue
            prefix = _text(record, "prefix")
            if ":" in prefix:
                prefixes.append(prefix)
                registry.append(rir)
                continue
            octet = int(prefix.split("/")[0])  # written as 003/8
            if _text(record, "status") == "LEGACY" and _text(record, "designation").startswith(
                "Administered"
            ):
                shared[octet] = rir
            else:
                prefixes.append(f"{octet}.0.0.0/8")
                registry.append(rir)
    sure = Entries(parse_networks(prefixes), pa.table({"rir": registry}))
    legacy = _in_region(sure, shared, located)
    source = Source(
        id="rir",
        title="IANA address registries",
        parser="entries",
        layers=(Layer.NETWORK,),
        reliability=Reliability.B,
        licence="CC-BY-4.0",
        attribution=(
            "IANA IPv4 address space and IPv6 unicast assignments (CC0), as shipped by netaddr; in legacy blocks "
            "narrowed by IP geolocation by DB-IP (https://db-ip.com, CC BY 4.0)"
        ),
        homepage="https://www.iana.org/numbers",
        priority=10,
    )
    entries = Entries(
        Ranges.concatenate([sure.ranges, legacy.ranges]),
        pa.concat_tables([sure.attributes, legacy.attributes]),
    )
    published = datetime.fromisoformat(max(updated)).replace(tzinfo=UTC)
    return Item(source, ParsedSource({Layer.NETWORK: entries}, published), str(PACKAGES["netaddr"]))


def _in_region(sure: Entries, shared: dict[int, str], located: Entries) -> Entries:
    """The IPv4 ranges of the ``shared`` /8 blocks whose country lies in the region of the block's RIR.

    The region of a RIR are the countries with more addresses in its ``sure`` blocks than in any other's.
    """
    names = sorted(RIRS.values())
    rir_of = np.full(256, -1)
    is_sure = np.zeros(256, bool)
    for at in np.flatnonzero(sure.ranges.version == 4):
        octet = int(sure.ranges.start_low[at]) >> 24
        rir_of[octet] = names.index(sure.attributes.column("rir")[at].as_py())
        is_sure[octet] = True
    for octet, rir in shared.items():
        rir_of[octet] = names.index(rir)

    four = np.flatnonzero(located.ranges.version == 4)
    first, last = (
        located.ranges.start_low[four].astype(np.int64),
        located.ranges.end_low[four].astype(np.int64),
    )
    codes = located.attributes.column("country").combine_chunks().take(pa.array(four)).dictionary_encode()
    blocks = (last >> 24) - (first >> 24) + 1  # split at the borders of the /8 blocks
    row = np.repeat(np.arange(len(four)), blocks)
    block = (first >> 24)[row] + np.arange(len(row)) - np.repeat(np.cumsum(blocks) - blocks, blocks)
    start, end = np.maximum(first[row], block << 24), np.minimum(last[row], (block << 24) + 0xFFFFFF)
    country = codes.indices.to_numpy()[row]

    held = np.zeros((len(codes.dictionary), len(names)))
    known = is_sure[block]
    np.add.at(held, (country[known], rir_of[block[known]]), (end - start + 1)[known])
    region = np.where(held.sum(axis=1) > 0, held.argmax(axis=1), -2)
    keep = np.isin(block, list(shared)) & (region[country] == rir_of[block])
    zeros = np.zeros(int(keep.sum()), np.uint64)
    ranges = Ranges(
        np.full(len(zeros), 4, np.uint8),
        zeros,
        start[keep].astype(np.uint64),
        zeros,
        end[keep].astype(np.uint64),
    )
    return merged(Entries(ranges, pa.table({"rir": pa.array(np.array(names)[rir_of[block[keep]]])})), "rir")


def _text(element: ElementTree.Element, name: str) -> str:
    found = element.find(f"{{http://www.iana.org/assignments}}{name}")
    return (found.text or "").strip() if found is not None else ""
