"""Registration of frames to a reference: coarse search, Gauss–Newton, and how far to trust it."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from edge_sdk.errors import InputError
from edge_sdk.registration.gauss_newton import Refined, refine
from edge_sdk.registration.motion import EuclideanMotion
from edge_sdk.registration.pyramid import build_pyramid, gaussian_blur, search_shift

QUANTISATION = (1 / 255) ** 2 / 6
"""Variance of the difference of two values rounded to 8 bits."""
NOISE_MARGIN = 1.3
"""Variance of a difference, over that of the estimated noise, up to which it counts as noise."""


@dataclass(frozen=True)
class RegistrationConfig:
    """Settings of :func:`register`.

    Attributes:
        max_shift_px: largest shift that the coarse search covers, in each direction.
        smooth_px: standard deviation of the blur before the finest level, against noise.
        coarsest_px: shorter side of the coarsest pyramid level.
        coarse_iterations: Gauss–Newton steps on each coarse level.
        fine_iterations: Gauss–Newton steps on the finest level.
        tolerance_px: movement under which a level counts as done.
        min_overlap: share of the reference that a frame must show to be used.
        min_explained: squared correlation with the reference that a frame must reach.
    """

    max_shift_px: float = 64.0
    smooth_px: float = 1.0
    coarsest_px: int = 32
    coarse_iterations: int = 12
    fine_iterations: int = 10
    tolerance_px: float = 2e-3
    min_overlap: float = 0.4
    min_explained: float = 0.25


@dataclass(frozen=True)
class Registration:
    """How one frame lies on the reference.

    Attributes:
        matrix: float64 [3, 3], reference to frame, centred pixel coordinates.
        residual_std: standard deviation, in [0, 1], of what the motion does not explain.
        overlap: share of the reference that the frame shows.
        explained: squared correlation with the reference after alignment.
        accepted: whether the frame may contribute; one without anything to see may, at rest.
        reason: why it may not; empty if accepted.
    """

    matrix: Tensor
    residual_std: float
    overlap: float
    explained: float
    accepted: bool
    reason: str = ""

    @property
    def motion(self) -> EuclideanMotion:
        """Shift and rotation of the frame."""
        return EuclideanMotion.of(self.matrix)


def register(
    reference: Tensor,
    frames: Tensor,
    config: RegistrationConfig | None = None,
    noise_std: float = 0.0,
) -> tuple[Registration, ...]:
    """Estimate the Euclidean motion of every frame against the reference.

    Nothing throws on a dark, flat or foreign picture: such a frame comes back not accepted. Where
    no motion can be found because there is nothing to see, and the frame at rest differs from the
    reference by noise and brightness only, any motion would do: it is accepted, at rest.

    Args:
        reference: float32 [1, H, W] in [0, 1], one channel, such as luma.
        frames: float32 [N, 1, H, W].
        config: settings; the defaults suit hand-held bursts.
        noise_std: noise of one frame on the same values; 0 if there is none or it is unknown.

    Returns:
        One result per frame, in order.

    Raises:
        InputError: if the sizes differ.
    """
    config = config or RegistrationConfig()
    if frames.shape[1:] != reference.shape:
        raise InputError(
            f"frames {tuple(frames.shape)} do not match the reference {tuple(reference.shape)}; "
            "give frames [N, 1, H, W] and a reference [1, H, W]"
        )
    if frames.shape[0] == 0:
        return ()
    stack = gaussian_blur(torch.cat((reference[None], frames)), config.smooth_px)
    levels = build_pyramid(stack, config.coarsest_px)
    depth = len(levels) - 1
    reach = int(config.max_shift_px / 2**depth) + 1
    coarsest = levels[-1]
    shifts, _ = search_shift(coarsest[:1], coarsest[1:], reach)
    matrices = torch.eye(3, dtype=torch.float64, device=stack.device).repeat(len(frames), 1, 1)
    matrices[:, :2, 2] = shifts.double()
    refined: Refined | None = None
    for index in range(depth, -1, -1):
        if index < depth:
            matrices = matrices.clone()
            matrices[:, :2, 2] *= 2
        refined = refine(
            levels[index][:1],
            levels[index][1:],
            matrices,
            iterations=config.fine_iterations if index == 0 else config.coarse_iterations,
            tolerance_px=config.tolerance_px if index == 0 else 5 * config.tolerance_px,
        )
        matrices = refined.matrices
    assert refined is not None
    still = _alike_at_rest(stack, noise_std, config.smooth_px)
    return tuple(
        _judge(refined, index, config, alike) for index, alike in enumerate(still.tolist())
    )


def _alike_at_rest(stack: Tensor, noise_std: float, smooth_px: float) -> Tensor:
    """Which of the smoothed frames [1:] differ from the first by noise and brightness only."""
    impulse = torch.zeros(1, 1, 31, 31)
    impulse[..., 15, 15] = 1.0
    passed = float(gaussian_blur(impulse, smooth_px).square().sum())
    expected = 2 * noise_std**2 * passed + QUANTISATION
    difference = stack[1:] - stack[:1]
    return difference.flatten(1).var(dim=1, correction=0) <= NOISE_MARGIN * expected


def _judge(
    refined: Refined, index: int, config: RegistrationConfig, alike_at_rest: bool
) -> Registration:
    matrix = refined.matrices[index]
    overlap = float(refined.overlap[index])
    explained = float(refined.explained[index])
    reason = ""
    if not bool(torch.isfinite(matrix).all()):
        matrix = torch.eye(3, dtype=torch.float64)
        reason = "no motion could be found"
    elif overlap < config.min_overlap:
        reason = f"shows only {overlap:.0%} of the reference"
    elif explained < config.min_explained:
        reason = f"does not match the reference (correlation² {explained:.2f})"
    if reason and alike_at_rest:
        matrix = torch.eye(3, dtype=torch.float64)
        overlap, reason = 1.0, ""
    return Registration(
        matrix, float(refined.residual_std[index]), overlap, explained, not reason, reason
    )
