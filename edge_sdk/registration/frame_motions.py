"""What is known of the motions of several frames, each with its light."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, eq=False)
class FrameMotions:
    """One motion of each of N frames, on the level that they are compared on.

    Attributes:
        matrices: float64 [N, 3, 3], reference to frame.
        gain: float64 [N]: contrast of the frame over that of the reference.
        offset: float64 [N]: its brightness less gain times that of the reference.
        residual_std: float [N]: robust standard deviation of what the motion does not explain.
    """

    matrices: Tensor
    gain: Tensor
    offset: Tensor
    residual_std: Tensor

    def only(self, chosen: Tensor | slice) -> FrameMotions:
        """Some of them, by index, mask or slice."""
        return FrameMotions(*(values[chosen] for values in self._values()))

    def with_one(self, index: int, other: FrameMotions) -> FrameMotions:
        """The same with that of one frame taken from ``other``, which has one."""
        changed = []
        for values, one in zip(self._values(), other._values(), strict=True):
            taken = values.clone()
            taken[index] = one[0]
            changed.append(taken)
        return FrameMotions(*changed)

    def finite(self) -> bool:
        """Whether all are numbers."""
        return bool(torch.isfinite(self.matrices).all())

    def _values(self) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        return self.matrices, self.gain, self.offset, self.residual_std
