"""Telling versions from addresses by what stands around four dotted numbers."""

from __future__ import annotations

from workbench.addresses.compiled import kernel
from workbench.addresses.runs import (
    DIGIT,
    is_word,
    separator,
)

__all__ = ["is_tcpdump", "is_version", "version_goes_on"]

_VER, _VERSION, _FIRMWARE = b"ver", b"version", b"firmware"


@kernel
def is_tcpdump(data, begin, stop, end):  # type: ignore[no-untyped-def]
    """Whether a fifth dotted part is a port: "IP 192.0.2.1.443 > 198.51.100.7.51234: Flags"."""
    if begin >= 2 and int(data[begin - 2]) == 62 and int(data[begin - 1]) == 32:
        return True
    if (
        begin >= 3
        and int(data[begin - 3]) == 73
        and int(data[begin - 2]) == 80
        and int(data[begin - 1]) == 32
    ):
        return True
    return (
        stop + 2 < end and int(data[stop]) == 32 and int(data[stop + 1]) == 62 and int(data[stop + 2]) == 32
    )


@kernel
def _ends_in(data, end, length, word):  # type: ignore[no-untyped-def]
    """Whether a word of ``length`` bytes before ``end`` ends in ``word`` (lower case), whatever its case."""
    if length < len(word):
        return False
    for k in range(len(word)):  # noqa: SIM110  (compiled)
        if (int(data[end - len(word) + k]) | 32) != word[k]:
            return False
    return True


@kernel
def _names_a_version(data, end, length):  # type: ignore[no-untyped-def]
    """Whether the word before ``end`` is "v" or "ver", or ends in "version" or "firmware"."""
    if length == 1:
        return int(data[end - 1]) | 32 == 118
    if length == 3:
        return _ends_in(data, end, length, _VER)
    return _ends_in(data, end, length, _VERSION) or _ends_in(data, end, length, _FIRMWARE)


@kernel
def is_version(data, begin, stop, end):  # type: ignore[no-untyped-def]
    """Whether four dotted numbers are a version: Chrome/120.0.0.0, version 1.2.3.4, openssl-1.1.1.1, >=1.2.3.4."""
    if begin == 0:
        return False
    before = int(data[begin - 1])
    if before == 45:
        return begin >= 2 and (65 <= (int(data[begin - 2]) & 223) <= 90)
    if before == 61 and begin >= 2:
        other = int(data[begin - 2])
        if other == 62 or other == 60 or other == 126:
            return True
    at = begin - 1
    if before == 47:  # a product of a user agent: a capitalised word in front, nothing behind
        lower = False
        while at > 0:
            byte = int(data[at - 1])
            if not (65 <= (byte & 223) <= 90 or byte == 45 or byte == 95):
                break
            lower = lower or byte >= 97
            at -= 1
        if at == begin - 1 or not 65 <= int(data[at]) <= 90:
            return False
        if stop < end:
            byte = int(data[stop])
            if byte == 58 or byte == 40 or byte == 47:
                return False
        opera = begin - 1 - at == 3 and int(data[at]) == 79 and int(data[at + 1]) == 80
        if not lower and not opera:
            return False
        if at == 0:
            return True
        byte = int(data[at - 1])
        encoded = at >= 3 and int(data[at - 3]) == 37
        return encoded or not (byte == 47 or byte == 46 or byte == 58 or byte == 61 or 48 <= byte <= 57)
    for _ in range(4):
        if at < 0:
            return False
        byte = int(data[at])
        if not (byte == 32 or byte == 61 or byte == 58 or byte == 34 or byte == 39 or byte == 46):
            break
        at -= 1
    last = at + 1
    while at >= 0 and 65 <= (int(data[at]) & 223) <= 90:
        at -= 1
    if last == begin or last - at - 1 == 0:
        return False
    if at >= 0 and 48 <= int(data[at]) <= 57:
        return False
    return _names_a_version(data, last, last - at - 1)


@kernel
def version_goes_on(data, at, end, classes):  # type: ignore[no-untyped-def]
    """Whether "-" at ``at`` goes on a version (1.2.3.4-beta, 1.2.3.4-1) and not a range (1.2.3.4-1.2.3.9)."""
    if at >= end or int(data[at]) != 45 or not is_word(data, at + 1, end, classes):
        return False
    k = at + 1
    while k < end and int(classes[int(data[k])]) == DIGIT:
        k += 1
    return not (k > at + 1 and k + 1 < end and separator(data, k, end) & 255 == 46)
