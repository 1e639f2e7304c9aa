"""Noise level of a frame, estimated from the frame alone."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

BLOCK_PX = 16
QUIET_SHARE = 0.25
"""Share of the quietest blocks that are taken to be free of texture."""
QUIET_BIAS = 0.943
"""What that quantile of 16×16 blocks is of the mean over all, for white noise without texture."""
ROWS_OF_BLOCKS = 16
"""Rows of blocks that are looked at together: so few stay in a processor's cache."""
UNCHANGED = 1e-6
"""Mean response under which a block holds one value."""


def estimate_noise_std(luma: Tensor) -> Tensor:
    """Standard deviation of white noise, after Immerkær (1996), on the quietest blocks.

    The second-difference mask N = [1 −2 1; −2 4 −2; 1 −2 1] is blind to planes and responds to
    white noise with 6σ; σ = √(π/2)·mean|Y∗N|/6. The mean is taken per block, and the quantile
    ``QUIET_SHARE`` of the blocks avoids texture; what it loses by taking quiet blocks is put back.

    Args:
        luma: float [N, 1, H, W] in [0, 1], at least 3×3 px.

    Returns:
        Float [N] in the same units. Texture everywhere makes it an overestimate; wholly clipped
        (black or white) blocks are left out, those clipped in part make it an underestimate.
    """
    block = min(BLOCK_PX, *(side - 2 for side in luma.shape[-2:]))
    rows = ROWS_OF_BLOCKS * block
    # What is left over below the last whole blocks does not count.
    starts = range(0, (luma.shape[-2] - 2) // block * block, rows)
    parts = [_block_means(luma[..., start : start + rows + 2, :], block) for start in starts]
    means = torch.cat(parts, 1)
    # Blocks without any change are clipped, or drawn: they say nothing about noise.
    quiet = means.masked_fill(means < UNCHANGED, torch.nan).nanquantile(QUIET_SHARE, dim=1)
    return quiet.nan_to_num(0.0) * (math.sqrt(math.pi / 2) / 6 / QUIET_BIAS)


def _block_means(luma: Tensor, block: int) -> Tensor:
    """Mean response of whole blocks, [N, B], of luma with one pixel more on each side."""
    # The mask is the product of two second differences.
    down = luma[..., :-2, :] + luma[..., 2:, :]
    down -= 2 * luma[..., 1:-1, :]
    response = down[..., :-2] + down[..., 2:]
    response -= 2 * down[..., 1:-1]
    return functional.avg_pool2d(response.abs_(), block).flatten(1)
