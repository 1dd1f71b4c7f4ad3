"""What operators say they are, from PeeringDB's list of networks (https://www.peeringdb.com/apidocs/, object ``net``)."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa

from workbench.intel.entries import SYSTEMS, ParsedSource
from workbench.intel.parsers.building import Rejects
from workbench.intel.parsers.documents import objects, read_object
from workbench.intel.source import Source, SourceError

__all__ = ["parse"]

_TYPES = {
    "NSP": "isp",
    "Cable/DSL/ISP": "isp",
    "Enterprise": "business",
    "Educational/Research": "education",
    "Government": "government",
}
"""The others say nothing here: Content is hosters, CDNs and publishers alike, Non-Profit what a body lives on."""


def parse(path: Path, source: Source) -> ParsedSource:
    """Read the network type of each AS; the first of its types that tells one. Options: none.

    Raises:
        SourceError: no answer of the API, or no network with a type in it.
    """
    rejects = Rejects()
    types: dict[int, str] = {}
    for at, network in objects(read_object(path, source), "data", path, source, rejects):
        asn = network.get("asn")
        if not isinstance(asn, int) or isinstance(asn, bool) or not 0 < asn < 1 << 32:
            rejects.add(at, asn, "no AS number")
            continue
        several = network.get("info_types")
        said = [network.get("info_type"), *(several if isinstance(several, list) else [])]
        kind = next((_TYPES[name] for name in said if isinstance(name, str) and name in _TYPES), None)
        if kind is not None:
            types[asn] = kind
    if not types:
        raise SourceError(path, "holds no network with asn and info_type", source.id)
    table = pa.table([list(types), list(types.values())], schema=SYSTEMS)
    return ParsedSource({}, None, rejects.result(), rejects.count, systems=table)
