"""Stage ``search``: how well a frame fits the reference at every whole shift of a coarse level."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

COMPRESSION = 0.5
"""Difference from the surroundings, over its root mean square, that is compressed to ½."""
FLAT = 1e-4
"""Difference from the surroundings that counts as none."""


class Search(nn.Module):
    """Products of local contrast at all whole shifts, for normalized correlation over the overlap.

    The local contrast of a level is c = h/(|h| + k), h what it differs by from its surroundings and
    k = ``COMPRESSION`` times the root mean square of h: an area that shows something else, however
    bright, counts by its size alone. Beyond the picture h is 0. For each shift n, over the pixels p
    of the tile,

        C(n) = mean c_R(p) m(p) · c_f(p + n)        B(n) = mean m(p) · c_f(p + n)²

    m the mask of the reference. Tiles of one size add up. Searched for on itself, the reference has
    B_R, and C(n)/√(B_R(−n)·B(n)) is the correlation.

    Args:
        reach_px: R, largest shift to the left and right.
        in_half: whether in the form for half precision, where a quotient is cut off after eleven
            digits and always comes out too small: c = k/(h⁻ + k) − k/(h⁺ + k) is the same and
            divides once more, and what a quotient lacks there is less of c.
    """

    def __init__(self, reach_px: int, *, in_half: bool = False) -> None:
        super().__init__()
        self.reach_px = reach_px
        self.compressed = _compressed_in_half if in_half else _compressed

    def forward(self, reference: Tensor, shown: Tensor, rows: Tensor, numbers: Tensor) -> Tensor:
        """Compare one tile.

        A tile of h × w px is one line of L = h·(w + 2R) pixels: its rows one after the other, with
        2R zeros after each, so that a shift to the side is a shift along the line.

        Args:
            reference: float [1, 1, 1, L]: h of the reference.
            shown: float [1, 1, 1, L], 0 or more: m; 0 on the zeros between rows.
            rows: float [1, D, 1, L + 2R]: h of the frame, once for each of D shifts up and down;
                what a shift by (x, y) brings to pixel k of the line is at k + R + x.
            numbers: float [1, 1, 1, 2]: k of the reference and of the frame.

        Returns:
            Float [1, 2·D, 1, 2R + 1]: C, then B, by shift up and down and to the side; means over
            the line.
        """
        length = reference.shape[-1]
        contrast = self.compressed(reference, numbers[..., :1]) * shown
        moved = self.compressed(rows, numbers[..., 1:])
        squared = moved * moved
        if not torch.compiler.is_compiling():
            return self._by_dots(((contrast, moved), (shown, squared)))
        columns = []
        for start in range(2 * self.reach_px + 1):
            cross = contrast * moved[..., start : start + length]
            own = shown * squared[..., start : start + length]
            means = [product.mean((2, 3), keepdim=True) for product in (cross, own)]
            columns.append(torch.cat(means, 1))
        while len(columns) > 1:
            # By at most four: some delegates leave longer joins to the processor.
            columns = [_joined(columns[k : k + 4]) for k in range(0, len(columns), 4)]
        return columns[0]

    def _by_dots(self, pairs: tuple[tuple[Tensor, Tensor], ...]) -> Tensor:
        # The same sums: delegates take products and means, a processor is faster with dot products.
        means = []
        for line, rows in pairs:
            weights = (line[0, 0, 0] / line.shape[-1]).numpy()
            means += [np.correlate(row, weights, "valid") for row in rows[0, :, 0].numpy()]
        return torch.from_numpy(np.stack(means))[None, :, None]


class PackedSearch(nn.Module):
    """Stage ``search`` as one tensor to one tensor, of 3 + D channels.

    They are h and m of the reference, the numbers (in the first two columns), all with 2R zeros
    behind, and D rows of the frame.

    Args:
        reach_px: R, at least 1.
        in_half: see :class:`Search`.
    """

    def __init__(self, reach_px: int, *, in_half: bool = False) -> None:
        super().__init__()
        self.search = Search(reach_px, in_half=in_half)

    def forward(self, packed: Tensor) -> Tensor:
        """Float [1, 3 + D, 1, L + 2R] to float [1, 2·D, 1, 2R + 1]."""
        reference, shown = (packed[:, k : k + 1, :, : -2 * self.search.reach_px] for k in (0, 1))
        found: Tensor = self.search(reference, shown, packed[:, 3:], packed[:, 2:3, :, :2])
        return found


def _compressed(high: Tensor, bound: Tensor) -> Tensor:
    return high / (high.abs() + (bound + FLAT))


def _compressed_in_half(high: Tensor, bound: Tensor) -> Tensor:
    bound = bound + FLAT
    return bound / (torch.relu(-high) + bound) - bound / (torch.relu(high) + bound)


def _joined(parts: list[Tensor]) -> Tensor:
    return torch.cat(parts, 3) if len(parts) > 1 else parts[0]
