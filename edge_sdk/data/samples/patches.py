"""Training patches for super-resolution: low- and high-resolution pairs cut from photographs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from edge_sdk.errors import InputError, PictureError
from edge_sdk.imaging import read_picture, resize_bicubic, rgb_to_ycbcr, to_levels
from edge_sdk.imaging.encoding import FORMATS
from edge_sdk.models.spec import Color


@dataclass(frozen=True)
class PicturePair:
    """A picture at both resolutions, quantized to 8 bits.

    Attributes:
        low: uint8 [C, H, W].
        high: uint8 [C, scale·H, scale·W].
        name: file name of the picture.

    Example:
        >>> import torch
        >>> from edge_sdk.data import PicturePair
        >>> low = torch.randint(256, (3, 24, 32), dtype=torch.uint8)
        >>> high = torch.randint(256, (3, 48, 64), dtype=torch.uint8)
        >>> PicturePair(low, high, "a.png").name
        'a.png'
    """

    low: Tensor
    high: Tensor
    name: str


def list_pictures(folder: Path, names: Path | None = None) -> list[Path]:
    """Pictures to read: all of ``folder`` or those that ``names`` lists.

    Args:
        folder: searched recursively when ``names`` is absent, else the root of its paths.
        names: text file with one path per line, relative to ``folder``; blank lines are skipped.

    Raises:
        InputError: if the folder or the list is missing, holds no picture, or names a missing one.
    """
    if not folder.is_dir():
        if folder.exists():
            raise InputError(f"{folder}: a file; give the folder that holds the pictures")
        raise InputError(f"{folder}: no such folder of pictures; check the path")
    if names is None:
        found = (path for path in folder.rglob("*") if path.suffix.lower() in FORMATS)
        paths = sorted(path for path in found if path.is_file())
    else:
        if not names.is_file():
            raise InputError(f"{names}: no such list of pictures; check the path in the recipe")
        try:
            lines = names.read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"{names}: not a readable text file ({error})") from error
        paths = [folder / line.strip() for line in lines if line.strip()]
        missing = [path for path in paths if not path.is_file()]
        if missing:
            raise InputError(f"{names}: lists {missing[0]}, which does not exist")
    if not paths:
        raise InputError(f"{names or folder}: holds no picture; add PNG, JPEG, WebP, BMP or TIFF")
    return paths


def picture_pair(path: Path, scale: int, color: Color, resize_factor: float = 1.0) -> PicturePair:
    """Read a picture and make its low-resolution partner by MATLAB-style bicubic reduction.

    Args:
        path: picture file.
        scale: ratio of the two resolutions.
        color: luma only, or red, green and blue.
        resize_factor: factor in (0, 1] by which the picture is reduced first, for finer detail per
            pixel.

    Raises:
        InputError: if ``scale`` or ``resize_factor`` is out of its range.
        PictureError: if the picture cannot be read, or is smaller than ``scale`` pixels.
    """
    high = reduced_picture(path, scale, color, resize_factor)
    height, width = high.shape[-2:]
    low = resize_bicubic(high.float() / 255, size=(height // scale, width // scale))
    return PicturePair(_to_uint8(low), high, str(path))


def reduced_picture(path: Path, scale: int, color: Color, resize_factor: float = 1.0) -> Tensor:
    """Read a picture, reduced if requested and cropped to sides that ``scale`` divides.

    Args:
        path: picture file.
        scale: what divides both sides of the result.
        color: luma only, or red, green and blue.
        resize_factor: factor in (0, 1] by which the picture is reduced, MATLAB-style bicubic.

    Returns:
        Uint8 [C, H, W].

    Raises:
        InputError: if ``scale`` or ``resize_factor`` is out of its range.
        PictureError: if the picture cannot be read, or is smaller than ``scale`` pixels.
    """
    if scale < 1 or not 0 < resize_factor <= 1:
        raise InputError(
            f"scale {scale} must be at least 1 and resize_factor {resize_factor} in (0, 1]"
        )
    rgb = read_picture(path).pixels
    if min(rgb.shape[-2:]) < scale:
        height, width = rgb.shape[-2:]
        raise PictureError(f"{path}: {width}×{height} px cannot be reduced {scale} times")
    image = rgb_to_ycbcr(rgb)[:1] if color is Color.Y else rgb
    if resize_factor != 1.0:
        height, width = (max(scale, int(side * resize_factor)) for side in image.shape[-2:])
        image = resize_bicubic(image, size=(height, width))
    height, width = (side - side % scale for side in image.shape[-2:])
    return _to_uint8(image[:, :height, :width])


@dataclass(frozen=True)
class Place:
    """Where a patch is cut and how it is turned.

    Attributes:
        picture: index of the picture.
        top: first row.
        left: first column.
        turn: one of the eight orientations; see :func:`oriented`.
    """

    picture: int
    top: int
    left: int
    turn: int


class Places:
    """Random places of patches, one per index; the same index and seed give the same place.

    Args:
        sizes: name, height and width of every picture; drawn with a probability proportional to
            their area.
        patch_px: height and width of a patch.
        length: number of indices.
        seed: seed of all draws.

    Raises:
        InputError: if there is no picture, the patch has no pixel, or a number is negative.
        PictureError: if a picture is smaller than the patch.
    """

    def __init__(
        self, sizes: Sequence[tuple[str, tuple[int, int]]], patch_px: int, length: int, seed: int
    ) -> None:
        if not sizes or patch_px < 1 or length < 0 or seed < 0:
            raise InputError(
                f"{len(sizes)} pictures, patches of {patch_px} px, length {length}, seed {seed}: "
                "give a picture or more, a patch of a pixel or more, and no negative number"
            )
        for name, (height, width) in sizes:
            if min(height, width) < patch_px:
                raise PictureError(
                    f"{name}: {width}×{height} px after reduction is smaller than a patch of "
                    f"{patch_px} px; leave it out or choose smaller patches"
                )
        self._sizes = [size for _, size in sizes]
        areas = np.array([height * width for height, width in self._sizes], dtype=np.float64)
        self._share = np.cumsum(areas) / areas.sum()
        self._patch_px = patch_px
        self._length = length
        self._seed = seed

    def __len__(self) -> int:
        """Number of places."""
        return self._length

    def __getitem__(self, index: int) -> Place:
        """Place ``index``."""
        if not 0 <= index < self._length:
            raise IndexError(f"index {index} is not in 0 … {self._length - 1}")
        draw = np.random.default_rng((self._seed, index))
        choice = int(np.searchsorted(self._share, draw.random(), side="right"))
        picture = min(choice, len(self._sizes) - 1)
        height, width = self._sizes[picture]
        top = int(draw.integers(height - self._patch_px + 1))
        left = int(draw.integers(width - self._patch_px + 1))
        return Place(picture, top, left, int(draw.integers(8)))


class PatchDataset(Dataset[tuple[Tensor, Tensor]]):
    """Random patch pairs, one per index; the same index and seed give the same pair.

    Args:
        pairs: pictures to cut from, drawn with a probability proportional to their area.
        patch_px: height and width of the low-resolution patch.
        length: number of indices.
        seed: seed of all draws.

    Attributes:
        pairs: the pictures.

    Raises:
        InputError: if there is no picture, the patch has no pixel, or a number is negative.
        PictureError: if a picture is smaller than the patch.

    Example:
        >>> import torch
        >>> from edge_sdk.data import PatchDataset, PicturePair
        >>> low = torch.randint(256, (1, 24, 32), dtype=torch.uint8)
        >>> high = torch.randint(256, (1, 48, 64), dtype=torch.uint8)
        >>> pairs = [PicturePair(low, high, "a.png")]
        >>> patches = PatchDataset(pairs, patch_px=8, length=100, seed=0)
        >>> [tuple(part.shape) for part in patches[0]]
        [(1, 8, 8), (1, 16, 16)]
    """

    def __init__(self, pairs: Sequence[PicturePair], patch_px: int, length: int, seed: int) -> None:
        sizes = [(pair.name, (pair.low.shape[-2], pair.low.shape[-1])) for pair in pairs]
        self._places = Places(sizes, patch_px, length, seed)
        self.pairs = tuple(pairs)
        self._patch_px = patch_px

    def __len__(self) -> int:
        """Number of patches."""
        return len(self._places)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        """Patch pair ``index``: float32 [C, p, p] and [C, scale·p, scale·p] in [0, 1]."""
        place = self.place(index)
        return self.cut(self.pairs[place.picture], place)

    def place(self, index: int) -> Place:
        """Where patch ``index`` is cut; its picture is that of :attr:`pairs`."""
        return self._places[index]

    def cut(self, pair: PicturePair, place: Place) -> tuple[Tensor, Tensor]:
        """The patch pair at a place of a pair of pictures, as :meth:`__getitem__` returns it."""
        scale = pair.high.shape[-1] // pair.low.shape[-1]
        top, left, patch = place.top, place.left, self._patch_px
        low = pair.low[:, top : top + patch, left : left + patch]
        top, left, patch = top * scale, left * scale, patch * scale
        high = pair.high[:, top : top + patch, left : left + patch]
        return oriented(low, place.turn).float() / 255, oriented(high, place.turn).float() / 255


def oriented(image: Tensor, turn: int) -> Tensor:
    """One of the eight orientations of [..., H, W]: quarter turns, from 4 on mirrored too."""
    rotated = torch.rot90(image, turn % 4, (-2, -1))
    return rotated.flip(-1) if turn >= 4 else rotated


def upright(image: Tensor, turn: int) -> Tensor:
    """What :func:`oriented` made [..., H, W] of: ``upright(oriented(x, turn), turn)`` is x."""
    return torch.rot90(image.flip(-1) if turn >= 4 else image, -(turn % 4), (-2, -1))


def _to_uint8(image: Tensor) -> Tensor:
    return to_levels(image).to(torch.uint8)
