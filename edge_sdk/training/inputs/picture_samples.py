"""Samples from pictures: patches to train on, and whole pictures to measure on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from torch import Tensor
from torch.utils.data import Dataset

from edge_sdk.data.samples.camera_patches import CameraPatches, camera_pair
from edge_sdk.data.samples.degraded_patches import DegradedPatches, numbered_degradation
from edge_sdk.data.samples.gaussian_noise import NoiseRange, NoisyPatches, noisy_picture
from edge_sdk.data.samples.patches import (
    PatchDataset,
    PicturePair,
    list_pictures,
    picture_pair,
    reduced_picture,
)
from edge_sdk.models.spec import Color, PictureSpec
from edge_sdk.training.recipe.sections import DataConfig, PictureSource
from edge_sdk.training.recipe.tasks import Batch


class InMemory(Dataset[Batch]):
    """Samples that are computed at once and kept.

    Args:
        samples: inputs and targets [C, H, W].
    """

    def __init__(self, samples: Iterable[Batch]) -> None:
        self._samples = list(samples)

    def __len__(self) -> int:
        """Number of samples."""
        return len(self._samples)

    def __getitem__(self, index: int) -> Batch:
        """Input and target of one."""
        return self._samples[index]


def picture_patches(data: DataConfig, spec: PictureSpec, length: int, seed: int) -> Dataset[Batch]:
    """Patches of the training pictures: reduced, degraded, with noise, or as a camera sees them.

    Raises:
        InputError: if there are no pictures.
        PictureError: if one cannot be read or is smaller than a patch.
    """
    if data.camera is not None:
        photographs = [
            photograph
            for resize_factor in data.resize_factors
            for photograph in _photographs(spec, data.train, resize_factor)
        ]
        return CameraPatches(
            photographs,
            data.camera.cameras(spec.scale),
            spec.color,
            patch_px=data.patch_px,
            length=length,
            seed=seed,
        )
    pairs = [
        pair
        for resize_factor in data.resize_factors
        for pair in _read(spec, data.train, resize_factor)
    ]
    if data.degradation is not None:
        return DegradedPatches(pairs, data.degradation.read(), data.patch_px, length, seed)
    patches = PatchDataset(pairs, data.patch_px, length, seed)
    if data.noise is None:
        return patches
    noise = NoiseRange(*data.noise.sigma, data.noise.clipped_share)
    return NoisyPatches(patches, noise, seed)


def whole_pictures(data: DataConfig, spec: PictureSpec, seed: int) -> Iterator[Batch]:
    """The validation pictures, likewise.

    With noise or a degradation each has its own, and with cameras its own camera too, the same
    every time.
    """
    noise, source = data.noise, data.validation
    if data.camera is not None:
        cameras = data.camera.cameras(spec.scale)
        for index, (_, photograph) in enumerate(_photographs(spec, source, 1.0)):
            yield camera_pair(photograph, cameras, spec.color, seed, index)
        return
    recipe = None if data.degradation is None else data.degradation.read()
    for index, pair in enumerate(_read(spec, source, 1.0)):
        low, high = pair.low.float() / 255, pair.high.float() / 255
        if noise is not None:
            low = noisy_picture(high, noise.validation_sigma, seed, index)
        if recipe is not None:
            low = numbered_degradation(low, recipe, seed, index)
        yield low, high


def picture_paths(source: PictureSource | None) -> list[Path]:
    """Paths of the pictures of a source, in order."""
    # Recipes without pictures are refused, unless they have pairs.
    assert source is not None
    lists = source.name_files or (None,)
    return [path for names in lists for path in list_pictures(source.folder, names)]


def _photographs(
    spec: PictureSpec, source: PictureSource | None, resize_factor: float
) -> list[tuple[str, Tensor]]:
    scale, paths = spec.scale, picture_paths(source)
    return [(str(path), reduced_picture(path, scale, Color.RGB, resize_factor)) for path in paths]


def _read(
    spec: PictureSpec, source: PictureSource | None, resize_factor: float
) -> list[PicturePair]:
    paths = picture_paths(source)
    return [picture_pair(path, spec.scale, spec.color, resize_factor) for path in paths]
