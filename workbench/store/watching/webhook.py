"""Alerts to another system: signed, repeated until taken, and without content.

Headers and signature are those of the Standard Webhooks specification (version 1): ``webhook-id``,
``webhook-timestamp`` and ``webhook-signature``, which is ``v1,`` and the base64 of the HMAC-SHA256 of
``id.timestamp.body``. The body names ids only; whoever takes it reads the alert with rights of their own.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import logging
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from workbench.store.errors import Unreachable

if TYPE_CHECKING:
    from workbench.store.connection import Store
    from workbench.store.watching.alerts import Alert

__all__ = ["deliver", "forward", "post", "signature"]

_LOG = logging.getLogger(__name__)
ATTEMPTS = 6
TIMEOUT_SECONDS = 10.0


def forward(
    store: Store,
    url: str,
    secret: bytes,
    *,
    stop: threading.Event | None = None,
    delivered: Callable[[Alert], None] | None = None,
) -> None:
    """Post each alert that is raised and not yet acknowledged, and each raised from now on, until ``stop`` is set.

    Each is posted once or, where an answer was lost, again under the same ``webhook-id``. One that is not
    taken after :data:`ATTEMPTS` is logged and left ``raised``, to be posted by the next run.
    """
    for alert in store.alerts.listen(stop=stop, backlog=True):
        try:
            deliver(alert, url, secret, stop=stop)
        except Unreachable as error:
            _LOG.error("%s", error)
            continue
        if delivered:
            delivered(alert)


def deliver(
    alert: Alert, url: str, secret: bytes, *, stop: threading.Event | None = None, first_pause: float = 1.0
) -> None:
    """Post one alert, repeated with growing pauses while it is not taken.

    Raises:
        Unreachable: it was not taken.
    """
    body = json.dumps({
        "type": "alert.raised",
        "timestamp": alert.raised_at.isoformat(),
        "data": {"alert": str(alert.id), "watchlist": str(alert.watchlist), "profile": alert.profile and str(alert.profile)},
    })  # fmt: skip
    post(f"alert {alert.id}", str(alert.id), body, url, secret, stop=stop, first_pause=first_pause)


def post(
    what: str, key: str, body: str, url: str, secret: bytes, *, stop: threading.Event | None = None, first_pause: float = 1.0
) -> None:  # fmt: skip
    """Post a message whose ``webhook-id`` is ``key``, signed, repeated with growing pauses while it is not taken.

    Raises:
        Unreachable: ``what`` was not taken.
    """
    import httpx

    reason = ""
    waiting = stop or threading.Event()
    with httpx.Client(timeout=TIMEOUT_SECONDS, follow_redirects=False) as client:
        for attempt in range(ATTEMPTS):
            moment = str(int(time.time()))
            headers = {
                "content-type": "application/json",
                "webhook-id": key,
                "webhook-timestamp": moment,
                "webhook-signature": signature(secret, key, moment, body),
            }
            try:
                answer = client.post(url, content=body, headers=headers)
                if answer.is_success:
                    return
                reason = f"HTTP status {answer.status_code}"
                if answer.status_code == 410:
                    break
            except httpx.HTTPError as error:
                reason = str(error) or type(error).__name__
            if attempt < ATTEMPTS - 1 and waiting.wait(first_pause * 2**attempt):
                break
    raise Unreachable(f"{what} was not taken by the webhook: {reason}")


def signature(secret: bytes, key: str, moment: str, body: str) -> str:
    """The signature of a message, as the receiver computes it too."""
    digest = hmac.new(secret, f"{key}.{moment}.{body}".encode(), hashlib.sha256).digest()
    return "v1," + base64.b64encode(digest).decode()
