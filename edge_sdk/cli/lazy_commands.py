"""A group of commands whose modules are imported when one of them is run.

The help of the group needs no more than their names and first lines, which a table holds; so
``edge-sdk --help`` does not read the signatures of all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command


@dataclass(frozen=True)
class ListedCommand:
    """What the help of a group says of a command.

    Attributes:
        panel: panel that it stands in.
        summary: first line of its docstring.
    """

    panel: str
    summary: str


def lazy_group(package: str, commands: Mapping[str, ListedCommand]) -> type[TyperGroup]:
    """A class of groups for ``typer.Typer(cls=…)``.

    Args:
        package: dotted name of the package that holds one module for each command, with a function
            of the same name.
        commands: by name, in the order of the help.
    """

    class LazyGroup(TyperGroup):
        def __init__(self, **settings: Any) -> None:
            listed = {
                name: TyperCommand(
                    name,
                    help=command.summary,
                    rich_help_panel=command.panel,
                    rich_markup_mode=settings["rich_markup_mode"],
                )
                for name, command in commands.items()
            }
            super().__init__(**{**settings, "commands": listed})

        def get_command(self, ctx: Any, cmd_name: str) -> Any:
            """The command itself, its module imported."""
            if cmd_name not in commands:
                return None
            function = getattr(import_module(f"{package}.{cmd_name}"), cmd_name)
            return _command(cmd_name, function, commands[cmd_name].panel)

        def format_help(self, ctx: Any, formatter: Any) -> None:
            """Write the help of the group, by the table alone."""
            listing = TyperGroup(
                name=self.name,
                commands=dict(self.commands),
                params=self.params,
                help=self.help,
                rich_markup_mode=self.rich_markup_mode,
            )
            listing.format_help(ctx, formatter)

    return LazyGroup


def _command(name: str, function: Callable[..., None], panel: str) -> Any:
    alone = typer.Typer(add_completion=False, rich_markup_mode="rich")
    alone.command(name, rich_help_panel=panel)(function)
    return get_command(alone)
