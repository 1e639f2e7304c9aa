"""Pictures as inputs of a model: in its color, cut to sizes that it takes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from edge_sdk.data.samples.patches import list_pictures
from edge_sdk.errors import InputError, PictureError
from edge_sdk.exported import Example
from edge_sdk.imaging import read_picture, rgb_to_ycbcr
from edge_sdk.models.spec import Color, PictureSpec

LARGEST_SIDE_PX = 512
MAX_PICTURES = 64


@dataclass(frozen=True)
class ModelInputs:
    """Inputs of a model and where they came from.

    Attributes:
        tensors: float32 [1, C, H, W] in [0, 1] each; for a model of several inputs, tuples of one
            tensor for each.
        source: for people: what they are, and what was cut or left out.

    Example:
        >>> import torch
        >>> from edge_sdk.data import ModelInputs
        >>> inputs = ModelInputs((torch.rand(1, 3, 16, 16),), "seeded noise")
        >>> len(inputs.tensors), inputs.source
        (1, 'seeded noise')
    """

    tensors: tuple[Example, ...]
    source: str


def picture_inputs(folder: Path, example: Tensor, spec: PictureSpec | None) -> ModelInputs:
    """Read the pictures of a folder as a model takes them.

    Of at most 64 pictures, the first by name, the middle is kept: at most 512 px in each direction
    where a model says by its spec that it takes any size, else exactly the size of ``example``.
    One channel is luma (BT.601, studio swing), three are sRGB.

    Args:
        folder: searched recursively.
        example: an input of the model, N×C×H×W.
        spec: what the model does to pictures, if it says so.

    Raises:
        InputError: if the folder is missing or holds no picture, or the model takes other than
            pictures of one or three channels.
        PictureError: if a picture cannot be read or is smaller than the model's input.

    Example:
        >>> from pathlib import Path
        >>> import torch
        >>> from edge_sdk import Picture, load_model, write_picture
        >>> from edge_sdk.data import picture_inputs
        >>> Path("photos").mkdir()
        >>> written = write_picture(Picture(torch.rand(3, 48, 64)), "photos/0.png")
        >>> spec = load_model("sr_x2_y").spec
        >>> inputs = picture_inputs(Path("photos"), torch.rand(1, 1, 48, 64), spec)
        >>> inputs.tensors[0].shape
        torch.Size([1, 1, 48, 64])
    """
    if example.ndim != 4 or example.shape[1] not in (1, 3):
        sides = "×".join(str(side) for side in example.shape)
        raise InputError(
            f"the model takes {sides}; pictures have 1 channel (luma) or 3 (RGB), so leave "
            "--pictures out"
        )
    paths = list_pictures(folder)
    luma = spec.color is Color.Y if spec is not None else example.shape[1] == 1
    tensors = tuple(
        _middle(picture_channels(path, luma), example, spec, path) for path in paths[:MAX_PICTURES]
    )
    left_out = f" (the first of {len(paths)})" if len(paths) > MAX_PICTURES else ""
    size = (
        f"at most {LARGEST_SIDE_PX}×{LARGEST_SIDE_PX} px"
        if spec is not None
        else f"{example.shape[3]}×{example.shape[2]} px"
    )
    plural = "s" if len(tensors) > 1 else ""
    color = "luma" if luma else "RGB in [0, 1]"
    return ModelInputs(
        tensors,
        f"{len(tensors)} picture{plural} of {folder}{left_out}, {color}, the middle {size}",
    )


def picture_channels(path: Path, luma: bool) -> Tensor:
    """Read a picture as luma (BT.601, studio swing) or sRGB, float32 [C, H, W] in [0, 1]."""
    rgb = read_picture(path).pixels
    return rgb_to_ycbcr(rgb)[:1] if luma else rgb


def _middle(pixels: Tensor, example: Tensor, spec: PictureSpec | None, path: Path) -> Tensor:
    height, width = pixels.shape[-2:]
    if spec is None:
        rows, columns = int(example.shape[2]), int(example.shape[3])
    else:
        rows, columns = (
            min(side, LARGEST_SIDE_PX) // spec.size_multiple * spec.size_multiple
            for side in (height, width)
        )
    if not (0 < rows <= height and 0 < columns <= width):
        least = f"{max(columns, 1)}×{max(rows, 1)}" if spec is None else f"{spec.size_multiple} px"
        raise PictureError(
            f"{path}: {width}×{height} px is smaller than the model's input ({least}); leave it out"
        )
    top, left = (height - rows) // 2, (width - columns) // 2
    return pixels[None, :, top : top + rows, left : left + columns].float()
