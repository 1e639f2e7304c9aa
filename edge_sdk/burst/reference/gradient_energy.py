"""Sharpness of a frame: the energy of its Laplacian over four octaves, less what noise gives.

On level l of a Gaussian pyramid, E_l is the mean square of the 4-neighbor Laplacian. Photographs
have spectra that fall as 1/f: in its own pixels every level then holds about the same energy, so
that the plain sum over levels gives each octave the same weight. A blur takes from E_l what it
takes from the picture in that octave; the finest level alone cannot distinguish a shake of ten
pixels from one of four.

N_l, the part of E_l that noise gives, is measured on that level: the quietest quarter of 8×8
blocks, put right for what this quantile loses. So noise that demosaicing, denoising or JPEG made
smooth counts where it is. Blocks without any change (clipped, or drawn) hold no noise.

With S_l = max(E_l − N_l, 0) the score is

    score = Σ_l S_l² / (S_l + N_l),

the energy that a Wiener filter could give back from this frame alone: S_l where there is no noise,
next to nothing where noise prevails. E_l − N_l itself would be fair on average, but its error grows
with the noise, and the largest of many such scores would be that of a noisy frame.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor
from torch.nn import functional

from edge_sdk.burst.reference.lost_parts import at_level
from edge_sdk.burst.stages.frame_stages import FrameStages
from edge_sdk.burst.stages.score import BLOCK_PX, HALO_PX
from edge_sdk.registration.stages.levels import HALVE_HALO_PX

ScoreStage = Callable[[Tensor, Tensor], Tensor]
HalveStage = Callable[[Tensor], Tensor]

LEVELS = 4
SMALLEST_LEVEL_PX = 16
DETAIL_LEVELS = 2
QUIET_SHARE = 0.25
"""Share of the quietest blocks that are taken to be free of texture."""
QUIET_BIAS = (0.841, 0.865, 0.870, 0.871)
"""What that quantile of 8×8 blocks is of the mean over all, per level, for white noise alone."""

ROWS_OF_BLOCKS = 16
"""Rows of blocks that are looked at together: so few stay in a processor's cache."""
FLAT = 1e-12
"""Mean square of the Laplacian under which a block holds one value: sums of floats round, and one
level of 16 bits gives forty times as much."""


@dataclass(frozen=True, eq=False)
class GradientEnergy:
    """Energy of a frame's Laplacian, level by level, finest first.

    Attributes:
        signal: float [L], S_l.
        noise: float [L], N_l.
        blocks: for each level, float [h, w]: what each 8×8 block gives to the level's mean, noise
            included; their sum is that mean.
    """

    signal: Tensor
    noise: Tensor
    blocks: tuple[Tensor, ...] = field(default=(), repr=False)

    @property
    def flat(self) -> Tensor:
        """Bool [h, w]: blocks of the finest level that hold one value, or a plane of values."""
        return _are_flat(self.blocks[0])

    def without(self, lost: Tensor) -> GradientEnergy:
        """The energy as if some blocks held noise alone.

        Args:
            lost: bool [h, w], blocks of the finest level.
        """
        signal, noise = [], []
        for level, (energy, blocks) in enumerate(zip(self.signal, self.blocks, strict=True)):
            gone = at_level(lost, level, (blocks.shape[0], blocks.shape[1]))
            noisy = ~_are_flat(blocks)
            everywhere = self.noise[level] / noisy.float().mean().clamp_min(1 / noisy.numel())
            taken = blocks[gone].sum() - everywhere * (gone & noisy).float().mean()
            signal.append((energy - taken.clamp_min(0)).clamp_min(0))
            noise.append(everywhere)
        return GradientEnergy(torch.stack(signal), torch.stack(noise), self.blocks)

    @property
    def score(self) -> float:
        """Σ S² / (S + N)."""
        return float(self._shares.sum())

    @property
    def detail(self) -> float:
        """The same sum over the ``DETAIL_LEVELS`` finest levels, which any blur takes first."""
        return float(self._shares[:DETAIL_LEVELS].sum())

    @property
    def _shares(self) -> Tensor:
        total = (self.signal + self.noise).clamp_min(torch.finfo(self.signal.dtype).tiny)
        return self.signal.square() / total


def gradient_energy(luma: Tensor, stages: FrameStages | None = None) -> GradientEnergy:
    """Measure the energy of one frame's Laplacian and the part that is noise.

    Stages ``score`` and ``halve`` do the arithmetic, on strips of rows.

    Args:
        luma: float [1, H, W] in [0, 1], at least 3×3 px. Levels whose shorter side falls under
            16 px are left out.
        stages: what computes; PyTorch by default.

    Returns:
        One value per level. Texture that fills the whole picture evenly is taken for noise.

    Example:
        >>> import torch
        >>> from edge_sdk.burst.reference.gradient_energy import gradient_energy
        >>> gradient_energy(torch.full((1, 40, 40), 0.5)).score
        0.0
    """
    stages = stages or FrameStages()
    level = luma[None]
    signal, noise, blocks = [], [], []
    for index, bias in enumerate(QUIET_BIAS[:LEVELS]):
        if index:
            level = _halved(level, stages.align.halve)
        height, width = (side - 2 * HALO_PX for side in level.shape[-2:])
        sums = _block_sums(level, stages.score)
        floor = _noise_energy(sums, height, width, bias)
        blocks.append(sums / (height * width))
        signal.append((blocks[-1].sum() - floor).clamp_min(0))
        noise.append(floor)
        if min(level.shape[-2:]) // 2 < SMALLEST_LEVEL_PX:
            break
    return GradientEnergy(torch.stack(signal), torch.stack(noise), tuple(blocks))


def _are_flat(blocks: Tensor) -> Tensor:
    return blocks * blocks.numel() <= FLAT


def laplacian(luma: Tensor) -> Tensor:
    """4·Y less the four neighbors, [N, 1, H, W] to [N, 1, H − 2, W − 2]."""
    # In views: a library convolution of one channel takes ten times as long.
    total = luma[..., 1:-1, 1:-1] * 4
    total -= luma[..., :-2, 1:-1]
    total -= luma[..., 2:, 1:-1]
    total -= luma[..., 1:-1, :-2]
    total -= luma[..., 1:-1, 2:]
    return total


def _block_sums(level: Tensor, score: ScoreStage) -> Tensor:
    """Sums of the Laplacian's squares over blocks, [⌈h/8⌉, ⌈w/8⌉], h = H − 2, w = W − 2."""
    height, width = (side - 2 * HALO_PX for side in level.shape[-2:])
    missing = (0, -width % BLOCK_PX, 0, -height % BLOCK_PX)
    shown = functional.pad(torch.ones_like(level[..., :height, :width]), missing)
    padded = functional.pad(level, missing)
    rows = ROWS_OF_BLOCKS * BLOCK_PX
    return (
        BLOCK_PX**2
        * torch.cat(
            [
                score(
                    padded[..., top : top + rows + 2 * HALO_PX, :], shown[..., top : top + rows, :]
                )
                for top in range(0, shown.shape[-2], rows)
            ],
            -2,
        )[0, 0]
    )


def _halved(level: Tensor, halve: HalveStage) -> Tensor:
    height, width = level.shape[-2:]
    even = level[..., : height - height % 2, : width - width % 2]
    padded = functional.pad(even, (HALVE_HALO_PX,) * 4, mode="replicate")
    rows = ROWS_OF_BLOCKS * BLOCK_PX
    return torch.cat(
        [
            halve(padded[..., top : top + rows + 2 * HALVE_HALO_PX, :])
            for top in range(0, even.shape[-2], rows)
        ],
        -2,
    )


def _noise_energy(sums: Tensor, height: int, width: int, bias: float) -> Tensor:
    """Energy of noise by whole blocks; of less than one, by what there is."""
    side_y, side_x = min(BLOCK_PX, height), min(BLOCK_PX, width)
    whole = sums[: height // side_y, : width // side_x] / (side_y * side_x)
    return noise_of_blocks(whole.flatten(), bias)


def noise_of_blocks(means: Tensor, bias: float) -> Tensor:
    """Energy that noise gives to a level, [], from the means of its whole blocks, [B].

    The quantile ``QUIET_SHARE`` over the bias, by the share of blocks that hold any change.
    """
    nonzero = means[means > FLAT]
    if nonzero.numel() == 0:
        return means.new_zeros(())
    place = max(math.ceil(QUIET_SHARE * nonzero.numel()), 1)
    quiet = nonzero.kthvalue(place).values
    return quiet / bias * (nonzero.numel() / means.numel())
