"""From the power that two halves of a burst have in common to the blur of the lens.

A lens that blurs by a Gaussian of σ pixels multiplies the power at frequency f, in cycles a pixel,
by exp(−4π²σ²f²). What a sharp lens would have left is not known, but scenes are alike: the
logarithm of their power falls along ln f, and a little more or less steeply from scene to scene. So
with y_k the logarithm of the common power in ring k,

    y_k = m_k + Σ_j c_j·b_j(ln f_k) − 4π²σ²f_k² + e_k,    b = (1, x, x²) about their means,

m_k the mean of scenes, c_j of zero mean and known spread (the first is free: light and contrast do
not matter), e_k independent. For every σ the c_j follow by least squares; how well each σ explains
the rings, with all σ from 0 to 1 px equally likely beforehand, gives its mean and its spread. Where
none explains them, the scene is no photograph's, and a sharp lens is assumed; and so it is where
the rings say hardly more than was known before.

Mean and spreads of scenes are those of 117 CC0 photographs (``benchmarks/burst_lens.py --fit``).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

import torch
from torch import Tensor

from edge_sdk.burst.driver.plan import MergePlan
from edge_sdk.burst.lens.halves import SCALE, halves_spectrum
from edge_sdk.burst.lens.spectrum import RINGS, Spectrum, modes_by_ring
from edge_sdk.burst.stages.blur import DEFAULT_LENS_PX, MAX_LENS_PX

FIRST_RING = 2
"""The first ring that is looked at; the scene's large areas are below."""
MEAN_LOG_POWER = (
    *(0.0, -0.973, -1.738, -2.287, -2.741),
    *(-3.319, -3.707, -4.102, -4.706, -5.148),
)
"""m_k from ``FIRST_RING`` on, up to the Nyquist frequency of a frame: scenes, pixels, kernel."""
SLOPE_STD, BEND_STD = 0.86, 0.62
"""Spread of c₁ and of c₂ between scenes."""
RING_STD = 0.13
"""Spread of e_k beside what the noise of the measurement makes."""
DISTRUST = 0.5
"""Spread of y_k per unit of the noise in it: not all noise differs between the halves."""
LEAST_COMMON = 0.1
"""Share of the power that must be common; rings from the first with less are left out."""
LEAST_RINGS = 3
MOST_MISFIT = 3.5
"""Misfit per ring, two less, over which the scene is none that is known."""
MOST_SLOPE = 1.3
"""c₁ in its spreads over which it is none either, as in one of fifty bursts of photographs: soft
points and patterns look like sharp ones behind a soft lens."""
STEPS = 50
MOST_SPREAD_PX = 0.22
"""Spread of an estimate from which on it says hardly more than that."""
ASSUMED_SPREAD_PX = 0.29
"""That of all blurs from 0 to 1 px, equally likely."""


class LensSource(StrEnum):
    """Where the blur of the lens comes from.

    Example:
        >>> import torch
        >>> from edge_sdk import ZoomConfig, zoom
        >>> from edge_sdk.burst import LensSource
        >>> zoom(torch.rand(1, 3, 32, 48), config=ZoomConfig(lens_std_px=0.5)).lens.source
        <LensSource.GIVEN: 'given'>
    """

    GIVEN = "given"
    """By the caller."""
    MEASURED = "measured"
    """Between two halves of the frames."""
    ASSUMED = "assumed"
    """One frame alone, too little detail, or a scene like no photograph: a sharp lens."""


def lens_note(lens: LensEstimate, converted_scale: int | None) -> str:
    """What to know of a lens beside converted stages, for people; empty for nothing.

    Args:
        lens: of the burst.
        converted_scale: enlargement of the stages; ``None`` if they are those in PyTorch.
    """
    if converted_scale in (None, SCALE) or lens.source != LensSource.MEASURED:
        return ""
    return (
        f"the lens was measured in PyTorch: it takes stages of ×{SCALE}, and the converted ones "
        f"are of ×{converted_scale}; a phone that has these alone takes {DEFAULT_LENS_PX:g} px, as "
        f"--lens {DEFAULT_LENS_PX:g} does here"
    )


@dataclass(frozen=True)
class LensEstimate:
    """Blur of the lens of a burst, with that of focus and of motion during the exposure.

    Attributes:
        std_px: standard deviation, in pixels of a frame.
        spread_px: standard deviation of the estimate itself; 0 where it was given.
        source: where it comes from.

    Example:
        >>> from edge_sdk.burst import LensEstimate, LensSource
        >>> LensEstimate(0.3, 0.1, LensSource.MEASURED).std_px
        0.3
    """

    std_px: float
    spread_px: float
    source: LensSource


ASSUMED = LensEstimate(DEFAULT_LENS_PX, ASSUMED_SPREAD_PX, LensSource.ASSUMED)


def settle_lens(plan: MergePlan, given_px: float | None) -> LensEstimate:
    """The blur of a burst's lens: given, or estimated.

    Args:
        plan: the frames, their motions and the region.
        given_px: standard deviation in pixels of a frame; ``None`` to estimate it.
    """
    if given_px is not None:
        return LensEstimate(given_px, 0.0, LensSource.GIVEN)
    spectrum = halves_spectrum(plan)
    return ASSUMED if spectrum is None else lens_of(spectrum)


def lens_of(spectrum: Spectrum) -> LensEstimate:
    """The blur of the lens by what two halves of the frames have in common.

    Args:
        spectrum: that of the merged halves, on the grid of :mod:`edge_sdk.burst.lens.halves`.
    """
    count = len(MEAN_LOG_POWER)
    rings = slice(FIRST_RING, FIRST_RING + count)
    common, own = spectrum.common[rings], spectrum.own[rings]
    share = common / own.clamp(min=1e-12)
    lost = (share < LEAST_COMMON).nonzero()
    known = int(lost[0]) if len(lost) else count
    if known < LEAST_RINGS:
        return ASSUMED
    ring = torch.arange(count, dtype=torch.float64) + FIRST_RING
    frequency = SCALE * (ring + 0.5) / (2 * RINGS)
    places = spectrum.blocks * modes_by_ring()[rings] / 4
    chance = (1 / share.square() + 1) / (2 * places)
    variance = (chance + (DISTRUST * (1 / share - 1)).square() + RING_STD**2)[:known]
    level = (common.log() - torch.tensor(MEAN_LOG_POWER, dtype=torch.float64))[:known]
    blurs = torch.linspace(0, MAX_LENS_PX, STEPS + 1, dtype=torch.float64)
    fall = -4 * math.pi**2 * frequency.square()[:known]
    left = level[None] - blurs.square()[:, None] * fall
    misfit, slope = _fitted(left, frequency, variance)
    best = int(misfit.argmin())
    unlike = float(misfit[best]) > MOST_MISFIT * (known - 2)
    if unlike or float(slope[best]) > MOST_SLOPE * SLOPE_STD:
        return ASSUMED
    likelihood = torch.softmax(-0.5 * misfit, 0)
    mean = float((likelihood * blurs).sum())
    spread = float((likelihood * (blurs - mean).square()).sum().sqrt())
    if spread > MOST_SPREAD_PX:
        return ASSUMED
    return LensEstimate(mean, spread, LensSource.MEASURED)


def _fitted(left: Tensor, frequency: Tensor, variance: Tensor) -> tuple[Tensor, Tensor]:
    """What no scene explains of each row of ``left``, squared, in units of its spread; and c₁."""
    basis = scene_basis(frequency)[: left.shape[1]]
    prior = torch.diag(torch.tensor([1e-3, SLOPE_STD**-2, BEND_STD**-2], dtype=torch.float64))
    weighted = basis / variance[:, None]
    against = left @ weighted
    parts = torch.linalg.solve(basis.T @ weighted + prior, against.T).T
    misfit = (left.square() / variance).sum(1) - (against * parts).sum(1)
    return misfit, parts[:, 1]


def scene_basis(frequency: Tensor) -> Tensor:
    """b_j at frequencies [R]: float64 [R, 3]."""
    x = frequency.log()
    x = x - x.mean()
    return torch.stack((torch.ones_like(x), x, x.square() - x.square().mean()), 1)
