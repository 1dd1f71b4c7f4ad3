"""Text ↔ number for both address families, a row at a time, over Arrow string buffers.

What is accepted is what ``inet_pton`` accepts (RFC 4291 section 2.2; no octal, hexadecimal or short IPv4),
plus surrounding white space and an IPv6 zone id (RFC 4007 section 11), which is dropped. What is written
is RFC 5952.
"""

from __future__ import annotations

import numpy as np

from workbench.addresses.compiled import kernel

__all__ = ["format_addresses", "parse_addresses", "parse_ranges"]

MAX_ZONE = 64


@kernel
def _is_space(byte):  # type: ignore[no-untyped-def]
    return byte == 32 or (9 <= byte <= 13)


@kernel
def _parse_ipv4(data, begin, end):  # type: ignore[no-untyped-def]
    """The address in ``data[begin:end]`` as a number, or -1.

    Three digit steps written out: the branches are then predictable, which a loop over characters is not.
    """
    if end - begin < 7 or end - begin > 15:
        return -1
    value = 0
    at = begin
    for k in range(4):
        octet = int(data[at]) - 48
        if octet < 0 or octet > 9:
            return -1
        at += 1
        if at < end:
            digit = int(data[at]) - 48
            if 0 <= digit <= 9:
                if octet == 0:
                    return -1  # a leading zero: octal to some readers, decimal to others
                octet = octet * 10 + digit
                at += 1
                if at < end:
                    digit = int(data[at]) - 48
                    if 0 <= digit <= 9:
                        octet = octet * 10 + digit
                        at += 1
                        if octet > 255:
                            return -1
        value = (value << 8) | octet
        if k < 3:
            if end - at < 2 or int(data[at]) != 46:
                return -1
            at += 1
    return value if at == end else -1


@kernel
def _hex_digit(byte):  # type: ignore[no-untyped-def]
    if 48 <= byte <= 57:
        return byte - 48
    if 97 <= byte <= 102:
        return byte - 87
    if 65 <= byte <= 70:
        return byte - 55
    return -1


@kernel
def _parse_ipv6(data, begin, end):  # type: ignore[no-untyped-def]
    """Read an IPv6 address that begins at ``begin``.

    Returns where it stopped (``end``, or at the ``%`` of a zone id; -1 where there is none), the upper and
    the lower half, and whether it was written as RFC 5952 writes it.
    """
    none = np.uint64(0)
    high = np.uint64(0)
    low = np.uint64(0)
    left_high = np.uint64(0)
    left_low = np.uint64(0)
    gap = -1
    count = 0
    zeros = 0
    canonical = True
    at = begin
    if end - begin < 2:
        return -1, none, none, False
    if int(data[at]) == 58:
        if int(data[at + 1]) != 58:
            return -1, none, none, False
        gap = 0
        at += 2
    while at < end:
        start = at
        value = 0
        while at < end:
            digit = _hex_digit(int(data[at]))
            if digit < 0:
                break
            value = (value << 4) | digit
            at += 1
            if at - start > 4:
                return -1, none, none, False
        byte = 0
        if at < end:
            byte = int(data[at])
        if byte == 46:  # the last 32 bits in dotted form
            stop = at
            while stop < end and int(data[stop]) != 37:
                stop += 1
            tail = _parse_ipv4(data, start, stop)
            if tail < 0 or count > 6:
                return -1, none, none, False
            high = (high << np.uint64(32)) | (low >> np.uint64(32))
            low = (low << np.uint64(32)) | np.uint64(tail)
            count += 2
            canonical = False
            at = stop
            break
        if at == start:
            if (byte == 37 and gap == count and count > 0) or (byte == 37 and gap == 0 and count == 0):
                break  # "fe80::%eth0"
            return -1, none, none, False
        if count == 8:
            return -1, none, none, False
        high = (high << np.uint64(16)) | (low >> np.uint64(48))
        low = (low << np.uint64(16)) | np.uint64(value)
        count += 1
        if value == 0:
            zeros += 1
        if (at - start > 1 and int(data[start]) == 48) or value > 0xFFFF:
            canonical = False
        if at == end or byte == 37:
            break
        if byte != 58:
            return -1, none, none, False
        at += 1
        if at == end:
            return -1, none, none, False  # a single colon at the end
        if int(data[at]) == 58:
            if gap >= 0:
                return -1, none, none, False
            gap = count
            left_high = high
            left_low = low
            high = none
            low = none
            at += 1
    if gap < 0:
        if count != 8:
            return -1, none, none, False
        return at, high, low, canonical and zeros < 2
    if count > 7:
        return -1, none, none, False  # "::" stands for at least one group here, as inet_pton has it
    shift = 16 * (8 - gap)
    if shift >= 128:
        left_high = none
        left_low = none
    elif shift >= 64:
        left_high = left_low << np.uint64(shift - 64)
        left_low = none
    else:
        left_high = (left_high << np.uint64(shift)) | (left_low >> np.uint64(64 - shift))
        left_low = left_low << np.uint64(shift)
    return at, left_high | high, left_low | low, canonical and zeros == 0 and count < 7


@kernel
def _parse_one(data, begin, end, version, high, low, row):  # type: ignore[no-untyped-def]
    """Read one address into row ``row`` of the three columns, 0 where there is none; whether it was canonical."""
    version[row] = 0
    high[row] = 0
    low[row] = 0
    value = _parse_ipv4(data, begin, end)
    if value >= 0:
        version[row] = 4
        low[row] = value
        return True
    stop, upper, lower, canonical = _parse_ipv6(data, begin, end)
    if stop < 0:
        return True
    if stop < end:
        if end - stop - 1 < 1 or end - stop - 1 > MAX_ZONE:
            return True
        for at in range(stop + 1, end):
            byte = int(data[at])
            if byte <= 32 or byte == 37 or byte >= 127:
                return True
    if upper == np.uint64(0) and (lower >> np.uint64(32)) == np.uint64(0xFFFF):
        # IPv4-mapped, RFC 4291 section 2.5.5.2
        if stop == end:
            version[row] = 4
            low[row] = lower & np.uint64(0xFFFFFFFF)
        return False
    version[row] = 6
    high[row] = upper
    low[row] = lower
    if not canonical or stop < end:
        return False
    for at in range(begin, end):
        if 65 <= int(data[at]) <= 70:
            return False
    return True


@kernel
def parse_addresses(data, offsets, start, stop, version, high, low):  # type: ignore[no-untyped-def]
    """Parse rows ``start:stop`` of a string column into rows ``0:stop - start`` of the output columns.

    Returns how many addresses were, or may have been, written otherwise than :func:`format_addresses`
    writes them.
    """
    rewritten = 0
    for row in range(start, stop):
        begin = int(offsets[row])
        end = int(offsets[row + 1])
        out = row - start
        value = _parse_ipv4(data, begin, end)
        if value >= 0:  # nearly every row of nearly every log
            version[out] = 4
            high[out] = 0
            low[out] = value
            continue
        length = end - begin
        while begin < end and _is_space(int(data[begin])):
            begin += 1
        while end > begin and _is_space(int(data[end - 1])):
            end -= 1
        canonical = _parse_one(data, begin, end, version, high, low, out)
        if version[out] != 0 and (not canonical or end - begin != length):
            rewritten += 1
    return rewritten


@kernel
def _has_colon(data, begin, end):  # type: ignore[no-untyped-def]
    for at in range(begin, end):
        if int(data[at]) == 58:
            return True
    return False


@kernel
def parse_ranges(  # type: ignore[no-untyped-def]
    data, offsets, start, stop, version, high, low, last_version, last_high, last_low
):
    """Parse rows ``start:stop`` as ``address``, ``address/length`` or ``address-address``.

    The first address goes to ``version, high, low``, the last one of the range to ``last_*``; ``version``
    is 0 where the row is no range. Host bits of a prefix are cleared at the start and set at the end.
    """
    ones = np.uint64(0xFFFFFFFFFFFFFFFF)
    for row in range(start, stop):
        out = row - start
        begin = int(offsets[row])
        end = int(offsets[row + 1])
        while begin < end and _is_space(int(data[begin])):
            begin += 1
        while end > begin and _is_space(int(data[end - 1])):
            end -= 1
        cut = end
        separator = 0
        for at in range(begin, end):
            byte = int(data[at])
            if byte == 47 or byte == 45:
                cut = at
                separator = byte
                break
        first_end = cut
        while first_end > begin and _is_space(int(data[first_end - 1])):
            first_end -= 1
        _parse_one(data, begin, first_end, version, high, low, out)
        last_version[out] = version[out]
        last_high[out] = high[out]
        last_low[out] = low[out]
        if version[out] == 0 or separator == 0:
            continue
        after = cut + 1
        while after < end and _is_space(int(data[after])):
            after += 1
        if separator == 45:
            _parse_one(data, after, end, last_version, last_high, last_low, out)
            backwards = last_high[out] < high[out] or (
                last_high[out] == high[out] and last_low[out] < low[out]
            )
            if last_version[out] != version[out] or backwards:
                version[out] = 0
            continue
        length = 0
        if after >= end or end - after > 3 or (end - after > 1 and int(data[after]) == 48):
            version[out] = 0
            continue
        for at in range(after, end):
            byte = int(data[at])
            if byte < 48 or byte > 57:
                length = 999
                break
            length = length * 10 + (byte - 48)
        width = 32
        if version[out] == 6:
            width = 128
        elif length >= 96 and _has_colon(data, begin, first_end):
            length -= 96  # ::ffff:192.0.2.0/120
        if length > width:
            version[out] = 0
            continue
        host = width - length
        if host >= 64:
            low_mask = ones
        else:
            low_mask = np.uint64((1 << host) - 1) if host < 63 else np.uint64(0x7FFFFFFFFFFFFFFF)
        high_mask = np.uint64(0)
        if host == 128:
            high_mask = ones
        elif host > 64:
            above = host - 64
            high_mask = np.uint64((1 << above) - 1) if above < 63 else np.uint64(0x7FFFFFFFFFFFFFFF)
        low[out] = np.uint64(low[out]) & ~low_mask
        high[out] = np.uint64(high[out]) & ~high_mask
        last_low[out] = np.uint64(low[out]) | low_mask
        last_high[out] = np.uint64(high[out]) | high_mask


@kernel
def _write_decimal(value, text, at):  # type: ignore[no-untyped-def]
    if value >= 100:
        text[at] = 48 + value // 100
        at += 1
    if value >= 10:
        text[at] = 48 + value // 10 % 10
        at += 1
    text[at] = 48 + value % 10
    return at + 1


@kernel
def _write_hex(value, text, at):  # type: ignore[no-untyped-def]
    started = False
    for shift in (12, 8, 4, 0):
        digit = (value >> shift) & 15
        if digit != 0 or started or shift == 0:
            started = True
            text[at] = 48 + digit if digit < 10 else 87 + digit
            at += 1
    return at


@kernel
def format_addresses(version, high, low, groups, text, offsets):  # type: ignore[no-untyped-def]
    """Write every address into ``text`` one after the other, ``offsets`` holding where each begins.

    ``text`` must have 15 bytes for each IPv4 and 39 for each IPv6 row; invalid rows take none.
    Returns the number of bytes written. RFC 5952 section 4: lower case, no leading zeros, "::" for the
    longest run of two or more zero groups, the first of equals.
    """
    at = 0
    for row in range(len(version)):
        offsets[row] = at
        if version[row] == 4:
            value = int(low[row])
            at = _write_decimal((value >> 24) & 255, text, at)
            text[at] = 46
            at = _write_decimal((value >> 16) & 255, text, at + 1)
            text[at] = 46
            at = _write_decimal((value >> 8) & 255, text, at + 1)
            text[at] = 46
            at = _write_decimal(value & 255, text, at + 1)
        elif version[row] == 6:
            h = np.uint64(high[row])
            lo = np.uint64(low[row])
            for k in range(4):
                shift = np.uint64(48 - 16 * k)
                groups[k] = int((h >> shift) & np.uint64(0xFFFF))
                groups[4 + k] = int((lo >> shift) & np.uint64(0xFFFF))
            best = -1
            best_length = 1
            run = 0
            for k in range(8):
                if groups[k] == 0:
                    run += 1
                    if run > best_length:
                        best_length = run
                        best = k - run + 1
                else:
                    run = 0
            k = 0
            while k < 8:
                if k == best:
                    text[at] = 58
                    text[at + 1] = 58
                    at += 2
                    k += best_length
                    continue
                if k > 0 and k != best + best_length:
                    text[at] = 58
                    at += 1
                at = _write_hex(int(groups[k]), text, at)
                k += 1
    offsets[len(version)] = at
    return at
