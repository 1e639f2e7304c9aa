"""What one forward pass costs, operator by operator: arithmetic, and bytes read and written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils import _pytree as pytree
from torch.utils._python_dispatch import TorchDispatchMode

FLOAT_BYTES = 4
"""Every real number is counted as float32, whatever it is stored in."""

_VIEWS = {"_unsafe_view", "lift_fresh", "detach_"}
"""Operators that move nothing although their schema does not call them views."""


@dataclass(frozen=True)
class OperatorCost:
    """One operator that ran.

    Attributes:
        name: name of the operator, such as ``convolution``.
        macs: multiply–accumulates, of convolutions only; 0 for the others.
        bytes_moved: bytes of its inputs, weights and outputs.

    Example:
        >>> from edge_sdk.reparam import OperatorCost
        >>> OperatorCost("convolution", macs=6912, bytes_moved=5000).macs
        6912
    """

    name: str
    macs: int
    bytes_moved: int


def operator_costs(model: nn.Module, *inputs: Tensor) -> tuple[OperatorCost, ...]:
    """Costs of every operator of one forward pass, in the order in which they run.

    Each operator reads its inputs and weights once and writes its outputs once, as float32:

        bytes = 4 · (Σ numbers in distinct input and weight tensors + Σ numbers in outputs)

    Integers count at their own size, numbers that a tensor repeats by broadcasting once. Views
    (reshape, slice, transpose, expand …) move nothing. The sum over all operators says how much
    memory traffic the graph causes; a cache that holds a result until its next use saves some
    of it, and a kernel that reads a pixel more than once adds to it.

    Args:
        model: in evaluation mode, so that nothing depends on the batch.
        inputs: example inputs; they are copied first, which is not counted.

    Example:
        >>> import torch
        >>> from torch import nn
        >>> from edge_sdk.reparam import operator_costs
        >>> model = nn.Sequential(nn.Conv2d(1, 2, 3, padding=1), nn.ReLU()).eval()
        >>> [(cost.name, cost.macs) for cost in operator_costs(model, torch.rand(1, 1, 8, 8))]
        [('convolution', 1152), ('relu', 0)]
    """
    counter = _Counter()
    # In inference mode composite operators, conv2d among them, would not be decomposed.
    with torch.inference_mode(False), torch.no_grad():
        copies = tuple(value.clone() for value in inputs)
        with counter:
            model(*copies)
    return tuple(counter.costs)


def count_macs(model: nn.Module, *inputs: Tensor) -> int:
    """Multiply–accumulates of all convolutions in one forward pass on ``inputs``.

    Args:
        model: in evaluation mode.
        inputs: example inputs, N×C×H×W.

    Example:
        >>> import torch
        >>> from torch import nn
        >>> from edge_sdk.reparam import count_macs
        >>> count_macs(nn.Conv2d(1, 2, 3, padding=1), torch.rand(1, 1, 8, 8)) == 8 * 8 * 3 * 3 * 2
        True
    """
    return sum(cost.macs for cost in operator_costs(model, *inputs))


def count_bytes(model: nn.Module, *inputs: Tensor) -> int:
    """Bytes moved by one forward pass on ``inputs``, as :func:`operator_costs` counts them.

    Args:
        model: in evaluation mode.
        inputs: example inputs, N×C×H×W.

    Example:
        >>> import torch
        >>> from torch import nn
        >>> from edge_sdk.reparam import count_bytes
        >>> count_bytes(nn.ReLU(), torch.rand(1, 1, 8, 8)) == 4 * (64 + 64)
        True
    """
    return sum(cost.bytes_moved for cost in operator_costs(model, *inputs))


def count_parameters(model: nn.Module) -> int:
    """Number of parameters, buffers excluded.

    Example:
        >>> from torch import nn
        >>> from edge_sdk.reparam import count_parameters
        >>> count_parameters(nn.Conv2d(3, 8, 3))
        224
    """
    return sum(parameter.numel() for parameter in model.parameters())


class _Noting:
    """What a :class:`_Counter` does with every operator.

    It stands in a class of its own because PyTorch wraps a ``__torch_dispatch__`` that a mode
    defines itself, and what it wraps it in loads the whole of torch._dynamo at the first operator.
    """

    costs: list[OperatorCost]

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        name = str(func.overloadpacket.__name__)
        if func.is_view or name in _VIEWS:
            return result
        moved = _bytes((args, kwargs)) + _bytes(result)
        if moved:
            self.costs.append(OperatorCost(name, _macs(func, args, result), moved))
        return result


class _Counter(_Noting, TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Notes every operator that runs, layer or function."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.costs = []


def _macs(func: Any, args: tuple[Any, ...], result: Any) -> int:
    if func is not torch.ops.aten.convolution.default:
        return 0
    source, weight, transposed = args[0], args[1], args[6]
    pixels = source if transposed else result
    return int(pixels.numel() * weight[0].numel())


def _bytes(values: Any) -> int:
    tensors = {id(leaf): leaf for leaf in pytree.tree_leaves(values) if isinstance(leaf, Tensor)}
    return sum(
        _numbers(tensor) * (FLOAT_BYTES if tensor.is_floating_point() else tensor.element_size())
        for tensor in tensors.values()
    )


def _numbers(tensor: Tensor) -> int:
    """Numbers that a tensor holds, those that it repeats (stride 0) once."""
    count = 1
    for size, stride in zip(tensor.shape, tensor.stride(), strict=True):
        count *= size if stride or size == 0 else 1
    return count
