"""Reading JSON that a stranger wrote: every value has the type, length and range that is asked for, or is absent."""

from __future__ import annotations

import ipaddress
import json
import re
import unicodedata
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from workbench.intel.providers.provider import ProviderError

__all__ = ["boolean", "integer", "items", "mapping", "moment", "same_address", "text", "texts", "unpacked"]

LONGEST = 200
MOST = 100
_FIRST_DAY = datetime(1990, 1, 1, tzinfo=UTC)


def unpacked(body: bytes, provider: str) -> Any:
    """The JSON of a body.

    Raises:
        ProviderError: it is no JSON, or nested too deeply to be read.
    """
    try:
        return json.loads(body, parse_constant=_refused)
    except (ValueError, RecursionError) as error:
        reason = "nested too deeply" if isinstance(error, RecursionError) else "no JSON"
        raise ProviderError(provider, f"the answer cannot be read: {reason}") from None


def _refused(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def mapping(value: Any) -> dict[str, Any]:
    """What is one, else an empty one."""
    return value if isinstance(value, dict) else {}


def items(value: Any) -> list[Any]:
    """The first hundred of a list."""
    return value[:MOST] if isinstance(value, list) else []


def text(value: Any, longest: int = LONGEST) -> str:
    """A string with plain spaces and without control, format (bidirectional overrides) and private characters, cut to ``longest``."""
    if not isinstance(value, str):
        return ""
    kept = (" " if c.isspace() else c for c in value[: longest * 4] if c.isspace() or _harmless(c))
    clean = re.sub(r" +", " ", "".join(kept)).strip()
    return clean if len(clean) <= longest else clean[: longest - 1] + "…"


def _harmless(character: str) -> bool:
    return not unicodedata.category(character).startswith("C")


def texts(values: Iterable[Any], shown: int = 12) -> str:
    """Words and numbers as one line, and how many more there are."""
    found = [str(v) if isinstance(v, int) and not isinstance(v, bool) else text(v, 60) for v in values]
    found = [word[:60] for word in found if word]
    more = f" and {len(found) - shown} more" if len(found) > shown else ""
    return ", ".join(found[:shown]) + more


def integer(value: Any, low: int = 0, high: int = 10**9) -> int | None:
    """A whole number between ``low`` and ``high``; truth values and numbers written as text are none."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and low <= value <= high else None


def boolean(value: Any) -> bool:
    """Only ``true`` is true."""
    return value is True


def moment(value: Any) -> datetime | None:
    """A date or date-time (ISO 8601) or Unix time in UTC; nothing before 1990 or after tomorrow."""
    try:
        if isinstance(value, str) and len(value) <= 40:
            found = datetime.fromisoformat(value.strip())
            found = found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
        elif isinstance(value, int) and not isinstance(value, bool):
            found = datetime.fromtimestamp(value, UTC)
        else:
            return None
    except (ValueError, OverflowError, OSError):
        return None
    found = found.replace(microsecond=0)
    return found if _FIRST_DAY <= found <= datetime.now(UTC) + timedelta(days=1) else None


def same_address(said: Any, asked: str, provider: str) -> None:
    """Hold an answer to the address it was asked about.

    Raises:
        ProviderError: it names another address, or none.
    """
    try:
        if isinstance(said, str) and ipaddress.ip_address(said) == ipaddress.ip_address(asked):
            return
    except ValueError:
        pass
    named = f"{text(said, 60)!r}" if isinstance(said, str) else "no address"
    raise ProviderError(provider, f"the answer is about {named}, not {asked}")
