"""A burst of a photograph's file as a folder of files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from edge_sdk.data.camera.config import CameraConfig
from edge_sdk.data.camera.files import check_burst_folder, write_burst
from edge_sdk.data.camera.simulation import SimulatedBurst, simulate_burst
from edge_sdk.imaging import read_picture
from edge_sdk.progress import Progress


@dataclass(frozen=True, eq=False)
class SimulatedFiles:
    """A simulated burst on disk.

    Attributes:
        folder: holds ``frames``, ``truth`` and ``burst.json``.
        frames: files of the frames, in order.
        burst: the same in memory, with the true motions.
        notes: what the files do not hold of the photograph; one sentence each.

    Example:
        >>> import torch
        >>> from edge_sdk import CameraConfig, Picture, simulate, write_picture
        >>> written = write_picture(Picture(torch.rand(3, 120, 160)), "photo.png")
        >>> made = simulate("photo.png", "burst", CameraConfig(frames=2))
        >>> len(made.frames), made.burst.motions[0].length_px, made.notes
        (2, 0.0, ())
    """

    folder: Path
    frames: tuple[Path, ...]
    burst: SimulatedBurst
    notes: tuple[str, ...] = ()


def simulate(
    photograph: str | Path,
    folder: str | Path,
    config: CameraConfig | None = None,
    on_progress: Progress | None = None,
) -> SimulatedFiles:
    """Take a burst of a photograph with a simulated hand-held camera and write it.

    Args:
        photograph: the file of what the camera sees, taken as sRGB.
        folder: receives ``frames/NN.png`` (8 bits), ``truth/NN.png`` (what a noise-free camera with
            ``config.scale`` times more pixels sees from each frame's position), ``burst.json`` and,
            if an object moves, ``moving/NN.png``. Files of an earlier burst there are replaced,
            others are kept.
        config: the camera; the same settings and photograph give the same burst.
        on_progress: told of every frame that is written.

    Raises:
        PictureError: if the photograph cannot be read, or is too small for frames of 32 px.
        InputError: if the settings do not fit the photograph.
        OutputError: if the burst cannot be written, or other files would be lost.

    Example:
        >>> import torch
        >>> from edge_sdk import CameraConfig, Picture, resize_bicubic, simulate
        >>> from edge_sdk import write_picture, zoom_files
        >>> photo = resize_bicubic(torch.rand(3, 24, 32), 6).clamp(0, 1)
        >>> written = write_picture(Picture(photo), "photo.png")
        >>> made = simulate("photo.png", "burst", CameraConfig(frames=3, seed=1))
        >>> zoom_files(made.frames, "zoomed.png").result.used
        3
    """
    folder = Path(folder)
    check_burst_folder(folder)
    picture = read_picture(photograph)
    burst = simulate_burst(picture.pixels, config)
    frames = write_burst(burst, folder, on_progress)
    notes: tuple[str, ...] = ()
    if picture.metadata.bit_depth == 16:
        notes = ("the photograph has 16 bits per channel; frames and truth are written with 8",)
    return SimulatedFiles(folder, frames, burst, notes)
