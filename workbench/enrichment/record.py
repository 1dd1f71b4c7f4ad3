"""One address with everything known of it, and why."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from html import escape
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Any

from workbench.addresses.special import special_purpose
from workbench.addresses.text import number_array, parse
from workbench.enrichment.asked import judged_with
from workbench.enrichment.engine import Engine
from workbench.enrichment.reputation import weights
from workbench.intel.providers.provider import Answer
from workbench.intel.snapshot import SnapshotSource

__all__ = ["Evidence", "Intel", "as_pasted", "evidence_of", "lookup", "told"]

_PASTED = 300
"""Characters that are looked at for an address; a URL has no more before its path."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """One list entry that covers the address, or one finding of a provider that was asked, and what it adds.

    ``weight`` (0-1) is the chance that this entry alone makes the address hostile; see
    :mod:`workbench.enrichment.reputation` for how weights become a reputation. ``seen`` is the date the
    weight decays from: the entry's last sighting, else the date of the list.
    """

    source: str
    title: str
    category: str
    label: str
    entry: str
    weight: float
    reliability: str
    level: int | None
    stated_confidence: int | None
    first_seen: datetime | None
    last_seen: datetime | None
    published: datetime | None
    note: str | None
    licence: str

    @property
    def seen(self) -> datetime | None:
        """When its source spoke of the address last; of a source that tells no such times, the date of its file."""
        return self.last_seen or self.published


@dataclass(frozen=True, slots=True)
class Intel:
    """What one snapshot says of one address; the fields are the columns of :data:`~workbench.enrichment.engine.SCHEMA`.

    ``answers`` are those of providers that were asked: their findings stand in ``evidence`` and in the verdict,
    their facts (open ports, counts) and errors beside it.
    """

    address: str | None
    version: int | None
    scope: str
    country: str | None
    country_name: str | None
    region: str | None
    city: str | None
    latitude: float | None
    longitude: float | None
    accuracy_km: int | None
    timezone: str | None
    asn: int | None
    as_org: str | None
    network_type: str | None
    prefix: str | None
    rir: str | None
    is_tor: bool | None
    is_vpn: bool | None
    is_proxy: bool | None
    is_datacenter: bool | None
    is_known_attacker: bool | None
    is_known_abuser: bool | None
    is_anonymous: bool | None
    reputation: int | None
    confidence: float | None
    verdict: str
    reasons: str
    snapshot: str
    evidence: tuple[Evidence, ...] = ()
    answers: tuple[Answer, ...] = ()

    @property
    def flags(self) -> tuple[str, ...]:
        """Names of the flags that are set, without ``is_``."""
        return tuple(f.name[3:] for f in fields(self) if f.name.startswith("is_") and getattr(self, f.name))

    def _facts(self) -> list[tuple[str, str]]:
        place = ", ".join(part for part in (self.city, self.region, self.country_name) if part)
        facts = [
            (
                "verdict",
                self.verdict + (f", reputation {self.reputation}/100" if self.reputation is not None else ""),
            ),
            ("confidence", f"{self.confidence:.2f}" if self.confidence is not None else ""),
            ("scope", self.scope),
            ("place", place + (f" ({self.country})" if self.country else "")),
            ("network", (f"AS{self.asn} {self.as_org or ''}".strip() if self.asn else "")),
            ("network type", self.network_type or ""),
            ("prefix", self.prefix or ""),
            ("registry", self.rir or ""),
            ("flags", ", ".join(self.flags)),
            ("why", self.reasons),
            ("snapshot", self.snapshot),
            *((answer.provider, told(answer)) for answer in self.answers),
        ]
        return [(name, text) for name, text in facts if text]

    def __str__(self) -> str:
        lines = [self.address or "(not an address)"]
        facts = self._facts()
        wide = max(13, *(len(name) + 2 for name, _ in facts))
        lines += [f"  {name:<{wide}}{text}" for name, text in facts]
        for item in self.evidence:
            seen = f"{item.seen:%Y-%m-%d}" if item.seen else "undated"
            label = f" {item.label}" if item.label else ""
            lines.append(
                f"  · {item.category}{label}: {item.entry}, {item.title} ({item.reliability}), {seen}, weight {item.weight:.2f}"
            )
        return "\n".join(lines)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><th style='text-align:left'>{escape(name)}</th><td style='text-align:left'>{escape(text)}</td></tr>"
            for name, text in self._facts()
        )
        items = "".join(
            "<tr>"
            + "".join(
                f"<td style='text-align:left'>{escape(cell)}</td>"
                for cell in (
                    f"{item.category} {item.label}".strip(),
                    item.entry,
                    f"{item.title} ({item.reliability})",
                    f"{item.seen:%Y-%m-%d}" if item.seen else "undated",
                    f"{item.weight:.2f}",
                )
            )
            + "</tr>"
            for item in self.evidence
        )
        heads = "".join(f"<th>{h}</th>" for h in ("evidence", "entry", "source", "seen", "weight"))
        evidence = f"<table><thead><tr>{heads}</tr></thead><tbody>{items}</tbody></table>" if items else ""
        return f"<h4>{escape(self.address or 'not an address')}</h4><table><tbody>{rows}</tbody></table>{evidence}"


def told(answer: Answer) -> str:
    """The facts of an answer and how fresh it is, or why there is none."""
    facts = "; ".join(f"{name}: {fact}" for name, fact in answer.facts.items()) or "nothing known"
    if answer.retrieved is None:
        return f"not asked: {answer.error}"
    kept = ", expired" if answer.expired else ", cached" if answer.cached else ""
    failed = f"; not asked anew: {answer.error}" if answer.error else ""
    return f"{facts} [{answer.retrieved:%Y-%m-%d %H:%M} UTC{kept}]{failed}"


def as_pasted(text: str) -> str:
    """The address in what was copied from a report or a log: ``8[.]8[.]8[.]8``, ``8.8.8.8:443``, ``[2001:db8::1]:80``,
    ``hxxp://8.8.8.8/``; the text itself where it holds none, or several."""
    text = text.strip()
    with contextlib.suppress(ValueError):
        ip_address(text)
        return text
    if len(text) > _PASTED or len(text.split()) != 1:
        return text
    from workbench.addresses.extract import extract_text

    found = extract_text(text).table.to_pylist()
    return str(found[0]["address"]) if [row["kind"] for row in found] == ["address"] else text


def lookup(engine: Engine, address: str, answers: Sequence[Answer] = ()) -> Intel:
    """Look one address up, with its evidence; also one as it was pasted (:func:`as_pasted`). Text that is no address
    gives scope ``invalid``.

    What providers answered about this address (:func:`workbench.intel.ask`) is evidence like that of a list;
    findings change the verdict, facts do not.

    Raises:
        TypeError: ``address`` is no string (or ``ipaddress`` object).
    """
    if not isinstance(address, str | IPv4Address | IPv6Address):
        raise TypeError(
            f"lookup wants the text of one address, not {repr(address)[:80]}; enrich() and triage() take many"
        )
    table = engine.enrich([as_pasted(str(address))])
    values: dict[str, Any] = {name: table.column(name)[0].as_py() for name in table.column_names}
    if values["scope"] not in ("invalid", "global"):
        (block,) = special_purpose(parse([values["address"]]))
        if block is not None:
            values["reasons"] = f"{block.prefix} {block.name} ({block.rfc}): {values['reasons']}"
    if values["scope"] == "invalid":
        values["reasons"] = _no_address(str(address))
    evidence = evidence_of(engine, values["address"])
    about = [answer for answer in answers if answer.address == values["address"]]
    if values["scope"] == "global" and any(answer.findings for answer in about):
        rows = engine.evidence_rows([values["address"]])[0]
        columns, found = judged_with(engine.snapshot, rows, values, about)
        values |= columns
        evidence += [_evidence(source, row, weight) for source, row, weight in found]
        evidence.sort(key=lambda item: -item.weight)
    return Intel(**values, evidence=tuple(evidence), answers=tuple(answers))


def _no_address(text: str) -> str:
    with contextlib.suppress(ValueError):
        return f"{ip_network(text.strip(), strict=False)} is a network: look up an address of it"
    return f"{text[:80]!r} is not an IP address"


def evidence_of(engine: Engine, address: str | None) -> list[Evidence]:
    """All list entries over one address, the heaviest first; none for what is no global address."""
    if address is None:
        return []
    rows = engine.evidence_rows([address])[0]
    if not len(rows):
        return []
    snapshot = engine.snapshot
    found = [
        _evidence(snapshot.sources[row["source"]], row, weight)
        for row, weight in zip(
            snapshot.evidence.take(number_array(rows)).to_pylist(),
            weights(snapshot, rows).tolist(),
            strict=True,
        )
    ]
    return sorted(found, key=lambda item: -item.weight)


def _evidence(source: SnapshotSource, row: dict[str, Any], weight: float) -> Evidence:
    return Evidence(
        source=source.id,
        title=source.title,
        category=row["category"],
        label=row["label"] or "",
        entry=row["entry"],
        weight=weight,
        reliability=source.reliability,
        level=row["level"],
        stated_confidence=row["confidence"],
        first_seen=row["first_seen"],
        last_seen=row["last_seen"],
        published=source.as_of,
        note=row["note"],
        licence=source.licence,
    )
