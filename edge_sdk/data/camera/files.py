"""Simulated bursts on disk."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from edge_sdk.data.camera.hand_motion import FIRST_KNOT_TIME
from edge_sdk.data.camera.simulation import SimulatedBurst
from edge_sdk.errors import InputError, OutputError
from edge_sdk.imaging import Picture, write_picture
from edge_sdk.json_records import Head, from_json
from edge_sdk.outputs import check_writable
from edge_sdk.progress import Progress, silent

RECORD = "burst.json"
RECORD_FORMAT = "edge-sdk burst"
RECORD_VERSION = 2
REPLACED_VERSIONS = (1, 2)
"""Versions of the record whose bursts may be replaced; 1 knew neither layers nor a path."""
PARTS = ("frames", "truth", "moving")
MOTION = (
    "from the frame's pixel to the first frame's at rest, about the picture's center; of the "
    "middle row where a rolling shutter reads, of the background where layers move otherwise"
)


def write_burst(
    burst: SimulatedBurst, folder: Path, on_progress: Progress | None = None
) -> tuple[Path, ...]:
    """Write frames, truth and motion of a burst.

    Args:
        burst: the burst.
        folder: receives ``frames/NN.png``, ``truth/NN.png`` and ``burst.json``, and, if an object
            moves, ``moving/NN.png``: white where it is in any frame, on the grid of the truth. The
            files of an earlier burst there, which its ``burst.json`` lists, are replaced; others
            are kept. If something fails, the earlier burst is put back.
        on_progress: called after each frame.

    Returns:
        Paths of the frames, in order.

    Raises:
        OutputError: as :func:`check_burst_folder`, or if something cannot be written.

    Example:
        >>> from pathlib import Path
        >>> import torch
        >>> from edge_sdk.data import CameraConfig, simulate_burst, write_burst
        >>> burst = simulate_burst(torch.rand(3, 120, 160), CameraConfig(frames=2))
        >>> [path.as_posix() for path in write_burst(burst, Path("burst"))]
        ['burst/frames/00.png', 'burst/frames/01.png']
    """
    report = on_progress or silent
    with _fresh_folder(folder) as fresh:
        parts = PARTS if burst.config.moving_object is not None else PARTS[:2]
        for part in parts:
            (fresh / part).mkdir()
        digits = max(2, len(str(len(burst.motions) - 1)))
        names = [f"{index:0{digits}d}.png" for index in range(len(burst.motions))]
        for index, (name, frame) in enumerate(zip(names, burst.frames, strict=True)):
            write_picture(Picture(frame), fresh / "frames" / name)
            write_picture(Picture(burst.truth(index)), fresh / "truth" / name)
            if "moving" in parts:
                area = burst.moving_area(index).float()[None].expand(3, -1, -1)
                write_picture(Picture(area), fresh / "moving" / name)
            report("write", index + 1, len(names))
        record = {
            "format": RECORD_FORMAT,
            "version": RECORD_VERSION,
            "files": [f"{part}/{name}" for part in parts for name in names],
            "camera": asdict(burst.config),
            "motions": [asdict(motion) for motion in burst.motions],
            "motion": MOTION,
            **_path_and_places(burst),
        }
        (fresh / RECORD).write_text(json.dumps(record, indent=2) + "\n")
    return tuple(folder / "frames" / name for name in names)


def _path_and_places(burst: SimulatedBurst) -> dict[str, object]:
    """What the motions of the frames do not say."""
    found: dict[str, object] = {}
    hand, moving = burst.layered.hand, burst.layered.moving
    if hand.continuous:
        found["path_knots"] = {
            "first_time": FIRST_KNOT_TIME,
            "columns": ["shift_x_px", "shift_y_px", "angle_deg"],
            "values": hand.poses.tolist(),
            "path": "uniform cubic B-spline, knots one frame interval apart; the row at height y "
            "of H, centered, of frame k is exposed at k + readout·y/H",
        }
    if moving is not None:
        found["object_offsets_px"] = burst.layered.layers[moving].offsets_px.tolist()
    return found


def check_burst_folder(folder: Path) -> None:
    """Fail early where a burst could not be written.

    Raises:
        OutputError: if the place is a file; holds other files and no earlier burst; holds, in its
            ``frames``, ``truth`` or ``moving``, something that the earlier burst did not write; or
            its parent is missing or not writable.
    """
    if folder.exists() and not folder.is_dir():
        raise OutputError(f"{folder}: is a file; give a folder")
    if folder.is_dir() and any(folder.iterdir()):
        _check_earlier(folder)
    # The parent of a folder that exists is not touched.
    check_writable((folder if folder.is_dir() else folder.absolute().parent) / RECORD)


def _check_earlier(folder: Path) -> None:
    record = folder / RECORD
    if not record.is_file() or record.is_symlink():
        raise OutputError(f"{folder}: holds other files; give a new or empty folder")
    own = _own_files(record)
    for part in PARTS:
        place = folder / part
        if place.is_symlink() or (place.exists() and not place.is_dir()):
            raise OutputError(f"{place}: is not a folder of an earlier burst; give a new folder")
        for path in sorted(place.iterdir()) if place.is_dir() else ():
            if f"{part}/{path.name}" not in own or path.is_symlink() or path.is_dir():
                raise OutputError(
                    f"{path}: is none of the earlier burst's files and would be lost; move it, or "
                    "give a new folder"
                )


def _own_files(record: Path) -> frozenset[str]:
    """Files that an earlier burst's record lists."""
    try:
        found = from_json(_Record, record.read_bytes())
    except (OSError, InputError):
        found = None
    if found is None or found.format != RECORD_FORMAT or found.version not in REPLACED_VERSIONS:
        raise OutputError(
            f"{record}: does not list the files of an earlier burst (format {RECORD_FORMAT!r}, "
            f"version 1 to {RECORD_VERSION}); give a new or empty folder"
        )
    return found.files


@dataclass(frozen=True)
class _Record(Head):
    files: frozenset[str]


@contextmanager
def _fresh_folder(folder: Path) -> Iterator[Path]:
    """A temporary folder whose parts take the place of those of an earlier burst."""
    check_burst_folder(folder)
    place = folder.absolute()
    beside = place if place.is_dir() else place.parent
    earlier = (place / RECORD).exists()
    try:
        with tempfile.TemporaryDirectory(dir=beside, prefix=f".{place.name}.") as temporary:
            fresh = Path(temporary) / "burst"
            fresh.mkdir()
            yield fresh
            if place.is_dir():
                # What came while the burst was made is not lost either.
                if earlier:
                    check_burst_folder(place)
                _swap(fresh, place, Path(temporary) / "replaced")
            else:
                fresh.rename(place)
    except OSError as error:
        raise OutputError(f"{folder}: cannot be written ({error.strerror or error})") from error


def _swap(fresh: Path, place: Path, replaced: Path) -> None:
    """Move the parts of a burst into ``place`` and earlier ones out, or put all back."""
    replaced.mkdir()
    done: list[tuple[Path, Path]] = []
    try:
        # The record goes first and comes last: without it no burst is there to be replaced.
        for name in (RECORD, *PARTS):
            if (place / name).exists():
                (place / name).rename(replaced / name)
                done.append((place / name, replaced / name))
        for name in (*PARTS, RECORD):
            if (fresh / name).exists():
                (fresh / name).rename(place / name)
                done.append((fresh / name, place / name))
    except BaseException:
        for source, target in reversed(done):
            target.rename(source)
        raise
