"""What a plevin database says of IPv4 addresses, as numpy arrays; run in a process of its own, for each database
wants the reader of its time.

    PYTHONPATH=folder-with-plevin python tests/bench/reported.py plevin.plv addresses.npy out.npz
    PYTHONPATH=folder-with-plevin python tests/bench/reported.py plevin.plv systems out.tsv

The first writes, for each of ``addresses`` (uint32), ``window``: the days that the tightest feed which names the
address looks back (0: no feed does), and ``service``: whether it is named as Tor, VPN, proxy or relay; and
``named``, all single addresses that a feed of at most 14 days names and no service does; and those of services. The second writes
AS number, handle, company, category and website (from PeeringDB) of every announced AS.
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

FORTNIGHT = 14
SERVICES = {"tor_exit_node": "tor", "anonymous_vpn": "vpn", "public_proxy": "proxy"}


def main(database: str, wanted: str, out: str) -> None:
    from plevin.reader import File  # type: ignore[import-not-found]

    file = File(database)
    if wanted == "systems":
        systems(file, out)
    else:
        addresses(file, np.load(wanted), out)


def addresses(file: Any, wanted: np.ndarray, out: str) -> None:
    window, service = np.zeros(len(wanted), np.int16), np.zeros(len(wanted), bool)
    for at, address in enumerate(wanted.tolist()):
        abuse = (file.row(address, False) or {}).get("abuse") or {}
        window[at], service[at] = days_of(abuse), bool(abuse.get("service"))
    np.savez(out, window=window, service=service, **hosts(file))


def hosts(file: Any) -> dict[str, np.ndarray]:
    """Single addresses: ``named`` by a feed of at most a fortnight and of no service; those of ``tor``, ``vpn``, ``proxy``."""
    index, records = file.sections["hosts.v4"], file.sections["hosts.v4.abuse"]
    groups = -(-index.count // index.per_group)
    found = np.fromiter((a for group in range(groups) for a in index.values(group)), np.uint32, index.count)
    rows = np.fromiter((records[at] for at in range(index.count)), np.int64, index.count)
    distinct, place = np.unique(rows, return_inverse=True)
    wanted = {name: np.zeros(len(distinct), bool) for name in ("named", *SERVICES.values())}
    for at, row in enumerate(distinct.tolist()):
        abuse = file.rows[("abuse", row)]
        service = abuse.get("service")
        if service in SERVICES:
            wanted[SERVICES[service]][at] = True
        wanted["named"][at] = 0 < days_of(abuse) <= FORTNIGHT and not service
    return {name: found[rows[place]] for name, rows in wanted.items()}


def days_of(abuse: dict[str, Any]) -> int:
    return int(abuse.get("last_seen_days", abuse.get("last_seen")) or 0)


def systems(file: Any, out: str) -> None:
    numbers = file.sections["col.network.asn"]
    with open(out, "w", encoding="utf-8") as target:
        for row in range(file._seek(numbers, 1), numbers.count):
            network = file.rows[("network", row)]
            operator = network.get("operator") or {}
            told = (
                network["asn"],
                network.get("handle"),
                *(operator.get(k) for k in ("company", "category", "website")),
            )
            target.write("\t".join(str(text or "").replace("\t", " ") for text in told) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
