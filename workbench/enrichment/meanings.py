"""What each column of an enriched table means, in a line: for help in notebooks, schemas and reports."""

from __future__ import annotations

__all__ = ["MEANINGS"]

MEANINGS = {
    "address": "The address in canonical text (RFC 5952); null where the text is none.",
    "version": "4 or 6.",
    "scope": "global, or the special purpose: private, loopback, reserved …; invalid where the text is no address.",
    "country": "ISO 3166-1 alpha-2 code of the country.",
    "country_name": "Name of the country in English.",
    "region": "State or region, where the intel has it.",
    "city": "City, where the intel has it.",
    "latitude": "Degrees north (WGS 84).",
    "longitude": "Degrees east (WGS 84).",
    "accuracy_km": "Radius around latitude and longitude in which the address probably is, in km.",
    "timezone": "Name of the time zone, such as Europe/Berlin.",
    "asn": "Number of the autonomous system (AS) that announces the address.",
    "as_org": "Organisation of that AS.",
    "network_type": "isp, hosting, business, education, government, mobile, cdn or unknown.",
    "prefix": "The network (CIDR) that the answer holds for.",
    "rir": "Regional Internet registry that gave the address out.",
    "is_tor": "A Tor exit.",
    "is_vpn": "A VPN service.",
    "is_proxy": "An open or commercial proxy.",
    "is_datacenter": "Of a hosting provider or cloud.",
    "is_known_attacker": "On a list of attackers.",
    "is_known_abuser": "On a list of abusers: spam, scans, brute force.",
    "is_anonymous": "Tor, VPN or proxy: who is behind it cannot be told by the address.",
    "reputation": "0 to 100, 100 is worst.",
    "confidence": "0 to 1: how far the reputation is to be trusted.",
    "verdict": "malicious, suspicious, anonymised, watch, clean; unroutable or invalid.",
    "reasons": "Why, in words.",
    "snapshot": "Id of the intel snapshot that says so.",
}
"""By name, in the order of :data:`workbench.enrichment.engine.SCHEMA`."""
