"""One motion per frame: coarse search, Gauss–Newton down the pyramid, choice of candidates."""

from __future__ import annotations

import torch
from torch import Tensor

from edge_sdk.registration.config import RegistrationConfig
from edge_sdk.registration.gauss_newton import Normals, Refined, refine, residuals
from edge_sdk.registration.pyramid import level_matrix, local_contrast, search_shifts
from edge_sdk.registration.sampling import sample_linear
from edge_sdk.registration.template import Template, make_template

SEARCHED_SHARE = 0.1
"""Shifts up to this share of the shorter side are always searched."""
CANDIDATES = 2
"""Shifts that the search may hand on: a moving object with much texture offers its own."""
LOW_CORRELATION, MIN_EVIDENCE = 0.7, 0.1
"""Evidence of another shift, over that of the best and at all, from which on both are followed."""
BETTER, EXPLAINED = 0.9, 0.5
"""Cost over that of the best shift's motion, and explained variance, for another to be believed.

A frame of another scene finds some shift at which chance makes it fit a little.
"""
CAP = 9.0
"""Squared residuals, over their variance, count up to this when candidates are compared."""
COARSE_THINNING = 4
"""Coarse levels use this much fewer points."""
COARSE_TOLERANCE = 8.0
"""Coarse levels stop this much earlier than the finest: they only give it a start."""


class GlobalFinder:
    """A reference, prepared for the question how whole frames moved.

    Args:
        levels: smooth pyramid of the reference, [1, 1, h, w] each, finest first.
        config: settings.
        reach_px: largest shift that is searched, on the finest level.
    """

    def __init__(self, levels: list[Tensor], config: RegistrationConfig, reach_px: float) -> None:
        self.config = config
        self.reach_px = reach_px
        self._sizes = [level.shape for level in levels]
        self._contrast = local_contrast(levels[-1])
        points = config.max_points
        templates = [
            make_template(level, points // (COARSE_THINNING if index else 1))
            for index, level in enumerate(levels)
        ]
        self._normals = [Normals.of(entry, config.model) for entry in templates]

    @property
    def normals(self) -> Normals:
        """What the finest level needs of the reference."""
        return self._normals[0]

    @property
    def template(self) -> Template:
        """The reference on the finest level."""
        return self._normals[0].template

    def find(self, levels: list[Tensor]) -> Refined:
        """Motions of frames on the finest level, given their pyramids."""
        config = self.config
        matrices, owner = self._starts(levels[-1])
        last = len(levels) - 1
        for index in range(last, 0, -1):
            frames = levels[index] if len(owner) == len(levels[0]) else levels[index][owner]
            refined = refine(
                self._normals[index],
                frames,
                matrices,
                iterations=config.coarse_iterations,
                tolerance_px=COARSE_TOLERANCE * config.tolerance_px,
            )
            matrices = refined.matrices
            if index == 1:
                best = _best_of(self._normals[1].template, frames, refined, owner)
                matrices = matrices[best]
            scaling = level_matrix(self._sizes[index - 1], like=matrices)
            matrices = scaling @ matrices @ torch.linalg.inv(scaling)
        return refine(
            self._normals[0],
            levels[0],
            matrices[: len(levels[0])],
            iterations=config.fine_iterations,
            tolerance_px=config.tolerance_px,
        )

    def _starts(self, frames: Tensor) -> tuple[Tensor, Tensor]:
        """Motions to start from on the coarsest level, float64 [K, 3, 3], and their frames, [K].

        The best of every frame comes first, in order.
        """
        reach = int(self.reach_px / 2 ** (len(self._sizes) - 1)) + 1
        contrast = local_contrast(frames)
        shifts, evidence = search_shifts(
            self._contrast, contrast, reach, self.config.min_overlap, CANDIDATES
        )
        least = (LOW_CORRELATION * evidence[:, :1]).clamp_min(MIN_EVIDENCE)
        doubtful = (evidence[:, 1:] > least).nonzero()
        owner = torch.cat((torch.arange(len(frames)), doubtful[:, 0]))
        chosen = torch.cat((shifts[:, 0], shifts[doubtful[:, 0], doubtful[:, 1] + 1]))
        matrices = torch.eye(3, dtype=torch.float64, device=shifts.device).repeat(len(owner), 1, 1)
        matrices[:, :2, 2] = chosen.double()
        return matrices, owner


def _best_of(template: Template, frames: Tensor, refined: Refined, owner: Tensor) -> Tensor:
    """Of the motions of each frame, the row of that which most of the points fit, int64 [N].

    Compared are means of min(r²/σ², c) over the points that a frame shows, σ the least spread that
    one of the motions left. The motions of the best shifts come first, in the order of the frames.
    """
    count = int(owner.max()) + 1
    if count == len(owner):
        return torch.arange(count)
    values, inside = sample_linear(frames, refined.matrices, template.points)
    residual = residuals(template, values, refined.gain, refined.offset)
    least = torch.full((count,), torch.inf).scatter_reduce(0, owner, refined.residual_std, "amin")
    cost = (residual / least[owner, None]).square().clamp_max(CAP)
    cost = (cost * inside).sum(1) / inside.sum(1).clamp_min(1.0)
    cost[count:].masked_fill_(refined.explained[count:] < EXPLAINED, torch.inf)
    cost[:count] *= BETTER
    rows = [(owner == index).nonzero()[:, 0] for index in range(count)]
    return torch.stack([row[cost[row].argmin()] for row in rows])
