"""Stage ``blend``: the sums of all frames become the features that a network decodes."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from edge_sdk.burst.stages.noise_map import luma_noise
from edge_sdk.exported import sum_tensors
from edge_sdk.imaging.margins import inner
from edge_sdk.models.spec import burst_channels

HALO_PX = 1
"""Margin that :class:`Blend` consumes: the mean is interpolated between neighbors."""
SMALLEST_WEIGHT = 0.05
"""Weight of the mean in the merged colors, so that nothing is divided by zero."""
NOISE_GAIN = 8.0
"""Factor of the noise features: σ up to 1/8 of the range fills [0, 1], and int8 codes distinguish
levels of noise."""


class Blend(nn.Module):
    """Divides sums by weights, and estimates how noisy every quotient is.

    With S the sums and W the weights over all frames, of color c at phase φ, f the smallest
    weight, R the reference and σ the noise of one frame in luma, at the level of m:

        m_c = (Σ_φ S_cφ + f·R_c) / (Σ_φ W_φ + f)        the frames' mean, on the frame's grid
        M_cφ = (S_cφ + f·(U m_c)_φ) / (W_φ + f)         the merged colors, U bilinear enlargement
        n_φ = min(1, 8·σ / √(W_φ + f))                  their noise (8 is ``NOISE_GAIN``)

    The last feature is the blur of the lens, the same everywhere.

    Args:
        scale: enlargement, 1 or more.
    """

    def __init__(self, scale: int) -> None:
        super().__init__()
        self.scale = scale
        self.halo_px = HALO_PX
        self.channels = burst_channels(scale)
        self.register_buffer("enlargement", _bilinear(scale), persistent=False)
        self.enlargement: Tensor

    def forward(
        self, sums: Tensor, weights: Tensor, reference: Tensor, noise: Tensor, lens: Tensor
    ) -> Tensor:
        """Blend one tile.

        Args:
            sums: float [N, 3·s², t, t], added over frames; channel s²·c + phase.
            weights: float [N, s², t, t], added over frames.
            reference: float [N, 3, t, t] in [0, 1], the reference's pixels.
            noise: float [N, 3, K, 2], noise of one frame, as
                :func:`~edge_sdk.burst.stages.noise_map.noise_at` takes it.
            lens: float [1, 1, 1, 1], standard deviation of the lens blur, in pixels of a frame.

        Returns:
            Float [N, 4·s² + 8, t − 2, t − 2] in [0, 1]: M (3·s² channels, as PixelShuffle takes
            them), m (3), the reference (3), n (s²), and 8·σ and the lens, both at most 1.
        """
        phases = self.scale**2
        floor = SMALLEST_WEIGHT
        totals = [_total(sums[:, phases * c : phases * (c + 1)]) for c in range(3)]
        mean = (torch.cat(totals, 1) + floor * reference) / (_total(weights) + floor)
        coarse = functional.conv2d(mean, self.enlargement, groups=3)
        sums, weights, reference = (inner(x, HALO_PX) for x in (sums, weights, reference))
        weights = weights + floor
        # Color by color: delegates join different tensors only.
        merged = [
            (
                sums[:, phases * c : phases * (c + 1)]
                + floor * coarse[:, phases * c : phases * (c + 1)]
            )
            / weights
            for c in range(3)
        ]
        mean = inner(mean, HALO_PX)
        level = NOISE_GAIN * luma_noise(noise, mean)
        of_phases = (level / torch.sqrt(weights)).clamp(max=1.0)
        colors = torch.cat((*merged, mean, reference), 1)
        everywhere = level * 0.0 + lens
        return torch.cat((colors, of_phases, level, everywhere), 1).clamp(0.0, 1.0)


def _total(x: Tensor) -> Tensor:
    # A sum over channels, in operators that delegates take.
    return sum_tensors([x[:, phase : phase + 1] for phase in range(x.shape[1])])


def _bilinear(scale: int) -> Tensor:
    """Bilinear enlargement of three colors into phases: [3·s², 1, 3, 3], one group per color."""
    taps = torch.zeros(scale, 3)
    for phase in range(scale):
        place = (phase + 0.5) / scale - 0.5
        for tap, at in enumerate((-1, 0, 1)):
            taps[phase, tap] = max(0.0, 1.0 - abs(place - at))
    kernels = torch.einsum("ai,bj->abij", taps, taps).reshape(scale**2, 1, 3, 3)
    return kernels.repeat(3, 1, 1, 1)
