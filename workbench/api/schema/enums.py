"""Enumerations: the words of the field, as GraphQL writes them."""

from __future__ import annotations

from enum import Enum
from typing import Any

import strawberry

from workbench.addresses.special import SCOPES
from workbench.enrichment.reputation import VERDICTS
from workbench.intel.network_type import NETWORK_TYPES
from workbench.intel.source import Category, Layer, Reliability
from workbench.secrecy import TLP
from workbench.store.auditing import ACTIONS
from workbench.store.matters.entities import KINDS, RELATIONS
from workbench.store.profiles.enriched import FLAGS
from workbench.store.profiles.profile import ThreatLevel

__all__ = [
    "AlertState", "AuditAction", "AuditKind", "BulkState", "ChangeKind", "EntityKind", "EntityRelation", "FootprintKind", "IntelCategory", "IntelLayer",
    "InvestigationState", "IpFlag", "IpScope", "NetworkType", "ProfileOrder", "SourceReliability", "ThreatLevelName", "TlpLabel", "Verdict",
]  # fmt: skip


def _enum(name: str, description: str, values: dict[str, str], plain: dict[str, Any] | None = None) -> Any:
    """An enumeration whose members have the value that the rooms below use: by default their name in lower case."""
    words = {
        word: strawberry.enum_value((plain or {}).get(word, word.lower()), description=says)
        for word, says in values.items()
    }
    return strawberry.enum(Enum(name, words), name=name, description=description)  # type: ignore[call-overload]


TlpLabel = _enum(
    "TLP",
    "The Traffic Light Protocol, version 2.0 (FIRST): how far a thing may go. The database enforces it.",
    {
        "CLEAR": "Anyone may see it.",
        "GREEN": "The community: members of every organisation of it.",
        "AMBER": "The owning organisation and its named clients.",
        "AMBER_STRICT": "TLP:AMBER+STRICT: the owning organisation only.",
        "RED": "The named recipients only.",
    },
    {level.name: level for level in TLP},
)
ThreatLevelName = _enum(
    "ThreatLevel",
    "An analyst's own judgement of an address; the verdict is that of the intel.",
    {
        "NONE": "No threat, or not judged yet.",
        "LOW": "Worth a note.",
        "MEDIUM": "Suspicious.",
        "HIGH": "Hostile.",
        "CRITICAL": "Hostile, and doing harm now.",
    },
    {level.name: level for level in ThreatLevel},
)
Verdict = _enum(
    "Verdict",
    "What the intel concludes of an address, with its reasons.",
    {
        "MALICIOUS": "Hostile by strong evidence.",
        "SUSPICIOUS": "Hostile by some evidence.",
        "ANONYMISED": "Somebody behind Tor, a VPN or a proxy: the address says little of who it is.",
        "WATCH": "Clean, yet in a place of concern.",
        "CLEAN": "Nothing speaks against it.",
        "UNROUTABLE": "Private, reserved or otherwise not of the public Internet.",
        "INVALID": "No IP address.",
    },
)
assert {word.value for word in Verdict} == set(VERDICTS)
NetworkType = _enum(
    "NetworkType",
    "What kind of network an address is of.",
    {
        "UNKNOWN": "Not known.",
        "ISP": "An Internet service provider for homes and offices.",
        "HOSTING": "Servers for rent.",
        "BUSINESS": "A company's own network.",
        "EDUCATION": "A school, university or research network.",
        "GOVERNMENT": "A public authority.",
        "MOBILE": "A mobile carrier.",
        "CDN": "A content delivery network: shared by many.",
    },
)
assert {word.value for word in NetworkType} == set(NETWORK_TYPES)
IpScope = _enum(
    "IpScope",
    "What the IANA special-purpose registries say of an address.",
    {
        "INVALID": "No IP address.",
        "GLOBAL": "Of the public Internet.",
        "PRIVATE": "Private use (RFC 1918, RFC 4193).",
        "SHARED": "Shared between a carrier's customers (RFC 6598).",
        "LOOPBACK": "The host itself.",
        "LINK_LOCAL": "Within one link.",
        "DOCUMENTATION": "For examples in texts.",
        "BENCHMARKING": "For measurements of devices.",
        "MULTICAST": "A group of receivers.",
        "BROADCAST": "Every host of a link.",
        "UNSPECIFIED": "No address yet.",
        "RESERVED": "Not given to anybody.",
    },
    {"LINK_LOCAL": "link-local"},
)
assert {word.value for word in IpScope} == set(SCOPES)
IpFlag = _enum(
    "IpFlag",
    "A yes-or-no statement of the intel about an address.",
    {
        "TOR": "A Tor exit or relay.",
        "VPN": "A VPN's exit.",
        "PROXY": "An open or commercial proxy.",
        "DATACENTER": "In a datacenter or cloud.",
        "KNOWN_ATTACKER": "On a list of attackers.",
        "KNOWN_ABUSER": "On a list of spammers or other abusers.",
        "ANONYMOUS": "Tor, VPN or proxy.",
    },
    {flag.removeprefix("is_").upper(): flag for flag in FLAGS},
)
IntelCategory = _enum(
    "IntelCategory",
    "What it means to be on a list.",
    {
        "TOR": "Tor exits and relays.",
        "VPN": "Exits of VPNs.",
        "PROXY": "Proxies.",
        "DATACENTER": "Ranges of clouds and hosters.",
        "ATTACKER": "Addresses that attack.",
        "ABUSER": "Addresses that send spam or abuse otherwise.",
        "CDN": "Content delivery networks: shared, evidence against blaming the address.",
        "RESOLVER": "Public DNS resolvers: evidence against blaming the address.",
        "CRAWLER": "Search engines and other declared crawlers.",
        "SCANNER": "Announced research scanners.",
        "SINKHOLE": "Sinkholes of defenders.",
        "MAIL": "Outbound mail of large providers.",
        "BENIGN": "Other infrastructure known to raise false alarms.",
    },
)
assert {word.value for word in IntelCategory} == {word.value for word in Category}
IntelLayer = _enum(
    "IntelLayer",
    "What kind of statement a source makes.",
    {
        "GEO": "Where an address is.",
        "NETWORK": "Whose it is: AS number, organisation, prefix, registry.",
        "MEMBERSHIP": "That it is on a list.",
    },
)
assert {word.value for word in IntelLayer} == {word.value for word in Layer}
SourceReliability = _enum(
    "SourceReliability",
    "Reliability of a source on the Admiralty scale (AJP-2.1).",
    {
        "A": "Completely reliable.",
        "B": "Usually reliable.",
        "C": "Fairly reliable.",
        "D": "Not usually reliable.",
        "E": "Unreliable.",
        "F": "Cannot be judged.",
    },
    {word.value: word.value for word in Reliability},
)
ProfileOrder = _enum(
    "IpProfileOrder",
    "The order of a search.",
    {
        "REPUTATION": "The worst reputation first; the default.",
        "UPDATED": "The latest change first; the default with a time.",
        "ADDRESS": "By address, IPv4 first; the default with a network.",
    },
)
InvestigationState = _enum(
    "InvestigationState",
    "Whether a matter is still worked on.",
    {"OPEN": "It is worked on.", "CLOSED": "It is done with."},
)
EntityKind = _enum(
    "EntityKind",
    "Who or what stands behind addresses.",
    {
        "PERSON": "A human being.",
        "ORGANISATION": "A company, authority or group.",
        "THREAT_ACTOR": "An adversary, by whatever name it is known.",
        "MALWARE": "Malicious software.",
        "DEVICE": "A machine.",
        "ACCOUNT": "An account with some service.",
    },
    {"THREAT_ACTOR": "threat-actor"},
)
assert {word.value for word in EntityKind} == set(KINDS)
EntityRelation = _enum(
    "EntityRelation",
    "What an entity has to do with an address: a STIX 2.1 relationship type, or OWNS.",
    {
        "USES": "The entity makes use of the address.",
        "OWNS": "The entity owns the address.",
        "CONTROLS": "The entity controls the address.",
        "COMMUNICATES_WITH": "The entity exchanges data with the address.",
        "TARGETS": "The entity attacks the address.",
        "HOSTS": "The entity hosts the address.",
        "ATTRIBUTED_TO": "The entity is attributed to the address.",
        "RELATED_TO": "The two have something to do with one another.",
    },
    {relation.replace("-", "_").upper(): relation for relation in RELATIONS},
)
FootprintKind = _enum(
    "FootprintKind",
    "What kind of trace an address left elsewhere.",
    {
        "HOSTNAME": "The name of a host that resolves to it, or that it resolves to.",
        "DOMAIN": "A domain.",
        "URL": "A URL.",
        "ACCOUNT": "An account with some service.",
        "DEVICE": "A device.",
        "CERTIFICATE": "An X.509 certificate, by its fingerprint.",
    },
)
AlertState = _enum(
    "AlertState",
    "How far an alert has been dealt with.",
    {
        "RAISED": "Nobody looks after it yet.",
        "ACKNOWLEDGED": "Somebody looks after it.",
        "CLOSED": "It is done with.",
    },
)
AuditAction = _enum(
    "AuditAction",
    "What was done.",
    {action.replace(" ", "_").upper(): f"{says[0].upper()}{says[1:]}." for action, says in ACTIONS.items()},
    {action.replace(" ", "_").upper(): action for action in ACTIONS},
)
AuditKind = _enum(
    "AuditKind",
    "What kind of thing something was done to.",
    {
        "PROFILE": "A profile.",
        "INVESTIGATION": "An investigation.",
        "ENTITY": "An entity.",
        "WATCHLIST": "A watchlist.",
        "ALERT": "An alert.",
        "EVIDENCE": "Evidence of a profile.",
        "SIGHTING": "A sighting of a profile.",
        "FOOTPRINT": "A trace of a profile elsewhere.",
        "INVESTIGATION_LINK": "The link of a profile to an investigation.",
        "ENTITY_LINK": "The link of a profile to an entity.",
        "REPORT_SCHEDULE": "A report that is made again and again.",
        "REPORT_RUN": "A making of it.",
    },
    {
        "PROFILE": "profiles",
        "INVESTIGATION": "investigations",
        "ENTITY": "entities",
        "WATCHLIST": "watchlists",
        "ALERT": "alerts",
        "SIGHTING": "sightings",
        "INVESTIGATION_LINK": "investigation_profiles",
        "ENTITY_LINK": "entity_profiles",
        "REPORT_SCHEDULE": "report_schedules",
        "REPORT_RUN": "report_runs",
    },
)
ChangeKind = _enum(
    "ChangeKind",
    "What an event of a stream tells.",
    {
        "READY": "The stream is open; from here on nothing is missed.",
        "CREATED": "The profile is new: at its first version, when it is told.",
        "UPDATED": "The profile is at another version, or has come within sight.",
        "DELETED": "The profile was deleted, recoverably.",
    },
)
BulkState = _enum(
    "BulkEnrichmentState",
    "How far a bulk enrichment is.",
    {
        "RUNNING": "Under way.",
        "DONE": "All was brought to the current intel.",
        "FAILED": "It was stopped by an error; what was done stays done.",
    },
)
