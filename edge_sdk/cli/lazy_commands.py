"""A group of commands whose modules are imported when one of them is run.

The help of the group needs no more than their names and first lines, which a table holds; so
``edge-sdk --help`` does not read the signatures of all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from importlib import import_module
from itertools import groupby
from typing import Any

import typer
from rich.panel import Panel
from rich.table import Table
from rich.text import Text
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

from edge_sdk.cli.shared.console import out


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
            # Their names alone: get_command imports one, and format_help reads the table.
            listed = {name: TyperCommand(name) for name in commands}
            super().__init__(**{**settings, "commands": listed})

        def get_command(self, ctx: Any, cmd_name: str) -> Any:
            """The command itself, its module imported."""
            if cmd_name not in commands:
                return None
            function = getattr(import_module(f"{package}.{cmd_name}"), cmd_name)
            return _command(cmd_name, function)

        def format_help(self, ctx: Any, formatter: Any) -> None:
            """Print the help of the group, by the table alone."""
            records = [param.get_help_record(ctx) for param in self.get_params(ctx)]
            out.print(f"{ctx.get_usage()}\n\n{self.help}\n", soft_wrap=False)
            _print_panel("Options", [record for record in records if record is not None])
            for panel, named in groupby(commands.items(), lambda item: item[1].panel):
                _print_panel(panel, [(name, command.summary) for name, command in named])

    return LazyGroup


def _print_panel(title: str, rows: Iterable[tuple[str, str]]) -> None:
    # The panels of Typer look the same, and load a parser of Markdown and a highlighter of code.
    table = Table.grid(padding=(0, 2, 0, 0))
    for name, text in rows:
        table.add_row(Text(name, style="bold cyan", overflow="fold"), Text(text))
    panel = Panel(table, title=title, title_align="left", border_style="dim")
    out.print(panel, soft_wrap=False)


def _command(name: str, function: Callable[..., None]) -> Any:
    alone = typer.Typer(add_completion=False, rich_markup_mode="rich")
    alone.command(name)(function)
    return get_command(alone)
