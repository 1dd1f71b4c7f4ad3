"""Credentials for TAXII servers: from the environment or the keyring, one a host, never on the command line.

A credential is ``USER:PASSWORD`` for HTTP Basic, or a token for Bearer, which holds no colon.
"""

from __future__ import annotations

import base64
import re

import httpx

from workbench.exchange.taxii.errors import TaxiiError
from workbench.intel.providers.keys import remove_key, set_key, stored_key, variable

__all__ = ["authorization", "credential_name", "forget", "keep", "place_for"]


def credential_name(url: httpx.URL) -> str:
    """The name a host's credential is kept under: ``taxii-cert-b-example``, with the port where it is not the usual one."""
    host = url.host if url.port is None else f"{url.host}-{url.port}"
    return "taxii-" + re.sub(r"[^a-z0-9]+", "-", host.lower()).strip("-")


def place_for(url: httpx.URL) -> str:
    """Where to put the credential of a host, for messages."""
    return (
        f"the environment variable {variable(credential_name(url))} (USER:PASSWORD, or a token), "
        f"or the keyring: workbench taxii login {url.scheme}://{url.netloc.decode()}"
    )


def keep(url: httpx.URL, credential: str) -> None:
    """Keep a host's credential in the keyring.

    Raises:
        ProviderError: there is no keyring, or it cannot be a credential.
    """
    set_key(credential_name(url), credential)


def forget(url: httpx.URL) -> bool:
    """Take a host's credential out of the keyring; False if none was there."""
    return remove_key(credential_name(url))


def authorization(url: httpx.URL, given: str | tuple[str, str] | None = None) -> str | None:
    """The ``Authorization`` header for a host: of what is given, else of what is kept for it; None where there is nothing.

    Raises:
        TaxiiError: it would go over the net in the clear, or cannot be written into a header.
    """
    if isinstance(given, tuple):
        given = ":".join(given)
    credential = given or stored_key(credential_name(url))
    if credential is None:
        return None
    if url.scheme != "https" and not _is_loopback(url.host):
        raise TaxiiError(f"{url.host}: credentials are not sent over plain http: use https")
    if ":" in credential:
        return "Basic " + base64.b64encode(credential.encode()).decode()
    # What a header cannot carry would come back, secret and all, in the error of the HTTP library.
    if not re.fullmatch(r"[A-Za-z0-9._~+/=-]+", credential):
        raise TaxiiError(f"{url.host}: the credential is neither USER:PASSWORD nor a token")
    return f"Bearer {credential}"


def _is_loopback(host: str) -> bool:
    return host in ("localhost", "::1") or re.fullmatch(r"127(?:\.\d{1,3}){3}", host) is not None
