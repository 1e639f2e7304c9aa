"""How much brighter a frame is than the reference: by color, and along rows where lamps flicker.

An exposure, a white balance and a lamp multiply light by a factor g. On sRGB-encoded values v,
above the toe of the curve, that is linear: v + 0.055 becomes g^(1/2.4)·(v + 0.055). So the factor

    a_c(y) = b_c · ρ(y),    ρ(y) = 1 + Σ_j θ_j cos(π·j·y),    v + 0.055 → a · (v + 0.055),

is fitted, b_c of color c for the frame and ρ along the reference's rows, y from 0 to 1: a lamp on
alternating current lights a rolling shutter in bands, a few of them over a frame. The fit is robust
(Tukey weights, iterated) and sees means of some pixels of the reference and of where the motion
takes them on the frame; those near black or white are left out. What is not clearly more than its
own error is left out too: light that is steady stays exactly as it is.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from edge_sdk.burst.frames.source import FrameSource
from edge_sdk.registration import MotionField

TOE = 0.055
"""Offset of the power law of sRGB's curve."""
MEAN_PX = 4
"""Side of the means that frames are compared by."""
SPACING_PX = 8
"""Distance of the places on the reference where they are, or a multiple of it on large frames."""
MOST_PLACES = 50_000
"""Places of a frame, about: more say nothing more."""
DARKEST, BRIGHTEST = 0.04, 0.94
"""Means between which neither black nor white is clipped."""
LEAST_PLACES = 24
"""Places that it takes to measure a frame."""
WAVES = 16
"""Half waves over the height that bands are made of."""
ITERATIONS = 8
RIDGE = 1e-3
"""Part of the mean of a matrix's diagonal that is added to it: waves that no rows tell of are 0."""
TUKEY = 4.685
"""Bound of the biweight, in robust standard deviations."""
MAD_TO_STD = 1.4826
ROUNDING = 1 / 255 / 4
"""Deviation of two means of a flat place that is reckoned with at least."""
SLOPE_SHARE = 0.25
"""Part of the difference to the next mean by which two means of a slope may differ."""
LEAST_CHANGE = 1 / 255
"""Mean change of values under which light counts as steady."""
ERRORS = 4.0
"""Standard errors by which it must differ from 1."""


@dataclass(frozen=True, eq=False)
class Light:
    """What one frame's light is of the reference's.

    Attributes:
        colors: float64 [3], b of red, green and blue.
        waves: float64 [K], θ; empty where the light is even along the rows.
    """

    colors: Tensor
    waves: Tensor

    @property
    def is_steady(self) -> bool:
        """Whether there is nothing to undo."""
        return not len(self.waves) and bool((self.colors == 1).all())

    @property
    def noise_share(self) -> float:
        """Variance of noise between the reference and this frame in its light, over that at rest.

        A frame's noise grows with the gain g that brings it to the light of the reference: the mean
        of both variances is (1 + g²)/2.
        """
        gain = float((1 / self.colors).mean())
        return 0.5 + 0.5 * gain**2

    def factors(self, y: Tensor) -> Tensor:
        """A at rows of the reference: float64 [3, n] for float64 [n] from 0 to 1."""
        return self.colors[:, None] * self.along(y)

    def along(self, y: Tensor) -> Tensor:
        """ρ at rows of the reference: float64 [n] for float64 [n] from 0 to 1."""
        return 1 + _waves(y.clamp(0, 1), len(self.waves)) @ self.waves

    def undone(self, y: Tensor) -> Tensor:
        """Gain and offset that bring values to the light of the reference, float64 [3, n, 2]."""
        gain = 1 / self.factors(y)
        return torch.stack((gain, TOE * gain - TOE), -1)


def measure_light(source: FrameSource, reference: Tensor, index: int, field: MotionField) -> Light:
    """The light of a frame against that of the reference.

    Args:
        source: the frames.
        reference: of the reference, as :func:`means` returns it.
        index: the frame.
        field: its motion against the reference.

    Returns:
        Its light; a steady one where too little can be compared.
    """
    area = source.height * source.width
    spacing = SPACING_PX * math.ceil(math.sqrt(area / MOST_PLACES) / SPACING_PX)
    rows = torch.arange(spacing // 2, source.height, spacing, dtype=torch.float64)
    columns = torch.arange(spacing // 2, source.width, spacing, dtype=torch.float64)
    y, x = torch.meshgrid(rows, columns, indexing="ij")
    middle = torch.tensor([source.width / 2, source.height / 2], dtype=torch.float64)
    points = torch.stack((x, y), -1) - middle
    moved = field.at(points)
    shown = (moved.abs() <= middle - SPACING_PX).all(-1).flatten()
    before, after = (
        _sampled(picture, places, middle)[:, shown]
        for picture, places in ((reference, points), (means(source, index), moved))
    )
    used = ((before > DARKEST) & (before < BRIGHTEST) & (after > DARKEST)).all(0)
    used &= (after < BRIGHTEST).all(0)
    if int(used.sum()) < LEAST_PLACES:
        return Light(torch.ones(3, dtype=torch.float64), torch.empty(0, dtype=torch.float64))
    places = (y.flatten()[shown][used] / source.height).clamp(0, 1)
    slope = _sampled(_slopes(reference), points, middle)[:, shown][:, used]
    return _fitted(before[:, used] + TOE, after[:, used] + TOE, slope, places)


def means(source: FrameSource, index: int) -> Tensor:
    """Means of 4×4 pixels of a frame, float32 [3, ⌊H/4⌋, ⌊W/4⌋]."""
    step = 16 * MEAN_PX
    parts = []
    for top in range(0, source.height - MEAN_PX + 1, step):
        bottom = min(top + step, source.height)
        parts.append(functional.avg_pool2d(source.rows(index, top, bottom)[None], MEAN_PX)[0])
    return torch.cat(parts, 1)


def _slopes(picture: Tensor) -> Tensor:
    """Differences between neighboring means, the larger of both directions, [3, h, w]."""
    padded = functional.pad(picture[None], (1, 1, 1, 1), mode="replicate")[0]
    across = (padded[:, 1:-1, 2:] - padded[:, 1:-1, :-2]).abs()
    down = (padded[:, 2:, 1:-1] - padded[:, :-2, 1:-1]).abs()
    return torch.maximum(across, down) / 2


def _sampled(picture: Tensor, points: Tensor, middle: Tensor) -> Tensor:
    """Means around positions from the middle of the frame, float64 [3, n]."""
    height, width = picture.shape[-2:]
    size = torch.tensor([width, height], dtype=torch.float64) * MEAN_PX
    places = ((points + middle) / size * 2 - 1).float()
    values = functional.grid_sample(
        picture[None], places[None], padding_mode="border", align_corners=False
    )
    return values[0].flatten(1).double()


def _waves(y: Tensor, count: int) -> Tensor:
    orders = torch.arange(1, count + 1, dtype=torch.float64)
    return torch.cos(math.pi * orders * y[:, None])


def _fitted(before: Tensor, after: Tensor, slope: Tensor, y: Tensor) -> Light:
    """Fit after ≈ b_c·ρ(y)·before, float64 [3, n] all.

    Where the picture has slopes, means differ by a part of them, for motion and sharpness are not
    known exactly; flat places count most. Sums are set equal, not squares made small: the two
    pictures differ in sharpness, and a product with either would take that for a factor.
    """
    certain = 1 / (ROUNDING**2 + (SLOPE_SHARE * slope).square())
    count = min(WAVES, before.shape[1] // LEAST_PLACES)
    basis = _waves(y, count)
    colors = (after / before).median(1).values
    waves = torch.zeros(count, dtype=torch.float64)
    along = torch.ones_like(y)
    certainty = torch.eye(count, dtype=torch.float64)
    errors = torch.zeros(3, dtype=torch.float64)
    for _ in range(ITERATIONS):
        residual = after - colors[:, None] * along * before
        scaled = residual.square() * certain
        bound = TUKEY**2 * max(MAD_TO_STD**2 * float(scaled.median()), 1.0)
        weight = (1 - scaled / bound).clamp_min(0).square() * certain
        total = (weight * along * before).sum(1).clamp_min(1e-12)
        colors = (weight * after).sum(1) / total
        errors = (weight * residual).square().sum(1).sqrt() / total
        plain = colors[:, None] * before
        normal = _ridged(basis.T @ ((weight * plain).sum(0)[:, None] * basis))
        waves = torch.linalg.solve(normal, basis.T @ (weight * (after - plain)).sum(0))
        along = 1 + basis @ waves
        # The waves' covariance, turned round.
        noise = _ridged(basis.T @ ((weight * residual).square().sum(0)[:, None] * basis))
        certainty = normal @ torch.linalg.solve(noise, normal)
    change = (colors - 1).abs()
    level = before.mean(1)
    steady = (change * level < LEAST_CHANGE) | (change < ERRORS * errors)
    colors = torch.where(steady, torch.ones_like(colors), colors)
    explained = float(waves @ certainty @ waves)
    banded = (
        explained > ERRORS**2 * count and float((basis @ waves).std() * level.mean()) > LEAST_CHANGE
    )
    return Light(colors, waves if banded else waves[:0])


def _ridged(matrix: Tensor) -> Tensor:
    """A symmetric matrix that can be inverted where rows are missing."""
    ridge = RIDGE * matrix.diagonal().mean() + 1e-12
    return matrix + ridge * torch.eye(len(matrix), dtype=torch.float64)
