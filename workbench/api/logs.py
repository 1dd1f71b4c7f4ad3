"""The log of the server: one JSON object a line, or plain lines for a terminal. Never a token, a query's text or its
variables, nor an error's message: those may be content."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Any, TextIO

from workbench._text import printable

__all__ = ["JsonLines", "PlainLines", "set_up"]

_OWN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "color_message", "taskName"}


class JsonLines(logging.Formatter):
    """``{"at": …, "level": …, "log": …, "says": …}`` and what else the line knows."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "log": record.name,
            "says": record.getMessage(),
            **_extras(record),
        }
        return json.dumps(line, default=str)


class PlainLines(logging.Formatter):
    """The same for people: time, what, and ``name=value``."""

    def format(self, record: logging.LogRecord) -> str:
        more = " ".join(f"{name}={_plain(value)}" for name, value in _extras(record).items())
        return f"{datetime.fromtimestamp(record.created):%H:%M:%S} {record.getMessage()} {more}".rstrip()


def set_up(*, as_json: bool, stream: TextIO | None = None) -> None:
    """Send the log of this room and of uvicorn to ``stream`` (standard error)."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonLines() if as_json else PlainLines())
    for name in ("workbench.api", "uvicorn.error"):
        logger = logging.getLogger(name)
        logger.handlers = [handler]
        logger.setLevel(logging.INFO if name == "workbench.api" else logging.WARNING)
        logger.propagate = False
    # Its line for each request would hold the URL, and so a query asked by GET.
    logging.getLogger("uvicorn.access").disabled = True
    for name in ("psycopg.pool", "strawberry.ws", "strawberry.ws.task", "strawberry.execution"):
        logging.getLogger(name).setLevel(logging.CRITICAL)


def _extras(record: logging.LogRecord) -> dict[str, Any]:
    found = {name: value for name, value in vars(record).items() if name not in _OWN and value is not None}
    if record.exc_info and record.exc_info[1] is not None:
        from workbench.api.masking import frames

        error = record.exc_info[1]
        found |= {"error": type(error).__name__, "at": frames(error)}
    return found


def _plain(value: Any) -> str:
    text = " < ".join(reversed(value)) if isinstance(value, list) else str(value)
    return printable(text, "?")
