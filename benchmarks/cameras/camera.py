"""A hand-held camera in OpenCV and NumPy, independent of the simulator that the SDK trains with.

A pose moves and turns the photograph; what a camera of as many more pixels as the zoom gives would
see of it, free of noise, is the truth. A reduction makes the frame of it, then come light, noise
and 8 bits.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from edge_sdk.imaging import linear_to_srgb, read_picture, resize_bicubic, srgb_to_linear

Picture = NDArray[np.float32]

TOP, LEFT, HEIGHT, WIDTH = 40, 100, 420, 560
"""What of a picture is measured."""
FRAMES = 8
SHIFT_PX = 3.0
TURN_DEG = 0.4
SMOOTH_PX = 0.6
"""Blur that makes neighbors of noise go along, as a camera's demosaicing and JPEG do."""
COLORS = (1.0, 0.7, 1.6)
"""Noise of red, green and blue in the kind ``colored``."""


@dataclass(frozen=True)
class Camera:
    """What one camera does.

    Attributes:
        reduction: ``lens`` (Gaussian of ``lens_px``, then areas of light), ``box`` (means of codes)
            or ``bicubic`` (MATLAB's, antialiased).
        lens_px: standard deviation of the lens, in pixels of a frame.
        noise: levels of 255.
        colored: whether noise differs by color and neighbors go along; else white.
        light: ``steady``, ``flicker``, ``bands`` or ``balance``.
        factor: pixels of the truth per pixel of a frame, in each direction.
    """

    reduction: str
    lens_px: float
    noise: float
    colored: bool
    light: str
    factor: int = 2


@dataclass(frozen=True)
class Taken:
    """A burst: frames float32 [N, 3, h, w], and the truth of each, [N, 3, f·h, f·w]."""

    frames: Tensor
    truths: Tensor


def kodak_part(path: Path) -> tuple[Tensor, int]:
    """What of a picture of Kodak24 is measured, float32 [3, 420, 560], and its seed."""
    part = read_picture(path).pixels[:, TOP : TOP + HEIGHT, LEFT : LEFT + WIDTH]
    return part, int(path.stem.removeprefix("kodim"))


def take(photograph: Tensor, camera: Camera, seed: int, frames: int = FRAMES) -> Taken:
    """Take a burst of a photograph, float32 [3, H, W] in [0, 1].

    Poses and draws of noise follow from the seed alone, and are the same for all cameras.
    """
    rng, flicker = np.random.default_rng(seed), np.random.default_rng(seed + 1)
    scene = np.ascontiguousarray(photograph.permute(1, 2, 0).numpy())
    factor = camera.factor
    margin = math.ceil(factor * (SHIFT_PX + 4) + math.radians(TURN_DEG) * max(scene.shape[:2]) / 2)
    size = tuple((side - 2 * margin) // (2 * factor) * 2 * factor for side in scene.shape[:2])
    views, seen = [], []
    for _ in range(frames):
        x, y = rng.uniform(-SHIFT_PX, SHIFT_PX, 2)
        view = _view(scene, size, factor * x, factor * y, rng.uniform(-TURN_DEG, TURN_DEG))
        # The reduction adds up light, so that light is changed before it.
        views.append(_lit(view, _light(camera.light, size[0], flicker)))
        seen.append(_noisy(reduced(views[-1], camera), camera, rng))
    return Taken(torch.stack(seen), torch.stack(views))


def _view(scene: Picture, size: tuple[int, ...], x: float, y: float, degrees: float) -> Tensor:
    height, width = size
    turned = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), degrees, 1.0)
    turned[0, 2] += (scene.shape[1] - width) / 2 + x
    turned[1, 2] += (scene.shape[0] - height) / 2 + y
    flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    view = cv2.warpAffine(scene, turned, (width, height), flags=flags)
    return torch.from_numpy(view).permute(2, 0, 1).clamp(0, 1)


def _light(kind: str, height: int, rng: np.random.Generator) -> Tensor:
    """Factors of light, float32 [3 or 1, height or 1, 1]."""
    if kind == "flicker":
        return torch.full((1, 1, 1), 1 + rng.uniform(-0.08, 0.08))
    if kind == "balance":
        return torch.tensor([1 + rng.uniform(-0.05, 0.05), 1.0, 1 + rng.uniform(-0.05, 0.05)])[
            :, None, None
        ]
    if kind == "bands":
        rows = torch.arange(height) / height
        wave = torch.sin(2 * math.pi * (3 * rows + rng.uniform()))
        return (1 + 0.12 * wave)[None, :, None]
    return torch.ones(1, 1, 1)


def _lit(view: Tensor, light: Tensor) -> Tensor:
    return linear_to_srgb((srgb_to_linear(view) * light.float()).clamp(0, 1))


def reduced(view: Tensor, camera: Camera) -> Tensor:
    """What a camera makes of a view, float32 [3, f·h, f·w], before noise: [3, h, w]."""
    if camera.reduction == "bicubic":
        return resize_bicubic(view, 1 / camera.factor).clamp(0, 1)
    if camera.reduction == "box":
        return _areas(view, camera.factor)
    light = srgb_to_linear(view).permute(1, 2, 0).numpy()
    blurred = cv2.GaussianBlur(light, (0, 0), camera.factor * camera.lens_px)
    areas = _areas(torch.from_numpy(blurred).permute(2, 0, 1), camera.factor)
    return linear_to_srgb(areas.clamp(0, 1))


def _areas(view: Tensor, factor: int) -> Tensor:
    return torch.nn.functional.avg_pool2d(view[None], factor)[0]


def _noisy(frame: Tensor, camera: Camera, rng: np.random.Generator) -> Tensor:
    noise = rng.standard_normal((*frame.shape[1:], 3)).astype(np.float32)
    if camera.colored:
        noise = cv2.GaussianBlur(noise, (0, 0), SMOOTH_PX)
        noise *= np.float32(1 / noise.std()) * np.array(COLORS, np.float32)
    noisy = frame + camera.noise / 255 * torch.from_numpy(noise).permute(2, 0, 1)
    return (noisy * 255).round().clamp(0, 255) / 255
