"""Color and exposure of the near image, matched to the far reference without touching detail."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from edge_sdk.imaging.filters import gaussian_blur

BLUR_PX = 8.0
"""Standard deviation of the blur before the fit: what is coarser, both lenses show alike, and no
sharpening changes it."""
KNOTS = 9
"""Knots of a curve, equally spaced over the near image's levels from 0 to 1."""
BEND = 0.02
"""Weight of the squared bends of a curve, over the number of pixels."""
MIXING = 1e-4
"""Weight of the squared mixing coefficients, likewise: gray pictures have nothing to mix."""
RIDGE = 1e-6
ROUNDS = 10
TUKEY = 4.685
MIN_SLOPE = 0.1
"""Least rise of a curve between knots, over that of the identity: no levels are merged."""
MIN_SPREAD = 2e-3
"""A robust standard deviation below half a level of 8 bits is taken for this."""
MAX_PIXELS = 250_000
"""Pixels that the fit looks at, evenly spread."""


@dataclass(frozen=True, eq=False)
class ColorMatch:
    """A monotone curve per channel, and what the other channels add to it.

    Attributes:
        curves: float64 [3, K]: levels at K equally spaced levels from 0 to 1.
        mixing: float64 [3, 3], 0 on the diagonal: what channel c gains per difference of channel d
            from channel c.
        residual_std: robust standard deviation of what they leave, mean over channels.
    """

    curves: Tensor
    mixing: Tensor
    residual_std: float

    def __call__(self, image: Tensor) -> Tensor:
        """Apply to an image float32 [3, H, W]; the end pieces go on beyond 0 and 1."""
        count = self.curves.shape[1] - 1
        place = image * count
        piece = place.floor().clamp(0, count - 1)
        share = place - piece
        curves, mixing = self.curves.to(image), self.mixing.to(image)
        lines = []
        for channel in range(3):
            index = piece[channel].long()
            start, end = curves[channel][index], curves[channel][index + 1]
            line = start + share[channel] * (end - start)
            differences = image - image[channel]
            lines.append(line + torch.tensordot(mixing[channel], differences, dims=1))
        return torch.stack(lines)


def match_colors(near: Tensor, far: Tensor, counted: Tensor) -> ColorMatch:
    """Fit what takes the near image's colors to those of the far reference.

    Per channel c, with hat functions h_k,

        min Σ_p ρ(F_c − Σ_k a_k h_k(N_c) − Σ_d m_d (N_d − N_c))
            + n·λ Σ_k (a_{k−1} − 2a_k + a_{k+1})² + n·μ Σ_d m_d²,

    ρ by Tukey's biweight. The curves follow exposure and tone curve, the mixing white balance and
    the color of light. Both are functions of a pixel's color alone: they know nothing of places
    and cannot take detail from the target. Both images are blurred by 8 px first: contrast of
    detail that the far lens does not resolve, or that a camera sharpens, is no exposure.

    Args:
        near: float32 [3, H, W] in [0, 1], the near image on the far grid, as blurred as the far.
        far: float32 [3, H, W], the far reference.
        counted: bool [H, W], pixels that take part.
    """
    near, far = (gaussian_blur(image[None], BLUR_PX)[0] for image in (near, far))
    chosen = counted.flatten().nonzero()[:, 0]
    chosen = chosen[:: max(1, -(-len(chosen) // MAX_PIXELS))]
    levels = near.flatten(1)[:, chosen].double()
    target = far.flatten(1)[:, chosen].double()
    curves, mixing, spreads = [], torch.zeros(3, 3, dtype=torch.float64), []
    for channel in range(3):
        others = [other for other in range(3) if other != channel]
        differences = (levels[others] - levels[channel]).T
        curve, mixed, spread = _fitted(levels[channel], differences, target[channel])
        curves.append(curve)
        mixing[channel, others] = mixed
        spreads.append(spread)
    return ColorMatch(torch.stack(curves), mixing, sum(spreads) / 3)


def _fitted(levels: Tensor, differences: Tensor, target: Tensor) -> tuple[Tensor, Tensor, float]:
    count = KNOTS - 1
    knots = torch.arange(KNOTS, dtype=torch.float64)
    hat_functions = (1 - ((levels * count).clamp(0, count)[:, None] - knots).abs()).clamp_min(0)
    design = torch.cat((hat_functions, differences), 1)
    stiff = _stiffness(design.shape[1]) * len(levels)
    # Most pixels differ by exposure alone: the median is where outliers cannot pull.
    start = torch.zeros(design.shape[1], dtype=torch.float64)
    start[:KNOTS] = knots / count + (target - levels).median()
    weight, solution, spread = torch.ones_like(levels), start, MIN_SPREAD
    for _ in range(ROUNDS):
        weighted = design * weight[:, None]
        right = weighted.T @ target + RIDGE * len(levels) * start
        solution = torch.linalg.solve(weighted.T @ design + stiff, right)
        residual = target - design @ solution
        spread = max(1.4826 * float(residual.abs().median()), MIN_SPREAD)
        weight = (1 - (residual / (TUKEY * spread)).square().clamp_max(1)).square()
    return _rising(solution[:KNOTS]), solution[KNOTS:], spread


def _stiffness(size: int) -> Tensor:
    bends = torch.zeros(KNOTS - 2, size, dtype=torch.float64)
    for row in range(KNOTS - 2):
        bends[row, row : row + 3] = torch.tensor([1.0, -2.0, 1.0])
    # Where there are hardly any levels, the shifted identity is the least surprise.
    small = torch.full((size,), RIDGE, dtype=torch.float64)
    small[KNOTS:] = MIXING
    stiff: Tensor = BEND * bends.T @ bends + small.diag()
    return stiff


def _rising(curve: Tensor) -> Tensor:
    """The curve with every piece rising by ``MIN_SLOPE`` of the identity's or more."""
    steps = (curve[1:] - curve[:-1]).clamp_min(MIN_SLOPE / (len(curve) - 1))
    rising = torch.cat((curve[:1], curve[:1] + steps.cumsum(0)))
    return rising + (curve - rising).median()
