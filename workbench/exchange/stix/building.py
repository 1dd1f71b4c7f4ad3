"""Dossiers as STIX 2.1 objects."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import stix2

from workbench.exchange.stix.dossier import Dossier, Investigation, Remark, Seen
from workbench.exchange.stix.versions import stable_id, timestamp
from workbench.secrecy import MARKING_IDS, TLP

__all__ = ["INDICATED", "Builder", "indicator_id", "relationship_id"]

_TYPES = {
    "malicious": "malicious-activity",
    "suspicious": "anomalous-activity",
    "anonymised": "anonymization",
}
"""Verdicts that make an indicator, as types of STIX 2.1 section 10.9."""
INDICATED = frozenset(_TYPES)
_ANONYMOUS = ("is_tor", "is_vpn", "is_proxy")
_MOST_COUNTED = 999_999_999  # STIX 2.1 sections 4.14 and 5.2


def indicator_id(organisation: str, address: str) -> str:
    """The id of the indicator an organisation has on an address."""
    return stable_id("indicator", organisation, address)


def relationship_id(organisation: str, source: str, kind: str, target: str) -> str:
    """The id of what an organisation says of two objects."""
    return stable_id("relationship", organisation, source, kind, target)


@dataclass(slots=True)
class Builder:
    """Collects objects for one bundle. Those with versions have neither ``created`` nor ``modified`` yet.

    An object that several dossiers are about has the most closed of their levels. Autonomous systems have the
    most open: they say nothing of the addresses in them. Places are an object a level, so that they keep
    their versions. That the organisation exists is no secret.
    """

    organisation: str
    identity: str
    valid_for: timedelta
    now: datetime
    observables: dict[str, dict[str, Any]] = field(default_factory=dict)
    versioned: dict[str, dict[str, Any]] = field(default_factory=dict)
    levels: dict[str, TLP] = field(default_factory=dict)
    latest: set[str] = field(default_factory=set)
    """Ids with versions that the last call of :meth:`dossier` or :meth:`investigation` came upon."""

    def dossier(self, dossier: Dossier) -> list[str]:
        """Add one; returns the ids of what is about it.

        Raises:
            ValueError: its address is none.
        """
        self.latest = set()
        level = dossier.marking.level
        address = self._address(dossier, level)
        about = [address, *self._place(dossier, address, level), *self._domains(dossier, address, level)]
        about += self._judgement(dossier, address, level)
        about += [self._remark(dossier, remark, address) for remark in dossier.remarks]
        return about

    def investigation(self, investigation: Investigation, members: list[str]) -> None:
        """Add an investigation over objects that are here. It is as closed as its most closed member: it names them."""
        self.latest = set()
        level = max([investigation.marking.level, *(self.levels[member] for member in members)])
        content: dict[str, Any] = {
            "name": investigation.name,
            "description": investigation.description,
            "object_refs": list(dict.fromkeys(members)),
        }
        key = (self.organisation, investigation.key or investigation.name)
        if investigation.concluded is not None:
            published = timestamp(investigation.concluded)
            self._add("report", key, level, report_types=["observed-data"], published=published, **content)
        else:
            self._add("grouping", key, level, context="suspicious-activity", **content)

    def rename(self, ids: Mapping[str, str]) -> None:
        """Give objects other ids, here and wherever others refer to them."""

        def renamed(name: str, content: Any) -> Any:
            if name.endswith("_refs"):
                return [ids.get(each, each) for each in content]
            return ids.get(content, content) if name == "id" or name.endswith("_ref") else content

        if ids:
            self.versioned = {
                ids.get(key, key): {name: renamed(name, content) for name, content in value.items()}
                for key, value in self.versioned.items()
            }
            self.levels = {ids.get(key, key): level for key, level in self.levels.items()}

    def maker(self) -> None:
        """Add the identity of the organisation that makes the bundle."""
        self._add(
            "identity", (), TLP.CLEAR, self.identity, name=self.organisation, identity_class="organization"
        )

    def _add(
        self, kind: str, key: tuple[str, ...], level: TLP, identifier: str | None = None, **content: Any
    ) -> str:
        identifier = identifier or stable_id(kind, *key)
        self.latest.add(identifier)
        if identifier != self.identity:
            content["created_by_ref"] = self.identity
        value = {"type": kind, "spec_version": "2.1", "id": identifier, **content}
        self.versioned.setdefault(identifier, {k: v for k, v in value.items() if v is not None and v != []})
        return self._levelled(identifier, level)

    def _observable(self, observable: Any, level: TLP) -> str:
        value = {k: list(v) if isinstance(v, list) else v for k, v in observable.items()}
        identifier = str(value["id"])
        known = self.observables.setdefault(identifier, value)
        for name, content in value.items():
            if name.endswith("_refs"):  # of several domains on one address, or addresses of one domain
                known[name] = list(dict.fromkeys([*known.get(name, []), *content]))
            else:
                known.setdefault(name, content)
        return self._levelled(identifier, level)

    def _levelled(self, identifier: str, level: TLP) -> str:
        known = self.levels.get(identifier, level)
        opens = identifier.startswith("autonomous-system--")
        self.levels[identifier] = min(known, level) if opens else max(known, level)
        return identifier

    def _address(self, dossier: Dossier, level: TLP) -> str:
        network = ipaddress.ip_network(dossier.address, strict=False)
        kind = stix2.v21.IPv4Address if network.version == 4 else stix2.v21.IPv6Address
        systems = []
        if number := dossier.intel.get("asn"):
            given = {"name": dossier.intel.get("as_org"), "rir": dossier.intel.get("rir")}
            system = stix2.v21.AutonomousSystem(number=int(number), **{k: v for k, v in given.items() if v})
            systems.append(self._observable(system, level))
        more = {"belongs_to_refs": systems} if systems else {}
        return self._observable(kind(value=_text(network), **more), level)

    def _place(self, dossier: Dossier, address: str, level: TLP) -> Iterator[str]:
        get = dossier.intel.get
        place: dict[str, Any] = {
            "country": get("country"),
            "administrative_area": get("region"),
            "city": get("city"),
        }
        latitude, longitude, accuracy = get("latitude"), get("longitude"), get("accuracy_km")
        if latitude is not None and longitude is not None:
            place |= {"latitude": float(latitude), "longitude": float(longitude)}
            if accuracy:
                place["precision"] = float(accuracy) * 1000  # metres
        elif not place["country"]:
            return
        key = (self.organisation, level.label, *(str(value or "") for value in place.values()))
        named = ", ".join(
            str(x) for x in (get("city"), get("region"), get("country_name") or get("country")) if x
        )
        location = self._add("location", key, level, name=named or None, **place)
        yield location
        # located-at is not among the relationships of ipv4-addr (STIX 2.1 section 6.10).
        yield self._related(
            address,
            "related-to",
            location,
            level,
            "The address is located there, as far as geolocation can tell.",
        )

    def _domains(self, dossier: Dossier, address: str, level: TLP) -> Iterator[str]:
        for name in dict.fromkeys(domain.rstrip(".").lower() for domain in dossier.domains):
            if name:
                yield self._observable(stix2.v21.DomainName(value=name, resolves_to_refs=[address]), level)

    def _judgement(self, dossier: Dossier, address: str, level: TLP) -> Iterator[str]:
        verdict = dossier.intel.get("verdict")
        labels = self._labels(dossier)
        indicator = None
        if verdict in _TYPES:
            yield (indicator := self._indicator(dossier, str(verdict), level, labels))
        elif verdict or labels:
            text = f"Verdict: {verdict or 'none'}.{_because(dossier.intel)}"
            key = (self.organisation, dossier.address, "verdict")
            yield self._add(
                "note", key, level, abstract="Assessment", content=text, labels=labels, object_refs=[address]
            )
        for seen in dossier.sightings:
            observed = self._observed(dossier, seen, address, level)
            yield observed
            if indicator:
                yield self._related(indicator, "based-on", observed, level)
                yield self._sighting(dossier, seen.count, indicator, level, seen, observed)
        if indicator and dossier.hits:
            yield self._sighting(dossier, dossier.hits, indicator, level)

    def _indicator(self, dossier: Dossier, verdict: str, level: TLP, labels: list[str]) -> str:
        intel = dossier.intel
        network = ipaddress.ip_network(dossier.address, strict=False)
        single = network.prefixlen == network.max_prefixlen
        types = [_TYPES[verdict]]
        if any(intel.get(flag) for flag in _ANONYMOUS) and "anonymization" not in types:
            types.append("anonymization")
        confidence = intel.get("confidence")
        start = _judged(intel) or min((seen.first for seen in dossier.sightings), default=self.now)
        return self._add(
            "indicator",
            (self.organisation, dossier.address),
            level,
            name=f"{_text(network)}: {verdict}",
            description=f"Verdict: {verdict}.{_because(intel)}",
            indicator_types=types,
            pattern=f"[ipv{network.version}-addr:value {'=' if single else 'ISSUBSET'} '{_text(network)}']",
            pattern_type="stix",
            pattern_version="2.1",
            valid_from=timestamp(start),
            valid_until=timestamp(start + self.valid_for),
            confidence=None if confidence is None else max(0, min(100, round(float(confidence) * 100))),
            labels=labels,
            external_references=_sources(intel),
        )

    def _observed(self, dossier: Dossier, seen: Seen, address: str, level: TLP) -> str:
        return self._add(
            "observed-data",
            (self.organisation, dossier.address, *_key(seen)),
            level,
            first_observed=timestamp(seen.first),
            last_observed=timestamp(max(seen.first, seen.last)),
            number_observed=_counted(seen.count),
            object_refs=[address],
        )

    def _sighting(
        self,
        dossier: Dossier,
        count: int,
        indicator: str,
        level: TLP,
        seen: Seen | None = None,
        observed: str | None = None,
    ) -> str:
        where = seen.where if seen and seen.where else self.organisation
        by = self.identity
        if where != self.organisation:
            key = (self.organisation, where)
            by = self._add("identity", key, level, name=where, identity_class="organization")
        return self._add(
            "sighting",
            (self.organisation, dossier.address, *(_key(seen) if seen else ())),
            level,
            sighting_of_ref=indicator,
            observed_data_refs=[observed] if observed else None,
            where_sighted_refs=[by],
            count=_counted(count),
            first_seen=timestamp(seen.first) if seen else None,
            last_seen=timestamp(max(seen.first, seen.last)) if seen else None,
        )

    def _remark(self, dossier: Dossier, remark: Remark, address: str) -> str:
        level = max(dossier.marking.level, remark.marking.level if remark.marking else TLP.CLEAR)
        return self._add(
            "note",
            (self.organisation, dossier.address, remark.key or remark.text),
            level,
            content=remark.text,
            authors=[remark.author] if remark.author else None,
            object_refs=[address],
        )

    def _related(
        self, source: str, kind: str, target: str, level: TLP, description: str | None = None
    ) -> str:
        return self._add(
            "relationship",
            (),
            level,
            relationship_id(self.organisation, source, kind, target),
            relationship_type=kind,
            source_ref=source,
            target_ref=target,
            description=description,
        )

    @staticmethod
    def _labels(dossier: Dossier) -> list[str]:
        flags = [
            name[3:].replace("_", "-")
            for name, value in dossier.intel.items()
            if name.startswith("is_") and value is True
        ]
        return list(dict.fromkeys(flags + [tag for tag in dossier.tags if tag]))

    def marked(self, value: dict[str, Any]) -> dict[str, Any]:
        """The object with the marking of its level."""
        return {**value, "object_marking_refs": [MARKING_IDS[self.levels[str(value["id"])]]]}


def _text(network: ipaddress.IPv4Network | ipaddress.IPv6Network) -> str:
    return str(network.network_address if network.prefixlen == network.max_prefixlen else network)


def _key(seen: Seen) -> tuple[str, ...]:
    return (seen.key,) if seen.key else (seen.where or "", timestamp(seen.first))


def _counted(count: int) -> int:
    return max(1, min(int(count), _MOST_COUNTED))


def _because(intel: Mapping[str, Any]) -> str:
    parts = []
    if intel.get("reasons"):
        parts.append(str(intel["reasons"]).rstrip(".") + ".")
    if intel.get("reputation") is not None:
        parts.append(f"Reputation {intel['reputation']} of 100 (100 is worst).")
    if intel.get("snapshot"):
        parts.append(f"Intel {intel['snapshot']}.")
    return "".join(f" {part}" for part in parts)


def _sources(intel: Mapping[str, Any]) -> list[dict[str, str]]:
    """The lists the verdict rests on, with their licences, as far as the evidence is known."""
    return [
        {
            "source_name": str(item["title"]),
            "description": f"{item['category']}: {item['entry']}"
            + (f" ({item['licence']})" if item.get("licence") else ""),
        }
        for item in intel.get("evidence") or ()
        if isinstance(item, Mapping) and item.get("title")
    ]


def _judged(intel: Mapping[str, Any]) -> datetime | None:
    """The day of the snapshot the verdict rests on, which its id begins with."""
    try:
        return datetime.fromisoformat(str(intel.get("snapshot"))[:10]).replace(tzinfo=UTC)
    except ValueError:
        return None
