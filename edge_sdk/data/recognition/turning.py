"""Pictures turned by any angle, and cut so that nothing beyond their edge is seen."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

from edge_sdk.errors import InputError


def largest_upright(height: float, width: float, angle_deg: float) -> tuple[float, float]:
    """Sides of the largest upright rectangle in one of ``height`` × ``width`` that is turned.

    With s = |sin|, c = |cos| of the angle, and short and long the sides of the turned one: where
    short ≤ 2·s·c·long, only two corners of the upright one touch, in the middle of the long sides,
    and its sides are short/(2s) and short/(2c); else all four touch, and its width and height are
    (w·c − h·s)/(c² − s²) and (h·c − w·s)/(c² − s²).

    Args:
        height: above 0, in any unit.
        width: likewise.
        angle_deg: any angle, in degrees.

    Returns:
        Height and width of the largest by area.

    Example:
        >>> from edge_sdk.data.recognition.turning import largest_upright
        >>> largest_upright(3, 4, 90), [round(side, 3) for side in largest_upright(1, 1, 45)]
        ((4.0, 3.0), [0.707, 0.707])
    """
    sine, cosine = (abs(f(math.radians(angle_deg))) for f in (math.sin, math.cos))
    if min(sine, cosine) < 1e-12:
        return (float(height), float(width)) if sine < 0.5 else (float(width), float(height))
    short, long = min(height, width), max(height, width)
    if short <= 2 * sine * cosine * long or abs(sine - cosine) < 1e-9:
        along, across = short / (2 * sine), short / (2 * cosine)
        # The long side of the turned one lies nearer to the axis that it was parallel to.
        return (across, along) if width >= height else (along, across)
    denominator = cosine**2 - sine**2
    return (
        (height * cosine - width * sine) / denominator,
        (width * cosine - height * sine) / denominator,
    )


def turned(image: Tensor, angle_deg: float) -> Tensor:
    """A picture turned about its middle, of which is kept what shows nothing beyond its edge.

    That rectangle (:func:`largest_upright`) is measured between centers of pixels, so that bilinear
    interpolation reads nothing beyond the edge; turning, cutting and enlarging to the size before
    are one interpolation. An angle of 0 changes nothing.

    Args:
        image: float32 [C, H, W], each side 2 px or more.
        angle_deg: positive turns it counterclockwise.

    Returns:
        Float32 [C, H, W].

    Raises:
        InputError: if the picture has a side of a pixel or the angle is no number.

    Example:
        >>> import torch
        >>> from edge_sdk.data.recognition.turning import turned
        >>> white = torch.ones(1, 9, 12)
        >>> bool((turned(white, 30.0) > 0.9999).all())
        True
    """
    height, width = image.shape[-2:]
    if min(height, width) < 2 or not math.isfinite(angle_deg):
        raise InputError(f"{width}×{height} px cannot be turned by {angle_deg}°; give 2 px or more")
    rows, columns = largest_upright(height - 1, width - 1, angle_deg)
    y = torch.linspace(-rows / 2, rows / 2, height, dtype=torch.float64)[:, None]
    x = torch.linspace(-columns / 2, columns / 2, width, dtype=torch.float64)
    sine, cosine = math.sin(math.radians(angle_deg)), math.cos(math.radians(angle_deg))
    # Rows go down: a counterclockwise picture is read at places turned clockwise.
    places = (x * cosine - y * sine, x * sine + y * cosine)
    grid = torch.stack(
        [2 * place / (side - 1) for place, side in zip(places, (width, height), strict=True)], -1
    )
    grid = grid.clamp(-1, 1)[None].to(image)
    return functional.grid_sample(image[None], grid, align_corners=True)[0]
