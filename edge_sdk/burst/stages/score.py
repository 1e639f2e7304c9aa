"""Stage ``score``: the energy of a level's Laplacian, by blocks of 8×8 pixels."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional

HALO_PX = 1
"""Margin that :class:`Score` consumes."""
BLOCK_PX = 8
"""Side of a block."""


class Score(nn.Module):
    """What a level says about sharpness: mean m·(4·Y − left − right − above − below)².

    A driver adds blocks up to the energy of the level and takes a quantile of them for its noise
    (:mod:`edge_sdk.burst.reference.gradient_energy`).
    """

    def forward(self, level: Tensor, shown: Tensor) -> Tensor:
        """Measure one tile.

        Args:
            level: float [1, 1, T + 2, T + 2] in [0, 1]; T is a multiple of ``BLOCK_PX`` and need
                not be the same up and across.
            shown: float [1, 1, T, T], m: 1 on the picture without its outermost pixels, else 0.

        Returns:
            Float [1, 1, T/8, T/8], means over blocks.
        """
        # Near values have an exact difference in any precision.
        middle = level[..., 1:-1, 1:-1]
        across = (middle - level[..., 1:-1, :-2]) + (middle - level[..., 1:-1, 2:])
        change = across + ((middle - level[..., :-2, 1:-1]) + (middle - level[..., 2:, 1:-1]))
        return functional.avg_pool2d(change * change * shown, BLOCK_PX)


class PackedScore(nn.Module):
    """Stage ``score`` as one tensor to one tensor: a level and its mask, both with the margin."""

    def __init__(self) -> None:
        super().__init__()
        self.score = Score()

    def forward(self, packed: Tensor) -> Tensor:
        """Float [1, 2, T + 2, T + 2] to float [1, 1, T/8, T/8]."""
        halo = HALO_PX
        found: Tensor = self.score(packed[:, :1], packed[:, 1:, halo:-halo, halo:-halo])
        return found
