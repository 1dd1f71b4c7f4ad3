"""Secrecy: TLP 2.0, who may see a thing and to whom it may go. Pure functions; every door asks here."""

from __future__ import annotations

from workbench.secrecy.disclosure import (
    COMMUNITY,
    PUBLIC,
    Marking,
    Member,
    Organisation,
    Recipient,
    Withheld,
    may_receive,
    may_see,
    withheld,
)
from workbench.secrecy.markings import LEVEL_OF_ID, MARKING_IDS
from workbench.secrecy.rows import LEVELS, OWNER, level_in
from workbench.secrecy.tlp import TLP

__all__ = ["COMMUNITY", "LEVELS", "LEVEL_OF_ID", "MARKING_IDS", "OWNER", "PUBLIC", "TLP", "Marking", "Member", "Organisation", "Recipient", "Withheld", "level_in", "may_receive", "may_see", "withheld"]  # fmt: skip
