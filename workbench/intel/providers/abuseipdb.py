"""AbuseIPDB: what operators of servers reported, APIv2 ``check`` (https://docs.abuseipdb.com/#check-endpoint)."""

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
from workbench.intel.providers.reading import boolean, integer, mapping, moment, same_address, text
from workbench.intel.source import Category, Reliability

__all__ = ["ABUSEIPDB"]

_USAGE = {
    "Data Center/Web Hosting/Transit": Category.DATACENTER,
    "Content Delivery Network": Category.CDN,
    "Search Engine Spider": Category.CRAWLER,
}


def _request(address: str) -> Request:
    return Request("check", {"ipAddress": address, "maxAgeInDays": "90"})


def _parse(content: Any, address: str) -> Parsed:
    """The abuse confidence score becomes the stated confidence of one finding; a score of 0 finds nothing."""
    data = mapping(mapping(content).get("data"))
    same_address(data.get("ipAddress"), address, "abuseipdb")
    score = integer(data.get("abuseConfidenceScore"), 0, 100)
    if score is None:
        raise ProviderError("abuseipdb", "the answer has no abuseConfidenceScore from 0 to 100")
    reports, people = integer(data.get("totalReports")) or 0, integer(data.get("numDistinctUsers")) or 0
    found = []
    if score:
        told = f"{reports} reports by {people} users in 90 days"
        last = moment(data.get("lastReportedAt"))
        found.append(Finding(Category.ABUSER, "reported", score, last_seen=last, note=told))
    if boolean(data.get("isTor")):
        found.append(Finding(Category.TOR))
    if boolean(data.get("isWhitelisted")):
        found.append(Finding(Category.BENIGN, "AbuseIPDB whitelist"))
    usage = text(data.get("usageType"))
    if usage in _USAGE:
        found.append(Finding(_USAGE[usage], text(data.get("isp"), 80)))
    facts = {
        "abuse confidence score": str(score),
        "reports in 90 days": f"{reports} by {people} users",
        "usage": usage,
        "isp": text(data.get("isp")),
        "domain": text(data.get("domain")),
    }
    return Parsed(tuple(found), {name: fact for name, fact in facts.items() if fact})


ABUSEIPDB = Provider(
    id="abuseipdb",
    title="AbuseIPDB",
    url="https://api.abuseipdb.com/api/v2/",
    request=_request,
    parse=_parse,
    reliability=Reliability.C,
    terms="AbuseIPDB terms of service; free plan 1,000 checks a day",
    homepage="https://www.abuseipdb.com/account/api",
    rate=Rate(5, 1.0, burst=5),
    key="abuseipdb",
    header="Key",
    quotas=(Quota(1000, Period.DAY),),
    quota_headers=("X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset"),
)
