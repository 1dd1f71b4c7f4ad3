"""What a plevin database says of IPv4 addresses, as numpy arrays; run in a process of its own, for each database
wants the reader of its time.

    PYTHONPATH=folder-with-plevin python tests/bench/reported.py plevin.plv addresses.npy out.npz
    PYTHONPATH=folder-with-plevin python tests/bench/reported.py plevin.plv systems out.tsv

The first writes, for each of ``addresses`` (uint32), ``window``: the days that the tightest feed which names the
address looks back (0: no feed does), and ``service``: whether it is named as Tor, VPN, proxy or relay; and
``named``, all single addresses that a feed of at most 14 days names and no service does. The second writes
AS number, handle, company, category and website (from PeeringDB) of every announced AS.
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

FORTNIGHT = 14


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
    np.savez(out, window=window, service=service, named=named(file))


def named(file: Any) -> np.ndarray:
    """Single addresses that a feed of at most a fortnight names, apart from those of a service."""
    index, records = file.sections["hosts.v4"], file.sections["hosts.v4.abuse"]
    groups = -(-index.count // index.per_group)
    hosts = np.fromiter((a for group in range(groups) for a in index.values(group)), np.uint32, index.count)
    rows = np.fromiter((records[at] for at in range(index.count)), np.int64, index.count)
    distinct, place = np.unique(rows, return_inverse=True)
    wanted = np.zeros(len(distinct), bool)
    for at, row in enumerate(distinct.tolist()):
        abuse = file.rows[("abuse", row)]
        wanted[at] = 0 < days_of(abuse) <= FORTNIGHT and not abuse.get("service")
    return hosts[wanted[place]]


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
