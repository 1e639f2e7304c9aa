"""Stage ``encode``: frames of one tile become weighted sums on the finer grid.

A static graph of slices, products, sums, exp and pools: no gather, no grid_sample, no sort. The
driver crops the tiles along the motion, adds up what ``encode`` returns for all frames and hands
the sums to ``decode``.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from edge_sdk.burst.agreement import agreement
from edge_sdk.burst.steering import Steering, SteeringConfig, slopes
from edge_sdk.reparam.block import sum_tensors

HALO_PX = 5
"""Margin of a tile that ``encode`` consumes: neighbours, local means, their spread, slopes."""
MAX_OFFSET_PX = 0.55
"""Largest offset of a sample from its pixel: half a pixel, and a little for turned frames."""
KERNEL_STD_PX = {1: 0.35, 2: 0.26, 3: 0.22, 4: 0.2}
"""Width of the regression kernel by scale: narrow enough to keep the detail that frames add."""
REACH_STD = 2.0
"""Samples that cannot come closer than this many σ to a finer pixel are left out of it."""


class Encode(nn.Module):
    """Adds frames of one tile to the finer grid: steered kernel regression with ghost weights.

    A frame's sample at pixel q has the value v and lies at q + δ(q) on the reference's grid. For
    the finer pixel at p + φ, φ one of scale² sub-pixel phases, it counts with

        w = exp(−½ eᵀ C⁻¹ e) · confidence(q) · agreement(q),    e = q + δ(q) − p − φ,

    and with the value v − ∇Y(q)·e, which the reference's slope ∇Y carries from where the sample
    lies to where it is wanted. C is narrower across edges than along them
    (:class:`~edge_sdk.burst.steering.Steering`; Takeda, Farsiu & Milanfar 2007). The sums Σ w·value
    and Σ w over all frames, divided, are the merged picture.

    Args:
        scale: enlargement, 1 to 4.
        kernel_std_px: σ where there is no edge, in pixels of a frame; ``None`` for the scale's own.
        steering: how the kernel follows edges; ``None`` for the default.
    """

    def __init__(
        self,
        scale: int,
        kernel_std_px: float | None = None,
        steering: SteeringConfig | None = None,
    ) -> None:
        super().__init__()
        self.scale = scale
        self.kernel_std_px = KERNEL_STD_PX[scale] if kernel_std_px is None else kernel_std_px
        self.steering = Steering(self.kernel_std_px, steering or SteeringConfig())
        self.taps = [self._taps((index + 0.5) / scale - 0.5) for index in range(scale)]

    def forward(
        self,
        reference: Tensor,
        frame: Tensor,
        offset: Tensor,
        confidence: Tensor,
        noise_std: Tensor,
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Encode one tile of a frame, or of several frames, which are added up.

        Args:
            reference: float [1, 3, T, T] in [0, 1].
            frame: float [N, 3, T, T]: at each pixel the frame's pixel nearest to where the motion
                takes it.
            offset: float [N, 2, T, T]: δ = (x, y), where that sample lies on the reference's grid,
                relative to the pixel, at most ``MAX_OFFSET_PX`` each.
            confidence: float [N, 1, T, T] in [0, ∞): 0 where the frame shows nothing.
            noise_std: float [1, 1, 1, 1], noise of one frame on values in [0, 1].

        Returns:
            Weighted sums float [1, 3·scale², t, t] and weights float [1, scale², t, t], both over
            the N frames, and agreement times confidence float [N, 1, t, t]; t = T − 2·halo. Channel
            scale²·c + scale·a + b is colour c of phase row a, column b, as PixelShuffle takes them.
        """
        slope_x, slope_y = slopes(reference)
        offset_x, offset_y = offset[:, :1], offset[:, 1:]
        inner_frame, inner_x, inner_y = (_inner(x, 1) for x in (frame, offset_x, offset_y))
        # The frame's values as they would be at the pixels themselves.
        level = inner_frame - slope_x * inner_x - slope_y * inner_y
        trust = agreement(_inner(reference, 1), level, noise_std)
        trust = trust * _inner(confidence, HALO_PX - 1)
        form_xx, form_xy, form_yy = (_inner(x, 1) for x in self.steering(reference, noise_std))
        level, slope_x, slope_y = (_inner(x, HALO_PX - 2) for x in (level, slope_x, slope_y))
        offset_x, offset_y = (_inner(x, HALO_PX - 1) for x in (offset_x, offset_y))
        along_x = 2.0 * form_xx * offset_x + form_xy * offset_y
        along_y = 2.0 * form_yy * offset_y + form_xy * offset_x
        start = 0.5 * (along_x * offset_x + along_y * offset_y)
        sums, weights = [], []
        for row_taps in self.taps:
            for column_taps in self.taps:
                parts, counts = [], []
                for neighbour_y, y in row_taps:
                    for neighbour_x, x in column_taps:
                        form = x * x * form_xx + x * y * form_xy + y * y * form_yy
                        weight = torch.exp(-(start + x * along_x + y * along_y + form)) * trust
                        count = _added(weight)
                        slope = x * slope_x + y * slope_y
                        part = _added(weight * level) - slope * count
                        parts.append(_neighbour(part, neighbour_x, neighbour_y))
                        counts.append(_neighbour(count, neighbour_x, neighbour_y))
                sums.append(sum_tensors(parts))
                weights.append(sum_tensors(counts))
        by_colour = [part[:, colour : colour + 1] for colour in range(3) for part in sums]
        return torch.cat(by_colour, 1), torch.cat(weights, 1), _inner(trust, 1)

    def _taps(self, phase_px: float) -> list[tuple[int, float]]:
        """Neighbours that matter to a phase, along one axis, and their distance from it."""
        reach = REACH_STD * self.kernel_std_px
        return [
            (neighbour, neighbour - phase_px)
            for neighbour in (-1, 0, 1)
            if abs(neighbour - phase_px) - 0.5 <= reach
        ]


def _inner(x: Tensor, margin: int) -> Tensor:
    return x[..., margin:-margin, margin:-margin]


def _added(x: Tensor) -> Tensor:
    # Over frames; a stage of one frame has nothing to add.
    return x if x.shape[0] == 1 else x.sum(0, keepdim=True)


def _neighbour(x: Tensor, right: int, down: int) -> Tensor:
    height, width = x.shape[-2:]
    return x[..., 1 + down : height - 1 + down, 1 + right : width - 1 + right]
