"""Gauss–Newton refinement of motions, inverse compositional, robust, batched over frames.

Minimizes Σ_p ρ(I(M p) − g·T(p) − b) over the motion M, gain g and offset b of each frame I against
the reference T (Baker & Matthews 2004, with gain and offset as in Bartoli 2008 and ρ by Tukey's
biweight). Gradients are those of the reference, so their products are computed once per level.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from edge_sdk.registration.alignment.refining import LONGEST_STEP_PX, MIN_GAIN
from edge_sdk.registration.frame_motions import FrameMotions
from edge_sdk.registration.models import MotionModel, step_matrices, velocities
from edge_sdk.registration.robust import median_of, robust_std
from edge_sdk.registration.sampling import sample_linear
from edge_sdk.registration.stages.align import CONTRAST_PX, TUKEY
from edge_sdk.registration.template import Template


@dataclass(frozen=True, eq=False)
class Normals:
    """What the normal equations of one level need of the reference, for one motion model.

    Attributes:
        template: the reference.
        model: the motion model, K degrees of freedom.
        design: float32 [K + 2, P]: slope along each generator, then gain and offset.
        products: float32 [(K + 2)(K + 3)/2, P]: products of pairs of rows of ``design``.
        contrast: float32 [P]: square of what two samplings may differ by where the slope is steep.
        corners: float64 [K, 4, 2]: how the corners of the picture move along each generator.
        mean: mean of the reference's values.
    """

    template: Template
    model: MotionModel
    design: Tensor
    products: Tensor
    contrast: Tensor
    corners: Tensor
    mean: float

    @staticmethod
    def of(template: Template, model: MotionModel) -> Normals:
        """Prepare a template for a motion model."""
        along = velocities(model, template.points / template.radius)
        mean = float(template.values.mean())
        photometric = torch.stack((template.values - mean, torch.ones_like(template.values)))
        motion = (along * template.slopes).sum(-1)
        design = torch.cat((motion, photometric))
        upper = torch.triu_indices(len(design), len(design))
        products = design[upper[0]] * design[upper[1]]
        x, y = template.width / 2, template.height / 2
        corners = template.points.new_tensor([[-x, -y], [x, -y], [-x, y], [x, y]]).double()
        contrast = (CONTRAST_PX * template.slopes).square().sum(1)
        along = velocities(model, corners / template.radius)
        return Normals(template, model, design, products, contrast, along, mean)


@dataclass(frozen=True, eq=False)
class Refined(FrameMotions):
    """Result of a refinement, for N frames.

    Attributes:
        explained: float [N] in [0, 1]: squared correlation of frame and reference over the points
            that both show, outliers included; 0 if dark and bright are exchanged.
    """

    explained: Tensor


def refine(
    normals: Normals,
    frames: Tensor,
    start: Tensor,
    *,
    iterations: int,
    tolerance_px: float,
) -> Refined:
    """Refine motions on one pyramid level.

    Args:
        normals: the reference and the motion model.
        frames: float32 [N, 1, H, W].
        start: float64 [N, 3, 3], motions of the model to start from.
        iterations: most steps to take.
        tolerance_px: stop once no corner of any frame moves further than this.
    """
    template = normals.template
    matrices = start
    step_px = torch.full((len(frames),), torch.inf, dtype=start.dtype, device=start.device)
    values, inside = sample_linear(frames, matrices, template.points)
    gain, offset = _first_brightness(normals, values, inside)
    for _ in range(iterations):
        solution = _solved(normals, values, inside, gain, offset)
        matrices, step_px = _moved(normals, matrices, solution, gain)
        gain = gain + solution[:, -2]
        offset = offset + solution[:, -1] - solution[:, -2] * normals.mean
        values, inside = sample_linear(frames, matrices, template.points)
        if float(step_px.max()) < tolerance_px:
            break
    return _summary(normals, matrices, values, inside, gain, offset)


def residuals(template: Template, values: Tensor, gain: Tensor, offset: Tensor) -> Tensor:
    """What samples of frames [N, P] differ by from the reference at their gain and offset [N]."""
    expected = gain[:, None].float() * template.values + offset[:, None].float()
    return values - expected


def _solved(
    normals: Normals, values: Tensor, inside: Tensor, gain: Tensor, offset: Tensor
) -> Tensor:
    residual = residuals(normals.template, values, gain, offset)
    spread = robust_std(residual, inside)
    expected = spread.square()[:, None] + normals.contrast
    scaled = (residual.square() / (TUKEY**2 * expected)).clamp_max_(1.0)
    weight = (1.0 - scaled).square_().mul_(inside)
    return _solution(normals, weight, weight * residual)


def _solution(normals: Normals, weight: Tensor, weighted: Tensor) -> Tensor:
    size = len(normals.design)
    upper = torch.triu_indices(size, size)
    normal = weight.new_zeros((len(weight), size, size), dtype=torch.float64)
    normal[:, upper[0], upper[1]] = (weight @ normals.products.T).double()
    normal[:, upper[1], upper[0]] = normal[:, upper[0], upper[1]]
    right = (weighted @ normals.design.T).double()
    # A flat picture leaves directions without any gradient: damping keeps them at rest.
    trace = normal.diagonal(dim1=-2, dim2=-1).sum(-1)
    damping = (1e-9 * trace + 1e-12)[:, None, None] * torch.eye(size, dtype=torch.float64)
    solution, _ = torch.linalg.solve_ex(normal + damping, right)
    finite: Tensor = solution.nan_to_num(0.0, 0.0, 0.0)
    return finite


def _moved(
    normals: Normals, matrices: Tensor, solution: Tensor, gain: Tensor
) -> tuple[Tensor, Tensor]:
    # Slopes of the frame are gain times those of the reference.
    seen = (gain > MIN_GAIN).double() / gain.clamp_min(MIN_GAIN)
    step = solution[:, :-2] * seen[:, None]
    step_px = torch.einsum("nk,kcd->ncd", step, normals.corners).norm(dim=-1).amax(-1)
    shorter = (LONGEST_STEP_PX / step_px.clamp_min(LONGEST_STEP_PX))[:, None]
    # The step moves the reference; the frame's motion takes its inverse.
    step = -step * shorter
    return matrices @ step_matrices(normals.model, step, normals.template.radius), step_px


def _first_brightness(normals: Normals, values: Tensor, inside: Tensor) -> tuple[Tensor, Tensor]:
    """Gain and offset to start from: least squares, or gain 1 where most points fit that better.

    Least squares follow whatever is bright and hides the scene, a lamp or a passing car.
    """
    gain, offset = _brightness(normals, values, inside)
    shift = median_of(values - normals.template.values, inside).double()
    plain, fitted = (
        robust_std(residuals(normals.template, values, *pair), inside)
        for pair in ((torch.ones_like(gain), shift), (gain, offset))
    )
    better = plain < fitted
    return gain.masked_fill(better, 1.0), torch.where(better, shift, offset)


def _brightness(normals: Normals, values: Tensor, inside: Tensor) -> tuple[Tensor, Tensor]:
    """Gain and offset by least squares over the points that both show."""
    reference = normals.template.values - normals.mean
    moments = torch.stack((torch.ones_like(reference), reference, reference.square()))
    count, first, second = (inside @ moments.T).double().unbind(-1)
    shown = inside * values
    total, cross = (shown @ moments[:2].T).double().unbind(-1)
    count = count.clamp_min(1.0)
    variance = (second - first.square() / count).clamp_min(1e-9)
    gain = (cross - first * total / count) / variance
    return gain, (total - gain * first) / count - gain * normals.mean


def _summary(
    normals: Normals,
    matrices: Tensor,
    values: Tensor,
    inside: Tensor,
    gain: Tensor,
    offset: Tensor,
) -> Refined:
    # What passes before the scene must not change its brightness, but does count as unexplained.
    spread = robust_std(residuals(normals.template, values, gain, offset), inside)
    fitted_gain, fitted_offset = _brightness(normals, values, inside)
    residual = residuals(normals.template, values, fitted_gain, fitted_offset)
    count = inside.sum(-1).clamp_min(1.0)
    reference = normals.template.values - normals.mean
    mean = (inside @ reference) / count
    variance = (inside @ reference.square()) / count - mean.square()
    # Only what the reference puts into the frame counts: a flat frame (gain 0) shows nothing of it.
    variance = variance.clamp_min(0.0) * fitted_gain.clamp_min(0.0).square()
    unexplained = (inside * residual.square()).sum(-1) / count
    return Refined(
        matrices=matrices,
        gain=gain,
        offset=offset,
        residual_std=spread,
        explained=variance / (variance + unexplained).clamp_min(1e-12),
    )
