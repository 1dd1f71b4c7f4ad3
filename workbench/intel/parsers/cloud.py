"""The address ranges that cloud and delivery providers publish of themselves.

AWS ip-ranges.json, Google cloud.json (goog.json and the crawler lists have the same shape), Azure
ServiceTags, Cloudflare's lists, Oracle public_ip_ranges.json, Fastly public-ip-list.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from workbench.intel.entries import ParsedSource
from workbench.intel.parsers import lists
from workbench.intel.parsers.building import Rejects, listed
from workbench.intel.parsers.content import read_text
from workbench.intel.parsers.documents import instant, objects, read_object, text_of
from workbench.intel.source import Category, Source, SourceError

__all__ = ["parse_aws", "parse_azure", "parse_cloudflare", "parse_fastly", "parse_gcp", "parse_oracle"]

CDN_SERVICES = {
    "CLOUDFRONT",
    "CLOUDFRONT_ORIGIN_FACING",
    "AZUREFRONTDOOR",
    "AZUREFRONTDOOR.FRONTEND",
    "GLOBALACCELERATOR",
}
"""Services whose addresses answer for customers of all kinds at once."""

_Row = tuple[int, Any, str | None, str | None]


def parse_aws(path: Path, source: Source) -> ParsedSource:
    """Read ip-ranges.json. A prefix is listed under ``AMAZON`` and again under its services: the label is its
    service, else Amazon, the note its region; CloudFront counts as ``cdn``. Options: none.

    Raises:
        SourceError: no such file.
    """
    document = read_object(path, source)
    rejects = Rejects()
    rows: dict[str, _Row] = {}
    for key, field in (("prefixes", "ip_prefix"), ("ipv6_prefixes", "ipv6_prefix")):
        for at, item in objects(document, key, path, source, rejects):
            service, network = text_of(item.get("service")) or "AMAZON", text_of(item.get(field)) or ""
            known = rows.get(network)
            if known is None or known[2] in ("AMAZON", "EC2") or service in CDN_SERVICES:
                rows[network] = (at, network, service, text_of(item.get("region")))
    published = None
    if (created := text_of(document.get("createDate"))) is not None:
        published = _aws_date(created)
    return _ranges(rows.values(), "AWS", path, source, rejects, published)


def _aws_date(text: str) -> datetime | None:
    try:
        return datetime.strptime(text, "%Y-%m-%d-%H-%M-%S").replace(tzinfo=UTC)
    except ValueError:
        return None


def parse_gcp(path: Path, source: Source) -> ParsedSource:
    """Read cloud.json, goog.json, googlebot.json and lists of that shape (also Bing's). Options: none.

    Raises:
        SourceError: no such file.
    """
    document = read_object(path, source)
    rejects = Rejects()
    rows = []
    for at, item in objects(document, "prefixes", path, source, rejects):
        network = text_of(item.get("ipv4Prefix")) or text_of(item.get("ipv6Prefix")) or ""
        rows.append((at, network, text_of(item.get("service")), text_of(item.get("scope"))))
    published = instant(document.get("creationTime"))
    return _ranges(rows, source.label or "Google", path, source, rejects, published)


def parse_azure(path: Path, source: Source) -> ParsedSource:
    """Read ServiceTags_Public. Each prefix is listed under many tags: the most particular gives the label
    (``AzureCloud`` and its regions come last). Front Door counts as ``cdn``. Options: none.

    Raises:
        SourceError: no such file.
    """
    document = read_object(path, source)
    rejects = Rejects()
    rows: dict[str, _Row] = {}
    for at, item in objects(document, "values", path, source, rejects):
        properties = item.get("properties")
        prefixes = properties.get("addressPrefixes") if isinstance(properties, dict) else None
        if not isinstance(properties, dict) or not isinstance(prefixes, list):
            rejects.add(at, item.get("name"), "a service tag without prefixes")
            continue
        name, region = text_of(item.get("name")) or "Azure", text_of(properties.get("region"))
        general = name.startswith("AzureCloud")
        for prefix in prefixes:
            network = text_of(prefix) or ""
            known = rows.get(network)
            if known is None or (not general and (known[2] or "").startswith("AzureCloud")) or _cdn(name):
                rows[network] = (at, network, name, region or (known[3] if known else None))
    return _ranges(rows.values(), "Azure", path, source, rejects, None)


def parse_oracle(path: Path, source: Source) -> ParsedSource:
    """Read public_ip_ranges.json: regions, in each its blocks with tags. Options: none.

    Raises:
        SourceError: no such file.
    """
    document = read_object(path, source)
    rejects = Rejects()
    rows = []
    for at, region in objects(document, "regions", path, source, rejects):
        for _, item in objects(region, "cidrs", path, source, rejects):
            tags = item.get("tags")
            service = (
                ", ".join(tag for tag in tags if isinstance(tag, str)) if isinstance(tags, list) else None
            )
            rows.append((at, text_of(item.get("cidr")) or "", service, text_of(region.get("region"))))
    published = instant(document.get("last_updated_timestamp"))
    return _ranges(rows, "Oracle Cloud", path, source, rejects, published)


def parse_fastly(path: Path, source: Source) -> ParsedSource:
    """Read public-ip-list: ``addresses`` and ``ipv6_addresses``. Options: none.

    Raises:
        SourceError: no such file.
    """
    document = read_object(path, source)
    rows = _plain(document, ("addresses", "ipv6_addresses"), path, source)
    return _ranges(rows, "Fastly", path, source, Rejects(), None)


def parse_cloudflare(path: Path, source: Source) -> ParsedSource:
    """Read ips-v4, ips-v6 (text) or the answer of api.cloudflare.com/client/v4/ips (JSON). Options: none.

    Raises:
        SourceError: neither of them.
    """
    if not read_text(path, source).lstrip().startswith("{"):
        return lists.parse(path, source)
    document = read_object(path, source)
    result = document.get("result")
    if not isinstance(result, dict):
        raise SourceError(path, "no `result` in the answer of the API", source.id)
    rows = _plain(result, ("ipv4_cidrs", "ipv6_cidrs"), path, source)
    return _ranges(rows, "Cloudflare", path, source, Rejects(), None)


def _plain(document: dict[str, Any], keys: tuple[str, ...], path: Path, source: Source) -> list[_Row]:
    rows: list[_Row] = []
    for key in keys:
        items = document.get(key, [])
        if not isinstance(items, list):
            raise SourceError(path, f"{key!r} is no list", source.id)
        rows += [(len(rows) + at, text_of(item) or "", None, None) for at, item in enumerate(items, 1)]
    return rows


def _cdn(service: str | None) -> bool:
    return service is not None and service.upper() in CDN_SERVICES


def _label(provider: str, service: str | None) -> str:
    if not service or service.upper() == "AMAZON":
        return provider
    return service if service.startswith(provider) else f"{provider} {service}"


def _ranges(
    rows: Iterable[_Row],
    provider: str,
    path: Path,
    source: Source,
    rejects: Rejects,
    published: datetime | None,
) -> ParsedSource:
    """Rows of position, network, service and region to a list; services that are fronts become ``cdn``."""
    given = list(rows)
    services = [service for _, _, service, _ in given]
    usual = str(source.category or Category.DATACENTER)
    columns = {
        "category": [str(Category.CDN) if _cdn(service) else usual for service in services],
        "label": [_label(provider, service) for service in services],
        "note": [region for _, _, _, region in given],
    }
    return listed(
        [network for _, network, _, _ in given],
        columns,
        path,
        source,
        positions=np.array([at for at, _, _, _ in given], np.int64),
        rejects=rejects,
        published=published,
    )
