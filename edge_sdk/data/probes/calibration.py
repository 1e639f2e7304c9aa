"""Pictures to choose int8 ranges by: seeded crops of the size of a model's input."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from edge_sdk.data.probes.own_tensors import is_tensor_file, read_tensors
from edge_sdk.data.probes.seen import Seeing, seeing, words_of
from edge_sdk.data.recognition.regions import RegionRange
from edge_sdk.data.samples.model_inputs import picture_channels
from edge_sdk.data.samples.patches import list_pictures, picture_pair
from edge_sdk.errors import InputError, PictureError
from edge_sdk.exported import Example, as_inputs, one_or_all
from edge_sdk.imaging import resize_bicubic, to_levels
from edge_sdk.models.normalization import Normalization
from edge_sdk.models.spec import Color, PictureSpec

SAMPLES = 128
HELD_OUT_EVERY = 4
"""One picture in four is held out, if there are that many."""


@dataclass(frozen=True, eq=False)
class Calibration:
    """Inputs of a model, cut from pictures in 8-bit levels as a camera hands them over.

    Those of a denoising model have noise of 0 to 50 levels and those of a restoration model are
    degraded by the recipe ``document``, since that is what it will see.

    Attributes:
        calibration: float32 [1, C, H, W] each, in [0, 1] before any normalization; of a model of
            several inputs, tuples of one tensor for each.
        held_out: likewise, from pictures that are not in ``calibration`` where there are four
            pictures or more.
        source: for people: where they come from.
        truths: what the model should return for each of ``calibration``, float32
            [1, C, scale·H, scale·W]; empty if that was not requested.
        held_out_truths: likewise for ``held_out``.
        noise_levels: least and greatest noise of the bursts that they come from, in 8-bit levels;
            ``None`` for pictures.

    Example:
        >>> import torch
        >>> from edge_sdk.data import Calibration
        >>> samples = tuple(torch.rand(1, 1, 16, 16) for _ in range(4))
        >>> Calibration(samples[:3], samples[3:], "4 samples of noise").source
        '4 samples of noise'
    """

    calibration: tuple[Example, ...]
    held_out: tuple[Example, ...]
    source: str
    truths: tuple[Tensor, ...] = ()
    held_out_truths: tuple[Tensor, ...] = ()
    noise_levels: tuple[float, float] | None = None


def read_calibration(
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
    """Cut a folder's pictures into inputs of a model, or read inputs from a file of tensors.

    The pictures take turns, in an order drawn by the seed; so does the place of each crop.

    Args:
        folder: searched recursively; give pictures like those that the model will see. Or a file as
            :func:`~edge_sdk.data.probes.own_tensors.read_tensors` takes it, for models of other
            inputs.
        example: an input of the model, 1×C×H×W; its size is that of the crops.
        spec: what the model does to pictures, if it says so.
        count: number of crops to calibrate with; a quarter as many are held out.
        resize_factor: factor in (0, 1] by which each picture is reduced first: 1/2 makes of a
            photograph what a ×2 model sees of it in tests.
        truth: the pictures are what the model should return, and are kept beside the crops, which
            are reduced by the scale of a super-resolution model.
        seed: seed of all draws.
        normalization: what values in [0, 1] are put through; ``None`` for nothing.
        previews: regions of the pictures are resized to the input, the middle of each first, as a
            model that tells classes apart is trained on them, instead of crops of its size.

    Raises:
        InputError: if the folder is missing or holds no picture, the model takes other than one
            picture of one or three channels, or the truth is requested of another task; or if the
            file holds other tensors than the model takes.
        PictureError: if a picture cannot be read or is smaller than the model's input.

    Example:
        >>> from pathlib import Path
        >>> import torch
        >>> from edge_sdk import Picture, load_model, write_picture
        >>> from edge_sdk.data import read_calibration
        >>> Path("photos").mkdir()
        >>> for index in range(4):
        ...     written = write_picture(Picture(torch.rand(3, 48, 64)), f"photos/{index}.png")
        >>> spec = load_model("sr_x2_y").spec
        >>> found = read_calibration(Path("photos"), torch.rand(1, 1, 16, 16), spec, count=8)
        >>> len(found.calibration), found.calibration[0].shape, len(found.held_out) > 0
        (8, torch.Size([1, 1, 16, 16]), True)
    """
    worse = seeing(spec)
    if truth and worse is None and (spec is None or spec.scale < 2):
        raise InputError(
            "pictures are the truth of super-resolution, denoising and restoration alone; leave "
            "the truth out"
        )
    example = one_or_all(as_inputs(example))
    if is_tensor_file(folder):
        return _of_tensors(folder, example, count, truth, seed, normalization, resize_factor)
    if not isinstance(example, Tensor):
        raise InputError(
            f"the model takes {len(example)} inputs; calibrate it by a .npz or .safetensors file "
            "with an array for each, input_0, input_1 and so on"
        )
    if example.ndim != 4 or example.shape[0] != 1 or example.shape[1] not in (1, 3):
        sides = "×".join(str(side) for side in example.shape)
        raise InputError(
            f"the model takes {sides}; calibration by a folder of pictures needs 1×1×H×W (luma) or "
            "1×3×H×W (RGB), so give a .npy, .npz or .safetensors file of inputs"
        )
    luma = spec.color is Color.Y if spec is not None else example.shape[1] == 1
    scale = spec.scale if truth and spec is not None else 1
    paths = list_pictures(folder)
    generator = torch.Generator().manual_seed(seed)
    kept, others = held_out_split(paths, generator)
    size = (int(example.shape[2]), int(example.shape[3]))
    reader = _Reader(luma, resize_factor, scale, worse, normalization, previews)
    calibration, truths = _crops(kept, size, reader, count, generator)
    held_out, held_out_truths = _crops(
        others, size, reader, max(count // HELD_OUT_EVERY, 1), generator
    )
    used = f"{len(calibration)} crops of {len(kept)} of the {len(paths)} pictures in {folder}"
    note = (
        ""
        if len(paths) >= HELD_OUT_EVERY
        else "; too few pictures to hold some out, so figures are theirs"
    )
    return Calibration(
        calibration,
        held_out,
        used + words_of(spec) + note,
        truths if truth else (),
        held_out_truths if truth else (),
    )


def _of_tensors(
    path: Path,
    example: Example,
    count: int,
    truth: bool,
    seed: int,
    normalization: Normalization | None,
    resize_factor: float,
) -> Calibration:
    if truth:
        raise InputError(f"{path}: tensors have no truth beside them; leave the truth out")
    if resize_factor < 1:
        raise InputError(f"{path}: tensors are not resized; leave the resize factor out")
    samples = read_tensors(path, example, normalization)
    order = torch.randperm(len(samples), generator=torch.Generator().manual_seed(seed)).tolist()
    held_out = [samples[index] for index in order[: min(len(order), count) // HELD_OUT_EVERY]]
    kept = [samples[index] for index in order[len(held_out) :]][:count]
    note = "" if held_out else "; too few to hold some out, so figures are theirs"
    return Calibration(
        tuple(kept), tuple(held_out) or tuple(kept), f"{len(kept)} samples of {path}{note}"
    )


def held_out_split(
    paths: Sequence[Path], generator: torch.Generator
) -> tuple[list[Path], list[Path]]:
    """Pictures to calibrate with, and one in :data:`HELD_OUT_EVERY` to measure with, shuffled.

    Fewer pictures than that serve as both.
    """
    shuffled = [paths[i] for i in torch.randperm(len(paths), generator=generator).tolist()]
    held_out = len(shuffled) // HELD_OUT_EVERY
    return shuffled[held_out:], shuffled[:held_out] or shuffled


@dataclass(frozen=True)
class _Reader:
    luma: bool
    resize_factor: float
    scale: int
    worse: Seeing | None
    normalization: Normalization | None
    previews: bool = False

    def fed(self, crop: Tensor) -> Tensor:
        """A crop as the model gets it."""
        return crop if self.normalization is None else self.normalization.applied(crop)

    def read(self, path: Path) -> tuple[Tensor, Tensor | None]:
        """A picture as the model sees it, 8-bit levels in [0, 1], and as it should return it."""
        if self.scale > 1:
            color = Color.Y if self.luma else Color.RGB
            pair = picture_pair(path, self.scale, color, self.resize_factor)
            return pair.low.float() / 255, pair.high.float() / 255
        pixels = picture_channels(path, self.luma)
        if self.resize_factor < 1:
            sides = [max(1, round(side * self.resize_factor)) for side in pixels.shape[-2:]]
            pixels = resize_bicubic(pixels, size=(sides[0], sides[1]))
        return to_levels(pixels).float() / 255, None


def _crops(
    paths: Sequence[Path],
    size: tuple[int, int],
    reader: _Reader,
    count: int,
    generator: torch.Generator,
) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
    height, width = size
    crops: list[Tensor] = []
    truths: list[Tensor] = []
    for place, path in enumerate(paths):
        share = count // len(paths) + (place < count % len(paths))
        if share == 0:
            break
        low, high = reader.read(path)
        if reader.previews:
            crops += map(reader.fed, _previews(low, size, share, str(path), generator))
            continue
        rows, columns = low.shape[-2:]
        if rows < height or columns < width:
            raise PictureError(
                f"{path}: {columns}×{rows} px is smaller than the model's input "
                f"({width}×{height} px); leave it out, or choose a smaller --size"
            )
        for _ in range(share):
            top = int(torch.randint(rows - height + 1, (1,), generator=generator))
            left = int(torch.randint(columns - width + 1, (1,), generator=generator))
            crop = low[None, :, top : top + height, left : left + width].clone()
            crops.append(reader.fed(reader.worse(crop, generator) if reader.worse else crop))
            if reader.worse:
                truths.append(crop)
            elif high is not None:
                k = reader.scale
                truths.append(
                    high[
                        None, :, k * top : k * (top + height), k * left : k * (left + width)
                    ].clone()
                )
    return tuple(crops), tuple(truths)


def _previews(
    picture: Tensor, size: tuple[int, int], count: int, name: str, generator: torch.Generator
) -> list[Tensor]:
    """The middle of a picture and regions that training draws, resized; 8-bit levels in [0, 1]."""
    ranges, (rows, columns) = RegionRange(), picture.shape[-2:]
    ranges.check(rows, columns, name)
    draws = np.random.default_rng(int(torch.randint(2**31, (1,), generator=generator)))
    regions = [ranges.whole(rows, columns)]
    regions += [ranges.draw(rows, columns, draws) for _ in range(count - 1)]
    seen = (
        picture[:, each.top : each.top + each.height, each.left : each.left + each.width]
        for each in regions
    )
    return [to_levels(resize_bicubic(each, size=size)).float()[None] / 255 for each in seen]
