"""Features and truths of simulated bursts, computed once and kept in files."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from platformdirs import user_cache_path
from torch import Tensor

from edge_sdk.burst import TensorSource, ZoomConfig
from edge_sdk.burst.inputs.features import burst_features
from edge_sdk.data.camera.simulation import SimulatedBurst
from edge_sdk.imaging import quantize
from edge_sdk.progress import Progress
from edge_sdk.training.inputs.burst_scenes import training_burst, validation_bursts
from edge_sdk.training.inputs.feature_files import FeatureSample, cache_name, fill
from edge_sdk.training.recipe.bursts import BurstsConfig

VERSION = 3
"""Raised whenever the same settings would give other bursts or other features."""


@dataclass(frozen=True)
class BurstSet:
    """Bursts that a recipe describes.

    Attributes:
        pictures: photographs.
        resize_factors: factors by which they are reduced.
        config: how bursts are drawn.
        scale: enlargement.
        seed: seed of all draws.
    """

    pictures: tuple[Path, ...]
    resize_factors: tuple[float, ...]
    config: BurstsConfig
    scale: int
    seed: int

    def folder(self) -> Path:
        """Where its files lie: in the user's cache, by everything that they depend on.

        Raises:
            PictureError: if a picture cannot be read.
        """
        # Neither the number of bursts nor what is validated changes a training burst.
        drawn = self.config.model_dump(
            exclude={"count", "validation_drawn", "validation_noise", "validation_px"}
        )
        settings = [VERSION, self.resize_factors, drawn, self.scale, self.seed]
        return user_cache_path("edge-sdk") / "bursts" / cache_name(settings, self.pictures)

    def prepare(self, rank: int, on_progress: Progress | None = None) -> list[Path]:
        """Compute what is missing, and name all files in order.

        Several processes may do so at once: each begins elsewhere, and files appear whole.

        Raises:
            OutputError: if the cache cannot be written.
            PictureError: if a picture cannot be read or is too small.
        """
        folder = self.folder()
        files = [folder / f"{index:06d}.safetensors" for index in range(self.config.count)]
        fill(files, self._sample, rank, on_progress)
        return files

    def _sample(self, index: int) -> FeatureSample:
        burst = training_burst(
            self.pictures, self.resize_factors, self.config, self.scale, self.seed, index
        )
        return _computed(burst, self.scale)


def validation_pairs(given: BurstSet) -> Iterator[tuple[Tensor, Tensor]]:
    """Features and truth of whole bursts of the validation pictures, float32 [C, H, W] each."""
    resize_factor = sorted(given.resize_factors)[len(given.resize_factors) // 2]
    for burst in validation_bursts(
        given.pictures, resize_factor, given.config, given.scale, given.seed
    ):
        sample = _computed(burst, given.scale)
        yield sample.features, quantize(sample.truth)


def _computed(burst: SimulatedBurst, scale: int) -> FeatureSample:
    found = burst_features(TensorSource(burst.frames), ZoomConfig(scale=scale))
    return FeatureSample(found.features, burst.truth(found.reference))
