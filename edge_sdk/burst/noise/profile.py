"""From the NoiseProfile of a DNG to the noise of its developed picture.

A raw sample x in [0, 1] has the variance S·x + O (DNG 1.4, NoiseProfile). A pixel of the picture
has the linear colors y, [3]:

1. Balanced, the camera measured M⁻¹y, M its matrix to sRGB, and raw color j the g_j-th part of
   that, g the gains of the white balance: x_j = max((M⁻¹y)_j, 0)/g_j. The balanced sample has the
   variance v_j = g_j²·(S_j·x_j + O_j).
2. Demosaicing spreads each sample over neighbors and colors: unit variance in raw color j alone
   gives the three colors of a pixel the covariance F_j, and three times their 3×3 means C_j.
3. M mixes colors: the variance of color c is Σ_j v_j·(M F_j Mᵀ)_cc. Rows of M add up to 1, so that
   gray stays gray.
4. The sRGB curve multiplies deviations by its slope at y_c. Near black it bends within the noise,
   and what is below is cut off: there the slope is the deviation of the encoded values of Gaussian
   noise, over that of the noise.

Of gray, y_c is one number and that is a curve over its level. A strong color is noisier in the
channel that is dark in it, for M brings it the noise of the bright ones: each point of the curve is
gray's, times the root of the mean ratio of variances that the colors of the picture near that level
have.
"""

from __future__ import annotations

import torch
from torch import Tensor

from edge_sdk.burst.frames.source import FrameSource
from edge_sdk.burst.noise.curve import Noise, level_hats
from edge_sdk.burst.noise.picture_levels import tile_levels
from edge_sdk.burst.stages.noise_map import LEVELS
from edge_sdk.imaging import linear_to_srgb, srgb_to_linear
from edge_sdk.imaging.raw_noise import RawNoise

FINE = (
    ((0.486, 0.035, 0.049), (0.035, 0.017, 0.024), (0.049, 0.024, 0.030)),
    ((0.547, 0.562, 0.352), (0.562, 0.803, 0.562), (0.352, 0.562, 0.547)),
    ((0.030, 0.024, 0.049), (0.024, 0.017, 0.035), (0.049, 0.035, 0.486)),
)
"""F of red, green and blue for LibRaw's AHD, fitted by least squares to what it made of flat
mosaics of 768×768 px whose red and blue had 1 to 1.5 times green's noise: within 1 %. Bilinear red
would have 9/16 = 0.56 of its own alone; AHD carries detail of green, and so its noise, into red and
blue."""
COARSE = (
    ((1.965, 0.030, 0.080), (0.030, 0.020, 0.040), (0.080, 0.040, 0.060)),
    ((0.464, 0.513, -0.036), (0.513, 1.543, 0.513), (-0.036, 0.513, 0.464)),
    ((0.060, 0.040, 0.080), (0.040, 0.020, 0.030), (0.080, 0.030, 1.965)),
)
"""C likewise. A mean of 3×3 pixels holds 9/4 samples of red on average instead of 9, and of green
9/2: nine times its variance would be 4 and 2 if they alone were averaged. Interpolation brings in
those beside them: bilinear red would have 9/4."""


_LITTLE_NOISE = 1e-6
_REACH, _STEPS = 5.0, 201
"""Standard deviations that noise is followed to, and steps to it."""

GRAY_TILES = 1.0
"""Tiles of gray that each point of a curve has beside those of the picture."""


def profile_noise(stated: RawNoise, gain: float = 1.0) -> Noise:
    """Noise of gray in a picture that a raw file states and that LibRaw developed.

    Args:
        stated: what the file says, and how it was developed.
        gain: what the encoded values of the picture are multiplied by, 1 or more, where the range
            that they use is stretched to [0, 1].

    Returns:
        Its curves at ``LEVELS``; nowhere more than 1.

    Example:
        >>> from edge_sdk.burst.noise.profile import profile_noise
        >>> from edge_sdk.imaging.raw_noise import RawNoise
        >>> same = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))
        >>> noise = profile_noise(RawNoise((1e-3,) * 3, (1e-6,) * 3, (2.0, 1.0, 1.6), same))
        >>> [round(255 * value, 1) for value in noise.std[1].tolist()]
        [1.8, 5.8, 5.1, 4.3, 3.8, 3.3]
    """
    fine, coarse = _variances(stated, _gray(torch.tensor(LEVELS).double()), gain)
    return _noise(fine, coarse)


def profile_noise_in(stated: RawNoise, source: FrameSource, index: int, gain: float = 1.0) -> Noise:
    """As :func:`profile_noise`, of the colors that a frame has instead of gray.

    Args:
        stated: what its file says, and how it was developed.
        source: the frames.
        index: the frame.
        gain: what encoded values were multiplied by.
    """
    level = tile_levels(source, index)
    near = torch.stack([level_hats(row) for row in level])
    at_gray = _variances(stated, _gray(torch.tensor(LEVELS).double()), gain)
    curves = []
    for gray, seen, alike in zip(
        at_gray, _variances(stated, level, gain), _of_gray(stated, level, gain), strict=True
    ):
        ratio = seen / alike.clamp_min(torch.finfo(alike.dtype).tiny)
        total = (near * ratio[:, :, None]).sum(1) + GRAY_TILES
        curves.append(gray * total / (near.sum(1) + GRAY_TILES))
    return _noise(*curves)


def encoded_slope(linear: Tensor, std: Tensor) -> Tensor:
    """What the sRGB curve multiplies noise by: the deviation behind it over that before.

    For little noise that is the slope of the curve; near black the curve bends within the noise,
    and what is below is cut off.

    Args:
        linear: mean, float64 in [0, 1].
        std: standard deviation of Gaussian noise, float64 of the same shape, 0 or more.
    """
    std = std.clamp_min(_LITTLE_NOISE)
    z = torch.linspace(-_REACH, _REACH, _STEPS, dtype=torch.float64)
    weight = torch.exp(-z.square() / 2)
    weight /= (weight * z.square()).sum()
    encoded = linear_to_srgb((linear[..., None] + std[..., None] * z).clamp_min(0))
    mean = (encoded * weight).sum(-1, keepdim=True) / weight.sum()
    return ((encoded - mean).square() * weight).sum(-1).sqrt() / std


def _noise(fine: Tensor, coarse: Tensor) -> Noise:
    fine, coarse = (part.sqrt().clamp_max(1) for part in (fine, coarse))
    return Noise.at_levels(LEVELS, fine.tolist(), coarse.tolist())


def _gray(level: Tensor) -> Tensor:
    return level.expand(3, -1)


def _of_gray(stated: RawNoise, level: Tensor, gain: float) -> tuple[Tensor, Tensor]:
    """Variances of each color of gray that has its level, [3, T] each."""
    found = [_variances(stated, _gray(row), gain) for row in level]
    fine, coarse = (
        torch.stack([kinds[kind][color] for color, kinds in enumerate(found)]) for kind in (0, 1)
    )
    return fine, coarse


def _variances(stated: RawNoise, level: Tensor, gain: float) -> tuple[Tensor, Tensor]:
    """Of a pixel and of three times a 3×3 mean, by color, for encoded colors float64 [3, T]."""
    linear = srgb_to_linear(level / gain)
    shot, read, gains = (
        torch.tensor(values, dtype=torch.float64)[:, None]
        for values in (stated.shot, stated.read, stated.gains)
    )
    matrix = torch.tensor(stated.matrix, dtype=torch.float64)
    balanced = (torch.linalg.inv(matrix) @ linear).clamp_min(0)
    variance = gains * shot * balanced + gains.square() * read
    fine, coarse = (
        torch.einsum("ck,jkl,cl,jt->ct", matrix, _table(spread), matrix, variance).clamp_min(0)
        for spread in (FINE, COARSE)
    )
    slope = gain * encoded_slope(linear, fine.sqrt())
    return slope.square() * fine, slope.square() * coarse


def _table(spread: tuple[tuple[tuple[float, ...], ...], ...]) -> Tensor:
    return torch.tensor(spread, dtype=torch.float64)
