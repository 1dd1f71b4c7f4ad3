"""VirusTotal: how many engines call an address bad, API v3 ``ip_addresses`` (https://docs.virustotal.com/docs/ip-object)."""

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

__all__ = ["VIRUSTOTAL"]

ENGINE = 0.2
"""What one engine is believed; more of them join as noisy-or, for they copy from each other. Chosen, not measured."""


def confidence_of(engines: int) -> int:
    """Confidence (0-100) that ``engines`` agreeing engines give: 20, 36, 49, 59, 67 … 89 for ten."""
    return round(100 * (1 - (1 - ENGINE) ** engines))


def _parse(content: Any, address: str) -> Parsed:
    data = mapping(mapping(content).get("data"))
    same_address(data.get("id"), address, "virustotal")
    said = mapping(data.get("attributes"))
    stats = mapping(said.get("last_analysis_stats"))
    counts = {
        word: integer(stats.get(word), 0, 10_000)
        for word in ("malicious", "suspicious", "harmless", "undetected")
    }
    if counts["malicious"] is None or counts["suspicious"] is None:
        raise ProviderError("virustotal", "the answer counts no engines in last_analysis_stats")
    known = {word: count or 0 for word, count in counts.items()}
    total, when = sum(known.values()), moment(said.get("last_analysis_date"))
    found = []
    if bad := known["malicious"]:
        note = f"{bad} of {total} engines"
        found.append(Finding(Category.ATTACKER, "malicious", confidence_of(bad), last_seen=when, note=note))
    elif doubtful := known["suspicious"]:
        note = f"{doubtful} of {total} engines"
        found.append(
            Finding(Category.ABUSER, "suspicious", confidence_of(doubtful), last_seen=when, note=note)
        )
    facts = {
        "engines": ", ".join(f"{count} {word}" for word, count in known.items()),
        "community score": str(score) if (score := integer(said.get("reputation"), -(10**6), 10**6)) is not None else "",
        "owner": text(said.get("as_owner")),
        "tags": texts(items(said.get("tags"))),
    }  # fmt: skip
    return Parsed(tuple(found), {name: fact for name, fact in facts.items() if fact})


VIRUSTOTAL = Provider(
    id="virustotal",
    title="VirusTotal",
    url="https://www.virustotal.com/api/v3/ip_addresses/",
    request=Request,
    parse=_parse,
    reliability=Reliability.C,
    terms="VirusTotal terms of service; public API 4 a minute and 500 a day, not in commercial products",
    homepage="https://www.virustotal.com/gui/my-apikey",
    rate=Rate(4, 60.0, burst=4),
    key="virustotal",
    header="x-apikey",
    quotas=(Quota(500, Period.DAY), Quota(15_500, Period.MONTH)),
    unknown=(404,),
)
