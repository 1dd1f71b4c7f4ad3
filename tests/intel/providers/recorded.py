"""Answers of the providers, composed from their public documentation with values of our own, not captured."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

YESTERDAY = datetime.now(UTC).replace(microsecond=0) - timedelta(days=1)
ADDRESS = "185.39.207.84"

ABUSEIPDB: dict[str, Any] = {
    "data": {
        "ipAddress": ADDRESS,
        "isPublic": True,
        "ipVersion": 4,
        "isWhitelisted": False,
        "abuseConfidenceScore": 83,
        "countryCode": "NL",
        "usageType": "Data Center/Web Hosting/Transit",
        "isp": "Example Hosting B.V.",
        "domain": "hosting.example",
        "hostnames": ["vps7.hosting.example"],
        "isTor": False,
        "totalReports": 41,
        "numDistinctUsers": 17,
        "lastReportedAt": YESTERDAY.isoformat(),
    }
}
GREYNOISE: dict[str, Any] = {
    "ip": ADDRESS,
    "noise": True,
    "riot": False,
    "classification": "malicious",
    "name": "unknown",
    "link": f"https://viz.greynoise.io/ip/{ADDRESS}",
    "last_seen": f"{YESTERDAY:%Y-%m-%d}",
    "message": "Success",
}
GREYNOISE_CONTEXT: dict[str, Any] = {
    "ip": ADDRESS,
    "business_service_intelligence": {"found": False},
    "internet_scanner_intelligence": {
        "found": True,
        "actor": "unknown",
        "bot": False,
        "classification": "malicious",
        "cves": ["CVE-2021-38645"],
        "first_seen": "2026-02-03",
        "last_seen": f"{YESTERDAY:%Y-%m-%d}",
        "last_seen_timestamp": f"{YESTERDAY:%Y-%m-%d %H:%M:%S}",
        "metadata": {"asn": "AS64500", "category": "hosting", "organization": "Example Hosting B.V."},
        "spoofable": False,
        "tags": [{"id": "1", "slug": "ssh-bruteforcer", "name": "SSH Bruteforcer"}],
        "tor": False,
        "vpn": True,
        "vpn_service": "Example VPN",
    },
    "request_metadata": {"restricted_fields": []},
}
IPINFO_LITE: dict[str, Any] = {
    "ip": ADDRESS,
    "asn": "AS64500",
    "as_name": "Example Hosting B.V.",
    "as_domain": "hosting.example",
    "country_code": "NL",
    "country": "Netherlands",
    "continent_code": "EU",
    "continent": "Europe",
}
IPINFO: dict[str, Any] = {
    "ip": ADDRESS,
    "hostname": "vps7.hosting.example",
    "geo": {"city": "Haarlem", "region": "North Holland", "country": "Netherlands", "country_code": "NL"},
    "as": {"asn": "AS64500", "name": "Example Hosting B.V.", "domain": "hosting.example", "type": "hosting"},
    "anonymous": {"is_proxy": False, "is_relay": False, "is_tor": False, "is_vpn": True, "name": "Example VPN"},
    "is_anonymous": True,
    "is_anycast": False,
    "is_hosting": True,
    "is_mobile": False,
    "is_satellite": False,
}  # fmt: skip
IPINFO_OLDER: dict[str, Any] = {
    "ip": ADDRESS,
    "city": "Haarlem",
    "region": "North Holland",
    "country": "NL",
    "org": "AS64500 Example Hosting B.V.",
    "privacy": {"vpn": False, "proxy": True, "tor": False, "relay": False, "hosting": True, "service": ""},
}
VIRUSTOTAL: dict[str, Any] = {
    "data": {
        "id": ADDRESS,
        "type": "ip_address",
        "attributes": {
            "as_owner": "Example Hosting B.V.",
            "asn": 64500,
            "country": "NL",
            "last_analysis_date": int(YESTERDAY.timestamp()),
            "last_analysis_stats": {
                "harmless": 55, "malicious": 10, "suspicious": 2, "timeout": 0, "undetected": 27,
            },
            "reputation": -14,
            "tags": ["self-signed"],
            "total_votes": {"harmless": 0, "malicious": 3},
        },
    }
}  # fmt: skip
INTERNETDB: dict[str, Any] = {
    "cpes": ["cpe:/a:openbsd:openssh:7.4"],
    "hostnames": ["vps7.hosting.example"],
    "ip": ADDRESS,
    "ports": [22, 443, 8080],
    "tags": ["cloud", "c2"],
    "vulns": ["CVE-2018-15473"],
}
OTX: dict[str, Any] = {
    "indicator": ADDRESS,
    "type": "IPv4",
    "type_title": "IPv4",
    "reputation": 0,
    "asn": "AS64500 Example Hosting B.V.",
    "country_code": "NL",
    "pulse_info": {
        "count": 2,
        "pulses": [
            {
                "id": "65a",
                "name": "SSH brute force, honeypot",
                "created": "2026-10-01T08:00:00.123000",
                "modified": f"{YESTERDAY:%Y-%m-%dT%H:%M:%S}.000000",
                "tags": ["ssh"],
                "malware_families": [{"id": "Mirai", "display_name": "Mirai", "target": None}],
            },
            {
                "id": "65b",
                "name": "Scanners of the week",
                "created": "2026-09-01T08:00:00",
                "modified": "2026-09-02T08:00:00",
                "tags": [],
                "malware_families": [],
            },
        ],
    },
    "validation": [],
    "sections": ["general", "geo", "reputation", "url_list", "passive_dns", "malware", "http_scans"],
}
ALL = {
    "abuseipdb": ABUSEIPDB,
    "greynoise": GREYNOISE,
    "greynoise-context": GREYNOISE_CONTEXT,
    "internetdb": INTERNETDB,
    "ipinfo": IPINFO,
    "ipinfo-lite": IPINFO_LITE,
    "otx": OTX,
    "virustotal": VIRUSTOTAL,
}
