"""Kernels of the engine: from numbers to rows of a snapshot, from rows to output columns."""

from __future__ import annotations

import numpy as np

from workbench.addresses.compiled import kernel

__all__ = ["gather", "locate"]


@kernel
def _segment(key, tie, tied, starts, ties, slots, buckets, width):  # type: ignore[no-untyped-def]
    """The last segment whose start is not above ``(key, tie)``."""
    slot = int(key >> np.uint64(width - 16))
    rest = int(key & np.uint64((1 << (width - 16)) - 1))
    bucket = int(slots[slot, 0]) + (rest >> int(slots[slot, 1]))
    first = int(buckets[bucket])
    last = int(buckets[bucket + 1])
    while first < last:
        middle = (first + last + 1) >> 1
        above = starts[middle] > key
        if tied and starts[middle] == key:
            above = ties[middle] > tie
        if above:
            last = middle - 1
        else:
            first = middle
    return first


@kernel
def locate(  # type: ignore[no-untyped-def]
    version, high, low, v4_starts, v4_slots, v4_buckets, v6_high, v6_low, v6_slots, v6_buckets, found
):
    """For every address its row in the snapshot's ``rows``: IPv4 segments first, IPv6 after, then invalid."""
    ipv6_begins = len(v4_starts)
    invalid = ipv6_begins + len(v6_high)
    for row in range(len(version)):
        if version[row] == 4:
            key = np.uint64(low[row])
            found[row] = _segment(key, key, False, v4_starts, v4_starts, v4_slots, v4_buckets, 32)
        elif version[row] == 6:
            key = np.uint64(high[row])
            tie = np.uint64(low[row])
            found[row] = ipv6_begins + _segment(key, tie, True, v6_high, v6_low, v6_slots, v6_buckets, 64)
        else:
            found[row] = invalid


@kernel
def gather(  # type: ignore[no-untyped-def]
    version, found, rows, geo, coordinates, network, verdicts, confidences,
    scope, country, region, city, latitude, longitude, accuracy, timezone,
    asn, as_org, network_type, prefix, rir, reputation, confidence, verdict, reasons, bits,
):  # fmt: skip
    """Write every output column for the rows in ``found``.

    ``verdicts`` has a row a judged record: flags, reputation (-1 for none), verdict, reasons.
    ``bits`` has shape (19, ceil(n / 8)): validity of eleven columns, the seven flags, and whether there is
    a reputation, each packed as Arrow packs booleans.
    """
    n = len(found)
    for block in range((n + 7) >> 3):
        valid = 0
        b_country = 0
        b_region = 0
        b_city = 0
        b_place = 0
        b_accuracy = 0
        b_timezone = 0
        b_asn = 0
        b_org = 0
        b_prefix = 0
        b_rir = 0
        b_reputation = 0
        f0 = 0
        f1 = 0
        f2 = 0
        f3 = 0
        f4 = 0
        f5 = 0
        f6 = 0
        for bit in range(min(8, n - block * 8)):
            at = block * 8 + bit
            row = int(found[at])
            place = int(rows[row, 0])
            whose = int(rows[row, 1])
            judgement = int(rows[row, 2])
            code = int(rows[row, 3])
            prefix[at] = code
            b_prefix |= (code >= 0) << bit
            valid |= (int(version[at]) != 0) << bit
            code = int(geo[place, 0])
            country[at] = code
            b_country |= (code >= 0) << bit
            code = int(geo[place, 1])
            region[at] = code
            b_region |= (code >= 0) << bit
            code = int(geo[place, 2])
            city[at] = code
            b_city |= (code >= 0) << bit
            code = int(geo[place, 3])
            timezone[at] = code
            b_timezone |= (code >= 0) << bit
            code = int(geo[place, 4])
            accuracy[at] = code
            b_accuracy |= (code > 0) << bit
            degrees = coordinates[place, 0]
            latitude[at] = degrees
            longitude[at] = coordinates[place, 1]
            b_place |= (degrees == degrees) << bit
            number = int(network[whose, 0])
            asn[at] = number
            b_asn |= (number != 0) << bit
            code = int(network[whose, 1])
            as_org[at] = code
            b_org |= (code >= 0) << bit
            network_type[at] = int(network[whose, 2])
            code = int(network[whose, 3])
            rir[at] = code
            b_rir |= (code >= 0) << bit
            scope[at] = int(network[whose, 4])
            flags = int(verdicts[judgement, 0])
            f0 |= (flags & 1) << bit
            f1 |= ((flags >> 1) & 1) << bit
            f2 |= ((flags >> 2) & 1) << bit
            f3 |= ((flags >> 3) & 1) << bit
            f4 |= ((flags >> 4) & 1) << bit
            f5 |= ((flags >> 5) & 1) << bit
            f6 |= ((flags >> 6) & 1) << bit
            code = int(verdicts[judgement, 1])
            b_reputation |= (code >= 0) << bit
            reputation[at] = max(code, 0)
            confidence[at] = confidences[judgement]
            verdict[at] = int(verdicts[judgement, 2])
            reasons[at] = int(verdicts[judgement, 3])
        bits[0, block] = valid
        bits[1, block] = b_country
        bits[2, block] = b_region
        bits[3, block] = b_city
        bits[4, block] = b_place
        bits[5, block] = b_accuracy
        bits[6, block] = b_timezone
        bits[7, block] = b_asn
        bits[8, block] = b_org
        bits[9, block] = b_prefix
        bits[10, block] = b_rir
        bits[11, block] = f0
        bits[12, block] = f1
        bits[13, block] = f2
        bits[14, block] = f3
        bits[15, block] = f4
        bits[16, block] = f5
        bits[17, block] = f6
        bits[18, block] = b_reputation
