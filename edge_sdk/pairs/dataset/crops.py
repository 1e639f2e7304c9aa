"""Aligned crops of a set, for training."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from edge_sdk.burst.driver.tiles import FrameCrop, Strip, crop_frame, crop_reference
from edge_sdk.burst.stages.encode import HALO_PX
from edge_sdk.errors import InputError
from edge_sdk.imaging import read_picture
from edge_sdk.imaging.rectangle import Rectangle
from edge_sdk.pairs.dataset.reading import StoredScene, open_set

DRAWS = 8
"""Places that are drawn until one has enough that counts."""
ENOUGH_SHARE = 0.5
"""Share of the mask that is enough; else the best place drawn is taken."""


@dataclass(frozen=True, eq=False)
class PairCrops:
    """One training sample: what stage ``encode`` takes of each frame, and what it should become.

    T = p + 2·halo, p the side of the crop; M frames, the reference first.

    Attributes:
        reference: float32 [3, T, T] in [0, 1].
        frames: float32 [M, 3, T, T]: at each pixel the frame's pixel nearest to where the motion
            takes it, as stored.
        offset: float32 [M, 2, T, T]: where these samples lie on the reference's grid, (x, y)
            relative to the pixel; 0 for the reference.
        confidence: float32 [M, 1, T, T] in [0, 1]: 0 where a frame shows nothing or something
            else; 0 everywhere for places that the scene has no frame for.
        target: float32 [3, scale·p, scale·p] in [0, 1], without halo.
        mask: float32 [1, scale·p, scale·p]: 1 where the target counts in a loss, else 0.
        noise_std: noise of a frame on values in [0, 1].
        count: frames that are there, 1 to M.
        scene: name of the scene.
        top: row of the crop on the reference.
        left: its column.

    Example:
        >>> from pathlib import Path
        >>> import torch
        >>> from edge_sdk import Picture, resize_bicubic, write_picture
        >>> from edge_sdk.data import simulate_far_near
        >>> from edge_sdk.pairs import PairDataset, build_set
        >>> scene = resize_bicubic(torch.rand(3, 44, 60), 5).clamp(0, 1)
        >>> shots = simulate_far_near(scene)
        >>> for folder, picture in (("far", shots.burst.frames[0]), ("near", shots.near[0])):
        ...     Path(folder).mkdir()
        ...     written = write_picture(Picture(picture), f"{folder}/house.png")
        >>> made = build_set(Path("far"), Path("near"), Path("set"))
        >>> crops = PairDataset(made.folder, crop_px=32, frames=2, length=10, seed=0)[0]
        >>> crops.scene, crops.count, crops.target.shape
        ('house', 1, torch.Size([3, 64, 64]))
    """

    reference: Tensor
    frames: Tensor
    offset: Tensor
    confidence: Tensor
    target: Tensor
    mask: Tensor
    noise_std: float
    count: int
    scene: str
    top: int
    left: int


@dataclass(frozen=True, eq=False)
class _Pixels:
    frames: tuple[Tensor, ...]
    target: Tensor
    mask: Tensor


class PairDataset(Dataset[PairCrops]):
    """Random crops of a set, one per index; the same index and seed give the same crop.

    Scenes are drawn by their area. Of scenes with more frames than requested, the reference and a
    random choice of the others are taken; those with fewer are filled up with frames of confidence
    0. The set is checked when it is opened (:func:`~edge_sdk.pairs.dataset.reading.open_set`).

    Args:
        folder: the set.
        crop_px: side p of a crop, in pixels of a frame.
        frames: M, frames per sample with the reference, at least 1.
        length: number of indices.
        seed: seed of all draws.
        halo_px: margin around the crop, by default what ``encode`` consumes; beyond the frame's
            edge the nearest pixel, with confidence 0.
        cached_scenes: scenes whose pixels stay in memory.

    Raises:
        InputError: if the set cannot be used, a number is out of range, or a scene is smaller than
            a crop.

    Example:
        >>> from pathlib import Path
        >>> import torch
        >>> from edge_sdk import Picture, resize_bicubic, write_picture
        >>> from edge_sdk.data import simulate_far_near
        >>> from edge_sdk.pairs import PairDataset, build_set
        >>> scene = resize_bicubic(torch.rand(3, 44, 60), 5).clamp(0, 1)
        >>> shots = simulate_far_near(scene)
        >>> for folder, picture in (("far", shots.burst.frames[0]), ("near", shots.near[0])):
        ...     Path(folder).mkdir()
        ...     written = write_picture(Picture(picture), f"{folder}/house.png")
        >>> made = build_set(Path("far"), Path("near"), Path("set"))
        >>> crops = PairDataset(made.folder, crop_px=32, frames=1, length=1000, seed=0)
        >>> len(crops), torch.equal(crops[7].target, crops[7].target)
        (1000, True)
    """

    def __init__(
        self,
        folder: Path,
        crop_px: int,
        frames: int,
        length: int,
        seed: int,
        *,
        halo_px: int = HALO_PX,
        cached_scenes: int = 8,
    ) -> None:
        if min(crop_px, frames, cached_scenes) < 1 or min(length, seed, halo_px) < 0:
            raise InputError(
                f"crops of {crop_px} px, {frames} frames, length {length}, seed {seed}, halo "
                f"{halo_px}, {cached_scenes} scenes in memory: give a pixel, a frame and a scene "
                "or more, and no negative number"
            )
        found = open_set(folder)
        for scene in found.scenes:
            if min(scene.height, scene.width) < crop_px:
                raise InputError(
                    f"{folder}: scene {scene.name} is {scene.width}×{scene.height} px, smaller "
                    f"than a crop of {crop_px} px; choose smaller crops"
                )
        self.scale = found.scale
        self._scenes = found.scenes
        areas = np.array([scene.height * scene.width for scene in found.scenes], np.float64)
        self._share = np.cumsum(areas) / areas.sum()
        self._crop_px, self._frames, self._halo_px = crop_px, frames, halo_px
        self._length, self._seed = length, seed
        self._cached_scenes = cached_scenes
        self._cache: OrderedDict[int, _Pixels] = OrderedDict()

    def __len__(self) -> int:
        """Number of crops."""
        return self._length

    def __getitem__(self, index: int) -> PairCrops:
        """Sample ``index``.

        Raises:
            IndexError: if there is no such index.
            PictureError: if a file was damaged after the set was opened.
        """
        if not 0 <= index < self._length:
            raise IndexError(f"index {index} is not in 0 … {self._length - 1}")
        draw = np.random.default_rng((self._seed, index))
        choice = int(np.searchsorted(self._share, draw.random(), side="right"))
        choice = min(choice, len(self._scenes) - 1)
        scene, pixels = self._scenes[choice], self._pixels(choice)
        top, left = self._place(scene, pixels.mask, draw)
        others = len(scene.frames) - 1
        taken = 1 + np.sort(draw.permutation(others)[: self._frames - 1])
        crops = self._crops(scene, pixels, [0, *taken.tolist()], top, left)
        return self._sample(scene, pixels, crops, top, left)

    def _place(
        self, scene: StoredScene, mask: Tensor, draw: np.random.Generator
    ) -> tuple[int, int]:
        """Row and column of a crop: the first drawn with enough that counts, else the best."""
        best, found = -1.0, (0, 0)
        for _ in range(DRAWS):
            top = int(draw.integers(scene.height - self._crop_px + 1))
            left = int(draw.integers(scene.width - self._crop_px + 1))
            share = float(self._on_target_grid(mask, top, left).float().mean())
            if share > best:
                best, found = share, (top, left)
            if best >= ENOUGH_SHARE:
                break
        return found

    def _crops(
        self, scene: StoredScene, pixels: _Pixels, taken: list[int], top: int, left: int
    ) -> list[FrameCrop]:
        tile = Rectangle(top=top, left=left, height=self._crop_px, width=self._crop_px)
        strips = [Strip(_values(pixels.frames[place]), 0, scene.height) for place in taken]
        crops = [crop_reference(strips[0], tile, self._halo_px)]
        for place, strip in zip(taken[1:], strips[1:], strict=True):
            crops.append(crop_frame(strip, scene.fields[place], tile, self._halo_px))
        return crops

    def _sample(
        self, scene: StoredScene, pixels: _Pixels, crops: list[FrameCrop], top: int, left: int
    ) -> PairCrops:
        reference = crops[0]
        absent = FrameCrop(
            reference.pixels, reference.offset, torch.zeros_like(reference.confidence)
        )
        filled = crops + [absent] * (self._frames - len(crops))
        return PairCrops(
            reference=reference.pixels,
            frames=torch.stack([crop.pixels for crop in filled]),
            offset=torch.stack([crop.offset for crop in filled]),
            confidence=torch.stack([crop.confidence for crop in filled]),
            target=_values(self._on_target_grid(pixels.target, top, left)),
            mask=self._on_target_grid(pixels.mask, top, left).float(),
            noise_std=scene.noise_std,
            count=len(crops),
            scene=scene.name,
            top=top,
            left=left,
        )

    def _on_target_grid(self, image: Tensor, top: int, left: int) -> Tensor:
        side = self.scale * self._crop_px
        rows = slice(self.scale * top, self.scale * top + side)
        columns = slice(self.scale * left, self.scale * left + side)
        return image[:, rows, columns]

    def _pixels(self, choice: int) -> _Pixels:
        """Pixels of a scene as integer levels; those read last stay."""
        if choice in self._cache:
            self._cache.move_to_end(choice)
            return self._cache[choice]
        scene = self._scenes[choice]
        pixels = _Pixels(
            tuple(_levels(path) for path in scene.frames),
            _levels(scene.target),
            read_picture(scene.mask).pixels[:1] > 0.5,
        )
        self._cache[choice] = pixels
        while len(self._cache) > self._cached_scenes:
            self._cache.popitem(last=False)
        return pixels


def _levels(path: Path) -> Tensor:
    """Levels of a file, uint8 or uint16 [3, H, W]: a quarter or half of the memory of floats."""
    picture = read_picture(path)
    deep = picture.metadata.bit_depth == 16
    levels = (picture.pixels * (65535 if deep else 255)).round()
    return levels.to(torch.uint16 if deep else torch.uint8)


def _values(levels: Tensor) -> Tensor:
    return levels.float() / (65535 if levels.dtype == torch.uint16 else 255)
