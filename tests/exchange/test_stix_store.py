"""What the store keeps goes out as STIX, as far as its member sees it and its recipient may have it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from tests.exchange.conftest import Medallion
from workbench.exchange import taxii
from workbench.exchange.stix import Ledger, WithheldError, export, import_into
from workbench.store import Evidence, Footprint, Sighting, Store

validator = pytest.importorskip("stix2validator", reason="the OASIS validator is a development dependency")


def out(store: Store, what: Any, to: str, **options: Any) -> Any:
    return export(what, store=store, to=to, versions=Ledger(None), **options)


def values(result: Any, kind: str, name: str) -> list[Any]:
    return sorted(value[name] for value in result.objects if value["type"] == kind)


def test_an_investigation_of_the_store_goes_out_with_all_that_hangs_on_its_profiles(store: Store) -> None:
    first = store.profiles.create("93.175.147.88", secrecy="green", notes="beacons", tags=["scada"])
    second = store.profiles.create("8.8.8.8", secrecy="amber", threat_level="high")
    day = datetime(2026, 10, 5, tzinfo=UTC)
    store.sightings.add(
        first, Sighting(day, day, 3, "fw-scada-01", "10.0.0.4"), Sighting(day, day, 4, "fw-2")
    )
    store.footprint.add(
        first, Footprint("domain", "c2.example", "pdns"), Footprint("account", "mallory", "forum")
    )
    store.evidence.add(first, Evidence("partner feed", "attacker", "93.175.147.88", licence="CC0"))
    matter = store.investigations.create("Water", secrecy="green", description="intrusion")
    store.investigations.link(matter, first, second)

    with pytest.raises(WithheldError, match=r"8\.8\.8\.8 is TLP:AMBER and may not go to bank"):
        out(store, matter, "bank")
    result = out(store, matter, "bank", withheld="drop")
    errors = validator.validate_instance(
        result.bundle(), validator.ValidationOptions(version="2.1", strict=True)
    ).errors
    assert [str(error) for error in errors] == []
    assert values(result, "ipv4-addr", "value") == ["93.175.147.88"]
    assert values(result, "domain-name", "value") == ["c2.example"]
    assert values(result, "sighting", "count") == [3, 4]
    assert values(result, "note", "content") == ["beacons"]
    assert values(result, "grouping", "name") == ["Water"]
    assert values(result, "identity", "name") == ["cert"]
    (indicator,) = [value for value in result.objects if value["type"] == "indicator"]
    assert indicator["external_references"][0]["source_name"] == "partner feed"
    text = result.serialize()
    assert "8.8.8.8" not in text
    assert "fw-scada-01" not in text
    assert "10.0.0.4" not in text
    assert "mallory" not in text

    own = out(store, matter, "cert")
    assert values(own, "indicator", "name") == ["8.8.8.8: malicious", "93.175.147.88: malicious"]
    (judged,) = [v for v in own.objects if v["type"] == "indicator" and v["name"].startswith("8.8.8.8")]
    assert "an analyst of cert judged the threat high" in judged["description"]
    assert "confidence" not in judged


def test_what_the_store_knows_of_an_organisation_decides(store: Store) -> None:
    green = store.profiles.create("203.0.113.1", secrecy="green")
    amber = store.profiles.create("203.0.113.2", secrecy="amber")
    red = store.profiles.create("203.0.113.3", secrecy="red", recipients=["ida"], reason="source")
    assert values(out(store, amber, "grid"), "ipv4-addr", "value") == ["203.0.113.2"], "a client"
    for thing, to in (
        (green, "grid"),
        (green, "Unheard of"),
        (amber, "bank"),
        (red, "cert"),
        (red, "clara@grid"),
    ):
        with pytest.raises(WithheldError):
            out(store, thing, to)
    assert values(out(store, red, "ida@cert"), "ipv4-addr", "value") == ["203.0.113.3"]
    assert values(out(store, [green, amber], "cert"), "ipv4-addr", "value") == ["203.0.113.1", "203.0.113.2"]


def _bundle(count: int) -> dict[str, Any]:
    objects: list[dict[str, Any]] = [
        {
            "type": "indicator",
            "spec_version": "2.1",
            "id": f"indicator--00000000-0000-4000-8000-{i:012x}",
            "created": "2026-10-01T00:00:00.000Z",
            "modified": "2026-10-01T00:00:00.000Z",
            "indicator_types": ["malicious-activity"],
            "pattern": f"[ipv4-addr:value = '100.{64 + i // 65536}.{i // 256 % 256}.{i % 256}']",
            "pattern_type": "stix",
            "valid_from": "2026-10-01T00:00:00Z",
            "object_marking_refs": ["marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb"],
        }
        for i in range(count)
    ]
    objects[0]["pattern"] = "[ipv4-addr:value ISSUBSET '198.51.100.0/24']"
    return {"type": "bundle", "id": "bundle--44af6c39-c09b-49c5-9de2-394224b04982", "objects": objects}


def test_a_large_bundle_is_taken_into_the_store_and_again_adds_nothing(store: Store) -> None:
    matter = store.investigations.create("taken in")
    done = import_into(store, _bundle(3_000), investigation=matter)
    assert (done.created, done.added, done.known) == (3_000, 3_000, 0)
    assert len(store.investigations.profiles(matter)) == 3_000
    network = store.profiles.get("198.51.100.0/24")
    assert (str(network.secrecy), network.snapshot is not None) == ("TLP:GREEN", True)
    assert [item.category for item in store.evidence.of(network)] == ["attacker"]
    again = import_into(store, _bundle(3_000), investigation=matter)
    assert (again.created, again.added, again.known) == (0, 0, 3_000)
    bundle = out(store, matter, "community", withheld="drop")
    assert len(values(bundle, "ipv4-addr", "value")) == 3_000


def test_a_bundle_of_too_many_addresses_goes_into_a_case(store: Store) -> None:
    with pytest.raises(ValueError, match="up to 10,000 are taken in at once"):
        import_into(store, _bundle(10_001))


def test_an_investigation_of_the_store_is_pushed_as_far_as_it_may_go(
    store: Store, medallion: Medallion, credential: None
) -> None:
    green = store.profiles.create("203.0.113.77", secrecy="green", threat_level="high")
    amber = store.profiles.create("203.0.113.78", secrecy="amber", threat_level="high")
    matter = store.investigations.create("Pumps", secrecy="green")
    store.investigations.link(matter, green, amber)
    collection = medallion.collection()
    with pytest.raises(WithheldError, match=r"203\.0\.113\.78 is TLP:AMBER and may not go to bank"):
        taxii.run(taxii.push(medallion.url, collection, matter, store=store, to="bank"))
    assert medallion.manifest(collection) == []
    told = taxii.run(taxii.push(medallion.url, collection, matter, store=store, to="bank", withheld="drop"))
    assert told.complete
    assert [each.name for each in told.withheld] == ["203.0.113.78"]
    got = taxii.run(taxii.poll(medallion.url, collections=collection))
    assert sorted(set(got.evidence().column("entry").to_pylist())) == ["203.0.113.77"]
