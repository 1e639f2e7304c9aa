"""Applying a model to a picture: color, sizes and tiles are the picture's own affair here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, get_args, overload

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.modules.batchnorm import _BatchNorm

from edge_sdk.errors import InputError
from edge_sdk.imaging import Picture, apply_tiled, resize_bicubic, rgb_to_ycbcr, ycbcr_to_rgb
from edge_sdk.models.spec import Color, PictureSpec
from edge_sdk.progress import Progress

Chroma = Literal["bicubic", "bilinear"]
Network = Callable[[Tensor], Tensor]

TILE_PX = 256
"""Input pixels that a window adds in each direction unless the caller says otherwise."""


@overload
def enhance_picture(
    picture: Picture,
    network: Network,
    *,
    spec: PictureSpec | None = None,
    chroma: Chroma = "bicubic",
    tile_px: int = TILE_PX,
    on_progress: Progress | None = None,
) -> Picture: ...


@overload
def enhance_picture(
    picture: Tensor,
    network: Network,
    *,
    spec: PictureSpec | None = None,
    chroma: Chroma = "bicubic",
    tile_px: int = TILE_PX,
    on_progress: Progress | None = None,
) -> Tensor: ...


def enhance_picture(
    picture: Picture | Tensor,
    network: Network,
    *,
    spec: PictureSpec | None = None,
    chroma: Chroma = "bicubic",
    tile_px: int = TILE_PX,
    on_progress: Progress | None = None,
) -> Picture | Tensor:
    """Apply a network to a picture of any size (specification 1, "The image model", color).

    A network for Y runs on luma; Cb and Cr are interpolated to the size of its output and joined
    with it again. A network for RGB runs on all three. The network runs window by window, with a
    margin of its halo, so that its memory does not grow with the picture and the result is that of
    the whole.

    Where the network shrinks and a side is no multiple of ``reduction``, the picture is continued
    by its last row and column; a side of H pixels gives ⌈H/reduction⌉.

    Args:
        picture: a :class:`Picture`, or red, green, blue in sRGB: float32 or float64 [3, H, W] or
            [N, 3, H, W] in [0, 1], in the dtype and on the device of the network.
        network: maps [N, C, h, w] to [N, C, scale·h/reduction, scale·w/reduction].
        spec: what the network is; ``None`` for its attribute ``spec``.
        chroma: interpolation of Cb and Cr, by a network for Y; both are antialiased where the
            picture shrinks. Not used by a network for RGB.
        tile_px: input pixels, about, that each window adds in each direction.
        on_progress: called after each window, labeled ``tiles``.

    Returns:
        What was given: a picture with the same metadata, alpha resized, or a tensor; in [0, 1],
        clipped.

    Raises:
        InputError: if the picture is not three float channels, the network has no spec or another
            one than ``spec``, its BatchNorm is in training mode, it returns what its spec does not
            say, ``chroma`` is unknown or ``tile_px`` is not positive.

    Example:
        >>> import torch
        >>> from edge_sdk import Picture
        >>> from edge_sdk.models import EnhanceNet, EnhanceNetConfig, enhance_picture
        >>> network = EnhanceNet(EnhanceNetConfig(scale=2)).eval()
        >>> larger = enhance_picture(Picture(torch.rand(3, 30, 50)), network)
        >>> larger.width, larger.height
        (100, 60)
    """
    found = _find_spec(network, spec)
    rgb = picture.pixels if isinstance(picture, Picture) else picture
    _check(rgb, network, chroma, tile_px)
    with torch.no_grad():
        batch = _continued(rgb if rgb.ndim == 4 else rgb[None], found.reduction)
        if found.color is Color.RGB:
            enhanced = _run(network, batch, found, tile_px, on_progress)
        else:
            ycbcr = rgb_to_ycbcr(batch)
            luma = _run(network, ycbcr[:, :1], found, tile_px, on_progress)
            size = (luma.shape[-2], luma.shape[-1])
            enhanced = ycbcr_to_rgb(torch.cat((luma, _resized(ycbcr[:, 1:], size, chroma)), 1))
        enhanced = enhanced.clamp(0, 1)
    if isinstance(picture, Picture):
        return picture.with_pixels(enhanced[0])
    return enhanced if rgb.ndim == 4 else enhanced[0]


def enhance_planes(
    planes: Tensor,
    network: Network,
    *,
    spec: PictureSpec | None = None,
    tile_px: int = TILE_PX,
    on_progress: Progress | None = None,
) -> Tensor:
    """Apply a network to planes as they are, with no conversion of color.

    For callers whose pictures are in the network's color already, such as the luma of a video.
    Sizes and windows are those of :func:`enhance_picture`.

    Args:
        planes: float32 or float64 [N, C, H, W] in the network's color.
        network: as in :func:`enhance_picture`.
        spec: what the network is; ``None`` for its attribute ``spec``.
        tile_px: input pixels, about, that each window adds in each direction.
        on_progress: called after each window, labeled ``tiles``.

    Returns:
        Float [N, C, scale·⌈H/reduction⌉, scale·⌈W/reduction⌉]; not clipped.

    Raises:
        InputError: as :func:`enhance_picture`, and if C is not what the network takes.

    Example:
        >>> import torch
        >>> from edge_sdk import load_model
        >>> from edge_sdk.models import enhance_planes
        >>> enhance_planes(torch.rand(1, 1, 30, 50), load_model("sr_x2_y")).shape
        torch.Size([1, 1, 60, 100])
    """
    found = _find_spec(network, spec)
    if planes.ndim != 4 or planes.numel() == 0 or planes.shape[1] != found.input_channels:
        raise InputError(
            f"planes must be [N, {found.input_channels}, H, W] for this network, not "
            f"{list(planes.shape)}"
        )
    if tile_px < 1:
        raise InputError(f"tile_px must be at least 1, not {tile_px}")
    with torch.no_grad():
        return _run(network, _continued(planes, found.reduction), found, tile_px, on_progress)


def _find_spec(network: Network, spec: PictureSpec | None) -> PictureSpec:
    own = getattr(network, "spec", None)
    if not isinstance(own, PictureSpec):
        if spec is None:
            raise InputError(
                f"a {type(network).__name__} does not say its scale and color; give its spec"
            )
        return spec
    if spec is not None and spec != own:
        raise InputError("the spec given is not the network's own; leave it out")
    return own


def _check(rgb: Tensor, network: Network, chroma: str, tile_px: int) -> None:
    if rgb.dtype not in (torch.float32, torch.float64):
        raise InputError(f"the picture must be float32 or float64 in [0, 1], not {rgb.dtype}")
    if rgb.ndim not in (3, 4) or rgb.shape[-3] != 3 or rgb.numel() == 0:
        raise InputError(
            f"the picture must be red, green, blue, [3, H, W] or [N, 3, H, W], not "
            f"{list(rgb.shape)}; a network for Y takes its luma from these"
        )
    if chroma not in get_args(Chroma):
        raise InputError(f"chroma '{chroma}' is unknown; choose {' or '.join(get_args(Chroma))}")
    if tile_px < 1:
        raise InputError(f"tile_px must be at least 1, not {tile_px}")
    modules = network.modules() if isinstance(network, nn.Module) else ()
    if any(isinstance(module, _BatchNorm) and module.training for module in modules):
        raise InputError("the network's BatchNorm is in training mode; call eval() on the network")


def _run(
    network: Network, image: Tensor, spec: PictureSpec, tile_px: int, on_progress: Progress | None
) -> Tensor:
    reduction = spec.reduction
    multiple = spec.size_multiple // reduction

    def on_blocks(blocks: Tensor) -> Tensor:
        output = network(functional.pixel_shuffle(blocks, reduction))
        if output.ndim != 4 or output.shape[1] != image.shape[1]:
            raise InputError(
                f"the network made {list(output.shape)} of {image.shape[1]} channel(s), but its "
                f"spec says color {spec.color}; give the network's own spec"
            )
        return output

    # One position stands for reduction² pixels, so that the result is no smaller than what is
    # tiled and every window starts at a whole block.
    return apply_tiled(
        on_blocks,
        functional.pixel_unshuffle(image, reduction),
        tile_px=_rounded_up(-(-tile_px // reduction), multiple),
        halo_px=_rounded_up(-(-spec.halo_px // reduction), multiple),
        scale=spec.scale,
        size_multiple=multiple,
        on_progress=on_progress,
    )


def _continued(image: Tensor, multiple: int) -> Tensor:
    padding = (0, -image.shape[-1] % multiple, 0, -image.shape[-2] % multiple)
    return functional.pad(image, padding, mode="replicate") if any(padding) else image


def _resized(chroma: Tensor, size: tuple[int, int], method: Chroma) -> Tensor:
    if method == "bicubic":
        return resize_bicubic(chroma, size=size)
    return functional.interpolate(
        chroma, size, mode="bilinear", align_corners=False, antialias=size[0] < chroma.shape[-2]
    )


def _rounded_up(value: int, multiple: int) -> int:
    return -(-value // multiple) * multiple
