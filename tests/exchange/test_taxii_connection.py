"""Who is spoken to, with which credential, and what is said when it goes wrong."""

from __future__ import annotations

import datetime
import json
import socket
import ssl
from pathlib import Path

import pytest

from tests.exchange.conftest import PASSWORD, USER, Medallion
from tests.exchange.flaky import Flaky
from workbench.exchange import taxii
from workbench.exchange.taxii.connection import Connection, parsed_url
from workbench.exchange.taxii.credentials import authorization, credential_name


async def test_what_a_server_offers_is_shown(medallion: Medallion, credential: None) -> None:
    server = await taxii.discover(medallion.url)
    text = str(server)
    assert text.startswith(f"Partner: {medallion.url}\n  of the tests\n  contact: taxii@partner.example\n")
    assert f"API root Root (default): {medallion.root}" in text
    assert "    Mailbox (11111111-1111-4111-8111-111111111111; write)" in text
    assert "/gone/: the server answered 404" in text, "a root that cannot be asked harms no other"
    root = await taxii.discover(medallion.root)
    assert {each.id for each in root.collections} == {each.id for each in server.collections}
    one = await taxii.discover(server.collections[0].url.removesuffix("/"))
    assert [each.url for each in one.collections] == [server.collections[0].url]


async def test_without_or_with_another_credential_it_is_said_where_to_put_it(medallion: Medallion) -> None:
    place = f"WORKBENCH_TAXII_127_0_0_1_{medallion.port}_KEY"
    for auth in (None, ("anna", "wrong"), "token"):
        with pytest.raises(
            taxii.RejectedError, match=f"401 .*its credential is wanted, in .*{place}"
        ) as caught:
            await taxii.discover(medallion.url, auth=auth)
        assert "wrong" not in str(caught.value)


def test_credentials_are_basic_or_bearer_and_never_in_the_clear(monkeypatch: pytest.MonkeyPatch) -> None:
    url = parsed_url("taxii.example:8443")
    assert credential_name(url) == "taxii-taxii-example-8443"
    assert authorization(url) is None
    monkeypatch.setenv("WORKBENCH_TAXII_TAXII_EXAMPLE_8443_KEY", "anna:cor:rect")
    assert authorization(url) == "Basic YW5uYTpjb3I6cmVjdA=="
    assert authorization(url, "abc.def-ghi") == "Bearer abc.def-ghi"
    with pytest.raises(taxii.TaxiiError, match="not sent over plain http"):
        authorization(parsed_url("http://taxii.example:8443/"))
    with pytest.raises(taxii.TaxiiError, match="neither USER:PASSWORD nor a token") as caught:
        authorization(url, "se\ncret")
    assert "cret" not in str(caught.value)
    with pytest.raises(ValueError, match="ends up in histories") as told:
        parsed_url("https://anna:secret@taxii.example/")
    assert "secret" not in str(told.value)


@pytest.mark.parametrize("text", ["ftp://taxii.example/", "https://", "http://[::1", "https://exa mple/"])
def test_what_is_no_server_is_said_so(text: str) -> None:
    with pytest.raises(ValueError, match="is no URL"):
        parsed_url(text)


async def test_what_is_meant_for_one_host_goes_to_no_other(medallion: Medallion) -> None:
    with Flaky(medallion.port, chance=0) as flaky:
        # The discovery of the one names the API root of the other.
        with pytest.raises(LookupError, match="401"):
            await taxii.poll(f"http://127.0.0.1:{flaky.port}/taxii2/", auth=(USER, PASSWORD))
        assert b"Authorization: Basic" in flaky.headers[0]


async def test_another_protocol_is_told(
    medallion: Medallion, credential: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "workbench.exchange.taxii.connection.MEDIA_TYPE", "application/vnd.oasis.taxii+json;version=2.0"
    )
    with pytest.raises(taxii.RejectedError, match=r"406 .*it does not speak TAXII 2\.1"):
        await taxii.discover(medallion.url)


async def test_a_page_of_html_is_no_answer(medallion: Medallion, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workbench.exchange.taxii.connection.PAUSE", 0.001)
    with Flaky(medallion.port, faults=("html",), chance=1) as flaky:
        with pytest.raises(taxii.TaxiiError, match=r"the answer is text/html, not application/taxii\+json"):
            await taxii.discover(f"http://127.0.0.1:{flaky.port}/taxii2/")
        assert len(flaky.requests) == 6


async def test_nobody_there_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workbench.exchange.taxii.connection.PAUSE", 0.001)
    with socket.socket() as nobody:  # bound, and not listening
        nobody.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{nobody.getsockname()[1]}/taxii2/"
        with pytest.raises(taxii.TaxiiError, match="cannot be reached"):
            await taxii.discover(url)


@pytest.fixture(scope="module")
def papers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """An authority, and certificates it made for a server on the loopback and for a client."""
    x509 = pytest.importorskip("cryptography.x509", reason="makes the certificates of the tests")
    from ipaddress import ip_address

    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    folder = tmp_path_factory.mktemp("papers")
    now = datetime.datetime.now(datetime.UTC)
    keys = {name: ec.generate_private_key(ec.SECP256R1()) for name in ("ca", "server", "client")}
    found = {}
    for name, key in keys.items():
        builder = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)]))
            .issuer_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "ca")]))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=name == "ca", path_length=None), critical=True)
            .add_extension(
                x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False
            )
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(keys["ca"].public_key()), critical=False
            )
        )
        if name == "ca":
            builder = builder.add_extension(
                x509.KeyUsage(True, False, False, False, False, True, True, False, False), critical=True
            )
        certificate = builder.sign(keys["ca"], hashes.SHA256())
        pem = serialization.Encoding.PEM
        text = certificate.public_bytes(pem)
        if name != "ca":
            text += key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        found[name] = folder / f"{name}.pem"
        found[name].write_bytes(text)
    return found


async def test_servers_are_verified_and_a_client_certificate_is_shown(
    medallion: Medallion, papers: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workbench.exchange.taxii.connection.PAUSE", 0.001)
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=papers["ca"])
    tls.load_cert_chain(papers["server"])
    tls.verify_mode = ssl.CERT_REQUIRED
    with Flaky(medallion.port, chance=0, tls=tls) as flaky:
        url = f"https://127.0.0.1:{flaky.port}/root/"
        own = {"auth": (USER, PASSWORD), "ca": papers["ca"]}
        with pytest.raises(taxii.TaxiiError, match="CERTIFICATE_VERIFY_FAILED"):
            await taxii.discover(url, auth=(USER, PASSWORD), cert=papers["client"])
        with pytest.raises(taxii.TaxiiError):
            await taxii.discover(url, **own)
        assert flaky.requests == [], "nothing was said before both knew each other"
        assert (await taxii.discover(url, **own, cert=papers["client"])).title == "Root"
        # Its discovery leads to plain http.
        led = await taxii.discover(url.replace("/root/", "/taxii2/"), **own, cert=papers["client"])
        assert [root.collections for root in led.roots] == [(), ()]
        assert "not asked, since it is no https URL" in str(led)
    with pytest.raises(ValueError, match="no client certificate with its key"):
        await taxii.discover(url, cert=papers["ca"])


async def test_a_proxy_is_used_where_one_is_named(medallion: Medallion, credential: None) -> None:
    with Flaky(medallion.port, chance=0) as flaky:
        assert (await taxii.discover(medallion.root, proxy=f"http://127.0.0.1:{flaky.port}")).title == "Root"
        assert flaky.requests[0] == f"GET {medallion.root} HTTP/1.1"
    with pytest.raises(ValueError, match="the proxy cannot be used"):
        await taxii.discover(medallion.root, proxy="gopher://127.0.0.1")


async def test_hostile_resources_are_errors_not_accidents(medallion: Medallion) -> None:
    answer = (
        b"HTTP/1.1 200 OK\r\nContent-Type: application/taxii+json;version=2.1\r\nConnection: close\r\n\r\n"
    )
    for body in (b"[]", b"{}", b"[" * 100_000, b'{"title": 7}', b'{"title": "x", "api_roots": [3]}', b'{"title": "x", "api_roots": 3}', json.dumps({"title": "x", "api_roots": [f"http://127.0.0.1/{n}/" for n in range(200)]}).encode(),
                 b'{"title": "x", "versions": ["2.1"], "max_content_length": "many"}', b'{"can_read": true, "id": "../../x"}', b"\xff"):  # fmt: skip
        with Flaky(medallion.port, faults=("stale",), chance=1) as flaky:
            flaky.answers["GET /taxii2/ HTTP/1.1"] = answer + body
            with pytest.raises(taxii.TaxiiError):
                await taxii.discover(f"http://127.0.0.1:{flaky.port}/taxii2/")


async def test_hostile_headers_are_passed_over(medallion: Medallion) -> None:
    answer = (
        b"HTTP/1.1 200 OK\r\nContent-Type: application/taxii+json;version=2.1\r\nConnection: close\r\n"
        b"Date: Mon, 01 Jan 99999999999 00:00:00 GMT\r\nX-TAXII-Date-Added-Last: 0001-01-01T00:00:00Z\r\n\r\n"
    )
    collection = b'{"id": "c", "title": "C", "can_read": true, "can_write": false}'
    with Flaky(medallion.port, faults=("stale",), chance=1) as flaky:
        flaky.answers["GET /root/collections/c/ HTTP/1.1"] = answer + collection
        flaky.answers["GET /root/collections/c/objects/ HTTP/1.1"] = answer + b'{"objects": [{"id": "x"}]}'
        polls = await taxii.poll(f"http://127.0.0.1:{flaky.port}/root/collections/c/")
    assert "where a timestamp is wanted" in polls.collections[0].problem


async def test_a_connection_is_used_in_its_block() -> None:
    with pytest.raises(AssertionError):
        await Connection(parsed_url("https://taxii.example")).get("https://taxii.example/")
