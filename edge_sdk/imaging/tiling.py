"""Running a function on a large picture in windows of one size, without seams."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor
from torch.nn import functional

from edge_sdk.errors import InputError, PictureError
from edge_sdk.progress import Progress, silent


@dataclass(frozen=True)
class Span:
    """One window along one axis, in input pixels.

    Attributes:
        start: first pixel the function sees.
        own_start: first pixel whose output is kept.
        own_end: pixel after the last whose output is kept.

    Example:
        >>> from edge_sdk.imaging import Span
        >>> span = Span(start=28, own_start=32, own_end=60)
        >>> span.own_end - span.own_start
        28
    """

    start: int
    own_start: int
    own_end: int


def window_spans(length: int, window_px: int, halo_px: int, size_multiple: int = 1) -> list[Span]:
    """Windows that cover an axis, all inside it, each keeping what its halo makes exact.

    A window keeps all but ``halo_px`` on each side, and keeps that too where its side is the
    picture's own border. Starts are multiples of ``size_multiple``, so that strided layers see the
    same phase everywhere.

    Args:
        length: pixels of the axis, at least ``window_px``; a multiple of ``size_multiple``.
        window_px: size of each window; a multiple of ``size_multiple``.
        halo_px: pixels beyond an output pixel that it depends on.
        size_multiple: of the function.

    Returns:
        Spans in order; their own parts cover the axis once.

    Example:
        >>> from edge_sdk.imaging import window_spans
        >>> for span in window_spans(100, window_px=48, halo_px=4):
        ...     print(span.start, span.own_start, span.own_end)
        0 0 44
        40 44 84
        52 84 100
    """
    spans: list[Span] = []
    own_end = 0
    while own_end < length:
        start = max(0, own_end - halo_px)
        start = min(start - start % size_multiple, length - window_px)
        last = start + window_px == length
        own_start, own_end = own_end, length if last else start + window_px - halo_px
        spans.append(Span(start, own_start, own_end))
    return spans


def apply_tiled(
    function: Callable[[Tensor], Tensor],
    image: Tensor,
    *,
    tile_px: int,
    halo_px: int,
    scale: int = 1,
    size_multiple: int = 1,
    fixed_size: bool = False,
    on_progress: Progress | None = None,
) -> Tensor:
    """Apply a local function to a picture window by window; the result is that of the whole.

    Every call gets one shape, N × C × (tile_px + 2·halo_px)², so artifacts of a static shape work
    and memory does not grow with the picture.

    At the picture's border a net that pads with zeros sees zeros at *every* layer. No padding of
    the input imitates that: the first layer would turn padded pixels into values, and the second
    would read them. So a window never reaches outside; at the border it is moved inside, its side
    becomes the picture's, and the net pads there as it would on the whole.

    A picture whose sides are no multiples of ``size_multiple`` is first continued on the right and
    at the bottom by its last column and row; that part of the result is cut off.

    Args:
        function: maps [N, C, h, w] to [N, C', scale·h, scale·w]; each output pixel depends on at
            most ``halo_px`` input pixels around it.
        image: float [N, C, H, W].
        tile_px: input pixels that each window adds, besides its halo.
        halo_px: margin on each side.
        scale: output size over input size.
        size_multiple: heights and widths that ``function`` takes are multiples of this.
        fixed_size: ``function`` takes the window's size alone. Otherwise an axis that is shorter
            than the window is given to it whole.
        on_progress: called after each window, labeled ``tiles``; raising in it stops the work.

    Returns:
        [N, C', scale·H, scale·W], dtype and device of the function's results.

    Raises:
        InputError: if the sizes do not fit each other, or ``function`` returns another size.
        PictureError: if the picture is smaller than the window of a ``fixed_size`` function.

    Example:
        >>> import torch
        >>> from torch import nn
        >>> from edge_sdk.imaging import apply_tiled
        >>> conv = nn.Conv2d(3, 3, 3, padding=1).requires_grad_(False)
        >>> picture = torch.rand(1, 3, 70, 90)
        >>> tiled = apply_tiled(conv, picture, tile_px=32, halo_px=1)
        >>> torch.allclose(tiled, conv(picture), atol=1e-6)
        True
    """
    report, window_px = on_progress or silent, tile_px + 2 * halo_px
    _check(image, tile_px, halo_px, scale, size_multiple)
    height, width = image.shape[-2:]
    if fixed_size and min(height, width) < window_px:
        raise PictureError(
            f"the picture is {width}×{height} px but the model takes windows of {window_px}×"
            f"{window_px} px alone; take a larger picture or a model made for smaller windows"
        )
    padding = (0, -width % size_multiple, 0, -height % size_multiple)
    padded = functional.pad(image, padding, mode="replicate") if any(padding) else image
    window = [min(window_px, side) for side in padded.shape[-2:]]
    rows, columns = (
        window_spans(side, extent, halo_px, size_multiple)
        for side, extent in zip(padded.shape[-2:], window, strict=True)
    )
    result: Tensor | None = None
    for index, (row, column) in enumerate((row, column) for row in rows for column in columns):
        part = padded[
            ..., row.start : row.start + window[0], column.start : column.start + window[1]
        ]
        output = function(part)
        expected = (image.shape[0], scale * window[0], scale * window[1])
        if output.ndim != 4 or (output.shape[0], *output.shape[2:]) != expected:
            raise InputError(
                f"the function made {list(output.shape)} of {list(part.shape)}, which is not "
                f"{scale} times as large; check its scale"
            )
        if result is None:
            size = (scale * padded.shape[-2], scale * padded.shape[-1])
            result = output.new_empty((*output.shape[:2], *size))
        result[..., _scaled(row, scale), _scaled(column, scale)] = output[
            ..., _scaled(row, scale, row.start), _scaled(column, scale, column.start)
        ]
        report("tiles", index + 1, len(rows) * len(columns))
    assert result is not None
    return result[..., : scale * height, : scale * width]


def _scaled(span: Span, scale: int, origin: int = 0) -> slice:
    return slice(scale * (span.own_start - origin), scale * (span.own_end - origin))


def _check(image: Tensor, tile_px: int, halo_px: int, scale: int, size_multiple: int) -> None:
    if image.ndim != 4 or image.numel() == 0:
        raise InputError(f"the image must be [N, C, H, W], not {list(image.shape)}")
    if min(tile_px, scale, size_multiple) < 1 or halo_px < 0:
        raise InputError(
            f"tile_px {tile_px}, scale {scale} and size_multiple {size_multiple} must be at least "
            f"1 and halo_px {halo_px} at least 0"
        )
    if tile_px < size_multiple or (tile_px + 2 * halo_px) % size_multiple:
        raise InputError(
            f"a window of {tile_px} + 2·{halo_px} px must be a multiple of {size_multiple} px "
            "and the tile at least that; choose another tile_px"
        )
