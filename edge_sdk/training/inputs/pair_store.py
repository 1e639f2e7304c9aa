"""Features and targets of sets of far and near shots, computed once and kept in files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from platformdirs import user_cache_path

from edge_sdk.burst import ZoomConfig
from edge_sdk.burst.driver.plan import MergePlan
from edge_sdk.burst.frames.spool import spooling
from edge_sdk.burst.inputs.features import merged_features
from edge_sdk.burst.noise.curve import Noise
from edge_sdk.errors import InputError
from edge_sdk.imaging import read_picture
from edge_sdk.imaging.rectangle import Rectangle
from edge_sdk.pairs.dataset.reading import StoredScene, StoredSet, open_set
from edge_sdk.pairs.dataset.record import RECORD
from edge_sdk.progress import Progress
from edge_sdk.training.inputs.feature_files import FeatureSample, cache_name, fill
from edge_sdk.training.recipe.sections import PairsConfig

VERSION = 2
"""Raised whenever the same scene would give other features."""


@dataclass(frozen=True)
class PairScenes:
    """Scenes of a set.

    Attributes:
        scenes: at least one.
        scale: pixels of a target per pixel of a frame.
    """

    scenes: tuple[StoredScene, ...]
    scale: int

    def prepare(self, rank: int, on_progress: Progress | None = None) -> list[Path]:
        """Compute what is missing, and name the files of all scenes in order.

        They lie in the user's cache, each by all files of its scene.

        Raises:
            OutputError: if the cache cannot be written.
            PictureError: if a picture was damaged after the set was opened.
        """
        folder = user_cache_path("edge-sdk") / "pairs"
        files = [folder / f"{self._key(scene)}.safetensors" for scene in self.scenes]
        fill(files, lambda index: scene_sample(self.scenes[index], self.scale), rank, on_progress)
        return files

    def _key(self, scene: StoredScene) -> str:
        record = scene.target.parent / RECORD
        files = (record, *scene.frames, scene.target, scene.mask)
        return cache_name([VERSION, self.scale], files)


def scene_sample(scene: StoredScene, scale: int) -> FeatureSample:
    """Features of all frames of a scene, and its target, which counts where the mask says so.

    ``encode`` and ``blend`` see what they see in a zoom: the crops that
    :class:`~edge_sdk.pairs.dataset.crops.PairDataset` cuts, tile by tile, the reference 1.5 times
    as heavy as another frame.

    Args:
        scene: the scene.
        scale: pixels of a target per pixel of a frame.

    Raises:
        PictureError: if a picture cannot be read.
    """
    with spooling() as source:
        for path in scene.frames:
            picture = read_picture(path)
            source.add(picture.pixels, 16 if picture.metadata.bit_depth == 16 else 8)
        plan = MergePlan(
            source,
            0,
            dict(enumerate(scene.fields[1:], 1)),
            Rectangle(left=0, top=0, width=scene.width, height=scene.height),
            Noise.white(scene.noise_std),
            ZoomConfig().reference_weight,
        )
        features = merged_features(plan, scale)
    known = read_picture(scene.mask).pixels[:1] > 0.5
    return FeatureSample(features, read_picture(scene.target).pixels, known)


def split_scenes(
    config: PairsConfig, scale: int, patch_px: int, margin_px: int
) -> tuple[PairScenes, PairScenes]:
    """Open the sets of a recipe: scenes to train on and scenes to validate on.

    Args:
        config: the sets; without one to validate on, every ``held_out``-th scene by name is taken
            out of the other.
        scale: of the network.
        patch_px: side of a training patch, in pixels of a frame.
        margin_px: border that a validation leaves out, in pixels of a frame.

    Raises:
        InputError: if a set cannot be used or has another scale, a scene to train on is smaller
            than a patch, or nothing counts in one to validate on.
    """
    first = _opened(config.train, scale)
    if config.validation is not None:
        train, held_out = first.scenes, _opened(config.validation, scale).scenes
    else:
        every = config.held_out
        held_out = first.scenes[every - 1 :: every]
        train = tuple(scene for scene in first.scenes if scene not in held_out)
        if not held_out:
            raise InputError(
                f"{config.train}: has {len(first.scenes)} scenes, fewer than "
                f"held_out: {every}; give a smaller number, or a set for validation"
            )
    for scene in train:
        if min(scene.height, scene.width) < patch_px:
            raise InputError(
                f"{config.train}: scene {scene.name} is {scene.width}×{scene.height} px, smaller "
                f"than a patch of {patch_px} px; choose smaller patches"
            )
    for scene in held_out:
        _check_counts(scene, scale * margin_px)
    return PairScenes(train, scale), PairScenes(held_out, scale)


def _opened(folder: Path, scale: int) -> StoredSet:
    found = open_set(folder)
    if found.scale != scale:
        raise InputError(
            f"{folder}: is a set for ×{found.scale}, and this network enlarges ×{scale}; make one "
            f"with edge-sdk pairs --scale {scale}, or set model.scale"
        )
    return found


def _check_counts(scene: StoredScene, margin_px: int) -> None:
    mask = read_picture(scene.mask).pixels[0] > 0.5
    height, width = mask.shape
    if not mask[margin_px : height - margin_px, margin_px : width - margin_px].any():
        raise InputError(
            f"{scene.target.parent}: nothing of this scene counts {margin_px} px away from the "
            "border, so that nothing can be validated on it; leave the scene out of the set"
        )
