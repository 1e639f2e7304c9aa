"""What a quality classifier sees of a picture: four cuts at full resolution, side by side.

Blur, noise and JPEG blocks are a matter of single pixels, which a picture reduced to 160 px no
longer shows; so the 160×160 pixels that the network takes are 2×2 cuts of 80×80 px. Three lie
where there is most detail, in which blur is seen, and one where there is a middling amount, in
which noise and blocks are. Pictures with a long side above 1440 px are reduced to it first: a score
is about a picture as it is looked at, and 12 megapixels of a phone are not sharp to the pixel.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from edge_sdk.errors import PictureError
from edge_sdk.imaging import Rectangle, resize_bicubic

LONGEST_PX = 1440
"""Long side that larger pictures are reduced to."""
SHEET_PX = 160
"""Side of what the shipped network sees."""
CUTS = 2
"""Cuts along a side of what the network sees."""
_BLOCK_PX = 4
"""Detail is measured on means of so many pixels, in which noise is less and edges are still."""
_STEP_PX = 20
_LUMA = (0.299, 0.587, 0.114)


def contact_sheet(picture: Tensor, side_px: int = SHEET_PX, name: str = "the picture") -> Tensor:
    """What the network sees of a picture.

    Args:
        picture: float32 [3, H, W], sRGB in [0, 1].
        side_px: of the sheet, a multiple of 2.
        name: what an error calls the picture.

    Returns:
        Float32 [3, side_px, side_px]: the cuts with most detail first, the middling one last.

    Raises:
        PictureError: if the picture, reduced to 1440 px, is smaller than a cut.

    Example:
        >>> import torch
        >>> from edge_sdk.data.quality.cuts import contact_sheet
        >>> contact_sheet(torch.rand(3, 480, 640)).shape
        torch.Size([3, 160, 160])
    """
    picture = reduced_to_longest(picture)
    side = side_px // CUTS
    parts = [
        picture[:, cut.top : cut.top + side, cut.left : cut.left + side]
        for cut in chosen_cuts(picture, side, name)
    ]
    return torch.cat([torch.cat(parts[:CUTS], -1), torch.cat(parts[CUTS:], -1)], -2)


def reduced_to_longest(picture: Tensor, longest_px: int = LONGEST_PX) -> Tensor:
    """A picture [3, H, W] whose long side is at most ``longest_px``, antialiased where reduced."""
    height, width = picture.shape[-2:]
    if max(height, width) <= longest_px:
        return picture
    factor = longest_px / max(height, width)
    size = (max(1, round(height * factor)), max(1, round(width * factor)))
    return resize_bicubic(picture, size=size).clamp(0, 1)


def chosen_cuts(picture: Tensor, side_px: int, name: str = "the picture") -> list[Rectangle]:
    """Four square cuts: three of most detail and one of middling detail, apart where there is room.

    Args:
        picture: float32 [3, H, W], sRGB in [0, 1].
        side_px: of a cut.
        name: what an error calls the picture.

    Raises:
        PictureError: if the picture is smaller than a cut.
    """
    height, width = picture.shape[-2:]
    if min(height, width) < side_px:
        raise PictureError(
            f"{name}: {width}×{height} px is smaller than a cut of {side_px}×{side_px} px, by which"
            " quality is judged; give a larger picture"
        )
    rows, columns = _places(height, side_px), _places(width, side_px)
    detail = _detail(picture, rows, columns, side_px)
    free = torch.ones_like(detail)
    cuts = []
    for number in range(CUTS * CUTS):
        if number == CUTS * CUTS - 1:
            # The middling one: nearest to the median, of those that are apart from the others.
            distance = (detail - detail.median()).abs()
            wanted = free / (1 + distance / (detail.median() + 1e-9))
        else:
            wanted = (detail + 1e-9) * free
        at = int(wanted.argmax())
        row, column = rows[at // len(columns)], columns[at % len(columns)]
        cuts.append(Rectangle(left=column, top=row, width=side_px, height=side_px))
        down = _overlap(rows, row, side_px)
        across = _overlap(columns, column, side_px)
        free = torch.minimum(free, 1 - down[:, None] * across)
    return cuts


def _places(length: int, side: int) -> list[int]:
    count = 1 + -(-(length - side) // _STEP_PX)
    return [round(number * (length - side) / max(1, count - 1)) for number in range(count)]


def _overlap(places: list[int], place: int, side: int) -> Tensor:
    return (1 - (torch.tensor(places) - place).abs() / side).clamp(min=0).double()


def _detail(picture: Tensor, rows: list[int], columns: list[int], side: int) -> Tensor:
    """Mean gradient magnitude of what lies in each cut, in block means; float64 [R, C]."""
    luma = (picture * torch.tensor(_LUMA)[:, None, None]).sum(0, keepdim=True)[None]
    small = functional.avg_pool2d(luma.double(), _BLOCK_PX, ceil_mode=True)[0, 0]
    steps = functional.pad(
        (small[1:, :-1] - small[:-1, :-1]).abs() + (small[:-1, 1:] - small[:-1, :-1]).abs(),
        (1, 1, 1, 1),
    )
    sums = steps.cumsum(0).cumsum(1)
    last_row, last_column = (length - 1 for length in sums.shape)
    top = torch.tensor(rows) // _BLOCK_PX
    left = torch.tensor(columns) // _BLOCK_PX
    bottom = (top + side // _BLOCK_PX).clamp(max=last_row)
    right = (left + side // _BLOCK_PX).clamp(max=last_column)

    def corner(row: Tensor, column: Tensor) -> Tensor:
        return sums[row][:, column]

    return corner(bottom, right) - corner(top, right) - corner(bottom, left) + corner(top, left)
