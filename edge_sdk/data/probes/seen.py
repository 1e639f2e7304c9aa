"""A clean crop of a picture as a model gets to see it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from edge_sdk.data.samples.gaussian_noise import STRONGEST, as_noisy_file
from edge_sdk.imaging import quantize
from edge_sdk.models.spec import PictureSpec, Task

Seeing = Callable[[Tensor, torch.Generator], Tensor]
"""Makes a crop worse, float32 [1, C, H, W] in [0, 1], and rounds it to 8-bit levels."""


def seeing(spec: PictureSpec | None) -> Seeing | None:
    """What makes crops into inputs of a model; ``None`` where they are as they come.

    Args:
        spec: what the model does to pictures, if it says so.
    """
    if spec is None:
        return None
    kinds: dict[str, Seeing] = {
        Task.DENOISING: as_noisy_file,
        Task.RESTORATION: partial(_degraded, recipe="document"),
    }
    return kinds.get(spec.task)


def words_of(spec: PictureSpec | None) -> str:
    """What was done to the crops, to follow where they come from: empty for nothing."""
    if spec is not None and spec.task == Task.DENOISING:
        return f" with noise of 0 to {STRONGEST:g} levels"
    if spec is not None and spec.task == Task.RESTORATION:
        return ", degraded by the recipe document"
    return ""


def _degraded(crop: Tensor, generator: torch.Generator, recipe: str) -> Tensor:
    from edge_sdk.data.degradation.presets import preset
    from edge_sdk.data.samples.degraded_patches import degraded_picture

    seed = int(torch.randint(2**31, (1,), generator=generator))
    return quantize(degraded_picture(crop[0], preset(recipe), seed))[None]
