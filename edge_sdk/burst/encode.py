"""Stage ``encode``: one frame's tile becomes weighted sums on the finer grid.

A static graph of slices, products, sums, exp and pools: no gather, no grid_sample, no sort. The
driver crops the tiles, adds up what ``encode`` returns for all frames and hands the sums to
``decode``.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from edge_sdk.reparam.block import sum_tensors

REACH_PX = 2
"""Radius of the window of frame pixels that each output pixel is interpolated from."""
HALO_PX = 6
"""Margin of a tile that ``encode`` consumes: the window, the local means and their spread."""
MAX_RESIDUAL_PX = 1.5
"""Largest motion, in pixels, that may be left inside a tile after its whole-pixel crop."""
CONTRAST_SHARE = 0.15
"""Part of the local variance by which two aligned, aliased samplings of a detail may differ."""
QUANTISATION = (1 / 255) ** 2 / 6
"""Variance of the difference of two values rounded to 8 bits."""
# Floats: a whole number would become an integer constant that every delegate must convert.
_OFFSETS = tuple(float(offset) for offset in range(-REACH_PX, REACH_PX + 1))
KERNEL_STD_PX = 0.25
"""Width of the regression kernel: narrow enough to keep the detail that the frames add."""
TOLERANCE = 2.0
"""Standard deviations of expected difference up to which two frames count as agreeing."""


class Encode(nn.Module):
    """Adds one frame's tile to the finer grid: kernel regression with ghost weights.

    For output pixel p + φ (φ one of scale² sub-pixel phases) and the frame's sample at p + o,

        weight(o) = exp(−|o − φ − r(p)|² / 2σ²) · confidence(p) · agreement(p),

    where r is the affine motion left after the driver's whole-pixel crop. The sums Σ weight·sample
    and Σ weight over a 5×5 window are returned; adding them over frames and dividing gives the
    picture (specification 2; Takeda, Farsiu & Milanfar 2007, order 0).

    ``agreement`` in [0, 1] compares 3×3 means of the frame, brought to the reference's grid, with
    those of the reference, against the noise and the local contrast (after Wronski et al. 2019):
    1 where they show the same thing, 0 where something moved.

    Args:
        tile_px: side of the tiles, halo included.
        scale: enlargement.
        kernel_std_px: σ, in pixels of a frame.
        tolerance: how many standard deviations of noise count as agreement.
    """

    def __init__(
        self,
        tile_px: int,
        scale: int,
        kernel_std_px: float = KERNEL_STD_PX,
        tolerance: float = TOLERANCE,
    ) -> None:
        super().__init__()
        self.tile_px = tile_px
        self.scale = scale
        self.kernel_std_px = kernel_std_px
        self.tolerance = tolerance
        self.phases_px = [(index + 0.5) / scale - 0.5 for index in range(scale)]
        axis = torch.arange(tile_px, dtype=torch.float32) - (tile_px - 1) / 2
        self.register_buffer("x", axis.view(1, 1, 1, -1), persistent=False)
        self.register_buffer("y", axis.view(1, 1, -1, 1), persistent=False)
        self.x: Tensor
        self.y: Tensor

    def forward(
        self,
        reference: Tensor,
        frame: Tensor,
        motion: Tensor,
        confidence: Tensor,
        noise_std: Tensor,
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Encode one tile.

        Args:
            reference: float [N, 3, T, T] in [0, 1], T = ``tile_px``.
            frame: float [N, 3, T, T], cropped at the whole-pixel motion of the tile's centre.
            motion: float [N, 6, 1, 1]: (x0, xx, xy, y0, yx, yy); the motion left at (x, y) from
                the tile's centre is (x0 + xx·x + xy·y, y0 + yx·x + yy·y), at most 1.5 px.
            confidence: float [N, 1, T, T] in [0, ∞): 0 where the frame shows nothing.
            noise_std: float [N, 1, 1, 1], noise of one frame on values in [0, 1].

        Returns:
            Weighted sums float [N, 3·scale², t, t], weights float [N, scale², t, t], and agreement
            times confidence float [N, 1, t, t]; t = T − 2·halo. Channel scale²·c + scale·a + b is
            colour c of phase row a, column b, as PixelShuffle takes them.
        """
        motion_x = motion[:, 0:1] + motion[:, 1:2] * self.x + motion[:, 2:3] * self.y
        motion_y = motion[:, 3:4] + motion[:, 4:5] * self.x + motion[:, 5:6] * self.y
        trust = self.agreement(reference, frame, motion_x, motion_y, noise_std)
        trust = trust * _inner(confidence, HALO_PX)
        inner_x, inner_y = _inner(motion_x, HALO_PX), _inner(motion_y, HALO_PX)
        window = _inner(frame, HALO_PX - REACH_PX)
        columns = [self._weights(inner_x, phase) for phase in self.phases_px]
        rows = [self._weights(inner_y, phase) for phase in self.phases_px]
        lines = [[_weighted(window, row, weights) for row in range(5)] for weights in columns]
        sums, totals = [], []
        for row_weights in rows:
            row_total = sum_tensors(row_weights) * trust
            for line, column_weights in zip(lines, columns, strict=True):
                products = [w * part for w, part in zip(row_weights, line, strict=True)]
                sums.append(sum_tensors(products) * trust)
                totals.append(row_total * sum_tensors(column_weights))
        by_colour = [part[:, colour : colour + 1] for colour in range(3) for part in sums]
        return torch.cat(by_colour, 1), torch.cat(totals, 1), trust

    def agreement(
        self,
        reference: Tensor,
        frame: Tensor,
        motion_x: Tensor,
        motion_y: Tensor,
        noise_std: Tensor,
    ) -> Tensor:
        """How far the frame shows what the reference shows, float [N, 1, t, t] in [0, 1]."""
        weights_x = [
            (1.0 - (offset - _inner(motion_x, REACH_PX)).abs()).clamp(0, 1) for offset in _OFFSETS
        ]
        weights_y = [
            (1.0 - (offset - _inner(motion_y, REACH_PX)).abs()).clamp(0, 1) for offset in _OFFSETS
        ]
        lines = [_weighted(frame, row, weights_x) for row in range(5)]
        warped = sum_tensors([w * line for w, line in zip(weights_y, lines, strict=True)])
        here = _inner(reference, REACH_PX)
        mean = functional.avg_pool2d(here, 3, 1)
        difference = functional.avg_pool2d(warped, 3, 1) - mean
        distance = _over_colours(difference * difference)
        spread = functional.avg_pool2d(here * here, 3, 1) - mean * mean
        noise = noise_std * noise_std
        contrast = (_over_colours(spread) - noise).clamp(0, 1)
        # Two means of nine pixels differ by 2σ²/9; sub-pixel sampling adds a part of the contrast.
        expected = noise * (2 / 9) + contrast * CONTRAST_SHARE + QUANTISATION
        excess = distance / (expected * self.tolerance**2)
        agreement = (1.5 * torch.exp(-0.5 * excess * excess) - 0.1).clamp(0, 1)
        # A ghost's edge agrees by chance: the worst agreement nearby counts.
        return -functional.max_pool2d(-agreement, 5, 1)[..., 1:-1, 1:-1]

    def _weights(self, motion: Tensor, phase: float) -> list[Tensor]:
        scale = 0.5 / self.kernel_std_px**2
        weights = []
        for offset in _OFFSETS:
            distance = motion + (phase - offset)
            weights.append(torch.exp(distance * distance * -scale))
        return weights


def _inner(x: Tensor, margin: int) -> Tensor:
    return x[..., margin:-margin, margin:-margin] if margin else x


def _over_colours(x: Tensor) -> Tensor:
    # A mean over channels, in operators that delegates take.
    return sum_tensors([x[:, colour : colour + 1] for colour in range(3)]) * (1.0 / 3.0)


def _weighted(window: Tensor, row: int, weights: list[Tensor]) -> Tensor:
    height = window.shape[-2] - 2 * REACH_PX
    width = window.shape[-1] - 2 * REACH_PX
    views = [window[..., row : row + height, column : column + width] for column in range(5)]
    return sum_tensors([w * view for w, view in zip(weights, views, strict=True)])
