"""Where the files of ``zoom`` go, and its page."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from edge_sdk.errors import InputError
from edge_sdk.outputs import check_writable

if TYPE_CHECKING:
    from edge_sdk.burst import ZoomConfig, ZoomResult
    from edge_sdk.imaging import Picture, Written


def check_places(frames: Sequence[Path], output: Path, report: Path | None) -> None:
    """Refuse to write over a frame, or the page over the picture, also where a link leads there.

    Raises:
        InputError: if two of them are one file.
        OutputError: if the page could not be written.
    """
    for path in frames:
        if _same(path, output):
            raise InputError(f"{output}: is the frame {path}; give another name with -o")
        if report is not None and _same(path, report):
            raise InputError(f"{report}: is the frame {path}; give another name with --report")
    if report is None:
        return
    if _same(output, report):
        raise InputError(f"{report}: is the picture to write; give another name with --report")
    check_writable(report)


def write_zoom_page(
    path: Path,
    result: ZoomResult,
    frames: Sequence[Path],
    reference: Picture,
    written: Written,
    config: ZoomConfig,
) -> None:
    """Write the page of a zoom.

    Raises:
        OutputError: if it cannot be written.
    """
    from edge_sdk.html.page import write_page
    from edge_sdk.report.zoom.evidence import evidence_of
    from edge_sdk.report.zoom.page import burst_report

    names = [frame.name for frame in frames]
    evidence = evidence_of(
        result, names, reference, written.path.name, config, remarks=written.notes
    )
    write_page(burst_report(evidence), path)


def _same(first: Path, second: Path) -> bool:
    if first.resolve() == second.resolve():
        return True
    return first.exists() and second.exists() and first.samefile(second)
