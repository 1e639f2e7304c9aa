"""Color filter of a sensor (Bayer, RGGB) and a demosaic that undoes it.

The demosaic is the gradient-corrected linear one of Malvar, He and Cutler (2004): a missing color
is interpolated bilinearly from its own neighbors and corrected by the Laplacian of the color that
the pixel does have. It is exact where every channel is a plane.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

_GREEN = ((0, 0, -1, 0, 0), (0, 0, 2, 0, 0), (-1, 2, 4, 2, -1), (0, 0, 2, 0, 0), (0, 0, -1, 0, 0))
_BESIDE = (
    (0, 0, 0.5, 0, 0),
    (0, -1, 0, -1, 0),
    (-1, 4, 5, 4, -1),
    (0, -1, 0, -1, 0),
    (0, 0, 0.5, 0, 0),
)
_ACROSS = (
    (0, 0, -1.5, 0, 0),
    (0, 2, 0, 2, 0),
    (-1.5, 0, 6, 0, -1.5),
    (0, 2, 0, 2, 0),
    (0, 0, -1.5, 0, 0),
)
_CHANNELS = ((0, 1), (1, 2))
"""Channel of each of the 2×2 pixels that repeat."""


def mosaic(colors: Tensor) -> Tensor:
    """Keep the one color that each pixel's filter lets through.

    Args:
        colors: float [3, H, W].

    Returns:
        Float [1, H, W]: red where row and column are even, blue where both are odd, else green.
    """
    single = colors[1:2].clone()
    single[:, ::2, ::2] = colors[0, ::2, ::2]
    single[:, 1::2, 1::2] = colors[2, 1::2, 1::2]
    return single


def demosaic(single: Tensor) -> Tensor:
    """Interpolate the missing colors.

    Args:
        single: float [1, H, W] as :func:`mosaic` gives, at least 3×3.

    Returns:
        Float [3, H, W]; not clipped. The color that a pixel has is kept as it is.
    """
    beside = torch.tensor(_BESIDE)
    kernels = torch.stack((torch.tensor(_GREEN), beside, beside.T, torch.tensor(_ACROSS))) / 8
    # A reflection that leaves out the edge keeps the order of the colors.
    padded = functional.pad(single[None], (2, 2, 2, 2), mode="reflect")
    found = functional.conv2d(padded, kernels[:, None].to(single))[0]
    green, level, upright, across = (found[position] for position in range(4))
    colors = single.expand(3, -1, -1).clone()
    for row in range(2):
        for column in range(2):
            own = _CHANNELS[row][column]
            at = (slice(row, None, 2), slice(column, None, 2))
            for channel in range(3):
                if channel == own:
                    continue
                if channel == 1:
                    source = green
                elif own == 1:
                    source = level if channel in _CHANNELS[row] else upright
                else:
                    source = across
                colors[channel][at] = source[at]
    return colors
