"""Make data/samples/firewall.log and data/samples/exercise-indicators.json: one night at an invented water utility.

    python data/make_sample_log.py

The outside addresses are real so that real intel speaks about them: three Tor exits, a cloud host in Hong
Kong, subscribers and offices of large providers picked at random from their ranges, a public resolver and
a CDN. What they *do* in this log is invented. The two attackers are addresses of prefixes that the RIPE
NCC's Routing Information Service (AS12654) announces for measurement: they serve nobody, so calling them
attackers in an exercise harms no one, and they are global and routed, as an attacker's would be.
"""

from __future__ import annotations

import hashlib
import json
import random
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path

SAMPLES = Path(__file__).resolve().parent / "samples"

TOR = ["185.246.188.74", "178.17.174.164", "109.228.160.190"]
ATTACKERS = ["84.205.67.213", "93.175.147.88"]
DATACENTER = ["119.28.0.93"]
VISITORS = [
    "153.97.34.77", "74.49.240.48", "88.127.115.26", "31.100.176.5", "194.26.80.30", "203.21.193.251",
    "189.32.74.243", "164.4.0.148", "200.23.212.147", "195.55.178.196", "220.94.207.68", "105.224.199.137",
]  # fmt: skip
VISITORS6 = [
    "2405:205:eb60:bec:dbc4:96cb:8e81:973e",
    "2a01:e14:0:ec66:5c90:a958:7403:e430",
    "2001:380:0:3d9c:8d11:6ece:1738:f7d9",
]
RESOLVER, CDN = "8.8.8.8", "104.16.132.229"

# The utility's own side: RFC 1918 behind the firewall, documentation space where a public address stands.
PORTAL, VPN_GATEWAY, PORTAL6 = "203.0.113.20", "203.0.113.25", "2001:db8:20::20"
HISTORIAN, ENGINEERING, WORKSTATIONS = (
    "10.20.30.5",
    "10.20.30.17",
    [f"10.20.40.{n}" for n in (11, 12, 23, 41)],
)

# Minute after the start, and a line as a crash, a cut or a careless script leaves it.
BROKEN = [
    (75.03, b"Oct  4 23:15:02 fw-scada-01 kernel: [98102.100230] FW-DROP: IN=wan0 OUT= SRC=999.10.2.1 DST=203.0.113.20 LEN=60 PROTO=TCP SPT=1 DPT=22"),
    (161.62, b"Oct  5 00:41:37 fw-scada-01 kernel: [10329"),
    (161.63, b"\x00\x00\xff\xfe\x00garbage after a power cut\xc3\x01"),
    (197.0, b"Oct  5 01:17:00 fw-scada-01 kernel: [105420.000001] FW-DROP: IN=wan0 OUT= SRC=10.1.2 DST=203.0.113.20 LEN=40 PROTO=TCP SPT=40112 DPT=443"),
    (290.15, b"Oct  5 02:50:09 fw-scada-01 kernel: [111009.220000] FW-DROP: IN=wan0 OUT= SRC=010.20.30.40 DST=203.0.113.25 LEN=40 PROTO=UDP SPT=53 DPT=53"),
]  # fmt: skip


def main() -> None:
    random.seed(20261005)
    SAMPLES.mkdir(exist_ok=True)
    (SAMPLES / "firewall.log").write_bytes(log())
    (SAMPLES / "exercise-indicators.json").write_text(json.dumps(bundle(), indent=2) + "\n", encoding="utf-8")


def log() -> bytes:
    """The lines in order of time; five of them damaged, one of those not even UTF-8."""
    start = datetime(2026, 10, 4, 22, 0, tzinfo=UTC)
    events: list[
        tuple[float, str, str, str, int, str, str]
    ] = []  # minute, verb, source, target, port, in, out

    def event(
        minute: float, verb: str, source: str, target: str, port: int, inside: str = "wan0", out: str = "dmz0"
    ) -> None:
        events.append((minute, verb, source, target, port, inside, out))

    for visitor in VISITORS:
        for _ in range(random.randint(4, 12)):
            event(random.uniform(0, 360), "ACCEPT", visitor, PORTAL, 443)
    for visitor in VISITORS6:
        for _ in range(random.randint(3, 7)):
            event(random.uniform(0, 360), "ACCEPT", visitor, PORTAL6, 443)
    for host in WORKSTATIONS:
        for _ in range(14):
            event(random.uniform(0, 360), "ACCEPT", host, RESOLVER, 53, "lan0", "wan0")
        for _ in range(6):
            event(random.uniform(0, 360), "ACCEPT", host, CDN, 443, "lan0", "wan0")
            event(random.uniform(0, 360), "ACCEPT", host, HISTORIAN, 1433, "lan0", "ot0")
    for exit_ in TOR:  # password spraying against the VPN gateway
        for n in range(18):
            event(95 + n * 0.6 + random.random(), "DROP" if n % 3 else "ACCEPT", exit_, VPN_GATEWAY, 443)
    for n in range(25):  # a scan of the industrial protocols
        event(130 + n * 0.05, "DROP", DATACENTER[0], PORTAL, random.choice([102, 502, 2404, 20000, 44818]))
    event(171, "ACCEPT", ATTACKERS[0], VPN_GATEWAY, 443)
    for n in range(9):
        event(172 + n * 2.5, "ACCEPT", VPN_GATEWAY, ENGINEERING, 3389, "dmz0", "ot0")
        event(172.4 + n * 2.5, "ACCEPT", ENGINEERING, HISTORIAN, 445, "ot0", "ot0")
    for n in range(30):  # the beacon of the implant, and what it carried out
        event(200 + n * 5, "ACCEPT", ENGINEERING, ATTACKERS[1], 8443, "ot0", "wan0")
    event(352, "DROP", "169.254.10.9", "224.0.0.251", 5353, "lan0", "")
    event(353, "DROP", "fe80::1c2a:9bff:fe11:7a01", "ff02::fb", 5353, "lan0", "")
    event(354, "DROP", "fd12:3456:789a:1::15", "2001:db8:20::20", 443, "lan0", "dmz0")
    event(355, "DROP", "100.64.12.9", PORTAL, 443)

    lines: list[tuple[float, bytes]] = list(BROKEN)
    for minute, verb, source, target, port, inside, out in sorted(events):
        moment = start + timedelta(minutes=minute)
        uptime = 93600 + minute * 60
        version6 = ":" in source
        protocol = "UDP" if port in (53, 5353) else "TCP"
        length = random.choice([52, 60, 84, 120, 1420])
        header = (
            f"LEN={length} TC=0 HOPLIMIT=52 FLOWLBL=0"
            if version6
            else f"LEN={length} TOS=0x00 PREC=0x00 TTL=52 ID={random.randint(1, 65535)} DF"
        )
        tail = "LEN=48" if protocol == "UDP" else "WINDOW=64240 RES=0x00 SYN URGP=0"
        line = (
            f"{moment:%b} {moment.day:>2} {moment:%H:%M:%S} fw-scada-01 kernel: [{uptime:.6f}] FW-{verb}: IN={inside} OUT={out} "
            f"MAC=52:54:00:12:34:56:52:54:00:65:43:21:08:00 SRC={source} DST={target} {header} PROTO={protocol} "
            f"SPT={random.randint(1024, 65535)} DPT={port} {tail}"
        )
        lines.append((minute, line.encode("ascii")))
    return b"\n".join(line for _, line in sorted(lines)) + b"\n"


def _uuid4(name: str) -> uuid.UUID:
    """A version 4 UUID, as STIX recommends for these objects, that stays the same from run to run."""
    return uuid.UUID(bytes=hashlib.sha256(f"ip-workbench sample {name}".encode()).digest()[:16], version=4)


def bundle() -> dict[str, object]:
    made = "2026-10-04T18:00:00.000Z"
    identity = f"identity--{_uuid4('exercise')}"
    clear = "marking-definition--94868c89-83c2-464b-929b-a1a8aa3c8487"
    objects: list[dict[str, object]] = [
        {
            "type": "marking-definition",
            "spec_version": "2.1",
            "id": clear,
            "created": "2022-10-01T00:00:00.000Z",
            "name": "TLP:CLEAR",
            "extensions": {
                "extension-definition--60a3c5c5-0d10-413e-aab3-9e08dde9e88d": {
                    "extension_type": "property-extension",
                    "tlp_2_0": "clear",
                }
            },
        },
        {
            "type": "identity",
            "spec_version": "2.1",
            "id": identity,
            "created": made,
            "modified": made,
            "name": "EXERCISE: water utility table-top",
            "description": "Exercise data, not real. The addresses named here belong to measurement prefixes and attack nobody.",
            "identity_class": "group",
            "labels": ["exercise"],
            "object_marking_refs": [clear],
        },
    ]
    stories = [
        ("EXERCISE access with stolen VPN credentials", ["malicious-activity"], 90),
        ("EXERCISE command and control of the implant", ["malicious-activity"], 95),
    ]
    for address, (name, types, confidence) in zip(ATTACKERS, stories, strict=True):
        objects.append({
            "type": "indicator",
            "spec_version": "2.1",
            "id": f"indicator--{_uuid4(address)}",
            "created_by_ref": identity,
            "created": made,
            "modified": made,
            "name": name,
            "description": "Exercise data, not real: an invented attacker on an address of a measurement prefix.",
            "indicator_types": types,
            "pattern": f"[ipv4-addr:value = '{address}']",
            "pattern_type": "stix",
            "valid_from": "2026-10-01T00:00:00Z",
            "valid_until": "2027-10-01T00:00:00Z",
            "labels": ["exercise"],
            "confidence": confidence,
            "object_marking_refs": [clear],
        })  # fmt: skip
    return {"type": "bundle", "id": f"bundle--{_uuid4('bundle')}", "objects": objects}


if __name__ == "__main__":
    main()
