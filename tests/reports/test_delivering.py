"""Each target against a real server of its kind: S3 (moto), SMTP (aiosmtpd), HTTP."""

from __future__ import annotations

import hashlib
import json
import socket
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from workbench.reports.making.facts import Facts
from workbench.reports.scheduling import delivering
from workbench.reports.scheduling.delivering import DeliveryError, check_target, deliver, tell_failure
from workbench.secrecy import TLP
from workbench.store.watching import webhook

FACTS = Facts(
    "feed-health", "Feed health", "All is\r\nBcc: evil@example well", "the community", TLP.GREEN, "2026-10-05", {}, {},
    datetime(2026, 11, 2, 7, tzinfo=UTC), "ab" * 32,
)  # fmt: skip
STEM = "morning-20261102T070000Z"


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    made = [tmp_path / "report.html", tmp_path / "report.pdf", tmp_path / "bulletin.stix.json"]
    for path in made:
        path.write_bytes(path.name.encode() * 100)
    return made


# ---- a folder


def test_a_folder_gets_it_whole_and_once(files: list[Path], tmp_path: Path) -> None:
    out = tmp_path / "out"
    where = deliver(str(out), files, FACTS, STEM, "run")
    assert deliver(str(out), files, FACTS, STEM, "run") == where == str(out / STEM)
    assert {path.name for path in out.iterdir()} == {STEM}
    manifest = json.loads((out / STEM / "manifest.json").read_text())
    assert manifest["files"]["report.pdf"]["sha256"] == hashlib.sha256(files[1].read_bytes()).hexdigest()


# ---- S3


@pytest.fixture(scope="module")
def s3() -> Iterator[Any]:
    server_room = pytest.importorskip("moto.server", reason="needs moto, of the dev group")
    pytest.importorskip("s3fs", reason="needs the s3 extra")
    import boto3

    server = server_room.ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    url = f"http://{host}:{port}"
    keys = {"aws_access_key_id": "k", "aws_secret_access_key": "s", "region_name": "us-east-1"}
    client = boto3.client("s3", endpoint_url=url, **keys)
    client.create_bucket(Bucket="partners")
    with pytest.MonkeyPatch.context() as patch:
        for name, value in (("AWS_ENDPOINT_URL", url), ("AWS_ACCESS_KEY_ID", "k"), ("AWS_SECRET_ACCESS_KEY", "s"), ("AWS_DEFAULT_REGION", "us-east-1")):  # fmt: skip
            patch.setenv(name, value)
        yield client
    server.stop()


def keys(client: Any) -> list[str]:
    return [item["Key"] for item in client.list_objects_v2(Bucket="partners").get("Contents", [])]


def test_a_bucket_gets_the_manifest_last_and_it_once(s3: Any, files: list[Path]) -> None:
    where = deliver("s3://partners/weekly/", files, FACTS, STEM, "run")
    assert where == f"s3://partners/weekly/{STEM}"
    assert sorted(keys(s3)) == sorted(f"weekly/{STEM}/{name}" for name in [*(path.name for path in files), "manifest.json"])  # fmt: skip
    written = {
        item["Key"]: item["LastModified"] for item in s3.list_objects_v2(Bucket="partners")["Contents"]
    }
    assert max(written.values()) == written[f"weekly/{STEM}/manifest.json"]
    body = s3.get_object(Bucket="partners", Key=f"weekly/{STEM}/report.pdf")["Body"].read()
    assert body == files[1].read_bytes()
    deliver("s3://partners/weekly/", files, FACTS, STEM, "run")
    assert {item["Key"]: item["LastModified"] for item in s3.list_objects_v2(Bucket="partners")["Contents"]} == written  # fmt: skip


def test_a_delivery_to_a_bucket_that_breaks_off_has_no_manifest(
    s3: Any, files: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    missing = [*files, files[0].with_name("vanished.html")]
    monkeypatch.setattr(delivering, "manifest_of", lambda *_: "{}")
    with pytest.raises(DeliveryError, match="s3://partners/broken: "):
        deliver("s3://partners/broken", missing, FACTS, STEM, "run")
    assert f"broken/{STEM}/manifest.json" not in keys(s3)


def test_a_bucket_that_is_not_there_is_told(s3: Any, files: list[Path]) -> None:
    with pytest.raises(DeliveryError, match=r"s3://nowhere/x: .*bucket"):
        deliver("s3://nowhere/x", files, FACTS, STEM, "run")


# ---- mail


class _Letters:
    def __init__(self) -> None:
        self.taken: list[Any] = []

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802  aiosmtpd's name
        self.taken.append(envelope)
        return "250 taken"


@pytest.fixture
def letters(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Any]]:
    control = pytest.importorskip("aiosmtpd.controller", reason="needs aiosmtpd, of the dev group")
    from aiosmtpd.smtp import AuthResult

    handler = _Letters()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = control.Controller(
        handler, "127.0.0.1", port, data_size_limit=50_000_000, auth_require_tls=False,
        authenticator=lambda *given: AuthResult(success=given[4].password == b"s3cret", handled=False),
    )  # fmt: skip
    server.start()
    monkeypatch.setenv("WORKBENCH_SMTP_URL", f"smtp://cert%40cert.example:s3cret@127.0.0.1:{port}")
    yield handler.taken
    server.stop()


def test_mail_is_marked_and_carries_the_files(letters: list[Any], files: list[Path]) -> None:
    import email
    import email.policy

    deliver("mailto:soc@cert-b.example,two@cert-b.example", files, FACTS, STEM, "run")  # fmt: skip
    (envelope,) = letters
    assert envelope.rcpt_tos == ["soc@cert-b.example", "two@cert-b.example"]
    message = email.message_from_bytes(envelope.content, policy=email.policy.default)
    assert message["Subject"] == "TLP:GREEN All is Bcc: evil@example well"
    assert message["Bcc"] is None
    assert message["From"] == "cert@cert.example"
    body = message.get_body(("plain",)).get_content().replace("\r\n", "\n")
    assert body.startswith("TLP:GREEN\n")
    assert body.rstrip().endswith("TLP:GREEN")
    attached = {part.get_filename(): part.get_payload(decode=True) for part in message.iter_attachments()}
    assert attached == {path.name: path.read_bytes() for path in files}


def test_mail_sent_again_is_the_same_message(letters: list[Any], files: list[Path]) -> None:
    import email

    for _ in range(2):
        deliver("mailto:soc@cert-b.example", files, FACTS, STEM, "run")
    first, second = (email.message_from_bytes(envelope.content)["Message-ID"] for envelope in letters)
    assert first == second


def test_what_a_mail_server_refuses_is_told_without_the_password(
    letters: list[Any], files: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    import os

    monkeypatch.setenv("WORKBENCH_SMTP_URL", os.environ["WORKBENCH_SMTP_URL"].replace("s3cret", "wr0ng"))
    with pytest.raises(DeliveryError, match=r"mailto:soc@cert-b\.example: ") as told:
        deliver("mailto:soc@cert-b.example", files, FACTS, STEM, "run")
    assert "wr0ng" not in str(told.value)
    assert letters == []


def test_a_failure_is_mailed_without_content(letters: list[Any]) -> None:
    tell_failure("mailto:ines@cert.example", "morning", "1234")
    assert b"Scheduled report failed: morning" in letters[0].content
    assert b"Run 1234" in letters[0].content
    tell_failure("mailto:ines@cert.example", None, "5678")
    assert b"Subject: Scheduled report failed: of run 5678" in letters[1].content


# ---- webhook


@pytest.fixture
def hook(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    posts: list[tuple[dict[str, str], str]] = []

    class Taker(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"])).decode()
            posts.append(({name.lower(): value for name, value in self.headers.items()}, body))
            self.send_response(500 if len(posts) == 1 else 204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Taker)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("WORKBENCH_WEBHOOK_SECRET", "our key")
    yield f"http://127.0.0.1:{server.server_address[1]}/hook", posts
    server.shutdown()
    server.server_close()


def test_a_webhook_is_told_ids_signed_and_again_until_it_takes_them(hook: Any, files: list[Path]) -> None:
    url, posts = hook
    deliver(url, files, FACTS, STEM, "run-1")
    assert len(posts) == 2
    assert posts[0][0]["webhook-id"] == posts[1][0]["webhook-id"]
    headers, body = posts[1]
    expected = webhook.signature(b"our key", headers["webhook-id"], headers["webhook-timestamp"], body)
    assert headers["webhook-signature"] == expected
    told = json.loads(body)
    assert told["type"] == "report.made"
    assert told["data"] == {"run": "run-1", "content_hash": "ab" * 32}
    tell_failure(url, "a secret name", "run-2")
    assert json.loads(posts[-1][1])["type"] == "report.failed"
    assert "secret name" not in posts[-1][1]


# ---- what goes where


@pytest.mark.parametrize("target", ["mailto:soc@cert-b.example", "s3://partners/x"])
def test_red_does_not_go_through_other_hands(target: str, files: list[Path]) -> None:
    with pytest.raises(DeliveryError, match="TLP:RED is for its recipients alone"):
        deliver(target, files, replace(FACTS, level=TLP.RED), STEM, "run")


@pytest.mark.parametrize(
    ("target", "why"),
    [("", "no target"), ("gopher:x", "no target"), ("mailto:nobody", "no mail address"), ("mailto:a@b.example, c", "no mail address"),
     ("https://me:secret@hook.example", "password"), ("s3://key:secret@bucket", "key in its URL")],
)  # fmt: skip
def test_a_target_that_is_none_is_told(target: str, why: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORKBENCH_SMTP_URL", "smtp://127.0.0.1")
    with pytest.raises(ValueError, match=why) as told:
        check_target(target, {"tlp": "green"})
    assert "secret" not in str(told.value)
