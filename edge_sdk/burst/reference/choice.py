"""Choice of the reference frame: the one with the largest gradient (specification 2, step 3).

The gradient is that of the Laplacian operator, its energy compensated for noise
(:mod:`edge_sdk.burst.reference.gradient_energy`), on the region that is zoomed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from edge_sdk.burst.reference.gradient_energy import (
    GradientEnergy,
    gradient_energy,
    laplacian,
)
from edge_sdk.burst.reference.lost_parts import blank_in_all, lost_parts
from edge_sdk.burst.reference.noise import estimate_noise_std
from edge_sdk.burst.stages.frame_stages import FrameStages
from edge_sdk.errors import InputError
from edge_sdk.imaging.rectangle import Rectangle

LAPLACIAN_NOISE_GAIN = 20.0
"""Variance of the 4-neighbor Laplacian of white noise of variance 1: 1 + 1 + 1 + 1 + 4²."""

BLURRY_SHARE = 0.35
"""Part of the most detail under which a frame counts as blurry."""
SCORE_UNCERTAINTY = 0.2
"""Part of the noise's own energy by which detail may differ by chance."""
LEAST_SHOWN = 0.001
"""Part of the largest score under which a frame shows nothing."""
SMALLEST_REGION_PX = 16


@dataclass(frozen=True)
class Sharpness:
    """What one frame's gradient says.

    Attributes:
        energy: of its Laplacian, whose score the largest wins.
        noise_std: estimated noise on values in [0, 1].
    """

    energy: GradientEnergy
    noise_std: float

    def without(self, lost: Tensor) -> Sharpness:
        """The same frame as if some blocks, bool [h, w], held nothing."""
        if not bool(lost.any()):
            return self
        return Sharpness(self.energy.without(lost), self.noise_std)


@dataclass(frozen=True)
class ReferenceChoice:
    """The chosen frame and why.

    Attributes:
        index: position of the reference among the frames, 0-based.
        scores: :func:`gradient_score` of every frame without what it lost; the largest wins.
        noise_std: noise of every frame on values in [0, 1], estimated.
        detail: part of the score of every frame that its finest detail gives, which
            :func:`is_blurry` compares.
        forced: whether the caller named the reference.
        lost: part of every frame, 0 to 1, that shows nothing where most others show something.
        blank: part of the picture, 0 to 1, where all frames hold one value in the same place.

    Example:
        >>> import torch
        >>> from edge_sdk.burst import choose_reference
        >>> luma = torch.rand(2, 1, 48, 64)
        >>> choice = choose_reference(luma, forced=1)
        >>> choice.index, choice.forced, len(choice.scores)
        (1, True, 2)
    """

    index: int
    scores: tuple[float, ...]
    noise_std: tuple[float, ...]
    detail: tuple[float, ...]
    forced: bool = False
    lost: tuple[float, ...] = ()
    blank: float = 0.0

    def shows(self, index: int) -> bool:
        """Whether a frame shows more than nothing, as a black one or one of noise alone does not.

        Where none does, all count.
        """
        return self.scores[index] >= LEAST_SHOWN * max(self.scores)

    @property
    def is_sharpest(self) -> bool:
        """Whether no frame is sharper than the reference."""
        return self.scores[self.index] >= max(self.scores)


def gradient_score(luma: Tensor) -> Tensor:
    """Energy of the Laplacian over four octaves, less what noise gives.

    The score of :mod:`edge_sdk.burst.reference.gradient_energy`, frame by frame.

    Args:
        luma: float [N, 1, H, W] in [0, 1], at least 3×3 px.

    Returns:
        Float [N], 0 or more; higher is sharper.

    Example:
        >>> import torch
        >>> from edge_sdk import resize_bicubic
        >>> from edge_sdk.burst import gradient_score
        >>> sharp = resize_bicubic(torch.rand(1, 1, 12, 16), 5).clamp(0, 1)
        >>> blurry = torch.nn.functional.avg_pool2d(sharp, 9, 1, 4, count_include_pad=False)
        >>> scores = gradient_score(torch.cat((blurry, sharp)))
        >>> bool(scores[1] > scores[0])
        True
    """
    # One frame after the other bounds the memory.
    return luma.new_tensor([gradient_energy(frame).score for frame in luma])


def laplacian_energy(luma: Tensor, noise_std: Tensor) -> Tensor:
    """Mean energy of the Laplacian less what white noise alone would give.

        energy = mean((4·Y − Y_left − Y_right − Y_up − Y_down)²) − 20·σ²

    Args:
        luma: float [N, 1, H, W] in [0, 1].
        noise_std: float [N], σ of the noise on the same scale.

    Returns:
        Float [N]; higher is sharper. Can be slightly negative on a flat picture.
    """
    energies = torch.stack([laplacian(frame[None]).square().mean() for frame in luma])
    return energies - LAPLACIAN_NOISE_GAIN * noise_std.square()


def measure_sharpness(luma: Tensor, stages: FrameStages | None = None) -> Sharpness:
    """Measure one frame, or the region of it that is zoomed.

    Args:
        luma: float [1, H, W] in [0, 1], at least 3×3 px.
        stages: what computes; PyTorch by default.
    """
    return Sharpness(gradient_energy(luma, stages), float(estimate_noise_std(luma[None])))


def choose_sharpest(measured: Sequence[Sharpness], forced: int | None = None) -> ReferenceChoice:
    """Choose the frame of the largest score, the first of equals, or the one that is named.

    Args:
        measured: sharpness of every frame, in order.
        forced: 0-based index that overrides the choice.

    Raises:
        InputError: as :func:`check_forced`.
    """
    check_forced(forced, len(measured))
    flat = [frame.energy.flat for frame in measured]
    lost = lost_parts(flat)
    found = [frame.without(part) for frame, part in zip(measured, lost, strict=True)]
    scores = tuple(frame.energy.score for frame in found)
    return ReferenceChoice(
        scores.index(max(scores)) if forced is None else forced,
        scores,
        tuple(frame.noise_std for frame in found),
        tuple(frame.energy.detail for frame in found),
        forced is not None,
        tuple(float(part.float().mean()) for part in lost),
        blank_in_all(flat),
    )


def check_forced(forced: int | None, count: int) -> None:
    """Raise :class:`InputError` if ``forced`` is given and not the index of one of the frames."""
    if forced is not None and not 0 <= forced < count:
        raise InputError(
            f"reference {forced} is not one of the {count} frames; choose 0 to {count - 1}"
        )


def choose_reference(
    luma: Tensor, forced: int | None = None, region: Rectangle | None = None
) -> ReferenceChoice:
    """Score all frames and choose the sharpest, or the one that the caller names.

    Args:
        luma: float [N, 1, H, W] in [0, 1].
        forced: 0-based index that overrides the choice.
        region: the part that is zoomed, at least 16×16 px; only there the frames are judged.
            ``None`` for the whole frame.

    Raises:
        InputError: if ``forced`` is not the index of a frame, or ``region`` does not lie on it.

    Example:
        >>> import torch
        >>> from edge_sdk import resize_bicubic
        >>> from edge_sdk.burst import choose_reference
        >>> sharp = resize_bicubic(torch.rand(1, 1, 12, 16), 5).clamp(0, 1)
        >>> blurry = torch.nn.functional.avg_pool2d(sharp, 9, 1, 4, count_include_pad=False)
        >>> choose_reference(torch.cat((blurry, sharp))).index
        1
    """
    check_forced(forced, luma.shape[0])
    if region is not None:
        region.check(luma.shape[-2], luma.shape[-1], SMALLEST_REGION_PX)
        rows = slice(region.top, region.top + region.height)
        luma = luma[..., rows, region.left : region.left + region.width]
    return choose_sharpest([measure_sharpness(frame) for frame in luma], forced)


def is_blurry(choice: ReferenceChoice, index: int) -> bool:
    """Whether a frame has far less detail than the best, by more than noise could make it seem.

    A frame that shows nothing is not blurry.

    Args:
        choice: detail of all frames, at equal exposure.
        index: 0-based frame.
    """
    uncertainty = SCORE_UNCERTAINTY * LAPLACIAN_NOISE_GAIN * choice.noise_std[index] ** 2
    least = BLURRY_SHARE * max(choice.detail) - uncertainty
    kept = 1.0 - (choice.lost[index] if choice.lost else 0.0)
    return choice.shows(index) and choice.detail[index] < kept * least
