"""Noise of a burst, measured between aligned frames.

The noise of a processed picture is smooth, and hardly shows in one frame; between frames it does.
With v, c, t and u as ``tiles`` has them,

    v ≈ Σ_k s_k²·h_k(ℓ) + a·t + b·u

is fitted, ℓ the level of the tile and h_k the hats between ``LEVELS``, as the quantile
``QUIET_SHARE`` of relative deviations (Koenker & Bassett 1978), and s_k are the curve's points; c
likewise. Of the tiles, the share ``CALM_SHARE`` counts whose slopes g, of the 3×3 means of both
frames, are least. Neighboring points are tied to each other as ``TIE`` tiles would.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor

from edge_sdk.burst.frames.source import FrameSource
from edge_sdk.burst.noise.curve import Noise, level_hats, luma_std
from edge_sdk.burst.noise.tiles import compared_tiles
from edge_sdk.burst.stages.noise_map import LEVELS
from edge_sdk.registration import MotionField

LEAST_TILES = 12
"""Tiles that it takes to tell noise from texture."""
CALM_SHARE = 0.6
QUIET_SHARE = 0.45
QUIET_BIAS = (0.985, 0.955)
"""What that quantile of calm tiles gives of white noise, for a pixel and for a mean."""
TIE = 1.0
EVEN_TEXTURE = 0.02
"""Square of texture's relative variation over tiles under which it counts as even."""
ITERATIONS = 100
"""Enough for steps of a millionth: a curve must not depend on how a processor rounds."""
LEAST_DEVIATION = 0.02
"""Relative deviation under which a tile fits as well as it can."""
MAX_STD = 1.0
"""Most that a file of noise may say; frames that show other scenes may differ by more."""
MAX_SMOOTHING = 20.0
"""How often the noise seen in one frame a camera's smoothing may hide; real phones came to 11."""


def measure_noise(
    source: FrameSource,
    reference: int,
    motions: Mapping[int, MotionField],
    single_std: float,
    shares: Mapping[int, float] | None = None,
) -> Noise:
    """Noise of one frame, between a reference and frames of known motion, all in one light.

    Args:
        source: the frames.
        reference: index of the reference.
        motions: from the reference to other frames.
        single_std: noise seen in the reference alone, on values in [0, 1]. It is the answer where
            nothing can be compared, and, where it is not 0 as in a clipped part, ``MAX_SMOOTHING``
            times as much is the most for a pixel.
        shares: by frame, :attr:`~edge_sdk.burst.photometry.light.Light.noise_share`, where its
            light was another.

    Returns:
        Its curves, as of a frame in the light of the reference.
    """
    tiles = compared_tiles(source, reference, motions, shares or {})
    if tiles is None or len(tiles.texture) < LEAST_TILES:
        return Noise.white(single_std)
    calm = [_calm(tiles.level[:, color], tiles.slope[:, color]) for color in range(3)]
    fine, coarse = (
        torch.stack(
            [
                _curve(values[:, c], tiles.level[:, c], tiles.texture[:, c], calm[c])
                for c in range(3)
            ]
        ).sqrt()
        / bias
        for values, bias in zip((tiles.fine, tiles.coarse), QUIET_BIAS, strict=True)
    )
    if single_std > 0:
        fine = fine.clamp_max(MAX_SMOOTHING * single_std)
    # Nine pixels that all go along have thrice the noise of nine that do not.
    coarse = torch.minimum(coarse, 3 * fine)
    fine, coarse = fine.clamp_max(MAX_STD), coarse.clamp_max(MAX_STD)
    at_tiles = torch.stack([level_hats(tiles.level[:, c]) @ coarse[c] for c in range(3)])
    return Noise(fine, coarse, luma_std(at_tiles.square().mean(1).sqrt()))


def _curve(values: Tensor, level: Tensor, texture: Tensor, calm: Tensor) -> Tensor:
    """Points of the curve, float64 [K], not negative: a quantile of the tiles, by its own loss."""
    values, texture, hats = values[calm], texture[calm], level_hats(level[calm])
    count = hats.shape[1]
    basis = torch.cat((hats, texture / texture.mean(0).clamp_min(1e-12)), 1)
    steps = torch.diff(torch.eye(basis.shape[1], dtype=torch.float64)[:count], dim=0)
    found = torch.zeros(basis.shape[1], dtype=torch.float64)
    found[:count] = values.median()
    used = torch.ones(basis.shape[1], dtype=torch.bool)
    for _ in range(ITERATIONS):
        expected = (basis @ found).clamp_min(1e-12)
        beyond = (values - basis @ found) / expected
        deviation = beyond.abs().clamp_min(LEAST_DEVIATION)
        side = torch.where(beyond > 0, QUIET_SHARE, 1 - QUIET_SHARE)
        weight = 2 * side / (deviation * expected.square())
        points = found[:count].clamp_min(1e-12)
        ties = TIE / (deviation.median() * points[1:] * points[:-1])
        normal = basis.T @ (weight[:, None] * basis) + steps.T @ (ties[:, None] * steps)
        # Texture that is everywhere the same cannot be told from noise, and is then no texture.
        normal[count:, count:] += EVEN_TEXTURE * weight.sum() * torch.eye(len(normal) - count)
        diagonal = normal.diagonal()
        normal += 1e-9 * torch.diag(diagonal.clamp_min(1e-6 * float(diagonal.max())))
        target = basis.T @ (weight * values)
        found = torch.zeros_like(found)
        found[used] = torch.linalg.solve(normal[used][:, used], target[used])
        # Texture that makes a tile quieter is chance.
        used[count:] &= found[count:] >= 0
        found.clamp_min_(0)
    return found[:count]


def _calm(level: Tensor, slope: Tensor) -> Tensor:
    """Indices of the tiles of least slope, as large a share of those near each of ``LEVELS``."""
    nearest = level_hats(level).argmax(1)
    found = []
    for knot in range(len(LEVELS)):
        near = (nearest == knot).nonzero()[:, 0]
        least = slope[near].argsort(stable=True)[: math.ceil(CALM_SHARE * len(near))]
        found.append(near[least])
    return torch.cat(found)
