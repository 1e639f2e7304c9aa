"""Patches whose inputs are made worse on the fly, as photographs on their way are."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from torch import Tensor
from torch.utils.data import Dataset

from edge_sdk.data.degradation.degrading import degraded
from edge_sdk.data.degradation.recipe import DegradationRecipe
from edge_sdk.data.samples.patches import PatchDataset, PicturePair

MARGIN_PX = 8
"""Least margin around a patch: about as far as the widest blur and the longest kernel reach."""
BLOCK_PX = 8
"""Side of JPEG's blocks: patches begin anywhere in one, as cuts of a larger picture do."""
_OWN_DRAW = 0x64656772
"""Keeps these draws separate from those that choose a patch."""


class DegradedPatches(Dataset[tuple[Tensor, Tensor]]):
    """Random patch pairs with a degraded input; the same index and seed give the same pair.

    A patch is cut with a margin, degraded, and freed from it, so that its borders look like its
    middle.

    Args:
        pairs: pictures to cut from, drawn with a probability proportional to their area.
        recipe: what inputs are degraded by.
        patch_px: height and width of the patch that goes in.
        length: number of indices.
        seed: seed of all draws.

    Raises:
        InputError: if there is no picture, the patch has no pixel, or a number is negative.
        PictureError: if a picture is smaller than the patch with its margin.

    Example:
        >>> import torch
        >>> from edge_sdk.data import PicturePair
        >>> from edge_sdk.data.degradation.presets import preset
        >>> from edge_sdk.data.samples.degraded_patches import DegradedPatches
        >>> photo = torch.randint(256, (3, 80, 96), dtype=torch.uint8)
        >>> pairs = [PicturePair(photo, photo, "a.png")]
        >>> patches = DegradedPatches(pairs, preset("document"), patch_px=32, length=9, seed=0)
        >>> [tuple(part.shape) for part in patches[3]]
        [(3, 32, 32), (3, 32, 32)]
    """

    def __init__(
        self,
        pairs: Sequence[PicturePair],
        recipe: DegradationRecipe,
        patch_px: int,
        length: int,
        seed: int,
    ) -> None:
        around = 2 * MARGIN_PX + BLOCK_PX
        self._patches = PatchDataset(pairs, patch_px + around, length, seed)
        self._recipe = recipe
        self._patch_px = patch_px
        self._seed = seed

    def __len__(self) -> int:
        """Number of patches."""
        return len(self._patches)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        """Pair ``index``: float32 [C, p, p] and [C, scale·p, scale·p] in [0, 1]."""
        low, high = self._patches[index]
        scale = high.shape[-1] // low.shape[-1]
        draw = np.random.default_rng((self._seed, index, _OWN_DRAW))
        worse = degraded_picture(low, self._recipe, int(draw.integers(2**31)))
        top, left = (MARGIN_PX + int(draw.integers(BLOCK_PX)) for _ in range(2))
        return (
            _cut(worse, top, left, self._patch_px).contiguous(),
            _cut(high, scale * top, scale * left, scale * self._patch_px).contiguous(),
        )


def degraded_picture(picture: Tensor, recipe: DegradationRecipe, seed: int) -> Tensor:
    """A picture of one or three channels, degraded; luma as a gray picture is, by its green.

    Args:
        picture: float32 [C, H, W] in [0, 1].
        recipe: what it is degraded by.
        seed: of all draws.
    """
    worse = degraded(picture.expand(3, -1, -1).contiguous(), recipe, seed).pixels
    return worse if picture.shape[0] == worse.shape[0] else worse[1:2]


def numbered_degradation(
    picture: Tensor, recipe: DegradationRecipe, seed: int, index: int
) -> Tensor:
    """A whole picture, degraded the same way for the same seed and index.

    Args:
        picture: float32 [C, H, W] in [0, 1].
        recipe: what it is degraded by.
        seed: of a set of pictures.
        index: number of the picture in it; every one has its own draw.
    """
    return degraded_picture(picture, recipe, seed * 1_000_003 + index)


def _cut(picture: Tensor, top: int, left: int, side: int) -> Tensor:
    return picture[:, top : top + side, left : left + side]
