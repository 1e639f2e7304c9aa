"""A multi-branch block that trains in coordinates of its own.

First-order optimizers learn slowly along directions in which the input hardly varies beside others:
the detail of a picture is a few hundredths of it, its mean fills the range. Standardized inputs
are the remedy (LeCun et al., *Efficient BackProp*, 1998). Here the block's branches see

    z = S·x + t,        and the block returns        scale · branches(z)

for every pixel's channels x. All three are fixed and linear, so that the merged convolution takes x
itself and costs nothing more: its kernel is scale · K∘S, its bias scale · (b + Σ K·t).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn import functional

from edge_sdk.errors import InputError
from edge_sdk.reparam.blocks.block import MultiBranchConv2d
from edge_sdk.reparam.blocks.configs import BranchConfig
from edge_sdk.reparam.blocks.initialization import Initialization
from edge_sdk.reparam.linear.operator import LinearOperator, identity


@dataclass(frozen=True, eq=False)
class Coordinates:
    """What a block's branches see of its input, and what becomes of what they return.

    Attributes:
        matrix: S, float32 [z, x], channels that branches see by channels of the input.
        shift: t, float32 [z].
        scale: factor of the output.

    Raises:
        InputError: if the shapes do not fit, or the scale is 0.
    """

    matrix: Tensor
    shift: Tensor
    scale: float = 1.0

    def __post_init__(self) -> None:
        if self.matrix.ndim != 2 or self.shift.shape != self.matrix.shape[:1]:
            raise InputError(
                f"a matrix of {tuple(self.matrix.shape)} and a shift of {tuple(self.shift.shape)} "
                "do not fit; give [z, x] and [z]"
            )
        if self.scale == 0:
            raise InputError("a scale of 0 leaves nothing to learn; give another")


def _scaled(operator: LinearOperator, factor: float) -> LinearOperator:
    return replace(operator, kernel=factor * operator.kernel, bias=factor * operator.bias)


class StandardizedConv2d(MultiBranchConv2d):
    """:class:`MultiBranchConv2d` whose branches see S·x + t.

    Beyond the border the input is zero, so that the branches see t there, as the merged convolution
    does. How it starts, ``initialization`` and :meth:`rescale`, is said in its own coordinates.

    Args:
        coordinates: S, t and the scale.
        out_channels: channels of the output.
        branches: as of the base class.
        collapsed: as of the base class.
        initialization: as of the base class.

    Example:
        >>> import torch
        >>> from edge_sdk.reparam.blocks.configs import ConvBranchConfig
        >>> from edge_sdk.reparam.blocks.standardized import Coordinates, StandardizedConv2d
        >>> halves = Coordinates(4 * torch.eye(3), torch.full((3,), -2.0))
        >>> branches = (ConvBranchConfig((3,)), ConvBranchConfig((1,)))
        >>> block = StandardizedConv2d(halves, 8, branches).eval()
        >>> picture = torch.rand(1, 3, 12, 16)
        >>> torch.allclose(block.fused()(picture), block(picture), atol=1e-5)
        True
    """

    def __init__(
        self,
        coordinates: Coordinates,
        out_channels: int,
        branches: Sequence[BranchConfig],
        *,
        collapsed: bool = False,
        initialization: Initialization = "auto",
    ) -> None:
        seen, given = coordinates.matrix.shape
        super().__init__(
            seen, out_channels, branches, collapsed=collapsed, initialization=initialization
        )
        self.in_channels = given
        self.scale = coordinates.scale
        # They follow from the config: files hold what was learned.
        self.register_buffer("matrix", coordinates.matrix.clone(), persistent=False)
        self.register_buffer("shift", coordinates.shift.clone(), persistent=False)
        self.matrix: Tensor
        self.shift: Tensor

    def total(self, padded: Tensor) -> Tensor:
        """Scaled sum of the branches on an input that is padded for the largest of them."""
        seen = functional.conv2d(padded, self.matrix[:, :, None, None], self.shift)
        return self.scale * super().total(seen)

    def on_input(self, steps: Sequence[LinearOperator]) -> tuple[LinearOperator, ...]:
        """A chain within after S and t, times the scale; zeros pad the input, t what is seen."""
        like = steps[0].kernel if steps else self.matrix
        first, *rest = steps or (identity(len(self.matrix), like),)
        *chain, last = (self._seeing(first), *rest)
        return (*chain, _scaled(last, self.scale))

    def operator(self) -> LinearOperator:
        """The whole block as one operator on its input; differentiable."""
        return _scaled(self._seeing(super().operator()), self.scale)

    def _seeing(self, inside: LinearOperator) -> LinearOperator:
        """An operator after S and t."""
        kernel = torch.einsum("ozhw,zx->oxhw", inside.kernel, self.matrix)
        bias = inside.bias + inside.kernel.sum((2, 3)) @ self.shift
        return replace(inside, kernel=kernel, bias=bias)
