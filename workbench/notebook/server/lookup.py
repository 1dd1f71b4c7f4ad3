"""``POST workbench/lookup``: what is known of addresses; ``POST workbench/extract``: the addresses in a text."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from jupyter_server.auth.decorator import authorized
from tornado import web

from workbench.notebook.server.base import RequestError, WorkbenchHandler

__all__ = ["ExtractHandler", "LookupHandler", "routes"]

_ADDRESS_BYTES = 200
"""Room for one address in a request; the longest, an IPv6 address with a zone, has well under half."""
_FOUND = 10_000
"""Distinct addresses of a text that are sent back, the most frequent first."""
_SHORT = ["address", "verdict", "reputation", "country", "as_org", "reasons"]


class LookupHandler(WorkbenchHandler):
    """``{"addresses": [text, …], "evidence": true}`` to one result an address, in the same order.

    Without evidence the results are short (address, verdict, reputation, country, as_org, reasons) and a thousand
    take milliseconds; with it they hold every field and the list entries behind the verdict.
    """

    @web.authenticated
    @authorized("read")  # type: ignore[untyped-decorator]
    async def post(self) -> None:
        try:
            body = self.body(self.workbench.max_addresses * _ADDRESS_BYTES)
            addresses = _texts(body.get("addresses"), self.workbench.max_addresses)
        except RequestError as refusal:
            self.refuse(refusal.status, str(refusal))
            return
        full = body.get("evidence", True) is not False
        await self.answer(lambda: _looked_up(addresses, full=full))


class ExtractHandler(WorkbenchHandler):
    """``{"text": …}`` to the distinct addresses and networks in it, defanged or not, and what only looks like one."""

    @web.authenticated
    @authorized("read")  # type: ignore[untyped-decorator]
    async def post(self) -> None:
        limit = self.workbench.max_text_bytes
        try:
            # JSON escapes a character to six bytes at worst.
            text = self.body(6 * limit + 100).get("text")
            if not isinstance(text, str):
                raise RequestError(400, '"text" is to be a text')
            data = text.encode("utf-8", "replace")
            if len(data) > limit:
                raise RequestError(
                    413,
                    f"the text has {len(data):,} bytes, at most {limit:,} are searched here: "
                    "`workbench triage FILE` reads files of any size",
                )
        except RequestError as refusal:
            self.refuse(refusal.status, str(refusal))
            return
        await self.answer(lambda: _extracted(data))


def routes(_serverapp: Any) -> list[tuple[str, type[WorkbenchHandler], dict[str, Any]]]:
    return [("/workbench/lookup", LookupHandler, {}), ("/workbench/extract", ExtractHandler, {})]


def _texts(value: object, limit: int) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise RequestError(400, '"addresses" is to be a list of texts')
    if len(value) > limit:
        raise RequestError(
            413,
            f"{len(value):,} addresses in one request, at most {limit:,} are answered: "
            "`wb.triage(addresses)` takes any number",
        )
    return value


def _looked_up(addresses: list[str], *, full: bool) -> dict[str, Any]:
    from workbench.enrichment import open_engine, record

    engine = open_engine()
    if full:
        results = [_fields(record.lookup(engine, address)) for address in addresses]
    else:
        results = engine.enrich(addresses).select(_SHORT).to_pylist()
    for address, result in zip(addresses, results, strict=True):
        result["input"] = address
    return {
        "snapshot": {"id": engine.snapshot.id, "as_of": engine.snapshot.as_of.isoformat()},
        "results": results,
    }


def _fields(intel: Any) -> dict[str, Any]:
    evidence = [{**asdict(item), "seen": item.seen} for item in intel.evidence]
    return {**asdict(intel), "flags": list(intel.flags), "evidence": evidence}


def _extracted(data: bytes) -> dict[str, Any]:
    from workbench.addresses.extract import extract_text

    found = extract_text(data)
    kept = found.table.select(["address", "kind", "count", "first_line"]).slice(0, _FOUND)
    return {
        "found": kept.to_pylist(),
        "distinct": len(found),
        "lines": found.lines,
        "malformed": [{"line": item.line, "text": item.text} for item in found.rejected[:20]],
        "malformed_count": found.rejected_count,
    }
