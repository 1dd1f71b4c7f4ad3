"""Tables of ranges as CSV: bounds as text, numbers or CIDR, in columns the user can name."""

from __future__ import annotations

import csv
import io
import ipaddress
import zipfile
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.addresses.text import to_text_of_ranges
from workbench.intel.entries import ParsedSource
from workbench.intel.parsers import parse
from workbench.intel.parsers.ranges import parse_numbers
from workbench.intel.source import Category, Layer, Source, SourceError

Make = Callable[..., Source]


def rows(parsed: ParsedSource, layer: Layer) -> dict[str, dict[str, object]]:
    entries = parsed.layers[layer]
    return dict(
        zip(to_text_of_ranges(entries.ranges).to_pylist(), entries.attributes.to_pylist(), strict=True)
    )


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "ranges.csv"
    path.write_text(text)
    return path


ASN = '1.0.0.0,1.0.0.255,13335,"Cloudflare, Inc."\n1.0.4.0,1.0.7.255,38803,Gtelecom Pty Ltd\n'
ASN_NUMBERS = '16777216,16777471,13335,"Cloudflare, Inc."\n16778240,16779263,38803,Gtelecom Pty Ltd\n'


@pytest.mark.parametrize("text", [ASN, ASN_NUMBERS])
def test_as_ranges_with_text_or_numeric_bounds(tmp_path: Path, source: Make, text: str) -> None:
    given_source = source("ranges", Layer.NETWORK, columns=["start", "end", "asn", "as_org"])
    assert rows(parse(written(tmp_path, text), given_source), Layer.NETWORK) == {
        "1.0.0.0/24": {"asn": 13335, "as_org": "Cloudflare, Inc."},
        "1.0.4.0/22": {"asn": 38803, "as_org": "Gtelecom Pty Ltd"},
    }


def test_ipv6_as_numbers_of_128_bits(tmp_path: Path, source: Make) -> None:
    text = "42540488161975842760550356425300246528,42540488241204005274814694018844196863,JP\n"
    given_source = source("ranges", Layer.GEO, columns=["start", "end", "country"])
    assert rows(parse(written(tmp_path, text), given_source), Layer.GEO) == {"2001::/32": {"country": "JP"}}


def test_a_header_names_the_columns(tmp_path: Path, source: Make) -> None:
    text = "network,autonomous_system_number,autonomous_system_organization\n192.0.2.0/24,64500,Example\n2001:db8::/32,,\n"
    parsed = parse(written(tmp_path, text), source("ranges", Layer.NETWORK))
    assert rows(parsed, Layer.NETWORK) == {"192.0.2.0/24": {"asn": 64500, "as_org": "Example"}}


def test_dbip_city_csv(tmp_path: Path, source: Make) -> None:
    text = "1.0.0.0,1.0.0.255,OC,AU,Queensland,South Brisbane,-27.4767,153.017\n1.0.1.0,1.0.3.255,AS,CN,,,26.1,119.3\n"
    columns = ["start", "end", "_", "country", "region", "city", "latitude", "longitude"]
    parsed = parse(written(tmp_path, text), source("ranges", Layer.GEO, columns=columns))
    found = rows(parsed, Layer.GEO)
    assert found["1.0.0.0/24"]["city"] == "South Brisbane"
    assert found["1.0.1.0-1.0.3.255"] == {
        "country": "CN", "region": None, "city": None, "latitude": 26.1, "longitude": 119.3,
    }  # fmt: skip


def test_dshield_block_list(tmp_path: Path, source: Make) -> None:
    text = (
        "#   DShield.org Recommended Block List\n#\n"
        "Start\tEnd\tNetblock\tAttacks\tName\tCountry\temail\n"
        "192.0.2.0\t192.0.2.255\t24\t4023\tEXAMPLE\tNL\tabuse@example.net\n"
        "198.51.100.0\t198.51.100.255\t24\t1000\t\t\t\n"
    )
    given_source = source(
        "ranges", Layer.MEMBERSHIP, category=Category.ABUSER,
        columns=["start", "end", "_", "_", "_", "_", "_"], header=True, delimiter="\t",
    )  # fmt: skip
    parsed = parse(written(tmp_path, text), given_source)
    assert list(rows(parsed, Layer.MEMBERSHIP)) == ["192.0.2.0/24", "198.51.100.0/24"]


def test_bad_rows_are_put_aside_with_their_line(tmp_path: Path, source: Make) -> None:
    text = (
        "start,end,asn\n# comment\n1.0.0.0,1.0.0.255,1\n1.0.1.0,1.0.0.0,2\n1.0.2.0,2001:db8::1,3\n"
        "1.0.3.0,1.0.3.255\n1.0.4.0,1.0.4.255,4\n1.0.5.0,1.0.5.255,AS5\n1.0.6.0,1.0.6.255,99999999999\n"
    )
    parsed = parse(written(tmp_path, text), source("ranges", Layer.NETWORK))
    assert {k: v["asn"] for k, v in rows(parsed, Layer.NETWORK).items()} == {
        "1.0.0.0/24": 1, "1.0.4.0/24": 4, "1.0.5.0/24": 5,
    }  # fmt: skip
    assert [r.position for r in parsed.rejected] == [4, 5, 6]
    assert parsed.rejected[0].text == "1.0.1.0-1.0.0.0"


def test_a_table_without_ranges_says_what_to_set(tmp_path: Path, source: Make) -> None:
    with pytest.raises(SourceError, match=r"no column of ranges among: country.*option `columns`"):
        parse(written(tmp_path, "country,capital\nDE,Berlin\n"), source("ranges", Layer.GEO))
    with pytest.raises(SourceError, match=r"its columns \(network\) say nothing for geo"):
        parse(written(tmp_path, "network,colour\n192.0.2.0/24,red\n"), source("ranges", Layer.GEO))


def test_geolite2_csv_joins_blocks_and_places(tmp_path: Path, source: Make) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(
            "GeoLite2-City-CSV_20260602/GeoLite2-City-Blocks-IPv4.csv",
            "network,geoname_id,registered_country_geoname_id,latitude,longitude,accuracy_radius\n"
            "192.0.2.0/24,2950159,2921044,52.52,13.4,20\n198.51.100.0/24,,2921044,,,\n",
        )
        archive.writestr(
            "GeoLite2-City-CSV_20260602/GeoLite2-City-Locations-en.csv",
            "geoname_id,locale_code,country_iso_code,country_name,subdivision_1_name,city_name,time_zone\n"
            '2950159,en,DE,Germany,"Land Berlin",Berlin,Europe/Berlin\n',
        )
    path = tmp_path / "GeoLite2.zip"
    path.write_bytes(buffer.getvalue())
    given_source = source("ranges", Layer.GEO, member="*Blocks-IPv4.csv", locations="*Locations-en.csv")
    assert rows(parse(path, given_source), Layer.GEO) == {
        "192.0.2.0/24": {
            "country": "DE", "region": "Land Berlin", "city": "Berlin", "latitude": 52.52, "longitude": 13.4,
            "accuracy_km": 20, "timezone": "Europe/Berlin",
        }
    }  # fmt: skip


numbers = st.one_of(
    st.integers(0, 2**128 - 1),
    st.integers(2**128, 10**40),
    st.sampled_from([0, 2**32, 2**64 - 1, 2**64, 2**128 - 1, 2**128]),
)


@given(st.lists(st.one_of(numbers.map(str), st.text(max_size=5), st.none()), max_size=20))
def test_numbers_up_to_128_bits_are_exact(texts: list[str | None]) -> None:
    good, high, low = parse_numbers(pa.array(texts, pa.string()))
    for at, text in enumerate(texts):
        number = int(text) if text and text.isascii() and text.isdigit() and len(text) <= 39 else None
        if number is not None and number >= 2**128:
            number = None
        assert good[at] == (number is not None)
        if number is not None:
            assert (int(high[at]) << 64) | int(low[at]) == number


addresses = st.ip_addresses(v=4)


@given(st.lists(st.tuples(addresses, addresses, st.text(max_size=12)), min_size=1, max_size=10))
def test_any_table_a_csv_writer_makes_is_read(
    tmp_path_factory: pytest.TempPathFactory,
    table: list[tuple[ipaddress.IPv4Address, ipaddress.IPv4Address, str]],
) -> None:
    from workbench.intel.source import Reliability

    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    expected = []
    for one, other, name in table:
        first, last = min(one, other), max(one, other)
        clean = "".join(c for c in name if c.isprintable()).strip().strip('"')
        writer.writerow([first, last, 64500, f"x{clean}x"])
        expected.append((int(first), int(last), f"x{clean}x"))
    path = tmp_path_factory.getbasetemp() / "any.csv"
    path.write_text(buffer.getvalue())
    given_source = Source(
        "x",
        "t",
        "ranges",
        (Layer.NETWORK,),
        Reliability.B,
        "",
        "",
        options={"columns": ["start", "end", "asn", "as_org"]},
    )
    entries = parse(path, given_source).layers[Layer.NETWORK]
    found = list(
        zip(
            entries.ranges.start_low.tolist(), entries.ranges.end_low.tolist(),
            entries.attributes.column("as_org").to_pylist(), strict=True,
        )
    )  # fmt: skip
    assert found == expected
