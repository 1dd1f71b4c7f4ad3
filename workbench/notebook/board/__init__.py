"""The triage board: filters that follow each other, a table, and actions on what is chosen."""

from __future__ import annotations

from workbench.notebook.board.widget import Board, board, triage_bundle

__all__ = ["Board", "board", "triage_bundle"]
