"""Pictures inside a page: PNG as data, and maps of errors."""

from __future__ import annotations

import base64
import io

import torch
from torch import Tensor

from edge_sdk.imaging import to_levels
from edge_sdk.report.markup import Markup, element


def picture(pixels: Tensor, caption: str) -> Markup:
    """A picture with its caption, as large as the page allows, pixels kept sharp.

    Args:
        pixels: float [C, H, W] in [0, 1], one channel or three.
        caption: what it shows.
    """
    from PIL import Image

    levels = to_levels(pixels.expand(3, -1, -1)).to(torch.uint8).permute(1, 2, 0).contiguous()
    file = io.BytesIO()
    Image.fromarray(levels.numpy()).save(file, "PNG")
    data = base64.b64encode(file.getvalue()).decode()
    shown = element("img", src=f"data:image/png;base64,{data}", alt=caption, class_="pixels")
    return element("figure", shown, element("figcaption", caption))


def heat(error: Tensor, largest: float) -> Tensor:
    """Error as colour: black at 0, through red and yellow to white at ``largest``.

    Args:
        error: float [C, H, W], at least 0; the largest of the channels is shown.
        largest: value that is white, above 0.

    Returns:
        Float [3, H, W] in [0, 1].
    """
    share = (error.amax(0) / largest).clamp(0, 1) * 3
    return torch.stack([(share - place).clamp(0, 1) for place in range(3)])
