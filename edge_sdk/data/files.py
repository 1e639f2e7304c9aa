"""Simulated bursts on disk."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from edge_sdk.data.camera import SimulatedBurst
from edge_sdk.errors import OutputError
from edge_sdk.imaging import Picture, write_picture
from edge_sdk.outputs import replacing


def write_burst(
    burst: SimulatedBurst, folder: Path, on_progress: Callable[[str, int, int], None] | None = None
) -> tuple[Path, ...]:
    """Write frames, truth and motion of a burst.

    Args:
        burst: the burst.
        folder: receives ``frames/NN.png``, ``truth/NN.png`` and ``burst.json``; made if missing.
        on_progress: told of every frame.

    Returns:
        Paths of the frames, in order.

    Raises:
        OutputError: if something cannot be written.
    """
    try:
        for name in ("frames", "truth"):
            (folder / name).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{folder}: cannot be created ({error.strerror})") from error
    digits = max(2, len(str(len(burst.motions) - 1)))
    paths = []
    for index, frame in enumerate(burst.frames):
        name = f"{index:0{digits}d}.png"
        write_picture(Picture(frame), folder / "frames" / name)
        write_picture(Picture(burst.truth(index)), folder / "truth" / name)
        paths.append(folder / "frames" / name)
        if on_progress is not None:
            on_progress("write", index + 1, len(burst.motions))
    record = {
        "camera": asdict(burst.config),
        "motions": [asdict(motion) for motion in burst.motions],
        "motion": "from the frame's pixel to the first frame's, about the picture's centre",
    }
    with replacing(folder / "burst.json") as temporary:
        temporary.write_text(json.dumps(record, indent=2) + "\n")
    return tuple(paths)
