"""What a provider is, and what comes back from one: findings that are evidence, and facts that are not."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from workbench.intel.source import Category, Reliability

__all__ = ["Answer", "Finding", "Parsed", "Period", "Provider", "ProviderError", "Quota", "Rate", "Request"]


class ProviderError(ValueError):
    """A provider could not be asked, or its answer not used: names the provider, and the mend where there is one."""

    def __init__(self, provider: str, reason: str) -> None:
        super().__init__(f"{provider}: {reason}")
        self.provider = provider
        self.reason = reason


class Period(StrEnum):
    """What a quota is counted over: calendar periods in UTC; a week begins on Monday."""

    HOUR = "hour"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"


@dataclass(frozen=True, slots=True)
class Quota:
    """At most ``requests`` in a calendar ``period``."""

    requests: int
    period: Period


@dataclass(frozen=True, slots=True)
class Rate:
    """A token bucket: ``requests`` tokens flow in over ``seconds``, and at most ``burst`` are kept."""

    requests: int
    seconds: float
    burst: int = 1

    @property
    def interval(self) -> float:
        """Seconds in which one token flows in."""
        return self.seconds / self.requests


@dataclass(frozen=True, slots=True)
class Request:
    """A GET: a path below the provider's URL and query parameters, made of the address alone."""

    path: str
    query: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Finding:
    """One statement of a provider about an address that is evidence: what a row of a list is of a source.

    ``confidence`` (0-100) is as the provider states it, or derived as its module says; None for "states none".
    """

    category: Category
    label: str = ""
    confidence: int | None = None
    first_seen: datetime | None = None
    last_seen: datetime | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True)
class Parsed:
    """What one answer said. ``facts`` (open ports, place, counts) inform the reader and judge nobody."""

    findings: tuple[Finding, ...] = ()
    facts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Provider:
    """How one service is asked and understood.

    ``request`` makes the request for an address in canonical text; ``parse`` reads the JSON of an answer
    and may raise :class:`ProviderError`, and nothing else, whatever the JSON is. ``key`` names the key
    (providers of one account share it), ``header`` the HTTP header it travels in and ``prefix`` what stands
    before it there. A status in ``unknown`` means "nothing known of this address". ``quotas`` are those of
    the provider's free plan; see :mod:`workbench.intel.providers.allowance` for how a paid one is told.
    """

    id: str
    title: str
    url: str
    request: Callable[[str], Request]
    parse: Callable[[Any, str], Parsed]
    reliability: Reliability
    terms: str
    homepage: str
    rate: Rate
    key: str | None = None
    header: str = ""
    prefix: str = ""
    quotas: tuple[Quota, ...] = ()
    quota_headers: tuple[str, str, str] | None = None
    """Headers of limit, remaining and reset (Unix time), where the provider sends them of its daily quota."""
    unknown: tuple[int, ...] = ()
    ttl: timedelta = timedelta(days=1)
    max_bytes: int = 4 << 20
    concurrency: int = 4

    @property
    def account(self) -> str:
        """Whose rate and quota a request draws on."""
        return self.key or self.id


@dataclass(frozen=True, slots=True)
class Answer:
    """What one provider said of one address, or why it said nothing (``error``).

    ``cached`` tells that nobody was asked now; ``expired`` that the answer is older than the provider's time
    to live and stands in because nobody could be asked. ``retrieved`` is when the provider gave it.
    """

    provider: str
    title: str
    address: str
    retrieved: datetime | None
    findings: tuple[Finding, ...]
    facts: Mapping[str, str]
    reliability: Reliability
    terms: str
    cached: bool = False
    expired: bool = False
    error: str | None = None
