"""What all commands share on the way out: tables, progress and JSON."""

from __future__ import annotations

import dataclasses
import json
import math
import os
import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TextIO
from unicodedata import category

from rich.console import Console
from rich.measure import Measurement
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from edge_sdk.cli.shared import interruptions

if TYPE_CHECKING:
    from edge_sdk.progress import Progress


def console(*, stderr: bool) -> Console:
    """A console that wraps nothing by itself; with ``NO_COLOR`` it has no bold or dim text either.

    Brackets are printed as they are: names of files have them, and are no markup.

    Args:
        stderr: whether it writes to standard error.
    """
    system: Literal["auto"] | None = None if os.environ.get("NO_COLOR") else "auto"
    return Console(
        stderr=stderr,
        color_system=system,
        highlight=False,
        markup=False,
        emoji=False,
        soft_wrap=True,
    )


out = console(stderr=False)
"""Results go to stdout."""
err = console(stderr=True)
"""Progress and notes go to stderr, so that piped results stay clean."""
MAX_WIDTH = 10_000
"""Of a terminal; wider than any table."""
_UNFIT = ("Cc", "Cs", "Zl", "Zp")
"""Categories of signs that are not printed: controls, surrogates, ends of lines and paragraphs."""
_json_stream: ContextVar[TextIO | None] = ContextVar("json_stream", default=None)


def on_one_line(text: str) -> str:
    """Text without what ends a line, commands a terminal or is no Unicode: names may hold it."""
    return "".join(
        "\N{REPLACEMENT CHARACTER}" if category(sign) in _UNFIT else sign for sign in text
    )


def note(text: str) -> None:
    """Print a note on stderr, as one line."""
    err.print(f"note: {on_one_line(text)}")


def print_table(
    title: str,
    columns: Sequence[str],
    rows: Sequence[Sequence[str]],
    emphasize: int | None = None,
    whole: Collection[int] = (),
) -> None:
    """Print rows under headings; numbers are aligned to the right, one row may stand out.

    Columns ``whole`` are never broken or cut where the terminal is narrow; the others are broken
    between words. Where even that does not fit, each row becomes a list.
    """
    table = Table(title=title, title_justify="left", title_style="bold", header_style="dim")
    for index, column in enumerate(columns):
        table.add_column(
            column,
            justify="left" if index == 0 else "right",
            no_wrap=index in whole,
            overflow="fold",
        )
    for index, row in enumerate(rows):
        table.add_row(*row, style="bold green" if index == emphasize else None)
    unbounded = out.options.update(width=MAX_WIDTH)
    if Measurement.get(out, unbounded, table).minimum <= out.width:
        out.print(table)
        return
    out.print(title, style="bold")
    for index, row in enumerate(rows):
        out.print(row[0], style="bold green" if index == emphasize else "bold")
        for column, cell in zip(columns[1:], row[1:], strict=True):
            line = Text(f"{column}: {cell}" if column else cell, overflow="fold")
            out.print(Padding(line, (0, 0, 0, 2), expand=False), soft_wrap=False)


@contextmanager
def json_alone_on_stdout(requested: bool) -> Iterator[None]:
    """Keep stdout for JSON: what anything else prints, a user's model for one, goes to stderr."""
    if not requested:
        yield
        return
    kept = _json_stream.set(sys.stdout)
    try:
        with redirect_stdout(sys.stderr):
            yield
    finally:
        _json_stream.reset(kept)


def print_json(value: Any) -> None:
    """Print a result as JSON on stdout; infinities become null, which JSON can hold."""
    text = json.dumps(plain(value), indent=2, ensure_ascii=False)
    print(text, file=_json_stream.get() or sys.stdout)


def plain(value: Any) -> Any:
    """Value as dicts, lists, strings and finite numbers.

    Fields that a dataclass keeps out of its repr are left out: arrays, which are not for people.
    """
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        shown = [field.name for field in dataclasses.fields(value) if field.repr]
        value = {name: getattr(value, name) for name in shown}
    if isinstance(value, Mapping):
        return {str(key): plain(part) for key, part in value.items()}
    if isinstance(value, str | bool | int | None):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Path):
        return str(value)
    return [plain(part) for part in value]


def format_db(value: float) -> str:
    """Decibels for people: ``exact`` where nothing differs."""
    if math.isinf(value) and value > 0:
        return "exact"
    return f"{value:.2f}" if math.isfinite(value) else "—"


@contextmanager
def progress_bars() -> Iterator[Progress]:
    """Draw a bar per label on stderr, if that is a terminal."""
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bars

    columns = (TextColumn("{task.description:<10}"), BarColumn(), MofNCompleteColumn())
    with Bars(*columns, TimeElapsedColumn(), console=err, disable=not err.is_terminal) as bars:
        tasks: dict[str, Any] = {}

        def report(label: str, done: int, total: int) -> None:
            interruptions.check()
            if label not in tasks:
                tasks[label] = bars.add_task(label, total=total)
            bars.update(tasks[label], completed=done, total=total)

        yield report
