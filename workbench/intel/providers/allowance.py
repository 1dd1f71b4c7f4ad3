"""How often a provider may be asked: token bucket, quotas, and what the provider itself says is left.

All of it stands in the ledger, so that two notebooks and a scheduled run together keep to one limit. The free
plans' quotas are built in; a paid plan is told by ``WORKBENCH_VIRUSTOTAL_QUOTA=20000/day`` (or ``none``) and
``WORKBENCH_VIRUSTOTAL_RATE=30/minute``.
"""

from __future__ import annotations

import os
import re
import sqlite3
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from workbench.intel.providers.ledger import Ledger
from workbench.intel.providers.provider import Period, Provider, ProviderError, Quota, Rate

__all__ = ["Left", "close_until", "left", "note_headers", "quotas_of", "rate_of", "take"]

_SECONDS = {"second": 1.0, "minute": 60.0, "hour": 3600.0, "day": 86400.0}


@dataclass(frozen=True, slots=True)
class Left:
    """What is left of the tightest quota; ``requests`` is None where none is known."""

    requests: int | None
    of: int | None = None
    resets: datetime | None = None


def quotas_of(provider: Provider) -> tuple[Quota, ...]:
    """The quotas that hold: the user's, else those of the free plan.

    Raises:
        ProviderError: the environment variable cannot be read.
    """
    name, given = _given(provider, "QUOTA")
    if not given:
        return provider.quotas
    if given == "none":
        return ()
    match = re.fullmatch(r"([0-9]{1,9})/(hour|day|week|month)", given)
    if not match:
        raise ProviderError(
            provider.id, f"{name} wants a number and a period like 20000/day, or none, not {given!r}"
        )
    return (Quota(int(match[1]), Period(match[2])),)


def rate_of(provider: Provider) -> Rate:
    """The rate that holds: the user's, else the provider's.

    Raises:
        ProviderError: the environment variable cannot be read.
    """
    name, given = _given(provider, "RATE")
    if not given:
        return provider.rate
    match = re.fullmatch(r"([1-9][0-9]{0,5})/(second|minute|hour|day)", given)
    if not match:
        raise ProviderError(provider.id, f"{name} wants a rate like 30/minute, not {given!r}")
    return Rate(int(match[1]), _SECONDS[match[2]], burst=min(int(match[1]), 10))


def _given(provider: Provider, what: str) -> tuple[str, str]:
    name = f"WORKBENCH_{provider.account.upper().replace('-', '_')}_{what}"
    return name, os.environ.get(name, "").strip().lower()


def take(ledger: Ledger, provider: Provider, now: float | None = None) -> float:
    """Count one request against the quotas and take a token: the seconds to wait before it may be sent.

    Raises:
        ProviderError: the quota is used up, or the provider asked not to come before a time.
    """
    now = time.time() if now is None else now
    quotas, rate = quotas_of(provider), rate_of(provider)
    with ledger.change() as db:
        row = db.execute("SELECT until FROM closed WHERE account = ?", (provider.account,)).fetchone()
        if row and row[0] > now:
            raise ProviderError(provider.id, f"asks not to be asked before {_clock(row[0])}")
        told = db.execute(
            "SELECT remaining, until FROM told WHERE account = ?", (provider.account,)
        ).fetchone()
        if told and told[1] > now:
            if told[0] <= 0:
                raise ProviderError(provider.id, f"says that the quota is used up until {_clock(told[1])}")
            db.execute("UPDATE told SET remaining = remaining - 1 WHERE account = ?", (provider.account,))
        for quota in quotas:
            if told and told[1] > now and quota.period is Period.DAY:
                continue  # the provider's own count is the better one
            start, end = _bounds(quota.period, now)
            used = _used(db, provider.account, quota.period, start)
            if used >= quota.requests:
                raise ProviderError(
                    provider.id,
                    f"the quota of {quota.requests:,} a {quota.period} is used up until {_clock(end)}; "
                    f"a plan with more is told by WORKBENCH_{provider.account.upper().replace('-', '_')}_QUOTA",
                )
        for period in {quota.period for quota in quotas}:
            start, _ = _bounds(period, now)
            used = _used(db, provider.account, period, start)
            db.execute(
                "INSERT OR REPLACE INTO used VALUES (?, ?, ?, ?)", (provider.account, period, start, used + 1)
            )
        row = db.execute("SELECT empty_at FROM bucket WHERE account = ?", (provider.account,)).fetchone()
        # A bucket as one number: the time at which it will be full again after all tokens taken so far.
        full_at = max(now, min(row[0], now + 86400.0) if row else now) + rate.interval
        db.execute("INSERT OR REPLACE INTO bucket VALUES (?, ?)", (provider.account, full_at))
    return max(full_at - now - rate.burst * rate.interval, 0.0)


def note_headers(ledger: Ledger, provider: Provider, headers: Mapping[str, str]) -> None:
    """Keep what the provider says of the quota, where it says it in a way that can be true."""
    if provider.quota_headers is None:
        return
    most, remaining, resets = (_number(headers.get(name, "")) for name in provider.quota_headers)
    if remaining is None:
        return
    now = time.time()
    tomorrow = _bounds(Period.DAY, now)[1]
    until = resets if resets is not None and now < resets <= now + 2 * 86400 else tomorrow
    with ledger.change() as db:
        db.execute(
            "INSERT OR REPLACE INTO told VALUES (?, ?, ?, ?)", (provider.account, most, remaining, until)
        )


def close_until(ledger: Ledger, provider: Provider, until: float) -> None:
    """Ask no more before ``until`` (Unix time; at most two days off)."""
    with ledger.change() as db:
        until = min(until, time.time() + 2 * 86400)
        db.execute("INSERT OR REPLACE INTO closed VALUES (?, ?)", (provider.account, until))


def left(ledger: Ledger, provider: Provider) -> Left:
    """What may still be asked: by the provider's own count where it is known, else by what was counted here.

    Raises:
        ProviderError: the environment variable of the quota cannot be read.
    """
    now = time.time()
    found = []
    with ledger.change() as db:
        told = db.execute(
            "SELECT most, remaining, until FROM told WHERE account = ?", (provider.account,)
        ).fetchone()
        if told and told[2] > now:
            found.append(Left(told[1], told[0], datetime.fromtimestamp(told[2], UTC)))
        for quota in quotas_of(provider):
            if found and quota.period is Period.DAY:
                continue
            start, end = _bounds(quota.period, now)
            used = _used(db, provider.account, quota.period, start)
            rest = max(quota.requests - used, 0)
            found.append(Left(rest, quota.requests, datetime.fromtimestamp(end, UTC)))
    return min(found, key=lambda one: one.requests or 0, default=Left(None))


def _used(db: sqlite3.Connection, account: str, period: Period, start: int) -> int:
    row = db.execute(
        "SELECT start, requests FROM used WHERE account = ? AND period = ?", (account, period)
    ).fetchone()
    return int(row[1]) if row and row[0] == start else 0


def _bounds(period: Period, now: float) -> tuple[int, int]:
    """Begin and end of the calendar period around ``now``, in Unix time."""
    moment = datetime.fromtimestamp(now, UTC).replace(minute=0, second=0, microsecond=0)
    if period is Period.HOUR:
        return int(moment.timestamp()), int((moment + timedelta(hours=1)).timestamp())
    day = moment.replace(hour=0)
    if period is Period.DAY:
        return int(day.timestamp()), int((day + timedelta(days=1)).timestamp())
    if period is Period.WEEK:
        monday = day - timedelta(days=day.weekday())
        return int(monday.timestamp()), int((monday + timedelta(days=7)).timestamp())
    first = day.replace(day=1)
    return int(first.timestamp()), int((first + timedelta(days=32)).replace(day=1).timestamp())


def _number(value: str) -> int | None:
    return int(value) if re.fullmatch(r"[0-9]{1,12}", value.strip(), re.ASCII) else None


def _clock(when: float) -> str:
    return f"{datetime.fromtimestamp(when, UTC):%Y-%m-%d %H:%M} UTC"
