"""What was said, as a number: the same content has the same hash, whoever makes the report and whenever."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from typing import Any

__all__ = ["content_hash"]


def content_hash(parts: Iterable[Any]) -> str:
    """SHA-256 over values as JSON, in order; dates as text."""
    digest = hashlib.sha256()
    for part in parts:
        text = json.dumps(part, sort_keys=True, default=str, ensure_ascii=True, separators=(",", ":"))
        digest.update(f"{len(text)}:{text}".encode())
    return digest.hexdigest()
