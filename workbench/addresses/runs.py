"""Runs of digits and separators in text: where they end, what they are made of, with defanging undone."""

from __future__ import annotations

import numpy as np

from workbench.addresses.compiled import kernel

__all__ = [
    "CLASSES",
    "COLON",
    "COLONS",
    "DECIMALS",
    "DIGIT",
    "DOTS",
    "DOUBLES",
    "END",
    "ESCAPE",
    "FACTS",
    "FIFTH",
    "FOURTH",
    "GROUPS",
    "HEX",
    "LETTER",
    "LONGEST",
    "NEWLINE",
    "OCTETS",
    "OTHER",
    "OUT",
    "PAIRS",
    "TAIL",
    "WIDEST",
    "begins_defanged",
    "clean_end",
    "is_hex",
    "is_word",
    "read_prefix",
    "read_run",
    "separator",
    "skip_port",
]

LONGEST = 64
"""Bytes kept of a candidate."""

OTHER, DIGIT, HEX, LETTER, COLON, NEWLINE, ESCAPE = range(7)
CLASSES = np.zeros(256, np.uint8)
"""The class of every byte."""
CLASSES[list(b"0123456789")] = DIGIT
CLASSES[list(b"abcdefABCDEF")] = HEX
CLASSES[list(b"ghijklmnopqrstuvwxyzGHIJKLMNOPQRSTUVWXYZ_")] = LETTER
CLASSES[list(b":")] = COLON
CLASSES[list(b"\n")] = NEWLINE
CLASSES[list(b"%\\")] = ESCAPE

FACTS = 16
(
    END,  # where the run ends in the data
    OUT,  # and in the text written
    DOTS,
    COLONS,
    DOUBLES,  # "::"
    GROUPS,  # of the colon part, without the dotted one
    WIDEST,  # the longest of these
    PAIRS,  # 1 while all of these have two digits
    DECIMALS,  # decimal digits in all
    TAIL,  # where the dotted part begins in the text written
    OCTETS,  # 1 while all dotted parts have one to three digits
    FOURTH,  # where the fourth dotted part ends in the text written, if there is a fifth
    FIFTH,  # where it ends in the data
) = range(13)


@kernel
def separator(data, at, end):  # type: ignore[no-untyped-def]
    """The separator at ``at``, defanged or not: its length times 256 plus its kind, 0 if there is none.

    Kinds are the bytes ``.``, ``:`` and ``/``, and 59 for ``[::]``.
    """
    byte = int(data[at])
    if byte == 46 or byte == 58 or byte == 47:
        return 256 + byte
    if byte == 92:  # 1\.2\.3\.4, as in regular expressions
        return 512 + 46 if at + 1 < end and int(data[at + 1]) == 46 else 0
    close = 93
    if byte == 40:
        close = 41
    elif byte == 123:
        close = 125
    elif byte != 91:
        return 0
    if at + 2 >= end:
        return 0
    inner = int(data[at + 1])
    if int(data[at + 2]) == close:
        return 768 + inner if inner == 46 or inner == 58 or inner == 47 else 0
    if at + 3 < end and int(data[at + 3]) == close:
        return 1024 + 59 if inner == 58 and int(data[at + 2]) == 58 else 0
    if at + 4 >= end or int(data[at + 4]) != close:
        return 0
    dot = (inner | 32) == 100 and (int(data[at + 2]) | 32) == 111 and (int(data[at + 3]) | 32) == 116
    return 1280 + 46 if dot else 0


@kernel
def begins_defanged(data, at, end, classes):  # type: ignore[no-untyped-def]
    """Whether the bracket at ``at`` begins "[:][:]1" or "[::]1"."""
    if at < 0 or is_word(data, at - 1, end, classes):
        return False
    packed = separator(data, at, end)
    after = at + (packed >> 8)
    if after >= end or packed < 768:
        return False
    if packed & 255 == 59:
        return is_hex(data, after, end, classes)
    return packed & 255 == 58 and separator(data, after, end) & 255 == 58


@kernel
def read_run(data, at, end, classes, text, out, facts):  # type: ignore[no-untyped-def]
    """Read groups of digits and the separators between them from ``at`` on.

    The run is written to ``text`` from ``out`` on with its defanging undone; ``facts`` says what it is made of.
    """
    begin = at
    room = out + LONGEST
    group = 0
    group_out = out
    decimal = True
    dots = 0
    colons = 0
    doubles = 0
    groups = 0
    widest = 0
    pairs = 1
    decimals = 0
    octets = 1
    facts[TAIL] = out
    facts[FOURTH] = 0
    while at < end:
        byte = int(data[at])
        kind = int(classes[byte])
        if kind == DIGIT or (kind == HEX and dots == 0):
            group += 1
            if kind == DIGIT:
                decimals += 1
            else:
                decimal = False
            if out < room:
                text[out] = byte
                out += 1
            at += 1
            continue
        packed = separator(data, at, end)
        if packed == 0:
            break
        after = at + (packed >> 8)
        kind = packed & 255
        if kind == 46:
            if group == 0 or not decimal or after >= end or int(classes[int(data[after])]) != DIGIT:
                break
            if group > 3:
                octets = 0
            if dots == 0:
                facts[TAIL] = group_out
            if dots == 3:
                facts[FOURTH] = out
                facts[FIFTH] = at
            dots += 1
        else:
            if dots > 0 or kind == 47:
                break
            if group > 0:
                groups += 1
                widest = max(widest, group)
                if group != 2:
                    pairs = 0
            elif at > begin:
                doubles += 1
            colons += 1
            if kind == 59:
                colons += 1
                doubles += 1
                if out < room:
                    text[out] = 58
                    out += 1
            kind = 58
        if out < room:
            text[out] = kind
            out += 1
        group = 0
        group_out = out
        decimal = True
        at = after
    if dots > 0:
        if group > 3:
            octets = 0
    elif group > 0:
        groups += 1
        widest = max(widest, group)
        if group != 2:
            pairs = 0
    elif colons == 1 or (colons > 1 and out < room and int(text[out - 2]) != 58):
        colons -= 1  # a colon behind the address is punctuation
        out -= 1
    elif colons > 2 and doubles > 1 and out < room and int(text[out - 3]) == 58:
        colons -= 1
        doubles -= 1
        out -= 1
    facts[END] = at
    facts[OUT] = out
    facts[DOTS] = dots
    facts[COLONS] = colons
    facts[DOUBLES] = doubles
    facts[GROUPS] = groups
    facts[WIDEST] = widest
    facts[PAIRS] = pairs
    facts[DECIMALS] = decimals
    facts[OCTETS] = octets


@kernel
def is_hex(data, at, end, classes):  # type: ignore[no-untyped-def]
    """Whether a hexadecimal digit stands at ``at``."""
    return at < end and DIGIT <= int(classes[int(data[at])]) <= HEX


@kernel
def is_word(data, at, end, classes):  # type: ignore[no-untyped-def]
    if at < 0 or at >= end:
        return False
    kind = int(classes[int(data[at])])
    return DIGIT <= kind <= LETTER


@kernel
def clean_end(data, at, end, classes):  # type: ignore[no-untyped-def]
    """Whether an address may end before ``at``: no word goes on, nor a dotted name."""
    if is_word(data, at, end, classes):
        return False
    return not (at < end and int(data[at]) == 46 and is_word(data, at + 1, end, classes))


@kernel
def skip_port(data, stop, end, classes, text, out, facts):  # type: ignore[no-untyped-def]
    """Take the port off an IPv6 run: tcpdump's behind a dot, or a ninth group. Returns where the run ends."""
    last = int(facts[OUT])
    if facts[DOTS] == 1:
        last = int(facts[TAIL])
        while last < int(facts[OUT]) and int(text[last]) != 46:
            last += 1
        facts[GROUPS] += 1
        facts[WIDEST] = max(int(facts[WIDEST]), last - int(facts[TAIL]))
        facts[DOTS] = 0
        facts[OCTETS] = 1
        facts[PAIRS] = 0
    elif stop + 1 < end and int(data[stop]) == 46 and int(classes[int(data[stop + 1])]) == DIGIT:
        stop += 1
        while stop < end and int(classes[int(data[stop])]) == DIGIT:
            stop += 1
    elif int(facts[DOUBLES]) == 0 and facts[GROUPS] == 9 and last < out + LONGEST:
        cut = last - 1
        while int(text[cut]) != 58:
            cut -= 1
        if last - cut <= 6:
            last = cut
            facts[GROUPS] = 8
            facts[WIDEST] = 4
    facts[END] = stop
    facts[OUT] = last
    return stop


@kernel
def read_prefix(data, at, end, classes, width):  # type: ignore[no-untyped-def]
    """The prefix length behind an address: its end times 256 plus the length, or 0 if there is none.

    "/443" is a port to Cisco, "/index" a path: neither is a prefix length.
    """
    if at >= end:
        return 0
    packed = separator(data, at, end)
    if packed & 255 != 47:
        return 0
    at += packed >> 8
    begin = at
    length = 0
    while at < end and at - begin < 4 and int(classes[int(data[at])]) == DIGIT:
        length = length * 10 + int(data[at]) - 48
        at += 1
    digits = at - begin
    if digits == 0 or digits > 3 or length > width or (digits > 1 and int(data[begin]) == 48):
        return 0
    if not clean_end(data, at, end, classes) or (at < end and int(data[at]) == 47):
        return 0
    return at * 256 + length
