"""Chroma planes brought from one grid to another, each sample where its siting says."""

from __future__ import annotations

import math
from fractions import Fraction
from functools import lru_cache

import torch
from torch import Tensor

from edge_sdk.models.picture import Chroma
from edge_sdk.video.form import ClipForm

_REACH = {"bicubic": 2.0, "bilinear": 1.0}
"""Half of the width of each kernel."""


def enlarged_chroma(
    plane: Tensor, index: int, form: ClipForm, target: ClipForm, scale: Fraction, method: Chroma
) -> Tensor:
    """A chroma plane for luma that is ``scale`` times as large, sited as before.

    Pixel x of the smaller picture lies at scale·(x + ½) − ½ of the larger, so that chroma sample j
    of the larger, at step·j + offset there, is read between samples of the smaller.

    Args:
        plane: float32 [h, w].
        index: 1 for U, 2 for V.
        form: of the clip that it is of.
        target: of the clip that it becomes part of, with the same sampling.
        scale: luma size over luma size, below 1 where it shrinks.
        method: kernel, widened where the picture shrinks.
    """
    ratio = float(scale)
    for axis in (0, 1):
        step, offset = _of_axis(form, index, axis)
        start = ((offset + 0.5) / ratio - 0.5 - offset) / step
        plane = _resampled(plane, axis, target.plane_sizes[1][axis], 1 / ratio, start, method)
    return plane


def chroma_on_luma(plane: Tensor, index: int, form: ClipForm, method: Chroma) -> Tensor:
    """A chroma plane, float32 [h, w], at every pixel of luma: [height, width]."""
    for axis in (0, 1):
        step, offset = _of_axis(form, index, axis)
        length = form.plane_sizes[0][axis]
        plane = _resampled(plane, axis, length, 1 / step, -offset / step, method)
    return plane


def chroma_from_luma(plane: Tensor, index: int, form: ClipForm, method: Chroma) -> Tensor:
    """Chroma of every pixel, float32 [height, width], as the samples of a plane, antialiased."""
    for axis in (0, 1):
        step, offset = _of_axis(form, index, axis)
        length = form.plane_sizes[1][axis]
        plane = _resampled(plane, axis, length, float(step), offset, method)
    return plane


def _of_axis(form: ClipForm, index: int, axis: int) -> tuple[int, float]:
    place = 1 - axis
    return form.sampling.step[place], form.sampling.offsets(index)[place]


def _resampled(
    plane: Tensor, axis: int, length: int, pace: float, start: float, method: Chroma
) -> Tensor:
    """Sample j of the result is read at start + pace·j; borders are mirrored."""
    if (pace, start) == (1.0, 0.0) and length == plane.shape[axis]:
        return plane
    taps, weights = _contributions(plane.shape[axis], length, pace, start, method)
    if axis == 0:
        weights = weights[..., None]
    total = plane.index_select(axis, taps[0]) * weights[0]
    for tap, weight in zip(taps[1:], weights[1:], strict=True):
        total = torch.addcmul(total, plane.index_select(axis, tap), weight)
    return total


@lru_cache(maxsize=32)
def _contributions(
    before: int, length: int, pace: float, start: float, method: Chroma
) -> tuple[Tensor, Tensor]:
    """Samples read, int64 [taps, length], and their weights, float32 [taps, length], sum 1."""
    shrink = min(1.0, 1 / pace)
    reach = _REACH[method] / shrink
    center = start + pace * torch.arange(length, dtype=torch.float64)
    first = torch.floor(center - reach)
    index = first + torch.arange(math.ceil(2 * reach) + 2, dtype=torch.float64)[:, None]
    distance = (shrink * (center - index)).abs()
    weights = _cubic(distance) if method == "bicubic" else (1 - distance).clamp(min=0)
    weights = weights / weights.sum(0)
    mirrored = index.to(torch.int64) % (2 * before)
    mirrored = torch.where(mirrored < before, mirrored, 2 * before - 1 - mirrored)
    used = weights.ne(0).any(1)
    return mirrored[used], weights[used].float()


def _cubic(distance: Tensor) -> Tensor:
    """The kernel of :func:`edge_sdk.imaging.resize_bicubic`: Keys (1981), a = −½."""
    near = (1.5 * distance - 2.5) * distance**2 + 1
    far = 2 - distance * (4 - distance * (2.5 - 0.5 * distance))
    outer = torch.where(distance < 2, far, torch.zeros_like(far))
    return torch.where(distance <= 1, near, outer)
