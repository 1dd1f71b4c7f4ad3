"""External providers: AbuseIPDB, GreyNoise, IPinfo, VirusTotal, Shodan InternetDB, AlienVault OTX.

**Asking a provider discloses what you investigate.** It learns the address, when you asked, from where, and by
the key who you are; some sell or publish what is asked, and an adversary may be a customer. So every provider is
off until it is named in the call; nothing asks one by itself. Only global addresses are sent, and of them only
the address: no case, no log line. Ask about nothing that is TLP:RED or TLP:AMBER+STRICT.

``wb.intel.ask("1.2.3.4", providers=["internetdb", "abuseipdb"])`` asks, ``offline=True`` reads the cache alone.
What comes back is evidence like a list's, graded by the reliability of the provider; ``wb.lookup(address,
providers=[…])`` takes it into the verdict.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterable, Sequence
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

from workbench.intel.providers.abuseipdb import ABUSEIPDB
from workbench.intel.providers.answers import Answers
from workbench.intel.providers.greynoise import GREYNOISE, GREYNOISE_CONTEXT
from workbench.intel.providers.internetdb import INTERNETDB
from workbench.intel.providers.ipinfo import IPINFO, IPINFO_LITE
from workbench.intel.providers.otx import OTX
from workbench.intel.providers.provider import Answer, Finding, Provider, ProviderError
from workbench.intel.providers.virustotal import VIRUSTOTAL

if TYPE_CHECKING:
    from collections.abc import Coroutine

__all__ = ["PROVIDERS", "Answer", "Answers", "Finding", "Provider", "ProviderError", "ask", "ask_async"]

PROVIDERS = {
    provider.id: provider
    for provider in (
        ABUSEIPDB,
        GREYNOISE,
        GREYNOISE_CONTEXT,
        INTERNETDB,
        IPINFO,
        IPINFO_LITE,
        OTX,
        VIRUSTOTAL,
    )
}
"""By the name they are asked by."""


async def ask_async(
    addresses: str | Iterable[str],
    providers: str | Sequence[str],
    *,
    force_refresh: bool = False,
    offline: bool = False,
) -> Answers:
    """Ask the named providers about one address or several: one answer for each address and provider.

    Answers younger than the provider's time to live come from the cache; ``force_refresh`` asks anew,
    ``offline`` asks nobody and gives what is in the cache, however old. A provider without key, over its
    quota, out of reach or talking nonsense gives an answer with ``error``, and an expired answer
    where there is one; private and malformed addresses give an error and are sent to nobody.

    Raises:
        ProviderError: no provider is named, one is not known, or both ``offline`` and ``force_refresh`` are.
        LedgerError: the file of the cache cannot be used.
    """
    from workbench.intel.providers.asking import ask_all
    from workbench.intel.providers.eligible import eligible

    chosen = _chosen(providers)
    if offline and force_refresh:
        raise ProviderError("providers", "force_refresh asks anew, offline asks nobody: choose one")
    given = [addresses] if isinstance(addresses, str) else [str(address) for address in addresses]
    checked = [eligible(text) for text in given]
    sent = list(dict.fromkeys(address for address, _ in checked if address is not None))
    found = await ask_all(sent, chosen, force_refresh=force_refresh, offline=offline) if sent else []
    answered = {(answer.address, answer.provider): answer for answer in found}
    return Answers(
        [
            answered[address, provider.id] if address is not None else _unasked(provider, text, reason)
            for text, (address, reason) in zip(given, checked, strict=True)
            for provider in chosen
        ]
    )


def ask(
    addresses: str | Iterable[str],
    providers: str | Sequence[str],
    *,
    force_refresh: bool = False,
    offline: bool = False,
) -> Answers:
    """As :func:`ask_async`, for code that is not asynchronous, the cells of a notebook among it."""
    return _run(ask_async(addresses, providers, force_refresh=force_refresh, offline=offline))


def _run(work: Coroutine[Any, Any, Answers]) -> Answers:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(work)
    # Inside a running loop (Jupyter's): a loop of its own in a thread, ended when the cell is interrupted.
    loop = asyncio.new_event_loop()
    result: Future[Answers] = Future()

    def run() -> None:
        asyncio.set_event_loop(loop)
        try:
            result.set_result(loop.run_until_complete(task))
        except BaseException as error:
            result.set_exception(error)
        finally:
            loop.run_until_complete(loop.shutdown_default_executor())
            loop.close()

    task = loop.create_task(work)
    thread = threading.Thread(target=run, name="intel-ask", daemon=True)
    thread.start()
    try:
        return result.result()
    except KeyboardInterrupt:
        loop.call_soon_threadsafe(task.cancel)
        thread.join(5)
        raise


def _chosen(providers: str | Sequence[str]) -> list[Provider]:
    names = [providers] if isinstance(providers, str) else list(dict.fromkeys(providers))
    known = ", ".join(PROVIDERS)
    if not names:
        raise ProviderError(
            "providers", f"name those to ask ({known}); each learns which addresses you look into"
        )
    for name in names:
        if name not in PROVIDERS:
            raise ProviderError("providers", f"no provider {name!r}; there are: {known}")
    return [PROVIDERS[name] for name in names]


def _unasked(provider: Provider, text: str, reason: str | None) -> Answer:
    return Answer(
        provider.id, provider.title, text[:100], None, (), {}, provider.reliability, provider.terms, error=reason
    )  # fmt: skip
