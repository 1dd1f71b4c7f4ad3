"""What online providers say of a profile becomes evidence of it; a server on this machine plays them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from tests.intel.providers.conftest import Service
from workbench.intel import providers as room
from workbench.intel.providers.provider import ProviderError, Rate
from workbench.store import Evidence, StoreError


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[Service]:
    playing = Service()
    for name in ("internetdb", "abuseipdb"):
        quick = replace(room.PROVIDERS[name], url=playing.url, rate=Rate(1000, 1.0, burst=1000))
        monkeypatch.setitem(room.PROVIDERS, name, quick)
    monkeypatch.delenv("WORKBENCH_ABUSEIPDB_KEY", raising=False)
    yield playing
    playing.ended.set()
    playing.server.shutdown()
    playing.server.server_close()


def _answer(address: str, *tags: str) -> dict[str, Any]:
    return {"ip": address, "ports": [22], "tags": list(tags), "hostnames": [], "vulns": [], "cpes": []}


def test_what_a_provider_says_replaces_what_it_said_before(town: Any, service: Service) -> None:
    store, address = town.store("ines"), f"45.33.{town.number % 250}.1"
    made = store.profiles.create(address, notes="mine")
    store.evidence.add(made, Evidence("sensor 4", "attacker"))
    service.says(_answer(address, "tor", "c2"))
    again = store.profiles.enrich(made, providers=["internetdb"])
    assert again == made  # the verdict is still that of its snapshot
    found = {(e.source, e.category, e.label, e.confidence) for e in store.evidence.of(made)}
    assert found == {("sensor 4", "attacker", None, None), ("internetdb", "tor", None, None), ("internetdb", "attacker", "c2", 0.8)}  # fmt: skip
    assert all(e.licence and e.last_seen for e in store.evidence.of(made) if e.source == "internetdb")

    store.profiles.enrich(made, providers=["internetdb"])
    assert len(service.requests) == 1  # its answer was at hand
    assert len(store.evidence.of(made)) == 3
    service.says(_answer(address, "vpn"))
    store.profiles.enrich(made, providers=["internetdb"], force_refresh=True)
    assert len(service.requests) == 2
    assert {(e.source, e.category) for e in store.evidence.of(made)} == {("sensor 4", "attacker"), ("internetdb", "vpn")}  # fmt: skip
    assert any(act.action == "remove" and "c2" in str(act.detail) for act in store.audit.of(made))


def test_a_provider_that_fails_is_warned_of_and_costs_the_others_nothing(town: Any, service: Service) -> None:
    store, address = town.store("ines"), f"45.33.{town.number % 250}.2"
    made = store.profiles.create(address)
    service.says(_answer(address, "tor"))
    with pytest.warns(UserWarning, match="abuseipdb: .*key"):
        store.profiles.enrich(made, providers=["abuseipdb", "internetdb"])
    assert [(e.source, e.category) for e in store.evidence.of(made)] == [("internetdb", "tor")]
    service.says((404, {}))
    store.profiles.enrich(store.profiles.get(made.id), providers=["internetdb"], force_refresh=True)
    assert store.evidence.of(made) == []


def test_nobody_is_told_of_what_is_above_amber_or_not_hers(town: Any, service: Service) -> None:
    ines = town.store("ines")
    service.says(_answer("45.33.32.3", "tor"))
    strict = ines.profiles.create("45.33.32.3", secrecy="amber+strict")
    with pytest.raises(StoreError, match=r"TLP:AMBER\+STRICT, and asking a provider tells it"):
        ines.profiles.enrich(strict, providers=["internetdb"])
    shown = ines.profiles.create("45.33.32.3", secrecy="green")
    pia = town.store("pia")
    with pytest.raises(PermissionError, match="another organisation's"):
        pia.profiles.enrich(pia.profiles.get(shown.id), providers=["internetdb"])
    with pytest.raises(ProviderError, match="no provider 'nobody'"):
        ines.profiles.enrich(shown, providers=["nobody"])
    assert service.requests == []
