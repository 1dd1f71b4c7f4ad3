"""Groups of commands whose modules are loaded when they are named: ``workbench lookup`` waits for no other room."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

import click

__all__ = ["Gathered"]


class Gathered(click.Group):
    """``found_in`` has the modules of further commands, by the name of the command and of the function alike."""

    def __init__(self, *arguments: Any, found_in: Mapping[str, str], **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.found_in = found_in

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted([*super().list_commands(ctx), *self.found_in])

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.found_in:
            return super().get_command(ctx, cmd_name)
        command: click.Command = getattr(import_module(self.found_in[cmd_name]), cmd_name)
        return command
