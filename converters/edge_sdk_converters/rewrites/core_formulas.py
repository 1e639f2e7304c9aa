"""Core ATen operators as formulas of simpler ones, for Apple's Core AI, which lacks them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import torch

from edge_sdk.exported import argument_of, module_path, operator_name

if TYPE_CHECKING:
    from torch import Tensor
    from torch.export import ExportedProgram
    from torch.fx import Node

aten = torch.ops.aten


def write_out_core_operators(program: ExportedProgram) -> tuple[ExportedProgram, tuple[str, ...]]:
    """Operators that torch counts among its core, and that Core AI's converter has not.

    Average pooling that leaves out its pads, which the converter takes and gets wrong, and batch
    normalization without weights, which it takes and fails on, are among them.
    """
    found = [node for node in program.graph.nodes if is_written_out(node)]
    if not found:
        return program, ()
    sentences = [
        f"{module_path(node)}: {operator_name(node.target)} became a formula" for node in found
    ]
    table = {node.target: _FORMULAS[node.target] for node in found}
    return program.run_decompositions(table), tuple(dict.fromkeys(sentences))


def is_written_out(node: Node) -> bool:
    """Whether a node is one that :func:`write_out_core_operators` writes otherwise."""
    if node.target is aten.avg_pool2d.default:
        return _leaves_out_pads(*(argument_of(node, *each) for each in _POOLED))
    if node.target is aten._native_batch_norm_legit_no_training.default:
        return node.args[1] is None
    return node.target in _FORMULAS


_POOLED = ((3, "padding", 0), (5, "count_include_pad", True), (6, "divisor_override", None))


def _leaves_out_pads(padding: Any, included: Any, divisor: Any) -> bool:
    pads = padding if isinstance(padding, (list, tuple)) else (padding,)
    return any(pads) and not included and divisor is None


def _mean_without_pads(
    x: Tensor,
    kernel_size: Any,
    stride: Any = (),
    padding: Any = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Any:
    """The mean with zeros for pads, by the share of each window that is no pad."""
    if not _leaves_out_pads(padding, count_include_pad, divisor_override):
        return NotImplemented
    window = (kernel_size, stride, padding, ceil_mode)
    ones = torch.ones([1, 1, *x.shape[-2:]], dtype=x.dtype)
    return aten.avg_pool2d.default(x, *window) / aten.avg_pool2d.default(ones, *window)


def _batch_norm(
    x: Tensor,
    weight: Tensor | None,
    bias: Tensor | None,
    mean: Tensor,
    variance: Tensor,
    momentum: float,
    eps: float,
) -> Any:
    if weight is not None:
        return NotImplemented
    shape = [1, -1, *[1] * (x.dim() - 2)]
    result = (x - mean.reshape(shape)) / torch.sqrt(variance + eps).reshape(shape)
    if bias is not None:
        result = result + bias.reshape(shape)
    return result, x.new_empty((0,)), x.new_empty((0,))


def _elu(x: Tensor, alpha: float = 1.0, scale: float = 1.0, input_scale: float = 1.0) -> Tensor:
    low = torch.exp(torch.clamp(x, max=0.0) * input_scale) - 1.0
    return (torch.relu(x) + low * alpha) * scale


def _variance(
    x: Tensor, dim: Any = None, *, correction: float | None = None, keepdim: bool = False
) -> Tensor:
    axes = [axis % x.dim() for axis in dim] if dim else list(range(x.dim()))
    centered = x - aten.mean.dim(x, axes, True)
    count = math.prod(x.shape[axis] for axis in axes)
    left = count - (1.0 if correction is None else float(correction))
    result: Tensor = aten.mean.dim(centered * centered, axes, keepdim) * (count / left)
    return result


def _variance_and_mean(
    x: Tensor, dim: Any = None, *, correction: float | None = None, keepdim: bool = False
) -> tuple[Tensor, Tensor]:
    axes = [axis % x.dim() for axis in dim] if dim else list(range(x.dim()))
    variance = _variance(x, dim, correction=correction, keepdim=keepdim)
    return variance, aten.mean.dim(x, axes, keepdim)


def _remainder(x: Tensor, y: Any) -> Tensor:
    result: Tensor = x - torch.floor(x / y) * y
    return result


_FORMULAS: dict[Any, Any] = {
    aten._native_batch_norm_legit_no_training.default: _batch_norm,
    aten.avg_pool2d.default: _mean_without_pads,
    aten.elu.default: _elu,
    aten.remainder.Scalar: _remainder,
    aten.var.correction: _variance,
    aten.var_mean.correction: _variance_and_mean,
}
