"""Samples of labelled pictures: cut, resized, flipped, turned, with other attributes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from edge_sdk.data.recognition.attributes import with_attributes
from edge_sdk.data.recognition.pictures import LabelledPicture, LabelledPictures
from edge_sdk.data.recognition.regions import Bounds, RegionRange
from edge_sdk.data.recognition.turning import turned
from edge_sdk.errors import InputError
from edge_sdk.imaging import Rectangle, resize_bicubic
from edge_sdk.models.normalization import Normalization


@dataclass(frozen=True)
class SampleRange:
    """How samples are drawn of pictures; a probability of 0 switches its step off.

    By default samples are cut and flipped, and nothing more: interpolation blurs and a factor
    changes contrast, by which a classifier of quality judges.

    Attributes:
        regions: what is cut, before it is resized.
        flip_share: probability of being flipped left to right.
        turn_share: probability of being turned.
        turn_deg: least and greatest angle, in degrees, counterclockwise.
        attribute_share: probability of other attributes.
        brightness: least and greatest factor.
        contrast: likewise.
        saturation: likewise.

    Raises:
        InputError: if a probability is not in [0, 1], all three are 0 (claim 12 wants one at
            least), or a range is not in order or out of bounds.

    Example:
        >>> from edge_sdk.data.recognition.samples import SampleRange
        >>> SampleRange(flip_share=0.0)
        Traceback (most recent call last):
        edge_sdk.errors.InputError: flip_share, turn_share and attribute_share are all 0; raise \
one of them (claim 12)
    """

    regions: RegionRange = field(default_factory=RegionRange)
    flip_share: float = 0.5
    turn_share: float = 0.0
    turn_deg: Bounds = (-10.0, 10.0)
    attribute_share: float = 0.0
    brightness: Bounds = (0.8, 1.25)
    contrast: Bounds = (0.8, 1.25)
    saturation: Bounds = (0.8, 1.25)

    def __post_init__(self) -> None:
        for name in ("flip_share", "turn_share", "attribute_share"):
            if not 0 <= getattr(self, name) <= 1:
                raise InputError(f"{name} {getattr(self, name):g}: give a probability in [0, 1]")
        if not any((self.flip_share, self.turn_share, self.attribute_share)):
            raise InputError(
                "flip_share, turn_share and attribute_share are all 0; raise one of them (claim 12)"
            )
        if not -180 <= self.turn_deg[0] <= self.turn_deg[1] <= 180:
            raise InputError(f"turn_deg {self.turn_deg}: give two angles in order, -180 to 180")
        for name in ("brightness", "contrast", "saturation"):
            low, high = getattr(self, name)
            if not 0 <= low <= high < np.inf:
                raise InputError(f"{name} {low:g}, {high:g}: give two factors in order, 0 or more")


class RecognitionSamples(Dataset[tuple[Tensor, Tensor]]):
    """Samples drawn of pictures, one per index; the same index and seed give the same sample.

    Args:
        source: the pictures.
        ranges: how samples are drawn.
        side_px: height and width of a sample.
        length: number of indices.
        seed: seed of all draws.
        normalization: what is done to the values at last.
        by_class: draw the class first, each as likely as another, and then one of its pictures;
            else every picture is as likely as another.

    Attributes:
        left_out: of every picture that could not be read the reason.

    Raises:
        InputError: if there is no picture, or a number is out of its range.
        PictureError: if a picture is smaller than a cut.
    """

    def __init__(
        self,
        source: LabelledPictures,
        ranges: SampleRange,
        side_px: int,
        length: int,
        seed: int,
        normalization: Normalization | None = None,
        *,
        by_class: bool = True,
    ) -> None:
        if not source.pictures or side_px < 2 or length < 0 or seed < 0:
            raise InputError(
                f"{len(source.pictures)} pictures, samples of {side_px} px, length {length}, seed "
                f"{seed}: give a picture or more, 2 px or more, and no negative number"
            )
        check_regions(source.pictures, ranges.regions)
        self.left_out = source.left_out
        self._ranges = ranges
        self._side_px = side_px
        self._length = length
        self._seed = seed
        self._normalization = normalization
        labels = sorted({picture.label for picture in source.pictures})
        self._groups = (
            [[each for each in source.pictures if each.label == label] for label in labels]
            if by_class
            else [list(source.pictures)]
        )

    def __len__(self) -> int:
        """Number of samples."""
        return self._length

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        """Sample ``index``: float32 [3, side, side] and its class, int64 []."""
        if not 0 <= index < self._length:
            raise IndexError(f"index {index} is not in 0 … {self._length - 1}")
        generator = np.random.default_rng((self._seed, index))
        group = self._groups[int(generator.integers(len(self._groups)))]
        picture = group[int(generator.integers(len(group)))]
        height, width = picture.pixels.shape[-2:]
        region = self._ranges.regions.draw(height, width, generator)
        size = (self._side_px, self._side_px)
        pixels = perturbed(resized(picture, region, size), self._ranges, generator)
        return _normalized(pixels, self._normalization), torch.tensor(picture.label)


class WholePictures(Dataset[tuple[Tensor, Tensor]]):
    """Pictures to measure on: the middle of each, as large as the ratio of the regions allows.

    Args:
        source: the pictures.
        ranges: how samples are drawn of those that a network learns from.
        side_px: height and width of a sample.
        normalization: what is done to the values at last.

    Attributes:
        left_out: of every picture that could not be read the reason.

    Raises:
        PictureError: if a picture is smaller than a cut.
    """

    def __init__(
        self,
        source: LabelledPictures,
        ranges: SampleRange,
        side_px: int,
        normalization: Normalization | None = None,
    ) -> None:
        check_regions(source.pictures, ranges.regions)
        self.left_out = source.left_out
        regions, size = ranges.regions, (side_px, side_px)
        self._samples = [
            (
                # In 8 bits, a fourth of the memory; rounding is below what a network sees.
                (resized(picture, regions.whole(*picture.pixels.shape[-2:]), size) * 255)
                .round()
                .byte(),
                picture.label,
            )
            for picture in source.pictures
        ]
        self._normalization = normalization

    def __len__(self) -> int:
        """Number of pictures."""
        return len(self._samples)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        """Picture ``index``: float32 [3, side, side] and its class, int64 []."""
        levels, label = self._samples[index]
        return _normalized(levels.float() / 255, self._normalization), torch.tensor(label)


def check_regions(pictures: Sequence[LabelledPicture], regions: RegionRange) -> None:
    """Make sure that every picture has room for what is cut of it.

    Raises:
        PictureError: naming the first that has not.
    """
    for picture in pictures:
        height, width = picture.pixels.shape[-2:]
        regions.check(height, width, picture.name)


def resized(picture: LabelledPicture, region: Rectangle, size: tuple[int, int]) -> Tensor:
    """A region of a picture, resized to height and width; float32 [3, H, W] in [0, 1]."""
    rows = slice(region.top, region.top + region.height)
    columns = slice(region.left, region.left + region.width)
    cut = picture.pixels[:, rows, columns].float() / 255
    return resize_bicubic(cut, size=size).clamp(0, 1)


def perturbed(image: Tensor, ranges: SampleRange, generator: np.random.Generator) -> Tensor:
    """Flip, turn and change attributes, each with its probability; float32 [3, H, W] in [0, 1].

    Every number is drawn whether it is used or not, so that a sample does not depend on the
    probabilities of the steps before.
    """
    flips, turns, changes = (generator.random(3) < _shares(ranges)).tolist()
    angle = generator.uniform(*ranges.turn_deg)
    bounds = (ranges.brightness, ranges.contrast, ranges.saturation)
    factors = [float(generator.uniform(*each)) for each in bounds]
    if flips:
        image = image.flip(-1)
    if turns:
        image = turned(image, angle)
    return with_attributes(image, *factors) if changes else image


def _shares(ranges: SampleRange) -> tuple[float, float, float]:
    return ranges.flip_share, ranges.turn_share, ranges.attribute_share


def _normalized(pixels: Tensor, normalization: Normalization | None) -> Tensor:
    return pixels if normalization is None else normalization.applied(pixels[None])[0]
