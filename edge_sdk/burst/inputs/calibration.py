"""Inputs of a network for bursts to choose int8 ranges by: features of simulated bursts."""

from __future__ import annotations

import math
from pathlib import Path

import torch
from torch import Tensor

from edge_sdk.burst.config import ZoomConfig
from edge_sdk.burst.frames.source import TensorSource
from edge_sdk.burst.inputs.features import burst_features
from edge_sdk.burst.stages.blur import MAX_LENS_PX
from edge_sdk.data.camera.config import CameraConfig
from edge_sdk.data.camera.simulation import simulate_burst
from edge_sdk.data.probes.calibration import HELD_OUT_EVERY, SAMPLES, Calibration, held_out_split
from edge_sdk.data.samples.patches import list_pictures
from edge_sdk.errors import InputError, PictureError
from edge_sdk.exported import Example, as_inputs
from edge_sdk.imaging import read_picture, resize_bicubic
from edge_sdk.models.normalization import Normalization
from edge_sdk.models.spec import PictureSpec, Task

NOISE_LEVELS = (1.0, 24.0)
"""Least and greatest noise of a frame in the bursts, in 8-bit levels."""
_FRAMES = (1, 4, 10, 10, 10, 20)
_MARGIN_PX = 28
"""What a burst of hand-held frames loses at its edges, and the interpolation."""


def burst_calibration(
    folder: Path,
    example: Example,
    spec: PictureSpec | None,
    count: int = SAMPLES,
    *,
    resize_factor: float = 1.0,
    truth: bool = False,
    seed: int = 0,
    normalization: Normalization | None = None,
    previews: bool = False,
) -> Calibration:
    """Simulate bursts of a folder's pictures and compute their features.

    Pictures take turns; each burst has its own place, motion, number of frames, lens, sharp to the
    softest that is undone, and noise, drawn evenly on a logarithmic scale from
    :data:`NOISE_LEVELS`.

    Args:
        folder: searched recursively.
        example: an input of the network, [1, 4·s² + 8, H, W].
        spec: of the network.
        count: bursts to calibrate with; a quarter as many are held out.
        resize_factor: factor in (0, 1] by which each picture is reduced first.
        truth: keep what the network should return beside them.
        seed: seed of all draws.
        normalization: refused: features have a range of their own.
        previews: refused likewise.

    Raises:
        InputError: if the folder holds no picture, or the network is none for bursts.
        PictureError: if a picture cannot be read or is too small.
    """
    if spec is None or spec.task != Task.BURST_ZOOM:
        raise InputError("bursts calibrate networks for burst zoom; give pictures to others")
    if normalization is not None or previews:
        raise InputError("features of bursts have a range of their own; leave mean and std out")
    (example,) = as_inputs(example)
    paths = list_pictures(folder)
    generator = torch.Generator().manual_seed(seed)
    kept, others = held_out_split(paths, generator)
    size = (int(example.shape[2]), int(example.shape[3]))
    parts = []
    for pictures, number in ((kept, count), (others, max(count // HELD_OUT_EVERY, 1))):
        places = [pictures[index % len(pictures)] for index in range(number)]
        parts.append([_cut(path, size, spec.scale, resize_factor, generator) for path in places])
    given = [tuple(features for features, _ in part) for part in parts]
    truths = [tuple(target for _, target in part) if truth else () for part in parts]
    low, high = NOISE_LEVELS
    source = (
        f"{count} simulated bursts, noise of {low:g} to {high:g} levels, of {len(kept)} of the "
        f"{len(paths)} pictures in {folder}"
    )
    return Calibration(given[0], given[1], source, truths[0], truths[1], NOISE_LEVELS)


def _cut(
    path: Path, size: tuple[int, int], scale: int, resize_factor: float, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    pixels = read_picture(path).pixels
    if resize_factor < 1:
        height, width = (int(side * resize_factor) for side in pixels.shape[-2:])
        pixels = resize_bicubic(pixels, size=(height, width)).clamp(0, 1)
    needed = [scale * (side + _MARGIN_PX) for side in size]
    if any(has < wants for has, wants in zip(pixels.shape[-2:], needed, strict=True)):
        raise PictureError(
            f"{path}: {pixels.shape[-1]}×{pixels.shape[-2]} px is too small for bursts of "
            f"{size[1]}×{size[0]} px; leave it out or give a smaller --size"
        )
    draws = torch.rand(6, generator=generator).tolist()
    top, left = (
        int(share * (has - wants))
        for share, has, wants in zip(draws, pixels.shape[-2:], needed, strict=False)
    )
    low, high = (math.log(level) for level in NOISE_LEVELS)
    camera = CameraConfig(
        frames=_FRAMES[int(draws[2] * len(_FRAMES))],
        scale=scale,
        lens_std_px=draws[5] * MAX_LENS_PX,
        noise_std=math.exp(low + draws[3] * (high - low)) / 255,
        seed=int(draws[4] * 2**31),
    )
    burst = simulate_burst(pixels[:, top : top + needed[0], left : left + needed[1]], camera)
    found = burst_features(TensorSource(burst.frames), ZoomConfig(scale=scale))
    target = burst.truth(found.reference)
    rows, columns = size
    return (
        found.features[None, :, :rows, :columns],
        target[None, :, : scale * rows, : scale * columns],
    )
