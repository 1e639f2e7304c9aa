"""Gradient energy of a frame through stages ``halve`` and ``score``: what a phone's driver does."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

from edge_sdk.burst.reference.gradient_energy import (
    LEVELS,
    QUIET_BIAS,
    SMALLEST_LEVEL_PX,
    GradientEnergy,
    noise_of_blocks,
)
from edge_sdk.burst.stages.levels import HALVE_HALO_PX, Halve
from edge_sdk.burst.stages.score import BLOCK_PX, HALO_PX, Score


def gradient_energy_by_stages(
    luma: Tensor,
    halve: Callable[[Tensor], Tensor] | None = None,
    score: Callable[[Tensor, Tensor], Tensor] | None = None,
) -> GradientEnergy:
    """Measure as :func:`~edge_sdk.burst.reference.gradient_energy.gradient_energy` does.

    The same but for coarser levels, in which pixels beyond the edge of the finer one count.

    Args:
        luma: float [1, H, W] in [0, 1], at least 10×10 px.
        halve: runs the stage; PyTorch by default.
        score: runs the stage; PyTorch by default.

    Example:
        >>> import torch
        >>> from edge_sdk.burst.reference.stage_energy import gradient_energy_by_stages
        >>> flat = gradient_energy_by_stages(torch.full((1, 40, 40), 0.5))
        >>> flat.score
        0.0
    """
    halve, score = halve or Halve(), score or Score()
    level = luma[None]
    signal, noise, blocks = [], [], []
    for bias in QUIET_BIAS[:LEVELS]:
        means, count = _block_means(level, score)
        energy = means.sum() * (BLOCK_PX**2 / count)
        rows, columns = ((side - 2 * HALO_PX) // BLOCK_PX for side in level.shape[-2:])
        floor = noise_of_blocks(means[:rows, :columns].flatten(), bias)
        signal.append((energy - floor).clamp_min(0))
        noise.append(floor)
        blocks.append(means * (BLOCK_PX**2 / count))
        height, width = level.shape[-2:]
        if min(height, width) // 2 < SMALLEST_LEVEL_PX:
            break
        even = level[..., : height - height % 2, : width - width % 2]
        level = halve(functional.pad(even, (HALVE_HALO_PX,) * 4, mode="replicate"))
    return GradientEnergy(torch.stack(signal), torch.stack(noise), tuple(blocks))


def _block_means(level: Tensor, score: Callable[[Tensor, Tensor], Tensor]) -> tuple[Tensor, int]:
    """Means over blocks [h, w], of which the last lie beyond the level in part, and its pixels."""
    height, width = (side - 2 * HALO_PX for side in level.shape[-2:])
    missing = (0, -width % BLOCK_PX, 0, -height % BLOCK_PX)
    shown = functional.pad(torch.ones(1, 1, height, width), missing)
    return score(functional.pad(level, missing), shown)[0, 0], height * width
