"""The levels that frames are compared on, by stages over whole pictures."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from edge_sdk.registration.stages.levels import HALVE_HALO_PX, SMOOTH_HALO_PX, SURROUND_HALO_PX
from edge_sdk.registration.stages.stage_set import AlignStages

COARSEST_PX = 32
"""Shorter side that no level falls under."""


def level_count(height: int, width: int) -> int:
    """Levels of a picture: it is halved until a side would fall under ``COARSEST_PX``."""
    count, side = 1, min(height, width)
    while side // 2 >= COARSEST_PX:
        count, side = count + 1, side // 2
    return count


def levels_of(luma: Tensor, stages: AlignStages) -> list[Tensor]:
    """Smooth levels of luma [1, 1, H, W], finest first, halved by each; odd rests are dropped."""
    levels = [_whole(stages.smooth, luma, SMOOTH_HALO_PX)]
    for _ in range(level_count(*luma.shape[-2:]) - 1):
        height, width = levels[-1].shape[-2:]
        even = levels[-1][..., : height - height % 2, : width - width % 2]
        levels.append(_whole(stages.halve, even, HALVE_HALO_PX))
    return levels


def surrounded(level: Tensor, stages: AlignStages) -> Tensor:
    """What a level [1, 1, h, w] differs by from its surroundings."""
    return _whole(stages.surround, level, SURROUND_HALO_PX)


def level_scaling(height: int, width: int) -> np.ndarray:
    """From points of the level above one of ``height`` and ``width`` to points of that, [3, 3]."""
    scaling = np.diag([2.0, 2.0, 1.0])
    scaling[:2, 2] = -0.5 * (width % 2), -0.5 * (height % 2)
    return scaling


def finer_matrices(matrices: np.ndarray, height: int, width: int) -> np.ndarray:
    """Motions [N, 3, 3] on the level above one of ``height`` and ``width``, on that level.

    Centers of odd sides lie half a pixel off: a point p is 2·p − (odd, odd)/2 there.
    """
    scaling = level_scaling(height, width)
    finer: np.ndarray = scaling @ matrices @ np.linalg.inv(scaling)
    return finer


def _whole(stage: Callable[[Tensor], Tensor], picture: Tensor, halo: int) -> Tensor:
    # Beyond the edge the nearest pixel counts.
    with torch.inference_mode():
        return stage(functional.pad(picture, (halo,) * 4, mode="replicate"))
