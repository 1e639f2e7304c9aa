"""Command ``bursts``: which pictures of a camera's folder are bursts."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edge_sdk.cli.shared.console import note, on_one_line, out, print_json, progress_bars
from edge_sdk.errors import InputError

if TYPE_CHECKING:
    from edge_sdk.burst import FoundBurst, FoundBursts

_MOST_NAMED = 8
"""Files that a line names one by one; ``--json`` lists all."""


def bursts(
    folder: Annotated[
        Path | None,
        typer.Argument(metavar="DIR", help="A camera's folder; folders inside are not entered."),
    ] = None,
    gap: Annotated[
        float,
        typer.Option(
            metavar="SECONDS",
            help="Longest time between two frames of a burst. Many cameras note whole seconds, so "
            "that less than 1 may split what belongs together.",
        ),
    ] = 2.0,
    min_frames: Annotated[
        int, typer.Option(help="Frames that a burst has at least; what has fewer stands alone.")
    ] = 2,
    copy_to: Annotated[
        Path | None,
        typer.Option(metavar="NEW_DIR", help="Copy each burst to a folder of its own in there."),
    ] = None,
    link_to: Annotated[
        Path | None,
        typer.Option(metavar="NEW_DIR", help="The same with links, which take no room."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the bursts as JSON.")] = False,
) -> None:
    """Find the bursts in a camera's folder, and print how each is zoomed.

    Pictures belong together that one camera took within --gap of each other, in one size and
    orientation, and that show one scene: small previews are compared, so that a new aim splits a
    series however quickly it follows. Times are those of EXIF, with fractions of a second where the
    camera notes them; else those in the names of the files; else those of the files themselves, and
    the output says which.

    Nothing in the folder is changed. With --copy-to or --link-to, `edge-sdk zoom NEW_DIR/burst_01`
    zooms the first burst; NEW_DIR must not be there yet.

    Example: edge-sdk bursts DCIM/100CANON --link-to sorted
    """
    from edge_sdk.burst.folders.finding import find_bursts
    from edge_sdk.burst.folders.found import BurstRules
    from edge_sdk.burst.folders.placing import check_place, place_bursts

    if folder is None:
        raise InputError("no folder given; name one of a camera: edge-sdk bursts DIR")
    if copy_to is not None and link_to is not None:
        raise InputError("--copy-to and --link-to exclude each other; give one of them")
    place = copy_to or link_to
    rules = BurstRules(gap, min_frames)
    if place is not None:
        check_place(place)
    placed: tuple[Path, ...] = ()
    with progress_bars() as progress:
        found = find_bursts(folder, rules, progress)
        if place is not None and found.bursts:
            placed = place_bursts(found, place, links=link_to is not None, on_progress=progress)
    commands = [
        zoom_command(placed[index : index + 1] or burst.frames, f"{burst.name}.png")
        for index, burst in enumerate(found.bursts)
    ]
    if as_json:
        print_json(_plain(found, rules.gap_s, commands, placed))
        return
    _print(found, rules.min_frames, commands)
    if placed:
        kind = "links to" if link_to is not None else "copies of"
        out.print(f"wrote {place}: {kind} the frames of {_count(len(placed), 'burst')}")


def zoom_command(frames: Sequence[Path], output: str) -> str:
    """The command that zooms a burst, as a shell takes it.

    Args:
        frames: its files, or its folder.
        output: the picture to write.
    """
    # A name that begins with a dash would be taken for an option.
    names = [f"./{path}" if str(path).startswith("-") else str(path) for path in frames]
    return shlex.join(["edge-sdk", "zoom", *names, "-o", output])


def _plain(
    found: FoundBursts, gap_s: float, commands: Sequence[str], placed: Sequence[Path]
) -> dict[str, object]:
    folders = placed or (None,) * len(found.bursts)
    return {
        "folder": found.folder,
        "gap_seconds": gap_s,
        "bursts": [
            {
                "name": burst.name,
                "frames": burst.frames,
                "start": burst.start,
                "seconds": burst.seconds,
                "time_from": burst.time_from,
                "width": burst.width,
                "height": burst.height,
                "camera": burst.camera,
                "folder": folder,
                "command": command,
            }
            for burst, folder, command in zip(found.bursts, folders, commands, strict=True)
        ],
        "singles": found.singles,
        "not_pictures": found.not_pictures,
        "skipped": found.skipped,
        "folders_not_entered": found.folders,
        "times_of_files": found.by_file_time,
    }


def _print(found: FoundBursts, min_frames: int, commands: Sequence[str]) -> None:
    for burst, command in zip(found.bursts, commands, strict=True):
        out.print(on_one_line(_line(burst)), style="bold")
        out.print(f"{command}\n")
    if not found.bursts:
        out.print(f"no burst of {min_frames} frames or more in {found.folder}")
    if found.singles:
        alone = "alone" if min_frames == 2 else f"in no burst of {min_frames} frames or more"
        singles = f"{_count(len(found.singles), 'picture')} {alone}: {_named(found.singles)}"
        out.print(on_one_line(singles))
    reasons: dict[str, list[Path]] = {}
    for skipped in found.skipped:
        reasons.setdefault(skipped.reason, []).append(skipped.path)
    for reason, paths in reasons.items():
        note(f"skipped: {_named(paths)}: {reason}")
    if found.not_pictures:
        note(f"skipped, being no pictures: {_named(found.not_pictures)}")
    if found.folders:
        note(f"folders that were not entered: {_named(found.folders)}")
    if found.by_file_time:
        note(
            f"{_count(found.by_file_time, 'picture')} without a time in EXIF or name: the "
            "time when the file was last changed was taken, which copying may have changed"
        )


def _line(burst: FoundBurst) -> str:
    camera = f", {burst.camera}" if burst.camera else ""
    return (
        f"{burst.name}: {len(burst.frames)} frames of {burst.width}×{burst.height} px{camera}, "
        f"{burst.start}, over {burst.seconds:g} s (by {burst.time_from})"
    )


def _named(paths: Sequence[Path]) -> str:
    names = ", ".join(path.name for path in paths[:_MOST_NAMED])
    more = len(paths) - _MOST_NAMED
    return f"{names} and {more} more (--json lists all)" if more > 0 else names


def _count(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"
