"""Tor relays from Onionoo details documents (https://metrics.torproject.org/onionoo.html)."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from workbench.intel.entries import ParsedSource
from workbench.intel.parsers.building import Rejects, listed
from workbench.intel.parsers.documents import instant, objects, read_object, text_of
from workbench.intel.source import Source, SourceError

__all__ = ["parse"]

_OR_ADDRESS = re.compile(r"^(?:\[([0-9A-Fa-f:.]+)\]|([0-9.]+)):\d{1,5}$")


def parse(path: Path, source: Source) -> ParsedSource:
    """Read relays that let traffic out: their exit addresses, and their own where they have the flag Exit.

    A relay that is no exit is left out: nothing reaches a victim from it. The label is ``Tor exit``, the
    note names the relay. Options: none.

    Raises:
        SourceError: no details document.
    """
    document = read_object(path, source)
    rejects = Rejects()
    relays = objects(document, "relays", path, source, rejects)
    networks: list[str | None] = []
    columns: dict[str, list[Any]] = {"label": [], "note": [], "first_seen": [], "last_seen": []}
    positions: list[int] = []
    for at, relay in relays:
        flags = relay.get("flags")
        exits = relay.get("exit_addresses")
        addresses = [a for a in exits if isinstance(a, str)] if isinstance(exits, list) else []
        if isinstance(flags, list) and "Exit" in flags:
            own = relay.get("or_addresses")
            for address in own if isinstance(own, list) else []:
                found = _OR_ADDRESS.match(address) if isinstance(address, str) else None
                if found:
                    addresses.append(found[1] or found[2])
                else:
                    rejects.add(at, address, "no address with port")
        for address in dict.fromkeys(addresses):
            networks.append(address)
            positions.append(at)
            name = text_of(relay.get("nickname"), 40) or "unnamed"
            columns["label"].append("Tor exit")
            columns["note"].append(f"relay {name} {text_of(relay.get('fingerprint'), 40) or ''}".rstrip())
            columns["first_seen"].append(instant(relay.get("first_seen")))
            columns["last_seen"].append(instant(relay.get("last_seen")))
    if not relays:
        raise SourceError(path, "a details document without relays", source.id)
    import numpy as np

    return listed(
        networks,
        columns,
        path,
        source,
        positions=np.array(positions, np.int64),
        rejects=rejects,
        published=instant(document.get("relays_published")),
    )
