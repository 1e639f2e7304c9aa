"""How many frames' worth of samples each place of a burst's picture received.

A frame counts at a pixel by the trust in it there, 0 to 1, and the reference as 1:

    n = 1 + Σ_i trust_i,

so that the mean of n over the picture is 1 and the shares of all other frames. The reference's
weight in the merge, 1.5, is no second frame. Kish's size of a weighted sample, (Σw)² / Σw², says
how far noise falls, and no less than n as long as no weight is above 1; but it knows the ratios of
weights alone, not how large they are: seven frames of which each is trusted by a tenth are 2.7 by
it, and 1.7 here.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

SQUARE_PX = 16
"""Side of the squares of reference pixels that one place is the mean over."""
LOW_SHARE = 0.1
"""Part of the picture that :attr:`EffectiveFrames.low` speaks of."""


@dataclass(frozen=True, eq=False)
class EffectiveFrames:
    """Effective frames of a burst, all told and by place.

    Attributes:
        mean: over all pixels of what is enlarged, 1 to the number of frames.
        low: the places with so many or fewer are a tenth of what is enlarged.
        places: float32 [⌈h/16⌉, ⌈w/16⌉], means over squares of 16×16 pixels of what is enlarged;
            the last row and column over what is left.

    Example:
        >>> import torch
        >>> from edge_sdk import zoom
        >>> effective = zoom(torch.rand(1, 3, 32, 48)).effective
        >>> effective.mean, effective.low, tuple(effective.places.shape)
        (1.0, 1.0, (2, 3))
    """

    mean: float
    low: float
    places: Tensor


def effective_frames(trust: Tensor, height: int, width: int) -> EffectiveFrames:
    """Effective frames where the trust in all frames but the reference is known.

    Args:
        trust: float [⌈h/16⌉, ⌈w/16⌉], its sum over these frames and over the pixels of each square.
        height: h, rows of what is enlarged.
        width: w, columns of it.
    """
    rows, columns = (
        (length - torch.arange(0, length, SQUARE_PX)).clamp_max(SQUARE_PX)
        for length in (height, width)
    )
    areas = (rows[:, None] * columns).double()
    places = 1 + trust.double() / areas
    values, order = places.flatten().sort()
    covered = areas.flatten()[order].cumsum(0)
    low = values[int((covered < LOW_SHARE * height * width).sum())]
    mean = 1 + float(trust.double().sum()) / (height * width)
    return EffectiveFrames(mean, float(low), places.float())


def reference_alone(height: int, width: int) -> EffectiveFrames:
    """Effective frames of a picture of h×w pixels that no other frame added to."""
    size = (-(-height // SQUARE_PX), -(-width // SQUARE_PX))
    return effective_frames(torch.zeros(size), height, width)
