"""Cards: everything known of one address, from the intel alone or with what analysts wrote in its profile."""

from __future__ import annotations

from workbench.notebook.cards.card import Card, Section
from workbench.notebook.cards.intel import intel_bundle, intel_card
from workbench.notebook.cards.profile import profile_sheet, profile_tree

__all__ = ["Card", "Section", "intel_bundle", "intel_card", "profile_sheet", "profile_tree"]
