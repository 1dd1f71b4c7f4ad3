"""Lists of whose infrastructure an address is: iporigin's joined ranges and the MISP warning lists."""

from __future__ import annotations

import json
import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from items import OPERATOR, Item, joined
from packages import PACKAGES, fetched

from workbench.addresses import scope
from workbench.addresses.columns import Addresses, Ranges
from workbench.intel.entries import Entries, ParsedSource
from workbench.intel.parsers import parse
from workbench.intel.source import Category, Layer, Reliability, Source

__all__ = ["origins", "warnings"]


@dataclass(frozen=True)
class Group:
    """Providers of iporigin that become one source of the pack."""

    id: str
    category: Category
    title: str
    reliability: Reliability
    licence: str
    origin: str
    providers: str


CC0_LISTS = "rezmoss/cloud-provider-ip-addresses and lord-alfred/ipranges (CC0 1.0)"
REZMOSS = "rezmoss/cloud-provider-ip-addresses (CC0 1.0)"
GROUPS = (
    Group("cloud", Category.DATACENTER, "Cloud ranges as their operators publish them", Reliability.A, OPERATOR,
          "the operators' own published lists",
          "Amazon AWS, Google, Google Cloud, Microsoft Azure, DigitalOcean, Linode, Vultr, Oracle Cloud, GitHub"),
    Group("hosting", Category.DATACENTER, "Networks of hosting companies, as announced in BGP", Reliability.B,
          "CC0-1.0", REZMOSS,
          "Hetzner, OVHcloud, Scaleway, Alibaba Cloud, Leaseweb, UpCloud, IBM Cloud, Huawei Cloud, "
          "Tencent Cloud, Rackspace"),
    Group("cdn", Category.CDN, "CDN ranges as their operators publish them", Reliability.A, OPERATOR,
          f"the operators' own published lists, and Gcore's through {REZMOSS}", "Cloudflare, Fastly, Gcore"),
    Group("tor", Category.TOR, "Tor exits", Reliability.A, "CC0-1.0",
          f"the Tor Project's bulk exit list, through {REZMOSS}", "Tor"),
    Group("vpn", Category.VPN, "Servers of Mullvad and ProtonVPN", Reliability.B, "CC0-1.0",
          f"the operators' published server lists, through {CC0_LISTS}", "Mullvad, ProtonVPN"),
    Group("relays", Category.PROXY, "iCloud Private Relay egress", Reliability.A, "CC0-1.0",
          f"Apple's published egress list, through {REZMOSS}", "Apple Private Relay"),
    Group("crawlers", Category.CRAWLER, "Announced crawlers", Reliability.A, "CC0-1.0",
          f"the operators' published lists, through {CC0_LISTS}",
          "Googlebot, Bingbot, GPTBot, ClaudeBot, PerplexityBot, DuckDuckBot, Amazonbot, Applebot, "
          "Common Crawl, Internet Archive"),
)  # fmt: skip

LEFT_OUT = {
    # Inputs without a licence, used by iporigin on a maintainer's word (its NOTICE, part 3).
    "Akamai", "BunnyCDN", "BuyVM", "CDN77", "Cogent", "Contabo", "DataCamp", "GTHost", "GleSYS", "Melbicom",
    "Scalaxy", "Vercel",
    # Labelled a bot, but it is all that Meta's networks announce.
    "Meta",
}  # fmt: skip


def origins(folder: Path) -> Iterator[Item]:
    """Cloud, hosting, CDN, VPN, Tor and crawler ranges of iporigin, by where it has them from."""
    data = (fetched(folder, "iporigin") / "iporigin" / "data" / "ranges.bin").read_bytes()
    published, labels, ranges, of_range = _iporigin(data)
    group_of = {provider: group for group in GROUPS for provider in group.providers.split(", ")}
    strange = {provider for provider, _ in labels} ^ (set(group_of) | LEFT_OUT)
    if strange:
        raise SystemExit(
            f"iporigin changed its providers ({', '.join(sorted(strange))}): see whence and decide"
        )
    for group in GROUPS:
        wanted = [at for at, (provider, _) in enumerate(labels) if group_of.get(provider) is group]
        rows = np.flatnonzero(np.isin(of_range, wanted))
        names = [labels[at][0] for at in of_range[rows]]
        attributes = pa.table({
            "category": [str(group.category)] * len(rows),
            "label": ["" if name == "Tor" else name for name in names],
        })  # fmt: skip
        source = Source(
            id=group.id,
            title=group.title,
            parser="entries",
            layers=(Layer.MEMBERSHIP,),
            reliability=group.reliability,
            licence=group.licence,
            attribution=f"{group.origin}, as collected by iporigin (MIT)",
            homepage="https://github.com/Yuix-Networks/iporigin",
            category=group.category,
        )
        entries = Entries(ranges.take(rows), attributes)
        yield Item(source, ParsedSource({Layer.MEMBERSHIP: entries}, published), str(PACKAGES["iporigin"]))


def _iporigin(data: bytes) -> tuple[datetime, list[tuple[str, str]], Ranges, np.ndarray]:
    """iporigin's table: a header, the labels ``provider TAB kind``, IPv4 and IPv6 records."""
    magic, version, built, count, ipv4, ipv6 = struct.unpack_from("<8sHQHII", data, 0)
    if magic != b"IPORIGIN" or version != 1:
        raise SystemExit("iporigin changed its file format: adapt _iporigin()")
    at = struct.calcsize("<8sHQHII")
    labels = []
    for _ in range(count):
        (length,) = struct.unpack_from("<H", data, at)
        provider, _, kind = data[at + 2 : at + 2 + length].decode().partition("\t")
        labels.append((provider, kind))
        at += 2 + length
    four = np.frombuffer(data, "<u4,<u4,<u2", ipv4, at)
    six = np.frombuffer(data, ">u8,>u8,>u8,>u8,<u2", ipv6, at + ipv4 * 10)
    zeros = np.zeros(ipv4, np.uint64)
    ranges = Ranges.concatenate([
        Ranges(np.full(ipv4, 4, np.uint8), zeros, four["f0"].astype(np.uint64), zeros, four["f1"].astype(np.uint64)),
        Ranges(np.full(ipv6, 6, np.uint8), *(six[f"f{n}"].astype(np.uint64) for n in range(4))),
    ])  # fmt: skip
    return datetime.fromtimestamp(built, UTC), labels, ranges, np.concatenate([four["f2"], six["f4"]])


WARNING_LISTS = {
    "scanners": (Category.SCANNER, "Announced research scanners (MISP warning lists)",
                 ["*-scanning", "*-scanner", "shadowserver", "tenable-cloud-ipv?", "check-host-net"]),
    "sinkholes": (Category.SINKHOLE, "Sinkholes (MISP warning lists)", ["sinkholes"]),
    "services": (Category.BENIGN, "Office 365, Wikimedia, Umbrella block pages (MISP warning lists)",
                 ["microsoft-office365-ip", "wikimedia", "umbrella-blockpage-v?"]),
}  # fmt: skip
PACKAGED = datetime(2025, 12, 23, tzinfo=UTC)
"""Date of the newest list in the package: the date of a source whose lists carry none."""

_PHRASES = re.compile(
    r"^List of (known |published )?(IP address ranges for )?|^cisco-|-ipv[46]$| IP[ -](address )?ranges\b.*$"
    r"| address ranges$| Scanner$| Cloud Sensors.*$",
    re.IGNORECASE,
)
"""What the names of warning lists say around the name of the operator."""
_LABELS = {"umbrella-blockpage": "Umbrella block page", "sinkholes": ""}


def warnings(folder: Path) -> Iterator[Item]:
    """Scanners, sinkholes and shared services from the MISP warning lists, each entry with its list's date."""
    lists = (
        fetched(folder, "pymispwarninglists") / "pymispwarninglists" / "data" / "misp-warninglists" / "lists"
    )
    for name, (category, title, patterns) in WARNING_LISTS.items():
        source = Source(
            id=name,
            title=title,
            parser="misp",
            layers=(Layer.MEMBERSHIP,),
            reliability=Reliability.B,
            licence="CC0-1.0",
            attribution="MISP warning lists (https://github.com/MISP/misp-warninglists, CC0 1.0)",
            homepage="https://github.com/MISP/misp-warninglists",
            category=category,
        )
        parsed = []
        for path in sorted({path for pattern in patterns for path in lists.glob(f"{pattern}/list.json")}):
            said = json.loads(path.read_text(encoding="utf-8"))["name"]
            label = _PHRASES.sub("", said)
            one = parse(path, replace(source, label=_LABELS.get(label, label)))
            parsed.append(_dated(one))
        newest = max([one.published for one in parsed if one.published], default=PACKAGED)
        yield Item(source, joined(parsed, newest), str(PACKAGES["pymispwarninglists"]))


def _dated(parsed: ParsedSource) -> ParsedSource:
    """The outside ranges of a warning list, each with the list's own date as when it was last seen, if it has one.

    Some operators' lists name their inner networks too; 10.0.0.0/8 is everybody's.
    """
    entries = parsed.layers[Layer.MEMBERSHIP]
    ranges = entries.ranges
    outside = pc.equal(scope(Addresses(ranges.version, ranges.start_high, ranges.start_low)), "global")
    rows = np.flatnonzero(outside.to_numpy(zero_copy_only=False))
    seen = pa.array([parsed.published] * len(rows), pa.timestamp("s", tz="UTC"))
    attributes = entries.attributes.select(["category", "label"]).take(pa.array(rows))
    attributes = attributes.append_column("last_seen", seen)
    return ParsedSource({Layer.MEMBERSHIP: Entries(ranges.take(rows), attributes)}, parsed.published)
