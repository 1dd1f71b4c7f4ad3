"""Spamhaus DROP lists (https://www.spamhaus.org/blocklists/do-not-route-or-peer/): one JSON object a line."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import numpy as np

from workbench.intel.entries import ParsedSource
from workbench.intel.parsers.building import Rejects, listed
from workbench.intel.parsers.documents import instant, json_lines, text_of
from workbench.intel.source import Source, SourceError

__all__ = ["parse"]


def parse(path: Path, source: Source) -> ParsedSource:
    """Read ``drop_v4.json`` or ``drop_v6.json``: blocks under the control of criminals. Options: none.

    The label is the number of the Spamhaus record, the publication date is in the closing line.

    Raises:
        SourceError: no such list; the list of AS numbers (``asndrop.json``), which names no address.
    """
    rejects = Rejects()
    networks: list[str | None] = []
    labels: list[str | None] = []
    positions: list[int] = []
    published: datetime | None = None
    systems = 0
    for at, item in json_lines(path, source, rejects):
        if item.get("type") == "metadata":
            published = instant(item.get("timestamp"))
        elif "cidr" in item:
            networks.append(text_of(item["cidr"]) or "")
            labels.append(text_of(item.get("sblid")))
            positions.append(at)
        elif "asn" in item:
            systems += 1
        else:
            rejects.add(at, item, "neither a block nor the closing line")
    if systems and not networks:
        raise SourceError(
            path, f"lists {systems} AS numbers and no address; take drop_v4.json or drop_v6.json", source.id
        )
    return listed(
        networks,
        {"label": labels},
        path,
        source,
        positions=np.array(positions, np.int64),
        rejects=rejects,
        published=published,
    )
