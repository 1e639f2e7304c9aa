"""Stage ``expand``: the reference around each pixel, as a polynomial of where one looks.

Between its pixels the reference is read by a Farrow structure (Farrow 1988): along one axis

    R(p + d) ≈ Σ_i dⁱ (k_i ∗ R)(p),    i = 0 … 3,    |d| ≤ ``REACH_PX``,

with kernels k_i of five taps, and in two dimensions by their outer products up to degree 3. The
frame is never interpolated: it gives its pixels as they are.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

HALO_PX = 2
"""Margin that :class:`Expand` consumes."""
REACH_PX = 0.6
"""Distance from a pixel up to which the polynomial holds: half a pixel, more in turned frames."""
POWERS = ((0, 0), (1, 0), (0, 1), (2, 0), (1, 1), (0, 2), (3, 0), (2, 1), (1, 2), (0, 3))
"""Powers of x and of y that the coefficients belong to, in the order of the channels."""
SCALE = 16.0
"""Factor of all values and slopes, so that half precision holds the squares of what is small."""
MIDDLE = 0.5
"""Value that counts as 0."""

_SPECTRUM_PX = 1.1
"""Blur of what is expanded, that of lens and first level: higher frequencies hardly count."""


@dataclass(frozen=True)
class FarrowKernels:
    """Four numbers that make the kernels along one axis; what they leave is exact up to squares.

        k₀ = δ + fourth_0·D₄          k₁ = D₁ + third_1·D₃
        k₂ = D₂/2 + fourth_2·D₄       k₃ = third_3·D₃

    with the differences D₁ = (0, −1, 0, 1, 0)/2, D₂ = (0, 1, −2, 1, 0), D₃ = (−1, 2, 0, −2, 1)/2
    and D₄ = (1, −4, 6, −4, 1). By Taylor they would be 0, −1/6, −1/24 and 1/6.
    """

    fourth_0: float
    third_1: float
    fourth_2: float
    third_3: float

    def taps(self) -> Tensor:
        """The kernels, float32 [4, 5]: what the values from two before to two after count."""
        first = np.array([0.0, -0.5, 0.0, 0.5, 0.0])
        second = np.array([0.0, 1.0, -2.0, 1.0, 0.0])
        third = np.array([-0.5, 1.0, 0.0, -1.0, 0.5])
        fourth = np.array([1.0, -4.0, 6.0, -4.0, 1.0])
        here = np.array([0.0, 0.0, 1.0, 0.0, 0.0])
        rows = (
            here + self.fourth_0 * fourth,
            first + self.third_1 * third,
            second / 2 + self.fourth_2 * fourth,
            self.third_3 * third,
        )
        return torch.from_numpy(np.stack(rows).astype(np.float32))


def farrow_kernels(reach_px: float = REACH_PX) -> FarrowKernels:
    """Kernels of least squares for what a photograph holds after the blur of the first level.

    A wave e^{iωx} moved by d is e^{iωd}: cos ωd by the even kernels and sin ωd by the odd ones, and
    both are fitted over all d up to the reach, each ω by its share of a spectrum of 1/ω².
    """
    omega = np.linspace(0.0, np.pi, 129)[:, None]
    distance = np.linspace(-reach_px, reach_px, 25)[None, :]
    power = np.exp(-((_SPECTRUM_PX * omega) ** 2)) / (omega + 0.1) ** 2
    weight = np.sqrt(power + 1e-6)
    bend = 2.0 - 2.0 * np.cos(omega)
    twist = np.sin(2.0 * omega) - 2.0 * np.sin(omega)
    even = np.cos(omega * distance) - 1.0 + distance**2 * bend / 2
    odd = np.sin(omega * distance) - distance * np.sin(omega)
    ones = np.ones_like(distance)
    fourth = _fitted((ones * bend**2, distance**2 * bend**2), even, weight)
    third = _fitted((distance * twist, distance**3 * twist), odd, weight)
    return FarrowKernels(fourth[0], third[0], fourth[1], third[1])


def _fitted(
    columns: tuple[np.ndarray, np.ndarray], target: np.ndarray, weight: np.ndarray
) -> tuple[float, float]:
    design = np.stack([(weight * column).ravel() for column in columns], axis=1)
    solution, *_ = np.linalg.lstsq(design, (weight * target).ravel(), rcond=None)
    return float(solution[0]), float(solution[1])


class Expand(nn.Module):
    """Coefficients of the reference around each pixel.

    S·(R(p + δ) − ½) ≈ Σ c_ij(p) δ_xⁱ δ_yʲ with i + j ≤ 3 and S = ``SCALE``.
    """

    def __init__(self) -> None:
        super().__init__()
        taps = farrow_kernels().taps()
        self.taps = taps.tolist()
        kernels = torch.stack([torch.outer(taps[j], taps[i]) for i, j in POWERS])[:, None]
        self.register_buffer("kernels", kernels, persistent=False)
        self.kernels: Tensor

    def forward(self, reference: Tensor) -> Tensor:
        """Expand one tile.

        Args:
            reference: float [N, 1, T + 4, T + 4] in [0, 1], a level; T need not be square.

        Returns:
            Float [N, 10, T, T], the coefficients in the order of ``POWERS``.
        """
        centered = (reference - MIDDLE) * SCALE
        # The same sums: one convolution for delegates, on a processor four and ten of one axis.
        if torch.compiler.is_compiling():
            return functional.conv2d(centered, self.kernels)
        across = [_filtered(centered, taps, -1) for taps in self.taps]
        made = [_filtered(across[i], self.taps[j], -2) for i, j in POWERS]
        return torch.cat(made, 1)


def _filtered(x: Tensor, taps: list[float], dim: int) -> Tensor:
    """Correlate along one dimension with five taps, where all of them lie on ``x``.

    Even kernels are symmetric and odd ones antisymmetric: pairs of neighbors share their weight.
    """
    size = x.shape[dim] - 2 * HALO_PX
    middle = [x.narrow(dim, 2, size) * taps[2]] if taps[2] != 0.0 else []
    pairs = []
    for away in (1, 2):
        after, before = x.narrow(dim, 2 + away, size), x.narrow(dim, 2 - away, size)
        pairs.append(after + before if taps[2 + away] == taps[2 - away] else after - before)
    total = middle[0] if middle else pairs[0] * taps[3]
    for pair, share in zip(pairs[1 - len(middle) :], taps[4 - len(middle) :], strict=True):
        total.add_(pair, alpha=share)
    return total
