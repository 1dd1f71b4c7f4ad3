"""Kernels of the engine: from numbers to rows of a snapshot, from rows to output columns."""

from __future__ import annotations

import numpy as np

from workbench.addresses.compiled import kernel

__all__ = ["find_bucket", "look_up", "open_bucket", "settle"]


@kernel
def _last_not_above(key, tie, tied, starts, ties, first, last):  # type: ignore[no-untyped-def]
    """The last of the segments ``first … last`` whose start is not above ``(key, tie)``."""
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
def find_bucket(version, high, low, v4_slots, v6_slots, bucket):  # type: ignore[no-untyped-def]
    """The bucket of every address in the index of its family."""
    for row in range(len(version)):
        family = version[row]
        if family == 4:
            key = int(low[row])
            slot = key >> 16
            bucket[row] = int(v4_slots[slot, 0]) + ((key & 0xFFFF) >> int(v4_slots[slot, 1]))
        elif family == 6:
            upper = np.uint64(high[row])
            slot = int(upper >> np.uint64(48))
            rest = int(upper & np.uint64(0xFFFFFFFFFFFF))
            bucket[row] = int(v6_slots[slot, 0]) + (rest >> int(v6_slots[slot, 1]))
        else:
            bucket[row] = 0


@kernel
def open_bucket(version, bucket, v4_buckets, v6_buckets, found, last):  # type: ignore[no-untyped-def]
    """First and last segment of the bucket of every address."""
    for row in range(len(version)):
        at = bucket[row]
        if version[row] == 6:
            found[row] = v6_buckets[at]
            last[row] = v6_buckets[at + 1]
        else:
            found[row] = v4_buckets[at]
            last[row] = v4_buckets[at + 1]


@kernel
def settle(version, high, low, last, v4_starts, v6_high, v6_low, found):  # type: ignore[no-untyped-def]
    """For every address its row in the snapshot's ``rows``: IPv4 segments first, IPv6 after, then invalid.

    On entry ``found`` and ``last`` bound the segments that it can be in.
    """
    ipv6_begins = len(v4_starts)
    invalid = ipv6_begins + len(v6_high)
    for row in range(len(version)):
        if version[row] == 4:
            if found[row] < last[row]:
                key = np.uint64(low[row])
                found[row] = _last_not_above(
                    key, key, False, v4_starts, v4_starts, int(found[row]), int(last[row])
                )
        elif version[row] == 6:
            first = int(found[row])
            if first < last[row]:
                key = np.uint64(high[row])
                first = _last_not_above(
                    key, np.uint64(low[row]), True, v6_high, v6_low, first, int(last[row])
                )
            found[row] = ipv6_begins + first
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


@kernel
def look_up(parsed, index, tables, out, scratch, bits):  # type: ignore[no-untyped-def]
    """All of it for a block of parsed addresses: one call, so that threads hardly meet at the GIL."""
    version, high, low = parsed
    v4_slots, v6_slots, v4_buckets, v6_buckets, v4_starts, v6_high, v6_low = index
    rows, geo, coordinates, network, judged, confidences = tables
    (
        scope, country, region, city, latitude, longitude, accuracy, timezone,
        asn, as_org, network_type, prefix, rir, reputation, confidence, verdict, reasons,
    ) = out  # fmt: skip
    bucket, found, last, place, whose, judgement, marks = scratch
    find_bucket(version, high, low, v4_slots, v6_slots, bucket)
    open_bucket(version, bucket, v4_buckets, v6_buckets, found, last)
    settle(version, high, low, last, v4_starts, v6_high, v6_low, found)
    gather_rows(found, rows, version, place, whose, judgement, prefix, marks)
    gather_geo(place, geo, coordinates, country, region, city, timezone, accuracy, latitude, longitude, marks)
    gather_network(whose, network, asn, as_org, network_type, rir, scope, marks)
    gather_judged(judgement, judged, confidences, reputation, confidence, verdict, reasons, marks)
    pack_marks(marks, bits)
