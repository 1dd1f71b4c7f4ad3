"""What a notebook shows of a thing that is worked on with a widget: the widget, and what is read where there are none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from workbench.notebook.cards import profile_sheet, profile_tree
from workbench.notebook.showing.sheets import page
from workbench.store.profiles.profile import origin_of

if TYPE_CHECKING:
    from workbench.store.profiles.profile import Profile

__all__ = ["profile_bundle"]


def profile_bundle(profile: Profile) -> Any:
    """The card to change, of a profile that was read from a store or case and where somebody looks at it; else the card."""
    origin = origin_of(profile)
    markdown = profile_sheet(profile).markdown()
    live = _live(profile, origin) if origin is not None else None
    if live is None:
        return {"text/html": page(profile_tree(profile, origin)), "text/markdown": markdown}
    data, metadata = live
    return {**data, "text/markdown": markdown}, metadata


def _live(profile: Profile, origin: Any) -> tuple[dict[str, Any], dict[str, Any]] | None:
    try:
        from workbench.notebook.browser.widget import front_end
        from workbench.notebook.widgets.profile_card import ProfileCard
    except ModuleNotFoundError:  # without the lab extra
        return None
    return ProfileCard(profile, origin)._repr_mimebundle_() if front_end() else None
