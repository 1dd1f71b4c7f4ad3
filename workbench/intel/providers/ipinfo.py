"""IPinfo: place, network and, in paid plans, anonymisers.

``ipinfo-lite`` is the free API (https://ipinfo.io/developers/lite-api): country and AS alone, thus facts and no
evidence. ``ipinfo`` is ``api.ipinfo.io/lookup`` (https://ipinfo.io/developers), which also answers with the older
``privacy`` object in some plans; both forms are read.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from workbench.intel.providers.provider import Finding, Parsed, Period, Provider, Quota, Rate, Request
from workbench.intel.providers.reading import boolean, mapping, same_address, text
from workbench.intel.source import Category, Reliability

__all__ = ["IPINFO", "IPINFO_LITE"]


def _joined(*parts: Any) -> str:
    return " ".join(word for word in (text(part, 80) for part in parts) if word)


def _lite(content: Any, address: str) -> Parsed:
    data = mapping(content)
    same_address(data.get("ip"), address, "ipinfo-lite")
    facts = {
        "country": text(data.get("country")),
        "network": _joined(data.get("asn"), data.get("as_name")),
        "domain": text(data.get("as_domain")),
    }
    return Parsed((), {name: fact for name, fact in facts.items() if fact})


def _full(content: Any, address: str) -> Parsed:
    data = mapping(content)
    same_address(data.get("ip"), address, "ipinfo")
    hidden, older = mapping(data.get("anonymous")), mapping(data.get("privacy"))
    service = text(hidden.get("name"), 80) or text(older.get("service"), 80)
    found = [
        Finding(category, service)
        for category, word in (
            (Category.TOR, "tor"),
            (Category.VPN, "vpn"),
            (Category.PROXY, "proxy"),
            (Category.PROXY, "relay"),
        )
        if boolean(hidden.get(f"is_{word}")) or boolean(older.get(word))
    ]
    geo, network = mapping(data.get("geo")), mapping(data.get("as"))
    if boolean(data.get("is_hosting")) or boolean(older.get("hosting")):
        found.append(Finding(Category.DATACENTER, text(network.get("name"), 80)))
    place = (text(part.get(name), 80) for part in (geo, data) for name in ("city", "region", "country"))
    kinds = [word for word in ("anycast", "mobile", "satellite") if boolean(data.get(f"is_{word}"))]
    facts = {
        "place": ", ".join(dict.fromkeys(word for word in place if word)),
        "network": _joined(network.get("asn"), network.get("name")) or text(data.get("org")),
        "hostname": text(data.get("hostname")),
        "kind": ", ".join(kinds),
    }
    return Parsed(tuple(found), {name: fact for name, fact in facts.items() if fact})


IPINFO_LITE = Provider(
    id="ipinfo-lite",
    title="IPinfo Lite",
    url="https://api.ipinfo.io/lite/",
    request=Request,
    parse=_lite,
    reliability=Reliability.B,
    terms="IPinfo Lite, CC BY-SA 4.0, attribution to IPinfo",
    homepage="https://ipinfo.io/dashboard/token",
    rate=Rate(10, 1.0, burst=10),
    key="ipinfo",
    header="Authorization",
    prefix="Bearer ",
    ttl=timedelta(days=7),
    max_bytes=1 << 18,
)
IPINFO = Provider(
    id="ipinfo",
    title="IPinfo",
    url="https://api.ipinfo.io/lookup/",
    request=Request,
    parse=_full,
    reliability=Reliability.B,
    terms="IPinfo terms of service, by plan",
    homepage="https://ipinfo.io/dashboard/token",
    rate=Rate(10, 1.0, burst=10),
    key="ipinfo",
    header="Authorization",
    prefix="Bearer ",
    quotas=(Quota(50_000, Period.MONTH),),
    ttl=timedelta(days=7),
    max_bytes=1 << 18,
)
