"""Frames of luma and chroma as red, green and blue, and back."""

from __future__ import annotations

import torch
from torch import Tensor

from edge_sdk.errors import InputError
from edge_sdk.imaging.picture import to_levels
from edge_sdk.models.picture import Chroma
from edge_sdk.video.chroma import chroma_from_luma, chroma_on_luma
from edge_sdk.video.form import ClipForm, Frame, Matrix, Sampling, Swing


def rgb_to_yuv(image: Tensor, matrix: Matrix, swing: Swing) -> Tensor:
    """Convert red, green, blue to luma and chroma; nothing is clipped.

    With Kr, Kb of the matrix and Kg = 1 − Kr − Kb::

        E = Kr·R + Kg·G + Kb·B
        255·Y = black + white·E       255·U = 128 + chroma·(B − E)/(2·(1 − Kb))
                                      255·V = 128 + chroma·(R − E)/(2·(1 − Kr))

    where (black, white, chroma) is (16, 219, 224) for limited range, (0, 255, 255) for full.

    Args:
        image: float [..., 3, H, W], gamma-encoded R, G, B in [0, 1].
        matrix: BT.601 or BT.709.
        swing: limited or full.

    Returns:
        Float [..., 3, H, W]: Y, U, V as levels/255.

    Raises:
        InputError: if the image is not a float tensor of three channels.

    Example:
        >>> import torch
        >>> from edge_sdk.video import Matrix, Swing, rgb_to_yuv
        >>> red = torch.tensor([1.0, 0.0, 0.0])[:, None, None]
        >>> yuv = rgb_to_yuv(red, Matrix.BT709, Swing.LIMITED)
        >>> [round(255 * value) for value in yuv.flatten().tolist()]
        [63, 102, 240]
    """
    _check(image)
    kr, kb = matrix.weights
    (black, white), (gray, levels) = swing.luma, swing.chroma
    red, green, blue = image.unbind(-3)
    luma = kr * red + (1 - kr - kb) * green + kb * blue
    u, v = (blue - luma) / (2 * (1 - kb)), (red - luma) / (2 * (1 - kr))
    return torch.stack((black + white * luma, gray + levels * u, gray + levels * v), -3) / 255


def yuv_to_rgb(image: Tensor, matrix: Matrix, swing: Swing) -> Tensor:
    """Convert luma and chroma to red, green, blue: the inverse of :func:`rgb_to_yuv`.

    Args:
        image: float [..., 3, H, W]: Y, U, V as levels/255.
        matrix: BT.601 or BT.709.
        swing: limited or full.

    Returns:
        Float [..., 3, H, W]; outside [0, 1] where no such color exists.

    Raises:
        InputError: if the image is not a float tensor of three channels.

    Example:
        >>> import torch
        >>> from edge_sdk.video import Matrix, Swing, rgb_to_yuv, yuv_to_rgb
        >>> picture = torch.rand(3, 4, 6)
        >>> yuv = rgb_to_yuv(picture, Matrix.BT601, Swing.FULL)
        >>> torch.allclose(yuv_to_rgb(yuv, Matrix.BT601, Swing.FULL), picture, atol=1e-6)
        True
    """
    _check(image)
    kr, kb = matrix.weights
    (black, white), (gray, levels) = swing.luma, swing.chroma
    y, u, v = (255 * image).unbind(-3)
    luma = (y - black) / white
    blue = luma + 2 * (1 - kb) / levels * (u - gray)
    red = luma + 2 * (1 - kr) / levels * (v - gray)
    green = (luma - kr * red - kb * blue) / (1 - kr - kb)
    return torch.stack((red, green, blue), -3)


def frame_to_rgb(frame: Frame, form: ClipForm, chroma: Chroma = "bicubic") -> Tensor:
    """A frame as red, green and blue.

    Args:
        frame: its planes.
        form: of its clip.
        chroma: interpolation of U and V at every pixel.

    Returns:
        Float32 [3, height, width] in [0, 1], clipped; gray for a frame of luma alone.

    Example:
        >>> import torch
        >>> from edge_sdk.video import ClipForm, Sampling, frame_to_rgb
        >>> frame = (torch.full((4, 6), 235, dtype=torch.uint8),)
        >>> frame_to_rgb(frame, ClipForm(6, 4, Sampling.MONO)).amin().item()
        1.0
    """
    if form.sampling is Sampling.RGB:
        return torch.stack(frame).float() / 255
    y = frame[0].float() / 255
    if form.sampling is Sampling.MONO:
        black, white = form.swing.luma
        return ((255 * y - black) / white).clamp(0, 1).expand(3, -1, -1)
    planes = (chroma_on_luma(frame[i].float() / 255, i, form, chroma) for i in (1, 2))
    return yuv_to_rgb(torch.stack((y, *planes)), form.matrix, form.swing).clamp(0, 1)


def rgb_to_frame(rgb: Tensor, form: ClipForm, chroma: Chroma = "bicubic") -> Frame:
    """Red, green and blue as a frame, rounded to levels.

    Args:
        rgb: float32 [3, height, width] in [0, 1].
        form: of the clip that it becomes part of.
        chroma: kernel by which U and V are averaged where they have fewer samples.

    Returns:
        Its planes, uint8.

    Example:
        >>> import torch
        >>> from edge_sdk.video import ClipForm, rgb_to_frame
        >>> [plane.shape for plane in rgb_to_frame(torch.rand(3, 5, 7), ClipForm(7, 5))]
        [torch.Size([5, 7]), torch.Size([3, 4]), torch.Size([3, 4])]
    """
    if form.sampling is Sampling.RGB:
        return tuple(map(levels_of, rgb))
    yuv = rgb_to_yuv(rgb, form.matrix, form.swing)
    if form.sampling is Sampling.MONO:
        return (levels_of(yuv[0]),)
    planes = (levels_of(chroma_from_luma(yuv[i], i, form, chroma)) for i in (1, 2))
    return (levels_of(yuv[0]), *planes)


def levels_of(plane: Tensor) -> Tensor:
    """Values in [0, 1] as uint8 levels, rounded half up and clipped."""
    return to_levels(plane).to(torch.uint8)


def _check(image: Tensor) -> None:
    if not image.is_floating_point() or image.ndim < 3 or image.shape[-3] != 3:
        raise InputError(
            f"the image must be float [..., 3, H, W], not {image.dtype} {list(image.shape)}"
        )
