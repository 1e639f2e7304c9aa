"""What a run reads: patches to train on, in an order that a resumed run takes up, and pictures."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from edge_sdk.data.samples.camera_patches import CameraPatches, camera_pair
from edge_sdk.data.samples.gaussian_noise import NoiseRange, NoisyPatches, noisy_picture
from edge_sdk.data.samples.patches import (
    PatchDataset,
    PicturePair,
    list_pictures,
    picture_pair,
    reduced_picture,
)
from edge_sdk.models.spec import Color
from edge_sdk.progress import Progress
from edge_sdk.training.inputs.burst_store import BurstSet, validation_pairs
from edge_sdk.training.inputs.feature_files import FeaturePatches, WholeFeatures
from edge_sdk.training.inputs.pair_store import PairScenes, split_scenes
from edge_sdk.training.processes import Processes
from edge_sdk.training.recipe.config import PictureSource, TrainConfig, halo_of

Batch = tuple[Tensor, Tensor]
"""Inputs and targets, float32 [N, C, H, W] in [0, 1], but for noise that reaches beyond.

Targets of burst zoom are NaN where they do not count.
"""


def patch_loader(
    config: TrainConfig,
    done: int,
    group: Processes | None = None,
    on_progress: Progress | None = None,
) -> DataLoader[Batch]:
    """Batches of patches for all steps of a recipe, without those of the first ``done`` steps.

    Of several processes each gets its own patches: in every step they see together what one
    process with a batch as many times as large would see.
    """
    group = group or Processes()
    data = config.data
    length = config.optimizer.steps * data.batch * group.count
    order = _Order(done, config.optimizer.steps, data.batch, group)
    if data.bursts is not None or data.pairs is not None:
        zooms = _pairs(config)[0] if data.pairs else _bursts(config, data.train)
        files = zooms.prepare(group.rank, on_progress)
        features = FeaturePatches(files, data.patch_px, length, config.seed)
        return DataLoader(features, data.batch, sampler=order)
    return DataLoader(_patches(config, length), data.batch, sampler=order)


def _patches(config: TrainConfig, length: int) -> Dataset[Batch]:
    data, scale, color = config.data, config.model.scale, config.model.color
    if data.camera is not None:
        photographs = [
            photograph
            for resize_factor in data.resize_factors
            for photograph in _photographs(config, data.train, resize_factor)
        ]
        return CameraPatches(
            photographs,
            data.camera.cameras(scale),
            color,
            patch_px=data.patch_px,
            length=length,
            seed=config.seed,
        )
    pairs = [
        pair
        for resize_factor in data.resize_factors
        for pair in _read(config, data.train, resize_factor)
    ]
    patches = PatchDataset(pairs, data.patch_px, length, config.seed)
    if data.noise is None:
        return patches
    noise = NoiseRange(*data.noise.sigma, data.noise.clipped_share)
    return NoisyPatches(patches, noise, config.seed)


def picture_loader(config: TrainConfig) -> DataLoader[Batch]:
    """The validation pictures, one by one.

    With noise each has its own, and with cameras its own camera too, the same every time.
    """
    if config.data.pairs is not None:
        return DataLoader(WholeFeatures(_pairs(config)[1].prepare(0)), batch_size=1)
    pairs = list(_pictures(config))
    return DataLoader(pairs, batch_size=1)  # type: ignore[arg-type]


def _pictures(config: TrainConfig) -> Iterator[Batch]:
    noise, source = config.data.noise, config.data.validation
    if config.data.camera is not None:
        cameras = config.data.camera.cameras(config.model.scale)
        for index, (_, photograph) in enumerate(_photographs(config, source, 1.0)):
            yield camera_pair(photograph, cameras, config.model.color, config.seed, index)
        return
    if config.data.bursts is not None:
        yield from validation_pairs(_bursts(config, source))
        return
    for index, pair in enumerate(_read(config, source, 1.0)):
        low, high = pair.low.float() / 255, pair.high.float() / 255
        if noise is not None:
            low = noisy_picture(high, noise.validation_sigma, config.seed, index)
        yield low, high


class _Order(Sampler[int]):
    # Lightning counts on from the batch that a checkpoint was taken at, but restarts the loader.

    def __init__(self, done: int, steps: int, batch: int, group: Processes) -> None:
        self._left = range(done, steps)
        self._steps = steps
        self._batch = batch
        self._group = group

    def __iter__(self) -> Iterator[int]:
        for step in self._left:
            first = (step * self._group.count + self._group.rank) * self._batch
            yield from range(first, first + self._batch)

    def __len__(self) -> int:
        # Of the whole run, since Lightning counts on.
        return self._steps * self._batch


def _photographs(
    config: TrainConfig, source: PictureSource | None, resize_factor: float
) -> list[tuple[str, Tensor]]:
    paths = _paths(source)
    scale = config.model.scale
    return [(str(path), reduced_picture(path, scale, Color.RGB, resize_factor)) for path in paths]


def _bursts(config: TrainConfig, source: PictureSource | None) -> BurstSet:
    data = config.data
    assert data.bursts is not None
    return BurstSet(
        tuple(_paths(source)), data.resize_factors, data.bursts, config.model.scale, config.seed
    )


def _pairs(config: TrainConfig) -> tuple[PairScenes, PairScenes]:
    data = config.data
    assert data.pairs is not None
    return split_scenes(data.pairs, config.model.scale, data.patch_px, halo_of(config))


def _read(
    config: TrainConfig, source: PictureSource | None, resize_factor: float
) -> list[PicturePair]:
    scale, color = config.model.scale, config.model.color
    return [picture_pair(path, scale, color, resize_factor) for path in _paths(source)]


def _paths(source: PictureSource | None) -> list[Path]:
    # Recipes without pictures are refused, unless they have pairs.
    assert source is not None
    return list_pictures(source.folder, source.names)
