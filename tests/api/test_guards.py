"""What the server refuses, and what it tells nobody."""

from __future__ import annotations

import hashlib
import json
import logging
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
import strawberry
from strawberry.types import Info

from workbench.api.context import Context
from workbench.api.guards import guarded_schema
from workbench.api.logs import JsonLines
from workbench.store import Conflict, NotFound, Unreachable

SECRET = "203.0.113.66 is the victim"
DONE: list[str] = []


async def _item(number: int = 0) -> Item:
    return Item(number=number)


async def _items(first: int = 10) -> list[Item]:
    return [Item(number=number) for number in range(min(first, 3))]


async def _look_up(addresses: list[str]) -> list[Item]:
    return [Item(number=number) for number, _ in enumerate(addresses[:3])]


def _maybe_done() -> Unreachable:
    error = Unreachable(f"the connection to db.internal was lost: {SECRET}")
    error.maybe_done = True
    return error


async def _fail(info: Info[Context, None], how: str) -> str:
    errors: dict[str, Exception] = {
        "surprise": RuntimeError(SECRET), "missing": NotFound("profile x: not found, or not for you"), "conflict": Conflict("changed"),
        "perhaps": _maybe_done(), "away": Unreachable(f"the server cannot be reached at db.internal:5432: {SECRET}"), "file": PermissionError(13, SECRET),
    }  # fmt: skip
    if how == "database":
        await info.context.run(lambda store: store.rows("x", "SELECT 1 / 0 AS x WHERE %s <> ''", (SECRET,)))
    raise errors[how]


async def _sleep(info: Info[Context, None], seconds: float) -> str:
    await info.context.run(lambda store: store.rows("a rest", "SELECT pg_sleep(%s)", (seconds,)))
    return "rested"


def _do(what: str) -> str:
    DONE.append(what)
    return what


@strawberry.type
class Connection:
    edges: list[Edge]


@strawberry.type
class Edge:
    node: Item


async def _page(first: int = 50) -> Connection:
    return Connection(edges=[Edge(node=Item(number=number)) for number in range(min(first, 2))])


@strawberry.type
class Item:
    number: int
    item: Item = strawberry.field(resolver=_item)
    items: list[Item] = strawberry.field(resolver=_items)
    page: Connection = strawberry.field(resolver=_page)


@strawberry.type
class Query:
    item: Item = strawberry.field(resolver=_item)
    items: list[Item] = strawberry.field(resolver=_items)
    page: Connection = strawberry.field(resolver=_page)
    look_up: list[Item] = strawberry.field(resolver=_look_up)
    fail: str | None = strawberry.field(resolver=_fail)
    sleep: str | None = strawberry.field(resolver=_sleep)


@strawberry.type
class Mutation:
    do: str = strawberry.mutation(resolver=_do)


SCHEMA = guarded_schema(Query, mutation=Mutation)


@pytest.fixture(scope="module")
def guarded(serve: Any) -> Any:
    return serve(SCHEMA, limits={"depth": 8, "aliases": 5, "cost": 2000, "body_bytes": 20_000, "batch": 3})  # fmt: skip


@pytest.fixture(scope="module")
def hasty(serve: Any) -> Any:
    """Where a request may take two seconds."""
    return serve(SCHEMA, limits={"request_seconds": 2})


def ask(api: Any, query: str | None = None, variables: Any = None, **more: Any) -> Any:
    return api.client("ines").post("/graphql", json={"query": query, "variables": variables, **more})


def code(answer: Any) -> str:
    return answer.json()["errors"][0]["extensions"]["code"]


def refused(answer: Any) -> str:
    assert code(answer) == "TOO_HEAVY", answer.text
    assert "data" not in answer.json()
    return answer.json()["errors"][0]["message"]


# ---- what an operation may ask for


def test_depth_is_bounded_through_fragments_too(guarded: Any) -> None:
    assert ask(guarded, "{ item { item { item { item { item { item { number } } } } } } }").json()["data"]
    assert "9 levels" in refused(ask(guarded, "{ item { item { item { item { item { item { item { item { number } } } } } } } } }"))  # fmt: skip
    hidden = "{ ...a } fragment a on Query { item { item { item { ...b } } } } fragment b on Item { ... on Item { item { item { item { item { item { number } } } } } } }"  # fmt: skip
    assert "9 levels" in refused(ask(guarded, hidden))


def test_a_fragment_in_a_circle_is_refused_by_validation(guarded: Any) -> None:
    answer = ask(guarded, "{ item { ...a } } fragment a on Item { item { ...b } } fragment b on Item { item { ...a } }")  # fmt: skip
    assert "Cannot spread fragment" in answer.json()["errors"][0]["message"]


def test_fragments_that_double_are_weighed_at_once(guarded: Any) -> None:
    """2^40 objects, in a document of two thousand characters."""
    text = "{ item { ...f0 } } " + "".join(f"fragment f{n} on Item {{ a: item {{ ...f{n + 1} }} b: item {{ ...f{n + 1} }} }} " for n in range(40))  # fmt: skip
    refused(ask(guarded, text + "fragment f40 on Item { number }"))


def test_aliases_are_bounded(guarded: Any) -> None:
    assert ask(guarded, "{ " + " ".join(f"a{n}: item {{ number }}" for n in range(5)) + " }").json()["data"]
    assert "6 aliases" in refused(ask(guarded, "{ " + " ".join(f"a{n}: item {{ number }}" for n in range(6)) + " }"))  # fmt: skip


@pytest.mark.parametrize(
    ("query", "variables"),
    [
        ("{ items(first: 3000) { number } }", None),
        ("query ($n: Int!) { items(first: $n) { number } }", {"n": 3000}),
        ("query ($n: Int! = 3000) { items(first: $n) { number } }", None),
        ("{ items(first: 50) { items(first: 50) { number } } }", None),
        ("{ items { items { items { items { number } } } } }", None),
        ("{ page(first: 2000) { edges { node { number } } } }", None),
        ("{ page { edges { node { page { edges { node { number } } } } } } }", None),
        ("query ($a: [String!]!) { lookUp(addresses: $a) { number } }", {"a": ["x"] * 2001}),
        ("query ($a: [String!]!) { lookUp(addresses: $a) { items { number } } }", {"a": ["1.1.1.1"] * 201}),
        ("{ items(first: 99999999999999999999999) { number } }", None),
    ],
)
def test_cost_is_the_objects_that_may_come_back(guarded: Any, query: str, variables: Any) -> None:
    assert "objects" in refused(ask(guarded, query, variables))


@pytest.mark.parametrize(
    ("query", "variables"),
    [
        ("{ items(first: 1900) { number } }", None),
        ("{ page(first: 600) { edges { node { number } } } }", None),
        (
            "query ($a: [String!]!) { lookUp(addresses: $a) { number item { number } } }",
            {"a": ["1.1.1.1"] * 900},
        ),
        ("{ items(first: 0) { items(first: 100000) { number } } }", None),
    ],
)
def test_what_is_affordable_is_answered(guarded: Any, query: str, variables: Any) -> None:
    assert "data" in ask(guarded, query, variables).json()


def test_a_document_of_too_many_words_is_not_read(guarded: Any) -> None:
    answer = ask(guarded, "{ item { " + "number " * 6000 + "} }", None)
    assert answer.status_code == 413 or "token" in answer.json()["errors"][0]["message"].lower()
    nested = ask(guarded, "{ item " * 900 + "{ number" + " }" * 901)
    assert nested.json()["errors"]


def test_batches_are_bounded(guarded: Any) -> None:
    client = guarded.client("ines")
    one = {"query": "{ item { number } }"}
    answer = client.post("/graphql", json=[one, {"query": "{ nothing }"}, one])
    assert [sorted(each) for each in answer.json()] == [["data"], ["errors"], ["data"]]
    for batch in ([], [one] * 4, [one, 7]):
        assert client.post("/graphql", json=batch).status_code == 400


def test_bodies_are_bounded_whether_they_tell_their_length_or_not(guarded: Any) -> None:
    assert code(ask(guarded, "{ item { number } }" + " " * 30_000)) == "TOO_LARGE"
    client = guarded.client("ines")

    def parts() -> Iterator[bytes]:
        yield b'{"query": "'
        for _ in range(100):
            yield b" " * 1000

    answer = client.post("/graphql", content=parts(), headers={"content-type": "application/json"})
    assert answer.status_code == 413


def test_a_body_that_does_not_come_is_not_waited_for(hasty: Any) -> None:
    host, port = hasty.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=60) as slow:
        slow.sendall(
            f"POST /graphql HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {hasty.token('ines')}\r\n"
            "Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{".encode()
        )
        assert slow.recv(100).startswith(b"HTTP/1.1 408")


def test_what_takes_too_long_is_given_up_here_and_in_the_database(hasty: Any) -> None:
    answer = ask(hasty, "{ sleep(seconds: 60) }")
    assert code(answer) == "TIMEOUT"
    deadline = time.monotonic() + 60
    with hasty.town.superuser() as con:
        while con.execute("SELECT count(*) FROM pg_stat_activity WHERE usename = %s AND state = 'active'", (hasty.town.role("gate"),)).fetchone()[0]:  # fmt: skip
            assert time.monotonic() < deadline
            time.sleep(0.1)
    while ask(hasty, "{ sleep(seconds: 0) }").json()["data"] != {"sleep": "rested"}:
        assert time.monotonic() < deadline


def test_operations_of_a_member_are_counted_and_others_do_not_wait_for_her(serve: Any) -> None:
    api = serve(SCHEMA, limits={"per_minute": 30})
    ines, ida = api.client("ines"), api.client("ida")
    answers = [ines.post("/graphql", json={"query": "{ item { number } }"}) for _ in range(10)]
    late = [answer for answer in answers if answer.status_code == 429]
    assert 2 <= len(late) <= 4
    assert code(late[0]) == "RATE_LIMITED"
    assert int(late[0].headers["retry-after"]) >= 1
    assert ida.post("/graphql", json={"query": "{ item { number } }"}).status_code == 200
    assert ida.post("/graphql", json=[{"query": "{ item { number } }"}] * 6).status_code == 429, (
        "a batch counts each"
    )


def test_requests_of_taxii_are_counted_once_each(serve: Any) -> None:
    api = serve(SCHEMA, limits={"per_minute": 30})
    otto = api.client("otto")
    answers = [otto.get("/taxii2/") for _ in range(12)]
    assert [answer.status_code for answer in answers[:6]] == [200] * 6
    late = next(answer for answer in answers if answer.status_code == 429)
    assert late.headers["content-type"] == "application/taxii+json;version=2.1"
    assert late.json()["http_status"] == "429"
    assert int(late.headers["retry-after"]) >= 1


# ---- how it is asked


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/graphql", "", "application/jsonx", "application/json; charset=utf-16"])  # fmt: skip
def test_content_types_that_a_form_could_send_are_refused(guarded: Any, kind: str) -> None:
    body = json.dumps({"query": 'mutation { do(what: "forged") }'}).encode()
    headers = {"content-type": kind} if kind else {}
    answer = guarded.client("ines").post("/graphql", content=body, headers=headers)
    assert answer.status_code == 415
    assert "forged" not in DONE


def test_mutations_are_not_done_by_get(guarded: Any) -> None:
    client = guarded.client("ines")
    for query in (
        'mutation { do(what: "got") }',
        'query q { item { number } } mutation m { do(what: "got") }',
    ):
        answer = client.get(
            "/graphql", params={"query": query, "operationName": "m" if "query q" in query else ""}
        )
        assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
    assert "got" not in DONE
    assert client.post("/graphql", json={"query": 'mutation { do(what: "posted") }'}).json()["data"] == {
        "do": "posted"
    }
    assert client.get("/graphql", params={"query": "query ($n: Int!) { item(number: $n) { number } }", "variables": '{"n": 7}'}).json()["data"]["item"]["number"] == 7  # fmt: skip


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "TRACE"])
def test_other_methods_are_refused(guarded: Any, method: str) -> None:
    assert guarded.client("ines").request(method, "/graphql").status_code == 405


@pytest.mark.parametrize("variables", ["[", '{"n":', "7"])
def test_parameters_that_are_no_json_are_named(guarded: Any, variables: str) -> None:
    answer = guarded.client("ines").get("/graphql", params={"query": "{ item { number } }", "variables": variables})  # fmt: skip
    assert answer.status_code == 400
    assert "variables" in answer.json()["errors"][0]["message"]


@pytest.mark.parametrize("body", [b"", b"{", b"\xff\xfe", b"[" * 15_000, b"7", b'"x"', b"null", b'{"query": "\\ud800"}', b'{"a": ' * 3000])  # fmt: skip
def test_a_body_that_is_no_request_is_refused(guarded: Any, body: bytes) -> None:
    answer = guarded.client("ines").post(
        "/graphql", content=body, headers={"content-type": "application/json"}
    )
    assert answer.status_code in (200, 400), answer.text
    assert answer.json()["errors"]


def test_no_page_of_another_origin_may_read_unless_it_is_listed(guarded: Any, serve: Any) -> None:
    listed = serve(SCHEMA, origins=("https://portal.example",))
    preflight = {"access-control-request-method": "POST", "access-control-request-headers": "authorization, content-type"}  # fmt: skip
    for api, origin, allowed in (
        (guarded, "https://portal.example", False), (listed, "https://evil.example", False), (listed, "null", False),
        (listed, "https://portal.example", True), (listed, "https://portal.example.evil.example", False),
    ):  # fmt: skip
        answer = api.client().options("/graphql", headers={"origin": origin, **preflight})
        assert (answer.headers.get("access-control-allow-origin") == origin) is allowed
        posted = api.client("ines").post("/graphql", json={"query": "{ item { number } }"}, headers={"origin": origin})  # fmt: skip
        assert (posted.headers.get("access-control-allow-origin") == origin) is allowed
        assert "access-control-allow-credentials" not in posted.headers


def test_every_answer_has_the_headers_that_protect_it(guarded: Any) -> None:
    for answer in (ask(guarded, "{ item { number } }"), guarded.client().get("/graphql"), guarded.client().get("/nowhere"), guarded.client("ines").get("/nowhere"), guarded.client().get("/healthz")):  # fmt: skip
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["x-frame-options"] == "DENY"
        assert answer.headers["cache-control"] == "no-store"
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert "server" not in answer.headers


# ---- introspection and persisted queries


def test_the_schema_can_be_asked_for_unless_that_is_switched_off(guarded: Any, serve: Any) -> None:
    from graphql import get_introspection_query

    assert ask(guarded, get_introspection_query()).json()["data"]["__schema"]["types"]
    closed = serve(SCHEMA, introspection=False)
    for query in (get_introspection_query(), '{ __type(name: "Item") { name } }'):
        answer = ask(closed, query).json()
        assert "data" not in answer
        assert "introspection" in answer["errors"][0]["message"]
    assert ask(closed, "{ __typename }").json() == {"data": {"__typename": "Query"}}
    assert "Did you mean" in ask(guarded, "{ itemz { number } }").text
    assert "Did you mean" not in ask(closed, "{ itemz { number } }").text


def test_a_query_is_registered_by_its_hash_and_asked_by_it(guarded: Any) -> None:
    query = "{ item(number: 3) { number } }"
    extensions = {"persistedQuery": {"version": 1, "sha256Hash": hashlib.sha256(query.encode()).hexdigest()}}
    first = ask(guarded, extensions=extensions)
    assert code(first) == "PERSISTED_QUERY_NOT_FOUND"
    assert ask(guarded, query, extensions=extensions).json()["data"]["item"]["number"] == 3
    assert ask(guarded, extensions=extensions).json()["data"]["item"]["number"] == 3
    wrong = ask(guarded, "{ item { number } }", extensions=extensions)
    assert (wrong.status_code, "hash" in wrong.text) == (400, True)
    for odd in ({"persistedQuery": 7}, {"persistedQuery": {"sha256Hash": 7}}, {"persistedQuery": {}}):
        assert ask(guarded, extensions=odd).status_code == 400


def test_where_queries_are_listed_no_other_is_answered(serve: Any, tmp_path: Path) -> None:
    query = "{ item(number: 3) { number } }"
    digest = hashlib.sha256(query.encode()).hexdigest()
    listed = tmp_path / "queries.json"
    listed.write_text(json.dumps({digest: query}))
    api = serve(SCHEMA, queries=listed)
    assert ask(api, query).json()["data"]["item"]["number"] == 3
    assert (
        ask(api, extensions={"persistedQuery": {"sha256Hash": digest}}).json()["data"]["item"]["number"] == 3
    )
    assert (ask(api, "{ item { number } }").status_code, code(ask(api, "{ item { number } }"))) == (403, "QUERY_NOT_ALLOWED")  # fmt: skip
    listed.write_text(json.dumps({digest: "{ item { number } }"}))
    with pytest.raises(ValueError, match="is not the SHA-256"):
        serve(SCHEMA, queries=listed)


# ---- what is told


@pytest.mark.parametrize(
    ("how", "wanted"),
    [("surprise", "INTERNAL"), ("database", "BAD_USER_INPUT"), ("file", "INTERNAL"), ("missing", "NOT_FOUND"), ("conflict", "CONFLICT"), ("away", "UNAVAILABLE"), ("perhaps", "OUTCOME_UNKNOWN")],
)  # fmt: skip
def test_errors_are_told_where_they_can_be_mended_and_masked_where_not(
    guarded: Any, how: str, wanted: str
) -> None:
    answer = ask(guarded, "query ($how: String!) { fail(how: $how) item { number } }", {"how": how})
    assert answer.json()["data"] == {"fail": None, "item": {"number": 0}}
    error = answer.json()["errors"][0]
    assert (error["extensions"]["code"], error["path"]) == (wanted, ["fail"])
    assert "victim" not in answer.text
    assert "db.internal" not in answer.text
    assert "Traceback" not in answer.text


@pytest.mark.parametrize(
    ("query", "variables", "says"),
    [
        ("{ item { number }", None, "Syntax Error"),
        ("{ nothing }", None, "Cannot query field"),
        ("{ item(number: true) { number } }", None, "Int cannot represent"),
        ("query ($n: Int!) { item(number: $n) { number } }", {}, "non-null type"),
        ("query ($n: Int!) { item(number: $n) { number } }", {"n": "x"}, "invalid value"),
        (
            "query a { item { number } } query b { item { number } }",
            None,
            "2 operations: say by operationName which",
        ),
    ],
)
def test_an_error_of_the_document_has_a_code_as_every_other(
    guarded: Any, query: str, variables: Any, says: str
) -> None:
    (error,) = ask(guarded, query, variables).json()["errors"]
    assert error["extensions"] == {"code": "BAD_USER_INPUT"}
    assert says in error["message"]


def test_the_log_knows_the_id_of_an_error_and_no_content(
    guarded: Any, caplog: pytest.LogCaptureFixture
) -> None:
    lines: list[str] = []

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(JsonLines().format(record))

    keep = Keep()
    for name in ("workbench.api", "uvicorn.error", ""):
        logging.getLogger(name).addHandler(keep)
    try:
        client = guarded.client("ines")
        query = f'query victims ($how: String!) {{ fail(how: $how) lookUp(addresses: ["{SECRET}"]) {{ number }} }}'
        failed = client.post("/graphql", json={"query": query, "variables": {"how": "surprise"}}).json()
        client.post("/graphql", json={"query": query, "variables": {"how": SECRET}})
        client.post("/graphql", json={"query": query, "variables": {"how": [SECRET]}})
        client.get("/graphql", params={"query": f'{{ lookUp(addresses: ["{SECRET}"]) {{ number }} }}'})
        client.get(f"/{SECRET}")
        client.post("/graphql", content=SECRET.encode(), headers={"content-type": "application/json"})
        guarded.client(authorization="Bearer x.y.z").get("/graphql")
    finally:
        for name in ("workbench.api", "uvicorn.error", ""):
            logging.getLogger(name).removeHandler(keep)
    text = "\n".join(lines)
    assert "victim " not in text
    assert SECRET not in text
    assert "203.0.113.66" not in text
    assert client.headers["authorization"].removeprefix("Bearer ") not in text
    assert "x.y.z" not in text
    told = [json.loads(line) for line in lines]
    (error,) = [line for line in told if line.get("error_id") == failed["errors"][0]["extensions"]["id"]]
    assert error["error"] == "builtins.RuntimeError"
    assert any("_fail" in place for place in error["at"])
    operation = next(
        line for line in told if line["says"] == "operation" and line["request"] == error["request"]
    )
    assert operation["member"] == guarded.town.role("ines")
    assert operation["operation"] == "victims"
    assert operation["query"] == hashlib.sha256(query.encode()).hexdigest()[:16]


# ---- for those who watch the server


def test_health_readiness_and_metrics(guarded: Any, serve: Any) -> None:
    anyone = guarded.client()
    assert anyone.get("/healthz").text == "ok\n"
    assert anyone.get("/readyz").json() == {"store": True, "listening": True}
    ask(guarded, "{ item { number } }")
    text = anyone.get("/metrics").text
    for name in ('workbench_http_requests_total{route="/graphql",status="200"}', 'workbench_graphql_seconds_count{failed="no",kind="query"}', "workbench_database_waiting", 'workbench_refused_total{code="TOO_LARGE"}'):  # fmt: skip
        assert name in text
    closed = serve(SCHEMA, metrics_from=())
    assert closed.client().get("/metrics").status_code == 403


def test_it_is_not_ready_while_the_store_is_away_and_lives(guarded: Any) -> None:
    anyone, name = guarded.client(), guarded.town.url.partition("?")[0].rpartition("/")[2]

    def until(status: int, store: bool) -> None:
        deadline = time.monotonic() + 60
        while (answer := anyone.get("/readyz")).status_code != status or answer.json()["store"] != store:
            assert time.monotonic() < deadline, answer.text
            time.sleep(0.2)

    with psycopg.connect(guarded.town.url.replace(f"/{name}", "/postgres", 1), autocommit=True) as con:
        try:
            con.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
            con.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (name,))
            until(503, store=False)
            assert anyone.get("/healthz").status_code == 200
        finally:
            con.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
    until(200, store=True)
