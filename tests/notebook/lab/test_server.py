"""The server extension: who may ask, how much, and what does not leave."""

from __future__ import annotations

import json
from http.cookies import SimpleCookie
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest

import workbench as wb
from workbench.notebook.server.sharing import shown_in
from workbench.notebook.showing.sheets import banner
from workbench.notebook.showing.tree import html
from workbench.secrecy import TLP

from .conftest import shown, stream

if TYPE_CHECKING:
    from tests.notebook.lab.conftest import Lab

ATTACKER, EXIT = "84.205.67.213", "185.246.188.74"
ENDPOINTS = [
    ("POST", "/workbench/lookup"),
    ("POST", "/workbench/extract"),
    ("GET", "/workbench/status"),
]


@pytest.mark.parametrize(("method", "path"), ENDPOINTS)
def test_nothing_is_answered_without_the_token(lab: Lab, method: str, path: str) -> None:
    body = {"addresses": [ATTACKER], "text": ATTACKER} if method == "POST" else None
    assert lab.request(method, path, body, token=False).status == 403
    assert lab.request(method, path, body).status == 200


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/workbench/profiles"), ("POST", "/workbench/profiles"), ("GET", "/workbench/investigations"),
     ("GET", "/workbench/alerts"), ("GET", "/workbench/alerts/live"),
     ("POST", "/workbench/alerts/00000000-0000-4000-8000-000000000000")],
)  # fmt: skip
def test_nothing_of_the_store_is_answered_without_the_token(lab: Lab, method: str, path: str) -> None:
    body = {"address": ATTACKER, "state": "closed"} if method == "POST" else None
    assert lab.request(method, path, body, token=False).status == 403


def test_the_authorizer_of_the_server_decides_who_reads_and_who_writes(lab: Lab) -> None:
    lookup = ("POST", "/workbench/lookup", {"addresses": [ATTACKER]})
    assert lab.request(*lookup, X_Role="reader").status == 200
    assert lab.request(*lookup, X_Role="stranger").status == 403
    made = lab.request("POST", "/workbench/profiles", {"address": ATTACKER}, X_Role="reader")
    assert made.status == 403


def test_a_session_needs_the_xsrf_token_to_post(lab: Lab) -> None:
    """The cookie alone is what another site's page could send along."""
    entered = lab.request("GET", f"/lab?token={lab.token}", token=False)
    cookies = SimpleCookie()
    for header in entered.headers.get_all("Set-Cookie"):
        cookies.load(header)
    cookie = "; ".join(f"{name}={morsel.value}" for name, morsel in cookies.items())
    body = {"addresses": [ATTACKER]}
    assert lab.request("POST", "/workbench/lookup", body, token=False, Cookie=cookie).status == 403
    wrong = lab.request("POST", "/workbench/lookup", body, token=False, Cookie=cookie, X_XSRFToken="2|0|0|1")
    assert wrong.status == 403
    right = lab.request(
        "POST", "/workbench/lookup", body, token=False, Cookie=cookie, X_XSRFToken=cookies["_xsrf"].value
    )
    assert right.status == 200


def test_a_lookup_tells_verdict_reasons_and_evidence_in_the_order_asked(lab: Lab) -> None:
    answer = lab.request("POST", "/workbench/lookup", {"addresses": ["nonsense", ATTACKER, "10.0.0.1"]})
    assert answer.headers["Content-Type"] == "application/json"
    nonsense, attacker, private = answer.json["results"]
    assert nonsense["input"] == "nonsense"
    assert nonsense["verdict"] == "invalid"
    assert nonsense["address"] is None
    assert private["verdict"] == "unroutable"
    assert attacker["verdict"] == "malicious"
    assert "known attacker" in attacker["reasons"]
    (item,) = attacker["evidence"]
    assert item["entry"] == f"{ATTACKER}/32"
    assert item["seen"].startswith("2026-10-04")
    assert answer.json["snapshot"]["id"] == attacker["snapshot"]


def test_short_lookups_give_the_same_verdicts(lab: Lab) -> None:
    addresses = [ATTACKER, EXIT, "8.8.8.8", "2001:4860:4860::8888", "192.168.1.1", "x"]
    full = lab.request("POST", "/workbench/lookup", {"addresses": addresses}).json["results"]
    short = lab.request("POST", "/workbench/lookup", {"addresses": addresses, "evidence": False}).json[
        "results"
    ]
    assert [row["verdict"] for row in short] == [row["verdict"] for row in full]
    assert [row["reputation"] for row in short] == [row["reputation"] for row in full]
    assert all("evidence" not in row for row in short)


def test_too_much_at_once_is_refused_with_the_way_that_takes_it(lab: Lab) -> None:
    many = lab.request("POST", "/workbench/lookup", {"addresses": ["1.1.1.1"] * 1001})
    assert many.status == 413
    assert "wb.triage" in many.json["message"]
    long = lab.request("POST", "/workbench/extract", {"text": "x" * (2**21 + 1)})
    assert long.status == 413
    assert "workbench triage" in long.json["message"]
    huge = lab.request("POST", "/workbench/lookup", {"addresses": ["1" * 300_000]})
    assert huge.status == 413


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b"null", b"[" * 100_000, b'{"addresses": "1.1.1.1"}', b'{"addresses": [1]}', b"\xff"],
)
def test_what_is_no_request_is_told_so(lab: Lab, body: bytes) -> None:
    answer = lab.request("POST", "/workbench/lookup", body)
    assert answer.status == 400
    assert answer.json["message"]


def test_extract_finds_what_is_defanged_and_tells_what_is_malformed(lab: Lab) -> None:
    text = "hxxp://84[.]205[.]67[.]213:443/ and 10.0.0.0/8\n999.1.1.1\n\ud800 1.2.3.4"
    found = lab.request("POST", "/workbench/extract", json.dumps({"text": text}).encode()).json
    assert {(row["address"], row["kind"]) for row in found["found"]} == {
        (ATTACKER, "address"), ("10.0.0.0/8", "network"), ("1.2.3.4", "address"),
    }  # fmt: skip
    assert found["malformed"] == [{"line": 2, "text": "999.1.1.1"}]


DOORS = ["/files/{}", "/files/{}?download=1", "/files/{}/.", "/files/./{}", "/nbconvert/html/{}?download=true", "/nbconvert/script/{}"]  # fmt: skip


@pytest.mark.parametrize("door", DOORS)
def test_a_notebook_above_the_limit_leaves_by_no_door_of_the_server(lab: Lab, door: str) -> None:
    held = lab.write("held.ipynb", ("print(1)", []), tlp="TLP:AMBER")
    free = lab.write("free.ipynb", ("print(1)", []), tlp="TLP:GREEN")
    refused = lab.request("GET", door.format(held))
    assert refused.status == 403
    assert "TLP:AMBER" in refused.text
    assert "print(1)" not in refused.text
    assert lab.request("GET", door.format(free)).status == 200
    assert lab.request("HEAD", f"/files/{held}").status == 403


def test_a_notebook_sent_to_be_exported_is_judged_by_its_own_marking(lab: Lab) -> None:
    def sent(tlp: str) -> int:
        content = {"cells": [], "metadata": {"workbench": {"tlp": tlp}}, "nbformat": 4, "nbformat_minor": 5}
        body = {"name": "a.ipynb", "content": content}
        return lab.request("POST", "/nbconvert/html", body).status

    assert sent("TLP:RED") == 403
    assert sent("amber+strict") == 403
    assert sent("TLP:GREEN") == 200
    assert sent("WHITE") == 200


@pytest.mark.parametrize("door", DOORS)
def test_a_notebook_that_nobody_marked_is_held_for_what_it_shows(lab: Lab, door: str) -> None:
    card = shown(text__html=f"<div>{html(banner(TLP.AMBER_STRICT))}</div>")
    green = shown(text__html=[html(banner(TLP.GREEN))])
    held = lab.write("shows.ipynb", ("case.profiles.list()", [green, card]))
    refused = lab.request("GET", door.format(held))
    assert refused.status == 403
    assert "is not marked and shows TLP:AMBER+STRICT" in refused.text
    free = lab.write("shows-green.ipynb", ("case.profiles.list()", [green, stream("TLP:RED is a level")]))
    assert lab.request("GET", door.format(free)).status == 200
    # Whoever marks it has decided.
    decided = lab.write("decided.ipynb", ("case.profiles.list()", [card]), tlp="TLP:GREEN")
    assert lab.request("GET", door.format(decided)).status == 200


@pytest.mark.parametrize("level", list(TLP))
def test_what_profiles_and_maps_show_is_known_by_their_label(level: TLP) -> None:
    drawn = wb.map(["8.8.8.8"], tlp=level)._repr_html_()
    for text in (html(banner(level)), drawn):
        cell = {"outputs": [{"data": {"text/html": text.splitlines(keepends=True)}}]}
        assert shown_in({"cells": [{"source": "1"}, cell]}) == level
    assert shown_in({"cells": [{"outputs": [{"data": {"text/html": "<p>TLP:RED</p>"}}, {"data": None}, 1]}, None]}) is None  # fmt: skip
    assert shown_in({"cells": {}}) is None


@pytest.mark.parametrize(
    ("marking", "status"),
    [("clear", 200), ("TLP:WHITE", 200), ("TLP:PURPLE", 403), ("", 403), (7, 403), (None, 200)],
)
def test_a_marking_that_is_no_label_counts_as_red(lab: Lab, marking: object, status: int) -> None:
    lab.write("odd.ipynb", tlp="x")
    file = lab.folder / "odd.ipynb"
    file.write_text(file.read_text().replace('"tlp": "x"', f'"tlp": {json.dumps(marking)}'))
    assert lab.request("GET", "/files/odd.ipynb").status == status


def test_the_users_setting_moves_the_limit(lab: Lab) -> None:
    held = lab.write("held.ipynb", tlp="TLP:AMBER")
    setting = f"/lab/api/settings/{quote('ip-workbench:plugin')}"
    try:
        for limit, status in (("TLP:AMBER", 200), ("TLP:CLEAR", 403), ("TLP:RED", 200)):
            saved = lab.request("PUT", setting, {"raw": json.dumps({"shareUpTo": limit})})
            assert saved.status == 204, saved.text
            assert lab.request("GET", f"/files/{held}").status == status
    finally:
        lab.request("PUT", setting, {"raw": "{}"})
    assert lab.request("GET", f"/files/{held}").status == 403


def test_other_files_and_missing_ones_are_served_as_before(lab: Lab) -> None:
    (lab.folder / "log.txt").write_text("1.2.3.4")
    assert lab.request("GET", "/files/log.txt").text == "1.2.3.4"
    assert lab.request("GET", "/files/none.ipynb").status == 404
    login = lab.request("GET", "/files/log.txt", token=False)
    assert "1.2.3.4" not in login.text
