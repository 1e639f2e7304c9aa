"""What the pixels of each tile say about its offset from a frame's global motion."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from edge_sdk.registration.alignment.levels import level_scaling
from edge_sdk.registration.fields.grid import REGULARIZATION, TileGrid, solve_pairs
from edge_sdk.registration.frame_motions import FrameMotions
from edge_sdk.registration.robust import quantile_of
from edge_sdk.registration.sampling import sample_linear
from edge_sdk.registration.template import Template

TEXTURED = 0.1
"""Energy of slopes, over its mean over the points, from which on one says what noise is: flat ones
fit whatever the motion."""
CALMEST, CALMEST_STD = 0.25, 0.3186
"""Share of them that moved with the frame, surely, and the quantile of a normal deviation there."""
OUTLIER = 2.0
"""Residuals of this many standard deviations of their tile weigh a quarter."""
NOISE_AREA_PX = 12.0
"""Pixels that share their noise after smoothing by 1 px: 4π·σ²."""
CONTRAST_PX = 0.2
"""Displacement that two samplings of the same thing may seem to differ by, from aliasing."""
MATCH_MARGIN = 4.0
"""Square of a residual, over the expected one, up to which a cell matches."""
MATCHED_LEAST, MATCHED_FULLY = 0.5, 0.8
"""Share of a tile's cells that match by chance, and that is enough: the rest may be hidden."""
CERTAIN_PX = 0.25
"""Standard deviation of a tile's own offset that halves its support."""


@dataclass(frozen=True, eq=False)
class View:
    """Frames under their global motions, as one pyramid level shows them.

    Attributes:
        template: the reference.
        frames: float32 [N, 1, h, w].
        matrices: float64 [N, 3, 3].
        gain: float32 [N].
        offset: float32 [N].
        noise: float32 [N]: variance of residuals where the motion is right.
        unit_px: pixels of the finest level in one of this level.
    """

    template: Template
    frames: Tensor
    matrices: Tensor
    gain: Tensor
    offset: Tensor
    noise: Tensor
    unit_px: float = 1.0

    def only(self, chosen: Tensor) -> View:
        """The frames for which ``chosen`` [N] is true."""
        return replace(
            self,
            frames=self.frames[chosen],
            matrices=self.matrices[chosen],
            gain=self.gain[chosen],
            offset=self.offset[chosen],
            noise=self.noise[chosen],
        )

    def coarser(self, template: Template, frames: Tensor) -> View:
        """The same on the next level of the pyramid."""
        scaling = torch.from_numpy(level_scaling(self.template.height, self.template.width))
        matrices = torch.linalg.inv(scaling) @ self.matrices @ scaling
        return replace(
            self,
            template=template,
            frames=frames,
            matrices=matrices,
            unit_px=2 * self.unit_px,
        )

    def measured(self, residual: Tensor, inside: Tensor) -> View:
        """The same with the noise that :meth:`residuals` show."""
        energy = self.template.slopes.square().sum(1)
        textured = inside * (energy > TEXTURED * energy.mean())
        lowest = quantile_of(residual.abs(), textured, CALMEST) / CALMEST_STD
        return replace(self, noise=lowest.clamp_min(1e-5).square())

    def residuals(self, moved: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """What the frames differ by from the reference with the cells moved on top of the motion.

        Args:
            moved: float32 [N, 2, P], in pixels of the finest level; ``None`` for at rest.

        Returns:
            Residuals and, 1 or 0, whether the frame shows the cell; float32 [N, P] both.
        """
        values, inside = sample_linear(
            self.frames,
            self.matrices,
            self.template.points,
            None if moved is None else moved / self.unit_px,
        )
        return values - self.gain[:, None] * self.template.values - self.offset[:, None], inside

    @staticmethod
    def of(template: Template, frames: Tensor, motions: FrameMotions) -> View:
        """The finest level under the global motions, its noise still unknown and 0."""
        light = motions.gain.float(), motions.offset.float()
        return View(template, frames, motions.matrices, *light, torch.zeros_like(light[0]))


@dataclass(frozen=True, eq=False)
class TileEvidence:
    """What the cells of each tile say about its offset.

    Attributes:
        information: float32 [N, 3, R, C]: inverse covariance of the offset as (xx, xy, yy), px⁻².
        gradient: float32 [N, 2, R, C]: information times the step that the residuals give, px⁻¹.
        matched: float32 [N, R, C]: share of the cells shown whose residuals are as expected.
        shown: float32 [N, R, C]: share of the tile that the frame shows.
    """

    information: Tensor
    gradient: Tensor
    matched: Tensor
    shown: Tensor

    def steps(self, trust_px: float) -> Tensor:
        """Offsets [N, 2, R, C] that each tile estimates by itself, held to about ``trust_px``."""
        damped = self.information.clone()
        damped[:, 0::2] += 1 / trust_px**2
        return solve_pairs(damped, self.gradient)


def evidence(
    view: View,
    grid: TileGrid,
    residual: Tensor,
    inside: Tensor,
    subsets: tuple[Tensor | None, ...] = (None,),
) -> tuple[TileEvidence, ...]:
    """Linearize what frames differ by about the offsets for which :meth:`View.residuals` found it.

    Each of ``subsets`` [P] leaves out the cells that are 0; ``None`` takes all.
    """
    template = view.template
    # Slopes of the frame: those of the reference, turned by the motion.
    turned = torch.linalg.inv(view.matrices[:, :2, :2]).float()
    slopes = (template.slopes @ turned).mT * (view.gain / view.unit_px)[:, None, None]
    x, y = slopes.unbind(1)
    square = residual.square()
    contrast = (x * x + y * y) * (CONTRAST_PX * view.unit_px) ** 2
    fits = inside * (square <= MATCH_MARGIN * (view.noise[:, None] + contrast))
    counted = torch.stack((torch.ones_like(inside), inside, inside * square, fits), 1)
    total, shown, spread, matched = grid.gathered(counted).unbind(1)
    few = shown.clamp_min(1e-3)
    spread, matched = spread / few, matched / few
    # Where all is off, as before the tile has moved, nothing is an outlier.
    scale = torch.maximum(spread, view.noise[:, None, None])[:, None]
    expected = grid.interpolated(scale)[:, 0]
    weight = inside / (1 + square / (OUTLIER**2 * expected)).square()
    pulled = weight * residual
    products = torch.stack(
        (weight * x * x, weight * x * y, weight * y * y, -pulled * x, -pulled * y), 1
    )
    # A tile that is off still says where it belongs: its own residuals do not lower its weight.
    noise = view.noise[:, None, None, None] * max(1.0, NOISE_AREA_PX / template.cell_px**2)
    found = []
    for subset in subsets:
        sums = grid.gathered(products if subset is None else products * subset) / noise
        found.append(TileEvidence(sums[:, :3], sums[:, 3:], matched, shown / total))
    return tuple(found)


def match(found: TileEvidence) -> Tensor:
    """How far tiles show what the reference shows, float32 [N, R, C]: 1 within the noise."""
    beyond_chance = (found.matched - MATCHED_LEAST) / (MATCHED_FULLY - MATCHED_LEAST)
    return beyond_chance.clamp(0, 1) * (2 * found.shown).clamp_max(1.0)


def certainty(found: TileEvidence) -> Tensor:
    """How far tiles determine their offset by themselves, float32 [N, R, C]; 0 if they are flat."""
    xx, xy, yy = found.information.unbind(1)
    # A trace of information keeps exactly flat tiles, 0 over 0, distinct from certain ones.
    xx, yy = xx + REGULARIZATION, yy + REGULARIZATION
    variance = (xx + yy) / (2 * (xx * yy - xy * xy))
    return 1 / (1 + variance / CERTAIN_PX**2)
