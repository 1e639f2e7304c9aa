"""Stage ``decode``: the sums of all frames become the enlarged, sharpened, clean tile.

The merged picture M is the true picture x seen through the blur B of lens, pixel and regression
kernel, plus noise. The network enlarges the frames' mean to P, which is clean but knows only what
one grid shows; the frames then correct it,

    x = P + g · G ∗ (M − B ∗ P),    Ĝ = B̂ / (B̂² + λ),

the Wiener solution of min ‖B∗x − M‖² + λ‖x − P‖², with a local gain g in [0, 1] that holds the
correction back where it is no larger than noise would make it. Luma and chroma are treated apart:
chroma has no network and a stronger λ.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from edge_sdk.burst.stages.blur import DEFAULT_LENS_PX, merged_blur
from edge_sdk.burst.stages.encode import KERNEL_STD_PX
from edge_sdk.burst.stages.noise_map import luma_noise
from edge_sdk.imaging import rgb_to_ycbcr, ycbcr_to_rgb
from edge_sdk.imaging.color import LUMA_NOISE
from edge_sdk.imaging.margins import inner
from edge_sdk.imaging.separable import gaussian_taps
from edge_sdk.models.spec import PictureSpec

OWN_HALO_PX = 7
"""Margin of the sums that blur and filter consume, in pixels of a frame, beside the network's."""
DEFAULT_HALO_PX = 7
"""Margin of a network without a spec."""
FILTER_RADIUS_PX = 6
SMALLEST_WEIGHT = 0.05
"""Weight of the reference in sums and means, so that nothing is divided by zero."""


@dataclass(frozen=True)
class DecodeConfig:
    """Settings of :class:`Decode`.

    Attributes:
        kernel_std_px: width of the regression kernel of ``encode``.
        kernel_share: part of it that counts as blur.
        base_strength: λ without noise: what the model of the blur is not trusted for.
        noise_strength: what λ grows by per unit of σ²/frames.
        chroma_strength: factor of λ for chroma.
        shrinkage: multiples of the noise that a correction must exceed; 0 switches g off.
    """

    kernel_std_px: float = KERNEL_STD_PX[2]
    kernel_share: float = 0.4
    base_strength: float = 0.02
    noise_strength: float = 150.0
    chroma_strength: float = 4.0
    shrinkage: float = 0.5


class Decode(nn.Module):
    """Sums to picture, for ×2.

    Args:
        network: maps luma [N, 1, H, W] to [N, 1, 2·H, 2·W], studio swing in [0, 1]; its halo is
            that of its ``spec``, else ``DEFAULT_HALO_PX``.
        noise_std: typical noise of one frame on values in [0, 1], which λ follows.
        frames: number of frames that were added up.
        config: settings.
        lens_std_px: standard deviation of the lens blur, in pixels of a frame.
    """

    def __init__(
        self,
        network: nn.Module,
        noise_std: float,
        frames: int,
        config: DecodeConfig | None = None,
        lens_std_px: float = DEFAULT_LENS_PX,
    ) -> None:
        super().__init__()
        config = config or DecodeConfig()
        self.network = network
        self.scale = 2
        spec = getattr(network, "spec", None)
        reach = spec.halo_px if isinstance(spec, PictureSpec) else DEFAULT_HALO_PX
        self.halo_px = OWN_HALO_PX + reach
        blur = merged_blur(self.scale, lens_std_px, config.kernel_share * config.kernel_std_px)
        strength = config.base_strength + config.noise_strength * noise_std**2 / frames
        luma_filter = _wiener(blur, strength, FILTER_RADIUS_PX)
        chroma_filter = _wiener(blur, strength * config.chroma_strength, FILTER_RADIUS_PX)
        smooth = gaussian_taps(0.7)
        self.register_buffer("blur", torch.outer(blur, blur)[None, None], persistent=False)
        self.register_buffer("smooth", torch.outer(smooth, smooth)[None, None], persistent=False)
        self.register_buffer("luma_filter", luma_filter[None, None], persistent=False)
        self.register_buffer("chroma_filter", chroma_filter[None, None], persistent=False)
        self.blur: Tensor
        self.smooth: Tensor
        self.luma_filter: Tensor
        self.chroma_filter: Tensor
        samples = frames / self.scale**2
        correction_noise = LUMA_NOISE**2 / samples
        correction_noise *= float(luma_filter.square().sum()) * _kernel_pass(config, self.scale)
        self.noise_share = config.shrinkage * correction_noise

    def forward(self, sums: Tensor, weights: Tensor, reference: Tensor, noise: Tensor) -> Tensor:
        """Decode one tile.

        Args:
            sums: float [N, 3·4, t, t], added over frames.
            weights: float [N, 4, t, t], added over frames.
            reference: float [N, 3, t, t] in [0, 1], the reference's pixels.
            noise: float [N, 3, K, 2], noise of one frame, as
                :func:`~edge_sdk.burst.stages.noise_map.noise_at` takes it.

        Returns:
            Float [N, 3, 2·u, 2·u], u = t − 2·halo, sRGB-encoded; not clipped.
        """
        floor = SMALLEST_WEIGHT
        colors = [sums[:, 4 * c : 4 * c + 4].sum(1, keepdim=True) for c in range(3)]
        total = weights.sum(1, keepdim=True)
        mean = (torch.cat(colors, 1) + floor * reference) / (total + floor)
        coarse = functional.interpolate(mean, scale_factor=2, mode="bilinear", align_corners=False)
        fine_sums = functional.pixel_shuffle(sums, self.scale)
        fine_weights = functional.pixel_shuffle(weights, self.scale)
        merged = rgb_to_ycbcr((fine_sums + floor * coarse) / (fine_weights + floor))
        luma = self.network(rgb_to_ycbcr(mean)[:, :1])
        residual = merged[:, :1] - _filtered(luma, self.blur)
        correction = _filtered(residual, self.luma_filter)
        energy = functional.avg_pool2d(correction * correction, 7, 1, padding=3)
        std = functional.interpolate(luma_noise(noise, mean), scale_factor=2, mode="nearest")
        gain = ((energy - self.noise_share * std * std) / (energy + 1e-9)).clamp(0, 1)
        luma = luma + gain * correction
        chroma = _filtered(rgb_to_ycbcr(coarse)[:, 1:], self.smooth)
        residual = merged[:, 1:] - _filtered(chroma, self.blur)
        chroma = chroma + _filtered(residual, self.chroma_filter)
        margin = self.halo_px * self.scale
        picture = ycbcr_to_rgb(torch.cat((luma, chroma), 1))
        return inner(picture, margin)


def _wiener(kernel: Tensor, strength: float, radius: int) -> Tensor:
    """B̂/(B̂² + λ) of the separable blur, cut to (2·radius + 1)², without ringing at the cut."""
    size = 64
    padded = torch.zeros(size, dtype=torch.float64)
    padded[: len(kernel)] = kernel.double()
    response = torch.fft.fft(torch.roll(padded, -(len(kernel) // 2))).real
    blur = torch.outer(response, response)
    inverse = torch.fft.ifft2(blur / (blur.square() + strength)).real
    inverse = torch.fft.fftshift(inverse)
    middle = slice(size // 2 - radius, size // 2 + radius + 1)
    taps: Tensor = inverse[middle, middle].float()
    return taps


def _kernel_pass(config: DecodeConfig, scale: int) -> float:
    # Share of white noise that survives the averaging of the regression kernel.
    taps = gaussian_taps(config.kernel_std_px * scale)
    return float(taps.square().sum()) ** 2


def _filtered(x: Tensor, kernel: Tensor) -> Tensor:
    channels = x.shape[1]
    return functional.conv2d(
        x, kernel.expand(channels, 1, -1, -1), padding=kernel.shape[-1] // 2, groups=channels
    )
