"""What online providers say of a profile, as evidence of it."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from workbench.secrecy import TLP
from workbench.store.errors import StoreError
from workbench.store.profiles.observations import Evidence
from workbench.store.profiles.profile import Profile

if TYPE_CHECKING:
    from workbench.intel.providers import Answer
    from workbench.store.connection import Store

__all__ = ["ask_about"]

_FIELDS = ("category", "entry", "label", "confidence", "first_seen", "last_seen", "licence")


def ask_about(store: Store, profile: Profile, providers: Sequence[str], force_refresh: bool) -> int:
    """Ask the named providers, and put what they say in the place of what each of them said before; how many rows
    of evidence that changed. A provider that could not be asked changes nothing, and is warned of.

    Raises:
        ProviderError: a provider is not known.
        StoreError: the profile is above TLP:AMBER: whoever is asked learns of the address.
        PermissionError: it is another organisation's.
    """
    from workbench.intel.providers import ask

    if profile.secrecy > TLP.AMBER:
        raise StoreError(
            f"profile of {profile.address}: it is {profile.secrecy}, and asking a provider tells it, and perhaps its customers, of "
            "the address; set its level to TLP:AMBER or lower first, if that may be"
        )
    if profile.owner != store.me.organisation.name:
        raise PermissionError(
            f"profile of {profile.address}: it is another organisation's, you may read it only"
        )
    changed = 0
    for answer in ask(profile.address, providers, force_refresh=force_refresh):
        if answer.error:
            kept = "; what it said before stands" if not answer.findings else ""
            warnings.warn(f"{answer.provider}: {answer.error}{kept}", stacklevel=3)
        if answer.retrieved is not None and not answer.expired:
            changed += store.run(f"profile of {profile.address}", _replacing(profile, answer))
    return changed


def _replacing(profile: Profile, answer: Answer) -> Any:
    said = {
        (
            str(finding.category), profile.address, ": ".join(part for part in (finding.label, finding.note) if part) or None,
            None if finding.confidence is None else finding.confidence / 100, finding.first_seen, finding.last_seen or answer.retrieved, answer.terms,
        )
        for finding in answer.findings
    }  # fmt: skip

    def work(con: Any) -> int:
        before = con.execute(
            f"SELECT id, {', '.join(_FIELDS)} FROM {Evidence.table} WHERE profile = %s AND source = %s",
            (profile.id, answer.provider),
        ).fetchall()
        there = {_rounded(row[1:]): row[0] for row in before}
        wanted = {_rounded(row): row for row in said}
        gone = [there[key] for key in there.keys() - wanted.keys()]
        if gone:
            con.execute(f"DELETE FROM {Evidence.table} WHERE id = ANY (%s::uuid[])", (gone,))
        for key in wanted.keys() - there.keys():
            con.execute(
                f"INSERT INTO {Evidence.table} (profile, source, {', '.join(_FIELDS)}) VALUES (%s, %s, {', '.join(['%s'] * len(_FIELDS))})",
                (profile.id, answer.provider, *wanted[key]),
            )
        return len(gone) + len(wanted.keys() - there.keys())

    return work


def _rounded(row: Sequence[Any]) -> tuple[Any, ...]:
    """As PostgreSQL gives it back, with a confidence of four bytes."""
    return tuple(round(value, 4) if isinstance(value, float) else value for value in row)
