"""Bringing sources up to date, from a real HTTP server on this machine."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

import workbench as wb
from workbench.intel import Category, Layer, Reliability, Source, SourceError, holdings
from workbench.intel.fetch import fetch
from workbench.intel.packages import from_package
from workbench.intel.refresh import Updated, update

LIST = b"9.9.9.1\n9.9.9.2\n"


@dataclass
class Server:
    address: str
    answers: dict[str, list[tuple[int, dict[str, str], bytes]]] = field(default_factory=dict)
    asked: list[tuple[str, str | None]] = field(default_factory=list)

    def source(self, name: str, **options: object) -> Source:
        return Source(
            id=name, title=name, parser="list", layers=(Layer.MEMBERSHIP,), reliability=Reliability.B, licence="own",
            attribution="tests", category=Category.ATTACKER, location=(f"{self.address}/{name}",), refresh=timedelta(hours=1),
        )  # fmt: skip


@pytest.fixture
def server() -> Iterator[Server]:
    state = Server("")

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            state.asked.append((self.path, self.headers.get("If-None-Match")))
            answers = state.answers[self.path]
            status, headers, body = answers.pop(0) if len(answers) > 1 else answers[0]
            if headers.get("ETag") and self.headers.get("If-None-Match") == headers["ETag"]:
                status, body = 304, b""
            self.send_response(status)
            for name, value in {"Content-Length": str(len(body)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    httpd = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=httpd.serve_forever, daemon=True)
    thread.start()
    state.address = f"http://127.0.0.1:{httpd.server_port}"
    yield state
    httpd.shutdown()
    httpd.server_close()


def run(*sources: Source, **options: object) -> list[Updated]:
    return update(
        [s.id for s in sources], catalogue={s.id: s for s in sources}, allow_private=True, **options
    )  # type: ignore[arg-type]


def test_a_source_is_fetched_taken_in_and_asked_again_only_when_due(home: Path, server: Server) -> None:
    server.answers["/feed"] = [(200, {"ETag": '"1"'}, LIST)]
    feed = server.source("feed")
    assert [r.status for r in run(feed)] == ["updated"]
    wb.intel.build()
    assert wb.lookup("9.9.9.1").is_known_attacker
    assert [r.status for r in run(feed)] == ["not due"]
    assert [r.status for r in run(replace(feed, refresh=timedelta(0)))] == ["unchanged"]
    assert [r.status for r in run(feed, force=True)] == ["updated"]
    assert [etag for _, etag in server.asked] == [None, '"1"', None]


def test_one_failing_source_loses_neither_the_others_nor_what_it_had(home: Path, server: Server) -> None:
    server.answers |= {"/good": [(200, {}, LIST)], "/bad": [(200, {}, b"9.9.9.3\n"), (200, {}, b"<!doctype html><html>down</html>")], "/gone": [(404, {}, b"")]}  # fmt: skip
    sources = [server.source(name) for name in ("good", "bad", "gone")]
    assert [(r.id, r.status) for r in run(*sources)] == [
        ("bad", "updated"),
        ("gone", "failed"),
        ("good", "updated"),
    ]
    results = run(*sources, force=True)
    assert [(r.id, r.status) for r in results] == [("bad", "failed"), ("gone", "failed"), ("good", "updated")]
    assert "404" in results[1].detail
    wb.intel.build()
    assert wb.lookup("9.9.9.3").is_known_attacker


def test_busy_servers_are_asked_again(home: Path, server: Server) -> None:
    server.answers["/feed"] = [
        (503, {"Retry-After": "0"}, b""),
        (429, {"Retry-After": "0"}, b""),
        (200, {}, LIST),
    ]
    assert [r.status for r in run(server.source("feed"))] == ["updated"]
    assert len(server.asked) == 3


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ((200, {"Content-Length": "999999999999"}, b""), "are more than the"),
        ((302, {"Location": "/feed"}, b""), "redirected more than"),
        ((302, {"Location": "file:///etc/passwd"}, b""), "only https is fetched, not file"),
    ],
)
def test_what_may_not_be_fetched_is_refused(
    tmp_path: Path, server: Server, answer: tuple[int, dict[str, str], bytes], words: str
) -> None:
    server.answers["/feed"] = [answer]
    with pytest.raises(SourceError, match=words):
        fetch(f"{server.address}/feed", tmp_path / "x", allow_private=True)


@pytest.mark.parametrize(
    "url", ["https://127.0.0.1/x", "https://localhost/x", "https://169.254.169.254/meta", "https://[::1]/x"]
)
def test_the_own_network_is_never_asked(tmp_path: Path, url: str) -> None:
    with pytest.raises(SourceError, match="inside the own network"):
        fetch(url, tmp_path / "x")


def test_plain_http_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="only https"):
        fetch("http://example.org/list", tmp_path / "x")


def test_offline_asks_nobody_and_takes_files_and_folders(home: Path, server: Server, tmp_path: Path) -> None:
    feed, other = server.source("feed"), server.source("other")
    (tmp_path / "feed").write_bytes(LIST)
    assert [(r.id, r.status) for r in run(feed, other, offline=True, files={"feed": tmp_path})] == [("feed", "updated"), ("other", "skipped")]  # fmt: skip
    assert server.asked == []
    assert [item.source.id for item in holdings.available() if item.origin == "added"] == ["feed"]


def test_a_missing_key_is_named(home: Path, server: Server) -> None:
    source = replace(server.source("feed"), location=("https://example.org/{NO_SUCH_KEY}",))
    assert [(r.status, r.detail) for r in run(source)] == [
        ("skipped", "needs NO_SUCH_KEY: set the environment variable, or workbench intel key set NO_SUCH_KEY")
    ]


def test_an_unknown_source_is_told_with_the_choice() -> None:
    with pytest.raises(KeyError, match=r"there are: .*ipsum"):
        update(["nonsense"])


def test_a_package_gives_one_of_its_files(tmp_path: Path) -> None:
    try:
        published = from_package("npm:is-number#package.json", tmp_path / "got.json")
    except SourceError as error:
        pytest.skip(f"needs npm and a registry: {error}")
    assert '"is-number"' in (tmp_path / "got.json").read_text()
    assert published is not None
    assert published < datetime.now(UTC) - timedelta(days=90), "it is an old package"
    with pytest.raises(SourceError, match="has no file nothing"):
        from_package("npm:is-number#nothing", tmp_path / "x")
