"""Maps: what they hold, where they put it, whom they may go to."""

from __future__ import annotations

import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

import workbench as wb
from workbench.enrichment import countries, page
from workbench.notebook import places
from workbench.notebook.intake import roles_of
from workbench.notebook.intake.activity import BINS, Activity, seconds_of
from workbench.notebook.maps import draw
from workbench.notebook.verdicts import LOOKS
from workbench.secrecy import TLP, Organisation

SAMPLE = Path(__file__).resolve().parents[2] / "data" / "samples" / "firewall.log"
START = datetime(2026, 10, 4, tzinfo=UTC)


def payload(drawn: Any) -> dict[str, Any]:
    """The data that a map carries, as the browser reads it."""
    import base64
    import gzip
    import json

    found = re.search(r'id="workbench-data">([^<]*)<', drawn.get_root().render())
    assert found
    return json.loads(gzip.decompress(base64.b64decode(found[1])))


def notes(drawn: Any) -> str:
    found = re.search(r'<section class="notes"[^>]*>(.*?)</section>', drawn.get_root().render())
    return found[1] if found else ""


def test_importing_the_workbench_loads_no_folium() -> None:
    code = "import sys, workbench; workbench.map; print(sorted({'folium', 'pandas', 'jinja2'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_verdicts_look_as_in_the_triage_page() -> None:
    for look in LOOKS:
        if look.name not in page._MARKS:
            continue
        assert look.mark == page._MARKS[look.name]
        style = re.search(rf"\.v\.{look.name} {{ background: (#\w+); color: (#\w+) }}", page._TABLE_STYLE)
        assert style
        assert (look.fill, _long(look.ink)) == (style[1], _long(style[2]))
    assert {look.name for look in LOOKS} >= set(page._MARKS)


def _long(colour: str) -> str:
    return colour if len(colour) == 7 else "#" + "".join(c * 2 for c in colour[1:])


def test_every_country_has_a_place_on_earth() -> None:
    for code in countries._names():
        place = places.place_of(code)
        assert place, code
        assert -90 < place.latitude < 90
        assert -180 <= place.longitude <= 180
        assert 5 <= place.radius_km < 6000
    assert places.place_of("ZZ") is None


def test_an_address_known_to_the_country_only_stands_in_its_middle_and_the_map_says_so() -> None:
    drawn = wb.map(["185.220.101.4", "185.220.101.5"])
    data = payload(drawn)
    germany = places.place_of("DE")
    assert germany
    assert data["places"] == {
        "lat": [germany.latitude],
        "lon": [germany.longitude],
        "exact": [False],
        "km": [germany.radius_km],
    }
    assert data["points"]["place"] == [0, 0]
    assert "All 2 addresses are known to the country only" in notes(drawn)


def test_coordinates_and_accuracy_of_a_table_are_kept() -> None:
    table = pa.table(
        {
            "address": ["185.220.101.4"],
            "latitude": [52.5],
            "longitude": [13.4],
            "accuracy_km": pa.array([20], pa.uint16()),
        }
    )
    data = payload(wb.map(table))
    assert data["places"] == {"lat": [52.5], "lon": [13.4], "exact": [True], "km": [20]}
    assert data["points"]["country"]["values"] == ["DE"], "what the table does not say is looked up"


def test_coordinates_that_are_nowhere_count_as_none() -> None:
    table = pa.table({"address": ["185.220.101.4"] * 1, "latitude": [float("nan")], "longitude": [13.4]})
    assert payload(wb.map(table))["places"]["exact"] == [False]
    table = pa.table({"address": ["185.220.101.4"] * 1, "latitude": [520.0], "longitude": [13.4]})
    assert payload(wb.map(table))["places"]["exact"] == [False]


def test_what_has_no_place_is_counted() -> None:
    drawn = wb.map(["8.8.8.8", "10.0.0.1", "192.168.1.1", "no address", None])
    assert payload(drawn)["points"]["address"] == ["8.8.8.8"]
    assert "Not on the map: 2 private or unroutable, 1 malformed." in notes(drawn)


@pytest.mark.parametrize("nothing", [[], ["10.0.0.1"], pd.DataFrame({"ip": pd.Series([], dtype="str")})])
def test_a_map_of_nothing_is_a_map(nothing: Any) -> None:
    assert payload(wb.map(nothing))["points"]["address"] == []


def test_spellings_of_one_address_are_one_point_with_all_its_hits() -> None:
    drawn = wb.map(["8.8.8.8", "::ffff:8.8.8.8", "8.8.8.8"])
    assert payload(drawn)["points"]["address"] == ["8.8.8.8"]
    assert payload(drawn)["points"]["hits"] == [3]


def test_the_same_addresses_as_arrow_pandas_duckdb_and_a_list_give_the_same_map() -> None:
    addresses = ["8.8.8.8", "1.1.1.1", "8.8.8.8"]
    frame = pd.DataFrame({"src_ip": addresses})
    con = duckdb.connect()
    given_as = [
        addresses,
        pa.array(addresses),
        frame,
        frame["src_ip"],
        pa.table(frame),
        con.from_df(frame),
        wb.enrich(addresses),
    ]
    found = [payload(wb.map(data))["points"] for data in given_as]
    for points in found:
        assert dict(zip(points["address"], points["hits"], strict=True)) == {"8.8.8.8": 2, "1.1.1.1": 1}
        assert points["verdict"] == found[0]["verdict"]


def test_a_triage_keeps_its_verdicts_and_its_order() -> None:
    case = wb.open_case(":memory:")
    case.ingest(SAMPLE)
    triage = case.triage("firewall", concern={"HK"})
    points = payload(wb.map(triage))["points"]
    assert [LOOKS[v].name for v in points["verdict"]] == triage.table.column("verdict").to_pylist()
    assert points["address"] == triage.table.column("address").to_pylist()
    assert points["hits"] == triage.table.column("hits").to_pylist()


def test_intel_columns_prefixed_with_the_address_column_are_kept() -> None:
    table = pa.table({"src_ip": ["8.8.8.8"], "src_ip_verdict": ["malicious"], "src_ip_country": ["BR"]})
    points = payload(wb.map(table))["points"]
    assert LOOKS[points["verdict"][0]].name == "malicious"
    assert points["country"]["values"] == ["BR"]


def flows_table(rows: int = 500) -> pa.Table:
    rng = np.random.default_rng(7)
    outside = np.array(["8.8.8.8", "185.220.101.4", "1.1.1.1", "119.28.0.93", "200.160.2.3"])
    inside = np.array([f"10.0.0.{n}" for n in range(4)])
    flip = rng.random(rows) < 0.5
    a, b = outside[rng.integers(0, 5, rows)], inside[rng.integers(0, 4, rows)]
    moments = pa.array(
        [START + timedelta(seconds=int(s)) for s in rng.integers(0, 86_400, rows)], pa.timestamp("us", "UTC")
    )
    return pa.table({"ts": moments, "src_ip": np.where(flip, a, b), "dst_ip": np.where(flip, b, a)})


def test_flows_need_a_home_for_private_ends_and_say_so() -> None:
    table = flows_table()
    drawn = wb.map(table)
    assert payload(drawn)["flows"]["hits"] == []
    assert "500 flows have an end without a place: home=" in notes(drawn)
    drawn = wb.map(table, home="NL")
    flows = payload(drawn)["flows"]
    assert sum(flows["hits"]) == 500
    assert {-1} < set(flows["source"]) | set(flows["target"])
    assert "home=" not in notes(drawn)


def test_flows_between_two_outside_addresses_lead_from_source_to_target() -> None:
    table = pa.table({"src": ["8.8.8.8", "8.8.8.8", "1.1.1.1"], "dst": ["1.1.1.1", "1.1.1.1", "8.8.8.8"]})
    data = payload(wb.map(table))
    name = data["points"]["address"].__getitem__
    pairs = zip(
        map(name, data["flows"]["source"]),
        map(name, data["flows"]["target"]),
        data["flows"]["hits"],
        strict=True,
    )
    assert set(pairs) == {("8.8.8.8", "1.1.1.1", 2), ("1.1.1.1", "8.8.8.8", 1)}


def test_a_table_condensed_in_duckdb_gives_the_same_map() -> None:
    table = flows_table(3000)
    con = duckdb.connect()
    con.register("flows", table)
    whole, condensed = (payload(draw(data, home="NL")) for data in (table, con.table("flows")))
    for part in ("places", "flows"):
        keys = ("hits", "source", "target") if part == "flows" else ("lat", "lon", "km")
        assert {k: whole[part][k] for k in keys} == {k: condensed[part][k] for k in keys}
    assert whole["points"]["hits"] == condensed["points"]["hits"]
    assert sum(whole["time"]["counts"]) == sum(condensed["time"]["counts"]) == 3000


moments = st.lists(st.one_of(st.none(), st.integers(0, 4_000_000_000)), min_size=1, max_size=60)


@given(moments, st.data())
def test_bins_hold_what_was_active_in_them(seconds: list[int | None], data: st.DataObject) -> None:
    activity = Activity.of(seconds_of(pa.chunked_array([pa.array(seconds, pa.int64())])))
    known = {s for s in seconds if s is not None}
    if len(known) < 2:
        assert activity is None
        return
    assert activity is not None
    things = np.array(data.draw(st.lists(st.integers(-1, 3), min_size=len(seconds), max_size=len(seconds))))
    low, high = activity.masks(things, 4)
    width = (activity.end - activity.start) / BINS
    for thing in range(4):
        mine = [s for s, t in zip(seconds, things, strict=True) if t == thing and s is not None]
        bits = {b for b in range(BINS) if (low[thing] >> b if b < 24 else high[thing] >> (b - 24)) & 1}
        if not mine:
            assert bits == set(range(BINS)), "without a time it is always shown"
            continue
        assert len(bits) <= len(mine)
        for moment in mine:
            assert any(abs(moment - (activity.start + (b + 0.5) * width)) <= width * 0.501 for b in bits)
    assert sum(activity.counts(np.ones(len(seconds), np.int64))) == len([s for s in seconds if s is not None])


def test_first_and_last_seen_are_exact() -> None:
    table = pa.table(
        {
            "ip": ["8.8.8.8", "8.8.8.8", "1.1.1.1"],
            "ts": pa.array([START, START + timedelta(hours=5), START + timedelta(hours=2)]),
        }
    )
    points = payload(wb.map(table))["points"]
    at = points["address"].index("8.8.8.8")
    assert (points["first"][at], points["last"][at]) == (
        int(START.timestamp()),
        int((START + timedelta(hours=5)).timestamp()),
    )


def test_beyond_the_limit_the_worst_stay_and_the_map_says_so() -> None:
    table = pa.table(
        {"address": ["8.8.8.8", "1.1.1.1", "9.9.9.9"], "verdict": ["clean", "malicious", "watch"]}
    )
    drawn = wb.map(table, limit=2)
    assert payload(drawn)["points"]["address"] == ["1.1.1.1", "9.9.9.9"]
    assert "Beyond the limit of 2, 1 addresses are left out" in notes(drawn)


def test_labels_and_notes_come_along_and_long_ones_are_cut() -> None:
    frame = pd.DataFrame(
        {
            "ip": ["8.8.8.8", "8.8.8.8"],
            "label": [None, "resolver"],
            "note": ["x" * 1_000_000, "y"],
            "tags": [["a", "b"], ["c"]],
        }
    )
    points = payload(wb.map(frame))["points"]
    assert points["label"]["values"] == ["resolver"]
    assert len(points["x_note"]["values"][0]) == 2000
    assert points["x_tags"]["values"] == ["a, b"]


def test_a_map_is_marked_on_its_face_in_its_title_and_in_the_file(tmp_path: Path) -> None:
    wb.map(["8.8.8.8"], tlp="amber+strict", title="T").save(tmp_path / "map.html")
    text = (tmp_path / "map.html").read_text()
    assert text.startswith("<!DOCTYPE html>\n<!-- TLP:AMBER+STRICT -->")
    assert '<meta name="tlp" content="TLP:AMBER+STRICT">' in text
    assert "<title>TLP:AMBER+STRICT T</title>" in text
    assert re.search(r'<header class="tlp wb-tlp wb-amber-strict"[^>]*>TLP:AMBER\+STRICT<', text)


def test_a_map_is_marked_as_the_highest_of_its_rows() -> None:
    table = pa.table({"address": ["8.8.8.8", "1.1.1.1"], "tlp": ["TLP:GREEN", "amber"]})
    assert wb.map(table).tlp == TLP.AMBER
    assert wb.map(table, tlp="RED").tlp == TLP.RED
    with pytest.raises(PermissionError, match=r"rows marked TLP:AMBER cannot go onto a map marked TLP:GREEN"):
        wb.map(table, tlp="GREEN")


def test_a_map_of_profiles_is_marked_as_they_are() -> None:
    case = wb.open_case(":memory:")
    made = [case.profiles.create("185.220.101.4", secrecy="red"), case.profiles.create("8.8.8.8", secrecy="clear")]  # fmt: skip
    for profiles in (
        made,
        case.con.sql("FROM _workbench.profiles"),
        case.con.sql("FROM _workbench.profiles").to_df(),
    ):
        assert wb.map(profiles).tlp == TLP.RED
        with pytest.raises(PermissionError, match="rows marked TLP:RED"):
            wb.map(profiles, tlp="clear")
    assert repr(wb.map(made[1:])).startswith("<AddressMap TLP:CLEAR: ")
    assert wb.map(pa.table({"address": ["8.8.8.8"], "secrecy": [None]})).tlp is None


@pytest.mark.parametrize("as_relation", [True, False])
def test_what_another_organisation_marked_amber_is_not_for_those_we_serve(as_relation: bool, tmp_path: Path) -> None:  # fmt: skip
    ours = Organisation("CERT A", frozenset({"Waterworks"}))
    rows = pa.table(
        {"address": ["8.8.8.8", "1.1.1.1"], "tlp": ["amber", "green"], "owner": ["CERT A", "CERT B"]}
    )
    closer = rows.set_column(1, "tlp", pa.array(["amber", "amber"]))
    con = duckdb.connect()
    drawn, mixed = ((con.from_arrow(each) if as_relation else each) for each in (rows, closer))
    wb.map(drawn).save(tmp_path / "a.html", to="Waterworks", organisation=ours)
    with pytest.raises(PermissionError, match="may not go to"):
        wb.map(mixed).save(tmp_path / "b.html", to="Waterworks", organisation=ours)


@pytest.mark.parametrize(
    ("level", "to", "goes"),
    [
        ("CLEAR", "public", True), ("GREEN", "public", False), ("GREEN", "community", True), ("AMBER", "community", False),
        ("AMBER", "CERT A", True), ("AMBER", "CERT B", False), ("RED", "CERT A", False), ("RED", "anna@CERT A", True),
        ("RED", "bert@CERT A", False), (None, "public", False),
    ],
)  # fmt: skip
def test_a_map_goes_only_where_its_level_lets_it(
    level: str | None, to: str, goes: bool, tmp_path: Path
) -> None:
    drawn = wb.map(["8.8.8.8"], tlp=level)
    target = tmp_path / "map.html"
    options = {"to": to, "organisation": "CERT A", "recipients": ["anna"]}
    if goes:
        drawn.save(target, **options)
        assert target.exists()
    else:
        with pytest.raises(PermissionError):
            drawn.save(target, **options)
        assert not target.exists()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"source": "nope"}, "there is no column 'nope'; there are: address"),
        ({"home": "ZZ"}, "is no country code"),
        ({"home": "EU"}, "home='EU' is no place on a map"),
        ({"home": (152.0, 5.0)}, "latitude -90 to 90 comes first"),
        ({"theme": "pink"}, "none of auto, light, dark"),
        ({"tlp": "PURPLE"}, "is no TLP label"),
        ({"profile_url": "javascript:alert(1)"}, "no web address"),
        ({"tiles": "https://tiles.example/map.png"}, "is no tile server"),
        ({"tiles": "https://a b;script-src */{z}/{x}/{y}"}, "is no host"),
        ({"time": "address"}, "moments are wanted"),
    ],
)
def test_a_wrong_option_is_named(options: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=re.escape(said)):
        wb.map(["8.8.8.8"], **options)


def test_a_table_without_addresses_asks_which_column_holds_them() -> None:
    with pytest.raises(ValueError, match="which column holds the addresses"):
        wb.map(pd.DataFrame({"a": [1]}))
    with pytest.raises(TypeError, match="not a thing of type int"):
        wb.map(7)


def test_usual_names_of_columns_are_found() -> None:
    table = pa.table(
        {
            "TS": pa.array([START]),
            "Src_IP": ["8.8.8.8"],
            "DST_ip": ["1.1.1.1"],
            "name": ["x"],
            "proto": ["tcp"],
        }
    )
    roles = roles_of(table)
    assert (roles.source, roles.target, roles.time, roles.label) == ("Src_IP", "DST_ip", "TS", "name")


def test_a_case_maps_a_table_with_flows_or_all_its_addresses() -> None:
    case = wb.open_case(":memory:")
    case.ingest(SAMPLE)
    alone = payload(case.map(home="NL"))
    assert alone["flows"]["hits"]
    assert alone["time"]
    case.enrich("firewall", "src_ip")
    assert "firewall_ip" in payload(case.map("firewall_ip"))["title"]
    case.con.sql("CREATE TABLE other AS SELECT '9.9.9.9' AS ip")
    assert "9.9.9.9" in payload(case.map())["points"]["address"]
    with pytest.raises(ValueError, match="no table with addresses"):
        wb.open_case(":memory:").map()


def test_sources_are_named_with_their_licence() -> None:
    text = wb.map(["8.8.8.8"]).get_root().render()
    foot = text[text.index('<footer id="sources">') :]
    assert "IP geolocation by DB-IP" in foot
    assert "CC BY 4.0" in foot
    assert "Natural Earth" in foot
