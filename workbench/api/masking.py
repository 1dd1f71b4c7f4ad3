"""Errors as they are told: what the client can mend in words, everything else as an id that the log knows."""

from __future__ import annotations

import logging
import secrets
import traceback
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from workbench.api.errors import ApiError

if TYPE_CHECKING:
    from graphql import GraphQLError

__all__ = ["frames", "masked", "told"]

log = logging.getLogger("workbench.api")


def told(errors: Sequence[GraphQLError], *, request_id: str = "", introspection: bool = True) -> list[Any]:
    """Errors in the form of the GraphQL response."""
    return [_told(error, request_id, introspection).formatted for error in errors]


def masked(error: BaseException, request_id: str = "") -> str:
    """Write an unexpected error down, and give the id under which it is found. What the error says may be
    content: the log has its type and the places it came through."""
    identity = secrets.token_hex(6)
    log.error(
        "unexpected error",
        extra={"error_id": identity, "request": request_id, "error": _name(error), "at": frames(error)},
    )
    return identity


def frames(error: BaseException) -> list[str]:
    """Where an error came through: ``file:line function``, the innermost last."""
    through = traceback.extract_tb(error.__traceback__)[-12:]
    return [f"{'/'.join(at.filename.split('/')[-3:])}:{at.lineno} {at.name}" for at in through]


def _told(error: GraphQLError, request_id: str, introspection: bool) -> GraphQLError:
    from graphql import GraphQLError

    cause = _cause(error)
    if cause is None or (error.path is None and error.nodes):
        # Of the document or its variables: the client's own words.
        if not introspection and " Did you mean " in error.message:
            error.message = error.message.partition(" Did you mean ")[0]
        error.extensions = {"code": "BAD_USER_INPUT", **(error.extensions or {})}
        return error
    code, message = _known(cause)
    extensions = {"code": code}
    if code == "INTERNAL":
        extensions["id"] = masked(cause, request_id)
        message = f"unexpected error {extensions['id']}: tell the administrator this id"
    return GraphQLError(message, error.nodes, path=error.path, extensions=extensions)


def _cause(error: GraphQLError) -> BaseException | None:
    from graphql import GraphQLError

    cause = error.original_error
    while isinstance(cause, GraphQLError):
        cause = cause.original_error
    return cause


def _known(error: BaseException) -> tuple[str, str]:
    from workbench.store import Conflict, NotFound, StoreError, Unreachable
    from workbench.store.errors import Overtime

    if isinstance(error, ApiError):
        return error.code, str(error)
    if isinstance(error, NotFound):
        return "NOT_FOUND", str(error)
    if isinstance(error, Conflict):
        return "CONFLICT", str(error)
    if isinstance(error, Overtime):
        return "TIMEOUT", str(error)
    if isinstance(error, StoreError):
        return "BAD_USER_INPUT", str(error)
    if isinstance(error, Unreachable):
        if error.maybe_done:
            return (
                "OUTCOME_UNKNOWN",
                "the store went away in between: look whether it was done before repeating it",
            )
        return "UNAVAILABLE", "the store cannot be reached: try again in a moment"
    if isinstance(error, PermissionError) and error.errno is None:
        return "FORBIDDEN", str(error)
    if isinstance(error, RecursionError):
        return "BAD_REQUEST", "the document is nested too deep"
    return "INTERNAL", ""


def _name(error: BaseException) -> str:
    kind = type(error)
    state = getattr(error, "sqlstate", None)
    return f"{kind.__module__}.{kind.__qualname__}" + (f" {state}" if state else "")
