"""The table of reports: a name to what a page shows and the function that makes it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge_sdk.errors import InputError
from edge_sdk.html.page import write_page
from edge_sdk.registry import Registry


@dataclass(frozen=True)
class Report:
    """A kind of page.

    Attributes:
        summary: class of what the page shows.
        page: makes one HTML page of it, which loads nothing.

    Example:
        >>> from edge_sdk.report import REPORTS
        >>> REPORTS.find("parity").summary.__name__
        'Parity'
    """

    summary: type[Any]
    page: Callable[[Any], str]


REPORTS: Registry[Report] = Registry(
    "report", "edge_sdk.report", "edge_sdk.reports", lambda report: report.page
)


def write_report(kind: str, summary: object, path: Path) -> None:
    """Write a page; it appears whole or not.

    Args:
        kind: a name in :data:`REPORTS`.
        summary: what it shows, of the class that this kind shows.
        path: the file.

    Raises:
        InputError: if there is no such kind, or it shows something else.
        OutputError: if ``path`` cannot be written.

    Example:
        >>> from pathlib import Path
        >>> from edge_sdk.report import write_report
        >>> write_report("fusion", "no fusion", Path("fusion.html"))
        Traceback (most recent call last):
            ...
        edge_sdk.errors.InputError: report 'fusion' shows a FusionSummary, not a str
    """
    report = REPORTS.find(kind)
    if not isinstance(summary, report.summary):
        raise InputError(
            f"report '{kind}' shows a {report.summary.__name__}, not a {type(summary).__name__}"
        )
    write_page(report.page(summary), path)
