"""Widgets for the notebook: ``wb.widgets.lookup()``, ``wb.widgets.profile(…)``, ``wb.widgets.alerts(store)`` …

Each is also a table or card of HTML, for where there are no widgets. They need the extra ``lab``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from workbench._extras import naming_extras
from workbench.secrecy import TLP

if TYPE_CHECKING:
    from workbench.case import Case
    from workbench.intel import Snapshot
    from workbench.notebook.progress import Progress
    from workbench.notebook.widgets.alert_feed import AlertFeed
    from workbench.notebook.widgets.conflict_resolver import ConflictResolver
    from workbench.notebook.widgets.lookup_box import LookupBox
    from workbench.notebook.widgets.profile_card import ProfileCard
    from workbench.notebook.widgets.tlp_picker import TLPPicker
    from workbench.store import Store
    from workbench.store.profiles.profile import Profile
    from workbench.store.syncing.offline import CaseProfiles

__all__ = ["alerts", "conflicts", "lookup", "profile", "progress", "tlp"]


@naming_extras()
def lookup(text: str = "", *, snapshot: Snapshot | str | None = None) -> LookupBox:
    """A box to look addresses up in: type one, or paste a report with ``185[.]220[.]101[.]4`` in it.

    ``box.records`` are the Intel records found. ``text`` is looked up at once; ``snapshot`` is an id or a date.
    """
    from workbench.notebook.widgets.lookup_box import LookupBox

    return LookupBox(text, snapshot=snapshot)


@naming_extras()
def profile(which: Profile | str, store: Store | Case | CaseProfiles | None = None) -> ProfileCard:
    """The card of a profile, to be changed in place: a profile, or an address that ``store`` or a case has one of.

    Whatever somebody else changes meanwhile is merged, or shown beside yours; nothing is overwritten.
    ``card.profile`` is the profile as it is now.

    Raises:
        NotFound: there is no profile of the address, or not for you.
        ValueError: it was made by hand, and ``store`` is not said.
    """
    from workbench.notebook.widgets.profile_card import ProfileCard
    from workbench.store.profiles.profile import Profile, origin_of

    # A case has its profiles in a room; those of a store are asked by way of the store.
    rooms: Any = (
        store if store is None or hasattr(store, "investigations") else getattr(store, "profiles", store)
    )
    if isinstance(which, Profile):
        found, origin = which, rooms if rooms is not None else origin_of(which)
    elif rooms is None:
        raise ValueError(f"of which store or case? wb.widgets.profile({which!r}, store)")
    else:
        found, origin = (rooms.profiles if hasattr(rooms, "investigations") else rooms).get(which), rooms
    if origin is None:
        raise ValueError("which store or case is the profile of? wb.widgets.profile(profile, store)")
    return ProfileCard(found, origin)


@naming_extras()
def progress(title: str = "Working") -> Progress:
    """Bars with a cancel button for long work, to be given as its ``progress=``::

        with wb.widgets.progress("Syncing") as progress:
            case.sync(progress=progress)

    See :class:`workbench.notebook.progress.Progress`.
    """
    from workbench.notebook.progress import Progress

    return Progress(title)


@naming_extras()
def tlp(thing: Any = TLP.AMBER, store: Store | None = None) -> TLPPicker:
    """Choose a level of the Traffic Light Protocol, with FIRST's definitions, recipients and the reason.

    ``thing`` is a level to begin with (``picker.value`` is the one chosen), or a profile, investigation, entity or
    watchlist of ``store``, whose level is then set.

    Raises:
        ValueError: no such level, or no store to set it in.
    """
    from workbench.notebook.widgets.tlp_picker import TLPPicker

    return TLPPicker(thing, store)


@naming_extras()
def alerts(store: Store) -> AlertFeed:
    """The alerts of a store, live: acknowledge them, close them, with a note. ``feed.close()`` ends it."""
    from workbench.notebook.widgets.alert_feed import AlertFeed

    return AlertFeed(store)


@naming_extras()
def conflicts(case: Case) -> ConflictResolver:
    """What is to be settled after ``case.sync()``: both sides with their differences, and a choice for each."""
    from workbench.notebook.widgets.conflict_resolver import ConflictResolver

    return ConflictResolver(case)


def __dir__() -> list[str]:
    return __all__
