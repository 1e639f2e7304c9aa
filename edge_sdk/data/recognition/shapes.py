"""Drawn shapes in four classes: a set to try a training on, or to measure one by."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from edge_sdk.errors import InputError
from edge_sdk.imaging import Picture, write_picture

Shape = Literal["cross", "disk", "square", "triangle"]
SHAPES: tuple[Shape, ...] = get_args(Shape)
"""Classes, in the order of the alphabet."""
BRIGHTEST_GROUND = 0.45
"""Colors of the ground are drawn up to this, and those of a shape from as far below 1."""


def draw_shape(
    shape: Shape, side_px: int, generator: np.random.Generator, noise_std: float = 0.05
) -> Tensor:
    """One shape at a random place, of a random size, angle and color on a darker ground.

    Its reach (half of its largest extent) is 0.15 to 0.35 of the picture's side, and it lies wholly
    inside.

    Args:
        shape: what is drawn.
        side_px: height and width of the picture.
        generator: of all draws.
        noise_std: standard deviation of Gaussian noise in every pixel and color, in [0, 1].

    Returns:
        Float32 [3, side, side], sRGB in [0, 1].

    Raises:
        InputError: if the shape is unknown, the picture smaller than 8 px, or the noise negative.

    Example:
        >>> import numpy as np
        >>> from edge_sdk.data.recognition.shapes import draw_shape
        >>> draw_shape("disk", 32, np.random.default_rng(0)).shape
        torch.Size([3, 32, 32])
    """
    if shape not in SHAPES or side_px < 8 or noise_std < 0:
        raise InputError(
            f"shape '{shape}' of {side_px} px with noise {noise_std:g}: give one of "
            f"{', '.join(SHAPES)}, 8 px or more, and noise of 0 or more"
        )
    reach = side_px * generator.uniform(0.15, 0.35)
    middle_y, middle_x = generator.uniform(reach, side_px - 1 - reach, 2)
    angle = generator.uniform(0, 2 * np.pi)
    rows, columns = np.mgrid[:side_px, :side_px] - np.array([middle_y, middle_x])[:, None, None]
    x = columns * np.cos(angle) - rows * np.sin(angle)
    y = columns * np.sin(angle) + rows * np.cos(angle)
    cover = np.clip(_depth(shape, x, y, reach) + 0.5, 0, 1)
    ground, color = (
        generator.uniform(0, BRIGHTEST_GROUND, 3),
        generator.uniform(1 - BRIGHTEST_GROUND, 1, 3),
    )
    picture = ground[:, None, None] + (color - ground)[:, None, None] * cover
    picture += generator.normal(0, noise_std, picture.shape)
    return torch.from_numpy(np.clip(picture, 0, 1).astype(np.float32))


def _depth(
    shape: Shape, x: NDArray[np.float64], y: NDArray[np.float64], reach: float
) -> NDArray[np.float64]:
    """How deep a pixel lies inside the shape, about in pixels; negative outside."""
    if shape == "disk":
        return np.asarray(reach - np.hypot(x, y))
    if shape == "square":
        return np.asarray(reach / np.sqrt(2) - np.maximum(np.abs(x), np.abs(y)))
    if shape == "triangle":
        sides = [x * np.cos(turn) + y * np.sin(turn) for turn in (0, 2 * np.pi / 3, 4 * np.pi / 3)]
        return np.asarray(reach / 2 - np.max(sides, axis=0))
    bar, thin = reach * 0.95, reach * 0.3
    across = np.minimum(bar - np.abs(x), thin - np.abs(y))
    return np.maximum(across, np.minimum(thin - np.abs(x), bar - np.abs(y)))


def write_shapes(
    folder: Path | str, per_class: int, side_px: int = 48, seed: int = 0, noise_std: float = 0.05
) -> None:
    """Write a folder of PNG files for each of :data:`SHAPES`.

    Args:
        folder: created if missing.
        per_class: number of pictures of each class.
        side_px: their height and width.
        seed: of all draws; another gives other pictures.
        noise_std: as of :func:`draw_shape`.

    Raises:
        InputError: as :func:`draw_shape` does.
        OutputError: if a picture cannot be written.

    Example:
        >>> from pathlib import Path
        >>> from edge_sdk.data.recognition.shapes import write_shapes
        >>> write_shapes("shapes", per_class=2)
        >>> sorted(path.name for path in Path("shapes").iterdir())
        ['cross', 'disk', 'square', 'triangle']
    """
    for number, shape in enumerate(SHAPES):
        place = Path(folder) / shape
        place.mkdir(parents=True, exist_ok=True)
        for index in range(per_class):
            generator = np.random.default_rng((seed, number, index))
            picture = Picture(draw_shape(shape, side_px, generator, noise_std))
            write_picture(picture, place / f"{index:04d}.png")
