"""Stage ``encode``: frames of one tile become weighted sums on the finer grid.

A static graph of slices, products, sums, exp and pools: no gather, no grid_sample, no sort. The
driver crops the tiles along the motion, adds up what ``encode`` returns for all frames and hands
the sums to ``decode``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from edge_sdk.burst.stages.agreement import Expectation
from edge_sdk.burst.stages.steering import Steering, SteeringConfig, slopes
from edge_sdk.exported import less_product, sum_tensors
from edge_sdk.imaging.margins import inner

HALO_PX = 5
"""Margin of a tile that ``encode`` consumes: neighbors, local means, their spread, slopes."""
AT_ONCE = 4
"""Tensors that a graph joins at once, at most."""
MAX_OFFSET_PX = 0.55
"""Largest offset of a sample from its pixel: half a pixel, and a little for turned frames."""
KERNEL_STD_PX = {1: 0.35, 2: 0.26, 3: 0.22, 4: 0.2}
"""Width of the regression kernel by scale: narrow enough to keep the detail that frames add."""
CLIPPED = 253.5 / 255
"""Values from which on a sample counts as clipped; a level higher it does so wholly."""
REACH_STD = {1: 2.0, 2: 1.2, 3: 1.2, 4: 1.2}
"""Pixels whose samples cannot come closer than this many σ to a finer pixel are left out of it."""


class Encode(nn.Module):
    """Adds frames of one tile to the finer grid: steered kernel regression with ghost weights.

    A frame's sample at pixel q has the value v and lies at q + δ(q) on the reference's grid. For
    the finer pixel at p + φ, φ one of scale² sub-pixel phases, it counts with

        w = exp(−½ eᵀ C⁻¹ e) · confidence(q) · agreement(q),    e = q + δ(q) − p − φ,

    and with the value v − ∇Y(q)·e, which the reference's slope ∇Y carries from where the sample
    lies to where it is wanted. C is narrower across edges than along them
    (:class:`~edge_sdk.burst.stages.steering.Steering`; Takeda, Farsiu & Milanfar 2007). The sums Σ
    w·value and Σ w over all frames, divided, are the merged picture.

    Args:
        scale: enlargement, 1 to 4.
        kernel_std_px: σ where there is no edge, in pixels of a frame; ``None`` for the scale's own.
        steering: how the kernel follows edges; ``None`` for the default.
    """

    def __init__(
        self,
        scale: int,
        kernel_std_px: float | None = None,
        steering: SteeringConfig | None = None,
    ) -> None:
        super().__init__()
        self.scale = scale
        self.kernel_std_px = KERNEL_STD_PX[scale] if kernel_std_px is None else kernel_std_px
        self.steering = Steering(self.kernel_std_px, steering or SteeringConfig())
        self.reach_px = REACH_STD[scale] * self.kernel_std_px
        self.phases = [(index + 0.5) / scale - 0.5 for index in range(scale)]
        self.taps = [self._taps(right, down) for down in self.phases for right in self.phases]
        self.distances = sorted(
            {distance for taps in self.taps for _, _, *xy in taps for distance in xy}
        )

    def forward(
        self,
        reference: Tensor,
        frame: Tensor,
        offset: Tensor,
        confidence: Tensor,
        light: Tensor | None,
        noise: Tensor,
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Encode one tile of a frame, or of several frames, which are added up.

        Args:
            reference: float [1, 3, T, T] in [0, 1].
            frame: float [N, 3, T, T]: at each pixel the frame's pixel nearest to where the motion
                takes it.
            offset: float [N, 2, T, T]: δ = (x, y), where that sample lies on the reference's grid,
                relative to the pixel, at most ``MAX_OFFSET_PX`` each.
            confidence: float [N, 1, T, T] in [0, ∞): 0 where the frame shows nothing.
            light: float [N, 3, T, 2]: gain and offset, by color and row of the tile, that bring the
                frame to the light of the reference; ``None`` for 1 and 0. White that this makes
                gray, a clipped sample of a brighter frame, counts for nothing.
            noise: float [1, 3, K, 2], noise of one frame, as
                :func:`~edge_sdk.burst.stages.noise_map.noise_at` takes it.

        Returns:
            Weighted sums float [1, 3·scale², t, t] and weights float [1, scale², t, t], both over
            the N frames, and agreement times confidence float [N, 1, t, t]; t = T − 2·halo. Channel
            scale²·c + scale·a + b is color c of phase row a, column b, as PixelShuffle takes them.
        """
        view = self._prepared(reference, noise)
        added = _Added([], {}, [])
        for index in range(frame.shape[0]):
            one = slice(index, index + 1)
            own_light = None if light is None else light[one]
            self._add(view, frame[one], offset[one], confidence[one], own_light, added)
        # Along the slopes, values move from where the samples lie to where they are wanted.
        sums, weights = [], []
        for taps, part in zip(self.taps, added.sums, strict=True):
            counts = [_moved(added.counts[x, y], right, down) for right, down, x, y in taps]
            for count, (right, down, x, y) in zip(counts, taps, strict=True):
                part = _plus_product(part, count, _moved(view.falls[x, y], right, down))
            sums.append(part)
            weights.append(sum_tensors(counts))
        by_color = [part[:, color : color + 1] for color in range(3) for part in sums]
        # Delegates do not take the joining of a single tensor.
        return _joined(by_color, 1), _joined(weights, 1), _joined(added.trusts, 0)

    def _prepared(self, reference: Tensor, noise: Tensor) -> _ReferenceView:
        slope_x, slope_y = slopes(reference)
        expected = Expectation(reference, noise)
        form = self.steering(slope_x, slope_y, inner(expected.noise_variance, 1))
        xx, xy, yy = (-inner(x, 1) for x in form)
        near_x, near_y = (inner(x, HALO_PX - 2) for x in (slope_x, slope_y))
        by_x = {x: -x * near_x for x in self.distances}
        by_y = {y: -y * near_y for y in self.distances}
        falls = {(x, y): by_x[x] + by_y[y] for taps in self.taps for _, _, x, y in taps}
        sloped = (slope_x, slope_y)
        return _ReferenceView(inner(reference, 1), sloped, expected, (xx, xy, yy), falls)

    def _add(
        self,
        view: _ReferenceView,
        frame: Tensor,
        offset: Tensor,
        confidence: Tensor,
        light: Tensor | None,
        to: _Added,
    ) -> None:
        slope_x, slope_y = view.slopes
        offset_x, offset_y = (inner(offset[:, axis : axis + 1], 1) for axis in (0, 1))
        trust, noise_share = inner(confidence, HALO_PX - 1), None
        if light is not None:
            trust = trust * inner(_known(frame, light), HALO_PX - 1)
            frame, noise_share = _evened(frame, light), _noise_share(light)[:, :, 1:-1]
        # How the frame's values, as they would be at the pixels themselves, differ: that of near
        # values is exact in any precision, and a difference of sums of them would not be.
        difference = less_product(inner(frame, 1) - view.reference, slope_x, offset_x)
        difference = less_product(difference, slope_y, offset_y)
        trust = view.expected.agreement(difference, noise_share) * trust
        to.trusts.append(inner(trust, 1))
        level = inner(view.reference, HALO_PX - 2) + inner(difference, HALO_PX - 2)
        offset_x, offset_y = (inner(x, HALO_PX - 2) for x in (offset_x, offset_y))
        xx, xy, yy = view.form
        # The exponent −½eᵀC⁻¹e in parts of y, of x and of both. None is larger than their sum by
        # much: half precision keeps of a small difference of large ones what they are rounded by.
        ends_x = {x: offset_x + x for x in self.distances}
        ends_y = {y: offset_y + y for y in self.distances}
        across = {x: xx * end * end for x, end in ends_x.items()}
        downs = {y: yy * end * end for y, end in ends_y.items()}
        turns = {x: xy * end for x, end in ends_x.items()}
        for place, taps in enumerate(self.taps):
            for right, down, x, y in taps:
                weight = _weight(downs[y] + across[x], turns[x], ends_y[y], trust)
                count, value = _moved(weight, right, down), _moved(level, right, down)
                if place == len(to.sums):
                    to.sums.append(count * value)
                else:
                    to.sums[place] = _plus_product(to.sums[place], count, value)
                known = to.counts.get((x, y))
                to.counts[x, y] = weight if known is None else _plus(known, weight)

    def _taps(self, phase_x: float, phase_y: float) -> list[tuple[int, int, float, float]]:
        """Neighbors that matter to a phase, to the right and down, and their distances from it."""
        near = (-1, 0, 1)
        found = [(x, y, x - phase_x, y - phase_y) for y in near for x in near]
        return [entry for entry in found if math.hypot(*map(_beyond, entry[2:])) <= self.reach_px]


def _evened(frame: Tensor, light: Tensor) -> Tensor:
    """A frame in the light of the reference, which is black below 0 and white above 1."""
    return (frame * light[..., :1] + light[..., 1:]).clamp(0.0, 1.0)


def _known(frame: Tensor, light: Tensor) -> Tensor:
    """0 where a color is clipped and white would become gray, else 1: [N, 1, T, T]."""
    clipped = ((frame - CLIPPED) * 255.0).clamp(0.0, 1.0)
    grayed = ((1.0 - light[..., :1] - light[..., 1:]) * 255.0).clamp(0.0, 1.0)
    open_colors = 1.0 - clipped * grayed
    return open_colors[:, :1] * open_colors[:, 1:2] * open_colors[:, 2:]


def _noise_share(light: Tensor) -> Tensor:
    """(1 + g²)/2, g the mean gain over colors: [N, 1, T, 1]."""
    gain = sum_tensors([light[:, color : color + 1, :, :1] for color in range(3)]) * (1.0 / 3.0)
    return 0.5 + 0.5 * gain * gain


def _beyond(distance: float) -> float:
    # A sample lies within half a pixel of its pixel.
    return max(abs(distance) - 0.5, 0.0)


def _weight(exponent: Tensor, turn: Tensor, end: Tensor, trust: Tensor) -> Tensor:
    # In place outside of a graph, as below: without room for the result it is written faster.
    if torch.compiler.is_compiling():
        return torch.exp(exponent + turn * end) * trust
    return exponent.addcmul_(turn, end).exp_().mul_(trust)


def _plus(total: Tensor, more: Tensor) -> Tensor:
    return total + more if torch.compiler.is_compiling() else total.add_(more)


def _plus_product(total: Tensor, first: Tensor, second: Tensor) -> Tensor:
    # Delegates take a product and a sum, not both in one.
    if torch.compiler.is_compiling():
        return total + first * second
    return total.addcmul_(first, second)


def _joined(parts: list[Tensor], dim: int) -> Tensor:
    while torch.compiler.is_compiling() and len(parts) > AT_ONCE:
        # Some delegates leave longer joins to the processor.
        groups = [parts[start : start + AT_ONCE] for start in range(0, len(parts), AT_ONCE)]
        parts = [_joined(group, dim) for group in groups]
    return torch.cat(parts, dim) if len(parts) > 1 else parts[0]


def _moved(x: Tensor, right: int, down: int) -> Tensor:
    """The neighbors to the right and below of all pixels within a margin of 1."""
    height, width = x.shape[-2:]
    return x[..., 1 + down : height - 1 + down, 1 + right : width - 1 + right]


@dataclass(frozen=True, eq=False)
class _ReferenceView:
    """What all frames of a tile have in common; u = T − 8.

    ``reference`` is [1, 3, T − 2, T − 2], and so are its ``slopes`` along x and y; the coefficients
    −xx, −xy, −yy of the kernel, ``form``, are [1, 1, u, u] each. ``falls`` has, by distance (x, y)
    from a finer pixel, the fall of the reference over it.
    """

    reference: Tensor
    slopes: tuple[Tensor, Tensor]
    expected: Expectation
    form: tuple[Tensor, Tensor, Tensor]
    falls: dict[tuple[float, float], Tensor]


@dataclass(frozen=True, eq=False)
class _Added:
    """Sums by phase, weights by distance (x, y), both over frames, and trust by frame."""

    sums: list[Tensor]
    counts: dict[tuple[float, float], Tensor]
    trusts: list[Tensor]
