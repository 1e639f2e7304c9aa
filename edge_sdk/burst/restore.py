"""Stage ``decode`` without a network: deconvolution of the known blur, and shrinkage.

The merged picture M = Σ w·value / Σ w is the true picture x seen through the blur B of lens, pixel
and regression kernel, plus noise of variance about σ²/w. From a smooth start x₀ each step takes

    x ← S(x + G ∗ (t·(M − B ∗ x))),    Ĝ = B̂ / (B̂² + λ),    t = w / (w + c),

where t holds back what few samples say, and S shrinks the AC coefficients d of all 4×4 DCTs of the
picture (translation-invariant; Coifman & Donoho 1995) by the nonnegative garrote 1 − τ²/d²
(Gao 1998), τ the noise that G passes in that coefficient (after Neelamani et al. 2004, Fourier
deconvolution, then shrinkage). Colours are rotated to luma and two differences beforehand.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from edge_sdk.burst.blur import gaussian_taps, merged_blur, wiener_taps
from edge_sdk.burst.encode import KERNEL_STD_PX

SMALLEST_WEIGHT = 0.02
"""Weight of the reference in sums, so that nothing is divided by zero."""
DCT_SIDE = 4


@dataclass(frozen=True)
class RestoreConfig:
    """Settings of :class:`Restore`.

    Attributes:
        lens_std_px: standard deviation of the lens blur, in pixels of a frame.
        steps: corrections by the frames, each with its shrinkage; 0 gives the smooth start.
        base_strength: λ without noise: what the model of the blur is not trusted for.
        noise_strength: what λ grows by per unit of σ² over the mean weight.
        doubt: c, the weight at which a merged pixel is half trusted.
        start_std_px: width of the Gaussian that the start is merged with, in pixels of a frame.
        threshold: τ in standard deviations of the noise; 0 switches the shrinkage off.
        colour_threshold: factor of τ for the two differences of colours.
        model_noise_std: what is added to the noise for errors of motion and blur.
        kernel_share: part of the regression kernel's width that counts as blur; the slopes that
            ``encode`` carries values along take the rest.
    """

    lens_std_px: float = 0.3
    steps: int = 2
    base_strength: float = 0.044
    noise_strength: float = 145.0
    doubt: float = 0.3
    start_std_px: float = 0.4
    threshold: float = 1.0
    colour_threshold: float = 1.5
    model_noise_std: float = 0.3 / 255
    kernel_share: float = 0.4


class Restore(nn.Module):
    """Sums to picture.

    Args:
        scale: enlargement, 1 to 4.
        noise_std: noise of one frame on values in [0, 1].
        frames: number of frames that were added up.
        config: settings.
        kernel_std_px: width of the regression kernel; ``None`` for the scale's own.
    """

    def __init__(
        self,
        scale: int,
        noise_std: float,
        frames: int,
        config: RestoreConfig | None = None,
        kernel_std_px: float | None = None,
    ) -> None:
        super().__init__()
        self.scale = scale
        self.config = config = config or RestoreConfig()
        kernel_std_px = KERNEL_STD_PX[scale] if kernel_std_px is None else kernel_std_px
        blur = merged_blur(scale, config.lens_std_px, config.kernel_share * kernel_std_px)
        mean_weight = frames * 2 * math.pi * kernel_std_px**2
        strength = config.base_strength + config.noise_strength * noise_std**2 / mean_weight
        inverse = wiener_taps(blur, strength, radius=3 * max(scale, 2))
        bank = _dct_bank(DCT_SIDE)[1:]
        passed = _norms(bank, torch.outer(inverse, inverse))
        noise = config.threshold * (noise_std + config.model_noise_std)
        colours = torch.tensor([1.0, config.colour_threshold, config.colour_threshold])
        thresholds = (noise * colours[:, None] * passed).square()
        self._keep("start", gaussian_taps(config.start_std_px * scale))
        self._keep("blur", blur)
        self._keep("inverse", inverse)
        self._keep("rotation", _ROTATION[:, :, None, None].clone())
        self._keep("back", _ROTATION.T[:, :, None, None].clone())
        self._keep("bank", bank)
        self._keep("synthesis", bank.flip(-1, -2).transpose(0, 1) / DCT_SIDE**2)
        self._keep("thresholds", thresholds[:, :, None, None])
        self.start: Tensor
        self.blur: Tensor
        self.inverse: Tensor
        self.rotation: Tensor
        self.back: Tensor
        self.bank: Tensor
        self.synthesis: Tensor
        self.thresholds: Tensor

    @property
    def halo_px(self) -> int:
        """Margin of the sums that is consumed, in pixels of a frame."""
        step = len(self.blur) // 2 + len(self.inverse) // 2 + DCT_SIDE - 1
        return math.ceil((len(self.start) // 2 + self.config.steps * step) / self.scale)

    def forward(self, sums: Tensor, weights: Tensor, reference: Tensor) -> Tensor:
        """Decode one tile.

        Args:
            sums: float [1, 3·scale², t, t], added over frames.
            weights: float [1, scale², t, t], added over frames.
            reference: float [1, 3, t, t] in [0, 1], the reference's pixels.

        Returns:
            Float [1, 3, scale·u, scale·u], u = t − 2·halo, sRGB-encoded; not clipped.
        """
        floor = SMALLEST_WEIGHT
        fine = functional.pixel_shuffle(weights, self.scale) + floor
        beside = functional.interpolate(reference, scale_factor=float(self.scale), mode="bilinear")
        merged = functional.pixel_shuffle(sums, self.scale) + floor * beside
        smooth = _separable(fine, self.start)
        picture = _separable(merged, self.start) / smooth
        picture = functional.conv2d(picture, self.rotation)
        merged = functional.conv2d(merged / fine, self.rotation)
        trust = fine / (fine + self.config.doubt)
        for _ in range(self.config.steps):
            missed = (merged - _separable(picture, self.blur)) * trust
            picture = picture + _separable(missed, self.inverse)
            if self.config.threshold > 0:
                picture = self._shrunk(picture, smooth)
        margin = self.halo_px * self.scale
        inside = picture[..., margin:-margin, margin:-margin]
        colours: Tensor = functional.conv2d(inside, self.back)
        return colours

    def _shrunk(self, picture: Tensor, weights: Tensor) -> Tensor:
        """Take from the picture what noise may have made of its coefficients."""
        taken = []
        # A coefficient lies between its four pixels; the weights vary slowly.
        around = functional.pad(weights, (2, 1, 2, 1), value=1.0)
        for channel in range(3):
            padded = functional.pad(picture[:, channel : channel + 1], (DCT_SIDE - 1,) * 4)
            coefficients = functional.conv2d(padded, self.bank)
            noise = self.thresholds[channel : channel + 1] / around
            share = (noise / (coefficients * coefficients + 1e-12)).clamp(0, 1)
            taken.append(functional.conv2d(coefficients * share, self.synthesis))
        return picture - torch.cat(taken, 1)

    def _keep(self, name: str, taps: Tensor) -> None:
        self.register_buffer(name, taps.contiguous(), persistent=False)


_ROTATION = torch.tensor([[1.0, 1.0, 1.0], [1.0, 0.0, -1.0], [1.0, -2.0, 1.0]])
_ROTATION = _ROTATION / _ROTATION.norm(dim=1, keepdim=True)


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


def _separable(x: Tensor, taps: Tensor) -> Tensor:
    channels, reach = x.shape[1], len(taps) // 2
    row = taps.view(1, 1, 1, -1).expand(channels, 1, 1, -1)
    column = taps.view(1, 1, -1, 1).expand(channels, 1, -1, 1)
    along = functional.conv2d(x, row, padding=(0, reach), groups=channels)
    return functional.conv2d(along, column, padding=(reach, 0), groups=channels)
