"""Inputs to compare models on: pictures where there are any, and patterns that show mistakes."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from edge_sdk.data.probes.calibration import read_calibration
from edge_sdk.data.probes.examples import PHOTOS, example_photo
from edge_sdk.data.probes.own_tensors import is_tensor_file, read_tensors
from edge_sdk.data.probes.seen import seeing
from edge_sdk.data.samples.model_inputs import ModelInputs
from edge_sdk.errors import InputError, MissingExtraError
from edge_sdk.exported import Example, as_inputs, one_or_all
from edge_sdk.imaging import resize_bicubic, rgb_to_ycbcr, to_levels
from edge_sdk.models.normalization import Normalization
from edge_sdk.models.spec import Color, PictureSpec

SAMPLES = 12
SEED = 1


def patterns(example: Tensor, seed: int = SEED) -> tuple[Tensor, ...]:
    """Noise, a ramp and edges of an input's shape, float32 in [0, 1]: all values, all borders."""
    height, width = (1, *example.shape)[-2:]
    noise = torch.rand(example.shape, generator=torch.Generator().manual_seed(seed))
    ramp = torch.linspace(0, 1, width).expand(height, width)
    if height > 1:
        ramp = ramp * torch.linspace(0, 1, height)[:, None]
    edges = ((torch.arange(height)[:, None] // 5 + torch.arange(width) // 7) % 2).float()
    shape = example.shape if example.ndim > 1 else (1, *example.shape)
    return noise, *(each.expand(shape).reshape(example.shape).clone() for each in (ramp, edges))


def joint_patterns(example: Example) -> tuple[Example, ...]:
    """:func:`patterns` of all inputs of a model; noise of one input is not that of another."""
    each = [patterns(tensor, SEED + index) for index, tensor in enumerate(as_inputs(example))]
    return tuple(map(one_or_all, zip(*each, strict=True)))


def probe_pictures(
    example: Example,
    spec: PictureSpec | None,
    folder: Path | None,
    normalization: Normalization | None = None,
) -> ModelInputs:
    """Twelve crops of pictures of an input's shape, in 8-bit levels.

    They are noisy for a denoising model and degraded for a restoration model. Of a file of tensors
    all samples are taken as they are.

    Args:
        example: an input of the model, 1×C×H×W; of other shapes, or one tensor for each of several
            inputs, there are patterns alone.
        spec: what the model does to pictures, if it says so.
        folder: pictures, or a file of tensors; ``None`` for the photographs that scikit-image
            ships, at half size.
        normalization: what values in [0, 1] are put through; ``None`` for nothing.

    Returns:
        The crops; patterns if no folder is given and a model takes no picture, the crops would be
        larger than the photographs, or scikit-image is not installed, which ``source`` says.

    Raises:
        InputError: if the folder holds no picture, or the model takes none.
        PictureError: if a picture cannot be read or is smaller than the input.

    Example:
        >>> from pathlib import Path
        >>> import torch
        >>> from edge_sdk import Picture, load_model, write_picture
        >>> from edge_sdk.data import probe_pictures
        >>> Path("photos").mkdir()
        >>> written = write_picture(Picture(torch.rand(3, 48, 64)), "photos/0.png")
        >>> spec = load_model("sr_x2_y").spec
        >>> probes = probe_pictures(torch.rand(1, 1, 16, 16), spec, Path("photos"))
        >>> len(probes.tensors), probes.tensors[0].shape
        (12, torch.Size([1, 1, 16, 16]))
    """
    if folder is not None and is_tensor_file(folder):
        samples = read_tensors(folder, example, normalization)
        return ModelInputs(samples, f"{len(samples)} samples of {folder}")
    one, *others = as_inputs(example)
    if others:
        if folder is not None:
            raise InputError(
                "a folder of pictures feeds a model of one input; give a .npz or .safetensors file "
                "with an array for each, input_0, input_1 and so on"
            )
        return ModelInputs(joint_patterns(example), "noise, a ramp and edges for each input")
    if folder is not None:
        # Other draws than calibration's, so that the same folder gives other crops.
        found = read_calibration(folder, one, spec, SAMPLES, seed=SEED, normalization=normalization)
        return ModelInputs(found.calibration, found.source)
    try:
        crops = _photograph_crops(one, spec)
    except (InputError, MissingExtraError) as error:
        return ModelInputs(patterns(one), f"noise, a ramp and edges ({error})")
    if normalization is not None:
        crops = tuple(map(normalization.applied, crops))
    return ModelInputs(crops, f"{len(crops)} crops of {', '.join(PHOTOS)} at half size")


def _photograph_crops(example: Tensor, spec: PictureSpec | None) -> tuple[Tensor, ...]:
    if example.ndim != 4 or example.shape[0] != 1 or example.shape[1] not in (1, 3):
        raise InputError("the model takes no pictures")
    height, width = int(example.shape[2]), int(example.shape[3])
    luma = spec.color is Color.Y if spec is not None else example.shape[1] == 1
    worse = seeing(spec)
    generator = torch.Generator().manual_seed(SEED)
    crops = []
    for name in PHOTOS:
        rgb = example_photo(name)
        pixels = rgb_to_ycbcr(rgb)[:1] if luma else rgb
        sides = (pixels.shape[1] // 2, pixels.shape[2] // 2)
        if sides[0] < height or sides[1] < width:
            raise InputError("scikit-image's photographs, at half size, are smaller than the input")
        levels = to_levels(resize_bicubic(pixels, size=sides)).float() / 255
        for _ in range(SAMPLES // len(PHOTOS)):
            top = int(torch.randint(sides[0] - height + 1, (1,), generator=generator))
            left = int(torch.randint(sides[1] - width + 1, (1,), generator=generator))
            crop = levels[None, :, top : top + height, left : left + width].clone()
            crops.append(crop if worse is None else worse(crop, generator))
    return tuple(crops)
