"""Asking providers over a real socket: pace, quota, cache, keys, and services that misbehave.

The answers were composed from the providers' public documentation, not captured from the services.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import workbench as wb
from workbench.intel import providers as room
from workbench.intel.providers import PROVIDERS, ProviderError, allowance, asking, ledger
from workbench.intel.providers.provider import Rate

ADDRESS = "185.39.207.84"
SIX = "2a00:1450:4001:80e::200e"


def change(monkeypatch: pytest.MonkeyPatch, name: str, **fields: Any) -> None:
    monkeypatch.setitem(room.PROVIDERS, name, replace(PROVIDERS[name], **fields))


def stored(home: Path) -> bytes:
    """All bytes of the cache's files."""
    return b"".join(path.read_bytes() for path in home.glob("providers.sqlite*"))


@pytest.mark.parametrize(
    ("name", "path", "query", "header", "value"),
    [
        ("abuseipdb", "/check", {"ipAddress": ADDRESS, "maxAgeInDays": "90"}, "key", "{}"),
        ("greynoise", f"/{ADDRESS}", {}, "key", "{}"),
        ("greynoise-context", f"/{ADDRESS}", {}, "key", "{}"),
        ("internetdb", f"/{ADDRESS}", {}, None, None),
        ("ipinfo", f"/{ADDRESS}", {}, "authorization", "Bearer {}"),
        ("ipinfo-lite", f"/{ADDRESS}", {}, "authorization", "Bearer {}"),
        ("otx", f"/IPv4/{ADDRESS}/general", {}, "x-otx-api-key", "{}"),
        ("virustotal", f"/{ADDRESS}", {}, "x-apikey", "{}"),
    ],
)
def test_a_provider_is_told_the_address_and_the_key_and_nothing_else(
    service: Any, recorded: ModuleType, key: str, name: str, path: str, query: Any, header: Any, value: Any
) -> None:
    service.says(recorded.ALL[name])
    (answer,) = wb.intel.ask(ADDRESS, providers=[name])
    assert answer.error is None
    assert not answer.cached
    (request,) = service.requests
    assert (request.path, request.query) == (path, query)
    sent = set(request.headers) - {"host", "accept", "accept-encoding", "user-agent", "connection"}
    assert sent == ({header} if header else set())
    if header:
        assert request.headers[header] == value.format(key)
    assert request.headers["user-agent"] == "ip-workbench"


def test_the_urls_are_https_and_the_documented_ones() -> None:
    from workbench.intel.providers import abuseipdb, greynoise, internetdb, ipinfo, otx, virustotal

    hosts = {
        abuseipdb.ABUSEIPDB.url, greynoise.GREYNOISE.url, greynoise.GREYNOISE_CONTEXT.url, internetdb.INTERNETDB.url,
        ipinfo.IPINFO.url, ipinfo.IPINFO_LITE.url, otx.OTX.url, virustotal.VIRUSTOTAL.url,
    }  # fmt: skip
    assert hosts == {
        "https://api.abuseipdb.com/api/v2/",
        "https://api.greynoise.io/v3/community/",
        "https://api.greynoise.io/v3/ip/",
        "https://internetdb.shodan.io/",
        "https://api.ipinfo.io/lite/",
        "https://api.ipinfo.io/lookup/",
        "https://otx.alienvault.com/api/v1/indicators/",
        "https://www.virustotal.com/api/v3/ip_addresses/",
    }


@pytest.mark.parametrize(
    "address",
    [
        "10.1.2.3", "192.168.0.1", "100.64.0.9", "127.0.0.1", "169.254.169.254", "192.0.2.7", "224.0.0.1", "::1", "fe80::1",
        "fd00::1", "::ffff:10.0.0.1", "2002:c0a8:1::1", "64:ff9b::10.0.0.1", "2001:0:a01:203::f5ff:fffe", "8.8.8.8/24",
        "8.8.8.8; drop", "evil.example", "../../v3/me", "8.8.8.8?x=1", "", "8.8.8.8\r\nX: y",
    ],
)  # fmt: skip
def test_what_is_not_an_address_of_the_open_internet_is_sent_to_nobody(
    service: Any, recorded: ModuleType, address: str
) -> None:
    service.says(recorded.INTERNETDB)
    (answer,) = wb.intel.ask([address], providers=["internetdb"])
    assert answer.error is not None
    assert not answer.findings
    assert service.requests == []


def test_nobody_is_asked_who_is_not_named(service: Any, recorded: ModuleType) -> None:
    service.says(recorded.INTERNETDB)
    with pytest.raises(ProviderError, match="name those to ask"):
        wb.intel.ask(ADDRESS, providers=[])
    with pytest.raises(ProviderError, match="no provider 'shodan'; there are: abuseipdb, "):
        wb.intel.ask(ADDRESS, providers=["internetdb", "shodan"])
    assert wb.lookup(ADDRESS).answers == ()
    assert service.requests == []


def test_many_addresses_and_providers_keep_their_order_and_one_failure_harms_no_other(
    service: Any, recorded: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("WORKBENCH_ABUSEIPDB_KEY")
    six = {**recorded.INTERNETDB, "ip": SIX.upper()}
    change(monkeypatch, "internetdb", concurrency=1)
    service.says(recorded.INTERNETDB, six)
    answers = wb.intel.ask([ADDRESS, "10.0.0.1", SIX.upper(), ADDRESS], providers=["internetdb", "abuseipdb"])
    assert [(a.address, a.provider, a.error is None) for a in answers] == [
        (ADDRESS, "internetdb", True), (ADDRESS, "abuseipdb", False),
        ("10.0.0.1", "internetdb", False), ("10.0.0.1", "abuseipdb", False),
        (SIX, "internetdb", True), (SIX, "abuseipdb", False),
        (ADDRESS, "internetdb", True), (ADDRESS, "abuseipdb", False),
    ]  # fmt: skip
    assert [request.path for request in service.requests] == [f"/{ADDRESS}", f"/{SIX}"]
    assert len(answers.errors) == 5


def test_a_missing_key_says_which_and_where_it_belongs(service: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WORKBENCH_GREYNOISE_KEY")
    (answer,) = wb.intel.ask(ADDRESS, providers=["greynoise-context"])
    assert answer.error is not None
    for word in (
        "WORKBENCH_GREYNOISE_KEY",
        "workbench intel key set greynoise",
        "https://viz.greynoise.io",
        "notebook",
    ):
        assert word in answer.error
    assert service.requests == []


def test_a_key_from_the_keyring_is_used_and_the_environment_goes_before(
    service: Any, recorded: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    import keyring
    from keyring.backend import KeyringBackend

    from workbench.intel.providers import keys

    class Memory(KeyringBackend):
        priority = 1  # type: ignore[assignment]
        kept: dict[tuple[str, str], str] = {}  # noqa: RUF012

        def get_password(self, service: str, username: str) -> str | None:
            return self.kept.get((service, username))

        def set_password(self, service: str, username: str, password: str) -> None:
            self.kept[service, username] = password

        def delete_password(self, service: str, username: str) -> None:
            del self.kept[service, username]

    before = keyring.get_keyring()
    keyring.set_keyring(Memory())
    try:
        monkeypatch.delenv("WORKBENCH_OTX_KEY")
        keys.set_key("otx", "from-the-keyring\n")
        assert keys.key_place("otx") == "keyring"
        service.says(recorded.OTX)
        wb.intel.ask(ADDRESS, providers="otx")
        monkeypatch.setenv("WORKBENCH_OTX_KEY", "from-the-environment")
        wb.intel.ask(ADDRESS, providers="otx", force_refresh=True)
        sent = [request.headers["x-otx-api-key"] for request in service.requests]
        assert sent == ["from-the-keyring", "from-the-environment"]
        assert keys.remove_key("otx")
        assert not keys.remove_key("otx")
    finally:
        keyring.set_keyring(before)


@pytest.mark.parametrize("bad", ["with space inside", "line\nbreak-in-it", "schlüssel-mit-ü", "short"])
def test_a_key_that_no_header_can_carry_is_not_told_in_the_error(
    service: Any, monkeypatch: pytest.MonkeyPatch, bad: str
) -> None:
    monkeypatch.setenv("WORKBENCH_VIRUSTOTAL_KEY", bad)
    (answer,) = wb.intel.ask(ADDRESS, providers="virustotal")
    assert answer.error is not None
    assert bad not in answer.error
    assert "virustotal" not in answer.error.split(":")[0]
    assert service.requests == []


@pytest.mark.parametrize(
    "reply",
    [
        (401, {}),
        (403, {}),
        (418, {}),
        (301, {"Location": "http://127.0.0.1:9/steal"}),
        (429, {"Retry-After": "1"}),
        (503, {}),
        b"not json",
        lambda wire: wire.write(b"x" * 9_000_000),
    ],
)
def test_the_key_stands_in_no_error_no_answer_and_no_cache(
    service: Any, key: str, tmp_path: Path, reply: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    service.says(reply)
    answers = wb.intel.ask(ADDRESS, providers=["virustotal"])
    assert answers.errors
    assert key not in repr(answers) + answers._repr_html_() + str(answers.table().to_pylist())
    assert key.encode() not in stored(tmp_path)
    assert not [record for record in caplog.records if record.name == "httpx" and key in record.getMessage()]


def test_a_key_that_the_answer_repeats_is_not_kept(
    service: Any, recorded: ModuleType, key: str, tmp_path: Path
) -> None:
    data = {**recorded.ABUSEIPDB["data"], "isp": f"key={key.upper()}", "domain": key}
    service.says({"data": data})
    answers = wb.intel.ask(ADDRESS, providers=["abuseipdb"])
    assert "[key]" in repr(answers)
    assert key not in repr(answers).lower()
    assert key.encode() not in stored(tmp_path).lower()


def test_a_refused_key_ends_the_provider_for_this_call(service: Any) -> None:
    service.says((401, {}))
    answers = wb.intel.ask([f"9.9.9.{n}" for n in range(1, 30)], providers=["virustotal"])
    assert len(service.requests) <= PROVIDERS["virustotal"].concurrency
    assert all(
        a.error and "the key is not accepted" in a.error and "WORKBENCH_VIRUSTOTAL_KEY" in a.error
        for a in answers
    )


def test_a_redirect_is_not_followed(service: Any, recorded: ModuleType) -> None:
    service.says((302, {"Location": f"{service.url}elsewhere"}), recorded.INTERNETDB)
    (answer,) = wb.intel.ask(ADDRESS, providers=["internetdb"])
    assert answer.error == "answered 302"
    assert len(service.requests) == 1


def test_429_is_tried_again_after_the_time_it_asks_for(service: Any, recorded: ModuleType) -> None:
    service.says((429, {"Retry-After": "7"}), (503, {}), recorded.INTERNETDB)
    (answer,) = wb.intel.ask(ADDRESS, providers=["internetdb"])
    assert answer.error is None
    assert service.pauses == [0, 7, 2]


def test_429_for_longer_closes_the_provider_until_then_in_later_calls_too(
    service: Any, recorded: ModuleType
) -> None:
    service.says((429, {"Retry-After": "3600"}), recorded.INTERNETDB)
    (answer,) = wb.intel.ask(ADDRESS, providers=["internetdb"])
    assert answer.error == "answered 429 and asks not to be asked for 3600 seconds"
    (answer,) = wb.intel.ask("9.9.9.9", providers=["internetdb"])
    assert answer.error is not None
    assert answer.error.startswith("asks not to be asked before ")
    assert len(service.requests) == 1
    kept = ledger.open_ledger()
    assert allowance.take(kept, PROVIDERS["internetdb"], time.time() + 3700) == 0
    kept.close()


def test_a_service_that_stays_broken_is_given_up(service: Any) -> None:
    service.says((500, {}))
    (answer,) = wb.intel.ask(ADDRESS, providers=["internetdb"])
    assert answer.error == "answered 500, 3 times"
    assert len(service.requests) == 3


def test_no_answer_in_time_ends_the_provider_for_this_call(
    service: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def drip(wire: Any) -> None:
        while not service.ended.wait(0.05):
            wire.write(b" ")
            wire.flush()

    monkeypatch.setattr(asking, "SECONDS", 0.3)
    service.says(drip)
    answers = wb.intel.ask([f"9.9.9.{n}" for n in range(1, 20)], providers=["internetdb"])
    assert {answer.error for answer in answers} <= {
        "cannot be reached (too slow)",
        "cannot be reached (too slow), 3 times",
    }
    assert len(service.requests) <= 8


def test_a_service_that_is_away_is_told_as_such(service: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    change(monkeypatch, "internetdb", url="http://127.0.0.1:9/")
    (answer,) = wb.intel.ask(ADDRESS, providers=["internetdb"])
    assert answer.error == "cannot be reached (ConnectError), 3 times"


def test_a_giant_body_is_cut_off(service: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    sent = [0]

    def pour(wire: Any) -> None:
        for _ in range(2000):
            wire.write(b" " * 65536)
            sent[0] += 65536

    change(monkeypatch, "internetdb", max_bytes=200_000)
    service.says(pour)
    (answer,) = wb.intel.ask(ADDRESS, providers=["internetdb"])
    assert answer.error == "the answer has more than the 200,000 bytes allowed"
    assert len(service.requests) == 1
    assert sent[0] < 2000 * 65536


def test_a_compressed_body_is_not_unpacked(service: Any) -> None:
    service.says((200, {"Content-Encoding": "gzip"}, b"\x1f\x8b" + b"\0" * 50))
    (answer,) = wb.intel.ask(ADDRESS, providers=["internetdb"])
    assert answer.error == "the answer is compressed, which was not asked for"


@pytest.mark.parametrize("body", [b"", b"{", b"[" * 100_000, b"\xff", b'{"ip": 7, "ports": "all"}'])
def test_a_nonsensical_answer_is_an_error_and_is_not_cached(
    service: Any, recorded: ModuleType, body: bytes
) -> None:
    service.says(body, recorded.INTERNETDB)
    first, second = (wb.intel.ask(ADDRESS, providers=["internetdb"])[0] for _ in range(2))
    assert first.error is not None
    assert first.error.startswith("the answer ")
    assert (second.error, second.cached) == (None, False)


def test_an_unknown_address_is_an_answer_and_is_cached(service: Any) -> None:
    service.says((404, {}, {"detail": "No information available"}))
    first, second = (wb.intel.ask(ADDRESS, providers=["internetdb"])[0] for _ in range(2))
    assert (first.error, first.findings, first.cached) == (None, (), False)
    assert second.cached
    assert len(service.requests) == 1


def test_the_cache_answers_until_its_time_is_over_or_a_refresh_is_forced(
    service: Any, recorded: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    later = {**recorded.INTERNETDB, "ports": [22]}
    service.says(recorded.INTERNETDB, later)
    first = wb.intel.ask(ADDRESS, providers=["internetdb"])[0]
    again = wb.intel.ask(ADDRESS, providers=["internetdb"])[0]
    assert again == replace(first, cached=True)
    assert len(service.requests) == 1
    forced = wb.intel.ask(ADDRESS, providers=["internetdb"], force_refresh=True)[0]
    assert forced.facts["open ports"] == "22"
    assert not forced.cached
    change(monkeypatch, "internetdb", ttl=timedelta(0))
    assert not wb.intel.ask(ADDRESS, providers=["internetdb"])[0].cached
    assert len(service.requests) == 3


def test_offline_gives_what_the_cache_holds_however_old_and_asks_nobody(
    service: Any, recorded: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    service.says(recorded.ABUSEIPDB)
    wb.intel.ask(ADDRESS, providers=["abuseipdb"])
    monkeypatch.delenv("WORKBENCH_ABUSEIPDB_KEY")
    change(monkeypatch, "abuseipdb", ttl=timedelta(0))
    known, unknown = wb.intel.ask([ADDRESS, "9.9.9.9"], providers=["abuseipdb"], offline=True)
    assert (known.cached, known.expired, len(known.findings), known.error) == (True, True, 2, None)
    assert unknown.error == "not in the cache, and offline nobody is asked"
    assert len(service.requests) == 1
    with pytest.raises(ProviderError, match="choose one"):
        wb.intel.ask(ADDRESS, providers=["abuseipdb"], offline=True, force_refresh=True)


def test_an_expired_answer_stands_in_for_a_failed_one_and_says_so(
    service: Any, recorded: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    service.says(recorded.INTERNETDB, (403, {}))
    wb.intel.ask(ADDRESS, providers=["internetdb"])
    change(monkeypatch, "internetdb", ttl=timedelta(0))
    answers = wb.intel.ask(ADDRESS, providers=["internetdb"])
    assert (answers[0].cached, answers[0].expired, len(answers[0].findings)) == (True, True, 2)
    assert "not asked anew: answered 403: refused" in str(answers)


def test_the_quota_is_counted_over_calls_and_ends_with_its_period(
    service: Any, recorded: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORKBENCH_OTX_QUOTA", "2/day")
    service.says(recorded.OTX)
    for _ in range(2):
        assert wb.intel.ask(ADDRESS, providers=["otx"], force_refresh=True)[0].error is None
    answer = wb.intel.ask(ADDRESS, providers=["otx"], force_refresh=True)[0]
    assert answer.error is not None
    assert answer.error.startswith("the quota of 2 a day is used up until ")
    assert answer.findings  # what the cache holds
    assert len(service.requests) == 2
    kept = ledger.open_ledger()
    assert allowance.left(kept, PROVIDERS["otx"]).requests == 0
    allowance.take(kept, PROVIDERS["otx"], time.time() + 86400)
    kept.close()


def test_what_the_provider_says_of_its_quota_counts_more(service: Any, recorded: ModuleType) -> None:
    reset = int(time.time()) + 3000
    said = {"X-RateLimit-Limit": "5000", "X-RateLimit-Remaining": "1", "X-RateLimit-Reset": str(reset)}
    none = {**said, "X-RateLimit-Remaining": "0"}
    service.says((200, said, recorded.ABUSEIPDB), (200, none, recorded.ABUSEIPDB))
    wb.intel.ask(ADDRESS, providers=["abuseipdb"])
    kept = ledger.open_ledger()
    assert allowance.left(kept, PROVIDERS["abuseipdb"]) == allowance.Left(
        1, 5000, datetime.fromtimestamp(reset, UTC)
    )
    wb.intel.ask(ADDRESS, providers=["abuseipdb"], force_refresh=True)
    answer = wb.intel.ask(ADDRESS, providers=["abuseipdb"], force_refresh=True)[0]
    assert answer.error is not None
    assert answer.error.startswith("says that the quota is used up until ")
    assert len(service.requests) == 2
    kept.close()


@pytest.mark.parametrize("value", ["-1", "many", "1e9", "9" * 40, "", "0x10"])
def test_nonsense_about_the_quota_is_not_believed(service: Any, recorded: ModuleType, value: str) -> None:
    service.says((200, {"X-RateLimit-Limit": value, "X-RateLimit-Remaining": value, "X-RateLimit-Reset": value}, recorded.ABUSEIPDB))  # fmt: skip
    wb.intel.ask(ADDRESS, providers=["abuseipdb"])
    kept = ledger.open_ledger()
    assert allowance.left(kept, PROVIDERS["abuseipdb"]).requests == 999
    kept.close()


def test_a_quota_that_cannot_be_read_names_the_variable(
    service: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORKBENCH_OTX_QUOTA", "lots")
    (answer,) = wb.intel.ask(ADDRESS, providers=["otx"])
    assert answer.error is not None
    assert "WORKBENCH_OTX_QUOTA wants a number and a period like 20000/day" in answer.error


def test_the_token_bucket_lets_a_burst_through_and_then_the_rate(service: Any) -> None:
    provider = replace(PROVIDERS["internetdb"], rate=Rate(4, 60.0, burst=4))
    kept = ledger.open_ledger()
    now = 1_800_000_000.0
    assert [allowance.take(kept, provider, now) for _ in range(7)] == [0, 0, 0, 0, 15, 30, 45]
    assert allowance.take(kept, provider, now + 61) == 0  # four tokens flowed in, three were owed
    assert allowance.take(kept, provider, now + 61) == pytest.approx(14)
    kept.close()


def test_no_more_requests_are_under_way_than_the_provider_takes(
    service: Any, recorded: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slow(wire: Any) -> None:
        service.ended.wait(0.05)
        wire.write(b"{}")

    change(monkeypatch, "internetdb", concurrency=3)
    service.says(slow)
    wb.intel.ask([f"9.9.{n}.9" for n in range(20)], providers=["internetdb"])
    assert len(service.requests) == 20
    assert 1 < service.busiest <= 3


async def test_it_works_where_a_loop_runs_already_as_in_jupyter(service: Any, recorded: ModuleType) -> None:
    service.says(recorded.INTERNETDB)
    asked = wb.intel.ask(ADDRESS, providers=["internetdb"])
    awaited = await wb.intel.ask_async(ADDRESS, providers=["internetdb"])
    assert asked[0].error is awaited[0].error is None
    assert awaited[0].cached
    assert wb.lookup(ADDRESS, providers=["internetdb"]).is_known_attacker


async def test_a_call_that_is_cancelled_leaves_the_cache_usable(service: Any, recorded: ModuleType) -> None:
    service.says(lambda wire: service.ended.wait(2))
    task = asyncio.create_task(wb.intel.ask_async(ADDRESS, providers=["internetdb"]))
    while not service.requests:
        await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    service.says(recorded.INTERNETDB)
    assert (await wb.intel.ask_async(ADDRESS, providers=["internetdb"]))[0].error is None


def test_the_cache_is_for_the_owners_eyes(service: Any, recorded: ModuleType, tmp_path: Path) -> None:
    service.says(recorded.INTERNETDB)
    wb.intel.ask(ADDRESS, providers=["internetdb"])
    assert (tmp_path / "providers.sqlite").stat().st_mode & 0o777 == 0o600


def test_a_damaged_cache_names_the_file_and_the_mend(service: Any, tmp_path: Path) -> None:
    (tmp_path / "providers.sqlite").write_bytes(b"this is no database" * 100)
    with pytest.raises(OSError, match=r"providers\.sqlite: file is not a database.*remove it"):
        wb.intel.ask(ADDRESS, providers=["internetdb"])


ASKER = """
import sys
from dataclasses import replace
from workbench.intel import ask, providers
from workbench.intel.providers.provider import Rate
provider = replace(providers.PROVIDERS["internetdb"], url=sys.argv[1], rate=Rate(1000, 1.0, burst=1000), key="shared", header="key")
providers.PROVIDERS["internetdb"] = provider
answers = ask([f"9.9.{n}.9" for n in range(60)], providers="internetdb")
print(sum(a.error is None for a in answers), sum("quota of 50 a day" in (a.error or "") for a in answers))
"""


def test_two_processes_share_one_cache_and_one_quota(service: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORKBENCH_SHARED_KEY", "a-key-for-two")
    monkeypatch.setenv("WORKBENCH_SHARED_QUOTA", "50/day")
    service.says((404, {}))
    script = [sys.executable, "-c", ASKER, service.url]
    both = [
        subprocess.Popen(script, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(2)
    ]
    told = [one.communicate(timeout=60) for one in both]
    assert all(one.returncode == 0 for one in both), told
    counts = [[int(word) for word in out.split()] for out, _ in told]
    # Each address that one of them got before the other came to it is in the cache of both.
    assert len(service.requests) == 50
    assert all(good + over == 60 for good, over in counts), told
    kept = ledger.open_ledger()
    with kept.change() as db:
        rows = db.execute("SELECT count(*) FROM answer").fetchone()[0]
    assert max(good for good, _ in counts) <= rows <= 50
    kept.close()


def test_a_parser_that_fails_costs_no_other_answer(
    service: Any, recorded: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(content: Any, address: str) -> Any:
        raise TypeError(content)

    change(monkeypatch, "otx", parse=broken)
    service.says(recorded.INTERNETDB)
    otx, internetdb = wb.intel.ask(ADDRESS, providers=["otx", "internetdb"])
    assert otx.error == "the answer is not understood (TypeError)"
    assert internetdb.error is None
