"""What people hand to a map or a board, as columns: which column means what, where each address is, and when it was met."""

from __future__ import annotations

from workbench.notebook.intake.roles import Roles, arrow_table, roles_of

__all__ = ["Roles", "arrow_table", "roles_of"]
