"""Markdown pages of the benchmarks: the option that names a file, rows of tables, writing.

Benchmarks run as ``python benchmarks/NAME.py``, which puts this folder on the path of imports.
"""

from __future__ import annotations

import argparse
from pathlib import Path

START, END = "<!-- figures -->", "<!-- end of figures -->"
"""Marks in a page written by hand, around the tables that a benchmark replaces."""


def page_parser(
    doc: str, table: str = "Markdown file to write instead of printing"
) -> argparse.ArgumentParser:
    """Parser with the option ``--table FILE``.

    Args:
        doc: docstring of the benchmark, whose first line describes it.
        table: help of the option.
    """
    parser = argparse.ArgumentParser(description=doc.splitlines()[0])
    parser.add_argument("--table", type=Path, help=table)
    return parser


def row(*cells: str) -> str:
    """A row of a table."""
    return f"| {' | '.join(cells)} |"


def head(*titles: str) -> str:
    """The two lines that begin a table."""
    return f"{row(*titles)}\n{'|---' * len(titles)}|"


def publish(text: str, path: Path | None, *, always_print: bool = False) -> None:
    """Write a page to a file, or print it if there is none; it ends with one newline.

    Args:
        text: the page.
        path: file to write, from ``--table``.
        always_print: print the page even if it is written.
    """
    text = text.rstrip("\n")
    if path is not None:
        path.write_text(f"{text}\n", encoding="utf-8")
    if path is None or always_print:
        print(text)


def publish_between_marks(text: str, path: Path | None) -> None:
    """Replace what stands between the marks of a page that exists, or print if there is none."""
    if path is not None:
        before, rest = path.read_text(encoding="utf-8").split(START)
        text = f"{before}{START}\n{text}\n{END}{rest.split(END)[1]}"
    publish(text, path)
