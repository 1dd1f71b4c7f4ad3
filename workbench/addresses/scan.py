"""Finding what looks like an address in bytes of text, at the speed of memory.

The scanner decides where a candidate begins and ends and undoes defanging; whether it is an address is
decided by :func:`workbench.addresses.parse`. A candidate stands alone: it does not touch letters, digits or
``_``, and a dotted run has exactly four parts, so version numbers of five parts, dates, object identifiers
and hardware addresses are none.
"""

from __future__ import annotations

from workbench.addresses.compiled import kernel
from workbench.addresses.lookalikes import is_tcpdump, is_version, version_goes_on
from workbench.addresses.runs import (
    COLON,
    COLONS,
    DECIMALS,
    DIGIT,
    DOTS,
    DOUBLES,
    END,
    ESCAPE,
    FOURTH,
    GROUPS,
    HEX,
    LETTER,
    LONGEST,
    NEWLINE,
    OCTETS,
    OTHER,
    OUT,
    PAIRS,
    TAIL,
    WIDEST,
    begins_defanged,
    clean_end,
    is_hex,
    read_prefix,
    read_run,
    skip_port,
)

__all__ = [
    "ADDRESS",
    "HARDWARE",
    "LOOKAHEAD",
    "LOOKBEHIND",
    "MALFORMED",
    "VERSION",
    "scan",
]

LOOKBEHIND = 64
"""Bytes before a block that decide whether a candidate at its start is one."""
LOOKAHEAD = 1024
"""Bytes that must follow a candidate's start, unless the text ends: the longest defanged one and its rest."""

ADDRESS, VERSION, HARDWARE, MALFORMED = 0, 1, 2, 3
"""What a candidate is taken for: an address if it parses, or one of the things it is confused with."""


@kernel
def _judge_ipv6(data, begin, end, classes, facts):  # type: ignore[no-untyped-def]
    """What the run in ``facts`` is: ADDRESS, HARDWARE, MALFORMED, or -1 for nothing of interest."""
    stop = int(facts[END])
    dots, colons, doubles = int(facts[DOTS]), int(facts[COLONS]), int(facts[DOUBLES])
    groups, widest = int(facts[GROUPS]), int(facts[WIDEST])
    if dots == 3:
        groups += 2
    if groups == 0:  # "::" is an operator in too many languages to be taken without brackets or prefix
        if colons != 2 or stop >= end:
            return -1
        closed = begin > 0 and int(data[begin - 1]) == 91 and int(data[stop]) == 93
        return ADDRESS if closed or int(data[stop]) == 47 else -1
    if facts[DECIMALS] == 0 and groups < 3:
        return -1  # dead::beef is more often code than address
    fits = (doubles == 1 and groups <= 7) or (doubles == 0 and groups == 8)
    if fits and widest <= 4 and facts[OCTETS] == 1 and clean_end(data, stop, end, classes):
        return HARDWARE if doubles == 0 and facts[PAIRS] == 1 and dots == 0 else ADDRESS
    if (doubles > 0 and groups >= 2 and widest >= 3) or (colons >= 5 and widest >= 3):
        return MALFORMED
    return -1


@kernel
def scan(  # type: ignore[no-untyped-def]
    data, begin, limit, end, line, classes, text, offsets, lines, prefixes, verdicts, facts
):
    """Find candidates that begin in ``data[begin:limit]``; ``line`` is the number of the line at ``begin``.

    Each gets its text without defanging, its line, its prefix length (-1 without) and what it is taken for.
    Stops early when the output is full. Returns where it stopped, the candidates, and the line there.
    """
    count = 0
    out = 0
    offsets[0] = 0
    at = begin
    fresh = -1  # a place that begins anew whatever stands before it: behind "%20" or "\n"
    while at < end:
        if (at >= limit and at != fresh) or count == len(lines) or out + LONGEST >= len(text):
            break
        kind = int(classes[int(data[at])])
        if kind == OTHER:
            at += 1
            continue
        if kind == NEWLINE:
            line += 1
            at += 1
            continue
        if kind == LETTER:
            at += 1
            while at < end and DIGIT <= int(classes[int(data[at])]) <= LETTER:
                at += 1
            continue
        if kind == ESCAPE:
            if int(data[at]) == 37:
                if is_hex(data, at + 1, end, classes) and is_hex(data, at + 2, end, classes):
                    at += 2
                    fresh = at + 1
            elif at + 1 < end:
                byte = int(data[at + 1])
                if byte == 110 or byte == 114 or byte == 116 or byte == 34 or byte == 92:
                    at += 1
                    fresh = at + 1
                elif byte == 117 and at + 5 < end:  # \u0026
                    at += 5
                    fresh = at + 1
            at += 1
            continue
        clean = True
        if at > 0 and at != fresh:
            byte = int(data[at - 1])
            before = int(classes[byte])
            if DIGIT <= before <= LETTER or byte == 46:
                clean = False
            elif before == COLON and at > 1 and int(data[at - 2]) == 58:
                clean = False  # std::1
        if kind == COLON and clean and begins_defanged(data, at - 1, end, classes):
            at -= 1
        elif kind == COLON:
            if not clean or at + 1 >= end or int(data[at + 1]) != 58:
                at += 1
                while at < end and int(data[at]) == 58:
                    at += 1
                continue
        elif not clean:
            at += 1
            while at < end and DIGIT <= int(classes[int(data[at])]) <= LETTER:
                at += 1
            continue

        if kind != COLON:  # most digits are numbers and ids: leave them before anything is written down
            stop = at + 1
            while stop < end and stop - at < 5 and DIGIT <= int(classes[int(data[stop])]) <= HEX:
                stop += 1
            if stop < end:
                byte = int(data[stop])
                opens = byte == 91 or byte == 40 or byte == 123 or byte == 92
                if byte != 46 and byte != 58 and not opens:
                    at = stop
                    continue

        read_run(data, at, end, classes, text, out, facts)
        start = at
        at = int(facts[END])
        stop = at
        dots = int(facts[DOTS])
        colons = int(facts[COLONS])
        verdict = -1
        first = out
        last = int(facts[OUT])
        width = 128
        if colons >= 2:
            if dots <= 1:
                stop = skip_port(data, stop, end, classes, text, out, facts)
                last = int(facts[OUT])
                at = stop
            if dots <= 1 or dots == 3:
                verdict = _judge_ipv6(data, start, end, classes, facts)
        if verdict < 0 and colons > 0 and dots == 3 and facts[DOUBLES] == 0 and facts[GROUPS] <= 4:
            first = int(facts[TAIL])  # "10:32:05:192.0.2.1", "add:192.0.2.1"
            width = 32
        elif colons == 0 and (dots == 3 or (dots == 4 and facts[FOURTH] > 0)):
            width = 32
        if width == 32:
            if dots == 4:
                if is_tcpdump(data, start, stop, end):
                    verdict = ADDRESS
                    last = int(facts[FOURTH])
            elif facts[OCTETS] == 1 and clean_end(data, stop, end, classes):
                verdict = ADDRESS
                if version_goes_on(data, stop, end, classes) or (
                    first == out and is_version(data, start, stop, end)
                ):
                    verdict = VERSION
        if verdict < 0:
            continue
        prefix = -1
        if verdict == ADDRESS:
            packed = read_prefix(data, stop, end, classes, width)
            if packed > 0:
                prefix = packed & 255
                at = packed >> 8
        for k in range(first, last):  # the dotted tail alone moves to the front
            text[out + k - first] = int(text[k])
        out += last - first
        lines[count] = line
        prefixes[count] = prefix
        verdicts[count] = verdict
        count += 1
        offsets[count] = out
    return at, count, line
