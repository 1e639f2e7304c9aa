"""Gaussian pyramids and the search for whole-pixel shifts on their coarsest level."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from edge_sdk.imaging.filters import gaussian_blur

MIN_OVERLAP = 0.4
"""Least share of the picture that both frames must show for a shift to be considered."""
HALVING_STD_PX = 0.5
"""Blur of a level on top of the mean over 2×2 pixels, which alone would leave it aliased."""
FLAT = 1e-12
"""Product of the variances of two pictures in [0, 1] under which neither shows anything."""
SURROUNDINGS_PX = 2.0
"""Standard deviation of the blur that local contrast is taken against."""
COMPRESSION = 0.5
"""Contrast, over its root mean square, that is compressed to 1/√2."""
TIE = 1e-5
"""Gain, per pixel of shift, that counts as none."""


def build_pyramid(images: Tensor, smallest_px: int) -> list[Tensor]:
    """Halve [N, 1, H, W] until the shorter side would fall under ``smallest_px``; finest first.

    Each level averages 2×2 pixels of the one below and blurs them slightly. Of an odd size the last
    row or column is dropped, which moves the center by half a pixel (:func:`level_matrix`).
    """
    levels = [images]
    while min(levels[-1].shape[-2:]) // 2 >= smallest_px:
        levels.append(_halve(levels[-1]))
    return levels


def _halve(images: Tensor) -> Tensor:
    height, width = images.shape[-2:]
    even = images[..., : height - height % 2, : width - width % 2]
    return gaussian_blur(functional.avg_pool2d(even, 2), HALVING_STD_PX)


def level_matrix(size: torch.Size, like: Tensor) -> Tensor:
    """Centered coordinates of the level above a picture of ``size``, in those of the picture.

    Returns:
        Float64 [3, 3]: twice as long; of an odd side the center moves by half a pixel.
    """
    scaling = torch.diag(torch.tensor([2.0, 2.0, 1.0], dtype=torch.float64, device=like.device))
    scaling[0, 2] = -0.5 * (size[-1] % 2)
    scaling[1, 2] = -0.5 * (size[-2] % 2)
    return scaling


def local_contrast(images: Tensor) -> Tensor:
    """What of [N, 1, H, W] differs from its surroundings, compressed to (−1, 1).

        c = h / √(h² + (s/2)²),    h = Y − G∗Y,    s² = mean(h²),    G of 2 px

    An area that shows something else, however bright, then counts by its size alone.
    """
    high = images - gaussian_blur(images, SURROUNDINGS_PX)
    spread = high.square().mean((-2, -1), keepdim=True).sqrt()
    return high / (high.square() + (COMPRESSION * spread).square() + FLAT).sqrt()


def search_shifts(
    reference: Tensor,
    frames: Tensor,
    reach_px: int,
    min_overlap: float = MIN_OVERLAP,
    candidates: int = 1,
) -> tuple[Tensor, Tensor]:
    """Best whole-pixel shifts of each frame by normalized cross-correlation over the overlap.

    All shifts at once by Fourier transforms (Padfield 2010). The evidence of a shift is ρ·√n, n the
    share of the picture in the overlap: by chance ρ is of the order of 1/√n, so that few pixels
    must agree better than many. Of equals, as flat pictures have them, the smallest shift wins.

    Args:
        reference: float [1, 1, H, W].
        frames: float [N, 1, H, W].
        reach_px: largest shift tried in each direction.
        min_overlap: least share of the picture that both must show for a shift to be considered.
        candidates: K, how many shifts to return, none beside another.

    Returns:
        Shifts float [N, K, 2] as (x, y), reference to frame, best first, and their evidence
        [N, K] in [−1, 1].
    """
    height, width = reference.shape[-2:]
    reach_x, reach_y = min(reach_px, width - 1), min(reach_px, height - 1)
    template = (reference - reference.mean())[:, 0].double()
    shifted = (frames - frames.mean((-2, -1), keepdim=True))[:, 0].double()
    ones = torch.ones_like(template)
    size = (_fast_length(height + reach_y), _fast_length(width + reach_x))
    window = torch.fft.rfft2(torch.cat((ones, template, template.square())), s=size).conj()
    spectrum, square = torch.fft.rfft2(torch.stack((shifted, shifted.square())), s=size)
    products = torch.cat(
        (
            window * window[0].conj(),
            spectrum * window[0],
            spectrum * window[1],
            square * window[0],
        )
    )
    sums = torch.roll(torch.fft.irfft2(products, s=size), (reach_y, reach_x), (-2, -1))
    sums = sums[..., : 2 * reach_y + 1, : 2 * reach_x + 1]
    count, template_sum, template_square = sums[:3]
    frame_sum, cross, frame_square = sums[3:].reshape(3, len(frames), *sums.shape[-2:])
    count = count.round().clamp_min(1.0)
    covariance = cross - template_sum * frame_sum / count
    template_variance = (template_square - template_sum**2 / count).clamp_min(0.0)
    variance = template_variance * (frame_square - frame_sum**2 / count).clamp_min(0.0)
    correlation = covariance / variance.clamp_min(FLAT * count.square()).sqrt()
    correlation = correlation.masked_fill(count < min_overlap * height * width, -1.0)
    rows = torch.arange(correlation.shape[-2], device=correlation.device) - reach_y
    across = torch.arange(correlation.shape[-1], device=correlation.device) - reach_x
    distance = torch.hypot(rows[:, None].float(), across[None, :].float())
    evidence = correlation * (count / (height * width)).sqrt()
    ranked = evidence - TIE * distance
    columns = evidence.shape[-1]
    shifts, found = [], []
    for _ in range(candidates):
        index = ranked.flatten(1).argmax(dim=1)
        x, y = index % columns, index // columns
        shifts.append(torch.stack((x - reach_x, y - reach_y), dim=-1))
        found.append(evidence.flatten(1).gather(1, index[:, None])[:, 0])
        near_x = (torch.arange(columns) - x[:, None]).abs() <= 1
        near_y = (torch.arange(evidence.shape[-2]) - y[:, None]).abs() <= 1
        ranked = ranked.masked_fill(near_y[:, :, None] & near_x[:, None], -torch.inf)
    return torch.stack(shifts, 1).to(frames.dtype), torch.stack(found, 1).to(frames.dtype)


def _fast_length(length: int) -> int:
    """Next length with no prime factors but 2, 3 and 5."""
    while True:
        rest = length
        for factor in (2, 3, 5):
            while rest % factor == 0:
                rest //= factor
        if rest == 1:
            return length
        length += 1
