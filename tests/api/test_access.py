"""Who is let in, as whom, and from where; over HTTP. The database decides what she sees."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import jwt
import pytest
import strawberry
from cryptography.hazmat.primitives.asymmetric import rsa
from psycopg import sql
from strawberry.types import Info

from workbench.api.context import Context
from workbench.api.guards import guarded_schema
from workbench.api.settings import Oidc, networks

GERMAN, DUTCH, NOWHERE = "185.220.101.4", "193.0.6.139", "192.0.2.1"
ME = {"query": "{ me { role } }"}


async def _seen(info: Info[Context, None]) -> list[str]:
    rows = await info.context.run(
        lambda store: store.rows(
            "profiles", "SELECT host(address) || ' ' || current_user FROM profiles ORDER BY 1"
        )
    )
    return [row[0] for row in rows]


async def _from(info: Info[Context, None]) -> str:
    client = info.context.client
    return f"{client.address} {client.country}"


async def _me(info: Info[Context, None]) -> str:
    return info.context.member.role


@strawberry.type
class Query:
    seen: list[str] = strawberry.field(resolver=_seen)
    origin: str = strawberry.field(resolver=_from)
    role: str = strawberry.field(resolver=_me)


@pytest.fixture(scope="module")
def gate(serve: Any) -> Any:
    """Behind a proxy on this machine, with a schema that tells what a request knows."""
    return serve(guarded_schema(Query), trusted_proxies=networks("127.0.0.1"), pool_size=3)


@pytest.fixture(scope="module", autouse=True)
def _profiles(api_town: Any) -> None:
    ines, pia = api_town.store("ines"), api_town.store("pia")
    ines.profiles.create("203.0.113.1", secrecy="red")
    ines.profiles.create("203.0.113.2", secrecy="amber")
    pia.profiles.create("203.0.113.3", secrecy="amber")
    pia.profiles.create("203.0.113.4", secrecy="green")


@pytest.fixture
def restricted(api_town: Any) -> Iterator[str]:
    """Ida may ask from Germany only."""
    with api_town.administration() as administration:
        administration.add_member(api_town.role("ida"), "cert", "red", countries=["DE"])
    yield "ida"
    with api_town.administration() as administration:
        administration.add_member(api_town.role("ida"), "cert", "red")


def asked(api: Any, name: str, **headers: str) -> Any:
    return api.client(name, **{key.replace("_", "-"): value for key, value in headers.items()}).post(
        "/graphql", json={"query": "{ role origin seen }"}
    )


def test_each_member_sees_hers_over_the_same_connections(gate: Any) -> None:
    """Many at once over three connections: no role is left behind for the next."""
    wanted = {
        "ines": ["203.0.113.1", "203.0.113.2", "203.0.113.4"], "ida": ["203.0.113.2", "203.0.113.4"],
        "otto": ["203.0.113.4"], "clara": ["203.0.113.2"], "pia": ["203.0.113.3", "203.0.113.4"],
    }  # fmt: skip
    clients = {name: gate.client(name) for name in wanted}

    def ask(name: str) -> tuple[str, Any]:
        return name, clients[name].post("/graphql", json={"query": "{ seen }"}).json()["data"]["seen"]

    with ThreadPoolExecutor(10) as threads:
        for name, seen in threads.map(ask, [*wanted] * 20):
            role = gate.town.role(name)
            assert seen == [f"{address} {role}" for address in wanted[name]]


@pytest.mark.parametrize("role", ["postgres", "workbench_owner", "workbench_warden", "workbench_member", "workbench_api", "pg_read_all_data", "nobody_at_all", '"; SET ROLE postgres; --', "none", "", "ünïcode\x00"])  # fmt: skip
def test_a_token_for_a_role_that_is_no_member_is_refused(gate: Any, role: str) -> None:
    token = gate.ring.create(role, audience=gate.settings.audience)
    answer = gate.client(authorization=f"Bearer {token}").post("/graphql", json={"query": "{ role }"})
    assert answer.status_code == 403, answer.text
    assert answer.json()["errors"][0]["extensions"]["code"] == "FORBIDDEN"


def test_nor_for_the_login_of_the_server_itself(gate: Any) -> None:
    assert asked(gate, "gate").status_code == 403


def test_a_suspended_member_is_refused_within_seconds_and_sees_nothing_at_once(gate: Any) -> None:
    with gate.town.administration() as administration:
        assert asked(gate, "otto").json()["data"]["seen"]
        administration.suspend_member(gate.town.role("otto"))
        try:
            answer = asked(gate, "otto")
            assert answer.status_code == 403 or answer.json()["data"]["seen"] == []
            gate.app.state.services.admission.forget()
            assert asked(gate, "otto").status_code == 403
        finally:
            administration.add_member(gate.town.role("otto"), "cert", "green")
            gate.app.state.services.admission.forget()


@pytest.mark.parametrize(
    "header", ["", "Bearer", "bearer x", "Basic aW5lczp4", "Token x", "Bearer a.b.c", "Bearer " + "x" * 9000, "Bearer ünïcode"]
)  # fmt: skip
def test_what_is_no_token_is_refused(gate: Any, header: str) -> None:
    answer = gate.client().post("/graphql", json=ME, headers={"authorization": header.encode()})
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == 'Bearer realm="ip-workbench"'


def test_a_token_in_the_url_is_not_looked_at(gate: Any) -> None:
    token = gate.token("ines")
    assert (
        gate.client().get("/graphql", params={"query": "{ role }", "access_token": token}).status_code == 401
    )


# ---- countries


def test_a_member_with_a_list_of_countries_is_let_in_from_there_only(gate: Any, restricted: str) -> None:
    gate.app.state.services.admission.forget()
    answer = asked(gate, restricted, x_forwarded_for=GERMAN)
    assert answer.status_code == 200, answer.text
    assert answer.json()["data"]["origin"] == f"{GERMAN} DE"
    refused = asked(gate, restricted, x_forwarded_for=DUTCH)
    assert refused.status_code == 403
    assert "from NL" in refused.json()["errors"][0]["message"]
    assert asked(gate, "ines", x_forwarded_for=DUTCH).status_code == 200, "others may ask from anywhere"


@pytest.mark.parametrize("headers", [{"x_forwarded_for": NOWHERE}, {}, {"forwarded": "for=_hidden"}, {"x_forwarded_for": "garbage"}, {"x_forwarded_for": GERMAN, "forwarded": f"for={DUTCH}"}])  # fmt: skip
def test_an_unknown_country_is_no_country_of_the_list(
    gate: Any, restricted: str, headers: dict[str, str]
) -> None:
    gate.app.state.services.admission.forget()
    assert asked(gate, restricted, **headers).status_code == 403


@pytest.mark.parametrize(
    "headers",
    [
        {"x_forwarded_for": f"{GERMAN}, {DUTCH}"},
        {"x_forwarded_for": f"{GERMAN}, 127.0.0.1, {DUTCH}"},
        {"forwarded": f"for={GERMAN}, for={DUTCH}"},
        {"forwarded": f'for={GERMAN};x=", for={DUTCH}'},
        {"x_forwarded_for": DUTCH, "x_real_ip": GERMAN, "true_client_ip": GERMAN, "cf_connecting_ip": GERMAN, "client_ip": GERMAN, "x_client_ip": GERMAN, "x_forwarded": f"for={GERMAN}", "x_cluster_client_ip": GERMAN},
    ],
)  # fmt: skip
def test_a_client_elsewhere_does_not_become_german_by_headers(gate: Any, restricted: str, headers: dict[str, str]) -> None:  # fmt: skip
    """The right-most hop is what the proxy added."""
    gate.app.state.services.admission.forget()
    assert asked(gate, restricted, **headers).status_code == 403


def test_without_a_trusted_proxy_no_header_counts(serve: Any, restricted: str) -> None:
    bare = serve(guarded_schema(Query))
    assert asked(bare, restricted, x_forwarded_for=GERMAN).status_code == 403
    assert asked(bare, restricted, forwarded=f"for={GERMAN}").status_code == 403
    assert asked(bare, "ines", x_forwarded_for=GERMAN).json()["data"]["origin"] == "127.0.0.1 None"


# ---- the login


@pytest.mark.parametrize(("name", "why"), [("ines", "is a member herself"), ("postgres", "is a superuser")])
def test_a_login_that_sees_anything_itself_is_not_served_with(api_town: Any, name: str, why: str) -> None:
    from workbench.store import StoreError
    from workbench.store.serving.acting import Pool

    url = api_town.url if name == "postgres" else api_town.url_of(name)
    with pytest.raises(StoreError, match=why):
        Pool(url)


def test_a_login_that_may_act_for_nobody_is_told_how_to_mend_it(api_town: Any) -> None:
    from workbench.store import StoreError
    from workbench.store.serving.acting import Pool

    role = f"stranger_{api_town.number}"
    with api_town.superuser() as con:
        con.execute(sql.SQL("CREATE ROLE {} LOGIN").format(sql.Identifier(role)))
    try:
        with pytest.raises(StoreError, match="workbench store api-login"):
            Pool(api_town.url_of("stranger"))
    finally:
        with api_town.superuser() as con:
            con.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(role)))


def test_a_member_is_not_made_a_login_of_the_server(api_town: Any) -> None:
    from workbench.store import StoreError

    with api_town.administration() as administration, pytest.raises(StoreError, match="a role of its own"):
        administration.add_api_login(api_town.role("ines"))


# ---- an OpenID provider


def test_a_member_comes_with_a_token_of_the_provider(serve: Any, api_town: Any, tmp_path: Path) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    public = {**jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key(), as_dict=True), "kid": "k1", "use": "sig"}
    (tmp_path / "jwks.json").write_text(json.dumps({"keys": [public]}))
    oidc = Oidc("https://login.example", "workbench", str(tmp_path / "jwks.json"), claim="email", roles={"ines@cert.example": api_town.role("ines")})  # fmt: skip
    api = serve(guarded_schema(Query), oidc=oidc)
    now = int(time.time())

    def asked_by(email: str, audience: str = "workbench") -> Any:
        claims = {
            "iss": oidc.issuer,
            "aud": audience,
            "sub": "17",
            "email": email,
            "iat": now,
            "exp": now + 600,
        }
        token = jwt.encode(claims, key, "RS256", headers={"kid": "k1"})
        return api.client(authorization=f"Bearer {token}").post("/graphql", json={"query": "{ role }"})

    assert asked_by("ines@cert.example").json()["data"] == {"role": api_town.role("ines")}
    assert asked_by("eve@evil.example").status_code == 401
    assert asked_by("ines@cert.example", "another").status_code == 401
    assert asked(api, "ida").status_code == 200, "our own tokens hold beside it"
