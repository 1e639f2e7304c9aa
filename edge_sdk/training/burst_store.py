"""Features and truths of simulated bursts, computed once and kept in files."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from platformdirs import user_cache_path
from torch import Tensor
from torch.utils.data import Dataset

from edge_sdk.burst import TensorSource, ZoomConfig
from edge_sdk.burst.features import burst_features
from edge_sdk.data.camera import SimulatedBurst
from edge_sdk.errors import OutputError, PictureError
from edge_sdk.imaging import to_levels
from edge_sdk.outputs import replacing
from edge_sdk.training.burst_scenes import training_burst, validation_bursts
from edge_sdk.training.sections import BurstsConfig

VERSION = 1
"""Raised whenever the same settings would give other bursts or other features."""

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class BurstSet:
    """Bursts that a recipe describes.

    Attributes:
        pictures: photographs.
        shrinks: factors by which they are reduced.
        config: how bursts are drawn.
        scale: enlargement.
        seed: seed of all draws.
    """

    pictures: tuple[Path, ...]
    shrinks: tuple[float, ...]
    config: BurstsConfig
    scale: int
    seed: int

    def folder(self) -> Path:
        """Where its files lie: in the user's cache, by everything that they depend on."""
        states = [(path, path.stat()) for path in self.pictures]
        found = [(str(path), state.st_size, state.st_mtime_ns) for path, state in states]
        # Neither the number of bursts nor what is validated changes a training burst.
        drawn = self.config.model_dump(exclude={"count", "validation_noise", "validation_px"})
        key = json.dumps([VERSION, found, self.shrinks, drawn, self.scale, self.seed])
        name = hashlib.sha256(key.encode()).hexdigest()[:16]
        return user_cache_path("edge-sdk") / "bursts" / name

    def prepare(self, rank: int, on_progress: Progress | None = None) -> list[Path]:
        """Compute what is missing, and name all files in order.

        Several processes may do so at once: each begins elsewhere, and files appear whole.

        Raises:
            OutputError: if the cache cannot be written.
            PictureError: if a picture cannot be read or is too small.
        """
        folder = self.folder()
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(f"{folder}: cannot be created ({error.strerror})") from error
        count = self.config.count
        files = [folder / f"{index:06d}.safetensors" for index in range(count)]
        start = rank * 7919 % count
        for done, index in enumerate([*range(start, count), *range(start)]):
            if not files[index].is_file():
                burst = training_burst(
                    self.pictures, self.shrinks, self.config, self.scale, self.seed, index
                )
                _write(burst, self.scale, files[index])
            if on_progress is not None:
                on_progress(done + 1, count)
        return files


class BurstPatches(Dataset[tuple[Tensor, Tensor]]):
    """Patches of features and truth, one per index; the same index and seed give the same patch.

    Args:
        files: as :meth:`BurstSet.prepare` names them; read by parts, so that memory holds none
            whole.
        patch_px: side of a patch, in pixels of a frame.
        length: number of indices.
        seed: seed of the draws.

    Raises:
        PictureError: if a burst is smaller than a patch.
    """

    def __init__(self, files: list[Path], patch_px: int, length: int, seed: int) -> None:
        self._files = files
        self._patch_px = patch_px
        self._length = length
        self._seed = seed
        if files:
            _, height, width = self._opened(0).get_slice("features").get_shape()
            if min(height, width) < patch_px:
                raise PictureError(
                    f"frames of {width}×{height} px are smaller than a patch of {patch_px} px; "
                    "choose a larger frame_px or smaller patches"
                )

    def __len__(self) -> int:
        """Number of patches."""
        return self._length

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        """Features float32 [4·s² + 7, p, p] and truth float32 [3, s·p, s·p], in [0, 1]."""
        if not 0 <= index < self._length:
            raise IndexError(f"index {index} is not in 0 … {self._length - 1}")
        draw = np.random.default_rng((self._seed, index))
        part = self._opened(int(draw.integers(len(self._files))))
        features, truth = part.get_slice("features"), part.get_slice("truth")
        _, height, width = features.get_shape()
        scale, side = truth.get_shape()[-1] // width, self._patch_px
        top = int(draw.integers(max(1, height - side + 1)))
        left = int(draw.integers(max(1, width - side + 1)))
        given = features[:, top : top + side, left : left + side].float()
        top, left, side = (scale * number for number in (top, left, side))
        wanted = truth[:, top : top + side, left : left + side].float() / 255
        return given, wanted

    def _opened(self, index: int) -> Any:
        from safetensors import safe_open

        return safe_open(self._files[index], framework="pt")


def validation_pairs(given: BurstSet) -> Iterator[tuple[Tensor, Tensor]]:
    """Features and truth of whole bursts of the validation pictures, float32 [C, H, W] each."""
    shrink = sorted(given.shrinks)[len(given.shrinks) // 2]
    for burst in validation_bursts(given.pictures, shrink, given.config, given.scale):
        features, truth = _computed(burst, given.scale)
        yield features, to_levels(truth).float() / 255


def _computed(burst: SimulatedBurst, scale: int) -> tuple[Tensor, Tensor]:
    found = burst_features(TensorSource(burst.frames), ZoomConfig(scale=scale))
    return found.features, burst.truth(found.reference)


def _write(burst: SimulatedBurst, scale: int, path: Path) -> None:
    from safetensors.torch import save

    features, truth = _computed(burst, scale)
    levels = to_levels(truth).to(torch.uint8).contiguous()
    data = save({"features": features.half().contiguous(), "truth": levels})
    with replacing(path) as temporary:
        temporary.write_bytes(data)
