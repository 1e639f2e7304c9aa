"""A folder for each burst that was found, with copies of its frames or links to them."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from edge_sdk.burst.folders.found import FoundBursts
from edge_sdk.errors import InputError, OutputError
from edge_sdk.outputs import check_writable, replacing
from edge_sdk.progress import Progress, silent


def check_place(folder: Path) -> None:
    """Refuse a folder for bursts that is there already, or could not be made.

    Raises:
        OutputError: if it is there, or its parent is missing or not writable.
    """
    if os.path.lexists(folder):
        raise OutputError(f"{folder}: is there already; name a new folder for the bursts")
    check_writable(folder)


def place_bursts(
    found: FoundBursts,
    folder: str | Path,
    *,
    links: bool = False,
    on_progress: Progress | None = None,
) -> tuple[Path, ...]:
    """Make a folder for each burst, with its frames under their own names; all of them or none.

    Args:
        found: the bursts.
        folder: takes the folders, ``burst_01`` and so on; must be new.
        links: make symbolic links instead of copies.
        on_progress: told of every frame.

    Returns:
        The folders, in the order of the bursts.

    Raises:
        InputError: if there are no bursts.
        OutputError: if the folder is there already, cannot be written, or the disk is full.

    Example:
        >>> from pathlib import Path
        >>> import torch
        >>> from edge_sdk import Picture, resize_bicubic, write_picture
        >>> from edge_sdk.burst import find_bursts, place_bursts
        >>> scene = resize_bicubic(torch.rand(3, 6, 8), 8).clamp(0, 1)
        >>> Path("SDCARD").mkdir()
        >>> for second in (1, 2):
        ...     name = f"SDCARD/IMG_20240101_12000{second}.png"
        ...     written = write_picture(Picture(scene), name)
        >>> folders = place_bursts(find_bursts("SDCARD"), "sorted")
        >>> [path.name for path in sorted(folders[0].iterdir())]
        ['IMG_20240101_120001.png', 'IMG_20240101_120002.png']
    """
    folder, report = Path(folder), on_progress or silent
    if not found.bursts:
        raise InputError(f"{found.folder}: holds no burst, so that there is nothing to place")
    check_place(folder)
    total = sum(len(burst.frames) for burst in found.bursts)
    done = 0
    with replacing(folder) as temporary:
        for burst in found.bursts:
            place = temporary / burst.name
            place.mkdir(parents=True)
            for frame in burst.frames:
                if links:
                    (place / frame.name).symlink_to(frame.resolve())
                else:
                    shutil.copy2(frame, place / frame.name)
                done += 1
                report("place", done, total)
    return tuple(folder / burst.name for burst in found.bursts)
