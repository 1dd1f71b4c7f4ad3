"""What goes wrong with a TAXII server, in words of the one who asked it."""

from __future__ import annotations

__all__ = ["InterruptedAnswerError", "RejectedError", "TaxiiError", "TooLargeError"]


class TaxiiError(OSError):
    """A TAXII server could not be used: the message says which one, why, and what to do."""


class RejectedError(TaxiiError):
    """The server understood and said no; ``status`` is that of HTTP."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


class TooLargeError(TaxiiError):
    """An answer is larger than it may be, or a request larger than the server takes."""


class InterruptedAnswerError(TaxiiError):
    """No whole answer came to a request that must not be made twice, because the server may have acted on it."""
