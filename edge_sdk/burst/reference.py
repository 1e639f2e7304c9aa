"""Choice of the reference frame: the one with the largest gradient (specification 2, step 3)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from edge_sdk.burst.noise import estimate_noise_std
from edge_sdk.errors import InputError

LAPLACIAN_NOISE_GAIN = 20.0
"""Variance of the 4-neighbour Laplacian of white noise of variance 1: 1 + 1 + 1 + 1 + 4²."""

BLURRY_SHARE = 0.35
"""Part of the sharpest frame's score under which a frame counts as blurry."""
SCORE_DOUBT = 0.2
"""Part of the noise's own energy by which scores may differ by chance."""


@dataclass(frozen=True)
class ReferenceChoice:
    """The chosen frame and why.

    Attributes:
        index: position of the reference among the frames, 0-based.
        scores: gradient energy of every frame; the largest wins.
        noise_std: noise of every frame on values in [0, 1], estimated.
        forced: whether the caller named the reference.
    """

    index: int
    scores: tuple[float, ...]
    noise_std: tuple[float, ...]
    forced: bool = False


def gradient_score(luma: Tensor, noise_std: Tensor) -> Tensor:
    """Mean energy of the Laplacian less what noise alone would give.

        score = mean((4·Y − Y_left − Y_right − Y_up − Y_down)²) − 20·σ²

    Args:
        luma: float [N, 1, H, W] in [0, 1].
        noise_std: float [N], σ of the noise on the same scale.

    Returns:
        Float [N]; higher is sharper. Can be slightly negative on a flat picture.
    """
    kernel = luma.new_tensor([[0.0, -1.0, 0.0], [-1.0, 4.0, -1.0], [0.0, -1.0, 0.0]])
    edges = functional.conv2d(luma, kernel[None, None])
    return edges.square().mean((1, 2, 3)) - LAPLACIAN_NOISE_GAIN * noise_std.square()


def choose_reference(luma: Tensor, forced: int | None = None) -> ReferenceChoice:
    """Score all frames and choose the sharpest, or the one that the caller names.

    Args:
        luma: float [N, 1, H, W] in [0, 1].
        forced: 0-based index that overrides the choice.

    Raises:
        InputError: if ``forced`` is not the index of a frame.
    """
    count = luma.shape[0]
    if forced is not None and not 0 <= forced < count:
        raise InputError(
            f"reference {forced} is not one of the {count} frames; choose 0 to {count - 1}"
        )
    noise = estimate_noise_std(luma)
    scores = gradient_score(luma, noise)
    index = int(torch.argmax(scores)) if forced is None else forced
    return ReferenceChoice(
        index,
        tuple(scores.tolist()),
        tuple(noise.tolist()),
        forced is not None,
    )


def is_blurry(choice: ReferenceChoice, index: int) -> bool:
    """Whether a frame is far less sharp than the sharpest, by more than noise could make it seem.

    Args:
        choice: scores and noise of all frames.
        index: 0-based frame.
    """
    sharpest = max(choice.scores)
    doubt = SCORE_DOUBT * LAPLACIAN_NOISE_GAIN * choice.noise_std[index] ** 2
    return choice.scores[index] < BLURRY_SHARE * sharpest - doubt
