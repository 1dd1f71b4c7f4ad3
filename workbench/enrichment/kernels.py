"""Kernels of the engine: from numbers to rows of a snapshot, from rows to output columns."""

from __future__ import annotations

import numpy as np

from workbench.addresses.compiled import kernel

__all__ = ["gather_geo", "gather_judged", "gather_network", "gather_rows", "locate", "pack_marks"]


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


# One short loop a table rather than one long loop over all columns: the processor then has many reads of
# one table under way at once. Measured three times faster.


@kernel
def gather_rows(found, rows, version, place, whose, judgement, prefix, marks):  # type: ignore[no-untyped-def]
    """Rows of the three record tables and the prefix of every address; begins ``marks``."""
    for at in range(len(found)):
        row = found[at]
        place[at] = rows[row, 0]
        whose[at] = rows[row, 1]
        judgement[at] = rows[row, 2]
        code = rows[row, 3]
        prefix[at] = code
        marks[at] = (code >= 0) << 9 | (version[at] != 0)


@kernel
def gather_geo(  # type: ignore[no-untyped-def]
    place, geo, coordinates, country, region, city, timezone, accuracy, latitude, longitude, marks
):
    """Columns of the geo record of every address."""
    for at in range(len(place)):
        row = place[at]
        country[at] = geo[row, 0]
        region[at] = geo[row, 1]
        city[at] = geo[row, 2]
        timezone[at] = geo[row, 3]
        accuracy[at] = geo[row, 4]
        latitude[at] = coordinates[row, 0]
        longitude[at] = coordinates[row, 1]
        marks[at] |= geo[row, 5]


@kernel
def gather_network(whose, network, asn, as_org, network_type, rir, scope, marks):  # type: ignore[no-untyped-def]
    """Columns of the network record of every address."""
    for at in range(len(whose)):
        row = whose[at]
        asn[at] = network[row, 0]
        as_org[at] = network[row, 1]
        network_type[at] = network[row, 2]
        rir[at] = network[row, 3]
        scope[at] = network[row, 4]
        marks[at] |= network[row, 5]


@kernel
def gather_judged(  # type: ignore[no-untyped-def]
    judgement, judged, confidences, reputation, confidence, verdict, reasons, marks
):
    """Columns of the judgement of every address."""
    for at in range(len(judgement)):
        row = judgement[at]
        marks[at] |= judged[row, 0]
        reputation[at] = judged[row, 1]
        verdict[at] = judged[row, 2]
        reasons[at] = judged[row, 3]
        confidence[at] = confidences[row]


@kernel
def pack_marks(marks, bits):  # type: ignore[no-untyped-def]
    """Turn one integer of 19 marks a row into 19 bitmaps, least significant bit first as Arrow has them."""
    ones = np.uint64(0x0101010101010101)
    byte = np.uint64(255)
    rows = len(marks)
    for block in range((rows + 7) >> 3):
        low = np.uint64(0)
        middle = np.uint64(0)
        high = np.uint64(0)
        for k in range(min(8, rows - block * 8)):
            mark = np.uint64(marks[block * 8 + k])
            shift = np.uint64(8 * k)
            low |= (mark & byte) << shift
            middle |= ((mark >> np.uint64(8)) & byte) << shift
            high |= ((mark >> np.uint64(16)) & byte) << shift
        for plane in range(19):
            word = low
            if plane >= 16:
                word = high
            elif plane >= 8:
                word = middle
            word = (word >> np.uint64(plane & 7)) & ones
            word |= word >> np.uint64(7)
            word |= word >> np.uint64(14)
            word |= word >> np.uint64(28)
            bits[plane, block] = word & byte
