"""Pooling over windows."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from edge_sdk.emulate.mil.arguments import Arguments
from edge_sdk.emulate.mil.operators.conv import is_symmetric, padded, resolved_padding
from edge_sdk.emulate.mil.registry import op

_AVG_POOL = {1: F.avg_pool1d, 2: F.avg_pool2d, 3: F.avg_pool3d}
_MAX_POOL = {1: F.max_pool1d, 2: F.max_pool2d, 3: F.max_pool3d}

Window = tuple[list[int], list[int], list[tuple[int, int]]]


def _window(args: Arguments, x: Tensor) -> Window:
    kernel = args.ints("kernel_sizes")
    stride = args.ints("strides", [1] * len(kernel))
    return kernel, stride, resolved_padding(args, list(x.shape[2:]), kernel, stride)


def _is_native(kernel: list[int], pads: list[tuple[int, int]]) -> bool:
    """Whether torch pads this itself: alike on both sides, by half the kernel at most."""
    return is_symmetric(pads) and all(2 * p[0] <= k for p, k in zip(pads, kernel, strict=True))


@op("max_pool")
def _max_pool(args: Arguments) -> Tensor:
    x = args.tensor("x")
    kernel, stride, pads = _window(args, x)
    ceil_mode = args.flag("ceil_mode")
    if not ceil_mode and _is_native(kernel, pads):
        padding = [before for before, _ in pads]
        return _MAX_POOL[len(kernel)](x, kernel, stride, padding)
    if ceil_mode:
        pads = _to_whole_windows(list(x.shape[2:]), kernel, stride, pads)
    return _MAX_POOL[len(kernel)](padded(x, pads, -math.inf), kernel, stride)


@op("avg_pool")
def _avg_pool(args: Arguments) -> Tensor:
    x = args.tensor("x")
    kernel, stride, pads = _window(args, x)
    pool = _AVG_POOL[len(kernel)]
    exclude = args.flag("exclude_padding_from_average")
    ceil_mode = args.flag("ceil_mode")
    if not ceil_mode and _is_native(kernel, pads):
        padding = [before for before, _ in pads]
        return pool(x, kernel, stride, padding, False, not exclude)
    if ceil_mode:
        pads = _to_whole_windows(list(x.shape[2:]), kernel, stride, pads)
    mean = pool(padded(x, pads, 0.0), kernel, stride)
    if not exclude:
        return mean
    return mean / pool(padded(torch.ones_like(x), pads, 0.0), kernel, stride)


def _to_whole_windows(
    sizes: list[int], kernel: list[int], stride: list[int], pads: list[tuple[int, int]]
) -> list[tuple[int, int]]:
    """Pads with what a last window of ``ceil_mode`` lacks: Core ML divides by all of it.

    A window that begins beyond the values is left out where there is padding, as in PyTorch, and
    kept where there is none, by the documentation of MIL's ``avg_pool``.
    """
    longer = []
    for size, window, step, (before, after) in zip(sizes, kernel, stride, pads, strict=True):
        steps = -(-(size + before + after - window) // step)
        if before + after > 0 and steps * step >= size + before:
            steps -= 1
        longer.append((before, max(after, steps * step + window - size - before)))
    return longer
