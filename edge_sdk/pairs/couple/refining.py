"""The homography of features, refined to parts of a pixel by registration on the far grid."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from edge_sdk.errors import SceneError
from edge_sdk.imaging import rgb_to_ycbcr
from edge_sdk.pairs.couple.placing import Placement, placed, reduced
from edge_sdk.pairs.couple.sharpness import equally_blurred, relative_blur_px
from edge_sdk.registration import (
    MotionField,
    Registrar,
    Registration,
    RegistrationConfig,
    motion_error_px,
)

ROUNDS = 4
CONVERGED_PX = 0.02
"""Movement, in far pixels, below which another round makes no difference."""
LARGEST_PX = 0.25
"""Movement in the last round from which on there is no place where the near image rests."""
FARTHEST_PX = 16.0
"""Movement in the first round from which on the features had found something else."""
IMPROVEMENT = 0.98
"""Capped squared differences with the field, over those without, from which on it is taken."""
CAP = 9.0
MIN_SUPPORT, FULL_SUPPORT = 0.1, 0.3
"""Support of a tile up to which its offset counts nothing, and from which on it counts fully."""
LONGEST_PX = 2.0
"""Offset, in far pixels, beyond which parallax is left to the mask."""


@dataclass(frozen=True, eq=False)
class Refined:
    """Where the near image lies on the clipped far reference.

    Attributes:
        placement: clip to near image.
        registration: the last round, at rest up to ``moved_px``.
        blur_px: :func:`~edge_sdk.pairs.couple.sharpness.relative_blur_px` of both.
        moved_px: how far the last round still moved a pixel of the clip at most, in far pixels.
    """

    placement: Placement
    registration: Registration
    blur_px: float
    moved_px: float


def refine_placement(
    far: Tensor, near: Tensor, start: Tensor, scale: int, ratio: float, noise_std: float
) -> Refined:
    """Refine a homography, and let it vary over the picture where that explains more.

    In each round the near image is brought to the far grid, its pixels the means over those of the
    target, and registered to the far reference (homography by Gauss–Newton, gain and offset free);
    the homography takes the movement over until it rests. Then tiles are tested for motion of
    their own, as parallax between two places of the camera makes them.

    Args:
        far: float32 [3, H, W] in [0, 1], the clipped far reference.
        near: float32 [3, h, w], the near image.
        start: float64 [3, 3], clip to near image.
        scale: pixels of the target per far pixel.
        ratio: near pixels per far pixel.
        noise_std: noise of luma of the far reference.

    Raises:
        SceneError: if both do not match, or the homography does not come to rest.
    """
    luma = rgb_to_ycbcr(far)[:1]
    size = (far.shape[-2], far.shape[-1])
    registrar = Registrar(luma, RegistrationConfig(model="homography", field=False), noise_std)
    matrix, moved_px = start, 0.0
    for turn in range(ROUNDS):
        found = registrar.register(_on_far_grid(near, Placement(matrix), size, scale, ratio))[0]
        if not found.accepted:
            raise SceneError(f"the near shot {found.reason}")
        identity = torch.eye(3, dtype=torch.float64)
        moved_px = float(motion_error_px(found.matrix, identity, *size).max())
        if turn == 0 and moved_px > FARTHEST_PX:
            raise SceneError(f"weak match: features and pixels disagree by {moved_px:.0f} far px")
        matrix = matrix @ found.matrix
        if moved_px < CONVERGED_PX:
            break
    if moved_px > LARGEST_PX:
        raise SceneError(f"the alignment does not come to rest (±{moved_px:.2f} far px)")
    by_homography = _on_far_grid(near, Placement(matrix), size, scale, ratio)
    blur_px = relative_blur_px(by_homography[0], luma)
    varying = Registrar(luma, RegistrationConfig(model="homography"), noise_std)
    last = varying.register(by_homography)[0]
    if last.accepted and last.field.offsets_px is not None:
        bent = Placement(matrix, supported_offsets(last.field))
        by_field = _on_far_grid(near, bent, size, scale, ratio)
        if _field_helps(luma, by_homography[0], by_field[0], blur_px):
            return Refined(bent, last, blur_px, moved_px)
    return Refined(Placement(matrix), last, blur_px, moved_px)


def supported_offsets(field: MotionField) -> MotionField:
    """The field with offsets only where tiles support them by themselves.

    Smooth areas follow any shade that the two exposures render differently: a sky would move by
    many pixels. An offset d of support s becomes d·clamp((s − 0.1)/0.2, 0, 1), and one longer than
    ``LONGEST_PX`` 0: the homography holds there, and the mask says whether it aligns.
    """
    offsets, support = field.offsets_px, field.support
    if offsets is None or support is None:
        return field
    weight = ((support - MIN_SUPPORT) / (FULL_SUPPORT - MIN_SUPPORT)).clamp(0, 1)
    weight = weight * (offsets.norm(dim=-1) <= LONGEST_PX)
    return replace(field, offsets_px=offsets * weight[..., None])


def _on_far_grid(
    near: Tensor, placement: Placement, size: tuple[int, int], scale: int, ratio: float
) -> Tensor:
    """Luma [1, 1, H, W] of the near image, as the far sensor would take it."""
    return rgb_to_ycbcr(reduced(placed(near, placement, size, scale, ratio)[0], scale))[None, :1]


def _field_helps(far: Tensor, by_homography: Tensor, by_field: Tensor, blur_px: float) -> bool:
    """Whether capped squared differences fall, both being equally blurred."""
    residuals = []
    for near in (by_homography, by_field):
        soft, target = equally_blurred(near, far, blur_px)
        gain = target.std() / soft.std().clamp_min(1e-6)
        difference = gain * soft - target
        residuals.append(difference - difference.median())
    limit = CAP * (1.4826 * residuals[0].abs().median()).square()
    before, after = (float(difference.square().clamp_max(limit).mean()) for difference in residuals)
    return after < IMPROVEMENT * before
