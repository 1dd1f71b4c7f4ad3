"""Keys of providers: from the environment or the keyring of the system, never from a notebook."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from typing import Any

from workbench.intel.providers.provider import Provider, ProviderError

__all__ = ["find_key", "key_place", "key_values", "remove_key", "set_key", "stored_key", "variable"]

SERVICE = "ip-workbench"


def variable(name: str) -> str:
    """The environment variable of a key: ``WORKBENCH_ABUSEIPDB_KEY``; a key of the catalogue is called as its variable is."""
    return name if name.isupper() else f"WORKBENCH_{name.upper().replace('-', '_')}_KEY"


def find_key(provider: Provider) -> str | None:
    """The key of a provider, None for one that wants none.

    Raises:
        ProviderError: there is no key, or what is there is none; the message tells where to put it.
    """
    if provider.key is None:
        return None
    key = stored_key(provider.key)
    if not key:
        raise ProviderError(
            provider.id,
            f"no key. Set the environment variable {variable(provider.key)}, or keep it in the keyring with "
            f"`workbench intel key set {provider.key}` (a key is to be had at {provider.homepage}). "
            "Never write it into a notebook: notebooks are passed on",
        )
    return _checked(provider.key, key)


def stored_key(name: str) -> str | None:
    """The key ``name`` as it is kept, in the environment or else in the keyring; None where it is in neither."""
    return os.environ.get(variable(name), "").strip() or _from_keyring(name) or None


def key_values(names: Iterable[str]) -> dict[str, str]:
    """The keys that a catalogue calls by ``names`` (``MAXMIND_LICENSE_KEY``): from the environment variable of that
    name, else from the keyring; those that are in neither are absent."""
    found = {name: os.environ.get(name, "").strip() or _from_keyring(name) for name in names}
    return {name: value for name, value in found.items() if value}


def key_place(name: str) -> str | None:
    """Where the key ``name`` is: ``environment``, ``keyring`` or None."""
    if os.environ.get(variable(name), "").strip():
        return "environment"
    return "keyring" if _from_keyring(name) else None


def set_key(name: str, key: str) -> None:
    """Keep a key in the keyring.

    Raises:
        ProviderError: it cannot be a key, or there is no keyring to keep it in.
    """
    _keyring_call(name, "set_password", SERVICE, name, _checked(name, key.strip()))


def remove_key(name: str) -> bool:
    """Take a key out of the keyring; False if none was there.

    Raises:
        ProviderError: there is no keyring.
    """
    if not _keyring_call(name, "get_password", SERVICE, name):
        return False
    _keyring_call(name, "delete_password", SERVICE, name)
    return True


def _checked(name: str, key: str) -> str:
    # What a header cannot carry would come back, key and all, in the error of the HTTP library.
    if not re.fullmatch(r"[!-~]{8,4096}", key):
        raise ProviderError(
            name, "what was given as the key is none: 8 to 4096 printable ASCII characters are wanted"
        )
    return key


def _from_keyring(name: str) -> str | None:
    try:
        found = _keyring_call(name, "get_password", SERVICE, name)
    except ProviderError:  # a server without a keyring: the environment is the place then
        return None
    return found.strip() if isinstance(found, str) else None


def _keyring_call(name: str, function: str, *arguments: str) -> Any:
    try:
        import keyring
    except ImportError:
        raise ProviderError(name, "the keyring needs: pip install 'ip-workbench[intel]'") from None
    try:
        return getattr(keyring, function)(*arguments)
    except Exception as error:  # backends raise errors of their own, D-Bus's among them
        raise ProviderError(
            name,
            f"the keyring of this system cannot be used ({type(error).__name__}): "
            f"set the environment variable {variable(name)} instead",
        ) from None
