"""Lists of a collection, page by page: its objects, or their manifest.

A server may forget a ``next`` it gave, or take it for answered although the answer never arrived. So a page
that was asked for with ``next`` and did not arrive whole is not asked for again: the list is taken up from the
moment the last page ended (``added_after`` a microsecond before it, since the objects of one moment may go over
several pages). What comes twice that way is told apart by whoever reads the pages.
"""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from workbench.exchange.stix.indicators import moment
from workbench.exchange.stix.stream import Envelope, Found, StreamError, objects_of
from workbench.exchange.taxii import connection as taxii_connection
from workbench.exchange.taxii.connection import Answer, Connection
from workbench.exchange.taxii.errors import (
    InterruptedAnswerError,
    RejectedError,
    TaxiiError,
    TooLargeError,
)

__all__ = ["Page", "filters_of", "just_before", "pages"]

RESTARTS = 8
"""Times in a row that a list is taken up without a page arriving."""
STUCK = 3
"""Pages in a row that are the same, byte for byte."""
_SMALLER = (1000, 100, 10, 1)
_LARGEST = 10_000


@dataclass(frozen=True, slots=True)
class Page:
    """Items of a list as they came; ``last`` is when the last of them was added there, ``by_next`` says that the
    page came of a ``next``."""

    items: list[Found]
    more: bool
    last: str | None
    sent_at: datetime | None
    by_next: bool


def filters_of(
    types: Iterable[str], ids: Iterable[str], versions: Iterable[str], spec_versions: Iterable[str]
) -> dict[str, str]:
    """The filters of a list (TAXII 2.1 section 3.4), as parameters of a request; a text is one value.

    Raises:
        ValueError: a value is none.
    """
    found = {}
    for name, given in (("type", types), ("id", ids), ("version", versions), ("spec_version", spec_versions)):
        values = [given] if isinstance(given, str) else list(given)
        if any(not isinstance(value, str) or not value or "," in value for value in values):
            raise ValueError(f"{name}: {values} are not values to filter by")
        if values:
            found[f"match[{name}]"] = ",".join(values)
    return found


def just_before(text: str) -> str:
    """A microsecond before a moment of TAXII.

    Raises:
        TaxiiError: it is none.
    """
    found = moment(text)
    if found is None or found.year < 1970:
        raise TaxiiError(f"the server says {text[:60]!r} where a timestamp is wanted")
    return f"{(found - timedelta(microseconds=1)).astimezone(UTC):%Y-%m-%dT%H:%M:%S.%fZ}"


class _CutOffError(TaxiiError):
    """An answer that HTTP took for whole is not."""


async def pages(
    connection: Connection, url: str, filters: dict[str, str], added_after: str | None, limit: int | None
) -> AsyncIterator[Page]:
    """Every page of the list at ``url`` of what was added after a moment, oldest first.

    Where a page is larger than an answer may be, smaller ones are asked for.

    Raises:
        TaxiiError: the server fails, or contradicts itself.
    """
    start = resume = added_after
    following: str | None = None
    failed = same = size = 0
    before, largest = b"", _LARGEST
    while True:
        params = (
            filters | ({"added_after": start} if start else {}) | ({"limit": str(limit)} if limit else {})
        )
        if following:
            # Some servers (medallion) want to hear the size of their pages from those who go on.
            params |= {"next": following, "limit": str(limit or size)}
        try:
            answer = await connection.get(url, params, repeatable=following is None)
            page, token = _read(answer, following is not None)
        except TooLargeError:
            limit = next((size for size in _SMALLER if limit is None or size < limit), None)
            if limit is None:
                raise
            start, following, largest = resume, None, limit
            continue
        except (InterruptedAnswerError, _CutOffError, RejectedError) as error:
            failed += 1
            forgotten = (
                following and isinstance(error, RejectedError) and error.status in (400, 404, 410, 422)
            )
            if failed > RESTARTS or (isinstance(error, RejectedError) and not forgotten):
                raise
            await asyncio.sleep(taxii_connection.PAUSE * (failed - 1))
            if following:
                # The more pages the objects of one moment go over, the seldomer they all arrive.
                limit = min((limit or size) * 2, largest)
            start, following = resume, None
            continue
        same = same + 1 if page.items and answer.body == before else 0
        failed, before, size = 0, answer.body, size or len(page.items) or 1
        if same >= STUCK:
            raise TaxiiError(f"{url}: the server gives the same page again and again")
        yield page
        if page.last:
            resume = just_before(page.last)
        if not page.more:
            return
        if token is None and not _is_later(resume, start):
            raise TaxiiError(f"{url}: the server says that there is more, and not how to ask for it")
        start, following = (resume, None) if token is None else (start, token)


def _is_later(this: str | None, than: str | None) -> bool:
    a, b = moment(this), moment(than)
    return a is not None and (b is None or a > b)


def _read(answer: Answer, by_next: bool) -> tuple[Page, str | None]:
    envelope = Envelope()
    try:
        items = list(objects_of(io.BytesIO(answer.body), envelope)) if answer.body.strip() else []
    except StreamError as error:
        raise _CutOffError(f"{answer.url}: {error}") from None
    if envelope.broken:
        raise _CutOffError(f"{answer.url}: the answer is cut off or no envelope: {envelope.broken}")
    properties = envelope.properties
    if len(items) == 1 and items[0].value is not None and "id" not in items[0].value:
        properties, items = items[0].value, []  # an envelope without objects
    token = properties.get("next")
    # Without a word on it a ``next`` means that there is more.
    more = properties.get("more", token is not None) is True
    return Page(
        items, more, answer.headers.get("X-TAXII-Date-Added-Last"), answer.sent_at, by_next
    ), token if isinstance(token, str) and token else None  # fmt: skip
