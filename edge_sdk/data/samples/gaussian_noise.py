"""Additive white Gaussian noise: what papers on denoising add to a picture, and patches with it.

Noise is neither clipped nor rounded unless requested: the protocol of those papers (BM3D, DnCNN,
FFDNet) adds it to the 8-bit picture in floating point.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from edge_sdk.data.samples.patches import PatchDataset
from edge_sdk.errors import InputError
from edge_sdk.imaging import quantize

STRONGEST = 50.0
"""Strongest noise that models for denoising are made for unless said otherwise, in 8-bit levels."""
_OWN_DRAW = 0x6E6F6973
"""Keeps the draws of the noise separate from those that choose a patch."""


def noisy_picture(image: Tensor, sigma: float, seed: int, index: int) -> Tensor:
    """A picture with Gaussian noise, the same for the same seed, index and shape.

    Args:
        image: float32 [C, H, W] in [0, 1].
        sigma: standard deviation in 8-bit levels.
        seed: seed of the noise.
        index: number of the picture; every one has its own draw.

    Returns:
        Float32 [C, H, W], not clipped.
    """
    generator = torch.Generator().manual_seed(seed * 1_000_003 + index)
    return image + sigma / 255 * torch.randn(image.shape, generator=generator)


def as_noisy_file(image: Tensor, generator: torch.Generator) -> Tensor:
    """A picture with noise of 0 to 50 levels, evenly drawn, as a file holds it.

    Args:
        image: float32 [..., H, W] in [0, 1].
        generator: of the draws.

    Returns:
        The same shape, clipped to [0, 1] and rounded to 8 bits.
    """
    sigma = STRONGEST / 255 * float(torch.rand((), generator=generator))
    noisy = image + sigma * torch.randn(image.shape, generator=generator)
    return quantize(noisy)


@dataclass(frozen=True)
class NoiseRange:
    """Noise of training patches.

    Attributes:
        low: least standard deviation, in 8-bit levels.
        high: greatest; each patch's is drawn evenly between the two.
        clipped_share: part of the patches whose noisy pixels are clipped and rounded to 8 bits, as
            a file holds them.

    Raises:
        InputError: if a number is out of its range.
    """

    low: float = 0.0
    high: float = STRONGEST
    clipped_share: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.low <= self.high <= 255:
            raise InputError(
                f"noise from {self.low:g} to {self.high:g} levels; give two numbers in order, each "
                "in 0 to 255"
            )
        if not 0 <= self.clipped_share <= 1:
            raise InputError(f"clipped_share must be 0 to 1, not {self.clipped_share:g}")


class NoisyPatches(Dataset[tuple[Tensor, Tensor]]):
    """Patches with noise of a random strength; the same index and seed give the same pair.

    Args:
        patches: patches of scale 1, of which the second of each pair is the clean one.
        noise: strengths to draw from.
        seed: seed of the noise.
    """

    def __init__(self, patches: PatchDataset, noise: NoiseRange, seed: int) -> None:
        self._patches = patches
        self._noise = noise
        self._seed = seed

    def __len__(self) -> int:
        """Number of patches."""
        return len(self._patches)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        """Pair ``index``: noisy and clean, float32 [C, p, p], the clean one in [0, 1]."""
        _, clean = self._patches[index]
        draw = np.random.default_rng((self._seed, index, _OWN_DRAW))
        sigma = draw.uniform(self._noise.low, self._noise.high) / 255
        as_file = draw.random() < self._noise.clipped_share
        noise = draw.standard_normal(tuple(clean.shape), dtype=np.float32)
        noisy = clean + float(sigma) * torch.from_numpy(noise)
        if as_file:
            noisy = quantize(noisy)
        return noisy, clean
