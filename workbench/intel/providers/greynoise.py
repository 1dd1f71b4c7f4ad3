"""GreyNoise: who scans the whole Internet, and which addresses belong to common business services.

``greynoise`` is the Community API (``v3/community``, https://docs.greynoise.io/reference/getcommunityip),
``greynoise-context`` the full one (``v3/ip``, https://docs.greynoise.io/docs/using-the-greynoise-api), which
needs a subscription. One key opens both.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from workbench.intel.providers.provider import (
    Finding,
    Parsed,
    Period,
    Provider,
    ProviderError,
    Quota,
    Rate,
    Request,
)
from workbench.intel.providers.reading import boolean, items, mapping, moment, same_address, text, texts
from workbench.intel.source import Category, Reliability

__all__ = ["GREYNOISE", "GREYNOISE_CONTEXT"]

_SCANNING = {
    "malicious": (Category.ATTACKER, 90),
    "suspicious": (Category.ABUSER, 50),
    "benign": (Category.SCANNER, None),
}
"""Kind and confidence by classification. GreyNoise states no confidence; these stand for its words. ``unknown``
means seen scanning with no intent known: a fact, and nothing against anybody."""


def _scanning(classification: str, label: str, **seen: Any) -> list[Finding]:
    if classification not in _SCANNING:
        return []
    category, confidence = _SCANNING[classification]
    return [Finding(category, label, confidence, **seen)]


def _community(content: Any, address: str) -> Parsed:
    data = mapping(content)
    same_address(data.get("ip"), address, "greynoise")
    if not isinstance(data.get("noise"), bool) or not isinstance(data.get("riot"), bool):
        raise ProviderError("greynoise", "the answer does not say whether the address is noise or riot")
    label, said, last = (
        text(data.get("name"), 80),
        text(data.get("classification"), 20),
        data.get("last_seen"),
    )
    label = "" if label.lower() == "unknown" else label
    found = []
    if boolean(data["noise"]):
        found += _scanning(said, label, last_seen=moment(last))
    if boolean(data["riot"]):
        found.append(Finding(Category.BENIGN, label, last_seen=moment(last)))
    facts = {"seen scanning": "yes" if data["noise"] else "no", "classification": said, "name": label}
    return Parsed(tuple(found), {name: fact for name, fact in facts.items() if fact})


def _context(content: Any, address: str) -> Parsed:
    data = mapping(content)
    same_address(data.get("ip"), address, "greynoise-context")
    scan = mapping(data.get("internet_scanner_intelligence"))
    service = mapping(data.get("business_service_intelligence"))
    if not isinstance(scan.get("found"), bool) and not isinstance(service.get("found"), bool):
        raise ProviderError("greynoise-context", "the answer does not say whether the address was found")
    found: list[Finding] = []
    facts: dict[str, str] = {"seen scanning": "yes" if boolean(scan.get("found")) else "no"}
    if boolean(scan.get("found")):
        seen: dict[str, Any] = {
            "first_seen": moment(scan.get("first_seen")),
            "last_seen": moment(scan.get("last_seen_timestamp")) or moment(scan.get("last_seen")),
        }
        said, actor = text(scan.get("classification"), 20), text(scan.get("actor"), 80)
        tags = texts(mapping(tag).get("name") for tag in items(scan.get("tags")))
        facts |= {
            "classification": said,
            "actor": actor,
            "tags": tags,
            "cves": texts(items(scan.get("cves"))),
        }
        if boolean(scan.get("spoofable")):
            # No handshake was ever completed: the packets may have come from anybody.
            facts["spoofable"] = "yes, so not held against the address"
            said = "unknown" if said in ("malicious", "suspicious") else said
        found += _scanning(said, "" if actor.lower() == "unknown" else actor, note=tags or None, **seen)
        if boolean(scan.get("vpn")):
            found.append(Finding(Category.VPN, text(scan.get("vpn_service"), 80), **seen))
        if boolean(scan.get("tor")):
            found.append(Finding(Category.TOR, **seen))
    if boolean(service.get("found")):
        name, trust = text(service.get("name"), 80), text(service.get("trust_level"), 4)
        facts |= {"business service": name, "trust level": trust}
        found.append(Finding(Category.BENIGN, name, last_seen=moment(service.get("last_updated"))))
    return Parsed(tuple(found), {name: fact for name, fact in facts.items() if fact})


GREYNOISE = Provider(
    id="greynoise",
    title="GreyNoise Community",
    url="https://api.greynoise.io/v3/community/",
    request=Request,
    parse=_community,
    reliability=Reliability.B,
    terms="GreyNoise terms of use; Community plan 50 look-ups a week",
    homepage="https://viz.greynoise.io/account/api-key",
    rate=Rate(1, 1.0, burst=2),
    key="greynoise",
    header="key",
    quotas=(Quota(50, Period.WEEK),),
    unknown=(404,),
    ttl=timedelta(days=2),
    max_bytes=1 << 18,
    concurrency=2,
)
GREYNOISE_CONTEXT = Provider(
    id="greynoise-context",
    title="GreyNoise",
    url="https://api.greynoise.io/v3/ip/",
    request=Request,
    parse=_context,
    reliability=Reliability.B,
    terms="GreyNoise subscription agreement",
    homepage="https://viz.greynoise.io/account/api-key",
    rate=Rate(5, 1.0, burst=5),
    key="greynoise",
    header="key",
    unknown=(404,),
)
