"""Bursts of the simulated camera as DNGs: its light through a color filter, with sensor noise."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from edge_sdk.data.camera.config import CameraConfig
from edge_sdk.data.camera.sensor_noise import SensorNoise, read_sensor
from edge_sdk.data.camera.simulation import SimulatedBurst, simulate_burst
from tests.builders.dng_files import XYZ_TO_SRGB, Sensor, mosaic, write_samples

MIXING = np.array(((0.65, 0.30, 0.05), (0.20, 0.65, 0.15), (0.05, 0.35, 0.60)))
"""Camera colors of linear sRGB, balanced: filters that overlap as a phone's do."""
NEUTRAL = (0.5, 1.0, 0.6)


@dataclass(frozen=True, eq=False)
class DngBurst:
    """Frames on disk, and what they show.

    Attributes:
        paths: the files, in order.
        burst: the same burst as it was simulated.
    """

    paths: tuple[Path, ...]
    burst: SimulatedBurst


def camera(noise: SensorNoise, profile: bool = True) -> Sensor:
    """A camera of 14 bits with overlapping filters, white balance, and the NoiseProfile it has."""
    matrix = np.diag(NEUTRAL) @ MIXING @ np.reshape(XYZ_TO_SRGB, (3, 3))
    pair = (noise.shot, noise.read_std**2)
    return Sensor(NEUTRAL, 1024, 16383, tuple(matrix.flatten()), pair if profile else ())


def measured_by(
    light: NDArray[np.float64], noise: SensorNoise, generator: torch.Generator
) -> NDArray[np.float64]:
    """Samples [H, W] that the sensor of :func:`camera` reads of linear light [H, W, 3]."""
    colors = mosaic(light @ MIXING.T * np.asarray(NEUTRAL)).clip(0, 1)
    return read_sensor(torch.from_numpy(colors), noise, generator).numpy()


def write_dng_burst(
    folder: Path, photo: Tensor, noise: SensorNoise, frames: int, stated: SensorNoise | None = None
) -> DngBurst:
    """Take a burst of a photograph, float32 [3, H, W], and write it as DNGs.

    Args:
        folder: receives them.
        photo: what the camera sees.
        noise: what the sensor adds.
        frames: how many.
        stated: what the NoiseProfile says; the truth by default.
    """
    burst = simulate_burst(photo, CameraConfig(frames=frames, noise_std=0.0))
    generator = torch.Generator().manual_seed(1)
    height, width = (side // 2 * 2 for side in burst.frames.shape[-2:])
    assert (height, width) == tuple(burst.frames.shape[-2:]), "the truth would not fit"
    paths = []
    for index in range(frames):
        light = burst.light(index).permute(1, 2, 0).double().numpy()
        path = folder / f"{index:02d}.dng"
        write_samples(path, measured_by(light, noise, generator), camera(stated or noise))
        paths.append(path)
    return DngBurst(tuple(paths), burst)
