"""Pictures inside a page: PNG and JPEG as data, and maps of errors, shades and categories."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch
from markupsafe import Markup
from torch import Tensor

from edge_sdk.html.palette import Color, between
from edge_sdk.html.templates import part
from edge_sdk.imaging import to_levels

if TYPE_CHECKING:
    from PIL import Image

SHADES = 32


def picture(pixels: Tensor, caption: str) -> Markup:
    """A picture with its caption, as large as the page allows, pixels kept sharp.

    Args:
        pixels: float [C, H, W] in [0, 1], one channel or three.
        caption: what it shows.
    """
    return figure(png(pixels), caption, "pixels")


def figure(
    address: str, caption: str, kind: str, *, aspect: float = 0, overlay: Markup | None = None
) -> Markup:
    """A picture with its caption.

    Args:
        address: of the picture.
        caption: what it shows.
        kind: ``pixels``, which keep their edges where it is magnified, or ``smooth``.
        aspect: width over height, to stretch it to; 0 for its own.
        overlay: a drawing to lay over it, with an aspect.
    """
    if not aspect:
        return part("figure", part("image", address, caption, kind), caption)
    shown = part("stack", address, caption, kind, f"{aspect:.4f}", overlay or Markup(""))
    return part("figure", shown, caption)


def png(pixels: Tensor) -> str:
    """Pixels as the address of a PNG.

    Args:
        pixels: float [C, H, W] in [0, 1], one channel or three.
    """
    return _address(_image(pixels), "PNG")


def jpeg(pixels: Tensor, quality: int, icc_profile: bytes | None = None) -> str:
    """Pixels as the address of a JPEG, chroma not subsampled.

    Args:
        pixels: float [3, H, W] in [0, 1].
        quality: 1 to 100.
        icc_profile: what the values mean, if not sRGB; one for gray is left out.
    """
    options: dict[str, Any] = {"quality": quality, "subsampling": 0}
    if icc_profile is not None and icc_profile[16:20] == b"RGB ":
        options["icc_profile"] = icc_profile
    return _address(_image(pixels), "JPEG", **options)


def indexed(categories: Tensor, colors: Sequence[Color]) -> str:
    """A map of categories as the address of a PNG with a palette.

    Args:
        categories: integer [H, W], places in ``colors``.
        colors: at most 256.
    """
    from PIL import Image

    image = Image.fromarray(categories.to(torch.uint8).contiguous().numpy())
    image.putpalette([part for color in colors for part in color])
    return _address(image, "PNG", optimize=True)


def shades(values: Tensor, low: Color, high: Color) -> str:
    """A map of values as the address of a PNG of 32 shades.

    Args:
        values: float [H, W] in [0, 1].
        low: color of 0.
        high: color of 1.
    """
    steps = (values.clamp(0, 1) * (SHADES - 1)).round()
    return indexed(steps, between(low, high, SHADES))


def heat(error: Tensor, largest: float) -> Tensor:
    """Error as color: black at 0, through red and yellow to white at ``largest``.

    Args:
        error: float [C, H, W], at least 0; the largest of the channels is shown.
        largest: value that is white, above 0.

    Returns:
        Float [3, H, W] in [0, 1].
    """
    share = (error.amax(0) / largest).clamp(0, 1) * 3
    return torch.stack([(share - place).clamp(0, 1) for place in range(3)])


def _image(pixels: Tensor) -> Image.Image:
    from PIL import Image

    levels = to_levels(pixels.expand(3, -1, -1)).to(torch.uint8).permute(1, 2, 0).contiguous()
    return Image.fromarray(levels.numpy())


def _address(image: Image.Image, form: str, **options: Any) -> str:
    file = io.BytesIO()
    image.save(file, form, **options)
    data = base64.b64encode(file.getvalue()).decode()
    return f"data:image/{form.lower()};base64,{data}"
