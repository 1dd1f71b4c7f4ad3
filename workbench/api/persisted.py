"""Queries known by their SHA-256: registered by clients as they go, or the only ones that are answered."""

from __future__ import annotations

import hashlib
import json
from collections import OrderedDict
from pathlib import Path
from typing import Any

from workbench.api.errors import ApiError

__all__ = ["Persisted", "PersistedQueryNotFound"]

MOST = 500
LONGEST = 100_000


class PersistedQueryNotFound(ApiError):
    """The client sends the query along, and later the hash alone."""

    code = "PERSISTED_QUERY_NOT_FOUND"
    status = 200


class QueryNotAllowed(ApiError):
    """Only listed queries are answered."""

    code = "QUERY_NOT_ALLOWED"
    status = 403


class Persisted:
    """With ``listed``, a JSON object from SHA-256 to query, no other is answered; without, up to :data:`MOST` are
    remembered as Apollo's clients register them (``extensions.persistedQuery``).

    Raises:
        ValueError: the file is no such object, or a hash is not that of its query.
    """

    def __init__(self, listed: Path | None = None) -> None:
        self._listed: dict[str, str] | None = _read(listed) if listed else None
        self._known: OrderedDict[str, str] = OrderedDict()

    def query(self, text: str | None, extensions: dict[str, Any] | None) -> str | None:
        """The query meant by a request: its text, or what its hash stands for.

        Raises:
            ApiError: an unknown hash, one of another query, or a query that is not listed.
        """
        if text is not None:
            if len(text) > LONGEST:
                raise ApiError(f"a query has up to {LONGEST:,} characters")
            try:
                text.encode()
            except UnicodeEncodeError:
                raise ApiError("the query holds half of a character (a lone surrogate)") from None
        named = (extensions or {}).get("persistedQuery")
        digest = named.get("sha256Hash") if isinstance(named, dict) else None
        if digest is not None and not isinstance(digest, str):
            raise ApiError("extensions.persistedQuery.sha256Hash is a text")
        if self._listed is not None:
            wanted = _digest(text) if text is not None else digest
            found = self._listed.get(wanted or "")
            if found is None:
                raise QueryNotAllowed("this query is not among those that are answered here")
            return found
        if digest is None:
            return text
        if text is None:
            if digest not in self._known:
                raise PersistedQueryNotFound("PersistedQueryNotFound")
            self._known.move_to_end(digest)
            return self._known[digest]
        if _digest(text) != digest.lower():
            raise ApiError("the hash is not that of the query")
        self._known[digest] = text
        while len(self._known) > MOST:
            self._known.popitem(last=False)
        return text


def _read(path: Path) -> dict[str, str]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path}: no JSON: {error}") from None
    if not isinstance(found, dict) or not all(isinstance(text, str) for text in found.values()):
        raise ValueError(f"{path}: a JSON object from SHA-256 to query is expected")
    for digest, text in found.items():
        if _digest(text) != digest:
            raise ValueError(f"{path}: {digest} is not the SHA-256 of its query, which is {_digest(text)}")
    return found


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
