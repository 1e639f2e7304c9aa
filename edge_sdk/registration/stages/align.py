"""Stage ``align``: what the pixels of a frame say about its motion, summed by blocks.

A static graph of products, sums, one division and means. It knows neither positions nor a model of
motion: pixels are given block by block, in any order, and what it returns is added up by a driver,
which solves for the motion that it wants.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from edge_sdk.exported import less_product
from edge_sdk.registration.stages.expand import MIDDLE, POWERS, SCALE

BLOCK_POINTS = 64
"""Pixels of a block, which all count as lying at their mean place."""
TUKEY = 4.685
"""Tuning constant of the biweight: 95 % efficient on Gaussian residuals."""
CONTRAST_PX = 0.14
"""Displacement that two samplings of an edge may seem to differ by: flat parts know no aliasing."""
SUMS = 22
"""Channels of the result."""
FLOOR = 1e-4
"""Least bound of a squared residual, so that nothing is divided by 0 in half precision either."""


class Align(nn.Module):
    """Gauss–Newton's sums for a frame f against the reference R, which is moved, never the frame.

    At a pixel p of the reference the frame gives its pixel at a whole shift, which lies at p + δ on
    the reference. With gain g, offset o and S = ``SCALE``,

        v = S·(R(p + δ) − ½)            (v_x, v_y) = its slopes at p + δ
        r = S·(f − ½ − o) − g·v
        e = max(1 − r²/b, 0)            b = (s² + (v_x² + v_y²)·``CONTRAST_PX``²)·``TUKEY``²
        w = m·e²

    m the mask and s S times the robust standard deviation. The offset is what the frame differs by
    where the reference is ½. Means over blocks are returned of w·(v_x, v_y, v, 1), times each of
    v_x, v_y, v, 1 and r, and of m·r² and m·e.
    """

    def forward(
        self,
        coefficients: Tensor,
        sample: Tensor,
        offset: Tensor,
        mask: Tensor,
        numbers: Tensor,
    ) -> Tensor:
        """Sum one tile of B blocks, ``BLOCK_POINTS`` pixels each, of one frame or of several.

        Args:
            coefficients: float [1, 10, B, 64], as
                :class:`~edge_sdk.registration.stages.expand.Expand` makes them.
            sample: float [N, 1, B, 64] in [0, 1], pixels of the frame.
            offset: float [N, 2, B, 64]: δ = (x, y) in pixels, at most ``REACH_PX``, as of frames
                that are turned by up to 11°.
            mask: float [N, 1, B, 64], 0 or more: 0 where the frame shows nothing.
            numbers: float [N, 1, 1, 3]: g, o and s.

        Returns:
            Float [N, 22, B, 1], means over the pixels of each block.
        """
        value, slope_x, slope_y = _looked_up(coefficients, offset[:, :1], offset[:, 1:])
        gain, light, spread = (numbers[..., k : k + 1] for k in range(3))
        residual = less_product((sample - MIDDLE - light) * SCALE, gain, value)
        squared = residual * residual
        steep = _plus_product(slope_x * slope_x, slope_y, slope_y)
        bound = (steep * CONTRAST_PX**2 + spread * spread) * TUKEY**2 + FLOOR
        fit = functional.relu(1.0 - squared / bound)
        agreeing = fit * mask
        weight = agreeing * fit
        along = weight * torch.cat((slope_x, slope_y, value), 1)
        along = torch.cat((along, weight), 1)
        products = [_block_means(along * x) for x in (slope_x, slope_y, value)]
        rest = (_block_means(along), _block_means(along * residual))
        fits = (_block_means(squared * mask), _block_means(agreeing))
        # Joined by at most four: some delegates leave longer joins to the processor.
        return torch.cat((torch.cat((*products, rest[0]), 1), torch.cat((rest[1], *fits), 1)), 1)


class PackedAlign(nn.Module):
    """Stage ``align`` as one tensor to one tensor: 10 + 1 + 2 + 1 + 1 channels to 22.

    The last channel has the numbers in the first three columns of its first row.
    """

    def __init__(self) -> None:
        super().__init__()
        self.align = Align()

    def forward(self, packed: Tensor) -> Tensor:
        """Float [1, 15, B, 64] to float [1, 22, B, 1]."""
        sums: Tensor = self.align(
            packed[:, :10],
            packed[:, 10:11],
            packed[:, 11:13],
            packed[:, 13:14],
            packed[:, 14:15, :1, :3],
        )
        return sums


PACKED_CHANNELS = 15
"""Channels of the input of :class:`PackedAlign`."""


def _looked_up(coefficients: Tensor, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The polynomial and its slopes along x and y, by Horner's rule in x within powers of y."""
    c = {power: coefficients[:, k : k + 1] for k, power in enumerate(POWERS)}
    cubic, square = c[3, 0] * x, c[2, 1] * x
    inner = cubic + c[2, 0]
    once = square + c[1, 1]
    bent = _plus_product(c[0, 2], c[1, 2], x)
    twice = _plus_product(bent, c[0, 3], y)
    level = _plus_product(c[1, 0], inner, x)
    row = _plus_product(c[0, 1], once, x)
    value = _plus_product(row, twice, y)
    slope_y = value + (_plus_product(twice, c[0, 3], y)) * y
    value = _plus_product(_plus_product(c[0, 0], level, x), value, y)
    slope_x = _plus_product(level, cubic + inner, x)
    turned = _plus_product(once + square, c[1, 2], y)
    return value, _plus_product(slope_x, turned, y), slope_y


def _block_means(x: Tensor) -> Tensor:
    # The same mean: delegates take it as a pool, a processor reads rows faster without.
    if torch.compiler.is_compiling():
        return functional.avg_pool2d(x, (1, BLOCK_POINTS))
    return x.mean(-1, keepdim=True)


def _plus_product(total: Tensor, first: Tensor, second: Tensor) -> Tensor:
    # Delegates take a product and a sum, not both in one.
    if torch.compiler.is_compiling():
        return total + first * second
    return torch.addcmul(total, first, second)
