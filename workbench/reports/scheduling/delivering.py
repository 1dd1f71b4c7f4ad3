"""Where a scheduled report goes: a folder, storage such as S3, mail, a webhook. Each gets all of it or nothing.

=========================== =====================================================================================
target                      what is done
=========================== =====================================================================================
``/srv/reports``            a new folder in it, which appears whole by one rename
``s3://bucket/reports``     the files, and ``manifest.json`` last: without it a report is not there (any storage that
                            fsspec knows; its keys are where its client looks for them, such as ``AWS_ACCESS_KEY_ID``)
``mailto:a@b.example,c@d``  one message with the files, its marking in subject and text; through the server named in the
                            environment variable ``WORKBENCH_SMTP_URL`` (``smtps://user:password@mail.example``)
``https://hook.example/x``  ids and no content, signed with the key in ``WORKBENCH_WEBHOOK_SECRET``
=========================== =====================================================================================

No target holds a password. Mail and storage pass hands that the workbench does not know: they take no TLP:RED, and only
reports that were made for somebody (``--for-member``, ``--for-tlp``, ``--for-organisation``).
"""

from __future__ import annotations

import json
import mimetypes
import os
import re
import smtplib
import ssl
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import formatdate
from hashlib import sha256
from pathlib import Path
from urllib.parse import SplitResult, unquote, urlsplit

from workbench._text import one_line
from workbench.reports.making.facts import Facts
from workbench.reports.making.running import manifest_of, place
from workbench.reports.parameters import HiddenSecretError
from workbench.secrecy import TLP

__all__ = ["DeliveryError", "check_target", "deliver", "tell_failure"]

SMTP_SECONDS = 60
LARGEST_MAIL = 25_000_000
_ADDRESS = re.compile(r"[^\s@<>,;\"\\]+@[^\s@<>,;\"\\]+")


class DeliveryError(OSError):
    """A report was made and could not be delivered; the message tells where to and why."""


def check_target(target: str, for_whom: Mapping[str, str] | None, *, notice: bool = False) -> str:
    """The target, if something may be sent there; ``notice`` of one that is told of failures only.

    Raises:
        ValueError: it is no target, holds a password, lacks its settings, or the report is for nobody but its author.
    """
    kind = _kind(target)
    if kind == "mail":
        for address in _addresses(target):
            if not _ADDRESS.fullmatch(address):
                raise ValueError(f"{target!r}: {address!r} is no mail address")
        _smtp()
    elif kind == "webhook":
        if urlsplit(target).username or urlsplit(target).password:
            raise HiddenSecretError(
                "a webhook with a password in its URL is not taken: what is posted is signed"
            )
        _webhook_secret()
    elif notice:
        raise ValueError(f"{target!r} cannot be told of failures: name mailto:… or https://…")
    elif kind == "storage" and (urlsplit(target).username or urlsplit(target).password):
        raise HiddenSecretError("storage with a key in its URL is not taken: its client has places for keys")
    if not notice and kind in ("mail", "storage") and not for_whom:
        raise ValueError(
            f"{target} takes reports that were made for somebody: say --for-tlp, --for-member or --for-organisation"
        )
    return str(Path(target).expanduser().resolve()) if kind == "folder" else target


def deliver(target: str, files: Sequence[Path], facts: Facts, stem: str, run: str) -> str:
    """Deliver a report under the name ``stem``, and tell where it is. Done again, it is there once.

    Raises:
        DeliveryError: it is not delivered, or not to be delivered there.
    """
    kind = _kind(target)
    if facts.level == TLP.RED and kind in ("mail", "storage"):
        raise DeliveryError(
            f"{target}: TLP:RED is for its recipients alone and does not go through other hands"
        )
    try:
        if kind == "folder":
            folder = Path(target)
            folder.mkdir(parents=True, exist_ok=True)
            return str(place(files, facts, folder, stem))
        if kind == "storage":
            return _store(target, files, facts, stem)
        if kind == "mail":
            return _mail(target, files, facts, stem)
        _post(target, "report.made", run, {"content_hash": facts.content_hash})
    except DeliveryError:
        raise
    except Exception as error:
        raise DeliveryError(f"{target}: {error or type(error).__name__}") from error
    return target


def tell_failure(target: str, schedule: str | None, run: str) -> None:
    """Tell that a report failed for good: which, and nothing of what is in it. Without the name of a ``schedule`` that
    is TLP:RED: a mail passes other hands.

    Raises:
        DeliveryError: nobody could be told.
    """
    try:
        if _kind(target) == "webhook":
            _post(target, "report.failed", run, {})
            return
        message = EmailMessage()
        which = _line(schedule) if schedule else f"of run {run}"
        message["Subject"] = f"Scheduled report failed: {which}"
        message.set_content(f"The scheduled report {which} failed, all attempts included.\n\nRun {run}: workbench report runs\n")  # fmt: skip
        _send(message, _addresses(target), f"{run}.failed")
    except Exception as error:
        raise DeliveryError(f"{target}: {error or type(error).__name__}") from error


def _kind(target: str) -> str:
    scheme = urlsplit(target).scheme.lower()
    if scheme == "mailto":
        return "mail"
    if scheme in ("https", "http"):
        return "webhook"
    if scheme and "://" in target:
        return "storage"
    if scheme or not target.strip():
        raise ValueError(f"{target!r} is no target: a folder, s3://…, mailto:… or https://…")
    return "folder"


def _store(target: str, files: Sequence[Path], facts: Facts, stem: str) -> str:
    """Files first and the manifest last, each in one request or invisible until it is whole."""
    import fsspec

    filesystem, _, (root,) = fsspec.get_fs_token_paths(target)
    folder = f"{root.rstrip('/')}/{stem}"
    if filesystem.exists(f"{folder}/manifest.json"):
        return f"{target.rstrip('/')}/{stem}"
    for path in files:
        filesystem.put_file(str(path), f"{folder}/{path.name}")
    filesystem.pipe_file(f"{folder}/manifest.json", manifest_of(facts, files).encode())
    return f"{target.rstrip('/')}/{stem}"


def _mail(target: str, files: Sequence[Path], facts: Facts, stem: str) -> str:
    size = sum(path.stat().st_size for path in files)
    if size > LARGEST_MAIL:
        raise DeliveryError(
            f"{target}: {size / 1e6:.0f} MB are too much for a mail: deliver to a folder or storage"
        )
    message = EmailMessage()
    message["Subject"] = _line(f"{facts.level} {facts.title}")
    message.set_content(
        f"{facts.level}\n\n{facts.kicker}: {_line(facts.title)}\nFor {facts.audience}, made {facts.made_at:%Y-%m-%d %H:%M %Z} on intel {facts.snapshot}.\n\n"
        f"Content hash (SHA-256): {facts.content_hash}\n\n{facts.level}\n"
    )
    for path in files:
        main, _, sub = (mimetypes.guess_type(path.name)[0] or "application/octet-stream").partition("/")
        message.add_attachment(path.read_bytes(), maintype=main, subtype=sub, filename=path.name)
    _send(message, _addresses(target), stem)
    return target


def _send(message: EmailMessage, addresses: Sequence[str], key: str) -> None:
    url = _smtp()
    host = url.hostname or "localhost"
    sender = os.environ.get("WORKBENCH_MAIL_FROM") or (unquote(url.username) if url.username and "%40" in url.username else f"workbench@{host}")  # fmt: skip
    message["From"], message["To"], message["Date"] = sender, ", ".join(addresses), formatdate()
    # The same for the same report, so that a message sent twice is shown once.
    message["Message-ID"] = f"<{sha256(f'{key} {sorted(addresses)}'.encode()).hexdigest()[:32]}@ip-workbench>"
    context = ssl.create_default_context()
    if url.scheme == "smtps":
        server: smtplib.SMTP = smtplib.SMTP_SSL(host, url.port or 465, timeout=SMTP_SECONDS, context=context)
    else:
        server = smtplib.SMTP(host, url.port or 587, timeout=SMTP_SECONDS)
    with server:
        if url.scheme == "smtp" and not _is_here(host):
            server.starttls(context=context)
        if url.username and url.password:
            server.login(unquote(url.username), unquote(url.password))
        refused = server.send_message(message)
        if refused:
            raise DeliveryError(f"refused for {', '.join(refused)}")


def _is_here(host: str) -> bool:
    """A server on this machine needs no encryption between."""
    return host in ("localhost", "127.0.0.1", "::1")


def _smtp() -> SplitResult:
    url = urlsplit(os.environ.get("WORKBENCH_SMTP_URL", ""))
    if url.scheme not in ("smtp", "smtps") or not url.hostname:
        raise ValueError(
            "mail needs a server: set WORKBENCH_SMTP_URL to smtps://user:password@mail.example, in the environment of whoever runs it"
        )
    return url


def _post(url: str, what: str, run: str, data: Mapping[str, str]) -> None:
    from workbench.store.watching.webhook import post

    body = json.dumps(
        {"type": what, "timestamp": datetime.now(UTC).isoformat(), "data": {"run": run, **data}}
    )
    post(f"report run {run}", f"{run}.{what}", body, url, _webhook_secret())


def _webhook_secret() -> bytes:
    secret = os.environ.get("WORKBENCH_WEBHOOK_SECRET", "")
    if not secret:
        raise ValueError("a webhook needs a key to sign with: set WORKBENCH_WEBHOOK_SECRET, in the environment of whoever runs it")  # fmt: skip
    return secret.encode()


def _addresses(target: str) -> list[str]:
    return [unquote(part).strip() for part in target.partition(":")[2].partition("?")[0].split(",")]


def _line(text: str) -> str:
    return one_line(text)[:250]
