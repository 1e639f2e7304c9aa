"""What a quality classifier is trained and measured on: scored sheets, flipped and rearranged."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from edge_sdk.data.quality.cuts import CUTS
from edge_sdk.data.quality.grades import LEVELS, STEP
from edge_sdk.errors import InputError

Sample = tuple[Tensor, Tensor]
"""A sheet, float32 [3, S, S] in [0, 1], and the range of its score, float32 [2], 0 to 100."""


class Sheets(Protocol):
    """Sheets by number, such as a stack in memory or in files."""

    def __len__(self) -> int:
        """Number of sheets."""
        ...

    def __getitem__(self, index: int) -> Tensor:
        """Sheet uint8 [3, S, S]."""
        ...


class QualitySamples(Dataset[Sample]):
    """Sheets to learn from; the same index and seed give the same sample.

    Each level of the score is drawn as often as another, however many sheets it has. The cuts of a
    sheet change places, and each is flipped left to right, upside down and about its diagonal with
    a probability of one half: nothing that changes what a pixel's neighbors are.

    Args:
        sheets: the sheets.
        ranges: float [N, 2], lowest and highest score that each may have; the same twice for a
            score.
        length: number of samples.
        seed: of all draws.
        left_out: what a report says of pictures without sheets.

    Raises:
        InputError: if there is no sheet, or not a range for each.

    Example:
        >>> import torch
        >>> from edge_sdk.data.quality.samples import QualitySamples
        >>> sheets = torch.randint(256, (4, 3, 32, 32), dtype=torch.uint8)
        >>> ranges = torch.tensor([[10.0, 10.0], [45.0, 45.0], [80.0, 80.0], [0.0, 30.0]])
        >>> sheet, score = QualitySamples(sheets, ranges, length=8, seed=0)[3]
        >>> sheet.shape, score.shape
        (torch.Size([3, 32, 32]), torch.Size([2]))
    """

    def __init__(
        self,
        sheets: Sheets,
        ranges: Tensor,
        length: int,
        seed: int,
        left_out: Sequence[str] = (),
    ) -> None:
        _check(sheets, ranges)
        self.left_out = tuple(left_out)
        self._sheets = sheets
        self._ranges = ranges.float()
        self._length = length
        self._seed = seed
        levels = (self._ranges.mean(1) // STEP).clamp(0, len(LEVELS) - 2).long()
        self._groups = [
            torch.nonzero(levels == level)[:, 0] for level in sorted(set(levels.tolist()))
        ]

    def __len__(self) -> int:
        """Number of samples."""
        return self._length

    def __getitem__(self, index: int) -> Sample:
        """Sample ``index``."""
        if not 0 <= index < self._length:
            raise IndexError(f"index {index} is not in 0 … {self._length - 1}")
        generator = np.random.default_rng((self._seed, index))
        group = self._groups[int(generator.integers(len(self._groups)))]
        number = int(group[int(generator.integers(len(group)))])
        return rearranged(_unit(self._sheets[number]), generator), self._ranges[number]


class WholeSheets(Dataset[Sample]):
    """Sheets to measure on, as they are; arguments as of :class:`QualitySamples`.

    Raises:
        InputError: if there is no sheet, or not a range for each.
    """

    def __init__(self, sheets: Sheets, ranges: Tensor, left_out: Sequence[str] = ()) -> None:
        _check(sheets, ranges)
        self.left_out = tuple(left_out)
        self._sheets = sheets
        self._ranges = ranges.float()

    def __len__(self) -> int:
        """Number of sheets."""
        return len(self._ranges)

    def __getitem__(self, index: int) -> Sample:
        """Sheet ``index``."""
        return _unit(self._sheets[index]), self._ranges[index]


def rearranged(sheet: Tensor, generator: np.random.Generator) -> Tensor:
    """A sheet [3, S, S] with its cuts flipped and in other places."""
    side = sheet.shape[-1] // CUTS
    cuts = [
        sheet[:, row : row + side, column : column + side]
        for row in range(0, CUTS * side, side)
        for column in range(0, CUTS * side, side)
    ]
    changed = []
    for place in generator.permutation(len(cuts)):
        cut = cuts[int(place)]
        across, down, about = (generator.random(3) < 0.5).tolist()
        axes = ([-1] if across else []) + ([-2] if down else [])
        cut = cut.flip(axes) if axes else cut
        changed.append(cut.transpose(-1, -2) if about else cut)
    rows = [torch.cat(changed[first : first + CUTS], -1) for first in range(0, len(cuts), CUTS)]
    return torch.cat(rows, -2).contiguous()


def _unit(sheet: Tensor) -> Tensor:
    return sheet.float() / 255


def _check(sheets: Sheets, ranges: Tensor) -> None:
    if not len(sheets) or ranges.shape != (len(sheets), 2):
        raise InputError(
            f"{len(sheets)} sheets and scores {list(ranges.shape)}: give a sheet or more, and the "
            "lowest and highest score of each"
        )
