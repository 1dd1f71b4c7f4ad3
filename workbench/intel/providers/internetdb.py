"""Shodan InternetDB: open ports, names and known weaknesses, weekly and without a key (https://internetdb.shodan.io)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from workbench.intel.providers.provider import Finding, Parsed, Provider, ProviderError, Rate, Request
from workbench.intel.providers.reading import integer, items, mapping, same_address, text, texts
from workbench.intel.source import Category, Reliability

__all__ = ["INTERNETDB"]

_TAGS = {
    "c2": (Category.ATTACKER, 80),
    "malware": (Category.ATTACKER, 60),
    "compromised": (Category.ABUSER, 60),
    "doublepulsar": (Category.ABUSER, 60),
    "tor": (Category.TOR, None),
    "vpn": (Category.VPN, None),
    "proxy": (Category.PROXY, None),
    "cdn": (Category.CDN, None),
    "cloud": (Category.DATACENTER, None),
}
"""Tags that say what an address is. Shodan states no confidence; those here stand for how far a tag from a port
scan is to be believed. Open ports and weaknesses are facts: a victim has them as well."""


def _parse(content: Any, address: str) -> Parsed:
    data = mapping(content)
    same_address(data.get("ip"), address, "internetdb")
    if not isinstance(data.get("ports"), list):
        raise ProviderError("internetdb", "the answer has no list of ports")
    tags = list(dict.fromkeys(text(tag, 40).lower() for tag in items(data.get("tags"))))
    found = [
        Finding(kind, "" if tag == kind else tag, confidence)
        for tag in tags
        for kind, confidence in [_TAGS.get(tag, (None, None))]
        if kind is not None
    ]
    ports = sorted({port for item in items(data["ports"]) if (port := integer(item, 0, 65535)) is not None})
    facts = {
        "open ports": texts(ports, 30),
        "names": texts(items(data.get("hostnames"))),
        "weaknesses": texts(items(data.get("vulns"))),
        "software": texts(items(data.get("cpes"))),
        "tags": texts(tags),
    }
    return Parsed(tuple(found), {name: fact for name, fact in facts.items() if fact})


INTERNETDB = Provider(
    id="internetdb",
    title="Shodan InternetDB",
    url="https://internetdb.shodan.io/",
    request=Request,
    parse=_parse,
    reliability=Reliability.B,
    terms="Shodan terms of service; InternetDB is free for non-commercial use",
    homepage="https://internetdb.shodan.io",
    rate=Rate(2, 1.0, burst=5),
    unknown=(404,),
    ttl=timedelta(days=3),
    max_bytes=1 << 20,
)
