"""What the server says when it refuses. ``code`` is for machines, ``status`` for HTTP."""

from __future__ import annotations

__all__ = ["ApiError", "Busy", "Denied", "RateLimited", "TooLong", "Unauthenticated"]


class ApiError(Exception):
    """A refusal that may be told to the one who asks."""

    code = "BAD_REQUEST"
    status = 400


class Unauthenticated(ApiError):
    """No token, or none that is good."""

    code = "UNAUTHENTICATED"
    status = 401


class Denied(ApiError):
    """A good token, but no member, or not from there."""

    code = "FORBIDDEN"
    status = 403


class RateLimited(ApiError):
    """Too many operations; ``seconds`` until one is free."""

    code = "RATE_LIMITED"
    status = 429

    def __init__(self, message: str, seconds: float = 1) -> None:
        super().__init__(message)
        self.seconds = seconds


class Busy(ApiError):
    """The server has too much to do."""

    code = "BUSY"
    status = 503


class TooLong(ApiError):
    """The answer took longer than a request may take."""

    code = "TIMEOUT"
    status = 503
