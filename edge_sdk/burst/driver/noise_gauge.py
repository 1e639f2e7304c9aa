"""Noise level of a burst, measured between aligned frames where there is nothing to see."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

from edge_sdk.imaging.filters import gaussian_blur
from edge_sdk.registration.field import MotionField
from edge_sdk.registration.sampling import sample_bicubic

TILE_PX = 16
BLUR_PX = 1.0
SMOOTHED_SHARE = 0.2821
"""Share of white noise's standard deviation left by the 1 px blur."""
FLAT_SHARE = 0.25
"""Share of the tiles, those of the least gradient, that are looked at."""
MAX_TILES = 256
QUIET_SHARE = 0.25
"""Quantile over the flat tiles, and over the frames, that is taken: motion only adds."""
QUIET_BIAS = 0.86
"""What that quantile of the flattest tiles is of the whole, for white noise without texture."""
DARKEST, BRIGHTEST = 20 / 255, 231 / 255
"""Mean luma, in studio swing, beyond which a tile may be clipped and hides its noise."""
COPY_SHARE = 0.5
"""Part of a frame's own noise under which its difference shows that it is a copy."""
PATTERN_SHARE = 0.25
"""Part of the noise seen in one frame that may be noise where a pattern fills the picture."""
MAX_SMOOTHING = 10.0
"""How often the noise seen in one frame a camera's smoothing may hide; real phones came to 9."""


class NoiseGauge:
    """Measures the noise between a reference and frames as they come.

    The noise of a processed picture is smooth, and hardly shows in one frame alone; between frames
    it does. Both are blurred by a Gaussian of 1 px, and per 16×16 tile

        σ² = var(frame − reference) / (2·s²),    s² what the blur leaves of white noise's variance.

    Only the quarter of the tiles where the reference has the least gradient is looked at: edges
    differ by misalignment, blur and aliasing too. The lower quartile over those tiles is a frame's
    σ, and the lower quartile over frames the burst's, so that what moved, or a frame that differs
    everywhere, does not raise the level by which it is judged.

    Args:
        reference: float [1, H, W] in [0, 1], luma in studio swing.
        single_std: noise seen in the reference alone, on the same values.
        repeats: whether the reference repeats: a fine pattern all over it passes for noise there,
            and is none between frames.
    """

    def __init__(self, reference: Tensor, single_std: float, repeats: bool = False) -> None:
        self.single_std = single_std
        self.least_std = PATTERN_SHARE * single_std if repeats else single_std
        self.found: list[float] = []
        self.height, self.width = reference.shape[-2:]
        self.usable = min(self.height, self.width) >= TILE_PX
        if not self.usable:
            return
        smoothed = gaussian_blur(reference[None], BLUR_PX)
        corners = _flat_tiles(smoothed)
        offsets = torch.arange(TILE_PX)
        rows = (corners[:, 0, None] + offsets)[:, :, None].expand(-1, -1, TILE_PX)
        columns = (corners[:, 1, None] + offsets)[:, None, :].expand(-1, TILE_PX, -1)
        x, y = columns - (self.width - 1) / 2, rows - (self.height - 1) / 2
        self._points = torch.stack((x, y), -1).double()
        self._reference_samples = smoothed[0, 0, rows, columns]

    def measure(self, luma: Tensor, field: MotionField, blurred: Tensor | None = None) -> None:
        """Add a frame.

        Args:
            luma: float [1, H, W].
            field: its motion against the reference.
            blurred: the same blurred by ``BLUR_PX``, where that is known already.
        """
        if not self.usable:
            return
        moved = field.at(self._points)
        limit = moved.new_tensor([self.width / 2, self.height / 2])
        shown = (moved.abs() <= limit).flatten(1).all(1)
        if not bool(shown.any()):
            return
        frame = gaussian_blur(luma[None], BLUR_PX)[0] if blurred is None else blurred
        frame_samples = sample_bicubic(frame, moved.flatten(0, 1).float())[0].reshape(
            self._reference_samples.shape
        )
        spread = (
            (frame_samples - self._reference_samples)[shown].flatten(1).std(dim=1, correction=0)
        )
        quiet = float(spread.quantile(QUIET_SHARE)) / QUIET_BIAS
        self.found.append(quiet / (math.sqrt(2) * SMOOTHED_SHARE))

    @property
    def noise_std(self) -> float:
        """σ on the same values: at most ten times ``single_std``, at least as much as that.

        Where the reference repeats, a quarter of ``single_std`` at least.
        """
        informative = [noise for noise in self.found if noise > COPY_SHARE * self.least_std]
        if not informative:
            return self.single_std
        level = float(torch.tensor(informative).quantile(QUIET_SHARE, interpolation="lower"))
        return min(max(level, self.least_std), MAX_SMOOTHING * self.single_std)


def _flat_tiles(smoothed: Tensor) -> Tensor:
    """Row and column, int [K, 2], of the corners of the flattest tiles that are not clipped."""
    padded = functional.pad(smoothed, (1, 1, 1, 1), mode="replicate")
    slope_x = (padded[..., 1:-1, 2:] - padded[..., 1:-1, :-2]) / 2
    slope_y = (padded[..., 2:, 1:-1] - padded[..., :-2, 1:-1]) / 2
    energy = functional.avg_pool2d(slope_x.square() + slope_y.square(), TILE_PX)[0, 0]
    mean = functional.avg_pool2d(smoothed, TILE_PX)[0, 0]
    open_tiles = ((mean > DARKEST) & (mean < BRIGHTEST)).nonzero()
    by_energy = energy[open_tiles[:, 0], open_tiles[:, 1]].argsort(stable=True)
    flat = open_tiles[by_energy[: math.ceil(FLAT_SHARE * len(by_energy))]]
    # Evenly picked: the flattest of the flattest would be those with the least noise.
    return flat[:: max(1, math.ceil(len(flat) / MAX_TILES))] * TILE_PX
