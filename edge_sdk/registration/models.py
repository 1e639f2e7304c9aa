"""Motion models: which directions a motion may take, and steps along them.

A model is a set of generators G_i of the group of its 3×3 matrices; the motion moves by the matrix
exponential exp(Σ δ_i G_i), which stays in the group whatever the step: rotations remain rotations.
"""

from __future__ import annotations

from typing import Literal, get_args

import torch
from torch import Tensor

MotionModel = Literal["translation", "euclidean", "similarity", "homography"]
"""Two, three, four and eight degrees of freedom; each model contains those before it."""
MODELS: tuple[MotionModel, ...] = get_args(MotionModel)

_GENERATORS = (
    ((0, 0, 1), (0, 0, 0), (0, 0, 0)),  # shift to the right
    ((0, 0, 0), (0, 0, 1), (0, 0, 0)),  # shift down
    ((0, -1, 0), (1, 0, 0), (0, 0, 0)),  # rotation, clockwise on screen
    ((1, 0, 0), (0, 1, 0), (0, 0, 0)),  # enlargement
    ((1, 0, 0), (0, -1, 0), (0, 0, 0)),  # stretch along x
    ((0, 1, 0), (1, 0, 0), (0, 0, 0)),  # stretch along the diagonal
    ((0, 0, 0), (0, 0, 0), (1, 0, 0)),  # perspective along x
    ((0, 0, 0), (0, 0, 0), (0, 1, 0)),  # perspective along y
)
_FREEDOM = {"translation": 2, "euclidean": 3, "similarity": 4, "homography": 8}


def generators(model: MotionModel, like: Tensor) -> Tensor:
    """Generators of a model, [K, 3, 3], for coordinates of order 1."""
    return torch.tensor(_GENERATORS[: _FREEDOM[model]], dtype=like.dtype, device=like.device)


def velocities(model: MotionModel, points: Tensor) -> Tensor:
    """How points [P, 2] of order 1 move along each generator: d/dδ_i exp(δ_i G_i) p, [K, P, 2]."""
    raised = torch.nn.functional.pad(points, (0, 1), value=1.0)
    moved = raised @ generators(model, points).mT
    return moved[..., :2] - points * moved[..., 2:]


def step_matrices(model: MotionModel, steps: Tensor, radius: float) -> Tensor:
    """Motions exp(Σ δ_i G_i) on pixels.

    Args:
        model: the model.
        steps: float64 [N, K], δ in pixels at ``radius``.
        radius: pixels that count as 1 in the generators' coordinates.

    Returns:
        Float64 [N, 3, 3].
    """
    small = torch.einsum("nk,kij->nij", steps / radius, generators(model, steps))
    scaling = steps.new_tensor([radius, radius, 1.0])
    return scaling[:, None] * torch.matrix_exp(small) / scaling
