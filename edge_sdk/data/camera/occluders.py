"""What stands in front of the simulated scene: a nearer layer, and an object that moves."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from edge_sdk.data.camera.scene_layers import Layer
from edge_sdk.errors import InputError, PictureError
from edge_sdk.registration.motion import centered_grid


@dataclass(frozen=True)
class NearLayer:
    """A nearer layer: an ellipse in the middle of the picture that shows the photograph mirrored.

    Attributes:
        factor: its shift as a multiple of the background's; above 1 is nearer.
        share: share of the picture that it covers, up to 0.7.
        edge_px: width of its soft edge, in sensor pixels.

    Example:
        >>> from edge_sdk.data import CameraConfig, NearLayer
        >>> CameraConfig(near=NearLayer(factor=2.0)).near.share
        0.3
    """

    factor: float = 1.5
    share: float = 0.3
    edge_px: float = 2.0

    def __post_init__(self) -> None:
        _check(0 <= self.factor <= 8, f"the near layer's factor must be 0 to 8, not {self.factor}")
        _check(
            0 < self.share <= 0.7,
            f"the near layer must cover more than 0 and up to 0.7 of the picture, not {self.share}",
        )
        _check(0 < self.edge_px <= 64, f"an edge must be up to 64 px wide, not {self.edge_px}")


@dataclass(frozen=True)
class MovingObject:
    """A disc that stands elsewhere in some of the frames.

    It shows the photograph turned by 180° unless another picture is given. In the first frame it
    is at home, at a random place; in each frame in which it is moved it stands ``shift_px`` away,
    in a random direction of the frame's own.

    Attributes:
        share: share of the picture that it covers, up to 0.25.
        moved_share: share of the frames in which it is moved, rounded to whole frames.
        shift_px: how far, in sensor pixels.
        edge_px: width of its soft edge, in sensor pixels.

    Example:
        >>> from edge_sdk.data import CameraConfig, MovingObject
        >>> CameraConfig(moving_object=MovingObject(share=0.1)).moving_object.shift_px
        12.0
    """

    share: float = 0.05
    moved_share: float = 0.5
    shift_px: float = 12.0
    edge_px: float = 1.0

    def __post_init__(self) -> None:
        _check(
            0 < self.share <= 0.25,
            f"the object must cover more than 0 and up to 0.25 of the picture, not {self.share}",
        )
        _check(
            0 <= self.moved_share <= 1,
            f"the share of frames with a moved object must be 0 to 1, not {self.moved_share}",
        )
        _check(
            0 <= self.shift_px < math.inf,
            f"the object's shift must be 0 px or more, not {self.shift_px}",
        )
        _check(0 < self.edge_px <= 64, f"an edge must be up to 64 px wide, not {self.edge_px}")


def near_layer(settings: NearLayer, background: Tensor, frames: int, scale: int) -> Layer:
    """The nearer layer over a background float32 [3, h, w] in linear light."""
    height, width = background.shape[-2:]
    radius = math.sqrt(settings.share / math.pi)
    ellipse = (0.0, 0.0, radius * width, radius * height)
    coverage = _ellipse(height, width, ellipse, settings.edge_px * scale)
    no_offset = torch.zeros(frames, 2, dtype=torch.float64)
    return _cut_out(background.flip(-1), coverage, settings.factor, no_offset)


def object_layer(
    settings: MovingObject,
    background: Tensor,
    frames: int,
    scale: int,
    size: tuple[int, int],
    generator: torch.Generator,
    picture: Tensor | None = None,
) -> Layer:
    """The moving object over a background.

    Args:
        settings: the object.
        background: float32 [3, h, w], linear light.
        frames: number of frames.
        scale: scene pixels per sensor pixel.
        size: height and width of a frame.
        generator: source of random numbers.
        picture: float32 [3, …, …] in linear light, at least as large as the background, that the
            object shows; the background turned by 180° by default.

    Raises:
        PictureError: if the object, moved, does not fit into the frame, or its picture is too
            small.
    """
    height, width = background.shape[-2:]
    if picture is None:
        picture = background.flip((-2, -1))
    if picture.shape[-2] < height or picture.shape[-1] < width:
        raise PictureError(
            f"the object's picture of {picture.shape[-1]}×{picture.shape[-2]} px is smaller than "
            f"the photograph of {width}×{height} px; give a larger one"
        )
    radius = math.sqrt(settings.share * size[0] * size[1] / math.pi)
    room = [side / 2 - radius - settings.edge_px - settings.shift_px for side in size]
    if min(room) < 0:
        raise PictureError(
            f"an object of {settings.share:g} of a frame of {size[1]}×{size[0]} px that moves by "
            f"{settings.shift_px:g} px does not stay inside; make it smaller or move it less"
        )
    draws = 2 * torch.rand(2, generator=generator, dtype=torch.float64) - 1
    home = (float(draws[0]) * room[1] * scale, float(draws[1]) * room[0] * scale)
    order = 1 + torch.randperm(max(frames - 1, 0), generator=generator)
    moved = order[: round(settings.moved_share * frames)]
    angles = 2 * math.pi * torch.rand(frames, generator=generator, dtype=torch.float64)
    offsets = torch.zeros(frames, 2, dtype=torch.float64)
    offsets[moved] = settings.shift_px * torch.stack((angles.cos(), angles.sin()), -1)[moved]
    coverage = _ellipse(height, width, (*home, *2 * (radius * scale,)), settings.edge_px * scale)
    return _cut_out(picture[:, :height, :width], coverage, 1.0, offsets)


def _ellipse(
    height: int, width: int, ellipse: tuple[float, float, float, float], edge: float
) -> Tensor:
    """Coverage [height, width] of an ellipse (x, y, radius in x, in y): ½ on it, soft across it."""
    x, y, across, down = ellipse
    grid = centered_grid(height, width, like=torch.zeros((), dtype=torch.float64))
    away = grid - grid.new_tensor([x, y])
    radius = (away / away.new_tensor([across, down])).norm(dim=-1)
    # To first order the distance from the ellipse is (radius − 1) over the gradient of radius.
    gradient = (away / away.new_tensor([across**2, down**2])).norm(dim=-1) / radius.clamp_min(1e-9)
    inside = 0.5 - (radius - 1) / gradient.clamp_min(1e-9) / edge
    inside = inside.clamp(0, 1)
    coverage: Tensor = inside * inside * (3 - 2 * inside)
    return coverage.float()


def _cut_out(picture: Tensor, coverage: Tensor, factor: float, offsets_px: Tensor) -> Layer:
    return Layer(torch.cat((picture * coverage, coverage[None])), factor, offsets_px)


def _check(holds: bool, message: str) -> None:
    if not holds:
        raise InputError(message)
