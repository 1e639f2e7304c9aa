"""Stage ``decode`` without a network: deconvolution of the known blur, and shrinkage.

The merged picture M = Σ w·value / Σ w is the true picture x seen through the blur B of lens, pixel
and regression kernel, plus noise of variance about σ²/w. From a smooth start x₀ each step takes

    x ← S(x + G ∗ (t·(M − B ∗ x))),    Ĝ = B̂ / (B̂² + λ),    t = w / (w + c),

where t holds back what few samples say, and S shrinks the AC coefficients d of overlapping 4×4 DCTs
(cycle spinning; Coifman & Donoho 1995) by the nonnegative garrote 1 − τ²/d² (Gao 1998), τ the noise
that G passes in that coefficient (after Neelamani et al. 2004, Fourier deconvolution, then
shrinkage). DCTs start at every second finer pixel, or at every one where the scale is odd. Colors
are rotated to luma and two differences beforehand; the differences take the first step alone.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from edge_sdk.burst.stages.blur import DEFAULT_LENS_PX, merged_blur, trimmed, wiener_taps
from edge_sdk.burst.stages.encode import KERNEL_STD_PX
from edge_sdk.burst.stages.noise_map import noise_at
from edge_sdk.exported import sum_tensors
from edge_sdk.imaging.margins import inner
from edge_sdk.imaging.separable import gaussian_taps, separable

SMALLEST_WEIGHT = 0.0005
"""Weight of the reference in sums, so that nothing is divided by zero."""
DCT_SIDE = 4
INVERSE_REACH = 2.5
"""Taps of G on each side, in pixels of a frame."""


@dataclass(frozen=True)
class RestoreConfig:
    """Settings of :class:`Restore`.

    Attributes:
        steps: corrections of luma by the frames, each with its shrinkage; 0 gives the smooth
            start.
        base_strength: λ without noise: what the model of the blur is not trusted for.
        noise_strength: what λ grows by per unit of σ² over the mean weight.
        shrinkage: c over the mean weight: a merged pixel with this part of it is half trusted.
        start_std_px: width of the Gaussian that the start is merged with, in pixels of a frame.
        threshold: τ in standard deviations of the noise; 0 switches the shrinkage off.
        color_threshold: factor of τ for the two differences of colors.
        model_noise_std: noise of the merged picture that more frames do not lower: errors of
            motion and of blur.
        kernel_share: part of the regression kernel's width that counts as blur; the slopes that
            ``encode`` carries values along take the rest.
    """

    steps: int = 2
    base_strength: float = 0.044
    noise_strength: float = 145.0
    shrinkage: float = 0.07
    start_std_px: float = 0.4
    threshold: float = 1.1
    color_threshold: float = 1.5
    model_noise_std: float = 0.3 / 255
    kernel_share: float = 0.4


class Restore(nn.Module):
    """Sums to picture.

    Args:
        scale: enlargement, 1 to 4.
        noise_std: typical noise of one frame on values in [0, 1], which λ follows.
        frames: number of frames that were added up.
        config: settings.
        kernel_std_px: width of the regression kernel; ``None`` for the scale's own.
        lens_std_px: standard deviation of the lens blur, in pixels of a frame.
    """

    def __init__(
        self,
        scale: int,
        noise_std: float,
        frames: int,
        config: RestoreConfig | None = None,
        kernel_std_px: float | None = None,
        lens_std_px: float = DEFAULT_LENS_PX,
    ) -> None:
        super().__init__()
        self.scale = scale
        self.config = config = config or RestoreConfig()
        kernel_std_px = KERNEL_STD_PX[scale] if kernel_std_px is None else kernel_std_px
        blur = merged_blur(scale, lens_std_px, config.kernel_share * kernel_std_px)
        mean_weight = frames * 2 * math.pi * kernel_std_px**2
        strength = config.base_strength + config.noise_strength * noise_std**2 / mean_weight
        inverse = wiener_taps(blur, strength, radius=math.ceil(INVERSE_REACH * max(scale, 2)))
        self.shrinkage = config.shrinkage * mean_weight
        self.model_noise = config.model_noise_std**2 + 1e-12
        self.start = trimmed(gaussian_taps(config.start_std_px * scale)).tolist()
        self.blur = trimmed(blur).tolist()
        self.inverse = inverse.tolist()
        self.stride = 2 if scale % 2 == 0 else 1
        bank = _dct_bank(DCT_SIDE)[1:]
        # Divided by its threshold, each coefficient has the noise of its place alone.
        limits = max(config.threshold, 1e-6) * _norms(bank, torch.outer(inverse, inverse))
        limits = limits[:, None, None, None]
        synthesis = bank * limits * (self.stride / DCT_SIDE) ** 2
        self.register_buffer("analysis", bank / limits, persistent=False)
        self.register_buffer("synthesis", _phases(synthesis, self.stride), persistent=False)
        self.analysis: Tensor
        self.synthesis: Tensor

    @property
    def halo_px(self) -> int:
        """Margin of the sums that is consumed, in pixels of a frame."""
        step = len(self.blur) // 2 + len(self.inverse) // 2 + DCT_SIDE - 1
        return math.ceil((len(self.start) // 2 + self.config.steps * step) / self.scale)

    def forward(self, sums: Tensor, weights: Tensor, reference: Tensor, noise: Tensor) -> Tensor:
        """Decode one tile.

        Args:
            sums: float [1, 3·scale², t, t], added over frames.
            weights: float [1, scale², t, t], added over frames.
            reference: float [1, 3, t, t] in [0, 1], the reference's pixels.
            noise: float [1, 3, K, 2], noise of one frame, as
                :func:`~edge_sdk.burst.stages.noise_map.noise_at` takes it.

        Returns:
            Float [1, 3, scale·u, scale·u], u = t − 2·halo, sRGB-encoded; not clipped.
        """
        floor = SMALLEST_WEIGHT
        fine = functional.pixel_shuffle(weights, self.scale) + floor
        prior = [reference[:, color : color + 1] * floor for color in range(3)]
        count = self.scale**2
        phases = [sums[:, count * color : count * (color + 1)] for color in range(3)]
        filled = [part + filling for part, filling in zip(phases, prior, strict=True)]
        merged = functional.pixel_shuffle(torch.cat(filled, 1), self.scale)
        smooth = separable(fine, self.start)
        colors = separable(merged, self.start) / smooth
        _, std = noise_at(noise, colors)
        variance = _rotated(std * std / smooth, _ROTATION_OF_VARIANCES) + self.model_noise
        picture = _rotated(colors, _ROTATION)
        margin = len(self.start) // 2
        fine, merged = inner(fine, margin), inner(merged, margin)
        merged = _rotated(merged / fine, _ROTATION)
        trust = fine / (fine + self.shrinkage)
        luma, colors = picture[:, :1], picture[:, 1:]
        colors_margin = margin
        for step in range(self.config.steps):
            evidence = merged[:, :1], trust, variance[:, :1]
            luma, reached = self._corrected(luma, margin, *(_cut(x, luma) for x in evidence))
            if step == 0:
                chroma_noise = variance[:, 1:] * self.config.color_threshold**2
                colors, colors_margin = self._corrected(
                    colors, margin, merged[:, 1:], trust, chroma_noise
                )
            margin = reached
        whole = self.halo_px * self.scale
        parts = inner(luma, whole - margin), inner(colors, whole - colors_margin)
        return _rotated(torch.cat(parts, 1), _ROTATION_BACK)

    def _corrected(
        self, picture: Tensor, margin: int, merged: Tensor, trust: Tensor, noise: Tensor
    ) -> tuple[Tensor, int]:
        """One step: what the frames say that the picture lacks, then the shrinkage.

        Returns the corrected inside of the picture and its margin; ``margin`` is the picture's own.
        The noise, a variance, has the picture's channels.
        """
        seen = separable(picture, self.blur)
        missed = (_cut(merged, seen) - seen) * _cut(trust, seen)
        evidence = separable(missed, self.inverse)
        margin += len(self.blur) // 2 + len(self.inverse) // 2
        picture = _cut(picture, evidence) + evidence
        if self.config.threshold == 0:
            return picture, margin
        # DCTs start at multiples of the stride of the tile, wherever its margin ends.
        beyond = -margin % self.stride
        picture = inner(picture, beyond)
        noise = _cut(noise, picture)
        planes = [
            self._shrunk(picture[:, channel : channel + 1], noise[:, channel : channel + 1])
            for channel in range(picture.shape[1])
        ]
        return torch.cat(planes, 1), margin + beyond + DCT_SIDE - self.stride

    def _shrunk(self, plane: Tensor, noise: Tensor) -> Tensor:
        """Take from the inside of a plane what noise may have made of its coefficients."""
        coefficients = functional.conv2d(plane, self.analysis, stride=self.stride)
        # A coefficient has the noise of the pixel in the middle of its 4×4; that varies slowly.
        middle = DCT_SIDE // 2
        limit = noise[..., middle : 1 - middle : self.stride, middle : 1 - middle : self.stride]
        # Read 30 times: in steps, that is slow.
        limit = limit.contiguous()
        # What the garrote takes: d·min(1, τ²/d²).
        taken = coefficients / torch.maximum(coefficients * coefficients, limit) * limit
        phases = functional.conv2d(taken, self.synthesis)
        return inner(plane, DCT_SIDE - self.stride) - functional.pixel_shuffle(phases, self.stride)


def _cut(x: Tensor, like: Tensor) -> Tensor:
    """The middle of ``x``, as large as ``like``."""
    return inner(x, (x.shape[-1] - like.shape[-1]) // 2)


_COLORS = ((1.0, 1.0, 1.0), (1.0, 0.0, -1.0), (1.0, -2.0, 1.0))
_ROTATION = [[share / math.hypot(*row) for share in row] for row in _COLORS]
_ROTATION_OF_VARIANCES = [[share**2 for share in row] for row in _ROTATION]
_ROTATION_BACK = [list(column) for column in zip(*_ROTATION, strict=True)]


def _rotated(x: Tensor, matrix: list[list[float]]) -> Tensor:
    """Mix three channels by a matrix, 3×3."""
    rows = []
    for row in matrix:
        parts = [x[:, index : index + 1] * share for index, share in enumerate(row) if share != 0]
        rows.append(sum_tensors(parts))
    return torch.cat(rows, 1)


def _dct_bank(side: int) -> Tensor:
    """The side² two-dimensional DCT-II functions, orthonormal, [side², 1, side, side]; DC first."""
    index = torch.arange(float(side))
    rows = torch.cos(math.pi * (index[None] + 0.5) * index[:, None] / side) * math.sqrt(2 / side)
    rows[0] *= math.sqrt(0.5)
    return torch.einsum("ai,bj->abij", rows, rows).reshape(side**2, 1, side, side)


def _norms(bank: Tensor, kernel: Tensor) -> Tensor:
    """Standard deviation of each coefficient for unit white noise before ``kernel``."""
    margin = len(kernel) - 1
    padded = functional.pad(bank, (margin,) * 4)
    norms: Tensor = (
        functional.conv2d(padded, kernel.flip(-1, -2)[None, None]).flatten(1).norm(dim=1)
    )
    return norms


def _phases(bank: Tensor, stride: int) -> Tensor:
    """Weights that add up DCTs which start every ``stride`` pixels, for ``pixel_shuffle``."""
    count, _, side, _ = bank.shape
    reach = side // stride
    split = bank.reshape(count, reach, stride, reach, stride).permute(2, 4, 0, 1, 3)
    return split.reshape(stride**2, count, reach, reach).flip(-1, -2).contiguous()
