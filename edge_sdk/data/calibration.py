"""Pictures to choose int8 ranges by: seeded cuts of the size of a model's input."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from edge_sdk.data.model_inputs import picture_channels
from edge_sdk.data.patches import list_pictures
from edge_sdk.errors import InputError, PictureError
from edge_sdk.imaging import resize_bicubic, to_levels
from edge_sdk.models.spec import Colour, ModelSpec

CUTS = 128
APART = 4
"""One picture in four is kept apart, if there are that many."""


@dataclass(frozen=True, eq=False)
class Calibration:
    """Inputs of a model, cut from pictures in 8-bit levels as a camera hands them over.

    Attributes:
        calibration: float32 [1, C, H, W] in [0, 1] each.
        held_out: likewise, from pictures that are not in ``calibration`` where there are four
            pictures or more.
        source: for people: where they come from.
    """

    calibration: tuple[Tensor, ...]
    held_out: tuple[Tensor, ...]
    source: str


def read_calibration(
    folder: Path,
    example: Tensor,
    spec: ModelSpec | None,
    count: int = CUTS,
    *,
    shrink: float = 1.0,
    seed: int = 0,
) -> Calibration:
    """Cut a folder's pictures into inputs of a model.

    The pictures take turns, in an order drawn by the seed; so does the place of each cut.

    Args:
        folder: searched recursively; give pictures like those that the model will see.
        example: an input of the model, 1×C×H×W; its size is that of the cuts.
        spec: what the model does to pictures, if it says so.
        count: number of cuts to calibrate with; a quarter as many are kept apart.
        shrink: factor in (0, 1] by which each picture is reduced first: 1/2 makes of a photograph
            what a ×2 model sees of it in tests.
        seed: seed of all draws.

    Raises:
        InputError: if the folder is missing or holds no picture, or the model takes other than one
            picture of one or three channels.
        PictureError: if a picture cannot be read or is smaller than the model's input.
    """
    if example.ndim != 4 or example.shape[0] != 1 or example.shape[1] not in (1, 3):
        sides = "×".join(str(side) for side in example.shape)
        raise InputError(
            f"the model takes {sides}; calibration by a folder of pictures needs 1×1×H×W (luma) or "
            "1×3×H×W (RGB), so calibrate it from Python"
        )
    luma = spec.colour is Colour.Y if spec is not None else example.shape[1] == 1
    paths = list_pictures(folder)
    generator = torch.Generator().manual_seed(seed)
    shuffled = [paths[i] for i in torch.randperm(len(paths), generator=generator).tolist()]
    apart = len(shuffled) // APART
    kept, others = shuffled[apart:], shuffled[:apart] or shuffled
    size = (int(example.shape[2]), int(example.shape[3]))
    calibration = _cuts(kept, size, luma, count, shrink, generator)
    held_out = _cuts(others, size, luma, max(count // APART, 1), shrink, generator)
    note = "" if apart else "; too few pictures to keep some apart, so figures are theirs"
    return Calibration(
        calibration,
        held_out,
        f"{len(calibration)} cuts of {len(kept)} of the {len(paths)} pictures in {folder}{note}",
    )


def _cuts(
    paths: Sequence[Path],
    size: tuple[int, int],
    luma: bool,
    count: int,
    shrink: float,
    generator: torch.Generator,
) -> tuple[Tensor, ...]:
    height, width = size
    cuts = []
    for place, path in enumerate(paths):
        share = count // len(paths) + (place < count % len(paths))
        if share == 0:
            break
        pixels = picture_channels(path, luma)
        if shrink < 1:
            sides = [max(1, round(side * shrink)) for side in pixels.shape[-2:]]
            pixels = resize_bicubic(pixels, size=(sides[0], sides[1]))
        levels = to_levels(pixels).float() / 255
        rows, columns = levels.shape[-2:]
        if rows < height or columns < width:
            raise PictureError(
                f"{path}: {columns}×{rows} px is smaller than the model's input "
                f"({width}×{height} px); leave it out, or choose a smaller --size"
            )
        for _ in range(share):
            top = int(torch.randint(rows - height + 1, (1,), generator=generator))
            left = int(torch.randint(columns - width + 1, (1,), generator=generator))
            cuts.append(levels[None, :, top : top + height, left : left + width].clone())
    return tuple(cuts)
