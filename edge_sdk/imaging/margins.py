"""What of a picture lies within a margin, as windows consume it."""

from __future__ import annotations

from torch import Tensor


def inner(x: Tensor, margin: int) -> Tensor:
    """A picture without its margin.

    Args:
        x: [..., H, W].
        margin: pixels to take away on each side, 0 or more.

    Returns:
        A view [..., H − 2·margin, W − 2·margin].

    Example:
        >>> import torch
        >>> from edge_sdk.imaging.margins import inner
        >>> inner(torch.rand(3, 20, 30), 4).shape
        torch.Size([3, 12, 22])
    """
    return x[..., margin:-margin, margin:-margin] if margin else x
