"""Find the segment of an address in one or two memory touches.

The first 16 bits of an address choose a slot, the next few a bucket; each slot has as many buckets as its
segments deserve. What is left of a bucket, mostly one segment, is searched by halves. The same shape
serves both families; for IPv6 the keys are the upper 64 bits and the lower ones only settle ties.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["SLOT_BITS", "bucket_index"]

SLOT_BITS = 16
_MOST_BUCKET_BITS = {32: 16, 64: 24}


def bucket_index(
    keys: NDArray[np.uint64], ties: NDArray[np.uint64] | None, width: int
) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """Build the index over ascending segment starts.

    ``keys`` are the starts (``width`` 32) or their upper halves (64) with the lower halves in ``ties``;
    the first start is 0. Returns ``slots``, int64 of shape (65536, 2): where a slot's buckets begin, and
    how far to shift the remaining bits; and ``buckets``, int32: the segment over the first address of each
    bucket, with one closing entry.
    """
    below = np.uint64(width - SLOT_BITS)
    counts = np.bincount((keys >> below).astype(np.int64), minlength=1 << SLOT_BITS)
    bits = np.minimum(np.ceil(np.log2(counts + 1)).astype(np.int64), _MOST_BUCKET_BITS[width])
    sizes = np.int64(1) << bits
    begins = np.cumsum(sizes) - sizes
    shifts = (width - SLOT_BITS) - bits
    slot_of = np.repeat(np.arange(1 << SLOT_BITS), sizes)
    within = np.arange(int(sizes.sum())) - begins[slot_of]
    first = (slot_of.astype(np.uint64) << below) | (
        within.astype(np.uint64) << shifts[slot_of].astype(np.uint64)
    )
    if ties is None:
        segments = np.searchsorted(keys, first, "right") - 1
    else:
        segments = np.searchsorted(keys, first, "left")
        inside = np.minimum(segments, len(keys) - 1)
        exact = (segments < len(keys)) & (keys[inside] == first) & (ties[inside] == 0)
        segments = np.where(exact, segments, segments - 1)
    buckets = np.append(segments, len(keys) - 1).astype(np.int32)
    return np.stack([begins, shifts], axis=1), buckets
