"""The page of ``zoom``, and where it may go."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from edge_sdk.errors import InputError
from edge_sdk.outputs import check_writable, is_same_file

if TYPE_CHECKING:
    from edge_sdk.burst.picture_files import ZoomedFile


def check_report(report: Path, frames: Sequence[Path], output: Path) -> None:
    """Refuse to write the page over a frame or the picture, also where a link leads there.

    Raises:
        InputError: if two of them are one file, or the page is not named as one.
        OutputError: if the page could not be written.
    """
    from edge_sdk.burst.picture_files import check_apart
    from edge_sdk.imaging import check_output_path

    check_output_path(output)
    check_apart(frames, output)
    for path in frames:
        if is_same_file(path, report):
            raise InputError(f"{report}: is the frame {path}; give another name with --report")
    if is_same_file(output, report):
        raise InputError(f"{report}: is the picture to write; give another name with --report")
    if report.suffix.lower() not in (".html", ".htm"):
        raise InputError(f"{report}: is a page in HTML; give --report a name that ends in .html")
    check_writable(report)


def write_zoom_page(path: Path, made: ZoomedFile) -> None:
    """Write the page of a zoom.

    Raises:
        OutputError: if it cannot be written.
    """
    from edge_sdk.report import evidence_of, write_report

    names = [frame.name for frame in made.frames]
    result, reference = made.result, made.reference
    if made.gain != 1:
        result = replace(result, pixels=result.pixels * made.gain)
        reference = reference.with_pixels(reference.pixels * made.gain)
    evidence = evidence_of(
        result,
        names,
        reference,
        made.written.path.name,
        made.config,
        remarks=(*made.written.notes, *_mixed(made.config.strength)),
        qualities=made.qualities,
    )
    write_report("zoom", evidence, path)


def _mixed(strength: float) -> tuple[str, ...]:
    if strength == 1:
        return ()
    return (f"the result is mixed: {strength:.0%} of it, the rest is bicubic enlargement",)
