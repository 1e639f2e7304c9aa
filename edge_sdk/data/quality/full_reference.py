"""How much of a picture is left in a copy of it: a score of 0 to 100 against the original.

Gradient magnitudes are what blur takes away and noise, blocks and ringing add, and both are seen
as loss where the two pictures have gradients at all. The measure is the gradient magnitude
similarity of Xue et al. (2014), pooled by weight instead of by deviation:

    s = (2·g·h + c) / (g² + h² + c),   w = max(g, h)²,   q = Σ w·s / Σ w,   score = 100·q³,

g and h the gradient magnitudes of the luma of both, by Prewitt's filters. Pooling by w makes it a
matter of edges, and of what was added in flat areas; plain sky, which nothing changes, does not
count. The third power is strictly monotone and spreads the document's degradations of all
severities over 0 to 100, about a third in each class and without a gap: it changes no order, and
gives the bounds 30 and 60 a meaning.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from edge_sdk.errors import PictureError

POWER = 3
_STABILIZER = 170 / 255**2
"""The constant c of the paper, for values in [0, 1]."""
_LUMA = (0.299, 0.587, 0.114)


def full_reference_score(copy: Tensor, original: Tensor) -> float:
    """Score of a copy of a picture; see the equations of this module.

    Args:
        copy: float32 [3, H, W], sRGB in [0, 1].
        original: of the same size.

    Returns:
        In [0, 100]; 100 if the luma of both has the same gradients everywhere.

    Raises:
        PictureError: if the sizes differ, or a picture is not of three colors.

    Example:
        >>> import torch
        >>> from edge_sdk.data.quality.full_reference import full_reference_score
        >>> clean = torch.rand(3, 32, 32, generator=torch.Generator().manual_seed(0))
        >>> full_reference_score(clean, clean), full_reference_score(clean * 0, clean) < 5
        (100.0, True)
    """
    if copy.shape != original.shape or copy.ndim != 3 or copy.shape[0] != 3 or not copy.numel():
        raise PictureError(
            f"a copy {list(copy.shape)} and its original {list(original.shape)} cannot be compared;"
            " give both as [3, H, W] of one size"
        )
    g, h = gradient_magnitude(original), gradient_magnitude(copy)
    similarity = (2 * g * h + _STABILIZER) / (g.square() + h.square() + _STABILIZER)
    weight = torch.maximum(g, h).square()
    total = float(weight.sum())
    if total == 0:
        return 100.0
    return 100 * min(1.0, float((weight * similarity).sum()) / total) ** POWER


def gradient_magnitude(picture: Tensor) -> Tensor:
    """Gradient magnitude of luma, by Prewitt's filters of a third each; the border is repeated.

    Args:
        picture: float32 [3, H, W], sRGB in [0, 1].

    Returns:
        Float64 [H, W], 0 in flat areas.
    """
    luma = (picture.double() * torch.tensor(_LUMA, dtype=torch.float64)[:, None, None]).sum(0)
    luma = functional.pad(luma[None, None], (1, 1, 1, 1), mode="replicate")[0, 0]
    across = luma[:, 2:] - luma[:, :-2]
    down = luma[2:] - luma[:-2]
    x = across[:-2] + across[1:-1] + across[2:]
    y = down[:, :-2] + down[:, 1:-1] + down[:, 2:]
    return torch.hypot(x, y) / 3
