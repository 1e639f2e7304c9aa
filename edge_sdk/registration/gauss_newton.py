"""Gauss–Newton refinement of Euclidean motions, inverse compositional, robust, batched over frames.

Minimises Σ_p ρ(I(M p) − g·T(p) − b) over the motion M, gain g and offset b of each frame I against
the reference T (Baker & Matthews 2004, with gain and offset as in Bartoli 2008 and ρ by Tukey's
biweight). Gradients are those of the reference, so they are computed once per level.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from edge_sdk.registration.motion import centred_grid, transform
from edge_sdk.registration.sampling import sample_frames

TUKEY = 4.685
"""Tuning constant of the biweight: 95 % efficient on Gaussian residuals."""
MAX_POINTS = 120_000
"""Pixels of the reference that take part; a larger picture is thinned evenly to about as many."""


@dataclass(frozen=True)
class Refined:
    """Result of a refinement, for N frames.

    Attributes:
        matrices: float64 [N, 3, 3], reference to frame.
        residual_std: float [N]: robust standard deviation of what the motion does not explain.
        overlap: float [N] in [0, 1]: share of the reference's points that the frame shows.
        explained: float [N] in [0, 1]: squared correlation of frame and reference over the points
            that both show, outliers included; 0 if dark and bright are exchanged.
        last_step_px: float [N]: largest movement of a picture corner in the last iteration.
    """

    matrices: Tensor
    residual_std: Tensor
    overlap: Tensor
    explained: Tensor
    last_step_px: Tensor


def refine(
    reference: Tensor,
    frames: Tensor,
    start: Tensor,
    *,
    iterations: int,
    tolerance_px: float,
) -> Refined:
    """Refine motions on one pyramid level.

    Args:
        reference: float [1, 1, H, W].
        frames: float [N, 1, H, W].
        start: float64 [N, 3, 3], Euclidean motions to start from.
        iterations: most steps to take.
        tolerance_px: stop once no corner of any frame moves further than this.
    """
    height, width = reference.shape[-2:]
    keep = _thinned(height, width, reference.device)
    points = centred_grid(height, width, like=start).reshape(-1, 2)[keep]
    template = reference.reshape(-1)[keep].double()
    slope_x, slope_y = (slope.reshape(-1)[keep].double() for slope in _gradient(reference))
    x, y = points[:, 0], points[:, 1]
    radius = max(height, width) / 2
    # Columns: shift x, shift y, rotation (scaled to pixels at the edge), gain, offset.
    design = torch.stack(
        (
            slope_x,
            slope_y,
            (x * slope_y - y * slope_x) / radius,
            template - template.mean(),
            torch.ones_like(template),
        ),
        dim=1,
    )
    matrices = start.clone()
    count = frames.shape[0]
    step_px = torch.full((count,), torch.inf, dtype=start.dtype, device=start.device)
    solution, residual, gain, inside = _step(design, template, frames, matrices, points)
    for _ in range(iterations):
        matrices, step_px = _update(matrices, solution, radius)
        solution, residual, gain, inside = _step(design, template, frames, matrices, points)
        if float(step_px.max()) < tolerance_px:
            break
    return _summary(matrices, residual, gain, inside, template, step_px)


def _step(
    design: Tensor, template: Tensor, frames: Tensor, matrices: Tensor, points: Tensor
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    values, inside = sample_frames(frames, transform(matrices, points))
    difference = values[:, 0].double() - template
    valid = inside.double()
    # Residual after the best gain and offset of the valid pixels, so that weights are fair.
    photometric = design[:, 3:]
    fitted = _solve(photometric, difference, valid)
    residual = difference - fitted @ photometric.T
    spread = _robust_std(residual, inside)
    scaled = (residual / (TUKEY * spread[:, None])).square().clamp_max(1.0)
    weight = (1.0 - scaled).square() * valid
    return _solve(design, difference, weight), residual, 1.0 + fitted[:, 0], inside


def _solve(design: Tensor, values: Tensor, weight: Tensor) -> Tensor:
    weighted = weight[:, :, None] * design
    normal = weighted.mT @ design
    right = (weighted.mT @ values[:, :, None])[:, :, 0]
    # A flat picture leaves directions without any gradient: damping keeps them at rest.
    trace = normal.diagonal(dim1=-2, dim2=-1).sum(-1)
    damping = (1e-9 * trace + 1e-12)[:, None, None] * torch.eye(
        design.shape[1], dtype=design.dtype, device=design.device
    )
    solution: Tensor = torch.linalg.solve(normal + damping, right)
    return solution


def _update(matrices: Tensor, solution: Tensor, radius: float) -> tuple[Tensor, Tensor]:
    shift = solution[:, :2]
    turn = solution[:, 2] / radius
    # The step moves the reference; the frame's motion takes its inverse.
    step = torch.zeros_like(matrices)
    cosine, sine = turn.cos(), turn.sin()
    step[:, 0, 0] = cosine
    step[:, 1, 1] = cosine
    step[:, 0, 1] = -sine
    step[:, 1, 0] = sine
    step[:, :2, 2] = shift
    step[:, 2, 2] = 1.0
    moved = shift.norm(dim=-1) + solution[:, 2].abs()
    return matrices @ torch.linalg.inv(step), moved


def _summary(
    matrices: Tensor,
    residual: Tensor,
    gain: Tensor,
    inside: Tensor,
    template: Tensor,
    step_px: Tensor,
) -> Refined:
    valid = inside.double()
    count = valid.sum(-1).clamp_min(1.0)
    mean = (valid * template).sum(-1) / count
    variance = (valid * (template - mean[:, None]).square()).sum(-1) / count
    # Only what the reference puts into the frame counts: a flat frame (gain 0) shows nothing of it.
    variance = variance * gain.clamp_min(0.0).square()
    unexplained = (valid * residual.square()).sum(-1) / count
    return Refined(
        matrices=matrices,
        residual_std=_robust_std(residual, inside),
        overlap=valid.mean(-1),
        explained=variance / (variance + unexplained).clamp_min(1e-12),
        last_step_px=step_px,
    )


def _robust_std(residual: Tensor, inside: Tensor) -> Tensor:
    masked = residual.abs().masked_fill(~inside, torch.nan)
    median = masked.nanmedian(dim=-1).values.nan_to_num(0.0)
    return (1.4826 * median).clamp_min(1e-5)


def _gradient(image: Tensor) -> tuple[Tensor, Tensor]:
    padded = torch.nn.functional.pad(image, (1, 1, 1, 1), mode="replicate")
    slope_x = (padded[..., 1:-1, 2:] - padded[..., 1:-1, :-2]) / 2
    slope_y = (padded[..., 2:, 1:-1] - padded[..., :-2, 1:-1]) / 2
    return slope_x, slope_y


def _thinned(height: int, width: int, device: torch.device) -> Tensor:
    total = height * width
    stride = max(1, round(total / MAX_POINTS))
    # A stride that shares no factor with the width walks through all columns.
    while stride > 1 and torch.gcd(torch.tensor(stride), torch.tensor(width)) > 1:
        stride += 1
    return torch.arange(0, total, stride, device=device)
