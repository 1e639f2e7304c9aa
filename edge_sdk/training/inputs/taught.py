"""Targets that a teacher makes of whole pictures, for the first steps of a run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor
from torch.utils.data import Dataset

from edge_sdk.data.samples.patches import PatchDataset, PicturePair, oriented, upright
from edge_sdk.errors import InputError
from edge_sdk.imaging import apply_tiled, to_levels
from edge_sdk.models.network import Network
from edge_sdk.models.spec import ModelSpec, PictureSpec
from edge_sdk.training.recipe.tasks import Batch
from edge_sdk.training.recipe.teacher import TeacherConfig
from edge_sdk.zoo.catalogue import load_model
from edge_sdk.zoo.networks import fused_network

ORIENTATIONS = 8
TILE_PX = 256


class TaughtFirst(Dataset[Batch]):
    """The patches of a data set; the targets of the first ones are what a teacher returns.

    The teacher enlarges a whole picture when the first patch of it is due, and the result is kept
    in 8 bits, so that it costs a run one pass over the pictures however many steps there are. A
    mean over all orientations turns with the picture: the patches may be turned afterwards.

    Args:
        patches: inputs and true targets.
        teach: maps a small picture, float32 [C, H, W] in [0, 1], to one like the large.
        count: number of the first patches that have the teacher's targets.

    Raises:
        InputError: if ``patches`` are not cut from reduced pictures.
    """

    def __init__(
        self, patches: Dataset[Batch], teach: Callable[[Tensor], Tensor], count: int
    ) -> None:
        if not isinstance(patches, PatchDataset):
            raise InputError(
                f"teacher: needs patches of reduced pictures, not {type(patches).__name__}; leave "
                "it out"
            )
        self._patches = patches
        self._teach = teach
        self._count = count
        self._taught: dict[int, PicturePair] = {}

    def __len__(self) -> int:
        """Number of patches."""
        return len(self._patches)

    def __getitem__(self, index: int) -> Batch:
        """Patch pair ``index``."""
        if index >= self._count:
            return self._patches[index]
        place = self._patches.place(index)
        if place.picture not in self._taught:
            self._taught[place.picture] = self._by_teacher(self._patches.pairs[place.picture])
        return self._patches.cut(self._taught[place.picture], place)

    def _by_teacher(self, pair: PicturePair) -> PicturePair:
        high = to_levels(self._teach(pair.low.float() / 255)).to(torch.uint8)
        return replace(pair, high=high)


def teacher_of(config: TeacherConfig, spec: ModelSpec) -> Callable[[Tensor], Tensor]:
    """The function by which a recipe's teacher enlarges a picture.

    Args:
        config: of the recipe.
        spec: of the network that learns.

    Returns:
        A function of float32 [C, H, W] in [0, 1] to [C, scale·H, scale·W].

    Raises:
        ModelError: if the teacher is neither a shipped model nor a readable file.
        InputError: if it does something else than the network that learns.
    """
    network = fused_network(load_model(config.model))
    found = network.spec
    if not isinstance(found, PictureSpec) or _kind(found) != _kind(spec):
        raise InputError(
            f"teacher: {config.model} is for {_described(found)}, and what learns is for "
            f"{_described(spec)}; choose a teacher for the same"
        )
    turns = range(ORIENTATIONS if config.ensemble else 1)
    return lambda picture: mean_over_turns(network, found, picture, turns)


@torch.no_grad()
def mean_over_turns(network: Network, spec: PictureSpec, picture: Tensor, turns: range) -> Tensor:
    """Mean of what a network makes of a picture in several orientations, each turned back.

    Args:
        network: in evaluation mode.
        spec: its own.
        picture: float32 [C, H, W] in [0, 1].
        turns: orientations, as :func:`~edge_sdk.data.samples.patches.oriented` numbers them.

    Returns:
        Float32 [C, scale·H, scale·W], not clipped.
    """

    def enlarged(image: Tensor) -> Tensor:
        tile_px, halo_px = TILE_PX, spec.halo_px
        return apply_tiled(
            network, image[None], tile_px=tile_px, halo_px=halo_px, scale=spec.scale
        )[0]

    results = [upright(enlarged(oriented(picture, turn)), turn) for turn in turns]
    return torch.stack(results).mean(0)


def _kind(spec: ModelSpec) -> tuple[object, ...]:
    return (spec.task, spec.scale, spec.color) if isinstance(spec, PictureSpec) else (spec.task,)


def _described(spec: ModelSpec) -> str:
    if not isinstance(spec, PictureSpec):
        return f"{spec.task}"
    return f"{spec.task} ×{spec.scale} of {spec.color}"
