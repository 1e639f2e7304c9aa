"""Bursts to train on: which photograph, which camera and which motion, drawn by a seed."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from edge_sdk.data.camera.config import CameraConfig
from edge_sdk.data.camera.light_changes import LightChanges
from edge_sdk.data.camera.occluders import MovingObject, NearLayer
from edge_sdk.data.camera.sensor_noise import SensorNoise
from edge_sdk.data.camera.simulation import SimulatedBurst, simulate_burst
from edge_sdk.errors import PictureError
from edge_sdk.imaging import read_picture, resize_bicubic, to_levels
from edge_sdk.training.recipe.bursts import BurstsConfig

_HELD_PICTURES = 64
"""Decoded photographs in memory, 8 bits a value."""
_TRIES = 8
"""Draws after which a burst whose camera or object does not fit its picture is given up."""
_VALIDATION_FRAMES = 10


@dataclass(frozen=True)
class Scene:
    """What a burst is taken of.

    Attributes:
        picture: photograph.
        resize_factor: factor by which it is reduced.
        place: where the cut lies, as shares of what is left over: down, right.
        turn: orientation, 0 to 7: quarter turns, then mirrored ones.
        camera: camera, motion and noise.
        period_px: side of the piece of the picture that one half of it shows over and over, in
            pixels of a frame; ``None`` if the picture stays as it is.
    """

    picture: Path
    resize_factor: float
    place: tuple[float, float]
    turn: int
    camera: CameraConfig
    period_px: int | None = None


def draw_scene(
    pictures: tuple[Path, ...],
    resize_factors: tuple[float, ...],
    config: BurstsConfig,
    scale: int,
    rng: np.random.Generator,
) -> Scene:
    """Draw a training scene.

    Args:
        pictures: photographs, each as likely.
        resize_factors: factors of reduction, each as likely.
        config: ranges.
        scale: pixels of the truth per pixel of a frame.
        rng: source of random numbers.
    """
    picture = pictures[int(rng.integers(len(pictures)))]
    resize_factor = float(rng.choice(np.asarray(resize_factors)))
    place = (float(rng.random()), float(rng.random()))
    turn = int(rng.integers(8))
    low, high = (math.log(level) for level in config.noise)
    noise_std = math.exp(rng.uniform(low, high)) / 255
    sensor, bayer, white_balance = None, False, (1.0, 1.0)
    if rng.random() < config.sensor_noise_share:
        sensor = SensorNoise(analog_gain=math.exp(rng.uniform(0.0, math.log(48.0))))
        bayer = bool(rng.random() < 0.5)
        white_balance = (float(rng.uniform(1, 2.2)), float(rng.uniform(1, 2)))
    front = rng.random()
    moving_object = near = None
    if front < config.moving_object_share:
        moving_object = MovingObject(
            share=float(rng.uniform(0.03, 0.1)),
            shift_px=float(rng.uniform(2, 14)),
            moved_share=float(rng.uniform(0.2, 0.8)),
        )
    elif front < config.moving_object_share + config.near_layer_share:
        near = NearLayer(factor=float(rng.uniform(1.1, 1.6)))
    walks = rng.random() < config.rolling_shutter_share
    lenses = config.lens_ranges
    lens = lenses[int(rng.integers(len(lenses))) if len(lenses) > 1 else 0]
    camera = CameraConfig(
        frames=int(rng.choice(np.asarray(config.frames))),
        scale=scale,
        lens_std_px=float(rng.uniform(*lens)),
        noise_std=noise_std,
        seed=int(rng.integers(2**31)),
        path="walk" if walks else "independent",
        readout=float(rng.uniform(0.2, 1)) if walks else 0.0,
        near=near,
        moving_object=moving_object,
        sensor=sensor,
        bayer=bayer,
        white_balance=white_balance,
    )
    period_px = int(rng.integers(5, 41)) if rng.random() < config.repeating_share else None
    return Scene(picture, resize_factor, place, turn, _varied(camera, config, rng), period_px)


def _varied(camera: CameraConfig, config: BurstsConfig, rng: np.random.Generator) -> CameraConfig:
    """The camera with what recipes ask for beyond a lens and noise; drawn last of all."""
    reduction = str(rng.choice(np.asarray(config.reductions)))
    if reduction != "area":
        camera = replace(camera, reduction=reduction, lens_std_px=0.0)
    if camera.sensor is None and rng.random() < config.colored_noise_share:
        colors = (float(rng.uniform(0.7, 1.3)), 0.8, float(rng.uniform(0.8, 1.7)))
        camera = replace(
            camera, noise_colors=colors, noise_blur_px=float(rng.choice((0.0, rng.uniform(0.3, 1))))
        )
    if rng.random() < config.light_share:
        kind = rng.choice(("flicker", "balance", "bands"))
        share = float(rng.uniform(0.02, 0.12))
        camera = replace(camera, light=LightChanges(**{str(kind): share}))
    if rng.random() < config.jpeg_share:
        low, high = config.jpeg_quality
        camera = replace(camera, jpeg_quality=int(rng.integers(low, high + 1)))
    return camera


def training_burst(
    pictures: tuple[Path, ...],
    resize_factors: tuple[float, ...],
    config: BurstsConfig,
    scale: int,
    seed: int,
    index: int,
) -> SimulatedBurst:
    """Burst ``index``; the same arguments give the same burst.

    Raises:
        PictureError: if the pictures are too small for the frames.
    """
    for attempt in range(_TRIES):
        rng = np.random.default_rng((seed, index, attempt))
        scene = draw_scene(pictures, resize_factors, config, scale, rng)
        try:
            return simulate_burst(_cut(scene, config.frame_px * scale), scene.camera)
        except PictureError as error:
            failure = error
    raise PictureError(
        f"{scene.picture}: no burst of {config.frame_px} px frames fits ({failure}); give a larger "
        "frame_px, larger pictures, or resize_factors nearer to 1"
    )


def validation_bursts(
    pictures: tuple[Path, ...], resize_factor: float, config: BurstsConfig, scale: int, seed: int
) -> list[SimulatedBurst]:
    """A burst of each picture's middle at each level of noise, by the camera's defaults.

    Where the recipe asks for drawn ones, the pictures take turns, and each burst is of a camera and
    a place of its own.
    """
    if config.validation_drawn:
        larger = config.model_copy(update={"frame_px": config.validation_px})
        turns = [pictures[index % len(pictures)] for index in range(config.validation_drawn)]
        return [
            training_burst((path,), (resize_factor,), larger, scale, seed + 1, index)
            for index, path in enumerate(turns)
        ]
    found = []
    for index, path in enumerate(pictures):
        middle = Scene(path, resize_factor, (0.5, 0.5), 0, CameraConfig(scale=scale))
        photograph = _cut(middle, config.validation_px * scale)
        for level in config.validation_noise:
            camera = CameraConfig(
                frames=_VALIDATION_FRAMES, scale=scale, noise_std=level / 255, seed=index
            )
            found.append(simulate_burst(photograph, camera))
    return found


def _cut(scene: Scene, side: int) -> Tensor:
    """The part of a photograph that is seen, float32 [3, side, side] or less."""
    levels = _levels(scene.picture)
    height, width = levels.shape[-2:]
    resize_factor = min(1.0, max(scene.resize_factor, side / min(height, width)))
    needed = math.ceil(side / resize_factor)
    rows, columns = min(needed, height), min(needed, width)
    top, left = (
        round(share * (whole - part))
        for share, whole, part in zip(scene.place, (height, width), (rows, columns), strict=True)
    )
    part = levels[:, top : top + rows, left : left + columns].float() / 255
    if resize_factor < 1:
        part = resize_bicubic(
            part, size=(round(rows * resize_factor), round(columns * resize_factor))
        )
    turned = torch.rot90(part.clamp(0, 1), scene.turn % 4, (-2, -1))
    turned = turned.flip(-1) if scene.turn >= 4 else turned
    if scene.period_px is None:
        return turned
    return _repeating(turned, scene.period_px * scene.camera.scale)


def _repeating(picture: Tensor, period: int) -> Tensor:
    """The picture whose right half shows a piece from its own middle over and over."""
    height, width = picture.shape[-2:]
    top, left = (height - period) // 2, (3 * width // 2 - period) // 2
    piece = picture[:, top : top + period, left : left + period]
    times = math.ceil(max(height, width) / period)
    tiled = piece.repeat(1, times, times)
    return torch.cat((picture[..., : width // 2], tiled[:, :height, : width - width // 2]), -1)


@lru_cache(maxsize=_HELD_PICTURES)
def _levels(path: Path) -> Tensor:
    return to_levels(read_picture(path).pixels).to(torch.uint8)
