"""Ranges that providers and registries publish of themselves."""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from workbench.addresses.text import to_text_of_ranges
from workbench.intel.entries import ParsedSource
from workbench.intel.parsers import parse
from workbench.intel.source import Category, Layer, Source, SourceError

Make = Callable[..., Source]


def table(parsed: ParsedSource, layer: Layer = Layer.MEMBERSHIP) -> dict[str, dict[str, Any]]:
    entries = parsed.layers[layer]
    return dict(
        zip(to_text_of_ranges(entries.ranges).to_pylist(), entries.attributes.to_pylist(), strict=True)
    )


def labels(parsed: ParsedSource) -> dict[str, tuple[str, str, str | None]]:
    return {key: (row["category"], row["label"], row.get("note")) for key, row in table(parsed).items()}


def written(tmp_path: Path, content: object) -> Path:
    path = tmp_path / "published"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def test_aws_names_the_service_and_tells_fronts_from_machines(tmp_path: Path, source: Make) -> None:
    def prefix(network: str, service: str, key: str = "ip_prefix") -> dict[str, str]:
        return {key: network, "region": "eu-west-1", "service": service, "network_border_group": "eu-west-1"}

    document = {
        "syncToken": "1780000000", "createDate": "2026-06-01-12-34-56",
        "prefixes": [prefix("192.0.2.0/24", "AMAZON"), prefix("192.0.2.0/24", "EC2"), prefix("198.51.100.0/24", "AMAZON"),
                     prefix("203.0.113.0/24", "AMAZON"), prefix("203.0.113.0/24", "CLOUDFRONT")],
        "ipv6_prefixes": [prefix("2001:db8::/32", "S3", "ipv6_prefix")],
    }  # fmt: skip
    parsed = parse(written(tmp_path, document), source("aws", category=Category.DATACENTER))
    assert labels(parsed) == {
        "192.0.2.0/24": ("datacenter", "AWS EC2", "eu-west-1"),
        "198.51.100.0/24": ("datacenter", "AWS", "eu-west-1"),
        "203.0.113.0/24": ("cdn", "AWS CLOUDFRONT", "eu-west-1"),
        "2001:db8::/32": ("datacenter", "AWS S3", "eu-west-1"),
    }
    assert parsed.published == datetime(2026, 6, 1, 12, 34, 56, tzinfo=UTC)


def test_google_cloud_and_crawlers(tmp_path: Path, source: Make) -> None:
    document = {
        "syncToken": "1", "creationTime": "2026-06-01T12:34:56.123456",
        "prefixes": [{"ipv4Prefix": "192.0.2.0/24", "service": "Google Cloud", "scope": "europe-west1"},
                     {"ipv6Prefix": "2001:db8::/44"}],
    }  # fmt: skip
    parsed = parse(written(tmp_path, document), source("gcp", category=Category.CRAWLER))
    assert labels(parsed) == {
        "192.0.2.0/24": ("crawler", "Google Cloud", "europe-west1"),
        "2001:db8::/44": ("crawler", "Google", None),
    }
    assert parsed.published is not None


def test_azure_prefers_the_particular_tag(tmp_path: Path, source: Make) -> None:
    def tag(name: str, region: str, *prefixes: str) -> dict[str, Any]:
        return {"name": name, "id": name, "properties": {"region": region, "addressPrefixes": list(prefixes)}}

    document = {
        "changeNumber": 1, "cloud": "Public",
        "values": [tag("AzureCloud.westeurope", "westeurope", "192.0.2.0/24", "198.51.100.0/24"),
                   tag("Storage.WestEurope", "westeurope", "192.0.2.0/24"),
                   tag("AzureCloud", "", "192.0.2.0/24", "2001:db8::/48"),
                   tag("AzureFrontDoor.Frontend", "", "203.0.113.0/24"), {"name": "broken"}],
    }  # fmt: skip
    parsed = parse(written(tmp_path, document), source("azure", category=Category.DATACENTER))
    assert labels(parsed) == {
        "192.0.2.0/24": ("datacenter", "Azure Storage.WestEurope", "westeurope"),
        "198.51.100.0/24": ("datacenter", "AzureCloud.westeurope", "westeurope"),
        "2001:db8::/48": ("datacenter", "AzureCloud", None),
        "203.0.113.0/24": ("cdn", "AzureFrontDoor.Frontend", None),
    }
    assert parsed.rejected_count == 1


def test_oracle_fastly_cloudflare(tmp_path: Path, source: Make) -> None:
    oracle = {"last_updated_timestamp": "2026-06-01T12:00:00.000000",
              "regions": [{"region": "us-phoenix-1", "cidrs": [{"cidr": "192.0.2.0/24", "tags": ["OCI"]}]}]}  # fmt: skip
    assert labels(parse(written(tmp_path, oracle), source("oracle", category=Category.DATACENTER))) == {
        "192.0.2.0/24": ("datacenter", "Oracle Cloud OCI", "us-phoenix-1")
    }
    fastly = {"addresses": ["192.0.2.0/24"], "ipv6_addresses": ["2001:db8::/32"]}
    assert set(table(parse(written(tmp_path, fastly), source("fastly", category=Category.CDN)))) == {
        "192.0.2.0/24", "2001:db8::/32",
    }  # fmt: skip
    as_json = {
        "result": {"ipv4_cidrs": ["192.0.2.0/24"], "ipv6_cidrs": ["2001:db8::/32"], "etag": "x"},
        "success": True,
    }
    for content in (as_json, "192.0.2.0/24\n2001:db8::/32\n"):
        assert set(table(parse(written(tmp_path, content), source("cloudflare", category=Category.CDN)))) == {
            "192.0.2.0/24", "2001:db8::/32",
        }  # fmt: skip


def test_a_provider_that_changed_its_format_is_noticed(tmp_path: Path, source: Make) -> None:
    with pytest.raises(SourceError, match=r"no list 'prefixes' in the JSON, which has: ranges"):
        parse(written(tmp_path, {"ranges": []}), source("gcp", category=Category.DATACENTER))
    document = {"prefixes": [{"cidr": "192.0.2.0/24"}] * 3}
    with pytest.raises(SourceError, match="3 of 3 entries are none"):
        parse(written(tmp_path, document), source("gcp", category=Category.DATACENTER))


# -- geofeeds ------------------------------------------------------------------------------------------------

GEOFEED = """\
# prefix,country,region,city,postal
192.0.2.0/25,US,US-NJ,North Bergen,
192.0.2.128/25,nl,NL-NH,Amsterdam,1105
2001:db8::/32,SG
2001:db8:1::/48,,,,
198.51.100.7,DE,,,
not a prefix,DE,,,
"""


def test_geofeed_as_places_and_as_list(tmp_path: Path, source: Make) -> None:
    given_source = source("geofeed", Layer.GEO, Layer.MEMBERSHIP, category=Category.DATACENTER)
    parsed = parse(written(tmp_path, GEOFEED), given_source)
    assert table(parsed, Layer.GEO) == {
        "192.0.2.0/25": {"country": "US", "region": "US-NJ", "city": "North Bergen"},
        "192.0.2.128/25": {"country": "NL", "region": "NL-NH", "city": "Amsterdam"},
        "2001:db8::/32": {"country": "SG", "region": None, "city": None},
        "198.51.100.7/32": {"country": "DE", "region": None, "city": None},
    }
    assert len(table(parsed)) == 5
    assert [(r.position, r.text) for r in parsed.rejected] == [(7, "not a prefix")]


# -- registries ----------------------------------------------------------------------------------------------

RIR = """\
# comment
2|ripencc|20260601|5|19830705|20260601|+0200
ripencc|*|ipv4|*|3|summary
ripencc|*|ipv6|*|1|summary
ripencc|FR|ipv4|2.0.0.0|1048576|20100712|allocated|abc
ripencc|DE|ipv4|5.1.0.0|768|20100712|assigned|abc
ripencc|EU|ipv4|5.2.0.0|256|20100712|reserved|abc
ripencc||ipv4|5.3.0.0|256||available|
ripencc|ZZ|ipv4|5.4.0.0|256|20100712|allocated|x
ripencc|NL|ipv6|2001:db8::|32|19990826|allocated|def
ripencc|NL|ipv6|2001:db8:8000::|33|19990826|assigned|def
ripencc|SE|asn|64500|1|20100101|allocated|def
ripencc|IT|ipv4|5.5.0.0|0|20100712|allocated|abc
ripencc|IT|ipv6|2001:db8::|129|20100712|allocated|abc
apnik|JP|ipv4|5.6.0.0|256|20100712|allocated|abc
ripencc|IT|ipv4
"""


def test_registry_statistics(tmp_path: Path, source: Make) -> None:
    parsed = parse(written(tmp_path, RIR), source("rir", Layer.NETWORK, Layer.GEO))
    assert {k: v["country"] for k, v in table(parsed, Layer.GEO).items()} == {
        "2.0.0.0/12": "FR", "5.1.0.0-5.1.2.255": "DE", "2001:db8::/32": "NL", "2001:db8:8000::/33": "NL",
    }  # fmt: skip
    rirs = table(parsed, Layer.NETWORK)
    assert {row["rir"] for row in rirs.values()} == {"ripencc"}
    assert "5.4.0.0/24" in rirs
    assert len(rirs) == 5
    assert parsed.published == datetime(2026, 6, 1, tzinfo=UTC)
    assert [r.position for r in parsed.rejected] == [13, 14, 15, 16]


def test_statistics_without_a_version_line_are_refused(tmp_path: Path, source: Make) -> None:
    with pytest.raises(SourceError, match="version line"):
        parse(written(tmp_path, "\n".join(RIR.splitlines()[2:])), source("rir", Layer.GEO))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.tuples(st.ip_addresses(v=4), st.integers(1, 2**24)), min_size=1, max_size=8),
    st.lists(st.tuples(st.ip_addresses(v=6), st.integers(1, 128)), max_size=8),
)
def test_blocks_are_as_long_as_the_statistics_say(
    tmp_path: Path, source: Make,
    four: list[tuple[ipaddress.IPv4Address, int]], six: list[tuple[ipaddress.IPv6Address, int]],
) -> None:  # fmt: skip
    lines = ["2|arin|20260601|1|19830705|20260601|+0000"]
    expected = []
    for first, count in four:
        lines.append(f"arin|US|ipv4|{first}|{count}|20100712|allocated|x")
        if int(first) + count <= 2**32:
            expected.append((4, int(first), int(first) + count - 1))
    for address, length in six:
        if address.ipv4_mapped:
            continue
        network = ipaddress.ip_network((address, length), strict=False)
        lines.append(f"arin|US|ipv6|{address}|{length}|20100712|allocated|x")
        expected.append((6, int(network.network_address), int(network.broadcast_address)))
    if not expected:
        return
    ranges = (
        parse(written(tmp_path, "\n".join(lines)), source("rir", Layer.NETWORK)).layers[Layer.NETWORK].ranges
    )
    found = [
        (v, h << 64 | x, i << 64 | y)
        for v, h, x, i, y in zip(
            ranges.version.tolist(), ranges.start_high.tolist(), ranges.start_low.tolist(),
            ranges.end_high.tolist(), ranges.end_low.tolist(), strict=True,
        )
    ]  # fmt: skip
    assert found == expected
