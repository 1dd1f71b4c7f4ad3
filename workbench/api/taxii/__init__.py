"""A TAXII 2.1 server over the store, to be read only: partners poll what row-level security shows them.

One API root. Its collections are everything the member may see, and each investigation she may see. Requests are
authenticated by :mod:`workbench.api.door`, by Bearer token or, as TAXII clients do, by HTTP Basic with the token for
password.
"""

from __future__ import annotations

from workbench.api.taxii.answering import routes

__all__ = ["routes"]
