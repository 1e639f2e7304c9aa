"""Operators written out as formulas, where a target has none or a wrong one for them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import torch

from edge_sdk.exported import module_path

if TYPE_CHECKING:
    from torch import Tensor
    from torch.export import ExportedProgram
    from torch.fx import Node

aten = torch.ops.aten


def write_out_prelu(program: ExportedProgram) -> tuple[ExportedProgram, tuple[str, ...]]:
    """PReLU becomes relu(x) − a·relu(−x), whose parts every GPU delegate has."""
    found = [node for node in program.graph.nodes if node.target is aten.prelu.default]
    if not found:
        return program, ()
    return program.run_decompositions({aten.prelu.default: _prelu}), _sentences(
        found, "PReLU became relu(x) − a·relu(−x)"
    )


def write_out_reciprocal(program: ExportedProgram) -> tuple[ExportedProgram, tuple[str, ...]]:
    """``reciprocal`` becomes 1 / x: coremltools makes it an ``inverse``, which adds 1e-4 to x."""
    found = [node for node in program.graph.nodes if node.target is aten.reciprocal.default]
    if not found:
        return program, ()
    return program.run_decompositions({aten.reciprocal.default: _reciprocal}), _sentences(
        found, "reciprocal(x) became 1 / x, which Core ML computes without an epsilon"
    )


def write_out_tanh_gelu(program: ExportedProgram) -> tuple[ExportedProgram, tuple[str, ...]]:
    """``gelu(approximate="tanh")`` is written out.

    coremltools drops the keyword of an exported program, XNNPACK's delegate too, and both compute
    the exact GELU instead.
    """
    found = [node for node in program.graph.nodes if _is_tanh_gelu(node)]
    if not found:
        return program, ()
    return program.run_decompositions({aten.gelu.default: _gelu}), _sentences(
        found, "gelu(approximate='tanh') became 0.5·x·(1 + tanh(√(2/π)·(x + 0.044715·x³)))"
    )


def write_out_pool_strides(program: ExportedProgram) -> tuple[ExportedProgram, tuple[str, ...]]:
    """Pooling without a stride gets its window as stride, which coremltools requires."""
    found = [
        node
        for node in program.graph.nodes
        if node.target in _POOLS and (len(node.args) < 3 or not node.args[2])
    ]
    if not found:
        return program, ()
    table = {target: _strided(target) for target in {node.target for node in found}}
    return program.run_decompositions(table), _sentences(found, "pooling got its stride")


_POOLS = (aten.max_pool2d.default, aten.max_pool2d_with_indices.default, aten.avg_pool2d.default)


def _strided(target: Any) -> Any:
    def pool(x: Tensor, kernel_size: Any, stride: Any = (), *others: Any) -> Any:
        return NotImplemented if stride else target(x, kernel_size, list(kernel_size), *others)

    return pool


def write_out_transposed_padding(
    program: ExportedProgram,
) -> tuple[ExportedProgram, tuple[str, ...]]:
    """``output_padding`` of a transposed convolution that pads nothing becomes rows of its bias.

    coremltools has it only beside a padding. The rows lie beyond what the kernel reaches, as long
    as the convolution itself is not made longer: it is given the zero rows of its input instead.
    """
    found = [node for node in program.graph.nodes if _is_overhanging(node)]
    if not found:
        return program, ()
    return program.run_decompositions({aten.conv_transpose2d.input: _overhanging}), _sentences(
        found, "output padding became a longer input, cut afterwards"
    )


def _is_overhanging(node: Node) -> bool:
    if node.target is not aten.conv_transpose2d.input or len(node.args) < 6:
        return False
    padding: Any = node.args[4]
    return any(node.args[5]) and not any(padding)  # type: ignore[arg-type]


def _overhanging(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Any = (1, 1),
    padding: Any = (0, 0),
    output_padding: Any = (0, 0),
    groups: int = 1,
    dilation: Any = (1, 1),
) -> Any:
    if not any(output_padding) or any(padding):
        return NotImplemented
    height, width = (
        (int(x.shape[2 + axis]) - 1) * stride[axis]
        + dilation[axis] * (int(weight.shape[2 + axis]) - 1)
        + output_padding[axis]
        + 1
        for axis in range(2)
    )
    longer = aten.constant_pad_nd.default(x, [0, 1, 0, 1], 0.0)
    whole = aten.conv_transpose2d.input(
        longer, weight, bias, stride, padding, [0, 0], groups, dilation
    )
    rows = aten.slice.Tensor(whole, 2, 0, height)
    return aten.slice.Tensor(rows, 3, 0, width)


def _sentences(found: list[Node], change: str) -> tuple[str, ...]:
    return tuple(f"{module_path(node)}: {change}" for node in found)


def _is_tanh_gelu(node: Node) -> bool:
    return node.target is aten.gelu.default and node.kwargs.get("approximate") == "tanh"


def _prelu(x: Tensor, weight: Tensor) -> Tensor:
    slope = weight if weight.numel() == 1 else weight.reshape(-1, *[1] * (x.dim() - 2))
    return torch.relu(x) - slope * torch.relu(-x)


def _reciprocal(x: Tensor) -> Tensor:
    return torch.full((1,), 1.0, dtype=x.dtype) / x


def _gelu(x: Tensor, *, approximate: str = "none") -> Any:
    if approximate == "none":
        return NotImplemented
    return 0.5 * x * (1 + torch.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x * x * x)))
