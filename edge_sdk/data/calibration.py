"""Pictures to choose int8 ranges by: seeded cuts of the size of a model's input."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from edge_sdk.data.model_inputs import ModelInputs, picture_channels
from edge_sdk.data.patches import list_pictures
from edge_sdk.errors import InputError, PictureError
from edge_sdk.imaging import to_levels
from edge_sdk.models.spec import Colour, ModelSpec

CUTS = 128


def calibration_inputs(
    folder: Path, example: Tensor, spec: ModelSpec | None, count: int = CUTS, seed: int = 0
) -> ModelInputs:
    """Cut a folder's pictures into inputs of a model, in 8-bit levels as a camera hands over.

    The pictures take turns, in an order drawn by the seed; so does the place of each cut.

    Args:
        folder: searched recursively; give pictures like those that the model will see.
        example: an input of the model, 1×C×H×W; its size is that of the cuts.
        spec: what the model does to pictures, if it says so.
        count: number of cuts.
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
    height, width = int(example.shape[2]), int(example.shape[3])
    luma = spec.colour is Colour.Y if spec is not None else example.shape[1] == 1
    paths = list_pictures(folder)
    generator = torch.Generator().manual_seed(seed)
    order = torch.randperm(len(paths), generator=generator).tolist()
    per_picture = [
        count // len(paths) + (place < count % len(paths)) for place in range(len(paths))
    ]
    cuts: list[Tensor] = []
    for place, index in enumerate(order):
        if per_picture[place] == 0:
            break
        levels = to_levels(picture_channels(paths[index], luma)).float() / 255
        rows, columns = levels.shape[-2:]
        if rows < height or columns < width:
            raise PictureError(
                f"{paths[index]}: {columns}×{rows} px is smaller than the model's input "
                f"({width}×{height} px); leave it out, or choose a smaller --size"
            )
        for _ in range(per_picture[place]):
            top = int(torch.randint(rows - height + 1, (1,), generator=generator))
            left = int(torch.randint(columns - width + 1, (1,), generator=generator))
            cuts.append(levels[None, :, top : top + height, left : left + width].clone())
    colour = "luma" if luma else "RGB"
    return ModelInputs(
        tuple(cuts), f"{len(cuts)} cuts of {min(len(paths), count)} pictures of {folder}, {colour}"
    )
