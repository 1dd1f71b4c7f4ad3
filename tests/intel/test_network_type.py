"""What the name of an AS tells of its kind, and what it must not be taken for."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.intel.network_type import NETWORK_TYPES, network_type_of_names


def kinds(*names: str | None) -> list[str]:
    return [NETWORK_TYPES[code] for code in network_type_of_names(pa.array(names, pa.string()))]


@pytest.mark.parametrize(
    ("kind", "names"),
    [
        ("isp", ["Deutsche Telekom AG", "Comcast Cable Communications, LLC", "Mundo Redes e Informática Ltda", "PT Jaringan Lintas Utara",
                 "Stadtwerke Norderstedt", "LaGrange Wireless LLC", "Conecta Banda Larga ME", "Puget Sound Networks, LLC"]),
        ("hosting", ["Hetzner Online GmbH", "OVH SAS", "Amazon.com, Inc.", "Todayhost Limited", "Mullcloud LLC", "Suria Data Centre Sdn. Bhd.",
                     "LLC Vpsville", "Cloud Servers Australia Pty Ltd"]),
        ("education", ["Massachusetts Institute of Technology", "Universidade de São Paulo", "Uniwersytet Warszawski", "Rochester City School District",
                       "Politeknik Negeri Bandung", "École polytechnique fédérale", "University Hospital Zurich"]),
        ("government", ["City of Portland", "Headquarters, USAISC", "Dinas Komunikasi dan Informatika Kota Bogor", "Tribunal Regional Federal",
                        "London Borough of Camden", "Gemeente Utrecht", "United States Postal Service", "Bundesamt für Justiz"]),
        ("mobile", ["T-Mobile Czech Republic a.s.", "Vodacom Tanzania Ltd", "Hutchison Drei Austria GmbH", "NTT DOCOMO, INC."]),
        ("cdn", ["Cloudflare, Inc.", "Akamai International B.V.", "CDNvideo LLC", "Netflix Streaming Services Inc."]),
        ("business", ["Landesbank Hessen", "Gatwick Airport Limited", "Ford Motor Company", "SUSE Software Solutions Germany GmbH"]),
        ("unknown", ["Jelle Luteijn", "AS64011", "HSIANG-LI CHAN", "", None]),
    ],
)  # fmt: skip
def test_a_name_tells_the_kind(kind: str, names: list[str | None]) -> None:
    assert dict(zip(names, kinds(*names), strict=True)) == dict.fromkeys(names, kind)


def test_a_word_within_a_word_tells_nothing() -> None:
    """Names that an earlier rule took for something else: Colorado has no colocation in it, Amazonet is no Amazon."""
    assert kinds("Colorado Springs Utilities", "AMAZONET TELECOMUNICACOES LTDA", "Airtelecom", "Cloud Telecom Eireli") == [
        "unknown", "isp", "isp", "isp",
    ]  # fmt: skip
    assert kinds("Potomac Electric Enterprises", "Municipal Light Plant") == ["unknown", "unknown"]


@given(st.lists(st.one_of(st.none(), st.text()), max_size=30))
def test_any_text_gets_a_kind_of_its_own_row(names: list[str | None]) -> None:
    together = kinds(*names)
    assert together == [kinds(name)[0] for name in names]
    assert all(kind == "unknown" for name, kind in zip(names, together, strict=True) if name is None)
