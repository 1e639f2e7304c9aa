"""Simulated bursts on disk."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from edge_sdk.data.camera import SimulatedBurst
from edge_sdk.errors import OutputError
from edge_sdk.imaging import Picture, write_picture
from edge_sdk.outputs import check_writable

RECORD = "burst.json"


def write_burst(
    burst: SimulatedBurst, folder: Path, on_progress: Callable[[str, int, int], None] | None = None
) -> tuple[Path, ...]:
    """Write frames, truth and motion of a burst.

    Args:
        burst: the burst.
        folder: receives ``frames/NN.png``, ``truth/NN.png`` and ``burst.json``, all or nothing; an
            earlier burst there is replaced.
        on_progress: told of every frame.

    Returns:
        Paths of the frames, in order.

    Raises:
        OutputError: as :func:`check_burst_folder`, or if something cannot be written.
    """
    with _fresh_folder(folder) as fresh:
        for name in ("frames", "truth"):
            (fresh / name).mkdir()
        digits = max(2, len(str(len(burst.motions) - 1)))
        names = [f"{index:0{digits}d}.png" for index in range(len(burst.motions))]
        for index, (name, frame) in enumerate(zip(names, burst.frames, strict=True)):
            write_picture(Picture(frame), fresh / "frames" / name)
            write_picture(Picture(burst.truth(index)), fresh / "truth" / name)
            if on_progress is not None:
                on_progress("write", index + 1, len(names))
        record = {
            "camera": asdict(burst.config),
            "motions": [asdict(motion) for motion in burst.motions],
            "motion": "from the frame's pixel to the first frame's, about the picture's centre",
        }
        (fresh / RECORD).write_text(json.dumps(record, indent=2) + "\n")
    return tuple(folder / "frames" / name for name in names)


def check_burst_folder(folder: Path) -> None:
    """Fail early where a burst could not be written.

    Raises:
        OutputError: if the place is a file, holds anything but an earlier burst, or its parent is
            missing or not writable.
    """
    if folder.exists() and not folder.is_dir():
        raise OutputError(f"{folder}: is a file; give a folder")
    if folder.is_dir() and any(folder.iterdir()) and not (folder / RECORD).is_file():
        raise OutputError(f"{folder}: holds other files; give a new or empty folder")
    check_writable(folder.absolute().parent / RECORD)


@contextmanager
def _fresh_folder(folder: Path) -> Iterator[Path]:
    """A temporary folder that takes the place of ``folder``, an earlier burst included."""
    check_burst_folder(folder)
    place = folder.absolute()
    try:
        with tempfile.TemporaryDirectory(dir=place.parent, prefix=f".{place.name}.") as temporary:
            fresh = Path(temporary) / "burst"
            fresh.mkdir()
            yield fresh
            if place.exists():
                place.rename(Path(temporary) / "replaced")
            fresh.rename(place)
    except OSError as error:
        raise OutputError(f"{folder}: cannot be written ({error.strerror or error})") from error
