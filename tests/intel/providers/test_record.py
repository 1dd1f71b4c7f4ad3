"""Providers' findings in a record: evidence like any other, judged by the one formula; and the command line.

The answers were composed from the providers' public documentation, not captured from the services.
"""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from click.testing import CliRunner

from workbench.enrichment import open_engine
from workbench.enrichment.engine import Engine
from workbench.enrichment.record import lookup
from workbench.intel import Category, Reliability
from workbench.intel.providers import Answer, Finding

ADDRESS = "185.39.207.84"
LISTED = "93.175.147.88"
TOR_EXIT = "185.246.188.74"
NOW = datetime.now(UTC).replace(microsecond=0)


@pytest.fixture(scope="module")
def engine(_own_home: Path) -> Engine:
    return open_engine()


def answer(address: str, *findings: Finding, provider: str = "abuseipdb", **fields: Any) -> Answer:
    return Answer(
        provider, provider.title(), address, fields.pop("retrieved", NOW), findings, fields.pop("facts", {}),
        fields.pop("reliability", Reliability.C), "terms of the provider", **fields,
    )  # fmt: skip


def test_a_finding_is_evidence_and_enters_the_verdict(engine: Engine) -> None:
    before = lookup(engine, ADDRESS)
    said = answer(
        ADDRESS, Finding(Category.ATTACKER, "c2", 90, last_seen=NOW - timedelta(days=2), note="seen twice")
    )
    after = lookup(engine, ADDRESS, [said])
    assert (before.verdict, before.is_known_attacker) == ("clean", False)
    assert after.is_known_attacker
    assert after.reputation == pytest.approx(100 * 0.95 * 0.75 * 0.9 / (1 + 2 / 60), abs=1)
    assert after.verdict == "suspicious"
    (item,) = after.evidence
    assert (item.source, item.entry, item.stated_confidence, item.note) == (
        "abuseipdb",
        f"{ADDRESS}/32",
        90,
        "seen twice",
    )
    assert item.licence == "terms of the provider"
    assert item.seen == NOW - timedelta(days=2)
    assert after.reasons == f"known attacker c2 (Abuseipdb, {NOW - timedelta(days=2):%Y-%m-%d})"
    assert (after.country, after.asn, after.snapshot) == (before.country, before.asn, before.snapshot)


def test_two_providers_who_agree_say_more_than_one_and_one_counts_with_its_heaviest(engine: Engine) -> None:
    heavy, light = Finding(Category.ATTACKER, "", 90), Finding(Category.ABUSER, "", 40)
    one = lookup(engine, ADDRESS, [answer(ADDRESS, heavy)])
    same = lookup(engine, ADDRESS, [answer(ADDRESS, heavy, light)])
    two = lookup(engine, ADDRESS, [answer(ADDRESS, heavy), answer(ADDRESS, heavy, provider="greynoise")])
    assert one.reputation == same.reputation
    assert one.reputation is not None
    assert two.reputation is not None
    assert two.reputation > one.reputation
    assert two.verdict == "malicious"
    assert len(two.evidence) == 2


def test_asking_takes_nothing_from_what_the_lists_say(engine: Engine) -> None:
    """Also where the snapshot is older than the answer: a list weighs as before, and its entry stands as before."""
    for address in (LISTED, TOR_EXIT):
        before = lookup(engine, address)
        assert before.evidence
        weak = lookup(
            engine,
            address,
            [answer(address, Finding(Category.ABUSER, "", 1, last_seen=NOW - timedelta(days=900)))],
        )
        assert before.reputation is not None
        assert weak.reputation is not None
        if not before.is_tor:  # a Tor exit whom anybody blames counts as shared
            assert weak.reputation >= before.reputation
        assert [e for e in weak.evidence if e.source != "abuseipdb"] == list(before.evidence)
        assert set(before.flags) <= set(weak.flags)


def test_an_answer_that_finds_nothing_changes_nothing_but_is_shown(engine: Engine) -> None:
    before = lookup(engine, LISTED)
    after = lookup(engine, LISTED, [answer(LISTED, facts={"open ports": "22, 80"}, provider="internetdb")])
    assert replace(after, answers=()) == before
    assert "open ports: 22, 80" in str(after)


def test_shared_infrastructure_lowers_the_blame(engine: Engine) -> None:
    blame = answer(ADDRESS, Finding(Category.ATTACKER, "", 100), reliability=Reliability.A)
    shared = answer(ADDRESS, Finding(Category.CDN, "Example CDN"), provider="greynoise")
    alone, both = (lookup(engine, ADDRESS, answers) for answers in ([blame], [blame, shared]))
    assert alone.verdict == "malicious"
    assert both.verdict not in ("malicious",)
    assert alone.reputation is not None
    assert both.reputation is not None
    assert both.reputation < alone.reputation


def test_an_old_answer_from_the_cache_weighs_less(engine: Engine) -> None:
    finding = Finding(Category.ATTACKER, "", 90)
    fresh, old = (
        lookup(engine, ADDRESS, [answer(ADDRESS, finding, retrieved=NOW - timedelta(days=days))])
        for days in (0, 60)
    )
    assert fresh.evidence[0].weight == pytest.approx(2 * old.evidence[0].weight, rel=0.01)


def test_answers_about_other_addresses_are_not_taken(engine: Engine) -> None:
    other = answer("9.9.9.8", Finding(Category.ATTACKER, "", 100))
    assert replace(lookup(engine, ADDRESS, [other]), answers=()) == lookup(engine, ADDRESS)


def test_a_private_address_stays_what_it_is(engine: Engine) -> None:
    lying = answer("10.0.0.1", Finding(Category.ATTACKER, "", 100))
    assert lookup(engine, "10.0.0.1", [lying]).verdict == "unroutable"


def test_what_a_provider_wrote_is_escaped_in_a_notebook(engine: Engine) -> None:
    nasty = "<img src=x onerror=alert(1)>"
    record = lookup(
        engine, ADDRESS, [answer(ADDRESS, Finding(Category.ABUSER, nasty, 50), facts={"isp": nasty})]
    )
    assert "<img" not in record._repr_html_()
    from workbench.intel.providers import Answers

    assert "<img" not in Answers([answer(ADDRESS, Finding(Category.ABUSER, nasty, 50))])._repr_html_()


def run(*arguments: str, text: str | None = None) -> Any:
    from workbench.cli.commands import workbench

    return CliRunner().invoke(workbench, [*arguments], input=text)


def test_lookup_on_the_command_line_asks_whom_it_is_told_to(service: Any, recorded: ModuleType) -> None:
    service.says(recorded.INTERNETDB)
    done = run("lookup", ADDRESS, "--provider", "internetdb")
    assert done.exit_code == 0, done.output
    assert "open ports: 22, 443, 8080" in done.output
    assert "attacker c2: 185.39.207.84/32, Shodan InternetDB (B)" in done.output
    assert run("lookup", ADDRESS, "--provider", "internetdb").exit_code == 0
    assert len(service.requests) == 1
    forced = run("lookup", ADDRESS, "9.9.9.9", "--provider", "internetdb", "--force-refresh", "--json")
    assert len(service.requests) == 3
    assert forced.exit_code == 1  # the second answer is about another address
    first, second = (json.loads(line) for line in forced.stdout.splitlines())
    assert first["answers"][0]["facts"]["open ports"] == "22, 443, 8080"
    assert second["answers"][0]["error"].startswith("the answer is about")
    assert second["evidence"] == [item for item in second["evidence"] if item["source"] != "internetdb"]
    assert "name one with --provider" in run("lookup", ADDRESS, "--force-refresh").output
    assert "no provider 'shodan'" in run("lookup", ADDRESS, "--provider", "shodan").output


def test_providers_are_listed_with_key_and_quota(
    service: Any, recorded: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    from workbench.intel import ask

    monkeypatch.delenv("WORKBENCH_OTX_KEY")
    service.says(recorded.VIRUSTOTAL)
    ask(ADDRESS, providers="virustotal")
    lines = {line.split()[0]: line for line in run("intel", "providers").output.splitlines() if line.split()}
    assert "environment" in lines["virustotal"]
    assert "499 of 500" in lines["virustotal"]
    assert "missing: WORKBENCH_OTX_KEY" in lines["otx"]
    assert "none wanted" in lines["internetdb"]


def test_a_key_is_never_an_argument_and_never_echoed(service: Any) -> None:
    assert run("intel", "key", "set", "otx", "the-key-itself").exit_code == 2
    done = run("intel", "key", "set", "otx", text="not a key at all\n")
    assert done.exit_code == 1
    assert "not a key at all" not in done.output
    assert "wants no key" in run("intel", "key", "set", "internetdb").output
    assert "no provider 'shodan'" in run("intel", "key", "remove", "shodan").output
