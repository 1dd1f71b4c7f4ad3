"""Records of an MRT routing table dump, a block of octets at a time (RFC 6396 section 4.3, RFC 8050).

A full table of one collector has some 60 million routes. mrtparse, which makes Python objects of each,
takes 26 microseconds a route, or half an hour; this takes 0.1 microseconds (measured with 40 peers).
"""

from __future__ import annotations

from workbench.addresses.compiled import kernel

__all__ = ["DAMAGED", "MAX_ORIGINS", "read_routes"]

MAX_ORIGINS = 64
"""Origins told apart for one prefix; no prefix of the real table has that many."""
DAMAGED = -1


@kernel
def _number(data, at, size):  # type: ignore[no-untyped-def]
    value = 0
    for k in range(size):
        value = (value << 8) | int(data[at + k])
    return value


@kernel
def _is_public(asn):  # type: ignore[no-untyped-def]
    """AS numbers that can originate a route: none reserved by RFC 7607, 6793, 5398, 6996 and 7300."""
    if asn == 0 or asn == 23456:
        return False
    if 64496 <= asn <= 131071:
        return False
    return asn < 4200000000


@kernel
def _origin_of_path(data, at, end):  # type: ignore[no-untyped-def]
    """The origin of the AS_PATH in ``data[at:end]``: the last AS of a sequence, or of a set of one.

    0 where it is ambiguous (a larger AS_SET) or none; -1 where the segments do not fill the attribute.
    """
    origin = 0
    while at < end:
        if end - at < 2:
            return -1
        kind = int(data[at])
        count = int(data[at + 1])
        at += 2
        if end - at < 4 * count:
            return -1
        if count > 0:
            if kind == 2 or (kind == 1 and count == 1):
                origin = _number(data, at + 4 * (count - 1), 4)
            elif kind == 1:
                origin = 0
            elif kind != 3 and kind != 4:
                return -1
        at += 4 * count
    return origin


@kernel
def _origin_of_route(data, at, end):  # type: ignore[no-untyped-def]
    """The origin among the path attributes ``data[at:end]`` (RFC 4271 section 4.3); as above."""
    origin = 0
    while at < end:
        if end - at < 3:
            return -1
        flags = int(data[at])
        kind = int(data[at + 1])
        if flags & 0x10:
            if end - at < 4:
                return -1
            length = _number(data, at + 2, 2)
            at += 4
        else:
            length = int(data[at + 2])
            at += 3
        if end - at < length:
            return -1
        if kind == 2:
            origin = _origin_of_path(data, at, at + length)
            if origin < 0:
                return -1
        at += length
    return origin


@kernel
def _read_record(  # type: ignore[no-untyped-def]
    data, at, end, width, add_path, origins, votes, row, prefix, length, origin, routes, several
):
    """One RIB record into row ``row``; whether it was sound."""
    if end - at < 7:
        return False
    bits = int(data[at + 4])
    octets = (bits + 7) // 8
    at += 5
    if bits > width or end - at < octets + 2:
        return False
    for k in range(16):
        prefix[row * 16 + k] = int(data[at + k]) if k < octets else 0
    length[row] = bits
    at += octets
    count = _number(data, at, 2)
    at += 2
    known = 0
    fixed = 12 if add_path else 8
    for _ in range(count):
        if end - at < fixed:
            return False
        attributes = _number(data, at + fixed - 2, 2)
        at += fixed
        if end - at < attributes:
            return False
        asn = _origin_of_route(data, at, at + attributes)
        if asn < 0:
            return False
        at += attributes
        if asn == 0 or not _is_public(asn):
            continue
        found = False
        for k in range(known):
            if int(origins[k]) == asn:
                votes[k] += 1
                found = True
                break
        if not found and known < len(origins):
            origins[known] = asn
            votes[known] = 1
            known += 1
    best = 0
    for k in range(1, known):
        more = int(votes[k]) > int(votes[best])
        if more or (int(votes[k]) == int(votes[best]) and int(origins[k]) < int(origins[best])):
            best = k
    origin[row] = int(origins[best]) if known > 0 else 0
    routes[row] = count
    several[row] = 1 if known > 1 else 0
    return at == end


@kernel
def read_routes(  # type: ignore[no-untyped-def]
    data, size, limit, origins, votes, state, record, version, prefix, length, origin, routes, several
):
    """Read the whole records in ``data[:size]``; returns how many octets they took, or DAMAGED.

    ``state`` is read and written: 0 rows filled, 1 records read, 2 peers, 3 time of the dump, 4 records of
    other kinds, 5 records that were damaged inside, 6 the first of those. ``record`` gets the 1-based
    number of each row's record. ``limit`` is the longest record believed.
    """
    at = 0
    while size - at >= 12:
        kind = _number(data, at + 4, 2)
        subtype = _number(data, at + 6, 2)
        body = _number(data, at + 8, 4)
        if body > limit:
            return -1
        if size - at - 12 < body:
            break
        begin = at + 12
        end = begin + body
        state[1] += 1
        width = 0
        if kind == 13:
            if subtype == 2 or subtype == 8:
                width = 32
            elif subtype == 4 or subtype == 10:
                width = 128
        if width > 0:
            row = int(state[0])
            if _read_record(
                data,
                begin,
                end,
                width,
                subtype >= 8,
                origins,
                votes,
                row,
                prefix,
                length,
                origin,
                routes,
                several,
            ):
                version[row] = 4 if width == 32 else 6
                record[row] = int(state[1])
                state[0] += 1
            else:
                state[5] += 1
                if int(state[6]) == 0:
                    state[6] = int(state[1])
        elif kind == 13 and subtype == 1 and body >= 8:
            name = _number(data, begin + 4, 2)
            if body >= 8 + name:
                state[2] = _number(data, begin + 6 + name, 2)
            state[3] = _number(data, at, 4)
        else:
            state[4] += 1
        at = end
    return at
