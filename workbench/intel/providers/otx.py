"""AlienVault OTX: in how many pulses of the community an address stands, API v1 ``indicators/…/general``
(https://otx.alienvault.com/api)."""

from __future__ import annotations

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
from workbench.intel.providers.reading import integer, items, mapping, moment, same_address, text, texts
from workbench.intel.source import Category, Reliability

__all__ = ["OTX"]

PULSE = 0.15
MOST_BELIEVED = 70
"""A pulse is one member's list, often copied, sometimes of every address in a log: each is believed a little, all of
them never more than this. Chosen, not measured."""


def _request(address: str) -> Request:
    return Request(f"{'IPv6' if ':' in address else 'IPv4'}/{address}/general")


def _parse(content: Any, address: str) -> Parsed:
    data = mapping(content)
    same_address(data.get("indicator"), address, "otx")
    told = mapping(data.get("pulse_info"))
    count = integer(told.get("count"), 0, 10**7)
    if count is None:
        raise ProviderError("otx", "the answer counts no pulses in pulse_info")
    pulses = [mapping(item) for item in items(told.get("pulses"))]
    days = [when for pulse in pulses if (when := moment(pulse.get("modified") or pulse.get("created")))]
    made = [when for pulse in pulses if (when := moment(pulse.get("created")))]
    families = texts(
        dict.fromkeys(
            text(mapping(family).get("display_name"), 60)
            for pulse in pulses
            for family in items(pulse.get("malware_families"))
        )
    )
    found = []
    if count:
        found.append(
            Finding(
                Category.ABUSER,
                text(pulses[0].get("name"), 80) if pulses else "",
                min(round(100 * (1 - (1 - PULSE) ** min(count, 100))), MOST_BELIEVED),
                first_seen=min(made, default=None),
                last_seen=max(days, default=None),
                note=f"in {count} pulses",
            )
        )
    trusted = [mapping(item) for item in items(data.get("validation"))]
    names = list(dict.fromkeys(text(item.get("source"), 40) for item in trusted))
    found += [Finding(Category.BENIGN, f"OTX {name}") for name in names[:5] if name]
    facts = {
        "pulses": str(count),
        "newest": texts((pulse.get("name") for pulse in pulses), 3),
        "malware families": families,
        "network": text(data.get("asn")),
        "validation": texts((item.get("message") for item in trusted), 3),
    }
    return Parsed(tuple(found), {name: fact for name, fact in facts.items() if fact})


OTX = Provider(
    id="otx",
    title="AlienVault OTX",
    url="https://otx.alienvault.com/api/v1/indicators/",
    request=_request,
    parse=_parse,
    reliability=Reliability.D,
    terms="LevelBlue OTX terms of use",
    homepage="https://otx.alienvault.com/settings",
    rate=Rate(2, 1.0, burst=5),
    key="otx",
    header="X-OTX-API-KEY",
    quotas=(Quota(10_000, Period.HOUR),),
    unknown=(404,),
    max_bytes=16 << 20,
)
