"""A sheet that shows results side by side: the whole picture above, a magnified detail below."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from edge_sdk.errors import InputError, PictureError
from edge_sdk.imaging.color import rgb_to_ycbcr
from edge_sdk.imaging.picture import Picture, to_levels
from edge_sdk.imaging.rectangle import Rectangle
from edge_sdk.imaging.resize import resize_bicubic

if TYPE_CHECKING:
    from PIL import Image, ImageDraw, ImageFont

_BACKGROUND = (24, 25, 28)
_INK = (236, 236, 232)
_ACCENT = (255, 196, 64)
_SMALLEST_FONT_PX = 9
_SUBSTITUTES = str.maketrans({"×": "x", "−": "-"})


@dataclass(frozen=True, eq=False)
class Panel:
    """One column of a sheet.

    Attributes:
        caption: one line, such as ``ours · 31.2 dB``; × and − are set as x and -, which is what
            the built-in font has.
        pixels: float32 [3, H, W], sRGB-encoded, clipped to [0, 1].

    Example:
        >>> import torch
        >>> from edge_sdk.imaging import Panel
        >>> panel = Panel("bicubic · 28.8 dB", torch.rand(3, 48, 64))
        >>> panel.caption
        'bicubic · 28.8 dB'
    """

    caption: str
    pixels: Tensor


def pick_detail_box(image: Tensor, size: int) -> Rectangle:
    """The square with the most fine detail, at least an eighth of the picture from its border.

    Detail is the mean over the square of ``|∇²Y|``, the response of luma to the Laplacian; being
    linear in contrast, it prefers texture to a single strong edge.

    Args:
        image: float [3, H, W], sRGB-encoded, [0, 1].
        size: side of the square in px.

    Returns:
        The square, in pixels of the image.

    Raises:
        InputError: if the image has another shape or the square does not fit in it.

    Example:
        >>> import torch
        >>> from edge_sdk.imaging import pick_detail_box
        >>> picture = torch.full((3, 64, 64), 0.5)
        >>> picture[:, 20:28, 36:44] = torch.rand(3, 8, 8)
        >>> box = pick_detail_box(picture, 12)
        >>> box.left <= 36 and box.top <= 20
        True
    """
    if image.ndim != 3 or size < 1 or size > min(image.shape[-2:]):
        raise InputError(f"a detail of {size}×{size} px does not fit in {list(image.shape)}")
    luma = rgb_to_ycbcr(image)[:1]
    laplacian = luma.new_tensor([[0, 1, 0], [1, -4, 1], [0, 1, 0]])[None, None]
    detail = functional.conv2d(functional.pad(luma[None], (1, 1, 1, 1), "replicate"), laplacian)
    mean = functional.avg_pool2d(detail.abs(), size, stride=1)[0, 0]
    # Where an eighth on each side leaves no room, the margin is what the square leaves.
    margins = [min(side // 8, (side - size) // 2) for side in image.shape[-2:]]
    inside = mean[margins[0] : mean.shape[0] - margins[0], margins[1] : mean.shape[1] - margins[1]]
    row, column = divmod(int(inside.argmax()), inside.shape[1])
    return Rectangle(top=margins[0] + row, left=margins[1] + column, height=size, width=size)


def comparison_sheet(panels: Sequence[Panel], detail: Rectangle, *, panel_px: int = 512) -> Picture:
    """Lay panels side by side: caption, whole picture with the box outlined, detail below.

    The whole picture is reduced bicubically to ``panel_px`` where it is wider; the detail is
    magnified by a whole number, each pixel a square, and keeps the pixels as they are.

    Args:
        panels: at least one, all of one size.
        detail: what to magnify, in pixels of the panels.
        panel_px: largest width of a column.

    Returns:
        An 8-bit sRGB picture.

    Raises:
        InputError: if there is no panel, the box reaches outside, is wider than the column, or a
            caption is too long for it or holds a character that the font lacks.
        PictureError: if the panels differ in size.

    Example:
        >>> import torch
        >>> from edge_sdk.imaging import Panel, Rectangle, comparison_sheet, write_picture
        >>> before, after = torch.rand(3, 96, 128), torch.rand(3, 96, 128)
        >>> detail = Rectangle(left=40, top=30, width=32, height=24)
        >>> sheet = comparison_sheet([Panel("before", before), Panel("after", after)], detail)
        >>> sheet.width > 2 * 128
        True
        >>> written = write_picture(sheet, "comparison.png")
    """
    from PIL import Image, ImageDraw

    _check_panels(panels, detail)
    height, width = panels[0].pixels.shape[-2:]
    column_px = min(panel_px, width)
    if detail.width > column_px:
        raise InputError(f"a detail {detail.width} px wide exceeds the column of {column_px} px")
    shrink = column_px / width
    whole_px = max(1, round(height * shrink))
    magnified = column_px // detail.width
    margin = max(8, column_px // 24)
    captions = [panel.caption.translate(_SUBSTITUTES) for panel in panels]
    font = _fitting_font(captions, column_px)
    caption_px = round(1.25 * sum(font.getmetrics()))
    detail_px = magnified * detail.height
    sheet_width = margin + len(panels) * (column_px + margin)
    sheet_height = 3 * margin + caption_px + whole_px + detail_px
    sheet = Image.new("RGB", (sheet_width, sheet_height), _BACKGROUND)
    draw = ImageDraw.Draw(sheet)
    line = max(1, round(column_px / 256))
    for index, (caption, panel) in enumerate(zip(captions, panels, strict=True)):
        left, top = margin + index * (column_px + margin), margin + caption_px
        middle = left + column_px / 2
        draw.text((middle, margin + caption_px / 2 - margin / 4), caption, _INK, font, "mm")
        whole = panel.pixels
        if shrink < 1:
            whole = resize_bicubic(whole, size=(whole_px, column_px))
        sheet.paste(_image(whole), (left, top))
        corners = [detail.left, detail.top, detail.left + detail.width, detail.top + detail.height]
        _outline(draw, (left, top), [round(shrink * edge) for edge in corners], line)
        rows = slice(detail.top, detail.top + detail.height)
        cut = panel.pixels[:, rows, detail.left : detail.left + detail.width]
        cut = cut.repeat_interleave(magnified, 1).repeat_interleave(magnified, 2)
        inset = (column_px - cut.shape[2]) // 2
        corner = (left + inset, top + whole_px + margin)
        sheet.paste(_image(cut), corner)
        _outline(draw, corner, [0, 0, cut.shape[2], cut.shape[1]], line)
    pixels = torch.from_numpy(np.asarray(sheet, np.float32) / 255).permute(2, 0, 1).contiguous()
    return Picture(pixels)


def _check_panels(panels: Sequence[Panel], detail: Rectangle) -> None:
    if not panels:
        raise InputError("a comparison needs at least one panel")
    shape = panels[0].pixels.shape
    for panel in panels:
        if panel.pixels.ndim != 3 or panel.pixels.shape[0] != 3:
            raise InputError(
                f"panel {panel.caption!r} is {list(panel.pixels.shape)}, not [3, H, W]"
            )
        if panel.pixels.shape != shape:
            raise PictureError(
                f"panel {panel.caption!r} is {panel.pixels.shape[2]}×{panel.pixels.shape[1]} px, "
                f"not {shape[2]}×{shape[1]} px as the first; resize it"
            )
    if not detail.lies_on(shape[1], shape[2]):
        raise InputError(f"{detail} reaches outside the panels of {shape[2]}×{shape[1]} px")


def _fitting_font(captions: Sequence[str], column_px: int) -> ImageFont.FreeTypeFont:
    from PIL import ImageFont

    _refuse_missing_glyphs(captions)
    for size in range(max(_SMALLEST_FONT_PX, column_px // 20), _SMALLEST_FONT_PX - 1, -1):
        font = ImageFont.load_default(size)
        assert isinstance(font, ImageFont.FreeTypeFont)
        if max(font.getlength(caption) for caption in captions) <= column_px:
            return font
    longest = max(captions, key=len)
    raise InputError(f"the caption {longest!r} is too long for {column_px} px; shorten it")


def _refuse_missing_glyphs(captions: Sequence[str]) -> None:
    from PIL import ImageFont

    font = ImageFont.load_default(32)

    def shape(character: str) -> tuple[tuple[int, int], bytes]:
        mask = font.getmask(character)
        return mask.size, bytes(mask)

    missing = shape("\ufffe")
    for character in sorted(set("".join(captions)) - {" "}):
        if shape(character) == missing:
            raise InputError(f"the built-in font has no {character!r}; leave it out of the caption")


def _outline(
    draw: ImageDraw.ImageDraw, corner: tuple[int, int], edges: Sequence[int], line: int
) -> None:
    left, top = corner
    box = (left + edges[0], top + edges[1], left + edges[2] - 1, top + edges[3] - 1)
    draw.rectangle(box, outline=_ACCENT, width=line)


def _image(pixels: Tensor) -> Image.Image:
    from PIL import Image

    levels = to_levels(pixels.detach().cpu()).to(torch.uint8)
    return Image.fromarray(levels.permute(1, 2, 0).contiguous().numpy())
