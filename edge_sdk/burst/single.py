"""One picture enlarged by a luma network, where there is no burst."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from edge_sdk.burst.stages.decode import DEFAULT_HALO_PX
from edge_sdk.imaging import apply_tiled, resize_bicubic, rgb_to_ycbcr, ycbcr_to_rgb
from edge_sdk.models.spec import PictureSpec
from edge_sdk.zoo.networks import LUMA_SCALE

TILE_PX = 256
"""Rows and columns that the network enlarges at a time."""


def enlarge_single(frame: Tensor, network: nn.Module) -> Tensor:
    """Enlarge one picture: luma by the network, tile by tile, chroma by bicubic interpolation.

    Args:
        frame: float [3, H, W] in [0, 1], sRGB.
        network: ×2, for luma in studio swing, [N, 1, H, W] to [N, 1, 2·H, 2·W].

    Returns:
        Float [3, 2·H, 2·W]; not clipped.

    Example:
        >>> import torch
        >>> from edge_sdk import burst_network
        >>> from edge_sdk.burst import enlarge_single
        >>> enlarge_single(torch.rand(3, 32, 48), burst_network("sr_x2_y", scale=2)).shape
        torch.Size([3, 64, 96])
    """
    ycbcr = rgb_to_ycbcr(frame)
    spec = getattr(network, "spec", None)
    luma = apply_tiled(
        network,
        ycbcr[None, :1],
        tile_px=TILE_PX,
        halo_px=spec.halo_px if isinstance(spec, PictureSpec) else DEFAULT_HALO_PX,
        scale=LUMA_SCALE,
    )[0]
    chroma = resize_bicubic(ycbcr[1:], size=(luma.shape[-2], luma.shape[-1]))
    return ycbcr_to_rgb(torch.cat((luma, chroma)))
